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
/* Of what two reads at a release found left of pages: that no loss can feign. Its variant is 0. */
struct accusation read_accusation_left(const struct model_read *read, __u32 rule);
/* A declared-mismatch where @declared was asked for, and the xarray says the opposite. */
#define DECLARED_EXPLAINS(declared)                                                                \
	EXPLANATION(RULE_DECLARED_MISMATCH, (__u64)(declared) | (__u64)OPPOSITE(declared) << 4)
#define OPPOSITE(state) ((state) == MODEL_PRESENT ? MODEL_ABSENT : MODEL_PRESENT)
/* What model, xarray and page table say. */
void read_sources(struct verdict_violation *violation, const struct model_read *read);

#endif
