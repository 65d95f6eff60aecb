// SPDX-License-Identifier: GPL-2.0
/* What is listed, what may still take an accusation back, and why a verdict is inconclusive. */
#include "guards.h"

/* --- what is listed --------------------------------------------------------------- */

/* Beyond the limit causes are counted and not told of. */
static void test_limit(void **state)
{
	(void)state;
	options.violations_max = 1;
	stream_inode(&stream, G, RFC3, 64, false);
	unflushed(G, 0, 100);
	unflushed(G, 1, 102);
	unflushed(G, 5, 110);
	unflushed(G, 9, 118);
	judge();
	stream_expect(&stream, VERDICT_VIOLATED);
	assert_int_equal(verdict_violations(stream.verdict), 1);
	assert_int_equal(verdict_unlisted(stream.verdict), 3);
	assert_int_equal(verdict_violation(stream.verdict, 0)->count, 1);
	/* The first one's words stay. */
	expect_words("Page 0x0 of g3");
}

static void test_limit_stuck(void **state)
{
	struct model_options model = { .stuck_ns = SECOND };

	(void)state;
	options.violations_max = 1;
	faulted(1);
	for (__u32 i = 0; i < 3; i++)
		stream_begin(&stream, T + i, G, RECORD_OPERATION_FALLOCATE, i, i, true);
	stream.now += 2 * SECOND;
	stream_finish(&stream);
	stream_judge_with(&stream, &model, &options);
	assert_int_equal(verdict_violations(stream.verdict), 1);
	assert_int_equal(verdict_unlisted(stream.verdict), 2);
}

static void contradictory(__u64 number)
{
	struct record_inode record = {
		.header = { .kind = RECORD_INODE,
			    .size = sizeof(record),
			    .time = stream.now,
			    .inode = number },
		.pages = 64,
		.provider = RFC3,
		.flags = RECORD_RFC3_DYNAMIC,
	};

	stream_add(&stream, &record.header);
}

static void test_limit_inodes(void **state)
{
	(void)state;
	options.violations_max = 1;
	contradictory(G);
	contradictory(9);
	judge();
	stream_expect(&stream, VERDICT_VIOLATED);
	assert_int_equal(verdict_violations(stream.verdict), 1);
	assert_int_equal(verdict_unlisted(stream.verdict), 1);
}

/* Flushed before page @page is made absent, and behind it: the first was for nothing. */
static void flushed_twice(__u64 page)
{
	convert(page, page, 99, 0);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, page, page, false);
	stream_flush(&stream, T, 0, 0, true);
	stream_zap(&stream, T, G, page, 100 + 2 * page, 1, false, 0);
	stream_flush(&stream, T, 0, 0, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, page, page, false);
}

/* Neither notes nor what is allowed take a violation's place. */
static void test_limit_apart(void **state)
{
	(void)state;
	options.violations_max = 1;
	options.allow[RULE_NEVER_FLUSHED] = "known";
	faulted(4);
	flushed_twice(0);
	flushed_twice(2);
	unflushed(G, 8, 116);
	unflushed(G, 10, 120);
	convert(3, 3, 3, 1);
	convert(1, 1, 1, 1);
	judge();
	assert_int_equal(verdict_notes(stream.verdict), 1);
	assert_int_equal(verdict_notes_unlisted(stream.verdict), 1);
	assert_int_equal(verdict_alloweds(stream.verdict), 1);
	assert_int_equal(verdict_alloweds_unlisted(stream.verdict), 1);
	assert_int_equal(verdict_violations(stream.verdict), 1);
	assert_int_equal(verdict_unlisted(stream.verdict), 1);
}

