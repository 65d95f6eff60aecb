// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sensor/server.h"

#define CLIENTS_MAX 32
#define BUSY_MS 5 /* between two drains while records come; the rings hold a hundred times that */
#define IDLE_MS 20
#define FLUSH_BYTES (256U << 10)
#define BACKLOG_BYTES (64U << 20) /* what a client of the daemon may leave unread */

struct client {
	int descriptor; /* -1: free */
	bool wait; /* never drop: block until it has read */
	bool dead;
	bool held; /* nothing is sent before the hello */
	char *buffer;
	size_t used;
	size_t capacity;
	uint64_t dropped; /* records, since the last loss record that got through */
	uint64_t dropped_since; /* ns */
	uint64_t last_time; /* ns: header.time of the last record queued */
};

struct server {
	struct sensor *sensor;
	struct client clients[CLIENTS_MAX];
	int clients_nr; /* one more than the last in use */
	int listener;
	uint32_t groups;
	bool stop;
};

static volatile sig_atomic_t terminated;

static void on_terminate(int number)
{
	(void)number;
	terminated = 1;
}

static void client_drop(struct client *client)
{
	close(client->descriptor);
	free(client->buffer);
	memset(client, 0, sizeof(*client));
	client->descriptor = -1;
}

/* Sends what is queued; all of it where the client is one to wait for. */
static void client_flush(struct client *client)
{
	size_t sent = 0;

	if (client->held)
		return;
	while (sent < client->used && !client->dead) {
		ssize_t bytes = send(client->descriptor, client->buffer + sent, client->used - sent,
				     MSG_NOSIGNAL | (client->wait ? 0 : MSG_DONTWAIT));

		if (bytes >= 0)
			sent += bytes;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			client->dead = true;
	}
	if (sent)
		memmove(client->buffer, client->buffer + sent, client->used - sent);
	client->used -= sent;
}

static bool client_room(struct client *client, size_t size)
{
	size_t capacity = client->capacity ? client->capacity : FLUSH_BYTES * 2;
	char *grown;

	if (client->used + size <= client->capacity)
		return true;
	if (!client->wait && client->used + size > BACKLOG_BYTES)
		return false;
	while (capacity < client->used + size)
		capacity *= 2;
	grown = realloc(client->buffer, capacity);
	if (!grown)
		return false;
	client->buffer = grown;
	client->capacity = capacity;
	return true;
}

static bool client_queue(struct client *client, const void *data, size_t size)
{
	if (client->used > FLUSH_BYTES)
		client_flush(client);
	if (!client_room(client, size))
		return false;
	memcpy(client->buffer + client->used, data, size);
	client->used += size;
	return true;
}

/* A gap is marked where it is: before the first record that fits again. */
static bool client_queue_gap(struct client *client, uint64_t time)
{
	struct record_loss loss = {
		.header = { .kind = RECORD_LOSS, .size = sizeof(loss), .time = time },
		.since = client->dropped_since,
		.count = client->dropped,
		.cause = RECORD_LOSS_CLIENT_SLOW,
	};

	if (!client_queue(client, &loss, sizeof(loss)))
		return false;
	client->dropped = 0;
	return true;
}

static void client_record(void *context, const struct record_header *record)
{
	struct client *client = context;

	if (client->dropped && !client_queue_gap(client, record->time))
		goto drop;
	if (client_queue(client, record, record->size)) {
		client->last_time = record->time;
		return;
	}
drop:
	if (!client->dropped++)
		client->dropped_since = client->last_time;
}

static void server_sink(void *context, const struct record_header *record)
{
	struct server *server = context;

	for (int i = 0; i < server->clients_nr; i++) {
		if (server->clients[i].descriptor >= 0 && !server->clients[i].dead)
			client_record(&server->clients[i], record);
	}
}

static void hello_fill(struct server_hello *hello, uint32_t groups,
		       const struct sensor_failure *failure)
{
	memset(hello, 0, sizeof(*hello));
	hello->magic = SERVER_MAGIC;
	hello->version = SERVER_VERSION;
	hello->groups = groups;
	if (!failure)
		return;
	hello->status = failure->status;
	memcpy(hello->message, failure->message, sizeof(hello->message));
}

static struct client *client_add(struct server *server, int descriptor, bool wait)
{
	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct client *client = &server->clients[i];

		if (client->descriptor >= 0)
			continue;
		client->descriptor = descriptor;
		client->wait = wait;
		if (server->clients_nr <= i)
			server->clients_nr = i + 1;
		return client;
	}
	close(descriptor);
	return NULL;
}

static void server_accept(struct server *server)
{
	int descriptor = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
	struct server_hello hello;
	struct client *client;

	if (descriptor < 0)
		return;
	client = client_add(server, descriptor, false);
	if (!client)
		return;
	hello_fill(&hello, server->groups, NULL);
	client_queue(client, &hello, sizeof(hello));
	sensor_announce(server->sensor, client_record, client);
}

static void client_end(struct client *client)
{
	struct record_end end = {
		.header = { .kind = RECORD_END, .size = sizeof(end), .time = client->last_time },
		.command_status = -1,
	};

	client_record(client, &end.header);
	client->wait = true;
	client_flush(client);
	client->dead = true;
}

