/* SPDX-License-Identifier: GPL-2.0 */
/* What the rules on KVM's promises share. */
#ifndef GMEMTRACE_RULES_PROMISE_H
#define GMEMTRACE_RULES_PROMISE_H

#include "providers/provider.h"
#include "rules/rule.h"

/* Hooked where conversions can be told from what the user of an inode asks for. */
#define PROMISE_WATCHES                                                                            \
	{                                                                                          \
		"conversion_end_exit"                                                              \
	}
/* What is asked for by the inode's own ioctl is final: not to see it would accuse. */
#define PROMISE_TRUSTS                                                                             \
	{                                                                                          \
		"set_range_exit", "set_folio_exit"                                                 \
	}

struct accusation promise_accusation(const struct model_promised *promised, __u32 rule);
void promise_sources(struct verdict_violation *violation, const struct model_promised *promised);

/* "gfns 0x100-0x1ff to private (task 123, began at 1.234567 s)" */
#define CONVERSION_WORDS_MAX 160
const char *conversion_words(const struct model_conversion *conversion,
			     char text[CONVERSION_WORDS_MAX]);

#endif
