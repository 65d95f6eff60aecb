// SPDX-License-Identifier: GPL-2.0
/* What wants to be read again, and whether anything still does. */
#include "model/pages.h"
#include "model/state.h"

/* Whether @chunk wants another read that nobody was asked for yet. */
static bool chunk_wants(const struct model *model, const struct chunk *chunk)
{
	return chunk->tries < model->options.rereads_max &&
	       bits_count(chunk_marks(chunk, MARK_UNSETTLED));
}

static void chunk_bounds(const struct chunk *chunk, __u64 start, __u64 *first, __u64 *last)
{
	const __u64 *bits = chunk_marks(chunk, MARK_UNSETTLED);
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

	return extent < inode->base.pages ? extent : inode->base.pages;
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

		if (inode->base.dead || !inode->unsettled || !inode->rereads)
			continue;
		*reread = (struct model_reread){ .inode = &inode->base };
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
		if (!model->open[i]->base.stuck)
			return true;
	}
	for (size_t i = 0; i < model->kept_nr; i++) {
		const struct inode *inode = model->kept[i];

		if (!inode->base.dead && inode->unsettled && inode_wants(model, inode))
			return true;
	}
	return false;
}
