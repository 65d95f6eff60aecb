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
		by = order(a->immune << 2 | a->anyone << 1 | a->pgoff_unknown,
			   b->immune << 2 | b->anyone << 1 | b->pgoff_unknown);
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

void cause_tell(const struct cause *cause)
{
	struct verdict_violation *told = cause->told;

	if (!told)
		return;
	told->pgoff_first = cause->first;
	told->pgoff_last = cause->last;
	told->count = cause->count;
	told->occurrences = cause->occurrences;
	told->pages = !cause->of_pages	     ? 0
		      : cause->pgoff_unknown ? cause->count
					     : cause->last - cause->first + 1;
	told->time_first = cause->time_first;
	told->time_last = cause->time_last;
}

/* @older takes over what @cause knows; it is in no tree meanwhile. */
static void cause_merge(struct cause *older, const struct cause *cause)
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
}

struct cause *cause_enter(struct verdict *verdict, struct cause_set *set, struct cause *cause)
{
	struct cause *const *found;

	/* Grown, it may touch one more. */
	while ((found = (struct cause *const *)tfind(cause, &set->tree, cause_order))) {
		struct cause *older = *found;

		cause_remove(set, older);
		cause_merge(older, cause);
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
	verdict->told_nr -= cause->told != NULL;
	free(cause->told);
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
