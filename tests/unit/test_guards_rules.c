// SPDX-License-Identifier: GPL-2.0
/* The rules on steps, on pages that come and go, and on promises: what each is silent about. */
#include "here.h"

#define SET_RANGE RECORD_OPERATION_SET_RANGE
#define CONFIGURE RECORD_OPERATION_CONFIGURE
#define OTHER 9 /* an inode */

/* What happened since is known to have gaps; the reader is told only now. */
static void lost_since(__u64 since)
{
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, since, 1);
}

static void judge(void)
{
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

static void fails(__u32 tid, enum record_operation operation, __u64 first, __u64 last, bool state)
{
	stream_request(&stream, RECORD_REQUEST_END, tid, G, operation, first, last, state, -12);
}

/* --- exposed -------------------------------------------------------------------- */

static void prepared(__u64 pgoff, __u64 pfn, __u32 nr, bool prepared)
{
	struct record_owner *record;

	stream_join(&stream, T, G, pgoff, pfn);
	record = (struct record_owner *)(stream.data + stream.used - sizeof(*record));
	record->nr = nr;
	record->prepared = prepared;
}

static void exposed_anew(void)
{
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	prepared(2, 104, 1, false);
}

/* What the folio is to be is being declared. */
static void test_exposed_declared_by_folio(void **state)
{
	(void)state;
	exposed_anew();
	stream_begin(&stream, T + 1, G, RECORD_OPERATION_SET_FOLIO, 2, 2, true);
	prepared(2, 104, 1, true);
	stream_end(&stream, T + 1, G, RECORD_OPERATION_SET_FOLIO, 2, 2, true);
	expect_silent(RULE_EXPOSED);
}

/* Memory that has failed is not taken out, and no guest gets it. */
static void test_exposed_poisoned(void **state)
{
	(void)state;
	exposed_anew();
	stream_begin(&stream, T, G, RECORD_OPERATION_ERROR_FOLIO, 2, 2, false);
	stream_end(&stream, T, G, RECORD_OPERATION_ERROR_FOLIO, 2, 2, false);
	prepared(2, 104, 1, true);
	expect_silent(RULE_EXPOSED);
}

/* The loss is told of behind it, and came before it. */
static void test_exposed_lost(void **state)
{
	__u64 since;

	(void)state;
	exposed_anew();
	since = stream.now - 500;
	prepared(2, 104, 1, true);
	lost_since(since);
	expect_silent(RULE_EXPOSED);
}

/* A folio that comes prepared is exposed as long as it is, and no page more. */
static void test_exposed_folio(void **state)
{
	(void)state;
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	prepared(8, 204, 1, false);
	here();
	prepared(4, 104, 4, true);
	expect_here(RULE_EXPOSED);
	expect_pages(RULE_EXPOSED, 4, 7);
}

/* --- never-flushed ------------------------------------------------------------------ */

static void unflushed(enum record_provider provider)
{
	here_anew();
	stream_inode(&stream, G, provider, 64, false);
	stream_join(&stream, T, G, 5, 105);
	stream_begin(&stream, T, G, CONFIGURE, 5, 5, false);
	stream_zap(&stream, T, G, 5, 105, 1, false, 0);
	stream_end(&stream, T, G, CONFIGURE, 5, 5, false);
}

static bool says_policy(const struct verdict_violation *violation)
{
	for (size_t i = 0; i < violation->sources_nr; i++) {
		if (!strcmp(violation->sources[i].name, "policy"))
			return true;
	}
	return false;
}

/* Only where the host was told to leave flushes out is that its policy. */
static void test_unflushed_policy(void **state)
{
	(void)state;
	for (int policy = 0; policy < 2; policy++) {
		unflushed(RECORD_PROVIDER_FOLIO_BIT);
		if (policy)
			stream_fact(&stream, "kernel.policy.guest_memfd_tlb_flush",
				    "kvm.guest_memfd_tlb_flush=N");
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		assert_int_equal(says_policy(here_found(RULE_NEVER_FLUSHED)), policy);
	}
}

/* The flush may be what was lost. */
static void test_unflushed_lost(void **state)
{
	(void)state;
	unflushed(RFC3);
	lost_since(stream.now - 2500);
	expect_silent(RULE_NEVER_FLUSHED);
}

/* --- what leaves -------------------------------------------------------------------- */

static struct record_owner *leave_with(__u64 pfn, __u32 bits)
{
	struct record_owner *record;

	stream_zap(&stream, T, 0, 0, pfn, 1, true, 0);
	stream_leave(&stream, T, pfn);
	record = (struct record_owner *)(stream.data + stream.used - sizeof(*record));
	record->prepared = bits;
	return record;
}

/* Neighbours that leave one after the other are one cause. */
static void test_uncleared_neighbours(void **state)
{
	(void)state;
	faulted(4);
	leave_with(102, RECORD_OWNER_CONTENT);
	leave_with(104, RECORD_OWNER_CONTENT);
	judge();
	expect_pages(RULE_FREED_UNCLEARED, 1, 2);
	assert_int_equal(here_found(RULE_FREED_UNCLEARED)->count, 2);
}

/* That it was declared present may be what was lost. */
static void test_uncleared_lost(void **state)
{
	(void)state;
	faulted(4);
	leave_with(102, RECORD_OWNER_CONTENT);
	lost_since(stream.now - 1500);
	expect_silent(RULE_FREED_UNCLEARED);
}

/* The same of those that leave absent. */
static void test_left_neighbours(void **state)
{
	(void)state;
	faulted(4);
	frees_unwatched();
	stream_leave(&stream, T, 102);
	stream_leave(&stream, T, 104);
	judge();
	expect_pages(RULE_LEFT_ABSENT, 1, 2);
}

/* A page that is seen to be freed, and not to leave, is for the rule that reads its entry. */
static void test_freed_is_not_left(void **state)
{
	(void)state;
	faulted(4);
	frees_unwatched();
	stream_page_free(&stream, T, 104, true);
	expect_silent(RULE_LEFT_ABSENT);
	expect_pages(RULE_FREED_ABSENT, 2, 2);
}

/* A folio's bit means what this kind of inode means by it: here, nothing. */
static void test_marks_of_others(void **state)
{
	(void)state;
	faulted(4);
	leave_with(104, RECORD_OWNER_DEVIATES);
	expect_silent(RULE_DECLARED_MISMATCH);
}

/* --- partial-apply -------------------------------------------------------------------- */

/* Page 1 was changed and left so; page 2 could not be changed. */
static void left_behind(__u64 inode, __u64 pfn)
{
	stream_begin(&stream, T, G, SET_RANGE, 0, 3, true);
	stream_zap(&stream, T, inode, 1, pfn, 1, true, 0);
	stream_zap(&stream, T, G, 2, 104, 1, true, -12);
	fails(T, SET_RANGE, 0, 3, true);
}

/* A page of another inode is no part of what was asked for. */
static void test_partial_elsewhere(void **state)
{
	(void)state;
	faulted(4);
	stream_inode(&stream, OTHER, RFC3, 64, false);
	stream_fault(&stream, T, OTHER, 1, 301);
	left_behind(OTHER, 301);
	expect_silent(RULE_PARTIAL_APPLY);
}

/* A call that failed leaves it open what the page was before. */
static void test_partial_of_unknown(void **state)
{
	(void)state;
	faulted(4);
	stream_begin(&stream, T, G, SET_RANGE, 1, 1, true);
	stream_zap(&stream, T, G, 1, 102, 1, true, -12);
	fails(T, SET_RANGE, 1, 1, true);
	left_behind(G, 102);
	expect_silent(RULE_PARTIAL_APPLY);
}

/* A loss long ago: whose page it is nobody knows, until it is read. */
static void test_partial_of_forgotten(void **state)
{
	(void)state;
	faulted(4);
	lost_since(stream.now - 500);
	heartbeats(3);
	left_behind(G, 102);
	expect_silent(RULE_PARTIAL_APPLY);
}

/* That it was changed back may be what was lost. */
static void test_partial_lost(void **state)
{
	(void)state;
	faulted(4);
	left_behind(G, 102);
	lost_since(stream.now - 1500);
	expect_silent(RULE_PARTIAL_APPLY);
}

/* Four pages that came behind a loss, which is long over or may have had the begin of what comes next. */
static void faulted_behind_loss(bool long_over)
{
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	lost_since(stream.now - 500);
	heartbeats(long_over ? 30 : 3);
	for (__u64 i = 0; i < 4; i++)
		stream_fault(&stream, T, G, i, 100 + 2 * i);
	stream_heartbeat(&stream);
}

static void test_partial_behind_loss(void **state)
{
	(void)state;
	faulted_behind_loss(true);
	left_behind(G, 102);
	judge();
	expect_pages(RULE_PARTIAL_APPLY, 1, 1);
	faulted_behind_loss(false);
	left_behind(G, 102);
	expect_silent(RULE_PARTIAL_APPLY);
	assert_true(reason_has("1 page looked wrong, but it could not be proven"));
}

static void test_missed_behind_loss(void **state)
{
	(void)state;
	faulted_behind_loss(true);
	convert(0, 3, 2, 1);
	judge();
	expect_pages(RULE_MISSED_PAGE, 2, 2);
	faulted_behind_loss(false);
	convert(0, 3, 2, 1);
	expect_silent(RULE_MISSED_PAGE);
	assert_true(reason_has("1 page looked wrong, but it could not be proven"));
}

/* --- swallowed-error ------------------------------------------------------------------- */

/* Nobody's page: who is to be told of it is not known. */
static void test_swallowed_of_nobody(void **state)
{
	(void)state;
	faulted(4);
	stream_begin(&stream, T, G, SET_RANGE, 0, 3, true);
	stream_zap(&stream, T, 0, 0, 999, 1, true, -12);
	stream_end(&stream, T, G, SET_RANGE, 0, 3, true);
	expect_silent(RULE_SWALLOWED_ERROR);
}

/* An update of all offsets that there can be is none of an inode's. */
static void test_swallowed_of_everything(void **state)
{
	(void)state;
	faulted(4);
	convert(0, 3, 0, 0);
	stream_begin(&stream, T, G, SET_RANGE, 0, 3, false);
	stream_begin(&stream, T, 0, RECORD_OPERATION_UPDATE_XARRAY, 0, ~0ULL, false);
	stream_request(&stream, RECORD_REQUEST_END, T, 0, RECORD_OPERATION_UPDATE_XARRAY, 0, ~0ULL,
		       false, -12);
	stream_end(&stream, T, G, SET_RANGE, 0, 3, false);
	expect_silent(RULE_SWALLOWED_ERROR);
}

/* Whose pages are allocated is not known, so nothing of it is judged. */
static void test_swallowed_of_unknown(void **state)
{
	(void)state;
	faulted(4);
	stream_begin(&stream, T, 0, RECORD_OPERATION_FALLOCATE, 0, 3, true);
	stream_zap(&stream, T, G, 2, 104, 1, true, -12);
	stream_end(&stream, T, 0, RECORD_OPERATION_FALLOCATE, 0, 3, true);
	expect_silent(RULE_SWALLOWED_ERROR);
	here_anew();
	faulted(4);
	stream_begin(&stream, T, 0, SET_RANGE, 0, 3, true);
	stream_zap(&stream, T, G, 2, 104, 1, true, -12);
	stream_end(&stream, T, 0, SET_RANGE, 0, 3, true);
	expect_silent(RULE_SWALLOWED_ERROR);
}

/* --- unexpected-zap -------------------------------------------------------------------- */

/* What was forgotten since a loss may be anybody's by now. */
static void test_unexpected_of_forgotten(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 2, 104);
	lost_since(stream.now - 500);
	heartbeats(3);
	stream_zap(&stream, T, 0, 0, 104, 1, false, 0);
	expect_silent(RULE_UNEXPECTED_ZAP);
}

