/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the server share: server.c arms the sensors, drains them and ends; attend.c is
 * what clients say and are told; server_log.c is what the log is told.
 */
#ifndef GMEMTRACE_SERVE_SERVER_INNER_H
#define GMEMTRACE_SERVE_SERVER_INNER_H

#include "serve/server.h"
#include "serve/source.h"

#define MS 1000000ULL /* ns */
#define FLUSH_BYTES (256U << 10)

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
	bool rests; /* nobody listens, and the sensors know it */
	bool stop; /* nothing more is to be said to anybody */
	bool poll_failed; /* said */
	uint64_t reads_due; /* ns */
	uint64_t accept_due; /* ns */
	uint64_t untaken_time; /* ns: when it was said that none could be taken; 0: never */
	uint64_t busy; /* ns: the last time that the sensors had anything to say */
	uint64_t life_due; /* ns: the next sign of life; 0: nobody waits for them */
	uint64_t log_time; /* ns: the next line's, where lines come evenly */
	uint64_t log_left_out; /* lines */
	uid_t refused; /* the user whose refusal was logged last */
	uint64_t refused_time; /* ns */
};

uint64_t server_now(void);

/* A line for the log. Whoever can provoke many does not fill it: some are counted only. */
__attribute__((format(printf, 2, 3))) void server_log(struct server *server, const char *format,
						      ...);

void server_hello_fill(struct server_hello *hello, uint32_t groups,
		       const struct sensor_failure *failure);

/* Sends what waits for @peer, as far as that does not block. */
void attend_peer(struct peer *peer);

/* Waits for anything that clients do, @timeout ms at most, and does what they ask for. */
void attend_wait(struct server *server, int timeout);

/* Sends what waits for all of them; who reads nothing, or has gone, is dropped. */
void attend_flush(struct server *server);

/* Reads pages for clients, for a while; not more than half of the time where they are strangers. */
void attend_read(struct server *server);

/* Has the sensors rest while there is nobody who listens, nor a history. */
void attend_rest(struct server *server);

/* Whether somebody is being told of the past. */
bool attend_past_waits(const struct server *server);

#endif
