// SPDX-License-Identifier: GPL-2.0
/*
 * The verdict as a mail to a list: what is wrong with which kernel, how to see it again, the
 * proof of the first cause, and what is not known; at most 40 lines, so each part has its share.
 */
#include "model/plural.h"
#include "compare.h"
#include "internal.h"
#include "report/escape.h"

#define MAIL_COLUMNS 75
#define WORDS_LINES 5
#define OTHERS_MAX 2
#define REASONS_MAX 2
#define CONFIG_LINES 3
#define COMMAND_MAX 4096 /* bytes of a fact */

static const char *mail_fact(const struct verdict *verdict, const char *key)
{
	const char *value = model_fact_find(verdict_model(verdict), key);

	return value ? value : "unknown";
}

static void mail_subject(FILE *out, const struct verdict *verdict)
{
	const struct verdict_violation *first = verdict_violation(verdict, 0);
	char place[REPORT_PLACE_MAX], clean[REPORT_CLEAN_MAX];

	fprintf(out, "Subject: [gmemtrace] %s", verdict_value_name(verdict_value(verdict)));
	if (first)
		fprintf(out, ": %s at %s", first->rule->name, report_place(first, place));
	fprintf(out, " (%s)\n\n", report_clean(mail_fact(verdict, "kernel.release"), clean));
}

static void mail_heading(FILE *out, const struct verdict_violation *cause)
{
	char place[REPORT_PLACE_MAX];

	fprintf(out, "%s at %s, count %llu\n", cause->rule->name, report_place(cause, place),
		(unsigned long long)cause->count);
}

static void mail_proof(FILE *out, const struct verdict *verdict,
		       const struct verdict_violation *cause)
{
	const struct verdict_pattern *pattern = verdict_pattern(verdict, cause->pattern - 1);
	char clean[REPORT_CLEAN_MAX], line[REPORT_PATTERN_MAX];

	mail_heading(out, cause);
	if (pattern && pattern->causes > 1)
		report_wrap(out, report_pattern(pattern, line), "  ", MAIL_COLUMNS, 2);
	report_wrap(out, cause->words, "  ", MAIL_COLUMNS, WORDS_LINES);
	for (size_t i = 0; i < cause->sources_nr; i++)
		fprintf(out, "    %-10s %s\n", cause->sources[i].name,
			report_clean(cause->sources[i].says, clean));
	for (size_t i = 0; i < cause->events_nr; i++)
		report_event_line(out, &cause->events[i], "  ");
}

/* Other kinds of causes, the first of each; those like the first one are in its pattern. */
static void mail_others(FILE *out, const struct verdict *verdict)
{
	const struct verdict_violation *cause;
	size_t told = 1, patterns = 0;

	while (verdict_pattern(verdict, patterns))
		patterns++;
	for (size_t i = 1; told <= OTHERS_MAX && (cause = verdict_violation(verdict, i)); i++) {
		if (cause->pattern <= told)
			continue;
		told = cause->pattern;
		mail_heading(out, cause);
	}
	if (patterns > told)
		fprintf(out, "and %zu more kind%s of causes\n", patterns - told,
			plural(patterns - told));
}

static void mail_kernel(FILE *out, const struct verdict *verdict)
{
	static const struct {
		const char *key, *words;
	} facts[] = {
		{ "kernel.release", "kernel " },
		{ "kernel.version", " " },
		{ "kernel.cpus", ", CPUs " },
		{ "kernel.page_table_levels", ", page-table levels " },
		{ "kernel.flush_ceiling_pages", ", flush ceiling (pages) " },
		{ "kernel.kvm", ", kvm " },
		{ "kernel.build_id", ", vmlinux " },
		{ "kernel.kvm_build_id", ", kvm.ko " },
		{ "tool.version", "; gmemtrace " },
	};
	char line[REPORT_CLEAN_MAX];
	size_t used = 0;

	if (!model_fact_find(verdict_model(verdict), facts[0].key)) {
		fprintf(out, "kernel: not recorded\n");
		return;
	}
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]) && used < sizeof(line); i++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s", facts[i].words,
					 mail_fact(verdict, facts[i].key));
	report_wrap(out, line, "", MAIL_COLUMNS, 4);
}

