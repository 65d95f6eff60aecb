/* SPDX-License-Identifier: GPL-2.0 */
/* Steps that several scenarios take. */
#ifndef LOAD_STEPS_H
#define LOAD_STEPS_H

#include "area.h"

/* Pages of an area. */
struct range {
	uint64_t first;
	uint64_t count;
};

/* A range within the area of 1 to count_max pages, from the area's own random numbers. */
struct range range_random(struct area *area, uint64_t count_max);

/* The same, drawn from another thread's numbers. */
struct range range_random_from(const struct area *area, struct load_random *random,
			       uint64_t count_max);

/* Makes all of the area private, resident, prepared and written: half by the guest, half by KVM_PRE_FAULT_MEMORY. */
int area_fill(struct area *area);

/* The guest writes to the pages of the range that are private. */
int area_fault_private(struct area *area, uint64_t first, uint64_t count);

#endif
