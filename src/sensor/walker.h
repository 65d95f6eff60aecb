/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A page-table walker is believed only after a control: one that walks a level
 * too few calls every page absent, before its zap as well as after.
 */
#ifndef GMEMTRACE_SENSOR_WALKER_H
#define GMEMTRACE_SENSOR_WALKER_H

#include "sensor/load.h"

/*
 * Walks to a page of our own, which must be present, and to a memfd_secret
 * page of our own, which must be absent while it is one. Part KERNEL is loaded
 * and not attached yet: nothing of this is recorded. 0, or -errno with
 * @failure. *@half is set where this kernel makes no memfd_secret page for us.
 */
int walker_prove(const struct load *load, bool *half, struct sensor_failure *failure);

#endif
