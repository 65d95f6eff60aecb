// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "serve/descriptors.h"
#include "serve/server.h"
#include "serve/source.h"

#define ROOM (256U << 10) /* bytes of records that are taken in at a time */
#define STEP_MS 50
#define WAIT_NS 5000000L /* between two looks whether the child has ended */
#define PATIENCE_NS 2000000000ULL /* for an answer, once we are to end */

struct source {
	struct sensor *sensor; /* ours; NULL: in a child */
	struct source_options options;
	int channel; /* to the child; -1: none */
	pid_t child;
	bool gone;
	uint64_t leaving; /* ns: since when we are to end */
	sensor_sink sink;
	void *context;
	size_t used; /* bytes of `data` */
	_Alignas(8) char data[ROOM];
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
}

static bool patience_ends(struct source *source)
{
	if (!*source->options.terminated)
		return false;
	if (!source->leaving)
		source->leaving = now();
	return now() - source->leaving > PATIENCE_NS;
}

/* More of what the child says. false: there will be none. */
static bool source_receive(struct source *source)
{
	struct pollfd ready = { .fd = source->channel, .events = POLLIN };
	ssize_t bytes;

	while (poll(&ready, 1, STEP_MS) <= 0) {
		if (patience_ends(source))
			return false;
	}
	bytes = recv(source->channel, source->data + source->used, ROOM - source->used, 0);
	if (bytes > 0)
		source->used += (size_t)bytes;
	return bytes > 0 || (bytes < 0 && errno == EINTR);
}

static void source_consume(struct source *source, size_t bytes)
{
	source->used -= bytes;
	memmove(source->data, source->data + bytes, source->used);
}

/* Hands out the records that came whole. true: the answer has come, and is in *@result. */
static bool source_take(struct source *source, sensor_sink sink, void *context, int *result)
{
	size_t at = 0;
	bool answered = false;

	while (!answered && source->used - at >= sizeof(struct record_header)) {
		const struct record_header *record = (const void *)(source->data + at);

		if (record->size < sizeof(*record) || record->size % 8) {
			source->gone = true;
			break;
		}
		if (source->used - at < record->size)
			break;
		answered = record->kind == SOURCE_ANSWER;
		if (answered)
			*result = (int)((const struct source_answer *)record)->result;
		else
			sink(context, record);
		at += record->size;
	}
	source_consume(source, at);
	return answered;
}

