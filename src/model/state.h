/* SPDX-License-Identifier: GPL-2.0 */
/* What is: inodes, requests and tasks, as the records make them; their pages are in pages.h. src/model alone includes this. */
#ifndef GMEMTRACE_MODEL_STATE_H
#define GMEMTRACE_MODEL_STATE_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "gmemtrace/model.h"
#include "model/queue.h"
#include "providers/provider.h"

#define PFN_MAX (1ULL << 40) /* 52 physical address bits */
#define RUN_MAX (1U << 22) /* pages of one record: 16 GiB */
#define FOLIO_MAX (1U << 18) /* pages: no folio is larger than 1 GiB */
/* Of a zapped run of nobody's pages no more are remembered: they are others', or a lie. */
#define NOBODY_MAX (1U << 15)
/* Others that ran at the same time: where there are more, they are taken together. */
#define CONFLICTS_MAX 64
/* Requests that ended while others were open: so many are told apart, those before by pairs. */
#define ENDED_MAX 512
#define ENDED_APART 128
#define CHUNK_IDS_MAX ((1U << 20) - 1)
#define REQUEST_DEPTH_MAX 8
#define INTERVALS_MAX 32
/* Flushes by kernel threads: a request that waits for one ends right behind it. */
#define LENT_FLUSHES 64

struct interval {
	__u64 since, until;
};

struct intervals {
	struct interval *list; /* NULL, or INTERVALS_MAX of them */
	size_t nr;
};

struct request;

/* What KVM is doing for its VM in a task. */
struct promise_call {
	struct promise_vm *vm; /* NULL: nothing */
	bool doubted; /* something was lost since it began: its end, maybe */
	struct model_conversion conversion;
	bool bind; /* it is not a conversion, but a slot that is bound */
	bool made; /* its changes have ended: result says how */
};

struct inode {
	struct model_inode base; /* first */
	__u32 index;
	__u32 kept; /* in model->kept */
	bool retired; /* dead, and nothing is left of it but what is counted */
	bool learning; /* begins unknown: attached late, or met after a loss */
	bool turning; /* read once with a default that denies its flags */
	__u64 attached; /* ns: before_attach: when it was found */
	__u64 known; /* pages, in chunks of which all is known */
	bool released; /* read at its release: nothing read later knows better */
	bool closing; /* its release has begun: what changes now is the way out */
	bool rereads; /* a read came back since nothing more was found to be reread */
	__u8 legal; /* of regions not there yet; with `seen` */
	bool seen;
	struct region *regions;
	size_t regions_nr;
	__u64 slot_cached; /* pgoff >> CHUNK_SHIFT, + 1, of the slot below; 0: none */
	struct chunk_slot *slot;
	__u64 shadow_until;
	__u64 unsettled; /* pages */
	__u64 inconclusive; /* pages, when it died */
	__u64 unread; /* pages, when it died, or at the end; of base.uncompared */
	__u64 snapshot; /* number of the last snapshot counted */
	__u64 lit_since; /* ns: begin of the first snapshot behind the shadow; older than that: none yet */
	__u64 lit_snapshot; /* its number */
	__u64 contradicted_at; /* ns: when the first of base.contradicted was seen */
	struct intervals doubts;
	struct request *open; /* list of open requests on it */
	struct ended *ended; /* that declare, while others were open: no more than ENDED_MAX */
	size_t ended_nr, ended_room;
	__u64 ended_count; /* ever */
	struct promises *promises; /* NULL: nothing was ever promised, or asked for */
	struct reach *reach; /* NULL: no page was ever in a guest's reach, as far as is known */
	__u32 early_nr; /* of all tasks' */
};

/* What inodes add to model_counts. */
struct inode_sums {
	__u64 pages, compared, uncompared, unread, unsettled, inconclusive;
};

/* What one request that ended left behind, or several, one after the other. */
struct ended {
	__u64 number; /* of the last of them, by inode->ended_count */
	__u64 first, last; /* pgoff: of all of them */
	const struct task *task; /* NULL: several tasks' */
	bool present, absent; /* what was asked for */
	bool failed;
};

/* Where another thread's request ran at the same time. */
struct conflict {
	__u64 first, last;
	bool opposite; /* it asked for the other state, or failed */
};

