/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reports: a verdict in formats for people and machines; the live view's batch
 * lines; folded flush time. They ask the verdict and the model, never a sensor.
 * Every writer returns 0 or -errno of the stream.
 */
#ifndef GMEMTRACE_REPORT_H
#define GMEMTRACE_REPORT_H

#include <stdbool.h>
#include <stdio.h>
#include "gmemtrace/api.h"
#include "gmemtrace/flush.h"
#include "gmemtrace/model.h"
#include "gmemtrace/rules.h"
#include "gmemtrace/story.h"

GMEMTRACE_API_BEGIN

#define REPORT_VERDICT_SCHEMA "gmemtrace-verdict-1"

/*
 * A format of the verdict is one file, src/report/verdict_NAME.c, which enters itself into a
 * table; `gmemtrace check --NAME` comes from there.
 */
struct report_comparison;

struct report_format {
	const char *name;
	const char *help; /* what --NAME does, one line */
	bool machine; /* standard output holds it alone: what CMD prints goes elsewhere */
	const char *schema; /* a JSON Schema that all it writes obeys; NULL: none */
	bool besides; /* into a file of its own, besides the one on standard output */
	/* @color: with escape sequences where the format has any. 0, or -errno of the stream. */
	int (*write)(FILE *out, const struct verdict *verdict, bool color);
	/* What report_compare() found; NULL: the format has no words for it. */
	int (*compare)(FILE *out, const struct report_comparison *comparison);
};

#define REPORT_COMPARISON_SCHEMA "gmemtrace-comparison-1"

/*
 * Two verdicts, each the text of one JSON object of format "json": what is wrong in the one before
 * a change, the base, and in the one with it. @base_name, @patched_name: what they are of. Two
 * causes are the same where rule and verdict_pattern.what are. 0; -EINVAL and @message: one of them
 * is no such object; or -ENOMEM.
 */
int report_compare(const char *base, const char *base_name, const char *patched,
		   const char *patched_name, struct report_comparison **comparison, char *message,
		   size_t size);
void report_comparison_free(struct report_comparison *comparison);

/*
 * 1 where a cause is new; else 5 where the patched verdict is inconclusive, 2 where its CMD failed,
 * or 0. A base that is inconclusive makes no cause less new.
 */
int report_comparison_status(const struct report_comparison *comparison);

/* A JSON Schema that its form in JSON obeys. */
const char *report_comparison_schema(void);

/* In order of names; @format NULL: the first. NULL behind the last. */
const struct report_format *report_format_next(const struct report_format *format);
const struct report_format *report_format_find(const char *name); /* NULL: none */

int report_verdict(FILE *out, const struct verdict *verdict, const struct report_format *format,
		   bool color);

/* Events as chains of proof have them, a line each. */
int report_events_text(FILE *out, const struct model_event *events, size_t nr);

struct report_live;

/* Observes @model, which must outlive it. NULL where memory is short. */
struct report_live *report_live_create(struct model *model);
void report_live_free(struct report_live *live);

/* @verdict, of the same model: from now on lines say what it finds. NULL: they do not. */
void report_live_judged(struct report_live *live, const struct verdict *verdict);

/* One line that names the columns. */
int report_live_heading(FILE *out);

/*
 * What happened since the last call: a line an inode that is another than then (@all: every one
 * that lives, too), and a line "total". Rates are per second of the model's time.
 */
int report_live_lines(FILE *out, struct report_live *live, bool all);

#define REPORT_LIVE_SCHEMA "gmemtrace-live-1"

/* The same as NDJSON, an object a line, in counts instead of rates; inode null is the total. */
int report_live_json(FILE *out, struct report_live *live, bool all);

/* A JSON Schema that each of its lines obeys. */
const char *report_live_schema(void);

