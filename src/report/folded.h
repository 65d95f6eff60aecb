/* SPDX-License-Identifier: GPL-2.0 */
/* Folded lines, and what is drawn of them. */
#ifndef GMEMTRACE_REPORT_FOLDED_H
#define GMEMTRACE_REPORT_FOLDED_H

#include "internal.h"

struct folded_line {
	char *frames; /* "outer;inner": printable, no spaces */
	__u64 weight;
	double squares; /* of the weights of its flushes, each for all that it stands for */
};

/*
 * @sum and @nr times @ns more. Of a million pages that nobody flushes 64 bits of ns are full in five hours:
 * then it stays there.
 */
static inline __u64 times_added(__u64 sum, __u64 ns, __u64 nr)
{
	__u64 times;

	if (__builtin_mul_overflow(ns, nr, &times) || __builtin_add_overflow(sum, times, &sum))
		return ~0ULL;
	return sum;
}

/*
 * The lines of @weight, each once, in order of frames_compare(), to be freed: 0, -EOPNOTSUPP or
 * -errno.
 */
int folded_lines(struct report_folded *folded, enum report_weight weight, enum report_by by,
		 struct folded_line **made, size_t *made_nr);
/* ';' before everything else, so that like frames stand together. For qsort(). */
int frames_compare(const void *left, const void *right);
/* Before anything is fed: nobody will ask for what CPUs did. */
void folded_without_cpus(struct report_folded *folded);
/* Processes and inodes without their numbers, which are others in every run. */
void folded_without_numbers(struct report_folded *folded);

/* How a run was recorded, as far as its flushes tell. */
struct folded_mode {
	bool stacks, answers;
	__u64 flushes;
};

void folded_mode(const struct report_folded *folded, struct folded_mode *mode);
/* What a picture of @weight is called. */
const char *folded_heading(enum report_weight weight);
void folded_lines_free(struct folded_line *lines, size_t nr);

/* A frame that is drawn, and the lines that it is of: [first, behind). */
struct svg_frame {
	const char *name;
	size_t length;
	size_t first, behind;
};

/* What a flame graph says of its frames. */
struct svg_style {
	const char *heading;
	const void *context; /* for the others */
	unsigned int (*color)(const void *context, const struct svg_frame *frame);
	/* What stands behind the name where the pointer rests. @weight: its width. */
	void (*title)(FILE *out, const void *context, const struct svg_frame *frame, __u64 weight,
		      __u64 total);
	void (*foot)(FILE *out, const void *context, __u64 total);
};

/*
 * The lines, as folded_lines() has them, as a flame graph: an SVG of its own without scripts. A
 * frame's width is its share. 0, or -errno of the stream.
 */
int svg_write(FILE *out, const struct folded_line *lines, size_t nr, const struct svg_style *style);

#endif
