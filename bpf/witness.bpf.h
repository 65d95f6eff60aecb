/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: whether every CPU that is online does what a flush asks of it. For the verdict: nothing is
 * recorded but flushes that a CPU did not take part in, and no time is taken of those that all did.
 *
 * A flush has a place by its task. The initiator leaves at each csd that it queues which place that is;
 * the CPU's handler, once it has run, finds it by the csd that it was called by, and sets its bit there.
 * A csd is one flush's from before it is queued until after its handler (csd_lock() and csd_unlock() in
 * kernel/smp.c), whoever else asks from the same CPU meanwhile: from 7.3 on who waits can be preempted.
 */
#ifndef GMEMTRACE_BPF_WITNESS_BPF_H
#define GMEMTRACE_BPF_WITNESS_BPF_H

#include "answer.bpf.h"
#include "flush.bpf.h"
#include "slot.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* WITNESS_SLOTS_NR */
	__type(key, __u32);
	__type(value, struct witness_slot);
} witness_slots SEC(".maps");

#define MAP_NO_PREALLOC 1 /* BPF_F_NO_PREALLOC, which stands in an enumeration without a name */

/* What csds work for, each at the place that its address leads to. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* CSD_OWNERS_NR */
	__type(key, __u32);
	__type(value, struct csd_owner);
} csd_owners SEC(".maps");

/* Those whose place another has: CPUs that come and go leave theirs behind. The value is csd_owner.index. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, MAP_NO_PREALLOC); /* few of all pairs of CPUs that there may be */
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u32);
} csds_displaced SEC(".maps");

/* Steps of CPUs on their way up or down that have begun. */
__u64 witness_steps = 0;

#define WITNESS_LOST (~0ULL) /* steps: answers to the flush cannot be told */

/* Unrolled, so that the verifier knows each place, and drops those beyond the last CPU. */
#define WITNESS_EACH_WORD(i)                                                                       \
	_Pragma("unroll") for (__u32 i = 0; i < WITNESS_WORDS; i++) if (i * 64 < sensor.cpus)

static __always_inline struct csd_owner *csd_owner(__u64 csd)
{
	__u32 key = csd_place(csd, sensor.csd_owners);

	return bpf_map_lookup_elem(&csd_owners, &key);
}

static __always_inline __u32 witness_index(__u32 tid)
{
	return tid & (WITNESS_SLOTS_NR - 1);
}

/* That of @task's open flush; NULL: it has none. */
static __always_inline struct witness_slot *witness_find(const struct task_struct___ids *task)
{
	__u32 index = witness_index(task->pid);
	struct witness_slot *slot = bpf_map_lookup_elem(&witness_slots, &index);

	return slot && slot->task == (__u64)task ? slot : NULL;
}

/* Whether whoever has the slot is still at work on it: it has just come, or begun not long ago. */
static __always_inline bool witness_is_held(const struct witness_slot *slot, __u64 now)
{
	__u64 begin = slot->begin;

	return !begin || begin > now || (!slot->function && now - begin < TIMED_STALE_NS);
}

/* Whether the slot is @task's from now on. One whose end was missed is taken over. */
static __always_inline bool witness_claim(struct witness_slot *slot, __u64 task, __u64 now)
{
	__u64 owner = atomic_compare_exchange(&slot->task, 0, task);

	atomic_opaque(owner);
	if (!owner || owner == task)
		return true;
	if (witness_is_held(slot, now) ||
	    atomic_compare_exchange(&slot->task, owner, task) != owner)
		return false;
	if (!slot->function)
		loss_count(0, 0, RECORD_LOSS_UNWITNESSED);
	return true;
}

/* Who comes next has no begin until it has written one. */
static __always_inline void witness_release(struct witness_slot *slot)
{
	slot->begin = 0;
	slot->function = 0;
	atomic_write_release(&slot->task, 0);
}

/*
 * The last page of what @task has made absent last, and flushes now: who still has a translation to it is
 * looked at (stale.bpf.h). 0: none waits, or [first, last) does not cover it.
 */
