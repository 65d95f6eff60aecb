// SPDX-License-Identifier: GPL-2.0
/* What is told of a read, and what is learned from it: page by page, and no page more. */
#include "watch.h"

static void read_live(__u32 pass, const struct stream_page *pages, size_t nr)
{
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, pages, nr);
}

/* --- runs: pages that were read alike are told of together -------------------------- */

struct pair {
	struct stream_page pages[2];
	bool conflict, failed, configured, touched, twice, within, within_first;
};

/* Pages 0 and 1, absent, as @pair tells them apart; what is told of the last read. */
static void read_pair(const struct pair *pair)
{
	struct stream_page pages[2];

	anew();
	memcpy(pages, pair->pages, sizeof(pages));
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 2; i++) {
		stream_join(&stream, T, G, i, pages[i].pfn);
		stream_zap_flush(&stream, T, G, i, pages[i].pfn, 1, 0, 200);
	}
	if (pair->conflict) {
		stream_begin(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 1, 1, true);
		stream_begin(&stream, T + 1, G, RECORD_OPERATION_SET_FOLIO, 1, 1, false);
		stream_end(&stream, T + 1, G, RECORD_OPERATION_SET_FOLIO, 1, 1, false);
		stream_end(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 1, 1, true);
	}
	if (pair->failed)
		stream_zap(&stream, T, G, 1, pages[1].pfn, 1, true, -12);
	if (pair->configured) {
		stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 1, 1, false);
		stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, 1, 1, false);
	}
	stream_heartbeat(&stream);
	stream.now += MS;
	if (pair->twice)
		read_live(0, pages, 2);
	if (pair->touched)
		stream_zap(&stream, T, G, 1, pages[1].pfn, 1, false, 0);
	read_live(1, pages, 2);
	/* The read ends behind what it was disturbed by. */
	if (pair->within || pair->within_first) {
		stream_zap(&stream, T, G, pair->within, pages[pair->within].pfn, 1, false, 0);
		((struct record_zap *)last_record(sizeof(struct record_zap)))->zap_end -= 2000;
	}
	feed();
}

/* A page that comes to light in a read, and one that was known to be as it is: no run. */
static void test_run_of_known(void **state)
{
	const struct stream_page pages[] = { { 0, 100, 2, ABSENT_BITS } };

	(void)state;
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 1, 101);
	stream_heartbeat(&stream);
	stream.now += MS;
	read_live(0, pages, 1);
	read_live(1, pages, 1);
	feed();
	/* What is behind them, in each of the two reads, is the third. */
	assert_int_equal(watch.read_nr, 5);
	assert_int_equal(watch.read[0].nr, 1);
	assert_int_equal(watch.read[0].applied, MODEL_EITHER);
	assert_int_equal(watch.read[1].nr, 1);
	assert_int_equal(watch.read[1].applied, MODEL_ABSENT);
	assert_int_equal(watch.read[3].nr, 2);
	assert_int_equal(watch.read[3].applied, MODEL_ABSENT);
}

/* The first run told of the last read: page 0, and so many more. */
static __u64 first_run(void)
{
	for (size_t i = watch.read_nr; i > 0; i--) {
		if (!watch.read[i - 1].pgoff)
			return watch.read[i - 1].nr;
	}
	fail_msg("page 0 was not told of");
	return 0;
}

static void test_runs(void **state)
{
	static const struct pair apart[] = {
		{ .pages = { { 0, 100, 1, ABSENT_BITS },
			     { 1, 101, 1, ABSENT_BITS | RECORD_PAGE_POISONED } } },
		{ .pages = { { 0, 100, 1, ABSENT_BITS }, { 1, 101, 1, PRESENT_BITS } } },
		{ .pages = { { 0, 100, 1, ABSENT_BITS }, { 1, 102, 1, ABSENT_BITS } } },
		{ .pages = { { 0, 100, 1, ABSENT_BITS }, { 1, 101, 1, ABSENT_BITS } },
		  .conflict = true },
		{ .pages = { { 0, 100, 1, ABSENT_BITS }, { 1, 101, 1, ABSENT_BITS } },
		  .failed = true },
		{ .pages = { { 0, 100, 1, ABSENT_BITS }, { 1, 101, 1, ABSENT_BITS } },
		  .within = true },
		{ .pages = { { 0, 100, 1, ABSENT_BITS }, { 1, 101, 1, ABSENT_BITS } },
		  .twice = true,
		  .within = true },
		{ .pages = { { 0, 100, 1, ABSENT_BITS }, { 1, 102, 1, ABSENT_BITS } },
		  .twice = true },
		{ .pages = { { 0, 100, 1, ABSENT_BITS }, { 1, 101, 1, ABSENT_BITS } },
		  .within_first = true },
		{ .pages = { { 0, 100, 1, RECORD_PAGE_RESIDENT },
			     { 1, 101, 1, RECORD_PAGE_RESIDENT } },
		  .configured = true },
		{ .pages = { { 0, 100, 1, PRESENT_BITS }, { 1, 101, 1, PRESENT_BITS } },
		  .twice = true,
		  .touched = true },
	};
	const struct pair alike = { .pages = { { 0, 100, 1, ABSENT_BITS },
					       { 1, 101, 1, ABSENT_BITS } } };
	const struct pair alike_again = {
		.pages = { { 0, 100, 1, ABSENT_BITS }, { 1, 101, 1, ABSENT_BITS } }, .twice = true
	};

	(void)state;
	for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++) {
		read_pair(&apart[i]);
		if (first_run() != 1)
			fail_msg("pair %zu is one run", i);
	}
	read_pair(&alike_again);
	assert_int_equal(first_run(), 2);
	read_pair(&alike);
	assert_int_equal(first_run(), 2);
	/* Where nothing is resident there are no frames to ascend. */
	assert_int_equal(watch.read_nr, 2);
	assert_int_equal(watch.read[1].pgoff, 2);
	assert_int_equal(watch.read[1].nr, 62);
}

