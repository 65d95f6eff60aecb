// SPDX-License-Identifier: GPL-2.0
/* The verdict's value, why it is inconclusive, and what could not be judged. */
#include <stdio.h>

#include "model/plural.h"
#include "gmemtrace/status.h"
#include "internal.h"

#define FORGOTTEN "more was to be known at once than is kept in mind, %llu time%s"

__attribute__((format(printf, 2, 3))) static void reason_add(struct verdict *verdict,
							     const char *format, ...)
{
	va_list list;

	if (verdict->reasons_nr == sizeof(verdict->reasons) / sizeof(verdict->reasons[0]))
		return;
	va_start(list, format);
	vsnprintf(verdict->reasons[verdict->reasons_nr++], sizeof(verdict->reasons[0]), format,
		  list);
	va_end(list);
}

/* Losses of history; a snapshot that was not read shows in the pages it leaves unread. */
static __u64 history_lost(const struct model_counts *counts)
{
	return counts->lost - counts->lost_by_cause[RECORD_LOSS_SCRATCH_BUSY] -
	       counts->lost_by_cause[RECORD_LOSS_SNAPSHOT_TOO_LARGE];
}

#define LOSER_FACT "sensor.lost.user."

/* Whose records they were, as far as the sensors know: whoever floods them is to be told. */
static void name_losers(const struct model *model, char *text, size_t size)
{
	const char *key, *value;
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; model_fact(model, i, &key, &value) && used < size; i++) {
		if (strncmp(key, LOSER_FACT, strlen(LOSER_FACT)) != 0 ||
		    value != model_fact_find(model, key))
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s user %s (%s)",
					 used ? "," : ", of", key + strlen(LOSER_FACT), value);
	}
}

static void explain_losses(struct verdict *verdict, const struct model_counts *counts)
{
	char causes[120] = "", losers[80];
	size_t used = 0;

	if (!history_lost(counts) && !counts->missed)
		return;
	for (__u32 cause = 0; cause < RECORD_LOSS_IDS_MAX && used < sizeof(causes); cause++) {
		if (counts->lost_by_cause[cause])
			used += (size_t)snprintf(causes + used, sizeof(causes) - used, "%s%s %llu",
						 used ? ", " : "", record_loss_name(cause),
						 (unsigned long long)counts->lost_by_cause[cause]);
	}
	name_losers(verdict->model, losers, sizeof(losers));
	reason_add(verdict, "records were lost or calls missed: %s%s", causes, losers);
}

static void explain_inodes(struct verdict *verdict, const struct model_counts *counts)
{
	const struct model_inode *inode = NULL;
	__u64 unread = 0, unknown = 0;

	while ((inode = model_inode_next(verdict->model, inode))) {
		/* One that was being released when the sensors were armed is none of them. */
		unread += inode->before_attach && inode->pages && !inode->compared &&
			  !(inode->dead && !inode->requests);
		unknown += !provider_has(inode->provider, PROVIDER_JUDGED);
	}
	if (unread)
		reason_add(verdict, "%llu %s never read", (unsigned long long)unread,
			   plural_of(unread, "inode is older than the sensors and was",
				     "inodes are older than the sensors and were"));
	if (unknown)
		reason_add(verdict, "%llu %s of unknown kind: how they began was not seen",
			   (unsigned long long)unknown,
			   plural_of(unknown, "inode is", "inodes are"));
	if (counts->inodes_unannounced)
		reason_add(verdict, "%llu %s spoken of before %s announced",
			   (unsigned long long)counts->inodes_unannounced,
			   plural_of(counts->inodes_unannounced, "inode was", "inodes were"),
			   plural_of(counts->inodes_unannounced, "it was", "they were"));
}

