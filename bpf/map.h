/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A walk of whole page tables, in blocks of 64 entries: what is mapped by which level, and whose is
 * what is not. Each block is found from the top, so a walk may end and go on anywhere. Plain C over
 * walk.h: tested without a kernel. Who includes this has map_owner() and map_wanted().
 */
#ifndef GMEMTRACE_BPF_MAP_H
#define GMEMTRACE_BPF_MAP_H

#include "walk.h"
#include "map_interface.h"

#define MAP_LARGE_PAGES 512 /* of a 2M leaf */
#define MAP_HUGE_SHIFT 30
#define MAP_LARGE_SHIFT 21

/* Whose the absent page @pfn is, enum record_map_whose; an inode's number in scratch->i_ino. */
__u64 map_owner(struct map_scratch *scratch, __u64 pfn);

/* MAP_SPACE_OTHER: tells of @nr pages, 1 or MAP_LARGE_PAGES, where any of them is wanted. */
int map_wanted(struct map_scratch *scratch, __u64 pfn, __u64 nr);

static __always_inline void map_flush(struct map_scratch *scratch)
{
	if (!scratch->run.nr)
		return;
	scratch->list[scratch->runs & (MAP_RUNS_NR - 1)] = scratch->run;
	scratch->runs++;
	scratch->run.nr = 0;
}

static __always_inline void map_extend(struct map_scratch *scratch, __u64 pfn, __u64 nr, __u64 what,
				       __u64 i_ino)
{
	struct map_run *run = &scratch->run;

	if (run->nr && run->what == what && run->pfn + run->nr == pfn && run->i_ino == i_ino) {
		run->nr += nr;
		return;
	}
	map_flush(scratch);
	run->pfn = pfn;
	run->nr = nr;
	run->what = what;
	run->i_ino = i_ino;
}

static __always_inline __u64 map_pfn(__u64 address)
{
	return (address - sensor.page_offset) >> PAGE_SHIFT;
}

/*
 * Absent pages of the direct map, one by one; whole 2M of no memory at once. A global function, as
 * map_entry(): the verifier walks through those once, and not in each round of a loop.
 */
__noinline int map_absent_step(struct map_scratch *scratch, __u64 boundary, __u32 shift)
{
	__u64 owner, nr = 1, pfn;

	if (!scratch)
		return 0;
	pfn = map_pfn(scratch->next);
	owner = map_owner(scratch, pfn);
	/* struct pages are there, or not, for 2M at least (SUBSECTION_SHIFT). */
	if (owner == RECORD_MAP_HOLE && shift != PAGE_SHIFT && !(pfn & (MAP_LARGE_PAGES - 1)) &&
	    boundary - scratch->next >= 1ULL << MAP_LARGE_SHIFT)
		nr = MAP_LARGE_PAGES;
	map_extend(scratch, pfn, nr, MAP_WHAT(owner, shift), scratch->i_ino);
	scratch->next += nr << PAGE_SHIFT;
	return 0;
}

/* Where @nr entries at the level of @shift end, the first of which maps scratch->next; at most the end. */
static __always_inline __u64 map_boundary(const struct map_scratch *scratch, __u64 nr, __u32 shift)
{
	__u64 boundary = ((scratch->next >> (shift & 63)) + nr) << (shift & 63);

	return boundary > scratch->end || boundary < scratch->next ? scratch->end : boundary;
}

/* What one entry at the level of @shift leaves unmapped, or a part of it. */
__noinline int map_absent(struct map_scratch *scratch, __u32 shift)
{
	__u64 boundary;

	if (!scratch)
		return 0;
	boundary = map_boundary(scratch, 1, shift);
	if (scratch->space == MAP_SPACE_OTHER) {
		scratch->next = boundary;
		return 0;
	}
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < MAP_BLOCK && scratch->next < boundary; i++)
		map_absent_step(scratch, boundary, shift);
	return 0;
}

/* An entry whose table cannot be read: nothing is said of what is below. */
static __always_inline void map_unread(struct map_scratch *scratch, __u32 shift)
{
	__u64 boundary = map_boundary(scratch, 1, shift);

	if (scratch->space == MAP_SPACE_DIRECT)
		map_extend(scratch, map_pfn(scratch->next),
			   (boundary - scratch->next) >> PAGE_SHIFT,
			   MAP_WHAT(RECORD_MAP_UNREAD, shift), 0);
	scratch->next = boundary;
}

/* Bits that all entries of the block have, and in *@any those that any has. */
static __always_inline __u64 map_common(const struct map_scratch *scratch, __u64 *any)
{
	__u64 all = ~0ULL, some = 0;

#pragma unroll
	for (__u32 i = 0; i < MAP_BLOCK; i++) {
		all &= scratch->entries[i];
		some |= scratch->entries[i];
		/* Put off, all of them would wait on the stack, of which there is little. */
		__asm__ volatile("" : "+r"(all), "+r"(some));
	}
	*any = some;
	return all;
}

