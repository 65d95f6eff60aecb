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

/* --- change and flush in one step ------------------------------------------------ */

#define STRANGER 99 /* flushes a page of nobody's */

static bool strangers;

/* A page is touched; where strangers are about, another's flush comes between its change and its flush. */
static void touch(__u64 pgoff, __u64 pfn)
{
	const struct record_zap *zap;
	__u64 now;
	struct record_flush flush = {
		.header = { .kind = RECORD_FLUSH, .size = sizeof(flush), .tid = STRANGER },
		.first = 1,
		.last = 1,
		.routine = RECORD_FLUSH_RANGE,
	};

	stream_zap_flush(&stream, T, G, pgoff, pfn, 1, pfn, pfn);
	zap = last_record(sizeof(*zap));
	flush.begin = zap->zap_end + 1;
	flush.header.time = zap->zap_end + 2;
	if (!strangers)
		return;
	now = stream.now;
	stream_add(&stream, &flush.header);
	stream.now = now;
}

/* To be made otherwise. */
static struct record_zap *touched_last(void)
{
	size_t behind = strangers ? sizeof(struct record_flush) : 0;

	return (struct record_zap *)(stream.data + stream.used - behind -
				     sizeof(struct record_zap));
}

static void then_nothing(void)
{
}

/* Exposed already, and waiting for whoever flushes. */
static void then_exposed(void)
{
	stream_zap(&stream, T, G, 8, 124, 1, false, 0);
	touch(8, 124);
	/* No task waits for the flush of those that a request has changed. */
	stream_begin(&stream, T + 1, G, RECORD_OPERATION_FALLOCATE, 9, 10, true);
	stream_zap(&stream, T + 1, G, 9, 127, 1, false, 0);
	stream_zap(&stream, T + 1, G, 10, 130, 1, false, 0);
	stream_end(&stream, T + 1, G, RECORD_OPERATION_FALLOCATE, 9, 10, true);
	touch(11, 133);
	touched_last()->flush_first = 127;
}

/* Of nobody, and waiting for its task's flush. */
static void then_loose(void)
{
	stream_zap(&stream, T, 0, 0, 600, 1, false, 0);
	touch(8, 124);
	touched_last()->flush_last = 600;
}

static void then_redundant(void)
{
	touch(1, 103);
	touch(1, 103);
}

static void then_request(void)
{
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 9, true);
	touch(8, 124);
	touch(9, 127);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 9, true);
	touch(10, 130);
}

static void then_failed(void)
{
	touch(8, 124);
	touched_last()->result = -12;
	touch(9, 127);
}

static void then_flushed_before(void)
{
	touch(8, 124);
	touched_last()->flush_begin = touched_last()->zap_end - 1;
	touch(9, 127);
}

static void then_flushed_elsewhere(void)
{
	touch(8, 124);
	touched_last()->flush_first = touched_last()->flush_last = 900;
	touch(9, 127);
}

static void then_flushed_all(void)
{
	touch(8, 124);
	touched_last()->flush_routine = RECORD_FLUSH_ALL;
	touch(9, 127);
}

/* Of nobody's page, then of one that shows itself, and of others that are known by their pfns alone. */
static void then_nobodys(void)
{
	stream_zap_flush(&stream, T, 0, 0, 500, 1, 500, 500);
	touch(8, 124);
	stream_zap(&stream, T, 0, 0, 103, 1, true, 0);
	stream_zap_flush(&stream, T, 0, 0, 106, 1, 106, 106);
	touch(1, 103);
	touch(2, 900);
	touch(9, 109);
}

/* Of another inode, whose page does not show itself: it is known by its pfn. */
static void then_unshown(void)
{
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_join(&stream, T, 9, 0, 700);
	touch(0, 700);
	touched_last()->header.inode = 0;
}

/* Of more than the page: so the chain says. */
static void then_wide(void)
{
	touch(8, 124);
	touched_last()->flush_first = 120;
	touch(9, 127);
	touched_last()->flush_last = 130;
	touch(10, 130);
	touched_last()->flush_full = 1;
}

/* Two that were told of in the wrong order. */
static void then_late(void)
{
	__u64 now = stream.now;

	touch(8, 124);
	stream_heartbeat(&stream);
	stream.now = now - 5000;
	touch(9, 127);
	stream.now = now + 5000;
	touch(10, 130);
}

/* All but strangers' flushes. */
static void flushes_own(struct watch *seen)
{
	size_t kept = 0;

	for (size_t i = 0; i < seen->flush_nr; i++) {
		if (seen->flush[i].tid != STRANGER)
			seen->flush[kept++] = seen->flush[i];
	}
	seen->flush_nr = kept;
}

static void inode_compare(const struct model_inode *a, const struct model_inode *b)
{
	assert_int_equal(a->resident, b->resident);
	assert_int_equal(a->absent, b->absent);
	assert_int_equal(a->exposed, b->exposed);
	assert_int_equal(a->transitions, b->transitions);
	assert_int_equal(a->zapped, b->zapped);
	assert_int_equal(a->restored, b->restored);
	assert_int_equal(a->flushes, b->flushes);
	assert_int_equal(a->flush_ns, b->flush_ns);
}

