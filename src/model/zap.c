// SPDX-License-Identifier: GPL-2.0
/* Changes of direct-map entries: whose pages they were, and what they are now. */
#include "internal.h"

static bool zap_valid(struct model *model, const struct record_zap *record)
{
	if (record->nr && record->nr <= RUN_MAX && record->page < PFN_MAX &&
	    record->page + record->nr <= PFN_MAX && record->pgoff < MODEL_PGOFF_MAX - RUN_MAX)
		return true;
	model->counts.malformed++;
	return false;
}

/*
 * Absent already, and flushed since: no translation is left that a flush could
 * drop. The same is assumed where it is not sure what the page was before.
 */
static bool zap_is_redundant(const struct record_zap *record, const struct page *page)
{
	if (record->valid || page->flags & PAGE_EXPOSED)
		return false;
	return !(page->flags & PAGE_SURE) || page_applied(page) == MODEL_ABSENT;
}

/* Page @i of the run: true and @inode, @pgoff where it is anybody's. */
static bool zap_owner(struct model *model, const struct record_zap *record, struct inode *shown,
		      __u32 i, struct inode **inode, __u64 *pgoff, bool *sure, bool *redundant)
{
	__u64 pfn = record->page + i;
	enum pfn_owner owner = pfn_find(model, pfn, inode, pgoff);
	struct page *page;

	*sure = *redundant = false;

	/* What the first page shows of itself is better than what the model remembers. */
	if (shown && !i && (owner != PFN_OWNED || *inode != shown || *pgoff != record->pgoff)) {
		page = page_join(model, shown, record->pgoff, pfn);
		if (!page)
			return false;
		page_set(page, PAGE_SURE, true);
		*inode = shown;
		*pgoff = record->pgoff;
		owner = PFN_OWNED;
	}
	/* Where residency is still being learned, a run is taken at its word. */
	if (shown && i && owner == PFN_NONE && shown->learning) {
		page = page_join(model, shown, record->pgoff + i, pfn);
		if (!page)
			return false;
		*inode = shown;
		*pgoff = record->pgoff + i;
		owner = PFN_OWNED;
	}
	/* On its way out: restored after it has left, maybe after another took its place. */
	if (owner == PFN_LEFT) {
		*sure = !(*inode)->learning && !(*inode)->public.dead;
		return true;
	}
	if (owner == PFN_FREED && record->valid)
		return true;
	if (owner != PFN_OWNED)
		return false;
	page = extent_page(model, *inode, *pgoff, false);
	*sure = page && page->flags & PAGE_SURE && !(*inode)->public.dead;
	*redundant = page && zap_is_redundant(record, page);
	if (page && shown && !i)
		page_set(page, PAGE_SURE, true);
	return true;
}

static void zap_page(struct model *model, const struct record_zap *record, struct inode *inode,
		     __u64 pgoff, __u64 pfn, bool redundant)
{
	struct page *page = extent_page(model, inode, pgoff, false);
	bool secret = inode->public.provider == RECORD_PROVIDER_SECRETMEM;
	enum model_state wanted = record->valid ? MODEL_PRESENT : MODEL_ABSENT;

	if (!page || !(page->flags & PAGE_RESIDENT) || page->pfn != pfn) {
		if (!record->result)
			pfn_mark_zapped(model, pfn, !record->valid);
		return;
	}
	extent_touch_page(inode, pgoff);
	/* Told of late: something newer is known already. */
	if (record->zap_end < page->changed)
		return;
	page->changed = record->zap_end;
	if (record->result) {
		/* Some of the run may have changed; what had the state already has it still. */
		if (page_applied(page) != wanted)
			page_apply(model, inode, page, MODEL_EITHER);
		return;
	}
	page_apply(model, inode, page, wanted);
	if (record->valid && page->flags & PAGE_EXPOSED)
		exposure_cancel(model, inode, page);
	if (!record->valid && !redundant && !(page->flags & PAGE_EXPOSED)) {
		page_set(page, PAGE_EXPOSED, true);
		inode->public.exposed++;
	}
	/* memfd_secret prepares a page before it adds it, and restores it after it has left. */
	if (secret && !record->valid)
		page_set(page, PAGE_PREPARED, true);
	if (secret && record->valid) {
		page_leave(model, inode, pgoff);
		pfn_clear(model, pfn);
		inode_settle(model, inode);
	}
}

static void zap_count(struct model *model, const struct model_zap *zap, struct inode *inode,
		      const struct request *request)
{
	if (!inode) {
		model->counts.zaps_foreign += !request;
		return;
	}
	if (zap->result)
		return;
	inode->public.transitions += zap->nr;
	model->counts.transitions += zap->nr;
	if (zap->valid)
		inode->public.restored += zap->nr;
	else
		inode->public.zapped += zap->nr;
}

