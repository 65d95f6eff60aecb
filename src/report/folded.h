/* SPDX-License-Identifier: GPL-2.0 */
/* Folded lines, and what is drawn of them. */
#ifndef GMEMTRACE_REPORT_FOLDED_H
#define GMEMTRACE_REPORT_FOLDED_H

#include "internal.h"

struct folded_line {
	char *frames; /* "outer;inner": printable, no spaces */
	__u64 weight;
};

/* The lines of @weight, to be freed: 0, -EOPNOTSUPP or -errno. Like ones may stand twice. */
int folded_lines(struct report_folded *folded, enum report_weight weight, enum report_by by,
		 struct folded_line **made, size_t *made_nr);
void folded_lines_free(struct folded_line *lines, size_t nr);

/*
 * The lines as a flame graph, an SVG of its own without scripts: a frame's width
 * is its share, its <title> says the figure. Sorts @lines. @unit: "ns", "flushes".
 * 0, or -errno of the stream.
 */
int svg_write(FILE *out, struct folded_line *lines, size_t nr, const char *title, const char *unit);

#endif
