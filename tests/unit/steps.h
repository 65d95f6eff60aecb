/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of steps inside a request share. */
#ifndef GMEMTRACE_TESTS_STEPS_H
#define GMEMTRACE_TESTS_STEPS_H

#include "here.h"

#define SET_RANGE RECORD_OPERATION_SET_RANGE
#define XARRAY RECORD_OPERATION_UPDATE_XARRAY

/* An update of the xarray, as the sensors write it: of no inode. */
static inline void step(__u32 tid, __u64 first, __u64 last, bool state, __s64 result)
{
	stream_begin(&stream, tid, 0, XARRAY, first, last, state);
	stream_request(&stream, RECORD_REQUEST_END, tid, 0, XARRAY, first, last, state, result);
}

static inline void end_with(__u32 tid, enum record_operation operation, __u64 first, __u64 last,
			    bool state, __s64 result)
{
	stream_request(&stream, RECORD_REQUEST_END, tid, G, operation, first, last, state, result);
}

#endif
