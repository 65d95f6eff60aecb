// SPDX-License-Identifier: GPL-2.0
/* Which rules are not judged, or not throughout, and why. */
#include <stdio.h>

#include "model/plural.h"
#include "internal.h"

__u64 history_lost(const struct model_counts *counts)
{
	return counts->lost - counts->lost_by_cause[RECORD_LOSS_SCRATCH_BUSY] -
	       counts->lost_by_cause[RECORD_LOSS_SNAPSHOT_TOO_LARGE];
}

/* What is said of @rule, from now on or so far: rules are asked one by one. */
static struct verdict_not_judged *not_judged_of(struct verdict *verdict, const struct rule *rule)
{
	struct verdict_not_judged *entry = &verdict->not_judged[verdict->not_judged_nr];

	if (verdict->not_judged_nr && entry[-1].rule == rule)
		return entry - 1;
	verdict->not_judged_nr++;
	*entry = (struct verdict_not_judged){ .rule = rule, .partly = true };
	return entry;
}

__attribute__((format(printf, 3, 0))) static void
entry_say(struct verdict_not_judged *entry, bool partly, const char *format, va_list list)
{
	entry->unasked = false;
	entry->partly &= partly;
	text_add(entry->reason, sizeof(entry->reason), "; ", format, list);
}

/* One reason more why it is not judged at all. */
__attribute__((format(printf, 3, 4))) static void
not_judged_add(struct verdict *verdict, const struct rule *rule, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	entry_say(not_judged_of(verdict, rule), false, format, list);
	va_end(list);
}

/* The same where a part of it is: of some pages, for some time, or in some respect. */
__attribute__((format(printf, 3, 4))) static void
partly_judged_add(struct verdict *verdict, const struct rule *rule, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	entry_say(not_judged_of(verdict, rule), true, format, list);
	va_end(list);
}

/* Whether an inode was met of a kind that the rule speaks of. */
static bool provider_met(const struct model *model, const struct rule *rule,
			 const struct model_counts *counts)
{
	const struct model_inode *inode = NULL;

	while ((inode = model_inode_next(model, inode))) {
		if (rule->providers & RULE_PROVIDER(inode->provider))
			return true;
	}
	/* Nobody's pages were, and they were judged. */
	return rule->providers & PROVIDERS_RESET && counts->foreign_flushed;
}

static void explain_unmet(struct verdict *verdict, const struct rule *rule)
{
	char kinds[80] = "";
	size_t used = 0;

	for (__u32 provider = 0; provider < 32 && used < sizeof(kinds); provider++) {
		if (rule->providers & RULE_PROVIDER(provider))
			used += (size_t)snprintf(kinds + used, sizeof(kinds) - used, "%s%s",
						 used ? ", " : "", model_provider_name(provider));
	}
	not_judged_add(verdict, rule, "no inode was met of a kind that it speaks of (%s)", kinds);
}

/* A state that is read: nothing that was or was not seen happen says anything of it. */
static void explain_mapped(struct verdict *verdict, const struct rule *rule)
{
	const struct map *map = &verdict->map;
	const char *reason = map_not_judged(map);

	if (!reason && verdict->unwalked)
		reason = "the last walk of the direct map did not reach its end";
	if (!reason && map->on_their_way)
		reason = "a page that is absent and nobody's may be on its way to a file: who made "
			 "it so was not seen to go on";
	if (!reason)
		return;
	if (map_judged(map) && !verdict->unwalked)
		partly_judged_add(verdict, rule, "%s", reason);
	else
		not_judged_add(verdict, rule, "%s", reason);
	not_judged_of(verdict, rule)->unasked = !map->passes && !map->open && !verdict->walk.open;
}

/* Nobody was promised anything: then there is nothing to break, and nothing to make a fuss about. */
static void explain_unpromised(struct verdict *verdict, const struct rule *rule)
{
	bool alone = !not_judged_of(verdict, rule)->reason[0];

	not_judged_add(verdict, rule,
		       "no page was held against what KVM had promised: none was bound, or its "
		       "user has the last word");
	not_judged_of(verdict, rule)->unasked = alone;
}

static void explain_promises(struct verdict *verdict, const struct rule *rule,
			     const struct model_counts *counts)
{
	if (!counts->pages_promised) {
		explain_unpromised(verdict, rule);
		return;
	}
	if (counts->promises_forgotten)
		partly_judged_add(verdict, rule,
				  "not judged throughout: more was promised than is kept in mind, "
				  "%llu time%s",
				  (unsigned long long)counts->promises_forgotten,
				  plural(counts->promises_forgotten));
	if (counts->promises_stuck)
		partly_judged_add(verdict, rule,
				  "not judged throughout: %llu conversion%s not ended, and what "
				  "was promised then is not known since",
				  (unsigned long long)counts->promises_stuck,
				  plural_of(counts->promises_stuck, " has", "s have"));
}

static __u64 inodes_older(const struct model *model)
{
	const struct model_inode *inode = NULL;
	__u64 older = 0;

	while ((inode = model_inode_next(model, inode)))
		older += inode->before_attach && provider_has(inode->provider, PROVIDER_JUDGED);
	return older;
}

