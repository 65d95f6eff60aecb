// SPDX-License-Identifier: GPL-2.0
/* The rules of flushes, both ways, of guest_memfd and memfd_secret; and what memory failure changes. */
#include "scene.h"

static void configure(__u64 pgoff, __u64 pfn, bool flush, __u64 first, __u64 last)
{
	stream_join(&stream, T, G, pgoff, pfn);
	stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, pgoff, pgoff, false);
	if (flush)
		stream_zap_flush(&stream, T, G, pgoff, pfn, 1, first, last);
	else
		stream_zap(&stream, T, G, pgoff, pfn, 1, false, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, pgoff, pgoff, false);
}

static void test_never_flushed(void **state)
{
	struct stream_page pages[8];
	const struct verdict_violation *violation;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 4; i++)
		configure(i, 100 + 2 * i, false, 0, 0);
	/* Somebody else's flush ends the exposure, not the violation. */
	stream_flush(&stream, T + 1, 0, 0, true);
	release(RFC3, pages, pages_seen(pages, 0, 4, ABSENT_BITS));
	assert_int_equal(verdict_violations(stream.verdict), 4);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_NEVER_FLUSHED), 4);
	violation = verdict_violation(stream.verdict, 3);
	assert_int_equal(violation->pgoff_first, 3);
	assert_int_equal(violation->inode->exposed, 0);
}

/* A flush that began before the zap's end is none. */
static void test_never_flushed_early_flush(void **state)
{
	struct stream_page seen = { 0, 100, 1, ABSENT_BITS };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	stream_flush(&stream, T, 0, 0, true);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	release(RFC3, &seen, 1);
	stream_expect_one(&stream, RULE_NEVER_FLUSHED, G, 0, 0);
}

/* One that was under way when the page was zapped may have passed it already. */
static void test_never_flushed_flush_under_way(void **state)
{
	struct stream_page seen = { 0, 100, 1, ABSENT_BITS };
	struct record_flush *flush;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream_flush(&stream, T, 0, 0, true);
	flush = (struct record_flush *)(stream.data + stream.used - sizeof(*flush));
	flush->begin -= 5000;
	stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	release(RFC3, &seen, 1);
	stream_expect_one(&stream, RULE_NEVER_FLUSHED, G, 0, 0);
}

/* One flush for the whole call, in an enclosing request or at the end. */
static void test_never_flushed_batched(void **state)
{
	struct stream_page pages[8];

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 3, true);
	for (__u64 i = 0; i < 4; i++)
		configure(i, 100 + 2 * i, false, 0, 0);
	stream_flush(&stream, T, 100, 106, false);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 3, true);
	release(RFC3, pages, pages_seen(pages, 0, 4, ABSENT_BITS));
	stream_expect(&stream, VERDICT_CONSISTENT);
}

/* fallocate() of two pages in folios of four: what it made absent around them is its own. */
static void test_foreign_page_fallocate_whole_folio(void **state)
{
	struct stream_page pages[8];

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 1, 2, true);
	for (__u64 i = 0; i < 4; i++)
		configure(i, 100 + 2 * i, false, 0, 0);
	stream_flush(&stream, T, 100, 106, false);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 1, 2, true);
	release(RFC3, pages, pages_seen(pages, 0, 4, ABSENT_BITS));
	stream_expect(&stream, VERDICT_CONSISTENT);
}

/* What was zapped and restored again by a request that failed needs no flush. */
static void test_never_flushed_rolled_back(void **state)
{
	struct stream_page pages[8];

	(void)state;
	faulted(4);
	convert(0, 3, 0, 0);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, false);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream_zap(&stream, T, G, 1, 102, 1, false, -12);
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	stream_request(&stream, RECORD_REQUEST_END, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, false,
		       -12);
	release(RFC3, pages, pages_seen(pages, 0, 4, PRESENT_BITS | DEVIATES));
	stream_expect(&stream, VERDICT_CONSISTENT);
}

static void test_flush_mismatch(void **state)
{
	struct stream_page pages[8];

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	/* The flush is given the page offset for an address. */
	configure(2, 104, true, 2, 2);
	pages[0] = (struct stream_page){ 2, 104, 1, ABSENT_BITS };
	release(RFC3, pages, 1);
	stream_expect_one(&stream, RULE_FLUSH_MISMATCH, G, 2, 2);
}

