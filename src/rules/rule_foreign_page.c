// SPDX-License-Identifier: GPL-2.0
/* foreign-page: a request changed what it was not asked to change. */
#include "rules/rule.h"

/* Whose the page is, as the words go. */
static const char *foreign_owner(const struct model_zap *change,
				 const struct model_request *request)
{
	if (!change->inode)
		return "of no inode that is known";
	return change->inode == request->inode ? "outside R's range" : "another inode's, ";
}

static void foreign_sources(struct verdict_violation *violation, const struct model_zap *change,
			    const struct model_request *request, __u64 pgoff, const char *name)
{
	violation_source(violation, "events", "made %s by a request for 0x%llx-0x%llx",
			 change->valid ? "present" : "absent",
			 (unsigned long long)request->pgoff_first,
			 (unsigned long long)request->pgoff_last);
	if (!change->inode)
		violation_source(violation, "model", "a page of no known inode");
	else if (change->before == MODEL_EITHER)
		violation_source(violation, "model", "page 0x%llx of %s", (unsigned long long)pgoff,
				 name);
	else
		violation_source(violation, "model", "page 0x%llx of %s, %s before, %s after",
				 (unsigned long long)pgoff, name, state_name(change->before),
				 state_name(change->after));
}

static void accuse_foreign(struct verdict *verdict, const struct model_zap *change,
			   const struct model_request *request, __u64 skip, __u64 nr)
{
	struct accusation accusation = {
		.rule = RULE_FOREIGN_PAGE,
		.inode = change->inode ? change->inode : request->inode,
		/* Where it would stand in the request is a guess, and no offset. */
		.pgoff_unknown = !change->inode,
		.pgoff = change->inode ? change->pgoff + skip : 0,
		.nr = nr,
		.pfn = change->pfn + skip,
		.variant = request_variant(request) | (change->inode ? FOREIGN_KNOWN : 0),
		.from = request->begin,
		.to = request->end ? request->end : change->end,
		.anyone = true,
		.request = request,
		.zap = change,
	};
	struct verdict_violation *violation;
	char text[REQUEST_WORDS_MAX], name[MODEL_INODE_NAME_MAX];

	if (verdict_doubts(verdict, &accusation, NULL))
		return;
	violation = verdict_accuse(verdict, &accusation);
	if (!violation)
		return;
	model_inode_name(change->inode, name, sizeof(name));
	foreign_sources(violation, change, request, accusation.pgoff, name);
	violation_words(violation,
			"Let R be %s. Inside R a page was made %s that is %s%s, which R was not "
			"asked to change.",
			request_words(request, text), change->valid ? "present" : "absent",
			foreign_owner(change, request),
			!change->inode || change->inode == request->inode ? "" : name);
}

/* What has the state already is not changed, whoever writes it once more; unless that state is wrong. */
static bool page_stays(const struct verdict *verdict, const struct model_zap *change, __u64 pgoff)
{
	struct model_page page;

	model_page(verdict_model(verdict), change->inode, pgoff, &page);
	return page.declared & change->after;
}

/* @nr pages of @change from the @skip-th on. */
static void accuse_changed(struct verdict *verdict, const struct model_zap *change,
			   const struct model_request *request, __u64 skip, __u64 nr)
{
	__u64 end = skip + nr, first = skip;

	if (!change->sure || change->before != change->after) {
		accuse_foreign(verdict, change, request, skip, nr);
		return;
	}
	for (; skip <= end; skip++) {
		if (skip < end && !page_stays(verdict, change, change->pgoff + skip))
			continue;
		if (skip > first)
			accuse_foreign(verdict, change, request, first, skip - first);
		first = skip + 1;
	}
}

/*
 * A release or a punched hole restores whole folios, and fallocate() zaps whole
 * ones that it has just made, also where they stand out of the range. What these
 * restore leaves: that is looked at when they have ended.
 */
static bool range_binds(const struct model_zap *change, const struct model_request *request)
{
	if (request->operation == RECORD_OPERATION_FALLOCATE)
		return false;
	return !change->valid || request->operation != RECORD_OPERATION_RELEASE;
}

