/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: whether a CPU that has taken part in a flush still has a translation to a page that the flush covers.
 * Behind its handler, on that CPU, the page is read. The table says absent before and after: then no walk of
 * the CPU's can have found it in between, unless it was put back and taken out again meanwhile, which the
 * model sees. What is absent is not cached: a read leaves nothing behind for the next.
 */
#ifndef GMEMTRACE_BPF_STALE_BPF_H
#define GMEMTRACE_BPF_STALE_BPF_H

#include "walk.h"
#include "witness.bpf.h"

static __always_inline void stale_write(const struct witness_slot *slot, __u64 page)
{
	const struct task_struct___ids *task = (const void *)slot->task;
	struct record_stale *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	__u32 flusher = 0;

	if (!record) {
		loss_count(0, 0, RECORD_LOSS_UNWITNESSED);
		return;
	}
	/* It waits for this CPU. */
	bpf_core_read(&flusher, sizeof(flusher), &task->pid);
	header_fill(&record->header, RECORD_STALE, sizeof(*record));
	record->header.inode = 0;
	record->begin = slot->begin;
	record->page = page;
	record->flusher = flusher;
	record->reserved = 0;
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
}

static __always_inline bool stale_can_read(__u64 pfn)
{
	__u8 byte;

	return !bpf_probe_read_kernel(&byte, sizeof(byte),
				      (const void *)(sensor.page_offset + (pfn << PAGE_SHIFT)));
}

/* The first read spares the walks, as hardly any works. */
static __noinline int stale_look(struct witness_slot *slot)
{
	__u64 page, pfn, flags;

	if (!slot)
		return 0;
	page = slot->page;
	pfn = page_pfn(page);
	if (!page_flags_read(page, &flags) || flags_poisoned(flags) || !stale_can_read(pfn))
		return 0;
	if (walk_pfn(pfn) == WALK_ABSENT && stale_can_read(pfn) && walk_pfn(pfn) == WALK_ABSENT)
		stale_write(slot, page);
	return 0;
}

SEC("raw_tp/csd_function_exit")
int stale_read(const __u64 *ctx)
{
	struct witness_slot *slot;

	if (!function_flushes(ctx[0]))
		return 0;
	if (ctx[1]) {
		slot = witness_of(ctx[1]);
	} else {
		slot = witness_find(task_current());
		armed(PROGRAM_STALE_READ);
	}
	if (slot && slot->page)
		stale_look(slot);
	return 0;
}

#endif
