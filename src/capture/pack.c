// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include "capture/pack.h"

#define SAMPLE 64 /* records that a foretelling is chosen by */
#define TIME_LANE (offsetof(struct record_header, time) / 4)

/* One kind's records within a block. */
struct pack_rows {
	__u16 kind;
	__u16 size; /* 0: they differ, or hold text */
	__u32 nr;
	__u32 *rows; /* which of the block's records */
};

struct pack_job {
	const __u8 *records;
	const __u32 *offsets; /* of each record */
	__u64 time;
	struct pack_buffer *packed;
};

static void *buffer_room(struct pack_buffer *buffer, size_t size)
{
	void *data;

	if (buffer->used + size > buffer->room && !buffer->failed) {
		size_t room = (buffer->used + size) * 2;

		data = realloc(buffer->data, room);
		buffer->failed = !data;
		if (data) {
			buffer->data = data;
			buffer->room = room;
		}
	}
	return buffer->failed ? NULL : buffer->data + buffer->used;
}

void pack_bytes(struct pack_buffer *buffer, const void *data, size_t size)
{
	void *room = size ? buffer_room(buffer, size) : NULL;

	if (!room)
		return;
	memcpy(room, data, size);
	buffer->used += size;
}

static __u32 record_lane(const struct pack_job *job, __u32 row, __u32 lane)
{
	__u32 value;

	memcpy(&value, job->records + job->offsets[row] + lane * 4, sizeof(value));
	return value;
}

/* What @source says of @lane in the @i-th of @rows. */
static __u32 foretell(const struct pack_job *job, const struct pack_rows *rows, __u32 i, __u32 lane,
		      __u32 source)
{
	__u32 row = rows->rows[i];

	if (source >= PACK_SOURCE_TIME) {
		source -= PACK_SOURCE_TIME;
		return row ? record_lane(job, row - 1, TIME_LANE + source)
			   : (__u32)(job->time >> 32 * source);
	}
	if (source == lane)
		return record_lane(job, rows->rows[i ? i - 1 : 0], lane);
	return record_lane(job, row, source);
}

static __u32 zigzag(__u32 difference)
{
	return difference << 1 ^ -(difference >> 31);
}

static unsigned int bits(__u32 value)
{
	return value ? 32 - (unsigned int)__builtin_clz(value) : 0;
}

/* Bits that the sample takes when @source foretells @lane; no more than @most are counted. */
static unsigned int source_cost(const struct pack_job *job, const struct pack_rows *rows,
				__u32 lane, __u32 source, unsigned int most)
{
	__u32 step = rows->nr / SAMPLE + 1;
	unsigned int cost = 0;

	for (__u32 i = 0; i < rows->nr && cost < most; i += step)
		cost += bits(zigzag(record_lane(job, rows->rows[i], lane) -
				    foretell(job, rows, i, lane, source)));
	return cost;
}

static __u32 source_choose(const struct pack_job *job, const struct pack_rows *rows, __u32 lane)
{
	unsigned int least = source_cost(job, rows, lane, lane, ~0U), cost;
	__u32 best = lane;

	for (__u32 source = PACK_SOURCE_TIME; source <= PACK_SOURCE_TIME + 1; source++) {
		cost = source_cost(job, rows, lane, source, least);
		if (cost < least) {
			least = cost;
			best = source;
		}
	}
	for (__u32 source = 1; source < lane; source++) {
		cost = source_cost(job, rows, lane, source, least);
		if (cost < least) {
			least = cost;
			best = source;
		}
	}
	return best;
}

static bool lane_changes(const struct pack_job *job, const struct pack_rows *rows, __u32 lane)
{
	__u32 first = record_lane(job, rows->rows[0], lane);

	for (__u32 i = 1; i < rows->nr; i++) {
		if (record_lane(job, rows->rows[i], lane) != first)
			return true;
	}
	return false;
}

static void lane_write(const struct pack_job *job, const struct pack_rows *rows,
		       struct pack_lane *lane)
{
	struct pack_buffer *packed = job->packed;
	__u8 *at = buffer_room(packed, rows->nr * 5UL), *begin = at;

	if (!at)
		return;
	for (__u32 i = 0; i < rows->nr; i++) {
		__u32 value = zigzag(record_lane(job, rows->rows[i], lane->lane) -
				     foretell(job, rows, i, lane->lane, lane->source));

		for (; value >= 0x80; value >>= 7)
			*at++ = (__u8)(value | 0x80);
		*at++ = (__u8)value;
	}
	lane->bytes = (__u32)(at - begin);
	packed->used += lane->bytes;
}

static const __u8 *row_record(const struct pack_job *job, const struct pack_rows *rows, __u32 i)
{
	return job->records + job->offsets[rows->rows[i]];
}

static void raw_write(const struct pack_job *job, const struct pack_rows *rows)
{
	for (__u32 i = 0; i < rows->nr; i++) {
		const struct record_header *record = (const void *)row_record(job, rows, i);

		pack_bytes(job->packed, record, record->size);
	}
}

