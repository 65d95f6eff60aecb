// SPDX-License-Identifier: GPL-2.0
/*
 * Memory failure hits private pages while conversions change them to and fro: nothing may hang, and
 * from then on conversions leave those pages alone. Another page has an error that was corrected: the
 * kernel would rather not use it any more, but the guest does, so it stays. Needs CONFIG_HWPOISON_INJECT
 * and CONFIG_RAS_CEC_DEBUG. Ends with 0, prints how many pages a conversion changes in the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
#define COLLECTOR "/sys/kernel/debug/ras/cec/"
#define CORRECTED 100

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

static void write_number(const char *name, unsigned long long number)
{
	FILE *file = fopen(name, "w");

	if (!file || fprintf(file, "%llu", number) < 0 || fclose(file))
		bench_die(name);
}

/* The kernel's next message that has @text in it. */
static void wait_for_message(int kmsg, const char *text, char *line, size_t size)
{
	struct pollfd ready = { .fd = kmsg, .events = POLLIN };
	ssize_t length;

	while (poll(&ready, 1, 30000) == 1) {
		length = read(kmsg, line, size - 1);
		if (length < 0 && errno != EPIPE && errno != EAGAIN)
			break;
		line[length > 0 ? length : 0] = '\0';
		if (strstr(line, text))
			return;
	}
	bench_die(text);
}

/* One corrected error is enough to have the page soft offlined, by a worker. */
static void soft_offline(unsigned long long pfn)
{
	int kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	char text[48], line[1024];

	if (kmsg < 0 || lseek(kmsg, 0, SEEK_END))
		bench_die("/dev/kmsg");
	snprintf(text, sizeof(text), "Soft offline: %#llx: ", pfn);
	write_number(COLLECTOR "action_threshold", 1);
	write_number(COLLECTOR "pfn", pfn);
	wait_for_message(kmsg, text, line, sizeof(line));
	close(kmsg);
	printf("soft offline: %s\n", strstr(line, "failed") ? "refused" : "done");
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
	soft_offline(pfns[CORRECTED]);
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
