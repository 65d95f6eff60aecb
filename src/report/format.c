// SPDX-License-Identifier: GPL-2.0
/* The table of formats: what the linker has collected of their files, in order of names. */
#include "internal.h"

extern const struct report_format *const table_start[] __asm__("__start_gmemtrace_formats");
extern const struct report_format *const table_stop[] __asm__("__stop_gmemtrace_formats");

/* Both are of one section, which a checker cannot know. */
static const struct report_format *const *table_end(void)
{
	const struct report_format *const *end = table_stop;

	return end;
}

const struct report_format *report_format_next(const struct report_format *format)
{
	const char *after = format ? format->name : "";
	const struct report_format *next = NULL;

	for (const struct report_format *const *entry = table_start; entry < table_end(); entry++) {
		const struct report_format *candidate = *entry;

		if (strcmp(candidate->name, after) <= 0)
			continue;
		if (!next || strcmp(candidate->name, next->name) < 0)
			next = candidate;
	}
	return next;
}

const struct report_format *report_format_find(const char *name)
{
	const struct report_format *format = NULL;

	while ((format = report_format_next(format))) {
		if (!strcmp(format->name, name))
			return format;
	}
	return NULL;
}

int report_verdict(FILE *out, const struct verdict *verdict, const struct report_format *format,
		   bool color)
{
	return format->write(out, verdict, color);
}
