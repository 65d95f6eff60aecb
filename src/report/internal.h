/* SPDX-License-Identifier: GPL-2.0 */
/* What the reports share. Nothing outside src/report includes this. */
#ifndef GMEMTRACE_REPORT_INTERNAL_H
#define GMEMTRACE_REPORT_INTERNAL_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "gmemtrace/report.h"

/* 0, or -EIO where @out has failed. */
int report_done(FILE *out);

/* A task's name with everything replaced that could trick a terminal or a format. */
#define REPORT_COMM_MAX (RECORD_COMM_LEN + 1)
const char *report_comm(const struct model_inode *inode, char *comm);

/* Words, reasons and what sources say, fit for a terminal and for every format: @clean. */
#define REPORT_CLEAN_MAX (VERDICT_WORDS_MAX * 2)
const char *report_clean(const char *text, char clean[REPORT_CLEAN_MAX]);

/* "0x3f" or "0x0-0x3f" */
#define REPORT_RANGE_MAX 48
const char *report_range(__u64 first, __u64 last, char *range);

/* "g3:0x0-0x3f"; "g3:-" where the offset is not known */
#define REPORT_PLACE_MAX (MODEL_INODE_NAME_MAX + REPORT_RANGE_MAX)
const char *report_place(const struct verdict_violation *violation, char *place);

/* "zap 0x1234 absent", "set_range 0x0-0x3f present -> 0": what happened, without time and task. */
#define REPORT_EVENT_MAX 96
const char *report_event(const struct model_event *event, char *text);

/* The reason why @rule was not judged, or NULL. */
const char *report_not_judged(const struct verdict *verdict, const struct rule *rule);

#endif
