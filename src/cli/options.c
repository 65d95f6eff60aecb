// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "run/file.h"
#include "run/units.h"
#include "sensor/sensor.h"

#define SECOND 1000000000ULL
#define SNAPSHOT_INTERVAL_DEFAULT (2 * SECOND)
#define SETTLE_DEFAULT (5 * SECOND)
#define RATE_MAX 1000000U
#define RELEASE_DEFAULT "8gb"

void options_usage(const char *name, const char *format, ...)
{
	va_list arguments;
	char text[512];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	output_line_of(name, "%s; see %s --help", text, name);
	exit(GMEMTRACE_USAGE);
}

uint64_t options_time(const struct argp_state *state, const char *option, const char *text)
{
	uint64_t ns;

	if (units_parse_time(text, &ns) || !ns)
		options_usage(state->name, "%s %s: give a time such as 10s, 250ms or 2m", option,
			      text);
	return ns;
}

static uint64_t options_size(const struct argp_state *state, const char *option, const char *text)
{
	uint64_t bytes;

	if (units_parse_size(text, &bytes))
		options_usage(state->name, "%s %s: give a size such as 512kb, 16mb or 1gb", option,
			      text);
	return bytes;
}

uint64_t options_number(const struct argp_state *state, const char *option, const char *text,
			uint64_t min, uint64_t max)
{
	uint64_t number;

	if (units_parse_number(text, min, max, &number))
		options_usage(state->name, "%s %s: give a whole number from %llu to %llu", option,
			      text, (unsigned long long)min, (unsigned long long)max);
	return number;
}

uint32_t options_rate(const struct argp_state *state, const char *option, const char *text)
{
	uint64_t rate;

	if (!strcmp(text, "0"))
		return 0;
	if (strncmp(text, "1/", 2) != 0 || units_parse_number(text + 2, 1, RATE_MAX, &rate))
		options_usage(state->name, "%s %s: give 1/N with N from 1 to %u, or 0", option,
			      text, RATE_MAX);
	return (uint32_t)rate;
}

void options_take_summary(const struct argp_state *state, struct options *options, const char *text)
{
	if (!text || !strcmp(text, "all"))
		options->run.summary = RUN_SUMMARY_ALL;
	else if (!strcmp(text, "exposure"))
		options->run.summary = RUN_SUMMARY_EXPOSURES;
	else
		options_usage(state->name, "--summary %s: give exposure or all", text);
	options_need_live(options, "--summary");
}

enum common_key {
	KEY_USAGE = 0x200,
	KEY_VERSION,
};

static const struct argp_option common_table[] = {
	{ NULL, 0, NULL, 0, "About:", -1 },
	{ "help", '?', NULL, 0, "print this help", -1 },
	{ "usage", KEY_USAGE, NULL, 0, "print a short usage message", -1 },
	{ "version", KEY_VERSION, NULL, 0, "print the version", -1 },
	{ 0 },
};

/*
 * What argp could not parse: where getopt stopped. Within a cluster of short
 * options it has not stepped on yet.
 */
static const char *option_wrong(const struct argp_state *state)
{
	int last = state->next - 1;

	if (last > 0 && last < state->argc && state->argv[last][0] == '-')
		return state->argv[last];
	if (state->next < state->argc)
		return state->argv[state->next];
	return "the command line";
}

static _Noreturn void help_print(const struct argp_state *state, unsigned int flags)
{
	struct output *output = output_open("-");

	if (!output)
		exit(GMEMTRACE_ERROR);
	argp_help(state->root_argp, output_stream(output), flags, state->name);
	exit((int)output_close(output, 0));
}

