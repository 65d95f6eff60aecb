// SPDX-License-Identifier: GPL-2.0
/* Accusations of one cause are one violation: what melts, what does not, and how many. */
#include "scene.h"

/* Page @pgoff is faulted in and nobody flushes. */
static void unflushed(__u32 tid, __u64 pgoff)
{
	stream_join(&stream, tid, G, pgoff, 1000 + 2 * pgoff);
	stream_begin(&stream, tid, G, RECORD_OPERATION_CONFIGURE, pgoff, pgoff, false);
	stream_zap(&stream, tid, G, pgoff, 1000 + 2 * pgoff, 1, false, 0);
	stream_end(&stream, tid, G, RECORD_OPERATION_CONFIGURE, pgoff, pgoff, false);
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
	judge(64, pgoff, 5);
	violation = stream_expect_one(&stream, RULE_NEVER_FLUSHED, G, 0, 4);
	assert_int_equal(violation->count, 5);
	assert_int_equal(violation->occurrences, 5);
	assert_int_equal(violation->pages, 5);
	assert_true(violation->pgoff_known);
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
	unflushed(T, 5);
	for (int i = 0; i < 5; i++) {
		stream.now += 100 * MS;
		stream_heartbeat(&stream);
	}
	unflushed(T, 6);
	unflushed(T, 4);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	violation = stream_expect_one(&stream, RULE_NEVER_FLUSHED, G, 4, 6);
	assert_int_equal(violation->count, 3);
	assert_int_equal(violation->pages, 3);
	assert_true(violation->time_last - violation->time_first > 400 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_bridge),
		RULE_TEST(test_apart),
		RULE_TEST(test_melts_into_final),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
