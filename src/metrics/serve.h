/* SPDX-License-Identifier: GPL-2.0 */
/* gmemtraced's own client, which judges what it serves and keeps a file of metrics. */
#ifndef GMEMTRACE_METRICS_SERVE_H
#define GMEMTRACE_METRICS_SERVE_H

#include <sys/types.h>

struct metrics_options {
	const char *path; /* of the file */
	const char *socket; /* gmemtraced's */
	void (*say)(void *context, const char *line);
};

/*
 * Forks a process that writes @path every ten seconds until the socket's owner ends or it is
 * killed. Its pid, or -errno. Strings are read in the child only.
 */
pid_t metrics_spawn(const struct metrics_options *options);

#endif
