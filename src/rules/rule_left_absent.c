// SPDX-License-Identifier: GPL-2.0
/* left-absent: a page is nobody's any more, and was not restored. */
#include "providers/provider.h"
#include "rules/rule.h"

/* Where its entry is read when it is freed. */
static const struct explanation left_explained[] = {
	{ .rule = RULE_FREED_ABSENT, .immune = true },
	EXPLANATION(RULE_NONE, 0),
};

static void left_moved(struct verdict *verdict, const struct model_moved *moved)
{
	struct accusation accusation = {
		.rule = RULE_LEFT_ABSENT,
		.inode = moved->inode,
		.pgoff = moved->pgoff,
		.nr = moved->nr,
		.pfn = moved->pfn,
		.from = moved->time,
		.to = moved->time,
		.anyone = true,
		.explained = left_explained,
		.moved = moved,
		.chain = CHAIN_CHANGE,
	};
	struct verdict_violation *violation;
	struct model_counts counts;
	char name[MODEL_INODE_NAME_MAX];

	if (moved->move != MODEL_LEFT || !moved->absent ||
	    provider_of(moved->inode->provider)->freed & MODEL_ABSENT)
		return;
	/* Sensors that look at frees know which pages have become absent since they are there. */
	model_count(verdict_model(verdict), &counts);
	if (counts.groups & SENSOR_GROUP_PAGE_FREE && !moved->inode->before_attach)
		return;
	if (verdict_doubts(verdict, &accusation, NULL))
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	model_inode_name(moved->inode, name, sizeof(name));
	violation_source_state(violation, "model", MODEL_ABSENT, "absent when it left its inode");
	violation_words(violation,
			"Page 0x%llx of %s left its inode at %llu.%06llu s by task %u. However, it "
			"was absent from the direct map, and nothing restored it on its way out: "
			"whoever gets it next will fault on it.",
			(unsigned long long)moved->pgoff, name, time_seconds(moved->time),
			time_micros(moved->time), moved->tid);
}

static const struct rule_descriptor left_absent = {
	.rule = {
		.name = "left-absent",
		.fires_when = "a page left its inode and was not restored",
		.meaning = "A page left its inode while it was absent from the direct map, as far as "
			   "the changes of its entry tell. "
			   "Judged where the page-free sensors are off; where they are on, "
			   "freed-absent reads the entry itself, but for pages that were absent "
			   "before: those of inodes that are older than the sensors are judged here.",
		.id = RULE_LEFT_ABSENT,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY | RULE_NEEDS_NO_PAGE_FREE | RULE_NEEDS_PAGES,
		.providers = PROVIDERS_TAKE_REQUESTS,
		.watches = { "free_folio_exit" },
		.trusts = { "zap_default_exit", "zap_valid_exit" },
		.built = true,
	},
	.moved = left_moved,
};
RULE_ENTER(left_absent);
