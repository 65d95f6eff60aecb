/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading the kernel's xarrays from outside, 64 aligned indices at a time
 * (include/linux/xarray.h: one node holds 64 slots). Entries of any order and
 * sibling slots are handled. No lock is taken: what is read may be changing,
 * and the model decides by the events around it whether to believe it.
 */
#ifndef GMEMTRACE_BPF_XARRAY_H
#define GMEMTRACE_BPF_XARRAY_H

#include "common.h"

#define XARRAY_SLOTS 64
#define XARRAY_LEVELS 6 /* 2^36 pages */
#define XARRAY_RETRY (256ULL << 2 | 2)
#define XARRAY_ZERO (257ULL << 2 | 2)

/* What an xarray holds for 64 aligned indices. */
struct xarray_block {
	__u32 kind; /* enum xarray_kind */
	__u32 reserved;
	__u64 entry; /* UNIFORM: the one entry that covers all 64 */
	__u64 slots[XARRAY_SLOTS]; /* SLOTS */
};

enum xarray_kind {
	XARRAY_EMPTY = 0,
	XARRAY_SLOTS_READ = 1,
	XARRAY_UNIFORM = 2,
	XARRAY_UNKNOWN = 3,
	XARRAY_FOLIOS = 4, /* none: the folios say it (snapshot.bpf.h) */
};

static __always_inline bool xarray_is_internal(__u64 entry)
{
	return (entry & 3) == 2;
}

static __always_inline bool xarray_is_node(__u64 entry)
{
	return xarray_is_internal(entry) && entry > 4096;
}

static __always_inline bool xarray_is_sibling(__u64 entry)
{
	return xarray_is_internal(entry) && entry < (XARRAY_SLOTS - 1) << 2;
}

static __always_inline long xarray_slot(__u64 node, __u64 offset, __u64 *entry)
{
	return bpf_probe_read_kernel(
		entry, sizeof(*entry),
		(void *)(node + bpf_core_field_offset(struct xa_node, slots) + (offset & 63) * 8));
}

/* One level down: *@entry is a node, then what it holds for @index. Returns true to go on. */
static __always_inline bool xarray_descend(__u64 *entry, __u64 index, struct xarray_block *block)
{
	__u64 node = *entry - 2;
	__u8 shift;

	block->kind = XARRAY_UNKNOWN;
	if (bpf_probe_read_kernel(&shift, 1,
				  (void *)(node + bpf_core_field_offset(struct xa_node, shift))))
		return false;
	if (shift > 60)
		return false;
	if (!shift) {
		if (!bpf_probe_read_kernel(
			    block->slots, sizeof(block->slots),
			    (void *)(node + bpf_core_field_offset(struct xa_node, slots))))
			block->kind = XARRAY_SLOTS_READ;
		return false;
	}
	if (xarray_slot(node, index >> shift, entry))
		return false;
	if (xarray_is_sibling(*entry) && xarray_slot(node, *entry >> 2, entry))
		return false;
	if (xarray_is_node(*entry))
		return true;
	if (*entry == XARRAY_RETRY)
		return false;
	block->entry = *entry;
	block->kind = *entry && *entry != XARRAY_ZERO ? XARRAY_UNIFORM : XARRAY_EMPTY;
	return false;
}

static __always_inline void xarray_find(__u64 xarray, __u64 index, struct xarray_block *block)
{
	__u64 entry;
	__u8 shift;
	int level;

	block->kind = XARRAY_UNKNOWN;
	if (bpf_probe_read_kernel(&entry, sizeof(entry),
				  (void *)(xarray + bpf_core_field_offset(struct xarray, xa_head))))
		return;
	if (!xarray_is_node(entry)) {
		block->kind = XARRAY_EMPTY;
		if (!entry || index)
			return;
		/* A lone entry at index 0 needs no node. */
		__builtin_memset(block->slots, 0, sizeof(block->slots));
		block->slots[0] = entry;
		block->kind = XARRAY_SLOTS_READ;
		return;
	}
	if (bpf_probe_read_kernel(
		    &shift, 1, (void *)(entry - 2 + bpf_core_field_offset(struct xa_node, shift))))
		return;
	if (shift < 58 && index >> shift >= XARRAY_SLOTS) {
		block->kind = XARRAY_EMPTY;
		return;
	}
	for (level = 0; level < XARRAY_LEVELS; level++) {
		if (!xarray_descend(&entry, index, block))
			return;
	}
	block->kind = XARRAY_UNKNOWN;
}

