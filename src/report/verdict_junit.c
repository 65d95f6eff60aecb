// SPDX-License-Identifier: GPL-2.0
/* The verdict as JUnit XML. */
#include "model/plural.h"
#include "compare.h"
#include "internal.h"

static void xml_text(FILE *out, const char *text)
{
	char clean[REPORT_CLEAN_MAX];

	report_clean(text, clean);
	escape_xml(out, clean, strlen(clean));
}

static void junit_causes(FILE *out, const struct verdict *verdict, const struct rule *rule,
			 report_cause_at at)
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

static void junit_patterns(FILE *out, const struct verdict *verdict, const struct rule *rule)
{
	const struct verdict_pattern *pattern;
	char line[REPORT_PATTERN_MAX];

	for (size_t i = 0; (pattern = verdict_pattern(verdict, i)); i++) {
		if (pattern->rule != rule || pattern->causes < 2)
			continue;
		xml_text(out, report_pattern(pattern, line));
		fputc('\n', out);
	}
}

/* @ns: what it took; rules are judged along the way, so the run's time is the command's. */
static void junit_begin(FILE *out, const char *name, __u64 ns)
{
	fprintf(out, "\t\t<testcase classname=\"gmemtrace\" name=\"%s\" time=\"%llu.%03llu\">\n",
		name, (unsigned long long)(ns / 1000000000),
		(unsigned long long)(ns / 1000000 % 1000));
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
	const char *allowed = report_allowed(verdict, rule);
	__u64 count = verdict_rule_count(verdict, rule->id);

	junit_begin(out, rule->name, 0);
	if (report_rule_violated(verdict, rule)) {
		fprintf(out, "\t\t\t<failure type=\"%s\" message=\"%llu page%s\">", rule->name,
			(unsigned long long)count, plural(count));
		junit_patterns(out, verdict, rule);
		junit_causes(out, verdict, rule, verdict_violation);
		fprintf(out, "</failure>\n");
	} else if (allowed) {
		junit_skipped(out, allowed);
		fprintf(out, "\t\t\t<system-out>");
		junit_causes(out, verdict, rule, verdict_allowed);
		fprintf(out, "</system-out>\n");
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
	bool inconclusive = verdict_value(verdict) == VERDICT_INCONCLUSIVE;
	char narrowed[REPORT_CLEAN_MAX];
	bool some = report_narrowed(verdict, narrowed);

	junit_begin(out, "conclusive", 0);
	if (inconclusive) {
		fprintf(out, "\t\t\t<error type=\"inconclusive\" message=\"inconclusive\">");
		junit_reasons(out, verdict);
		fprintf(out, "</error>\n");
	}
	if (some || (!inconclusive && verdict_reason(verdict, 0))) {
		fprintf(out, "\t\t\t<system-out>");
		if (!inconclusive)
			junit_reasons(out, verdict);
		fprintf(out, "%s</system-out>\n", some ? narrowed : "");
	}
	junit_end(out);
}

static void junit_command(FILE *out, __s64 status, __u64 ns)
{
	junit_begin(out, "command", ns);
	if (status < 0)
		junit_skipped(out, "there was none");
	else if (status)
		fprintf(out,
			"\t\t\t<failure type=\"command\" message=\"it failed with status "
			"%lld\"/>\n",
			(long long)status);
	junit_end(out);
}

static int junit_write(FILE *out, const struct verdict *verdict, bool color)
{
	__s64 status = report_command_status(verdict);
	int failures = status > 0, skipped = status < 0;
	const struct rule *rule = NULL;
	__u64 ns = report_duration(verdict);

	(void)color;
	while ((rule = rule_next(rule))) {
		bool violated = report_rule_violated(verdict, rule);

		failures += violated;
		skipped += !violated &&
			   (report_not_judged(verdict, rule) || report_allowed(verdict, rule));
	}
	fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
	fprintf(out,
		"\t<testsuite name=\"gmemtrace\" tests=\"%zu\" failures=\"%d\" errors=\"%d\" "
		"skipped=\"%d\" time=\"%llu.%03llu\">\n",
		rule_total() + REPORT_POINTS_MORE, failures,
		verdict_value(verdict) == VERDICT_INCONCLUSIVE, skipped,
		(unsigned long long)(ns / 1000000000), (unsigned long long)(ns / 1000000 % 1000));
	while ((rule = rule_next(rule)))
		junit_rule(out, verdict, rule);
	junit_conclusive(out, verdict);
	junit_command(out, status, ns);
	fprintf(out, "\t</testsuite>\n</testsuites>\n");
	return report_done(out);
}

static const struct report_format junit = {
	.name = "junit",
	.help = "as JUnit XML in FILE",
	.besides = true,
	.write = junit_write,
	.compare = compare_junit,
};
REPORT_FORMAT_ENTER(junit);
