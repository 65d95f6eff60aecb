// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "gmemtrace/status.h"
#include "serve/server.h"
#include "serve/source.h"

#define MS 1000000ULL /* ns */
#define BUSY_MS 5 /* between two drains while records come; the rings hold a hundred times that */
#define IDLE_MS 20
#define QUIET_MS 50 /* the same where nothing has come for a while: half a heartbeat */
#define QUIET_NS (1000 * MS)
#define FLUSH_BYTES (256U << 10)
#define INPUT_BYTES 4096 /* taken from one client in one turn */
#define READS_TURN_NS (5 * MS) /* of reading pages for clients in one go; then as long of a rest */
#define ACCEPT_NS (5 * MS) /* between two new clients: each is told of all inodes */
#define FINISH_NS (1000 * MS) /* for last records */
#define LOG_BURST 32 /* lines; one more each LOG_NS */
#define LOG_NS (500 * MS)
#define LIFE_NS (1000 * MS) /* between two signs of life */
#define REFUSED_NS (10000 * MS) /* between two lines of one user's refusals */

struct server {
	struct source *source; /* of records */
	bool armed;
	struct peers peers;
	struct history *history; /* NULL: nothing is remembered */
	int listener;
	int report;
	bool has_socket; /* a file, for the listener */
	pid_t parent;
	bool orphan; /* nobody reads the report any more */
	uint32_t groups;
	bool stop; /* nothing more is to be said to anybody */
	bool poll_failed; /* said */
	uint64_t reads_due; /* ns */
	uint64_t accept_due; /* ns */
	uint64_t busy; /* ns: the last time that the sensors had anything to say */
	uint64_t life_due; /* ns: the next sign of life; 0: nobody waits for them */
	uint64_t log_time; /* ns: the next line's, where lines come evenly */
	uint64_t log_left_out; /* lines */
	uid_t refused; /* the user whose refusal was logged last */
	uint64_t refused_time; /* ns */
};

static volatile sig_atomic_t terminated;

void server_terminate(void)
{
	terminated = 1;
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
}

/* A line for the log. Whoever can provoke many does not fill it: some are counted only. */
__attribute__((format(printf, 2, 3))) static void server_log(struct server *server,
							     const char *format, ...)
{
	uint64_t time = now();
	char line[768];
	va_list arguments;
	int used = 0;

	if (server->report < 0)
		return;
	if (server->log_time > time + LOG_BURST * LOG_NS) {
		server->log_left_out++;
		return;
	}
	server->log_time = (server->log_time > time ? server->log_time : time) + LOG_NS;
	if (server->log_left_out)
		used = snprintf(line, sizeof(line), "(%llu lines left out)\n",
				(unsigned long long)server->log_left_out);
	server->log_left_out = 0;
	va_start(arguments, format);
	used += vsnprintf(line + used, sizeof(line) - (size_t)used - 1, format, arguments);
	va_end(arguments);
	if (used > (int)sizeof(line) - 2)
		used = (int)sizeof(line) - 2;
	line[used++] = '\n';
	/* Never blocks; who does not read it loses it. */
	if (write(server->report, line, (size_t)used) < 0)
		server->log_left_out++;
}

