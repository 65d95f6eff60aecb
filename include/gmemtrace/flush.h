/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where flush time goes: every flush classified, and histograms of how long
 * flushes, changes of entries, acknowledgements and exposures took. Fed by a
 * model's observers: pure, the same live and in replay.
 *
 * Where a capture times every flush (SENSOR_GROUP_FLUSHES) those figures are
 * used, else those that a verdict's sensors give: flushes of the direct map,
 * and such as flush everything. Where the sensors keep histograms themselves
 * (SENSOR_GROUP_EXPOSURES, _DURATIONS; no event is recorded) the same rows are
 * filled from what they tell of those each second: what is always on costs least
 * so, and reads them while the model is fed. All times are nanoseconds.
 */
#ifndef GMEMTRACE_FLUSH_H
#define GMEMTRACE_FLUSH_H

#include <stdbool.h>
#include "gmemtrace/api.h"
#include "gmemtrace/model.h"

GMEMTRACE_API_BEGIN

/*
 * Log-linear: 32 buckets from each power of two to the next, values below 64
 * each alone. A percentile is a bucket's middle, so within 1.6 % of the value;
 * count, sum, minimum and maximum are exact. Zero is an empty one.
 */
#define FLUSH_BUCKETS RECORD_SUMMARY_BUCKETS

struct flush_histogram {
	__u64 count;
	__u64 sum; /* ns; saturates */
	__u64 min, max; /* ns; meaningful with a count */
	__u64 buckets[FLUSH_BUCKETS];
};

/* @nr values of @ns each. */
void flush_histogram_add(struct flush_histogram *histogram, __u64 ns, __u64 nr);
/* What a record tells of a histogram kept in the kernel; all of it valid. */
void flush_histogram_add_summary(struct flush_histogram *histogram,
				 const struct record_summary *summary);
void flush_histogram_merge(struct flush_histogram *histogram, const struct flush_histogram *other);

/* The value that @share (0 to 1) of all do not exceed; 0 where there is none. */
__u64 flush_histogram_quantile(const struct flush_histogram *histogram, double share);

/* Bucket @index holds [flush_bucket_first(index), flush_bucket_first(index + 1)). */
__u32 flush_bucket(__u64 ns);
__u64 flush_bucket_first(__u32 index);

/* What a flush was for. Append-only: in JSON. */
enum flush_kind {
	FLUSH_RANGED = 1, /* of a range that touches the direct map */
	FLUSH_CEILING = 2, /* of everything: a range over the ceiling */
	FLUSH_SPLIT = 3, /* of everything: a large page of the direct map was split */
	FLUSH_ALL = 4, /* of everything, by others */
	FLUSH_REDUNDANT =
		5, /* of a request, and nothing had become absent since the last that covers it */
	FLUSH_ELSEWHERE = 6, /* not of the direct map: vmalloc and the like */
	FLUSH_OURS = 7, /* the tool's own: left out of the sums */
	FLUSH_KINDS, /* one more than the last */
};

const char *flush_kind_name(enum flush_kind kind); /* "split" */

/* How large it was. */
enum flush_size {
	FLUSH_SIZE_ONE = 1, /* a page */
	FLUSH_SIZE_FEW = 2, /* up to the ceiling */
	FLUSH_SIZE_EVERYTHING = 3,
	FLUSH_SIZES,
};

enum flush_tied {
	FLUSH_TIED_NO = 0, /* not known to the verdict's sensors, or not of the direct map */
	FLUSH_TIED_COVERED = 1, /* it ended exposures */
	FLUSH_TIED_NOTHING = 2, /* it ended none */
};

/* Leaves of the direct map, of 4K, 2M and 1G. */
struct flush_leaves {
	bool known;
	__u64 before[3], after[3];
};

/* Leaves of 2M and 1G that were split between the two. */
__u64 flush_leaves_split(const struct flush_leaves *leaves);

/*
 * @stack: "outer;inner", NULL where there is none: then a split is known by its @leaves, which may
 * be NULL, or counts as one of the others.
 */
enum flush_kind flush_classify(const struct record_flush_timed *flush, const char *stack,
			       const struct flush_leaves *leaves, bool request,
			       enum flush_tied tied);

/* One flush, with all that is known of it. Pointers live during the callback. */
struct flush_seen {
	enum flush_kind kind;
	enum flush_size size;
	__u64 begin, end; /* ns */
	__u64 pages; /* asked for; 0: everything */
	__u64 covered; /* pages of known inodes whose exposure it ended */
	__u32 tid, tgid, cpu;
	const char *comm; /* "" where it is not known */
	const struct model_inode *inode; /* NULL: none */
	enum record_operation
		operation; /* of the request (or fault) that issued it, NONE: none did */
	const char *stack; /* NULL: none was taken */
	enum record_stack_state stack_state;
	__u32 weight; /* flushes that the stack stands for; 0: none was due */
	/* NULL where it was not timed by the flushes' own sensors. */
	const struct record_flush_timed *timed;
	const char *late_stack; /* what the last CPU did where it was slow, NULL: not known */
	const struct record_answer *answers;
	size_t answers_nr;
	struct flush_leaves leaves;
	__u64 pgoff_first, pgoff_last; /* of the request; 0 where it is a fault, or none */
};

struct flush_observer {
	void *context;
	void (*seen)(void *context, const struct flush_seen *flush);
};

struct flush_watch;

