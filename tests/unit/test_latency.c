// SPDX-License-Identifier: GPL-2.0
/* Figures of flushes: histograms, what a flush was for, who was late, who interrupted whom. */
#include <stdlib.h>

#include "keys.h"
#include "scene.h"
#include "bpf/atomic.h"
#include "bpf/interface.h"
#include "bpf/bucket.h"
#include "bpf/clock.h"
#include "gmemtrace/flush.h"
#include "gmemtrace/report.h"
#include "sensor/summary.h"

#define DIRECT RECORD_FLUSH_DIRECT
#define FULL (RECORD_FLUSH_DIRECT | RECORD_FLUSH_FULL)
#define SPLIT_STACK "fault;__set_pages_np;__change_page_attr_set_clr;flush_tlb_all"
#define VFREE_STACK "vfree;__purge_vmap_area_lazy;flush_tlb_kernel_range"

static __u64 lcg(__u64 *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return *seed >> 11;
}

static void test_buckets(void **state)
{
	(void)state;
	for (__u32 i = 0; i < FLUSH_BUCKETS; i++) {
		__u64 first = flush_bucket_first(i), next = flush_bucket_first(i + 1);

		assert_true(next > first);
		assert_int_equal(flush_bucket(first), i);
		assert_int_equal(flush_bucket(next - 1), i);
		/* A middle is within 1.6 % of whatever lies in it. */
		if (first >= 64)
			assert_true((double)(next - first) / 2 <= 0.016 * (double)first);
	}
	assert_int_equal(flush_bucket(~0ULL), FLUSH_BUCKETS - 1);
}

/* What the kernel's side computes without a count of leading zeroes. */
static void test_buckets_of_sensors(void **state)
{
	__u64 seed = 5;

	(void)state;
	for (__u32 i = 0; i < FLUSH_BUCKETS; i++) {
		assert_int_equal(summary_bucket(flush_bucket_first(i)), i);
		assert_int_equal(summary_bucket(flush_bucket_first(i + 1) - 1), i);
	}
	for (int i = 0; i < 10000; i++) {
		__u64 value = lcg(&seed) >> (lcg(&seed) % 53);

		assert_int_equal(summary_bucket(value), flush_bucket(value));
	}
	assert_int_equal(summary_bucket(~0ULL), FLUSH_BUCKETS - 1);
}

/* Clocks of CPUs differ: what comes out negative is no time at all, and goes the way on which that is looked at. */
static void test_clocks_that_differ(void **state)
{
	const __u64 stale = TIMED_STALE_NS, since = 1000 + stale;
	__u32 bucket;

	(void)state;
	assert_true(clock_past(since + stale, since, stale));
	assert_false(clock_past(since + stale - 1, since, stale));
	assert_false(clock_past(since - 1, since, stale));
	assert_false(clock_past(0, since, stale));
	assert_true(clock_backward(since - 1 - since));
	assert_true(clock_backward(0 - since));
	assert_false(clock_backward(0));
	assert_false(clock_backward(since));
	for (__u64 shift = 0; shift <= summary_shift(flush_bucket(INT64_MAX)); shift++)
		assert_false(summary_bucket_like(since - 1 - since, shift, &bucket));
}

/* A shift that fits gives the very bucket, any other none: from every bucket with every shift. */
static void test_buckets_by_shift(void **state)
{
	(void)state;
	for (__u32 i = 0; i < FLUSH_BUCKETS; i++) {
		__u64 ns[] = { flush_bucket_first(i), flush_bucket_first(i + 1) - 1 };

		for (__u32 j = 0; j < 2 * 64; j++) {
			__u64 value = ns[j & 1], shift = j >> 1;
			__u32 bucket;

			if (summary_bucket_like(value, shift, &bucket))
				assert_int_equal(bucket, i);
			else
				assert_true(i < 32 || shift != summary_shift(i));
		}
	}
}

static void copy_add(struct summary_histogram *copy, __u64 ns, __u64 nr)
{
	copy->buckets[summary_bucket(ns)] += nr;
	copy->sum += ns * nr;
	if (ns > copy->max)
		copy->max = ns;
	if (~ns > copy->least)
		copy->least = ~ns;
}

/* What CPUs count, told in two records with more coming between, is what one histogram would be. */
static void test_summary_exact(void **state)
{
	struct summary_histogram *copies = calloc(4, sizeof(*copies));
	struct summary_histogram *before = &copies[2], *sum = &copies[3];
	struct record_summary *record = calloc(1, sizeof(*record) + FLUSH_BUCKETS * 8ULL);
	struct flush_histogram *want = calloc(2, sizeof(*want)), *told = want + 1;
	__u64 seed = 11;

	(void)state;
	assert_non_null(copies);
	assert_non_null(record);
	assert_non_null(want);
	summary_add_up(sum, copies, 2);
	assert_false(summary_record(record, before, sum));
	for (int part = 0; part < 2; part++) {
		for (int i = 0; i < 500; i++) {
			__u64 value = lcg(&seed) >> (lcg(&seed) % 45), nr = 1 + i % 3;

			copy_add(&copies[i % 2], value, nr);
			flush_histogram_add(want, value, nr);
		}
		summary_add_up(sum, copies, 2);
		assert_true(summary_record(record, before, sum));
		assert_int_equal(record->header.size, sizeof(*record) + record->nr * 8);
		flush_histogram_add_summary(told, record);
	}
	assert_memory_equal(want, told, sizeof(*want));
	assert_false(summary_record(record, before, sum));
	free(copies);
	free(record);
	free(want);
}

/* More in a second than a record's number can say: the rest is told with the next. */
static void test_summary_many(void **state)
{
	struct summary_histogram *copies = calloc(2, sizeof(*copies));
	struct record_summary *record = calloc(1, sizeof(*record) + FLUSH_BUCKETS * 8ULL);

	(void)state;
	assert_non_null(copies);
	assert_non_null(record);
	copies[0].buckets[7] = (1ULL << 32) + 5;
	assert_true(summary_record(record, &copies[1], &copies[0]));
	assert_int_equal(record->buckets[0].nr, UINT32_MAX);
	assert_true(summary_record(record, &copies[1], &copies[0]));
	assert_int_equal(record->buckets[0].nr, 6);
	assert_false(summary_record(record, &copies[1], &copies[0]));
	free(copies);
	free(record);
}

