// SPDX-License-Identifier: GPL-2.0
/* The table of providers, and what follows from the entry of the one with a bit in each folio. */
#include <stdio.h>

#include "scene.h"
#include "providers/provider.h"

#define FOLIO_BIT RECORD_PROVIDER_FOLIO_BIT

static void test_table(void **state)
{
	const struct provider *provider = NULL, *other;
	__u32 judged = 0, absent = 0;

	(void)state;
	assert_ptr_equal(provider_next(NULL), provider_of(RECORD_PROVIDER_UNKNOWN));
	while ((provider = provider_next(provider))) {
		__u32 bit = 1U << (provider - provider_table);

		judged |= provider->traits & PROVIDER_JUDGED ? bit : 0;
		absent |= provider->traits & PROVIDER_PROMISES_ABSENCE ? bit : 0;
		/* What is judged has a place that says what it should be, and a name to be told by. */
		assert_int_equal(!(provider->traits & PROVIDER_JUDGED),
				 provider->declared == PROVIDER_DECLARED_NOWHERE);
		assert_int_equal(provider->declared == PROVIDER_DECLARED_BY_KIND,
				 provider->legal != MODEL_EITHER);
		assert_int_equal(!(provider->traits & PROVIDER_STAYS_PRESENT),
				 provider->legal != MODEL_PRESENT);
		/* Its words speak of no inode; they have one by another name. */
		assert_int_equal(!(provider->traits & PROVIDER_RESETS), !!provider->letter);
		for (other = provider_next(provider); other; other = provider_next(other))
			assert_string_not_equal(provider->name, other->name);
	}
	assert_int_equal(judged, PROVIDERS_JUDGED);
	assert_int_equal(absent, PROVIDERS_PROMISE_ABSENCE);
	assert_int_equal(judged & 1U << RECORD_PROVIDER_UNKNOWN, 0);
}

static void test_numbers_of_others(void **state)
{
	(void)state;
	assert_string_equal(provider_of(RECORD_PROVIDER_FOLIO_BIT)->name, "folio-bit");
	assert_string_equal(provider_of(PROVIDER_NUMBERS - 1)->name, "unknown");
	assert_string_equal(provider_of(~0U)->name, "unknown");
	assert_false(provider_has(~0U, PROVIDER_JUDGED));
}

/* Page @pgoff is prepared, then taken out, and flushed or not. */
static void leaves(__u64 pgoff, bool flushed)
{
	__u64 pfn = 100 + 2 * pgoff;

	stream_begin(&stream, T, G, RECORD_OPERATION_FOLIO_ZAP, pgoff, pgoff, false);
	if (flushed)
		stream_zap_flush(&stream, T, G, pgoff, pfn, 1, pfn, pfn);
	else
		stream_zap(&stream, T, G, pgoff, pfn, 1, false, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_FOLIO_ZAP, pgoff, pgoff, false);
}

static void folio_bit_inode(__u64 pages)
{
	stream_inode(&stream, G, FOLIO_BIT, 64, false);
	for (__u64 i = 0; i < pages; i++)
		leaves(i, true);
	stream_heartbeat(&stream);
}

static void folio_bit_release(const struct stream_page *pages, size_t nr)
{
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, FOLIO_BIT, true, RECORD_SNAPSHOT_RELEASE, pass, 0, 64,
			    pages, nr);
}