/* Observes @model, which must outlive it. NULL where memory is short. */
struct flush_watch *flush_watch_create(struct model *model, const struct flush_observer *observer);
void flush_watch_free(struct flush_watch *watch);

/* Pairs that still wait for their other half; after the model has finished. */
void flush_watch_finish(struct flush_watch *watch);

/* Memory was short: not all were told. */
bool flush_watch_failed(const struct flush_watch *watch);

/* The figures of a run or, merged, of several. */
struct flush_latency;

/* A row of the report. */
struct flush_row {
	const char *name; /* "flush 1 page" */
	const char *key; /* for machines: "flush.one" */
	const struct flush_histogram *histogram;
	__u64 never; /* exposure: pages that no flush had covered at the end */
};

enum flush_list {
	/* Who interrupted the CPUs looked at: ns spent in the handlers. By task, kind and stack. */
	FLUSH_INTERRUPTERS = 1,
	/* Who answered last: ns from being asked to having answered. By CPU and what ran there. */
	FLUSH_LATE = 2,
	/* Who flushes: ns in flushes, each sampled one for all that it stands for. By stack and kind. */
	FLUSH_CALLERS = 3,
	/* What for: ns in flushes. By kind, `bits` an enum flush_size, `cpu` an enum record_operation. */
	FLUSH_CAUSES = 4,
	/* Who splits the direct map: ns in the flush that ends a split, `count` the leaves. By stack. */
	FLUSH_SPLITS = 5,
};

#define FLUSH_LISTS 6 /* one more than the last */

/* A sum of a list. What does not name it is empty. */
struct flush_sum {
	char comm[RECORD_COMM_LEN + 1]; /* "" not known */
	const char *stack; /* LATE: what was interrupted; NULL not known */
	__u32 cpu;
	__u32 bits; /* enum record_answer_bits */
	__u32 tgid; /* of the task that came first */
	enum flush_kind kind;
	__u64 count, flushes;
	__u64 ns, max;
	__u64 first, last; /* ns */
	struct flush_leaves leaves; /* SPLITS: before the first and after the last */
};

#define FLUSH_SLOWEST 8

/* One of the slowest, the slowest first. */
struct flush_slow {
	__u64 begin, end; /* ns */
	__u64 pages; /* 0: everything */
	enum flush_kind kind;
	enum record_operation operation;
	__u32 cpu, tgid;
	char comm[RECORD_COMM_LEN + 1]; /* "" not known */
	bool late; /* who answered last is known: */
	__u32 late_cpu, late_bits;
	__u64 late_ns; /* from being asked to having answered */
	char late_comm[RECORD_COMM_LEN + 1];
};

struct flush_latency_options {
	const __u8 *cpus; /* cpus[n]: CPU n is looked at; NULL: none in particular */
	size_t cpus_nr;
};

/* Observes @model. NULL where memory is short. */
struct flush_latency *flush_latency_create(struct model *model,
					   const struct flush_latency_options *options);
void flush_latency_free(struct flush_latency *latency);

/* After the model has finished. */
void flush_latency_finish(struct flush_latency *latency);

/* Adds @other's figures to @latency's. 0 or -ENOMEM. */
int flush_latency_merge(struct flush_latency *latency, const struct flush_latency *other);

struct flush_totals {
	__u64 flushes, ns; /* without the tool's own */
	__u64 by_kind[FLUSH_KINDS], ns_by_kind[FLUSH_KINDS];
	__u64 ours; /* left out */
	__u64 span; /* ns from the first record to the last */
	__u64 cpus; /* of the kernel, 0 not known */
	__u64 ceiling; /* pages, 0 not known */
	__u64 vms; /* inodes' VMs that flushes or exposures are of */
	__u64 asked, answered; /* other CPUs, over all flushes */
	__u64 unanswered; /* flushes of which the kernel does not show who answers */
	__u64 unasked; /* flushes of which it does not show when CPUs were asked */
	__u64 stacks_taken, stacks_collided, stacks_lost;
	__u64 lost; /* flushes or answers not timed */
	__u64 never; /* pages that no flush had covered at the end */
	__u64 splits; /* leaves of 2M and 1G that were split, by anybody */
	struct flush_leaves leaves; /* before the first flush that tells of them, after the last */
	bool leaves_untold; /* there were flushes of everything, and none told of them */
	__u64 at_most; /* pages whose exposure is told as that of the first run of several */
	bool summary; /* from histograms that the sensors kept: no flush is known by itself */
	bool exposures_only; /* of these, and not of how long flushes took */
	bool timed; /* every flush was timed, not only the direct map's */
	bool stacks_nameless; /* routines of callers whose names could not be read */
	bool failed; /* memory was short */
	__u64 records_lost,
		missed; /* records and calls of the verdict's sensors; `lost` is not in it */
};

void flush_latency_totals(const struct flush_latency *latency, struct flush_totals *totals);

/* Rows in order of the report, those without a count too. @index from 0; false behind the last. */
bool flush_latency_row(struct flush_latency *latency, size_t index, struct flush_row *row);

/* Sorted after finish and merge, the most time first. false behind the last. */
bool flush_latency_sum(const struct flush_latency *latency, enum flush_list list, size_t index,
		       struct flush_sum *sum);

/* NULL behind the last. */
const struct flush_slow *flush_latency_slowest(const struct flush_latency *latency, size_t index);

GMEMTRACE_API_END

#endif
