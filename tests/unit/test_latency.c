// SPDX-License-Identifier: GPL-2.0
/* Figures of flushes: histograms, what a flush was for, who was late, who interrupted whom. */
#include <stdlib.h>

#include "scene.h"
#include "gmemtrace/flush.h"

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

	return flush_classify(&flush, stack, request, tied);
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

static int unfigure(void **state)
{
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

/* CPU 1 answered at once, CPU 2 late: it is named, and it alone was looked at. */
static void test_answers(void **state)
{
	struct record_flush_timed flush = timed(T, stream.now, stream.now + 9000, 0);
	struct record_answers answers = {
		.header = { .kind = RECORD_ANSWERS, .size = sizeof(answers), .tid = T },
		.begin = flush.begin,
		.nr = 2,
		.answers = { { .cpu = 1, .asked = 100, .entered = 400, .left = 600 },
			     { .cpu = 2, .asked = 200, .entered = 7000, .left = 8000 } },
	};
	struct flush_sum sum;

	(void)state;
	add_stack(1, VFREE_STACK);
	add_stack(2, "_raw_spin_unlock_irqrestore");
	answers.header.time = stream.now;
	stream_add(&stream, &answers.header);
	flush.asked = flush.begin + 100;
	flush.asked_nr = flush.answered_nr = 2;
	flush.late_cpu = 2;
	flush.late_asked = flush.begin + 200;
	flush.late_entered = flush.begin + 7000;
	flush.late_left = flush.begin + 8000;
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
		cmocka_unit_test(test_buckets),	    cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_merge_exact), cmocka_unit_test(test_kinds),
		LATENCY_TEST(test_pair_behind),	    LATENCY_TEST(test_pair_before),
		LATENCY_TEST(test_untimed),	    LATENCY_TEST(test_ours_left_out),
		LATENCY_TEST(test_answers),	    LATENCY_TEST(test_weights),
		LATENCY_TEST(test_never),	    LATENCY_TEST(test_merge),
		LATENCY_TEST(test_slowest),	    LATENCY_TEST(test_loss),
		LATENCY_TEST(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