static __always_inline __u64 witness_page(const struct task_struct___ids *task, __u64 first,
					  __u64 last)
{
	struct begin_slot *waiting = slot_find(slots, (__u64)task, task->pid);
	__u64 page, address;

	if (!waiting || !atomic_read(&waiting->pending))
		return 0;
	page = atomic_read(&waiting->zap.page);
	page += ((__u32)atomic_read(&waiting->zap.nr_result) - 1) *
		(__u64)bpf_core_type_size(struct page);
	address = sensor.page_offset + (page_pfn(page) << PAGE_SHIFT);
	return address >= first && address < last ? page : 0;
}

static __always_inline int witness_enter(enum sensor_program program, __u64 first, __u64 last)
{
	const struct task_struct___ids *task = task_current();
	__u32 index = witness_index(task->pid);
	struct witness_slot *slot;
	__u64 now;

	/* The toucher's is followed all the same: its handlers prove the others. */
	if (armed(program) && !flush_is_recorded(task, first, last))
		return 0;
	slot = bpf_map_lookup_elem(&witness_slots, &index);
	if (!slot)
		return 0;
	now = bpf_ktime_get_ns();
	if (!witness_claim(slot, (__u64)task, now)) {
		loss_count(0, 0, RECORD_LOSS_UNWITNESSED);
		return 0;
	}
	slot->begin = now;
	slot->function = 0;
	slot->steps = witness_steps;
	slot->page = witness_page(task, first, last);
	WITNESS_EACH_WORD(i)
	{
		slot->asked[i] = 0;
		slot->answered[i] = 0;
	}
	if (cpus_online(slot->online))
		return 0;
	loss_count(0, 0, RECORD_LOSS_UNWITNESSED);
	witness_release(slot);
	return 0;
}

static __always_inline void call_write(__u64 begin)
{
	struct record_call *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		loss_count(0, 0, RECORD_LOSS_UNWITNESSED);
		return;
	}
	header_fill(&record->header, RECORD_CALL, sizeof(*record));
	record->header.inode = 0;
	record->begin = begin;
	record->reserved = 0;
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
}

static __always_inline __u64 *call_word(struct witness_slot *slot, __u32 cpu)
{
	return &slot->asked[cpu / 64 & (WITNESS_WORDS - 1)];
}

/*
 * Whether the round in @slot is the one in which @target is asked: each CPU is asked once in a round, behind
 * the change that waits since @since.
 */
static __always_inline bool call_goes_on(struct witness_slot *slot, __u32 target, __u64 since)
{
	return slot->begin >= since && !(*call_word(slot, target) >> (target & 63) & 1);
}

/*
 * A place for the CPUs that @task asks to run @function, @target the next of them; NULL: another has it, or
 * its flush.
 */
static __always_inline struct witness_slot *call_open(const struct task_struct___ids *task,
						      __u64 function, __u32 target, __u64 since)
{
	__u32 index = witness_index(task->pid);
	struct witness_slot *slot = bpf_map_lookup_elem(&witness_slots, &index);
	__u64 now;

	if (!slot)
		return NULL;
	if (slot->task == (__u64)task && slot->function == function &&
	    call_goes_on(slot, target, since))
		return slot;
	/* It flushes: what an interrupt asks for meanwhile is not its own. */
	if (slot->task == (__u64)task && !slot->function)
		return NULL;
	now = bpf_ktime_get_ns();
	if (!witness_claim(slot, (__u64)task, now)) {
		loss_count(0, 0, RECORD_LOSS_UNWITNESSED);
		return NULL;
	}
	slot->begin = now;
	slot->function = function;
	WITNESS_EACH_WORD(i)
	slot->asked[i] = 0;
	return cpus_online(slot->online) ? slot : NULL;
}

/*
 * Apart, as it is rare: CPUs are asked to run something else, and a zap of who asks waits for its flush. Interrupts
 * ask for something of their own, as to wake a task, in the middle of the task's round.
 */
