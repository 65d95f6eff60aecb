// SPDX-License-Identifier: GPL-2.0
/* See fleet.h. */
#include <stdatomic.h>
#include <stdlib.h>

#include "fleet.h"

static int create_area(struct fleet *fleet, unsigned int index)
{
	const struct load_options *options = fleet->options;
	struct area *area = &fleet->areas[index];
	int status = area_create(area, &fleet->vms[index % options->vms], options->pages,
				 options->seed + index);

	if (!status && fleet->scenario->before_bind)
		status = fleet->scenario->before_bind(area);
	if (!status)
		status = area_bind(area);
	return status;
}

int fleet_create(struct fleet *fleet, const struct area_scenario *scenario,
		 const struct load_options *options)
{
	unsigned int lanes = (options->threads + options->vms - 1) / options->vms;
	int status = vm_probe();
	unsigned int i;

	*fleet = (struct fleet){ .options = options, .scenario = scenario };
	if (status)
		return status;
	fleet->area_count = lanes * options->vms;
	fleet->vms = calloc(options->vms, sizeof(*fleet->vms));
	fleet->areas = calloc(fleet->area_count, sizeof(*fleet->areas));
	if (!fleet->vms || !fleet->areas)
		return load_fail("no memory for %u VMs", options->vms);
	for (i = 0; i < options->vms; i++)
		fleet->vms[i].fd = -1;
	for (i = 0; i < options->vms && !status; i++)
		status = vm_create(&fleet->vms[i]);
	for (i = 0; i < fleet->area_count && !status; i++)
		status = create_area(fleet, i);
	return status;
}

void fleet_destroy(struct fleet *fleet)
{
	unsigned int i;

	for (i = 0; fleet->areas && i < fleet->area_count; i++)
		area_destroy(&fleet->areas[i]);
	for (i = 0; fleet->vms && i < fleet->options->vms; i++)
		vm_destroy(&fleet->vms[i]);
	free(fleet->areas);
	free(fleet->vms);
}

/* Calls step for each area of a thread. */
static int for_own_areas(struct fleet *fleet, unsigned int thread, int (*step)(struct area *area))
{
	int status = LOAD_OK;
	unsigned int i;

	for (i = thread; step && i < fleet->area_count && !status; i += fleet->options->threads)
		status = step(&fleet->areas[i]);
	return status;
}

static int run_round(struct fleet *fleet, unsigned int thread, unsigned int round)
{
	int status = LOAD_OK;
	unsigned int i;

	for (i = thread; i < fleet->area_count && !status; i += fleet->options->threads)
		status = fleet->scenario->round(&fleet->areas[i], round);
	return status;
}

static int work(unsigned int thread, void *context)
{
	struct fleet *fleet = context;
	int status = for_own_areas(fleet, thread, fleet->scenario->begin);
	unsigned int round;

	for (round = 0; round < fleet->options->rounds && !status; round++) {
		if (atomic_load(&load_stop))
			return LOAD_OK;
		status = run_round(fleet, thread, round);
	}
	if (status)
		return status;
	return for_own_areas(fleet, thread, fleet->scenario->end);
}

int fleet_run(const struct area_scenario *scenario, const struct load_options *options)
{
	uint64_t begin = load_now_ns();
	struct fleet fleet;
	int status = fleet_create(&fleet, scenario, options);

	if (!status)
		status = load_run_threads(options->threads, work, &fleet);
	if (!status) {
		load_summary(scenario->name, options, begin);
		load_hold(options);
	}
	fleet_destroy(&fleet);
	return status;
}
