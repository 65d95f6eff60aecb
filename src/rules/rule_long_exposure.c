// SPDX-License-Identifier: GPL-2.0
/* long-exposure: a page could be reached through old translations for long. */
#include "rules/rule.h"

#define LONG_NS 100000000ULL

static void long_exposure_accuse(struct verdict *verdict, const struct model_exposure *exposure)
{
	struct accusation accusation = {
		.rule = RULE_LONG_EXPOSURE,
		.inode = exposure->inode,
		.pgoff = exposure->pgoff,
		.nr = exposure->nr,
		.variant = exposure->own,
		.from = exposure->begin,
		.to = exposure->end,
		.chain = CHAIN_EXPOSED,
	};
	struct verdict_violation *note;
	char name[MODEL_INODE_NAME_MAX];
	__u64 ns = exposure->end - exposure->begin;
	struct model_page page;

	if (model_doubtful(verdict_model(verdict), exposure->inode, exposure->begin, exposure->end))
		return;
	model_page(verdict_model(verdict), exposure->inode, exposure->pgoff, &page);
	accusation.pfn = page.resident ? page.pfn : 0;
	note = verdict_accuse(verdict, &accusation);
	if (!note)
		return;
	model_inode_name(exposure->inode, name, sizeof(name));
	violation_source(note, "events", "%llu.%06llu s from the zap to the first flush",
			 time_seconds(ns), time_micros(ns));
	violation_words(note,
			"Page 0x%llx of %s was made absent at %llu.%06llu s, and the first flush "
			"that covers it, %s, ended %llu.%06llu s later.",
			(unsigned long long)exposure->pgoff, name, time_seconds(exposure->begin),
			time_micros(exposure->begin), exposure->own ? "its own" : "another task's",
			time_seconds(ns), time_micros(ns));
}

static void long_exposure_ended(struct verdict *verdict, const struct model_exposure *exposure)
{
	if (exposure->end - exposure->begin >= LONG_NS)
		long_exposure_accuse(verdict, exposure);
}

static const struct rule_descriptor long_exposure = {
	.rule = {
		.name = "long-exposure",
		.fires_when =
			"a page was exposed for long between its zap and the first flush",
		.meaning = "A page was exposed for 100 milliseconds or more between its zap and "
			   "the end of the first flush that covers it, whoever issued that.",
		.id = RULE_LONG_EXPOSURE,
		.severity = RULE_SEVERITY_NOTE,
		.needs = RULE_NEEDS_HISTORY,
		/* What the allocator flushes is exposed while nobody has it. */
		.providers = PROVIDERS_PROMISE_ABSENCE & ~(__u32)PROVIDERS_ALLOCATOR_FLUSHES,
		.watches = { "zap_invalid_exit", "zap_default_exit", "zap_valid_exit" },
		.trusts = { "flush_range_exit" },
		.built = true,
	},
	.exposure_ended = long_exposure_ended,
	.exposed_ns = LONG_NS,
};
RULE_ENTER(long_exposure);
