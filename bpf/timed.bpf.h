/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: every flush of kernel mappings by anybody, with its times, its stack
 * and the CPU that answered last. For figures only, loaded only when asked for:
 * no verdict rests on it, and what it loses damages none.
 */
#ifndef GMEMTRACE_BPF_TIMED_BPF_H
#define GMEMTRACE_BPF_TIMED_BPF_H

#include "answer.h"

/* Flushes seen, so that one of stack_rate is chosen. Racing CPUs may choose one more or less. */
__u64 timed_seen = 0;

/* Of flush_tlb_all() always: it is rare, and its stack is what tells a split of the direct map. */
static __always_inline void timed_stack(void *ctx, struct timed_slot *slot, __u16 routine)
{
	slot->weight = 0;
	slot->stack_state = RECORD_STACK_NONE;
	if (!sensor.stack_rate)
		return;
	if (routine == RECORD_FLUSH_ALL)
		slot->weight = 1;
	else if (timed_seen++ % sensor.stack_rate == 0)
		slot->weight = sensor.stack_rate;
	if (!slot->weight)
		return;
	slot->stack_state = stack_take(ctx, &slot->stack);
}

/* Whether the slot is @task's from now on. One whose end was missed is taken over. */
static __always_inline bool timed_claim(struct timed_slot *slot, __u64 task, __u64 now)
{
	__u64 owner = atomic_compare_exchange(&slot->task, 0, task);

	atomic_opaque(owner);
	if (!owner || owner == task)
		return true;
	if (now - slot->begin < TIMED_STALE_NS)
		return false;
	return atomic_compare_exchange(&slot->task, owner, task) == owner;
}

static __always_inline int timed_enter(void *ctx, enum sensor_program program, __u16 routine)
{
	const struct task_struct___ids *task = task_current();
	struct timed_slot *slot = timed_slot(task->pid);

	if (!armed(program))
		return 0;
	if (!timed_claim(slot, (__u64)task, bpf_ktime_get_ns())) {
		loss_count(0, 0, RECORD_LOSS_UNTIMED);
		return 0;
	}
	slot->asked = 0;
	slot->asked_nr = 0;
	timed_stack(ctx, slot, routine);
	/* Last: what was done here is not the flush's. */
	atomic_write(&slot->begin, bpf_ktime_get_ns());
	return 0;
}

static __always_inline void timed_write(const struct timed_slot *slot, __u64 end, __u64 first,
					__u64 last, __u16 routine, const struct answers_sum *sum)
{
	const struct task_struct___ids *task = task_current();
	struct record_flush_timed *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		loss_count(0, 0, RECORD_LOSS_UNTIMED);
		return;
	}
	__builtin_memset(record, 0, sizeof(*record));
	header_fill(&record->header, RECORD_FLUSH_TIMED, sizeof(*record));
	record->begin = slot->begin;
	record->first = first;
	record->last = last;
	record->pages = last == ~0ULL ? 0 : (last - first + (1 << PAGE_SHIFT) - 1) >> PAGE_SHIFT;
	record->routine = routine;
	record->bits = task->tgid == sensor.own_tgid ? RECORD_FLUSH_OURS : 0;
	if (!sensor.answers)
		record->bits |= RECORD_FLUSH_UNANSWERED;
	record->stack = slot->stack;
	record->weight = slot->weight;
	record->stack_state = slot->stack_state;
	record->asked = slot->asked;
	record->asked_nr = slot->asked_nr;
	record->initiator = slot->asked_nr ? slot->initiator : record->header.cpu;
	bpf_get_current_comm(record->comm, sizeof(record->comm));
	if (sum->answered)
		answers_late(record, sum);
	record->end = end;
	/* What is reserved later is stamped later: the flush had ended before. */
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
}

static __always_inline int timed_exit(enum sensor_program program, __u64 first, __u64 last,
				      __u16 routine)
{
	__u64 end = bpf_ktime_get_ns();
	const struct task_struct___ids *task = task_current();
	struct timed_slot *slot = timed_slot(task->pid);
	struct answers_sum sum = {};

	/* Counted when it began, or begun before the sensors were armed. */
	if (slot->task != (__u64)task) {
		armed(program);
		return 0;
	}
	if (sensor.answers && slot->asked_nr)
		answers_take(slot, &sum);
	timed_write(slot, end, first, last, routine, &sum);
	atomic_write_release(&slot->task, 0);
	return 0;
}

SEC("fentry/flush_tlb_kernel_range")
int BPF_PROG(timed_range_enter, unsigned long start, unsigned long end)
{
	return timed_enter(ctx, PROGRAM_TIMED_RANGE_ENTER, RECORD_FLUSH_RANGE);
}

SEC("fexit/flush_tlb_kernel_range")
int BPF_PROG(timed_range_exit, unsigned long start, unsigned long end)
{
	return timed_exit(PROGRAM_TIMED_RANGE_EXIT, start, end, RECORD_FLUSH_RANGE);
}

SEC("fentry/flush_tlb_all")
int BPF_PROG(timed_all_enter)
{
	return timed_enter(ctx, PROGRAM_TIMED_ALL_ENTER, RECORD_FLUSH_ALL);
}

SEC("fexit/flush_tlb_all")
int BPF_PROG(timed_all_exit)
{
	return timed_exit(PROGRAM_TIMED_ALL_EXIT, 0, ~0ULL, RECORD_FLUSH_ALL);
}

#endif