/* The child's result, or -EPIPE where it has gone. */
static int source_ask(struct source *source, const struct source_request *request, sensor_sink sink,
		      void *context)
{
	int result;

	if (source->gone)
		return -EPIPE;
	if (send(source->channel, request, sizeof(*request), MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(*request))
		source->gone = true;
	while (!source->gone) {
		if (source_take(source, sink, context, &result))
			return result;
		if (!source->gone && !source_receive(source))
			source->gone = true;
	}
	return -EPIPE;
}

static int source_do(struct source *source, enum source_operation operation)
{
	const struct source_request request = { .operation = operation };

	return source_ask(source, &request, source->sink, source->context);
}

/* Behind the answer to SOURCE_OPEN. */
static bool failure_receive(struct source *source, struct sensor_failure *failure)
{
	while (source->used < sizeof(*failure)) {
		if (!source_receive(source))
			return false;
	}
	memcpy(failure, source->data, sizeof(*failure));
	failure->message[sizeof(failure->message) - 1] = '\0';
	source_consume(source, sizeof(*failure));
	return true;
}

static int apart_open(struct source *source, struct sensor_failure *failure)
{
	int error = source_do(source, SOURCE_OPEN);

	if (!source->gone && failure_receive(source, failure))
		return error;
	source->gone = true;
	return sensor_fail(failure, GMEMTRACE_ERROR, -EPIPE, SERVER_DIED_ARMING);
}

static int child_start(struct source *source, const struct sensor_options *sensors)
{
	int ends[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	child = fork();
	if (!child) {
		descriptors_keep(&ends[1], 1);
		/* It goes with the channel: to be killed in the middle would leave the lock. */
		signal(SIGTERM, SIG_IGN);
		source_serve(ends[1], sensors, &source->options);
		_exit(0);
	}
	close(ends[1]);
	source->channel = ends[0];
	source->child = child;
	if (child > 0)
		return 0;
	close(ends[0]);
	source->channel = -1;
	return -errno;
}

int source_open(struct source **out, const struct sensor_options *sensors,
		const struct source_options *options, sensor_sink sink, void *context,
		struct sensor_failure *failure)
{
	struct source *source = calloc(1, sizeof(*source));
	int error;

	if (!source)
		return sensor_fail(failure, GMEMTRACE_ERROR, -ENOMEM, "out of memory");
	source->options = *options;
	source->channel = -1;
	source->sink = sink;
	source->context = context;
	*out = source;
	if (!options->apart)
		return sensor_open(&source->sensor, sensors, sink, context, failure);
	error = child_start(source, sensors);
	if (error)
		return sensor_fail(failure, GMEMTRACE_ERROR, error, "cannot fork: %s",
				   strerror(-error));
	return apart_open(source, failure);
}

int source_poll(struct source *source)
{
	if (source->sensor)
		return sensor_poll(source->sensor);
	return source_do(source, SOURCE_POLL);
}

int source_snapshot(struct source *source, uint64_t inode, uint64_t first, uint64_t nr,
		    uint32_t pass, uint64_t snapshot)
{
	const struct source_request request = {
		.operation = SOURCE_SNAPSHOT,
		.pass = pass,
		.inode = inode,
		.first = first,
		.nr = nr,
		.snapshot = snapshot,
	};

	if (source->sensor)
		return sensor_snapshot(source->sensor, inode, first, nr, pass, snapshot);
	return source_ask(source, &request, source->sink, source->context);
}

int source_quiet(struct source *source, bool quiet)
{
	const struct source_request request = { .operation = SOURCE_QUIET, .first = quiet };

	if (source->sensor)
		return sensor_quiet(source->sensor, quiet);
	return source_ask(source, &request, source->sink, source->context);
}

int source_leave_out(struct source *source, uint64_t inode, bool out)
{
	/* Only a run of its own has a filter, and its sensors are not apart. */
	return source->sensor ? sensor_leave_out(source->sensor, inode, out) : -EINVAL;
}

void source_announce(struct source *source, sensor_sink sink, void *context)
{
	const struct source_request request = { .operation = SOURCE_ANNOUNCE };

	if (source->sensor)
		sensor_announce(source->sensor, sink, context);
	else
		source_ask(source, &request, sink, context);
}

int source_settle(struct source *source)
{
	if (source->sensor)
		return sensor_settle(source->sensor);
	return source_do(source, SOURCE_SETTLE);
}

void source_yield(struct source *source)
{
	if (source->sensor)
		sensor_yield(source->sensor);
	else
		source_do(source, SOURCE_YIELD);
}

void source_unlink(struct source *source)
{
	/* Only a daemon has one, and its sensors are apart. */
	if (!source->sensor)
		source_do(source, SOURCE_UNLINK);
}

bool source_gone(const struct source *source)
{
	return source->gone;
}

pid_t source_child(const struct source *source)
{
	return source->child;
}

/* Until it has ended, and not until the channel has: the lock goes later than that. */
static void child_wait(struct source *source)
{
	static const struct timespec step = { .tv_nsec = WAIT_NS };
	uint64_t begin = now();

	shutdown(source->channel, SHUT_WR);
	while (source->options.wait_detach || now() - begin < PATIENCE_NS) {
		/* What it still has to say must not hold it. */
		while (recv(source->channel, source->data, ROOM, MSG_DONTWAIT) > 0)
			;
		if (waitpid(source->child, NULL, WNOHANG))
			return;
		nanosleep(&step, NULL);
	}
}

void source_close(struct source *source)
{
	if (!source)
		return;
	sensor_close(source->sensor);
	if (source->channel >= 0) {
		child_wait(source);
		close(source->channel);
	}
	free(source);
}
