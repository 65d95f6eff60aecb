// SPDX-License-Identifier: GPL-2.0
/*
 * The pages of an inode: regions of 1 GiB, chunks of 2 MiB, pages; each level
 * exists only where the one above cannot speak for all of its pages alike.
 */
#include "model/pages.h"
#include "model/state.h"

#define CHUNK_MASK (CHUNK_PAGES - 1ULL)
#define REGION_MASK ((1ULL << REGION_SHIFT) - 1)

struct region *extent_region(struct model *model, struct inode *inode, __u64 pgoff, bool add)
{
	size_t index = (size_t)(pgoff >> REGION_SHIFT), nr = inode->regions_nr;
	struct region *regions;

	if (index < nr)
		return &inode->regions[index];
	if (!add || pgoff >= MODEL_PGOFF_MAX)
		return NULL;
	nr = index + 1 > nr * 2 ? index + 1 : nr * 2;
	regions = model_alloc(model, nr * sizeof(*regions));
	if (!regions)
		return NULL;
	if (inode->regions_nr)
		memcpy(regions, inode->regions, inode->regions_nr * sizeof(*regions));
	model_release(model, inode->regions, inode->regions_nr * sizeof(*regions));
	for (size_t i = inode->regions_nr; i < nr; i++) {
		regions[i].legal = inode->legal;
		regions[i].seen = inode->seen;
	}
	inode->regions = regions;
	inode->regions_nr = nr;
	return &regions[index];
}

static bool region_split(struct model *model, struct region *region)
{
	region->slots = model_alloc(model, REGION_CHUNKS * sizeof(*region->slots));
	if (!region->slots)
		return false;
	for (size_t i = 0; i < REGION_CHUNKS; i++) {
		struct chunk_slot *slot = &region->slots[i];

		slot->touched = region->touched;
		slot->legal = region->legal;
		slot->seen = region->seen;
		slot->compared = region->compared;
		slot->changed = region->changed;
		slot->known = region->known;
	}
	return true;
}

struct chunk_slot *extent_slot_get(struct model *model, struct inode *inode, __u64 pgoff, bool add)
{
	struct region *region;

	region = extent_region(model, inode, pgoff, add);
	if (!region || (!region->slots && (!add || !region_split(model, region))))
		return NULL;
	/* Slots stay where they are until the inode has none. */
	inode->slot_cached = (pgoff >> CHUNK_SHIFT) + 1;
	inode->slot = &region->slots[(pgoff & REGION_MASK) >> CHUNK_SHIFT];
	return inode->slot;
}

/* The pages get a place each. */
static bool chunk_spread(struct model *model, struct chunk_slot *slot, struct chunk *chunk)
{
	chunk->pages = model_alloc(model, CHUNK_PAGES * sizeof(*chunk->pages));
	if (!chunk->pages) {
		model_release(model, chunk, sizeof(*chunk));
		return false;
	}
	for (__u64 i = 0; i < CHUNK_PAGES; i++) {
		chunk->pages[i] = slot->like;
		chunk->pages[i].pfn = (slot->like.pfn + i) & (PFN_MAX - 1);
	}
	memset(&slot->like, 0, sizeof(slot->like));
	return true;
}

struct chunk *extent_chunk(struct model *model, struct inode *inode, __u64 pgoff)
{
	struct chunk_slot *slot = extent_slot(model, inode, pgoff, true);
	struct chunk *chunk;

