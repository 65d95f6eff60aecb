/* SPDX-License-Identifier: GPL-2.0 */
/* What the user sees besides reports: errors, notices, exit statuses. */
#ifndef GMEMTRACE_CLI_OUTPUT_H
#define GMEMTRACE_CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "gmemtrace/status.h"

/* What is said where two hold: violated before inconclusive before an error before done. */
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
