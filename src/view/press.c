// SPDX-License-Identifier: GPL-2.0
/* What keys do: those that mean the same on all screens, and those of a replay. */
#include <ctype.h>
#include "view/draw.h"

#define SECOND 1000000000ULL
#define HEARTBEAT (SECOND / 10)
#define SPEED_MAX 1024.0

static void filter_press(struct view *view, int key)
{
	size_t length = strlen(view->filter);

	switch (key) {
	case VIEW_KEY_ESCAPE:
		*view->filter = '\0';
		view->typing = false;
		break;
	case VIEW_KEY_ENTER:
		view->typing = false;
		break;
	case VIEW_KEY_ERASE:
	case '\b':
		if (length)
			view->filter[length - 1] = '\0';
		break;
	default:
		if (key < 0x7f && isprint(key) && length + 1 < sizeof(view->filter)) {
			view->filter[length] = (char)key;
			view->filter[length + 1] = '\0';
		}
	}
}

static void seek_to(struct view *view, __u64 time)
{
	view->wish = VIEW_WISH_SEEK;
	/* Else it would never go back by less than there is between two heartbeats. */
	view->seek_before = time < view->now;
	view->seek = time < view->first ? view->first : time > view->last ? view->last : time;
}

static void seek_mark(struct view *view, bool back)
{
	__u64 found = 0;

	for (size_t i = 0; i < view_marks_nr(view); i++) {
		__u64 time = view_marks(view)[i].time;

		/* Where it came to the last one it is behind that, by a heartbeat or so. */
		if (back ? time + 2 * HEARTBEAT < view->now && time > found
			 : time > view->now && (!found || time < found))
			found = time;
	}
	if (found)
		seek_to(view, found);
	view->seek_before = false;
	if (!found)
		view_say(view, "no violation and no loss is known in that direction");
}

/* true: it was one of a replay's keys. */
static bool replay_press(struct view *view, int key)
{
	if (!view->replay)
		return false;
	switch (key) {
	case '<':
		seek_to(view, view->now > SECOND ? view->now - SECOND : 0);
		return true;
	case '>':
		seek_to(view, view->now + SECOND);
		return true;
	case 'g':
	case VIEW_KEY_HOME:
		seek_to(view, view->first);
		return true;
	case 'G':
	case VIEW_KEY_END:
		seek_to(view, view->last);
		return true;
	case ',':
		view->paused = true;
		seek_to(view, view->now > HEARTBEAT ? view->now - HEARTBEAT : 0);
		return true;
	case '.':
		view->paused = true;
		view->wish = VIEW_WISH_STEP;
		return true;
	case '(':
		view->speed = view->speed > 1 / SPEED_MAX ? view->speed / 2 : view->speed;
		return true;
	case ')':
		view->speed = view->speed < SPEED_MAX ? view->speed * 2 : view->speed;
		return true;
	case '{':
	case '}':
		seek_mark(view, key == '{');
		return true;
	default:
		return false;
	}
}

static void escape_press(struct view *view)
{
	if (view->screen == VIEW_STORY || view->screen == VIEW_HELP)
		view->screen = view->back;
	else if (view->screen != VIEW_TABLE)
		view->screen = VIEW_TABLE;
	else
		*view->filter = '\0';
	view->top = 0;
}

static void screen_press(struct view *view, int key)
{
	switch (view->screen) {
	case VIEW_TABLE:
		table_press(view, key);
		break;
	case VIEW_PAGES:
		pages_press(view, key);
		break;
	case VIEW_STORY:
	case VIEW_HELP:
		text_press(view, key);
		break;
	default:
		break;
	}
}

static void tab_press(struct view *view)
{
	if (view->screen == VIEW_TABLE || view->screen == VIEW_PAGES)
		view->screen = VIEW_FLUSHES;
	else
		view->screen = VIEW_TABLE;
}

static void help_press(struct view *view)
{
	if (view->screen == VIEW_HELP)
		return;
	view->back = view->screen == VIEW_STORY ? VIEW_TABLE : view->screen;
	view->screen = VIEW_HELP;
	view->top = 0;
}

void view_press(struct view *view, int key)
{
	view->wish = VIEW_WISH_NOTHING;
	if (key == VIEW_KEY_RESIZED)
		return;
	*view->message = '\0';
	if (view->typing) {
		filter_press(view, key);
		return;
	}
	switch (key) {
	case 'q':
		view->wish = VIEW_WISH_QUIT;
		break;
	case '?':
	case VIEW_KEY_HELP:
		help_press(view);
		break;
	case VIEW_KEY_ESCAPE:
		escape_press(view);
		break;
	case VIEW_KEY_TAB:
	case 't':
		tab_press(view);
		break;
	case ' ':
		view->paused = !view->paused;
		break;
	case 'f':
	case '/':
		view->typing = view->screen == VIEW_TABLE;
		break;
	case 'v':
		view->wish = VIEW_WISH_VERDICT;
		break;
	case 'w':
		if (view_inode(view))
			view->wish = VIEW_WISH_STORY;
		break;
	default:
		if (!replay_press(view, key))
			screen_press(view, key);
	}
}
