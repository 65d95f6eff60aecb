// SPDX-License-Identifier: GPL-2.0
/* gmemtrace latency: how long flushes take, which CPU is late, who interrupts whom. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "gmemtrace/report.h"
#include "run/units.h"

#define CPUS_MAX 8192

enum latency_key {
	KEY_JSON = 0x500,
	KEY_CPU,
	KEY_MERGE,
	KEY_STACKS,
	KEY_CHANGES,
	KEY_SUMMARY,
};

struct latency {
	struct options options;
	const char *out;
	const char *each; /* an option that needs each flush; NULL: none was given */
	bool json, merge;
	uint8_t *cpus;
	const char **more; /* captures behind the first, with --merge */
	size_t more_nr;
};

static const struct argp_option latency_table[] = {
	{ NULL, 0, NULL, 0, "The report:", 1 },
	{ "json", KEY_JSON, NULL, 0, "one JSON object, with every bucket", 1 },
	{ "cpu", KEY_CPU, "LIST", 0, "who interrupted these CPUs, such as 2-5,7, and for what", 1 },
	{ "merge", KEY_MERGE, NULL, 0, "of several captures: their figures added, exactly", 1 },
	{ "output", 'o', "OUT", 0, "write to OUT; default standard output", 1 },
	{ "stacks", KEY_STACKS, "RATE", 0,
	  "take the stack of one flush in N, by RATE 1/N; 0: of none; default 1/1", 1 },
	{ "changes", KEY_CHANGES, NULL, 0, OPTIONS_CHANGES_HELP, 1 },
	{ "summary", KEY_SUMMARY, "WHAT", OPTION_ARG_OPTIONAL, OPTIONS_SUMMARY_HELP, 1 },
	{ 0 },
};

static _Noreturn void cpus_refuse(const struct argp_state *state, const char *text)
{
	options_usage(state->name, "--cpu %s: give CPUs such as 3 or 2-5,7, below %d", text,
		      CPUS_MAX);
}

/* "2-5,7" */
static void cpus_take(const struct argp_state *state, struct latency *latency, char *text)
{
	char *copy = strdup(text), *rest = copy, *part;

	if (!latency->cpus)
		latency->cpus = calloc(CPUS_MAX, 1);
	if (!latency->cpus || !copy) {
		output_line("out of memory");
		exit(GMEMTRACE_ERROR);
	}
	while ((part = strsep(&rest, ","))) {
		char *dash = strchr(part, '-');
		uint64_t first, last;

		if (dash)
			*dash++ = '\0';
		if (units_parse_number(part, 0, CPUS_MAX - 1, &first) ||
		    units_parse_number(dash ? dash : part, first, CPUS_MAX - 1, &last))
			cpus_refuse(state, text);
		memset(latency->cpus + first, 1, last - first + 1);
	}
	free(copy);
}

static void file_take(struct argp_state *state, struct latency *latency, const char *text)
{
	const char **more;

	if (!latency->options.run.file || !latency->merge) {
		options_take_file(state, &latency->options, text);
		return;
	}
	more = realloc(latency->more, (latency->more_nr + 1) * sizeof(const char *));
	if (!more) {
		output_line("out of memory");
		exit(GMEMTRACE_ERROR);
	}
	latency->more = more;
	latency->more[latency->more_nr++] = text;
	options_take_input(text);
}

