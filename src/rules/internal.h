/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the verdict share. Nothing outside src/rules includes this. */
#ifndef GMEMTRACE_RULES_INTERNAL_H
#define GMEMTRACE_RULES_INTERNAL_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "gmemtrace/rules.h"

/* A cause on its way to becoming a violation, or one. */
struct cause {
	struct verdict_violation violation; /* first */
	__u64 variant; /* causes of one rule, inode and variant may melt */
	__u64 hold; /* ns: not final before; 0: at once */
	bool union_count; /* a page counts once, however often it was seen */
	bool immune; /* no loss can have feigned it */
	bool anyone; /* a loss on any inode may have feigned it, not on its own only */
};

/* What a rule says of a run of pages, before it is put into words. */
struct accusation {
	enum rule_id rule;
	const struct model_inode *inode;
	__u64 pgoff, nr; /* pages */
	__u64 pfn; /* of the first page, 0 none */
	__u64 variant;
	__u64 from, to; /* ns: what happened in between proves it */
	__u64 hold;
	bool union_count, immune, anyone;
};

struct verdict {
	struct model *model;
	struct verdict_options options;
	struct cause **pending, **final;
	size_t pending_nr, pending_room, final_nr, final_room;
	__u64 rule_count[RULE_MAX];
	__u64 unlisted;
	__u64 unproven; /* pages whose difference could not be made final */
	__u64 unseen; /* requests whose begin or end was not seen, beyond late attach */
	__u64 advanced; /* ns: the last heartbeat's watermark */
	bool failed; /* memory ran short */
	bool finished;
	char *incomplete; /* why, NULL: whole */
	struct verdict_not_judged not_judged[RULE_MAX];
	size_t not_judged_nr;
	char reasons[12][160];
	size_t reasons_nr;
};

/* verdict.c: NULL where it melts into what is known already, or memory is short. */
struct verdict_violation *verdict_accuse(struct verdict *verdict,
					 const struct accusation *accusation);

/* snapshot.c, history.c */
void rules_page_read(void *context, const struct model_read *read);
void rules_request_ended(void *context, const struct model_request *request);
void rules_request_stuck(void *context, const struct model_request *request, __u64 now);
void rules_zapped(void *context, const struct model_zap *zap, const struct model_request *request);
void rules_flush_judged(void *context, const struct model_flush_judgement *judgement);
void rules_freed_absent(void *context, const struct model_freed *freed);

/* status.c */
void verdict_explain(struct verdict *verdict);

/* words.c */
__attribute__((format(printf, 3, 4))) void
violation_source(struct verdict_violation *violation, const char *name, const char *format, ...);
__attribute__((format(printf, 2, 3))) void violation_words(struct verdict_violation *violation,
							   const char *format, ...);
const char *state_name(enum model_state state);
/* "set_range 0x0-0x3f absent by 123 at 1.234567 s" */
const char *request_words(const struct model_request *request, char *text, size_t size);

#endif
