/* SPDX-License-Identifier: GPL-2.0 */
/* What is: inodes, their pages and requests, as the records make them. src/model alone includes this. */
#ifndef GMEMTRACE_MODEL_STATE_H
#define GMEMTRACE_MODEL_STATE_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "gmemtrace/model.h"
#include "model/queue.h"
#include "providers/provider.h"

#define CHUNK_SHIFT 9
#define CHUNK_PAGES (1U << CHUNK_SHIFT)
#define CHUNK_WORDS (CHUNK_PAGES / 64)
#define REGION_SHIFT 18 /* pages: 1 GiB */
#define REGION_CHUNKS (1U << (REGION_SHIFT - CHUNK_SHIFT))
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
/* A zap outside requests whose task has not flushed for so long never will. */
#define LOOSE_DEADLINE 1000000000ULL

enum page_flags {
	PAGE_RESIDENT = 1 << 0,
	PAGE_PREPARED = 1 << 1,
	PAGE_POISONED = 1 << 2,
	PAGE_SURE = 1 << 3,
	PAGE_EXPOSED = 1 << 4,
	PAGE_LOOSE = 1 << 5, /* has an entry in model->loose */
	PAGE_APPLIED_SHIFT = 6, /* two bits, enum model_state */
	PAGE_APPLIED_MASK = 3 << PAGE_APPLIED_SHIFT,
};

struct page {
	__u64 pfn : 40;
	__u64 flags : 8;
} __attribute__((packed));

_Static_assert(sizeof(struct page) == 6, "pages are what the memory goes to");

/* Pages of one chunk, one behind the other, whose flags are equal, and whose pfns ascend. */
struct page_span {
	struct chunk_slot *slot; /* NULL: none */
	struct page *pages; /* NULL: none of them is there */
	__u64 nr;
	bool like; /* pages[0] stands for all of them */
};

/* A bit a page. */
enum chunk_bitmap {
	BITS_PRESENT, /* declared: present is legal */
	BITS_ABSENT, /* declared: absent is legal */
	BITS_SEEN, /* a settled read stands behind what is declared, or its history is whole */
	BITS_COMPARED,
	BITS_TOUCHED, /* since the read at hand began */
	BITS_CHANGED, /* since a read last compared it; what a release does to it is not counted */
	BITS_NR,
};

/* The same, of chunks that have any of them. */
enum chunk_mark {
	MARK_UNSETTLED, /* wants another read */
	MARK_SUSPECT_DECLARED, /* differed in a settled read, untouched since */
	MARK_SUSPECT_APPLIED,
	MARK_PROVEN_DECLARED, /* reported; until something changes it */
	MARK_PROVEN_APPLIED,
	MARK_LEFT_LOCKED, /* so at its inode's release, read once */
	MARK_LEFT_REFERENCED,
	MARK_NR,
};

/* A chunk knows what touched its pages since it is there, and `touched` of what was before. */
#define READ_BORN 1

struct chunk {
	__u64 bits[BITS_NR][CHUNK_WORDS];
	__u64 (*marks)[CHUNK_WORDS]; /* MARK_NR; NULL: none is set */
	__u64 touched; /* ns: all pages, by a request's end */
	__u64 read_begin; /* ns: of the read at hand; 0 none, READ_BORN: it may have begun before */
	__u64 read_end; /* ns: of the last read */
	__u64 suspect_since; /* ns: begin of the read of the oldest suspect */
	struct page *pages; /* NULL: none was ever resident */
	struct chunk_times *times; /* NULL: none; see changed.c */
	__u64 changed; /* ns: of those that have none, the last change of any */
	__u64 changed_last; /* ns: the last of `times` */
	struct chunk *timed_next, *timed_last; /* others with times */
	__u32 pass;
	__u8 tries;
	bool requested; /* a reread was handed out and has not come back */
};

/* When each page of a chunk last changed; see changed.c. */
struct chunk_times {
	struct chunk_times *next; /* spare ones */
	__u64 known[CHUNK_WORDS]; /* a bit a page */
	__u64 time[CHUNK_PAGES]; /* ns */
};

