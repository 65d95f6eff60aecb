// SPDX-License-Identifier: GPL-2.0
/* What the rules of snapshot reads share. */
#include <stdio.h>
#include "rules/read.h"

struct accusation read_accusation(const struct model_read *read, __u32 rule)
{
	return (struct accusation){
		.rule = rule,
		.inode = read->inode,
		.pgoff = read->pgoff,
		.nr = read->nr,
		.pfn = read->pfn,
		.variant = (__u64)read->declared | (__u64)read->xarray << 4 |
			   (__u64)read->table << 8 |
			   (__u64)(read->bits & RECORD_PAGE_PREPARED) << 12,
		.from = read->since,
		.to = read->end,
		.hold = read->shadow_until,
		.union_count = true,
		.read = read,
	};
}

bool read_unjudged(const struct model *model, char *reason, size_t size)
{
	const char *kind = kind_met(model, providers_unread());

	if (kind)
		snprintf(reason, size,
			 "not of %s: what its pages were asked to be stands in a maple tree, which "
			 "is not read",
			 kind);
	return kind;
}

void read_judge_left(struct verdict *verdict, const struct model_read *read,
		     const struct read_left *left)
{
	struct accusation accusation = read_accusation(read, left->rule);
	struct verdict_violation *violation;
	char name[MODEL_INODE_NAME_MAX];

	if (!(read->left & left->left))
		return;
	/* It was read, at a release: no loss can have feigned it. */
	accusation.variant = 0;
	accusation.hold = left->wait ? read->end + left->wait : 0;
	accusation.immune = true;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	model_inode_name(read->inode, name, sizeof(name));
	violation_source(violation, left->source, "%s, in two reads at the release", left->says);
	violation_words(violation,
			"Page 0x%llx of %s %s when the inode was released, at %llu.%06llu s, when "
			"nobody can be using it. However, %s",
			(unsigned long long)read->pgoff, name, left->was, time_seconds(read->begin),
			time_micros(read->begin), left->however);
}

/* The place where what was asked for is written down, if there is one. */
static void written_source(struct verdict_violation *violation, const struct model_read *read)
{
	bool deviates = read->bits & RECORD_PAGE_DEVIATES;

	switch (provider_of(read->inode->provider)->declared) {
	case PROVIDER_DECLARED_XARRAY:
		violation_source_state(
			violation, "xarray", read->xarray, "%s (%s)", state_name(read->xarray),
			deviates ? "deviates from the default" : "no entry: the default");
		return;
	case PROVIDER_DECLARED_FOLIO:
		violation_source_state(violation, "folio", read->xarray, "%s (its bit is %s)",
				       state_name(read->xarray), deviates ? "set" : "clear");
		return;
	default:
		return;
	}
}

void read_sources(struct verdict_violation *violation, const struct model_read *read)
{
	violation_source_state(violation, "model", read->declared, "%s",
			       read->declared == MODEL_EITHER
				       ? "no request known since it was last read"
			       : read->declared == MODEL_PRESENT ? "declared present"
								 : "declared absent");
	written_source(violation, read);
	if (read->bits & RECORD_PAGE_RESIDENT)
		violation_source_state(violation, "page table", read->table, "%s%s",
				       state_name(read->table),
				       read->bits & RECORD_PAGE_ASTRAY ? ", of another frame" : "");
	else
		violation_source(violation, "page table", "not resident");
}
