/* SPDX-License-Identifier: GPL-2.0 */
/* What rules share that look at the changes inside a request. */
#ifndef GMEMTRACE_RULES_INNER_H
#define GMEMTRACE_RULES_INNER_H

#include "rules/rule.h"

/* Whether its result tells of what it does inside: not where pages are freed on the way. */
bool request_tells(const struct model_request *request);

/* fallocate() of new pages: its steps are requests of their own. */
bool request_allocates(const struct model_request *request);
/* A range is to be made present, or absent. */
bool request_changes_range(const struct model_request *request);

/* A run of pages of one change inside a request, to which the request did the same throughout. */
struct inner_run {
	const struct model_zap *zap;
	__u64 skip, nr; /* pages of @zap */
	const struct model_zap *first, *last; /* of the request's changes of these pages */
	const struct model_zap
		*done[2]; /* the last that succeeded, to absent and to present; NULL: none */
};

typedef void (*inner_visitor)(struct verdict *verdict, const struct model_request *request,
			      const struct inner_run *run);

/*
 * Calls @visit for all runs of all changes of @request: by pages, and for each run in order of
 * time. Where a request changes the same pages more often than a kernel does, what comes is
 * hostile and time is short: the rest is left out, and the verdict says so.
 */
void inner_visit(struct verdict *verdict, const struct model_request *request, inner_visitor visit);

#endif
