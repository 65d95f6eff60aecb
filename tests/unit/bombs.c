// SPDX-License-Identifier: GPL-2.0
#include "bombs.h"

#define PROVIDER RECORD_PROVIDER_RFC3
/* As long as a run may be. */
#define HUGE_NR (1U << 22)
#define FOLIO_NR (1U << 18)

static void add_owner(struct stream *stream, __u16 kind, __u64 inode, __u64 pgoff, __u64 pfn,
		      __u32 nr)
{
	struct record_owner record = {
		.header = { .kind = kind,
			    .size = sizeof(record),
			    .tid = 7,
			    .tgid = 7,
			    .time = stream->now,
			    .inode = inode },
		.page = pfn,
		.pgoff = pgoff,
		/* As large as a folio may be: what is more is not taken. */
		.nr = nr < FOLIO_NR ? nr : FOLIO_NR,
	};

	stream_add(stream, &record.header);
}

/* Folios of 1 GiB come, are changed, and every second one goes. */
static void lay_huge_folios(struct stream *stream, __u64 nr)
{
	stream_inode(stream, 1, PROVIDER, MODEL_PGOFF_MAX, false);
	for (__u64 i = 0; i < nr; i++) {
		__u64 pgoff = i % 1024 * HUGE_NR, pfn = i * HUGE_NR;

		add_owner(stream, RECORD_JOIN, 1, pgoff, pfn, HUGE_NR);
		stream_zap(stream, 7, 1, pgoff, pfn, HUGE_NR, false, 0);
		if (i % 2)
			add_owner(stream, RECORD_LEAVE, 0, 0, pfn, HUGE_NR);
	}
}

/* The same folio again and again, one page further: no folio can be there. */
static void lay_sliding_folio(struct stream *stream, __u64 nr)
{
	stream_inode(stream, 1, PROVIDER, MODEL_PGOFF_MAX, false);
	for (__u64 i = 0; i < nr; i++) {
		add_owner(stream, RECORD_JOIN, 1, i, 3 * i, HUGE_NR);
		stream_zap(stream, 7, 1, i, 3 * i, HUGE_NR, i % 2, 0);
	}
}

/* Where a folio was comes another, and what is changed of it begins one page further each time. */
static void lay_replaced_folios(struct stream *stream, __u64 nr)
{
	stream_inode(stream, 1, PROVIDER, MODEL_PGOFF_MAX, false);
	for (__u64 i = 0; i < nr; i++) {
		__u64 pgoff = i % 4 * FOLIO_NR, pfn = 3 * i % 64 * FOLIO_NR;

		add_owner(stream, RECORD_JOIN, 1, pgoff, pfn, i % 3 ? FOLIO_NR : FOLIO_NR / 2);
		stream_zap(stream, 7, 1, pgoff + i, pfn + i, FOLIO_NR, i % 2, 0);
	}
}

/* As many pages as folios, as far apart as they can be. */
static void lay_scattered(struct stream *stream, __u64 nr)
{
	stream_inode(stream, 1, PROVIDER, MODEL_PGOFF_MAX, false);
	for (__u64 i = 0; i < nr; i++)
		stream_fault(stream, 7, 1, i * 1000003 % MODEL_PGOFF_MAX, i * 1000033);
}

/* Zaps of a gigabyte that nobody asked for and nobody flushes. */
static void lay_huge_zaps(struct stream *stream, __u64 nr)
{
	for (__u64 i = 0; i < nr; i++)
		stream_zap(stream, (__u32)i, 0, 0, i * HUGE_NR, HUGE_NR, false, 0);
}

/* A range of everything is changed while every second page is there. */
static void lay_huge_requests(struct stream *stream, __u64 nr)
{
	stream_inode(stream, 1, PROVIDER, MODEL_PGOFF_MAX, false);
	for (__u64 i = 0; i < nr; i++) {
		__u32 tid = (__u32)i + 1;

		stream_join(stream, 7, 1, 2 * i, 1000 + 3 * i);
		stream_begin(stream, tid, 1, RECORD_OPERATION_SET_RANGE, i, MODEL_PGOFF_MAX - 1 - i,
			     i % 2);
		if (i % 4 == 3)
			stream_end(stream, tid - 2, 1, RECORD_OPERATION_SET_RANGE, i - 2,
				   MODEL_PGOFF_MAX + 1 - i, (i - 2) % 2);
	}
}

