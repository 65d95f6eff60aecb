// SPDX-License-Identifier: GPL-2.0
/* The verdict's value, why it is inconclusive, and what could not be judged. */
#include <stdarg.h>
#include <stdio.h>

#include "gmemtrace/status.h"
#include "internal.h"

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

static void explain_losses(struct verdict *verdict, const struct model_counts *counts)
{
	char causes[120] = "";
	size_t used = 0;

	if (!history_lost(counts) && !counts->missed)
		return;
	for (__u32 cause = 0; cause < 16 && used < sizeof(causes); cause++) {
		if (counts->lost_by_cause[cause])
			used += (size_t)snprintf(causes + used, sizeof(causes) - used, "%s%s %llu",
						 used ? ", " : "", record_loss_name(cause),
						 (unsigned long long)counts->lost_by_cause[cause]);
	}
	reason_add(verdict, "records were lost or calls missed: %s", causes);
}

static void explain_inodes(struct verdict *verdict)
{
	const struct model_inode *inode = NULL;
	__u64 unread = 0, unknown = 0;

	while ((inode = model_inode_next(verdict->model, inode))) {
		/* One that was being released when the sensors were armed is none of them. */
		unread += inode->before_attach && inode->pages && !inode->compared &&
			  !(inode->dead && !inode->requests);
		unknown += inode->provider == RECORD_PROVIDER_UNKNOWN;
	}
	if (unread)
		reason_add(verdict, "%llu inodes are older than the sensors and were never read",
			   (unsigned long long)unread);
	if (unknown)
		reason_add(verdict, "%llu inodes are of unknown kind: how they began was not seen",
			   (unsigned long long)unknown);
}

static void explain_requests(struct verdict *verdict)
{
	const struct model_request *request;
	__u64 open = 0;

	for (size_t i = 0; (request = model_request_open(verdict->model, i)); i++)
		open += !request->stuck;
	if (open)
		reason_add(verdict, "%llu requests had not ended when the records end",
			   (unsigned long long)open);
	if (verdict->unseen)
		reason_add(verdict, "%llu requests were seen only in part",
			   (unsigned long long)verdict->unseen);
}

__attribute__((format(printf, 3, 4))) static void
not_judged_add(struct verdict *verdict, const struct rule *rule, const char *format, ...)
{
	struct verdict_not_judged *entry = &verdict->not_judged[verdict->not_judged_nr++];
	va_list list;

	entry->rule = rule;
	va_start(list, format);
	vsnprintf(entry->reason, sizeof(entry->reason), format, list);
	va_end(list);
}

static void explain_rule(struct verdict *verdict, const struct rule *rule,
			 const struct model_counts *counts)
{
	if (!rule->built)
		not_judged_add(verdict, rule, "not built yet");
	else if (rule->needs & RULE_NEEDS_PAGE_FREE && !(counts->groups & SENSOR_GROUP_PAGE_FREE))
		not_judged_add(verdict, rule, "the page-free sensors are off");
	else if (rule->needs & RULE_NEEDS_PAGE_FREE &&
		 counts->lost_by_cause[RECORD_LOSS_MISSED_FREE])
		not_judged_add(verdict, rule,
			       "not judged throughout: %llu frees were not looked at",
			       (unsigned long long)counts->lost_by_cause[RECORD_LOSS_MISSED_FREE]);
	else if (rule->needs & RULE_NEEDS_SNAPSHOT && counts->inodes && !counts->snapshots)
		not_judged_add(verdict, rule, "no snapshot was read");
	else if (rule->needs & RULE_NEEDS_HISTORY && (history_lost(counts) || counts->missed))
		not_judged_add(verdict, rule,
			       "not judged throughout: %llu records lost, %llu calls missed",
			       (unsigned long long)history_lost(counts),
			       (unsigned long long)counts->missed);
}

void verdict_explain(struct verdict *verdict)
{
	const struct rule *rule = NULL;
	struct model_counts counts;

	model_count(verdict->model, &counts);
	verdict->reasons_nr = 0;
	verdict->not_judged_nr = 0;
	if (verdict->incomplete)
		reason_add(verdict, "%.150s", verdict->incomplete);
	if (verdict->failed || model_failed(verdict->model))
		reason_add(verdict, "memory ran short: the records were not taken to their end");
	explain_losses(verdict, &counts);
	if (counts.pages_inconclusive)
		reason_add(verdict, "%llu pages could not be read undisturbed",
			   (unsigned long long)counts.pages_inconclusive);
	if (verdict->unproven)
		reason_add(verdict, "%llu pages looked wrong, but it could not be proven",
			   (unsigned long long)verdict->unproven);
	explain_requests(verdict);
	explain_inodes(verdict);
	if (counts.malformed)
		reason_add(verdict, "%llu records make no sense",
			   (unsigned long long)counts.malformed);
	if (verdict->finished && !counts.ended && !verdict->incomplete)
		reason_add(verdict, "the records have no end");
	while ((rule = rule_next(rule)))
		explain_rule(verdict, rule, &counts);
}

/* What was proved early survives everything that comes later. */
enum verdict_value verdict_value(const struct verdict *verdict)
{
	struct verdict now = *verdict;

	if (verdict->violations.nr || verdict->violations.unlisted)
		return VERDICT_VIOLATED;
	if (!verdict->finished)
		verdict_explain(&now);
	return now.reasons_nr ? VERDICT_INCONCLUSIVE : VERDICT_CONSISTENT;
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
