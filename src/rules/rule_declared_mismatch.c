// SPDX-License-Identifier: GPL-2.0
/* declared-mismatch: the xarray against the requests. */
#include "rules/rule.h"
#include "rules/read.h"

#define VARIANT_DEFAULT (1ULL << 32) /* of no page, but of the default */

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

/* What the flags ask for where nothing deviates. EITHER: nothing that is known. */
static enum model_state flags_default(__u64 flags)
{
	if (flags == RECORD_RFC3_NO_DIRECT_MAP)
		return MODEL_ABSENT;
	return flags == RECORD_RFC3_DYNAMIC ? MODEL_PRESENT : MODEL_EITHER;
}

static void declared_inode_met(struct verdict *verdict, const struct model_inode *inode)
{
	enum model_state asked = flags_default(inode->flags);
	enum model_state says = inode->default_state ? MODEL_PRESENT : MODEL_ABSENT;
	struct accusation accusation = {
		.rule = RULE_DECLARED_MISMATCH,
		.inode = inode,
		.nr = inode->pages ? inode->pages : 1,
		.variant = VARIANT_DEFAULT,
		.from = inode->met,
		.to = inode->met,
		/* Both were read at once, of the inode itself. */
		.immune = true,
	};
	struct verdict_violation *violation;
	char name[MODEL_INODE_NAME_MAX];

	if (asked & says)
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	model_inode_name(inode, name, sizeof(name));
	violation_source(violation, "flags", "%s by default (0x%llx)", state_name(asked),
			 (unsigned long long)inode->flags);
	violation_source(violation, "inode", "%s by default", state_name(says));
	violation_words(violation,
			"%s was made with flags 0x%llx, so its pages are %s where nothing else is "
			"asked for. However, the inode itself says that they are %s.",
			name, (unsigned long long)inode->flags, state_name(asked),
			state_name(says));
}

static const struct rule_descriptor declared_mismatch = {
	.rule = {
		.name = "declared-mismatch",
		.fires_when = "the xarray differs from what the requests add up to",
		.meaning = "The xarray differs from what the requests add up to. "
			   "After requests that overlap and ask for opposite states, either is "
			   "legal. "
			   "It fires as well where an inode's own default is not the one that its flags "
			   "ask for.",
		.id = RULE_DECLARED_MISMATCH,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY | RULE_NEEDS_SNAPSHOT,
		.providers = RULE_PROVIDER(RECORD_PROVIDER_RFC3),
		.watches = { "set_range_exit", "set_folio_exit" },
		.trusts = { "set_range_exit" },
		.built = true,
	},
	.inode_met = declared_inode_met,
	.page_read = declared_read,
};
RULE_ENTER(declared_mismatch);
