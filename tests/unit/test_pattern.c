// SPDX-License-Identifier: GPL-2.0
/* Patterns: each is named where it holds, and is not where one cause is otherwise. */
#include "promises.h"

static void judge(void)
{
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

/* The only pattern of @rule. */
static const struct verdict_pattern *pattern_of(__u32 rule)
{
	const struct verdict_pattern *pattern, *found = NULL;

	for (size_t i = 0; (pattern = verdict_pattern(stream.verdict, i)); i++) {
		if (pattern->rule->id != rule)
			continue;
		assert_null(found);
		found = pattern;
	}
	assert_non_null(found);
	return found;
}

/* Of how many patterns of @rule @what is said. */
static size_t patterns_of(__u32 rule, const char *what)
{
	const struct verdict_pattern *pattern;
	size_t found = 0;

	for (size_t i = 0; (pattern = verdict_pattern(stream.verdict, i)); i++)
		found += pattern->rule->id == rule && !strcmp(pattern->what, what);
	return found;
}

static void expect_missed(__u64 causes, const char *what, const char *also)
{
	const struct verdict_pattern *pattern;

	judge();
	pattern = pattern_of(RULE_MISSED_PAGE);
	assert_string_equal(pattern->what, what);
	assert_string_equal(pattern->also, also);
	assert_int_equal(pattern->causes, causes);
	assert_int_equal(pattern->occurrences, causes);
}

#define PRESENT " a set_range to present"

static void anew(__u64 pages)
{
	here_anew();
	faulted(pages);
}

/* A request for [first, last] that leaves out @nr pages from @page on. */
struct miss {
	__u64 first, last, page, nr;
};

static void two_missed(struct miss one, struct miss other, const char *what)
{
	anew(32);
	convert(one.first, one.last, one.page, one.nr);
	convert(other.first, other.last, other.page, other.nr);
	expect_missed(2, what, "");
}

static void test_last(void **state)
{
	(void)state;
	faulted(32);
	convert(0, 3, 3, 1);
	convert(8, 12, 12, 1);
	/* A request of one page contradicts nothing. */
	convert(20, 20, 20, 1);
	expect_missed(3, "the last page of" PRESENT, "");
	anew(32);
	convert(0, 3, 3, 1);
	convert(8, 12, 12, 1);
	convert(24, 27, 24, 1);
	expect_missed(3, "pages of" PRESENT, "");
}

static void test_first(void **state)
{
	(void)state;
	two_missed((struct miss){ 0, 3, 0, 1 }, (struct miss){ 8, 12, 8, 1 },
		   "the first page of" PRESENT);
	two_missed((struct miss){ 0, 3, 0, 1 }, (struct miss){ 8, 12, 9, 1 }, "pages of" PRESENT);
}

static void test_whole(void **state)
{
	(void)state;
	two_missed((struct miss){ 0, 3, 0, 4 }, (struct miss){ 8, 8, 8, 1 },
		   "all pages of" PRESENT);
	/* Of one page each first, last and all of them are the same. */
	two_missed((struct miss){ 0, 0, 0, 1 }, (struct miss){ 8, 8, 8, 1 },
		   "all pages of" PRESENT);
	two_missed((struct miss){ 0, 3, 0, 4 }, (struct miss){ 8, 12, 9, 2 }, "pages of" PRESENT);
	two_missed((struct miss){ 0, 3, 0, 4 }, (struct miss){ 8, 12, 8, 2 }, "pages of" PRESENT);
	two_missed((struct miss){ 0, 3, 0, 4 }, (struct miss){ 8, 12, 11, 2 }, "pages of" PRESENT);
}

static void test_most(void **state)
{
	(void)state;
	two_missed((struct miss){ 0, 3, 0, 3 }, (struct miss){ 8, 12, 8, 4 },
		   "all but the last page of" PRESENT);
	two_missed((struct miss){ 0, 3, 0, 3 }, (struct miss){ 8, 12, 8, 2 },
		   "the first pages of" PRESENT);
	two_missed((struct miss){ 0, 3, 1, 3 }, (struct miss){ 8, 12, 9, 4 },
		   "all but the first page of" PRESENT);
	two_missed((struct miss){ 0, 3, 1, 3 }, (struct miss){ 8, 12, 10, 3 },
		   "the last pages of" PRESENT);
	/* Neither end of it. */
	two_missed((struct miss){ 0, 3, 1, 2 }, (struct miss){ 8, 12, 9, 3 }, "pages of" PRESENT);
}

/* A request for [first, last] that changes @nr pages from @page on, which are others. */
static void astray_by(__u64 first, __u64 last, __u64 page, __u64 nr)
{
	stream_begin(&stream, T, G, SET_RANGE, first, last, true);
	for (__u64 i = first; i <= last; i++)
		stream_zap(&stream, T, G, i, 100 + 2 * i, 1, true, 0);
	for (__u64 i = page; i < page + nr; i++)
		stream_zap(&stream, T, G, i, 100 + 2 * i, 1, true, 0);
	stream_end(&stream, T, G, SET_RANGE, first, last, true);
	stream_heartbeat(&stream);
}

static void astray(__u64 first, __u64 last, __u64 page)
{
	astray_by(first, last, page, 1);
}

static void expect_foreign(const char *what)
{
	judge();
	assert_string_equal(pattern_of(RULE_FOREIGN_PAGE)->what, what);
}

/* Pages that no request touched, and of which no event but the wrong change tells. */
static void test_neighbours(void **state)
{
	(void)state;
	faulted(32);
	astray(4, 7, 3);
	astray(16, 17, 15);
	expect_foreign("the page right before" PRESENT);
	anew(32);
	astray(4, 7, 8);
	astray(16, 17, 18);
	expect_foreign("the page right behind" PRESENT);
	anew(32);
	astray(4, 7, 3);
	astray(16, 17, 14);
	expect_foreign("pages of" PRESENT);
	/* More than the page beside it. */
	anew(32);
	astray_by(4, 7, 2, 2);
	expect_foreign("pages of" PRESENT);
	anew(32);
	astray_by(4, 7, 8, 2);
	expect_foreign("pages of" PRESENT);
}

/* Of two rules nothing is summed up, though their requests are alike. */
static void test_rules_apart(void **state)
{
	(void)state;
	faulted(32);
	astray(4, 7, 3);
	convert(16, 19, 19, 1);
	expect_foreign("the page right before" PRESENT);
	assert_string_equal(pattern_of(RULE_MISSED_PAGE)->what, "the last page of" PRESENT);
}

static void ask(__u64 page, bool present)
{
	stream_begin(&stream, T, G, SET_RANGE, page, page, present);
	stream_zap(&stream, T, G, page, 100 + 2 * page, 1, present, 0);
	if (!present)
		stream_flush(&stream, T, 0, 0, true);
	stream_end(&stream, T, G, SET_RANGE, page, page, present);
	stream_heartbeat(&stream);
}

/* Pages 4 to 7 are asked to be present; the xarray says so of page 3, too, and page 3 of no event. */
static void rounded_down(bool asked_before, bool asked_after)
{
	struct stream_page pages[8];

	anew(8);
	if (asked_before) {
		ask(3, true);
		ask(3, false);
	}
	convert(4, 7, 99, 0);
	if (asked_after) {
		ask(3, true);
		ask(3, false);
	}
	pages_seen(pages, 0, 3, ABSENT_BITS);
	pages_seen(pages, 3, 4, ABSENT_BITS | DEVIATES);
	pages_seen(pages, 4, 8, PRESENT_BITS | DEVIATES);
	release(RFC3, pages, 8);
}

/* Of none that is known page 0 is neither covered by it nor beside it. */
static void test_outside(void **state)
{
	const struct verdict_pattern *pattern;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 10; i += 5) {
		stream_join(&stream, T, G, i, 100 + 2 * i);
		stream_zap_flush(&stream, T, G, i, 100 + 2 * i, 1, 100 + 2 * i, 100 + 2 * i);
	}
	judge();
	pattern = pattern_of(RULE_UNEXPECTED_ZAP);
	assert_string_equal(pattern->what, "pages outside any request that is known");
	assert_int_equal(pattern->causes, 2);
}

