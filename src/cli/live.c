// SPDX-License-Identifier: GPL-2.0
/* gmemtrace live: what happens, as it happens, or as it happened. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "run/replay.h"
#include "gmemtrace/report.h"

#define SECOND 1000000000ULL
#define INTERVAL_MIN (SECOND / 10) /* heartbeats carry the time on */
#define COUNT_MAX 1000000000ULL

struct live {
	struct options options;
	bool batch;
	uint64_t interval; /* ns */
	uint64_t count; /* reports, 0: no limit */
	struct report_live *report;
	uint64_t next; /* ns of the model's time: the next report; 0 before the first heartbeat */
	uint64_t told; /* ns: the last report, or the begin */
	uint64_t printed; /* reports */
	int error; /* of standard output */
	bool enough;
};

static const struct argp_option live_table[] = {
	{ NULL, 0, NULL, 0, "What is shown:", 1 },
	{ "batch", 'b', NULL, 0, "lines, also on a terminal", 1 },
	{ "interval", 'i', "TIME", 0, "between two reports; default 1s, at least 100ms", 1 },
	{ "count", 'n', "COUNT", 0, "end after so many reports", 1 },
	{ 0 },
};

static error_t live_parse(int key, char *text, struct argp_state *state)
{
	struct live *live = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		options_init_children(state, &live->options, 2);
		return 0;
	case 'b':
		live->batch = true;
		return 0;
	case 'i':
		live->interval = options_time(state, "-i", text);
		if (live->interval < INTERVAL_MIN)
			options_usage(state->name, "-i %s: 100ms is the least", text);
		return 0;
	case 'n':
		live->count = options_number(state, "-n", text, 1, COUNT_MAX);
		return 0;
	case ARGP_KEY_ARG:
		options_take_file(state, &live->options, text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child live_children[] = {
	{ &options_session, 0, NULL, 0 },
	{ &options_common, 0, NULL, 0 },
	{ 0 },
};

static const struct argp live_argp = {
	live_table,
	live_parse,
	"[FILE | -- CMD...]",
	"Prints lines about each inode and in total, every interval: while CMD runs, until ^C, or "
	"from the capture FILE in its own time.\v"
	"Exit status: 0 done, 2 an error or CMD failed, 4 cannot run here, 64 usage error.",
	live_children,
	NULL,
	NULL,
};

static void live_print(struct live *live)
{
	if (live->enough)
		return;
	if (!live->printed)
		live->error = report_live_heading(stdout);
	if (!live->error)
		live->error = report_live_lines(stdout, live->report);
	if (!live->error && fflush(stdout))
		live->error = -errno;
	live->printed++;
	if (live->error || (live->count && live->printed >= live->count))
		live->enough = true;
}

/* The model's time, so that a replay prints the lines that the live run printed. */
static void on_advanced(void *context, __u64 now)
{
	struct live *live = context;

	if (!live->next) {
		live->next = now + live->interval;
		live->told = now;
	}
	if (now < live->next)
		return;
	live_print(live);
	live->told = now;
	live->next += live->interval;
	if (live->next <= now)
		live->next = now + live->interval;
}

/* What has come since the last report. */
static void on_finished(void *context, __u64 now)
{
	struct live *live = context;

	if (now > live->told)
		live_print(live);
}

static int live_session(struct live *live, struct model *model)
{
	const struct session_sinks sinks = { .model = model, .enough = &live->enough };
	struct session_result result;
	int status = session_run(&live->options.session, &sinks, &result);

	if (status)
		return status;
	/* Who ends the view by -n has not seen CMD fail. */
	if (live->enough)
		return result.whole ? GMEMTRACE_CONSISTENT : GMEMTRACE_ERROR;
	return session_status(&result);
}

static int live_replay(struct live *live, struct model *model)
{
	struct replay replay;
	int status = replay_open(&replay, live->options.file);

	if (status)
		return status;
	status = replay_run(&replay, live->options.session.vm, model, NULL, &live->enough);
	replay_close(&replay);
	return status;
}

static int live_run(struct live *live, struct model *model)
{
	struct model_observer observer = { .context = live,
					   .advanced = on_advanced,
					   .finished = on_finished };
	int status;

	/* Before our own observer: its interval's end is counted when we ask. */
	live->report = report_live_create(model);
	if (!live->report || model_observe(model, &observer)) {
		output_error("out of memory");
		return GMEMTRACE_ERROR;
	}
	if (!live->batch && isatty(STDOUT_FILENO))
		output_notice("the interactive view is not built yet: these are --batch lines");
	status = live->options.file ? live_replay(live, model) : live_session(live, model);
	if (live->error && live->error != -EPIPE) {
		output_error("standard output: cannot write: %s", strerror(-live->error));
		status = exit_status_worse(status, GMEMTRACE_ERROR);
	}
	return status;
}

int subcommand_live(int argc, char **argv, char **command)
{
	struct live live = { .interval = SECOND };
	struct model *model;
	int status = GMEMTRACE_ERROR;

	options_parse(&live_argp, argc, argv, &live, &live.options, command);
	model = model_create(&live.options.session.model);
	if (model)
		status = live_run(&live, model);
	else
		output_error("out of memory");
	report_live_free(live.report);
	model_free(model);
	return status;
}
