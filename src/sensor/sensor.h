/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sensors, as their owner sees them: probe, load, attach, drain, snapshot.
 *
 * Whoever owns a struct sensor also owns BPF links, and closing those can hang
 * while a CPU of the traced kernel spins (bpf_link_release waits for every
 * CPU). So only src/serve/server.c, in a process of its own, uses this;
 * everybody else is a client (client.h).
 */
#ifndef GMEMTRACE_SENSOR_H
#define GMEMTRACE_SENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gmemtrace/record.h"
#include "gmemtrace/status.h"

struct sensor_options {
	uint32_t groups; /* enum sensor_group; without VERDICT no inode is looked for */
	uint64_t ring_bytes; /* a power of two; 0: the default, 16 MiB */
	uint32_t
		release_chunks; /* not empty ones that a release snapshot reads; 0: the default, 8 GiB */
	uint32_t stack_rate; /* GROUP_STACK: of so many flushes one has its stack taken; 0: none */
	bool filtered; /* sensor_leave_out() may be asked for; without it nothing is paid for that */
	const char *lock; /* held by whoever owns the sensors; NULL: the default (lock.h) */
};

/* What an owner may ask for. */
#define SENSOR_RING_MIN (64ULL << 10)
#define SENSOR_RING_MAX (2ULL << 30)
#define SENSOR_CHUNK_BYTES (RECORD_SNAPSHOT_CHUNK * 4096ULL)
#define SENSOR_RELEASE_MIN SENSOR_CHUNK_BYTES
#define SENSOR_RELEASE_MAX (16ULL << 40) /* the model's limit */

/* Chunks that hold @bytes. */
static inline uint32_t sensor_chunks(uint64_t bytes)
{
	return (uint32_t)((bytes + SENSOR_CHUNK_BYTES - 1) / SENSOR_CHUNK_BYTES);
}

#define SENSOR_MESSAGE_LENGTH 512

/* Why something cannot be done here: one line, what and what to do. */
struct sensor_failure {
	enum gmemtrace_status status;
	char message[SENSOR_MESSAGE_LENGTH];
};

/* Fills @failure and returns @error, so that a caller can return it on. */
__attribute__((format(printf, 4, 5))) int sensor_fail(struct sensor_failure *failure,
						      enum gmemtrace_status status, int error,
						      const char *format, ...);

/* Takes one sealed record; valid only during the call. */
typedef void (*sensor_sink)(void *context, const struct record_header *record);

struct sensor;

/*
 * Probes, loads and attaches. @sink takes everything from now on, the facts
 * and the inodes already there first. Returns 0 or -errno with @failure.
 */
int sensor_open(struct sensor **sensor, const struct sensor_options *options, sensor_sink sink,
		void *context, struct sensor_failure *failure);

/* Drains the ring once; every 100 ms also a heartbeat. Returns the records drained, or -errno. */
int sensor_poll(struct sensor *sensor);

/*
 * Reads pgoffs [first, first + nr) of the inode numbered @inode. @first is a
 * multiple of 64. -ENOENT: no such inode (any more).
 */
int sensor_snapshot(struct sensor *sensor, uint64_t inode, uint64_t first, uint64_t nr,
		    uint32_t pass, uint64_t snapshot);

/*
 * Whether what happens to the inode numbered @inode is left out from now on, as far as nobody else
 * may want it (bpf/left_out.h). -ENOENT: no such inode (any more); -EINVAL without `filtered`.
 */
int sensor_leave_out(struct sensor *sensor, uint64_t inode, bool out);

/*
 * Nobody listens from now on, or somebody does again. Meanwhile changes, flushes and requests are not
 * written; inodes that come and go are, and sums go on. -EOPNOTSUPP with the page-free sensors, which rest
 * on every change.
 */
int sensor_quiet(struct sensor *sensor, bool quiet);

/* Hands out the facts, and what every known inode is, for a client that comes late. */
void sensor_announce(struct sensor *sensor, sensor_sink sink, void *context);

/* A heartbeat at once: everything up to now is in the sink when this returns. */
int sensor_settle(struct sensor *sensor);

/* Another owner may come: ours is only detaching from now on. */
void sensor_yield(struct sensor *sensor);

/* Detaches; may wait for every CPU of the kernel. */
void sensor_close(struct sensor *sensor);

/* One thing this kernel offers, or not. */
struct sensor_feature {
	const char *name;
	bool present;
	bool required; /* without it nothing can be traced */
	bool unproven; /* present, and no touch of the tool's own made it fire */
	bool refused; /* not present, as the kernel does not let it be hooked, and a gap in what happens */
	char provenance[96]; /* which kernel or patch brings it */
	char reason[SENSOR_MESSAGE_LENGTH]; /* why not, or not proved; what to do */
};

#define SENSOR_FEATURES_MAX 128

/* How many memfd_secrets existed when the sensors were loaded: a fact. */
#define SENSOR_FACT_SECRETMEM_USERS "kernel.secretmem_users"

/* Which guest_memfds were looked for that VMs' slots alone lead to; none of this name: there is no guest_memfd. */
#define SENSOR_FACT_BOUND "sensor.bound"
#define SENSOR_BOUND_ALL "all: of every VM the slots"

/* Probes; hooks are attached for a moment only, to see them fire. Returns how many of @features were filled. */
size_t sensor_probe(struct sensor_feature features[SENSOR_FEATURES_MAX]);

#endif
