// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "sensor/bound.h"

#define TRIES 8 /* a look takes less than a millisecond, and VMs seldom come and go */

static const char *const words[] = {
	[BOUND_ALL] = SENSOR_BOUND_ALL,
	[BOUND_CHANGED] = "not all: VMs or their slots changed whenever they were looked at",
	[BOUND_MANY] = "not all: there are more VMs, or slots, than are looked at",
	[BOUND_UNDESCRIBED] = "none: this kernel keeps its VMs, or their slots, in another way",
};

bool bound_discover(const struct load *load, const struct kernel *kernel,
		    char text[BOUND_TEXT_LENGTH])
{
	const char *missing = load_unbound(kernel);
	struct bound_args args = { .vms = kernel->symbols[KERNEL_SYMBOL_VM_LIST],
				   .result = BOUND_CHANGED };

	if (!kernel->symbols[KERNEL_SYMBOL_GMEM_IOPS])
		return false;
	for (int i = 0; i < TRIES && !missing && args.result == BOUND_CHANGED; i++) {
		if (load_run(load, LOAD_PART_INODES, LOAD_CALL_DISCOVER_BOUND, &args, sizeof(args)))
			missing = "the program that looks does not run";
	}
	if (missing)
		snprintf(text, BOUND_TEXT_LENGTH, "none: %s", missing);
	else
		snprintf(text, BOUND_TEXT_LENGTH, "%s", words[args.result & 3]);
	return true;
}