static void test_flush_mismatch_partial(void **state)
{
	struct stream_page pages[8];

	(void)state;
	faulted(0);
	for (__u64 i = 0; i < 4; i++)
		stream_join(&stream, T, G, i, 200 + i);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 3, false);
	stream_zap(&stream, T, G, 0, 200, 4, false, 0);
	stream_flush(&stream, T, 200, 201, false);
	stream_flush(&stream, T, 203, 203, false);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 3, false);
	pages[0] = (struct stream_page){ 0, 200, 4, ABSENT_BITS };
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect_one(&stream, RULE_FLUSH_MISMATCH, G, 2, 2);
	(void)pages;
}

static void secret_fault(__u64 pgoff, __u64 pfn, bool flush)
{
	if (flush)
		stream_zap_flush(&stream, T, G, pgoff, pfn, 1, pfn, pfn);
	else
		stream_zap(&stream, T, G, pgoff, pfn, 1, false, 0);
}

static void test_secretmem(void **state)
{
	struct stream_page pages[8];

	(void)state;
	stream_inode(&stream, G, SECRET, 64, false);
	for (__u64 i = 0; i < 4; i++)
		secret_fault(i, 100 + 2 * i, true);
	/* Two faults on one page: the second finds it there and takes its own back. */
	stream_zap(&stream, T, 0, 0, 300, 1, false, 0);
	stream_zap(&stream, T + 1, 0, 0, 301, 1, false, 0);
	stream_zap(&stream, T + 1, 0, 0, 301, 1, true, 0);
	stream_flush(&stream, T, 300, 300, false);
	pages_seen(pages, 0, 4, ABSENT_BITS);
	pages[4] = (struct stream_page){ 4, 300, 1, ABSENT_BITS };
	release(SECRET, pages, 5);
	stream_expect(&stream, VERDICT_CONSISTENT);
}

static void test_secretmem_never_flushed(void **state)
{
	struct stream_page seen = { 1, 102, 1, ABSENT_BITS };

	(void)state;
	stream_inode(&stream, G, SECRET, 64, false);
	secret_fault(1, 102, false);
	stream.now += 61 * SECOND;
	stream_heartbeat(&stream);
	release(SECRET, &seen, 1);
	stream_expect_one(&stream, RULE_NEVER_FLUSHED, G, 1, 1);
}

static void test_secretmem_flush_mismatch(void **state)
{
	(void)state;
	stream_inode(&stream, G, SECRET, 64, false);
	stream_zap_flush(&stream, T, G, 1, 102, 1, 103, 103);
	/* Too late, and for something else. */
	stream_flush(&stream, T, 0, 0, true);
	stream_zap(&stream, T, 0, 0, 102, 1, true, 0);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect_one(&stream, RULE_FLUSH_MISMATCH, G, 1, 1);
}

static void test_secretmem_left_unflushed(void **state)
{
	(void)state;
	stream_inode(&stream, G, SECRET, 64, false);
	secret_fault(1, 102, false);
	stream_zap(&stream, T, 0, 0, 102, 1, true, 0);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect_one(&stream, RULE_NEVER_FLUSHED, G, 1, 1);
}

/* Written before the page had an owner: a read finds it, and nothing of it is lost. */
static void test_secretmem_owner_later(void **state)
{
	struct stream_page seen[] = { { 1, 102, 1, ABSENT_BITS }, { 2, 300, 1, ABSENT_BITS } };
	const struct model_inode *inode;

	(void)state;
	stream_inode(&stream, G, SECRET, 64, false);
	stream_zap(&stream, T, 0, 0, 102, 1, false, 0);
	stream_zap(&stream, T + 1, 0, 0, 300, 1, false, 0);
	stream_read(&stream, G, SECRET, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, seen, 2);
	stream_heartbeat(&stream);
	stream_judge(&stream, NULL);
	inode = model_inode_find(stream.model, G);
	assert_int_equal(inode->transitions, 2);
	assert_int_equal(inode->exposed, 2);
}

/* The same, judged: of the two pages one was flushed. */
static void test_secretmem_owner_later_unflushed(void **state)
{
	struct stream_page seen[] = { { 1, 102, 1, ABSENT_BITS }, { 2, 300, 1, ABSENT_BITS } };

	(void)state;
	stream_inode(&stream, G, SECRET, 64, false);
	stream_zap(&stream, T, 0, 0, 102, 1, false, 0);
	stream_zap(&stream, T + 1, 0, 0, 300, 1, false, 0);
	stream_read(&stream, G, SECRET, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, seen, 2);
	stream_flush(&stream, T + 1, 300, 300, false);
	stream_zap(&stream, T, 0, 0, 102, 1, true, 0);
	stream_zap(&stream, T, 0, 0, 300, 1, true, 0);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect_one(&stream, RULE_NEVER_FLUSHED, G, 1, 1);
}

