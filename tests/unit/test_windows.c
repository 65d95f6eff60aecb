// SPDX-License-Identifier: GPL-2.0
/* Pages that are prepared together, by a fault for its neighbours or by fallocate(), and a loss among them. */
#include "scene.h"

#define WINDOW 8
#define BATCH RECORD_OPERATION_CONFIGURE_BATCH
#define PFN 100 /* of the first page; they ascend */

static void marked(__u64 pgoff)
{
	struct record_owner record = {
		.header = { .kind = RECORD_JOIN,
			    .size = sizeof(record),
			    .tid = T,
			    .time = stream.now += 1000,
			    .inode = G },
		.page = PFN + pgoff,
		.pgoff = pgoff,
		.nr = 1,
		.prepared = RECORD_OWNER_PREPARED,
	};

	stream_add(&stream, &record.header);
}

static void all_join(void)
{
	for (__u64 i = 0; i < WINDOW; i++)
		stream_join(&stream, T, G, i, PFN + i);
}

static void all_marked(void)
{
	for (__u64 i = 0; i < WINDOW; i++)
		marked(i);
}

/* @nr pages from @first on become absent. */
static void batch(__u64 first, __u32 nr)
{
	stream_begin(&stream, T, G, BATCH, 0, WINDOW - 1, false);
	if (nr)
		stream_zap_flush(&stream, T, G, first, PFN + first, nr, PFN + first,
				 PFN + first + nr - 1);
	stream_end(&stream, T, G, BATCH, 0, WINDOW - 1, false);
}

/* What was lost is told of, and long over. */
static void loss_told(__u64 since)
{
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, since, 1);
	stream_heartbeat(&stream);
}

/* Asked to make all of them absent, a correct kernel has nothing to do. */
static void converted(void)
{
	heartbeats(40);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, WINDOW - 1, false);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, WINDOW - 1, false);
	stream_heartbeat(&stream);
}

/* All are absent at the release, but for @present. */
static void released(__u64 present)
{
	struct stream_page pages[WINDOW];

	for (__u64 i = 0; i < WINDOW; i++)
		pages[i] = (struct stream_page){ i, PFN + i, 1,
						 i == present ? PRESENT_BITS : ABSENT_BITS };
	release(RFC3, pages, WINDOW);
}

static void not_accused(void)
{
	released(WINDOW);
	assert_int_equal(verdict_value(stream.verdict), VERDICT_INCONCLUSIVE);
	assert_null(verdict_violation(stream.verdict, 0));
}

static void test_whole(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	all_join();
	batch(0, WINDOW);
	all_marked();
	converted();
	released(WINDOW);
	assert_int_equal(verdict_value(stream.verdict), VERDICT_CONSISTENT);
}

/* Configured, and read twice before they are marked: not yet the one, no longer the other. */
static void test_read_before_marked(void **state)
{
	static const struct stream_page pages[] = { { 0, PFN, WINDOW, RECORD_PAGE_RESIDENT } };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	all_join();
	batch(0, WINDOW);
	for (__u32 pass = 0; pass < 3; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, pages, 1);
	all_marked();
	released(WINDOW);
	assert_int_equal(verdict_value(stream.verdict), VERDICT_CONSISTENT);
}

/* The control: nothing was lost, so a page that nobody has changed is present. */
static void test_page_left_out(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	all_join();
	batch(1, WINDOW - 1);
	all_marked();
	converted();
	released(0);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_MISSED_PAGE), 1);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_EXPOSED), 1);
}

/* That they change is lost, and that they join as well or not; that they are prepared comes through. */
static void change_lost(bool joined)
{
	__u64 since;

	stream_inode(&stream, G, RFC3, 64, false);
	if (joined)
		all_join();
	since = stream.now;
	stream.now += MS;
	loss_told(since);
	all_marked();
	converted();
	not_accused();
}

static void test_joins_and_change_lost(void **state)
{
	(void)state;
	change_lost(false);
}

/* They were seen to join, and the model was sure of them until the loss. */
static void test_change_lost(void **state)
{
	(void)state;
	change_lost(true);
}

/* One join is lost: the page is nobody's while it changes in a run with the others. */
static void test_join_lost(void **state)
{
	__u64 since;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < WINDOW; i++) {
		if (i != 3)
			stream_join(&stream, T, G, i, PFN + i);
	}
	since = stream.now - 10000;
	loss_told(since);
	batch(0, WINDOW);
	all_marked();
	converted();
	not_accused();
}

/* A pfn that was somebody's when it was last heard of is a page of its own when it joins. */
static void test_absent_once(void **state)
{
	__u64 since;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_zap_flush(&stream, T, 0, 0, PFN, WINDOW, PFN, PFN + WINDOW - 1);
	stream_heartbeat(&stream);
	since = stream.now;
	stream.now += MS;
	/* That it was restored and freed is lost. */
	loss_told(since);
	all_join();
	heartbeats(40);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, WINDOW - 1, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, WINDOW - 1, true);
	all_marked();
	heartbeats(40);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, WINDOW - 1, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, WINDOW - 1, true);
	stream_heartbeat(&stream);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_null(verdict_violation(stream.verdict, 0));
}

/* What a batch does it was asked to do, and it has to flush it itself. */
static void test_batch_is_a_request(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	all_join();
	stream_begin(&stream, T, G, BATCH, 0, WINDOW - 1, false);
	stream_zap(&stream, T, G, 0, PFN, WINDOW, false, 0);
	stream_end(&stream, T, G, BATCH, 0, WINDOW - 1, false);
	all_marked();
	stream_flush(&stream, T, PFN, PFN + WINDOW - 1, false);
	stream_heartbeat(&stream);
	released(WINDOW);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_UNEXPECTED_ZAP), 0);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_NEVER_FLUSHED), WINDOW);
}

/* Swallowed inside fallocate() it is told once, by the whole. */
static void test_batch_swallows(void **state)
{
	static const bool within[] = { false, true };

	for (size_t i = 0; i < 2; i++) {
		teardown(state);
		setup(state);
		stream_inode(&stream, G, RFC3, 64, false);
		all_join();
		if (within[i])
			stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, WINDOW - 1,
				     false);
		stream_begin(&stream, T, G, BATCH, 0, WINDOW - 1, false);
		stream_zap(&stream, T, G, 0, PFN, WINDOW, false, -12);
		stream_end(&stream, T, G, BATCH, 0, WINDOW - 1, false);
		if (within[i])
			stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, WINDOW - 1, false);
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		assert_int_equal(verdict_rule_count(stream.verdict, RULE_SWALLOWED_ERROR), WINDOW);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_whole),		RULE_TEST(test_read_before_marked),
		RULE_TEST(test_page_left_out),	RULE_TEST(test_joins_and_change_lost),
		RULE_TEST(test_change_lost),	RULE_TEST(test_join_lost),
		RULE_TEST(test_absent_once),	RULE_TEST(test_batch_is_a_request),
		RULE_TEST(test_batch_swallows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