static void explain_requests(struct verdict *verdict)
{
	const struct model_request *request;
	__u64 open = 0;

	for (size_t i = 0; (request = model_request_open(verdict->model, i)); i++)
		open += !request->stuck;
	if (open)
		reason_add(verdict, "%llu request%s had not ended when the records end",
			   (unsigned long long)open, plural(open));
	if (verdict->unseen)
		reason_add(verdict, "%llu %s seen only in part",
			   (unsigned long long)verdict->unseen,
			   plural_of(verdict->unseen, "request was", "requests were"));
	if (verdict->unlooked)
		reason_add(verdict, "a request changed the same pages too often to be looked at");
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
	return rule->providers & RULE_PROVIDER(RECORD_PROVIDER_ANYBODY) && counts->foreign_flushed;
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

	if (!reason)
		return;
	if (map_judged(map))
		partly_judged_add(verdict, rule, "%s", reason);
	else
		not_judged_add(verdict, rule, "%s", reason);
	not_judged_of(verdict, rule)->unasked = !map->passes && !map->open;
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

static void explain_rules(struct verdict *verdict, const struct model_counts *counts)
{
	const struct rule *rule = NULL;

	verdict->not_judged_nr = 0;
	while ((rule = rule_next(rule)))
		explain_rule(verdict, rule, counts);
}

/* A rule that was judged only in part was not judged throughout: what is required is more. */
static void explain_required(struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->not_judged_nr; i++) {
		const struct verdict_not_judged *entry = &verdict->not_judged[i];

		if (verdict->options.require >> entry->rule->id & 1)
			reason_add(verdict, "%s is required: %.120s", entry->rule->name,
				   entry->reason);
	}
}

static __u64 inodes_compared(const struct model *model)
{
	const struct model_inode *inode = NULL;
	__u64 compared = 0;

	while ((inode = model_inode_next(model, inode)))
		compared += inode->compared != 0;
	return compared;
}

/* Green needs proof: something must have been there, and been compared. */
static void explain_empty(struct verdict *verdict, const struct model_counts *counts)
{
	const struct verdict_options *options = &verdict->options;
	__u64 inodes = inodes_compared(verdict->model);

	if (!options->allow_empty && !counts->inodes)
		reason_add(verdict, "nothing was judged: no guest_memfd and no memfd_secret was "
				    "seen");
	else if (!options->allow_empty && !counts->pages_compared)
		reason_add(verdict, "nothing was judged: 0 of %llu page%s compared",
			   (unsigned long long)counts->pages,
			   plural_of(counts->pages, " was", "s were"));
	if (counts->pages_compared < options->pages_min)
		reason_add(verdict, "%llu %s compared, %llu are required",
			   (unsigned long long)counts->pages_compared,
			   plural_of(counts->pages_compared, "page was", "pages were"),
			   (unsigned long long)options->pages_min);
	if (inodes < options->inodes_min)
		reason_add(verdict, "pages of %llu inode%s were compared, of %llu are required",
			   (unsigned long long)inodes, plural(inodes),
			   (unsigned long long)options->inodes_min);
}

static void explain_uncompared(struct verdict *verdict, const struct model_counts *counts)
{
	__u64 unread = model_pages_unread(verdict->model);
	__u64 changed = model_pages_uncompared(verdict->model) - unread;
	__u64 cut = counts->lost_by_cause[RECORD_LOSS_SNAPSHOT_TOO_LARGE];
	char limit[80] = "";

	if (cut)
		snprintf(limit, sizeof(limit), ": %llu read%s at a release stopped at %s limit",
			 (unsigned long long)cut, plural(cut), plural_of(cut, "its", "their"));
	if (changed)
		reason_add(verdict, "%llu %s last changed%s", (unsigned long long)changed,
			   plural_of(changed, "page was not compared after it",
				     "pages were not compared after they"),
			   limit);
	if (unread)
		reason_add(verdict,
			   "%llu %s never compared, of what is older than the sensors or behind "
			   "a loss%s",
			   (unsigned long long)unread, plural_of(unread, "page was", "pages were"),
			   limit);
}

