/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A zap that waits for its task's next event, written as a record of its own.
 */
#ifndef GMEMTRACE_BPF_SLOT_H
#define GMEMTRACE_BPF_SLOT_H

#include "common.h"
#include "late_page.h"

static __always_inline __u64 ids_current(void)
{
	const struct task_struct___ids *task = task_current();

	return left_out_ids((__u64)task, task_ids(task));
}

/*
 * Whose @zap's page is, which @tid made. memfd_secret zaps a page before it adds it to its file: by the time
 * that this is written (@late) the page shows it.
 */
static __always_inline void zap_owner(const struct slot_zap *zap, __u32 tid, struct owner *owner,
				      bool late)
{
	owner->inode = zap->inode;
	owner->i_ino = zap->i_ino;
	owner->pgoff = zap->pgoff;
	if (late && !owner->inode)
		late_owner_read(tid, zap->page, owner);
}

static __always_inline void zap_fill_owner(struct record_zap *record, const struct slot_zap *zap,
					   __u32 tid, bool late)
{
	struct owner owner;

	zap_owner(zap, tid, &owner, late);
	record->header.inode = owner.inode;
	record->i_ino = owner.i_ino;
	record->pgoff = owner.pgoff;
}

static __always_inline void zap_fill_flush(struct record_zap *record,
					   const struct flush_part *flush)
{
	record->flush_begin = flush->begin;
	record->flush_first = flush->first;
	record->flush_last = flush->last;
	record->flush_routine = flush->routine;
}

/* There was no room for @zap. */
static __always_inline void zap_lost(const struct slot_zap *zap, __u32 tid, bool late)
{
	struct owner owner;

	zap_owner(zap, tid, &owner, late);
	loss_count(owner.inode, owner.i_ino, RECORD_LOSS_RING_FULL);
}

/* Writes @zap, by whoever has @ids, as a record without a flush. */
static __always_inline void zap_write(const struct slot_zap *zap, __u64 ids, __u64 zap_end,
				      __u16 valid, __u16 routine, bool plain)
{
	const struct flush_part none = {};
	struct zap_ring_entry *entry;
	__u64 index;

	entry = zap_reserve(&index);
	if (!entry) {
		zap_lost(zap, (__u32)ids, !valid);
		return;
	}
	zap_fill(&entry->record, zap, zap_end, valid, routine, plain);
	entry->record.header.tid = (__u32)ids;
	entry->record.header.tgid = ids >> 32;
	zap_fill_owner(&entry->record, zap, (__u32)ids, !valid);
	zap_fill_flush(&entry->record, &none);
	zap_publish(entry, index);
}

/* The same of the zap of @stamp. @zap is ours. */
static __always_inline void zap_write_alone(const struct slot_zap *zap, __u64 ids, __u64 stamp)
{
	zap_write(zap, ids, slot_stamp_time(stamp), 0, slot_stamp_routine(stamp), false);
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
