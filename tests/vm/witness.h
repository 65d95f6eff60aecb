/* SPDX-License-Identifier: GPL-2.0 */
/* What a witness and its BPF programs share. */
#ifndef GMEMTRACE_TESTS_WITNESS_H
#define GMEMTRACE_TESTS_WITNESS_H

#define WITNESS_NAME_BYTES 16
#define WITNESS_FLUSHES_MAX 4096

struct witness_flush {
	unsigned long begin, end; /* ns, CLOCK_MONOTONIC */
};

#endif
