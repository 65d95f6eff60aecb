/* SPDX-License-Identifier: GPL-2.0 */
/* Records of a walk of the whole direct map. */
#ifndef GMEMTRACE_RECORD_MAP_H
#define GMEMTRACE_RECORD_MAP_H

#include "gmemtrace/record_header.h"

/* Whose a page is that the direct map lacks. Append-only. */
enum record_map_whose {
	RECORD_MAP_PRESENT = 0, /* the direct map has it */
	RECORD_MAP_UNREAD = 1, /* its page table could not be read */
	RECORD_MAP_HOLE = 2, /* nobody's: no memory is there, or none that has a struct page */
	RECORD_MAP_RESERVED =
		3, /* PG_reserved: the firmware's or the boot's, never the allocator's */
	RECORD_MAP_POISONED = 4, /* PG_hwpoison */
	RECORD_MAP_SECRETMEM = 5,
	RECORD_MAP_GMEM = 6,
	RECORD_MAP_KFENCE = 7, /* in kfence's pool */
	RECORD_MAP_VMALLOC = 8, /* mapped in the vmalloc area */
	RECORD_MAP_MODULE = 9, /* mapped where modules and the kernel's text are */
	RECORD_MAP_OFFLINE = 10, /* PGTY_offline: a balloon's, or given back to a hypervisor */
	/* From here on nobody is known who could want it absent; what is known instead: */
	RECORD_MAP_NOBODY = 32, /* nothing: it is in use, by the kernel perhaps */
	RECORD_MAP_FREE = 33, /* the page allocator has it */
	RECORD_MAP_SLAB = 34,
	RECORD_MAP_PAGE_TABLE = 35,
	RECORD_MAP_FILE = 36, /* in the page cache of a file of another kind */
	RECORD_MAP_ANON = 37, /* anonymous memory of a process */
};

enum record_map_bits {
	/* Free pages are absent by design: debug_pagealloc, or an allocator that unmaps. */
	RECORD_MAP_ALLOCATOR_UNMAPS = 1 << 0,
	/* More runs of nobody's pages than were kept (RECORD_MAP_RUNS_MAX): END. */
	RECORD_MAP_CUT = 1 << 1,
	/* No pass follows, the walk is whole: END. Without it the walk was ended, or an older version made it. */
	RECORD_MAP_LAST = 1 << 2,
};

#define RECORD_MAP_RUNS_MAX 65536 /* of one walk */

/*
 * One pass over the direct map: MAP_BEGIN, then what it met, then MAP_END. Pass 0 walks all of it,
 * each one behind it those runs alone that the one before called nobody's. header.inode is 0 in
 * all of them: an owner is named by its i_ino. 56 bytes.
 */
struct record_map_begin {
	struct record_header header; /* time: before the first page table was read */
	__u64 pfn_first; /* the direct map's */
	__u64 pfn_nr;
	__u32 pass; /* from 0 */
	__u32 bits; /* enum record_map_bits */
};

/* The sum of one owner's absent pages in a pass. 72 bytes. */
struct record_map_owner {
	struct record_header header;
	__u64 i_ino; /* SECRETMEM, GMEM, FILE; else 0 */
	__u64 pages;
	__u64 runs; /* of pages that lie side by side */
	__u64 pfn; /* of the first page */
	__u32 pass;
	__u32 owner; /* enum record_map_whose */
};

/* A run of absent pages, RECORD_MAP_NOBODY or behind it. 72 bytes. */
struct record_map_run {
	struct record_header header;
	__u64 pfn;
	__u64 nr; /* pages */
	__u64 i_ino; /* FILE; else 0 */
	__u32 pass;
	__u32 owner; /* enum record_map_whose */
	__u32 shift; /* of the level where the entry is absent: 12, 21, 30, 39, 48 */
	__u32 reserved;
};

/* 104 bytes. */
struct record_map_end {
	struct record_header header; /* time: after the last page table was read */
	__u64 leaves[3]; /* present entries, of 4K, 2M, 1G */
	__u64 absent; /* pages, holes left out */
	__u64 unread; /* pages whose page table could not be read */
	__u64 suspects; /* pages, RECORD_MAP_NOBODY or behind it */
	__s64 result; /* 0, or -errno where the pass did not reach its end */
	__u32 pass;
	__u32 bits; /* enum record_map_bits */
	__u64 reserved;
};

#endif
