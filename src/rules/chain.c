// SPDX-License-Identifier: GPL-2.0
/*
 * The chain of events that proves an accusation: those that its rule names, and no other. What the
 * callback had at hand is taken from there; what came before is looked up in the events kept.
 */
#include "rules/rule.h"

#define LOOKS_MAX 64 /* events of the page, from the newest on */

struct chain {
	struct verdict_violation *told;
	struct model_event seen[LOOKS_MAX]; /* of the page, oldest first */
	size_t seen_nr;
};

/* In order of time; what is known to happen at the same time keeps the order of the calls. */
static void chain_add(struct chain *chain, const struct model_event *event)
{
	struct verdict_violation *told = chain->told;
	size_t at = told->events_nr;

	if (at == VERDICT_EVENTS_MAX)
		return;
	for (; at && told->events[at - 1].time > event->time; at--)
		told->events[at] = told->events[at - 1];
	told->events[at] = *event;
	told->events_nr++;
}

static void chain_request(struct chain *chain, const struct model_request *request)
{
	struct model_event event = {
		.time = request->begin,
		.kind = RECORD_REQUEST_BEGIN,
		.operation = (__u16)request->operation,
		.cpu = request->cpu,
		.tid = request->tid,
		.tgid = request->tgid,
		.inode = request->inode ? (__u32)request->inode->number : 0,
		.state = request->state,
		.mode = request->mode,
		.first = request->pgoff_first,
		.last = request->pgoff_last,
	};

	if (request->begin)
		chain_add(chain, &event);
	if (!request->end)
		return;
	event.kind = RECORD_REQUEST_END;
	event.time = request->end;
	event.result = (__s32)request->result;
	chain_add(chain, &event);
}

static void chain_zap(struct chain *chain, const struct model_zap *zap)
{
	const struct model_event event = {
		.time = zap->end,
		.kind = RECORD_ZAP,
		.operation = zap->routine,
		.cpu = zap->cpu,
		.tid = zap->tid,
		.tgid = zap->tgid,
		.inode = zap->inode ? (__u32)zap->inode->number : 0,
		.state = zap->valid,
		.result = zap->result,
		.first = zap->pfn,
		.last = zap->pfn + zap->nr - 1,
	};

	chain_add(chain, &event);
}

static void chain_flush(struct chain *chain, const struct model_flush *flush)
{
	const struct model_event event = {
		.time = flush->end,
		.kind = RECORD_FLUSH,
		.operation = flush->routine,
		.cpu = flush->cpu,
		.tid = flush->tid,
		.tgid = flush->tgid,
		.state = flush->full,
		.first = flush->pfn_first,
		.last = flush->pfn_last,
	};

	chain_add(chain, &event);
}

/* Two reads that say the same, from the begin of the first to the end of the second; or one, at its end. */
static void chain_reads(struct chain *chain, const struct accusation *accusation, __u64 begin,
			__u64 end)
{
	const struct model_read *read = accusation->read;
	struct model_event event = {
		.time = begin,
		.kind = RECORD_SNAPSHOT_END,
		.operation = (__u16)(read ? read->xarray : MODEL_EITHER),
		.inode = (__u32)accusation->inode->number,
		.state = read ? read->table : accusation->promised->table,
		.mode = read ? read->left : 0,
		.first = accusation->pgoff,
		.last = accusation->pgoff + accusation->nr - 1,
	};

	chain_add(chain, &event);
	if (begin == end)
		return;
	event.time = end;
	chain_add(chain, &event);
}

static void chain_conversion(struct chain *chain, const struct model_conversion *conversion)
{
	const struct model_event event = {
		.time = conversion->end,
		.kind = RECORD_PROMISE,
		.tid = conversion->tid,
		.state = !conversion->is_private,
		.result = (__s32)conversion->result,
		.first = conversion->gfn_first,
		.last = conversion->gfn_first + conversion->gfn_nr - 1,
	};

	if (conversion->begin)
		chain_add(chain, &event);
}

