/* SPDX-License-Identifier: GPL-2.0 */
/* Which threads of a process share a table of descriptors: kcmp(2) tells, where it may be asked. */
#ifndef GMEMTRACE_HOLDERS_TABLES_H
#define GMEMTRACE_HOLDERS_TABLES_H

#include <stddef.h>
#include <sys/types.h>

/* A thread of each table, in the kernel's order of them. */
struct tables {
	pid_t *threads;
	size_t nr, room;
};

enum tables_answer {
	TABLES_NEW, /* nobody who was met has it */
	TABLES_KNOWN,
	TABLES_UNTOLD, /* this kernel does not compare, or not for us; or somebody has ended meanwhile */
};

enum tables_answer tables_meet(struct tables *tables, pid_t thread);

void tables_free(struct tables *tables);

#endif
