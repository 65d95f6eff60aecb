/* SPDX-License-Identifier: GPL-2.0 */
/* The parent of the process that owns the sensors: its log, its signals, its end. */
#ifndef GMEMTRACE_DAEMON_SERVE_H
#define GMEMTRACE_DAEMON_SERVE_H

#include "serve/server.h"

/* A line on standard error, with the program's name. Never waits for a reader. */
__attribute__((format(printf, 1, 2))) void daemon_log(const char *format, ...);

/*
 * Serves @listener, which is bound to @socket, and keeps the file @metrics (NULL: none), until SIGTERM, SIGINT or SIGHUP, or until the sensors'
 * owner ends. The socket is removed, @listener is the caller's. An exit status.
 */
int daemon_serve(const struct sensor_options *sensor, const struct peers_limits *limits,
		 uint64_t history, int listener, const char *socket, const char *metrics);

#endif