/* However long ago that is: until it is read, or comes anew. */
static void test_unexpected_of_long_forgotten(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 2, 104);
	lost_since(stream.now - 500);
	heartbeats(30);
	stream_zap(&stream, T, 0, 0, 104, 1, false, 0);
	expect_silent(RULE_UNEXPECTED_ZAP);
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 2, 104);
	heartbeats(30);
	here();
	stream_zap(&stream, T, 0, 0, 104, 1, false, 0);
	expect_here(RULE_UNEXPECTED_ZAP);
}

/* --- redundant-flush ------------------------------------------------------------------- */

/* A flush cannot be meant for what is made absent after it. */
static void test_redundant_before(void **state)
{
	(void)state;
	faulted(4);
	convert(2, 2, 0, 0);
	stream_begin(&stream, T, G, SET_RANGE, 0, 3, false);
	stream_flush(&stream, T, 0, 0, true);
	stream_zap(&stream, T, G, 2, 104, 1, false, 0);
	stream_flush(&stream, T, 0, 0, true);
	here();
	stream_end(&stream, T, G, SET_RANGE, 0, 3, false);
	expect_here(RULE_REDUNDANT_FLUSH);
	assert_int_equal(here_found(RULE_REDUNDANT_FLUSH)->count, 1);
}

/* What is forgotten may have been present. */
static void test_redundant_of_forgotten(void **state)
{
	(void)state;
	faulted(4);
	lost_since(stream.now - 500);
	heartbeats(3);
	stream_begin(&stream, T, G, SET_RANGE, 0, 3, false);
	stream_zap(&stream, T, 0, 0, 104, 1, false, 0);
	stream_flush(&stream, T, 0, 0, true);
	stream_end(&stream, T, G, SET_RANGE, 0, 3, false);
	expect_silent(RULE_REDUNDANT_FLUSH);
}

