/* SPDX-License-Identifier: GPL-2.0 */
/* kvm_gmem_set_direct_map() as its own tracepoint measures it. */
#ifndef BENCH_ROUTINE_H
#define BENCH_ROUTINE_H

#include <stdbool.h>

#include "memory.h"

void routine_trace(void);
void routine_end(void);

/* Drops what other calls have left. */
void routine_forget(void);

/*
 * ns in the routine for one conversion, of which `changed` pages are resident and prepared; ends the
 * program where the routine counts another number.
 */
uint64_t routine_convert(const struct memory *memory, size_t first, size_t nr, bool private,
			 size_t changed);

#endif
