// SPDX-License-Identifier: GPL-2.0
/* Requests that ended while another was open, more than are kept apart: of which pages, and whose. */
#include "watch.h"

#define RANGE RECORD_OPERATION_SET_RANGE
#define FOLIO RECORD_OPERATION_SET_FOLIO
#define NR 1500 /* that end: those before the last are taken together by pairs, again and again */
#define LAST 2047

static void start(void)
{
	anew();
	stream_inode(&stream, G, RFC3, LAST + 1, false);
}

static void feed_many(void)
{
	feed_with(&(struct model_options){ .events_kept = 1024 });
}

static void during(__u32 tid, enum record_operation operation, __u64 pgoff)
{
	stream_begin(&stream, tid, G, operation, pgoff, pgoff, false);
	stream_end(&stream, tid, G, operation, pgoff, pgoff, false);
}

static enum model_state declared(__u64 pgoff)
{
	return page_at(G, pgoff).declared;
}

/* Each of them has its own page, in whatever order. */
static void test_pages_of_many(void **state)
{
	(void)state;
	for (int descending = 0; descending < 2; descending++) {
		start();
		stream_begin(&stream, T, G, RANGE, 0, LAST, true);
		for (__u64 i = 0; i < NR; i++)
			during(T + 1, RANGE, descending ? NR - 1 - i : i);
		stream_end(&stream, T, G, RANGE, 0, LAST, true);
		feed_many();
		for (__u64 i = 0; i < NR; i++)
			assert_int_equal(declared(i), MODEL_EITHER);
		assert_int_equal(declared(NR), MODEL_PRESENT);
	}
}

/* What a task did inside of its own request is no conflict with that; what another did beside it is. */
static void test_whose_of_many(void **state)
{
	(void)state;
	for (int others = 0; others < 2; others++) {
		start();
		stream_begin(&stream, T, G, RANGE, 0, LAST, true);
		for (__u64 i = 0; i < NR; i++)
			during(others && i % 2 ? T + 1 : T, FOLIO, i);
		stream_end(&stream, T, G, RANGE, 0, LAST, true);
		feed_many();
		for (__u64 i = others; i < NR; i += 1 + others)
			assert_int_equal(declared(i), others ? MODEL_EITHER : MODEL_PRESENT);
	}
}

/* One that ended when none was open is not taken together with those that end later. */
static void test_alone_before_many(void **state)
{
	(void)state;
	start();
	during(T + 1, RANGE, NR);
	stream_begin(&stream, T, G, RANGE, 0, LAST, true);
	for (__u64 i = 0; i < NR; i++)
		during(T + 1, RANGE, i);
	stream_end(&stream, T, G, RANGE, 0, LAST, true);
	feed_many();
	assert_int_equal(declared(NR - 1), MODEL_EITHER);
	assert_int_equal(declared(NR), MODEL_PRESENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_pages_of_many),
		RULE_TEST(test_whose_of_many),
		RULE_TEST(test_alone_before_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
