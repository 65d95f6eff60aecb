// SPDX-License-Identifier: GPL-2.0
/* What comes back to the direct map without the GLOBAL bit: a note where it is known to have been absent, and else nothing. */
#include <string.h>
#include "here.h"

#define LOCAL_BITS (PRESENT_BITS | DEVIATES | RECORD_PAGE_NON_GLOBAL)
#define GLOBAL_BITS (PRESENT_BITS | DEVIATES)

static void global_map(void)
{
	stream_fact(&stream, RECORD_FACT_GLOBAL, RECORD_GLOBAL_YES);
}

static void read_live(const struct stream_page *pages, size_t nr)
{
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, pages, nr);
}

/* Eight pages, of which [2, 5] were absent and are shared; as they are read, but @bits of those. */
static size_t converted(struct stream_page pages[8], __u32 bits)
{
	faulted(8);
	convert(2, 5, 99, 0);
	pages_seen(pages, 0, 2, ABSENT_BITS);
	pages_seen(pages, 2, 6, bits);
	return pages_seen(pages, 6, 8, ABSENT_BITS);
}

static void test_lost(void **state)
{
	struct stream_page pages[8];
	size_t nr;

	(void)state;
	global_map();
	nr = converted(pages, LOCAL_BITS);
	pages[4].bits = GLOBAL_BITS;
	read_live(pages, nr);
	here_at = stream.used - sizeof(struct record_snapshot);
	expect_here(RULE_NON_GLOBAL);
	assert_int_equal(here_count(RULE_NON_GLOBAL), 2);
	assert_int_equal(here_found(RULE_NON_GLOBAL)->pgoff_first, 2);
	assert_int_equal(here_found(RULE_NON_GLOBAL)->pgoff_last, 3);
	assert_int_equal(here_found(RULE_NON_GLOBAL)->events_nr, 3);
	assert_non_null(strstr(here_found(RULE_NON_GLOBAL)->words, "not global"));
	assert_int_equal(verdict_violations(stream.verdict), 0);
}

/* It is a note: nothing is violated, and nothing is open. A page that lost it twice lost it twice. */
static void test_note(void **state)
{
	struct stream_page pages[8];
	size_t nr;

	(void)state;
	global_map();
	nr = converted(pages, LOCAL_BITS);
	read_live(pages, nr);
	read_live(pages, nr);
	release(RFC3, pages, nr);
	stream_expect(&stream, VERDICT_CONSISTENT);
	expect_pages(RULE_NON_GLOBAL, 2, 5);
	assert_int_equal(here_found(RULE_NON_GLOBAL)->count, 4);
	assert_int_equal(here_found(RULE_NON_GLOBAL)->occurrences, 4);
	assert_null(not_judged(RULE_NON_GLOBAL));
}

static void test_twice(void **state)
{
	struct stream_page pages[8];
	size_t nr;

	(void)state;
	global_map();
	nr = converted(pages, LOCAL_BITS);
	read_live(pages, nr);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 3, 3, false);
	stream_zap_flush(&stream, T, G, 3, 106, 1, 106, 106);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 3, 3, false);
	convert(3, 3, 99, 0);
	release(RFC3, pages, nr);
	stream_expect(&stream, VERDICT_CONSISTENT);
	expect_pages(RULE_NON_GLOBAL, 2, 5);
	assert_int_equal(here_found(RULE_NON_GLOBAL)->occurrences, 5);
}

static void test_kept(void **state)
{
	struct stream_page pages[8];

	(void)state;
	global_map();
	release(RFC3, pages, converted(pages, GLOBAL_BITS));
	stream_expect(&stream, VERDICT_CONSISTENT);
	assert_int_equal(here_count(RULE_NON_GLOBAL), 0);
}

/* Who had the page before may have taken the bit: it is none of this inode's. */
static void test_never_absent(void **state)
{
	struct stream_page pages[8];

	(void)state;
	global_map();
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 8; i++)
		stream_join(&stream, T, G, i, 100 + 2 * i);
	stream_heartbeat(&stream);
	release(RFC3, pages,
		pages_seen(pages, 0, 8,
			   RECORD_PAGE_RESIDENT | RECORD_PAGE_PRESENT | RECORD_PAGE_NON_GLOBAL));
	assert_int_equal(verdict_violations(stream.verdict), 0);
	assert_int_equal(here_count(RULE_NON_GLOBAL), 0);
}

