// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "map/survey.h"

void survey_free(struct survey *survey)
{
	free(survey->sums.list);
	free(survey->sums.slots);
	free(survey->suspects.list);
	memset(survey, 0, sizeof(*survey));
}

void survey_begin(struct survey *survey, __u32 pass, __u32 bits, __u64 time)
{
	__u64 first = survey->pfn_first, nr = survey->pfn_nr;

	survey_free(survey);
	survey->pfn_first = first;
	survey->pfn_nr = nr;
	survey->pass = pass;
	survey->bits = bits;
	survey->begin = time;
}

static size_t sum_slot(const struct survey_sums *sums, __u64 owner, __u64 i_ino)
{
	__u64 hash = (i_ino * 64 + owner) * 0x9e3779b97f4a7c15ULL;

	for (size_t at = hash >> 32;; at++) {
		size_t slot = at & (sums->room - 1), index = sums->slots[slot];

		if (!index ||
		    (sums->list[index - 1].owner == owner && sums->list[index - 1].i_ino == i_ino))
			return slot;
	}
}

/* Half of the slots are free after it, so that searches end. */
static bool sums_grow(struct survey_sums *sums)
{
	size_t room = sums->room ? sums->room * 2 : 64;
	struct map_sum *list;
	size_t *slots;

	if (sums->nr < sums->room / 2)
		return true;
	list = realloc(sums->list, room / 2 * sizeof(*list));
	if (!list)
		return false;
	sums->list = list;
	slots = calloc(room, sizeof(*slots));
	if (!slots)
		return false;
	free(sums->slots);
	sums->slots = slots;
	sums->room = room;
	for (size_t i = 0; i < sums->nr; i++)
		slots[sum_slot(sums, list[i].owner, list[i].i_ino)] = i + 1;
	return true;
}

static void sum_add(struct survey *survey, enum record_map_whose owner,
		    const struct map_run_of *run)
{
	struct survey_sums *sums = &survey->sums;
	struct map_sum *sum;
	size_t slot;

	if (!sums_grow(sums)) {
		survey->failed = true;
		return;
	}
	slot = sum_slot(sums, owner, run->i_ino);
	if (!sums->slots[slot]) {
		sums->list[sums->nr++] = (struct map_sum){
			.owner = owner,
			.i_ino = run->i_ino,
			.pfn = run->pfn,
		};
		sums->slots[slot] = sums->nr;
	}
	sum = &sums->list[sums->slots[slot] - 1];
	sum->pages += run->nr;
	sum->runs++;
}

static void suspect_add(struct survey *survey, const struct map_run_of *run)
{
	if (survey->suspects.nr == RECORD_MAP_RUNS_MAX)
		survey->bits |= RECORD_MAP_CUT;
	else if (!map_runs_add(&survey->suspects, run))
		survey->failed = true;
}

/* Each run once, when it cannot grow any more. */
static void run_take(struct survey *survey, const struct map_run *raw)
{
	const struct map_run_of run = {
		.pfn = raw->pfn,
		.nr = raw->nr,
		.i_ino = raw->i_ino,
		.owner = MAP_WHAT_OWNER(raw->what),
		.shift = MAP_WHAT_SHIFT(raw->what),
	};

	if (!raw->nr || run.owner == RECORD_MAP_PRESENT)
		return;
	if (run.owner == RECORD_MAP_UNREAD)
		survey->unread += run.nr;
	else if (run.owner != RECORD_MAP_HOLE)
		survey->absent += run.nr;
	if (run.owner >= RECORD_MAP_NOBODY)
		suspect_add(survey, &run);
	else
		sum_add(survey, run.owner, &run);
}

/* Whether @run goes on where @last ends; the level of its entries is told of suspects alone. */
static bool run_continues(const struct map_run *last, const struct map_run *run)
{
	__u32 owner = MAP_WHAT_OWNER(run->what);

	if (!last->nr || last->pfn + last->nr != run->pfn || last->i_ino != run->i_ino)
		return false;
	return owner >= RECORD_MAP_NOBODY ? last->what == run->what
					  : MAP_WHAT_OWNER(last->what) == owner;
}

void survey_take(struct survey *survey, const struct map_run *run)
{
	struct map_run *last = &survey->last;

	if (run_continues(last, run)) {
		last->nr += run->nr;
		return;
	}
	run_take(survey, last);
	*last = *run;
}

void survey_taken(struct survey *survey)
{
	run_take(survey, &survey->last);
	survey->last.nr = 0;
}