/* --- since when ------------------------------------------------------------------------ */

/* Page 1 differs from the first read on, page 0 from the second: the proof of page 1 began first. */
static void since(__u32 wrong)
{
	struct stream_page pages[2] = { { 0, 100, 1, ABSENT_BITS }, { 1, 102, 1, wrong } };
	__u64 first;

	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_fault(&stream, T, G, 1, 102);
	stream_heartbeat(&stream);
	first = stream.now;
	read_live(0, pages, 2);
	pages[0].bits = wrong;
	read_live(1, pages, 2);
	feed();
	for (size_t i = 0; i < watch.read_nr; i++) {
		if (watch.read[i].pgoff != 1 || watch.read[i].begin == first)
			continue;
		assert_int_not_equal(watch.read[i].proven, 0);
		assert_int_equal(watch.read[i].since, first);
		return;
	}
	fail_msg("page 1 was not told of");
}

static void test_since(void **state)
{
	(void)state;
	since(PRESENT_BITS);
	since(ABSENT_BITS | DEVIATES);
}

/* Seen once, then not, then again: that is twice, and no proof. */
static void seen_not_seen(__u32 wrong)
{
	struct stream_page page = { 0, 100, 1, wrong };

	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_heartbeat(&stream);
	for (__u32 pass = 0; pass < 4; pass++) {
		page.bits = pass == 1 ? ABSENT_BITS : wrong;
		read_live(pass, &page, 1);
	}
	feed();
	assert_int_equal(watch.read_nr, 8);
	assert_int_not_equal(watch.read[0].differs, 0);
	assert_int_equal(watch.read[2].differs, 0);
	assert_int_equal(watch.read[4].proven, 0);
	assert_int_not_equal(watch.read[6].proven, 0);
}

static void test_seen_not_seen(void **state)
{
	(void)state;
	seen_not_seen(PRESENT_BITS);
	seen_not_seen(ABSENT_BITS | DEVIATES);
}

/* One that was proven wrong long ago does not hide that its neighbour has gone wrong like it. */
static void test_wrong_beside_proven(void **state)
{
	struct stream_page pages[2] = { { 0, 100, 1, PRESENT_BITS }, { 1, 101, 1, ABSENT_BITS } };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_fault(&stream, T, G, 1, 101);
	stream_heartbeat(&stream);
	for (__u32 pass = 0; pass < 4; pass++) {
		pages[1].bits = pass < 2 ? ABSENT_BITS : PRESENT_BITS;
		read_live(pass, pages, 2);
	}
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect_one(&stream, RULE_APPLIED_MISMATCH, G, 0, 1);
}

/* --- pages like the one before: what is not like it is looked at by itself ---------------- */

/* Pages 0 and 1, faulted in and read alike, page 0 first. */
static void two_alike(enum record_provider provider, bool before)
{
	static const struct stream_page both = { 0, 100, 2, ABSENT_BITS };

	anew();
	stream_inode(&stream, G, provider, 64, before);
	stream_fault(&stream, T, G, 0, 100);
	stream_fault(&stream, T, G, 1, 101);
	stream_heartbeat(&stream);
	read_live(0, &both, 1);
}

static void test_like_asked(void **state)
{
	static const struct stream_page both = { 0, 100, 2, ABSENT_BITS };

	(void)state;
	/* Page 1 is asked to be present, and nothing follows. */
	two_alike(RFC3, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 1, 1, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 1, 1, true);
	read_live(1, &both, 1);
	feed();
	assert_int_equal(watch.read[watch.read_nr - 2].pgoff, 1);
	assert_int_equal(watch.read[watch.read_nr - 2].differs, MODEL_DIFFERS_DECLARED);
	/* Both are asked to be either: each is learned. */
	two_alike(RFC3, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 1, true);
	stream_begin(&stream, T + 1, G, RECORD_OPERATION_SET_RANGE, 0, 1, false);
	stream_end(&stream, T + 1, G, RECORD_OPERATION_SET_RANGE, 0, 1, false);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 1, true);
	stream_heartbeat(&stream);
	read_live(1, &both, 1);
	feed();
	assert_int_equal(page_at(G, 0).declared, MODEL_ABSENT);
	assert_int_equal(page_at(G, 1).declared, MODEL_ABSENT);
}

static void test_like_replaced(void **state)
{
	static const struct stream_page pages[] = { { 0, 100, 1, ABSENT_BITS },
						    { 1, 777, 1, ABSENT_BITS } };

	(void)state;
	two_alike(RFC3, false);
	read_live(1, pages, 2);
	feed();
	assert_int_equal(page_at(G, 1).pfn, 777);
	assert_int_equal(watch.counts.unexplained, 1);
}

