/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Flushes with more to say than when they began and ended: those of mappings
 * that are not the direct map's, those whose stack was taken, those that asked
 * other CPUs. For figures only, and only where asked for: no verdict rests on
 * it, and what it loses damages none.
 *
 * A flush that is told with its zap, and has none of these, is no record of its own.
 */
#ifndef GMEMTRACE_BPF_TIMED_H
#define GMEMTRACE_BPF_TIMED_H

#include "answer.h"
#include "stack.h"

/* Whether the slot is @task's from now on. One whose end was missed is taken over. */
static __always_inline bool timed_claim(struct timed_slot *slot, __u64 task, __u64 begin)
{
	__u64 owner = atomic_compare_exchange(&slot->task, 0, task);

	atomic_opaque(owner);
	if (!owner || owner == task)
		return true;
	if (!clock_past(begin, slot->begin, TIMED_STALE_NS))
		return false;
	return atomic_compare_exchange(&slot->task, owner, task) == owner;
}

/* For @task's flush that began at @begin (ns), or is about to. NULL: another has its place. */
static __always_inline struct timed_slot *timed_open(const struct task_struct___ids *task,
						     __u64 begin)
{
	struct timed_slot *slot = timed_slot(task->pid);

	if (!timed_claim(slot, (__u64)task, begin)) {
		loss_count(0, 0, RECORD_LOSS_UNTIMED);
		return NULL;
	}
	slot->begin = begin;
	slot->asked = 0;
	slot->asked_nr = 0;
	slot->handled = 0;
	slot->weight = 0;
	slot->stack_state = RECORD_STACK_NONE;
	return slot;
}

static __always_inline void timed_close(struct timed_slot *slot)
{
	atomic_write_release(&slot->task, 0);
}

/* That of @task's flush which began at @begin; NULL: it has none. One whose end was missed is given back. */
static __always_inline struct timed_slot *timed_find(const struct task_struct___ids *task,
						     __u64 begin)
{
	struct timed_slot *slot = timed_slot(task->pid);

	if (slot->task != (__u64)task)
		return NULL;
	if (slot->begin == begin)
		return slot;
	timed_close(slot);
	return NULL;
}

/*
 * Before a flush: its stack, where one is due. Of flush_tlb_all() always: it is
 * rare, and its stack is what tells a split of the direct map.
 */
static __always_inline struct timed_slot *
timed_stack(void *ctx, const struct task_struct___ids *task, __u16 routine)
{
	__u32 weight = routine == RECORD_FLUSH_ALL ? 1 : stack_is_due() ? sensor.stack_rate : 0;
	struct timed_slot *slot;

	if (!weight)
		return NULL;
	slot = timed_open(task, bpf_ktime_get_ns());
	if (!slot)
		return NULL;
	slot->weight = weight;
	slot->stack_state = stack_take(ctx, &slot->stack);
	return slot;
}

static __always_inline void timed_fill(struct record_flush_timed *record,
				       const struct timed_slot *slot)
{
	record->stack = slot->stack;
	record->weight = slot->weight;
	record->stack_state = slot->stack_state;
	record->asked = slot->asked;
	record->asked_nr = slot->asked_nr;
	if (slot->asked_nr)
		record->initiator = slot->initiator;
}

/* Of the flush in @slot, NULL: none is. Of the only CPU nobody asks. */
static __always_inline __u32 timed_untold(const struct timed_slot *slot)
{
	if (sensor.cpus == 1 || sensor.answers == SENSOR_ANSWERS_CSD)
		return 0;
	if (sensor.answers == SENSOR_ANSWERS_HANDLER && slot && slot->handled)
		return RECORD_FLUSH_UNASKED;
	return RECORD_FLUSH_UNANSWERED;
}

/* @slot: what else there is of the flush, or NULL. @end: ns. */
static __always_inline void timed_write(const struct timed_slot *slot,
					const struct flush_part *flush, __u64 end,
					const struct answers_sum *sum)
{
	const struct task_struct___ids *task = task_current();
	struct record_flush_timed *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		loss_count(0, 0, RECORD_LOSS_UNTIMED);
		return;
	}
	__builtin_memset(record, 0, sizeof(*record));
	header_fill(&record->header, RECORD_FLUSH_TIMED, sizeof(*record));
	record->header.tgid = left_out_ids((__u64)task, task_ids(task)) >> 32;
	record->begin = flush->begin;
	record->first = flush->first;
	record->last = flush->last;
	if (flush->last != ~0ULL)
		record->pages = (flush->last - flush->first + (1 << PAGE_SHIFT) - 1) >> PAGE_SHIFT;
	record->routine = flush->routine;
	record->bits = task->tgid == sensor.own_tgid ? RECORD_FLUSH_OURS : 0;
	record->bits |= timed_untold(slot);
	record->initiator = record->header.cpu;
	if (slot)
		timed_fill(record, slot);
	__builtin_memcpy(record->comm, task->comm, sizeof(record->comm));
	if (sum->answered)
		answers_late(record, sum);
	record->end = end;
	/* What is reserved later is stamped later: the flush had ended before. */
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
}

/* By enum pg_level (arch/x86/include/asm/pgtable_types.h), of which 0 is none. */
static __always_inline void leaves_write(const struct flush_part *flush)
{
	struct record_leaves *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		loss_count(0, 0, RECORD_LOSS_UNTIMED);
		return;
	}
	header_fill(&record->header, RECORD_LEAVES, sizeof(*record));
	record->header.inode = 0;
	record->begin = flush->begin;
	if (bpf_probe_read_kernel(record->nr, sizeof(record->nr), (void *)(sensor.leaves + 8)))
		__builtin_memset(record->nr, 0, sizeof(record->nr));
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
}

/*
 * Apart, and given what lies in registers: the flushes that a verdict asks for
 * have nothing of it. @slot may be NULL.
 */
static __noinline int timed_end(struct timed_slot *slot, __u64 begin, __u64 first, __u64 last,
				__u64 end)
{
	struct flush_part flush = {
		.begin = begin,
		.first = first,
		.last = last,
		.routine = !first && last == ~0ULL ? RECORD_FLUSH_ALL : RECORD_FLUSH_RANGE,
	};
	struct answers_sum sum = {};

	if (slot && sensor.answers && slot->asked)
		answers_take(slot, &sum);
	/* The handlers that ran are those that were asked. */
	if (slot && slot->handled)
		slot->asked_nr = sum.answered;
	if (sensor.leaves && flush.routine == RECORD_FLUSH_ALL)
		leaves_write(&flush);
	timed_write(slot, &flush, end, &sum);
	if (slot)
		timed_close(slot);
	return 0;
}

#endif
