/* SPDX-License-Identifier: GPL-2.0 */
/* Stacks, numbered by the kernel; src/sensor/stacks.c makes names of them. */
#ifndef GMEMTRACE_BPF_STACK_H
#define GMEMTRACE_BPF_STACK_H

#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, STACKS_NR);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, STACK_FRAMES_MAX * sizeof(__u64));
} stacks SEC(".maps");

/* The stack's number in @number, and what became of it. */
static __always_inline __u32 stack_take(void *ctx, __u32 *number)
{
	long stack = bpf_get_stackid(ctx, &stacks, 0);

	*number = stack < 0 ? 0 : stack;
	if (stack == -EEXIST)
		return RECORD_STACK_COLLIDED;
	return stack < 0 ? RECORD_STACK_LOST : RECORD_STACK_TAKEN;
}

/* Flushes seen, and which of the next stack_rate is chosen. Racing CPUs may choose one more or less. */
__u64 stack_seen = 0;
__u32 stack_chosen = 0;

/*
 * One of each stack_rate, at random among them: what comes in turns would else
 * be met always, or never.
 */
static __always_inline bool stack_is_due(void)
{
	__u64 seen = stack_seen++;
	__u32 place;

	if (sensor.stack_rate == 1)
		return true;
	place = seen % sensor.stack_rate;
	if (!place)
		stack_chosen = bpf_get_prandom_u32() % sensor.stack_rate;
	return place == stack_chosen;
}

#endif
