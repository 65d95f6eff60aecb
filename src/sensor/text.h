/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's own text at the hooks: a call of the trampoline or a jump to it, or nothing.
 * perf tells of every change, with its time (PERF_RECORD_TEXT_POKE, 5.9), so
 * hooks that were off and on again between two looks are found out.
 */
#ifndef GMEMTRACE_SENSOR_TEXT_H
#define GMEMTRACE_SENSOR_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_SITES_MAX 64
#define TEXT_PAGE 4096UL
#define TEXT_RING_PAGES                                                                            \
	32UL /* of records; a power of two: two thousand changes between two looks */
#define TEXT_RING_BYTES ((1 + TEXT_RING_PAGES) * TEXT_PAGE) /* of each CPU */

struct text_site {
	const char *name; /* of the function */
	uint64_t address;
	bool off; /* its call is gone */
	uint64_t changed; /* ns: the newest change taken */
};

struct text_ring {
	int descriptor;
	void *pages;
};

struct text {
	struct text_ring *rings; /* one a CPU; NULL: not watched */
	size_t rings_nr;
	struct text_site sites[TEXT_SITES_MAX];
	size_t sites_nr;
};

/*
 * Finds and watches the functions called @names. 0, or -errno: this kernel or user has no such
 * events; the functions are known all the same.
 */
int text_open(struct text *text, const char *const *names, size_t nr);
void text_close(struct text *text);

/* The address of the function called @name, 0: not known. */
uint64_t text_address(const struct text *text, const char *name);

/* Whether a routine that begins with @bytes begins with a call or a jump: the hook's. */
bool text_is_hooked(const uint8_t bytes[16]);

/*
 * Whether a call was gone for a moment since the last look, or is; or changes
 * were too many to be told. *@since: ns, CLOCK_MONOTONIC, when the first one
 * went; left alone where that was before the last look.
 */
bool text_look(struct text *text, uint64_t *since);

/* Takes one record of such a ring; text_look() does so for each. For its test. */
bool text_take(struct text *text, const void *record, uint64_t *since);

#endif
