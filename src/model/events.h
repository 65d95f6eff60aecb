/* SPDX-License-Identifier: GPL-2.0 */
/* The events that the model keeps, for chains. src/model alone includes this. */
#ifndef GMEMTRACE_MODEL_EVENTS_H
#define GMEMTRACE_MODEL_EVENTS_H

#include "model/state.h"

#define EVENT_FAR ((1ULL << 48) - 1) /* no page has such an offset or pfn */

/* struct model_event, in less memory: where there are many, touching it is what they cost. */
struct event {
	__u64 time;
	/* 48 bits; operation 7, EVENT_FLUSHED, kind 7, state 1: bit fields would be written one by one. */
	__u64 first;
	__u64 last; /* 48 bits; cpu 16 */
	__u32 tid, tgid, inode;
	__s32 result; /* EVENT_FLUSHED: ns, from the change to the end of its flush */
};

#define EVENT_FLUSHED (1ULL << 55) /* a change of a page whose flush of it alone came next */
#define EVENT_FLUSH_NS 0x7fffffffU

_Static_assert(sizeof(struct event) == 40, "events are packed");

/* event.c */
void events_enlarge(struct model *model);
/* Where the next one goes, to be written whole. NULL: no memory. */
static inline struct event *event_next(struct model *model)
{
	/* Growth happens only before the first wrap, so nothing has to be moved. */
	if (model->events_nr == model->events_room)
		events_enlarge(model);
	if (!model->events_room)
		return NULL;
	return &model->events[model->events_nr++ & (model->events_room - 1)];
}

static inline __u64 event_near(__u64 place)
{
	return place < EVENT_FAR ? place : EVENT_FAR;
}

/* Of what comes by the million the parts are constants, or at hand: all of it is to be inlined. */
__attribute__((always_inline)) static inline void event_add(struct model *model,
							    const struct model_event *event)
{
	struct event *place = event_next(model);

	if (!place)
		return;
	place->time = event->time;
	place->first = event_near(event->first) | (__u64)(event->operation & 0x7f) << 48 |
		       (__u64)(event->kind & 0x7f) << 56 | (__u64) !!event->state << 63;
	place->last = event_near(event->last) | (__u64)(event->cpu & 0xffff) << 48;
	place->tid = event->tid;
	place->tgid = event->tgid;
	place->inode = event->inode;
	place->result = event->result;
}

/* The newest is a change whose flush ended so much later, and had nothing else to say. */
static inline void event_flushed(struct model *model, __u64 ns)
{
	struct event *event;

	if (!model->events_room)
		return;
	event = &model->events[(model->events_nr - 1) & (model->events_room - 1)];
	event->first |= EVENT_FLUSHED;
	event->result = (__s32)ns;
}

#endif
