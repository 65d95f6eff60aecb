// SPDX-License-Identifier: GPL-2.0
/* Changes: what was before, of whom, and how sure that is. */
#include "watch.h"

static const struct model_zap *last(void)
{
	assert_true(watch.zap_nr > 0);
	return &watch.zap[watch.zap_nr - 1];
}

/* Only what is made absent can have been so before, and need no flush. */
static void test_restore_is_not_redundant(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	feed();
	assert_false(last()->redundant);
	assert_int_equal(last()->before, MODEL_ABSENT);
	assert_int_equal(last()->after, MODEL_PRESENT);
}

/* Whose it was is not sure any more when the inode has died. */
static void test_dead(void **state)
{
	(void)state;
	for (int dead = 0; dead < 2; dead++) {
		anew();
		stream_inode(&stream, G, RFC3, 64, false);
		stream_fault(&stream, T, G, 0, 100);
		if (dead)
			stream_inode_dead(&stream, G);
		stream_zap(&stream, T, 0, 0, 100, 1, true, 0);
		feed();
		assert_int_equal(last()->sure, !dead);
		assert_int_equal(last()->before, dead ? MODEL_EITHER : MODEL_ABSENT);
	}
}

/* The first page shows whose it is; of those behind it that is as sure as it was. */
static void test_shown(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 4; i++)
		stream_join(&stream, T, G, i, 100 + i);
	stream_heartbeat(&stream);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now, 1);
	stream_zap(&stream, T, G, 0, 100, 4, false, 0);
	feed();
	assert_true(page_at(G, 0).sure);
	for (__u64 i = 1; i < 4; i++)
		assert_false(page_at(G, i).sure);
	assert_int_equal(inode_of(G)->absent, 4);
}

/* One call for pages of two, of which one is nobody's: told of in parts. */
static void test_parts(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_join(&stream, T, G, 1, 101);
	stream_join(&stream, T, 9, 0, 103);
	stream_zap(&stream, T, 0, 0, 100, 5, false, 0);
	feed();
	assert_int_equal(watch.zap_nr, 4);
	assert_ptr_equal(watch.zap[0].inode, inode_of(G));
	assert_int_equal(watch.zap[0].nr, 2);
	assert_null(watch.zap[1].inode);
	assert_int_equal(watch.zap[1].nr, 1);
	assert_ptr_equal(watch.zap[2].inode, inode_of(9));
	assert_null(watch.zap[3].inode);
	assert_int_equal(watch.zap[3].pfn, 104);
}

/* Offsets that do not go on are another part, and so are pages that were otherwise before. */
static void test_parts_of_one(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_join(&stream, T, G, 5, 101);
	stream_fault(&stream, T, G, 6, 102);
	stream_zap(&stream, T, 0, 0, 100, 3, false, 0);
	feed();
	assert_int_equal(watch.zap_nr, 4);
	assert_int_equal(watch.zap[1].pgoff, 0);
	assert_int_equal(watch.zap[2].pgoff, 5);
	assert_int_equal(watch.zap[3].pgoff, 6);
	assert_true(watch.zap[3].redundant);
}

/* A call that failed leaves what had the state as it was, and nobody knows the others. */
static void test_failed(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_fault(&stream, T, G, 1, 101);
	stream_zap(&stream, T, 0, 0, 100, 2, false, -12);
	feed();
	assert_int_equal(page_at(G, 0).applied, MODEL_EITHER);
	assert_int_equal(page_at(G, 1).applied, MODEL_ABSENT);
	assert_int_equal(watch.zap[watch.zap_nr - 2].after, MODEL_EITHER);
	assert_int_equal(last()->after, MODEL_ABSENT);
	assert_int_equal(inode_of(G)->zapped, 1);
}

