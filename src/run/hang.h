/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tasks of CMD that are blocked in the kernel, where no sensor of ours may be: before the routine
 * that is hooked, or behind a lock whose holder has died. Whoever waits for CMD waits for them.
 */
#ifndef GMEMTRACE_RUN_HANG_H
#define GMEMTRACE_RUN_HANG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HANG_TASKS_MAX 512 /* looked at; CMD may have more */
#define HANG_TEXT_MAX 160

/* A task that was found blocked. */
struct hang_task {
	pid_t tid;
	uint64_t switches; /* times that it left its CPU: as long as that stands it has not run */
	uint64_t since; /* ns: first found so */
	uint64_t looked; /* the look that found it last */
};

struct hang {
	struct hang_task tasks[HANG_TASKS_MAX];
	size_t nr;
	uint64_t looks;
	uint64_t looked; /* ns */
};

/*
 * Looks, once a second, at @pid, its threads and descendants. true: one of them has been blocked
 * without a moment's run for @limit ns; @text says which, and where.
 */
bool hang_find(struct hang *hang, pid_t pid, uint64_t now, uint64_t limit,
	       char text[HANG_TEXT_MAX]);

/* Whether the kernel has oopsed since it booted: whoever died then may hold a lock for ever. */
bool hang_oopsed(void);

#endif
