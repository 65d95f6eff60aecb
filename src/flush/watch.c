// SPDX-License-Identifier: GPL-2.0
/*
 * Flushes, each once: what their own sensors timed, joined to what the verdict's
 * sensors say of the same call. The two records of a call come in either order,
 * nothing of the same task's between them; what there is nothing more to tell of
 * than the verdict's sensors do has no other.
 */
#include <stdlib.h>
#include <string.h>

#include "gmemtrace/flush.h"
#include "providers/provider.h"

#define SLOTS_NR 4096 /* a power of two */
/* A task has one of these places; who finds others in all of them ends who was silent longest. */
#define WAYS 4U
#define STACKS_MAX (1U << 20)

/* The request that a flush was issued by. */
struct issuer {
	enum record_operation operation; /* NONE: none */
	__u64 pgoff_first, pgoff_last;
};

/* What waits of a task. */
struct pair {
	__u32 tid;
	__u64 used; /* flush_watch.uses when it was last asked for */
	bool timed_waits, flushed_waits;
	struct record_flush_timed timed;
	struct issuer issuer;
	const struct model_inode *inode;
	struct model_flush flushed;
	struct issuer flushed_issuer;
	const struct model_inode *flushed_inode;
	__u64 answers_begin; /* ns: of the flush that they are answers to */
	struct record_answer *answers;
	size_t answers_nr, answers_room;
	__u64 leaves_begin; /* ns: of the flush that they are of */
	struct flush_leaves leaves;
};

struct flush_watch {
	struct model *model;
	struct flush_observer observer;
	struct pair pairs[SLOTS_NR];
	__u64 uses;
	char **stacks; /* by id */
	size_t stacks_nr;
	__u64 leaves[3]; /* of the direct map, as last told */
	bool leaves_known;
	bool timed; /* every flush is */
	bool failed;
};

static const char *stack_text(const struct flush_watch *watch, __u32 id)
{
	return id && id < watch->stacks_nr ? watch->stacks[id] : NULL;
}

static struct issuer issuer_of(const struct model_request *request)
{
	if (!request)
		return (struct issuer){ .operation = RECORD_OPERATION_NONE };
	return (struct issuer){ request->operation, request->pgoff_first, request->pgoff_last };
}

static enum flush_size size_of(bool full, __u64 pages)
{
	if (full)
		return FLUSH_SIZE_EVERYTHING;
	return pages <= 1 ? FLUSH_SIZE_ONE : FLUSH_SIZE_FEW;
}

/* A page of memfd_secret becomes absent, and is flushed, where it is first touched: no request is recorded of it. */
static void seen_tell(struct flush_watch *watch, struct flush_seen *seen)
{
	if (seen->operation == RECORD_OPERATION_NONE && seen->inode)
		seen->operation = provider_of(seen->inode->provider)->unrequested;
	watch->observer.seen(watch->observer.context, seen);
}

/* @flushed: what the verdict's sensors said of the same call, NULL: nothing. */
static void pair_tell(struct flush_watch *watch, const struct pair *pair,
		      const struct model_flush *flushed)
{
	const struct record_flush_timed *timed = &pair->timed;
	char comm[RECORD_COMM_LEN + 1] = "";
	bool answers = pair->answers_nr && pair->answers_begin == timed->begin;
	struct flush_seen seen = {
		.size = size_of(timed->bits & RECORD_FLUSH_FULL, timed->pages),
		.begin = timed->begin,
		.end = timed->end,
		.pages = timed->bits & RECORD_FLUSH_FULL ? 0 : timed->pages,
		.covered = flushed ? flushed->covered : 0,
		.tid = timed->header.tid,
		.tgid = timed->header.tgid,
		.cpu = timed->header.cpu,
		.comm = comm,
		.inode = pair->inode,
		.operation = pair->issuer.operation,
		.pgoff_first = pair->issuer.pgoff_first,
		.pgoff_last = pair->issuer.pgoff_last,
		.stack = stack_text(watch, timed->stack),
		.stack_state = (enum record_stack_state)timed->stack_state,
		.weight = timed->weight,
		.timed = timed,
		.late_stack = stack_text(watch, timed->late_stack),
		.answers = answers ? pair->answers : NULL,
		.answers_nr = answers ? pair->answers_nr : 0,
	};
	enum flush_tied tied = !flushed		  ? FLUSH_TIED_NO
			       : flushed->covered ? FLUSH_TIED_COVERED
						  : FLUSH_TIED_NOTHING;

	memcpy(comm, timed->comm, RECORD_COMM_LEN);
	if (pair->leaves_begin == timed->begin)
		seen.leaves = pair->leaves;
	seen.kind = flush_classify(timed, seen.stack, &seen.leaves,
				   pair->issuer.operation != RECORD_OPERATION_NONE, tied);
	seen_tell(watch, &seen);
}

