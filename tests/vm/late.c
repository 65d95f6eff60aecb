// SPDX-License-Identifier: GPL-2.0
/*
 * late CPU MS CMD...: CPU keeps its interrupts off for MS, now and then while CMD runs, see
 * late.bpf.c; says on standard error when, a line "late: BEGIN END" of CLOCK_MONOTONIC's ns each.
 * Ends with CMD's status, 2 where it cannot.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "late.skel.h"
#include "program.h"

#define TIMES 4

/* As long as the process lives. */
static void *now_and_then(void *context)
{
	struct late_bpf *late = context;

	for (int i = 0; i < TIMES; i++) {
		sleep(1);
		__atomic_store_n(&late->bss->left, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct late_bpf *late;
	pthread_t thread;
	int status = 2;

	if (argc < 4) {
		fprintf(stderr, "usage: late CPU MS CMD...\n");
		return 64;
	}
	late = late_bpf__open();
	if (!late)
		goto failed;
	late->rodata->cpu = (unsigned int)strtoul(argv[1], NULL, 10);
	late->rodata->ns = strtoul(argv[2], NULL, 10) * 1000000UL;
	if (late_bpf__load(late) || late_bpf__attach(late))
		goto failed;
	if (pthread_create(&thread, NULL, now_and_then, late))
		goto failed;
	status = program_run_command(argv + 3);
	for (unsigned int i = 0; i < late->bss->times; i++)
		fprintf(stderr, "late: %lu %lu\n", late->bss->begins[i], late->bss->ends[i]);
	late_bpf__destroy(late);
	return status;

failed:
	fprintf(stderr, "late: %s\n", strerror(errno));
	late_bpf__destroy(late);
	return status;
}
