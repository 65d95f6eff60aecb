/* SPDX-License-Identifier: GPL-2.0 */
/* Two clocks around a loop, printed as ns a page: "THREAD MONOTONIC". */
#ifndef BENCH_CLOCKS_H
#define BENCH_CLOCKS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define PAGE 4096UL

struct clocks {
	uint64_t thread; /* ns of CLOCK_THREAD_CPUTIME_ID */
	uint64_t monotonic; /* ns */
};

static inline uint64_t clock_read(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static inline void clocks_start(struct clocks *clocks)
{
	clocks->monotonic = clock_read(CLOCK_MONOTONIC);
	clocks->thread = clock_read(CLOCK_THREAD_CPUTIME_ID);
}

static inline void clocks_stop(struct clocks *clocks)
{
	clocks->thread = clock_read(CLOCK_THREAD_CPUTIME_ID) - clocks->thread;
	clocks->monotonic = clock_read(CLOCK_MONOTONIC) - clocks->monotonic;
}

static inline void clocks_print(const struct clocks *clocks, size_t pages)
{
	printf("%.1f %.1f\n", (double)clocks->thread / pages, (double)clocks->monotonic / pages);
}

#endif