static int compare(const void *left, const void *right)
{
	const __u64 *one = left, *other = right;

	return (*one > *other) - (*one < *other);
}

static void test_quantiles(void **state)
{
	static const double shares[] = { 0.001, 0.5, 0.9, 0.99, 0.999 };
	struct flush_histogram *histogram = calloc(1, sizeof(*histogram));
	__u64 values[5000], seed = 7, sum = 0;

	(void)state;
	assert_non_null(histogram);
	assert_int_equal(flush_histogram_quantile(histogram, 0.5), 0);
	for (size_t i = 0; i < 5000; i++) {
		values[i] = lcg(&seed) >> (lcg(&seed) % 40);
		sum += values[i];
		flush_histogram_add(histogram, values[i], 1);
	}
	qsort(values, 5000, sizeof(*values), compare);
	assert_int_equal(histogram->count, 5000);
	assert_int_equal(histogram->sum, sum);
	assert_int_equal(histogram->min, values[0]);
	assert_int_equal(histogram->max, values[4999]);
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		double exact = (double)values[(size_t)(shares[i] * 5000 + 0.9999) - 1];
		double told = (double)flush_histogram_quantile(histogram, shares[i]);

		assert_true(told <= exact * 1.03 + 1 && told >= exact * 0.97 - 1);
	}
	assert_int_equal(flush_histogram_quantile(histogram, 1.0), values[4999]);
	free(histogram);
}

/* Merged is what all of it in one would be, to the last bit. */
static void test_merge_exact(void **state)
{
	struct flush_histogram *parts = calloc(3, sizeof(*parts));
	__u64 seed = 3;

	(void)state;
	assert_non_null(parts);
	for (size_t i = 0; i < 1000; i++) {
		__u64 value = lcg(&seed) >> (lcg(&seed) % 50);

		flush_histogram_add(&parts[i % 2], value, 1 + i % 3);
		flush_histogram_add(&parts[2], value, 1 + i % 3);
	}
	assert_memory_not_equal(&parts[0], &parts[2], sizeof(*parts));
	flush_histogram_merge(&parts[0], &parts[1]);
	assert_memory_equal(&parts[0], &parts[2], sizeof(*parts));
	free(parts);
}

static enum flush_kind kind(__u32 bits, __u16 routine, const char *stack, bool request,
			    enum flush_tied tied)
{
	const struct record_flush_timed flush = { .bits = bits, .routine = routine };

	return flush_classify(&flush, stack, NULL, request, tied);
}

static void test_kinds(void **state)
{
	(void)state;
	assert_int_equal(kind(0, RECORD_FLUSH_RANGE, VFREE_STACK, false, 0), FLUSH_ELSEWHERE);
	assert_int_equal(kind(DIRECT, RECORD_FLUSH_RANGE, NULL, false, 0), FLUSH_RANGED);
	assert_int_equal(kind(FULL, RECORD_FLUSH_RANGE, NULL, false, 0), FLUSH_CEILING);
	assert_int_equal(kind(FULL, RECORD_FLUSH_ALL, NULL, false, 0), FLUSH_ALL);
	assert_int_equal(kind(FULL | RECORD_FLUSH_OURS, RECORD_FLUSH_ALL, SPLIT_STACK, true, 0),
			 FLUSH_OURS);
	assert_int_equal(kind(FULL, RECORD_FLUSH_ALL, SPLIT_STACK, false, 0), FLUSH_SPLIT);
	/* set_memory_*() flushes for its own sake, behind the same caller. */
	assert_int_equal(kind(FULL, RECORD_FLUSH_ALL,
			      "set_memory_ro;change_page_attr_set_clr;cpa_flush;flush_tlb_all",
			      false, 0),
			 FLUSH_ALL);
	/* A name that only ends like one. */
	assert_int_equal(
		kind(FULL, RECORD_FLUSH_ALL, "my__change_page_attr;flush_tlb_all", false, 0),
		FLUSH_ALL);
	assert_int_equal(kind(DIRECT, RECORD_FLUSH_RANGE, NULL, true, FLUSH_TIED_NOTHING),
			 FLUSH_REDUNDANT);
	assert_int_equal(kind(DIRECT, RECORD_FLUSH_RANGE, NULL, true, FLUSH_TIED_COVERED),
			 FLUSH_RANGED);
	assert_int_equal(kind(DIRECT, RECORD_FLUSH_RANGE, NULL, false, FLUSH_TIED_NOTHING),
			 FLUSH_RANGED);
}

static struct flush_leaves leaves_of(__u64 small, __u64 large, __u64 huge)
{
	return (struct flush_leaves){ .known = true,
				      .before = { 100, 50, 3 },
				      .after = { small, large, huge } };
}

static void test_leaves(void **state)
{
	const struct record_flush_timed flush = { .bits = FULL, .routine = RECORD_FLUSH_ALL };
	struct flush_leaves none = leaves_of(100, 50, 3), two = leaves_of(100 + 512, 49, 3);
	struct flush_leaves huge = leaves_of(100, 50 + 512, 2);
	struct flush_leaves both = leaves_of(100 + 512, 50 + 511, 2);
	struct flush_leaves joined = leaves_of(100 - 512, 51, 3);

	(void)state;
	assert_int_equal(flush_leaves_split(&none), 0);
	assert_int_equal(flush_leaves_split(&two), 1);
	assert_int_equal(flush_leaves_split(&huge), 1);
	assert_int_equal(flush_leaves_split(&both), 2);
	assert_int_equal(flush_leaves_split(&joined), 0);
	/* Without a stack they tell a split; against a stack they do not. */
	assert_int_equal(flush_classify(&flush, NULL, &two, false, 0), FLUSH_SPLIT);
	assert_int_equal(flush_classify(&flush, NULL, &none, false, 0), FLUSH_ALL);
	assert_int_equal(flush_classify(&flush, "cpa_flush;flush_tlb_all", &two, false, 0),
			 FLUSH_ALL);
	assert_int_equal(flush_classify(&flush, "set_direct_map_4k;cpa_split_leaves;flush_tlb_all",
					&none, false, 0),
			 FLUSH_SPLIT);
	two.known = false;
	assert_int_equal(flush_leaves_split(&two), 0);
}

