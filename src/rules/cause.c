// SPDX-License-Identifier: GPL-2.0
/*
 * Causes: accusations alike whose pages touch are one. A set keeps them disjoint, in a balanced
 * tree, so that a hundred thousand single pages cost no more each than a few.
 */
#include <search.h>
#include "internal.h"

static int order(__u64 left, __u64 right)
{
	return left < right ? -1 : left > right;
}

/* What has no inode comes first. An address would order them by where malloc() put them. */
static __u64 inode_number(const struct model_inode *inode)
{
	return inode ? inode->number : 0;
}

static __u64 cause_bits(const struct cause *cause)
{
	return (__u64)cause->answers << 3 | (__u64)cause->immune << 2 | (__u64)cause->anyone << 1 |
	       cause->pgoff_unknown;
}

/* 0: the same kind of cause, and their pages overlap or are neighbours. */
static int cause_order(const void *left, const void *right)
{
	const struct cause *a = left, *b = right;
	int by = order(a->descriptor->rule.id, b->descriptor->rule.id);

	if (!by)
		by = order(inode_number(a->inode), inode_number(b->inode));
	if (!by)
		by = order(a->variant, b->variant);
	if (!by)
		by = order(cause_bits(a), cause_bits(b));
	if (by)
		return by;
	if (a->last < b->first && b->first - a->last > 1)
		return -1;
	return b->last < a->first && a->first - b->last > 1;
}

static void set_link(struct cause_set *set, struct cause *cause)
{
	cause->next = NULL;
	cause->previous = set->last;
	if (set->last)
		set->last->next = cause;
	else
		set->first = cause;
	set->last = cause;
	set->nr++;
	set->rule_count[cause->descriptor->rule.id] += cause->count;
}

static void set_unlink(struct cause_set *set, struct cause *cause)
{
	if (cause->previous)
		cause->previous->next = cause->next;
	else
		set->first = cause->next;
	if (cause->next)
		cause->next->previous = cause->previous;
	else
		set->last = cause->previous;
	set->nr--;
	set->rule_count[cause->descriptor->rule.id] -= cause->count;
}

void cause_remove(struct cause_set *set, struct cause *cause)
{
	tdelete(cause, &set->tree, cause_order);
	set_unlink(set, cause);
}

static void told_tell(const struct cause *cause, struct told *told)
{
	struct verdict_violation *violation = told->violation;

	if (!violation)
		return;
	violation->pgoff_first = told->first;
	violation->pgoff_last = told->last;
	violation->count = told->count;
	violation->occurrences = told->occurrences;
	violation->pages = !cause->of_pages	  ? 0
			   : cause->pgoff_unknown ? told->count
						  : told->last - told->first + 1;
	violation->time_first = told->time_first;
	violation->time_last = told->time_last;
}

void cause_tell(const struct cause *cause)
{
	for (struct told *told = cause->told; told; told = told->next)
		told_tell(cause, told);
}

/* Of the same request, and their pages overlap or are neighbours. */
static bool told_alike(const struct told *left, const struct told *right)
{
	return left->request == right->request &&
	       (left->last >= right->first || right->first - left->last == 1) &&
	       (right->last >= left->first || left->first - right->last == 1);
}

static void told_merge(struct told *older, const struct told *told, bool union_count)
{
	if (older->first > told->first)
		older->first = told->first;
	if (older->last < told->last)
		older->last = told->last;
	if (older->time_first > told->time_first)
		older->time_first = told->time_first;
	if (older->time_last < told->time_last)
		older->time_last = told->time_last;
	older->occurrences += told->occurrences;
	older->count += told->count;
	if (union_count)
		older->count = older->last - older->first + 1;
}

static void told_link(struct cause *cause, struct told *told)
{
	told->next = NULL;
	told->previous = cause->told_last;
	if (cause->told_last)
		cause->told_last->next = told;
	else
		cause->told = told;
	cause->told_last = told;
	if (cause->told_most < told->request)
		cause->told_most = told->request;
}

static void told_unlink(struct cause *cause, struct told *told)
{
	if (told->previous)
		told->previous->next = told->next;
	else
		cause->told = told->next;
	if (told->next)
		told->next->previous = told->previous;
	else
		cause->told_last = told->previous;
}

static void told_free(struct verdict *verdict, struct told *told)
{
	if (told->violation)
		list_of(verdict, told->violation->rule)->told_nr--;
	free(told->violation);
	free(told);
}

/* NULL: there is none. */
static struct told *told_find(const struct cause *cause, const struct told *told)
{
	struct told *found = cause->told_last;