static void folio_bit_judge(void)
{
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

/* Out with its bit; present without, as what nobody has touched or what was filled beforehand is. */
static void test_folio_bit(void **state)
{
	struct stream_page pages[6];

	(void)state;
	folio_bit_inode(4);
	pages_seen(pages, 0, 4, ABSENT_BITS | DEVIATES);
	pages_seen(pages, 4, 5, PRESENT_BITS);
	pages_seen(pages, 5, 6, RECORD_PAGE_RESIDENT | RECORD_PAGE_PRESENT);
	folio_bit_release(pages, 6);
	folio_bit_judge();
	stream_expect(&stream, VERDICT_CONSISTENT);
}

/* v10: the bit stays although the change has failed. */
static void test_folio_bit_present(void **state)
{
	struct stream_page pages[4];
	const struct verdict_violation *violation;

	(void)state;
	folio_bit_inode(4);
	pages_seen(pages, 0, 4, ABSENT_BITS | DEVIATES);
	pages[2].bits = PRESENT_BITS | DEVIATES;
	folio_bit_release(pages, 4);
	folio_bit_judge();
	violation = stream_expect_one(&stream, RULE_APPLIED_MISMATCH, G, 2, 2);
	assert_non_null(strstr(violation->words, "its folio's bit is set"));
	assert_string_equal(violation->sources[1].name, "folio");
}

/* v7: it is taken out, and its bit is never set. */
static void test_folio_clear_absent(void **state)
{
	struct stream_page pages[4];

	(void)state;
	folio_bit_inode(4);
	pages_seen(pages, 0, 4, ABSENT_BITS);
	folio_bit_release(pages, 4);
	folio_bit_judge();
	assert_int_equal(stream_expect_one(&stream, RULE_APPLIED_MISMATCH, G, 0, 3)->count, 4);
}

/* The bits change with every fault: what one read has said declares nothing for the next. */
static void test_folio_bit_changes(void **state)
{
	struct stream_page pages[4];

	(void)state;
	folio_bit_inode(2);
	pages_seen(pages, 0, 2, ABSENT_BITS | DEVIATES);
	pages_seen(pages, 2, 4, PRESENT_BITS);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, FOLIO_BIT, true, RECORD_SNAPSHOT_LIVE, pass, 0, 64, pages,
			    4);
	stream_heartbeat(&stream);
	leaves(2, true);
	leaves(3, true);
	pages_seen(pages, 0, 4, ABSENT_BITS | DEVIATES);
	folio_bit_release(pages, 4);
	folio_bit_judge();
	stream_expect(&stream, VERDICT_CONSISTENT);
}

static void freed(__u64 pgoff, __u32 bits)
{
	struct record_owner leave = {
		.header = { .kind = RECORD_LEAVE, .size = sizeof(leave), .tid = T, .tgid = T },
		.page = 100 + 2 * pgoff,
		.pgoff = pgoff,
		.nr = 1,
		.prepared = bits,
	};

	stream_zap(&stream, T, 0, 0, 100 + 2 * pgoff, 1, true, 0);
	leave.header.time = stream.now;
	stream_add(&stream, &leave.header);
}

/* v8: restored, and its bit stays. The others' are cleared. */
static void test_folio_bit_left(void **state)
{
	struct stream_page pages[4];

	(void)state;
	folio_bit_inode(4);
	pages_seen(pages, 0, 4, ABSENT_BITS | DEVIATES);
	folio_bit_release(pages, 4);
	for (__u64 i = 0; i < 4; i++)
		freed(i, RECORD_OWNER_PREPARED | (i == 1 ? RECORD_OWNER_DEVIATES : 0));
	heartbeats(3);
	folio_bit_judge();
	stream_expect_one(&stream, RULE_DECLARED_MISMATCH, G, 1, 1);
}

static void test_folio_bit_unflushed(void **state)
{
	struct stream_page pages[4];

	(void)state;
	folio_bit_inode(3);
	leaves(3, false);
	pages_seen(pages, 0, 4, ABSENT_BITS | DEVIATES);
	folio_bit_release(pages, 4);
	folio_bit_judge();
	stream_expect_one(&stream, RULE_NEVER_FLUSHED, G, 3, 3);
}

/* What the host chose to leave out is told of as that, and a violation until it is allowed. */
static void test_unflushed_policy(void **state)
{
	struct verdict_options options = { .allow[RULE_NEVER_FLUSHED] = "policy" };
	const struct verdict_violation *violation;
	struct stream_page pages[1];

	(void)state;
	stream_fact(&stream, "kernel.policy.guest_memfd_tlb_flush", "kvm.guest_memfd_tlb_flush=N");
	stream_inode(&stream, G, FOLIO_BIT, 64, false);
	leaves(0, false);
	pages_seen(pages, 0, 1, ABSENT_BITS | DEVIATES);
	folio_bit_release(pages, 1);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	violation = stream_expect_one(&stream, RULE_NEVER_FLUSHED, G, 0, 0);
	assert_non_null(strstr(violation->words, "kvm.guest_memfd_tlb_flush=N"));
	assert_string_equal(violation->sources[1].name, "policy");
	verdict_free(stream.verdict);
	model_free(stream.model);
	stream_judge_with(&stream, NULL, &options);
	stream_expect(&stream, VERDICT_CONSISTENT);
}

