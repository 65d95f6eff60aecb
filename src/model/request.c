// SPDX-License-Identifier: GPL-2.0
/* Requests: calls of the routines that change or may change a page's state. */
#include "model/pages.h"
#include "model/promises.h"
#include "model/events.h"
#include "model/state.h"

static struct request *request_alloc(struct model *model)
{
	struct request *request = model->requests_free;

	if (request)
		model->requests_free = request->next_open;
	else
		request = model_alloc(model, sizeof(*request));
	return request;
}

static void request_unlink(struct model *model, struct request *request)
{
	struct task *task = request->task;

	if (request->inode) {
		*request->link_open = request->next_open;
		if (request->next_open)
			request->next_open->link_open = request->link_open;
		if (!request->inode->open)
			conflicts_forget(model, request->inode);
	}
	model->open[request->open_index] = model->open[--model->open_nr];
	model->open[request->open_index]->open_index = request->open_index;
	task->top = request->outer;
	task->depth--;
	if (!task->top) {
		task->zaps_nr = task->zaps_unflushed = task->flushes_nr = 0;
		task->unanswered_nr = 0;
		task->restores = 0;
	}
	model->counts.requests_open = model->open_nr;
}

/* Back to the free list, with the memory of its conflicts. */
static void request_recycle(struct model *model, struct request *request)
{
	struct conflict *conflicts = request->conflicts;
	size_t room = request->conflicts_room;

	memset(request, 0, sizeof(*request));
	request->conflicts = conflicts;
	request->conflicts_room = room;
	request->next_open = model->requests_free;
	model->requests_free = request;
}

/* The innermost request of @task ended without being seen to. */
static void request_drop(struct model *model, struct task *task, __u64 now)
{
	struct request *request = task->top;
	struct inode *inode = request->inode;
	__u64 begin = request->base.begin;

	request_unlink(model, request);
	if (inode)
		extent_touch(inode, request->base.pgoff_first, request->base.pgoff_last, now, true);
	request_recycle(model, request);
	if (inode)
		inode_settle(model, inode);
	doubt_unseen(model, inode, begin, now);
}

void request_drop_lost(struct model *model, struct inode *inode, __u64 now)
{
	struct request *request = inode->open, *next;

	for (; request; request = next) {
		struct task *task = request->task;

		next = request->next_open;
		if (!doubt_within(model, inode, request->base.begin, now))
			continue;
		while (task->top != request)
			request_drop(model, task, now);
		request_drop(model, task, now);
		next = inode->open;
	}
}

static void request_event(struct model *model, const struct record_request *record,
			  const struct request *request)
{
	const struct inode *inode = request ? request->inode : NULL;
	struct model_event event = {
		.time = record->header.time,
		.kind = record->header.kind,
		.operation = (__u16)record->operation,
		.cpu = record->header.cpu,
		.tid = record->header.tid,
		.tgid = record->header.tgid,
		.inode = (__u32)(inode ? inode->base.number : record->header.inode),
		.state = record->state,
		.result = (__s32)record->result,
		.mode = record->mode,
		.first = record->pgoff_first,
		.last = record->pgoff_last,
	};

	event_add(model, &event);
}

/* Ends that must have been lost: no routine calls itself, and a release stands alone. */
static void request_drop_impossible(struct model *model, struct task *task,
				    const struct record_request *record)
{
	const struct request *outer;

	for (outer = task->top; outer; outer = outer->outer) {
		if (outer->base.operation == record->operation ||
		    record->operation == RECORD_OPERATION_RELEASE ||
		    task->depth == REQUEST_DEPTH_MAX)
			break;
	}
	while (outer && task->top)
		request_drop(model, task, record->header.time);
}

/*
 * A hole takes its pages out: where nobody tells of those that leave they may be anybody's once it
 * has begun, and what came to it meanwhile once it has ended.
 */
static void request_punch(struct model *model, struct inode *inode,
			  const struct record_request *record)
{
	__u64 extent = (__u64)inode->regions_nr << REGION_SHIFT;
	__u64 last = record->pgoff_last < extent ? record->pgoff_last : extent - 1;
	struct page_span run;

	if (!(record->mode & RECORD_MODE_PUNCH_HOLE) || !inode_has(inode, PROVIDER_LEAVES_UNTOLD))
		return;
	for (__u64 pgoff = record->pgoff_first; extent && pgoff <= last; pgoff += run.nr) {
		extent_run(model, inode, pgoff, last - pgoff + 1, &run);
		if (run.pages)
			run_write(&run, run.pages->flags & ~(__u32)PAGE_SURE);
	}
}

