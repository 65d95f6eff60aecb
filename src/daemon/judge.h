/* SPDX-License-Identifier: GPL-2.0 */
/*
 * gmemtraced's own client: a process that judges what is served, or a capture, and tells its parent
 * of violations and metrics. It has no privilege once it is connected (confine.h).
 */
#ifndef GMEMTRACE_DAEMON_JUDGE_H
#define GMEMTRACE_DAEMON_JUDGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/alarm.h"

/* What it sends, a packet each. */
enum judge_message_kind {
	JUDGE_VIOLATION = 1, /* struct alarm_violation */
	JUDGE_METRICS = 2, /* text, as the file is to have it */
	JUDGE_SAY = 3, /* text, a line for the log */
};

#define JUDGE_TEXT_MAX (48U << 10)

struct judge_message {
	uint32_t kind; /* enum judge_message_kind */
	uint32_t size; /* bytes of what follows */
	union {
		struct alarm_violation violation;
		char text[JUDGE_TEXT_MAX];
	} u;
};

struct judge_options {
	const char *socket; /* gmemtraced's */
	const char *capture; /* judged in its place; NULL: none */
	bool file; /* metrics are sent to the parent, every ten seconds */
	int listener; /* metrics are served there; -1: nowhere */
	int walks; /* what walks of the direct map tell is taken from there (walk.h); -1: nobody walks */
	uint64_t map_every; /* ns from one of these to the next; 0: none is asked for */
	pid_t server, owner; /* what they cost is counted; 0: there is none */
	uint64_t deaths; /* of judges before it */
	uint64_t simulate_loss; /* records that it is to take for lost; 0: none */
};

/*
 * Forks it; it ends with the socket's owner, with its parent, or when it is killed; of a capture it
 * goes on serving what it has found. Its pid and *@channel, which the parent reads messages from,
 * or -errno.
 */
pid_t judge_spawn(const struct judge_options *options, int *channel);

/* Takes the next message. Bytes of it, 0: it has gone, -EAGAIN: none waits, -EPROTO: nonsense. */
int judge_receive(int channel, struct judge_message *message);

#endif
