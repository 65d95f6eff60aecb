// SPDX-License-Identifier: GPL-2.0
/* Each rule both ways: it fires on the defect and keeps silent on its correct twin. Flushes: test_flushes.c. */
#include <string.h>
#include "scene.h"
#include "sensor/load.h"

static void test_consistent(void **state)
{
	struct stream_page pages[8];
	struct model_counts counts;

	(void)state;
	faulted(8);
	convert(0, 3, 0, 0);
	pages_seen(pages, 0, 4, PRESENT_BITS | DEVIATES);
	release(RFC3, pages, pages_seen(pages, 4, 8, ABSENT_BITS));
	stream_expect(&stream, VERDICT_CONSISTENT);
	model_count(stream.model, &counts);
	assert_int_equal(counts.transitions, 12);
	assert_int_equal(counts.pages_compared, 64);
	assert_int_equal(counts.pages, 64);
	assert_int_equal(counts.snapshots, 2);
	assert_int_equal(counts.unexplained, 0);
}

/* The seed's off-by-one: the last index never reaches the xarray. */
static void test_declared_mismatch(void **state)
{
	struct stream_page pages[8];

	(void)state;
	faulted(8);
	convert(0, 7, 0, 0);
	pages_seen(pages, 0, 7, PRESENT_BITS | DEVIATES);
	release(RFC3, pages, pages_seen(pages, 7, 8, PRESENT_BITS));
	stream_expect_one(&stream, RULE_DECLARED_MISMATCH, G, 7, 7);
}

static void test_declared_mismatch_not_resident(void **state)
{
	struct stream_page seen = { 0, 0, 63, DEVIATES };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 63, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 63, true);
	release(RFC3, &seen, 1);
	stream_expect_one(&stream, RULE_DECLARED_MISMATCH, G, 63, 63);
}

/* What holds nothing is read in one go, and nothing is something where another state was asked for. */
static void sparse_release(bool asked)
{
	const __u64 pages = 4 * RECORD_SNAPSHOT_EMPTY, first = RECORD_SNAPSHOT_EMPTY + 0x1003;

	stream_inode(&stream, G, RFC3, pages, false);
	if (asked) {
		stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, first, first + 9, true);
		stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, first, first + 9, true);
	}
	for (__u64 pgoff = 0; pgoff < pages; pgoff += RECORD_SNAPSHOT_EMPTY) {
		for (__u32 pass = 0; pass < 2; pass++)
			stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_RELEASE, pass, pgoff,
				    RECORD_SNAPSHOT_EMPTY, NULL, 0);
	}
	stream_inode_dead(&stream, G);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

static void test_declared_sparse(void **state)
{
	const __u64 first = RECORD_SNAPSHOT_EMPTY + 0x1003;

	(void)state;
	sparse_release(true);
	stream_expect_one(&stream, RULE_DECLARED_MISMATCH, G, first, first + 9);
}

static void test_declared_sparse_silent(void **state)
{
	struct model_counts counts;

	(void)state;
	sparse_release(false);
	stream_expect(&stream, VERDICT_CONSISTENT);
	model_count(stream.model, &counts);
	assert_int_equal(counts.pages_compared, 4 * RECORD_SNAPSHOT_EMPTY);
	assert_int_equal(counts.malformed, 0);
}

static void test_declared_merges(void **state)
{
	const struct verdict_violation *violation;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0x10, 0x1f, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0x10, 0x1f, true);
	release(RFC3, NULL, 0);
	violation = stream_expect_one(&stream, RULE_DECLARED_MISMATCH, G, 0x10, 0x1f);
	assert_int_equal(violation->count, 16);
	assert_true(violation->events_nr >= 2);
}

/* A failed request may have left either value, page by page. */
static void test_declared_failed_request(void **state)
{
	struct stream_page seen = { 0, 0, 5, DEVIATES };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 9, true);
	stream_request(&stream, RECORD_REQUEST_END, T, G, RECORD_OPERATION_SET_RANGE, 0, 9, true,
		       -12);
	release(RFC3, &seen, 1);
	stream_expect(&stream, VERDICT_CONSISTENT);
}

