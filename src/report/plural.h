/* SPDX-License-Identifier: GPL-2.0 */
/* "1 page", "2 pages": the one place that knows when. */
#ifndef GMEMTRACE_REPORT_PLURAL_H
#define GMEMTRACE_REPORT_PLURAL_H

static inline const char *plural(unsigned long long nr)
{
	return nr == 1 ? "" : "s";
}

#endif
