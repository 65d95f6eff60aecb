// SPDX-License-Identifier: GPL-2.0
/* Accusations of one cause are one violation: what melts, what does not, and how many. */
#include <errno.h>
#include "scene.h"

static void zapped_page(__u32 tid, __u64 pgoff)
{
	stream_join(&stream, tid, G, pgoff, 1000 + 2 * pgoff);
	stream_zap(&stream, tid, G, pgoff, 1000 + 2 * pgoff, 1, false, 0);
}

/* Page @pgoff is faulted in and nobody flushes. */
static void unflushed(__u32 tid, __u64 pgoff)
{
	stream_begin(&stream, tid, G, RECORD_OPERATION_CONFIGURE, pgoff, pgoff, false);
	zapped_page(tid, pgoff);
	stream_end(&stream, tid, G, RECORD_OPERATION_CONFIGURE, pgoff, pgoff, false);
}

/* The same of pages @pgoff by one request, whose range is all of the inode. */
static void allocate(const __u64 *pgoff, size_t nr)
{
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 63, false);
	for (size_t i = 0; i < nr; i++)
		zapped_page(T, pgoff[i]);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 63, false);
}

static void judge_together(const __u64 *pgoff, size_t nr)
{
	stream_inode(&stream, G, RFC3, 64, false);
	allocate(pgoff, nr);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

static void anew(void)
{
	stream_free(&stream);
	stream_init(&stream);
}

static void judge(__u64 pages, const __u64 *pgoff, size_t nr)
{
	stream_inode(&stream, G, RFC3, pages, false);
	for (size_t i = 0; i < nr; i++)
		unflushed(T, pgoff[i]);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

/* The page in between makes one cause of two. */
static void test_bridge(void **state)
{
	static const __u64 pgoff[] = { 0, 2, 4, 1, 3 };
	const struct verdict_violation *violation;

	(void)state;
	judge_together(pgoff, 5);
	violation = stream_expect_one(&stream, RULE_NEVER_FLUSHED, G, 0, 4);
	assert_int_equal(violation->count, 5);
	assert_int_equal(violation->occurrences, 5);
	assert_int_equal(violation->pages, 5);
	assert_true(violation->pgoff_known);
}

/* Of different requests none melt, though their pages touch: each has its own proof. */
static void test_requests_apart(void **state)
{
	static const __u64 pgoff[] = { 0, 2, 4, 1, 3 };
	const struct verdict_violation *violation;

	(void)state;
	judge(64, pgoff, 5);
	assert_int_equal(verdict_violations(stream.verdict), 5);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_NEVER_FLUSHED), 5);
	for (size_t i = 0; (violation = verdict_violation(stream.verdict, i)); i++) {
		assert_int_equal(violation->pgoff_first, pgoff[i]);
		assert_int_equal(violation->pgoff_last, pgoff[i]);
		assert_int_equal(violation->request.pgoff_first, pgoff[i]);
		assert_int_equal(violation->pages, 1);
	}
}

/* What a request did in two places, with another's page beside them, is one violation once they touch. */
static void test_requests_beside(void **state)
{
	static const __u64 first[] = { 0 }, second[] = { 2, 1 };
	const struct verdict_violation *violation;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	allocate(first, 1);
	allocate(second, 2);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_int_equal(verdict_violations(stream.verdict), 2);
	violation = verdict_violation(stream.verdict, 1);
	assert_int_equal(violation->pgoff_first, 1);
	assert_int_equal(violation->pgoff_last, 2);
	assert_int_equal(violation->count, 2);
}

static void test_apart(void **state)
{
	static const __u64 pgoff[] = { 9, 4, 6 };

	(void)state;
	judge(64, pgoff, 3);
	stream_expect(&stream, VERDICT_VIOLATED);
	assert_int_equal(verdict_violations(stream.verdict), 3);
	/* Listed by time. */
	assert_int_equal(verdict_violation(stream.verdict, 0)->pgoff_first, 9);
	assert_int_equal(verdict_violation(stream.verdict, 2)->pgoff_first, 6);
	assert_null(verdict_violation(stream.verdict, 3));
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_NEVER_FLUSHED), 3);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_FLUSH_MISMATCH), 0);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_IDS_MAX), 0);
}

