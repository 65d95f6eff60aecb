/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A page-table walker is believed only after a control: one that walks a level
 * too few calls every page absent, before its zap as well as after.
 */
#ifndef GMEMTRACE_SENSOR_WALKER_H
#define GMEMTRACE_SENSOR_WALKER_H

#include "sensor/kernel.h"

/* enum walk_state of @pfn. */
typedef int (*walker_walk)(const void *context, uint64_t pfn);

/* One: the sensors' own. @load: a struct load, of which part KERNEL is there. */
int walker_walk_sensors(const void *load, uint64_t pfn);

/*
 * Walks to a page of our own, which must be present, and to a memfd_secret
 * page of our own, which must be absent while it is one. Sensors are loaded
 * and not attached yet: nothing of this is recorded. 0, or -errno with
 * @failure. *@half is set where this kernel makes no memfd_secret page for us.
 * @half NULL: with the page that must be present alone, as armed sensors would record the other.
 */
int walker_prove(walker_walk walk, const void *context, bool *half, struct sensor_failure *failure);

#endif
