/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Clocks of two CPUs may differ a little: what one reads later may be the earlier time, and their difference,
 * without a sign, 580 years. Plain C: tested without a kernel.
 */
#ifndef GMEMTRACE_BPF_CLOCK_H
#define GMEMTRACE_BPF_CLOCK_H

#include "atomic.h"

/* Whether @since was @ns ago, or longer; what has yet to come was not. */
static __always_inline bool clock_past(__u64 now, __u64 since, __u64 ns)
{
	return now >= since + ns;
}

/* Whether @ns, of one time less another, is of two in the wrong order. */
static __always_inline bool clock_backward(__u64 ns)
{
	return ns >> 63;
}

#endif
