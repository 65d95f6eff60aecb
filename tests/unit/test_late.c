// SPDX-License-Identifier: GPL-2.0
/* Of inodes that are older than the sensors: what reads and changes tell of pages that came unseen. */
#include "scene.h"

#define OLD 5 /* an inode that was there before */
#define CHUNK 512
#define PFN 1024

/* The page is marked: it joins again, as prepared. */
static void mark(__u64 pgoff, __u64 pfn)
{
	struct record_owner record = {
		.header = { .kind = RECORD_JOIN,
			    .size = sizeof(record),
			    .tid = T,
			    .time = stream.now,
			    .inode = G },
		.page = pfn,
		.pgoff = pgoff,
		.nr = 1,
		.prepared = RECORD_OWNER_PREPARED,
	};

	stream_add(&stream, &record.header);
}

/*
 * While the old one's pages are read a call from before the sensors gives them back, and the new
 * one gets them and makes them absent, before the read has ended: what it saw is no news.
 */
static void overtaken(__u32 nr)
{
	const struct stream_page page = { 0, PFN, nr, PRESENT_BITS | DEVIATES };

	stream_inode(&stream, OLD, RFC3, 8 * CHUNK, true);
	stream_inode(&stream, G, RFC3, 8 * CHUNK, false);
	stream_heartbeat(&stream);
	stream.now += 3 * SECOND;
	stream_heartbeat(&stream);
	stream_read_begin(&stream, OLD, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 8 * CHUNK, &page,
			  1);
	for (__u64 i = 0; i < nr; i++)
		stream_leave(&stream, T + 1, PFN + i);
	for (__u64 i = 0; i < nr; i++)
		stream_fault(&stream, T, G, i, PFN + i);
	stream_read_end(&stream);
	stream_heartbeat(&stream);
	for (__u64 i = 0; i < nr; i++)
		mark(i, PFN + i);
	stream_heartbeat(&stream);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_null(verdict_violation(stream.verdict, 0));
}

static void test_read_overtaken(void **state)
{
	(void)state;
	overtaken(1);
}

static void test_read_overtaken_alike(void **state)
{
	(void)state;
	overtaken(CHUNK);
}

/* Of one that is older than the sensors, and was never read: the page shows whose it is. */
static void old_met(enum record_provider provider)
{
	stream_inode(&stream, OLD, provider, 8 * CHUNK, true);
	stream_inode(&stream, G, RFC3, 64, false);
	stream_heartbeat(&stream);
	stream.now += 3 * SECOND;
	stream_heartbeat(&stream);
}

/* Whatever it was before, nobody may make it absent. */
static void test_met_unexpected(void **state)
{
	(void)state;
	old_met(RECORD_PROVIDER_GMEM_PLAIN);
	stream_zap_flush(&stream, T, OLD, 5, PFN, 1, PFN, PFN);
	stream_zap(&stream, T, OLD, 5, PFN, 1, true, 0);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect_one(&stream, RULE_UNEXPECTED_ZAP, OLD, 5, 5);
}

static void test_met_foreign(void **state)
{
	const struct verdict_violation *violation;

	(void)state;
	old_met(RFC3);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	stream_zap_flush(&stream, T, OLD, 5, PFN, 1, PFN, PFN);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	violation = stream_expect_one(&stream, RULE_FOREIGN_PAGE, OLD, 5, 5);
	/* And not what it was before. */
	assert_string_equal(violation->sources[1].says, "page 0x5 of g5");
}

/* What it was is not known: a call that fails may have put it back. */
static void test_met_failed(void **state)
{
	(void)state;
	old_met(RFC3);
	stream_begin(&stream, T, OLD, RECORD_OPERATION_SET_RANGE, 0, 7, true);
	stream_zap_flush(&stream, T, OLD, 5, PFN, 1, PFN, PFN);
	stream_request(&stream, RECORD_REQUEST_END, T, OLD, RECORD_OPERATION_SET_RANGE, 0, 7, true,
		       -12);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_null(verdict_violation(stream.verdict, 0));
}

/* Nor since when it is there: a hole gives back whole folios that came meanwhile. */
static void test_met_hole(void **state)
{
	(void)state;
	old_met(RFC3);
	stream_begin(&stream, T, OLD, RECORD_OPERATION_FALLOCATE, 0, 7, false);
	stream_zap(&stream, T, OLD, 9, PFN, 1, true, 0);
	stream_end(&stream, T, OLD, RECORD_OPERATION_FALLOCATE, 0, 7, false);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_null(verdict_violation(stream.verdict, 0));
}

