// SPDX-License-Identifier: GPL-2.0
/* Inodes: met, described, doubted, dead. */
#include "model/state.h"

struct inode *inode_find(const struct model *model, __u64 number)
{
	union map_value *index;

	if (number > 0xffffffffULL)
		return NULL;
	index = map_find(&model->inode_map, number);
	return index ? model->inodes[index->number] : NULL;
}

static void inode_set_provider(struct inode *inode, __u32 provider, __u32 default_state)
{
	inode->public.provider = (enum record_provider)provider;
	inode->public.default_state = default_state;
	/* Other providers have no xarray: what is declared follows from being resident. */
	if (provider != RECORD_PROVIDER_RFC3 || inode->learning)
		inode->legal = MODEL_EITHER;
	else
		inode->legal = default_state ? MODEL_PRESENT : MODEL_ABSENT;
	inode->seen = !inode->learning;
}

static struct inode *inode_add(struct model *model, __u64 number, __u64 time, bool learning)
{
	struct inode *inode;
	union map_value *index;

	if (number > 0xffffffffULL)
		return NULL;
	if (!model_grow(model, &model->inodes, model->inodes_nr, &model->inodes_room,
			sizeof(struct inode *)) ||
	    !model_grow(model, &model->kept, model->kept_nr, &model->kept_room,
			sizeof(struct inode *)))
		return NULL;
	index = map_add(model, &model->inode_map, number);
	inode = index ? model_alloc(model, sizeof(*inode)) : NULL;
	if (!inode)
		return NULL;
	inode->public.number = number;
	inode->public.met = time;
	inode->index = (__u32)model->inodes_nr;
	/* After a loss nobody knows what a new inode did before it was met. */
	inode->learning = learning || model->lost_history;
	inode->shadow_until = model->shadow_until;
	if (learning && inode->shadow_until < time + model->options.shadow_ns)
		inode->shadow_until = time + model->options.shadow_ns;
	inode_set_provider(inode, RECORD_PROVIDER_UNKNOWN, 1);
	index->number = model->inodes_nr;
	model->inodes[model->inodes_nr++] = inode;
	inode->kept = (__u32)model->kept_nr;
	model->kept[model->kept_nr++] = inode;
	model->counts.inodes++;
	model->counts.inodes_live++;
	return inode;
}

struct inode *inode_get(struct model *model, __u64 number, __u64 time)
{
	struct inode *inode = inode_find(model, number);

	if (inode)
		return inode;
	/* Its RECORD_INODE was lost. */
	inode = inode_add(model, number, time, true);
	if (inode)
		MODEL_NOTIFY(model, inode_met, &inode->public);
	return inode;
}

static void inode_describe(struct inode *inode, const struct record_inode *record)
{
	struct model_inode *public = &inode->public;

	if (record->i_ino)
	public->i_ino = record->i_ino;
	if (public->pages < record->pages)
	public->pages = record->pages;
	if (record->flags)
	public->flags = record->flags;
	if (record->header.tgid)
	public->tgid = record->header.tgid;
	if (record->vm)
	public->vm = record->vm;
	if (record->comm[0])
		memcpy(public->comm, record->comm, RECORD_COMM_LEN);
	if (public->provider == RECORD_PROVIDER_UNKNOWN)
		inode_set_provider(inode, record->provider, record->default_state);
}

void inode_update(struct model *model, const struct record_inode *record)
{
	__u64 time = record->header.time;
	struct inode *inode = inode_find(model, record->header.inode);
	bool met = !inode;

	if (inode && inode->retired)
		return;
	if (!inode) {
		inode = inode_add(model, record->header.inode, time, record->before_attach);
		if (!inode)
			return;
		inode->public.before_attach = record->before_attach;
		inode->attached = time;
	} else if (record->before_attach && !inode->public.before_attach) {
		/* Met through a call before discovery found that it is older than the sensors. */
		inode->public.before_attach = true;
		inode->attached = time;
		if (inode->shadow_until < time + model->options.shadow_ns)
			inode->shadow_until = time + model->options.shadow_ns;
		inode_forget(model, inode);
	}
	inode_describe(inode, record);
	if (met)
		MODEL_NOTIFY(model, inode_met, &inode->public);
}

void inode_snapshot_update(struct inode *inode, const struct record_snapshot *record)
{
	struct model_inode *public = &inode->public;

	if (!public->i_ino)
	public->i_ino = record->i_ino;
	if (record->inode_flags)
	public->flags = record->inode_flags;
	if (public->pages < record->inode_pages)
	public->pages = record->inode_pages;
	if (public->provider == RECORD_PROVIDER_UNKNOWN)
		inode_set_provider(inode, record->provider, record->default_state);
}

