/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a screen is about: rates and latencies of the last seconds, by inode and in all, requests
 * and flushes as they end, and what was lost. An observer of a model; all times are the model's.
 */
#ifndef GMEMTRACE_VIEW_BOARD_H
#define GMEMTRACE_VIEW_BOARD_H

#include "gmemtrace/model.h"
#include "gmemtrace/rules.h"
#include "providers/provider.h"

#define BOARD_BUCKETS 160 /* quarters of powers of two of ns */
#define BOARD_REQUESTS 64
#define BOARD_SLOWEST 16
#define BOARD_CALLERS 64
#define BOARD_CPUS 256
#define BOARD_SPARKS 32
#define BOARD_MARKS 1024

struct board_histogram {
	__u32 counts[2][BOARD_BUCKETS]; /* of this window, and of the one before */
	__u64 ns[2]; /* sums */
	__u64 most[2];
	__u64 total[2];
};

/* Rates are those of the last interval, and are told anew so many times in it. */
#define BOARD_SLICES 5

struct board_rates {
	struct board_sums {
		__u64 zapped, restored, flushes, flush_ns; /* so far */
	} slices[BOARD_SLICES]; /* at the last ticks, a ring */
	double zaps, restores, flushes_s, busy; /* a second; busy: CPUs */
};

/* How the sensors' ring is used, as heartbeats tell. */
struct board_ring {
	__u64 bytes; /* that came through it so far */
	__u64 slices[BOARD_SLICES]; /* the same at the last ticks */
	double rate; /* bytes a second */
	__u64 waiting[2]; /* the most that waited in it in this window, and in the one before */
};

struct board_inode {
	const struct model_inode *inode;
	struct board_rates rates;
	struct board_histogram flushes, exposures;
	__u64 compared; /* ns: the end of the last settled read of any of its pages; 0 none */
	/* Walked only where something has changed, and not too many pages at once. */
	__u64 walked_key, walk_at;
	__u64 walked_ticks; /* board.ticks then */
	struct board_walked {
		__u64 want, deviate, differ, changing; /* pages; `want` that are to be absent */
	} pages, walking;
	bool walked; /* ever, to its end */
	__u64 exposed_since; /* ns: the oldest exposure; 0 none */
	__u32 violations;
	__u16 sparks[BOARD_SPARKS]; /* pages changed in each of the last intervals, capped */
};

struct board_request {
	__u64 begin, end;
	const struct model_inode *inode;
	__u32 tid, tgid, cpu;
	enum record_operation operation;
	__u32 state, mode;
	__u64 first, last;
	__s64 result;
	__u64 zaps, flushes, flush_pages, flush_ns; /* pages 0: everything */
};

struct board_flush {
	__u64 begin, end;
	const struct model_inode *inode;
	__u32 tid, tgid, cpu;
	__u64 pages; /* 0: everything */
	enum record_operation operation;
	__u64 first, last; /* of the request */
};

struct board_caller {
	__u32 tgid;
	enum record_operation operation;
	char comm[RECORD_COMM_LEN + 1];
	__u64 flushes, ns, most;
};

struct board_cpu {
	__u64 flushes, ns, most;
};

enum board_mark_kind {
	BOARD_LOSS = 1,
	BOARD_VIOLATION = 2,
};

struct board_mark {
	enum board_mark_kind kind;
	__u64 time;
};

struct board {
	const struct model *model;
	const struct verdict *verdict; /* NULL: nobody judges */
	bool narrowed; /* to pages [first, last] of each inode */
	__u64 first, last;
	struct board_inode *inodes; /* in the order of their appearance */
	size_t nr, room;
	__u32 *index; /* by an inode's number: its place in `inodes`, + 1 */
	size_t index_nr;
	struct board_rates rates;
	struct board_histogram flushes, exposures;
	__u64 interval; /* ns, of the model's time */
	__u64 ticks; /* so far; BOARD_SLICES are an interval */
	__u64 times[BOARD_SLICES]; /* ns: of the last ones, a ring */
	__u64 window; /* ns: when this one began */
	struct board_request requests[BOARD_REQUESTS]; /* a ring */
	__u64 requests_nr; /* ever */
	struct board_flush slowest[BOARD_SLOWEST]; /* the slowest first */
	size_t slowest_nr;
	struct board_caller callers[BOARD_CALLERS];
	size_t callers_nr;
	/* Of this window, and of the one before. */
	struct board_cpu cpus[2][BOARD_CPUS];
	/* By the CPU that answered last: such flushes, and how long they waited for it since they asked. */
	struct board_cpu late[2][BOARD_CPUS];
	__u64 late_nr; /* 0: nobody has timed answers (SENSOR_GROUP_ACKNOWLEDGE) */
	struct board_mark marks[BOARD_MARKS];
	size_t marks_nr;
	size_t violations; /* when they were last looked at */
	struct board_ring ring;
	__u16 sparks[BOARD_SPARKS];
	bool failed; /* memory */
};

/*
 * Observes @model; rates are those of the last @interval ns of its time. The verdict, if any, is to observe it
 * already. NULL where memory is short.
 */
struct board *board_create(struct model *model, const struct verdict *verdict, __u64 interval);
void board_free(struct board *board);

/*
 * Looks at pages of inodes that have changed, @pages at most, and at an inode's once an interval;
 * @still: at once, as time stands still.
 */
void board_walk(struct board *board, __u64 pages, bool still);

/* What the inode has of pages; where the model is narrowed, of those. */
struct model_page_counts board_pages(const struct board *board, const struct board_inode *entry);

/* What the page is to be: what its inode's kind says for all of them, else what was declared. */
static inline enum model_state page_wanted(const struct model_inode *inode,
					   const struct model_page *page)
{
	const struct provider *kind = provider_of(inode->provider);

	return kind->declared == PROVIDER_DECLARED_BY_KIND ? (enum model_state)kind->legal
							   : page->declared;
}

/* ns: below which @part (0 to 1) of all are, to a quarter of a power of two; 0: there are none. */
__u64 histogram_quantile(const struct board_histogram *histogram, double part);
__u64 histogram_most(const struct board_histogram *histogram);
/* @other's as well, of the same windows. */
void histogram_merge(struct board_histogram *histogram, const struct board_histogram *other);
void histogram_add(struct board_histogram *histogram, __u64 ns, __u64 nr);
/* ns: the least value of a bucket. */
__u64 histogram_floor(size_t bucket);

#endif
