// SPDX-License-Identifier: GPL-2.0
/*
 * Zaps outside requests (memfd_secret's): the zapping task's next flush is
 * awaited. A zap of nobody's page is no business of ours, but whose page it is
 * may be learned later.
 */
#include "model/state.h"

/* Others' zaps in great numbers must not be remembered for ever. */
#define LOOSE_MAX 65536

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

/*
 * Pages of @inode's that are absent have come to light: a zap of nobody's was
 * one of theirs, as memfd_secret's are before the page is added. The zap counts
 * from now on as one that was known for the inode's from the start.
 */
static void loose_take(struct model *model, struct inode *inode, __u64 pgoff, struct model_zap *zap)
{
	struct page known;

	if (!extent_page_read(inode, pgoff, &known) || page_applied(&known) != MODEL_ABSENT ||
	    known.flags & PAGE_EXPOSED)
		return;
	zap->inode = &inode->base;
	zap->pgoff = pgoff;
	inode->base.transitions++;
	inode->base.zapped++;
	model->counts.transitions++;
	model->counts.zaps_foreign--;
	page_set(extent_page(model, inode, pgoff), PAGE_EXPOSED, true);
	inode->base.exposed++;
	exposure_add(model, inode, zap);
}

void loose_adopt(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn, __u64 nr)
{
	for (size_t i = model->loose_nr; i > model->loose_head; i--) {
		struct model_zap *zap = &model->loose[i - 1].zap;

		if (zap->inode || zap->nr != 1 || zap->pfn < pfn || zap->pfn - pfn >= nr)
			continue;
		loose_take(model, inode, pgoff + (zap->pfn - pfn), zap);
		if (nr == 1)
			return;
	}
}

/* Of a zap that has an owner. */
static void loose_tell(struct model *model, const struct model_zap *zap,
		       enum model_coverage coverage, __u64 now)
{
	struct model_flush_judgement judgement = {
		.zap = zap,
		.pgoff = zap->pgoff,
		.pfn = zap->pfn,
		.nr = zap->nr,
		.coverage = coverage,
		.time = now,
	};

	MODEL_NOTIFY(model, flush_judged, &judgement);
}

static void loose_judge(struct model *model, struct model_zap *zap, enum model_coverage coverage,
			__u64 now)
{
	if (loose_owner(model, zap))
		loose_tell(model, zap, coverage, now);
}

static void loose_fail(struct model *model, struct loose *loose, __u64 now)
{
	loose_judge(model, &loose->zap,
		    loose->flushed_elsewhere ? MODEL_MISCOVERED : MODEL_UNCOVERED, now);
	loose->zap.nr = 0;
}

/*
 * memfd_secret zaps one page a fault and flushes it in that fault: when its task
 * zaps the next, the flush of the one before is not coming any more.
 */
static void loose_overtake(struct model *model, const struct task *task, __u64 now)
{
	for (size_t i = model->loose_nr; i > model->loose_head; i--) {
		struct loose *loose = &model->loose[i - 1];

		if (loose->task != task)
			continue;
		if (loose->zap.nr && loose_owner(model, &loose->zap) &&
		    provider_has(loose->zap.inode->provider, PROVIDER_FLUSHES_EACH))
			loose_fail(model, loose, now);
		/* Those before it were overtaken by it. */
		return;
	}
}

static void loose_trim(struct model *model)
{
	while (model->loose_head < model->loose_nr && !model->loose[model->loose_head].zap.nr)
		model->loose_head++;
	if (model->loose_head == model->loose_nr)
		model->loose_head = model->loose_nr = 0;
}

/* Drops what is done with at the front. */
static void loose_pack(struct model *model)
{
	model->loose_nr -= model->loose_head;
	if (model->loose_nr)
		memmove(model->loose, model->loose + model->loose_head,
			model->loose_nr * sizeof(*model->loose));
	model->loose_head = 0;
}

void loose_add(struct model *model, struct task *task, const struct model_zap *zap)
{
	struct model_zap judged;

	if (loose_any(model)) {
		loose_overtake(model, task, zap->end);
		loose_trim(model);
	}
	/* Its own flush was merged into its record. */
	if (zap->flushed && zap->inode) {
		loose_tell(model, zap, MODEL_COVERED, zap->flushed);
		return;
	}
	if (zap->flushed) {
		judged = *zap;
		loose_judge(model, &judged, MODEL_COVERED, zap->flushed);
		return;
	}
	if (model->loose_nr - model->loose_head >= LOOSE_MAX)
		loose_fail(model, &model->loose[model->loose_head++], zap->end);
	if (model->loose_nr == model->loose_room)
		loose_pack(model);
	if (!model_grow(model, &model->loose, model->loose_nr, &model->loose_room,
			sizeof(*model->loose)))
		return;
	model->loose[model->loose_nr++] = (struct loose){ .zap = *zap, .task = task };
}

void loose_flush(struct model *model, const struct task *task, const struct model_flush *flush)
{
	for (size_t i = model->loose_head; i < model->loose_nr; i++) {
		struct loose *loose = &model->loose[i];

		if (!loose->zap.nr || loose->task != task || flush->begin < loose->zap.end)
			continue;
		if (!flush_is_own(flush, &loose->zap))
			continue;
		/* It is the next flush that counts: a later one is for something else. */
		if (loose->flushed_elsewhere || !flush_covers(flush, &loose->zap)) {
			loose->flushed_elsewhere = true;
			continue;
		}
		loose->zap.flushed = flush->end;
		loose_judge(model, &loose->zap, MODEL_COVERED, flush->end);
		loose->zap.nr = 0;
	}
	loose_trim(model);
}

void loose_restored(struct model *model, __u64 pfn, __u64 nr, __u64 now)
{
	for (size_t i = model->loose_head; i < model->loose_nr; i++) {
		struct loose *loose = &model->loose[i];

		if (pfn + nr <= loose->zap.pfn || pfn >= loose->zap.pfn + loose->zap.nr)
			continue;
		/* Without an owner this is the way back after a failed add, which needs no flush. */
		loose_fail(model, loose, now);
	}
	loose_trim(model);
}

void loose_expire(struct model *model, __u64 now)
{
	while (model->loose_head < model->loose_nr) {
		struct loose *loose = &model->loose[model->loose_head];

		if (loose->zap.end + LOOSE_DEADLINE > now)
			break;
		if (loose->zap.nr)
			loose_fail(model, loose, now);
		model->loose_head++;
	}
	loose_trim(model);
}
