// SPDX-License-Identifier: GPL-2.0
/* Rules that follow requests, zaps and flushes. */
#include "internal.h"

static __u64 request_variant(const struct model_request *request)
{
	return request ? 1 | (__u64)request->operation << 8 | (__u64)request->state << 16 : 0;
}

static bool page_missed(const struct model_request *request, const struct model_page *page)
{
	enum model_state wanted = request->state ? MODEL_PRESENT : MODEL_ABSENT;

	return page->sure && page->prepared && !page->poisoned && page->applied != MODEL_EITHER &&
	       page->applied != wanted && page->changed < request->begin &&
	       !model_request_conflicts(request, page->pgoff);
}

static void accuse_missed(struct verdict *verdict, const struct model_request *request,
			  const struct model_page *page, __u64 nr)
{
	struct accusation accusation = {
		.rule = RULE_MISSED_PAGE,
		.inode = request->inode,
		.pgoff = page->pgoff,
		.nr = nr,
		.pfn = page->pfn,
		.variant = request_variant(request),
		.from = request->begin,
		.to = request->end,
	};
	struct verdict_violation *violation = verdict_accuse(verdict, &accusation);
	char text[160];

	if (!violation)
		return;
	violation_source(violation, "events", "asked for %s, no change of this page",
			 request->state ? "present" : "absent");
	violation_source(violation, "model", "resident, prepared and %s throughout",
			 state_name(page->applied));
	violation_words(violation,
			"Let R be %s. Page 0x%llx lies in R's range and was resident, prepared and "
			"%s from R's begin to its end. R reported success. However, no change of "
			"this page was made between them: R missed it.",
			request_words(request, text, sizeof(text)), (unsigned long long)page->pgoff,
			state_name(page->applied));
}

static bool request_changes_range(const struct model_request *request)
{
	return request->operation == RECORD_OPERATION_SET_RANGE ||
	       request->operation == RECORD_OPERATION_SET_FOLIO;
}

void rules_request_ended(void *context, const struct model_request *request)
{
	struct verdict *verdict = context;
	struct model_page page, first = { 0 };
	__u64 pgoff = request->pgoff_first, nr = 0;

	if (!request_changes_range(request) || request->result || !request->inode ||
	    request->inode->provider != RECORD_PROVIDER_RFC3)
		return;
	if (model_doubtful(verdict->model, request->inode, request->begin, request->end))
		return;
	while (model_resident_next(verdict->model, request->inode, pgoff, request->pgoff_last,
				   &page)) {
		pgoff = page.pgoff + 1;
		if (!page_missed(request, &page))
			continue;
		if (nr && page.pgoff == first.pgoff + nr) {
			nr++;
			continue;
		}
		if (nr)
			accuse_missed(verdict, request, &first, nr);
		first = page;
		nr = 1;
	}
	if (nr)
		accuse_missed(verdict, request, &first, nr);
}

static void accuse_foreign(struct verdict *verdict, const struct model_zap *zap,
			   const struct model_request *request, __u64 skip, __u64 nr)
{
	struct accusation accusation = {
		.rule = RULE_FOREIGN_PAGE,
		.inode = zap->inode ? zap->inode : request->inode,
		.pgoff = zap->pgoff + skip,
		.nr = nr,
		.pfn = zap->pfn + skip,
		.variant = request_variant(request) | (zap->inode ? 1ULL << 32 : 0),
		.from = request->begin,
		.to = zap->end,
		.anyone = true,
	};
	struct verdict_violation *violation;
	char text[160], name[MODEL_INODE_NAME_MAX];

	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	model_inode_name(zap->inode, name, sizeof(name));
	violation_source(violation, "events", "made %s by a request for 0x%llx-0x%llx",
			 zap->valid ? "present" : "absent",
			 (unsigned long long)request->pgoff_first,
			 (unsigned long long)request->pgoff_last);
	if (zap->inode)
		violation_source(violation, "model", "page 0x%llx of %s",
				 (unsigned long long)accusation.pgoff, name);
	else
		violation_source(violation, "model", "a page of no known inode");
	violation_words(violation,
			"Let R be %s. Inside R a page was made %s that is %s%s, which R was not "
			"asked to change.",
			request_words(request, text, sizeof(text)),
			zap->valid ? "present" : "absent",
			!zap->inode ? "no guest memory at all: it stands where the page at this "
				      "offset would follow"
			: zap->inode == request->inode ? "outside R's range"
						       : "another inode's, ",
			!zap->inode || zap->inode == request->inode ? "" : name);
}

/*
 * A release or a punched hole restores whole folios, and fallocate() zaps whole
 * ones that it has just made, also where they stand out of the range.
 */
static bool range_binds(const struct model_zap *zap, const struct model_request *request)
{
	if (request->operation == RECORD_OPERATION_FALLOCATE)
		return false;
	return !zap->valid || request->operation != RECORD_OPERATION_RELEASE;
}