/* What left absent is its inode's until it is restored, or another has it. */
static void test_left(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_fault(&stream, T, G, 1, 101);
	stream_leave(&stream, T, 100);
	stream_leave(&stream, T, 101);
	stream_zap(&stream, T, 0, 0, 100, 1, true, 0);
	feed();
	assert_ptr_equal(last()->inode, inode_of(G));
	assert_true(last()->sure);
	stream_zap(&stream, T, 0, 0, 100, 1, false, 0);
	stream_join(&stream, T, 9, 0, 101);
	stream_zap(&stream, T, 0, 0, 101, 1, true, 0);
	model_free(stream.model);
	feed();
	assert_null(watch.zap[watch.zap_nr - 2].inode);
	assert_ptr_equal(last()->inode, inode_of(9));
	/* It came absent, as it had left. */
	assert_int_equal(last()->before, MODEL_ABSENT);
}

/* When a run of pages changed that is known as a whole: at its last change. */
static void test_changed_as_a_whole(void **state)
{
	struct record_owner *record;
	__u64 time;

	(void)state;
	stream_inode(&stream, G, RFC3, 1024, false);
	stream_join(&stream, T, G, 0, 4096);
	record = (struct record_owner *)(stream.data + stream.used - sizeof(*record));
	record->nr = 512;
	time = stream.now;
	stream_zap(&stream, T, G, 0, 4096, 512, false, 0);
	feed();
	assert_int_equal(page_at(G, 5).changed, time);
	assert_int_equal(last()->since, time - 1000);
}

/* Since when a page was as it was before it changed: what happened to its neighbour says nothing. */
static void test_since_of_neighbour(void **state)
{
	__u64 time;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 1, 101);
	time = stream.now - 1000;
	stream_join(&stream, T, G, 2, 202);
	stream_zap(&stream, T, G, 1, 101, 1, false, 0);
	feed();
	assert_int_equal(last()->since, time);
}

/* --- whose pages a run is of --------------------------------------------------- */

/* What shows is the first page's owner: nobody's behind it stay nobody's, unless they are being learned. */
static void test_run_shown(void **state)
{
	(void)state;
	for (int learning = 0; learning < 2; learning++) {
		anew();
		stream_inode(&stream, G, RFC3, 64, learning);
		stream_inode(&stream, 9, RFC3, 64, false);
		stream_join(&stream, T, 9, 7, 102);
		stream_zap(&stream, T, G, 0, 100, 4, false, 0);
		feed();
		assert_true(page_at(G, 0).resident);
		assert_int_equal(page_at(G, 1).resident, learning);
		assert_int_equal(page_at(G, 3).resident, learning);
		/* Of which the owner is known is nobody else's. */
		assert_false(page_at(G, 2).resident);
		assert_true(page_at(9, 7).resident);
	}
}

/* A page that shows itself is there, whatever was known of it. */
static void test_shown_otherwise(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_join(&stream, T, 9, 0, 100);
	stream_fault(&stream, T, G, 1, 101);
	stream_leave(&stream, T, 101);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream_zap(&stream, T, G, 1, 101, 1, false, 0);
	feed();
	assert_true(page_at(G, 0).resident);
	assert_false(page_at(9, 0).resident);
	assert_true(page_at(G, 1).resident);
}

/* On its way out a page is its inode's for sure, where all is known of that and it lives. */
static void test_left_sure(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		anew();
		stream_inode(&stream, G, RFC3, 64, how == 1);
		stream_fault(&stream, T, G, 0, 100);
		stream_leave(&stream, T, 100);
		if (how == 2)
			stream_inode_dead(&stream, G);
		stream_zap(&stream, T, 0, 0, 100, 1, true, 0);
		feed();
		assert_ptr_equal(last()->inode, inode_of(G));
		assert_int_equal(last()->sure, !how);
	}
}

/* --- what is told as one -------------------------------------------------------- */

/* Frames 100 and 101, each made by one of these, are restored by one call. */
enum half {
	NOBODYS,
	LEFT,
	LEFT_LEARNING,
	LEFT_OTHERS,
	STAYS,
	FAILED, /* nobody knows what it is */
	FAILED_UNSURE,
	UNFLUSHED,
};

