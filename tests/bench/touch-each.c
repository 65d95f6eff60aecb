// SPDX-License-Identifier: GPL-2.0
/*
 * Touches memfd_secret pages for the first time and prints the median of what
 * a page costs, in ns of CLOCK_MONOTONIC: on several CPUs that take turns
 * under -icount all that any of them runs meanwhile, and a timer that hits one
 * page in hundreds is not in it.
 *
 * Before each page all CPUs are left time to fall asleep. One that is asked
 * again while it is on its way to sleep saves the rest of that way and the way
 * back, 433 instructions, and which of them are is chance: rounds differed by
 * multiples of it, with a tracer and without.
 *
 * usage: touch-each PAGES ROUNDS   (the first round is not printed: cold)
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clocks.h"
#include "program.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

#define ASLEEP_US 200

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static bool touch(size_t pages, bool print)
{
	uint64_t *each = calloc(pages, sizeof(*each));
	int descriptor = syscall(SYS_memfd_secret, 0);
	char *memory;

	if (!each || descriptor < 0 || ftruncate(descriptor, pages * PAGE)) {
		perror("touch-each: memfd_secret");
		return false;
	}
	memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	if (memory == MAP_FAILED) {
		perror("touch-each: mmap");
		return false;
	}
	for (size_t i = 0; i < pages; i++) {
		uint64_t begin;

		usleep(ASLEEP_US);
		begin = clock_read(CLOCK_MONOTONIC);
		((volatile char *)memory)[i * PAGE] = 1;
		each[i] = clock_read(CLOCK_MONOTONIC) - begin;
	}
	munmap(memory, pages * PAGE);
	close(descriptor);
	qsort(each, pages, sizeof(*each), compare);
	if (print)
		printf("%llu %llu\n", (unsigned long long)each[pages / 2],
		       (unsigned long long)each[pages / 2]);
	free(each);
	return true;
}

int main(int argc, char **argv)
{
	return program_rounds(argc, argv, touch);
}
