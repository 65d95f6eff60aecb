// SPDX-License-Identifier: GPL-2.0
/*
 * Makes memory of a VM resident and prints what that takes, a line a round: "WHAT VALUE".
 *
 * usage: fault-memory [unflagged] populate|single|prepared PAGES ROUNDS
 *
 * populate   ns a page of fallocate()
 * single     ns a page of faults that allocate and prepare it, one by one
 * prepared   ns a page of faults on what fallocate() has prepared
 *
 * unflagged: a guest_memfd without a direct map flag.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* The first round is not printed: it also splits the leaves of the direct map. */
static void run_populate(struct memory *memory, int rounds)
{
	for (int i = 0; i <= rounds; i++) {
		uint64_t ns = memory_populate(memory);

		if (i)
			print_per_page("populate", ns, memory->pages);
		memory_punch(memory);
	}
}

static void run_single(struct memory *memory, int rounds)
{
	for (int i = 0; i <= rounds; i++) {
		uint64_t ns = memory_fault(memory);

		if (i)
			print_per_page("single", ns, memory->pages);
		memory_punch(memory);
	}
}

static void run_prepared(struct memory *memory, int rounds)
{
	for (int i = 0; i <= rounds; i++) {
		uint64_t ns;

		memory_populate(memory);
		ns = memory_fault(memory);
		if (i)
			print_per_page("prepared", ns, memory->pages);
		memory_punch(memory);
	}
}

static const struct {
	const char *name;
	void (*run)(struct memory *memory, int rounds);
} cases[] = {
	{ "populate", run_populate },
	{ "single", run_single },
	{ "prepared", run_prepared },
};

int main(int argc, char **argv)
{
	bool unflagged = argc > 1 && !strcmp(argv[1], "unflagged");
	size_t pages;
	int rounds;

	argc -= unflagged;
	argv += unflagged;
	pages = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	rounds = argc > 3 ? atoi(argv[3]) : 0;
	for (size_t i = 0; pages && rounds > 0 && i < sizeof(cases) / sizeof(*cases); i++) {
		struct memory memory;

		if (strcmp(cases[i].name, argv[1]))
			continue;
		memory = memory_create(pages, unflagged ? 0 : KVM_GMEM_NO_DIRECT_MAP);
		memory_convert(&memory, 0, pages, true);
		cases[i].run(&memory, rounds);
		return 0;
	}
	fprintf(stderr, "usage: fault-memory [unflagged] populate|single|prepared PAGES ROUNDS\n");
	return 64;
}
