// SPDX-License-Identifier: GPL-2.0
/* The kernel in play: a conversion, from the xarray to its flush or its undoing. */
#include "simulator_internal.h"

static enum record_operation convert_operation(const struct sim_task *task)
{
	return task->folio ? RECORD_OPERATION_SET_FOLIO : RECORD_OPERATION_SET_RANGE;
}

static void convert_xarray(struct sim *sim, struct sim_task *task)
{
	struct sim_inode *inode = task->inode;
	bool faulty = task->last > task->first && sim_strikes(sim, FAULT_XARRAY_SHORT);

	if (faulty)
		sim->hit = true;
	for (__u32 i = task->first; i <= task->last; i++) {
		task->old[i - task->first] = inode->deviates[i];
		inode->wanted[i] = task->present;
		if (!faulty || i != task->last)
			inode->deviates[i] = task->present;
	}
}

/* The owner of @pfn, or NULL. */
static struct sim_inode *pfn_owner(struct sim *sim, __u32 pfn, __u32 *pgoff)
{
	for (size_t i = 0; i < INODES; i++) {
		for (__u32 j = 0; sim->inodes[i].number && j < PAGES; j++) {
			if (sim->inodes[i].pages[j].pfn != pfn)
				continue;
			*pgoff = j;
			return &sim->inodes[i];
		}
	}
	return NULL;
}

/* Whether the run may be made one page too long; notes whose page that is. */
static bool foreign_strikes(struct sim *sim, const struct sim_task *task, __u32 pfn)
{
	struct sim_inode *owner;
	__u32 pgoff = 0;

	if (!sim_strikes(sim, FAULT_FOREIGN_PAGE))
		return false;
	owner = pfn_owner(sim, pfn + 1, &pgoff);
	if (owner == task->inode && pgoff >= task->first && pgoff <= task->last)
		return false;
	/* It would stay as it is. */
	if (owner && sim->absent[pfn + 1] == !task->present)
		return false;
	if (owner)
		sim_hit(sim, RULE_FOREIGN_PAGE, owner, pgoff);
	else
		sim_hit(sim, RULE_FOREIGN_PAGE, task->inode, SIMULATOR_PGOFF_UNKNOWN);
	return true;
}

static void convert_apply(struct sim *sim, struct sim_task *task, __u32 pgoff)
{
	__u32 pfn = task->inode->pages[pgoff].pfn;

	task->was_present[task->changed_nr] = !sim->absent[pfn];
	sim->absent[pfn] = !task->present;
	task->changed[task->changed_nr++] = pgoff;
}

/* Takes the pages in adjacent frames that follow along, whatever their state: one run, one record. */
static __u32 convert_run(struct sim *sim, struct sim_task *task)
{
	const struct sim_page *page = &task->inode->pages[task->at];
	__u32 nr = 1;

	while (task->at + nr <= task->last && page[nr].pfn == page->pfn + nr && !page[nr].locked)
		convert_apply(sim, task, task->at + nr++);
	return nr;
}

/* Changes the page at hand. true: it waits for a flush. */
static bool convert_page(struct sim *sim, struct sim_task *task)
{
	struct sim_page *page = &task->inode->pages[task->at];
	__u32 nr = 1;

	bool foreign;

	task->zap_time = ++sim->now;
	convert_apply(sim, task, task->at);
	foreign = foreign_strikes(sim, task, page->pfn);
	if (foreign) {
		sim->absent[page->pfn + 1] = !task->present;
		nr = 2;
	}
	if (task->present || task->batch) {
		if (!foreign)
			nr = convert_run(sim, task);
		sim_emit_zap(sim, task, task->inode, task->at, page->pfn, nr, task->present, 0,
			     task->zap_time);
		task->at += foreign ? 0 : nr - 1;
		if (page->pfn < task->pfn_low)
			task->pfn_low = page->pfn;
		if (page->pfn + nr - 1 > task->pfn_high)
			task->pfn_high = page->pfn + nr - 1;
		return false;
	}
	if (nr == 1)
		return true;
	task->flush_time = ++sim->now;
	sim_emit_zap(sim, task, task->inode, task->at, page->pfn, nr, false, 0, task->zap_time);
	sim_emit_flush(sim, task, page->pfn, page->pfn + 1, false);
	return false;
}

static bool convert_skips(struct sim *sim, struct sim_task *task)
{
	__u32 pfn = task->inode->pages[task->at].pfn;

	/* One that is in the state asked for already is not missed, nor a late comer. */
	if (task->inode->pages[task->at].prepared_at >= task->began)
		return false;
	if (sim->absent[pfn] != task->present || !sim_strikes(sim, FAULT_SKIP_PAGE))
		return false;
	sim->hit = true;
	task->skipped = task->at;
	task->skipped_pfn = pfn;
	return true;
}

/* The request is about to end; a hole punched meanwhile may have put the page right. */
static void convert_skipped(struct sim *sim, const struct sim_task *task)
{
	if (task->skipped_pfn && task->inode->pages[task->skipped].pfn == task->skipped_pfn &&
	    sim->absent[task->skipped_pfn] == task->present)
		sim_hit(sim, RULE_MISSED_PAGE, task->inode, task->skipped);
}

enum {
	STEP_WALK = 5,
	STEP_FLUSH_PAGE = 6,
	STEP_FLUSH_ALL = 9,
	STEP_UNLOCK = 11,
	STEP_ROLL_BACK = 20
};

