// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "serve/lane.h"

int lane_create(struct lane *lane)
{
	void *memory = mmap(NULL, sizeof(struct lane_memory), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	*lane = (struct lane){ .memory = memory };
	return 0;
}

void lane_close(struct lane *lane)
{
	if (lane->memory)
		munmap(lane->memory, sizeof(*lane->memory));
	lane->memory = NULL;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Bytes that may be written. */
static uint64_t room(const struct lane *lane)
{
	return LANE_BYTES - (lane->position - lane->other);
}

/* It goes forward, and not beyond what was written. */
static bool reader_look(struct lane *lane)
{
	uint64_t read = __atomic_load_n(&lane->memory->read, __ATOMIC_ACQUIRE);

	if (read < lane->other || read > lane->position)
		return false;
	lane->other = read;
	return true;
}

/* It goes forward, and not over what was not read. */
static bool writer_look(struct lane *lane)
{
	uint64_t written = __atomic_load_n(&lane->memory->written, __ATOMIC_ACQUIRE);

	if (written < lane->other || written - lane->position > LANE_BYTES)
		return false;
	lane->other = written;
	return true;
}

static void put(struct lane *lane, const char *data, size_t size)
{
	size_t at = lane->position % LANE_BYTES, part = least(size, LANE_BYTES - at);

	memcpy(lane->memory->data + at, data, part);
	if (part < size)
		memcpy(lane->memory->data, data + part, size - part);
	lane->position += size;
	__atomic_store_n(&lane->memory->written, lane->position, __ATOMIC_RELEASE);
}

ssize_t lane_write(struct lane *lane, const void *data, size_t size)
{
	if (room(lane) < size && !reader_look(lane))
		return -EPROTO;
	size = least(size, room(lane));
	if (size)
		put(lane, data, size);
	return (ssize_t)size;
}

bool lane_write_whole(struct lane *lane, const void *data, size_t size)
{
	if (room(lane) < size && (!reader_look(lane) || room(lane) < size))
		return false;
	put(lane, data, size);
	return true;
}

ssize_t lane_look(struct lane *lane)
{
	return writer_look(lane) ? (ssize_t)(lane->other - lane->position) : -EPROTO;
}

void lane_copy(const struct lane *lane, size_t offset, void *data, size_t size)
{
	size_t at = (lane->position + offset) % LANE_BYTES, part = least(size, LANE_BYTES - at);

	memcpy(data, lane->memory->data + at, part);
	if (part < size)
		memcpy((char *)data + part, lane->memory->data, size - part);
}

void lane_done(struct lane *lane, size_t size)
{
	lane->position += size;
	__atomic_store_n(&lane->memory->read, lane->position, __ATOMIC_RELEASE);
}

size_t lane_together(const struct lane *lane, const char **data)
{
	size_t at = lane->position % LANE_BYTES;

	*data = lane->memory->data + at;
	return LANE_BYTES - at;
}
