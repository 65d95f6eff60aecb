// SPDX-License-Identifier: GPL-2.0
/* What keeps a rule silent, condition by condition; and what may still take an accusation back. */
#include <stdio.h>
#include <string.h>
#include "scene.h"

static struct verdict_options options;

static int guard_setup(void **state)
{
	memset(&options, 0, sizeof(options));
	return setup(state);
}

static void anew(void)
{
	stream_free(&stream);
	stream_init(&stream);
}

static void judge(void)
{
	stream_finish(&stream);
	stream_judge_with(&stream, NULL, &options);
}

static void expect_words(const char *words)
{
	const struct verdict_violation *violation = verdict_violation(stream.verdict, 0);

	assert_non_null(violation);
	if (!strstr(violation->words, words))
		fail_msg("'%s' is not in: %s", words, violation->words);
}

static void expect_source(const char *name, const char *says)
{
	const struct verdict_violation *violation = verdict_violation(stream.verdict, 0);

	assert_non_null(violation);
	for (size_t i = 0; i < violation->sources_nr; i++) {
		if (!strcmp(violation->sources[i].name, name)) {
			assert_string_equal(violation->sources[i].says, says);
			return;
		}
	}
	fail_msg("no source %s", name);
}

/* Page 5 faulted in, and nobody flushes. */
static void unflushed(__u64 inode, __u64 pgoff, __u64 pfn)
{
	stream_join(&stream, T, inode, pgoff, pfn);
	stream_begin(&stream, T, inode, RECORD_OPERATION_CONFIGURE, pgoff, pgoff, false);
	stream_zap(&stream, T, inode, pgoff, pfn, 1, false, 0);
	stream_end(&stream, T, inode, RECORD_OPERATION_CONFIGURE, pgoff, pgoff, false);
}

/* --- words: what is said follows what was found ------------------------------ */

static void read_twice(enum record_provider provider, bool default_state, __u64 pfn, __u32 bits)
{
	struct stream_page seen = { 0, pfn, 1, bits };

	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, provider, default_state, RECORD_SNAPSHOT_LIVE, pass, 0, 64,
			    &seen, 1);
	judge();
}

static void test_applied_words(void **state)
{
	(void)state;
	stream_inode(&stream, G, SECRET, 64, false);
	read_twice(SECRET, false, 100, PRESENT_BITS);
	expect_words("every page of a memfd_secret must be absent. However, its page-table entry, "
		     "read twice with nothing touching the page in between, is present");
	anew();
	stream_inode(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, 64, false);
	read_twice(RECORD_PROVIDER_GMEM_PLAIN, true, 100, ABSENT_BITS);
	expect_words("without a direct-map flag keeps its pages present. However");
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	read_twice(RFC3, false, 100, RECORD_PAGE_RESIDENT);
	expect_words("it is not prepared yet, so it must be present");
	expect_source("model", "declared absent");
	expect_source("xarray", "absent (no entry: the default)");
	expect_source("page table", "absent");
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	read_twice(RFC3, false, 100, PRESENT_BITS);
	expect_words("its declared state is absent");
}

/* Page 0 is resident and wrongly has an entry; @bits: what the page table says. */
static void declared(__u32 bits)
{
	faulted(1);
	read_twice(RFC3, false, 100, bits);
}

static void test_declared_words(void **state)
{
	(void)state;
	declared(ABSENT_BITS | DEVIATES);
	expect_words("says present, while the page tables agree with the requests. So");
	assert_int_equal(verdict_violations(stream.verdict), 1);
	expect_source("xarray", "present (deviates from the default)");
	anew();
	declared(PRESENT_BITS | DEVIATES);
	expect_words("says present, and the page tables agree with the xarray. So");
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	read_twice(RFC3, false, 0, DEVIATES);
	expect_words("says present. So");
	expect_source("page table", "not resident");
	anew();
	/* Asked for present, and the xarray says absent. */
	stream_inode(&stream, G, RFC3, 64, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 0, 0, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 0, 0, true);
	read_twice(RFC3, false, 0, 0);
	expect_source("model", "declared present");
}

