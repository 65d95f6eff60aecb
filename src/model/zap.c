// SPDX-License-Identifier: GPL-2.0
/* Changes of direct-map entries: whose pages they were, and what they are now. */
#include "model/pages.h"
#include "model/events.h"
#include "model/state.h"

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

struct zap_taking {
	struct model *model;
	const struct record_zap *record;
	struct inode *shown; /* as the first page shows it; NULL: it shows none */
};

/* A part of a run whose pages are alike. */
struct piece {
	struct inode *inode; /* NULL: nobody's */
	__u64 pgoff, nr;
	enum model_state before; /* where it is sure; else EITHER */
	__u64 since; /* ns: of the latest of their changes so far, or they came */
	bool known; /* its first page, without a gap */
	bool sure, redundant;
	bool resident;
};

/* What is known of its first page, and so of all of them. */
static void piece_describe(const struct zap_taking *taking, struct piece *piece,
			   const struct page *page)
{
	piece->known = page->flags & PAGE_SURE;
	piece->sure = piece->known && !piece->inode->base.dead;
	piece->redundant = zap_is_redundant(taking->record, page);
	if (piece->sure)
		piece->before = page_applied(page);
}

/* Whose it is the page itself shows, and so from now on; what it was, it does not. */
static void piece_shown(struct piece *piece, struct page *page)
{
	piece->sure = !piece->inode->base.dead;
	page_set(page, PAGE_SURE, true);
}

static void piece_know(const struct zap_taking *taking, struct piece *piece, __u64 i)
{
	struct page page = { .flags = 0 }, *first;

	piece->resident = extent_page_read(piece->inode, piece->pgoff, &page);
	piece->since = pages_changed(extent_slot(taking->model, piece->inode, piece->pgoff, false),
				     piece->pgoff, piece->nr);
	piece_describe(taking, piece, &page);
	if (!taking->shown || i || page.flags & PAGE_SURE)
		return;
	piece->nr = 1;
	first = extent_page(taking->model, piece->inode, piece->pgoff);
	if (first)
		piece_shown(piece, first);
}

static bool piece_join(const struct zap_taking *taking, struct piece *piece, __u64 i)
{
	__u64 pgoff = taking->record->pgoff + i, pfn = taking->record->page + i;
	struct page *page;

	piece->inode = taking->shown;
	piece->pgoff = pgoff;
	/* Where residency is still being learned, a run is taken at its word. */
	if (i && piece->nr > 1)
		return !pages_join(taking->model, taking->shown, pgoff, pfn, piece->nr);
	page = page_join(taking->model, taking->shown, pgoff, pfn);
	if (!page)
		return false;
	if (!i)
		page_set(page, PAGE_SURE, true);
	piece->nr = 1;
	return true;
}

/*
 * Of a page that is met by being changed nobody knows what it was before, nor since when it is
 * there; but who tells of no joins adds a page that it has just made absent. Whose it is it shows.
 */
static void piece_met(const struct zap_taking *taking, struct piece *piece)
{
	if (!piece->inode->learning ||
	    (!taking->record->valid && !inode_has(piece->inode, PROVIDER_TELLS_RESIDENCY)))
		return;
	piece->before = MODEL_EITHER;
	piece->since = taking->record->zap_end;
}

/* Of an owner that is not sure: a page that is there shows it, and nobody tells of those that leave. */
static bool owner_past(const struct zap_taking *taking, const struct inode *owner)
{
	return !taking->record->valid && !taking->shown && inode_has(owner, PROVIDER_LEAVES_UNTOLD);
}

/* The pages from the @i-th of the run on that are alike, and whose they are. */
static struct piece piece_find(const struct zap_taking *taking, __u64 i)
{
	const struct record_zap *record = taking->record;
	struct piece piece = { .before = MODEL_EITHER };
	enum pfn_owner owner;
	bool met = false;

