// SPDX-License-Identifier: GPL-2.0
/* gmemtrace live: what happens, as it happens, or as it happened. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "cli/screen.h"
#include "cli/terminal.h"
#include "gmemtrace/report.h"
#include "view/draw.h"
#include "view/grid.h"

#define SECOND 1000000000ULL
#define INTERVAL_MIN (SECOND / 10) /* heartbeats carry the time on */
#define COUNT_MAX 1000000000ULL
#define KEY_NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

struct live {
	struct options options;
	bool batch, all, json;
	struct screen_options screen;
	uint64_t interval; /* ns */
	uint64_t count; /* reports, 0: no limit */
	struct report_live *report;
	struct verdict *verdict;
	uint64_t next; /* ns of the model's time: the next report; 0 before the first heartbeat */
	uint64_t told; /* ns: the last report, or the begin */
	uint64_t printed; /* reports */
	struct output *output;
	struct run *run;
	int error; /* of standard output */
	bool enough;
};

enum live_key {
	KEY_ALL = 0x400,
	KEY_JSON,
	KEY_SCHEMA,
	KEY_SCREEN,
	KEY_AT,
	KEY_KEYS,
	KEY_FLUSHES,
};

static const struct argp_option live_table[] = {
	{ NULL, 0, NULL, 0, "What is shown:", 1 },
	{ "batch", 'b', NULL, 0, "lines instead of screens, also on a terminal", 1 },
	{ "all", KEY_ALL, NULL, 0, "lines of inodes that did not change, too", 1 },
	{ "json", KEY_JSON, NULL, 0, "lines of JSON, an object each", 1 },
	{ "schema", KEY_SCHEMA, NULL, 0, "print the JSON Schema that these obey, and nothing else",
	  1 },
	{ "at", KEY_AT, "TIME", 0, "of a capture, begin at TIME behind its begin", 1 },
	{ "screen", KEY_SCREEN, "SIZE", 0,
	  "of a capture, print one screen as text, such as 80x24, and end", 1 },
	{ "keys", KEY_KEYS, "KEYS", 0, "with --screen: press these first, such as 'jj<Enter>+'",
	  1 },
	{ "flushes", KEY_FLUSHES, NULL, 0,
	  "time every flush of kernel mappings by anybody, too, and which CPU answers last", 1 },
	{ "interval", 'i', "TIME", 0, "between two reports; default 1s, at least 100ms", 1 },
	{ "count", 'n', "COUNT", 0, "end after so many reports", 1 },
	{ 0 },
};

static void screen_size(const struct argp_state *state, struct live *live, const char *text)
{
	struct screen_options *screen = &live->screen;
	char end;

	if (sscanf(text, "%dx%d%c", &screen->columns, &screen->rows, &end) != 2 ||
	    screen->columns < 1 || screen->columns > GRID_COLUMNS_MAX || screen->rows < 1 ||
	    screen->rows > GRID_ROWS_MAX)
		options_usage(state->name, "--screen %s: give columns and rows, such as 80x24",
			      text);
}

/* A name that no key has would be pressed letter by letter. */
static void keys_check(const struct argp_state *state, const char *keys)
{
	while (*keys) {
		const char *key = keys;
		size_t length = strspn(key + 1, KEY_NAME_LETTERS);

		if (view_key_take(&keys) == '<' && length > 1 && isupper((unsigned char)key[1]) &&
		    key[length + 1] == '>')
			options_usage(state->name, "--keys %.*s: no key is called so",
				      (int)length + 2, key);
	}
}

static bool live_lines(const struct live *live)
{
	return !live->screen.columns && (live->batch || live->json || !terminal_suits());
}

static void live_contradictions(const struct argp_state *state, const struct live *live)
{
	if (live->screen.columns && !live->options.run.file)
		options_usage(state->name, "--screen is of a capture: give FILE");
	if (live->screen.at && !live->options.run.file)
		options_usage(state->name, "--at is of a capture: give FILE");
	if (live->screen.keys && !live->screen.columns)
		options_usage(state->name, "--keys goes with --screen");
	if (live->screen.at && live_lines(live))
		options_usage(state->name,
			      "--at is of screens: lines begin where the capture does");
	if (live->screen.keys)
		keys_check(state, live->screen.keys);
	if (live->screen.columns && (live->batch || live->json))
		options_usage(state->name, "--screen and %s: give one of them",
			      live->json ? "--json" : "--batch");
}

