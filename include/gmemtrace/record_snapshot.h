/* SPDX-License-Identifier: GPL-2.0 */
/* Records of what a snapshot read: xarray and page tables, page by page. */
#ifndef GMEMTRACE_RECORD_SNAPSHOT_H
#define GMEMTRACE_RECORD_SNAPSHOT_H

#include "gmemtrace/record_header.h"

enum record_snapshot_origin {
	RECORD_SNAPSHOT_LIVE = 1, /* asked for by user space */
	RECORD_SNAPSHOT_RELEASE = 2, /* read at the entry of the release routine */
};

/*
 * One chunk of a snapshot. BEGIN stands before the first page was read, END
 * after the last. header.time is the time of each. 104 bytes.
 */
struct record_snapshot {
	struct record_header header;
	__u64 i_ino;
	__u64 pgoff_first; /* pages, inclusive */
	/* pages in this chunk: at most RECORD_SNAPSHOT_CHUNK, or RECORD_SNAPSHOT_EMPTY where it holds nothing */
	__u64 pgoff_nr;
	__u64 inode_pages; /* the inode's size, in pages, at this moment */
	__u64 inode_flags; /* RFC3: kvm_gmem_inode_private.flags; GMEM_PLAIN: KVM's own; else 0 */
	__u32 origin; /* enum record_snapshot_origin */
	__u32 pass; /* 0, 1, ...: which read of the same chunk this is */
	__u32 provider; /* enum record_provider */
	__u32 default_state; /* 1 present, 0 absent: where nothing deviates */
	__u64 snapshot; /* chunks of one snapshot share this number */
	__s64 result; /* END: 0, or -errno: the whole chunk is unknown */
};

#define RECORD_SNAPSHOT_CHUNK 4096
#define RECORD_SNAPSHOT_EMPTY (1 << 18)
#define RECORD_SNAPSHOT_BLOCK_PAGES 64
#define RECORD_SNAPSHOT_PFN_SHIFT 16 /* of a word in record_snapshot_block */

/* What a snapshot saw of a page. Bits, append-only. */
enum record_page_bits {
	RECORD_PAGE_DEVIATES =
		1 << 0, /* the xarray has an entry for the index, or the folio its bit */
	RECORD_PAGE_DECLARED_UNKNOWN = 1 << 1, /* reading the xarray, or the bit, failed */
	RECORD_PAGE_RESIDENT = 1 << 2,
	RECORD_PAGE_RESIDENT_UNKNOWN = 1 << 3,
	RECORD_PAGE_PREPARED = 1 << 4, /* the folio is uptodate */
	RECORD_PAGE_POISONED = 1 << 5, /* HWPoison: its entry is not judged */
	RECORD_PAGE_PRESENT = 1 << 6, /* the direct map's entry is present */
	RECORD_PAGE_APPLIED_UNKNOWN = 1 << 7, /* reading the page tables failed */
	RECORD_PAGE_LOCKED = 1 << 8, /* at a release: the folio is locked */
	RECORD_PAGE_ASTRAY = 1 << 9, /* the entry is present and maps another page frame */
	/* An entry of 4K is present and not global, where RECORD_FACT_GLOBAL says that others are. */
	RECORD_PAGE_NON_GLOBAL = 1 << 10,
	/*
	 * At a release: references to the folio beyond those of the page cache and of maps, from 2 on;
	 * 15 is as many or more. One alone is that of a list on which a CPU collects folios.
	 */
	RECORD_PAGE_REFERENCES = 0xf << 12,
};

#define RECORD_PAGE_REFERENCES_SHIFT 12

/* Ring form: one word a page, pfn in the upper 48 bits, enum record_page_bits below. */
struct record_snapshot_block {
	struct record_header header;
	__u64 i_ino;
	__u64 pgoff; /* of pages[0] */
	__u64 nr; /* words used */
	__u64 snapshot; /* as in the enclosing record_snapshot */
	__u64 pages[RECORD_SNAPSHOT_BLOCK_PAGES];
};

/* Ring form of blocks that go on alike: words ascend by a pfn a page, or stay where none is resident. */
struct record_snapshot_run {
	struct record_header header;
	__u64 i_ino;
	__u64 pgoff; /* of the first page */
	__u64 word; /* of the first page, as in record_snapshot_block.pages */
	__u64 nr; /* pages */
	__u64 snapshot; /* as in the enclosing record_snapshot */
};

/*
 * Sealed form: a run of pages alike, their pfns ascending by one (or none
 * resident). Pages neither resident nor deviating are not listed. 64 bytes.
 */
struct record_snapshot_page {
	struct record_header header;
	__u64 pgoff;
	__u64 pfn; /* of the first page; 0 where not resident */
	__u32 nr; /* pages */
	__u32 bits; /* enum record_page_bits */
	__u64 snapshot; /* as in the enclosing record_snapshot */
};

#endif