static void timed_settle(struct flush_watch *watch, struct pair *pair)
{
	if (pair->timed_waits)
		pair_tell(watch, pair, NULL);
	pair->timed_waits = false;
}

/* What the verdict's sensors say alone: of a flush there was nothing more to tell, or it was lost. */
static void flush_tell(struct flush_watch *watch, const struct model_flush *flush,
		       const struct issuer *issuer, const struct model_inode *inode)
{
	const struct record_flush_timed like = {
		.routine = flush->routine,
		.bits = RECORD_FLUSH_DIRECT | (flush->full ? RECORD_FLUSH_FULL : 0),
	};
	__u64 pages = flush->full ? 0 : flush->pfn_last - flush->pfn_first + 1;
	struct flush_seen seen = {
		.size = size_of(flush->full, pages),
		.begin = flush->begin,
		.end = flush->end,
		.pages = pages,
		.covered = flush->covered,
		.tid = flush->tid,
		.tgid = flush->tgid,
		.cpu = flush->cpu,
		.comm = inode && inode->tgid == flush->tgid ? inode->comm : "",
		.inode = inode,
		.operation = issuer->operation,
		.pgoff_first = issuer->pgoff_first,
		.pgoff_last = issuer->pgoff_last,
	};

	seen.kind = flush_classify(&like, NULL, NULL, issuer->operation != RECORD_OPERATION_NONE,
				   flush->covered ? FLUSH_TIED_COVERED : FLUSH_TIED_NOTHING);
	seen_tell(watch, &seen);
}

static void flushed_settle(struct flush_watch *watch, struct pair *pair)
{
	if (pair->flushed_waits)
		flush_tell(watch, &pair->flushed, &pair->flushed_issuer, pair->flushed_inode);
	pair->flushed_waits = false;
}

/* Nothing more of its task is to come. */
static void pair_settle(struct flush_watch *watch, struct pair *pair)
{
	flushed_settle(watch, pair);
	timed_settle(watch, pair);
}

/* The place that @tid has, or else the one to take: whose task has been silent longest, or nobody's. */
static struct pair *pair_find(struct flush_watch *watch, __u32 tid)
{
	struct pair *set = &watch->pairs[tid % (SLOTS_NR / WAYS) * WAYS], *silent = set;

	for (struct pair *pair = set; pair < set + WAYS; pair++) {
		if (pair->tid == tid && pair->used)
			return pair;
		if (pair->used < silent->used)
			silent = pair;
	}
	return silent;
}

/* The place of @tid, from now on. */
static struct pair *pair_get(struct flush_watch *watch, __u32 tid)
{
	struct pair *pair = pair_find(watch, tid);

	if (pair->tid != tid) {
		pair_settle(watch, pair);
		pair->tid = tid;
		pair->answers_nr = 0;
	}
	pair->used = ++watch->uses;
	return pair;
}

/* Both are of the same call. */
static void pair_join(struct flush_watch *watch, struct pair *pair)
{
	if (pair->flushed_inode)
		pair->inode = pair->flushed_inode;
	if (pair->flushed_issuer.operation != RECORD_OPERATION_NONE)
		pair->issuer = pair->flushed_issuer;
	pair_tell(watch, pair, &pair->flushed);
	pair->timed_waits = false;
	pair->flushed_waits = false;
}

static bool pair_fits(const struct pair *pair)
{
	return pair->timed_waits && pair->flushed_waits && pair->timed.begin <= pair->flushed.end &&
	       pair->flushed.begin <= pair->timed.end;
}

static void watch_timed(void *context, const struct record_flush_timed *flush,
			const struct model_request *request, const struct model_inode *inode)
{
	struct flush_watch *watch = context;
	struct pair *pair = pair_get(watch, flush->header.tid);

	watch->timed = true;
	timed_settle(watch, pair);
	pair->timed = *flush;
	pair->issuer = issuer_of(request);
	pair->inode = inode;
	pair->timed_waits = true;
	if (pair_fits(pair)) {
		pair_join(watch, pair);
		return;
	}
	flushed_settle(watch, pair);
	if (!(flush->bits & RECORD_FLUSH_DIRECT))
		timed_settle(watch, pair);
}

static bool watch_is_timed(struct flush_watch *watch)
{
	const char *groups = model_fact_find(watch->model, "sensor.groups");

	if (!watch->timed && groups && strtoul(groups, NULL, 10) & SENSOR_GROUP_FLUSHES)
		watch->timed = true;
	return watch->timed;
}

