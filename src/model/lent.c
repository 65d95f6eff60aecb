// SPDX-License-Identifier: GPL-2.0
/*
 * What a request has others do: changes and flushes of tasks that are in no request themselves, as
 * workers that it waits for. Nobody tells for whom a worker works.
 */
#include "model/state.h"

/* Whether it is a change as @request was made for. */
static bool request_asks(const struct model_request *request, bool present)
{
	switch (request->operation) {
	case RECORD_OPERATION_SET_RANGE:
	case RECORD_OPERATION_SET_FOLIO:
		return present == (request->state != 0);
	case RECORD_OPERATION_FALLOCATE:
		return present == ((request->mode & RECORD_MODE_PUNCH_HOLE) != 0);
	case RECORD_OPERATION_CONFIGURE:
	case RECORD_OPERATION_CONFIGURE_BATCH:
		return !present;
	case RECORD_OPERATION_RELEASE:
		return present;
	default:
		return false;
	}
}

struct task *lent_by(const struct inode *inode, const struct model_zap *zap)
{
	const struct request *request = inode->open;

	for (; request; request = request->next_open) {
		if (request->base.pgoff_first <= zap->pgoff &&
		    zap->pgoff + zap->nr - 1 <= request->base.pgoff_last &&
		    request_asks(&request->base, zap->valid))
			return request->task;
	}
	return NULL;
}

void lent_flushed(struct model *model, const struct model_flush *flush)
{
	model->lent[model->lent_nr++ % LENT_FLUSHES] = *flush;
}

enum model_coverage lent_coverage(const struct model *model, const struct model_zap *zap, __u64 pfn)
{
	size_t nr = model->lent_nr < LENT_FLUSHES ? model->lent_nr : LENT_FLUSHES;
	enum model_coverage coverage = MODEL_UNCOVERED;

	for (size_t i = 0; i < nr && coverage != MODEL_COVERED; i++) {
		const struct model_flush *flush = &model->lent[i];

		if (flush->begin < zap->end || !flush_reaches(flush, pfn, pfn))
			continue;
		coverage = flush->tid == zap->tid ? MODEL_COVERED : MODEL_BY_OTHERS;
	}
	return coverage;
}
