// SPDX-License-Identifier: GPL-2.0
/*
 * Zaps outside requests (memfd_secret's): the zapping task's next flush is
 * awaited. Whose page one of nobody's is may be learned later, also after that
 * flush: v12 of the series flushes before the page joins. Where it is not, who
 * takes several out together has to flush before they are put back.
 */
#include "model/pages.h"
#include "model/state.h"

/* Others' zaps in great numbers must not be remembered for ever. */
#define LOOSE_MAX 65536
#define PFNS_KEPT 4096 /* keys of the map that stay when it is empty */
/* A zap outside requests whose task has not flushed for so long never will. */
#define LOOSE_DEADLINE 1000000000ULL
/*
 * The same of a fault of which nothing else is known: whoever goes before it keeps its task from the CPU between zap
 * and flush, as SCHED_IDLE beside ordinary tasks, for seconds.
 */
#define LOOSE_STARVED 60000000000ULL

/* A zap outside any request, whose task's flush is awaited. */
struct loose {
	struct model_zap zap; /* nr 0: done with */
	struct task *task;
	__u64 waits_before; /* place of the task's one before it that waits */
	__u64 same_before; /* place of the one before it that is of the same page alone */
	bool flushed_elsewhere; /* the task flushed, but not these pages */
	bool together; /* with others, before its task flushed or put back any */
	bool borrowed; /* its task had put it back right before, as hibernation does to copy it */
};

static bool loose_owner(struct model *model, struct model_zap *zap)
{
	struct inode *inode;
	__u64 pgoff;

	if (zap->inode)
		return true;
	if (pfn_find(model, zap->pfn, &inode, &pgoff) != PFN_OWNED)
		return false;
	zap->inode = &inode->base;
	zap->pgoff = pgoff;
	return true;
}

static struct model_flush_judgement loose_judgement(const struct model_zap *zap,
						    enum model_coverage coverage, __u64 now)
{
	return (struct model_flush_judgement){
		.zap = zap,
		.pgoff = zap->pgoff,
		.pfn = zap->pfn,
		.nr = zap->nr,
		.coverage = coverage,
		.time = now,
	};
}

/* Of a zap that has an owner. */
static void loose_tell(struct model *model, const struct model_zap *zap,
		       enum model_coverage coverage, __u64 now)
{
	struct model_flush_judgement judgement = loose_judgement(zap, coverage, now);

	MODEL_NOTIFY(model, flush_judged, &judgement);
}

/* Of one whose task did not flush it. */
static enum model_coverage loose_coverage(const struct loose *loose)
{
	return loose->flushed_elsewhere ? MODEL_MISCOVERED : MODEL_UNCOVERED;
}

/* Of the last of its pages that a task borrows nothing is told: it puts back no other after it. */
static const char *loose_borrower(const struct model *model, const struct model_zap *zap)
{
	const struct caller *borrower = &model->borrower;
	bool near = borrower->time + LOOSE_DEADLINE > zap->end &&
		    zap->end + LOOSE_DEADLINE > borrower->time;

	return borrower->time && borrower->tid == zap->tid && near ? borrower->text : NULL;
}

/* The same, and nobody has it. */
static void loose_tell_nobodys(struct model *model, const struct loose *loose, bool borrowed,
			       __u64 now)
{
	struct model_flush_judgement judgement =
		loose_judgement(&loose->zap, loose_coverage(loose), now);

	judgement.borrowed = borrowed;
	if (borrowed)
		judgement.caller = loose_borrower(model, &loose->zap);
	else
		judgement.caller = caller_of(model, loose->zap.tid, loose->zap.end, ANY_PAGE);
	MODEL_NOTIFY(model, flush_judged, &judgement);
}

static void loose_done(struct model *model, struct loose *loose)
{
	model->loose_wide -= loose->zap.nr > 1;
	loose->zap.nr = 0;
}

/* It was counted as nobody's, flushed before it had an owner. */
static void loose_take_flushed(struct model *model, struct inode *inode, struct loose *loose)
{
	struct model_zap *zap = &loose->zap;
	struct model_exposure ended = {
		.inode = &inode->base,
		.pgoff = zap->pgoff,
		.nr = 1,
		.begin = zap->end,
		.end = zap->flushed,
		.own = true,
		.operation = RECORD_OPERATION_NONE,
	};

	model->counts.foreign_flushed--;
	notify_exposure_ended(model, &ended);
	loose_tell(model, zap, MODEL_COVERED, zap->flushed);
	loose_done(model, loose);
}