static error_t latency_parse(int key, char *text, struct argp_state *state)
{
	struct latency *latency = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		options_init_children(state, &latency->options, OPTIONS_CHILDREN);
		return 0;
	case KEY_JSON:
		latency->json = true;
		return 0;
	case KEY_CPU:
		cpus_take(state, latency, text);
		latency->each = "--cpu";
		return 0;
	case KEY_MERGE:
		latency->merge = true;
		return 0;
	case 'o':
		latency->out = text;
		options_take_out(&latency->options, text);
		return 0;
	case KEY_STACKS:
		latency->options.run.stack_rate = options_rate(state, "--stacks", text);
		options_need_live(&latency->options, "--stacks");
		latency->each = "--stacks";
		return 0;
	case KEY_CHANGES:
		latency->options.run.changes = true;
		options_need_live(&latency->options, "--changes");
		latency->each = "--changes";
		return 0;
	case KEY_SUMMARY:
		options_take_summary(state, &latency->options, text);
		return 0;
	case ARGP_KEY_ARG:
		file_take(state, latency, text);
		return 0;
	case ARGP_KEY_END:
		if (latency->merge && !latency->more_nr)
			options_usage(state->name,
				      "--merge is for several captures: give at least two");
		if (latency->options.run.summary && latency->each)
			options_usage(state->name,
				      "%s is of each flush, and --summary keeps none: give one of "
				      "them",
				      latency->each);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp latency_argp = {
	latency_table,
	latency_parse,
	"[FILE | -- CMD...]\n--merge FILE FILE...",
	"How long flushes of kernel mappings take, by kind, size and CPUs asked; how long pages "
	"stay exposed; which CPU answers last, and what ran there. Of the capture FILE, or live "
	"while CMD runs, or until ^C.\v"
	"Exit status: 0 done, 2 an error or CMD failed, 4 cannot run here, 64 usage error.",
	options_children,
	NULL,
	NULL,
};

/* The figures of one run. NULL and @status: it was said. */
static struct flush_latency *latency_read(const struct latency *latency, const char *file,
					  enum gmemtrace_status *status)
{
	const struct flush_latency_options options = { latency->cpus, CPUS_MAX };
	struct run_options source = latency->options.run;
	struct flush_latency *figures;
	struct run_result result;
	struct run *run;

	source.file = file;
	*status = run_open(&run, &source);
	if (*status)
		return NULL;
	options_narrow(&latency->options.pages, run);
	figures = flush_latency_create(run_model(run), latency->cpus ? &options : NULL);
	if (!figures) {
		output_line("out of memory");
		*status = GMEMTRACE_ERROR;
		run_close(run);
		return NULL;
	}
	*status = trace_run(run, NULL, &result);
	if (*status) {
		flush_latency_free(figures);
		figures = NULL;
	} else {
		flush_latency_finish(figures);
		*status = run_status(&result, NULL);
	}
	run_close(run);
	return figures;
}

/* @whole: all captures are in it. One that cannot be read leaves a sum of something else. */
static enum gmemtrace_status latency_merge(const struct latency *latency,
					   struct flush_latency *figures, bool *whole)
{
	enum gmemtrace_status status = GMEMTRACE_CONSISTENT, one;

	*whole = true;
	for (size_t i = 0; i < latency->more_nr; i++) {
		struct flush_latency *other = latency_read(latency, latency->more[i], &one);

		if (!other) {
			*whole = false;
			return one;
		}
		status = run_status_worse(status, one);
		if (flush_latency_merge(figures, other)) {
			output_line("out of memory");
			status = GMEMTRACE_ERROR;
		}
		flush_latency_free(other);
	}
	return status;
}

/* Of those that --cpu names. */
static bool none_interrupted(const struct latency *latency, const struct flush_latency *figures)
{
	struct flush_totals totals;
	struct flush_sum sum;

	flush_latency_totals(figures, &totals);
	return latency->cpus && totals.answered &&
	       !flush_latency_sum(figures, FLUSH_INTERRUPTERS, 0, &sum);
}

static enum gmemtrace_status latency_write(const struct latency *latency,
					   struct flush_latency *figures)
{
	struct output *output = output_open(latency->out);
	FILE *out;
	int error;

	if (!output)
		return GMEMTRACE_ERROR;
	out = output_stream(output);
	if (latency->json)
		return output_close(output, report_latency_json(out, figures));
	error = report_latency_text(out, figures);
	if (!error && none_interrupted(latency, figures))
		fprintf(out,
			"\nNone of the CPUs that were asked about was interrupted by a flush.\n");
	return output_close(output, error);
}

static enum gmemtrace_status latency_report(const struct latency *latency)
{
	struct flush_latency *figures;
	enum gmemtrace_status status;
	bool whole;

	figures = latency_read(latency, latency->options.run.file, &status);
	if (!figures)
		return status;
	status = run_status_worse(status, latency_merge(latency, figures, &whole));
	if (whole)
		status = run_status_worse(status, latency_write(latency, figures));
	flush_latency_free(figures);
	return status;
}

int subcommand_latency(int argc, char **argv, char **command)
{
	struct latency latency = { .out = "-",
				   .options.run = { .flushes = true, .stack_rate = 1 },
				   .options.pages_apply = true };
	enum gmemtrace_status status;

	options_parse(&latency_argp, argc, argv, &latency, &latency.options, command);
	latency.options.run.command_aside = !strcmp(latency.out, "-");
	status = latency_report(&latency);
	free(latency.cpus);
	free(latency.more);
	return status;
}
