// SPDX-License-Identifier: GPL-2.0
/* Residency: which pfn backs a page offset. Runs of pages are taken by whole chunks of like ones. */
#include "model/state.h"

void page_set(struct page *page, __u32 flags, bool value)
{
	page->flags = (value ? page->flags | flags : page->flags & ~(__u64)flags) & 0xffffff;
}

void page_apply(struct inode *inode, struct page *page, __u64 weight, enum model_state applied)
{
	if (page_applied(page) == MODEL_ABSENT)
		inode->public.absent -= weight;
	if (applied == MODEL_ABSENT)
		inode->public.absent += weight;
	page_set(page, PAGE_APPLIED_MASK, false);
	page_set(page, (__u32)applied << PAGE_APPLIED_SHIFT, true);
}

/* As pfn_run(), over as many blocks and chunks as are alike. */
static __u64 page_run(const struct model *model, __u64 pfn, __u64 nr, enum pfn_owner *owner,
		      struct inode **inode, __u64 *pgoff)
{
	__u64 run = pfn_run(model, pfn, nr, owner, inode, pgoff);
	bool absent = nr > 1 && pfn_is_absent(model, pfn);

	while (run < nr) {
		enum pfn_owner next_owner;
		struct inode *next;
		__u64 next_pgoff, more;

		more = pfn_run(model, pfn + run, nr - run, &next_owner, &next, &next_pgoff);
		if (next_owner != *owner || next != *inode ||
		    (next && next_pgoff != *pgoff + run) ||
		    pfn_is_absent(model, pfn + run) != absent)
			break;
		run += more;
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
	model->counts.unexplained += other->public.provider == RECORD_PROVIDER_RFC3 ? nr : 0;
	page_leave(model, other, pgoff, pfn, nr);
	pfn_clear(model, pfn, nr);
	inode_settle(model, other);
}

/* Whoever was in these places leaves them. */
static void pages_vacate(struct model *model, struct inode *inode, __u64 pgoff, __u64 nr)
{
	struct model_page page;
	__u64 last = pgoff + nr - 1;

	while (pgoff <= last && model_resident_next(model, &inode->public, pgoff, last, &page)) {
		page_leave(model, inode, page.pgoff, page.pfn, page.nr);
		pgoff = page.pgoff + page.nr;
	}
}

static struct page *pages_fill(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn,
			       __u64 nr, bool absent)
{
	struct page *page = NULL;

	for (__u64 done = 0, weight; done < nr; done += weight) {
		page = extent_pages(model, inode, pgoff + done, nr - done, true, &weight);
		if (!page)
			return NULL;
		page->pfn = (pfn + done) & (PFN_MAX - 1);
		page->flags = PAGE_RESIDENT;
		inode->public.resident += weight;
		page_apply(inode, page, weight, absent ? MODEL_ABSENT : MODEL_PRESENT);
	}
	pfn_own(model, inode, pgoff, pfn, nr);
	return page;
}

/* A part of a run that joins: what is known of its pfns so far is alike. */
static __u64 pages_join_part(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn,
			     __u64 nr)
{
	enum pfn_owner owner;
	struct inode *other;
	__u64 other_pgoff, run = page_run(model, pfn, nr, &owner, &other, &other_pgoff);
	bool absent = owner != PFN_OWNED && pfn_is_absent(model, pfn);

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

struct page *page_join(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn)
{
	struct inode *other;
	struct page *page;
	__u64 other_pgoff;
	enum pfn_owner owner = pfn_find(model, pfn, &other, &other_pgoff);
	bool absent = owner != PFN_NONE && owner != PFN_OWNED && pfn_is_absent(model, pfn);

	if (owner == PFN_OWNED && (other != inode || other_pgoff != pgoff))
		pages_evict(model, other, other_pgoff, pfn, 1);
	page = extent_page(model, inode, pgoff, true);
	if (!page)
		return NULL;
	if (page->flags & PAGE_RESIDENT && page->pfn == pfn)
		return page;
	if (page->flags & PAGE_RESIDENT)
		page_leave(model, inode, pgoff, page->pfn, 1);
	page->pfn = pfn & (PFN_MAX - 1);
	page->flags = PAGE_RESIDENT;
	inode->public.resident++;
	page_apply(inode, page, 1, absent ? MODEL_ABSENT : MODEL_PRESENT);
	pfn_own(model, inode, pgoff, pfn, 1);
	return page;
}

void page_leave(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn, __u64 nr)
{
	__u64 from = 0, weight;
	bool absent = false;

	for (__u64 done = 0; done < nr; done += weight) {
		struct page *page =
			extent_pages(model, inode, pgoff + done, nr - done, false, &weight);

		if (!page || !(page->flags & PAGE_RESIDENT) || page->pfn != pfn + done)
			continue;
		if (page->flags & PAGE_EXPOSED)
			exposure_cancel(model, inode, page, weight);
		/* Those that were alike so far are marked together. */
		if (done > from && absent != (page_applied(page) == MODEL_ABSENT)) {
			pfn_mark_left(model, inode, pgoff + from, pfn + from, done - from, absent);
			from = done;
		}
		absent = page_applied(page) == MODEL_ABSENT;
		if (absent)
			inode->public.absent -= weight;
		page->flags = 0;
		inode->public.resident -= weight;
	}
	pfn_mark_left(model, inode, pgoff + from, pfn + from, nr - from, absent);
}

static bool owner_valid(struct model *model, const struct record_owner *record)
{
	if (record->nr && record->nr <= FOLIO_MAX && record->pgoff < MODEL_PGOFF_MAX &&
	    record->pgoff + record->nr <= MODEL_PGOFF_MAX && record->page < PFN_MAX &&
	    record->page + record->nr <= PFN_MAX)
		return true;
	model->counts.malformed++;
	return false;
}

static void owner_event(struct model *model, const struct record_owner *record, __u64 inode,
			__u64 first)
{
	struct model_event event = {
		.time = record->header.time,
		.kind = record->header.kind,
		.cpu = record->header.cpu,
		.tid = record->header.tid,
		.tgid = record->header.tgid,
		.inode = (__u32)inode,
		.first = first,
		.last = first + record->nr - 1,
	};

	event_add(model, &event);
}

/* What is read from now on must not be settled by a read that began before. */
static __u64 event_time(const struct model *model, __u64 time)
{
	return time > model->counts.now ? time : model->counts.now;
}

static void pages_touch(struct inode *inode, __u64 pgoff, __u64 nr, __u64 time)
{
	for (__u64 i = 0, weight; i < nr; i += weight) {
		bool whole = !((pgoff + i) & (CHUNK_PAGES - 1)) && nr - i >= CHUNK_PAGES;

		weight = whole && extent_alike(inode, pgoff + i) > 1 ? CHUNK_PAGES : 1;
		extent_touch_pages(inode, pgoff + i, weight, time);
	}
}

void owner_join(struct model *model, const struct record_owner *record)
{
	struct inode *inode;

	if (!owner_valid(model, record))
		return;
	inode = inode_get(model, record->header.inode, record->header.time);
	if (!inode)
		return;
	if (record->nr == 1 ? !page_join(model, inode, record->pgoff, record->page)
			    : pages_join(model, inode, record->pgoff, record->page, record->nr))
		return;
	for (__u64 i = 0, weight; i < record->nr; i += weight) {
		__u64 pgoff = record->pgoff + i;
		struct page *page =
			extent_pages(model, inode, pgoff, record->nr - i, false, &weight);

		if (!page)
			continue;
		if (record->prepared)
			page_set(page, PAGE_PREPARED, true);
		page_set(page, PAGE_SURE, true);
		if (page->changed < record->header.time)
			page->changed = record->header.time;
		extent_touch_pages(inode, pgoff, weight, event_time(model, record->header.time));
		for (__u64 j = 0; j < weight && model->loose_head != model->loose_nr; j++)
			loose_adopt(model, inode, pgoff + j, record->page + i + j);
	}
	owner_event(model, record, inode->public.number, record->pgoff);
}

void owner_leave(struct model *model, const struct record_owner *record)
{
	struct inode *inode = NULL, *last = NULL;
	__u64 pgoff;

	if (!owner_valid(model, record))
		return;
	for (__u64 i = 0, run; i < record->nr; i += run) {
		enum pfn_owner owner;

		run = page_run(model, record->page + i, record->nr - i, &owner, &inode, &pgoff);
		if (owner != PFN_OWNED)
			continue;
		page_leave(model, inode, pgoff, record->page + i, run);
		pages_touch(inode, pgoff, run, event_time(model, record->header.time));
		last = inode;
	}
	/* Restored or not is known by now; who left present is nobody's any more. */
	pfn_leave(model, record->page, record->nr);
	owner_event(model, record, last ? last->public.number : record->header.inode, record->page);
	if (last)
		inode_settle(model, last);
}

void page_free_absent(struct model *model, const struct record_page_free *record)
{
	struct model_event event = {
		.time = record->header.time,
		.kind = RECORD_PAGE_FREE,
		.cpu = record->header.cpu,
		.tid = record->header.tid,
		.tgid = record->header.tgid,
		.state = !record->absent,
		.first = record->page,
		.last = record->page,
	};
	__u32 nr = record->order < 6 ? 1U << record->order : 64;

	if (record->page >= PFN_MAX - 64) {
		model->counts.malformed++;
		return;
	}
	event.last += nr - 1;
	event_add(model, &event);
	for (__u32 i = 0; i < nr; i++) {
		struct model_freed freed = {
			.pfn = record->page + i,
			.nr = 1,
			.time = record->header.time,
			.tid = record->header.tid,
			.tgid = record->header.tgid,
			.cpu = record->header.cpu,
		};
		struct inode *inode;
		enum pfn_owner owner = pfn_find(model, freed.pfn, &inode, &freed.pgoff);

		if (owner == PFN_NONE)
			continue;
		/* It was told of when it was freed first. */
		if (owner == PFN_FREED) {
			pfn_clear(model, freed.pfn, 1);
			continue;
		}
		freed.inode = inode ? &inode->public : NULL;
		freed.owned = owner == PFN_OWNED;
		if (record->absent >> i & 1)
			MODEL_NOTIFY(model, freed_absent, &freed);
		/* Freed is freed, whatever kept it from being seen to leave. */
		if (owner == PFN_OWNED && inode) {
			page_leave(model, inode, freed.pgoff, freed.pfn, 1);
			extent_touch_pages(inode, freed.pgoff, 1, freed.time);
			inode_settle(model, inode);
		}
		/* Who restores it now is too late, but changes no stranger's page. */
		if (record->absent && inode)
			pfn_mark_freed(model, freed.pfn, inode, freed.pgoff);
		else
			pfn_clear(model, freed.pfn, 1);
	}
}
