// SPDX-License-Identifier: GPL-2.0
/* Which flush is a change's own: within a request, and of changes outside any. */
#include "watch.h"

#define LONG (2 * SECOND)

/* @nr pages in a row of an inode, present. */
static void pages(enum record_provider provider, __u64 nr)
{
	anew();
	stream_inode(&stream, G, provider, 64, false);
	for (__u64 i = 0; i < nr; i++)
		stream_join(&stream, T, G, i, 100 + i);
}

static void zap(__u32 tid, __u64 pgoff)
{
	stream_zap(&stream, tid, G, pgoff, 100 + pgoff, 1, false, 0);
}

static void begin(void)
{
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 7, false);
}

static void end(void)
{
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 7, false);
}

/* How often page @pgoff was judged so. */
static size_t judged(__u64 pgoff, enum model_coverage coverage)
{
	size_t nr = 0;

	for (size_t i = 0; i < watch.judged_nr; i++) {
		const struct model_flush_judgement *judged = &watch.judged[i];

		assert_true(judged->nr > 0);
		nr += judged->pgoff <= pgoff && pgoff < judged->pgoff + judged->nr &&
		      judged->coverage == coverage;
	}
	return nr;
}

/* A flush of everything that is told with its change covers that, whatever else its record says. */
static void test_flushed_in_full(void **state)
{
	(void)state;
	for (int full = 0; full < 2; full++) {
		struct record_zap *record;

		pages(RFC3, 8);
		begin();
		stream_zap_flush(&stream, T, G, 2, 102, 1, 0, 0);
		record = last_record(sizeof(*record));
		record->flush_full = (__u8)full;
		end();
		feed();
		assert_int_equal(watch.zap[0].flushed != 0, full);
	}
}

/* --- inside a request ------------------------------------------------------------- */

/* The first flush that covers it ends it; what needs none has none. */
static void test_flushed_once(void **state)
{
	__u64 first;

	(void)state;
	pages(RFC3, 4);
	stream_zap_flush(&stream, T, G, 3, 103, 1, 103, 103);
	begin();
	zap(T, 0);
	stream_zap(&stream, T, G, 3, 103, 1, false, 0);
	stream_zap(&stream, T, G, 2, 102, 1, true, 0);
	stream_zap(&stream, T, G, 1, 101, 1, false, -12);
	first = stream.now;
	stream_flush(&stream, T, 100, 110, false);
	stream_flush(&stream, T, 100, 110, false);
	end();
	feed();
	assert_int_equal(watch.inner_nr, 4);
	assert_int_equal(watch.inner[0].flushed, first);
	assert_true(watch.inner[1].redundant);
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(watch.inner[i].flushed, 0);
}

/* Restored behind its flush, it was covered all the same. */
static void test_flushed_then_restored(void **state)
{
	(void)state;
	pages(RFC3, 1);
	begin();
	zap(T, 0);
	stream_flush(&stream, T, 100, 100, false);
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	end();
	feed();
	assert_int_equal(judged(0, MODEL_COVERED), 1);
	assert_int_equal(watch.judged_nr, 1);
}

/* Page 2 is zapped and not flushed; what else @happens in its request takes nothing back. */
static void undone_by(__u64 pgoff, bool valid)
{
	pages(RFC3, 8);
	begin();
	zap(T, 2);
	stream_zap(&stream, T, G, pgoff, 100 + pgoff, 1, valid, 0);
	/* Something is restored in any case. */
	stream_zap(&stream, T, G, 7, 107, 1, true, 0);
	end();
	feed();
}

static void test_undone(void **state)
{
	(void)state;
	undone_by(2, true);
	assert_int_equal(watch.judged_nr, 0);
	undone_by(1, true);
	assert_int_equal(judged(2, MODEL_UNCOVERED), 1);
	undone_by(3, true);
	assert_int_equal(judged(2, MODEL_UNCOVERED), 1);
	undone_by(2, false);
	assert_int_equal(judged(2, MODEL_UNCOVERED), 2);
}

/* Of a page that is nobody's nothing is judged. */
static void test_nobodys(void **state)
{
	(void)state;
	pages(RFC3, 1);
	begin();
	stream_zap(&stream, T, 0, 0, 900, 1, false, 0);
	end();
	feed();
	assert_int_equal(watch.ended_nr, 1);
	assert_int_equal(watch.judged_nr, 0);
}

