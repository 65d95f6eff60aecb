/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: changes of direct-map entries, at the exit of set_direct_map_*.
 *
 * There is no program at the entry unless it is asked for: it costs a fifth of
 * all that a transition does, for a time that nothing is judged by; a zap counts
 * from its exit.
 */
#ifndef GMEMTRACE_BPF_ZAP_BPF_H
#define GMEMTRACE_BPF_ZAP_BPF_H

#include "caller.h"

static __always_inline void zapped_update(__u64 pfn, __u32 nr, bool valid)
{
	__u32 index, last = (pfn + nr - 1) >> 6;
	__u64 *word;
	int i;

	/* A run is one PMD at most: 512 pages, in nine words where it is not aligned. */
	for (i = 0; i < 9; i++) {
		__u64 bits = ~0ULL;

		index = (pfn >> 6) + i;
		if (index > last)
			break;
		if (i == 0)
			bits <<= pfn & 63;
		if (index == last)
			bits &= ~0ULL >> (63 - ((pfn + nr - 1) & 63));
		word = bpf_map_lookup_elem(&zapped_pfns, &index);
		if (!word)
			break;
		if (valid)
			__sync_fetch_and_and(word, ~bits);
		else
			__sync_fetch_and_or(word, bits);
	}
}

/*
 * What a zap's first argument stands for: the struct page at *@page, its pfn
 * (read only where somebody asks for it) and its owner.
 */
static __always_inline void zap_page_read(__u64 *ctx, __u32 tid, __u64 *page, __u64 *pfn,
					  struct owner *owner, bool valid, bool plain)
{
	__u64 address;

	if (!plain && sensor.zap_by_address) {
		/* Until 6.12 the verifier refuses a plain load of a `const void *`. */
		bpf_get_func_arg(ctx, 0, &address);
		*pfn = (address - sensor.page_offset) >> PAGE_SHIFT;
		*page = page_address(*pfn);
		owner_read_address(*page, owner);
		return;
	}
	/* Volatile, as it must stay in this branch. */
	*page = *(volatile __u64 *)ctx;
	if (!plain && sensor.page_free)
		*pfn = page_argument_pfn((const void *)*page, ctx);
	owner_read((const void *)*page, owner);
	/* A restore's owner is not looked for late. */
	if (!sensor.have_rdonly_cast && !valid && !owner->inode)
		late_page_keep(tid, (const void *)*page);
}

/* When the change that ends just now began, ns; 0: that was not seen. */
static __always_inline __u64 zap_begin(void)
{
	const struct task_struct___ids *task = task_current();
	struct timed_slot *slot = timed_slot(task->pid);

	if (slot->zap_task != (__u64)task)
		return 0;
	slot->zap_task = 0;
	return slot->zap_begin;
}

static __always_inline void zap_read(struct slot_zap *zap, __u64 *ctx, __u32 tid, __u32 nr,
				     bool valid, __s32 result, bool plain)
{
	__u64 pfn = 0, page;
	struct owner owner;

	zap_page_read(ctx, tid, &page, &pfn, &owner, valid, plain);
	SLOT_ZAP_SET(zap, page, page);
	SLOT_ZAP_SET(zap, inode, owner.inode);
	SLOT_ZAP_SET(zap, i_ino, owner.i_ino);
	SLOT_ZAP_SET(zap, pgoff, owner.pgoff);
	if (!plain && sensor.zap_times)
		SLOT_ZAP_SET(zap, begin, zap_begin());
	/* Halves: no shift. */
	*(volatile __u32 *)&zap->nr_result = nr;
	*((volatile __s32 *)&zap->nr_result + 1) = result;
	if (!plain && sensor.page_free && !result)
		zapped_update(pfn, nr, valid);
}

static __noinline int zap_exit_alone(__u64 *ctx, __u32 nr, __s32 result, __u16 routine)
{
	__u64 ids = ids_current();
	struct slot_zap zap;

	zap_read(&zap, ctx, (__u32)ids, nr, false, result, false);
	zap_write_alone(&zap, ids, slot_stamp(bpf_ktime_get_ns(), routine));
	return 0;
}

/*
 * Where not all is plain: whether the change is to be recorded. What the task
 * left in its second place goes before what it leaves in its first.
 */
static __noinline bool zap_armed_specially(__u32 program)
{
	const struct task_struct___ids *task = task_current();
	struct begin_slot *slot = slot_place(slots, task->pid, 1);

	if (!armed_specially(program))
		return false;
	if (slot_is_mine(slot, (__u64)task)) {
		slot_emit(slot);
		slot_release(slot);
	}
	return true;
}

static __always_inline bool zap_armed(enum sensor_program program)
{
	return armed_plainly() || zap_armed_specially(program);
}

/*
 * A change of the current task's, to wait for its flush; written at once where there is no place, and of
 * a worker's, whose flush may be a request's that waits for it, and does not wait for a sweep.
 */
