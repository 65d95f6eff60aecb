/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of an armed sensor share: sensor.c arms and watches, rings.c
 * drains, tell.c says what no BPF program writes (facts, losses, heartbeats).
 */
#ifndef GMEMTRACE_SENSOR_INTERNAL_H
#define GMEMTRACE_SENSOR_INTERNAL_H

#include <sys/types.h>

#include <bpf/libbpf.h>

#include "sensor/load.h"
#include "sensor/lock.h"
#include "sensor/seal.h"
#include "sensor/sensor.h"
#include "sensor/stacks.h"
#include "sensor/summary.h"
#include "sensor/text.h"

#define FACTS_MAX 384
#define LOSERS_MAX 16

/* A user whose records were lost. */
struct loser {
	uint32_t uid;
	uint64_t count;
};

struct sensor {
	struct kernel kernel;
	struct sensor_options options;
	struct load load;
	struct text text;
	struct seal seal;
	struct stacks stacks;
	struct summary summary;
	struct ring_buffer *ring;
	sensor_sink sink;
	void *context;
	struct lock lock; /* of the owner */
	uint64_t records; /* drained */
	uint64_t consumed; /* ring bytes drained */
	uint64_t wanted; /* ring bytes to drain for now */
	uint64_t zaps; /* entries of the zap ring drained */
	uint64_t heartbeat; /* ns: the last one */
	uint64_t swept; /* ns: waiting zaps were looked for */
	uint64_t since; /* ns: losses are counted from here */
	uint64_t sighted; /* ns: the last look whether hooks are off */
	uint64_t proved; /* ns: the last time that they were touched */
	uint64_t
		unhooked; /* ns: kvm is loaded since then, and not hooked; 0: it is, or is not there */
	bool off; /* at the last look hooks were */
	bool quiet; /* nobody listens */
	uint64_t strange; /* load_take_strange(), as it was told; 0: none was */
	char livepatched[256]; /* routines that were seen to be, with blanks between */
	pid_t toucher; /* hangs in the kernel; 0: none does */
	struct loser losers[LOSERS_MAX];
	size_t losers_nr;
	struct record_fact *facts[FACTS_MAX];
	size_t facts_nr;
	struct position_args target; /* what is being drained */
	struct position_args pending; /* a heartbeat waits until the ring is drained so far */
};

#define DRAIN_ALL (1ULL << 40)

/* CLOCK_MONOTONIC, ns. */
uint64_t sensor_now(void);

/* libbpf's callback: seals a record of the BPF ring. @context is the sensor. */
int rings_take(void *context, void *data, size_t size);

/* Whether both rings are drained as far as @position. */
bool rings_drained(const struct sensor *sensor, const struct position_args *position);

/* Where both rings stand. 0 or -errno. */
int rings_position(const struct sensor *sensor, struct position_args *position);

/* Drains both rings as far as @position, or @budget bytes of each. 0 or -errno. */
int rings_drain_until(struct sensor *sensor, const struct position_args *position, uint64_t budget);

/* Drains a part of what is there. 0 or -errno. */
int rings_drain_some(struct sensor *sensor);

/* A fact is kept as well, for clients that come later; what it says already is not said again. */
void tell_fact(struct sensor *sensor, const char *key, const char *value);

/* Which programs there are, and which of them have nothing to hook here, or are not let to. */
void tell_programs(struct sensor *sensor);

/* Which flushes the host chose to leave out. */
void tell_policies(struct sensor *sensor);

/* What the kernel and the sensors are. */
void tell_facts(struct sensor *sensor);

/* @count records may be lost since @since (ns); of @inode, 0: of any. */
void tell_loss_since(struct sensor *sensor, uint64_t since, uint64_t inode, uint32_t cause,
		     uint32_t program, uint64_t count);

/* The same since losses were last counted. */
void tell_loss(struct sensor *sensor, uint64_t inode, uint32_t cause, uint32_t program,
	       uint64_t count);

/* Begins a heartbeat; zaps that wait longer than @age (ns) are written. 0 or -errno. */
int tell_begin(struct sensor *sensor, uint64_t age);

/* Ends it: the rings are drained as far as its begin. */
void tell_heartbeat(struct sensor *sensor);

#endif