/* The one that was told of is taken back: the other is a violation all the same. */
static void test_unlisted_is_violated(void **state)
{
	(void)state;
	options.violations_max = 1;
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_inode(&stream, G, RFC3, 64, false);
	unflushed(9, 0, 900);
	unflushed(G, 0, 100);
	stream_heartbeat(&stream);
	stream_loss(&stream, 9, RECORD_LOSS_RING_FULL, stream.now - 20000, 1);
	judge();
	stream_expect(&stream, VERDICT_VIOLATED);
	assert_int_equal(verdict_violations(stream.verdict), 0);
	assert_int_equal(verdict_unlisted(stream.verdict), 1);
	assert_true(reason_has("1 page looked wrong"));
}

/* One that grew stands behind the others: what is listed is sorted by page all the same. */
static void test_sorted(void **state)
{
	(void)state;
	faulted(8);
	for (__u64 i = 0; i < 2; i++) {
		stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 5, true);
		for (__u64 page = 1; page < 5; page++) {
			if (page != 2 - i)
				stream_zap(&stream, T, G, page, 100 + 2 * page, 1, true, 0);
		}
		stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 5, true);
		stream_heartbeat(&stream);
	}
	judge();
	assert_true(verdict_violations(stream.verdict) >= 2);
	for (size_t i = 1; i < verdict_violations(stream.verdict); i++) {
		const struct verdict_violation *before = verdict_violation(stream.verdict, i - 1);
		const struct verdict_violation *after = verdict_violation(stream.verdict, i);

		assert_true(before->time_first < after->time_first ||
			    before->pgoff_first < after->pgoff_first);
	}
}

/* --- losses that are told of behind the accusation --------------------------------- */

/* Page 5 is never flushed, and found so; then a loss of @inode is told of. */
static void loss_behind(__u64 inode, __u64 age)
{
	anew();
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_inode(&stream, G, RFC3, 64, false);
	stream_heartbeat(&stream);
	unflushed(G, 5, 110);
	stream_heartbeat(&stream);
	stream.now += 20 * MS;
	stream_loss(&stream, inode, RECORD_LOSS_RING_FULL, stream.now - age, 1);
	judge();
}

static void test_loss_behind(void **state)
{
	(void)state;
	/* It began before the flush should have come: that may be what was lost. */
	loss_behind(G, 25 * MS);
	stream_expect_unread(&stream);
	assert_true(reason_has("1 page looked wrong, but it could not be proven"));
	loss_behind(0, 25 * MS);
	stream_expect_unread(&stream);
	/* It began behind. */
	loss_behind(G, 10 * MS);
	stream_expect(&stream, VERDICT_VIOLATED);
	/* It is another inode's. */
	loss_behind(9, 25 * MS);
	stream_expect(&stream, VERDICT_VIOLATED);
}

/* An entry that was read at the free feigns nothing. */
static void test_loss_behind_immune(void **state)
{
	(void)state;
	faulted(4);
	stream_page_free(&stream, T, 104, true);
	stream_heartbeat(&stream);
	stream.now += 20 * MS;
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 25 * MS, 1);
	judge();
	stream_expect_one(&stream, RULE_FREED_ABSENT, G, 2, 2);
}

/* So does a read at the release, not one before. */
static void applied_and_loss(enum record_snapshot_origin origin)
{
	struct stream_page seen = { 0, 100, 1, PRESENT_BITS };

	anew();
	faulted(1);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, origin, pass, 0, 64, &seen, 1);
	stream_heartbeat(&stream);
	stream.now += 20 * MS;
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 25 * MS, 1);
	judge();
}

static void test_loss_behind_read(void **state)
{
	(void)state;
	applied_and_loss(RECORD_SNAPSHOT_RELEASE);
	stream_expect_one(&stream, RULE_APPLIED_MISMATCH, G, 0, 0);
	applied_and_loss(RECORD_SNAPSHOT_LIVE);
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict_violations(stream.verdict), 0);
}

