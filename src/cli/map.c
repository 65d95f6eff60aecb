// SPDX-License-Identifier: GPL-2.0
/* gmemtrace map: the whole direct map: sizes, who has pages absent, and which are nobody's. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "report/map.h"
#include "sensor/mapper.h"

struct map_command {
	struct options options;
	bool json;
	bool failed; /* memory ran short */
	struct map map;
	bool terminal; /* progress is shown */
	unsigned int percent; /* as it was shown last */
};

enum map_key {
	KEY_SCHEMA = 0x100,
};

static const struct argp_option map_table[] = {
	{ "json", 'j', NULL, 0, "as one JSON object", 0 },
	{ "schema", KEY_SCHEMA, NULL, 0, "nothing walked: the JSON Schema of what --json prints",
	  0 },
	{ 0 },
};

static error_t map_parse(int key, char *text, struct argp_state *state)
{
	struct map_command *map = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		options_init_children(state, &map->options, 1);
		return 0;
	case 'j':
		map->json = true;
		return 0;
	case KEY_SCHEMA:
		options_print(&map->options, "--schema", report_map_schema());
		return 0;
	case ARGP_KEY_ARG:
		options_take_file(state, &map->options, text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child map_children[] = {
	{ &options_common, 0, NULL, 0 },
	{ 0 },
};

static const struct argp map_argp = {
	map_table,
	map_parse,
	"[FILE]",
	"Walks the page tables of the whole direct map: how much of it is mapped by 4K, 2M and 1G, "
	"for whom the rest is absent, and which absent pages are nobody's: each is a panic that "
	"waits for its next owner. Needs no history. With FILE: what a capture of record --map "
	"has of that, without privilege.\v"
	"Exit status: 0 no orphan, 1 there are orphans, 2 another error, 4 cannot run here, 5 "
	"orphans cannot be judged here, 64 usage error.",
	map_children,
	NULL,
	NULL,
};

/* sensor_sink, and model_observer.mapped. */
static void map_record(void *context, const struct record_header *record)
{
	struct map_command *command = context;

	if (map_take(&command->map, record))
		command->failed = true;
}

static void map_progress(void *context, uint64_t done, uint64_t total)
{
	struct map_command *command = context;
	unsigned int percent = (unsigned int)(done * 100.0 / (double)(total ? total : 1));

	if (!command->terminal || percent == command->percent)
		return;
	command->percent = percent;
	fprintf(stderr, "\rgmemtrace map: %u %% of the direct map walked", percent);
	fflush(stderr);
}

/* The line is the report's again. */
static void map_progress_end(const struct map_command *command)
{
	if (command->terminal && command->percent)
		fprintf(stderr, "\r\033[K");
}

static enum gmemtrace_status map_live(struct map_command *command)
{
	const struct mapper_watch watch = { .progress = map_progress, .context = command };
	struct sensor_failure failure = {};
	struct mapper *mapper;
	int error = mapper_open(&mapper, false, &failure);

	if (error) {
		output_line("%s", failure.message);
		return failure.status;
	}
	command->terminal = isatty(STDERR_FILENO);
	error = mapper_walk(mapper, &watch, map_record, command);
	map_progress_end(command);
	mapper_close(mapper);
	if (!error && !command->failed)
		return 0;
	output_line("cannot walk the direct map: %s", strerror(error ? -error : ENOMEM));
	return GMEMTRACE_ERROR;
}

static enum gmemtrace_status map_replay(struct map_command *command)
{
	const struct model_observer observer = { .context = command, .mapped = map_record };
	enum gmemtrace_status status;
	struct run_result result;
	struct run *run;

	status = run_open(&run, &command->options.run);
	if (status)
		return status;
	command->failed = model_observe(run_model(run), &observer);
	status = trace_run(run, NULL, &result);
	if (!status)
		status = result.failure;
	run_close(run);
	if (status || command->failed)
		return status ? status : GMEMTRACE_ERROR;
	if (command->map.passes)
		return 0;
	output_line("%s: holds no walk of the direct map: record one with record --map",
		    command->options.run.file);
	return GMEMTRACE_ERROR;
}

static enum gmemtrace_status map_status(const struct map *map)
{
	if (map_proven(map) && map->orphans.nr)
		return GMEMTRACE_VIOLATED;
	return map_not_judged(map) ? GMEMTRACE_INCONCLUSIVE : GMEMTRACE_CONSISTENT;
}

static enum gmemtrace_status map_report(const struct map_command *command)
{
	struct output *output = output_open("-");
	int error;

	if (!output)
		return GMEMTRACE_ERROR;
	error = command->json ? report_map_json(output_stream(output), &command->map)
			      : report_map_text(output_stream(output), &command->map);
	return run_status_worse(output_close(output, error), map_status(&command->map));
}

int subcommand_map(int argc, char **argv, char **command)
{
	struct map_command map = { 0 };
	enum gmemtrace_status status;

	options_parse(&map_argp, argc, argv, &map, &map.options, command);
	if (command)
		options_usage(argv[0], "%s: takes no command", *command);
	status = map.options.run.file ? map_replay(&map) : map_live(&map);
	if (!status)
		status = map_report(&map);
	map_free(&map.map);
	return status;
}
