// SPDX-License-Identifier: GPL-2.0
/*
 * The changes of a request, by pages: a sweep over where they begin and end, so that a request of
 * half a million single pages costs no more than sorting them. What overlaps is looked at as often
 * as it does.
 */
#include <stdlib.h>
#include "internal.h"
#include "rules/inner.h"

/* Runs times the changes that each is of. A kernel's request undoes each change once at most. */
#define LOOKS_MAX (1ULL << 24)

bool request_allocates(const struct model_request *request)
{
	return request->operation == RECORD_OPERATION_FALLOCATE &&
	       !(request->mode & RECORD_MODE_PUNCH_HOLE);
}

bool request_changes_range(const struct model_request *request)
{
	return request->operation == RECORD_OPERATION_SET_RANGE ||
	       request->operation == RECORD_OPERATION_SET_FOLIO;
}

bool request_tells(const struct model_request *request)
{
	switch (request->operation) {
	case RECORD_OPERATION_SET_RANGE:
	case RECORD_OPERATION_SET_FOLIO:
	case RECORD_OPERATION_CONFIGURE:
		return request->inode != NULL;
	case RECORD_OPERATION_CONFIGURE_BATCH:
		/* Inside fallocate() it is a step, and that tells. */
		return request->inode && !request->depth;
	case RECORD_OPERATION_FALLOCATE:
		return request->inode && request_allocates(request);
	default:
		return false;
	}
}

/* Where a change begins or, @ends, the first pfn behind it. */
struct edge {
	__u64 pfn;
	const struct model_zap *zap;
	bool ends;
};

static int edge_order(const void *left, const void *right)
{
	const struct edge *a = left, *b = right;

	return (a->pfn > b->pfn) - (a->pfn < b->pfn);
}

/* The changes of the pages at hand, in order of time. */
struct active {
	const struct model_zap **zaps;
	size_t nr;
};

static void active_add(struct active *active, const struct model_zap *zap)
{
	size_t at = active->nr++;

	for (; at && active->zaps[at - 1] > zap; at--)
		active->zaps[at] = active->zaps[at - 1];
	active->zaps[at] = zap;
}

static void active_drop(struct active *active, const struct model_zap *zap)
{
	size_t at = 0;

	while (active->zaps[at] != zap)
		at++;
	active->nr--;
	for (; at < active->nr; at++)
		active->zaps[at] = active->zaps[at + 1];
}

/* Pages [first, behind) had all that is active, and nothing else. */
static void active_visit(struct verdict *verdict, const struct model_request *request,
			 const struct active *active, __u64 first, __u64 behind,
			 inner_visitor visit)
{
	struct inner_run run = {
		.nr = behind - first,
		.first = active->zaps[0],
		.last = active->zaps[active->nr - 1],
	};

	for (size_t i = 0; i < active->nr; i++) {
		if (!active->zaps[i]->result)
			run.done[active->zaps[i]->valid] = active->zaps[i];
	}
	for (size_t i = 0; i < active->nr; i++) {
		run.zap = active->zaps[i];
		run.skip = first - run.zap->pfn;
		visit(verdict, request, &run);
	}
}

static struct edge *edges_make(const struct model_request *request)
{
	struct edge *edges = calloc(2 * request->zaps_nr, sizeof(*edges));

	for (size_t i = 0; edges && i < request->zaps_nr; i++) {
		const struct model_zap *zap = &request->zaps[i];

		edges[2 * i] = (struct edge){ zap->pfn, zap, false };
		edges[2 * i + 1] = (struct edge){ zap->pfn + zap->nr, zap, true };
	}
	if (edges)
		qsort(edges, 2 * request->zaps_nr, sizeof(*edges), edge_order);
	return edges;
}

/* false: some of it was left out. */
static bool edges_sweep(struct verdict *verdict, const struct model_request *request,
			const struct edge *edges, struct active *active, inner_visitor visit)
{
	__u64 looks = 0;

	for (size_t i = 0; i < 2 * request->zaps_nr; i++) {
		if (edges[i].ends)
			active_drop(active, edges[i].zap);
		else
			active_add(active, edges[i].zap);
		looks += 1 + active->nr;
		if (looks > LOOKS_MAX)
			return false;
		if (active->nr && edges[i].pfn != edges[i + 1].pfn)
			active_visit(verdict, request, active, edges[i].pfn, edges[i + 1].pfn,
				     visit);
	}
	return true;
}

void inner_visit(struct verdict *verdict, const struct model_request *request, inner_visitor visit)
{
	struct active active = {};
	struct edge *edges;

	if (!request->zaps_nr)
		return;
	edges = edges_make(request);
	active.zaps = calloc(request->zaps_nr, sizeof(struct model_zap *));
	if (!edges || !active.zaps)
		verdict->failed = true;
	else if (!edges_sweep(verdict, request, edges, &active, visit))
		verdict->unlooked = true;
	free(active.zaps);
	free(edges);
}