/* Without such a choice nothing is said of one; and others are not excused by it. */
static void test_unflushed_no_policy(void **state)
{
	const struct verdict_violation *violation;
	struct stream_page page = { 0, 100, 1, ABSENT_BITS };

	(void)state;
	stream_fact(&stream, "kernel.policy.guest_memfd_tlb_flush", "kvm.guest_memfd_tlb_flush=N");
	stream_inode(&stream, G, SECRET, 64, false);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream.now += 61 * SECOND;
	heartbeats(3);
	release(SECRET, &page, 1);
	violation = stream_expect_one(&stream, RULE_NEVER_FLUSHED, G, 0, 0);
	assert_null(strstr(violation->words, "policy"));
}

/* An inode that never asked keeps its pages. */
static void test_never_asked(void **state)
{
	struct stream_page seen = { 0, 100, 1, ABSENT_BITS | DEVIATES };

	(void)state;
	stream_inode(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, 64, false);
	stream_join(&stream, T, G, 0, 100);
	release(RECORD_PROVIDER_GMEM_PLAIN, &seen, 1);
	stream_expect_one(&stream, RULE_APPLIED_MISMATCH, G, 0, 0);
}

struct fixture {
	const char *name;
	const char *rules; /* those that accuse, in order of ids, each once */
	__u64 count; /* pages, of the first of them */
};

static void fixture_judge(const char *name)
{
	const struct record_header *record;
	struct capture_reader *reader;
	char path[96], message[256];

	snprintf(path, sizeof(path), "tests/unit/fixtures/gmem-folio-%s.cap", name);
	if (capture_open(path, &reader, message, sizeof(message)))
		fail_msg("%s", message);
	while (capture_next(reader, &record) > 0)
		stream_add(&stream, record);
	assert_string_equal(capture_message(reader), "");
	capture_reader_close(reader);
	stream_judge(&stream, NULL);
}

