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
#include "request.h"
#include "walk.h"
#include "xarray.h"

#define SCRATCH_NR 8
#define RELEASE_PASSES 2 /* a mismatch must show in two reads */

/* Where a snapshot keeps what no BPF stack could hold. */
struct snapshot_scratch {
	__u32 busy;
	__u32 pass;
	__u32 origin;
	__u32 entry_kind; /* of `entries`: enum walk_state where table is 0 */
	__u64 snapshot;
	__u64 pgoff; /* of the block at hand */
	__u64 chunk; /* first pgoff of the chunk at hand */
	__u64 chunk_nr;
	__u64 table_tag; /* pfn >> 9 that `table` holds for; ~0: none */
	__u64 entries_tag; /* pfn >> 6 that `entries` holds for; ~0: none */
	struct walk_table table;
	struct identify_args inode;
	__u64 result;
	__u64 seen; /* pages in the block that are worth a word */
	struct xarray_block folios;
	struct xarray_block declared;
	__u64 entries[64];
	struct record_snapshot_block block;
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

/* The state of @pfn's entry, 64 entries read at a time. */
static __always_inline enum walk_state applied_read(struct snapshot_scratch *scratch, __u64 pfn)
{
	if (scratch->table_tag != pfn >> 9) {
		walk_find_table(pfn, &scratch->table);
		scratch->table_tag = pfn >> 9;
		scratch->entries_tag = ~0ULL;
	}
	if (!scratch->table.table)
		return scratch->table.state;
	if (scratch->entries_tag != pfn >> 6) {
		if (bpf_probe_read_kernel(
			    scratch->entries, sizeof(scratch->entries),
			    (void *)(scratch->table.table + ((pfn & 511) & ~63ULL) * 8)))
			return WALK_UNKNOWN;
		scratch->entries_tag = pfn >> 6;
	}
	return scratch->entries[pfn & 63] & ENTRY_PRESENT ? WALK_PRESENT : WALK_ABSENT;
}

/* flags and index of a folio: the only two fields a snapshot needs of it. */
static __always_inline bool folio_read(__u64 address, __u64 *flags, __u64 *index)
{
	if (sensor.have_rdonly_cast) {
		const struct page *page =
			bpf_rdonly_cast((void *)address, bpf_core_type_id_kernel(struct page));

		*flags = page->flags;
		*index = page->index;
		return true;
	}
	return !bpf_core_read(flags, 8, &((struct page *)address)->flags) &&
	       !bpf_core_read(index, 8, &((struct page *)address)->index);
}

static __always_inline __u64 page_bits(__u64 flags)
{
	__u64 bits = RECORD_PAGE_RESIDENT;

	if (flags >> bpf_core_enum_value(enum pageflags, PG_uptodate) & 1)
		bits |= RECORD_PAGE_PREPARED;
	if (bpf_core_enum_value_exists(enum pageflags, PG_hwpoison) &&
	    flags >> bpf_core_enum_value(enum pageflags, PG_hwpoison) & 1)
		bits |= RECORD_PAGE_POISONED;
	return bits;
}

static __always_inline __u64 resident_read(struct snapshot_scratch *scratch, __u64 folio,
					   __u64 pgoff)
{
	__u64 flags, index, page, pfn, bits, tail_flags, tail_index;
	enum walk_state applied;

	if (!folio_read(folio, &flags, &index))
		return RECORD_PAGE_RESIDENT_UNKNOWN;
	page = folio + (pgoff - index) * bpf_core_type_size(struct page);
	pfn = (page - sensor.vmemmap) / bpf_core_type_size(struct page);
	bits = page_bits(flags);
	/* Poison is a page's own flag, the rest the folio's. */
	if (pgoff != index && folio_read(page, &tail_flags, &tail_index))
		bits |= page_bits(tail_flags) & RECORD_PAGE_POISONED;
	applied = applied_read(scratch, pfn);
	if (applied == WALK_PRESENT)
		bits |= RECORD_PAGE_PRESENT;
	else if (applied == WALK_UNKNOWN)
		bits |= RECORD_PAGE_APPLIED_UNKNOWN;
	return pfn << 8 | bits;
}

struct snapshot_loop {
	struct snapshot_scratch *scratch;
};

static long snapshot_page(__u32 i, struct snapshot_loop *loop)
{
	struct snapshot_scratch *scratch = loop->scratch;
	__u64 declared, folio, word = 0;

	if (!scratch)
		return 1;
	declared = xarray_entry(&scratch->declared, i);
	if (declared == XARRAY_RETRY)
		word |= RECORD_PAGE_DECLARED_UNKNOWN;
	else if (declared)
		word |= RECORD_PAGE_DEVIATES;
	folio = xarray_entry(&scratch->folios, i);
	if (folio == XARRAY_RETRY)
		word |= RECORD_PAGE_RESIDENT_UNKNOWN;
	else if (folio && !(folio & 3)) /* not a shadow of a page that was reclaimed */
		word |= resident_read(scratch, folio, scratch->pgoff + i);
	scratch->block.pages[i & 63] = word;
	if (word)
		scratch->seen++;
	return 0;
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
	scratch->declared.kind = XARRAY_EMPTY;
	if (scratch->inode.xarray)
		xarray_read(scratch->inode.xarray, scratch->pgoff, &scratch->declared);
	if (scratch->folios.kind == XARRAY_EMPTY && scratch->declared.kind == XARRAY_EMPTY)
		return 0;
	scratch->seen = 0;
	bpf_loop(nr, snapshot_page, loop, 0);
	if (!scratch->seen)
		return 0;
	header_fill(&scratch->block.header, RECORD_SNAPSHOT_BLOCK, sizeof(scratch->block));
	scratch->block.header.inode = scratch->inode.inode;
	scratch->block.i_ino = scratch->inode.i_ino;
	scratch->block.header.time = bpf_ktime_get_ns();
	scratch->block.pgoff = scratch->pgoff;
	scratch->block.nr = nr;
	scratch->block.snapshot = scratch->snapshot;
	if (bpf_ringbuf_output(&ring, &scratch->block, sizeof(scratch->block), BPF_RB_NO_WAKEUP)) {
		loss_count(scratch->inode.inode, scratch->inode.i_ino, RECORD_LOSS_RING_FULL);
		scratch->result = ENOSPC;
		return 1;
	}
	return 0;
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

/* Reads pgoffs [chunk, chunk + chunk_nr) between two brackets. */
static __always_inline void snapshot_chunk(struct snapshot_scratch *scratch)
{
	struct snapshot_loop loop = { .scratch = scratch };
	struct identify_args again = {};

	scratch->result = 0;
	scratch->table_tag = ~0ULL;
	if (!bracket_write(scratch, RECORD_SNAPSHOT_BEGIN))
		return;
	bpf_loop(RECORD_SNAPSHOT_CHUNK / RECORD_SNAPSHOT_BLOCK_PAGES, snapshot_block, &loop, 0);
	/* An inode that was freed meanwhile has shown us somebody else's memory. */
	again.inode = scratch->inode.inode;
	inode_identify(&again);
	if (again.result || again.i_ino != scratch->inode.i_ino ||
	    again.provider != scratch->inode.provider)
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

static long release_chunk(__u32 i, struct snapshot_loop *loop)
{
	struct snapshot_scratch *scratch = loop->scratch;

	if (!scratch)
		return 1;
	scratch->pass = i % RELEASE_PASSES;
	scratch->chunk = (__u64)(i / RELEASE_PASSES) * RECORD_SNAPSHOT_CHUNK;
	if (scratch->chunk >= scratch->inode.pages)
		return 1;
	scratch->chunk_nr = scratch->inode.pages - scratch->chunk;
	if (scratch->chunk_nr > RECORD_SNAPSHOT_CHUNK)
		scratch->chunk_nr = RECORD_SNAPSHOT_CHUNK;
	snapshot_chunk(scratch);
	return 0;
}

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
	if (scratch->inode.pages > (__u64)sensor.release_chunks * RECORD_SNAPSHOT_CHUNK)
		loss_count((__u64)inode, inode->i_ino, RECORD_LOSS_SNAPSHOT_TOO_LARGE);
	bpf_loop(sensor.release_chunks * RELEASE_PASSES, release_chunk, &loop, 0);
release:
	scratch_release(scratch);
}

static __always_inline int release_begin(struct inode *inode)
{
	if (!armed())
		return 0;
	inode_announce((__u64)inode, inode->i_ino, 0);
	release_snapshot(inode);
	return range_write(inode, 0, ~0ULL, true, RECORD_OPERATION_RELEASE, RECORD_REQUEST_BEGIN,
			   0);
}

SEC("fentry/kvm_gmem_release")
int BPF_PROG(gmem_release_enter, struct inode *inode)
{
	return release_begin(inode);
}

SEC("fentry/secretmem_release")
int BPF_PROG(secretmem_release_enter, struct inode *inode)
{
	return release_begin(inode);
}

SEC("fexit/secretmem_release")
int BPF_PROG(secretmem_release_exit, struct inode *inode, struct file *file, int result)
{
	return release_end(inode, result);
}

#endif