static void half(enum half half, __u64 pgoff)
{
	__u64 inode = half == LEFT_OTHERS ? 9 : half == LEFT_LEARNING ? 10 : G, pfn = 100 + pgoff;

	if (half == NOBODYS)
		return;
	stream_join(&stream, T, inode, pgoff, pfn);
	stream_zap(&stream, T, inode, pgoff, pfn, 1, false, 0);
	if (half != UNFLUSHED)
		stream_flush(&stream, T, pfn, pfn, false);
	if (half == LEFT || half == LEFT_LEARNING || half == LEFT_OTHERS)
		stream_leave(&stream, T, pfn);
	if (half == FAILED || half == FAILED_UNSURE)
		stream_zap(&stream, T, inode, pgoff, pfn, 1, true, -12);
}

static void halves(enum half first, enum half second, bool valid, size_t parts)
{
	size_t before;

	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_inode(&stream, 10, RFC3, 64, true);
	half(first, 0);
	half(second, 1);
	if (second == FAILED_UNSURE) {
		stream_heartbeat(&stream);
		stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now, 1);
		/* This one shows itself, and so is sure again. */
		stream_zap(&stream, T, G, 0, 100, 1, true, -12);
	}
	feed();
	before = watch.zap_nr;
	stream_zap(&stream, T, 0, 0, 100, 2, valid, 0);
	model_free(stream.model);
	feed();
	assert_int_equal(watch.zap_nr, before + parts);
}

static void test_told_apart(void **state)
{
	(void)state;
	halves(STAYS, STAYS, true, 1);
	halves(NOBODYS, NOBODYS, true, 1);
	halves(NOBODYS, LEFT_LEARNING, true, 2);
	halves(LEFT, LEFT_OTHERS, true, 2);
	halves(LEFT, FAILED, true, 2);
	halves(FAILED, FAILED, true, 1);
	halves(FAILED, FAILED_UNSURE, true, 2);
	halves(UNFLUSHED, STAYS, false, 2);
}

/* Nobody's frames have no offsets that could go on: across the end of a block they are one run. */
static void test_nobodys_run(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 500);
	stream_join(&stream, T, G, 1, 600);
	stream_zap(&stream, T, 0, 0, 510, 4, false, 0);
	feed();
	assert_int_equal(watch.zap_nr, 1);
	assert_int_equal(watch.zap[0].nr, 4);
}

/* --- twice, and late ------------------------------------------------------------ */

/* Zapped once more before a flush came, it is exposed once, since the first. */
static void test_exposed_once(void **state)
{
	__u64 first;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	feed();
	assert_int_equal(inode_of(G)->exposed, 1);
	first = watch.zap[0].end;
	stream_flush(&stream, T, 100, 100, false);
	model_free(stream.model);
	feed();
	assert_int_equal(inode_of(G)->exposed, 0);
	assert_int_equal(watch.exposure_nr, 1);
	assert_int_equal(watch.exposure[0].begin, first);
}

/* The record that was added last is one of @ago before its heartbeat. */
static void late_by(__u64 ago)
{
	struct record_zap *record = last_record(sizeof(*record));

	record->zap_end -= ago;
}

/* A run of pages alike is so after a change that is told of late as well. */
static void test_late_run(void **state)
{
	struct record_owner *record;

	(void)state;
	stream_inode(&stream, G, RFC3, 1024, false);
	stream_join(&stream, T, G, 0, 4096);
	record = last_record(sizeof(*record));
	record->nr = 512;
	stream.now += MS;
	stream_heartbeat(&stream);
	stream_zap(&stream, T, G, 0, 4096, 512, false, 0);
	late_by(MS / 2);
	feed();
	assert_int_equal(inode_of(G)->absent, 512);
	assert_int_equal(inode_of(G)->exposed, 512);
	assert_int_equal(page_at(G, 511).applied, MODEL_ABSENT);
}

/* memfd_secret's page leaves when it is restored; not where that failed, nor by what is older. */
static void secret_restored(bool late, __s32 result)
{
	anew();
	stream_inode(&stream, G, SECRET, 64, false);
	stream_zap_flush(&stream, T, G, 0, 100, 1, 100, 100);
	stream_heartbeat(&stream);
	stream.now += MS;
	stream_zap_flush(&stream, T, G, 0, 100, 1, 100, 100);
	stream_heartbeat(&stream);
	stream_zap(&stream, T, G, 0, 100, 1, true, result);
	if (late)
		late_by(MS / 2);
	feed();
}