/* Another page has come to the place of one that was absent. */
static void test_another(void **state)
{
	struct stream_page pages[1] = {
		{ 2, 300, 1, RECORD_PAGE_RESIDENT | RECORD_PAGE_PRESENT | RECORD_PAGE_NON_GLOBAL },
	};

	(void)state;
	global_map();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 2, 104);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 2, false);
	stream_zap(&stream, T, G, 2, 104, 1, true, 0);
	stream_leave(&stream, T, 104);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 2, false);
	stream_join(&stream, T, G, 2, 300);
	stream_heartbeat(&stream);
	release(RFC3, pages, 1);
	assert_int_equal(here_count(RULE_NON_GLOBAL), 0);
}

static void test_still_absent(void **state)
{
	struct stream_page pages[8];

	(void)state;
	global_map();
	faulted(8);
	release(RFC3, pages, pages_seen(pages, 0, 8, ABSENT_BITS));
	stream_expect(&stream, VERDICT_CONSISTENT);
	assert_int_equal(here_count(RULE_NON_GLOBAL), 0);
}

/* What failed in memory was taken away and put back by others. */
static void test_poisoned(void **state)
{
	struct stream_page pages[8];

	(void)state;
	global_map();
	release(RFC3, pages, converted(pages, LOCAL_BITS | RECORD_PAGE_POISONED));
	assert_int_equal(here_count(RULE_NON_GLOBAL), 0);
	here_anew();
	global_map();
	faulted(8);
	read_live(pages, pages_seen(pages, 0, 8, ABSENT_BITS | RECORD_PAGE_POISONED));
	convert(2, 5, 99, 0);
	pages_seen(pages, 0, 8, ABSENT_BITS);
	pages_seen(pages, 2, 6, LOCAL_BITS);
	release(RFC3, pages, 8);
	assert_int_equal(here_count(RULE_NON_GLOBAL), 0);
}

/* @pages, so many, came back as they were, and were read so. */
static size_t came_back(struct stream_page *pages)
{
	size_t nr;

	global_map();
	nr = converted(pages, GLOBAL_BITS);
	read_live(pages, nr);
	return nr;
}

/* At the end the bit is gone, and nobody is told of. */
static void lost_untold(struct stream_page *pages, size_t nr)
{
	pages_seen(pages, 2, 6, LOCAL_BITS);
	release(RFC3, pages, nr);
	assert_int_equal(here_count(RULE_NON_GLOBAL), 0);
}

/* It lost the bit later: no change of the inode's did that. */
static void test_later(void **state)
{
	struct stream_page pages[8];

	(void)state;
	lost_untold(pages, came_back(pages));
}

/* An entry that leads elsewhere is another matter, and a violation. */
static void test_astray(void **state)
{
	struct stream_page pages[8];

	(void)state;
	global_map();
	release(RFC3, pages, converted(pages, LOCAL_BITS | RECORD_PAGE_ASTRAY));
	expect_pages(RULE_APPLIED_MISMATCH, 2, 5);
	assert_int_equal(here_count(RULE_NON_GLOBAL), 0);
}

/* Whether it is said as something that is missing: where nothing can be lost nothing is. */
static bool fuss_made(void)
{
	const struct verdict_not_judged *entry = NULL;

	for (size_t i = 0; (entry = verdict_not_judged(stream.verdict, i)); i++) {
		if (entry->rule->id == RULE_NON_GLOBAL)
			return !entry->unasked;
	}
	return false;
}

/* With page-table isolation, or where it is not known, or by sensors that did not look. */
static void test_map_not_global(void **state)
{
	static const struct {
		const char *fact, *reason;
		bool fuss;
	} cases[] = {
		{ RECORD_GLOBAL_NO, "the direct map: " RECORD_GLOBAL_NO, false },
		{ "it is not known", "the direct map: it is not known", true },
		{ NULL, "who recorded this did not look at that yet", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stream_page pages[8];

		here_anew();
		if (cases[i].fact)
			stream_fact(&stream, RECORD_FACT_GLOBAL, cases[i].fact);
		release(RFC3, pages, converted(pages, LOCAL_BITS));
		stream_expect(&stream, VERDICT_CONSISTENT);
		assert_int_equal(here_count(RULE_NON_GLOBAL), 0);
		assert_string_equal(not_judged(RULE_NON_GLOBAL), cases[i].reason);
		assert_int_equal(fuss_made(), cases[i].fuss);
	}
}

/* It was read absent where it was to be present, and then present: who brought it back was not seen. */
static void test_mismatch(void **state)
{
	struct stream_page pages[8];
	size_t nr;

	(void)state;
	nr = came_back(pages);
	pages_seen(pages, 2, 6, ABSENT_BITS | DEVIATES);
	read_live(pages, nr);
	read_live(pages, nr);
	lost_untold(pages, nr);
	assert_int_equal(here_count(RULE_APPLIED_MISMATCH), 1);
}

/* A stranger's page was made absent before a loss: whoever brought it back since may have taken the bit. */
static void test_stranger(void **state)
{
	struct stream_page pages[1] = { { 2, 300, 1, LOCAL_BITS } };

	(void)state;
	global_map();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_zap_flush(&stream, T, 0, 0, 300, 1, 300, 300);
	stream_heartbeat(&stream);
	stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, stream.now - 10, 1);
	heartbeats(60);
	stream_join(&stream, T, G, 2, 300);
	convert(2, 2, 296, 0);
	heartbeats(2);
	read_live(pages, 1);
	read_live(pages, 1);
	release(RFC3, pages, 1);
	assert_int_equal(here_count(RULE_NON_GLOBAL), 0);
}

