// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "run/units.h"

struct unit {
	const char *name;
	double factor;
};

static const struct unit sizes[] = {
	{ "", 1 },
	{ "b", 1 },
	{ "kb", 1ULL << 10 },
	{ "mb", 1ULL << 20 },
	{ "gb", 1ULL << 30 },
	{ "tb", 1ULL << 40 },
	{ NULL, 0 },
};

static const struct unit times[] = {
	{ "", 1e9 },	 { "ns", 1 },	{ "us", 1e3 },	 { "ms", 1e6 }, { "s", 1e9 },
	{ "min", 60e9 }, { "m", 60e9 }, { "h", 3600e9 }, { NULL, 0 },
};

/* A number as people write it: no sign, no "inf", no hexadecimal float. */
static int unit_parse(const char *text, const struct unit *units, uint64_t *result)
{
	double value;
	char *end;

	if (!isdigit((unsigned char)*text) || (text[0] == '0' && (text[1] | 0x20) == 'x'))
		return -EINVAL;
	errno = 0;
	value = strtod(text, &end);
	if (errno)
		return -errno;
	for (const struct unit *unit = units; unit->name; unit++) {
		if (strcasecmp(end, unit->name))
			continue;
		value *= unit->factor;
		if (value >= 9.0e18)
			return -ERANGE;
		*result = (uint64_t)value;
		return 0;
	}
	return -EINVAL;
}

int units_parse_size(const char *text, uint64_t *bytes)
{
	return unit_parse(text, sizes, bytes);
}

int units_parse_time(const char *text, uint64_t *ns)
{
	return unit_parse(text, times, ns);
}

/* No octal: a zero in front of a number is no more than that. */
int units_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
	bool hexadecimal =
		text[0] == '0' && (text[1] | 0x20) == 'x' && isxdigit((unsigned char)text[2]);
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*number = strtoull(text, &end, hexadecimal ? 16 : 10);
	if (errno || *end)
		return errno ? -errno : -EINVAL;
	return *number < min || *number > max ? -ERANGE : 0;
}

int units_parse_range(const char *text, uint64_t *first, uint64_t *last)
{
	const char *dash = strchr(text, '-');
	char begin[UNITS_MAX];
	int error;

	if (!dash) {
		error = units_parse_number(text, 0, UINT64_MAX, first);
		*last = *first;
		return error;
	}
	if ((size_t)(dash - text) >= sizeof(begin))
		return -EINVAL;
	snprintf(begin, sizeof(begin), "%.*s", (int)(dash - text), text);
	error = units_parse_number(begin, 0, UINT64_MAX, first);
	if (!error)
		error = units_parse_number(dash + 1, *first, UINT64_MAX, last);
	return error;
}

static const char *unit_print(char text[UNITS_MAX], uint64_t value, const struct unit *units)
{
	const struct unit *unit = units;
	double whole;

	while (unit[1].name && (double)value >= unit[1].factor)
		unit++;
	whole = (double)value / unit->factor;
	/* One decimal, where it is not 0. */
	snprintf(text, UNITS_MAX, (uint64_t)(whole * 10 + 0.5) % 10 ? "%.1f%s" : "%.0f%s", whole,
		 unit->name);
	return text;
}

const char *units_size(char text[UNITS_MAX], uint64_t bytes)
{
	return unit_print(text, bytes, sizes + 1);
}

const char *units_time(char text[UNITS_MAX], uint64_t ns)
{
	return unit_print(text, ns, times + 1);
}
