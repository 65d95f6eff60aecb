// SPDX-License-Identifier: GPL-2.0
/* A request has a worker change its pages, or flush them, and waits for it. */
#include "here.h"

#define RANGE RECORD_OPERATION_SET_RANGE
#define CONFIGURE RECORD_OPERATION_CONFIGURE
#define W 90 /* a worker */

/* Pages 0 to 3 are present, and about to become absent by a request of T's. */
static void about_to(void)
{
	here_anew();
	faulted(4);
	convert(0, 3, 99, 0);
	stream_begin(&stream, T, G, RANGE, 0, 3, false);
}

static void worker_flushes(__u64 first, __u64 last, bool full)
{
	size_t at = stream.used;

	stream_flush(&stream, W, first, last, full);
	((struct record_flush *)(stream.data + at))->worker = 1;
}

static void made_absent(__u32 tid, __u64 nr)
{
	for (__u64 i = 0; i < nr; i++)
		stream_zap(&stream, tid, G, i, 100 + 2 * i, 1, false, 0);
}

static void ended(void)
{
	stream_end(&stream, T, G, RANGE, 0, 3, false);
	stream_heartbeat(&stream);
}

/* What the request left, as it should be. */
static void read_absent(void)
{
	struct stream_page pages[4];

	release(RFC3, pages, pages_seen(pages, 0, 4, ABSENT_BITS));
}

static void expect_nothing(void)
{
	assert_int_equal(verdict_violations(stream.verdict), 0);
}

/* The flush that the worker ends before the request does covers them: nothing is left that should not be. */
static void test_flushed_by_worker(void **state)
{
	(void)state;
	about_to();
	made_absent(T, 4);
	worker_flushes(0, 0, true);
	ended();
	read_absent();
	expect_nothing();
	assert_int_equal(verdict_value(stream.verdict), VERDICT_INCONCLUSIVE);
	assert_true(reason_has("4 pages were flushed in time by a kernel thread"));
}

static void expect_unflushed(__u64 first, __u64 last)
{
	ended();
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	expect_pages(RULE_NEVER_FLUSHED, first, last);
}

/* Too early, too late, elsewhere; and by who is no kernel thread. */
static void test_flushed_by_chance(void **state)
{
	(void)state;
	about_to();
	worker_flushes(0, 0, true);
	made_absent(T, 4);
	expect_unflushed(0, 3);
	about_to();
	made_absent(T, 4);
	worker_flushes(102, 104, false);
	ended();
	worker_flushes(0, 0, true);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_int_equal(here_count(RULE_NEVER_FLUSHED), 2);
	assert_true(reason_has("2 pages were flushed in time"));
	about_to();
	made_absent(T, 4);
	stream_flush(&stream, W, 0, 0, true);
	expect_unflushed(0, 3);
}

/* Many others flush, the newest in time. */
static void test_flushed_often(void **state)
{
	(void)state;
	about_to();
	for (int i = 0; i < 200; i++)
		worker_flushes(5, 5, false);
	made_absent(T, 4);
	worker_flushes(0, 0, true);
	ended();
	read_absent();
	expect_nothing();
	about_to();
	for (int i = 0; i < 200; i++)
		worker_flushes(0, 0, true);
	made_absent(T, 4);
	expect_unflushed(0, 3);
}

/* The worker's change is the request's: who asked for it flushes it, or the worker itself. */
static void test_changed_by_worker(void **state)
{
	(void)state;
	for (int by_worker = 0; by_worker < 2; by_worker++) {
		about_to();
		made_absent(W, 4);
		if (by_worker)
			worker_flushes(100, 106, false);
		else
			stream_flush(&stream, T, 100, 106, false);
		ended();
		read_absent();
		expect_nothing();
		assert_int_equal(verdict_value(stream.verdict), VERDICT_CONSISTENT);
	}
	about_to();
	for (__u64 i = 0; i < 4; i++)
		stream_zap_flush(&stream, W, G, i, 100 + 2 * i, 1, 100 + 2 * i, 100 + 2 * i);
	ended();
	read_absent();
	expect_nothing();
	assert_int_equal(verdict_value(stream.verdict), VERDICT_CONSISTENT);
}

/* And it is the request's to see that it is flushed. */
static void test_changed_by_worker_unflushed(void **state)
{
	(void)state;
	about_to();
	made_absent(W, 4);
	expect_unflushed(0, 3);
	assert_int_equal(here_count(RULE_UNEXPECTED_ZAP), 0);
}

/* stream_begin() has no mode. */
static void begin_in(__u32 mode, enum record_operation operation, __u64 last, bool present)
{
	struct record_request *record;
	size_t at = stream.used;

	stream_begin(&stream, T, G, operation, 0, last, present);
	record = (struct record_request *)(stream.data + at);
	record->mode = mode;
}

static void expect_unexpected(__u64 pgoff)
{
	stream_zap(&stream, W, G, pgoff, 100 + 2 * pgoff, 1, false, 0);
	stream_flush(&stream, W, 0, 0, true);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_int_equal(here_count(RULE_UNEXPECTED_ZAP), 1);
}

/* Nobody's who asks for it is open: behind the range, for the other state, of another kind, or ended. */
static void test_changed_unasked(void **state)
{
	static const struct {
		enum record_operation operation;
		__u64 last;
		bool present;
		__u32 mode;
	} open[] = {
		{ RANGE, 2, false, 0 },
		{ RANGE, 3, true, 0 },
		{ RECORD_OPERATION_SET_FOLIO, 3, true, 0 },
		{ RECORD_OPERATION_FALLOCATE, 3, false, RECORD_MODE_PUNCH_HOLE },
		{ RECORD_OPERATION_RELEASE, 3, false, 0 },
		{ RECORD_OPERATION_ERROR_FOLIO, 3, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
		here_anew();
		faulted(4);
		convert(0, 3, 99, 0);
		begin_in(open[i].mode, open[i].operation, open[i].last, open[i].present);
		expect_unexpected(3);
	}
	about_to();
	made_absent(T, 3);
	stream_flush(&stream, T, 0, 0, true);
	ended();
	expect_unexpected(3);
}

/* The kinds of request that ask for it. */
static void test_changed_asked(void **state)
{
	static const enum record_operation asks[] = { RANGE, RECORD_OPERATION_SET_FOLIO, CONFIGURE,
						      RECORD_OPERATION_CONFIGURE_BATCH,
						      RECORD_OPERATION_FALLOCATE };

	(void)state;
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		here_anew();
		faulted(4);
		convert(0, 3, 99, 0);
		stream_begin(&stream, T, G, asks[i], 0, 3, false);
		made_absent(W, 4);
		stream_flush(&stream, T, 0, 0, true);
		stream_end(&stream, T, G, asks[i], 0, 3, false);
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		assert_int_equal(here_count(RULE_UNEXPECTED_ZAP), 0);
		assert_int_equal(here_count(RULE_NEVER_FLUSHED), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_flushed_by_worker),
		RULE_TEST(test_flushed_by_chance),
		RULE_TEST(test_flushed_often),
		RULE_TEST(test_changed_by_worker),
		RULE_TEST(test_changed_by_worker_unflushed),
		RULE_TEST(test_changed_unasked),
		RULE_TEST(test_changed_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
