/* SPDX-License-Identifier: GPL-2.0 */
/* Order: records wait until a watermark has passed them, then come in order of time. */
#ifndef GMEMTRACE_MODEL_QUEUE_H
#define GMEMTRACE_MODEL_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include "gmemtrace/record.h"

struct model;
struct bundle;

enum part {
	PART_RECORD,
	PART_ZAP, /* of a merged record: the zap, at its own time */
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

struct queue {
	struct queue_entry *entries, *spare;
	size_t head, nr, room, spare_room;
	bool disordered; /* some entry was pushed behind a later one */
	struct queue_block *block, *free;
	__u64 order;
};

bool queue_add_record(struct model *model, const struct record_header *record);
bool queue_add_bundle(struct model *model, struct bundle *bundle, __u64 time);
void queue_sort(struct model *model);
void queue_free(struct model *model);

/* The next entry, whatever its time; its item stays valid until queue_done(). */
static inline bool queue_first(struct queue *queue, struct queue_entry *entry)
{
	if (queue->head == queue->nr)
		return false;
	*entry = queue->entries[queue->head++];
	if (queue->head == queue->nr)
		queue->head = queue->nr = 0;
	return true;
}

/* The same, where it is before @before. */
static inline bool queue_next(struct queue *queue, __u64 before, struct queue_entry *entry)
{
	if (queue->head < queue->nr && queue->entries[queue->head].time >= before)
		return false;
	return queue_first(queue, entry);
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
