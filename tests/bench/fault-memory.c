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
#include "program.h"

static uint64_t flags = KVM_GMEM_NO_DIRECT_MAP;

static struct memory memory_private(size_t pages)
{
	struct memory memory = memory_create(pages, flags);

	memory_convert(&memory, 0, pages, true);
	return memory;
}

/* The first round is not printed: it also splits the leaves of the direct map. */
static void print_rounds(const char *what, size_t pages, int rounds, bool populated, bool faulted)
{
	struct memory memory = memory_private(pages);

	for (int i = 0; i <= rounds; i++) {
		uint64_t ns = populated ? memory_populate(&memory) : 0;

		if (faulted)
			ns = memory_fault(&memory);
		if (i)
			print_per_page(what, ns, pages);
		memory_punch(&memory);
	}
}

static void run_populate(size_t pages, int rounds)
{
	print_rounds("populate", pages, rounds, true, false);
}

static void run_single(size_t pages, int rounds)
{
	print_rounds("single", pages, rounds, false, true);
}

static void run_prepared(size_t pages, int rounds)
{
	print_rounds("prepared", pages, rounds, true, true);
}

static const struct program_case cases[] = {
	{ "populate", run_populate },
	{ "single", run_single },
	{ "prepared", run_prepared },
};

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "unflagged")) {
		flags = 0;
		argc--;
		argv++;
	}
	return program_main(argc, argv, cases, sizeof(cases) / sizeof(*cases));
}
