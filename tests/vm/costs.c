// SPDX-License-Identifier: GPL-2.0
/*
 * What calls may take, of memory, of instructions, of patience, where they are as large as can be.
 *
 * wide      a slot of almost 1 TiB, one page of which is private, is deleted and added
 * many      the memory of 2100 guest_memfds is converted by one call
 * inodes    converting twice as many inodes takes twice as long, where the clock counts instructions
 * scattered one call converts 4096 runs of pages, all of which it has to remember in case it fails: it takes
 *           the memory for that a page at a time
 * parts     a conversion of several inodes takes all of its memory before it changes the first of them
 * reserve   creating a guest_memfd fails with a little more memory each time, and leaves none of it behind
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "assault.h"
#include "memory.h"

#define MANY 2100U
#define INODES 600U
#define SCATTERED 4096U
#define PARTS 8U
/* As much as fits between 4 GiB and what a guest of QEMU's can address. */
#define WIDE (((1ULL << 40) - (8ULL << 30)) / PAGE)
#define TRACING "/sys/kernel/tracing"

static unsigned int cost_wide(void)
{
	struct memory memory = memory_create(WIDE, KVM_GMEM_NO_DIRECT_MAP);
	unsigned int done = 0;

	memory_convert(&memory, 0, 1, true);
	for (; assault_time_is_left(); done++) {
		memory_unbind(&memory);
		memory_bind(&memory);
	}
	memory_close(&memory);
	return done;
}

/* A page of a guest_memfd of its own, behind those of @memory's VM. */
static void add_page(const struct memory *memory, unsigned int nr, uint64_t flags)
{
	static char shared[PAGE] __attribute__((aligned(PAGE)));
	struct kvm_create_guest_memfd request = { .size = PAGE, .flags = flags };
	struct kvm_userspace_memory_region2 slot = {
		.slot = nr,
		.flags = KVM_MEM_GUEST_MEMFD,
		.guest_phys_addr = (1ULL << 32) + nr * PAGE,
		.memory_size = PAGE,
		.userspace_addr = (uintptr_t)shared,
	};
	int file = ioctl(memory->vm, KVM_CREATE_GUEST_MEMFD, &request);

	if (file < 0)
		bench_die("KVM_CREATE_GUEST_MEMFD");
	slot.guest_memfd = (unsigned int)file;
	if (ioctl(memory->vm, KVM_SET_USER_MEMORY_REGION2, &slot))
		bench_die("KVM_SET_USER_MEMORY_REGION2");
	if (fallocate(file, FALLOC_FL_KEEP_SIZE, 0, PAGE))
		bench_die("fallocate");
}

/* A VM with so many guest_memfds, of a page each. */
static struct memory create_many(unsigned int inodes)
{
	const struct rlimit files = { MANY + 64, MANY + 64 };
	struct memory memory = memory_create(1, KVM_GMEM_NO_DIRECT_MAP);

	if (setrlimit(RLIMIT_NOFILE, &files))
		bench_die("setrlimit");
	for (unsigned int nr = 1; nr < inodes; nr++)
		add_page(&memory, nr, KVM_GMEM_NO_DIRECT_MAP);
	return memory;
}

/* More than lockdep can count as one, were all their locks held at once. */
static unsigned int cost_many(void)
{
	struct memory memory = create_many(MANY);

	for (int i = 0; i < 4; i++)
		memory_convert(&memory, 0, MANY, i % 2 == 0);
	return MANY;
}

/* What it takes to convert the first of @memory's inodes, which are shared, and prepared: the least of a few. */
static uint64_t convert_inodes(const struct memory *memory, unsigned int inodes)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 5; i++) {
		uint64_t took = memory_convert(memory, 0, inodes, true);

		least = took < least ? took : least;
		memory_convert(memory, 0, inodes, false);
	}
	return least;
}

