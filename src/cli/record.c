// SPDX-License-Identifier: GPL-2.0
/* gmemtrace record: a capture of what happens. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/output.h"

static const struct argp_option record_table[] = {
	{ "output", 'o', "FILE", 0, "the capture; default " CAPTURE_DEFAULT_FILE, 0 },
	{ 0 },
};

static error_t record_parse(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		options_init_children(state, options, 2);
		return 0;
	case 'o':
		options->capture = text;
		return 0;
	case ARGP_KEY_ARG:
		options_usage(state->name,
			      "%s: a command goes behind --, the capture's name behind -o", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child record_children[] = {
	{ &options_session, 0, NULL, 0 },
	{ &options_common, 0, NULL, 0 },
	{ 0 },
};

static const struct argp record_argp = {
	record_table,
	record_parse,
	"[-- CMD...]",
	"Captures what happens to the direct map until CMD has ended, the time is over, or ^C.\v"
	"What was lost is printed at the end, always. Exit status: 0 done, 2 an error or CMD "
	"failed, "
	"4 cannot run here, 64 usage error.",
	record_children,
	NULL,
	NULL,
};

static void print_losses(const struct model_counts *counts, uint64_t elsewhere)
{
	size_t causes = sizeof(counts->lost_by_cause) / sizeof(counts->lost_by_cause[0]);

	for (size_t i = 0; i < causes; i++) {
		if (counts->lost_by_cause[i])
			output_notice("  %" PRIu64 " %s", (uint64_t)counts->lost_by_cause[i],
				      record_loss_name((__u32)i));
	}
	if (elsewhere)
		output_notice("  %" PRIu64 " of other VMs, not counted above", elsewhere);
}

/* What the capture holds; where writing failed, that was said already. */
static void print_captured(const char *path, const struct session_result *result)
{
	char size[16];

	if (result->capture_failed)
		return;
	output_notice("%s: %" PRIu64 " records, %s, in %.1f s%s", path,
		      (uint64_t)result->captured.records,
		      output_size(size, sizeof(size), result->captured.bytes),
		      (double)(result->end - result->begin) / 1e9,
		      result->whole ? "" : "; INCOMPLETE");
}

static void print_totals(const char *path, const struct session_result *result,
			 const struct model *model)
{
	struct model_counts counts;

	model_count(model, &counts);
	print_captured(path, result);
	output_notice("%" PRIu64 " inodes, %" PRIu64 " page transitions; lost %" PRIu64
		      " records, missed %" PRIu64 " calls",
		      (uint64_t)counts.inodes, (uint64_t)counts.transitions, (uint64_t)counts.lost,
		      (uint64_t)counts.missed);
	print_losses(&counts, result->elsewhere);
}

/* The model tells which pages are to be read again, so that the capture can be judged. */
static int record_run(const struct options *options)
{
	struct session_sinks sinks = { .capture = options->capture };
	struct session_result result;
	int status;

	sinks.model = model_create(&options->session.model);
	if (!sinks.model) {
		output_error("out of memory");
		return GMEMTRACE_ERROR;
	}
	status = session_run(&options->session, &sinks, &result);
	if (!status) {
		print_totals(options->capture, &result, sinks.model);
		status = session_status(&result);
	}
	model_free(sinks.model);
	return status;
}

int subcommand_record(int argc, char **argv, char **command)
{
	struct options options = { .capture = CAPTURE_DEFAULT_FILE, .page_free = true };

	options_parse(&record_argp, argc, argv, &options, &options, command);
	return record_run(&options);
}
