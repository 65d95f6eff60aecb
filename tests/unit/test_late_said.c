// SPDX-License-Identifier: GPL-2.0
/* Of inodes that are older than the sensors: what looks wrong and is not judged is said. */
#include "scene.h"

#define OLD 5 /* an inode that was there before */
#define PFN 1024

static bool unjudged(enum rule_id rule, const char *reason)
{
	const char *words = not_judged(rule);

	return words && strstr(words, reason);
}

#define EXCUSED "1 page of inodes older than the sensors looked wrong"
#define UNREAD "1 call on inodes older than the sensors"

/* What of it looks odd in the first two seconds a call from before may have asked for: that is said. */
static void early(enum record_provider provider, bool request, __u64 wait)
{
	stream_free(&stream);
	stream_init(&stream);
	stream_inode(&stream, OLD, provider, 64, true);
	stream_heartbeat(&stream);
	stream.now += wait;
	stream_heartbeat(&stream);
	if (request)
		stream_begin(&stream, T, OLD, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	stream_zap_flush(&stream, T, OLD, 5, PFN, 1, PFN, PFN);
	if (request)
		stream_end(&stream, T, OLD, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	heartbeats(20);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

static void test_early_unexpected(void **state)
{
	static const enum record_provider kinds[] = { RFC3, RECORD_PROVIDER_GMEM_PLAIN };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		early(kinds[i], false, 100 * MS);
		assert_null(verdict_violation(stream.verdict, 0));
		assert_true(unjudged(RULE_UNEXPECTED_ZAP, EXCUSED));
		assert_false(unjudged(RULE_LEFT_ABSENT, EXCUSED));
		early(kinds[i], false, 3 * SECOND);
		stream_expect_one(&stream, RULE_UNEXPECTED_ZAP, OLD, 5, 5);
		assert_false(unjudged(RULE_UNEXPECTED_ZAP, EXCUSED));
	}
	early(RFC3, true, 100 * MS);
	assert_false(unjudged(RULE_UNEXPECTED_ZAP, EXCUSED));
}

/* An old inode of @provider, read as often as @reads says, and in use for longer than calls from before may be. */
static void old_read_of(enum record_provider provider, __u32 reads)
{
	const struct stream_page page = { 5, PFN, 1, PRESENT_BITS | DEVIATES };
	const struct stream_page other = { 5, PFN, 1, PRESENT_BITS };

	stream_free(&stream);
	stream_init(&stream);
	stream_inode(&stream, OLD, provider, 64, true);
	stream_inode(&stream, G, RFC3, 64, false);
	stream_heartbeat(&stream);
	for (__u32 pass = 0; pass < reads; pass++)
		stream_read(&stream, OLD, provider, provider != RFC3, RECORD_SNAPSHOT_LIVE, pass, 0,
			    64, provider == RFC3 ? &page : &other, 1);
	stream.now += 3 * SECOND;
	stream_heartbeat(&stream);
}

static void judged(void)
{
	stream.now += 61 * SECOND;
	heartbeats(20);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

/* Whether an inode of another was asked to, who must not change its page; or nobody was. */
static void changed_oddly(__u32 reads, bool foreign, __u64 shown)
{
	old_read_of(RFC3, reads);
	if (foreign)
		stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	stream_zap_flush(&stream, T, shown, 5, PFN, 1, PFN, PFN);
	if (foreign)
		stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	judged();
}

/* Whose the page is one read does not prove; the page itself does. */
static void test_odd_unread(void **state)
{
	(void)state;
	for (int foreign = 0; foreign < 2; foreign++) {
		enum rule_id rule = foreign ? RULE_FOREIGN_PAGE : RULE_UNEXPECTED_ZAP;
		const char *reason = foreign ? UNREAD : EXCUSED;

		changed_oddly(1, foreign, 0);
		assert_null(verdict_violation(stream.verdict, 0));
		assert_true(unjudged(rule, reason));
		changed_oddly(2, foreign, 0);
		stream_expect_one(&stream, rule, OLD, 5, 5);
		assert_false(unjudged(rule, reason));
		for (__u32 reads = 0; reads < 3; reads++) {
			changed_oddly(reads, foreign, OLD);
			stream_expect_one(&stream, rule, OLD, 5, 5);
			assert_false(unjudged(rule, reason));
		}
	}
}

/* Behind a loss nobody knows that either, of inodes that are not old: that is said in other words. */
static void test_odd_lost(void **state)
{
	(void)state;
	stream_inode(&stream, OLD, RFC3, 64, false);
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, OLD, 5, PFN);
	stream_heartbeat(&stream);
	stream_loss(&stream, OLD, RECORD_LOSS_RING_FULL, stream.now - 4000, 1);
	stream.now += 3 * SECOND;
	stream_heartbeat(&stream);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	stream_zap_flush(&stream, T, 0, 5, PFN, 1, PFN, PFN);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	judged();
	assert_null(verdict_violation(stream.verdict, 0));
	assert_non_null(not_judged(RULE_FOREIGN_PAGE));
	assert_false(unjudged(RULE_FOREIGN_PAGE, "older than the sensors"));
}

/* Nobody's page, as far as is known: it may be one of an old inode's that were not read yet. */
static void nobodys(bool old, __u32 reads)
{
	const struct stream_page page = { 5, PFN, 1, PRESENT_BITS | DEVIATES };

	stream_free(&stream);
	stream_init(&stream);
	stream_inode(&stream, OLD, RFC3, 64, old);
	stream_inode(&stream, G, RFC3, 64, false);
	stream_heartbeat(&stream);
	stream.now += 3 * SECOND;
	for (__u32 pass = 0; pass < reads; pass++)
		stream_read(&stream, OLD, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, &page, 1);
	stream_heartbeat(&stream);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	stream_zap_flush(&stream, T, 0, 0, 4 * PFN, 1, 4 * PFN, 4 * PFN);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	judged();
}

static void test_nobodys_unread(void **state)
{
	(void)state;
	nobodys(true, 0);
	assert_null(verdict_violation(stream.verdict, 0));
	assert_true(unjudged(RULE_FOREIGN_PAGE, EXCUSED));
	nobodys(true, 1);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_FOREIGN_PAGE), 1);
	assert_false(unjudged(RULE_FOREIGN_PAGE, EXCUSED));
	nobodys(false, 0);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_FOREIGN_PAGE), 1);
	/* No inode is old, but something was lost. */
	stream_free(&stream);
	stream_init(&stream);
	stream_inode(&stream, G, RFC3, 64, false);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 4000, 1);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	stream_zap_flush(&stream, T, 0, 0, PFN, 1, PFN, PFN);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	judged();
	assert_non_null(not_judged(RULE_FOREIGN_PAGE));
	assert_false(unjudged(RULE_FOREIGN_PAGE, "older than the sensors"));
}

