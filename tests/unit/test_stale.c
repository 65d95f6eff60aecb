// SPDX-License-Identifier: GPL-2.0
/* stale-tlb: a CPU has taken part in a flush, and can still read what it covers. */
#include <errno.h>

#include "here.h"

#define RANGE RECORD_OPERATION_SET_RANGE
#define CPU 1

/* CPU 1, where T + 7 runs, reads @pfn behind its handler of @tid's flush that began at @begin. */
static void stale(__u32 tid, __u64 pfn, __u64 begin)
{
	struct record_stale record = {
		.header = { .kind = RECORD_STALE,
			    .size = sizeof(record),
			    .cpu = CPU,
			    .tid = T + 7 },
		.begin = begin,
		.page = pfn,
		.flusher = tid,
	};

	record.header.time = stream.now += 1000;
	stream_add(&stream, &record.header);
}

/* Pages 0 and 1, at pfn 100, of which 0 is about to become absent. */
static void request_begins(void)
{
	here_anew();
	stream.groups = SENSOR_GROUP_WITNESS;
	faulted(2);
	convert(0, 1, 99, 0);
	stream_begin(&stream, T, G, RANGE, 0, 0, false);
}

static void request_ends(void)
{
	stream_flush(&stream, T, 100, 100, false);
	stream_end(&stream, T, G, RANGE, 0, 0, false);
	stream_heartbeat(&stream);
}

static void test_stale(void **state)
{
	const struct verdict_violation *found;

	(void)state;
	request_begins();
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	here();
	stale(T, 100, stream.now);
	request_ends();
	expect_here(RULE_STALE_TLB);
	expect_pages(RULE_STALE_TLB, 0, 0);
	found = here_found(RULE_STALE_TLB);
	assert_string_equal(found->sources[1].says, "CPU 1 can read the page");
	assert_non_null(strstr(here_found(RULE_STALE_TLB)->words,
			       "CPU 1 has run the kernel's handler of the flush"));
	assert_int_equal(found->request.operation, RANGE);
	/* The page is told by its frame. */
	assert_int_equal(found->events[found->events_nr - 1].kind, RECORD_STALE);
	assert_int_equal(found->events[found->events_nr - 1].first, 100);
	/* It is flushed, as far as anybody can tell from the flush. */
	assert_int_equal(here_count(RULE_FLUSH_MISMATCH), 0);
	assert_int_equal(here_count(RULE_NEVER_FLUSHED), 0);
	assert_null(not_judged(RULE_STALE_TLB));
}

/* Two pages, of requests apart. */
static void test_stale_unlisted(void **state)
{
	(void)state;
	request_begins();
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stale(T, 100, stream.now);
	request_ends();
	stream_begin(&stream, T, G, RANGE, 1, 1, false);
	stream_zap(&stream, T, G, 1, 102, 1, false, 0);
	stale(T, 102, stream.now);
	stream_flush(&stream, T, 102, 102, false);
	stream_end(&stream, T, G, RANGE, 1, 1, false);
	expect_unlisted(RULE_STALE_TLB);
}

/* Of another task's flush; of one before the change; of a page beside it; of none that was changed. */
static void test_not_of_it(void **state)
{
	__u64 before;

	(void)state;
	request_begins();
	before = stream.now;
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stale(T + 1, 100, stream.now);
	stale(T, 100, before - MS);
	stale(T, 101, stream.now);
	stale(T, ~0ULL, stream.now);
	request_ends();
	expect_silent(RULE_STALE_TLB);
	request_begins();
	stale(T, 100, stream.now);
	request_ends();
	expect_silent(RULE_STALE_TLB);
}

/* What failed may have changed nothing; what was put back may be read. */
static void test_not_absent(void **state)
{
	(void)state;
	request_begins();
	stream_zap(&stream, T, G, 0, 100, 1, false, -ENOMEM);
	stale(T, 100, stream.now);
	request_ends();
	expect_silent(RULE_STALE_TLB);
	request_begins();
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	stale(T, 100, stream.now);
	request_ends();
	expect_silent(RULE_STALE_TLB);
}

/* Another task put it back and took it out again, while it was read. */
static void test_changed_meanwhile(void **state)
{
	__u64 begin;

	(void)state;
	request_begins();
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	begin = stream.now;
	stream_zap(&stream, T + 1, G, 0, 100, 1, true, 0);
	stream_zap(&stream, T + 1, G, 0, 100, 1, false, 0);
	stale(T, 100, begin);
	request_ends();
	expect_silent(RULE_STALE_TLB);
}

/* Or may have done so unseen. */
static void test_doubtful(void **state)
{
	(void)state;
	request_begins();
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stale(T, 100, stream.now);
	stream_loss(&stream, 0, RECORD_LOSS_MISSED, stream.now - 1500, 1);
	request_ends();
	expect_silent(RULE_STALE_TLB);
}

/* memfd_secret's, in a fault: its flush is still to come. */
static void test_secretmem(void **state)
{
	__u64 begin;

	(void)state;
	here_secret();
	stream_zap(&stream, T, G, 1, 102, 1, false, 0);
	begin = stream.now;
	here();
	stale(T, 102, begin);
	stream_flush(&stream, T, 102, 102, false);
	expect_here(RULE_STALE_TLB);
	expect_pages(RULE_STALE_TLB, 1, 1);
	here_secret();
	stream_zap(&stream, T, G, 1, 102, 1, false, 0);
	stream_flush(&stream, T, 102, 102, false);
	stale(T, 102, begin);
	expect_silent(RULE_STALE_TLB);
	here_secret();
	stream_zap(&stream, T, G, 1, 102, 1, false, 0);
	stale(T + 1, 102, stream.now);
	expect_silent(RULE_STALE_TLB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_stale),
		RULE_TEST(test_stale_unlisted),
		RULE_TEST(test_not_of_it),
		RULE_TEST(test_not_absent),
		RULE_TEST(test_changed_meanwhile),
		RULE_TEST(test_doubtful),
		RULE_TEST(test_secretmem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
