// SPDX-License-Identifier: GPL-2.0
/* What a settled read tells of pages whose history is not known. */
#include "model/pages.h"
#include "model/judge.h"

/* The page has come to another place since: that it left this one was not seen as its leaving. */
static bool learn_outdated(const struct judging *judging, const struct model_read *read)
{
	struct inode *inode;
	__u64 pgoff;

	return pfn_find(judging->model, read->pfn, &inode, &pgoff) == PFN_OWNED &&
	       pages_changed(extent_slot(judging->model, inode, pgoff, false), pgoff, 1) >
		       judging->begin;
}

/*
 * Whether page @page of the history, of which nothing was lost, was read otherwise. That it is as it must be tells
 * of nobody's fault: who changed it is somebody of whom no hook tells.
 */
static bool learn_contradicts(const struct page *page, const struct model_read *read)
{
	return page->flags & PAGE_RESIDENT && page->flags & PAGE_SURE && page->pfn == read->pfn &&
	       !(page->flags & PAGE_POISONED || read->bits & RECORD_PAGE_POISONED) &&
	       !(page_applied(page) & read->table);
}

static void learn_residency(struct judging *judging, const struct model_read *read, bool sure)
{
	struct model *model = judging->model;
	struct inode *inode = judging->inode;
	/* The others tell of no joins, or of no leaves: what is there is news, not a riddle. */
	bool told = inode_has(inode, PROVIDER_TELLS_RESIDENCY) && sure;
	struct page *pages = judging->chunk->pages;
	struct page *page = pages ? &pages[read->pgoff - judging->start] : NULL;
	bool resident = page && page->flags & PAGE_RESIDENT;

	if (!(read->bits & RECORD_PAGE_RESIDENT)) {
		if (resident) {
			model->counts.unexplained += told;
			page_leave(model, inode, read->pgoff, page->pfn, 1);
		}
		return;
	}
	if (!resident || page->pfn != read->pfn) {
		if (learn_outdated(judging, read))
			return;
		model->counts.unexplained += told;
		/* One that is not prepared may be on its way: it is there before its coming is told of. */
		judging->contradicted += told && read->bits & RECORD_PAGE_PREPARED;
		page = page_join(model, inode, read->pgoff, read->pfn);
		if (!page)
			return;
		loose_adopt(model, inode, read->pgoff, read->pfn, 1);
	} else {
		judging->contradicted += learn_contradicts(page, read);
	}
	page_set(page, PAGE_SURE, sure);
	if (read->bits & RECORD_PAGE_PREPARED)
		page_set(page, PAGE_PREPARED, true);
	if (read->bits & RECORD_PAGE_POISONED)
		page_set(page, PAGE_POISONED, true);
	if (read->table != MODEL_EITHER)
		page_apply(inode, page, 1, read->table);
	if (read->table == MODEL_ABSENT)
		bit_put(judging->chunk->bits[BITS_WAS_ABSENT],
			(__u32)(read->pgoff - judging->start), true);
}

/* Whether what is declared changes by requests alone: a read then tells what they asked for. */
bool learn_declares(const struct judging *judging)
{
	return inode_has(judging->inode, PROVIDER_TAKES_REQUESTS);
}

void learn_page(struct judging *judging, const struct model_read *read, __u32 bit)
{
	struct chunk *chunk = judging->chunk;
	bool seen = bit_test(chunk->bits[BITS_SEEN], bit);

	/* Where calls may have begun unseen, the first read may show one of them halfway. */
	if (!seen)
		bit_put(chunk->bits[BITS_SEEN], bit, true);
	else if (learn_declares(judging)) {
		bit_put(chunk->bits[BITS_PRESENT], bit, read->xarray & MODEL_PRESENT);
		bit_put(chunk->bits[BITS_ABSENT], bit, read->xarray & MODEL_ABSENT);
	}
	learn_residency(judging, read, seen);
}

void learn_alike(struct judging *judging, struct chunk_slot *slot, const struct model_read *read)
{
	struct inode *inode = judging->inode;
	bool sure = slot->seen;

	if (!(read->bits & RECORD_PAGE_RESIDENT))
		return;
	if (!(slot->like.flags & PAGE_RESIDENT)) {
		if (inode_has(inode, PROVIDER_TELLS_RESIDENCY) && sure) {
			judging->model->counts.unexplained += read->nr;
			judging->contradicted += read->bits & RECORD_PAGE_PREPARED ? read->nr : 0;
		}
		if (pages_join(judging->model, inode, read->pgoff, read->pfn, read->nr))
			return;
	} else if (learn_contradicts(&slot->like, read)) {
		judging->contradicted += read->nr;
	}
	page_set(&slot->like, PAGE_SURE, sure);
	if (read->bits & RECORD_PAGE_PREPARED)
		page_set(&slot->like, PAGE_PREPARED, true);
	if (read->bits & RECORD_PAGE_POISONED)
		page_set(&slot->like, PAGE_POISONED, true);
	if (read->table != MODEL_EITHER)
		page_apply(inode, &slot->like, read->nr, read->table);
	slot->was_absent |= read->table == MODEL_ABSENT;
}