static struct flush_latency *latency;

/* Feeds the scene to figures that look at CPU 2. */
static void figure(struct stream *from)
{
	static const __u8 cpus[] = { 0, 0, 1 };
	const struct flush_latency_options options = { cpus, 3 };
	size_t at = 0;

	from->model = model_create(NULL);
	assert_non_null(from->model);
	latency = flush_latency_create(from->model, &options);
	assert_non_null(latency);
	while (at < from->used) {
		const struct record_header *record = (const void *)(from->data + at);

		assert_int_equal(model_feed(from->model, record), 0);
		at += record->size;
	}
	assert_int_equal(model_finish(from->model), 0);
	flush_latency_finish(latency);
}

static char *report_text(int (*report)(FILE *out, struct flush_latency *latency))
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(report(out, latency), 0);
	fclose(out);
	return text;
}

/* What a test has figured is said as JSON, whether it asks for that or not. */
static int unfigure(void **state)
{
	char *json = latency ? report_text(report_latency_json) : NULL;

	if (json)
		keys_said(json);
	free(json);
	flush_latency_free(latency);
	latency = NULL;
	return teardown(state);
}

static const struct flush_row *row(const char *key)
{
	static struct flush_row found;

	for (size_t i = 0; flush_latency_row(latency, i, &found); i++) {
		if (!strcmp(found.key, key))
			return &found;
	}
	fail_msg("no row %s", key);
	return NULL;
}

static struct flush_totals totals(void)
{
	struct flush_totals found;

	flush_latency_totals(latency, &found);
	return found;
}

static struct record_flush_timed timed(__u32 tid, __u64 begin, __u64 end, __u32 bits)
{
	return (struct record_flush_timed){
		.header = { .kind = RECORD_FLUSH_TIMED,
			    .size = sizeof(struct record_flush_timed),
			    .tid = tid,
			    .tgid = 100,
			    .time = stream.now },
		.begin = begin,
		.end = end,
		.first = 100,
		.last = 100,
		.pages = 1,
		.routine = bits & RECORD_FLUSH_FULL ? RECORD_FLUSH_ALL : RECORD_FLUSH_RANGE,
		.bits = bits,
		.comm = "vmm",
	};
}

static void add_timed(struct record_flush_timed flush)
{
	flush.header.time = stream.now;
	stream_add(&stream, &flush.header);
}

static void add_stack(__u32 id, const char *text)
{
	union {
		struct record_stack stack;
		char bytes[256];
	} record = { .stack = { .header = { .kind = RECORD_STACK, .time = stream.now },
				.id = id,
				.length = (__u32)strlen(text) + 1 } };

	memcpy(record.stack.text, text, strlen(text) + 1);
	record.stack.header.size = (__u16)((sizeof(record.stack) + strlen(text) + 8) & ~7UL);
	stream_add(&stream, &record.stack.header);
}

/* A fault's flush, as the verdict's sensors tell it, and as its own do: before it, or behind. */
static void paired(bool before)
{
	struct record_flush_timed flush;
	__u64 begin = stream.now;

	stream_fact(&stream, "sensor.groups", "17");
	stream_inode(&stream, G, RFC3, 64, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	if (before) {
		flush = timed(T, begin, stream.now + 1500, DIRECT);
		add_timed(flush);
		stream_zap_flush(&stream, T, G, 0, 100, 1, 100, 100);
	} else {
		stream_zap_flush(&stream, T, G, 0, 100, 1, 100, 100);
		flush = timed(T, stream.now - 2000, stream.now, DIRECT);
		add_timed(flush);
	}
	stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	stream_finish(&stream);
	figure(&stream);
	assert_int_equal(totals().flushes, 1);
	assert_int_equal(row("flush.one")->histogram->count, 1);
	assert_int_equal(totals().by_kind[FLUSH_RANGED], 1);
	assert_int_equal(totals().vms, 1);
}

static void test_pair_behind(void **state)
{
	(void)state;
	paired(false);
}

static void test_pair_before(void **state)
{
	(void)state;
	paired(true);
}

/* Flushes of tasks whose numbers are alike in their last bits, one within the other: each is one. */
static void test_pairs_of_many(void **state)
{
	const __u32 tids[] = { T, T + 1024, T + 4096, T + (1U << 20) };
	__u64 begin;

	(void)state;
	stream_fact(&stream, "sensor.groups", "17");
	for (int round = 0; round < 2; round++) {
		begin = stream.now - 100;
		for (size_t i = 0; i < 4; i++)
			stream_flush(&stream, tids[i], 100, 100, false);
		for (size_t i = 0; i < 4; i++)
			add_timed(timed(tids[i], begin, stream.now, DIRECT));
	}
	stream_finish(&stream);
	figure(&stream);
	assert_int_equal(totals().flushes, 8);
}

/* Of a flush that nothing more is to be told of than its zap does there is no other record. */
static void test_told_by_zap(void **state)
{
	(void)state;
	stream_fact(&stream, "sensor.groups", "21"); /* verdict, answers, flushes */
	stream_inode(&stream, G, RFC3, 64, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 1, false);
	stream_zap_flush(&stream, T, G, 0, 100, 1, 100, 100);
	stream_zap_flush(&stream, T, G, 1, 101, 1, 101, 101);
	stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 1, false);
	/* Another's, elsewhere, and one of its own behind the two. */
	add_timed(timed(T + 1, stream.now - 300, stream.now, 0));
	add_timed(timed(T, stream.now - 100, stream.now, 0));
	stream_finish(&stream);
	figure(&stream);
	assert_int_equal(totals().flushes, 4);
	assert_true(totals().timed);
	assert_int_equal(totals().by_kind[FLUSH_RANGED], 2);
	assert_int_equal(totals().by_kind[FLUSH_ELSEWHERE], 2);
	/* They asked nobody, and that is known. */
	assert_int_equal(row("asked.0")->histogram->count, 4);
	assert_int_equal(totals().unanswered, 0);
}

