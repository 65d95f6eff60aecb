// SPDX-License-Identifier: GPL-2.0
/*
 * gmemtraced: owns the sensors, serves them on a socket. A child owns the BPF
 * links, as closing them can hang; the parent answers for it and never waits
 * for that.
 */
#include <argp.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/streams.h"
#include "run/units.h"
#include "daemon/alarm.h"
#include "daemon/http.h"
#include "daemon/log.h"
#include "daemon/serve.h"
#include "daemon/socket.h"
#include "gmemtrace/status.h"
#include "metrics/metrics.h"
#include "run/file.h"
#include "serve/client.h"
#include "sensor/lock.h"
#include "sensor/runtime.h"

#define CLIENTS_MAX (PEERS_MAX - PEERS_RESERVED)
#define BACKLOG_MIN (1ULL << 20)
#define BACKLOG_MAX (16ULL << 30)

#define LOSS_MAX 1000000000ULL

#define MAP_EVERY_NS (3600ULL * 1000000000)
#define MAP_EVERY_MIN_NS (5ULL * 1000000000) /* a walk reads again for a second what is nobody's */
#define MAP_EVERY_MAX_NS (30 * 24 * MAP_EVERY_NS)

struct arguments {
	struct daemon_options daemon;
	const char *group;
	const char *metrics; /* address or file */
	const char *command; /* for violations */
	const char *live; /* an option that says how to trace or serve; NULL: none was given */
};

__attribute__((format(printf, 1, 2))) static _Noreturn void usage_error(const char *format, ...)
{
	va_list arguments;
	char text[512];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	daemon_log_at(LOG_LEVEL_ERROR, "%s; see gmemtraced --help", text);
	exit(GMEMTRACE_USAGE);
}

enum option_key {
	KEY_SOCKET = 0x100,
	KEY_GROUP,
	KEY_LOCK,
	KEY_PAGE_FREE,
	KEY_FLUSHES,
	KEY_SUMMARY,
	KEY_RING,
	KEY_RELEASE_LIMIT,
	KEY_WAIT_DETACH,
	KEY_MAX_CLIENTS,
	KEY_BACKLOG,
	KEY_HISTORY,
	KEY_METRICS,
	KEY_JUDGE,
	KEY_ON_VIOLATION,
	KEY_MAP,
	KEY_REPLAY,
	KEY_SIMULATE_LOSS,
	KEY_USAGE,
	KEY_VERSION,
};

static const struct argp_option argp_options[] = {
	{ NULL, 0, NULL, 0, "Who is served:", 1 },
	{ "socket", KEY_SOCKET, "PATH", 0,
	  "listen at PATH; default " SENSOR_SOCKET ", for others than root " SENSOR_SOCKET_NAME
	  " in the user's runtime directory",
	  1 },
	{ "group", KEY_GROUP, "NAME", 0,
	  "members of this group may connect; default: root only (mode 0660)", 1 },
	{ "max-clients", KEY_MAX_CLIENTS, "N", 0,
	  "clients at a time, a quarter of them of one user; default 64; 4 more are root's", 1 },
	{ "backlog", KEY_BACKLOG, "SIZE", 0,
	  "what all clients may leave unread, half of it those of one user; default 128mb", 1 },
	{ "history", KEY_HISTORY, "SIZE", 0,
	  "remember what was traced in so much memory, compressed, such as 64mb; default: nothing",
	  1 },
	{ "wait-detach", KEY_WAIT_DETACH, NULL, 0,
	  "end only when the kernel has let go of the sensors, and kvm can be unloaded", 2 },
	{ NULL, 0, NULL, 0, "Who is told:", 3 },
	{ "judge", KEY_JUDGE, NULL, 0,
	  "judge what is traced, and log each violation; all that follow do so, too", 3 },
	{ "metrics", KEY_METRICS, "WHERE", 0,
	  "for Prometheus: serve them at [HOST]:PORT (127.0.0.1 where it is left out), [V6]:PORT "
	  "or "
	  "unix:PATH, or keep the file WHERE up to date for the textfile collector",
	  3 },
	{ "on-violation", KEY_ON_VIOLATION, "CMD", 0,
	  "run CMD for each violation, without a shell, one at a time, for 30 s at most", 3 },
	{ "map", KEY_MAP, "EVERY", OPTION_ARG_OPTIONAL,
	  "walk the whole direct map for pages that are nobody's, now and EVERY so long; default "
	  "1h",
	  3 },
	{ "replay", KEY_REPLAY, "FILE", 0,
	  "judge the capture FILE, and trace and serve nothing: to try alerts", 3 },
	{ "simulate-loss", KEY_SIMULATE_LOSS, "N", 0,
	  "judge as if N records had been lost at the begin: to try alerts", 3 },
	{ NULL, 0, NULL, 0, "What is traced:", 2 },
	{ "lock", KEY_LOCK, "PATH", 0,
	  "the file that keeps two from owning sensors; default " LOCK_NAME
	  ", where the socket is by default",
	  2 },
	{ "page-free", KEY_PAGE_FREE, NULL, 0,
	  "watch pages that return to the allocator: taxes every free in the system", 2 },
	{ "flushes", KEY_FLUSHES, NULL, 0,
	  "time every flush of kernel mappings by anybody, with stacks, and which CPUs answer it",
	  2 },
	{ "summary", KEY_SUMMARY, NULL, 0,
	  "keep histograms of flushes and exposures always, also while nothing else is recorded",
	  2 },
	{ "ring", KEY_RING, "SIZE", 0, "buffer between the kernel and us; default 16mb", 2 },
	{ "release-limit", KEY_RELEASE_LIMIT, "SIZE", 0,
	  "read this much of an inode that is closed, at most; default 8gb", 2 },
	{ NULL, 0, NULL, 0, "About:", -1 },
	{ "help", '?', NULL, 0, "print this help", -1 },
	{ "usage", KEY_USAGE, NULL, 0, "print a short usage message", -1 },
	{ "version", KEY_VERSION, NULL, 0, "print the version", -1 },
	{ 0 },
};