void verdict_explain(struct verdict *verdict)
{
	struct model_counts counts;
	char gap[160];

	model_count(verdict->model, &counts);
	verdict->reasons_nr = 0;
	if (verdict->incomplete)
		reason_add(verdict, "%.150s", verdict->incomplete);
	if (verdict->failed || model_failed(verdict->model))
		reason_add(verdict, "memory ran short: the records were not taken to their end");
	explain_empty(verdict, &counts);
	if (sight_none(verdict->model))
		reason_add(verdict,
			   "no hook on changes of the direct map was proved to fire: what changed "
			   "may not have been seen");
	if (sight_gap(verdict->model, gap, sizeof(gap)))
		reason_add(verdict, "%s", gap);
	explain_losses(verdict, &counts);
	explain_uncompared(verdict, &counts);
	if (counts.pages_inconclusive)
		reason_add(verdict, "%llu page%s could not be read undisturbed",
			   (unsigned long long)counts.pages_inconclusive,
			   plural(counts.pages_inconclusive));
	if (verdict->unproven)
		reason_add(verdict, "%llu page%s looked wrong, but it could not be proven",
			   (unsigned long long)verdict->unproven, plural(verdict->unproven));
	if (counts.contradicted)
		reason_add(
			verdict,
			"%llu page%s came or changed by what no sensor knows: how they were before "
			"is not known",
			(unsigned long long)counts.contradicted, plural(counts.contradicted));
	if (counts.pages_otherwise)
		reason_add(verdict,
			   "%llu page%s flushed by other means than the kernel's routines, if at "
			   "all: CPUs were asked to run something else",
			   (unsigned long long)counts.pages_otherwise,
			   plural_of(counts.pages_otherwise, " was", "s were"));
	if (counts.pages_by_others)
		reason_add(verdict,
			   "%llu page%s flushed in time by a kernel thread: for who made them "
			   "absent, or by chance, is not known",
			   (unsigned long long)counts.pages_by_others,
			   plural_of(counts.pages_by_others, " was", "s were"));
	if (counts.reach_forgotten)
		reason_add(verdict, "what guests could reach is not known throughout: " FORGOTTEN,
			   (unsigned long long)counts.reach_forgotten,
			   plural(counts.reach_forgotten));
	explain_requests(verdict);
	explain_inodes(verdict, &counts);
	if (counts.malformed + verdict->map.malformed)
		reason_add(
			verdict, "%llu record%s no sense",
			(unsigned long long)(counts.malformed + verdict->map.malformed),
			plural_of(counts.malformed + verdict->map.malformed, " makes", "s make"));
	if (verdict->finished && !counts.ended && !verdict->incomplete)
		reason_add(verdict, "the records have no end");
	explain_rules(verdict, &counts);
	explain_required(verdict);
}

/* What was proved early survives everything that comes later. */
enum verdict_value verdict_value(const struct verdict *verdict)
{
	struct verdict now = *verdict;

	if (verdict->violated)
		return VERDICT_VIOLATED;
	if (!verdict->finished)
		verdict_explain(&now);
	return now.reasons_nr ? VERDICT_INCONCLUSIVE : VERDICT_CONSISTENT;
}

__u64 verdict_judged(const struct verdict *verdict)
{
	struct verdict now = *verdict;
	struct model_counts counts;
	__u64 judged = 0;

	model_count(verdict->model, &counts);
	explain_rules(&now, &counts);
	for (const struct rule *rule = NULL; (rule = rule_next(rule));)
		judged |= 1ULL << rule->id;
	for (size_t i = 0; i < now.not_judged_nr; i++) {
		if (!now.not_judged[i].partly)
			judged &= ~(1ULL << now.not_judged[i].rule->id);
	}
	return judged;
}

const char *verdict_value_name(enum verdict_value value)
{
	switch (value) {
	case VERDICT_CONSISTENT:
		return "consistent";
	case VERDICT_VIOLATED:
		return "violated";
	case VERDICT_INCONCLUSIVE:
		return "inconclusive";
	}
	return "unknown";
}

const struct verdict_not_judged *verdict_not_judged(const struct verdict *verdict, size_t index)
{
	return index < verdict->not_judged_nr ? &verdict->not_judged[index] : NULL;
}

const char *verdict_reason(const struct verdict *verdict, size_t index)
{
	return index < verdict->reasons_nr ? verdict->reasons[index] : NULL;
}

int verdict_exit_status(enum verdict_value value, __s64 command_status)
{
	switch (value) {
	case VERDICT_VIOLATED:
		return GMEMTRACE_VIOLATED;
	case VERDICT_INCONCLUSIVE:
		return GMEMTRACE_INCONCLUSIVE;
	case VERDICT_CONSISTENT:
		break;
	}
	return command_status > 0 ? GMEMTRACE_ERROR : GMEMTRACE_CONSISTENT;
}
