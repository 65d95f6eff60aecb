/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: the calls by which a CPU asks others to flush, and their handlers.
 * The tracepoints of csds are there from 6.5 on, before them only the handler of
 * a ranged flush.
 *
 * Two programs a target, one when it is queued and one when its handler has
 * ended, are half of what an answer costs (tests/bench). So there is no third
 * one at the handler's begin unless it is asked for, and the clock is read once
 * for all that a flush queues.
 */
#ifndef GMEMTRACE_BPF_ANSWER_BPF_H
#define GMEMTRACE_BPF_ANSWER_BPF_H

#include "held.h"
#include "timed.h"

#define TASK_IN_GUEST 1U /* PF_VCPU */
#define SLOW_NS                                                                                    \
	100000ULL /* a handler that runs later than this tells the stack that it has interrupted */

static __always_inline __u32 answer_softirq(void)
{
	__u32 count = 0;

	preempt_count_read(&count);
	return count & PREEMPT_SOFTIRQ ? RECORD_ANSWER_SOFTIRQ : 0;
}

/* What the handler has interrupted, which runs or has just ended. */
static __always_inline void answer_look(void *ctx, struct answer_entry *entry, __u64 now)
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
	if (!sensor.stack_rate)
		return;
	entry->stack_state = RECORD_STACK_NONE;
	if (entry->asked && now - entry->asked > SLOW_NS)
		entry->stack_state = stack_take(ctx, &entry->stack);
}

/* Interrupts of the initiator ask for things of their own, and the target is asked for others'. */
static __always_inline bool function_flushes(__u64 function)
{
	if (function == sensor.flush_range_function || function == sensor.flush_all_function)
		return true;
	return !sensor.flush_range_function && !sensor.flush_all_function;
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

/*
 * Apart: it happens once a csd. @entry is @csd's from now on; that of an initiator which had it before,
 * and has gone offline since, is no more.
 */
static __noinline int answer_announce(struct answer_entry *entry, __u64 csd, __u32 initiator,
				      __u32 target)
{
	const __u32 *before = bpf_map_lookup_elem(&csd_initiators, &csd);
	struct answer_entry *other = NULL;

	if (!entry)
		return 0;
	if (before && *before != initiator)
		other = answer_entry(*before * sensor.cpus + target);
	if (other && other->csd == csd)
		other->csd = 0;
	csd_announce(csd, initiator);
	entry->csd = csd;
	return 0;
}

/* Apart: the first CPU that the task's open flush asks. NULL: none is open. */
static __noinline struct timed_slot *csd_first(void)
{
	const struct task_struct___ids *task = task_current();
	struct begin_slot *slot = slot_find(slots, (__u64)task, task->pid);
	struct timed_slot *timed;
	__u64 begin;

	if (!slot)
		return NULL;
	begin = slot->flush_begin;
	if (!begin)
		return NULL;
	timed = timed_find(task, begin);
	if (!timed)
		timed = timed_open(task, begin);
	if (!timed)
		return NULL;
	timed->initiator = bpf_get_smp_processor_id();
	timed->row = timed->initiator * sensor.cpus;
	timed->asked = bpf_ktime_get_ns();
	return timed;
}

/* What the task's open flush has beside its begin; the clock is read for the first CPU that it asks. */
static __always_inline struct timed_slot *csd_flush(void)
{
	const struct task_struct___ids *task = task_current();
	struct timed_slot *timed = timed_slot(task->pid);

	return timed->task == (__u64)task && timed->asked ? timed : csd_first();
}

/* The initiator, with preemption off and the csd its own. */
SEC("raw_tp/csd_queue_cpu")
int csd_queued(const __u64 *ctx)
{
	__u32 target = ctx[0], key;
	struct answer_entry *entry;
	struct timed_slot *timed;
	__u64 csd = ctx[3];

	if (target >= sensor.cpus || !function_flushes(ctx[2]))
		return 0;
	timed = csd_flush();
	if (!timed)
		return 0;
	key = timed->row + target;
	entry = answer_entry(key);
	if (!entry)
		return 0;
	if (entry->csd != csd)
		answer_announce(entry, csd, timed->initiator, target);
	if (sensor.zap_times)
		entry->entered = 0;
	if (sensor.stack_rate)
		entry->asked = timed->asked;
	entry->left = 0;
	/* Queueing the csd orders this before the handler. */
	entry->begin = timed->begin;
	timed->asked_nr++;
	return 0;
}

/* Apart: where another csd has the place of @csd. Above all that CPUs may be: nobody's. */
static __noinline __u32 csd_initiator(__u64 csd)
{
	const __u32 *initiator = bpf_map_lookup_elem(&csd_initiators, &csd);

	return initiator ? *initiator : sensor.cpus;
}

/* Of the call that a flush queued, while it waits for it; the initiator calls its own handler without a csd. */
static __always_inline struct answer_entry *csd_entry(const __u64 *ctx)
{
	struct answer_entry *entry;
	struct csd_owner *owner;
	__u64 csd = ctx[1];
	__u32 initiator;

	if (!csd || !function_flushes(ctx[0]))
		return NULL;
	owner = csd_owner(csd);
	initiator = owner && owner->csd == csd ? owner->initiator : csd_initiator(csd);
	entry = answer_entry(initiator * sensor.cpus + bpf_get_smp_processor_id());
	return entry && entry->begin ? entry : NULL;
}

/* Only where it is asked for how long handlers run. */
SEC("raw_tp/csd_function_entry")
int csd_entered(__u64 *ctx)
{
	struct answer_entry *entry = csd_entry(ctx);

	if (!entry || entry->entered)
		return 0;
	entry->entered = bpf_ktime_get_ns();
	answer_look(ctx, entry, entry->entered);
	return 0;
}

/* Still on top of what the handler has interrupted. */
SEC("raw_tp/csd_function_exit")
int csd_left(__u64 *ctx)
{
	struct answer_entry *entry = csd_entry(ctx);
	__u64 now;

	if (!entry || entry->left)
		return 0;
	now = bpf_ktime_get_ns();
	entry->left = now;
	if (!sensor.zap_times || !entry->entered)
		answer_look(ctx, entry, now);
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
		timed = csd_flush();
		if (!timed)
			return 0;
		timed->asked = timed->begin;
		timed->asked_nr = 1;
		timed->handled = 1;
		return 0;
	}
	entry = answer_entry(initiator * sensor.cpus + cpu);
	if (!entry)
		return 0;
	entry->asked = 0;
	entry->left = 0;
	entry->entered = now;
	answer_look(ctx, entry, now);
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
	entry = answer_entry(initiator * sensor.cpus + cpu);
	if (entry && entry->entered)
		entry->left = bpf_ktime_get_ns();
	return 0;
}

#endif
