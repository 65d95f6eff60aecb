/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: how long flushes take and pages stay exposed, as histograms. No
 * verdict, no record of an event: for figures that are always on.
 */
#ifndef GMEMTRACE_BPF_SUMMARY_BPF_H
#define GMEMTRACE_BPF_SUMMARY_BPF_H

#include "summary.h"

static __always_inline void summary_keep(struct summary_zap *zap, __u64 first, __u64 nr, __u64 now)
{
	zap->first = first;
	zap->last = first + ((nr - 1) << PAGE_SHIFT);
	zap->end = now;
	zap->nr = nr;
	zap->cell = RECORD_SUMMARY_EXPOSURE;
}

/* Behind the last that there is room for: the last one's time is that of its first run. */
static __always_inline void summary_join(struct summary_zap *last, __u64 first, __u64 nr)
{
	__u64 end = first + ((nr - 1) << PAGE_SHIFT);

	if (first < last->first)
		last->first = first;
	if (end > last->last)
		last->last = end;
	last->nr += nr;
	last->cell = RECORD_SUMMARY_EXPOSURE_AT_MOST;
}

/* How many runs are in slot->zaps: what most flushes end, one page, is kept as its address alone until there is more. */
static __always_inline __u64 summary_runs(struct summary_slot *slot)
{
	if (slot->held > SUMMARY_ZAPS) {
		summary_keep(&slot->zaps[0], slot->held, 1, slot->since);
		slot->held = 1;
	}
	return slot->held;
}

/* Apart: not the first since the last flush, or of several pages. */
static __noinline int summary_zap_more(struct summary_slot *slot, __u64 owner, __u64 first,
				       __u64 nr, __u64 now)
{
	__u64 task = bpf_get_current_task(), at;

	if (!slot)
		return 0;
	if (!owner)
		slot->held = 0;
	else if (owner != task && !summary_take_over(slot, owner, task, now))
		return 0;
	at = summary_runs(slot);
	slot->since = now;
	if (at >= SUMMARY_ZAPS) {
		summary_join(&slot->zaps[SUMMARY_ZAPS - 1], first, nr);
		return 0;
	}
	summary_keep(&slot->zaps[at], first, nr, now);
	slot->held = at + 1;
	return 0;
}

/* @first: the address of the first of @nr pages. */
static __always_inline int summary_zap(__u64 first, __u64 nr)
{
	const struct task_struct___ids *task = task_current();
	struct summary_slot *slot = summary_slot(task->pid);
	__u64 now = bpf_ktime_get_ns(), owner;

	/* Free, as it mostly is: then what stands in it is nobody's. */
	owner = atomic_compare_exchange(&slot->task, 0, (__u64)task);
	atomic_opaque(owner);
	if (owner || nr != 1)
		return summary_zap_more(slot, owner, first, nr, now);
	slot->since = now;
	slot->held = first;
	return 0;
}

/* The direct map's address of the first argument, which is a struct page or that address. */
static __always_inline __u64 summary_address(__u64 *ctx)
{
	__u64 value;

	if (!sensor.zap_by_address)
		return sensor.page_offset +
		       (page_argument_pfn((const void *)*(volatile __u64 *)ctx, ctx) << PAGE_SHIFT);
	bpf_get_func_arg(ctx, 0, &value);
	return value;
}

/* Of an address range, as hardware takes it: each page that it touches. */
static __always_inline bool summary_covers(const struct summary_zap *zap, __u64 first, __u64 last)
{
	return zap->first >= (first & ~((1ULL << PAGE_SHIFT) - 1)) && zap->last < last;
}

/* Apart, as registers are few. */
static __noinline bool summary_end_one(const struct summary_zap *zap, __u64 first, __u64 last,
				       __u64 now)
{
	if (!zap || !summary_covers(zap, first, last))
		return false;
	summary_add(&zap->cell, now - zap->end, zap->nr);
	return true;
}

/* Apart: several zaps, or one that is not covered, which stays. */
static __noinline int summary_end_all(struct summary_slot *slot, __u64 first, __u64 last, __u64 now)
{
	__u32 kept = 0;
	__u64 runs;

	if (!slot)
		return 0;
	runs = summary_runs(slot);
	for (__u32 i = 0; i < SUMMARY_ZAPS; i++) {
		if (i >= runs)
			break;
		if (summary_end_one(&slot->zaps[i], first, last, now))
			continue;
		/* Hidden from clang, which knows that it is below and would leave the mask out. */
		atomic_opaque(kept);
		slot->zaps[kept & (SUMMARY_ZAPS - 1)] = slot->zaps[i];
		kept++;
	}
	slot->held = kept;
	return 0;
}

