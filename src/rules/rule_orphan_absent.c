// SPDX-License-Identifier: GPL-2.0
/* orphan-absent: a page is absent from the direct map and nobody's who could want that. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/plural.h"
#include "rules/rule.h"

#define EVENTS_LOOKED 16
#define RANGES_SAID 6
#define PAGES_LOOKED 65536 /* of a walk, one by one; behind them a run is what its first page is */

/* What is known of a walk's pages by those who watched. */
struct watched {
	const struct model *model;
	struct map *map;
	struct map_runs changed; /* while it was walked, by pfn, none next to another */
	bool failed; /* memory ran short */
};

static void watched_take(void *context, __u64 pfn, __u64 nr)
{
	struct watched *watched = context;
	const struct map_run_of run = { .pfn = pfn, .nr = nr };

	watched->failed |= !map_runs_add(&watched->changed, &run);
}

static int runs_compare(const void *first, const void *second)
{
	const struct map_run_of *a = first, *b = second;

	return (a->pfn > b->pfn) - (a->pfn < b->pfn);
}

static void runs_merge(struct map_runs *runs)
{
	size_t nr = 0;

	if (runs->nr)
		qsort(runs->list, runs->nr, sizeof(*runs->list), runs_compare);
	for (size_t i = 0; i < runs->nr; i++) {
		const struct map_run_of *run = &runs->list[i];
		struct map_run_of *last = nr ? &runs->list[nr - 1] : NULL;

		if (!last || run->pfn > last->pfn + last->nr)
			runs->list[nr++] = *run;
		else if (run->pfn + run->nr > last->pfn + last->nr)
			last->nr = run->pfn + run->nr - last->pfn;
	}
	runs->nr = nr;
}

static void watched_begin(struct watched *watched)
{
	model_changed_within(watched->model, watched->map->begin, watched->map->end, watched_take,
			     watched);
	runs_merge(&watched->changed);
}

static int run_holds(const void *key, const void *element)
{
	const __u64 pfn = *(const __u64 *)key;
	const struct map_run_of *run = element;

	if (pfn < run->pfn)
		return -1;
	return pfn - run->pfn >= run->nr;
}

static bool watched_changed(const struct watched *watched, __u64 pfn)
{
	const struct map_runs *runs = &watched->changed;

	return runs->nr && bsearch(&pfn, runs->list, runs->nr, sizeof(*runs->list), run_holds);
}

enum orphan {
	ORPHAN,
	ORPHAN_EXPLAINED, /* seen to have been changed, or to be an inode's: judged by others */
	ORPHAN_ON_ITS_WAY,
};

static enum orphan orphan_is(const struct watched *watched, __u64 pfn)
{
	const struct model_inode *inode;
	__u64 pgoff;

	if (model_owner(watched->model, pfn, &inode, &pgoff) || watched_changed(watched, pfn))
		return ORPHAN_EXPLAINED;
	return model_page_on_its_way(watched->model, pfn, watched->map->begin) ? ORPHAN_ON_ITS_WAY
									       : ORPHAN;
}

/* How many of @run's pages from the first on are @first, as that one is. */
static __u64 orphans_alike(const struct watched *watched, const struct map_run_of *run,
			   enum orphan first, size_t *looked)
{
	__u64 nr = 1;

	while (nr < run->nr && ++*looked < PAGES_LOOKED &&
	       orphan_is(watched, run->pfn + nr) == first)
		nr++;
	return nr;
}

/* Walks join neighbours: one of them may be an inode's that the others are not. What is an orphan stays. */
static void orphans_split(struct watched *watched)
{
	struct map *map = watched->map;
	struct map_runs parts = {};
	size_t looked = 0;

	for (size_t i = 0; i < map->orphans.nr; i++) {
		struct map_run_of rest = map->orphans.list[i], part;

		for (; rest.nr; rest.pfn += part.nr, rest.nr -= part.nr) {
			enum orphan is = orphan_is(watched, rest.pfn);

			part = rest;
			if (looked < PAGES_LOOKED)
				part.nr = orphans_alike(watched, &rest, is, &looked);
			if (is == ORPHAN_ON_ITS_WAY)
				map->on_their_way += part.nr;
			if (is == ORPHAN)
				watched->failed |= !map_runs_add(&parts, &part);
		}
	}
	free(map->orphans.list);
	map->orphans = parts;
}

/*
 * Those of @owner that no older walk has told of; they are told now. Returns how many pages; @first: a run;
 * @ranges: the first of them, in words.
 */
