// SPDX-License-Identifier: GPL-2.0
/* The kernel in play: pages that are prepared together, around a fault or by fallocate(), for one flush. */
#include "simulator_internal.h"

static bool window_is_alone(const struct sim_task *task)
{
	for (__u32 i = task->first; i <= task->last; i++) {
		if (i != task->at && task->inode->pages[i].pfn)
			return false;
	}
	return true;
}

/* An aligned window around the page; the rest of it is a fault like any other. */
void sim_window_begin(struct sim_task *task)
{
	task->first = task->at & ~(SIM_WINDOW - 1U);
	task->last = task->first + SIM_WINDOW - 1;
	if (task->last >= PAGES)
		task->last = PAGES - 1;
	if (!window_is_alone(task)) {
		task->op = OP_FAULT;
		return;
	}
	task->nr = 1;
	task->window[0] = task->at;
	task->at = task->first;
	task->step = 0;
	task->op = OP_WINDOW;
}

static void window_take(struct sim *sim, struct sim_task *task, __u32 pgoff)
{
	struct sim_page *page = &task->inode->pages[pgoff];

	*page = (struct sim_page){ .pfn = sim_pfn_take(sim, pgoff ? page[-1].pfn : 0),
				   .locked = true };
	task->window[task->nr++] = pgoff;
	sim_emit_owner(sim, task, RECORD_JOIN, task->inode, pgoff, page->pfn);
}

/* One page after the other joins, where nobody else's did meanwhile. true: all that can. */
static bool window_fill(struct sim *sim, struct sim_task *task)
{
	if (task->at > task->last)
		return true;
	if (!task->inode->pages[task->at].pfn)
		window_take(sim, task, task->at);
	task->at++;
	return false;
}

static bool window_has(const struct sim_task *task, __u32 pgoff)
{
	for (__u32 i = 0; i < task->nr; i++) {
		if (task->window[i] == pgoff)
			return true;
	}
	return false;
}

static bool window_absent(struct sim *sim, const struct sim_task *task, __u32 pgoff)
{
	return pgoff <= task->last && window_has(task, pgoff) && !task->inode->deviates[pgoff] &&
	       !sim->absent[task->inode->pages[pgoff].pfn];
}

/* The next run, adjacent in the file and in memory, becomes absent. false: there is none. */
static bool window_apply(struct sim *sim, struct sim_task *task)
{
	const struct sim_page *pages = task->inode->pages;
	__u32 nr = 0, pfn;

	while (task->at <= task->last && !window_absent(sim, task, task->at))
		task->at++;
	if (task->at > task->last)
		return false;
	if (sim_strikes(sim, FAULT_NO_ZAP)) {
		sim->hit = true;
		task->at++;
		return true;
	}
	pfn = pages[task->at].pfn;
	while (window_absent(sim, task, task->at + nr) && pages[task->at + nr].pfn == pfn + nr)
		sim->absent[pfn + nr++] = true;
	if (pfn < task->pfn_low)
		task->pfn_low = pfn;
	if (pfn + nr - 1 > task->pfn_high)
		task->pfn_high = pfn + nr - 1;
	sim_emit_zap(sim, task, task->inode, task->at, pfn, nr, false, 0, ++sim->now);
	task->at += nr;
	return true;
}

static void window_flush(struct sim *sim, struct sim_task *task)
{
	if (task->pfn_low == PFNS)
		return;
	if (sim_strikes(sim, FAULT_CONFIGURE_NO_FLUSH)) {
		for (__u32 i = 0; i < task->nr; i++) {
			if (sim->absent[task->inode->pages[task->window[i]].pfn])
				sim_hit(sim, RULE_NEVER_FLUSHED, task->inode, task->window[i]);
		}
		return;
	}
	task->flush_time = ++sim->now;
	sim_emit_flush(sim, task, task->pfn_low, task->pfn_high, false);
}

/* In the order of the offsets, which the one that was asked for need not be in. */
static void window_request(struct sim *sim, const struct sim_task *task, __u16 kind)
{
	__u32 first = task->window[0], last = first;

	for (__u32 i = 1; i < task->nr; i++) {
		if (task->window[i] < first)
			first = task->window[i];
		if (task->window[i] > last)
			last = task->window[i];
	}
	sim_emit_request(sim, kind, task, RECORD_OPERATION_CONFIGURE_BATCH, first, last, 0);
}

static void window_mark(struct sim *sim, struct sim_task *task, __u32 pgoff)
{
	struct sim_page *page = &task->inode->pages[pgoff];

	page->prepared = true;
	page->prepared_at = sim->now;
	sim_emit_owner(sim, task, RECORD_JOIN, task->inode, pgoff, page->pfn);
}

/* From its first page on: the one that was asked for has joined already. */
void sim_window_step(struct sim *sim, struct sim_task *task)
{
	switch (task->step) {
	case 0:
		task->step += window_fill(sim, task);
		break;
	case 1:
		task->at = task->first;
		if (task->nr)
			window_request(sim, task, RECORD_REQUEST_BEGIN);
		task->step = task->nr ? 2 : 6;
		break;
	case 2:
		task->step += !window_apply(sim, task);
		break;
	case 3:
		window_flush(sim, task);
		task->step++;
		break;
	case 4:
		window_request(sim, task, RECORD_REQUEST_END);
		task->at = 0;
		task->step++;
		break;
	case 5:
		if (task->at < task->nr)
			window_mark(sim, task, task->window[task->at++]);
		else
			task->step++;
		break;
	default:
		for (__u32 i = 0; i < task->nr; i++)
			task->inode->pages[task->window[i]].locked = false;
		task->step = SIM_WINDOW_DONE;
	}
}

/* fallocate(): what of a range is not there yet is prepared together. */
void sim_allocate_step(struct sim *sim, struct sim_task *task)
{
	switch (task->stage) {
	case 0:
		sim_emit_request(sim, RECORD_REQUEST_BEGIN, task, RECORD_OPERATION_FALLOCATE,
				 task->first, task->last, 0);
		task->stage++;
		break;
	case 1:
		if (task->inode->mutex)
			return;
		task->inode->mutex = true;
		task->stage++;
		break;
	case 2:
		sim_window_step(sim, task);
		task->stage += task->step == SIM_WINDOW_DONE;
		break;
	default:
		task->inode->mutex = false;
		sim_emit_request(sim, RECORD_REQUEST_END, task, RECORD_OPERATION_FALLOCATE,
				 task->first, task->last, 0);
		sim_task_done(task);
	}
}