	if (!slot || slot->chunk)
		return slot ? slot->chunk : NULL;
	chunk = model_alloc(model, sizeof(*chunk));
	if (!chunk)
		return NULL;
	memset(chunk->bits[BITS_PRESENT], slot->legal & MODEL_PRESENT ? 0xff : 0,
	       sizeof(chunk->bits[0]));
	memset(chunk->bits[BITS_ABSENT], slot->legal & MODEL_ABSENT ? 0xff : 0,
	       sizeof(chunk->bits[0]));
	memset(chunk->bits[BITS_SEEN], slot->seen ? 0xff : 0, sizeof(chunk->bits[0]));
	memset(chunk->bits[BITS_COMPARED], slot->compared ? 0xff : 0, sizeof(chunk->bits[0]));
	memset(chunk->bits[BITS_CHANGED], slot->changed ? 0xff : 0, sizeof(chunk->bits[0]));
	memset(chunk->bits[BITS_WAS_ABSENT], slot->was_absent ? 0xff : 0, sizeof(chunk->bits[0]));
	chunk->touched = slot->touched;
	chunk->changed = slot->last_change;
	chunk->known = slot->known;
	chunk->read_begin = READ_BORN;
	if (slot->like.flags & PAGE_RESIDENT && !chunk_spread(model, slot, chunk))
		return NULL;
	slot->chunk = chunk;
	return chunk;
}

struct page *extent_page(struct model *model, struct inode *inode, __u64 pgoff)
{
	struct chunk *chunk = extent_chunk(model, inode, pgoff);

	if (!chunk)
		return NULL;
	if (!chunk->pages)
		chunk->pages = model_alloc(model, CHUNK_PAGES * sizeof(*chunk->pages));
	return chunk->pages ? &chunk->pages[pgoff & CHUNK_MASK] : NULL;
}

struct chunk_slot *extent_slot_find(const struct inode *inode, __u64 pgoff,
				    const struct region **region)
{
	size_t index = (size_t)(pgoff >> REGION_SHIFT);

	*region = NULL;
	if (index >= inode->regions_nr)
		return NULL;
	*region = &inode->regions[index];
	if (!(*region)->slots)
		return NULL;
	return &(*region)->slots[(pgoff & REGION_MASK) >> CHUNK_SHIFT];
}

bool extent_page_read(const struct inode *inode, __u64 pgoff, struct page *page)
{
	const struct region *region;
	const struct chunk_slot *slot = inode->slot_cached == (pgoff >> CHUNK_SHIFT) + 1
						? inode->slot
						: extent_slot_find(inode, pgoff, &region);

	if (!slot || (slot->chunk && !slot->chunk->pages))
		return false;
	*page = slot->chunk ? slot->chunk->pages[pgoff & CHUNK_MASK] : slot->like;
	if (!slot->chunk)
		page->pfn = (page->pfn + (pgoff & CHUNK_MASK)) & (PFN_MAX - 1);
	return page->flags & PAGE_RESIDENT;
}

static inline __u64 page_bits(const struct page *page)
{
	__u32 low;
	__u16 high;

	memcpy(&low, page, sizeof(low));
	memcpy(&high, (const __u8 *)page + sizeof(low), sizeof(high));
	return low | (__u64)high << 32;
}

/* How many of @nr are alike: where they are there, their pfns ascend. */
static __u64 pages_like(const struct page *pages, __u64 nr)
{
	__u64 first = page_bits(pages), i = 1;

	if (pages->flags & PAGE_RESIDENT) {
		/* The pfn is at the low end: a page further is one more. */
		while (i < nr && page_bits(&pages[i]) == first + i)
			i++;
	} else {
		while (i < nr && pages[i].flags == pages->flags)
			i++;
	}
	return i;
}

__u64 extent_alike(const struct inode *inode, __u64 pgoff, __u64 nr)
{
	__u64 left = CHUNK_PAGES - (pgoff & CHUNK_MASK);
	const struct region *region;
	const struct chunk_slot *slot = extent_slot_find(inode, pgoff, &region);

	left = left < nr ? left : nr;
	if (!slot || !slot->chunk || !slot->chunk->pages)
		return left;
	return pages_like(&slot->chunk->pages[pgoff & CHUNK_MASK], left);
}

struct page *extent_pages(struct model *model, struct inode *inode, __u64 pgoff, __u64 nr,
			  __u64 *weight)
{
	struct chunk_slot *slot = extent_slot(model, inode, pgoff, true);

	*weight = 1;
	if (!slot || slot->chunk || pgoff & CHUNK_MASK || nr < CHUNK_PAGES)
		return extent_page(model, inode, pgoff);
	*weight = CHUNK_PAGES;
	return &slot->like;
}