struct request {
	struct model_request base; /* first */
	struct inode *inode;
	struct task *task;
	struct request *outer;
	struct request *next_open; /* of the inode; or of the free list */
	struct request **link_open; /* what leads to it in the inode's list */
	__u64 ended_before; /* inode->ended_count when it began */
	size_t open_index; /* in model->open */
	size_t zaps_first, flushes_first; /* in the task's logs */
	__u32 held; /* at its begin: enum record_held_bits */
	__u32 kept_inside; /* enum model_kept: by requests nested inside */
	struct conflict *conflicts;
	size_t conflicts_nr, conflicts_room;
};

struct task {
	__u32 tid;
	__u32 depth;
	struct request *top;
	__u64 ended; /* ns: when its last request has; 0: none was seen */
	__u32 ended_operation; /* of that: enum record_operation */
	struct model_zap *zaps; /* since the outermost request began */
	size_t zaps_nr, zaps_room;
	size_t zaps_unflushed; /* all before are flushed, or need none */
	size_t restores;
	struct model_flush *flushes;
	size_t flushes_nr, flushes_room;
	struct model_unanswered *unanswered; /* since then; outside requests the newest alone */
	size_t unanswered_nr, unanswered_room;
	__u64 called; /* ns: when it last asked all other CPUs to run something else than a flush; 0: never */
	/* While CPUs are watched: the newest zap outside requests that has its flush; nr 0: none. */
	struct model_zap covered;
	struct promise_call call;
	/* Places in the order of all loose zaps, counted from 1; 0, or of one that is gone: none. */
	__u64 loose_last; /* of its newest */
	__u64 loose_waits; /* of its newest that a flush may still cover */
	bool loose_waiting; /* neither flushed nor put anything back since its newest */
	bool narrow_waits; /* its newest loose zap is of pages of model.narrow */
	__u64 narrow_flush; /* ns: begin of the last flush that those who want these were told of */
	__u64 borrowed; /* pfn + 1 of nobody's page that its last change put back; 0: it did not */
	struct early *early; /* of its outermost request, or its conversion */
	size_t early_nr, early_room;
	struct task *early_next, **early_link; /* of those that have some */
};

#define CALLERS_NR 8 /* told right before what they did is */
#define ANY_PAGE (~0ULL)

/* Who did what nobody should. */
struct caller {
	__u64 time; /* ns; 0: none */
	__u64 page; /* pfn */
	__u32 tid;
	char text[RECORD_CALLER_TEXT_MAX];
};

struct exposure {
	__u64 pfn, pgoff, begin;
	struct inode *inode; /* NULL: done with */
	__u32 nr, tid;
};

/* Made present by a task that is to take it from its guest, and has not yet; or the other way round. */
struct early {
	struct inode *inode;
	bool unflushed; /* prepared, and its task is still to flush what it made absent: zap.end says when */
	__u64 since; /* ns: not in the guest's reach before */
	struct model_zap zap; /* of these pages alone */
};

union map_value {
	__u64 number;
	void *pointer;
};

/* Hash by 64-bit keys; keys are never removed. Key ~0 is not allowed. */
struct map {
	struct map_slot {
		__u64 key; /* + 1; 0: free */
		union map_value value;
	} * slots;
	size_t room, used;
};

/* Which pages of an inode its guest can reach as private. */
struct reach {
	struct map chunks; /* pgoff >> CHUNK_SHIFT -> struct reach_chunk * */
	__u64 mapped; /* pages */
};

