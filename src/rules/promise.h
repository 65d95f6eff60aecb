/* SPDX-License-Identifier: GPL-2.0 */
/* What the rules on KVM's promises share. */
#ifndef GMEMTRACE_RULES_PROMISE_H
#define GMEMTRACE_RULES_PROMISE_H

#include "providers/provider.h"
#include "rules/rule.h"

/*
 * What both need. They watch the hook that tells conversions from what the user of an inode asks
 * for; that user's own ioctl is final, and not to see it would accuse.
 */
#define PROMISE_NEEDS                                                                              \
	.severity = RULE_SEVERITY_VIOLATION,                                                       \
	.needs = RULE_NEEDS_HISTORY | RULE_NEEDS_SNAPSHOT | RULE_NEEDS_PROMISES,                   \
	.providers = PROVIDERS_TAKE_REQUESTS, .watches = { "conversion_end_exit" },                \
	.trusts = { "set_range_exit", "set_folio_exit" }, .built = true

/* Accuses by @rule, with what the sources say; @words adds its own where that is worth words. */
typedef void promise_words(struct verdict_violation *violation,
			   const struct model_promised *promised);
void promise_accuse(struct verdict *verdict, const struct model_promised *promised, __u32 rule,
		    promise_words words);

/* "gfns 0x100-0x1ff to private (task 123, began at 1.234567 s)" */
#define CONVERSION_WORDS_MAX 160
const char *conversion_words(const struct model_conversion *conversion,
			     char text[CONVERSION_WORDS_MAX]);

#endif
