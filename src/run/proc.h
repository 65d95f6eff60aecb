/* SPDX-License-Identifier: GPL-2.0 */
/* Small files of /proc. */
#ifndef GMEMTRACE_RUN_PROC_H
#define GMEMTRACE_RUN_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* All of /proc/@pid/task/@tid/@name as text, up to @size. false: it has gone, or is not for us. */
bool proc_read_task(char *text, size_t size, pid_t pid, pid_t tid, const char *name);

#endif
