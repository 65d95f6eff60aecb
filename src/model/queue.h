/* SPDX-License-Identifier: GPL-2.0 */
/* Order: records wait until a watermark has passed them, then come in order of time. */
#ifndef GMEMTRACE_MODEL_QUEUE_H
#define GMEMTRACE_MODEL_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include "gmemtrace/record.h"

struct model;
struct bundle;

#define PART_BITS 3

enum part {
	PART_RECORD,
	PART_ZAP, /* at its own time */
	PART_ZAP_FLUSHED, /* of a merged record: its flush becomes an entry when it is taken */
	PART_FLUSH,
	PART_BUNDLE,
};

struct queue_block {
	struct queue_block *next;
	size_t used, live;
	__u8 data[256 * 1024 - 32];
};

struct queue_entry {
	__u64 time;
	__u64 order; /* position in the stream, part in the low bits */
	const void *item;
	struct queue_block *block;
};

/* The sensors tell by two rings: each alone is nearly in order, and so they wait apart. */
struct queue_lane {
	struct queue_entry *entries;
	size_t head, nr, room;
	bool disordered; /* some entry was pushed behind a later one */
};

struct queue {
	struct queue_lane zaps, others;
	struct queue_entry limit; /* what of `zaps` is before it comes before all else; item NULL */
	struct queue_entry *spare;
	size_t spare_room;
	struct queue_entry
		*flushes; /* of zaps that were taken, and whose flush is not next: a heap */
	size_t flushes_nr, flushes_room;
	struct queue_block *block, *free;
	__u64 order;
};

bool queue_add_zap(struct model *model, const struct record_zap *zap);
bool queue_add_record(struct model *model, const struct record_header *record);
bool queue_add_bundle(struct model *model, struct bundle *bundle, __u64 time);
void queue_sort(struct model *model);
void queue_free(struct model *model);
/* A flush whose turn has not come when its zap was taken. Without memory it is lost: the model has failed. */
void queue_flush_later(struct model *model, const struct queue_entry *entry);
bool queue_first_before(struct queue *queue, __u64 before, struct queue_entry *entry);

static inline enum part entry_part(const struct queue_entry *entry)
{
	return (enum part)(entry->order & ((1 << PART_BITS) - 1));
}

static inline bool entry_before(const struct queue_entry *a, const struct queue_entry *b)
{
	return a->time != b->time ? a->time < b->time : a->order < b->order;
}

/* The next entry, whatever its time; its item stays valid until queue_done(). */
bool queue_first(struct queue *queue, struct queue_entry *entry);

static inline void lane_take(struct queue_lane *lane, struct queue_entry *entry)
{
	*entry = lane->entries[lane->head++];
	if (lane->head == lane->nr)
		lane->head = lane->nr = 0;
}

static inline bool lane_before(const struct queue_lane *lane, const struct queue_entry *limit)
{
	return lane->head < lane->nr && entry_before(&lane->entries[lane->head], limit);
}

/* The same, where it is before @before: since queue_sort() the same one. */
static inline bool queue_next(struct queue *queue, __u64 before, struct queue_entry *entry)
{
	if (!lane_before(&queue->zaps, &queue->limit))
		return queue_first_before(queue, before, entry);
	lane_take(&queue->zaps, entry);
	return true;
}

/* @entry of the zap of a merged record: that of its flush. */
static inline struct queue_entry queue_flush(const struct queue_entry *entry)
{
	struct queue_entry flush = *entry;

	flush.time = ((const struct record_zap *)entry->item)->header.time;
	flush.order += PART_FLUSH - PART_ZAP_FLUSHED;
	return flush;
}

/* Whether @flush, of the zap that is at hand, comes next. */
static inline bool queue_flush_follows(const struct queue *queue, const struct queue_entry *flush)
{
	return entry_before(flush, &queue->limit) && !lane_before(&queue->zaps, flush);
}

static inline void queue_done(struct queue *queue, const struct queue_entry *entry)
{
	struct queue_block *block = entry->block;

	if (!block || --block->live || block == queue->block)
		return;
	block->next = queue->free;
	queue->free = block;
}

#endif