struct model {
	struct model_options options;
	struct model_counts counts;
	bool failed; /* memory ran short */
	bool finished;
	__u64 horizon; /* ns: the greatest watermark */
	__u64 heartbeats;
	__u64 fed; /* bytes */
	struct model_observer *observers;
	size_t observers_nr;
	struct {
		bool flushed, unproven, covered;
		__u64 brief,
			apart; /* as in model_observer.spare, of all observers: what none wants */
	} heard; /* what comes by the million, and somebody listens to */
	size_t whole_nr; /* observers of all pages; those behind them are of `narrow` alone */
	struct {
		bool on;
		__u64 first, last; /* pgoff */
	} narrow;
	struct inode **inodes;
	size_t inodes_nr, inodes_room;
	struct inode **kept; /* all but the retired: those that can still change */
	size_t kept_nr, kept_room;
	struct inode_sums retired;
	struct map inode_map; /* number -> index */
	struct map pfn_regions; /* pfn >> 18 -> whether any block of it is in pfn_map */
	struct map pfn_map; /* pfn >> 9 -> __u32[512] and more, see pfn.c */
	__u64 pfn_cached; /* key + 1 of the block whose entries are below */
	__u32 *pfn_entries;
	struct map chunk_ids; /* chunks that such entries name -> 1 ... */
	__u64 *chunk_keys; /* ... and back */
	size_t chunk_keys_nr, chunk_keys_room;
	size_t chunk_ids_max; /* what does not fit takes eight bytes an entry */
	__u64 chunk_id_key; /* of the id below; 0: none */
	__u32 chunk_id;
	struct map task_map; /* tid -> struct task * */
	struct task *task_last; /* asked for last; tasks stay */
	struct map vm_map; /* number -> struct promise_vm * */
	__u64 calls_doubted; /* ns: when something was lost that the end of a call may be; 0: nothing */
	struct request **open;
	size_t open_nr, open_room;
	__u64 open_since; /* ns: none that is not stuck yet began before */
	struct request *requests_free;
	__u64 request_id;
	__u64 taken; /* entries of the queue */
	struct {
		const struct record_zap *record;
		struct inode *inode;
		__u64 taken; /* when it was: right behind it nothing can have changed */
	} single; /* the last change of a page by itself */
	struct model_flush lent[LENT_FLUSHES];
	size_t lent_nr; /* ever */
	struct loose *loose;
	size_t loose_head, loose_nr, loose_room;
	__u64 loose_dropped; /* in front of the first that stands there */
	size_t loose_wide; /* those of more pages than one, not done with */
	struct map loose_pfns; /* place of the newest that is of the pfn alone */
	__u64 *loose_waiting; /* places, of those that a flush looks at */
	size_t loose_waiting_room;
	struct caller callers[CALLERS_NR]; /* the newest */
	size_t callers_next;
	struct caller borrower; /* the newest who borrowed a page, and did not flush it at once */
	struct exposure *exposed;
	size_t exposed_head, exposed_nr, exposed_room;
	struct task *early_tasks; /* those that have some */
	size_t early_nr; /* of them all */
	__u64 unmaps; /* from guests, that were seen */
	__u64 reach_looks; /* at chunks of what is in guests' reach, and at tasks */
	struct bundle *bundles; /* begun, not ended */
	size_t bundles_nr;
	struct bundle *bundles_free;
	struct chunk_seen *chunks_seen; /* seen.c's, as many as a read has chunks */
	struct chunk *timed, *timed_tail; /* chunks that keep their pages' times */
	size_t timed_nr;
	struct chunk_times *times_spare;
	size_t times_spare_nr;
	bool changes_kept; /* for good */
	struct queue queue;
	struct intervals doubts; /* of no inode, so of all */
	struct intervals doubts_any; /* of whichever inode */
	__u64 shadow_until;
	__u64 gap_since; /* ns: of the gap in the stream that the next heartbeats end */
	__u32 gap_heartbeats; /* still to come */
	bool forgotten; /* everything, and nothing was learned since: losses come in numbers */
	bool lost_history; /* some history was lost, at any time */
	struct event *events;
	__u64 events_nr; /* ever */
	__u64 *events_looked; /* events looked at for chains; a question does not change a model */
	size_t events_room; /* a power of two */
	struct fact {
		char *key, *value;
	} * facts;
	size_t facts_nr, facts_room;
};

/* Calls @member of observers [@from, @to) that have it. */
#define MODEL_NOTIFY_SOME(model, from, to, member, ...)                                            \
	do {                                                                                       \
		for (size_t notify = (from); notify < (to); notify++) {                            \
			const struct model_observer *observer = &(model)->observers[notify];       \
			if (observer->member)                                                      \
				observer->member(observer->context, __VA_ARGS__);                  \
		}                                                                                  \
	} while (0)

#define MODEL_NOTIFY(model, member, ...)                                                           \
	MODEL_NOTIFY_SOME(model, 0, (model)->observers_nr, member, __VA_ARGS__)
#define MODEL_NOTIFY_WHOLE(model, member, ...)                                                     \
	MODEL_NOTIFY_SOME(model, 0, (model)->whole_nr, member, __VA_ARGS__)

/* narrow.c: everybody is told of what has pages, some of theirs alone. */
void notify_request_begun(struct model *model, struct request *request);
void notify_request_ended(struct model *model, const struct request *request);
void notify_request_stuck(struct model *model, const struct model_request *request, __u64 now);
void notify_changed(struct model *model, struct task *task, struct inode *inode,
		    const struct model_zap *zap);
static inline void notify_zapped(struct model *model, struct task *task, struct inode *inode,
				 const struct model_zap *zap)
{
	if (!inode || task->top || model->narrow.on || inode->base.provider > 63 ||
	    !(model->heard.apart >> inode->base.provider & 1))
		notify_changed(model, task, inode, zap);
}

