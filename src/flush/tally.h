/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sums by what they are of: a CPU that was late, a stack, who interrupted. Two
 * are the same where all that names them is.
 */
#ifndef GMEMTRACE_FLUSH_TALLY_H
#define GMEMTRACE_FLUSH_TALLY_H

#include "gmemtrace/flush.h"

struct tally_key {
	const char *comm; /* "" none */
	const char *stack; /* NULL none; copied when it is new */
	__u32 cpu;
	__u32 bits;
	enum flush_kind kind;
};

struct tally_entry {
	char comm[RECORD_COMM_LEN + 1];
	char *stack;
	__u32 cpu, bits, tgid;
	enum flush_kind kind;
	__u64 hash;
	__u64 count, flushes;
	__u64 ns, max;
	__u64 first, last; /* ns */
	struct flush_leaves leaves;
};

struct tally {
	struct tally_entry *entries;
	size_t nr, room;
	size_t *slots; /* index + 1 into entries */
	size_t slots_nr; /* a power of two */
};

/* The sum of @key, a new one where there is none. NULL where memory is short. */
struct tally_entry *tally_get(struct tally *tally, const struct tally_key *key);

/* Counts @nr times @ns. */
void tally_add(struct tally_entry *entry, __u64 ns, __u64 nr);

/* 0 or -ENOMEM. */
int tally_merge(struct tally *tally, const struct tally *other);

/* The most time first, then the most often. Nothing may be added afterwards but by a merge. */
void tally_sort(struct tally *tally);
void tally_free(struct tally *tally);

#endif
