/* SPDX-License-Identifier: GPL-2.0 */
/* The parent of the process that owns the sensors, and of the one that judges: log, signals, end. */
#ifndef GMEMTRACE_DAEMON_SERVE_H
#define GMEMTRACE_DAEMON_SERVE_H

#include "serve/server.h"

#define MAP_WITHIN_NS (600ULL * 1000000000) /* what `map_within` is for a whole host */

struct alarm;

struct daemon_options {
	struct sensor_options sensor;
	struct peers_limits limits;
	uint64_t history; /* bytes that are remembered; 0: nothing is */
	int listener; /* bound to `socket`; the caller's */
	const char *socket; /* removed at the end */
	const char *capture; /* judged in place of sensors, which there are none of; NULL: none */
	const char *metrics; /* a file that is kept; NULL: none */
	int metrics_listener; /* metrics are served there; -1: nowhere; the caller's */
	struct alarm *alarm; /* NULL: violations are logged only */
	uint64_t simulate_loss; /* records that the judge is to take for lost */
	bool wait_detach; /* the end comes when the kernel has let go of the sensors */
	uint64_t map_every; /* ns between two walks of the direct map; 0: there are none */
	uint64_t map_within; /* ns: a walk that takes longer has stood still */
	bool judge; /* somebody judges: for metrics, violations or the log */
};

/* Serves until SIGTERM, SIGINT or SIGHUP, or until the sensors' owner ends. An exit status. */
int daemon_serve(const struct daemon_options *options);

#endif
