/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model: rebuilds, from sealed records alone, what each page of each inode
 * must look like, and compares that with what snapshots saw of it. Pure: no
 * I/O, no clock of its own, no libbpf; the same live and in replay.
 *
 * Records are fed in stream order, which is nearly the order of time. The model
 * keeps them until a heartbeat's watermark has passed them, then takes them in
 * order of time. "Now" is therefore the last watermark (model_counts.now).
 *
 * All times are CLOCK_MONOTONIC nanoseconds, all page ranges inclusive.
 */
#ifndef GMEMTRACE_MODEL_H
#define GMEMTRACE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include "gmemtrace/api.h"
#include "gmemtrace/record.h"

GMEMTRACE_API_BEGIN

/* Page offsets at and beyond this (16 TiB) are not modelled; they count as malformed. */
#define MODEL_PGOFF_MAX (1ULL << 32)

#define MODEL_VM_SEVERAL 0xffffffffU

struct model;

struct model_options {
	__u64 stuck_ns; /* a request open for longer is stuck; 0: 10 s */
	/*
	 * How long a request whose begin was lost, or was made before the
	 * sensors were armed, is assumed to run on unseen; 0: 2 s.
	 */
	__u64 shadow_ns;
	__u32 rereads_max; /* reads of an unsettled page before it is inconclusive; 0: 8 */
	__u32 events_kept; /* for event chains, a power of two; 0: 131072 */
	/*
	 * tgid: the records are one VM's only, and flushes that neither serve its inodes nor are its
	 * own tasks' end exposures but count for nobody; 0: everybody's. MODEL_VM_SEVERAL: of some
	 * VMs, flushes of other tasks are of tgid 0.
	 */
	__u32 vm;
	/* bytes; model_feed() returns -ENOMEM beyond; 0: 256 MiB, and 256 bytes for a byte fed */
	__u64 memory_max;
	__u64 memory_most; /* bytes: the same, whatever was fed; 0: no such limit */
};

enum model_state {
	MODEL_PRESENT = 1 << 0,
	MODEL_ABSENT = 1 << 1,
	/* Both bits: either is legal (declared), or it is not known (applied). */
	MODEL_EITHER = MODEL_PRESENT | MODEL_ABSENT,
};

/* What is known of an inode. Owned by the model; stays valid until model_free(). */
struct model_inode {
	__u64 number; /* as in record_header.inode */
	__u64 i_ino;
	__u64 pages; /* size, in pages */
	__u64 flags; /* RFC3: kvm_gmem_inode_private.flags */
	enum record_provider provider;
	__u32 default_state; /* 1 present, 0 absent */
	__u32 tgid; /* of the task that holds the file, or was first met with it */
	__u32 vm; /* tgid of the VM, 0 unknown */
	char comm[RECORD_COMM_LEN + 1];
	bool before_attach; /* existed before the sensors were armed */
	bool dead;
	bool bound; /* a VM's slot had it, and no descriptor and no mapping, when it was met */
	__u64 met; /* ns */
	/* Counts, now. */
	__u64 resident; /* pages */
	__u64 absent; /* resident pages that the model holds absent */
	__u64 exposed; /* pages zapped and not yet covered by any flush */
	/* Counts, so far. */
	__u64 transitions; /* pages whose entry was changed, both ways */
	__u64 zapped; /* pages made absent */
	__u64 restored; /* pages made present */
	__u64 compared; /* distinct pages read settled, all three sources known */
	/* As model_pages_uncompared() counts them. Known when it is dead, or at the end. */
	__u64 uncompared;
	__u64 requests;
	__u64 flushes; /* issued by requests on this inode, or merged with its zaps */
	__u64 flush_ns; /* time spent in them */
	__u64 lost; /* records charged to this inode */
	__u64 contradicted; /* as in struct model_counts: where there are any its history is not whole */
	/* Of what touches the pages of model_narrow() alone, so far; 0 without it. */
	struct model_within {
		__u64 zapped, restored, requests, flushes, flush_ns;
	} within;
};

