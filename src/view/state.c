// SPDX-License-Identifier: GPL-2.0
/* What a view holds, whichever screen is on. */
#include <stdarg.h>
#include "view/draw.h"

void view_init(struct view *view)
{
	*view = (struct view){ .speed = 1, .cost_cpu = -1 };
}

void view_free(struct view *view)
{
	free(view->story);
	view->story = NULL;
}

void view_say(struct view *view, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(view->message, sizeof(view->message), format, arguments);
	va_end(arguments);
}

struct board_inode *view_inode(const struct view *view)
{
	const struct board *board = view->board;
	__u32 at = view->inode < board->index_nr ? board->index[view->inode] : 0;

	return view->inode && at ? &board->inodes[at - 1] : NULL;
}

void view_tell(struct view *view, char *text)
{
	free(view->story);
	view->story = text;
	view->back = view->screen == VIEW_STORY ? view->back : view->screen;
	view->screen = VIEW_STORY;
	view->top = 0;
}

const struct board_mark *view_marks(const struct view *view)
{
	return view->marks ? view->marks : view->board->marks;
}

size_t view_marks_nr(const struct view *view)
{
	return view->marks ? view->marks_nr : view->board->marks_nr;
}
