/* SPDX-License-Identifier: GPL-2.0 */
/* Folded lines, and what is drawn of them. */
#ifndef GMEMTRACE_REPORT_FOLDED_H
#define GMEMTRACE_REPORT_FOLDED_H

#include "internal.h"

struct folded_line {
	char *frames; /* "outer;inner": printable, no spaces */
	__u64 weight;
};

/*
 * The lines as a flame graph, an SVG of its own without scripts: a frame's width
 * is its share, its <title> says the figure. Sorts @lines. @unit: "ns", "flushes".
 * 0, or -errno of the stream.
 */
int svg_write(FILE *out, struct folded_line *lines, size_t nr, const char *title, const char *unit);

#endif