static void overlap(bool nested, const struct stream_page *seen)
{
	stream_inode(&stream, G, RFC3, 64, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 9, true);
	stream_begin(&stream, T + 1, G, RECORD_OPERATION_SET_RANGE, 5, 14, false);
	stream_end(&stream, nested ? T + 1 : T, G, RECORD_OPERATION_SET_RANGE, nested ? 5 : 0,
		   nested ? 14 : 9, !nested);
	stream_end(&stream, nested ? T : T + 1, G, RECORD_OPERATION_SET_RANGE, nested ? 0 : 5,
		   nested ? 9 : 14, nested);
	release(RFC3, seen, 1);
}

static void test_declared_overlap(void **state)
{
	/* Pages 5 to 9 were asked for both ways at once: any mixture is legal. */
	struct stream_page seen = { 0, 0, 7, DEVIATES };

	(void)state;
	overlap(false, &seen);
	stream_expect(&stream, VERDICT_CONSISTENT);
	stream_free(&stream);
	stream_init(&stream);
	overlap(true, &seen);
	stream_expect(&stream, VERDICT_CONSISTENT);
	/* Outside the overlap it is not. */
	seen.nr = 4;
	stream_free(&stream);
	stream_init(&stream);
	overlap(false, &seen);
	stream_expect_one(&stream, RULE_DECLARED_MISMATCH, G, 4, 4);
}

static void test_applied_mismatch(void **state)
{
	struct stream_page pages[8];

	(void)state;
	faulted(8);
	pages_seen(pages, 0, 5, ABSENT_BITS);
	pages_seen(pages, 5, 7, PRESENT_BITS);
	release(RFC3, pages, pages_seen(pages, 7, 8, ABSENT_BITS));
	assert_int_equal(stream_expect_one(&stream, RULE_APPLIED_MISMATCH, G, 5, 6)->count, 2);
}

/* Seen in one read only, it may be what a call in between was about to change. */
static void test_applied_needs_two_reads(void **state)
{
	struct stream_page pages[8], wrong[8];

	(void)state;
	faulted(8);
	pages_seen(pages, 0, 8, ABSENT_BITS);
	pages_seen(wrong, 0, 8, ABSENT_BITS);
	wrong[5].bits = PRESENT_BITS;
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, wrong, 8);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 1, 0, 64, pages, 8);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect(&stream, VERDICT_CONSISTENT);
}

static void test_applied_touched_between(void **state)
{
	struct stream_page wrong[8];

	(void)state;
	faulted(8);
	pages_seen(wrong, 0, 8, ABSENT_BITS);
	wrong[5].bits = PRESENT_BITS;
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, wrong, 8);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 5, 5, true);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 5, 5, true);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 1, 0, 64, wrong, 8);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	/* Seen once since, never proven, never explained. */
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict_violations(stream.verdict), 0);
}

/* The tracer's own read of an inode comes when its release has begun to empty it. */
static void test_live_read_after_release(void **state)
{
	struct stream_page pages[4];

	(void)state;
	faulted(4);
	pages_seen(pages, 0, 4, ABSENT_BITS);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_RELEASE, pass, 0, 64, pages,
			    4);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 3, true);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, pages + 2, 2);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 3, true);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect(&stream, VERDICT_CONSISTENT);
}

static void test_applied_unprepared(void **state)
{
	struct stream_page seen = { 0, 100, 1, RECORD_PAGE_RESIDENT | RECORD_PAGE_PRESENT };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	release(RFC3, &seen, 1);
	stream_expect(&stream, VERDICT_CONSISTENT);
	stream_free(&stream);
	stream_init(&stream);
	seen.bits = RECORD_PAGE_RESIDENT;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	release(RFC3, &seen, 1);
	stream_expect_one(&stream, RULE_APPLIED_MISMATCH, G, 0, 0);
}

static void test_applied_poisoned(void **state)
{
	struct stream_page pages[8];

	(void)state;
	faulted(8);
	pages_seen(pages, 0, 8, ABSENT_BITS);
	pages[5].bits = PRESENT_BITS | RECORD_PAGE_POISONED;
	release(RFC3, pages, 8);
	stream_expect(&stream, VERDICT_CONSISTENT);
}