static void watch_flushed(void *context, const struct model_flush *flush,
			  const struct model_request *request, const struct model_inode *inode)
{
	const struct issuer issuer = issuer_of(request);
	struct flush_watch *watch = context;
	struct pair *pair;

	if (!watch_is_timed(watch)) {
		flush_tell(watch, flush, &issuer, inode);
		return;
	}
	pair = pair_get(watch, flush->tid);
	flushed_settle(watch, pair);
	pair->flushed = *flush;
	pair->flushed_issuer = issuer;
	pair->flushed_inode = inode;
	pair->flushed_waits = true;
	if (pair_fits(pair))
		pair_join(watch, pair);
	else
		timed_settle(watch, pair);
}

static void watch_answered(void *context, const struct record_answers *answers)
{
	struct flush_watch *watch = context;
	struct pair *pair = pair_get(watch, answers->header.tid);
	size_t room = pair->answers_room ? pair->answers_room * 2 : RECORD_ANSWERS_NR;
	struct record_answer *more;

	timed_settle(watch, pair);
	if (pair->answers_begin != answers->begin)
		pair->answers_nr = 0;
	pair->answers_begin = answers->begin;
	if (!answers->nr)
		return;
	if (pair->answers_nr + answers->nr > pair->answers_room) {
		more = realloc(pair->answers, room * sizeof(*more));
		if (!more) {
			watch->failed = true;
			return;
		}
		pair->answers = more;
		pair->answers_room = room;
	}
	memcpy(pair->answers + pair->answers_nr, answers->answers,
	       answers->nr * sizeof(*answers->answers));
	pair->answers_nr += answers->nr;
}

/* The numbers when the sensors were armed; false where they were not told. */
static bool leaves_begin(struct flush_watch *watch)
{
	const char *text = model_fact_find(watch->model, RECORD_FACT_LEAVES);
	char *end = NULL;

	for (size_t i = 0; text && i < 3; i++) {
		watch->leaves[i] = strtoull(text, &end, 10);
		text = end == text ? NULL : end;
	}
	return text;
}

static void watch_leaves(void *context, const struct record_leaves *record)
{
	struct flush_watch *watch = context;
	struct pair *pair = pair_get(watch, record->header.tid);

	timed_settle(watch, pair);
	if (!watch->leaves_known)
		watch->leaves_known = leaves_begin(watch);
	pair->leaves_begin = record->begin;
	pair->leaves.known =
		watch->leaves_known && (record->nr[0] || record->nr[1] || record->nr[2]);
	memcpy(pair->leaves.before, watch->leaves, sizeof(watch->leaves));
	memcpy(pair->leaves.after, record->nr, sizeof(record->nr));
	memcpy(watch->leaves, record->nr, sizeof(record->nr));
	watch->leaves_known = true;
}

static void watch_stack(void *context, const struct record_stack *stack)
{
	struct flush_watch *watch = context;
	size_t nr = watch->stacks_nr ? watch->stacks_nr : 256;
	char **stacks;

	if (!stack->id || stack->id >= STACKS_MAX)
		return;
	while (nr <= stack->id)
		nr *= 2;
	if (nr != watch->stacks_nr) {
		stacks = realloc(watch->stacks, nr * sizeof(char *));
		if (!stacks) {
			watch->failed = true;
			return;
		}
		memset(stacks + watch->stacks_nr, 0, (nr - watch->stacks_nr) * sizeof(char *));
		watch->stacks = stacks;
		watch->stacks_nr = nr;
	}
	/* Who comes late is told again what others know. */
	if (watch->stacks[stack->id])
		return;
	watch->stacks[stack->id] = strdup(record_stack_text(stack));
	if (!watch->stacks[stack->id])
		watch->failed = true;
}

struct flush_watch *flush_watch_create(struct model *model, const struct flush_observer *observer)
{
	struct flush_watch *watch = calloc(1, sizeof(*watch));
	struct model_observer watches = {
		.context = watch,
		.flushed = watch_flushed,
		.flush_timed = watch_timed,
		.answered = watch_answered,
		.leaves_counted = watch_leaves,
		.stack_met = watch_stack,
	};

	if (!watch)
		return NULL;
	watch->model = model;
	watch->observer = *observer;
	if (!model_observe(model, &watches))
		return watch;
	free(watch);
	return NULL;
}

void flush_watch_finish(struct flush_watch *watch)
{
	for (size_t i = 0; i < SLOTS_NR; i++)
		pair_settle(watch, &watch->pairs[i]);
}

bool flush_watch_failed(const struct flush_watch *watch)
{
	return watch->failed;
}

void flush_watch_free(struct flush_watch *watch)
{
	if (!watch)
		return;
	for (size_t i = 0; i < SLOTS_NR; i++)
		free(watch->pairs[i].answers);
	for (size_t i = 0; i < watch->stacks_nr; i++)
		free(watch->stacks[i]);
	free(watch->stacks);
	free(watch);
}
