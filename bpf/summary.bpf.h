/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: how long flushes take and pages stay exposed, as histograms. No
 * verdict, no record of an event: for figures that are always on.
 */
#ifndef GMEMTRACE_BPF_SUMMARY_BPF_H
#define GMEMTRACE_BPF_SUMMARY_BPF_H

#include "summary.h"

/* Behind the last that there is room for: the last one's time is that of its first run. */
static __noinline int summary_join(struct summary_slot *slot, __u64 first, __u64 nr)
{
	struct summary_zap *last;

	if (!slot)
		return 0;
	last = &slot->zaps[SUMMARY_ZAPS - 1];
	if (first < last->first)
		last->first = first;
	if (first + nr > last->last)
		last->last = first + nr;
	last->nr += nr;
	last->joined = 1;
	return 0;
}

static __always_inline int summary_zap(__u64 pfn, __u64 nr)
{
	const struct task_struct___ids *task = task_current();
	struct summary_slot *slot = summary_slot(task->pid);
	__u64 now = bpf_ktime_get_ns();
	struct summary_zap *zap;
	__u32 at;

	if (slot->task != (__u64)task && !summary_claim(slot, (__u64)task, now))
		return 0;
	at = slot->nr;
	if (at >= SUMMARY_ZAPS)
		return summary_join(slot, pfn, nr);
	zap = &slot->zaps[at];
	zap->first = pfn;
	zap->last = pfn + nr;
	zap->nr = nr;
	zap->joined = 0;
	zap->end = now;
	slot->since = now;
	slot->nr = at + 1;
	return 0;
}

/* The pfn of the first argument, a struct page or an address. */
static __always_inline __u64 summary_pfn(__u64 *ctx)
{
	__u64 value;

	if (!sensor.zap_by_address)
		return page_argument_pfn((const void *)*(volatile __u64 *)ctx, ctx);
	bpf_get_func_arg(ctx, 0, &value);
	return (value - sensor.page_offset) >> PAGE_SHIFT;
}

/* Where the flush covers the zap: in place of addresses, pfns; everything is one that ends nowhere. */
static __always_inline bool summary_ended(const struct summary_zap *zap, __u64 first, __u64 last,
					  __u64 now)
{
	if (zap->first < first || zap->last > last)
		return false;
	summary_add(zap->joined ? RECORD_SUMMARY_EXPOSURE_AT_MOST : RECORD_SUMMARY_EXPOSURE,
		    now - zap->end, zap->nr);
	return true;
}

/* Apart, as registers are few. */
static __noinline bool summary_end_one(const struct summary_zap *zap, __u64 first, __u64 last,
				       __u64 now)
{
	return zap && summary_ended(zap, first, last, now);
}

/* Apart: several zaps, or one that is not covered, which stays. */
static __noinline int summary_end_all(struct summary_slot *slot, __u64 first, __u64 last, __u64 now)
{
	__u32 kept = 0;

	if (!slot)
		return 0;
	for (__u32 i = 0; i < SUMMARY_ZAPS; i++) {
		if (i >= slot->nr)
			break;
		if (summary_end_one(&slot->zaps[i], first, last, now))
			continue;
		/* Hidden from clang, which knows that it is below and would leave the mask out. */
		atomic_opaque(kept);
		slot->zaps[kept & (SUMMARY_ZAPS - 1)] = slot->zaps[i];
		kept++;
	}
	slot->nr = kept;
	return 0;
}

static __always_inline __u32 summary_cell(const struct task_struct___ids *task, __u64 first,
					  __u64 last, bool all)
{
	__u64 bytes = last - first;

	if (task->tgid == sensor.own_tgid)
		return RECORD_SUMMARY_OURS;
	if (all)
		return RECORD_SUMMARY_ALL;
	if (bytes > sensor.flush_ceiling)
		return RECORD_SUMMARY_CEILING;
	if (first < sensor.direct_map_end && last > sensor.page_offset)
		return bytes <= 1 << PAGE_SHIFT ? RECORD_SUMMARY_ONE : RECORD_SUMMARY_FEW;
	return bytes <= 1 << PAGE_SHIFT ? RECORD_SUMMARY_ELSEWHERE_ONE
					: RECORD_SUMMARY_ELSEWHERE_FEW;
}

static __always_inline int summary_flush(enum sensor_program program, __u64 first, __u64 last,
					 bool all)
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
	if (slot->flush_begin)
		summary_add(summary_cell(task, first, last, all), now - slot->flush_begin, 1);
	slot->flush_begin = 0;
	if (all || last - first > sensor.flush_ceiling) {
		first = 0;
		last = ~0ULL;
	} else {
		first = (first - sensor.page_offset) >> PAGE_SHIFT;
		last = (last - sensor.page_offset + (1 << PAGE_SHIFT) - 1) >> PAGE_SHIFT;
	}
	if (slot->nr == 1 && summary_ended(&slot->zaps[0], first, last, now))
		slot->nr = 0;
	else if (slot->nr)
		summary_end_all(slot, first, last, now);
	if (!slot->nr)
		summary_release(slot);
	return 0;
}

static __always_inline int summary_begin(enum sensor_program program)
{
	const struct task_struct___ids *task = task_current();
	struct summary_slot *slot = summary_slot(task->pid);
	__u64 now;

	if (!armed(program))
		return 0;
	now = bpf_ktime_get_ns();
	if (slot->task != (__u64)task) {
		if (!summary_claim(slot, (__u64)task, now))
			return 0;
		slot->since = now;
	}
	slot->flush_begin = now;
	return 0;
}

SEC("fexit/set_direct_map_invalid_noflush")
int BPF_PROG(summary_invalid_exit, const void *page, int result)
{
	if (!armed(PROGRAM_SUMMARY_INVALID_EXIT) || result)
		return 0;
	return summary_zap(summary_pfn(ctx), 1);
}

SEC("fexit/set_direct_map_valid_noflush")
int BPF_PROG(summary_valid_exit, const void *page, unsigned int nr, bool valid, int result)
{
	if (!armed(PROGRAM_SUMMARY_VALID_EXIT) || result || valid)
		return 0;
	return summary_zap(summary_pfn(ctx), nr);
}

SEC("fentry/flush_tlb_kernel_range")
int BPF_PROG(timed_range_enter, unsigned long start, unsigned long end)
{
	return summary_begin(PROGRAM_TIMED_RANGE_ENTER);
}

SEC("fexit/flush_tlb_kernel_range")
int BPF_PROG(timed_range_exit, unsigned long start, unsigned long end)
{
	return summary_flush(PROGRAM_TIMED_RANGE_EXIT, start, end, false);
}

SEC("fentry/flush_tlb_all")
int BPF_PROG(timed_all_enter)
{
	return summary_begin(PROGRAM_TIMED_ALL_ENTER);
}

SEC("fexit/flush_tlb_all")
int BPF_PROG(timed_all_exit)
{
	return summary_flush(PROGRAM_TIMED_ALL_EXIT, 0, ~0ULL, true);
}

#endif
