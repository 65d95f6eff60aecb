// SPDX-License-Identifier: GPL-2.0
/* The newest events, kept for chains of proof. */
#include "model/events.h"
#include "model/state.h"

#define EVENTS_FIRST 1024
#define EVENTS_MANY 16384
#define EVENTS_LOOKS (1ULL << 25) /* at events */
#define LOOKS_PER_RECORD 64
#define EVENTS_NEAR 4096

/* To all that are kept, in one step: so many come where one in four of them has. */
static void events_enlarge_last(struct model *model)
{
	size_t room = model->events_room, last = model->options.events_kept;
	struct event *events = model_alloc_large(model, last * sizeof(*events));

	if (!events)
		return;
	memcpy(events, model->events, room * sizeof(*events));
	model_release(model, model->events, room * sizeof(*events));
	model->events = events;
	model->events_room = last;
}

void events_enlarge(struct model *model)
{
	size_t room = model->events_room;

	if (room >= model->options.events_kept)
		return;
	if (room >= EVENTS_MANY && room >= model->options.events_kept / 4) {
		events_enlarge_last(model);
		return;
	}
	if (room) {
		model_enlarge(model, &model->events, &model->events_room, sizeof(*model->events));
		return;
	}
	model->events = model_alloc(model, EVENTS_FIRST * sizeof(*model->events));
	model->events_room = model->events ? EVENTS_FIRST : 0;
}

static __u64 event_first(const struct event *event)
{
	return event->first & EVENT_FAR;
}

static __u64 event_last(const struct event *event)
{
	return event->last & EVENT_FAR;
}

static __u32 event_kind(const struct event *event)
{
	return event->first >> 56 & 0x7f;
}

static bool event_state(const struct event *event)
{
	return event->first >> 63;
}

static bool event_covers(const struct event *event, __u64 place)
{
	return event_first(event) <= place && place <= event_last(event);
}

static bool event_concerns(const struct event *event, __u32 inode, __u64 pgoff, __u64 pfn)
{
	switch (event_kind(event)) {
	case RECORD_REQUEST_BEGIN:
	case RECORD_REQUEST_END:
	case RECORD_JOIN:
	case RECORD_GUEST_MAPPED:
	case RECORD_GUEST_UNMAPPED:
		return event->inode == inode && event_covers(event, pgoff);
	case RECORD_ZAP:
	case RECORD_LEAVE:
	case RECORD_PAGE_FREE:
		return pfn && event_covers(event, pfn);
	case RECORD_FLUSH:
		return pfn && (event_state(event) || event_covers(event, pfn));
	default:
		return false;
	}
}

/*
 * Flushes come in crowds and most are other tasks': only the first one behind
 * each change of the page belongs to its story.
 */
static bool event_wanted(const struct model_event *event, const struct model_event *later,
			 size_t later_nr)
{
	if (event->kind != RECORD_FLUSH || !later_nr)
		return true;
	return later[0].kind != RECORD_FLUSH;
}

static __u64 far(__u64 place)
{
	return place == EVENT_FAR ? ~0ULL : place;
}

static struct model_event event_unpack(const struct event *event)
{
	return (struct model_event){
		.time = event->time,
		.kind = event_kind(event),
		.operation = event->first >> 48 & 0x7f,
		.cpu = event->last >> 48 & 0xffff,
		.tid = event->tid,
		.tgid = event->tgid,
		.inode = event->inode,
		.state = event_state(event),
		.result = event->first & EVENT_FLUSHED ? 0 : event->result,
		.first = far(event_first(event)),
		.last = far(event_last(event)),
	};
}

/* The flush that is no event of its own. */
static struct model_event event_unpack_flush(const struct event *event)
{
	struct model_event flush = event_unpack(event);

	flush.time += (__u64)event->result;
	flush.kind = RECORD_FLUSH;
	flush.operation = RECORD_FLUSH_RANGE;
	flush.state = false;
	return flush;
}

/*
 * How far a chain looks back: all the way, until looking has cost as much as
 * the records did; the chains of what is found then are shorter.
 */
static __u64 events_look(const struct model *model, __u64 kept)
{
	__u64 *looked = model->events_looked;

	if (*looked > EVENTS_LOOKS + LOOKS_PER_RECORD * model->counts.records)
		kept = kept < EVENTS_NEAR ? kept : EVENTS_NEAR;
	*looked += kept;
	return kept;
}

/* What is known of a page's story, the oldest first, and room for more in front. */
struct story {
	struct model_event *events;
	size_t nr, max;
	__u64 until; /* ns: the end of it */
};

static void story_add(struct story *story, const struct model_event *event)
{
	struct model_event *events = story->events;

	if (story->nr == story->max || event->time > story->until)
		return;
	if (event_wanted(event, events, story->nr))
		memmove(events + 1, events, story->nr++ * sizeof(*events));
	events[0] = *event;
}

size_t model_page_events(const struct model *model, const struct model_inode *inode, __u64 pgoff,
			 __u64 pfn, __u64 until, struct model_event *events, size_t max)
{
	__u64 kept = model->events_nr < model->events_room ? model->events_nr : model->events_room;
	struct story story = { .events = events, .max = max, .until = until };
	__u32 number = inode ? (__u32)inode->number : 0;
	struct model_event told;

	kept = events_look(model, kept);
	for (__u64 back = 1; back <= kept && story.nr < max; back++) {
		const struct event *event =
			&model->events[(model->events_nr - back) & (model->events_room - 1)];

		if (!event_concerns(event, number, pgoff, pfn))
			continue;
		if (event->first & EVENT_FLUSHED) {
			told = event_unpack_flush(event);
			story_add(&story, &told);
		}
		told = event_unpack(event);
		story_add(&story, &told);
	}
	return story.nr;
}

void model_changed_within(const struct model *model, __u64 since, __u64 until,
			  model_take_pages take, void *context)
{
	__u64 kept = model->events_nr < model->events_room ? model->events_nr : model->events_room;

	for (__u64 back = 1; back <= kept; back++) {
		const struct event *event =
			&model->events[(model->events_nr - back) & (model->events_room - 1)];

		if (event->time < since)
			return;
		if (event_kind(event) == RECORD_ZAP && event->time <= until)
			take(context, event_first(event),
			     event_last(event) - event_first(event) + 1);
	}
}
