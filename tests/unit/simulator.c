// SPDX-License-Identifier: GPL-2.0
/* The kernel in play: its clock, what its hooks tell, and who is at work. */
#include <assert.h>
#include <linux/falloc.h>
#include <stdio.h>
#include "simulator_internal.h"

#define START 1000000000ULL

__u32 sim_random(struct sim *sim, __u32 below)
{
	sim->random = sim->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (__u32)(sim->random >> 33) % below;
}

bool sim_chance(struct sim *sim, double probability)
{
	return sim_random(sim, 1000000) < (__u32)(probability * 1000000);
}

void sim_hit(struct sim *sim, enum rule_id rule, const struct sim_inode *inode, __u32 pgoff)
{
	struct simulator_result *result = sim->result;

	result->hits = realloc(result->hits, (result->hits_nr + 1) * sizeof(*result->hits));
	assert(result->hits);
	result->hits[result->hits_nr++] =
		(struct simulator_hit){ rule, inode ? inode->number : 0, pgoff };
	sim->hit = true;
}

__u32 sim_tid(const struct sim *sim, const struct sim_task *task)
{
	return 10 + (__u32)(task - sim->tasks);
}

struct record_header sim_header(struct sim *sim, const struct sim_task *task, __u16 kind,
				size_t size, const struct sim_inode *inode)
{
	sim->now += 1 + sim_random(sim, 40);
	/* What waits for a flush to be merged with waits until its task's next event. */
	if (task)
		sim_zap_write(sim, sim_tid(sim, task));
	return (struct record_header){
		.kind = kind,
		.size = (__u16)size,
		.tid = task ? sim_tid(sim, task) : 1,
		.tgid = 5,
		.time = sim->now,
		.inode = inode ? inode->number : 0,
	};
}

void sim_emit_request(struct sim *sim, __u16 kind, const struct sim_task *task,
		      enum record_operation operation, __u32 first, __u64 last, __s64 result)
{
	struct record_request record = {
		.header = sim_header(sim, task, kind, sizeof(record), task->inode),
		.pgoff_first = first,
		.pgoff_last = last,
		.result = result,
		.operation = operation,
		.state = task->present,
		.mode = task->op == OP_PUNCH ? FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE : 0,
	};

	sim_emit(sim, &record.header);
}

void sim_emit_zap(struct sim *sim, const struct sim_task *task, const struct sim_inode *owner,
		  __u32 pgoff, __u32 pfn, __u32 nr, bool valid, __s32 result, __u64 time)
{
	struct record_zap record = {
		.header = sim_header(sim, task, RECORD_ZAP, sizeof(record), owner),
		.pgoff = owner ? pgoff : 0,
		.page = pfn,
		.nr = nr,
		.result = result,
		.zap_end = time,
		.valid = valid,
		.routine = RECORD_ZAP_VALID,
	};

	if (valid || !sim_zap_wait(sim, &record))
		sim_emit(sim, &record.header);
}

void sim_emit_zap_flush(struct sim *sim, const struct sim_task *task, const struct sim_inode *owner,
			__u32 pgoff, __u32 pfn, __u32 last)
{
	struct record_zap record = {
		.header = sim_header(sim, task, RECORD_ZAP, sizeof(record), owner),
		.pgoff = owner ? pgoff : 0,
		.page = pfn,
		.nr = 1,
		.zap_end = task->zap_time,
		.flush_begin = task->flush_time,
		.flush_first = pfn,
		.flush_last = last,
		.flush_routine = RECORD_FLUSH_RANGE,
		.routine = RECORD_ZAP_VALID,
	};

	sim_emit(sim, &record.header);
}

void sim_emit_flush(struct sim *sim, const struct sim_task *task, __u32 first, __u32 last,
		    bool full)
{
	struct record_flush record = {
		.header = sim_header(sim, task, RECORD_FLUSH, sizeof(record), NULL),
		.begin = task->flush_time,
		.first = first,
		.last = last,
		.routine = RECORD_FLUSH_RANGE,
		.full = full,
	};

	sim_emit(sim, &record.header);
}

void sim_emit_owner(struct sim *sim, const struct sim_task *task, __u16 kind,
		    const struct sim_inode *inode, __u32 pgoff, __u32 pfn)
{
	struct record_owner record = {
		.header = sim_header(sim, task, kind, sizeof(record), inode),
		.page = pfn,
		.pgoff = pgoff,
		.nr = 1,
	};

	if (inode && inode->pages[pgoff].prepared)
		record.prepared = RECORD_OWNER_PREPARED;
	sim_emit(sim, &record.header);
}

void sim_emit_free(struct sim *sim, const struct sim_task *task, __u32 pfn)
{
	struct record_page_free record = {
		.header = sim_header(sim, task, RECORD_PAGE_FREE, sizeof(record), NULL),
		.page = pfn,
		.absent = sim->absent[pfn],
	};

	/* The sensor knows which pfns are zapped; it writes of no other. */
	if (sim->absent[pfn])
		sim_emit(sim, &record.header);
	sim->used[pfn] = false;
	sim->absent[pfn] = false;
}

