// SPDX-License-Identifier: GPL-2.0
/* From what the model tells its observers to the steps of a page's story. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "gmemtrace/flush.h"
#include "gmemtrace/story.h"

#define STEPS_FIRST 64
#define STACK_NS 1000000000ULL /* a flush's stack is told of soon, or its step is not looked for */
#define LOOK_BACK 4096 /* steps: what one request may have changed */

struct story {
	struct model *model;
	struct story_subject subject;
	const struct model_inode *inode; /* NULL: not met yet */
	__u64 pgoff; /* FRAME: which page of `inode` it is, or was last */
	bool backs; /* FRAME: it is that page now */
	__u64 left; /* PAGES, one page: the pfn that it had last, while nobody else has it; 0 none */
	struct story_step *steps;
	size_t nr, room;
	__u64 untold;
	struct flush_watch *watch; /* of flushes whose stacks were taken; has their texts */
	size_t flushed; /* index + 1 of the last step that a flush ended whose extent is still to come */
	bool failed; /* memory */
};

/* What of [pgoff, pgoff + nr), whose frames begin at @pfn, the story is about. */
struct part {
	__u64 pgoff, nr, pfn;
};

static bool part_clip(__u64 first, __u64 last, struct part *part)
{
	__u64 end = part->pgoff + part->nr - 1, skip;

	if (!part->nr || part->pgoff > last || end < first)
		return false;
	skip = part->pgoff < first ? first - part->pgoff : 0;
	part->pgoff += skip;
	part->pfn += part->pfn ? skip : 0;
	part->nr = (end < last ? end : last) - part->pgoff + 1;
	return true;
}

static bool subject_is(const struct story *story, const struct model_inode *inode)
{
	const struct story_subject *subject = &story->subject;

	if (!inode)
		return false;
	if (subject->inode)
		return inode->number == subject->inode;
	return subject->i_ino && inode->i_ino == subject->i_ino;
}

/* Pages of @inode, by where they are. */
static bool story_covers(struct story *story, const struct model_inode *inode, struct part *part)
{
	if (story->subject.about == STORY_FRAME)
		return inode && inode == story->inode && story->backs &&
		       part_clip(story->pgoff, story->pgoff, part);
	return subject_is(story, inode) &&
	       part_clip(story->subject.first, story->subject.last, part);
}

/* Pages whose frames are known: a frame is recognised by itself, and is where they are. */
static bool story_holds(struct story *story, const struct model_inode *inode, struct part *part)
{
	__u64 skip;

	if (story->subject.about != STORY_FRAME)
		return story_covers(story, inode, part);
	if (!part->pfn || story->subject.pfn < part->pfn ||
	    story->subject.pfn - part->pfn >= part->nr)
		return false;
	skip = story->subject.pfn - part->pfn;
	*part = (struct part){ .pgoff = part->pgoff + skip, .nr = 1, .pfn = story->subject.pfn };
	if (inode) {
		story->inode = inode;
		story->pgoff = part->pgoff;
	}
	return true;
}

static bool steps_room(struct story *story)
{
	size_t room = story->room ? story->room * 2 : STEPS_FIRST;
	struct story_step *more;

	if (story->nr < story->room)
		return true;
	more = story->failed ? NULL : realloc(story->steps, room * sizeof(*more));
	story->failed = !more;
	if (!more)
		return false;
	story->steps = more;
	story->room = room;
	return true;
}

static struct story_step *step_add(struct story *story, enum story_kind kind, __u64 time)
{
	struct story_step *step;

	if (story->nr == STORY_STEPS_MAX || !steps_room(story) || !story->steps) {
		story->untold++;
		return NULL;
	}
	step = &story->steps[story->nr++];
	*step = (struct story_step){ .kind = kind, .time = time };
	return step;
}

static void step_place(struct story_step *step, const struct model_inode *inode,
		       const struct part *part)
{
	step->inode = inode ? inode->number : 0;
	step->pgoff = part->pgoff;
	step->nr = part->nr;
	step->pfn = part->pfn;
}

static void step_task(struct story_step *step, __u32 tid, __u32 tgid, __u32 cpu)
{
	step->tid = tid;
	step->tgid = tgid;
	step->cpu = cpu;
}

/* The thread's outermost request that is open, or @request. */
static const struct model_request *request_outermost(const struct story *story,
						     const struct model_request *request)
{
	const struct model_request *open;

	if (!request->depth)
		return request;
	for (size_t i = 0; (open = model_request_open(story->model, i)); i++) {
		if (open->tid == request->tid && !open->depth)
			return open;
	}
	return request;
}

