// SPDX-License-Identifier: GPL-2.0
/* What is known of an offset, and which offsets are resident. */
#include "model/pages.h"
#include "model/state.h"

static void page_describe(const struct inode *inode, const struct page *page,
			  struct model_page *described)
{
	const struct region *region;
	const struct chunk_slot *slot = extent_slot_find(inode, described->pgoff, &region);
	bool exact;

	described->resident = true;
	described->changed = slot ? page_changed(slot, described->pgoff, &exact) : 0;
	described->pfn = page->pfn;
	described->applied = page_applied(page);
	described->prepared = page->flags & PAGE_PREPARED;
	described->poisoned = page->flags & PAGE_POISONED;
	described->exposed = page->flags & PAGE_EXPOSED;
	described->sure = page->flags & PAGE_SURE;
}

void model_page(const struct model *model, const struct model_inode *base, __u64 pgoff,
		struct model_page *described)
{
	const struct inode *inode = (const struct inode *)base;
	struct page page;

	(void)model;
	*described = (struct model_page){ .pgoff = pgoff, .nr = 1, .applied = MODEL_EITHER };
	described->declared = extent_legal(inode, pgoff);
	if (extent_page_read(inode, pgoff, &page))
		page_describe(inode, &page, described);
}

const struct chunk *chunk_find(const struct inode *inode, __u64 pgoff, __u64 *skip)
{
	size_t index = (size_t)(pgoff >> REGION_SHIFT);
	const struct region *region;

	*skip = pgoff | ((1ULL << REGION_SHIFT) - 1);
	region = &inode->regions[index];
	if (!region->slots)
		return NULL;
	*skip = pgoff | (CHUNK_PAGES - 1);
	return region->slots[(pgoff >> CHUNK_SHIFT) & (REGION_CHUNKS - 1)].chunk;
}

bool model_resident_next(const struct model *model, const struct model_inode *base, __u64 pgoff,
			 __u64 last, struct model_page *described)
{
	const struct inode *inode = (const struct inode *)base;
	__u64 extent = (__u64)inode->regions_nr << REGION_SHIFT, skip;

	(void)model;
	for (; pgoff <= last && pgoff < extent; pgoff++) {
		const struct chunk *chunk = chunk_find(inode, pgoff, &skip);
		struct page page;

		if (chunk && !chunk->pages) {
			pgoff = skip;
			continue;
		}
		if (!extent_page_read(inode, pgoff, &page)) {
			pgoff = chunk ? pgoff : skip;
			continue;
		}
		skip = skip < last ? skip : last;
		*described = (struct model_page){ .pgoff = pgoff };
		described->nr = chunk ? 1 : skip - pgoff + 1;
		described->declared = extent_legal(inode, pgoff);
		page_describe(inode, &page, described);
		return true;
	}
	return false;
}

void model_count_pages(const struct model *model, const struct model_inode *inode, __u64 first,
		       __u64 last, struct model_page_counts *counts)
{
	__u64 end = last < inode->pages ? last : inode->pages - 1;
	struct model_page page;

	*counts = (struct model_page_counts){ .pages = 0 };
	if (!inode->pages || first > end)
		return;
	counts->pages = end - first + 1;
	while (first <= end && model_resident_next(model, inode, first, end, &page)) {
		counts->resident += page.nr;
		counts->absent += page.applied == MODEL_ABSENT ? page.nr : 0;
		counts->exposed += page.exposed ? page.nr : 0;
		first = page.pgoff + page.nr;
	}
}
