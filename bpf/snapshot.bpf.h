/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: snapshots. For each page offset of an inode: does the xarray say
 * that it deviates, which page backs it, is that prepared, and what do the
 * page tables say of it. Asked for by user space, or made at the entry of the
 * release routine: the last moment at which everything can still be compared,
 * and a quiet one.
 */
#ifndef GMEMTRACE_BPF_SNAPSHOT_BPF_H
#define GMEMTRACE_BPF_SNAPSHOT_BPF_H

#include "inode.h"
#include "owner.h"
#include "promise.h"
#include "request.h"
#include "walk.h"
#include "xarray.h"

#define SCRATCH_NR 8
#define RELEASE_PASSES 2 /* a mismatch must show in two reads */

#define SNAPSHOT_TABLES 256 /* scattered pages of 512 MiB find theirs here */
#define SNAPSHOT_STEP 4 /* pages a loop's callback reads: the call costs as much as one */
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

/* RECORD_PAGE_PRESENT, RECORD_PAGE_APPLIED_UNKNOWN or neither. */
static __always_inline __u64 applied_read(const struct walk_table *walk, __u64 pfn)
{
	enum walk_state state = walk->state;
	__u64 entry;

	if (walk->table) {
		if (walk_entry_read(walk->table + (pfn & 511) * 8, &entry))
			return RECORD_PAGE_APPLIED_UNKNOWN;
		return entry & ENTRY_PRESENT ? RECORD_PAGE_PRESENT : 0;
	}
	if (state == WALK_UNKNOWN)
		return RECORD_PAGE_APPLIED_UNKNOWN;
	return state == WALK_PRESENT ? RECORD_PAGE_PRESENT : 0;
}

static __always_inline __u64 page_bits(__u64 flags)
{
	__u64 bits = RECORD_PAGE_RESIDENT;

	if (flags_uptodate(flags))
		bits |= RECORD_PAGE_PREPARED;
	if (flags_poisoned(flags))
		bits |= RECORD_PAGE_POISONED;
	return bits;
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

static __always_inline bool block_write(struct snapshot_scratch *scratch, __u64 nr)
{
	struct record_snapshot_block *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record)
		return false;
	header_fill(&record->header, RECORD_SNAPSHOT_BLOCK, sizeof(*record));
	record->header.inode = scratch->inode.inode;
	record->header.time = bpf_ktime_get_ns();
	record->i_ino = scratch->inode.i_ino;
	record->pgoff = scratch->pgoff;
	record->nr = nr;
	record->snapshot = scratch->snapshot;
	__builtin_memcpy(record->pages, scratch->pages, sizeof(record->pages));
	record_submit(record);
	return true;
}

/* Writes what goes on alike so far; false where the ring is full. */
static __always_inline bool run_write(struct snapshot_scratch *scratch)
{
	struct record_snapshot_run *record;

	if (!scratch->run.nr)
		return true;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record)
		return false;
	header_fill(&record->header, RECORD_SNAPSHOT_RUN, sizeof(*record));
	record->header.inode = scratch->inode.inode;
	record->header.time = bpf_ktime_get_ns();
	record->i_ino = scratch->inode.i_ino;
	record->pgoff = scratch->run.pgoff;
	record->word = scratch->run.word;
	record->nr = scratch->run.nr;
	record->snapshot = scratch->snapshot;
	record_submit(record);
	scratch->run.nr = 0;
	return true;
}

/* The block at hand goes on where the run ends. */
static __always_inline bool run_continues(const struct snapshot_scratch *scratch)
{
	return scratch->run.nr && scratch->run.pgoff + scratch->run.nr == scratch->pgoff &&
	       scratch->run.word + scratch->run.nr * scratch->stride == scratch->pages[0];
}

/* A whole block whose words go on alike becomes a run, or a part of one; another is written as it is. */
static __always_inline bool block_take(struct snapshot_scratch *scratch, __u64 nr)
{
	bool alike = !scratch->odd && nr == RECORD_SNAPSHOT_BLOCK_PAGES;

	if (alike && run_continues(scratch)) {
		scratch->run.nr += nr;
		return true;
	}
	if (!run_write(scratch))
		return false;
	if (!alike)
		return block_write(scratch, nr);
	scratch->run.pgoff = scratch->pgoff;
	scratch->run.word = scratch->pages[0];
	scratch->run.nr = nr;
	return true;
}

static __always_inline void ring_full(struct snapshot_scratch *scratch)
{
	loss_count(scratch->inode.inode, scratch->inode.i_ino, RECORD_LOSS_RING_FULL);
	scratch->result = ENOSPC;
}

