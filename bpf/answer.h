/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who answered a flush. The initiator asks each CPU by a call (a csd) of its
 * own, which stays the same for an initiator and a target until one of them goes
 * offline. The target writes into the csd's entry, and the initiator reads those
 * of its csds when the flush has returned: by then each handler has ended, as the
 * csd is given back after it (csd_unlock() in kernel/smp.c).
 *
 * The initiator may have moved and another task flush from its CPU meanwhile:
 * entries are a flush's only while the CPU bears the flush's begin.
 */
#ifndef GMEMTRACE_BPF_ANSWER_H
#define GMEMTRACE_BPF_ANSWER_H

#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries,
	       1); /* sensor.csd_entries; SENSOR_ANSWERS_HANDLER: the square of sensor.cpus */
	__type(key, __u32);
	__type(value, struct answer_entry);
} answers SEC(".maps");

/* By CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* sensor.cpus */
	__type(key, __u32);
	__type(value, struct answer_initiator);
} answer_initiators SEC(".maps");

struct answers_sum {
	__u64 task; /* struct task_struct * of the flush */
	__u64 begin; /* ns: of the flush */
	__u64 asked; /* ns: its first CPU was */
	__u32 initiator;
	__u32 asked_offset; /* ns since its begin */
	__u32 answered;
	__u32 late; /* the CPU that answered last */
	__u32 late_key; /* of its entry */
	__u32 reserved;
	__u64 late_left; /* ns */
};

static __always_inline struct answer_entry *answer_entry(__u32 key)
{
	return bpf_map_lookup_elem(&answers, &key);
}

static __always_inline struct answer_initiator *answer_initiator(__u32 cpu)
{
	return bpf_map_lookup_elem(&answer_initiators, &cpu);
}

/* A bit each; `words` has RECORD_CPU_WORDS. */
static __always_inline bool cpus_online(__u64 *words)
{
	__u32 bytes = (sensor.cpus + 63) / 64 * sizeof(*words);

	return bytes <= RECORD_CPU_WORDS * sizeof(*words) &&
	       !bpf_probe_read_kernel(words, bytes, (const void *)sensor.online_mask);
}

static __always_inline __u32 answer_offset(__u64 time, __u64 begin)
{
	__u64 offset = time > begin ? time - begin : 0;

	return offset > 0xffffffffULL ? 0xffffffffU : offset;
}

/* A handler whose begin was not looked at, in this flush, has one time: it had run by then. */
static __always_inline __u64 answer_entered(const struct answer_entry *entry, __u64 asked)
{
	return entry->entered >= asked ? entry->entered : entry->left;
}

/* Its bits are as they were seen: src/sensor/seal.c says what they mean. */
static __always_inline void answer_put(struct record_answer *answer,
				       const struct answer_entry *entry, __u64 left,
				       const struct answers_sum *sum)
{
	answer->tid = entry->tid;
	answer->bits = entry->seen;
	answer->left = answer_offset(left, sum->begin);
	answer->entered = answer->left;
	if (entry->entered >= sum->asked)
		answer->entered = answer_offset(entry->entered, sum->begin);
}

static __always_inline void answers_sum_up(struct answers_sum *sum, __u32 target, __u32 key,
					   __u64 left)
{
	if (left < sum->late_left)
		return;
	sum->late_left = left;
	sum->late = target;
	sum->late_key = key;
}

/* The initiator while it has asked for the flush of @sum last; NULL: it has asked for another since. */
static __always_inline const struct answer_initiator *answers_asked(const struct answers_sum *sum)
{
	const struct answer_initiator *initiator = answer_initiator(sum->initiator);

	if (!initiator || initiator->begin != sum->begin || initiator->task != sum->task)
		return NULL;
	return initiator;
}

/*
 * The answers of RECORD_ANSWERS_NR targets, a record where there are any. It is
 * reserved first: the verifier of 6.1 does not follow one that may be. Nor does
 * it merge paths that differ in a counter it knows: that of answers is in the
 * record, where it is not known.
 */
static long answers_write(__u32 group, struct answers_sum *sum)
{
	struct record_answers *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	const struct answer_initiator *initiator = answers_asked(sum);
	__u32 answered = 0, targets, i;

	if (!record) {
		loss_count(0, 0, RECORD_LOSS_UNTIMED);
		return 0;
	}
	if (!initiator) {
		bpf_ringbuf_discard(record, 0);
		return 1;
	}
	__builtin_memset(record, 0, sizeof(*record));
	targets = ((const __u8 *)initiator->targets)[group & (RECORD_CPU_WORDS * 8 - 1)];
	for (i = 0; i < RECORD_ANSWERS_NR; i++) {
		__u32 target = group * RECORD_ANSWERS_NR + i, key;
		struct record_answer *answer;
		struct answer_entry *entry;

		if (!(targets >> i & 1))
			continue;
		answer = &record->answers[record->nr++ & (RECORD_ANSWERS_NR - 1)];
		answer->cpu = target;
		answer->asked = sum->asked_offset;
		key = initiator->places[target & (ANSWER_CPUS_MAX - 1)] - 1;
		entry = answer_entry(key);
		/* Whatever is older is not of this flush. */
		if (!entry || entry->left < sum->asked)
			continue;
		answered++;
		answers_sum_up(sum, target, key, entry->left);
		answer_put(answer, entry, entry->left, sum);
	}
	/* Another flush's answers may be among them. */
	if (!record->nr || !answers_asked(sum)) {
		bpf_ringbuf_discard(record, 0);
		return 0;
	}
	sum->answered += answered;
	header_fill(&record->header, RECORD_ANSWERS, sizeof(*record));
	record->begin = sum->begin;
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
	return 0;
}

/* Of the flush in @slot, which has returned. */
static __always_inline void answers_take(const struct timed_slot *slot, struct answers_sum *sum)
{
	sum->task = slot->task;
	sum->begin = slot->begin;
	sum->asked = slot->asked;
	sum->asked_offset = answer_offset(sum->asked, sum->begin);
	sum->initiator = slot->initiator;
	bpf_loop((sensor.cpus + RECORD_ANSWERS_NR - 1) / RECORD_ANSWERS_NR, answers_write, sum, 0);
	if (answers_asked(sum))
		return;
	/* A flush that asked from the same CPU since: nobody can tell whose the answers are. */
	loss_count(0, 0, RECORD_LOSS_UNTIMED);
	sum->answered = 0;
}

/* The last to answer; its task may have ended: then its name is not told. */
static __always_inline void answers_late(struct record_flush_timed *record,
					 const struct answers_sum *sum)
{
	const struct answer_entry *entry = answer_entry(sum->late_key);
	const struct task_struct___ids *task;
	__u32 tid = 0;

	if (!entry)
		return;
	record->answered_nr = sum->answered;
	record->late_cpu = sum->late;
	record->late_asked = sum->asked;
	record->late_entered = answer_entered(entry, sum->asked);
	record->late_left = entry->left;
	record->late_tid = entry->tid;
	record->late_bits = answer_bits(entry->seen, entry->tid);
	record->late_stack = entry->stack;
	record->late_stack_state = entry->stack_state;
	task = (const void *)entry->task;
	if (bpf_core_read(&tid, sizeof(tid), &task->pid) || tid != entry->tid)
		return;
	bpf_core_read_str(record->late_comm, sizeof(record->late_comm), &task->comm);
}

#endif