/* Answers are not watched: of one CPU nobody is asked, of several it is not known who was. */
static void asked_nobody(const char *cpus, __u64 asked_none, __u64 unanswered)
{
	stream_fact(&stream, "sensor.groups", "17");
	stream_fact(&stream, "kernel.cpus", cpus);
	stream_inode(&stream, G, SECRET, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_finish(&stream);
	figure(&stream);
	assert_int_equal(row("asked.0")->histogram->count, asked_none);
	assert_int_equal(totals().unanswered, unanswered);
}

static void test_alone(void **state)
{
	(void)state;
	asked_nobody("1", 1, 0);
}

static void test_not_alone(void **state)
{
	(void)state;
	asked_nobody("2", 0, 1);
}

static __u64 cause_count(enum record_operation operation, enum flush_kind kind)
{
	struct flush_sum sum;
	__u64 count = 0;

	for (size_t i = 0; flush_latency_sum(latency, FLUSH_CAUSES, i, &sum); i++) {
		if (sum.cpu == operation && sum.kind == kind)
			count += sum.count;
	}
	return count;
}

/* A flush is tied to its zaps and to the request that issued it; one that nothing asked for is redundant. */
static void test_causes(void **state)
{
	(void)state;
	stream_fact(&stream, "sensor.groups", "21");
	stream_inode(&stream, G, RFC3, 64, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 1, false);
	stream_zap_flush(&stream, T, G, 0, 100, 1, 100, 100);
	stream_flush(&stream, T, 100, 101, false);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 1, false);
	/* The same flush by nobody's request is no waste of one. */
	stream_flush(&stream, T, 100, 101, false);
	stream_flush(&stream, T, 0, ~0ULL, true);
	stream_finish(&stream);
	figure(&stream);
	assert_int_equal(cause_count(RECORD_OPERATION_SET_RANGE, FLUSH_RANGED), 1);
	assert_int_equal(cause_count(RECORD_OPERATION_SET_RANGE, FLUSH_REDUNDANT), 1);
	assert_int_equal(cause_count(RECORD_OPERATION_NONE, FLUSH_RANGED), 1);
	assert_int_equal(totals().by_kind[FLUSH_REDUNDANT], 1);
	assert_int_equal(totals().flushes, 4);
	assert_int_equal(row("exposure.own")->histogram->count, 1);
}

static void add_summary(__u32 cell, __u32 cpus, __u64 ns, __u32 nr)
{
	union {
		struct record_summary summary;
		char bytes[sizeof(struct record_summary) + sizeof(struct record_summary_bucket)];
	} record = { .summary = { .header = { .kind = RECORD_SUMMARY,
					      .size = sizeof(record),
					      .time = stream.now },
				  .sum = ns * nr,
				  .min = ns,
				  .max = ns,
				  .cell = cell,
				  .cpus = cpus,
				  .nr = 1 } };

	record.summary.buckets[0] = (struct record_summary_bucket){ flush_bucket(ns), nr };
	stream_add(&stream, &record.summary.header);
}

/* Histograms that the sensors kept, by kind, size and CPUs that there were. */
static void summarised(void)
{
	stream_fact(&stream, "sensor.groups", "192");
	add_summary(RECORD_SUMMARY_ONE, 4, 2000, 10);
	add_summary(RECORD_SUMMARY_ALL, 4, 9000, 2);
	add_summary(RECORD_SUMMARY_ELSEWHERE_FEW, 3, 500, 5);
	add_summary(RECORD_SUMMARY_OURS, 3, 70, 9);
	add_summary(RECORD_SUMMARY_EXPOSURE, 3, 3000, 10);
	stream_heartbeat(&stream);
	stream_finish(&stream);
	figure(&stream);
}

static void test_summary(void **state)
{
	(void)state;
	summarised();
	assert_true(totals().summary);
	assert_true(totals().timed);
	assert_false(totals().exposures_only);
	assert_int_equal(totals().flushes, 17);
	assert_int_equal(totals().ours, 9);
	assert_int_equal(totals().ns, 20000 + 18000 + 2500);
	assert_int_equal(totals().ns_by_kind[FLUSH_ALL], 18000);
	assert_int_equal(row("flush")->histogram->count, 17);
	assert_int_equal(row("flush.one")->histogram->count, 10);
	assert_int_equal(row("kind.elsewhere")->histogram->sum, 2500);
	assert_int_equal(row("asked.2")->histogram->count, 17);
	assert_int_equal(row("exposure")->histogram->count, 10);
	assert_int_equal(row("exposure")->histogram->max, 3000);
}

/* What histograms cannot say is said, in both forms. */
static void test_summary_words(void **state)
{
	char *text, *json;

	(void)state;
	summarised();
	text = report_text(report_latency_text);
	json = report_text(report_latency_json);
	assert_non_null(strstr(text, "kept as histograms"));
	assert_non_null(strstr(json, "kept as histograms"));
	assert_non_null(strstr(json, "\"summary\": true"));
	assert_non_null(strstr(json, "\"asked\": null"));
	assert_null(strstr(text, "no stacks were taken"));
	/* Nor that no request was behind them. */
	assert_non_null(strstr(text, " of it: "));
	assert_null(strstr(text, "from no request"));
	free(text);
	free(json);
}

/* Of exposures alone nothing is said of how long flushes took. */
static void test_summary_exposures(void **state)
{
	(void)state;
	stream_fact(&stream, "sensor.groups", "64");
	add_summary(RECORD_SUMMARY_EXPOSURE, 1, 3000, 10);
	add_summary(RECORD_SUMMARY_EXPOSURE_AT_MOST, 1, 5000, 3);
	stream_finish(&stream);
	figure(&stream);
	assert_true(totals().exposures_only);
	assert_int_equal(totals().at_most, 3);
	assert_int_equal(row("exposure.own")->histogram->count, 13);
	assert_int_equal(row("flush")->histogram->count, 0);
}