	piece.nr = pfn_run(taking->model, record->page + i, record->nr - i, &owner, &piece.inode,
			   &piece.pgoff);
	/* What the first page shows of itself is better than what the model remembers. */
	if (taking->shown)
		met = i ? owner == PFN_NONE && taking->shown->learning
			: owner != PFN_OWNED || piece.inode != taking->shown ||
				      piece.pgoff != record->pgoff;
	if (met)
		owner = piece_join(taking, &piece, i) ? PFN_OWNED : PFN_NONE;
	switch (owner) {
	case PFN_OWNED:
		piece_know(taking, &piece, i);
		if (met)
			piece_met(taking, &piece);
		/* That it left before its inode was gone may have been lost. */
		if (!record->valid && piece.inode->base.dead && !piece.known)
			break;
		if (!piece.known && owner_past(taking, piece.inode))
			return (struct piece){ .nr = piece.nr, .before = MODEL_EITHER };
		return piece;
	case PFN_LEFT:
		/* On its way out: restored after it has left, maybe after another took its place. */
		piece.sure = !piece.inode->learning && !piece.inode->base.dead &&
			     !inode_has(piece.inode, PROVIDER_LEAVES_UNTOLD);
		/* After a loss, or when it is gone, whoever took its place makes it absent. */
		if (!record->valid && !piece.sure)
			break;
		return piece;
	case PFN_FREED:
		if (record->valid)
			return piece;
		break;
	default:
		break;
	}
	piece.inode = NULL;
	return piece;
}

static bool piece_continues(const struct piece *piece, const struct piece *next)
{
	return next->inode == piece->inode && next->sure == piece->sure &&
	       next->redundant == piece->redundant && next->before == piece->before &&
	       next->resident == piece->resident &&
	       (!piece->inode || next->pgoff == piece->pgoff + piece->nr);
}

/* Told of late: whether something newer is known of the page already. */
static bool zap_outdated(const struct record_zap *record, struct inode *inode, __u64 pgoff,
			 const struct page_span *run)
{
	bool exact;
	__u32 flags;

	if (record->zap_end >= page_changed(run->slot, pgoff, &exact))
		return false;
	if (!exact) {
		flags = run_applied(inode, run, MODEL_EITHER);
		run_write(run, flags & ~(__u32)PAGE_SURE);
	}
	return true;
}

static void zap_run(struct model *model, const struct record_zap *record, struct inode *inode,
		    __u64 pgoff, const struct page_span *run, bool redundant)
{
	enum model_state wanted = record->valid ? MODEL_PRESENT : MODEL_ABSENT;
	__u32 flags;

	pages_mark_changed(model, run->slot, pgoff, run->nr, record->zap_end);
	if (record->result) {
		/* Some of the run may have changed; what had the state already has it still. */
		if (page_applied(run->pages) != wanted)
			run_write(run, run_applied(inode, run, MODEL_EITHER));
		return;
	}
	flags = run_applied(inode, run, wanted);
	if (!record->valid)
		run_mark_absence(run, pgoff);
	if (record->valid && flags & PAGE_EXPOSED) {
		exposure_cancel(model, inode, run->pages->pfn, run->nr);
		flags &= ~(__u32)PAGE_EXPOSED;
	}
	if (!record->valid && !redundant && !(flags & PAGE_EXPOSED)) {
		flags |= PAGE_EXPOSED;
		inode->base.exposed += run->nr;
	}
	if (inode_has(inode, PROVIDER_ZAPS_PREPARED))
		flags |= PAGE_PREPARED;
	run_write(run, flags);
}

/* Pages of @inode that are resident. */
static void zap_pages(struct model *model, const struct record_zap *record, struct inode *inode,
		      const struct model_zap *zap)
{
	__u64 time = record->zap_end > model->counts.now ? record->zap_end : model->counts.now;
	bool late = record->zap_end < model->counts.now, outdated = false;
	struct page_span run;

	for (__u64 i = 0; i < zap->nr; i += run.nr) {
		__u64 pgoff = zap->pgoff + i;

		extent_run(model, inode, pgoff, zap->nr - i, &run);
		if (!run.pages)
			continue;
		/* Their times may differ. */
		if (late && !run.like)
			run.nr = 1;
		extent_touch_run(inode, &run, pgoff, time);
		if (late && zap_outdated(record, inode, pgoff, &run))
			outdated = true;
		else
			zap_run(model, record, inode, pgoff, &run, zap->redundant);
	}
	if (!inode_has(inode, PROVIDER_RESTORES_LEFT) || !record->valid || record->result ||
	    outdated)
		return;
	page_leave(model, inode, zap->pgoff, zap->pfn, zap->nr);
	pfn_clear(model, zap->pfn, zap->nr);
	inode_settle(model, inode);
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
	inode->base.transitions += zap->nr;
	model->counts.transitions += zap->nr;
	if (zap->valid)
		inode->base.restored += zap->nr;
	else
		inode->base.zapped += zap->nr;
}

