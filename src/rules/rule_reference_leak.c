// SPDX-License-Identifier: GPL-2.0
/* reference-leak: somebody took references to a page, and did not give them back. */
#include "rules/read.h"

static void reference_page_read(struct verdict *verdict, const struct model_read *read)
{
	__u32 references = (read->bits & RECORD_PAGE_REFERENCES) >> RECORD_PAGE_REFERENCES_SHIFT;
	struct accusation accusation = read_accusation_left(read, RULE_REFERENCE_LEAK);
	struct verdict_violation *violation;
	char name[MODEL_INODE_NAME_MAX];

	if (!(read->left & MODEL_LEFT_REFERENCED))
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	model_inode_name(read->inode, name, sizeof(name));
	violation_source(violation, "page", "%u%s references too many, in two reads at the release",
			 references, references == 15 ? " or more" : "");
	violation_words(
		violation,
		"Page 0x%llx of %s had %u%s references beyond that of the page cache when "
		"the inode was released, at %llu.%06llu s, when nobody can be using it; of "
		"these the kernel itself may hold one. However, the others will never be given "
		"back: each request that covered the page may have leaked one. The page leaves "
		"its inode and is never freed.",
		(unsigned long long)read->pgoff, name, references,
		references == 15 ? " or more" : "", time_seconds(read->begin),
		time_micros(read->begin));
}

static const struct rule_descriptor reference_leak = {
	.rule = {
		.name = "reference-leak",
		.fires_when = "a page has references left when its inode is released",
		.meaning = "In two reads at its inode's release, where nobody can be using it, a page "
			   "has at least two references beyond those of the page cache and of maps. "
			   "One alone may be that of a list on which a CPU collects folios: what leaked "
			   "once only is not seen. "
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