/* Two that hang, of an inode that nobody knows. @cpu: of both, and there they began. */
static void hang(__u32 operation, __u32 cpu)
{
	const struct model_options model = { .stuck_ns = SECOND };

	faulted(1);
	for (__u32 i = 0; i < 3; i++) {
		stream_begin(&stream, 4 * i + cpu, 0, operation, 0, 0, true);
		if (!i)
			stream_end(&stream, cpu, 0, operation, 0, 0, true);
	}
	stream.now += 2 * SECOND;
	stream_finish(&stream);
	stream_judge(&stream, &model);
}

/* Whose pages are not known has none that is the first or the last. */
static void test_pages_unknown(void **state)
{
	const struct verdict_pattern *pattern;

	(void)state;
	hang(RECORD_OPERATION_FALLOCATE, 0);
	pattern = pattern_of(RULE_STUCK);
	assert_string_equal(pattern->what, "pages of a fallocate");
	assert_int_equal(pattern->causes, 2);
}

/* Nobody counts what no kernel has, on any CPU. */
static void test_operation_unknown(void **state)
{
	(void)state;
	for (__u32 cpu = 0; cpu < 2; cpu++) {
		here_anew();
		hang(64, cpu);
		assert_int_equal(pattern_of(RULE_STUCK)->causes, 2);
		assert_string_equal(pattern_of(RULE_STUCK)->also, "");
	}
}