/* 512 chunks, or all their pages alike. */
struct chunk_slot {
	struct chunk *chunk; /* NULL: all pages alike */
	__u64 last_change; /* ns: of any of its pages, while there is no chunk */
	__u64 touched;
	struct page like; /* the first page; the others' pfns ascend from its */
	__u8 legal; /* enum model_state */
	bool seen, compared, changed;
};

struct region {
	struct chunk_slot *slots; /* NULL: all pages alike */
	__u64 touched;
	__u8 legal;
	bool seen, compared, changed;
};

struct interval {
	__u64 since, until;
};

struct intervals {
	struct interval *list; /* NULL, or INTERVALS_MAX of them */
	size_t nr;
};

struct request;

/* Who set a run of pages last. */
enum promise_who {
	PROMISE_UNKNOWN, /* it may have been anybody */
	PROMISE_KVM, /* nobody since the inode was made, or KVM for its VM */
	PROMISE_USER, /* KVM_GMEM_SET_DIRECT_MAP: the last writer wins, and whatever it says is right */
};

/* What is known of how a run of pages came to be as it is. */
struct promise_span {
	__u64 first, last; /* pgoff */
	__u64 since; /* ns: end of what decided it */
	enum promise_who who;
	__u64 bound; /* number: of the VM that bound it since, and so took back what is private; 0: none */
	/* enum model_state: of the last that succeeded; 0: none ever, EITHER: bound since */
	__u32 asked;
	__u64 vm; /* number: of the last that KVM did for a VM; 0: none */
	struct model_conversion conversion; /* the last that covered it */
};

#define SPAN_LIST_MAX 128

/* A few of an inode's, in order, without gaps: its lists together have all page offsets. */
struct span_list {
	struct promise_span *spans;
	size_t nr, room;
};

/* What is said of all pages in a range at once. */
struct promise_news {
	__u64 since;
	bool decides; /* `who` is who set them last */
	enum promise_who who;
	__u64 vm; /* number: whom KVM did it for; 0: nobody */
	bool asks; /* `asked` is what succeeded */
	__u32 asked;
	bool binds; /* they are bound anew: what they were asked to be before says no more of them */
	__u64 takes_back; /* number: of the VM that makes those absent which are private; 0: none */
	const struct model_conversion *conversion; /* NULL: it was none */
};

/* Read once, and not as promised. */
struct promise_suspect {
	__u64 first, last; /* pgoff */
	__u64 begin, end; /* ns: of the read */
	enum model_promise_break how;
};

struct promises {
	struct promise_vm **vms; /* that have bound it: one, unless it was handed on */
	size_t vms_nr, vms_room;
	bool unmapped; /* not all of its bindings are known: it is not judged */
	bool binding; /* bound a moment ago: what is private of it is still to become absent */
	struct span_list *lists; /* none is empty, but where memory was short */
	size_t lists_nr, lists_room;
	size_t spans_nr; /* in all of them */
	struct promise_suspect *suspects;
	size_t suspects_nr, suspects_room;
};

/* Guest frames that are backed by an inode. */
struct promise_binding {
	struct inode *inode;
	__u64 gfn, pgoff, nr;
};

struct promise_vm {
	__u64 number;
	__u64 touched; /* ns: its promises changed last */
	__u32 open; /* conversions under way */
	struct promise_binding *bindings; /* in order of gfns */
	size_t bindings_nr, bindings_room;
};

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
	__u64 attached; /* ns: before_attach: when it was found */
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
	__u64 snapshot; /* number of the last snapshot counted */
	struct intervals doubts;
	struct request *open; /* list of open requests on it */
	struct ended *ended; /* that declare, while others were open: no more than ENDED_MAX */
	size_t ended_nr, ended_room;
	__u64 ended_count; /* ever */
	struct promises *promises; /* NULL: nothing was ever promised, or asked for */
	struct reach *reach; /* NULL: no page was ever in a guest's reach, as far as is known */
};