/* An entry that leads to another page frame is wrong where the page is to be present, too. */
static void test_applied_astray(void **state)
{
	struct stream_page pages[8];

	(void)state;
	faulted(8);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 4, 5, true);
	stream_zap(&stream, T, G, 4, 108, 1, true, 0);
	stream_zap(&stream, T, G, 5, 110, 1, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 4, 5, true);
	pages_seen(pages, 0, 8, ABSENT_BITS);
	pages[4].bits = PRESENT_BITS | DEVIATES;
	pages[5].bits = PRESENT_BITS | DEVIATES | RECORD_PAGE_ASTRAY;
	release(RFC3, pages, 8);
	assert_non_null(strstr(stream_expect_one(&stream, RULE_APPLIED_MISMATCH, G, 5, 5)->words,
			       "another frame"));
}

/* A failed read is unknown, never absent and never present. */
static void test_applied_unknown(void **state)
{
	struct stream_page pages[8];
	struct model_counts counts;

	(void)state;
	faulted(8);
	pages_seen(pages, 0, 8, ABSENT_BITS);
	pages[5].bits = PRESENT_BITS | RECORD_PAGE_APPLIED_UNKNOWN;
	release(RFC3, pages, 8);
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
	model_count(stream.model, &counts);
	assert_int_equal(counts.pages_unknown, 2);
	assert_int_equal(counts.pages_compared, 63);
}

static void test_applied_plain(void **state)
{
	struct stream_page seen = { 0, 100, 1, PRESENT_BITS };

	(void)state;
	stream_inode(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, 64, false);
	stream_join(&stream, T, G, 0, 100);
	release(RECORD_PROVIDER_GMEM_PLAIN, &seen, 1);
	stream_expect(&stream, VERDICT_CONSISTENT);
	stream_free(&stream);
	stream_init(&stream);
	seen.bits = ABSENT_BITS;
	stream_inode(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, 64, false);
	stream_join(&stream, T, G, 0, 100);
	release(RECORD_PROVIDER_GMEM_PLAIN, &seen, 1);
	stream_expect_one(&stream, RULE_APPLIED_MISMATCH, G, 0, 0);
}

static void test_missed_page(void **state)
{
	struct stream_page pages[8];

	(void)state;
	faulted(8);
	convert(0, 7, 2, 2);
	pages_seen(pages, 0, 8, PRESENT_BITS | DEVIATES);
	pages[2].bits = pages[3].bits = ABSENT_BITS | DEVIATES;
	release(RFC3, pages, 8);
	assert_int_equal(stream_expect_one(&stream, RULE_MISSED_PAGE, G, 2, 3)->count, 2);
}

static void test_missed_page_silent(void **state)
{
	struct stream_page pages[8];

	(void)state;
	/* Joined, but prepared only during the request; already in the right state. */
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T + 1, G, 0, 100);
	stream_fault(&stream, T, G, 1, 102);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 1, false);
	stream_begin(&stream, T + 1, G, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	stream_zap_flush(&stream, T + 1, G, 0, 100, 1, 100, 100);
	stream_end(&stream, T + 1, G, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 1, false);
	release(RFC3, pages, pages_seen(pages, 0, 2, ABSENT_BITS));
	stream_expect(&stream, VERDICT_CONSISTENT);
}

/* Asked for both ways at once: whoever came second decided. */
static void test_missed_page_overlap(void **state)
{
	struct stream_page pages[8];

	(void)state;
	faulted(4);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, true);
	stream_begin(&stream, T + 1, G, RECORD_OPERATION_SET_RANGE, 0, 3, false);
	stream_end(&stream, T + 1, G, RECORD_OPERATION_SET_RANGE, 0, 3, false);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, true);
	release(RFC3, pages, pages_seen(pages, 0, 4, ABSENT_BITS));
	stream_expect(&stream, VERDICT_CONSISTENT);
}

static void zapped_by_range(__u64 pfn, __u32 nr, __u64 inode, __u64 pgoff)
{
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, true);
	for (__u64 i = 0; i < 4; i++)
		stream_zap(&stream, T, G, i, 100 + 2 * i, 1, true, 0);
	stream_zap(&stream, T, inode, pgoff, pfn, nr, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, true);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

