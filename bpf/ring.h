/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The zap ring. Zaps with their flush are by far the most records, and reserve
 * and submit of a BPF ring buffer cost 115 instructions of the 890 that one may
 * (make bench); an atomic add on a counter and a store cost 25. Producers
 * take an entry by adding to `head`; an entry is whole when its sequence is its
 * index + 1. User space maps both maps, reads in order and moves `tail`.
 *
 * The protocol is here as a whole, for bpf/, for the reader and for its test.
 */
#ifndef GMEMTRACE_BPF_RING_H
#define GMEMTRACE_BPF_RING_H

#include "atomic.h"
#include "gmemtrace/record.h"

#ifndef ZAP_RING_ENTRIES
#define ZAP_RING_ENTRIES (1U << 17)
/* Producers look at `tail` first and take an entry then: this many may be between the two. */
#define ZAP_RING_MARGIN 4096U
#endif

struct zap_ring_entry {
	__u64 sequence;
	struct record_zap record;
};

/* What a sensor may do. */
enum sensor_arming {
	SENSOR_SILENT = 0, /* not all of them are hooked yet */
	SENSOR_ARMED = 1,
	SENSOR_TOUCHED = 2, /* armed, and `toucher` shows that hooks fire: it is not recorded */
	SENSOR_STRAYED =
		3, /* armed, and a task may have a zap in its second place (begin_slot.h) */
	SENSOR_QUIET = 4, /* nobody listens: only what comes and goes is told, and summed up */
};

struct zap_ring_ends {
	__u64 head;
	__u64 unused[7]; /* producers and reader on lines of their own */
	__u64 tail;
	__u64 armed; /* enum sensor_arming */
	__u64 toucher; /* struct task_struct * of whoever touches, 0: none */
	__u64 unused2[5];
};

/* Where both rings stand; what was reserved before `time` lies below. */
struct position_args {
	__u64 produced; /* ring position of the producers, bytes */
	__u64 zaps; /* the same of the zap ring, entries */
	__u64 time;
};

/* Takes an entry; false where the reader is a whole ring behind. */
static __always_inline bool ring_reserve(struct zap_ring_ends *ends, __u64 *index)
{
	/* First: a tail read after the head may be ahead of it, and the ring look full. */
	__u64 tail = atomic_read_acquire(&ends->tail);

	if (atomic_read(&ends->head) - tail > ZAP_RING_ENTRIES - ZAP_RING_MARGIN)
		return false;
	*index = atomic_add(&ends->head, 1);
	return true;
}

/* The entry taken as @index is whole. */
static __always_inline void ring_publish(struct zap_ring_entry *entry, __u64 index)
{
	atomic_write_release(&entry->sequence, index + 1);
}

/*
 * @produced reads the other ring's position. An inode is announced there before
 * a zap names it here, so this ring is looked at first: a zap below `zaps` then
 * has its announcement below `produced`.
 */
#define RING_POSITION(position, ends, now, produced_position)                                      \
	do {                                                                                       \
		(position)->time = (now);                                                          \
		(position)->zaps = atomic_read_acquire(&(ends)->head);                             \
		(position)->produced = (produced_position);                                        \
	} while (0)

#ifndef __bpf__
/* The record at @index, ours until its place is given back; NULL where it is not whole yet. */
static inline const struct record_zap *ring_peek(const struct zap_ring_entry *entries, __u64 index)
{
	const struct zap_ring_entry *entry = &entries[index & (ZAP_RING_ENTRIES - 1)];

	/* Its writer is preempted, or just at it. */
	return atomic_read_acquire(&entry->sequence) == index + 1 ? &entry->record : NULL;
}

/* All places below @index are given back. */
static inline void ring_give_back(struct zap_ring_ends *ends, __u64 index)
{
	atomic_write_release(&ends->tail, index);
}
#endif

#endif