/* A snapshot's run of like pages, as long as the number goes. */
static void lay_huge_runs(struct stream *stream, __u64 nr)
{
	struct stream_page page = { 0, 0, RECORD_SNAPSHOT_CHUNK, RECORD_PAGE_RESIDENT };

	for (__u64 i = 1; i <= nr; i++) {
		stream_inode(stream, i, PROVIDER, MODEL_PGOFF_MAX, true);
		page.pfn = i * RECORD_SNAPSHOT_CHUNK;
		stream_read(stream, i, PROVIDER, true, RECORD_SNAPSHOT_LIVE, 0, 0,
			    RECORD_SNAPSHOT_CHUNK, &page, 1);
	}
}

/* Reads that say there is nothing, of another range each. */
static void lay_huge_chunks(struct stream *stream, __u64 nr)
{
	stream_inode(stream, 1, PROVIDER, MODEL_PGOFF_MAX, true);
	for (__u64 i = 0; i < nr; i++) {
		stream_read(stream, 1, PROVIDER, true, RECORD_SNAPSHOT_LIVE, (__u32)i, i,
			    RECORD_SNAPSHOT_CHUNK, NULL, 0);
		stream_heartbeat(stream);
	}
}

/* Snapshots that begin and never end. */
static void lay_endless_reads(struct stream *stream, __u64 nr)
{
	stream_inode(stream, 1, PROVIDER, MODEL_PGOFF_MAX, true);
	for (__u64 i = 0; i < nr; i++) {
		struct record_snapshot record = {
			.header = { .kind = RECORD_SNAPSHOT_BEGIN,
				    .size = sizeof(record),
				    .time = ++stream->now,
				    .inode = 1 },
			.pgoff_first = i * RECORD_SNAPSHOT_CHUNK,
			.pgoff_nr = RECORD_SNAPSHOT_CHUNK,
			.origin = RECORD_SNAPSHOT_LIVE,
			.snapshot = i,
		};

		stream_add(stream, &record.header);
	}
}

/* Reads that were over at the last moment that there is, which no watermark passes. */
static void lay_last_moment(struct stream *stream, __u64 nr)
{
	struct record_snapshot record = {
		.header = { .size = sizeof(record), .time = ~0ULL, .inode = 1 },
		.pgoff_nr = RECORD_SNAPSHOT_CHUNK,
		.origin = RECORD_SNAPSHOT_LIVE,
		.provider = PROVIDER,
	};

	stream_inode(stream, 1, PROVIDER, MODEL_PGOFF_MAX, true);
	for (; record.snapshot < nr; record.snapshot++) {
		record.header.kind = RECORD_SNAPSHOT_BEGIN;
		stream_add(stream, &record.header);
		record.header.kind = RECORD_SNAPSHOT_END;
		stream_add(stream, &record.header);
	}
}

/* Inodes that live for a page, and losses that concern every one of them. */
static void lay_short_lives(struct stream *stream, __u64 nr)
{
	for (__u64 i = 1; i <= nr; i++) {
		stream_inode(stream, i, RECORD_PROVIDER_SECRETMEM, 1, false);
		stream_fault(stream, (__u32)i, i, 0, 100 + i);
		stream_leave(stream, (__u32)i, 100 + i);
		stream_inode_dead(stream, i);
		if (i % 8)
			continue;
		stream_loss(stream, 0, RECORD_LOSS_RING_FULL, stream->now - 1000, 1);
		stream_heartbeat(stream);
	}
}