/* What is known of a page. */
struct model_page {
	__u64 pgoff;
	__u64 nr; /* so many from this one on are alike, their pfns ascending */
	__u64 pfn; /* meaningful when resident */
	enum model_state declared; /* EITHER: not known, or both are legal */
	enum model_state applied; /* EITHER: not known */
	bool resident;
	bool prepared;
	bool poisoned;
	bool exposed; /* zapped, no covering flush yet */
	bool sure; /* residency and applied state come from events without a gap */
	__u64 changed; /* ns: end of the last zap, restore, join or preparation; 0 never */
};

/* A run of pages of one owner changed by one call. */
struct model_zap {
	const struct model_inode *inode; /* NULL: no inode's that is known */
	__u64 pgoff; /* of the first page; where inode is NULL: its place in the request */
	__u64 pfn;
	__u64 nr; /* pages */
	__u64 begin; /* ns; 0 unknown */
	__u64 end; /* ns */
	__u64 flushed; /* ns: end of the own flush that covers all of it; 0 none so far */
	__u64 since; /* ns: of the pages' last change before, or when they came; 0 unknown */
	__u32 tid, tgid, cpu;
	__s32 result;
	bool valid; /* true: restored, false: zapped */
	bool sure; /* the owner is known without a gap */
	bool redundant; /* absent and flushed before, as far as is known: needs no flush */
	/* Of all its pages, EITHER: not known. After a failed call what changed is not known. */
	enum model_state before, after;
	__u16 routine; /* enum record_zap_routine */
	__u16 run; /* pages that the same call changed, whoever's; MODEL_RUN_MAX: so many or more */
};

#define MODEL_RUN_MAX 0xffff

struct model_flush {
	__u64 begin, end; /* ns */
	__u64 pfn_first, pfn_last;
	__u32 tid, tgid, cpu;
	bool full; /* covers every pfn */
	bool worker; /* by a kernel thread, as far as is told */
	__u16 routine; /* enum record_flush_routine */
	__u64 covered; /* exposed pages of known inodes whose exposure it ended */
};

/* What a task may keep from a request. Bits. */
enum model_kept {
	MODEL_KEPT_PREEMPTION = 1 << 0, /* it is not preemptible, or soft interrupts are off */
	MODEL_KEPT_INVALIDATE_LOCK = 1 << 1, /* it owns the inode's invalidate_lock for writing */
	MODEL_KEPT_I_RWSEM = 1 << 2, /* the same of its i_rwsem */
	MODEL_KEPT_MMAP_LOCK = 1 << 3, /* and of its own mmap_lock */
};

/* A call of a routine. */
struct model_request {
	__u64 id; /* unique, counted from 1 */
	const struct model_inode *inode; /* NULL unknown */
	enum record_operation operation;
	__u32 state; /* 1 present, 0 absent */
	__u32 mode; /* FALLOC_FL_* */
	__u64 pgoff_first, pgoff_last;
	__u64 begin; /* ns */
	__u64 end; /* ns; 0 while it is open */
	__s64 result;
	__u32 tid, tgid, cpu;
	__u32 depth; /* 0: outermost of its thread */
	bool stuck;
	/* Of its inner steps, changes of entries and updates of the xarray: ends, ns; 0: none. */
	__u64 step_first, step_last;
	/* The last update of the xarray inside that failed and was not made good: 0, or -errno. */
	__s64 failed;
	__u64 failed_first, failed_last; /* pgoff: what it was to record */
	__u32 failed_state; /* 1 present, 0 absent */
	/* What its task has at its end beyond its begin, requests nested inside left out. */
	__u32 kept; /* enum model_kept; 0 while it is open */
	__u32 preempt_begin, preempt_end; /* preempt_count; 0 where not read */
	/* Inner calls, also those of requests nested inside. Valid during the callback only. */
	const struct model_zap *zaps;
	size_t zaps_nr;
	const struct model_flush *flushes;
	size_t flushes_nr;
};

