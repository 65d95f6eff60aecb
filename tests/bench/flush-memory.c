// SPDX-License-Identifier: GPL-2.0
/*
 * What conversions and population spend in flushes and in the other steps of the routine, and how
 * many CPUs they interrupt: a line a round, "WHAT VALUE".
 *
 * usage: flush-memory CASE PAGES ROUNDS
 *
 * bare     flush, bare, page: us in flush_tlb_kernel_range() in a conversion, alone, and alone for one
 *          page; the second CPU is busy
 * steps    xarray, table, flush, walk (all else): ns a page of the routine in a conversion to private
 *          memory; flushes: of a call
 * ipis     ipis.private, ipis.shared: interrupts of other CPUs in a conversion
 * populate flushes: for 512 pages that fallocate() prepares
 */
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory.h"
#include "program.h"
#include "routine.h"
#include "tracing.h"

#define CHUNK_PAGES 512UL
/* vmalloc puts off 32 MiB for each bit of the number of CPUs. */
#define LAZY_BYTES (1UL << 20)
#define LAZY_MAPS 4096
#define FLUSH "flush_tlb_kernel_range"
#define SPLIT_FLUSH "flush_tlb_all"
#define TABLE "set_direct_map_valid_noflush"
#define XARRAY "__kvm_gmem_update_xarray"
#define WAIT_MS 3000
/* What was traced of a call that has returned is there at once. */
#define SETTLE_MS 20

static struct tracing tracing;

static struct memory memory_prepared(size_t pages)
{
	struct memory memory = memory_create(pages, KVM_GMEM_NO_DIRECT_MAP);

	memory_populate(&memory);
	return memory;
}

static void *spin(void *unused)
{
	volatile unsigned long turns = 0;

	for (;;)
		turns++;
	return unused;
}

static void stay_on(pthread_t thread, int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (pthread_setaffinity_np(thread, sizeof(cpus), &cpus))
		bench_die("pinning a thread");
}

/*
 * The second CPU runs: how long one that sleeps takes to answer depends on how long it has slept,
 * which a conversion and freeing a map do not have in common. All else happens on the first.
 */
static void occupy_second_cpu(void)
{
	FILE *cpumask = fopen("/sys/devices/virtual/workqueue/cpumask", "w");
	pthread_t spinner;

	if (!cpumask || fputs("1", cpumask) < 0 || fclose(cpumask))
		bench_die("the mask of workqueues");
	if (pthread_create(&spinner, NULL, spin, NULL))
		bench_die("a second thread");
	stay_on(spinner, 1);
	stay_on(pthread_self(), 0);
}

static void map_come_and_go(void)
{
	union bpf_attr map = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = PAGE,
		.max_entries = LAZY_BYTES / PAGE,
	};
	int descriptor = syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof(map));

	if (descriptor < 0)
		bench_die("BPF_MAP_CREATE");
	close(descriptor);
}

/*
 * Once enough maps have been freed vmalloc unmaps what it has put off, with one flush of more pages
 * than are flushed singly: what a conversion does, and nothing else. The maps are small, so that
 * the emulator's TLB, whose size follows its use, is no larger than in a conversion.
 */
static const char *flush_bare(void)
{
	const char *line = NULL;

	for (int i = 0; !line && i < LAZY_MAPS; i++) {
		map_come_and_go();
		line = tracing_find(&tracing, FLUSH, " us ", 2);
	}
	return line;
}

/*
 * The first touch of a memfd_secret page flushes that page alone, from the thread that touches it, and
 * does nothing else that is long.
 */
static const char *flush_page(void)
{
	int descriptor = syscall(SYS_memfd_secret, 0);
	char *page;

	if (descriptor < 0 || ftruncate(descriptor, PAGE))
		bench_die("memfd_secret");
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	if (page == MAP_FAILED)
		bench_die("mmap of memfd_secret");
	close(descriptor);
	*page = 1;
	munmap(page, PAGE);
	return tracing_find(&tracing, FLUSH, " us ", WAIT_MS);
}

static void print_flush(const char *what, const char *line)
{
	if (!line)
		bench_die("no flush seen");
	printf("%s %.3f\n", what, tracing_duration(line));
	fflush(stdout);
	tracing_drain(&tracing);
}

static void run_bare(size_t pages, int rounds)
{
	struct memory memory = memory_prepared(pages);

	occupy_second_cpu();
	tracing_functions(FLUSH);
	tracing_open(&tracing);
	for (int i = 0; i <= rounds; i++) {
		memory_convert(&memory, 0, pages, false);
		tracing_drain(&tracing);
		print_flush(i ? "bare" : "cold", flush_bare());
		print_flush(i ? "page" : "cold", flush_page());
		memory_convert(&memory, 0, pages, true);
		print_flush(i ? "flush" : "cold", tracing_find(&tracing, FLUSH, " us ", WAIT_MS));
	}
}

