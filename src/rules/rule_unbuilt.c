// SPDX-License-Identifier: GPL-2.0
/* Rules that have their names and ids and no judge yet: listed, and never silently skipped. */
#include "rules/rule.h"

#define UNBUILT(symbol, rule_id, rule_name, rule_severity, rule_needs, when)                         \
	static const struct rule_descriptor symbol = {                                             \
		.rule = {                                                                          \
			.name = rule_name,                                                         \
			.fires_when = when,                                                        \
			.meaning = "",                                                             \
			.id = rule_id,                                                             \
			.severity = rule_severity,                                                 \
			.needs = rule_needs,                                                       \
			.providers = PROVIDERS_JUDGED,                                         \
		},                                                                                 \
	}; \
	RULE_ENTER(symbol)

#define VIOLATION RULE_SEVERITY_VIOLATION
#define NOTE RULE_SEVERITY_NOTE
#define HISTORY RULE_NEEDS_HISTORY
#define SNAPSHOT RULE_NEEDS_SNAPSHOT

UNBUILT(partial_apply, RULE_PARTIAL_APPLY, "partial-apply", VIOLATION, HISTORY,
	"a request failed and left part of itself behind");
UNBUILT(swallowed_error, RULE_SWALLOWED_ERROR, "swallowed-error", VIOLATION, HISTORY,
	"an inner call failed, the request reported success");
UNBUILT(stale_tlb, RULE_STALE_TLB, "stale-tlb", VIOLATION, HISTORY,
	"a read through the old mapping works after a covering flush");
UNBUILT(left_absent, RULE_LEFT_ABSENT, "left-absent", VIOLATION, HISTORY,
	"a page left its inode and was not restored");
UNBUILT(exposed, RULE_EXPOSED, "exposed", VIOLATION, HISTORY,
	"a page reached the guest present although it is declared absent");
UNBUILT(unexpected_zap, RULE_UNEXPECTED_ZAP, "unexpected-zap", VIOLATION, HISTORY,
	"a zap on an inode that did not ask for it");
UNBUILT(unserialised, RULE_UNSERIALISED, "unserialised", VIOLATION, HISTORY,
	"the inner changes of two requests on one inode interleave");
UNBUILT(lock_leak, RULE_LOCK_LEAK, "lock-leak", VIOLATION, HISTORY,
	"a request ended holding a lock that it began without");
UNBUILT(reference_leak, RULE_REFERENCE_LEAK, "reference-leak", VIOLATION, SNAPSHOT,
	"a resident page's references grow with the requests that covered it");
UNBUILT(sleep_in_atomic, RULE_SLEEP_IN_ATOMIC, "sleep-in-atomic", VIOLATION, HISTORY,
	"a request may sleep where it must not");
UNBUILT(redundant_flush, RULE_REDUNDANT_FLUSH, "redundant-flush", NOTE, HISTORY,
	"a flush that nothing needed");
UNBUILT(split, RULE_SPLIT, "split", NOTE, HISTORY, "a zap split a large mapping");
