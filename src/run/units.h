/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers, sizes and times, as options take them and as they are printed. */
#ifndef GMEMTRACE_RUN_UNITS_H
#define GMEMTRACE_RUN_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* "4096", "64kb", "16mb", "1gb", "2tb", in powers of 1024, to bytes. 0, -EINVAL or -ERANGE. */
int units_parse_size(const char *text, uint64_t *bytes);

/*
 * "10", "0.5", "10s", "250ms", "100us", "3m", "1h" to ns; seconds where no unit is given.
 * 0, -EINVAL or -ERANGE.
 */
int units_parse_time(const char *text, uint64_t *ns);

/* A whole number from @min to @max, "42" or "0x2a". 0, -EINVAL or -ERANGE. */
int units_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *number);

/* "16", or "0x10-0x1f", both ends included. 0, -EINVAL or -ERANGE. */
int units_parse_range(const char *text, uint64_t *first, uint64_t *last);

#define UNITS_MAX 24

/* "12.3mb", "250ms": in the largest unit that leaves a whole, with a decimal at most. Returns @text. */
const char *units_size(char text[UNITS_MAX], uint64_t bytes);
const char *units_time(char text[UNITS_MAX], uint64_t ns);

#endif
