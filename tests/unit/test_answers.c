// SPDX-License-Identifier: GPL-2.0
/* flush-mismatch: a flush covers the page, and a CPU that was online took no part in it. */
#include "here.h"

#define RANGE RECORD_OPERATION_SET_RANGE
#define CPU1 2ULL /* as a mask */

/* Page 0 is made absent and flushed by @tid's, which @missing took no part in. */
static void flushed_without(__u32 tid, __u64 missing)
{
	__u64 begin;

	here_anew();
	stream.groups = SENSOR_GROUP_WITNESS;
	faulted(1);
	convert(0, 0, 99, 0);
	stream_begin(&stream, T, G, RANGE, 0, 0, false);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	begin = stream.now;
	stream_flush(&stream, T, 100, 100, false);
	stream_unanswered(&stream, tid, begin, missing, CPU1);
}

static void request_ends(void)
{
	here();
	stream_end(&stream, T, G, RANGE, 0, 0, false);
	stream_heartbeat(&stream);
}

static void test_unanswered(void **state)
{
	const struct verdict_violation *found;

	(void)state;
	flushed_without(T, CPU1);
	request_ends();
	expect_here(RULE_FLUSH_MISMATCH);
	expect_pages(RULE_FLUSH_MISMATCH, 0, 0);
	found = here_found(RULE_FLUSH_MISMATCH);
	assert_string_equal(found->sources[0].says,
			    "3 of 4 CPUs took part in the flush: not CPU 1");
	assert_non_null(strstr(found->words, "CPU 1 was not asked to flush"));
	assert_null(not_judged(RULE_FLUSH_MISMATCH));
}

/* One that was asked, and two of which one was. */
static void test_handler_not_run(void **state)
{
	(void)state;
	flushed_without(T, CPU1 << 1);
	request_ends();
	expect_here(RULE_FLUSH_MISMATCH);
	assert_non_null(strstr(here_found(RULE_FLUSH_MISMATCH)->words,
			       "CPU 2 did not run the kernel's handler"));
	flushed_without(T, CPU1 | CPU1 << 1);
	request_ends();
	expect_here(RULE_FLUSH_MISMATCH);
	assert_non_null(strstr(here_found(RULE_FLUSH_MISMATCH)->words,
			       "CPU 1 and 1 other did not run the kernel's handler"));
}

/* Nobody is missing; another task's flush; another flush that all took part in; present again. */
static void test_answered(void **state)
{
	(void)state;
	flushed_without(T, 0);
	request_ends();
	expect_silent(RULE_FLUSH_MISMATCH);
	flushed_without(T + 1, CPU1);
	request_ends();
	expect_silent(RULE_FLUSH_MISMATCH);
	flushed_without(T, CPU1);
	stream.now += MS;
	stream_flush(&stream, T, 0, 0, true);
	request_ends();
	expect_silent(RULE_FLUSH_MISMATCH);
	flushed_without(T, CPU1);
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	request_ends();
	expect_silent(RULE_FLUSH_MISMATCH);
}

/* A flush before the zap, or before the request, is none of its own. */
static void test_unanswered_before(void **state)
{
	__u64 begin;

	(void)state;
	here_anew();
	stream.groups = SENSOR_GROUP_WITNESS;
	faulted(1);
	convert(0, 0, 99, 0);
	stream_begin(&stream, T, G, RANGE, 0, 0, false);
	begin = stream.now;
	stream_flush(&stream, T, 100, 100, false);
	stream_unanswered(&stream, T, begin, CPU1, CPU1);
	stream.now += MS;
	stream_zap_flush(&stream, T, G, 0, 100, 1, 100, 100);
	request_ends();
	expect_silent(RULE_FLUSH_MISMATCH);
}

/* An answer that was not looked at may be the one that is missing. */
static void test_unwitnessed(void **state)
{
	(void)state;
	flushed_without(T, CPU1);
	request_ends();
	stream_loss(&stream, 0, RECORD_LOSS_UNWITNESSED, stream.now - MS, 2);
	expect_silent(RULE_FLUSH_MISMATCH);
	assert_true(reason_has("it could not be proven"));
	assert_string_equal(not_judged(RULE_FLUSH_MISMATCH),
			    "not throughout which CPUs answer: 2 flushes were not looked at");
	/* Everything else stands. */
	assert_null(not_judged(RULE_NEVER_FLUSHED));
	flushed_without(T, CPU1);
	request_ends();
	stream_loss(&stream, 0, RECORD_LOSS_UNTIMED, stream.now - MS, 2);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_int_equal(here_count(RULE_FLUSH_MISMATCH), 1);
}

