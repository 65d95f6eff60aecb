// SPDX-License-Identifier: GPL-2.0
#include <linux/kcmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "holders/tables.h"

enum order {
	EQUAL = 0,
	LESS = 1,
	GREATER = 2
}; /* as kcmp() has it */

static enum tables_answer table_insert(struct tables *tables, size_t at, pid_t thread)
{
	size_t room = tables->room ? 2 * tables->room : 16;
	pid_t *grown;

	if (tables->nr == tables->room) {
		grown = realloc(tables->threads, room * sizeof(*grown));
		if (!grown)
			return TABLES_UNTOLD;
		tables->threads = grown;
		tables->room = room;
	}
	memmove(tables->threads + at + 1, tables->threads + at,
		(tables->nr - at) * sizeof(*tables->threads));
	tables->threads[at] = thread;
	tables->nr++;
	return TABLES_NEW;
}

enum tables_answer tables_meet(struct tables *tables, pid_t thread)
{
	size_t low = 0, high = tables->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		long order = syscall(SYS_kcmp, thread, tables->threads[middle], KCMP_FILES, 0, 0);

		if (order == EQUAL)
			return TABLES_KNOWN;
		if (order != LESS && order != GREATER)
			return TABLES_UNTOLD;
		if (order == LESS)
			high = middle;
		else
			low = middle + 1;
	}
	return table_insert(tables, low, thread);
}

void tables_free(struct tables *tables)
{
	free(tables->threads);
	memset(tables, 0, sizeof(*tables));
}
