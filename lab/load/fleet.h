/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The areas of a run, shared out to its VMs and threads: VM i has areas i, i + vms, ...; thread i works
 * on areas i, i + threads, ... With one thread, everything happens in one order.
 */
#ifndef LOAD_FLEET_H
#define LOAD_FLEET_H

#include "area.h"
#include "load.h"

struct fleet;

/* Each function is called for one area, by the thread that works on it. */
struct area_scenario {
	const char *name;
	/* Before the slots are bound; may be NULL. */
	int (*before_bind)(struct area *area);
	int (*begin)(struct area *area);
	int (*round)(struct area *area, unsigned int round);
	/* When all rounds are done; may be NULL. */
	int (*end)(struct area *area);
};

struct fleet {
	const struct load_options *options;
	const struct area_scenario *scenario;
	struct vm *vms;
	struct area *areas;
	unsigned int area_count;
};

/* Creates VMs and areas, bound; prints why not. fleet_destroy() either way. */
int fleet_create(struct fleet *fleet, const struct area_scenario *scenario,
		 const struct load_options *options);
void fleet_destroy(struct fleet *fleet);

/* A whole run: creation, rounds in threads, summary, hold, teardown. */
int fleet_run(const struct area_scenario *scenario, const struct load_options *options);

#endif