void extent_run(struct model *model, struct inode *inode, __u64 pgoff, __u64 nr,
		struct page_span *run)
{
	__u64 left = CHUNK_PAGES - (pgoff & CHUNK_MASK);
	struct chunk_slot *slot = extent_slot(model, inode, pgoff, false);
	struct chunk *chunk;

	*run = (struct page_span){ .slot = slot, .nr = left < nr ? left : nr };
	if (!slot || (!slot->chunk && !(slot->like.flags & PAGE_RESIDENT)))
		return;
	if (!slot->chunk && run->nr == CHUNK_PAGES) {
		run->pages = &slot->like;
		run->like = true;
		return;
	}
	chunk = extent_chunk(model, inode, pgoff);
	if (!chunk || !chunk->pages)
		return;
	run->pages = &chunk->pages[pgoff & CHUNK_MASK];
	if (run->nr > 1)
		run->nr = pages_like(run->pages, run->nr);
}

enum model_state extent_legal(const struct inode *inode, __u64 pgoff)
{
	const struct region *region;
	const struct chunk_slot *slot = extent_slot_find(inode, pgoff, &region);

	if (!region)
		return inode->legal;
	if (!slot)
		return region->legal;
	if (!slot->chunk)
		return slot->legal;
	return chunk_legal(slot->chunk, (__u32)(pgoff & CHUNK_MASK));
}

static void chunk_declare(struct chunk *chunk, __u64 start, __u64 first, __u64 last, __u8 legal,
			  bool add)
{
	for (size_t word = 0; word < CHUNK_WORDS; word++) {
		__u64 mask = bits_range(start, word, first, last);
		__u64 *present = &chunk->bits[BITS_PRESENT][word];
		__u64 *absent = &chunk->bits[BITS_ABSENT][word];

		if (!add) {
			*present &= ~mask;
			*absent &= ~mask;
		}
		if (legal & MODEL_PRESENT)
			*present |= mask;
		if (legal & MODEL_ABSENT)
			*absent |= mask;
	}
}

static void region_declare(struct model *model, struct inode *inode, __u64 first, __u64 last,
			   __u8 legal, bool add)
{
	for (__u64 start = first & ~CHUNK_MASK; start <= last; start += CHUNK_PAGES) {
		struct chunk_slot *slot = extent_slot(model, inode, start, true);
		bool whole = start >= first && start + CHUNK_MASK <= last;
		struct chunk *chunk;

		if (!slot)
			return;
		if (!slot->chunk && (add ? slot->legal | legal : legal) == slot->legal)
			continue;
		if (!slot->chunk && whole) {
			slot->legal = add ? slot->legal | legal : legal;
			continue;
		}
		chunk = extent_chunk(model, inode, start);
		if (chunk)
			chunk_declare(chunk, start, first, last, legal, add);
	}
}

void extent_declare(struct model *model, struct inode *inode, __u64 first, __u64 last, __u8 legal,
		    bool add)
{
	__u64 start;

	if (last >= MODEL_PGOFF_MAX)
		last = MODEL_PGOFF_MAX - 1;
	for (start = first & ~REGION_MASK; start <= last; start += REGION_MASK + 1) {
		struct region *region = extent_region(model, inode, start, true);
		__u64 end = start + REGION_MASK;

		if (!region)
			return;
		if (!region->slots && (add ? region->legal | legal : legal) == region->legal)
			continue;
		if (!region->slots && start >= first && end <= last)
			region->legal = add ? region->legal | legal : legal;
		else
			region_declare(model, inode, start > first ? start : first,
				       end < last ? end : last, legal, add);
	}
}