static __always_inline __u32 summary_cell(const struct task_struct___ids *task, __u64 first,
					  __u64 last)
{
	__u64 bytes = last - first;

	if (task->tgid == sensor.own_tgid)
		return RECORD_SUMMARY_OURS;
	if (!first && last == ~0ULL)
		return RECORD_SUMMARY_ALL;
	if (bytes > sensor.flush_ceiling)
		return RECORD_SUMMARY_CEILING;
	if (first < sensor.direct_map_end && last > sensor.page_offset)
		return bytes <= 1 << PAGE_SHIFT ? RECORD_SUMMARY_ONE : RECORD_SUMMARY_FEW;
	return bytes <= 1 << PAGE_SHIFT ? RECORD_SUMMARY_ELSEWHERE_ONE
					: RECORD_SUMMARY_ELSEWHERE_FEW;
}

/* Apart: any flush of the slot's task, which ends at @now; from 0 to ~0: flush_tlb_all(). */
static __noinline int summary_flush_any(struct summary_slot *slot, __u64 first, __u64 last,
					__u64 now)
{
	__u32 cell = summary_cell(task_current(), first, last);

	if (!slot)
		return 0;
	if (slot->flush_begin >= slot->since)
		summary_add(&cell, now - slot->flush_begin, 1);
	slot->flush_begin = 0;
	if (last - first > sensor.flush_ceiling) {
		first = 0;
		last = ~0ULL;
	}
	if (slot->held)
		summary_end_all(slot, first, last, now);
	if (!slot->held)
		summary_release(slot);
	return 0;
}

/* What most are: of the one page that has been changed, and nothing else before. */
static __always_inline bool summary_flush_plain(const struct task_struct___ids *task,
						struct summary_slot *slot, __u64 first, __u64 last,
						__u64 now)
{
	const __u32 cells[] = { RECORD_SUMMARY_ONE, RECORD_SUMMARY_EXPOSURE };
	__u64 begin = slot->flush_begin, since = slot->since;

	if (slot->held != first || last - first != 1 << PAGE_SHIFT ||
	    sensor.flush_ceiling < 1 << PAGE_SHIFT || task->tgid == sensor.own_tgid)
		return false;
	if (begin >= since)
		summary_add(&cells[0], now - begin, 1);
	summary_add(&cells[1], now - since, 1);
	summary_release(slot);
	return true;
}

static __always_inline int summary_flush(enum sensor_program program, __u64 first, __u64 last)
{
	const struct task_struct___ids *task = task_current();
	struct summary_slot *slot = summary_slot(task->pid);
	__u64 now;

	/* Neither a zap nor a begin of ours: nothing to tell, or it was counted then. */
	if (slot->task != (__u64)task) {
		armed(program);
		return 0;
	}
	now = bpf_ktime_get_ns();
	if (!summary_flush_plain(task, slot, first, last, now))
		summary_flush_any(slot, first, last, now);
	return 0;
}

/* Apart: no zap of the task's waits. Whether there is a slot, now its. */
static __noinline bool summary_begin_alone(__u32 program, struct summary_slot *slot)
{
	__u64 task = bpf_get_current_task(), owner, now;

	if (!slot || !armed(program))
		return false;
	now = bpf_ktime_get_ns();
	owner = atomic_compare_exchange(&slot->task, 0, task);
	if (owner && !summary_take_over(slot, owner, task, now))
		return false;
	slot->held = 0;
	slot->since = now;
	return true;
}

static __always_inline int summary_begin(enum sensor_program program)
{
	const struct task_struct___ids *task = task_current();
	struct summary_slot *slot = summary_slot(task->pid);

	if (slot->task != (__u64)task && !summary_begin_alone(program, slot))
		return 0;
	slot->flush_begin = bpf_ktime_get_ns();
	return 0;
}

SEC("fexit/set_direct_map_invalid_noflush")
int BPF_PROG(summary_invalid_exit, const void *page, int result)
{
	if (result)
		return 0;
	return armed(PROGRAM_SUMMARY_INVALID_EXIT) ? summary_zap(summary_address(ctx), 1) : 0;
}

SEC("fexit/set_direct_map_valid_noflush")
int BPF_PROG(summary_valid_exit, const void *page, unsigned int nr, bool valid, int result)
{
	if (!armed(PROGRAM_SUMMARY_VALID_EXIT) || result || valid)
		return 0;
	return summary_zap(summary_address(ctx), nr);
}

SEC("fentry/flush_tlb_kernel_range")
int BPF_PROG(timed_range_enter, unsigned long start, unsigned long end)
{
	return summary_begin(PROGRAM_TIMED_RANGE_ENTER);
}

SEC("fexit/flush_tlb_kernel_range")
int BPF_PROG(timed_range_exit, unsigned long start, unsigned long end)
{
	return summary_flush(PROGRAM_TIMED_RANGE_EXIT, start, end);
}

SEC("fentry/flush_tlb_all")
int BPF_PROG(timed_all_enter)
{
	return summary_begin(PROGRAM_TIMED_ALL_ENTER);
}

SEC("fexit/flush_tlb_all")
int BPF_PROG(timed_all_exit)
{
	return summary_flush(PROGRAM_TIMED_ALL_EXIT, 0, ~0ULL);
}

#endif
