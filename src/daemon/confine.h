/* SPDX-License-Identifier: GPL-2.0 */
/* A process gives up what it does not need any more. */
#ifndef GMEMTRACE_DAEMON_CONFINE_H
#define GMEMTRACE_DAEMON_CONFINE_H

#include <stddef.h>

#define CONFINE_USER "gmemtrace" /* of /etc/passwd: who root becomes, where there is one */
#define CONFINE_ID 65534 /* else: nobody's, user and group */

/*
 * For good, and for all threads: no user but one of its own or nobody, no group, no capability in any set, no
 * privilege by what it may run, and the kernel refuses (EPERM) bpf(), perf events, other programs,
 * tracing, mounts, modules and namespaces. Descriptors and maps stay,
 * and the signal of the parent's death.
 *
 * Called with one thread. 0, and a remark in @message where the kernel has no seccomp, else it is
 * empty; or -errno with one line in @message: then it is not confined, and must not go on.
 */
int confine(char *message, size_t size);

#endif
