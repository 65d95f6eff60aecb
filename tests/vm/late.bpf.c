// SPDX-License-Identifier: GPL-2.0
/*
 * A CPU that is late: its timer's interrupt is kept busy, so that it answers nobody meanwhile.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#define LOOPS (1 << 23) /* what bpf_loop() allows */
#define TIMES_MAX 16

char LICENSE[] SEC("license") = "GPL";

const volatile unsigned int cpu = 0;
const volatile unsigned long ns = 0; /* how late it is */

/* Times that it is to be late still, and when it was. */
unsigned int left;
unsigned int times;
unsigned long begins[TIMES_MAX], ends[TIMES_MAX];

static long keep(__u32 index, __u64 *until)
{
	(void)index;
	return bpf_ktime_get_ns() >= *until;
}

/* In the timer's interrupt: others are off. */
SEC("raw_tp/hrtimer_expire_entry")
int timer_expires(void *ctx)
{
	__u64 begin = bpf_ktime_get_ns(), until = begin + ns;
	__u32 at = times;

	(void)ctx;
	if (!left || bpf_get_smp_processor_id() != cpu || at >= TIMES_MAX)
		return 0;
	left--;
	bpf_loop(LOOPS, keep, &until, 0);
	begins[at] = begin;
	ends[at] = bpf_ktime_get_ns();
	times = at + 1;
	return 0;
}