/* The next fault's flush is for the next page, however much it covers. */
static void test_secretmem_overtaken(void **state)
{
	(void)state;
	stream_inode(&stream, G, SECRET, 64, false);
	secret_fault(1, 102, false);
	secret_fault(2, 103, false);
	stream_flush(&stream, T, 0, 0, true);
	stream_zap(&stream, T, 0, 0, 102, 1, true, 0);
	stream_zap(&stream, T, 0, 0, 103, 1, true, 0);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect_one(&stream, RULE_NEVER_FLUSHED, G, 1, 1);
}

/* The next zap splits a large page, which flushes everything: no flush of the fault's, but the exposure's end. */
static void test_secretmem_split(void **state)
{
	(void)state;
	stream_inode(&stream, G, SECRET, 64, false);
	stream_zap_flush_all(&stream, T, G, 1, 102);
	secret_fault(2, 103, true);
	stream_heartbeat(&stream);
	stream_zap(&stream, T, 0, 0, 102, 1, true, 0);
	stream_zap(&stream, T, 0, 0, 103, 1, true, 0);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect_one(&stream, RULE_NEVER_FLUSHED, G, 1, 1);
}

/* The same where the split's flush was written as a record of its own; the page's own comes after it. */
static void test_secretmem_split_before_flush(void **state)
{
	const struct model_inode *inode;

	(void)state;
	stream_inode(&stream, G, SECRET, 64, false);
	secret_fault(1, 102, false);
	stream_flush_all(&stream, T);
	stream_flush(&stream, T, 102, 102, false);
	stream_heartbeat(&stream);
	stream_judge(&stream, NULL);
	inode = model_inode_find(stream.model, G);
	assert_int_equal(inode->exposed, 0);
	assert_int_equal(verdict_value(stream.verdict) == VERDICT_VIOLATED, false);
}

static void test_secretmem_present(void **state)
{
	struct stream_page seen = { 1, 102, 1, PRESENT_BITS };

	(void)state;
	stream_inode(&stream, G, SECRET, 64, false);
	secret_fault(1, 102, true);
	release(SECRET, &seen, 1);
	stream_expect_one(&stream, RULE_APPLIED_MISMATCH, G, 1, 1);
}

/* A run of which one page was absent and flushed before: only the other one needs a flush. */
static void run_half_redundant(__u64 absent, bool roll_back)
{
	__s32 result = roll_back ? -12 : 0;
	__u64 other = 1 - absent;

	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 2; i++)
		stream_fault(&stream, T, G, i, 100 + i);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, other, other, true);
	stream_zap(&stream, T, G, other, 100 + other, 1, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, other, other, true);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 1, false);
	stream_zap(&stream, T, G, 0, 100, 2, false, 0);
	if (roll_back)
		stream_zap(&stream, T, G, other, 100 + other, 1, true, 0);
	stream_request(&stream, RECORD_REQUEST_END, T, G, RECORD_OPERATION_SET_RANGE, 0, 1, false,
		       result);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

static void test_never_flushed_half_redundant(void **state)
{
	for (__u64 absent = 0; absent < 2; absent++) {
		run_half_redundant(absent, false);
		stream_expect_one(&stream, RULE_NEVER_FLUSHED, G, 1 - absent, 1 - absent);
		teardown(state);
		setup(state);
	}
}

static void test_never_flushed_half_rolled_back(void **state)
{
	for (__u64 absent = 0; absent < 2; absent++) {
		run_half_redundant(absent, true);
		stream_expect_unread(&stream);
		teardown(state);
		setup(state);
	}
}

/* A zap that failed left a page absent that was so before: the next one needs no flush for it. */
static void test_never_flushed_after_failure(void **state)
{
	struct stream_page pages[8];

	(void)state;
	faulted(4);
	convert(1, 1, 0, 0);
	for (int i = 0; i < 2; i++) {
		stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 1, false);
		stream_zap(&stream, T, G, 0, 100, 1, false, i ? 0 : -12);
		if (i)
			stream_zap(&stream, T, G, 1, 102, 1, false, -12);
		stream_zap(&stream, T, G, 1, 102, 1, true, 0);
		stream_request(&stream, RECORD_REQUEST_END, T, G, RECORD_OPERATION_SET_RANGE, 0, 1,
			       false, -12);
	}
	pages_seen(pages, 0, 4, ABSENT_BITS);
	pages[1].bits = PRESENT_BITS | DEVIATES;
	release(RFC3, pages, 4);
	stream_expect(&stream, VERDICT_CONSISTENT);
}

/* From memory failure on a page is left alone; one that it did not hit is not. */
static void memory_fails(__u64 pgoff)
{
	stream_begin(&stream, T + 1, G, RECORD_OPERATION_ERROR_FOLIO, pgoff, pgoff, false);
	stream_end(&stream, T + 1, G, RECORD_OPERATION_ERROR_FOLIO, pgoff, pgoff, false);
}