static __noinline int witness_called(__u32 target, __u64 function)
{
	const struct task_struct___ids *task = task_current();
	struct begin_slot *waiting = slot_find(slots, (__u64)task, task->pid);
	struct witness_slot *slot;
	__u64 stamp;

	stamp = waiting ? atomic_read(&waiting->pending) : 0;
	if (!stamp || preempt_interrupts())
		return 0;
	slot = call_open(task, function, target, slot_stamp_time(stamp));
	if (slot)
		*call_word(slot, target) |= 1ULL << (target & 63);
	return 0;
}

/*
 * Who asked has run @function, too, as on_each_cpu() does after it has asked all others. What is asked of
 * a CPU alone, such as to wake a task, is run there only, and is no flush, however few CPUs there are.
 */
static __noinline int witness_ran(__u64 function)
{
	const struct task_struct___ids *task = task_current();
	struct begin_slot *waiting = slot_find(slots, (__u64)task, task->pid);
	struct witness_slot *slot = witness_find(task);
	__u32 cpu = bpf_get_smp_processor_id();
	__u64 missing = 0;

	if (!slot || slot->function != function)
		return 0;
	*call_word(slot, cpu) |= 1ULL << (cpu & 63);
	WITNESS_EACH_WORD(i)
	missing |= slot->online[i] & ~slot->asked[i];
	if (!missing && waiting && atomic_read(&waiting->pending)) {
		slot_emit(waiting);
		call_write(slot->begin);
	}
	witness_release(slot);
	return 0;
}

/* Apart: it happens once a csd, and where another has its place. Returns whether it was noted. */
static __noinline int csd_announce(__u64 csd, __u32 index)
{
	__u32 *displaced = bpf_map_lookup_elem(&csds_displaced, &csd);
	struct csd_owner *owner = csd_owner(csd);

	if (displaced) {
		*displaced = index;
		return 1;
	}
	/* Nobody looks for one that was never noted. */
	if (!index)
		return 1;
	if (owner && !atomic_compare_exchange(&owner->csd, 0, csd)) {
		owner->index = index;
		return 1;
	}
	return !bpf_map_update_elem(&csds_displaced, &csd, &index, 0);
}

/* Notes what @csd works for from now on. False: that could not be. Queueing it orders this before the handler. */
static __always_inline bool csd_work(__u64 csd, __u32 index)
{
	struct csd_owner *owner = csd_owner(csd);

	if (!owner || owner->csd != csd)
		return csd_announce(csd, index);
	owner->index = index;
	return true;
}

/* The initiator, with preemption off, or at least the csd its own. */
SEC("raw_tp/csd_queue_cpu")
int witness_asked(const __u64 *ctx)
{
	const struct task_struct___ids *task;
	struct witness_slot *slot;
	__u32 target = ctx[0];
	bool noted;

	if (target >= sensor.cpus)
		return 0;
	if (!function_flushes(ctx[2])) {
		if (armed_plainly() && ctx[2] != sensor.flush_user_function)
			witness_called(target, ctx[2]);
		return 0;
	}
	task = task_current();
	slot = witness_find(task);
	/* Also where nobody looks: its answers are not those of the flush before it. */
	noted = csd_work(ctx[3], slot ? witness_index(task->pid) + 1 : 0);
	if (!slot)
		return 0;
	if (!noted)
		slot->steps = WITNESS_LOST;
	slot->asked[target / 64 & (WITNESS_WORDS - 1)] |= 1ULL << (target & 63);
	return 0;
}

/* The flush that @csd works for; NULL: none that is looked at. */
static __always_inline struct witness_slot *witness_of(__u64 csd)
{
	struct csd_owner *owner = csd_owner(csd);
	__u32 index, *displaced;

	if (owner && owner->csd == csd) {
		index = owner->index;
	} else {
		displaced = bpf_map_lookup_elem(&csds_displaced, &csd);
		if (!displaced)
			return NULL;
		index = *displaced;
	}
	/* 0 has none, and is no key either. */
	index--;
	return bpf_map_lookup_elem(&witness_slots, &index);
}