static void step_request(const struct story *story, struct story_step *step,
			 const struct model_request *request)
{
	if (!request)
		return;
	step->request = (struct story_request){
		.id = request->id,
		.operation = request->operation,
		.outer = request_outermost(story, request)->operation,
		.state = request->state,
		.mode = request->mode,
		.first = request->pgoff_first,
		.last = request->pgoff_last,
		.begin = request->begin,
		.end = request->end,
		.result = request->result,
	};
}

/* The innermost request of @tid that covers @pgoff. */
static const struct model_request *request_of(const struct story *story, __u32 tid,
					      const struct model_inode *inode, __u64 pgoff)
{
	const struct model_request *open, *found = NULL;

	for (size_t i = 0; (open = model_request_open(story->model, i)); i++) {
		if (open->tid != tid || open->inode != inode || pgoff < open->pgoff_first ||
		    pgoff > open->pgoff_last)
			continue;
		if (!found || open->depth > found->depth)
			found = open;
	}
	return found;
}

static void on_inode_met(void *context, const struct model_inode *inode)
{
	struct story *story = context;
	struct story_step *step;

	if (story->subject.about == STORY_FRAME || !subject_is(story, inode) || story->inode)
		return;
	story->inode = inode;
	step = step_add(story, STORY_MET, inode->met);
	if (step)
		step->inode = inode->number;
}

static void on_inode_dead(void *context, const struct model_inode *inode, __u64 time)
{
	struct story *story = context;
	struct story_step *step;

	if (story->inode != inode || (story->subject.about == STORY_FRAME && !story->backs))
		return;
	story->backs = false;
	step = step_add(story, STORY_RELEASED, time);
	if (step)
		step->inode = inode->number;
}

/* The frame that the page had now backs somebody else's. */
static void story_taken(struct story *story, const struct model_moved *moved)
{
	struct story_step *step;
	struct part part;

	if (!story->left || moved->move != MODEL_JOINED || story->left < moved->pfn ||
	    story->left - moved->pfn >= moved->nr)
		return;
	part = (struct part){ .pgoff = moved->pgoff + (story->left - moved->pfn),
			      .nr = 1,
			      .pfn = story->left };
	story->left = 0;
	step = step_add(story, STORY_TAKEN, moved->time);
	if (!step)
		return;
	step_place(step, moved->inode, &part);
	step_task(step, moved->tid, moved->tgid, moved->cpu);
}

static enum story_kind move_kind(enum model_move move)
{
	switch (move) {
	case MODEL_JOINED:
		return STORY_JOINED;
	case MODEL_PREPARED:
		return STORY_PREPARED;
	case MODEL_LEFT:
		return STORY_LEFT;
	default:
		return STORY_FREED;
	}
}

/* A free names a frame: the page is the one that it was last. */
static bool story_freed(const struct story *story, const struct model_moved *moved)
{
	return story->subject.about != STORY_FRAME && moved->move == MODEL_FREED &&
	       story->left != moved->pfn;
}

static void story_move(struct story *story, const struct model_moved *moved,
		       const struct part *part)
{
	struct story_step *step = step_add(story, move_kind(moved->move), moved->time);

	if (story->subject.first == story->subject.last && moved->move == MODEL_LEFT)
		story->left = part->pfn;
	if (moved->move != MODEL_FREED)
		story->backs = moved->move != MODEL_LEFT;
	if (!step)
		return;
	step_place(step, moved->inode, part);
	step_task(step, moved->tid, moved->tgid, moved->cpu);
	step->absent = moved->absent;
	step_request(story, step, request_of(story, moved->tid, moved->inode, part->pgoff));
	if (moved->move != MODEL_JOINED || !moved->prepared)
		return;
	step = step_add(story, STORY_PREPARED, moved->time);
	if (!step)
		return;
	step_place(step, moved->inode, part);
	step_task(step, moved->tid, moved->tgid, moved->cpu);
}

static void on_moved(void *context, const struct model_moved *moved)
{
	struct part part = { .pgoff = moved->pgoff, .nr = moved->nr, .pfn = moved->pfn };
	struct story *story = context;

	if (!story_holds(story, moved->inode, &part))
		story_taken(story, moved);
	else if (!story_freed(story, moved))
		story_move(story, moved, &part);
}

static void on_zapped(void *context, const struct model_zap *zap,
		      const struct model_request *request)
{
	struct part part = { .pgoff = zap->pgoff, .nr = zap->nr, .pfn = zap->pfn };
	struct story *story = context;
	struct story_step *step;

	if (!story_holds(story, zap->inode, &part))
		return;
	step = step_add(story, STORY_CHANGED, zap->end);
	if (!step)
		return;
	step_place(step, zap->inode, &part);
	step_task(step, zap->tid, zap->tgid, zap->cpu);
	step_request(story, step, request);
	step->present = zap->valid;
	step->result = zap->result;
	step->run = zap->run;
	step->again = zap->redundant || (zap->valid && zap->before == MODEL_PRESENT);
}

