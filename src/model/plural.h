/* SPDX-License-Identifier: GPL-2.0 */
/* "1 page", "2 pages": the one place that knows when. */
#ifndef GMEMTRACE_MODEL_PLURAL_H
#define GMEMTRACE_MODEL_PLURAL_H

static inline const char *plural_of(unsigned long long nr, const char *one, const char *many)
{
	return nr == 1 ? one : many;
}

/* What stands behind a word: "page%s". */
static inline const char *plural(unsigned long long nr)
{
	return plural_of(nr, "", "s");
}

#endif
