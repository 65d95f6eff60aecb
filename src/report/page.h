/* SPDX-License-Identifier: GPL-2.0 */
/* What the page of a flush report shows beside flame graph and latencies; see web/src/data.md. */
#ifndef GMEMTRACE_REPORT_PAGE_H
#define GMEMTRACE_REPORT_PAGE_H

#include "object.h"

#define PAGE_VMS_MAX 64 /* those behind are one */
#define PAGE_CPUS_MAX 64 /* a matrix of more cannot be read */

/* --- over time: page_series.c ------------------------------------------------- */

#define PAGE_POINTS_MAX 8192
#define PAGE_STEPS 256

struct page_point {
	__u64 at, ns, pages;
	__u32 vm; /* index */
};

struct page_step {
	__u64 flush_ns;
	__s64 exposed; /* pages that began to be less those that ended */
	bool lost;
};

/* Bounded, however long the run: steps grow by two, and every second point is left out. */
struct page_series {
	struct page_point points[PAGE_POINTS_MAX];
	size_t points_nr;
	__u64 points_met, points_every; /* one of so many is kept; 0: 1 */
	struct page_step steps[PAGE_STEPS];
	__u64 width; /* ns of a step; 0: none yet */
	__u64 begin; /* ns: of the run */
	__u64 last; /* ns since then of the last that was met */
};

void series_flush(struct page_series *series, __u64 begin, __u64 end);
void series_exposure(struct page_series *series, __u64 begin, __u64 end, __u64 pages, __u32 vm);
void series_lost(struct page_series *series, __u64 since, __u64 until);
struct json_object *series_points_json(const struct page_series *series);
struct json_object *series_steps_json(const struct page_series *series);

/* --- which took longest, and who waited for whom: page_slowest.c ---------------- */

#define PAGE_SLOWEST 100
#define PAGE_RECENT 64 /* a power of two */

/* A flush, as much of it as its neighbours tell. */
struct page_flush {
	__u64 begin, end; /* ns */
	__u32 cpu;
	enum record_operation operation;
	const struct model_inode *inode;
	__u64 pgoff_first, pgoff_last;
	__u64 pages; /* 0: everything */
};

struct page_slow {
	__u64 begin, ns, pages;
	__u32 cpu, tgid;
	enum flush_kind kind;
	enum record_operation operation;
	bool everything;
	char comm[RECORD_COMM_LEN + 1];
	char inode[MODEL_INODE_NAME_MAX]; /* "" none */
	bool late; /* somebody's answer was the last */
	/* Of that: entry to the first CPU asked, to the last answer, to the return. */
	__u64 prepare_ns, wait_ns, return_ns;
	__u32 late_cpu, late_tid, late_bits;
	__u64 late_ns; /* from asked to answered */
	char late_comm[RECORD_COMM_LEN + 1];
	__u64 pgoff_first, pgoff_last; /* of the request */
	struct page_flush
		other; /* that of another CPU which ran longest at the same time; end 0: none */
};

struct page_slowest {
	struct page_slow list[PAGE_SLOWEST]; /* the slowest first */
	size_t nr;
	__u64 until; /* ns: none in the list ended later */
	struct page_flush recent[PAGE_RECENT]; /* in order of their ends, in turns */
	__u32 recent_at;
	__u64 wait_ns[PAGE_CPUS_MAX][PAGE_CPUS_MAX]; /* [initiator][target] */
	__u32 cpus; /* one more than the largest met */
	bool cpus_more; /* there were larger ones */
};

void slowest_take(struct page_slowest *slowest, const struct flush_seen *flush);
struct json_object *slowest_json(const struct page_slowest *slowest, __u64 begin);
/* NULL: nobody answered, or there are too many. */
struct json_object *slowest_matrix_json(const struct page_slowest *slowest);

/* --- flame graphs: page_graphs.c ----------------------------------------------- */

#define PAGE_WEIGHTS 4

/* In order of the page; the first is shown first. */
struct page_weight {
	enum report_weight weight;
	const char *name;
};

extern const struct page_weight page_weights[PAGE_WEIGHTS];

/* Names of frames, each once; lines have their places. */
struct page_names {
	struct json_object *frames;
	struct lh_table *ids; /* by name: its place */
};

/* 0 or -ENOMEM. */
int names_make(struct page_names *names);
/* "a;b;c" as an array of places; NULL where memory is short. */
struct json_object *names_places(struct page_names *names, const char *frames);
/* What is left of @names is its frames, if they are still wanted. */
void names_free(struct page_names *names);

/* The page with @report in it. 0, -EOPNOTSUPP: this build has none, or -errno of the stream. */
int page_write_report(FILE *out, struct json_object *report);

#define PAGE_LINES_MAX 3000 /* of a graph; the rest is one */

struct page_graphs {
	struct json_object *frames; /* names, each once */
	struct json_object *list; /* a graph a weight that was recorded */
	size_t left; /* lines of the largest graph that are not drawn by themselves */
	bool nameless; /* a routine's name was not known */
};

/* 0 and @graphs, whose objects are the caller's; or -ENOMEM. */
int graphs_make(struct page_graphs *graphs, struct report_folded *folded);

#endif