static long snapshot_block(__u32 i, struct snapshot_loop *loop)
{
	struct snapshot_scratch *scratch = loop->scratch;
	__u64 nr, done = (__u64)i * RECORD_SNAPSHOT_BLOCK_PAGES;

	if (!scratch || done >= scratch->chunk_nr)
		return 1;
	nr = scratch->chunk_nr - done;
	if (nr > RECORD_SNAPSHOT_BLOCK_PAGES)
		nr = RECORD_SNAPSHOT_BLOCK_PAGES;
	scratch->pgoff = scratch->chunk + done;
	xarray_read(scratch->inode.i_pages, scratch->pgoff, &scratch->folios);
	xarray_read(scratch->inode.xarray, scratch->pgoff, &scratch->declared);
	if (scratch->folios.kind == XARRAY_EMPTY && scratch->declared.kind == XARRAY_EMPTY)
		return 0;
	if (sensor.gmem_marks_folios && scratch->inode.provider == RECORD_PROVIDER_FOLIO_BIT) {
		scratch->declared.kind = XARRAY_FOLIOS;
		xarray_obscure(&scratch->declared);
	}
	scratch->seen = 0;
	scratch->odd = 0;
	bpf_loop((nr + SNAPSHOT_STEP - 1) / SNAPSHOT_STEP, snapshot_steps, loop, 0);
	if (!scratch->seen)
		return 0;
	if (block_take(scratch, nr))
		return 0;
	ring_full(scratch);
	return 1;
}

static __always_inline bool bracket_write(struct snapshot_scratch *scratch, __u16 kind)
{
	struct record_snapshot *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		loss_count(scratch->inode.inode, scratch->inode.i_ino, RECORD_LOSS_RING_FULL);
		return false;
	}
	header_fill(&record->header, kind, sizeof(*record));
	record->header.inode = scratch->inode.inode;
	record->i_ino = scratch->inode.i_ino;
	record->pgoff_first = scratch->chunk;
	record->pgoff_nr = scratch->chunk_nr;
	record->inode_pages = scratch->inode.pages;
	record->inode_flags = scratch->inode.flags;
	record->origin = scratch->origin;
	record->pass = scratch->pass;
	record->provider = scratch->inode.provider;
	record->default_state = scratch->inode.default_state;
	record->snapshot = scratch->snapshot;
	record->result = -(__s64)scratch->result;
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
	return true;
}

/* Nothing is in [chunk, chunk + nr): no page, and nothing that deviates. */
static __always_inline bool chunk_empty(const struct snapshot_scratch *scratch, __u64 nr)
{
	return xarray_empty_from(scratch->inode.i_pages, scratch->chunk) >= nr &&
	       xarray_empty_from(scratch->inode.xarray, scratch->chunk) >= nr;
}

/*
 * Sets chunk_nr for what begins at `chunk`, @wanted pages at most: a chunk, or far more where that
 * is empty. Whether it still is when it is read, snapshot_chunk() sees.
 */
static __always_inline void chunk_choose(struct snapshot_scratch *scratch, __u64 wanted)
{
	__u64 most = RECORD_SNAPSHOT_EMPTY - (scratch->chunk & (RECORD_SNAPSHOT_EMPTY - 1));

	if (wanted > most)
		wanted = most;
	if (wanted > RECORD_SNAPSHOT_CHUNK && !chunk_empty(scratch, wanted))
		wanted = RECORD_SNAPSHOT_CHUNK;
	scratch->chunk_nr = wanted;
}

static long promise_steps(__u32 i, struct snapshot_loop *loop)
{
	if (!loop->scratch)
		return 1;
	return promise_step(&loop->scratch->promise) ? 1 : 0;
}

/* What KVM promises of the chunk's pages. Apart: its frames would stand below the chunk's. */
__noinline int snapshot_promise(struct snapshot_scratch *scratch)
{
	struct snapshot_loop loop = { .scratch = scratch };
	struct promise_cursor *cursor;

	if (!scratch)
		return 0;
	cursor = &scratch->promise;
	cursor->inode = scratch->inode.inode;
	cursor->i_ino = scratch->inode.i_ino;
	cursor->snapshot = scratch->snapshot;
	cursor->pgoff = scratch->chunk;
	cursor->last = scratch->chunk + scratch->chunk_nr - 1;
	if (!promise_begin(cursor))
		return 0;
	bpf_loop(RECORD_SNAPSHOT_CHUNK + 1, promise_steps, &loop, 0);
	if (cursor->pgoff <= cursor->last || !promise_flush(cursor))
		ring_full(scratch);
	return 0;
}

static __always_inline void chunk_read(struct snapshot_scratch *scratch)
{
	struct snapshot_loop loop = { .scratch = scratch };

	scratch->run.nr = 0;
	if (chunk_empty(scratch, scratch->chunk_nr))
		return;
	if (scratch->chunk_nr > RECORD_SNAPSHOT_CHUNK) {
		scratch->result = EAGAIN;
		return;
	}
	bpf_loop(RECORD_SNAPSHOT_CHUNK / RECORD_SNAPSHOT_BLOCK_PAGES, snapshot_block, &loop, 0);
	if (!scratch->result && !run_write(scratch))
		ring_full(scratch);
	if (!scratch->result && scratch->inode.provider == RECORD_PROVIDER_RFC3)
		snapshot_promise(scratch);
}

