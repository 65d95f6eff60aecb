// SPDX-License-Identifier: GPL-2.0
/* Flushes, and whether those who zap issue them. */
#include "model/pages.h"
#include "model/events.h"
#include "model/state.h"

/* Nothing to be flushed, or done. */
static bool zap_settled(const struct model_zap *zap)
{
	return zap->valid || zap->result || zap->redundant || zap->flushed;
}

static void task_flush(struct model *model, struct task *task, const struct model_flush *flush)
{
	if (!model_grow(model, &task->flushes, task->flushes_nr, &task->flushes_room,
			sizeof(*task->flushes)))
		return;
	task->flushes[task->flushes_nr++] = *flush;
	for (size_t i = task->zaps_unflushed; i < task->zaps_nr; i++) {
		struct model_zap *zap = &task->zaps[i];

		if (!zap_settled(zap) && flush_covers(flush, zap))
			zap->flushed = flush->end;
	}
	while (task->zaps_unflushed < task->zaps_nr &&
	       zap_settled(&task->zaps[task->zaps_unflushed]))
		task->zaps_unflushed++;
}

/* Another VM's, where only one is looked at. */
static bool flush_elsewhere(const struct model *model, __u32 tgid, const struct inode *inode)
{
	__u32 vm = model->options.vm;

	if (!vm || inode)
		return false;
	return vm == MODEL_VM_SEVERAL ? !tgid : tgid != vm;
}

void flush_event(struct model *model, const struct model_flush *flush, const struct inode *inode)
{
	const struct model_event event = {
		.time = flush->end,
		.kind = RECORD_FLUSH,
		.operation = flush->routine,
		.cpu = flush->cpu,
		.tid = flush->tid,
		.tgid = flush->tgid,
		.inode = inode ? (__u32)inode->base.number : 0,
		.state = flush->full,
		.first = flush->pfn_first,
		.last = flush->pfn_last,
	};

	event_add(model, &event);
}

void flush_tell(struct model *model, struct task *task, const struct model_flush *flush,
		struct inode *inode)
{
	model->counts.flushes++;
	if (inode) {
		inode->base.flushes++;
		inode->base.flush_ns += flush->end > flush->begin ? flush->end - flush->begin : 0;
	}
	notify_flushed(model, task, flush, inode);
}

static void flush_apply(struct model *model, struct model_flush *flush, struct inode *inode)
{
	struct task *task = task_get(model, flush->tid);
	struct request *request;
	bool elsewhere;

	if (!task)
		return;
	request = request_innermost(task);
	if (request)
		task_flush(model, task, flush);
	else if (flush->worker)
		lent_flushed(model, flush);
	if (loose_any(model))
		loose_flush(model, task, flush);
	if (request && request->inode)
		inode = request->inode;
	elsewhere = flush_elsewhere(model, flush->tgid, inode);
	if (!elsewhere)
		flush_event(model, flush, inode);
	exposure_end(model, flush, request ? request->base.operation : RECORD_OPERATION_NONE);
	if (!elsewhere)
		flush_tell(model, task, flush, inode);
}

/* Whose page the flush of a change is of. */
static struct inode *merged_owner(const struct model *model, const struct record_zap *record)
{
	struct inode *inode = NULL;
	__u64 pgoff;

	/* The change, of a page that stayed, came right before it. */
	if (model->single.record == record && model->single.taken + 1 == model->taken &&
	    !record->valid)
		return model->single.inode;
	if (record->page < PFN_MAX)
		pfn_find(model, record->page, &inode, &pgoff);
	return inode;
}

void flush_take_merged(struct model *model, const struct record_zap *record)
{
	struct model_flush flush;

	flush_of_zap(record, &flush);
	flush_apply(model, &flush, merged_owner(model, record));
}