/* Neighbours whose frames are apart are read as two runs, and are one cause. */
static void test_declared_melts(void **state)
{
	struct stream_page pages[4];

	(void)state;
	faulted(4);
	pages_seen(pages, 0, 4, ABSENT_BITS | DEVIATES);
	release(RFC3, pages, 4);
	assert_int_equal(stream_expect_one(&stream, RULE_DECLARED_MISMATCH, G, 0, 3)->count, 4);
}

static void test_freed_words(void **state)
{
	(void)state;
	faulted(4);
	stream_page_free(&stream, T, 104, true);
	judge();
	stream_expect_one(&stream, RULE_FREED_ABSENT, G, 2, 2);
	expect_source("model", "still in its inode");
	expect_words("The page that was page 0x2 of g3 returned");
	anew();
	faulted(4);
	stream_leave(&stream, T, 104);
	stream_page_free(&stream, T, 104, true);
	judge();
	expect_source("model", "left its inode and was not restored");
}

/* Zapped by whomever, of no inode that is known: freed like that it is wrong all the same. */
static void test_freed_of_nobody(void **state)
{
	const struct verdict_violation *violation;

	(void)state;
	faulted(1);
	stream_zap(&stream, T, 0, 0, 7777, 1, false, 0);
	stream_page_free(&stream, T, 7777, true);
	judge();
	violation = verdict_violation(stream.verdict, 0);
	assert_non_null(violation);
	assert_int_equal(violation->rule->id, RULE_FREED_ABSENT);
	assert_null(violation->inode);
	assert_false(violation->pgoff_known);
	assert_int_equal(violation->pages, 1);
	expect_source("model", "zapped and never restored");
	expect_words("A page of no known inode, zapped");
}

static void request_words_are(enum record_operation operation, bool present, const char *words)
{
	struct model_options model = { .stuck_ns = SECOND };

	anew();
	faulted(1);
	stream_begin(&stream, T, G, operation, 0, 3, present);
	stream.now += 2 * SECOND;
	stream_finish(&stream);
	stream_judge(&stream, &model);
	stream_expect_one(&stream, RULE_STUCK, G, 0, 3);
	expect_words(words);
}

static void test_request_words(void **state)
{
	(void)state;
	request_words_are(RECORD_OPERATION_SET_RANGE, true,
			  "Let R be set_range g3:0x0-0x3 to present (");
	request_words_are(RECORD_OPERATION_SET_FOLIO, false,
			  "Let R be set_folio g3:0x0-0x3 to absent (");
	request_words_are(RECORD_OPERATION_FALLOCATE, true, "Let R be fallocate g3:0x0-0x3 (");
}

/* --- unknown kinds of inodes --------------------------------------------------- */

/* Whatever happens to them, nobody is accused. */
static void test_unknown_provider(void **state)
{
	const enum record_provider unknown = RECORD_PROVIDER_UNKNOWN;
	struct model_options model = { .stuck_ns = SECOND };
	struct stream_page seen = { 5, 110, 1, PRESENT_BITS };

	(void)state;
	stream_inode(&stream, G, unknown, 64, false);
	unflushed(G, 5, 110);
	/* Another inode's page within a request on it, and one of nobody's. */
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_fault(&stream, T, 9, 17, 500);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, true);
	stream_zap(&stream, T, 0, 0, 500, 1, true, 0);
	stream_zap(&stream, T, 0, 0, 7000, 1, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, true);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, unknown, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, &seen,
			    1);
	stream_page_free(&stream, T, 110, true);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 5, 5, true);
	stream.now += 2 * SECOND;
	stream_finish(&stream);
	stream_judge(&stream, &model);
	stream_expect_unread(&stream);
	assert_true(reason_has("1 inodes are of unknown kind"));
}

/* --- missed-page ---------------------------------------------------------------- */

struct missed {
	enum record_provider provider;
	bool unprepared, failed, changed_within, result, other_operation, poisoned;
};

