/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the verdict share. Nothing outside src/rules includes this; rules do not. */
#ifndef GMEMTRACE_RULES_INTERNAL_H
#define GMEMTRACE_RULES_INTERNAL_H

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "rules/rule.h"

/*
 * What is said of a cause, for each request that it is of: the pages of different requests are
 * waited for and explained together, and told apart.
 */
struct told {
	struct told *next, *previous; /* of its cause */
	__u64 request; /* what tells it from others; 0: of none, or of none that is known */
	__u64 first, last; /* pgoff; 0 where unknown */
	__u64 count, occurrences;
	__u64 time_first, time_last; /* ns */
	bool followed; /* its words tell of what follows from it */
	struct verdict_violation *violation; /* words and proof; NULL: not yet */
};

/* A cause on its way to becoming a violation or a note, or one. */
struct cause {
	struct cause *next, *previous; /* of its set */
	const struct rule_descriptor *descriptor;
	const struct model_inode *inode;
	bool pgoff_unknown;
	__u64 first, last; /* pgoff; 0 where unknown */
	__u64 count, occurrences;
	__u64 time_first, time_last; /* ns */
	__u64 variant;
	__u64 hold; /* ns: not final before; 0: at once */
	bool of_pages; /* else count is of something else */
	bool union_count, immune, anyone, answers; /* as in the accusation */
	const struct explanation *explained; /* the same */
	__u64 changed; /* ns: the newest change of its pages */
	struct told *told, *told_last; /* oldest first, those listed */
	__u64 told_most; /* the greatest of their requests */
	__u64 untold; /* accusations beyond those */
};

/* A read has contradicted the history of an inode, and a loss may still be told of that explains it. */
struct contradiction {
	const struct model_inode *inode;
	__u64 time; /* ns: of the first such read */
};

#define OPERATIONS_MAX 64

/* Causes by what they are of, so that those which touch are found at once. */
struct cause_set {
	void *tree; /* search.h */
	struct cause *first, *last; /* in order of entry */
	size_t nr;
	__u64 rule_count[RULE_IDS_MAX]; /* sums of cause.count */
};

struct cause_list {
	struct verdict_violation **list;
	size_t nr, room;
	size_t told_nr; /* in words: pending, following, or listed here */
	__u64 unlisted;
};

/* What rules may be called for; one that is not among them does not compile where it is called. */
#define RULE_CALLS(call)                                                                           \
	call(inode_met) call(request_ended) call(request_stuck) call(changed) call(flush_judged)   \
		call(exposure_ended) call(page_read) call(freed_absent) call(moved) call(promised) \
			call(mapped) call(slept) call(stale_read) call(reached)

/* Kinds of inode: RULE_PROVIDER() tells 32 apart. */
enum rule_kinds {
	RULE_KIND_OTHER = 32, /* of these no rule speaks */
	RULE_KIND_NONE, /* of no inode every rule may */
	RULE_KINDS_NR,
};

_Static_assert(RULE_IDS_MAX <= 64, "a callee is a bit");

#define CPU_SLOTS 64

/* Requests of an operation that have ended, by where: a slot is of all CPUs that are alike modulo it. */
struct cpu_count {
	__u64 all, there[CPU_SLOTS];
};

/* What is final, in the order in which it is told; made when somebody asks. */
struct verdict_lists {
	struct cause_list violations, notes, allowed;
	struct verdict_pattern *patterns; /* of the violations */
	size_t patterns_nr;
	__u64 left_out[RULE_IDS_MAX]; /* by id: as rule_count, of what is of other pages */
	__u64 left_out_nr; /* violations that are */
	bool stale; /* more is final by now */
};

