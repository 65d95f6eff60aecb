// SPDX-License-Identifier: GPL-2.0
/* The table of rules. Ids and names never change. */
#include "internal.h"

#define HISTORY RULE_NEEDS_HISTORY
#define SNAPSHOT RULE_NEEDS_SNAPSHOT
#define PAGE_FREE RULE_NEEDS_PAGE_FREE
#define VIOLATION RULE_SEVERITY_VIOLATION
#define NOTE RULE_SEVERITY_NOTE

static const struct rule rules[RULE_MAX] = {
	{ RULE_NONE, "none", NOTE, 0, false, "" },
	{ RULE_DECLARED_MISMATCH, "declared-mismatch", VIOLATION, HISTORY | SNAPSHOT, true,
	  "the xarray differs from what the requests add up to" },
	{ RULE_APPLIED_MISMATCH, "applied-mismatch", VIOLATION, SNAPSHOT, true,
	  "a prepared page's page-table entry differs from its declared state" },
	{ RULE_MISSED_PAGE, "missed-page", VIOLATION, HISTORY, true,
	  "a request covered a resident page and did not change it" },
	{ RULE_FOREIGN_PAGE, "foreign-page", VIOLATION, HISTORY, true,
	  "a request changed a page outside its range, or not its inode's" },
	{ RULE_PARTIAL_APPLY, "partial-apply", VIOLATION, HISTORY, false,
	  "a request failed and left part of itself behind" },
	{ RULE_SWALLOWED_ERROR, "swallowed-error", VIOLATION, HISTORY, false,
	  "an inner call failed, the request reported success" },
	{ RULE_NEVER_FLUSHED, "never-flushed", VIOLATION, HISTORY, true,
	  "no flush was issued after the zap by those who zapped" },
	{ RULE_FLUSH_MISMATCH, "flush-mismatch", VIOLATION, HISTORY, true,
	  "the flushes after a zap miss what was zapped, or part of it" },
	{ RULE_STALE_TLB, "stale-tlb", VIOLATION, HISTORY, false,
	  "a read through the old mapping works after a covering flush" },
	{ RULE_FREED_ABSENT, "freed-absent", VIOLATION, PAGE_FREE, true,
	  "a page returns to the allocator while absent from the direct map" },
	{ RULE_LEFT_ABSENT, "left-absent", VIOLATION, HISTORY, false,
	  "a page left its inode and was not restored" },
	{ RULE_EXPOSED, "exposed", VIOLATION, HISTORY, false,
	  "a page reached the guest present although it is declared absent" },
	{ RULE_UNEXPECTED_ZAP, "unexpected-zap", VIOLATION, HISTORY, false,
	  "a zap on an inode that did not ask for it" },
	{ RULE_UNSERIALISED, "unserialised", VIOLATION, HISTORY, false,
	  "the inner changes of two requests on one inode interleave" },
	{ RULE_LOCK_LEAK, "lock-leak", VIOLATION, HISTORY, false,
	  "a request ended holding a lock that it began without" },
	{ RULE_REFERENCE_LEAK, "reference-leak", VIOLATION, SNAPSHOT, false,
	  "a resident page's references grow with the requests that covered it" },
	{ RULE_SLEEP_IN_ATOMIC, "sleep-in-atomic", VIOLATION, HISTORY, false,
	  "a request may sleep where it must not" },
	{ RULE_STUCK, "stuck", VIOLATION, HISTORY, true, "a request has not ended within a limit" },
	{ RULE_REDUNDANT_FLUSH, "redundant-flush", NOTE, HISTORY, false,
	  "a flush that nothing needed" },
	{ RULE_SPLIT, "split", NOTE, HISTORY, false, "a zap split a large mapping" },
	{ RULE_LONG_EXPOSURE, "long-exposure", NOTE, HISTORY, false,
	  "a page was exposed for long between its zap and the first flush" },
};

const struct rule *rule_find(enum rule_id id)
{
	return id > RULE_NONE && id < RULE_MAX ? &rules[id] : NULL;
}