enum model_coverage {
	MODEL_COVERED = 1,
	MODEL_UNCOVERED = 2, /* no flush of its own at all after the zap */
	MODEL_MISCOVERED = 3, /* flushes of its own after the zap, none covers it */
	MODEL_UNANSWERED = 4, /* they cover it, and each left out a CPU that was online */
	/* No flush after the zap, but all other CPUs were asked to run something that may have been one. */
	MODEL_OTHERWISE = 5,
	/* Nor one that covers it; but a kernel thread flushed it before the request ended. */
	MODEL_BY_OTHERS = 6,
};

/* A flush that CPUs did not take part in which were online from its begin to its end. */
struct model_unanswered {
	__u64 begin, end; /* ns: around the flush */
	__u32 online; /* CPUs, the initiator's among them */
	__u32 missing; /* of these, those that did nothing */
	__u32 unasked; /* of these, those that were not even asked */
	__u32 cpu; /* the first that is missing */
};

/* Whether the task that zapped has flushed: judged at its outermost request's end. */
struct model_flush_judgement {
	const struct model_zap *zap;
	const struct model_request *request; /* NULL: zapped outside any request */
	__u64 pgoff, pfn, nr; /* the part of the zap that this is about */
	enum model_coverage coverage;
	const struct model_unanswered
		*unanswered; /* UNANSWERED: the newest that covers it; else NULL */
	__u64 time; /* ns: when it was judged */
	bool borrowed; /* of no inode: its task had put it back just before, to copy it */
	/* Of no inode: who put it, or the next that was borrowed, back, as in record_caller; NULL: not told. */
	const char *caller;
};

/* The time from a zap to the first flush, by anyone, that covers it. */
struct model_exposure {
	const struct model_inode *inode;
	__u64 pgoff, nr;
	__u64 begin; /* ns: end of the zap */
	__u64 end; /* ns: end of the flush */
	bool own; /* the flush is the zapping task's */
	enum record_operation operation; /* of the request that issued the flush, NONE: none did */
};

/* Which source differs. Bits. */
enum model_difference {
	MODEL_DIFFERS_DECLARED = 1 << 0, /* the xarray from what was asked for */
	MODEL_DIFFERS_APPLIED = 1 << 1, /* the page tables from the declared state */
};

/* What nobody may have left behind when an inode is released. Bits. */
enum model_left {
	MODEL_LEFT_LOCKED = 1 << 0, /* the folio is locked */
	MODEL_LEFT_REFERENCED =
		1 << 1, /* it has references that are neither the cache's nor maps' */
};

/* A task called the scheduler in a request, or what may do so, and was not preemptible. */
struct model_slept {
	const struct model_request *request; /* its innermost */
	bool might; /* it did not have to sleep */
	__u32 preempt_count; /* of the task, then */
	__u32 cpu;
	__u64 time; /* ns */
};

/* A CPU has taken part in a flush, and still had a translation to one of its pages. */
struct model_stale {
	const struct model_zap *zap; /* of the page, by the task whose flush it is */
	const struct model_request *request; /* the innermost of that task; NULL: it is in none */
	__u64 pgoff, pfn;
	__u64 begin; /* ns: of the flush */
	__u64 time; /* ns: of the read */
	__u32 cpu;
};

/* A run of pages that a snapshot read saw alike. */
struct model_read {
	const struct model_inode *inode;
	__u64 pgoff, nr;
	__u64 pfn; /* of the first page, ascending; 0 not resident */
	__u32 bits; /* enum record_page_bits */
	__u64 begin, end; /* ns: of the read */
	__u64 since; /* ns: begin of the read that first showed the difference */
	enum record_snapshot_origin origin;
	bool settled; /* nothing touched the pages while they were read */
	bool compared; /* and all that had to be read was: they count as compared */
	enum model_state declared; /* what the requests add up to */
	enum model_state applied; /* what the zaps add up to */
	enum model_state xarray; /* as read; EITHER unknown or none */
	enum model_state table; /* as read; EITHER unknown or not resident */
	__u32 differs; /* enum model_difference, in this read */
	__u32 proven; /* the same: seen in two settled reads with nothing between */
	__u32 left; /* enum model_left: at the release, the same */
	/* A request may still run unseen until then; 0: none can. */
	__u64 shadow_until; /* ns */
	/* The first read, settled, since a change that was seen has brought it back: by an entry that is not global. */
	bool non_global;
};

