// SPDX-License-Identifier: GPL-2.0
/* How long a change was exposed: from the zap that counts, to the flush that reached it. */
#include "watch.h"

#define PFN(pgoff) (1000 + (pgoff))
#define KEPT 65536 /* exposures, of which no more are measured */

/* @pages in a row, present. */
static void pages(__u64 nr)
{
	anew();
	stream_inode(&stream, G, RFC3, nr, false);
	for (__u64 i = 0; i < nr; i++)
		stream_join(&stream, T, G, i, PFN(i));
}

/* When it ended, ns. */
static __u64 zap(__u64 pgoff, __u32 nr)
{
	stream_zap(&stream, T, G, pgoff, PFN(pgoff), nr, false, 0);
	return stream.now - 1000;
}

static void restore(__u64 pgoff, __u32 nr)
{
	stream_zap(&stream, T, G, pgoff, PFN(pgoff), nr, true, 0);
}

static void flush(__u64 first, __u64 last)
{
	stream_flush(&stream, T, PFN(first), PFN(last), false);
}

static void expect_exposure(size_t index, __u64 pgoff, __u64 nr)
{
	assert_true(index < watch.exposure_nr);
	assert_int_equal(watch.exposure[index].pgoff, pgoff);
	assert_int_equal(watch.exposure[index].nr, nr);
}

/* --- flushes that reach a part --------------------------------------------------- */

static void test_head_then_tail(void **state)
{
	(void)state;
	pages(4);
	zap(0, 4);
	flush(0, 1);
	flush(2, 3);
	feed();
	assert_int_equal(watch.exposure_nr, 2);
	expect_exposure(0, 0, 2);
	expect_exposure(1, 2, 2);
	assert_int_equal(inode_of(G)->exposed, 0);
}

static void test_tail_then_head(void **state)
{
	(void)state;
	pages(4);
	zap(0, 4);
	flush(2, 3);
	flush(0, 1);
	feed();
	assert_int_equal(watch.exposure_nr, 2);
	expect_exposure(0, 2, 2);
	expect_exposure(1, 0, 2);
	assert_int_equal(inode_of(G)->exposed, 0);
}

static void test_middle_then_rest(void **state)
{
	(void)state;
	pages(4);
	zap(0, 4);
	flush(1, 2);
	flush(0, 3);
	feed();
	assert_int_equal(watch.exposure_nr, 3);
	expect_exposure(0, 1, 2);
	expect_exposure(1, 0, 1);
	expect_exposure(2, 3, 1);
	assert_int_equal(inode_of(G)->exposed, 0);
	/* Each page counts once for the flush that ended it. */
	assert_int_equal(watch.flush[0].covered + watch.flush[1].covered, 4);
}

/* A flush of everything has no bounds, whatever its record says; and one before is none. */
static void test_full_and_early(void **state)
{
	(void)state;
	pages(2);
	flush(0, 1);
	zap(0, 2);
	flush(5, 9);
	stream_flush(&stream, T + 1, PFN(30), PFN(40), true);
	feed();
	assert_int_equal(watch.exposure_nr, 1);
	expect_exposure(0, 0, 2);
	assert_false(watch.exposure[0].own);
	assert_int_equal(watch.flush[0].covered, 0);
	assert_int_equal(watch.flush[1].covered, 0);
	assert_int_equal(watch.flush[2].covered, 2);
}

/* Bounds that are the wrong way round are those of nothing. */
static void test_flush_of_nothing(void **state)
{
	(void)state;
	pages(2);
	zap(0, 2);
	flush(1, 0);
	feed();
	assert_int_equal(watch.exposure_nr, 0);
	assert_int_equal(inode_of(G)->exposed, 2);
}

/* One that reaches the first page, the last, and neither. */
static void test_edges(void **state)
{
	(void)state;
	pages(8);
	zap(2, 4);
	stream_flush(&stream, T, PFN(0), PFN(1), false);
	stream_flush(&stream, T, PFN(6), PFN(7), false);
	stream_flush(&stream, T, PFN(5), PFN(7), false);
	stream_flush(&stream, T, PFN(0), PFN(2), false);
	feed();
	assert_int_equal(watch.exposure_nr, 2);
	expect_exposure(0, 5, 1);
	expect_exposure(1, 2, 1);
	assert_int_equal(inode_of(G)->exposed, 2);
}