static void explain_page_free(struct verdict *verdict, const struct rule *rule,
			      const struct model_counts *counts)
{
	__u64 older = inodes_older(verdict->model);

	if (!(counts->groups & SENSOR_GROUP_PAGE_FREE))
		not_judged_add(verdict, rule, "the page-free sensors are off");
	else if (counts->lost_by_cause[RECORD_LOSS_MISSED_FREE])
		partly_judged_add(
			verdict, rule, "not judged throughout: %llu %s not looked at",
			(unsigned long long)counts->lost_by_cause[RECORD_LOSS_MISSED_FREE],
			plural_of(counts->lost_by_cause[RECORD_LOSS_MISSED_FREE], "free was",
				  "frees were"));
	/* Frees are looked at of what the sensors saw made absent. */
	else if (older)
		partly_judged_add(
			verdict, rule,
			"not judged throughout: %llu %s older than the sensors, and pages that "
			"were absent before are not looked at when they are freed",
			(unsigned long long)older, plural_of(older, "inode is", "inodes are"));
}

/* Whether CPUs take part in flushes is a part of what the rule judges, or all of it: of reads there. */
static void explain_answers(struct verdict *verdict, const struct rule *rule,
			    const struct model_counts *counts)
{
	const char *unwitnessed = model_fact_find(verdict->model, RECORD_FACT_UNWITNESSED);
	__u64 lost = counts->lost_by_cause[RECORD_LOSS_UNWITNESSED];
	bool looked = !unwitnessed && counts->groups & SENSOR_GROUP_WITNESS, unasked;

	if (looked && !lost)
		return;
	unasked = !looked && !not_judged_of(verdict, rule)->reason[0];
	if (unwitnessed)
		partly_judged_add(verdict, rule, "not which CPUs answer: %.120s", unwitnessed);
	else if (!looked)
		partly_judged_add(verdict, rule,
				  "not which CPUs answer: nobody looked (--witness)");
	else
		partly_judged_add(
			verdict, rule, "not throughout which CPUs answer: %llu %s not looked at",
			(unsigned long long)lost, plural_of(lost, "flush was", "flushes were"));
	not_judged_of(verdict, rule)->unasked = unasked;
	not_judged_of(verdict, rule)->partly &= looked || !descriptor_find(rule->id)->stale_read;
}

#define REACH_WORDS "not what guests can reach: "

static void explain_unreached(struct verdict *verdict, const struct rule *rule)
{
	bool alone = !not_judged_of(verdict, rule)->reason[0];

	partly_judged_add(verdict, rule, REACH_WORDS "nobody looked (only check does)");
	not_judged_of(verdict, rule)->unasked = alone;
}

/* What guests can reach, and what is marked as theirs, are the parts of what the rule judges. */
static void explain_guest(struct verdict *verdict, const struct rule *rule,
			  const struct model_counts *counts)
{
	const struct model *model = verdict->model;
	const char *shadowed = model_fact_find(model, RECORD_FACT_SHADOWED);
	char reason[160];

	if (!sight_trusted(model, "mark_prepared_exit", reason, sizeof(reason)))
		partly_judged_add(verdict, rule, "not what is marked as prepared: %s", reason);
	if (!(counts->groups & SENSOR_GROUP_GUEST))
		explain_unreached(verdict, rule);
	else if (shadowed)
		partly_judged_add(verdict, rule, REACH_WORDS "%.120s", shadowed);
	else if (!sight_trusted(model, "guest_map_exit", reason, sizeof(reason)) ||
		 !sight_trusted(model, "guest_unmap_exit", reason, sizeof(reason)))
		partly_judged_add(verdict, rule, REACH_WORDS "%s", reason);
	if (counts->reach_forgotten)
		partly_judged_add(verdict, rule, "not throughout what guests can reach: " FORGOTTEN,
				  (unsigned long long)counts->reach_forgotten,
				  plural(counts->reach_forgotten));
}

/* Captures from before it was looked at do not say. Where no entry is global there is nothing to lose. */
static void explain_global(struct verdict *verdict, const struct rule *rule)
{
	const char *global = model_fact_find(verdict->model, RECORD_FACT_GLOBAL);
	bool alone;

	if (!global) {
		not_judged_add(verdict, rule, "who recorded this did not look at that yet");
	} else if (strcmp(global, RECORD_GLOBAL_YES) != 0) {
		alone = !not_judged_of(verdict, rule)->reason[0];
		not_judged_add(verdict, rule, "the direct map: %.120s", global);
		not_judged_of(verdict, rule)->unasked = alone && !strcmp(global, RECORD_GLOBAL_NO);
	}
}

static bool judges_requests(const struct rule *rule)
{
	const struct rule_descriptor *descriptor = descriptor_find(rule->id);

	return descriptor->request_ended || descriptor->request_stuck || descriptor->slept;
}