/* Whose a foreign page is may hang on a join that was lost of any inode. */
static void test_loss_behind_anyone(void **state)
{
	(void)state;
	stream_inode(&stream, 9, RFC3, 64, false);
	faulted(4);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 0, 0, true);
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	stream_zap(&stream, T, 0, 0, 9999, 1, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 0, 0, true);
	stream_heartbeat(&stream);
	stream.now += 20 * MS;
	stream_loss(&stream, 9, RECORD_LOSS_RING_FULL, stream.now - 25 * MS, 1);
	judge();
	stream_expect_unread(&stream);
}

/* A stuck request of no known inode: the end that is missing may be of any. */
static void test_loss_behind_no_inode(void **state)
{
	struct model_options model = { .stuck_ns = SECOND };

	(void)state;
	faulted(1);
	stream_begin(&stream, T, 0, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	stream.now += 1200 * MS;
	stream_heartbeat(&stream);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 5000, 1);
	stream_finish(&stream);
	stream_judge(&stream, &model);
	stream_expect_unread(&stream);
}

/* --- why not judged, why inconclusive ----------------------------------------------- */

static void test_unread_inodes(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, true);
	judge();
	assert_true(reason_has("1 inode is older than the sensors and was never read"));
	anew();
	stream_inode(&stream, G, RFC3, 0, true);
	judge();
	assert_false(reason_has("older than the sensors"));
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	judge();
	assert_false(reason_has("older than the sensors"));
	anew();
	/* It was being released when the sensors were armed. */
	stream_inode(&stream, G, RFC3, 64, true);
	stream_inode_dead(&stream, G);
	judge();
	assert_false(reason_has("older than the sensors"));
	anew();
	stream_inode(&stream, G, RFC3, 64, true);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	stream_inode_dead(&stream, G);
	judge();
	assert_true(reason_has("1 inode is older than the sensors"));
	anew();
	stream_inode(&stream, G, RFC3, 64, true);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, NULL, 0);
	judge();
	assert_false(reason_has("older than the sensors"));
}

static void lost(enum record_loss_cause cause)
{
	anew();
	faulted(1);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64,
		    &(struct stream_page){ 0, 100, 1, ABSENT_BITS }, 1);
	if (cause)
		stream_loss(&stream, 0, cause, stream.now - 1000, 7);
	judge();
}

static void test_not_judged_throughout(void **state)
{
	(void)state;
	lost(RECORD_LOSS_NONE);
	assert_null(not_judged(RULE_MISSED_PAGE));
	lost(RECORD_LOSS_RING_FULL);
	assert_non_null(strstr(not_judged(RULE_MISSED_PAGE), "7 records lost, 0 calls missed"));
	/* Their proof has no history in it. */
	assert_null(not_judged(RULE_APPLIED_MISMATCH));
	assert_null(not_judged(RULE_FREED_ABSENT));
	lost(RECORD_LOSS_MISSED);
	assert_non_null(strstr(not_judged(RULE_MISSED_PAGE), "0 records lost, 7 calls missed"));
	lost(RECORD_LOSS_MISSED_FREE);
	assert_non_null(strstr(not_judged(RULE_FREED_ABSENT), "7 frees were not looked at"));
	assert_null(not_judged(RULE_MISSED_PAGE));
	assert_null(not_judged(RULE_APPLIED_MISMATCH));
}

/* What else a rule lacks is said as well: who mends the first reason has the second. */
static void test_all_reasons(void **state)
{
	(void)state;
	anew();
	faulted(1);
	stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, stream.now - 1000, 7);
	judge();
	assert_string_equal(
		not_judged(RULE_DECLARED_MISMATCH),
		"no snapshot was read; not judged throughout: 7 records lost, 0 calls missed");
	assert_string_equal(not_judged(RULE_MISSED_PAGE),
			    "not judged throughout: 7 records lost, 0 calls missed");
	/* Another has nothing of the one before it. */
	assert_string_equal(not_judged(RULE_APPLIED_MISMATCH), "no snapshot was read");
}

