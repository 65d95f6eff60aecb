// SPDX-License-Identifier: GPL-2.0
/* Faults of memfd_secret that are kept from their CPU between two steps, for seconds. */
#include "scene.h"

/*
 * A fault that is kept from its CPU between zap and flush flushes late; whether one that has not for ten seconds ever
 * will is not known, but that its task's next fault came first is.
 */
static void test_starved(void **state)
{
	static const enum verdict_value expected[] = { VERDICT_INCONCLUSIVE, VERDICT_CONSISTENT,
						       VERDICT_VIOLATED };
	const struct stream_page seen[] = { { 1, 102, 1, ABSENT_BITS },
					    { 2, 103, 1, ABSENT_BITS } };

	(void)state;
	for (int i = 0; i < 6; i++) {
		int then = i % 3;

		stream_free(&stream);
		stream_init(&stream);
		stream_inode(&stream, G, SECRET, 64, false);
		stream_zap(&stream, T, 0, 0, 102, 1, false, 0);
		/* Kept from its CPU before the page has joined, or behind that. */
		if (i >= 3) {
			stream.now += 2 * SECOND;
			stream_heartbeat(&stream);
			stream_heartbeat(&stream);
		}
		stream_join(&stream, T, G, 1, 102);
		stream.now += 10 * SECOND;
		stream_heartbeat(&stream);
		stream_heartbeat(&stream);
		if (then == 1)
			stream_flush(&stream, T, 102, 102, false);
		if (then == 2)
			stream_zap_flush(&stream, T, G, 2, 103, 1, 103, 103);
		for (__u32 pass = 0; pass < 2; pass++)
			stream_read(&stream, G, SECRET, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64,
				    seen, then == 2 ? 2 : 1);
		stream_heartbeat(&stream);
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		stream_expect(&stream, expected[then]);
	}
	assert_int_equal(verdict_violation(stream.verdict, 0)->rule->id, RULE_NEVER_FLUSHED);
	assert_int_equal(verdict_violation(stream.verdict, 0)->pgoff_last, 1);
}

/* While it is traced, too, the verdict says so, and no longer than it is so. */
static void test_starved_live(void **state)
{
	const struct stream_page seen = { 1, 102, 1, ABSENT_BITS };
	size_t fed = 0;

	(void)state;
	stream.model = model_create(NULL);
	stream.verdict = verdict_create(stream.model, NULL);
	stream_inode(&stream, G, SECRET, 64, false);
	stream_programs(&stream);
	stream_zap(&stream, T, G, 1, 102, 1, false, 0);
	for (int then = 0; then < 2; then++) {
		for (__u32 pass = 0; pass < 2; pass++)
			stream_read(&stream, G, SECRET, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64,
				    &seen, 1);
		stream.now += 10 * SECOND;
		stream_heartbeat(&stream);
		stream_heartbeat(&stream);
		while (fed < stream.used) {
			const struct record_header *record = (const void *)(stream.data + fed);

			assert_int_equal(model_feed(stream.model, record), 0);
			fed += record->size;
		}
		stream_expect(&stream, then ? VERDICT_CONSISTENT : VERDICT_INCONCLUSIVE);
		stream_flush(&stream, T, 102, 102, false);
	}
}

/* Nobody is in a fault of a file that is released: its flush is not waited for. */
static void test_released(void **state)
{
	(void)state;
	for (int released = 0; released < 2; released++) {
		stream_free(&stream);
		stream_init(&stream);
		stream_inode(&stream, G, SECRET, 64, false);
		stream_zap(&stream, T, G, 1, 102, 1, false, 0);
		if (released)
			stream_inode_dead(&stream, G);
		stream.now += 10 * SECOND;
		stream_heartbeat(&stream);
		stream_heartbeat(&stream);
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		assert_int_equal(verdict_rule_count(stream.verdict, RULE_NEVER_FLUSHED), released);
	}
}

/* The same beside more changes of others than are remembered: it makes way, and nothing is known of it. */
static void test_crowded(void **state)
{
	const struct stream_page seen = { 1, 102, 1, ABSENT_BITS };

	(void)state;
	stream_inode(&stream, G, SECRET, 64, false);
	stream_zap(&stream, T, G, 1, 102, 1, false, 0);
	for (__u64 pfn = 1 << 20; pfn < (1 << 20) + 66000; pfn++)
		stream_zap_flush(&stream, T + 1, 0, 0, pfn, 1, pfn, pfn);
	stream_flush(&stream, T, 102, 102, false);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, SECRET, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, &seen, 1);
	stream_heartbeat(&stream);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict_violations(stream.verdict), 0);
	assert_true(reason_has("has not been flushed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_starved),
		RULE_TEST(test_starved_live),
		RULE_TEST(test_released),
		RULE_TEST(test_crowded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