/*
 * Pages of @inode's that are absent have come to light: a zap of nobody's was
 * one of theirs, as memfd_secret's are before the page is added. The zap counts
 * from now on as one that was known for the inode's from the start.
 */
static void loose_take(struct model *model, struct inode *inode, __u64 pgoff, struct loose *loose)
{
	struct model_zap *zap = &loose->zap;
	struct page known, *page;

	if (!extent_page_read(inode, pgoff, &known) || page_applied(&known) != MODEL_ABSENT ||
	    known.flags & PAGE_EXPOSED)
		return;
	zap->inode = &inode->base;
	zap->pgoff = pgoff;
	inode->base.transitions++;
	inode->base.zapped++;
	narrow_adopt(model, inode, pgoff);
	model->counts.transitions++;
	model->counts.zaps_foreign--;
	if (zap->flushed) {
		loose_take_flushed(model, inode, loose);
		return;
	}
	page = extent_page(model, inode, pgoff);
	if (!page)
		return;
	page_set(page, PAGE_EXPOSED, true);
	inode->base.exposed++;
	exposure_add(model, inode, zap);
}

/* NULL: it is gone, or 0. */
static struct loose *loose_at(const struct model *model, __u64 place)
{
	return place > model->loose_dropped + model->loose_head
		       ? &model->loose[place - 1 - model->loose_dropped]
		       : NULL;
}

/* The newest that is of @pfn alone and not done with; NULL: none. */
static struct loose *loose_single(const struct model *model, __u64 pfn)
{
	const union map_value *place = map_find(&model->loose_pfns, pfn);
	struct loose *loose = place ? loose_at(model, place->number) : NULL;

	while (loose && !loose->zap.nr)
		loose = loose_at(model, loose->same_before);
	return loose;
}

void loose_told_caller(struct model *model, const struct caller *caller)
{
	const struct loose *loose = caller ? loose_single(model, caller->page) : NULL;

	/* Judged only when it is too late for a flush: many others may be told of until then. */
	if (loose && loose->borrowed && loose->zap.tid == caller->tid)
		model->borrower = *caller;
}

static void loose_adopt_single(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn)
{
	struct loose *loose = loose_single(model, pfn);

	while (loose && (loose->zap.inode || !loose->zap.nr))
		loose = loose_at(model, loose->same_before);
	if (loose)
		loose_take(model, inode, pgoff, loose);
}

void loose_adopt(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn, __u64 nr)
{
	if (nr == 1) {
		loose_adopt_single(model, inode, pgoff, pfn);
		return;
	}
	for (size_t i = model->loose_nr; i > model->loose_head; i--) {
		struct loose *loose = &model->loose[i - 1];
		const struct model_zap *zap = &loose->zap;

		if (!zap->inode && zap->nr == 1 && zap->pfn >= pfn && zap->pfn - pfn < nr)
			loose_take(model, inode, pgoff + (zap->pfn - pfn), loose);
	}
}

/*
 * Hibernation puts back what is absent, copies it, takes it out again and flushes it. A page of
 * memfd_secret's that its task freed, and gets again, joins meanwhile, or is put back at once.
 */
static void loose_judge_borrowed(struct model *model, struct loose *loose, __u64 now)
{
	if (loose->borrowed && !loose->zap.flushed && !loose_owner(model, &loose->zap))
		loose_tell_nobodys(model, loose, true, now);
}

/* Its flush is seen before it can be told whether all CPUs took part in it. */
static void loose_remember(const struct model *model, struct task *task,
			   const struct model_zap *zap)
{
	if (model->counts.groups & SENSOR_GROUP_WITNESS)
		task->covered = *zap;
}

