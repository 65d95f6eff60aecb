// SPDX-License-Identifier: GPL-2.0
/* Pages that come and go: first faults, VMs that end with resident pages, punched holes. */
#include "fleet.h"
#include "steps.h"

/* Private pages begin as zeros, whoever makes them resident, and keep what the guest writes. */
static int fault_all(struct area *area)
{
	uint64_t half = area->pages / 2;
	int status = area_convert(area, 0, area->pages, true);

	if (!status)
		status = area_guest_verify_zero(area, 0, half);
	if (!status)
		status = area_prefault(area, half, area->pages - half);
	if (!status)
		status = area_guest_verify_zero(area, half, area->pages - half);
	if (!status)
		status = area_guest_write(area, 0, area->pages);
	if (!status)
		status = area_check(area, 0, area->pages);
	load_counters.faulted += half;
	return status;
}

/* A VM that lives for one round; its inodes outlive it every other time. */
static int fault_round(struct area *area, unsigned int round)
{
	uint64_t pages = area->regions[0].pages / 2 + AREA_PAGES_MIN;
	struct area passing = { 0 };
	struct vm vm;
	int status = vm_create(&vm);

	if (!status)
		status = area_create(&passing, &vm, pages, load_random_next(&area->random));
	if (!status)
		status = area_bind(&passing);
	if (!status)
		status = fault_all(&passing);
	if (round & 1)
		vm_destroy(&vm);
	area_destroy(&passing);
	vm_destroy(&vm);
	return status;
}

int scenario_fault(const struct load_options *options)
{
	static const struct area_scenario scenario = {
		.name = "fault",
		.begin = fault_all,
		.round = fault_round,
		.end = area_check_all,
	};

	return fleet_run(&scenario, options);
}

static int punch_begin(struct area *area)
{
	int status = area_allocate_gap(area);

	return status ? status : area_fill(area);
}

/* A hole whose pages become resident by fallocate, unprepared, and are converted as such. */
static int punch_unprepared(struct area *area, struct range range)
{
	int status = area_punch(area, range.first, range.count);

	if (!status)
		status = area_allocate(area, range.first, range.count);
	if (!status)
		status = area_convert(area, range.first, range.count, false);
	if (!status)
		status = area_convert(area, range.first, range.count, true);
	return status;
}

/* A hole made while the pages are shared, so that what is freed is present. */
static int punch_shared(struct area *area, struct range range)
{
	int status = area_convert(area, range.first, range.count, false);

	if (!status)
		status = area_punch(area, range.first, range.count);
	if (!status)
		status = area_convert(area, range.first, range.count, true);
	return status;
}

static int punch_round(struct area *area, unsigned int round)
{
	struct range range = range_random(area, 1 + area->pages / 4);
	int status;

	switch (round % 3) {
	case 0:
		status = area_punch(area, range.first, range.count);
		break;
	case 1:
		status = punch_unprepared(area, range);
		break;
	default:
		status = punch_shared(area, range);
		break;
	}
	/* Zeros in the hole, what was written everywhere else. */
	if (!status)
		status = area_check(area, 0, area->pages);
	if (!status)
		status = area_guest_write(area, range.first, range.count);
	if (!status)
		status = area_check(area, 0, area->pages);
	load_counters.faulted += range.count;
	return status;
}

int scenario_punch(const struct load_options *options)
{
	static const struct area_scenario scenario = {
		.name = "punch",
		.begin = punch_begin,
		.round = punch_round,
		.end = area_check_all,
	};

	return fleet_run(&scenario, options);
}
