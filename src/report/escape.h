/* SPDX-License-Identifier: GPL-2.0 */
/* Text that came from outside, for terminals and for records. */
#ifndef GMEMTRACE_REPORT_ESCAPE_H
#define GMEMTRACE_REPORT_ESCAPE_H

#include <stddef.h>

/*
 * @in as UTF-8 that moves no cursor: control characters, and bytes that are no UTF-8, become
 * \xNN. Cut between characters where @out of @size bytes is too short. Returns the length.
 */
size_t escape_text(char *out, size_t size, const char *in);

/* The words of a command line, each escaped, with spaces between. */
void escape_words(char *out, size_t size, char *const *words);

#endif