void flush_take(struct model *model, const struct record_flush *record)
{
	struct model_flush flush = {
		.begin = record->begin,
		.end = record->header.time,
		.pfn_first = record->first,
		.pfn_last = record->last,
		.tid = record->header.tid,
		.tgid = record->header.tgid,
		.cpu = record->header.cpu,
		.full = record->full || record->routine == RECORD_FLUSH_ALL,
		.worker = record->worker,
		.routine = (__u16)record->routine,
	};

	flush_apply(model, &flush, NULL);
}

void flush_take_call(struct model *model, const struct record_call *record)
{
	struct task *task = task_get(model, record->header.tid);

	if (task)
		task->called = record->header.time;
}

void flush_take_timed(struct model *model, const struct record_flush_timed *record)
{
	struct task *task = task_get(model, record->header.tid);
	const struct request *request = task ? request_innermost(task) : NULL;
	const struct inode *inode = request ? request->inode : NULL;

	if (flush_elsewhere(model, record->header.tgid, inode))
		return;
	notify_flush_timed(model, task, record, inode);
}

/* Present again before the request ended: no translation is left that should not be. */
static bool zap_undone(const struct task *task, size_t index, __u64 pfn)
{
	if (!task->restores)
		return false;
	for (size_t i = index + 1; i < task->zaps_nr; i++) {
		const struct model_zap *zap = &task->zaps[i];

		if (zap->valid && !zap->result && zap->pfn <= pfn && pfn < zap->pfn + zap->nr)
			return true;
	}
	return false;
}

/* That some CPUs did not take part in @flush; NULL: all did, or it was not looked at. */
static const struct model_unanswered *flush_unanswered(const struct task *task,
						       const struct model_flush *flush)
{
	for (size_t i = task->unanswered_nr; i > 0; i--) {
		const struct model_unanswered *unanswered = &task->unanswered[i - 1];

		if (unanswered->begin <= flush->end && flush->begin <= unanswered->end)
			return unanswered;
	}
	return NULL;
}

/* 0: nothing to say of this page. @unanswered: with UNANSWERED the newest flush that covers it. */
static int page_coverage(const struct model *model, const struct task *task, size_t index,
			 __u64 pfn, const struct model_unanswered **unanswered)
{
	const struct model_zap *zap = &task->zaps[index];
	int coverage = MODEL_UNCOVERED, lent;

	*unanswered = NULL;
	if (zap->flushed && !task->unanswered_nr)
		return MODEL_COVERED;
	if (zap_undone(task, index, pfn))
		return 0;
	for (size_t i = task->flushes_nr; i > 0; i--) {
		const struct model_flush *flush = &task->flushes[i - 1];
		const struct model_unanswered *missing;

		if (flush->begin < zap->end)
			break;
		if (!flush_reaches(flush, pfn, pfn)) {
			if (!*unanswered)
				coverage = MODEL_MISCOVERED;
			continue;
		}
		missing = flush_unanswered(task, flush);
		if (!missing)
			return MODEL_COVERED;
		if (!*unanswered)
			*unanswered = missing;
		coverage = MODEL_UNANSWERED;
	}
	if (coverage == MODEL_UNANSWERED)
		return coverage;
	lent = lent_coverage(model, zap, pfn);
	if (lent != MODEL_UNCOVERED)
		return lent;
	return coverage == MODEL_UNCOVERED ? (int)flush_otherwise(task, zap) : coverage;
}

static __u32 cpus_count(const __u64 *mask, const __u64 *without)
{
	__u32 nr = 0;

	for (size_t i = 0; i < RECORD_CPU_WORDS; i++)
		nr += (__u32)__builtin_popcountll(mask[i] & ~(without ? without[i] : 0));
	return nr;
}

static __u32 cpus_first(const __u64 *mask, const __u64 *without)
{
	for (__u32 i = 0; i < RECORD_CPU_WORDS; i++) {
		if (mask[i] & ~without[i])
			return i * 64 + (__u32)__builtin_ctzll(mask[i] & ~without[i]);
	}
	return 0;
}