void chunk_mark(struct model *model, struct inode *inode, struct chunk *chunk, enum chunk_mark mark,
		__u32 bit, bool value)
{
	if (!chunk->marks) {
		if (!value)
			return;
		chunk->marks = model_alloc(model, MARK_NR * sizeof(*chunk->marks));
		if (!chunk->marks)
			return;
	}
	if (bit_test(chunk->marks[mark], bit) == value)
		return;
	bit_put(chunk->marks[mark], bit, value);
	if (mark == MARK_UNSETTLED)
		inode->unsettled += value ? 1 : -1ULL;
}

void chunk_unmark_all(struct chunk *chunk, enum chunk_mark mark)
{
	if (chunk->marks)
		memset(chunk->marks[mark], 0, sizeof(chunk->marks[mark]));
}

static void chunk_touch(struct inode *inode, struct chunk *chunk, size_t word, __u64 mask,
			bool declared)
{
	if (chunk->read_begin)
		chunk->bits[BITS_TOUCHED][word] |= mask;
	if (!inode->closing)
		chunk->bits[BITS_CHANGED][word] |= mask;
	if (!chunk->marks)
		return;
	chunk->marks[MARK_SUSPECT_DECLARED][word] &= ~mask;
	chunk->marks[MARK_SUSPECT_APPLIED][word] &= ~mask;
	chunk->marks[MARK_PROVEN_APPLIED][word] &= ~mask;
	if (declared)
		chunk->marks[MARK_PROVEN_DECLARED][word] &= ~mask;
}

static void time_raise(__u64 *time, __u64 to)
{
	if (*time < to)
		*time = to;
}

static void region_touch(struct inode *inode, struct region *region, __u64 first, __u64 last,
			 __u64 time, bool declared)
{
	for (__u64 start = first & ~CHUNK_MASK; start <= last; start += CHUNK_PAGES) {
		struct chunk_slot *slot = &region->slots[(start & REGION_MASK) >> CHUNK_SHIFT];

		if (!slot->chunk) {
			time_raise(&slot->touched, time);
			slot->changed |= !inode->closing;
			continue;
		}
		for (size_t word = 0; word < CHUNK_WORDS; word++)
			chunk_touch(inode, slot->chunk, word, bits_range(start, word, first, last),
				    declared);
	}
}

void extent_touch(struct inode *inode, __u64 first, __u64 last, __u64 time, bool declared)
{
	__u64 extent = (__u64)inode->regions_nr << REGION_SHIFT;

	if (first >= extent)
		return;
	if (last >= extent)
		last = extent - 1;
	for (__u64 start = first & ~REGION_MASK; start <= last; start += REGION_MASK + 1) {
		struct region *region = &inode->regions[start >> REGION_SHIFT];
		__u64 end = start + REGION_MASK;

		/* Conservative where a part stands for the whole: read again, never misjudged. */
		if (!region->slots) {
			time_raise(&region->touched, time);
			region->changed |= !inode->closing;
			continue;
		}
		region_touch(inode, region, start > first ? start : first, end < last ? end : last,
			     time, declared);
	}
}

void extent_touch_pages(struct inode *inode, const struct page_span *run, __u64 pgoff, __u64 time)
{
	struct chunk *chunk = run->slot->chunk;
	__u64 first = pgoff & CHUNK_MASK, last = first + run->nr - 1;

	if (!chunk) {
		time_raise(&run->slot->touched, time);
		run->slot->changed |= !inode->closing;
		return;
	}
	for (size_t word = first / 64; word <= last / 64; word++)
		chunk_touch(inode, chunk, word, bits_range(0, word, first, last), false);
}

void extent_mark_absence(struct chunk_slot *slot, __u64 pgoff, __u64 nr, bool value)
{
	__u64 first = pgoff & CHUNK_MASK, last = first + nr - 1;

	if (!slot->chunk) {
		slot->was_absent = value;
		return;
	}
	for (size_t word = first / 64; word <= last / 64; word++) {
		__u64 mask = bits_range(0, word, first, last);
		__u64 *bits = &slot->chunk->bits[BITS_WAS_ABSENT][word];

		*bits = value ? *bits | mask : *bits & ~mask;
	}
}

