// SPDX-License-Identifier: GPL-2.0
/* What is final, in lists: violations, notes, and what is allowed. */
#include "internal.h"

static bool list_add(struct cause_list *list, struct verdict_violation *told)
{
	size_t room = list->room ? list->room * 2 : 16;
	struct verdict_violation **grown;

	if (list->nr == list->room) {
		grown = realloc(list->list, room * sizeof(struct verdict_violation *));
		if (!grown)
			return false;
		list->list = grown;
		list->room = room;
	}
	list->list[list->nr++] = told;
	return true;
}

static int told_order(const void *left, const void *right)
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

struct cause_list *list_of(const struct verdict *verdict, const struct rule *rule)
{
	if (rule->severity == RULE_SEVERITY_NOTE)
		return &verdict->lists->notes;
	return verdict_allows(verdict, rule) ? &verdict->lists->allowed
					     : &verdict->lists->violations;
}

static void list_sort(struct cause_list *list)
{
	if (list->nr)
		qsort(list->list, list->nr, sizeof(struct verdict_violation *), told_order);
}

/* Of an inode that was filtered out, or of nobody's page. */
static bool cause_unowned(const struct verdict *verdict, const struct cause *cause)
{
	return !cause->inode && model_filtered(verdict->model);
}

bool cause_left_out(const struct verdict *verdict, const struct cause *cause)
{
	const struct verdict_options *options = &verdict->options;

	if (cause_unowned(verdict, cause))
		return true;
	return options->pages_only && !cause->pgoff_unknown &&
	       (cause->last < options->pgoff_first || cause->first > options->pgoff_last);
}

static void cause_leave_out(const struct verdict *verdict, const struct cause *cause)
{
	const struct rule *rule = &cause->descriptor->rule;

	verdict->lists->left_out[rule->id] += cause->count;
	verdict->lists->left_out_nr +=
		rule->severity != RULE_SEVERITY_NOTE && !cause_unowned(verdict, cause);
}

static void list_add_cause(struct cause_list *list, const struct cause *cause)
{
	for (const struct told *told = cause->told; told; told = told->next) {
		if (!list_add(list, told->violation))
			list->unlisted++;
	}
	list->unlisted += cause->untold;
}

static void list_empty(struct cause_list *list)
{
	list->nr = list->unlisted = 0;
}

/* Listing takes as long as all that is final, and that grows: only who asks pays for it. */
static const struct verdict_lists *verdict_lists(const struct verdict *verdict)
{
	struct verdict_lists *lists = verdict->lists;

	if (!lists->stale)
		return lists;
	lists->stale = false;
	lists->left_out_nr = 0;
	memset(lists->left_out, 0, sizeof(lists->left_out));
	list_empty(&lists->violations);
	list_empty(&lists->notes);
	list_empty(&lists->allowed);
	for (struct cause *cause = verdict->final.first; cause; cause = cause->next) {
		struct cause_list *list = list_of(verdict, &cause->descriptor->rule);

		if (cause_left_out(verdict, cause)) {
			cause_leave_out(verdict, cause);
			continue;
		}
		list_add_cause(list, cause);
	}
	list_sort(&lists->violations);
	list_sort(&lists->notes);
	list_sort(&lists->allowed);
	patterns_make(verdict, lists);
	return lists;
}

static const struct verdict_violation *list_at(const struct cause_list *list, size_t index)
{
	return index < list->nr ? list->list[index] : NULL;
}

const struct verdict_violation *verdict_violation(const struct verdict *verdict, size_t index)
{
	return list_at(&verdict_lists(verdict)->violations, index);
}

const struct verdict_pattern *verdict_pattern(const struct verdict *verdict, size_t index)
{
	const struct verdict_lists *lists = verdict_lists(verdict);

	return index < lists->patterns_nr ? &lists->patterns[index] : NULL;
}

size_t verdict_violations(const struct verdict *verdict)
{
	return verdict_lists(verdict)->violations.nr;
}

__u64 verdict_left_out(const struct verdict *verdict)
{
	return verdict_lists(verdict)->left_out_nr;
}

__u64 verdict_unlisted(const struct verdict *verdict)
{
	return verdict_lists(verdict)->violations.unlisted;
}

const struct verdict_violation *verdict_note(const struct verdict *verdict, size_t index)
{
	return list_at(&verdict_lists(verdict)->notes, index);
}

size_t verdict_notes(const struct verdict *verdict)
{
	return verdict_lists(verdict)->notes.nr;
}

__u64 verdict_notes_unlisted(const struct verdict *verdict)
{
	return verdict_lists(verdict)->notes.unlisted;
}

const struct verdict_violation *verdict_allowed(const struct verdict *verdict, size_t index)
{
	return list_at(&verdict_lists(verdict)->allowed, index);
}

size_t verdict_alloweds(const struct verdict *verdict)
{
	return verdict_lists(verdict)->allowed.nr;
}

__u64 verdict_alloweds_unlisted(const struct verdict *verdict)
{
	return verdict_lists(verdict)->allowed.unlisted;
}

const char *verdict_allows(const struct verdict *verdict, const struct rule *rule)
{
	return verdict->options.allow[rule->id];
}

__u64 verdict_rule_count(const struct verdict *verdict, __u32 id)
{
	return id < RULE_IDS_MAX
		       ? verdict->final.rule_count[id] - verdict_lists(verdict)->left_out[id]
		       : 0;
}

__u64 verdict_rule_told(const struct verdict *verdict, __u32 id)
{
	return id < RULE_IDS_MAX ? verdict_rule_count(verdict, id) + verdict->taken_back[id] : 0;
}