/* What both tell is counted once. */
static void test_summary_once(void **state)
{
	(void)state;
	stream_fact(&stream, "sensor.groups", "193");
	stream_inode(&stream, G, SECRET, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	add_summary(RECORD_SUMMARY_ONE, 1, 2000, 1);
	add_summary(RECORD_SUMMARY_EXPOSURE, 1, 2000, 1);
	stream_finish(&stream);
	figure(&stream);
	assert_int_equal(totals().flushes, 1);
	assert_int_equal(row("exposure")->histogram->count, 1);
}

/* Histograms that make no sense are not believed. */
static void test_summary_hostile(void **state)
{
	struct record_summary summary = {
		.header = { .kind = RECORD_SUMMARY, .size = sizeof(summary) }, .nr = 1
	};
	struct model_counts counts;

	(void)state;
	summary.header.time = stream.now;
	stream_add(&stream, &summary.header); /* buckets behind its end */
	summary.nr = 0;
	summary.cell = RECORD_SUMMARY_CELLS;
	stream_add(&stream, &summary.header);
	summary.cell = 0;
	summary.min = 1;
	stream_add(&stream, &summary.header);
	add_summary(0, 1, 5, 1);
	((struct record_summary_bucket *)(stream.data + stream.used))[-1].bucket =
		RECORD_SUMMARY_BUCKETS;
	stream_finish(&stream);
	figure(&stream);
	model_count(stream.model, &counts);
	assert_int_equal(counts.malformed, 4);
	assert_int_equal(totals().flushes, 0);
}

/* Of a capture whose flushes are not timed the verdict's sensors are believed. */
static void test_untimed(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	stream_zap_flush(&stream, T, G, 0, 100, 1, 100, 100);
	stream_zap_flush_all(&stream, T, G, 1, 300);
	stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 1, false);
	stream_finish(&stream);
	figure(&stream);
	assert_int_equal(totals().flushes, 2);
	assert_false(totals().timed);
	assert_int_equal(row("flush.everything")->histogram->count, 1);
}

/* The tool's own count nowhere; what is elsewhere is no VM's. */
static void test_ours_left_out(void **state)
{
	(void)state;
	add_timed(timed(T, stream.now - 500, stream.now, DIRECT | RECORD_FLUSH_OURS));
	add_timed(timed(T + 1, stream.now - 700, stream.now, 0));
	stream_finish(&stream);
	figure(&stream);
	assert_int_equal(totals().ours, 1);
	assert_int_equal(totals().flushes, 1);
	assert_int_equal(totals().ns, 700);
	assert_int_equal(totals().by_kind[FLUSH_ELSEWHERE], 1);
	assert_int_equal(row("flush")->histogram->max, 700);
}

/* Two were asked, and so many seen to answer: the last one late. */
/* Of CPUs 1 and 2, of which each entered its handler and left it so many ns behind @flush's begin. */
static void add_answers(const struct record_flush_timed *flush,
			const struct record_answer answers[2])
{
	struct record_answers record = {
		.header = { .kind = RECORD_ANSWERS,
			    .size = sizeof(record),
			    .tid = T,
			    .time = stream.now },
		.begin = flush->begin,
		.nr = 2,
		.answers = { answers[0], answers[1] },
	};

	stream_add(&stream, &record.header);
}

static void answered_late(struct record_flush_timed *flush, __u32 answered)
{
	flush->asked = flush->begin + 100;
	flush->asked_nr = 2;
	flush->answered_nr = answered;
	flush->late_asked = flush->begin + 200;
	flush->late_entered = flush->begin + 7000;
	flush->late_left = flush->begin + 8000;
}

/* CPU 1 answered at once, CPU 2 late: it is named, and it alone was looked at. */
static void test_answers(void **state)
{
	struct record_flush_timed flush = timed(T, stream.now, stream.now + 9000, 0);
	const struct record_answer answers[] = {
		{ .cpu = 1, .asked = 100, .entered = 400, .left = 600 },
		{ .cpu = 2, .asked = 200, .entered = 7000, .left = 8000 },
	};
	struct flush_sum sum;

	(void)state;
	add_stack(1, VFREE_STACK);
	add_stack(2, "_raw_spin_unlock_irqrestore");
	add_answers(&flush, answers);
	answered_late(&flush, 2);
	flush.late_cpu = 2;
	flush.late_stack = 2;
	flush.late_bits = RECORD_ANSWER_SOFTIRQ;
	strcpy(flush.late_comm, "spinner");
	flush.stack = 1;
	flush.stack_state = RECORD_STACK_TAKEN;
	flush.weight = 1;
	add_timed(flush);
	/* Of another flush, with answers to none. */
	add_timed(timed(T, stream.now, stream.now + 10, 0));
	stream_finish(&stream);
	figure(&stream);
	assert_int_equal(totals().asked, 2);
	assert_int_equal(row("phase.answer")->histogram->count, 2);
	assert_int_equal(row("phase.answer")->histogram->max, 7800);
	assert_int_equal(row("phase.handler")->histogram->sum, 1200);
	assert_int_equal(row("phase.prepare")->histogram->max, 100);
	assert_int_equal(row("phase.late")->histogram->max, 7400);
	assert_int_equal(row("phase.return")->histogram->max, 1000);
	assert_int_equal(row("asked.2")->histogram->count, 1);
	assert_int_equal(row("asked.0")->histogram->count, 1);
	assert_true(flush_latency_sum(latency, FLUSH_LATE, 0, &sum));
	assert_int_equal(sum.cpu, 2);
	assert_int_equal(sum.ns, 7800);
	assert_string_equal(sum.comm, "spinner");
	assert_string_equal(sum.stack, "_raw_spin_unlock_irqrestore");
	assert_false(flush_latency_sum(latency, FLUSH_LATE, 1, &sum));
	assert_true(flush_latency_sum(latency, FLUSH_INTERRUPTERS, 0, &sum));
	assert_int_equal(sum.count, 1);
	assert_int_equal(sum.ns, 1000);
	assert_string_equal(sum.comm, "vmm");
	assert_string_equal(sum.stack, VFREE_STACK);
	assert_false(flush_latency_sum(latency, FLUSH_INTERRUPTERS, 1, &sum));
}

