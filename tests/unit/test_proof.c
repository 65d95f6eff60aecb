// SPDX-License-Identifier: GPL-2.0
/* Green needs proof: what was not judged, or not compared since it changed, is not consistent. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "scene.h"

static struct verdict_options options;

static int proof_setup(void **state)
{
	memset(&options, 0, sizeof(options));
	return setup(state);
}

static void judge(void)
{
	stream_finish(&stream);
	stream_judge_with(&stream, NULL, &options);
}

/* Four pages absent, as they should be, read at the release. */
static void healthy(void)
{
	struct stream_page pages[4];

	faulted(4);
	pages_seen(pages, 0, 4, ABSENT_BITS);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_RELEASE, pass, 0, 64, pages,
			    4);
	judge();
}

static void expect_inconclusive(const char *words)
{
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
	assert_true(reason_has(words));
}

static void test_no_inodes(void **state)
{
	(void)state;
	stream_heartbeat(&stream);
	judge();
	expect_inconclusive("nothing was judged: no guest_memfd");
	assert_int_equal(verdict_exit_status(verdict_value(stream.verdict), 0), 5);
	assert_non_null(strstr(not_judged(RULE_MISSED_PAGE), "no inode was met"));
	assert_non_null(strstr(not_judged(RULE_FREED_ABSENT), "no inode was met"));
}

static void test_no_inodes_allowed(void **state)
{
	(void)state;
	options.allow_empty = true;
	stream_heartbeat(&stream);
	judge();
	stream_expect(&stream, VERDICT_CONSISTENT);
}

/* Joins and changes, and nobody looked. */
static void test_no_snapshot(void **state)
{
	(void)state;
	faulted(4);
	judge();
	expect_inconclusive("nothing was judged: 0 of 64 pages");
	assert_true(reason_has("4 pages were not compared after they last changed"));
	assert_non_null(strstr(not_judged(RULE_APPLIED_MISMATCH), "no snapshot"));
}

static void test_healthy(void **state)
{
	(void)state;
	healthy();
	stream_expect(&stream, VERDICT_CONSISTENT);
	assert_null(not_judged(RULE_APPLIED_MISMATCH));
	assert_null(not_judged(RULE_MISSED_PAGE));
	assert_int_equal(model_pages_uncompared(stream.model), 0);
}

static void test_minimum(void **state)
{
	(void)state;
	options.pages_min = 64;
	options.inodes_min = 1;
	healthy();
	stream_expect(&stream, VERDICT_CONSISTENT);
	stream_free(&stream);
	stream_init(&stream);
	options.pages_min = 65;
	healthy();
	expect_inconclusive("64 pages were compared, 65 are required");
	stream_free(&stream);
	stream_init(&stream);
	options.pages_min = 0;
	options.inodes_min = 2;
	healthy();
	expect_inconclusive("pages of 1 inode were compared, of 2 are required");
}

static void test_required(void **state)
{
	(void)state;
	options.require = 1ULL << RULE_MISSED_PAGE;
	healthy();
	stream_expect(&stream, VERDICT_CONSISTENT);
	stream_free(&stream);
	stream_init(&stream);
	options.require = 1ULL << RULE_STALE_TLB;
	healthy();
	expect_inconclusive("stale-tlb is required: not which CPUs answer: nobody looked");
}

/* Its kind's requests, xarray and pages say nothing of what others promise. */
static void test_required_unmet(void **state)
{
	struct stream_page page = { 0, 100, 1, PRESENT_BITS };

	(void)state;
	options.require = 1ULL << RULE_MISSED_PAGE;
	stream_inode(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_read(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, true, RECORD_SNAPSHOT_LIVE, 0, 0, 64,
		    &page, 1);
	judge();
	expect_inconclusive("missed-page is required: no inode was met of a kind");
	assert_non_null(strstr(not_judged(RULE_DECLARED_MISMATCH), "(rfc3, folio-bit)"));
	assert_null(not_judged(RULE_APPLIED_MISMATCH));
}

/* Compared once, then changed, and not looked at since. */
static void test_changed_since(void **state)
{
	struct stream_page pages[4];

	(void)state;
	faulted(4);
	pages_seen(pages, 0, 4, ABSENT_BITS);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, pages, 4);
	stream_heartbeat(&stream);
	convert(1, 2, 0, 0);
	judge();
	expect_inconclusive("2 pages were not compared after they last changed");
	assert_int_equal(model_pages_uncompared(stream.model), 2);
}

