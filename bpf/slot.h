/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A zap that waits for its task's next event, written as a record of its own.
 */
#ifndef GMEMTRACE_BPF_SLOT_H
#define GMEMTRACE_BPF_SLOT_H

#include "owner.h"

/* memfd_secret zaps a page before it adds it to its file: by now it shows whose it is. */
static __always_inline void slot_find_owner(struct begin_slot *slot)
{
	struct owner owner;

	if (slot->inode)
		return;
	owner_read_address(slot->page, &owner);
	slot->inode = owner.inode;
	slot->i_ino = owner.i_ino;
	slot->pgoff = owner.pgoff;
}

static __noinline int slot_emit(struct begin_slot *slot)
{
	struct flush_part none = {};
	__u16 routine;

	if (!slot)
		return 0;
	routine = slot->pending;
	slot->pending = 0;
	slot_find_owner(slot);
	slot_write(slot, 0, routine, &none);
	return 0;
}

/* Every sensor calls this before it writes: a waiting zap must not be overtaken by its own task. */
static __always_inline void slot_settle(void)
{
	const struct task_struct___ids *task = task_current();
	struct begin_slot *slot = slot_find(task);

	if (slot->pending && slot->task == (__u64)task)
		slot_emit(slot);
}

#endif
