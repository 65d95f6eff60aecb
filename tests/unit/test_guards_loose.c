// SPDX-License-Identifier: GPL-2.0
/* Changes outside any request of pages that nobody is known to have, or several at once. */
#include "watch.h"

#define N 200 /* the first of nobody's pfns */

/* A change of nobody's page, by the routine that who frees executable memory calls. */
static void change(__u32 tid, __u64 pfn, bool valid, enum record_zap_routine routine)
{
	struct record_zap *zap;

	stream_zap(&stream, tid, 0, 0, pfn, 1, valid, 0);
	zap = last_record(sizeof(*zap));
	zap->routine = routine;
}

static void take_out(__u32 tid, __u64 pfn)
{
	change(tid, pfn, false, RECORD_ZAP_INVALID);
}

static void put_back(__u32 tid, __u64 pfn)
{
	change(tid, pfn, true, RECORD_ZAP_DEFAULT);
}

/* How often the page @pfn was judged so. */
static size_t judged(__u64 pfn, enum model_coverage coverage)
{
	size_t nr = 0;

	for (size_t i = 0; i < watch.judged_nr; i++)
		nr += watch.judged[i].pfn <= pfn &&
		      pfn < watch.judged[i].pfn + watch.judged[i].nr &&
		      watch.judged[i].coverage == coverage;
	return nr;
}

/* --- put back without a flush --------------------------------------------------------- */

static void test_reset(void **state)
{
	(void)state;
	take_out(T, N);
	take_out(T, N + 1);
	put_back(T, N);
	put_back(T, N + 1);
	feed();
	assert_int_equal(watch.judged_nr, 2);
	assert_int_equal(judged(N, MODEL_UNCOVERED), 1);
	assert_int_equal(judged(N + 1, MODEL_UNCOVERED), 1);
	assert_null(watch.judged[0].zap->inode);
}

/* One alone may be a page of memfd_secret that never came into its file. */
static void test_reset_alone(void **state)
{
	(void)state;
	take_out(T, N);
	put_back(T, N);
	feed();
	assert_int_equal(watch.judged_nr, 0);
	/* So may one after the other. */
	anew();
	take_out(T, N);
	put_back(T, N);
	take_out(T, N + 1);
	put_back(T, N + 1);
	feed();
	assert_int_equal(watch.judged_nr, 0);
	/* Or one that followed one that was put back by somebody else; an older one waits. */
	anew();
	take_out(T + 2, N + 9);
	take_out(T, N);
	put_back(T + 1, N);
	take_out(T, N + 1);
	put_back(T, N + 1);
	feed();
	assert_int_equal(watch.judged_nr, 0);
	/* Or each flushed before the next. */
	anew();
	take_out(T, N);
	stream_flush(&stream, T, 500, 500, false);
	take_out(T, N + 1);
	put_back(T, N + 1);
	feed();
	assert_int_equal(watch.judged_nr, 0);
}

/* Who else puts it back, or by which routine, is no reset. */
static void reset_by(__u32 tid, enum record_zap_routine out, enum record_zap_routine back,
		     size_t expected)
{
	anew();
	change(T, N, false, out);
	change(T, N + 1, false, out);
	change(tid, N, true, back);
	feed();
	assert_int_equal(watch.judged_nr, expected);
}

static void test_reset_by(void **state)
{
	(void)state;
	reset_by(T, RECORD_ZAP_INVALID, RECORD_ZAP_DEFAULT, 1);
	reset_by(T + 1, RECORD_ZAP_INVALID, RECORD_ZAP_DEFAULT, 0);
	reset_by(T, RECORD_ZAP_VALID, RECORD_ZAP_DEFAULT, 0);
	reset_by(T, RECORD_ZAP_INVALID, RECORD_ZAP_VALID, 0);
}

/* A flush of something else, meanwhile. */
static void test_reset_flushed_elsewhere(void **state)
{
	(void)state;
	take_out(T, N);
	take_out(T, N + 1);
	stream_flush(&stream, T, 500, 500, false);
	put_back(T, N);
	feed();
	assert_int_equal(watch.judged_nr, 1);
	assert_int_equal(judged(N, MODEL_MISCOVERED), 1);
}

/* --- pages of an inode ------------------------------------------------------------------ */

static void resident(__u64 nr)
{
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < nr; i++)
		stream_join(&stream, T, G, i, 100 + i);
}

