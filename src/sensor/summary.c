// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/interface.h"
#include "sensor/summary.h"

#define RECORD_BYTES                                                                               \
	(sizeof(struct record_summary) +                                                           \
	 RECORD_SUMMARY_BUCKETS * sizeof(struct record_summary_bucket))

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
}

int summary_open(struct summary *summary, int map, sensor_sink sink, void *context)
{
	summary->map = map;
	summary->sink = sink;
	summary->context = context;
	summary->possible = (uint32_t)libbpf_num_possible_cpus();
	summary->cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	summary->told = now_ns();
	summary->copies = calloc(summary->possible, sizeof(*summary->copies));
	summary->before = calloc(RECORD_SUMMARY_CELLS, sizeof(*summary->before));
	summary->record = calloc(1, RECORD_BYTES);
	return summary->copies && summary->before && summary->record ? 0 : -ENOMEM;
}

void summary_close(struct summary *summary)
{
	free(summary->copies);
	free(summary->before);
	free(summary->record);
	memset(summary, 0, sizeof(*summary));
}

void summary_add_up(struct summary_histogram *sum, const struct summary_histogram *copies,
		    uint32_t nr)
{
	memset(sum, 0, sizeof(*sum));
	for (uint32_t cpu = 0; cpu < nr; cpu++) {
		const struct summary_histogram *copy = &copies[cpu];

		sum->sum += copy->sum;
		if (copy->max > sum->max)
			sum->max = copy->max;
		if (copy->least > sum->least)
			sum->least = copy->least;
		for (uint32_t i = 0; i < RECORD_SUMMARY_BUCKETS; i++)
			sum->buckets[i] += copy->buckets[i];
	}
}

/* What comes at once in more than a record can say stays for the next. */
static uint32_t bucket_take(__u64 *told, __u64 nr)
{
	__u64 come = nr - *told;

	if (come > UINT32_MAX)
		come = UINT32_MAX;
	*told += come;
	return (uint32_t)come;
}

bool summary_record(struct record_summary *record, struct summary_histogram *before,
		    const struct summary_histogram *sum)
{
	record->nr = 0;
	for (uint32_t i = 0; i < RECORD_SUMMARY_BUCKETS; i++) {
		uint32_t come = bucket_take(&before->buckets[i], sum->buckets[i]);

		if (come)
			record->buckets[record->nr++] = (struct record_summary_bucket){ i, come };
	}
	if (!record->nr && sum->sum == before->sum)
		return false;
	record->sum = sum->sum - before->sum;
	before->sum = sum->sum;
	record->max = sum->max;
	record->min = ~sum->least;
	record->header.kind = RECORD_SUMMARY;
	record->header.size = (uint16_t)(sizeof(*record) + record->nr * sizeof(record->buckets[0]));
	return true;
}

static void cell_tell(struct summary *summary, uint32_t cell, uint64_t now)
{
	struct record_summary *record = summary->record;
	struct summary_histogram *sum;

	if (bpf_map_lookup_elem(summary->map, &cell, summary->copies))
		return;
	sum = malloc(sizeof(*sum));
	if (!sum)
		return;
	summary_add_up(sum, summary->copies, summary->possible);
	memset(record, 0, sizeof(*record));
	record->header.time = now;
	record->since = summary->told;
	record->cell = cell;
	record->cpus = summary->cpus;
	if (summary_record(record, &summary->before[cell], sum))
		summary->sink(summary->context, &record->header);
	free(sum);
}

void summary_tell(struct summary *summary, bool now)
{
	uint32_t cpus = summary->copies ? (uint32_t)sysconf(_SC_NPROCESSORS_ONLN) : 0;
	uint64_t time;

	if (!summary->copies)
		return;
	time = now_ns();
	if (!now && cpus == summary->cpus && time - summary->told < RECORD_SUMMARY_NS)
		return;
	/* What came until now counts for the CPUs that there were. */
	for (uint32_t cell = 0; cell < RECORD_SUMMARY_CELLS; cell++)
		cell_tell(summary, cell, time);
	summary->told = time;
	summary->cpus = cpus;
}