/* --- what a flush covers ----------------------------------------------------------- */

/* The pages of a request are 100 and on; the flush's own bounds are elsewhere. */
static void flush_elsewhere(__u16 routine, bool full)
{
	struct record_flush *flush;

	pages(RFC3, 1);
	begin();
	zap(T, 0);
	stream_flush(&stream, T, 7, 8, full);
	flush = last_record(sizeof(*flush));
	flush->routine = routine;
	end();
	feed();
}

static void test_full(void **state)
{
	(void)state;
	flush_elsewhere(RECORD_FLUSH_RANGE, false);
	assert_int_equal(judged(0, MODEL_MISCOVERED), 1);
	flush_elsewhere(RECORD_FLUSH_RANGE, true);
	assert_int_equal(judged(0, MODEL_COVERED), 1);
	flush_elsewhere(RECORD_FLUSH_ALL, false);
	assert_int_equal(judged(0, MODEL_COVERED), 1);
}

static void merged_elsewhere(__u16 routine, bool full)
{
	struct record_zap *record;

	pages(RFC3, 1);
	stream_zap_flush(&stream, T, G, 0, 100, 1, 7, 8);
	record = last_record(sizeof(*record));
	record->flush_routine = routine;
	record->flush_full = full;
	stream.now += LONG;
	feed();
}

static void test_full_merged(void **state)
{
	(void)state;
	merged_elsewhere(RECORD_FLUSH_RANGE, false);
	assert_int_equal(judged(0, MODEL_MISCOVERED), 1);
	merged_elsewhere(RECORD_FLUSH_RANGE, true);
	assert_int_equal(judged(0, MODEL_COVERED), 1);
	merged_elsewhere(RECORD_FLUSH_ALL, false);
	assert_int_equal(judged(0, MODEL_COVERED), 1);
}

/* memfd_secret flushes its page: a flush of everything in between is another's. */
static void flushed_all(enum record_provider provider, __u64 inode)
{
	pages(provider, inode ? 1 : 0);
	stream_zap(&stream, T, inode, 0, 100, 1, false, 0);
	stream_flush_all(&stream, T);
	stream.now += 61 * SECOND;
	feed();
}

static void test_own(void **state)
{
	(void)state;
	flushed_all(RFC3, G);
	assert_int_equal(judged(0, MODEL_COVERED), 1);
	flushed_all(SECRET, G);
	assert_int_equal(judged(0, MODEL_UNCOVERED), 1);
	flushed_all(RFC3, 0);
	assert_int_equal(watch.judged_nr, 0);
}

/* --- for whom a flush counts --------------------------------------------------------- */

