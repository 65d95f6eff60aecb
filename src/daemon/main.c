// SPDX-License-Identifier: GPL-2.0
/*
 * gmemtraced: owns the sensors, serves them on a socket. A child owns the BPF
 * links, as closing them can hang; the parent answers for it and never waits
 * for that.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/socket.h"
#include "gmemtrace/status.h"
#include "sensor/client.h"
#include "sensor/server.h"

#define END_TRIES 100 /* of END_STEP_NS each: clients get their last records meanwhile */
#define END_STEP_NS 10000000L

struct arguments {
	struct sensor_options sensor;
	const char *socket;
	const char *group;
};

static volatile sig_atomic_t terminated;

static void on_terminate(int number)
{
	terminated = number;
}

__attribute__((format(printf, 1, 2))) static void error_print(const char *format, ...)
{
	va_list arguments;
	char text[1024];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	fprintf(stderr, "gmemtraced: %s\n", text);
}

__attribute__((format(printf, 1, 2))) static _Noreturn void usage_error(const char *format, ...)
{
	va_list arguments;
	char text[512];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	error_print("%s; see gmemtraced --help", text);
	exit(GMEMTRACE_USAGE);
}

enum option_key {
	KEY_SOCKET = 0x100,
	KEY_GROUP,
	KEY_PAGE_FREE,
	KEY_USAGE,
	KEY_VERSION,
};

static const struct argp_option argp_options[] = {
	{ NULL, 0, NULL, 0, "Who is served:", 0 },
	{ "socket", KEY_SOCKET, "PATH", 0, "listen at PATH; default " SENSOR_SOCKET, 0 },
	{ "group", KEY_GROUP, "NAME", 0,
	  "members of this group may connect; default: root only (mode 0660)", 0 },
	{ NULL, 0, NULL, 0, "What is traced:", 1 },
	{ "page-free", KEY_PAGE_FREE, NULL, 0,
	  "watch pages that return to the allocator: taxes every free in the system", 1 },
	{ NULL, 0, NULL, 0, "About:", -1 },
	{ "help", '?', NULL, 0, "print this help", -1 },
	{ "usage", KEY_USAGE, NULL, 0, "print a short usage message", -1 },
	{ "version", KEY_VERSION, NULL, 0, "print the version", -1 },
	{ 0 },
};

static void help_print(const struct argp_state *state, unsigned int flags)
{
	argp_help(state->root_argp, stdout, flags, state->name);
	exit(0);
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case KEY_SOCKET:
		arguments->socket = text;
		return 0;
	case KEY_GROUP:
		arguments->group = text;
		return 0;
	case KEY_PAGE_FREE:
		arguments->sensor.groups |= SENSOR_GROUP_PAGE_FREE;
		return 0;
	case '?':
		help_print(state, ARGP_HELP_STD_HELP & ~ARGP_HELP_EXIT_OK);
		return 0;
	case KEY_USAGE:
		help_print(state, ARGP_HELP_USAGE);
		return 0;
	case KEY_VERSION:
		printf("gmemtraced %s\n", GMEMTRACE_VERSION);
		exit(0);
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
	"SIGTERM or SIGINT.\v"
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

static void signals_catch(void)
{
	struct sigaction action = { .sa_handler = on_terminate };

	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* What the child says when it is armed, or why it cannot be. An exit status. */
static int hello_wait(int ready)
{
	struct server_hello hello = {};
	size_t used = 0;

	while (used < sizeof(hello)) {
		ssize_t bytes = read(ready, (char *)&hello + used, sizeof(hello) - used);

		if (bytes < 0 && errno == EINTR && !terminated)
			continue;
		if (bytes <= 0)
			break;
		used += (size_t)bytes;
	}
	if (used == sizeof(hello) && !hello.status)
		return 0;
	if (used < sizeof(hello)) {
		if (terminated)
			return 0;
		error_print("the process that owns the sensors died while it armed them");
		return GMEMTRACE_ERROR;
	}
	hello.message[sizeof(hello.message) - 1] = '\0';
	error_print("%s", hello.message);
	return hello.status;
}

/* Gives the child a moment for its clients' last records; detaching may take it longer. */
static void child_end(pid_t child)
{
	static const struct timespec step = { .tv_nsec = END_STEP_NS };

	kill(child, SIGTERM);
	for (int i = 0; i < END_TRIES && waitpid(child, NULL, WNOHANG) == 0; i++)
		nanosleep(&step, NULL);
}

/* Until a signal, or until the child has gone. An exit status. */
static int child_watch(pid_t child, const sigset_t *waiting)
{
	int status;

	while (!terminated) {
		pid_t ended = waitpid(child, &status, WNOHANG);

		if (ended == child) {
			if (WIFEXITED(status) && !WEXITSTATUS(status))
				return 0;
			error_print("the process that owns the sensors has died: what clients have "
				    "is not whole");
			return GMEMTRACE_ERROR;
		}
		sigsuspend(waiting);
	}
	child_end(child);
	return 0;
}

/* SIGCHLD ends a sigsuspend(); its default would not. */
static void on_child(int number)
{
	(void)number;
}

static int serve(const struct arguments *arguments, int listener)
{
	const struct sigaction action = { .sa_handler = on_child };
	sigset_t blocked, waiting;
	int ready[2], status;
	pid_t child;

	if (pipe2(ready, O_CLOEXEC)) {
		error_print("cannot make a pipe: %s", strerror(errno));
		return GMEMTRACE_ERROR;
	}
	child = server_spawn(&arguments->sensor, -1, listener, ready[1]);
	close(ready[1]);
	if (child < 0) {
		error_print("cannot fork: %s", strerror(-child));
		return GMEMTRACE_ERROR;
	}
	signals_catch();
	sigaction(SIGCHLD, &action, NULL);
	status = hello_wait(ready[0]);
	close(ready[0]);
	if (status)
		return status;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, &waiting);
	if (!terminated)
		printf("gmemtraced: pid %d serves %s\n", (int)getpid(), arguments->socket);
	fflush(stdout);
	return child_watch(child, &waiting);
}

int main(int argc, char **argv)
{
	struct arguments arguments = { .sensor.groups = SENSOR_GROUP_VERDICT,
				       .socket = SENSOR_SOCKET };
	char message[512];
	int listener, status;

	argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_NO_EXIT, NULL, &arguments);
	listener = socket_listen(arguments.socket, group_find(arguments.group), message,
				 sizeof(message));
	if (listener < 0) {
		error_print("%s", message);
		return listener == -EADDRINUSE || listener == -EACCES || listener == -EPERM
			       ? GMEMTRACE_CANNOT_RUN
			       : GMEMTRACE_ERROR;
	}
	status = serve(&arguments, listener);
	close(listener);
	unlink(arguments.socket);
	return status;
}
