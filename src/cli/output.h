/* SPDX-License-Identifier: GPL-2.0 */
/* What the user sees: lines for people on stderr, and where reports go. */
#ifndef GMEMTRACE_CLI_OUTPUT_H
#define GMEMTRACE_CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "gmemtrace/status.h"

/* One line on stderr, escaped: "gmemtrace: what, where, what to do". */
__attribute__((format(printf, 1, 2))) void output_line(const char *format, ...);

/* The same behind another name than gmemtrace's. */
__attribute__((format(printf, 2, 3))) void output_line_of(const char *name, const char *format,
							  ...);

/* Where a report goes: standard output, or a file. */
struct output;

/* Opens @path for writing, "-" is standard output. NULL: it was said. */
struct output *output_open(const char *path);
/* The same, behind what the file holds already. */
struct output *output_append(const char *path);

/* To write to; an error of writing is remembered for output_close(). */
FILE *output_stream(const struct output *output);

/* Whether escape sequences are wanted: a terminal, and no NO_COLOR (no-color.org). */
bool output_color(const struct output *output);

/*
 * Flushes, closes and frees. @error: what its writer returned, 0 or -errno. GMEMTRACE_ERROR where
 * not all of it was written: it was said. Who stops reading standard output (| head) has what he
 * wants: that is no error.
 */
enum gmemtrace_status output_close(struct output *output, int error);

/* All of @text on standard output, and what output_close() makes of it. */
enum gmemtrace_status output_print(const char *text);

#endif
