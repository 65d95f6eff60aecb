// SPDX-License-Identifier: GPL-2.0
/* What keeps a rule silent, condition by condition. */
#include "guards.h"

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
	assert_true(reason_has("1 inode is of unknown kind"));
}

/* Of one whose design is not known nothing is recorded but that it was there: beside it nothing is consistent. */
static void test_strange(void **state)
{
	(void)state;
	for (int strange = 0; strange < 2; strange++) {
		struct stream_page pages[2];

		stream_free(&stream);
		stream_init(&stream);
		stream_inode(&stream, G, RFC3, 64, false);
		stream_fault(&stream, T, G, 0, 100);
		if (strange)
			stream_fact(&stream, RECORD_FACT_STRANGE, "its flags are 0x40");
		release(RFC3, pages, pages_seen(pages, 0, 1, ABSENT_BITS));
		stream_expect(&stream, strange ? VERDICT_INCONCLUSIVE : VERDICT_CONSISTENT);
		assert_int_equal(reason_has("of a design that is not known, and nothing of it was "
					    "judged: its flags are 0x40"),
				 strange);
	}
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

/* Runs that are apart are two causes; so are those of another request. */
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
	assert_int_equal(verdict_violations(stream.verdict), 4);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_MISSED_PAGE), 8);
	violation = verdict_violation(stream.verdict, 2);
	assert_int_equal(violation->pgoff_first, 0);
	assert_int_equal(violation->pgoff_last, 1);
	violation = verdict_violation(stream.verdict, 0);
	assert_int_equal(violation->pgoff_first, 0);
	assert_int_equal(violation->pgoff_last, 1);
	assert_int_equal(violation->count, 2);
	assert_int_equal(violation->pages, 2);
	assert_int_equal(violation->occurrences, 1);
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
	/* Present, where it is to be made absent. */
	if (!restore && pgoff == 5) {
		stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 5, 5, true);
		stream_zap(&stream, T, G, 5, 110, 1, true, 0);
		stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 5, 5, true);
	}
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
	/* Whole folios, beyond the range; what they make present goes. */
	foreign(RECORD_OPERATION_FALLOCATE, G, 5, 110, true, 0);
	stream_expect_one(&stream, RULE_FOREIGN_PAGE, G, 5, 5);
	foreign(RECORD_OPERATION_FALLOCATE, G, 5, 110, true, -12);
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
	/* It failed, or the page was so before: nothing was changed. */
	foreign(RECORD_OPERATION_SET_FOLIO, G, 0, 100, true, -12);
	stream_expect_unread(&stream);
	foreign(RECORD_OPERATION_SET_FOLIO, G, 0, 100, false, 0);
	stream_expect_unread(&stream);
	foreign(RECORD_OPERATION_ERROR_FOLIO, G, 0, 100, true, 0);
	stream_expect_unread(&stream);
	foreign(RECORD_OPERATION_SET_FOLIO, 0, 0, 9999, true, 0);
	expect_words("a page was made present that is of no inode that is known, which R was");
	expect_source("model", "a page of no known inode");
}

/* It is so already, and is to be otherwise: who writes it once more is part of what is wrong. */
static void test_foreign_again(void **state)
{
	(void)state;
	for (int declared = 0; declared < 2; declared++) {
		anew();
		faulted(4);
		if (declared)
			convert(0, 0, 0, 1);
		stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 2, 3, false);
		stream_zap(&stream, T, G, 0, 100, 1, false, 0);
		stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 2, 3, false);
		stream_heartbeat(&stream);
		judge();
		assert_int_equal(verdict_rule_count(stream.verdict, RULE_FOREIGN_PAGE), declared);
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUARD_TEST(test_applied_words),	      GUARD_TEST(test_declared_words),
		GUARD_TEST(test_declared_melts),      GUARD_TEST(test_freed_words),
		GUARD_TEST(test_freed_of_nobody),     GUARD_TEST(test_request_words),
		GUARD_TEST(test_unknown_provider),    GUARD_TEST(test_strange),
		GUARD_TEST(test_missed_guards),	      GUARD_TEST(test_missed_not_sure),
		GUARD_TEST(test_missed_no_inode),     GUARD_TEST(test_missed_runs),
		GUARD_TEST(test_foreign_guards),      GUARD_TEST(test_foreign_again),
		GUARD_TEST(test_foreign_other_words), GUARD_TEST(test_foreign_both_ends),
		GUARD_TEST(test_foreign_not_sure),    GUARD_TEST(test_foreign_no_inode),
		GUARD_TEST(test_stuck_company),	      GUARD_TEST(test_stuck_no_inode),
		GUARD_TEST(test_stuck_two),	      GUARD_TEST(test_stuck_unknown_vm),
		GUARD_TEST(test_stuck_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
