// SPDX-License-Identifier: GPL-2.0
/* The verdict as Markdown: for a summary that a CI shows, or a pull request. */
#include "model/plural.h"
#include "compare.h"
#include "internal.h"

#define CAUSES_MAX 50 /* a summary is read by people; GitHub takes a megabyte of one */

static void markdown_text(FILE *out, const char *text)
{
	char clean[REPORT_CLEAN_MAX];

	escape_markdown(out, report_clean(text, clean));
}

static void markdown_row(FILE *out, const struct verdict_violation *cause, const char *kind)
{
	char place[REPORT_PLACE_MAX], comm[REPORT_COMM_MAX];
	const struct model_inode *inode = cause->inode;

	fprintf(out, "| %s%s | %s | %llu | ", kind, cause->rule->name, report_place(cause, place),
		(unsigned long long)cause->count);
	if (inode) {
		fprintf(out, "%u ", inode->vm ? inode->vm : inode->tgid);
		markdown_text(out, report_comm(inode, comm));
	}
	fputs(" |\n", out);
}

static void markdown_rows(FILE *out, const struct verdict *verdict, report_cause_at at,
			  const char *kind)
{
	const struct verdict_violation *cause;

	for (size_t i = 0; i < CAUSES_MAX && (cause = at(verdict, i)); i++)
		markdown_row(out, cause, kind);
}

/* What was written by others stands indented by four, where nothing is markup either. */
static void markdown_proof(FILE *out, const struct verdict_violation *cause)
{
	char place[REPORT_PLACE_MAX], clean[REPORT_CLEAN_MAX];

	fprintf(out, "<details><summary>%s at %s</summary>\n\n", cause->rule->name,
		report_place(cause, place));
	markdown_text(out, cause->words);
	fputs("\n\n", out);
	for (size_t i = 0; i < cause->sources_nr; i++)
		fprintf(out, "    %-10s %s\n", cause->sources[i].name,
			report_clean(cause->sources[i].says, clean));
	for (size_t i = 0; i < cause->events_nr; i++)
		report_event_line(out, &cause->events[i], "    ");
	fputs("\n</details>\n\n", out);
}

/* What the causes have in common, a line a pattern. */
static void markdown_patterns(FILE *out, const struct verdict *verdict)
{
	const struct verdict_pattern *pattern;
	char line[REPORT_PATTERN_MAX];
	bool any = false;

	for (size_t i = 0; i < CAUSES_MAX && (pattern = verdict_pattern(verdict, i)); i++) {
		fprintf(out, "- %s: ", pattern->rule->name);
		markdown_text(out, report_pattern(pattern, line));
		fputc('\n', out);
		any = true;
	}
	if (any)
		fputc('\n', out);
}

static void markdown_causes(FILE *out, const struct verdict *verdict)
{
	size_t all =
		verdict_violations(verdict) + verdict_alloweds(verdict) + verdict_notes(verdict);
	const struct verdict_violation *cause;

	if (!all)
		return;
	fputs("| rule | pages | count | VM |\n|---|---|---|---|\n", out);
	markdown_rows(out, verdict, verdict_violation, "");
	markdown_rows(out, verdict, verdict_allowed, "allowed: ");
	markdown_rows(out, verdict, verdict_note, "note: ");
	fputc('\n', out);
	if (verdict_violations(verdict) > CAUSES_MAX || verdict_unlisted(verdict))
		fprintf(out, "%llu causes in all.\n\n",
			(unsigned long long)verdict_violations(verdict) +
				verdict_unlisted(verdict));
	markdown_patterns(out, verdict);
	for (size_t i = 0; i < CAUSES_MAX && (cause = verdict_violation(verdict, i)); i++)
		markdown_proof(out, cause);
}

static void markdown_reasons(FILE *out, const struct verdict *verdict)
{
	const char *reason;

	for (size_t i = 0; (reason = verdict_reason(verdict, i)); i++) {
		fputs("- inconclusive: ", out);
		markdown_text(out, reason);
		fputc('\n', out);
	}
	if (verdict_reason(verdict, 0))
		fputc('\n', out);
}

static void markdown_not_judged(FILE *out, const struct verdict *verdict)
{
	const struct verdict_not_judged *entry;
	const char *separator = "Not judged: ";

	for (size_t i = 0; (entry = verdict_not_judged(verdict, i)); i++) {
		fprintf(out, "%s%s", separator, entry->rule->name);
		separator = ", ";
	}
	if (verdict_not_judged(verdict, 0))
		fputs(".\n", out);
}

static int markdown_write(FILE *out, const struct verdict *verdict, bool color)
{
	char narrowed[REPORT_CLEAN_MAX];
	struct model_counts counts;

	(void)color;
	model_count(verdict_model(verdict), &counts);
	fprintf(out, "## gmemtrace: %s\n\n", verdict_value_name(verdict_value(verdict)));
	markdown_causes(out, verdict);
	markdown_reasons(out, verdict);
	if (report_narrowed(verdict, narrowed))
		fprintf(out, "- %s\n\n", narrowed);
	fprintf(out,
		"%llu transition%s, %llu of %llu page%s compared, %llu record%s lost, "
		"%llu call%s missed.\n",
		(unsigned long long)counts.transitions, plural(counts.transitions),
		(unsigned long long)counts.pages_compared, (unsigned long long)counts.pages,
		plural(counts.pages), (unsigned long long)counts.lost, plural(counts.lost),
		(unsigned long long)counts.missed, plural(counts.missed));
	if (counts.command_status > 0)
		fprintf(out, "The command failed with status %lld.\n",
			(long long)counts.command_status);
	markdown_not_judged(out, verdict);
	return report_done(out);
}

static const struct report_format markdown = {
	.name = "markdown",
	.help = "as Markdown, for a summary",
	.machine = true,
	.write = markdown_write,
	.compare = compare_markdown,
};
REPORT_FORMAT_ENTER(markdown);
