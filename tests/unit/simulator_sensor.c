// SPDX-License-Identifier: GPL-2.0
/*
 * The sensors in play: two rings drained one after the other, losses counted
 * beside them, heartbeats; and a reader that may be too slow for all of it.
 */
#include <assert.h>
#include <stdio.h>
#include "simulator_internal.h"

#define BURST_MAX 200 /* records */
#define GAP_MAX 3000
#define DRAIN_MAX 300 /* of each ring in one go */
#define SWEEP_AGE (HEARTBEAT / 4) /* ns: a zap that waits this long has no flush coming */

static __attribute__((noinline)) void lose(struct sim *sim, __u64 inode)
{
	for (size_t i = 0; inode && i < sim->lost_nr; i++) {
		if (sim->lost_inode[i] == inode) {
			sim->lost_number[i]++;
			return;
		}
	}
	if (!inode || sim->lost_nr == 16) {
		sim->lost_unknown++;
		return;
	}
	sim->lost_inode[sim->lost_nr] = inode;
	sim->lost_number[sim->lost_nr++] = 1;
}

/* Where a record can be lost before it is in a ring. */
static bool emit_fails(struct sim *sim, struct sim_ring *ring, const struct record_header *record)
{
	bool read = record->kind == RECORD_SNAPSHOT_BEGIN || record->kind == RECORD_SNAPSHOT_PAGE ||
		    record->kind == RECORD_SNAPSHOT_END;

	if (!read && sim_chance(sim, sim->options.miss)) {
		sim->missed++;
		return true;
	}
	if (!ring->full && sim_chance(sim, sim->options.burst))
		ring->full = 1 + sim_random(sim, BURST_MAX);
	if (!ring->full && !sim_chance(sim, sim->options.loss))
		return false;
	ring->full -= ring->full > 0;
	lose(sim, record->inode);
	return true;
}

static struct record_header *ring_record(const struct sim_ring *ring, size_t index)
{
	return (struct record_header *)ring->records[index].data;
}

/* Different CPUs' records may stand in the wrong order, a task's own never. */
static void ring_disorder(struct sim *sim, struct sim_ring *ring)
{
	size_t last = ring->nr - 1;
	struct sim_record swap;

	if (last <= ring->fixed ||
	    ring_record(ring, last)->tid == ring_record(ring, last - 1)->tid ||
	    ring_record(ring, last)->kind == RECORD_INODE ||
	    ring_record(ring, last - 1)->kind == RECORD_INODE || sim_random(sim, 4))
		return;
	swap = ring->records[last];
	ring->records[last] = ring->records[last - 1];
	ring->records[last - 1] = swap;
}

bool sim_emit(struct sim *sim, const struct record_header *record)
{
	struct sim_ring *ring =
		&sim->rings[record->kind == RECORD_ZAP ? SIM_RING_ZAPS : SIM_RING_OTHERS];

	if (!sim->armed)
		return true;
	if (emit_fails(sim, ring, record)) {
		sim->result->dropped++;
		return false;
	}
	if (ring->nr == ring->room) {
		ring->room = ring->room ? ring->room * 2 : 256;
		ring->records = realloc(ring->records, ring->room * sizeof(*ring->records));
		assert(ring->records);
	}
	assert(record->size <= sizeof(ring->records->data));
	memcpy(ring->records[ring->nr++].data, record, record->size);
	ring_disorder(sim, ring);
	return true;
}

bool sim_zap_wait(struct sim *sim, const struct record_zap *zap)
{
	/* This task's next event may come after its page has been restored by another. */
	if (!sim->armed || sim->options.fault == FAULT_SECRET_NO_FLUSH)
		return false;
	sim->waiting[zap->header.tid - 10] = *zap;
	return true;
}

void sim_zap_write(struct sim *sim, __u32 tid)
{
	struct record_zap zap = sim->waiting[tid - 10];

	if (!zap.header.kind)
		return;
	sim->waiting[tid - 10].header.kind = RECORD_NONE;
	zap.header.time = sim->now;
	sim_emit(sim, &zap.header);
}

static void feed(struct sim *sim, const struct record_header *record)
{
	struct simulator_result *result = sim->result;

	model_feed(result->model, record);
	if (sim->options.keep && result->stream_used + record->size > result->stream_room) {
		result->stream_room = result->stream_room * 2 + 65536;
		result->stream = realloc(result->stream, result->stream_room);
		assert(result->stream);
	}
	if (sim->options.keep) {
		memcpy(result->stream + result->stream_used, record, record->size);
		result->stream_used += record->size;
	}
	if (!sim->options.out || sim->written + record->size > sim->options.out_bytes)
		return;
	sim->written += fwrite(record, 1, record->size, sim->options.out);
}

/* A gap is marked where it is, before the first record that gets through again. */
void sim_client_record(struct sim *sim, const struct record_header *record)
{
	struct record_loss gap = {
		.header = { .kind = RECORD_LOSS, .size = sizeof(gap), .time = record->time },
		.since = sim->gap_since,
		.count = sim->gap_dropped,
		.cause = RECORD_LOSS_CLIENT_SLOW,
	};

	if (!sim->gap && sim_chance(sim, sim->options.gap)) {
		sim->gap = 1 + sim_random(sim, GAP_MAX);
		sim->gap_since = sim->client_time;
	}
	if (sim->gap) {
		sim->gap--;
		sim->gap_dropped++;
		sim->result->dropped++;
		return;
	}
	if (sim->gap_dropped)
		feed(sim, &gap.header);
	sim->gap_dropped = 0;
	sim->client_time = record->time;
	feed(sim, record);
}

