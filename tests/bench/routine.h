/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel's own tracing says about a call: text of trace_pipe, event by event. */
#ifndef BENCH_ROUTINE_H
#define BENCH_ROUTINE_H

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRACING "/sys/kernel/tracing/"

static inline bool tracing_write(const char *file, const char *text)
{
	char path[128];
	ssize_t written;
	int descriptor;

	snprintf(path, sizeof(path), TRACING "%s", file);
	descriptor = open(path, O_WRONLY | O_TRUNC);
	written = descriptor < 0 ? -1 : write(descriptor, text, strlen(text));
	if (written < 0)
		perror(path);
	close(descriptor);
	return written > 0;
}

static inline int tracing_open(void)
{
	return open(TRACING "trace_pipe", O_RDONLY | O_NONBLOCK);
}

/*
 * Reads lines until one has both texts; what stands before is dropped, so is the rest of its
 * read: one event a call is what is measured here. False after so many ms without it.
 */
static inline bool tracing_find(int pipe, const char *first, const char *second, char *line,
				size_t size, int wait_ms)
{
	char text[8192];
	ssize_t length;

	for (; wait_ms >= 0; wait_ms--) {
		while ((length = read(pipe, text, sizeof(text) - 1)) > 0) {
			char *found;

			text[length] = '\0';
			for (found = strtok(text, "\n"); found; found = strtok(NULL, "\n")) {
				if (!strstr(found, first) || !strstr(found, second))
					continue;
				snprintf(line, size, "%s", found);
				return true;
			}
		}
		usleep(1000);
	}
	return false;
}

#endif