/* Captures of the kernel in that shape, whole and with each of the defects that were posted. */
static void test_captures(void **state)
{
	static const struct fixture fixtures[] = {
		{ "clean", "", 0 },
		{ "policy", "never-flushed ", 40 },
		{ "and", "applied-mismatch freed-absent ", 24 },
		{ "unasked", "unexpected-zap ", 40 },
		{ "bit-stays", "declared-mismatch ", 40 },
		{ "bit-early", "applied-mismatch ", 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(fixtures) / sizeof(fixtures[0]); i++) {
		const struct verdict_violation *violation;
		const struct rule *first = NULL, *last = NULL;
		char rules[128] = "";

		stream_free(&stream);
		stream_init(&stream);
		fixture_judge(fixtures[i].name);
		for (size_t j = 0; (violation = verdict_violation(stream.verdict, j)); j++) {
			size_t used = strlen(rules);

			if (violation->rule != last)
				snprintf(rules + used, sizeof(rules) - used, "%s ",
					 violation->rule->name);
			last = violation->rule;
			first = first ? first : last;
		}
		assert_string_equal(rules, fixtures[i].rules);
		if (first)
			assert_int_equal(verdict_rule_count(stream.verdict, first->id),
					 fixtures[i].count);
		stream_expect(&stream, first ? VERDICT_VIOLATED : VERDICT_CONSISTENT);
	}
}

/* A page of nobody's, as vm_reset_perms() changes it: taken out, or put back. */
static void reset_change(__u32 tid, __u64 pfn, bool valid, enum record_zap_routine routine)
{
	size_t before = stream.used;

	stream_zap(&stream, tid, 0, 0, pfn, 1, valid, 0);
	((struct record_zap *)(stream.data + before))->routine = (__u16)routine;
}

static void reset_out(__u32 tid, __u64 pfn, __u64 nr)
{
	for (__u64 i = 0; i < nr; i++)
		reset_change(tid, pfn + 7 * i, false, RECORD_ZAP_INVALID);
}

static void reset_back(__u32 tid, __u64 pfn, __u64 nr)
{
	for (__u64 i = 0; i < nr; i++)
		reset_change(tid, pfn + 7 * i, true, RECORD_ZAP_DEFAULT);
}

#define AREA 5000 /* the first pfn of an area of nobody's */

/* Pages that are accused by @rule, with no inode. */
static __u64 reset_accused(enum rule_id rule)
{
	const struct verdict_violation *found;
	__u64 pages = 0;

	stream_heartbeat(&stream);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	for (size_t i = 0; (found = verdict_violation(stream.verdict, i)); i++) {
		assert_int_equal(found->rule->id, rule);
		assert_null(found->inode);
		assert_false(found->pgoff_known);
		pages += found->count;
	}
	return pages;
}

static __u64 reset_flushed(void)
{
	struct model_counts counts;

	model_count(stream.model, &counts);
	return counts.foreign_flushed;
}

/* Invalid on each page, one flush of far more, default on each page: no zap without it. */
static void test_reset(void **state)
{
	(void)state;
	reset_out(T, AREA, 4);
	stream_flush(&stream, T, 0, ~0ULL, true);
	reset_back(T, AREA, 4);
	assert_int_equal(reset_accused(RULE_NEVER_FLUSHED), 0);
	assert_int_equal(reset_flushed(), 4);
}

static void test_reset_merged(void **state)
{
	(void)state;
	reset_out(T, AREA, 3);
	stream_zap_flush(&stream, T, 0, 0, AREA + 21, 1, AREA, AREA + 21);
	reset_back(T, AREA, 4);
	assert_int_equal(reset_accused(RULE_NEVER_FLUSHED), 0);
	assert_int_equal(reset_flushed(), 4);
}

#define PUTS_BACK "do_syscall_64;vfree;set_direct_map_default_noflush"

/* Who did it, in words; NULL where that is not told. */
static const char *reset_caller(void)
{
	const struct verdict_violation *violation = verdict_violation(stream.verdict, 0);
	const char *words = strstr(violation->words, "The calls that led there: ");

	for (size_t i = 0; i < violation->sources_nr; i++) {
		if (strcmp(violation->sources[i].name, "caller"))
			continue;
		assert_non_null(words);
		assert_string_equal(violation->sources[i].says, PUTS_BACK);
		return words + strlen("The calls that led there: ");
	}
	assert_null(words);
	return NULL;
}

static void test_reset_caller(void **state)
{
	(void)state;
	reset_out(T, AREA, 3);
	stream_caller(&stream, T, AREA + 14, PUTS_BACK);
	reset_back(T, AREA, 3);
	assert_int_equal(reset_accused(RULE_NEVER_FLUSHED), 3);
	assert_string_equal(reset_caller(),
			    "do_syscall_64 > vfree > set_direct_map_default_noflush.");
}

/* Of another task, or of what the same one did before. */
static void test_reset_caller_else(void **state)
{
	(void)state;
	stream_caller(&stream, T, AREA, PUTS_BACK);
	reset_out(T, AREA, 3);
	stream_caller(&stream, T + 1, AREA, PUTS_BACK);
	reset_back(T, AREA, 3);
	assert_int_equal(reset_accused(RULE_NEVER_FLUSHED), 3);
	assert_null(reset_caller());
}

static void test_freed_caller(void **state)
{
	const struct verdict_violation *violation;

	(void)state;
	reset_out(T, AREA, 1);
	stream_caller(&stream, T, AREA, PUTS_BACK);
	stream_page_free(&stream, T, AREA, true);
	/* The next page's is not known. */
	reset_out(T, AREA + 1, 1);
	stream_page_free(&stream, T, AREA + 1, true);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	violation = verdict_violation(stream.verdict, 0);
	assert_int_equal(violation->rule->id, RULE_FREED_ABSENT);
	assert_non_null(reset_caller());
}

/* Its text has no end. */
static void test_caller_torn(void **state)
{
	struct model_counts counts;
	size_t before;

	(void)state;
	reset_out(T, AREA, 3);
	before = stream.used;
	stream_caller(&stream, T, AREA, PUTS_BACK);
	((struct record_caller *)(stream.data + before))->length = 200;
	reset_back(T, AREA, 3);
	assert_int_equal(reset_accused(RULE_NEVER_FLUSHED), 3);
	assert_null(reset_caller());
	model_count(stream.model, &counts);
	assert_int_equal(counts.malformed, 1);
}

static void test_reset_unflushed(void **state)
{
	(void)state;
	reset_out(T, AREA, 4);
	reset_back(T, AREA, 4);
	/* Too late. */
	stream_flush(&stream, T, 0, ~0ULL, true);
	assert_int_equal(reset_accused(RULE_NEVER_FLUSHED), 4);
	assert_int_equal(reset_flushed(), 0);
}

/* Another task's flush is luck. */
static void test_reset_flushed_by_others(void **state)
{
	(void)state;
	reset_out(T, AREA, 2);
	stream_flush(&stream, T + 1, 0, ~0ULL, true);
	reset_back(T, AREA, 2);
	assert_int_equal(reset_accused(RULE_NEVER_FLUSHED), 2);
}

/* The first is back when the flush comes. */
static void test_reset_flushed_between(void **state)
{
	(void)state;
	reset_out(T, AREA, 3);
	reset_back(T, AREA, 1);
	stream_flush(&stream, T, 0, ~0ULL, true);
	reset_back(T, AREA + 7, 2);
	assert_int_equal(reset_accused(RULE_NEVER_FLUSHED), 1);
	assert_int_equal(reset_flushed(), 2);
}

static void test_reset_flushed_in_part(void **state)
{
	(void)state;
	reset_out(T, AREA, 3);
	stream_flush(&stream, T, AREA, AREA + 7, false);
	reset_back(T, AREA, 3);
	assert_int_equal(reset_accused(RULE_FLUSH_MISMATCH), 1);
	assert_int_equal(reset_flushed(), 2);
}

/* memfd_secret's way back after a failed add; with others' pages in between. */
static void test_reset_of_one(void **state)
{
	(void)state;
	reset_out(T, AREA, 2);
	reset_back(T, AREA, 2);
	for (__u64 i = 0; i < 3; i++) {
		reset_out(T + 1, AREA + 100 + i, 1);
		reset_out(T + 2, AREA + 200 + i, 1);
		reset_back(T + 1, AREA + 100 + i, 1);
		reset_back(T + 2, AREA + 200 + i, 1);
	}
	/* What a task did before says nothing of what it does now. */
	reset_out(T, AREA + 300, 1);
	reset_back(T, AREA + 300, 1);
	assert_int_equal(reset_accused(RULE_NEVER_FLUSHED), 2);
}

/* What a task flushed, or put back, in between tells its pages from those of an area. */
static void test_reset_apart(void **state)
{
	(void)state;
	reset_out(T, AREA, 1);
	stream_flush(&stream, T, AREA + 1, AREA + 1, false);
	reset_out(T, AREA + 100, 1);
	reset_back(T, AREA + 100, 1);
	reset_out(T + 1, AREA + 200, 1);
	reset_back(T + 1, AREA + 300, 1);
	reset_out(T + 1, AREA + 400, 1);
	reset_back(T + 1, AREA + 400, 1);
	assert_int_equal(reset_accused(RULE_NEVER_FLUSHED), 0);
}

/* execmem's cache, and who puts back what others took out. */
static void test_reset_of_others(void **state)
{
	(void)state;
	for (__u64 i = 0; i < 4; i++)
		reset_change(T, AREA + i, false, RECORD_ZAP_VALID);
	for (__u64 i = 0; i < 4; i++)
		reset_change(T, AREA + i, true, RECORD_ZAP_VALID);
	reset_out(T, AREA + 100, 4);
	reset_back(T + 1, AREA + 100, 4);
	assert_int_equal(reset_accused(RULE_NEVER_FLUSHED), 0);
}

/* Hibernation: put back, copied, taken out again and flushed, one by one. */
static void borrow(__u32 tid, __u64 pfn)
{
	reset_change(tid, pfn, true, RECORD_ZAP_DEFAULT);
	reset_change(tid, pfn, false, RECORD_ZAP_INVALID);
}

static void test_borrowed(void **state)
{
	(void)state;
	for (__u64 i = 0; i < 4; i++) {
		borrow(T, AREA + i);
		stream_flush(&stream, T, AREA + i, AREA + i, false);
	}
	stream.now += 2 * SECOND;
	assert_int_equal(reset_accused(RULE_NEVER_FLUSHED), 0);
	assert_int_equal(reset_flushed(), 4);
}

static void test_borrowed_unflushed(void **state)
{
	(void)state;
	for (__u64 i = 0; i < 4; i++)
		borrow(T, AREA + i);
	stream.now += 2 * SECOND;
	assert_int_equal(reset_accused(RULE_NEVER_FLUSHED), 4);
	assert_int_equal(reset_flushed(), 0);
}

/* Its next page is put back with no flush in between: who, is told then. Eight others may follow, within the second. */
static void test_borrowed_caller(void **state)
{
	(void)state;
	borrow(T, AREA);
	stream_caller(&stream, T, AREA, PUTS_BACK);
	borrow(T, AREA + 1);
	for (__u64 i = 0; i < 8; i++)
		stream_caller(&stream, T + 1, AREA + 100 + i, "else");
	stream.now += 2 * SECOND;
	assert_int_equal(reset_accused(RULE_NEVER_FLUSHED), 2);
	assert_string_equal(reset_caller(),
			    "do_syscall_64 > vfree > set_direct_map_default_noflush.");
}

/* Of another page, another task, or another time. */
static void test_borrowed_caller_else(void **state)
{
	(void)state;
	borrow(T, AREA);
	stream_caller(&stream, T, AREA + 1, PUTS_BACK);
	borrow(T + 1, AREA + 2);
	stream_caller(&stream, T, AREA + 2, PUTS_BACK);
	borrow(T + 2, AREA + 4);
	stream_caller(&stream, T + 2, AREA + 4, PUTS_BACK);
	stream_flush(&stream, T + 2, AREA + 4, AREA + 4, false);
	stream.now += 2 * SECOND;
	borrow(T + 2, AREA + 5);
	stream.now += 2 * SECOND;
	assert_int_equal(reset_accused(RULE_NEVER_FLUSHED), 3);
	assert_null(reset_caller());
}

static void test_borrowed_flushed_elsewhere(void **state)
{
	(void)state;
	borrow(T, AREA);
	stream_flush(&stream, T, AREA + 1, AREA + 1, false);
	stream.now += 2 * SECOND;
	assert_int_equal(reset_accused(RULE_FLUSH_MISMATCH), 1);
}

/* What a task freed, and gets again for a memfd_secret; whose way into its file may fail. And what others put back. */
static void test_borrowed_not(void **state)
{
	(void)state;
	stream_inode(&stream, G, RECORD_PROVIDER_SECRETMEM, 8, false);
	borrow(T, AREA);
	stream_join(&stream, T, G, 0, AREA);
	stream_flush(&stream, T, AREA, AREA, false);
	borrow(T, AREA + 1);
	reset_change(T, AREA + 1, true, RECORD_ZAP_DEFAULT);
	reset_change(T + 1, AREA + 2, true, RECORD_ZAP_DEFAULT);
	reset_change(T, AREA + 2, false, RECORD_ZAP_INVALID);
	reset_change(T, AREA + 3, true, RECORD_ZAP_DEFAULT);
	reset_change(T, AREA + 4, false, RECORD_ZAP_INVALID);
	reset_change(T + 2, AREA + 5, true, RECORD_ZAP_VALID);
	reset_change(T + 2, AREA + 5, false, RECORD_ZAP_VALID);
	reset_change(T + 3, AREA + 6, true, RECORD_ZAP_VALID);
	reset_change(T + 3, AREA + 6, false, RECORD_ZAP_INVALID);
	reset_change(T + 4, AREA + 7, true, RECORD_ZAP_DEFAULT);
	reset_change(T + 4, AREA + 7, false, RECORD_ZAP_VALID);
	reset_change(T + 5, AREA + 8, true, RECORD_ZAP_DEFAULT);
	((struct record_zap *)(stream.data + stream.used - sizeof(struct record_zap)))->nr = 2;
	reset_change(T + 5, AREA + 8, false, RECORD_ZAP_INVALID);
	stream_join(&stream, T + 6, G, 1, AREA + 20);
	reset_change(T + 6, AREA + 20, true, RECORD_ZAP_DEFAULT);
	stream_leave(&stream, T + 6, AREA + 20);
	reset_change(T + 6, AREA + 20, false, RECORD_ZAP_INVALID);
	stream.now += 2 * SECOND;
	assert_int_equal(reset_accused(RULE_NEVER_FLUSHED), 0);
}

/* The flush may be what is missing. */
static void test_reset_lost(void **state)
{
	__u64 since;

	(void)state;
	reset_out(T, AREA, 4);
	since = stream.now;
	stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, since, 1);
	reset_back(T, AREA, 4);
	assert_int_equal(reset_accused(RULE_NEVER_FLUSHED), 0);
}

