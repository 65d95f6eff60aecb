/* SPDX-License-Identifier: GPL-2.0 */
/* What is, page by page: an inode's pages, and whose a pfn is. src/model alone includes this. */
#ifndef GMEMTRACE_MODEL_PAGES_H
#define GMEMTRACE_MODEL_PAGES_H

#include "model/state.h"

#define CHUNK_SHIFT 9
#define CHUNK_PAGES (1U << CHUNK_SHIFT)
#define CHUNK_WORDS (CHUNK_PAGES / 64)
#define REGION_SHIFT 18 /* pages: 1 GiB */
#define REGION_CHUNKS (1U << (REGION_SHIFT - CHUNK_SHIFT))

enum page_flags {
	PAGE_RESIDENT = 1 << 0,
	PAGE_PREPARED = 1 << 1,
	PAGE_POISONED = 1 << 2,
	PAGE_SURE = 1 << 3,
	PAGE_EXPOSED = 1 << 4,
	PAGE_LOOSE = 1 << 5, /* has an entry in model->loose */
	PAGE_APPLIED_SHIFT = 6, /* two bits, enum model_state */
	PAGE_APPLIED_MASK = 3 << PAGE_APPLIED_SHIFT,
};

struct page {
	__u64 pfn : 40;
	__u64 flags : 8;
} __attribute__((packed));

_Static_assert(sizeof(struct page) == 6, "pages are what the memory goes to");

/* Pages of one chunk, one behind the other, whose flags are equal, and whose pfns ascend. */
struct page_span {
	struct chunk_slot *slot; /* NULL: none */
	struct page *pages; /* NULL: none of them is there */
	__u64 nr;
	bool like; /* pages[0] stands for all of them */
};

/* A bit a page. */
enum chunk_bitmap {
	BITS_PRESENT, /* declared: present is legal */
	BITS_ABSENT, /* declared: absent is legal */
	BITS_SEEN, /* a settled read stands behind what is declared, or its history is whole */
	BITS_COMPARED,
	BITS_TOUCHED, /* since the read at hand began */
	BITS_CHANGED, /* since a read last compared it; what a release does to it is not counted */
	BITS_WAS_ABSENT, /* as far as is known, and was not read present since */
	BITS_NR,
};

/* The same, of chunks that have any of them. */
enum chunk_mark {
	MARK_UNSETTLED, /* wants another read */
	MARK_SUSPECT_DECLARED, /* differed in a settled read, untouched since */
	MARK_SUSPECT_APPLIED,
	MARK_PROVEN_DECLARED, /* reported; until something changes it */
	MARK_PROVEN_APPLIED,
	MARK_LEFT_LOCKED, /* so at its inode's release, read once */
	MARK_LEFT_REFERENCED,
	MARK_NR,
};

/* A chunk knows what touched its pages since it is there, and `touched` of what was before. */
#define READ_BORN 1

struct chunk {
	__u64 bits[BITS_NR][CHUNK_WORDS];
	__u64 (*marks)[CHUNK_WORDS]; /* MARK_NR; NULL: none is set */
	__u64 touched; /* ns: any of them, before there was the chunk */
	__u64 read_begin; /* ns: of the read at hand; 0 none, READ_BORN: it may have begun before */
	__u64 read_end; /* ns: of the last read */
	__u64 suspect_since; /* ns: begin of the read of the oldest suspect */
	struct page *pages; /* NULL: none was ever resident */
	struct chunk_times *times; /* NULL: none; see changed.c */
	__u64 changed; /* ns: of those that have none, the last change of any */
	__u64 changed_last; /* ns: the last of `times` */
	struct chunk *timed_next, *timed_last; /* others with times */
	__u32 pass;
	__u8 tries;
	bool requested; /* a reread was handed out and has not come back */
	bool known; /* as in chunk_slot */
};

/* When each page of a chunk last changed; see changed.c. */
struct chunk_times {
	struct chunk_times *next; /* spare ones */
	__u64 known[CHUNK_WORDS]; /* a bit a page */
	__u64 time[CHUNK_PAGES]; /* ns */
};

/* 512 chunks, or all their pages alike. */
struct chunk_slot {
	struct chunk *chunk; /* NULL: all pages alike */
	__u64 last_change; /* ns: of any of its pages, while there is no chunk */
	__u64 touched;
	struct page like; /* the first page; the others' pfns ascend from its */
	__u8 legal; /* enum model_state */
	bool seen, compared, changed, was_absent;
	bool known; /* what its pages are, and are to be; or it was once */
};

