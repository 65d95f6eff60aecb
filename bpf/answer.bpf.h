/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: the calls by which a CPU asks others to flush, and their handlers.
 * The tracepoints of csds are there from 6.5 on, before them only the handler of
 * a ranged flush.
 *
 * An empty program and a look at the clock are most of what an answer costs
 * (tests/bench). So a target has one program, when its handler has ended, and
 * the initiator another, before it asks the first: once a call, not once a CPU.
 */
#ifndef GMEMTRACE_BPF_ANSWER_BPF_H
#define GMEMTRACE_BPF_ANSWER_BPF_H

#include "held.h"
#include "timed.h"

#define CSD_PLACES 16 /* that may be looked at for a csd */
#define SLOW_NS                                                                                    \
	100000ULL /* a handler that runs later than this tells the stack that it has interrupted */

/* What the handler has interrupted, which runs or has just ended. */
static __always_inline void answer_look(struct answer_entry *entry)
{
	const struct task_struct___ids *task = task_current();
	__u32 count = 0;

	preempt_count_read(&count);
	entry->task = (__u64)task;
	entry->tid = task->pid;
	entry->seen = (count & ANSWER_SEEN_SOFTIRQ) | (task->flags & ANSWER_SEEN_GUEST);
}

/* The stack of what it has interrupted, where it ran late. */
static __always_inline void answer_stack(void *ctx, struct answer_entry *entry, __u64 now)
{
	const struct answer_initiator *initiator = answer_initiator(entry->initiator);

	entry->stack_state = RECORD_STACK_NONE;
	if (initiator && now > initiator->asked && now - initiator->asked > SLOW_NS)
		entry->stack_state = stack_take(ctx, &entry->stack);
}

/* Interrupts of the initiator ask for things of their own, and the target is asked for others'. */
static __always_inline bool function_flushes(__u64 function)
{
	if (function == sensor.flush_range_function || function == sensor.flush_all_function)
		return true;
	return !sensor.flush_range_function && !sensor.flush_all_function;
}

/* The first of @places, a power of two, that is looked at for @csd. */
static __always_inline __u32 csd_place(__u64 csd, __u32 places)
{
	return (csd * 0x9e3779b97f4a7c15ULL >> 32) & (places - 1);
}

struct call_function_data___csds {
	void *csd;
} __attribute__((preserve_access_index));

/* Per CPU; weak, as it is only there where it is looked for (load_answers_by()). */
extern const struct call_function_data___csds cfd_data __ksym __weak;
extern const unsigned long this_cpu_off __ksym __weak;

struct csds {
	__u64 base; /* without a CPU's offset */
	__u32 cpu; /* the initiator */
};

/* The key of @csd's entry, and 1 more; 0: there is no room. @claim: it is made. */
static __noinline __u32 csd_find(__u64 csd, bool claim)
{
	struct answer_entry *entry;
	__u32 i, key;
	__u64 has;

	for (i = 0; i < CSD_PLACES; i++) {
		key = (csd_place(csd, sensor.csd_entries) + i) & (sensor.csd_entries - 1);
		entry = answer_entry(key);
		if (!entry)
			return 0;
		has = entry->csd;
		if (!has && claim)
			has = atomic_compare_exchange(&entry->csd, 0, csd);
		if (has == csd || (!has && claim))
			return key + 1;
		if (!has)
			return 0;
	}
	return 0;
}

static long csds_announce_one(__u32 target, struct csds *csds)
{
	const void *where =
		KSYM_EXISTS(&this_cpu_off) ? bpf_per_cpu_ptr(&this_cpu_off, target) : NULL;
	struct answer_initiator *initiator = answer_initiator(csds->cpu);
	struct answer_entry *entry;
	__u64 offset;
	__u32 place;

	/* Read with care: there is nothing behind a number that no CPU has. */
	if (!initiator || !where || bpf_probe_read_kernel(&offset, sizeof(offset), where))
		return 0;
	place = csd_find(csds->base + offset, true);
	initiator->places[target & (ANSWER_CPUS_MAX - 1)] = place;
	entry = answer_entry(place - 1);
	if (entry)
		entry->initiator = csds->cpu;
	return 0;
}

/* This CPU's csds have entries, before it queues the first of them. */
static __always_inline void csds_announce(struct answer_initiator *initiator, __u32 cpu)
{
	struct csds csds = { .cpu = cpu };

	if (!KSYM_EXISTS(&cfd_data) ||
	    bpf_core_read(
		    &csds.base, sizeof(csds.base),
		    &((const struct call_function_data___csds *)bpf_this_cpu_ptr(&cfd_data))->csd))
		return;
	if (csds.base == initiator->csds)
		return;
	bpf_loop(sensor.cpus, csds_announce_one, &csds, 0);
	initiator->csds = csds.base;
}

/* Bits of @word. */
static __always_inline __u32 bits_nr(__u64 word)
{
	word -= word >> 1 & 0x5555555555555555ULL;
	word = (word & 0x3333333333333333ULL) + (word >> 2 & 0x3333333333333333ULL);
	word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return word * 0x0101010101010101ULL >> 56;
}