/* How many bytes were taken, or -errno. */
static ssize_t peer_send(struct peer *peer, const void *data, size_t size)
{
	ssize_t bytes;

	if (!peer->lane.memory) {
		bytes = send(peer->descriptor, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		return bytes < 0 ? -errno : bytes;
	}
	bytes = lane_write(&peer->lane, data, size);
	if (bytes > 0)
		peer->unrung += (size_t)bytes;
	return bytes ? bytes : -EAGAIN;
}

/* Wakes who waits for what the lane has. Where there is no room to ring, many a ring is unheard yet. */
static void peer_ring(struct peer *peer)
{
	if (!peer->unrung)
		return;
	peer->unrung = 0;
	if (send(peer->descriptor, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN &&
	    errno != EINTR)
		peer->dead = true;
}

static void backlog_send(struct peer *peer)
{
	const void *data;
	size_t size;

	while (!peer->dead && (size = backlog_next(&peer->backlog, &data))) {
		ssize_t bytes = peer_send(peer, data, size);

		if (bytes >= 0)
			peer_sent(peer, (size_t)bytes, now());
		else if (bytes == -EAGAIN)
			return;
		else if (bytes != -EINTR)
			peer->dead = true;
	}
	peer->progress = now();
}

static void peer_flush(struct peer *peer)
{
	backlog_send(peer);
	peer_ring(peer);
}

/* While it is armed, the hello has not gone yet. */
static void server_sink(void *context, const struct record_header *record)
{
	struct server *server = context;
	struct peers *peers = &server->peers;

	if (server->history)
		history_add(server->history, record);
	peers_record(peers, record);
	for (size_t i = 0; server->armed && i < peers->used; i++) {
		struct peer *peer = &peers->list[i];

		if (peer->id && (peer->backlog.bytes > FLUSH_BYTES || peer->unrung > FLUSH_BYTES))
			peer_flush(peer);
	}
}

static void hello_fill(struct server_hello *hello, uint32_t groups,
		       const struct sensor_failure *failure)
{
	memset(hello, 0, sizeof(*hello));
	hello->magic = SERVER_MAGIC;
	hello->version = SERVER_VERSION;
	hello->groups = groups;
	snprintf(hello->message, sizeof(hello->message), "gmemtrace %s", GMEMTRACE_VERSION);
	if (!failure)
		return;
	hello->status = failure->status;
	memcpy(hello->message, failure->message, sizeof(hello->message));
}

/* sensor_announce()'s sink: @context is where it goes. */
struct announcement {
	struct peers *peers;
	struct peer *peer;
	uint64_t time; /* ns */
};

/*
 * What a client is told late it has not seen the beginnings of: it counts from
 * now, whenever the record was made.
 */
static void announce_record(void *context, const struct record_header *record)
{
	const struct announcement *announcement = context;
	union {
		struct record_header header;
		struct record_inode inode;
		char bytes[UINT16_MAX + 1];
	} copy;

	memcpy(&copy, record, record->size);
	copy.header.time = announcement->time;
	peer_record(announcement->peers, announcement->peer, &copy.header);
}

static void peer_announce(struct server *server, struct peer *peer)
{
	struct announcement announcement = { &server->peers, peer, now() };

	peer->announce = false;
	source_announce(server->source, announce_record, &announcement);
}

/* Whoever tries on and on gets one line, and leaves room for others'. */
static void refusal_log(struct server *server, const struct ucred *who, const char *message)
{
	uint64_t time = now();

	if (server->refused_time && server->refused == who->uid &&
	    time - server->refused_time < REFUSED_NS) {
		server->log_left_out++;
		return;
	}
	server->refused = who->uid;
	server->refused_time = time;
	server_log(server, "pid %d of user %u: refused: %s", (int)who->pid, (unsigned int)who->uid,
		   message);
}

/* What it says is the last thing that it hears. */
static void client_refuse(struct server *server, int descriptor, const struct ucred *who,
			  const char *message)
{
	struct sensor_failure failure = { .status = GMEMTRACE_CANNOT_RUN };
	struct server_hello hello;

	snprintf(failure.message, sizeof(failure.message), "%s", message);
	hello_fill(&hello, server->groups, &failure);
	/* One that has gone already is refused all the same. */
	(void)!send(descriptor, &hello, sizeof(hello), MSG_NOSIGNAL | MSG_DONTWAIT);
	refusal_log(server, who, message);
	close(descriptor);
}

static void server_accept(struct server *server)
{
	int descriptor = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred who = { .uid = (uid_t)-1 };
	socklen_t length = sizeof(who);
	struct server_hello hello;
	char message[256];
	struct peer *peer;

	if (descriptor < 0)
		return;
	server->accept_due = now() + ACCEPT_NS;
	if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &who, &length)) {
		client_refuse(server, descriptor, &who, "the kernel does not tell who you are");
		return;
	}
	peer = peers_admit(&server->peers, descriptor, who.pid, who.uid, now(), message,
			   sizeof(message));
	if (!peer) {
		client_refuse(server, descriptor, &who, message);
		return;
	}
	server_log(server, "client %llu: pid %d of user %u: connected",
		   (unsigned long long)peer->id, (int)who.pid, (unsigned int)who.uid);
	hello_fill(&hello, server->groups, NULL);
	peer_hello(peer, &hello, sizeof(hello));
	peer_announce(server, peer);
}

