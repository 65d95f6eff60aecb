/* SPDX-License-Identifier: GPL-2.0 */
/*
 * --vm PID: the stream of records, as if only one VM's inodes were there. With model_options.vm,
 * what is counted of each VM adds up to what is counted of all, and of nobody.
 */
#ifndef GMEMTRACE_RUN_FILTER_H
#define GMEMTRACE_RUN_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include "gmemtrace/record.h"

enum filter_whose {
	FILTER_UNKNOWN = 0,
	FILTER_OURS = 1,
	FILTER_ELSEWHERE = 2,
};

#define FILTER_TASKS_MAX 4096

/* A thread inside a request on another VM's inode. */
struct filter_task {
	uint32_t tid;
	uint32_t depth; /* requests open */
};

struct filter {
	uint32_t vm; /* tgid of the VM, or of the task that made the inode; 0: everything passes */
	uint8_t *whose; /* by an inode's number: enum filter_whose */
	size_t whose_nr;
	struct filter_task *tasks;
	size_t tasks_nr, tasks_room;
	uint64_t elsewhere; /* losses charged to other VMs' inodes, records */
	uint64_t inodes; /* that are the VM's */
	union {
		struct record_header header;
		struct record_zap zap;
		struct record_flush flush;
		struct record_inode inode;
	} changed;
};

/*
 * What is to be seen of @record: itself, a changed copy that is valid until the next call, or
 * NULL. Changes and flushes always pass, as a request on the VM's inode may touch any page and
 * anybody's flush ends an exposure; one that serves another VM's inode is no task's (tgid 0).
 */
const struct record_header *filter_choose(struct filter *filter,
					  const struct record_header *record);
static inline const struct record_header *filter_apply(struct filter *filter,
						       const struct record_header *record)
{
	return filter->vm ? filter_choose(filter, record) : record;
}

void filter_destroy(struct filter *filter);

#endif
