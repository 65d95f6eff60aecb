// SPDX-License-Identifier: GPL-2.0
/*
 * Collects what the rules say. An accusation waits until it is sure that no
 * record was lost that might explain it, then becomes a violation; those of
 * one cause melt into one.
 */
#include <stdio.h>
#include "internal.h"

#define CAUSES_MAX 1000

static bool cause_same(const struct cause *cause, const struct accusation *accusation)
{
	return cause->violation.rule->id == accusation->rule &&
	       cause->violation.inode == accusation->inode &&
	       cause->variant == accusation->variant && cause->immune == accusation->immune;
}

static bool cause_touches(const struct verdict_violation *violation, __u64 first, __u64 last)
{
	return first <= violation->pgoff_last + 1 && violation->pgoff_first <= last + 1;
}

/* Pages of [first, last] that the violation does not hold yet. */
static __u64 cause_grow(struct cause *cause, __u64 first, __u64 last, __u64 count)
{
	struct verdict_violation *violation = &cause->violation;
	__u64 before = violation->pgoff_last - violation->pgoff_first;

	if (first < violation->pgoff_first)
		violation->pgoff_first = first;
	if (last > violation->pgoff_last)
		violation->pgoff_last = last;
	if (cause->union_count)
		count = violation->pgoff_last - violation->pgoff_first - before;
	violation->count += count;
	return count;
}

static struct cause *cause_find(struct cause **causes, size_t nr,
				const struct accusation *accusation)
{
	__u64 last = accusation->pgoff + accusation->nr - 1;

	/* The newest first: accusations come in ascending runs. */
	for (size_t i = nr; i > 0; i--) {
		struct cause *cause = causes[i - 1];

		if (cause_same(cause, accusation) &&
		    cause_touches(&cause->violation, accusation->pgoff, last))
			return cause;
	}
	return NULL;
}

static bool causes_grow(struct verdict *verdict, struct cause ***causes, size_t nr, size_t *room)
{
	size_t more = *room ? *room * 2 : 16;
	struct cause **grown;

	if (nr < *room)
		return true;
	grown = realloc(*causes, more * sizeof(struct cause *));
	if (!grown) {
		verdict->failed = true;
		return false;
	}
	*causes = grown;
	*room = more;
	return true;
}

struct verdict_violation *verdict_accuse(struct verdict *verdict,
					 const struct accusation *accusation)
{
	__u64 last = accusation->pgoff + accusation->nr - 1;
	struct verdict_violation *violation;
	struct cause *cause;

	cause = cause_find(verdict->pending, verdict->pending_nr, accusation);
	if (cause) {
		cause_grow(cause, accusation->pgoff, last, accusation->nr);
		if (cause->violation.time_last < accusation->to)
			cause->violation.time_last = accusation->to;
		if (cause->violation.time_first > accusation->from)
			cause->violation.time_first = accusation->from;
		if (cause->hold < accusation->hold)
			cause->hold = accusation->hold;
		return NULL;
	}
	if (!causes_grow(verdict, &verdict->pending, verdict->pending_nr, &verdict->pending_room))
		return NULL;
	cause = calloc(1, sizeof(*cause));
	if (!cause) {
		verdict->failed = true;
		return NULL;
	}
	verdict->pending[verdict->pending_nr++] = cause;
	cause->variant = accusation->variant;
	cause->hold = accusation->hold;
	cause->union_count = accusation->union_count;
	cause->immune = accusation->immune;
	cause->anyone = accusation->anyone;
	violation = &cause->violation;
	violation->rule = rule_find(accusation->rule);
	violation->inode = accusation->inode;
	violation->pgoff_first = accusation->pgoff;
	violation->pgoff_last = last;
	violation->count = accusation->nr;
	violation->time_first = accusation->from;
	violation->time_last = accusation->to;
	violation->events_nr = model_page_events(verdict->model, accusation->inode,
						 accusation->pgoff, accusation->pfn, accusation->to,
						 violation->events, VERDICT_EVENTS_MAX);
	return violation;
}

static void cause_finish(struct verdict *verdict, struct cause *cause)
{
	struct verdict_violation *violation = &cause->violation;
	struct accusation accusation = {
		.rule = violation->rule->id,
		.inode = violation->inode,
		.pgoff = violation->pgoff_first,
		.nr = violation->pgoff_last - violation->pgoff_first + 1,
		.variant = cause->variant,
		.immune = cause->immune,
	};
	struct cause *known = cause_find(verdict->final, verdict->final_nr, &accusation);

	if (known) {
		verdict->rule_count[accusation.rule] += cause_grow(
			known, violation->pgoff_first, violation->pgoff_last, violation->count);
		if (known->violation.time_last < violation->time_last)
			known->violation.time_last = violation->time_last;
		free(cause);
		return;
	}
	verdict->rule_count[accusation.rule] += violation->count;
	if (verdict->final_nr == verdict->options.violations_max ||
	    !causes_grow(verdict, &verdict->final, verdict->final_nr, &verdict->final_room)) {
		verdict->unlisted++;
		free(cause);
		return;
	}
	verdict->final[verdict->final_nr++] = cause;
}