/* What was printed is all that was asked for. A reader who has read enough is no error. */
static _Noreturn void printed(void)
{
	if (fflush(stdout) && errno != EPIPE) {
		daemon_log_at(LOG_LEVEL_ERROR, "standard output: cannot write all of it: %s",
			      strerror(errno));
		exit(GMEMTRACE_ERROR);
	}
	exit(0);
}

static _Noreturn void help_print(const struct argp_state *state, unsigned int flags)
{
	argp_help(state->root_argp, stdout, flags, state->name);
	printed();
}

static uint32_t max_clients_parse(const char *text)
{
	uint64_t number;

	if (units_parse_number(text, 1, CLIENTS_MAX, &number))
		usage_error("--max-clients %s: give a whole number from 1 to %d", text,
			    CLIENTS_MAX);
	return (uint32_t)number;
}

static uint64_t backlog_parse(const char *text)
{
	uint64_t bytes;

	if (units_parse_size(text, &bytes) || bytes < BACKLOG_MIN || bytes > BACKLOG_MAX)
		usage_error("--backlog %s: give a size from 1mb to 16gb, such as 128mb", text);
	return bytes;
}

static uint64_t history_parse(const char *text)
{
	uint64_t bytes;

	if (units_parse_size(text, &bytes) || bytes < HISTORY_MIN || bytes > HISTORY_MAX)
		usage_error("--history %s: give a size from 1mb to 64gb, such as 64mb", text);
	return bytes;
}

static uint64_t ring_parse(const char *text)
{
	uint64_t bytes;

	if (units_parse_size(text, &bytes) || bytes < SENSOR_RING_MIN || bytes > SENSOR_RING_MAX ||
	    bytes & (bytes - 1))
		usage_error("--ring %s: give a power of two from 64kb to 2gb, such as 16mb", text);
	return bytes;
}

static uint32_t release_parse(const char *text)
{
	uint64_t bytes;

	if (units_parse_size(text, &bytes) || bytes < SENSOR_RELEASE_MIN ||
	    bytes > SENSOR_RELEASE_MAX)
		usage_error("--release-limit %s: give a size from 16mb to 16tb", text);
	return sensor_chunks(bytes);
}

static uint64_t every_parse(const char *text)
{
	uint64_t ns;

	if (!text)
		return MAP_EVERY_NS;
	if (units_parse_time(text, &ns) || ns < MAP_EVERY_MIN_NS || ns > MAP_EVERY_MAX_NS)
		usage_error("--map=%s: give a time from 5s to 720h, such as 1h", text);
	return ns;
}

static uint64_t loss_parse(const char *text)
{
	uint64_t number;

	if (units_parse_number(text, 1, LOSS_MAX, &number))
		usage_error("--simulate-loss %s: give a whole number from 1 to %llu", text,
			    LOSS_MAX);
	return number;
}

