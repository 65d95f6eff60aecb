// SPDX-License-Identifier: GPL-2.0
/* Exposure: from a zap to the first flush, by anyone, that covers the page. */
#include "model/state.h"

#define EXPOSURES_MAX 65536
#define RANGE_LOOKUP_MAX 512
#define CANCEL_LOOKS 64
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

void exposure_add(struct model *model, struct inode *inode, const struct model_zap *zap)
{
	/* Pages that nobody ever flushes keep their mark; only the measure is given up. */
	if (model->exposed_nr - model->exposed_head >= EXPOSURES_MAX)
		model->exposed[model->exposed_head].inode = NULL;
	exposure_trim(model);
	if (model->exposed_nr == model->exposed_room)
		exposure_pack(model);
	if (!model_grow(model, &model->exposed, model->exposed_nr, &model->exposed_room,
			sizeof(*model->exposed)))
		return;
	model->exposed[model->exposed_nr++] = (struct exposure){
		.pfn = zap->pfn,
		.pgoff = zap->pgoff,
		.begin = zap->end,
		.inode = inode,
		.nr = (__u32)zap->nr,
		.tid = zap->tid,
	};
}

/* [first, last] of its pfns are done with. What is left on one side stays; on both, all of it. */
static void exposure_cut(struct exposure *exposure, __u64 first, __u64 last)
{
	__u64 end = exposure->pfn + exposure->nr - 1;

	if (first == exposure->pfn && last == end) {
		exposure->inode = NULL;
	} else if (first == exposure->pfn) {
		exposure->nr = (__u32)(end - last);
		exposure->pgoff += last + 1 - first;
		exposure->pfn = last + 1;
	} else if (last == end) {
		exposure->nr = (__u32)(first - exposure->pfn);
	}
}

/* [first, last] have been restored. false: it is not of the first of them. */
static bool exposure_cancel_at(struct model *model, size_t index, __u64 first, __u64 last)
{
	struct exposure *exposure = &model->exposed[index];
	__u64 end = exposure->pfn + exposure->nr - 1;

	if (!exposure->inode || first < exposure->pfn || first > end)
		return false;
	exposure_cut(exposure, first, last < end ? last : end);
	return true;
}

void exposure_cancel(struct model *model, struct inode *inode, struct page *page, __u64 weight)
{
	size_t nr = model->exposed_nr, head = model->exposed_head;
	__u64 first = page->pfn, last = first + weight - 1;
	bool found = false;

	page_set(page, PAGE_EXPOSED, false);
	inode->base.exposed -= weight;
	/* Restored soon or in the order zapped: its entry is near one of the ends. */
	for (size_t i = 0; i < CANCEL_LOOKS && head + i < nr && !found; i++)
		found = exposure_cancel_at(model, nr - 1 - i, first, last) ||
			exposure_cancel_at(model, head + i, first, last);
}

/* As extent_pages(), of those that are exposed: the others keep together. */
static struct page *exposed_pages(struct model *model, struct inode *inode, __u64 pgoff, __u64 nr,
				  __u64 *weight)
{
	struct page page;

	*weight = extent_alike(inode, pgoff);
	*weight = *weight < nr ? *weight : nr;
	if (!extent_page_read(inode, pgoff, &page) || !(page.flags & PAGE_EXPOSED))
		return NULL;
	return extent_pages(model, inode, pgoff, nr, false, weight);
}

/* Ends the exposure of those pages of @exposure that @flush reaches. */
static void exposure_close(struct model *model, struct exposure *exposure,
			   struct model_flush *flush)
{
	struct model_exposure ended = {
		.inode = &exposure->inode->base,
		.begin = exposure->begin,
		.end = flush->end,
		.own = exposure->tid == flush->tid,
	};
	__u64 first = exposure->pfn, last = first + exposure->nr - 1;

	if (!flush->full && first < flush->pfn_first)
		first = flush->pfn_first;
	if (!flush->full && last > flush->pfn_last)
		last = flush->pfn_last;
	for (__u64 pfn = first, weight; pfn <= last; pfn += weight) {
		__u64 pgoff = exposure->pgoff + (pfn - exposure->pfn);
		struct page *page;

		page = exposed_pages(model, exposure->inode, pgoff, last - pfn + 1, &weight);
		if (!page || page->pfn != pfn)
			continue;
		page_set(page, PAGE_EXPOSED, false);
		exposure->inode->base.exposed -= weight;
		if (!ended.nr)
			ended.pgoff = pgoff;
		ended.nr += weight;
	}
	exposure_cut(exposure, first, last);
	flush->covered += ended.nr;
	if (ended.nr)
		MODEL_NOTIFY(model, exposure_ended, &ended);
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

void exposure_end(struct model *model, struct model_flush *flush)
{
	if (model->exposed_nr - model->exposed_head > FEW && !range_exposed(model, flush))
		return;
	for (size_t i = model->exposed_head; i < model->exposed_nr; i++) {
		struct exposure *exposure = &model->exposed[i];

		if (!exposure->inode || exposure->begin > flush->begin)
			continue;
		if (!flush->full && (exposure->pfn > flush->pfn_last ||
				     exposure->pfn + exposure->nr <= flush->pfn_first))
			continue;
		exposure_close(model, exposure, flush);
	}
	exposure_trim(model);
}