static int cause_compare(const void *left, const void *right)
{
	const struct verdict_violation *a = *(const struct verdict_violation *const *)left;
	const struct verdict_violation *b = *(const struct verdict_violation *const *)right;

	if (a->rule->id != b->rule->id)
		return a->rule->id < b->rule->id ? -1 : 1;
	if (a->time_first != b->time_first)
		return a->time_first < b->time_first ? -1 : 1;
	if (a->pgoff_first != b->pgoff_first)
		return a->pgoff_first < b->pgoff_first ? -1 : 1;
	return 0;
}

/* Makes final what no loss can explain any more. @all: nothing more will be told of. */
static void causes_settle(struct verdict *verdict, __u64 now, bool all)
{
	size_t kept = 0, before = verdict->final_nr;

	for (size_t i = 0; i < verdict->pending_nr; i++) {
		struct cause *cause = verdict->pending[i];
		__u64 due = cause->violation.time_last + verdict->options.settle_ns;

		if (cause->hold ? cause->hold > now : !all && due > now) {
			verdict->pending[kept++] = cause;
			continue;
		}
		if (cause->hold && !all && cause->hold + verdict->options.settle_ns > now) {
			verdict->pending[kept++] = cause;
			continue;
		}
		cause_finish(verdict, cause);
	}
	verdict->pending_nr = kept;
	if (verdict->final_nr > before)
		qsort(verdict->final, verdict->final_nr, sizeof(struct cause *), cause_compare);
}

static void rules_doubt(void *context, const struct model_doubt *doubt)
{
	struct verdict *verdict = context;
	struct model_counts counts;
	size_t kept = 0;

	model_count(verdict->model, &counts);
	/* Calls begun before the sensors were armed end unseen in the first moments. */
	if (doubt->reason == MODEL_DOUBT_UNSEEN && doubt->since > counts.started)
		verdict->unseen += doubt->count;
	for (size_t i = 0; i < verdict->pending_nr; i++) {
		struct cause *cause = verdict->pending[i];
		__u64 last = cause->violation.time_last > cause->hold ? cause->violation.time_last
								      : cause->hold;
		bool other = doubt->inode && cause->violation.inode && !cause->anyone &&
			     doubt->inode != cause->violation.inode;

		if (cause->immune || other || doubt->since > last) {
			verdict->pending[kept++] = cause;
			continue;
		}
		verdict->unproven += cause->violation.count;
		free(cause);
	}
	verdict->pending_nr = kept;
}

static void rules_advanced(void *context, __u64 now)
{
	struct verdict *verdict = context;

	/* A loss is told of at the heartbeat behind it: only what the last one knew is final. */
	causes_settle(verdict, verdict->advanced, false);
	verdict->advanced = now;
}

static void rules_finished(void *context, __u64 now)
{
	struct verdict *verdict = context;

	causes_settle(verdict, now, true);
	for (size_t i = 0; i < verdict->pending_nr; i++) {
		verdict->unproven += verdict->pending[i]->violation.count;
		free(verdict->pending[i]);
	}
	verdict->pending_nr = 0;
	verdict->finished = true;
	verdict_explain(verdict);
}

struct verdict *verdict_create(struct model *model, const struct verdict_options *options)
{
	struct verdict *verdict = calloc(1, sizeof(*verdict));
	struct model_observer observer = {
		.context = verdict,
		.request_ended = rules_request_ended,
		.request_stuck = rules_request_stuck,
		.zapped = rules_zapped,
		.flush_judged = rules_flush_judged,
		.page_read = rules_page_read,
		.freed_absent = rules_freed_absent,
		.doubt = rules_doubt,
		.advanced = rules_advanced,
		.finished = rules_finished,
	};

	if (!verdict)
		return NULL;
	verdict->model = model;
	if (options)
		verdict->options = *options;
	if (!verdict->options.violations_max)
		verdict->options.violations_max = CAUSES_MAX;
	if (!verdict->options.settle_ns)
		verdict->options.settle_ns = 150ULL * 1000 * 1000;
	if (!model_observe(model, &observer))
		return verdict;
	free(verdict);
	return NULL;
}

void verdict_free(struct verdict *verdict)
{
	if (!verdict)
		return;
	for (size_t i = 0; i < verdict->pending_nr; i++)
		free(verdict->pending[i]);
	for (size_t i = 0; i < verdict->final_nr; i++)
		free(verdict->final[i]);
	free(verdict->pending);
	free(verdict->final);
	free(verdict->incomplete);
	free(verdict);
}

void verdict_mark_incomplete(struct verdict *verdict, const char *why)
{
	free(verdict->incomplete);
	verdict->incomplete = strdup(why);
	if (!verdict->incomplete)
		verdict->failed = true;
	if (verdict->finished)
		verdict_explain(verdict);
}

bool verdict_pending(const struct verdict *verdict)
{
	return !verdict->finished && (verdict->pending_nr || model_unsettled(verdict->model));
}

const struct verdict_violation *verdict_violation(const struct verdict *verdict, size_t index)
{
	return index < verdict->final_nr ? &verdict->final[index]->violation : NULL;
}

size_t verdict_violations(const struct verdict *verdict)
{
	return verdict->final_nr;
}

__u64 verdict_rule_count(const struct verdict *verdict, enum rule_id id)
{
	return id < RULE_MAX ? verdict->rule_count[id] : 0;
}

__u64 verdict_unlisted(const struct verdict *verdict)
{
	return verdict->unlisted;
}

const struct model *verdict_model(const struct verdict *verdict)
{
	return verdict->model;
}