/* --- what was restored before a flush came ----------------------------------------- */

/* Page @pgoff of a run of four is restored, and zapped anew: measured from the second zap. */
static void restored(__u64 pgoff)
{
	__u64 again, others = 0;

	pages(4);
	zap(0, 4);
	restore(pgoff, 1);
	again = zap(pgoff, 1);
	stream_flush(&stream, T, 0, 0, true);
	feed();
	assert_int_equal(inode_of(G)->exposed, 0);
	for (size_t i = 0; i < watch.exposure_nr; i++) {
		if (watch.exposure[i].begin == again)
			expect_exposure(i, pgoff, 1);
		else
			others += watch.exposure[i].nr;
	}
	assert_int_equal(others, 3);
}

static void test_restored_of_run(void **state)
{
	(void)state;
	for (__u64 pgoff = 0; pgoff < 4; pgoff++)
		restored(pgoff);
}

/* One of a hundred single ones; the others keep what they have. */
static void restored_of_many(__u64 pgoff)
{
	__u64 again = 0, nr = 100;

	pages(nr);
	for (__u64 i = 0; i < nr; i++)
		zap(i, 1);
	restore(pgoff, 1);
	again = zap(pgoff, 1);
	stream_flush(&stream, T, 0, 0, true);
	feed();
	assert_int_equal(watch.exposure_nr, nr);
	for (size_t i = 0; i < nr; i++)
		assert_int_equal(watch.exposure[i].begin == again,
				 watch.exposure[i].pgoff == pgoff);
}

static void test_restored_of_many(void **state)
{
	(void)state;
	restored_of_many(0);
	restored_of_many(1);
	restored_of_many(98);
	restored_of_many(99);
}

/* What is done with is not taken for what was zapped since. */
static void test_restored_twice(void **state)
{
	__u64 third;

	(void)state;
	pages(8);
	zap(7, 1);
	zap(0, 1);
	restore(0, 1);
	zap(0, 1);
	for (__u64 i = 1; i < 6; i++)
		zap(i, 1);
	restore(0, 1);
	third = zap(0, 1);
	stream_flush(&stream, T, 0, 0, true);
	feed();
	for (size_t i = 0; i < watch.exposure_nr; i++) {
		if (!watch.exposure[i].pgoff)
			assert_int_equal(watch.exposure[i].begin, third);
	}
	assert_int_equal(watch.exposure_nr, 7);
}

/* Restored and not zapped again there is nothing to measure: of a page, of the middle of a run. */
static void test_restored_for_good(void **state)
{
	(void)state;
	pages(3);
	zap(0, 3);
	restore(1, 1);
	stream_flush(&stream, T, 0, 0, true);
	feed();
	assert_int_equal(watch.exposure_nr, 2);
	expect_exposure(0, 0, 1);
	expect_exposure(1, 2, 1);
	assert_int_equal(inode_of(G)->exposed, 0);
}

/* A page whose run has been flushed but for its ends is measured from when it was zapped anew. */
static void test_flushed_of_run(void **state)
{
	__u64 again;

	(void)state;
	pages(4);
	zap(0, 4);
	flush(1, 2);
	restore(1, 1);
	again = zap(1, 1);
	flush(1, 1);
	feed();
	assert_int_equal(watch.exposure_nr, 2);
	expect_exposure(1, 1, 1);
	assert_int_equal(watch.exposure[1].begin, again);
	assert_int_equal(inode_of(G)->exposed, 2);
}

/* Zapped twice, it is exposed once, and restored no more. */
static void test_zapped_twice(void **state)
{
	__u64 again;

	(void)state;
	pages(4);
	zap(0, 4);
	zap(1, 1);
	restore(0, 4);
	again = zap(0, 3);
	stream_flush(&stream, T, 0, 0, true);
	feed();
	assert_int_equal(watch.exposure_nr, 1);
	expect_exposure(0, 0, 3);
	assert_int_equal(watch.exposure[0].begin, again);
	assert_int_equal(inode_of(G)->exposed, 0);
}

