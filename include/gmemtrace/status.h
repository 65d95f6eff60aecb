/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Exit statuses of gmemtrace and gmemtraced: an interface, see gmemtrace(1). What the sensors and
 * their owner say of a failure is one of these too.
 */
#ifndef GMEMTRACE_STATUS_H
#define GMEMTRACE_STATUS_H

enum gmemtrace_status {
	GMEMTRACE_CONSISTENT = 0, /* also: done */
	GMEMTRACE_VIOLATED = 1,
	GMEMTRACE_ERROR = 2, /* also: consistent, but CMD failed */
	GMEMTRACE_CANNOT_RUN = 4, /* this machine, kernel or user does not allow it */
	GMEMTRACE_INCONCLUSIVE = 5,
	GMEMTRACE_USAGE = 64,
};

#endif
