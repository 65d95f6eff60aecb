// SPDX-License-Identifier: GPL-2.0
/* The child that keeps the privilege: it does as it is told, within what can be told. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gmemtrace/model.h"
#include "serve/detach.h"
#include "serve/reads.h"
#include "serve/source.h"

#define BUFFER (64U << 10)
#define CHANNEL_BYTES (4 << 20) /* that may be on their way */

struct child {
	int channel;
	struct sensor *sensor; /* NULL: not armed */
	const struct sensor_options *options;
	const char *socket; /* NULL: none */
	struct stat bound; /* what was there when we began */
	size_t used; /* bytes of `data` */
	char data[BUFFER];
	bool broken; /* nobody listens */
};

static void child_flush(struct child *child)
{
	size_t sent = 0;

	while (sent < child->used && !child->broken) {
		ssize_t bytes =
			send(child->channel, child->data + sent, child->used - sent, MSG_NOSIGNAL);

		if (bytes > 0)
			sent += (size_t)bytes;
		else if (errno != EINTR)
			child->broken = true;
	}
	child->used = 0;
}

static void child_write(struct child *child, const void *data, size_t size)
{
	if (child->used + size > BUFFER)
		child_flush(child);
	memcpy(child->data + child->used, data, size);
	child->used += size;
}

static void child_sink(void *context, const struct record_header *record)
{
	child_write(context, record, record->size);
}

static void child_answer(struct child *child, int result)
{
	const struct source_answer answer = {
		.header = { .kind = SOURCE_ANSWER, .size = sizeof(answer) },
		.result = result,
	};

	child_write(child, &answer, sizeof(answer));
}

static void child_open(struct child *child)
{
	struct sensor_failure failure = { .status = 0 };
	int error, null;

	if (child->sensor) {
		child->broken = true;
		return;
	}
	error = sensor_open(&child->sensor, child->options, child_sink, child, &failure);
	child_answer(child, error);
	child_write(child, &failure, sizeof(failure));
	/* A caller must not wait for a pipe that we hold open. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3 && null >= 0; i++)
		dup2(null, i);
}

static int child_snapshot(struct child *child, const struct source_request *request)
{
	if (!request->nr || request->nr > RECORD_SNAPSHOT_CHUNK || request->first % 64 ||
	    request->first > MODEL_PGOFF_MAX || request->snapshot < READS_NUMBER)
		return -EINVAL;
	return sensor_snapshot(child->sensor, request->inode, request->first, request->nr,
			       request->pass, request->snapshot);
}

/* Only what was there when we began: it may be another's by now. */
static int child_unlink(const struct child *child)
{
	struct stat status;

	if (!child->socket || lstat(child->socket, &status))
		return -ENOENT;
	if (status.st_ino != child->bound.st_ino || status.st_dev != child->bound.st_dev)
		return -ENOENT;
	return unlink(child->socket) ? -errno : 0;
}

static int child_do(struct child *child, const struct source_request *request)
{
	switch ((enum source_operation)request->operation) {
	case SOURCE_POLL:
		return sensor_poll(child->sensor);
	case SOURCE_SNAPSHOT:
		return child_snapshot(child, request);
	case SOURCE_ANNOUNCE:
		sensor_announce(child->sensor, child_sink, child);
		return 0;
	case SOURCE_SETTLE:
		return sensor_settle(child->sensor);
	case SOURCE_YIELD:
		sensor_yield(child->sensor);
		return 0;
	case SOURCE_UNLINK:
		return child_unlink(child);
	case SOURCE_QUIET:
		return sensor_quiet(child->sensor, request->first);
	case SOURCE_OPEN:
		break;
	}
	return -EINVAL;
}

static bool request_receive(const struct child *child, struct source_request *request)
{
	ssize_t bytes;

	do
		bytes = recv(child->channel, request, sizeof(*request), MSG_WAITALL);
	while (bytes < 0 && errno == EINTR);
	return bytes == (ssize_t)sizeof(*request);
}

void source_serve(int channel, const struct sensor_options *sensors,
		  const struct source_options *options)
{
	const char *socket = options->socket;
	int uses = detach_uses();
	static struct child child;
	const int bytes = CHANNEL_BYTES;
	struct source_request request;

	child = (struct child){ .channel = channel, .options = sensors, .socket = socket };
	if (socket && lstat(socket, &child.bound))
		child.socket = NULL;
	/* Where it may not be so much it is less. */
	(void)setsockopt(channel, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	while (!child.broken && request_receive(&child, &request)) {
		if (request.operation == SOURCE_OPEN)
			child_open(&child);
		else
			child_answer(&child, child.sensor ? child_do(&child, &request) : -EINVAL);
		child_flush(&child);
	}
	sensor_close(child.sensor);
	if (options->wait_detach)
		detach_wait(uses);
}
