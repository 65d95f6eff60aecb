/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Walks of the whole direct map, for the judge, who has given up what that takes: each by a process
 * that has the parent's privileges, reads, and ends.
 */
#ifndef GMEMTRACE_DAEMON_WALK_H
#define GMEMTRACE_DAEMON_WALK_H

#include <stdbool.h>
#include <sys/types.h>

#include "gmemtrace/record.h"

/* RECORD_MAP_*: what a packet may hold. */
union walk_packet {
	struct record_header header;
	struct record_map_begin begin;
	struct record_map_owner owner;
	struct record_map_run run;
	struct record_map_end end;
};

/* A socket of packets: @ends[0] is the judge's, @ends[1] each walk's. 0 or -errno. */
int walk_channel(int ends[2]);

/* The child walks once, tells of it in @channel, and exits with a status: 0, or it said what is wrong. Its pid, or -errno. */
pid_t walk_spawn(int channel);

/*
 * To the judge: a walk was to be, and did not come to its end. Waits for nobody. False: there was no room for all of
 * it; what there was room for does no harm, it is all told again.
 */
bool walk_tell_failed(int channel);

/* Takes the next packet. True: it is one of RECORD_MAP_*, whole. False: none waits, or who walks has gone. */
bool walk_receive(int channel, union walk_packet *packet);

#endif