struct verdict {
	struct model *model;
	struct verdict_options options;
	const struct rule_descriptor *built[RULE_IDS_MAX]; /* those that judge */
	size_t built_nr;
/* Of those rules that have it. */
#define RULE_CALLEES(member)                                                                       \
	struct {                                                                                   \
		__typeof__(((struct rule_descriptor *)NULL)->member) list[RULE_IDS_MAX];           \
		__u64 speak[RULE_KINDS_NR]; /* a bit for each that speaks of the kind of inode */  \
		size_t nr;                                                                         \
	} member;
	struct {
		RULE_CALLS(RULE_CALLEES)
	} calls;
	__u64 changed_apart[RULE_KINDS_NR]; /* as calls.changed.speak, of what no request changed */
	size_t facts_nr; /* looked at for `blind` */
	bool blind[RULE_IDS_MAX]; /* by id: rests on hooks that may not have fired */
	struct map map; /* the last walk of the direct map that was judged */
	struct map walk; /* the one that is being taken */
	bool unwalked; /* the last one did not come to its end */
	struct cause_set pending, final;
	struct cause_set following; /* what stands by itself where what explains it is taken back */
	struct contradiction *contradictions;
	size_t contradictions_nr, contradictions_room;
	struct cpu_count cpus[OPERATIONS_MAX]; /* by enum record_operation */
	struct verdict_lists *lists;
	__u64 unproven; /* pages whose difference could not be made final */
	__u64 excused
		[RULE_IDS_MAX]; /* by rule: pages that what was before the sensors may explain */
	__u64 taken_back[RULE_IDS_MAX]; /* by rule: as rule_count, final once */
	__u64 unseen; /* requests whose begin or end was not seen, beyond late attach */
	__u64 early; /* that began before the sensors, and ended */
	__u64 advanced; /* ns: the last heartbeat's watermark */
	bool violated; /* a violation is final */
	bool failed; /* memory ran short */
	bool unlooked; /* a request changed the same pages so often that not all was looked at */
	bool finished;
	char *incomplete; /* why, NULL: whole */
	__u64 within; /* pages of those that are to be judged alone that were compared, each read */
	bool lasting; /* of a copy: reasons that a run may still make good are none */
	struct verdict_not_judged not_judged[RULE_IDS_MAX];
	size_t not_judged_nr;
	char reasons[24][160];
	size_t reasons_nr;
};

/* table.c: in order of ids. @descriptor NULL: the first. */
const struct rule_descriptor *descriptor_next(const struct rule_descriptor *descriptor);
const struct rule_descriptor *descriptor_find(__u32 id);

/* cause.c */
/*
 * Takes @cause, which is in no set. Where it touches causes of its kind they become one, the
 * oldest of them, and @cause is freed. Returns the one that is in the set now, or NULL: no
 * memory, and what could not be entered is freed.
 */
struct cause *cause_enter(struct verdict *verdict, struct cause_set *set, struct cause *cause);
/* The one in @set that explains page @pgoff of @cause, or NULL. */
struct cause *cause_explanation(const struct cause_set *set, const struct cause *cause,
				__u64 pgoff);
/* One in @set that may explain a page of @cause, or NULL. */
struct cause *cause_explanation_any(const struct cause_set *set, const struct cause *cause);
/* Copies to its words what has grown. */
void cause_tell(const struct cause *cause);
/* Forgets @told, as there are enough of them. */
void cause_drop_told(struct cause *cause, struct told *told);
void cause_remove(struct cause_set *set, struct cause *cause);
void cause_free(struct verdict *verdict, struct cause *cause);
void cause_set_free(struct verdict *verdict, struct cause_set *set);

/* settle.c */
/* Makes final what no loss can explain any more; @all: none will be told of from now on. */
void causes_settle(struct verdict *verdict, __u64 now, bool all);
/* What is not final by now never will be. */
void causes_drop(struct verdict *verdict);
/* Drops what @doubt may explain; @answers: of that, what rests on who answered flushes alone. */
void causes_doubt(struct verdict *verdict, const struct model_doubt *doubt, bool answers);
/* A read at @now has shown that the history of @inode lacks something. */
void contradiction_add(struct verdict *verdict, const struct model_inode *inode, __u64 now);
/* Takes back, final or not, what rests on how pages were of inodes of which no loss can explain that any more. */
void contradictions_settle(struct verdict *verdict, __u64 now, bool all);
/* Forgets those that @doubt explains. */
void contradictions_explain(struct verdict *verdict, const struct model_doubt *doubt);

/* lists.c: where what is final of @rule goes */
struct cause_list *list_of(const struct verdict *verdict, const struct rule *rule);
/* Of nobody's pages where one inode's are looked at, or of pages that nobody asked about. */
bool cause_left_out(const struct verdict *verdict, const struct cause *cause);

/* words.c: behind what @text, of up to @size bytes, says already and @between; cut where there is no more room. */
__attribute__((format(printf, 4, 0))) void text_add(char *text, size_t size, const char *between,
						    const char *format, va_list list);

/* sight.c: false and @reason where the hooks that the rule needs are off or unproven */
bool rule_sighted(const struct model *model, const struct rule *rule, char *reason, size_t size);

/* No hook on changes of the direct map was proved to fire. */
bool sight_none(const struct model *model);

/* pattern.c: groups the list's violations, which are in order. Short of memory there are none. */
void patterns_make(const struct verdict *verdict, struct verdict_lists *lists);
void pattern_count_request(struct verdict *verdict, const struct model_request *request);

/* status.c */
void verdict_explain(struct verdict *verdict);

#define FORGOTTEN "more was to be known at once than is kept in mind, %llu time%s"

/* judged.c: makes verdict->not_judged anew */
void rules_explain(struct verdict *verdict, const struct model_counts *counts);
/* Losses of history; a snapshot that was not read shows in the pages it leaves unread. */
__u64 history_lost(const struct model_counts *counts);

#endif
