// SPDX-License-Identifier: GPL-2.0
#include "routine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tracing.h"

#define EVENT "events/kvm/kvm_gmem_set_direct_map/enable"

static struct tracing tracing;

void routine_trace(void)
{
	tracing_write(EVENT, "1");
	tracing_open(&tracing);
}

void routine_end(void)
{
	tracing_write(EVENT, "0");
	close(tracing.pipe);
}

void routine_forget(void)
{
	tracing_drain(&tracing);
}

uint64_t routine_convert(const struct memory *memory, size_t first, size_t nr, bool private,
			 size_t changed)
{
	unsigned long long ns;
	unsigned long pages;
	const char *line;

	memory_convert(memory, first, nr, private);
	line = tracing_find(&tracing, "kvm_gmem_set_direct_map:", "ret 0", 1000);
	if (!line)
		bench_die("a conversion without its tracepoint");
	if (sscanf(strstr(line, "ret 0"), "ret 0 pages %lu ns %llu", &pages, &ns) != 2 ||
	    pages != changed) {
		fprintf(stderr, "%s: %zu pages were to change: %s\n", program_invocation_short_name,
			changed, line);
		exit(2);
	}
	return ns;
}
