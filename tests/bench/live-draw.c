// SPDX-License-Identifier: GPL-2.0
/*
 * What gmemtrace live does for ten drawings of its table in a second, from what has changed since the
 * last one to what the terminal gets: INODES inodes of ten VMs, 256 resident pages each, no two of
 * them neighbours in memory, of which each has had two zapped since. For callgrind, which counts
 * what runs inside measured().
 *
 * usage: LINES=50 COLUMNS=200 TERM=xterm-256color valgrind --tool=callgrind
 *        --toggle-collect=measured live-draw INODES >/dev/null
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/terminal.h"
#include "view/view.h"

#define SECOND 1000000000ULL
#define PAGES 256 /* of an inode */
#define WARM 8 /* drawings that are not counted: of 100 inodes all pages have been looked at once */
#define WALK_PAGES 4000 /* as src/cli/screen.c has it */

static uint64_t now = SECOND;

static struct record_header header(uint16_t kind, size_t size, uint64_t inode)
{
	return (struct record_header){
		.kind = kind,
		.size = (uint16_t)size,
		.tid = (uint32_t)(1000 + inode % 10),
		.tgid = (uint32_t)(1000 + inode % 10),
		.time = now += 500,
		.inode = inode,
	};
}

static void heartbeat(struct model *model)
{
	struct record_heartbeat record = {
		.header = header(RECORD_HEARTBEAT, sizeof(record), 0),
		.watermark = now,
	};

	model_feed(model, &record.header);
}

static void inode_met(struct model *model, uint64_t inode)
{
	struct record_inode record = {
		.header = header(RECORD_INODE, sizeof(record), inode),
		.pages = PAGES * 2,
		.provider = RECORD_PROVIDER_RFC3,
		.vm = (uint32_t)(1000 + inode % 10),
		.comm = "qemu-system-x86",
	};

	model_feed(model, &record.header);
}

static void page_joins(struct model *model, uint64_t inode, uint64_t pgoff)
{
	struct record_owner record = {
		.header = header(RECORD_JOIN, sizeof(record), inode),
		.pgoff = pgoff,
		.page = inode * PAGES * 4 + pgoff * 2,
		.nr = 1,
		.prepared = 1,
	};

	model_feed(model, &record.header);
}

static void page_zapped(struct model *model, uint64_t inode, uint64_t pgoff)
{
	struct record_zap record = {
		.header = header(RECORD_ZAP, sizeof(record), inode),
		.page = inode * PAGES * 4 + pgoff * 2,
		.pgoff = pgoff,
		.nr = 1,
		.zap_begin = now - 400,
		.zap_end = now - 300,
		.flush_begin = now - 200,
		.flush_last = ~0ULL >> 20,
		.flush_full = 1,
	};

	model_feed(model, &record.header);
}

static struct model *lay(struct model *model, uint64_t inodes)
{
	for (uint64_t inode = 1; inode <= inodes; inode++) {
		inode_met(model, inode);
		for (uint64_t pgoff = 0; pgoff < PAGES; pgoff++)
			page_joins(model, inode, pgoff);
		heartbeat(model);
	}
	return model;
}

/* A tenth of a second of them. */
static void change(struct model *model, uint64_t inodes, uint64_t round)
{
	for (uint64_t i = 0; i < 2; i++) {
		for (uint64_t inode = 1; inode <= inodes; inode++)
			page_zapped(model, inode, (round * 2 + i) % PAGES);
	}
	now += SECOND / 10;
	heartbeat(model);
}

__attribute__((noinline)) void measured(struct board *board, struct view *view);

/* As screen_draw() does. */
static void draw(struct board *board, struct view *view)
{
	struct grid grid;

	board_walk(board, WALK_PAGES, false);
	if (terminal_grid(&grid))
		return;
	view_draw(view, &grid);
	terminal_show(&grid);
	grid_free(&grid);
}

void measured(struct board *board, struct view *view)
{
	draw(board, view);
}

static void draw_next(struct model *model, struct board *board, struct view *view, uint64_t round,
		      void (*drawing)(struct board *board, struct view *view))
{
	change(model, board->nr, round);
	view->now = now;
	drawing(board, view);
}

int main(int argc, char **argv)
{
	uint64_t inodes = argc == 2 ? strtoull(argv[1], NULL, 0) : 0;
	struct model *model = model_create(NULL);
	struct verdict *verdict = model ? verdict_create(model, NULL) : NULL;
	struct board *board = verdict ? board_create(model, verdict, SECOND) : NULL;
	struct view view;

	if (!inodes || !board || !terminal_open()) {
		fprintf(stderr, "usage: live-draw INODES, with LINES, COLUMNS and TERM\n");
		return 64;
	}
	lay(model, inodes);
	view_init(&view);
	view.board = board;
	strcpy(view.title, "live");
	for (uint64_t round = 0; round < WARM; round++)
		draw_next(model, board, &view, round, draw);
	for (uint64_t round = WARM; round < WARM + 10; round++)
		draw_next(model, board, &view, round, measured);
	terminal_close();
	view_free(&view);
	board_free(board);
	verdict_free(verdict);
	model_free(model);
	return 0;
}