static bool event_declares(const struct model_event *event)
{
	return event->kind == RECORD_REQUEST_END &&
	       (event->operation == RECORD_OPERATION_SET_RANGE ||
		event->operation == RECORD_OPERATION_SET_FOLIO ||
		event->operation == RECORD_OPERATION_FOLIO_ZAP);
}

static bool event_joins(const struct model_event *event)
{
	return event->kind == RECORD_JOIN;
}

static bool event_changes(const struct model_event *event)
{
	return event_joins(event) || (event->kind == RECORD_ZAP && !event->result);
}

static bool event_zaps(const struct model_event *event)
{
	return event->kind == RECORD_ZAP && !event->result && !event->state;
}

static bool event_restores(const struct model_event *event)
{
	return event->kind == RECORD_ZAP && !event->result && event->state;
}

static bool event_frees(const struct model_event *event)
{
	return event->kind == RECORD_PAGE_FREE;
}

static bool event_fails(const struct model_event *event)
{
	return event->kind == RECORD_REQUEST_END && event->result < 0 &&
	       event->operation == RECORD_OPERATION_UPDATE_XARRAY;
}

static bool event_reaches(const struct model_event *event)
{
	return event->kind == RECORD_GUEST_MAPPED;
}

static bool event_flushes(const struct model_event *event)
{
	return event->kind == RECORD_FLUSH;
}

/* The newest like that in [since, until], or NULL. */
static const struct model_event *chain_find(const struct chain *chain,
					    bool (*like)(const struct model_event *), __u64 since,
					    __u64 until)
{
	for (size_t i = chain->seen_nr; i--;) {
		const struct model_event *event = &chain->seen[i];

		if (event->time >= since && event->time <= until && like(event))
			return event;
	}
	return NULL;
}

static void chain_add_found(struct chain *chain, bool (*like)(const struct model_event *),
			    __u64 since, __u64 until)
{
	const struct model_event *event = chain_find(chain, like, since, until);

	if (event)
		chain_add(chain, event);
}

/*
 * What made the page as it was at @until: of its changes the first since it was otherwise. One that
 * was never otherwise is as it came.
 */
static void chain_before(struct chain *chain, __u64 until)
{
	const struct model_event *flip = NULL;
	bool otherwise = false;

	for (size_t i = chain->seen_nr; i-- && !otherwise;) {
		const struct model_event *event = &chain->seen[i];

		if (event->time > until || event->kind != RECORD_ZAP || event->result)
			continue;
		otherwise = flip && event->state != flip->state;
		flip = otherwise ? flip : event;
	}
	if (flip && (otherwise || !flip->state))
		chain_add(chain, flip);
	else
		chain_add_found(chain, event_joins, 0, until);
}

/* Where the request that ended so began, or NULL. */
static const struct model_event *chain_begin(const struct chain *chain,
					     const struct model_event *end)
{
	for (size_t i = (size_t)(end - chain->seen); i--;) {
		const struct model_event *event = &chain->seen[i];

		if (event->kind == RECORD_REQUEST_BEGIN && event->tid == end->tid &&
		    event->operation == end->operation && event->first == end->first &&
		    event->last == end->last)
			return event;
	}
	return NULL;
}

static void chain_name_event(struct chain *chain, const struct model_event *end,
			     const struct model_event *begin)
{
	chain->told->request = (struct verdict_request){
		.operation = end->operation,
		.state = end->state,
		.mode = end->mode,
		.pgoff_first = end->first,
		.pgoff_last = end->last,
		.begin = begin ? begin->time : 0,
		.end = end->time,
		.result = end->result,
		.tid = end->tid,
		.tgid = end->tgid,
		.cpu = end->cpu,
	};
}

/* @proof: it is part of the chain, too. */
static void chain_asked(struct chain *chain, __u64 until, bool proof)
{
	const struct model_event *end = chain_find(chain, event_declares, 0, until);
	const struct model_event *begin = end ? chain_begin(chain, end) : NULL;

	if (!end)
		return;
	chain_name_event(chain, end, begin);
	if (!proof)
		return;
	if (begin)
		chain_add(chain, begin);
	chain_add(chain, end);
}

