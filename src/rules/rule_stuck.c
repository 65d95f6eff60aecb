// SPDX-License-Identifier: GPL-2.0
/* stuck: a request does not end. */
#include <stdio.h>
#include "rules/rule.h"

static bool same_vm(const struct model_request *a, const struct model_request *b)
{
	return a->inode && b->inode && a->inode->vm && a->inode->vm == b->inode->vm;
}

/* Who else has a request open there: R may be waiting for it, or it for R. */
static void stuck_company(const struct model *model, const struct model_request *request,
			  struct verdict_violation *violation)
{
	const struct model_request *other;
	char text[REQUEST_WORDS_MAX];

	for (size_t i = 0; (other = model_request_open(model, i)); i++) {
		if (other->tid == request->tid ||
		    (other->inode != request->inode && !same_vm(other, request)))
			continue;
		violation_add_words(violation, " Open at the same time: %s.",
				    request_words(other, text));
	}
}

static void stuck_request_stuck(struct verdict *verdict, const struct model_request *request,
				__u64 now)
{
	const struct model *model = verdict_model(verdict);
	struct accusation accusation = {
		.rule = RULE_STUCK,
		.variant = request->id,
		.from = request->begin,
		.to = now,
	};
	struct verdict_violation *violation;
	char text[REQUEST_WORDS_MAX];

	/* It began, whatever was missed before that; its task may have died in the one before. */
	if (model_gap(model, request->inode, request->begin + 1, now))
		return;
	accuse_request(&accusation, request);
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	violation_source(violation, "events", "begun, not ended");
	violation_words(violation, "Let R be %s. R has not ended after %llu.%03llu s.",
			request_words(request, text), time_seconds(now - request->begin),
			time_micros(now - request->begin) / 1000);
	stuck_company(model, request, violation);
}

static const struct model_request *stuck_request(const struct model *model,
						 const struct verdict_violation *violation)
{
	const struct model_request *request;

	for (size_t i = 0; (request = model_request_open(model, i)); i++) {
		if (request->inode == violation->inode && request->begin == violation->time_first)
			return request;
	}
	return NULL;
}

static const char *stuck_fact(const struct model *model, __u32 tid, const char *what)
{
	char key[48];

	snprintf(key, sizeof(key), "stuck.%u.%s", tid, what);
	return model_fact_find(model, key);
}

/* A live run has looked where its tasks are: that names who waits, and who may be waited for. */
static void stuck_listed(struct verdict *verdict, struct verdict_violation *violation)
{
	const struct model *model = verdict_model(verdict);
	const struct model_request *request = stuck_request(model, violation);
	const char *wait = request ? stuck_fact(model, request->tid, "wait") : NULL;
	const char *others = request ? stuck_fact(model, request->tid, "others") : NULL;

	if (!wait)
		return;
	violation_source(violation, "task", "%s", wait);
	violation_add_words(violation, " Its task %u %s.", request->tid, wait);
	if (others)
		violation_add_words(violation, " At work in the same process: %s.", others);
	if (strcmp(wait, "runs") != 0)
		violation_add_words(violation,
				    " So R waits: who keeps it waiting is at fault, R is not.");
}

static const struct rule_descriptor stuck = {
	.rule = {
		.name = "stuck",
		.fires_when = "a request has not ended within a limit",
		.meaning = "A request has not ended within a limit, 10 seconds unless --stuck says "
			   "otherwise. "
			   "It may be the victim: the words name the other requests open on its "
			   "inode or VM, and a live run says where its task waits and which "
			   "others of its process are at work.",
		.id = RULE_STUCK,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY,
		.providers = PROVIDERS_JUDGED,
		.built = true,
	},
	.request_stuck = stuck_request_stuck,
	.listed = stuck_listed,
};
RULE_ENTER(stuck);