struct region {
	struct chunk_slot *slots; /* NULL: all pages alike */
	__u64 touched;
	__u8 legal;
	bool seen, compared, changed, known;
};

static inline bool bit_test(const __u64 *bits, __u32 bit)
{
	return bits[bit / 64] >> (bit % 64) & 1;
}

static inline void bit_put(__u64 *bits, __u32 bit, bool value)
{
	__u64 mask = 1ULL << (bit % 64);

	bits[bit / 64] = value ? bits[bit / 64] | mask : bits[bit / 64] & ~mask;
}

/* extent.c: an inode's pages */
struct region *extent_region(struct model *model, struct inode *inode, __u64 pgoff, bool add);
struct chunk_slot *extent_slot_get(struct model *model, struct inode *inode, __u64 pgoff, bool add);
static inline struct chunk_slot *extent_slot(struct model *model, struct inode *inode, __u64 pgoff,
					     bool add)
{
	if (inode->slot_cached == (pgoff >> CHUNK_SHIFT) + 1)
		return inode->slot;
	return extent_slot_get(model, inode, pgoff, add);
}

struct chunk *extent_chunk(struct model *model, struct inode *inode, __u64 pgoff);
struct page *extent_page(struct model *model, struct inode *inode, __u64 pgoff);
/*
 * The page at @pgoff, or one that stands for the whole chunk where [pgoff, pgoff + nr) begins with
 * one of which nothing is known page by page. @weight: pages that it stands for.
 */
struct page *extent_pages(struct model *model, struct inode *inode, __u64 pgoff, __u64 nr,
			  __u64 *weight);
/*
 * The pages from @pgoff on that are alike, at most @nr. Whoever changes one changes all of them: by
 * run_write().
 */
void extent_run(struct model *model, struct inode *inode, __u64 pgoff, __u64 nr,
		struct page_span *run);
/* The page at @pgoff, where its chunk has a place for each; false: it has none. */
static inline bool extent_single(struct model *model, struct inode *inode, __u64 pgoff,
				 struct page_span *run)
{
	struct chunk_slot *slot = extent_slot(model, inode, pgoff, false);

	if (!slot || !slot->chunk || !slot->chunk->pages)
		return false;
	*run = (struct page_span){
		.slot = slot,
		.pages = &slot->chunk->pages[pgoff & (CHUNK_PAGES - 1)],
		.nr = 1,
	};
	return true;
}

/* A copy of a resident page. false: it is not resident. */
bool extent_page_read(const struct inode *inode, __u64 pgoff, struct page *page);
/* The slot of @pgoff, or NULL. @region: NULL where there is none. */
struct chunk_slot *extent_slot_find(const struct inode *inode, __u64 pgoff,
				    const struct region **region);
/* How many of @nr pages from @pgoff on are alike for certain: where they are there, their pfns ascend. */
__u64 extent_alike(const struct inode *inode, __u64 pgoff, __u64 nr);
static inline enum model_state chunk_legal(const struct chunk *chunk, __u32 bit)
{
	__u32 present = bit_test(chunk->bits[BITS_PRESENT], bit) ? MODEL_PRESENT : 0;

	return (enum model_state)(present |
				  (bit_test(chunk->bits[BITS_ABSENT], bit) ? MODEL_ABSENT : 0));
}

enum model_state extent_legal(const struct inode *inode, __u64 pgoff);
/* Declares [first, last]: replaces what is legal, or adds to it. */
void extent_declare(struct model *model, struct inode *inode, __u64 first, __u64 last, __u8 legal,
		    bool add);
/* A request on [first, last] ended. @declared: it may have changed what is declared. */
void extent_touch(struct inode *inode, __u64 first, __u64 last, __u64 time, bool declared);
/* A run at @pgoff was changed. */
void extent_touch_pages(struct inode *inode, const struct page_span *run, __u64 pgoff, __u64 time);
static inline void extent_touch_run(struct inode *inode, const struct page_span *run, __u64 pgoff,
				    __u64 time)
{
	struct chunk *chunk = run->slot->chunk;
	__u32 bit = (__u32)(pgoff & (CHUNK_PAGES - 1));

	if (run->nr != 1 || !chunk || chunk->marks) {
		extent_touch_pages(inode, run, pgoff, time);
		return;
	}
	if (chunk->read_begin)
		bit_put(chunk->bits[BITS_TOUCHED], bit, true);
	if (!inode->closing)
		bit_put(chunk->bits[BITS_CHANGED], bit, true);
}

