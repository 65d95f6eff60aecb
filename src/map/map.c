// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "map/map.h"

#define PFNS_MAX (1ULL << 40) /* 2^52 bytes: more than a page table can name */

bool map_runs_add(struct map_runs *runs, const struct map_run_of *run)
{
	size_t room = runs->room ? runs->room * 2 : 64;
	struct map_run_of *grown;

	if (runs->nr == runs->room) {
		grown = realloc(runs->list, room * sizeof(*grown));
		if (!grown)
			return false;
		runs->list = grown;
		runs->room = room;
	}
	runs->list[runs->nr++] = *run;
	return true;
}

void map_free(struct map *map)
{
	free(map->sums);
	free(map->orphans.list);
	free(map->reading.list);
	memset(map, 0, sizeof(*map));
}

static int map_malformed(struct map *map)
{
	map->malformed++;
	return 0;
}

/* A walk of everything begins anew: what an older one said is over. */
static void map_restart(struct map *map, const struct record_map_begin *begin)
{
	__u64 malformed = map->malformed;

	map_free(map);
	map->malformed = malformed;
	map->pfn_first = begin->pfn_first;
	map->pfn_nr = begin->pfn_nr;
	map->begin = begin->header.time;
	map->unmaps = begin->bits & RECORD_MAP_ALLOCATOR_UNMAPS;
}

static int take_begin(struct map *map, const struct record_map_begin *begin)
{
	if (begin->pfn_first > PFNS_MAX || begin->pfn_nr > PFNS_MAX)
		return map_malformed(map);
	if (!begin->pass)
		map_restart(map, begin);
	else if (begin->pass != map->passes)
		return map_malformed(map);
	map->reading.nr = 0;
	map->pass = begin->pass;
	map->open = true;
	return 0;
}

static bool sum_valid(const struct record_map_owner *record)
{
	return record->owner != RECORD_MAP_PRESENT && record->owner <= RECORD_MAP_ANON &&
	       record->pages && record->runs && record->runs <= record->pages &&
	       record->pages <= PFNS_MAX && record->pfn <= PFNS_MAX;
}