/* Only when handlers had ended was looked at: who was late is known, how long they ran is not. */
static void test_ends_alone(void **state)
{
	struct record_flush_timed flush = timed(T, stream.now, stream.now + 9000, 0);
	const struct record_answer answers[] = {
		{ .cpu = 1, .asked = 100, .entered = 600, .left = 600 },
		{ .cpu = 2, .asked = 100, .entered = 8000, .left = 8000 },
	};
	struct flush_sum sum;
	char *text, *json;

	(void)state;
	add_answers(&flush, answers);
	answered_late(&flush, 2);
	flush.late_entered = flush.late_left;
	add_timed(flush);
	stream_finish(&stream);
	figure(&stream);
	assert_int_equal(row("phase.answer")->histogram->count, 2);
	assert_int_equal(row("phase.answer")->histogram->max, 7900);
	assert_int_equal(row("phase.late")->histogram->max, 7400);
	assert_int_equal(row("phase.delay")->histogram->count, 0);
	assert_int_equal(row("phase.handler")->histogram->count, 0);
	assert_true(flush_latency_sum(latency, FLUSH_INTERRUPTERS, 0, &sum));
	assert_int_equal(sum.count, 1);
	text = report_text(report_latency_text);
	json = report_text(report_latency_json);
	assert_non_null(strstr(text, "       1        1            -  vmm"));
	assert_non_null(strstr(json, "\"ns\": null"));
	free(text);
	free(json);
}

/* What is missing is said, and the rest shown, for people and for machines. */
static void words_are(const char *missing, const char *shown)
{
	char *text = report_text(report_latency_text), *json = report_text(report_latency_json);

	if (missing) {
		assert_non_null(strstr(text, missing));
		assert_non_null(strstr(json, missing));
	}
	assert_non_null(strstr(text, shown));
	assert_null(strchr(text, 27));
	assert_null(strchr(json, 27));
	free(text);
	free(json);
}

/* Two were asked and one was seen to answer. */
static void test_answer_lost(void **state)
{
	struct record_flush_timed flush = timed(T, stream.now, stream.now + 9000, 0);

	(void)state;
	stream_fact(&stream, "sensor.groups", "21");
	answered_late(&flush, 1);
	add_timed(flush);
	stream_finish(&stream);
	figure(&stream);
	words_are("some acknowledgements were not seen", "asking 2-3 CPUs");
	assert_int_equal(totals().answered, 1);
}

/* A kernel that flushes without interrupts: nobody is asked, and nobody late. */
static void test_invlpgb(void **state)
{
	struct flush_sum sum;

	(void)state;
	stream_fact(&stream, "sensor.groups", "21");
	stream_fact(&stream, "kernel.cpus", "8");
	add_timed(timed(T, stream.now, stream.now + 900, 0));
	stream_finish(&stream);
	figure(&stream);
	words_are("INVLPGB", "flush, any");
	assert_int_equal(row("asked.0")->histogram->count, 1);
	assert_false(flush_latency_sum(latency, FLUSH_LATE, 0, &sum));
}

/* A kernel whose answers nobody watches, and no stacks. */
static void test_unanswered(void **state)
{
	(void)state;
	add_timed(timed(T, stream.now, stream.now + 900, RECORD_FLUSH_UNANSWERED));
	stream_finish(&stream);
	figure(&stream);
	words_are("was not judged", "flush, any");
	words_are("no stacks were taken", "flush, any");
}

/* Before 6.5: answers are there, when they were asked for is not; of flushes of everything neither is. */
static void test_asked_not_told(void **state)
{
	struct record_flush_timed flush =
		timed(T, stream.now, stream.now + 900, RECORD_FLUSH_UNASKED);

	(void)state;
	flush.asked = flush.begin;
	flush.asked_nr = 1;
	flush.answered_nr = 1;
	flush.late_cpu = 2;
	flush.late_asked = flush.begin;
	flush.late_entered = flush.begin + 300;
	flush.late_left = flush.begin + 400;
	add_timed(flush);
	add_timed(timed(T + 1, stream.now, stream.now + 700, RECORD_FLUSH_UNANSWERED));
	stream_finish(&stream);
	figure(&stream);
	assert_int_equal(totals().unasked, 1);
	assert_int_equal(totals().unanswered, 1);
	assert_int_equal(totals().answered, 1);
	assert_int_equal(row("phase.prepare")->histogram->count, 0);
	assert_int_equal(row("phase.return")->histogram->count, 1);
	words_are("count from their flush's begin", "flush, any");
}

/* A CPU comes while histograms are kept: what comes then counts for more. */
static void test_cpus_change(void **state)
{
	(void)state;
	stream_fact(&stream, "sensor.groups", "192");
	add_summary(RECORD_SUMMARY_ONE, 2, 1000, 3);
	add_summary(RECORD_SUMMARY_ONE, 3, 1000, 4);
	add_summary(RECORD_SUMMARY_ONE, 5, 1000, 5);
	stream_finish(&stream);
	figure(&stream);
	assert_int_equal(row("asked.1")->histogram->count, 3);
	assert_int_equal(row("asked.2")->histogram->count, 4);
	assert_int_equal(row("asked.4")->histogram->count, 5);
}

/* Whatever tasks and stacks are called, it is text. */
static void test_strange_names(void **state)
{
	struct record_flush_timed flush = timed(T, stream.now, stream.now + 9000, 0);

	(void)state;
	add_stack(1, "vfree;\033[2J<script>\xff;flush_tlb_kernel_range");
	strcpy(flush.comm, "\033]0;\xc3<b>\"\n;");
	strcpy(flush.late_comm, "\xff\xfe\033[31m&\r\n");
	flush.asked = flush.begin + 1;
	flush.asked_nr = flush.answered_nr = 1;
	flush.late_left = flush.begin + 8000;
	flush.stack = 1;
	flush.weight = 1;
	flush.stack_state = RECORD_STACK_TAKEN;
	add_timed(flush);
	stream_finish(&stream);
	figure(&stream);
	words_are(NULL, "flush, any");
}

