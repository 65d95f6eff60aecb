// SPDX-License-Identifier: GPL-2.0
/* gmemtrace export: a run in the formats of other tools. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "gmemtrace/export.h"

enum export_key {
	KEY_FORMAT = 0x600,
	KEY_SCHEMA,
	KEY_STACKS,
	KEY_REDACT,
};

struct exporting {
	struct options options;
	const char *out;
	enum export_format format; /* 0: none was given, or a capture */
	bool capture;
	bool schema;
};

static const struct argp_option export_table[] = {
	{ NULL, 0, NULL, 0, "The output:", 1 },
	{ "format", KEY_FORMAT, "FORMAT", 0,
	  "perfetto: a trace that ui.perfetto.dev opens; ndjson: an object a line; capture: what "
	  "gmemtrace reads itself",
	  1 },
	{ "schema", KEY_SCHEMA, NULL, 0, "print the JSON Schema of ndjson's lines, and end", 1 },
	{ "redact", KEY_REDACT, NULL, 0, OPTIONS_REDACT_HELP, 1 },
	{ "output", 'o', "OUT", 0, "write to OUT; default standard output", 1 },
	{ "stacks", KEY_STACKS, "RATE", 0,
	  "take the stack of one flush in N, by RATE 1/N; 0: of none; default 1/1", 1 },
	{ 0 },
};

static void format_take(const struct argp_state *state, struct exporting *exporting,
			const char *text)
{
	exporting->capture = !strcmp(text, "capture");
	exporting->format = 0;
	if (!strcmp(text, "perfetto"))
		exporting->format = EXPORT_PERFETTO;
	else if (!strcmp(text, "ndjson"))
		exporting->format = EXPORT_NDJSON;
	else if (!exporting->capture)
		options_usage(state->name,
			      "--format %s: no such choice: perfetto, ndjson or capture", text);
}

static void export_check(const struct argp_state *state, struct exporting *exporting)
{
	exporting->options.pages_apply = !exporting->capture;
	if (exporting->schema)
		return;
	if (!exporting->format && !exporting->capture)
		options_usage(state->name,
			      "give --format perfetto, --format ndjson or --format capture");
	if (exporting->capture && !strcmp(exporting->out, "-"))
		options_usage(state->name, "--format capture is not for a stream: give -o FILE");
	if (exporting->format == EXPORT_PERFETTO && !strcmp(exporting->out, "-") &&
	    isatty(STDOUT_FILENO))
		options_usage(state->name, "--format perfetto is not for a terminal: give -o FILE");
}

static error_t export_parse(int key, char *text, struct argp_state *state)
{
	struct exporting *exporting = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		options_init_children(state, &exporting->options, OPTIONS_CHILDREN);
		return 0;
	case KEY_FORMAT:
		format_take(state, exporting, text);
		return 0;
	case KEY_REDACT:
		exporting->options.run.redact = true;
		return 0;
	case KEY_SCHEMA:
		exporting->schema = true;
		return 0;
	case 'o':
		exporting->out = text;
		options_take_out(&exporting->options, text);
		return 0;
	case KEY_STACKS:
		exporting->options.run.stack_rate = options_rate(state, "--stacks", text);
		options_need_live(&exporting->options, "--stacks");
		return 0;
	case ARGP_KEY_ARG:
		options_take_file(state, &exporting->options, text);
		return 0;
	case ARGP_KEY_END:
		export_check(state, exporting);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp export_argp = {
	export_table,
	export_parse,
	"--format FORMAT [FILE | -- CMD...]\n--schema",
	"Writes what happened for other tools: of the capture FILE, or live while CMD runs, or "
	"until ^C. What was lost is in it, and what the rules found.\v"
	"Exit status: 0 done, whatever the verdict is, 2 an error or CMD failed, 4 cannot run "
	"here, 64 usage error.",
	options_children,
	NULL,
	NULL,
};

/* What a reader would miss, and how to have it. */
static void export_say(const struct exporter *exporter)
{
	if (!export_flushes(exporter))
		output_line("no flush is in it: record --flushes has all, check those of the "
			    "direct map");
}

static enum gmemtrace_status export_write(struct run *run, struct exporter *exporter,
					  struct verdict *verdict, int *error)
{
	enum gmemtrace_status status;
	struct run_result result;

	status = trace_run(run, verdict, &result);
	if (status)
		return status;
	*error = export_finish(exporter, verdict);
	export_say(exporter);
	return run_status(&result, NULL);
}

static enum gmemtrace_status export_run(const struct exporting *exporting, struct run *run)
{
	struct output *output = output_open(exporting->out);
	const struct verdict_options options = options_verdict(&exporting->options.pages);
	struct verdict *verdict = verdict_create(run_model(run), &options);
	enum gmemtrace_status status = GMEMTRACE_ERROR;
	struct exporter *exporter = NULL;
	int error = 0;

	options_narrow(&exporting->options.pages, run);
	if (output)
		exporter = export_create(run_model(run), exporting->format, output_stream(output));
	if (exporter && verdict)
		status = export_write(run, exporter, verdict, &error);
	else if (output)
		output_line("out of memory");
	if (output)
		status = run_status_worse(status, output_close(output, error));
	export_free(exporter);
	verdict_free(verdict);
	return status;
}

/* The run writes it. */
static enum gmemtrace_status export_capture(const struct exporting *exporting, struct run *run)
{
	enum gmemtrace_status status;
	struct run_result result;

	status = trace_run(run, NULL, &result);
	if (status)
		return status;
	record_print(exporting->out, &result);
	return run_status(&result, NULL);
}

int subcommand_export(int argc, char **argv, char **command)
{
	struct exporting exporting = { .out = "-",
				       .options.run = { .flushes = true, .stack_rate = 1 },
				       .options.pages_apply = true,
				       .options.pages_mean = OPTIONS_WHOLE_INODES };
	enum gmemtrace_status status;
	struct run *run;

	options_parse(&export_argp, argc, argv, &exporting, &exporting.options, command);
	if (exporting.schema)
		return output_print(export_schema());
	exporting.options.run.command_aside = !strcmp(exporting.out, "-");
	if (exporting.capture)
		exporting.options.run.capture = exporting.out;
	status = run_open(&run, &exporting.options.run);
	if (status)
		return status;
	status = exporting.capture ? export_capture(&exporting, run) : export_run(&exporting, run);
	run_close(run);
	return status;
}
