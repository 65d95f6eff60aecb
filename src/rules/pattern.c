// SPDX-License-Identifier: GPL-2.0
/*
 * Patterns: what a person would say of many causes of one rule at once. Nothing is named that is
 * not true of every one of them, nor what would be as true had there been no pattern.
 */
#include <stdio.h>
#include "internal.h"

#define STRIDE_PAGES 3 /* two pages are at some distance, whatever they are */
#define STRIDE_SURE 64 /* pages: so far apart and in step are none by chance */
#define STRIDE_MANY 8 /* nor are so many */
#define CPU_CONTROLS 2 /* requests elsewhere that did nothing wrong */

/* Where a cause's pages lie in its request's range. Bits; the first that all have is named. */
enum shape {
	SHAPE_WHOLE = 1 << 0,
	SHAPE_LAST = 1 << 1,
	SHAPE_FIRST = 1 << 2,
	SHAPE_BEFORE = 1 << 3,
	SHAPE_BEHIND = 1 << 4,
	SHAPE_NOT_LAST = 1 << 5,
	SHAPE_NOT_FIRST = 1 << 6,
	SHAPE_HEAD = 1 << 7,
	SHAPE_TAIL = 1 << 8,
};

static const struct {
	enum shape shape;
	const char *words;
} shapes[] = {
	{ SHAPE_WHOLE, "all pages of" },
	{ SHAPE_LAST, "the last page of" },
	{ SHAPE_FIRST, "the first page of" },
	{ SHAPE_BEFORE, "the page right before" },
	{ SHAPE_BEHIND, "the page right behind" },
	{ SHAPE_NOT_LAST, "all but the last page of" },
	{ SHAPE_NOT_FIRST, "all but the first page of" },
	{ SHAPE_HEAD, "the first pages of" },
	{ SHAPE_TAIL, "the last pages of" },
};

/* A run of one list's violations, by index of those that are of the pattern. */
struct group {
	const struct verdict *verdict;
	struct verdict_violation *const *list;
	size_t nr;
	size_t pattern; /* as in verdict_violation.pattern */
	const struct verdict_violation *first;
};

static unsigned int cause_shape(const struct verdict_violation *cause)
{
	const struct verdict_request *request = &cause->request;
	__u64 first = cause->pgoff_first, last = cause->pgoff_last;
	bool begins = first == request->pgoff_first, ends = last == request->pgoff_last;
	unsigned int shape = 0;

	if (!cause->pgoff_known)
		return 0;
	if (begins && ends)
		shape |= SHAPE_WHOLE;
	if (first == last && ends)
		shape |= SHAPE_LAST;
	if (first == last && begins)
		shape |= SHAPE_FIRST;
	if (first == last && last + 1 == request->pgoff_first)
		shape |= SHAPE_BEFORE;
	if (first == last && first == request->pgoff_last + 1)
		shape |= SHAPE_BEHIND;
	if (begins && last + 1 == request->pgoff_last)
		shape |= SHAPE_NOT_LAST;
	if (ends && first == request->pgoff_first + 1)
		shape |= SHAPE_NOT_FIRST;
	if (begins && last < request->pgoff_last)
		shape |= SHAPE_HEAD;
	if (ends && first > request->pgoff_first)
		shape |= SHAPE_TAIL;
	return shape;
}

/* "set_range to absent" */
static const char *request_kind(const struct verdict_request *request, char *text, size_t size)
{
	const char *way = "";

	switch (request->operation) {
	case RECORD_OPERATION_SET_RANGE:
	case RECORD_OPERATION_SET_FOLIO:
	case RECORD_OPERATION_FOLIO_ZAP:
		way = request->state ? " to present" : " to absent";
		break;
	case RECORD_OPERATION_FALLOCATE:
		way = request->mode & RECORD_MODE_PUNCH_HOLE ? " of a hole" : "";
		break;
	default:
		break;
	}
	snprintf(text, size, "%s%s%s", model_operation_name(request->operation), way,
		 request->result < 0 ? " that failed" : "");
	return text;
}

/* A request that broke no rule itself is the last one that covered the page, or one beside it; "": or none is known. */
static const char *request_relation(const struct verdict_violation *cause)
{
	const struct verdict_request *request = &cause->request;

	if (request->accused || !request->operation)
		return "";
	return cause->pgoff_first >= request->pgoff_first &&
			       cause->pgoff_first <= request->pgoff_last
		       ? ", the last that covered it"
		       : ", the last beside it";
}

/* Of the same rule. */
static bool same_kind(const struct verdict_violation *left, const struct verdict_violation *right)
{
	char a[64], b[64];

	if (strcmp(request_relation(left), request_relation(right)) != 0)
		return false;
	if (!left->conversion.begin != !right->conversion.begin ||
	    left->conversion.is_private != right->conversion.is_private)
		return false;
	return !strcmp(request_kind(&left->request, a, sizeof(a)),
		       request_kind(&right->request, b, sizeof(b)));
}

