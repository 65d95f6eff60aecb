/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small kernel in play: tasks fault pages in, convert ranges, punch holes and
 * release inodes, interleaved at random from a seed; sensors write what they
 * see into two rings, which are drained one after the other, and may lose some
 * of it at every place where it can be lost. It is correct unless a
 * fault is switched on, and it knows which pages a fault hit.
 */
#ifndef GMEMTRACE_TESTS_SIMULATOR_H
#define GMEMTRACE_TESTS_SIMULATOR_H

#include <stdio.h>
#include "gmemtrace/model.h"
#include "gmemtrace/rules.h"

enum simulator_fault {
	FAULT_NONE,
	FAULT_XARRAY_SHORT, /* the last index of a range never reaches the xarray */
	FAULT_NO_FLUSH, /* a conversion leaves the flush out */
	FAULT_CONFIGURE_NO_FLUSH, /* fault-in leaves the flush out */
	FAULT_SHORT_FLUSH, /* the flush ends one page too early */
	FAULT_FOREIGN_PAGE, /* a run is one page too long */
	FAULT_SKIP_PAGE, /* a resident page is left out of a conversion */
	FAULT_NO_RESTORE, /* a page is freed absent */
	FAULT_NO_ROLLBACK, /* a failed conversion takes back the xarray only */
	FAULT_NO_ZAP, /* fault-in believes it has zapped */
	FAULT_STUCK, /* a conversion never ends */
	FAULT_SECRET_NO_FLUSH,
	FAULT_SECRET_NO_ZAP,
	FAULT_NR,
};

/* What a page of the kernel in play really was, one state after the other. */
#define SIMULATOR_STATES_MAX 512

struct simulator_watch {
	__u64 inode, pgoff;
	struct simulator_state {
		__u32 pfn; /* 0: none */
		bool absent;
	} states[SIMULATOR_STATES_MAX];
	size_t nr;
};

struct simulator_options {
	unsigned int seed;
	enum simulator_fault fault;
	double loss; /* probability that a record is lost */
	double burst; /* probability that a ring is full from here on for a while */
	double miss; /* probability that a hook does not run */
	double gap; /* probability that the reader gets nothing for a while */
	double preemption; /* probability that a task takes no step for a while */
	bool before_attach; /* the first inodes exist when the sensors are armed */
	bool late_losses; /* a loss is told of behind the heartbeat, not before */
	__u32 steps; /* 0: 20000 */
	FILE *out; /* NULL, or where the records are written as well */
	size_t out_bytes; /* at most */
	bool keep; /* the stream, in simulator_result */
	struct simulator_watch *watches; /* NULL, or watches_nr of them */
	size_t watches_nr;
};

#define SIMULATOR_PGOFF_UNKNOWN (~0U)

/* A page that the fault hit, as the rule must name it. */
struct simulator_hit {
	enum rule_id rule;
	__u64 inode, pgoff; /* SIMULATOR_PGOFF_UNKNOWN: it must name none */
};

struct simulator_result {
	struct model *model;
	struct verdict *verdict;
	struct simulator_hit *hits;
	size_t hits_nr;
	bool struck; /* the fault has, though what it did may have been put right since */
	__u64 dropped; /* records lost */
	__u8 *stream; /* the records, one behind the other */
	size_t stream_used, stream_room;
};

const char *simulator_fault_name(enum simulator_fault fault);
enum rule_id simulator_fault_rule(enum simulator_fault fault);
/* A model and a verdict for a stream of the simulator's. */
void simulator_judge_begin(struct simulator_result *result);
void simulator_run(const struct simulator_options *options, struct simulator_result *result);
void simulator_result_free(struct simulator_result *result);

#endif
