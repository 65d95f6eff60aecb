// SPDX-License-Identifier: GPL-2.0
/* sleep-in-atomic: a request went to sleep where it must not. */
#include "rules/rule.h"

static void sleep_slept(struct verdict *verdict, const struct model_slept *slept)
{
	const struct model_request *request = slept->request;
	struct accusation accusation = {
		.rule = RULE_SLEEP_IN_ATOMIC,
		.variant = request_variant(request) | (__u64)slept->might << 32,
		.from = request->begin,
		.to = slept->time,
		.slept = slept,
	};
	struct verdict_violation *violation;
	char text[REQUEST_WORDS_MAX];

	accuse_request(&accusation, request);
	if (verdict_doubts(verdict, &accusation, request->inode))
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	violation_source(violation, "scheduler",
			 "preempt_count 0x%x at the sleep, 0x%x at its begin", slept->preempt_count,
			 request->preempt_begin);
	violation_words(
		violation,
		"Let R be %s. R called %s at %llu.%06llu s. However, R was not "
		"preemptible: since it began it had taken a spinlock, or disabled preemption. "
		"Who wants that lock on this CPU meanwhile waits for ever%s.",
		request_words(request, text), slept->might ? "what may sleep" : "the scheduler",
		time_seconds(slept->time), time_micros(slept->time),
		slept->might ? ", on the day that it does sleep" : "");
}

static const struct rule_descriptor sleep_in_atomic = {
	.rule = {
		.name = "sleep-in-atomic",
		.fires_when = "a request slept where it must not",
		.meaning = "A request called the scheduler with a higher preemption count than it began "
			   "with, which the kernel itself finds out; or, where it is built with "
			   "CONFIG_DEBUG_ATOMIC_SLEEP, what may do so, as taking the lock of a folio and "
			   "a blocking allocation do. "
			   "On other kernels what might have slept, and did not have to, is not seen; on "
			   "those it is told of once a second at most, and not what is atomic by RCU "
			   "alone. "
			   "Where a kernel keeps no preemption count, it is not judged.",
		.id = RULE_SLEEP_IN_ATOMIC,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY,
		.providers = PROVIDERS_JUDGED,
		.watches = { "schedule_bug_enter" },
		.limited_by = RECORD_FACT_UNCOUNTED,
		.built = true,
	},
	.slept = sleep_slept,
};
RULE_ENTER(sleep_in_atomic);
