/* SPDX-License-Identifier: GPL-2.0 */
/* Where a time falls in a log-linear histogram. Plain C: tested without a kernel. */
#ifndef GMEMTRACE_BPF_BUCKET_H
#define GMEMTRACE_BPF_BUCKET_H

/* The index of the highest bit; 0 for 0. BPF has no instruction for it. */
static __always_inline __u32 summary_power(__u64 value)
{
	__u32 power = 0, step;

	step = (value > 0xffffffffULL) << 5;
	value >>= step;
	power |= step;
	step = (value > 0xffff) << 4;
	value >>= step;
	power |= step;
	step = (value > 0xff) << 3;
	value >>= step;
	power |= step;
	step = (value > 0xf) << 2;
	value >>= step;
	power |= step;
	step = (value > 3) << 1;
	value >>= step;
	power |= step;
	return power | (__u32)(value >> 1);
}

/* As flush_bucket() of src/flush/histogram.c: 32 from a power of two to the next. */
static __always_inline __u32 summary_bucket(__u64 ns)
{
	__u32 power;

	if (ns < 64)
		return ns;
	power = summary_power(ns);
	return 64 + (power - 6) * 32 + (ns >> (power - 5) & 31);
}

#endif
