/* SPDX-License-Identifier: GPL-2.0 */
/* What two runs do not have alike, a flush; see struct report_profile. */
#ifndef GMEMTRACE_REPORT_DIFF_H
#define GMEMTRACE_REPORT_DIFF_H

#include "report/folded.h"

#define DIFF_SIGMAS 3.0 /* standard errors; a change below that may be chance */
#define DIFF_SIDES 2 /* before, after */

/* Sums over all flushes of a run. */
struct diff_side {
	double weight, squares;
};

struct diff_line {
	char *frames;
	struct diff_side sides[DIFF_SIDES];
};

struct diff {
	struct diff_line *lines; /* in order of frames_compare() */
	size_t nr;
	double flushes[DIFF_SIDES];
};

enum diff_verdict {
	DIFF_NOISE = 0, /* may be chance */
	DIFF_MORE = 1,
	DIFF_LESS = 2,
	DIFF_NEW = 3, /* was not there before */
	DIFF_GONE = 4,
};

/* A frame: the lines [first, behind) together, a flush. */
struct diff_change {
	double before, after;
	enum diff_verdict verdict;
};

/* 0 or -ENOMEM. */
int diff_make(struct diff *diff, const struct report_profile *before,
	      const struct report_profile *after, enum report_weight weight);
void diff_free(struct diff *diff);
void diff_change(const struct diff *diff, size_t first, size_t behind, struct diff_change *change);

/* Of a line, a flush. @side: 0 before, 1 after. */
double diff_mean(const struct diff *diff, size_t index, int side);

/* The profile's own. */
bool profile_lines(const struct report_profile *profile, enum report_weight weight,
		   const struct folded_line **lines, size_t *nr);
__u64 profile_flushes(const struct report_profile *profile);
const char *profile_kernel(const struct report_profile *profile);
__u64 profile_lost(const struct report_profile *profile);

#endif