/* Comparing each inode with each would be four times as much, and would be the larger part of a call. */
static unsigned int cost_inodes(void)
{
	struct memory memory = create_many(2 * INODES);
	uint64_t some, twice;

	/* They are absent unless asked for otherwise: the first conversion changes nothing. */
	memory_convert(&memory, 0, 2 * INODES, true);
	memory_convert(&memory, 0, 2 * INODES, false);
	some = convert_inodes(&memory, INODES);
	twice = convert_inodes(&memory, 2 * INODES);
	fprintf(stderr, "costs: %u inodes take %lu, %u take %lu\n", INODES, some, 2 * INODES,
		twice);
	/* To the digit it is 1.999. */
	if (twice > some * 11 / 5)
		exit(1);
	return 2 * INODES;
}

static void trace_allocations(const char *on)
{
	char filter[64];

	mount("tracefs", TRACING, "tracefs", 0, NULL);
	snprintf(filter, sizeof(filter), "bytes_req >= %lu && common_pid == %d", PAGE, getpid());
	write_text(TRACING "/events/kmem/kmalloc/filter", filter);
	write_text(TRACING "/events/kmem/kmalloc/enable", on);
}

/* How often this process has allocated a page since, and nothing larger. */
static unsigned int pages_allocated(void)
{
	FILE *trace = fopen(TRACING "/trace", "r");
	unsigned int nr = 0;
	char line[512];

	if (!trace)
		bench_die(TRACING "/trace");
	while (fgets(line, sizeof(line), trace)) {
		const char *size = strstr(line, "bytes_req=");

		if (line[0] == '#' || !size)
			continue;
		if (strtoul(size + strlen("bytes_req="), NULL, 10) > PAGE) {
			fprintf(stderr, "costs: more than a page at once: %s", line);
			exit(1);
		}
		nr++;
	}
	fclose(trace);
	return nr;
}

static unsigned int cost_scattered(void)
{
	struct memory memory = memory_create(2 * SCATTERED, KVM_GMEM_DIRECT_MAP_DYNAMIC);
	unsigned int nr;

	for (unsigned int i = 0; i < SCATTERED; i++)
		memory_convert(&memory, 2 * i, 1, true);
	trace_allocations("1");
	memory_convert(&memory, 0, 2 * SCATTERED, true);
	trace_allocations("0");
	/* Two page offsets a run, less what a page has for itself. */
	nr = pages_allocated();
	if (nr < SCATTERED * 2 * sizeof(uint64_t) / PAGE) {
		fprintf(stderr, "costs: only %u pages were seen to be allocated\n", nr);
		exit(1);
	}
	memory_close(&memory);
	return nr;
}

/* What this process does from here on of @event, a directory of tracefs's. */
static void trace_mine(const char *event, const char *on)
{
	char name[128], filter[64];

	snprintf(filter, sizeof(filter), "common_pid == %d", getpid());
	snprintf(name, sizeof(name), TRACING "/events/%s/filter", event);
	write_text(name, filter);
	snprintf(name, sizeof(name), TRACING "/events/%s/enable", event);
	write_text(name, on);
}

static void trace_parts(const char *on)
{
	trace_mine("kmem/kmalloc", on);
	trace_mine("kmem/kmem_cache_alloc", on);
	trace_mine("kvm/kvm_gmem_set_direct_map", on);
}

struct parts_seen {
	unsigned int before; /* allocations before the first change */
	unsigned int between; /* and before the last */
	unsigned int changes;
};

static struct parts_seen read_parts(void)
{
	FILE *trace = fopen(TRACING "/trace", "r");
	struct parts_seen seen = { 0 };
	unsigned int since = 0;
	char line[512];

	if (!trace)
		bench_die(TRACING "/trace");
	while (fgets(line, sizeof(line), trace)) {
		if (strstr(line, "alloc: ")) {
			since++;
		} else if (strstr(line, "kvm_gmem_set_direct_map: ")) {
			*(seen.changes ? &seen.between : &seen.before) += since;
			seen.changes++;
			since = 0;
		}
	}
	fclose(trace);
	return seen;
}