void rules_zapped(void *context, const struct model_zap *zap, const struct model_request *request)
{
	struct verdict *verdict = context;
	__u64 last = zap->pgoff + zap->nr - 1;

	if (!request || !request->inode || zap->result ||
	    request->operation == RECORD_OPERATION_ERROR_FOLIO)
		return;
	if (zap->inode ? !zap->sure : !model_owners_complete(verdict->model))
		return;
	if (model_doubtful(verdict->model, NULL, request->begin, zap->end))
		return;
	if (zap->inode != request->inode) {
		accuse_foreign(verdict, zap, request, 0, zap->nr);
		return;
	}
	if (!range_binds(zap, request))
		return;
	if (zap->pgoff < request->pgoff_first)
		accuse_foreign(verdict, zap, request, 0,
			       last < request->pgoff_first ? zap->nr
							   : request->pgoff_first - zap->pgoff);
	if (last > request->pgoff_last) {
		__u64 from =
			zap->pgoff > request->pgoff_last ? zap->pgoff : request->pgoff_last + 1;

		accuse_foreign(verdict, zap, request, from - zap->pgoff, last - from + 1);
	}
}

void rules_flush_judged(void *context, const struct model_flush_judgement *judgement)
{
	const struct model_request *request = judgement->request;
	const struct model_zap *zap = judgement->zap;
	struct verdict *verdict = context;
	bool none = judgement->coverage == MODEL_UNCOVERED;
	struct accusation accusation = {
		.rule = none ? RULE_NEVER_FLUSHED : RULE_FLUSH_MISMATCH,
		.inode = zap->inode,
		.pgoff = judgement->pgoff,
		.nr = judgement->nr,
		.pfn = judgement->pfn,
		.variant = request_variant(request),
		.from = request ? request->begin : zap->end,
		.to = judgement->time,
		.anyone = request && request->inode != zap->inode,
	};
	struct verdict_violation *violation;
	char text[160] = "a fault", name[MODEL_INODE_NAME_MAX];

	if (judgement->coverage == MODEL_COVERED)
		return;
	if (model_doubtful(verdict->model, zap->inode, accusation.from, accusation.to))
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	model_inode_name(zap->inode, name, sizeof(name));
	if (request)
		request_words(request, text, sizeof(text));
	violation_source(violation, "events", "%s",
			 none ? "no flush of its own after the zap"
			      : "flushes of its own after the zap, none covers the page");
	violation_words(
		violation,
		"Page 0x%llx of %s was made absent by %s at %llu.%06llu s. %s So translations to "
		"it may live on in any CPU's TLB.",
		(unsigned long long)judgement->pgoff, name, text,
		(unsigned long long)(zap->end / 1000000000),
		(unsigned long long)(zap->end / 1000 % 1000000),
		none ? "However, it issued no flush afterwards; a flush that others issue is luck."
		     : "However, none of the flushes that it issued afterwards covers this page.");
}

void rules_freed_absent(void *context, const struct model_freed *freed)
{
	struct accusation accusation = {
		.rule = RULE_FREED_ABSENT,
		.inode = freed->inode,
		.pgoff = freed->pgoff,
		.nr = freed->nr,
		.pfn = freed->pfn,
		.variant = freed->owned,
		.from = freed->time,
		.to = freed->time,
		/* The entry was read at the free: no history in it. */
		.immune = true,
	};
	struct verdict_violation *violation = verdict_accuse(context, &accusation);
	char name[MODEL_INODE_NAME_MAX];

	if (!violation)
		return;
	model_inode_name(freed->inode, name, sizeof(name));
	violation_source(violation, "page table", "absent when it was freed");
	violation_source(violation, "model", "%s",
			 freed->owned	? "still in its inode"
			 : freed->inode ? "left its inode and was not restored"
					: "zapped and never restored");
	if (freed->inode)
		violation_words(violation,
				"The page that was page 0x%llx of %s returned to the allocator at "
				"%llu.%06llu s by task %u while its direct-map entry was absent. "
				"Whoever gets it next will fault on it.",
				(unsigned long long)freed->pgoff, name,
				(unsigned long long)(freed->time / 1000000000),
				(unsigned long long)(freed->time / 1000 % 1000000), freed->tid);
	else
		violation_words(violation,
				"A page of no known inode, zapped and never restored, returned to "
				"the allocator at %llu.%06llu s by task %u while its direct-map "
				"entry was absent. Whoever gets it next will fault on it.",
				(unsigned long long)(freed->time / 1000000000),
				(unsigned long long)(freed->time / 1000 % 1000000), freed->tid);
}

void rules_request_stuck(void *context, const struct model_request *request, __u64 now)
{
	struct verdict *verdict = context;
	struct accusation accusation = {
		.rule = RULE_STUCK,
		.inode = request->inode,
		.pgoff = request->pgoff_first,
		.nr = 1,
		.variant = request->id,
		.from = request->begin,
		.to = now,
	};
	struct verdict_violation *violation;
	char text[160];

	if (model_doubtful(verdict->model, request->inode, request->begin, now))
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	if (request->pgoff_last > request->pgoff_first)
		violation->pgoff_last = request->pgoff_last;
	violation_source(violation, "events", "begun, not ended");
	violation_words(violation, "Let R be %s. R has not ended after %llu.%03llu s.",
			request_words(request, text, sizeof(text)),
			(unsigned long long)((now - request->begin) / 1000000000),
			(unsigned long long)((now - request->begin) / 1000000 % 1000));
}
