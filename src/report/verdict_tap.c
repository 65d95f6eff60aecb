// SPDX-License-Identifier: GPL-2.0
/* The verdict as TAP. */
#include "compare.h"
#include "internal.h"

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

/* In double quotes, as all who read YAML's blocks understand. */
static void yaml_text(FILE *out, const char *key, const char *text)
{
	char clean[REPORT_CLEAN_MAX];

	fprintf(out, "%s: \"", key);
	for (text = report_clean(text, clean); *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputs("\"\n", out);
}

static void yaml_event(FILE *out, const struct model_event *event)
{
	char text[REPORT_EVENT_MAX];

	fprintf(out, "        - time_ns: %llu\n          cpu: %u\n          tid: %u\n",
		(unsigned long long)event->time, event->cpu, event->tid);
	yaml_text(out, "          event", report_event(event, text));
}

static void yaml_cause(FILE *out, const struct verdict_violation *cause)
{
	char place[REPORT_PLACE_MAX];

	yaml_text(out, "    - pages", report_place(cause, place));
	fprintf(out, "      count: %llu\n", (unsigned long long)cause->count);
	yaml_text(out, "      words", cause->words);
	if (cause->sources_nr)
		fputs("      sources:\n", out);
	for (size_t i = 0; i < cause->sources_nr; i++) {
		yaml_text(out, "        - source", cause->sources[i].name);
		yaml_text(out, "          says", cause->sources[i].says);
	}
	if (cause->events_nr)
		fputs("      events:\n", out);
	for (size_t i = 0; i < cause->events_nr; i++)
		yaml_event(out, &cause->events[i]);
}

/* What the violations of @rule have in common, before they are listed. */
static void yaml_patterns(FILE *out, const struct verdict *verdict, const struct rule *rule)
{
	const struct verdict_pattern *pattern;
	char line[REPORT_PATTERN_MAX];
	bool any = false;

	for (size_t i = 0; (pattern = verdict_pattern(verdict, i)); i++) {
		if (pattern->rule != rule)
			continue;
		if (!any)
			fputs("  patterns:\n", out);
		any = true;
		yaml_text(out, "    - pattern", report_pattern(pattern, line));
		fprintf(out, "      occurrences: %llu\n      pages: %llu\n",
			(unsigned long long)pattern->occurrences,
			(unsigned long long)pattern->pages);
	}
}

/* Those of @rule, if there are any. */
static void yaml_causes(FILE *out, const struct verdict *verdict, const struct rule *rule,
			report_cause_at at, const char *key)
{
	const struct verdict_violation *cause;
	bool any = false;

	for (size_t i = 0; (cause = at(verdict, i)); i++) {
		if (cause->rule != rule)
			continue;
		if (!any)
			fprintf(out, "  %s:\n", key);
		any = true;
		yaml_cause(out, cause);
	}
}

static void tap_diagnostics(FILE *out, const struct verdict *verdict, const struct rule *rule)
{
	if (!verdict_rule_count(verdict, rule->id))
		return;
	fputs("  ---\n", out);
	yaml_text(out, "  message", rule->meaning);
	yaml_patterns(out, verdict, rule);
	yaml_causes(out, verdict, rule, verdict_violation, "violations");
	yaml_causes(out, verdict, rule, verdict_allowed, "allowed");
	yaml_causes(out, verdict, rule, verdict_note, "notes");
	fputs("  ...\n", out);
}

/* Why a point that failed does not count, or was not tried. */
static void tap_directive(FILE *out, const char *directive, const char *reason)
{
	fprintf(out, " # %s ", directive);
	tap_text(out, reason);
}

static void tap_rule(FILE *out, const struct verdict *verdict, const struct rule *rule,
		     size_t point)
{
	const char *reason = report_not_judged(verdict, rule);
	const char *allowed = report_allowed(verdict, rule);
	bool violated = report_rule_violated(verdict, rule);

	fprintf(out, "%sok %zu - %s", violated || allowed ? "not " : "", point, rule->name);
	if (allowed)
		tap_directive(out, "TODO", allowed);
	else if (!violated && reason)
		tap_directive(out, "SKIP", reason);
	fputc('\n', out);
	tap_diagnostics(out, verdict, rule);
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

static int tap_write(FILE *out, const struct verdict *verdict, bool color)
{
	enum verdict_value value = verdict_value(verdict);
	const struct rule *rule = NULL;
	char narrowed[REPORT_CLEAN_MAX];
	const char *reason;
	size_t point = 0;

	(void)color;
	fprintf(out, "TAP version 13\n1..%zu\n", rule_total() + REPORT_POINTS_MORE);
	while ((rule = rule_next(rule)))
		tap_rule(out, verdict, rule, ++point);
	fprintf(out, "%sok %zu - the verdict is %s\n", value == VERDICT_CONSISTENT ? "" : "not ",
		++point, verdict_value_name(value));
	for (size_t i = 0; (reason = verdict_reason(verdict, i)); i++) {
		fputs("# inconclusive: ", out);
		tap_text(out, reason);
		fputc('\n', out);
	}
	if (report_narrowed(verdict, narrowed))
		fprintf(out, "# %s\n", narrowed);
	tap_command(out, report_command_status(verdict), ++point);
	return report_done(out);
}

static const struct report_format tap = {
	.name = "tap",
	.help = "as TAP, a test point a rule",
	.machine = true,
	.write = tap_write,
	.compare = compare_tap,
};
REPORT_FORMAT_ENTER(tap);
