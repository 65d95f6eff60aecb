// SPDX-License-Identifier: GPL-2.0
/*
 * Touches memfd_secret pages for the first time and prints what a page costs,
 * in ns of two clocks: CLOCK_THREAD_CPUTIME_ID (this thread alone, with the
 * interrupts that hit it) and CLOCK_MONOTONIC (everything that ran meanwhile,
 * a tracer's reader too). Under QEMU's -icount shift=0 a nanosecond of the
 * guest's clock is an instruction.
 *
 * usage: first-touch PAGES ROUNDS   (the first round is not printed: cold)
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

static bool touch(size_t pages, bool print)
{
	int descriptor = syscall(SYS_memfd_secret, 0);
	struct clocks clocks;
	char *memory;

	if (descriptor < 0 || ftruncate(descriptor, pages * PAGE)) {
		perror("first-touch: memfd_secret");
		return false;
	}
	memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	if (memory == MAP_FAILED) {
		perror("first-touch: mmap");
		return false;
	}
	clocks_start(&clocks);
	for (size_t i = 0; i < pages; i++)
		((volatile char *)memory)[i * PAGE] = 1;
	clocks_stop(&clocks);
	munmap(memory, pages * PAGE);
	close(descriptor);
	if (print)
		clocks_print(&clocks, pages);
	return true;
}

int main(int argc, char **argv)
{
	return program_rounds(argc, argv, touch);
}
