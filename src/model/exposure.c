// SPDX-License-Identifier: GPL-2.0
/* Exposure: from a zap to the first flush, by anyone, that covers the page. */
#include "model/pages.h"
#include "model/state.h"

#define EXPOSURES_MAX 65536
#define RANGE_LOOKUP_MAX 512
#define CANCEL_LOOKS 64
#define CANCEL_LOOKS_MAX 1024 /* for all of a run */
#define FEW 4 /* sooner looked through than looked up */

static void exposure_trim(struct model *model)
{
	while (model->exposed_head < model->exposed_nr &&
	       !model->exposed[model->exposed_head].inode)
		model->exposed_head++;
	if (model->exposed_head == model->exposed_nr)
		model->exposed_head = model->exposed_nr = 0;
}

/* Drops what is done with at the front. */
static void exposure_pack(struct model *model)
{
	model->exposed_nr -= model->exposed_head;
	if (model->exposed_nr)
		memmove(model->exposed, model->exposed + model->exposed_head,
			model->exposed_nr * sizeof(*model->exposed));
	model->exposed_head = 0;
}

/* Not while they are walked: their places change. */
static void exposure_tidy(struct model *model)
{
	exposure_trim(model);
	if (model->exposed_nr == model->exposed_room)
		exposure_pack(model);
}

/* One more; where there are too many the oldest is given up. */
static void exposure_append(struct model *model, const struct exposure *exposure)
{
	exposure_trim(model);
	/* Pages that nobody ever flushes keep their mark; only the measure is given up. */
	if (model->exposed_nr - model->exposed_head >= EXPOSURES_MAX)
		model->exposed[model->exposed_head].inode = NULL;
	if (model_grow(model, &model->exposed, model->exposed_nr, &model->exposed_room,
		       sizeof(*model->exposed)))
		model->exposed[model->exposed_nr++] = *exposure;
}

void exposure_add(struct model *model, struct inode *inode, const struct model_zap *zap)
{
	const struct exposure exposure = {
		.pfn = zap->pfn,
		.pgoff = zap->pgoff,
		.begin = zap->end,
		.inode = inode,
		.nr = (__u32)zap->nr,
		.tid = zap->tid,
	};

	exposure_tidy(model);
	exposure_append(model, &exposure);
}

/* [first, last] of its pfns are done with. What is left on both sides is two from now on, the second the newest. */
static void exposure_cut(struct model *model, struct exposure *exposure, __u64 first, __u64 last)
{
	__u64 end = exposure->pfn + exposure->nr - 1;
	struct exposure rest = *exposure;

	rest.nr = (__u32)(end - last);
	rest.pgoff += last + 1 - exposure->pfn;
	rest.pfn = last + 1;
	exposure->nr = (__u32)(first - exposure->pfn);
	if (!rest.nr && !exposure->nr)
		exposure->inode = NULL;
	else if (!exposure->nr)
		*exposure = rest;
	else if (rest.nr)
		exposure_append(model, &rest);
}

/* From @first on, up to @last, they have been restored. How many of them it was; 0: not the first. */
static __u64 exposure_cancel_at(struct model *model, size_t index, __u64 first, __u64 last)
{
	struct exposure *exposure = &model->exposed[index];
	__u64 end = exposure->pfn + exposure->nr - 1;

	if (!exposure->inode || first < exposure->pfn || first > end)
		return 0;
	last = last < end ? last : end;
	exposure_cut(model, exposure, first, last);
	return last - first + 1;
}

/* The same, wherever it is near one of the ends: restored soon, or in the order zapped. */
static __u64 exposure_cancel_some(struct model *model, __u64 first, __u64 last, size_t *looks)
{
	size_t nr = model->exposed_nr, head = model->exposed_head;
	__u64 found = 0;

	for (size_t i = 0; i < CANCEL_LOOKS && head + i < nr && *looks && !found; i++, --*looks) {
		found = exposure_cancel_at(model, nr - 1 - i, first, last);
		if (!found)
			found = exposure_cancel_at(model, head + i, first, last);
	}
	return found;
}

void exposure_cancel(struct model *model, struct inode *inode, __u64 pfn, __u64 nr)
{
	__u64 found = 1, last = pfn + nr - 1;
	size_t looks = CANCEL_LOOKS_MAX;

	inode->base.exposed -= nr;
	exposure_tidy(model);
	for (; pfn <= last && found; pfn += found)
		found = exposure_cancel_some(model, pfn, last, &looks);
}

/* As extent_run(), of those that are exposed: the others keep together. */
static void exposed_run(struct model *model, struct inode *inode, __u64 pgoff, __u64 nr,
			struct page_span *run)
{
	struct page page;

