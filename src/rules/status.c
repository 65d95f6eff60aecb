// SPDX-License-Identifier: GPL-2.0
/* The verdict's value, and why it is inconclusive. */
#include <stdio.h>

#include "model/plural.h"
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
	const char *strange = model_fact_find(verdict->model, RECORD_FACT_STRANGE);
	__u64 unread = 0, unknown = 0;

	while ((inode = model_inode_next(verdict->model, inode))) {
		/* One that was being released when the sensors were armed is none of them. */
		unread += inode->before_attach && inode->pages && !inode->compared &&
			  !(inode->dead && !inode->requests) && (inode->dead || !verdict->lasting);
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
	if (strange)
		reason_add(verdict,
			   "a guest_memfd is of a design that is not known, and nothing of it was "
			   "judged: %.100s",
			   strange);
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
	if (open && !verdict->lasting)
		reason_add(verdict, "%llu request%s had not ended when the records end",
			   (unsigned long long)open, plural(open));
	if (verdict->unseen)
		reason_add(verdict, "%llu %s seen only in part",
			   (unsigned long long)verdict->unseen,
			   plural_of(verdict->unseen, "request was", "requests were"));
	if (verdict->unlooked)
		reason_add(verdict, "a request changed the same pages too often to be looked at");
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
	else if (!options->allow_empty && options->pages_only && !verdict->within)
		reason_add(verdict,
			   "nothing was judged: of the pages 0x%llx to 0x%llx none was compared",
			   (unsigned long long)options->pgoff_first,
			   (unsigned long long)options->pgoff_last);
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

/* Pages that are compared, read or flushed later are as good as others. */
static void explain_waiting(struct verdict *verdict, const struct model_counts *counts)
{
	explain_uncompared(verdict, counts);
	if (counts->pages_inconclusive)
		reason_add(verdict, "%llu page%s could not be read undisturbed",
			   (unsigned long long)counts->pages_inconclusive,
			   plural(counts->pages_inconclusive));
	if (counts->pages_late)
		reason_add(
			verdict,
			"%llu page%s not been flushed, and who made them absent was not seen to go "
			"on: whether the flush is late, or missing, is not known",
			(unsigned long long)counts->pages_late,
			plural_of(counts->pages_late, " has", "s have"));
}

void verdict_explain(struct verdict *verdict)
{
	struct model_counts counts;
	__u64 malformed;
	char gap[160];

	model_count(verdict->model, &counts);
	verdict->reasons_nr = 0;
	if (verdict->incomplete)
		reason_add(verdict, "%.150s", verdict->incomplete);
	if (verdict->failed || model_failed(verdict->model))
		reason_add(verdict, "memory ran short: the records were not taken to their end");
	if (!verdict->lasting)
		explain_empty(verdict, &counts);
	if (!verdict->lasting && sight_none(verdict->model))
		reason_add(verdict,
			   "no hook on changes of the direct map was proved to fire: what changed "
			   "may not have been seen");
	if (sight_gap(verdict->model, gap, sizeof(gap)))
		reason_add(verdict, "%s", gap);
	explain_losses(verdict, &counts);
	if (!verdict->lasting)
		explain_waiting(verdict, &counts);
	else if (model_pages_unknown_for_good(verdict->model))
		reason_add(verdict, "pages that are gone were not compared");
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
	malformed = counts.malformed + verdict->map.malformed + verdict->walk.malformed;
	if (malformed)
		reason_add(verdict, "%llu record%s no sense", (unsigned long long)malformed,
			   plural_of(malformed, " makes", "s make"));
	if (verdict->finished && !counts.ended && !verdict->incomplete)
		reason_add(verdict, "the records have no end");
	if (verdict->lasting)
		return;
	rules_explain(verdict, &counts);
	explain_required(verdict);
}

bool verdict_doubted(const struct verdict *verdict)
{
	struct verdict now = *verdict;

	if (verdict->finished)
		return verdict->reasons_nr;
	now.lasting = true;
	verdict_explain(&now);
	return now.reasons_nr;
}

bool verdict_final(const struct verdict *verdict)
{
	return verdict->finished;
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