/* If it was absent before there was nothing to flush; it is no proof that there was not. */
static void test_met_unflushed(void **state)
{
	(void)state;
	old_met(RFC3);
	stream_begin(&stream, T, OLD, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	stream_zap(&stream, T, OLD, 5, PFN, 1, false, 0);
	stream_end(&stream, T, OLD, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	heartbeats(20);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_null(verdict_violation(stream.verdict, 0));
	assert_true(reason_has("1 page looked wrong, but it could not be proven"));
}

/* A page of memfd_secret's is made absent before it is added: it was not there before. */
static void test_met_secret(void **state)
{
	(void)state;
	old_met(SECRET);
	stream_zap(&stream, T, OLD, 5, PFN, 1, false, 0);
	stream.now += 61 * SECOND;
	heartbeats(20);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect_one(&stream, RULE_NEVER_FLUSHED, OLD, 5, 5);
}

/* Nobody has used it since the sensors are there: all the same nobody knows what was not read. */
static void idle(__u64 read, bool gone)
{
	const struct stream_page page = { 5, 100, 1, ABSENT_BITS };

	stream_free(&stream);
	stream_init(&stream);
	stream_inode(&stream, OLD, RFC3, 2 * CHUNK, true);
	stream_heartbeat(&stream);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, OLD, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, read, &page,
			    1);
	heartbeats(20);
	if (gone)
		stream_inode_dead(&stream, OLD);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

static void test_idle_unread(void **state)
{
	(void)state;
	idle(2 * CHUNK, false);
	stream_expect(&stream, VERDICT_CONSISTENT);
	idle(CHUNK, false);
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
	assert_true(reason_has("512 pages were never compared, of what is older than the sensors"));
	assert_false(reason_has("last changed"));
	/* Its release was under way when the sensors came. */
	idle(CHUNK, true);
	stream_expect(&stream, VERDICT_CONSISTENT);
}

/* What was absent before the sensors came is looked at by nobody when it is freed. */
static void left(bool restored, bool older, bool freed)
{
	const struct stream_page pages[] = { { 5, PFN, 1, ABSENT_BITS } };

	stream_free(&stream);
	stream_init(&stream);
	stream.groups = SENSOR_GROUP_PAGE_FREE;
	stream_inode(&stream, OLD, RFC3, 64, older);
	if (!older)
		stream_fault(&stream, T, OLD, 5, PFN);
	stream_heartbeat(&stream);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, OLD, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, pages, 1);
	stream.now += 3 * SECOND;
	stream_heartbeat(&stream);
	stream_begin(&stream, T, OLD, RECORD_OPERATION_FALLOCATE, 5, 5, false);
	if (restored)
		stream_zap(&stream, T, OLD, 5, PFN, 1, true, 0);
	stream_leave(&stream, T, PFN);
	if (freed)
		stream_page_free(&stream, T, PFN, true);
	stream_end(&stream, T, OLD, RECORD_OPERATION_FALLOCATE, 5, 5, false);
	heartbeats(20);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

static void test_left_absent(void **state)
{
	(void)state;
	left(false, true, false);
	stream_expect_one(&stream, RULE_LEFT_ABSENT, OLD, 5, 5);
	assert_non_null(strstr(not_judged(RULE_FREED_ABSENT), "1 inode is older than the sensors"));
	left(true, true, false);
	assert_null(verdict_violation(stream.verdict, 0));
	/* Where it is looked at all the same that is the cause. */
	left(false, true, true);
	stream_expect_one(&stream, RULE_FREED_ABSENT, OLD, 5, 5);
	left(false, false, false);
	assert_null(verdict_violation(stream.verdict, 0));
	assert_null(not_judged(RULE_FREED_ABSENT));
}

/* Memory that failed is left alone by who frees it, and stays absent: the page was read so, or its failure was seen. */
static void failed(bool poisoned, bool seen)
{
	const struct stream_page page = { 5, PFN, 1,
					  ABSENT_BITS | (poisoned ? RECORD_PAGE_POISONED : 0) };

	stream_free(&stream);
	stream_init(&stream);
	old_met(RFC3);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, OLD, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, &page, 1);
	if (seen) {
		stream_begin(&stream, T, OLD, RECORD_OPERATION_ERROR_FOLIO, 5, 5, false);
		stream_end(&stream, T, OLD, RECORD_OPERATION_ERROR_FOLIO, 5, 5, false);
	}
	stream_begin(&stream, T, OLD, RECORD_OPERATION_FALLOCATE, 5, 5, false);
	stream_leave(&stream, T, PFN);
	stream_end(&stream, T, OLD, RECORD_OPERATION_FALLOCATE, 5, 5, false);
	heartbeats(20);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

static void test_left_failed(void **state)
{
	(void)state;
	failed(true, false);
	assert_null(verdict_violation(stream.verdict, 0));
	failed(false, true);
	assert_null(verdict_violation(stream.verdict, 0));
	failed(false, false);
	stream_expect_one(&stream, RULE_LEFT_ABSENT, OLD, 5, 5);
}

/* Pages are known to be present, and made absent @wait (ns) after the sensors had found them. */
static void converted(__u64 wait, bool flushed)
{
	struct stream_page before[8], after[8];

	stream_free(&stream);
	stream_init(&stream);
	stream_inode(&stream, OLD, RFC3, 64, true);
	stream_heartbeat(&stream);
	pages_seen(before, 0, 8, PRESENT_BITS | DEVIATES);
	pages_seen(after, 0, 8, ABSENT_BITS);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, OLD, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, before,
			    8);
	stream.now += wait;
	stream_heartbeat(&stream);
	stream_begin(&stream, T, OLD, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	for (__u64 i = 0; i < 8; i++)
		stream_zap(&stream, T, OLD, i, 100 + 2 * i, 1, false, 0);
	if (flushed)
		stream_flush(&stream, T, 100, 114, false);
	stream_end(&stream, T, OLD, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	heartbeats(1);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, OLD, RFC3, false, RECORD_SNAPSHOT_RELEASE, pass, 0, 64, after,
			    8);
	heartbeats(1);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

/* In the first two seconds nobody is accused of what a call from before may explain; but it is no proof. */
static void test_doubted_at_first(void **state)
{
	(void)state;
	converted(100 * MS, false);
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
	assert_true(reason_has("8 pages looked wrong, but it could not be proven"));
	converted(100 * MS, true);
	stream_expect(&stream, VERDICT_CONSISTENT);
	converted(3 * SECOND, true);
	stream_expect(&stream, VERDICT_CONSISTENT);
	converted(3 * SECOND, false);
	stream_expect_one(&stream, RULE_NEVER_FLUSHED, OLD, 0, 7);
}

/* A request of an inode whose pages were read as often as @reads says. */
static void requested(__u32 reads)
{
	struct stream_page before[8], after[8];

	stream_free(&stream);
	stream_init(&stream);
	stream_inode(&stream, OLD, RFC3, 64, true);
	stream_inode(&stream, G, RFC3, 64, false);
	stream_heartbeat(&stream);
	stream.now += 3 * SECOND;
	stream_heartbeat(&stream);
	pages_seen(before, 0, 8, PRESENT_BITS | DEVIATES);
	pages_seen(after, 0, 8, ABSENT_BITS);
	for (__u32 pass = 0; pass < reads; pass++)
		stream_read(&stream, OLD, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, before,
			    8);
	/* Of one whose begin was seen everything is known. */
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	stream_begin(&stream, T, OLD, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	for (__u64 i = 0; i < 8; i++)
		stream_zap(&stream, T, OLD, i, 100 + 2 * i, 1, false, 0);
	stream_flush(&stream, T, 100, 114, false);
	stream_end(&stream, T, OLD, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, OLD, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, after, 8);
	heartbeats(1);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

static void test_requests_unread(void **state)
{
	static const char reason[] = "1 call on inodes older than the sensors came before";
	static const enum rule_id rules[] = { RULE_NEVER_FLUSHED, RULE_FLUSH_MISMATCH,
					      RULE_FOREIGN_PAGE,  RULE_MISSED_PAGE,
					      RULE_LEFT_ABSENT,	  RULE_PARTIAL_APPLY,
					      RULE_EXPOSED,	  RULE_FREED_UNCLEARED };

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const char *words;

		/* What one read has seen may be a call from before the sensors, halfway. */
		for (__u32 reads = 0; reads < 2; reads++) {
			requested(reads);
			words = not_judged(rules[i]);
			assert_true(words && strstr(words, reason));
		}
		requested(2);
		words = not_judged(rules[i]);
		assert_false(words && strstr(words, reason));
	}
}

static void old_of(__u64 pages)
{
	stream_free(&stream);
	stream_init(&stream);
	stream_inode(&stream, OLD, RFC3, pages, true);
	stream_heartbeat(&stream);
	stream.now += 3 * SECOND;
	stream_heartbeat(&stream);
}

static void old_read(__u32 reads, __u64 first, __u64 nr, const struct stream_page *page)
{
	for (__u32 pass = 0; pass < reads; pass++)
		stream_read(&stream, OLD, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, first, nr, page,
			    page != NULL);
}

/* Whether a request came before all of the inode was known. */
static bool unknown_at_request(void)
{
	const char *words;

	stream_begin(&stream, T, OLD, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	stream_end(&stream, T, OLD, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	heartbeats(1);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	words = not_judged(RULE_MISSED_PAGE);
	return words && strstr(words, "1 call on inodes older than the sensors");
}

/* Nothing is there, or all of a chunk alike, or a page has come, and may have left. */
static void test_known_by_reads(void **state)
{
	const struct stream_page alike = { 0, PFN, CHUNK, ABSENT_BITS };
	const struct stream_page came = { 5, 100, 1, PRESENT_BITS & ~RECORD_PAGE_PREPARED };
	const struct {
		__u64 pages;
		const struct stream_page *seen;
		bool joins;
	} cases[] = {
		{ 1ULL << 18, NULL, false },
		{ CHUNK, &alike, false },
		{ 64, &came, true },
		{ 64, NULL, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (__u32 reads = 1; reads <= 2; reads++) {
			old_of(cases[i].pages);
			if (cases[i].joins)
				stream_join(&stream, T, OLD, 5, 100);
			if (cases[i].joins && !cases[i].seen)
				stream_leave(&stream, T, 100);
			old_read(reads, 0, cases[i].pages, cases[i].seen);
			assert_int_equal(unknown_at_request(), reads < 2);
		}
	}
}

/* What was read as a whole, and is read in parts, is known no more often than once. */
static void test_known_once(void **state)
{
	(void)state;
	old_of((1ULL << 18) + CHUNK);
	old_read(2, 0, 1ULL << 18, NULL);
	stream_join(&stream, T, OLD, 2 * CHUNK, 100);
	old_read(2, 0, CHUNK, NULL);
	assert_true(unknown_at_request());
	old_of(2 * CHUNK);
	old_read(2, 0, CHUNK, NULL);
	stream_join(&stream, T, OLD, 5, 100);
	old_read(2, 0, CHUNK,
		 &(struct stream_page){ 5, 100, 1, PRESENT_BITS & ~RECORD_PAGE_PREPARED });
	assert_true(unknown_at_request());
}

/* What was asked for is known, but not what is there. */
static void asked_before(__u32 reads, __u64 nr)
{
	const struct stream_page page = { 5, 100, 1, ABSENT_BITS };

	old_of(64);
	stream_begin(&stream, T, OLD, RECORD_OPERATION_SET_RANGE, 0, 63, false);
	stream_end(&stream, T, OLD, RECORD_OPERATION_SET_RANGE, 0, 63, false);
	old_read(reads, 0, nr, &page);
	stream_begin(&stream, T, OLD, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	stream_end(&stream, T, OLD, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	heartbeats(1);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_non_null(strstr(not_judged(RULE_MISSED_PAGE), "2 calls on inodes older"));
}

static void test_known_asked(void **state)
{
	(void)state;
	asked_before(2, 32);
	asked_before(1, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_read_overtaken),	  RULE_TEST(test_read_overtaken_alike),
		RULE_TEST(test_met_unexpected),	  RULE_TEST(test_met_foreign),
		RULE_TEST(test_met_failed),	  RULE_TEST(test_met_hole),
		RULE_TEST(test_doubted_at_first), RULE_TEST(test_met_unflushed),
		RULE_TEST(test_met_secret),	  RULE_TEST(test_left_absent),
		RULE_TEST(test_requests_unread),  RULE_TEST(test_known_by_reads),
		RULE_TEST(test_known_once),	  RULE_TEST(test_known_asked),
		RULE_TEST(test_left_failed),	  RULE_TEST(test_idle_unread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
