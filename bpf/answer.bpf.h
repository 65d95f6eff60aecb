/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: the calls by which a CPU asks others to flush, and their handlers.
 * The tracepoints of csds are there from 6.5 on, before them only the handler of
 * a ranged flush; what ran on the target is read in the handler, which stands on
 * top of what it has interrupted.
 */
#ifndef GMEMTRACE_BPF_ANSWER_BPF_H
#define GMEMTRACE_BPF_ANSWER_BPF_H

#include "held.h"
#include "timed.h"

#define TASK_IN_GUEST 1U /* PF_VCPU */
#define SLOW_NS 100000ULL /* a handler that begins later than this tells what it has interrupted */

static __always_inline __u32 answer_softirq(void)
{
	__u32 count = 0;

	preempt_count_read(&count);
	return count & PREEMPT_SOFTIRQ ? RECORD_ANSWER_SOFTIRQ : 0;
}

/* What the handler has interrupted. */
static __always_inline void answer_look(void *ctx, struct answer_entry *entry)
{
	const struct task_struct___ids *task = task_current();
	__u32 bits = answer_softirq();

	if (!task->pid)
		bits |= RECORD_ANSWER_IDLE;
	if (task->flags & TASK_IN_GUEST)
		bits |= RECORD_ANSWER_GUEST;
	entry->task = (__u64)task;
	entry->tid = task->pid;
	entry->bits = bits;
	entry->stack_state = RECORD_STACK_NONE;
	if (sensor.stack_rate && entry->asked && entry->entered - entry->asked > SLOW_NS)
		entry->stack_state = stack_take(ctx, &entry->stack);
}

/* Interrupts of the initiator ask for things of their own. */
static __always_inline bool function_flushes(__u64 function)
{
	if (!sensor.flush_range_function && !sensor.flush_all_function)
		return true;
	return function == sensor.flush_range_function || function == sensor.flush_all_function;
}

static __always_inline struct csd_owner *csd_owner(__u64 csd)
{
	__u32 key = (csd * 0x9e3779b97f4a7c15ULL >> 32) & (sensor.csd_owners - 1);

	return bpf_map_lookup_elem(&csd_owners, &key);
}

/* Apart: it happens once a csd, and where another has its place. */
static __noinline int csd_announce(__u64 csd, __u32 initiator)
{
	struct csd_owner *owner = csd_owner(csd);
	__u32 *known = bpf_map_lookup_elem(&csd_initiators, &csd);

	if (!known || *known != initiator)
		bpf_map_update_elem(&csd_initiators, &csd, &initiator, 0);
	if (!owner || (owner->csd && owner->csd != csd))
		return 0;
	owner->initiator = initiator;
	atomic_write_release(&owner->csd, csd);
	return 0;
}

/* What @task's open flush has beside its begin, from its first CPU asked on; NULL: none is open. */
static __always_inline struct timed_slot *csd_flush(const struct task_struct___ids *task)
{
	struct begin_slot *slot = slot_find(slots, (__u64)task, task->pid);
	struct timed_slot *timed;
	__u64 begin;

	if (!slot)
		return NULL;
	begin = slot->flush_begin;
	if (!begin)
		return NULL;
	timed = timed_find(task, begin);
	return timed ? timed : timed_open(task, begin);
}

/* The initiator, with preemption off and the csd its own. */
SEC("raw_tp/csd_queue_cpu")
int csd_queued(const __u64 *ctx)
{
	__u32 target = ctx[0], initiator;
	struct answer_entry *entry;
	struct timed_slot *timed;
	struct csd_owner *owner;
	__u64 csd = ctx[3], now;

	if (target >= sensor.cpus || !function_flushes(ctx[2]))
		return 0;
	timed = csd_flush(task_current());
	if (!timed)
		return 0;
	initiator = bpf_get_smp_processor_id();
	entry = answer_entry(initiator, target);
	owner = csd_owner(csd);
	if (!entry)
		return 0;
	if (!owner || owner->csd != csd || owner->initiator != initiator)
		csd_announce(csd, initiator);
	now = bpf_ktime_get_ns();
	entry->asked = now;
	entry->entered = 0;
	entry->left = 0;
	/* Queueing the csd orders this before the handler. */
	entry->begin = timed->begin;
	if (!timed->asked_nr)
		timed->asked = now;
	timed->initiator = initiator;
	timed->asked_nr++;
	return 0;
}

static __always_inline struct answer_entry *answer_of(__u64 csd)
{
	struct csd_owner *owner = csd_owner(csd);
	__u32 *initiator;

	if (owner && owner->csd == csd)
		return answer_entry(owner->initiator, bpf_get_smp_processor_id());
	initiator = bpf_map_lookup_elem(&csd_initiators, &csd);
	return initiator ? answer_entry(*initiator, bpf_get_smp_processor_id()) : NULL;
}

SEC("raw_tp/csd_function_entry")
int csd_entered(__u64 *ctx)
{
	struct answer_entry *entry;
	__u64 now;

	/* The initiator calls its own handler without one. */
	if (!ctx[1])
		return 0;
	now = bpf_ktime_get_ns();
	entry = answer_of(ctx[1]);
	if (!entry || !entry->begin || entry->entered)
		return 0;
	entry->entered = now;
	answer_look(ctx, entry);
	return 0;
}

SEC("raw_tp/csd_function_exit")
int csd_left(const __u64 *ctx)
{
	struct answer_entry *entry = ctx[1] ? answer_of(ctx[1]) : NULL;

	if (entry && entry->begin && entry->entered && !entry->left)
		entry->left = bpf_ktime_get_ns();
	return 0;
}

/* Each CPU's, its own among them, which runs it in the flush, as it does all that was queued. */
SEC("fentry/do_kernel_range_flush")
int BPF_PROG(handler_enter, const struct flush_tlb_info___initiator *info)
{
	__u32 cpu = bpf_get_smp_processor_id(), initiator = ~0U;
	__u64 now = bpf_ktime_get_ns();
	struct answer_entry *entry;
	struct timed_slot *timed;

	if (bpf_core_read(&initiator, sizeof(initiator), &info->initiating_cpu) ||
	    initiator >= sensor.cpus)
		return 0;
	if (initiator == cpu) {
		timed = csd_flush(task_current());
		if (!timed)
			return 0;
		timed->initiator = cpu;
		timed->asked = timed->begin;
		timed->asked_nr = 1;
		timed->handled = 1;
		return 0;
	}
	entry = answer_entry(initiator, cpu);
	if (!entry)
		return 0;
	entry->asked = 0;
	entry->left = 0;
	entry->entered = now;
	answer_look(ctx, entry);
	return 0;
}

SEC("fexit/do_kernel_range_flush")
int BPF_PROG(handler_exit, const struct flush_tlb_info___initiator *info)
{
	__u32 cpu = bpf_get_smp_processor_id(), initiator = cpu;
	struct answer_entry *entry;

	bpf_core_read(&initiator, sizeof(initiator), &info->initiating_cpu);
	if (initiator == cpu || initiator >= sensor.cpus)
		return 0;
	entry = answer_entry(initiator, cpu);
	if (entry && entry->entered)
		entry->left = bpf_ktime_get_ns();
	return 0;
}

#endif
