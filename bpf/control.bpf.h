/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs that user space runs itself, beside the sensors: what an inode is,
 * where the ring stands, which zaps still wait, how one page is mapped.
 */
#ifndef GMEMTRACE_BPF_CONTROL_BPF_H
#define GMEMTRACE_BPF_CONTROL_BPF_H

#include "inode.h"
#include "slot.h"
#include "walk.h"

SEC("syscall")
int identify(struct identify_args *args)
{
	struct identify_args identity = *args;

	inode_identify(&identity);
	*args = identity;
	return 0;
}

/* Everything reserved before `time` lies below `produced` and `zaps`. */
SEC("syscall")
int position(struct position_args *args)
{
	args->time = bpf_ktime_get_ns();
	args->produced = bpf_ringbuf_query(&ring, BPF_RB_PROD_POS);
	args->zaps = *(volatile __u64 *)&zap_ends.head;
	return 0;
}

static long sweep_slot(__u32 index, __u64 *before)
{
	struct begin_slot *slot = &slots[index & (SLOTS_NR - 1)];

	if (slot->pending && slot->zap_end < *before)
		slot_emit(slot);
	return 0;
}

/* Zaps that no event of their task has followed: the age keeps clear of running tasks. */
SEC("syscall")
int sweep(struct sweep_args *args)
{
	__u64 before = bpf_ktime_get_ns() - args->age;

	bpf_loop(SLOTS_NR, sweep_slot, &before, 0);
	return 0;
}

SEC("syscall")
int walk(struct walk_args *args)
{
	args->state = walk_pfn(args->pfn);
	return 0;
}

#endif
