// SPDX-License-Identifier: GPL-2.0
/*
 * Whose a pfn is: a block of 512 pfns is one entry where they are alike (one
 * owner, their offsets ascending), else an entry each, of four bytes as long as
 * there are ids for chunks. A pfn that left its inode keeps its owner until it
 * is restored or freed: a new page may have taken its place before it is
 * restored.
 */
#include "model/pages.h"
#include "model/state.h"

#define ENTRY_ZAPPED 1ULL
#define ENTRY_LEFT (1ULL << 63)
#define ENTRY_ABSENT (1ULL << 62) /* with LEFT: absent when it left */
#define ENTRY_FREED (1ULL << 61) /* with LEFT: freed, it or its neighbour absent */
#define ENTRY_FLAGS (ENTRY_LEFT | ENTRY_ABSENT)
#define ENTRY_MARKS (ENTRY_FLAGS | ENTRY_FREED)
/* Of a block's value: no pointer, but the first pfn's entry. No user space pointer has the bit. */
#define BLOCK_ALIKE (1ULL << 60)
#define BLOCK_WIDE (1ULL << 59) /* with a pointer: to entries of eight bytes, not four */
#define BLOCK_MASK (CHUNK_PAGES - 1ULL)
/* In four bytes: marks, the id of the chunk that the page is in, its place there. */
#define NARROW_MARKS (7U << 29)
#define CHUNK_NUMBER_BITS 23 /* of a pgoff of 32 bits */
#define CHUNK_NUMBER_MASK ((1ULL << CHUNK_NUMBER_BITS) - 1)
#define REGION_BLOCKS_SHIFT (REGION_SHIFT - CHUNK_SHIFT)

static __u64 entry_encode(const struct inode *inode, __u64 pgoff)
{
	return ((__u64)inode->index + 1) << 32 | pgoff;
}

/* The entry @offset pfns behind one that is @entry, where they are alike. */
static __u64 entry_ahead(__u64 entry, __u64 offset)
{
	return entry > ENTRY_ZAPPED ? entry + offset : entry;
}

/* The id of the chunk that @entry's page is in; 0: there is none, and none to give out. */
static __u32 chunk_id(struct model *model, __u64 entry)
{
	__u64 key = ((entry & ~ENTRY_MARKS) >> 32) << CHUNK_NUMBER_BITS |
		    (entry & 0xffffffffULL) >> CHUNK_SHIFT;
	union map_value *id;

	if (model->chunk_id_key == key)
		return model->chunk_id;
	id = map_find(&model->chunk_ids, key);
	if (!id) {
		if (model->chunk_keys_nr > model->chunk_ids_max ||
		    !model_grow(model, &model->chunk_keys, model->chunk_keys_nr,
				&model->chunk_keys_room, sizeof(*model->chunk_keys)))
			return 0;
		id = map_add(model, &model->chunk_ids, key);
		if (!id)
			return 0;
		/* The first is nobody's: 0 is no id. */
		model->chunk_keys_nr += !model->chunk_keys_nr;
		id->number = model->chunk_keys_nr;
		model->chunk_keys[model->chunk_keys_nr++] = key;
	}
	model->chunk_id_key = key;
	model->chunk_id = (__u32)id->number;
	return model->chunk_id;
}

static __u64 narrow_load(const struct model *model, __u32 narrow)
{
	__u64 key;

	if (narrow <= ENTRY_ZAPPED)
		return narrow;
	key = model->chunk_keys[(narrow & ~NARROW_MARKS) >> CHUNK_SHIFT];
	return key >> CHUNK_NUMBER_BITS << 32 | (key & CHUNK_NUMBER_MASK) << CHUNK_SHIFT |
	       (narrow & BLOCK_MASK) | (__u64)(narrow & NARROW_MARKS) << 32;
}

/* false: it does not fit. */
static bool narrow_store(struct model *model, __u32 *narrow, __u64 entry)
{
	__u32 id;

	if (entry <= ENTRY_ZAPPED) {
		*narrow = (__u32)entry;
		return true;
	}
	id = chunk_id(model, entry);
	if (!id)
		return false;
	*narrow = id << CHUNK_SHIFT | (__u32)(entry & BLOCK_MASK) |
		  ((__u32)(entry >> 32) & NARROW_MARKS);
	return true;
}

/* NULL: no memory. */
static union map_value *block_add(struct model *model, __u64 key)
{
	union map_value *region = map_add(model, &model->pfn_regions, key >> REGION_BLOCKS_SHIFT);

	if (!region)
		return NULL;
	region->number = 1;
	return map_add(model, &model->pfn_map, key);
}

