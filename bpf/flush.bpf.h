/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: TLB flushes of the kernel's own mappings, begin and end.
 *
 * A flush that is its task's next event after a zap is merged into the zap's
 * record: one record for a whole transition costs a third of two.
 */
#ifndef GMEMTRACE_BPF_FLUSH_BPF_H
#define GMEMTRACE_BPF_FLUSH_BPF_H

#include "slot.h"
#include "timed.h"

/* vmalloc's own narrow flushes say nothing of the direct map. */
static __always_inline bool flush_concerns_direct_map(__u64 first, __u64 last)
{
	if (last - first > sensor.flush_ceiling)
		return true;
	return first < sensor.direct_map_end && last > sensor.page_offset;
}

static __always_inline bool flush_is_recorded(const struct task_struct___ids *task, __u64 first,
					      __u64 last)
{
	return task->tgid != sensor.own_tgid && flush_concerns_direct_map(first, last);
}

/* Before the flush begins: what is done here is not the flush's. */
static __always_inline void flush_begin(void *ctx, const struct task_struct___ids *task,
					struct begin_slot *slot, __u16 routine, bool plain)
{
	struct timed_slot *timed = NULL;
	__u64 now;

	if (!plain && sensor.stack_rate)
		timed = timed_stack(ctx, task, routine);
	now = bpf_ktime_get_ns();
	if (timed)
		timed->begin = now;
	atomic_write(&slot->flush_begin, now);
}

/*
 * A flush whose task has no zap in its first place. Where strangers have all
 * of its slots it is lost: counted here, and nowhere else.
 */
static __noinline int flush_enter_alone(void *ctx, __u64 first, __u64 last, __u16 routine)
{
	const struct task_struct___ids *task = task_current();
	struct begin_slot *slot = slot_find(slots, (__u64)task, task->pid);
	bool recorded = flush_is_recorded(task, first, last);

	if (!slot && !recorded && !sensor.flushes)
		return 0;
	slot = slot_claim_any(slots, &zap_ends.armed, (__u64)task, task->pid);
	if (slot)
		flush_begin(ctx, task, slot, routine, false);
	else
		loss_count(0, 0, recorded ? RECORD_LOSS_SLOT_COLLISION : RECORD_LOSS_UNTIMED);
	return 0;
}

static __always_inline int flush_enter(void *ctx, enum sensor_program program, __u64 first,
				       __u64 last, __u16 routine, bool plain)
{
	const struct task_struct___ids *task = task_current();
	struct begin_slot *slot = slot_place(slots, task->pid, 0);

	if (slot_is_mine(slot, (__u64)task))
		flush_begin(ctx, task, slot, routine, plain);
	else if (armed(program))
		flush_enter_alone(ctx, first, last, routine);
	return 0;
}

/*
 * The zap of @stamp waited in @slot for the flush of @range, begin and end, and is ours. Each field from
 * where it lies, as late as can be: what is kept meanwhile is kept on the stack.
 */
static __always_inline void flush_emit_merged(const struct begin_slot *slot,
					      const struct task_struct___ids *task, __u64 stamp,
					      const __u64 *range, __u16 routine, bool plain)
{
	struct zap_ring_entry *entry;
	__u64 index, ids;

	entry = zap_reserve(&index);
	if (!entry) {
		zap_lost(&slot->zap, task->pid, true);
		return;
	}
	zap_fill(&entry->record, &slot->zap, slot_stamp_time(stamp), 0, slot_stamp_routine(stamp),
		 plain);
	zap_fill_owner(&entry->record, &slot->zap, task->pid, true);
	ids = plain ? task_ids(task) : left_out_ids((__u64)task, task_ids(task));
	entry->record.header.tid = (__u32)ids;
	entry->record.header.tgid = ids >> 32;
	entry->record.flush_begin = atomic_read(&slot->flush_begin);
	entry->record.flush_first = range[0];
	entry->record.flush_last = range[1];
	entry->record.flush_routine = routine;
	zap_publish(entry, index);
}

static __always_inline void flush_emit(const struct flush_part *flush)
{
	struct record_flush *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		loss_count(0, 0, RECORD_LOSS_RING_FULL);
		return;
	}
	header_fill(&record->header, RECORD_FLUSH, sizeof(*record));
	record->header.tgid = ids_current() >> 32;
	record->header.inode = 0;
	record->begin = flush->begin;
	record->first = flush->first;
	record->last = flush->last;
	record->routine = flush->routine;
	record->full = 0;
	record->worker = (task_current()->flags & PF_KTHREAD) != 0;
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
}