/* What comes when the first is final already melts into it all the same. */
static void test_melts_into_final(void **state)
{
	const struct verdict_violation *violation;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	zapped_page(T, 5);
	for (int i = 0; i < 5; i++) {
		stream.now += 100 * MS;
		stream_heartbeat(&stream);
	}
	zapped_page(T, 6);
	zapped_page(T, 4);
	stream_flush(&stream, T, 0, 0, true);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	violation = stream_expect_one(&stream, RULE_UNEXPECTED_ZAP, G, 4, 6);
	assert_int_equal(violation->count, 3);
	assert_int_equal(violation->pages, 3);
	assert_true(violation->time_last - violation->time_first > 400 * MS);
}

/* --- what only follows ------------------------------------------------------------ */

/* How often it is said of the violation at @index that something follows from it. */
static int followed_times(size_t index)
{
	const char *at = verdict_violation(stream.verdict, index)->words;
	int times = 0;

	while ((at = strstr(at, "What follows from it was seen, too"))) {
		times++;
		at++;
	}
	return times;
}

static void expect_followed(bool followed)
{
	assert_int_equal(followed_times(0), followed);
}

/* Pages 0 to 3, made present but for [skip, skip + nr), as the release snapshot finds them. */
static void read_after(__u64 skip, __u64 nr)
{
	struct stream_page pages[4];

	pages_seen(pages, 0, 4, PRESENT_BITS | DEVIATES);
	for (__u64 i = skip; i < skip + nr; i++)
		pages[i].bits = ABSENT_BITS | DEVIATES;
	release(RFC3, pages, 4);
}

/* The page tables are as the request left them that missed the page. */
static void test_follows(void **state)
{
	(void)state;
	faulted(4);
	convert(0, 3, 2, 1);
	read_after(2, 1);
	assert_int_equal(stream_expect_one(&stream, RULE_MISSED_PAGE, G, 2, 2)->count, 1);
	expect_followed(true);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_APPLIED_MISMATCH), 0);
}

/* Page by page: what one cause does not explain another may; what none does is accused. */
static void test_follows_from_two(void **state)
{
	(void)state;
	faulted(4);
	convert(0, 1, 1, 1);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 2, 3, true);
	stream_zap(&stream, T, G, 3, 106, 1, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 2, 3, true);
	read_after(1, 2);
	stream_expect(&stream, VERDICT_VIOLATED);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_MISSED_PAGE), 2);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_APPLIED_MISMATCH), 0);
}

/* It was changed since: that it is absent again is something else. */
static void test_does_not_follow(void **state)
{
	(void)state;
	faulted(4);
	convert(0, 3, 2, 1);
	convert(0, 3, 0, 0);
	read_after(2, 1);
	stream_expect(&stream, VERDICT_VIOLATED);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_MISSED_PAGE), 1);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_APPLIED_MISMATCH), 1);
	expect_followed(false);
}

/* A neighbour of the page that was missed was not. */
static void test_neighbour_does_not_follow(void **state)
{
	(void)state;
	faulted(4);
	convert(0, 3, 1, 1);
	read_after(1, 2);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_MISSED_PAGE), 1);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_APPLIED_MISMATCH), 1);
}

/* A loss takes back what was missed; what was read at the release stands by itself. */
static void test_stands_without(void **state)
{
	(void)state;
	faulted(4);
	convert(0, 3, 2, 1);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, SECOND, 1);
	read_after(2, 1);
	stream_expect_one(&stream, RULE_APPLIED_MISMATCH, G, 2, 2);
	expect_followed(false);
}

/* An xarray that says so already leaves a request nothing to do. */
static void missed_by_xarray(bool changed_between)
{
	struct stream_page page = { 2, 104, 1, ABSENT_BITS | DEVIATES };

	anew();
	faulted(4);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, &page, 1);
	if (changed_between) {
		stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 2, false);
		stream_zap(&stream, T, G, 2, 104, 1, true, 0);
		stream_zap_flush(&stream, T, G, 2, 104, 1, 104, 104);
		stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 2, false);
	}
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 2, 2, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 2, 2, true);
	stream_heartbeat(&stream);
	/* And so the page tables differ, to the end. */
	release(RFC3, &page, 1);
}

