/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whether the hooks see. fentry programs attach without an error where ftrace
 * is off, and never fire; flipping it back revives them. So each is proved by a
 * touch of the tool's own, and what may turn them off meanwhile is watched.
 */
#ifndef GMEMTRACE_SENSOR_SIGHT_H
#define GMEMTRACE_SENSOR_SIGHT_H

#include "sensor/text.h"
#include "sensor/touch.h"

#define SIGHT_TEXT_LENGTH 160

enum sight_state {
	SIGHT_UNHOOKED, /* nothing to prove */
	SIGHT_PROVED,
	SIGHT_IN_TEXT, /* no touch has reached it, but its call is there */
	SIGHT_UNPROVEN, /* no touch has reached it */
	SIGHT_BLIND, /* touched, and it did not fire */
};

/* Fails with what to do where kernel.ftrace_enabled is 0. */
int sight_check(struct sensor_failure *failure);

/* kernel.ftrace_enabled is 0: no hook fires. False too where it cannot be read. */
bool sight_is_off(void);

/*
 * What @touch has shown of program @index since load_sight_reset(); @error is
 * touch_run()'s. A routine that no touch reaches is looked at in the kernel's
 * own text, where @text knows it: a call at its begin goes the way of those
 * that have fired. @words: the value of fact sensor.sight.<index>.
 */
enum sight_state sight_judge(const struct load *load, const struct text *text,
			     const struct touch *touch, int error, size_t index,
			     char words[SIGHT_TEXT_LENGTH]);

#endif