static void test_neighbours_unseen(void **state)
{
	(void)state;
	rounded_down(false, false);
	assert_string_equal(pattern_of(RULE_DECLARED_MISMATCH)->what,
			    "the page right before" PRESENT ", the last beside it");
	rounded_down(true, false);
	assert_string_equal(pattern_of(RULE_DECLARED_MISMATCH)->what,
			    "the page right before" PRESENT ", the last beside it");
	/* One that covers it came later: that should have put it right. */
	rounded_down(false, true);
	assert_string_equal(pattern_of(RULE_DECLARED_MISMATCH)->what,
			    "all pages of a set_range to absent, the last that covered it");
}

/* What was covered and what is beside are not summed up. */
static void test_relations(void **state)
{
	struct stream_page pages[8];

	(void)state;
	faulted(8);
	convert(4, 7, 99, 0);
	pages_seen(pages, 0, 4, ABSENT_BITS);
	pages_seen(pages, 4, 8, PRESENT_BITS | DEVIATES);
	pages[3].bits = ABSENT_BITS | DEVIATES;
	pages[4].bits = PRESENT_BITS;
	release(RFC3, pages, 8);
	assert_int_equal(patterns_of(RULE_DECLARED_MISMATCH,
				     "all pages of" PRESENT ", the last that covered it"),
			 0);
	assert_int_equal(patterns_of(RULE_DECLARED_MISMATCH,
				     "the first page of" PRESENT ", the last that covered it"),
			 1);
	assert_int_equal(patterns_of(RULE_DECLARED_MISMATCH,
				     "the page right before" PRESENT ", the last beside it"),
			 1);
}

/* The same of the page behind a request. */
static void test_beside_behind(void **state)
{
	struct stream_page pages[8];

	(void)state;
	faulted(8);
	convert(2, 4, 99, 0);
	pages_seen(pages, 0, 8, ABSENT_BITS);
	for (__u64 i = 2; i < 5; i++)
		pages[i].bits = PRESENT_BITS | DEVIATES;
	pages[5].bits = ABSENT_BITS | DEVIATES;
	release(RFC3, pages, 8);
	assert_string_equal(pattern_of(RULE_DECLARED_MISMATCH)->what,
			    "the page right behind" PRESENT ", the last beside it");
}

