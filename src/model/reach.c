// SPDX-License-Identifier: GPL-2.0
/*
 * What guests can reach as private: pages that KVM has entered into a guest's page table and not taken out
 * since. Where that is not known a page counts as out of reach, and nobody is accused.
 */
#include "model/pages.h"
#include "model/promises.h"
#include "model/events.h"
#include "model/state.h"

#define LEAF_MAX CHUNK_PAGES /* pages: guests are given no larger leaves */
#define EARLY_MAX 4096 /* runs kept at once */
#define LOOKS (1ULL << 22) /* at chunks, and at such runs ... */
#define LOOKS_PER_RECORD 64 /* ... and so many more for each record: beyond, they are forgotten */

/* Of 512 pages. */
struct reach_chunk {
	__u64 mapped[CHUNK_WORDS]; /* a bit a page */
	__u64 since; /* ns: none of them was entered before */
	__u64 delta; /* gfn less pgoff, of the newest */
};

static struct reach_chunk *chunk_of(const struct reach *reach, __u64 pgoff)
{
	const union map_value *slot = reach ? map_find(&reach->chunks, pgoff >> CHUNK_SHIFT) : NULL;

	return slot ? slot->pointer : NULL;
}

static struct reach_chunk *chunk_get(struct model *model, struct inode *inode, __u64 pgoff)
{
	union map_value *slot;

	if (!inode->reach)
		inode->reach = model_alloc(model, sizeof(*inode->reach));
	if (!inode->reach)
		return NULL;
	slot = map_add(model, &inode->reach->chunks, pgoff >> CHUNK_SHIFT);
	if (slot && !slot->pointer)
		slot->pointer = model_alloc(model, sizeof(struct reach_chunk));
	return slot ? slot->pointer : NULL;
}

static bool chunk_has(const struct reach_chunk *chunk, __u64 pgoff)
{
	__u32 bit = (__u32)(pgoff & (CHUNK_PAGES - 1));

	return chunk->mapped[bit / 64] >> bit % 64 & 1;
}

static __u64 part_last(__u64 pgoff, __u64 last)
{
	__u64 end = pgoff | (CHUNK_PAGES - 1);

	return end < last ? end : last;
}

/* The pages of [first, last], all of one chunk, can be reached, or cannot any more. */
static void chunk_set(struct reach *reach, struct reach_chunk *chunk, __u64 first, __u64 last,
		      bool mapped)
{
	__u64 start = first & ~(__u64)(CHUNK_PAGES - 1);

	reach->mapped -= bits_count(chunk->mapped);
	for (size_t word = 0; word < CHUNK_WORDS; word++) {
		__u64 mask = bits_range(start, word, first, last);

		if (mapped)
			chunk->mapped[word] |= mask;
		else
			chunk->mapped[word] &= ~mask;
	}
	reach->mapped += bits_count(chunk->mapped);
}

static struct early *early_new(struct model *model, struct task *task, struct inode *inode)
{
	if (model->early_nr == EARLY_MAX) {
		model->counts.reach_forgotten++;
		return NULL;
	}
	if (!model_grow(model, &task->early, task->early_nr, &task->early_room,
			sizeof(*task->early)))
		return NULL;
	if (!task->early_nr) {
		task->early_next = model->early_tasks;
		task->early_link = &model->early_tasks;
		if (task->early_next)
			task->early_next->early_link = &task->early_next;
		model->early_tasks = task;
	}
	model->early_nr++;
	inode->early_nr++;
	return &task->early[task->early_nr++];
}

/* The first @kept of what @task has are left. */
static void early_cut(struct model *model, struct task *task, size_t kept)
{
	model->early_nr -= task->early_nr - kept;
	task->early_nr = kept;
	if (kept)
		return;
	*task->early_link = task->early_next;
	if (task->early_next)
		task->early_next->early_link = task->early_link;
}

static void early_forget(struct model *model, struct inode *inode)
{
	struct task *next;

	for (struct task *task = model->early_tasks; task && inode->early_nr; task = next) {
		size_t kept = 0;

		next = task->early_next;
		for (size_t i = 0; i < task->early_nr; i++) {
			if (task->early[i].inode == inode)
				inode->early_nr--;
			else
				task->early[kept++] = task->early[i];
		}
		early_cut(model, task, kept);
	}
}

