// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/serve.h"
#include "gmemtrace/status.h"
#include "metrics/serve.h"
#include "report/escape.h"
#include "sensor/lock.h"

#define END_TRIES 300 /* of END_STEP_NS each: clients get their last records meanwhile */
#define END_STEP_NS 10000000L

/* systemd's, where it waits for that (sd_notify(3)); nobody else does. */
static void service_notify(const char *state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;
	int descriptor;

	if (!length || length >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, length);
	if (*path == '@')
		address.sun_path[0] = '\0';
	descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return;
	if (sendto(descriptor, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
		   (const struct sockaddr *)&address,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		daemon_log("cannot notify %s: %s", path, strerror(errno));
	close(descriptor);
}

/* The child's report: a hello, then lines. */
struct report {
	int descriptor;
	size_t used;
	char line[1024];
};

static volatile sig_atomic_t terminated;

static void on_terminate(int number)
{
	terminated = number;
}

/* SIGCHLD ends a ppoll(); its default would not. */
static void on_child(int number)
{
	(void)number;
}

void daemon_log(const char *format, ...)
{
	struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };
	char text[1024], line[1024] = "gmemtraced: ";
	size_t used = strlen(line);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	used += escape_text(line + used, sizeof(line) - used - 1, text);
	line[used++] = '\n';
	/* A log that nobody reads must not keep us from ending. */
	if (poll(&ready, 1, 0) == 1 && write(STDERR_FILENO, line, used) < 0)
		return;
}

/* All of them stay blocked but while we wait, so that none is missed. */
static void signals_catch(sigset_t *waiting)
{
	const struct sigaction terminate = { .sa_handler = on_terminate };
	const struct sigaction child = { .sa_handler = on_child };
	struct sigaction before;
	sigset_t blocked;

	sigaction(SIGTERM, &terminate, NULL);
	sigaction(SIGINT, &terminate, NULL);
	/* nohup wants it to stay ignored. */
	if (!sigaction(SIGHUP, NULL, &before) && before.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &terminate, NULL);
	sigaction(SIGCHLD, &child, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGHUP);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, waiting);
}

/* Bytes of the report; 0: its writer has gone, -EINTR: a signal. */
static ssize_t report_read(const struct report *report, void *data, size_t size,
			   const sigset_t *waiting)
{
	struct pollfd ready = { .fd = report->descriptor, .events = POLLIN };
	ssize_t bytes;

	if (ppoll(&ready, 1, NULL, waiting) < 0)
		return -errno;
	bytes = read(report->descriptor, data, size);
	return bytes < 0 ? -errno : bytes;
}

/* What the child says when it is armed, or why it cannot be. An exit status. */
static int hello_wait(const struct report *report, const sigset_t *waiting)
{
	struct server_hello hello = {};
	size_t used = 0;

	while (used < sizeof(hello) && !terminated) {
		ssize_t bytes =
			report_read(report, (char *)&hello + used, sizeof(hello) - used, waiting);

		if (bytes == 0) {
			daemon_log("the process that owns the sensors died while it armed them");
			return GMEMTRACE_ERROR;
		}
		if (bytes > 0)
			used += (size_t)bytes;
	}
	if (used < sizeof(hello) || !hello.status)
		return 0;
	hello.message[sizeof(hello.message) - 1] = '\0';
	daemon_log("%s", hello.message);
	return hello.status;
}

/* Prints whole lines; what is too long for one goes in parts. */
static void report_print(struct report *report)
{
	char *line = report->line, *end;

	report->line[report->used] = '\0';
	while ((end = strchr(line, '\n'))) {
		*end = '\0';
		daemon_log("%s", line);
		line = end + 1;
	}
	report->used -= (size_t)(line - report->line);
	memmove(report->line, line, report->used);
	if (report->used == sizeof(report->line) - 1)
		report->used = 0;
}

static void report_take(struct report *report, const sigset_t *waiting)
{
	ssize_t bytes = report_read(report, report->line + report->used,
				    sizeof(report->line) - 1 - report->used, waiting);

	if (bytes > 0) {
		report->used += (size_t)bytes;
		report_print(report);
	} else if (bytes == 0) {
		/* The child is at its end: it will be waited for. */
		close(report->descriptor);
		report->descriptor = -1;
	}
}

/* Gives the child a moment for its clients' last records; detaching may take it longer. */
static void child_end(pid_t child, struct report *report, const sigset_t *waiting)
{
	static const struct timespec step = { .tv_nsec = END_STEP_NS };

	kill(child, SIGTERM);
	for (int i = 0; i < END_TRIES && waitpid(child, NULL, WNOHANG) == 0; i++) {
		struct pollfd ready = { .fd = report->descriptor, .events = POLLIN };

		if (poll(&ready, 1, 0) == 1)
			report_take(report, waiting);
		nanosleep(&step, NULL);
	}
}

/* Until a signal, or until the child has gone. An exit status. */
static int child_watch(pid_t child, struct report *report, const char *socket, const char *lock,
		       const sigset_t *waiting)
{
	while (!terminated) {
		if (waitpid(child, NULL, WNOHANG) == child) {
			daemon_log("the process that owns the sensors has died: what clients have "
				   "is not whole");
			unlink(socket);
			lock_sweep(lock);
			return GMEMTRACE_ERROR;
		}
		report_take(report, waiting);
	}
	service_notify("STOPPING=1");
	/* Before the child lets go of the listener: the path may be another's then. */
	unlink(socket);
	child_end(child, report, waiting);
	return 0;
}

static void metrics_say(void *context, const char *line)
{
	(void)context;
	daemon_log("%s", line);
}

/* A client like any other; without it everybody else is served all the same. */
static void metrics_start(const char *path, const char *socket)
{
	const struct metrics_options options = { .path = path,
						 .socket = socket,
						 .say = metrics_say };
	pid_t child = path ? metrics_spawn(&options) : 0;

	if (child < 0)
		daemon_log("--metrics %s: cannot fork: %s", path, strerror(-child));
}

int daemon_serve(const struct sensor_options *sensor, const struct peers_limits *limits,
		 uint64_t history, int listener, const char *socket, const char *metrics)
{
	struct server_options options = { .client = -1,
					  .listener = listener,
					  .socket = socket,
					  .limits = *limits,
					  .history = history };
	struct report report = { .descriptor = -1 };
	sigset_t waiting;
	int ends[2], status;
	pid_t child;

	/* From here on a signal ends it in order. */
	signals_catch(&waiting);
	if (pipe2(ends, O_CLOEXEC)) {
		daemon_log("cannot make a pipe: %s", strerror(errno));
		unlink(socket);
		return GMEMTRACE_ERROR;
	}
	report.descriptor = ends[0];
	options.report = ends[1];
	child = server_spawn(sensor, &options);
	close(ends[1]);
	if (child < 0) {
		daemon_log("cannot fork: %s", strerror(-child));
		unlink(socket);
		close(report.descriptor);
		return GMEMTRACE_ERROR;
	}
	status = hello_wait(&report, &waiting);
	if (status) {
		unlink(socket);
	} else {
		if (!terminated)
			printf("gmemtraced: pid %d serves %s\n", (int)getpid(), socket);
		fflush(stdout);
		service_notify("READY=1");
		metrics_start(metrics, socket);
		status = child_watch(child, &report, socket, sensor->lock, &waiting);
	}
	if (report.descriptor >= 0)
		close(report.descriptor);
	return status;
}
