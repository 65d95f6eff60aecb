/* SPDX-License-Identifier: GPL-2.0 */
/* What the reports of latency share. */
#ifndef GMEMTRACE_REPORT_LATENCY_WORDS_H
#define GMEMTRACE_REPORT_LATENCY_WORDS_H

#include "internal.h"
#include "report/escape.h"

#define LATENCY_WORDS_MAX 96
#define LATENCY_STACK_MAX 4096

/* "guest", "softirq", "idle", or "task" for any other. */
const char *latency_context(__u32 bits);

/* "one page", "some pages", "everything" */
const char *latency_size(enum flush_size size);

/* A task's name from a record: what could trick a terminal or a format is replaced; "-" for none. */
const char *latency_comm(const char *comm, char clean[LATENCY_WORDS_MAX]);

/* What the capture does not hold, @index from 0; NULL behind the last. */
const char *latency_missing(const struct flush_totals *totals, size_t index);

#endif
