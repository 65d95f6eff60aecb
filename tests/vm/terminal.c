// SPDX-License-Identifier: GPL-2.0
/*
 * Somebody at a terminal: runs CMD in one, presses keys, and looks at what is on the screen.
 *
 * usage: terminal COLUMNSxROWS DIR STEP... -- CMD...
 *   wait:REGEX  until a line of the screen is like that, a minute at most
 *   keys:TEXT   pressed; \r is Enter, \e Escape
 *   snap:NAME   the screen as it is then, in DIR/NAME.screen
 *   size:CxR    the terminal has another size from now on
 *   end         until CMD has ended: its status is ours
 *
 * It knows two commands, which are all that terminal.ti has: move (CSI row;column H) and clear (CSI 2J).
 */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <regex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COLUMNS_MAX 250
#define ROWS_MAX 100
#define WAIT_SECONDS 60
#define QUIET_MS 300 /* so long nothing comes: it is drawn */
#define STEP_MS 50

static struct {
	int columns, rows, row, column;
	char cells[ROWS_MAX][COLUMNS_MAX + 1];
	char escape[32]; /* what has come of a command, behind ESC */
	size_t escaped;
	bool in_escape;
} screen;

static int master;
static pid_t child;
static bool ended;

static void die(const char *what, const char *of)
{
	fprintf(stderr, "terminal: %s: %s\n", what, of);
	for (int row = 0; row < screen.rows; row++)
		fprintf(stderr, "terminal: | %s\n", screen.cells[row]);
	if (child > 0)
		kill(child, SIGKILL);
	exit(1);
}

static void screen_clear(void)
{
	for (int row = 0; row < ROWS_MAX; row++) {
		memset(screen.cells[row], ' ', COLUMNS_MAX);
		screen.cells[row][screen.columns] = '\0';
	}
}

static void screen_move(int row, int column)
{
	screen.row = row < 0 ? 0 : row < screen.rows ? row : screen.rows - 1;
	screen.column = column < 0 ? 0 : column < screen.columns ? column : screen.columns - 1;
}

static void escape_do(char last)
{
	int row = 1, column = 1;

	screen.escape[screen.escaped] = '\0';
	if (last == 'J') {
		screen_clear();
	} else if (last == 'H') {
		if (sscanf(screen.escape, "[%d;%d", &row, &column) != 2)
			row = column = 1;
		screen_move(row - 1, column - 1);
	}
}

static void screen_take(char byte)
{
	if (screen.in_escape) {
		if (screen.escaped + 1 < sizeof(screen.escape))
			screen.escape[screen.escaped++] = byte;
		if (byte >= '@' && byte != '[') {
			screen.in_escape = false;
			escape_do(byte);
		}
		return;
	}
	switch (byte) {
	case '\033':
		screen.in_escape = true;
		screen.escaped = 0;
		break;
	case '\r':
		screen.column = 0;
		break;
	case '\n':
		screen_move(screen.row + 1, screen.column);
		break;
	case '\b':
		screen_move(screen.row, screen.column - 1);
		break;
	default:
		if ((unsigned char)byte < ' ')
			break;
		screen.cells[screen.row][screen.column++] = byte;
		/* terminal.ti says so: am, and no xenl. */
		if (screen.column == screen.columns)
			screen_move(screen.row + 1, 0);
	}
}

/* What has come within @ms. false: nothing. */
static bool screen_read(int ms)
{
	struct pollfd ready = { .fd = master, .events = POLLIN };
	char bytes[4096];
	ssize_t nr;

	if (ended || poll(&ready, 1, ms) <= 0)
		return false;
	nr = read(master, bytes, sizeof(bytes));
	/* EIO: nobody has the other end open. */
	ended = nr <= 0;
	for (ssize_t i = 0; i < nr; i++)
		screen_take(bytes[i]);
	return nr > 0;
}

static void do_wait(const char *text)
{
	time_t begin = time(NULL);
	regex_t like;

	if (regcomp(&like, text, REG_EXTENDED | REG_NOSUB))
		die("no regular expression", text);
	for (;;) {
		for (int row = 0; row < screen.rows; row++) {
			if (!regexec(&like, screen.cells[row], 0, NULL, 0)) {
				regfree(&like);
				return;
			}
		}
		if (ended || time(NULL) - begin > WAIT_SECONDS)
			die(ended ? "has ended before" : "not seen in a minute", text);
		screen_read(STEP_MS);
	}
}

static void do_keys(const char *text)
{
	for (; *text; text++) {
		char key = *text;

		if (key == '\\' && text[1])
			key = *++text == 'r' ? '\r' : *text == 'e' ? '\033' : *text;
		if (write(master, &key, 1) != 1)
			die("cannot press", text);
		/* A key that follows Escape at once would be a part of it. */
		screen_read(QUIET_MS);
	}
}

static void do_snap(const char *directory, const char *name)
{
	char path[256];
	FILE *file;

	for (int tries = 20; tries && screen_read(QUIET_MS); tries--)
		;
	snprintf(path, sizeof(path), "%s/%s.screen", directory, name);
	file = fopen(path, "we");
	if (!file)
		die(strerror(errno), path);
	for (int row = 0; row < screen.rows; row++)
		fprintf(file, "%s\n", screen.cells[row]);
	fclose(file);
}

static struct winsize size_of(const char *text)
{
	struct winsize size = { .ws_row = 0 };

	if (sscanf(text, "%hux%hu", &size.ws_col, &size.ws_row) != 2 || !size.ws_col ||
	    size.ws_col > COLUMNS_MAX || !size.ws_row || size.ws_row > ROWS_MAX)
		die("no size", text);
	screen.columns = size.ws_col;
	screen.rows = size.ws_row;
	screen_clear();
	return size;
}

static void do_size(const char *text)
{
	struct winsize size = size_of(text);

	if (ioctl(master, TIOCSWINSZ, &size))
		die("cannot have that size", text);
}

static int do_end(void)
{
	time_t begin = time(NULL);
	int status;

	while (waitpid(child, &status, WNOHANG) == 0) {
		if (time(NULL) - begin > WAIT_SECONDS)
			die("has not ended in a minute", "CMD");
		screen_read(STEP_MS);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static const char *after(const char *step, const char *word)
{
	size_t length = strlen(word);

	return strncmp(step, word, length) ? NULL : step + length;
}

/* -1, or CMD's status. */
static int step_do(const char *directory, const char *step)
{
	const char *text;

	if ((text = after(step, "wait:")))
		do_wait(text);
	else if ((text = after(step, "keys:")))
		do_keys(text);
	else if ((text = after(step, "snap:")))
		do_snap(directory, text);
	else if ((text = after(step, "size:")))
		do_size(text);
	else if (!strcmp(step, "end"))
		return do_end();
	else
		die("no such step", step);
	return -1;
}

int main(int argc, char **argv)
{
	struct winsize size;
	int at = 3, status = -1;

	while (at < argc && strcmp(argv[at], "--") != 0)
		at++;
	if (argc < 4 || at + 1 >= argc)
		die("usage", "terminal COLUMNSxROWS DIR STEP... -- CMD...");
	size = size_of(argv[1]);
	child = forkpty(&master, NULL, NULL, &size);
	if (child < 0)
		die("no terminal", strerror(errno));
	if (!child) {
		execvp(argv[at + 1], argv + at + 1);
		_exit(127);
	}
	for (int i = 3; i < at && status < 0; i++)
		status = step_do(argv[2], argv[i]);
	if (status < 0)
		kill(child, SIGKILL);
	return status < 0 ? 0 : status;
}
