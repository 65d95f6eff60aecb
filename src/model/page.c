// SPDX-License-Identifier: GPL-2.0
/*
 * Residency: which pfn backs a page offset, and, the other way round, whose a
 * pfn is. A pfn that left its inode keeps its owner until it is restored or
 * freed: a new page may have taken its place before it is restored.
 */
#include "internal.h"

#define ENTRY_ZAPPED 1ULL
#define ENTRY_LEFT (1ULL << 63)
#define ENTRY_ABSENT (1ULL << 62) /* with LEFT: absent when it left */
#define ENTRY_FREED (1ULL << 61) /* with LEFT: freed, it or its neighbour absent */
#define ENTRY_FLAGS (ENTRY_LEFT | ENTRY_ABSENT)
#define ENTRY_MARKS (ENTRY_FLAGS | ENTRY_FREED)

static __u64 entry_encode(const struct inode *inode, __u64 pgoff)
{
	return ((__u64)inode->index + 1) << 32 | pgoff;
}

static __u64 *pfn_entry(struct model *model, __u64 pfn, bool add)
{
	__u64 *entries = model->pfn_entries, key = pfn >> CHUNK_SHIFT;
	union map_value *slot;

	if (model->pfn_cached != key + 1) {
		slot = add ? map_add(model, &model->pfn_map, key) : map_find(&model->pfn_map, key);
		if (!slot)
			return NULL;
		if (!slot->pointer)
			slot->pointer = model_alloc(model, CHUNK_PAGES * sizeof(__u64));
		entries = slot->pointer;
		if (!entries)
			return NULL;
		model->pfn_cached = key + 1;
		model->pfn_entries = entries;
	}
	return &entries[pfn & (CHUNK_PAGES - 1)];
}

static enum pfn_owner entry_decode(const struct model *model, __u64 entry, __u64 pfn,
				   struct inode **inode, __u64 *pgoff)
{
	const struct page *page;

	*inode = NULL;
	*pgoff = 0;
	if (!entry)
		return PFN_NONE;
	if (entry == ENTRY_ZAPPED)
		return PFN_ZAPPED;
	*inode = model->inodes[((entry & ~ENTRY_MARKS) >> 32) - 1];
	*pgoff = entry & 0xffffffffULL;
	if (entry & ENTRY_FREED)
		return PFN_FREED;
	if (entry & ENTRY_LEFT)
		return PFN_LEFT;
	page = extent_page_find(*inode, *pgoff);
	if (page && page->flags & PAGE_RESIDENT && page->pfn == pfn)
		return PFN_OWNED;
	*inode = NULL;
	return PFN_NONE;
}

enum pfn_owner pfn_find(struct model *model, __u64 pfn, struct inode **inode, __u64 *pgoff)
{
	const __u64 *entry = pfn_entry(model, pfn, false);

	return entry_decode(model, entry ? *entry : 0, pfn, inode, pgoff);
}

enum pfn_owner pfn_find_const(const struct model *model, __u64 pfn, struct inode **inode,
			      __u64 *pgoff)
{
	const union map_value *slot = map_find(&model->pfn_map, pfn >> CHUNK_SHIFT);
	const __u64 *entries = slot ? slot->pointer : NULL;
	__u64 entry = entries ? entries[pfn & (CHUNK_PAGES - 1)] : 0;

	return entry_decode(model, entry, pfn, inode, pgoff);
}

void pfn_mark_zapped(struct model *model, __u64 pfn, bool zapped)
{
	__u64 *entry = pfn_entry(model, pfn, zapped);

	if (!entry)
		return;
	if (zapped && *entry & ENTRY_LEFT)
		*entry |= ENTRY_ABSENT;
	else
		*entry = zapped ? ENTRY_ZAPPED : 0;
}

void pfn_clear(struct model *model, __u64 pfn)
{
	__u64 *entry = pfn_entry(model, pfn, false);

	if (entry)
		*entry = 0;
}

void pfn_leave(struct model *model, __u64 pfn)
{
	__u64 *entry = pfn_entry(model, pfn, false);

	if (entry && (*entry & ENTRY_MARKS) == ENTRY_LEFT)
		*entry = 0;
}

static void pfn_mark_freed(struct model *model, __u64 pfn, __u64 owner)
{
	__u64 *entry = pfn_entry(model, pfn, false);

	if (entry)
		*entry = owner | ENTRY_LEFT | ENTRY_FREED;
}

void page_set(struct page *page, __u32 flags, bool value)
{
	page->flags = (value ? page->flags | flags : page->flags & ~(__u64)flags) & 0xffffff;
}

