/* SPDX-License-Identifier: GPL-2.0 */
/* What the reports share. Nothing outside src/report includes this. */
#ifndef GMEMTRACE_REPORT_INTERNAL_H
#define GMEMTRACE_REPORT_INTERNAL_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "gmemtrace/report.h"
#include "report/escape.h"

/* Enters a format, an object of static storage, into the table. */
#define REPORT_FORMAT_ENTER(format)                                                                \
	static const struct report_format *const format##_entry                                    \
		__attribute__((used, section("gmemtrace_formats"))) = &(format)

struct json_object;

/* 0, or -EIO where @out has failed. */
int report_done(FILE *out);

/* Writes @object, which is freed, for people and programs alike. As report_done(). */
int report_json_done(FILE *out, struct json_object *object);

/* @text in a line for GitHub Actions. */
void report_github_text(FILE *out, const char *text);

/* A task's name with everything replaced that could trick a terminal or a format. */
#define REPORT_COMM_MAX (RECORD_COMM_LEN + 1)
const char *report_comm(const struct model_inode *inode, char *comm);

/* Words, reasons and what sources say, fit for a terminal and for every format: @clean. */
#define REPORT_CLEAN_MAX (VERDICT_WORDS_MAX * 2)
const char *report_clean(const char *text, char clean[REPORT_CLEAN_MAX]);

/* "0x3f" or "0x0-0x3f" */
#define REPORT_RANGE_MAX 48
/* That only some pages are judged, and what was left out for that; NULL: all are. @words: of REPORT_CLEAN_MAX. */
const char *report_narrowed(const struct verdict *verdict, char *words);
const char *report_range(__u64 first, __u64 last, char *range);

/* "g3:0x0-0x3f"; "g3:-" where the offset is not known */
#define REPORT_PLACE_MAX (MODEL_INODE_NAME_MAX + REPORT_RANGE_MAX)
const char *report_place(const struct verdict_violation *violation, char *place);

/* "zap 0x1234 absent", "set_range 0x0-0x3f present -> 0": what happened, without time and task. */
#define REPORT_EVENT_MAX 144
const char *report_event(const struct model_event *event, char *text);

/* It is known on which CPU. */
bool report_event_placed(const struct model_event *event);

/* "present", "absent", "hole", "allocation": what a request asks for; NULL: that is no question. */
const char *report_direction(__u32 operation, __u32 state, __u32 mode);

/* "present", "absent"; NULL: not known. */
const char *report_state(enum model_state state);

/* "  13.916451 s  CPU 1   task 108     set_range begins, pages 0x8-0x19" */
void report_event_line(FILE *out, const struct model_event *event, const char *indent);

/* "all 4 are the last page of a set_range to absent; only on CPU 1" */
#define REPORT_PATTERN_MAX (2 * VERDICT_PATTERN_MAX + 80)
const char *report_pattern(const struct verdict_pattern *pattern, char *line);

/*
 * @words in lines of at most @columns, broken at spaces, each begun with @indent; "..." ends the
 * last of @lines_max (0: no limit) where more would come.
 */
void report_wrap(FILE *out, const char *words, const char *indent, size_t columns,
		 size_t lines_max);

/* The reason why @rule was not judged, or NULL. */
const char *report_not_judged(const struct verdict *verdict, const struct rule *rule);

/* Why violations of @rule, of which there are some, are allowed; NULL: none, or they are not. */
const char *report_allowed(const struct verdict *verdict, const struct rule *rule);

/* It has violations that are not allowed. */
bool report_rule_violated(const struct verdict *verdict, const struct rule *rule);

/* Of CMD; -1 there was none. */
__s64 report_command_status(const struct verdict *verdict);

/* ns: of what was traced, by the records' own time */
__u64 report_duration(const struct verdict *verdict);

/* Where tests are counted: besides a point a rule, the verdict, and CMD. */
#define REPORT_POINTS_MORE 2

/* verdict_violation(), verdict_note() or verdict_allowed() */
typedef const struct verdict_violation *(*report_cause_at)(const struct verdict *, size_t);

#endif
