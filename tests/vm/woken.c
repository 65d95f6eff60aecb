// SPDX-License-Identifier: GPL-2.0
/*
 * woken PAGES: touches the pages of a memfd_secret on CPU 0, and wakes a thread that sleeps on CPU 1 behind
 * each. Where CPUs share no cache, or the other is idle, a wakeup asks that CPU by a csd, as a flush does.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#define PAGE_BYTES 4096UL
#define ASLEEP_US 2000 /* by then the other thread sleeps again */

static atomic_int touched, seen;

static int cpu_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

static void *woken_thread(void *pages)
{
	if (cpu_pin(1)) {
		perror("woken: CPU 1");
		exit(2);
	}
	for (int page = 0; page < *(const int *)pages; page++) {
		while (atomic_load(&touched) == page)
			syscall(SYS_futex, &touched, FUTEX_WAIT_PRIVATE, page, NULL, NULL, 0);
		atomic_store(&seen, page + 1);
	}
	return pages;
}

static void pages_touch(volatile char *memory, int pages)
{
	for (int page = 0; page < pages; page++) {
		usleep(ASLEEP_US);
		memory[page * PAGE_BYTES] = 1;
		atomic_store(&touched, page + 1);
		syscall(SYS_futex, &touched, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		while (atomic_load(&seen) <= page)
			;
	}
}

int main(int argc, char **argv)
{
	int pages = argc == 2 ? atoi(argv[1]) : 0, secret;
	void *memory;
	pthread_t thread;

	if (pages < 1) {
		fprintf(stderr, "usage: woken PAGES\n");
		return 64;
	}
	secret = (int)syscall(SYS_memfd_secret, 0);
	if (secret < 0 || ftruncate(secret, (off_t)(pages * PAGE_BYTES)))
		goto failed;
	memory = mmap(NULL, pages * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, secret, 0);
	if (memory == MAP_FAILED || cpu_pin(0) ||
	    pthread_create(&thread, NULL, woken_thread, &pages))
		goto failed;
	pages_touch(memory, pages);
	pthread_join(thread, NULL);
	return 0;

failed:
	perror("woken");
	return 2;
}