void page_apply(struct model *model, struct inode *inode, struct page *page,
		enum model_state applied)
{
	(void)model;
	if (page_applied(page) == MODEL_ABSENT)
		inode->public.absent--;
	if (applied == MODEL_ABSENT)
		inode->public.absent++;
	page_set(page, PAGE_APPLIED_MASK, false);
	page_set(page, (__u32)applied << PAGE_APPLIED_SHIFT, true);
}

struct page *page_join(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn)
{
	__u64 *entry, other_pgoff;
	enum pfn_owner owner;
	struct inode *other;
	struct page *page;
	bool absent;

	owner = pfn_find(model, pfn, &other, &other_pgoff);
	if (owner == PFN_OWNED && other && (other != inode || other_pgoff != pgoff)) {
		model->counts.unexplained += other->public.provider == RECORD_PROVIDER_RFC3;
		page_leave(model, other, other_pgoff);
		pfn_clear(model, pfn);
		inode_settle(model, other);
	}
	page = extent_page(model, inode, pgoff, true);
	if (!page)
		return NULL;
	if (page->flags & PAGE_RESIDENT && page->pfn != pfn)
		page_leave(model, inode, pgoff);
	entry = pfn_entry(model, pfn, true);
	if (!entry)
		return NULL;
	absent = *entry == ENTRY_ZAPPED || (*entry & ENTRY_FLAGS) == ENTRY_FLAGS;
	*entry = entry_encode(inode, pgoff);
	if (page->flags & PAGE_RESIDENT)
		return page;
	page->pfn = pfn & (PFN_MAX - 1);
	page->flags = PAGE_RESIDENT;
	inode->public.resident++;
	page_apply(model, inode, page, absent ? MODEL_ABSENT : MODEL_PRESENT);
	return page;
}

void page_leave(struct model *model, struct inode *inode, __u64 pgoff)
{
	struct page *page = extent_page(model, inode, pgoff, false);
	bool absent;
	__u64 *entry;

	if (!page || !(page->flags & PAGE_RESIDENT))
		return;
	if (page->flags & PAGE_EXPOSED)
		exposure_cancel(model, inode, page);
	absent = page_applied(page) == MODEL_ABSENT;
	entry = pfn_entry(model, page->pfn, false);
	if (entry && *entry == entry_encode(inode, pgoff))
		*entry |= absent ? ENTRY_FLAGS : ENTRY_LEFT;
	if (absent)
		inode->public.absent--;
	page->flags = 0;
	inode->public.resident--;
}

static bool owner_valid(struct model *model, const struct record_owner *record)
{
	if (record->nr && record->nr <= RUN_MAX && record->pgoff < MODEL_PGOFF_MAX &&
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

void owner_join(struct model *model, const struct record_owner *record)
{
	struct inode *inode;

	if (!owner_valid(model, record))
		return;
	inode = inode_get(model, record->header.inode, record->header.time);
	if (!inode)
		return;
	for (__u32 i = 0; i < record->nr; i++) {
		struct page *page = page_join(model, inode, record->pgoff + i, record->page + i);

		if (!page)
			return;
		if (record->prepared)
			page_set(page, PAGE_PREPARED, true);
		page_set(page, PAGE_SURE, true);
		loose_adopt(model, inode, record->pgoff + i, record->page + i);
		if (page->changed < record->header.time)
			page->changed = record->header.time;
		extent_touch_page(inode, record->pgoff + i);
	}
	owner_event(model, record, inode->public.number, record->pgoff);
}

void owner_leave(struct model *model, const struct record_owner *record)
{
	struct inode *inode = NULL, *last = NULL;
	__u64 pgoff;

	if (!owner_valid(model, record))
		return;
	for (__u32 i = 0; i < record->nr; i++) {
		enum pfn_owner owner = pfn_find(model, record->page + i, &inode, &pgoff);

		if (owner == PFN_OWNED && inode) {
			page_leave(model, inode, pgoff);
			extent_touch_page(inode, pgoff);
			last = inode;
		}
		/* Restored or not is known by now; who left present is nobody's any more. */
		pfn_leave(model, record->page + i);
	}
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
			pfn_clear(model, freed.pfn);
			continue;
		}
		freed.inode = inode ? &inode->public : NULL;
		freed.owned = owner == PFN_OWNED;
		if (record->absent >> i & 1)
			MODEL_NOTIFY(model, freed_absent, &freed);
		/* Freed is freed, whatever kept it from being seen to leave. */
		if (owner == PFN_OWNED && inode) {
			page_leave(model, inode, freed.pgoff);
			extent_touch_page(inode, freed.pgoff);
			inode_settle(model, inode);
		}
		/* Who restores it now is too late, but changes no stranger's page. */
		if (record->absent && inode)
			pfn_mark_freed(model, freed.pfn, entry_encode(inode, freed.pgoff));
		else
			pfn_clear(model, freed.pfn);
	}
}