/* What was unsettled, or suspected, is no more when it was read once again. */
static void test_like_cleared(void **state)
{
	struct stream_page pages[] = { { 0, 100, 1, ABSENT_BITS }, { 1, 101, 1, ABSENT_BITS } };

	(void)state;
	two_alike(RFC3, false);
	read_live(1, pages, 2);
	stream_zap(&stream, T, G, 1, 101, 1, false, 0);
	((struct record_zap *)last_record(sizeof(struct record_zap)))->zap_end -= 2000;
	read_live(2, pages, 2);
	feed();
	assert_int_equal(watch.counts.pages_unsettled, 0);
	two_alike(RFC3, false);
	for (__u32 pass = 1; pass < 4; pass++) {
		pages[1].bits = pass == 2 ? ABSENT_BITS : PRESENT_BITS;
		read_live(pass, pages, 2);
	}
	feed();
	for (size_t i = 0; i < watch.read_nr; i++)
		assert_int_equal(watch.read[i].proven, 0);
}

static void test_like_unseen(void **state)
{
	static const struct stream_page both = { 0, 100, 2, PRESENT_BITS };

	(void)state;
	stream_inode(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, 64, true);
	for (__u64 i = 0; i < 2; i++) {
		stream_join(&stream, T, G, i, 100 + i);
		((struct record_owner *)last_record(sizeof(struct record_owner)))->prepared = 1;
	}
	stream_heartbeat(&stream);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, true, RECORD_SNAPSHOT_LIVE,
			    pass, 0, pass ? 64 : 1, &both, 1);
	stream.now += 5 * SECOND;
	feed();
	assert_true(model_owners_complete(stream.model));
}

/* Where nobody wants to be told of those that are as they must be each is counted once all the same. */
static void test_like_counted(void **state)
{
	static const struct stream_page pages = { 0, 100, 40, ABSENT_BITS };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 40; i++)
		stream_fault(&stream, T, G, i, 100 + i);
	stream_heartbeat(&stream);
	for (__u32 pass = 0; pass < 2; pass++)
		read_live(pass, &pages, 1);
	feed_unheard();
	assert_int_equal(watch.counts.pages_read, 2 * 64);
	assert_int_equal(inode_of(G)->compared, 64);
}

/* What was left at a release was there since the read that showed it first. */
static void test_left_since(void **state)
{
	const struct stream_page page = { 0, 100, 1, ABSENT_BITS | RECORD_PAGE_LOCKED };
	const struct model_read *last;

	(void)state;
	stream_inode(&stream, G, RFC3, 1, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_heartbeat(&stream);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_RELEASE, pass, 0, 1, &page, 1);
	feed();
	assert_int_equal(watch.read_nr, 2);
	last = &watch.read[1];
	assert_int_equal(last->left, MODEL_LEFT_LOCKED);
	assert_int_equal(last->since, watch.read[0].begin);
	assert_true(last->since < last->begin);
}

/* A whole chunk that nobody knew, and of which each page waits for its owner: each is found. */
static void test_alike_awaited(void **state)
{
	const struct stream_page pages = { 0, 4096, 512, ABSENT_BITS };

	(void)state;
	stream_inode(&stream, G, SECRET, 512, true);
	for (__u64 i = 0; i < 512; i++)
		stream_zap(&stream, T + (__u32)i, 0, 0, 4096 + i, 1, false, 0);
	stream_heartbeat(&stream);
	stream_read(&stream, G, SECRET, false, RECORD_SNAPSHOT_LIVE, 0, 0, 512, &pages, 1);
	feed();
	assert_int_equal(inode_of(G)->zapped, 512);
}

/* --- what a read does not know ------------------------------------------------------------ */

static const struct model_read *read_bits(enum record_provider provider, __u32 bits)
{
	struct stream_page page = { 0, bits & RECORD_PAGE_RESIDENT ? 100 : 0, 1, bits };

	anew();
	stream_inode(&stream, G, provider, 1, false);
	stream_read(&stream, G, provider, provider == RECORD_PROVIDER_GMEM_PLAIN,
		    RECORD_SNAPSHOT_LIVE, 0, 0, 1, &page, 1);
	feed();
	assert_int_equal(watch.read_nr, 1);
	return watch.read;
}

static void expect_known(bool known)
{
	assert_int_equal(watch.counts.pages_unknown, !known);
	assert_int_equal(watch.counts.pages_read, known);
}

