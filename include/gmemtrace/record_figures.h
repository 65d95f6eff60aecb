/* SPDX-License-Identifier: GPL-2.0 */
/* Records for figures alone: flushes by anybody, who answered them, and histograms. No verdict rests on these. */
#ifndef GMEMTRACE_RECORD_FIGURES_H
#define GMEMTRACE_RECORD_FIGURES_H

#include "gmemtrace/record_header.h"

enum record_flush_bits {
	RECORD_FLUSH_OURS = 1 << 0, /* of the process that owns the sensors */
	RECORD_FLUSH_FULL = 1 << 1, /* sealed: in effect everything was flushed */
	RECORD_FLUSH_DIRECT = 1 << 2, /* sealed: it touches the direct map */
	RECORD_FLUSH_UNANSWERED = 1 << 3, /* nobody watches for answers to it on this kernel */
	RECORD_FLUSH_UNASKED =
		1 << 4, /* when CPUs were asked is not known: answers count from its begin */
};

/* What ran on a CPU when it was asked to flush. Bits, append-only. */
enum record_answer_bits {
	RECORD_ANSWER_IDLE = 1 << 0,
	RECORD_ANSWER_GUEST = 1 << 1, /* a vCPU, in its guest */
	RECORD_ANSWER_SOFTIRQ = 1 << 2, /* in a soft interrupt, or those were off */
};

/* What became of a stack. */
enum record_stack_state {
	RECORD_STACK_NONE = 0, /* not asked for: none was due, or stacks are off */
	RECORD_STACK_TAKEN = 1,
	RECORD_STACK_COLLIDED = 2, /* another one has its place */
	RECORD_STACK_LOST = 3, /* the kernel could not unwind it */
};

/*
 * One call of flush_tlb_kernel_range() or flush_tlb_all() by anybody, of the
 * direct map or not. Where acknowledgements are watched, with the CPU that
 * answered last. header.time: when it was written. 184 bytes.
 */
struct record_flush_timed {
	struct record_header header;
	__u64 begin, end; /* ns */
	__u64 first; /* ring: start address; sealed: first pfn of the direct map, FULL: 0 */
	__u64 last; /* ring: end address (exclusive); sealed: last pfn, inclusive; < first: none */
	__u64 pages; /* asked for; 0: everything */
	__u64 asked; /* ns: the first CPU was asked; 0: none was */
	__u64 late_asked; /* ns: when the CPU that answered last was; or as `asked`, before it */
	__u64 late_entered; /* ns: its handler began; late_left: only its end was looked at; 0: nobody answered */
	__u64 late_left; /* ns: its handler had ended */
	__u32 stack; /* ring: as bpf_get_stackid() numbers it; sealed: record_stack.id, 0: none */
	__u32 weight; /* flushes that its stack stands for; 0: no stack was due */
	__u32 late_stack; /* of what the last CPU's handler had interrupted, where it was slow; as `stack` */
	__u16 stack_state; /* enum record_stack_state */
	__u16 routine; /* enum record_flush_routine */
	__u32 bits; /* enum record_flush_bits */
	__u32 initiator; /* the CPU that asked */
	__u32 asked_nr; /* other CPUs asked */
	__u32 answered_nr; /* of these, seen to have answered */
	__u32 late_cpu;
	__u32 late_tid; /* of the task there; 0: idle */
	__u32 late_bits; /* enum record_answer_bits */
	__u16 late_stack_state; /* enum record_stack_state */
	__u16 reserved;
	char comm[RECORD_COMM_LEN]; /* of the task that flushed */
	char late_comm[RECORD_COMM_LEN]; /* empty where the task has gone */
};

/* Times are nanoseconds since the flush began, 0xffffffff: later than that can say. */
struct record_answer {
	__u32 cpu;
	__u32 tid; /* of the task there; 0: idle */
	__u32 asked; /* or the flush's first CPU was */
	__u32 entered; /* its handler began; as `left`: only its end was looked at; 0: no answer was seen */
	__u32 left;
	__u16 bits; /* enum record_answer_bits */
	__u16 reserved;
};

#define RECORD_ANSWERS_NR 8

/* Stands before the RECORD_FLUSH_TIMED of the same thread and begin. 240 bytes. */
struct record_answers {
	struct record_header header;
	__u64 begin; /* ns: the flush's */
	__u32 nr; /* of answers[] */
	__u32 reserved;
	struct record_answer answers[RECORD_ANSWERS_NR];
};

/*
 * Leaves of the direct map, as the kernel counts them. Stands before the
 * RECORD_FLUSH_TIMED of the same thread and begin, a flush_tlb_all(): a split
 * ends in one, under a lock that keeps others from splitting. 64 bytes.
 */
struct record_leaves {
	struct record_header header;
	__u64 begin; /* ns: the flush's */
	__u64 nr[3]; /* of 4K, 2M, 1G */
};

/* What a histogram kept in the kernel is of. Append-only. */
enum record_summary_cell {
	RECORD_SUMMARY_ELSEWHERE_ONE = 0, /* flushes of one page that is not the direct map's */
	RECORD_SUMMARY_ELSEWHERE_FEW = 1, /* of up to the ceiling, the same */
	RECORD_SUMMARY_ONE = 2, /* of one page of the direct map */
	RECORD_SUMMARY_FEW = 3, /* of up to the ceiling, the same */
	RECORD_SUMMARY_CEILING = 4, /* of a range over the ceiling: of everything */
	RECORD_SUMMARY_ALL = 5, /* flush_tlb_all() */
	RECORD_SUMMARY_OURS = 6, /* any of the process that owns the sensors */
	RECORD_SUMMARY_EXPOSURE = 7, /* pages, from their zap to the end of their task's flush */
	/* The same of more runs than a task's slot holds: from the zap of the first. */
	RECORD_SUMMARY_EXPOSURE_AT_MOST = 8,
	RECORD_SUMMARY_CELLS, /* one more than the last */
};

#define RECORD_SUMMARY_BUCKETS (64 + 58 * 32) /* as flush_bucket() numbers them */
#define RECORD_SUMMARY_NS                                                                          \
	1000000000ULL /* sums are told as often, before a heartbeat, or with an end */

struct record_summary_bucket {
	__u32 bucket; /* below RECORD_SUMMARY_BUCKETS */
	__u32 nr;
};

/*
 * What has come to a histogram between `since` and header.time; add all of a
 * cell. Buckets may come more than once. 88 bytes and the buckets.
 */
struct record_summary {
	struct record_header header;
	__u64 since; /* ns */
	__u64 sum; /* ns */
	__u64 min, max; /* ns: of all since the sensors were armed */
	__u32 cell; /* enum record_summary_cell */
	__u32 cpus; /* online meanwhile */
	__u32 nr; /* of buckets[] */
	__u32 reserved;
	__u64 reserved2;
	struct record_summary_bucket buckets[];
};

#endif
