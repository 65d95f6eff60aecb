// SPDX-License-Identifier: GPL-2.0
/* Conversions between private and shared: of resident pages, and of pages that nobody has touched. */
#include "fleet.h"
#include "steps.h"

#define CHUNK_MAX 512

/* All of the area in one request, or in many of different lengths. */
static int convert_whole(struct area *area, bool private, bool in_chunks)
{
	uint64_t first = 0;
	int status = LOAD_OK;

	while (first < area->pages && !status) {
		uint64_t left = area->pages - first, count = left;

		if (in_chunks)
			count = 1 + load_random_below(&area->random,
						      left < CHUNK_MAX ? left : CHUNK_MAX);
		status = area_convert(area, first, count, private);
		first += count;
	}
	return status;
}

/* A range within the area becomes shared and stays so: the next pages on both sides must not. */
static int convert_inner(struct area *area)
{
	struct range range = range_random(area, area->pages);
	uint64_t before = range.first ? range.first - 1 : 0;
	uint64_t last = range.first + range.count;
	int status = area_convert(area, range.first, range.count, false);

	if (!status)
		status = area_check(area, before, range.first - before + 1);
	if (!status)
		status = area_check(area, last - 1, last < area->pages ? 2 : 1);
	return status;
}

static int convert_round(struct area *area, unsigned int round)
{
	bool in_chunks = round & 1;
	int status = convert_whole(area, false, in_chunks);

	if (!status)
		status = area_check(area, 0, area->pages);
	if (!status)
		status = area_host_check(area);
	if (!status)
		status = convert_whole(area, true, in_chunks);
	if (!status)
		status = area_check(area, 0, area->pages);
	if (!status)
		status = convert_inner(area);
	return status;
}

static int check_all(struct area *area)
{
	int status = area_check_all(area);

	return status ? status : area_host_check(area);
}

int scenario_convert(const struct load_options *options)
{
	static const struct area_scenario scenario = {
		.name = "convert",
		.begin = area_fill,
		.round = convert_round,
		.end = check_all,
	};

	return fleet_run(&scenario, options);
}

/* Attributes of a range that has no slot yet count when it is bound. */
static int convert_before_bind(struct area *area)
{
	return area_convert(area, 0, area->pages / 2 + 1, true);
}

static int convert_absent(struct area *area)
{
	unsigned int i;
	int status = LOAD_OK;

	for (i = 0; i < 8 && !status; i++) {
		struct range range = range_random(area, area->pages);

		status = area_convert(area, range.first, range.count,
				      load_random_below(&area->random, 2));
	}
	return status;
}

/*
 * Every other round conversions only; in the others the guest then reads a few pages, so that later
 * conversions find resident and absent pages side by side.
 */
static int convert_unfaulted_round(struct area *area, unsigned int round)
{
	struct range range = range_random(area, 1 + area->pages / 8);
	int status = convert_absent(area);

	if (!status && round & 1)
		status = area_check(area, range.first, range.count);
	return status;
}

/* The guest comes late: its pages take the state that was declared while they were absent. */
static int fault_late(struct area *area)
{
	int status = area_check(area, 0, area->pages);

	if (!status)
		status = area_fault_private(area, 0, area->pages);
	if (!status)
		status = check_all(area);
	return status;
}

int scenario_convert_unfaulted(const struct load_options *options)
{
	static const struct area_scenario scenario = {
		.name = "convert-unfaulted",
		.before_bind = convert_before_bind,
		.begin = convert_absent,
		.round = convert_unfaulted_round,
		.end = fault_late,
	};

	return fleet_run(&scenario, options);
}

#define BIND_STRETCH 8

/* Every other stretch of each inode becomes private while nothing is bound. */
static int convert_stretches(struct area *area)
{
	uint64_t first, left;
	int status = LOAD_OK;

	for (first = 0; first < area->pages && !status; first += 2 * BIND_STRETCH) {
		left = area->pages - first;
		status = area_convert(area, first, left < BIND_STRETCH ? left : BIND_STRETCH, true);
	}
	return status;
}

/* One page of the last inode goes back to its default before the others are faulted in. */
static int fault_bound(struct area *area)
{
	const struct region *last = &area->regions[AREA_REGIONS - 1];
	uint64_t page = last->first + last->pages - 1;
	int status;

	while (page > last->first && !area->is_private[page])
		page--;
	status = area_convert(area, page, 1, false);
	return status ? status : area_fault_private(area, 0, area->pages);
}

static int check_bound(struct area *area, unsigned int round)
{
	(void)round;
	return area_check(area, 0, area->pages);
}

/* Nothing else is converted again: what the pages are is what binding made them. */
int scenario_bind(const struct load_options *options)
{
	static const struct area_scenario scenario = {
		.name = "bind",
		.before_bind = convert_stretches,
		.begin = fault_bound,
		.round = check_bound,
		.end = check_all,
	};

	return fleet_run(&scenario, options);
}