static void test_missed_follows(void **state)
{
	(void)state;
	missed_by_xarray(false);
	stream_expect_one(&stream, RULE_DECLARED_MISMATCH, G, 2, 2);
	expect_followed(true);
	missed_by_xarray(true);
	assert_int_equal(verdict_violations(stream.verdict), 2);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_MISSED_PAGE), 1);
}

/* Page 2 of four is missed by their conversion, and read so. */
static void missed_and_read(void)
{
	struct stream_page pages[4];

	faulted(4);
	convert(0, 3, 2, 1);
	pages_seen(pages, 0, 4, PRESENT_BITS | DEVIATES);
	pages[2].bits = ABSENT_BITS | DEVIATES;
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, pages, 4);
}

/* What explains it grows when it would be final already: it waits for that. */
static void test_follows_from_what_grows(void **state)
{
	(void)state;
	missed_and_read();
	heartbeats(1);
	/* Page 3 is missed as well: with page 2 it waits as one cause, and is told apart. */
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 3, 3, false);
	stream_zap_flush(&stream, T, G, 3, 106, 1, 106, 106);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 3, 3, false);
	convert(3, 3, 3, 1);
	heartbeats(5);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect(&stream, VERDICT_VIOLATED);
	assert_int_equal(verdict_violations(stream.verdict), 2);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_MISSED_PAGE), 2);
	expect_followed(true);
	/* From page 2 it does, not from page 3. */
	assert_int_equal(followed_times(1), 0);
}

/* Made absent, as it has to be. */
static void absent(__u64 page)
{
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, page, page, false);
	stream_zap_flush(&stream, T, G, page, 100 + 2 * page, 1, 100 + 2 * page, 100 + 2 * page);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, page, page, false);
}

/*
 * Page 1 was missed by one request, and page 2 by one of another kind. What is read of both follows from two
 * causes, of which one grows when it would be final already: the first, by page 0, or the other, by page 3.
 */
static void one_of_two_grows(bool first)
{
	struct stream_page pages[4];

	anew();
	faulted(4);
	convert(0, 1, 1, 1);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 2, 3, true);
	stream_zap(&stream, T, G, 3, 106, 1, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 2, 3, true);
	pages_seen(pages, 0, 4, PRESENT_BITS | DEVIATES);
	pages[1].bits = pages[2].bits = ABSENT_BITS | DEVIATES;
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, pages, 4);
	heartbeats(1);
	absent(first ? 0 : 3);
	if (first) {
		convert(0, 0, 0, 1);
	} else {
		stream_begin(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 3, 3, true);
		stream_end(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 3, 3, true);
	}
	heartbeats(5);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_MISSED_PAGE), 3);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_APPLIED_MISMATCH), 0);
}

/* It waits for both, and is told of where it follows from. */
static void test_follows_from_one_that_grows(void **state)
{
	(void)state;
	for (int first = 0; first < 2; first++) {
		one_of_two_grows(first);
		assert_int_equal(verdict_violations(stream.verdict), 3);
		for (size_t i = 0; i < 3; i++) {
			__u64 page = verdict_violation(stream.verdict, i)->pgoff_first;

			assert_int_equal(followed_times(i), page == 1 || page == 2);
		}
	}
}

/* However often it is seen, that is said once. */
static void test_follows_twice(void **state)
{
	(void)state;
	missed_and_read();
	heartbeats(5);
	read_after(2, 1);
	stream_expect_one(&stream, RULE_MISSED_PAGE, G, 2, 2);
	expect_followed(true);
}

