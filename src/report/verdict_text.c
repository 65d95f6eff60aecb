// SPDX-License-Identifier: GPL-2.0
/* The verdict for people. */
#include "model/plural.h"
#include "compare.h"
#include "internal.h"

#define LINE_COLUMNS 96
#define ROWS_MAX 20 /* of a pattern's table; --json has all */
#define NAMES_MAX 4 /* of rules, in a line; --verbose has all */

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

static void text_proof(FILE *out, const struct verdict_violation *cause)
{
	char clean[REPORT_CLEAN_MAX];

	report_wrap(out, cause->words, "    ", LINE_COLUMNS, 0);
	for (size_t i = 0; i < cause->sources_nr; i++)
		fprintf(out, "      %-10s %s\n", cause->sources[i].name,
			report_clean(cause->sources[i].says, clean));
	for (size_t i = 0; i < cause->events_nr; i++)
		report_event_line(out, &cause->events[i], "      ");
}

static void text_vm(FILE *out, const struct model_inode *inode, const char *before)
{
	char comm[REPORT_COMM_MAX];

	if (inode)
		fprintf(out, "%sVM %u (%s)", before, inode->vm ? inode->vm : inode->tgid,
			report_comm(inode, comm));
}

/* A note, or what is allowed. */
static void text_violation(FILE *out, const struct verdict_violation *violation, const char *label,
			   bool color)
{
	char place[REPORT_PLACE_MAX];

	fprintf(out, "\n%s%s%s%s  %s  count %llu", label, color ? "\033[33m" : "",
		violation->rule->name, color ? "\033[0m" : "", report_place(violation, place),
		(unsigned long long)violation->count);
	text_vm(out, violation->inode, "  ");
	fprintf(out, "\n");
	text_proof(out, violation);
}

/* "set_range 0x8-0x19", "gfns 0x100-0x1ff to private" */
static const char *text_request(const struct verdict_violation *cause, char *text, size_t size)
{
	char range[REPORT_RANGE_MAX];

	text[0] = '\0';
	if (cause->conversion.begin)
		snprintf(text, size, "gfns %s to %s",
			 report_range(cause->conversion.gfn_first,
				      cause->conversion.gfn_first + cause->conversion.gfn_nr - 1,
				      range),
			 cause->conversion.is_private ? "private" : "shared");
	else if (cause->request.operation)
		snprintf(
			text, size, "%s %s", model_operation_name(cause->request.operation),
			report_range(cause->request.pgoff_first, cause->request.pgoff_last, range));
	return text;
}

/* "model absent, xarray present": what sources say that it is */
static const char *text_states(const struct verdict_violation *cause, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < cause->sources_nr && used < size; i++) {
		const char *state = report_state(cause->sources[i].state);

		if (state)
			used += (size_t)snprintf(text + used, size - used, "%s%s %s",
						 used ? ", " : "", cause->sources[i].name, state);
	}
	if (cause->occurrences > 1 && used < size)
		snprintf(text + used, size - used, "%s%llu times", used ? ", " : "",
			 (unsigned long long)cause->occurrences);
	return text;
}

/* "g1:0x19        set_range 0x8-0x19           model absent, xarray present" */
static void text_row(FILE *out, const struct verdict_violation *cause)
{
	char place[REPORT_PLACE_MAX], request[96], states[160];

	report_place(cause, place);
	text_request(cause, request, sizeof(request));
	text_states(cause, states, sizeof(states));
	if (*states)
		fprintf(out, "    %-14s %-30s %s\n", place, request, states);
	else if (*request)
		fprintf(out, "    %-14s %s\n", place, request);
	else
		fprintf(out, "    %s\n", place);
}

static void text_pattern(FILE *out, const struct verdict *verdict, size_t index, bool color)
{
	const struct verdict_pattern *pattern = verdict_pattern(verdict, index);
	const struct verdict_violation *cause, *first = NULL;
	char place[REPORT_PLACE_MAX], line[REPORT_PATTERN_MAX];
	__u64 rows = 0;

	fprintf(out, "\n%s%s%s  %llu %s  (gmemtrace-rules(7), rule %u)\n", color ? "\033[31m" : "",
		pattern->rule->name, color ? "\033[0m" : "",
		(unsigned long long)(pattern->pages ? pattern->pages : pattern->causes),
		pattern->pages	       ? pattern->pages == 1 ? "page" : "pages"
		: pattern->causes == 1 ? "cause"
				       : "causes",
		pattern->rule->id);
	fprintf(out, "  %s\n", report_pattern(pattern, line));
	for (size_t i = 0; (cause = verdict_violation(verdict, i)); i++) {
		if (cause->pattern != index + 1)
			continue;
		first = first ? first : cause;
		if (rows++ < ROWS_MAX)
			text_row(out, cause);
	}
	if (rows > ROWS_MAX)
		fprintf(out, "    and %llu more\n", (unsigned long long)(rows - ROWS_MAX));
	if (!first)
		return;
	fprintf(out, "  proof of %s", report_place(first, place));
	text_vm(out, first->inode, "  ");
	fprintf(out, "\n");
	text_proof(out, first);
}

