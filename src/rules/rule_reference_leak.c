// SPDX-License-Identifier: GPL-2.0
/* reference-leak: somebody took references to a page, and did not give them back. */
#include <stdio.h>
#include "rules/read.h"

static void reference_page_read(struct verdict *verdict, const struct model_read *read)
{
	__u32 nr = (read->bits & RECORD_PAGE_REFERENCES) >> RECORD_PAGE_REFERENCES_SHIFT;
	char says[64], was[80];
	const struct read_left left = {
		.rule = RULE_REFERENCE_LEAK,
		.left = MODEL_LEFT_REFERENCED,
		.source = "page",
		.says = says,
		.was = was,
		.however = "they will never be given back, but one perhaps, that of a list of the "
			   "kernel's: each request that covered the page may have leaked one. The "
			   "page leaves its inode and is never freed.",
	};

	snprintf(says, sizeof(says), "%u%s references too many", nr, nr == 15 ? " or more" : "");
	snprintf(was, sizeof(was), "had %u%s references beyond that of the page cache", nr,
		 nr == 15 ? " or more" : "");
	read_judge_left(verdict, read, &left);
}

static const struct rule_descriptor reference_leak = {
	.rule = {
		.name = "reference-leak",
		.fires_when = "a page has references left when its inode is released",
		.meaning = "In two reads at its inode's release, where nobody can be using it, a page "
			   "has at least two references beyond those of the page cache and of maps. "
			   "One alone may be that of a list on which a CPU collects folios: what leaked "
			   "once only is not seen. "
			   "All that leaked since the page joined adds up until then, however slowly. But how "
			   "it grows while the inode lives is not followed, as users of its pages hold some, "
			   "too: of an inode that outlives the run, and of a page that a hole took out, nothing is seen, and not which of the "
			   "requests leaked, nor how much beyond 15. "
			   "A page with memory failure is left out: who deals with that holds one, too. "
			   "Judged for inodes that requests change.",
		.id = RULE_REFERENCE_LEAK,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_SNAPSHOT,
		.providers = PROVIDERS_TAKE_REQUESTS,
		.since = "schedule_bug_enter",
		.built = true,
	},
	.page_read = reference_page_read,
};
RULE_ENTER(reference_leak);
