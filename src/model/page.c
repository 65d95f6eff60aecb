// SPDX-License-Identifier: GPL-2.0
/* Residency: which pfn backs a page offset. Runs of pages are taken by whole chunks of like ones. */
#include "model/pages.h"
#include "model/state.h"

__u64 page_run(const struct model *model, __u64 pfn, __u64 nr, enum pfn_owner *owner,
	       struct inode **inode, __u64 *pgoff)
{
	__u64 run = pfn_run(model, pfn, nr, owner, inode, pgoff);
	bool absent = nr > 1 && pfn_is_absent(model, pfn);

	while (run < nr) {
		struct inode *next;
		__u64 next_pgoff;
		/* One page first: a run that is not taken is not walked, again with each page before it. */
		enum pfn_owner next_owner = pfn_find(model, pfn + run, &next, &next_pgoff);

		if (next_owner != *owner || next != *inode ||
		    (next && next_pgoff != *pgoff + run) ||
		    pfn_is_absent(model, pfn + run) != absent)
			break;
		run += pfn_run(model, pfn + run, nr - run, &next_owner, &next, &next_pgoff);
	}
	return run;
}

bool pages_alike(const struct model *model, __u64 pfn, __u64 nr)
{
	enum pfn_owner owner;
	struct inode *inode;
	__u64 pgoff;

	return page_run(model, pfn, nr, &owner, &inode, &pgoff) == nr;
}

/* Nobody has these pfns any more. */
static void pages_evict(struct model *model, struct inode *other, __u64 pgoff, __u64 pfn, __u64 nr)
{
	model->counts.unexplained += inode_has(other, PROVIDER_TELLS_RESIDENCY) ? nr : 0;
	page_leave(model, other, pgoff, pfn, nr);
	pfn_clear(model, pfn, nr);
	inode_settle(model, other);
}

/* Whoever was in these places leaves them. */
static void pages_vacate(struct model *model, struct inode *inode, __u64 pgoff, __u64 nr)
{
	struct model_page page;
	__u64 last = pgoff + nr - 1;

	while (pgoff <= last && model_resident_next(model, &inode->base, pgoff, last, &page)) {
		page_leave(model, inode, page.pgoff, page.pfn, page.nr);
		pgoff = page.pgoff + page.nr;
	}
}

static void page_fill(struct page *page, __u64 pfn, enum model_state applied)
{
	page->pfn = pfn & (PFN_MAX - 1);
	page->flags = (PAGE_RESIDENT | (__u32)applied << PAGE_APPLIED_SHIFT) & 0xff;
}

/* Nobody is in these places. false: no memory. */
static bool pages_fill(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn, __u64 nr,
		       bool absent)
{
	enum model_state applied = absent ? MODEL_ABSENT : page_given(inode);

	for (__u64 done = 0, weight; done < nr; done += weight) {
		struct page *page = extent_pages(model, inode, pgoff + done, nr - done, &weight);
		__u64 left = CHUNK_PAGES - ((pgoff + done) & (CHUNK_PAGES - 1));

		if (!page)
			return false;
		page_fill(page, pfn + done, applied);
		/* The chunk has a place for each of its pages. */
		if (weight == 1) {
			weight = left < nr - done ? left : nr - done;
			for (__u64 i = 1; i < weight; i++)
				page_fill(page + i, pfn + done + i, applied);
		}
		/* As in page_place(). */
		extent_mark_absence(extent_slot(model, inode, pgoff + done, false), pgoff + done,
				    weight, absent && !inode->learning);
		inode->base.resident += weight;
		inode->base.absent += absent ? weight : 0;
	}
	pfn_own(model, inode, pgoff, pfn, nr);
	return true;
}

/* A part of a run that joins: what is known of its pfns so far is alike. */
static __u64 pages_join_part(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn,
			     __u64 nr)
{
	enum pfn_owner owner;
	struct inode *other;
	__u64 other_pgoff, run = page_run(model, pfn, nr, &owner, &other, &other_pgoff);
	bool absent = pfn_is_absent(model, pfn);

	if (owner == PFN_OWNED && other == inode && other_pgoff == pgoff)
		return run;
	if (owner == PFN_OWNED)
		pages_evict(model, other, other_pgoff, pfn, run);
	pages_vacate(model, inode, pgoff, run);
	return pages_fill(model, inode, pgoff, pfn, run, absent) ? run : 0;
}

int pages_join(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn, __u64 nr)
{
	for (__u64 done = 0, run; done < nr; done += run) {
		run = pages_join_part(model, inode, pgoff + done, pfn + done, nr - done);
		if (!run)
			return -ENOMEM;
	}
	return 0;
}

void page_place(struct model *model, struct inode *inode, __u64 pgoff, struct page *page, __u64 pfn,
		enum model_state applied)
{
	page_fill(page, pfn, applied);
	/* What is known of a page may be older than a loss behind which others have brought it back. */
	extent_mark_absence(extent_slot(model, inode, pgoff, false), pgoff, 1,
			    applied == MODEL_ABSENT && !inode->learning);
	inode->base.resident++;
	inode->base.absent += applied == MODEL_ABSENT;
	pfn_own(model, inode, pgoff, pfn, 1);
}

struct page *page_join(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn)
{
	struct inode *other;
	struct page *page;
	__u64 other_pgoff;
	enum pfn_owner owner = pfn_find(model, pfn, &other, &other_pgoff);
	bool absent = pfn_is_absent(model, pfn);

	if (owner == PFN_OWNED && (other != inode || other_pgoff != pgoff))
		pages_evict(model, other, other_pgoff, pfn, 1);
	page = extent_page(model, inode, pgoff);
	if (!page)
		return NULL;
	if (page->flags & PAGE_RESIDENT && page->pfn == pfn)
		return page;
	if (page->flags & PAGE_RESIDENT)
		page_leave(model, inode, pgoff, page->pfn, 1);
	page_place(model, inode, pgoff, page, pfn, absent ? MODEL_ABSENT : page_given(inode));
	return page;
}

void page_leave(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn, __u64 nr)
{
	struct page_span run;
	__u64 from = 0;
	bool absent = false;

	for (__u64 done = 0; done < nr; done += run.nr) {
		extent_run(model, inode, pgoff + done, nr - done, &run);
		if (!run.pages)
			continue;
		if (run.pages->flags & PAGE_EXPOSED)
			exposure_cancel(model, inode, pfn + done, run.nr);
		/* Those that were alike so far are marked together. */
		if (absent != (page_applied(run.pages) == MODEL_ABSENT)) {
			pfn_mark_left(model, inode, pgoff + from, pfn + from, done - from, absent);
			from = done;
		}
		absent = page_applied(run.pages) == MODEL_ABSENT;
		if (absent)
			inode->base.absent -= run.nr;
		run_write(&run, 0);
		inode->base.resident -= run.nr;
	}
	pfn_mark_left(model, inode, pgoff + from, pfn + from, nr - from, absent);
}
