/* SPDX-License-Identifier: GPL-2.0 */
/* Text that came from outside, for terminals and for records. */
#ifndef GMEMTRACE_RUN_TEXT_H
#define GMEMTRACE_RUN_TEXT_H

#include <stddef.h>

/*
 * @in as UTF-8 that moves no cursor: control characters, and bytes that are no UTF-8, become
 * \xNN. Cut between characters where @out of @size bytes is too short. Returns the length.
 */
size_t text_escape(char *out, size_t size, const char *in);

/* The words of a command line, each escaped, with spaces between. */
void text_command(char *out, size_t size, char *const *words);

#endif
