/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Histograms kept in the kernel, a copy a CPU: nothing is recorded, user space
 * reads them now and then and tells what has come to them. All fields only grow,
 * so whoever reads needs no lock.
 */
#ifndef GMEMTRACE_BPF_SUMMARY_H
#define GMEMTRACE_BPF_SUMMARY_H

#include "bucket.h"
#include "clock.h"
#include "common.h"
#include "page.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RECORD_SUMMARY_CELLS);
	__type(key, __u32);
	__type(value, struct summary_histogram);
} summaries SEC(".maps");

struct summary_slot summary_slots[SUMMARY_SLOTS_NR] = {};

/* Apart, as it is rare: the longest and the shortest so far. */
static __noinline int summary_extremes(struct summary_histogram *histogram, __u64 ns)
{
	if (!histogram)
		return 0;
	for (int i = 0; i < 4; i++) {
		__u64 max = atomic_read(&histogram->max);

		if (ns <= max || atomic_compare_exchange(&histogram->max, max, ns) == max)
			break;
	}
	for (int i = 0; i < 4; i++) {
		__u64 least = atomic_read(&histogram->least);

		if (~ns <= least || atomic_compare_exchange(&histogram->least, least, ~ns) == least)
			break;
	}
	return 0;
}

/*
 * Apart: of another order than the one before. No bucket, and counted, is what ended before it began: its
 * task has come from a CPU whose clock is ahead.
 */
static __noinline __u32 summary_bucket_new(struct summary_histogram *histogram, __u64 ns)
{
	__u32 bucket = summary_bucket(ns);

	if (clock_backward(ns)) {
		loss_count(0, 0, RECORD_LOSS_UNSUMMED);
		return RECORD_SUMMARY_BUCKETS;
	}
	if (histogram)
		atomic_write(&histogram->shift, summary_shift(bucket));
	return bucket;
}

/* Atomic: another task may come between on this CPU. */
static __always_inline void summary_add(const __u32 *cell, __u64 ns, __u64 nr)
{
	struct summary_histogram *histogram = bpf_map_lookup_elem(&summaries, cell);
	__u32 bucket;

	if (!histogram)
		return;
	if (!summary_bucket_like(ns, atomic_read(&histogram->shift), &bucket))
		bucket = summary_bucket_new(histogram, ns);
	if (bucket >= RECORD_SUMMARY_BUCKETS)
		return;
	__sync_fetch_and_add(&histogram->buckets[bucket], nr);
	__sync_fetch_and_add(&histogram->sum, ns * nr);
	if (ns > histogram->max || ~ns > histogram->least)
		summary_extremes(histogram, ns);
}

static __always_inline struct summary_slot *summary_slot(__u32 tid)
{
	return &summary_slots[tid & (SUMMARY_SLOTS_NR - 1)];
}

/* Apart, as it is rare: whether @owner, who never flushed, gives way to @task. */
static __noinline bool summary_take_over(struct summary_slot *slot, __u64 owner, __u64 task,
					 __u64 now)
{
	if (!slot)
		return false;
	if (!clock_past(now, slot->since, SUMMARY_STALE_NS) ||
	    atomic_compare_exchange(&slot->task, owner, task) != owner) {
		loss_count(0, 0, RECORD_LOSS_UNSUMMED);
		return false;
	}
	slot->flush_begin = 0;
	slot->held = 0;
	return true;
}

static __always_inline void summary_release(struct summary_slot *slot)
{
	atomic_write_release(&slot->task, 0);
}

#endif
