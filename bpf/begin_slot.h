/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Begin slots: a zap that waits for its flush, and a flush that has begun. In
 * an array by tid: a lookup costs a third of task storage's (measured in the
 * lab), and a global array half of a map's. A session's cookie takes as much
 * (session_vs_pair in tests/bench/), and no zap can wait in it.
 *
 * Two tasks may want one slot, so a task claims it, by writing itself into
 * `task`, and gives it back when its flush has ended. A stranger finds a second
 * place, or none: then its zap is written alone, and its flush is counted as
 * lost when it begins.
 *
 * Whoever takes `pending` (exchanged for 0) writes the zap: the task itself, a
 * program that interrupts it, or the sweeper on another CPU. Only the task
 * writes `zap`, and only while `pending` is 0.
 */
#ifndef GMEMTRACE_BPF_BEGIN_SLOT_H
#define GMEMTRACE_BPF_BEGIN_SLOT_H

#include "atomic.h"
#include "ring.h"

#define SLOT_STAMP_SHIFT 4 /* room for enum record_zap_routine below the time */

/* A change of direct-map entries, as a sensor saw it. Only words: the sweeper copies them. */
struct slot_zap {
	__u64 page; /* struct page * */
	__u64 inode;
	__u64 i_ino;
	__u64 pgoff;
	__u64 nr_result; /* pages, and the result in the upper half: as in record_zap */
	__u64 begin; /* ns; 0: not told */
};

struct begin_slot {
	__u64 task; /* struct task_struct * of the one that has claimed it, 0: free */
	__u64 pending; /* stamp of the zap that waits here, 0: none */
	__u64 flush_begin; /* ns; 0: no flush open */
	struct slot_zap zap;
};

#ifndef SLOTS_NR
#define SLOTS_NR 32768U /* a power of two */
#endif

/* Unlike any other in a slot's time: when the zap ended, and by which routine. */
static __always_inline __u64 slot_stamp(__u64 zap_end, __u32 routine)
{
	return zap_end << SLOT_STAMP_SHIFT | routine;
}

static __always_inline __u64 slot_stamp_time(__u64 stamp)
{
	return stamp >> SLOT_STAMP_SHIFT;
}

static __always_inline __u32 slot_stamp_routine(__u64 stamp)
{
	return stamp & ((1 << SLOT_STAMP_SHIFT) - 1);
}

/* Tasks that meet in the first place have ids that differ above SLOTS_NR: they part in the second. */
static __always_inline __u32 slot_index(__u32 tid, __u32 place)
{
	__u32 index = place ? tid ^ tid / SLOTS_NR ^ SLOTS_NR / 2 : tid;

	return index & (SLOTS_NR - 1);
}

static __always_inline struct begin_slot *slot_place(struct begin_slot *slots, __u32 tid,
						     __u32 place)
{
	return &slots[slot_index(tid, place)];
}

/* Claims one place for @task; true too where it is claimed already. */
static __always_inline bool slot_claim(struct begin_slot *slot, __u64 task)
{
	__u64 owner = atomic_compare_exchange(&slot->task, 0, task);

	atomic_opaque(owner);
	return !owner || owner == task;
}

static __always_inline bool slot_is_mine(const struct begin_slot *slot, __u64 task)
{
	return atomic_read(&slot->task) == task;
}

/*
 * The second place, for a task whose first is a stranger's. @armed
 * (zap_ring_ends) tells that some task has one: its next zap may find the first
 * free, and must not leave this one behind.
 */
static __always_inline struct begin_slot *slot_claim_second(struct begin_slot *slots, __u64 *armed,
							    __u64 task, __u32 tid)
{
	struct begin_slot *slot = slot_place(slots, tid, 1);

	if (!slot_claim(slot, task))
		return NULL;
	(void)atomic_compare_exchange(armed, SENSOR_ARMED, SENSOR_STRAYED);
	return slot;
}

/* The place where @task's flush has begun, or its zap waits; NULL where it has none. */
static __always_inline struct begin_slot *slot_find(struct begin_slot *slots, __u64 task, __u32 tid)
{
	struct begin_slot *slot = slot_place(slots, tid, 0);

	if (slot_is_mine(slot, task))
		return slot;
	slot = slot_place(slots, tid, 1);
	return slot_is_mine(slot, task) ? slot : NULL;
}

/* A place for @task's flush: where its zap waits, or any; NULL where strangers have both. */
static __always_inline struct begin_slot *slot_claim_any(struct begin_slot *slots, __u64 *armed,
							 __u64 task, __u32 tid)
{
	struct begin_slot *slot = slot_find(slots, task, tid);

	if (slot)
		return slot;
	slot = slot_place(slots, tid, 0);
	return slot_claim(slot, task) ? slot : slot_claim_second(slots, armed, task, tid);
}

static __always_inline void slot_release(struct begin_slot *slot)
{
	atomic_write(&slot->flush_begin, 0);
	atomic_write_release(&slot->task, 0);
}

#define SLOT_ZAP_SET(zap, field, value) atomic_write(&(zap)->field, value)

/* What was set in slot->zap waits from now on; the task has claimed the slot, and none waited there. */
static __always_inline void slot_leave(struct begin_slot *slot, __u64 stamp)
{
	atomic_write_release(&slot->pending, stamp);
}

static __always_inline void slot_copy(const struct begin_slot *slot, struct slot_zap *zap)
{
	zap->page = atomic_read(&slot->zap.page);
	zap->inode = atomic_read(&slot->zap.inode);
	zap->i_ino = atomic_read(&slot->zap.i_ino);
	zap->pgoff = atomic_read(&slot->zap.pgoff);
	zap->nr_result = atomic_read(&slot->zap.nr_result);
	zap->begin = atomic_read(&slot->zap.begin);
}

/* The zap that waits, for the task itself or what interrupts it: its stamp, 0 where there is none. */
static __always_inline __u64 slot_take(struct begin_slot *slot)
{
	return atomic_read(&slot->pending) ? atomic_exchange(&slot->pending, 0) : 0;
}

/*
 * The same from another CPU, for a zap from before @before: what was copied is
 * the zap's if nobody has taken it meanwhile, as only then may another follow.
 */
static __always_inline __u64 slot_sweep(struct begin_slot *slot, __u64 before, struct slot_zap *zap)
{
	__u64 stamp = atomic_read_acquire(&slot->pending);

	if (!stamp || slot_stamp_time(stamp) >= before)
		return 0;
	slot_copy(slot, zap);
	return atomic_compare_exchange(&slot->pending, stamp, 0) == stamp ? stamp : 0;
}

/* A task that has died gives nothing back: @task is known to be dead. */
static __always_inline void slot_reap(struct begin_slot *slot, __u64 task)
{
	if (!atomic_read(&slot->pending))
		(void)atomic_compare_exchange(&slot->task, task, 0);
}

#endif