static bool block_is_alike(const union map_value *block)
{
	return !block || !block->number || block->number & BLOCK_ALIKE;
}

static bool block_is_wide(const union map_value *block)
{
	return !block_is_alike(block) && block->number & BLOCK_WIDE;
}

static __u64 *block_wide(const union map_value *block)
{
	union map_value plain = { .number = block->number & ~BLOCK_WIDE };

	return plain.pointer;
}

static __u64 block_entry(const struct model *model, const union map_value *block, __u64 pfn)
{
	if (!block || !block->number)
		return 0;
	if (block->number & BLOCK_ALIKE)
		return entry_ahead(block->number & ~BLOCK_ALIKE, pfn & BLOCK_MASK);
	if (block->number & BLOCK_WIDE)
		return block_wide(block)[pfn & BLOCK_MASK];
	return narrow_load(model, ((const __u32 *)block->pointer)[pfn & BLOCK_MASK]);
}

static __u64 entry_load(const struct model *model, __u64 pfn)
{
	if (model->pfn_cached == (pfn >> CHUNK_SHIFT) + 1)
		return narrow_load(model, model->pfn_entries[pfn & BLOCK_MASK]);
	return block_entry(model, map_find(&model->pfn_map, pfn >> CHUNK_SHIFT), pfn);
}

static void block_free(struct model *model, const union map_value *block)
{
	if (block_is_wide(block))
		model_release(model, block_wide(block), CHUNK_PAGES * sizeof(__u64));
	else if (!block_is_alike(block))
		model_release(model, block->pointer, CHUNK_PAGES * sizeof(__u32));
}

/* Eight bytes an entry from now on: they hold whatever there is. */
static bool block_widen(struct model *model, union map_value *block, __u64 key)
{
	union map_value wide = { .pointer = model_alloc(model, CHUNK_PAGES * sizeof(__u64)) };

	if (!wide.pointer)
		return false;
	for (__u64 i = 0; i < CHUNK_PAGES; i++)
		((__u64 *)wide.pointer)[i] = block_entry(model, block, i);
	block_free(model, block);
	block->number = wide.number | BLOCK_WIDE;
	if (model->pfn_cached == key + 1)
		model->pfn_cached = 0;
	return true;
}

/* An entry each from now on. */
static bool block_spread(struct model *model, union map_value *block, __u64 key)
{
	union map_value spread;
	__u32 *entries;

	if (!block_is_alike(block))
		return true;
	entries = model_alloc(model, CHUNK_PAGES * sizeof(*entries));
	if (!entries)
		return false;
	for (__u64 i = 0; block->number && i < CHUNK_PAGES; i++) {
		if (narrow_store(model, &entries[i], block_entry(model, block, i)))
			continue;
		model_release(model, entries, CHUNK_PAGES * sizeof(*entries));
		return block_widen(model, block, key);
	}
	spread.pointer = entries;
	*block = spread;
	return true;
}

/* Of one that is alike, and so has no entries that are at hand. */
static void block_set(union map_value *block, __u64 entry)
{
	block->number = entry ? entry | BLOCK_ALIKE : 0;
}

typedef __u64 (*entry_change)(__u64 entry, __u64 value);

/* The block of @pfn, to be written to. NULL: no memory, or (without @add) nobody's. */
static union map_value *block_open(struct model *model, __u64 key, bool add)
{
	union map_value *block = add ? block_add(model, key) : map_find(&model->pfn_map, key);

	if (!block || (!add && !block->number) || !block_spread(model, block, key))
		return NULL;
	if (block_is_wide(block))
		return block;
	model->pfn_cached = key + 1;
	model->pfn_entries = block->pointer;
	return block;
}

/* How many entries from @entries[0] on ascend, or are the same where it is nobody's. */
static __u64 narrow_run(const __u32 *entries, __u64 nr)
{
	__u32 first = entries[0];
	__u64 i, chunk = CHUNK_PAGES - (first & BLOCK_MASK);

	if (first <= ENTRY_ZAPPED) {
		for (i = 1; i < nr && entries[i] == first; i++)
			;
		return i;
	}
	nr = nr < chunk ? nr : chunk;
	for (i = 1; i < nr && entries[i] == first + i; i++)
		;
	return i;
}

