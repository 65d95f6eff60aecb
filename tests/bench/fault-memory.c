// SPDX-License-Identifier: GPL-2.0
/*
 * Makes memory of a VM resident and prints what that takes, a line a round: "WHAT VALUE".
 *
 * usage: fault-memory [unflagged|idle] populate|single|prepared|punch PAGES ROUNDS
 *
 * populate   ns a page of fallocate()
 * single     ns a page of faults that allocate and prepare it, one by one
 * prepared   ns a page of faults on what fallocate() has prepared
 * punch      ns a page of punching a hole into what was faulted in
 *
 * unflagged: a guest_memfd without a direct map flag. idle: one with a flag, all of which is declared
 * present, so that faults have nothing to make absent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "program.h"

static uint64_t flags = KVM_GMEM_NO_DIRECT_MAP;
static bool idle;

static struct memory memory_private(size_t pages)
{
	struct memory memory = memory_create(pages, flags);

	memory_convert(&memory, 0, pages, true);
	if (idle)
		memory_declare(&memory, true);
	return memory;
}

/*
 * The first round is not printed: it also splits the leaves of the direct map. Without @what it is
 * the hole that is measured.
 */
static void print_rounds(const char *what, size_t pages, int rounds, bool populated, bool faulted)
{
	struct memory memory = memory_private(pages);

	for (int i = 0; i <= rounds; i++) {
		uint64_t ns = populated ? memory_populate(&memory) : 0;

		if (faulted)
			ns = memory_fault(&memory);
		if (i && what)
			print_per_page(what, ns, pages);
		ns = memory_punch(&memory);
		if (i && !what)
			print_per_page("punch", ns, pages);
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

static void run_punch(size_t pages, int rounds)
{
	print_rounds(NULL, pages, rounds, false, true);
}

static const struct program_case cases[] = {
	{ "populate", run_populate },
	{ "single", run_single },
	{ "prepared", run_prepared },
	{ "punch", run_punch },
};

int main(int argc, char **argv)
{
	if (argc > 1 && (!strcmp(argv[1], "unflagged") || !strcmp(argv[1], "idle"))) {
		idle = !strcmp(argv[1], "idle");
		flags = idle ? KVM_GMEM_DIRECT_MAP_DYNAMIC : 0;
		argc--;
		argv++;
	}
	return program_main(argc, argv, cases, sizeof(cases) / sizeof(*cases));
}
