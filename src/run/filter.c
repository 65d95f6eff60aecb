// SPDX-License-Identifier: GPL-2.0
#include <fnmatch.h>
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

bool filter_leaves_out(const struct filter *filter, uint64_t inode)
{
	return filter_whose(filter, inode) == FILTER_ELSEWHERE;
}

void filter_init(struct filter *filter, const struct run_options *options)
{
	*filter = (struct filter){
		.vm = options->vm,
		.comm = options->comm,
		.inode = options->inode,
	};
}

uint32_t filter_vm(const struct run_options *options)
{
	if (options->vm)
		return options->vm;
	return options->comm || options->inode ? MODEL_VM_SEVERAL : 0;
}

static bool inode_passes(const struct filter *filter, const struct record_inode *inode)
{
	char comm[RECORD_COMM_LEN + 1] = "";

	if (filter->inode && inode->header.inode != filter->inode)
		return false;
	if (filter->vm && inode->vm != filter->vm && inode->header.tgid != filter->vm)
		return false;
	memcpy(comm, inode->comm, RECORD_COMM_LEN);
	return !filter->comm || !fnmatch(filter->comm, comm, 0);
}

static bool tgid_known(const struct filter *filter, uint32_t tgid)
{
	for (size_t i = 0; i < filter->tgids_nr; i++) {
		if (filter->tgids[i] == tgid)
			return true;
	}
	return false;
}

/* Where memory is short its flushes are nobody's. */
static void tgid_add(struct filter *filter, uint32_t tgid)
{
	size_t room = filter->tgids_room ? filter->tgids_room * 2 : 16;
	uint32_t *grown;

	if (filter->vm || !tgid || tgid_known(filter, tgid))
		return;
	if (filter->tgids_nr == filter->tgids_room) {
		grown = realloc(filter->tgids, room * sizeof(*grown));
		if (!grown)
			return;
		filter->tgids = grown;
		filter->tgids_room = room;
	}
	filter->tgids[filter->tgids_nr++] = tgid;
}

/* The inode's VM may be learned only when it is bound: what came before was not handed on. */
static const struct record_header *filter_inode(struct filter *filter,
						const struct record_header *record)
{
	const struct record_inode *inode = (const void *)record;
	enum filter_whose before = filter_whose(filter, record->inode);

	if (before == FILTER_OURS) {
		tgid_add(filter, inode->vm);
		return record;
	}
	if (!inode_passes(filter, inode)) {
		filter_set(filter, record->inode, FILTER_ELSEWHERE);
		return NULL;
	}
	if (!filter_set(filter, record->inode, FILTER_OURS))
		return NULL;
	filter->inodes++;
	tgid_add(filter, record->tgid);
	tgid_add(filter, inode->vm);
	if (before == FILTER_UNKNOWN)
		return record;
	filter->changed.inode = *inode;
	filter->changed.inode.header.size = sizeof(filter->changed.inode);
	filter->changed.inode.before_attach = 1;
	return &filter->changed.header;
}

static struct filter_task *task_find(const struct filter *filter, uint32_t tid)
{
	for (size_t i = 0; i < filter->tasks_nr; i++) {
		if (filter->tasks[i].tid == tid)
			return &filter->tasks[i];
	}
	return NULL;
}

static void task_begin(struct filter *filter, const struct record_header *record)
{
	struct filter_task *task = task_find(filter, record->tid), *grown;
	size_t room = filter->tasks_room ? filter->tasks_room * 2 : 16;

	if (task) {
		task->depth++;
		return;
	}
	/* Ends that were lost: nobody has so many requests open. */
	if (filter->tasks_nr == FILTER_TASKS_MAX)
		filter->tasks_nr = 0;
	if (filter->tasks_nr == filter->tasks_room) {
		grown = realloc(filter->tasks, room * sizeof(*grown));
		if (!grown)
			return;
		filter->tasks = grown;
		filter->tasks_room = room;
	}
	filter->tasks[filter->tasks_nr++] =
		(struct filter_task){ .tid = record->tid, .depth = 1, .since = record->time };
}

