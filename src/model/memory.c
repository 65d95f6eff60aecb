// SPDX-License-Identifier: GPL-2.0
/* Memory, counted; and the hash that the model's tables use. */
#include <sys/mman.h>
#include "model/state.h"

/* Nothing that a kernel does makes more of its records; what somebody wrote may. */
#define MEMORY_BASE (256ULL << 20) /* bytes */
#define MEMORY_FACTOR 256 /* bytes for a byte fed */

#define LARGE_PAGE (2UL << 20) /* x86, and arm64 with pages of 4K */

static __u64 memory_max(const struct model *model)
{
	__u64 max = model->options.memory_max, most = model->options.memory_most;

	if (!max)
		max = MEMORY_BASE + MEMORY_FACTOR * model->fed;
	return most && max > most ? most : max;
}

static bool memory_charge(struct model *model, size_t size)
{
	if (model->counts.memory + size > memory_max(model)) {
		model->failed = true;
		return false;
	}
	model->counts.memory += size;
	return true;
}

void *model_alloc(struct model *model, size_t size)
{
	void *memory;

	if (!memory_charge(model, size))
		return NULL;
	memory = calloc(1, size);
	if (memory)
		return memory;
	model->counts.memory -= size;
	model->failed = true;
	return NULL;
}

void *model_alloc_large(struct model *model, size_t size)
{
	void *memory;

	size = (size + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
	if (!memory_charge(model, size))
		return NULL;
	if (posix_memalign(&memory, LARGE_PAGE, size)) {
		model->counts.memory -= size;
		model->failed = true;
		return NULL;
	}
	/* Where there are none it is memory like any other. */
	(void)madvise(memory, size, MADV_HUGEPAGE);
	return memory;
}

void model_release(struct model *model, void *memory, size_t size)
{
	if (!memory)
		return;
	model->counts.memory -= size;
	free(memory);
}

bool model_enlarge(struct model *model, void *array, size_t *room, size_t element)
{
	size_t more = *room ? *room * 2 : 16;
	void *memory, *grown;

	if (!memory_charge(model, (more - *room) * element))
		return false;
	/* @array is the address of a pointer of any type. */
	memcpy(&memory, array, sizeof(memory));
	grown = realloc(memory, more * element);
	if (!grown) {
		model->counts.memory -= (more - *room) * element;
		model->failed = true;
		return false;
	}
	memcpy(array, &grown, sizeof(grown));
	*room = more;
	/* cppcheck-suppress memleak ; the caller's pointer has it */
	return true;
}

static size_t map_index(const struct map *map, __u64 key)
{
	size_t index = (size_t)((key * 0x9e3779b97f4a7c15ULL) >> 20) & (map->room - 1);

	while (map->slots[index].key && map->slots[index].key != key + 1)
		index = (index + 1) & (map->room - 1);
	return index;
}

union map_value *map_find(const struct map *map, __u64 key)
{
	struct map_slot *slot;

	if (!map->room)
		return NULL;
	slot = &map->slots[map_index(map, key)];
	return slot->key ? &slot->value : NULL;
}

static bool map_enlarge(struct model *model, struct map *map)
{
	struct map larger = { .room = map->room ? map->room * 2 : 64, .used = map->used };

	larger.slots = model_alloc(model, larger.room * sizeof(*larger.slots));
	if (!larger.slots)
		return false;
	for (size_t i = 0; i < map->room; i++) {
		if (map->slots[i].key)
			larger.slots[map_index(&larger, map->slots[i].key - 1)] = map->slots[i];
	}
	model_release(model, map->slots, map->room * sizeof(*map->slots));
	*map = larger;
	return true;
}

union map_value *map_add(struct model *model, struct map *map, __u64 key)
{
	struct map_slot *slot;

	if (map->used * 4 >= map->room * 3 && !map_enlarge(model, map))
		return NULL;
	slot = &map->slots[map_index(map, key)];
	if (!slot->key) {
		slot->key = key + 1;
		map->used++;
	}
	return &slot->value;
}
