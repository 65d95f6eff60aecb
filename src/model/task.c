// SPDX-License-Identifier: GPL-2.0
/* Threads of the traced kernel, and what they are in the middle of. */
#include <stdio.h>
#include "model/state.h"

struct task *task_look_up(struct model *model, __u32 tid)
{
	union map_value *slot = map_add(model, &model->task_map, tid);
	struct task *task;

	if (!slot)
		return NULL;
	if (slot->pointer)
		return model->task_last = slot->pointer;
	task = model_alloc(model, sizeof(*task));
	if (!task)
		return NULL;
	task->tid = tid;
	slot->pointer = task;
	return task;
}

struct request *request_innermost(const struct task *task)
{
	struct request *request = task->top;

	while (request && request->outer &&
	       request->base.operation == RECORD_OPERATION_UPDATE_XARRAY)
		request = request->outer;
	return request;
}

bool request_is_step(const struct request *request)
{
	return request->base.operation == RECORD_OPERATION_UPDATE_XARRAY && request->outer;
}

bool request_declares(const struct request *request)
{
	switch (request->base.operation) {
	case RECORD_OPERATION_SET_RANGE:
	case RECORD_OPERATION_SET_FOLIO:
		return true;
	case RECORD_OPERATION_UPDATE_XARRAY:
		return !request_is_step(request);
	default:
		return false;
	}
}

const struct caller *caller_take(struct model *model, const struct record_caller *record)
{
	struct caller *caller = &model->callers[model->callers_next];
	const char *text = record_caller_text(record);

	if (!text) {
		model->counts.malformed++;
		return NULL;
	}
	model->callers_next = (model->callers_next + 1) % CALLERS_NR;
	*caller = (struct caller){
		.time = record->header.time,
		.page = record->page,
		.tid = record->header.tid,
	};
	snprintf(caller->text, sizeof(caller->text), "%s", text);
	return caller;
}

const char *caller_of(const struct model *model, __u32 tid, __u64 since, __u64 page)
{
	for (size_t i = CALLERS_NR; i-- > 0;) {
		const struct caller *caller =
			&model->callers[(model->callers_next + i) % CALLERS_NR];

		if (caller->time && caller->tid == tid && caller->time >= since &&
		    (page == ANY_PAGE || caller->page == page))
			return caller->text;
	}
	return NULL;
}
