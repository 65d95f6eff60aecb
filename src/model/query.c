// SPDX-License-Identifier: GPL-2.0
/* What may be asked of the model. */
#include "model/state.h"

bool model_failed(const struct model *model)
{
	return model->failed;
}

void model_count(const struct model *model, struct model_counts *counts)
{
	struct inode_sums sums = model->retired;

	*counts = model->counts;
	if (!model->heartbeats)
		counts->groups = 0;
	for (size_t i = 0; i < model->kept_nr; i++)
		inode_sum(model->kept[i], model->finished, &sums);
	counts->pages = sums.pages;
	counts->pages_compared = sums.compared;
	counts->pages_unsettled = sums.unsettled;
	counts->pages_inconclusive = sums.inconclusive;
}

__u64 model_pages_uncompared(const struct model *model)
{
	__u64 pages = model->retired.uncompared;

	for (size_t i = 0; i < model->kept_nr; i++)
		pages += inode_uncompared(model->kept[i]);
	return pages;
}

const struct model_inode *model_inode_next(const struct model *model,
					   const struct model_inode *public)
{
	size_t index = public ? ((const struct inode *)public)->index + 1UL : 0;

	return index < model->inodes_nr ? &model->inodes[index]->public : NULL;
}

const struct model_inode *model_inode_find(const struct model *model, __u64 number)
{
	struct inode *inode = inode_find(model, number);

	return inode ? &inode->public : NULL;
}

static void page_describe(const struct page *page, struct model_page *described)
{
	described->resident = page->flags & PAGE_RESIDENT;
	described->changed = page->changed;
	if (!described->resident)
		return;
	described->pfn = page->pfn;
	described->applied = page_applied(page);
	described->prepared = page->flags & PAGE_PREPARED;
	described->poisoned = page->flags & PAGE_POISONED;
	described->exposed = page->flags & PAGE_EXPOSED;
	described->sure = page->flags & PAGE_SURE;
}

void model_page(const struct model *model, const struct model_inode *public, __u64 pgoff,
		struct model_page *described)
{
	const struct inode *inode = (const struct inode *)public;
	struct page page;

	(void)model;
	*described = (struct model_page){ .pgoff = pgoff, .nr = 1, .applied = MODEL_EITHER };
	described->declared = extent_legal(inode, pgoff);
	if (extent_page_read(inode, pgoff, &page))
		page_describe(&page, described);
}

static const struct chunk *chunk_find(const struct inode *inode, __u64 pgoff, __u64 *skip)
{
	size_t index = (size_t)(pgoff >> REGION_SHIFT);
	const struct region *region;

	*skip = pgoff | ((1ULL << REGION_SHIFT) - 1);
	if (index >= inode->regions_nr)
		return NULL;
	region = &inode->regions[index];
	if (!region->slots)
		return NULL;
	*skip = pgoff | (CHUNK_PAGES - 1);
	return region->slots[(pgoff >> CHUNK_SHIFT) & (REGION_CHUNKS - 1)].chunk;
}

bool model_resident_next(const struct model *model, const struct model_inode *public, __u64 pgoff,
			 __u64 last, struct model_page *described)
{
	const struct inode *inode = (const struct inode *)public;
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
		page_describe(&page, described);
		return true;
	}
	return false;
}

bool model_owner(const struct model *model, __u64 pfn, const struct model_inode **public,
		 __u64 *pgoff)
{
	struct inode *inode;
	bool owned = pfn_find(model, pfn, &inode, pgoff) == PFN_OWNED;

	*public = owned ? &inode->public : NULL;
	return owned;
}

/* Whether every page of an inode that began unknown was read, and no call from before still runs. */
static bool inode_learned(const struct model *model, const struct inode *inode)
{
	if (inode->public.dead)
		return true;
	if (model->counts.now < inode->shadow_until)
		return false;
	for (__u64 start = 0; start < inode->public.pages; start += CHUNK_PAGES) {
		size_t index = (size_t)(start >> REGION_SHIFT);
		const struct region *region;
		const struct chunk_slot *slot;
		__u64 left = inode->public.pages - start;

		if (index >= inode->regions_nr)
			return false;
		region = &inode->regions[index];
		if (!region->slots && !region->seen)
			return false;
		if (!region->slots) {
			start |= (1ULL << REGION_SHIFT) - CHUNK_PAGES;
			continue;
		}
		slot = &region->slots[(start >> CHUNK_SHIFT) & (REGION_CHUNKS - 1)];
		if (!slot->chunk && !slot->seen)
			return false;
		if (slot->chunk && bits_count(slot->chunk->bits[BITS_SEEN]) <
					   (left < CHUNK_PAGES ? left : CHUNK_PAGES))
			return false;
	}
	return true;
}