static error_t common_parse(int key, char *text, struct argp_state *state)
{
	(void)text;
	switch (key) {
	case '?':
		help_print(state, ARGP_HELP_STD_HELP & ~ARGP_HELP_EXIT_OK);
	case KEY_USAGE:
		help_print(state, ARGP_HELP_USAGE);
	case KEY_VERSION:
		exit((int)output_print("gmemtrace " GMEMTRACE_VERSION "\n"));
	case ARGP_KEY_ERROR:
		options_usage(state->name,
			      "%s: unknown option, or its value is missing or ambiguous",
			      option_wrong(state));
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp options_common = { common_table, common_parse, NULL, NULL, NULL, NULL, NULL };

enum session_key {
	KEY_VM = 0x300,
	KEY_COMM,
	KEY_INODE,
	KEY_PGOFF,
	KEY_SETTLE,
	KEY_STUCK,
	KEY_SNAPSHOT_INTERVAL,
	KEY_PAGE_FREE,
	KEY_NO_PAGE_FREE,
	KEY_WITNESS,
	KEY_NO_WITNESS,
	KEY_RING,
	KEY_RELEASE_LIMIT,
	KEY_TIMEOUT,
	KEY_MODPROBE,
	KEY_LOCK,
	KEY_SOCKET,
	KEY_NO_DAEMON,
	KEY_SINCE,
	KEY_WAIT_DETACH,
};

static const struct argp_option session_table[] = {
	{ NULL, 0, NULL, 0, "What is traced:", 5 },
	{ "duration", 'd', "TIME", 0, "end after TIME; with CMD, end CMD then", 5 },
	{ "timeout", KEY_TIMEOUT, "TIME", 0,
	  "CMD that has not ended after TIME has failed, and is ended; default: no limit", 5 },
	{ "modprobe", KEY_MODPROBE, NULL, 0, "load KVM's modules first, where they are not there",
	  5 },
	{ "vm", KEY_VM, "PID", 0, "only inodes of the VM that is process PID", 5 },
	{ "comm", KEY_COMM, "NAME", 0,
	  "only inodes of VMs whose process is called so; * and ? match", 5 },
	{ "inode", KEY_INODE, "INODE", 0, "only the inode of that number, such as g3", 5 },
	{ "pgoff", KEY_PGOFF, "RANGE", 0,
	  "check, live, flame, latency, export: only of these pages, such as 0x10-0x1f; of a "
	  "verdict, what is wrong with them",
	  5 },
	{ "since", KEY_SINCE, "TIME", 0,
	  "begin with what gmemtraced remembers, TIME ago; without CMD and -d end with now", 5 },
	{ NULL, 0, NULL, 0, "How it is traced:", 6 },
	{ "page-free", KEY_PAGE_FREE, NULL, 0,
	  "watch pages that return to the allocator: taxes every free in the system", 6 },
	{ "no-page-free", KEY_NO_PAGE_FREE, NULL, 0, "leave that out", 6 },
	{ "witness", KEY_WITNESS, NULL, 0,
	  "watch whether each CPU takes part in a flush: taxes every flush on every CPU", 6 },
	{ "no-witness", KEY_NO_WITNESS, NULL, 0, "leave that out, too", 6 },
	{ "snapshot-interval", KEY_SNAPSHOT_INTERVAL, "TIME", 0,
	  "between two reads of a living inode; default 2s", 6 },
	{ "settle", KEY_SETTLE, "TIME", 0,
	  "at the end wait so long for pages to be read undisturbed; default 5s", 6 },
	{ "stuck", KEY_STUCK, "TIME", 0, "a request open for longer is stuck; default 10s", 6 },
	{ "ring", KEY_RING, "SIZE", 0, "buffer between kernel and gmemtrace; default 16mb", 6 },
	{ "release-limit", KEY_RELEASE_LIMIT, "SIZE", 0,
	  "of an inode that is closed, read so much at most; default " RELEASE_DEFAULT, 6 },
	{ "lock", KEY_LOCK, "PATH", 0,
	  "the file that keeps two from owning sensors; default gmemtrace.lock in /run, for others "
	  "than root in the runtime directory",
	  6 },
	{ "socket", KEY_SOCKET, "PATH", 0,
	  "use the gmemtraced that serves PATH; default: the user's own, then " RUN_SOCKET
	  ", where one does",
	  6 },
	{ "no-daemon", KEY_NO_DAEMON, NULL, 0,
	  "load the sensors here, whether gmemtraced runs or not", 6 },
	{ "wait-detach", KEY_WAIT_DETACH, NULL, 0,
	  "end only when the kernel has let go of the sensors, and kvm can be unloaded", 6 },
	{ 0 },
};

static uint64_t ring_parse(struct argp_state *state, const char *text)
{
	uint64_t bytes = options_size(state, "--ring", text);

	if (bytes < SENSOR_RING_MIN || bytes > SENSOR_RING_MAX || bytes & (bytes - 1))
		options_usage(state->name,
			      "--ring %s: give a power of two from 64kb to 2gb, such as 16mb",
			      text);
	return bytes;
}

static uint64_t release_parse(const struct argp_state *state, const char *text)
{
	uint64_t bytes = options_size(state, "--release-limit", text);

	if (bytes < SENSOR_RELEASE_MIN || bytes > SENSOR_RELEASE_MAX)
		options_usage(state->name, "--release-limit %s: give a size from 16mb to 16tb",
			      text);
	return bytes;
}

static error_t session_parse_time(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;
	struct run_options *run = &options->run;

	switch (key) {
	case 'd':
		run->duration = options_time(state, "-d", text);
		options_need_live(options, "-d");
		return 0;
	case KEY_TIMEOUT:
		run->timeout = options_time(state, "--timeout", text);
		options_need_live(options, "--timeout");
		return 0;
	case KEY_SINCE:
		run->since = options_time(state, "--since", text);
		run->since_asked = true;
		options_need_live(options, "--since");
		return 0;
	case KEY_SETTLE:
		run->settle = options_time(state, "--settle", text);
		options_need_live(options, "--settle");
		return 0;
	case KEY_STUCK:
		run->model.stuck_ns = options_time(state, "--stuck", text);
		return 0;
	case KEY_SNAPSHOT_INTERVAL:
		run->snapshot_interval = options_time(state, "--snapshot-interval", text);
		options_need_live(options, "--snapshot-interval");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void inode_parse(const struct argp_state *state, struct options *options, const char *text)
{
	const char *number = strchr("gsi", *text) ? text + 1 : text;

	options->run.inode_letter = number > text ? *text : 0;
	if (!*text || units_parse_number(number, 1, UINT64_MAX, &options->run.inode))
		options_usage(state->name, "--inode %s: give an inode such as g3 or s1", text);
}

static error_t filter_parse(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_VM:
		options->run.vm = (uint32_t)options_number(state, "--vm", text, 1, 1U << 22);
		return 0;
	case KEY_COMM:
		if (!*text)
			options_usage(state->name, "--comm: give a name, such as 'qemu*'");
		options->run.comm = text;
		return 0;
	case KEY_INODE:
		inode_parse(state, options, text);
		return 0;
	case KEY_PGOFF:
		options->pages.given = true;
		if (units_parse_range(text, &options->pages.first, &options->pages.last))
			options_usage(state->name,
				      "--pgoff %s: give a page or pages such as 0x10-0x1f", text);
		return 0;
	default:
		return session_parse_time(key, text, state);
	}
}

static error_t session_parse(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;
	struct run_options *run = &options->run;

	switch (key) {
	case KEY_MODPROBE:
		run->modprobe = true;
		options_need_live(options, "--modprobe");
		return 0;
	case KEY_WITNESS:
	case KEY_NO_WITNESS:
		run->witness = key == KEY_WITNESS;
		run->witness_asked = true;
		options_need_live(options, key == KEY_WITNESS ? "--witness" : "--no-witness");
		return 0;
	case KEY_PAGE_FREE:
	case KEY_NO_PAGE_FREE:
		run->page_free = key == KEY_PAGE_FREE;
		run->page_free_asked = true;
		options_need_live(options, key == KEY_PAGE_FREE ? "--page-free" : "--no-page-free");
		return 0;
	case KEY_RING:
		run->ring_bytes = ring_parse(state, text);
		options_need_live(options, "--ring");
		return 0;
	case KEY_RELEASE_LIMIT:
		run->release_bytes = release_parse(state, text);
		options_need_live(options, "--release-limit");
		return 0;
	case KEY_LOCK:
		run->lock = text;
		options_need_live(options, "--lock");
		return 0;
	case KEY_SOCKET:
		run->socket = text;
		run->socket_only = true;
		options_need_live(options, "--socket");
		return 0;
	case KEY_WAIT_DETACH:
		run->wait_detach = true;
		options_need_live(options, "--wait-detach");
		return 0;
	case KEY_NO_DAEMON:
		options->no_daemon = true;
		options_need_live(options, "--no-daemon");
		return 0;
	default:
		return filter_parse(key, text, state);
	}
}

static const struct argp options_session = { session_table, session_parse, NULL, NULL,
					     NULL,	    NULL,	   NULL };

const struct argp_child options_children[OPTIONS_CHILDREN + 1] = {
	{ &options_session, 0, NULL, 0 },
	{ &options_common, 0, NULL, 0 },
	{ 0 },
};

void options_init_children(struct argp_state *state, struct options *options, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		state->child_inputs[i] = options;
}

void options_take_file(struct argp_state *state, struct options *options, const char *text)
{
	if (options->run.file)
		options_usage(state->name, "%s: one FILE is enough; a command goes behind --",
			      text);
	options->run.file = text;
}

void options_need_live(struct options *options, const char *name)
{
	options->live_option = name;
}

void options_print(struct options *options, const char *name, const char *text)
{
	options->print_option = name;
	options->print = text;
}

void options_take_out(struct options *options, const char *path)
{
	options->out = path;
}

/* Files that are read; an option that writes one must not name any of them. */
static struct input {
	struct input *next;
	const char *path;
} * inputs;

void options_take_input(const char *path)
{
	struct input *input = malloc(sizeof(*input));

	if (!input) {
		output_line("out of memory");
		exit(GMEMTRACE_ERROR);
	}
	*input = (struct input){ inputs, path };
	inputs = input;
}

/* A report would overwrite the capture that it is about, or what else is read for it. */
static void options_check_out(const char *name, const struct options *options)
{
	const char *capture = options->run.file ? options->run.file : options->run.capture;

	if (!options->out)
		return;
	if (capture && file_same(options->out, capture))
		options_usage(name, "%s: the capture is there: give another name to the report",
			      options->out);
	for (const struct input *input = inputs; input; input = input->next) {
		if (file_same(options->out, input->path))
			options_usage(name, "%s: it is read: give another name to the report",
				      options->out);
	}
}

static void options_say(void *context, const char *line)
{
	(void)context;
	output_line("%s", line);
}

/* What contradicts itself, or would be without effect, is refused. */
static void options_check(const char *name, const struct options *options)
{
	const struct run_options *run = &options->run;

	if (run->command && !*run->command)
		options_usage(name, "no command behind --");
	if (options->print && (run->file || run->command))
		options_usage(name, "%s is printed without %s (%s): leave it out",
			      options->print_option, run->file ? "a capture" : "a command",
			      run->file ? run->file : *run->command);
	if (run->file && run->command)
		options_usage(name, "a capture (%s) and a command (%s): give one of them",
			      run->file, *run->command);
	if (run->file && options->live_option)
		options_usage(name, "%s has no meaning for a capture (%s)", options->live_option,
			      run->file);
	if (run->summary && (run->page_free_asked && run->page_free))
		options_usage(name, "--summary is of no page's life: leave --page-free out");
	if (run->summary && (run->vm || run->comm || run->inode || options->pages.given))
		options_usage(name, "--summary is of everybody: leave %s out",
			      run->vm	   ? "--vm"
			      : run->comm  ? "--comm"
			      : run->inode ? "--inode"
					   : "--pgoff");
	if (options->pages.given && !options->pages_apply)
		options_usage(name, "--pgoff: %s",
			      options->pages_mean ? options->pages_mean : "it has no meaning here");
	if (run->inode && options->inode_means)
		options_usage(name, "--inode: %s", options->inode_means);
	if (options->no_daemon && run->socket_only)
		options_usage(name, "--socket and --no-daemon: give one of them");
	options_check_out(name, options);
	if (options->no_daemon && run->since_asked)
		options_usage(name, "--since and --no-daemon: give one of them");
	if (run->timeout && !run->command)
		options_usage(name, "--timeout is for a command: give one behind --, or -d");
}

void options_narrow(const struct options_pages *pages, struct run *run)
{
	if (pages->given)
		model_narrow(run_model(run), pages->first, pages->last);
}

struct verdict_options options_verdict(const struct options_pages *pages)
{
	return (struct verdict_options){ .pages_only = pages->given,
					 .pgoff_first = pages->first,
					 .pgoff_last = pages->last };
}

void options_parse(const struct argp *argp, int argc, char **argv, void *input,
		   struct options *options, char **command)
{
	struct run_options *run = &options->run;

	run->say = options_say;
	run->signals = true;
	run->settle = SETTLE_DEFAULT;
	run->snapshot_interval = SNAPSHOT_INTERVAL_DEFAULT;
	run->socket = RUN_SOCKET;
	run->command = command;
	/* Without argp's own messages: they take two lines. */
	argp_parse(argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_NO_EXIT, NULL, input);
	options_check(argv[0], options);
	if (options->print)
		exit((int)output_print(options->print));
	if (options->no_daemon)
		run->socket = NULL;
}
