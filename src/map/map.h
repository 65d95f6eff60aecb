/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The direct map as walks of it found it: how much is mapped by which level, for whom the rest is
 * absent, and which absent pages are nobody's. From RECORD_MAP_* alone: pure, the same live and of
 * a capture.
 *
 * What is nobody's in one walk may be on its way from one owner to the next. So it is read again,
 * and again, and is an orphan where each of at least two passes found it absent and nobody's, the
 * first and the last at least MAP_SETTLE_NS apart.
 */
#ifndef GMEMTRACE_MAP_MAP_H
#define GMEMTRACE_MAP_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "gmemtrace/record.h"

#define MAP_SETTLE_NS 500000000ULL /* longer than a task is kept from its CPU between two steps */
#define MAP_SIZES 3 /* 4K, 2M, 1G */

/* One owner's absent pages, of the last walk of everything. */
struct map_sum {
	enum record_map_whose owner;
	__u64 i_ino; /* 0: no inode's */
	__u64 pages;
	__u64 runs;
	__u64 pfn; /* of the first page */
};

/* A run of absent pages that nobody is known to want absent. */
struct map_run_of {
	__u64 pfn, nr;
	__u64 i_ino; /* of the file it is in, 0: none */
	enum record_map_whose owner; /* RECORD_MAP_NOBODY or behind it */
	__u32 shift; /* of the level where its entry is absent */
	bool told; /* an orphan that was accused: of this walk or of the one before it */
};

struct map_runs {
	struct map_run_of *list; /* by pfn */
	size_t nr, room;
};

/* As far as it was taken; nothing of it is to be written to. */
struct map {
	__u64 pfn_first, pfn_nr; /* the direct map's */
	__u64 leaves[MAP_SIZES]; /* present entries */
	__u64 absent; /* pages, holes left out */
	__u64 unread; /* pages whose page table could not be read */
	struct map_sum *sums;
	size_t sums_nr, sums_room;
	struct map_runs orphans; /* so far: see map_proven() */
	__u64 on_their_way; /* pages of these, for all that is known: left to the next walk */
	__u32 passes; /* that have ended */
	__u64 begin, end; /* ns: of the first pass, and of the last */
	__u64 walked; /* ns: when the walk of everything ended */
	__u64 settled; /* ns: when the first pass ended that made orphans of suspects; 0: none */
	__u32 settled_pass;
	__s64 result; /* of the walk of everything: 0 or -errno */
	bool unmaps; /* the allocator does */
	bool last; /* the walk is whole: no pass follows */
	bool cut; /* more suspects than were kept */
	__u64 malformed; /* records that make no sense, ignored */
	__u32 walks; /* that were judged before it */
	/* The pass that is being taken. */
	struct map_runs reading;
	bool open;
	__u32 pass;
};

/* Zero is an empty one. */
void map_free(struct map *map);

/* Takes a record of any kind; of other kinds it takes nothing. 0 or -ENOMEM. */
int map_take(struct map *map, const struct record_header *record);

/* Whether map->orphans are orphans: each was read twice, with time enough in between. */
bool map_proven(const struct map *map);

/* Whether orphans were judged, if not all of them: what map_not_judged() says is of a part. */
bool map_judged(const struct map *map);

/* Why orphans were not judged, or not all of them, one line; NULL: map->orphans has them all. */
const char *map_not_judged(const struct map *map);

/* Pages of map->orphans, and of those that are told. */
__u64 map_orphan_pages(const struct map *map);
__u64 map_told_pages(const struct map *map);

/*
 * @next, a walk that is over, takes the place of @map; it is empty then. What is an orphan still and was
 * told of is told. 0 or -ENOMEM: @map is as it was.
 */
int map_follow(struct map *map, struct map *next);

/* "secretmem", "free page": for people and for machines; the latter have '-' for ' '. */
const char *map_owner_name(enum record_map_whose owner);

/* What it means that a page of @owner, RECORD_MAP_NOBODY or behind it, is absent: half a sentence. */
const char *map_owner_means(enum record_map_whose owner);

/* Appends @run. False where memory is short. */
bool map_runs_add(struct map_runs *runs, const struct map_run_of *run);

#endif
