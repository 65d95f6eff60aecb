// SPDX-License-Identifier: GPL-2.0
/* Whether a flush covers a change. */
#include "model/state.h"

void flush_of_zap(const struct record_zap *record, struct model_flush *flush)
{
	*flush = (struct model_flush){
		.begin = record->flush_begin,
		.end = record->header.time,
		.pfn_first = record->flush_first,
		.pfn_last = record->flush_last,
		.tid = record->header.tid,
		.tgid = record->header.tgid,
		.cpu = record->header.cpu,
		.full = record->flush_full || record->flush_routine == RECORD_FLUSH_ALL,
		.routine = record->flush_routine,
	};
}

bool flush_reaches(const struct model_flush *flush, __u64 first, __u64 last)
{
	return flush->full || (flush->pfn_first <= first && last <= flush->pfn_last);
}

bool flush_is_own(const struct model_flush *flush, const struct model_zap *zap)
{
	return flush->routine != RECORD_FLUSH_ALL || !zap->inode ||
	       !provider_has(zap->inode->provider, PROVIDER_FLUSHES_EACH);
}

bool flush_covers(const struct model_flush *flush, const struct model_zap *zap)
{
	return flush_is_own(flush, zap) && flush->begin >= zap->end &&
	       flush_reaches(flush, zap->pfn, zap->pfn + zap->nr - 1);
}

enum model_coverage flush_otherwise(const struct task *task, const struct model_zap *zap)
{
	return task->called > zap->end ? MODEL_OTHERWISE : MODEL_UNCOVERED;
}