void reach_free(struct model *model, struct inode *inode)
{
	struct reach *reach = inode->reach;

	early_forget(model, inode);
	if (!reach)
		return;
	for (size_t i = 0; i < reach->chunks.room; i++)
		model_release(model, reach->chunks.slots[i].value.pointer,
			      sizeof(struct reach_chunk));
	model_release(model, reach->chunks.slots,
		      reach->chunks.room * sizeof(*reach->chunks.slots));
	model_release(model, reach, sizeof(*reach));
	inode->reach = NULL;
}

static void range_forget(struct reach *reach, __u64 first, __u64 last)
{
	for (__u64 pgoff = first; pgoff <= last && reach->mapped;) {
		__u64 end = part_last(pgoff, last);
		struct reach_chunk *chunk = chunk_of(reach, pgoff);

		if (chunk)
			chunk_set(reach, chunk, pgoff, end, false);
		pgoff = end + 1;
	}
}

/* The same of a range of more chunks than the inode has. */
static void range_forget_wide(struct reach *reach, __u64 first, __u64 last)
{
	for (size_t i = 0; i < reach->chunks.room && reach->mapped; i++) {
		const struct map_slot *slot = &reach->chunks.slots[i];
		__u64 start = (slot->key - 1) << CHUNK_SHIFT, end = start | (CHUNK_PAGES - 1);

		if (slot->key && slot->value.pointer && start <= last && end >= first)
			chunk_set(reach, slot->value.pointer, first > start ? first : start,
				  last < end ? last : end, false);
	}
}

/* Looks at @more; true: hardly anything but a lie has so much to be looked at, and it is not. */
static bool reach_exhausted(struct model *model, __u64 more)
{
	bool exhausted =
		model->reach_looks + more > LOOKS + LOOKS_PER_RECORD * model->counts.records;

	if (exhausted)
		model->counts.reach_forgotten++;
	else
		model->reach_looks += more;
	return exhausted;
}

void reach_forget(struct model *model, struct inode *inode, __u64 pgoff, __u64 nr)
{
	struct reach *reach = inode->reach;
	__u64 chunks, last = pgoff + nr - 1;

	if (!reach || !reach->mapped || !nr)
		return;
	chunks = (last >> CHUNK_SHIFT) - (pgoff >> CHUNK_SHIFT) + 1;
	if (reach_exhausted(model, chunks < reach->chunks.room ? chunks : reach->chunks.room))
		reach_free(model, inode);
	else if (chunks < reach->chunks.room)
		range_forget(reach, pgoff, last);
	else
		range_forget_wide(reach, pgoff, last);
}

static void guest_event(struct model *model, const struct record_guest *record,
			const struct inode *inode)
{
	const struct model_event event = {
		.time = record->header.time,
		.kind = record->header.kind,
		.cpu = record->header.cpu,
		.tid = record->header.tid,
		.tgid = record->header.tgid,
		.inode = (__u32)inode->base.number,
		.first = record->pgoff,
		.last = record->pgoff + record->nr - 1,
	};

	event_add(model, &event);
}

static bool guest_valid(struct model *model, const struct record_guest *record, __u64 max)
{
	if (record->nr && record->nr <= max && record->pgoff < MODEL_PGOFF_MAX &&
	    record->nr <= MODEL_PGOFF_MAX - record->pgoff)
		return true;
	model->counts.malformed++;
	return false;
}

/*
 * A conversion to private of @gfn, which was shared, that has not made its changes yet; or NULL. The attribute is not
 * to be changed before they are made, and without it nobody enters a page as private.
 */
static const struct promise_call *call_awaited(struct model *model, const struct inode *inode,
					       __u64 gfn, __u64 pgoff)
{
	struct promise_span span;
	bool open = false;

	for (size_t i = 0; inode->promises && i < inode->promises->vms_nr; i++)
		open |= inode->promises->vms[i]->open != 0;
	if (!open)
		return NULL;
	promise_span_at(inode, pgoff, &span);
	/* Where its user's ioctl had the last word that is for no VM. */
	if (span.asked != MODEL_PRESENT || reach_exhausted(model, model->task_map.room))
		return NULL;
	for (size_t i = 0; i < model->task_map.room; i++) {
		const struct task *task = model->task_map.slots[i].value.pointer;
		const struct promise_call *call = task && task->call.vm ? &task->call : NULL;

		if (call && !call->bind && !call->made && call->conversion.is_private &&
		    call->vm->number == span.vm && gfn >= call->conversion.gfn_first &&
		    gfn - call->conversion.gfn_first < call->conversion.gfn_nr)
			return call;
	}
	return NULL;
}