/* @why NULL: it has gone by itself. */
static void client_drop(struct server *server, struct peer *peer, const char *why)
{
	server_log(server, "client %llu: pid %d of user %u: %s%s", (unsigned long long)peer->id,
		   (int)peer->pid, (unsigned int)peer->uid, why ? "dropped: " : "gone",
		   why ? why : "");
	close(peer->descriptor);
	if (peer->owner)
		server->stop = true;
	peers_drop(&server->peers, peer);
}

/* The owner's client wants the end at once; others wait for the next heartbeat. */
static void owner_stop(struct server *server, struct peer *peer)
{
	source_settle(server->source);
	source_yield(server->source);
	peer_end(peer);
}

static void client_receive(struct server *server, struct peer *peer)
{
	size_t room = reads_room(&peer->reads);
	char data[INPUT_BYTES];
	ssize_t bytes;

	bytes = recv(peer->descriptor, data, room < sizeof(data) ? room : sizeof(data),
		     MSG_DONTWAIT);
	if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (bytes <= 0) {
		peer->dead = true;
		return;
	}
	if (!peer_input(peer, data, (size_t)bytes, now())) {
		client_drop(server, peer, "what it sent is no command");
		return;
	}
	if (peer->stop && peer->owner && !peer->ended)
		owner_stop(server, peer);
}

static short peer_events(const struct peer *peer)
{
	short events = 0;

	if (!peer->ended && reads_room(&peer->reads))
		events |= POLLIN;
	if (peer->backlog.bytes && !peer->lane.memory)
		events |= POLLOUT;
	return events;
}

static void peers_handle(struct server *server, const struct pollfd *descriptors)
{
	for (size_t i = 0; i < PEERS_MAX; i++) {
		struct peer *peer = &server->peers.list[i];

		if (!peer->id || descriptors[i].fd != peer->descriptor)
			continue;
		if (descriptors[i].revents & (POLLHUP | POLLERR | POLLNVAL))
			peer->dead = true;
		else if (descriptors[i].revents & POLLIN)
			client_receive(server, peer);
	}
}

/* Waits for anything that clients do, @timeout ms at most. */
static void server_wait(struct server *server, int timeout)
{
	enum {
		LISTENER = PEERS_MAX,
		REPORT,
		NR
	};
	struct pollfd descriptors[NR];

	for (size_t i = 0; i < PEERS_MAX; i++) {
		const struct peer *peer = &server->peers.list[i];

		descriptors[i] = (struct pollfd){
			.fd = peer->id ? peer->descriptor : -1,
			.events = peer->id ? peer_events(peer) : 0,
		};
	}
	descriptors[LISTENER] = (struct pollfd){
		.fd = now() >= server->accept_due ? server->listener : -1,
		.events = POLLIN,
	};
	/* Only that nobody reads it any more is of interest: the parent has died, or is about to. */
	descriptors[REPORT] = (struct pollfd){ .fd = server->report };
	if (poll(descriptors, NR, timeout) <= 0)
		return;
	if (descriptors[REPORT].revents) {
		server->orphan = true;
		server->stop = true;
		return;
	}
	peers_handle(server, descriptors);
	if (descriptors[LISTENER].revents)
		server_accept(server);
}

static void past_fact(struct server *server, struct peer *peer, const char *key, const char *value)
{
	union {
		struct record_fact fact;
		char bytes[sizeof(struct record_fact) + 96];
	} record = {};
	size_t key_length = strlen(key) + 1, value_length = strlen(value) + 1;

	record.fact.header.kind = RECORD_FACT;
	record.fact.header.size =
		(__u16)((sizeof(record.fact) + key_length + value_length + 7) & ~7UL);
	record.fact.header.time = peer->past.begin;
	record.fact.key_length = (__u32)key_length;
	record.fact.value_length = (__u32)value_length;
	memcpy(record.fact.text, key, key_length);
	memcpy(record.fact.text + key_length, value, value_length);
	peer_record(&server->peers, peer, &record.fact.header);
}

