// SPDX-License-Identifier: GPL-2.0
/*
 * Converts memory of a VM of its own and prints what that takes, a line a round: "WHAT VALUE".
 * kernel/README says what happens in each case.
 *
 * usage: convert-memory WHAT PAGES ROUNDS
 *
 * private, shared   ns a page in kvm_gmem_set_direct_map(), by its tracepoint
 * ioctl             ns a page in KVM_SET_MEMORY_ATTRIBUTES, nothing is traced
 * call              ns a call of one page
 * populate          ns of an fallocate() of all pages
 * flush, bare       ns in flush_tlb_kernel_range(), by function_graph
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/falloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clocks.h"
#include "kvm_uapi.h"
#include "routine.h"

#define CHUNK_PAGES 512UL
/* vmalloc puts off 32 MiB for each bit of the number of CPUs: enough for up to 7. */
#define LAZY_BYTES (97UL << 20)
/* The other CPUs are as idle at either flush. */
#define FLUSH_PAUSE_US 2000
#define FLUSH "flush_tlb_kernel_range"

struct memory {
	int vm;
	int memory;
	size_t pages;
	int trace; /* trace_pipe, or -1 */
};

static void die(const char *what)
{
	fprintf(stderr, "convert-memory: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void memory_bind(const struct memory *memory)
{
	struct kvm_userspace_memory_region2 slot = {
		.flags = KVM_MEM_GUEST_MEMFD,
		.guest_phys_addr = 1ULL << 32,
		.memory_size = memory->pages * PAGE,
		.guest_memfd = memory->memory,
	};
	void *shared = mmap(NULL, slot.memory_size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	slot.userspace_addr = (uintptr_t)shared;
	if (shared == MAP_FAILED || ioctl(memory->vm, KVM_SET_USER_MEMORY_REGION2, &slot))
		die("KVM_SET_USER_MEMORY_REGION2");
}

static struct memory memory_create(size_t pages, uint64_t flags)
{
	struct kvm_create_guest_memfd request = { .size = pages * PAGE, .flags = flags };
	struct memory memory = { .pages = pages, .trace = -1 };
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	memory.vm = ioctl(kvm, KVM_CREATE_VM, (unsigned long)KVM_X86_SW_PROTECTED_VM);
	if (memory.vm < 0)
		die("KVM_CREATE_VM");
	close(kvm);
	memory.memory = ioctl(memory.vm, KVM_CREATE_GUEST_MEMFD, &request);
	if (memory.memory < 0)
		die("KVM_CREATE_GUEST_MEMFD");
	memory_bind(&memory);
	return memory;
}

static void memory_populate(const struct memory *memory)
{
	if (fallocate(memory->memory, FALLOC_FL_KEEP_SIZE, 0, memory->pages * PAGE))
		die("fallocate");
}

/* Returns ns of the call. */
static uint64_t memory_convert(const struct memory *memory, size_t first, size_t nr, bool private)
{
	struct kvm_memory_attributes attributes = {
		.address = (1ULL << 32) + first * PAGE,
		.size = nr * PAGE,
		.attributes = private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0,
	};
	uint64_t begin = clock_read(CLOCK_MONOTONIC);

	if (ioctl(memory->vm, KVM_SET_MEMORY_ATTRIBUTES, &attributes))
		die("KVM_SET_MEMORY_ATTRIBUTES");
	return clock_read(CLOCK_MONOTONIC) - begin;
}

/* Faults prepare what fallocate() did not: in `literal`, all of it. */
static void memory_prefault(const struct memory *memory)
{
	struct kvm_pre_fault_memory range = { .gpa = 1ULL << 32, .size = memory->pages * PAGE };
	int vcpu = ioctl(memory->vm, KVM_CREATE_VCPU, 0UL);

	if (vcpu < 0)
		die("KVM_CREATE_VCPU");
	memory_convert(memory, 0, memory->pages, true);
	while (range.size) {
		if (ioctl(vcpu, KVM_PRE_FAULT_MEMORY, &range) && errno != EINTR && errno != EAGAIN)
			die("KVM_PRE_FAULT_MEMORY");
	}
}

static void trace_routine(struct memory *memory)
{
	if (!tracing_write("events/kvm/kvm_gmem_set_direct_map/enable", "1"))
		die("this KVM has no tracepoint kvm_gmem_set_direct_map");
	memory->trace = tracing_open();
	if (memory->trace < 0)
		die("trace_pipe");
}

/* ns in the routine for one conversion, of which `changed` pages are resident and prepared. */
static uint64_t memory_routine(const struct memory *memory, size_t first, size_t nr, bool private,
			       size_t changed)
{
	unsigned long long ns;
	unsigned long pages;
	char line[512];
	const char *text;

	memory_convert(memory, first, nr, private);
	if (!tracing_find(memory->trace, "kvm_gmem_set_direct_map:", "ret 0", line, sizeof(line),
			  1000))
		die("a conversion without its tracepoint");
	text = strstr(line, "pages ");
	if (!text || sscanf(text, "pages %lu ns %llu", &pages, &ns) != 2 || pages != changed) {
		fprintf(stderr, "convert-memory: %zu pages were to change: %s\n", changed, line);
		exit(2);
	}
	return ns;
}

static void print_per_page(const char *what, uint64_t ns, size_t pages)
{
	printf("%s %.2f\n", what, (double)ns / pages);
	fflush(stdout);
}

/* All pages to and fro. The first round trip is not printed: cold. */
static void round_trips(struct memory *memory, int rounds, size_t changed)
{
	size_t pages = memory->pages;

	trace_routine(memory);
	for (int i = 0; i <= rounds; i++) {
		uint64_t shared = memory_routine(memory, 0, pages, false, changed);
		uint64_t private = memory_routine(memory, 0, pages, true, changed);

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

static void run_prefaulted(size_t pages, int rounds)
{
	struct memory memory = memory_create(pages, KVM_GMEM_NO_DIRECT_MAP);

	memory_prefault(&memory);
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
		trace_routine(&memory);
		print_per_page("private", memory_routine(&memory, 0, pages, true, pages), pages);
		close(memory.trace);
	}
}

/* All else of its 2 MiB deviates from the default: what stands for that in the xarray must be split. */
static void run_one(size_t pages, int rounds)
{
	struct memory memory = memory_create(pages, KVM_GMEM_NO_DIRECT_MAP);

	memory_populate(&memory);
	memory_convert(&memory, 0, pages, false);
	trace_routine(&memory);
	for (size_t i = 0; i <= (size_t)rounds && (i + 1) * CHUNK_PAGES <= pages; i++) {
		size_t page = i * CHUNK_PAGES + CHUNK_PAGES / 3;
		uint64_t ns = memory_routine(&memory, page, 1, true, 1);

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

/* The first round also splits the leaves of the direct map, and is not printed. */
static void run_populate(size_t pages, int rounds)
{
	struct memory memory = memory_create(pages, KVM_GMEM_NO_DIRECT_MAP);

	for (int i = 0; i <= rounds; i++) {
		uint64_t begin = clock_read(CLOCK_MONOTONIC);

		memory_populate(&memory);
		if (i)
			print_per_page("populate", clock_read(CLOCK_MONOTONIC) - begin, 1);
		if (fallocate(memory.memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			      pages * PAGE))
			die("punching a hole");
	}
}

/*
 * A map so large that freeing it makes vmalloc unmap all that it has put off, with one flush of
 * more pages than are flushed singly: what a conversion does, and nothing else.
 */
static void flush_bare(void)
{
	union bpf_attr map = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = PAGE,
		.max_entries = LAZY_BYTES / PAGE,
	};
	int descriptor = syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof(map));

	if (descriptor < 0)
		die("BPF_MAP_CREATE");
	close(descriptor);
}

/*
 * function_graph prints " 0)   1.234 us   |  flush_tlb_kernel_range();", or where we read before
 * it returned, a second line with the time and, by the option funcgraph-tail, the name.
 */
static void print_flush(const struct memory *memory, const char *what)
{
	char line[512], *text;
	double us;

	if (!tracing_find(memory->trace, FLUSH, " us ", line, sizeof(line), 3000))
		die("no flush seen");
	text = strchr(line, ')');
	while (text && *text && (*text < '0' || *text > '9'))
		text++;
	if (!text || sscanf(text, "%lf us", &us) != 1)
		die(line);
	printf("%s %.3f\n", what, us);
	fflush(stdout);
}

static void run_flush(size_t pages, int rounds)
{
	struct memory memory = memory_create(pages, KVM_GMEM_NO_DIRECT_MAP);

	memory_populate(&memory);
	if (!tracing_write("set_ftrace_filter", FLUSH) ||
	    !tracing_write("current_tracer", "function_graph") ||
	    !tracing_write("options/funcgraph-tail", "1"))
		die("function_graph");
	memory.trace = tracing_open();
	for (int i = 0; i <= rounds; i++) {
		memory_convert(&memory, 0, pages, false);
		usleep(FLUSH_PAUSE_US);
		flush_bare();
		print_flush(&memory, i ? "bare" : "cold");
		usleep(FLUSH_PAUSE_US);
		memory_convert(&memory, 0, pages, true);
		print_flush(&memory, i ? "flush" : "cold");
	}
}

static const struct {
	const char *name;
	void (*run)(size_t pages, int rounds);
} cases[] = {
	{ "steady", run_steady },
	{ "prefaulted", run_prefaulted },
	{ "unfaulted", run_unfaulted },
	{ "first", run_first },
	{ "one", run_one },
	{ "ioctl", run_ioctl },
	{ "populate", run_populate },
	{ "flush", run_flush },
};

int main(int argc, char **argv)
{
	size_t pages = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	int rounds = argc > 3 ? atoi(argv[3]) : 0;

	for (size_t i = 0; pages && rounds > 0 && i < sizeof(cases) / sizeof(*cases); i++) {
		if (strcmp(cases[i].name, argv[1]))
			continue;
		cases[i].run(pages, rounds);
		return 0;
	}
	fprintf(stderr,
		"usage: convert-memory "
		"steady|prefaulted|unfaulted|first|one|ioctl|populate|flush PAGES ROUNDS\n");
	return 64;
}