/* Each part has a tree of its own that takes nodes for what deviates. */
static unsigned int cost_parts(void)
{
	struct memory memory = memory_create(1, KVM_GMEM_DIRECT_MAP_DYNAMIC);
	struct parts_seen seen;

	for (unsigned int nr = 1; nr < PARTS; nr++)
		add_page(&memory, nr, KVM_GMEM_DIRECT_MAP_DYNAMIC);
	mount("tracefs", TRACING, "tracefs", 0, NULL);
	write_text(TRACING "/trace", "0");
	trace_parts("1");
	memory_convert(&memory, 0, PARTS, true);
	trace_parts("0");
	seen = read_parts();
	memory_close(&memory);
	if (seen.changes == PARTS && seen.before >= PARTS && !seen.between)
		return seen.before;
	fprintf(stderr, "costs: %u changes, %u allocations before the first, %u before the last\n",
		seen.changes, seen.before, seen.between);
	exit(1);
}

/* Nodes of all xarrays. */
static long nodes_allocated(void)
{
	FILE *slabs = fopen("/proc/slabinfo", "r");
	char line[512];
	long nr = -1;

	while (slabs && nr < 0 && fgets(line, sizeof(line), slabs))
		sscanf(line, "radix_tree_node %ld", &nr);
	if (nr < 0)
		bench_die("/proc/slabinfo");
	fclose(slabs);
	return nr;
}

#define FAIL_SLAB "/sys/kernel/debug/failslab/"

/*
 * Creates a guest_memfd whose tree is as tall as can be. All allocations of this thread fail when those before
 * have taken @bytes: xarrays try twice. Whether that was not enough.
 */
static bool fails_with(const struct memory *memory, unsigned int bytes)
{
	struct kvm_create_guest_memfd request = { .size = 1ULL << 62,
						  .flags = KVM_GMEM_NO_DIRECT_MAP };
	int fail = open("/proc/thread-self/make-it-fail", O_WRONLY | O_CLOEXEC), file;
	char text[16];

	snprintf(text, sizeof(text), "%u", bytes);
	write_text(FAIL_SLAB "space", text);
	if (fail < 0 || pwrite(fail, "1", 1, 0) != 1)
		bench_die("make-it-fail");
	file = ioctl(memory->vm, KVM_CREATE_GUEST_MEMFD, &request);
	if (pwrite(fail, "0", 1, 0) != 1)
		bench_die("make-it-fail");
	close(fail);
	if (file >= 0)
		close(file);
	return file < 0;
}

/* A node for each of its levels that is left behind would make hundreds. */
static unsigned int cost_reserve(void)
{
	struct memory memory = memory_create(1, KVM_GMEM_NO_DIRECT_MAP);
	unsigned int done = 0, bytes;
	long before, left;

	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	write_text(FAIL_SLAB "ignore-gfp-wait", "N");
	write_text(FAIL_SLAB "verbose", "0");
	write_text(FAIL_SLAB "task-filter", "Y");
	write_text(FAIL_SLAB "times", "-1");
	write_text(FAIL_SLAB "probability", "100");
	before = nodes_allocated();
	for (int round = 0; round < 15; round++) {
		for (bytes = 1; fails_with(&memory, bytes); bytes += 400)
			done++;
	}
	write_text(FAIL_SLAB "probability", "0");
	memory_close(&memory);
	sleep(1);
	left = nodes_allocated() - before;
	if (done < 150 || left > 200) {
		fprintf(stderr, "costs: %u creations failed, %ld nodes are left\n", done, left);
		exit(1);
	}
	return done;
}

static const struct assault costs[] = {
	{ "wide", cost_wide },		 { "many", cost_many },	  { "inodes", cost_inodes },
	{ "scattered", cost_scattered }, { "parts", cost_parts }, { "reserve", cost_reserve },
};

int main(int argc, char **argv)
{
	return assault_run(costs, sizeof(costs) / sizeof(*costs), argc, argv);
}