struct model_freed {
	const struct model_inode *inode; /* the last owner known, NULL none */
	__u64 pgoff;
	__u64 pfn, nr;
	bool owned; /* the inode still held the page */
	__u64 time;
	__u32 tid, tgid, cpu;
	const char *caller; /* who freed it, as in record_caller; NULL: not told */
};

enum model_move {
	MODEL_JOINED = 1,
	MODEL_PREPARED = 2, /* it was there already */
	MODEL_LEFT = 3,
	MODEL_FREED = 4, /* after it had been absent */
};

/* A run of pages that came to an inode, left it, or went back to the allocator. */
struct model_moved {
	const struct model_inode *inode; /* FREED: the last owner known, NULL none */
	enum model_move move;
	__u64 pgoff, pfn, nr; /* pgoff means nothing without an inode */
	__u64 time; /* ns */
	__u32 tid, tgid, cpu;
	bool prepared; /* JOINED: on the way in; LEFT: it was, and had no memory failure */
	bool content; /* LEFT: the first bytes of its first page, here, were not zero */
	bool marked; /* its folio says that it is absent (folio-bit); LEFT: still */
	bool given; /* JOINED, PREPARED: user space maps it now */
	bool absent; /* LEFT: for sure, from the direct map, and had no memory failure; FREED: read there */
};

/* How what is breaks what KVM promised of a page. */
enum model_promise_break {
	MODEL_PRIVATE_PRESENT = 1, /* the guest's alone, and the host can reach it */
	MODEL_SHARED_ABSENT = 2, /* shared, on an inode whose shared pages are present */
	/* A conversion to shared made part of its pages present, or one that failed left some absent. */
	MODEL_HALF_CONVERTED = 3,
	MODEL_HALF_ATTRIBUTED = 4, /* a conversion changed the attributes of a part only */
};

/* KVM_SET_MEMORY_ATTRIBUTES, as the inodes saw it. */
struct model_conversion {
	__u64 gfn_first, gfn_nr;
	__u64 begin, end; /* ns; 0: none was seen */
	__s64 result; /* of the changes of all inodes in it: 0 or -errno */
	__u32 tid;
	bool is_private; /* what was asked for */
};

/* A run of pages that are not as KVM promised, read so twice with nothing in between. */
struct model_promised {
	const struct model_inode *inode;
	__u64 pgoff, nr, pfn;
	enum model_promise_break how;
	__u64 vm; /* number of the VM */
	__u64 gfn; /* of the first page */
	/* Of the slots that `last` reached, how many lie before the page's own. */
	__u32 slots_before;
	bool is_private; /* as the attribute was read */
	enum model_state table; /* as read */
	struct model_conversion last; /* the last one that covered the pages */
	enum record_snapshot_origin origin;
	/* ns: since the state that is judged was made; of the two reads */
	__u64 since, begin, end;
};

/* What a guest can reach as private, and must not at that time. */
enum model_reach {
	MODEL_REACHED_STILL =
		1, /* it came back into the direct map before it was taken from the guest */
	MODEL_REACHED_EARLY = 2, /* the guest was given it before the conversion made it absent */
	/* Whoever made it absent marked it as prepared, for any guest to use, and flushed it then. */
	MODEL_REACHED_UNFLUSHED = 3,
};

