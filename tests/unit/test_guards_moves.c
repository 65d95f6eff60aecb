// SPDX-License-Identifier: GPL-2.0
/* Pages that join, leave and are freed: as many as there can be, in whatever order, and of nobody. */
#include "watch.h"

#define PFN_MAX (1ULL << 40)
#define FOLIO_MAX (1U << 18)

/* --- joins and leaves --------------------------------------------------------------- */

static void join(__u64 pgoff, __u64 pfn, __u32 nr)
{
	struct record_owner *record;

	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, pgoff, pfn);
	record = last_record(sizeof(*record));
	record->nr = nr;
}

static void expect_joined(__u64 malformed, __u64 resident)
{
	expect_malformed(malformed);
	assert_int_equal(inode_of(G)->resident, resident);
}

static void test_join(void **state)
{
	(void)state;
	join(0, 100, 4);
	expect_joined(0, 4);
	assert_int_equal(page_at(G, 3).pfn, 103);
	join(0, 100, 0);
	expect_joined(1, 0);
	join(0, FOLIO_MAX, FOLIO_MAX);
	expect_joined(0, FOLIO_MAX);
	join(0, FOLIO_MAX, FOLIO_MAX + 1);
	expect_joined(1, 0);
	join(MODEL_PGOFF_MAX - 1, 100, 1);
	expect_joined(0, 1);
	join(MODEL_PGOFF_MAX - 1, 100, 2);
	expect_joined(1, 0);
	join(MODEL_PGOFF_MAX, 100, 1);
	expect_joined(1, 0);
	join(~0ULL, 100, 1);
	expect_joined(1, 0);
	join(0, PFN_MAX - 1, 1);
	expect_joined(0, 1);
	join(0, PFN_MAX - 1, 2);
	expect_joined(1, 0);
	join(0, ~0ULL, 1);
	expect_joined(1, 0);
}

/* A page joins an inode: where it is told of without one, that was lost. */
static void test_join_nobody(void **state)
{
	(void)state;
	stream_join(&stream, T, 0, 0, 100);
	expect_malformed(0);
	assert_int_equal(watch.counts.inodes, 0);
	assert_int_equal(watch.counts.lost, 1);
}

static void test_leave(void **state)
{
	(void)state;
	join(0, 100, 1);
	stream_leave(&stream, T, 100);
	((struct record_owner *)last_record(sizeof(struct record_owner)))->nr = 0;
	expect_joined(1, 1);
	join(0, 100, 1);
	stream_leave(&stream, T, 100);
	expect_joined(0, 0);
}

/* The newest change is what a page was last changed by, whatever is told of late. */
static void test_join_changes(void **state)
{
	__u64 joined, zapped;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	joined = stream.now;
	stream_join(&stream, T, G, 0, 100);
	stream_join(&stream, T, G, 1, 101);
	zapped = stream.now;
	stream_zap(&stream, T, G, 1, 101, 1, false, 0);
	stream_heartbeat(&stream);
	stream_join(&stream, T, G, 1, 101);
	((struct record_owner *)last_record(sizeof(struct record_owner)))->header.time = joined;
	feed();
	assert_int_equal(page_at(G, 0).changed, joined);
	assert_int_equal(page_at(G, 1).changed, zapped);
}

static void expect_moved(size_t index, enum model_move move, __u64 pgoff, __u64 nr, bool absent)
{
	assert_true(index < watch.moved_nr);
	assert_int_equal(watch.moved[index].move, move);
	assert_int_equal(watch.moved[index].pgoff, pgoff);
	assert_int_equal(watch.moved[index].nr, nr);
	assert_int_equal(watch.moved[index].absent, absent);
}

/* Joined, when another frame is there; prepared, when it is the same one. */
static void test_moved(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_join(&stream, T, G, 0, 100);
	stream_join(&stream, T, G, 0, 200);
	stream_join(&stream, T, G, 0, 200);
	((struct record_owner *)last_record(sizeof(struct record_owner)))->prepared = 1;
	feed();
	assert_int_equal(watch.moved_nr, 3);
	expect_moved(0, MODEL_JOINED, 0, 1, false);
	expect_moved(1, MODEL_JOINED, 0, 1, false);
	expect_moved(2, MODEL_PREPARED, 0, 1, false);
}

/* How each part of a run left: surely absent, or not. */
static void left(bool doubted)
{
	join(0, 100, 4);
	stream_zap(&stream, T, G, 0, 100, 2, false, 0);
	stream_heartbeat(&stream);
	if (doubted)
		stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now, 1);
	stream_leave(&stream, T, 100);
	((struct record_owner *)last_record(sizeof(struct record_owner)))->nr = 4;
	feed();
}

static void test_moved_absent(void **state)
{
	(void)state;
	left(false);
	assert_int_equal(watch.moved_nr, 3);
	expect_moved(1, MODEL_LEFT, 0, 2, true);
	expect_moved(2, MODEL_LEFT, 2, 2, false);
	left(true);
	for (size_t i = 1; i < watch.moved_nr; i++)
		assert_false(watch.moved[i].absent);
}

