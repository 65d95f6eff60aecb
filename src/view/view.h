/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The screens of gmemtrace live: which one is shown, what is selected in it, and what a key does.
 * view_draw() makes cells of it. Pure: who owns a view reads keys, moves time and shows cells.
 */
#ifndef GMEMTRACE_VIEW_VIEW_H
#define GMEMTRACE_VIEW_VIEW_H

#include "view/board.h"
#include "view/grid.h"

enum view_screen {
	VIEW_TABLE = 0, /* VMs and inodes */
	VIEW_PAGES, /* the map of an inode's pages */
	VIEW_FLUSHES,
	VIEW_STORY, /* of a page */
	VIEW_HELP,
};

enum view_sort {
	VIEW_SORT_NAME = 0,
	VIEW_SORT_RATE, /* pages changed a second */
	VIEW_SORT_FLUSH, /* time in flushes */
	VIEW_SORT_EXPOSED,
	VIEW_SORT_RESIDENT,
	VIEW_SORTS,
};

/* What a key asks for that is not the view's to do. */
enum view_wish {
	VIEW_WISH_NOTHING = 0,
	VIEW_WISH_QUIT,
	VIEW_WISH_STORY, /* of the selected page: view_tell() */
	VIEW_WISH_VERDICT, /* in words, so far: view_tell() */
	VIEW_WISH_SEEK, /* to `seek` */
	VIEW_WISH_STEP, /* to the next moment at which anything changes */
};

/* Keys that are no characters. */
enum view_key {
	VIEW_KEY_ESCAPE = 27,
	VIEW_KEY_ENTER = '\n',
	VIEW_KEY_TAB = '\t',
	VIEW_KEY_ERASE = 127,
	VIEW_KEY_UP = 0x10000,
	VIEW_KEY_DOWN,
	VIEW_KEY_LEFT,
	VIEW_KEY_RIGHT,
	VIEW_KEY_PAGE_UP,
	VIEW_KEY_PAGE_DOWN,
	VIEW_KEY_HOME,
	VIEW_KEY_END,
	VIEW_KEY_HELP,
	VIEW_KEY_RESIZED, /* no key: the screen has another size, and is to be drawn */
	VIEW_KEY_CELL, /* + view_cell(): it was clicked */
};

static inline int view_cell(int row, int column)
{
	return row * GRID_COLUMNS_MAX + column;
}

#define VIEW_FILTER_MAX 32
#define VIEW_MESSAGE_MAX 160
#define VIEW_TITLE_MAX 64

struct view {
	/* Set by the owner. */
	struct board *board;
	char title[VIEW_TITLE_MAX]; /* the capture's name, or the machine's */
	bool replay;
	__u64 first, last; /* ns: of the capture */
	/* Where violations and losses are; NULL: those that the board has met so far. */
	const struct board_mark *marks;
	size_t marks_nr;
	__u64 now; /* ns */
	double speed; /* of the replay */
	/* What VM @vm is called, or NULL; may be NULL itself. */
	const char *(*vm_name)(void *context, __u32 vm);
	void *context;
	double cost_cpu; /* CPUs that the tool itself takes; negative: not told */
	__u64 cost_memory; /* bytes; 0: not told */
	/* Its own. */
	enum view_screen screen, back;
	enum view_sort sort;
	bool reverse, dead; /* dead inodes are listed, too */
	bool paused;
	bool typing; /* the filter */
	char filter[VIEW_FILTER_MAX];
	__u64 inode; /* number: selected; 0: the VM `vm` */
	__u32 vm;
	int top; /* first row of the table, or line of the story, that is shown */
	__u64 page, unit, map_top; /* the map: selected pgoff, pages a cell, first pgoff shown */
	int map_columns, map_rows; /* cells, as drawn last */
	int rows_shown, first_row; /* of the table, as drawn last */
	char *story; /* lines */
	char message[VIEW_MESSAGE_MAX];
	enum view_wish wish;
	__u64 seek; /* ns */
	bool seek_before; /* to the last moment before that, else the first one behind it */
};

void view_init(struct view *view);
void view_free(struct view *view);

/* @key: a character, or one of enum view_key. What is wished for stands in view->wish. */
void view_press(struct view *view, int key);

/* The next key of a text such as "jj<Enter>+", which goes behind it; 0 at its end. */
int view_key_take(const char **text);

/* A line of the help: keys as they are called there, NULL where it is of none, and what they do. */
struct view_help {
	const char *keys, *words;
};

/* From 0 on; NULL behind the last. */
const struct view_help *view_help(size_t index);

/* Shows @text, which becomes the view's, as a page's story. */
void view_tell(struct view *view, char *text);

/* Something the user should know, until the next key. */
__attribute__((format(printf, 2, 3))) void view_say(struct view *view, const char *format, ...);

void view_draw(struct view *view, struct grid *grid);

/* The selected inode, or NULL. */
struct board_inode *view_inode(const struct view *view);

#endif
