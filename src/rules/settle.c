// SPDX-License-Identifier: GPL-2.0
/*
 * When what the rules say is final: as soon as no record can have been lost that might explain
 * it, and nothing it may only follow from is still open. What a loss explains is dropped; what
 * rests on a history that a read contradicts is taken back, final or not.
 */
#include "internal.h"

static bool rests_on_pages(const struct cause *cause)
{
	return cause->descriptor->rule.needs & RULE_NEEDS_PAGES;
}

/* Who was contradicted may have, unseen, a page that nobody had, or that another has. */
static bool cause_contradicted(const struct cause *cause, const struct model_inode *inode)
{
	return rests_on_pages(cause) &&
	       (cause->inode == inode || cause->anyone || cause->pgoff_unknown);
}

/* Whether it may be taken back before long. */
static bool contradiction_waits(const struct verdict *verdict, const struct cause *cause)
{
	for (size_t i = 0; i < verdict->contradictions_nr; i++) {
		if (cause_contradicted(cause, verdict->contradictions[i].inode))
			return true;
	}
	return false;
}

/* Whether a loss may still be told of that would explain it. @all: nothing more will be. */
static bool cause_waits(const struct verdict *verdict, const struct cause *cause, __u64 now,
			bool all)
{
	__u64 settle = verdict->options.settle_ns;

	if (!cause->hold)
		return !all && cause->time_last + settle > now;
	return cause->hold + (all ? 0 : settle) > now;
}

/* Where each of two may follow from the other, the one that began first does not wait. */
static bool explanation_is_first(const struct verdict *verdict, const struct cause *cause,
				 const struct cause *by)
{
	return by->time_first <= cause->time_first ||
	       cause_explanation_any(&verdict->pending, by) != cause;
}

/* Whether what may explain it is still to become final. */
static bool explanation_waits(const struct verdict *verdict, const struct cause *cause, __u64 now,
			      bool all)
{
	const struct cause *by = cause_explanation_any(&verdict->pending, cause);

	return by && !(all && cause_waits(verdict, by, now, all)) &&
	       explanation_is_first(verdict, cause, by);
}

/* Whether all of it follows from what is final. */
static bool cause_follows(const struct verdict *verdict, const struct cause *cause)
{
	const struct cause *by;

	for (__u64 pgoff = cause->first; pgoff <= cause->last; pgoff = by->last + 1) {
		by = cause_explanation(&verdict->final, cause, pgoff);
		if (!by)
			return false;
	}
	return true;
}

/* What is said of @by, of pages in [first, last], says that more was seen; once. */
static void explanation_tell(const struct cause *by, __u64 first, __u64 last,
			     const struct rule *rule)
{
	for (struct told *told = by->told; told; told = told->next) {
		if (told->followed || told->last < first || last < told->first)
			continue;
		violation_add_words(told->violation, " What follows from it was seen, too: %s.",
				    rule->name);
		told->followed = true;
	}
}

static void explanations_tell(const struct verdict *verdict, const struct cause *cause)
{
	const struct cause *by;

	for (__u64 pgoff = cause->first; pgoff <= cause->last; pgoff = by->last + 1) {
		by = cause_explanation(&verdict->final, cause, pgoff);
		explanation_tell(by, pgoff, cause->last, &cause->descriptor->rule);
	}
}

static bool cause_violates(const struct verdict *verdict, const struct cause *cause)
{
	return list_of(verdict, &cause->descriptor->rule) == &verdict->lists->violations &&
	       !cause_left_out(verdict, cause);
}

/* Whether it stands by itself where what explains it is taken back. */
static bool cause_outlives(const struct verdict *verdict, const struct cause *cause)
{
	const struct cause *by;

	for (__u64 pgoff = cause->first; !rests_on_pages(cause) && pgoff <= cause->last;
	     pgoff = by->last + 1) {
		by = cause_explanation(&verdict->final, cause, pgoff);
		if (rests_on_pages(by))
			return true;
	}
	return false;
}

static void cause_follow(struct verdict *verdict, struct cause *cause)
{
	explanations_tell(verdict, cause);
	if (cause_outlives(verdict, cause))
		cause_enter(verdict, &verdict->following, cause);
	else
		cause_free(verdict, cause);
}

/* @cause is in no set. */
static void cause_finish(struct verdict *verdict, struct cause *cause)
{
	if (cause_follows(verdict, cause)) {
		cause_follow(verdict, cause);
		return;
	}
	for (struct told *told = cause->told; told && cause->descriptor->listed; told = told->next)
		cause->descriptor->listed(verdict, told->violation);
	cause = cause_enter(verdict, &verdict->final, cause);
	if (cause)
		verdict->violated |= cause_violates(verdict, cause);
}

static bool causes_settle_round(struct verdict *verdict, __u64 now, bool all)
{
	struct cause *cause = verdict->pending.first, *next;
	bool changed = false;

	for (; cause; cause = next) {
		next = cause->next;
		if (cause_waits(verdict, cause, now, all) || contradiction_waits(verdict, cause) ||
		    explanation_waits(verdict, cause, now, all))
			continue;
		cause_remove(&verdict->pending, cause);
		cause_finish(verdict, cause);
		changed = true;
	}
	return changed;
}