/* A request to the end of all numbers does not end right before the first. */
static void test_beside_nothing(void **state)
{
	struct stream_page pages[9];

	(void)state;
	faulted(8);
	stream_begin(&stream, T, G, SET_RANGE, 4, ~0ULL, true);
	for (__u64 i = 4; i < 8; i++)
		stream_zap(&stream, T, G, i, 100 + 2 * i, 1, true, 0);
	stream_end(&stream, T, G, SET_RANGE, 4, ~0ULL, true);
	stream_heartbeat(&stream);
	pages_seen(pages, 0, 4, ABSENT_BITS);
	pages_seen(pages, 4, 8, PRESENT_BITS | DEVIATES);
	pages[0].bits = ABSENT_BITS | DEVIATES;
	pages[8] = (struct stream_page){ 8, 0, 56, DEVIATES };
	release(RFC3, pages, 9);
	assert_string_equal(pattern_of(RULE_DECLARED_MISMATCH)->what,
			    "pages outside any request that is known");
}

/* All pages of a request for [0, last] that are not at one of @left. */
static void convert_of(__u64 inode, __u64 pfn, __u64 last, const __u64 *left, size_t nr)
{
	stream_begin(&stream, T, inode, SET_RANGE, 0, last, true);
	for (__u64 i = 0; i <= last; i++) {
		bool skip = false;

		for (size_t j = 0; j < nr; j++)
			skip = skip || left[j] == i;
		if (!skip)
			stream_zap(&stream, T, inode, i, pfn + 2 * i, 1, true, 0);
	}
	stream_end(&stream, T, inode, SET_RANGE, 0, last, true);
	stream_heartbeat(&stream);
}

static void convert_but(__u64 last, const __u64 *left, size_t nr)
{
	convert_of(G, 100, last, left, nr);
}

/* What another run may be held against. */
static void expect_step(__u64 step, __u64 behind)
{
	const struct verdict_pattern *pattern = pattern_of(RULE_MISSED_PAGE);

	assert_int_equal(pattern->step, step);
	assert_int_equal(pattern->behind, behind);
	assert_false(pattern->later_slots);
}

static void test_stride(void **state)
{
	static const __u64 even[] = { 3, 11, 19, 27 }, off[] = { 3, 11, 20, 27 }, two[] = { 3, 11 };
	static const __u64 many[] = { 1, 3, 7, 9, 11, 15, 17, 23 };

	(void)state;
	faulted(32);
	convert_but(30, even, 4);
	expect_missed(4, "pages of" PRESENT, "every 8th page, 0x3 behind a multiple of it");
	expect_step(0, 0);
	anew(32);
	convert_but(30, many, 7);
	expect_missed(7, "pages of" PRESENT, "");
	expect_step(0, 0);
	anew(32);
	convert_but(30, many, 8);
	expect_missed(8, "pages of" PRESENT, "");
	expect_step(2, 1);
	anew(32);
	convert_but(30, off, 4);
	expect_missed(4, "pages of" PRESENT, "");
	anew(32);
	convert_but(30, two, 2);
	expect_missed(2, "pages of" PRESENT, "");
}

/* As it is said, and where it is not. */
static void test_stride_words(void **state)
{
	static const __u64 twelfth[] = { 1, 13, 25 }, second[] = { 3, 25, 47 };
	static const __u64 runs[] = { 3, 4, 11, 12, 19, 20 }, late[] = { 3, 11, 35, 59 };

	(void)state;
	faulted(64);
	convert_but(30, twelfth, 3);
	expect_missed(3, "pages of" PRESENT, "every 12th page, 0x1 behind a multiple of it");
	anew(64);
	convert_but(60, second, 3);
	expect_missed(3, "pages of" PRESENT, "every 22nd page, 0x3 behind a multiple of it");
	/* All but the first two are as far apart. */
	anew(64);
	convert_but(62, late, 4);
	expect_missed(4, "pages of" PRESENT, "");
	/* Not of single pages. */
	anew(32);
	convert_but(30, runs, 6);
	expect_missed(3, "pages of" PRESENT, "");
	/* Of pages that touch it would say nothing. */
	anew(8);
	for (__u64 i = 1; i < 4; i++)
		convert(i, i, i, 1);
	expect_missed(3, "all pages of" PRESENT, "");
}

