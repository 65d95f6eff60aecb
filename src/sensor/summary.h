/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Histograms that BPF programs keep (bpf/summary.h), read now and then: a record
 * of each that something has come to since. Times are nanoseconds.
 */
#ifndef GMEMTRACE_SENSOR_SUMMARY_H
#define GMEMTRACE_SENSOR_SUMMARY_H

#include "sensor/sensor.h"

struct summary_histogram;

struct summary {
	int map; /* per-CPU histograms; -1, or all of this 0: there are none */
	sensor_sink sink;
	void *context;
	uint32_t possible; /* CPUs */
	uint32_t cpus; /* online when they were last read */
	uint64_t told; /* when they were last read */
	struct summary_histogram *copies; /* as read, one a CPU */
	struct summary_histogram *before; /* sums as last told, one a cell */
	struct record_summary *record; /* being filled */
};

/* Takes @map, which must outlive it. 0 or -ENOMEM. */
int summary_open(struct summary *summary, int map, sensor_sink sink, void *context);

/* Tells what has come: once a second, when CPUs have come or gone, or where @now says so. */
void summary_tell(struct summary *summary, bool now);

/* What there is of @cell now into @sum, added over @copies; and in @record what came since @before. */
void summary_add_up(struct summary_histogram *sum, const struct summary_histogram *copies,
		    uint32_t nr);
/* False where nothing came. @record has room for all buckets, twice. */
bool summary_record(struct record_summary *record, struct summary_histogram *before,
		    const struct summary_histogram *sum);

void summary_close(struct summary *summary);

#endif
