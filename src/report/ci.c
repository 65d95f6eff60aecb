// SPDX-License-Identifier: GPL-2.0
/* The verdict for machines that run tests: TAP, JUnit, GitHub annotations. */
#include "internal.h"

#define GITHUB_ANNOTATIONS 10

static void tap_details(FILE *out, const struct verdict *verdict, const struct rule *rule)
{
	const struct verdict_violation *violation;
	char name[MODEL_INODE_NAME_MAX], range[REPORT_RANGE_MAX];

	for (size_t i = 0; (violation = verdict_violation(verdict, i)); i++) {
		if (violation->rule != rule)
			continue;
		model_inode_name(violation->inode, name, sizeof(name));
		fprintf(out, "# %s:%s count %llu: %s\n", name,
			report_range(violation->pgoff_first, violation->pgoff_last, range),
			(unsigned long long)violation->count, violation->words);
	}
}

int report_verdict_tap(FILE *out, const struct verdict *verdict)
{
	enum verdict_value value = verdict_value(verdict);
	const char *reason;

	fprintf(out, "TAP version 13\n1..%d\n", RULE_MAX);
	for (int id = 1; id < RULE_MAX; id++) {
		const struct rule *rule = rule_find((enum rule_id)id);

		reason = report_not_judged(verdict, rule);
		if (verdict_rule_count(verdict, rule->id) &&
		    rule->severity == RULE_SEVERITY_VIOLATION) {
			fprintf(out, "not ok %d - %s\n", id, rule->name);
			tap_details(out, verdict, rule);
		} else if (reason) {
			fprintf(out, "ok %d - %s # SKIP %s\n", id, rule->name, reason);
		} else {
			fprintf(out, "ok %d - %s\n", id, rule->name);
		}
	}
	fprintf(out, "%sok %d - the verdict is %s\n", value == VERDICT_CONSISTENT ? "" : "not ",
		RULE_MAX, verdict_value_name(value));
	for (size_t i = 0; (reason = verdict_reason(verdict, i)); i++)
		fprintf(out, "# inconclusive: %s\n", reason);
	return report_done(out);
}

static void xml_text(FILE *out, const char *text)
{
	for (; *text; text++) {
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
			/* XML 1.0 has no other control characters. */
			fputc((unsigned char)*text < ' ' && *text != '\n' ? '?' : *text, out);
		}
	}
}

static void junit_failures(FILE *out, const struct verdict *verdict, const struct rule *rule)
{
	const struct verdict_violation *violation;
	char name[MODEL_INODE_NAME_MAX], range[REPORT_RANGE_MAX];

	fprintf(out, "\t\t\t<failure type=\"%s\" message=\"%llu pages\">", rule->name,
		(unsigned long long)verdict_rule_count(verdict, rule->id));
	for (size_t i = 0; (violation = verdict_violation(verdict, i)); i++) {
		if (violation->rule != rule)
			continue;
		model_inode_name(violation->inode, name, sizeof(name));
		fprintf(out, "%s:%s count %llu: ", name,
			report_range(violation->pgoff_first, violation->pgoff_last, range),
			(unsigned long long)violation->count);
		xml_text(out, violation->words);
		fputc('\n', out);
	}
	fprintf(out, "</failure>\n");
}

static void junit_conclusive(FILE *out, const struct verdict *verdict)
{
	const char *reason;

	fprintf(out, "\t\t<testcase classname=\"gmemtrace\" name=\"conclusive\">\n");
	if (verdict_value(verdict) == VERDICT_INCONCLUSIVE) {
		fprintf(out, "\t\t\t<error type=\"inconclusive\" message=\"inconclusive\">");
		for (size_t i = 0; (reason = verdict_reason(verdict, i)); i++) {
			xml_text(out, reason);
			fputc('\n', out);
		}
		fprintf(out, "</error>\n");
	}
	fprintf(out, "\t\t</testcase>\n");
}

int report_verdict_junit(FILE *out, const struct verdict *verdict)
{
	int failures = 0, skipped = 0;

	for (int id = 1; id < RULE_MAX; id++) {
		const struct rule *rule = rule_find((enum rule_id)id);
		bool fired = verdict_rule_count(verdict, rule->id) &&
			     rule->severity == RULE_SEVERITY_VIOLATION;

		failures += fired;
		skipped += !fired && report_not_judged(verdict, rule);
	}
	fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
	fprintf(out,
		"\t<testsuite name=\"gmemtrace\" tests=\"%d\" failures=\"%d\" errors=\"%d\" "
		"skipped=\"%d\">\n",
		RULE_MAX, failures, verdict_value(verdict) == VERDICT_INCONCLUSIVE, skipped);
	for (int id = 1; id < RULE_MAX; id++) {
		const struct rule *rule = rule_find((enum rule_id)id);
		const char *reason = report_not_judged(verdict, rule);

		fprintf(out, "\t\t<testcase classname=\"gmemtrace\" name=\"%s\">\n", rule->name);
		if (verdict_rule_count(verdict, rule->id) &&
		    rule->severity == RULE_SEVERITY_VIOLATION) {
			junit_failures(out, verdict, rule);
		} else if (reason) {
			fprintf(out, "\t\t\t<skipped message=\"");
			xml_text(out, reason);
			fprintf(out, "\"/>\n");
		}
		fprintf(out, "\t\t</testcase>\n");
	}
	junit_conclusive(out, verdict);
	fprintf(out, "\t</testsuite>\n</testsuites>\n");
	return report_done(out);
}

static void github_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '%' || *text == '\r' || *text == '\n')
			fprintf(out, "%%%02X", (unsigned)*text);
		else
			fputc(*text, out);
	}
}

static void github_violation(FILE *out, const struct verdict_violation *violation)
{
	char name[MODEL_INODE_NAME_MAX], range[REPORT_RANGE_MAX];

	model_inode_name(violation->inode, name, sizeof(name));
	fprintf(out, "::%s title=gmemtrace %s::%s%%3A%s count %llu: ",
		violation->rule->severity == RULE_SEVERITY_VIOLATION ? "error" : "notice",
		violation->rule->name, name,
		report_range(violation->pgoff_first, violation->pgoff_last, range),
		(unsigned long long)violation->count);
	github_text(out, violation->words);
	fputc('\n', out);
}

int report_verdict_github(FILE *out, const struct verdict *verdict)
{
	size_t violations = verdict_violations(verdict), shown = violations;
	const char *reason;

	if (violations > GITHUB_ANNOTATIONS)
		shown = GITHUB_ANNOTATIONS - 1;
	for (size_t i = 0; i < shown; i++)
		github_violation(out, verdict_violation(verdict, i));
	if (shown < violations)
		fprintf(out, "::error title=gmemtrace::%llu more violations are not shown\n",
			(unsigned long long)(violations - shown + verdict_unlisted(verdict)));
	if (verdict_value(verdict) == VERDICT_INCONCLUSIVE) {
		fprintf(out, "::warning title=gmemtrace inconclusive::");
		for (size_t i = 0; (reason = verdict_reason(verdict, i)); i++) {
			github_text(out, i ? "; " : "");
			github_text(out, reason);
		}
		fputc('\n', out);
	}
	return report_done(out);
}
