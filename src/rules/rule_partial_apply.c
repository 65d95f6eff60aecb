// SPDX-License-Identifier: GPL-2.0
/* partial-apply: a request failed, and its pages are not as they were. */
#include "providers/provider.h"
#include "rules/inner.h"

static void partial_run(struct verdict *verdict, const struct model_request *request,
			const struct inner_run *run)
{
	const struct model_zap *zap = run->zap;
	const struct model_zap *first = run->first;
	enum model_state before = first->before;
	struct accusation accusation = {
		.rule = RULE_PARTIAL_APPLY,
		.inode = zap->inode,
		.pgoff = zap->pgoff + run->skip,
		.nr = run->nr,
		.pfn = zap->pfn + run->skip,
		.variant = request_variant(request) | PARTIAL_AFTER(zap->after),
		.from = request->begin,
		.to = request->end,
	};
	struct verdict_violation *violation;
	char text[REQUEST_WORDS_MAX];

	/* A change that failed, or of a page of which little is known, proves nothing. */
	if (zap != run->last || zap->result || zap->inode != request->inode || !first->sure ||
	    before == MODEL_EITHER || before == zap->after)
		return;
	/* One that came in the middle has the state that the request had declared by then. */
	if (first->since >= request->begin)
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	violation_source(violation, "events", "made %s, and the request failed with %lld",
			 state_name(zap->after), (long long)request->result);
	violation_source(violation, "model", "%s before, %s after", state_name(before),
			 state_name(zap->after));
	violation_words(violation,
			"Let R be %s. R failed with %lld, so that every page must be as it was. "
			"However, page 0x%llx was %s before R, was made %s inside R, and was not "
			"changed back before R ended.",
			request_words(request, text), (long long)request->result,
			(unsigned long long)accusation.pgoff, state_name(before),
			state_name(zap->after));
}

static void partial_request_ended(struct verdict *verdict, const struct model_request *request)
{
	/* What fallocate() has prepared before it fails stays, and may. */
	if (!request_tells(request) || request->operation == RECORD_OPERATION_FALLOCATE ||
	    request->result >= 0)
		return;
	if (model_doubtful(verdict_model(verdict), request->inode, request->begin, request->end))
		return;
	inner_visit(verdict, request, partial_run);
}

static const struct rule_descriptor partial_apply = {
	.rule = {
		.name = "partial-apply",
		.fires_when = "a request failed and left part of itself behind",
		.meaning = "A request that changes a range, or prepares a page, failed, and an entry "
			   "that it had changed was not changed back before it ended. "
			   "What the failing call itself may have changed is not known, and not "
			   "judged; what is left in the xarray shows as another rule's mismatch.",
		.id = RULE_PARTIAL_APPLY,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY,
		.providers = PROVIDERS_TAKE_REQUESTS,
		.watches = { "set_range_exit", "set_folio_exit", "configure_exit",
			     "configure_batch_exit" },
		.trusts = { "zap_invalid_exit", "zap_default_exit", "zap_valid_exit" },
		.built = true,
	},
	.request_ended = partial_request_ended,
};
RULE_ENTER(partial_apply);
