/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Live patches. A routine that is patched is traced all the same: the kernel calls our programs around
 * whatever it runs instead (share_ipmodify, 53cd885bc5c3, 6.0). What it calls inside may be others.
 */
#ifndef GMEMTRACE_SENSOR_LIVEPATCH_H
#define GMEMTRACE_SENSOR_LIVEPATCH_H

#include <stddef.h>

#define LIVEPATCH_DIRECTORY "/sys/kernel/livepatch"

/*
 * Adds to @names those of the traced routines that a patch below @directory replaces, with blanks
 * between, each once and as many as have room. "" at first; a patch that goes is not forgotten.
 */
void livepatch_look(const char *directory, char *names, size_t size);

#endif