static void convert_walk(struct sim *sim, struct sim_task *task)
{
	struct sim_page *page;

	task->step = STEP_WALK;
	while (task->at <= task->last && !task->inode->pages[task->at].pfn)
		task->at++;
	if (task->at > task->last) {
		task->step = STEP_FLUSH_ALL;
		return;
	}
	if (task->fail == 2 && task->changed_nr >= 2) {
		/* Nothing of this one has changed, which only the kernel knows. */
		if (!task->present)
			sim_emit_zap(sim, task, task->inode, task->at,
				     task->inode->pages[task->at].pfn, 1, false, -12, ++sim->now);
		task->result = -12;
		task->step = STEP_ROLL_BACK;
		return;
	}
	page = &task->inode->pages[task->at];
	if (page->locked)
		return;
	if (convert_skips(sim, task)) {
		task->at++;
		return;
	}
	page->locked = true;
	if (convert_page(sim, task)) {
		task->step = STEP_FLUSH_PAGE;
		return;
	}
	page->locked = false;
	task->at++;
}

static void convert_flush_page(struct sim *sim, struct sim_task *task)
{
	struct sim_page *page = &task->inode->pages[task->at];

	task->flush_time = ++sim->now;
	sim_emit_zap_flush(sim, task, task->inode, task->at, page->pfn, page->pfn);
	page->locked = false;
	task->at++;
	task->step = STEP_WALK;
}

static void convert_flush_all(struct sim *sim, struct sim_task *task)
{
	__u32 high = task->pfn_high;

	if (task->present || !task->batch || !task->changed_nr)
		return;
	if (sim_strikes(sim, FAULT_NO_FLUSH)) {
		/* What was absent before needs no flush. */
		for (__u32 i = 0; i < task->changed_nr; i++) {
			if (task->was_present[i])
				sim_hit(sim, RULE_NEVER_FLUSHED, task->inode, task->changed[i]);
		}
		return;
	}
	if (sim_strikes(sim, FAULT_SHORT_FLUSH)) {
		for (__u32 i = 0; i < task->changed_nr; i++) {
			if (task->inode->pages[task->changed[i]].pfn == high &&
			    task->was_present[i])
				sim_hit(sim, RULE_FLUSH_MISMATCH, task->inode, task->changed[i]);
		}
		sim_emit_flush(sim, task, task->pfn_low, high - 1, false);
		return;
	}
	/* The kernel makes a flush of very much a flush of all. */
	sim_emit_flush(sim, task, task->pfn_low, high, high - task->pfn_low > 8000);
}

/*
 * The xarray first, then every page in the range, one a step: also those that
 * were faulted in meanwhile and found the xarray as it was not to stay.
 */
static void convert_roll_back(struct sim *sim, struct sim_task *task)
{
	struct sim_inode *inode = task->inode;
	struct sim_page *page;
	bool present;

	if (task->step == STEP_ROLL_BACK) {
		task->step++;
		for (__u32 i = task->first; i <= task->last; i++)
			inode->wanted[i] = inode->deviates[i] = task->old[i - task->first];
		task->at = sim_strikes(sim, FAULT_NO_ROLLBACK) ? task->last + 1 : task->first;
	}
	if (task->at > task->last) {
		task->step = STEP_UNLOCK;
		return;
	}
	page = &inode->pages[task->at];
	if (page->locked)
		return;
	present = task->old[task->at - task->first];
	if (page->pfn && sim->absent[page->pfn] == present) {
		task->zap_time = ++sim->now;
		sim->absent[page->pfn] = !present;
		task->flush_time = ++sim->now;
		if (present)
			sim_emit_zap(sim, task, inode, task->at, page->pfn, 1, true, 0,
				     task->zap_time);
		else
			sim_emit_zap_flush(sim, task, inode, task->at, page->pfn, page->pfn);
	}
	task->at++;
}

void sim_convert_step(struct sim *sim, struct sim_task *task)
{
	if (task->step >= STEP_ROLL_BACK) {
		convert_roll_back(sim, task);
		return;
	}
	switch (task->step++) {
	case 0:
		sim_emit_request(sim, RECORD_REQUEST_BEGIN, task, convert_operation(task),
				 task->first, task->last, 0);
		task->began = sim->now;
		task->faulty = sim_strikes(sim, FAULT_STUCK);
		if (task->faulty)
			sim_hit(sim, RULE_STUCK, task->inode, task->first);
		break;
	case 1:
		if (task->faulty || task->inode->mutex)
			task->step = 1;
		else
			task->inode->mutex = true;
		break;
	case 2:
		sim_emit_request(sim, RECORD_REQUEST_BEGIN, task, RECORD_OPERATION_UPDATE_XARRAY,
				 task->first, task->last, 0);
		break;
	case 3:
		if (task->fail == 1)
			task->result = -12;
		else
			convert_xarray(sim, task);
		break;
	case 4:
		sim_emit_request(sim, RECORD_REQUEST_END, task, RECORD_OPERATION_UPDATE_XARRAY,
				 task->first, task->last, task->result);
		if (task->result)
			task->step = STEP_UNLOCK;
		break;
	case STEP_WALK:
		convert_walk(sim, task);
		break;
	case STEP_FLUSH_PAGE:
		convert_flush_page(sim, task);
		break;
	case STEP_FLUSH_ALL:
		task->flush_time = ++sim->now;
		break;
	case STEP_FLUSH_ALL + 1:
		convert_flush_all(sim, task);
		break;
	case STEP_UNLOCK:
		task->inode->mutex = false;
		break;
	default:
		convert_skipped(sim, task);
		sim_emit_request(sim, RECORD_REQUEST_END, task, convert_operation(task),
				 task->first, task->last, task->result);
		sim_task_done(task);
	}
}