/* What is about the socket and those who come there. */
static bool parse_clients(int key, char *text, struct arguments *arguments)
{
	struct daemon_options *options = &arguments->daemon;

	switch (key) {
	case KEY_SOCKET:
		options->socket = text;
		return true;
	case KEY_GROUP:
		arguments->group = text;
		return true;
	case KEY_MAX_CLIENTS:
		options->limits.clients = max_clients_parse(text);
		return true;
	case KEY_HISTORY:
		options->history = history_parse(text);
		return true;
	case KEY_BACKLOG:
		options->limits.backlog = backlog_parse(text);
		return true;
	default:
		return false;
	}
}

static bool parse_judge(int key, char *text, struct arguments *arguments)
{
	switch (key) {
	case KEY_JUDGE:
		break;
	case KEY_METRICS:
		arguments->metrics = text;
		break;
	case KEY_ON_VIOLATION:
		arguments->command = text;
		break;
	case KEY_MAP:
		arguments->daemon.map_every = every_parse(text);
		break;
	case KEY_REPLAY:
		arguments->daemon.capture = text;
		break;
	case KEY_SIMULATE_LOSS:
		arguments->daemon.simulate_loss = loss_parse(text);
		break;
	default:
		return false;
	}
	arguments->daemon.judge = true;
	return true;
}

static bool parse_sensors(int key, char *text, struct arguments *arguments)
{
	struct sensor_options *sensor = &arguments->daemon.sensor;

	switch (key) {
	case KEY_LOCK:
		sensor->lock = text;
		return true;
	case KEY_WAIT_DETACH:
		arguments->daemon.wait_detach = true;
		return true;
	case KEY_PAGE_FREE:
		sensor->groups |= SENSOR_GROUP_PAGE_FREE;
		return true;
	case KEY_SUMMARY:
		sensor->groups |= SENSOR_GROUP_EXPOSURES | SENSOR_GROUP_DURATIONS;
		return true;
	case KEY_RING:
		sensor->ring_bytes = ring_parse(text);
		return true;
	case KEY_RELEASE_LIMIT:
		sensor->release_chunks = release_parse(text);
		return true;
	case KEY_FLUSHES:
		sensor->groups |=
			SENSOR_GROUP_FLUSHES | SENSOR_GROUP_ACKNOWLEDGE | SENSOR_GROUP_STACK;
		sensor->stack_rate = 1;
		return true;
	default:
		return false;
	}
}