static __u64 orphans_of(struct map *map, enum record_map_whose owner,
			const struct map_run_of **first, char *ranges, size_t size)
{
	__u64 pages = 0, said = 0;
	size_t used = 0;

	for (size_t i = 0; i < map->orphans.nr; i++) {
		struct map_run_of *run = &map->orphans.list[i];

		if (run->owner != owner || run->told)
			continue;
		run->told = true;
		*first = pages ? *first : run;
		pages += run->nr;
		if (said++ < RANGES_SAID)
			used += (size_t)snprintf(ranges + used, size - used, "%s0x%llx-0x%llx",
						 used ? ", " : "", (unsigned long long)run->pfn,
						 (unsigned long long)(run->pfn + run->nr - 1));
	}
	if (said > RANGES_SAID)
		snprintf(ranges + used, size - used, " and %llu range%s more",
			 (unsigned long long)(said - RANGES_SAID), plural(said - RANGES_SAID));
	return pages;
}

/* Who is known to have made @pfn absent, before the walk; where nobody is, how to find out. */
static void orphan_words(struct verdict_violation *violation, const struct model *model,
			 const struct map *map, __u64 pfn)
{
	struct model_event events[EVENTS_LOOKED];
	size_t nr = model_page_events(model, NULL, 0, pfn, map->begin, events, EVENTS_LOOKED);

	while (nr && (events[nr - 1].kind != RECORD_ZAP || events[nr - 1].result))
		nr--;
	if (!nr || events[nr - 1].state) {
		violation_add_words(violation, "Who left it so was there before, or was not seen: "
					       "gmemtrace check, begun before that, names him.");
		return;
	}
	violation_source(violation, "model", "0x%llx made absent by task %u at %llu.%06llu s",
			 (unsigned long long)pfn, events[nr - 1].tid,
			 time_seconds(events[nr - 1].time), time_micros(events[nr - 1].time));
	violation_add_words(violation,
			    "Task %u of process %u made the first of them absent at %llu.%06llu s.",
			    events[nr - 1].tid, events[nr - 1].tgid,
			    time_seconds(events[nr - 1].time), time_micros(events[nr - 1].time));
}

static void orphans_accuse(struct verdict *verdict, struct map *map, enum record_map_whose owner)
{
	struct accusation accusation = {
		.rule = RULE_ORPHAN_ABSENT,
		.pgoff_unknown = true,
		/* What a later walk finds is another cause. */
		.variant = (__u64)map->walks << 8 | owner,
		.from = map->begin,
		.to = map->end,
		/* Read, and read again: no history in it. */
		.immune = true,
		.map = map,
	};
	struct verdict_violation *violation;
	char ranges[320] = "";

	accusation.nr = orphans_of(map, owner, &accusation.absent, ranges, sizeof(ranges));
	if (!accusation.nr)
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	violation_source(violation, "page table", "absent in %u reads within %llu.%03llu s",
			 map->passes, time_seconds(map->end - map->begin),
			 time_micros(map->end - map->begin) / 1000);
	violation_source(violation, "struct page", "%s", map_owner_name(owner));
	violation_words(violation,
			"%llu %s absent from the direct map and nobody's who is known to "
			"want that: pfn %s. Of each its struct page says: %s. ",
			(unsigned long long)accusation.nr,
			plural_of(accusation.nr, "page is", "pages are"), ranges,
			map_owner_means(owner));
	orphan_words(violation, verdict_model(verdict), map, accusation.absent->pfn);
}

static bool orphan_unjudged(const struct model *model, char *reason, size_t size)
{
	const char *kind = kind_met(model, providers_freed_absent());

	if (kind)
		snprintf(reason, size, "not of free pages: those of %s may be absent", kind);
	return kind;
}

static void orphan_mapped(struct verdict *verdict, struct map *map)
{
	bool free_judged = !kind_met(verdict_model(verdict), providers_freed_absent());
	struct watched watched = { .model = verdict_model(verdict), .map = map };

	if (!map_proven(map))
		return;
	watched_begin(&watched);
	orphans_split(&watched);
	free(watched.changed.list);
	if (watched.failed) {
		map->result = -ENOMEM;
		return;
	}
	for (__u32 owner = RECORD_MAP_NOBODY; owner <= RECORD_MAP_ANON; owner++) {
		if (owner != RECORD_MAP_FREE || free_judged)
			orphans_accuse(verdict, map, owner);
	}
}

static const struct rule_descriptor orphan_absent = {
	.rule = {
		.name = "orphan-absent",
		.fires_when = "a page is absent from the direct map and belongs to nobody known",
		.meaning = "A page is absent from the direct map and belongs to nobody who is known to "
			   "want that: no memfd_secret, no guest_memfd, no vmalloc area or module, not "
			   "kfence, no memory failure, no hole. "
			   "Whoever gets it next, or has it, faults on it: a panic that waits. "
			   "Read in at least two passes half a second apart; needs no history, so it "
			   "judges a host that has run for months. "
			   "Not judged where the page allocator itself makes free pages absent.",
		.id = RULE_ORPHAN_ABSENT,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_MAP,
		.providers = PROVIDERS_JUDGED,
		.built = true,
	},
	.mapped = orphan_mapped,
	.unjudged = orphan_unjudged,
};
RULE_ENTER(orphan_absent);
