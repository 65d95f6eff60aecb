// SPDX-License-Identifier: GPL-2.0
/* partial-apply: a request failed, and its pages are not as they were. */
#include <stdlib.h>
#include "providers/provider.h"
#include "rules/inner.h"

#define FAILED_EXPLAINS(operation, state)                                                          \
	EXPLANATION(RULE_PARTIAL_APPLY,                                                            \
		    OPERATION_VARIANT(operation, (state) == MODEL_PRESENT) | PARTIAL_AFTER(state))

/* One before it failed, and left the page as it is not declared; now it was put right. */
static const struct explanation left_present[] = {
	FAILED_EXPLAINS(RECORD_OPERATION_SET_RANGE, MODEL_PRESENT),
	FAILED_EXPLAINS(RECORD_OPERATION_SET_FOLIO, MODEL_PRESENT),
	EXPLANATION(RULE_NONE, 0),
};

static const struct explanation left_absent[] = {
	FAILED_EXPLAINS(RECORD_OPERATION_SET_RANGE, MODEL_ABSENT),
	FAILED_EXPLAINS(RECORD_OPERATION_SET_FOLIO, MODEL_ABSENT),
	EXPLANATION(RULE_NONE, 0),
};

/* A run of pages that a request left otherwise than they were, or than they were declared. */
struct left {
	__u64 pgoff, nr, pfn;
	enum model_state before, after;
	__u64 changed; /* ns: before the request */
	const struct model_zap *zap; /* that left them so; NULL: not known */
	bool came; /* or changed, inside the request: `before` is what was declared before it */
};

static void partial_accuse(struct verdict *verdict, const struct model_request *request,
			   const struct left *left)
{
	struct accusation accusation = {
		.rule = RULE_PARTIAL_APPLY,
		.inode = request->inode,
		.pgoff = left->pgoff,
		.nr = left->nr,
		.pfn = left->pfn,
		.variant = request_variant(request) | PARTIAL_AFTER(left->after),
		.from = request->begin,
		.to = request->end,
		.explained = left->before == MODEL_PRESENT ? left_present : left_absent,
		.changed = left->changed,
		.request = request,
		.zap = left->zap,
		.chain = left->came ? CHAIN_CAME : CHAIN_BEFORE,
	};
	const char *before = state_name(left->before), *after = state_name(left->after);
	struct verdict_violation *violation;
	char text[REQUEST_WORDS_MAX];

	if (verdict_doubts(verdict, &accusation, request->inode))
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	violation_source(violation, "events", "%s %s, and the request failed with %lld",
			 left->came ? "left" : "made", after, (long long)request->result);
	violation_source_state(violation, "model", left->after, "%s%s before, %s after",
			       left->came ? "declared " : "", before, after);
	violation_words(violation,
			"Let R be %s. R failed with %lld, so that every page must be as it was. "
			"However, page 0x%llx was %s%s before R, %s %s inside R, and was not "
			"changed back before R ended.",
			request_words(request, text), (long long)request->result,
			(unsigned long long)left->pgoff, left->came ? "declared " : "", before,
			left->came ? "became" : "was made", after);
}

static int time_order(const void *time, const void *zap)
{
	__u64 at = *(const __u64 *)time, end = ((const struct model_zap *)zap)->end;

	return (at > end) - (at < end);
}

/* Whether the request was the last to change the page. Its changes stand in order of time. */
static bool changed_by(const struct model_request *request, const struct model_page *page)
{
	return request->zaps_nr && bsearch(&page->changed, request->zaps, request->zaps_nr,
					   sizeof(*request->zaps), time_order);
}

static bool page_left(const struct model_request *request, const struct model_page *page)
{
	return page->sure && page->prepared && !page->poisoned && page->applied != MODEL_EITHER &&
	       page->declared != MODEL_EITHER && page->applied != page->declared &&
	       page->changed >= request->begin && !model_request_conflicts(request, page->pgoff);
}

/*
 * What pages were that came in the middle says nothing: they took what the request had declared by
 * then. All the same they are to be as they were declared before it. @own: those that it changed.
 */
static void pages_left(struct verdict *verdict, const struct model_request *request, __u64 pgoff,
		       __u64 last, bool own)
{
	struct model_page page;

	for (; model_resident_next(verdict_model(verdict), request->inode, pgoff, last, &page);
	     pgoff = page.pgoff + page.nr) {
		struct left left = {
			.pgoff = page.pgoff,
			.nr = page.nr,
			.pfn = page.pfn,
			.before = page.declared,
			.after = page.applied,
			.came = true,
		};

		if (page_left(request, &page) && changed_by(request, &page) == own)
			partial_accuse(verdict, request, &left);
	}
}

/* Another is at work on these pages: it may have changed them on its way, and declared them. */
static bool others_work(const struct model *model, const struct model_request *request, __u64 first,
			__u64 last)
{
	const struct model_request *other;

	for (size_t i = 0; (other = model_request_open(model, i)); i++) {
		if (other->inode == request->inode && other->tid != request->tid &&
		    other->pgoff_first <= last && other->pgoff_last >= first &&
		    !request_allocates(other))
			return true;
	}
	return false;
}

static void partial_run(struct verdict *verdict, const struct model_request *request,
			const struct inner_run *run)
{
	const struct model_zap *zap = run->zap, *first = run->first;
	struct left left = {
		.pgoff = zap->pgoff + run->skip,
		.nr = run->nr,
		.pfn = zap->pfn + run->skip,
		.before = first->before,
		.after = zap->after,
		.changed = first->since,
		.zap = zap,
	};

	/* A change that failed, or of a page of which little is known, proves nothing. */
	if (zap != run->last || zap->result || zap->inode != request->inode || !first->sure)
		return;
	if (first->since < request->begin) {
		if (left.before != MODEL_EITHER && left.before != left.after)
			partial_accuse(verdict, request, &left);
		return;
	}
	if (!others_work(verdict_model(verdict), request, left.pgoff, left.pgoff + left.nr - 1))
		pages_left(verdict, request, left.pgoff, left.pgoff + left.nr - 1, true);
}

static void partial_request_ended(struct verdict *verdict, const struct model_request *request)
{
	const struct model *model = verdict_model(verdict);

	/* What fallocate() has prepared before it fails stays, and may. */
	if (!request_tells(request) || request->operation == RECORD_OPERATION_FALLOCATE ||
	    request->result >= 0)
		return;
	inner_visit(verdict, request, partial_run);
	if (request_changes_range(request) &&
	    !others_work(model, request, request->pgoff_first, request->pgoff_last))
		pages_left(verdict, request, request->pgoff_first, request->pgoff_last, false);
}

static const struct rule_descriptor partial_apply = {
	.rule = {
		.name = "partial-apply",
		.fires_when = "a request failed and left part of itself behind",
		.meaning = "A request that changes a range, or prepares a page, failed, and an entry "
			   "that it had changed was not changed back before it ended. "
			   "A page that came meanwhile is to be as it was declared before. "
			   "What the failing call itself may have changed is not known, and not "
			   "judged; what is left in the xarray shows as another rule's mismatch.",
		.id = RULE_PARTIAL_APPLY,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY | RULE_NEEDS_PAGES,
		.providers = PROVIDERS_TAKE_REQUESTS,
		.watches = { "set_range_exit", "set_folio_exit", "configure_exit",
			     "configure_batch_exit" },
		.trusts = { "zap_invalid_exit", "zap_default_exit", "zap_valid_exit" },
		.built = true,
	},
	.request_ended = partial_request_ended,
};
RULE_ENTER(partial_apply);
