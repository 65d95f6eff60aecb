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

/* How many rules there are of each kind. */
struct rules_sum {
	size_t passed, failed, allowed, not_judged, unbuilt;
};

static void rules_sum(const struct verdict *verdict, struct rules_sum *sum)
{
	const struct rule *rule = NULL;

	memset(sum, 0, sizeof(*sum));
	while ((rule = rule_next(rule))) {
		if (report_rule_violated(verdict, rule))
			sum->failed++;
		else if (report_allowed(verdict, rule))
			sum->allowed++;
		else if (!rule->built)
			sum->unbuilt++;
		else if (report_not_judged(verdict, rule))
			sum->not_judged++;
		else
			sum->passed++;
	}
}

/* "gmemtrace 0.3, 1.1 s" */
static void text_run(FILE *out, const struct verdict *verdict)
{
	const char *version = model_fact_find(verdict_model(verdict), "tool.version");
	unsigned long long ns = report_duration(verdict);
	char clean[REPORT_CLEAN_MAX];

	fprintf(out, "(gmemtrace %s, %llu.%llu s)\n", version ? report_clean(version, clean) : "?",
		ns / 1000000000, ns / 100000000 % 10);
}

/* "1 rule, 4 pages of 2 inodes, VM 108 (gmem-load)" */
static void headline_violated(FILE *out, const struct verdict *verdict,
			      const struct rules_sum *rules)
{
	__u64 causes = verdict_violations(verdict) + verdict_unlisted(verdict);
	const struct verdict_violation *first = verdict_violation(verdict, 0);
	const struct model_inode *inode = first ? first->inode : NULL;
	char comm[REPORT_COMM_MAX];

	fprintf(out, "%zu %s, %llu %s", rules->failed, rules->failed == 1 ? "rule" : "rules",
		(unsigned long long)causes, causes == 1 ? "cause" : "causes");
	if (inode)
		fprintf(out, ", first of VM %u (%s)", inode->vm ? inode->vm : inode->tgid,
			report_comm(inode, comm));
}

static void headline_judged(FILE *out, const struct model_counts *counts,
			    const struct rules_sum *rules)
{
	fprintf(out,
		"%llu transitions, %llu of %llu pages of %llu inodes, %zu rules judged, "
		"%llu lost, %llu missed",
		(unsigned long long)counts->transitions, (unsigned long long)counts->pages_compared,
		(unsigned long long)counts->pages, (unsigned long long)counts->inodes,
		rules->passed, (unsigned long long)counts->lost,
		(unsigned long long)counts->missed);
}

/* The whole in a line; where all is well it is the only one. */
static void text_headline(FILE *out, const struct verdict *verdict,
			  const struct model_counts *counts, bool color)
{
	static const char *const words[] = {
		[VERDICT_CONSISTENT] = "CONSISTENT",
		[VERDICT_VIOLATED] = "VIOLATED",
		[VERDICT_INCONCLUSIVE] = "INCONCLUSIVE",
	};
	enum verdict_value value = verdict_value(verdict);
	const char *reason = verdict_reason(verdict, 0);
	char clean[REPORT_CLEAN_MAX];
	struct rules_sum rules;

	rules_sum(verdict, &rules);
	if (counts->command_status > 0)
		fprintf(out, "CMD FAILED with status %lld, and memory is ",
			(long long)counts->command_status);
	fprintf(out, "%s%s%s  ", value_color(value, color), words[value], color ? "\033[0m" : "");
	if (value == VERDICT_VIOLATED)
		headline_violated(out, verdict, &rules);
	else if (value == VERDICT_INCONCLUSIVE)
		fputs(reason ? report_clean(reason, clean) : "", out);
	else
		headline_judged(out, counts, &rules);
	fputs("   ", out);
	text_run(out, verdict);
}

static void text_not_judged(FILE *out, const struct verdict *verdict)
{
	const struct verdict_not_judged *entry;
	char clean[REPORT_CLEAN_MAX];

	for (size_t i = 0; (entry = verdict_not_judged(verdict, i)); i++) {
		if (entry->rule->built)
			fprintf(out, "not judged: %s: %s\n", entry->rule->name,
				report_clean(entry->reason, clean));
	}
}

/* "kernel     6.12.117 #1 SMP ..., 2 CPUs" */
static void text_kernel(FILE *out, const struct verdict *verdict)
{
	static const char *const facts[][2] = {
		{ "kernel     %s", "kernel.release" },
		{ " %s", "kernel.version" },
		{ ", %s CPUs", "kernel.cpus" },
	};
	char clean[REPORT_CLEAN_MAX];
	bool any = false;

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		const char *fact = model_fact_find(verdict_model(verdict), facts[i][1]);

		if (!fact)
			continue;
		fprintf(out, facts[i][0], report_clean(fact, clean));
		any = true;
	}
	if (any)
		fputc('\n', out);
}

/* What the verdict is made of, where it is not green. */
static void text_footer(FILE *out, const struct verdict *verdict, const struct model_counts *counts)
{
	struct rules_sum rules;
	char clean[REPORT_CLEAN_MAX];
	const char *reason;

	rules_sum(verdict, &rules);
	for (size_t i = 0; (reason = verdict_reason(verdict, i)); i++)
		fprintf(out, "%s%s\n", i ? "           " : "\nnot known  ",
			report_clean(reason, clean));
	fprintf(out,
		"\njudged     %llu transitions, %llu of %llu pages compared in %llu snapshots of "
		"%llu "
		"inodes, %llu records lost, %llu calls missed\n",
		(unsigned long long)counts->transitions, (unsigned long long)counts->pages_compared,
		(unsigned long long)counts->pages, (unsigned long long)counts->snapshots,
		(unsigned long long)counts->inodes, (unsigned long long)counts->lost,
		(unsigned long long)counts->missed);
	fprintf(out,
		"rules      %zu passed, %zu failed, %zu allowed, %zu not judged here, %zu not "
		"built\n",
		rules.passed, rules.failed, rules.allowed, rules.not_judged, rules.unbuilt);
	text_kernel(out, verdict);
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

static void text_causes(FILE *out, const struct verdict *verdict, bool color)
{
	const struct verdict_violation *cause;

	for (size_t i = 0; (cause = verdict_violation(verdict, i)); i++)
		text_violation(out, cause, "", color);
	text_unlisted(out, verdict_unlisted(verdict), "causes");
	for (size_t i = 0; (cause = verdict_allowed(verdict, i)); i++) {
		text_violation(out, cause, "allowed: ", color);
		text_allowed(out, verdict, cause->rule);
	}
	text_unlisted(out, verdict_alloweds_unlisted(verdict), "allowed causes");
	for (size_t i = 0; (cause = verdict_note(verdict, i)); i++)
		text_violation(out, cause, "note: ", color);
	text_unlisted(out, verdict_notes_unlisted(verdict), "notes");
}

static int text_write(FILE *out, const struct verdict *verdict, bool color)
{
	enum verdict_value value = verdict_value(verdict);
	struct model_counts counts;

	model_count(verdict_model(verdict), &counts);
	text_headline(out, verdict, &counts, color);
	text_causes(out, verdict, color);
	if (value != VERDICT_CONSISTENT || counts.command_status > 0)
		text_footer(out, verdict, &counts);
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