static void foreign_changed(struct verdict *verdict, const struct model_zap *change,
			    const struct model_request *request)
{
	const struct model *model = verdict_model(verdict);
	__u64 last = change->pgoff + change->nr - 1;

	if (!request->inode || change->result || request->operation == RECORD_OPERATION_ERROR_FOLIO)
		return;
	if (!provider_has(request->inode->provider, PROVIDER_JUDGED))
		return;
	/* It may be a page of an old inode's that was not read yet. */
	if (!change->inode && !model_owners_complete(model)) {
		verdict_excused(verdict, RULE_FOREIGN_PAGE, change->nr);
		return;
	}
	if (change->inode && !change->sure)
		return;
	if (change->inode != request->inode) {
		accuse_changed(verdict, change, request, 0, change->nr);
		return;
	}
	if (!range_binds(change, request))
		return;
	if (change->pgoff < request->pgoff_first)
		accuse_changed(verdict, change, request, 0,
			       last < request->pgoff_first ? change->nr
							   : request->pgoff_first - change->pgoff);
	if (last > request->pgoff_last) {
		__u64 from = change->pgoff > request->pgoff_last ? change->pgoff
								 : request->pgoff_last + 1;

		accuse_changed(verdict, change, request, from - change->pgoff, last - from + 1);
	}
}

/* Pages [@first, @last] of @change: those that are still there have been taken from nobody. */
static void accuse_kept(struct verdict *verdict, const struct model_zap *change,
			const struct model_request *request, __u64 first, __u64 last)
{
	struct model_page page;
	__u64 pgoff = first;

	while (model_resident_next(verdict_model(verdict), change->inode, pgoff, last, &page)) {
		__u64 skip = page.pgoff - change->pgoff;
		__u64 nr = page.nr < last - page.pgoff + 1 ? page.nr : last - page.pgoff + 1;

		if (page.applied == MODEL_PRESENT && page.pfn == change->pfn + skip)
			accuse_foreign(verdict, change, request, skip, nr);
		pgoff = page.pgoff + nr;
	}
}

/* A hole makes present what goes; so does fallocate(), which gives back to make room. */
static void foreign_request_ended(struct verdict *verdict, const struct model_request *request)
{
	if (request->operation != RECORD_OPERATION_FALLOCATE || !request->inode ||
	    !provider_has(request->inode->provider, PROVIDER_JUDGED))
		return;
	for (size_t i = 0; i < request->zaps_nr; i++) {
		const struct model_zap *change = &request->zaps[i];
		__u64 first = change->pgoff, last = first + change->nr - 1;

		/* A folio that came meanwhile may reach beyond the range. */
		if (change->inode != request->inode || !change->valid || !change->sure ||
		    change->since >= request->begin)
			continue;
		if (first < request->pgoff_first)
			accuse_kept(verdict, change, request, first,
				    last < request->pgoff_first ? last : request->pgoff_first - 1);
		if (last > request->pgoff_last)
			accuse_kept(verdict, change, request,
				    first > request->pgoff_last ? first : request->pgoff_last + 1,
				    last);
	}
}

static const struct rule_descriptor foreign_page = {
	.rule = {
		.name = "foreign-page",
		.fires_when = "a request changed a page outside its range, or not its inode's",
		.meaning = "A request changed a page outside its range, or one that is not its "
			   "inode's. "
			   "What has the state already, as it is declared to have, is not changed by "
			   "who writes it once more. "
			   "A release, or a punched hole, may restore whole folios beyond its "
			   "range, which are gone when it has ended. "
			   "Where the page is of no known inode, its offset is not known.",
		.id = RULE_FOREIGN_PAGE,
		.severity = RULE_SEVERITY_VIOLATION,
		.needs = RULE_NEEDS_HISTORY | RULE_NEEDS_PAGES,
		.providers = PROVIDERS_JUDGED,
		.watches = { "set_range_exit", "set_folio_exit", "configure_exit", "fallocate_exit",
			     "release_exit", "secretmem_release_exit", "configure_batch_exit" },
		.trusts = { "get_folio_exit", "add_folio_exit" },
		.built = true,
	},
	.request_ended = foreign_request_ended,
	.changed = foreign_changed,
	.within_requests = true,
};
RULE_ENTER(foreign_page);
