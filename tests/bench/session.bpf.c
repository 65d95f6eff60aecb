// SPDX-License-Identifier: GPL-2.0
/*
 * Begin and end of a flush, in two programs and in one that runs at both (fsession: from 7.0 on): doing nothing, and
 * taking the time from the begin to the end, in a slot as the sensors do or in the session's cookie.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "bpf/begin_slot.h"

char LICENSE[] SEC("license") = "GPL";

extern bool bpf_session_is_return(void *ctx) __weak __ksym;
extern __u64 *bpf_session_cookie(void *ctx) __weak __ksym;

struct task_struct___session {
	__u32 pid;
} __attribute__((preserve_access_index));

struct begin_slot slots[SLOTS_NR] = {};
__u64 armed = SENSOR_ARMED;
__u64 timed = 0;
__u64 timed_ns = 0;

static __always_inline void time_add(__u64 begin)
{
	if (!begin)
		return;
	timed++;
	timed_ns += bpf_ktime_get_ns() - begin;
}

SEC("fentry/flush_tlb_kernel_range")
int pair_enter(const void *ctx)
{
	(void)ctx;
	return 0;
}

SEC("fexit/flush_tlb_kernel_range")
int pair_exit(const void *ctx)
{
	(void)ctx;
	return 0;
}

SEC("fentry/flush_tlb_kernel_range")
int session(const void *ctx)
{
	(void)ctx;
	return 0;
}

SEC("fentry/flush_tlb_kernel_range")
int slot_enter(const void *ctx)
{
	const struct task_struct___session *task = (const void *)bpf_get_current_task_btf();
	struct begin_slot *slot = slot_claim_any(slots, &armed, (__u64)task, task->pid);

	(void)ctx;
	if (slot)
		atomic_write(&slot->flush_begin, bpf_ktime_get_ns());
	return 0;
}

SEC("fexit/flush_tlb_kernel_range")
int slot_exit(const void *ctx)
{
	const struct task_struct___session *task = (const void *)bpf_get_current_task_btf();
	struct begin_slot *slot = slot_find(slots, (__u64)task, task->pid);

	(void)ctx;
	if (!slot)
		return 0;
	time_add(atomic_read(&slot->flush_begin));
	slot_release(slot);
	return 0;
}

SEC("fentry/flush_tlb_kernel_range")
int cookie(void *ctx)
{
	__u64 *begin = bpf_session_cookie(ctx);

	if (!bpf_session_is_return(ctx))
		*begin = bpf_ktime_get_ns();
	else
		time_add(*begin);
	return 0;
}
