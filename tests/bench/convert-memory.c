// SPDX-License-Identifier: GPL-2.0
/*
 * Converts memory of a VM of its own and prints what that takes, a line a round: "WHAT VALUE".
 * kernel/README says what happens in each case.
 *
 * usage: convert-memory CASE PAGES ROUNDS
 *
 * private, shared   ns a page in kvm_gmem_set_direct_map(), by its tracepoint; in the case sizes
 *                   ns a call, with the number of pages: private.512
 * ioctl             ns a page in KVM_SET_MEMORY_ATTRIBUTES, nothing is traced
 * call              ns a call of one page
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "program.h"
#include "routine.h"

#define CHUNK_PAGES 512UL

/* All pages to and fro. The first round trip is not printed: cold. */
static void round_trips(struct memory *memory, int rounds, size_t changed)
{
	size_t pages = memory->pages;

	routine_trace();
	for (int i = 0; i <= rounds; i++) {
		uint64_t shared = routine_convert(memory, 0, pages, false, changed);
		uint64_t private = routine_convert(memory, 0, pages, true, changed);

		if (!i)
			continue;
		print_per_page("shared", shared, pages);
		print_per_page("private", private, pages);
	}
}

static void run_steady(size_t pages, int rounds)
{
	struct memory memory = memory_create(pages, KVM_GMEM_NO_DIRECT_MAP);

	memory_populate(&memory);
	round_trips(&memory, rounds, pages);
}

/* Prepared by faults, page by page, also where fallocate() would do it. */
static void run_prefaulted(size_t pages, int rounds)
{
	struct memory memory = memory_create(pages, KVM_GMEM_NO_DIRECT_MAP);

	memory_convert(&memory, 0, pages, true);
	memory_fault(&memory);
	round_trips(&memory, rounds, pages);
}

static void run_unfaulted(size_t pages, int rounds)
{
	struct memory memory = memory_create(pages, KVM_GMEM_NO_DIRECT_MAP);

	round_trips(&memory, rounds, 0);
}

/* Each round has memory that was never used before: what is in use is kept. */
static void run_first(size_t pages, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		struct memory memory = memory_create(pages, KVM_GMEM_DIRECT_MAP_DYNAMIC);

		memory_populate(&memory);
		routine_trace();
		print_per_page("private", routine_convert(&memory, 0, pages, true, pages), pages);
		routine_end();
	}
}

/* All else of its 2 MiB deviates from the default: what stands for that in the xarray must be split. */
static void run_one(size_t pages, int rounds)
{
	struct memory memory = memory_create(pages, KVM_GMEM_NO_DIRECT_MAP);

	memory_populate(&memory);
	memory_convert(&memory, 0, pages, false);
	routine_trace();
	for (size_t i = 0; i <= (size_t)rounds && (i + 1) * CHUNK_PAGES <= pages; i++) {
		size_t page = i * CHUNK_PAGES + CHUNK_PAGES / 3;
		uint64_t ns = routine_convert(&memory, page, 1, true, 1);

		if (i)
			print_per_page("call", ns, 1);
	}
}

static void run_ioctl(size_t pages, int rounds)
{
	struct memory memory = memory_create(pages, KVM_GMEM_NO_DIRECT_MAP);

	memory_populate(&memory);
	for (int i = 0; i <= rounds; i++) {
		uint64_t shared = memory_convert(&memory, 0, pages, false);
		uint64_t private = memory_convert(&memory, 0, pages, true);

		if (!i)
			continue;
		print_per_page("shared", shared, pages);
		print_per_page("private", private, pages);
	}
}

/* One page, eight times as many each time, all of them, none. */
static size_t size_after(size_t nr, size_t pages)
{
	if (nr == pages)
		return 0;
	return nr * 8 < pages ? nr * 8 : pages;
}

/* ns a call: "private", the suffix, and the number of pages. */
static void print_sizes(const struct memory *memory, int rounds, const char *suffix, bool resident)
{
	for (size_t nr = 1; nr; nr = size_after(nr, memory->pages)) {
		size_t changed = resident ? nr : 0;

		for (int i = 0; i <= rounds; i++) {
			uint64_t shared = routine_convert(memory, 0, nr, false, changed);
			uint64_t private = routine_convert(memory, 0, nr, true, changed);

			if (i)
				printf("shared%s.%zu %lu\nprivate%s.%zu %lu\n", suffix, nr, shared,
				       suffix, nr, private);
		}
		fflush(stdout);
	}
}

/* Holes first. Where fallocate() does not prepare memory, in `literal`, faults do. */
static void run_sizes(size_t pages, int rounds)
{
	struct memory memory = memory_create(pages, KVM_GMEM_NO_DIRECT_MAP);

	memory_convert(&memory, 0, pages, true);
	routine_trace();
	print_sizes(&memory, rounds, "_holes", false);
	routine_end();
	memory_populate(&memory);
	memory_fault(&memory);
	routine_trace();
	print_sizes(&memory, rounds, "", true);
}

static const struct program_case cases[] = {
	{ "steady", run_steady },
	{ "prefaulted", run_prefaulted },
	{ "unfaulted", run_unfaulted },
	{ "first", run_first },
	{ "one", run_one },
	{ "ioctl", run_ioctl },
	{ "sizes", run_sizes },
};

int main(int argc, char **argv)
{
	return program_main(argc, argv, cases, sizeof(cases) / sizeof(*cases));
}