static void test_unknown(void **state)
{
	(void)state;
	assert_int_equal(read_bits(RFC3, ABSENT_BITS)->xarray, MODEL_ABSENT);
	expect_known(true);
	assert_int_equal(read_bits(RFC3, ABSENT_BITS | RECORD_PAGE_DECLARED_UNKNOWN)->xarray,
			 MODEL_EITHER);
	expect_known(false);
	/* These have none. */
	assert_int_equal(read_bits(SECRET, ABSENT_BITS)->xarray, MODEL_EITHER);
	expect_known(true);
	assert_int_equal(read_bits(RECORD_PROVIDER_GMEM_PLAIN, PRESENT_BITS)->xarray, MODEL_EITHER);
	expect_known(true);
	assert_int_equal(read_bits(RFC3, RECORD_PAGE_RESIDENT_UNKNOWN)->table, MODEL_EITHER);
	expect_known(false);
	assert_int_equal(read_bits(RFC3, ABSENT_BITS | RECORD_PAGE_APPLIED_UNKNOWN)->table,
			 MODEL_EITHER);
	expect_known(false);
	/* Nobody asks how a poisoned page is mapped. */
	read_bits(RFC3, ABSENT_BITS | RECORD_PAGE_APPLIED_UNKNOWN | RECORD_PAGE_POISONED);
	expect_known(true);
	assert_int_equal(read_bits(RFC3, PRESENT_BITS | RECORD_PAGE_POISONED)->differs, 0);
	expect_known(true);
}

/* Pages alike of which the same is not known. */
static void test_unknown_alike(void **state)
{
	struct stream_page pages = { 0, 100, 8, ABSENT_BITS };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 8; i++)
		stream_fault(&stream, T, G, i, 100 + i);
	stream_heartbeat(&stream);
	read_live(0, &pages, 1);
	pages.bits |= RECORD_PAGE_APPLIED_UNKNOWN;
	read_live(1, &pages, 1);
	feed();
	assert_int_equal(watch.counts.pages_unknown, 8);
	assert_int_equal(watch.counts.pages_read, 64 + 56);
}

/* The xarray is wrong, and the page table is as was asked for: that is one difference. */
static void test_one_difference(void **state)
{
	static const struct stream_page page = { 0, 100, 1, ABSENT_BITS | DEVIATES };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_heartbeat(&stream);
	read_live(0, &page, 1);
	feed();
	assert_int_equal(watch.read[0].differs, MODEL_DIFFERS_DECLARED);
}

/* Not prepared, while a call from before may still run: @before is what was known of it. */
static const struct model_read *halfway(enum record_provider provider, bool joined, bool zapped,
					const struct stream_page *before, __u32 bits)
{
	struct stream_page page = { 0, 100, 1, RECORD_PAGE_RESIDENT | bits };

	anew();
	stream_inode(&stream, G, provider, 64, true);
	if (joined)
		stream_join(&stream, T, G, 0, 100);
	if (zapped)
		stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream_heartbeat(&stream);
	if (before)
		stream_read(&stream, G, provider, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, before, 1);
	stream_read(&stream, G, provider, false, RECORD_SNAPSHOT_LIVE, 1, 0, 64, &page, 1);
	feed();
	for (size_t i = watch.read_nr; i > 0; i--) {
		if (!watch.read[i - 1].pgoff)
			return &watch.read[i - 1];
	}
	fail_msg("page 0 was not told of");
	return NULL;
}

static void test_halfway(void **state)
{
	static const struct stream_page present = { 0, 100, 1,
						    RECORD_PAGE_RESIDENT | RECORD_PAGE_PRESENT };

	(void)state;
	/* Nothing is known of it, or it was read present before: it may be halfway. */
	assert_int_equal(halfway(RFC3, false, false, NULL, 0)->table, MODEL_EITHER);
	assert_int_equal(halfway(RFC3, false, false, &present, 0)->table, MODEL_EITHER);
	assert_int_equal(halfway(RFC3, true, true, NULL, 0)->table, MODEL_EITHER);
	/* It came when the sensors were there, and who makes it absent is seen. */
	assert_int_equal(halfway(RFC3, true, false, NULL, 0)->differs, MODEL_DIFFERS_APPLIED);
	/* Present it is not on its way, prepared it has arrived, and others have no such way. */
	assert_int_equal(halfway(RFC3, false, false, NULL, RECORD_PAGE_PRESENT)->table,
			 MODEL_PRESENT);
	assert_int_equal(halfway(RFC3, false, false, NULL, RECORD_PAGE_PREPARED)->table,
			 MODEL_ABSENT);
	assert_int_equal(halfway(SECRET, false, false, NULL, 0)->table, MODEL_ABSENT);
}

/* What a page that is not there was mapped like is not known, whatever its neighbours are. */
static void test_not_resident(void **state)
{
	struct stream_page page = { 1, 101, 1, ABSENT_BITS };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 1, 101);
	stream_heartbeat(&stream);
	read_live(0, &page, 1);
	feed();
	assert_int_equal(watch.read[0].pgoff, 0);
	assert_int_equal(watch.read[0].applied, MODEL_EITHER);
	assert_int_equal(watch.read[1].applied, MODEL_ABSENT);
}

/* --- settled ----------------------------------------------------------------------------------- */

/* How many pages of the last read were settled. */
static __u64 settled_at(__u64 begin)
{
	__u64 nr = 0;

	for (size_t i = 0; i < watch.read_nr; i++)
		nr += watch.read[i].begin == begin && watch.read[i].settled ? watch.read[i].nr : 0;
	return nr;
}

/* An open request unsettles what it asks for, be the chunk alike, apart, or the gigabyte empty. */
static void test_open(void **state)
{
	static const struct stream_page pages[] = { { 600, 5000, 1, PRESENT_BITS } };
	__u64 begin;

	(void)state;
	for (int resident = 0; resident < 2; resident++) {
		anew();
		stream_inode(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, 1024, false);
		stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 100, 109, false);
		begin = stream.now;
		stream_read(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, true, RECORD_SNAPSHOT_LIVE, 0,
			    0, 1024, pages, resident);
		feed();
		assert_int_equal(settled_at(begin), 1024 - 10);
	}
}