static __u64 narrow_update(struct model *model, __u32 *entries, __u64 nr, entry_change change,
			   __u64 value)
{
	__u64 run = nr > 1 ? narrow_run(entries, nr) : 1;
	__u64 entry = change(narrow_load(model, entries[0]), value);
	__u64 chunk = CHUNK_PAGES - (entry & BLOCK_MASK);
	__u32 narrow;

	if (!narrow_store(model, &narrow, entry))
		return 0;
	if (run == 1) {
		entries[0] = narrow;
		return 1;
	}
	if (narrow > ENTRY_ZAPPED)
		run = run < chunk ? run : chunk;
	for (__u64 i = 0; i < run; i++)
		entries[i] = narrow > ENTRY_ZAPPED ? narrow + (__u32)i : narrow;
	return run;
}

/*
 * Changes as many of @nr entries of a block as can be changed together: what changes one into what
 * makes of those behind it what stands as far behind. 0: no memory, or (without @add) nobody's.
 */
static __u64 entries_update(struct model *model, __u64 pfn, __u64 nr, bool add, entry_change change,
			    __u64 value)
{
	__u64 key = pfn >> CHUNK_SHIFT, at = pfn & BLOCK_MASK, done;
	union map_value *block = NULL;

	if (model->pfn_cached != key + 1) {
		block = block_open(model, key, add);
		if (!block)
			return 0;
	}
	if (model->pfn_cached == key + 1) {
		done = narrow_update(model, &model->pfn_entries[at], nr, change, value);
		if (done || model->failed)
			return done;
		block = map_find(&model->pfn_map, key);
		if (!block || !block_widen(model, block, key))
			return 0;
	}
	block_wide(block)[at] = change(block_entry(model, block, at), value);
	return 1;
}

static enum pfn_owner entry_decode(const struct model *model, __u64 entry, __u64 pfn,
				   struct inode **inode, __u64 *pgoff)
{
	struct page page;

	*inode = NULL;
	*pgoff = 0;
	if (!entry)
		return PFN_NONE;
	if (entry == ENTRY_ZAPPED)
		return PFN_ZAPPED;
	*inode = model->inodes[((entry & ~ENTRY_MARKS) >> 32) - 1];
	*pgoff = entry & 0xffffffffULL;
	if (entry & ENTRY_FREED)
		return PFN_FREED;
	if (entry & ENTRY_LEFT)
		return PFN_LEFT;
	if (extent_page_read(*inode, *pgoff, &page) && page.pfn == pfn)
		return PFN_OWNED;
	*inode = NULL;
	return PFN_NONE;
}

bool pfn_claim(const struct model *model, __u64 pfn, struct inode **inode, __u64 *pgoff)
{
	__u64 entry = entry_load(model, pfn);

	*inode = NULL;
	*pgoff = entry & 0xffffffffULL;
	if (entry > ENTRY_ZAPPED)
		*inode = model->inodes[((entry & ~ENTRY_MARKS) >> 32) - 1];
	return entry != ENTRY_ZAPPED;
}

enum pfn_owner pfn_find(const struct model *model, __u64 pfn, struct inode **inode, __u64 *pgoff)
{
	return entry_decode(model, entry_load(model, pfn), pfn, inode, pgoff);
}

/* How many from @entry's page on are of its owner or not, all together; they ascend. */
static __u64 owner_alike(const struct model *model, __u64 entry, __u64 nr)
{
	if (entry <= ENTRY_ZAPPED || entry & ENTRY_MARKS)
		return nr;
	return extent_alike(model->inodes[(entry >> 32) - 1], entry & 0xffffffffULL, nr);
}

/* Where there is not a block in it: pages to the end of the gigabyte; else 0. */
static __u64 region_empty(const struct model *model, __u64 pfn)
{
	__u64 pages = 1ULL << REGION_SHIFT;

	return map_find(&model->pfn_regions, pfn >> REGION_SHIFT) ? 0 : pages - (pfn & (pages - 1));
}

__u64 pfn_run(const struct model *model, __u64 pfn, __u64 nr, enum pfn_owner *owner,
	      struct inode **inode, __u64 *pgoff)
{
	const union map_value *block;
	__u64 left = CHUNK_PAGES - (pfn & BLOCK_MASK), empty, entry;

	left = left < nr ? left : nr;
	*owner = pfn_find(model, pfn, inode, pgoff);
	if (nr == 1)
		return 1;
	empty = region_empty(model, pfn);
	if (empty)
		return empty < nr ? empty : nr;
	block = map_find(&model->pfn_map, pfn >> CHUNK_SHIFT);
	if (block_is_wide(block))
		return 1;
	entry = block_entry(model, block, pfn);
	if (!block_is_alike(block))
		left = narrow_run((const __u32 *)block->pointer + (pfn & BLOCK_MASK), left);
	return owner_alike(model, entry, left);
}

