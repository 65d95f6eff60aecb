/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Metrics by HTTP, for Prometheus to scrape: one page, in a thread of its own, which never waits
 * for whoever reads it nor keeps the judge waiting.
 */
#ifndef GMEMTRACE_DAEMON_HTTP_H
#define GMEMTRACE_DAEMON_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_CONNECTIONS 128 /* at a time; more wait until one of them goes */
#define HTTP_SILENT_S 10 /* a connection on which nothing moves for so long is closed */
#define HTTP_PATIENCE_S 20 /* a request that is not all there after so long is closed, too */
#define HTTP_CROWDED_S 1 /* the same while there is no place for others */
#define HTTP_REQUESTS 200 /* a second; who asks beyond that waits his turn */

struct http;

/*
 * Whether @text is an address: HOST:PORT (HOST a number, "localhost", "*" for all, or left out for
 * 127.0.0.1), [V6]:PORT, or unix:PATH. Else it is a file's name.
 */
bool http_is_address(const char *text);

/* The path of unix:PATH; NULL: it is none. */
const char *http_unix_path(const char *address);

/* Listens there. A descriptor, or -errno with one line in @message. */
int http_listen(const char *address, char *message, size_t size);

/* Serves @listener, which it takes over; @patience: HTTP_PATIENCE_S. NULL: no memory, or no thread. */
struct http *http_start(int listener, unsigned int patience);
void http_stop(struct http *http); /* may be NULL */

/* From now on the page is a copy of @text; before the first there is none (503). */
void http_publish(struct http *http, const char *text, size_t size);

#endif
