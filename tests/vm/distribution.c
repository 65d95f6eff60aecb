// SPDX-License-Identifier: GPL-2.0
/*
 * What depends on how the kernel was built: that memory is populated in batches where KVM knows SNP, and
 * that hibernation and memory out of the direct map exclude each other. /sys/power/pm_test ends hibernation
 * after the freezer. Prints a line for each, "NAME: ok N".
 *
 * usage: distribution
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "memory.h"

#define PAGES 4096UL
#define TRIES 200

_Noreturn static void fail(const char *text)
{
	fprintf(stderr, "distribution: %s\n", text);
	exit(1);
}

/* Interrupts by which CPUs had functions called on others. */
static unsigned long long calls_count(void)
{
	FILE *file = fopen("/proc/interrupts", "r");
	unsigned long long calls = 0;
	char line[4096];

	if (!file)
		bench_die("/proc/interrupts");
	while (fgets(line, sizeof(line), file)) {
		char *next = strstr(line, "CAL:"), *end;

		for (next = next ? next + 4 : NULL; next; next = end) {
			unsigned long long nr = strtoull(next, &end, 10);

			if (end == next)
				break;
			calls += nr;
		}
	}
	fclose(file);
	return calls;
}

static void try_batches(void)
{
	struct memory memory = memory_create(PAGES, KVM_GMEM_NO_DIRECT_MAP);
	unsigned long long batched, single;

	memory_convert(&memory, 0, PAGES, true);
	batched = calls_count();
	memory_populate(&memory);
	batched = calls_count() - batched;
	memory_close(&memory);

	memory = memory_create(PAGES, KVM_GMEM_NO_DIRECT_MAP);
	memory_convert(&memory, 0, PAGES, true);
	single = calls_count();
	memory_fault(&memory);
	single = calls_count() - single;
	memory_close(&memory);
	/* A fault flushes for a window of 16. */
	if (single < PAGES / 32)
		fail("faults do not flush, is there another CPU?");
	if (batched > PAGES / 64)
		fail("fallocate() flushes as often as faults do");
	printf("batches: ok %llu\n", batched);
}

static void text_write(const char *name, const char *text)
{
	int file = open(name, O_WRONLY | O_CLOEXEC);

	if (file < 0 || write(file, text, strlen(text)) < 0)
		bench_die(name);
	close(file);
}

/* 0, or the errno. Nothing is written: it ends after the freezer. */
static int hibernate(void)
{
	int file = open("/sys/power/state", O_WRONLY | O_CLOEXEC);
	int error;

	if (file < 0)
		bench_die("/sys/power/state");
	error = write(file, "disk", 4) < 0 ? errno : 0;
	close(file);
	return error;
}

static void try_veto(void)
{
	struct memory memory;

	text_write("/sys/power/pm_test", "freezer");
	text_write("/sys/module/suspend/parameters/pm_test_delay", "0");
	if (hibernate())
		fail("the system cannot hibernate as it is");
	memory = memory_create(1, 0);
	if (hibernate())
		fail("an unflagged guest_memfd is in hibernation's way");
	memory_close(&memory);
	memory = memory_create(1, KVM_GMEM_DIRECT_MAP_DYNAMIC);
	if (hibernate() != EBUSY)
		fail("the system hibernates with a flagged guest_memfd");
	memory_close(&memory);
	if (hibernate())
		fail("the system cannot hibernate any more");
	printf("veto: ok 4\n");
}

struct creator {
	int vm;
	atomic_bool stop;
	atomic_uint refused;
	atomic_uint created;
};

static void *create_again_and_again(void *argument)
{
	struct creator *creator = argument;
	struct kvm_create_guest_memfd request = { .size = PAGE, .flags = KVM_GMEM_NO_DIRECT_MAP };

	while (!atomic_load(&creator->stop)) {
		int file = ioctl(creator->vm, KVM_CREATE_GUEST_MEMFD, &request);

		if (file < 0 && errno != EBUSY)
			bench_die("KVM_CREATE_GUEST_MEMFD");
		if (file < 0) {
			atomic_fetch_add(&creator->refused, 1);
			continue;
		}
		close(file);
		atomic_fetch_add(&creator->created, 1);
		usleep(1000);
	}
	return NULL;
}

/* While user space still runs, or runs again: the one who comes second is refused. */
static void try_refusal(void)
{
	struct memory memory = memory_create(1, 0);
	struct creator creator = { .vm = memory.vm };
	pthread_t thread;

	if (pthread_create(&thread, NULL, create_again_and_again, &creator))
		bench_die("pthread_create");
	for (int i = 0; i < TRIES && !atomic_load(&creator.refused); i++)
		hibernate();
	usleep(100000);
	atomic_store(&creator.stop, true);
	pthread_join(thread, NULL);
	memory_close(&memory);
	if (!creator.refused || !creator.created)
		fail("of guest_memfds none was refused on the way into hibernation, or all were");
	printf("refusal: ok %u\n", creator.refused);
}

int main(void)
{
	try_batches();
	try_veto();
	try_refusal();
	return 0;
}