/* Two that hang on page 8 and 16, and one of which no page is known. */
static void test_stride_unknown(void **state)
{
	const struct model_options model = { .stuck_ns = SECOND };

	(void)state;
	faulted(1);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 8, 8, true);
	stream_begin(&stream, T + 1, G, RECORD_OPERATION_FALLOCATE, 16, 16, true);
	stream_begin(&stream, T + 2, 0, RECORD_OPERATION_FALLOCATE, 8, 8, true);
	stream.now += 2 * SECOND;
	stream_finish(&stream);
	stream_judge(&stream, &model);
	assert_int_equal(pattern_of(RULE_STUCK)->causes, 3);
	assert_string_equal(pattern_of(RULE_STUCK)->also, "");
}

/* Where not all of them are there, only a long step is none by chance. */
static void test_stride_uneven(void **state)
{
	static const __u64 pages[] = { 5, 69, 261 }, off[] = { 5, 69, 262 }, near[] = { 5, 13, 37 };

	(void)state;
	stream_inode(&stream, G, RFC3, 512, false);
	for (__u64 i = 0; i < 300; i++)
		stream_fault(&stream, T, G, i, 100 + 2 * i);
	convert_but(290, pages, 3);
	expect_missed(3, "pages of" PRESENT, "each 0x5 behind a multiple of 64 pages");
	expect_step(64, 5);
	here_anew();
	stream_inode(&stream, G, RFC3, 512, false);
	for (__u64 i = 0; i < 300; i++)
		stream_fault(&stream, T, G, i, 100 + 2 * i);
	convert_but(290, off, 3);
	expect_missed(3, "pages of" PRESENT, "");
	anew(64);
	convert_but(40, near, 3);
	expect_missed(3, "pages of" PRESENT, "");
}

/* The same of two inodes, in each of which three pages are left out. */
static void two_inodes(const __u64 *left, const __u64 *other_left)
{
	const __u64 other = G + 1;

	anew(40);
	stream_inode(&stream, other, RFC3, 64, false);
	for (__u64 i = 0; i < 40; i++)
		stream_fault(&stream, T, other, i, 1000 + 2 * i);
	convert_of(G, 100, 38, left, 3);
	convert_of(other, 1000, 38, other_left, 3);
}

/* Only of one inode pages are at a distance; all are to be in step. */
static void test_stride_inodes(void **state)
{
	static const __u64 pages[] = { 3, 19, 35 }, near[] = { 4, 20, 36 };

	(void)state;
	two_inodes(pages, pages);
	expect_missed(6, "pages of" PRESENT, "every 16th page, 0x3 behind a multiple of it");
	two_inodes(pages, near);
	expect_missed(6, "pages of" PRESENT, "");
	/* A page that is missed twice is at no distance from itself. */
	anew(40);
	convert_but(38, pages, 3);
	convert_but(38, pages, 3);
	expect_missed(6, "pages of" PRESENT, "every 16th page, 0x3 behind a multiple of it");
}

/* The same on CPU @cpu. */
static void convert_on(__u32 cpu, __u64 first, __u64 last, __u64 skip, __u64 nr)
{
	size_t at = stream.used;

	convert(first, last, skip, nr);
	while (at < stream.used) {
		struct record_header *record = (struct record_header *)(stream.data + at);

		record->cpu = cpu;
		at += record->size;
	}
}

static void test_cpu(void **state)
{
	(void)state;
	faulted(32);
	convert_on(0, 0, 1, 99, 0);
	convert_on(1, 4, 7, 4, 1);
	convert_on(2, 10, 12, 99, 0);
	convert_on(1, 16, 18, 17, 1);
	expect_missed(2, "pages of" PRESENT, "only on CPU 1");
	/* Once is chance. */
	anew(32);
	convert_on(0, 0, 1, 99, 0);
	convert_on(1, 4, 7, 5, 1);
	convert_on(2, 10, 12, 99, 0);
	expect_missed(1, "pages of" PRESENT, "");
	/* All of them ran there: it says nothing. */
	anew(32);
	convert_on(1, 0, 1, 99, 0);
	convert_on(1, 4, 7, 4, 1);
	convert_on(1, 10, 12, 99, 0);
	convert_on(1, 16, 18, 17, 1);
	expect_missed(2, "pages of" PRESENT, "");
	/* It happened elsewhere, too. */
	anew(32);
	convert_on(0, 0, 1, 99, 0);
	convert_on(1, 4, 7, 4, 1);
	convert_on(2, 10, 12, 99, 0);
	convert_on(2, 16, 18, 17, 1);
	expect_missed(2, "pages of" PRESENT, "");
}