static void on_exposure_ended(void *context, const struct model_exposure *exposure)
{
	struct part part = { .pgoff = exposure->pgoff, .nr = exposure->nr };
	struct story *story = context;
	struct story_step *step;

	if (!story_covers(story, exposure->inode, &part))
		return;
	step = step_add(story, STORY_FLUSHED, exposure->end);
	if (!step)
		return;
	step_place(step, exposure->inode, &part);
	step->exposed = exposure->end - exposure->begin;
	step->own = exposure->own;
	story->flushed = story->nr;
}

/* Told right behind the exposures that it ended. */
static void on_flushed(void *context, const struct model_flush *flush,
		       const struct model_request *request, const struct model_inode *inode)
{
	struct story *story = context;

	(void)inode;
	for (size_t i = story->flushed; i > 0; i--) {
		struct story_step *step = &story->steps[i - 1];

		if (step->kind != STORY_FLUSHED || step->time != flush->end || step->flush_begin)
			break;
		step->flush_begin = flush->begin;
		step->flush_pages = flush->full ? 0 : flush->pfn_last - flush->pfn_first + 1;
		step_task(step, flush->tid, flush->tgid, flush->cpu);
		if (step->own)
			step_request(story, step, request);
	}
	story->flushed = 0;
}

static void on_flush_judged(void *context, const struct model_flush_judgement *judgement)
{
	struct part part = { .pgoff = judgement->pgoff,
			     .nr = judgement->nr,
			     .pfn = judgement->pfn };
	struct story *story = context;
	struct story_step *step;

	/* What a CPU left undone is no step of the page's. */
	if (judgement->coverage == MODEL_COVERED || judgement->coverage == MODEL_UNANSWERED ||
	    !story_holds(story, judgement->zap->inode, &part))
		return;
	step = step_add(story, STORY_UNFLUSHED, judgement->time);
	if (!step)
		return;
	step_place(step, judgement->zap->inode, &part);
	step_task(step, judgement->zap->tid, judgement->zap->tgid, judgement->zap->cpu);
	step_request(story, step, judgement->request);
	step->exposed =
		judgement->time > judgement->zap->end ? judgement->time - judgement->zap->end : 0;
	step->missed = judgement->coverage == MODEL_MISCOVERED;
	step->otherwise = judgement->coverage == MODEL_OTHERWISE;
}

/* Steps that are a part of @request learn how it ended. true: there are such. */
static bool request_close(struct story *story, const struct model_request *request)
{
	bool found = false;

	for (size_t i = story->nr; i > 0 && story->nr - i < LOOK_BACK; i--) {
		struct story_step *step = &story->steps[i - 1];

		if (step->time < request->begin)
			break;
		if (step->request.id != request->id)
			continue;
		step->request.end = request->end;
		step->request.result = request->result;
		found |= step->kind != STORY_REQUESTED;
	}
	return found;
}

/* What succeeded and changed nothing is worth a step where it asked for something. */
static bool request_tells(const struct model_request *request)
{
	switch (request->operation) {
	case RECORD_OPERATION_UPDATE_XARRAY:
		return false;
	case RECORD_OPERATION_CONFIGURE:
	case RECORD_OPERATION_CONFIGURE_BATCH:
	case RECORD_OPERATION_FALLOCATE:
	case RECORD_OPERATION_RELEASE:
		return request->result < 0;
	default:
		return true;
	}
}

static void on_request_ended(void *context, const struct model_request *request)
{
	struct story *story = context;
	struct part part = { .pgoff = request->pgoff_first };
	bool found = request_close(story, request);
	struct story_step *step;

	if (request->pgoff_last < request->pgoff_first)
		return;
	part.nr = request->pgoff_last - request->pgoff_first + 1;
	if (!part.nr)
		part.nr = ~0ULL;
	if (!story_covers(story, request->inode, &part) || !request_tells(request))
		return;
	if (found && request->result >= 0)
		return;
	step = step_add(story, STORY_REQUESTED, request->end);
	if (!step)
		return;
	step_place(step, request->inode, &part);
	step_task(step, request->tid, request->tgid, request->cpu);
	step_request(story, step, request);
}

static bool read_repeats(const struct story_step *last, const struct story_step *read)
{
	return last->kind == STORY_READ && last->inode == read->inode &&
	       last->pgoff == read->pgoff && last->nr == read->nr && last->bits == read->bits &&
	       last->pfn == read->pfn && last->differs == read->differs &&
	       last->declared == read->declared && last->applied == read->applied;
}