void loose_unanswered(struct model *model, struct task *task,
		      const struct model_unanswered *unanswered)
{
	struct model_zap *zap = &task->covered;
	struct model_flush_judgement judgement = {
		.zap = zap,
		.coverage = MODEL_UNANSWERED,
		.unanswered = unanswered,
		.time = unanswered->end,
	};

	/* Where it waits on its zap has no owner yet. */
	if (!zap->nr || unanswered->begin > zap->flushed || unanswered->end < zap->end ||
	    !loose_owner(model, zap))
		return;
	judgement.pgoff = zap->pgoff;
	judgement.pfn = zap->pfn;
	judgement.nr = zap->nr;
	MODEL_NOTIFY(model, flush_judged, &judgement);
	zap->nr = 0;
}

const struct model_zap *loose_waiting(struct model *model, const struct task *task, __u64 pfn)
{
	struct loose *loose = loose_single(model, pfn);

	return loose && loose->task == task && loose_owner(model, &loose->zap) ? &loose->zap : NULL;
}

static void loose_judge(struct model *model, struct model_zap *zap, enum model_coverage coverage,
			__u64 now)
{
	if (loose_owner(model, zap))
		loose_tell(model, zap, coverage, now);
	else if (coverage == MODEL_COVERED)
		model->counts.foreign_flushed += zap->nr;
}

/*
 * Whether @restore puts back a page of nobody's that its task took out together with others, as
 * who frees executable memory does. One alone that comes back at once may be memfd_secret's, whose
 * way into its file failed: that needs no flush.
 */
static bool loose_is_reset(const struct loose *loose, const struct model_zap *restore)
{
	return loose->together && loose->zap.tid == restore->tid &&
	       loose->zap.routine == RECORD_ZAP_INVALID && restore->routine == RECORD_ZAP_DEFAULT;
}

/* Of nobody's pages: put back with no flush in between, or with one of others alone. */
static void loose_judge_reset(struct model *model, struct loose *loose,
			      const struct model_zap *restore)
{
	if (!loose->zap.flushed && !loose_owner(model, &loose->zap) &&
	    loose_is_reset(loose, restore))
		loose_tell_nobodys(model, loose, false, restore->end);
}

static void loose_fail(struct model *model, struct loose *loose, __u64 now)
{
	enum model_coverage coverage = loose_coverage(loose);

	if (coverage == MODEL_UNCOVERED)
		coverage = flush_otherwise(loose->task, &loose->zap);
	/* What was flushed waited for an owner only. */
	if (!loose->zap.flushed)
		loose_judge(model, &loose->zap, coverage, now);
	if (!loose->zap.flushed && coverage == MODEL_OTHERWISE && loose->zap.inode)
		model->counts.pages_otherwise += loose->zap.nr;
	loose_done(model, loose);
}

/*
 * memfd_secret zaps one page a fault and flushes it in that fault: when its task
 * zaps the next, the flush of the one before is not coming any more.
 */
static void loose_overtake(struct model *model, const struct task *task, __u64 now)
{
	/* Those before it were overtaken by it. */
	struct loose *loose = loose_at(model, task->loose_last);

	if (loose && loose->zap.nr && loose_owner(model, &loose->zap) &&
	    provider_has(loose->zap.inode->provider, PROVIDER_FLUSHES_EACH))
		loose_fail(model, loose, now);
}

/* None is there: what says where each stands is of no use any more. */
static void loose_clear(struct model *model)
{
	struct map *pfns = &model->loose_pfns;

	model->loose_dropped += model->loose_nr;
	model->loose_head = model->loose_nr = 0;
	if (pfns->used < PFNS_KEPT)
		return;
	model_release(model, pfns->slots, pfns->room * sizeof(*pfns->slots));
	*pfns = (struct map){ .slots = NULL };
}

static void loose_trim(struct model *model)
{
	while (model->loose_head < model->loose_nr && !model->loose[model->loose_head].zap.nr)
		model->loose_head++;
	if (model->loose_head == model->loose_nr)
		loose_clear(model);
}

/* Drops what is done with at the front. */
static void loose_pack(struct model *model)
{
	model->loose_dropped += model->loose_head;
	model->loose_nr -= model->loose_head;
	if (model->loose_nr)
		memmove(model->loose, model->loose + model->loose_head,
			model->loose_nr * sizeof(*model->loose));
	model->loose_head = 0;
}

/* Whether its task's newest before it waits as well: neither is memfd_secret's then. */
static void loose_note_together(struct model *model, struct loose *loose)
{
	struct loose *before = loose_at(model, loose->task->loose_last);

	if (loose->task->loose_waiting && before && before->zap.nr) {
		before->together = true;
		loose->together = true;
	}
	loose->task->loose_waiting = true;
}

