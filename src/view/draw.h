/* SPDX-License-Identifier: GPL-2.0 */
/* What the screens share. src/view alone includes this. */
#ifndef GMEMTRACE_VIEW_DRAW_H
#define GMEMTRACE_VIEW_DRAW_H

#include <stdlib.h>
#include <string.h>
#include "view/view.h"

#define WORD_MAX 40

/* "254us", "11.8ms"; "-" for 0 */
const char *word_time(char word[WORD_MAX], __u64 ns);
/* "17.3k"; "0" */
const char *word_count(char word[WORD_MAX], double count);
/* "12.1M" of bytes */
const char *word_size(char word[WORD_MAX], __u64 bytes);
/* "0x3f", "0x0-0x3f" */
#define RANGE_MAX 40
const char *word_range(char word[RANGE_MAX], __u64 first, __u64 last);
/* "all", "2 pages", "none needed" */
const char *word_flush(char word[WORD_MAX], const struct board_request *request);
/* "absent", "hole": what it asked for, or that it failed. */
const char *word_asked(const struct board_request *request);

void draw_table(struct view *view, struct grid *grid, int row, int rows);
void draw_pages(struct view *view, struct grid *grid, int row, int rows);
void draw_flushes(struct view *view, struct grid *grid, int row, int rows);
void draw_story(struct view *view, struct grid *grid, int row, int rows);
void draw_help(struct view *view, struct grid *grid, int row, int rows);
/* Requests that ended last, the newest lowest; in @room columns. */
void draw_requests(const struct view *view, struct grid *grid, int row, int rows, int column,
		   int room);
/* How much time flushes of each length took, @width columns for the most of it. */
#define BARS_TITLE "flush latency, last seconds: the bar is time spent; number"
void draw_bars(const struct view *view, struct grid *grid, int row, int rows, int column,
	       int width);
void draw_slowest(const struct view *view, struct grid *grid, int row, int rows, int column);
/* "--- words ------" from @column up to @end. */
void draw_rule(struct grid *grid, int row, int column, int end, const char *words);

/* Where violations and losses are: the owner's, or those that the board has met. */
const struct board_mark *view_marks(const struct view *view);
size_t view_marks_nr(const struct view *view);

void table_press(struct view *view, int key);
void pages_press(struct view *view, int key);
/* Scrolls a page's story, or the help. */
void text_press(struct view *view, int key);

#endif