/* Of pages alike, and of one that is not: a fault that changed nothing has made them what must be compared. */
static void test_configured_since(void **state)
{
	(void)state;
	for (__u64 apart = 0; apart < 2; apart++) {
		const struct stream_page page = { 0, 1024, 512,
						  PRESENT_BITS & ~RECORD_PAGE_PREPARED };

		stream_free(&stream);
		stream_init(&stream);
		stream_inode(&stream, G, RFC3, 1024, true);
		if (apart)
			stream_join(&stream, T, G, 0, 1024);
		stream_read(&stream, G, RFC3, true, RECORD_SNAPSHOT_LIVE, 0, 0, 1024, &page, 1);
		stream_heartbeat(&stream);
		stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 511, true);
		stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 511, true);
		judge();
		expect_inconclusive("512 pages were not compared after they last changed");
		assert_int_equal(model_pages_uncompared(stream.model), 512);
	}
}

/* Changed, and the inode died before anybody looked. */
static void test_changed_and_dead(void **state)
{
	struct stream_page pages[4];

	(void)state;
	faulted(4);
	pages_seen(pages, 0, 4, ABSENT_BITS);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, pages, 4);
	convert(1, 2, 0, 0);
	stream_begin(&stream, T, G, RECORD_OPERATION_RELEASE, 0, 63, true);
	for (__u64 i = 0; i < 4; i++) {
		stream_zap(&stream, T, G, i, 100 + 2 * i, 1, true, 0);
		stream_leave(&stream, T, 100 + 2 * i);
	}
	stream_end(&stream, T, G, RECORD_OPERATION_RELEASE, 0, 63, true);
	stream_inode_dead(&stream, G);
	judge();
	expect_inconclusive("2 pages were not compared after they last changed");
}

/* What the release itself does is its way out, and is judged by the frees. */
static void test_release_is_no_change(void **state)
{
	struct stream_page pages[4];

	(void)state;
	faulted(4);
	pages_seen(pages, 0, 4, ABSENT_BITS);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_RELEASE, pass, 0, 64, pages,
			    4);
	stream_begin(&stream, T, G, RECORD_OPERATION_RELEASE, 0, 63, true);
	for (__u64 i = 0; i < 4; i++) {
		stream_zap(&stream, T, G, i, 100 + 2 * i, 1, true, 0);
		stream_leave(&stream, T, 100 + 2 * i);
	}
	stream_end(&stream, T, G, RECORD_OPERATION_RELEASE, 0, 63, true);
	stream_inode_dead(&stream, G);
	judge();
	stream_expect(&stream, VERDICT_CONSISTENT);
}

#define LARGE (1ULL << 20) /* pages: 4 GiB */

/* The release's read stops at its limit; @changed: a page behind it was converted before. */
static void released_cut(bool changed)
{
	stream_inode(&stream, G, RFC3, LARGE, false);
	if (changed) {
		stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, LARGE - 1, LARGE - 1, true);
		stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, LARGE - 1, LARGE - 1, true);
	}
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_RELEASE, pass, 0, 4096, NULL,
			    0);
	stream_loss(&stream, G, RECORD_LOSS_SNAPSHOT_TOO_LARGE, stream.now, 1);
	stream_begin(&stream, T, G, RECORD_OPERATION_RELEASE, 0, LARGE - 1, true);
	stream_end(&stream, T, G, RECORD_OPERATION_RELEASE, 0, LARGE - 1, true);
	stream_inode_dead(&stream, G);
}

static void cut_release(bool changed)
{
	released_cut(changed);
	judge();
}

