// SPDX-License-Identifier: GPL-2.0
/* declared-mismatch: the xarray against the requests. */
#include "rules/rule.h"
#include "rules/read.h"

static void declared_read(struct verdict *verdict, const struct model_read *read)
{
	struct accusation accusation = read_accusation(read, RULE_DECLARED_MISMATCH);
	struct verdict_violation *violation;
	char name[MODEL_INODE_NAME_MAX];

	if (!(read->proven & MODEL_DIFFERS_DECLARED))
		return;
	accusation.variant &= READ_VARIANT_DECLARED | READ_VARIANT_XARRAY;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	model_inode_name(read->inode, name, sizeof(name));
	read_sources(violation, read);
	violation_words(
		violation,
		"The requests on %s add up to page 0x%llx being %s. However, the xarray, read "
		"twice with nothing touching the page in between, says %s%s. So a request did not "
		"record what it was asked for, or something else changed the xarray.",
		name, (unsigned long long)read->pgoff, state_name(read->declared),
		state_name(read->xarray),
		read->table == MODEL_EITHER	? ""
		: read->table == read->declared ? ", while the page tables agree with the requests"
						: ", and the page tables agree with the xarray");
}

static const struct rule_descriptor declared_mismatch = {
	.rule = {
		.name = "declared-mismatch",
		.fires_when = "the xarray differs from what the requests add up to",
		.meaning = "The xarray differs from what the requests add up to. "
			   "After requests that overlap and ask for opposite states, either is "
			   "legal.",
		.id = RULE_DECLARED_MISMATCH,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY | RULE_NEEDS_SNAPSHOT,
		.providers = RULE_PROVIDER(RECORD_PROVIDER_RFC3),
		.watches = { "set_range_exit", "set_folio_exit" },
		.trusts = { "set_range_exit", "set_folio_exit" },
		.built = true,
	},
	.page_read = declared_read,
};
RULE_ENTER(declared_mismatch);
