/* SPDX-License-Identifier: GPL-2.0 */
/* A capture of which only that is read what the story of one page needs. */
#ifndef GMEMTRACE_RUN_FOCUS_H
#define GMEMTRACE_RUN_FOCUS_H

#include "gmemtrace/capture.h"
#include "story/filter.h"

struct focus {
	bool on; /* else every record passes */
	struct story_filter filter;
	__u8 *wanted; /* by block; NULL: all of them */
	size_t blocks;
	size_t block; /* at hand, or the next one */
	__u32 left; /* records of it that were not read yet */
};

/*
 * Looks through the capture that @reader has opened for what @subject's pages were, the blocks
 * that do not name them left out where nothing was lost. 0; or -errno: then it is off, and
 * @reader reads anywhere.
 */
int focus_learn(struct focus *focus, struct capture_reader *reader,
		const struct story_subject *subject);

/* From the begin on, of a reader that was opened anew or sought to its first block. */
void focus_begin(struct focus *focus);

int focus_choose(struct focus *focus, struct capture_reader *reader,
		 const struct record_header **record);
/* As capture_next(). */
static inline int focus_next(struct focus *focus, struct capture_reader *reader,
			     const struct record_header **record)
{
	return focus->on ? focus_choose(focus, reader, record) : capture_next(reader, record);
}

void focus_free(struct focus *focus);

#endif