static void test_cut_release(void **state)
{
	(void)state;
	cut_release(true);
	expect_inconclusive("1 page was not compared after it last changed: 1 read at a "
			    "release stopped at its limit");
}

/* Behind the limit nothing ever happened: that is known. */
static void test_cut_release_unchanged(void **state)
{
	(void)state;
	cut_release(false);
	stream_expect(&stream, VERDICT_CONSISTENT);
}

/* What is said while it runs, of all that there is so far: to begin with less is no doubt. */
static bool doubted_so_far(void)
{
	bool doubted;

	heartbeats(3);
	stream.model = model_create(NULL);
	stream.verdict = verdict_create(stream.model, &options);
	stream_feed(&stream, stream.model);
	assert_false(verdict_final(stream.verdict));
	doubted = verdict_doubted(stream.verdict);
	assert_int_equal(model_finish(stream.model), 0);
	assert_true(verdict_final(stream.verdict));
	/* Without an end it is none that could be consistent. */
	assert_true(verdict_doubted(stream.verdict));
	verdict_free(stream.verdict);
	model_free(stream.model);
	stream.verdict = NULL;
	stream.model = NULL;
	return doubted;
}

static void test_doubted(void **state)
{
	(void)state;
	/* Nothing yet; pages that are still to be compared; an open request. */
	stream_heartbeat(&stream);
	assert_false(doubted_so_far());
	faulted(4);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, true);
	assert_false(doubted_so_far());
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now, 1);
	assert_true(doubted_so_far());
}

static void test_doubted_strange(void **state)
{
	(void)state;
	stream_fact(&stream, RECORD_FACT_STRANGE, "kvm_gmem_iops");
	assert_true(doubted_so_far());
}

static void test_doubted_unknown(void **state)
{
	(void)state;
	stream_inode(&stream, G, RECORD_PROVIDER_UNKNOWN, 64, false);
	assert_true(doubted_so_far());
}

/* What is gone is compared by nobody any more. */
static void test_doubted_gone(void **state)
{
	(void)state;
	for (int changed = 0; changed < 2; changed++) {
		released_cut(changed);
		assert_int_equal(doubted_so_far(), changed);
		stream_free(&stream);
		stream_init(&stream);
	}
}

static void program(unsigned int number, const char *name, const char *sight)
{
	char key[64];

	if (!stream.used)
		stream_programs(&stream);
	snprintf(key, sizeof(key), "sensor.program.%u", number);
	stream_fact(&stream, key, name);
	snprintf(key, sizeof(key), "sensor.sight.%u", number);
	if (sight)
		stream_fact(&stream, key, sight);
}

/* A hook that is not there: SKIP, and the reason names it. */
static void test_hooks_off(void **state)
{
	(void)state;
	program(19, "set_range_exit off", NULL);
	program(21, "set_folio_exit off", NULL);
	program(3, "flush_range_exit", "proved");
	healthy();
	stream_expect(&stream, VERDICT_CONSISTENT);
	assert_non_null(strstr(not_judged(RULE_MISSED_PAGE), "set_range_exit and its like is off"));
	assert_null(not_judged(RULE_NEVER_FLUSHED));
}

/* One of those that begin requests is enough to judge by. */
static void test_hooks_off_in_part(void **state)
{
	(void)state;
	program(19, "set_range_exit", "proved");
	program(21, "set_folio_exit off", NULL);
	healthy();
	assert_null(not_judged(RULE_MISSED_PAGE));
	assert_null(not_judged(RULE_LOCK_LEAK));
	assert_null(not_judged(RULE_REFERENCE_LEAK));
}