/* An order-0 folio handed on as two pages: the page behind it is nobody's. */
static void test_foreign_page_unowned(void **state)
{
	(void)state;
	faulted(8);
	zapped_by_range(106, 2, G, 3);
	assert_false(stream_expect_one(&stream, RULE_FOREIGN_PAGE, G, 0, 0)->pgoff_known);
}

static void test_foreign_page_other_inode(void **state)
{
	(void)state;
	faulted(8);
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_fault(&stream, T, 9, 17, 500);
	zapped_by_range(500, 1, 0, 0);
	stream_expect_one(&stream, RULE_FOREIGN_PAGE, 9, 17, 17);
}

static void test_foreign_page_outside_range(void **state)
{
	(void)state;
	faulted(8);
	zapped_by_range(110, 1, 0, 0);
	stream_expect_one(&stream, RULE_FOREIGN_PAGE, G, 5, 5);
}

static void test_foreign_page_silent(void **state)
{
	struct stream_page pages[8];

	(void)state;
	faulted(8);
	/* Others' zaps of others' pages, between and beside our requests. */
	stream_zap(&stream, T + 9, 0, 0, 9000, 16, false, 0);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, false);
	stream_zap(&stream, T + 9, 0, 0, 9000, 16, true, 0);
	stream_zap_flush(&stream, T, G, 0, 100, 1, 100, 100);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, false);
	release(RFC3, pages, pages_seen(pages, 0, 8, ABSENT_BITS));
	stream_expect(&stream, VERDICT_CONSISTENT);
}

/* A hole of pages 2 and 3 that makes @last present, too; pages up to @gone leave. */
static void punched_beyond(__u64 last, __u64 gone)
{
	faulted(8);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 3, true);
	for (__u64 i = 2; i <= last; i++)
		stream_zap(&stream, T, G, i, 100 + 2 * i, 1, true, 0);
	for (__u64 i = 2; i <= gone; i++)
		stream_leave(&stream, T, 100 + 2 * i);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 3, true);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

/* What a hole takes from the guest and is still there when it has ended is none of it. */
static void test_foreign_page_hole(void **state)
{
	(void)state;
	punched_beyond(3, 3);
	assert_int_equal(verdict_violations(stream.verdict), 0);
	stream_free(&stream);
	stream_init(&stream);
	/* All of a folio, or what was given back to make room. */
	punched_beyond(5, 5);
	assert_int_equal(verdict_violations(stream.verdict), 0);
	stream_free(&stream);
	stream_init(&stream);
	punched_beyond(5, 4);
	stream_expect_one(&stream, RULE_FOREIGN_PAGE, G, 5, 5);
}

/* The folio that fallocate() itself brings may reach beyond the range, and is put back where that fails. */
static void test_foreign_page_brought(void **state)
{
	(void)state;
	faulted(2);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 3, true);
	stream_join(&stream, T, G, 4, 400);
	stream_zap_flush(&stream, T, G, 4, 400, 1, 400, 400);
	stream_zap(&stream, T, G, 4, 400, 1, true, 0);
	stream_request(&stream, RECORD_REQUEST_END, T, G, RECORD_OPERATION_FALLOCATE, 2, 3, true,
		       -12);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_int_equal(verdict_violations(stream.verdict), 0);
}

/* The owner is unknown where its join was lost: nothing may be said. */
static void test_foreign_page_after_loss(void **state)
{
	(void)state;
	faulted(8);
	stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, stream.now - 5000, 1);
	zapped_by_range(106, 2, G, 3);
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict_violations(stream.verdict), 0);
}

/* A free that nobody looked at is no lost history: the same zap is judged, freed-absent not throughout. */
static void test_foreign_page_after_missed_free(void **state)
{
	const struct verdict_not_judged *entry;
	bool freed = false;

	(void)state;
	faulted(8);
	stream_loss(&stream, 0, RECORD_LOSS_MISSED_FREE, stream.now - 5000, 1);
	zapped_by_range(106, 2, G, 3);
	stream_expect(&stream, VERDICT_VIOLATED);
	for (size_t i = 0; (entry = verdict_not_judged(stream.verdict, i)); i++)
		freed |= entry->rule->id == RULE_FREED_ABSENT;
	assert_true(freed);
}

