/* SPDX-License-Identifier: GPL-2.0 */
/* Who owns the sensors: two owners would each tax the kernel in full. */
#ifndef GMEMTRACE_SENSOR_LOCK_H
#define GMEMTRACE_SENSOR_LOCK_H

#include "sensor/runtime.h"
#include "sensor/sensor.h"

#define LOCK_NAME "gmemtrace.lock" /* in the runtime directory (runtime.h) */

struct lock {
	int descriptor; /* -1: not held */
	char path[RUNTIME_PATH_MAX];
};

/*
 * Takes the lock at @path, NULL: LOCK_NAME in the user's runtime directory. An owner on its way
 * out is waited for, for a second. 0, or -errno with @failure; -EBUSY: somebody holds it.
 */
int lock_take(struct lock *lock, const char *path, struct sensor_failure *failure);

/* Removes what a holder that was killed has left at @path (NULL: as above), if nobody holds it. */
void lock_sweep(const char *path);

/* Lets go, and leaves no file behind. Does nothing where it is not held. */
void lock_release(struct lock *lock);

#endif
