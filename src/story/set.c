// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include "story/set.h"

#define ROOM_FIRST 64

static size_t slot_of(const struct set *set, uint64_t key)
{
	size_t slot = (size_t)((key * 0x9e3779b97f4a7c15ULL) >> 20) & (set->room - 1);

	while (set->keys[slot] && set->keys[slot] != key + 1)
		slot = (slot + 1) & (set->room - 1);
	return slot;
}

static int set_grow(struct set *set)
{
	struct set more = { .room = set->room ? set->room * 2 : ROOM_FIRST };

	more.keys = calloc(more.room, sizeof(*more.keys));
	if (!more.keys)
		return -ENOMEM;
	for (size_t i = 0; i < set->room; i++) {
		if (set->keys[i])
			more.keys[slot_of(&more, set->keys[i] - 1)] = set->keys[i];
	}
	free(set->keys);
	set->keys = more.keys;
	set->room = more.room;
	return 0;
}

int set_add(struct set *set, uint64_t key)
{
	size_t slot;

	if (set->nr * 2 >= set->room && set_grow(set))
		return -ENOMEM;
	slot = slot_of(set, key);
	if (set->keys[slot])
		return 0;
	set->keys[slot] = key + 1;
	set->low = !set->nr || key < set->low ? key : set->low;
	set->high = !set->nr || key > set->high ? key : set->high;
	set->nr++;
	return 0;
}

bool set_has(const struct set *set, uint64_t key)
{
	if (!set->nr || key < set->low || key > set->high)
		return false;
	return set->keys[slot_of(set, key)];
}

bool set_meets(const struct set *set, uint64_t first, uint64_t last)
{
	if (!set->nr || last < set->low || first > set->high)
		return false;
	first = first < set->low ? set->low : first;
	last = last > set->high ? set->high : last;
	if (last - first < set->room) {
		while (first < last && !set_has(set, first))
			first++;
		return set_has(set, first);
	}
	for (size_t i = 0; i < set->room; i++) {
		if (set->keys[i] > first && set->keys[i] - 1 <= last)
			return true;
	}
	return false;
}

void set_free(struct set *set)
{
	free(set->keys);
	*set = (struct set){ 0 };
}
