// SPDX-License-Identifier: GPL-2.0
/*
 * sparse SECONDS PAGES PGOFF...: a memfd_secret of PAGES pages of which those at PGOFF are touched; it
 * is kept for SECONDS, then closed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096UL

int main(int argc, char **argv)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	size_t pages = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
	int descriptor = (int)syscall(SYS_memfd_secret, 0);
	char *memory;

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	if (descriptor < 0 || ftruncate(descriptor, (off_t)(pages * PAGE))) {
		fprintf(stderr, "sparse: memfd_secret: %s\n", strerror(errno));
		return 2;
	}
	memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	if (memory == MAP_FAILED) {
		fprintf(stderr, "sparse: mmap: %s\n", strerror(errno));
		return 2;
	}
	for (int i = 3; i < argc; i++)
		*(volatile char *)(memory + strtoull(argv[i], NULL, 0) * PAGE) = 1;
	if (argc > 2)
		sleep((unsigned int)strtoul(argv[1], NULL, 0));
	return 0;
}
