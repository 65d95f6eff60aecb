// SPDX-License-Identifier: GPL-2.0
/*
 * How the pages of an inode came to be as they are promised, in runs. Where pages are converted one
 * by one there are as many runs: they are kept in short lists, so that little is moved when one is cut.
 */
#include "model/promises.h"
#include "model/state.h"

#define SPANS_MAX (1U << 16) /* of an inode: beyond, nothing is known of it any more */

/* A place in the lists. */
struct place {
	size_t list, index;
};

static struct promise_span *place_span(const struct promises *promises, struct place place)
{
	return &promises->lists[place.list].spans[place.index];
}

/* All of it, as it was made or met. */
static struct promise_span span_first(const struct inode *inode)
{
	return (struct promise_span){
		.last = ~0ULL,
		.since = inode->base.met,
		.who = inode->learning ? PROMISE_UNKNOWN : PROMISE_KVM,
	};
}

void spans_begin(struct model *model, struct inode *inode)
{
	struct promises *promises = inode->promises;
	struct span_list *list;

	if (!model_grow(model, &promises->lists, 0, &promises->lists_room,
			sizeof(*promises->lists)))
		return;
	list = &promises->lists[0];
	*list = (struct span_list){ .spans = NULL };
	if (!model_grow(model, &list->spans, 0, &list->room, sizeof(*list->spans)))
		return;
	list->spans[0] = span_first(inode);
	list->nr = 1;
	promises->lists_nr = promises->spans_nr = 1;
}

static void list_release(struct model *model, const struct span_list *list)
{
	model_release(model, list->spans, list->room * sizeof(*list->spans));
}

void spans_free(struct model *model, struct promises *promises)
{
	for (size_t i = 0; i < promises->lists_nr; i++)
		list_release(model, &promises->lists[i]);
	model_release(model, promises->lists, promises->lists_room * sizeof(*promises->lists));
}

/* Where the span is that holds @pgoff. */
static struct place place_find(const struct promises *promises, __u64 pgoff)
{
	const struct promise_span *spans;
	struct place place = { 0 };
	size_t high = promises->lists_nr;

	while (high - place.list > 1) {
		size_t middle = place.list + (high - place.list) / 2;

		if (promises->lists[middle].spans[0].first <= pgoff)
			place.list = middle;
		else
			high = middle;
	}
	spans = promises->lists[place.list].spans;
	high = promises->lists[place.list].nr;
	while (high - place.index > 1) {
		size_t middle = place.index + (high - place.index) / 2;

		if (spans[middle].first <= pgoff)
			place.index = middle;
		else
			high = middle;
	}
	return place;
}

/* The second half of a full list becomes one of its own, behind it. */
static bool list_split(struct model *model, struct promises *promises, size_t at)
{
	struct span_list half = { .nr = SPAN_LIST_MAX / 2, .room = SPAN_LIST_MAX };
	struct span_list *list;

	if (!model_grow(model, &promises->lists, promises->lists_nr, &promises->lists_room,
			sizeof(*promises->lists)))
		return false;
	half.spans = model_alloc(model, half.room * sizeof(*half.spans));
	if (!half.spans)
		return false;
	list = &promises->lists[at];
	list->nr -= half.nr;
	memcpy(half.spans, list->spans + list->nr, half.nr * sizeof(*half.spans));
	memmove(list + 2, list + 1, (promises->lists_nr - at - 1) * sizeof(*list));
	list[1] = half;
	promises->lists_nr++;
	return true;
}

/* A span begins at @pgoff from now on. false: no memory. */
static bool span_cut(struct model *model, struct promises *promises, __u64 pgoff)
{
	struct place place = place_find(promises, pgoff);
	struct promise_span *span = place_span(promises, place);
	struct span_list *list = &promises->lists[place.list];

	if (span->first == pgoff)
		return true;
	if (list->nr == SPAN_LIST_MAX)
		return list_split(model, promises, place.list) && span_cut(model, promises, pgoff);
	if (!model_grow(model, &list->spans, list->nr, &list->room, sizeof(*list->spans)))
		return false;
	span = place_span(promises, place);
	memmove(span + 2, span + 1, (list->nr - place.index - 1) * sizeof(*span));
	list->nr++;
	promises->spans_nr++;
	span[1] = span[0];
	span[0].last = pgoff - 1;
	span[1].first = pgoff;
	return true;
}

