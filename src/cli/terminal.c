// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/terminal.h"
#include "view/view.h"

#define STALL_SECONDS 2

static SCREEN *screen;
static bool colors, utf8;
static struct grid shown; /* no cells: nothing is known of the screen */
static struct termios settings;
static bool kept; /* `settings` are */

/*
 * Blue, orange and their like, which those who tell red from green badly tell apart; characters
 * say the same without any.
 */
static const struct {
	short foreground; /* of 256; of 8 where there are no more */
	short of_eight;
	attr_t attributes; /* with colours, and in their stead */
} styles[GRID_STYLES] = {
	[GRID_PLAIN] = { -1, -1, A_NORMAL },
	[GRID_DIM] = { 245, -1, A_DIM },
	[GRID_TITLE] = { -1, -1, A_BOLD },
	[GRID_HEADING] = { -1, -1, A_REVERSE },
	[GRID_SELECTED] = { -1, -1, A_REVERSE | A_BOLD },
	[GRID_GOOD] = { 75, COLOR_CYAN, A_BOLD },
	[GRID_BAD] = { 208, COLOR_RED, A_BOLD | A_REVERSE },
	[GRID_DOUBT] = { 220, COLOR_YELLOW, A_BOLD },
	[GRID_ABSENT] = { 33, COLOR_BLUE, A_NORMAL },
	[GRID_PRESENT] = { 180, COLOR_YELLOW, A_NORMAL },
	[GRID_EXCEPTION] = { 175, COLOR_MAGENTA, A_BOLD },
	[GRID_EXPOSED] = { 208, COLOR_RED, A_BOLD },
	[GRID_KEY] = { -1, -1, A_REVERSE },
};

/*
 * A terminal that takes nothing (^S, a connection that hangs) holds whoever writes to it. That is waited for,
 * but not by somebody who is to end: what is left to be written then goes nowhere.
 */
static struct {
	bool (*ends)(void *context);
	void *context;
	int nowhere; /* /dev/null; -1: it could not be opened */
	volatile sig_atomic_t seconds; /* of a write that the end waits for */
	bool closing;
	struct sigaction before;
} stall = { .nowhere = -1 };

/* Interrupts the write, which is tried again: into nothing. */
static void on_stall(int number)
{
	int error = errno;

	(void)number;
	if (stall.closing || (stall.ends && stall.ends(stall.context)))
		stall.seconds++;
	if (stall.seconds >= STALL_SECONDS && stall.nowhere >= 0)
		(void)dup2(stall.nowhere, STDOUT_FILENO);
	alarm(1);
	errno = error;
}

static void stall_watch(void)
{
	const struct sigaction action = { .sa_handler = on_stall };

	stall.nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	stall.closing = false;
	sigaction(SIGALRM, &action, &stall.before);
}

static void stall_unwatch(void)
{
	sigaction(SIGALRM, &stall.before, NULL);
	if (stall.nowhere >= 0)
		close(stall.nowhere);
	stall.nowhere = -1;
}

static void stall_begin(void)
{
	stall.seconds = 0;
	alarm(1);
}

static void stall_end(void)
{
	alarm(0);
}

void terminal_ends(bool (*ends)(void *context), void *context)
{
	stall.ends = ends;
	stall.context = context;
}

bool terminal_suits(void)
{
	const char *name = getenv("TERM");

	return isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) && name && *name &&
	       strcmp(name, "dumb") != 0;
}

static void colors_open(void)
{
	const char *no_color = getenv("NO_COLOR");

	colors = has_colors() && !(no_color && *no_color);
	if (!colors)
		return;
	start_color();
	use_default_colors();
	for (int i = 1; i < GRID_STYLES; i++)
		init_pair((short)i, COLORS >= 256 ? styles[i].foreground : styles[i].of_eight, -1);
}

bool terminal_open(void)
{
	setlocale(LC_CTYPE, "");
	utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	stall_watch();
	screen = newterm(NULL, stdout, stdin);
	if (!screen) {
		stall_unwatch();
		return false;
	}
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, true);
	set_escdelay(25);
	curs_set(0);
	mousemask(BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
	mouseinterval(0);
	colors_open();
	return true;
}