void sim_emit_inode(struct sim *sim, const struct sim_inode *inode, bool before_attach, bool dead)
{
	struct record_inode record = {
		.header = sim_header(sim, NULL, RECORD_INODE, sizeof(record), inode),
		.i_ino = inode->number,
		.pages = PAGES,
		.provider = inode->provider,
		.default_state = inode->provider == RECORD_PROVIDER_GMEM_PLAIN,
		.before_attach = before_attach,
		.dead = dead,
		.comm = "sim",
	};

	sim_emit(sim, &record.header);
}

bool sim_emit_bracket(struct sim *sim, const struct sim_task *task, __u16 kind, __s64 result)
{
	struct record_snapshot record = {
		.header = sim_header(sim, task, kind, sizeof(record), task->inode),
		.pgoff_first = task->low,
		.pgoff_nr = task->nr,
		.inode_pages = PAGES,
		.origin = task->origin,
		.pass = task->pass,
		.provider = task->inode->provider,
		.default_state = task->inode->provider == RECORD_PROVIDER_GMEM_PLAIN,
		.snapshot = task->snapshot,
		.result = result,
	};

	return sim_emit(sim, &record.header);
}

bool sim_emit_page(struct sim *sim, const struct sim_task *task, __u32 pgoff)
{
	const struct sim_page *page = &task->inode->pages[pgoff];
	struct record_snapshot_page record = {
		.header = sim_header(sim, task, RECORD_SNAPSHOT_PAGE, sizeof(record), task->inode),
		.pgoff = pgoff,
		.pfn = page->pfn,
		.nr = 1,
		.snapshot = task->snapshot,
	};

	if (task->inode->deviates[pgoff])
		record.bits |= RECORD_PAGE_DEVIATES;
	if (page->pfn)
		record.bits |= RECORD_PAGE_RESIDENT;
	if (page->pfn && page->prepared)
		record.bits |= RECORD_PAGE_PREPARED;
	if (page->pfn && !sim->absent[page->pfn])
		record.bits |= RECORD_PAGE_PRESENT;
	return !record.bits || sim_emit(sim, &record.header);
}

__u32 sim_pfn_take(struct sim *sim, __u32 before)
{
	__u32 pfn = 100 + sim_random(sim, PFNS - 400);

	if (before && before + 1 < PFNS - 300 && sim_random(sim, 4))
		pfn = before + 1;
	while (sim->used[pfn])
		pfn = 100 + (pfn + 1) % (PFNS - 400);
	sim->used[pfn] = true;
	return pfn;
}

void sim_inode_create(struct sim *sim, struct sim_inode *inode)
{
	static const enum record_provider providers[] = {
		RECORD_PROVIDER_RFC3, RECORD_PROVIDER_RFC3,	 RECORD_PROVIDER_RFC3,
		RECORD_PROVIDER_RFC3, RECORD_PROVIDER_SECRETMEM, RECORD_PROVIDER_GMEM_PLAIN,
	};

	memset(inode, 0, sizeof(*inode));
	inode->number = ++sim->numbers;
	inode->provider = providers[inode - sim->inodes];
	sim_emit_inode(sim, inode, false, false);
}

static void sim_watch(const struct sim *sim, struct simulator_watch *watch)
{
	struct simulator_state now = { 0 }, last = { 0 };

	for (size_t i = 0; i < INODES; i++) {
		if (sim->inodes[i].number != watch->inode)
			continue;
		now.pfn = sim->inodes[i].pages[watch->pgoff].pfn;
		now.absent = now.pfn && sim->absent[now.pfn];
	}
	if (watch->nr)
		last = watch->states[watch->nr - 1];
	if (now.pfn == last.pfn && now.absent == last.absent)
		return;
	assert(watch->nr < SIMULATOR_STATES_MAX);
	watch->states[watch->nr++] = now;
}

/* One task's next step; one that was preempted takes none for a while. */
static void sim_step(struct sim *sim)
{
	__u32 at = sim_random(sim, TASKS);

	sim->now += sim_random(sim, 200);
	if (sim->preempted[at] > sim->now)
		return;
	if (sim_chance(sim, sim->options.preemption))
		sim->preempted[at] = sim->now + sim_random(sim, 4 * HEARTBEAT);
	else
		sim_task_step(sim, &sim->tasks[at]);
	if (sim->armed)
		sim_sensor_step(sim);
	for (size_t i = 0; i < sim->options.watches_nr; i++)
		sim_watch(sim, &sim->options.watches[i]);
}

static void sim_work(struct sim *sim, __u32 steps)
{
	for (__u32 i = 0; i < steps; i++)
		sim_step(sim);
}

