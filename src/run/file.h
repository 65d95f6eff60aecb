/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GMEMTRACE_RUN_FILE_H
#define GMEMTRACE_RUN_FILE_H

#include <stdbool.h>

/* Whether writing to @path would write over @other, by whatever names; neither has to be there. */
bool file_same(const char *path, const char *other);

/* What can be read as often as one likes. */
bool file_regular(const char *path);

#endif