static void tell_loss(struct sim *sim, __u64 inode, enum record_loss_cause cause, __u64 *count)
{
	struct record_loss record = {
		.header = { .kind = RECORD_LOSS,
			    .size = sizeof(record),
			    .time = ++sim->now,
			    .inode = inode },
		.since = sim->since,
		.count = *count,
		.cause = cause,
	};

	if (record.count)
		sim_client_record(sim, &record.header);
	*count = 0;
}

static void tell_losses(struct sim *sim)
{
	__u64 begin = ++sim->now;

	for (size_t i = 0; i < sim->lost_nr; i++)
		tell_loss(sim, sim->lost_inode[i], RECORD_LOSS_RING_FULL, &sim->lost_number[i]);
	sim->lost_nr = 0;
	tell_loss(sim, 0, RECORD_LOSS_RING_FULL, &sim->lost_unknown);
	tell_loss(sim, 0, RECORD_LOSS_MISSED, &sim->missed);
	sim->since = begin;
}

static void emit_heartbeat(struct sim *sim)
{
	struct record_heartbeat record = {
		.header = { .kind = RECORD_HEARTBEAT,
			    .size = sizeof(record),
			    .time = sim->pending.time },
		.watermark = sim->pending.time,
		.groups = SENSOR_GROUP_VERDICT | SENSOR_GROUP_PAGE_FREE,
	};

	if (!sim->options.late_losses)
		tell_losses(sim);
	sim_client_record(sim, &record.header);
	if (sim->options.late_losses)
		tell_losses(sim);
	sim->heartbeat = sim->pending.time;
	sim->pending.time = 0;
}

/* Zaps first: what announces an inode must not be left behind a zap that names it. */
static bool take_position(struct sim *sim, struct sim_position *position, bool at_once)
{
	struct sim_ring *others = &sim->rings[SIM_RING_OTHERS], *zaps = &sim->rings[SIM_RING_ZAPS];

	if (!position->time || position->whole) {
		position->time = sim->now;
		position->written[SIM_RING_ZAPS] = zaps->fixed = zaps->nr;
		position->whole = false;
		others->fixed = others->nr;
		if (!at_once)
			return false;
	}
	position->written[SIM_RING_OTHERS] = others->fixed = others->nr;
	position->whole = true;
	return true;
}

static bool drained(const struct sim *sim, const struct sim_position *position)
{
	return sim->rings[SIM_RING_ZAPS].drained >= position->written[SIM_RING_ZAPS] &&
	       sim->rings[SIM_RING_OTHERS].drained >= position->written[SIM_RING_OTHERS];
}

static void ring_drain(struct sim *sim, enum sim_ring_kind kind, size_t until, size_t budget)
{
	struct sim_ring *ring = &sim->rings[kind];

	while (ring->drained < until && budget--)
		sim_client_record(sim, ring_record(ring, ring->drained++));
}

static void drain_until(struct sim *sim, const struct sim_position *position, size_t budget)
{
	ring_drain(sim, SIM_RING_OTHERS, position->written[SIM_RING_OTHERS], budget);
	if (sim->rings[SIM_RING_OTHERS].drained >= position->written[SIM_RING_OTHERS])
		ring_drain(sim, SIM_RING_ZAPS, position->written[SIM_RING_ZAPS], budget);
}

static void sweep(struct sim *sim)
{
	for (__u32 i = 0; i < TASKS; i++) {
		if (sim->waiting[i].header.kind && sim->waiting[i].zap_end + SWEEP_AGE < sim->now)
			sim_zap_write(sim, 10 + i);
	}
}

/* Now and then: records come faster than they are drained, or wait for long. */
void sim_sensor_step(struct sim *sim)
{
	if (sim_random(sim, 1 + sim->options.seed % 60))
		return;
	if (!sim->target.whole) {
		if (!take_position(sim, &sim->target, false))
			return;
	}
	drain_until(sim, &sim->target, 1 + sim_random(sim, DRAIN_MAX));
	if (drained(sim, &sim->target))
		sim->target.whole = false, sim->target.time = 0;
	if (sim->pending.time && !sim->pending.whole)
		take_position(sim, &sim->pending, false);
	else if (sim->pending.time && drained(sim, &sim->pending))
		emit_heartbeat(sim);
	else if (!sim->pending.time && sim->now - sim->heartbeat > HEARTBEAT) {
		sweep(sim);
		take_position(sim, &sim->pending, false);
	}
}

void sim_sensor_settle(struct sim *sim)
{
	if (sim->pending.time && !sim->pending.whole)
		take_position(sim, &sim->pending, true);
	if (sim->pending.time) {
		drain_until(sim, &sim->pending, ~0UL);
		emit_heartbeat(sim);
	}
	for (__u32 i = 0; i < TASKS; i++)
		sim_zap_write(sim, 10 + i);
	sim->now++;
	take_position(sim, &sim->pending, true);
	drain_until(sim, &sim->pending, ~0UL);
	emit_heartbeat(sim);
}

void sim_sensor_free(struct sim *sim)
{
	for (size_t i = 0; i < SIM_RINGS; i++)
		free(sim->rings[i].records);
}