/* Of those that did not take part. */
static __u32 cpus_unasked(const struct record_unanswered *record)
{
	__u64 asked[RECORD_CPU_WORDS];

	for (size_t i = 0; i < RECORD_CPU_WORDS; i++)
		asked[i] = record->asked[i] | record->answered[i];
	return cpus_count(record->online, asked);
}

void flush_take_unanswered(struct model *model, const struct record_unanswered *record)
{
	struct task *task = task_get(model, record->header.tid);
	const struct model_unanswered unanswered = {
		.begin = record->begin,
		.end = record->end,
		.online = cpus_count(record->online, NULL),
		.missing = cpus_count(record->online, record->answered),
		.unasked = cpus_unasked(record),
		.cpu = cpus_first(record->online, record->answered),
	};

	if (!task || !unanswered.missing)
		return;
	model->counts.flushes_unanswered++;
	if (!task->top)
		loose_unanswered(model, task, &unanswered);
	else if (model_grow(model, &task->unanswered, task->unanswered_nr, &task->unanswered_room,
			    sizeof(*task->unanswered)))
		task->unanswered[task->unanswered_nr++] = unanswered;
}

/* What @task flushes when it flushes @pfn, or NULL. */
static const struct model_zap *stale_zap(struct model *model, const struct task *task, __u64 pfn)
{
	for (size_t i = task->top ? task->zaps_nr : 0; i--;) {
		const struct model_zap *zap = &task->zaps[i];

		if (zap->pfn <= pfn && pfn - zap->pfn < zap->nr)
			return zap;
	}
	return task->top ? NULL : loose_waiting(model, task, pfn);
}

void flush_take_stale(struct model *model, const struct record_stale *record)
{
	const struct task *task = task_get(model, record->flusher);
	const struct model_zap *zap =
		task && record->page < PFN_MAX ? stale_zap(model, task, record->page) : NULL;
	const struct request *request = task ? request_innermost(task) : NULL;
	struct model_stale stale = {
		.zap = zap,
		.request = request ? &request->base : NULL,
		.pfn = record->page,
		.begin = record->begin,
		.time = record->header.time,
		.cpu = record->header.cpu,
	};

	/* One that began before is not of that change. */
	if (!zap || zap->valid || zap->result || !zap->inode || zap->end > record->begin)
		return;
	stale.pgoff = zap->pgoff + (record->page - zap->pfn);
	MODEL_NOTIFY(model, stale_read, &stale);
}

void flush_judge_request(struct model *model, struct task *task, const struct request *request)
{
	for (size_t i = 0; i < task->zaps_nr; i++) {
		const struct model_zap *zap = &task->zaps[i];
		__u64 done = 0;

		if (zap->valid || zap->result || zap->redundant || !zap->inode)
			continue;
		while (done < zap->nr) {
			const struct model_unanswered *unanswered, *next;
			int coverage = page_coverage(model, task, i, zap->pfn + done, &unanswered);
			struct model_flush_judgement judgement = {
				.zap = zap,
				.request = &request->base,
				.pgoff = zap->pgoff + done,
				.pfn = zap->pfn + done,
				.coverage = (enum model_coverage)coverage,
				.unanswered = unanswered,
				.time = request->base.end,
			};

			/* The own flush, where there was one, covers the whole run. */
			do {
				done++;
			} while (done < zap->nr && ((zap->flushed && !task->unanswered_nr) ||
						    (page_coverage(model, task, i, zap->pfn + done,
								   &next) == coverage &&
						     next == unanswered)));
			judgement.nr = zap->pfn + done - judgement.pfn;
			if (coverage == MODEL_OTHERWISE)
				model->counts.pages_otherwise += judgement.nr;
			if (coverage == MODEL_BY_OTHERS)
				model->counts.pages_by_others += judgement.nr;
			if (coverage)
				MODEL_NOTIFY(model, flush_judged, &judgement);
		}
	}
}
