// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "serve/client.h"
#include "serve/detach.h"
#include "sensor/runtime.h"
#include "serve/server.h"

#define BUFFER_BYTES (1U << 20) /* holds any record: a size is 16 bits */
#define TURN_BYTES (64U << 10) /* taken from the lane at a time: what the cache still holds */
#define STEP_MS 50 /* between two looks whether the wait was interrupted */
#define SILENCE_MS 10000 /* a daemon is armed: it answers at once, or not at all */
#define REAP_TRIES 20 /* of 10 ms: who has closed its side is about to end */
#define ARMING_MS 120000 /* a child verifies and attaches first, perhaps on an emulated CPU */

struct sensor_client {
	int descriptor;
	struct lane lane; /* the child's records come by it */
	pid_t child; /* 0: the daemon's */
	bool reaped; /* the child was waited for */
	bool denied; /* there is a daemon, and not for us */
	bool wait_detach;
	int module_uses; /* of kvm, when we began */
	uint32_t groups; /* enum sensor_group: what is on */
	bool ended;
	size_t used;
	char buffer[BUFFER_BYTES] __attribute__((aligned(8)));
};

/* How long an owner may say nothing, and what that is called. */
struct patience {
	int left_ms;
	const char *silence;
};

static const struct patience daemon_patience = {
	SILENCE_MS,
	"gmemtraced is there and says nothing: it arms its sensors yet, is stopped, or a CPU of "
	"this "
	"kernel hangs; try again, or restart it",
};

static const struct patience child_patience = {
	ARMING_MS,
	"the sensors could not be armed in two minutes: a CPU of this kernel may hang",
};

/* A moment that nobody has to wait through: 0, or -errno with @failure where the wait is over. */
static int patience_wait(struct patience *patience, const struct sensor_source *source,
			 int descriptor, struct sensor_failure *failure)
{
	struct pollfd answer = { .fd = descriptor, .events = POLLIN };

	if (source->interrupted && source->interrupted(source->context))
		return sensor_fail(failure, GMEMTRACE_ERROR, -EINTR,
				   "interrupted before the sensors were armed: nothing was traced");
	if (patience->left_ms <= 0)
		return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, -ETIMEDOUT, "%s",
				   patience->silence);
	poll(&answer, 1, STEP_MS);
	patience->left_ms -= STEP_MS;
	return 0;
}

const char *sensor_client_killed(struct sensor_client *client)
{
	int status = 0;

	for (int i = 0; client->child > 0 && !client->reaped && i < REAP_TRIES; i++) {
		client->reaped = waitpid(client->child, &status, WNOHANG) == client->child;
		if (!client->reaped)
			poll(NULL, 0, 10);
	}
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		return "";
	return " (it was killed, as the kernel does where memory is short: see dmesg, and the "
	       "cgroup's memory.max)";
}

/* Reads @size bytes of a hello, as they come. */
static int hello_receive(struct sensor_client *client, void *data, size_t size,
			 const struct sensor_source *source, struct sensor_failure *failure)
{
	struct patience patience = client->child ? child_patience : daemon_patience;
	size_t used = 0;

	while (used < size) {
		ssize_t bytes =
			recv(client->descriptor, (char *)data + used, size - used, MSG_DONTWAIT);
		int error;

		if (bytes > 0) {
			used += (size_t)bytes;
			continue;
		}
		if (!bytes || (errno != EAGAIN && errno != EINTR))
			return sensor_fail(failure, GMEMTRACE_ERROR, -EPIPE,
					   "the process that owns the sensors has died%s",
					   sensor_client_killed(client));
		error = patience_wait(&patience, source, client->descriptor, failure);
		if (error)
			return error;
	}
	return 0;
}

static int hello_read(struct sensor_client *client, const struct sensor_source *source,
		      struct sensor_failure *failure)
{
	const size_t head = offsetof(struct server_hello, status);
	struct server_hello hello = {};
	int error = hello_receive(client, &hello, head, source, failure);

