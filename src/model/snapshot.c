// SPDX-License-Identifier: GPL-2.0
/* Puts the records of a chunk's read together; judging is judge.c's. */
#include "providers/provider.h"
#include "model/pages.h"
#include "model/judge.h"

#define BUNDLES_MAX 1024 /* read at once: a CPU, or a task that was preempted on one, has one */

static bool snapshot_same(const struct bundle *bundle, const struct record_snapshot *record)
{
	return bundle->begin.header.inode == record->header.inode &&
	       bundle->begin.snapshot == record->snapshot &&
	       bundle->begin.pgoff_first == record->pgoff_first &&
	       bundle->begin.pass == record->pass;
}

void snapshot_recycle(struct model *model, struct bundle *bundle)
{
	bundle->runs_nr = bundle->promises_nr = 0;
	bundle->next = model->bundles_free;
	model->bundles_free = bundle;
}

/* Takes a begun bundle off the list: the one that @record ends or begins anew. */
static struct bundle *snapshot_take(struct model *model, const struct record_snapshot *record)
{
	for (struct bundle **link = &model->bundles; *link; link = &(*link)->next) {
		struct bundle *bundle = *link;

		if (!snapshot_same(bundle, record))
			continue;
		*link = bundle->next;
		model->bundles_nr--;
		return bundle;
	}
	return NULL;
}

/* Where there are too many the oldest one's end was lost, or never came. */
static void snapshot_limit(struct model *model)
{
	struct bundle **last = &model->bundles;

	if (model->bundles_nr < BUNDLES_MAX)
		return;
	while ((*last)->next)
		last = &(*last)->next;
	snapshot_recycle(model, *last);
	*last = NULL;
	model->bundles_nr--;
}

static bool snapshot_valid(struct model *model, const struct record_snapshot *record)
{
	if (record->header.inode && record->pgoff_nr && record->pgoff_nr <= RECORD_SNAPSHOT_EMPTY &&
	    record->pgoff_first < MODEL_PGOFF_MAX &&
	    record->pgoff_nr <= MODEL_PGOFF_MAX - record->pgoff_first)
		return true;
	model->counts.malformed++;
	return false;
}

bool snapshot_begin(struct model *model, const struct record_snapshot *record)
{
	struct bundle *bundle;

	if (!snapshot_valid(model, record))
		return false;
	bundle = snapshot_take(model, record);
	snapshot_limit(model);
	if (!bundle) {
		bundle = model->bundles_free;
		if (bundle)
			model->bundles_free = bundle->next;
		else
			bundle = model_alloc(model, sizeof(*bundle));
	}
	if (!bundle)
		return false;
	bundle->begin = *record;
	bundle->runs_nr = bundle->promises_nr = 0;
	bundle->next = model->bundles;
	model->bundles = bundle;
	model->bundles_nr++;
	return true;
}

/* A reader says what it saw in blocks of 64 pages. */
static bool run_continues(const struct bundle *bundle, const struct record_snapshot_page *record)
{
	const struct read_run *run;

	if (!bundle->runs_nr)
		return false;
	run = &bundle->runs[bundle->runs_nr - 1];
	return run->bits == record->bits && run->pgoff + run->nr == record->pgoff &&
	       (!(run->bits & RECORD_PAGE_RESIDENT) || run->pfn + run->nr == record->pfn);
}

/* One reader at a time reads an inode for one snapshot, so the newest chunk is meant. */
static struct bundle *bundle_find(const struct model *model, const struct record_header *header,
				  __u64 snapshot)
{
	struct bundle *bundle = model->bundles;

	while (bundle &&
	       (bundle->begin.header.inode != header->inode || bundle->begin.snapshot != snapshot))
		bundle = bundle->next;
	return bundle;
}

void snapshot_page(struct model *model, const struct record_snapshot_page *record)
{
	struct bundle *bundle = bundle_find(model, &record->header, record->snapshot);

	if (!bundle)
		return;
	if (!record->nr || record->nr > RECORD_SNAPSHOT_CHUNK ||
	    bundle->begin.pgoff_nr > RECORD_SNAPSHOT_CHUNK || record->pfn >= PFN_MAX - RUN_MAX ||
	    record->pgoff >= MODEL_PGOFF_MAX) {
		model->counts.malformed++;
		return;
	}
	if (run_continues(bundle, record)) {
		bundle->runs[bundle->runs_nr - 1].nr += record->nr;
		return;
	}
	if (!model_grow(model, &bundle->runs, bundle->runs_nr, &bundle->runs_room,
			sizeof(*bundle->runs)))
		return;
	bundle->runs[bundle->runs_nr++] = (struct read_run){
		.pgoff = record->pgoff,
		.pfn = record->pfn,
		.nr = record->nr,
		.bits = record->bits,
	};
}

/* Where the next run of promises may begin at the earliest: an offset is bound once. */
static __u64 promises_end(const struct bundle *bundle)
{
	const struct promise_run *last;

	if (!bundle->promises_nr)
		return bundle->begin.pgoff_first;
	last = &bundle->promises[bundle->promises_nr - 1];
	return last->pgoff + last->nr;
}

void snapshot_promise(struct model *model, const struct record_promise_read *record)
{
	struct bundle *bundle = bundle_find(model, &record->header, record->snapshot);
	struct inode *inode = inode_find(model, record->header.inode);

	/* A story's filter leaves out the chunk around it. */
	if (inode)
		MODEL_NOTIFY(model, promise_read, &inode->base, record);
	/* Nothing follows from it where conversions change no page's entry. */
	if (!bundle || !provider_has(bundle->begin.provider, PROVIDER_TAKES_REQUESTS))
		return;
	if (!record->nr || record->nr > RECORD_SNAPSHOT_CHUNK || record->pgoff >= MODEL_PGOFF_MAX ||
	    record->gfn >= 1ULL << 52 || record->pgoff < promises_end(bundle)) {
		model->counts.malformed++;
		return;
	}
	if (!model_grow(model, &bundle->promises, bundle->promises_nr, &bundle->promises_room,
			sizeof(*bundle->promises)))
		return;
	bundle->promises[bundle->promises_nr++] = (struct promise_run){
		.vm = record->vm,
		.pgoff = record->pgoff,
		.nr = record->nr,
		.gfn = record->gfn,
		.attributes = record->attributes,
	};
}

void snapshot_end(struct model *model, const struct record_snapshot *record)
{
	struct bundle *bundle = snapshot_take(model, record);

	/* Its begin was lost: half a read is none. */
	if (!bundle)
		return;
	bundle->end = record->header.time;
	bundle->result = record->result;
	if (bundle->end < bundle->begin.header.time)
		bundle->end = bundle->begin.header.time;
	if (!queue_add_bundle(model, bundle, bundle->end))
		snapshot_recycle(model, bundle);
}

static void bundles_free(struct bundle *bundle)
{
	while (bundle) {
		struct bundle *next = bundle->next;

		free(bundle->runs);
		free(bundle->promises);
		free(bundle);
		bundle = next;
	}
}

void snapshot_free_all(struct model *model)
{
	bundles_free(model->bundles);
	bundles_free(model->bundles_free);
}
