/* SPDX-License-Identifier: GPL-2.0 */
/* Two verdicts held against each other: what is new, what was there before, what is gone. */
#ifndef GMEMTRACE_REPORT_COMPARE_H
#define GMEMTRACE_REPORT_COMPARE_H

#include <stdio.h>
#include "gmemtrace/report.h"

struct json_object;

enum compare_label {
	COMPARE_NEW = 1,
	COMPARE_ALSO = 2,
	COMPARE_GONE = 3,
};

#define COMPARE_LABELS 4
#define COMPARE_DOUBT_MAX 256

/* A pattern of one side, or the same of both. */
struct difference {
	enum compare_label label;
	const char *rule, *what;
	const char *also; /* NULL: nothing */
	struct json_object *base, *patched; /* patterns; NULL: not there */
	struct json_object *violation; /* the first of it, of the patched where it is there */
	char doubt[COMPARE_DOUBT_MAX]; /* why the label is not sure; "": it is */
};

struct report_comparison {
	struct json_object *base, *patched; /* verdicts */
	const char *base_name, *patched_name;
	struct difference *list; /* by label, then in the order of their verdict */
	size_t nr;
	size_t count[COMPARE_LABELS]; /* by label */
};

/* "NEW", "ALSO ON BASE", "GONE" */
const char *compare_label(enum compare_label label);

/* The string at @key; NULL: none. */
const char *compare_text_at(struct json_object *object, const char *key);
__u64 compare_count_at(struct json_object *object, const char *key);

int compare_text(FILE *out, const struct report_comparison *comparison);
int compare_json(FILE *out, const struct report_comparison *comparison);
int compare_tap(FILE *out, const struct report_comparison *comparison);
int compare_junit(FILE *out, const struct report_comparison *comparison);
int compare_github(FILE *out, const struct report_comparison *comparison);
int compare_mail(FILE *out, const struct report_comparison *comparison);
int compare_markdown(FILE *out, const struct report_comparison *comparison);

#endif