/* Behind a loss nobody knows what was absent before, or who brought it back. */
static void test_gap(void **state)
{
	struct stream_page pages[8];
	size_t nr;

	(void)state;
	global_map();
	nr = converted(pages, LOCAL_BITS);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 10, 1);
	heartbeats(40);
	read_live(pages, nr);
	release(RFC3, pages, nr);
	assert_int_equal(here_count(RULE_NON_GLOBAL), 0);
	assert_int_equal(verdict_violations(stream.verdict), 0);
}

/* What is seen from then on is known: read absent, and brought back. */
static void test_read_absent(void **state)
{
	struct stream_page pages[8];

	(void)state;
	global_map();
	faulted(8);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 10, 1);
	heartbeats(40);
	pages_seen(pages, 0, 8, ABSENT_BITS);
	read_live(pages, 8);
	read_live(pages, 8);
	convert(2, 5, 99, 0);
	pages_seen(pages, 2, 6, LOCAL_BITS);
	read_live(pages, 8);
	heartbeats(3);
	release(RFC3, pages, 8);
	expect_pages(RULE_NON_GLOBAL, 2, 5);
}

/* Read absent and then present: no change was seen that could be blamed. */
static void test_unseen(void **state)
{
	struct stream_page pages[8];

	(void)state;
	global_map();
	stream_inode(&stream, G, RFC3, 64, true);
	heartbeats(40);
	pages_seen(pages, 0, 8, ABSENT_BITS);
	read_live(pages, 8);
	read_live(pages, 8);
	pages_seen(pages, 0, 8,
		   RECORD_PAGE_RESIDENT | RECORD_PAGE_PRESENT | RECORD_PAGE_NON_GLOBAL);
	release(RFC3, pages, 8);
	assert_int_equal(here_count(RULE_NON_GLOBAL), 0);
}

/* A note that a loss may have feigned is dropped, and nothing was open because of it. */
static void test_dropped(void **state)
{
	struct stream_page pages[8];
	size_t nr;

	(void)state;
	global_map();
	nr = converted(pages, LOCAL_BITS);
	read_live(pages, nr);
	stream_heartbeat(&stream);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, SECOND, 1);
	heartbeats(3);
	release(RFC3, pages, nr);
	assert_int_equal(here_count(RULE_NON_GLOBAL), 0);
	assert_false(reason_has("looked wrong"));
	assert_true(reason_has("records were lost"));
}

#define RUN 512
#define RUN_PFN (1 << 20)

static void convert_one(__u64 pgoff, bool valid)
{
	__u64 pfn = RUN_PFN + pgoff;

	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, pgoff, pgoff, valid);
	if (valid)
		stream_zap(&stream, T, G, pgoff, pfn, 1, true, 0);
	else
		stream_zap_flush(&stream, T, G, pgoff, pfn, 1, pfn, pfn);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, pgoff, pgoff, valid);
	stream_heartbeat(&stream);
}

/* A chunk of pages alike is known, and judged, as one. */
static void run_zapped(bool valid)
{
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, RUN - 1, valid);
	stream_zap(&stream, T, G, 0, RUN_PFN, RUN, valid, 0);
	if (!valid)
		stream_flush(&stream, T, RUN_PFN, RUN_PFN + RUN - 1, false);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, RUN - 1, valid);
	stream_heartbeat(&stream);
}

static void run_read(__u32 bits)
{
	const struct stream_page run = { 0, RUN_PFN, RUN, bits };

	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, RUN, &run, 1);
	stream_heartbeat(&stream);
}

static void run_here(void)
{
	struct record_owner record = {
		.header = { .kind = RECORD_JOIN, .size = sizeof(record), .tid = T, .inode = G },
		.page = RUN_PFN,
		.nr = RUN,
	};

	here_anew();
	global_map();
	stream_inode(&stream, G, RFC3, RUN, false);
	record.header.time = ++stream.now;
	stream_add(&stream, &record.header);
	record.prepared = true;
	record.header.time = ++stream.now;
	stream_add(&stream, &record.header);
	stream_heartbeat(&stream);
}