/* Page @pgoff of @inode's was made absent when it was nobody's. */
void narrow_adopt(const struct model *model, struct inode *inode, __u64 pgoff);
void notify_flushed(struct model *model, struct task *task, const struct model_flush *flush,
		    struct inode *inode);
void notify_flush_timed(struct model *model, const struct task *task,
			const struct record_flush_timed *record, const struct inode *inode);
/* Whether somebody wants to know. */
static inline bool exposure_heard(const struct model *model, __u64 begin, __u64 end)
{
	return end - begin >= model->heard.brief || model->narrow.on;
}

void notify_exposure_ended(struct model *model, const struct model_exposure *exposure);
void notify_page_read(struct model *model, const struct model_read *read);
void notify_moved(struct model *model, const struct model_moved *moved);

/* memory.c: on failure the model is marked as failed. */
void *model_alloc(struct model *model, size_t size); /* zeroed */
/* Of some MB, not zeroed, in large pages where there are some: what is written once through costs a fault each. */
void *model_alloc_large(struct model *model, size_t size);
void model_release(struct model *model, void *memory, size_t size);
/* Makes room for more elements. false: none. */
bool model_enlarge(struct model *model, void *array, size_t *room, size_t element);
/* The same, where there is none for one more. */
static inline bool model_grow(struct model *model, void *array, size_t nr, size_t *room,
			      size_t element)
{
	return nr < *room || model_enlarge(model, array, room, element);
}

union map_value *map_find(const struct map *map, __u64 key);
/* Finds or adds, with a value of 0. NULL: no memory. */
union map_value *map_add(struct model *model, struct map *map, __u64 key);

/* valid.c: whether one field of @record denies what another says; such a record is not taken */
bool record_contradicts(const struct record_header *record);
#define READ_OF_PAGE                                                                               \
	(RECORD_PAGE_PREPARED | RECORD_PAGE_POISONED | RECORD_PAGE_PRESENT | RECORD_PAGE_LOCKED |  \
	 RECORD_PAGE_ASTRAY | RECORD_PAGE_NON_GLOBAL | RECORD_PAGE_REFERENCES)
static inline bool page_contradicts(const struct record_snapshot_page *record)
{
	if (record->bits & RECORD_PAGE_RESIDENT_UNKNOWN)
		return false;
	if (record->bits & (RECORD_PAGE_ASTRAY | RECORD_PAGE_NON_GLOBAL) &&
	    !(record->bits & RECORD_PAGE_PRESENT))
		return true;
	if (record->bits & RECORD_PAGE_RESIDENT)
		return !record->pfn;
	return record->pfn || record->bits & READ_OF_PAGE;
}

static inline bool zap_contradicts(const struct record_zap *record)
{
	if (record->valid > 1 || record->flush_full > 1)
		return true;
	if (record->routine == RECORD_ZAP_INVALID)
		return record->valid;
	return record->routine == RECORD_ZAP_DEFAULT && !record->valid;
}

/* interval.c */
void intervals_add(struct model *model, struct intervals *intervals, __u64 since, __u64 until);
bool intervals_meet(const struct intervals *intervals, __u64 since, __u64 until);
void intervals_free(struct model *model, struct intervals *intervals);

static inline bool inode_has(const struct inode *inode, __u32 traits)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): an owned pfn has an inode */
	return provider_has(inode->base.provider, traits);
}

/* inode.c: all inodes; life.c: what becomes of one */
struct inode *inode_look_up(const struct model *model, __u64 number);
/* Numbers are given out one after another: mostly the place is the number. */
static inline struct inode *inode_find(const struct model *model, __u64 number)
{
	if (number - 1 < model->inodes_nr && model->inodes[number - 1]->base.number == number)
		return model->inodes[number - 1];
	return inode_look_up(model, number);
}

struct inode *inode_get(struct model *model, __u64 number, __u64 time);
/* Whether it is older than the sensors, and of some page nobody can know yet what it is, or is to be. */
bool inode_unread(const struct inode *inode);
/* Adds one; @learning: its history is not known from the start. NULL: no memory. */
struct inode *inode_add(struct model *model, __u64 number, __u64 time, bool learning);
void inode_set_provider(struct inode *inode, __u32 provider, __u32 default_state);
void inode_update(struct model *model, const struct record_inode *record);
void inode_snapshot_update(struct inode *inode, const struct record_snapshot *record);
void inode_die(struct model *model, struct inode *inode, __u64 time);
/* What is known of it counts no longer: it is learned anew. */
void inode_forget(struct model *model, struct inode *inode);
/* A page of it is gone: a dead one without pages is done with. */
void inode_settle(struct model *model, struct inode *inode);
void inode_sum(const struct inode *inode, bool finished, struct inode_sums *sums);
void inode_free(struct model *model, struct inode *inode);
/*
 * Pages of which nobody knows whether they are right: not compared since what happened last; @unread: of them
 * those that no read ever compared, of an inode whose history is not whole.
 */