static void punch(bool restore)
{
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 2, true);
	if (restore)
		stream_zap(&stream, T, 0, 0, 104, 1, true, 0);
	stream_leave(&stream, T, 104);
	if (!restore)
		stream_page_free(&stream, T, 104, true);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 2, true);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

static void test_freed_absent(void **state)
{
	(void)state;
	faulted(8);
	punch(false);
	stream_expect_one(&stream, RULE_FREED_ABSENT, G, 2, 2);
	stream_free(&stream);
	stream_init(&stream);
	faulted(8);
	punch(true);
	stream_expect_unread(&stream);
	assert_int_equal(stream.verdict ? verdict_violations(stream.verdict) : 1, 0);
}

/* Pages 2 and 3, of one folio that is freed as long as they are absent, and restored only then. */
static void freed_too_early(bool whole)
{
	struct record_page_free record = {
		.header = { .kind = RECORD_PAGE_FREE, .size = sizeof(record), .tid = T },
		.page = 504,
		.absent = whole ? 3 : 1,
		.order = 1,
	};

	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 2, 504);
	stream_fault(&stream, T, G, 3, 505);
	stream_heartbeat(&stream);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 2, 3, true);
	record.header.time = stream.now;
	stream_add(&stream, &record.header);
	stream_leave(&stream, T, 504);
	stream_leave(&stream, T, 505);
	stream_zap(&stream, T, 0, 0, 504, 2, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 2, 3, true);
	/* Another time it is freed, it is the same page. */
	record.header.time = stream.now;
	stream_add(&stream, &record.header);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

/* One cause, one accusation: neither the page nor its neighbour is foreign to who restores it. */
static void test_freed_absent_neighbours(void **state)
{
	(void)state;
	freed_too_early(false);
	stream_expect_one(&stream, RULE_FREED_ABSENT, G, 2, 2);
	stream_free(&stream);
	stream_init(&stream);
	freed_too_early(true);
	assert_int_equal(stream_expect_one(&stream, RULE_FREED_ABSENT, G, 2, 3)->count, 2);
}

/* A memfd_secret that gets the page next zaps it before it has it: that is nobody's, not ours. */
static void test_freed_absent_next_owner(void **state)
{
	(void)state;
	faulted(8);
	stream_inode(&stream, 9, SECRET, 64, false);
	stream_page_free(&stream, T, 104, true);
	stream_zap_flush(&stream, T + 1, 0, 0, 104, 1, 0, 0);
	stream_join(&stream, T + 1, 9, 0, 104);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect(&stream, VERDICT_VIOLATED);
	assert_int_equal(verdict_violations(stream.verdict), 2);
	assert_int_equal(verdict_violation(stream.verdict, 0)->rule->id, RULE_FLUSH_MISMATCH);
	assert_int_equal(verdict_violation(stream.verdict, 0)->inode->number, 9);
	assert_int_equal(verdict_violation(stream.verdict, 1)->rule->id, RULE_FREED_ABSENT);
	assert_int_equal(verdict_violation(stream.verdict, 1)->inode->number, G);
}

/* A page that was never ours and never zapped is not our business. */
static void test_freed_absent_unknown(void **state)
{
	(void)state;
	faulted(1);
	stream_page_free(&stream, T, 7777, true);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect_unread(&stream);
}

static void test_stuck(void **state)
{
	struct model_options options = { .stuck_ns = SECOND };

	(void)state;
	faulted(1);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, true);
	stream.now += 2 * SECOND;
	stream_finish(&stream);
	stream_judge(&stream, &options);
	stream_expect_one(&stream, RULE_STUCK, G, 0, 0);
}

/*
 * The kernel has died in it: the task never ends it, and releases what it held, which does not end
 * either. That the end of the first was not seen is no reason for that.
 */