/* A chunk that is only now told apart knows what touched it when it was not. */
static void test_born_touched(void **state)
{
	struct record_snapshot bracket = {
		.header = { .size = sizeof(bracket), .inode = G },
		.pgoff_nr = 512,
		.origin = RECORD_SNAPSHOT_LIVE,
		.provider = RFC3,
		.snapshot = 1,
	};

	(void)state;
	stream_inode(&stream, G, RFC3, 512, false);
	stream_heartbeat(&stream);
	bracket.header.kind = RECORD_SNAPSHOT_BEGIN;
	bracket.header.time = stream.now;
	stream_add(&stream, &bracket.header);
	/* It splits the gigabyte; then all of the chunk is touched, and then it is born. */
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 511, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 511, true);
	stream_join(&stream, T, G, 7, 107);
	bracket.header.kind = RECORD_SNAPSHOT_END;
	bracket.header.time = stream.now;
	stream_add(&stream, &bracket.header);
	feed();
	assert_true(watch.read_nr > 0);
	assert_int_equal(settled_at(watch.read[0].begin), 0);
}

static void bracket_of(__u16 kind, __u64 snapshot)
{
	struct record_snapshot record = {
		.header = { .kind = kind, .size = sizeof(record), .time = stream.now, .inode = G },
		.pgoff_nr = 64,
		.origin = RECORD_SNAPSHOT_LIVE,
		.provider = RFC3,
		.snapshot = snapshot,
	};

	stream_add(&stream, &record.header);
}

/*
 * Of three reads the first is the longest: what was touched between the second's end and the
 * third's begin is forgotten then, and so the first is not settled.
 */
static void test_three_reads(void **state)
{
	__u64 begin;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_heartbeat(&stream);
	begin = stream.now;
	bracket_of(RECORD_SNAPSHOT_BEGIN, 1);
	bracket_of(RECORD_SNAPSHOT_BEGIN, 2);
	bracket_of(RECORD_SNAPSHOT_END, 2);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	bracket_of(RECORD_SNAPSHOT_BEGIN, 3);
	bracket_of(RECORD_SNAPSHOT_END, 1);
	bracket_of(RECORD_SNAPSHOT_END, 3);
	feed();
	assert_int_equal(settled_at(begin), 0);
}

/* A read whose begin is told of late does not know what touched its pages since. */
static void test_late_begin(void **state)
{
	__u64 begin;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_heartbeat(&stream);
	begin = stream.now;
	stream.now += MS;
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream_heartbeat(&stream);
	stream.now = begin;
	bracket_of(RECORD_SNAPSHOT_BEGIN, 1);
	stream.now = begin + 3 * MS;
	bracket_of(RECORD_SNAPSHOT_END, 1);
	feed();
	assert_int_equal(settled_at(begin), 63);
}

/* A run that joins, or leaves, is told of late, while its chunk is read. */
static void moved_late(__u16 kind)
{
	struct record_owner *record;
	__u64 begin;

	anew();
	stream_inode(&stream, G, RFC3, 512, false);
	if (kind == RECORD_LEAVE) {
		stream_join(&stream, T, G, 0, 4096);
		((struct record_owner *)last_record(sizeof(*record)))->nr = 512;
	}
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 600, 600, false);
	stream_heartbeat(&stream);
	begin = stream.now + MS;
	stream.now = begin;
	bracket_of(RECORD_SNAPSHOT_BEGIN, 1);
	((struct record_snapshot *)last_record(sizeof(struct record_snapshot)))->pgoff_nr = 512;
	stream_heartbeat(&stream);
	if (kind == RECORD_LEAVE)
		stream_leave(&stream, T, 4096);
	else
		stream_join(&stream, T, G, 0, 4096);
	record = last_record(sizeof(*record));
	record->header.time = begin - MS / 2;
	record->nr = 512;
	bracket_of(RECORD_SNAPSHOT_END, 1);
	((struct record_snapshot *)last_record(sizeof(struct record_snapshot)))->pgoff_nr = 512;
	feed();
	assert_true(watch.read_nr > 0);
	assert_int_equal(settled_at(begin), 0);
}

static void test_moved_late(void **state)
{
	(void)state;
	moved_late(RECORD_JOIN);
	moved_late(RECORD_LEAVE);
}

/* --- which reads count ----------------------------------------------------------------------------- */

static void test_read_of_dead(void **state)
{
	struct stream_page page = { 0, 100, 1, ABSENT_BITS };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_inode_dead(&stream, G);
	read_live(0, &page, 1);
	feed();
	assert_int_equal(inode_of(G)->resident, 1);
	assert_int_equal(watch.counts.chunks, 0);
	assert_int_equal(watch.read_nr, 0);
}