/* A rule that is younger than what was recorded. */
static void test_hooks_of_later(void **state)
{
	(void)state;
	stream_fact(&stream, "sensor.program.3", "flush_range_exit");
	healthy();
	assert_non_null(strstr(not_judged(RULE_MISSED_PAGE),
			       "who recorded this had no hook set_range_exit or its like"));
	assert_non_null(strstr(not_judged(RULE_FREED_UNCLEARED),
			       "who recorded this had no hook free_folio_exit"));
	assert_non_null(strstr(not_judged(RULE_LOCK_LEAK), "did not look at that yet"));
	assert_non_null(strstr(not_judged(RULE_REFERENCE_LEAK), "did not look at that yet"));
	assert_null(not_judged(RULE_APPLIED_MISMATCH));
}

/* Others were seen to fire, and of those on changes not one, at the end at the latest. */
static void test_none_proved(void **state)
{
	(void)state;
	program(0, "zap_invalid_exit", "proved");
	program(0, "zap_invalid_exit", "unproven: no touch of it has ended: Connection timed out");
	program(1, "zap_default_exit", "unproven: SIGBUS at a memfd_secret page");
	program(2, "zap_valid_exit off", NULL);
	program(3, "flush_range_exit", "proved");
	healthy();
	expect_inconclusive("no hook on changes of the direct map was proved to fire");
	stream_free(&stream);
	stream_init(&stream);
	program(0, "zap_invalid_exit", "unproven: no touch reached it");
	program(1, "zap_default_exit", "in the kernel's text, as those that have fired");
	program(2, "zap_valid_exit", "unproven: no touch reached it");
	healthy();
	stream_expect(&stream, VERDICT_CONSISTENT);
}

/* Page 5 is faulted in and nobody flushes, as far as was seen. */
static void unflushed_page(void)
{
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 5, 110);
	stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 5, 5, false);
	stream_zap(&stream, T, G, 5, 110, 1, false, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, 5, 5, false);
}

/* Where the flush's hook may not fire, its silence accuses nobody. */
static void test_unproven_accuses_nobody(void **state)
{
	(void)state;
	program(4, "flush_range_exit", "unproven: no touch reached it");
	unflushed_page();
	judge();
	stream_expect_unread(&stream);
	assert_non_null(strstr(not_judged(RULE_NEVER_FLUSHED),
			       "rests on the hook flush_range_exit, which is unproven: no touch"));
}

/* A page becomes absent that was @provider's when it was last seen; @holes: what is said of the hook on them. */
static void absent_unasked(enum record_provider provider, const char *holes)
{
	stream_free(&stream);
	stream_init(&stream);
	program(24, holes, NULL);
	stream_inode(&stream, G, provider, 64, false);
	stream_join(&stream, T, G, 5, 110);
	stream_heartbeat(&stream);
	stream_zap(&stream, T, 0, 0, 110, 1, false, 0);
	stream_flush(&stream, T, 0, 0, true);
	judge();
}

/* Where a hole may have gone by unseen a page may be another's, unless it is told of when it leaves. */
static void test_holes_unseen(void **state)
{
	(void)state;
	absent_unasked(RECORD_PROVIDER_GMEM_PLAIN, "fallocate_exit");
	stream_expect_one(&stream, RULE_UNEXPECTED_ZAP, G, 5, 5);
	assert_null(not_judged(RULE_UNEXPECTED_ZAP));
	absent_unasked(RECORD_PROVIDER_GMEM_PLAIN, "fallocate_exit off");
	assert_null(verdict_violation(stream.verdict, 0));
	assert_string_equal(not_judged(RULE_UNEXPECTED_ZAP),
			    "not of a guest_memfd without a flag: nothing to hook for it here: "
			    "fallocate_exit is off");
	absent_unasked(RFC3, "fallocate_exit off");
	stream_expect_one(&stream, RULE_UNEXPECTED_ZAP, G, 5, 5);
	assert_null(not_judged(RULE_UNEXPECTED_ZAP));
}

/* A later fact replaces an earlier one. */
static void test_proved_later(void **state)
{
	(void)state;
	program(4, "flush_range_exit", "unproven: no touch reached it");
	program(4, "flush_range_exit", "proved");
	unflushed_page();
	judge();
	stream_expect_one(&stream, RULE_NEVER_FLUSHED, G, 5, 5);
	assert_null(not_judged(RULE_NEVER_FLUSHED));
}