static void test_stuck_behind_dead(void **state)
{
	struct model_options options = { .stuck_ns = SECOND };

	(void)state;
	faulted(1);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_RELEASE, 0, 0, true);
	stream.now += 2 * SECOND;
	stream_finish(&stream);
	stream_judge(&stream, &options);
	stream_expect_one(&stream, RULE_STUCK, G, 0, 0);
}

/* Whoever does not end may be the one that waits: all are named, and where they are. */
static void test_stuck_names_others(void **state)
{
	struct model_options options = { .stuck_ns = SECOND };
	const struct verdict_violation *violation;

	(void)state;
	faulted(1);
	stream_begin(&stream, T + 1, G, RECORD_OPERATION_FALLOCATE, 4, 7, true);
	stream_begin(&stream, T, G, RECORD_OPERATION_RELEASE, 0, 63, true);
	stream.now += 1500 * MS;
	stream_end(&stream, T + 1, G, RECORD_OPERATION_FALLOCATE, 4, 7, true);
	stream_begin(&stream, T + 1, G, RECORD_OPERATION_SET_RANGE, 4, 7, true);
	stream_heartbeat(&stream);
	stream_fact(&stream, "stuck.7.wait", "sleeps in mutex_lock < kvm_gmem_release");
	stream_fact(&stream, "stuck.7.others", "9 (vmm) runs");
	for (int i = 0; i < 5; i++) {
		stream.now += 100 * MS;
		stream_heartbeat(&stream);
	}
	stream_end(&stream, T + 1, G, RECORD_OPERATION_SET_RANGE, 4, 7, true);
	stream_finish(&stream);
	stream_judge(&stream, &options);
	stream_expect(&stream, VERDICT_VIOLATED);
	violation = verdict_violation(stream.verdict, verdict_violations(stream.verdict) - 1);
	assert_int_equal(violation->rule->id, RULE_STUCK);
	assert_non_null(strstr(violation->words, "Let R be release g3:0x0-0x3f (task 7"));
	assert_non_null(strstr(violation->words, "Open at the same time: set_range g3:0x4-0x7 to "
						 "present (task 8"));
	assert_non_null(strstr(violation->words,
			       "Its task 7 sleeps in mutex_lock < kvm_gmem_release. At work in the "
			       "same process: 9 (vmm) runs. So R waits"));
}

static void test_stuck_silent(void **state)
{
	struct model_options options = { .stuck_ns = 5 * SECOND };

	(void)state;
	faulted(1);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, true);
	stream.now += 2 * SECOND;
	stream_finish(&stream);
	stream_judge(&stream, &options);
	/* Open, but not for long enough: nobody knows. */
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict_violations(stream.verdict), 0);
}

/* Its end may have been lost. */
static void test_stuck_after_loss(void **state)
{
	struct model_options options = { .stuck_ns = SECOND };

	(void)state;
	faulted(1);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, true);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 5000, 1);
	stream.now += 2 * SECOND;
	stream_finish(&stream);
	stream_judge(&stream, &options);
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict_violations(stream.verdict), 0);
}

/* The page-free sensors are off: not judged, and said so. */
static void test_not_judged(void **state)
{
	const struct verdict_not_judged *entry;
	bool stale_tlb = false, built = false;

	(void)state;
	faulted(1);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	for (size_t i = 0; (entry = verdict_not_judged(stream.verdict, i)); i++) {
		assert_true(entry->reason[0]);
		stale_tlb |= entry->rule->id == RULE_STALE_TLB;
		/* Nothing was read, so snapshot rules could not be judged. */
		built |= entry->rule->id == RULE_APPLIED_MISMATCH;
	}
	assert_true(stale_tlb);
	assert_true(built);
}