struct steps {
	double xarray, table, flush; /* us */
	unsigned int flushes;
};

static struct steps steps_read(void)
{
	struct steps steps = { 0 };
	const char *line;
	double us;

	while ((line = tracing_line(&tracing, SETTLE_MS))) {
		us = tracing_duration(line);
		if (us < 0)
			continue;
		if (strstr(line, TABLE))
			steps.table += us;
		else if (strstr(line, XARRAY))
			steps.xarray += us;
		else if (strstr(line, FLUSH) || strstr(line, SPLIT_FLUSH)) {
			steps.flush += us;
			steps.flushes++;
		}
	}
	return steps;
}

/* ns in the routine while none of its steps is traced. */
static uint64_t routine_alone(const struct memory *memory)
{
	uint64_t ns = 0;

	routine_trace();
	for (int i = 0; i < 2; i++) {
		memory_convert(memory, 0, memory->pages, false);
		routine_forget();
		ns = routine_convert(memory, 0, memory->pages, true, memory->pages);
	}
	routine_end();
	return ns;
}

/* The steps are so few, one for 512 pages, that tracing them adds next to nothing to their time. */
static void run_steps(size_t pages, int rounds)
{
	struct memory memory = memory_prepared(pages);
	uint64_t routine = routine_alone(&memory);
	struct steps steps;

	tracing_functions(FLUSH " " SPLIT_FLUSH " " TABLE " " XARRAY);
	tracing_open(&tracing);
	for (int i = 0; i <= rounds; i++) {
		memory_convert(&memory, 0, pages, false);
		tracing_drain(&tracing);
		memory_convert(&memory, 0, pages, true);
		steps = steps_read();
		if (!i)
			continue;
		print_per_page("xarray", steps.xarray * 1000, pages);
		print_per_page("table", steps.table * 1000, pages);
		print_per_page("flush", steps.flush * 1000, pages);
		print_per_page("walk", routine - (steps.xarray + steps.table + steps.flush) * 1000,
			       pages);
		print_per_page("flushes", steps.flushes, 1);
	}
}

/* All interrupts by which CPUs have been asked to call a function since boot. */
static unsigned long interrupts_read(void)
{
	FILE *file = fopen("/proc/interrupts", "r");
	unsigned long sum = 0, count;
	char line[4096], *text;
	int length;

	if (!file)
		bench_die("/proc/interrupts");
	while (fgets(line, sizeof(line), file)) {
		text = line + strspn(line, " ");
		if (strncmp(text, "CAL:", 4) && strncmp(text, "TLB:", 4))
			continue;
		for (text += 4; sscanf(text, "%lu%n", &count, &length) == 1; text += length)
			sum += count;
	}
	fclose(file);
	return sum;
}

static unsigned long convert_interrupts(const struct memory *memory, bool private)
{
	unsigned long before = interrupts_read();

	memory_convert(memory, 0, memory->pages, private);
	return interrupts_read() - before;
}

static void run_ipis(size_t pages, int rounds)
{
	struct memory memory = memory_create(pages, KVM_GMEM_NO_DIRECT_MAP);

	memory_convert(&memory, 0, pages, true);
	memory_fault(&memory);
	for (int i = 0; i <= rounds; i++) {
		unsigned long shared = convert_interrupts(&memory, false);
		unsigned long private = convert_interrupts(&memory, true);

		if (i)
			printf("ipis.shared %lu\nipis.private %lu\n", shared, private);
	}
}

/* The first round also splits the leaves of the direct map, and is not printed. */
static void run_populate(size_t pages, int rounds)
{
	struct memory memory = memory_create(pages, KVM_GMEM_NO_DIRECT_MAP);

	tracing_functions(FLUSH " " SPLIT_FLUSH);
	tracing_open(&tracing);
	for (int i = 0; i <= rounds; i++) {
		tracing_drain(&tracing);
		memory_populate(&memory);
		if (i)
			printf("flushes %.2f\n",
			       (double)steps_read().flushes * CHUNK_PAGES / pages);
		memory_punch(&memory);
	}
}

static const struct program_case cases[] = {
	{ "bare", run_bare },
	{ "steps", run_steps },
	{ "ipis", run_ipis },
	{ "populate", run_populate },
};

int main(int argc, char **argv)
{
	return program_main(argc, argv, cases, sizeof(cases) / sizeof(*cases));
}
