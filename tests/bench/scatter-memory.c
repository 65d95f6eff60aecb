// SPDX-License-Identifier: GPL-2.0
/*
 * Runs CMD on a kernel whose next free pages lie far from each other: fills a
 * guest_memfd without flags, then frees every other page of it in a random
 * order. What guest_memfds are given next comes from the same lists.
 *
 * usage: scatter-memory PAGES CMD...   (PAGES: how many scattered pages)
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "memory.h"
#include "program.h"

/* The same order in every run. */
static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void shuffle(uint32_t *order, size_t nr)
{
	uint64_t state = 88172645463325252ULL;

	for (size_t i = 0; i < nr; i++)
		order[i] = i;
	for (size_t i = nr - 1; i > 0; i--) {
		size_t other = random_next(&state) % (i + 1);
		uint32_t swapped = order[i];

		order[i] = order[other];
		order[other] = swapped;
	}
}

static void memory_scatter(int memory, const uint32_t *order, size_t nr)
{
	if (fallocate(memory, FALLOC_FL_KEEP_SIZE, 0, nr * 2 * PAGE))
		bench_die("fallocate");
	for (size_t i = 0; i < nr; i++) {
		if (fallocate(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			      order[i] * 2 * PAGE, PAGE))
			bench_die("punching a hole");
	}
}

int main(int argc, char **argv)
{
	size_t nr = argc > 2 ? strtoul(argv[1], NULL, 0) : 0;
	uint32_t *order = calloc(nr + 1, sizeof(*order));
	struct memory memory;

	if (!nr || !order) {
		fprintf(stderr, "usage: scatter-memory PAGES CMD...\n");
		return 64;
	}
	shuffle(order, nr);
	memory = memory_create(nr * 2, 0);
	memory_scatter(memory.memory, order, nr);
	free(order);
	return program_run_command(argv + 2);
}
