// SPDX-License-Identifier: GPL-2.0
/* What may be asked of the model. */
#include "model/pages.h"
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
	counts->pages_late += loose_late(model, counts->now);
}

__u64 model_pages_uncompared(const struct model *model)
{
	__u64 pages = model->retired.uncompared, unread;

	for (size_t i = 0; i < model->kept_nr; i++)
		pages += inode_uncompared(model->kept[i], &unread);
	return pages;
}

__u64 model_pages_unknown_for_good(const struct model *model)
{
	__u64 pages =
		model->retired.uncompared + model->retired.inconclusive + model->counts.pages_late;

	for (size_t i = 0; i < model->kept_nr; i++) {
		const struct inode *inode = model->kept[i];

		if (inode->base.dead)
			pages += inode->base.uncompared + inode->inconclusive;
	}
	return pages;
}

__u64 model_pages_unread(const struct model *model)
{
	__u64 pages = model->retired.unread, unread;

	for (size_t i = 0; i < model->kept_nr; i++) {
		inode_uncompared(model->kept[i], &unread);
		pages += unread;
	}
	return pages;
}

const struct model_inode *model_inode_next(const struct model *model,
					   const struct model_inode *base)
{
	size_t index = base ? ((const struct inode *)base)->index + 1UL : 0;

	return index < model->inodes_nr ? &model->inodes[index]->base : NULL;
}

const struct model_inode *model_inode_find(const struct model *model, __u64 number)
{
	struct inode *inode = inode_find(model, number);

	return inode ? &inode->base : NULL;
}

bool model_owner(const struct model *model, __u64 pfn, const struct model_inode **base,
		 __u64 *pgoff)
{
	struct inode *inode;
	bool owned = pfn_find(model, pfn, &inode, pgoff) == PFN_OWNED;

	*base = owned ? &inode->base : NULL;
	return owned;
}

/* Whether every page of an inode that began unknown was read, and no call from before still runs. */
static bool inode_learned(const struct model *model, const struct inode *inode)
{
	if (inode->base.dead)
		return true;
	if (model->counts.now < inode->shadow_until)
		return false;
	for (__u64 start = 0; start < inode->base.pages; start += CHUNK_PAGES) {
		size_t index = (size_t)(start >> REGION_SHIFT);
		const struct region *region;
		const struct chunk_slot *slot;
		__u64 left = inode->base.pages - start;

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
	return index < model->open_nr ? &model->open[index]->base : NULL;
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

bool model_filtered(const struct model *model)
{
	return model->options.vm;
}
