// SPDX-License-Identifier: GPL-2.0
/* What is met in its middle: pages by a change, calls by their end, places by an old read. What is not believed of it. */
#include "watch.h"

static const struct model_zap *first(void)
{
	assert_true(watch.zap_nr > 0);
	return &watch.zap[0];
}

/* Of @nr pages; 0: of one, with its flush in one record. */
static void changed(__u64 nr)
{
	if (nr)
		stream_zap(&stream, T, G, 0, 100, (__u32)nr, false, 0);
	else
		stream_zap_flush(&stream, T, G, 0, 100, 1, 100, 100);
}

/* What a page was that is met by its change nobody knows, nor since when; where its inode began unseen, that is. */
static void test_met(void **state)
{
	(void)state;
	for (int learning = 0; learning < 2; learning++) {
		for (__u64 nr = 0; nr < 3; nr++) {
			anew();
			stream_inode(&stream, G, RFC3, 64, learning);
			changed(nr);
			feed();
			assert_ptr_equal(first()->inode, inode_of(G));
			assert_true(first()->sure);
			assert_int_equal(first()->before, learning ? MODEL_EITHER : MODEL_PRESENT);
			if (learning)
				assert_int_equal(first()->since, first()->end);
			/* From now on it is known. */
			assert_true(page_at(G, 0).sure);
		}
	}
}

/* One that was seen to come is not met. */
static void test_came(void **state)
{
	(void)state;
	for (__u64 nr = 0; nr < 3; nr++) {
		anew();
		stream_inode(&stream, G, RFC3, 64, true);
		stream_join(&stream, T, G, 0, 100);
		changed(nr);
		feed();
		assert_int_equal(first()->before, MODEL_PRESENT);
		assert_true(first()->since < first()->end);
	}
}

/* What an inode had when it died it may have lost behind a gap; who restores it is its own way out. */
static void test_of_the_dead(void **state)
{
	(void)state;
	for (int lost = 0; lost < 2; lost++) {
		for (int dead = 0; dead < 2; dead++) {
			for (int valid = 0; valid < 2; valid++) {
				anew();
				stream_inode(&stream, G, RFC3, 64, false);
				stream_join(&stream, T, G, 0, 100);
				if (lost)
					stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now,
						    1);
				if (dead)
					stream_inode_dead(&stream, G);
				stream_zap(&stream, T, 0, 0, 100, 1, valid, 0);
				feed();
				assert_int_equal(first()->inode == NULL, lost && dead && !valid);
			}
		}
	}
}

/* What has left and is made absent is another's by now, if nothing says that it is not. */
static void test_of_what_left(void **state)
{
	(void)state;
	for (int lost = 0; lost < 2; lost++) {
		for (int valid = 0; valid < 2; valid++) {
			anew();
			stream_inode(&stream, G, RFC3, 64, false);
			stream_fault(&stream, T, G, 0, 100);
			stream_leave(&stream, T, 100);
			if (lost)
				stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now, 1);
			stream_zap(&stream, T, 0, 0, 100, 1, valid, 0);
			feed();
			assert_int_equal(watch.zap_nr, 2);
			assert_int_equal(watch.zap[1].inode == NULL, lost && !valid);
		}
	}
}

/* Since when a run is as it was: what came beside it, later, says nothing of that. */
static void test_since_of_its_own(void **state)
{
	__u64 time;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 1, 101);
	time = stream.now;
	stream_join(&stream, T, G, 2, 102);
	stream_join(&stream, T, G, 3, 203);
	stream_zap(&stream, T, G, 1, 101, 2, false, 0);
	feed();
	assert_int_equal(first()->nr, 2);
	assert_int_equal(first()->since, time);
}

/* A change that is told of by seconds too late: when it was, and not when a page of another's was changed. */
static void test_changed_long_ago(void **state)
{
	struct record_zap *record;
	__u64 time;

	(void)state;
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, 9, 5, 200);
	time = stream.now + 500;
	stream.now += MS;
	stream_join(&stream, T, G, 5, 100);
	/* By then nobody asks of either any more. */
	heartbeats(30);
	stream_join(&stream, T, 9, 7, 202);
	heartbeats(1);
	stream_zap(&stream, T, 9, 5, 200, 1, false, 0);
	record = last_record(sizeof(*record));
	record->zap_begin = record->zap_end = time;
	feed();
	assert_int_equal(page_at(9, 5).changed, time);
}

/* --- calls whose begin was not seen --------------------------------------------- */

