// SPDX-License-Identifier: GPL-2.0
/* unexpected-zap: a page became absent, and nobody had asked its inode for that. */
#include <stdio.h>
#include "rules/rule.h"
#include "providers/provider.h"

/* A call that began before the inode was met may run on unseen. */
#define SHADOW_NS 2000000000ULL

static bool stays_present(const struct model_inode *inode)
{
	return provider_has(inode->provider, PROVIDER_STAYS_PRESENT);
}

/* Inside a request it is for the request's rules, but for those who promise presence. */
static bool is_unexpected(const struct model_zap *change, const struct model_request *request)
{
	const struct model_inode *inode = change->inode;

	return inode && !inode->dead && !change->valid && !change->result &&
	       (!request || stays_present(inode));
}

/* Whose the page is may be long past, and who asked for it may have begun before the sensors. */
static bool is_excused(const struct model_zap *change)
{
	return change->inode->before_attach &&
	       (!change->sure || change->end < change->inode->met + SHADOW_NS);
}

/* A hole may have given its page to others, and nobody tells of pages that leave. */
static bool may_be_past(const struct model *model, const struct model_inode *inode, char *reason,
			size_t size)
{
	return provider_has(inode->provider, PROVIDER_LEAVES_UNTOLD) &&
	       !sight_trusted(model, "fallocate_exit", reason, size);
}

static bool unexpected_unjudged(const struct model *model, char *reason, size_t size)
{
	const struct model_inode *inode = NULL;
	char why[120];

	while ((inode = model_inode_next(model, inode))) {
		if (!may_be_past(model, inode, why, sizeof(why)))
			continue;
		snprintf(reason, size, "not of a guest_memfd without a flag: %s", why);
		return true;
	}
	return false;
}

static void unexpected_changed(struct verdict *verdict, const struct model_zap *change,
			       const struct model_request *request)
{
	const struct model_inode *inode = change->inode;
	struct accusation accusation;
	struct verdict_violation *violation;
	char name[MODEL_INODE_NAME_MAX], why[120];

	if (!is_unexpected(change, request) ||
	    may_be_past(verdict_model(verdict), inode, why, sizeof(why)))
		return;
	if (is_excused(change)) {
		verdict_excused(verdict, RULE_UNEXPECTED_ZAP, change->nr);
		return;
	}
	if (!change->sure)
		return;
	accusation = (struct accusation){
		.rule = RULE_UNEXPECTED_ZAP,
		.inode = inode,
		.pgoff = change->pgoff,
		.nr = change->nr,
		.pfn = change->pfn,
		.from = change->end,
		.to = change->end,
		.anyone = true,
		.request = request,
		.zap = change,
	};
	if (verdict_doubts(verdict, &accusation, NULL))
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	model_inode_name(inode, name, sizeof(name));
	violation_source(violation, "events", "made absent %s",
			 request ? "by a request" : "outside any request");
	violation_source(violation, "model", "%s",
			 stays_present(inode) ? "no direct-map flag: its pages stay present"
					      : "no request of this task's is open");
	violation_words(
		violation,
		"Page 0x%llx of %s was made absent at %llu.%06llu s by task %u. However, %s",
		(unsigned long long)change->pgoff, name, time_seconds(change->end),
		time_micros(change->end), change->tid,
		stays_present(inode)
			? "the inode has no direct-map flag, so that nothing may make its "
			  "pages absent."
			: "the task was inside no request that could have asked for it.");
}

static const struct rule_descriptor unexpected_zap = {
	.rule = {
		.name = "unexpected-zap",
		.fires_when = "a zap on an inode that did not ask for it",
		.meaning = "A page of a guest_memfd was made absent outside any request, or at all "
			   "where the inode has no direct-map flag. "
			   "What a task does outside any request, as a worker, is a request's that "
			   "is open and asks for it. "
			   "In the first two seconds of an inode that is older than the sensors "
			   "nothing is judged, as a request from before cannot be seen: how many "
			   "pages became absent then is said. "
			   "Of one without a direct-map flag nothing is judged where holes are not "
			   "seen, as they may have given its pages to others.",
		.id = RULE_UNEXPECTED_ZAP,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY,
		/* Others change their pages without a request, a page at a time. */
		.providers = PROVIDERS_TAKE_REQUESTS | PROVIDERS_STAY_PRESENT,
		.watches = { "zap_invalid_exit", "zap_valid_exit" },
		.trusts = { "set_range_exit", "set_folio_exit", "configure_exit", "fallocate_exit",
			    "configure_batch_enter" },
		.built = true,
	},
	.changed = unexpected_changed,
	.unjudged = unexpected_unjudged,
};
RULE_ENTER(unexpected_zap);
