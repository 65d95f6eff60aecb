// SPDX-License-Identifier: GPL-2.0
/* stuck: a request does not end. */
#include "rules/rule.h"

static void stuck_request_stuck(struct verdict *verdict, const struct model_request *request,
				__u64 now)
{
	struct accusation accusation = {
		.rule = RULE_STUCK,
		.inode = request->inode,
		.pgoff = request->pgoff_first,
		.nr = 1,
		.count = 1,
		.variant = request->id,
		.from = request->begin,
		.to = now,
	};
	struct verdict_violation *violation;
	char text[REQUEST_WORDS_MAX];

	if (model_doubtful(verdict_model(verdict), request->inode, request->begin, now))
		return;
	if (request->pgoff_last > request->pgoff_first)
		accusation.nr = request->pgoff_last - request->pgoff_first + 1;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	violation_source(violation, "events", "begun, not ended");
	violation_words(violation, "Let R be %s. R has not ended after %llu.%03llu s.",
			request_words(request, text), time_seconds(now - request->begin),
			time_micros(now - request->begin) / 1000);
}

static const struct rule_descriptor stuck = {
	.rule = {
		.name = "stuck",
		.fires_when = "a request has not ended within a limit",
		.meaning = "A request has not ended within a limit, 10 seconds unless --stuck says "
			   "otherwise.",
		.id = RULE_STUCK,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY,
		.providers = RULE_PROVIDERS_KNOWN,
		.built = true,
	},
	.request_stuck = stuck_request_stuck,
};
RULE_ENTER(stuck);