/* A run of pages. Valid during the callback only. */
struct model_reached {
	const struct model_inode *inode;
	enum model_reach how;
	__u64 pgoff, nr, pfn;
	__u64 mapped; /* ns: since then they are in the guest's reach, STILL: at the earliest */
	/* ns: STILL: when they were taken out, 0: not when what should have ended; UNFLUSHED: end of the flush */
	__u64 unmapped;
	__u64 changed; /* ns: when they were made present, UNFLUSHED: absent; EARLY: 0 */
	const struct model_zap *zap; /* STILL: the change that made them present; else NULL */
	const struct model_request *request; /* that should have taken them out, or NULL */
	const struct model_conversion *conversion; /* the same, or which made them the guest's */
	__u32 tid, tgid, cpu;
};

enum model_doubt_reason {
	MODEL_DOUBT_LOSS = 1, /* records lost, or calls missed */
	MODEL_DOUBT_UNSEEN = 2, /* the end of a request arrived whose begin did not, or the like */
};

/* What happened in [since, until] is not fully known. */
struct model_doubt {
	const struct model_inode *inode; /* NULL: any inode */
	__u64 since, until; /* ns */
	__u64 count;
	enum model_doubt_reason reason;
	enum record_loss_cause cause;
};

/*
 * What rules and reports see. Every member may be NULL. Called from
 * model_feed() and model_finish(), in order of time except doubt(), which is
 * called as soon as the record is fed.
 */
struct model_observer {
	void *context;
	void (*inode_met)(void *context, const struct model_inode *inode);
	/* Its own default has come to deny its flags, in two reads: @inode has what it says now. */
	void (*inode_turned)(void *context, const struct model_inode *inode);
	void (*inode_dead)(void *context, const struct model_inode *inode, __u64 time);
	void (*request_begun)(void *context, const struct model_request *request);
	/* Before the model takes over its effect: pages still show what they were. */
	void (*request_ended)(void *context, const struct model_request *request);
	void (*request_stuck)(void *context, const struct model_request *request, __u64 now);
	/* @request: the innermost one of the task, or NULL. */
	void (*zapped)(void *context, const struct model_zap *zap,
		       const struct model_request *request);
	/* @inode: of the task's innermost request, or of the zap it was merged with, or NULL. */
	void (*flushed)(void *context, const struct model_flush *flush,
			const struct model_request *request, const struct model_inode *inode);
	/*
	 * Every flush that was timed, of the direct map or not (SENSOR_GROUP_FLUSHES), with what
	 * flushed() says of @request and @inode; a flush of the direct map is told by both, in
	 * either order. answered() comes first, once for each RECORD_ANSWERS_NR CPUs.
	 */
	void (*flush_timed)(void *context, const struct record_flush_timed *flush,
			    const struct model_request *request, const struct model_inode *inode);
	void (*answered)(void *context, const struct record_answers *answers);
	/* Before the flush_timed() of the same thread and begin. */
	void (*leaves_counted)(void *context, const struct record_leaves *leaves);
	/* A stack's text, before any flush names it; called as soon as the record is fed. */
	void (*stack_met)(void *context, const struct record_stack *stack);
	/* What has come to a histogram that the sensors keep; called as soon as the record is fed. */
	void (*summed)(void *context, const struct record_summary *summary);
	/* What KVM has promised of a run of pages, as it was read; called as soon as the record is fed. */
	void (*promise_read)(void *context, const struct model_inode *inode,
			     const struct record_promise_read *read);
	/* A record of a walk of the direct map (RECORD_MAP_*); called as soon as it is fed. */
	void (*mapped)(void *context, const struct record_header *record);
	void (*flush_judged)(void *context, const struct model_flush_judgement *judgement);
	void (*exposure_ended)(void *context, const struct model_exposure *exposure);
	void (*page_read)(void *context, const struct model_read *read);
	/* After the model has taken it over. A page may be seen to leave by its free alone. */
	void (*moved)(void *context, const struct model_moved *moved);
	void (*promised)(void *context, const struct model_promised *promised);
	/* Before the flush's end. */
	void (*stale_read)(void *context, const struct model_stale *stale);
	void (*reached)(void *context, const struct model_reached *reached);
	/* Before the request's end. */
	void (*slept)(void *context, const struct model_slept *slept);
	/* Absent pages given back to the allocator. */
	void (*freed_absent)(void *context, const struct model_freed *freed);
	void (*doubt)(void *context, const struct model_doubt *doubt);
	/*
	 * A loss that makes nothing of the history doubtful: of figures, of page frees, of reads. As
	 * doubt(), called as soon as it is fed.
	 */
	void (*lost_besides)(void *context, const struct model_doubt *loss);
	/*
	 * At @now a read has shown that the history of @inode is not whole, though nothing of it was lost: its
	 * `contradicted` has grown. A loss that is told of later may explain it: then that is 0 again.
	 */
	void (*contradicted)(void *context, const struct model_inode *inode, __u64 now);
	/* Everything before @now has been taken. */
	void (*advanced)(void *context, __u64 now);
	void (*finished)(void *context, __u64 now);
	/* What comes by the million and is of no interest: it may be left out, or be told of all the same. */
	struct {
		bool unproven; /* page_read() where nothing is proven, or left */
		bool covered; /* flush_judged() where the own flush covers it */
		__u64 brief; /* exposure_ended() of those that take less, ns */
		__u64 apart; /* zapped() outside of requests, of inodes of these providers: a bit each */
	} spare;
};