/* Reads pgoffs [chunk, chunk + chunk_nr) between two brackets. */
static __always_inline void snapshot_chunk(struct snapshot_scratch *scratch)
{
	struct identify_args *again = &scratch->again;

	scratch->result = 0;
	scratch->generation += 1ULL << GENERATION_SHIFT;
	if (!bracket_write(scratch, RECORD_SNAPSHOT_BEGIN))
		return;
	chunk_read(scratch);
	/* An inode that was freed meanwhile has shown us somebody else's memory. */
	again->inode = scratch->inode.inode;
	inode_identify(again);
	if (again->result || again->i_ino != scratch->inode.i_ino ||
	    again->provider != scratch->inode.provider)
		scratch->result = ESTALE;
	bracket_write(scratch, RECORD_SNAPSHOT_END);
}

SEC("syscall")
int snapshot_live(struct snapshot_args *args)
{
	struct snapshot_scratch *scratch = scratch_take();

	if (!scratch) {
		args->result = -EBUSY;
		return 0;
	}
	args->result = -ESTALE;
	scratch->inode.inode = args->inode;
	inode_identify(&scratch->inode);
	if (scratch->inode.result || scratch->inode.i_ino != args->i_ino ||
	    scratch->inode.provider != args->provider)
		goto release;
	args->result = -EINVAL;
	if (!args->pgoff_nr || args->pgoff_nr > RECORD_SNAPSHOT_CHUNK || args->pgoff_first & 63)
		goto release;
	scratch->origin = RECORD_SNAPSHOT_LIVE;
	scratch->snapshot = args->snapshot;
	scratch->pass = args->pass;
	scratch->chunk = args->pgoff_first;
	scratch->chunk_nr = args->pgoff_nr;
	snapshot_chunk(scratch);
	args->result = -(__s64)scratch->result;
release:
	scratch_release(scratch);
	return 0;
}

/* Reads the next chunk, as often as it takes to prove a difference; empty ones are not counted. */
static long release_chunk(__u32 i, struct snapshot_loop *loop)
{
	struct snapshot_scratch *scratch = loop->scratch;

	if (!scratch || scratch->chunk >= scratch->inode.pages)
		return 1;
	scratch->pass = i % RELEASE_PASSES;
	if (!scratch->pass)
		chunk_choose(scratch, scratch->inode.pages - scratch->chunk);
	if (!scratch->pass && !chunk_empty(scratch, scratch->chunk_nr) && !scratch->left--) {
		loss_count(scratch->inode.inode, scratch->inode.i_ino,
			   RECORD_LOSS_SNAPSHOT_TOO_LARGE);
		return 1;
	}
	snapshot_chunk(scratch);
	if (scratch->pass == RELEASE_PASSES - 1)
		scratch->chunk += scratch->chunk_nr;
	return 0;
}

/* More than any inode has chunks: the limit is release_chunk()'s. */
#define RELEASE_LOOPS (1U << 23)

static __always_inline void release_snapshot(struct inode *inode)
{
	struct snapshot_scratch *scratch = scratch_take();
	struct snapshot_loop loop = { .scratch = scratch };

	if (!scratch) {
		loss_count((__u64)inode, inode->i_ino, RECORD_LOSS_SCRATCH_BUSY);
		return;
	}
	scratch->inode.inode = (__u64)inode;
	inode_identify(&scratch->inode);
	if (scratch->inode.result || scratch->inode.provider == RECORD_PROVIDER_UNKNOWN)
		goto release;
	scratch->origin = RECORD_SNAPSHOT_RELEASE;
	scratch->snapshot = bpf_ktime_get_ns();
	scratch->chunk = 0;
	scratch->left = sensor.release_chunks;
	bpf_loop(RELEASE_LOOPS, release_chunk, &loop, 0);
release:
	scratch_release(scratch);
}

/*
 * Each apart: what it keeps on the stack would stand below the snapshot's five
 * frames, and all of them have 512 bytes.
 */
static __noinline int release_announce(struct inode *inode)
{
	return inode && inode_announce((__u64)inode, inode->i_ino);
}

static __noinline int release_request(struct inode *inode)
{
	return range_write(inode, 0, ~0ULL, true, RECORD_OPERATION_RELEASE, RECORD_REQUEST_BEGIN,
			   0);
}

static __always_inline int release_begin(struct inode *inode)
{
	if (!release_announce(inode) && zap_ends.armed != SENSOR_QUIET)
		release_snapshot(inode);
	return release_request(inode);
}

SEC("fentry/kvm_gmem_release")
int BPF_PROG(gmem_release_enter, struct inode *inode)
{
	if (!armed(PROGRAM_GMEM_RELEASE_ENTER))
		return 0;
	return release_begin(inode);
}

SEC("fentry/secretmem_release")
int BPF_PROG(secretmem_release_enter, struct inode *inode)
{
	if (!armed(PROGRAM_SECRETMEM_RELEASE_ENTER))
		return 0;
	return release_begin(inode);
}

SEC("fexit/secretmem_release")
int BPF_PROG(secretmem_release_exit, struct inode *inode, struct file *file, int result)
{
	if (!armed(PROGRAM_SECRETMEM_RELEASE_EXIT))
		return 0;
	return release_end(inode, result);
}

#endif