/* The same read of the next pages, which are alike; their frames may stand anywhere. */
static bool read_goes_on(const struct story_step *last, const struct story_step *read)
{
	struct story_step next = *last;

	next.pgoff = read->pgoff;
	next.nr = read->nr;
	next.pfn = read->pfn;
	return last->reads == 1 && last->time == read->time && last->settled == read->settled &&
	       last->pgoff + last->nr == read->pgoff && read_repeats(&next, read);
}

static void on_page_read(void *context, const struct model_read *read)
{
	struct part part = { .pgoff = read->pgoff, .nr = read->nr, .pfn = read->pfn };
	struct story *story = context;
	struct story_step step = { .kind = STORY_READ, .time = read->end }, *last;

	if (!story_holds(story, read->inode, &part))
		return;
	story->backs = true;
	step_place(&step, read->inode, &part);
	step.bits = read->bits;
	step.differs = read->differs;
	step.proven = read->proven;
	step.settled = read->settled;
	step.declared = read->declared;
	step.applied = read->applied;
	step.xarray = read->xarray;
	step.table = read->table;
	step.reads = 1;
	last = story->nr ? &story->steps[story->nr - 1] : NULL;
	if (last && read_goes_on(last, &step)) {
		last->nr += step.nr;
		return;
	}
	if (last && read_repeats(last, &step)) {
		last->reads++;
		last->time = step.time;
		last->proven |= step.proven;
		last->settled |= step.settled;
		return;
	}
	last = step_add(story, STORY_READ, step.time);
	if (last)
		*last = step;
}

static void on_doubt(void *context, const struct model_doubt *doubt)
{
	struct story *story = context;
	struct story_step *step = story->nr ? &story->steps[story->nr - 1] : NULL;

	if (doubt->inode && doubt->inode != story->inode && !subject_is(story, doubt->inode))
		return;
	if (step && step->kind == STORY_LOST && step->cause == doubt->cause) {
		step->time = doubt->until > step->time ? doubt->until : step->time;
		step->since = doubt->since < step->since ? doubt->since : step->since;
		step->lost += doubt->count;
		return;
	}
	step = step_add(story, STORY_LOST, doubt->until);
	if (!step)
		return;
	step->inode = doubt->inode ? doubt->inode->number : 0;
	step->since = doubt->since;
	step->lost = doubt->count;
	step->cause = doubt->reason == MODEL_DOUBT_LOSS ? doubt->cause : RECORD_LOSS_NONE;
}

/* Told behind on_flushed() where both sensors saw it. */
static void on_flush_seen(void *context, const struct flush_seen *flush)
{
	struct story *story = context;

	for (size_t i = story->nr; flush->stack && i > 0 && story->nr - i < LOOK_BACK; i--) {
		struct story_step *step = &story->steps[i - 1];

		if (step->time + STACK_NS < flush->begin)
			return;
		if (step->kind == STORY_FLUSHED && step->tid == flush->tid &&
		    step->flush_begin <= flush->end && flush->begin <= step->time)
			step->stack = flush->stack;
	}
}

struct story *story_create(struct model *model, const struct story_subject *subject)
{
	struct story *story = calloc(1, sizeof(*story));
	struct model_observer observer = {
		.context = story,
		.inode_met = on_inode_met,
		.inode_dead = on_inode_dead,
		.request_ended = on_request_ended,
		.zapped = on_zapped,
		.flushed = on_flushed,
		.flush_judged = on_flush_judged,
		.exposure_ended = on_exposure_ended,
		.page_read = on_page_read,
		.moved = on_moved,
		.doubt = on_doubt,
	};
	const struct flush_observer flushes = { .context = story, .seen = on_flush_seen };
	size_t before = model_observers(model);

	if (!story)
		return NULL;
	story->model = model;
	story->subject = *subject;
	if (!model_observe(model, &observer))
		story->watch = flush_watch_create(model, &flushes);
	if (story->watch)
		return story;
	model_observers_drop(model, before);
	free(story);
	return NULL;
}

void story_free(struct story *story)
{
	if (!story)
		return;
	flush_watch_free(story->watch);
	free(story->steps);
	free(story);
}

const struct story_subject *story_subject(const struct story *story)
{
	return &story->subject;
}

const struct model *story_model(const struct story *story)
{
	return story->model;
}

const struct story_step *story_step(const struct story *story, size_t index)
{
	return index < story->nr ? &story->steps[index] : NULL;
}

size_t story_steps(const struct story *story)
{
	return story->nr;
}

__u64 story_untold(const struct story *story)
{
	return story->untold;
}

const struct model_inode *story_inode(const struct story *story)
{
	return story->inode;
}

__u64 story_pgoff(const struct story *story)
{
	return story->subject.about == STORY_FRAME ? story->pgoff : story->subject.first;
}
