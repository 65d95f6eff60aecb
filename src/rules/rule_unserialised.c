// SPDX-License-Identifier: GPL-2.0
/* unserialised: two changes of one inode's same pages, one in the middle of the other. */
#include "providers/provider.h"
#include "rules/inner.h"

/* A step of the one came when the other had begun its steps, and had some to come: who took none had none. */
static bool steps_interleave(const struct model_request *one, const struct model_request *other)
{
	return one->step_first <= other->step_first ? other->step_first < one->step_last
						    : one->step_first < other->step_last;
}

static void accuse_unserialised(struct verdict *verdict, const struct model_request *request,
				const struct model_request *other)
{
	__u64 first = request->pgoff_first, last = request->pgoff_last;
	struct accusation accusation = {
		.rule = RULE_UNSERIALISED,
		.inode = request->inode,
		.from = request->begin < other->begin ? request->begin : other->begin,
		.to = request->end,
		.request = request,
		.other = other,
	};
	struct verdict_violation *violation;
	char text[REQUEST_WORDS_MAX], others[REQUEST_WORDS_MAX];

	first = first > other->pgoff_first ? first : other->pgoff_first;
	last = last < other->pgoff_last ? last : other->pgoff_last;
	if (first > last)
		return;
	accusation.pgoff = first;
	accusation.nr = last - first + 1;
	if (verdict_doubts(verdict, &accusation, request->inode))
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	violation_source(violation, "events", "steps of one request between those of another");
	violation_words(
		violation,
		"Let R be %s, and S be %s. Both change pages 0x%llx-0x%llx, which they must "
		"do one after the other. However, S took its first step at %llu.%06llu s, "
		"and R its steps from %llu.%06llu s to %llu.%06llu s: which state the "
		"pages and the xarray end with is left to chance.",
		request_words(request, text), request_words(other, others),
		(unsigned long long)first, (unsigned long long)last,
		time_seconds(other->step_first), time_micros(other->step_first),
		time_seconds(request->step_first), time_micros(request->step_first),
		time_seconds(request->step_last), time_micros(request->step_last));
}

/* The other is still open: what it will do yet lies after what it did. */
static void unserialised_request_ended(struct verdict *verdict, const struct model_request *request)
{
	const struct model_request *other;

	/* Without a step it cannot be torn apart, nor tear another. */
	if (!request_changes_range(request) || !request->inode || !request->step_last)
		return;
	for (size_t i = 0; (other = model_request_open(verdict_model(verdict), i)); i++) {
		if (other->inode == request->inode && other->tid != request->tid &&
		    request_changes_range(other) && steps_interleave(request, other))
			accuse_unserialised(verdict, request, other);
	}
}

static const struct rule_descriptor unserialised = {
	.rule = {
		.name = "unserialised",
		.fires_when = "the inner changes of two requests on one inode interleave",
		.meaning = "Two requests that change a range, of one inode and of the same pages, "
			   "were open at the same time, and a step of the one, a change of entries "
			   "or of the xarray, came between two steps of the other. "
			   "Judged when the first of them ends. "
			   "A request that makes one step cannot be torn apart, and is not seen.",
		.id = RULE_UNSERIALISED,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY,
		.providers = PROVIDERS_TAKE_REQUESTS,
		.watches = { "set_range_exit", "set_folio_exit" },
		.built = true,
	},
	.request_ended = unserialised_request_ended,
};
RULE_ENTER(unserialised);