/* Pages as large as the largest folio, at a place that a folio of that size may have. */
#define FOLIO_PAGES (1U << 18)
#define FOLIO_PFN (1ULL << 20)

static void folio(__u32 nr)
{
	struct record_owner join = {
		.header = { .kind = RECORD_JOIN, .size = sizeof(join), .inode = G, .tid = T },
		.page = FOLIO_PFN,
		.nr = nr,
	};

	anew();
	stream_inode(&stream, G, RFC3, nr, false);
	join.header.time = stream.now;
	stream_add(&stream, &join.header);
}

static void folio_zap(__u64 pgoff, __u32 nr, bool valid)
{
	stream_zap(&stream, T, G, pgoff, FOLIO_PFN + pgoff, nr, valid, 0);
}

/* The same of whole chunks of pages alike. */
static void test_restored_chunk(void **state)
{
	(void)state;
	folio(4 * 512);
	folio_zap(0, 3 * 512, false);
	folio_zap(512, 512, true);
	stream_flush(&stream, T, 0, 0, true);
	feed();
	assert_int_equal(watch.exposure_nr, 2);
	expect_exposure(0, 0, 512);
	expect_exposure(1, 1024, 512);
	assert_int_equal(inode_of(G)->exposed, 0);
}

static void exposure_count(void *context, const struct model_exposure *exposure)
{
	(void)exposure;
	++*(size_t *)context;
}

/* How many exposures have ended in what was built. */
static size_t exposures_ended(void)
{
	size_t nr = 0;
	const struct model_observer observer = { .context = &nr, .exposure_ended = exposure_count };
	struct model *model = model_create(NULL);

	assert_non_null(model);
	assert_int_equal(model_observe(model, &observer), 0);
	stream_feed(&stream, model);
	model_free(model);
	return nr;
}

/* A run of which every second page is restored is as many as pages are left: no more of them are kept than of others. */
static void test_parts_bounded(void **state)
{
	const __u32 nr = 3 * KEPT;

	(void)state;
	folio(FOLIO_PAGES);
	folio_zap(0, nr, false);
	for (__u32 i = 1; i < nr; i += 2)
		folio_zap(i, 1, true);
	stream_flush(&stream, T, 0, 0, true);
	stream_heartbeat(&stream);
	assert_int_equal(exposures_ended(), KEPT);
}

/* --- found among many ------------------------------------------------------------------ */

static void many(__u64 nr)
{
	pages(nr);
	for (__u64 i = 0; i < nr; i++)
		zap(i, 1);
}

/* A narrow flush finds its page; a wide one, and one of everything, look at no frame one by one. */
static void test_among_many(void **state)
{
	(void)state;
	many(100);
	flush(50, 50);
	feed();
	assert_int_equal(watch.exposure_nr, 1);
	expect_exposure(0, 50, 1);
	many(100);
	stream_flush(&stream, T, 0, 0, true);
	feed();
	assert_int_equal(watch.exposure_nr, 100);
	many(100);
	stream_flush(&stream, T, PFN(100), 1ULL << 51, false);
	feed();
	assert_int_equal(watch.exposure_nr, 0);
	many(100);
	stream_flush(&stream, T, 0, 1ULL << 51, false);
	feed();
	assert_int_equal(watch.exposure_nr, 100);
	many(100);
	stream_flush(&stream, T, 0, PFN(9), false);
	feed();
	assert_int_equal(watch.exposure_nr, 10);
}

/* Another frame stands at the offset since; a flush of the old one is not its. */
static void test_replaced(void **state)
{
	(void)state;
	many(200);
	stream_leave(&stream, T, PFN(100));
	stream_join(&stream, T, G, 100, 5000);
	stream_zap(&stream, T, G, 100, 5000, 1, false, 0);
	flush(99, 100);
	feed();
	assert_int_equal(watch.exposure_nr, 1);
	expect_exposure(0, 99, 1);
	assert_true(page_at(G, 100).exposed);
}

/* One that had begun before the zap ended proves nothing. */
static void test_flush_in_flight(void **state)
{
	(void)state;
	pages(1);
	zap(0, 1);
	flush(0, 0);
	((struct record_flush *)last_record(sizeof(struct record_flush)))->begin -= 5000;
	feed();
	assert_int_equal(watch.exposure_nr, 0);
	assert_true(page_at(G, 0).exposed);
}

