// SPDX-License-Identifier: GPL-2.0
/* exposed: a page is the guest's from now on, and the host can reach it still. */
#include "providers/provider.h"
#include "rules/read.h"

/* Of a request that is under way nobody can say yet what it declares. */
static bool page_requested(const struct model *model, const struct model_inode *inode, __u64 pgoff)
{
	const struct model_request *request;

	for (size_t i = 0; (request = model_request_open(model, i)); i++) {
		if (request->inode == inode && request->pgoff_first <= pgoff &&
		    pgoff <= request->pgoff_last &&
		    (request->operation == RECORD_OPERATION_SET_RANGE ||
		     request->operation == RECORD_OPERATION_SET_FOLIO))
			return true;
	}
	return false;
}

static bool page_is_exposed(const struct model *model, const struct model_inode *inode, __u64 pgoff)
{
	struct model_page page;

	model_page(model, inode, pgoff, &page);
	return !page.poisoned && page.declared == MODEL_ABSENT && page.applied == MODEL_PRESENT &&
	       !page_requested(model, inode, pgoff);
}

/* Who prepares a page asks an xarray that is wrong, and has nothing to do. */
static const struct explanation exposed_explained[] = {
	DECLARED_EXPLAINS(MODEL_ABSENT),
	EXPLANATION(RULE_NONE, 0),
};

static void accuse_exposed(struct verdict *verdict, const struct model_moved *moved, __u64 skip,
			   __u64 nr)
{
	struct accusation accusation = {
		.rule = RULE_EXPOSED,
		.inode = moved->inode,
		.pgoff = moved->pgoff + skip,
		.nr = nr,
		.pfn = moved->pfn + skip,
		.from = moved->time,
		.to = moved->time,
		.explained = exposed_explained,
		.changed = moved->time,
		.moved = moved,
	};
	struct verdict_violation *violation = verdict_accuse(verdict, &accusation);
	char name[MODEL_INODE_NAME_MAX];

	if (!violation)
		return;
	model_inode_name(moved->inode, name, sizeof(name));
	violation_source_state(violation, "model", MODEL_PRESENT, "declared absent, and present");
	violation_source(violation, "events", "prepared before it was made absent");
	violation_words(
		violation,
		"Page 0x%llx of %s is declared absent. However, it was marked as prepared at "
		"%llu.%06llu s by task %u while it was present in the direct map: from then "
		"on a guest may use it, and the host can read it.",
		(unsigned long long)accusation.pgoff, name, time_seconds(moved->time),
		time_micros(moved->time), moved->tid);
}

static void exposed_moved(struct verdict *verdict, const struct model_moved *moved)
{
	const struct model *model = verdict_model(verdict);
	__u64 nr = 0;

	if (moved->move != MODEL_PREPARED && !(moved->move == MODEL_JOINED && moved->prepared))
		return;
	if (model_doubtful(model, moved->inode, moved->time, moved->time))
		return;
	for (__u64 i = 0; i <= moved->nr; i++) {
		if (i < moved->nr && page_is_exposed(model, moved->inode, moved->pgoff + i)) {
			nr++;
			continue;
		}
		if (nr)
			accuse_exposed(verdict, moved, i - nr, nr);
		nr = 0;
	}
}

static const struct rule_descriptor exposed = {
	.rule = {
		.name = "exposed",
		.fires_when = "a page reached the guest present although it is declared absent",
		.meaning = "A page was marked as prepared, so that a guest may use it, while it was "
			   "present although it is declared absent. "
			   "Judged where the kernel marks pages by a routine that can be hooked; "
			   "when the guest maps the page, and whether it still has it when the page "
			   "becomes present again, is not looked at.",
		.id = RULE_EXPOSED,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY,
		.providers = PROVIDERS_TAKE_REQUESTS,
		.watches = { "mark_prepared_exit" },
		.trusts = { "zap_invalid_exit", "zap_valid_exit", "set_range_exit" },
		.built = true,
	},
	.moved = exposed_moved,
};
RULE_ENTER(exposed);
