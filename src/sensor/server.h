/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The process that owns the sensors, and what it says on a socket.
 *
 * To a client: one struct server_hello, then sealed records, each as long as
 * its header says. From a client: struct server_command. The same for a child
 * of gmemtrace (one client, which it waits for) and for gmemtraced (many,
 * which it does not: a slow one loses records and is told how many).
 */
#ifndef GMEMTRACE_SENSOR_SERVER_H
#define GMEMTRACE_SENSOR_SERVER_H

#include <sys/types.h>

#include "sensor/sensor.h"

#define SERVER_MAGIC 0x74656d67U /* "gmet" */
#define SERVER_VERSION 1U

struct server_hello {
	uint32_t magic;
	uint32_t version;
	int32_t status; /* 0: records follow; else the exit status that `message` explains */
	uint32_t groups; /* enum sensor_group: what is on */
	char message[SENSOR_MESSAGE_LENGTH];
};

enum server_command_kind {
	SERVER_COMMAND_SNAPSHOT = 1,
	SERVER_COMMAND_STOP = 2,
};

struct server_command {
	uint32_t kind; /* enum server_command_kind */
	uint32_t pass;
	uint64_t inode;
	uint64_t first; /* pgoff, a multiple of 64 */
	uint64_t nr; /* pages */
	uint64_t snapshot;
};

/*
 * Forks the process that owns the sensors. With @client >= 0 that descriptor
 * is its only client and its end is the process's end; with @listener >= 0 it
 * accepts clients there until SIGTERM. Returns its pid, or -errno. What goes
 * wrong in it is said in the hello, or on @listener's behalf on @ready, a pipe
 * that takes one hello (-1: none).
 */
pid_t server_spawn(const struct sensor_options *options, int client, int listener, int ready);

#endif