/* Of a folio that leaves each part as it was: prepared, or not yet. */
static void test_moved_prepared(void **state)
{
	(void)state;
	join(0, 100, 4);
	stream_join(&stream, T, G, 2, 102);
	((struct record_owner *)last_record(sizeof(struct record_owner)))->nr = 2;
	((struct record_owner *)last_record(sizeof(struct record_owner)))->prepared = 1;
	stream_leave(&stream, T, 100);
	((struct record_owner *)last_record(sizeof(struct record_owner)))->nr = 4;
	feed();
	assert_int_equal(watch.moved_nr, 4);
	expect_moved(2, MODEL_LEFT, 0, 2, false);
	assert_false(watch.moved[2].prepared);
	expect_moved(3, MODEL_LEFT, 2, 2, false);
	assert_true(watch.moved[3].prepared);
}

/*
 * Of an inode from before: what joins prepared may have been changed unseen, unless it was seen to join before
 * that; and what is known to be absent is.
 */
static void test_join_old(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, true);
	stream_zap(&stream, T, 0, 0, 102, 1, false, 0);
	stream_join(&stream, T, G, 1, 101);
	for (__u64 i = 0; i < 3; i++) {
		stream_join(&stream, T, G, i, 100 + i);
		((struct record_owner *)last_record(sizeof(struct record_owner)))->prepared = 1;
	}
	feed();
	assert_int_equal(page_at(G, 0).applied, MODEL_EITHER);
	assert_int_equal(page_at(G, 1).applied, MODEL_PRESENT);
	assert_int_equal(page_at(G, 2).applied, MODEL_ABSENT);
}

/* --- frees ------------------------------------------------------------------------------ */

static void freed(__u64 pfn, __u32 order)
{
	struct record_page_free *record;

	anew();
	stream_inode(&stream, G, RFC3, 128, false);
	stream_join(&stream, T, G, 0, 1024);
	((struct record_owner *)last_record(sizeof(struct record_owner)))->nr = 128;
	stream_page_free(&stream, T, pfn, false);
	record = last_record(sizeof(*record));
	record->order = order;
}

static void test_free_order(void **state)
{
	(void)state;
	freed(1024, 0);
	expect_joined(0, 127);
	freed(1024, 3);
	expect_joined(0, 120);
	freed(1024, 6);
	expect_joined(0, 64);
	/* No more pages of one than there are bits. */
	freed(1024, 10);
	expect_joined(0, 64);
	freed(PFN_MAX - 65, 0);
	expect_joined(0, 128);
	freed(PFN_MAX - 64, 0);
	expect_joined(1, 128);
}

/* Told of once, however often the allocator has it back; then it is nobody's. */
static void test_freed_twice(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_page_free(&stream, T, 100, true);
	stream_page_free(&stream, T, 100, true);
	stream_zap(&stream, T, 0, 0, 100, 1, true, 0);
	feed();
	assert_int_equal(watch.freed_nr, 1);
	assert_null(watch.zap[watch.zap_nr - 1].inode);
	/* Between the two, who restores it restores the inode's. */
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_page_free(&stream, T, 100, true);
	stream_zap(&stream, T, 0, 0, 100, 1, true, 0);
	feed();
	assert_ptr_equal(watch.zap[watch.zap_nr - 1].inode, inode_of(G));
	/* One that was freed present is nobody's at once. */
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_page_free(&stream, T, 100, false);
	stream_zap(&stream, T, 0, 0, 100, 1, true, 0);
	feed();
	assert_null(watch.zap[watch.zap_nr - 1].inode);
}

/* What left, and was compared since, is not touched by its frame's being freed. */
static void test_freed_after_leaving(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_leave(&stream, T, 100);
	stream_heartbeat(&stream);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, NULL, 0);
	stream_heartbeat(&stream);
	stream_page_free(&stream, T, 100, true);
	feed();
	assert_int_equal(watch.freed_nr, 1);
	assert_false(watch.freed[0].owned);
	assert_int_equal(model_pages_uncompared(stream.model), 0);
}

/* More pages absent than were freed. */
static void absent_of(__u32 order, __u64 absent, __u64 malformed)
{
	struct record_page_free *record;

	anew();
	stream_page_free(&stream, T, 1024, false);
	record = last_record(sizeof(*record));
	record->order = order;
	record->absent = absent;
	expect_malformed(malformed);
}

static void test_free_beyond(void **state)
{
	(void)state;
	absent_of(0, 1, 0);
	absent_of(0, 2, 1);
	absent_of(3, 0x80, 0);
	absent_of(3, 0x100, 1);
	absent_of(6, ~0ULL, 0);
	absent_of(10, ~0ULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_join),
		RULE_TEST(test_join_nobody),
		RULE_TEST(test_leave),
		RULE_TEST(test_join_changes),
		RULE_TEST(test_moved),
		RULE_TEST(test_moved_absent),
		RULE_TEST(test_moved_prepared),
		RULE_TEST(test_join_old),
		RULE_TEST(test_free_order),
		RULE_TEST(test_freed_twice),
		RULE_TEST(test_freed_after_leaving),
		RULE_TEST(test_free_beyond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