/* Of which inode nobody knows. */
static void test_redundant_of_unknown(void **state)
{
	(void)state;
	faulted(4);
	stream_begin(&stream, T, 0, SET_RANGE, 0, 3, true);
	stream_flush(&stream, T, 0, 0, true);
	stream_end(&stream, T, 0, SET_RANGE, 0, 3, true);
	expect_silent(RULE_REDUNDANT_FLUSH);
}

/* --- unserialised ---------------------------------------------------------------------- */

/* Task T's and T + 1's steps take turns, on the pages of @inode. @other: who begins first. */
static __u64 interleaved(__u64 inode, bool other)
{
	__u32 first = other ? T + 1 : T, second = other ? T : T + 1;
	__u64 begin = stream.now;

	stream_begin(&stream, first, inode, SET_RANGE, 0, 3, true);
	stream_begin(&stream, second, inode, SET_RANGE, 0, 3, true);
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	stream_zap(&stream, T + 1, G, 1, 102, 1, true, 0);
	stream_zap(&stream, T, G, 2, 104, 1, true, 0);
	stream_end(&stream, T, inode, SET_RANGE, 0, 3, true);
	stream_end(&stream, T + 1, inode, SET_RANGE, 0, 3, true);
	return begin;
}

/* It lasts since the earlier of the two began, whichever ends first. */
static void test_unserialised_since(void **state)
{
	(void)state;
	for (int other = 0; other < 2; other++) {
		__u64 begin;

		here_anew();
		faulted(4);
		begin = interleaved(G, other);
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		assert_int_equal(here_found(RULE_UNSERIALISED)->time_first, begin);
	}
}

