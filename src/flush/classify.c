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
		stack_has(stack, "__change_page_attr"));
}

enum flush_kind flush_classify(const struct record_flush_timed *flush, const char *stack,
			       bool request, enum flush_tied tied)
{
	if (flush->bits & RECORD_FLUSH_OURS)
		return FLUSH_OURS;
	if (!(flush->bits & RECORD_FLUSH_DIRECT))
		return FLUSH_ELSEWHERE;
	if (stack_splits(stack))
		return FLUSH_SPLIT;
	if (request && tied == FLUSH_TIED_NOTHING)
		return FLUSH_REDUNDANT;
	if (flush->routine == RECORD_FLUSH_ALL)
		return FLUSH_ALL;
	return flush->bits & RECORD_FLUSH_FULL ? FLUSH_CEILING : FLUSH_RANGED;
}