void request_begin(struct model *model, const struct record_request *record)
{
	struct task *task = task_get(model, record->header.tid);
	struct request *request;

	if (!task)
		return;
	request_drop_impossible(model, task, record);
	if (!model_grow(model, &model->open, model->open_nr, &model->open_room,
			sizeof(struct request *)))
		return;
	request = request_alloc(model);
	if (!request)
		return;
	if (record->header.inode)
		request->inode = inode_get(model, record->header.inode, record->header.time);
	else if (task->top && record->operation == RECORD_OPERATION_UPDATE_XARRAY)
		request->inode = task->top->inode;
	if (request->inode && record->operation == RECORD_OPERATION_RELEASE) {
		request_drop_lost(model, request->inode, record->header.time);
		request->inode->closing = true;
	}
	request->base = (struct model_request){
		.id = ++model->request_id,
		.inode = request->inode ? &request->inode->base : NULL,
		.operation = (enum record_operation)record->operation,
		.state = record->state,
		.mode = record->mode,
		.pgoff_first = record->pgoff_first,
		.pgoff_last = record->pgoff_last,
		.begin = record->header.time,
		.tid = record->header.tid,
		.tgid = record->header.tgid,
		.cpu = record->header.cpu,
		.depth = task->depth,
	};
	request->base.preempt_begin = record->preempt_count;
	request->held = record->held;
	request->kept_inside = 0;
	request->task = task;
	request->outer = task->top;
	request->zaps_first = task->zaps_nr;
	request->flushes_first = task->flushes_nr;
	request->conflicts_nr = 0;
	request->next_open = NULL;
	if (request->inode) {
		request_punch(model, request->inode, record);
		request->next_open = request->inode->open;
		request->link_open = &request->inode->open;
		if (request->next_open)
			request->next_open->link_open = &request->next_open;
		request->inode->open = request;
		request->ended_before = request->inode->ended_count;
		if (!request_is_step(request)) {
			request->inode->base.requests++;
			model->counts.requests_unread += inode_unread(request->inode);
		}
	}
	if (!model->open_nr || request->base.begin < model->open_since)
		model->open_since = request->base.begin;
	request->open_index = model->open_nr;
	model->open[model->open_nr++] = request;
	task->top = request;
	task->depth++;
	model->counts.requests += !request_is_step(request);
	model->counts.requests_open = model->open_nr;
	if (!request_is_step(request))
		request_event(model, record, request);
	notify_request_begun(model, request);
}

static struct request *request_match(const struct task *task, const struct record_request *record)
{
	struct request *request = task->top;

	for (; request; request = request->outer) {
		const struct model_request *base = &request->base;

		/* A folio that was truncated meanwhile has no inode any more. */
		if (base->operation == record->operation &&
		    base->pgoff_first == record->pgoff_first &&
		    base->pgoff_last == record->pgoff_last &&
		    (!record->header.inode || !base->inode ||
		     base->inode->number == record->header.inode))
			return request;
	}
	return NULL;
}

static void request_declare(struct model *model, const struct request *request)
{
	const struct model_request *base = &request->base;
	__u8 legal = base->state ? MODEL_PRESENT : MODEL_ABSENT;
	__u64 last = base->pgoff_last;

	/* One that asked for the opposite may have come and gone unseen while this one ran. */
	if (doubt_within(model, request->inode, base->begin, base->end))
		legal = MODEL_EITHER;
	/* Nothing reads behind the end of the inode. */
	if (request->inode->base.pages && last >= request->inode->base.pages)
		last = request->inode->base.pages - 1;
	if (base->pgoff_first > last)
		return;
	extent_declare(model, request->inode, base->pgoff_first, last, legal, base->result < 0);
	for (size_t i = 0; i < request->conflicts_nr; i++) {
		const struct conflict *conflict = &request->conflicts[i];
		__u64 first = conflict->first, end = conflict->last;

		if (base->result >= 0 && !conflict->opposite)
			continue;
		first = first > base->pgoff_first ? first : base->pgoff_first;
		end = end < last ? end : last;
		if (first <= end)
			extent_declare(model, request->inode, first, end, MODEL_EITHER, true);
	}
}