static int take_owner(struct map *map, const struct record_map_owner *record)
{
	size_t room = map->sums_room ? map->sums_room * 2 : 16;
	struct map_sum *grown;

	if (!map->open || record->pass != map->pass || !sum_valid(record))
		return map_malformed(map);
	/* Later passes read a part only. */
	if (record->pass)
		return 0;
	if (map->sums_nr == map->sums_room) {
		grown = realloc(map->sums, room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		map->sums = grown;
		map->sums_room = room;
	}
	map->sums[map->sums_nr++] = (struct map_sum){
		.owner = record->owner,
		.i_ino = record->i_ino,
		.pages = record->pages,
		.runs = record->runs,
		.pfn = record->pfn,
	};
	return 0;
}

/* Behind the one before it, and not of somebody known. */
static bool run_valid(const struct map *map, const struct record_map_run *record)
{
	const struct map_run_of *last =
		map->reading.nr ? &map->reading.list[map->reading.nr - 1] : NULL;

	if (record->owner < RECORD_MAP_NOBODY || record->owner > RECORD_MAP_ANON)
		return false;
	if (!record->nr || record->nr > PFNS_MAX || record->pfn > PFNS_MAX || record->shift > 63)
		return false;
	return !last || record->pfn >= last->pfn + last->nr;
}

static int take_run(struct map *map, const struct record_map_run *record)
{
	const struct map_run_of run = {
		.pfn = record->pfn,
		.nr = record->nr,
		.i_ino = record->i_ino,
		.owner = record->owner,
		.shift = record->shift,
	};

	if (!map->open || record->pass != map->pass || !run_valid(map, record) ||
	    map->reading.nr >= RECORD_MAP_RUNS_MAX)
		return map_malformed(map);
	return map_runs_add(&map->reading, &run) ? 0 : -ENOMEM;
}

/* Keeps of what was suspected what still is, as it is called now. */
static int orphans_intersect(struct map *map)
{
	const struct map_runs *before = &map->orphans, *now = &map->reading;
	struct map_runs both = {};

	for (size_t i = 0, j = 0; i < before->nr && j < now->nr;) {
		const struct map_run_of *a = &before->list[i], *b = &now->list[j];
		__u64 a_end = a->pfn + a->nr, b_end = b->pfn + b->nr;
		__u64 end = a_end < b_end ? a_end : b_end;
		struct map_run_of run = *b;

		run.pfn = a->pfn > b->pfn ? a->pfn : b->pfn;
		run.nr = end - run.pfn;
		if (run.pfn < end && !map_runs_add(&both, &run)) {
			free(both.list);
			return -ENOMEM;
		}
		i += a_end == end;
		j += b_end == end;
	}
	free(map->orphans.list);
	map->orphans = both;
	return 0;
}

/* The walk of everything: its sums, and what is in doubt after it. */
static void take_whole(struct map *map, const struct record_map_end *end)
{
	struct map_runs none = {};

	memcpy(map->leaves, end->leaves, sizeof(map->leaves));
	map->absent = end->absent;
	map->unread = end->unread;
	map->result = end->result;
	free(map->orphans.list);
	map->orphans = map->reading;
	map->reading = none;
}

static int take_end(struct map *map, const struct record_map_end *end)
{
	if (!map->open || end->pass != map->pass)
		return map_malformed(map);
	map->open = false;
	map->cut |= !!(end->bits & RECORD_MAP_CUT);
	map->last = end->bits & RECORD_MAP_LAST;
	if (end->pass && end->result)
		return 0; /* a part that was not read says nothing of it */
	map->passes++;
	map->end = end->header.time;
	if (!map->settled && map_proven(map)) {
		map->settled = map->end;
		map->settled_pass = end->pass;
	}
	if (end->pass)
		return orphans_intersect(map);
	map->walked = map->end;
	take_whole(map, end);
	return 0;
}

int map_take(struct map *map, const struct record_header *record)
{
	switch (record->kind) {
	case RECORD_MAP_BEGIN:
		return take_begin(map, (const struct record_map_begin *)record);
	case RECORD_MAP_OWNER:
		return take_owner(map, (const struct record_map_owner *)record);
	case RECORD_MAP_RUN:
		return take_run(map, (const struct record_map_run *)record);
	case RECORD_MAP_END:
		return take_end(map, (const struct record_map_end *)record);
	default:
		return 0;
	}
}

bool map_proven(const struct map *map)
{
	return !map->unmaps && map->passes >= 2 && map->end - map->begin >= MAP_SETTLE_NS;
}

bool map_judged(const struct map *map)
{
	return map->passes && !map->result && !map->unmaps && (!map->orphans.nr || map_proven(map));
}

const char *map_not_judged(const struct map *map)
{
	if (!map->passes)
		return "the direct map was not walked (--map does that)";
	if (map->result)
		return "the walk of the direct map did not reach its end";
	if (map->unmaps)
		return "the page allocator itself makes free pages absent (debug_pagealloc)";
	if (map->cut)
		return "more absent pages are nobody's than can be looked at twice";
	if (map->unread)
		return "a part of the page tables could not be read";
	if (map->orphans.nr && !map_proven(map))
		return "what is absent and nobody's was not read a second time";
	return NULL;
}

__u64 map_orphan_pages(const struct map *map)
{
	__u64 pages = 0;

	for (size_t i = 0; i < map->orphans.nr; i++)
		pages += map->orphans.list[i].nr;
	return pages;
}

__u64 map_told_pages(const struct map *map)
{
	__u64 pages = 0;

	for (size_t i = 0; i < map->orphans.nr; i++)
		pages += map->orphans.list[i].told ? map->orphans.list[i].nr : 0;
	return pages;
}

/* Of @run, in order of pfns: what is in a told run of @before from the @at-th on, and what is not. */
static bool run_split(struct map_runs *parts, struct map_run_of run, const struct map_runs *before,
		      size_t *at)
{
	const __u64 end = run.pfn + run.nr;

	while (run.pfn < end) {
		const struct map_run_of *old = *at < before->nr ? &before->list[*at] : NULL;
		__u64 next = end;

		if (old && (!old->told || old->pfn + old->nr <= run.pfn)) {
			++*at;
			continue;
		}
		run.told = old && old->pfn <= run.pfn;
		if (run.told && old->pfn + old->nr < end)
			next = old->pfn + old->nr;
		else if (!run.told && old && old->pfn < end)
			next = old->pfn;
		run.nr = next - run.pfn;
		if (!map_runs_add(parts, &run))
			return false;
		run.pfn = next;
	}
	return true;
}

int map_follow(struct map *map, struct map *next)
{
	struct map_runs parts = {};
	size_t at = 0;

	for (size_t i = 0; i < next->orphans.nr; i++) {
		if (!run_split(&parts, next->orphans.list[i], &map->orphans, &at)) {
			free(parts.list);
			return -ENOMEM;
		}
	}
	free(next->orphans.list);
	next->orphans = parts;
	next->walks = map->walks + map_judged(map);
	next->malformed += map->malformed;
	map_free(map);
	*map = *next;
	memset(next, 0, sizeof(*next));
	return 0;
}

const char *map_owner_name(enum record_map_whose owner)
{
	switch (owner) {
	case RECORD_MAP_PRESENT:
		return "present";
	case RECORD_MAP_UNREAD:
		return "unread";
	case RECORD_MAP_HOLE:
		return "hole";
	case RECORD_MAP_RESERVED:
		return "reserved";
	case RECORD_MAP_POISONED:
		return "poisoned";
	case RECORD_MAP_SECRETMEM:
		return "memfd_secret";
	case RECORD_MAP_GMEM:
		return "guest_memfd";
	case RECORD_MAP_KFENCE:
		return "kfence";
	case RECORD_MAP_VMALLOC:
		return "vmalloc";
	case RECORD_MAP_MODULE:
		return "module-text";
	case RECORD_MAP_OFFLINE:
		return "offline";
	case RECORD_MAP_NOBODY:
		return "nobody";
	case RECORD_MAP_FREE:
		return "free";
	case RECORD_MAP_SLAB:
		return "slab";
	case RECORD_MAP_PAGE_TABLE:
		return "page-table";
	case RECORD_MAP_FILE:
		return "file";
	case RECORD_MAP_ANON:
		return "anonymous";
	}
	return "unknown";
}

const char *map_owner_means(enum record_map_whose owner)
{
	switch (owner) {
	case RECORD_MAP_FREE:
		return "the page allocator holds it as free: whoever gets it next faults on it";
	case RECORD_MAP_SLAB:
		return "it is a slab's: who uses an object in it faults";
	case RECORD_MAP_PAGE_TABLE:
		return "it is a page table: the next change of it faults";
	case RECORD_MAP_FILE:
		return "it is in the page cache of a file that promises no absence: who reads "
		       "that file faults";
	case RECORD_MAP_ANON:
		return "it is a process's anonymous memory: a system call that copies to or from "
		       "it faults";
	default:
		return "it is in use, by whom cannot be told: who touches it through the direct "
		       "map faults";
	}
}
