// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks whose ids are equal modulo 32768 fault and free memfd_secret pages at once: they want the same
 * begin slot of the sensors. Prints how many changes of direct-map entries they made.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TASKS 4
#define SLOTS 32768
#define FIRST_ID 40000
#define PAGES 64
#define PAGE 4096UL

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "collide: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void pid_max_raise(void)
{
	int file = open("/proc/sys/kernel/pid_max", O_WRONLY | O_CLOEXEC);

	if (file < 0 || write(file, "4194304", 7) != 7)
		die("/proc/sys/kernel/pid_max");
	close(file);
}

static pid_t fork_as(pid_t id)
{
	struct clone_args arguments = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&id,
		.set_tid_size = 1,
	};
	long child = syscall(SYS_clone3, &arguments, sizeof(arguments));

	if (child < 0)
		die("clone3 with set_tid");
	return (pid_t)child;
}

static void fault_and_free(void)
{
	int file = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
	char *memory;

	if (file < 0 || ftruncate(file, PAGES * PAGE))
		die("memfd_secret");
	memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (memory == MAP_FAILED)
		die("mmap");
	for (size_t i = 0; i < PAGES; i++)
		*(volatile char *)(memory + i * PAGE) = 1;
	munmap(memory, PAGES * PAGE);
	close(file);
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : 20;
	int start[2], status, failed = 0;
	char nothing;

	pid_max_raise();
	if (pipe(start))
		die("pipe");
	for (pid_t i = 0; i < TASKS; i++) {
		if (fork_as(FIRST_ID + i * SLOTS))
			continue;
		/* All at once: when nobody holds the writing end any longer. */
		close(start[1]);
		if (read(start[0], &nothing, 1) < 0)
			die("read");
		for (unsigned int round = 0; round < rounds; round++)
			fault_and_free();
		_exit(0);
	}
	close(start[1]);
	while (wait(&status) > 0)
		failed |= status;
	printf("%lu\n", 2UL * TASKS * PAGES * rounds);
	return failed ? 1 : 0;
}
