/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: pages going back to the allocator while they are still marked as
 * zapped. A group of its own: it taxes every free in the system.
 */
#ifndef GMEMTRACE_BPF_FREE_BPF_H
#define GMEMTRACE_BPF_FREE_BPF_H

#include "common.h"
#include "walk.h"

static __always_inline int free_check(__u64 address, __u32 order)
{
	__u64 pfn = (address - sensor.vmemmap) / bpf_core_type_size(struct page);
	__u32 index = pfn >> 6;
	__u64 *word = bpf_map_lookup_elem(&zapped_pfns, &index);
	struct record_page_free *record;
	__u64 zapped, absent = 0, unknown = 0;
	__u32 i, nr;

	if (!word || !*word)
		return 0;
	/* Higher orders start a word of their own; what lies beyond 64 pages is not looked at. */
	nr = order < 6 ? 1U << order : 64;
	zapped = *word >> (pfn & 63);
	if (nr < 64)
		zapped &= (1ULL << nr) - 1;
	if (!zapped)
		return 0;
	for (i = 0; i < 64; i++) {
		enum walk_state state;

		if (i >= nr)
			break;
		if (!(zapped >> i & 1))
			continue;
		state = walk_pfn(pfn + i);
		if (state == WALK_ABSENT)
			absent |= 1ULL << i;
		else if (state == WALK_UNKNOWN)
			unknown |= 1ULL << i;
	}
	slot_settle(bpf_get_current_pid_tgid());
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		loss_count(0, 0, RECORD_LOSS_RING_FULL);
		return 0;
	}
	header_fill(&record->header, RECORD_PAGE_FREE, sizeof(*record));
	record->header.inode = 0;
	record->page = address;
	record->absent = absent;
	record->unknown = unknown;
	record->order = order;
	record->reserved = 0;
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
	return 0;
}

SEC("tp_btf/mm_page_free")
int BPF_PROG(page_free, struct page *page, unsigned int order)
{
	return free_check(ctx[0], order);
}

SEC("tp_btf/mm_page_free_batched")
int BPF_PROG(page_free_batched, struct page *page)
{
	return free_check(ctx[0], 0);
}

#endif