/* An owner is accused once, however the pages came back. */
static void test_owned_reset(void **state)
{
	struct record_zap *zap;

	(void)state;
	resident(2);
	for (__u64 i = 0; i < 4; i++) {
		stream_zap(&stream, T, G, i % 2, 100 + i % 2, 1, i / 2, 0);
		zap = last_record(sizeof(*zap));
		zap->routine = i / 2 ? RECORD_ZAP_DEFAULT : RECORD_ZAP_INVALID;
	}
	feed();
	assert_int_equal(judged(100, MODEL_UNCOVERED), 1);
	assert_int_equal(judged(101, MODEL_UNCOVERED), 1);
	assert_int_equal(watch.judged_nr, 2);
}

/* A part of a run comes back, or a run of several. */
static void test_restored_runs(void **state)
{
	(void)state;
	resident(4);
	stream_zap(&stream, T, G, 0, 100, 2, false, 0);
	stream_zap(&stream, T, G, 1, 101, 1, true, 0);
	feed();
	assert_int_equal(judged(101, MODEL_UNCOVERED), 1);
	resident(4);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream_zap(&stream, T, G, 1, 101, 1, false, 0);
	stream_zap(&stream, T, G, 3, 103, 1, false, 0);
	stream_zap(&stream, T, G, 0, 100, 2, true, 0);
	feed();
	assert_int_equal(judged(100, MODEL_UNCOVERED), 1);
	assert_int_equal(judged(101, MODEL_UNCOVERED), 1);
	assert_int_equal(watch.judged_nr, 2);
}

/* Twice out, and neither flushed. */
static void test_restored_twice_out(void **state)
{
	(void)state;
	resident(1);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream_zap(&stream, T + 1, G, 0, 100, 1, false, 0);
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	feed();
	assert_int_equal(judged(100, MODEL_UNCOVERED), 2);
}

/* --- whose they are is learned later ---------------------------------------------------- */

static void join_folio(__u64 pgoff, __u64 pfn, __u32 nr)
{
	struct record_owner *owner;

	stream_join(&stream, T, G, pgoff, pfn);
	owner = last_record(sizeof(*owner));
	owner->nr = nr;
}

/* Of a folio that joins, those that were taken out one by one, and no others. */
static void test_adopted_run(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 3; i < 9; i++)
		stream_zap(&stream, T, 0, 0, N + i, 1, false, 0);
	join_folio(4, N + 4, 4);
	stream_flush(&stream, T, N, N + 8, false);
	feed();
	for (__u64 i = 4; i < 8; i++)
		assert_int_equal(judged(N + i, MODEL_COVERED), 1);
	assert_int_equal(watch.judged_nr, 4);
	assert_int_equal(inode_of(G)->zapped, 4);
	assert_int_equal(inode_of(G)->exposed, 0);
	assert_int_equal(watch.exposure_nr, 4);
	assert_int_equal(watch.counts.foreign_flushed, 2);
	/* Where the next would stand there is a page already, absent and flushed. */
	resident(8);
	stream_zap_flush(&stream, T, G, 2, 102, 1, 102, 102);
	for (__u64 i = 0; i < 3; i++)
		stream_zap(&stream, T, 0, 0, N + i, 1, false, 0);
	join_folio(0, N, 2);
	feed();
	assert_int_equal(inode_of(G)->zapped, 3);
}

/* It was known whose page it was: it is counted once, wherever that goes. */
static void test_adopted_known(void **state)
{
	(void)state;
	resident(1);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	join_folio(4, 100, 2);
	feed();
	assert_int_equal(inode_of(G)->zapped, 1);
}

/* What was taken out as a run is whoever's, and stays so. */
static void test_adopted_no_run(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_zap(&stream, T, 0, 0, N, 2, false, 0);
	join_folio(4, N, 2);
	feed();
	assert_int_equal(inode_of(G)->zapped, 0);
}

/* v12 of the series flushes what leaves the direct map before it joins: as good as known from the start. */
static void test_adopted_flushed(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_zap_flush(&stream, T, 0, 0, N, 1, N, N);
	stream_join(&stream, T, G, 4, N);
	take_out(T, N + 1);
	stream_flush(&stream, T, N + 1, N + 1, false);
	stream_join(&stream, T, G, 5, N + 1);
	stream_zap_flush(&stream, T, 0, 0, N + 7, 1, N + 7, N + 7);
	stream.now += 2 * SECOND;
	feed();
	assert_int_equal(judged(N, MODEL_COVERED), 1);
	assert_int_equal(judged(N + 1, MODEL_COVERED), 1);
	assert_int_equal(watch.judged_nr, 2);
	assert_int_equal(inode_of(G)->zapped, 2);
	assert_int_equal(inode_of(G)->exposed, 0);
	assert_int_equal(watch.exposure_nr, 2);
	/* What never joins stays nobody's. */
	assert_int_equal(watch.counts.foreign_flushed, 1);
	assert_int_equal(watch.counts.zaps_foreign, 1);
	/* The same of a folio. */
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 3; i++)
		stream_zap_flush(&stream, T, 0, 0, N + i, 1, N + i, N + i);
	join_folio(0, N, 2);
	feed();
	assert_int_equal(inode_of(G)->zapped, 2);
	assert_int_equal(watch.counts.foreign_flushed, 1);
}

