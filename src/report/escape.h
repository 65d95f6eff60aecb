/* SPDX-License-Identifier: GPL-2.0 */
/* Text that came from outside, for terminals, for records, and between markup. */
#ifndef GMEMTRACE_REPORT_ESCAPE_H
#define GMEMTRACE_REPORT_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

/*
 * @in as UTF-8 that moves no cursor: control characters, and bytes that are no UTF-8, become
 * \xNN. Cut between characters where @out of @size bytes is too short. Returns the length.
 */
size_t escape_text(char *out, size_t size, const char *in);

/* The words of a command line, each escaped, with spaces between. */
void escape_words(char *out, size_t size, char *const *words);

/* The first @length bytes of such text, as XML takes them in elements and attributes. */
void escape_xml(FILE *out, const char *text, size_t length);

/* The same for a cell of a table in Markdown, outside of code: nothing is markup. */
void escape_markdown(FILE *out, const char *text);

#endif
