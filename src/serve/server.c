// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gmemtrace/status.h"
#include "serve/server_inner.h"

#define BUSY_MS 10 /* between two drains while records come; the rings hold dozens of times that */
#define MANY 4096 /* records of a drain: there are more, and they are not left waiting */
#define IDLE_MS 20
#define QUIET_MS 50 /* the same where nothing has come for a while: half a heartbeat */
#define QUIET_NS (200 * MS)
#define FINISH_NS (1000 * MS) /* for last records */
#define LIFE_NS (1000 * MS) /* between two signs of life */

static volatile sig_atomic_t terminated;

void server_terminate(void)
{
	terminated = 1;
}

/* While it is armed, the hello has not gone yet. */
static void server_sink(void *context, const struct record_header *record)
{
	struct server *server = context;
	struct peers *peers = &server->peers;

	if (server->history)
		history_add(server->history, record);
	else if (peers->list[0].unrung <= FLUSH_BYTES && peers_record_passes(peers, record))
		return;
	peers_record(peers, record);
	for (size_t i = 0; server->armed && i < peers->used; i++) {
		struct peer *peer = &peers->list[i];

		if (peer->id && (peer->backlog.bytes > FLUSH_BYTES || peer->unrung > FLUSH_BYTES))
			attend_peer(peer);
	}
}

/* Nobody tells when there is room in it again. */
static bool lane_full(const struct server *server)
{
	const struct peer *peer = &server->peers.list[0];

	return peer->lane.memory && peer->backlog.bytes;
}

static bool owner_full(const struct server *server)
{
	const struct peer *peer = &server->peers.list[0];

	return server->listener < 0 && peer->id && peer_full(&server->peers, peer);
}

/* Drains. How long, in ms, the next turn may wait. */
static int server_drain(struct server *server)
{
	int records;

	if (owner_full(server))
		return BUSY_MS;
	records = source_poll(server->source);
	if (source_gone(server->source)) {
		server->stop = true;
		return 0;
	}
	if (records < 0 && !server->poll_failed) {
		server_log(server, "cannot read the sensors: %s", strerror(-records));
		server->poll_failed = true;
	}
	attend_read(server);
	if (attend_past_waits(server))
		return 1;
	if (peers_reads_wait(&server->peers))
		return server->listener < 0 ? 0 : 1;
	if (records > 0 || lane_full(server)) {
		server->busy = server_now();
		return records >= MANY ? 1 : BUSY_MS;
	}
	return server_now() - server->busy < QUIET_NS ? IDLE_MS : QUIET_MS;
}

static bool parent_gone(const struct server *server)
{
	return server->orphan || (server->report >= 0 && getppid() != server->parent);
}

/* Removing it is the parent's task; it may have done so, and another daemon be there. */
static void socket_remove(const struct server *server)
{
	if (server->has_socket && parent_gone(server))
		source_unlink(server->source);
}

static void listener_close(struct server *server)
{
	if (server->listener < 0)
		return;
	/* While we listen, nobody else takes the path. */
	socket_remove(server);
	close(server->listener);
	server->listener = -1;
}

static bool backlogs_wait(const struct server *server)
{
	for (size_t i = 0; i < server->peers.used; i++) {
		if (server->peers.list[i].backlog.bytes)
			return true;
	}
	return false;
}

/* Everybody gets their last records, who does not read them soon goes without. */
static void server_finish(struct server *server)
{
	uint64_t begin = server_now();

	listener_close(server);
	source_settle(server->source);
	for (size_t i = 0; i < server->peers.used; i++) {
		if (server->peers.list[i].id)
			peer_end(&server->peers.list[i]);
	}
	attend_flush(server);
	while (backlogs_wait(server) && server_now() - begin < FINISH_NS) {
		attend_wait(server, BUSY_MS);
		attend_flush(server);
	}
}