/* Two slots, private, of which the pages from @first on are present. */
static void two_slots(__u64 first)
{
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	bind(GFN, 0, 4);
	bind(GFN + 8, 4, 32);
	convert_to(GFN, 64, true, 0, 63, 0);
	for (__u64 i = 0; i < PAGES; i++)
		stream_fault(&stream, T, G, i, 200 + 2 * i);
	stream_heartbeat(&stream);
	convert_to(GFN + 0x80, PAGES, false, first, PAGES - 1, 0);
	promises[0] = (struct stream_promise){ 0, 4, GFN, true };
	promises[1] = (struct stream_promise){ 4, 4, GFN + 8, true };
	stream.promises = promises;
	stream.promises_nr = 2;
	for (__u32 pass = 0; pass < 2; pass++) {
		struct stream_page pages[PAGES];

		for (__u64 i = 0; i < PAGES; i++)
			pages[i] = (struct stream_page){ i, 200 + 2 * i, 1,
							 i < first ? ABSENT_BITS
								   : PRESENT_BITS | DEVIATES };
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, pages,
			    PAGES);
	}
	judge();
}

static void test_slot(void **state)
{
	const struct verdict_pattern *pattern;

	(void)state;
	two_slots(4);
	pattern = pattern_of(RULE_PROMISE_BROKEN);
	assert_string_equal(pattern->what, "pages of a conversion to private");
	assert_string_equal(pattern->also, "only the second slot");
	assert_true(pattern->later_slots);
	two_slots(0);
	assert_string_equal(pattern_of(RULE_PROMISE_BROKEN)->also, "");
}

static void read_as(bool present_by_default, const struct stream_page pages[PAGES])
{
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, present_by_default, RECORD_SNAPSHOT_LIVE, pass, 0, 64,
			    pages, PAGES);
	judge();
}

/* A conversion of other frames made pages 4 to 6 absent, of which one had been converted to shared. */
static void test_conversion_or_none(void **state)
{
	struct stream_page pages[PAGES];

	(void)state;
	dynamic_inode();
	convert_to(GFN + 4, 1, false, 1, 0, 0);
	convert_to(GFN + 0x20, 3, true, 4, 6, 0);
	promise(false);
	for (__u64 i = 0; i < PAGES; i++)
		pages[i] = (struct stream_page){ i, 200 + 2 * i, 1,
						 i >= 4 && i <= 6 ? ABSENT_BITS | DEVIATES
								  : PRESENT_BITS };
	read_as(true, pages);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_PROMISE_BROKEN), 3);
	assert_int_equal(patterns_of(RULE_PROMISE_BROKEN, "pages of a conversion to shared"), 1);
	assert_int_equal(patterns_of(RULE_PROMISE_BROKEN, "all but the first page of a set_range "
							  "to absent, the last that covered it"),
			 1);
}

/* The last conversion of page 0 was to private, that of page 4 to shared; both attributes are otherwise. */
static void test_conversions(void **state)
{
	struct stream_page pages[PAGES];

	(void)state;
	private_vm(false);
	convert_to(GFN + 4, 1, false, 1, 0, 0);
	for (__u64 i = 0; i < PAGES; i += 4) {
		promises[i / 2] = (struct stream_promise){ i, 1, GFN + i, i == 4 };
		promises[i / 2 + 1] = (struct stream_promise){ i + 1, 3, GFN + i + 1, true };
	}
	stream.promises = promises;
	stream.promises_nr = 4;
	pages_seen(pages, 0, PAGES, ABSENT_BITS);
	for (__u64 i = 0; i < PAGES; i++)
		pages[i].pfn = 200 + 2 * i;
	read_as(false, pages);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_HALF_CONVERTED), 2);
	assert_int_equal(patterns_of(RULE_HALF_CONVERTED, "pages of a conversion to private"), 1);
	assert_int_equal(patterns_of(RULE_HALF_CONVERTED, "pages of a conversion to shared"), 1);
}