static void test_read_failed(void **state)
{
	struct stream_page page = { 0, 100, 1, ABSENT_BITS };
	struct record_snapshot *end;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	read_live(0, &page, 1);
	end = last_record(sizeof(*end));
	end->result = -5;
	feed();
	assert_int_equal(watch.counts.chunks_failed, 1);
	assert_int_equal(watch.read_nr, 0);
	assert_int_equal(inode_of(G)->compared, 0);
	/* Of which nothing was known. */
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	read_live(0, NULL, 0);
	((struct record_snapshot *)last_record(sizeof(struct record_snapshot)))->result = -5;
	feed();
	assert_int_equal(watch.counts.chunks_failed, 1);
}

/* --- what is learned --------------------------------------------------------------------------------- */

/* Page 0 is read with @pfn behind it, twice; nothing told of its coming or going. */
static void unexplained(enum record_provider provider, bool before, __u64 joined, __u64 pfn,
			__u64 expected)
{
	__u32 bits = provider == RECORD_PROVIDER_GMEM_PLAIN ? PRESENT_BITS : ABSENT_BITS;
	struct stream_page page = { 0, pfn, 1, bits };

	anew();
	stream_inode(&stream, G, provider, 64, before);
	if (joined) {
		stream_join(&stream, T, G, 0, joined);
		stream_zap_flush(&stream, T, G, 0, joined, 1, joined, joined);
	}
	stream_heartbeat(&stream);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, provider, provider == RECORD_PROVIDER_GMEM_PLAIN,
			    RECORD_SNAPSHOT_LIVE, pass, 0, 64, &page, pfn != 0);
	feed();
	assert_int_equal(watch.counts.unexplained, expected);
	assert_int_equal(page_at(G, 0).resident, pfn != 0);
	if (pfn)
		assert_int_equal(page_at(G, 0).pfn, pfn);
	assert_int_equal(inode_of(G)->resident, pfn != 0);
}

static void test_unexplained(void **state)
{
	(void)state;
	unexplained(RFC3, false, 100, 100, 0);
	unexplained(RFC3, false, 0, 100, 1);
	unexplained(RFC3, false, 100, 200, 1);
	unexplained(RFC3, false, 100, 0, 1);
	/* What was there before the sensors were is only met. */
	unexplained(RFC3, true, 0, 100, 0);
	/* These tell of no joins, or of no leaves. */
	unexplained(SECRET, false, 0, 100, 0);
	unexplained(RECORD_PROVIDER_GMEM_PLAIN, false, 0, 100, 0);
}

/* A read that does not know teaches nothing. */
static void test_not_learned(void **state)
{
	struct stream_page page = {
		0, 100, 1, ABSENT_BITS | RECORD_PAGE_APPLIED_UNKNOWN | RECORD_PAGE_POISONED
	};

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_heartbeat(&stream);
	read_live(0, &page, 1);
	feed();
	assert_int_equal(page_at(G, 0).applied, MODEL_ABSENT);
	assert_true(page_at(G, 0).poisoned);
	/* Nor one of a kind that has no xarray, of what was asked for. */
	anew();
	stream_inode(&stream, G, RECORD_PROVIDER_UNKNOWN, 64, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, true);
	stream_join(&stream, T, G, 0, 100);
	stream_heartbeat(&stream);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RECORD_PROVIDER_UNKNOWN, true, RECORD_SNAPSHOT_LIVE, pass,
			    0, 64, &(struct stream_page){ 0, 100, 1, PRESENT_BITS }, 1);
	feed();
	assert_int_equal(page_at(G, 0).declared, MODEL_PRESENT);
}

/* A run that is taken over as a whole is; one that cannot be, page by page. */
static void taken_over(__u64 pages, __u64 other, bool zapped)
{
	struct stream_page run = { 0, 4096, (__u32)pages, ABSENT_BITS };

	anew();
	stream_inode(&stream, 8, SECRET, 64, false);
	stream_inode(&stream, G, SECRET, pages, false);
	if (other)
		stream_join(&stream, T, 8, 0, other);
	if (zapped)
		stream_zap(&stream, T, 0, 0, 4100, 1, false, 0);
	stream_heartbeat(&stream);
	stream_read(&stream, G, SECRET, false, RECORD_SNAPSHOT_LIVE, 0, 0, pages, &run, 1);
	feed();
	assert_int_equal(inode_of(G)->resident, pages);
	assert_int_equal(inode_of(G)->absent, pages);
	assert_int_equal(inode_of(G)->zapped, zapped);
	assert_int_equal(inode_of(8)->resident, 0);
	for (__u64 i = 0; i < pages; i += 7) {
		assert_int_equal(page_at(G, i).pfn, 4096 + i);
		assert_true(page_at(G, i).prepared);
		assert_true(page_at(G, i).sure);
	}
}

static void test_taken_over(void **state)
{
	(void)state;
	taken_over(512, 0, false);
	taken_over(100, 0, false);
	taken_over(512, 4100, false);
	taken_over(512, 0, true);
}

/* What is declared of an inode that began unknown is learned from the second read, not the first. */
static void declared_after(int reads, __u64 pages, const struct stream_page *page, size_t nr,
			   enum model_state declared)
{
	anew();
	stream_inode(&stream, G, RFC3, pages, true);
	for (int i = 0; i < reads; i++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0,
			    pages < 4096 ? pages : RECORD_SNAPSHOT_EMPTY, page, nr);
	feed();
	assert_int_equal(page_at(G, 0).declared, declared);
	/* And of its neighbours. */
	assert_int_equal(page_at(G, 101).declared, declared);
	assert_int_equal(page_at(G, 108).declared, declared);
}