static void zap_log(struct model *model, struct task *task, const struct model_zap *zap)
{
	if (!model_grow(model, &task->zaps, task->zaps_nr, &task->zaps_room, sizeof(*task->zaps)))
		return;
	task->zaps[task->zaps_nr++] = *zap;
	task->restores += zap->valid;
}

/* A part of the run with one owner, or with none. */
static void zap_segment(struct model *model, const struct record_zap *record, struct task *task,
			struct inode *inode, struct model_zap *zap)
{
	struct request *request = request_innermost(task);
	struct model_flush flush;

	flush_of_zap(record, &flush);
	if (record->flush_routine && !zap->valid && flush_covers(&flush, zap))
		zap->flushed = flush.end;
	for (__u64 i = 0; i < zap->nr; i++) {
		if (zap->valid && !zap->result)
			loose_restored(model, zap->pfn + i, zap->end);
		if (inode)
			zap_page(model, record, inode, zap->pgoff + i, zap->pfn + i,
				 zap->redundant);
		else if (!zap->result)
			pfn_mark_zapped(model, zap->pfn + i, !zap->valid);
	}
	zap_count(model, zap, inode, request);
	if (inode && !zap->valid && !zap->result && !zap->redundant)
		exposure_add(model, inode, zap);
	if (request)
		zap_log(model, task, zap);
	else if (!zap->valid && !zap->result && !zap->redundant)
		loose_add(model, task, zap);
	MODEL_NOTIFY(model, zapped, zap, request ? &request->public : NULL);
}

static void zap_event(struct model *model, const struct record_zap *record)
{
	struct model_event event = {
		.time = record->zap_end,
		.kind = RECORD_ZAP,
		.operation = record->routine,
		.cpu = record->header.cpu,
		.tid = record->header.tid,
		.tgid = record->header.tgid,
		.inode = (__u32)record->header.inode,
		.state = record->valid,
		.result = record->result,
		.first = record->page,
		.last = record->page + record->nr - 1,
	};

	event_add(model, &event);
}

/* Where in its request a page of nobody's stands. */
static __u64 zap_place(const struct record_zap *record, const struct task *task, __u32 i)
{
	const struct request *request = request_innermost(task);

	if (record->header.inode)
		return record->pgoff + i;
	return request ? request->public.pgoff_first + i : 0;
}

/* What the page was before, where that is sure. */
static enum model_state zap_before(struct model *model, struct inode *inode, __u64 pgoff, bool sure)
{
	const struct page *page = inode ? extent_page(model, inode, pgoff, false) : NULL;

	return sure && page && page->flags & PAGE_RESIDENT ? page_applied(page) : MODEL_EITHER;
}

static enum model_state zap_after(const struct model_zap *zap)
{
	enum model_state wanted = zap->valid ? MODEL_PRESENT : MODEL_ABSENT;

	return !zap->result || zap->before == wanted ? wanted : MODEL_EITHER;
}

void zap_take(struct model *model, const struct record_zap *record)
{
	struct task *task = task_get(model, record->header.tid);
	struct inode *shown = NULL;
	__u32 i = 0;

	if (!task || !zap_valid(model, record))
		return;
	if (record->header.inode)
		shown = inode_get(model, record->header.inode, record->zap_end);
	if (!record->result && record->valid)
		model->counts.restores++;
	else if (!record->result)
		model->counts.zaps++;
	zap_event(model, record);
	while (i < record->nr) {
		struct inode *inode = NULL, *next;
		struct model_zap zap = {
			.pfn = record->page + i,
			.begin = record->zap_begin,
			.end = record->zap_end,
			.tid = record->header.tid,
			.tgid = record->header.tgid,
			.cpu = record->header.cpu,
			.result = record->result,
			.valid = record->valid,
			.routine = record->routine,
		};
		__u64 pgoff = 0, next_pgoff;
		bool owned, sure, redundant, next_sure, next_redundant;

		owned = zap_owner(model, record, shown, i, &inode, &pgoff, &sure, &redundant);
		zap.redundant = redundant;
		zap.inode = owned ? &inode->public : NULL;
		zap.pgoff = owned ? pgoff : zap_place(record, task, i);
		zap.sure = sure;
		zap.before = zap_before(model, inode, pgoff, sure);
		zap.after = zap_after(&zap);
		for (zap.nr = 1, i++; i < record->nr; zap.nr++, i++) {
			bool next_owned = zap_owner(model, record, shown, i, &next, &next_pgoff,
						    &next_sure, &next_redundant);

			if (next_owned != owned)
				break;
			if (owned && (next != inode || next_pgoff != pgoff + zap.nr ||
				      next_sure != sure || next_redundant != redundant ||
				      zap_before(model, next, next_pgoff, sure) != zap.before))
				break;
		}
		zap_segment(model, record, task, owned ? inode : NULL, &zap);
	}
}
