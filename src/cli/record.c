// SPDX-License-Identifier: GPL-2.0
/* gmemtrace record: a capture of what happens. */
#include <inttypes.h>
#include <stdio.h>

#include "model/plural.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "run/units.h"

enum record_key {
	KEY_FLUSHES = 0x100,
	KEY_STACKS,
	KEY_CHANGES,
	KEY_SUMMARY,
	KEY_REDACT,
	KEY_MAP,
};

#define STACK_RATE 1 /* without --stacks */

static const struct argp_option record_table[] = {
	{ "output", 'o', "FILE", 0, "the capture; default " CAPTURE_DEFAULT_FILE, 0 },
	{ "flushes", KEY_FLUSHES, NULL, 0,
	  "time every flush of kernel mappings by anybody, and which CPUs answer it", 0 },
	{ "stacks", KEY_STACKS, "RATE", 0,
	  "with --flushes: take the stack of one flush in N, by RATE 1/N; 0: of none; default 1/1",
	  0 },
	{ "changes", KEY_CHANGES, NULL, 0, OPTIONS_CHANGES_HELP, 0 },
	{ "map", KEY_MAP, NULL, 0, OPTIONS_MAP_HELP, 0 },
	{ "summary", KEY_SUMMARY, "WHAT", OPTION_ARG_OPTIONAL, OPTIONS_SUMMARY_HELP, 0 },
	{ "redact", KEY_REDACT, NULL, 0, OPTIONS_REDACT_HELP, 0 },
	{ 0 },
};

static error_t record_parse(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_FLUSHES:
		options->run.flushes = true;
		options->run.flushes_asked = true;
		return 0;
	case KEY_STACKS:
		options->run.stack_rate = options_rate(state, "--stacks", text);
		return 0;
	case KEY_CHANGES:
		options->run.changes = true;
		return 0;
	case KEY_MAP:
		options->run.map = true;
		return 0;
	case KEY_SUMMARY:
		options_take_summary(state, options, text);
		return 0;
	case KEY_REDACT:
		options->run.redact = true;
		return 0;
	case ARGP_KEY_END:
		if (options->run.summary && (options->run.flushes || options->run.changes))
			options_usage(state->name,
				      "--summary records no event: leave --flushes and "
				      "--changes out");
		if (options->run.stack_rate != STACK_RATE && !options->run.flushes)
			options_usage(state->name, "--stacks is of flushes: give --flushes, too");
		if (options->run.summary && options->run.map)
			options_usage(state->name,
				      "--summary is judged by no rule: leave --map out");
		return 0;
	case ARGP_KEY_INIT:
		options_init_children(state, options, OPTIONS_CHILDREN);
		return 0;
	case 'o':
		options->run.capture = text;
		return 0;
	case ARGP_KEY_ARG:
		options_usage(state->name,
			      "%s: a command goes behind --, the capture's name behind -o", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp record_argp = {
	record_table,
	record_parse,
	"[-- CMD...]",
	"Captures what happens to the direct map until CMD has ended, the time is over, or ^C.\v"
	"What was lost is printed at the end, always. Exit status: 0 done, 2 an error or CMD "
	"failed, "
	"4 cannot run here, 64 usage error.",
	options_children,
	NULL,
	NULL,
};

void record_print(const char *path, const struct run_result *result)
{
	const struct capture_summary *captured = &result->captured;
	uint64_t begin = result->begin ? result->begin : captured->time_first;
	uint64_t end = result->end ? result->end : captured->time_last;
	char size[UNITS_MAX], time[UNITS_MAX];

	if (result->capture_failed)
		return;
	output_line("%s: %" PRIu64 " record%s, %s, in %s%s", path, (uint64_t)captured->records,
		    plural(captured->records), units_size(size, captured->stored),
		    units_time(time, end > begin ? end - begin : 0),
		    result->whole ? "" : "; INCOMPLETE");
}

static void print_totals(const char *path, const struct run_result *result,
			 const struct model *model)
{
	struct model_counts counts;

	model_count(model, &counts);
	record_print(path, result);
	output_line("%" PRIu64 " inode%s, %" PRIu64 " page transition%s; lost %" PRIu64
		    " record%s, missed %" PRIu64 " call%s",
		    (uint64_t)counts.inodes, plural(counts.inodes), (uint64_t)counts.transitions,
		    plural(counts.transitions), (uint64_t)counts.lost, plural(counts.lost),
		    (uint64_t)counts.missed, plural(counts.missed));
}

/* The model tells which pages are to be read again, so that the capture can be judged. */
int subcommand_record(int argc, char **argv, char **command)
{
	struct options options = { .run.capture = CAPTURE_DEFAULT_FILE,
				   .run.page_free = true,
				   .run.stack_rate = STACK_RATE,
				   .pages_mean = OPTIONS_WHOLE_INODES };
	enum gmemtrace_status status;
	struct run_result result;
	struct run *run;

	options_parse(&record_argp, argc, argv, &options, &options, command);
	status = run_open(&run, &options.run);
	if (status)
		return status;
	status = trace_run(run, NULL, &result);
	if (!status) {
		print_totals(options.run.capture, &result, run_model(run));
		status = run_status(&result, NULL);
	}
	run_close(run);
	return status;
}