/* The newest request that ends right before @pgoff, or begins there, and that asked for @state. */
static const struct model_event *chain_find_edge(struct chain *chain, __u64 pgoff, bool begins,
						 bool state)
{
	for (size_t i = chain->seen_nr; i--;) {
		const struct model_event *event = &chain->seen[i];

		if (event_declares(event) && !event->result && event->state == state &&
		    (begins ? event->first : event->last) == pgoff)
			return event;
	}
	return NULL;
}

/*
 * A request beside the pages, which asked for what they are said to be, and later than any that
 * covered them: its range was taken for a larger one.
 */
static void chain_beside(struct chain *chain, const struct model *model,
			 const struct accusation *accusation, enum model_state is)
{
	__u64 behind = accusation->pgoff + accusation->nr;

	for (int begins = 0; begins < 2; begins++) {
		__u64 pgoff = begins ? behind : accusation->pgoff - 1;
		const struct model_event *event;

		if (!begins && !accusation->pgoff)
			continue;
		chain->seen_nr = model_page_events(model, accusation->inode, pgoff, 0,
						   accusation->from, chain->seen, LOOKS_MAX);
		event = chain_find_edge(chain, pgoff, begins, is == MODEL_PRESENT);
		if (event && event->time > chain->told->request.end)
			chain_name_event(chain, event, chain_begin(chain, event));
	}
}

static void chain_name(struct verdict_violation *told, const struct model_request *request)
{
	told->request = (struct verdict_request){
		.operation = request->operation,
		.accused = true,
		.state = request->state,
		.mode = request->mode,
		.pgoff_first = request->pgoff_first,
		.pgoff_last = request->pgoff_last,
		.begin = request->begin,
		.end = request->end,
		.result = request->result,
		.tid = request->tid,
		.tgid = request->tgid,
		.cpu = request->cpu,
	};
}

static void chain_promise(struct chain *chain, const struct accusation *accusation)
{
	const struct model_promised *promised = accusation->promised;

	chain->told->conversion = promised->last;
	chain->told->gfn = promised->gfn;
	chain->told->gfn_known = true;
	chain->told->slots_before = promised->slots_before;
	/* Where no conversion is accused the reads have all that is said. */
	if (promised->how == MODEL_HALF_CONVERTED || promised->how == MODEL_HALF_ATTRIBUTED)
		chain_conversion(chain, &promised->last);
	chain_reads(chain, accusation, promised->begin, promised->end);
}

/* What the task is in the middle of, or NULL. */
static const struct model_request *request_inside(const struct model *model, __u32 tid)
{
	const struct model_request *request, *innermost = NULL;

	for (size_t i = 0; (request = model_request_open(model, i)); i++) {
		if (request->tid == tid && (!innermost || request->depth > innermost->depth))
			innermost = request;
	}
	return innermost;
}

static void chain_moved(struct chain *chain, const struct model *model,
			const struct model_moved *moved)
{
	const struct model_request *request = request_inside(model, moved->tid);
	bool came = moved->move == MODEL_JOINED || moved->move == MODEL_PREPARED;
	const struct model_event event = {
		.time = moved->time,
		.kind = came ? RECORD_JOIN : RECORD_LEAVE,
		.cpu = moved->cpu,
		.tid = moved->tid,
		.tgid = moved->tgid,
		.inode = moved->inode ? (__u32)moved->inode->number : 0,
		.state = moved->move == MODEL_PREPARED,
		.first = came ? moved->pgoff : moved->pfn,
		.last = (came ? moved->pgoff : moved->pfn) + moved->nr - 1,
	};

	if (request)
		chain_name(chain->told, request);
	chain_add(chain, &event);
}

static void chain_slept(struct chain *chain, const struct model_slept *slept)
{
	const struct model_request *request = slept->request;
	const struct model_event event = {
		.time = slept->time,
		.kind = RECORD_SLEEP,
		.cpu = slept->cpu,
		.tid = request->tid,
		.tgid = request->tgid,
		.inode = request->inode ? (__u32)request->inode->number : 0,
		.state = slept->preempt_count,
		.mode = slept->might,
		.first = request->pgoff_first,
		.last = request->pgoff_last,
	};

	chain_add(chain, &event);
}