__u64 inode_uncompared(const struct inode *inode, __u64 *unread);

/* owner.c */
void page_free_absent(struct model *model, const struct record_page_free *record);
void owner_join(struct model *model, const struct record_owner *record);
void owner_leave(struct model *model, const struct record_owner *record);

/* task.c */
struct task *task_look_up(struct model *model, __u32 tid);
/* NULL: no memory. */
static inline struct task *task_get(struct model *model, __u32 tid)
{
	/* What a thread does comes in crowds. */
	if (model->task_last && model->task_last->tid == tid)
		return model->task_last;
	return task_look_up(model, tid);
}

/* NULL: malformed. */
const struct caller *caller_take(struct model *model, const struct record_caller *record);
/* Who @tid's newest deed since @since (ns) was, of @page or of ANY_PAGE; NULL: not told. */
const char *caller_of(const struct model *model, __u32 tid, __u64 since, __u64 page);

/* One of its inner steps ended. */
static inline void request_stepped(struct request *request, __u64 time)
{
	struct model_request *base = &request->base;

	if (!base->step_first || time < base->step_first)
		base->step_first = time;
	if (time > base->step_last)
		base->step_last = time;
}
/* The innermost request of @task that changes direct-map entries, or NULL. */
struct request *request_innermost(const struct task *task);
/* The update of the xarray inside another request is only that request's means. */
bool request_is_step(const struct request *request);
/* Whether it says what pages are to be. */
bool request_declares(const struct request *request);

/* conflict.c */
/* @request, which declares, has ended: others on its inode that are open are to know. */
void conflict_ended(struct model *model, const struct request *request);
/* What those left behind that ended while @request was open; it ends now. */
void conflicts_gather(struct model *model, struct request *request);
/* Nobody has to know any more. */
void conflicts_forget(struct model *model, struct inode *inode);

/* request.c */
void request_begin(struct model *model, const struct record_request *record);
void request_end(struct model *model, const struct record_request *record);
/* What the counts of the task's requests say from now on means nothing. */
void request_sleep(struct model *model, const struct record_sleep *record);
void request_check_stuck(struct model *model, __u64 now);
/* Drops open requests on @inode whose end must have been lost. */
void request_drop_lost(struct model *model, struct inode *inode, __u64 now);
void request_free_all(struct model *model);
static inline bool request_overlaps(const struct request *request, __u64 first, __u64 last)
{
	return request->base.pgoff_first <= last && first <= request->base.pgoff_last &&
	       request->base.pgoff_first <= request->base.pgoff_last;
}
/* cover.c */
void flush_of_zap(const struct record_zap *record, struct model_flush *flush);
/* Whether [first, last], pfns, are all among what it flushes. */
bool flush_reaches(const struct model_flush *flush, __u64 first, __u64 last);
/*
 * Whether the task's flush can be meant for the zap. memfd_secret flushes its page; a flush of
 * everything is what the split of a large page ends in, inside the task's next zap.
 */
bool flush_is_own(const struct model_flush *flush, const struct model_zap *zap);
bool flush_covers(const struct model_flush *flush, const struct model_zap *zap);

/* zap.c, flush.c, loose.c, exposure.c */
void zap_take(struct model *model, const struct record_zap *record);
/*
 * The change and the flush that was merged into it, which comes next. false: that is more than a page
 * by itself, made absent and flushed at once, and nothing was done.
 */
bool zap_take_flushed(struct model *model, const struct record_zap *record);
void flush_take_merged(struct model *model, const struct record_zap *record);
void flush_take(struct model *model, const struct record_flush *record);
void flush_event(struct model *model, const struct model_flush *flush, const struct inode *inode);
/* That @task has flushed; of whose pages, NULL: nobody's that is known. */
void flush_tell(struct model *model, struct task *task, const struct model_flush *flush,
		struct inode *inode);
