// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include "rules/promise.h"

static void promise_sources(struct verdict_violation *violation,
			    const struct model_promised *promised)
{
	violation_source_state(violation, "promise",
			       promised->is_private ? MODEL_ABSENT : MODEL_PRESENT,
			       "%s (gfn 0x%llx)", promised->is_private ? "private" : "shared",
			       (unsigned long long)promised->gfn);
	violation_source_state(violation, "page table", promised->table, "%s",
			       state_name(promised->table));
	if (!promised->last.begin)
		violation_source(violation, "events", "no conversion of it since %s",
				 promised->inode->before_attach ? "it was met" : "it was made");
	else if (promised->last.result < 0)
		violation_source(violation, "events",
				 "the last conversion, to %s, failed with %lld",
				 promised->last.is_private ? "private" : "shared",
				 (long long)promised->last.result);
	else
		violation_source(violation, "events", "the last conversion, to %s, succeeded",
				 promised->last.is_private ? "private" : "shared");
}

void promise_accuse(struct verdict *verdict, const struct model_promised *promised, __u32 rule,
		    promise_words words)
{
	const struct accusation accusation = {
		.rule = rule,
		.inode = promised->inode,
		.pgoff = promised->pgoff,
		.nr = promised->nr,
		.pfn = promised->pfn,
		.variant = (__u64)promised->how | (__u64)(promised->last.result < 0) << 8,
		/* From where on nothing may be missing. */
		.from = promised->since,
		.to = promised->end,
		.anyone = true,
		.union_count = true,
		.promised = promised,
		.chain = CHAIN_NAMED,
	};
	struct verdict_violation *violation = verdict_accuse(verdict, &accusation);

	if (!violation)
		return;
	promise_sources(violation, promised);
	words(violation, promised);
}

const char *conversion_words(const struct model_conversion *conversion,
			     char text[CONVERSION_WORDS_MAX])
{
	snprintf(text, CONVERSION_WORDS_MAX,
		 "gfns 0x%llx-0x%llx to %s (task %u, began at %llu.%06llu s)",
		 (unsigned long long)conversion->gfn_first,
		 (unsigned long long)(conversion->gfn_first + conversion->gfn_nr - 1),
		 conversion->is_private ? "private" : "shared", conversion->tid,
		 time_seconds(conversion->begin), time_micros(conversion->begin));
	return text;
}