/* How many rules there are of each kind. */
struct rules_sum {
	size_t passed, failed, allowed, not_judged;
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
		else if (report_not_judged(verdict, rule))
			sum->not_judged += rule->built;
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

static size_t inodes_accused(const struct verdict *verdict)
{
	const struct model *model = verdict_model(verdict);
	const struct verdict_violation *cause;
	const struct model_inode *inode = NULL;
	size_t nr = 0;

	while ((inode = model_inode_next(model, inode))) {
		for (size_t i = 0; (cause = verdict_violation(verdict, i)); i++) {
			if (cause->inode != inode)
				continue;
			nr++;
			break;
		}
	}
	return nr;
}

static void headline_count(FILE *out, __u64 nr, const char *what, const char *before)
{
	fprintf(out, "%s%llu %s%s", before, (unsigned long long)nr, what, plural(nr));
}

/* "1 rule, 4 causes, 4 pages of 2 inodes, first of VM 108 (gmem-load)" */
static void headline_violated(FILE *out, const struct verdict *verdict,
			      const struct rules_sum *rules)
{
	const struct verdict_violation *first = verdict_violation(verdict, 0);
	const struct verdict_pattern *pattern;
	size_t inodes = inodes_accused(verdict);
	__u64 pages = 0;

	for (size_t i = 0; (pattern = verdict_pattern(verdict, i)); i++)
		pages += pattern->pages;
	headline_count(out, rules->failed, "rule", "");
	headline_count(out, verdict_violations(verdict) + verdict_unlisted(verdict), "cause", ", ");
	if (pages)
		headline_count(out, pages, "page", ", ");
	if (inodes)
		headline_count(out, inodes, "inode", " of ");
	text_vm(out, first ? first->inode : NULL, ", first of ");
}

static void headline_judged(FILE *out, const struct model_counts *counts,
			    const struct rules_sum *rules)
{
	fprintf(out,
		"%llu transition%s, %llu of %llu page%s of %llu inode%s, %zu rule%s judged, "
		"%llu lost, %llu missed",
		(unsigned long long)counts->transitions, plural(counts->transitions),
		(unsigned long long)counts->pages_compared, (unsigned long long)counts->pages,
		plural(counts->pages), (unsigned long long)counts->inodes, plural(counts->inodes),
		rules->passed, plural(rules->passed), (unsigned long long)counts->lost,
		(unsigned long long)counts->missed);
}

/* "split, orphan-absent and 2 more": the name at @nr, from 0, or, NULL, how many were not named. */
static void text_name(FILE *out, size_t nr, const char *before, const char *name)
{
	if (name && nr < NAMES_MAX)
		fprintf(out, "%s%s", nr ? ", " : before, name);
	else if (!name && nr > NAMES_MAX)
		fprintf(out, " and %zu more", nr - NAMES_MAX);
}

/* What was not judged, by name; false: nothing. */
static bool text_unjudged(FILE *out, const struct verdict *verdict, const char *before)
{
	const struct verdict_not_judged *entry;
	size_t nr = 0;

	for (size_t i = 0; (entry = verdict_not_judged(verdict, i)); i++) {
		if (entry->rule->built)
			text_name(out, nr++, before, entry->rule->name);
	}
	text_name(out, nr, before, NULL);
	return nr != 0;
}

static bool is_noted(const struct verdict *verdict, const struct rule *rule)
{
	const struct verdict_violation *note;

	for (size_t i = 0; (note = verdict_note(verdict, i)); i++) {
		if (note->rule == rule)
			return true;
	}
	return false;
}

static bool text_noted(FILE *out, const struct verdict *verdict, const char *before)
{
	const struct rule *rule = NULL;
	size_t nr = 0;

	while ((rule = rule_next(rule))) {
		if (is_noted(verdict, rule))
			text_name(out, nr++, before, rule->name);
	}
	text_name(out, nr, before, NULL);
	return nr != 0;
}

/* Nothing to look into: the verdict is a line. */
static bool is_green(const struct verdict *verdict, const struct model_counts *counts)
{
	return verdict_value(verdict) == VERDICT_CONSISTENT && counts->command_status <= 0;
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
	if (is_green(verdict, counts)) {
		bool more = text_noted(out, verdict, "; notes: ");

		more |= text_unjudged(out, verdict, "; not judged: ");
		fputs(more ? " (--verbose)" : "", out);
	}
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
		"\njudged     %llu transition%s, %llu of %llu page%s compared in %llu snapshot%s "
		"of "
		"%llu inode%s, %llu record%s lost, %llu call%s missed\n",
		(unsigned long long)counts->transitions, plural(counts->transitions),
		(unsigned long long)counts->pages_compared, (unsigned long long)counts->pages,
		plural(counts->pages), (unsigned long long)counts->snapshots,
		plural(counts->snapshots), (unsigned long long)counts->inodes,
		plural(counts->inodes), (unsigned long long)counts->lost, plural(counts->lost),
		(unsigned long long)counts->missed, plural(counts->missed));
	fprintf(out, "rules      %zu passed, %zu failed, %zu allowed, %zu not judged here",
		rules.passed, rules.failed, rules.allowed, rules.not_judged);
	if (text_unjudged(out, verdict, ": "))
		fputs(" (--verbose says why)", out);
	fputc('\n', out);
	text_kernel(out, verdict);
}

