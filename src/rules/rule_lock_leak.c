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

	accuse_request(&accusation, request);
	if (verdict_doubts(verdict, &accusation, request->inode))
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	violation_source(violation, "events", "%s", says);
	violation_words(violation, "%s ended at %llu.%06llu s. However, %s",
			request_words(request, text), time_seconds(request->end),
			time_micros(request->end), however);
}

/* Of which the owner is known. */
static const struct {
	enum model_kept kept;
	const char *says, *however;
} locks[] = {
	{ MODEL_KEPT_INVALIDATE_LOCK,
	  "the task owns invalidate_lock for writing, and did not at its begin",
	  "its task still owned the inode's invalidate_lock for writing, which it had not owned "
	  "when "
	  "it began. Whoever changes the inode next waits for ever." },
	{ MODEL_KEPT_I_RWSEM, "the task owns i_rwsem for writing, and did not at its begin",
	  "its task still owned the inode's i_rwsem for writing, which it had not owned when it "
	  "began. Whoever locks the inode next waits for ever." },
	{ MODEL_KEPT_MMAP_LOCK, "the task owns mmap_lock for writing, and did not at its begin",
	  "its task still owned its process's mmap_lock for writing, which it had not owned when "
	  "it "
	  "began. Every page fault of the process waits for ever." },
};

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
	for (size_t i = 0; i < sizeof(locks) / sizeof(locks[0]); i++) {
		if (request->kept & locks[i].kept)
			leak_accuse(verdict, request, locks[i].kept, locks[i].says,
				    locks[i].however);
	}
}

/*
 * Compaction locks a folio for a moment, and its CPU may stand still through both reads. The release itself
 * takes the lock of each folio: where it ends before this somebody has let it go.
 */
#define RELEASE_WAITS_NS 1000000000ULL

static void lock_page_read(struct verdict *verdict, const struct model_read *read)
{
	static const struct read_left left = {
		.rule = RULE_LOCK_LEAK,
		.left = MODEL_LEFT_LOCKED,
		.wait = RELEASE_WAITS_NS,
		.source = "page flags",
		.says = "locked",
		.was = "had its folio locked",
		.however =
			"whoever locked it did not unlock it again, and the release, which needs "
			"the lock, had not ended a second later. Who waits for the lock waits "
			"for ever.",
	};

	read_judge_left(verdict, read, &left);
}

/* A release that has ended has had the locks. */
static void lock_request_ended(struct verdict *verdict, const struct model_request *request)
{
	if (request->operation == RECORD_OPERATION_RELEASE && request->inode)
		verdict_retract(verdict, RULE_LOCK_LEAK, request->inode, request->end);
	leak_request_ended(verdict, request);
}

static const struct rule_descriptor lock_leak = {
	.rule = {
		.name = "lock-leak",
		.fires_when = "a request ended holding a lock that it began without",
		.meaning = "A request ended with a higher preemption count than it began with, or "
			   "its task came to own the inode's invalidate_lock or i_rwsem, or its own "
			   "mmap_lock, for writing and still does; or a folio is locked in two reads at its inode's release, where "
			   "nobody can be at work on it. "
			   "A page with memory failure is left out: who deals with that holds the lock. "
			   "What locks a folio for a moment, as compaction does, lets it go: the "
			   "release waits for the lock, and where it has ended within a second of the "
			   "reads nothing has leaked. "
			   "Of requests that nest the innermost is told of. "
			   "The latter two locks are looked at for changes of a range, fallocate and "
			   "the release. Mutexes, locks of other objects, those taken for reading, "
			   "interrupts that stay disabled, and what is taken outside of requests are "
			   "not seen. "
			   "Where a kernel keeps no preemption count, that half is not judged.",
		.id = RULE_LOCK_LEAK,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY,
		.providers = PROVIDERS_JUDGED,
		.since = "schedule_bug_enter",
		.limited_by = RECORD_FACT_UNCOUNTED,
		.built = true,
	},
	.request_ended = lock_request_ended,
	.page_read = lock_page_read,
};
RULE_ENTER(lock_leak);