/* From here on nothing but the past goes to @peer, until it has come to the present. */
static void past_begin(struct server *server, struct peer *peer)
{
	char number[24];

	peer->past_told = true;
	if (!server->history || history_seek(server->history, peer->reads.since, &peer->past)) {
		past_fact(server, peer, HISTORY_END_FACT, "none");
		return;
	}
	snprintf(number, sizeof(number), "%llu", (unsigned long long)peer->past.begin);
	past_fact(server, peer, HISTORY_BEGIN_FACT, number);
	snprintf(number, sizeof(number), "%llu",
		 (unsigned long long)history_dropped(server->history));
	past_fact(server, peer, HISTORY_DROPPED_FACT, number);
}

/* As much of the past as may wait for the client to read it. */
static void past_tell(struct server *server, struct peer *peer)
{
	const struct record_header *record;

	while (peer->past.block && peer->backlog.bytes < FLUSH_BYTES && !peer->dead) {
		int got = history_next(server->history, &peer->past, &record);

		if (got < 0 || peer->past.missed) {
			peer->dead = true;
		} else if (got) {
			peer_record(&server->peers, peer, record);
		} else {
			past_fact(server, peer, HISTORY_END_FACT, "");
			history_leave(&peer->past);
		}
	}
}

static bool past_waits(const struct server *server)
{
	for (size_t i = 0; i < server->peers.used; i++) {
		if (server->peers.list[i].past.block)
			return true;
	}
	return false;
}

static void server_flush(struct server *server)
{
	uint64_t time = now();

	for (size_t i = 0; i < server->peers.used; i++) {
		struct peer *peer = &server->peers.list[i];

		if (!peer->id)
			continue;
		if (peer->announce && !peer->dropped && !peer->ended)
			peer_announce(server, peer);
		if (peer->reads.past && !peer->past_told)
			past_begin(server, peer);
		past_tell(server, peer);
		peer_flush(peer);
		if (peer->ended && !peer->backlog.bytes)
			peer->dead = true;
		if (peer->dead)
			client_drop(server, peer, NULL);
		else if (peer_overdue(&server->peers, peer, time))
			client_drop(server, peer, "it has read nothing for too long");
	}
}

/* Reads pages for clients, for a while; not more than half of the time where they are strangers. */
static void server_read(struct server *server)
{
	uint64_t begin = now(), spent = 0;
	struct reads_flight *flight;

	if (begin < server->reads_due)
		return;
	while (spent < READS_TURN_NS && (flight = peers_next_read(&server->peers, now()))) {
		const struct reads_range range = flight->range;
		uint64_t number = flight->number;
		int error = source_snapshot(server->source, range.inode, range.first, range.nr,
					    range.pass, number);

		flight = reads_find(&server->peers.reads, number);
		if (error && flight)
			peers_read_failed(&server->peers, flight, error, now());
		spent = now() - begin;
	}
	if (server->listener >= 0)
		server->reads_due = now() + spent;
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
	server_read(server);
	if (past_waits(server))
		return 1;
	if (peers_reads_wait(&server->peers))
		return server->listener < 0 ? 0 : 1;
	if (records > 0 || lane_full(server)) {
		server->busy = now();
		return BUSY_MS;
	}
	return now() - server->busy < QUIET_NS ? IDLE_MS : QUIET_MS;
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
	uint64_t begin = now();

	listener_close(server);
	source_settle(server->source);
	for (size_t i = 0; i < server->peers.used; i++) {
		if (server->peers.list[i].id)
			peer_end(&server->peers.list[i]);
	}
	server_flush(server);
	while (backlogs_wait(server) && now() - begin < FINISH_NS) {
		server_wait(server, BUSY_MS);
		server_flush(server);
	}
}

static void life_show(struct server *server)
{
	uint64_t time = server->life_due ? now() : 0;

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
		server_wait(server, timeout);
		if (server->stop)
			return;
		timeout = server_drain(server);
		server_flush(server);
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

	hello_fill(&hello, server->groups, failure);
	if (client >= 0 && send(client, &hello, sizeof(hello), MSG_NOSIGNAL) < 0)
		server->stop = true;
	if (server->report >= 0 && write(server->report, &hello, sizeof(hello)) < 0)
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
	struct peer *peer =
		peers_admit(&server->peers, options->client, 0, 0, now(), message, sizeof(message));

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
		remark_log(server, &failure);
		server_loop(server);
	}
	/* Nobody is to wait for what now may take long: detaching. */
	peers_close(server);
	source_close(server->source);
	history_free(server->history);
	free(server);
}