/* Frames without names are shown, and that they are without is said. */
static void test_nameless(void **state)
{
	struct record_flush_timed flush = timed(T, stream.now, stream.now + 9000, 0);

	(void)state;
	add_stack(1, "[unknown];vfree;flush_tlb_kernel_range");
	flush.stack = 1;
	flush.weight = 1;
	flush.stack_state = RECORD_STACK_TAKEN;
	add_timed(flush);
	stream_finish(&stream);
	figure(&stream);
	words_are("[unknown] are routines whose names could not be read", "vfree");
}

/* One in ten is sampled and stands for ten; a stack that was lost is a frame of its own. */
static void test_weights(void **state)
{
	struct flush_sum sum;

	(void)state;
	add_stack(1, VFREE_STACK);
	for (__u32 i = 0; i < 20; i++) {
		struct record_flush_timed flush = timed(T, stream.now, stream.now + 100, 0);

		if (i % 10 == 0) {
			flush.weight = 10;
			flush.stack = i ? 0 : 1;
			flush.stack_state = i ? RECORD_STACK_COLLIDED : RECORD_STACK_TAKEN;
		}
		add_timed(flush);
	}
	stream_finish(&stream);
	figure(&stream);
	assert_int_equal(totals().flushes, 20);
	assert_int_equal(totals().stacks_taken, 1);
	assert_int_equal(totals().stacks_collided, 1);
	for (size_t i = 0; i < 2; i++) {
		assert_true(flush_latency_sum(latency, FLUSH_CALLERS, i, &sum));
		assert_int_equal(sum.count, 10);
		assert_int_equal(sum.ns, 1000);
		assert_true(!strcmp(sum.stack, VFREE_STACK) ||
			    !strcmp(sum.stack, "[stack collided]"));
	}
	assert_false(flush_latency_sum(latency, FLUSH_CALLERS, 2, &sum));
}

/* An exposure is of the request whose flush ended it, or of a fault of memfd_secret, or of nobody's request. */
static void test_exposures_by_operation(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_inode(&stream, G + 1, SECRET, 64, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 4, false);
	for (__u64 i = 0; i < 4; i++)
		stream_join(&stream, T, G, i, 100 + i);
	stream_zap(&stream, T, G, 0, 100, 4, false, 0);
	stream_flush(&stream, T, 100, 101, false);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 4, false);
	/* Two of them are covered later, by nobody in particular. */
	stream_flush(&stream, T + 1, 0, ~0ULL, true);
	stream_zap_flush(&stream, T, G + 1, 0, 200, 1, 200, 200);
	stream_join(&stream, T, G + 1, 0, 200);
	stream_finish(&stream);
	figure(&stream);
	assert_int_equal(row("exposure")->histogram->count, 5);
	assert_int_equal(row("exposure.by.set_range")->histogram->count, 2);
	assert_int_equal(row("exposure.by.none")->histogram->count, 2);
	assert_int_equal(row("exposure.by.secretmem_fault")->histogram->count, 1);
	assert_int_equal(row("exposure.by.configure")->histogram->count, 0);
	assert_int_equal(row("exposure.own")->histogram->count, 3);
}

