// SPDX-License-Identifier: GPL-2.0
#include <unistd.h>

#include "serve/descriptors.h"

/* The least of @kept that is not below @from, or -1. */
static int descriptor_next(const int *kept, size_t nr, int from)
{
	int next = -1;

	for (size_t i = 0; i < nr; i++) {
		if (kept[i] >= from && (next < 0 || kept[i] < next))
			next = kept[i];
	}
	return next;
}

void descriptors_keep(const int *kept, size_t nr)
{
	int from = 3, next;

	while ((next = descriptor_next(kept, nr, from)) >= 0) {
		if (next > from)
			close_range((unsigned int)from, (unsigned int)next - 1, 0);
		from = next + 1;
	}
	close_range((unsigned int)from, ~0U, 0);
}
