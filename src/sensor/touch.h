/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tool's own touch of what it hooks, by a child: a hook that does not see
 * it does not fire, whatever the kernel said when it was attached. The sensors
 * count the child's calls and record none of them.
 */
#ifndef GMEMTRACE_SENSOR_TOUCH_H
#define GMEMTRACE_SENSOR_TOUCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sensor/load.h"

#define TOUCH_REASON_LENGTH 96

struct touch {
	uint32_t done; /* bits of enum touch_step that came to their end */
	pid_t hanging; /* the child that has not ended; 0: it has */
	char secret[TOUCH_REASON_LENGTH]; /* where TOUCH_SECRET did not: why */
	char gmem[TOUCH_REASON_LENGTH]; /* the same of those of guest_memfd */
	char guest[TOUCH_REASON_LENGTH]; /* the same of TOUCH_GUEST */
};

/* For a child that touches: what it locks is not its user's. As far as its privileges allow. */
void touch_lift_memlock(void);

/* Called while the child is waited for. */
typedef void (*touch_wait)(void *context);

/*
 * Both parts are loaded. 0, or -errno where there is no child; -ETIMEDOUT: it
 * hangs in the kernel, and goes on touching unrecorded.
 */
int touch_run(const struct load *load, struct touch *touch, touch_wait wait, void *context);

/* Lets go of a child that hung, if it has ended: its task may be anybody's then. True if so. */
bool touch_reap(const struct load *load, pid_t child);

#endif
