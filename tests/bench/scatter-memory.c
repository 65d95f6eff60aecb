// SPDX-License-Identifier: GPL-2.0
/*
 * Runs CMD on a kernel whose next free pages lie far from each other: fills a
 * guest_memfd without flags, then frees every other page of it in a random
 * order. What guest_memfds are given next comes from the same lists.
 *
 * usage: scatter-memory PAGES CMD...   (PAGES: how many scattered pages)
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clocks.h"
#include "kvm_uapi.h"

static int memory_create(size_t pages)
{
	struct kvm_create_guest_memfd memory = { .size = pages * PAGE };
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, (unsigned long)KVM_X86_SW_PROTECTED_VM);

	return vm < 0 ? -1 : ioctl(vm, KVM_CREATE_GUEST_MEMFD, &memory);
}

/* The same order in every run. */
static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void shuffle(uint32_t *order, size_t nr)
{
	uint64_t state = 88172645463325252ULL;

	for (size_t i = 0; i < nr; i++)
		order[i] = i;
	for (size_t i = nr - 1; i > 0; i--) {
		size_t other = random_next(&state) % (i + 1);
		uint32_t swapped = order[i];

		order[i] = order[other];
		order[other] = swapped;
	}
}

static int memory_scatter(int memory, const uint32_t *order, size_t nr)
{
	if (fallocate(memory, FALLOC_FL_KEEP_SIZE, 0, nr * 2 * PAGE))
		return -1;
	for (size_t i = 0; i < nr; i++) {
		if (fallocate(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			      order[i] * 2 * PAGE, PAGE))
			return -1;
	}
	return 0;
}

static int command_run(char **command)
{
	pid_t child = fork();
	int status;

	if (!child) {
		execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 2;
	return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	size_t nr = argc > 2 ? strtoul(argv[1], NULL, 0) : 0;
	uint32_t *order = calloc(nr + 1, sizeof(*order));
	int memory;

	if (!nr || !order) {
		fprintf(stderr, "usage: scatter-memory PAGES CMD...\n");
		return 64;
	}
	shuffle(order, nr);
	memory = memory_create(nr * 2);
	if (memory < 0 || memory_scatter(memory, order, nr)) {
		perror("scatter-memory: guest_memfd");
		return 2;
	}
	free(order);
	return command_run(argv + 2);
}
