// SPDX-License-Identifier: GPL-2.0
/* What is told of pages that are prepared before they are flushed: of those pages, by that flush, and of no others. */
#include "reach.h"

#define CONFIGURE RECORD_OPERATION_CONFIGURE

static void exposed(__u64 inode, __u64 pgoff, __u64 pfn)
{
	stream_join(&stream, T, inode, pgoff, pfn);
	stream_zap(&stream, T, inode, pgoff, pfn, 1, false, 0);
}

static void prepared(__u64 inode, __u64 pgoff, __u64 pfn)
{
	stream_join(&stream, T, inode, pgoff, pfn);
	((struct record_owner *)last_record(sizeof(struct record_owner)))->prepared =
		RECORD_OWNER_PREPARED;
}

/* Two pages, of which each has a flush of its own: each is told of when its own ends. */
static void test_one_by_one(void **state)
{
	(void)state;
	for (__u64 low_first = 0; low_first < 2; low_first++) {
		bound(64);
		stream_begin(&stream, T, G, CONFIGURE, 0, 15, false);
		for (__u64 i = 9; i < 12; i += 2)
			exposed(G, i, 200 + i);
		for (__u64 i = 9; i < 12; i += 2)
			prepared(G, i, 200 + i);
		for (__u64 i = 0; i < 2; i++) {
			__u64 pfn = i == low_first ? 211 : 209;

			stream_flush(&stream, T, pfn, pfn, false);
		}
		stream_end(&stream, T, G, CONFIGURE, 0, 15, false);
		feed();
		assert_int_equal(watch.reached_nr, 2);
		expect_reached(low_first, MODEL_REACHED_UNFLUSHED, 11, 1, 211);
		expect_reached(!low_first, MODEL_REACHED_UNFLUSHED, 9, 1, 209);
	}
}

/* The same place in another inode is another page. */
static void test_other_inode(void **state)
{
	(void)state;
	bound(64);
	stream_inode(&stream, OTHER, RFC3, 64, false);
	stream_begin(&stream, T, G, CONFIGURE, 9, 9, false);
	exposed(G, 9, 209);
	exposed(OTHER, 9, 309);
	prepared(G, 9, 209);
	prepared(OTHER, 9, 309);
	stream_flush(&stream, T, 209, 209, false);
	stream_end(&stream, T, G, CONFIGURE, 9, 9, false);
	feed();
	assert_int_equal(watch.reached_nr, 1);
	assert_int_equal(watch.reached[0].inode->number, G);
	expect_reached(0, MODEL_REACHED_UNFLUSHED, 9, 1, 209);
}

/* Of a folio that is prepared, and one of which more was made absent, what both speak of. */
static void test_in_part(void **state)
{
	(void)state;
	for (__u64 i = 0; i < 2; i++) {
		bound(64);
		stream_begin(&stream, T, G, CONFIGURE, 0, 15, false);
		for (__u64 j = 8; j < 16; j++)
			stream_join(&stream, T, G, j, 200 + j);
		stream_zap(&stream, T, G, 8, 208, 8, false, 0);
		stream_join(&stream, T, G, i ? 8 : 12, i ? 208 : 212);
		((struct record_owner *)last_record(sizeof(struct record_owner)))->prepared =
			RECORD_OWNER_PREPARED;
		((struct record_owner *)last_record(sizeof(struct record_owner)))->nr = i ? 8 : 2;
		stream_flush(&stream, T, i ? 209 : 200, i ? 210 : 299, false);
		feed();
		assert_int_equal(watch.reached_nr, 1);
		expect_reached(0, MODEL_REACHED_UNFLUSHED, i ? 9 : 12, 2, i ? 209 : 212);
	}
}

/* What is prepared, and then taken out of the guest, was not flushed all the same; and nothing was given back. */
static void test_unmapped_unflushed(void **state)
{
	(void)state;
	for (int ends = 0; ends < 2; ends++) {
		bound(64);
		mapped(9);
		stream_begin(&stream, T, G, CONFIGURE, 9, 9, false);
		exposed(G, 9, 209);
		prepared(G, 9, 209);
		guest(RECORD_GUEST_UNMAPPED, T, G, ends ? 10 : 9, 1);
		if (!ends)
			stream_flush(&stream, T, 209, 209, false);
		stream_end(&stream, T, G, CONFIGURE, 9, 9, false);
		feed();
		assert_int_equal(watch.reached_nr, !ends);
		if (!ends)
			expect_reached(0, MODEL_REACHED_UNFLUSHED, 9, 1, 209);
	}
}

/* A conversion goes on behind its requests: a flush within it is its own, of what was made absent within it. */
static void test_flushed_in_conversion(void **state)
{
	(void)state;
	for (int before = 0; before < 2; before++) {
		bound(64);
		if (before)
			exposed(G, 9, 209);
		promise(RECORD_PROMISE_CONVERT_BEGIN, 9, 1, true);
		stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 9, 9, false);
		if (!before)
			exposed(G, 9, 209);
		prepared(G, 9, 209);
		stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 9, 9, false);
		stream_flush(&stream, T, 209, 209, false);
		feed();
		assert_int_equal(watch.exposure_nr, 1);
		assert_int_equal(watch.reached_nr, !before);
	}
}