/* What was promised of pages that nobody but KVM has set is judged; without any there is nothing to. */
static void test_promised(void **state)
{
	static const struct stream_promise bound = { 5, 1, 0x100, true };
	static const struct stream_page seen = { 5, 110, 1, ABSENT_BITS };

	(void)state;
	for (int promised = 0; promised < 3; promised++) {
		stream_free(&stream);
		stream_init(&stream);
		stream.promises = &bound;
		stream.promises_nr = promised > 0;
		stream_inode(&stream, G, RFC3, 64, false);
		if (promised == 2) {
			stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 63, false);
			stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 63, false);
		}
		stream_fault(&stream, T, G, 5, 110);
		release(RFC3, &seen, 1);
		stream_expect(&stream, VERDICT_CONSISTENT);
		assert_int_equal(!not_judged(RULE_PROMISE_BROKEN), promised == 1);
		assert_int_equal(!not_judged(RULE_HALF_CONVERTED), promised == 1);
	}
}

/* More than is kept in mind of who set what last. */
static void test_promises_forgotten(void **state)
{
	static const struct stream_promise bound = { 5, 1, 0x105, true };
	static const struct stream_page seen = { 5, 110, 1, ABSENT_BITS };

	(void)state;
	stream.promises = &bound;
	stream.promises_nr = 1;
	stream_inode(&stream, G, RFC3, 1 << 18, false);
	stream_fault(&stream, T, G, 5, 110);
	stream_promise(&stream, T, G, RECORD_PROMISE_BIND, 0x100, 1 << 18, 0, false, 0);
	stream_promise(&stream, T, G, RECORD_PROMISE_BIND_BEGIN, 0x100, 1 << 18, 0, false, 0);
	stream_promise(&stream, T, 0, RECORD_PROMISE_BIND_END, 0, 0, 0, false, 0);
	for (__u64 i = 0; i < (1 << 16) + 2; i++) {
		__u64 gfn = i < 1 << 16 ? 0x110 + i : 0x105;

		stream_promise(&stream, T, 0, RECORD_PROMISE_CONVERT_BEGIN, gfn, 1, 0, true, 0);
		stream_promise(&stream, T, 0, RECORD_PROMISE_CONVERTED, 0, 0, 0, false, 0);
		stream_promise(&stream, T, 0, RECORD_PROMISE_CONVERT_END, 0, 0, 0, false, 0);
	}
	release(RFC3, &seen, 1);
	assert_non_null(not_judged(RULE_PROMISE_BROKEN));
	assert_non_null(
		strstr(not_judged(RULE_PROMISE_BROKEN), "promised than is kept in mind, 1 time"));
}

/* A task dies in a conversion, outside of any request: since then nobody looks at that VM. */
static void test_conversion_without_end(void **state)
{
	static const struct stream_promise bound = { 5, 1, 0x105, true };
	static const struct stream_page seen = { 5, 110, 1, ABSENT_BITS };

	(void)state;
	for (int seconds = 1; seconds < 20; seconds += 14) {
		stream_free(&stream);
		stream_init(&stream);
		stream.promises = &bound;
		stream.promises_nr = 1;
		stream_inode(&stream, G, RFC3, 64, false);
		stream_fault(&stream, T, G, 5, 110);
		stream_heartbeat(&stream);
		for (__u32 pass = 0; pass < 2; pass++)
			stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64,
				    &seen, 1);
		stream_promise(&stream, T + 1, 0, RECORD_PROMISE_CONVERT_BEGIN, 0x200, 1, 0, true,
			       0);
		stream.now += (__u64)seconds * SECOND;
		stream_heartbeat(&stream);
		release(RFC3, &seen, 1);
		stream_expect(&stream, VERDICT_CONSISTENT);
		assert_int_equal(not_judged(RULE_PROMISE_BROKEN) != NULL, seconds > 10);
	}
	assert_non_null(strstr(not_judged(RULE_HALF_CONVERTED), "1 conversion has not ended"));
}

