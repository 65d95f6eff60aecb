/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sensors, as the server sees them: in its own process, or in a child that keeps the privilege
 * while the server gives up its own. The child does what struct source_request can say and nothing
 * else; what it answers are sealed records, and a result behind them.
 */
#ifndef GMEMTRACE_SERVE_SOURCE_H
#define GMEMTRACE_SERVE_SOURCE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sensor/sensor.h"

struct source;

struct source_options {
	bool apart; /* in a child */
	const volatile sig_atomic_t *terminated; /* we are to end: no answer is waited for long */
	const char *socket; /* that source_unlink() removes; NULL: none */
	bool wait_detach; /* source_close() waits until the kernel has let go of a child's sensors */
};

/* As sensor_open(), and all that follows as its like in sensor.h. */
int source_open(struct source **source, const struct sensor_options *sensors,
		const struct source_options *options, sensor_sink sink, void *context,
		struct sensor_failure *failure);
int source_poll(struct source *source);
int source_snapshot(struct source *source, uint64_t inode, uint64_t first, uint64_t nr,
		    uint32_t pass, uint64_t snapshot);
int source_quiet(struct source *source, bool quiet);
int source_leave_out(struct source *source, uint64_t inode, bool out);
void source_announce(struct source *source, sensor_sink sink, void *context);
int source_settle(struct source *source);
void source_yield(struct source *source);

/* Removes the socket, if what is there now is what was there at the beginning. */
void source_unlink(struct source *source);

/* The child has died, or does not answer while we are to end: nothing more comes. */
bool source_gone(const struct source *source);

/* Its pid; 0: there is none, the sensors are ours. */
pid_t source_child(const struct source *source);

/* A child that detaches is waited for, for two seconds where no more was asked for. May be NULL. */
void source_close(struct source *source);

/* What travels to the child. 40 bytes. */
enum source_operation {
	SOURCE_OPEN = 1,
	SOURCE_POLL = 2,
	SOURCE_SNAPSHOT = 3,
	SOURCE_ANNOUNCE = 4,
	SOURCE_SETTLE = 5,
	SOURCE_YIELD = 6,
	SOURCE_UNLINK = 7,
	SOURCE_QUIET = 8, /* `first` 0: no longer */
};

struct source_request {
	uint32_t operation; /* enum source_operation */
	uint32_t pass;
	uint64_t inode;
	uint64_t first, nr; /* pages: a multiple of 64, and at most RECORD_SNAPSHOT_CHUNK */
	uint64_t snapshot;
};

/* Behind the records of an answer: kind SOURCE_ANSWER, which no record has. */
#define SOURCE_ANSWER 0xffffU

struct source_answer {
	struct record_header header;
	int64_t result;
};

/* Of SOURCE_OPEN alone, behind its answer: struct sensor_failure. */

/*
 * The child itself, until @channel ends: source_open() forks it. What makes no sense is answered
 * by -EINVAL; half a request ends it.
 */
void source_serve(int channel, const struct sensor_options *sensors,
		  const struct source_options *options);

#endif