/* Two that are open when it ends: the same pages, and one cause. */
static void test_unserialised_three(void **state)
{
	(void)state;
	faulted(4);
	for (__u32 tid = T; tid < T + 3; tid++)
		stream_begin(&stream, tid, G, SET_RANGE, 0, 3, true);
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	stream_zap(&stream, T + 1, G, 1, 102, 1, true, 0);
	stream_zap(&stream, T + 2, G, 2, 104, 1, true, 0);
	stream_zap(&stream, T, G, 3, 106, 1, true, 0);
	stream_end(&stream, T, G, SET_RANGE, 0, 3, true);
	judge();
	expect_pages(RULE_UNSERIALISED, 0, 3);
	assert_int_equal(here_found(RULE_UNSERIALISED)->occurrences, 2);
}

/* Of which inodes nobody knows: they may be two. */
static void test_unserialised_of_unknown(void **state)
{
	(void)state;
	faulted(4);
	interleaved(0, false);
	expect_silent(RULE_UNSERIALISED);
}

/* --- applied-mismatch ------------------------------------------------------------------- */

/* A folio's own bit says that it is absent, whether its content is there yet or not. */
static void test_marked_unprepared(void **state)
{
	const struct stream_page page = {
		2, 104, 1, RECORD_PAGE_RESIDENT | RECORD_PAGE_PRESENT | RECORD_PAGE_DEVIATES
	};

	(void)state;
	stream_inode(&stream, G, RECORD_PROVIDER_FOLIO_BIT, 64, false);
	stream_join(&stream, T, G, 2, 104);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RECORD_PROVIDER_FOLIO_BIT, true, RECORD_SNAPSHOT_RELEASE,
			    pass, 0, 64, &page, 1);
	judge();
	expect_pages(RULE_APPLIED_MISMATCH, 2, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_exposed_declared_by_folio),
		RULE_TEST(test_exposed_poisoned),
		RULE_TEST(test_exposed_lost),
		RULE_TEST(test_exposed_folio),
		RULE_TEST(test_unflushed_policy),
		RULE_TEST(test_unflushed_lost),
		RULE_TEST(test_uncleared_neighbours),
		RULE_TEST(test_uncleared_lost),
		RULE_TEST(test_left_neighbours),
		RULE_TEST(test_freed_is_not_left),
		RULE_TEST(test_marks_of_others),
		RULE_TEST(test_partial_elsewhere),
		RULE_TEST(test_partial_of_unknown),
		RULE_TEST(test_partial_of_forgotten),
		RULE_TEST(test_partial_lost),
		RULE_TEST(test_partial_behind_loss),
		RULE_TEST(test_missed_behind_loss),
		RULE_TEST(test_swallowed_of_nobody),
		RULE_TEST(test_swallowed_of_everything),
		RULE_TEST(test_swallowed_of_unknown),
		RULE_TEST(test_unexpected_of_forgotten),
		RULE_TEST(test_unexpected_of_long_forgotten),
		RULE_TEST(test_redundant_before),
		RULE_TEST(test_redundant_of_forgotten),
		RULE_TEST(test_redundant_of_unknown),
		RULE_TEST(test_unserialised_since),
		RULE_TEST(test_unserialised_three),
		RULE_TEST(test_unserialised_of_unknown),
		RULE_TEST(test_marked_unprepared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