/* [pfn, pfn + nr) lie in one block. */
static void block_change(struct model *model, __u64 pfn, __u64 nr, bool add, entry_change change,
			 __u64 value)
{
	__u64 key = pfn >> CHUNK_SHIFT;
	union map_value *block;

	block = add ? block_add(model, key) : map_find(&model->pfn_map, key);
	if (!block)
		return;
	if (nr == CHUNK_PAGES && block_is_alike(block)) {
		block_set(block, change(block_entry(model, block, pfn), value));
		return;
	}
	for (__u64 i = 0, run; i < nr; i += run) {
		run = entries_update(model, pfn + i, nr - i, add, change, entry_ahead(value, i));
		if (!run)
			return;
	}
}

/* Changes the entries of a run; @value ascends with them. @add: also of those that have none. */
static void entries_change(struct model *model, __u64 pfn, __u64 nr, bool add, entry_change change,
			   __u64 value)
{
	if (nr == 1) {
		/* Where memory is short the model knows it has failed. */
		(void)entries_update(model, pfn, 1, add, change, value);
		return;
	}
	for (__u64 n; nr; pfn += n, nr -= n, value = entry_ahead(value, n)) {
		__u64 empty = add ? 0 : region_empty(model, pfn);

		n = empty ? empty : CHUNK_PAGES - (pfn & BLOCK_MASK);
		n = n < nr ? n : nr;
		if (!empty)
			block_change(model, pfn, n, add, change, value);
	}
}

/* Where the block at hand is its, and the entry fits; else it is changed the long way. */
static bool entry_put(struct model *model, __u64 pfn, __u64 entry)
{
	return model->pfn_cached == (pfn >> CHUNK_SHIFT) + 1 &&
	       narrow_store(model, &model->pfn_entries[pfn & BLOCK_MASK], entry);
}

static __u64 change_zapped(__u64 entry, __u64 value)
{
	return entry & ENTRY_LEFT ? entry | ENTRY_ABSENT : value;
}

static __u64 change_set(__u64 entry, __u64 value)
{
	(void)entry;
	return value;
}

static __u64 change_drop_present(__u64 entry, __u64 value)
{
	(void)value;
	return (entry & ENTRY_MARKS) == ENTRY_LEFT ? 0 : entry;
}

static __u64 change_left(__u64 entry, __u64 value)
{
	return entry == value ? entry | ENTRY_LEFT : entry;
}

static __u64 change_left_absent(__u64 entry, __u64 value)
{
	return entry == value ? entry | ENTRY_FLAGS : entry;
}

void pfn_mark_zapped(struct model *model, __u64 pfn, __u64 nr, bool zapped)
{
	if (zapped)
		entries_change(model, pfn, nr, true, change_zapped, ENTRY_ZAPPED);
	else
		entries_change(model, pfn, nr, false, change_set, 0);
}

void pfn_clear(struct model *model, __u64 pfn, __u64 nr)
{
	if (nr != 1 || !entry_put(model, pfn, 0))
		entries_change(model, pfn, nr, false, change_set, 0);
}

void pfn_leave(struct model *model, __u64 pfn, __u64 nr)
{
	entries_change(model, pfn, nr, false, change_drop_present, 0);
}

void pfn_mark_left(struct model *model, const struct inode *inode, __u64 pgoff, __u64 pfn, __u64 nr,
		   bool absent)
{
	entries_change(model, pfn, nr, false, absent ? change_left_absent : change_left,
		       entry_encode(inode, pgoff));
}

void pfn_mark_freed(struct model *model, __u64 pfn, const struct inode *inode, __u64 pgoff)
{
	entries_change(model, pfn, 1, false, change_set,
		       entry_encode(inode, pgoff) | ENTRY_LEFT | ENTRY_FREED);
}

bool pfn_is_absent(const struct model *model, __u64 pfn)
{
	__u64 entry = entry_load(model, pfn);

	return entry == ENTRY_ZAPPED || (entry & ENTRY_FLAGS) == ENTRY_FLAGS;
}

void pfn_own(struct model *model, const struct inode *inode, __u64 pgoff, __u64 pfn, __u64 nr)
{
	__u64 entry = entry_encode(inode, pgoff);

	if (nr != 1 || !entry_put(model, pfn, entry))
		entries_change(model, pfn, nr, true, change_set, entry);
}

void pfn_free_all(struct model *model)
{
	for (size_t i = 0; i < model->pfn_map.room; i++) {
		block_free(model, &model->pfn_map.slots[i].value);
	}
	free(model->chunk_ids.slots);
	free(model->chunk_keys);
	free(model->pfn_map.slots);
	free(model->pfn_regions.slots);
}
