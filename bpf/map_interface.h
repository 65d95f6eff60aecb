/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bpf/map.bpf.c and src/sensor/mapper.c agree on: a walk of page tables, a part of it a call,
 * that goes on where the last one ended.
 */
#ifndef GMEMTRACE_BPF_MAP_INTERFACE_H
#define GMEMTRACE_BPF_MAP_INTERFACE_H

#include "interface.h"

#define MAP_BLOCK 64 /* entries that are read at once */
#define MAP_RUNS_NR 4096U /* runs that a call can tell of, a power of two */
#define MAP_BLOCKS_CALL 4096U /* blocks that a call looks at at most */

enum map_space {
	MAP_SPACE_DIRECT = 0, /* whose are the pages that are absent? */
	MAP_SPACE_OTHER = 1, /* which of those that are wanted are mapped here? */
};

/* Set before the load, beside struct sensor_config. */
struct map_config {
	__u64 kfence_first; /* pfn */
	__u64 kfence_nr; /* pages; 0: there is no pool, or it is not known where */
	__u64 wanted_nr; /* pfns that the map `wanted` has a bit for */
};

struct map_args {
	__u64 next; /* address to begin at; out: to go on at */
	__u64 end; /* address, exclusive */
	__u32 space; /* enum map_space */
	__u32 blocks; /* that this call may look at */
	/* Out: */
	__u32 runs; /* told of in map_runs[] */
	__u32 reserved;
	__u64 leaves[3]; /* present entries met, of 4K, 2M, 1G */
};

/* What a run is: whose, and at which level its entries are. */
#define MAP_WHAT(owner, shift) ((__u64)(owner) | (__u64)(shift) << 8)
#define MAP_WHAT_OWNER(what) ((__u32)((what)&0xff))
#define MAP_WHAT_SHIFT(what) ((__u32)((what) >> 8 & 0xff))

/* Pages side by side that are alike. In MAP_SPACE_OTHER: mapped there by one entry, some wanted. */
struct map_run {
	__u64 pfn;
	__u64 nr; /* pages */
	__u64 what; /* MAP_WHAT() */
	__u64 i_ino; /* of the owner, where that is an inode */
};

/* The walker's own, a global: what it is at, and the list that a call leaves behind. */
struct map_scratch {
	__u64 next, end; /* addresses, as in struct map_args */
	__u32 space;
	__u32 runs;
	__u64 leaves[3];
	struct map_run run; /* not told of yet; nr 0: none */
	__u64 i_ino; /* what map_owner() says beside the owner */
	__u64 mapping, mapping_owner, mapping_i_ino; /* the last one that it looked at */
	__u64 entries[MAP_BLOCK];
	__u64 page[8]; /* a struct page */
	struct map_run list[MAP_RUNS_NR];
};

#endif
