// SPDX-License-Identifier: GPL-2.0
/* What is told of a read: page by page, and no page more. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		RULE_TEST(test_unknown),
		RULE_TEST(test_unknown_alike),
		RULE_TEST(test_one_difference),
		RULE_TEST(test_halfway),
		RULE_TEST(test_not_resident),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
