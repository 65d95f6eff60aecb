// SPDX-License-Identifier: GPL-2.0
/* never-flushed and flush-mismatch: what those who zap flush afterwards. */
#include <stdio.h>
#include "rules/rule.h"

/* What the kernel is told to do is no oversight of it: whoever allows the rule knows. */
static void add_policy(struct verdict *verdict, struct verdict_violation *violation,
		       const struct model_inode *inode)
{
	const char *parameter = provider_of(inode->provider)->flush_parameter, *value;
	char key[64];

	if (!parameter)
		return;
	snprintf(key, sizeof(key), PROVIDER_FACT_POLICY "%s", parameter);
	value = model_fact_find(verdict_model(verdict), key);
	if (!value)
		return;
	violation_source(violation, "policy", "%s: flushes are left out", value);
	violation_add_words(violation,
			    " This is policy: the host runs with %s. Where that is meant, --allow "
			    "never-flushed:REASON accepts it.",
			    value);
}

/* Hibernation, of a page that it found absent. */
static void words_of_borrowed(struct verdict_violation *violation,
			      const struct model_flush_judgement *judgement, const char *however)
{
	const struct model_zap *zap = judgement->zap;

	violation_words(
		violation,
		"The page of pfn 0x%llx, of no inode, was put back by task %u and made "
		"absent again at %llu.%06llu s, as hibernation does to copy what is absent. "
		"However, %s So translations to it may live on in any CPU's TLB.",
		(unsigned long long)zap->pfn, zap->tid, time_seconds(zap->end),
		time_micros(zap->end), however);
}

/* Who frees executable memory: the task, and where it came from, are all that is known of it. */
static void words_of_nobody(struct verdict_violation *violation,
			    const struct model_flush_judgement *judgement, const char *however)
{
	const struct model_zap *zap = judgement->zap;

	violation_words(violation,
			"The page of pfn 0x%llx, of no inode, was made absent by task %u at "
			"%llu.%06llu s together with others, and present again at %llu.%06llu s, "
			"as who frees executable memory does. However, %s So translations to what "
			"it held may live on in any CPU's TLB.",
			(unsigned long long)zap->pfn, zap->tid, time_seconds(zap->end),
			time_micros(zap->end), time_seconds(judgement->time),
			time_micros(judgement->time), however);
}

/* The last that the request issued behind the zap: what it should have covered it did not. */
static const struct model_flush *flush_behind(const struct model_flush_judgement *judgement)
{
	const struct model_request *request = judgement->request;

	for (size_t i = request ? request->flushes_nr : 0; i--;) {
		if (request->flushes[i].begin >= judgement->zap->end)
			return &request->flushes[i];
	}
	return NULL;
}

/* Met by this change alone: if it was absent before there was nothing to flush. */
static bool flush_unneeded(const struct model_zap *zap)
{
	return zap->inode && zap->before == MODEL_EITHER && zap->since == zap->end;
}

static void accuse_unflushed(struct verdict *verdict, const struct model_flush_judgement *judgement,
			     __u32 rule, const char *says, const char *however)
{
	const struct model_request *request = judgement->request;
	const struct model_zap *zap = judgement->zap;
	struct accusation accusation = {
		.rule = rule,
		.inode = zap->inode,
		.pgoff_unknown = !zap->inode,
		.pgoff = zap->inode ? judgement->pgoff : 0,
		.nr = judgement->nr,
		.pfn = judgement->pfn,
		.variant = request_variant(request) |
			   (__u64)(judgement->coverage == MODEL_UNANSWERED) << 32,
		.from = request ? request->begin : zap->end,
		.to = judgement->time,
		.anyone = request && request->inode != zap->inode,
		.answers = judgement->unanswered,
		.request = request,
		.zap = zap,
		.flush = flush_behind(judgement),
	};
	struct verdict_violation *violation;
	char text[REQUEST_WORDS_MAX] = "a fault", name[MODEL_INODE_NAME_MAX];

	/* It may be the allocator's, which flushes later. */
	if (!zap->inode && kind_met(verdict_model(verdict), PROVIDERS_ALLOCATOR_FLUSHES))
		return;
	if (verdict_doubts(verdict, &accusation, zap->inode))
		return;
	if (flush_unneeded(zap)) {
		verdict_unproven(verdict, judgement->nr);
		return;
	}
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	if (!zap->inode) {
		violation_source(violation, "events", "%s", says);
		if (judgement->borrowed)
			words_of_borrowed(violation, judgement, however);
		else
			words_of_nobody(violation, judgement, however);
		violation_caller(violation, judgement->caller);
		return;
	}
	model_inode_name(zap->inode, name, sizeof(name));
	if (request)
		request_words(request, text);
	violation_source(violation, "events", "%s", says);
	violation_words(violation,
			"Page 0x%llx of %s was made absent by %s at %llu.%06llu s. However, %s So "
			"translations to it may live on in any CPU's TLB.",
			(unsigned long long)judgement->pgoff, name, text, time_seconds(zap->end),
			time_micros(zap->end), however);
	if (rule == RULE_NEVER_FLUSHED)
		add_policy(verdict, violation, zap->inode);
}

static void never_flush_judged(struct verdict *verdict,
			       const struct model_flush_judgement *judgement)
{
	if (judgement->coverage == MODEL_UNCOVERED)
		accuse_unflushed(
			verdict, judgement, RULE_NEVER_FLUSHED, "no flush of its own after the zap",
			"it called none of the routines that flush kernel mappings afterwards, "
			"flush_tlb_kernel_range() and flush_tlb_all(); a flush that others issue "
			"is luck, and one by other means is not seen.");
}