/* Bits that say of an entry at this level that it maps pages itself. */
static __always_inline __u64 map_leaf_bits(__u32 shift)
{
	return shift == PAGE_SHIFT ? ENTRY_PRESENT : ENTRY_PRESENT | ENTRY_LEAF;
}

static __always_inline void map_leaves(struct map_scratch *scratch, __u64 nr, __u32 shift)
{
	__u64 boundary = map_boundary(scratch, nr, shift);

	if (shift == PAGE_SHIFT)
		scratch->leaves[0] += nr;
	else if (shift == MAP_LARGE_SHIFT)
		scratch->leaves[1] += nr;
	else
		scratch->leaves[2] += nr;
	if (scratch->space == MAP_SPACE_DIRECT)
		map_extend(scratch, map_pfn(scratch->next),
			   (boundary - scratch->next) >> PAGE_SHIFT,
			   MAP_WHAT(RECORD_MAP_PRESENT, shift), 0);
	scratch->next = boundary;
}

static __always_inline void map_leaf_other(struct map_scratch *scratch, __u64 entry, __u32 shift)
{
	__u64 pfn = (entry & sensor.entry_mask) >> PAGE_SHIFT;

	if (shift == PAGE_SHIFT)
		map_wanted(scratch, pfn, 1);
	else if (shift == MAP_LARGE_SHIFT) /* bit 12 is PAT's there */
		map_wanted(scratch, pfn & ~(MAP_LARGE_PAGES - 1ULL), MAP_LARGE_PAGES);
}

/* Entry @i of the block; 1: it is not for this level to say what it is. */
__noinline int map_entry(struct map_scratch *scratch, __u32 i, __u32 shift)
{
	__u64 entry, leaf = map_leaf_bits(shift);

	if (!scratch || scratch->next >= scratch->end)
		return 1;
	shift &= 63;
	entry = scratch->entries[i & (MAP_BLOCK - 1)];
	if ((entry & leaf) == leaf) {
		if (scratch->space == MAP_SPACE_OTHER)
			map_leaf_other(scratch, entry, shift);
		map_leaves(scratch, 1, shift);
		return 0;
	}
	if (shift != PAGE_SHIFT)
		return 1;
	if (scratch->space == MAP_SPACE_OTHER)
		scratch->next += 1ULL << PAGE_SHIFT;
	else
		map_absent_step(scratch, scratch->end, shift);
	return 0;
}

/* The block is read. @first: of its entries, the one that maps scratch->next. */
__noinline int map_entries(struct map_scratch *scratch, __u32 first, __u32 shift)
{
	__u64 leaf, all, any;

	if (!scratch)
		return 0;
	shift &= 63;
	leaf = map_leaf_bits(shift);
	all = map_common(scratch, &any);
	if (!first && scratch->end - scratch->next >= (__u64)MAP_BLOCK << shift &&
	    scratch->space == MAP_SPACE_DIRECT && (all & leaf) == leaf) {
		map_leaves(scratch, MAP_BLOCK, shift);
		return 0;
	}
	if (scratch->space == MAP_SPACE_OTHER && !(any & ENTRY_PRESENT)) {
		scratch->next = map_boundary(scratch, MAP_BLOCK - first, shift);
		return 0;
	}
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < MAP_BLOCK; i++) {
		if (i >= first && map_entry(scratch, i, shift))
			break;
	}
	return 0;
}

/* Looks at the block that scratch->next is in, or at a part of it, and steps on. */
__noinline int map_block(struct map_scratch *scratch)
{
	struct walk_table walk = { .state = WALK_UNKNOWN };
	__u64 table, index;
	__u32 shift;

	if (!scratch)
		return 0;
	shift = walk_down(scratch->next, &table, &walk);
	if (shift != PAGE_SHIFT && walk.state == WALK_ABSENT)
		return map_absent(scratch, shift);
	index = scratch->next >> shift & 511;
	if ((shift != PAGE_SHIFT && walk.state == WALK_UNKNOWN) ||
	    bpf_probe_read_kernel(scratch->entries, sizeof(scratch->entries),
				  (void *)(table + (index & ~(MAP_BLOCK - 1ULL)) * 8))) {
		map_unread(scratch, shift);
		return 0;
	}
	return map_entries(scratch, index & (MAP_BLOCK - 1), shift);
}

/* Whether there is more to look at, and room for what may be told of a block. */
static __always_inline bool map_goes_on(const struct map_scratch *scratch)
{
	return scratch->next < scratch->end && scratch->runs + 2 * MAP_BLOCK < MAP_RUNS_NR;
}

#endif
