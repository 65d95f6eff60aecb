// SPDX-License-Identifier: GPL-2.0
/* gmemtrace check: the verdict, of a capture or of a live run. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "gmemtrace/report.h"

enum check_key {
	KEY_JSON = 0x100,
	KEY_TAP,
	KEY_JUNIT,
	KEY_GITHUB,
	KEY_REQUIRE,
	KEY_MIN_PAGES,
	KEY_MIN_INODES,
	KEY_ALLOW_EMPTY,
};

struct check {
	struct options options;
	int format; /* enum check_key, 0: text */
	const char *junit; /* path, NULL: none */
	struct verdict_options verdict;
};

static const struct argp_option check_table[] = {
	{ NULL, 0, NULL, 0,
	  "The verdict, on standard output as text unless one of these is given:", 1 },
	{ "json", KEY_JSON, NULL, 0, "as one JSON object", 1 },
	{ "tap", KEY_TAP, NULL, 0, "as TAP, a test point a rule", 1 },
	{ "github", KEY_GITHUB, NULL, 0, "as annotations of GitHub Actions", 1 },
	{ "junit", KEY_JUNIT, "FILE", 0, "besides, as JUnit XML in FILE", 1 },
	{ "output", 'o', "FILE", 0, "in a live run, also record a capture in FILE", 1 },
	{ NULL, 0, NULL, 0, "What consistent takes (else: inconclusive):", 2 },
	{ "require", KEY_REQUIRE, "RULE,...", 0, "that these rules were judged throughout", 2 },
	{ "min-pages", KEY_MIN_PAGES, "N", 0, "that N pages were compared; default 1", 2 },
	{ "min-inodes", KEY_MIN_INODES, "N", 0, "that pages of N inodes were compared", 2 },
	{ "allow-empty", KEY_ALLOW_EMPTY, NULL, 0, "nothing: also where nothing was judged", 2 },
	{ 0 },
};

static void format_set(const struct argp_state *state, struct check *check, int key)
{
	if (check->format && check->format != key)
		options_usage(state->name, "--json, --tap and --github: give one of them");
	check->format = key;
}

/* "missed-page,stuck" */
static void require_parse(const struct argp_state *state, struct check *check, const char *text)
{
	char name[64];

	while (*text) {
		size_t length = strcspn(text, ",");
		const struct rule *rule;

		snprintf(name, sizeof(name), "%.*s", (int)length, text);
		rule = rule_find_name(name);
		if (rule && rule->severity == RULE_SEVERITY_VIOLATION)
			check->verdict.require |= 1ULL << rule->id;
		else
			options_usage(state->name, "--require: %s: %s", name,
				      rule ? "a note, no verdict depends on it"
					   : "no such rule, see gmemtrace-rules(7)");
		text += length;
		text += *text == ',';
	}
}

static error_t check_parse(int key, char *text, struct argp_state *state)
{
	struct check *check = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		options_init_children(state, &check->options, OPTIONS_CHILDREN);
		return 0;
	case KEY_JSON:
	case KEY_TAP:
	case KEY_GITHUB:
		format_set(state, check, key);
		return 0;
	case KEY_JUNIT:
		check->junit = text;
		return 0;
	case KEY_REQUIRE:
		require_parse(state, check, text);
		return 0;
	case KEY_MIN_PAGES:
		check->verdict.pages_min =
			options_number(state, "--min-pages", text, 0, UINT64_MAX);
		return 0;
	case KEY_MIN_INODES:
		check->verdict.inodes_min =
			options_number(state, "--min-inodes", text, 0, UINT64_MAX);
		return 0;
	case KEY_ALLOW_EMPTY:
		check->verdict.allow_empty = true;
		return 0;
	case 'o':
		check->options.run.capture = text;
		options_need_live(&check->options, "-o");
		return 0;
	case ARGP_KEY_ARG:
		options_take_file(state, &check->options, text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp check_argp = {
	check_table,
	check_parse,
	"[FILE | -- CMD...]",
	"Judges whether the direct map was what it was asked to be: in the capture FILE, which "
	"needs "
	"no privilege, or live while CMD runs, or until ^C.\v"
	"Exit status: 0 consistent, 1 violated, 5 inconclusive (also: nothing was judged), 2 "
	"another error (also: consistent, but CMD failed), 4 cannot run here, 64 usage error. "
	"Where "
	"several hold: 1 before 5 before 2.",
	options_children,
	NULL,
	NULL,
};

static int verdict_write(const struct output *output, const struct verdict *verdict, int format)
{
	FILE *out = output_stream(output);

	switch (format) {
	case KEY_JSON:
		return report_verdict_json(out, verdict);
	case KEY_TAP:
		return report_verdict_tap(out, verdict);
	case KEY_GITHUB:
		return report_verdict_github(out, verdict);
	default:
		return report_verdict_text(out, verdict, output_color(output));
	}
}

/* Takes @junit, which may be NULL. */
static enum gmemtrace_status check_report(const struct check *check, const struct verdict *verdict,
					  struct output *junit)
{
	struct output *output = output_open("-");
	enum gmemtrace_status status = GMEMTRACE_ERROR;

	if (output)
		status = output_close(output, verdict_write(output, verdict, check->format));
	if (!junit)
		return status;
	return run_status_worse(
		status, output_close(junit, report_verdict_junit(output_stream(junit), verdict)));
}

/* Takes @junit. */
static enum gmemtrace_status check_run(const struct check *check, struct run *run,
				       struct output *junit)
{
	struct verdict *verdict = verdict_create(run_model(run), &check->verdict);
	const struct run_options *options = &check->options.run;
	enum gmemtrace_status status = GMEMTRACE_ERROR;
	struct run_result result;

	if (!verdict) {
		output_line("out of memory");
		goto cleanup;
	}
	if (!options->file && !options->command && !options->duration && isatty(STDERR_FILENO))
		output_line("tracing until ^C");
	status = trace_run(run, verdict, &result);
	if (status)
		goto cleanup;
	status =
		run_status_worse(run_status(&result, verdict), check_report(check, verdict, junit));
	junit = NULL;
cleanup:
	if (junit)
		output_close(junit, 0);
	verdict_free(verdict);
	return status;
}

int subcommand_check(int argc, char **argv, char **command)
{
	struct check check = { .options.run.page_free = true };
	enum gmemtrace_status status;
	struct output *junit = NULL;
	struct run *run;

	options_parse(&check_argp, argc, argv, &check, &check.options, command);
	check.options.run.command_aside = check.format != 0;
	status = run_open(&run, &check.options.run);
	if (status)
		return status;
	if (check.junit)
		junit = output_open(check.junit);
	if (junit || !check.junit)
		status = check_run(&check, run, junit);
	else
		status = GMEMTRACE_ERROR;
	run_close(run);
	return status;
}