static void missed(const struct missed *missed)
{
	enum record_operation operation =
		missed->other_operation ? RECORD_OPERATION_FALLOCATE : RECORD_OPERATION_SET_RANGE;

	anew();
	stream_inode(&stream, G, missed->provider, 64, false);
	stream_join(&stream, T, G, 2, 104);
	if (!missed->unprepared) {
		stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 2, 2, false);
		stream_zap_flush(&stream, T, G, 2, 104, 1, 104, 104);
		stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, 2, 2, false);
	}
	if (missed->failed)
		stream_zap(&stream, T, G, 2, 104, 1, true, -12);
	if (missed->poisoned) {
		stream_begin(&stream, T, G, RECORD_OPERATION_ERROR_FOLIO, 2, 2, false);
		stream_end(&stream, T, G, RECORD_OPERATION_ERROR_FOLIO, 2, 2, false);
	}
	stream_heartbeat(&stream);
	stream_begin(&stream, T, G, operation, 0, 3, !missed->unprepared);
	if (missed->changed_within) {
		stream_begin(&stream, T + 1, G, RECORD_OPERATION_FALLOCATE, 2, 2, false);
		stream_zap(&stream, T + 1, G, 2, 104, 1, true, 0);
		stream_zap_flush(&stream, T + 1, G, 2, 104, 1, 104, 104);
		stream_end(&stream, T + 1, G, RECORD_OPERATION_FALLOCATE, 2, 2, false);
	}
	stream_request(&stream, RECORD_REQUEST_END, T, G, operation, 0, 3, !missed->unprepared,
		       missed->result ? -12 : 0);
	judge();
}

static void test_missed_guards(void **state)
{
	static const struct missed silent[] = {
		{ .provider = RFC3, .unprepared = true },
		{ .provider = RFC3, .failed = true },
		{ .provider = RFC3, .changed_within = true },
		{ .provider = RFC3, .result = true },
		{ .provider = RFC3, .other_operation = true },
		{ .provider = RFC3, .poisoned = true },
		{ .provider = SECRET },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
		missed(&silent[i]);
		stream_expect_unread(&stream);
	}
	missed(&(struct missed){ .provider = RFC3 });
	stream_expect_one(&stream, RULE_MISSED_PAGE, G, 2, 2);
}

/* Where residency is only being learned, a page may have come as it is. */
static void test_missed_not_sure(void **state)
{
	struct stream_page seen = { 2, 104, 1, ABSENT_BITS };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, true);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, &seen, 1);
	stream.now += 3 * SECOND;
	stream_heartbeat(&stream);
	convert(0, 3, 0, 4);
	judge();
	assert_int_equal(verdict_violations(stream.verdict), 0);
}

/* A request whose inode is not known says nothing of anybody's pages. */
static void test_missed_no_inode(void **state)
{
	(void)state;
	faulted(4);
	stream_begin(&stream, T, 0, RECORD_OPERATION_SET_RANGE, 0, 3, true);
	stream_end(&stream, T, 0, RECORD_OPERATION_SET_RANGE, 0, 3, true);
	judge();
	stream_expect_unread(&stream);
}

/* Runs that are apart are two causes; once more is the same one, with a count. */
static void test_missed_runs(void **state)
{
	const struct verdict_violation *violation;

	(void)state;
	faulted(8);
	for (int i = 0; i < 2; i++) {
		stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 5, true);
		stream_zap(&stream, T, G, 2, 104, 1, true, 0);
		stream_zap(&stream, T, G, 5, 110, 1, true, 0);
		stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 5, true);
		stream_heartbeat(&stream);
	}
	judge();
	assert_int_equal(verdict_violations(stream.verdict), 2);
	violation = verdict_violation(stream.verdict, 0);
	assert_int_equal(violation->pgoff_first, 0);
	assert_int_equal(violation->pgoff_last, 1);
	assert_int_equal(violation->count, 4);
	assert_int_equal(violation->pages, 2);
	assert_int_equal(violation->occurrences, 2);
	expect_source("model", "resident, prepared and absent throughout");
	violation = verdict_violation(stream.verdict, 1);
	assert_int_equal(violation->pgoff_first, 3);
	assert_int_equal(violation->pgoff_last, 4);
}

/* --- foreign-page --------------------------------------------------------------- */

/* Inside an @operation on pages 2 and 3 another page is changed. */
static void foreign(enum record_operation operation, __u64 inode, __u64 pgoff, __u64 pfn,
		    bool restore, __s32 result)
{
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_fault(&stream, T, G, 5, 110);
	stream_heartbeat(&stream);
	stream_begin(&stream, T, G, operation, 2, 3, true);
	stream_zap(&stream, T, inode, pgoff, pfn, 1, restore, result);
	if (!restore && !result)
		stream_flush(&stream, T, 0, 0, true);
	stream_request(&stream, RECORD_REQUEST_END, T, G, operation, 2, 3, true, result);
	judge();
}

