// SPDX-License-Identifier: GPL-2.0
/*
 * Moments of a replay to come back to: whatever way a worker has come to one, it shows the screen
 * that a replay from the begin shows there, cell by cell.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "gmemtrace/capture.h"

#include "run/keyframes.h"
#include "run/player.h"
#include "scene.h"
#include "simulator.h"
#include "view/view.h"

#define SECOND 1000000000ULL
#define MOMENTS 40
#define TEXT_MAX 65536
#define SPACING 500

/* What workers tell. */
struct told {
	uint64_t moments[MOMENTS]; /* where they are to be, one after the other */
	char texts[MOMENTS][TEXT_MAX];
	size_t nr; /* moments that were reached */
	size_t workers;
};

struct eyes {
	struct verdict *verdict;
	struct board *board;
	struct view view;
};

static char path[64];
static uint64_t first, last;

static void eyes_open(struct eyes *eyes, struct model *model)
{
	eyes->verdict = verdict_create(model, NULL);
	eyes->board = board_create(model, eyes->verdict, SECOND / 100);
	assert_non_null(eyes->board);
	view_init(&eyes->view);
	eyes->view.board = eyes->board;
	eyes->view.dead = true;
}

static void eyes_close(struct eyes *eyes)
{
	board_free(eyes->board);
	verdict_free(eyes->verdict);
}

static uint64_t now_of(struct player *player)
{
	struct model_counts counts;

	model_count(player_model(player), &counts);
	return counts.now;
}

static void draw(struct eyes *eyes, FILE *out, enum view_screen screen)
{
	struct grid grid;

	eyes->view.screen = screen;
	assert_int_equal(grid_init(&grid, 120, 40, true), 0);
	view_draw(&eyes->view, &grid);
	grid_write(&grid, out, true);
	grid_free(&grid);
}

/* Pages are not counted (board_walk): what was counted of a dead inode is when it was looked at. */
static void screen_text(struct eyes *eyes, struct player *player, char text[TEXT_MAX])
{
	FILE *out = fmemopen(text, TEXT_MAX, "w");

	assert_non_null(out);
	eyes->view.now = now_of(player);
	eyes->view.inode = eyes->board->nr ? eyes->board->inodes[0].inode->number : 0;
	draw(eyes, out, VIEW_TABLE);
	if (eyes->view.inode)
		draw(eyes, out, VIEW_PAGES);
	draw(eyes, out, VIEW_FLUSHES);
	assert_true(ftell(out) < TEXT_MAX - 1);
	fclose(out);
}

static char end_path[64];

static struct player *open_player(void)
{
	const struct run_options options = { .file = path };
	struct player *player;

	assert_int_equal(player_open(&player, &options), 0);
	return player;
}

/* Odd moments from below. */
static void reach(struct player *player, uint64_t moment)
{
	if (!(moment % 2)) {
		player_play(player, moment, 0);
		assert_true(now_of(player) >= moment || moment >= last);
		return;
	}
	player_play_before(player, moment);
	assert_true(now_of(player) <= moment);
}

/* From the begin, each time. */
static void expect_text(uint64_t moment, const char *text)
{
	struct player *player = open_player();
	char wanted[TEXT_MAX];
	struct eyes eyes;

	eyes_open(&eyes, player_model(player));
	reach(player, moment);
	screen_text(&eyes, player, wanted);
	assert_string_equal(text, wanted);
	eyes_close(&eyes);
	player_close(player);
}

/* A worker: to all moments that it reaches sooner than another one would. */
static _Noreturn void work(struct keyframes *keyframes, struct player *player, struct eyes *eyes)
{
	struct told *told = keyframes_handed(keyframes);

	told->workers++;
	if (player_reopen(player))
		keyframes_exit(2);
	while (told->nr < MOMENTS) {
		uint64_t moment = told->moments[told->nr];

		if (moment != keyframes_wanted(keyframes) &&
		    keyframes_nearer(keyframes, now_of(player), moment))
			keyframes_leave(keyframes, moment);
		reach(player, moment);
		screen_text(eyes, player, told->texts[told->nr++]);
	}
	keyframes_exit(7);
}

static void survey(struct keyframes *keyframes, struct player *player, struct eyes *eyes)
{
	enum keyframes_role role = keyframes_take(keyframes, 0, 0);
	bool ended = false;

	for (;;) {
		struct model_counts counts;

		if (role == KEYFRAMES_WORKER)
			work(keyframes, player, eyes);
		if (ended)
			return;
		ended = player_play(player, ~0ULL, keyframes_spacing(keyframes));
		model_count(player_model(player), &counts);
		role = ended ? KEYFRAMES_KEEPER
			     : keyframes_take(keyframes, counts.now, counts.memory);
	}
}

/* To moments all over the capture and back, with at most @memory bytes of keyframes. */
static size_t workers_for(uint64_t memory)
{
	struct keyframes *keyframes = keyframes_create(sizeof(struct told), SPACING, memory);
	struct player *player = open_player();
	struct told *told;
	size_t workers;
	struct eyes eyes;

	assert_non_null(keyframes);
	told = keyframes_handed(keyframes);
	eyes_open(&eyes, player_model(player));
	for (size_t i = 0; i < MOMENTS; i++)
		told->moments[i] = first + (last - first) * (i * 17 % MOMENTS) / (MOMENTS - 1);
	survey(keyframes, player, &eyes);
	assert_int_equal(keyframes_work(keyframes, told->moments[0]), 7);
	assert_int_equal(told->nr, MOMENTS);
	for (size_t i = 0; i < MOMENTS; i++)
		expect_text(told->moments[i], told->texts[i]);
	workers = told->workers;
	keyframes_free(keyframes);
	eyes_close(&eyes);
	player_close(player);
	return workers;
}

