// SPDX-License-Identifier: GPL-2.0
/* freed-uncleared: what was kept from the host goes back to it, to be read. */
#include "providers/provider.h"
#include "rules/rule.h"

static void uncleared_moved(struct verdict *verdict, const struct model_moved *moved)
{
	const struct model *model = verdict_model(verdict);
	struct accusation accusation = {
		.rule = RULE_FREED_UNCLEARED,
		.inode = moved->inode,
		.pgoff = moved->pgoff,
		.nr = 1,
		.pfn = moved->pfn,
		.from = moved->time,
		.to = moved->time,
		.moved = moved,
	};
	struct verdict_violation *violation;
	struct model_page page;
	char name[MODEL_INODE_NAME_MAX];

	if (!moved->content || !moved->prepared || model_fact_find(model, RECORD_FACT_BY_GFN))
		return;
	/* What is declared outlives the page: that it was absent, once it was prepared. */
	model_page(model, moved->inode, moved->pgoff, &page);
	if (page.declared != MODEL_ABSENT || verdict_doubts(verdict, &accusation, moved->inode))
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	model_inode_name(moved->inode, name, sizeof(name));
	violation_source(violation, "memory", "its first 8 bytes are not zero");
	violation_source(violation, "model", "declared absent, and prepared");
	violation_words(
		violation,
		"Page 0x%llx of %s was kept out of the direct map, and left its inode at "
		"%llu.%06llu s by task %u, present again. However, it had not been cleared: "
		"its first bytes are not zero, and whoever gets it next can read what the "
		"guest had there.",
		(unsigned long long)moved->pgoff, name, time_seconds(moved->time),
		time_micros(moved->time), moved->tid);
}

static const struct rule_descriptor freed_uncleared = {
	.rule = {
		.name = "freed-uncleared",
		.fires_when = "a page that had been absent is freed with content",
		.meaning = "A prepared page that is declared absent left its inode on its way to the "
			   "allocator, and had not been cleared. "
			   "Its first 8 bytes are read when the kernel is done with it, and those "
			   "of each of the first 512 pages of a larger folio, of which the first "
			   "such is told of: what has zeroes there and something behind them is not "
			   "seen. "
			   "Judged where an inode's kind promises clearing and each page that leaves "
			   "is seen; those of memfd_secret are not. "
			   "Not judged where VMs of SEV-SNP or TDX can be: architecture code prepares "
			   "their memory by gfn and takes it back, and what it leaves is noise.",
		.id = RULE_FREED_UNCLEARED,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY | RULE_NEEDS_PAGES,
		/* Whose leaving pages nobody tells of, theirs nobody looks at. */
		.providers = PROVIDERS_PROMISE_CLEARING & PROVIDERS_TELL_RESIDENCY,
		.watches = { "free_folio_exit" },
		.trusts = { "set_range_exit", "set_folio_exit" },
		.limited_by = RECORD_FACT_BY_GFN,
		.built = true,
	},
	.moved = uncleared_moved,
};
RULE_ENTER(freed_uncleared);