/* What a rule needs, and does not have, each with its reason. */
static void explain_needs(struct verdict *verdict, const struct rule *rule,
			  const struct model_counts *counts)
{
	const char *limit =
		rule->limited_by ? model_fact_find(verdict->model, rule->limited_by) : NULL;
	bool unasked;

	if (rule->needs & RULE_NEEDS_PAGE_FREE)
		explain_page_free(verdict, rule, counts);
	if (rule->needs & RULE_NEEDS_SNAPSHOT && !counts->snapshots)
		not_judged_add(verdict, rule, "no snapshot was read");
	if (rule->needs & RULE_NEEDS_HISTORY && (history_lost(counts) || counts->missed))
		partly_judged_add(verdict, rule,
				  "not judged throughout: %llu record%s lost, %llu call%s missed",
				  (unsigned long long)history_lost(counts),
				  plural(history_lost(counts)), (unsigned long long)counts->missed,
				  plural(counts->missed));
	if (rule->needs & RULE_NEEDS_PAGES && counts->requests_unread)
		partly_judged_add(verdict, rule,
				  "not judged throughout: %llu call%s on inodes older than the "
				  "sensors came before their pages were read twice",
				  (unsigned long long)counts->requests_unread,
				  plural(counts->requests_unread));
	if (rule->needs & RULE_NEEDS_PAGES && counts->contradicted)
		partly_judged_add(
			verdict, rule,
			"not judged throughout: %llu page%s came or changed by what no sensor "
			"knows",
			(unsigned long long)counts->contradicted, plural(counts->contradicted));
	if (verdict->early && judges_requests(rule))
		partly_judged_add(
			verdict, rule,
			"not judged throughout: %llu call%s begun before the sensors came",
			(unsigned long long)verdict->early,
			plural_of(verdict->early, " had", "s had"));
	if (verdict->excused[rule->id] && inodes_older(verdict->model))
		partly_judged_add(verdict, rule,
				  "not judged throughout: %llu page%s of inodes older than the "
				  "sensors looked wrong, which a call from before may explain",
				  (unsigned long long)verdict->excused[rule->id],
				  plural(verdict->excused[rule->id]));
	if (limit)
		partly_judged_add(verdict, rule, "not judged throughout: %.120s", limit);
	if (rule->needs & RULE_NEEDS_PROMISES)
		explain_promises(verdict, rule, counts);
	if (rule->needs & RULE_NEEDS_ANSWERS)
		explain_answers(verdict, rule, counts);
	if (rule->needs & RULE_NEEDS_GUEST)
		explain_guest(verdict, rule, counts);
	if (rule->needs & RULE_NEEDS_GLOBAL)
		explain_global(verdict, rule);
	if (rule->needs & RULE_NEEDS_CHANGES && !(counts->groups & SENSOR_GROUP_CHANGES)) {
		unasked = !not_judged_of(verdict, rule)->reason[0];
		not_judged_add(verdict, rule,
			       "when changes began was not recorded (record --changes)");
		not_judged_of(verdict, rule)->unasked = unasked;
	}
}

static void explain_rule(struct verdict *verdict, const struct rule *rule,
			 const struct model_counts *counts)
{
	const struct rule_descriptor *descriptor = descriptor_find(rule->id);
	char reason[160];

	if (!rule->built) {
		not_judged_add(verdict, rule, "not built yet");
		return;
	}
	if (rule->needs & RULE_NEEDS_MAP) {
		explain_mapped(verdict, rule);
		if (descriptor->unjudged(verdict->model, reason, sizeof(reason)))
			partly_judged_add(verdict, rule, "%s", reason);
		return;
	}
	if (!rule_sighted(verdict->model, rule, reason, sizeof(reason)))
		not_judged_add(verdict, rule, "%s", reason);
	else if (descriptor->unjudged &&
		 descriptor->unjudged(verdict->model, reason, sizeof(reason)))
		partly_judged_add(verdict, rule, "%s", reason);
	/* The rest would follow from that. */
	if (!provider_met(verdict->model, rule, counts))
		explain_unmet(verdict, rule);
	else
		explain_needs(verdict, rule, counts);
}

void rules_explain(struct verdict *verdict, const struct model_counts *counts)
{
	const struct rule *rule = NULL;

	verdict->not_judged_nr = 0;
	while ((rule = rule_next(rule)))
		explain_rule(verdict, rule, counts);
}

__u64 verdict_judged(const struct verdict *verdict)
{
	struct verdict now = *verdict;
	struct model_counts counts;
	__u64 judged = 0;

	model_count(verdict->model, &counts);
	rules_explain(&now, &counts);
	for (const struct rule *rule = NULL; (rule = rule_next(rule));)
		judged |= 1ULL << rule->id;
	for (size_t i = 0; i < now.not_judged_nr; i++) {
		if (!now.not_judged[i].partly)
			judged &= ~(1ULL << now.not_judged[i].rule->id);
	}
	return judged;
}

const struct verdict_not_judged *verdict_not_judged(const struct verdict *verdict, size_t index)
{
	return index < verdict->not_judged_nr ? &verdict->not_judged[index] : NULL;
}
