/* SPDX-License-Identifier: GPL-2.0 */
/* What a snapshot reads of a page: a word of its pfn and what xarray, folio and page tables say. */
#ifndef GMEMTRACE_BPF_SNAPSHOT_PAGE_H
#define GMEMTRACE_BPF_SNAPSHOT_PAGE_H

#include "inode.h"
#include "owner.h"
#include "promise.h"
#include "walk.h"
#include "xarray.h"

#define SCRATCH_NR 8

#define SNAPSHOT_TABLES 256 /* scattered pages of 512 MiB find theirs here */
#define SNAPSHOT_STEP 8 /* pages a loop's callback reads: the call costs as much as one */
#define PFN_SHIFT RECORD_SNAPSHOT_PFN_SHIFT
#define GENERATION_SHIFT 36 /* above every pfn >> 9 */

/* The last-level table of 512 pfns, walked to once a chunk. */
struct snapshot_table {
	__u64 tag; /* pfn >> 9 and the generation */
	struct walk_table walk;
};

/* Where a snapshot keeps what no BPF stack could hold. */
struct snapshot_scratch {
	__u32 busy;
	__u32 pass;
	__u32 origin;
	__u32 reserved;
	__u64 snapshot;
	__u64 pgoff; /* of the block at hand */
	__u64 chunk; /* first pgoff of the chunk at hand */
	__u64 chunk_nr;
	__u64 generation; /* of `tables`, in the upper bits; another one for each chunk */
	struct identify_args inode;
	struct identify_args again; /* read anew at the end of a chunk */
	__u64 result;
	__u64 seen; /* all words of the block, or-ed */
	__u64 odd; /* 0: they go on alike */
	__u64 expected; /* the next word where they do */
	__u64 stride; /* from word to word where they do */
	struct {
		__u64 pgoff, word, nr; /* nr 0: none */
	} run; /* blocks that go on alike, not written yet */
	__u64 left; /* release: chunks that may still be read */
	struct xarray_block folios;
	struct xarray_block declared;
	struct promise_cursor promise;
	struct snapshot_table tables[SNAPSHOT_TABLES];
	__u64 pages[RECORD_SNAPSHOT_BLOCK_PAGES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SCRATCH_NR);
	__type(key, __u32);
	__type(value, struct snapshot_scratch);
} scratches SEC(".maps");

/* Programs may be preempted, so a per-CPU scratch would not be ours alone. */
static __always_inline struct snapshot_scratch *scratch_take(void)
{
	struct snapshot_scratch *scratch;
	__u32 i;

	for (i = 0; i < SCRATCH_NR; i++) {
		__u32 key = i;

		scratch = bpf_map_lookup_elem(&scratches, &key);
		if (scratch && !__sync_val_compare_and_swap(&scratch->busy, 0, 1))
			return scratch;
	}
	return NULL;
}

static __always_inline void scratch_release(struct snapshot_scratch *scratch)
{
	__sync_val_compare_and_swap(&scratch->busy, 1, 0);
}

static __always_inline struct snapshot_table *snapshot_table(struct snapshot_scratch *scratch,
							     __u64 pfn)
{
	return &scratch->tables[pfn >> 9 & (SNAPSHOT_TABLES - 1)];
}

/*
 * RECORD_PAGE_PRESENT, with RECORD_PAGE_ASTRAY and RECORD_PAGE_NON_GLOBAL or without,
 * RECORD_PAGE_APPLIED_UNKNOWN or neither.
 */
static __always_inline __u64 applied_read(const struct walk_table *walk, __u64 pfn)
{
	enum walk_state state = walk->state;
	__u64 entry, other, astray, local;

	if (walk->table) {
		if (walk_entry_read(walk->table + (pfn & 511) * 8, &entry))
			return RECORD_PAGE_APPLIED_UNKNOWN;
		/* Without a branch: it would double the verifier's work in a loop that is unrolled. */
		other = (entry ^ (pfn << PAGE_SHIFT | ENTRY_GLOBAL)) & sensor.entry_checked;
		astray = other >> PAGE_SHIFT;
		barrier_var(astray); /* else the compiler makes it a branch */
		astray = -astray >> 63;
		local = other & ENTRY_GLOBAL;
		return (RECORD_PAGE_PRESENT | astray * RECORD_PAGE_ASTRAY |
			local * (RECORD_PAGE_NON_GLOBAL / ENTRY_GLOBAL)) &
		       -(entry & ENTRY_PRESENT);
	}
	if (state == WALK_UNKNOWN)
		return RECORD_PAGE_APPLIED_UNKNOWN;
	return state == WALK_PRESENT ? RECORD_PAGE_PRESENT : 0;
}

static __always_inline __u64 page_bits(__u64 flags)
{
	return RECORD_PAGE_RESIDENT | flags_uptodate(flags) * RECORD_PAGE_PREPARED |
	       flags_poisoned(flags) * RECORD_PAGE_POISONED;
}

/* What nobody may have left behind when the inode is released. @flags: the folio's. */
static __always_inline __u64 left_bits(const struct snapshot_scratch *scratch, __u64 folio,
				       __u64 flags)
{
	__u64 bits;
	__s64 more;

	if (scratch->origin != RECORD_SNAPSHOT_RELEASE)
		return 0;
	bits = flags_locked(flags) ? RECORD_PAGE_LOCKED : 0;
	more = folio_references_more(folio, flags);
	if (more < 2)
		return bits;
	return bits | (more < 15 ? more : 15) << RECORD_PAGE_REFERENCES_SHIFT;
}

