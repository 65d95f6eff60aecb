// SPDX-License-Identifier: GPL-2.0
/* The table of rules. Ids and names never change. */
#include "internal.h"

#define HISTORY RULE_NEEDS_HISTORY
#define SNAPSHOT RULE_NEEDS_SNAPSHOT
#define PAGE_FREE RULE_NEEDS_PAGE_FREE
#define VIOLATION RULE_SEVERITY_VIOLATION
#define NOTE RULE_SEVERITY_NOTE

static const struct rule rules[RULE_MAX] = {
	{ "none", "", RULE_NONE, NOTE, 0, false },
	{ "declared-mismatch", "the xarray differs from what the requests add up to",
	  RULE_DECLARED_MISMATCH, VIOLATION, HISTORY | SNAPSHOT, true },
	{ "applied-mismatch", "a prepared page's page-table entry differs from its declared state",
	  RULE_APPLIED_MISMATCH, VIOLATION, SNAPSHOT, true },
	{ "missed-page", "a request covered a resident page and did not change it",
	  RULE_MISSED_PAGE, VIOLATION, HISTORY, true },
	{ "foreign-page", "a request changed a page outside its range, or not its inode's",
	  RULE_FOREIGN_PAGE, VIOLATION, HISTORY, true },
	{ "partial-apply", "a request failed and left part of itself behind", RULE_PARTIAL_APPLY,
	  VIOLATION, HISTORY, false },
	{ "swallowed-error", "an inner call failed, the request reported success",
	  RULE_SWALLOWED_ERROR, VIOLATION, HISTORY, false },
	{ "never-flushed", "no flush was issued after the zap by those who zapped",
	  RULE_NEVER_FLUSHED, VIOLATION, HISTORY, true },
	{ "flush-mismatch", "the flushes after a zap miss what was zapped, or part of it",
	  RULE_FLUSH_MISMATCH, VIOLATION, HISTORY, true },
	{ "stale-tlb", "a read through the old mapping works after a covering flush",
	  RULE_STALE_TLB, VIOLATION, HISTORY, false },
	{ "freed-absent", "a page returns to the allocator while absent from the direct map",
	  RULE_FREED_ABSENT, VIOLATION, PAGE_FREE, true },
	{ "left-absent", "a page left its inode and was not restored", RULE_LEFT_ABSENT, VIOLATION,
	  HISTORY, false },
	{ "exposed", "a page reached the guest present although it is declared absent",
	  RULE_EXPOSED, VIOLATION, HISTORY, false },
	{ "unexpected-zap", "a zap on an inode that did not ask for it", RULE_UNEXPECTED_ZAP,
	  VIOLATION, HISTORY, false },
	{ "unserialised", "the inner changes of two requests on one inode interleave",
	  RULE_UNSERIALISED, VIOLATION, HISTORY, false },
	{ "lock-leak", "a request ended holding a lock that it began without", RULE_LOCK_LEAK,
	  VIOLATION, HISTORY, false },
	{ "reference-leak", "a resident page's references grow with the requests that covered it",
	  RULE_REFERENCE_LEAK, VIOLATION, SNAPSHOT, false },
	{ "sleep-in-atomic", "a request may sleep where it must not", RULE_SLEEP_IN_ATOMIC,
	  VIOLATION, HISTORY, false },
	{ "stuck", "a request has not ended within a limit", RULE_STUCK, VIOLATION, HISTORY, true },
	{ "redundant-flush", "a flush that nothing needed", RULE_REDUNDANT_FLUSH, NOTE, HISTORY,
	  false },
	{ "split", "a zap split a large mapping", RULE_SPLIT, NOTE, HISTORY, false },
	{ "long-exposure", "a page was exposed for long between its zap and the first flush",
	  RULE_LONG_EXPOSURE, NOTE, HISTORY, false },
};

const struct rule *rule_find(enum rule_id id)
{
	return id > RULE_NONE && id < RULE_MAX ? &rules[id] : NULL;
}
