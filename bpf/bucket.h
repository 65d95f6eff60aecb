/* SPDX-License-Identifier: GPL-2.0 */
/* Where a time falls in a log-linear histogram. Plain C: tested without a kernel. */
#ifndef GMEMTRACE_BPF_BUCKET_H
#define GMEMTRACE_BPF_BUCKET_H

/* Halves @ns @bits times where it is @least or more; each time stands for 32 of @buckets. */
static __always_inline __u64 bucket_halve(__u64 ns, __u64 least, __u32 bits, __u32 *buckets)
{
	if (ns < least)
		return ns;
	ns >>= bits;
	*buckets += bits * 32;
	/* A branch: clang would else make numbers of all the comparisons first. */
	atomic_opaque(ns);
	return ns;
}

/*
 * As flush_bucket() of src/flush/histogram.c: 32 from a power of two to the
 * next. BPF has no count of leading zeroes, and a shift by what is not constant
 * is dear: @ns is halved until it is below 64.
 */
static __always_inline __u32 summary_bucket(__u64 ns)
{
	__u32 buckets = 0;

	ns = bucket_halve(ns, 1ULL << 38, 32, &buckets);
	ns = bucket_halve(ns, 1 << 22, 16, &buckets);
	ns = bucket_halve(ns, 1 << 14, 8, &buckets);
	ns = bucket_halve(ns, 1 << 10, 4, &buckets);
	ns = bucket_halve(ns, 1 << 8, 2, &buckets);
	ns = bucket_halve(ns, 1 << 7, 1, &buckets);
	ns = bucket_halve(ns, 1 << 6, 1, &buckets);
	return buckets + (__u32)ns;
}

/* By how much times of @bucket are shifted. */
static __always_inline __u64 summary_shift(__u32 bucket)
{
	return bucket < 64 ? 0 : bucket / 32 - 1;
}

/* @ns is halved @shift times, where that is what it takes: mostly it is what the one before took. */
static __always_inline bool summary_bucket_like(__u64 ns, __u64 shift, __u32 *bucket)
{
	__u64 rest = ns >> shift;

	*bucket = (__u32)(shift * 32 + rest);
	return rest - 32 < 32;
}

#endif