/* Feeds all of it that memory is enough for. true: it was not enough. */
static bool feed_short_of_memory(__u64 memory_max)
{
	struct model_options limited = { .memory_max = memory_max };
	int error = 0;

	stream.model = model_create(&limited);
	stream.verdict = verdict_create(stream.model, NULL);
	for (size_t at = 0; at < stream.used && !error;) {
		const struct record_header *record = (const void *)(stream.data + at);

		error = model_feed(stream.model, record);
		at += record->size;
	}
	return model_finish(stream.model) == -ENOMEM && error == -ENOMEM;
}

/* Pages of ever new inodes, each of which takes memory. */
static void flood(void)
{
	for (__u64 inode = 10; inode < 400; inode++) {
		stream_inode(&stream, inode, RFC3, 64, false);
		stream_fault(&stream, T, inode, 0, 5000 + 1000 * inode);
		heartbeats(1);
	}
	stream_finish(&stream);
}

/* What was proved before memory ran short stays proved. */
static void test_memory_short_after_proof(void **state)
{
	(void)state;
	unflushed_page();
	heartbeats(5);
	flood();
	assert_true(feed_short_of_memory(1 << 20));
	stream_expect_one(&stream, RULE_NEVER_FLUSHED, G, 5, 5);
	assert_true(reason_has("memory ran short"));
	assert_int_equal(verdict_exit_status(verdict_value(stream.verdict), 0), 1);
}

/* What came to light when it already was short proves nothing. */
static void test_memory_short_before_proof(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	flood();
	assert_true(feed_short_of_memory(1 << 20));
	stream_expect_unread(&stream);
	assert_true(reason_has("memory ran short"));
}

/* Whoever floods the sensors is named, with the newest count. */
static void test_losers(void **state)
{
	(void)state;
	stream_fact(&stream, "sensor.lost.user.1000", "3");
	stream_fact(&stream, "sensor.lost.user.0", "1");
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 1000, 8);
	stream_fact(&stream, "sensor.lost.user.1000", "7");
	healthy();
	assert_true(reason_has("ring-full 8, of user 0 (1), user 1000 (7)"));
}

/* And nobody where they do not know, as in older captures. */
static void test_no_losers(void **state)
{
	(void)state;
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 1000, 8);
	healthy();
	assert_true(reason_has("ring-full 8"));
	assert_false(reason_has("user"));
}

#define PROOF_TEST(name) cmocka_unit_test_setup_teardown(name, proof_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROOF_TEST(test_no_inodes),
		PROOF_TEST(test_no_inodes_allowed),
		PROOF_TEST(test_no_snapshot),
		PROOF_TEST(test_healthy),
		PROOF_TEST(test_minimum),
		PROOF_TEST(test_required),
		PROOF_TEST(test_required_unmet),
		PROOF_TEST(test_changed_since),
		PROOF_TEST(test_configured_since),
		PROOF_TEST(test_changed_and_dead),
		PROOF_TEST(test_release_is_no_change),
		PROOF_TEST(test_doubted),
		PROOF_TEST(test_doubted_strange),
		PROOF_TEST(test_doubted_unknown),
		PROOF_TEST(test_doubted_gone),
		PROOF_TEST(test_cut_release),
		PROOF_TEST(test_cut_release_unchanged),
		PROOF_TEST(test_hooks_off),
		PROOF_TEST(test_hooks_off_in_part),
		PROOF_TEST(test_none_proved),
		PROOF_TEST(test_hooks_of_later),
		PROOF_TEST(test_promised),
		PROOF_TEST(test_promises_forgotten),
		PROOF_TEST(test_conversion_without_end),
		PROOF_TEST(test_unproven_accuses_nobody),
		PROOF_TEST(test_holes_unseen),
		PROOF_TEST(test_proved_later),
		PROOF_TEST(test_memory_short_after_proof),
		PROOF_TEST(test_memory_short_before_proof),
		PROOF_TEST(test_losers),
		PROOF_TEST(test_no_losers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