/* All CPUs that are online but @cpu, which cannot leave while it is not preempted. Returns how many. */
static __always_inline __u32 targets_take(struct answer_initiator *initiator, __u32 cpu)
{
	__u32 nr = 0;

	if (!cpus_online(initiator->targets))
		return 0;
	initiator->targets[cpu / 64 & (RECORD_CPU_WORDS - 1)] &= ~(1ULL << (cpu & 63));
	/* Unrolled, so that the verifier drops words beyond the last CPU. */
	_Pragma("unroll") for (__u32 i = 0; i < RECORD_CPU_WORDS; i++)
	{
		if (i * 64 < sensor.cpus)
			nr += bits_nr(initiator->targets[i]);
	}
	return nr;
}

/* What the task's open flush has beside its begin; NULL: none is open. */
static __always_inline struct timed_slot *timed_current(const struct task_struct___ids *task)
{
	const struct begin_slot *slot = slot_find(slots, (__u64)task, task->pid);
	struct timed_slot *timed;

	if (!slot || !slot->flush_begin)
		return NULL;
	timed = timed_find(task, slot->flush_begin);
	return timed ? timed : timed_open(task, slot->flush_begin);
}

/* @asked: ns, 0: now. */
static __always_inline struct timed_slot *flush_asks(struct answer_initiator *initiator, __u32 cpu,
						     bool now)
{
	const struct task_struct___ids *task = task_current();
	struct timed_slot *timed;
	__u32 nr;

	/* Whoever asked from here before has its answers, or has lost them. */
	initiator->begin = 0;
	nr = targets_take(initiator, cpu);
	if (!nr)
		return NULL;
	timed = timed_current(task);
	if (!timed)
		return NULL;
	timed->initiator = cpu;
	timed->asked_nr = nr;
	timed->asked = now ? bpf_ktime_get_ns() : timed->begin;
	initiator->task = (__u64)task;
	initiator->asked = timed->asked;
	initiator->begin = timed->begin;
	return timed;
}

/*
 * The initiator is about to ask all others that are online: with preemption off, but for 7.3 and later, where a
 * task that moves before the kernel turns it off counts its new CPU as one that did not answer.
 */
SEC("fentry/smp_call_function_many_cond")
int csd_queued(__u64 *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct answer_initiator *initiator;
	__u64 function = 0;

	/* Not by ctx: the verifier lets nobody read what points to a function. */
	bpf_get_func_arg(ctx, 1, &function);
	if (!function_flushes(function))
		return 0;
	initiator = answer_initiator(cpu);
	if (!initiator)
		return 0;
	csds_announce(initiator, cpu);
	flush_asks(initiator, cpu, true);
	return 0;
}

/* Apart: another csd has the first place of @csd. */
static __noinline struct answer_entry *csd_displaced(__u64 csd)
{
	return answer_entry(csd_find(csd, false) - 1);
}

/* Of the call that a flush queued, while it waits for it; the initiator calls its own handler without a csd. */
static __always_inline struct answer_entry *csd_entry(const __u64 *ctx)
{
	struct answer_entry *entry;
	__u64 csd = ctx[1];

	if (!csd || !function_flushes(ctx[0]))
		return NULL;
	entry = answer_entry(csd_place(csd, sensor.csd_entries));
	return entry && entry->csd == csd ? entry : csd_displaced(csd);
}

/* Only where it is asked for how long handlers run. */
SEC("raw_tp/csd_function_entry")
int csd_entered(const __u64 *ctx)
{
	struct answer_entry *entry = csd_entry(ctx);

	if (entry)
		entry->entered = bpf_ktime_get_ns();
	return 0;
}

/* Still on top of what the handler has interrupted. */
SEC("raw_tp/csd_function_exit")
int csd_left(__u64 *ctx)
{
	struct answer_entry *entry = csd_entry(ctx);
	__u64 now;

	if (!entry)
		return 0;
	answer_look(entry);
	now = bpf_ktime_get_ns();
	if (sensor.stack_rate)
		answer_stack(ctx, entry, now);
	entry->left = now;
	return 0;
}

static long handlers_announce_one(__u32 target, __u32 *cpu)
{
	struct answer_initiator *initiator = answer_initiator(*cpu);

	if (initiator)
		initiator->places[target & (ANSWER_CPUS_MAX - 1)] = *cpu * sensor.cpus + target + 1;
	return 0;
}

/* Without csds an entry is [initiator][target]. */
static __always_inline void handlers_announce(struct answer_initiator *initiator, __u32 cpu)
{
	bpf_loop(sensor.cpus, handlers_announce_one, &cpu, 0);
	initiator->csds = 1;
}

/* Each CPU's, its own among them, which runs it in the flush, as it does all that was queued. */
SEC("fentry/do_kernel_range_flush")
int BPF_PROG(handler_enter, const struct flush_tlb_info___initiator *info)
{
	__u32 cpu = bpf_get_smp_processor_id(), initiator = ~0U;
	struct answer_initiator *asker;
	struct answer_entry *entry;
	struct timed_slot *timed;

	if (bpf_core_read(&initiator, sizeof(initiator), &info->initiating_cpu) ||
	    initiator >= sensor.cpus)
		return 0;
	if (initiator == cpu) {
		asker = answer_initiator(cpu);
		if (!asker)
			return 0;
		if (!asker->csds)
			handlers_announce(asker, cpu);
		timed = flush_asks(asker, cpu, false);
		if (timed)
			timed->handled = 1;
		return 0;
	}
	entry = answer_entry(initiator * sensor.cpus + cpu);
	if (!entry)
		return 0;
	entry->entered = bpf_ktime_get_ns();
	answer_look(entry);
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
	if (entry)
		entry->left = bpf_ktime_get_ns();
	return 0;
}

#endif
