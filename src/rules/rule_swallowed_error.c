// SPDX-License-Identifier: GPL-2.0
/* swallowed-error: a step failed, and whoever asked was told of success. */
#include "providers/provider.h"
#include "rules/inner.h"

static void accuse_swallowed(struct verdict *verdict, const struct model_request *request,
			     const struct accusation *pages, const char *step, long long result)
{
	struct accusation accusation = *pages;
	struct verdict_violation *violation;
	char text[REQUEST_WORDS_MAX], name[MODEL_INODE_NAME_MAX];

	accusation.rule = RULE_SWALLOWED_ERROR;
	accusation.variant = request_variant(request);
	accusation.from = request->begin;
	accusation.to = request->end;
	accusation.request = request;
	if (verdict_doubts(verdict, &accusation, accusation.inode))
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	model_inode_name(accusation.inode, name, sizeof(name));
	violation_source(violation, "events", "%s failed with %lld, the request with nothing", step,
			 result);
	violation_words(
		violation,
		"Let R be %s. Inside R %s of pages 0x%llx-0x%llx of %s failed with %lld, and "
		"nothing in R made it good. However, R reported success: whoever asked "
		"believes that it was done.",
		request_words(request, text), step, (unsigned long long)accusation.pgoff,
		(unsigned long long)(accusation.pgoff + accusation.nr - 1), name, result);
}

static void swallowed_run(struct verdict *verdict, const struct model_request *request,
			  const struct inner_run *run)
{
	const struct model_zap *zap = run->zap;
	struct accusation accusation = {
		.inode = zap->inode,
		.pgoff = zap->pgoff + run->skip,
		.nr = run->nr,
		.pfn = zap->pfn + run->skip,
		.zap = zap,
	};

	/* Tried again, it was made good. */
	if (!zap->result || !zap->inode || run->done[zap->valid] > zap)
		return;
	accuse_swallowed(verdict, request, &accusation,
			 zap->valid ? "the change to present" : "the change to absent",
			 zap->result);
}

static void swallowed_request_ended(struct verdict *verdict, const struct model_request *request)
{
	struct accusation xarray = {
		.inode = request->inode,
		.pgoff = request->failed_first,
		.nr = request->failed_last - request->failed_first + 1,
		.chain = CHAIN_XARRAY,
	};

	if (!request_tells(request) || request->result)
		return;
	inner_visit(verdict, request, swallowed_run);
	if (request->failed && xarray.nr)
		accuse_swallowed(verdict, request, &xarray, "the update of the xarray",
				 request->failed);
}

static const struct rule_descriptor swallowed_error = {
	.rule = {
		.name = "swallowed-error",
		.fires_when = "an inner call failed, the request reported success",
		.meaning = "A change of entries, or an update of the xarray, failed inside a request "
			   "that reported success, and was not made good inside it. "
			   "Judged when a request ends that changes a range, prepares a page or "
			   "allocates; what a hole and a release do has nobody to be told of.",
		.id = RULE_SWALLOWED_ERROR,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY,
		.providers = PROVIDERS_TAKE_REQUESTS,
		.watches = { "set_range_exit", "set_folio_exit", "configure_exit", "fallocate_exit",
			     "configure_batch_exit" },
		.built = true,
	},
	.request_ended = swallowed_request_ended,
};
RULE_ENTER(swallowed_error);
