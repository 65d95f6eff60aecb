/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel in play: state that its parts share. */
#ifndef GMEMTRACE_TESTS_SIMULATOR_INTERNAL_H
#define GMEMTRACE_TESTS_SIMULATOR_INTERNAL_H

#include <stdlib.h>
#include <string.h>
#include "simulator.h"

#define INODES 6
#define PAGES 1100 /* of an inode: more than two model chunks, and no multiple */
#define BUSY_PAGES 48 /* where most requests go */
#define PFNS 16384
#define TASKS 8
#define RUN_MAX_PAGES 24
#define SIM_WINDOW 8 /* pages that a fault prepares with its own; a power of two */
#define SIM_WINDOW_DONE 100 /* step */

enum sim_op {
	OP_IDLE,
	OP_FAULT,
	OP_WINDOW, /* a fault that prepares what is around it */
	OP_ALLOCATE,
	OP_CONVERT,
	OP_PUNCH,
	OP_SECRET_FAULT,
	OP_READ,
	OP_NOISE,
	OP_RELEASE
};

struct sim_page {
	__u32 pfn; /* 0 none */
	bool prepared;
	bool locked;
	__u64 prepared_at; /* ns */
};

struct sim_inode {
	__u64 number; /* 0: not there */
	enum record_provider provider;
	struct sim_page pages[PAGES];
	bool deviates[PAGES];
	bool wanted[PAGES]; /* what the requests add up to: true deviates */
	int users; /* tasks at work on it */
	bool mutex;
	bool dying;
};

struct sim_task {
	enum sim_op op;
	int step;
	int stage; /* OP_ALLOCATE: the call around the steps */
	struct sim_inode *inode;
	__u32 first, last, at;
	bool present; /* what a conversion asks for */
	bool batch; /* one flush at the end of a call */
	__u64 began; /* ns */
	bool watched; /* the sensors were armed when it began */
	int fail; /* 1: at the xarray, 2: half way through the pages */
	bool faulty; /* this call carries the fault */
	bool folio; /* SET_FOLIO, else SET_RANGE */
	bool old[RUN_MAX_PAGES]; /* xarray before */
	__u32 changed[RUN_MAX_PAGES]; /* pages changed so far */
	bool was_present[RUN_MAX_PAGES];
	__u32 changed_nr;
	__u32 skipped, skipped_pfn; /* page left out by a fault */
	__s64 result;
	__u32 pfn_low, pfn_high; /* zapped, to be flushed at the end */
	__u32 pfn;
	__u64 zap_time, flush_time;
	__u32 pass;
	__u64 snapshot, wait;
	__u32 low, nr; /* OP_READ: chunk; OP_WINDOW and OP_ALLOCATE: nr pages */
	__u32 window[RUN_MAX_PAGES]; /* their offsets */
	enum record_snapshot_origin origin;
	bool lost_page; /* OP_READ: a record of the chunk was lost */
};

struct sim_record {
	__u8 data[112] __attribute__((aligned(8)));
};

/* Zaps travel in a ring of their own. */
enum sim_ring_kind {
	SIM_RING_ZAPS,
	SIM_RING_OTHERS,
	SIM_RINGS
};

struct sim_ring {
	struct sim_record *records;
	size_t nr, room; /* written so far */
	size_t drained;
	size_t fixed; /* what stands before keeps its place */
	__u32 full; /* records that find no room */
};

/* How far the rings had come at @time. */
struct sim_position {
	__u64 time; /* ns; 0: none */
	size_t written[SIM_RINGS];
	bool whole;
};

#define HEARTBEAT 100000ULL /* ns */

