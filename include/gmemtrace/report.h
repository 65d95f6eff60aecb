/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reports: a verdict as JSON, text, TAP, JUnit or GitHub annotations; the live
 * view's batch lines; folded flush time. They ask the verdict and the model,
 * never a sensor. Every writer returns 0 or -errno of the stream.
 */
#ifndef GMEMTRACE_REPORT_H
#define GMEMTRACE_REPORT_H

#include <stdbool.h>
#include <stdio.h>
#include "gmemtrace/api.h"
#include "gmemtrace/model.h"
#include "gmemtrace/rules.h"

GMEMTRACE_API_BEGIN

#define REPORT_VERDICT_SCHEMA "gmemtrace-verdict-1"

/* One JSON object, pretty-printed, with a newline at its end. */
int report_verdict_json(FILE *out, const struct verdict *verdict);

/* For people. @color: with escape sequences. */
int report_verdict_text(FILE *out, const struct verdict *verdict, bool color);

/* A test point a rule, in order of ids: ok, not ok, or skip with the reason. */
int report_verdict_tap(FILE *out, const struct verdict *verdict);

/* One testsuite, a testcase a rule. */
int report_verdict_junit(FILE *out, const struct verdict *verdict);

/* ::error and ::notice lines; GitHub shows ten a step, so the rest is summed up in one. */
int report_verdict_github(FILE *out, const struct verdict *verdict);

struct report_live;

/* Observes @model, which must outlive it. NULL where memory is short. */
struct report_live *report_live_create(struct model *model);
void report_live_free(struct report_live *live);

/* One line that names the columns. */
int report_live_heading(FILE *out);

/*
 * What happened since the last call: a line an inode that lives or did
 * something, then a line "total". Rates are per second of the model's time.
 */
int report_live_lines(FILE *out, struct report_live *live);

enum report_weight {
	REPORT_WEIGHT_NS = 1, /* time in flushes */
	REPORT_WEIGHT_COUNT = 2, /* flushes */
	REPORT_WEIGHT_EXPOSURE =
		3, /* ns from a zap to its first covering flush, summed over pages */
	REPORT_WEIGHT_WAIT = 4, /* waiting for acknowledgements: not recorded yet */
};

enum report_by {
	REPORT_BY_STACK = 1, /* comm-tgid;inode;operation;routine, for want of stacks */
	REPORT_BY_VM = 2,
	REPORT_BY_CPU = 3,
	REPORT_BY_KIND = 4, /* range or full */
};

struct report_folded;

/* Observes @model. NULL where memory is short. */
struct report_folded *report_folded_create(struct model *model);
void report_folded_free(struct report_folded *folded);

/* Folded lines "frame;frame count", integers, sorted. -EOPNOTSUPP: this weight was not recorded. */
int report_folded_write(FILE *out, const struct report_folded *folded, enum report_weight weight,
			enum report_by by);

GMEMTRACE_API_END

#endif