static const char *option_name(int key)
{
	for (size_t i = 0; i < sizeof(argp_options) / sizeof(argp_options[0]); i++) {
		if (argp_options[i].key == key)
			return argp_options[i].name;
	}
	return "?";
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	if (parse_judge(key, text, arguments))
		return 0;
	if (parse_clients(key, text, arguments) || parse_sensors(key, text, arguments)) {
		arguments->live = option_name(key);
		return 0;
	}
	switch (key) {
	case '?':
		help_print(state, ARGP_HELP_STD_HELP & ~ARGP_HELP_EXIT_OK);
	case KEY_USAGE:
		help_print(state, ARGP_HELP_USAGE);
	case KEY_VERSION:
		printf("gmemtraced %s\n", GMEMTRACE_VERSION);
		printed();
	case ARGP_KEY_ARG:
		usage_error("%s: takes no arguments", text);
	case ARGP_KEY_ERROR:
		usage_error("%s: unknown option, or its value is missing",
			    state->argv[state->next > 1 ? state->next - 1 : 0]);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	argp_options,
	parse_option,
	NULL,
	"Owns the sensors and serves them to gmemtrace on a unix socket, in the foreground, until "
	"SIGTERM, SIGINT or SIGHUP. Kernels of x86-64 alone can be traced.\v"
	"Exit status: 0 ended by a signal, 2 an error, 4 cannot run here or runs already, 64 usage "
	"error.",
	NULL,
	NULL,
	NULL,
};

/* Straight from the file: the name services need libraries that a static program has not. */
static gid_t group_find(const char *name)
{
	const struct group *group;
	gid_t found = (gid_t)-1;
	FILE *file;

	if (!name)
		return found;
	file = fopen("/etc/group", "re");
	while (file && (group = fgetgrent(file))) {
		if (!strcmp(group->gr_name, name))
			found = group->gr_gid;
	}
	if (file)
		fclose(file);
	if (found == (gid_t)-1)
		usage_error("--group %s: no such group in /etc/group", name);
	return found;
}

/* A descriptor, or -errno: it was said. */
static int listen_clients(const struct arguments *arguments)
{
	char message[512];
	int listener = socket_listen(arguments->daemon.socket, group_find(arguments->group),
				     message, sizeof(message));

	if (listener == -EINVAL)
		usage_error("--socket: %s", message);
	if (listener < 0)
		daemon_log_at(LOG_LEVEL_ERROR, "%s", message);
	return listener;
}

/* -1, or where nothing can be kept there -errno, lower than that: it was said. */
static int keep_metrics(struct arguments *arguments)
{
	int error = arguments->metrics ? metrics_storable(arguments->metrics) : 0;

	arguments->daemon.metrics = arguments->metrics;
	if (!error)
		return -1;
	if (error == -EINVAL)
		usage_error("--metrics: give an address or a file");
	daemon_log_at(LOG_LEVEL_ERROR, "--metrics %s: cannot write: %s", arguments->metrics,
		      error == -EEXIST ? "it is there, and no regular file" : strerror(-error));
	/* -1 is -EPERM as well. */
	return error == -EPERM ? -EACCES : error;
}

/* The same, or a descriptor. */
static int listen_metrics(struct arguments *arguments)
{
	char message[512];
	int listener;

	if (!arguments->metrics || !http_is_address(arguments->metrics))
		return keep_metrics(arguments);
	listener = http_listen(arguments->metrics, message, sizeof(message));
	if (listener == -EINVAL)
		usage_error("--metrics %s", message);
	if (listener < 0)
		daemon_log_at(LOG_LEVEL_ERROR, "--metrics %s", message);
	return listener;
}

static int listen_status(int error)
{
	return error == -EADDRINUSE || error == -EACCES || error == -EPERM || error == -EROFS
		       ? GMEMTRACE_CANNOT_RUN
		       : GMEMTRACE_ERROR;
}

static void contradictions(const struct arguments *arguments)
{
	const char *capture = arguments->daemon.capture;

	if (!capture)
		return;
	if (arguments->live)
		usage_error("--replay and --%s: of a capture nothing is traced or served, give one "
			    "of them",
			    arguments->live);
	if (arguments->daemon.map_every)
		usage_error("--replay and --map: give one of them");
	if (arguments->metrics && !http_is_address(arguments->metrics) &&
	    file_same(arguments->metrics, capture))
		usage_error("--metrics %s: the capture is there: give another name to the metrics",
			    capture);
}

static void prepare_alarm(const struct arguments *arguments, struct alarm *alarm)
{
	char message[512];

	if (arguments->command && alarm_open(alarm, arguments->command, message, sizeof(message)))
		usage_error("--on-violation: %s", message);
}

/* Between what may not be there and what must be taken back. */
static int serve(struct arguments *arguments)
{
	struct daemon_options *options = &arguments->daemon;
	const char *metrics_path;
	int status;

	options->metrics_listener = listen_metrics(arguments);
	if (options->metrics_listener < -1)
		return listen_status(options->metrics_listener);
	if (!options->capture)
		options->listener = listen_clients(arguments);
	if (!options->capture && options->listener < 0)
		status = listen_status(options->listener);
	else
		status = daemon_serve(options);
	metrics_path = arguments->metrics ? http_unix_path(arguments->metrics) : NULL;
	if (metrics_path)
		unlink(metrics_path);
	return status;
}

int main(int argc, char **argv)
{
	static struct alarm alarm;
	struct arguments arguments = { .daemon = { .sensor.groups = SENSOR_GROUP_VERDICT,
						   .listener = -1,
						   .metrics_listener = -1,
						   .map_within = MAP_WITHIN_NS } };
	char path[RUNTIME_PATH_MAX];
	int status;

	streams_hold();
	/* What cannot be written is said where it happens. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_NO_EXIT, NULL, &arguments);
	contradictions(&arguments);
	if (!arguments.daemon.socket && !arguments.daemon.capture) {
		if (runtime_path(path, SENSOR_SOCKET_NAME))
			usage_error("$XDG_RUNTIME_DIR is too long: give --socket");
		arguments.daemon.socket = path;
	}
	prepare_alarm(&arguments, &alarm);
	if (arguments.command)
		arguments.daemon.alarm = &alarm;
	status = serve(&arguments);
	if (arguments.command)
		alarm_close(&alarm);
	return status;
}