/* A request that fails with @result, and leaves page @page as it made it. */
static void fails(__u64 page, __s64 result)
{
	stream_begin(&stream, T, G, SET_RANGE, page, page + 1, true);
	stream_zap(&stream, T, G, page, 100 + 2 * page, 1, true, 0);
	stream_request(&stream, RECORD_REQUEST_END, T, G, SET_RANGE, page, page + 1, true, result);
	stream_heartbeat(&stream);
}

static void test_result(void **state)
{
	const struct verdict_pattern *pattern;

	(void)state;
	faulted(32);
	fails(0, -12);
	fails(8, -12);
	judge();
	pattern = pattern_of(RULE_PARTIAL_APPLY);
	assert_string_equal(pattern->what, "the first page of" PRESENT " that failed");
	assert_string_equal(pattern->also, "with -12");
	anew(32);
	fails(0, -12);
	fails(8, -5);
	judge();
	assert_string_equal(pattern_of(RULE_PARTIAL_APPLY)->also, "");
}

/* Requests of another direction, or of another routine, are summed up apart. */
static void test_kinds(void **state)
{
	(void)state;
	faulted(32);
	convert(0, 3, 3, 1);
	stream_begin(&stream, T, G, SET_RANGE, 0, 2, false);
	stream_end(&stream, T, G, SET_RANGE, 0, 2, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 8, 8, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 8, 8, true);
	judge();
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_MISSED_PAGE), 5);
	assert_string_equal(verdict_pattern(stream.verdict, 0)->what, "the last page of" PRESENT);
	assert_string_equal(verdict_pattern(stream.verdict, 1)->what,
			    "all pages of a set_range to absent");
	assert_string_equal(verdict_pattern(stream.verdict, 2)->what,
			    "all pages of a set_folio to present");
	assert_null(verdict_pattern(stream.verdict, 3));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(verdict_violation(stream.verdict, i)->pattern, i + 1);
}

/* What is allowed, or a note, has none. */
static void test_allowed(void **state)
{
	const struct verdict_options options = { .allow = { [RULE_MISSED_PAGE] = "known" } };

	(void)state;
	faulted(32);
	convert(0, 3, 3, 1);
	stream_finish(&stream);
	stream_judge_with(&stream, NULL, &options);
	assert_null(verdict_pattern(stream.verdict, 0));
	assert_int_equal(verdict_allowed(stream.verdict, 0)->pattern, 0);
}

#define PATTERN_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PATTERN_TEST(test_last),
		PATTERN_TEST(test_first),
		PATTERN_TEST(test_whole),
		PATTERN_TEST(test_most),
		PATTERN_TEST(test_neighbours),
		PATTERN_TEST(test_rules_apart),
		PATTERN_TEST(test_neighbours_unseen),
		PATTERN_TEST(test_relations),
		PATTERN_TEST(test_beside_behind),
		PATTERN_TEST(test_beside_nothing),
		PATTERN_TEST(test_outside),
		PATTERN_TEST(test_pages_unknown),
		PATTERN_TEST(test_operation_unknown),
		PATTERN_TEST(test_stride),
		PATTERN_TEST(test_stride_words),
		PATTERN_TEST(test_stride_unknown),
		PATTERN_TEST(test_stride_uneven),
		PATTERN_TEST(test_stride_inodes),
		PATTERN_TEST(test_cpu),
		PATTERN_TEST(test_slot),
		PATTERN_TEST(test_conversion_or_none),
		PATTERN_TEST(test_conversions),
		PATTERN_TEST(test_result),
		PATTERN_TEST(test_kinds),
		PATTERN_TEST(test_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
