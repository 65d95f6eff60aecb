/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a fleet's monitoring wants of a run, in Prometheus' text format: the verdict, violations by
 * rule, transitions, flushes, exposures, losses, orphans, and what it costs. Pure: from a model and a verdict.
 *
 * How many series there are depends on this version alone, and not on what is traced.
 */
#ifndef GMEMTRACE_METRICS_METRICS_H
#define GMEMTRACE_METRICS_METRICS_H

#include <stdio.h>

#include "gmemtrace/rules.h"

struct metrics;

/* gmemtraced's, as gmemtraced(8) names them. */
enum metrics_process {
	METRICS_PARENT,
	METRICS_OWNER, /* of the sensors */
	METRICS_SERVER,
	METRICS_JUDGE, /* the reader */
	METRICS_PROCESSES,
};

/* What the model does not know of itself. */
struct metrics_moment {
	double time; /* seconds since 1970 */
	double cpu_seconds[METRICS_PROCESSES]; /* that each has taken; 0: there is none */
	__u64 judge_deaths; /* of judges before this one, which knows nothing of what they found */
	double map_interval; /* seconds from one walk of the direct map to the next; 0: none is asked for */
};

/* Observes @model; both must outlive it. NULL where memory is short. */
struct metrics *metrics_create(struct model *model, struct verdict *verdict);
void metrics_free(struct metrics *metrics);

/* 0 or -EIO. */
int metrics_write(const struct metrics *metrics, const struct metrics_moment *moment, FILE *out);

/*
 * Puts it into a file that is there whole or not at all: a reader never sees half of it.
 * 0 or -errno.
 */
int metrics_store(const char *path, const char *text, size_t size);

/*
 * Whether it could, as things are: 0 or -errno, -EINVAL where @path is no name, -EEXIST where
 * something else than a file has it. Leaves @path as it is.
 */
int metrics_storable(const char *path);

#endif
