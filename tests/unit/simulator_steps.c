// SPDX-License-Identifier: GPL-2.0
/* The kernel in play: what a task does, one step at a time. */
#include "simulator_internal.h"

/*
 * A fault strikes at calls chosen by chance: once, except where what it does
 * may be undone by a later call, so that nothing is left of it at the release.
 */
bool sim_strikes(struct sim *sim, enum simulator_fault fault)
{
	bool lasting = fault != FAULT_XARRAY_SHORT && fault != FAULT_NO_ZAP &&
		       fault != FAULT_SECRET_NO_ZAP && fault != FAULT_NO_ROLLBACK;

	bool strikes = sim->watched && sim->options.fault == fault && !(lasting && sim->hit) &&
		       !sim_random(sim, 3);

	sim->result->struck |= strikes;
	return strikes;
}

void sim_task_done(struct sim_task *task)
{
	if (task->inode)
		task->inode->users--;
	task->op = OP_IDLE;
	task->step = 0;
}

bool sim_is_flagged(const struct sim_inode *inode)
{
	return inode->provider == RECORD_PROVIDER_RFC3;
}

static void fault_step(struct sim *sim, struct sim_task *task)
{
	struct sim_page *page = &task->inode->pages[task->at];

	switch (task->step++) {
	case 0:
		if (page->locked) {
			task->step = 0;
			return;
		}
		if (page->pfn) {
			sim_task_done(task);
			return;
		}
		*page = (struct sim_page){ .pfn = sim_pfn_take(sim, task->at ? page[-1].pfn : 0),
					   .locked = true };
		break;
	case 1:
		sim_emit_owner(sim, task, RECORD_JOIN, task->inode, task->at, page->pfn);
		if (!sim_is_flagged(task->inode))
			task->step = 6;
		else if (!task->inode->deviates[task->at] && sim_random(sim, 2))
			sim_window_begin(task);
		break;
	case 2:
		sim_emit_request(sim, RECORD_REQUEST_BEGIN, task, RECORD_OPERATION_CONFIGURE,
				 task->at, task->at, 0);
		break;
	case 3:
		task->zap_time = ++sim->now;
		if (task->inode->deviates[task->at]) {
			task->step = 5;
		} else if (sim_strikes(sim, FAULT_NO_ZAP)) {
			sim->hit = true;
			task->step = 5;
		} else {
			sim->absent[page->pfn] = true;
		}
		break;
	case 4:
		task->flush_time = ++sim->now;
		if (sim_strikes(sim, FAULT_CONFIGURE_NO_FLUSH)) {
			sim_hit(sim, RULE_NEVER_FLUSHED, task->inode, task->at);
			sim_emit_zap(sim, task, task->inode, task->at, page->pfn, 1, false, 0,
				     task->zap_time);
		} else {
			sim_emit_zap_flush(sim, task, task->inode, task->at, page->pfn, page->pfn);
		}
		break;
	case 5:
		sim_emit_request(sim, RECORD_REQUEST_END, task, RECORD_OPERATION_CONFIGURE,
				 task->at, task->at, 0);
		break;
	default:
		page->prepared = true;
		page->prepared_at = sim->now;
		page->locked = false;
		sim_task_done(task);
	}
}

/* Restores the page in @task->pfn, which has left the inode. false: the fault struck. */
static bool restore_page(struct sim *sim, struct sim_task *task)
{
	if (task->inode->provider == RECORD_PROVIDER_GMEM_PLAIN)
		return true;
	if (sim->absent[task->pfn] && sim_strikes(sim, FAULT_NO_RESTORE)) {
		sim_hit(sim, RULE_FREED_ABSENT, task->inode, task->at);
		return false;
	}
	sim->absent[task->pfn] = false;
	sim_emit_zap(sim, task, NULL, 0, task->pfn, 1, true, 0, ++sim->now);
	return true;
}

