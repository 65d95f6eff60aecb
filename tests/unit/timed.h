/* SPDX-License-Identifier: GPL-2.0 */
/* Flushes as their own sensors tell of them, with answers and stacks, into a stream. */
#ifndef GMEMTRACE_TESTS_TIMED_H
#define GMEMTRACE_TESTS_TIMED_H

#include "stream.h"

struct timed {
	__u32 tid, cpu;
	__u64 begin, ns;
	__u32 bits; /* enum record_flush_bits */
	__u64 pages; /* 0: everything */
	__u32 stack; /* id, 0 none */
	__u32 weight; /* 0: 1 where there is a stack */
	char comm[RECORD_COMM_LEN]; /* raw bytes */
	struct record_answer answers[RECORD_ANSWERS_NR]; /* the last one answers last */
	size_t answers_nr;
	__u32 unseen; /* CPUs that were asked besides, and not seen to answer */
};

void timed_stack(struct stream *stream, __u32 id, const char *text);
/* The stream's time is behind its end afterwards. */
void timed_flush(struct stream *stream, const struct timed *timed);

/*
 * A run of two CPUs and a VM, in which everything that a report can show happens: faults, flushes
 * with answers and stacks, a loss, @comm as the name of the tasks; @factor times as long each, @count
 * times. Not finished.
 */
void timed_run(struct stream *stream, const char *comm, __u64 factor, size_t count);

#endif
