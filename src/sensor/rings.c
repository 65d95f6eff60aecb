// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <time.h>

#include "sensor/internal.h"

#define RING_HEADER 8 /* BPF_RINGBUF_HDR_SZ */
#define DRAIN_BYTES (1ULL << 20) /* of each ring in one go */
#define GIVEN_BACK 64 /* places, together */
/* rings_take() has come as far as it should. */
#define DRAINED (-ECANCELED)

uint64_t sensor_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

int rings_take(void *context, void *data, size_t size)
{
	struct sensor *sensor = context;

	sensor->records++;
	sensor->consumed += (size + RING_HEADER + 7) & ~7ULL;
	seal_record(&sensor->seal, data);
	/* Writers may be faster than we are: libbpf would go on for as long as they do. */
	return sensor->consumed < sensor->wanted ? 0 : DRAINED;
}

/* Zaps are sealed from where they lie, and their places given back a few at a time. */
static void drain_zaps(struct sensor *sensor, uint64_t until)
{
	uint64_t from = sensor->zaps;
	struct zap_ring_entry *entries;
	struct zap_ring_ends *ends;
	const struct record_zap *record;

	load_zap_ring(&sensor->load, &entries, &ends);
	while (sensor->zaps < until && (record = ring_peek(entries, sensor->zaps))) {
		seal_record(&sensor->seal, &record->header);
		sensor->zaps++;
		if (sensor->zaps % GIVEN_BACK == 0)
			ring_give_back(ends, sensor->zaps);
	}
	if (sensor->zaps != from)
		ring_give_back(ends, sensor->zaps);
	sensor->records += sensor->zaps - from;
}

bool rings_drained(const struct sensor *sensor, const struct position_args *position)
{
	return sensor->consumed >= position->produced && sensor->zaps >= position->zaps;
}

/*
 * Drains both rings as far as @position, or @budget bytes of each. The zaps go last: what announces
 * an inode must be sealed before a zap that names it.
 */
int rings_drain_until(struct sensor *sensor, const struct position_args *position, uint64_t budget)
{
	uint64_t zaps = sensor->zaps + budget / sizeof(struct zap_ring_entry);
	int error = 0;

	sensor->wanted = sensor->consumed + budget;
	if (sensor->wanted > position->produced)
		sensor->wanted = position->produced;
	if (sensor->consumed < sensor->wanted)
		error = ring_buffer__consume(sensor->ring);
	if (error < 0 && error != DRAINED)
		return error;
	if (sensor->consumed >= position->produced)
		drain_zaps(sensor, zaps < position->zaps ? zaps : position->zaps);
	return 0;
}

int rings_position(const struct sensor *sensor, struct position_args *position)
{
	return load_run(&sensor->load, LOAD_PART_KERNEL, LOAD_CALL_POSITION, position,
			sizeof(*position));
}

/*
 * A part of what is there. Whoever takes it may be slow, and has other things to ask for meanwhile;
 * a position once taken is drained to its end, else zaps would wait behind records for ever.
 */
int rings_drain_some(struct sensor *sensor)
{
	int error = 0;

	if (rings_drained(sensor, &sensor->target))
		error = rings_position(sensor, &sensor->target);
	return error ? error : rings_drain_until(sensor, &sensor->target, DRAIN_BYTES);
}
