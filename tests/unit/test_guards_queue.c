// SPDX-License-Identifier: GPL-2.0
/* In which order what waits is taken, and whose a flush is that is told with a change. */
#include "watch.h"

#define OTHER 4 /* another inode */
#define TGID 100 /* of all tasks of a stream */

static void flush_at(__u64 time)
{
	struct record_flush *flush;

	stream_flush(&stream, T, 1, 1, false);
	flush = last_record(sizeof(*flush));
	flush->header.time = time;
	flush->begin = time - 1;
}

/* --- order ----------------------------------------------------------------------------- */

static void taken_in_order(size_t nr)
{
	assert_int_equal(watch.flush_nr, nr);
	for (size_t i = 1; i < nr; i++)
		assert_true(watch.flush[i - 1].end < watch.flush[i].end);
}

/* Two rings that were drained one behind the other, and what comes by turns. */
static void test_two_runs(void **state)
{
	__u64 first = stream.now + 1000;

	(void)state;
	for (__u64 i = 0; i < 100; i++)
		flush_at(first + (i < 50 ? 2 * i : 2 * (i - 50) + 1));
	stream.now = first + 1000;
	feed();
	taken_in_order(100);
}

static void test_disorder(void **state)
{
	__u64 first = stream.now + 1000;

	(void)state;
	for (__u64 i = 0; i < 211; i++)
		flush_at(first + i * 89 % 211);
	stream.now = first + 1000;
	feed();
	taken_in_order(211);
}

/* The last of what waits, too, has to be before the watermark. */
static void test_watermark(void **state)
{
	(void)state;
	flush_at(stream.now);
	flush_at(stream.now + 2 * SECOND);
	feed();
	assert_int_equal(watch.flush_nr, 1);
}

/* Flushes that end in another order than their changes, and each once. */
static void test_flushes_in_order(void **state)
{
	static const __u64 ends[] = { 900, 300, 800, 100, 700, 200, 600 };
	const size_t nr = sizeof(ends) / sizeof(ends[0]);
	__u64 first = stream.now;

	(void)state;
	for (size_t i = 0; i < nr; i++) {
		struct record_zap *zap;

		stream_zap_flush(&stream, T + (__u32)i, 0, 0, 200 + i, 1, 200 + i, 200 + i);
		zap = last_record(sizeof(*zap));
		zap->zap_end = first + i;
		zap->flush_begin = first + i;
		zap->header.time = first + ends[i];
	}
	feed();
	taken_in_order(nr);
	for (size_t i = 0; i < nr; i++) {
		size_t seen = 0;

		for (size_t j = 0; j < nr; j++)
			seen += watch.flush[j].end == first + ends[i];
		assert_int_equal(seen, 1);
	}
}

/* --- whose a merged flush is -------------------------------------------------------------- */

/* A change of page 0 of @inode whose flush ends half a microsecond later. */
static void change(__u64 inode, __u64 pfn)
{
	stream_zap_flush(&stream, T, inode, 0, pfn, 1, pfn, pfn);
}

static void two_inodes(void)
{
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_inode(&stream, OTHER, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_join(&stream, T, OTHER, 0, 101);
}

static void test_flush_of_change(void **state)
{
	(void)state;
	/* Another page changed before it ended. */
	two_inodes();
	change(G, 100);
	stream.now -= 900;
	stream_zap(&stream, T + 1, OTHER, 0, 101, 1, false, 0);
	feed();
	assert_int_equal(inode_of(G)->flushes, 1);
	assert_int_equal(inode_of(OTHER)->flushes, 0);
	/* The page has become another's before it ended. */
	two_inodes();
	change(G, 100);
	stream.now -= 900;
	stream_join(&stream, T + 1, OTHER, 1, 100);
	feed();
	assert_int_equal(inode_of(G)->flushes, 0);
	assert_int_equal(inode_of(OTHER)->flushes, 1);
}

/* memfd_secret's page has left when it is present again. */
static void test_flush_of_restore(void **state)
{
	struct record_zap *zap;

	(void)state;
	anew();
	stream_inode(&stream, G, SECRET, 64, false);
	change(G, 100);
	change(G, 100);
	zap = last_record(sizeof(*zap));
	zap->valid = 1;
	feed();
	assert_int_equal(watch.flush_nr, 2);
	assert_int_equal(inode_of(G)->flushes, 1);
}

/* A restore that failed puts nothing back. */
static void test_failed_restore(void **state)
{
	size_t uncovered = 0;

	(void)state;
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 3; i++)
		stream_join(&stream, T, G, i, 100 + i);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 2, false);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream_zap(&stream, T, G, 0, 100, 1, true, -12);
	stream_zap(&stream, T, G, 2, 102, 1, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 2, false);
	feed();
	for (size_t i = 0; i < watch.judged_nr; i++)
		uncovered +=
			watch.judged[i].pfn == 100 && watch.judged[i].coverage == MODEL_UNCOVERED;
	assert_int_equal(uncovered, 1);
}

/* --- where one VM is looked at --------------------------------------------------------------- */

static void flushes_of(__u32 vm, __u32 tgid, size_t expected)
{
	struct record_flush *flush;

	anew();
	stream_flush(&stream, T, 1, 1, false);
	flush = last_record(sizeof(*flush));
	flush->header.tgid = tgid;
	feed_with(&(struct model_options){ .vm = vm });
	assert_int_equal(watch.flush_nr, expected);
	assert_int_equal(watch.counts.flushes, expected);
}

static void test_flushes_elsewhere(void **state)
{
	(void)state;
	flushes_of(0, TGID, 1);
	flushes_of(TGID, TGID, 1);
	flushes_of(TGID, TGID + 1, 0);
	flushes_of(TGID, 0, 0);
	/* Of several VMs the filter has said which is nobody's. */
	flushes_of(MODEL_VM_SEVERAL, TGID, 1);
	flushes_of(MODEL_VM_SEVERAL, 0, 0);
	/* Inside a request on an inode that was let through it is that inode's. */
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 2, false);
	stream_flush(&stream, T, 1, 1, false);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 2, false);
	feed_with(&(struct model_options){ .vm = TGID + 1 });
	assert_int_equal(watch.flush_nr, 1);
}

#define RULE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_two_runs),	 RULE_TEST(test_disorder),
		RULE_TEST(test_watermark),	 RULE_TEST(test_flushes_in_order),
		RULE_TEST(test_flush_of_change), RULE_TEST(test_flush_of_restore),
		RULE_TEST(test_failed_restore),	 RULE_TEST(test_flushes_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
