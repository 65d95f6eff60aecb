// SPDX-License-Identifier: GPL-2.0
/* gmemtrace check: the verdict, of a capture or of a live run. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "run/replay.h"
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
		options_init_children(state, &check->options, 2);
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
		check->options.capture = text;
		options_need_live(&check->options, "-o");
		return 0;
	case ARGP_KEY_ARG:
		options_take_file(state, &check->options, text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child check_children[] = {
	{ &options_session, 0, NULL, 0 },
	{ &options_common, 0, NULL, 0 },
	{ 0 },
};

static const struct argp check_argp = {
	check_table,
	check_parse,
	"[FILE | -- CMD...]",
	"Judges whether the direct map was what it was asked to be: in the capture FILE, which "
	"needs "
	"no privilege, or live while CMD runs, or until ^C.\v"
	"Exit status: 0 consistent, 1 violated, 5 inconclusive, 2 another error (also: consistent, "
	"but CMD failed), 4 cannot run here, 64 usage error.",
	check_children,
	NULL,
	NULL,
};

static int verdict_write(FILE *out, const struct verdict *verdict, int format)
{
	switch (format) {
	case KEY_JSON:
		return report_verdict_json(out, verdict);
	case KEY_TAP:
		return report_verdict_tap(out, verdict);
	case KEY_GITHUB:
		return report_verdict_github(out, verdict);
	default:
		return report_verdict_text(out, verdict, output_color(out));
	}
}

/* 0, or GMEMTRACE_ERROR: printed. */
static int check_report(const struct check *check, const struct verdict *verdict, FILE *junit)
{
	int error = output_close(stdout, "-", verdict_write(stdout, verdict, check->format));

	if (junit && output_close(junit, check->junit, report_verdict_junit(junit, verdict)))
		error = -1;
	return error ? GMEMTRACE_ERROR : 0;
}

/* 0, or an exit status: there is no verdict. @failed: there is, and something went wrong besides. */
static int check_live(const struct check *check, struct session_sinks *sinks, int *failed)
{
	const struct options *options = &check->options;
	struct session_result result;
	int status;

	if (!options->session.command && !options->session.duration && isatty(STDERR_FILENO))
		output_notice("tracing until ^C");
	sinks->capture = options->capture;
	status = session_run(&options->session, sinks, &result);
	if (result.capture_failed)
		*failed = GMEMTRACE_ERROR;
	if (!status && options->session.vm && !result.inodes)
		output_notice("no inode of VM %u was seen: --vm takes the process id of a VM",
			      options->session.vm);
	return status;
}

static int check_judge(const struct check *check, struct replay *replay, FILE *junit)
{
	struct session_sinks sinks = {};
	struct model_options model = check->options.session.model;
	struct model_counts counts;
	int status = GMEMTRACE_ERROR, failed = 0;

	if (!model.stuck_ns)
		model.stuck_ns = replay->stuck_ns;
	sinks.model = model_create(&model);
	if (sinks.model)
		sinks.verdict = verdict_create(sinks.model, NULL);
	if (!sinks.verdict) {
		output_error("out of memory");
		goto cleanup;
	}
	if (replay->reader)
		status = replay_run(replay, check->options.session.vm, sinks.model, sinks.verdict,
				    NULL);
	else
		status = check_live(check, &sinks, &failed);
	if (status)
		goto cleanup;
	model_count(sinks.model, &counts);
	status = verdict_exit_status(verdict_value(sinks.verdict), counts.command_status);
	failed |= check_report(check, sinks.verdict, junit);
	if (failed)
		status = exit_status_worse(status, failed);
cleanup:
	verdict_free(sinks.verdict);
	model_free(sinks.model);
	return status;
}

int subcommand_check(int argc, char **argv, char **command)
{
	struct check check = { .options.page_free = true };
	struct replay replay = {};
	FILE *junit = NULL;
	int status;

	options_parse(&check_argp, argc, argv, &check, &check.options, command);
	check.options.session.command_aside = check.format != 0;
	if (check.options.file) {
		status = replay_open(&replay, check.options.file);
		if (status)
			return status;
	}
	if (check.junit) {
		junit = output_open(check.junit);
		if (!junit) {
			replay_close(&replay);
			return GMEMTRACE_ERROR;
		}
	}
	status = check_judge(&check, &replay, junit);
	replay_close(&replay);
	return status;
}
