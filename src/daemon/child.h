/* SPDX-License-Identifier: GPL-2.0 */
/* What each process that gmemtraced forks begins with. */
#ifndef GMEMTRACE_DAEMON_CHILD_H
#define GMEMTRACE_DAEMON_CHILD_H

#include <stddef.h>

/*
 * In the child: it ends with its parent and by SIGTERM, leaves the terminal's signals to the parent, and
 * has no descriptors beside standard ones and the @nr in @kept, of which those below 0 are none.
 */
void child_begin(const int *kept, size_t nr);

#endif