static void test_secret_stays(void **state)
{
	(void)state;
	secret_restored(false, 0);
	assert_false(page_at(G, 0).resident);
	secret_restored(false, -12);
	assert_true(page_at(G, 0).resident);
	secret_restored(true, 0);
	assert_true(page_at(G, 0).resident);
	assert_int_equal(page_at(G, 0).applied, MODEL_ABSENT);
}

/* --- flushes that are awaited ---------------------------------------------------- */

/* What was absent already, and what could not be changed, waits for no flush of its task. */
static void test_nothing_awaited(void **state)
{
	(void)state;
	for (__s32 result = 0; result >= -12; result -= 12) {
		anew();
		stream_inode(&stream, G, SECRET, 64, false);
		stream_zap_flush(&stream, T, G, 0, 100, 1, 100, 100);
		stream_zap_flush(&stream, T, G, 1, 102, 1, 102, 102);
		stream_zap(&stream, T, G, result ? 2 : 0, result ? 104 : 100, 1, false, result);
		heartbeats(20);
		feed();
		assert_int_equal(watch.judged_nr, 2);
		assert_int_equal(inode_of(G)->exposed, 0);
	}
}

/* Only one who restores the page ends that, and who failed to has not. */
static void test_awaited_on(void **state)
{
	(void)state;
	for (int alone = 0; alone < 2; alone++) {
		for (int restores = 0; restores < 2; restores++) {
			anew();
			stream_inode(&stream, G, RFC3, 1024, false);
			stream_join(&stream, T, G, 0, 100);
			stream_join(&stream, T, G, 1, 102);
			stream_zap(&stream, T, G, 0, 100, 1, false, 0);
			/* A run behind the page takes the longer way. */
			stream_zap(&stream, T + 1, G, 0, 100, alone ? 1 : 2, restores,
				   restores ? -12 : 0);
			stream_flush(&stream, T, 100, 100, false);
			feed();
			assert_true(watch.judged_nr > 0);
			assert_int_equal(watch.judged[0].coverage, MODEL_COVERED);
			assert_int_equal(watch.judged[0].zap->tid, T);
		}
	}
}

/* A run of nobody's is restored as a whole, however long it is. */
static void test_nobodys_restored(void **state)
{
	const __u32 half = 30000;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_zap(&stream, T, 0, 0, 1 << 20, half, false, 0);
	stream_zap(&stream, T, 0, 0, (1 << 20) + half, half, false, 0);
	stream_zap(&stream, T, 0, 0, 1 << 20, 2 * half, true, 0);
	stream_join(&stream, T, G, 0, (1 << 20) + 2 * half - 1);
	feed();
	assert_int_equal(page_at(G, 0).applied, MODEL_PRESENT);
}

/* --- places, times and counts ------------------------------------------------------ */

/* Nobody's pages of a run stand behind the first, which shows its place. */
static void test_place(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 6, 100);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 4, 9, false);
	stream_zap(&stream, T, G, 6, 100, 2, false, 0);
	feed();
	assert_int_equal(watch.zap_nr, 2);
	assert_null(last()->inode);
	assert_int_equal(last()->pgoff, 7);
}

/* Known at another place than it shows, where another was: that one is gone. */
static void test_shown_in_place(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_join(&stream, T, G, 1, 101);
	stream_join(&stream, T, G, 2, 202);
	stream_join(&stream, T, 9, 3, 303);
	stream_zap(&stream, T, G, 2, 101, 1, false, 0);
	stream_zap(&stream, T, G, 1, 303, 1, false, 0);
	feed();
	assert_int_equal(page_at(G, 2).pfn, 101);
	assert_int_equal(page_at(G, 1).pfn, 303);
	assert_false(page_at(9, 3).resident);
	assert_int_equal(inode_of(G)->resident, 2);
}