	if (error)
		return error;
	if (hello.magic != SERVER_MAGIC)
		return sensor_fail(failure, GMEMTRACE_ERROR, -EPROTO,
				   "whoever serves the socket is no gmemtraced");
	/* What follows may be longer or shorter in another version. */
	if (hello.version != SERVER_VERSION)
		return sensor_fail(failure, GMEMTRACE_ERROR, -EPROTO,
				   "gmemtraced speaks version %u of its protocol, this gmemtrace "
				   "(" GMEMTRACE_VERSION ") version %u: %s",
				   hello.version, SERVER_VERSION,
				   hello.version < SERVER_VERSION ? "restart gmemtraced"
								  : "update gmemtrace");
	error = hello_receive(client, (char *)&hello + head, sizeof(hello) - head, source, failure);
	if (error)
		return error;
	client->groups = hello.groups;
	if (!hello.status)
		return 0;
	hello.message[sizeof(hello.message) - 1] = '\0';
	/* Ours is what it says only where it is one of those that say that nothing was traced. */
	if (hello.status != GMEMTRACE_CANNOT_RUN)
		hello.status = GMEMTRACE_ERROR;
	return sensor_fail(failure, hello.status, -EIO, "%s", hello.message);
}

/*
 * A descriptor, or -errno: -EINTR and -ETIMEDOUT with @failure, all others say that no daemon is
 * there for us. Where its queue of connections is full, a blocking connect() would wait for ever.
 */
static int daemon_connect(const char *path, const struct sensor_source *source,
			  struct sensor_failure *failure)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct patience patience = daemon_patience;
	int descriptor, error = 0;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (descriptor < 0)
		return -errno;
	while (!error && connect(descriptor, (struct sockaddr *)&address, sizeof(address))) {
		error = -errno;
		if (error != -EAGAIN && error != -EINTR)
			break;
		error = patience_wait(&patience, source, -1, failure);
	}
	if (!error)
		return descriptor;
	close(descriptor);
	return error;
}

static int child_start(struct sensor_client *client, const struct sensor_options *options,
		       struct sensor_failure *failure)
{
	struct server_options server = { .listener = -1, .report = -1 };
	int pair[2], error = lane_create(&client->lane);

	if (error)
		return sensor_fail(failure, GMEMTRACE_ERROR, error, "no memory to share: %s",
				   strerror(-error));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return sensor_fail(failure, GMEMTRACE_ERROR, -errno,
				   "cannot make a socket pair: %s", strerror(errno));
	server.client = pair[1];
	server.lane = client->lane;
	client->child = server_spawn(options, &server);
	close(pair[1]);
	if (client->child < 0) {
		close(pair[0]);
		return sensor_fail(failure, GMEMTRACE_ERROR, client->child, "cannot fork: %s",
				   strerror(-client->child));
	}
	client->descriptor = pair[0];
	return 0;
}

/* Records are believed, so whoever sends them has to be root or us. */
static int daemon_trust(const struct sensor_client *client, const char *path,
			struct sensor_failure *failure)
{
	struct ucred who = { .uid = (uid_t)-1 };
	socklen_t length = sizeof(who);

	if (!getsockopt(client->descriptor, SOL_SOCKET, SO_PEERCRED, &who, &length) &&
	    (!who.uid || who.uid == geteuid()))
		return 0;
	close(client->descriptor);
	return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, -EPERM,
			   "%s: served by user %d, who is neither root nor you: not trusted", path,
			   (int)who.uid);
}

/* -ENOENT and the like: nobody serves @path for us; other errors come with @failure. */
static int daemon_try(struct sensor_client *client, const char *path,
		      const struct sensor_source *source, struct sensor_failure *failure)
{
	client->descriptor = daemon_connect(path, source, failure);
	return client->descriptor < 0 ? client->descriptor : daemon_trust(client, path, failure);
}

static bool daemon_there(int error)
{
	return !error || error == -EINTR || error == -ETIMEDOUT || error == -EPERM;
}

/* Where none was named, the user's own daemon comes before the machine's. */
static int daemon_search(struct sensor_client *client, const struct sensor_source *source,
			 struct sensor_failure *failure)
{
	char path[RUNTIME_PATH_MAX];
	int error;

	if (!source->daemon_only && geteuid() && !runtime_path(path, SENSOR_SOCKET_NAME)) {
		error = daemon_try(client, path, source, failure);
		if (daemon_there(error))
			return error;
	}
	return daemon_try(client, source->socket, source, failure);
}

/* The daemon's socket, or a child of ours. */
static int client_connect(struct sensor_client *client, const struct sensor_options *options,
			  const struct sensor_source *source, struct sensor_failure *failure)
{
	int error = source->socket ? daemon_search(client, source, failure) : -ENOENT;

	if (daemon_there(error))
		return error;
	client->denied = error == -EACCES;
	if (source->daemon_only)
		return sensor_fail(failure, GMEMTRACE_CANNOT_RUN, error,
				   "%s: no gmemtraced serves it: %s; start one, or leave --socket "
				   "out",
				   source->socket, strerror(-error));
	return child_start(client, options, failure);
}