/* Pages that nobody flushes, each by itself, and flushes that cover none of them. */
static void lay_unflushed(struct stream *stream, __u64 nr)
{
	stream_inode(stream, 1, PROVIDER, MODEL_PGOFF_MAX, false);
	for (__u64 i = 0; i < nr; i++) {
		stream_join(stream, 7, 1, 2 * i, 1000 + 3 * i);
		stream_zap(stream, 7, 1, 2 * i, 1000 + 3 * i, 1, false, 0);
		stream_flush(stream, 8, 1001 + 3 * i, 1001 + 3 * i, false);
	}
}

/* The same, each in a request that ends: a violation for every page. */
static void lay_violations(struct stream *stream, __u64 nr)
{
	stream_inode(stream, 1, PROVIDER, MODEL_PGOFF_MAX, false);
	for (__u64 i = 0; i < nr; i++) {
		__u32 tid = (__u32)i + 1;

		stream_join(stream, tid, 1, 2 * i, 1000 + 3 * i);
		stream_begin(stream, tid, 1, RECORD_OPERATION_SET_RANGE, 2 * i, 2 * i, false);
		stream_zap(stream, tid, 1, 2 * i, 1000 + 3 * i, 1, false, 0);
		stream_end(stream, tid, 1, RECORD_OPERATION_SET_RANGE, 2 * i, 2 * i, false);
		if (!(i % 64))
			stream_heartbeat(stream);
	}
}

/* Requests of as many tasks, none of which ends; a heartbeat looks at all of them. */
static void lay_stuck(struct stream *stream, __u64 nr)
{
	stream_inode(stream, 1, PROVIDER, MODEL_PGOFF_MAX, false);
	for (__u64 i = 0; i < nr; i++) {
		stream_begin(stream, (__u32)i + 1, 1, RECORD_OPERATION_SET_RANGE, i, i + 10, i % 2);
		stream->now += SECOND;
		stream_heartbeat(stream);
	}
}

/* Declared, read, undone, read again: differences that each ask for a read. */
static void lay_differences(struct stream *stream, __u64 nr)
{
	stream_inode(stream, 1, PROVIDER, MODEL_PGOFF_MAX, false);
	for (__u64 i = 0; i < nr; i++) {
		struct stream_page page = { 2 * i, 1000 + 3 * i, 1,
					    RECORD_PAGE_RESIDENT | RECORD_PAGE_PREPARED };

		stream_begin(stream, 7, 1, RECORD_OPERATION_SET_RANGE, 2 * i, 2 * i, false);
		stream_end(stream, 7, 1, RECORD_OPERATION_SET_RANGE, 2 * i, 2 * i, false);
		stream_read(stream, 1, PROVIDER, true, RECORD_SNAPSHOT_LIVE, 0, 0,
			    RECORD_SNAPSHOT_CHUNK, &page, 1);
		stream_heartbeat(stream);
	}
}

/* Zaps of pages of nobody, that may yet turn out to be somebody's. */
static void lay_loose(struct stream *stream, __u64 nr)
{
	for (__u64 i = 0; i < nr; i++) {
		stream_zap(stream, (__u32)i, 0, 0, 1000 + 3 * i, 1, i % 2, 0);
		if (!(i % 16))
			stream_heartbeat(stream);
	}
	stream_inode(stream, 1, PROVIDER, MODEL_PGOFF_MAX, false);
	for (__u64 i = 0; i < nr; i++)
		stream_join(stream, 7, 1, i, 1000 + 3 * i);
}

/* Everything at one moment, from the youngest to the oldest. */
static void lay_backwards(struct stream *stream, __u64 nr)
{
	stream_inode(stream, 1, PROVIDER, MODEL_PGOFF_MAX, false);
	stream->now += nr * SECOND;
	for (__u64 i = 0; i < nr; i++) {
		stream->now -= SECOND / 2;
		stream_zap(stream, (__u32)i, 1, i, 1000 + i, 1, i % 2, 0);
	}
}