static void mail_config(FILE *out, const struct verdict *verdict)
{
	const char *config = model_fact_find(verdict_model(verdict), RECORD_FACT_CONFIG);
	char line[REPORT_CLEAN_MAX];

	if (!config)
		return;
	snprintf(line, sizeof(line), "configured: %s", config);
	report_wrap(out, line, "", MAIL_COLUMNS, CONFIG_LINES);
}

static void mail_livepatched(FILE *out, const struct verdict *verdict)
{
	const char *names = model_fact_find(verdict_model(verdict), RECORD_FACT_LIVEPATCHED);
	char line[REPORT_CLEAN_MAX];

	if (!names)
		return;
	snprintf(line, sizeof(line), "live-patched: %s", names);
	report_wrap(out, line, "", MAIL_COLUMNS, 2);
}

/* Whole, so that it can be pasted. */
static void mail_again(FILE *out, const struct verdict *verdict)
{
	const char *command = model_fact_find(verdict_model(verdict), "command");
	char clean[3 * COMMAND_MAX];

	escape_text(clean, sizeof(clean), command ? command : "");
	if (command)
		fprintf(out, "to see it again: gmemtrace check -- %s\n", clean);
	else
		fprintf(out, "to see it again: no command was traced\n");
}

static void mail_unknown(FILE *out, const struct verdict *verdict)
{
	char narrowed[REPORT_CLEAN_MAX];
	const struct verdict_not_judged *entry;
	char words[REPORT_CLEAN_MAX] = "not judged:";
	__u64 alloweds = verdict_alloweds(verdict) + verdict_alloweds_unlisted(verdict);
	size_t used = strlen(words), none = used;
	const char *reason;

	for (size_t i = 0; i < REASONS_MAX && (reason = verdict_reason(verdict, i)); i++)
		report_wrap(out, reason, "not known: ", MAIL_COLUMNS, 1);
	for (size_t i = 0; (entry = verdict_not_judged(verdict, i)) && used < sizeof(words); i++)
		used += (size_t)snprintf(words + used, sizeof(words) - used, " %s",
					 entry->rule->name);
	if (report_narrowed(verdict, narrowed))
		report_wrap(out, narrowed, "", MAIL_COLUMNS, 2);
	if (used > none)
		report_wrap(out, words, "", MAIL_COLUMNS, 2);
	if (alloweds)
		fprintf(out, "allowed, as known: %llu cause%s\n", (unsigned long long)alloweds,
			plural(alloweds));
}

static void mail_counts(FILE *out, const struct verdict *verdict)
{
	struct model_counts counts;

	model_count(verdict_model(verdict), &counts);
	fprintf(out, "%llu transition%s, %llu of %llu page%s compared, %llu lost, %llu missed\n",
		(unsigned long long)counts.transitions, plural(counts.transitions),
		(unsigned long long)counts.pages_compared, (unsigned long long)counts.pages,
		plural(counts.pages), (unsigned long long)counts.lost,
		(unsigned long long)counts.missed);
}

static int mail_write(FILE *out, const struct verdict *verdict, bool color)
{
	const struct verdict_violation *first = verdict_violation(verdict, 0);

	(void)color;
	mail_subject(out, verdict);
	if (first) {
		mail_proof(out, verdict, first);
		mail_others(out, verdict);
		fputc('\n', out);
	}
	mail_kernel(out, verdict);
	mail_config(out, verdict);
	mail_livepatched(out, verdict);
	mail_again(out, verdict);
	mail_counts(out, verdict);
	mail_unknown(out, verdict);
	return report_done(out);
}

static const struct report_format mail = {
	.name = "mail",
	.help = "as a mail to a list, of at most 40 lines",
	.machine = true,
	.write = mail_write,
	.compare = compare_mail,
};
REPORT_FORMAT_ENTER(mail);