static void test_foreign_guards(void **state)
{
	(void)state;
	/* Whole folios, beyond the range. */
	foreign(RECORD_OPERATION_FALLOCATE, G, 5, 110, true, 0);
	stream_expect_unread(&stream);
	foreign(RECORD_OPERATION_FALLOCATE, G, 5, 110, false, 0);
	stream_expect_unread(&stream);
	foreign(RECORD_OPERATION_RELEASE, G, 5, 110, true, 0);
	stream_expect_unread(&stream);
	/* A release has nothing to make absent. */
	foreign(RECORD_OPERATION_RELEASE, G, 5, 110, false, 0);
	stream_expect_one(&stream, RULE_FOREIGN_PAGE, G, 5, 5);
	foreign(RECORD_OPERATION_SET_FOLIO, G, 0, 100, true, 0);
	stream_expect_one(&stream, RULE_FOREIGN_PAGE, G, 0, 0);
	expect_words("a page was made present that is outside R's range, which R was");
	expect_source("model", "page 0x0 of g3, absent before, present after");
	/* It failed: nothing was changed. */
	foreign(RECORD_OPERATION_SET_FOLIO, G, 0, 100, true, -12);
	stream_expect_unread(&stream);
	foreign(RECORD_OPERATION_ERROR_FOLIO, G, 0, 100, true, 0);
	stream_expect_unread(&stream);
	foreign(RECORD_OPERATION_SET_FOLIO, 0, 0, 9999, true, 0);
	expect_words("a page was made present that is of no inode that is known, which R was");
	expect_source("model", "a page of no known inode");
}

static void test_foreign_other_words(void **state)
{
	(void)state;
	faulted(4);
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_fault(&stream, T, 9, 17, 500);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, true);
	stream_zap(&stream, T, 0, 0, 500, 1, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, true);
	judge();
	for (size_t i = 0; i < verdict_violations(stream.verdict); i++) {
		if (verdict_violation(stream.verdict, i)->rule->id == RULE_FOREIGN_PAGE) {
			assert_non_null(strstr(verdict_violation(stream.verdict, i)->words,
					       "that is another inode's, g9, which R was"));
			return;
		}
	}
	fail_msg("no foreign-page");
}

/* A run that begins before the range and ends behind it: both ends, and not the middle. */
static void test_foreign_both_ends(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 6; i++)
		stream_fault(&stream, T, G, i, 200 + i);
	stream_heartbeat(&stream);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 2, 3, true);
	stream_zap(&stream, T, G, 0, 200, 6, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 2, 3, true);
	judge();
	assert_int_equal(verdict_violations(stream.verdict), 2);
	assert_int_equal(verdict_violation(stream.verdict, 0)->pgoff_first, 0);
	assert_int_equal(verdict_violation(stream.verdict, 0)->pgoff_last, 1);
	assert_int_equal(verdict_violation(stream.verdict, 1)->pgoff_first, 4);
	assert_int_equal(verdict_violation(stream.verdict, 1)->pgoff_last, 5);
}

/* Whose the page is was never sure: it was met with its inode's history unknown. */
static void test_foreign_not_sure(void **state)
{
	(void)state;
	faulted(4);
	stream_inode(&stream, 9, RFC3, 64, true);
	stream_read(&stream, 9, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64,
		    &(struct stream_page){ 0, 900, 1, ABSENT_BITS }, 1);
	stream.now += 5 * SECOND;
	stream_heartbeat(&stream);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 0, 0, true);
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	stream_zap(&stream, T, 0, 0, 900, 1, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 0, 0, true);
	judge();
	assert_int_equal(verdict_violations(stream.verdict), 0);
}

static void test_foreign_no_inode(void **state)
{
	(void)state;
	faulted(4);
	stream_begin(&stream, T, 0, RECORD_OPERATION_SET_RANGE, 2, 3, true);
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	stream_end(&stream, T, 0, RECORD_OPERATION_SET_RANGE, 2, 3, true);
	judge();
	stream_expect_unread(&stream);
}

