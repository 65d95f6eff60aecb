// SPDX-License-Identifier: GPL-2.0
/* freed-absent: a page goes back to the allocator and nobody can reach it. */
#include <stdio.h>
#include "rules/rule.h"

static const char *freed_history(const struct model_freed *freed)
{
	if (freed->owned)
		return "still in its inode";
	return freed->inode ? "left its inode and was not restored" : "zapped and never restored";
}

/* Who had a page of no known inode nobody can tell: it may be one that may go back absent. */
static bool freed_legally(const struct model *model, const struct model_freed *freed)
{
	__u32 kinds = providers_freed_absent();

	return freed->inode ? kinds & RULE_PROVIDER(freed->inode->provider)
			    : kind_met(model, kinds) != NULL;
}

static bool freed_unjudged(const struct model *model, char *reason, size_t size)
{
	const char *kind = kind_met(model, providers_freed_absent());

	if (kind)
		snprintf(reason, size,
			 "not of %s, nor of pages of no inode: free pages may be absent", kind);
	return kind;
}

static void freed_freed_absent(struct verdict *verdict, const struct model_freed *freed)
{
	struct accusation accusation = {
		.rule = RULE_FREED_ABSENT,
		.inode = freed->inode,
		.pgoff_unknown = !freed->inode,
		.pgoff = freed->inode ? freed->pgoff : 0,
		.nr = freed->nr,
		.pfn = freed->pfn,
		.variant = freed->owned,
		.from = freed->time,
		.to = freed->time,
		/* The entry was read at the free: no history in it. */
		.immune = true,
		.chain = CHAIN_FREE,
	};
	struct verdict_violation *violation;
	char name[MODEL_INODE_NAME_MAX], whose[96] = "A page of no known inode, zapped and never "
						     "restored,";

	if (freed_legally(verdict_model(verdict), freed))
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	violation_source_state(violation, "page table", MODEL_ABSENT, "absent when it was freed");
	violation_source(violation, "model", "%s", freed_history(freed));
	model_inode_name(freed->inode, name, sizeof(name));
	if (freed->inode)
		snprintf(whose, sizeof(whose), "The page that was page 0x%llx of %s",
			 (unsigned long long)freed->pgoff, name);
	violation_words(violation,
			"%s returned to the allocator at %llu.%06llu s by task %u while its "
			"direct-map entry was absent. Whoever gets it next will fault on it.",
			whose, time_seconds(freed->time), time_micros(freed->time), freed->tid);
	violation_caller(violation, freed->caller);
}

static const struct rule_descriptor freed_absent = {
	.rule = {
		.name = "freed-absent",
		.fires_when = "a page returns to the allocator while absent from the direct map",
		.meaning = "A page returns to the allocator while it is absent from the direct "
			   "map. "
			   "Its entry is read at that moment, so no history is needed. "
			   "Of memory that was there when the sensors came only pages are looked at "
			   "that were made absent since.",
		.id = RULE_FREED_ABSENT,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_PAGE_FREE,
		.providers = PROVIDERS_JUDGED | PROVIDERS_RESET,
		.watches = { "page_free" },
		.built = true,
	},
	.freed_absent = freed_freed_absent,
	.unjudged = freed_unjudged,
};
RULE_ENTER(freed_absent);
