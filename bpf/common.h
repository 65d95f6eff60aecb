/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all sensors share: the ring, begin-state slots, loss accounting.
 *
 * Each sensor is a file of its own, sensors.bpf.c their one translation unit:
 * libbpf 1.1 cannot link two objects that name the same kernel function.
 */
#ifndef GMEMTRACE_BPF_COMMON_H
#define GMEMTRACE_BPF_COMMON_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "interface.h"

#define EINVAL 22
#define EAGAIN 11
#define EBUSY 16
#define ENOSPC 28
#define EFAULT 14
#define ESTALE 116

#define PAGE_SHIFT 12
#ifndef BPF_F_MMAPABLE
#define BPF_F_MMAPABLE (1U << 10)
#endif

const volatile struct sensor_config sensor SEC(".rodata") = {};

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

/* 2.6 MB: before 6.8 a map's value has at most 4 MiB. */
struct begin_slot slots[SLOTS_NR] = {};

/* Named like this in every kernel; vmlinux.h may hold less of it. */
struct task_struct___ids {
	__u32 pid;
	__u32 tgid;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct loss_key);
	__type(value, __u64);
} losses SEC(".maps");

/* Losses that found no room in the map above, by cause. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} losses_unknown SEC(".maps");

/* A bit a pfn: zapped and not restored since. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} zapped_pfns SEC(".maps");

static __always_inline void loss_count(__u64 inode, __u64 i_ino, __u32 cause)
{
	struct loss_key key = { .inode = inode, .i_ino = i_ino, .cause = cause };
	__u64 *count, one = 1;

	if (inode) {
		count = bpf_map_lookup_elem(&losses, &key);
		if (count) {
			__sync_fetch_and_add(count, 1);
			return;
		}
		if (!bpf_map_update_elem(&losses, &key, &one, BPF_NOEXIST))
			return;
		count = bpf_map_lookup_elem(&losses, &key);
		if (count) {
			__sync_fetch_and_add(count, 1);
			return;
		}
	}
	count = bpf_map_lookup_elem(&losses_unknown, &cause);
	if (count)
		__sync_fetch_and_add(count, 1);
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

/*
 * Sensors are hooked one by one. What the first saw before the last was there
 * would be a story with holes, so nobody speaks before all are.
 */
static __always_inline bool armed(void)
{
	return zap_ends.armed;
}

static __always_inline const struct task_struct___ids *task_current(void)
{
	return (const void *)bpf_get_current_task_btf();
}

static __always_inline struct begin_slot *slot_find(const struct task_struct___ids *task)
{
	return &slots[task->pid & (SLOTS_NR - 1)];
}

/* The flush that goes with a zap; routine RECORD_FLUSH_NONE where it goes alone. */
struct flush_part {
	__u64 first; /* address */
	__u64 last; /* address, exclusive */
	__u16 routine;
};

/* An entry of the zap ring, or NULL where the reader is a whole ring behind. */
static __always_inline struct zap_ring_entry *zap_reserve(__u64 *index)
{
	__u32 key;

	if (zap_ends.head - zap_ends.tail > ZAP_RING_ENTRIES - ZAP_RING_MARGIN)
		return NULL;
	*index = __sync_fetch_and_add(&zap_ends.head, 1);
	key = *index & (ZAP_RING_ENTRIES - 1);
	return bpf_map_lookup_elem(&zaps, &key);
}

/*
 * Writes the change that @slot holds, with @flush, as one record. What is
 * always 0 (zap_begin, flush_full) is so since the ring was made.
 */
static __always_inline void slot_write(const struct begin_slot *slot, __u16 valid, __u16 routine,
				       const struct flush_part *flush)
{
	struct zap_ring_entry *entry;
	struct record_zap *record;
	__u64 index;

	entry = zap_reserve(&index);
	if (!entry) {
		loss_count(slot->inode, slot->i_ino, RECORD_LOSS_RING_FULL);
		return;
	}
	record = &entry->record;
	record->header.kind = RECORD_ZAP;
	record->header.size = sizeof(*record);
	record->header.cpu = bpf_get_smp_processor_id();
	record->header.tid = (__u32)slot->ids;
	record->header.tgid = slot->ids >> 32;
	record->header.inode = slot->inode;
	record->i_ino = slot->i_ino;
	record->pgoff = slot->pgoff;
	record->page = slot->page;
	record->nr = slot->nr;
	record->result = slot->result;
	record->zap_end = slot->zap_end;
	record->flush_begin = flush->routine ? slot->flush_begin : 0;
	record->flush_first = flush->first;
	record->flush_last = flush->last;
	record->valid = valid;
	record->routine = routine;
	record->flush_routine = flush->routine;
	record->header.time = bpf_ktime_get_ns();
	/* x86 keeps stores in order; the compiler must as well. */
	barrier();
	*(volatile __u64 *)&entry->sequence = index + 1;
}

#endif