struct model_counts {
	__u64 now; /* ns: everything before was taken */
	__u64 started; /* ns: the first record's time */
	__u64 records;
	__u64 malformed; /* records whose fields make no sense, ignored */
	__u64 unexplained; /* pages of inodes that tell of their residency, which changed without an event */
	/* Pages, as they must be, that came or whose entries changed by what nobody told of, with nothing lost. */
	__u64 contradicted;
	__u64 inodes;
	__u64 inodes_live;
	__u64 inodes_unannounced; /* spoken of before any record had said what they are */
	__u64 transitions; /* pages of known inodes whose entry was changed */
	__u64 zaps, restores; /* successful calls, other users' included */
	__u64 zaps_foreign; /* calls for pages of no known inode, outside requests */
	__u64 foreign_flushed; /* pages of these that were flushed by who took them out */
	__u64 flushes;
	__u64 flushes_unanswered; /* of any, those that CPUs did not take part in */
	__u64 pages_late; /* not flushed in a second, by tasks that may do so yet */
	__u64 pages_otherwise; /* flushed by other means than flushes, if at all */
	__u64 pages_by_others; /* flushed in time, by a kernel thread that may have done it for the request */
	__u64 requests;
	__u64 requests_open;
	__u64 snapshots; /* completed, distinct */
	__u64 chunks; /* completed reads of a chunk */
	__u64 chunks_failed;
	__u64 pages_read; /* page reads that were settled and fully known */
	__u64 pages_unknown; /* page reads that failed in part */
	/* page reads that were held against what KVM had promised, and its user had not overruled */
	__u64 pages_promised;
	__u64 promises_forgotten; /* times that an inode had more of them than are kept in mind */
	__u64 reach_forgotten; /* times that more was to be known of what guests can reach than is kept in mind */
	/*
	 * requests that began before all pages of their inode, which is older than the sensors, were known by
	 * reads, and changes by others of such pages that were not
	 */
	__u64 requests_unread;
	__u64 promises_stuck; /* at the end: conversions, and slots being bound, open for too long */
	__u64 pages_unsettled; /* pages whose last read was not settled, now */
	__u64 pages_inconclusive; /* of these: read up to the limit, or their inode is dead */
	__u64 pages; /* distinct pages of all inodes */
	__u64 pages_compared; /* distinct pages compared at least once */
	__u64 lost; /* records, without misses */
	__u64 missed; /* calls */
	__u64 lost_by_cause[RECORD_LOSS_IDS_MAX]; /* by enum record_loss_cause, misses included */
	__u64 groups; /* enum sensor_group: those that every heartbeat had */
	__s64 command_status; /* -1: none */
	bool ended; /* RECORD_END was seen */
	__u64 memory; /* bytes */
	__u64 ring_bytes; /* that came through the sensors' ring so far, at the last heartbeat */
	__u64 ring_waiting; /* that were in it then, and had not been read */
};

