// SPDX-License-Identifier: GPL-2.0
/* All inodes: found, added, counted, and done with. */
#include "model/pages.h"
#include "model/state.h"

struct inode *inode_look_up(const struct model *model, __u64 number)
{
	const union map_value *index = map_find(&model->inode_map, number);

	return index ? model->inodes[index->number] : NULL;
}

void inode_set_provider(struct inode *inode, __u32 provider, __u32 default_state)
{
	/* Nobody's pages have no inode: a capture that says so is not ours. */
	if (!provider_of(provider)->letter)
		provider = RECORD_PROVIDER_UNKNOWN;
	inode->base.provider = (enum record_provider)provider;
	inode->base.default_state = default_state;
	/* Where nobody asks for anything, what is declared follows from being resident. */
	if (!inode_has(inode, PROVIDER_TAKES_REQUESTS) || inode->learning)
		inode->legal = MODEL_EITHER;
	else
		inode->legal = default_state ? MODEL_PRESENT : MODEL_ABSENT;
	inode->seen = !inode->learning;
}

struct inode *inode_add(struct model *model, __u64 number, __u64 time, bool learning)
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
	model->forgotten = false;
	inode->base.number = number;
	inode->base.met = time;
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
	if (!inode)
		return NULL;
	model->counts.inodes_unannounced++;
	MODEL_NOTIFY(model, inode_met, &inode->base);
	return inode;
}

void inode_sum(const struct inode *inode, bool finished, struct inode_sums *sums)
{
	sums->pages += inode->base.pages;
	sums->compared += inode->base.compared;
	if (inode->base.dead) {
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
	model->retired.uncompared += inode->base.uncompared;
	model->retired.unread += inode->unread;
	extent_free(model, inode);
	intervals_free(model, &inode->doubts);
}

void inode_settle(struct model *model, struct inode *inode)
{
	if (inode->base.dead && !inode->retired && !inode->base.resident && !inode->open)
		inode_retire(model, inode);
}

bool inode_unread(const struct inode *inode)
{
	return inode->base.before_attach && inode->learning && inode->known < inode->base.pages;
}

__u64 inode_uncompared(const struct inode *inode, __u64 *unread)
{
	struct uncompared counts;

	*unread = inode->unread;
	if (inode->base.dead)
		return inode->base.uncompared;
	extent_uncompared(inode, &counts);
	/* Where its history is whole, what never changed needs no look. */
	if (!inode->learning)
		return counts.changed + counts.changed_unread;
	*unread = inode->base.pages - inode->base.compared - counts.again_unread;
	return counts.changed + *unread;
}

void inode_free(struct model *model, struct inode *inode)
{
	extent_free(model, inode);
	model_release(model, inode->ended, inode->ended_room * sizeof(*inode->ended));
	intervals_free(model, &inode->doubts);
	model_release(model, inode, sizeof(*inode));
}
