// SPDX-License-Identifier: GPL-2.0
/*
 * What flagged memory may cost at most, by what can be counted. Ends with 0 where it keeps to that, prints "NAME: ok".
 *
 * usage: bounds fits|parts
 *
 * fits   a VM whose pages are a fraction of its memcg's limit, and whose windows around them are more than it: it
 *        lives, and the windows were there
 * parts  a slot with every other page private is bound: twice as many are no more than 2.8 times the time. For
 *        a guest under icount, where time is instructions
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"

#define CGROUP "/sys/fs/cgroup"
#define GROUP CGROUP "/bounds"
#define LIMIT (48UL << 20)
/* Of 64 pages each: the 512th of the file. */
#define FITS_PAGES (128UL << 20 >> 12)
#define FITS_WINDOW (FITS_PAGES / 512)
#define PARTS 4096UL

static void write_text(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	if (!file || fputs(text, file) < 0 || fclose(file))
		bench_die(name);
}

static unsigned long read_number(const char *name)
{
	FILE *file = fopen(name, "r");
	unsigned long number = 0;

	if (!file || fscanf(file, "%lu", &number) != 1)
		bench_die(name);
	fclose(file);
	return number;
}

static void create_group(void)
{
	char limit[32];

	/* It may be there already. */
	mount("cgroup2", CGROUP, "cgroup2", 0, NULL);
	write_text(CGROUP "/cgroup.subtree_control", "+memory");
	if (mkdir(GROUP, 0755) && errno != EEXIST)
		bench_die(GROUP);
	snprintf(limit, sizeof(limit), "%lu", LIMIT);
	write_text(GROUP "/memory.max", limit);
}

static void fault_page(int vcpu, size_t page)
{
	struct kvm_pre_fault_memory range = { .gpa = (1ULL << 32) + page * PAGE, .size = PAGE };

	while (range.size && ioctl(vcpu, KVM_PRE_FAULT_MEMORY, &range)) {
		if (errno != EINTR && errno != EAGAIN)
			bench_die("KVM_PRE_FAULT_MEMORY");
	}
}

/* A page of each window, then another of each, and so on: 8M, where the windows are 128M. */
static _Noreturn void use_windows(void)
{
	struct memory memory;
	int vcpu;

	write_text(GROUP "/cgroup.procs", "0");
	memory = memory_create(FITS_PAGES, KVM_GMEM_NO_DIRECT_MAP);
	vcpu = ioctl(memory.vm, KVM_CREATE_VCPU, 0UL);
	if (vcpu < 0)
		bench_die("KVM_CREATE_VCPU");
	memory_convert(&memory, 0, FITS_PAGES, true);
	for (size_t nth = 0; nth < 4; nth++) {
		for (size_t page = nth; page < FITS_PAGES; page += FITS_WINDOW)
			fault_page(vcpu, page);
	}
	exit(0);
}

static int bounds_fits(void)
{
	unsigned long peak;
	pid_t child;
	int status;

	create_group();
	child = fork();
	if (!child)
		use_windows();
	if (child < 0 || waitpid(child, &status, 0) != child)
		bench_die("a child");
	peak = read_number(GROUP "/memory.peak");
	rmdir(GROUP);
	if (status) {
		fprintf(stderr, "bounds: a VM of 8M was ended by signal %d, status %d\n",
			WTERMSIG(status), WEXITSTATUS(status));
		return 1;
	}
	if (peak < LIMIT / 2) {
		fprintf(stderr, "bounds: no windows, %lu bytes at most\n", peak);
		return 1;
	}
	return 0;
}

/* Nanoseconds that it takes to bind @nr ranges of a page that are private and not absent yet. */
static uint64_t bind_parts(size_t nr)
{
	struct memory memory = memory_create(2 * nr, KVM_GMEM_NO_DIRECT_MAP);
	uint64_t ns;

	memory_unbind(&memory);
	for (size_t i = 0; i < nr; i++) {
		struct kvm_gmem_direct_map change = { .offset = 2 * i * PAGE,
						      .size = PAGE,
						      .present = 1 };

		if (ioctl(memory.memory, KVM_GMEM_SET_DIRECT_MAP, &change))
			bench_die("KVM_GMEM_SET_DIRECT_MAP");
		memory_convert(&memory, 2 * i, 1, true);
	}
	ns = memory_bind(&memory);
	memory_close(&memory);
	return ns;
}

static int bounds_parts(void)
{
	uint64_t once = bind_parts(PARTS);
	uint64_t twice = bind_parts(2 * PARTS);

	if (twice * 10 > once * 28) {
		fprintf(stderr, "bounds: %lu parts take %lu ns, %lu take %lu\n", PARTS, once,
			2 * PARTS, twice);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int status = 64;

	if (argc == 2 && !strcmp(argv[1], "fits"))
		status = bounds_fits();
	else if (argc == 2 && !strcmp(argv[1], "parts"))
		status = bounds_parts();
	else
		fprintf(stderr, "usage: bounds fits|parts\n");
	if (!status)
		printf("%s: ok\n", argv[1]);
	return status;
}
