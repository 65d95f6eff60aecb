// SPDX-License-Identifier: GPL-2.0
/* What a flush was for. */
#include <string.h>

#include "gmemtrace/flush.h"

const char *flush_kind_name(enum flush_kind kind)
{
	static const char *const names[FLUSH_KINDS] = {
		[FLUSH_RANGED] = "ranged",	 [FLUSH_CEILING] = "over-ceiling",
		[FLUSH_SPLIT] = "split",	 [FLUSH_ALL] = "all",
		[FLUSH_REDUNDANT] = "redundant", [FLUSH_ELSEWHERE] = "elsewhere",
		[FLUSH_OURS] = "ours",
	};

	return kind < FLUSH_KINDS && names[kind] ? names[kind] : "unknown";
}

/* A frame of @stack begins with @name. */
static bool stack_has(const char *stack, const char *name)
{
	const char *found = stack;

	while ((found = strstr(found, name))) {
		if (found == stack || found[-1] == ';')
			return true;
		found++;
	}
	return false;
}

/*
 * __change_page_attr_set_clr() and what it calls flush everything for a split
 * alone. What set_memory_* flush for their own sake is cpa_flush()'s, which
 * change_page_attr_set_clr(), without underscores, calls behind it
 * (arch/x86/mm/pat/set_memory.c).
 */
static bool stack_splits(const char *stack)
{
	return stack &&
	       (stack_has(stack, "split_large_page") || stack_has(stack, "__split_large_page") ||
		stack_has(stack, "__change_page_attr") || stack_has(stack, "cpa_split_leaves"));
}

__u64 flush_leaves_split(const struct flush_leaves *leaves)
{
	__u64 split = 0;

	if (!leaves->known ||
	    leaves->after[0] + leaves->after[1] <= leaves->before[0] + leaves->before[1])
		return 0;
	/* A leaf of 1G becomes 512 of 2M, of which some may be split as well. */
	if (leaves->after[2] < leaves->before[2])
		split = leaves->before[2] - leaves->after[2];
	if (leaves->after[1] < leaves->before[1] + split * 512)
		split += leaves->before[1] + split * 512 - leaves->after[1];
	return split;
}

enum flush_kind flush_classify(const struct record_flush_timed *flush, const char *stack,
			       const struct flush_leaves *leaves, bool request,
			       enum flush_tied tied)
{
	if (flush->bits & RECORD_FLUSH_OURS)
		return FLUSH_OURS;
	if (!(flush->bits & RECORD_FLUSH_DIRECT))
		return FLUSH_ELSEWHERE;
	if (stack ? stack_splits(stack) : leaves && flush_leaves_split(leaves))
		return FLUSH_SPLIT;
	if (request && tied == FLUSH_TIED_NOTHING)
		return FLUSH_REDUNDANT;
	if (flush->routine == RECORD_FLUSH_ALL)
		return FLUSH_ALL;
	return flush->bits & RECORD_FLUSH_FULL ? FLUSH_CEILING : FLUSH_RANGED;
}