static __always_inline int zap_exit(__u64 *ctx, __u32 nr, __s32 result, __u16 routine, bool plain)
{
	const struct task_struct___ids *task = task_current();
	struct begin_slot *slot = slot_place(slots, task->pid, 0);

	if (task->flags & PF_KTHREAD)
		return zap_exit_alone(ctx, nr, result, routine);
	if (!slot_claim(slot, (__u64)task)) {
		slot = slot_claim_second(slots, &zap_ends.armed, (__u64)task, task->pid);
		if (!slot)
			return zap_exit_alone(ctx, nr, result, routine);
	}
	slot_emit(slot);
	zap_read(&slot->zap, ctx, task->pid, nr, false, result, plain);
	slot_leave(slot, slot_stamp(bpf_ktime_get_ns(), routine));
	return 0;
}

/* A restore needs no flush: nothing to wait for. */
static __always_inline int restore_exit(__u64 *ctx, __u32 nr, __s32 result, __u16 routine,
					bool plain)
{
	const struct task_struct___ids *task = task_current();
	struct begin_slot *slot = slot_find(slots, (__u64)task, task->pid);
	struct slot_zap zap;

	if (slot && atomic_read(&slot->pending))
		caller_restores(ctx, slot, routine);
	zap_read(&zap, ctx, task->pid, nr, true, result, plain);
	zap_write(&zap, plain ? task_ids(task) : ids_current(), bpf_ktime_get_ns(), 1, routine,
		  plain);
	return 0;
}

static __always_inline int zap_invalid(__u64 *ctx, int result, bool plain)
{
	if (!zap_armed(PROGRAM_ZAP_INVALID_EXIT))
		return 0;
	return zap_exit(ctx, 1, result, RECORD_ZAP_INVALID, plain);
}

SEC("fexit/set_direct_map_invalid_noflush")
int BPF_PROG(zap_invalid_exit, const void *page, int result)
{
	return zap_invalid(ctx, result, false);
}

SEC("fexit/set_direct_map_invalid_noflush")
int BPF_PROG(zap_invalid_exit_plain, const void *page, int result)
{
	return zap_invalid(ctx, result, true);
}

static __always_inline int zap_default(__u64 *ctx, int result, bool plain)
{
	if (!armed(PROGRAM_ZAP_DEFAULT_EXIT))
		return 0;
	return restore_exit(ctx, 1, result, RECORD_ZAP_DEFAULT, plain);
}

SEC("fexit/set_direct_map_default_noflush")
int BPF_PROG(zap_default_exit, const void *page, int result)
{
	return zap_default(ctx, result, false);
}

SEC("fexit/set_direct_map_default_noflush")
int BPF_PROG(zap_default_exit_plain, const void *page, int result)
{
	return zap_default(ctx, result, true);
}

static __always_inline int zap_valid(__u64 *ctx, __u32 nr, bool valid, int result, bool plain)
{
	if (!zap_armed(PROGRAM_ZAP_VALID_EXIT))
		return 0;
	if (valid)
		return restore_exit(ctx, nr, result, RECORD_ZAP_VALID, plain);
	return zap_exit(ctx, nr, result, RECORD_ZAP_VALID, plain);
}

SEC("fexit/set_direct_map_valid_noflush")
int BPF_PROG(zap_valid_exit, const void *page, unsigned int nr, bool valid, int result)
{
	return zap_valid(ctx, nr, valid, result, false);
}

SEC("fexit/set_direct_map_valid_noflush")
int BPF_PROG(zap_valid_exit_plain, const void *page, unsigned int nr, bool valid, int result)
{
	return zap_valid(ctx, nr, valid, result, true);
}

/* Who is preempted meanwhile by another with its slot has no begin then. */
static __always_inline int zap_enter(enum sensor_program program)
{
	const struct task_struct___ids *task = task_current();
	struct timed_slot *slot = timed_slot(task->pid);

	if (!armed(program))
		return 0;
	atomic_write(&slot->zap_task, (__u64)task);
	atomic_write(&slot->zap_begin, bpf_ktime_get_ns());
	return 0;
}

SEC("fentry/set_direct_map_invalid_noflush")
int BPF_PROG(zap_invalid_enter, const void *page)
{
	return zap_enter(PROGRAM_ZAP_INVALID_ENTER);
}

SEC("fentry/set_direct_map_default_noflush")
int BPF_PROG(zap_default_enter, const void *page)
{
	return zap_enter(PROGRAM_ZAP_DEFAULT_ENTER);
}

SEC("fentry/set_direct_map_valid_noflush")
int BPF_PROG(zap_valid_enter, const void *page, unsigned int nr, bool valid)
{
	return zap_enter(PROGRAM_ZAP_VALID_ENTER);
}

#endif