static void watch_compare(const struct watch *a, const struct watch *b)
{
	assert_int_equal(a->zap_nr, b->zap_nr);
	assert_int_equal(a->judged_nr, b->judged_nr);
	assert_int_equal(a->exposure_nr, b->exposure_nr);
	assert_int_equal(a->flush_nr, b->flush_nr);
	assert_int_equal(a->ended_nr, b->ended_nr);
	for (size_t i = 0; i < a->ended_nr; i++)
		assert_int_equal(a->ended[i].zaps_nr, b->ended[i].zaps_nr);
	for (size_t i = 0; i < a->zap_nr; i++) {
		assert_int_equal(a->zap[i].pgoff, b->zap[i].pgoff);
		assert_int_equal(a->zap[i].pfn, b->zap[i].pfn);
		assert_int_equal(a->zap[i].end, b->zap[i].end);
		assert_int_equal(a->zap[i].flushed, b->zap[i].flushed);
		assert_int_equal(a->zap[i].since, b->zap[i].since);
		assert_int_equal(a->zap[i].result, b->zap[i].result);
		assert_int_equal(a->zap[i].sure, b->zap[i].sure);
		assert_int_equal(a->zap[i].redundant, b->zap[i].redundant);
		assert_int_equal(a->zap[i].before, b->zap[i].before);
		assert_int_equal(a->zap[i].after, b->zap[i].after);
	}
	for (size_t i = 0; i < a->judged_nr; i++) {
		assert_int_equal(a->judged[i].pfn, b->judged[i].pfn);
		assert_int_equal(a->judged[i].coverage, b->judged[i].coverage);
	}
	for (size_t i = 0; i < a->exposure_nr; i++) {
		assert_int_equal(a->exposure[i].pgoff, b->exposure[i].pgoff);
		assert_int_equal(a->exposure[i].nr, b->exposure[i].nr);
		assert_int_equal(a->exposure[i].begin, b->exposure[i].begin);
		assert_int_equal(a->exposure[i].end, b->exposure[i].end);
		assert_int_equal(a->exposure[i].own, b->exposure[i].own);
	}
	for (size_t i = 0; i < a->flush_nr; i++) {
		assert_int_equal(a->flush[i].begin, b->flush[i].begin);
		assert_int_equal(a->flush[i].covered, b->flush[i].covered);
	}
}

/* The story of each page is the same, too. */
static void events_of(__u64 pgoff, struct model_event *events, size_t *nr)
{
	__u64 pfn = pgoff == 15 ? 700 : 100 + 3 * pgoff;

	*nr = model_page_events(stream.model, inode_of(G), pgoff, pfn, ~0ULL, events, 16);
}

/* What comes between change and flush keeps them from being one step, and changes nothing else. */
static void test_in_one_step(void **state)
{
	static void (*const then[])(void) = {
		then_nothing,	  then_exposed, then_loose,	     then_redundant,
		then_request,	  then_failed,	then_flushed_before, then_flushed_elsewhere,
		then_flushed_all, then_nobodys, then_unshown,	     then_wide,
		then_late,
	};
	static struct watch apart;
	static struct model_event events[2][16][16];
	size_t events_nr[2][16];
	struct model_inode inode = { 0 };
	struct model_counts counts = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(then) / sizeof(then[0]); i++) {
		for (int pass = 0; pass < 2; pass++) {
			strangers = !pass;
			anew();
			stream_inode(&stream, G, SECRET, 64, false);
			for (__u64 page = 0; page < PAGES; page++)
				touch(page, 100 + 3 * page);
			then[i]();
			feed();
			flushes_own(&watch);
			for (__u64 page = 0; page < 16; page++)
				events_of(page, events[pass][page], &events_nr[pass][page]);
			if (!pass) {
				apart = watch;
				inode = *inode_of(G);
				counts = watch.counts;
			}
		}
		watch_compare(&apart, &watch);
		inode_compare(&inode, inode_of(G));
		assert_int_equal(counts.now, watch.counts.now);
		assert_int_equal(counts.zaps, watch.counts.zaps);
		assert_int_equal(counts.transitions, watch.counts.transitions);
		assert_int_equal(counts.zaps_foreign, watch.counts.zaps_foreign);
		assert_int_equal(counts.foreign_flushed, watch.counts.foreign_flushed);
		for (size_t page = 0; page < 16; page++) {
			assert_int_equal(events_nr[0][page], events_nr[1][page]);
			for (size_t at = 0; at < events_nr[0][page]; at++) {
				assert_int_equal(events[0][page][at].time,
						 events[1][page][at].time);
				assert_int_equal(events[0][page][at].kind,
						 events[1][page][at].kind);
				assert_int_equal(events[0][page][at].inode,
						 events[1][page][at].inode);
				assert_int_equal(events[0][page][at].first,
						 events[1][page][at].first);
				assert_int_equal(events[0][page][at].last,
						 events[1][page][at].last);
				assert_int_equal(events[0][page][at].state,
						 events[1][page][at].state);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_near_and_far), RULE_TEST(test_restored),
		RULE_TEST(test_moved),	      RULE_TEST(test_replaced),
		RULE_TEST(test_flush_behind), RULE_TEST(test_in_one_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