/* A zap that is told of when the page is present again exposes nothing. */
static void test_outdated(void **state)
{
	(void)state;
	pages(2);
	stream_heartbeat(&stream);
	stream.now += MS;
	restore(0, 1);
	stream_heartbeat(&stream);
	zap(0, 1);
	((struct record_zap *)last_record(sizeof(struct record_zap)))->zap_end -= MS / 2;
	flush(0, 0);
	feed();
	assert_int_equal(watch.exposure_nr, 0);
	assert_int_equal(inode_of(G)->exposed, 0);
	assert_int_equal(watch.flush[0].covered, 0);
}

/* Flushes of elsewhere leave a run as it is: its neighbours, zapped later, are not its. */
static void elsewhere(__u64 first, __u64 neighbours, __u64 flushed)
{
	__u64 begin;

	pages(16);
	begin = zap(first, 2);
	flush(flushed, flushed + 1);
	zap(neighbours, 2);
	flush(first < neighbours ? first : neighbours,
	      first < neighbours ? neighbours + 1 : first + 1);
	feed();
	assert_int_equal(watch.exposure_nr, 2);
	expect_exposure(0, first, 2);
	assert_int_equal(watch.exposure[0].begin, begin);
	expect_exposure(1, neighbours, 2);
}

static void test_flush_of_elsewhere(void **state)
{
	(void)state;
	elsewhere(4, 6, 12);
	elsewhere(4, 2, 0);
}

/* --- bounds --------------------------------------------------------------------------- */

/* One page after the other, each flushed when the next is zapped already. */
static __u64 window_memory(__u64 rounds)
{
	pages(64);
	for (__u64 i = 0; i < rounds; i++) {
		zap(i % 64, 1);
		if (i)
			flush((i - 1) % 64, (i - 1) % 64);
		restore((i + 32) % 64, 1);
		stream_heartbeat(&stream);
	}
	feed_with(&(struct model_options){ .events_kept = 1024 });
	assert_true(watch.exposure_nr > rounds / 2);
	return watch.counts.memory;
}

/* What moves takes no more room than what stays. */
static void test_window(void **state)
{
	(void)state;
	assert_int_equal(window_memory(100), window_memory(450));
}

/*
 * A run that is gone, with its inode, and whose exposure was too far from both ends of the list to be found: the
 * flush ends what is left of it, which is nothing.
 */
static void test_of_an_inode_that_is_gone(void **state)
{
	(void)state;
	pages(400);
	stream_inode(&stream, 9, RFC3, 4, false);
	for (__u64 i = 0; i < 2; i++)
		stream_join(&stream, T, 9, i, 5000 + i);
	for (__u64 i = 0; i < 400; i += 2) {
		if (i == 200)
			stream_zap(&stream, T, 9, 0, 5000, 2, false, 0);
		zap(i, 1);
	}
	stream_leave(&stream, T, 5000);
	stream_leave(&stream, T, 5001);
	stream_inode_dead(&stream, 9);
	stream_flush_all(&stream, T);
	feed();
	assert_int_equal(watch.exposure_nr, 200);
	assert_int_equal(inode_of(G)->exposed, 0);
	assert_int_equal(inode_of(9)->exposed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_head_then_tail),
		RULE_TEST(test_tail_then_head),
		RULE_TEST(test_middle_then_rest),
		RULE_TEST(test_full_and_early),
		RULE_TEST(test_flush_of_nothing),
		RULE_TEST(test_edges),
		RULE_TEST(test_restored_of_run),
		RULE_TEST(test_restored_of_many),
		RULE_TEST(test_restored_twice),
		RULE_TEST(test_restored_for_good),
		RULE_TEST(test_restored_chunk),
		RULE_TEST(test_window),
		RULE_TEST(test_among_many),
		RULE_TEST(test_replaced),
		RULE_TEST(test_flush_in_flight),
		RULE_TEST(test_flush_of_elsewhere),
		RULE_TEST(test_outdated),
		RULE_TEST(test_flushed_of_run),
		RULE_TEST(test_zapped_twice),
		RULE_TEST(test_parts_bounded),
		RULE_TEST(test_of_an_inode_that_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
