/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: pages going back to the allocator while they are still marked as
 * zapped. A group of its own: it taxes every free in the system.
 */
#ifndef GMEMTRACE_BPF_FREE_BPF_H
#define GMEMTRACE_BPF_FREE_BPF_H

#include "caller.h"
#include "walk.h"

struct free_loop {
	__u64 pfn; /* of bit 0 */
	__u64 zapped; /* bits: pages to look at */
	__u64 absent;
	__u64 unknown;
};

static long free_page(__u32 i, struct free_loop *loop)
{
	__u64 bit = 1ULL << (i & 63);
	enum walk_state state;

	if (!(loop->zapped & bit))
		return 0;
	state = walk_pfn(loop->pfn + i);
	if (state == WALK_ABSENT)
		loop->absent |= bit;
	else if (state == WALK_UNKNOWN)
		loop->unknown |= bit;
	return 0;
}

static __always_inline int free_check(__u64 *ctx, const struct page *page, __u32 order)
{
	struct free_loop loop = { .pfn = page_argument_pfn(page, ctx) };
	__u32 index = loop.pfn >> 6;
	__u64 *word = bpf_map_lookup_elem(&zapped_pfns, &index);
	struct record_page_free *record;

	/* Of memory that was plugged in since nothing is remembered: all of it is looked at. */
	if (word && !*word)
		return 0;
	/* Higher orders start a word of their own; what lies beyond 64 pages is not looked at. */
	loop.zapped = (word ? *word : ~0ULL) >> (loop.pfn & 63);
	if (order < 6)
		loop.zapped &= (1ULL << (1U << order)) - 1;
	if (!loop.zapped)
		return 0;
	bpf_loop(64, free_page, &loop, 0);
	if (!word && !loop.absent && !loop.unknown)
		return 0;
	slot_settle();
	if (loop.absent)
		caller_write(ctx, ctx[0]);
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		loss_count(0, 0, RECORD_LOSS_RING_FULL);
		return 0;
	}
	header_fill(&record->header, RECORD_PAGE_FREE, sizeof(*record));
	record->header.inode = 0;
	record->page = ctx[0];
	record->absent = loop.absent;
	record->unknown = loop.unknown;
	record->order = order;
	record->reserved = 0;
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
	return 0;
}

/* Freed in batches or not: free_pages_prepare() has every page (5.10 to 6.12). */
SEC("tp_btf/mm_page_free")
int BPF_PROG(page_free, struct page *page, unsigned int order)
{
	if (!armed(PROGRAM_PAGE_FREE))
		return 0;
	return free_check(ctx, page, order);
}

#endif