/* An inode cannot be nobody's. */
static void test_nobodys_inode(void **state)
{
	const struct model_inode *inode;

	(void)state;
	stream_inode(&stream, G, RECORD_PROVIDER_ANYBODY, 8, false);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	inode = model_inode_next(stream.model, NULL);
	assert_non_null(inode);
	assert_int_equal(inode->provider, RECORD_PROVIDER_UNKNOWN);
}

/* A fault of user space has ended on page 2, which stays as it is. */
static void given(__u32 bits, bool leaves_before)
{
	struct record_owner *record;
	size_t at;

	stream_free(&stream);
	stream_init(&stream);
	folio_bit_inode(2);
	if (leaves_before)
		leaves(2, true);
	at = stream.used;
	stream_join(&stream, T, G, 2, 104);
	record = (struct record_owner *)(stream.data + at);
	record->prepared = bits;
	stream_heartbeat(&stream);
	folio_bit_judge();
}

static void test_given(void **state)
{
	const __u32 fault = RECORD_OWNER_PREPARED | RECORD_OWNER_GIVEN;
	const struct verdict_violation *violation;

	(void)state;
	given(fault, false);
	violation = stream_expect_one(&stream, RULE_EXPOSED, G, 2, 2);
	assert_non_null(strstr(violation->words, "was given to user space"));
	assert_string_equal(violation->sources[1].says, "given to user space, never taken out");
	/* Taken out, as it says or as was seen; filled beforehand; and not prepared, it is nobody's yet. */
	given(fault | RECORD_OWNER_DEVIATES, true);
	assert_int_equal(verdict_violations(stream.verdict), 0);
	given(fault | RECORD_OWNER_DEVIATES, false);
	assert_int_equal(verdict_violations(stream.verdict), 0);
	given(fault, true);
	assert_int_equal(verdict_violations(stream.verdict), 0);
	given(RECORD_OWNER_PREPARED, false);
	assert_int_equal(verdict_violations(stream.verdict), 0);
	given(RECORD_OWNER_GIVEN, false);
	assert_int_equal(verdict_violations(stream.verdict), 0);
	assert_false(reason_has("could not be proven"));
}