/* Privileges are missing, and a daemon that has them is not there, or not for this user. */
static void failure_hint(const struct sensor_client *client, const struct sensor_source *source,
			 struct sensor_failure *failure)
{
	size_t used = strlen(failure->message);
	char *end = failure->message + used;

	if (failure->status != GMEMTRACE_CANNOT_RUN)
		return;
	if (client->denied)
		snprintf(end, sizeof(failure->message) - used,
			 "; gmemtraced serves %s, but user %u may not connect: see its --group",
			 source->socket, (unsigned int)geteuid());
	else if (geteuid() && source->socket)
		snprintf(end, sizeof(failure->message) - used,
			 "; a gmemtraced, which root starts, may do it for you: see its --group");
}

int sensor_client_open(struct sensor_client **out, const struct sensor_options *options,
		       const struct sensor_source *source, struct sensor_failure *failure)
{
	struct sensor_client *client = calloc(1, sizeof(*client));
	int error;

	if (!client)
		return sensor_fail(failure, GMEMTRACE_ERROR, -ENOMEM, "out of memory");
	client->wait_detach = source->wait_detach;
	client->module_uses = detach_uses();
	error = client_connect(client, options, source, failure);
	if (error) {
		lane_close(&client->lane);
		free(client);
		return error;
	}
	error = hello_read(client, source, failure);
	if (error) {
		failure_hint(client, source, failure);
		sensor_client_close(client);
		return error;
	}
	*out = client;
	return 0;
}

bool sensor_client_daemon(const struct sensor_client *client)
{
	return !client->child;
}

uint32_t sensor_client_groups(const struct sensor_client *client)
{
	return client->groups;
}

bool sensor_client_ended(const struct sensor_client *client)
{
	return client->ended;
}

/* Hands out the whole records in the buffer; -EPROTO where one cannot be. */
static int records_take(struct sensor_client *client, sensor_sink sink, void *context)
{
	size_t offset = 0;
	int records = 0;

	while (client->used - offset >= sizeof(struct record_header)) {
		const struct record_header *header = (const void *)(client->buffer + offset);

		if (header->size < sizeof(*header) || header->size % 8)
			return -EPROTO;
		if (header->size > client->used - offset)
			break;
		if (header->kind == RECORD_END)
			client->ended = true;
		sink(context, header);
		offset += header->size;
		records++;
	}
	client->used -= offset;
	memmove(client->buffer, client->buffer + offset, client->used);
	return records;
}

