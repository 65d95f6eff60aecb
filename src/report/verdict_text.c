// SPDX-License-Identifier: GPL-2.0
/* The verdict for people. */
#include "internal.h"

#define LINE_COLUMNS 96

static const char *value_color(enum verdict_value value, bool color)
{
	if (!color)
		return "";
	switch (value) {
	case VERDICT_CONSISTENT:
		return "\033[1;32m";
	case VERDICT_VIOLATED:
		return "\033[1;31m";
	default:
		return "\033[1;33m";
	}
}

/* @label: "" for violations. */
static void text_violation(FILE *out, const struct verdict_violation *violation, const char *label,
			   bool color)
{
	char place[REPORT_PLACE_MAX], comm[REPORT_COMM_MAX], clean[REPORT_CLEAN_MAX];
	const struct model_inode *inode = violation->inode;

	fprintf(out, "\n%s%s%s%s  %s  count %llu", label,
		!color	 ? ""
		: *label ? "\033[33m"
			 : "\033[31m",
		violation->rule->name, color ? "\033[0m" : "", report_place(violation, place),
		(unsigned long long)violation->count);
	if (inode)
		fprintf(out, "  VM %u (%s)", inode->vm ? inode->vm : inode->tgid,
			report_comm(inode, comm));
	fprintf(out, "\n");
	report_wrap(out, violation->words, "    ", LINE_COLUMNS, 0);
	for (size_t i = 0; i < violation->sources_nr; i++)
		fprintf(out, "      %-10s %s\n", violation->sources[i].name,
			report_clean(violation->sources[i].says, clean));
	for (size_t i = 0; i < violation->events_nr; i++)
		report_event_line(out, &violation->events[i], "      ");
}

static void text_not_judged(FILE *out, const struct verdict *verdict)
{
	const struct verdict_not_judged *entry;
	char clean[REPORT_CLEAN_MAX];
	size_t unbuilt = 0;

	for (size_t i = 0; (entry = verdict_not_judged(verdict, i)); i++) {
		if (entry->rule->built)
			fprintf(out, "not judged: %s: %s\n", entry->rule->name,
				report_clean(entry->reason, clean));
		else
			unbuilt++;
	}
	if (unbuilt)
		fprintf(out, "not judged: %zu rules that this version does not have yet\n",
			unbuilt);
}

static void text_unlisted(FILE *out, __u64 nr, const char *what)
{
	if (nr)
		fprintf(out, "\n%llu more %s are not listed\n", (unsigned long long)nr, what);
}

static void text_allowed(FILE *out, const struct verdict *verdict, const struct rule *rule)
{
	char clean[REPORT_CLEAN_MAX];

	fprintf(out, "      %-10s %s\n", "allowed",
		report_clean(report_allowed(verdict, rule), clean));
}

/* Of what is allowed nothing is silent: not even that there was none. */
static void text_not_met(FILE *out, const struct verdict *verdict)
{
	const struct rule *rule = NULL;

	while ((rule = rule_next(rule))) {
		if (verdict_allows(verdict, rule) && !verdict_rule_count(verdict, rule->id))
			fprintf(out, "allowed, but not met: %s\n", rule->name);
	}
}

static int text_write(FILE *out, const struct verdict *verdict, bool color)
{
	const struct verdict_violation *violation;
	enum verdict_value value = verdict_value(verdict);
	char clean[REPORT_CLEAN_MAX];
	struct model_counts counts;
	const char *reason;

	model_count(verdict_model(verdict), &counts);
	for (size_t i = 0; (violation = verdict_violation(verdict, i)); i++)
		text_violation(out, violation, "", color);
	text_unlisted(out, verdict_unlisted(verdict), "causes");
	for (size_t i = 0; (violation = verdict_allowed(verdict, i)); i++) {
		text_violation(out, violation, "allowed: ", color);
		text_allowed(out, verdict, violation->rule);
	}
	text_unlisted(out, verdict_alloweds_unlisted(verdict), "allowed causes");
	for (size_t i = 0; (violation = verdict_note(verdict, i)); i++)
		text_violation(out, violation, "note: ", color);
	text_unlisted(out, verdict_notes_unlisted(verdict), "notes");
	fprintf(out, "%sverdict: %s%s%s\n",
		verdict_violations(verdict) || verdict_alloweds(verdict) || verdict_notes(verdict)
			? "\n"
			: "",
		value_color(value, color), verdict_value_name(value), color ? "\033[0m" : "");
	for (size_t i = 0; (reason = verdict_reason(verdict, i)); i++)
		fprintf(out, "inconclusive: %s\n", report_clean(reason, clean));
	fprintf(out,
		"%llu transitions, %llu of %llu pages compared in %llu snapshots of %llu inodes, "
		"%llu records lost, %llu calls missed\n",
		(unsigned long long)counts.transitions, (unsigned long long)counts.pages_compared,
		(unsigned long long)counts.pages, (unsigned long long)counts.snapshots,
		(unsigned long long)counts.inodes, (unsigned long long)counts.lost,
		(unsigned long long)counts.missed);
	if (counts.command_status > 0)
		fprintf(out, "the command failed with status %lld\n",
			(long long)counts.command_status);
	text_not_judged(out, verdict);
	text_not_met(out, verdict);
	return report_done(out);
}

static const struct report_format text = {
	.name = "text",
	.help = "for people; the default",
	.write = text_write,
};
REPORT_FORMAT_ENTER(text);
