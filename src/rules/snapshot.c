// SPDX-License-Identifier: GPL-2.0
/* Rules that need snapshots: the xarray and the page tables against each other and the model. */
#include "internal.h"

static __u64 read_variant(const struct model_read *read)
{
	return (__u64)read->declared | (__u64)read->xarray << 4 | (__u64)read->table << 8 |
	       (__u64)(read->bits & RECORD_PAGE_PREPARED) << 12;
}

static void accuse_sources(struct verdict_violation *violation, const struct model_read *read)
{
	violation_source(violation, "model", "%s",
			 read->declared == MODEL_EITHER ? "no request known since it was last read"
			 : read->declared == MODEL_PRESENT ? "declared present"
							   : "declared absent");
	if (read->inode->provider == RECORD_PROVIDER_RFC3)
		violation_source(violation, "xarray", "%s (%s)", state_name(read->xarray),
				 read->bits & RECORD_PAGE_DEVIATES ? "deviates from the default"
								   : "no entry: the default");
	if (read->bits & RECORD_PAGE_RESIDENT)
		violation_source(violation, "page table", "%s", state_name(read->table));
	else
		violation_source(violation, "page table", "not resident");
}

static void page_read_declared(struct verdict *verdict, const struct model_read *read)
{
	struct accusation accusation = {
		.rule = RULE_DECLARED_MISMATCH,
		.inode = read->inode,
		.pgoff = read->pgoff,
		.nr = read->nr,
		.pfn = read->pfn,
		.variant = read_variant(read) & 0xff,
		.from = read->since,
		.to = read->end,
		.hold = read->shadow_until,
		.union_count = true,
	};
	struct verdict_violation *violation = verdict_accuse(verdict, &accusation);
	char name[MODEL_INODE_NAME_MAX];

	if (!violation)
		return;
	model_inode_name(read->inode, name, sizeof(name));
	accuse_sources(violation, read);
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

static void applied_words(struct verdict_violation *violation, const struct model_read *read)
{
	const char *why = "its declared state is";
	enum model_state wanted = read->table == MODEL_PRESENT ? MODEL_ABSENT : MODEL_PRESENT;
	char name[MODEL_INODE_NAME_MAX];

	model_inode_name(read->inode, name, sizeof(name));
	if (read->inode->provider == RECORD_PROVIDER_SECRETMEM)
		why = "every page of a memfd_secret must be";
	else if (read->inode->provider == RECORD_PROVIDER_GMEM_PLAIN)
		why = "a guest_memfd without a direct-map flag keeps its pages";
	else if (!(read->bits & RECORD_PAGE_PREPARED))
		why = "it is not prepared yet, so it must be";
	violation_words(violation,
			"Page 0x%llx of %s is resident; %s %s. However, its page-table entry, read "
			"twice with nothing touching the page in between, is %s.",
			(unsigned long long)read->pgoff, name, why, state_name(wanted),
			state_name(read->table));
}

static void page_read_applied(struct verdict *verdict, const struct model_read *read)
{
	struct accusation accusation = {
		.rule = RULE_APPLIED_MISMATCH,
		.inode = read->inode,
		.pgoff = read->pgoff,
		.nr = read->nr,
		.pfn = read->pfn,
		.variant = read_variant(read) & ~0xfULL,
		.from = read->since,
		.to = read->end,
		.hold = read->shadow_until,
		.union_count = true,
		/* Read at the release, when nobody else holds the inode: no history in it. */
		.immune = read->origin == RECORD_SNAPSHOT_RELEASE,
	};
	struct verdict_violation *violation = verdict_accuse(verdict, &accusation);

	if (!violation)
		return;
	accuse_sources(violation, read);
	applied_words(violation, read);
}

void rules_page_read(void *context, const struct model_read *read)
{
	if (read->proven & MODEL_DIFFERS_DECLARED)
		page_read_declared(context, read);
	if (read->proven & MODEL_DIFFERS_APPLIED)
		page_read_applied(context, read);
}
