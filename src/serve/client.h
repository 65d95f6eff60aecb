/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sensors, as everybody else sees them: a stream of sealed records from
 * the process that owns them, and commands to it. That process is gmemtraced,
 * where it runs and the user may talk to it, else a child of ours.
 */
#ifndef GMEMTRACE_SERVE_CLIENT_H
#define GMEMTRACE_SERVE_CLIENT_H

#include "sensor/sensor.h"

#define SENSOR_SOCKET_NAME "gmemtraced.sock" /* in the runtime directory (runtime.h) */
#define SENSOR_SOCKET "/run/" SENSOR_SOCKET_NAME /* root's */

struct sensor_client;

/* Whose sensors, and how long to wait for them. */
struct sensor_source {
	/* The daemon's; a user's runtime directory is looked into first. NULL: never, load our own. */
	const char *socket;
	bool daemon_only; /* `socket` was named: that one, and where nobody serves it fail */
	bool wait_detach; /* sensor_client_close() waits for our own to be gone */
	bool (*interrupted)(void *context); /* asked while waiting: true ends it; may be NULL */
	void *context;
};

/*
 * Connects to the daemon, which must be root's or the user's own, else starts a
 * child that loads the sensors with @options. Returns when the sensors are armed, 0 or -errno with @failure:
 * -EINTR where it was interrupted, -ETIMEDOUT where their owner says nothing.
 */
int sensor_client_open(struct sensor_client **client, const struct sensor_options *options,
		       const struct sensor_source *source, struct sensor_failure *failure);

/* Whether the owner is gmemtraced: then its options hold, not ours. */
bool sensor_client_daemon(const struct sensor_client *client);

/* What the owner has switched on: enum sensor_group. */
uint32_t sensor_client_groups(const struct sensor_client *client);

/*
 * Waits up to @timeout_ms and hands every whole record that came to @sink.
 * Returns how many, 0 at the timeout, -EPIPE when the stream has ended
 * (after RECORD_END, or because the owner died: sensor_client_ended tells).
 */
int sensor_client_read(struct sensor_client *client, int timeout_ms, sensor_sink sink,
		       void *context);

/* True once RECORD_END was read. */
bool sensor_client_ended(const struct sensor_client *client);

/*
 * Of one that has gone: our own child, and killed, as the kernel does where memory is short. What may be said of it
 * begins with a blank; "" where nothing is known.
 */
const char *sensor_client_killed(struct sensor_client *client);

/* Asks for a read of [first, first + nr) of an inode; @first is rounded down to 64. */
int sensor_client_snapshot(struct sensor_client *client, uint64_t inode, uint64_t first,
			   uint64_t nr, uint32_t pass, uint64_t snapshot);

/*
 * Asks a daemon for what it remembers since @since (ns): its records come between the facts
 * HISTORY_BEGIN_FACT and HISTORY_END_FACT (history.h), what came before them is of no use, and
 * the present follows without a gap.
 */
int sensor_client_history(struct sensor_client *client, uint64_t since);

/* Asks a daemon for sums alone (SENSOR_GROUP_EXPOSURES, _DURATIONS): its sensors may rest for us. */
int sensor_client_sums(struct sensor_client *client);

/*
 * Asks for nothing of an inode from now on, or for all of it again; what may be of another inode's
 * pages comes all the same. Only of sensors of our own that were opened for that
 * (sensor_options.filtered).
 */
int sensor_client_leave_out(struct sensor_client *client, uint64_t inode, bool out);

/* Asks for the last heartbeat and RECORD_END. Keep reading until -EPIPE. */
int sensor_client_stop(struct sensor_client *client);

/* Does not wait for the owner, unless that was asked for: it may be unable to detach (sensor.h). */
void sensor_client_close(struct sensor_client *client);

#endif
