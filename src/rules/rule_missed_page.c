// SPDX-License-Identifier: GPL-2.0
/* missed-page: a request covered a page and left it as it was. */
#include "rules/inner.h"
#include "rules/read.h"
#include "rules/rule.h"

static bool page_missed(const struct model_request *request, const struct model_page *page)
{
	enum model_state wanted = request->state ? MODEL_PRESENT : MODEL_ABSENT;

	return page->sure && page->prepared && !page->poisoned && page->applied != MODEL_EITHER &&
	       page->applied != wanted && page->changed < request->begin &&
	       !model_request_conflicts(request, page->pgoff);
}

/*
 * Who asks an xarray that is wrong has nothing to do, nor who asks one that is right of a page that
 * another's request changed. By what was asked for.
 */
#define MISSED_EXPLAINED(state, before)                                                            \
	{                                                                                          \
		DECLARED_EXPLAINS(before), FOREIGN_EXPLAINS(RECORD_OPERATION_SET_RANGE, !(state)), \
			FOREIGN_EXPLAINS(RECORD_OPERATION_SET_FOLIO, !(state)),                    \
			EXPLANATION(RULE_NONE, 0)                                                  \
	}
static const struct explanation missed_explained[2][4] = {
	MISSED_EXPLAINED(0, MODEL_PRESENT),
	MISSED_EXPLAINED(1, MODEL_ABSENT),
};

/* @changed: the last change of any of them, ns */
static void accuse_missed(struct verdict *verdict, const struct model_request *request,
			  const struct model_page *page, __u64 nr, __u64 changed)
{
	struct accusation accusation = {
		.rule = RULE_MISSED_PAGE,
		.inode = request->inode,
		.pgoff = page->pgoff,
		.nr = nr,
		.pfn = page->pfn,
		.variant = request_variant(request),
		.from = request->begin,
		.to = request->end,
		.explained = missed_explained[request->state != 0],
		.changed = changed,
		.request = request,
		.chain = CHAIN_BEFORE,
	};
	struct verdict_violation *violation;
	char text[REQUEST_WORDS_MAX];

	if (verdict_doubts(verdict, &accusation, request->inode))
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	violation_source(violation, "events", "asked for %s, no change of this page",
			 request->state ? "present" : "absent");
	violation_source_state(violation, "model", page->applied,
			       "resident, prepared and %s throughout", state_name(page->applied));
	violation_words(violation,
			"Let R be %s. Page 0x%llx lies in R's range and was resident, prepared and "
			"%s from R's begin to its end. R reported success. However, no change of "
			"this page was made between them: R missed it.",
			request_words(request, text), (unsigned long long)page->pgoff,
			state_name(page->applied));
}

static void missed_request_ended(struct verdict *verdict, const struct model_request *request)
{
	const struct model *model = verdict_model(verdict);
	struct model_page page, first = { 0 };
	__u64 pgoff = request->pgoff_first, nr = 0, changed = 0;

	if (!request_changes_range(request) || request->result || !request->inode)
		return;
	while (model_resident_next(model, request->inode, pgoff, request->pgoff_last, &page)) {
		pgoff = page.pgoff + 1;
		if (!page_missed(request, &page))
			continue;
		if (nr && page.pgoff == first.pgoff + nr) {
			nr++;
			changed = page.changed > changed ? page.changed : changed;
			continue;
		}
		if (nr)
			accuse_missed(verdict, request, &first, nr, changed);
		first = page;
		changed = page.changed;
		nr = 1;
	}
	if (nr)
		accuse_missed(verdict, request, &first, nr, changed);
}

static const struct rule_descriptor missed_page = {
	.rule = {
		.name = "missed-page",
		.fires_when = "a request covered a resident page and did not change it",
		.meaning = "A request that succeeded covered a resident, prepared page and did not "
			   "change it.",
		.id = RULE_MISSED_PAGE,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY | RULE_NEEDS_PAGES,
		.providers = PROVIDERS_TAKE_REQUESTS,
		.watches = { "set_range_exit", "set_folio_exit" },
		.trusts = { "zap_invalid_exit", "zap_default_exit", "zap_valid_exit" },
		.built = true,
	},
	.request_ended = missed_request_ended,
};
RULE_ENTER(missed_page);
