/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM in play whose slots lead to pages of several inodes: what its kernel does, right or wrong in one
 * of two dozen ways, as a stream of records; and what is right, page by page, in arrays that know no rule.
 */
#ifndef GMEMTRACE_TESTS_WORLD_H
#define GMEMTRACE_TESTS_WORLD_H

#include "stream.h"

#define INODES 3
#define PAGES 1060 /* of an inode: more than two chunks, and no multiple */
#define SLOTS 6
#define GFNS 4096
#define PFNS 65536
#define FOLIO 512
#define STEPS 160
#define ACTOR 40

enum wrong {
	RIGHT,
	ATTRIBUTE_SHORT, /* the last frame of a conversion keeps its attribute */
	ATTRIBUTE_REFUSED, /* a conversion fails, and the attributes are changed */
	SLOT_FORGOTTEN, /* all but the first slot of a conversion are left alone */
	SLOT_OFFSET, /* a slot's offset into its inode is ignored */
	LAST_PAGE, /* of a range keeps its entry */
	FIRST_PAGE,
	EVERY_EIGHTH,
	CHUNK_EDGE, /* only pages 511 and 512 keep theirs */
	SECOND_SLOT_FIRST_PAGE, /* only where a conversion reaches two */
	FOLIO_TAIL, /* of a large folio only the first page is changed */
	NO_FLUSH,
	LAST_RUN_FLUSHED,
	FIRST_RUN_FLUSHED,
	FLUSH_BEFORE, /* what it is of */
	NO_ROLLBACK, /* of what a failed conversion did to the slots before */
	XARRAY_LAST, /* entry of a range is not stored */
	XARRAY_FIFTH, /* each */
	NEIGHBOUR, /* the frame behind a run changes, too */
	CONFIGURE_NOTHING, /* a page is prepared as it came */
	CONFIGURE_LATE, /* after it was marked as prepared */
	FREED_ABSENT,
	HOLE_UNDECLARES, /* what is punched is as it was by default */
	BIND_FORGETS, /* what was private already */
	IOCTL_INVERTED,
	WRONGS,
};

extern const char *const wrong_names[WRONGS];

struct world_page {
	__u32 pfn; /* 0: none */
	__u32 folio; /* pages of the folio that it is the head of; 0: it is none */
	bool prepared, poisoned;
	bool deviates; /* the xarray */
	bool wanted; /* what the requests add up to: deviates */
	enum model_state promised; /* by KVM; EITHER: nothing, or its user had the last word */
	bool users; /* who had it */
};

struct world_slot {
	int inode; /* -1: none */
	__u64 gfn, pgoff, nr;
};

struct world {
	enum wrong wrong;
	struct world_page pages[INODES][PAGES];
	bool dynamic[INODES]; /* present by default */
	struct world_slot slots[SLOTS];
	bool private[GFNS];
	bool absent[PFNS], used[PFNS];
	__u64 random;
	bool struck, harm; /* it did wrong; and what must be found */
};

extern struct world world;

extern __u64 world_tick; /* ns: between two heartbeats */

/* A world's history, that is @stream's from now on. Draws of the same seed are the same. */
void world_make(struct stream *stream, unsigned int seed, enum wrong wrong);
/* Below @below. */
__u64 world_draw(__u64 below);

#endif
