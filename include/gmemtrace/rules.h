/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rules: what must never happen, judged on what the model rebuilds; and the
 * verdict that they add up to. Uses the model through its interface only.
 */
#ifndef GMEMTRACE_RULES_H
#define GMEMTRACE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include "gmemtrace/api.h"
#include "gmemtrace/model.h"

GMEMTRACE_API_BEGIN

/*
 * Ids and names are an interface: append only, never renumber. A rule's id stands in its
 * descriptor (src/rules/rule_*.c); those that programs name are here as well.
 */
enum rule_id {
	RULE_NONE = 0,
	RULE_DECLARED_MISMATCH = 1,
	RULE_APPLIED_MISMATCH = 2,
	RULE_MISSED_PAGE = 3,
	RULE_FOREIGN_PAGE = 4,
	RULE_PARTIAL_APPLY = 5,
	RULE_SWALLOWED_ERROR = 6,
	RULE_NEVER_FLUSHED = 7,
	RULE_FLUSH_MISMATCH = 8,
	RULE_STALE_TLB = 9,
	RULE_FREED_ABSENT = 10,
	RULE_LEFT_ABSENT = 11,
	RULE_EXPOSED = 12,
	RULE_UNEXPECTED_ZAP = 13,
	RULE_UNSERIALISED = 14,
	RULE_LOCK_LEAK = 15,
	RULE_REFERENCE_LEAK = 16,
	RULE_SLEEP_IN_ATOMIC = 17,
	RULE_STUCK = 18,
	RULE_REDUNDANT_FLUSH = 19,
	RULE_SPLIT = 20,
	RULE_LONG_EXPOSURE = 21,
	RULE_PROMISE_BROKEN = 22,
	RULE_HALF_CONVERTED = 23,
	RULE_ORPHAN_ABSENT = 24,
	RULE_FREED_UNCLEARED = 25,
	RULE_NON_GLOBAL = 26,
};

/* Every id is below. */
#define RULE_IDS_MAX 64

enum rule_severity {
	RULE_SEVERITY_VIOLATION = 1,
	RULE_SEVERITY_NOTE = 2, /* of cost, not of correctness: never makes a verdict */
};

/* What a rule needs; what is missing makes it not judged. */
enum rule_needs {
	RULE_NEEDS_HISTORY = 1 << 0, /* events without a gap */
	RULE_NEEDS_SNAPSHOT = 1 << 1,
	RULE_NEEDS_PAGE_FREE = 1 << 2, /* SENSOR_GROUP_PAGE_FREE */
	/* The same off; where it is on another rule judges the same and knows better, so nothing is missing. */
	RULE_NEEDS_NO_PAGE_FREE = 1 << 3,
	RULE_NEEDS_MAP =
		1 << 4, /* a walk of the direct map, and nothing else: no inode, no event */
	RULE_NEEDS_PROMISES = 1 << 5, /* what KVM has promised of pages that are read */
	RULE_NEEDS_ANSWERS = 1 << 6, /* SENSOR_GROUP_WITNESS, for a part of it */
	RULE_NEEDS_CHANGES = 1 << 7, /* SENSOR_GROUP_CHANGES */
	RULE_NEEDS_GUEST = 1 << 8, /* SENSOR_GROUP_GUEST, for a part of it */
	RULE_NEEDS_GLOBAL = 1 << 9, /* RECORD_FACT_GLOBAL: a direct map whose entries are global */
	RULE_NEEDS_PAGES = 1 << 10, /* what was there before a request, and in which state */
};

/*
 * What a rule needs that is not to be had where the kernel lets a routine not be hooked: neither is history
 * whole then, nor is it known of a read that it is settled.
 */
#define RULE_SEES_GAPS (RULE_NEEDS_HISTORY | RULE_NEEDS_PROMISES | RULE_NEEDS_SNAPSHOT)

#define RULE_PROVIDER(provider) ((provider) < 32 ? 1U << (provider) : 0)

/* Programs of the sensors, by name, NULL behind the last. */
#define RULE_PROGRAMS_MAX 8

struct rule {
	const char *name;
	const char *fires_when; /* one line */
	const char *meaning; /* sentences, as gmemtrace-rules(7) has them */
	__u32 id; /* enum rule_id, or one that this header does not name */
	enum rule_severity severity;
	__u32 needs; /* enum rule_needs */
	__u32 providers; /* RULE_PROVIDER(): the kinds of inode that it speaks of; no other */
	/* One of these must be hooked, or it has nothing to judge. None named: needs none. */
	const char *watches[RULE_PROGRAMS_MAX];
	/* Their silence would accuse: those that are hooked must be proved to fire. */
	const char *trusts[RULE_PROGRAMS_MAX];
	/* A program of theirs that sensors knew by the time that they told what this judges; NULL: all did. */
	const char *since;
	/* A fact that is there where the kernel lets it be judged in part only, and says why; or NULL. */
	const char *limited_by;
	bool built; /* false: in the table, not judged by this version */
};

