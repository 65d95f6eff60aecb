/* SPDX-License-Identifier: GPL-2.0 */
/* A set of 64-bit numbers; ~0 is not allowed. */
#ifndef GMEMTRACE_STORY_SET_H
#define GMEMTRACE_STORY_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct set {
	uint64_t *keys; /* each + 1; 0: free */
	size_t nr, room; /* a power of two */
	uint64_t low, high;
};

/* 0 or -ENOMEM. */
int set_add(struct set *set, uint64_t key);
bool set_has(const struct set *set, uint64_t key);
/* Whether one of [first, last] is in it. */
bool set_meets(const struct set *set, uint64_t first, uint64_t last);
void set_free(struct set *set);

#endif