/* Also where all is well: it is so of other code than the kernel's release says. */
static void text_livepatched(FILE *out, const struct verdict *verdict)
{
	const char *names = model_fact_find(verdict_model(verdict), RECORD_FACT_LIVEPATCHED);
	char clean[REPORT_CLEAN_MAX];

	if (names)
		fprintf(out, "live-patched: %s: " RECORD_LIVEPATCHED_MEANS "\n",
			report_clean(names, clean));
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

	for (size_t i = 0; verdict_pattern(verdict, i); i++)
		text_pattern(out, verdict, i, color);
	text_unlisted(out, verdict_unlisted(verdict), "causes");
	for (size_t i = 0; (cause = verdict_allowed(verdict, i)); i++) {
		text_violation(out, cause, "allowed: ", color);
		text_allowed(out, verdict, cause->rule);
	}
	text_unlisted(out, verdict_alloweds_unlisted(verdict), "allowed causes");
}

/* What costs, and is not wrong. */
static void text_notes(FILE *out, const struct verdict *verdict, bool color)
{
	const struct verdict_violation *note;

	for (size_t i = 0; (note = verdict_note(verdict, i)); i++)
		text_violation(out, note, "note: ", color);
	text_unlisted(out, verdict_notes_unlisted(verdict), "notes");
}

static int text_report(FILE *out, const struct verdict *verdict, bool color, bool verbose)
{
	char narrowed[REPORT_CLEAN_MAX];
	struct model_counts counts;

	model_count(verdict_model(verdict), &counts);
	text_headline(out, verdict, &counts, color);
	text_causes(out, verdict, color);
	if (verbose || !is_green(verdict, &counts))
		text_notes(out, verdict, color);
	if (!is_green(verdict, &counts))
		text_footer(out, verdict, &counts);
	if (verbose)
		text_not_judged(out, verdict);
	if (report_narrowed(verdict, narrowed))
		fprintf(out, "%s\n", narrowed);
	text_not_met(out, verdict);
	text_livepatched(out, verdict);
	return report_done(out);
}

static int text_write(FILE *out, const struct verdict *verdict, bool color)
{
	return text_report(out, verdict, color, false);
}

static int verbose_write(FILE *out, const struct verdict *verdict, bool color)
{
	return text_report(out, verdict, color, true);
}

static const struct report_format text = {
	.name = "text",
	.help = "for people; the default",
	.write = text_write,
	.compare = compare_text,
};
REPORT_FORMAT_ENTER(text);

static const struct report_format verbose = {
	.name = "verbose",
	.help = "the same, with all notes, and why what was not judged was not",
	.write = verbose_write,
	.compare = compare_text,
};
REPORT_FORMAT_ENTER(verbose);