struct sim {
	struct simulator_options options;
	struct simulator_result *result;
	unsigned long long random;
	__u64 now;
	__u64 numbers, snapshots;
	struct sim_inode inodes[INODES];
	struct sim_task tasks[TASKS];
	bool absent[PFNS]; /* the direct map */
	bool used[PFNS];
	bool hit; /* the fault has struck */
	bool retired[TASKS]; /* begins nothing any more */
	__u64 preempted[TASKS]; /* ns: until then */
	struct record_zap waiting[TASKS]; /* header.kind 0: none */
	struct sim_ring rings[SIM_RINGS];
	struct sim_position target, pending;
	__u64 heartbeat; /* ns: of the last one */
	__u64 since; /* ns: losses are counted from here */
	__u64 lost_inode[16], lost_number[16];
	size_t lost_nr;
	__u64 lost_unknown, missed;
	__u64 gap, gap_dropped; /* records still to be dropped for the client; dropped */
	__u64 gap_since, client_time; /* ns */
	bool quiet; /* nothing new is begun */
	size_t written; /* bytes, to options.out */
	bool armed; /* the sensors are on */
	bool watched; /* whoever takes a step has been, from its begin */
};

__u32 sim_random(struct sim *sim, __u32 below);
bool sim_chance(struct sim *sim, double probability);
void sim_hit(struct sim *sim, enum rule_id rule, const struct sim_inode *inode, __u32 pgoff);

/* What the sensors write. */
struct record_header sim_header(struct sim *sim, const struct sim_task *task, __u16 kind,
				size_t size, const struct sim_inode *inode);
bool sim_emit(struct sim *sim, const struct record_header *record);
/* Whether @zap waits for its task's flush. */
bool sim_zap_wait(struct sim *sim, const struct record_zap *zap);
void sim_zap_write(struct sim *sim, __u32 tid);
void sim_emit_request(struct sim *sim, __u16 kind, const struct sim_task *task,
		      enum record_operation operation, __u32 first, __u64 last, __s64 result);
void sim_emit_zap(struct sim *sim, const struct sim_task *task, const struct sim_inode *owner,
		  __u32 pgoff, __u32 pfn, __u32 nr, bool valid, __s32 result, __u64 time);
void sim_emit_zap_flush(struct sim *sim, const struct sim_task *task, const struct sim_inode *owner,
			__u32 pgoff, __u32 pfn, __u32 last);
void sim_emit_flush(struct sim *sim, const struct sim_task *task, __u32 first, __u32 last,
		    bool full);
void sim_emit_owner(struct sim *sim, const struct sim_task *task, __u16 kind,
		    const struct sim_inode *inode, __u32 pgoff, __u32 pfn);
void sim_emit_free(struct sim *sim, const struct sim_task *task, __u32 pfn);
void sim_emit_inode(struct sim *sim, const struct sim_inode *inode, bool before_attach, bool dead);
bool sim_emit_bracket(struct sim *sim, const struct sim_task *task, __u16 kind, __s64 result);
bool sim_emit_page(struct sim *sim, const struct sim_task *task, __u32 pgoff);

/* Who drains the rings, and who reads what they drained. */
void sim_sensor_step(struct sim *sim);
/* Drains all that is there, and says so. */
void sim_sensor_settle(struct sim *sim);
void sim_client_record(struct sim *sim, const struct record_header *record);
void sim_sensor_free(struct sim *sim);

/* A free page frame, mostly the one behind @before where that is none. 0: anywhere. */
__u32 sim_pfn_take(struct sim *sim, __u32 before);
void sim_inode_create(struct sim *sim, struct sim_inode *inode);
/* Whether the fault asked for strikes at this call. */
bool sim_strikes(struct sim *sim, enum simulator_fault fault);
bool sim_is_flagged(const struct sim_inode *inode);

void sim_task_step(struct sim *sim, struct sim_task *task);
void sim_convert_step(struct sim *sim, struct sim_task *task);
/* A fault whose page has just joined goes on as one that prepares a window, if it can. */
void sim_window_begin(struct sim_task *task);
void sim_window_step(struct sim *sim, struct sim_task *task);
void sim_allocate_step(struct sim *sim, struct sim_task *task);
void sim_task_done(struct sim_task *task);
__u32 sim_tid(const struct sim *sim, const struct sim_task *task);

#endif