/* @options may be NULL: all defaults. NULL where memory is short. */
struct model *model_create(const struct model_options *options);
void model_free(struct model *model);

/* Whether only some inodes' records are fed: model_options.vm. */
bool model_filtered(const struct model *model);

/* Observers are called in the order added; @observer is copied. 0 or -ENOMEM. */
int model_observe(struct model *model, const struct model_observer *observer);

/* How many observe; and back to @nr of them: for who has brought one, but could not be made whole. */
size_t model_observers(const struct model *model);
void model_observers_drop(struct model *model, size_t nr);

/*
 * From now on model_observe() is of who is told of pages [@first, @last] of any inode alone: of changes, exposures,
 * moves and reads of these, cut to them, of requests that reach them, and of flushes that either needed. What
 * observed before, as a verdict is to, and what is of no page, is told as ever. Once, before anything is fed.
 */
void model_narrow(struct model *model, __u64 first, __u64 last);
/* false: nobody narrowed it, and @first and @last are of all pages. */
bool model_narrowed(const struct model *model, __u64 *first, __u64 *last);

/*
 * Takes one sealed record, which is copied. 0, or -ENOMEM: then the model
 * is incomplete and the verdict must not be consistent (model_failed()).
 */
int model_feed(struct model *model, const struct record_header *record);

/*
 * No more records. Takes what waits where the stream has its end; without one,
 * what no watermark has passed is not complete and is not judged. 0 or -ENOMEM.
 */
int model_finish(struct model *model);

bool model_failed(const struct model *model);
void model_count(const struct model *model, struct model_counts *counts);

/*
 * Pages that no read compared after they last changed, up to their inode's release; and those
 * never read of inodes whose history is not whole. Walks all inodes' extents.
 */
__u64 model_pages_uncompared(const struct model *model);
/* The latter of them alone. */
__u64 model_pages_unread(const struct model *model);
/*
 * What no later read can make good: of inodes that are gone, pages that were not compared after they last changed
 * or could not be read undisturbed, and pages of which nobody will tell any more whether they were flushed late.
 */
__u64 model_pages_unknown_for_good(const struct model *model);

struct model_reread {
	const struct model_inode *inode;
	__u64 pgoff_first; /* a multiple of 64 */
	__u64 pgoff_nr; /* pages, at most RECORD_SNAPSHOT_CHUNK */
	__u32 pass; /* for record_snapshot.pass: one more than the last read's */
};

/*
 * A range that wants to be read again: unsettled, or a difference to be proven.
 * true and @reread, or false where there is none (left). A range is handed out
 * once until its read has come back.
 */
bool model_next_reread(struct model *model, struct model_reread *reread);

/* true while rereads are wanted or on their way, or requests are open that are not stuck. */
bool model_unsettled(const struct model *model);

/* Iterates inodes in order of their numbers' first appearance; @inode NULL: the first. */
const struct model_inode *model_inode_next(const struct model *model,
					   const struct model_inode *inode);
const struct model_inode *model_inode_find(const struct model *model, __u64 number);

/* "g3" for a guest_memfd, "s1" for a memfd_secret, "i7" for what is unknown. Static buffers: no. */
void model_inode_name(const struct model_inode *inode, char *name, size_t size);
#define MODEL_INODE_NAME_MAX 24

void model_page(const struct model *model, const struct model_inode *inode, __u64 pgoff,
		struct model_page *page);

/* The first resident page at or behind @pgoff, and those alike, up to @last. false: none. */
bool model_resident_next(const struct model *model, const struct model_inode *inode, __u64 pgoff,
			 __u64 last, struct model_page *page);

