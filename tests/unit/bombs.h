/* SPDX-License-Identifier: GPL-2.0 */
/* Small captures that would be dear: each says much in few records, or makes few records many. */
#ifndef GMEMTRACE_TESTS_BOMBS_H
#define GMEMTRACE_TESTS_BOMBS_H

#include "stream.h"

struct bomb {
	const char *name;
	/* Appends about @nr records to @stream. */
	void (*lay)(struct stream *stream, __u64 nr);
};

/* Ends with a name of NULL. */
extern const struct bomb bombs[];

#endif