static const struct verdict_violation *group_next(const struct group *group, size_t *at)
{
	while (*at < group->nr) {
		const struct verdict_violation *cause = group->list[(*at)++];

		if (cause->pattern == group->pattern)
			return cause;
	}
	return NULL;
}

static unsigned int group_shape(const struct group *group)
{
	const struct verdict_violation *cause;
	unsigned int all = ~0U;

	for (size_t at = 0; (cause = group_next(group, &at));)
		all &= cause_shape(cause);
	return all;
}

static void conversion_kind(const struct verdict_violation *cause, char *text, size_t size)
{
	snprintf(text, size, "a conversion to %s%s",
		 cause->conversion.is_private ? "private" : "shared",
		 cause->conversion.result < 0 ? " that failed" : "");
}

static void group_what(const struct group *group, char *text)
{
	const struct verdict_violation *first = group->first;
	unsigned int shape = group_shape(group);
	const char *words = "pages of";
	char kind[64];

	if (first->conversion.begin) {
		conversion_kind(first, kind, sizeof(kind));
		snprintf(text, VERDICT_PATTERN_MAX, "pages of %s", kind);
		return;
	}
	if (!first->request.operation) {
		snprintf(text, VERDICT_PATTERN_MAX, "pages outside any request that is known");
		return;
	}
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		if (!(shape & shapes[i].shape))
			continue;
		words = shapes[i].words;
		break;
	}
	snprintf(text, VERDICT_PATTERN_MAX, "%s a %s%s", words,
		 request_kind(&first->request, kind, sizeof(kind)), request_relation(first));
}

__attribute__((format(printf, 2, 3))) static void also_add(char *text, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	text_add(text, VERDICT_PATTERN_MAX, ", ", format, list);
	va_end(list);
}

/* By inode, then by page. */
static int page_order(const void *left, const void *right)
{
	const struct verdict_violation *a = *(const struct verdict_violation *const *)left;
	const struct verdict_violation *b = *(const struct verdict_violation *const *)right;
	__u64 one = a->inode ? a->inode->number : 0, other = b->inode ? b->inode->number : 0;

	if (one != other)
		return one < other ? -1 : 1;
	if (a->pgoff_first != b->pgoff_first)
		return a->pgoff_first < b->pgoff_first ? -1 : 1;
	return 0;
}

