// SPDX-License-Identifier: GPL-2.0
/*
 * Records wait here until a watermark has passed them; then they are taken in
 * order of time. What arrives is nearly sorted already.
 */
#include "model/state.h"

#define SORT_FEW 32

static void *block_room(struct model *model, size_t size)
{
	struct queue *queue = &model->queue;
	struct queue_block *block = queue->block;

	if (!block || block->used + size > sizeof(block->data)) {
		/* A block whose records are all done with while it was filled is free at once. */
		if (block && !block->live) {
			block->used = 0;
		} else if (queue->free) {
			queue->block = queue->free;
			queue->free = queue->free->next;
			queue->block->used = 0;
		} else {
			queue->block = model_alloc(model, sizeof(*block));
		}
		block = queue->block;
	}
	if (!block)
		return NULL;
	block->used += size;
	return block->data + block->used - size;
}

/* Drops what was taken. */
static void lane_pack(struct queue_lane *lane)
{
	lane->nr -= lane->head;
	if (lane->nr)
		memmove(lane->entries, lane->entries + lane->head,
			lane->nr * sizeof(*lane->entries));
	lane->head = 0;
}

__attribute__((always_inline)) static inline bool queue_push(struct model *model,
							     struct queue_lane *lane, __u64 time,
							     enum part part, const void *item,
							     struct queue_block *block)
{
	struct queue *queue = &model->queue;

	if (lane->nr == lane->room)
		lane_pack(lane);
	/* Those taken of what stands before it are no later. */
	if (lane->nr > lane->head && lane->entries[lane->nr - 1].time > time)
		lane->disordered = true;
	if (!model_grow(model, &lane->entries, lane->nr, &lane->room, sizeof(*lane->entries)))
		return false;
	lane->entries[lane->nr++] = (struct queue_entry){
		.time = time,
		.order = queue->order++ << PART_BITS | (__u64)part,
		.item = item,
		.block = block,
	};
	if (block)
		block->live++;
	return true;
}

/* Of a change that is copied to @copy. */
static bool zap_push(struct model *model, const struct record_zap *copy)
{
	struct queue *queue = &model->queue;
	struct queue_lane *zaps = &queue->zaps;

	if (copy->flush_routine == RECORD_FLUSH_NONE)
		return queue_push(model, zaps, copy->zap_end, PART_ZAP, copy, queue->block);
	if (copy->header.time >= copy->zap_end)
		return queue_push(model, zaps, copy->zap_end, PART_ZAP_FLUSHED, copy, queue->block);
	return queue_push(model, zaps, copy->zap_end, PART_ZAP, copy, queue->block) &&
	       queue_push(model, &queue->others, copy->header.time, PART_FLUSH, copy, queue->block);
}

bool queue_add_zap(struct model *model, const struct record_zap *zap)
{
	struct record_zap *copy = block_room(model, sizeof(*copy));

	if (!copy)
		return false;
	/* A copy of a size that is known is no call. */
	*copy = *zap;
	return zap_push(model, copy);
}

bool queue_add_record(struct model *model, const struct record_header *record)
{
	void *copy = block_room(model, record->size);
	struct queue *queue = &model->queue;

	if (!copy)
		return false;
	memcpy(copy, record, record->size);
	if (record->kind == RECORD_ZAP)
		return zap_push(model, copy);
	return queue_push(model, &queue->others, record->time, PART_RECORD, copy, queue->block);
}

bool queue_add_bundle(struct model *model, struct bundle *bundle, __u64 time)
{
	return queue_push(model, &model->queue.others, time, PART_BUNDLE, bundle, NULL);
}

static void insertion_sort(struct queue_entry *entries, size_t nr)
{
	for (size_t i = 1; i < nr; i++) {
		struct queue_entry entry;
		size_t at = i;

		if (!entry_before(&entries[i], &entries[i - 1]))
			continue;
		entry = entries[i];
		for (; at && entry_before(&entry, &entries[at - 1]); at--)
			entries[at] = entries[at - 1];
		entries[at] = entry;
	}
}

/* How many from the first on are in order. */
static size_t sorted_run(const struct queue_entry *entries, size_t nr)
{
	size_t run = 1;

	while (run < nr && !entry_before(&entries[run], &entries[run - 1]))
		run++;
	return run;
}

