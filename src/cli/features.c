// SPDX-License-Identifier: GPL-2.0
/* gmemtrace features: what this kernel offers, and which rules it lets us judge. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "gmemtrace/rules.h"
#include "report/json.h"
#include "sensor/load.h"
#include "sensor/sensor.h"
#include "serve/client.h"

#define FEATURES_SCHEMA "gmemtrace-features-1"
#define REASON_MAX (SENSOR_MESSAGE_LENGTH + 64) /* with what lacks it in front */

struct features {
	struct options options;
	bool json;
	struct sensor_feature list[SENSOR_FEATURES_MAX];
	size_t nr;
};

static const struct argp_option features_table[] = {
	{ "json", 'j', NULL, 0, "as one JSON object", 0 },
	{ 0 },
};

static error_t features_parse(int key, char *text, struct argp_state *state)
{
	struct features *features = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		options_init_children(state, &features->options, 1);
		return 0;
	case 'j':
		features->json = true;
		return 0;
	case ARGP_KEY_ARG:
		options_usage(state->name, "%s: takes no arguments", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child features_children[] = {
	{ &options_common, 0, NULL, 0 },
	{ 0 },
};

static const struct argp features_argp = {
	features_table,
	features_parse,
	NULL,
	"Says what this kernel and this user's privileges offer, probe by probe, with the reason "
	"where "
	"something is missing, and then which rules can be judged.\v"
	"Exit status: 0 tracing can work, 4 it cannot, 64 usage error.",
	features_children,
	NULL,
	NULL,
};

static const struct sensor_feature *feature_find(const struct features *features, const char *name)
{
	for (size_t i = 0; i < features->nr; i++) {
		if (!strcmp(features->list[i].name, name))
			return &features->list[i];
	}
	return NULL;
}

/* The first thing that all tracing needs and that is not there, or NULL. */
static const struct sensor_feature *feature_missing(const struct features *features)
{
	for (size_t i = 0; i < features->nr; i++) {
		if (features->list[i].required && !features->list[i].present)
			return &features->list[i];
	}
	return NULL;
}

/* What the program hooks, as a feature. NULL: nothing that a kernel could lack. */
static const struct sensor_feature *program_feature(const struct features *features,
						    const char *program)
{
	for (size_t i = 0; i < load_programs_nr; i++) {
		if (!strcmp(load_programs[i].name, program))
			return load_programs[i].target
				       ? feature_find(features, load_programs[i].target)
				       : NULL;
	}
	return NULL;
}

/* A routine that cannot be hooked though it is there: what it does is a gap. NULL: none. */
static const struct sensor_feature *feature_refused(const struct features *features)
{
	for (size_t i = 0; i < features->nr; i++) {
		if (features->list[i].refused)
			return &features->list[i];
	}
	return NULL;
}

/* What a rule needs besides the sensors that all need: reads, and one of its hooks. */
static const struct sensor_feature *rule_missing(const struct features *features,
						 const struct rule *rule)
{
	const struct sensor_feature *walker = feature_find(features, "page-table walker");
	const struct sensor_feature *global = feature_find(features, "global direct map");
	const struct sensor_feature *missing = NULL;

	if (rule->needs & (RULE_NEEDS_SNAPSHOT | RULE_NEEDS_MAP) && walker && !walker->present)
		return walker;
	if (rule->needs & RULE_NEEDS_GLOBAL && global && !global->present)
		return global;
	missing = rule->needs & RULE_SEES_GAPS ? feature_refused(features) : NULL;
	if (missing)
		return missing;
	for (size_t i = 0; i < RULE_PROGRAMS_MAX && rule->watches[i]; i++) {
		const struct sensor_feature *feature = program_feature(features, rule->watches[i]);

		if (!feature || feature->present)
			return NULL;
		if (!missing)
			missing = feature;
	}
	return missing;
}

/* What a part of the rule needs, and cannot have here; NULL: nothing. */
static const struct sensor_feature *part_missing(const struct features *features,
						 const struct rule *rule)
{
	static const struct {
		__u32 needs;
		const char *names[4];
	} parts[] = {
		{ RULE_NEEDS_GUEST,
		  { "kvm_gmem_mark_prepared", "kvm_tdp_mmu_map", "kvm_tdp_mmu_unmap_gfn_range" } },
		{ RULE_NEEDS_ANSWERS, { "flush acknowledgements" } },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		for (const char *const *name = parts[i].names; *name; name++) {
			const struct sensor_feature *feature = feature_find(features, *name);

			if (rule->needs & parts[i].needs && feature &&
			    (!feature->present || feature->unproven))
				return feature;
		}
	}
	return NULL;
}

/* Whether @rule can be judged here; if not, or only in part, @reason says why. */
static bool rule_judged(const struct features *features, const struct rule *rule,
			char reason[REASON_MAX])
{
	const struct sensor_feature *missing = feature_missing(features);

	reason[0] = '\0';
	if (!rule->built)
		snprintf(reason, REASON_MAX, "not built in this version");
	else if (missing)
		snprintf(reason, REASON_MAX, "nothing can be traced without %s", missing->name);
	else if ((missing = rule_missing(features, rule)))
		snprintf(reason, REASON_MAX, "needs %s: %s", missing->name, missing->reason);
	if (reason[0])
		return false;
	missing = part_missing(features, rule);
	if (missing)
		snprintf(reason, REASON_MAX, "in part, without %s: %s", missing->name,
			 missing->reason);
	return true;
}

static void feature_print(FILE *out, const struct sensor_feature *feature)
{
	fprintf(out, "  %-34s %-4s %s\n", feature->name, feature->present ? "yes" : "no",
		feature->provenance);
	if (feature->reason[0])
		fprintf(out, "  %-34s      %s%s\n", "",
			feature->required && !feature->present ? "required: " : "",
			feature->reason);
}

static void features_print_text(FILE *out, const struct features *features)
{
	const struct rule *rule = NULL;
	char reason[REASON_MAX];

	fprintf(out, "kernel\n");
	for (size_t i = 0; i < features->nr; i++)
		feature_print(out, &features->list[i]);
	fprintf(out, "rules\n");
	while ((rule = rule_next(rule))) {
		fprintf(out, "  %-34s %-4s %s\n", rule->name,
			rule_judged(features, rule, reason) ? "yes" : "no", reason);
	}
}

static struct json_object *feature_json(const struct sensor_feature *feature)
{
	struct json_object *object = json_new();

	json_add(object, "name", json_string(feature->name));
	json_add(object, "present", json_flag(feature->present));
	json_add(object, "required", json_flag(feature->required));
	json_add(object, "provenance", json_string(feature->provenance));
	json_add(object, "reason", json_string(feature->reason));
	return object;
}

static struct json_object *rule_json(const struct features *features, const struct rule *rule)
{
	struct json_object *object = json_new();
	char reason[REASON_MAX], needs[RULE_NEEDS_WORDS_MAX];
	bool judged = rule_judged(features, rule, reason);

	json_add(object, "id", json_int(rule->id));
	json_add(object, "name", json_string(rule->name));
	json_add(object, "severity",
		 json_string(rule->severity == RULE_SEVERITY_NOTE ? "note" : "violation"));
	json_add(object, "fires_when", json_string(rule->fires_when));
	json_add(object, "meaning", json_string(rule->meaning));
	json_add(object, "needs", json_string(rule_needs_words(rule, needs)));
	json_add(object, "judged", json_flag(judged));
	json_add(object, "reason", json_string(reason));
	return object;
}

static int features_print_json(FILE *out, const struct features *features)
{
	struct json_object *object = json_new();
	struct json_object *list = json_list(), *rules = json_list();
	const struct rule *rule = NULL;

	json_add(object, "schema", json_string(FEATURES_SCHEMA));
	json_add(object, "tracing", json_flag(!feature_missing(features)));
	for (size_t i = 0; i < features->nr; i++)
		json_append(list, feature_json(&features->list[i]));
	while ((rule = rule_next(rule)))
		json_append(rules, rule_json(features, rule));
	json_add(object, "features", list);
	json_add(object, "rules", rules);
	return json_write(out, object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* What this user may not do is done for him, where a socket lets him in. */
static const char *served_words(void)
{
	return geteuid() && !access(SENSOR_SOCKET, W_OK)
		       ? "; gmemtraced serves you at " SENSOR_SOCKET
			 ": what traces does so through it, and says what it cannot judge"
		       : "";
}

int subcommand_features(int argc, char **argv, char **command)
{
	struct features features = {};
	const struct sensor_feature *missing;
	struct output *output;
	int error = 0;

	options_parse(&features_argp, argc, argv, &features, &features.options, command);
	if (command)
		options_usage(argv[0], "%s: takes no command", *command);
	features.nr = sensor_probe(features.list);
	output = output_open("-");
	if (!output)
		return GMEMTRACE_ERROR;
	if (features.json)
		error = features_print_json(output_stream(output), &features);
	else
		features_print_text(output_stream(output), &features);
	if (output_close(output, error))
		return GMEMTRACE_ERROR;
	missing = feature_missing(&features);
	if (!missing)
		return GMEMTRACE_CONSISTENT;
	if (!features.json)
		output_line("cannot trace here: %s: %s%s", missing->name, missing->reason,
			    served_words());
	return GMEMTRACE_CANNOT_RUN;
}