/* Where a bit in the folio says it, it changes without a request, and none is learned. */
static void test_not_declared(void **state)
{
	static const __u64 sizes[] = { 512, RECORD_SNAPSHOT_EMPTY };
	static const struct stream_page page = { 0, 100, 1,
						 RECORD_PAGE_RESIDENT | RECORD_PAGE_PRESENT };

	(void)state;
	for (int i = 0; i < 3; i++) {
		__u64 pages = sizes[i == 2];

		anew();
		stream_inode(&stream, G, RECORD_PROVIDER_FOLIO_BIT, pages, true);
		((struct record_inode *)last_record(sizeof(struct record_inode)))->default_state =
			1;
		for (__u32 pass = 0; pass < 2; pass++)
			stream_read(&stream, G, RECORD_PROVIDER_FOLIO_BIT, true,
				    RECORD_SNAPSHOT_LIVE, pass, 0, pages, &page, i == 1);
		feed();
		assert_int_equal(watch.counts.malformed, 0);
		assert_int_equal(inode_of(G)->compared, pages);
		assert_int_equal(page_at(G, 0).declared, MODEL_EITHER);
	}
}

static void test_declared_learned(void **state)
{
	static const struct stream_page some = { 100, 5000, 10, ABSENT_BITS };
	static const struct stream_page all = { 0, 4096, 512, ABSENT_BITS };

	(void)state;
	for (int reads = 1; reads < 3; reads++) {
		enum model_state declared = reads == 1 ? MODEL_EITHER : MODEL_ABSENT;

		declared_after(reads, 512, &some, 1, declared);
		declared_after(reads, 512, &all, 1, declared);
		declared_after(reads, 512, NULL, 0, declared);
		declared_after(reads, RECORD_SNAPSHOT_EMPTY, NULL, 0, declared);
	}
}

/* Read a second time beside one that is read for the first: sure, as the other is not yet. */
static void test_seen_beside_unseen(void **state)
{
	static const struct stream_page pages[] = { { 1, 101, 7, PRESENT_BITS },
						    { 0, 100, 8, PRESENT_BITS } };

	(void)state;
	stream_inode(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, 64, true);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, true, RECORD_SNAPSHOT_LIVE,
			    pass, 1 - pass, 63 + pass, pages + pass, 1);
	feed();
	assert_false(page_at(G, 0).sure);
	for (__u64 i = 1; i < 8; i++)
		assert_true(page_at(G, i).sure);
}

/* --- gigabytes of nothing ------------------------------------------------------------------------------ */

#define REGION (1ULL << 18)

static void read_region(__u64 first, __u64 nr)
{
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, first, nr, NULL, 0);
}

/* What is empty costs nothing, and is compared; so do whole chunks of pages alike. */
static void test_empty_is_cheap(void **state)
{
	__u64 before;

	(void)state;
	stream_inode(&stream, G, RFC3, 64 * REGION + 100, false);
	read_region(0, 512);
	feed();
	before = watch.counts.memory;
	anew();
	stream_inode(&stream, G, RFC3, 64 * REGION + 100, false);
	read_region(0, 512);
	for (__u64 i = 1; i < 64; i++) {
		read_region(i * REGION, REGION);
		stream_heartbeat(&stream);
	}
	read_region(64 * REGION, 100);
	feed();
	assert_int_equal(inode_of(G)->compared, 512 + 63 * REGION + 100);
	assert_true(watch.counts.memory < before + 16384);
}

/* As a reader tells of a chunk: in blocks. */
static void read_chunk(__u64 chunk, bool blocks)
{
	struct stream_page pages[8];

	for (__u64 i = 0; i < 8; i++)
		pages[i] = (struct stream_page){ chunk * 512 + i * 64, ((chunk + 1) << 12) + i * 64,
						 64, ABSENT_BITS };
	pages[0].nr = blocks ? 64 : 512;
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, chunk * 512, 512, pages,
		    blocks ? 8 : 1);
}

static __u64 memory_of_chunks(__u64 nr, bool blocks)
{
	anew();
	stream_inode(&stream, G, RFC3, REGION, false);
	for (__u64 i = 0; i < nr; i++) {
		stream_join(&stream, T, G, i * 512, (i + 1) << 12);
		((struct record_owner *)last_record(sizeof(struct record_owner)))->nr = 512;
		stream_zap(&stream, T, G, i * 512, (i + 1) << 12, 512, false, 0);
		stream_heartbeat(&stream);
	}
	for (__u64 i = 0; i < nr; i++) {
		read_chunk(i, blocks);
		stream_heartbeat(&stream);
	}
	feed_with(&(struct model_options){ .events_kept = 1024 });
	assert_int_equal(inode_of(G)->compared, nr * 512);
	assert_int_equal(inode_of(G)->absent, nr * 512);
	return watch.counts.memory;
}

static void test_alike_is_cheap(void **state)
{
	(void)state;
	for (int blocks = 0; blocks < 2; blocks++)
		assert_true(memory_of_chunks(66, blocks) < memory_of_chunks(2, blocks) + 64 * 1024);
}

