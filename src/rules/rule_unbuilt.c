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

UNBUILT(stale_tlb, RULE_STALE_TLB, "stale-tlb", VIOLATION, HISTORY,
	"a read through the old mapping works after a covering flush");
