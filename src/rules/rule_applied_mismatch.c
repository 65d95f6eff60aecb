// SPDX-License-Identifier: GPL-2.0
/* applied-mismatch: the page tables against what is declared. */
#include "rules/rule.h"
#include "rules/read.h"

/* Why the page should be otherwise. */
static const char *applied_reason(const struct model_read *read)
{
	if (read->inode->provider == RECORD_PROVIDER_SECRETMEM)
		return "every page of a memfd_secret must be";
	if (read->inode->provider == RECORD_PROVIDER_GMEM_PLAIN)
		return "a guest_memfd without a direct-map flag keeps its pages";
	if (!(read->bits & RECORD_PAGE_PREPARED))
		return "it is not prepared yet, so it must be";
	return "its declared state is";
}

static void applied_read(struct verdict *verdict, const struct model_read *read)
{
	struct accusation accusation = read_accusation(read, RULE_APPLIED_MISMATCH);
	enum model_state wanted = read->table == MODEL_PRESENT ? MODEL_ABSENT : MODEL_PRESENT;
	struct verdict_violation *violation;
	char name[MODEL_INODE_NAME_MAX];

	if (!(read->proven & MODEL_DIFFERS_APPLIED))
		return;
	accusation.variant &= ~READ_VARIANT_DECLARED;
	/* Read at the release, when nobody else holds the inode: no history in it. */
	accusation.immune = read->origin == RECORD_SNAPSHOT_RELEASE;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	model_inode_name(read->inode, name, sizeof(name));
	read_sources(violation, read);
	violation_words(violation,
			"Page 0x%llx of %s is resident; %s %s. However, its page-table entry, read "
			"twice with nothing touching the page in between, is %s.",
			(unsigned long long)read->pgoff, name, applied_reason(read),
			state_name(wanted), state_name(read->table));
}

static const struct rule_descriptor applied_mismatch = {
	.rule = {
		.name = "applied-mismatch",
		.fires_when =
			"a prepared page's page-table entry differs from its declared state",
		.meaning = "A prepared page's page-table entry differs from its declared state. "
			   "Pages with a memory failure are not judged.",
		.id = RULE_APPLIED_MISMATCH,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_SNAPSHOT,
		.providers = RULE_PROVIDERS_KNOWN,
		.built = true,
	},
	.page_read = applied_read,
};
RULE_ENTER(applied_mismatch);