/* The rule of @id, or of @name, or NULL. */
const struct rule *rule_find(__u32 id);
const struct rule *rule_find_name(const char *name);

/* In order of ids; @rule NULL: the first. NULL behind the last. */
const struct rule *rule_next(const struct rule *rule);
size_t rule_total(void);

/* "history, snapshots": what @rule needs, for people. */
#define RULE_NEEDS_WORDS_MAX 64
const char *rule_needs_words(const struct rule *rule, char words[RULE_NEEDS_WORDS_MAX]);

enum verdict_value {
	VERDICT_CONSISTENT = 1,
	VERDICT_VIOLATED = 2,
	VERDICT_INCONCLUSIVE = 3,
};

#define VERDICT_EVENTS_MAX 8
#define VERDICT_SOURCES_MAX 4
#define VERDICT_SAYS_MAX 96
#define VERDICT_WORDS_MAX 1536

/* A source that speaks of the page, and what it says. */
struct verdict_source {
	const char *name; /* "model", "xarray", "page table", "events" */
	enum model_state state; /* what it says that the page is; 0: it speaks of something else */
	char says[VERDICT_SAYS_MAX];
};

/* A request that a cause names. */
struct verdict_request {
	enum record_operation operation; /* NONE: none is known */
	/*
	 * It broke the rule. Else it is the last one that covered the first page, or a later one
	 * that ended right before the pages or began right behind them, and asked for what they are.
	 */
	bool accused;
	__u32 state; /* 1 present, 0 absent */
	__u32 mode; /* fallocate: FALLOC_FL_* */
	__u64 pgoff_first, pgoff_last;
	__u64 begin, end; /* ns; 0: not known, or not yet */
	__s64 result;
	__u32 tid, tgid, cpu;
};

/* One cause, of a violation or of a note. Owned by the verdict. */
struct verdict_violation {
	const struct rule *rule;
	const struct model_inode *inode; /* NULL: none known */
	bool pgoff_known; /* false: pgoff_first and pgoff_last are 0 and mean nothing */
	__u64 pgoff_first, pgoff_last;
	__u64 count; /* pages (stuck: requests) that this cause hit, each as often as it was hit */
	__u64 occurrences; /* how often it was met: runs of pages, of one request or read each */
	__u64 pages; /* distinct pages; 0 where it is not about pages */
	__u64 time_first, time_last; /* ns */
	__u64 variant; /* of one rule and inode, and the same pages, what differs in it is another cause */
	struct verdict_source sources[VERDICT_SOURCES_MAX];
	size_t sources_nr;
	struct model_event events[VERDICT_EVENTS_MAX]; /* the shortest chain, oldest first */
	size_t events_nr;
	__u64 pfn; /* of the first page; 0 unknown */
	struct verdict_request request;
	struct model_conversion conversion; /* the last of the first page; begin 0: none is known */
	__u64 gfn; /* of the first page, where the rule speaks of guest frames */
	bool gfn_known;
	__u32 slots_before; /* as in model_promised */
	/* Of verdict_pattern(), counted from 1; 0: a note, or allowed. */
	size_t pattern;
	char words[VERDICT_WORDS_MAX];
};

#define VERDICT_PATTERN_MAX 128

/* Violations of one rule, and of requests of one kind, as a person would sum them up. */
struct verdict_pattern {
	const struct rule *rule;
	/*
	 * What all of them are, the same in every run that has the same defect: "the last page of a
	 * set_range to absent". Never empty.
	 */
	char what[VERDICT_PATTERN_MAX];
	/* What else is true of all of them in this run: "every 512th page, only on CPU 1"; or empty. */
	char also[VERDICT_PATTERN_MAX];
	/* Each is of one page, `behind` after a multiple of `step`, and so many are not by chance; 0: else. */
	__u64 step, behind;
	bool later_slots; /* each of a conversion, behind its first slot */
	__u64 causes; /* violations */
	__u64 occurrences, pages; /* theirs, added up */
};

struct verdict_not_judged {
	const struct rule *rule;
	bool unasked; /* an option would have had it judged, and was not given; or nothing was promised */
	char reason[400];
	bool partly; /* a part of it was: of some pages, for some time, or in some respect */
};