static void client_command(struct server *server, struct client *client,
			   const struct server_command *command)
{
	switch (command->kind) {
	case SERVER_COMMAND_SNAPSHOT:
		/* A refusal shows as a snapshot that never comes: the reader's limit ends it. */
		sensor_snapshot(server->sensor, command->inode, command->first & ~63ULL,
				command->nr + (command->first & 63), command->pass,
				command->snapshot);
		break;
	case SERVER_COMMAND_STOP:
		sensor_settle(server->sensor);
		if (server->listener < 0) {
			sensor_yield(server->sensor);
			server->stop = true;
		}
		client_end(client);
		break;
	default:
		client->dead = true;
		break;
	}
}

static void client_read(struct server *server, struct client *client)
{
	struct server_command command;
	ssize_t bytes = recv(client->descriptor, &command, sizeof(command), MSG_DONTWAIT);

	if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (bytes != sizeof(command)) {
		client->dead = true;
		return;
	}
	client_command(server, client, &command);
}

static void server_wait(struct server *server, int timeout)
{
	struct pollfd descriptors[CLIENTS_MAX + 1];

	for (int i = 0; i < CLIENTS_MAX; i++) {
		descriptors[i].fd = server->clients[i].descriptor;
		descriptors[i].events = POLLIN;
		descriptors[i].revents = 0;
	}
	descriptors[CLIENTS_MAX].fd = server->listener;
	descriptors[CLIENTS_MAX].events = POLLIN;
	descriptors[CLIENTS_MAX].revents = 0;
	if (poll(descriptors, CLIENTS_MAX + 1, timeout) <= 0)
		return;
	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (descriptors[i].revents && server->clients[i].descriptor >= 0)
			client_read(server, &server->clients[i]);
	}
	if (descriptors[CLIENTS_MAX].revents)
		server_accept(server);
}

static void server_flush(struct server *server)
{
	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct client *client = &server->clients[i];

		if (client->descriptor < 0)
			continue;
		if (!client->dead)
			client_flush(client);
		if (!client->dead)
			continue;
		client_drop(client);
		if (server->listener < 0)
			server->stop = true;
	}
}

static void server_loop(struct server *server)
{
	int timeout = BUSY_MS;

	while (!server->stop && !terminated) {
		server_wait(server, timeout);
		timeout = sensor_poll(server->sensor) > 0 ? BUSY_MS : IDLE_MS;
		server_flush(server);
	}
	if (server->stop)
		return;
	sensor_settle(server->sensor);
	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (server->clients[i].descriptor >= 0)
			client_end(&server->clients[i]);
	}
	server_flush(server);
}

/* The owner's output is its socket; a caller must not wait for a pipe that it holds open. */
static void streams_close(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3 && null >= 0; i++)
		dup2(null, i);
}

static void server_hello_send(struct server *server, int client, int ready,
			      const struct sensor_failure *failure)
{
	struct server_hello hello;

	hello_fill(&hello, server->groups, failure);
	if (client >= 0 && send(client, &hello, sizeof(hello), MSG_NOSIGNAL) < 0)
		server->stop = true;
	if (ready >= 0) {
		if (write(ready, &hello, sizeof(hello)) < 0)
			server->stop = true;
		close(ready);
	}
}

/* What the sensors said while they were being armed; the hello goes first. */
static void server_run(const struct sensor_options *options, int client, int listener, int ready)
{
	struct server server = { .listener = listener, .groups = options->groups };
	struct sensor_failure failure = {};
	int error;

	for (int i = 0; i < CLIENTS_MAX; i++)
		server.clients[i].descriptor = -1;
	if (client >= 0)
		client_add(&server, client, true)->held = true;
	error = sensor_open(&server.sensor, options, server_sink, &server, &failure);
	server_hello_send(&server, client, ready, error ? &failure : NULL);
	if (error)
		return;
	server.clients[0].held = false;
	streams_close();
	server_loop(&server);
	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (server.clients[i].descriptor >= 0)
			client_drop(&server.clients[i]);
	}
	if (listener >= 0)
		close(listener);
	sensor_close(server.sensor);
}

/* The least of @kept that is not below @from, or -1. */
static int descriptor_next(const int kept[3], int from)
{
	int next = -1;

	for (int i = 0; i < 3; i++) {
		if (kept[i] >= from && (next < 0 || kept[i] < next))
			next = kept[i];
	}
	return next;
}

/*
 * A fork inherits everything: with the client's own end open here as well,
 * nobody would ever see that it has died.
 */
static void descriptors_close(const int kept[3])
{
	int from = 3, next;

	while ((next = descriptor_next(kept, from)) >= 0) {
		if (next > from)
			close_range(from, next - 1, 0);
		from = next + 1;
	}
	close_range(from, ~0U, 0);
}

pid_t server_spawn(const struct sensor_options *options, int client, int listener, int ready)
{
	struct sigaction action = { .sa_handler = on_terminate };
	pid_t child = fork();

	if (child)
		return child < 0 ? -errno : child;
	descriptors_close((const int[]){ client, listener, ready });
	/* ^C is for the command; the owner ends when its client does. */
	setpgid(0, 0);
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTERM, &action, NULL);
	server_run(options, client, listener, ready);
	_exit(0);
}
