// SPDX-License-Identifier: GPL-2.0
/* What an inode lives through: it is described, doubted, and dies. */
#include "model/pages.h"
#include "model/promises.h"
#include "model/state.h"

static void inode_describe(struct inode *inode, const struct record_inode *record)
{
	struct model_inode *base = &inode->base;

	if (record->i_ino)
		base->i_ino = record->i_ino;
	if (base->pages < record->pages)
		base->pages = record->pages;
	if (record->flags)
		base->flags = record->flags;
	if (record->header.tgid)
		base->tgid = record->header.tgid;
	if (record->vm)
		base->vm = record->vm;
	if (record->comm[0])
		memcpy(base->comm, record->comm, RECORD_COMM_LEN);
	if (base->provider == RECORD_PROVIDER_UNKNOWN)
		inode_set_provider(inode, record->provider, record->default_state);
}

void inode_snapshot_update(struct inode *inode, const struct record_snapshot *record)
{
	struct model_inode *base = &inode->base;

	if (!base->i_ino)
		base->i_ino = record->i_ino;
	if (record->inode_flags)
		base->flags = record->inode_flags;
	if (base->pages < record->inode_pages)
		base->pages = record->inode_pages;
	if (base->provider == RECORD_PROVIDER_UNKNOWN)
		inode_set_provider(inode, record->provider, record->default_state);
}

/* Its pages leave: which of them are absent is still known, by pfn. */
static void inode_let_go(struct model *model, struct inode *inode)
{
	struct model_page page;
	__u64 pgoff = 0;

	while (model_resident_next(model, &inode->base, pgoff, MODEL_PGOFF_MAX, &page)) {
		page_leave(model, inode, page.pgoff, page.pfn, page.nr);
		pfn_leave(model, page.pfn, page.nr);
		pgoff = page.pgoff + page.nr;
	}
}

void inode_die(struct model *model, struct inode *inode, __u64 time)
{
	if (inode->base.dead)
		return;
	inode->inconclusive = inode->unsettled;
	/* One that was being released when the sensors were armed was not theirs to watch. */
	if (!inode->base.before_attach || inode->base.requests || inode->base.zapped)
		inode->base.uncompared = inode_uncompared(inode, &inode->unread);
	inode->base.dead = true;
	model->counts.inodes_live--;
	MODEL_NOTIFY(model, inode_dead, &inode->base, time);
	promise_forget(model, inode);
	reach_free(model, inode);
	if (inode_has(inode, PROVIDER_LEAVES_UNTOLD))
		inode_let_go(model, inode);
	inode_settle(model, inode);
}

static void chunk_forget(struct chunk *chunk)
{
	memset(chunk->bits[BITS_PRESENT], 0xff, sizeof(chunk->bits[0]));
	memset(chunk->bits[BITS_ABSENT], 0xff, sizeof(chunk->bits[0]));
	memset(chunk->bits[BITS_SEEN], 0, sizeof(chunk->bits[0]));
	memset(chunk->bits[BITS_WAS_ABSENT], 0, sizeof(chunk->bits[0]));
	/* What was seen once must be seen twice anew: something may have come between. */
	chunk_unmark_all(chunk, MARK_SUSPECT_DECLARED);
	chunk_unmark_all(chunk, MARK_SUSPECT_APPLIED);
	for (size_t i = 0; chunk->pages && i < CHUNK_PAGES; i++)
		page_set(&chunk->pages[i], PAGE_SURE, false);
}

void inode_forget(struct model *model, struct inode *inode)
{
	/* Which of a dead one's pages have left meanwhile nobody can tell any more. */
	if (inode->base.dead) {
		inode_let_go(model, inode);
		inode_settle(model, inode);
	}
	inode->learning = true;
	promise_forget(model, inode);
	reach_free(model, inode);
	inode->legal = MODEL_EITHER;
	inode->seen = false;
	for (size_t i = 0; i < inode->regions_nr; i++) {
		struct region *region = &inode->regions[i];

		region->legal = MODEL_EITHER;
		region->seen = false;
		for (size_t j = 0; region->slots && j < REGION_CHUNKS; j++) {
			region->slots[j].legal = MODEL_EITHER;
			region->slots[j].seen = false;
			region->slots[j].was_absent = false;
			page_set(&region->slots[j].like, PAGE_SURE, false);
			if (region->slots[j].chunk)
				chunk_forget(region->slots[j].chunk);
		}
	}
}

void inode_update(struct model *model, const struct record_inode *record)
{
	__u64 time = record->header.time;
	struct inode *inode = inode_find(model, record->header.inode);
	bool met = !inode;

	model->forgotten = false;
	if (inode && inode->retired)
		return;
	if (!inode) {
		inode = inode_add(model, record->header.inode, time, record->before_attach);
		if (!inode)
			return;
		inode->base.before_attach = record->before_attach;
		inode->attached = time;
	} else if (record->before_attach && !inode->base.before_attach) {
		/* Met through a call before discovery found that it is older than the sensors. */
		inode->base.before_attach = true;
		inode->attached = time;
		if (inode->shadow_until < time + model->options.shadow_ns)
			inode->shadow_until = time + model->options.shadow_ns;
		inode_forget(model, inode);
	}
	inode_describe(inode, record);
	/* Who was met before is somebody's, or was. */
	inode->base.bound = record->bound && (met || inode->base.bound);
	if (met)
		MODEL_NOTIFY(model, inode_met, &inode->base);
}