void terminal_close(void)
{
	if (!screen)
		return;
	stall.closing = true;
	stall_begin();
	endwin();
	stall_end();
	stall_unwatch();
	grid_free(&shown);
	delscreen(screen);
	screen = NULL;
}

void terminal_keep(void)
{
	kept = !tcgetattr(STDIN_FILENO, &settings);
}

void terminal_restore(bool lost)
{
	if (lost && terminal_open())
		terminal_close();
	if (kept)
		tcsetattr(STDIN_FILENO, TCSANOW, &settings);
}

int terminal_grid(struct grid *grid)
{
	return grid_init(grid, COLS, LINES, !utf8);
}

static attr_t style_attributes(int style)
{
	return styles[style].attributes | (colors && style ? (attr_t)COLOR_PAIR(style) : 0);
}

static void cell_show(int row, int column, const struct grid_cell *cell)
{
	attrset(style_attributes(cell->style));
	mvaddstr(row, column, cell->text[0] ? cell->text : " ");
}

/* What was not touched since takes no work of ncurses. false: all of it is to be shown. */
static bool grid_remember(const struct grid *grid)
{
	bool same = shown.cells && shown.columns == grid->columns && shown.rows == grid->rows &&
		    grid->columns == COLS && grid->rows == LINES;

	if (same)
		return true;
	grid_free(&shown);
	if (grid_init(&shown, grid->columns, grid->rows, grid->ascii))
		shown.cells = NULL;
	erase();
	return false;
}

void terminal_show(const struct grid *grid)
{
	bool same = grid_remember(grid);
	size_t at = 0;

	for (int row = 0; row < grid->rows; row++) {
		for (int column = 0; column < grid->columns; column++, at++) {
			const struct grid_cell *cell = &grid->cells[at];

			if (same && !memcmp(cell, &shown.cells[at], sizeof(*cell)))
				continue;
			if (shown.cells)
				shown.cells[at] = *cell;
			if (row < LINES && column < COLS)
				cell_show(row, column, cell);
		}
	}
	attrset(A_NORMAL);
	stall_begin();
	refresh();
	stall_end();
}

static int mouse_key(void)
{
	MEVENT event;

	if (getmouse(&event) != OK || event.x < 0 || event.x >= GRID_COLUMNS_MAX || event.y < 0)
		return 0;
	if (event.bstate & BUTTON4_PRESSED)
		return VIEW_KEY_UP;
	if (event.bstate & BUTTON5_PRESSED)
		return VIEW_KEY_DOWN;
	return VIEW_KEY_CELL + view_cell(event.y, event.x);
}

static int key_of(int key)
{
	switch (key) {
	case '\r':
	case KEY_ENTER:
		return VIEW_KEY_ENTER;
	case KEY_UP:
		return VIEW_KEY_UP;
	case KEY_DOWN:
		return VIEW_KEY_DOWN;
	case KEY_LEFT:
		return VIEW_KEY_LEFT;
	case KEY_RIGHT:
		return VIEW_KEY_RIGHT;
	case KEY_PPAGE:
		return VIEW_KEY_PAGE_UP;
	case KEY_NPAGE:
		return VIEW_KEY_PAGE_DOWN;
	case KEY_HOME:
		return VIEW_KEY_HOME;
	case KEY_END:
		return VIEW_KEY_END;
	case KEY_F(1):
		return VIEW_KEY_HELP;
	case KEY_BACKSPACE:
		return VIEW_KEY_ERASE;
	case KEY_MOUSE:
		return mouse_key();
	case KEY_RESIZE:
		return VIEW_KEY_RESIZED;
	case ERR:
		return 0;
	default:
		return key < 0x100 ? key : 0;
	}
}

int terminal_key(int ms)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	int key;

	/* A terminal that is gone is always ready, and has nothing. */
	if (poll(&input, 1, 0) > 0 && input.revents & (POLLHUP | POLLERR | POLLNVAL))
		return -1;
	timeout(ms);
	key = getch();
	return key == ERR && errno == EIO ? -1 : key_of(key);
}
