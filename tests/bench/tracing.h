/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel's own tracing says about a call: text of trace_pipe, line by line. */
#ifndef BENCH_TRACING_H
#define BENCH_TRACING_H

#include <stdbool.h>
#include <stddef.h>

struct tracing {
	int pipe;
	size_t length, at;
	char text[65536];
};

/* Writes to a file of tracefs. */
void tracing_write(const char *file, const char *text);

void tracing_open(struct tracing *tracing);

/* The next line, or NULL when none came for so many ms; valid until the next call. */
char *tracing_line(struct tracing *tracing, int wait_ms);

/* Drops what has been traced so far. */
void tracing_drain(struct tracing *tracing);

/* The next line with both texts, or NULL as above. */
char *tracing_find(struct tracing *tracing, const char *first, const char *second, int wait_ms);

/*
 * The us of a line of function_graph, " 0)   1.234 us   |  flush_tlb_kernel_range();" or, where it
 * was read before the function returned, a closing brace with the name by the option funcgraph-tail.
 * Negative where there is none.
 */
double tracing_duration(const char *line);

/* Traces these functions, parted by spaces, with function_graph. */
void tracing_functions(const char *functions);

#endif