static void task_end(struct filter *filter, uint32_t tid)
{
	struct filter_task *task = task_find(filter, tid);

	if (task && !--task->depth)
		*task = filter->tasks[--filter->tasks_nr];
}

/* A change that waits for its flush is written late: perhaps behind the begin of its task's next request. */
static bool inside_elsewhere(const struct filter *filter, const struct record_header *record)
{
	const struct filter_task *task = task_find(filter, record->tid);

	return task && record->time >= task->since;
}

/* Of an inode that does not pass. */
static void filter_drop(struct filter *filter, const struct record_header *record)
{
	if (record->kind == RECORD_REQUEST_BEGIN)
		task_begin(filter, record);
	else if (record->kind == RECORD_REQUEST_END)
		task_end(filter, record->tid);
	else if (record->kind == RECORD_LOSS)
		filter->elsewhere += ((const struct record_loss *)record)->count;
}

/* Somebody else's page: the model is to know that, and no more. */
static const struct record_header *filter_zap(struct filter *filter,
					      const struct record_header *record)
{
	bool ours = !record->inode || filter_whose(filter, record->inode) == FILTER_OURS;
	bool elsewhere = !ours || inside_elsewhere(filter, record);

	if (ours && !elsewhere)
		return record;
	filter->changed.zap = *(const struct record_zap *)record;
	filter->changed.zap.header.size = sizeof(filter->changed.zap);
	if (elsewhere)
		filter->changed.zap.header.tgid = 0;
	if (ours)
		return &filter->changed.header;
	filter->changed.zap.header.inode = 0;
	filter->changed.zap.i_ino = 0;
	filter->changed.zap.pgoff = 0;
	return &filter->changed.header;
}

static bool flush_elsewhere(const struct filter *filter, const struct record_header *record)
{
	return inside_elsewhere(filter, record) ||
	       (!filter->vm && !tgid_known(filter, record->tgid));
}

static const struct record_header *filter_timed(struct filter *filter,
						const struct record_header *record)
{
	if (!flush_elsewhere(filter, record))
		return record;
	filter->changed.timed = *(const struct record_flush_timed *)record;
	filter->changed.timed.header.size = sizeof(filter->changed.timed);
	filter->changed.timed.header.tgid = 0;
	return &filter->changed.header;
}

static const struct record_header *filter_flush(struct filter *filter,
						const struct record_header *record)
{
	if (!flush_elsewhere(filter, record))
		return record;
	filter->changed.flush = *(const struct record_flush *)record;
	filter->changed.flush.header.size = sizeof(filter->changed.flush);
	filter->changed.flush.header.tgid = 0;
	return &filter->changed.header;
}

/* An inner step names no inode: it is whose the request around it is. */
static bool filter_step(const struct filter *filter, const struct record_header *record)
{
	return (record->kind == RECORD_REQUEST_BEGIN || record->kind == RECORD_REQUEST_END) &&
	       task_find(filter, record->tid);
}

const struct record_header *filter_choose(struct filter *filter, const struct record_header *record)
{
	switch (record->kind) {
	case RECORD_INODE:
		return filter_inode(filter, record);
	case RECORD_ZAP:
		return filter_zap(filter, record);
	case RECORD_FLUSH:
		return filter_flush(filter, record);
	case RECORD_FLUSH_TIMED:
		return filter_timed(filter, record);
	default:
		break;
	}
	if (record->inode ? filter_whose(filter, record->inode) == FILTER_OURS
			  : !filter_step(filter, record))
		return record;
	filter_drop(filter, record);
	return NULL;
}

void filter_destroy(struct filter *filter)
{
	free(filter->whose);
	free(filter->tasks);
	free(filter->tgids);
	memset(filter, 0, sizeof(*filter));
}