static void life_show(struct server *server)
{
	uint64_t time = server->life_due ? server_now() : 0;

	if (time < server->life_due || !server->life_due)
		return;
	server->life_due = time + LIFE_NS;
	/* A full pipe has lines that say as much. */
	if (write(server->report, "\n", 1) < 0)
		return;
}

static void server_loop(struct server *server)
{
	int timeout = BUSY_MS;

	while (!server->stop && !terminated) {
		attend_wait(server, timeout);
		if (server->stop)
			return;
		attend_rest(server);
		timeout = server_drain(server);
		attend_flush(server);
		life_show(server);
	}
	if (!server->stop && !parent_gone(server))
		server_finish(server);
}

/* The owner's output is its socket; a caller must not wait for a pipe that it holds open. */
static void streams_close(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3 && null >= 0; i++)
		dup2(null, i);
}

/* To whom it may concern: the only client, or the parent. */
static void hello_send(struct server *server, int client, const struct sensor_failure *failure)
{
	struct server_hello hello;

	server_hello_fill(&hello, server->groups, failure);
	if (client >= 0 && send(client, &hello, sizeof(hello), MSG_NOSIGNAL) < 0)
		server->stop = true;
	if (server->report >= 0 && write(server->report, &hello, sizeof(hello)) < 0)
		server->orphan = server->stop = true;
}

/* To the parent, who cannot know his child's child, and counts what it costs. */
static void owner_tell(struct server *server)
{
	pid_t child = source_child(server->source);
	int32_t owner = child ? child : getpid();

	if (server->report >= 0 && write(server->report, &owner, sizeof(owner)) < 0)
		server->orphan = server->stop = true;
}

static void peers_close(struct server *server)
{
	for (size_t i = server->peers.used; i-- > 0;) {
		struct peer *peer = &server->peers.list[i];

		if (!peer->id)
			continue;
		close(peer->descriptor);
		peers_drop(&server->peers, peer);
	}
	listener_close(server);
}

static void owner_admit(struct server *server, const struct server_options *options)
{
	char message[8];
	struct peer *peer = peers_admit(&server->peers, options->client, 0, 0, server_now(),
					message, sizeof(message));

	peer->owner = true;
	peer->lane = options->lane;
}

/* Arms the sensors; where privileges are to be given up, they are in a child, and we have none then. */
static int server_arm(struct server *server, const struct sensor_options *sensors,
		      const struct server_options *options, struct sensor_failure *failure)
{
	const struct source_options source = {
		.apart = options->confine,
		.terminated = &terminated,
		.socket = options->socket,
		.wait_detach = options->wait_detach,
	};
	int error = source_open(&server->source, sensors, &source, server_sink, server, failure);

	if (error || !options->confine)
		return error;
	error = options->confine(failure->message, sizeof(failure->message));
	if (error)
		failure->status = GMEMTRACE_CANNOT_RUN;
	return error;
}

/* What there is to say of how it was armed. Behind the hello. */
static void remark_log(struct server *server, const struct sensor_failure *failure)
{
	if (*failure->message)
		server_log(server, "%s", failure->message);
}

void server_run(const struct sensor_options *sensors, const struct server_options *options)
{
	struct server *server = calloc(1, sizeof(*server));
	struct sensor_failure failure = {};
	int error;

	if (!server)
		return;
	server->listener = options->listener;
	server->report = options->report;
	server->has_socket = options->socket;
	server->parent = getppid();
	server->life_due = options->life;
	server->groups = sensors->groups;
	peers_init(&server->peers, &options->limits, geteuid());
	if (options->history)
		server->history = history_create(options->history);
	if (options->client >= 0)
		owner_admit(server, options);
	error = server_arm(server, sensors, options, &failure);
	hello_send(server, options->client, error ? &failure : NULL);
	server->armed = true;
	streams_close();
	if (!error) {
		owner_tell(server);
		remark_log(server, &failure);
		server_loop(server);
	}
	/* Nobody is to wait for what now may take long: detaching. */
	peers_close(server);
	source_close(server->source);
	history_free(server->history);
	free(server);
}
