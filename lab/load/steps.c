// SPDX-License-Identifier: GPL-2.0
/* See steps.h. */
#include "steps.h"

struct range range_random_from(const struct area *area, struct load_random *random,
			       uint64_t count_max)
{
	struct range range = { .first = load_random_below(random, area->pages) };
	uint64_t left = area->pages - range.first;

	range.count = 1 + load_random_below(random, left < count_max ? left : count_max);
	return range;
}

struct range range_random(struct area *area, uint64_t count_max)
{
	return range_random_from(area, &area->random, count_max);
}

int area_fill(struct area *area)
{
	uint64_t half = area->pages / 2;
	int status = area_convert(area, 0, area->pages, true);

	if (!status)
		status = area_prefault(area, half, area->pages - half);
	if (!status)
		status = area_guest_write(area, 0, area->pages);
	load_counters.faulted += half;
	return status;
}

int area_fault_private(struct area *area, uint64_t first, uint64_t count)
{
	uint64_t page, end = first + count;
	int status = LOAD_OK;

	for (page = first; page < end && !status; page++) {
		uint64_t begin = page;

		while (page < end && area->is_private[page])
			page++;
		if (page > begin)
			status = area_guest_write(area, begin, page - begin);
	}
	return status;
}
