// SPDX-License-Identifier: GPL-2.0
/* The verdict for machines that run tests: TAP, JUnit, GitHub annotations. */
#include "internal.h"

#define GITHUB_ANNOTATIONS 10
/* Besides a test point a rule: the verdict, and CMD. */
#define POINTS_MORE 2

typedef const struct verdict_violation *(*cause_at)(const struct verdict *, size_t);

static bool rule_violated(const struct verdict *verdict, const struct rule *rule)
{
	return rule->severity == RULE_SEVERITY_VIOLATION && verdict_rule_count(verdict, rule->id);
}

static __s64 command_status(const struct verdict *verdict)
{
	struct model_counts counts;

	model_count(verdict_model(verdict), &counts);
	return counts.command_status;
}

/* One line whatever it holds: a newline would end the comment, '#' begin a directive. */
static void tap_text(FILE *out, const char *text)
{
	char clean[REPORT_CLEAN_MAX];

	for (text = report_clean(text, clean); *text; text++) {
		if (*text == '#' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void tap_causes(FILE *out, const struct verdict *verdict, const struct rule *rule,
		       cause_at at, const char *label)
{
	const struct verdict_violation *cause;
	char place[REPORT_PLACE_MAX];

	for (size_t i = 0; (cause = at(verdict, i)); i++) {
		if (cause->rule != rule)
			continue;
		fprintf(out, "# %s%s count %llu: ", label, report_place(cause, place),
			(unsigned long long)cause->count);
		tap_text(out, cause->words);
		fputc('\n', out);
	}
}

static void tap_rule(FILE *out, const struct verdict *verdict, const struct rule *rule,
		     size_t point)
{
	const char *reason = report_not_judged(verdict, rule);
	bool violated = rule_violated(verdict, rule);

	fprintf(out, "%sok %zu - %s", violated ? "not " : "", point, rule->name);
	if (!violated && reason) {
		fputs(" # SKIP ", out);
		tap_text(out, reason);
	}
	fputc('\n', out);
	tap_causes(out, verdict, rule, verdict_violation, "");
	tap_causes(out, verdict, rule, verdict_note, "note: ");
}

static void tap_command(FILE *out, __s64 status, size_t point)
{
	if (status < 0)
		fprintf(out, "ok %zu - the command # SKIP there was none\n", point);
	else if (status)
		fprintf(out, "not ok %zu - the command\n# it failed with status %lld\n", point,
			(long long)status);
	else
		fprintf(out, "ok %zu - the command\n", point);
}

int report_verdict_tap(FILE *out, const struct verdict *verdict)
{
	enum verdict_value value = verdict_value(verdict);
	const struct rule *rule = NULL;
	const char *reason;
	size_t point = 0;

	fprintf(out, "TAP version 13\n1..%zu\n", rule_total() + POINTS_MORE);
	while ((rule = rule_next(rule)))
		tap_rule(out, verdict, rule, ++point);
	fprintf(out, "%sok %zu - the verdict is %s\n", value == VERDICT_CONSISTENT ? "" : "not ",
		++point, verdict_value_name(value));
	for (size_t i = 0; (reason = verdict_reason(verdict, i)); i++) {
		fputs("# inconclusive: ", out);
		tap_text(out, reason);
		fputc('\n', out);
	}
	tap_command(out, command_status(verdict), ++point);
	return report_done(out);
}

static void xml_text(FILE *out, const char *text)
{
	char clean[REPORT_CLEAN_MAX];

	for (text = report_clean(text, clean); *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

static void junit_causes(FILE *out, const struct verdict *verdict, const struct rule *rule,
			 cause_at at)
{
	const struct verdict_violation *cause;
	char place[REPORT_PLACE_MAX];

	for (size_t i = 0; (cause = at(verdict, i)); i++) {
		if (cause->rule != rule)
			continue;
		fprintf(out, "%s count %llu: ", report_place(cause, place),
			(unsigned long long)cause->count);
		xml_text(out, cause->words);
		fputc('\n', out);
	}
}

static void junit_begin(FILE *out, const char *name)
{
	fprintf(out, "\t\t<testcase classname=\"gmemtrace\" name=\"%s\">\n", name);
}

static void junit_end(FILE *out)
{
	fprintf(out, "\t\t</testcase>\n");
}

static void junit_skipped(FILE *out, const char *reason)
{
	fprintf(out, "\t\t\t<skipped message=\"");
	xml_text(out, reason);
	fprintf(out, "\"/>\n");
}

static void junit_rule(FILE *out, const struct verdict *verdict, const struct rule *rule)
{
	const char *reason = report_not_judged(verdict, rule);
	__u64 count = verdict_rule_count(verdict, rule->id);

	junit_begin(out, rule->name);
	if (rule_violated(verdict, rule)) {
		fprintf(out, "\t\t\t<failure type=\"%s\" message=\"%llu pages\">", rule->name,
			(unsigned long long)count);
		junit_causes(out, verdict, rule, verdict_violation);
		fprintf(out, "</failure>\n");
	} else if (reason) {
		junit_skipped(out, reason);
	} else if (count) {
		fprintf(out, "\t\t\t<system-out>");
		junit_causes(out, verdict, rule, verdict_note);
		fprintf(out, "</system-out>\n");
	}
	junit_end(out);
}

static void junit_reasons(FILE *out, const struct verdict *verdict)
{
	const char *reason;

	for (size_t i = 0; (reason = verdict_reason(verdict, i)); i++) {
		xml_text(out, reason);
		fputc('\n', out);
	}
}

static void junit_conclusive(FILE *out, const struct verdict *verdict)
{
	junit_begin(out, "conclusive");
	if (verdict_value(verdict) == VERDICT_INCONCLUSIVE) {
		fprintf(out, "\t\t\t<error type=\"inconclusive\" message=\"inconclusive\">");
		junit_reasons(out, verdict);
		fprintf(out, "</error>\n");
	} else if (verdict_reason(verdict, 0)) {
		fprintf(out, "\t\t\t<system-out>");
		junit_reasons(out, verdict);
		fprintf(out, "</system-out>\n");
	}
	junit_end(out);
}

static void junit_command(FILE *out, __s64 status)
{
	junit_begin(out, "command");
	if (status < 0)
		junit_skipped(out, "there was none");
	else if (status)
		fprintf(out,
			"\t\t\t<failure type=\"command\" message=\"it failed with status "
			"%lld\"/>\n",
			(long long)status);
	junit_end(out);
}

int report_verdict_junit(FILE *out, const struct verdict *verdict)
{
	__s64 status = command_status(verdict);
	int failures = status > 0, skipped = status < 0;
	const struct rule *rule = NULL;

	while ((rule = rule_next(rule))) {
		bool violated = rule_violated(verdict, rule);

		failures += violated;
		skipped += !violated && report_not_judged(verdict, rule);
	}
	fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
	fprintf(out,
		"\t<testsuite name=\"gmemtrace\" tests=\"%zu\" failures=\"%d\" errors=\"%d\" "
		"skipped=\"%d\">\n",
		rule_total() + POINTS_MORE, failures,
		verdict_value(verdict) == VERDICT_INCONCLUSIVE, skipped);
	while ((rule = rule_next(rule)))
		junit_rule(out, verdict, rule);
	junit_conclusive(out, verdict);
	junit_command(out, status);
	fprintf(out, "\t</testsuite>\n</testsuites>\n");
	return report_done(out);
}

static void github_text(FILE *out, const char *text)
{
	char clean[REPORT_CLEAN_MAX];

	/* The format's own escape; what would break its line is escaped already. */
	for (text = report_clean(text, clean); *text; text++) {
		if (*text == '%')
			fputs("%25", out);
		else
			fputc(*text, out);
	}
}

static void github_cause(FILE *out, const struct verdict_violation *cause, const char *level)
{
	char place[REPORT_PLACE_MAX], *colon;

	report_place(cause, place);
	colon = strchr(place, ':');
	*colon = '\0';
	fprintf(out, "::%s title=gmemtrace %s::%s%%3A%s count %llu: ", level, cause->rule->name,
		place, colon + 1, (unsigned long long)cause->count);
	github_text(out, cause->words);
	fputc('\n', out);
}

static void github_reasons(FILE *out, const struct verdict *verdict)
{
	const char *reason;

	if (!verdict_reason(verdict, 0))
		return;
	fprintf(out, "::warning title=gmemtrace inconclusive::");
	for (size_t i = 0; (reason = verdict_reason(verdict, i)); i++) {
		github_text(out, i ? "; " : "");
		github_text(out, reason);
	}
	fputc('\n', out);
}

/* Rules that this run could judge only in part or not at all, in one line. */
static void github_not_judged(FILE *out, const struct verdict *verdict)
{
	const struct verdict_not_judged *entry;
	bool any = false;

	for (size_t i = 0; (entry = verdict_not_judged(verdict, i)); i++) {
		if (!entry->rule->built)
			continue;
		fprintf(out, "%s%s: ", any ? "; " : "::notice title=gmemtrace not judged::",
			entry->rule->name);
		github_text(out, entry->reason);
		any = true;
	}
	if (any)
		fputc('\n', out);
}

int report_verdict_github(FILE *out, const struct verdict *verdict)
{
	size_t violations = verdict_violations(verdict), shown = violations;
	const struct verdict_violation *note;
	__s64 status = command_status(verdict);

	if (violations > GITHUB_ANNOTATIONS)
		shown = GITHUB_ANNOTATIONS - 1;
	for (size_t i = 0; i < shown; i++)
		github_cause(out, verdict_violation(verdict, i), "error");
	if (shown < violations)
		fprintf(out, "::error title=gmemtrace::%llu more violations are not shown\n",
			(unsigned long long)(violations - shown + verdict_unlisted(verdict)));
	for (size_t i = 0; (note = verdict_note(verdict, i)) && i < GITHUB_ANNOTATIONS; i++)
		github_cause(out, note, "notice");
	github_reasons(out, verdict);
	github_not_judged(out, verdict);
	if (status > 0)
		fprintf(out, "::error title=gmemtrace::the command failed with status %lld\n",
			(long long)status);
	return report_done(out);
}