/* Pages of [at, last] leave and are freed. true: all have. */
static bool free_step(struct sim *sim, struct sim_task *task, int base)
{
	struct sim_page *page;

	switch (task->step - base) {
	case 0:
		while (task->at <= task->last && !task->inode->pages[task->at].pfn)
			task->at++;
		if (task->at > task->last)
			return true;
		page = &task->inode->pages[task->at];
		if (page->locked)
			return false;
		task->pfn = page->pfn;
		memset(page, 0, sizeof(*page));
		break;
	case 1:
		restore_page(sim, task);
		break;
	case 2:
		if (task->inode->provider != RECORD_PROVIDER_SECRETMEM)
			sim_emit_owner(sim, task, RECORD_LEAVE, NULL, task->at, task->pfn);
		break;
	default:
		sim_emit_free(sim, task, task->pfn);
		task->at++;
		task->step = base;
		return false;
	}
	task->step++;
	return false;
}

static void punch_step(struct sim *sim, struct sim_task *task)
{
	switch (task->step) {
	case 0:
		sim_emit_request(sim, RECORD_REQUEST_BEGIN, task, RECORD_OPERATION_FALLOCATE,
				 task->first, task->last, 0);
		task->step = 1;
		break;
	case 1:
		if (!task->inode->mutex) {
			task->inode->mutex = true;
			task->step = 2;
		}
		break;
	case 10:
		task->inode->mutex = false;
		sim_emit_request(sim, RECORD_REQUEST_END, task, RECORD_OPERATION_FALLOCATE,
				 task->first, task->last, 0);
		sim_task_done(task);
		break;
	default:
		if (free_step(sim, task, 2))
			task->step = 10;
	}
}

static void secret_step(struct sim *sim, struct sim_task *task)
{
	struct sim_page *page = &task->inode->pages[task->at];
	bool zaps = true;

	switch (task->step++) {
	case 0:
		if (page->pfn) {
			sim_task_done(task);
			return;
		}
		task->pfn = sim_pfn_take(sim, 0);
		break;
	case 1:
		task->zap_time = ++sim->now;
		zaps = !sim_strikes(sim, FAULT_SECRET_NO_ZAP);
		sim->absent[task->pfn] = zaps;
		sim->hit |= !zaps;
		break;
	case 2:
		if (page->pfn)
			task->step = 10;
		else
			*page = (struct sim_page){ .pfn = task->pfn, .prepared = true };
		break;
	case 3:
		task->flush_time = ++sim->now;
		break;
	case 4:
		/* Without a flush the record was written before the page had an owner. */
		if (sim_strikes(sim, FAULT_SECRET_NO_FLUSH)) {
			sim_hit(sim, RULE_NEVER_FLUSHED, task->inode, task->at);
			/* Its next flush, for something else, might cover the page by luck. */
			sim->retired[task - sim->tasks] = true;
			sim_emit_zap(sim, task, NULL, 0, task->pfn, 1, false, 0, task->zap_time);
		} else {
			sim_emit_zap_flush(sim, task, task->inode, task->at, task->pfn, task->pfn);
		}
		sim_task_done(task);
		break;
	default:
		sim_emit_zap(sim, task, NULL, 0, task->pfn, 1, false, 0, task->zap_time);
		sim->absent[task->pfn] = false;
		sim_emit_zap(sim, task, NULL, 0, task->pfn, 1, true, 0, ++sim->now);
		sim_emit_free(sim, task, task->pfn);
		sim_task_done(task);
	}
}

/* Reads up to @pages of the chunk. true: it is read to its end. */
static bool read_pages(struct sim *sim, struct sim_task *task, __u32 pages)
{
	for (; pages && task->at < task->low + task->nr; pages--) {
		if (!sim_emit_page(sim, task, task->at))
			task->lost_page = true;
		task->at++;
	}
	return task->at == task->low + task->nr;
}