#define XARRAY_CHUNK_SHIFT 12 /* a slot of this level holds RECORD_SNAPSHOT_CHUNK indices */
#define XARRAY_ALL (1ULL << 62)

/*
 * Whether nothing is at @index and behind it, as far as one empty slot tells: how many indices from
 * @index on. 0: something may be there. Looks no deeper than at the slot of a whole chunk.
 * A global function: the verifier walks through it once.
 */
__noinline __u64 xarray_empty_from(__u64 xarray, __u64 index)
{
	__u64 entry;
	int level;

	if (!xarray)
		return XARRAY_ALL;
	if (bpf_probe_read_kernel(&entry, sizeof(entry),
				  (void *)(xarray + bpf_core_field_offset(struct xarray, xa_head))))
		return 0;
	if (!entry)
		return XARRAY_ALL;
	if (!xarray_is_node(entry))
		return index ? XARRAY_ALL : 0;
	for (level = 0; level < XARRAY_LEVELS; level++) {
		__u64 node = entry - 2;
		__u8 shift;

		if (bpf_probe_read_kernel(
			    &shift, 1,
			    (void *)(node + bpf_core_field_offset(struct xa_node, shift))) ||
		    shift > 57)
			return 0;
		if (!level && index >> shift >= XARRAY_SLOTS)
			return XARRAY_ALL;
		if (shift < XARRAY_CHUNK_SHIFT || xarray_slot(node, index >> shift, &entry))
			return 0;
		if (!entry)
			return (((index >> shift) + 1) << shift) - index;
		if (!xarray_is_node(entry))
			return 0;
	}
	return 0;
}

/* Slots that say nothing plain: whoever reads one has to look closer. */
static __always_inline void xarray_obscure(struct xarray_block *block)
{
	__u32 i;

#pragma unroll
	for (i = 0; i < XARRAY_SLOTS; i++)
		block->slots[i] = XARRAY_RETRY;
}

/*
 * @xarray: address of a struct xarray, 0: none. @index: the first of 64,
 * aligned. Slots are filled in any case: an internal entry where only
 * xarray_entry() can tell.
 */
static __always_inline void xarray_read(__u64 xarray, __u64 index, struct xarray_block *block)
{
	block->kind = XARRAY_EMPTY;
	if (xarray)
		xarray_find(xarray, index, block);
	if (block->kind == XARRAY_EMPTY)
		__builtin_memset(block->slots, 0, sizeof(block->slots));
	else if (block->kind != XARRAY_SLOTS_READ)
		xarray_obscure(block);
}

/* What @block holds for its index @i: an entry, 0, or XARRAY_RETRY where it cannot be said. */
static __always_inline __u64 xarray_entry(struct xarray_block *block, __u32 i)
{
	__u64 entry;

	if (block->kind == XARRAY_SLOTS_READ) {
		entry = block->slots[i & 63];
		if (!xarray_is_internal(entry))
			return entry;
		if (xarray_is_sibling(entry))
			entry = block->slots[entry >> 2 & 63];
		if (entry == XARRAY_ZERO)
			return 0;
		return xarray_is_internal(entry) ? XARRAY_RETRY : entry;
	}
	if (block->kind == XARRAY_EMPTY)
		return 0;
	return block->kind == XARRAY_UNIFORM ? block->entry : XARRAY_RETRY;
}

/* Whether @entry, found for index @i, has @i as its first index. */
static __always_inline bool xarray_is_first(const struct xarray_block *block, __u32 i, __u64 entry)
{
	return block->kind == XARRAY_SLOTS_READ && block->slots[i & 63] == entry;
}

#endif
