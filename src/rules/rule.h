/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a rule's file needs. A rule is one descriptor, in one file, collected by the linker:
 * nothing else names it, but its test and gmemtrace-rules(7), which a test compares with it.
 */
#ifndef GMEMTRACE_RULES_RULE_H
#define GMEMTRACE_RULES_RULE_H

#include <string.h>
#include "gmemtrace/rules.h"
#include "map/map.h"
#include "providers/provider.h"

struct rule_descriptor {
	struct rule rule; /* first: what everybody sees */
	/* What the model tells of, in order of time. NULL: of no interest. */
	void (*inode_met)(struct verdict *verdict, const struct model_inode *inode);
	/* Pages still show what they were. */
	void (*request_ended)(struct verdict *verdict, const struct model_request *request);
	void (*request_stuck)(struct verdict *verdict, const struct model_request *request,
			      __u64 now);
	/* @change->before and ->after: the pages' state on both sides of it. */
	void (*changed)(struct verdict *verdict, const struct model_zap *change,
			const struct model_request *request);
	bool within_requests; /* `changed` has nothing to say of what no request changed */
	/* Where its task's own flush does not cover it. */
	void (*flush_judged)(struct verdict *verdict,
			     const struct model_flush_judgement *judgement);
	void (*exposure_ended)(struct verdict *verdict, const struct model_exposure *exposure);
	__u64 exposed_ns; /* `exposure_ended` has nothing to say of those that take less */
	/* Where something is proven of it, or left. */
	void (*page_read)(struct verdict *verdict, const struct model_read *read);
	/* Read twice so. */
	void (*promised)(struct verdict *verdict, const struct model_promised *promised);
	void (*moved)(struct verdict *verdict, const struct model_moved *moved);
	void (*slept)(struct verdict *verdict, const struct model_slept *slept);
	void (*stale_read)(struct verdict *verdict, const struct model_stale *stale);
	void (*reached)(struct verdict *verdict, const struct model_reached *reached);
	void (*freed_absent)(struct verdict *verdict, const struct model_freed *freed);
	/* A walk of the direct map is over, and all that happened meanwhile is known. Sets `told`. */
	void (*mapped)(struct verdict *verdict, struct map *map);
	/* At the end, where it is judged: of which inodes that were met it was not, and why, in @reason. */
	bool (*unjudged)(const struct model *model, char *reason, size_t size);
	/* It is about to be listed: what came to be known since may be said as well. */
	void (*listed)(struct verdict *verdict, struct verdict_violation *violation);
};

/* Enters a descriptor, an object of static storage, into the table. */
#define RULE_ENTER(descriptor)                                                                     \
	static const struct rule_descriptor *const descriptor##_entry                              \
		__attribute__((used, section("gmemtrace_rules"))) = &(descriptor)

/* Causes of another rule that would explain an accusation of the same pages. */
struct explanation {
	__u32 rule; /* id; 0: none */
	__u64 variant; /* theirs */
	bool anyone, immune; /* as their accusations have it */
};

#define EXPLANATION(its_rule, its_variant)                                                         \
	{                                                                                          \
		.rule = (its_rule), .variant = (its_variant)                                       \
	}

/* What a rule says of a run of pages, before it is put into words. */
struct accusation {
	__u32 rule; /* id */
	const struct model_inode *inode;
	bool pgoff_unknown;
	__u64 pgoff, nr; /* pages */
	__u64 count; /* where it is not of pages: how many; 0: nr pages */
	__u64 pfn; /* of the first page, 0 none */
	__u64 variant; /* causes of one rule, inode and variant may melt */
	__u64 from, to; /* ns: what happened in between proves it */
	__u64 hold; /* ns: not final before; 0: at once */
	bool union_count; /* a page counts once, however often it was seen */
	bool immune; /* no loss can have feigned it */
	bool anyone; /* a loss on any inode may have feigned it, not on its own only */
	bool answers; /* so may one of CPUs' answers (RECORD_DAMAGE_ANSWERS) */
	/*
	 * Where one of these is proven and was seen since the pages last changed, this is only what
	 * follows from it, and is not accused again. Of static storage, rule 0 behind the last; or
	 * NULL.
	 */
	const struct explanation *explained;
	__u64 changed; /* ns: when its pages last changed; for `explained` */
	/*
	 * What proves it, each NULL where there is none; causes of different requests or
	 * conversions do not melt.
	 */
	const struct model_request *request; /* which broke the rule */
	const struct model_request *other; /* still open, and in its way */
	const struct model_zap *zap;
	const struct model_flush *flush;
	const struct model_read *read;
	const struct model_promised *promised;
	const struct model_slept *slept;
	const struct model_stale *stale;
	const struct model_reached *reached;
	const struct map *map;
	const struct map_run_of *absent; /* the first run that walks found so */
	const struct model_moved *moved; /* its task's open request, if there is one, is named */
	__u32 chain; /* enum accusation_chain: what to look up, too */
};

