/* SPDX-License-Identifier: GPL-2.0 */
/* Sizes and times as options take them. */
#ifndef GMEMTRACE_CLI_UNITS_H
#define GMEMTRACE_CLI_UNITS_H

#include <stdint.h>

/* "4096", "64kb", "16mb", "1gb", "2tb", in powers of 1024, to bytes. 0, -EINVAL or -ERANGE. */
int units_parse_size(const char *text, uint64_t *bytes);

/* "10", "0.5", "10s", "250ms", "100us", "3m", "1h" to ns; seconds where no unit is given. 0, -EINVAL or -ERANGE. */
int units_parse_time(const char *text, uint64_t *ns);

/* A whole number from @min to @max. 0, -EINVAL or -ERANGE. */
int units_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *number);

#endif