/* How many of pages [@first, @last] are what; walks their runs. */
struct model_page_counts {
	__u64 pages; /* that the inode has there */
	__u64 resident, absent, exposed;
};

void model_count_pages(const struct model *model, const struct model_inode *inode, __u64 first,
		       __u64 last, struct model_page_counts *counts);

/* The owner of @pfn. false: no inode's that is known. */
bool model_owner(const struct model *model, __u64 pfn, const struct model_inode **inode,
		 __u64 *pgoff);

/*
 * Whether who made @pfn, which is nobody's, absent less than a minute before @now (ns) may still be on the way to a
 * file with it: it was neither flushed nor put back, and its task was not seen to go on.
 */
bool model_page_on_its_way(const struct model *model, __u64 pfn, __u64 now);

/* Whether a request of another thread asked for the opposite on @pgoff while @request ran. */
bool model_request_conflicts(const struct model_request *request, __u64 pgoff);

/* Whether records of @inode (NULL: of any) from [since, until] itself may be missing. */
bool model_gap(const struct model *model, const struct model_inode *inode, __u64 since,
	       __u64 until);

/* The same, and what a call that began before, unseen, has changed. */
bool model_doubtful(const struct model *model, const struct model_inode *inode, __u64 since,
		    __u64 until);

/* Whether every resident page's owner is known: nothing was ever lost or is still to be learned. */
bool model_owners_complete(const struct model *model);

/* Open requests. @index from 0; NULL behind the last. */
const struct model_request *model_request_open(const struct model *model, size_t index);

/*
 * An event of a page's history, for chains of proof. A verdict's chains have two kinds more, whose
 * CPU is not known: SNAPSHOT_END, that the page was read, and PROMISE, a conversion.
 */
struct model_event {
	__u64 time; /* ns: of its end */
	__u16 kind; /* enum record_kind: REQUEST_BEGIN, _END, ZAP, FLUSH, JOIN, LEAVE, PAGE_FREE */
	/* enum record_operation, or the zap's or flush's routine; SNAPSHOT_END: enum model_state, the xarray's */
	__u16 operation;
	__u32 cpu, tid, tgid;
	__u32 inode; /* number, 0 none */
	/* 1 present, 0 absent; FLUSH: 1 full; JOIN: 1 prepared; PROMISE: 1 shared; SNAPSHOT_END: enum model_state, the page table's */
	__u32 state;
	__s32 result;
	__u32 mode; /* fallocate: FALLOC_FL_* */
	__u64 first,
		last; /* requests, joins, reads: pgoff; zaps, flushes, frees: pfn; PROMISE: gfn */
};

/*
 * From now on the time of each page's last change is kept; until now that of pages which did not
 * change for a second may be that of a later change of a neighbour, but not of one from now on.
 */
void model_keep_changes(struct model *model);
/*
 * The newest kept events of a page, at most @max, oldest first, that ended at or before @until:
 * requests covering @pgoff, changes and flushes of @pfn (0: none). Returns how many.
 */
size_t model_page_events(const struct model *model, const struct model_inode *inode, __u64 pgoff,
			 __u64 pfn, __u64 until, struct model_event *events, size_t max);

typedef void (*model_take_pages)(void *context, __u64 pfn, __u64 nr);

/* Calls @take for each kept change of pages' entries that ended in [@since, @until] (ns), the newest first. */
void model_changed_within(const struct model *model, __u64 since, __u64 until,
			  model_take_pages take, void *context);

/* Facts of the run (RECORD_FACT), in stream order. @index from 0; false behind the last. */
bool model_fact(const struct model *model, size_t index, const char **key, const char **value);
/* The value of @key, or NULL. */
const char *model_fact_find(const struct model *model, const char *key);

const char *model_operation_name(__u32 operation);
const char *model_provider_name(__u32 provider);

GMEMTRACE_API_END

#endif
