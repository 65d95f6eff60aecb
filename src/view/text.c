// SPDX-License-Identifier: GPL-2.0
/* Screens of lines of text: a page's story, the verdict so far, and the help. */
#include "view/draw.h"

/* As much of @line as a row takes, cut at a space where there is one. */
static size_t line_cut(const char *line, size_t columns)
{
	size_t length = strcspn(line, "\n"), cut = columns;

	if (length <= columns)
		return length;
	while (cut > columns / 2 && line[cut] != ' ')
		cut--;
	return line[cut] == ' ' ? cut : columns;
}

static bool line_alarms(const char *text)
{
	return strstr(text, "NOT FLUSHED") || strstr(text, "VIOLATED") || strstr(text, "LOST") ||
	       strstr(text, "DIFFERS") || strstr(text, "FREED ABSENT");
}

/* Puts the story's rows from view->top on where @grid is given. Returns how many there are. */
static int story_rows(const struct view *view, struct grid *grid, int row, int rows, int columns)
{
	const char *line = view->story ? view->story : "";
	bool goes_on = false;
	int nr = 0;

	for (; *line; nr++) {
		int indent = goes_on ? 32 : 0;
		size_t cut = line_cut(line, (size_t)(columns - indent));
		char text[GRID_COLUMNS_MAX + 1];

		snprintf(text, sizeof(text), "%.*s", (int)cut, line);
		if (grid && nr >= view->top && nr - view->top < rows)
			grid_put(grid, row + nr - view->top, indent,
				 line_alarms(text) ? GRID_BAD : GRID_PLAIN, text);
		line += cut;
		goes_on = *line == ' ';
		while (*line == ' ' && goes_on)
			line++;
		line += *line == '\n';
	}
	return nr;
}

void draw_story(struct view *view, struct grid *grid, int row, int rows)
{
	int nr = story_rows(view, NULL, 0, 0, grid->columns);

	if (view->top > nr - rows)
		view->top = nr > rows ? nr - rows : 0;
	story_rows(view, grid, row, rows, grid->columns);
}

/* In the order of the screen; man/gmemtrace-live.1 has the same keys. */
static const struct view_help helps[] = {
	{ "arrows, h j k l", "move" },
	{ "PageUp, PageDown", "move by a screen" },
	{ "Enter", "the map of the inode's pages" },
	{ "Esc", "back" },
	{ "Tab, t", "table or flushes" },
	{ "w", "why: the page's story" },
	{ "v", "the verdict, in words" },
	{ "s, S", "sort by the next column, the other way round" },
	{ "f, /", "filter: a part of a VM's process id, comm or inode name" },
	{ "d", "inodes that are gone, too" },
	{ "Space", "pause: what is shown stands still, recording goes on" },
	{ "+ = -", "zoom the map in, or out, down to single pages" },
	{ "[ ]", "previous, next change of state in the map" },
	{ "!", "next page in a violation" },
	{ "?, F1", "this help" },
	{ "q", "quit" },
	{ NULL, "In a replay:" },
	{ "Space", "pause, go on" },
	{ "( )", "slower, faster" },
	{ "< >", "one second back, ahead" },
	{ ", .", "a step back, ahead to the next change" },
	{ "{ }", "previous, next violation or loss" },
	{ "g, Home, G, End", "its begin, its end" },
	{ NULL, "" },
	{ NULL, "The mouse selects what it clicks, in the table and in the map; its wheel moves." },
	{ NULL, "" },
	{ NULL, "VM/INODE g: guest_memfd, s: memfd_secret.  WANT pages to be absent, ABSENT" },
	{ NULL, "that are; EXP made absent and not flushed yet; ZAP/s, RST/s pages made absent" },
	{ NULL,
	  "and present a second; FL/s flushes; p99 of their time, last seconds; ! violated." },
};

#define HELPS_NR ((int)(sizeof(helps) / sizeof(helps[0])))

const struct view_help *view_help(size_t index)
{
	return index < HELPS_NR ? &helps[index] : NULL;
}

void draw_help(struct view *view, struct grid *grid, int row, int rows)
{
	if (view->top > HELPS_NR - rows)
		view->top = HELPS_NR > rows ? HELPS_NR - rows : 0;
	for (int i = 0; i < rows && view->top + i < HELPS_NR; i++) {
		const struct view_help *help = &helps[view->top + i];

		if (help->keys)
			grid_put(grid, row + i, 0, GRID_PLAIN, help->keys);
		grid_put(grid, row + i, help->keys ? 18 : 0, GRID_PLAIN, help->words);
	}
}

void text_press(struct view *view, int key)
{
	if (key == VIEW_KEY_UP || key == 'k')
		view->top -= view->top > 0;
	else if (key == VIEW_KEY_DOWN || key == 'j')
		view->top++;
	else if (key == VIEW_KEY_PAGE_UP)
		view->top = view->top > 10 ? view->top - 10 : 0;
	else if (key == VIEW_KEY_PAGE_DOWN)
		view->top += 10;
}
