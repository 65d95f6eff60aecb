/* SPDX-License-Identifier: GPL-2.0 */
/* Where tracers of one user meet: the directory of sockets and locks. */
#ifndef GMEMTRACE_SENSOR_RUNTIME_H
#define GMEMTRACE_SENSOR_RUNTIME_H

#include <stddef.h>

#define RUNTIME_SYSTEM "/run" /* root's */
#define RUNTIME_PATH_MAX 256

/*
 * The path of @name: in /run for root, else in $XDG_RUNTIME_DIR where that is
 * set and absolute, else in /run/user/UID. 0, or -ENAMETOOLONG.
 */
int runtime_path(char path[RUNTIME_PATH_MAX], const char *name);

#endif
