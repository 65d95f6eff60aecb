// SPDX-License-Identifier: GPL-2.0
/* gmemtrace check: the verdict, of a capture or of a live run. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "gmemtrace/report.h"

enum check_key {
	KEY_JSON = 0x100,
	KEY_TAP,
	KEY_JUNIT,
	KEY_GITHUB,
};

struct check {
	struct options options;
	int format; /* enum check_key, 0: text */
	const char *junit; /* path, NULL: none */
};

static const struct argp_option check_table[] = {
	{ NULL, 0, NULL, 0,
	  "The verdict, on standard output as text unless one of these is given:", 1 },
	{ "json", KEY_JSON, NULL, 0, "as one JSON object", 1 },
	{ "tap", KEY_TAP, NULL, 0, "as TAP, a test point a rule", 1 },
	{ "github", KEY_GITHUB, NULL, 0, "as annotations of GitHub Actions", 1 },
	{ "junit", KEY_JUNIT, "FILE", 0, "besides, as JUnit XML in FILE", 1 },
	{ "output", 'o', "FILE", 0, "in a live run, also record a capture in FILE", 1 },
	{ 0 },
};

static void format_set(const struct argp_state *state, struct check *check, int key)
{
	if (check->format && check->format != key)
		options_usage(state->name, "--json, --tap and --github: give one of them");
	check->format = key;
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
	"Exit status: 0 consistent, 1 violated, 5 inconclusive, 2 another error (also: consistent, "
	"but CMD failed), 4 cannot run here, 64 usage error.",
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
	struct verdict *verdict = verdict_create(run_model(run), NULL);
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
