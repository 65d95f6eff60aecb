// SPDX-License-Identifier: GPL-2.0
/*
 * Memory failure hits private pages while conversions change them to and fro: nothing may hang, and
 * from then on conversions leave those pages alone. Needs CONFIG_HWPOISON_INJECT. Ends with 0, prints
 * how many pages a conversion changes in the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"
#include "routine.h"
#include "tracing.h"

#define PAGES 600UL
#define SPTE_EVENT "events/kvmmmu/kvm_mmu_set_spte/enable"
#define SPTE_PFN 0x000ffffffffff000ULL
#define GUEST_FIRST_FRAME (1ULL << 20)
#define CORRUPT "/sys/kernel/debug/hwpoison/corrupt-pfn"

/* First and last of all and of what one table of entries maps, and one in between. */
static const size_t victims[] = { 0, 7, 511, 512, PAGES - 1 };
#define VICTIMS (sizeof(victims) / sizeof(*victims))

static struct tracing tracing;
static _Atomic bool stop;

/* The page frames of all pages, from what KVM maps for the guest. */
static void find_frames(struct memory *memory, unsigned long long *pfns)
{
	unsigned long long gfn, spte;
	size_t found = 0;
	char *line;

	tracing_write(SPTE_EVENT, "1");
	tracing_open(&tracing);
	memory_fault(memory);
	while (found < PAGES && (line = tracing_find(&tracing, "kvm_mmu_set_spte", "gfn ", 1000))) {
		if (sscanf(strstr(line, "gfn "), "gfn %llx spte %llx", &gfn, &spte) != 2 ||
		    gfn < GUEST_FIRST_FRAME || gfn >= GUEST_FIRST_FRAME + PAGES)
			continue;
		pfns[gfn - GUEST_FIRST_FRAME] = (spte & SPTE_PFN) >> 12;
		found++;
	}
	tracing_write(SPTE_EVENT, "0");
	close(tracing.pipe);
	if (found < PAGES) {
		errno = ENOENT;
		bench_die("the guest's page frames");
	}
}

static void poison(unsigned long long pfn)
{
	int file = open(CORRUPT, O_WRONLY);
	char text[32];

	snprintf(text, sizeof(text), "%llu", pfn);
	/* EBUSY: it is poisoned, and stays in the page cache, as guest_memfd wants it. */
	if (file < 0 || (write(file, text, strlen(text)) < 0 && errno != EBUSY))
		bench_die(CORRUPT);
	close(file);
}

static void *convert_until_stopped(void *argument)
{
	const struct memory *memory = argument;

	while (!atomic_load(&stop)) {
		memory_convert(memory, 0, PAGES, false);
		memory_convert(memory, 0, PAGES, true);
	}
	return NULL;
}

int main(void)
{
	struct memory memory = memory_create(PAGES, KVM_GMEM_NO_DIRECT_MAP);
	unsigned long long pfns[PAGES];
	pthread_t converter;

	memory_convert(&memory, 0, PAGES, true);
	find_frames(&memory, pfns);
	if (pthread_create(&converter, NULL, convert_until_stopped, &memory))
		bench_die("a second thread");
	for (size_t i = 0; i < VICTIMS; i++) {
		usleep(20000);
		poison(pfns[victims[i]]);
	}
	atomic_store(&stop, true);
	pthread_join(converter, NULL);

	routine_trace();
	routine_convert(&memory, 0, PAGES, false, PAGES - VICTIMS);
	routine_convert(&memory, 0, PAGES, true, PAGES - VICTIMS);
	routine_end();
	memory_punch(&memory);
	printf("%zu of %lu pages still change\n", PAGES - VICTIMS, PAGES);
	return 0;
}