static void sim_drain(struct sim *sim)
{
	for (int i = 0; i < 200000; i++) {
		bool busy = false;

		for (size_t j = 0; j < TASKS; j++)
			busy |= sim->tasks[j].op != OP_IDLE;
		if (!busy)
			return;
		sim_step(sim);
	}
	/* Somebody is stuck, as a fault wants it. */
	assert(sim->options.fault == FAULT_STUCK);
}

/* Every inode is released, which is when it can be compared as a whole. */
static void sim_end(struct sim *sim)
{
	struct record_end record = { .command_status = 0 };

	sim->quiet = true;
	sim_drain(sim);
	for (size_t i = 0; i < INODES; i++) {
		struct sim_task *task = &sim->tasks[i];

		/* A stuck task keeps its inode, and its slot. */
		if (!sim->inodes[i].number || sim->inodes[i].users || task->op != OP_IDLE)
			continue;
		*task = (struct sim_task){ .op = OP_RELEASE, .inode = &sim->inodes[i] };
		sim->inodes[i].users++;
		sim->inodes[i].dying = true;
	}
	sim_drain(sim);
	for (int i = 0; i < 3; i++) {
		sim->now += 100 * HEARTBEAT;
		sim_sensor_settle(sim);
	}
	record.header = sim_header(sim, NULL, RECORD_END, sizeof(record), NULL);
	sim_client_record(sim, &record.header);
}

void simulator_run(const struct simulator_options *options, struct simulator_result *result)
{
	__u32 steps = options->steps ? options->steps : 20000;
	struct sim *sim = calloc(1, sizeof(*sim));

	assert(sim);
	memset(result, 0, sizeof(*result));
	sim->options = *options;
	sim->result = result;
	sim->random = options->seed * 2654435761ULL + 99;
	sim->now = START;
	simulator_judge_begin(result);
	sim->armed = !options->before_attach;
	sim->heartbeat = sim->since = sim->now;
	for (size_t i = 0; i < INODES; i++)
		sim_inode_create(sim, &sim->inodes[i]);
	if (options->before_attach) {
		/* Calls are under way when the sensors are armed. */
		sim_work(sim, 2000);
		sim->armed = true;
		sim->heartbeat = sim->since = sim->now;
		for (size_t i = 0; i < INODES; i++)
			sim_emit_inode(sim, &sim->inodes[i], true, false);
	}
	sim_sensor_settle(sim);
	sim_work(sim, steps);
	sim_end(sim);
	model_finish(result->model);
	sim_sensor_free(sim);
	free(sim);
}

void simulator_judge_begin(struct simulator_result *result)
{
	/* No call of a range takes a millisecond, preempted or not, so the shadow is long enough. */
	struct model_options model_options = { .stuck_ns = 20000000, .shadow_ns = 1500000 };
	struct verdict_options verdict_options = { .settle_ns = 150000 };

	result->model = model_create(&model_options);
	assert(result->model);
	result->verdict = verdict_create(result->model, &verdict_options);
	assert(result->verdict);
}

void simulator_result_free(struct simulator_result *result)
{
	verdict_free(result->verdict);
	model_free(result->model);
	free(result->hits);
	free(result->stream);
	memset(result, 0, sizeof(*result));
}

static const struct {
	const char *name;
	enum rule_id rule;
} faults[FAULT_NR] = {
	[FAULT_NONE] = { "none", RULE_NONE },
	[FAULT_XARRAY_SHORT] = { "xarray-short", RULE_DECLARED_MISMATCH },
	[FAULT_NO_FLUSH] = { "no-flush", RULE_NEVER_FLUSHED },
	[FAULT_CONFIGURE_NO_FLUSH] = { "configure-no-flush", RULE_NEVER_FLUSHED },
	[FAULT_SHORT_FLUSH] = { "short-flush", RULE_FLUSH_MISMATCH },
	[FAULT_FOREIGN_PAGE] = { "foreign-page", RULE_FOREIGN_PAGE },
	[FAULT_SKIP_PAGE] = { "skip-page", RULE_MISSED_PAGE },
	[FAULT_NO_RESTORE] = { "no-restore", RULE_FREED_ABSENT },
	[FAULT_NO_ROLLBACK] = { "no-rollback", RULE_PARTIAL_APPLY },
	[FAULT_NO_ZAP] = { "no-zap", RULE_APPLIED_MISMATCH },
	[FAULT_STUCK] = { "stuck", RULE_STUCK },
	[FAULT_SECRET_NO_FLUSH] = { "secret-no-flush", RULE_NEVER_FLUSHED },
	[FAULT_SECRET_NO_ZAP] = { "secret-no-zap", RULE_APPLIED_MISMATCH },
};

const char *simulator_fault_name(enum simulator_fault fault)
{
	return faults[fault].name;
}

enum rule_id simulator_fault_rule(enum simulator_fault fault)
{
	return faults[fault].rule;
}