enum report_weight {
	REPORT_WEIGHT_NS = 1, /* time in flushes */
	REPORT_WEIGHT_COUNT = 2, /* flushes */
	REPORT_WEIGHT_EXPOSURE =
		3, /* ns from a zap to its first covering flush, summed over pages */
	REPORT_WEIGHT_WAIT = 4, /* ns from the first CPU asked to the last answer */
};

enum report_by {
	/* comm-tgid;inode;operation;stack;kind; what is not known is left out, without stacks too */
	REPORT_BY_STACK = 1,
	REPORT_BY_VM = 2,
	REPORT_BY_CPU = 3,
	REPORT_BY_KIND = 4, /* what the flush was for, enum flush_kind */
	REPORT_BY_INITIATOR = 5, /* comm-tgid;cpu;kind */
};

struct report_folded;

/* Observes @model. NULL where memory is short. */
struct report_folded *report_folded_create(struct model *model);
void report_folded_free(struct report_folded *folded);

/* Folded lines "frame;frame count", integers, like frames together. -EOPNOTSUPP: this weight was not recorded. */
int report_folded_write(FILE *out, struct report_folded *folded, enum report_weight weight,
			enum report_by by);

/*
 * What is kept of a run to be held against another one: sums by frames, without the numbers of
 * processes and inodes, which are others in every run.
 */
struct report_profile;

/* After model_finish(); @model and @folded may go afterwards. NULL where memory is short. */
struct report_profile *report_profile_create(const struct model *model,
					     struct report_folded *folded, enum report_by by);
void report_profile_free(struct report_profile *profile);

/* Why the two cannot be compared by @weight, one line, valid until the next call; NULL: they can. */
const char *report_diff_refusal(const struct report_profile *before,
				const struct report_profile *after, enum report_weight weight);

/* "frames before after", integers: of a million flushes each. 0, -ENOMEM, or -errno of the stream. */
int report_diff_folded(FILE *out, const struct report_profile *before,
		       const struct report_profile *after, enum report_weight weight);

/* A flame graph as wide as the larger of the two: red is more a flush, blue less, grey may be chance. */
int report_diff_svg(FILE *out, const struct report_profile *before,
		    const struct report_profile *after, enum report_weight weight);

/* The same as a page, by every weight that both have. -EOPNOTSUPP: as report_page_write(). */
int report_diff_page(FILE *out, const struct report_profile *before,
		     const struct report_profile *after, const char *title);

#define REPORT_STORY_SCHEMA "gmemtrace-story-1"

/*
 * A page's story for people, after model_finish(): its steps, what each source says at the end,
 * and what that means. Of a long one the middle is summed up, unless @all. @verdict, of the same
 * model, may be NULL; only violations of the story's pages are told.
 */
int report_story_text(FILE *out, const struct story *story, const struct verdict *verdict,
		      bool all);

/* The same as one JSON object, with every step. */
int report_story_json(FILE *out, const struct story *story, const struct verdict *verdict);

/* The same as a flame graph: an SVG that needs nothing else. */
int report_folded_svg(FILE *out, struct report_folded *folded, enum report_weight weight,
		      enum report_by by);

struct report_page;

/* Observes @model, which must outlive it. NULL where memory is short. */
struct report_page *report_page_create(struct model *model);
void report_page_free(struct report_page *page);

/* What the run was judged to be, to stand at the page's top; without this call nothing does. */
void report_page_verdict(struct report_page *page, enum verdict_value value);

/*
 * After model_finish(): one HTML file that needs nothing else and runs nothing but its own
 * script. @title: what the report is of. -EOPNOTSUPP: this build has no page (no npm).
 */
int report_page_write(FILE *out, struct report_page *page, const char *title);

#define REPORT_LATENCY_SCHEMA "gmemtrace-latency-1"

/* After flush_latency_finish(). Times in us, a bar for where the time is. */
int report_latency_text(FILE *out, struct flush_latency *latency);

/* One JSON object; times in ns, each histogram with its buckets. */
int report_latency_json(FILE *out, struct flush_latency *latency);

GMEMTRACE_API_END

#endif
