// SPDX-License-Identifier: GPL-2.0
/* What is new, also on the base, or gone: in each format but JSON. */
#include <json-c/json.h>

#include "model/plural.h"
#include "compare.h"
#include "gmemtrace/status.h"
#include "internal.h"

#define COLUMNS 96
#define MAIL_COLUMNS 75
#define MAIL_CAUSES 12
#define WORDS_LINES 8
#define PLACE_MAX 96
#define LINE_MAX_ 640

static const char *verdict_of(struct json_object *verdict)
{
	const char *value = compare_text_at(verdict, "verdict");

	return value ? value : "unknown";
}

/* "g1:0x19" of the violation; "" where it is not known */
static const char *violation_place(struct json_object *violation, char place[PLACE_MAX])
{
	const char *inode = compare_text_at(violation, "inode");
	struct json_object *first = NULL, *last = NULL;
	char range[REPORT_RANGE_MAX];

	place[0] = '\0';
	json_object_object_get_ex(violation, "pgoff_first", &first);
	json_object_object_get_ex(violation, "pgoff_last", &last);
	if (inode && first && last)
		snprintf(place, PLACE_MAX, "%.24s:%s", inode,
			 report_range(json_object_get_uint64(first), json_object_get_uint64(last),
				      range));
	return place;
}

static const char *violation_words_of(struct json_object *violation)
{
	const char *words = compare_text_at(violation, "words");

	return words ? words : "";
}

/* "1 NEW, 2 ALSO ON BASE, 0 GONE" */
static void counts_write(FILE *out, const struct report_comparison *comparison)
{
	for (enum compare_label label = COMPARE_NEW; label <= COMPARE_GONE; label++)
		fprintf(out, "%s%zu %s", label == COMPARE_NEW ? "" : ", ", comparison->count[label],
			compare_label(label));
}

static void side_count(char *text, size_t size, const char *name, struct json_object *pattern)
{
	size_t used = strlen(text);
	__u64 pages, causes;

	if (!pattern || used >= size)
		return;
	pages = compare_count_at(pattern, "pages");
	causes = compare_count_at(pattern, "causes");
	snprintf(text + used, size - used, "%s%s: %llu cause%s", used ? ", " : "", name,
		 (unsigned long long)causes, plural(causes));
	used = strlen(text);
	if (pages && used < size)
		snprintf(text + used, size - used, " of %llu page%s", (unsigned long long)pages,
			 plural(pages));
}

/* "declared-mismatch, the last page of a set_range to absent (patched: 4 causes of 4 pages)" */
static const char *difference_line(const struct difference *difference, char line[LINE_MAX_])
{
	char counts[160] = "";

	side_count(counts, sizeof(counts), "base", difference->base);
	side_count(counts, sizeof(counts), "patched", difference->patched);
	snprintf(line, LINE_MAX_, "%s, %s%s%s (%s)", difference->rule, difference->what,
		 difference->also ? "; " : "", difference->also ? difference->also : "", counts);
	return line;
}

/* What the sides could not say, whatever was found: lines, each from @before to @behind. */
static void sides_doubts(FILE *out, const struct report_comparison *comparison, const char *before,
			 const char *behind)
{
	struct json_object *sides[] = { comparison->base, comparison->patched }, *array, *entry;
	static const char *const names[] = { "the base", "the patched one" };
	char clean[REPORT_CLEAN_MAX];

	for (size_t side = 0; side < 2; side++) {
		__u64 unlisted = compare_count_at(sides[side], "violations_unlisted");

		if (unlisted)
			fprintf(out, "%s%llu cause%s that %s has %s not listed%s%s", before,
				(unsigned long long)unlisted, plural(unlisted), names[side],
				plural_of(unlisted, "is", "are"), side ? ": they may be new" : "",
				behind);
		if (!json_object_object_get_ex(sides[side], "reasons", &array))
			continue;
		for (size_t i = 0; i < json_object_array_length(array) && i < 3; i++) {
			entry = json_object_array_get_idx(array, i);
			fprintf(out, "%s%s is inconclusive: %s%s", before, names[side],
				report_clean(json_object_get_string(entry), clean), behind);
		}
	}
}

static bool rule_not_judged(struct json_object *verdict, const char *rule)
{
	struct json_object *array;

	if (!json_object_object_get_ex(verdict, "rules_not_judged", &array))
		return false;
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		const char *other = compare_text_at(json_object_array_get_idx(array, i), "rule");

		if (other && !strcmp(other, rule))
			return true;
	}
	return false;
}

/* "missed-page, stuck": what the one judged and the other did not; "" where there is none */
static const char *judged_by_one(struct json_object *judged, struct json_object *other, char *text,
				 size_t size)
{
	const struct rule *rule = NULL;
	size_t used = 0;

	text[0] = '\0';
	while ((rule = rule_next(rule)) && used < size) {
		if (rule_not_judged(other, rule->name) && !rule_not_judged(judged, rule->name))
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
						 rule->name);
	}
	return text;
}