void loose_borrow(struct task *task, const struct model_zap *zap)
{
	bool nobodys = !zap->inode && zap->nr == 1 && zap->routine == RECORD_ZAP_DEFAULT;

	task->loose_waiting = false;
	task->borrowed = nobodys ? zap->pfn + 1 : 0;
}

static void loose_note_borrowed(struct loose *loose)
{
	const struct model_zap *zap = &loose->zap;

	loose->borrowed = !zap->inode && zap->routine == RECORD_ZAP_INVALID &&
			  loose->task->borrowed == zap->pfn + 1;
	loose->task->borrowed = 0;
}

/* The newest: its task's, and its page's. */
static void loose_enter(struct model *model, struct loose *loose)
{
	__u64 place = model->loose_dropped + model->loose_nr;
	union map_value *newest;

	if (!loose->zap.flushed) {
		loose_note_together(model, loose);
		loose_note_borrowed(loose);
		loose->waits_before = loose->task->loose_waits;
		loose->task->loose_waits = loose->task->loose_last = place;
	}
	model->loose_wide += loose->zap.nr > 1;
	if (loose->zap.nr > 1)
		return;
	newest = map_add(model, &model->loose_pfns, loose->zap.pfn);
	if (!newest)
		return;
	loose->same_before = newest->number;
	newest->number = place;
}

void loose_covered(struct model *model, struct task *task, const struct model_zap *zap)
{
	task->loose_waiting = false;
	loose_remember(model, task, zap);
	if (model->heard.covered)
		loose_tell(model, zap, MODEL_COVERED, zap->flushed);
}

/* One alone, as a fault takes it out: whose it is becomes known when it joins its file. */
static bool loose_may_join(const struct loose *loose)
{
	return loose->zap.nr == 1 && !loose->zap.valid && !loose->together && !loose->borrowed;
}

/* memfd_secret's, whose task has not been seen to do anything since: it may be in its fault still. */
static bool loose_may_flush(const struct model *model, const struct loose *loose)
{
	const struct model_inode *owner = loose->zap.inode;
	struct inode *inode;
	__u64 pgoff;

	if (!loose->zap.nr || loose->zap.flushed || loose->flushed_elsewhere)
		return false;
	if (!owner && pfn_find(model, loose->zap.pfn, &inode, &pgoff) == PFN_OWNED)
		owner = &inode->base;
	if (!owner)
		return loose_may_join(loose);
	/* Nobody is in a fault of what is released. */
	return !owner->dead && provider_has(owner->provider, PROVIDER_FLUSHES_EACH);
}

bool model_page_on_its_way(const struct model *model, __u64 pfn, __u64 now)
{
	const struct loose *loose = loose_single(model, pfn);

	return loose && loose->zap.end + LOOSE_STARVED > now && loose_may_flush(model, loose);
}

/* The oldest makes way: nothing is known of it from now on. */
static void loose_make_way(struct model *model, __u64 now)
{
	struct loose *oldest = &model->loose[model->loose_head++];

	if (!loose_may_flush(model, oldest)) {
		loose_fail(model, oldest, now);
		return;
	}
	model->counts.pages_late += oldest->zap.nr;
	loose_done(model, oldest);
}

void loose_add(struct model *model, struct task *task, const struct model_zap *zap)
{
	if (loose_any(model)) {
		loose_overtake(model, task, zap->end);
		loose_trim(model);
	}
	/* Its own flush was merged into its record. */
	if (zap->flushed && zap->inode) {
		loose_covered(model, task, zap);
		return;
	}
	if (zap->flushed) {
		task->loose_waiting = false;
		model->counts.foreign_flushed += zap->nr;
	}
	if (zap->flushed && zap->nr > 1)
		return;
	if (model->loose_nr - model->loose_head >= LOOSE_MAX)
		loose_make_way(model, zap->end);
	/* Not for one place: with a crowd that waits each would be moved for each that comes. */
	if (model->loose_nr == model->loose_room && model->loose_head >= model->loose_room / 4)
		loose_pack(model);
	if (!model_grow(model, &model->loose, model->loose_nr, &model->loose_room,
			sizeof(*model->loose)))
		return;
	model->loose[model->loose_nr++] = (struct loose){ .zap = *zap, .task = task };
	loose_enter(model, &model->loose[model->loose_nr - 1]);
}

