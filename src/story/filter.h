/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which records of a stream a story needs: what touches its pages, by their places and by the
 * frames that ever backed them, and what says how much of the stream is there at all. A stream is
 * looked through once to learn places and frames, and fed to the model the second time. Pure.
 */
#ifndef GMEMTRACE_STORY_FILTER_H
#define GMEMTRACE_STORY_FILTER_H

#include "gmemtrace/story.h"
#include "story/set.h"

#define FILTER_OPEN_MAX 256

struct story_filter {
	struct story_subject subject;
	__u64 inode; /* PAGES: its number; 0: not met yet */
	struct set frames; /* pfns */
	struct set places; /* FRAME: inode << 32 | pgoff */
	struct set inodes; /* FRAME: of `places` */
	struct set doers; /* tasks that had a request on the pages: their flushes matter */
	struct set tasks; /* changed a page outside any request on it: what did they do? */
	struct {
		__u32 tid, depth; /* requests on the pages that are open, while learning */
	} open[FILTER_OPEN_MAX];
	size_t open_nr;
	struct record_flush flush; /* what was made of a zap that only brings its flush */
	struct record_snapshot_page page; /* what was cut */
};

void story_filter_init(struct story_filter *filter, const struct story_subject *subject);
/* 0 or -ENOMEM. */
int story_filter_learn(struct story_filter *filter, const struct record_header *record);
/* @record, what it comes to and is valid until the next call, or NULL: it is not needed. */
const struct record_header *story_filter_apply(struct story_filter *filter,
					       const struct record_header *record);
void story_filter_free(struct story_filter *filter);

#endif
