// SPDX-License-Identifier: GPL-2.0
/* applied-mismatch: the page tables against what is declared. */
#include "rules/rule.h"
#include "rules/read.h"

/* Why the page should be otherwise. */
static const char *applied_reason(const struct model_read *read)
{
	const struct provider *kind = provider_of(read->inode->provider);

	if (kind->because)
		return kind->because;
	if (kind->declared == PROVIDER_DECLARED_FOLIO)
		return read->bits & RECORD_PAGE_DEVIATES
			       ? "its folio's bit is set, so it must be"
			       : "its folio's bit is clear, so it must be";
	if (!(read->bits & RECORD_PAGE_PREPARED))
		return "it is not prepared yet, so it must be";
	return "its declared state is";
}

#define VARIANT_KNOWN (1ULL << 48) /* the changes that were seen add up to what was read */

/* ns */
static __u64 changed_last(const struct model *model, const struct model_read *read)
{
	__u64 pgoff = read->pgoff, last = pgoff + read->nr - 1, changed = 0;
	struct model_page page;

	while (pgoff <= last && model_resident_next(model, read->inode, pgoff, last, &page)) {
		changed = page.changed > changed ? page.changed : changed;
		pgoff = page.pgoff + page.nr;
	}
	return changed;
}

#define RANGE RECORD_OPERATION_SET_RANGE
#define FOLIO RECORD_OPERATION_SET_FOLIO

/* A request that was to make it otherwise missed it; one that made it so failed, and left it so. */
#define CHANGED_EXPLAINS(table)                                                                    \
	MISSED_EXPLAINS(RANGE, table), MISSED_EXPLAINS(FOLIO, table),                              \
		PARTIAL_EXPLAINS(RANGE, table), PARTIAL_EXPLAINS(FOLIO, table),                    \
		FOREIGN_EXPLAINS(RANGE, (table) == MODEL_PRESENT),                                 \
		FOREIGN_EXPLAINS(FOLIO, (table) == MODEL_PRESENT), DECLARED_EXPLAINS(table)
#define MISSED_EXPLAINS(operation, table)                                                          \
	EXPLANATION(RULE_MISSED_PAGE, OPERATION_VARIANT(operation, (table) == MODEL_ABSENT))
#define PARTIAL_EXPLAINS(operation, table)                                                         \
	EXPLANATION(RULE_PARTIAL_APPLY,                                                            \
		    OPERATION_VARIANT(operation, (table) == MODEL_PRESENT) | PARTIAL_AFTER(table))

static const struct explanation changed_present[] = {
	CHANGED_EXPLAINS(MODEL_PRESENT),
	/* Prepared while it was present, and nothing has changed it since. */
	EXPLANATION(RULE_EXPOSED, 0),
	EXPLANATION(RULE_NONE, 0),
};

static const struct explanation changed_absent[] = {
	CHANGED_EXPLAINS(MODEL_ABSENT),
	{ .rule = RULE_UNEXPECTED_ZAP, .anyone = true },
	EXPLANATION(RULE_NONE, 0),
};

#define SWALLOWED_EXPLAINS(operation, state)                                                       \
	EXPLANATION(RULE_SWALLOWED_ERROR, OPERATION_VARIANT(operation, state))

/* A change that was to make it otherwise failed, inside what reported success. */
static const struct explanation failed_present[] = {
	SWALLOWED_EXPLAINS(RANGE, 0),
	SWALLOWED_EXPLAINS(FOLIO, 0),
	SWALLOWED_EXPLAINS(RECORD_OPERATION_CONFIGURE, 0),
	SWALLOWED_EXPLAINS(RECORD_OPERATION_FALLOCATE, 0),
	EXPLANATION(RULE_NONE, 0),
};

static const struct explanation failed_absent[] = {
	SWALLOWED_EXPLAINS(RANGE, 1),
	SWALLOWED_EXPLAINS(FOLIO, 1),
	EXPLANATION(RULE_NONE, 0),
};

/* The page tables are as the changes left them, or one that failed left them any way. */
static void applied_explain(const struct verdict *verdict, struct accusation *accusation,
			    const struct model_read *read)
{
	bool present = read->table == MODEL_PRESENT;

	if (read->applied == read->table) {
		accusation->variant |= VARIANT_KNOWN;
		accusation->explained = present ? changed_present : changed_absent;
	} else if (read->applied == MODEL_EITHER) {
		accusation->explained = present ? failed_present : failed_absent;
	}
	/* Where nobody may make it absent whoever did is accused, and it may have joined after. */
	if (!provider_has(read->inode->provider, PROVIDER_STAYS_PRESENT))
		accusation->changed = changed_last(verdict_model(verdict), read);
}

#define VARIANT_ASTRAY (1ULL << 49)

/* No change of an entry that the sensors know makes it so, and no other rule sees it. */
static void astray_read(struct verdict *verdict, const struct model_read *read,
			struct accusation *accusation)
{
	struct verdict_violation *violation;
	char name[MODEL_INODE_NAME_MAX];

	accusation->variant |= VARIANT_ASTRAY;
	violation = verdict_accuse(verdict, accusation);
	if (!violation)
		return;
	model_inode_name(read->inode, name, sizeof(name));
	read_sources(violation, read);
	violation_words(
		violation,
		"Page 0x%llx of %s is resident, in page frame 0x%llx. However, the page-table "
		"entry of that frame, read twice with nothing touching the page in between, "
		"is present and leads to another frame: who means the page reads, and "
		"writes, memory that may be anybody's.",
		(unsigned long long)read->pgoff, name, (unsigned long long)read->pfn);
}

static void applied_read(struct verdict *verdict, const struct model_read *read)
{
	struct accusation accusation;
	enum model_state wanted = read->table == MODEL_PRESENT ? MODEL_ABSENT : MODEL_PRESENT;
	struct verdict_violation *violation;
	char name[MODEL_INODE_NAME_MAX];

	if (!(read->proven & MODEL_DIFFERS_APPLIED))
		return;
	accusation = read_accusation(read, RULE_APPLIED_MISMATCH);
	accusation.variant &= ~READ_VARIANT_DECLARED;
	accusation.chain = CHAIN_NAMED;
	/* Read at the release, when nobody else holds the inode: no history in it. */
	accusation.immune = read->origin == RECORD_SNAPSHOT_RELEASE;
	if (read->bits & RECORD_PAGE_ASTRAY) {
		astray_read(verdict, read, &accusation);
		return;
	}
	applied_explain(verdict, &accusation, read);
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
			   "Pages with a memory failure are not judged. "
			   "It fires as well where the entry of a resident page, of 4K, is present "
			   "and maps another page frame. "
			   "Whether the page can be written or executed is not looked at, nor is any "
			   "mapping of the page beside the direct map.",
		.id = RULE_APPLIED_MISMATCH,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_SNAPSHOT,
		.providers = PROVIDERS_JUDGED,
		.built = true,
	},
	.page_read = applied_read,
	.unjudged = read_unjudged,
};
RULE_ENTER(applied_mismatch);