void inode_sum(const struct inode *inode, bool finished, struct inode_sums *sums)
{
	sums->pages += inode->public.pages;
	sums->compared += inode->public.compared;
	if (inode->public.dead) {
		sums->inconclusive += inode->inconclusive;
		return;
	}
	sums->unsettled += inode->unsettled;
	if (finished)
		sums->inconclusive += inode->unsettled;
}

/* Its name and counts stay, as others may point at them. */
static void inode_retire(struct model *model, struct inode *inode)
{
	struct inode *last = model->kept[--model->kept_nr];

	model->kept[inode->kept] = last;
	last->kept = inode->kept;
	inode->retired = true;
	inode_sum(inode, true, &model->retired);
	model->retired.uncompared += inode->public.uncompared;
	extent_free(model, inode);
	intervals_free(model, &inode->doubts);
}

void inode_settle(struct model *model, struct inode *inode)
{
	if (inode->public.dead && !inode->retired && !inode->public.resident && !inode->open)
		inode_retire(model, inode);
}

/* Its pages leave: which of them are absent is still known, by pfn. */
static void inode_let_go(struct model *model, struct inode *inode)
{
	struct model_page page;
	__u64 pgoff = 0;

	while (model_resident_next(model, &inode->public, pgoff, MODEL_PGOFF_MAX, &page)) {
		page_leave(model, inode, page.pgoff, page.pfn, page.nr);
		pfn_leave(model, page.pfn, page.nr);
		pgoff = page.pgoff + page.nr;
	}
}

__u64 inode_uncompared(const struct inode *inode)
{
	__u64 unread = 0;

	if (inode->public.dead)
		return inode->public.uncompared;
	/* One that was being released when the sensors were armed was not theirs to watch. */
	if (inode->public.before_attach && !inode->public.requests && !inode->public.zapped)
		return 0;
	/* Where its history is whole, what never changed needs no look. */
	if (inode->learning && inode->public.compared + inode->unsettled < inode->public.pages)
		unread = inode->public.pages - inode->public.compared - inode->unsettled;
	return unread + extent_changed(inode);
}

void inode_die(struct model *model, struct inode *inode, __u64 time)
{
	if (inode->public.dead)
		return;
	inode->inconclusive = inode->unsettled;
	inode->public.uncompared = inode_uncompared(inode);
	inode->public.dead = true;
	model->counts.inodes_live--;
	MODEL_NOTIFY(model, inode_dead, &inode->public, time);
	/* No routine tells of a page that leaves an inode without a direct-map flag. */
	if (inode->public.provider == RECORD_PROVIDER_GMEM_PLAIN)
		inode_let_go(model, inode);
	inode_settle(model, inode);
}

static void chunk_forget(struct inode *inode, struct chunk *chunk)
{
	memset(chunk->bits[BITS_PRESENT], 0xff, sizeof(chunk->bits[0]));
	memset(chunk->bits[BITS_ABSENT], 0xff, sizeof(chunk->bits[0]));
	memset(chunk->bits[BITS_SEEN], 0, sizeof(chunk->bits[0]));
	/* What was seen once must be seen twice anew: something may have come between. */
	inode->suspects -= bits_count(chunk->bits[BITS_SUSPECT_DECLARED]);
	inode->suspects -= bits_count(chunk->bits[BITS_SUSPECT_APPLIED]);
	memset(chunk->bits[BITS_SUSPECT_DECLARED], 0, sizeof(chunk->bits[0]));
	memset(chunk->bits[BITS_SUSPECT_APPLIED], 0, sizeof(chunk->bits[0]));
	for (size_t i = 0; chunk->pages && i < CHUNK_PAGES; i++)
		chunk->pages[i].flags &= ~(__u64)PAGE_SURE & 0xffffff;
}

void inode_forget(struct model *model, struct inode *inode)
{
	/* Which of a dead one's pages have left meanwhile nobody can tell any more. */
	if (inode->public.dead) {
		inode_let_go(model, inode);
		inode_settle(model, inode);
	}
	if (inode->retired)
		return;
	inode->learning = true;
	inode->legal = MODEL_EITHER;
	inode->seen = false;
	for (size_t i = 0; i < inode->regions_nr; i++) {
		struct region *region = &inode->regions[i];

		region->legal = MODEL_EITHER;
		region->seen = false;
		for (size_t j = 0; region->slots && j < REGION_CHUNKS; j++) {
			region->slots[j].legal = MODEL_EITHER;
			region->slots[j].seen = false;
			page_set(&region->slots[j].like, PAGE_SURE, false);
			if (region->slots[j].chunk)
				chunk_forget(inode, region->slots[j].chunk);
		}
	}
}

void inode_free(struct model *model, struct inode *inode)
{
	extent_free(model, inode);
	intervals_free(model, &inode->doubts);
	model_release(model, inode, sizeof(*inode));
}