static bool flush_unjudged(const struct model *model, char *reason, size_t size)
{
	const char *kind = kind_met(model, PROVIDERS_ALLOCATOR_FLUSHES);

	if (kind)
		snprintf(reason, size,
			 "not of %s, nor of pages of no inode: the allocator flushes those, with "
			 "others and later",
			 kind);
	return kind;
}

/* "CPU 1 was not asked to flush", "CPU 1 and 2 others". */
static void unanswered_words(const struct model_unanswered *unanswered, char *text, size_t size)
{
	__u32 others = unanswered->missing - 1;
	char who[64];

	snprintf(who, sizeof(who), "CPU %u", unanswered->cpu);
	if (others)
		snprintf(who, sizeof(who), "CPU %u and %u other%s", unanswered->cpu, others,
			 others == 1 ? "" : "s");
	snprintf(text, size, "%s %s", who,
		 unanswered->unasked == unanswered->missing
			 ? "was not asked to flush"
			 : "did not run the kernel's handler of the flush");
}

/* A flush covers it, and CPUs that were online all the while took no part in it. */
static void accuse_unanswered(struct verdict *verdict,
			      const struct model_flush_judgement *judgement)
{
	const struct model_unanswered *unanswered = judgement->unanswered;
	char who[128], says[VERDICT_SAYS_MAX], however[320];

	unanswered_words(unanswered, who, sizeof(who));
	snprintf(says, sizeof(says), "%u of %u CPUs took part in the flush: not CPU %u",
		 unanswered->online - unanswered->missing, unanswered->online, unanswered->cpu);
	snprintf(however, sizeof(however),
		 "of the flush that it issued at %llu.%06llu s, which covers the page, %s, though "
		 "it "
		 "was online until the flush had ended.",
		 time_seconds(unanswered->begin), time_micros(unanswered->begin), who);
	accuse_unflushed(verdict, judgement, RULE_FLUSH_MISMATCH, says, however);
}

static void mismatch_flush_judged(struct verdict *verdict,
				  const struct model_flush_judgement *judgement)
{
	if (judgement->coverage == MODEL_MISCOVERED)
		accuse_unflushed(verdict, judgement, RULE_FLUSH_MISMATCH,
				 "flushes of its own after the zap, none covers the page",
				 "none of the flushes that it issued afterwards covers this page.");
	if (judgement->coverage == MODEL_UNANSWERED)
		accuse_unanswered(verdict, judgement);
}

#define ZAPS                                                                                       \
	{                                                                                          \
		"zap_invalid_exit", "zap_default_exit", "zap_valid_exit"                           \
	}
/* The one for everything, flush_all_exit, no touch of the tool's own reaches. */
#define FLUSHES                                                                                    \
	{                                                                                          \
		"flush_range_exit"                                                                 \
	}

static const struct rule_descriptor never_flushed = {
	.rule = {
		.name = "never-flushed",
		.fires_when = "no flush was issued after the zap by those who zapped",
		.meaning = "A task made a page absent and issued no flush itself, begun after the "
			   "zap, before its outermost request ended. "
			   "A flush that somebody else issues ends the exposure, and not the "
			   "violation. "
			   "Where a kernel thread issued it, and it ended before the request did, "
			   "the request may have waited for it: whether it did is not seen, and the "
			   "verdict is inconclusive. "
			   "Flushes are the calls of flush_tlb_kernel_range() and flush_tlb_all(). "
			   "Where CPUs are watched, and the task had all others run something else "
			   "instead, and ran it, too, that may have been a flush by other means: what it did is "
			   "not seen, and the verdict is inconclusive. "
			   "A fault that flushes its page itself is accused when its task is seen to go on, "
			   "the page comes back, its file is released, or a minute is over; until then it "
			   "may be kept from its CPU, and after a second the verdict is inconclusive. "
			   "Where a parameter of the kernel leaves flushes out, the words say that "
			   "it is policy. "
			   "Pages of no inode that a task takes out together, as who frees "
			   "executable memory does, are to be flushed before it puts them back; one "
			   "that it puts back and takes out again, as hibernation does to copy it, "
			   "within a second.",
		.id = RULE_NEVER_FLUSHED,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY | RULE_NEEDS_PAGES,
		.providers = PROVIDERS_PROMISE_FLUSH,
		.watches = ZAPS,
		.trusts = FLUSHES,
		.built = true,
	},
	.flush_judged = never_flush_judged,
	.unjudged = flush_unjudged,
};
RULE_ENTER(never_flushed);

static const struct rule_descriptor flush_mismatch = {
	.rule = {
		.name = "flush-mismatch",
		.fires_when = "the flushes after a zap miss what was zapped, or part of it",
		.meaning = "The same, but there were flushes of its own, and none covers the page, "
			   "or all of it. "
			   "Or they do, and a CPU that was online from the flush's begin to its end "
			   "took no part in it: it was not asked, or its handler did not run. "
			   "Seen by the tracepoints of csds; what the handler does once it runs is "
			   "not. "
			   "That half is not judged where nobody looked, where the CPU flushes "
			   "others' TLBs without asking them, and of a flush during which a CPU went "
			   "up or down and somebody is missing. "
			   "A kernel that leaves a flush to the next entry of an isolated CPU breaks "
			   "it by design.",
		.id = RULE_FLUSH_MISMATCH,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY | RULE_NEEDS_ANSWERS | RULE_NEEDS_PAGES,
		.providers = PROVIDERS_PROMISE_FLUSH,
		.watches = ZAPS,
		.trusts = FLUSHES,
		.built = true,
	},
	.flush_judged = mismatch_flush_judged,
	.unjudged = flush_unjudged,
};
RULE_ENTER(flush_mismatch);