static void write_capture(void)
{
	struct simulator_result result = { .hits_nr = 0 };
	struct simulator_options options = {
		.seed = 5, .fault = FAULT_NO_FLUSH, .loss = 0.0001, .steps = 60000, .keep = true
	};
	struct capture_writer *writer;

	strcpy(path, "/tmp/gmemtrace-keyframes.XXXXXX");
	close(mkstemp(path));
	simulator_run(&options, &result);
	assert_int_equal(capture_create(path, &writer, NULL, 0), 0);
	for (size_t at = 0; at < result.stream_used;) {
		const struct record_header *record = (const void *)(result.stream + at);

		assert_int_equal(capture_append(writer, record), 0);
		at += record->size;
		/* Of more than one block: workers are to find theirs. */
		if (at / 65536 != (at - record->size) / 65536)
			assert_int_equal(capture_flush(writer), 0);
	}
	assert_int_equal(capture_finish(writer), 0);
	capture_close(writer);
	simulator_result_free(&result);
}

/* Nothing is left out: not what was read ahead when the capture was opened, either. */
static void test_all_fed(void **state)
{
	struct player *player = open_player();
	struct model_counts counts;

	(void)state;
	assert_true(player_play(player, ~0ULL, 0));
	model_count(player_model(player), &counts);
	assert_int_equal(counts.records, player_records(player));
	player_close(player);
}

/* A heartbeat may say that it is later than any moment. */
static void test_end_of_time(void **state)
{
	struct record_heartbeat beat = {
		.header = { .kind = RECORD_HEARTBEAT, .size = sizeof(beat), .time = 1 },
		.watermark = ~0ULL
	};
	const char name[] = "/tmp/test_keyframes.end.XXXXXX";
	const struct run_options options = { .file = strcpy(end_path, name) };
	struct capture_writer *writer;
	struct player *player;
	int fd = mkstemp(end_path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(capture_create(end_path, &writer, NULL, 0), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(capture_append(writer, &beat.header), 0);
	assert_int_equal(capture_finish(writer), 0);
	capture_close(writer);
	assert_int_equal(player_open(&player, &options), 0);
	assert_false(player_play(player, ~0ULL, 1));
	assert_false(player_play(player, ~0ULL, 1));
	assert_true(player_play(player, ~0ULL, 0));
	player_close(player);
	assert_int_equal(unlink(end_path), 0);
}

static int setup_capture(void **state)
{
	struct player *player;

	(void)state;
	write_capture();
	player = open_player();
	player_play(player, 1, 0);
	first = now_of(player);
	last = player_last(player);
	player_close(player);
	return 0;
}

static int teardown_capture(void **state)
{
	(void)state;
	return unlink(path);
}

/* No child is left, whoever made it. */
static void expect_alone(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_moments(void **state)
{
	(void)state;
	assert_true(workers_for(~0ULL) > MOMENTS / 3);
	expect_alone();
}

/* Where memory is short there are fewer keyframes, and at last only the begin. */
static void test_memory(void **state)
{
	size_t all, few, one;

	(void)state;
	all = workers_for(~0ULL);
	few = workers_for(2 << 20);
	one = workers_for(1);
	assert_true(few <= all);
	assert_true(one > 1 && one <= few);
	expect_alone();
}

static uint64_t spacing_after(size_t taken, uint64_t memory_each, uint64_t memory)
{
	struct keyframes *keyframes = keyframes_create(8, 100, memory);
	uint64_t spacing;

	assert_non_null(keyframes);
	for (size_t i = 0; i < taken; i++) {
		if (keyframes_take(keyframes, i * 10, i ? memory_each : 0) == KEYFRAMES_WORKER)
			keyframes_exit(0);
	}
	spacing = keyframes_spacing(keyframes);
	/* The begin is kept, whatever is given up, and whoever wants to be behind the end is served. */
	assert_true(keyframes_nearer(keyframes, 5, 4));
	assert_int_equal(keyframes_work(keyframes, 0), 0);
	assert_int_equal(keyframes_work(keyframes, taken * 10), 0);
	keyframes_free(keyframes);
	expect_alone();
	return spacing;
}

static void test_thinned(void **state)
{
	(void)state;
	assert_int_equal(spacing_after(KEYFRAMES_MAX, 0, 0), 100);
	assert_int_equal(spacing_after(KEYFRAMES_MAX + 1, 0, 0), 200);
	assert_int_equal(spacing_after(KEYFRAMES_MAX * 3 / 2 + 1, 0, 0), 400);
	assert_int_equal(spacing_after(9, 10, 80), 100);
	assert_int_equal(spacing_after(10, 10, 80), 200);
	assert_int_equal(spacing_after(3, 100, 80), 100);
}

/* Who ends otherwise than by exit is no worker to go on with; the next one works. */
static void test_killed(void **state)
{
	struct keyframes *keyframes = keyframes_create(sizeof(int), 100, ~0ULL);
	int *times = keyframes_handed(keyframes);

	(void)state;
	if (keyframes_take(keyframes, 0, 0) == KEYFRAMES_WORKER) {
		if (!(*times)++)
			raise(SIGKILL);
		keyframes_exit(3);
	}
	assert_int_equal(keyframes_work(keyframes, 0), -1);
	assert_int_equal(keyframes_work(keyframes, 0), 3);
	assert_int_equal(*times, 2);
	keyframes_free(keyframes);
	expect_alone();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_fed), cmocka_unit_test(test_end_of_time),
		cmocka_unit_test(test_moments), cmocka_unit_test(test_memory),
		cmocka_unit_test(test_thinned), cmocka_unit_test(test_killed),
	};

	return cmocka_run_group_tests(tests, setup_capture, teardown_capture);
}