static void test_counted(void **state)
{
	struct record_flush *flush;

	(void)state;
	/* Merged with a change outside any request: for the page's inode. */
	pages(RFC3, 1);
	stream_zap_flush(&stream, T, G, 0, 100, 1, 100, 100);
	feed();
	assert_int_equal(inode_of(G)->flushes, 1);
	/* Within a request of no known inode as well. */
	pages(RFC3, 1);
	stream_begin(&stream, T, 0, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	stream_zap_flush(&stream, T, G, 0, 100, 1, 100, 100);
	feed();
	assert_int_equal(inode_of(G)->flushes, 1);
	/* For how long; where the clock stepped back, for no time. */
	pages(RFC3, 1);
	begin();
	stream_flush(&stream, T, 100, 100, false);
	stream_flush(&stream, T, 100, 100, false);
	flush = last_record(sizeof(*flush));
	flush->begin = flush->header.time + 50;
	end();
	feed();
	assert_int_equal(inode_of(G)->flushes, 2);
	assert_int_equal(inode_of(G)->flush_ns, 100);
}

/* --- outside any request ---------------------------------------------------------------- */

/* Whose it was is known, though it has left since. */
static void test_left_unflushed(void **state)
{
	(void)state;
	pages(RFC3, 1);
	zap(T, 0);
	stream_leave(&stream, T, 100);
	stream.now += LONG;
	feed();
	assert_int_equal(judged(0, MODEL_UNCOVERED), 1);
}

/* Two tasks fault at once, and each flushes its own. */
static void test_two_tasks(void **state)
{
	(void)state;
	pages(SECRET, 2);
	zap(T, 0);
	zap(T + 1, 1);
	stream_flush(&stream, T, 100, 100, false);
	stream_flush(&stream, T + 1, 101, 101, false);
	stream.now += LONG;
	feed();
	assert_int_equal(judged(0, MODEL_COVERED), 1);
	assert_int_equal(judged(1, MODEL_COVERED), 1);
	assert_int_equal(watch.judged_nr, 2);
}

/* A task of memfd_secret that zaps the next page flushes the one before no more; others may. */
static void zapped_both(enum record_provider provider)
{
	pages(provider, 2);
	zap(T, 0);
	zap(T, 1);
	stream_flush(&stream, T, 100, 101, false);
	stream.now += LONG;
	feed();
}

static void test_overtaken(void **state)
{
	(void)state;
	zapped_both(SECRET);
	assert_int_equal(judged(0, MODEL_UNCOVERED), 1);
	assert_int_equal(judged(1, MODEL_COVERED), 1);
	assert_int_equal(watch.judged_nr, 2);
	zapped_both(RFC3);
	assert_int_equal(judged(0, MODEL_COVERED), 1);
	assert_int_equal(judged(1, MODEL_COVERED), 1);
}

/* What is done with is judged once, whatever its task zaps or flushes next. */
static void test_judged_once(void **state)
{
	(void)state;
	pages(SECRET, 4);
	/* It keeps the list from being emptied. */
	zap(T + 1, 3);
	zap(T, 0);
	stream_flush(&stream, T, 100, 100, false);
	stream_flush(&stream, T, 100, 100, false);
	zap(T, 1);
	stream_flush(&stream, T, 101, 101, false);
	stream_flush(&stream, T + 1, 103, 103, false);
	feed();
	assert_int_equal(judged(0, MODEL_COVERED), 1);
	assert_int_equal(judged(1, MODEL_COVERED), 1);
	assert_int_equal(judged(3, MODEL_COVERED), 1);
	assert_int_equal(watch.judged_nr, 3);
}

/* A flush that had begun before the zap ended is none, and not one that missed it. */
static void test_flush_in_flight(void **state)
{
	(void)state;
	pages(RFC3, 1);
	zap(T, 0);
	stream_flush(&stream, T, 100, 100, false);
	((struct record_flush *)last_record(sizeof(struct record_flush)))->begin -= 5000;
	stream.now += LONG;
	feed();
	assert_int_equal(judged(0, MODEL_UNCOVERED), 1);
	assert_int_equal(watch.judged_nr, 1);
}

/* Restored, all its zaps are; a neighbour's are not. */
static void test_restored(void **state)
{
	(void)state;
	pages(RFC3, 3);
	zap(T, 0);
	zap(T, 1);
	zap(T, 2);
	stream_zap(&stream, T, G, 1, 101, 1, true, 0);
	stream_flush(&stream, T, 100, 102, false);
	feed();
	assert_int_equal(judged(0, MODEL_COVERED), 1);
	assert_int_equal(judged(1, MODEL_UNCOVERED), 1);
	assert_int_equal(judged(2, MODEL_COVERED), 1);
}

/* One whose second is not over waits; at the end of the run it is not judged. */
static void test_deadline(void **state)
{
	(void)state;
	pages(RFC3, 2);
	zap(T, 0);
	stream.now += SECOND;
	zap(T, 1);
	stream_heartbeat(&stream);
	feed();
	assert_int_equal(judged(0, MODEL_UNCOVERED), 1);
	assert_int_equal(judged(1, MODEL_UNCOVERED), 0);
	model_finish(stream.model);
	assert_int_equal(watch.judged_nr, 1);
}

/* What was flushed is not judged again when those around it are due. */
static void test_due_behind_done(void **state)
{
	(void)state;
	pages(RFC3, 2);
	zap(T, 0);
	zap(T + 1, 1);
	stream_flush(&stream, T + 1, 101, 101, false);
	stream.now += LONG;
	feed();
	assert_int_equal(judged(0, MODEL_UNCOVERED), 1);
	assert_int_equal(judged(1, MODEL_COVERED), 1);
	assert_int_equal(watch.judged_nr, 2);
}

/* A window of open ones that moves takes no more room than one that stays. */
static __u64 window_memory(__u64 rounds)
{
	pages(RFC3, 64);
	for (__u64 i = 0; i < rounds; i++) {
		zap(T + i % 2, i % 64);
		if (i)
			stream_flush(&stream, T + (i - 1) % 2, 100 + (i - 1) % 64,
				     100 + (i - 1) % 64, false);
		stream_zap(&stream, T, G, (i + 32) % 64, 100 + (i + 32) % 64, 1, true, 0);
		stream_heartbeat(&stream);
	}
	feed_with(&(struct model_options){ .events_kept = 1024 });
	assert_true(watch.judged_nr >= rounds - 1);
	return watch.counts.memory;
}

static void test_window(void **state)
{
	(void)state;
	assert_int_equal(window_memory(100), window_memory(450));
}

/* --- whose a zap was, learned later ---------------------------------------------------------- */

static void expect_adopted(__u64 zapped, __u64 exposed)
{
	assert_int_equal(inode_of(9)->zapped, zapped);
	assert_int_equal(inode_of(9)->exposed, exposed);
}

static void test_adopted(void **state)
{
	(void)state;
	/* Its own, once, though it is said twice that it has joined. */
	anew();
	stream_inode(&stream, 9, SECRET, 64, false);
	stream_zap(&stream, T, 0, 0, 900, 1, false, 0);
	stream_zap(&stream, T, 0, 0, 900, 1, false, 0);
	stream_join(&stream, T, 9, 0, 900);
	stream_join(&stream, T, 9, 0, 900);
	feed();
	expect_adopted(1, 1);
	assert_int_equal(watch.counts.zaps_foreign, 1);
	/* One that was freed and comes back is a new page. */
	anew();
	stream_inode(&stream, 9, SECRET, 64, false);
	stream_zap(&stream, T, 0, 0, 900, 1, false, 0);
	stream_page_free(&stream, T, 900, false);
	stream_join(&stream, T, 9, 0, 900);
	feed();
	expect_adopted(0, 0);
	/* Of a run, and of another page. */
	anew();
	stream_inode(&stream, 9, SECRET, 64, false);
	stream_zap(&stream, T, 0, 0, 900, 2, false, 0);
	stream_zap(&stream, T, 0, 0, 902, 1, false, 0);
	stream_join(&stream, T, 9, 0, 900);
	feed();
	expect_adopted(0, 0);
	/* Another inode's, which it has left. */
	anew();
	stream_inode(&stream, 8, RFC3, 64, false);
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_join(&stream, T, 8, 0, 900);
	stream_zap(&stream, T, 8, 0, 900, 1, false, 0);
	stream_leave(&stream, T, 900);
	stream_join(&stream, T, 9, 0, 900);
	feed();
	expect_adopted(0, 0);
}

/* What waits is of its task and its page: others' flushes and restores leave it alone. */
static void test_waiting_apart(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 8; i++)
		stream_join(&stream, T, G, i, 100 + i);
	stream_zap(&stream, 9, G, 0, 100, 1, false, 0);
	stream_zap(&stream, T, G, 5, 105, 1, false, 0);
	stream_zap(&stream, T, G, 6, 106, 1, false, 0);
	stream_flush(&stream, T, 106, 106, false);
	/* The second is done with, the first was not covered; the other task's still waits. */
	stream_zap(&stream, T, G, 4, 104, 4, true, 0);
	stream_flush(&stream, 9, 100, 100, false);
	feed();
	assert_int_equal(watch.judged_nr, 3);
	assert_int_equal(watch.judged[0].pfn, 106);
	assert_int_equal(watch.judged[0].coverage, MODEL_COVERED);
	assert_int_equal(watch.judged[1].pfn, 105);
	assert_int_equal(watch.judged[1].coverage, MODEL_MISCOVERED);
	assert_int_equal(watch.judged[2].pfn, 100);
	assert_int_equal(watch.judged[2].coverage, MODEL_COVERED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_flushed_in_full),
		RULE_TEST(test_flushed_once),
		RULE_TEST(test_flushed_then_restored),
		RULE_TEST(test_undone),
		RULE_TEST(test_nobodys),
		RULE_TEST(test_full),
		RULE_TEST(test_full_merged),
		RULE_TEST(test_own),
		RULE_TEST(test_counted),
		RULE_TEST(test_left_unflushed),
		RULE_TEST(test_two_tasks),
		RULE_TEST(test_overtaken),
		RULE_TEST(test_judged_once),
		RULE_TEST(test_flush_in_flight),
		RULE_TEST(test_restored),
		RULE_TEST(test_deadline),
		RULE_TEST(test_due_behind_done),
		RULE_TEST(test_window),
		RULE_TEST(test_adopted),
		RULE_TEST(test_waiting_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
