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

#include "promise.h"
#include "request.h"
#include "snapshot_page.h"

#define RELEASE_PASSES 2 /* a mismatch must show in two reads */

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

static __always_inline bool promise_judged(const struct snapshot_scratch *scratch)
{
	return scratch->inode.provider == RECORD_PROVIDER_RFC3;
}

/* Of other guest_memfds nothing is judged by it: it says which page a guest frame is, to who asks while it lives. */
static __always_inline bool promise_wanted(const struct snapshot_scratch *scratch)
{
	if (promise_judged(scratch))
		return true;
	return scratch->origin == RECORD_SNAPSHOT_LIVE &&
	       (scratch->inode.provider == RECORD_PROVIDER_FOLIO_BIT ||
		scratch->inode.provider == RECORD_PROVIDER_GMEM_PLAIN);
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
	if (cursor->pgoff > cursor->last && promise_flush(cursor))
		return 0;
	/* What is not judged is not lost either. */
	if (promise_judged(scratch))
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
	if (!scratch->result && promise_wanted(scratch))
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
