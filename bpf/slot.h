/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A zap that waits for its task's next event, written as a record of its own.
 */
#ifndef GMEMTRACE_BPF_SLOT_H
#define GMEMTRACE_BPF_SLOT_H

#include "common.h"
#include "owner.h"

static __always_inline __u64 ids_current(void)
{
	const struct task_struct___ids *task = task_current();

	return left_out_ids((__u64)task, task_ids(task));
}

/* memfd_secret zaps a page before it adds it to its file: by now it shows whose it is. */
static __always_inline void zap_find_owner(struct slot_zap *zap)
{
	struct owner owner;

	if (zap->inode)
		return;
	owner_read_address(zap->page, &owner);
	zap->inode = owner.inode;
	zap->i_ino = owner.i_ino;
	zap->pgoff = owner.pgoff;
}

/* Writes the zap of @stamp as a record of its own. @zap is ours. */
static __always_inline void zap_write_alone(struct slot_zap *zap, __u64 ids, __u64 stamp)
{
	struct flush_part none = {};

	zap_find_owner(zap);
	zap_write(zap, ids, slot_stamp_time(stamp), 0, slot_stamp_routine(stamp), &none);
}

/* Apart, as it is rare where every zap has its flush: what it needs would be kept on the stack. */
static __noinline int slot_write(struct begin_slot *slot)
{
	__u64 stamp;

	if (!slot)
		return 0;
	stamp = slot_take(slot);
	if (stamp)
		zap_write_alone(&slot->zap, ids_current(), stamp);
	return 0;
}

/* Writes the zap that waits in @slot, if one does. For the task itself, or what interrupts it. */
static __always_inline void slot_emit(struct begin_slot *slot)
{
	if (atomic_read(&slot->pending))
		slot_write(slot);
}

/* Every sensor calls this before it writes: a waiting zap must not be overtaken by its own task. */
static __always_inline void slot_settle(void)
{
	const struct task_struct___ids *task = task_current();
	struct begin_slot *slot = slot_find(slots, (__u64)task, task->pid);

	if (slot)
		slot_emit(slot);
}

#endif