/*
 * Of a page that was read but once nobody knows whether there was something to flush, nor, where it
 * does not show it, whose it is. Its own requests are counted as they begin.
 */
static void zap_count_unread(struct model *model, const struct model_zap *zap,
			     const struct inode *inode, const struct request *request)
{
	if (!inode || !inode->base.before_attach || (request && request->inode == inode))
		return;
	if (request ? !zap->sure : zap->redundant && zap->before == MODEL_EITHER)
		model->counts.requests_unread++;
}

static void zap_log(struct model *model, struct task *task, const struct model_zap *zap)
{
	if (!model_grow(model, &task->zaps, task->zaps_nr, &task->zaps_room, sizeof(*task->zaps)))
		return;
	task->zaps[task->zaps_nr++] = *zap;
	task->restores += zap->valid;
}

/* Whether its own flush, merged into its record, covers it. */
static void zap_flushed(const struct record_zap *record, struct model_zap *zap)
{
	struct model_flush flush;

	if (!record->flush_routine || zap->valid)
		return;
	flush_of_zap(record, &flush);
	zap->flushed = flush_covers(&flush, zap) ? flush.end : 0;
}

/* What it means beside its pages, which have changed. */
__attribute__((always_inline)) static inline void
zap_told(struct model *model, struct task *task, struct inode *inode, const struct model_zap *zap)
{
	struct request *request = request_innermost(task);
	bool exposes = !zap->valid && !zap->result && !zap->redundant;

	if (!request && inode && inode->open) {
		struct task *asked = lent_by(inode, zap);

		task = asked ? asked : task;
		request = request_innermost(task);
	}
	zap_count(model, zap, inode, request);
	zap_count_unread(model, zap, inode, request);
	if (zap->valid && inode && inode->reach && !zap->result)
		reach_restored(model, task, inode, zap);
	if (zap->valid)
		loose_borrow(task, zap);
	/* What was absent and is not redundant waits for a flush: it is measured from then. */
	if (inode && exposes && zap->before != MODEL_ABSENT)
		exposure_add(model, inode, zap);
	if (request) {
		request_stepped(request, zap->end);
		zap_log(model, task, zap);
	} else if (exposes)
		loose_add(model, task, zap);
	notify_zapped(model, task, inode, zap);
}

/* A part of the run with one owner, or with none. */
static void zap_segment(struct model *model, const struct record_zap *record, struct task *task,
			struct inode *inode, bool resident, struct model_zap *zap)
{
	__u64 marked = zap->valid || zap->nr < NOBODY_MAX ? zap->nr : NOBODY_MAX;

	zap_flushed(record, zap);
	if (zap->valid && !zap->result)
		loose_restored(model, zap);
	if (resident && inode)
		zap_pages(model, record, inode, zap);
	else if (!zap->result)
		pfn_mark_zapped(model, zap->pfn, marked, !zap->valid);
	zap_told(model, task, inode, zap);
}