static void read_step(struct sim *sim, struct sim_task *task)
{
	switch (task->step++) {
	case 0:
		task->at = task->low;
		if (!sim_emit_bracket(sim, task, RECORD_SNAPSHOT_BEGIN, 0))
			sim_task_done(task);
		break;
	case 1:
		if (!read_pages(sim, task, 16))
			task->step = 1;
		break;
	default:
		sim_emit_bracket(sim, task, RECORD_SNAPSHOT_END, task->lost_page ? -28 : 0);
		sim_task_done(task);
	}
}

/* What is wrong at the release is what a rule must name. */
static void release_hits(struct sim *sim, const struct sim_inode *inode)
{
	for (__u32 i = 0; i < PAGES; i++) {
		const struct sim_page *page = &inode->pages[i];
		bool present = page->pfn && !sim->absent[page->pfn];
		bool wanted = inode->deviates[i];

		if (inode->provider == RECORD_PROVIDER_GMEM_PLAIN)
			wanted = true;
		if (inode->deviates[i] != inode->wanted[i])
			sim_hit(sim, RULE_DECLARED_MISMATCH, inode, i);
		else if (page->pfn && present != wanted)
			sim_hit(sim, RULE_APPLIED_MISMATCH, inode, i);
	}
}

static void release_step(struct sim *sim, struct sim_task *task)
{
	struct sim_inode *inode = task->inode;

	switch (task->step) {
	case 0:
	case 3:
		task->pass = task->step == 3;
		task->origin = RECORD_SNAPSHOT_RELEASE;
		task->snapshot = task->pass ? task->snapshot : ++sim->snapshots;
		task->low = task->at = 0;
		task->nr = PAGES;
		task->lost_page = false;
		/* Without its begin the sensor does not read. */
		task->step += sim_emit_bracket(sim, task, RECORD_SNAPSHOT_BEGIN, 0) ? 1 : 3;
		break;
	case 1:
	case 4:
		task->step += read_pages(sim, task, 256);
		break;
	case 2:
	case 5:
		sim_emit_bracket(sim, task, RECORD_SNAPSHOT_END, task->lost_page ? -28 : 0);
		task->step++;
		break;
	case 6:
		release_hits(sim, inode);
		task->at = 0;
		task->last = PAGES - 1;
		sim_emit_request(sim, RECORD_REQUEST_BEGIN, task, RECORD_OPERATION_RELEASE, 0,
				 ~0ULL, 0);
		task->step++;
		break;
	case 7:
		sim_emit_request(sim, RECORD_REQUEST_END, task, RECORD_OPERATION_RELEASE, 0, ~0ULL,
				 0);
		task->step++;
		break;
	default:
		if (!free_step(sim, task, 8))
			break;
		sim_emit_inode(sim, inode, false, true);
		sim_task_done(task);
		if (sim->quiet)
			inode->number = 0;
		else
			sim_inode_create(sim, inode);
	}
}

static void noise_step(struct sim *sim, struct sim_task *task)
{
	switch (task->step++) {
	case 0:
		task->pfn = PFNS - 280 + sim_random(sim, 200);
		sim_emit_zap(sim, task, NULL, 0, task->pfn, 8, false, 0, ++sim->now);
		break;
	case 1:
		task->flush_time = ++sim->now;
		break;
	case 2:
		sim_emit_flush(sim, task, 0, 0, true);
		break;
	default:
		sim_emit_zap(sim, task, NULL, 0, task->pfn, 8, true, 0, ++sim->now);
		task->inode = NULL;
		sim_task_done(task);
	}
}

static void task_range(struct sim *sim, struct sim_task *task)
{
	__u32 limit = sim_random(sim, 8) ? BUSY_PAGES : PAGES;

	task->first = sim_random(sim, limit);
	task->last = task->first + sim_random(sim, RUN_MAX_PAGES);
	if (task->last >= limit)
		task->last = limit - 1;
	if (task->folio || !sim_random(sim, 4))
		task->last = task->first;
	task->at = task->first;
}