static void run_expect(__u64 occurrences)
{
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_int_equal(here_count(RULE_NON_GLOBAL), occurrences != 0);
	if (!occurrences)
		return;
	expect_pages(RULE_NON_GLOBAL, 0, RUN - 1);
	assert_int_equal(here_found(RULE_NON_GLOBAL)->occurrences, occurrences);
}

static void test_run(void **state)
{
	(void)state;
	run_here();
	run_zapped(false);
	run_zapped(true);
	run_read(LOCAL_BITS);
	run_read(LOCAL_BITS);
	run_expect(1);
	run_here();
	run_zapped(false);
	run_read(ABSENT_BITS);
	run_zapped(true);
	run_read(LOCAL_BITS);
	run_zapped(false);
	run_zapped(true);
	run_read(LOCAL_BITS);
	run_expect(2);
	run_here();
	run_zapped(false);
	run_zapped(true);
	run_read(GLOBAL_BITS);
	run_read(LOCAL_BITS);
	run_expect(0);
	run_here();
	run_zapped(true);
	run_read(LOCAL_BITS);
	run_expect(0);
}

/* The pages get a place each between their way out and their way back. */
static void test_run_spread(void **state)
{
	(void)state;
	run_here();
	run_zapped(false);
	convert_one(3, true);
	convert_one(3, false);
	run_zapped(true);
	run_read(LOCAL_BITS);
	run_expect(1);
}

static void test_run_gap(void **state)
{
	(void)state;
	run_here();
	run_zapped(false);
	run_zapped(true);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 10, 1);
	heartbeats(40);
	run_read(LOCAL_BITS);
	run_read(LOCAL_BITS);
	run_expect(0);
	run_here();
	run_zapped(false);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 10, 1);
	heartbeats(40);
	run_read(ABSENT_BITS);
	run_read(ABSENT_BITS);
	run_zapped(true);
	run_read(LOCAL_BITS);
	run_expect(1);
}

/* Made absent and flushed by who is in no request, in one record. */
static void test_apart(void **state)
{
	struct stream_page pages[8];

	(void)state;
	global_map();
	faulted(8);
	convert(0, 7, 99, 0);
	read_live(pages, pages_seen(pages, 0, 8, GLOBAL_BITS));
	stream_zap_flush(&stream, T, G, 2, 104, 1, 104, 104);
	convert(2, 2, 99, 0);
	pages_seen(pages, 0, 8, LOCAL_BITS);
	release(RFC3, pages, 8);
	assert_int_equal(here_count(RULE_NON_GLOBAL), 1);
	assert_int_equal(here_found(RULE_NON_GLOBAL)->pgoff_first, 2);
}

static void tell(void *context, const struct model_read *read)
{
	__u64 *told = context;

	*told += read->non_global ? read->nr : 0;
}

/* Who wants to be told of every page is told the same of each: one of a chunk, behind others and before others. */
static void test_told(void **state)
{
	const struct stream_page run = { 0, RUN_PFN, RUN, LOCAL_BITS };
	struct model *model = model_create(NULL);
	__u64 told = 0;
	const struct model_observer observer = { .context = &told, .page_read = tell };

	(void)state;
	run_here();
	run_zapped(false);
	run_zapped(true);
	run_read(LOCAL_BITS);
	convert_one(3, false);
	convert_one(3, true);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, RUN, &run, 1);
	stream_finish(&stream);
	assert_int_equal(model_observe(model, &observer), 0);
	stream_feed(&stream, model);
	assert_int_equal(model_finish(model), 0);
	model_free(model);
	assert_int_equal(told, RUN + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_run),	      RULE_TEST(test_run_spread),
		RULE_TEST(test_run_gap),      RULE_TEST(test_apart),
		RULE_TEST(test_told),	      RULE_TEST(test_lost),
		RULE_TEST(test_note),	      RULE_TEST(test_twice),
		RULE_TEST(test_kept),	      RULE_TEST(test_later),
		RULE_TEST(test_another),      RULE_TEST(test_never_absent),
		RULE_TEST(test_still_absent), RULE_TEST(test_poisoned),
		RULE_TEST(test_astray),	      RULE_TEST(test_map_not_global),
		RULE_TEST(test_gap),	      RULE_TEST(test_read_absent),
		RULE_TEST(test_unseen),	      RULE_TEST(test_dropped),
		RULE_TEST(test_mismatch),     RULE_TEST(test_stranger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