/* What ends within a request is not the end of it. */
static void test_inner_ended(void **state)
{
	(void)state;
	bound(64);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 15, true);
	stream_begin(&stream, T, G, CONFIGURE, 9, 9, false);
	exposed(G, 9, 209);
	prepared(G, 9, 209);
	stream_end(&stream, T, G, CONFIGURE, 9, 9, false);
	stream_flush(&stream, T, 209, 209, false);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 15, true);
	feed();
	assert_int_equal(watch.reached_nr, 1);
	expect_reached(0, MODEL_REACHED_UNFLUSHED, 9, 1, 209);
}

/* Neither is one that joins again as it was prepared, nor is one prepared in time that is changed only then. */
static void test_not_prepared(void **state)
{
	(void)state;
	for (int changed = 0; changed < 2; changed++) {
		bound(64);
		stream_begin(&stream, T, G, CONFIGURE, 9, 9, false);
		if (changed)
			prepared(G, 9, 209);
		exposed(G, 9, 209);
		if (!changed)
			stream_join(&stream, T, G, 9, 209);
		stream_flush(&stream, T, 209, 209, false);
		feed();
		assert_int_equal(watch.exposure_nr, 1);
		assert_int_equal(watch.reached_nr, 0);
	}
}

/* Who else flushes is not who prepared them, also in the middle of a request of its own. */
static void test_by_another(void **state)
{
	(void)state;
	bound(64);
	stream_begin(&stream, T + 2, G, CONFIGURE, 20, 20, false);
	stream_begin(&stream, T, G, CONFIGURE, 9, 9, false);
	exposed(G, 9, 209);
	prepared(G, 9, 209);
	stream_flush(&stream, T + 2, 0, 0, true);
	stream_end(&stream, T, G, CONFIGURE, 9, 9, false);
	feed();
	assert_int_equal(watch.exposure_nr, 1);
	assert_int_equal(watch.reached_nr, 0);
}

/* That the guest had it still has nothing to do with a flush of the same page. */
static void test_flushed_still(void **state)
{
	(void)state;
	bound(64);
	stream_join(&stream, T, G, 3, 203);
	mapped(3);
	promise(RECORD_PROMISE_CONVERT_BEGIN, 2, 3, false);
	stream_zap(&stream, T, G, 3, 203, 1, true, 0);
	stream_zap(&stream, T, G, 3, 203, 1, false, 0);
	stream_flush(&stream, T, 203, 203, false);
	guest(RECORD_GUEST_UNMAPPED, T, G, 0, 64);
	feed();
	assert_int_equal(watch.exposure_nr, 1);
	assert_int_equal(watch.reached_nr, 1);
	expect_reached(0, MODEL_REACHED_STILL, 3, 1, 203);
}

#define MANY 4000 /* fewer than are kept at once */

/* So much is to be looked at that it is given up, and said. */
static void many_exposures(__u64 flushes)
{
	bound(3 * MANY);
	stream_begin(&stream, T, G, CONFIGURE, 0, 3 * MANY - 1, false);
	for (__u64 i = 0; i < MANY; i++) {
		exposed(G, i, 10000 + i);
		prepared(G, i, 10000 + i);
	}
	for (__u64 i = MANY; i < MANY + flushes; i++) {
		exposed(G, i, 10000 + i);
		stream_flush(&stream, T, 10000 + i, 10000 + i, false);
	}
	stream_flush(&stream, T, 10000, 10000, false);
	feed();
}

static void test_looks_flushed(void **state)
{
	(void)state;
	many_exposures(1);
	assert_int_equal(watch.counts.reach_forgotten, 0);
	assert_int_equal(watch.reached_nr, 1);
	many_exposures(2000);
	assert_int_equal(watch.counts.reach_forgotten, 1);
	assert_int_equal(watch.reached_nr, 0);
}

/* Outside of any request nobody is waited for, however many there are. */
static void test_outside(void **state)
{
	(void)state;
	bound(2 * MANY);
	for (__u64 i = 0; i < MANY + 200; i++) {
		exposed(G, i, 10000 + i);
		prepared(G, i, 10000 + i);
	}
	feed();
	assert_int_equal(watch.counts.reach_forgotten, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_one_by_one),
		RULE_TEST(test_other_inode),
		RULE_TEST(test_in_part),
		RULE_TEST(test_unmapped_unflushed),
		RULE_TEST(test_flushed_in_conversion),
		RULE_TEST(test_inner_ended),
		RULE_TEST(test_by_another),
		RULE_TEST(test_not_prepared),
		RULE_TEST(test_flushed_still),
		RULE_TEST(test_looks_flushed),
		RULE_TEST(test_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
