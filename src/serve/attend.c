// SPDX-License-Identifier: GPL-2.0
/* What clients say, and are told. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve/server_inner.h"

#define INPUT_BYTES 4096 /* taken from one client in one turn */
#define READS_TURN_NS (5 * MS) /* of reading pages for clients in one go; then as long of a rest */
#define ACCEPT_NS (5 * MS) /* between two new clients: each is told of all inodes */
#define REFUSED_NS (10000 * MS) /* between two lines of one user's refusals */
#define UNTAKEN_NS (100 * MS) /* until the next try, where there was no descriptor for a client */

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
			peer_sent(peer, (size_t)bytes, server_now());
		else if (bytes == -EAGAIN)
			return;
		else if (bytes != -EINTR)
			peer->dead = true;
	}
	peer->progress = server_now();
}

void attend_peer(struct peer *peer)
{
	backlog_send(peer);
	peer_ring(peer);
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
	struct announcement announcement = { &server->peers, peer, server_now() };

	peer->announce = false;
	source_announce(server->source, announce_record, &announcement);
}

/* Whoever tries on and on gets one line, and leaves room for others'. */
static void refusal_log(struct server *server, const struct ucred *who, const char *message)
{
	uint64_t time = server_now();

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
	server_hello_fill(&hello, server->groups, &failure);
	/* One that has gone already is refused all the same. */
	(void)!send(descriptor, &hello, sizeof(hello), MSG_NOSIGNAL | MSG_DONTWAIT);
	refusal_log(server, who, message);
	close(descriptor);
}

/* Without descriptors, or memory: who waits is taken as soon as somebody has gone. */
static void accept_failed(struct server *server, int error)
{
	uint64_t time = server_now();

	if (error == EAGAIN || error == EINTR || error == ECONNABORTED)
		return;
	server->accept_due = time + UNTAKEN_NS;
	if (server->untaken_time && time - server->untaken_time < REFUSED_NS)
		return;
	server->untaken_time = time;
	server_log(server, "new clients wait until others have gone: cannot take one: %s",
		   strerror(error));
}

static void server_accept(struct server *server)
{
	int descriptor = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred who = { .uid = (uid_t)-1 };
	socklen_t length = sizeof(who);
	struct server_hello hello;
	char message[256];
	struct peer *peer;

	if (descriptor < 0) {
		accept_failed(server, errno);
		return;
	}
	server->accept_due = server_now() + ACCEPT_NS;
	if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &who, &length)) {
		client_refuse(server, descriptor, &who, "the kernel does not tell who you are");
		return;
	}
	peer = peers_admit(&server->peers, descriptor, who.pid, who.uid, server_now(), message,
			   sizeof(message));
	if (!peer) {
		client_refuse(server, descriptor, &who, message);
		return;
	}
	server_log(server, "client %llu: pid %d of user %u: connected",
		   (unsigned long long)peer->id, (int)who.pid, (unsigned int)who.uid);
	server_hello_fill(&hello, server->groups, NULL);
	peer_hello(peer, &hello, sizeof(hello));
	/* Before what it is told is there: nothing is missed between the two. */
	attend_rest(server);
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

/* What the client wants nothing of. One that has gone meanwhile needs no more. */
static bool choices_take(struct server *server, struct peer *peer)
{
	struct reads_queue *reads = &peer->reads;

	if (reads->choices_nr && !peer->owner)
		return false;
	for (size_t i = 0; i < reads->choices_nr; i++)
		(void)source_leave_out(server->source, reads->choices[i].inode,
				       reads->choices[i].out);
	reads->choices_nr = 0;
	return true;
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
	if (!peer_input(peer, data, (size_t)bytes, server_now())) {
		client_drop(server, peer, "what it sent is no command");
		return;
	}
	if (!choices_take(server, peer)) {
		client_drop(server, peer, "only who has sensors of its own may leave inodes out");
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

static void peers_handle(struct server *server, const struct pollfd *descriptors, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		struct peer *peer = &server->peers.list[i];

		if (!peer->id || descriptors[i].fd != peer->descriptor)
			continue;
		if (descriptors[i].revents & (POLLHUP | POLLERR | POLLNVAL))
			peer->dead = true;
		else if (descriptors[i].revents & POLLIN)
			client_receive(server, peer);
	}
}

void attend_wait(struct server *server, int timeout)
{
	/* No more places than are taken: the kernel looks at each. */
	size_t used = server->peers.used;
	struct pollfd descriptors[PEERS_MAX + 2], *listener = &descriptors[used],
						  *report = listener + 1;

	for (size_t i = 0; i < used; i++) {
		const struct peer *peer = &server->peers.list[i];

		descriptors[i] = (struct pollfd){
			.fd = peer->id ? peer->descriptor : -1,
			.events = peer->id ? peer_events(peer) : 0,
		};
	}
	*listener = (struct pollfd){
		.fd = server_now() >= server->accept_due ? server->listener : -1,
		.events = POLLIN,
	};
	/* Only that nobody reads it any more is of interest: the parent has died, or is about to. */
	*report = (struct pollfd){ .fd = server->report };
	if (poll(descriptors, used + 2, timeout) <= 0)
		return;
	if (report->revents) {
		server->orphan = true;
		server->stop = true;
		return;
	}
	peers_handle(server, descriptors, used);
	if (listener->revents)
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
		/* What it was told of before that is of no use to who waits for the past. */
		peer_announce(server, peer);
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

bool attend_past_waits(const struct server *server)
{
	for (size_t i = 0; i < server->peers.used; i++) {
		if (server->peers.list[i].past.block)
			return true;
	}
	return false;
}

static bool anybody_listens(const struct server *server)
{
	if (server->listener < 0 || server->history)
		return true;
	for (size_t i = 0; i < server->peers.used; i++) {
		/* Sums go on while the sensors rest. */
		if (server->peers.list[i].id && !server->peers.list[i].reads.sums)
			return true;
	}
	return false;
}

void attend_rest(struct server *server)
{
	bool rests = !anybody_listens(server);

	if (rests == server->rests)
		return;
	server->rests = rests;
	/* Where they do not rest they tell all, and it is thrown away. */
	(void)source_quiet(server->source, rests);
}

void attend_flush(struct server *server)
{
	uint64_t time = server_now();

	for (size_t i = 0; i < server->peers.used; i++) {
		struct peer *peer = &server->peers.list[i];

		if (!peer->id)
			continue;
		if (peer->announce && !peer->dropped && !peer->ended)
			peer_announce(server, peer);
		if (peer->reads.past && !peer->past_told)
			past_begin(server, peer);
		past_tell(server, peer);
		attend_peer(peer);
		if (peer->ended && !peer->backlog.bytes)
			peer->dead = true;
		if (peer->dead)
			client_drop(server, peer, NULL);
		else if (peer_overdue(&server->peers, peer, time))
			client_drop(server, peer, "it has read nothing for too long");
	}
}

void attend_read(struct server *server)
{
	uint64_t begin = server_now(), spent = 0;
	struct reads_flight *flight;

	if (begin < server->reads_due)
		return;
	while (spent < READS_TURN_NS && (flight = peers_next_read(&server->peers, server_now()))) {
		const struct reads_range range = flight->range;
		uint64_t number = flight->number;
		int error = source_snapshot(server->source, range.inode, range.first, range.nr,
					    range.pass, number);

		flight = reads_find(&server->peers.reads, number);
		if (error && flight)
			peers_read_failed(&server->peers, flight, error, server_now());
		spent = server_now() - begin;
	}
	if (server->listener >= 0)
		server->reads_due = server_now() + spent;
}
