/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GMEMTRACE_CAPTURE_STREAM_H
#define GMEMTRACE_CAPTURE_STREAM_H

#include "capture/input.h"

/* The next record of format 1, of any kind: 1, 0 at the end, or -errno. */
int stream_next(struct capture_reader *reader, const struct record_header **record);

#endif