SEC("raw_tp/csd_function_exit")
int witness_answered(const __u64 *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct witness_slot *slot;

	if (!function_flushes(ctx[0])) {
		if (!ctx[1] && armed_plainly())
			witness_ran(ctx[0]);
		return 0;
	}
	/* The initiator calls its own handler without a csd. */
	if (ctx[1]) {
		slot = witness_of(ctx[1]);
	} else {
		slot = witness_find(task_current());
		armed(PROGRAM_WITNESS_ANSWERED);
	}
	if (slot)
		__sync_fetch_and_or(&slot->answered[cpu / 64 & (WITNESS_WORDS - 1)],
				    1ULL << (cpu & 63));
	return 0;
}

/* A CPU is on its way up or down. */
SEC("raw_tp/cpuhp_enter")
int witness_step(const void *ctx)
{
	atomic_add(&witness_steps, 1);
	return 0;
}

static __noinline int witness_write(const struct witness_slot *slot, __u64 end)
{
	struct record_unanswered *record;

	if (!slot)
		return 0;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		loss_count(0, 0, RECORD_LOSS_UNWITNESSED);
		return 0;
	}
	__builtin_memset(record, 0, sizeof(*record));
	header_fill(&record->header, RECORD_UNANSWERED, sizeof(*record));
	record->begin = slot->begin;
	record->end = end;
	WITNESS_EACH_WORD(i)
	{
		record->online[i] = slot->online[i];
		record->asked[i] = slot->asked[i];
		record->answered[i] = slot->answered[i];
	}
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
	return 0;
}

/*
 * Somebody is missing among those that were online when the flush began: whether it was until the end.
 * What was online at both ends was so all the time where no CPU's step up or down began in between.
 */
static __noinline int witness_missing(struct witness_slot *slot)
{
	__u64 online[WITNESS_WORDS] = {}, end = bpf_ktime_get_ns(), missing = 0, asked = 0;

	if (!slot)
		return 0;
	if (!cpus_online(online) || witness_steps != slot->steps) {
		loss_count(0, 0, RECORD_LOSS_UNWITNESSED);
		return 0;
	}
	WITNESS_EACH_WORD(i)
	{
		slot->online[i] &= online[i];
		missing |= slot->online[i] & ~slot->answered[i];
		asked |= slot->asked[i] | slot->answered[i];
	}
	/* INVLPGB asks nobody, not even the initiator. */
	if (!missing || (!asked && sensor.broadcasts))
		return 0;
	return witness_write(slot, end);
}

static __always_inline int witness_exit(enum sensor_program program)
{
	struct witness_slot *slot = witness_find(task_current());
	__u64 missing = 0;

	if (!slot)
		return 0;
	WITNESS_EACH_WORD(i)
	missing |= slot->online[i] & ~slot->answered[i];
	if (armed(program) && missing)
		witness_missing(slot);
	witness_release(slot);
	return 0;
}

SEC("fentry/flush_tlb_kernel_range")
int BPF_PROG(witness_range_enter, unsigned long start, unsigned long end)
{
	return witness_enter(PROGRAM_WITNESS_RANGE_ENTER, start, end);
}

SEC("fexit/flush_tlb_kernel_range")
int BPF_PROG(witness_range_exit, unsigned long start, unsigned long end)
{
	return witness_exit(PROGRAM_WITNESS_RANGE_EXIT);
}

SEC("fentry/flush_tlb_all")
int BPF_PROG(witness_all_enter)
{
	return witness_enter(PROGRAM_WITNESS_ALL_ENTER, 0, ~0ULL);
}

SEC("fexit/flush_tlb_all")
int BPF_PROG(witness_all_exit)
{
	return witness_exit(PROGRAM_WITNESS_ALL_EXIT);
}

#endif