static void test_table(void **state)
{
	const struct rule *rule = NULL, *before = NULL;
	size_t nr = 0;

	(void)state;
	for (; (rule = rule_next(rule)); before = rule, nr++) {
		assert_true(rule->id > (before ? before->id : RULE_NONE));
		assert_true(rule->id < RULE_IDS_MAX);
		assert_ptr_equal(rule_find(rule->id), rule);
		assert_ptr_equal(rule_find_name(rule->name), rule);
		assert_true(rule->name[0] && rule->fires_when[0]);
		assert_true(!rule->built || rule->meaning[0]);
		/* What nobody knows is judged by no rule. */
		assert_false(rule->providers & RULE_PROVIDER(RECORD_PROVIDER_UNKNOWN));
	}
	/* A second one of the same id would not be met on the way. */
	assert_int_equal(rule_total(), nr);
	assert_true(nr >= 21);
	assert_null(rule_find(RULE_NONE));
	assert_null(rule_find(RULE_IDS_MAX));
	assert_null(rule_find_name("no-such-rule"));
	/* An interface: these never move. */
	assert_string_equal(rule_find(1)->name, "declared-mismatch");
	assert_string_equal(rule_find(10)->name, "freed-absent");
	assert_string_equal(rule_find(18)->name, "stuck");
	assert_string_equal(rule_find(21)->name, "long-exposure");
}

static bool program_known(const char *name)
{
	for (size_t i = 0; i < load_programs_nr; i++) {
		if (!strcmp(load_programs[i].name, name))
			return true;
	}
	return false;
}

/* A hook of another name would be believed to be there for ever. */
static void test_programs(void **state)
{
	const struct rule *rule = NULL;

	(void)state;
	while ((rule = rule_next(rule))) {
		for (size_t i = 0; i < RULE_PROGRAMS_MAX && rule->watches[i]; i++)
			assert_true(program_known(rule->watches[i]));
		for (size_t i = 0; i < RULE_PROGRAMS_MAX && rule->trusts[i]; i++)
			assert_true(program_known(rule->trusts[i]));
	}
	assert_false(program_known("no_such_program"));
}

static void test_exit_status(void **state)
{
	(void)state;
	assert_int_equal(verdict_exit_status(VERDICT_CONSISTENT, 0), 0);
	assert_int_equal(verdict_exit_status(VERDICT_CONSISTENT, -1), 0);
	assert_int_equal(verdict_exit_status(VERDICT_CONSISTENT, 3), 2);
	assert_int_equal(verdict_exit_status(VERDICT_VIOLATED, 3), 1);
	assert_int_equal(verdict_exit_status(VERDICT_INCONCLUSIVE, 0), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_consistent),
		RULE_TEST(test_declared_mismatch),
		RULE_TEST(test_declared_mismatch_not_resident),
		RULE_TEST(test_declared_sparse),
		RULE_TEST(test_declared_sparse_silent),
		RULE_TEST(test_declared_merges),
		RULE_TEST(test_declared_failed_request),
		RULE_TEST(test_declared_overlap),
		RULE_TEST(test_applied_mismatch),
		RULE_TEST(test_applied_needs_two_reads),
		RULE_TEST(test_applied_touched_between),
		RULE_TEST(test_live_read_after_release),
		RULE_TEST(test_applied_unprepared),
		RULE_TEST(test_applied_poisoned),
		RULE_TEST(test_applied_astray),
		RULE_TEST(test_applied_unknown),
		RULE_TEST(test_applied_plain),
		RULE_TEST(test_missed_page),
		RULE_TEST(test_missed_page_silent),
		RULE_TEST(test_missed_page_overlap),
		RULE_TEST(test_foreign_page_unowned),
		RULE_TEST(test_foreign_page_other_inode),
		RULE_TEST(test_foreign_page_outside_range),
		RULE_TEST(test_foreign_page_silent),
		RULE_TEST(test_foreign_page_hole),
		RULE_TEST(test_foreign_page_brought),
		RULE_TEST(test_foreign_page_after_loss),
		RULE_TEST(test_foreign_page_after_missed_free),
		RULE_TEST(test_freed_absent),
		RULE_TEST(test_freed_absent_unknown),
		RULE_TEST(test_freed_absent_neighbours),
		RULE_TEST(test_freed_absent_next_owner),
		RULE_TEST(test_stuck),
		RULE_TEST(test_stuck_behind_dead),
		RULE_TEST(test_stuck_names_others),
		RULE_TEST(test_stuck_silent),
		RULE_TEST(test_stuck_after_loss),
		RULE_TEST(test_not_judged),
		RULE_TEST(test_table),
		RULE_TEST(test_programs),
		RULE_TEST(test_exit_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
