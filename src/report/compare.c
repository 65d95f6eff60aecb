// SPDX-License-Identifier: GPL-2.0
/*
 * Which causes of a verdict are new. Inodes, pages, pids and times are others in every run; a cause
 * is known again by its rule and by what a person would say of it, verdict_pattern.what, unless its
 * pages lie where those of the base's never did.
 */
#include "compare.h"
#include "gmemtrace/status.h"
#include "object.h"

static struct json_object *member(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(object, key, &value);
	return value;
}

/* 0 where it is no array. */
static size_t members(struct json_object *object, const char *key)
{
	struct json_object *array = member(object, key);

	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

static struct json_object *member_at(struct json_object *object, const char *key, size_t index)
{
	return json_object_array_get_idx(member(object, key), index);
}

const char *compare_text_at(struct json_object *object, const char *key)
{
	struct json_object *value = member(object, key);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

__u64 compare_count_at(struct json_object *object, const char *key)
{
	return json_object_get_uint64(member(object, key));
}

const char *compare_label(enum compare_label label)
{
	switch (label) {
	case COMPARE_NEW:
		return "NEW";
	case COMPARE_ALSO:
		return "ALSO ON BASE";
	case COMPARE_GONE:
		return "GONE";
	}
	return "unknown";
}

static bool of_pattern(struct json_object *violation, size_t index)
{
	return member(violation, "pattern") && compare_count_at(violation, "pattern") == index;
}

/* Whether it is of a single page, in the step of @base, which has one. */
static bool violation_in_step(struct json_object *violation, struct json_object *base)
{
	__u64 first = compare_count_at(violation, "pgoff_first");

	return member(violation, "pgoff_first") &&
	       first == compare_count_at(violation, "pgoff_last") &&
	       first % compare_count_at(base, "step") == compare_count_at(base, "behind");
}

/* Whether the patched verdict's pattern at @index lies where @base, which is called the same, lies. */
static bool pattern_lies_there(const struct report_comparison *comparison, size_t index,
			       struct json_object *base)
{
	struct json_object *pattern = member_at(comparison->patched, "patterns", index);

	if (json_object_get_boolean(member(base, "later_slots")) &&
	    !json_object_get_boolean(member(pattern, "later_slots")))
		return false;
	if (!compare_count_at(base, "step"))
		return true;
	for (size_t i = 0; i < members(comparison->patched, "violations"); i++) {
		struct json_object *violation = member_at(comparison->patched, "violations", i);

		if (of_pattern(violation, index) && !violation_in_step(violation, base))
			return false;
	}
	return true;
}

static bool patterns_alike(const struct report_comparison *comparison, struct json_object *base,
			   size_t index)
{
	struct json_object *pattern = member_at(comparison->patched, "patterns", index);

	return !strcmp(compare_text_at(base, "rule"), compare_text_at(pattern, "rule")) &&
	       !strcmp(compare_text_at(base, "what"), compare_text_at(pattern, "what")) &&
	       pattern_lies_there(comparison, index, base);
}

/* The base's pattern that is as the patched one's at @index, or NULL. */
static struct json_object *pattern_before(const struct report_comparison *comparison, size_t index)
{
	for (size_t i = 0; i < members(comparison->base, "patterns"); i++) {
		struct json_object *base = member_at(comparison->base, "patterns", i);

		if (patterns_alike(comparison, base, index))
			return base;
	}
	return NULL;
}

/* Whether the patched verdict has none that is as @base. */
static bool pattern_gone(const struct report_comparison *comparison, struct json_object *base)
{
	for (size_t i = 0; i < members(comparison->patched, "patterns"); i++) {
		if (patterns_alike(comparison, base, i))
			return false;
	}
	return true;
}

/* The first violation of the pattern at @index. */
static struct json_object *pattern_violation(struct json_object *verdict, size_t index)
{
	for (size_t i = 0; i < members(verdict, "violations"); i++) {
		struct json_object *violation = member_at(verdict, "violations", i);

		if (of_pattern(violation, index))
			return violation;
	}
	return NULL;
}

/* Why @verdict may not show a cause of @rule that is there; "": it would. */
static void doubt_write(struct json_object *verdict, const char *name, const char *rule,
			char doubt[COMPARE_DOUBT_MAX])
{
	for (size_t i = 0; i < members(verdict, "rules_not_judged"); i++) {
		struct json_object *entry = member_at(verdict, "rules_not_judged", i);
		const char *other = compare_text_at(entry, "rule");
		const char *reason = compare_text_at(entry, "reason");

		if (!other || strcmp(other, rule) != 0)
			continue;
		snprintf(doubt, COMPARE_DOUBT_MAX, "%s did not judge this rule: %s", name,
			 reason ? reason : "no reason given");
		return;
	}
	if (members(verdict, "reasons"))
		snprintf(doubt, COMPARE_DOUBT_MAX, "%s is inconclusive: %s", name,
			 json_object_get_string(member_at(verdict, "reasons", 0)));
	else if (compare_count_at(verdict, "violations_unlisted"))
		snprintf(doubt, COMPARE_DOUBT_MAX, "%s has causes that it does not list", name);
}

static void difference_add(struct report_comparison *comparison, enum compare_label label,
			   struct json_object *base, struct json_object *patched,
			   struct json_object *violation)
{
	struct difference *difference = &comparison->list[comparison->nr++];
	struct json_object *pattern = patched ? patched : base;
	const char *rule = compare_text_at(pattern, "rule");

	*difference = (struct difference){
		.label = label,
		.rule = rule ? rule : "",
		.what = compare_text_at(pattern, "what"),
		.also = compare_text_at(pattern, "also"),
		.base = base,
		.patched = patched,
		.violation = violation,
	};
	if (label == COMPARE_NEW)
		doubt_write(comparison->base, "the base", difference->rule, difference->doubt);
	else if (label == COMPARE_GONE)
		doubt_write(comparison->patched, "the patched one", difference->rule,
			    difference->doubt);
	comparison->count[label]++;
}

/* Those of the patched verdict that are in the base (@also), or that are not. */
static void compare_patched(struct report_comparison *comparison, bool also)
{
	for (size_t i = 0; i < members(comparison->patched, "patterns"); i++) {
		struct json_object *pattern = member_at(comparison->patched, "patterns", i);
		struct json_object *like = pattern_before(comparison, i);

		if (!like == also)
			continue;
		difference_add(comparison, also ? COMPARE_ALSO : COMPARE_NEW, like, pattern,
			       pattern_violation(comparison->patched, i));
	}
}

static void compare_base(struct report_comparison *comparison)
{
	for (size_t i = 0; i < members(comparison->base, "patterns"); i++) {
		struct json_object *pattern = member_at(comparison->base, "patterns", i);

		if (pattern_gone(comparison, pattern))
			difference_add(comparison, COMPARE_GONE, pattern, NULL,
				       pattern_violation(comparison->base, i));
	}
}

static bool patterns_valid(struct json_object *verdict)
{
	if (!json_object_is_type(member(verdict, "patterns"), json_type_array))
		return false;
	for (size_t i = 0; i < members(verdict, "patterns"); i++) {
		struct json_object *pattern = member_at(verdict, "patterns", i);

		if (!compare_text_at(pattern, "rule") || !compare_text_at(pattern, "what"))
			return false;
	}
	return true;
}

/* NULL and @message: it is no verdict. */
static struct json_object *verdict_read(const char *text, const char *name, char *message,
					size_t size)
{
	struct json_object *verdict = json_tokener_parse(text);
	const char *schema = verdict ? compare_text_at(verdict, "schema") : NULL;

	if (!schema || strcmp(schema, REPORT_VERDICT_SCHEMA) != 0)
		snprintf(message, size, "%s: neither a capture nor what check --json prints", name);
	else if (member(verdict, "pages_only"))
		snprintf(message, size,
			 "%s: it is of some pages alone (--pgoff): give a verdict of all, or the "
			 "capture",
			 name);
	else if (!patterns_valid(verdict))
		snprintf(message, size,
			 "%s: an older gmemtrace printed it, without patterns: give the capture",
			 name);
	else
		return verdict;
	json_object_put(verdict);
	return NULL;
}

int report_compare(const char *base, const char *base_name, const char *patched,
		   const char *patched_name, struct report_comparison **comparison, char *message,
		   size_t size)
{
	struct report_comparison *made = calloc(1, sizeof(*made));
	int error = -EINVAL;

	if (!made)
		return -ENOMEM;
	made->base_name = base_name;
	made->patched_name = patched_name;
	made->base = verdict_read(base, base_name, message, size);
	if (made->base)
		made->patched = verdict_read(patched, patched_name, message, size);
	if (!made->patched)
		goto cleanup;
	error = -ENOMEM;
	made->list =
		calloc(members(made->base, "patterns") + members(made->patched, "patterns") + 1,
		       sizeof(*made->list));
	if (!made->list)
		goto cleanup;
	compare_patched(made, false);
	compare_patched(made, true);
	compare_base(made);
	*comparison = made;
	return 0;
cleanup:
	report_comparison_free(made);
	return error;
}

void report_comparison_free(struct report_comparison *comparison)
{
	if (!comparison)
		return;
	json_object_put(comparison->base);
	json_object_put(comparison->patched);
	free(comparison->list);
	free(comparison);
}

int report_comparison_status(const struct report_comparison *comparison)
{
	struct json_object *command = member(comparison->patched, "command_status");
	const char *value = json_object_get_string(member(comparison->patched, "verdict"));

	if (comparison->count[COMPARE_NEW])
		return GMEMTRACE_VIOLATED;
	/* What it does not list may be new. */
	if (members(comparison->patched, "reasons") ||
	    (value && !strcmp(value, verdict_value_name(VERDICT_INCONCLUSIVE))) ||
	    compare_count_at(comparison->patched, "violations_unlisted"))
		return GMEMTRACE_INCONCLUSIVE;
	return json_object_get_int64(command) > 0 ? GMEMTRACE_ERROR : GMEMTRACE_CONSISTENT;
}

static struct json_object *copy(struct json_object *object)
{
	return json_object_get(object);
}

static struct json_object *side_json(struct json_object *verdict, const char *name)
{
	struct json_object *object = json_new();

	json_add(object, "source", words_json(name));
	json_add(object, "verdict", copy(member(verdict, "verdict")));
	json_add(object, "reasons", copy(member(verdict, "reasons")));
	json_add(object, "rules_not_judged", copy(member(verdict, "rules_not_judged")));
	json_add(object, "kernel", copy(member(verdict, "kernel")));
	return object;
}

static struct json_object *difference_json(const struct difference *difference)
{
	static const char *const names[COMPARE_LABELS] = {
		[COMPARE_NEW] = "new",
		[COMPARE_ALSO] = "also-on-base",
		[COMPARE_GONE] = "gone",
	};
	struct json_object *object = json_new();

	add_text(object, "label", names[difference->label]);
	json_add(object, "doubt", *difference->doubt ? words_json(difference->doubt) : NULL);
	add_text(object, "rule", difference->rule);
	add_text(object, "what", difference->what);
	json_add(object, "base", copy(difference->base));
	json_add(object, "patched", copy(difference->patched));
	json_add(object, "violation", copy(difference->violation));
	return object;
}

int compare_json(FILE *out, const struct report_comparison *comparison)
{
	struct json_object *object = json_new(), *causes = json_list();

	add_text(object, "schema", REPORT_COMPARISON_SCHEMA);
	add_int(object, "exit_status", report_comparison_status(comparison));
	add_count(object, "new", comparison->count[COMPARE_NEW]);
	add_count(object, "also_on_base", comparison->count[COMPARE_ALSO]);
	add_count(object, "gone", comparison->count[COMPARE_GONE]);
	json_add(object, "base", side_json(comparison->base, comparison->base_name));
	json_add(object, "patched", side_json(comparison->patched, comparison->patched_name));
	for (size_t i = 0; i < comparison->nr; i++)
		json_append(causes, difference_json(&comparison->list[i]));
	json_add(object, "causes", causes);
	return report_json_done(out, object);
}

extern const char comparison_schema[];
__asm__(".pushsection .rodata\n"
	".local comparison_schema\n"
	"comparison_schema:\n"
	".incbin \"src/report/comparison.schema.json\"\n"
	".byte 0\n"
	".popsection\n");

const char *report_comparison_schema(void)
{
	return comparison_schema;
}
