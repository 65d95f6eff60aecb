/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all sensors share: the ring, begin-state slots, loss accounting.
 *
 * Each sensor is a file of its own, sensors.bpf.c their one translation unit:
 * libbpf 1.1 cannot link two objects that name the same kernel function.
 */
#ifndef GMEMTRACE_BPF_COMMON_H
#define GMEMTRACE_BPF_COMMON_H

#include "base.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ZAP_RING_ENTRIES);
	__type(key, __u32);
	__type(value, struct zap_ring_entry);
} zaps SEC(".maps");

/* A global, not a map of its own: its address is a constant in the program. */
struct zap_ring_ends zap_ends = {};

/* 2.4 MB: before 6.8 a map's value has at most 4 MiB. */
struct begin_slot slots[SLOTS_NR] = {};

/* Named like this in every kernel; vmlinux.h may hold less of it. */
struct task_struct___ids {
	__u32 pid;
	__u32 tgid;
	int exit_state;
	unsigned int flags;
	char comm[RECORD_COMM_LEN];
} __attribute__((preserve_access_index));

#define PF_KTHREAD 0x00200000

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LOSSES_NR);
	__type(key, struct loss_key);
	__type(value, struct loss_count);
} losses SEC(".maps");

struct timed_slot timed_slots[TIMED_SLOTS_NR] = {};

struct left_out_slot left_out[LEFT_OUT_SLOTS_NR] = {};

static __always_inline struct timed_slot *timed_slot(__u32 tid)
{
	return &timed_slots[tid & (TIMED_SLOTS_NR - 1)];
}

/* By user, where the inode is not known or has found no room above. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LOSS_USERS_NR);
	__type(key, struct loss_key);
	__type(value, struct loss_count);
} losses_users SEC(".maps");

/* Losses that found no room in either, by cause. */
__u64 losses_unknown[LOSS_CAUSES] = {};

/* A bit a pfn of the memory that there was when the sensors were loaded: zapped and not restored since. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} zapped_pfns SEC(".maps");

static __always_inline bool loss_charge(void *map, const struct loss_key *key)
{
	struct loss_count *loss = bpf_map_lookup_elem(map, key), none = {};

	if (!loss) {
		bpf_map_update_elem(map, key, &none, BPF_NOEXIST);
		loss = bpf_map_lookup_elem(map, key);
	}
	if (loss)
		atomic_add(&loss->count, 1);
	return loss;
}

/* Charged to an inode (0: it is not known), else to the user who acts, else to nobody. */
static __noinline int loss_count(__u64 inode, __u64 i_ino, __u32 cause)
{
	struct loss_key key = {
		.inode = inode,
		.i_ino = i_ino,
		.cause = cause,
		.uid = bpf_get_current_uid_gid(),
	};

	if (inode && loss_charge(&losses, &key))
		return 0;
	key.inode = 0;
	key.i_ino = 0;
	if (!loss_charge(&losses_users, &key))
		atomic_add(&losses_unknown[cause & (LOSS_CAUSES - 1)], 1);
	return 0;
}

static __always_inline void header_fill(struct record_header *header, __u16 kind, __u16 size)
{
	__u64 task = bpf_get_current_pid_tgid();

	header->kind = kind;
	header->size = size;
	header->cpu = bpf_get_smp_processor_id();
	header->tid = (__u32)task;
	header->tgid = task >> 32;
}

/*
 * No wakeup: user space polls. Waking it cost an irq_work and a context
 * switch a record whenever the reader had caught up.
 */
