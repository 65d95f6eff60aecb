/* SPDX-License-Identifier: GPL-2.0 */
/* What rules share that look at the changes inside a request. */
#ifndef GMEMTRACE_RULES_INNER_H
#define GMEMTRACE_RULES_INNER_H

#include "rules/rule.h"

/* Whether its result tells of what it does inside: not where pages are freed on the way. */
bool request_tells(const struct model_request *request);

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
 * Calls @visit for all runs of all changes of @request, in order. Of a request with more overlapping
 * changes than a kernel makes only the first are looked at: what comes is hostile, and time is short.
 */
void inner_visit(struct verdict *verdict, const struct model_request *request, inner_visitor visit);

#endif
