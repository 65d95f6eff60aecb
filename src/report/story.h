/* SPDX-License-Identifier: GPL-2.0 */
/* Words for a page's story, for the text, the JSON and the screen. */
#ifndef GMEMTRACE_REPORT_STORY_H
#define GMEMTRACE_REPORT_STORY_H

#include "gmemtrace/story.h"
#include "internal.h"

#define STORY_LABEL_MAX 24
#define STORY_TEXT_MAX 240

/* "made absent": what happened. */
const char *story_label(const struct story_step *step);

/* "by set_range 0x8-0x107 (task 108, CPU 0), in a run of 32 pages" */
const char *story_text(const struct story *story, const struct story_step *step,
		       char text[STORY_TEXT_MAX]);

/* The last step that is about the first page and of @kind, or NULL. */
const struct story_step *story_last(const struct story *story, enum story_kind kind);

/* What stands there now, or stood at the end, by the model; false: nothing backs it. */
bool story_page(const struct story *story, struct model_page *page);

/* What it comes to, a sentence. */
const char *story_meaning(const struct story *story, char text[STORY_TEXT_MAX]);

/* Why there is no more to tell: what is not known. */
const char *story_unknown(const struct story *story, char text[STORY_TEXT_MAX]);

/* "280 us", "7.645 ms", "1.250 s" */
#define STORY_TIME_MAX 32
const char *story_time(__u64 ns, char text[STORY_TIME_MAX]);

/* A violation of the story's pages, from @*index on, which goes behind it; NULL: none is left. */
const struct verdict_violation *story_violation(const struct story *story,
						const struct verdict *verdict, size_t *index);

#endif