/* A heartbeat that says that the page-free sensors are off. */
static void test_page_free_off(void **state)
{
	struct record_heartbeat record = {
		.header = { .kind = RECORD_HEARTBEAT, .size = sizeof(record) },
		.groups = SENSOR_GROUP_VERDICT,
	};

	(void)state;
	faulted(1);
	record.header.time = record.watermark = stream.now;
	stream_add(&stream, &record.header);
	judge();
	assert_string_equal(not_judged(RULE_FREED_ABSENT), "the page-free sensors are off");
	assert_null(not_judged(RULE_MISSED_PAGE));
}

/* A free that was seen is no less seen because nobody proved that it would be. */
static void test_unproven_immune(void **state)
{
	(void)state;
	stream_fact(&stream, "sensor.program.7", "page_free");
	stream_fact(&stream, "sensor.sight.7", "unproven: nothing was freed");
	faulted(4);
	stream_page_free(&stream, T, 104, true);
	judge();
	stream_expect_one(&stream, RULE_FREED_ABSENT, G, 2, 2);
}

/* Facts of other keys, programs of longer names, hooks of which nothing is said. */
static void test_facts_of_others(void **state)
{
	(void)state;
	stream_programs(&stream);
	stream_fact(&stream, "sensor.program.4", "flush_range_exit");
	stream_fact(&stream, "sensor.program.5", "flush_range_exit_more");
	stream_fact(&stream, "sensor.sight.5", "unproven: another program");
	stream_fact(&stream, "kernel.program.6", "flush_range_exit");
	stream_fact(&stream, "sensor.sight.6", "unproven: no program at all");
	stream_inode(&stream, G, RFC3, 64, false);
	unflushed(G, 5, 110);
	judge();
	stream_expect_one(&stream, RULE_NEVER_FLUSHED, G, 5, 5);
	assert_null(not_judged(RULE_NEVER_FLUSHED));
}

static void test_no_end(void **state)
{
	(void)state;
	faulted(1);
	heartbeats(3);
	stream_judge(&stream, NULL);
	assert_true(reason_has("the records have no end"));
	/* Said once, by who knows why. */
	verdict_mark_incomplete(stream.verdict, "the capture is cut");
	assert_true(reason_has("the capture is cut"));
	assert_false(reason_has("the records have no end"));
}

/* More reasons than there is room for. */
static void test_many_reasons(void **state)
{
	size_t nr = 0;

	(void)state;
	options.require = ~0ULL;
	options.pages_min = options.inodes_min = 1;
	stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, stream.now, 1);
	stream_request(&stream, RECORD_REQUEST_END, T, 0, RECORD_OPERATION_FALLOCATE, 0, 0, true,
		       0);
	heartbeats(2);
	stream_judge_with(&stream, NULL, &options);
	verdict_mark_incomplete(stream.verdict, "the capture is cut");
	while (verdict_reason(stream.verdict, nr))
		assert_true(strlen(verdict_reason(stream.verdict, nr++)) > 0);
	assert_int_equal(nr, 24);
}

/* An end without its begin; a loss is something else. */
static void test_seen_in_part(void **state)
{
	(void)state;
	faulted(1);
	stream.now += 5 * SECOND;
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	judge();
	assert_true(reason_has("1 request was seen only in part"));
	anew();
	faulted(1);
	stream.now += 5 * SECOND;
	stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, stream.now - 1000, 1);
	judge();
	assert_false(reason_has("seen only in part"));
}

/*
 * In the first moments what ends unseen began before the sensors were armed, unless its task has ended one
 * of its kind since: those do not nest.
 */
static void test_seen_in_part_early(void **state)
{
	(void)state;
	faulted(1);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, false);
	stream_end(&stream, T + 1, G, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	judge();
	assert_false(reason_has("seen only in part"));
	anew();
	faulted(1);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	judge();
	assert_true(reason_has("1 request was seen only in part"));
}