static error_t live_parse(int key, char *text, struct argp_state *state)
{
	struct live *live = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		options_init_children(state, &live->options, OPTIONS_CHILDREN);
		return 0;
	case 'b':
		live->batch = true;
		return 0;
	case KEY_SCREEN:
		screen_size(state, live, text);
		return 0;
	case KEY_AT:
		live->screen.at = options_time(state, "--at", text);
		return 0;
	case KEY_KEYS:
		live->screen.keys = text;
		return 0;
	case KEY_ALL:
		live->all = true;
		return 0;
	case KEY_JSON:
		live->json = true;
		return 0;
	case KEY_FLUSHES:
		live->options.run.flushes = true;
		live->options.run.flushes_asked = true;
		options_need_live(&live->options, "--flushes");
		return 0;
	case KEY_SCHEMA:
		options_print(&live->options, "--schema", report_live_schema());
		return 0;
	case 'i':
		live->interval = options_time(state, "-i", text);
		if (live->interval < INTERVAL_MIN)
			options_usage(state->name, "-i %s: 100ms is the least", text);
		return 0;
	case 'n':
		live->count = options_number(state, "-n", text, 1, COUNT_MAX);
		return 0;
	case ARGP_KEY_END:
		live_contradictions(state, live);
		return 0;
	case ARGP_KEY_ARG:
		options_take_file(state, &live->options, text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp live_argp = {
	live_table,
	live_parse,
	"[FILE | -- CMD...]",
	"Shows VMs, their inodes and pages, and flushes on a terminal: as it happens, while CMD "
	"runs or until q, or as the capture FILE has it, at any speed and back. Elsewhere it "
	"prints "
	"lines about each inode that has changed and in total, every interval.\v"
	"Exit status: 0 done, 2 an error or CMD failed, 4 cannot run here, 64 usage error.",
	options_children,
	NULL,
	NULL,
};

static void live_print(struct live *live)
{
	FILE *out = output_stream(live->output);

	if (live->enough)
		return;
	if (!live->printed && !live->json)
		live->error = report_live_heading(out);
	if (!live->error && live->json)
		live->error = report_live_json(out, live->report, live->all);
	else if (!live->error)
		live->error = report_live_lines(out, live->report, live->all);
	live->printed++;
	if (!live->error && live->printed != live->count)
		return;
	live->enough = true;
	run_enough(live->run);
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

	if (now > live->told || !live->printed)
		live_print(live);
}

static enum gmemtrace_status live_run(struct live *live)
{
	struct model_observer observer = { .context = live,
					   .advanced = on_advanced,
					   .finished = on_finished };
	struct model *model = run_model(live->run);
	struct verdict_options options;
	enum gmemtrace_status status;
	struct run_result result;

	/* Before our own observer: its interval's end is counted when we ask. */
	options = options_verdict(&live->options.pages);
	live->verdict = verdict_create(model, &options);
	options_narrow(&live->options.pages, live->run);
	live->report = report_live_create(model);
	if (!live->verdict || !live->report || model_observe(model, &observer)) {
		output_line("out of memory");
		return GMEMTRACE_ERROR;
	}
	report_live_judged(live->report, live->verdict);
	/* Nobody waits for the verdict: what is told is told as it goes. */
	status = trace_run(live->run, NULL, &result);
	return status ? status : run_status(&result, NULL);
}

static int screen_run(struct live *live)
{
	live->screen.interval = live->interval;
	live->screen.count = live->count;
	live->screen.pages = &live->options.pages;
	if (live->options.run.file)
		return screen_replay(&live->options.run, &live->screen);
	return screen_live(&live->options.run, &live->screen);
}

int subcommand_live(int argc, char **argv, char **command)
{
	struct live live = { .interval = SECOND, .options.pages_apply = true };
	enum gmemtrace_status status;

	options_parse(&live_argp, argc, argv, &live, &live.options, command);
	if (!live_lines(&live))
		return screen_run(&live);
	status = run_open(&live.run, &live.options.run);
	if (status)
		return status;
	live.output = output_open("-");
	status = live.output ? live_run(&live) : GMEMTRACE_ERROR;
	if (live.output)
		status = run_status_worse(status, output_close(live.output, live.error));
	report_live_free(live.report);
	verdict_free(live.verdict);
	run_close(live.run);
	return status;
}