/* Folios of 1 GiB whose every 2 MiB has a page unlike the others; then all of them at once, again and again. */
static void lay_torn(struct stream *stream, __u64 nr)
{
	__u64 torn = nr < HUGE_NR / 512 ? nr : HUGE_NR / 512;

	stream_inode(stream, 1, PROVIDER, MODEL_PGOFF_MAX, false);
	for (__u64 i = 0; i < HUGE_NR; i += FOLIO_NR)
		add_owner(stream, RECORD_JOIN, 1, i, i, FOLIO_NR);
	for (__u64 i = 0; i < torn; i++)
		stream_zap(stream, 7, 1, i * 512 + i % 512, i * 512 + i % 512, 1, false, 0);
	for (__u64 i = 0; i < 8 + nr / 200; i++)
		stream_zap(stream, 7, 1, 0, 0, HUGE_NR, i % 2, 0);
}

/* Pages far apart, and then losses that may have been anybody's: each forgets what is known of all. */
static void lay_losses(struct stream *stream, __u64 nr)
{
	stream_inode(stream, 1, PROVIDER, MODEL_PGOFF_MAX, false);
	for (__u64 i = 0; i < nr / 4; i++)
		stream_join(stream, 7, 1, 5003 * i, 1000 + 3 * i);
	for (__u64 i = nr / 4; i < nr; i++)
		stream_loss(stream, 0, RECORD_LOSS_RING_FULL, stream->now - 1000, 1);
}

/* Guest frames far apart, converted one by one: each is told apart from all others. */
static void lay_conversions(struct stream *stream, __u64 nr)
{
	stream_inode(stream, 1, PROVIDER, MODEL_PGOFF_MAX, false);
	stream_promise(stream, 7, 1, RECORD_PROMISE_BIND, 0, HUGE_NR, 0, false, 0);
	for (__u64 i = 0; i < nr / 3; i++) {
		stream_promise(stream, 7, 0, RECORD_PROMISE_CONVERT_BEGIN, i * 7919 % HUGE_NR, 1, 0,
			       i % 2, 0);
		stream_promise(stream, 7, 0, RECORD_PROMISE_CONVERTED, 0, 0, 0, false, 0);
		stream_promise(stream, 7, 0, RECORD_PROMISE_CONVERT_END, 0, 0, 0, false, 0);
	}
}

/* As many slots as there may be, and conversions of what none of them has. */
static void lay_slots(struct stream *stream, __u64 nr)
{
	stream_inode(stream, 1, PROVIDER, MODEL_PGOFF_MAX, false);
	for (__u64 i = 0; i < nr / 2 && i < 32000; i++)
		stream_promise(stream, 7, 1, RECORD_PROMISE_BIND, 2 * i, 1, 3 * i, false, 0);
	for (__u64 i = 0; i < nr / 6; i++) {
		stream_promise(stream, 7, 0, RECORD_PROMISE_CONVERT_BEGIN, i % 64000 | 1, 1, 0,
			       true, 0);
		stream_promise(stream, 7, 0, RECORD_PROMISE_CONVERTED, 0, 0, 0, false, 0);
		stream_promise(stream, 7, 0, RECORD_PROMISE_CONVERT_END, 0, 0, 0, false, 0);
	}
}

const struct bomb bombs[] = {
	{ "huge-folios", lay_huge_folios },
	{ "sliding-folio", lay_sliding_folio },
	{ "replaced-folios", lay_replaced_folios },
	{ "scattered", lay_scattered },
	{ "huge-zaps", lay_huge_zaps },
	{ "huge-requests", lay_huge_requests },
	{ "huge-runs", lay_huge_runs },
	{ "huge-chunks", lay_huge_chunks },
	{ "last-moment", lay_last_moment },
	{ "endless-reads", lay_endless_reads },
	{ "losses", lay_losses },
	{ "short-lives", lay_short_lives },
	{ "unflushed", lay_unflushed },
	{ "violations", lay_violations },
	{ "stuck", lay_stuck },
	{ "differences", lay_differences },
	{ "loose", lay_loose },
	{ "backwards", lay_backwards },
	{ "torn", lay_torn },
	{ "conversions", lay_conversions },
	{ "slots", lay_slots },
	{ NULL, NULL },
};
