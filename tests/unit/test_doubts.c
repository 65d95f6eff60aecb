// SPDX-License-Identifier: GPL-2.0
/* What the model answers when it is asked: what is in doubt, and which events are a page's. */
#include "scene.h"

#define AT (10 * SECOND)

static const struct model_options exact = { .shadow_ns = 1 };

/* Something of @inode was lost between two moments, ns behind AT. */
static void lost(__u64 inode, __u64 since, __u64 until)
{
	struct record_loss record = {
		.header = { .kind = RECORD_LOSS,
			    .size = sizeof(record),
			    .time = AT + until,
			    .inode = inode },
		.since = AT + since,
		.count = 1,
		.cause = RECORD_LOSS_RING_FULL,
	};

	stream_add(&stream, &record.header);
}

static void judge(void)
{
	stream.now = AT + SECOND;
	stream_finish(&stream);
	stream_judge(&stream, &exact);
}

static bool doubtful(__u64 inode, __u64 since, __u64 until)
{
	const struct model_inode *of = inode ? model_inode_find(stream.model, inode) : NULL;

	return model_doubtful(stream.model, of, AT + since, AT + until);
}

static void test_interval(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_inode(&stream, 9, RFC3, 64, false);
	lost(G, 1000, 2000);
	judge();
	assert_false(doubtful(G, 500, 900));
	assert_true(doubtful(G, 500, 1000));
	assert_true(doubtful(G, 1200, 1300));
	assert_true(doubtful(G, 500, 5000));
	assert_true(doubtful(G, 2000, 3000));
	assert_false(doubtful(G, 2100, 3000));
	/* It is nobody else's, and somebody's. */
	assert_false(doubtful(9, 1200, 1300));
	assert_true(doubtful(0, 1200, 1300));
	assert_false(doubtful(0, 2100, 3000));
}

/* What is known of an inode's pages another's loss does not take, and one of nobody knows whose takes it. */
static void test_pages_of_others(void **state)
{
	struct model_page page;

	(void)state;
	for (__u64 inode = 0; inode <= G; inode += G) {
		stream_free(&stream);
		stream_init(&stream);
		stream_inode(&stream, 9, RFC3, 64, false);
		stream_inode(&stream, G, RFC3, 64, false);
		stream_join(&stream, T, 9, 0, 100);
		stream_join(&stream, T, G, 0, 200);
		lost(inode, 1000, 2000);
		judge();
		model_page(stream.model, model_inode_find(stream.model, 9), 0, &page);
		assert_int_equal(page.sure, inode == G);
		model_page(stream.model, model_inode_find(stream.model, G), 0, &page);
		assert_false(page.sure);
	}
}

static void test_interval_of_anybody(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	lost(0, 1000, 2000);
	judge();
	assert_true(doubtful(G, 1200, 1300));
	assert_true(doubtful(0, 1200, 1300));
	assert_false(doubtful(G, 2100, 3000));
	assert_false(doubtful(G, 500, 900));
}

/* Those that meet melt, whichever comes first; those that do not stay apart. */
static void test_intervals_melt(void **state)
{
	static const __u64 orders[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 2, 0 } };
	static const struct {
		__u64 since, until;
	} losses[] = { { 1000, 2000 }, { 1500, 3000 }, { 8000, 9000 } };

	(void)state;
	for (size_t order = 0; order < sizeof(orders) / sizeof(orders[0]); order++) {
		stream_free(&stream);
		stream_init(&stream);
		stream_inode(&stream, G, RFC3, 64, false);
		for (size_t i = 0; i < 3; i++)
			lost(G, losses[orders[order][i]].since, losses[orders[order][i]].until);
		judge();
		assert_false(doubtful(G, 500, 900));
		assert_true(doubtful(G, 1000, 1100));
		assert_true(doubtful(G, 2500, 2600));
		assert_false(doubtful(G, 3100, 7900));
		assert_true(doubtful(G, 8500, 8600));
		assert_false(doubtful(G, 9100, 9200));
	}
}

/* More than there is room for: none is forgotten, some doubt more. */
static void test_intervals_many(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 40; i++)
		lost(G, 10000 * i, 10000 * i + 1000);
	judge();
	for (__u64 i = 0; i < 40; i++)
		assert_true(doubtful(G, 10000 * i, 10000 * i + 1000));
	assert_false(doubtful(G, 15000, 16000));
	assert_false(doubtful(G, 400000, 500000));
}

/* What happened before an inode was found nobody saw. */
static void test_before_attach(void **state)
{
	__u64 found;

	(void)state;
	stream.now = AT;
	found = stream.now - AT;
	stream_inode(&stream, G, RFC3, 64, true);
	stream_inode(&stream, 9, RFC3, 64, false);
	judge();
	assert_true(doubtful(G, found - 5000, found + 5000));
	assert_false(doubtful(G, found + 100, found + 5000));
	assert_false(doubtful(9, found - 5000, found + 5000));
}

