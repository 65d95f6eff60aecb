// SPDX-License-Identifier: GPL-2.0
/* lock-leak: a task keeps from a request what it did not have before. */
#include <stdio.h>
#include "rules/read.h"

static void leak_accuse(struct verdict *verdict, const struct model_request *request,
			enum model_kept kept, const char *says, const char *however)
{
	struct accusation accusation = {
		.rule = RULE_LOCK_LEAK,
		.variant = request_variant(request) | (__u64)kept << 32,
		.from = request->begin,
		.to = request->end,
	};
	struct verdict_violation *violation;
	char text[REQUEST_WORDS_MAX];

	if (model_doubtful(verdict_model(verdict), request->inode, request->begin, request->end))
		return;
	accuse_request(&accusation, request);
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	violation_source(violation, "events", "%s", says);
	violation_words(violation, "%s ended at %llu.%06llu s. However, %s",
			request_words(request, text), time_seconds(request->end),
			time_micros(request->end), however);
}

static void leak_request_ended(struct verdict *verdict, const struct model_request *request)
{
	char says[VERDICT_SAYS_MAX];

	if (request->kept & MODEL_KEPT_PREEMPTION) {
		snprintf(says, sizeof(says), "preempt_count 0x%x at its begin, 0x%x at its end",
			 request->preempt_begin, request->preempt_end);
		leak_accuse(verdict, request, MODEL_KEPT_PREEMPTION, says,
			    "its task came out of it with a higher preemption count than it went "
			    "in with: a lock was not released, or preemption not enabled again. "
			    "The task must not sleep any more, and does not know it.");
	}
	if (request->kept & MODEL_KEPT_INVALIDATE_LOCK)
		leak_accuse(
			verdict, request, MODEL_KEPT_INVALIDATE_LOCK,
			"the task owns invalidate_lock for writing, and did not at its begin",
			"its task still owned the inode's invalidate_lock for writing, which it "
			"had not owned when it began. Whoever changes the inode next waits for "
			"ever.");
}

static void lock_page_read(struct verdict *verdict, const struct model_read *read)
{
	struct accusation accusation = read_accusation_left(read, RULE_LOCK_LEAK);
	struct verdict_violation *violation;
	char name[MODEL_INODE_NAME_MAX];

	if (!(read->left & MODEL_LEFT_LOCKED))
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	model_inode_name(read->inode, name, sizeof(name));
	violation_source(violation, "page flags", "locked, in two reads at the release");
	violation_words(
		violation,
		"The folio of page 0x%llx of %s was locked when the inode was released, at "
		"%llu.%06llu s, when nobody can be at work on it. However, whoever locked it "
		"did not unlock it again. Who waits for the lock, as the release itself will, "
		"waits for ever.",
		(unsigned long long)read->pgoff, name, time_seconds(read->begin),
		time_micros(read->begin));
}

static const struct rule_descriptor lock_leak = {
	.rule = {
		.name = "lock-leak",
		.fires_when = "a request ended holding a lock that it began without",
		.meaning = "A request ended with a higher preemption count than it began with, or "
			   "its task came to own the inode's invalidate_lock for writing and still "
			   "does; or a folio is locked in two reads at its inode's release, where "
			   "nobody can be at work on it. "
			   "A page with memory failure is left out: who deals with that holds the lock. "
			   "Compaction, which locks folios for a moment, is taken for a leak should its CPU "
			   "stand still through both reads. "
			   "Of requests that nest the innermost is told of. "
			   "Locks of other objects, those taken for reading, and what is taken outside "
			   "of requests are not seen. "
			   "Where a kernel keeps no preemption count, that half is not judged.",
		.id = RULE_LOCK_LEAK,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY,
		.providers = PROVIDERS_JUDGED,
		.since = "schedule_bug_enter",
		.limited_by = RECORD_FACT_UNCOUNTED,
		.built = true,
	},
	.request_ended = leak_request_ended,
	.page_read = lock_page_read,
};
RULE_ENTER(lock_leak);