/* Merge sort that leaves what is sorted alone: one pass over sorted input. */
static void merge_sort(struct queue_entry *entries, struct queue_entry *spare, size_t nr)
{
	size_t half = sorted_run(entries, nr), left = 0, right, at;

	if (half == nr)
		return;
	if (nr <= SORT_FEW) {
		insertion_sort(entries, nr);
		return;
	}
	/* Two that stand one behind the other are merged once. */
	if (half < nr / 2) {
		half = nr / 2;
		merge_sort(entries, spare, half);
	}
	merge_sort(entries + half, spare, nr - half);
	/* What is before all of the other side stays. */
	while (left < half && !entry_before(&entries[half], &entries[left]))
		left++;
	at = left;
	right = half;
	memcpy(spare + left, entries + left, (half - left) * sizeof(*entries));
	while (left < half)
		entries[at++] = right < nr && entry_before(&entries[right], &spare[left])
					? entries[right++]
					: spare[left++];
}

static void lane_sort(struct model *model, struct queue_lane *lane)
{
	struct queue *queue = &model->queue;
	size_t nr = lane->nr - lane->head;

	if (!nr || !lane->disordered)
		return;
	if (queue->spare_room < nr) {
		struct queue_entry *spare = model_alloc(model, nr * sizeof(*spare));

		if (!spare)
			return;
		model_release(model, queue->spare, queue->spare_room * sizeof(*spare));
		queue->spare = spare;
		queue->spare_room = nr;
	}
	merge_sort(lane->entries + lane->head, queue->spare, nr);
	lane->disordered = false;
}

void queue_sort(struct model *model)
{
	struct queue *queue = &model->queue;

	lane_sort(model, &queue->zaps);
	lane_sort(model, &queue->others);
	queue->limit = (struct queue_entry){ .time = 0 };
}

void queue_flush_later(struct model *model, const struct queue_entry *entry)
{
	struct queue *queue = &model->queue;
	struct queue_entry *heap;
	size_t at = queue->flushes_nr;

	if (!model_grow(model, &queue->flushes, at, &queue->flushes_room, sizeof(*heap))) {
		queue_done(queue, entry);
		return;
	}
	queue->flushes_nr++;
	heap = queue->flushes;
	for (; at && entry_before(entry, &heap[(at - 1) / 2]); at = (at - 1) / 2)
		heap[at] = heap[(at - 1) / 2];
	heap[at] = *entry;
	/* It may come before what `zaps` has. */
	if (entry_before(entry, &queue->limit))
		queue->limit = *entry;
}

/* The earliest of the flushes, of which there are some. */
static void flush_pop(struct queue *queue, struct queue_entry *entry)
{
	struct queue_entry *heap = queue->flushes, last = heap[--queue->flushes_nr];
	size_t nr = queue->flushes_nr, at = 0, child;

	*entry = heap[0];
	while ((child = 2 * at + 1) < nr) {
		child += child + 1 < nr && entry_before(&heap[child + 1], &heap[child]);
		if (!entry_before(&heap[child], &last))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = last;
}

/* What comes first of all but zaps; NULL: nothing. */
static const struct queue_entry *others_first(const struct queue *queue)
{
	const struct queue_lane *lane = &queue->others;
	const struct queue_entry *entry;

	/* There may be no entries[] yet. */
	if (lane->head == lane->nr)
		return queue->flushes_nr ? queue->flushes : NULL;
	entry = &lane->entries[lane->head];
	return queue->flushes_nr && entry_before(queue->flushes, entry) ? queue->flushes : entry;
}

static void others_take(struct queue *queue, const struct queue_entry *first,
			struct queue_entry *entry)
{
	if (first == queue->flushes)
		flush_pop(queue, entry);
	else
		lane_take(&queue->others, entry);
}

bool queue_first(struct queue *queue, struct queue_entry *entry)
{
	const struct queue_entry *other = others_first(queue);
	struct queue_lane *zaps = &queue->zaps;

	if (!other && zaps->head == zaps->nr)
		return false;
	if (!other || lane_before(zaps, other))
		lane_take(zaps, entry);
	else
		others_take(queue, other, entry);
	return true;
}

bool queue_first_before(struct queue *queue, __u64 before, struct queue_entry *entry)
{
	const struct queue_entry *other = others_first(queue);

	if (other && other->time >= before)
		other = NULL;
	queue->limit = other ? *other : (struct queue_entry){ .time = before };
	if (lane_before(&queue->zaps, &queue->limit)) {
		lane_take(&queue->zaps, entry);
		return true;
	}
	queue->limit.time = queue->limit.order = 0;
	if (other)
		others_take(queue, other, entry);
	return other;
}

void queue_free(struct model *model)
{
	struct queue *queue = &model->queue;

	free(queue->block);
	while (queue->free) {
		struct queue_block *block = queue->free;

		queue->free = block->next;
		free(block);
	}
	free(queue->zaps.entries);
	free(queue->others.entries);
	free(queue->flushes);
	free(queue->spare);
}
