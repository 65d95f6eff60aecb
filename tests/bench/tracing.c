// SPDX-License-Identifier: GPL-2.0
#include "tracing.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"

#define TRACING "/sys/kernel/tracing/"

void tracing_write(const char *file, const char *text)
{
	char path[128];
	ssize_t written = 0;
	int descriptor;

	snprintf(path, sizeof(path), TRACING "%s", file);
	descriptor = open(path, O_WRONLY | O_TRUNC);
	/* A filter takes one word at a time. */
	for (; descriptor >= 0 && *text; text += written) {
		written = write(descriptor, text, strlen(text));
		if (written <= 0)
			bench_die(path);
	}
	if (close(descriptor))
		bench_die(path);
}

void tracing_open(struct tracing *tracing)
{
	tracing->pipe = open(TRACING "trace_pipe", O_RDONLY | O_NONBLOCK);
	if (tracing->pipe < 0)
		bench_die(TRACING "trace_pipe");
	tracing->at = 0;
	tracing->length = 0;
}

/* Takes a whole line out of what has been read. */
static char *tracing_take(struct tracing *tracing)
{
	char *line = tracing->text + tracing->at;
	char *end = memchr(line, '\n', tracing->length - tracing->at);

	if (!end)
		return NULL;
	*end = '\0';
	tracing->at = end + 1 - tracing->text;
	return line;
}

static bool tracing_read(struct tracing *tracing)
{
	ssize_t length;

	memmove(tracing->text, tracing->text + tracing->at, tracing->length - tracing->at);
	tracing->length -= tracing->at;
	tracing->at = 0;
	length = read(tracing->pipe, tracing->text + tracing->length,
		      sizeof(tracing->text) - tracing->length);
	if (length <= 0)
		return false;
	tracing->length += length;
	return true;
}

char *tracing_line(struct tracing *tracing, int wait_ms)
{
	uint64_t end = clock_read(CLOCK_MONOTONIC) + wait_ms * 1000000ULL;
	char *line = tracing_take(tracing);

	while (!line) {
		if (tracing_read(tracing)) {
			line = tracing_take(tracing);
			continue;
		}
		if (clock_read(CLOCK_MONOTONIC) >= end)
			return NULL;
		/* A CPU that sleeps would be measured as it wakes up. */
		sched_yield();
	}
	return line;
}

void tracing_drain(struct tracing *tracing)
{
	while (tracing_line(tracing, 0))
		;
}

char *tracing_find(struct tracing *tracing, const char *first, const char *second, int wait_ms)
{
	char *line;

	while ((line = tracing_line(tracing, wait_ms))) {
		if (strstr(line, first) && strstr(line, second))
			return line;
	}
	return NULL;
}

double tracing_duration(const char *line)
{
	const char *text = strchr(line, ')');
	double us;

	text = text ? strpbrk(text, "0123456789") : NULL;
	return text && sscanf(text, "%lf us", &us) == 1 ? us : -1;
}

void tracing_functions(const char *functions)
{
	tracing_write("set_ftrace_filter", functions);
	tracing_write("current_tracer", "function_graph");
	tracing_write("options/funcgraph-tail", "1");
}