/* Who changes pages without a request, and flushes none. */
static void unflushed_fault(__u32 reads, __u64 shown)
{
	const struct stream_page page = { 5, PFN, 1, ABSENT_BITS | DEVIATES };

	old_read_of(RECORD_PROVIDER_FOLIO_BIT, reads);
	stream_zap(&stream, T, shown, 5, PFN, 1, false, 0);
	heartbeats(20);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, OLD, RECORD_PROVIDER_FOLIO_BIT, true, RECORD_SNAPSHOT_LIVE,
			    pass, 0, 64, &page, 1);
	judged();
}

static void test_faults_unread(void **state)
{
	(void)state;
	for (__u64 shown = 0; shown <= OLD; shown += OLD) {
		unflushed_fault(1, shown);
		assert_null(verdict_violation(stream.verdict, 0));
		assert_true(unjudged(RULE_NEVER_FLUSHED, UNREAD));
		unflushed_fault(2, shown);
		stream_expect_one(&stream, RULE_NEVER_FLUSHED, OLD, 5, 5);
		assert_false(unjudged(RULE_NEVER_FLUSHED, UNREAD));
	}
}

/* Found by discovery behind its change: the flush may have been seen by nobody, as hooks come one by one. */
static void test_doubted_before_met(void **state)
{
	(void)state;
	for (int found = 0; found < 2; found++) {
		stream_free(&stream);
		stream_init(&stream);
		stream_heartbeat(&stream);
		stream_zap(&stream, T, OLD, 5, PFN, 1, false, 0);
		stream_inode(&stream, OLD, RECORD_PROVIDER_FOLIO_BIT, 64, found);
		judged();
		assert_int_equal(unjudged(RULE_NEVER_FLUSHED, EXCUSED), found);
		assert_int_equal(verdict_violations(stream.verdict), !found);
	}
}

/* A call from before ends meanwhile: what a hole leaves beyond its range is not proven, and that is said. */
static void holed(bool ended)
{
	stream_free(&stream);
	stream_init(&stream);
	stream_inode(&stream, OLD, RFC3, 64, true);
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 9, 100);
	stream_heartbeat(&stream);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 7, false);
	stream_zap(&stream, T, G, 9, 100, 1, true, 0);
	if (ended)
		stream_end(&stream, T + 1, OLD, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 7, false);
	judged();
}

static void test_hole_doubted(void **state)
{
	(void)state;
	holed(true);
	assert_null(verdict_violation(stream.verdict, 0));
	assert_true(reason_has("1 page looked wrong, but it could not be proven"));
	holed(false);
	stream_expect_one(&stream, RULE_FOREIGN_PAGE, G, 9, 9);
}

/* The end of a call on @inode whose begin nobody saw, so long after the sensors came. */
static void half_seen(__u64 inode, __u64 wait)
{
	stream_free(&stream);
	stream_init(&stream);
	stream_inode(&stream, inode, RFC3, 64, inode == OLD);
	stream_heartbeat(&stream);
	stream.now += wait;
	stream_heartbeat(&stream);
	stream_end(&stream, T, inode, RECORD_OPERATION_SET_RANGE, 0, 7, false);
	judged();
}

/* Of one that began before the sensors whoever judges calls says so; later it is a gap. */
static void test_early_call(void **state)
{
	static const __u32 rules[] = { RULE_UNSERIALISED, RULE_LOCK_LEAK, RULE_STUCK,
				       RULE_SWALLOWED_ERROR, RULE_SLEEP_IN_ATOMIC };
	const char *words = "not judged throughout: 1 call had begun before the sensors came";

	(void)state;
	half_seen(OLD, 100 * MS);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		assert_true(unjudged(rules[i], words));
	assert_false(unjudged(RULE_APPLIED_MISMATCH, words));
	assert_false(unjudged(RULE_UNEXPECTED_ZAP, words));
	assert_false(reason_has("seen only in part"));
	half_seen(OLD, 3 * SECOND);
	assert_true(reason_has("1 request was seen only in part"));
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		assert_false(unjudged(rules[i], words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_early_unexpected), RULE_TEST(test_odd_unread),
		RULE_TEST(test_odd_lost),	  RULE_TEST(test_nobodys_unread),
		RULE_TEST(test_faults_unread),	  RULE_TEST(test_doubted_before_met),
		RULE_TEST(test_hole_doubted),	  RULE_TEST(test_early_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
