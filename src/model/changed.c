// SPDX-License-Identifier: GPL-2.0
/*
 * When pages last changed. That is asked of pages that changed since a request began which is
 * open, or since something was accused; and of those that a record tells of late. So each page's
 * time is kept while that may be, and of the others only that of the last in their chunk.
 */
#include "model/pages.h"
#include "model/state.h"

#define KEPT_NS 1000000000ULL /* how late a record may come and still be put in its place */
#define SPARE_MAX 16 /* chunks' times kept for the next */
#define SETTLE_MAX 4096 /* chunks looked at for a watermark */

static struct chunk_times *times_take(struct model *model)
{
	struct chunk_times *times = model->times_spare;

	if (!times)
		return model_alloc(model, sizeof(*times));
	model->times_spare = times->next;
	model->times_spare_nr--;
	memset(times->known, 0, sizeof(times->known));
	return times;
}

static void times_drop(struct model *model, struct chunk_times *times)
{
	if (model->times_spare_nr >= SPARE_MAX) {
		model_release(model, times, sizeof(*times));
		return;
	}
	times->next = model->times_spare;
	model->times_spare = times;
	model->times_spare_nr++;
}

static void timed_enter(struct model *model, struct chunk *chunk)
{
	chunk->timed_next = NULL;
	chunk->timed_last = model->timed_tail;
	if (model->timed_tail)
		model->timed_tail->timed_next = chunk;
	else
		model->timed = chunk;
	model->timed_tail = chunk;
	model->timed_nr++;
}

static void timed_remove(struct model *model, struct chunk *chunk)
{
	if (chunk->timed_last)
		chunk->timed_last->timed_next = chunk->timed_next;
	else
		model->timed = chunk->timed_next;
	if (chunk->timed_next)
		chunk->timed_next->timed_last = chunk->timed_last;
	else
		model->timed_tail = chunk->timed_last;
	model->timed_nr--;
}

void chunk_forget_times(struct model *model, struct chunk *chunk)
{
	if (!chunk->times)
		return;
	timed_remove(model, chunk);
	times_drop(model, chunk->times);
	chunk->times = NULL;
	if (chunk->changed < chunk->changed_last)
		chunk->changed = chunk->changed_last;
}

__u64 pages_changed(const struct chunk_slot *slot, __u64 pgoff, __u64 nr)
{
	__u64 latest = 0, left = CHUNK_PAGES - (pgoff & (CHUNK_PAGES - 1));
	bool exact;

	/* Behind the chunk all are alike, as it is itself. */
	nr = nr < left ? nr : left;
	for (__u64 i = 0; i < (slot->chunk ? nr : 1); i++) {
		__u64 time = page_changed(slot, pgoff + i, &exact);

		latest = latest < time ? time : latest;
	}
	return latest;
}

/* Told of late: the time of some may be newer. */
static void times_raise(struct chunk_times *times, __u32 first, __u32 last, __u64 time)
{
	for (__u32 bit = first; bit <= last; bit++) {
		if (!bit_test(times->known, bit) || times->time[bit] < time)
			times->time[bit] = time;
	}
}

void run_mark_changed(struct model *model, struct chunk_slot *slot, __u64 pgoff, __u64 nr,
		      __u64 time)
{
	struct chunk *chunk = slot->chunk;
	__u32 bit = (__u32)(pgoff & (CHUNK_PAGES - 1)), last;

	if (!chunk) {
		if (slot->last_change < time)
			slot->last_change = time;
		return;
	}
	if (!chunk->times) {
		chunk->times = times_take(model);
		if (!chunk->times)
			return;
		timed_enter(model, chunk);
	}
	last = bit + (__u32)nr - 1;
	if (time < chunk->changed_last) {
		times_raise(chunk->times, bit, last, time);
	} else {
		chunk->changed_last = time;
		for (__u32 i = bit; i <= last; i++)
			chunk->times->time[i] = time;
	}
	for (size_t word = bit / 64; word <= last / 64; word++)
		chunk->times->known[word] |= bits_range(0, word, bit, last);
}

/* ns: nobody asks of what changed before. */
static __u64 changes_needed(const struct model *model, __u64 now)
{
	__u64 since = now > KEPT_NS ? now - KEPT_NS : 0;

	for (size_t i = 0; i < model->open_nr; i++) {
		if (model->open[i]->base.begin < since)
			since = model->open[i]->base.begin;
	}
	return since;
}

void changes_settle(struct model *model, __u64 now)
{
	size_t nr = model->timed_nr < SETTLE_MAX ? model->timed_nr : SETTLE_MAX;
	__u64 since;

	if (!nr || model->changes_kept)
		return;
	since = changes_needed(model, now);
	for (size_t i = 0; i < nr; i++) {
		struct chunk *chunk = model->timed;

		if (chunk->changed_last < since) {
			chunk_forget_times(model, chunk);
			continue;
		}
		timed_remove(model, chunk);
		timed_enter(model, chunk);
	}
}

void changes_free(struct model *model)
{
	while (model->times_spare) {
		struct chunk_times *times = model->times_spare;

		model->times_spare = times->next;
		free(times);
	}
}

void model_keep_changes(struct model *model)
{
	model->changes_kept = true;
}
