// SPDX-License-Identifier: GPL-2.0
/* What the model makes of single records: guards whose absence no history of the simulator shows. */
#include "watch.h"

static const struct model_zap *last_zap(void)
{
	assert_int_not_equal(watch.zap_nr, 0);
	return &watch.zap[watch.zap_nr - 1];
}

/* The xarray's update is its request's means; a fault inside fallocate() is a request of its own. */
static void test_innermost_request(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_UPDATE_XARRAY, 0, 0, false);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	feed();
	assert_int_equal(watch.zapped_by, RECORD_OPERATION_SET_RANGE);
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	feed();
	assert_int_equal(watch.zapped_by, RECORD_OPERATION_CONFIGURE);
}

/* Nobody else holds an inode that is released: an end that is missing then was lost. */
static void released_with_open(bool lost, __u64 open)
{
	stream_inode(&stream, G, RFC3, 64, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, true);
	if (lost)
		stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now, 1);
	stream_begin(&stream, T + 1, G, RECORD_OPERATION_RELEASE, 0, ~0ULL, false);
	feed();
	assert_int_equal(watch.counts.requests_open, open);
	anew();
}

static void test_release_drops_what_was_lost(void **state)
{
	(void)state;
	released_with_open(true, 1);
	released_with_open(false, 2);
}

static bool prepared_by(__s64 result)
{
	bool prepared;

	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	stream_request(&stream, RECORD_REQUEST_END, T, G, RECORD_OPERATION_CONFIGURE, 0, 0, false,
		       result);
	feed();
	prepared = page_at(G, 0).prepared;
	anew();
	return prepared;
}

static void test_failed_configure_prepares_nothing(void **state)
{
	(void)state;
	assert_true(prepared_by(0));
	assert_false(prepared_by(-12));
}

/* Where it is not sure what the page was, its zap needs no flush that could be missed. */
static void test_unsure_page_is_redundant(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_zap(&stream, T, 0, 0, 100, 1, false, 0);
	feed();
	assert_true(last_zap()->sure);
	assert_false(last_zap()->redundant);
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now, 1);
	stream_zap(&stream, T, 0, 0, 100, 1, false, 0);
	feed();
	assert_false(last_zap()->sure);
	assert_true(last_zap()->redundant);
}

/* A change that is told of late does not undo a newer one. */
static void test_late_change(void **state)
{
	struct record_zap *late;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_heartbeat(&stream);
	stream.now += MS;
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	stream_heartbeat(&stream);
	stream_zap(&stream, T + 1, G, 0, 100, 1, false, 0);
	late = (struct record_zap *)(stream.data + stream.used - sizeof(*late));
	late->zap_end -= MS / 2;
	feed();
	assert_int_equal(page_at(G, 0).applied, MODEL_PRESENT);
}

/* Absent and flushed: zapped once more it is not exposed. */
static void test_redundant_zap_exposes_nothing(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	feed();
	assert_true(last_zap()->redundant);
	assert_int_equal(inode_of(G)->exposed, 0);
	assert_false(page_at(G, 0).exposed);
}

/* A zap that is taken back before its request ends needs no flush; one that could not be, does. */
static void zapped_and_restored(__s32 result)
{
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, false);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream_zap(&stream, T, G, 0, 100, 1, true, result);
	stream_request(&stream, RECORD_REQUEST_END, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, false,
		       -12);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

static void test_failed_restore_undoes_nothing(void **state)
{
	(void)state;
	zapped_and_restored(0);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_NEVER_FLUSHED), 0);
	anew();
	zapped_and_restored(-12);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_NEVER_FLUSHED), 1);
}

/* Two reads that overlap are one look: both may have seen the same moment. */
static void read_twice(bool overlap)
{
	struct stream_page page = { 0, 100, 1, PRESENT_BITS };
	struct record_snapshot *begin;
	size_t second;

	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_heartbeat(&stream);
	stream.now += MS;
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, &page, 1);
	second = stream.used;
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 1, 0, 64, &page, 1);
	begin = (struct record_snapshot *)(stream.data + second);
	assert_int_equal(begin->header.kind, RECORD_SNAPSHOT_BEGIN);
	if (overlap)
		begin->header.time -= 2 * sizeof(*begin) * 10;
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

static void test_overlapping_reads_prove_nothing(void **state)
{
	(void)state;
	read_twice(false);
	stream_expect(&stream, VERDICT_VIOLATED);
	anew();
	read_twice(true);
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
}

/* An inode is announced again when its VM is known: it is as old as it was. */
static void test_announced_again(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, true);
	stream_inode(&stream, G, RFC3, 64, false);
	feed();
	assert_true(inode_of(G)->before_attach);
	assert_true(model_doubtful(stream.model, inode_of(G), 1, 2));
}

/* A page's way: what is said twice is told once. */
static void test_moved(void **state)
{
	static const enum model_move way[] = { MODEL_JOINED, MODEL_LEFT, MODEL_FREED };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 5, 100);
	stream_fault(&stream, T, G, 5, 100);
	stream_leave(&stream, T, 100);
	stream_page_free(&stream, T, 100, true);
	feed();
	assert_int_equal(watch.moved_nr, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(watch.moved[i].move, way[i]);
	assert_true(watch.moved[2].absent);
	assert_int_equal(watch.moved[2].pgoff, 5);
	assert_int_equal(watch.moved[2].inode->number, G);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_innermost_request),
		RULE_TEST(test_release_drops_what_was_lost),
		RULE_TEST(test_failed_configure_prepares_nothing),
		RULE_TEST(test_unsure_page_is_redundant),
		RULE_TEST(test_late_change),
		RULE_TEST(test_redundant_zap_exposes_nothing),
		RULE_TEST(test_failed_restore_undoes_nothing),
		RULE_TEST(test_overlapping_reads_prove_nothing),
		RULE_TEST(test_announced_again),
		RULE_TEST(test_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