/* Nobody's page was zapped before it shows whose it is: it is as that left it. */
static void test_shown_zapped(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_zap(&stream, T, 0, 0, 300, 1, false, 0);
	stream_flush(&stream, T, 300, 300, false);
	stream_zap(&stream, T, G, 5, 300, 1, false, 0);
	feed();
	assert_int_equal(last()->before, MODEL_ABSENT);
	assert_true(last()->redundant);
	assert_int_equal(inode_of(G)->absent, 1);
}

/* Since all of a run's pages are as they were: the last of them to change, whichever it is. */
static void test_since_of_run(void **state)
{
	(void)state;
	for (__u64 later = 0; later < 2; later++) {
		__u64 time;

		anew();
		stream_inode(&stream, G, RFC3, 1024, false);
		stream_join(&stream, T, G, 512 - later, 1000 + 512 - later);
		time = stream.now;
		stream_join(&stream, T, G, 511 + later, 1000 + 511 + later);
		stream_zap(&stream, T, G, 511, 1000 + 511, 2, false, 0);
		feed();
		assert_int_equal(watch.zap_nr, 1);
		assert_int_equal(last()->since, time);
	}
}

static void test_counts(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream_zap(&stream, T, G, 0, 100, 1, true, -12);
	stream_zap(&stream, T, G, 0, 100, 1, false, -12);
	feed();
	assert_int_equal(watch.counts.zaps, 1);
	assert_int_equal(watch.counts.restores, 0);
	assert_int_equal(inode_of(G)->zapped, 1);
}

static void bracket(__u16 kind)
{
	struct record_snapshot record = {
		.header = { .kind = kind, .size = sizeof(record), .time = stream.now, .inode = G },
		.pgoff_nr = 512,
		.inode_pages = 512,
		.origin = RECORD_SNAPSHOT_LIVE,
		.provider = RFC3,
		.snapshot = 1,
	};

	stream_add(&stream, &record.header);
}

/* A change that is told of while its pages are read disturbs that, though it is older. */
static void test_late_disturbs(void **state)
{
	struct record_owner *record;

	(void)state;
	for (int late = 0; late < 2; late++) {
		struct record_snapshot_page page = {
			.header = { .kind = RECORD_SNAPSHOT_PAGE,
				    .size = sizeof(page),
				    .inode = G },
			.pfn = 4096,
			.nr = 512,
			.bits = ABSENT_BITS,
			.snapshot = 1,
		};

		anew();
		stream_inode(&stream, G, RFC3, 512, false);
		stream_join(&stream, T, G, 0, 4096);
		record = last_record(sizeof(*record));
		record->nr = 512;
		record->prepared = 1;
		stream.now += MS;
		bracket(RECORD_SNAPSHOT_BEGIN);
		stream.now += MS;
		stream_heartbeat(&stream);
		if (late) {
			stream_zap(&stream, T, G, 0, 4096, 512, false, 0);
			late_by(3 * MS / 2);
		}
		page.header.time = stream.now;
		stream_add(&stream, &page.header);
		bracket(RECORD_SNAPSHOT_END);
		feed();
		assert_true(watch.read_nr > 0);
		assert_int_equal(watch.read[0].settled, !late);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_restore_is_not_redundant),
		RULE_TEST(test_dead),
		RULE_TEST(test_shown),
		RULE_TEST(test_parts),
		RULE_TEST(test_parts_of_one),
		RULE_TEST(test_failed),
		RULE_TEST(test_left),
		RULE_TEST(test_changed_as_a_whole),
		RULE_TEST(test_since_of_neighbour),
		RULE_TEST(test_run_shown),
		RULE_TEST(test_shown_otherwise),
		RULE_TEST(test_left_sure),
		RULE_TEST(test_told_apart),
		RULE_TEST(test_nobodys_run),
		RULE_TEST(test_exposed_once),
		RULE_TEST(test_late_run),
		RULE_TEST(test_secret_stays),
		RULE_TEST(test_nothing_awaited),
		RULE_TEST(test_awaited_on),
		RULE_TEST(test_nobodys_restored),
		RULE_TEST(test_place),
		RULE_TEST(test_shown_in_place),
		RULE_TEST(test_since_of_run),
		RULE_TEST(test_shown_zapped),
		RULE_TEST(test_counts),
		RULE_TEST(test_late_disturbs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