/*
 * The range of a batch has others' pages, too: those that were prepared before, and did not change.
 * What else of it is absent can only be prepared, or next.
 */
static bool request_marks(const struct request *request, const struct page *page)
{
	return page->flags & PAGE_RESIDENT &&
	       (request->base.operation != RECORD_OPERATION_CONFIGURE_BATCH ||
		(page_applied(page) == MODEL_ABSENT && !(page->flags & PAGE_PREPARED)));
}

static void request_mark_pages(struct model *model, const struct request *request, __u32 flag,
			       __u64 time)
{
	struct inode *inode = request->inode;
	__u64 extent = (__u64)inode->regions_nr << REGION_SHIFT;
	__u64 last = request->base.pgoff_last;
	struct page_span run;

	if (last >= extent)
		last = extent - 1;
	for (__u64 pgoff = request->base.pgoff_first; extent && pgoff <= last; pgoff += run.nr) {
		extent_run(model, inode, pgoff, last - pgoff + 1, &run);
		if (!run.pages || !request_marks(request, run.pages))
			continue;
		run_write(&run, run.pages->flags | flag);
		pages_mark_changed(model, run.slot, pgoff, run.nr, time);
	}
}

static void request_apply(struct model *model, const struct request *request)
{
	const struct model_request *base = &request->base;
	bool declares = request_declares(request);
	__u64 time = base->end > model->counts.now ? base->end : model->counts.now;

	/* One of unknown kind may turn out to be such a one. */
	if (declares && (inode_has(request->inode, PROVIDER_TAKES_REQUESTS) ||
			 !inode_has(request->inode, PROVIDER_JUDGED)))
		request_declare(model, request);
	if (declares) {
		conflict_ended(model, request);
		promise_request(model, request);
	}
	if ((base->operation == RECORD_OPERATION_CONFIGURE ||
	     base->operation == RECORD_OPERATION_CONFIGURE_BATCH) &&
	    !base->result)
		request_mark_pages(model, request, PAGE_PREPARED, base->end);
	if (base->operation == RECORD_OPERATION_ERROR_FOLIO)
		request_mark_pages(model, request, PAGE_POISONED, base->end);
	if (base->pgoff_first <= base->pgoff_last)
		extent_touch(request->inode, base->pgoff_first, base->pgoff_last, time, declares);
}

/* What it says of the step that it is to the request around it. */
static void request_step(const struct request *request)
{
	const struct model_request *step = &request->base;
	struct model_request *outer = &request->outer->base;

	request_stepped(request->outer, step->end);
	if (step->result < 0) {
		outer->failed = step->result;
		outer->failed_first = step->pgoff_first;
		outer->failed_last = step->pgoff_last;
		outer->failed_state = step->state;
	} else if (step->state == outer->failed_state && step->pgoff_first <= outer->failed_first &&
		   outer->failed_last <= step->pgoff_last) {
		/* Tried again, it was made good. */
		outer->failed = 0;
	}
}

/* What the task has at its end and had not at its begin, as far as both were read. */
static __u32 request_holds_more(const struct request *request, const struct record_request *end)
{
	__u32 read = request->held & end->held, kept = 0;

	if (read & RECORD_HELD_COUNTED && end->preempt_count > request->base.preempt_begin)
		kept |= MODEL_KEPT_PREEMPTION;
	if (read & RECORD_HELD_LOOKED_MORE && end->held & ~request->held & RECORD_HELD_I_RWSEM)
		kept |= MODEL_KEPT_I_RWSEM;
	if (read & RECORD_HELD_LOOKED_MORE && end->held & ~request->held & RECORD_HELD_MMAP_LOCK)
		kept |= MODEL_KEPT_MMAP_LOCK;
	if (read & RECORD_HELD_LOOKED && end->held & ~request->held & RECORD_HELD_INVALIDATE_LOCK)
		kept |= MODEL_KEPT_INVALIDATE_LOCK;
	return kept;
}

/* A step may take what its request lets go; of all others the innermost is to blame. */
static void request_keep(struct request *request, const struct record_request *record)
{
	__u32 kept = request_holds_more(request, record);

	request->base.preempt_end = record->preempt_count;
	if (request_is_step(request))
		return;
	request->base.kept = kept & ~request->kept_inside;
	if (request->outer)
		request->outer->kept_inside |= kept;
}