struct verdict_options {
	/*
	 * Without one page compared nothing was judged, and the verdict is inconclusive; so it is
	 * where fewer pages or inodes were compared than asked for, or a rule was not judged.
	 */
	bool allow_empty;
	__u64 pages_min, inodes_min;
	__u64 require; /* bit n: the rule of id n */
	/*
	 * By id, why violations of that rule are known and accepted; NULL: they are not. They are
	 * listed apart, and do not make the verdict violated. The caller's, while the verdict lives.
	 */
	const char *allow[RULE_IDS_MAX];
	/*
	 * Violations and notes whose pages are known and none of these, pgoff, are left out; what
	 * they explain is still explained. Both 0: nothing is.
	 */
	bool pages_only;
	__u64 pgoff_first, pgoff_last;
	__u32 violations_max; /* listed, and as many notes; all are counted; 0: 1000 */
	/*
	 * A violation becomes final when a heartbeat is this much younger than
	 * its proof: a loss is told of with delay. 0: 150 ms.
	 */
	__u64 settle_ns;
};

struct verdict;

/* Observes @model, which must outlive the verdict. NULL where memory is short. */
struct verdict *verdict_create(struct model *model, const struct verdict_options *options);
void verdict_free(struct verdict *verdict);

/* The capture was not whole: its verdict is inconclusive at best. @why: one line, copied. */
void verdict_mark_incomplete(struct verdict *verdict, const char *why);

/*
 * Whether waiting could still change the verdict: violations not final yet,
 * pages to reread, requests open. A live run goes on for a while when it says so.
 */
bool verdict_pending(const struct verdict *verdict);

/*
 * Whether it cannot be consistent any more, whatever comes: records were lost, say. What a run may still
 * make good, as a page that was not compared yet, is none of that. Once it is final, whether it has reasons.
 */
bool verdict_doubted(const struct verdict *verdict);
bool verdict_final(const struct verdict *verdict); /* model_finish() was called */

/* Final after model_finish(); before that, what would be said now. */
enum verdict_value verdict_value(const struct verdict *verdict);
const char *verdict_value_name(enum verdict_value value);

/* @index from 0; NULL behind the last. Ordered by rule id, then by time. */
const struct verdict_violation *verdict_violation(const struct verdict *verdict, size_t index);
size_t verdict_violations(const struct verdict *verdict); /* listed */
__u64 verdict_unlisted(const struct verdict *verdict); /* violations beyond violations_max */

/* Of the violations listed, each of one of these. @index from 0; NULL behind the last. */
const struct verdict_pattern *verdict_pattern(const struct verdict *verdict, size_t index);

/*
 * Whether only some pages are judged, and which: see verdict_options.pages_only. Where none of
 * these was compared the verdict is inconclusive, as where there is none at all.
 */
bool verdict_narrowed(const struct verdict *verdict, __u64 *first, __u64 *last);

/* Left out: see verdict_options.pages_only. Notes are not counted. */
__u64 verdict_left_out(const struct verdict *verdict);

/* The same for notes: of cost, no violations, and no part of the verdict. */
const struct verdict_violation *verdict_note(const struct verdict *verdict, size_t index);
size_t verdict_notes(const struct verdict *verdict);
__u64 verdict_notes_unlisted(const struct verdict *verdict);

/* The same for violations that the options allow. */
const struct verdict_violation *verdict_allowed(const struct verdict *verdict, size_t index);
size_t verdict_alloweds(const struct verdict *verdict);
__u64 verdict_alloweds_unlisted(const struct verdict *verdict);
/* Why violations of @rule are allowed. NULL: they are not. */
const char *verdict_allows(const struct verdict *verdict, const struct rule *rule);

__u64 verdict_rule_count(const struct verdict *verdict, __u32 id); /* pages, all */
/* The same, and those that were taken back since, as they were contradicted: it never falls. */
__u64 verdict_rule_told(const struct verdict *verdict, __u32 id);

/* Rules that could not be judged, with the reason. NULL behind the last. */
const struct verdict_not_judged *verdict_not_judged(const struct verdict *verdict, size_t index);

/*
 * Bit n: the rule of id n is judged, if only in part. Of one that is not, no violation means
 * nothing. Before model_finish(): as of now.
 */
__u64 verdict_judged(const struct verdict *verdict);

/* Of walks of the direct map, which may come again and again. */
struct verdict_walked {
	__u64 walks; /* that were judged; 0: all of this is 0 */
	__u64 orphan_pages; /* that the last of them leaves accused */
	__u64 ns; /* that its walk of everything took */
};

struct verdict_walked verdict_walked(const struct verdict *verdict);

/* Why it is inconclusive, one line each. NULL behind the last. */
const char *verdict_reason(const struct verdict *verdict, size_t index);

const struct model *verdict_model(const struct verdict *verdict);

/*
 * gmemtrace's exit status: 0 consistent, 1 violated, 5 inconclusive, 2 where it
 * is consistent and the traced command failed. @command_status: -1 none.
 */
int verdict_exit_status(enum verdict_value value, __s64 command_status);

GMEMTRACE_API_END

#endif