static void task_read(struct sim *sim, struct sim_task *task)
{
	struct model_reread reread;

	task->origin = RECORD_SNAPSHOT_LIVE;
	task->snapshot = ++sim->snapshots;
	task->low = 0;
	task->nr = PAGES;
	if (!model_next_reread(sim->result->model, &reread))
		return;
	for (size_t i = 0; i < INODES; i++) {
		if (sim->inodes[i].number != reread.inode->number || sim->inodes[i].dying)
			continue;
		task->inode = &sim->inodes[i];
		task->low = (__u32)reread.pgoff_first;
		task->nr = (__u32)reread.pgoff_nr;
		task->pass = reread.pass;
	}
}

static enum sim_op task_choose(struct sim *sim, const struct sim_inode *inode)
{
	__u32 dice = sim_random(sim, 100);

	if (dice < 2 && !inode->users)
		return OP_RELEASE;
	if (dice < 8)
		return OP_READ;
	if (dice < 10)
		return OP_NOISE;
	if (inode->provider == RECORD_PROVIDER_SECRETMEM)
		return OP_SECRET_FAULT;
	if (dice < 20)
		return OP_PUNCH;
	if (dice < 24 && sim_is_flagged(inode))
		return OP_ALLOCATE;
	if (dice < 60 && sim_is_flagged(inode))
		return OP_CONVERT;
	return OP_FAULT;
}

/*
 * Where requests for opposite states overlap, or one fails, either value is
 * legal, and a wrong one among them cannot be told: keep them apart.
 */
static void task_keep_apart(struct sim *sim, struct sim_task *task)
{
	if ((sim->options.fault != FAULT_XARRAY_SHORT && sim->options.fault != FAULT_SKIP_PAGE) ||
	    task->op != OP_CONVERT)
		return;
	task->fail = 0;
	for (size_t i = 0; i < TASKS; i++) {
		if (&sim->tasks[i] != task && sim->tasks[i].op == OP_CONVERT &&
		    sim->tasks[i].inode == task->inode)
			task->op = OP_FAULT;
	}
}

static void task_begin(struct sim *sim, struct sim_task *task)
{
	struct sim_inode *inode = &sim->inodes[sim_random(sim, INODES)];

	if (sim->quiet || sim->retired[task - sim->tasks] || !inode->number || inode->dying)
		return;
	*task = (struct sim_task){ .op = task_choose(sim, inode), .inode = inode };
	task->watched = sim->armed;
	task->folio = !sim_random(sim, 4);
	task->present = sim_random(sim, 2);
	task->batch = sim_random(sim, 2);
	task->fail = sim_random(sim, 12) == 0 ? 1 + (int)sim_random(sim, 2) : 0;
	if (sim->options.fault == FAULT_NO_ROLLBACK)
		task->fail = sim_random(sim, 2) ? 2 : 0;
	task->pfn_low = PFNS;
	task_range(sim, task);
	task_keep_apart(sim, task);
	if (task->op == OP_READ)
		task_read(sim, task);
	if (task->op == OP_NOISE)
		task->inode = NULL;
	else
		task->inode->users++;
	if (task->op == OP_RELEASE)
		inode->dying = true;
}

void sim_task_step(struct sim *sim, struct sim_task *task)
{
	sim->watched = task->watched;
	switch (task->op) {
	case OP_IDLE:
		task_begin(sim, task);
		break;
	case OP_FAULT:
		fault_step(sim, task);
		break;
	case OP_WINDOW:
		sim_window_step(sim, task);
		if (task->step == SIM_WINDOW_DONE)
			sim_task_done(task);
		break;
	case OP_ALLOCATE:
		sim_allocate_step(sim, task);
		break;
	case OP_CONVERT:
		sim_convert_step(sim, task);
		break;
	case OP_PUNCH:
		punch_step(sim, task);
		break;
	case OP_SECRET_FAULT:
		secret_step(sim, task);
		break;
	case OP_READ:
		read_step(sim, task);
		break;
	case OP_NOISE:
		noise_step(sim, task);
		break;
	case OP_RELEASE:
		release_step(sim, task);
		break;
	}
}