static bool spans_alike(const struct promise_span *a, const struct promise_span *b)
{
	return a->who == b->who && a->asked == b->asked && a->since == b->since &&
	       a->bound == b->bound && a->vm == b->vm &&
	       a->conversion.begin == b->conversion.begin && a->conversion.tid == b->conversion.tid;
}

/* The one before @place; NULL: it is the first. */
static struct promise_span *span_before(const struct promises *promises, struct place place)
{
	if (place.index)
		return place_span(promises, (struct place){ place.list, place.index - 1 });
	if (!place.list)
		return NULL;
	return place_span(promises,
			  (struct place){ place.list - 1, promises->lists[place.list - 1].nr - 1 });
}

/*
 * Those of @list from @from on that are like the one before them, @kept, become part of it; up to
 * the first that begins behind @last + 1. Whether that came.
 */
static bool list_merge(struct span_list *list, size_t from, __u64 last, struct promise_span **kept)
{
	size_t at = from, to = from;
	bool over = false;

	for (; at < list->nr && !over; at++) {
		struct promise_span *span = &list->spans[at];

		over = span->first && span->first - 1 > last;
		if (*kept && spans_alike(*kept, span)) {
			(*kept)->last = span->last;
			continue;
		}
		list->spans[to] = *span;
		*kept = &list->spans[to++];
	}
	memmove(&list->spans[to], &list->spans[at], (list->nr - at) * sizeof(*list->spans));
	list->nr -= at - to;
	return over;
}

/* Of [first, last] neighbours that are alike become one, and with those beside them. */
static void spans_merge(struct model *model, struct promises *promises, __u64 first, __u64 last)
{
	struct place place = place_find(promises, first);
	struct promise_span *kept = span_before(promises, place);
	size_t at = place.list, to = place.list;
	bool over = false;

	for (; at < promises->lists_nr && !over; at++) {
		struct span_list *list = &promises->lists[at];
		size_t before = list->nr;

		over = list_merge(list, at == place.list ? place.index : 0, last, &kept);
		promises->spans_nr -= before - list->nr;
		if (list->nr)
			promises->lists[to++] = *list;
		else
			list_release(model, list);
	}
	memmove(&promises->lists[to], &promises->lists[at],
		(promises->lists_nr - at) * sizeof(*promises->lists));
	promises->lists_nr -= at - to;
}

/* Too much to keep in mind: nothing is known of it any more. */
static void spans_forget(struct model *model, struct promises *promises, __u64 time)
{
	model->counts.promises_forgotten++;
	while (promises->lists_nr > 1)
		list_release(model, &promises->lists[--promises->lists_nr]);
	promises->lists[0].nr = promises->spans_nr = 1;
	promises->lists[0].spans[0] = (struct promise_span){ .last = ~0ULL, .since = time };
}

static void span_tell(struct promise_span *span, const struct promise_news *news)
{
	span->since = news->since;
	if (news->decides) {
		span->who = news->who;
		span->vm = news->vm;
		span->bound = 0;
	}
	if (news->binds)
		span->bound = news->takes_back;
	if (news->asks)
		span->asked = news->asked;
	if (news->binds && (span->asked || span->conversion.begin))
		span->asked = MODEL_EITHER;
	if (news->conversion)
		span->conversion = *news->conversion;
}

void spans_set(struct model *model, struct promises *promises, __u64 first, __u64 last,
	       const struct promise_news *news)
{
	struct place place;

	if (!promises->lists_nr || first > last)
		return;
	if (promises->spans_nr >= SPANS_MAX) {
		spans_forget(model, promises, news->since);
		return;
	}
	if (!span_cut(model, promises, first) ||
	    (last != ~0ULL && !span_cut(model, promises, last + 1)))
		return;
	for (place = place_find(promises, first); place.list < promises->lists_nr;
	     place.list++, place.index = 0) {
		const struct span_list *list = &promises->lists[place.list];

		for (; place.index < list->nr && list->spans[place.index].first <= last;
		     place.index++)
			span_tell(&list->spans[place.index], news);
		if (place.index < list->nr)
			break;
	}
	spans_merge(model, promises, first, last);
}

void promise_span_at(const struct inode *inode, __u64 pgoff, struct promise_span *span)
{
	const struct promises *promises = inode->promises;

	if (promises->lists_nr)
		*span = *place_span(promises, place_find(promises, pgoff));
	else
		*span = span_first(inode);
}