/* What inodes add to model_counts. */
struct inode_sums {
	__u64 pages, compared, uncompared, unsettled, inconclusive;
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
};

/* A zap outside any request, whose task's flush is awaited. */
struct loose {
	struct model_zap zap; /* nr 0: done with */
	struct task *task;
	__u64 waits_before; /* place of the task's one before it that waits */
	__u64 same_before; /* place of the one before it that is of the same page alone */
	bool flushed_elsewhere; /* the task flushed, but not these pages */
	bool together; /* with others, before its task flushed or put back any */
	bool borrowed; /* its task had put it back right before, as hibernation does to copy it */
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

#define EVENT_FAR ((1ULL << 48) - 1) /* no page has such an offset or pfn */

/* struct model_event, in less memory: where there are many, touching it is what they cost. */
struct event {
	__u64 time;
	/* 48 bits; operation 7, EVENT_FLUSHED, kind 7, state 1: bit fields would be written one by one. */
	__u64 first;
	__u64 last; /* 48 bits; cpu 16 */
	__u32 tid, tgid, inode;
	__s32 result; /* EVENT_FLUSHED: ns, from the change to the end of its flush */
};

#define EVENT_FLUSHED (1ULL << 55) /* a change of a page whose flush of it alone came next */
#define EVENT_FLUSH_NS 0x7fffffffU

_Static_assert(sizeof(struct event) == 40, "events are packed");

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
	struct loose *loose;
	size_t loose_head, loose_nr, loose_room;
	__u64 loose_dropped; /* in front of the first that stands there */
	size_t loose_wide; /* those of more pages than one, not done with */
	struct map loose_pfns; /* place of the newest that is of the pfn alone */
	__u64 *loose_waiting; /* places, of those that a flush looks at */
	size_t loose_waiting_room;
	struct caller callers[CALLERS_NR]; /* the newest */
	size_t callers_next;
	struct exposure *exposed;
	size_t exposed_head, exposed_nr, exposed_room;
	struct early *early;
	size_t early_nr, early_room;
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
	 RECORD_PAGE_REFERENCES)
