/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One pass of a walk, from what the walker in the kernel tells (bpf/map_interface.h) to
 * RECORD_MAP_*: runs are joined, summed up by owner, and what is nobody's is kept. Pure.
 */
#ifndef GMEMTRACE_MAP_SURVEY_H
#define GMEMTRACE_MAP_SURVEY_H

#include "bpf/map_interface.h"
#include "map/map.h"

struct survey_sums {
	struct map_sum *list;
	size_t nr;
	size_t *slots; /* by owner and i_ino: index + 1 into list; 0 free */
	size_t room; /* slots, a power of two */
};

struct survey {
	__u32 pass;
	__u32 bits; /* enum record_map_bits */
	__u64 pfn_first, pfn_nr; /* of the direct map */
	__u64 begin; /* ns */
	__u64 leaves[MAP_SIZES];
	__u64 absent, unread; /* pages */
	struct map_run last; /* may still grow; nr 0: none */
	struct survey_sums sums;
	struct map_runs suspects;
	bool failed; /* memory was short */
};

typedef void (*survey_sink)(void *context, const struct record_header *record);

/* Forgets what an older pass found. @bits: RECORD_MAP_ALLOCATOR_UNMAPS or 0. */
void survey_begin(struct survey *survey, __u32 pass, __u32 bits, __u64 time);
void survey_free(struct survey *survey);

/* The next run, in order of pfns. */
void survey_take(struct survey *survey, const struct map_run *run);

/* Behind the last run. */
void survey_taken(struct survey *survey);

/* Of [pfn, pfn + nr) what is a suspect is @owner's, as was found out besides. */
void survey_claim(struct survey *survey, __u64 pfn, __u64 nr, enum record_map_whose owner);

/*
 * Tells all of it as records. @result: 0, or -errno where the pass did not reach its end. @last: no
 * pass follows.
 */
void survey_tell(struct survey *survey, __u64 time, __s64 result, bool last, survey_sink sink,
		 void *context);

#endif
