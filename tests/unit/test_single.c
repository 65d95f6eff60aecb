// SPDX-License-Identifier: GPL-2.0
/* A page by itself takes a shorter way through the model, to the same place. */
#include "watch.h"

#define PAGES 8
#define CHUNK 512

/* PAGES pages of a memfd_secret are touched one by one, the first of which is offset 0. */
static void touched(__u64 step)
{
	anew();
	stream_inode(&stream, G, SECRET, (__u64)PAGES * CHUNK, false);
	for (__u64 i = 0; i < PAGES; i++)
		stream_zap_flush(&stream, T, G, i * step, 100 + 3 * i, 1, 100 + 3 * i, 100 + 3 * i);
}

static void told_alike(const struct watch *near, size_t i)
{
	const struct model_zap *a = &near->zap[i], *b = &watch.zap[i];

	assert_int_equal(a->pfn, b->pfn);
	assert_int_equal(a->end, b->end);
	assert_int_equal(a->flushed, b->flushed);
	assert_int_equal(a->since, b->since);
	assert_int_equal(a->sure, b->sure);
	assert_int_equal(a->redundant, b->redundant);
	assert_int_equal(a->before, b->before);
	assert_int_equal(a->after, b->after);
	assert_int_equal(near->judged[i].coverage, watch.judged[i].coverage);
	assert_int_equal(near->judged[i].pfn, watch.judged[i].pfn);
	assert_int_equal(near->exposure[i].nr, watch.exposure[i].nr);
	assert_int_equal(near->exposure[i].begin, watch.exposure[i].begin);
	assert_int_equal(near->exposure[i].end, watch.exposure[i].end);
	assert_int_equal(near->exposure[i].own, watch.exposure[i].own);
	assert_int_equal(near->flush[i].covered, watch.flush[i].covered);
}

/* Each in a chunk of its own is told of as all in one, where all but the first go the short way. */
static void test_near_and_far(void **state)
{
	static struct watch near;
	__u64 steps[] = { 1, CHUNK };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		touched(steps[i]);
		feed();
		assert_int_equal(watch.zap_nr, PAGES);
		assert_int_equal(watch.judged_nr, PAGES);
		assert_int_equal(watch.exposure_nr, PAGES);
		assert_int_equal(watch.flush_nr, PAGES);
		assert_int_equal(inode_of(G)->absent, PAGES);
		assert_int_equal(inode_of(G)->resident, PAGES);
		assert_int_equal(inode_of(G)->exposed, 0);
		assert_int_equal(inode_of(G)->flushes, PAGES);
		assert_true(page_at(G, steps[i]).prepared);
		if (!i)
			near = watch;
	}
	for (size_t i = 0; i < PAGES; i++)
		told_alike(&near, i);
}

/* Restored, memfd_secret's page has left; who changes the pfn then changes nobody's. */
static void test_restored(void **state)
{
	(void)state;
	touched(1);
	stream_zap(&stream, T, 0, 0, 103, 1, true, 0);
	stream_zap(&stream, T, 0, 0, 103, 1, true, 0);
	feed();
	assert_int_equal(watch.zap_nr, PAGES + 2);
	assert_ptr_equal(watch.zap[PAGES].inode, inode_of(G));
	assert_int_equal(watch.zap[PAGES].pgoff, 1);
	assert_int_equal(watch.zap[PAGES].before, MODEL_ABSENT);
	assert_int_equal(watch.zap[PAGES].after, MODEL_PRESENT);
	assert_null(watch.zap[PAGES + 1].inode);
	assert_false(page_at(G, 1).resident);
	assert_int_equal(inode_of(G)->resident, PAGES - 1);
	assert_int_equal(inode_of(G)->absent, PAGES - 1);
	assert_int_equal(inode_of(G)->restored, 1);
}

/* A page that shows itself elsewhere than where it was known has moved. */
static void test_moved(void **state)
{
	(void)state;
	touched(1);
	stream_zap_flush(&stream, T, G, PAGES, 103, 1, 103, 103);
	feed();
	assert_false(page_at(G, 1).resident);
	assert_true(page_at(G, PAGES).resident);
	assert_int_equal(page_at(G, PAGES).pfn, 103);
	assert_int_equal(inode_of(G)->resident, PAGES);
	assert_int_equal(inode_of(G)->absent, PAGES);
}

/* Another pfn at an offset that had one takes its place. */
static void test_replaced(void **state)
{
	(void)state;
	touched(1);
	stream_zap_flush(&stream, T, G, 1, 900, 1, 900, 900);
	feed();
	assert_int_equal(page_at(G, 1).pfn, 900);
	assert_int_equal(inode_of(G)->resident, PAGES);
	assert_int_equal(inode_of(G)->absent, PAGES);
}

/* The flush of a change is its inode's only as long as the page is. */
static void test_flush_behind(void **state)
{
	(void)state;
	touched(1);
	stream_zap(&stream, T, G, 1, 103, 1, false, 0);
	stream_flush(&stream, T, 103, 103, false);
	feed();
	assert_true(watch.zap[PAGES].redundant);
	assert_int_equal(watch.flush[PAGES].covered, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_near_and_far), RULE_TEST(test_restored),	    RULE_TEST(test_moved),
		RULE_TEST(test_replaced),     RULE_TEST(test_flush_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
