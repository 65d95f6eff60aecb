/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: TLB flushes of the kernel's own mappings, begin and end.
 *
 * A flush that is its task's next event after a zap is merged into the zap's
 * record: one record for a whole transition costs a third of two.
 */
#ifndef GMEMTRACE_BPF_FLUSH_BPF_H
#define GMEMTRACE_BPF_FLUSH_BPF_H

#include "slot.h"

static __always_inline int flush_enter(void)
{
	const struct task_struct___ids *task = task_current();
	struct begin_slot *slot = slot_find(task);

	slot->flush_task = (__u64)task;
	slot->flush_begin = bpf_ktime_get_ns();
	return 0;
}

static __always_inline void flush_emit_merged(struct begin_slot *slot,
					      const struct flush_part *flush)
{
	__u16 routine = slot->pending;

	slot->pending = 0;
	slot_find_owner(slot);
	slot_write(slot, 0, routine, flush);
}

static __always_inline void flush_emit(__u64 begin, __u64 first, __u64 last, __u32 routine)
{
	struct record_flush *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		loss_count(0, 0, RECORD_LOSS_RING_FULL);
		return;
	}
	header_fill(&record->header, RECORD_FLUSH, sizeof(*record));
	record->header.inode = 0;
	record->begin = begin;
	record->first = first;
	record->last = last;
	record->routine = routine;
	record->full = 0;
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
}

/* vmalloc's own narrow flushes say nothing of the direct map. */
static __always_inline bool flush_concerns_direct_map(__u64 first, __u64 last)
{
	if (last - first > sensor.flush_ceiling)
		return true;
	return first < sensor.direct_map_end && last > sensor.page_offset;
}

static __always_inline int flush_exit(__u64 first, __u64 last, __u16 routine)
{
	struct flush_part flush = { first, last, routine };
	const struct task_struct___ids *task = task_current();
	struct begin_slot *slot = slot_find(task);

	if (!slot->flush_begin)
		return 0;
	/* Another task with the same slot has begun one meanwhile: when ours began is lost. */
	if (slot->flush_task != (__u64)task) {
		loss_count(0, 0, RECORD_LOSS_SLOT_COLLISION);
		return 0;
	}
	if (slot->pending && slot->task == (__u64)task)
		flush_emit_merged(slot, &flush);
	else if (armed() && task->tgid != sensor.own_tgid && flush_concerns_direct_map(first, last))
		flush_emit(slot->flush_begin, first, last, routine);
	slot->flush_begin = 0;
	return 0;
}

SEC("fentry/flush_tlb_kernel_range")
int BPF_PROG(flush_range_enter)
{
	return flush_enter();
}

SEC("fexit/flush_tlb_kernel_range")
int BPF_PROG(flush_range_exit, unsigned long start, unsigned long end)
{
	return flush_exit(start, end, RECORD_FLUSH_RANGE);
}

SEC("fentry/flush_tlb_all")
int BPF_PROG(flush_all_enter)
{
	return flush_enter();
}

SEC("fexit/flush_tlb_all")
int BPF_PROG(flush_all_exit)
{
	return flush_exit(0, ~0ULL, RECORD_FLUSH_ALL);
}

#endif