static void chain_stale(struct chain *chain, const struct model_stale *stale)
{
	const struct model_event event = {
		.time = stale->time,
		.kind = RECORD_STALE,
		.cpu = stale->cpu,
		.tid = stale->zap->tid,
		.tgid = stale->zap->tgid,
		.inode = (__u32)stale->zap->inode->number,
		.first = stale->pfn,
		.last = stale->pfn,
	};

	chain_add(chain, &event);
}

/* The walk that found it, and the first pass in which it had been so for long enough. */
static void chain_map(struct chain *chain, const struct accusation *accusation)
{
	const struct map *map = accusation->map;
	const struct map_run_of *run = accusation->absent;
	struct model_event event = {
		.time = map->walked,
		.kind = RECORD_MAP_END,
		.operation = (__u16)run->owner,
		.first = run->pfn,
		.last = run->pfn + run->nr - 1,
	};

	chain_add(chain, &event);
	event.time = map->settled;
	event.mode = map->settled_pass;
	chain_add(chain, &event);
}

static void chain_given(struct chain *chain, const struct model *model,
			const struct accusation *accusation)
{
	if (accusation->request) {
		chain_name(chain->told, accusation->request);
		chain_request(chain, accusation->request);
	}
	if (accusation->other)
		chain_request(chain, accusation->other);
	if (accusation->zap)
		chain_zap(chain, accusation->zap);
	if (accusation->flush)
		chain_flush(chain, accusation->flush);
	if (accusation->read)
		chain_reads(chain, accusation, accusation->from, accusation->to);
	if (accusation->promised)
		chain_promise(chain, accusation);
	if (accusation->map)
		chain_map(chain, accusation);
	if (accusation->slept)
		chain_slept(chain, accusation->slept);
	if (accusation->stale)
		chain_stale(chain, accusation->stale);
	if (accusation->reached && accusation->reached->conversion)
		chain->told->conversion = *accusation->reached->conversion;
	if (accusation->moved)
		chain_moved(chain, model, accusation->moved);
}

static void chain_looked_up(struct chain *chain, const struct accusation *accusation)
{
	__u64 from = accusation->from, to = accusation->to;

	if (accusation->chain & (CHAIN_ASKED | CHAIN_NAMED))
		chain_asked(chain, accusation->read ? from : to, accusation->chain & CHAIN_ASKED);
	if (accusation->chain & CHAIN_BEFORE)
		chain_before(chain, from);
	if (accusation->chain & CHAIN_CHANGE)
		chain_add_found(chain, event_zaps, 0, to);
	if (accusation->chain & CHAIN_RETURN)
		chain_add_found(chain, event_restores, 0, to);
	if (accusation->chain & CHAIN_FREE)
		chain_add_found(chain, event_frees, from, to);
	if (accusation->chain & CHAIN_XARRAY)
		chain_add_found(chain, event_fails, from, to);
	if (accusation->chain & CHAIN_CAME)
		chain_add_found(chain, event_changes, from, to);
	if (accusation->chain & CHAIN_REACHED)
		chain_add_found(chain, event_reaches, 0,
				accusation->zap ? accusation->zap->end : to);
	if (accusation->chain & CHAIN_EXPOSED) {
		chain_add_found(chain, event_zaps, from, from);
		chain_add_found(chain, event_flushes, from, to);
	}
}

void chain_make(const struct model *model, const struct accusation *accusation,
		struct verdict_violation *told)
{
	struct chain chain = { .told = told };

	told->pfn = accusation->pfn;
	chain_given(&chain, model, accusation);
	if (!accusation->chain)
		return;
	chain.seen_nr = model_page_events(model, accusation->inode, accusation->pgoff,
					  accusation->pfn, accusation->to, chain.seen, LOOKS_MAX);
	chain_looked_up(&chain, accusation);
	if (accusation->read && accusation->chain & (CHAIN_ASKED | CHAIN_NAMED))
		chain_beside(&chain, model, accusation,
			     accusation->chain & CHAIN_ASKED ? accusation->read->xarray
							     : accusation->read->table);
}
