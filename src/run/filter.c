// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "run/filter.h"

/* Numbers are given out one after another; a capture with larger ones is not ours. */
#define NUMBER_MAX (1ULL << 24)

static enum filter_whose filter_whose(const struct filter *filter, uint64_t inode)
{
	return inode < filter->whose_nr ? filter->whose[inode] : FILTER_UNKNOWN;
}

static bool filter_set(struct filter *filter, uint64_t inode, enum filter_whose whose)
{
	size_t nr = filter->whose_nr ? filter->whose_nr : 64;
	uint8_t *grown;

	if (inode >= NUMBER_MAX)
		return false;
	while (nr <= inode)
		nr *= 2;
	if (nr > filter->whose_nr) {
		grown = realloc(filter->whose, nr);
		if (!grown)
			return false;
		memset(grown + filter->whose_nr, FILTER_UNKNOWN, nr - filter->whose_nr);
		filter->whose = grown;
		filter->whose_nr = nr;
	}
	filter->whose[inode] = whose;
	return true;
}

/* The inode's VM may be learned only when it is bound: what came before was not handed on. */
static const struct record_header *filter_inode(struct filter *filter,
						const struct record_header *record)
{
	const struct record_inode *inode = (const void *)record;
	enum filter_whose before = filter_whose(filter, record->inode);

	if (before == FILTER_OURS)
		return record;
	if (inode->vm != filter->vm && record->tgid != filter->vm) {
		filter_set(filter, record->inode, FILTER_ELSEWHERE);
		return NULL;
	}
	if (!filter_set(filter, record->inode, FILTER_OURS))
		return NULL;
	filter->inodes++;
	if (before == FILTER_UNKNOWN)
		return record;
	filter->changed.inode = *inode;
	filter->changed.inode.header.size = sizeof(filter->changed.inode);
	filter->changed.inode.before_attach = 1;
	return &filter->changed.header;
}

/* Somebody else's page: the model is to know that, and no more. */
static const struct record_header *filter_zap(struct filter *filter,
					      const struct record_header *record)
{
	if (!record->inode || filter_whose(filter, record->inode) == FILTER_OURS)
		return record;
	filter->changed.zap = *(const struct record_zap *)record;
	filter->changed.zap.header.size = sizeof(filter->changed.zap);
	filter->changed.zap.header.inode = 0;
	filter->changed.zap.i_ino = 0;
	filter->changed.zap.pgoff = 0;
	return &filter->changed.header;
}

const struct record_header *filter_apply(struct filter *filter, const struct record_header *record)
{
	if (!filter->vm)
		return record;
	if (record->kind == RECORD_INODE)
		return filter_inode(filter, record);
	if (record->kind == RECORD_ZAP)
		return filter_zap(filter, record);
	if (!record->inode || filter_whose(filter, record->inode) == FILTER_OURS)
		return record;
	if (record->kind == RECORD_LOSS)
		filter->elsewhere += ((const struct record_loss *)record)->count;
	return NULL;
}

void filter_destroy(struct filter *filter)
{
	free(filter->whose);
	memset(filter, 0, sizeof(*filter));
}