/* What the socket has after @timeout_ms at most: how many bytes, or -EPIPE at its end. */
static ssize_t socket_receive(const struct sensor_client *client, int timeout_ms, void *data,
			      size_t size)
{
	struct pollfd descriptor = { .fd = client->descriptor, .events = POLLIN };
	ssize_t bytes;

	if (poll(&descriptor, 1, timeout_ms) <= 0)
		return 0;
	bytes = recv(client->descriptor, data, size, MSG_DONTWAIT);
	if (bytes < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
	return bytes ? bytes : -EPIPE;
}

/* What of the lane lies together. */
struct span {
	const char *data;
	size_t size;
};

static inline void span_copy(const struct lane *lane, const struct span *span, size_t offset,
			     void *to, size_t size)
{
	if (offset + size <= span->size)
		memcpy(to, span->data + offset, size);
	else
		lane_copy(lane, offset, to, size);
}

/* What follows the header of the record at @offset, which was copied and looked at. */
static void lane_copy_rest(struct sensor_client *client, const struct span *span, size_t offset,
			   size_t size)
{
	const size_t head = sizeof(struct record_header);
	char *rest = client->buffer + head;

	/* Nearly all are such: a copy of a size that is known is no call. */
	if (size == sizeof(struct record_zap))
		span_copy(&client->lane, span, offset + head, rest,
			  sizeof(struct record_zap) - head);
	else
		span_copy(&client->lane, span, offset + head, rest, size - head);
}

/*
 * Hands out whole records, of a turn at most: each is copied once, and not looked at before. How many
 * bytes that was, or -EPROTO.
 */
static ssize_t lane_take(struct sensor_client *client, sensor_sink sink, void *context,
			 int *records)
{
	struct record_header *record = (struct record_header *)client->buffer;
	ssize_t there = lane_look(&client->lane);
	struct span span;
	size_t offset = 0;

	if (there < 0)
		return there;
	span.size = lane_together(&client->lane, &span.data);
	while (offset < TURN_BYTES && (size_t)there - offset >= sizeof(*record)) {
		size_t size;

		span_copy(&client->lane, &span, offset, record, sizeof(*record));
		size = record->size;
		if (size < sizeof(*record) || size % 8)
			return -EPROTO;
		if (size > (size_t)there - offset)
			break;
		lane_copy_rest(client, &span, offset, size);
		if (record->kind == RECORD_END)
			client->ended = true;
		sink(context, record);
		offset += size;
		++*records;
	}
	if (offset)
		lane_done(&client->lane, offset);
	return (ssize_t)offset;
}

/* The socket only rings. What was written before its end is there when the end is seen. */
static int lane_receive(struct sensor_client *client, int timeout_ms, sensor_sink sink,
			void *context)
{
	int records = 0;
	ssize_t bytes = lane_take(client, sink, context, &records), rung;
	char rings[256];

	if (bytes)
		return bytes < 0 ? (int)bytes : records;
	rung = socket_receive(client, timeout_ms, rings, sizeof(rings));
	bytes = rung ? lane_take(client, sink, context, &records) : 0;
	if (bytes < 0)
		return (int)bytes;
	return bytes || rung > 0 ? records : (int)rung;
}

int sensor_client_read(struct sensor_client *client, int timeout_ms, sensor_sink sink,
		       void *context)
{
	ssize_t bytes;

	if (client->lane.memory)
		return lane_receive(client, timeout_ms, sink, context);
	bytes = socket_receive(client, timeout_ms, client->buffer + client->used,
			       sizeof(client->buffer) - client->used);
	if (bytes <= 0)
		return (int)bytes;
	client->used += (size_t)bytes;
	return records_take(client, sink, context);
}

static int command_send(struct sensor_client *client, const struct server_command *command)
{
	ssize_t bytes =
		send(client->descriptor, command, sizeof(*command), MSG_NOSIGNAL | MSG_DONTWAIT);

	/* An owner that reads nothing is silent, too: the reader's patience ends that. */
	return bytes == sizeof(*command) || (bytes < 0 && errno == EAGAIN) ? 0 : -EPIPE;
}

int sensor_client_snapshot(struct sensor_client *client, uint64_t inode, uint64_t first,
			   uint64_t nr, uint32_t pass, uint64_t snapshot)
{
	struct server_command command = {
		.kind = SERVER_COMMAND_SNAPSHOT,
		.pass = pass,
		.inode = inode,
		.first = first & ~63ULL,
		.nr = nr + (first & 63),
		.snapshot = snapshot,
	};

	return command_send(client, &command);
}

int sensor_client_history(struct sensor_client *client, uint64_t since)
{
	struct server_command command = { .kind = SERVER_COMMAND_HISTORY, .first = since };

	return command_send(client, &command);
}

int sensor_client_sums(struct sensor_client *client)
{
	struct server_command command = { .kind = SERVER_COMMAND_SUMS };

	return command_send(client, &command);
}

int sensor_client_leave_out(struct sensor_client *client, uint64_t inode, bool out)
{
	struct server_command command = {
		.kind = SERVER_COMMAND_LEAVE_OUT,
		.inode = inode,
		.first = out,
	};

	/* Unlike the others it is not made up for by patience: nothing would answer it. */
	return send(client->descriptor, &command, sizeof(command), MSG_NOSIGNAL | MSG_DONTWAIT) ==
			       sizeof(command)
		       ? 0
		       : -EPIPE;
}

int sensor_client_stop(struct sensor_client *client)
{
	struct server_command command = { .kind = SERVER_COMMAND_STOP };

	return command_send(client, &command);
}

static void client_wait(const struct sensor_client *client)
{
	while (!client->reaped && waitpid(client->child, NULL, 0) < 0 && errno == EINTR)
		;
	detach_wait(client->module_uses);
}

void sensor_client_close(struct sensor_client *client)
{
	if (!client)
		return;
	close(client->descriptor);
	lane_close(&client->lane);
	if (client->child > 0 && client->wait_detach)
		client_wait(client);
	else if (client->child > 0 && !client->reaped)
		waitpid(client->child, NULL, WNOHANG);
	free(client);
}