/* The newest of each, of the first page. */
enum accusation_chain {
	CHAIN_ASKED = 1 << 0, /* the request that decided what is declared */
	CHAIN_NAMED = 1 << 1, /* the same, named and no part of the proof */
	CHAIN_BEFORE = 1 << 2, /* what made it as it was before the request: a change, or a join */
	CHAIN_CHANGE = 1 << 3, /* the change to absent before it */
	CHAIN_FREE = 1 << 4, /* that it was freed */
	CHAIN_XARRAY = 1 << 5, /* the update of the xarray that failed inside the request */
	CHAIN_EXPOSED = 1 << 6, /* the change at `from`, and the flush at `to` */
	CHAIN_CAME = 1 << 7, /* what it came by, or was changed by, since `from` */
	CHAIN_REACHED = 1 << 8, /* that the guest got it, before its change or at `to` */
	CHAIN_RETURN = 1 << 9, /* the change to present before it */
};

/* chain.c: @told gets what proves @accusation. */
void chain_make(const struct model *model, const struct accusation *accusation,
		struct verdict_violation *told);

/*
 * NULL where nothing is to be put into words: it melts into what is known already, is beyond
 * those listed, or is not to be judged.
 */
struct verdict_violation *verdict_accuse(struct verdict *verdict,
					 const struct accusation *accusation);

/* Of so many pages something looks wrong, and cannot be proven. */
void verdict_unproven(struct verdict *verdict, __u64 pages);

/* The same of @rule alone, and what was before the sensors may explain it: it is not judged throughout. */
void verdict_excused(struct verdict *verdict, __u32 rule, __u64 pages);

/*
 * Whether something may have been missed that would explain @accusation, on @inode or, NULL, on any: then it is
 * not to be made. That it could not be proven is noted; where it was not seen from its begin, that it is excused.
 */
bool verdict_doubts(struct verdict *verdict, const struct accusation *accusation,
		    const struct model_inode *inode);

/*
 * Forgets what @rule says of @inode and holds beyond @now (ns): it has turned out to be nothing. No loss, and
 * nothing that could not be proven.
 */
void verdict_retract(struct verdict *verdict, __u32 rule, const struct model_inode *inode,
		     __u64 now);

/* sight.c: whether the kernel let no hook be put on a routine that is there, and on which: what it does is not seen. */
bool sight_gap(const struct model *model, char *reason, size_t size);

/* false and @reason where what @program hooks was not seen, or may not have been. */
bool sight_trusted(const struct model *model, const char *program, char *reason, size_t size);

/* kinds.c: the name of the first kind of inode that was met and is in @kinds, bits of RULE_PROVIDER(). NULL: none. */
const char *kind_met(const struct model *model, __u32 kinds);

/* words.c */
__attribute__((format(printf, 3, 4))) void
violation_source(struct verdict_violation *violation, const char *name, const char *format, ...);
/* The same, that also says what the page is. */
__attribute__((format(printf, 4, 5))) void
violation_source_state(struct verdict_violation *violation, const char *name,
		       enum model_state state, const char *format, ...);
__attribute__((format(printf, 2, 3))) void violation_words(struct verdict_violation *violation,
							   const char *format, ...);
__attribute__((format(printf, 2, 3))) void violation_add_words(struct verdict_violation *violation,
							       const char *format, ...);
/* Who did it, of whom record_caller tells; @caller NULL: nothing is said. */
void violation_caller(struct verdict_violation *violation, const char *caller);
const char *state_name(enum model_state state);
/* "set_range g3:0x0-0x3f to absent (task 123, began at 1.234567 s)" */
#define REQUEST_WORDS_MAX 160
const char *request_words(const struct model_request *request, char text[REQUEST_WORDS_MAX]);
/* Says that it is of @request, and of the pages that this was about. */
void accuse_request(struct accusation *accusation, const struct model_request *request);
/* Causes of requests alike melt. 0: none. */
__u64 request_variant(const struct model_request *request);
#define OPERATION_VARIANT(operation, state) (1 | (__u64)(operation) << 8 | (__u64)(state) << 16)
/* In the variant of partial-apply: how its request left the pages, enum model_state. */
#define PARTIAL_AFTER(state) ((__u64)(state) << 32)
/* In the variant of foreign-page: the page is of an inode that is known. */
#define FOREIGN_KNOWN (1ULL << 32)
/* A request left the page, which it was not asked to change, so; @present: how, 0 or 1. */
#define FOREIGN_EXPLAINS(operation, present)                                                       \
	{                                                                                          \
		.rule = RULE_FOREIGN_PAGE,                                                         \
		.variant = OPERATION_VARIANT(operation, present) | FOREIGN_KNOWN, .anyone = true   \
	}

/* Whole seconds and microseconds, for "%llu.%06llu". */
static inline unsigned long long time_seconds(__u64 ns)
{
	return ns / 1000000000;
}

static inline unsigned long long time_micros(__u64 ns)
{
	return ns / 1000 % 1000000;
}

#endif