/* The folio's page for @pgoff, by what the folio says of its own place. */
static __always_inline bool folio_page(__u64 folio, __u64 pgoff, __u64 *page)
{
	__u64 index;

	if (bpf_core_read(&index, sizeof(index), &((struct folio *)folio)->index))
		return false;
	*page = folio + (pgoff - index) * bpf_core_type_size(struct page);
	return true;
}

/* @first: the xarray has @folio in the slot of @pgoff itself, so this is its first page. */
static __always_inline __u64 resident_read(struct snapshot_scratch *scratch, __u64 folio,
					   __u64 pgoff, bool first)
{
	__u64 flags, page = folio, pfn, bits, page_flags;
	struct snapshot_table *table;

	if (!page_flags_read(folio, &flags))
		return RECORD_PAGE_RESIDENT_UNKNOWN;
	bits = page_bits(flags);
	if (!first) {
		if (!folio_page(folio, pgoff, &page) || !page_flags_read(page, &page_flags))
			return RECORD_PAGE_RESIDENT_UNKNOWN;
		/* Poison is a page's own flag, the rest the folio's. */
		bits |= page_bits(page_flags) & RECORD_PAGE_POISONED;
	}
	pfn = page_pfn(page);
	table = snapshot_table(scratch, pfn);
	if (table->tag != scratch->generation + (pfn >> 9)) {
		walk_find_table(pfn, &table->walk);
		table->tag = scratch->generation + (pfn >> 9);
	}
	bits |= applied_read(&table->walk, pfn);
	return pfn << PFN_SHIFT | bits | left_bits(scratch, folio, flags);
}

struct snapshot_loop {
	struct snapshot_scratch *scratch;
};

/* What the folio says of its pages. A large one is not of that design: it says nothing. */
static __always_inline __u64 marked_read(const struct snapshot_scratch *scratch, __u32 i,
					 __u64 folio)
{
	int marked;

	if (!folio || folio & 3)
		return 0;
	if (!xarray_is_first(&scratch->folios, i, folio))
		return RECORD_PAGE_DECLARED_UNKNOWN;
	marked = folio_marked(folio);
	if (marked < 0)
		return RECORD_PAGE_DECLARED_UNKNOWN;
	return marked ? RECORD_PAGE_DEVIATES : 0;
}

/*
 * Any page: one within a large folio, one of which something cannot be said.
 * A global function, as the next but one: the verifier walks through those once,
 * and not from every state in which a loop's callback may be entered. What was
 * inlined there took more than the million instructions that 6.19 allows.
 */
__noinline __u64 snapshot_any_page(struct snapshot_scratch *scratch, __u32 i)
{
	__u64 declared, folio, word = 0;

	if (!scratch)
		return 0;
	folio = xarray_entry(&scratch->folios, i);
	if (scratch->declared.kind == XARRAY_FOLIOS) {
		word |= marked_read(scratch, i, folio);
	} else {
		declared = xarray_entry(&scratch->declared, i);
		if (declared == XARRAY_RETRY)
			word |= RECORD_PAGE_DECLARED_UNKNOWN;
		else if (declared)
			word |= RECORD_PAGE_DEVIATES;
	}
	if (folio == XARRAY_RETRY)
		word |= RECORD_PAGE_RESIDENT_UNKNOWN;
	else if (folio && !(folio & 3)) /* not a shadow of a page that was reclaimed */
		word |= resident_read(scratch, folio, scratch->pgoff + i,
				      xarray_is_first(&scratch->folios, i, folio));
	return word;
}

/*
 * Most pages: a folio's first, with a value in the other xarray or none, and
 * mapped by a table that was walked to before. Slots hold nothing plain where
 * the block is not one of slots (xarray_read).
 */
static __always_inline __u64 snapshot_page(struct snapshot_scratch *scratch, __u32 i)
{
	__u64 declared = scratch->declared.slots[i & 63];
	__u64 folio = scratch->folios.slots[i & 63];
	__u64 pfn, flags, word = declared ? RECORD_PAGE_DEVIATES : 0;
	const struct snapshot_table *table;

	if (folio & 3 || (declared & 3) == 2)
		return snapshot_any_page(scratch, i);
	if (!folio)
		return word;
	pfn = page_pfn(folio);
	table = snapshot_table(scratch, pfn);
	if (table->tag != scratch->generation + (pfn >> 9) || !page_flags_read(folio, &flags))
		return snapshot_any_page(scratch, i);
	return word | pfn << PFN_SHIFT | page_bits(flags) | applied_read(&table->walk, pfn) |
	       left_bits(scratch, folio, flags);
}

/* May read on behind the last page of a chunk: those words are not used. */
__noinline int snapshot_step(struct snapshot_scratch *scratch, __u32 first)
{
	__u64 seen = 0, odd = 0, expected, stride;
	__u32 i;

	if (!scratch)
		return 0;
	expected = scratch->expected;
	stride = scratch->stride;
#pragma unroll
	for (i = 0; i < SNAPSHOT_STEP; i++) {
		__u64 word = snapshot_page(scratch, first + i);

		if (!i && !first) {
			expected = word;
			stride = word & RECORD_PAGE_RESIDENT ? 1ULL << PFN_SHIFT : 0;
		}
		scratch->pages[(first + i) & 63] = word;
		seen |= word;
		odd |= word ^ expected;
		expected += stride;
	}
	scratch->seen |= seen;
	scratch->odd |= odd;
	scratch->expected = expected;
	scratch->stride = stride;
	return 0;
}

static long snapshot_steps(__u32 step, struct snapshot_loop *loop)
{
	/* What a global function returns is any number to the verifier, and a callback may return 0 or 1. */
	snapshot_step(loop->scratch, step * SNAPSHOT_STEP);
	return 0;
}

#endif
