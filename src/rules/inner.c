// SPDX-License-Identifier: GPL-2.0
#include "rules/inner.h"

#define PUNCH_HOLE 2 /* FALLOC_FL_PUNCH_HOLE */
#define LOOKS_MAX                                                                                  \
	(1ULL << 25) /* at changes: a kernel's request of 4096 single pages needs half of it */

bool request_tells(const struct model_request *request)
{
	switch (request->operation) {
	case RECORD_OPERATION_SET_RANGE:
	case RECORD_OPERATION_SET_FOLIO:
	case RECORD_OPERATION_CONFIGURE:
		return request->inode != NULL;
	case RECORD_OPERATION_FALLOCATE:
		return request->inode && !(request->mode & PUNCH_HOLE);
	default:
		return false;
	}
}

/* Sets what was done to the page at @pfn, and shortens @run->nr to those alike. */
static void run_look(const struct model_request *request, struct inner_run *run, __u64 pfn)
{
	for (size_t i = 0; i < request->zaps_nr; i++) {
		const struct model_zap *zap = &request->zaps[i];

		if (zap->pfn > pfn) {
			if (zap->pfn - pfn < run->nr)
				run->nr = zap->pfn - pfn;
			continue;
		}
		if (pfn - zap->pfn >= zap->nr)
			continue;
		if (zap->nr - (pfn - zap->pfn) < run->nr)
			run->nr = zap->nr - (pfn - zap->pfn);
		if (!run->first)
			run->first = zap;
		run->last = zap;
		if (!zap->result)
			run->done[zap->valid] = zap;
	}
}

void inner_visit(struct verdict *verdict, const struct model_request *request, inner_visitor visit)
{
	__u64 looks = 0;

	for (size_t i = 0; i < request->zaps_nr; i++) {
		const struct model_zap *zap = &request->zaps[i];
		struct inner_run run;

		for (__u64 skip = 0; skip < zap->nr; skip += run.nr) {
			run = (struct inner_run){
				.zap = zap,
				.skip = skip,
				.nr = zap->nr - skip,
			};
			looks += request->zaps_nr;
			if (looks > LOOKS_MAX)
				return;
			run_look(request, &run, zap->pfn + skip);
			visit(verdict, request, &run);
		}
	}
}
