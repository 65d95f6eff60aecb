/* SPDX-License-Identifier: GPL-2.0 */
/* gmemtraced's listening socket. */
#ifndef GMEMTRACE_DAEMON_SOCKET_H
#define GMEMTRACE_DAEMON_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Binds @path, mode 0660, and listens. A socket there that nobody listens on is
 * replaced. @group: who may connect besides the owner; (gid_t)-1: ours. Returns a
 * descriptor, or -errno with one line in @message; -EADDRINUSE: a daemon serves it.
 */
int socket_listen(const char *path, gid_t group, char *message, size_t size);

#endif