static void test_missed_page_poisoned(void **state)
{
	struct stream_page pages[8];

	(void)state;
	faulted(8);
	memory_fails(3);
	convert(0, 7, 3, 1);
	pages_seen(pages, 0, 8, PRESENT_BITS | DEVIATES);
	pages[3].bits = ABSENT_BITS | RECORD_PAGE_POISONED | DEVIATES;
	release(RFC3, pages, 8);
	stream_expect(&stream, VERDICT_CONSISTENT);
}

static void test_missed_page_beside_poisoned(void **state)
{
	struct stream_page pages[8];

	(void)state;
	faulted(8);
	memory_fails(3);
	convert(0, 7, 4, 1);
	pages_seen(pages, 0, 8, PRESENT_BITS | DEVIATES);
	pages[4].bits = ABSENT_BITS | DEVIATES;
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect_one(&stream, RULE_MISSED_PAGE, G, 4, 4);
}

/* The page is flushed by its own task, @ns after it was zapped. */
static void flushed_after(__u64 ns)
{
	struct stream_page seen = { 0, 100, 1, ABSENT_BITS };

	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream.now += ns;
	stream_flush(&stream, T, 100, 100, false);
	stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	release(RFC3, &seen, 1);
}

/* A note, and no violation: the verdict does not depend on it. */
static void test_long_exposure(void **state)
{
	const struct verdict_violation *note;

	(void)state;
	flushed_after(100 * MS);
	stream_expect(&stream, VERDICT_CONSISTENT);
	assert_int_equal(verdict_violations(stream.verdict), 0);
	assert_int_equal(verdict_notes(stream.verdict), 1);
	note = verdict_note(stream.verdict, 0);
	assert_int_equal(note->rule->id, RULE_LONG_EXPOSURE);
	assert_int_equal(note->rule->severity, RULE_SEVERITY_NOTE);
	assert_int_equal(note->pgoff_first, 0);
	assert_int_equal(note->count, 1);
	assert_true(note->words[0]);
	assert_null(verdict_note(stream.verdict, 1));
	stream_free(&stream);
	stream_init(&stream);
	flushed_after(90 * MS);
	stream_expect(&stream, VERDICT_CONSISTENT);
	assert_int_equal(verdict_notes(stream.verdict), 0);
}

/* Two pages, one note; and none where the flush may have been lost. */
static void long_exposures(bool loss)
{
	stream_free(&stream);
	stream_init(&stream);
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 2; i++) {
		stream_join(&stream, T, G, i, 100 + 2 * i);
		stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, i, i, false);
		stream_zap(&stream, T, G, i, 100 + 2 * i, 1, false, 0);
		stream.now += 200 * MS;
		if (loss)
			stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 1000, 1);
		stream_flush(&stream, T, 0, 0, true);
		stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, i, i, false);
	}
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

static void test_long_exposures(void **state)
{
	(void)state;
	long_exposures(false);
	assert_int_equal(verdict_notes(stream.verdict), 1);
	assert_int_equal(verdict_note(stream.verdict, 0)->count, 2);
	long_exposures(true);
	assert_int_equal(verdict_notes(stream.verdict), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_long_exposure),
		RULE_TEST(test_long_exposures),
		RULE_TEST(test_never_flushed),
		RULE_TEST(test_never_flushed_early_flush),
		RULE_TEST(test_never_flushed_flush_under_way),
		RULE_TEST(test_never_flushed_batched),
		RULE_TEST(test_foreign_page_fallocate_whole_folio),
		RULE_TEST(test_never_flushed_rolled_back),
		RULE_TEST(test_flush_mismatch),
		RULE_TEST(test_flush_mismatch_partial),
		RULE_TEST(test_secretmem),
		RULE_TEST(test_secretmem_never_flushed),
		RULE_TEST(test_secretmem_flush_mismatch),
		RULE_TEST(test_secretmem_left_unflushed),
		RULE_TEST(test_secretmem_owner_later),
		RULE_TEST(test_secretmem_owner_later_unflushed),
		RULE_TEST(test_secretmem_overtaken),
		RULE_TEST(test_secretmem_split),
		RULE_TEST(test_secretmem_split_before_flush),
		RULE_TEST(test_secretmem_present),
		RULE_TEST(test_never_flushed_half_redundant),
		RULE_TEST(test_never_flushed_half_rolled_back),
		RULE_TEST(test_never_flushed_after_failure),
		RULE_TEST(test_missed_page_poisoned),
		RULE_TEST(test_missed_page_beside_poisoned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