/* The first suspect that ends behind @pfn. */
static size_t suspect_find(const struct map_runs *suspects, __u64 pfn)
{
	size_t low = 0, high = suspects->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (suspects->list[middle].pfn + suspects->list[middle].nr <= pfn)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Takes [first, end), which lies in it, out of suspect @index. Returns the next one's index. */
static size_t suspect_cut(struct survey *survey, size_t index, __u64 first, __u64 end)
{
	struct map_runs *suspects = &survey->suspects;
	struct map_run_of *run = &suspects->list[index], rest = *run;

	rest.pfn = end;
	rest.nr = run->pfn + run->nr - end;
	run->nr = first - run->pfn;
	if (run->nr && rest.nr) {
		if (!map_runs_add(suspects, &rest)) {
			survey->failed = true;
			return suspects->nr;
		}
		run = &suspects->list[index];
		memmove(run + 2, run + 1, (suspects->nr - index - 2) * sizeof(*run));
		run[1] = rest;
		return index + 1;
	}
	if (run->nr)
		return index + 1;
	*run = rest;
	if (rest.nr)
		return index;
	memmove(run, run + 1, (suspects->nr - index - 1) * sizeof(*run));
	suspects->nr--;
	return index;
}

void survey_claim(struct survey *survey, __u64 pfn, __u64 nr, enum record_map_whose owner)
{
	struct map_runs *suspects = &survey->suspects;
	size_t index = suspect_find(suspects, pfn);

	while (index < suspects->nr && suspects->list[index].pfn < pfn + nr) {
		const struct map_run_of *run = &suspects->list[index];
		__u64 first = run->pfn > pfn ? run->pfn : pfn, end = run->pfn + run->nr;
		struct map_run_of claimed = { .pfn = first };

		if (end > pfn + nr)
			end = pfn + nr;
		claimed.nr = end - first;
		sum_add(survey, owner, &claimed);
		index = suspect_cut(survey, index, first, end);
	}
}

static void tell_begin(const struct survey *survey, survey_sink sink, void *context)
{
	const struct record_map_begin begin = {
		.header = { .kind = RECORD_MAP_BEGIN,
			    .size = sizeof(begin),
			    .time = survey->begin },
		.pfn_first = survey->pfn_first,
		.pfn_nr = survey->pfn_nr,
		.pass = survey->pass,
		.bits = survey->bits & RECORD_MAP_ALLOCATOR_UNMAPS,
	};

	sink(context, &begin.header);
}

static void tell_sums(const struct survey *survey, __u64 time, survey_sink sink, void *context)
{
	for (size_t i = 0; i < survey->sums.nr; i++) {
		const struct map_sum *sum = &survey->sums.list[i];
		const struct record_map_owner owner = {
			.header = { .kind = RECORD_MAP_OWNER, .size = sizeof(owner), .time = time },
			.i_ino = sum->i_ino,
			.pages = sum->pages,
			.runs = sum->runs,
			.pfn = sum->pfn,
			.pass = survey->pass,
			.owner = sum->owner,
		};

		sink(context, &owner.header);
	}
}

/* Returns their pages. */
static __u64 tell_suspects(const struct survey *survey, __u64 time, survey_sink sink, void *context)
{
	__u64 pages = 0;

	for (size_t i = 0; i < survey->suspects.nr; i++) {
		const struct map_run_of *suspect = &survey->suspects.list[i];
		const struct record_map_run run = {
			.header = { .kind = RECORD_MAP_RUN, .size = sizeof(run), .time = time },
			.pfn = suspect->pfn,
			.nr = suspect->nr,
			.i_ino = suspect->i_ino,
			.pass = survey->pass,
			.owner = suspect->owner,
			.shift = suspect->shift,
		};

		pages += suspect->nr;
		sink(context, &run.header);
	}
	return pages;
}

void survey_tell(struct survey *survey, __u64 time, __s64 result, bool last, survey_sink sink,
		 void *context)
{
	struct record_map_end end = {
		.header = { .kind = RECORD_MAP_END, .size = sizeof(end), .time = time },
		.absent = survey->absent,
		.unread = survey->unread,
		.result = result,
		.pass = survey->pass,
		.bits = survey->bits | (last ? RECORD_MAP_LAST : 0),
	};

	memcpy(end.leaves, survey->leaves, sizeof(end.leaves));
	for (size_t i = 0; i < survey->suspects.nr; i++)
		sum_add(survey, survey->suspects.list[i].owner, &survey->suspects.list[i]);
	tell_begin(survey, sink, context);
	tell_sums(survey, time, sink, context);
	end.suspects = tell_suspects(survey, time, sink, context);
	sink(context, &end.header);
}
