// SPDX-License-Identifier: GPL-2.0
/* Who is told of what: observers of all pages of everything, those of model_narrow() of what touches theirs. */
#include "model/state.h"

static bool narrow_meets(const struct model *model, __u64 first, __u64 last)
{
	return model->narrow.on && first <= model->narrow.last && last >= model->narrow.first;
}

static bool narrow_request(const struct model *model, const struct model_request *request)
{
	return request->inode && narrow_meets(model, request->pgoff_first, request->pgoff_last);
}

/* Cuts *@nr pages from *@pgoff on to those that are wanted; @skip: so many of the first are not. false: none is. */
static bool narrow_cut(const struct model *model, __u64 *pgoff, __u64 *nr, __u64 *skip)
{
	__u64 first = *pgoff, last = *pgoff + *nr - 1;

	if (!*nr || !narrow_meets(model, first, last))
		return false;
	first = first > model->narrow.first ? first : model->narrow.first;
	last = last < model->narrow.last ? last : model->narrow.last;
	*skip = first - *pgoff;
	*pgoff = first;
	*nr = last - first + 1;
	return true;
}

/* The same of pages that lie one behind the other from *@pfn on; 0: in no memory. */
static bool narrow_cut_run(const struct model *model, __u64 *pgoff, __u64 *nr, __u64 *pfn)
{
	__u64 skip;

	if (!narrow_cut(model, pgoff, nr, &skip))
		return false;
	*pfn += *pfn ? skip : 0;
	return true;
}

/* Of the task, as observers have it. */
static const struct model_request *request_told(const struct task *task)
{
	const struct request *request = task ? request_innermost(task) : NULL;

	return request ? &request->base : NULL;
}

void notify_request_begun(struct model *model, struct request *request)
{
	MODEL_NOTIFY_WHOLE(model, request_begun, &request->base);
	if (!narrow_request(model, &request->base))
		return;
	request->inode->base.within.requests += !request_is_step(request);
	MODEL_NOTIFY_SOME(model, model->whole_nr, model->observers_nr, request_begun,
			  &request->base);
}

void notify_request_ended(struct model *model, const struct request *request)
{
	MODEL_NOTIFY_WHOLE(model, request_ended, &request->base);
	if (narrow_request(model, &request->base))
		MODEL_NOTIFY_SOME(model, model->whole_nr, model->observers_nr, request_ended,
				  &request->base);
}

void notify_request_stuck(struct model *model, const struct model_request *request, __u64 now)
{
	MODEL_NOTIFY_WHOLE(model, request_stuck, request, now);
	if (narrow_request(model, request))
		MODEL_NOTIFY_SOME(model, model->whole_nr, model->observers_nr, request_stuck,
				  request, now);
}

static void narrow_zapped(struct model *model, struct task *task, struct inode *inode,
			  const struct model_zap *zap, const struct model_request *request)
{
	struct model_zap cut = *zap;
	bool wanted = inode && narrow_cut_run(model, &cut.pgoff, &cut.nr, &cut.pfn);

	if (!request && !zap->valid && !zap->result)
		task->narrow_waits = wanted;
	if (!wanted)
		return;
	if (!zap->result)
		*(zap->valid ? &inode->base.within.restored : &inode->base.within.zapped) += cut.nr;
	MODEL_NOTIFY_SOME(model, model->whole_nr, model->observers_nr, zapped, &cut, request);
}

void narrow_adopt(const struct model *model, struct inode *inode, __u64 pgoff)
{
	inode->base.within.zapped += narrow_meets(model, pgoff, pgoff);
}

void notify_changed(struct model *model, struct task *task, struct inode *inode,
		    const struct model_zap *zap)
{
	const struct model_request *request = request_told(task);

	MODEL_NOTIFY_WHOLE(model, zapped, zap, request);
	if (model->narrow.on)
		narrow_zapped(model, task, inode, zap, request);
}

/* A request's that reaches the pages, or that of a change of them outside any. */
void notify_flushed(struct model *model, struct task *task, const struct model_flush *flush,
		    struct inode *inode)
{
	const struct model_inode *of = inode ? &inode->base : NULL;
	const struct model_request *request;

	if (!model->heard.flushed && !model->narrow.on)
		return;
	request = request_told(task);
	MODEL_NOTIFY_WHOLE(model, flushed, flush, request, of);
	if (!model->narrow.on || (request ? !narrow_request(model, request) : !task->narrow_waits))
		return;
	task->narrow_waits = false;
	task->narrow_flush = flush->begin;
	if (inode) {
		inode->base.within.flushes++;
		inode->base.within.flush_ns +=
			flush->end > flush->begin ? flush->end - flush->begin : 0;
	}
	MODEL_NOTIFY_SOME(model, model->whole_nr, model->observers_nr, flushed, flush, request, of);
}

/* It comes before or behind what flushed() is told of the same. */
void notify_flush_timed(struct model *model, const struct task *task,
			const struct record_flush_timed *record, const struct inode *inode)
{
	const struct model_request *request = request_told(task);
	const struct model_inode *of = inode ? &inode->base : NULL;
	bool wanted;

	MODEL_NOTIFY_WHOLE(model, flush_timed, record, request, of);
	if (!model->narrow.on || !task)
		return;
	wanted = request ? narrow_request(model, request)
			 : task->narrow_waits || task->narrow_flush == record->begin;
	if (wanted)
		MODEL_NOTIFY_SOME(model, model->whole_nr, model->observers_nr, flush_timed, record,
				  request, of);
}

static void narrow_exposure_ended(struct model *model, const struct model_exposure *exposure)
{
	struct model_exposure cut = *exposure;
	__u64 skip;

	if (narrow_cut(model, &cut.pgoff, &cut.nr, &skip))
		MODEL_NOTIFY_SOME(model, model->whole_nr, model->observers_nr, exposure_ended,
				  &cut);
}

void notify_exposure_ended(struct model *model, const struct model_exposure *exposure)
{
	MODEL_NOTIFY_WHOLE(model, exposure_ended, exposure);
	if (model->narrow.on)
		narrow_exposure_ended(model, exposure);
}

static void narrow_page_read(struct model *model, const struct model_read *read)
{
	struct model_read cut = *read;

	if (narrow_cut_run(model, &cut.pgoff, &cut.nr, &cut.pfn))
		MODEL_NOTIFY_SOME(model, model->whole_nr, model->observers_nr, page_read, &cut);
}

void notify_page_read(struct model *model, const struct model_read *read)
{
	MODEL_NOTIFY_WHOLE(model, page_read, read);
	if (model->narrow.on)
		narrow_page_read(model, read);
}

static void narrow_moved(struct model *model, const struct model_moved *moved)
{
	struct model_moved cut = *moved;

	if (moved->inode && narrow_cut_run(model, &cut.pgoff, &cut.nr, &cut.pfn))
		MODEL_NOTIFY_SOME(model, model->whole_nr, model->observers_nr, moved, &cut);
}

void notify_moved(struct model *model, const struct model_moved *moved)
{
	MODEL_NOTIFY_WHOLE(model, moved, moved);
	if (model->narrow.on)
		narrow_moved(model, moved);
}
