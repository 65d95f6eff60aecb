// SPDX-License-Identifier: GPL-2.0
/*
 * many-inodes NUMBER: so many memfd_secrets of a page each, touched; says "ready", and keeps them
 * until it is killed.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#define PAGE 4096UL

static bool keep_one(void)
{
	int descriptor = (int)syscall(SYS_memfd_secret, 0);
	char *memory;

	if (descriptor < 0 || ftruncate(descriptor, PAGE))
		return false;
	memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	if (memory == MAP_FAILED)
		return false;
	*(volatile char *)memory = 1;
	/* The descriptor alone holds it from here on: so many mappings a process may not have. */
	return !munmap(memory, PAGE);
}

int main(int argc, char **argv)
{
	unsigned long number = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	const struct rlimit files = { number + 16, number + 16 };
	const struct rlimit memory = { RLIM_INFINITY, RLIM_INFINITY };

	if (!number) {
		fprintf(stderr, "usage: many-inodes NUMBER\n");
		return 64;
	}
	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_MEMLOCK, &memory);
	for (unsigned long i = 0; i < number; i++) {
		if (!keep_one()) {
			perror("many-inodes");
			return 2;
		}
	}
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
