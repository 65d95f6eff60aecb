/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: pages going back to the allocator while they are still marked as
 * zapped. A group of its own: it taxes every free in the system.
 */
#ifndef GMEMTRACE_BPF_FREE_BPF_H
#define GMEMTRACE_BPF_FREE_BPF_H

#include "caller.h"
#include "walk.h"

#define PART_ORDER 6 /* 64 pages: a word of zapped_pfns, and a record */

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

/* Of a free of 2^@order pages, 64 at most: the page @pfn and those behind it. */
static __always_inline void free_part(__u64 *ctx, __u64 pfn, __u32 order)
{
	__u32 index = pfn >> 6;
	__u64 *word = bpf_map_lookup_elem(&zapped_pfns, &index);
	struct record_page_free *record;
	struct free_loop loop;

	/* Of memory that was plugged in since nothing is remembered: all of it is looked at. */
	if (word && !*word)
		return;
	loop.pfn = pfn;
	loop.absent = 0;
	loop.unknown = 0;
	loop.zapped = (word ? *word : ~0ULL) >> (pfn & 63);
	if (order < PART_ORDER)
		loop.zapped &= (1ULL << (1U << order)) - 1;
	if (!loop.zapped)
		return;
	bpf_loop(64, free_page, &loop, 0);
	if (!word && !loop.absent && !loop.unknown)
		return;
	slot_settle();
	if (loop.absent)
		caller_write(ctx, page_address(pfn));
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		loss_count(0, 0, RECORD_LOSS_RING_FULL);
		return;
	}
	header_fill(&record->header, RECORD_PAGE_FREE, sizeof(*record));
	record->header.inode = 0;
	record->page = page_address(pfn);
	record->absent = loop.absent;
	record->unknown = loop.unknown;
	record->order = order;
	record->reserved = 0;
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
}

struct free_large {
	__u64 *ctx;
	__u64 pfn;
};

static long free_large_part(__u32 i, const struct free_large *large)
{
	free_part(large->ctx, large->pfn + i * 64ULL, PART_ORDER);
	return 0;
}

/* Such start a word of their own. Out of line: nearly all frees are small. */
static __noinline int free_large(__u64 *ctx, __u64 pfn, __u32 order)
{
	struct free_large large = { .ctx = ctx, .pfn = pfn };

	bpf_loop(1U << (order - PART_ORDER), free_large_part, &large, 0);
	return 0;
}

static __always_inline int free_check(__u64 *ctx, const struct page *page, __u32 order)
{
	__u64 pfn = page_argument_pfn(page, ctx);

	if (order > PART_ORDER)
		return free_large(ctx, pfn, order);
	free_part(ctx, pfn, order);
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
