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
#include <string.h>
#include <sys/types.h>

#define LANE_BYTES (1U << 20) /* that may be on their way: a power of two */

#define LANE_LINE 64 /* of a cache: what one end stores does not take from the other */

struct lane_memory {
	_Alignas(LANE_LINE) uint64_t written;
	_Alignas(LANE_LINE) uint64_t read;
	_Alignas(LANE_LINE) char data[LANE_BYTES];
};

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

/* The same of a size that the compiler knows, which nearly always has room without a look: no call. */
static inline bool lane_write_known(struct lane *lane, const void *data, size_t size)
{
	size_t at = lane->position % LANE_BYTES;

	if (LANE_BYTES - (lane->position - lane->other) < size || LANE_BYTES - at < size)
		return lane_write_whole(lane, data, size);
	memcpy(lane->memory->data + at, data, size);
	lane->position += size;
	__atomic_store_n(&lane->memory->written, lane->position, __ATOMIC_RELEASE);
	return true;
}

/* How many bytes there are to be read, the same with the writer's position. */
ssize_t lane_look(struct lane *lane);

/* Copies @size bytes from @offset on, of those that lane_look() told of. */
void lane_copy(const struct lane *lane, size_t offset, void *data, size_t size);

/* As many have been read: their room is the writer's. */
void lane_done(struct lane *lane, size_t size);

/* Those that lie together, from the first that is to be read: @data is the writer's to change. */
size_t lane_together(const struct lane *lane, const char **data);

#endif