/* A page that a failed request left present is so to the end. */
static void partly(bool neighbour)
{
	struct stream_page pages[4];

	anew();
	faulted(4);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, true);
	stream_zap(&stream, T, G, 1, 102, 1, true, 0);
	stream_request(&stream, RECORD_REQUEST_END, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, true,
		       -ENOMEM);
	stream_heartbeat(&stream);
	pages_seen(pages, 0, 4, ABSENT_BITS);
	pages[1].bits = PRESENT_BITS;
	if (neighbour)
		pages[2].bits = PRESENT_BITS;
	release(RFC3, pages, 4);
}

static void test_follows_from_partial(void **state)
{
	(void)state;
	partly(false);
	stream_expect_one(&stream, RULE_PARTIAL_APPLY, G, 1, 1);
	expect_followed(true);
	partly(true);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_PARTIAL_APPLY), 1);
	assert_int_not_equal(verdict_rule_count(stream.verdict, RULE_APPLIED_MISMATCH), 0);
	expect_followed(false);
}

/* One that was marked as prepared while it was present, and that nobody has changed since. */
static void prepared_present(bool changed_between)
{
	struct stream_page page = { 2, 104, 1, PRESENT_BITS };
	struct record_owner *record;

	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 2, 104);
	record = (struct record_owner *)(stream.data + stream.used - sizeof(*record));
	record->prepared = true;
	if (changed_between) {
		stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 2, false);
		stream_zap_flush(&stream, T, G, 2, 104, 1, 104, 104);
		stream_zap(&stream, T, G, 2, 104, 1, true, 0);
		stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 2, false);
	}
	stream_heartbeat(&stream);
	release(RFC3, &page, 1);
}

static void test_follows_from_exposed(void **state)
{
	(void)state;
	prepared_present(false);
	stream_expect_one(&stream, RULE_EXPOSED, G, 2, 2);
	expect_followed(true);
	prepared_present(true);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_EXPOSED), 1);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_APPLIED_MISMATCH), 1);
}

/* Page 2 cannot be made @present, and the request says that it was. */
static void swallowed(bool present, __s32 result)
{
	__u32 wrong = present ? ABSENT_BITS | DEVIATES : PRESENT_BITS;
	struct stream_page pages[4];

	anew();
	faulted(4);
	if (!present)
		convert(0, 3, 0, 0);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, present);
	for (__u64 i = 0; i < 4; i++)
		stream_zap(&stream, T, G, i, 100 + 2 * i, 1, present, i == 2 ? result : 0);
	if (!present)
		stream_flush(&stream, T, 0, 0, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, present);
	stream_heartbeat(&stream);
	pages_seen(pages, 0, 4, present ? PRESENT_BITS | DEVIATES : ABSENT_BITS);
	pages[2].bits = wrong;
	release(RFC3, pages, 4);
}

static void test_follows_from_swallowed(void **state)
{
	(void)state;
	for (int present = 0; present < 2; present++) {
		swallowed(present, -ENOMEM);
		stream_expect_one(&stream, RULE_SWALLOWED_ERROR, G, 2, 2);
		expect_followed(true);
		/* It had worked: that it is otherwise now is something else. */
		swallowed(present, 0);
		stream_expect_one(&stream, RULE_APPLIED_MISMATCH, G, 2, 2);
	}
}

/* Present and absent again, by one that is asked for something else. */
static void changed_between(__u64 pgoff, __u64 pfn)
{
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, pgoff, pgoff, false);
	stream_zap(&stream, T, G, pgoff, pfn, 1, true, 0);
	stream_zap_flush(&stream, T, G, pgoff, pfn, 1, pfn, pfn);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, pgoff, pgoff, false);
}

/* Of pages that were missed together one was changed since the xarray was read: none follows from it. */
static void test_missed_follows_not_all(void **state)
{
	const struct stream_page pages[] = { { 2, 104, 1, ABSENT_BITS | DEVIATES },
					     { 3, 106, 1, ABSENT_BITS | DEVIATES } };

	(void)state;
	for (__u64 changed = 2; changed < 4; changed++) {
		anew();
		faulted(4);
		for (__u32 pass = 0; pass < 2; pass++)
			stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64,
				    pages, 2);
		changed_between(changed, 100 + 2 * changed);
		convert(2, 3, 2, 2);
		release(RFC3, pages, 2);
		assert_int_equal(verdict_rule_count(stream.verdict, RULE_MISSED_PAGE), 2);
	}
}