/* Any flush. Apart, as most of those of a range are ended by flush_exit_quickly(). */
static __noinline int flush_exit(__u32 program, __u64 first, __u64 last, __u16 routine)
{
	struct flush_part flush = { .first = first, .last = last, .routine = routine };
	const struct task_struct___ids *task = task_current();
	struct begin_slot *slot = slot_find(slots, (__u64)task, task->pid);
	__u64 stamp, end = 0, range[] = { first, last };
	struct timed_slot *timed = NULL;
	bool told = true;

	/* Counted when it began, or begun before the sensors were armed. */
	if (!slot) {
		armed(program);
		return 0;
	}
	flush.begin = atomic_read(&slot->flush_begin);
	if (!flush.begin)
		return 0;
	if (sensor.flushes) {
		timed = timed_find(task, flush.begin);
		/* Who answered it, or that nobody can tell, stands in a record of its own. */
		told = !timed && routine != RECORD_FLUSH_ALL &&
		       sensor.answers != SENSOR_ANSWERS_HANDLER;
		if (!told)
			end = bpf_ktime_get_ns();
	}
	stamp = slot_take(slot);
	if (stamp)
		flush_emit_merged(slot, task, stamp, range, routine, false);
	else if (flush_is_recorded(task, first, last))
		flush_emit(&flush);
	else
		told = false;
	if (sensor.flushes && !told)
		timed_end(timed, flush.begin, first, last, end ? end : bpf_ktime_get_ns());
	slot_release(slot);
	return 0;
}

/* Whether there may be more to tell of the flush than stands in its zap's record. */
static __always_inline bool flush_has_more(const struct task_struct___ids *task)
{
	return sensor.flushes && (sensor.answers == SENSOR_ANSWERS_HANDLER ||
				  timed_slot(task->pid)->task == (__u64)task);
}

/* The same where a zap waits in its task's first place, and its record is all that there is to tell. */
static __always_inline int flush_exit_quickly(const __u64 *ctx, bool plain)
{
	const struct task_struct___ids *task = task_current();
	struct begin_slot *slot = slot_place(slots, task->pid, 0);
	__u64 stamp;

	if (!slot_is_mine(slot, (__u64)task) || !atomic_read(&slot->flush_begin) ||
	    (!plain && flush_has_more(task)))
		goto otherwise;
	stamp = atomic_exchange(&slot->pending, 0);
	if (!stamp)
		goto otherwise;
	flush_emit_merged(slot, task, stamp, ctx, RECORD_FLUSH_RANGE, plain);
	slot_release(slot);
	return 0;
otherwise:
	return flush_exit(PROGRAM_FLUSH_RANGE_EXIT, ctx[0], ctx[1], RECORD_FLUSH_RANGE);
}

SEC("fentry/flush_tlb_kernel_range")
int BPF_PROG(flush_range_enter, unsigned long start, unsigned long end)
{
	return flush_enter(ctx, PROGRAM_FLUSH_RANGE_ENTER, start, end, RECORD_FLUSH_RANGE, false);
}

SEC("fentry/flush_tlb_kernel_range")
int BPF_PROG(flush_range_enter_plain, unsigned long start, unsigned long end)
{
	return flush_enter(ctx, PROGRAM_FLUSH_RANGE_ENTER, start, end, RECORD_FLUSH_RANGE, true);
}

SEC("fexit/flush_tlb_kernel_range")
int BPF_PROG(flush_range_exit, unsigned long start, unsigned long end)
{
	return flush_exit_quickly(ctx, false);
}

SEC("fexit/flush_tlb_kernel_range")
int BPF_PROG(flush_range_exit_plain, unsigned long start, unsigned long end)
{
	return flush_exit_quickly(ctx, true);
}

SEC("fentry/flush_tlb_all")
int BPF_PROG(flush_all_enter)
{
	return flush_enter(ctx, PROGRAM_FLUSH_ALL_ENTER, 0, ~0ULL, RECORD_FLUSH_ALL, false);
}

SEC("fexit/flush_tlb_all")
int BPF_PROG(flush_all_exit)
{
	return flush_exit(PROGRAM_FLUSH_ALL_EXIT, 0, ~0ULL, RECORD_FLUSH_ALL);
}

#endif