static __u64 divisor(__u64 a, __u64 b)
{
	while (b) {
		__u64 rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* The greatest step that all distances of single pages of one inode are multiples of; @even: each is it. */
static __u64 pages_stride(const struct verdict_violation *const *pages, size_t nr, bool *even)
{
	__u64 stride = 0, before = 0;

	*even = true;
	for (size_t i = 1; i < nr; i++) {
		__u64 distance = pages[i]->pgoff_first - pages[i - 1]->pgoff_first;

		if (pages[i]->inode != pages[i - 1]->inode || !distance)
			continue;
		stride = divisor(stride, distance);
		*even = *even && (!before || before == distance);
		before = distance;
	}
	return stride;
}

/* All are as far behind a multiple of @stride, in whatever inode. */
static bool pages_in_step(const struct verdict_violation *const *pages, size_t nr, __u64 stride)
{
	for (size_t i = 1; i < nr; i++) {
		if (pages[i]->pgoff_first % stride != pages[0]->pgoff_first % stride)
			return false;
	}
	return true;
}

static size_t pages_distinct(const struct verdict_violation *const *pages, size_t nr)
{
	size_t distinct = nr != 0;

	for (size_t i = 1; i < nr; i++)
		distinct += page_order(&pages[i - 1], &pages[i]) != 0;
	return distinct;
}

static const char *ordinal(__u64 number)
{
	static const char *const endings[] = { "th", "st", "nd", "rd" };

	if (number % 100 / 10 == 1 || number % 10 > 3)
		return endings[0];
	return endings[number % 10];
}

static void also_stride_of(const struct verdict_violation *const *pages, size_t nr,
			   struct verdict_pattern *pattern)
{
	size_t distinct = pages_distinct(pages, nr);
	char *text = pattern->also;
	bool even;
	__u64 stride = pages_stride(pages, nr, &even);

	if (stride < 2 || distinct < STRIDE_PAGES || !pages_in_step(pages, nr, stride))
		return;
	if (stride >= STRIDE_SURE || distinct >= STRIDE_MANY) {
		pattern->step = stride;
		pattern->behind = pages[0]->pgoff_first % stride;
	}
	if (!even && stride < STRIDE_SURE)
		return;
	if (even)
		also_add(text, "every %llu%s page, 0x%llx behind a multiple of it",
			 (unsigned long long)stride, ordinal(stride),
			 (unsigned long long)(pages[0]->pgoff_first % stride));
	else
		also_add(text, "each 0x%llx behind a multiple of %llu pages",
			 (unsigned long long)(pages[0]->pgoff_first % stride),
			 (unsigned long long)stride);
}

static void also_stride(const struct group *group, size_t nr, struct verdict_pattern *pattern)
{
	const struct verdict_violation **pages, *cause;
	size_t filled = 0;

	pages = calloc(nr, sizeof(struct verdict_violation *));
	if (!pages)
		return;
	for (size_t at = 0; (cause = group_next(group, &at));) {
		if (cause->pgoff_known && cause->pgoff_first == cause->pgoff_last)
			pages[filled++] = cause;
	}
	if (filled == nr) {
		qsort(pages, nr, sizeof(struct verdict_violation *), page_order);
		also_stride_of(pages, nr, pattern);
	}
	free(pages);
}

/* How many requests of the operation ran on other CPUs than @cpu, at least. */
static __u64 requests_elsewhere(const struct verdict *verdict, __u32 operation, __u32 cpu)
{
	const struct cpu_count *count;

	if (operation >= OPERATIONS_MAX)
		return 0;
	count = &verdict->cpus[operation];
	return count->all - count->there[cpu % CPU_SLOTS];
}

static void also_cpu(const struct group *group, size_t nr, char *text)
{
	const struct verdict_request *first = &group->first->request;
	const struct verdict_violation *cause;

	if (nr < 2 ||
	    requests_elsewhere(group->verdict, first->operation, first->cpu) < CPU_CONTROLS)
		return;
	for (size_t at = 0; (cause = group_next(group, &at));) {
		if (cause->request.cpu != first->cpu)
			return;
	}
	also_add(text, "only on CPU %u", first->cpu);
}

/* A conversion that reaches several slots went wrong behind the first one alone. */
static void also_slot(const struct group *group, struct verdict_pattern *pattern)
{
	const struct verdict_violation *cause;
	__u32 least = ~0U, most = 0;

	for (size_t at = 0; (cause = group_next(group, &at));) {
		__u32 before = cause->conversion.begin ? cause->slots_before : 0;

		least = before < least ? before : least;
		most = before > most ? before : most;
	}
	if (!least)
		return;
	pattern->later_slots = true;
	if (most == 1)
		also_add(pattern->also, "only the second slot");
	else
		also_add(pattern->also, "only slots behind the first");
}

static void also_result(const struct group *group, char *text)
{
	const struct verdict_request *first = &group->first->request;
	const struct verdict_violation *cause;

	if (first->result >= 0)
		return;
	for (size_t at = 0; (cause = group_next(group, &at));) {
		if (cause->request.result != first->result)
			return;
	}
	also_add(text, "with %lld", (long long)first->result);
}

static void pattern_fill(const struct group *group, struct verdict_pattern *pattern)
{
	const struct verdict_violation *cause;

	pattern->rule = group->first->rule;
	for (size_t at = 0; (cause = group_next(group, &at));) {
		pattern->causes++;
		pattern->occurrences += cause->occurrences;
		pattern->pages += cause->pages;
	}
	group_what(group, pattern->what);
	also_stride(group, pattern->causes, pattern);
	also_cpu(group, pattern->causes, pattern->also);
	also_slot(group, pattern);
	also_result(group, pattern->also);
}

/* Gives each of the list its group: that of the first like it. */
static size_t patterns_number(struct verdict_violation *const *list, size_t nr)
{
	const struct verdict_violation *rule_first = NULL;
	size_t patterns = 0, rule_at = 0;

	for (size_t i = 0; i < nr; i++) {
		size_t seen = 0;

		if (!rule_first || rule_first->rule != list[i]->rule) {
			rule_first = list[i];
			rule_at = i;
		}
		list[i]->pattern = 0;
		for (size_t at = rule_at; at < i && !list[i]->pattern; at++) {
			/* One of each pattern is enough. */
			if (list[at]->pattern <= seen)
				continue;
			seen = list[at]->pattern;
			if (same_kind(list[at], list[i]))
				list[i]->pattern = seen;
		}
		if (!list[i]->pattern)
			list[i]->pattern = ++patterns;
	}
	return patterns;
}

void patterns_make(const struct verdict *verdict, struct verdict_lists *lists)
{
	struct group group = {
		.verdict = verdict,
		.list = lists->violations.list,
		.nr = lists->violations.nr,
	};

	free(lists->patterns);
	lists->patterns_nr = patterns_number(group.list, group.nr);
	lists->patterns =
		lists->patterns_nr ? calloc(lists->patterns_nr, sizeof(*lists->patterns)) : NULL;
	if (!lists->patterns)
		lists->patterns_nr = 0;
	for (group.pattern = 1; group.pattern <= lists->patterns_nr; group.pattern++) {
		size_t at = 0;

		group.first = group_next(&group, &at);
		pattern_fill(&group, &lists->patterns[group.pattern - 1]);
	}
}

void pattern_count_request(struct verdict *verdict, const struct model_request *request)
{
	struct cpu_count *count;

	if ((__u32)request->operation >= OPERATIONS_MAX)
		return;
	count = &verdict->cpus[request->operation];
	count->all++;
	count->there[request->cpu % CPU_SLOTS]++;
}
