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
/* What nobody may have left of a page when its inode is released, in words. */
struct read_left {
	__u32 rule; /* id */
	enum model_left left;
	__u64 wait; /* ns: so long after the reads it may still prove to be nothing; 0: it is certain */
	const char *source, *says; /* what it was read in, and as what */
	const char *was; /* "had its folio locked" */
	const char *however;
};

/* Accuses what two reads at the release have found so. */
void read_judge_left(struct verdict *verdict, const struct model_read *read,
		     const struct read_left *left);
/* A declared-mismatch where @declared was asked for, and the xarray says the opposite. */
#define DECLARED_EXPLAINS(declared)                                                                \
	EXPLANATION(RULE_DECLARED_MISMATCH, (__u64)(declared) | (__u64)OPPOSITE(declared) << 4)
#define OPPOSITE(state) ((state) == MODEL_PRESENT ? MODEL_ABSENT : MODEL_PRESENT)
/* What model, xarray and page table say. */
void read_sources(struct verdict_violation *violation, const struct model_read *read);

/* Of inodes whose declared state stands where no snapshot reads it. */
bool read_unjudged(const struct model *model, char *reason, size_t size);

#endif
