/* SPDX-License-Identifier: GPL-2.0 */
/* What the user sees besides reports: errors, notices, exit statuses. */
#ifndef GMEMTRACE_CLI_OUTPUT_H
#define GMEMTRACE_CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

/* Exit statuses: an interface, see gmemtrace(1). */
enum exit_status {
	EXIT_STATUS_DONE = 0, /* done, or consistent */
	EXIT_STATUS_VIOLATED = 1,
	EXIT_STATUS_ERROR = 2,
	EXIT_STATUS_CANNOT_RUN = 4, /* this machine, kernel or user does not allow it */
	EXIT_STATUS_INCONCLUSIVE = 5,
	EXIT_STATUS_USAGE = 64,
};

/* The worse of two, in the order: usage, cannot run, violated, error, inconclusive, done. */
int exit_status_worse(int one, int other);

/* One line on stderr: "gmemtrace: what, where, what to do". */
__attribute__((format(printf, 1, 2))) void output_error(const char *format, ...);

/* The same, for what is no error. */
__attribute__((format(printf, 1, 2))) void output_notice(const char *format, ...);

/* Whether escape sequences are wanted: a terminal, and no NO_COLOR (no-color.org). */
bool output_color(FILE *out);

/* Opens @path for writing, "-" is stdout. NULL: the error was printed. */
FILE *output_open(const char *path);

/*
 * Flushes @out, and closes it where it is not stdout. @error: what its writer returned.
 * 0, or -errno: the error was printed, with @path as its place.
 */
int output_close(FILE *out, const char *path, int error);

/* Bytes as "12.3mb", in the units that options take. @text: at least 16 bytes. Returns it. */
const char *output_size(char *text, size_t size, unsigned long long bytes);

#endif