/* Whether @loose waits on: the flush was for something else, or began too early. */
static bool loose_flushed(struct model *model, struct loose *loose, const struct model_flush *flush)
{
	if (!loose->zap.nr)
		return false;
	if (flush->begin < loose->zap.end || !flush_is_own(flush, &loose->zap))
		return true;
	/* It is the next flush that counts: a later one is for something else. */
	if (!flush_covers(flush, &loose->zap)) {
		loose->flushed_elsewhere = true;
		return false;
	}
	loose->zap.flushed = flush->end;
	loose_remember(model, loose->task, &loose->zap);
	loose_judge(model, &loose->zap, MODEL_COVERED, flush->end);
	/* Its page may join yet. */
	if (loose->zap.inode || loose->zap.nr > 1)
		loose_done(model, loose);
	return false;
}

void loose_flush(struct model *model, struct task *task, const struct model_flush *flush)
{
	__u64 place = task->loose_waits;
	struct loose *loose;
	size_t nr = 0;

	task->loose_waiting = false;
	for (; (loose = loose_at(model, place)); place = loose->waits_before) {
		if (!model_grow(model, &model->loose_waiting, nr, &model->loose_waiting_room,
				sizeof(*model->loose_waiting)))
			return;
		model->loose_waiting[nr++] = place;
	}
	/* The oldest first. */
	for (task->loose_waits = 0; nr > 0; nr--) {
		place = model->loose_waiting[nr - 1];
		loose = loose_at(model, place);
		if (!loose || !loose_flushed(model, loose, flush))
			continue;
		loose->waits_before = task->loose_waits;
		task->loose_waits = place;
	}
	loose_trim(model);
}

/* Back with no flush of its task's. Without an owner this may be the way back after a failed add. */
static void loose_fail_restored(struct model *model, struct loose *loose,
				const struct model_zap *restore)
{
	loose_judge_reset(model, loose, restore);
	loose_fail(model, loose, restore->end);
}

/* The pages are all of one that is of it alone. false: there may be others. */
static bool restored_single(struct model *model, const struct model_zap *restore)
{
	struct loose *loose, *other;

	if (restore->nr != 1 || model->loose_wide)
		return false;
	loose = loose_single(model, restore->pfn);
	other = loose ? loose_at(model, loose->same_before) : NULL;
	while (other && !other->zap.nr)
		other = loose_at(model, other->same_before);
	if (other)
		return false;
	if (loose)
		loose_fail_restored(model, loose, restore);
	return true;
}

void loose_restored(struct model *model, const struct model_zap *restore)
{
	bool looked = restored_single(model, restore);

	for (size_t i = model->loose_head; !looked && i < model->loose_nr; i++) {
		struct loose *loose = &model->loose[i];

		if (!loose->zap.nr || restore->pfn + restore->nr <= loose->zap.pfn ||
		    restore->pfn >= loose->zap.pfn + loose->zap.nr)
			continue;
		loose_fail_restored(model, loose, restore);
	}
	loose_trim(model);
}

void loose_expire(struct model *model, __u64 now)
{
	for (size_t i = model->loose_head; i < model->loose_nr; i++) {
		struct loose *loose = &model->loose[i];

		if (loose->zap.end + LOOSE_DEADLINE > now)
			break;
		if (!loose->zap.nr ||
		    (loose->zap.end + LOOSE_STARVED > now && loose_may_flush(model, loose)))
			continue;
		loose_judge_borrowed(model, loose, now);
		loose_fail(model, loose, now);
	}
	loose_trim(model);
}

__u64 loose_late(const struct model *model, __u64 now)
{
	__u64 pages = 0;

	for (size_t i = model->loose_head; i < model->loose_nr; i++) {
		const struct loose *loose = &model->loose[i];

		if (loose->zap.end + LOOSE_DEADLINE <= now && loose_may_flush(model, loose))
			pages += loose->zap.nr;
	}
	return pages;
}

void loose_free(struct model *model)
{
	free(model->loose);
	free(model->loose_pfns.slots);
	free(model->loose_waiting);
}