static void guest_early(struct model *model, const struct record_guest *record, struct inode *inode)
{
	struct model_reached reached = {
		.inode = &inode->base,
		.how = MODEL_REACHED_EARLY,
		.pgoff = record->pgoff,
		.nr = 1, /* the one that is looked at */
		.mapped = record->header.time,
		.tid = record->header.tid,
		.tgid = record->header.tgid,
		.cpu = record->header.cpu,
	};
	const struct promise_call *call = call_awaited(model, inode, record->gfn, record->pgoff);
	struct page page;

	if (!call || !extent_page_read(inode, record->pgoff, &page) ||
	    page_applied(&page) != MODEL_PRESENT)
		return;
	reached.pfn = page.pfn;
	reached.conversion = &call->conversion;
	MODEL_NOTIFY_WHOLE(model, reached, &reached);
}

void reach_map(struct model *model, const struct record_guest *record)
{
	struct inode *inode = inode_find(model, record->header.inode);
	__u64 last = record->pgoff + record->nr - 1;

	if (!guest_valid(model, record, LEAF_MAX) || !inode || inode->base.dead)
		return;
	guest_event(model, record, inode);
	for (__u64 pgoff = record->pgoff; pgoff <= last;) {
		struct reach_chunk *chunk = chunk_get(model, inode, pgoff);
		__u64 end = part_last(pgoff, last);

		if (!chunk)
			return;
		if (!bits_count(chunk->mapped))
			chunk->since = record->header.time;
		chunk->delta = record->gfn - record->pgoff;
		chunk_set(inode->reach, chunk, pgoff, end, true);
		pgoff = end + 1;
	}
	guest_early(model, record, inode);
}

static struct request *request_outermost(const struct task *task)
{
	struct request *request = task->top;

	while (request && request->outer)
		request = request->outer;
	return request;
}

/* Whether what @task is at is to take @pgoff, which is at @gfn, from its guest, so that the host may have it. */
static bool task_takes_back(const struct task *task, __u64 gfn, __u64 pgoff)
{
	const struct promise_call *call = &task->call;
	const struct request *request = request_outermost(task);

	if (call->vm)
		return !call->bind && !call->conversion.is_private &&
		       gfn >= call->conversion.gfn_first &&
		       gfn - call->conversion.gfn_first < call->conversion.gfn_nr;
	if (!request || pgoff < request->base.pgoff_first || pgoff > request->base.pgoff_last)
		return false;
	return request->base.operation == RECORD_OPERATION_RELEASE ||
	       (request->base.operation == RECORD_OPERATION_FALLOCATE &&
		request->base.mode & RECORD_MODE_PUNCH_HOLE);
}

/* It is the guest's still, and has come back into the direct map. */
static void early_add(struct model *model, struct task *task, struct inode *inode,
		      const struct reach_chunk *chunk, const struct model_zap *zap, __u64 i)
{
	struct early *early = task->early_nr ? &task->early[task->early_nr - 1] : NULL;

	if (early && !early->unflushed && early->inode == inode && early->zap.end == zap->end &&
	    early->zap.pgoff + early->zap.nr == zap->pgoff + i) {
		early->zap.nr++;
		early->since = early->since < chunk->since ? early->since : chunk->since;
		return;
	}
	early = early_new(model, task, inode);
	if (!early)
		return;
	*early = (struct early){ .inode = inode, .since = chunk->since, .zap = *zap };
	early->zap.pgoff += i;
	early->zap.pfn += i;
	early->zap.nr = 1;
}

/* Of [first, last], which were in reach when they came back. @unmapped: when they were no more; 0: they still are. */
static void early_tell(struct model *model, const struct task *task, const struct early *early,
		       __u64 first, __u64 last, __u64 unmapped)
{
	const struct request *request = request_outermost(task);
	struct model_zap zap = early->zap;
	struct model_reached reached = {
		.inode = &early->inode->base,
		.how = MODEL_REACHED_STILL,
		.pgoff = first,
		.nr = last - first + 1,
		.pfn = zap.pfn + (first - zap.pgoff),
		.mapped = early->since,
		.unmapped = unmapped,
		.changed = zap.end,
		.zap = &zap,
		.request = task->call.vm || !request ? NULL : &request->base,
		.conversion = task->call.vm ? &task->call.conversion : NULL,
		.tid = zap.tid,
		.tgid = zap.tgid,
		.cpu = zap.cpu,
	};

	zap.pgoff = first;
	zap.pfn = reached.pfn;
	zap.nr = reached.nr;
	MODEL_NOTIFY_WHOLE(model, reached, &reached);
}