#define SHADOW (10 * MS)

static void ends(__u32 tid, enum record_operation operation)
{
	stream_end(&stream, tid, G, operation, 2, 5, true);
}

static void call(__u32 tid, enum record_operation operation)
{
	stream_begin(&stream, tid, G, operation, 2, 5, true);
	ends(tid, operation);
}

static __u64 last_time(void)
{
	const struct record_request *record = last_record(sizeof(*record));

	return record->header.time;
}

/* For how long the call may have run that T ends now. */
static __u64 doubted_for(__u64 shadow)
{
	const struct model_options limits = { .shadow_ns = shadow };
	__u64 now;

	ends(T, RECORD_OPERATION_SET_RANGE);
	now = last_time();
	feed_with(&limits);
	assert_int_equal(watch.doubt_nr, 1);
	assert_int_equal(watch.doubt[0].reason, MODEL_DOUBT_UNSEEN);
	assert_ptr_equal(watch.doubt[0].inode, inode_of(G));
	return now - watch.doubt[0].since;
}

static void begun_anew(void)
{
	anew();
	stream.now += SECOND;
	stream_inode(&stream, G, RFC3, 64, false);
}

/* No call nests in one of its own kind: it began after its task's last had ended, and never before its shadow. */
static void test_met_by_its_end(void **state)
{
	__u64 before;

	(void)state;
	begun_anew();
	call(T, RECORD_OPERATION_SET_RANGE);
	before = last_time();
	doubted_for(SHADOW);
	assert_int_equal(watch.doubt[0].since, before);
	begun_anew();
	call(T, RECORD_OPERATION_SET_RANGE);
	stream.now += 2 * SHADOW;
	assert_int_equal(doubted_for(SHADOW), SHADOW);
	begun_anew();
	call(T, RECORD_OPERATION_SET_FOLIO);
	assert_int_equal(doubted_for(SHADOW), SHADOW);
	begun_anew();
	call(T + 1, RECORD_OPERATION_SET_RANGE);
	assert_int_equal(doubted_for(SHADOW), SHADOW);
	begun_anew();
	assert_true(doubted_for(1000 * SECOND) >= SECOND);
	assert_int_equal(watch.doubt[0].since, 0);
}

/* --- reads from before a move ---------------------------------------------------- */

static void bracket(__u16 kind, __u64 inode, __u64 number)
{
	struct record_snapshot record = {
		.header = { .kind = kind, .size = sizeof(record), .inode = inode },
		.pgoff_nr = 64,
		.inode_pages = 64,
		.origin = RECORD_SNAPSHOT_LIVE,
		.provider = RFC3,
		.snapshot = number,
	};

	record.header.time = stream.now += 1000;
	stream_add(&stream, &record.header);
}

/* A read of G sees page 100 there; before, or while it is read, the page joins another inode. */
static void moved(bool meanwhile, bool other)
{
	struct record_snapshot_page page = {
		.header = { .kind = RECORD_SNAPSHOT_PAGE, .size = sizeof(page), .inode = G },
		.pgoff = 5,
		.pfn = 100,
		.nr = 1,
		.bits = ABSENT_BITS,
		.snapshot = 1,
	};

	anew();
	stream_inode(&stream, G, RFC3, 64, true);
	stream_inode(&stream, 9, RFC3, 64, true);
	stream.now += SECOND;
	if (!meanwhile && other)
		stream_join(&stream, T, 9, 7, 100);
	bracket(RECORD_SNAPSHOT_BEGIN, G, 1);
	page.header.time = stream.now += 1000;
	stream_add(&stream, &page.header);
	if (meanwhile)
		stream_join(&stream, T, 9, 7, other ? 100 : 200);
	bracket(RECORD_SNAPSHOT_END, G, 1);
	feed();
}

static void test_read_before_move(void **state)
{
	(void)state;
	for (int meanwhile = 0; meanwhile < 2; meanwhile++) {
		for (int other = 0; other < 2; other++) {
			moved(meanwhile, other);
			assert_int_equal(page_at(G, 5).resident, !meanwhile || !other);
			assert_int_equal(page_at(9, 7).resident, meanwhile);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_met),
		RULE_TEST(test_came),
		RULE_TEST(test_of_the_dead),
		RULE_TEST(test_of_what_left),
		RULE_TEST(test_since_of_its_own),
		RULE_TEST(test_changed_long_ago),
		RULE_TEST(test_met_by_its_end),
		RULE_TEST(test_read_before_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