/* Its begin was not seen. Requests of one kind do not nest: the task had ended one before it began another. */
static void request_end_unseen(struct model *model, const struct task *task,
			       const struct record_request *record)
{
	__u64 now = record->header.time, shadow = model->options.shadow_ns;
	__u64 since = now > shadow ? now - shadow : 0;
	struct inode *inode = NULL;

	if (record->header.inode)
		inode = inode_get(model, record->header.inode, now);
	if (inode)
		extent_touch(inode, record->pgoff_first, record->pgoff_last, now, true);
	if (task && task->ended_operation == record->operation && task->ended > since)
		since = task->ended;
	doubt_unseen(model, inode, since, now);
}

void request_end(struct model *model, const struct record_request *record)
{
	struct task *task = task_get(model, record->header.tid);
	struct request *request = task ? request_match(task, record) : NULL;
	struct inode *inode;

	/* Of the steps only those that failed belong to a page's story. */
	if (!request || !request_is_step(request) || record->result < 0)
		request_event(model, record, request);
	if (!request) {
		request_end_unseen(model, task, record);
		return;
	}
	while (task->top != request)
		request_drop(model, task, record->header.time);
	request->base.end = record->header.time;
	request->base.result = record->result;
	request_keep(request, record);
	if (request_is_step(request))
		request_step(request);
	if (request->inode)
		conflicts_gather(model, request);
	if (task->zaps_nr)
		request->base.zaps = task->zaps + request->zaps_first;
	request->base.zaps_nr = task->zaps_nr - request->zaps_first;
	if (task->flushes_nr)
		request->base.flushes = task->flushes + request->flushes_first;
	request->base.flushes_nr = task->flushes_nr - request->flushes_first;
	if (!request->outer)
		flush_judge_request(model, task, request);
	notify_request_ended(model, request);
	if (task->early_nr && !request->outer && !task->call.vm)
		reach_task_ended(model, task);
	request_unlink(model, request);
	task->ended = record->header.time;
	task->ended_operation = record->operation;
	inode = request->inode;
	if (inode) {
		request_punch(model, inode, record);
		request_apply(model, request);
	}
	request_recycle(model, request);
	if (inode)
		inode_settle(model, inode);
}

void request_sleep(struct model *model, const struct record_sleep *record)
{
	const struct task *task = task_get(model, record->header.tid);
	struct request *request = task ? task->top : NULL;
	struct model_slept slept = {
		.might = record->might,
		.preempt_count = record->preempt_count,
		.cpu = record->header.cpu,
		.time = record->header.time,
	};

	while (request && request_is_step(request))
		request = request->outer;
	if (!request)
		return;
	slept.request = &request->base;
	if (request->held & RECORD_HELD_COUNTED &&
	    record->preempt_count > request->base.preempt_begin)
		MODEL_NOTIFY(model, slept, &slept);
	for (; request && !slept.might; request = request->outer)
		request->held &= ~(__u32)RECORD_HELD_COUNTED;
}

void request_check_stuck(struct model *model, __u64 now)
{
	__u64 since = ~0ULL;

	if (!model->open_nr || now <= model->open_since ||
	    now - model->open_since <= model->options.stuck_ns)
		return;
	for (size_t i = 0; i < model->open_nr; i++) {
		struct model_request *request = &model->open[i]->base;

		if (request->stuck)
			continue;
		if (now - request->begin <= model->options.stuck_ns) {
			since = request->begin < since ? request->begin : since;
			continue;
		}
		request->stuck = true;
		notify_request_stuck(model, request, now);
	}
	model->open_since = since;
}

void request_free_all(struct model *model)
{
	while (model->open_nr) {
		struct request *request = model->open[--model->open_nr];

		free(request->conflicts);
		free(request);
	}
	while (model->requests_free) {
		struct request *request = model->requests_free;

		model->requests_free = request->next_open;
		free(request->conflicts);
		free(request);
	}
	for (size_t i = 0; i < model->task_map.room; i++) {
		struct task *task = model->task_map.slots[i].value.pointer;

		if (!task)
			continue;
		free(task->zaps);
		free(task->early);
		free(task->flushes);
		free(task->unanswered);
		free(task);
	}
}