/* Whose it is shows otherwise than by joining: it was flushed all the same. */
static void test_flushed_owned_later(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_zap_flush(&stream, T, 0, 0, N, 1, N, N);
	stream_zap_flush(&stream, T + 1, G, 4, N, 1, N, N);
	stream.now += 2 * SECOND;
	feed();
	assert_int_equal(watch.judged_nr, judged(N, MODEL_COVERED));
}

/* A flush of something else is none, and one of before it came back is of another change. */
static void test_adopted_unflushed(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_zap_flush(&stream, T, 0, 0, N, 1, N + 5, N + 5);
	stream_join(&stream, T, G, 0, N);
	stream_zap_flush(&stream, T, 0, 0, N + 1, 1, N + 1, N + 1);
	put_back(T, N + 1);
	take_out(T, N + 1);
	stream_join(&stream, T, G, 1, N + 1);
	stream.now += 2 * SECOND;
	feed();
	assert_int_equal(judged(N, MODEL_MISCOVERED), 1);
	assert_int_equal(judged(N + 1, MODEL_UNCOVERED), 1);
	assert_int_equal(watch.judged_nr, 2);
	assert_int_equal(inode_of(G)->exposed, 2);
	assert_int_equal(watch.counts.foreign_flushed, 1);
}

/* --- flushed in the same record ------------------------------------------------------------ */

static void test_nobodys_flush(void **state)
{
	(void)state;
	stream_zap_flush(&stream, T, 0, 0, N, 3, N, N + 2);
	feed();
	assert_int_equal(watch.judged_nr, 0);
	assert_int_equal(watch.counts.foreign_flushed, 3);
	/* It is done with: a flush that follows is for something else. */
	anew();
	stream_zap_flush(&stream, T, 0, 0, N, 1, N, N);
	stream_flush(&stream, T, N, N, false);
	feed();
	assert_int_equal(watch.counts.foreign_flushed, 1);
	/* What never is flushed is not counted as if it were. */
	anew();
	stream_zap(&stream, T, 0, 0, N, 1, false, 0);
	stream.now += 2 * SECOND;
	feed();
	assert_int_equal(watch.counts.foreign_flushed, 0);
	assert_int_equal(watch.judged_nr, 0);
}

#define LOOSE_MAX 65536 /* of the model: the oldest is given up for a newer */

/* Of runs of others' that are flushed already nothing is awaited, and so they take nobody's place. */
static void test_nobodys_runs(void **state)
{
	(void)state;
	for (__u32 nr = 1; nr < 3; nr++) {
		anew();
		stream_inode(&stream, G, RFC3, 64, false);
		stream_zap(&stream, T, 0, 0, N, 1, false, 0);
		for (__u64 i = 0; i < LOOSE_MAX; i++)
			stream_zap_flush(&stream, T + 1, 0, 0, 1000 + 2 * i, nr, 1000 + 2 * i,
					 1001 + 2 * i);
		stream_join(&stream, T, G, 0, N);
		feed_unheard();
		/* Single pages may join yet, and are remembered: only so many. */
		assert_int_equal(inode_of(G)->zapped, nr > 1);
	}
}

#define RULE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_reset),
		RULE_TEST(test_reset_alone),
		RULE_TEST(test_reset_by),
		RULE_TEST(test_reset_flushed_elsewhere),
		RULE_TEST(test_owned_reset),
		RULE_TEST(test_restored_runs),
		RULE_TEST(test_restored_twice_out),
		RULE_TEST(test_adopted_run),
		RULE_TEST(test_adopted_known),
		RULE_TEST(test_adopted_no_run),
		RULE_TEST(test_adopted_flushed),
		RULE_TEST(test_flushed_owned_later),
		RULE_TEST(test_adopted_unflushed),
		RULE_TEST(test_nobodys_flush),
		RULE_TEST(test_nobodys_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