/* The same of pages that are read as one run. */
static void test_follows_not_all(void **state)
{
	const struct stream_page pages[] = { { 0, 100, 2, PRESENT_BITS | DEVIATES },
					     { 2, 102, 2, ABSENT_BITS | DEVIATES } };

	(void)state;
	for (__u64 changed = 2; changed < 4; changed++) {
		anew();
		stream_inode(&stream, G, RFC3, 64, false);
		for (__u64 i = 0; i < 4; i++)
			stream_fault(&stream, T, G, i, 100 + i);
		stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, true);
		stream_zap(&stream, T, G, 0, 100, 2, true, 0);
		stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, true);
		changed_between(changed, 100 + changed);
		release(RFC3, pages, 2);
		assert_int_equal(verdict_rule_count(stream.verdict, RULE_MISSED_PAGE), 2);
		assert_int_equal(verdict_rule_count(stream.verdict, RULE_APPLIED_MISMATCH), 2);
	}
}

/* Made absent though its inode has no flag: so it is found. */
static void zapped(void)
{
	struct stream_page page = { 2, 104, 1, ABSENT_BITS };

	anew();
	stream_inode(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, 64, false);
	stream_join(&stream, T, G, 2, 104);
	stream_zap_flush(&stream, T, G, 2, 104, 1, 104, 104);
	stream_join(&stream, T, G, 2, 104);
	stream_heartbeat(&stream);
	release(RECORD_PROVIDER_GMEM_PLAIN, &page, 1);
}

static void test_follows_from_unexpected(void **state)
{
	(void)state;
	zapped();
	stream_expect_one(&stream, RULE_UNEXPECTED_ZAP, G, 2, 2);
	expect_followed(true);
}

/* Page 2 became present with others; who asks for absent finds it declared so, and does nothing. */
static void changed_by_another(bool again)
{
	struct stream_page pages[4];

	anew();
	faulted(4);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 1, true);
	for (__u64 i = 0; i < 3; i++)
		stream_zap(&stream, T, G, i, 100 + 2 * i, 1, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 1, true);
	if (again) {
		stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 2, false);
		stream_zap_flush(&stream, T, G, 2, 104, 1, 104, 104);
		stream_zap(&stream, T, G, 2, 104, 1, true, 0);
		stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 2, false);
	}
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 2, 2, false);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 2, 2, false);
	stream_heartbeat(&stream);
	pages_seen(pages, 0, 2, PRESENT_BITS | DEVIATES);
	pages_seen(pages, 2, 4, ABSENT_BITS);
	pages[2].bits = PRESENT_BITS;
	release(RFC3, pages, 4);
}

static void test_follows_from_foreign(void **state)
{
	(void)state;
	changed_by_another(false);
	stream_expect_one(&stream, RULE_FOREIGN_PAGE, G, 2, 2);
	expect_followed(true);
	changed_by_another(true);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_FOREIGN_PAGE), 1);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_MISSED_PAGE), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_bridge),
		RULE_TEST(test_requests_apart),
		RULE_TEST(test_requests_beside),
		RULE_TEST(test_apart),
		RULE_TEST(test_melts_into_final),
		RULE_TEST(test_follows),
		RULE_TEST(test_follows_from_two),
		RULE_TEST(test_does_not_follow),
		RULE_TEST(test_neighbour_does_not_follow),
		RULE_TEST(test_stands_without),
		RULE_TEST(test_missed_follows),
		RULE_TEST(test_follows_from_what_grows),
		RULE_TEST(test_follows_from_one_that_grows),
		RULE_TEST(test_follows_twice),
		RULE_TEST(test_follows_from_partial),
		RULE_TEST(test_follows_from_exposed),
		RULE_TEST(test_follows_from_swallowed),
		RULE_TEST(test_missed_follows_not_all),
		RULE_TEST(test_follows_not_all),
		RULE_TEST(test_follows_from_unexpected),
		RULE_TEST(test_follows_from_foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