	/* Nearly all come in order of their requests: those that are new need no looking. */
	if (told->request > cause->told_most)
		return NULL;
	while (found && !told_alike(found, told))
		found = found->previous;
	return found;
}

/* @told is in no list. */
static void told_add(struct verdict *verdict, struct cause *cause, struct told *told)
{
	struct told *older;

	/* Grown, it may touch one more. */
	while ((older = told_find(cause, told))) {
		told_unlink(cause, older);
		told_merge(older, told, cause->union_count);
		told_free(verdict, told);
		told = older;
	}
	told_link(cause, told);
	told_tell(cause, told);
}

void cause_drop_told(struct cause *cause, struct told *told)
{
	told_unlink(cause, told);
	cause->untold++;
	free(told);
}

/* @older takes over what @cause knows; it is in no tree meanwhile. */
static void cause_merge(struct verdict *verdict, struct cause *older, struct cause *cause)
{
	if (older->first > cause->first)
		older->first = cause->first;
	if (older->last < cause->last)
		older->last = cause->last;
	if (older->time_first > cause->time_first)
		older->time_first = cause->time_first;
	if (older->time_last < cause->time_last)
		older->time_last = cause->time_last;
	if (older->hold < cause->hold)
		older->hold = cause->hold;
	if (older->changed < cause->changed)
		older->changed = cause->changed;
	older->occurrences += cause->occurrences;
	older->count += cause->count;
	if (older->union_count)
		older->count = older->last - older->first + 1;
	older->untold += cause->untold;
	for (struct told *told = cause->told, *next; told; told = next) {
		next = told->next;
		told_add(verdict, older, told);
	}
	cause->told = cause->told_last = NULL;
}

struct cause *cause_enter(struct verdict *verdict, struct cause_set *set, struct cause *cause)
{
	struct cause *const *found;

	/* Grown, it may touch one more. */
	while ((found = (struct cause *const *)tfind(cause, &set->tree, cause_order))) {
		struct cause *older = *found;

		cause_remove(set, older);
		cause_merge(verdict, older, cause);
		cause_free(verdict, cause);
		cause = older;
	}
	if (!tsearch(cause, &set->tree, cause_order)) {
		verdict->failed = true;
		cause_free(verdict, cause);
		return NULL;
	}
	set_link(set, cause);
	cause_tell(cause);
	return cause;
}

/* One of @set that would explain [first, last], or that is a neighbour of those which would. */
static struct cause *explanation_find(const struct cause_set *set, const struct cause *cause,
				      const struct explanation *by, __u64 first, __u64 last)
{
	struct cause wanted = {
		.descriptor = descriptor_find(by->rule),
		.inode = cause->inode,
		.variant = by->variant,
		.anyone = by->anyone,
		.immune = by->immune,
		.first = first,
		.last = last,
	};
	struct cause *const *found = tfind(&wanted, &set->tree, cause_order);

	return found ? *found : NULL;
}

static bool cause_covers(const struct cause *cause, __u64 pgoff)
{
	return cause && cause->first <= pgoff && pgoff <= cause->last;
}

struct cause *cause_explanation(const struct cause_set *set, const struct cause *cause, __u64 pgoff)
{
	const struct explanation *explained = cause->explained;

	for (; explained && explained->rule; explained++) {
		struct cause *by = explanation_find(set, cause, explained, pgoff, pgoff);

		if (cause_covers(by, pgoff) && by->time_last >= cause->changed)
			return by;
	}
	return NULL;
}

struct cause *cause_explanation_any(const struct cause_set *set, const struct cause *cause)
{
	const struct explanation *by = cause->explained;
	__u64 first = cause->first, last = cause->last;

	for (; by && by->rule; by++) {
		struct cause *found;

		/* What touches all but the ends overlaps the whole. */
		found = last - first > 1 ? explanation_find(set, cause, by, first + 1, last - 1)
					 : explanation_find(set, cause, by, first, first);
		if (found && (last - first > 1 || cause_covers(found, first)))
			return found;
		found = explanation_find(set, cause, by, last, last);
		if (cause_covers(found, last))
			return found;
	}
	return NULL;
}

void cause_free(struct verdict *verdict, struct cause *cause)
{
	for (struct told *told = cause->told, *next; told; told = next) {
		next = told->next;
		told_free(verdict, told);
	}
	free(cause);
}

void cause_set_free(struct verdict *verdict, struct cause_set *set)
{
	while (set->first) {
		struct cause *cause = set->first;

		cause_remove(set, cause);
		cause_free(verdict, cause);
	}
}
