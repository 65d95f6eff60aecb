/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The process that owns the sensors, and what it says on a socket.
 *
 * To a client: one struct server_hello, then sealed records, each as long as
 * its header says. From a client: struct server_command (reads.h). The same for
 * a child of gmemtrace (one client, for which nothing is dropped) and for
 * gmemtraced (many: a slow one loses records and is told how many). The child's
 * records go through memory that it shares with its client (lane.h), and a byte
 * on the socket tells that there are some.
 *
 * No client can hold the process up: nothing is sent or received that would
 * block, what a client asks for is done in small pieces and in turn, and
 * whoever reads nothing is given up (peer.h has the limits). Where the owner's
 * only client lets half of the backlog fill up, the sensors are not drained
 * until it reads on (what their rings cannot hold is counted as lost); after a
 * minute of that the sensors are detached and the client finds the end of the
 * stream without a RECORD_END.
 */
#ifndef GMEMTRACE_SERVE_SERVER_H
#define GMEMTRACE_SERVE_SERVER_H

#include <sys/types.h>

#include "serve/peer.h"
#include "sensor/sensor.h"

#define SERVER_MAGIC 0x74656d67U /* "gmet" */
#define SERVER_VERSION 4U

/* Of who dies before it has armed, the server or its child, no more is known than that. */
#define SERVER_DIED_ARMING                                                                         \
	"the process that owns the sensors died while it armed them: where memory is short the "   \
	"kernel kills it (dmesg), see the cgroup's memory.max"

struct server_hello {
	uint32_t magic;
	uint32_t version; /* these two stay where they are in every version */
	int32_t status; /* 0: records follow; else the exit status that `message` explains */
	uint32_t groups; /* enum sensor_group: what is on */
	char message[SENSOR_MESSAGE_LENGTH]; /* with status 0: the program and its version */
};

struct server_options {
	int client; /* >= 0: the only client, whose end is the process's end */
	struct lane lane; /* that client's */
	int listener; /* >= 0: clients are accepted here until SIGTERM, or the parent's death */
	const char *socket; /* @listener's path, removed at the end */
	/*
	 * A pipe, -1: none. It takes one hello when the sensors are armed or cannot
	 * be, behind one that they are an int32_t, the pid of the process that owns
	 * them, then lines of text: who came, who went, what went wrong.
	 */
	int report;
	struct peers_limits limits;
	uint64_t history; /* bytes that are remembered; 0: nothing is */
	/*
	 * Gives up the process's privileges once the sensors are armed, in a child of their own then:
	 * 0 and a remark in @message, or none; or -errno with one line in @message. NULL: nothing is given up.
	 */
	int (*confine)(char *message, size_t size);
	bool wait_detach; /* the end comes when the kernel has let go of the sensors */
	bool life; /* an empty line goes into the report now and then, as a sign of life */
};

/* Forks the process that owns the sensors. Returns its pid, or -errno. */
pid_t server_spawn(const struct sensor_options *sensors, const struct server_options *options);

/* The process itself, until its end; its descriptors and signals are as it needs them. */
void server_run(const struct sensor_options *sensors, const struct server_options *options);

/* From a signal handler of that process: it ends soon. */
void server_terminate(void);

#endif