static __u32 raw_bytes(const struct pack_job *job, const struct pack_rows *rows)
{
	__u32 bytes = 0;

	for (__u32 i = 0; i < rows->nr; i++)
		bytes += ((const struct record_header *)(const void *)row_record(job, rows, i))
				 ->size;
	return bytes;
}

/* Its head and its table of lanes, whose sizes are filled in by kind_write(). */
static void kind_describe(const struct pack_job *job, const struct pack_rows *rows)
{
	struct pack_kind head = { .kind = rows->kind, .size = rows->size };
	size_t at = job->packed->used;

	if (!rows->size)
		head.lanes = raw_bytes(job, rows);
	pack_bytes(job->packed, &head, sizeof(head));
	if (!rows->size)
		return;
	pack_bytes(job->packed, row_record(job, rows, 0), rows->size);
	for (__u32 i = 1; i < rows->size / 4U; i++) {
		struct pack_lane lane = { .lane = (__u16)i };

		if (!lane_changes(job, rows, i))
			continue;
		lane.source = (__u16)source_choose(job, rows, i);
		pack_bytes(job->packed, &lane, sizeof(lane));
		head.lanes++;
	}
	if (!job->packed->failed)
		memcpy(job->packed->data + at, &head, sizeof(head));
}

/* @at: of its head. Where the next one's is. */
static size_t kind_write(const struct pack_job *job, const struct pack_rows *rows, size_t at)
{
	struct pack_kind head;

	if (job->packed->failed)
		return at;
	memcpy(&head, job->packed->data + at, sizeof(head));
	at += sizeof(head);
	if (!rows->size) {
		raw_write(job, rows);
		return at;
	}
	at += rows->size;
	for (__u32 i = 0; i < head.lanes; i++, at += sizeof(struct pack_lane)) {
		struct pack_lane lane;

		if (job->packed->failed)
			break;
		memcpy(&lane, job->packed->data + at, sizeof(lane));
		lane_write(job, rows, &lane);
		if (!job->packed->failed)
			memcpy(job->packed->data + at, &lane, sizeof(lane));
	}
	return at;
}

static __u32 kind_index(struct pack_rows *kinds, __u32 *kinds_nr,
			const struct record_header *record)
{
	__u32 index = 0;

	while (index < *kinds_nr && kinds[index].kind != record->kind)
		index++;
	if (index == *kinds_nr) {
		++*kinds_nr;
		kinds[index] = (struct pack_rows){ .kind = record->kind, .size = record->size };
	}
	/* A fact is text: nothing foretells it. */
	if (kinds[index].size != record->size || record->kind == RECORD_FACT)
		kinds[index].size = 0;
	kinds[index].nr++;
	return index;
}

/* Which record is of which kind, and where. @order, @offsets: a place a record. */
static __u32 records_sort(const __u8 *records, __u32 nr, struct pack_rows *kinds, __u8 *order,
			  __u32 *offsets, __u32 *rows)
{
	__u32 kinds_nr = 0, at = 0;

	for (__u32 i = 0; i < nr; i++) {
		const struct record_header *record = (const void *)(records + at);

		offsets[i] = at;
		order[i] = (__u8)kind_index(kinds, &kinds_nr, record);
		at += record->size;
	}
	for (__u32 i = 0; i < kinds_nr; i++) {
		kinds[i].rows = rows;
		rows += kinds[i].nr;
		kinds[i].nr = 0;
	}
	for (__u32 i = 0; i < nr; i++) {
		struct pack_rows *kind = &kinds[order[i]];

		kind->rows[kind->nr++] = i;
	}
	return kinds_nr;
}

static void job_write(const struct pack_job *job, const struct pack_rows *kinds, __u32 kinds_nr,
		      const __u8 *order, __u32 nr)
{
	struct pack_head head = { .kinds = kinds_nr };
	size_t at = job->packed->used + sizeof(head);

	pack_bytes(job->packed, &head, sizeof(head));
	for (__u32 i = 0; i < kinds_nr; i++)
		kind_describe(job, &kinds[i]);
	pack_bytes(job->packed, order, nr);
	for (__u32 i = 0; i < kinds_nr; i++)
		at = kind_write(job, &kinds[i], at);
}

void pack_records(const __u8 *records, __u32 nr, __u64 time, struct pack_buffer *packed)
{
	struct pack_rows kinds[PACK_KINDS_MAX];
	__u32 *offsets = malloc(nr * sizeof(*offsets) + 1), *rows = malloc(nr * sizeof(*rows) + 1);
	__u8 *order = malloc(nr + 1UL);
	struct pack_job job = { records, offsets, time, packed };

	packed->failed |= !offsets || !rows || !order;
	if (!packed->failed)
		job_write(&job, kinds, records_sort(records, nr, kinds, order, offsets, rows),
			  order, nr);
	free(order);
	free(rows);
	free(offsets);
}
