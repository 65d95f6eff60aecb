/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GMEMTRACE_SENSOR_KALLSYMS_H
#define GMEMTRACE_SENSOR_KALLSYMS_H

#include <stdbool.h>
#include <stdio.h>

/* Whether @file, lines of /proc/kallsyms, shows no address; else it is at its begin again. */
bool kallsyms_hidden(FILE *file);

/*
 * /proc/kallsyms, or where that shows no address (kptr_restrict=2) the same by a program in the kernel (6.0), if it
 * can be loaded. NULL and errno: there is none.
 */
FILE *kallsyms_open(void);

#endif