/* Of an inode that is older than the sensors nobody knows what its page was before. */
static void test_given_unsure(void **state)
{
	(void)state;
	for (__u32 marked = 0; marked < 2; marked++) {
		struct record_owner *record;
		size_t at;

		stream_free(&stream);
		stream_init(&stream);
		stream_inode(&stream, G, FOLIO_BIT, 64, true);
		at = stream.used;
		stream_join(&stream, T, G, 2, 104);
		record = (struct record_owner *)(stream.data + at);
		record->prepared = RECORD_OWNER_PREPARED | RECORD_OWNER_GIVEN |
				   (marked ? RECORD_OWNER_DEVIATES : 0);
		stream_heartbeat(&stream);
		folio_bit_judge();
		assert_int_equal(verdict_violations(stream.verdict), 0);
		assert_int_equal(reason_has("1 page looked wrong"), !marked);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_numbers_of_others),
		RULE_TEST(test_folio_bit),
		RULE_TEST(test_folio_bit_present),
		RULE_TEST(test_folio_clear_absent),
		RULE_TEST(test_folio_bit_changes),
		RULE_TEST(test_folio_bit_left),
		RULE_TEST(test_folio_bit_unflushed),
		RULE_TEST(test_unflushed_policy),
		RULE_TEST(test_unflushed_no_policy),
		RULE_TEST(test_never_asked),
		RULE_TEST(test_captures),
		RULE_TEST(test_reset),
		RULE_TEST(test_reset_caller),
		RULE_TEST(test_reset_caller_else),
		RULE_TEST(test_freed_caller),
		RULE_TEST(test_caller_torn),
		RULE_TEST(test_reset_merged),
		RULE_TEST(test_reset_unflushed),
		RULE_TEST(test_reset_flushed_by_others),
		RULE_TEST(test_reset_flushed_between),
		RULE_TEST(test_reset_flushed_in_part),
		RULE_TEST(test_reset_of_one),
		RULE_TEST(test_reset_apart),
		RULE_TEST(test_reset_of_others),
		RULE_TEST(test_borrowed),
		RULE_TEST(test_borrowed_unflushed),
		RULE_TEST(test_borrowed_caller),
		RULE_TEST(test_borrowed_caller_else),
		RULE_TEST(test_borrowed_flushed_elsewhere),
		RULE_TEST(test_borrowed_not),
		RULE_TEST(test_reset_lost),
		RULE_TEST(test_nobodys_inode),
		RULE_TEST(test_given),
		RULE_TEST(test_given_unsure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
