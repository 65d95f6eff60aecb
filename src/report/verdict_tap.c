// SPDX-License-Identifier: GPL-2.0
/* The verdict as TAP. */
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

static void tap_causes(FILE *out, const struct verdict *verdict, const struct rule *rule,
		       report_cause_at at, const char *label)
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
	tap_causes(out, verdict, rule, verdict_violation, "");
	tap_causes(out, verdict, rule, verdict_allowed, "allowed: ");
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

static int tap_write(FILE *out, const struct verdict *verdict, bool color)
{
	enum verdict_value value = verdict_value(verdict);
	const struct rule *rule = NULL;
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
	tap_command(out, report_command_status(verdict), ++point);
	return report_done(out);
}

static const struct report_format tap = {
	.name = "tap",
	.help = "as TAP, a test point a rule",
	.machine = true,
	.write = tap_write,
};
REPORT_FORMAT_ENTER(tap);