void flush_take_unanswered(struct model *model, const struct record_unanswered *record);
void flush_take_stale(struct model *model, const struct record_stale *record);
void flush_take_call(struct model *model, const struct record_call *record);
/* No flush at all came after @zap: whether its task may have flushed by other means. */
enum model_coverage flush_otherwise(const struct task *task, const struct model_zap *zap);

/* lent.c */
/* Whose open request a change asks for that a task makes which is in none; NULL: nobody's. */
struct task *lent_by(const struct inode *inode, const struct model_zap *zap);
/* By a kernel thread. */
void lent_flushed(struct model *model, const struct model_flush *flush);
/* Of a page that its request has not flushed: COVERED by who zapped it, BY_OTHERS, or UNCOVERED. */
enum model_coverage lent_coverage(const struct model *model, const struct model_zap *zap,
				  __u64 pfn);
void flush_take_timed(struct model *model, const struct record_flush_timed *record);
void flush_judge_request(struct model *model, struct task *task, const struct request *request);
static inline bool loose_any(const struct model *model)
{
	return model->loose_head != model->loose_nr;
}

void loose_add(struct model *model, struct task *task, const struct model_zap *zap);
/* What @task puts back. */
void loose_borrow(struct task *task, const struct model_zap *zap);
/* The same of one that has an owner, and whose own flush is known. */
void loose_covered(struct model *model, struct task *task, const struct model_zap *zap);
/* The owner of what was zapped before it had one: of pages that ascend. */
void loose_adopt(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn, __u64 nr);
/* They were restored: it left, or its owner never got it. */
/* By @restore, outside or within a request. */
void loose_restored(struct model *model, const struct model_zap *restore);
/* Not all CPUs took part in the flush that @task has just issued outside any request. */
void loose_unanswered(struct model *model, struct task *task,
		      const struct model_unanswered *unanswered);
void loose_flush(struct model *model, struct task *task, const struct model_flush *flush);
/* @task's newest change of @pfn outside requests, that waits for its flush and whose page has an owner; or NULL. */
const struct model_zap *loose_waiting(struct model *model, const struct task *task, __u64 pfn);
/* Who made a change: perhaps one who put a page back and took it out again. @caller: or NULL. */
void loose_told_caller(struct model *model, const struct caller *caller);
void loose_free(struct model *model);
/* Those whose time is over; at the end the others are not judged: the sensors went off first. */
void loose_expire(struct model *model, __u64 now);
/* Pages whose flush is late and may come yet. */
__u64 loose_late(const struct model *model, __u64 now);
void exposure_add(struct model *model, struct inode *inode, const struct model_zap *zap);
void exposure_end(struct model *model, struct model_flush *flush, enum record_operation operation);
/* @nr exposed pages from @pfn on are not any more, without a flush. */
void exposure_cancel(struct model *model, struct inode *inode, __u64 pfn, __u64 nr);

/* reach.c: what guests can reach as private */
void reach_map(struct model *model, const struct record_guest *record);
void reach_unmap(struct model *model, const struct record_guest *record);
/* Pages of @inode, whose `reach` is not NULL, were made present by @task. */
void reach_restored(struct model *model, struct task *task, struct inode *inode,
		    const struct model_zap *zap);
/* @nr pages from @pgoff on that are exposed were prepared by @task. */
void reach_prepared(struct model *model, struct task *task, struct inode *inode,
		    const struct record_owner *record, __u64 pgoff, __u64 nr);
/* Some of them, perhaps, by a flush of @flusher. */
void reach_flushed(struct model *model, const struct task *flusher, struct inode *inode,
		   const struct model_exposure *ended);
/* The outermost request or the conversion of @task has ended, and is still what it is at. */
void reach_task_ended(struct model *model, struct task *task);
/* Nobody reaches these pages any more, or it is not known. */
void reach_forget(struct model *model, struct inode *inode, __u64 pgoff, __u64 nr);
void reach_free(struct model *model, struct inode *inode);

/* doubt.c */
/* @nr pages of @inode came or changed without an event before @now (ns): so may others have. */
void doubt_contradicted(struct model *model, struct inode *inode, __u64 now, __u64 nr);
bool doubt_within(const struct model *model, const struct inode *inode, __u64 since, __u64 until);
void doubt_loss(struct model *model, const struct record_loss *record);
/* A heartbeat behind a gap in the stream comes. true: what is taken up to it is to be forgotten. */
bool doubt_gap(struct model *model, __u64 watermark);
void doubt_forget_all(struct model *model);
void doubt_loss_passed(struct model *model, const struct record_loss *record);
void doubt_unseen(struct model *model, struct inode *inode, __u64 since, __u64 until);

#endif