/* What no flush has covered at the end is a class of its own, not a long exposure. */
static void test_never(void **state)
{
	(void)state;
	stream_inode(&stream, G, SECRET, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_join(&stream, T, G, 1, 200);
	stream_zap(&stream, T, G, 1, 200, 1, false, 0);
	stream_finish(&stream);
	figure(&stream);
	assert_int_equal(totals().never, 1);
	assert_int_equal(row("exposure")->histogram->count, 1);
	assert_int_equal(row("exposure")->never, 1);
	assert_int_equal(row("exposure.vm.100")->never, 1);
	assert_int_equal(row("exposure.own")->histogram->count, 1);
}

static void add_leaves(__u32 tid, __u64 begin, __u64 small, __u64 large)
{
	struct record_leaves leaves = {
		.header = { .kind = RECORD_LEAVES, .size = sizeof(leaves), .tid = tid },
		.begin = begin,
		.nr = { small, large, 1 },
	};

	leaves.header.time = stream.now;
	stream_add(&stream, &leaves.header);
}

/* A flush_tlb_all() of @tid, with or without a stack, that leaves so many leaves. */
static void add_split(__u32 tid, __u32 stack, __u64 ns, __u64 small, __u64 large)
{
	struct record_flush_timed flush = timed(tid, stream.now, stream.now + ns, FULL);

	add_leaves(tid, flush.begin, small, large);
	flush.stack = stack;
	flush.weight = stack ? 1 : 0;
	flush.stack_state = stack ? RECORD_STACK_TAKEN : RECORD_STACK_NONE;
	add_timed(flush);
	stream.now += 1000;
}

/* Who split, what it cost, and what was left. */
static void test_splits(void **state)
{
	struct flush_sum sum;

	(void)state;
	stream_fact(&stream, RECORD_FACT_LEAVES, "1000 60 1");
	add_stack(1, SPLIT_STACK);
	add_stack(2, VFREE_STACK);
	add_split(T, 1, 900, 1512, 59);
	add_split(T + 1, 1, 500, 2536, 57);
	add_split(T, 0, 100, 3048, 56);
	/* Nothing was split: others that flush everything. */
	add_split(T, 2, 50, 3048, 56);
	add_split(T, 0, 50, 3048, 56);
	stream_finish(&stream);
	figure(&stream);
	assert_int_equal(totals().by_kind[FLUSH_SPLIT], 3);
	assert_int_equal(totals().by_kind[FLUSH_ALL], 2);
	assert_int_equal(totals().splits, 4);
	assert_int_equal(totals().leaves.before[0], 1000);
	assert_int_equal(totals().leaves.after[1], 56);
	assert_true(flush_latency_sum(latency, FLUSH_SPLITS, 0, &sum));
	assert_string_equal(sum.stack, SPLIT_STACK);
	assert_int_equal(sum.count, 3);
	assert_int_equal(sum.flushes, 2);
	assert_int_equal(sum.ns, 1400);
	assert_int_equal(sum.leaves.before[1], 60);
	assert_int_equal(sum.leaves.after[1], 57);
	assert_true(flush_latency_sum(latency, FLUSH_SPLITS, 1, &sum));
	assert_null(sum.stack);
	assert_int_equal(sum.count, 1);
	assert_false(flush_latency_sum(latency, FLUSH_SPLITS, 2, &sum));
	assert_false(totals().leaves_untold);
}

/* A kernel that does not show its leaves: that is said, and splits are known by their stack. */
static void test_leaves_untold(void **state)
{
	struct record_flush_timed flush = timed(T, stream.now, stream.now + 100, FULL);
	struct flush_sum sum;

	(void)state;
	add_stack(1, SPLIT_STACK);
	flush.stack = 1;
	flush.weight = 1;
	flush.stack_state = RECORD_STACK_TAKEN;
	add_timed(flush);
	stream_finish(&stream);
	figure(&stream);
	assert_true(totals().leaves_untold);
	assert_true(flush_latency_sum(latency, FLUSH_SPLITS, 0, &sum));
	assert_int_equal(sum.count, 0);
	assert_int_equal(sum.flushes, 1);
	assert_false(sum.leaves.known);
}

/* Two captures merged are what one of both would be. */
static void test_merge(void **state)
{
	struct flush_latency *first;
	struct stream kept;

	(void)state;
	add_timed(timed(T, stream.now, stream.now + 300, 0));
	stream_finish(&stream);
	figure(&stream);
	first = latency;
	kept = stream;
	stream_init(&stream);
	add_timed(timed(T, stream.now, stream.now + 500, FULL));
	stream_finish(&stream);
	figure(&stream);
	assert_int_equal(flush_latency_merge(latency, first), 0);
	assert_int_equal(totals().flushes, 2);
	assert_int_equal(totals().ns, 800);
	assert_int_equal(row("flush")->histogram->min, 300);
	assert_int_equal(row("flush")->histogram->max, 500);
	flush_latency_free(first);
	stream_free(&kept);
}

/* The slowest, in order, and of whatever came later too. */
static void test_slowest(void **state)
{
	(void)state;
	for (__u32 i = 0; i < 3 * FLUSH_SLOWEST; i++)
		add_timed(timed(T, stream.now, stream.now + 100 + (i * 7) % 24, 0));
	stream_finish(&stream);
	figure(&stream);
	for (__u32 i = 0; i < FLUSH_SLOWEST; i++) {
		const struct flush_slow *slow = flush_latency_slowest(latency, i);

		assert_non_null(slow);
		assert_int_equal(slow->end - slow->begin, 123 - i);
		assert_false(slow->late);
	}
	assert_null(flush_latency_slowest(latency, FLUSH_SLOWEST));
}

/* What figures lack is no doubt of anything else; what history lacks is. */
static void test_loss(void **state)
{
	struct model_counts counts;

	(void)state;
	stream_inode(&stream, G, SECRET, 64, false);
	stream_loss(&stream, 0, RECORD_LOSS_UNTIMED, stream.now - 100, 3);
	stream_loss(&stream, 0, RECORD_LOSS_MISSED_TIMES, stream.now - 100, 4);
	stream_heartbeat(&stream);
	stream_finish(&stream);
	figure(&stream);
	model_count(stream.model, &counts);
	assert_int_equal(totals().lost, 7);
	assert_int_equal(counts.lost + counts.missed, 0);
	assert_false(model_doubtful(stream.model, NULL, 0, ~0ULL));
	unfigure(state);
	setup(state);
	stream_loss(&stream, 0, RECORD_LOSS_MISSED, stream.now - 100, 4);
	stream_finish(&stream);
	figure(&stream);
	assert_int_equal(totals().lost, 0);
	assert_true(model_doubtful(stream.model, NULL, 0, ~0ULL));
}

/* Records that make no sense are not believed. */
static void test_hostile(void **state)
{
	struct record_answers answers = {
		.header = { .kind = RECORD_ANSWERS, .size = sizeof(answers), .tid = T },
		.nr = RECORD_ANSWERS_NR + 1,
	};
	struct model_counts counts;

	(void)state;
	answers.header.time = stream.now;
	stream_add(&stream, &answers.header);
	add_timed(timed(T, stream.now, stream.now - 1, 0));
	add_stack(0, "no id");
	add_stack(0xffffffff, "an id beyond all bounds");
	stream_finish(&stream);
	figure(&stream);
	model_count(stream.model, &counts);
	assert_int_equal(counts.malformed, 2);
	assert_int_equal(totals().flushes, 0);
}

#define LATENCY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, unfigure)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_buckets_of_sensors),
		cmocka_unit_test(test_buckets_by_shift),
		cmocka_unit_test(test_clocks_that_differ),
		cmocka_unit_test(test_summary_exact),
		cmocka_unit_test(test_summary_many),
		cmocka_unit_test(test_leaves),
		LATENCY_TEST(test_splits),
		LATENCY_TEST(test_leaves_untold),
		LATENCY_TEST(test_causes),
		LATENCY_TEST(test_alone),
		LATENCY_TEST(test_not_alone),
		LATENCY_TEST(test_answer_lost),
		LATENCY_TEST(test_invlpgb),
		LATENCY_TEST(test_unanswered),
		LATENCY_TEST(test_asked_not_told),
		LATENCY_TEST(test_cpus_change),
		LATENCY_TEST(test_strange_names),
		LATENCY_TEST(test_told_by_zap),
		LATENCY_TEST(test_summary),
		LATENCY_TEST(test_summary_words),
		LATENCY_TEST(test_summary_exposures),
		LATENCY_TEST(test_summary_once),
		LATENCY_TEST(test_summary_hostile),
		cmocka_unit_test(test_merge_exact),
		cmocka_unit_test(test_kinds),
		LATENCY_TEST(test_pair_behind),
		LATENCY_TEST(test_pair_before),
		LATENCY_TEST(test_pairs_of_many),
		LATENCY_TEST(test_untimed),
		LATENCY_TEST(test_ours_left_out),
		LATENCY_TEST(test_answers),
		LATENCY_TEST(test_ends_alone),
		LATENCY_TEST(test_weights),
		LATENCY_TEST(test_nameless),
		LATENCY_TEST(test_exposures_by_operation),
		LATENCY_TEST(test_never),
		LATENCY_TEST(test_merge),
		LATENCY_TEST(test_slowest),
		LATENCY_TEST(test_loss),
		LATENCY_TEST(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