/* The guest has @pfn, as far as is known: not where another page has come in its place, and it comes back late. */
static bool pfn_in_reach(const struct inode *inode, const struct reach_chunk *chunk, __u64 pgoff,
			 __u64 pfn)
{
	struct page page;

	return chunk_has(chunk, pgoff) &&
	       (!extent_page_read(inode, pgoff, &page) || page.pfn == pfn);
}

/*
 * Nobody asks for it, as where reclaim, or who allocates, gives back what no guest has used: so nothing
 * takes the pages from the guest behind it.
 */
static void alone_restored(struct model *model, const struct task *task, struct inode *inode,
			   const struct model_zap *zap)
{
	__u64 first = zap->pgoff, end = first + zap->nr;
	struct early early = { .inode = inode, .zap = *zap };

	if (!inode_has(inode, PROVIDER_TAKES_REQUESTS))
		return;
	for (__u64 pgoff = first; pgoff < end; pgoff++) {
		const struct reach_chunk *chunk = chunk_of(inode->reach, pgoff);

		if (chunk && pfn_in_reach(inode, chunk, pgoff, zap->pfn + (pgoff - zap->pgoff)) &&
		    !task_takes_back(task, pgoff + chunk->delta, pgoff)) {
			early.since = chunk->since;
			continue;
		}
		if (pgoff > first)
			early_tell(model, task, &early, first, pgoff - 1, 0);
		if (!chunk)
			pgoff = part_last(pgoff, end - 1);
		first = pgoff + 1;
	}
	if (end > first)
		early_tell(model, task, &early, first, end - 1, 0);
}

void reach_restored(struct model *model, struct task *task, struct inode *inode,
		    const struct model_zap *zap)
{
	const struct request *request = request_outermost(task);

	if (!inode->reach->mapped)
		return;
	if (!task->call.vm && (!request || request->base.operation == RECORD_OPERATION_FALLOCATE))
		alone_restored(model, task, inode, zap);
	for (__u64 i = 0; i < zap->nr; i++) {
		__u64 pgoff = zap->pgoff + i;
		const struct reach_chunk *chunk = chunk_of(inode->reach, pgoff);

		if (!chunk)
			i = part_last(pgoff, zap->pgoff + zap->nr - 1) - zap->pgoff;
		else if (pfn_in_reach(inode, chunk, pgoff, zap->pfn + i) &&
			 task_takes_back(task, pgoff + chunk->delta, pgoff))
			early_add(model, task, inode, chunk, zap, i);
	}
}

/* What came back too early and is taken out only now. What is left over of a run is not told of. */
static void early_unmapped(struct model *model, struct task *task, struct inode *inode,
			   const struct record_guest *record)
{
	__u64 end = record->pgoff + record->nr - 1;
	size_t kept = 0;

	if (reach_exhausted(model, task->early_nr)) {
		early_forget(model, inode);
		return;
	}
	for (size_t i = 0; i < task->early_nr; i++) {
		struct early early = task->early[i];
		__u64 first = early.zap.pgoff, last = first + early.zap.nr - 1;

		if (early.unflushed || early.inode != inode || first > end ||
		    last < record->pgoff) {
			task->early[kept++] = early;
			continue;
		}
		inode->early_nr--;
		early_tell(model, task, &early, first > record->pgoff ? first : record->pgoff,
			   last < end ? last : end, record->header.time);
	}
	early_cut(model, task, kept);
}

/* Which of them are in reach still, run by run. */
static void early_left(struct model *model, const struct task *task, const struct early *early)
{
	__u64 first = early->zap.pgoff, end = first + early->zap.nr;

	for (__u64 pgoff = first; pgoff <= end; pgoff++) {
		const struct reach_chunk *chunk =
			pgoff < end ? chunk_of(early->inode->reach, pgoff) : NULL;

		if (chunk && chunk_has(chunk, pgoff))
			continue;
		if (pgoff > first)
			early_tell(model, task, early, first, pgoff - 1, 0);
		first = pgoff + 1;
	}
}

