/* SPDX-License-Identifier: GPL-2.0 */
/* What the rules of snapshot reads share. */
#ifndef GMEMTRACE_RULES_READ_H
#define GMEMTRACE_RULES_READ_H

#include "rules/rule.h"

#define READ_VARIANT_DECLARED 0xfULL
#define READ_VARIANT_XARRAY 0xf0ULL
#define READ_VARIANT_TABLE 0xf00ULL
#define READ_VARIANT_PREPARED 0xfffff000ULL

/* Of the run that was read; its variant holds all of the above. */
struct accusation read_accusation(const struct model_read *read, __u32 rule);
/* Of declared-mismatch, where the xarray says the opposite of @declared. */
static inline struct explanation declared_explains(enum model_state declared)
{
	__u64 xarray = declared == MODEL_PRESENT ? MODEL_ABSENT : MODEL_PRESENT;

	return (struct explanation){ RULE_DECLARED_MISMATCH, (__u64)declared | xarray << 4 };
}
/* What model, xarray and page table say. */
void read_sources(struct verdict_violation *violation, const struct model_read *read);

#endif
