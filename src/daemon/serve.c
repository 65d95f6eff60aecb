// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "model/plural.h"
#include "daemon/alarm.h"
#include "daemon/confine.h"
#include "daemon/judge.h"
#include "daemon/log.h"
#include "daemon/serve.h"
#include "daemon/walk.h"
#include "gmemtrace/status.h"
#include "metrics/metrics.h"
#include "sensor/lock.h"

#define END_TRIES 300 /* of END_STEP_NS each: clients get their last records meanwhile */
#define END_STEP_NS 10000000L
#define AGAIN_NS 10000000000ULL /* before a judge that has died has a successor */
#define MESSAGES_TURN 64 /* of the judge's, in one turn */
#define UNTIL_MAX_NS (86400ULL * 1000000000) /* ms of more than 24 days are no int */
#define UNTOLD_NS 1000000000ULL /* before a judge that had no room is told again */

/* The child's report: a hello, who owns the sensors, then lines. */
struct report {
	int descriptor;
	size_t used;
	char line[1024];
};

struct watch {
	const struct daemon_options *options;
	sigset_t waiting; /* signals that are blocked while we wait */
	struct report report;
	pid_t server; /* 0: there is none, a capture is judged */
	pid_t owner; /* of the sensors, the server's child; 0: as above */
	pid_t judge; /* 0: there is none */
	int channel; /* the judge's; -1: none */
	uint64_t judge_deaths;
	uint64_t judge_due; /* ns: when it is started again; 0: not */
	pid_t walk; /* of the direct map; 0: there is none */
	int walks; /* where it tells; -1: the judge takes none */
	uint64_t walk_due; /* ns: when the next one begins; 0: never */
	uint64_t walk_begun; /* ns: this one */
	bool walked; /* one came to its end: they can */
	uint64_t untold_due; /* ns: the judge is told again of a failed walk; 0: it knows */
	uint64_t watchdog; /* ns between two signs of life; 0: nobody waits for them */
	uint64_t life_due; /* ns: the next one */
	bool alive; /* the server has shown life since the last one */
	int metrics_error; /* of the last file: said once */
	struct judge_message message; /* the last that came */
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

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
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

/*
 * Whether we are to end, where a child has: a service manager tells all of us at a time, and what the child has left
 * to be read keeps ppoll() from looking at signals.
 */
static bool ends_with_us(const struct watch *watch)
{
	sigset_t blocked;

	sigprocmask(SIG_SETMASK, &watch->waiting, &blocked);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	return terminated;
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

/* @size bytes of the report. 0, -EINTR: a signal ends us, -EPIPE: its writer has gone. */
static int report_wait(const struct watch *watch, void *data, size_t size)
{
	size_t used = 0;

	while (used < size && !terminated) {
		ssize_t bytes = report_read(&watch->report, (char *)data + used, size - used,
					    &watch->waiting);

		if (bytes == 0)
			return -EPIPE;
		if (bytes > 0)
			used += (size_t)bytes;
	}
	return used < size ? -EINTR : 0;
}

/* What the child says when it is armed, or why it cannot be. An exit status. */
static int hello_wait(struct watch *watch)
{
	struct server_hello hello = {};
	int32_t owner = 0;
	int error = report_wait(watch, &hello, sizeof(hello));

	if (!error && !hello.status)
		error = report_wait(watch, &owner, sizeof(owner));
	if (error == -EPIPE && ends_with_us(watch))
		return 0;
	if (error == -EPIPE) {
		daemon_log_at(LOG_LEVEL_ERROR, SERVER_DIED_ARMING);
		return GMEMTRACE_ERROR;
	}
	watch->owner = owner;
	if (error || !hello.status)
		return 0;
	hello.message[sizeof(hello.message) - 1] = '\0';
	daemon_log_at(LOG_LEVEL_ERROR, "%s", hello.message);
	return hello.status;
}

/* Prints whole lines, an empty one is a sign of life; what is too long for one goes in parts. */
static void report_print(struct report *report)
{
	char *line = report->line, *end;

	report->line[report->used] = '\0';
	while ((end = strchr(line, '\n'))) {
		*end = '\0';
		if (*line)
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
static void server_end(struct watch *watch)
{
	static const struct timespec step = { .tv_nsec = END_STEP_NS };
	struct report *report = &watch->report;

	kill(watch->server, SIGTERM);
	for (int i = 0; waitpid(watch->server, NULL, WNOHANG) == 0; i++) {
		struct pollfd ready = { .fd = report->descriptor, .events = POLLIN };

		if (i >= END_TRIES && !watch->options->wait_detach)
			return;
		if (poll(&ready, 1, 0) == 1)
			report_take(report, &watch->waiting);
		nanosleep(&step, NULL);
	}
}

/* Who had no room for it would go by an older walk: it is told again, until it knows. */
static void walk_failed(struct watch *watch)
{
	watch->untold_due = walk_tell_failed(watch->walks) ? 0 : now() + UNTOLD_NS;
}

/* What goes wrong once walks were possible may go right the next time. */
static void walk_ended(struct watch *watch, int status)
{
	watch->walk = 0;
	if (WIFEXITED(status) && !WEXITSTATUS(status)) {
		watch->walked = true;
		return;
	}
	/* Of one that ended with its judge, or with us, nobody wants to know. */
	if (watch->walks < 0 || ends_with_us(watch))
		return;
	walk_failed(watch);
	if (!WIFEXITED(status))
		daemon_log_at(LOG_LEVEL_ERROR, "--map: a walk of the direct map was killed");
	if (WIFEXITED(status) && WEXITSTATUS(status) == GMEMTRACE_CANNOT_RUN && !watch->walked) {
		watch->walk_due = 0;
		daemon_log_at(LOG_LEVEL_ERROR,
			      "--map: the direct map is not walked: orphans are not judged");
	}
}

static void walk_begin(struct watch *watch)
{
	pid_t child = walk_spawn(watch->walks);

	watch->walk_begun = now();
	watch->walk_due = watch->walk_begun + watch->options->map_every;
	if (child < 0) {
		walk_failed(watch);
		daemon_log_at(LOG_LEVEL_ERROR, "--map: cannot fork: %s", strerror(-child));
	}
	watch->walk = child > 0 ? child : 0;
}

/* ns: when to look; 0: there is nothing to look after. That one has ended a signal says. */
static uint64_t walk_next(const struct watch *watch)
{
	if (watch->walk)
		return watch->walk_begun + watch->options->map_within;
	if (watch->untold_due)
		return watch->untold_due;
	return watch->walks >= 0 ? watch->walk_due : 0;
}

/*
 * One at a time: a walk that is due while another is under way waits, and so does one that is due while the judge
 * has not been told of the last: its records and what is told would be taken for one walk.
 */
static void walk_look(struct watch *watch)
{
	uint64_t next;
	int status;

	if (watch->walk && waitpid(watch->walk, &status, WNOHANG) == watch->walk)
		walk_ended(watch, status);
	next = walk_next(watch);
	if (!next || now() < next)
		return;
	if (watch->walk) {
		kill(watch->walk, SIGKILL);
		watch->walk_begun = now();
	} else if (watch->untold_due) {
		walk_failed(watch);
	} else {
		walk_begin(watch);
	}
}

/* With the judge: to another one it says nothing. It is not waited for: where a CPU hangs it may stay. */
static void walk_end(struct watch *watch)
{
	if (watch->walk)
		kill(watch->walk, SIGKILL);
	if (watch->walks >= 0)
		close(watch->walks);
	watch->walks = -1;
	watch->untold_due = 0;
}

/* The judge's end of a new channel; -1: there are no walks. */
static int walks_open(struct watch *watch)
{
	int ends[2], error;

	if (!watch->options->map_every)
		return -1;
	error = walk_channel(ends);
	if (error) {
		daemon_log_at(LOG_LEVEL_ERROR, "--map: cannot make a socket: %s", strerror(-error));
		return -1;
	}
	watch->walks = ends[1];
	return ends[0];
}

/* A client like any other; without it everybody else is served all the same. */
static void judge_begin(struct watch *watch)
{
	const struct daemon_options *options = watch->options;
	const struct judge_options judge = {
		.walks = walks_open(watch),
		.map_every = options->map_every,
		.socket = options->socket,
		.capture = options->capture,
		.file = options->metrics,
		.listener = options->metrics_listener,
		.server = watch->server,
		.owner = watch->owner,
		.deaths = watch->judge_deaths,
		.simulate_loss = options->simulate_loss,
	};
	pid_t child = options->judge ? judge_spawn(&judge, &watch->channel) : 0;

	watch->judge_due = 0;
	/* Of older walks this one knows nothing. */
	if (watch->walk_due)
		watch->walk_due = now();
	if (judge.walks >= 0)
		close(judge.walks);
	if (child <= 0)
		walk_end(watch);
	if (child < 0)
		daemon_log_at(LOG_LEVEL_ERROR, "cannot start the process that judges: %s",
			      strerror(-child));
	watch->judge = child > 0 ? child : 0;
}

static void metrics_keep(struct watch *watch)
{
	const char *path = watch->options->metrics;
	int error = path ? metrics_store(path, watch->message.u.text, watch->message.size) : 0;

	if (error && error != watch->metrics_error)
		daemon_log_at(LOG_LEVEL_ERROR, "--metrics %s: cannot write: %s", path,
			      strerror(-error));
	watch->metrics_error = error;
}

static void violation_take(const struct watch *watch)
{
	const struct alarm_violation *violation = &watch->message.u.violation;
	char of[sizeof(*violation)] = "";

	/* There are pages that are no inode's. */
	if (*violation->inode)
		snprintf(of, sizeof(of), " %s%s%s, VM %u (%s)", violation->inode,
			 *violation->pgoff ? ":" : "", violation->pgoff, violation->vm,
			 violation->comm);
	daemon_log_at(LOG_LEVEL_CRITICAL, "violation: %s%s, %llu page%s: %s", violation->rule, of,
		      (unsigned long long)violation->pages, plural(violation->pages),
		      violation->words);
	if (watch->options->alarm)
		alarm_add(watch->options->alarm, violation);
}

static void message_take(struct watch *watch)
{
	switch ((enum judge_message_kind)watch->message.kind) {
	case JUDGE_VIOLATION:
		violation_take(watch);
		return;
	case JUDGE_METRICS:
		metrics_keep(watch);
		return;
	case JUDGE_SAY:
		daemon_log_at(LOG_LEVEL_WARNING, "%.*s", (int)watch->message.size,
			      watch->message.u.text);
		return;
	}
}

static void messages_take(struct watch *watch)
{
	int got = 1;

	for (int i = 0; i < MESSAGES_TURN && got > 0; i++) {
		got = judge_receive(watch->channel, &watch->message);
		if (got > 0)
			message_take(watch);
	}
	if (got > 0 || got == -EAGAIN)
		return;
	if (got == -EPROTO)
		daemon_log_at(LOG_LEVEL_ERROR,
			      "what the process that judges has sent makes no sense: it is ended");
	kill(watch->judge, SIGKILL);
	close(watch->channel);
	watch->channel = -1;
}

/* An exit status where none follows: a capture that cannot be judged never can. Else 0. */
static int judge_reap(struct watch *watch)
{
	int status;

	if (!watch->judge || waitpid(watch->judge, &status, WNOHANG) != watch->judge)
		return 0;
	if (watch->channel >= 0)
		messages_take(watch);
	if (watch->channel >= 0)
		close(watch->channel);
	watch->channel = -1;
	watch->judge = 0;
	walk_end(watch);
	if (watch->options->capture && WIFEXITED(status))
		return WEXITSTATUS(status) ? WEXITSTATUS(status) : GMEMTRACE_ERROR;
	if (ends_with_us(watch))
		return 0;
	watch->judge_due = now() + AGAIN_NS;
	watch->judge_deaths++;
	daemon_log_at(LOG_LEVEL_ERROR,
		      "the process that judges has died: another follows in %llu s",
		      AGAIN_NS / 1000000000);
	return 0;
}

/* Whether it has died, and not of our end. */
static bool server_reap(struct watch *watch)
{
	if (!watch->server || waitpid(watch->server, NULL, WNOHANG) != watch->server)
		return false;
	watch->server = 0;
	lock_sweep(watch->options->sensor.lock);
	if (ends_with_us(watch))
		return false;
	daemon_log_at(LOG_LEVEL_ERROR, "the process that owns the sensors, or the one that serves "
				       "them, has died: what clients have is not whole");
	return true;
}

/* Only where the process that drains lives, too: a line of its own says so. */
static void life_show(struct watch *watch)
{
	if (!watch->watchdog || now() < watch->life_due)
		return;
	watch->life_due = now() + watch->watchdog;
	if (watch->alive || !watch->server)
		service_notify("WATCHDOG=1");
	watch->alive = false;
}

/* The sooner of two, ms; -1: never. */
static int sooner(int one, int other)
{
	if (one < 0 || other < 0)
		return one < 0 ? other : one;
	return one < other ? one : other;
}

static int until(uint64_t due)
{
	uint64_t time = now();

	if (!due)
		return -1;
	if (due <= time)
		return 0;
	due = due - time < UNTIL_MAX_NS ? due - time : UNTIL_MAX_NS;
	return (int)(due / 1000000 + 1);
}

/* Waits for whatever comes first: a line, a message, a signal, or a time. */
static void watch_wait(struct watch *watch, int timeout)
{
	struct pollfd ready[2] = { { .fd = watch->report.descriptor, .events = POLLIN },
				   { .fd = watch->channel, .events = POLLIN } };
	const struct timespec time = { .tv_sec = timeout / 1000,
				       .tv_nsec = timeout % 1000 * 1000000L };

	if (ppoll(ready, 2, timeout < 0 ? NULL : &time, &watch->waiting) <= 0)
		return;
	if (ready[0].revents) {
		watch->alive = true;
		report_take(&watch->report, &watch->waiting);
	}
	if (ready[1].revents)
		messages_take(watch);
}

/* Until a signal, or until the child has gone. An exit status. */
static int watch_run(struct watch *watch)
{
	const struct daemon_options *options = watch->options;

	while (!terminated) {
		int status, timeout = options->alarm ? alarm_poll(options->alarm, now()) : -1;

		if (server_reap(watch))
			return GMEMTRACE_ERROR;
		status = judge_reap(watch);
		if (status)
			return status;
		/* It was taken, and ends no ppoll() any more. */
		if (terminated)
			break;
		if (watch->judge_due && now() >= watch->judge_due)
			judge_begin(watch);
		walk_look(watch);
		life_show(watch);
		timeout = sooner(timeout, until(watch->judge_due));
		timeout = sooner(timeout, until(walk_next(watch)));
		watch_wait(watch, sooner(timeout, until(watch->watchdog ? watch->life_due : 0)));
	}
	service_notify("STOPPING=1");
	return 0;
}

/* It would take the server's end for its own, and say so. */
static void judge_end(struct watch *watch)
{
	if (watch->judge) {
		kill(watch->judge, SIGKILL);
		waitpid(watch->judge, NULL, 0);
	}
	if (watch->channel >= 0)
		close(watch->channel);
	walk_end(watch);
}

/* What it owns is armed when this returns 0; else an exit status. */
static int server_begin(struct watch *watch)
{
	const struct daemon_options *options = watch->options;
	struct server_options server = { .client = -1,
					 .listener = options->listener,
					 .socket = options->socket,
					 .limits = options->limits,
					 .history = options->history,
					 .confine = confine,
					 .wait_detach = options->wait_detach,
					 .life = watch->watchdog != 0 };
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC)) {
		daemon_log_at(LOG_LEVEL_ERROR, "cannot make a pipe: %s", strerror(errno));
		return GMEMTRACE_ERROR;
	}
	watch->report.descriptor = ends[0];
	server.report = ends[1];
	child = server_spawn(&options->sensor, &server);
	close(ends[1]);
	if (child < 0) {
		daemon_log_at(LOG_LEVEL_ERROR, "cannot fork: %s", strerror(-child));
		return GMEMTRACE_ERROR;
	}
	watch->server = child;
	return hello_wait(watch);
}

static void ready_say(const struct daemon_options *options)
{
	if (!terminated && options->capture)
		printf("gmemtraced: pid %d judges %s\n", (int)getpid(), options->capture);
	else if (!terminated)
		printf("gmemtraced: pid %d serves %s\n", (int)getpid(), options->socket);
	fflush(stdout);
	service_notify("READY=1");
}

int daemon_serve(const struct daemon_options *options)
{
	struct watch watch = { .options = options,
			       .report = { .descriptor = -1 },
			       .channel = -1,
			       .walks = -1,
			       .walk_due = options->map_every ? now() : 0,
			       .watchdog = service_watchdog() };
	int status = 0;

	/* From here on a signal ends it in order. */
	signals_catch(&watch.waiting);
	if (!options->capture)
		status = server_begin(&watch);
	if (!status) {
		ready_say(options);
		judge_begin(&watch);
		status = watch_run(&watch);
		judge_end(&watch);
	}
	/* Before the child lets go of the listener: the path may be another's then. */
	if (options->socket)
		unlink(options->socket);
	if (!status && watch.server)
		server_end(&watch);
	if (watch.report.descriptor >= 0)
		close(watch.report.descriptor);
	return status;
}