/* A record that speaks of an inode comes behind the one that says what it is. */
static void test_unannounced(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	judge();
	assert_false(reason_has("announced"));
	anew();
	stream_join(&stream, T, G, 0, 100);
	heartbeats(2);
	stream_inode(&stream, G, RFC3, 64, false);
	judge();
	assert_true(reason_has("1 inode was spoken of before it was announced"));
}

/* What a record that is missing might explain is not final where the stream is cut. */
static void test_cut_behind(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	unflushed(G, 5, 110);
	stream_heartbeat(&stream);
	stream_judge(&stream, NULL);
	stream_expect_unread(&stream);
	assert_true(reason_has("1 page looked wrong"));
}

/* Before its end a run that went well so far is consistent so far. */
static void test_value_now(void **state)
{
	(void)state;
	faulted(1);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64,
		    &(struct stream_page){ 0, 100, 1, ABSENT_BITS }, 1);
	heartbeats(1);
	stream.model = model_create(NULL);
	stream.verdict = verdict_create(stream.model, NULL);
	for (size_t at = 0; at < stream.used;) {
		const struct record_header *record = (const void *)(stream.data + at);

		assert_int_equal(model_feed(stream.model, record), 0);
		at += record->size;
	}
	stream_expect(&stream, VERDICT_CONSISTENT);
	model_finish(stream.model);
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
}

static void test_pending(void **state)
{
	size_t at = 0, feed;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	unflushed(G, 5, 110);
	stream_heartbeat(&stream);
	feed = stream.used;
	stream_finish(&stream);
	stream.model = model_create(NULL);
	stream.verdict = verdict_create(stream.model, NULL);
	assert_false(verdict_pending(stream.verdict));
	while (at < stream.used) {
		const struct record_header *record = (const void *)(stream.data + at);

		/* Not final yet, and nothing else to wait for. */
		if (at == feed)
			assert_true(verdict_pending(stream.verdict));
		assert_int_equal(model_feed(stream.model, record), 0);
		at += record->size;
	}
	model_finish(stream.model);
	assert_false(verdict_pending(stream.verdict));
}

/* A request that is open is waited for, as long as the run goes on. */
static void test_pending_request(void **state)
{
	(void)state;
	faulted(1);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	stream_heartbeat(&stream);
	stream.model = model_create(NULL);
	stream.verdict = verdict_create(stream.model, NULL);
	for (size_t at = 0; at < stream.used;) {
		const struct record_header *record = (const void *)(stream.data + at);

		assert_int_equal(model_feed(stream.model, record), 0);
		at += record->size;
	}
	assert_true(verdict_pending(stream.verdict));
	model_finish(stream.model);
	assert_false(verdict_pending(stream.verdict));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUARD_TEST(test_limit),
		GUARD_TEST(test_limit_stuck),
		GUARD_TEST(test_limit_inodes),
		GUARD_TEST(test_limit_apart),
		GUARD_TEST(test_unlisted_is_violated),
		GUARD_TEST(test_sorted),
		GUARD_TEST(test_loss_behind),
		GUARD_TEST(test_loss_behind_immune),
		GUARD_TEST(test_loss_behind_read),
		GUARD_TEST(test_loss_behind_anyone),
		GUARD_TEST(test_loss_behind_no_inode),
		GUARD_TEST(test_unread_inodes),
		GUARD_TEST(test_not_judged_throughout),
		GUARD_TEST(test_all_reasons),
		GUARD_TEST(test_page_free_off),
		GUARD_TEST(test_unproven_immune),
		GUARD_TEST(test_facts_of_others),
		GUARD_TEST(test_no_end),
		GUARD_TEST(test_many_reasons),
		GUARD_TEST(test_seen_in_part),
		GUARD_TEST(test_seen_in_part_early),
		GUARD_TEST(test_unannounced),
		GUARD_TEST(test_cut_behind),
		GUARD_TEST(test_value_now),
		GUARD_TEST(test_pending),
		GUARD_TEST(test_pending_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