static inline bool page_contradicts(const struct record_snapshot_page *record)
{
	if (record->bits & RECORD_PAGE_RESIDENT_UNKNOWN)
		return false;
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
/* Pages of which nobody knows whether they are right: not compared since what happened last. */
__u64 inode_uncompared(const struct inode *inode);

static inline bool bit_test(const __u64 *bits, __u32 bit)
{
	return bits[bit / 64] >> (bit % 64) & 1;
}

static inline void bit_put(__u64 *bits, __u32 bit, bool value)
{
	__u64 mask = 1ULL << (bit % 64);

	bits[bit / 64] = value ? bits[bit / 64] | mask : bits[bit / 64] & ~mask;
}

/* extent.c: an inode's pages */
struct region *extent_region(struct model *model, struct inode *inode, __u64 pgoff, bool add);
struct chunk_slot *extent_slot_get(struct model *model, struct inode *inode, __u64 pgoff, bool add);
static inline struct chunk_slot *extent_slot(struct model *model, struct inode *inode, __u64 pgoff,
					     bool add)
{
	if (inode->slot_cached == (pgoff >> CHUNK_SHIFT) + 1)
		return inode->slot;
	return extent_slot_get(model, inode, pgoff, add);
}

struct chunk *extent_chunk(struct model *model, struct inode *inode, __u64 pgoff);
struct page *extent_page(struct model *model, struct inode *inode, __u64 pgoff);
/*
 * The page at @pgoff, or one that stands for the whole chunk where [pgoff, pgoff + nr) begins with
 * one of which nothing is known page by page. @weight: pages that it stands for.
 */
struct page *extent_pages(struct model *model, struct inode *inode, __u64 pgoff, __u64 nr,
			  __u64 *weight);
/*
 * The pages from @pgoff on that are alike, at most @nr. Whoever changes one changes all of them: by
 * run_write().
 */
void extent_run(struct model *model, struct inode *inode, __u64 pgoff, __u64 nr,
		struct page_span *run);
/* The page at @pgoff, where its chunk has a place for each; false: it has none. */
static inline bool extent_single(struct model *model, struct inode *inode, __u64 pgoff,
				 struct page_span *run)
{
	struct chunk_slot *slot = extent_slot(model, inode, pgoff, false);

	if (!slot || !slot->chunk || !slot->chunk->pages)
		return false;
	*run = (struct page_span){
		.slot = slot,
		.pages = &slot->chunk->pages[pgoff & (CHUNK_PAGES - 1)],
		.nr = 1,
	};
	return true;
}

/* A copy of a resident page. false: it is not resident. */
bool extent_page_read(const struct inode *inode, __u64 pgoff, struct page *page);
/* The slot of @pgoff, or NULL. @region: NULL where there is none. */
struct chunk_slot *extent_slot_find(const struct inode *inode, __u64 pgoff,
				    const struct region **region);
/* How many of @nr pages from @pgoff on are alike for certain, and have the pfns from @pfn on, or not. */
__u64 extent_alike(const struct inode *inode, __u64 pgoff, __u64 pfn, __u64 nr);
static inline enum model_state chunk_legal(const struct chunk *chunk, __u32 bit)
{
	__u32 present = bit_test(chunk->bits[BITS_PRESENT], bit) ? MODEL_PRESENT : 0;

	return (enum model_state)(present |
				  (bit_test(chunk->bits[BITS_ABSENT], bit) ? MODEL_ABSENT : 0));
}

enum model_state extent_legal(const struct inode *inode, __u64 pgoff);
/* Declares [first, last]: replaces what is legal, or adds to it. */
void extent_declare(struct model *model, struct inode *inode, __u64 first, __u64 last, __u8 legal,
		    bool add);
/* A request on [first, last] ended. @declared: it may have changed what is declared. */
void extent_touch(struct inode *inode, __u64 first, __u64 last, __u64 time, bool declared);
/* A run at @pgoff was changed. */
void extent_touch_pages(struct inode *inode, const struct page_span *run, __u64 pgoff, __u64 time);
static inline void extent_touch_run(struct inode *inode, const struct page_span *run, __u64 pgoff,
				    __u64 time)
{
	struct chunk *chunk = run->slot->chunk;
	__u32 bit = (__u32)(pgoff & (CHUNK_PAGES - 1));

	if (run->nr != 1 || !chunk || chunk->marks) {
		extent_touch_pages(inode, run, pgoff, time);
		return;
	}
	if (chunk->read_begin)
		bit_put(chunk->bits[BITS_TOUCHED], bit, true);
	if (!inode->closing)
		bit_put(chunk->bits[BITS_CHANGED], bit, true);
}

/* A read of [first, last] begins. */
void extent_read_begin(struct inode *inode, __u64 first, __u64 last, __u64 time);
/* Pages that have changed and were not compared since. */
__u64 extent_changed(const struct inode *inode);
/* The bitmap of a mark, to be read. */
static inline const __u64 *chunk_marks(const struct chunk *chunk, enum chunk_mark mark)
{
	static const __u64 none[CHUNK_WORDS];

	return chunk->marks ? chunk->marks[mark] : none;
}

void chunk_mark(struct model *model, struct inode *inode, struct chunk *chunk, enum chunk_mark mark,
		__u32 bit, bool value);
/* No page has the mark any more. */
void chunk_unmark_all(struct chunk *chunk, enum chunk_mark mark);
void extent_free(struct model *model, struct inode *inode);

static inline __u32 bits_count(const __u64 *bits)
{
	__u32 count = 0;

	for (size_t i = 0; i < CHUNK_WORDS; i++)
		count += (__u32)__builtin_popcountll(bits[i]);
	return count;
}

/* The part of [first, last] that lies in word @word of the chunk at @start. */
static inline __u64 bits_range(__u64 start, size_t word, __u64 first, __u64 last)
{
	__u64 low = start + word * 64, high = low + 63, mask = ~0ULL;

	if (last < low || first > high)
		return 0;
	if (first > low)
		mask &= ~0ULL << (first - low);
	if (last < high)
		mask &= ~0ULL >> (high - last);
	return mask;
}

static inline enum model_state page_applied(const struct page *page)
{
	return (enum model_state)((page->flags & PAGE_APPLIED_MASK) >> PAGE_APPLIED_SHIFT);
}

static inline void page_set(struct page *page, __u32 flags, bool value)
{
	page->flags = (value ? page->flags | flags : page->flags & ~flags) & 0xff;
}

static inline void run_write(const struct page_span *run, __u32 flags)
{
	__u64 entries = run->like ? 1 : run->nr;

	for (__u64 i = 0; i < entries; i++)
		run->pages[i].flags = flags & 0xff;
}

/* The flags of a run that is made absent or present; they are the caller's to write. */
static inline __u32 run_applied(struct inode *inode, const struct page_span *run,
				enum model_state applied)
{
	if (page_applied(run->pages) == MODEL_ABSENT)
		inode->base.absent -= run->nr;
	if (applied == MODEL_ABSENT)
		inode->base.absent += run->nr;
	return (run->pages->flags & ~(__u32)PAGE_APPLIED_MASK) | (__u32)applied
									 << PAGE_APPLIED_SHIFT;
}

/* @page stands for @weight pages. */
static inline void page_apply(struct inode *inode, struct page *page, __u64 weight,
			      enum model_state applied)
{
	if (page_applied(page) == MODEL_ABSENT)
		inode->base.absent -= weight;
	if (applied == MODEL_ABSENT)
		inode->base.absent += weight;
	page_set(page, PAGE_APPLIED_MASK, false);
	page_set(page, (__u32)applied << PAGE_APPLIED_SHIFT, true);
}

/* resident.c: the chunk at @pgoff, which lies in a region, or NULL; @skip: the last offset of which the same is said */
const struct chunk *chunk_find(const struct inode *inode, __u64 pgoff, __u64 *skip);

/* changed.c */
/* When it last changed, ns; where not @exact, that is the last change of it and its neighbours. */
static inline __u64 page_changed(const struct chunk_slot *slot, __u64 pgoff, bool *exact)
{
	const struct chunk *chunk = slot->chunk;
	__u32 bit = (__u32)(pgoff & (CHUNK_PAGES - 1));

	*exact = !chunk || (chunk->times && bit_test(chunk->times->known, bit));
	if (!chunk)
		return slot->last_change;
	return *exact ? chunk->times->time[bit] : chunk->changed;
}

/* The last of several, which lie in the slot. */
__u64 pages_changed(const struct chunk_slot *slot, __u64 pgoff, __u64 nr);
void run_mark_changed(struct model *model, struct chunk_slot *slot, __u64 pgoff, __u64 nr,
		      __u64 time);
static inline void pages_mark_changed(struct model *model, struct chunk_slot *slot, __u64 pgoff,
				      __u64 nr, __u64 time)
{
	struct chunk *chunk = slot->chunk;
	__u32 bit = (__u32)(pgoff & (CHUNK_PAGES - 1));

	if (nr != 1 || !chunk || !chunk->times || time < chunk->changed_last) {
		run_mark_changed(model, slot, pgoff, nr, time);
		return;
	}
	chunk->changed_last = chunk->times->time[bit] = time;
	bit_put(chunk->times->known, bit, true);
}

void chunk_forget_times(struct model *model, struct chunk *chunk);
/* A watermark has passed: times that nobody needs any more are forgotten. */
void changes_settle(struct model *model, __u64 now);
void changes_free(struct model *model);

/* pfn.c: whose a pfn is */
enum pfn_owner {
	PFN_NONE,
	PFN_OWNED,
	PFN_LEFT, /* left its inode while absent */
	PFN_ZAPPED, /* zapped, never known to be anyone's */
	PFN_FREED, /* went back to the allocator absent, or together with one that was */
};

/* Whose it is said to be, or was, without a look at the page there; NULL: nobody's. false: and zapped. */
bool pfn_claim(const struct model *model, __u64 pfn, struct inode **inode, __u64 *pgoff);
enum pfn_owner pfn_find(const struct model *model, __u64 pfn, struct inode **inode, __u64 *pgoff);
/* The same, and how many of @nr from @pfn on are alike, their offsets and pages included. */
__u64 pfn_run(const struct model *model, __u64 pfn, __u64 nr, enum pfn_owner *owner,
	      struct inode **inode, __u64 *pgoff);
/* Whether it was zapped when nobody had it, or when it left. */
bool pfn_is_absent(const struct model *model, __u64 pfn);
void pfn_own(struct model *model, const struct inode *inode, __u64 pgoff, __u64 pfn, __u64 nr);
void pfn_mark_zapped(struct model *model, __u64 pfn, __u64 nr, bool zapped);
/* Those that are @inode's pages from @pgoff on have left it. */
void pfn_mark_left(struct model *model, const struct inode *inode, __u64 pgoff, __u64 pfn, __u64 nr,
		   bool absent);
void pfn_mark_freed(struct model *model, __u64 pfn, const struct inode *inode, __u64 pgoff);
void pfn_clear(struct model *model, __u64 pfn, __u64 nr);
/* Their owner is done with them: only absent ones are still of interest. */
void pfn_leave(struct model *model, __u64 pfn, __u64 nr);
void pfn_free_all(struct model *model);

/* page.c: residency */
/* As pfn_run(), over as many blocks and chunks as are alike. */
__u64 page_run(const struct model *model, __u64 pfn, __u64 nr, enum pfn_owner *owner,
	       struct inode **inode, __u64 *pgoff);
/* Makes the page resident; drops whoever was known there before. NULL: no memory. */
struct page *page_join(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn);
/* The same where nobody is at @page, which is the one at @pgoff, and nobody has the pfn. */
void page_place(struct model *model, struct inode *inode, __u64 pgoff, struct page *page, __u64 pfn,
		enum model_state applied);
/* Takes pages out of their inode; those that have another pfn stay. */
void page_leave(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn, __u64 nr);
/* Whether what is known of the pfns so far is alike: who has or had them. */
bool pages_alike(const struct model *model, __u64 pfn, __u64 nr);
/* A run of pages joins, as page_join(). 0, or -ENOMEM. */
int pages_join(struct model *model, struct inode *inode, __u64 pgoff, __u64 pfn, __u64 nr);

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

void caller_take(struct model *model, const struct record_caller *record);
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
void loose_free(struct model *model);
/* Those whose second is over; at the end the others are not judged: the sensors went off first. */
void loose_expire(struct model *model, __u64 now);
void exposure_add(struct model *model, struct inode *inode, const struct model_zap *zap);
void exposure_end(struct model *model, struct model_flush *flush, enum record_operation operation);
/* @nr exposed pages from @pfn on are not any more, without a flush. */
void exposure_cancel(struct model *model, struct inode *inode, __u64 pfn, __u64 nr);

/* span.c: who set the pages of an inode last, that has promises */
/* @inode->promises is new. */
void spans_begin(struct model *model, struct inode *inode);
void spans_free(struct model *model, struct promises *promises);
void spans_set(struct model *model, struct promises *promises, __u64 first, __u64 last,
	       const struct promise_news *news);
/* What is known of the page at @pgoff. */
void promise_span_at(const struct inode *inode, __u64 pgoff, struct promise_span *span);

/* reach.c: what guests can reach as private */
void reach_map(struct model *model, const struct record_guest *record);
void reach_unmap(struct model *model, const struct record_guest *record);
/* Pages of @inode, whose `reach` is not NULL, were made present by @task. */
void reach_restored(struct model *model, const struct task *task, struct inode *inode,
		    const struct model_zap *zap);
/* @nr pages from @pgoff on that are exposed were prepared by @task. */
void reach_prepared(struct model *model, const struct task *task, struct inode *inode,
		    const struct record_owner *record, __u64 pgoff, __u64 nr);
/* Some of them, perhaps. */
void reach_flushed(struct model *model, const struct model_exposure *ended);
/* The outermost request or the conversion of @task has ended, and is still what it is at. */
void reach_task_ended(struct model *model, const struct task *task);
/* Nobody reaches these pages any more, or it is not known. */
void reach_forget(struct model *model, struct inode *inode, __u64 pgoff, __u64 nr);
void reach_free(struct model *model, struct inode *inode);

/* promise.c: what KVM is told, and who set what last */
/* NULL: nothing was ever said of it. */
const struct promise_vm *promise_vm_find(const struct model *model, __u64 number);
void promise_take(struct model *model, const struct record_promise *record);
/* A request that changes a range ended: KVM's own, or its user's. */
void promise_request(struct model *model, const struct request *request);
/* The run is bound so. NULL: no memory. */
struct promise_vm *promise_learn(struct model *model, struct inode *inode, __u64 vm, __u64 gfn,
				 __u64 pgoff, __u64 nr);
/* How many bindings lie between that of @first, that one included, and that of @gfn. */
__u32 promise_slots(const struct promise_vm *vm, __u64 first, __u64 gfn);
void promise_forget(struct model *model, struct inode *inode);
/* What KVM began for its VM, and has not ended for long: nothing is known of that VM since. */
__u64 promise_calls_stuck(const struct model *model);
/* Something was lost at @time, which the end of any call may be that is open. */
void promise_doubt(struct model *model, __u64 time);
/* Calls that were open then, and of which nothing was heard for as long as one may run unseen, are over. */
void promise_expire(struct model *model, __u64 now);
void promise_free_all(struct model *model);

/* doubt.c */
bool doubt_within(const struct model *model, const struct inode *inode, __u64 since, __u64 until);
void doubt_loss(struct model *model, const struct record_loss *record);
/* A heartbeat behind a gap in the stream comes. true: what is taken up to it is to be forgotten. */
bool doubt_gap(struct model *model, __u64 watermark);
void doubt_forget_all(struct model *model);
void doubt_loss_passed(struct model *model, const struct record_loss *record);
void doubt_unseen(struct model *model, struct inode *inode, __u64 since, __u64 until);

/* event.c */
void events_enlarge(struct model *model);
/* Where the next one goes, to be written whole. NULL: no memory. */
static inline struct event *event_next(struct model *model)
{
	/* Growth happens only before the first wrap, so nothing has to be moved. */
	if (model->events_nr == model->events_room)
		events_enlarge(model);
	if (!model->events_room)
		return NULL;
	return &model->events[model->events_nr++ & (model->events_room - 1)];
}

static inline __u64 event_near(__u64 place)
{
	return place < EVENT_FAR ? place : EVENT_FAR;
}

/* Of what comes by the million the parts are constants, or at hand: all of it is to be inlined. */
__attribute__((always_inline)) static inline void event_add(struct model *model,
							    const struct model_event *event)
{
	struct event *place = event_next(model);

	if (!place)
		return;
	place->time = event->time;
	place->first = event_near(event->first) | (__u64)(event->operation & 0x7f) << 48 |
		       (__u64)(event->kind & 0x7f) << 56 | (__u64) !!event->state << 63;
	place->last = event_near(event->last) | (__u64)(event->cpu & 0xffff) << 48;
	place->tid = event->tid;
	place->tgid = event->tgid;
	place->inode = event->inode;
	place->result = event->result;
}

/* The newest is a change whose flush ended so much later, and had nothing else to say. */
static inline void event_flushed(struct model *model, __u64 ns)
{
	struct event *event;

	if (!model->events_room)
		return;
	event = &model->events[(model->events_nr - 1) & (model->events_room - 1)];
	event->first |= EVENT_FLUSHED;
	event->result = (__s32)ns;
}

#endif