static void judged_doubts(FILE *out, const struct report_comparison *comparison, const char *before,
			  const char *behind)
{
	char rules[512];

	if (*judged_by_one(comparison->patched, comparison->base, rules, sizeof(rules)))
		fprintf(out, "%sjudged on the patched one and not on the base: %s%s", before, rules,
			behind);
	if (*judged_by_one(comparison->base, comparison->patched, rules, sizeof(rules)))
		fprintf(out, "%sjudged on the base and not on the patched one: %s%s", before, rules,
			behind);
}

static void text_difference(FILE *out, const struct difference *difference)
{
	char line[LINE_MAX_], place[PLACE_MAX], clean[REPORT_CLEAN_MAX];

	fprintf(out, "\n%-12s  %s\n", compare_label(difference->label),
		report_clean(difference_line(difference, line), clean));
	if (*difference->doubt)
		fprintf(out, "    not sure: %s\n", report_clean(difference->doubt, clean));
	if (difference->label != COMPARE_NEW)
		return;
	if (*violation_place(difference->violation, place))
		fprintf(out, "    the first: %s\n", report_clean(place, clean));
	report_wrap(out, violation_words_of(difference->violation), "    ", COLUMNS, 0);
}

int compare_text(FILE *out, const struct report_comparison *comparison)
{
	char clean[REPORT_CLEAN_MAX];

	counts_write(out, comparison);
	fprintf(out, "   exit status %d\n", report_comparison_status(comparison));
	fprintf(out, "base       %s: %s\n", report_clean(comparison->base_name, clean),
		verdict_of(comparison->base));
	fprintf(out, "patched    %s: %s\n", report_clean(comparison->patched_name, clean),
		verdict_of(comparison->patched));
	for (size_t i = 0; i < comparison->nr; i++)
		text_difference(out, &comparison->list[i]);
	sides_doubts(out, comparison, "\nnot known: ", "");
	judged_doubts(out, comparison, "\nnot known: ", "");
	fputc('\n', out);
	return report_done(out);
}