	run->pages = NULL;
	run->nr = nr == 1 ? 1 : extent_alike(inode, pgoff, nr);
	if (extent_page_read(inode, pgoff, &page) && page.flags & PAGE_EXPOSED)
		extent_run(model, inode, pgoff, nr, run);
}

/* Ends the exposure of those pages of @exposure that @flush reaches. */
static void exposure_close(struct model *model, struct exposure *exposure,
			   struct model_flush *flush, enum record_operation operation)
{
	struct inode *inode = exposure->inode;
	struct model_exposure ended = {
		.inode = &inode->base,
		.begin = exposure->begin,
		.end = flush->end,
		.own = exposure->tid == flush->tid,
		.operation = operation,
	};
	__u64 first = exposure->pfn, last = first + exposure->nr - 1;
	struct page_span run;

	if (!flush->full && first < flush->pfn_first)
		first = flush->pfn_first;
	if (!flush->full && last > flush->pfn_last)
		last = flush->pfn_last;
	for (__u64 pfn = first; pfn <= last; pfn += run.nr) {
		__u64 pgoff = exposure->pgoff + (pfn - exposure->pfn);

		exposed_run(model, inode, pgoff, last - pfn + 1, &run);
		if (!run.pages || run.pages->pfn != pfn)
			continue;
		run_write(&run, run.pages->flags & ~(__u32)PAGE_EXPOSED);
		inode->base.exposed -= run.nr;
		if (!ended.nr)
			ended.pgoff = pgoff;
		ended.nr += run.nr;
	}
	exposure_cut(model, exposure, first, last);
	flush->covered += ended.nr;
	if (ended.nr && inode->early_nr)
		reach_flushed(model, task_get(model, flush->tid), inode, &ended);
	if (ended.nr)
		notify_exposure_ended(model, &ended);
}

/* Most narrow flushes are for one page, and most find it alone. */
static bool range_exposed(struct model *model, const struct model_flush *flush)
{
	if (flush->full || flush->pfn_last - flush->pfn_first >= RANGE_LOOKUP_MAX)
		return true;
	for (__u64 pfn = flush->pfn_first; pfn <= flush->pfn_last; pfn++) {
		struct inode *inode;
		struct page page;
		__u64 pgoff;

		if (pfn_find(model, pfn, &inode, &pgoff) == PFN_OWNED &&
		    extent_page_read(inode, pgoff, &page) && page.flags & PAGE_EXPOSED)
			return true;
	}
	return false;
}

/* Whether the flush is what @exposure waits for: it began later, and reaches some of it. */
static bool exposure_ends(const struct exposure *exposure, const struct model_flush *flush)
{
	if (!exposure->inode || exposure->begin > flush->begin)
		return false;
	return flush->full || (exposure->pfn <= flush->pfn_last &&
			       exposure->pfn + exposure->nr > flush->pfn_first);
}

/* Only one page is exposed, as where each is flushed when it has become absent. false: it is not so. */
static bool exposure_end_single(struct model *model, struct model_flush *flush,
				enum record_operation operation)
{
	struct exposure *exposure = &model->exposed[model->exposed_head];
	struct inode *inode = exposure->inode;
	struct model_exposure ended;
	struct page_span run;

	if (model->exposed_nr - model->exposed_head != 1 || exposure->nr != 1 ||
	    !exposure_ends(exposure, flush) ||
	    !extent_single(model, inode, exposure->pgoff, &run) ||
	    !(run.pages->flags & PAGE_EXPOSED) || run.pages->pfn != exposure->pfn)
		return false;
	page_set(run.pages, PAGE_EXPOSED, false);
	inode->base.exposed--;
	flush->covered++;
	ended = (struct model_exposure){
		.inode = &inode->base,
		.pgoff = exposure->pgoff,
		.nr = 1,
		.begin = exposure->begin,
		.end = flush->end,
		.own = exposure->tid == flush->tid,
		.operation = operation,
	};
	model->exposed_head = model->exposed_nr = 0;
	if (inode->early_nr)
		reach_flushed(model, task_get(model, flush->tid), inode, &ended);
	notify_exposure_ended(model, &ended);
	return true;
}

void exposure_end(struct model *model, struct model_flush *flush, enum record_operation operation)
{
	if (model->exposed_head == model->exposed_nr ||
	    exposure_end_single(model, flush, operation))
		return;
	if (model->exposed_nr - model->exposed_head > FEW && !range_exposed(model, flush))
		return;
	exposure_tidy(model);
	for (size_t i = model->exposed_head; i < model->exposed_nr; i++) {
		struct exposure *exposure = &model->exposed[i];

		if (exposure_ends(exposure, flush))
			exposure_close(model, exposure, flush, operation);
	}
	exposure_trim(model);
}