static __always_inline void record_submit(void *record)
{
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

/* Each program's calls by the toucher. */
__u64 sight[PROGRAMS_MAX] = {};

/* Of inodes that come and go, which are known when somebody listens again, and of sums without records. */
static __always_inline bool armed_quietly(__u32 program)
{
	switch (program) {
	case PROGRAM_SECRETMEM_MMAP_ENTER:
	case PROGRAM_SECRETMEM_MMAP_PREPARE_ENTER:
	case PROGRAM_SECRETMEM_RELEASE_ENTER:
	case PROGRAM_SECRETMEM_RELEASE_EXIT:
	case PROGRAM_GMEM_RELEASE_ENTER:
	case PROGRAM_RELEASE_EXIT:
	case PROGRAM_CREATE_EXIT:
	case PROGRAM_TIMED_RANGE_ENTER:
	case PROGRAM_TIMED_RANGE_EXIT:
	case PROGRAM_TIMED_ALL_ENTER:
	case PROGRAM_TIMED_ALL_EXIT:
	case PROGRAM_SUMMARY_INVALID_EXIT:
	case PROGRAM_SUMMARY_VALID_EXIT:
		return true;
	default:
		return false;
	}
}

/* Where not all is plain: whether a call is to be recorded. */
static __noinline bool armed_specially(__u32 program)
{
	if (zap_ends.armed == SENSOR_STRAYED)
		return true;
	if (zap_ends.armed == SENSOR_QUIET)
		return armed_quietly(program);
	if (zap_ends.armed != SENSOR_TOUCHED)
		return false;
	if (zap_ends.toucher != (__u64)bpf_get_current_task())
		return true;
	sight[program & (PROGRAMS_MAX - 1)]++;
	return false;
}

static __always_inline bool armed_plainly(void)
{
	return zap_ends.armed == SENSOR_ARMED;
}

/*
 * Sensors are hooked one by one. What the first saw before the last was there
 * would be a story with holes, so nobody speaks before all are.
 */
static __always_inline bool armed(enum sensor_program program)
{
	return armed_plainly() || armed_specially(program);
}

static __always_inline const struct task_struct___ids *task_current(void)
{
	return (const void *)bpf_get_current_task_btf();
}

static __always_inline __u64 task_ids(const struct task_struct___ids *task)
{
	return (__u64)task->tgid << 32 | task->pid;
}

static __always_inline struct left_out_slot *left_out_slot(__u32 tid)
{
	return &left_out[left_out_index(tid)];
}

/* Who is said to have done what the task @task, of @ids, did. */
static __always_inline __u64 left_out_ids(__u64 task, __u64 ids)
{
	if (sensor.filtered && left_out_inside(left_out_slot(ids), task))
		return (__u32)ids;
	return ids;
}

/* The flush that goes with a zap; routine RECORD_FLUSH_NONE where it goes alone. */
struct flush_part {
	__u64 begin; /* ns */
	__u64 first; /* address */
	__u64 last; /* address, exclusive */
	__u16 routine;
};

/* The place of a record of the zap ring, taken as @index; NULL: there is none. */
static __always_inline struct zap_ring_entry *zap_reserve(__u64 *index)
{
	__u32 key;

	if (!ring_reserve(&zap_ends, index))
		return NULL;
	key = *index & (ZAP_RING_ENTRIES - 1);
	return bpf_map_lookup_elem(&zaps, &key);
}

/*
 * What was seen of a change that ended at @zap_end (ns): not by whom, whose the page is, and the flush.
 * What is always 0 is so since the ring was made. @plain: see base.h.
 */
static __always_inline void zap_fill(struct record_zap *record, const struct slot_zap *zap,
				     __u64 zap_end, __u16 valid, __u16 routine, bool plain)
{
	record->header.kind = RECORD_ZAP;
	record->header.size = sizeof(*record);
	record->header.cpu = bpf_get_smp_processor_id();
	record->page = zap->page;
	/* Neighbours in both. */
	__builtin_memcpy(&record->nr, &zap->nr_result, sizeof(zap->nr_result));
	if (!plain && sensor.zap_times)
		record->zap_begin = zap->begin;
	record->zap_end = zap_end;
	record->valid = valid;
	record->routine = routine;
}

static __always_inline void zap_publish(struct zap_ring_entry *entry, __u64 index)
{
	entry->record.header.time = bpf_ktime_get_ns();
	ring_publish(entry, index);
}

#endif
