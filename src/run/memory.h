/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GMEMTRACE_RUN_MEMORY_H
#define GMEMTRACE_RUN_MEMORY_H

#include <stdint.h>

/*
 * The least that a control group of ours, or one around it, is limited to, bytes; 0: none is, or
 * it is not known. @root: before /proc/self/cgroup and /sys/fs/cgroup, "" for those of this machine.
 */
uint64_t memory_group_limit(const char *root);

/*
 * Half of what there is for us, bytes; 0: not known. A capture is packed, and a kernel may be
 * flooded: what was fed may ask for more than there is, and who is killed for it has no verdict.
 */
uint64_t memory_half(void);

#endif