void extent_read_begin(struct inode *inode, __u64 first, __u64 last, __u64 time)
{
	for (__u64 start = first & ~CHUNK_MASK; start <= last; start += CHUNK_PAGES) {
		const struct region *region;
		const struct chunk_slot *slot = extent_slot_find(inode, start, &region);

		/* Another read at hand needs what was touched since it began. */
		if (!slot || !slot->chunk || slot->chunk->read_begin > READ_BORN)
			continue;
		slot->chunk->read_begin = time;
		memset(slot->chunk->bits[BITS_TOUCHED], 0, sizeof(slot->chunk->bits[0]));
	}
}

/* Pages of an extent of @size at @start that lie in the inode. */
static __u64 extent_within(const struct inode *inode, __u64 start, __u64 size)
{
	__u64 pages = inode->base.pages;

	if (start >= pages)
		return 0;
	return pages - start < size ? pages - start : size;
}

static void chunk_uncompared(const struct inode *inode, const struct chunk *chunk, __u64 start,
			     struct uncompared *counts)
{
	__u64 within = extent_within(inode, start, CHUNK_PAGES);

	for (size_t word = 0; within && word < CHUNK_WORDS; word++) {
		__u64 inside = bits_range(start, word, start, start + within - 1);
		__u64 again = chunk_marks(chunk, MARK_UNSETTLED)[word] & inside;
		__u64 changed = chunk->bits[BITS_CHANGED][word] & ~again & inside;
		__u64 compared = chunk->bits[BITS_COMPARED][word];

		counts->changed += (__u64)__builtin_popcountll(changed & compared);
		counts->changed_unread += (__u64)__builtin_popcountll(changed & ~compared);
		counts->again_unread += (__u64)__builtin_popcountll(again & ~compared);
	}
}

/* @nr pages alike that have changed. */
static void alike_uncompared(bool compared, __u64 nr, struct uncompared *counts)
{
	if (compared)
		counts->changed += nr;
	else
		counts->changed_unread += nr;
}

static void region_uncompared(const struct inode *inode, const struct region *region, __u64 start,
			      struct uncompared *counts)
{
	if (!region->slots) {
		if (region->changed)
			alike_uncompared(region->compared,
					 extent_within(inode, start, REGION_MASK + 1), counts);
		return;
	}
	for (size_t i = 0; i < REGION_CHUNKS; i++, start += CHUNK_PAGES) {
		const struct chunk_slot *slot = &region->slots[i];

		if (slot->chunk)
			chunk_uncompared(inode, slot->chunk, start, counts);
		else if (slot->changed)
			alike_uncompared(slot->compared, extent_within(inode, start, CHUNK_PAGES),
					 counts);
	}
}

void extent_uncompared(const struct inode *inode, struct uncompared *counts)
{
	*counts = (struct uncompared){ 0 };
	for (size_t i = 0; i < inode->regions_nr; i++)
		region_uncompared(inode, &inode->regions[i], (__u64)i << REGION_SHIFT, counts);
}

static void region_free(struct model *model, struct region *region)
{
	if (!region->slots)
		return;
	for (size_t i = 0; i < REGION_CHUNKS; i++) {
		struct chunk *chunk = region->slots[i].chunk;

		if (!chunk)
			continue;
		chunk_forget_times(model, chunk);
		model_release(model, chunk->marks, MARK_NR * sizeof(*chunk->marks));
		model_release(model, chunk->pages, CHUNK_PAGES * sizeof(*chunk->pages));
		model_release(model, chunk, sizeof(*chunk));
	}
	model_release(model, region->slots, REGION_CHUNKS * sizeof(*region->slots));
}

void extent_free(struct model *model, struct inode *inode)
{
	for (size_t i = 0; i < inode->regions_nr; i++)
		region_free(model, &inode->regions[i]);
	model_release(model, inode->regions, inode->regions_nr * sizeof(*inode->regions));
	inode->regions = NULL;
	inode->regions_nr = 0;
	inode->slot_cached = 0;
}
