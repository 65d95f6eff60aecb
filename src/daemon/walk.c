// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/child.h"
#include "daemon/log.h"
#include "daemon/walk.h"
#include "sensor/mapper.h"

struct walk {
	int channel;
	bool unheard; /* the judge has gone */
};

int walk_channel(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) ? -errno : 0;
}

/* sensor_sink. Waits for a judge that has more to do. */
static void walk_tell(void *context, const struct record_header *record)
{
	struct walk *walk = context;

	if (!walk->unheard && send(walk->channel, record, record->size, MSG_NOSIGNAL) < 0)
		walk->unheard = true;
}

static bool walk_unheard(void *context)
{
	const struct walk *walk = context;

	return walk->unheard;
}

static enum gmemtrace_status walk_run(struct walk *walk)
{
	const struct mapper_watch watch = { .stop = walk_unheard, .context = walk };
	struct sensor_failure failure = {};
	struct mapper *mapper;
	int error = mapper_open(&mapper, true, &failure);

	if (error) {
		daemon_log_at(LOG_LEVEL_ERROR, "--map: %s", failure.message);
		return failure.status;
	}
	error = mapper_walk(mapper, &watch, walk_tell, walk);
	mapper_close(mapper);
	if (!error || walk->unheard)
		return 0;
	daemon_log_at(LOG_LEVEL_ERROR, "--map: cannot walk the direct map: %s", strerror(-error));
	return GMEMTRACE_ERROR;
}

pid_t walk_spawn(int channel)
{
	struct walk walk = { .channel = channel };
	pid_t child = fork();

	if (child)
		return child < 0 ? -errno : child;
	child_begin(&channel, 1);
	_exit(walk_run(&walk));
}

bool walk_tell_failed(int channel)
{
	struct timespec time = {};
	union walk_packet packets[2] = {
		{ .begin = { .header = { .kind = RECORD_MAP_BEGIN,
					 .size = sizeof(packets[0].begin) } } },
		{ .end = { .header = { .kind = RECORD_MAP_END, .size = sizeof(packets[1].end) },
			   .result = -ECANCELED } },
	};

	clock_gettime(CLOCK_MONOTONIC, &time);
	for (size_t i = 0; i < 2; i++) {
		packets[i].header.time =
			(uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
		if (send(channel, &packets[i], packets[i].header.size,
			 MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			return false;
	}
	return true;
}

static bool packet_makes_sense(const union walk_packet *packet, size_t bytes)
{
	switch (packet->header.kind) {
	case RECORD_MAP_BEGIN:
	case RECORD_MAP_OWNER:
	case RECORD_MAP_RUN:
	case RECORD_MAP_END:
		return packet->header.size == bytes &&
		       bytes >= record_stored_size(packet->header.kind);
	default:
		return false;
	}
}

bool walk_receive(int channel, union walk_packet *packet)
{
	ssize_t bytes;

	do {
		bytes = recv(channel, packet, sizeof(*packet), MSG_DONTWAIT | MSG_TRUNC);
		if (bytes <= 0)
			return false;
	} while ((size_t)bytes < sizeof(packet->header) || (size_t)bytes > sizeof(*packet) ||
		 !packet_makes_sense(packet, (size_t)bytes));
	return true;
}
