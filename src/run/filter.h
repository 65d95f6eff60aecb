/* SPDX-License-Identifier: GPL-2.0 */
/*
 * --vm PID, --comm NAME, --inode INODE: the stream of records, as if only these inodes were there.
 * With model_options.vm, what is counted of each VM adds up to what is counted of all, and of
 * nobody.
 */
#ifndef GMEMTRACE_RUN_FILTER_H
#define GMEMTRACE_RUN_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include "gmemtrace/run.h"

enum filter_whose {
	FILTER_UNKNOWN = 0,
	FILTER_OURS = 1,
	FILTER_ELSEWHERE = 2,
};

#define FILTER_TASKS_MAX 4096

/* A thread inside a request on another inode. */
struct filter_task {
	uint32_t tid;
	uint32_t depth; /* requests open */
	uint64_t since; /* ns: the begin of the outermost */
};

struct filter {
	/* What passes is all of these. */
	uint32_t vm; /* tgid of the VM, or of the task that made the inode; 0: any */
	const char *comm; /* a pattern for the VM's; NULL: any */
	uint64_t inode; /* its number; 0: any */
	uint32_t *tgids; /* without `vm`: of the VMs whose inodes have passed */
	size_t tgids_nr, tgids_room;
	uint8_t *whose; /* by an inode's number: enum filter_whose */
	size_t whose_nr;
	struct filter_task *tasks;
	size_t tasks_nr, tasks_room;
	uint64_t elsewhere; /* losses charged to other inodes, records */
	uint64_t inodes; /* that have passed */
	union {
		struct record_header header;
		struct record_zap zap;
		struct record_flush flush;
		struct record_flush_timed timed;
		struct record_inode inode;
	} changed;
};

/* Nothing has been seen yet. @options' strings must outlive it. */
void filter_init(struct filter *filter, const struct run_options *options);

/* model_options.vm for such a filter; 0: everything passes. */
uint32_t filter_vm(const struct run_options *options);

/*
 * What is to be seen of @record: itself, a changed copy that is valid until the next call, or
 * NULL. Changes and flushes always pass, as a request on an inode that passes may touch any page and
 * anybody's flush ends an exposure; one that serves another inode, or where `vm` is not given is
 * not by a VM of theirs, is no task's (tgid 0).
 */
const struct record_header *filter_choose(struct filter *filter,
					  const struct record_header *record);
static inline bool filter_on(const struct filter *filter)
{
	return filter->vm || filter->comm || filter->inode;
}

static inline const struct record_header *filter_apply(struct filter *filter,
						       const struct record_header *record)
{
	return filter_on(filter) ? filter_choose(filter, record) : record;
}

/* Whether the inode numbered @inode is one that does not pass, as far as is known. */
bool filter_leaves_out(const struct filter *filter, uint64_t inode);

void filter_destroy(struct filter *filter);

#endif