/* --- stuck ----------------------------------------------------------------------- */

static void test_stuck_company(void **state)
{
	struct model_options model = { .stuck_ns = SECOND };
	const struct verdict_violation *violation;

	(void)state;
	faulted(1);
	/* One of the same VM, one of another, whose VM is not known. */
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_inode_of(&stream, 10, RFC3, 64, 200);
	stream_inode_of(&stream, 11, RFC3, 64, 0);
	stream_begin(&stream, T, G, RECORD_OPERATION_RELEASE, 5, 5, true);
	stream.now += 600 * MS;
	stream_begin(&stream, T + 1, 9, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	stream_begin(&stream, T + 2, 10, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	stream_begin(&stream, T + 3, 11, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	stream_begin(&stream, T + 4, 0, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	stream.now += 600 * MS;
	stream_heartbeat(&stream);
	stream_fact(&stream, "stuck.7.wait", "runs");
	heartbeats(5);
	stream_judge(&stream, &model);
	violation = verdict_violation(stream.verdict, 0);
	assert_non_null(violation);
	assert_non_null(strstr(violation->words, "Open at the same time: fallocate g9:"));
	assert_null(strstr(violation->words, "g10"));
	assert_null(strstr(violation->words, "g11"));
	assert_null(strstr(violation->words, "(task 11"));
	/* It is not its own company, and who runs waits for nobody. */
	assert_ptr_equal(strstr(violation->words, "release g3"),
			 violation->words + strlen("Let R be "));
	assert_null(strstr(violation->words, "Open at the same time: release"));
	assert_non_null(strstr(violation->words, "Its task 7 runs."));
	assert_null(strstr(violation->words, "R waits"));
}

/* Requests of nobody's inode that are open have nothing in common. */
static void test_stuck_no_inode(void **state)
{
	struct model_options model = { .stuck_ns = SECOND };

	(void)state;
	faulted(1);
	stream_begin(&stream, T, 0, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	stream_begin(&stream, T + 1, G, RECORD_OPERATION_FALLOCATE, 1, 1, true);
	stream.now += 2 * SECOND;
	stream_finish(&stream);
	stream_judge(&stream, &model);
	assert_int_equal(verdict_violations(stream.verdict), 2);
	for (size_t i = 0; i < 2; i++)
		assert_null(strstr(verdict_violation(stream.verdict, i)->words, "same time"));
}

/* Two in one inode: what /proc says of the one is not said of the other. */
static void test_stuck_two(void **state)
{
	struct model_options model = { .stuck_ns = SECOND };

	(void)state;
	faulted(1);
	stream_begin(&stream, T + 1, G, RECORD_OPERATION_FALLOCATE, 1, 1, true);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 2, true);
	stream.now += 1500 * MS;
	stream_heartbeat(&stream);
	stream_fact(&stream, "stuck.7.wait", "sleeps in seven");
	stream_fact(&stream, "stuck.8.wait", "sleeps in eight");
	heartbeats(5);
	stream_judge(&stream, &model);
	assert_int_equal(verdict_violations(stream.verdict), 2);
	assert_non_null(
		strstr(verdict_violation(stream.verdict, 0)->words, "task 8 sleeps in eight"));
	assert_non_null(
		strstr(verdict_violation(stream.verdict, 1)->words, "task 7 sleeps in seven"));
}

/* That two inodes' VMs are not known does not make them one. */
static void test_stuck_unknown_vm(void **state)
{
	struct model_options model = { .stuck_ns = SECOND };
	const struct verdict_violation *violation;

	(void)state;
	stream_inode_of(&stream, G, RFC3, 64, 0);
	stream_inode_of(&stream, 9, RFC3, 64, 0);
	stream_begin(&stream, T, G, RECORD_OPERATION_RELEASE, 5, 5, true);
	stream.now += 600 * MS;
	stream_begin(&stream, T + 1, G, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	stream_begin(&stream, T + 2, 9, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	stream.now += 600 * MS;
	stream_heartbeat(&stream);
	heartbeats(5);
	stream_judge(&stream, &model);
	violation = verdict_violation(stream.verdict, 0);
	assert_non_null(violation);
	assert_non_null(strstr(violation->words, "Open at the same time: fallocate g3:0x0"));
	assert_null(strstr(violation->words, "g9"));
}

/* Begun in the same nanosecond, on two inodes. */
static void test_stuck_at_once(void **state)
{
	struct model_options model = { .stuck_ns = SECOND };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_begin(&stream, T + 1, 9, RECORD_OPERATION_FALLOCATE, 1, 1, true);
	stream.now -= 1000;
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 2, true);
	stream.now += 1500 * MS;
	stream_heartbeat(&stream);
	stream_fact(&stream, "stuck.7.wait", "sleeps in seven");
	stream_fact(&stream, "stuck.8.wait", "sleeps in eight");
	heartbeats(5);
	stream_judge(&stream, &model);
	assert_int_equal(verdict_violations(stream.verdict), 2);
	for (size_t i = 0; i < 2; i++) {
		const struct verdict_violation *violation = verdict_violation(stream.verdict, i);

		assert_non_null(strstr(violation->words, violation->inode->number == G
								 ? "task 7 sleeps in seven"
								 : "task 8 sleeps in eight"));
	}
}

/* --- what is listed --------------------------------------------------------------- */

/* Beyond the limit causes are counted and not told of; a melted one takes no place. */
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
	assert_int_equal(verdict_unlisted(stream.verdict), 2);
	assert_int_equal(verdict_violation(stream.verdict, 0)->count, 2);
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
	assert_true(reason_has("1 pages looked wrong"));
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
	assert_true(reason_has("1 pages looked wrong, but it could not be proven"));
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
	assert_true(reason_has("1 inodes are older than the sensors and were never read"));
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
	assert_true(reason_has("1 inodes are older than the sensors"));
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
	assert_true(reason_has("1 requests were seen only in part"));
	anew();
	faulted(1);
	stream.now += 5 * SECOND;
	stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, stream.now - 1000, 1);
	judge();
	assert_false(reason_has("seen only in part"));
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
	assert_true(reason_has("1 pages looked wrong"));
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

#define GUARD_TEST(name) cmocka_unit_test_setup_teardown(name, guard_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUARD_TEST(test_applied_words),
		GUARD_TEST(test_declared_words),
		GUARD_TEST(test_declared_melts),
		GUARD_TEST(test_freed_words),
		GUARD_TEST(test_freed_of_nobody),
		GUARD_TEST(test_request_words),
		GUARD_TEST(test_unknown_provider),
		GUARD_TEST(test_missed_guards),
		GUARD_TEST(test_missed_not_sure),
		GUARD_TEST(test_missed_no_inode),
		GUARD_TEST(test_missed_runs),
		GUARD_TEST(test_foreign_guards),
		GUARD_TEST(test_foreign_other_words),
		GUARD_TEST(test_foreign_both_ends),
		GUARD_TEST(test_foreign_not_sure),
		GUARD_TEST(test_foreign_no_inode),
		GUARD_TEST(test_stuck_company),
		GUARD_TEST(test_stuck_no_inode),
		GUARD_TEST(test_stuck_two),
		GUARD_TEST(test_limit),
		GUARD_TEST(test_limit_stuck),
		GUARD_TEST(test_limit_inodes),
		GUARD_TEST(test_unlisted_is_violated),
		GUARD_TEST(test_sorted),
		GUARD_TEST(test_loss_behind),
		GUARD_TEST(test_loss_behind_immune),
		GUARD_TEST(test_loss_behind_read),
		GUARD_TEST(test_loss_behind_anyone),
		GUARD_TEST(test_loss_behind_no_inode),
		GUARD_TEST(test_unread_inodes),
		GUARD_TEST(test_not_judged_throughout),
		GUARD_TEST(test_page_free_off),
		GUARD_TEST(test_unproven_immune),
		GUARD_TEST(test_facts_of_others),
		GUARD_TEST(test_no_end),
		GUARD_TEST(test_many_reasons),
		GUARD_TEST(test_seen_in_part),
		GUARD_TEST(test_cut_behind),
		GUARD_TEST(test_value_now),
		GUARD_TEST(test_stuck_unknown_vm),
		GUARD_TEST(test_stuck_at_once),
		GUARD_TEST(test_pending),
		GUARD_TEST(test_pending_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