static void test_nobody_looked(void **state)
{
	(void)state;
	faulted(1);
	expect_silent(RULE_FLUSH_MISMATCH);
	assert_string_equal(not_judged(RULE_FLUSH_MISMATCH),
			    "not which CPUs answer: nobody looked (--witness)");
	here_anew();
	stream_fact(&stream, RECORD_FACT_UNWITNESSED, "no tracepoints");
	faulted(1);
	expect_silent(RULE_FLUSH_MISMATCH);
	assert_string_equal(not_judged(RULE_FLUSH_MISMATCH),
			    "not which CPUs answer: no tracepoints");
}

/* All reasons are told, not the first alone. */
static void test_all_reasons(void **state)
{
	(void)state;
	faulted(1);
	stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, stream.now - MS, 1);
	expect_silent(RULE_FLUSH_MISMATCH);
	assert_string_equal(not_judged(RULE_FLUSH_MISMATCH),
			    "not judged throughout: 1 record lost, 0 calls missed; "
			    "not which CPUs answer: nobody looked (--witness)");
}

/* memfd_secret's flush, merged or not, is told of before what CPUs did. */
static void test_secretmem(void **state)
{
	__u64 begin;

	(void)state;
	here_secret();
	begin = stream.now;
	stream_zap_flush(&stream, T, G, 1, 102, 1, 102, 102);
	here();
	stream_unanswered(&stream, T, begin, CPU1, CPU1);
	expect_here(RULE_FLUSH_MISMATCH);
	expect_pages(RULE_FLUSH_MISMATCH, 1, 1);
	here_secret();
	stream_zap(&stream, T, G, 1, 102, 1, false, 0);
	begin = stream.now;
	stream_flush(&stream, T, 102, 102, false);
	here();
	stream_unanswered(&stream, T, begin, CPU1, CPU1);
	expect_here(RULE_FLUSH_MISMATCH);
}

static void test_secretmem_silent(void **state)
{
	__u64 begin;

	(void)state;
	here_secret();
	stream_zap_flush(&stream, T, G, 1, 102, 1, 102, 102);
	begin = stream.now += MS;
	stream_flush(&stream, T, 0, 0, true);
	stream_unanswered(&stream, T, begin, CPU1, CPU1);
	expect_silent(RULE_FLUSH_MISMATCH);
	here_secret();
	begin = stream.now;
	stream_zap_flush(&stream, T, G, 1, 102, 1, 102, 102);
	stream_unanswered(&stream, T + 1, begin, CPU1, CPU1);
	expect_silent(RULE_FLUSH_MISMATCH);
}

/* Page 0 is made absent, and nobody flushes it; @tid asks all CPUs for something else, then or @before. */
static void flushed_otherwise(__u32 tid, bool before)
{
	here_anew();
	faulted(1);
	convert(0, 0, 99, 0);
	stream_begin(&stream, T, G, RANGE, 0, 0, false);
	if (before)
		stream_call(&stream, tid);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	if (!before)
		stream_call(&stream, tid);
	request_ends();
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

static void test_otherwise(void **state)
{
	(void)state;
	flushed_otherwise(T, false);
	assert_int_equal(here_count(RULE_NEVER_FLUSHED), 0);
	assert_true(reason_has("1 page was flushed by other means than the kernel's routines"));
	flushed_otherwise(T, true);
	assert_int_equal(here_count(RULE_NEVER_FLUSHED), 1);
	assert_false(reason_has("by other means"));
	flushed_otherwise(T + 1, false);
	assert_int_equal(here_count(RULE_NEVER_FLUSHED), 1);
	/* One that misses the page stays one. */
	here_anew();
	faulted(1);
	convert(0, 0, 99, 0);
	stream_begin(&stream, T, G, RANGE, 0, 0, false);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream_call(&stream, T);
	stream_flush(&stream, T, 101, 101, false);
	request_ends();
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_int_equal(here_count(RULE_FLUSH_MISMATCH), 1);
}

static void test_secretmem_otherwise(void **state)
{
	(void)state;
	for (int called = 0; called < 2; called++) {
		here_secret();
		stream_zap(&stream, T, G, 1, 102, 1, false, 0);
		if (called)
			stream_call(&stream, T);
		stream.now += 61 * SECOND;
		stream_heartbeat(&stream);
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		assert_int_equal(here_count(RULE_NEVER_FLUSHED), !called);
		assert_int_equal(reason_has("by other means"), called);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_unanswered),
		RULE_TEST(test_handler_not_run),
		RULE_TEST(test_answered),
		RULE_TEST(test_unanswered_before),
		RULE_TEST(test_unwitnessed),
		RULE_TEST(test_nobody_looked),
		RULE_TEST(test_all_reasons),
		RULE_TEST(test_secretmem),
		RULE_TEST(test_secretmem_silent),
		RULE_TEST(test_otherwise),
		RULE_TEST(test_secretmem_otherwise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