void reach_task_ended(struct model *model, struct task *task)
{
	for (size_t i = 0; i < task->early_nr; i++) {
		const struct early *early = &task->early[i];

		early->inode->early_nr--;
		/* Where nothing was ever seen to be taken out the hook may be at fault. */
		if (model->unmaps && !early->unflushed)
			early_left(model, task, early);
	}
	early_cut(model, task, 0);
}

void reach_prepared(struct model *model, struct task *task, struct inode *inode,
		    const struct record_owner *record, __u64 pgoff, __u64 nr)
{
	struct early *early = task && task->top ? early_new(model, task, inode) : NULL;

	if (!early)
		return;
	*early = (struct early){
		.inode = inode,
		.unflushed = true,
		.zap = {
			.pgoff = pgoff,
			.pfn = record->page + (pgoff - record->pgoff),
			.nr = nr,
			.end = record->header.time,
			.tid = record->header.tid,
			.tgid = record->header.tgid,
			.cpu = record->header.cpu,
		},
	};
}

static void unflushed_tell(struct model *model, const struct early *early,
			   const struct model_exposure *ended)
{
	__u64 first = early->zap.pgoff, end = first + early->zap.nr;
	struct model_reached reached = {
		.inode = ended->inode,
		.how = MODEL_REACHED_UNFLUSHED,
		.pgoff = first > ended->pgoff ? first : ended->pgoff,
		.mapped = early->zap.end,
		.unmapped = ended->end,
		.changed = ended->begin,
		.tid = early->zap.tid,
		.tgid = early->zap.tgid,
		.cpu = early->zap.cpu,
	};

	end = end < ended->pgoff + ended->nr ? end : ended->pgoff + ended->nr;
	reached.nr = end - reached.pgoff;
	reached.pfn = early->zap.pfn + (reached.pgoff - first);
	MODEL_NOTIFY_WHOLE(model, reached, &reached);
}

/*
 * Whether @task is since then at the same. A tid is another task's some day: what it did before its request began
 * may be that other's.
 */
static bool task_busy_since(const struct task *task, __u64 time)
{
	const struct request *request = task ? request_outermost(task) : NULL;

	return (request && request->base.begin <= time) ||
	       (task && task->call.vm && task->call.conversion.begin <= time);
}

/* What @task has prepared of the pages whose exposure has ended. @own: by a flush of who had made them absent. */
static void task_flushed(struct model *model, struct task *task, struct inode *inode,
			 const struct model_exposure *ended, bool own)
{
	size_t kept = 0;

	for (size_t i = 0; i < task->early_nr; i++) {
		const struct early early = task->early[i];

		if (!early.unflushed || early.inode != inode ||
		    early.zap.pgoff >= ended->pgoff + ended->nr ||
		    ended->pgoff >= early.zap.pgoff + early.zap.nr) {
			task->early[kept++] = early;
			continue;
		}
		inode->early_nr--;
		/* Where others came first with theirs, what it still does or does not is for other rules. */
		if (own)
			unflushed_tell(model, &early, ended);
	}
	early_cut(model, task, kept);
}

void reach_flushed(struct model *model, const struct task *flusher, struct inode *inode,
		   const struct model_exposure *ended)
{
	bool own = ended->own && task_busy_since(flusher, ended->begin);
	struct task *next;

	if (reach_exhausted(model, model->early_nr)) {
		early_forget(model, inode);
		return;
	}
	for (struct task *task = model->early_tasks; task && inode->early_nr; task = next) {
		next = task->early_next;
		task_flushed(model, task, inode, ended, own);
	}
}

/* The slots of an inode that is being released do not lead to it any more. */
static struct inode *unmap_inode(const struct model *model, const struct task *task,
				 const struct record_guest *record)
{
	struct request *request = request_outermost(task);

	if (record->header.inode)
		return inode_find(model, record->header.inode);
	return request && request->base.operation == RECORD_OPERATION_RELEASE ? request->inode
									      : NULL;
}

void reach_unmap(struct model *model, const struct record_guest *record)
{
	struct task *task = task_get(model, record->header.tid);
	struct inode *inode = task ? unmap_inode(model, task, record) : NULL;

	if (!guest_valid(model, record, MODEL_PGOFF_MAX) || !inode)
		return;
	model->unmaps++;
	guest_event(model, record, inode);
	if (task->early_nr && inode->early_nr)
		early_unmapped(model, task, inode, record);
	reach_forget(model, inode, record->pgoff, record->nr);
}
