// SPDX-License-Identifier: GPL-2.0
/*
 * Touches anonymous pages and unmaps them: pages that no tracer has any
 * interest in, which the page-free sensors are asked about all the same.
 * Prints what a page costs from touch to free, as first-touch does.
 *
 * usage: page-free PAGES ROUNDS   (the first round is not printed: cold)
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "clocks.h"
#include "program.h"

static bool touch_and_free(size_t pages, bool print)
{
	struct clocks clocks;
	char *memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	if (memory == MAP_FAILED || madvise(memory, pages * PAGE, MADV_NOHUGEPAGE)) {
		perror("page-free: mmap");
		return false;
	}
	clocks_start(&clocks);
	for (size_t i = 0; i < pages; i++)
		((volatile char *)memory)[i * PAGE] = 1;
	munmap(memory, pages * PAGE);
	clocks_stop(&clocks);
	if (print)
		clocks_print(&clocks, pages);
	return true;
}

int main(int argc, char **argv)
{
	return program_rounds(argc, argv, touch_and_free);
}