/* Of those that wait for each other in a circle the one that began first is the cause. */
static bool causes_settle_first(struct verdict *verdict, __u64 now)
{
	struct cause *first = NULL;

	for (struct cause *cause = verdict->pending.first; cause; cause = cause->next) {
		if (!cause_waits(verdict, cause, now, true) &&
		    (!first || cause->time_first < first->time_first))
			first = cause;
	}
	if (!first)
		return false;
	cause_remove(&verdict->pending, first);
	cause_finish(verdict, first);
	return true;
}

void causes_settle(struct verdict *verdict, __u64 now, bool all)
{
	bool changed = causes_settle_round(verdict, now, all);

	/* Some may have waited for what has just become final. */
	while (all && (causes_settle_round(verdict, now, all) || causes_settle_first(verdict, now)))
		;
	verdict->lists->stale |= changed;
}

static void cause_drop(struct verdict *verdict, struct cause_set *set, struct cause *cause)
{
	/* Whether a note is true decides nothing. */
	if (cause->descriptor->rule.severity == RULE_SEVERITY_VIOLATION)
		verdict->unproven += cause->count;
	cause_remove(set, cause);
	cause_free(verdict, cause);
}

void causes_drop(struct verdict *verdict)
{
	while (verdict->pending.first)
		cause_drop(verdict, &verdict->pending, verdict->pending.first);
}

void verdict_retract(struct verdict *verdict, __u32 rule, const struct model_inode *inode,
		     __u64 now)
{
	struct cause *cause = verdict->pending.first, *next;

	for (; cause; cause = next) {
		next = cause->next;
		if (cause->descriptor->rule.id != rule || cause->inode != inode ||
		    cause->hold <= now)
			continue;
		cause_remove(&verdict->pending, cause);
		cause_free(verdict, cause);
	}
}

static bool doubt_explains(const struct model_doubt *doubt, const struct cause *cause)
{
	__u64 last = cause->time_last > cause->hold ? cause->time_last : cause->hold;

	if (cause->immune || doubt->since > last)
		return false;
	return !doubt->inode || !cause->inode || cause->anyone || doubt->inode == cause->inode;
}

void causes_doubt(struct verdict *verdict, const struct model_doubt *doubt, bool answers)
{
	struct cause *cause = verdict->pending.first, *next;

	for (; cause; cause = next) {
		next = cause->next;
		if ((!answers || cause->answers) && doubt_explains(doubt, cause))
			cause_drop(verdict, &verdict->pending, cause);
	}
}

static void set_contradict(struct verdict *verdict, struct cause_set *set,
			   const struct model_inode *inode)
{
	struct cause *cause = set->first, *next;

	for (; cause; cause = next) {
		next = cause->next;
		if (!cause_contradicted(cause, inode))
			continue;
		if (set == &verdict->final && !cause_left_out(verdict, cause))
			verdict->taken_back[cause->descriptor->rule.id] += cause->count;
		cause_drop(verdict, set, cause);
	}
}

/* What only followed from what has been taken back. */
static void following_finish(struct verdict *verdict)
{
	struct cause *cause = verdict->following.first, *next;

	for (; cause; cause = next) {
		next = cause->next;
		if (cause_follows(verdict, cause))
			continue;
		cause_remove(&verdict->following, cause);
		cause_finish(verdict, cause);
	}
}

static void causes_contradict(struct verdict *verdict, const struct model_inode *inode)
{
	set_contradict(verdict, &verdict->pending, inode);
	set_contradict(verdict, &verdict->final, inode);
	following_finish(verdict);
	verdict->lists->stale = true;
	verdict->violated = false;
	for (struct cause *cause = verdict->final.first; cause; cause = cause->next)
		verdict->violated |= cause_violates(verdict, cause);
}

void contradiction_add(struct verdict *verdict, const struct model_inode *inode, __u64 now)
{
	size_t nr = verdict->contradictions_nr, room = nr < 8 ? 8 : nr * 2;
	struct contradiction *grown;

	for (size_t i = 0; i < nr; i++) {
		if (verdict->contradictions[i].inode == inode)
			return;
	}
	if (nr == verdict->contradictions_room) {
		grown = realloc(verdict->contradictions, room * sizeof(*grown));
		if (!grown) {
			verdict->failed = true;
			return;
		}
		verdict->contradictions = grown;
		verdict->contradictions_room = room;
	}
	verdict->contradictions[verdict->contradictions_nr++] =
		(struct contradiction){ inode, now };
}

void contradictions_explain(struct verdict *verdict, const struct model_doubt *doubt)
{
	size_t left = 0;

	/* The model has nothing left to forget of an inode that is gone. */
	for (size_t i = 0; i < verdict->contradictions_nr; i++) {
		const struct contradiction *waits = &verdict->contradictions[i];

		if (doubt->since > waits->time || (doubt->inode && doubt->inode != waits->inode))
			verdict->contradictions[left++] = *waits;
	}
	verdict->contradictions_nr = left;
}

void contradictions_settle(struct verdict *verdict, __u64 now, bool all)
{
	size_t left = 0;

	for (size_t i = 0; i < verdict->contradictions_nr; i++) {
		struct contradiction *waits = &verdict->contradictions[i];

		if (all || waits->time + verdict->options.settle_ns <= now)
			causes_contradict(verdict, waits->inode);
		else
			verdict->contradictions[left++] = *waits;
	}
	verdict->contradictions_nr = left;
}
