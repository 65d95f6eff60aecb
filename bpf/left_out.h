/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inodes that no filter wants: user space says which (--vm, --comm, --inode), and no request on
 * them, nor a step of one, nor a page that joins them is written.
 *
 * Changes, flushes, pages that leave and are freed are written whoever serves whom: any of them may
 * be of a page that is wanted. They are only no task's (tgid 0) inside a request that is left out,
 * as src/run/filter.h has it. A release is written, as it tells that its inode's number is free.
 *
 * Who is inside such a request stands in a slot by tid; where a stranger has it, the request is
 * written, and src/run/filter.c drops it. One text for the sensors and for tests/unit/test_filter.c.
 */
#ifndef GMEMTRACE_BPF_LEFT_OUT_H
#define GMEMTRACE_BPF_LEFT_OUT_H

#include "clock.h"

#define LEFT_OUT_SLOTS_NR 4096U /* a power of two */
#define LEFT_OUT_STALE_NS 10000000000ULL /* its end was missed */

struct left_out_slot {
	__u64 task; /* struct task_struct * of the one that has it, 0: free */
	__u64 inode; /* address: of the outermost request */
	__u64 since; /* ns */
	__u64 depth; /* requests open */
};

static __always_inline __u32 left_out_index(__u32 tid)
{
	return tid & (LEFT_OUT_SLOTS_NR - 1);
}

/* Whether @task is inside a request that was left out. @slot: its own. */
static __always_inline bool left_out_inside(const struct left_out_slot *slot, __u64 task)
{
	return slot->task == task && slot->depth;
}

/* The first request that is left out. */
static __always_inline bool left_out_begin(struct left_out_slot *slot, __u64 task, __u64 inode,
					   __u64 now)
{
	__u64 before = slot->task;

	if (before && !clock_past(now, slot->since, LEFT_OUT_STALE_NS))
		return false;
	if (atomic_compare_exchange(&slot->task, before, task) != before)
		return false;
	slot->inode = inode;
	slot->since = now;
	slot->depth = 1;
	return true;
}

/*
 * Whether a request's begin or end by @task is left out. @inode 0: a step, which is whose the request
 * around it is; @unwanted: the inode is. An end is where its begin was, whatever user space has said
 * meanwhile.
 */
static __always_inline bool left_out_request(struct left_out_slot *slot, __u64 task, __u64 inode,
					     bool unwanted, bool begin, __u64 now)
{
	if (!left_out_inside(slot, task))
		return begin && unwanted && left_out_begin(slot, task, inode, now);
	if (inode && inode != slot->inode && !unwanted)
		return false;
	if (begin)
		slot->depth++;
	else if (!--slot->depth)
		atomic_write(&slot->task, 0);
	return true;
}

#endif