static bool page_is_sure(__u64 pgoff)
{
	struct model_page page;

	model_page(stream.model, model_inode_find(stream.model, G), pgoff, &page);
	return page.sure;
}

/* What was learned between two losses of nobody's is forgotten by the second, too. */
static void learned_between(bool again)
{
	stream_free(&stream);
	stream_init(&stream);
	stream_inode(&stream, G, RFC3, 64, false);
	for (int i = 0; i < 3; i++)
		stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, stream.now - 10, 1);
	heartbeats(2);
	stream_join(&stream, T, G, 5, 110);
	heartbeats(2);
	for (int i = 0; i < 3 && again; i++)
		stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, stream.now - 10, 1);
	heartbeats(2);
	judge();
}

static void test_learned_between(void **state)
{
	(void)state;
	learned_between(false);
	assert_true(page_is_sure(5));
	learned_between(true);
	assert_false(page_is_sure(5));
}

/* A page of an inode whose announcement was lost: a loss, and no record without sense. */
static void test_join_unannounced(void **state)
{
	const struct record_owner join = {
		.header = { .kind = RECORD_JOIN,
			    .size = sizeof(join),
			    .time = AT + 5000,
			    .tid = T },
		.page = 700,
		.nr = 1,
	};
	struct model_counts counts;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_add(&stream, &join.header);
	judge();
	model_count(stream.model, &counts);
	assert_int_equal(counts.malformed, 0);
	assert_int_equal(counts.lost, 1);
	assert_int_equal(counts.lost_by_cause[RECORD_LOSS_RING_FULL], 1);
	assert_true(doubtful(G, 5000, 5000));
	assert_false(doubtful(G, 5002, 6000));
}

/* --- a page's events ---------------------------------------------------------- */

static void expect_events(__u64 pgoff, __u64 pfn, __u64 until, size_t max, const __u16 *kinds,
			  size_t nr)
{
	struct model_event events[16] = { { .kind = RECORD_FLUSH } };
	size_t found = model_page_events(stream.model, model_inode_find(stream.model, G), pgoff,
					 pfn, until, events, max);

	assert_int_equal(found, nr);
	for (size_t i = 0; i < nr; i++) {
		assert_int_equal(events[i].kind, kinds[i]);
		assert_true(!i || events[i - 1].time <= events[i].time);
		/* The flush that reached it, not one that passed by. */
		if (kinds[i] == RECORD_FLUSH && !events[i].state)
			assert_true(events[i].first <= pfn && pfn <= events[i].last);
	}
}

static void test_events(void **state)
{
	static const __u16 kinds[] = { RECORD_JOIN,	RECORD_REQUEST_BEGIN, RECORD_ZAP,
				       RECORD_FLUSH,	RECORD_REQUEST_END,   RECORD_LEAVE,
				       RECORD_PAGE_FREE };
	static const __u16 without_page[] = { RECORD_JOIN, RECORD_REQUEST_BEGIN,
					      RECORD_REQUEST_END };
	struct model_event events[16];
	__u64 joined, zapped;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_inode(&stream, 9, RFC3, 64, false);
	/* Of other pages, before, behind and elsewhere. */
	stream_join(&stream, T, G, 4, 109);
	stream_join(&stream, T, G, 6, 111);
	stream_join(&stream, T, 9, 5, 900);
	joined = stream.now;
	stream_join(&stream, T, G, 5, 110);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 4, 6, false);
	stream_zap(&stream, T, G, 4, 109, 1, false, 0);
	stream_zap(&stream, T, G, 6, 111, 1, false, 0);
	zapped = stream.now;
	stream_zap(&stream, T, G, 5, 110, 1, false, 0);
	stream_flush(&stream, T, 0, 109, false);
	stream_flush(&stream, T, 111, 200, false);
	stream_flush(&stream, T, 100, 120, false);
	/* Others' flushes that follow belong to nobody's story. */
	stream_flush(&stream, T + 1, 0, 0, true);
	stream_flush(&stream, T + 1, 110, 110, false);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 4, 6, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 4, false);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 4, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 6, 9, false);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 6, 9, false);
	stream_begin(&stream, T, 9, RECORD_OPERATION_SET_RANGE, 5, 5, false);
	stream_end(&stream, T, 9, RECORD_OPERATION_SET_RANGE, 5, 5, false);
	stream_leave(&stream, T, 109);
	stream_leave(&stream, T, 110);
	stream_leave(&stream, T, 111);
	stream_page_free(&stream, T, 110, true);
	/* There is a page 0, and where no page is known it is not meant. */
	stream_zap(&stream, T, 0, 0, 0, 1, false, 0);
	stream_flush(&stream, T, 0, 0, false);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	expect_events(5, 110, ~0ULL, 16, kinds, 7);
	/* The flush is the narrow one that came first. */
	assert_int_equal(model_page_events(stream.model, NULL, 5, 110, ~0ULL, events, 16), 4);
	assert_int_equal(events[1].kind, RECORD_FLUSH);
	assert_int_equal(events[1].first, 100);
	/* The newest, where there is no room for all. */
	expect_events(5, 110, ~0ULL, 3, kinds + 4, 3);
	/* Those up to a moment; those of no page that is known. */
	expect_events(5, 110, zapped, 16, kinds, 3);
	expect_events(5, 110, joined, 16, kinds, 1);
	expect_events(5, 110, joined - 1, 16, kinds, 0);
	expect_events(5, 0, ~0ULL, 16, without_page, 3);
}

