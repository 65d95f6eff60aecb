/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who answered a flush. The initiator asks each CPU by a call (a csd) of its
 * own; both sides write into an entry of [initiator][target], and the initiator
 * reads its row when the flush has returned: by then each handler has ended, as
 * the csd is given back after it (csd_unlock() in kernel/smp.c).
 *
 * The initiator may have moved and another task flush from its CPU meanwhile:
 * an entry is a flush's only while it bears the flush's begin.
 */
#ifndef GMEMTRACE_BPF_ANSWER_H
#define GMEMTRACE_BPF_ANSWER_H

#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* the square of sensor.cpus */
	__type(key, __u32);
	__type(value, struct answer_entry);
} answers SEC(".maps");

#define MAP_NO_PREALLOC 1 /* BPF_F_NO_PREALLOC, which stands in an enumeration without a name */

/* The initiator of a csd, which is the same one's until its CPU goes offline. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, MAP_NO_PREALLOC); /* few of all pairs of CPUs that there may be */
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u32);
} csd_initiators SEC(".maps");

/* Most of them again, each at the place that its address leads to. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* CSD_OWNERS_NR */
	__type(key, __u32);
	__type(value, struct csd_owner);
} csd_owners SEC(".maps");

struct answers_sum {
	__u64 begin; /* ns: of the flush */
	__u64 asked; /* ns: its first CPU was */
	__u32 row; /* key of the initiator's first entry */
	__u32 asked_offset; /* ns since its begin */
	__u32 answered;
	__u32 late; /* index of the entry that answered last */
	__u64 late_left; /* ns */
};

/* @key: of the initiator's row, the target's entry. */
static __always_inline struct answer_entry *answer_entry(__u32 key)
{
	return bpf_map_lookup_elem(&answers, &key);
}

static __always_inline __u32 answer_offset(__u64 time, __u64 begin)
{
	__u64 offset = time > begin ? time - begin : 0;

	return offset > 0xffffffffULL ? 0xffffffffU : offset;
}

/* A handler whose begin was not looked at has one time: it had run by then. */
static __always_inline __u64 answer_entered(const struct answer_entry *entry)
{
	if (!sensor.zap_times && sensor.answers != SENSOR_ANSWERS_HANDLER)
		return entry->left;
	return entry->entered ? entry->entered : entry->left;
}

static __always_inline void answer_put(struct record_answer *answer, __u32 target,
				       const struct answer_entry *entry,
				       const struct answers_sum *sum)
{
	__u64 entered = answer_entered(entry);

	answer->cpu = target;
	answer->asked = sum->asked_offset;
	if (!entered)
		return;
	answer->tid = entry->tid;
	answer->bits = entry->bits;
	answer->entered = answer_offset(entered, sum->begin);
	answer->left = answer->entered;
	if (entered != entry->left)
		answer->left = entry->left ? answer_offset(entry->left, sum->begin) : 0;
}

static __always_inline void answers_sum_up(struct answers_sum *sum, __u32 target,
					   const struct answer_entry *entry)
{
	if (!entry->left)
		return;
	sum->answered++;
	if (entry->left < sum->late_left)
		return;
	sum->late_left = entry->left;
	sum->late = target;
}

/*
 * Whether @entry is of the flush that began at @begin. A handler does not know which flush it runs
 * for; its CPU's next one from the same initiator writes over it.
 */
static __always_inline bool answer_is_of(const struct answer_entry *entry, __u64 begin)
{
	if (sensor.answers != SENSOR_ANSWERS_HANDLER)
		return entry->begin == begin;
	return entry->entered >= begin;
}

/*
 * The answers of RECORD_ANSWERS_NR targets, a record where there are any. It is
 * reserved first: the verifier of 6.1 does not follow one that may be.
 */
static long answers_write(__u32 group, struct answers_sum *sum)
{
	struct record_answers *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	__u32 nr = 0, i;

	if (!record) {
		loss_count(0, 0, RECORD_LOSS_UNTIMED);
		return 0;
	}
	__builtin_memset(record, 0, sizeof(*record));
	for (i = 0; i < RECORD_ANSWERS_NR; i++) {
		__u32 target = group * RECORD_ANSWERS_NR + i;
		struct answer_entry *entry = answer_entry(sum->row + target);

		if (target >= sensor.cpus || !entry || !answer_is_of(entry, sum->begin))
			continue;
		answers_sum_up(sum, target, entry);
		answer_put(&record->answers[nr++ & (RECORD_ANSWERS_NR - 1)], target, entry, sum);
		entry->begin = 0;
	}
	if (!nr) {
		bpf_ringbuf_discard(record, 0);
		return 0;
	}
	header_fill(&record->header, RECORD_ANSWERS, sizeof(*record));
	record->begin = sum->begin;
	record->nr = nr;
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
	return 0;
}

/* The row of the flush in @slot, which has returned. */
static __always_inline void answers_take(const struct timed_slot *slot, struct answers_sum *sum)
{
	sum->begin = slot->begin;
	sum->asked = slot->asked;
	sum->asked_offset = answer_offset(sum->asked, sum->begin);
	sum->row = slot->initiator * sensor.cpus;
	bpf_loop((sensor.cpus + RECORD_ANSWERS_NR - 1) / RECORD_ANSWERS_NR, answers_write, sum, 0);
}

/* The last to answer; its task may have ended: then its name is not told. */
static __always_inline void answers_late(struct record_flush_timed *record,
					 const struct answers_sum *sum)
{
	const struct answer_entry *entry = answer_entry(sum->row + sum->late);
	const struct task_struct___ids *task;
	__u32 tid = 0;

	if (!entry)
		return;
	record->answered_nr = sum->answered;
	record->late_cpu = sum->late;
	record->late_asked = sum->asked;
	record->late_entered = answer_entered(entry);
	record->late_left = entry->left;
	record->late_tid = entry->tid;
	record->late_bits = entry->bits;
	record->late_stack = entry->stack;
	record->late_stack_state = entry->stack_state;
	task = (const void *)entry->task;
	if (bpf_core_read(&tid, sizeof(tid), &task->pid) || tid != entry->tid)
		return;
	bpf_core_read_str(record->late_comm, sizeof(record->late_comm), &task->comm);
}

#endif