bool model_owners_complete(const struct model *model)
{
	if (model->lost_history || model->counts.malformed)
		return false;
	for (size_t i = 0; i < model->kept_nr; i++) {
		if (model->kept[i]->learning && !inode_learned(model, model->kept[i]))
			return false;
	}
	return true;
}

const struct model_request *model_request_open(const struct model *model, size_t index)
{
	return index < model->open_nr ? &model->open[index]->public : NULL;
}

bool model_fact(const struct model *model, size_t index, const char **key, const char **value)
{
	if (index >= model->facts_nr)
		return false;
	*key = model->facts[index].key;
	*value = model->facts[index].value;
	return true;
}

const char *model_fact_find(const struct model *model, const char *key)
{
	for (size_t i = model->facts_nr; i > 0; i--) {
		if (!strcmp(model->facts[i - 1].key, key))
			return model->facts[i - 1].value;
	}
	return NULL;
}

/* Whether @chunk wants another read that nobody was asked for yet. */
static bool chunk_wants(const struct model *model, const struct chunk *chunk)
{
	return chunk->tries < model->options.rereads_max && bits_count(chunk->bits[BITS_UNSETTLED]);
}

static void chunk_bounds(const struct chunk *chunk, __u64 start, __u64 *first, __u64 *last)
{
	const __u64 *bits = chunk->bits[BITS_UNSETTLED];
	size_t low = 0, high = CHUNK_WORDS - 1;

	while (!bits[low])
		low++;
	while (!bits[high])
		high--;
	*first = start + low * 64;
	*last = start + high * 64 + 63;
}

/* Behind it nothing was ever read. pages */
static __u64 inode_read_extent(const struct inode *inode)
{
	__u64 extent = (__u64)inode->regions_nr << REGION_SHIFT;

	return extent < inode->public.pages ? extent : inode->public.pages;
}

static bool inode_next_reread(struct model *model, struct inode *inode, struct model_reread *reread)
{
	__u64 pages = inode_read_extent(inode), skip, last = 0;

	reread->pgoff_nr = 0;
	for (__u64 start = 0; start < pages; start = skip + 1) {
		struct chunk *chunk = (struct chunk *)chunk_find(inode, start, &skip);
		__u64 first, end;

		if (!chunk || chunk->requested || !chunk_wants(model, chunk)) {
			if (reread->pgoff_nr)
				break;
			continue;
		}
		chunk_bounds(chunk, start, &first, &end);
		if (end >= pages)
			end = pages - 1;
		if (reread->pgoff_nr && end - reread->pgoff_first >= RECORD_SNAPSHOT_CHUNK)
			break;
		if (!reread->pgoff_nr)
			reread->pgoff_first = first;
		last = end;
		reread->pgoff_nr = last - reread->pgoff_first + 1;
		if (reread->pass < chunk->pass)
			reread->pass = chunk->pass;
		chunk->requested = true;
	}
	return reread->pgoff_nr;
}

bool model_next_reread(struct model *model, struct model_reread *reread)
{
	for (size_t i = 0; i < model->kept_nr; i++) {
		struct inode *inode = model->kept[i];

		if (inode->public.dead || !inode->unsettled || !inode->rereads)
			continue;
		*reread = (struct model_reread){ .inode = &inode->public };
		if (inode_next_reread(model, inode, reread))
			return true;
		/* Only a read changes what is to be reread: no need to look again before. */
		inode->rereads = false;
	}
	return false;
}

static bool inode_wants(const struct model *model, const struct inode *inode)
{
	__u64 skip;

	for (__u64 start = 0; start < inode_read_extent(inode); start = skip + 1) {
		const struct chunk *chunk = chunk_find(inode, start, &skip);

		if (chunk && chunk_wants(model, chunk))
			return true;
	}
	return false;
}

bool model_unsettled(const struct model *model)
{
	for (size_t i = 0; i < model->open_nr; i++) {
		if (!model->open[i]->public.stuck)
			return true;
	}
	for (size_t i = 0; i < model->kept_nr; i++) {
		const struct inode *inode = model->kept[i];

		if (!inode->public.dead && inode->unsettled && inode_wants(model, inode))
			return true;
	}
	return false;
}
