// SPDX-License-Identifier: GPL-2.0
/*
 * Makes memory of a VM resident and prints what that takes, a line a round: "WHAT VALUE".
 *
 * usage: fault-memory [unflagged|idle] populate|single|prepared|random|punch|bind PAGES ROUNDS
 *
 * populate   ns a page of fallocate()
 * single     ns a page of faults that allocate and prepare it, one by one
 * traced     the same, of two clocks: this thread's, and what else ran meanwhile (clocks.h)
 * prepared   ns a page of faults on what fallocate() has prepared
 * random     ns a page of faults in random order, from as many vCPUs as there are CPUs
 * punch      ns a page of punching a hole into what was faulted in
 * bind       us of adding a slot of so many pages to a VM in which one page is private
 *
 * unflagged: a guest_memfd without a direct map flag. idle: one with a flag, all of which is declared
 * present, so that faults have nothing to make absent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clocks.h"
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

static void run_traced(size_t pages, int rounds)
{
	struct memory memory = memory_private(pages);

	for (int i = 0; i <= rounds; i++) {
		struct clocks clocks;

		clocks_start(&clocks);
		memory_fault(&memory);
		clocks_stop(&clocks);
		if (i)
			clocks_print(&clocks, pages);
		memory_punch(&memory);
	}
}

static void run_prepared(size_t pages, int rounds)
{
	print_rounds("prepared", pages, rounds, true, true);
}

static void run_random(size_t pages, int rounds)
{
	struct memory memory = memory_private(pages);
	unsigned int cpus = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
	int vcpus[64];

	memset(vcpus, -1, sizeof(vcpus));
	for (int i = 0; i <= rounds; i++) {
		uint64_t ns = memory_fault_randomly(&memory, vcpus, cpus);

		if (i)
			print_per_page("random", ns, pages);
		memory_punch(&memory);
	}
}

static void run_bind(size_t pages, int rounds)
{
	for (int i = 0; i <= rounds; i++) {
		struct memory memory = memory_create(pages, flags);
		uint64_t ns;

		memory_unbind(&memory);
		memory_convert(&memory, 0, 1, true);
		ns = memory_bind(&memory);
		if (i)
			print_per_page("bind", ns, 1000);
		memory_close(&memory);
	}
}

static void run_punch(size_t pages, int rounds)
{
	print_rounds(NULL, pages, rounds, false, true);
}

static const struct program_case cases[] = {
	{ "populate", run_populate }, { "single", run_single }, { "prepared", run_prepared },
	{ "random", run_random },     { "punch", run_punch },	{ "bind", run_bind },
	{ "traced", run_traced },
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
