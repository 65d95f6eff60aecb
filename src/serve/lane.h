/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bytes from one process to another through memory that both have mapped: one writes, one reads,
 * and the kernel copies nothing. Made before the fork that makes two of one.
 *
 * Neither end believes the other: what it knows of its own position it keeps for itself, and the
 * other's is looked at once and must lie where it can. A reader copies before it looks.
 */
#ifndef GMEMTRACE_SERVE_LANE_H
#define GMEMTRACE_SERVE_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LANE_BYTES (1U << 20) /* that may be on their way: a power of two */

struct lane_memory;

/* One end of it; all 0: there is none. */
struct lane {
	struct lane_memory *memory;
	uint64_t position; /* bytes that this end has written, or read */
	uint64_t other; /* the other end's position, as it was last seen */
};

/* Both ends are copies of @lane. 0, or -errno. */
int lane_create(struct lane *lane);

/* This process has no more to do with it. May be called where there is none. */
void lane_close(struct lane *lane);

/* How many of @size bytes were written: 0 where it is full, -EPROTO where the reader's position is none. */
ssize_t lane_write(struct lane *lane, const void *data, size_t size);

/* All of @size bytes, or nothing: false. */
bool lane_write_whole(struct lane *lane, const void *data, size_t size);

/* How many bytes were read into the @size of @data, the same with the writer's position. */
ssize_t lane_read(struct lane *lane, void *data, size_t size);

#endif