/* Nor does what was asked for of what is not there. */
static __u64 memory_of_asked(__u64 nr)
{
	anew();
	stream_inode(&stream, G, RFC3, REGION, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, nr * 512 - 1, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, nr * 512 - 1, true);
	stream_heartbeat(&stream);
	for (__u64 i = 0; i < nr; i++) {
		struct stream_page pages[8];

		for (__u64 j = 0; j < 8; j++)
			pages[j] = (struct stream_page){ i * 512 + j * 64, 0, 64, DEVIATES };
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, i * 512, 512, pages,
			    8);
		stream_heartbeat(&stream);
	}
	feed_with(&(struct model_options){ .events_kept = 1024 });
	assert_int_equal(inode_of(G)->compared, nr * 512);
	return watch.counts.memory;
}

static void test_asked_is_cheap(void **state)
{
	(void)state;
	assert_true(memory_of_asked(66) < memory_of_asked(2) + 16 * 1024);
}

/* One in which something was asked for, is asked for, or was not recorded, is looked at closely. */
static void test_empty_and_asked(void **state)
{
	__u64 begin;

	(void)state;
	stream_inode(&stream, G, RFC3, REGION, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, ~0ULL, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, ~0ULL, true);
	read_region(0, REGION);
	feed();
	/* The xarray does not say so. */
	assert_int_equal(watch.read[0].differs, MODEL_DIFFERS_DECLARED);
	assert_int_equal(inode_of(G)->uncompared + model_pages_uncompared(stream.model), 0);
	assert_true(model_unsettled(stream.model));
	anew();
	stream_inode(&stream, G, RFC3, REGION, false);
	read_region(0, REGION);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, ~0ULL, true);
	begin = stream.now;
	bracket_of(RECORD_SNAPSHOT_BEGIN, 7);
	((struct record_snapshot *)last_record(sizeof(struct record_snapshot)))->pgoff_nr = REGION;
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, ~0ULL, true);
	bracket_of(RECORD_SNAPSHOT_END, 7);
	((struct record_snapshot *)last_record(sizeof(struct record_snapshot)))->pgoff_nr = REGION;
	feed();
	assert_int_equal(settled_at(begin), 0);
}

/* Of two reads at the same time the first is compared: what was touched is known from its begin on. */
static void test_first_of_two_at_once(void **state)
{
	const struct stream_page page = { 0, 100, 1, ABSENT_BITS };
	struct record_snapshot *begin;
	size_t second;

	(void)state;
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_heartbeat(&stream);
	stream.now += MS;
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, &page, 1);
	second = stream.used;
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 1, 0, 64, &page, 1);
	begin = (struct record_snapshot *)(stream.data + second);
	begin->header.time -= 2000; /* ns: before the end of the first */
	feed();
	assert_int_equal(inode_of(G)->compared, 64);
}

/* Pages far from what is said to be read: a read of single pages of another part of the inode has none of them. */
static void test_read_elsewhere(void **state)
{
	const __u64 first = 1ULL << 22;
	const struct stream_page pages[] = {
		{ first + 3, 100, 1, ABSENT_BITS },
		{ first + 1, 300, 1, ABSENT_BITS },
		{ 0, 500, 1, ABSENT_BITS },
		{ MODEL_PGOFF_MAX - 1, 700, 1, ABSENT_BITS },
	};

	(void)state;
	anew();
	stream_inode(&stream, G, RFC3, 1ULL << 23, false);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, first, 64, pages, 4);
	feed();
	assert_int_equal(inode_of(G)->compared, 64);
	assert_true(page_at(G, first + 3).resident);
	assert_true(page_at(G, first + 1).resident);
	assert_false(page_at(G, 0).resident);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_first_of_two_at_once),
		RULE_TEST(test_read_elsewhere),
		RULE_TEST(test_run_of_known),
		RULE_TEST(test_runs),
		RULE_TEST(test_since),
		RULE_TEST(test_seen_not_seen),
		RULE_TEST(test_wrong_beside_proven),
		RULE_TEST(test_like_asked),
		RULE_TEST(test_like_replaced),
		RULE_TEST(test_like_cleared),
		RULE_TEST(test_like_unseen),
		RULE_TEST(test_like_counted),
		RULE_TEST(test_left_since),
		RULE_TEST(test_alike_awaited),
		RULE_TEST(test_one_difference),
		RULE_TEST(test_halfway),
		RULE_TEST(test_unknown),
		RULE_TEST(test_unknown_alike),
		RULE_TEST(test_not_resident),
		RULE_TEST(test_open),
		RULE_TEST(test_born_touched),
		RULE_TEST(test_three_reads),
		RULE_TEST(test_late_begin),
		RULE_TEST(test_moved_late),
		RULE_TEST(test_read_of_dead),
		RULE_TEST(test_read_failed),
		RULE_TEST(test_unexplained),
		RULE_TEST(test_not_learned),
		RULE_TEST(test_declared_learned),
		RULE_TEST(test_not_declared),
		RULE_TEST(test_taken_over),
		RULE_TEST(test_seen_beside_unseen),
		RULE_TEST(test_empty_is_cheap),
		RULE_TEST(test_alike_is_cheap),
		RULE_TEST(test_asked_is_cheap),
		RULE_TEST(test_empty_and_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
