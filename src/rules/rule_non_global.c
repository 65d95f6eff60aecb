// SPDX-License-Identifier: GPL-2.0
/* non-global: what comes back to the direct map comes back as it was. */
#include "rules/rule.h"
#include "rules/read.h"

/* Else the bit means nothing. */
static bool map_is_global(const struct verdict *verdict)
{
	const char *global = model_fact_find(verdict_model(verdict), RECORD_FACT_GLOBAL);

	return global && !strcmp(global, RECORD_GLOBAL_YES);
}

static void non_global_read(struct verdict *verdict, const struct model_read *read)
{
	struct accusation accusation;
	struct verdict_violation *note;
	char name[MODEL_INODE_NAME_MAX];

	if (!read->non_global || !map_is_global(verdict))
		return;
	accusation = read_accusation(read, RULE_NON_GLOBAL);
	/* One read is enough: no change of an entry shows it in between. */
	accusation.from = accusation.to;
	accusation.hold = 0;
	accusation.variant = 0;
	accusation.chain = CHAIN_CHANGE | CHAIN_RETURN;
	note = verdict_accuse(verdict, &accusation);
	if (!note)
		return;
	model_inode_name(read->inode, name, sizeof(name));
	violation_source_state(note, "page table", read->table, "present, not global");
	violation_words(note,
			"Page 0x%llx of %s was absent from the direct map, and is back by an entry "
			"that is not global, as those are that nobody changed. On a CPU with PCID, "
			"and without page-table isolation, a flush of a few pages drops such "
			"translations of one address space alone: when the page is made absent the "
			"next time, others can keep theirs.",
			(unsigned long long)read->pgoff, name);
}

static const struct rule_descriptor non_global = {
	.rule = {
		.name = "non-global",
		.fires_when = "a page came back by an entry that is not global",
		.meaning = "A note, no violation: a page that had been absent was made present again "
			   "by an entry of 4K that is not global, on a kernel whose direct map is. "
			   "On a CPU with PCID a flush of a few pages drops what is not global in one "
			   "address space alone, so that others may keep translations when the page is "
			   "made absent the next time. "
			   "Told of pages whose return was seen as a change, once for each; of those "
			   "that were never absent, where memory failed, and of what applied-mismatch "
			   "has found absent, nothing is said. "
			   "With page-table isolation no entry of the direct map is global, and nothing "
			   "is lost.",
		.id = RULE_NON_GLOBAL,
		.severity = RULE_SEVERITY_NOTE,
		.needs = RULE_NEEDS_HISTORY | RULE_NEEDS_SNAPSHOT | RULE_NEEDS_GLOBAL,
		.providers = PROVIDERS_TAKE_REQUESTS,
		.watches = { "zap_valid_exit", "zap_default_exit" },
		.built = true,
	},
	.page_read = non_global_read,
};
RULE_ENTER(non_global);
