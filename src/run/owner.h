/* SPDX-License-Identifier: GPL-2.0 */
/* Who owns the sensors: gmemtraced, or a child of ours. */
#ifndef GMEMTRACE_RUN_OWNER_H
#define GMEMTRACE_RUN_OWNER_H

#include "gmemtrace/run.h"
#include "serve/client.h"

/*
 * Finds one or makes one, and waits until the sensors are armed; a signal ends that. 0, or an exit
 * status: it was said. *@client may be there all the same, and is the caller's to close.
 */
enum gmemtrace_status owner_open(const struct run_options *options, struct sensor_client **client);

/* Of its ring; 0: a daemon's, unknown. */
uint64_t owner_ring_bytes(const struct run_options *options, const struct sensor_client *client);

#endif