static void tap_line(FILE *out, const char *text)
{
	char clean[REPORT_CLEAN_MAX];

	for (text = report_clean(text, clean); *text; text++) {
		if (*text == '#' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void yaml_line(FILE *out, const char *key, const char *text)
{
	char clean[REPORT_CLEAN_MAX];

	fprintf(out, "  %s: \"", key);
	for (text = report_clean(text, clean); *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputs("\"\n", out);
}

static void tap_difference(FILE *out, const struct difference *difference, size_t point)
{
	char line[LINE_MAX_], place[PLACE_MAX];

	fprintf(out, "%sok %zu - %s ", difference->label == COMPARE_NEW ? "not " : "", point,
		compare_label(difference->label));
	tap_line(out, difference_line(difference, line));
	fputs("\n  ---\n", out);
	yaml_line(out, "label", compare_label(difference->label));
	if (*difference->doubt)
		yaml_line(out, "doubt", difference->doubt);
	yaml_line(out, "first", violation_place(difference->violation, place));
	yaml_line(out, "words", violation_words_of(difference->violation));
	fputs("  ...\n", out);
}

int compare_tap(FILE *out, const struct report_comparison *comparison)
{
	int status = report_comparison_status(comparison);

	fprintf(out, "TAP version 13\n1..%zu\n", comparison->nr + 1);
	for (size_t i = 0; i < comparison->nr; i++)
		tap_difference(out, &comparison->list[i], i + 1);
	fprintf(out, "%sok %zu - nothing is new\n", status ? "not " : "", comparison->nr + 1);
	sides_doubts(out, comparison, "# ", "\n");
	judged_doubts(out, comparison, "# ", "\n");
	return report_done(out);
}

static void xml_line(FILE *out, const char *text)
{
	char clean[REPORT_CLEAN_MAX];

	report_clean(text, clean);
	escape_xml(out, clean, strlen(clean));
}

static void junit_difference(FILE *out, const struct difference *difference)
{
	bool fails = difference->label == COMPARE_NEW;
	char line[LINE_MAX_];

	fprintf(out, "\t\t<testcase classname=\"gmemtrace\" time=\"0.000\" name=\"%s ",
		compare_label(difference->label));
	xml_line(out, difference_line(difference, line));
	fprintf(out, "\">\n\t\t\t<%s>", fails ? "failure type=\"new\"" : "system-out");
	if (*difference->doubt) {
		xml_line(out, difference->doubt);
		fputc('\n', out);
	}
	xml_line(out, violation_words_of(difference->violation));
	fprintf(out, "</%s>\n\t\t</testcase>\n", fails ? "failure" : "system-out");
}

int compare_junit(FILE *out, const struct report_comparison *comparison)
{
	bool inconclusive = report_comparison_status(comparison) == GMEMTRACE_INCONCLUSIVE;

	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
		"\t<testsuite name=\"gmemtrace\" tests=\"%zu\" failures=\"%zu\" errors=\"%d\" "
		"skipped=\"0\" time=\"0.000\">\n",
		comparison->nr + 1, comparison->count[COMPARE_NEW], inconclusive);
	for (size_t i = 0; i < comparison->nr; i++)
		junit_difference(out, &comparison->list[i]);
	fprintf(out, "\t\t<testcase classname=\"gmemtrace\" name=\"conclusive\" time=\"0.000\">\n");
	if (inconclusive)
		fprintf(out, "\t\t\t<error type=\"inconclusive\" message=\"the patched one is "
			     "inconclusive\"/>\n");
	fprintf(out, "\t\t</testcase>\n\t</testsuite>\n</testsuites>\n");
	return report_done(out);
}

int compare_github(FILE *out, const struct report_comparison *comparison)
{
	static const char *const levels[COMPARE_LABELS] = {
		[COMPARE_NEW] = "error",
		[COMPARE_ALSO] = "warning",
		[COMPARE_GONE] = "notice",
	};
	char line[LINE_MAX_];

	for (size_t i = 0; i < comparison->nr; i++) {
		const struct difference *difference = &comparison->list[i];

		fprintf(out, "::%s title=gmemtrace %s::", levels[difference->label],
			compare_label(difference->label));
		report_github_text(out, difference_line(difference, line));
		if (*difference->doubt) {
			fputs(". Not sure: ", out);
			report_github_text(out, difference->doubt);
		}
		if (difference->label == COMPARE_NEW) {
			fputs(". ", out);
			report_github_text(out, violation_words_of(difference->violation));
		}
		fputc('\n', out);
	}
	sides_doubts(out, comparison, "::warning title=gmemtrace::", "\n");
	judged_doubts(out, comparison, "::warning title=gmemtrace::", "\n");
	return report_done(out);
}

static void markdown_line(FILE *out, const char *text)
{
	char clean[REPORT_CLEAN_MAX];

	escape_markdown(out, report_clean(text, clean));
}

int compare_markdown(FILE *out, const struct report_comparison *comparison)
{
	char line[LINE_MAX_];

	fputs("## gmemtrace: ", out);
	counts_write(out, comparison);
	fputs("\n\n", out);
	for (size_t i = 0; i < comparison->nr; i++) {
		fprintf(out, "- **%s** ", compare_label(comparison->list[i].label));
		markdown_line(out, difference_line(&comparison->list[i], line));
		if (*comparison->list[i].doubt) {
			fputs(". Not sure: ", out);
			markdown_line(out, comparison->list[i].doubt);
		}
		fputc('\n', out);
	}
	sides_doubts(out, comparison, "- ", "\n");
	judged_doubts(out, comparison, "- ", "\n");
	return report_done(out);
}

static const char *release_of(struct json_object *verdict)
{
	struct json_object *kernel = NULL;
	const char *release = NULL;

	if (json_object_object_get_ex(verdict, "kernel", &kernel))
		release = compare_text_at(kernel, "release");
	return release ? release : "unknown";
}

static void mail_kernel(FILE *out, struct json_object *verdict, const char *name)
{
	struct json_object *kernel = NULL;
	const char *id = NULL;

	if (json_object_object_get_ex(verdict, "kernel", &kernel))
		id = compare_text_at(kernel, "vmlinux_build_id");
	fprintf(out, "%-9s kernel %.80s, vmlinux %.64s: %s\n", name, release_of(verdict),
		id ? id : "unknown", verdict_of(verdict));
}

/* At most 40 lines: two of each cause, the words of the first that is new, and what is not known. */
int compare_mail(FILE *out, const struct report_comparison *comparison)
{
	const struct difference *first = comparison->nr ? &comparison->list[0] : NULL;
	char line[LINE_MAX_];

	fputs("Subject: [gmemtrace] ", out);
	counts_write(out, comparison);
	fprintf(out, " (%.80s)\n\n", release_of(comparison->patched));
	mail_kernel(out, comparison->base, "base:");
	mail_kernel(out, comparison->patched, "patched:");
	for (size_t i = 0; i < comparison->nr && i < MAIL_CAUSES; i++) {
		fprintf(out, "%s%s\n", compare_label(comparison->list[i].label),
			*comparison->list[i].doubt ? " (not sure)" : "");
		report_wrap(out, difference_line(&comparison->list[i], line), "  ", MAIL_COLUMNS,
			    1);
	}
	if (comparison->nr > MAIL_CAUSES)
		fprintf(out, "and %zu more\n", comparison->nr - MAIL_CAUSES);
	if (first && first->label == COMPARE_NEW)
		report_wrap(out, violation_words_of(first->violation), "  ", MAIL_COLUMNS,
			    WORDS_LINES - 4);
	if (first && *first->doubt)
		report_wrap(out, first->doubt, "not known: ", MAIL_COLUMNS, 1);
	return report_done(out);
}