/* Whether pages, alike and of one slot, were absent since they came. */
void extent_mark_absence(struct chunk_slot *slot, __u64 pgoff, __u64 nr, bool value);
static inline void run_mark_absence(const struct page_span *run, __u64 pgoff)
{
	if (run->nr == 1 && run->slot->chunk)
		bit_put(run->slot->chunk->bits[BITS_WAS_ABSENT], (__u32)(pgoff & (CHUNK_PAGES - 1)),
			true);
	else
		extent_mark_absence(run->slot, pgoff, run->nr, true);
}

/* A read of [first, last] begins. */
void extent_read_begin(struct inode *inode, __u64 first, __u64 last, __u64 time);
/* Pages that were not compared since something happened to them; those that no read ever compared apart. */
struct uncompared {
	__u64 changed, changed_unread; /* and do not want to be read again */
	__u64 again_unread; /* want to be */
};
void extent_uncompared(const struct inode *inode, struct uncompared *counts);
/* The bitmap of a mark, to be read. */
static inline const __u64 *chunk_marks(const struct chunk *chunk, enum chunk_mark mark)
{
	static const __u64 none[CHUNK_WORDS];

	return chunk->marks ? chunk->marks[mark] : none;
}

void chunk_mark(struct model *model, struct inode *inode, struct chunk *chunk, enum chunk_mark mark,
		__u32 bit, bool value);
/* No page has the mark any more. */
void chunk_unmark_all(struct chunk *chunk, enum chunk_mark mark);
void extent_free(struct model *model, struct inode *inode);

static inline __u32 bits_count(const __u64 *bits)
{
	__u32 count = 0;

	for (size_t i = 0; i < CHUNK_WORDS; i++)
		count += (__u32)__builtin_popcountll(bits[i]);
	return count;
}

/* The part of [first, last] that lies in word @word of the chunk at @start. */
static inline __u64 bits_range(__u64 start, size_t word, __u64 first, __u64 last)
{
	__u64 low = start + word * 64, high = low + 63, mask = ~0ULL;

	if (last < low || first > high)
		return 0;
	if (first > low)
		mask &= ~0ULL << (first - low);
	if (last < high)
		mask &= ~0ULL >> (high - last);
	return mask;
}

static inline enum model_state page_applied(const struct page *page)
{
	return (enum model_state)((page->flags & PAGE_APPLIED_MASK) >> PAGE_APPLIED_SHIFT);
}

static inline void page_set(struct page *page, __u32 flags, bool value)
{
	page->flags = (value ? page->flags | flags : page->flags & ~flags) & 0xff;
}

static inline void run_write(const struct page_span *run, __u32 flags)
{
	__u64 entries = run->like ? 1 : run->nr;

	for (__u64 i = 0; i < entries; i++)
		run->pages[i].flags = flags & 0xff;
}

/* The flags of a run that is made absent or present; they are the caller's to write. */
static inline __u32 run_applied(struct inode *inode, const struct page_span *run,
				enum model_state applied)
{
	if (page_applied(run->pages) == MODEL_ABSENT)
		inode->base.absent -= run->nr;
	if (applied == MODEL_ABSENT)
		inode->base.absent += run->nr;
	return (run->pages->flags & ~(__u32)PAGE_APPLIED_MASK) | (__u32)applied
									 << PAGE_APPLIED_SHIFT;
}

/* @page stands for @weight pages. */
static inline void page_apply(struct inode *inode, struct page *page, __u64 weight,
			      enum model_state applied)
{
	if (page_applied(page) == MODEL_ABSENT)
		inode->base.absent -= weight;
	if (applied == MODEL_ABSENT)
		inode->base.absent += weight;
	page_set(page, PAGE_APPLIED_MASK, false);
	page_set(page, (__u32)applied << PAGE_APPLIED_SHIFT, true);
}

/* resident.c: the chunk at @pgoff, which lies in a region, or NULL; @skip: the last offset of which the same is said */
const struct chunk *chunk_find(const struct inode *inode, __u64 pgoff, __u64 *skip);

