// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sensor/client.h"
#include "sensor/server.h"

#define BUFFER_BYTES (1U << 20) /* holds any record: a size is 16 bits */

struct sensor_client {
	int descriptor;
	pid_t child; /* 0: the daemon's */
	bool ended;
	size_t used;
	char buffer[BUFFER_BYTES] __attribute__((aligned(8)));
};

static int hello_read(int descriptor, struct sensor_failure *failure)
{
	struct server_hello hello = {};
	size_t used = 0;

	while (used < sizeof(hello)) {
		ssize_t bytes = read(descriptor, (char *)&hello + used, sizeof(hello) - used);

		if (bytes < 0 && errno == EINTR)
			continue;
		if (bytes <= 0)
			return sensor_fail(failure, GMEMTRACE_ERROR, -EPIPE,
					   "the process that owns the sensors has died");
		used += bytes;
	}
	if (hello.magic != SERVER_MAGIC || hello.version != SERVER_VERSION)
		return sensor_fail(failure, GMEMTRACE_ERROR, -EPROTO,
				   "gmemtraced speaks another version: update or restart it");
	if (!hello.status)
		return 0;
	hello.message[sizeof(hello.message) - 1] = '\0';
	return sensor_fail(failure, hello.status, -EIO, "%s", hello.message);
}

static int daemon_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int descriptor;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return -errno;
	if (!connect(descriptor, (struct sockaddr *)&address, sizeof(address)))
		return descriptor;
	close(descriptor);
	return -ENOENT;
}

static int child_start(struct sensor_client *client, const struct sensor_options *options,
		       struct sensor_failure *failure)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return sensor_fail(failure, GMEMTRACE_ERROR, -errno,
				   "cannot make a socket pair: %s", strerror(errno));
	client->child = server_spawn(options, pair[1], -1, -1);
	close(pair[1]);
	if (client->child < 0) {
		close(pair[0]);
		return sensor_fail(failure, GMEMTRACE_ERROR, client->child, "cannot fork: %s",
				   strerror(-client->child));
	}
	client->descriptor = pair[0];
	return 0;
}

int sensor_client_open(struct sensor_client **out, const struct sensor_options *options,
		       const char *socket, struct sensor_failure *failure)
{
	struct sensor_client *client = calloc(1, sizeof(*client));
	int error = 0;

	if (!client)
		return sensor_fail(failure, GMEMTRACE_ERROR, -ENOMEM, "out of memory");
	client->descriptor = socket ? daemon_connect(socket) : -ENOENT;
	if (client->descriptor < 0)
		error = child_start(client, options, failure);
	if (error) {
		free(client);
		return error;
	}
	error = hello_read(client->descriptor, failure);
	if (error) {
		sensor_client_close(client);
		return error;
	}
	*out = client;
	return 0;
}

int sensor_client_descriptor(const struct sensor_client *client)
{
	return client->descriptor;
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

int sensor_client_read(struct sensor_client *client, int timeout_ms, sensor_sink sink,
		       void *context)
{
	struct pollfd descriptor = { .fd = client->descriptor, .events = POLLIN };
	ssize_t bytes;

	if (poll(&descriptor, 1, timeout_ms) <= 0)
		return 0;
	bytes = recv(client->descriptor, client->buffer + client->used,
		     sizeof(client->buffer) - client->used, MSG_DONTWAIT);
	if (bytes < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
	if (!bytes)
		return -EPIPE;
	client->used += bytes;
	return records_take(client, sink, context);
}

static int command_send(struct sensor_client *client, const struct server_command *command)
{
	ssize_t bytes = send(client->descriptor, command, sizeof(*command), MSG_NOSIGNAL);

	return bytes == sizeof(*command) ? 0 : -EPIPE;
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

int sensor_client_stop(struct sensor_client *client)
{
	struct server_command command = { .kind = SERVER_COMMAND_STOP };

	return command_send(client, &command);
}

void sensor_client_close(struct sensor_client *client)
{
	if (!client)
		return;
	close(client->descriptor);
	if (client->child > 0)
		waitpid(client->child, NULL, WNOHANG);
	free(client);
}