/* One that covers everything is a page's own as well. */
static void test_events_full_flush(void **state)
{
	static const __u16 kinds[] = { RECORD_JOIN, RECORD_FLUSH };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 5, 110);
	stream_flush(&stream, T + 1, 0, 0, true);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	expect_events(5, 110, ~0ULL, 16, kinds, 2);
	expect_events(5, 0, ~0ULL, 16, kinds, 1);
}

/* Whether what joined was prepared is its event's; who leaves has no such state. */
static void test_events_prepared(void **state)
{
	struct model_event events[4];

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 5, 110);
	stream_join(&stream, T, G, 5, 110);
	((struct record_owner *)(stream.data + stream.used - sizeof(struct record_owner)))
		->prepared = RECORD_OWNER_PREPARED;
	stream_leave(&stream, T, 110);
	((struct record_owner *)(stream.data + stream.used - sizeof(struct record_owner)))
		->prepared = RECORD_OWNER_PREPARED;
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_int_equal(model_page_events(stream.model, model_inode_find(stream.model, G), 5, 110,
					   ~0ULL, events, 4),
			 3);
	assert_false(events[0].state);
	assert_true(events[1].state);
	assert_int_equal(events[2].kind, RECORD_LEAVE);
	assert_false(events[2].state);
}

/* A change and its flush in one record are two events: each up to its own moment, and each takes its room. */
static void test_events_merged(void **state)
{
	static const __u16 kinds[] = { RECORD_JOIN, RECORD_ZAP, RECORD_FLUSH };
	__u64 zapped;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 5, 110);
	zapped = stream.now;
	stream_zap_flush(&stream, T, G, 5, 110, 1, 110, 110);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	expect_events(5, 110, ~0ULL, 16, kinds, 3);
	expect_events(5, 110, zapped, 16, kinds, 2);
	expect_events(5, 110, ~0ULL, 1, kinds + 2, 1);
	expect_events(5, 110, ~0ULL, 2, kinds + 1, 2);
}

static void joined_among(__u64 before, __u64 behind, __u32 kept)
{
	const struct model_options options = { .events_kept = kept };

	stream_free(&stream);
	stream_init(&stream);
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < before; i++)
		stream_leave(&stream, T, 500);
	stream_join(&stream, T, G, 5, 110);
	for (__u64 i = 0; i < behind; i++)
		stream_leave(&stream, T, 500);
	stream_finish(&stream);
	stream_judge(&stream, &options);
}

/* The newest are kept, each once. */
static void test_events_kept(void **state)
{
	static const __u16 join = RECORD_JOIN;
	struct model_counts counts;

	(void)state;
	joined_among(2000, 1000, 1024);
	expect_events(5, 110, ~0ULL, 16, &join, 1);
	joined_among(2000, 1024, 1024);
	expect_events(5, 110, ~0ULL, 16, &join, 0);
	joined_among(0, 3000, 4096);
	expect_events(5, 110, ~0ULL, 16, &join, 1);
	/* A few take the room of a few. */
	joined_among(3, 3, 0);
	model_count(stream.model, &counts);
	assert_true(counts.memory < 1 << 20);
}

/* Chains look back as far as there is, until that has cost as much as the records did. */
static void test_events_budget(void **state)
{
	static const __u16 join = RECORD_JOIN;

	(void)state;
	joined_among(0, 8000, 1 << 14);
	expect_events(5, 110, ~0ULL, 16, &join, 1);
	for (int i = 0; i < 5000; i++)
		model_page_events(stream.model, NULL, 0, 0, 0, NULL, 1);
	expect_events(5, 110, ~0ULL, 16, &join, 0);
	joined_among(0, 3000, 1 << 14);
	for (int i = 0; i < 13000; i++)
		model_page_events(stream.model, NULL, 0, 0, 0, NULL, 1);
	expect_events(5, 110, ~0ULL, 16, &join, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_interval),
		RULE_TEST(test_pages_of_others),
		RULE_TEST(test_interval_of_anybody),
		RULE_TEST(test_intervals_melt),
		RULE_TEST(test_intervals_many),
		RULE_TEST(test_before_attach),
		RULE_TEST(test_learned_between),
		RULE_TEST(test_join_unannounced),
		RULE_TEST(test_events),
		RULE_TEST(test_events_full_flush),
		RULE_TEST(test_events_prepared),
		RULE_TEST(test_events_merged),
		RULE_TEST(test_events_kept),
		RULE_TEST(test_events_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
