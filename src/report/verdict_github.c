// SPDX-License-Identifier: GPL-2.0
/* The verdict as annotations of GitHub Actions. */
#include "model/plural.h"
#include "compare.h"
#include "internal.h"

#define GITHUB_ANNOTATIONS 10
#define GITHUB_PLACES 8

static void github_cause(FILE *out, const struct verdict_violation *cause, const char *level)
{
	char place[REPORT_PLACE_MAX];

	/* A colon is special in a property such as the title, not in the message behind "::". */
	fprintf(out, "::%s title=gmemtrace %s::%s count %llu: ", level, cause->rule->name,
		report_place(cause, place), (unsigned long long)cause->count);
	report_github_text(out, cause->words);
	fputc('\n', out);
}

/* In the log, folded: an annotation has no room for it. */
static void github_proof(FILE *out, const struct verdict_violation *cause)
{
	char place[REPORT_PLACE_MAX], clean[REPORT_CLEAN_MAX];

	fprintf(out, "::group::proof of %s\n", report_place(cause, place));
	for (size_t i = 0; i < cause->sources_nr; i++)
		fprintf(out, "  %-10s %s\n", cause->sources[i].name,
			report_clean(cause->sources[i].says, clean));
	for (size_t i = 0; i < cause->events_nr; i++)
		report_event_line(out, &cause->events[i], "  ");
	fputs("::endgroup::\n", out);
}

static void github_reasons(FILE *out, const struct verdict *verdict)
{
	const char *reason;

	if (!verdict_reason(verdict, 0))
		return;
	fprintf(out, "::warning title=gmemtrace inconclusive::");
	for (size_t i = 0; (reason = verdict_reason(verdict, i)); i++) {
		report_github_text(out, i ? "; " : "");
		report_github_text(out, reason);
	}
	fputc('\n', out);
}

/* Rules that this run was to judge, and could only in part or not at all, in one line. */
static void github_not_judged(FILE *out, const struct verdict *verdict)
{
	const struct verdict_not_judged *entry;
	bool any = false;

	for (size_t i = 0; (entry = verdict_not_judged(verdict, i)); i++) {
		if (!entry->rule->built || entry->unasked)
			continue;
		fprintf(out, "%s%s: ", any ? "; " : "::notice title=gmemtrace not judged::",
			entry->rule->name);
		report_github_text(out, entry->reason);
		any = true;
	}
	if (any)
		fputc('\n', out);
}

static bool same_place(const struct verdict_violation *a, const struct verdict_violation *b)
{
	return a->pattern == b->pattern && a->inode == b->inode &&
	       a->pgoff_known == b->pgoff_known && a->pgoff_first == b->pgoff_first &&
	       a->pgoff_last == b->pgoff_last && (a->pgoff_known || a->pfn == b->pfn);
}

/* A request that is made again and again goes wrong at the same pages. */
static bool github_told(const struct verdict *verdict, size_t index)
{
	const struct verdict_violation *cause = verdict_violation(verdict, index);

	while (index--) {
		if (same_place(verdict_violation(verdict, index), cause))
			return true;
	}
	return false;
}

/* "g1:0x19, g3:0x8, g3:0x10 and 4 more" */
static void github_places(FILE *out, const struct verdict *verdict, size_t pattern)
{
	const struct verdict_violation *cause;
	char place[REPORT_PLACE_MAX];
	__u64 nr = 0;

	for (size_t i = 0; (cause = verdict_violation(verdict, i)); i++) {
		if (cause->pattern != pattern || github_told(verdict, i))
			continue;
		if (nr++ < GITHUB_PLACES)
			fprintf(out, "%s%s", nr > 1 ? ", " : "", report_place(cause, place));
	}
	if (nr > GITHUB_PLACES)
		fprintf(out, " and %llu more", (unsigned long long)(nr - GITHUB_PLACES));
}

/* One for each pattern: GitHub shows ten, and a thousand that say the same are noise. */
static void github_pattern(FILE *out, const struct verdict *verdict, size_t index)
{
	const struct verdict_pattern *pattern = verdict_pattern(verdict, index);
	const struct verdict_violation *first;
	char line[REPORT_PATTERN_MAX];
	size_t at = 0;
	__u64 count;

	while ((first = verdict_violation(verdict, at)) && first->pattern != index + 1)
		at++;
	if (!first)
		return;
	count = pattern->pages ? pattern->pages : pattern->occurrences;
	fprintf(out, "::error title=gmemtrace %s (%llu %s)::", pattern->rule->name,
		(unsigned long long)count,
		pattern->pages ? plural_of(count, "page", "pages")
			       : plural_of(count, "time", "times"));
	github_places(out, verdict, index + 1);
	fputs(": ", out);
	if (pattern->causes > 1) {
		report_github_text(out, report_pattern(pattern, line));
		fputs(". The first: ", out);
	}
	report_github_text(out, first->words);
	fputc('\n', out);
	github_proof(out, first);
}

static int github_write(FILE *out, const struct verdict *verdict, bool color)
{
	size_t patterns = 0, shown;
	const struct verdict_violation *note, *allowed;
	__s64 status = report_command_status(verdict);
	char narrowed[REPORT_CLEAN_MAX];

	(void)color;
	while (verdict_pattern(verdict, patterns))
		patterns++;
	shown = patterns > GITHUB_ANNOTATIONS ? GITHUB_ANNOTATIONS - 1 : patterns;
	for (size_t i = 0; i < shown; i++)
		github_pattern(out, verdict, i);
	if (shown < patterns)
		fprintf(out, "::error title=gmemtrace::%llu more kind%s of violations not shown\n",
			(unsigned long long)(patterns - shown),
			plural_of(patterns - shown, "", "s"));
	for (size_t i = 0; (allowed = verdict_allowed(verdict, i)) && i < GITHUB_ANNOTATIONS; i++)
		github_cause(out, allowed, "warning");
	for (size_t i = 0; (note = verdict_note(verdict, i)) && i < GITHUB_ANNOTATIONS; i++)
		github_cause(out, note, "notice");
	github_reasons(out, verdict);
	github_not_judged(out, verdict);
	if (report_narrowed(verdict, narrowed))
		fprintf(out, "::notice title=gmemtrace::%s\n", narrowed);
	if (status > 0)
		fprintf(out, "::error title=gmemtrace::the command failed with status %lld\n",
			(long long)status);
	return report_done(out);
}

static const struct report_format github = {
	.name = "github",
	.help = "as annotations of GitHub Actions",
	.machine = true,
	.write = github_write,
	.compare = compare_github,
};
REPORT_FORMAT_ENTER(github);