static void zap_event(struct model *model, const struct record_zap *record)
{
	const struct model_event event = {
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
	return request ? request->base.pgoff_first + i : 0;
}

static enum model_state zap_after(const struct model_zap *zap)
{
	enum model_state wanted = zap->valid ? MODEL_PRESENT : MODEL_ABSENT;

	return !zap->result || zap->before == wanted ? wanted : MODEL_EITHER;
}

static void zap_describe(const struct zap_taking *taking, const struct task *task,
			 const struct piece *piece, __u64 first, struct model_zap *zap)
{
	const struct record_zap *record = taking->record;

	/* One by one: a structure that is cleared first takes twice as long. */
	zap->inode = piece->inode ? &piece->inode->base : NULL;
	zap->pgoff = piece->inode ? piece->pgoff : zap_place(record, task, (__u32)first);
	zap->pfn = record->page + first;
	zap->nr = piece->nr;
	zap->begin = record->zap_begin;
	zap->end = record->zap_end;
	zap->flushed = 0;
	zap->since = piece->since;
	zap->tid = record->header.tid;
	zap->tgid = record->header.tgid;
	zap->cpu = record->header.cpu;
	zap->result = record->result;
	zap->valid = record->valid;
	zap->sure = piece->sure;
	zap->redundant = piece->redundant;
	zap->before = piece->before;
	zap->routine = record->routine;
	zap->run = record->nr < MODEL_RUN_MAX ? (__u16)record->nr : MODEL_RUN_MAX;
	zap->after = zap_after(zap);
}

static void zap_piece(const struct zap_taking *taking, struct task *task, const struct piece *piece,
		      __u64 first)
{
	struct model_zap zap;

	zap_describe(taking, task, piece, first, &zap);
	zap_segment(taking->model, taking->record, task, piece->inode, piece->resident, &zap);
}

/* Where the page is, as its pfn says, or as it shows itself. false: that takes a closer look. */
__attribute__((always_inline)) static inline bool
single_find(const struct zap_taking *taking, struct piece *piece, struct page_span *run)
{
	const struct record_zap *record = taking->record;
	struct inode *owner;

	if (!pfn_claim(taking->model, record->page, &owner, &piece->pgoff))
		return false;
	if (!record->valid && owner && owner->base.dead)
		return false;
	piece->inode = owner;
	if (taking->shown) {
		piece->inode = taking->shown;
		piece->pgoff = record->pgoff;
	}
	if (!piece->inode || !extent_single(taking->model, piece->inode, piece->pgoff, run))
		return false;
	if (!(run->pages->flags & PAGE_SURE) && owner_past(taking, piece->inode))
		return false;
	/* Where it is not there, it joins. */
	return run->pages->flags & PAGE_RESIDENT ? run->pages->pfn == record->page : !owner;
}

/* Where it was not there, it is now. */
__attribute__((always_inline)) static inline void
single_know(const struct zap_taking *taking, struct piece *piece, const struct page_span *run)
{
	bool exact, met = !(run->pages->flags & PAGE_RESIDENT);

	if (met) {
		page_place(taking->model, piece->inode, piece->pgoff, run->pages,
			   taking->record->page, page_given(piece->inode));
		page_set(run->pages, PAGE_SURE, true);
	}
	piece->since = page_changed(run->slot, piece->pgoff, &exact);
	piece_describe(taking, piece, run->pages);
	if (met)
		piece_met(taking, piece);
	if (taking->shown)
		piece_shown(piece, run->pages);
}

/* A page that is restored has left: PROVIDER_RESTORES_LEFT. */
static void single_leave(struct model *model, struct inode *inode, const struct page_span *run,
			 __u64 pfn)
{
	run_write(run, 0);
	inode->base.resident--;
	pfn_clear(model, pfn, 1);
	inode_settle(model, inode);
}

/*
 * A page by itself, in a chunk that has them one by one, and told of in time: nearly all are such
 * where pages are faulted one by one. The same as a run of one, without looking for it again and
 * again. false: it is not such a page, and nothing was done.
 */
__attribute__((always_inline)) static inline bool zap_single(const struct zap_taking *taking,
							     struct task *task)
{
	const struct record_zap *record = taking->record;
	struct piece piece = { .nr = 1, .before = MODEL_EITHER };
	struct model *model = taking->model;
	struct page_span run;
	struct model_zap zap;

	if (record->nr != 1 || record->result || record->zap_end < model->counts.now ||
	    !single_find(taking, &piece, &run))
		return false;
	single_know(taking, &piece, &run);
	zap_describe(taking, task, &piece, 0, &zap);
	zap_flushed(record, &zap);
	if (zap.valid && loose_any(model))
		loose_restored(model, &zap);
	extent_touch_run(piece.inode, &run, piece.pgoff, record->zap_end);
	zap_run(model, record, piece.inode, piece.pgoff, &run, zap.redundant);
	if (zap.valid && inode_has(piece.inode, PROVIDER_RESTORES_LEFT))
		single_leave(model, piece.inode, &run, zap.pfn);
	model->single.record = record;
	model->single.inode = piece.inode;
	model->single.taken = model->taken;
	zap_told(model, task, piece.inode, &zap);
	return true;
}

/* Told of in time, flushed by its task right behind it, and nothing waits for that flush but it. */
static bool flushed_apart(const struct model *model, const struct record_zap *record)
{
	return record->nr == 1 && !record->result && !record->valid && record->page < PFN_MAX - 1 &&
	       record->pgoff < MODEL_PGOFF_MAX - RUN_MAX && record->zap_end >= model->counts.now &&
	       record->flush_routine == RECORD_FLUSH_RANGE &&
	       record->flush_begin >= record->zap_end &&
	       (record->flush_full ||
		(record->flush_first <= record->page && record->page <= record->flush_last)) &&
	       model->exposed_head == model->exposed_nr && !loose_any(model);
}

/* As zap_run(), of what is exposed no longer when the flush has been taken. */
static void flushed_apply(struct model *model, const struct record_zap *record,
			  const struct piece *piece, const struct page_span *run)
{
	struct inode *inode = piece->inode;
	__u32 flags = run_applied(inode, run, MODEL_ABSENT);

	extent_touch_run(inode, run, piece->pgoff, record->zap_end);
	pages_mark_changed(model, run->slot, piece->pgoff, 1, record->zap_end);
	run_mark_absence(run, piece->pgoff);
	if (inode_has(inode, PROVIDER_ZAPS_PREPARED))
		flags |= PAGE_PREPARED;
	run_write(run, flags);
}

/* What the flush means once the change has been told of. */
static void flushed_told(struct model *model, struct task *task, const struct model_zap *zap,
			 struct inode *inode, bool shown, struct model_flush *flush)
{
	struct model_exposure ended;

	/* Where it is of the page alone, as nearly always, the change's event has room for it. */
	if (!flush->full && flush->pfn_first == zap->pfn && flush->pfn_last == zap->pfn && shown &&
	    flush->end - zap->end <= EVENT_FLUSH_NS)
		event_flushed(model, flush->end - zap->end);
	else
		flush_event(model, flush, inode);
	inode->base.exposed--;
	flush->covered = 1;
	if (exposure_heard(model, zap->end, flush->end)) {
		ended = (struct model_exposure){
			.inode = &inode->base,
			.pgoff = zap->pgoff,
			.nr = 1,
			.begin = zap->end,
			.end = flush->end,
			.own = true,
			.operation = RECORD_OPERATION_NONE,
		};
		notify_exposure_ended(model, &ended);
	}
	flush_tell(model, task, flush, inode);
}

bool zap_take_flushed(struct model *model, const struct record_zap *record)
{
	struct piece piece = { .nr = 1, .before = MODEL_EITHER };
	struct zap_taking taking = { .model = model, .record = record };
	struct task *task;
	struct page_span run;
	struct model_zap zap;
	struct model_flush flush;

	if (!flushed_apart(model, record))
		return false;
	task = task_get(model, record->header.tid);
	if (!task || task->top)
		return false;
	if (record->header.inode)
		taking.shown = inode_get(model, record->header.inode, record->zap_end);
	if (!single_find(&taking, &piece, &run))
		return false;
	/* Somebody may have asked for it. */
	if (piece.inode->open)
		return false;
	/* One that nobody has to flush, or that waits for a flush already. */
	if (run.pages->flags & PAGE_RESIDENT &&
	    (run.pages->flags & PAGE_EXPOSED || zap_is_redundant(record, run.pages)))
		return false;
	flush_of_zap(record, &flush);
	model->taken += 2;
	model->counts.zaps++;
	zap_event(model, record);
	single_know(&taking, &piece, &run);
	zap_describe(&taking, task, &piece, 0, &zap);
	zap.flushed = flush.end;
	flushed_apply(model, record, &piece, &run);
	piece.inode->base.exposed++;
	zap_count(model, &zap, piece.inode, NULL);
	loose_covered(model, task, &zap);
	notify_zapped(model, task, piece.inode, &zap);
	model->counts.now = record->zap_end;
	flushed_told(model, task, &zap, piece.inode, taking.shown != NULL, &flush);
	model->counts.now = flush.end;
	return true;
}

void zap_take(struct model *model, const struct record_zap *record)
{
	struct task *task = task_get(model, record->header.tid);
	struct zap_taking taking = { .model = model, .record = record };

	if (!task || !zap_valid(model, record))
		return;
	if (record->header.inode)
		taking.shown = inode_get(model, record->header.inode, record->zap_end);
	if (!record->result && record->valid)
		model->counts.restores++;
	else if (!record->result)
		model->counts.zaps++;
	zap_event(model, record);
	if (zap_single(&taking, task))
		return;
	for (__u64 i = 0; i < record->nr;) {
		struct piece piece = piece_find(&taking, i);
		__u64 first = i;

		for (i += piece.nr; i < record->nr; i = first + piece.nr) {
			struct piece next = piece_find(&taking, i);

			if (!piece_continues(&piece, &next))
				break;
			piece.nr += next.nr;
			if (piece.since < next.since)
				piece.since = next.since;
		}
		zap_piece(&taking, task, &piece, first);
	}
}
