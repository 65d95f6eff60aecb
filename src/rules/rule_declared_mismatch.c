// SPDX-License-Identifier: GPL-2.0
/* declared-mismatch: what is written down against what was asked for, or done. */
#include "rules/rule.h"
#include "rules/read.h"

#define VARIANT_DEFAULT (1ULL << 32) /* of no page, but of the default */
#define VARIANT_LEFT (1ULL << 33) /* of a folio that has left */

static void declared_read(struct verdict *verdict, const struct model_read *read)
{
	struct accusation accusation;
	struct verdict_violation *violation;
	char name[MODEL_INODE_NAME_MAX];

	if (!(read->proven & MODEL_DIFFERS_DECLARED))
		return;
	accusation = read_accusation(read, RULE_DECLARED_MISMATCH);
	accusation.variant &= READ_VARIANT_DECLARED | READ_VARIANT_XARRAY;
	accusation.chain = CHAIN_ASKED;
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
static enum model_state flags_default(const struct model_inode *inode)
{
	const struct provider *kind = provider_of(inode->provider);

	if (kind->absent_flag && inode->flags == kind->absent_flag)
		return MODEL_ABSENT;
	return kind->present_flag && inode->flags == kind->present_flag ? MODEL_PRESENT
									: MODEL_EITHER;
}

static void declared_inode_met(struct verdict *verdict, const struct model_inode *inode)
{
	enum model_state asked = flags_default(inode);
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
	violation_source_state(violation, "flags", asked, "%s by default (0x%llx)",
			       state_name(asked), (unsigned long long)inode->flags);
	violation_source_state(violation, "inode", says, "%s by default", state_name(says));
	violation_words(violation,
			"%s was made with flags 0x%llx, so its pages are %s where nothing else is "
			"asked for. However, the inode itself says that they are %s.",
			name, (unsigned long long)inode->flags, state_name(asked),
			state_name(says));
}

/* It is restored, and says that it is absent: the next thing that looks is misled. */
static void declared_moved(struct verdict *verdict, const struct model_moved *moved)
{
	struct accusation accusation = {
		.rule = RULE_DECLARED_MISMATCH,
		.inode = moved->inode,
		.pgoff = moved->pgoff,
		.nr = moved->nr,
		.pfn = moved->pfn,
		.variant = VARIANT_LEFT,
		.from = moved->time,
		.to = moved->time,
		/* The folio itself said so; whose it was a loss may have hidden. */
		.anyone = true,
		.moved = moved,
	};
	struct verdict_violation *violation;
	char name[MODEL_INODE_NAME_MAX];

	if (moved->move != MODEL_LEFT || !moved->marked ||
	    !provider_has(moved->inode->provider, PROVIDER_MARKS_FOLIOS))
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	model_inode_name(moved->inode, name, sizeof(name));
	violation_source_state(violation, "folio", MODEL_ABSENT, "absent (its bit is set)");
	violation_source(violation, "events", "it has left its inode");
	violation_words(
		violation,
		"Page 0x%llx of %s was freed by task %u at %llu.%06llu s. However, its folio "
		"still says afterwards that it is absent: the bit was not cleared when it was "
		"restored, or it was not restored.",
		(unsigned long long)moved->pgoff, name, moved->tid, time_seconds(moved->time),
		time_micros(moved->time));
}

static const struct rule_descriptor declared_mismatch = {
	.rule = {
		.name = "declared-mismatch",
		.fires_when = "the xarray differs from what the requests add up to",
		.meaning = "The xarray differs from what the requests add up to. "
			   "After requests that overlap and ask for opposite states, either is "
			   "legal. "
			   "It fires as well where an inode's own default is not the one that its flags "
			   "ask for, and where a folio that has its own bit says that it is absent "
			   "when it has left its inode.",
		.id = RULE_DECLARED_MISMATCH,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY | RULE_NEEDS_SNAPSHOT,
		.providers = PROVIDERS_TAKE_REQUESTS | PROVIDERS_MARK_FOLIOS,
		.watches = { "set_range_exit", "set_folio_exit", "free_folio_exit" },
		.trusts = { "set_range_exit" },
		.built = true,
	},
	.inode_met = declared_inode_met,
	.page_read = declared_read,
	.unjudged = read_unjudged,
	.moved = declared_moved,
};
RULE_ENTER(declared_mismatch);