/* changed.c */
/* When it last changed, ns; where not @exact, that is the last change of it and its neighbours. */
static inline __u64 page_changed(const struct chunk_slot *slot, __u64 pgoff, bool *exact)
{
	const struct chunk *chunk = slot->chunk;
	__u32 bit = (__u32)(pgoff & (CHUNK_PAGES - 1));

	*exact = !chunk || (chunk->times && bit_test(chunk->times->known, bit));
	if (!chunk)
		return slot->last_change;
	return *exact ? chunk->times->time[bit] : chunk->changed;
}

/* The last of several, which lie in the slot. */
__u64 pages_changed(const struct chunk_slot *slot, __u64 pgoff, __u64 nr);
void run_mark_changed(struct model *model, struct chunk_slot *slot, __u64 pgoff, __u64 nr,
		      __u64 time);
static inline void pages_mark_changed(struct model *model, struct chunk_slot *slot, __u64 pgoff,
				      __u64 nr, __u64 time)
{
	struct chunk *chunk = slot->chunk;
	__u32 bit = (__u32)(pgoff & (CHUNK_PAGES - 1));

	if (nr != 1 || !chunk || !chunk->times || time < chunk->changed_last) {
		run_mark_changed(model, slot, pgoff, nr, time);
		return;
	}
	chunk->changed_last = chunk->times->time[bit] = time;
	bit_put(chunk->times->known, bit, true);
}

void chunk_forget_times(struct model *model, struct chunk *chunk);
/* A watermark has passed: times that nobody needs any more are forgotten. */
void changes_settle(struct model *model, __u64 now);
void changes_free(struct model *model);

/* pfn.c: whose a pfn is */
enum pfn_owner {
	PFN_NONE,
	PFN_OWNED,
	PFN_LEFT, /* left its inode while absent */
	PFN_ZAPPED, /* zapped, never known to be anyone's */
	PFN_FREED, /* went back to the allocator absent, or together with one that was */
};

/* Whose it is said to be, or was, without a look at the page there; NULL: nobody's. false: and zapped. */
bool pfn_claim(const struct model *model, __u64 pfn, struct inode **inode, __u64 *pgoff);
enum pfn_owner pfn_find(const struct model *model, __u64 pfn, struct inode **inode, __u64 *pgoff);
/* The same, and how many of @nr from @pfn on are alike, their offsets and pages included. */
__u64 pfn_run(const struct model *model, __u64 pfn, __u64 nr, enum pfn_owner *owner,
	      struct inode **inode, __u64 *pgoff);
/* Whether it was zapped when nobody had it, or when it left. */
bool pfn_is_absent(const struct model *model, __u64 pfn);
void pfn_own(struct model *model, const struct inode *inode, __u64 pgoff, __u64 pfn, __u64 nr);
void pfn_mark_zapped(struct model *model, __u64 pfn, __u64 nr, bool zapped);
/* Those that are @inode's pages from @pgoff on have left it. */
void pfn_mark_left(struct model *model, const struct inode *inode, __u64 pgoff, __u64 pfn, __u64 nr,
		   bool absent);
void pfn_mark_freed(struct model *model, __u64 pfn, const struct inode *inode, __u64 pgoff);
void pfn_clear(struct model *model, __u64 pfn, __u64 nr);
/* Their owner is done with them: only absent ones are still of interest. */
void pfn_leave(struct model *model, __u64 pfn, __u64 nr);
void pfn_free_all(struct model *model);

/* page.c: residency */
/* As pfn_run(), over as many blocks and chunks as are alike. */
__u64 page_run(const struct model *model, __u64 pfn, __u64 nr, enum pfn_owner *owner,
	       struct inode **inode, __u64 *pgoff);
/* Makes the page resident; drops whoever was known there before. NULL: no memory. */
struct page *page_join(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn);
/* What a page of @inode's is that nobody is known to have changed: as the allocator gives it away. */
static inline enum model_state page_given(const struct inode *inode)
{
	return (enum model_state)provider_of(inode->base.provider)->freed;
}

/* The same where nobody is at @page, which is the one at @pgoff, and nobody has the pfn. */
void page_place(struct model *model, struct inode *inode, __u64 pgoff, struct page *page, __u64 pfn,
		enum model_state applied);
/* Takes pages out of their inode; those that have another pfn stay. */
void page_leave(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn, __u64 nr);
/* Whether what is known of the pfns so far is alike: who has or had them. */
bool pages_alike(const struct model *model, __u64 pfn, __u64 nr);
/* A run of pages joins, as page_join(). 0, or -ENOMEM. */
int pages_join(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn, __u64 nr);

#endif
