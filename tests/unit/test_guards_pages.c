// SPDX-License-Identifier: GPL-2.0
/* Where pages are, and whose: runs that come, move and go, and what is remembered of those that went. */
#include "watch.h"

#define CHUNK 512

static void owner(__u16 kind, __u64 inode, __u64 pgoff, __u64 pfn, __u32 nr)
{
	struct record_owner record = {
		.header = { .kind = kind,
			    .size = sizeof(record),
			    .time = stream.now,
			    .tid = T,
			    .inode = inode },
		.page = pfn,
		.pgoff = pgoff,
		.nr = nr,
	};

	stream_add(&stream, &record.header);
}

static void join(__u64 inode, __u64 pgoff, __u64 pfn, __u32 nr)
{
	owner(RECORD_JOIN, inode, pgoff, pfn, nr);
}

static void leave(__u64 pfn, __u32 nr)
{
	owner(RECORD_LEAVE, 0, 0, pfn, nr);
}

static void zap(__u64 pfn, __u32 nr)
{
	stream_zap(&stream, T, 0, 0, pfn, nr, false, 0);
}

static void two_inodes(void)
{
	anew();
	stream_inode(&stream, G, RFC3, 8 * CHUNK, false);
	stream_inode(&stream, 9, RFC3, 8 * CHUNK, false);
}

/* [first, first + nr) of @inode have the pfns from @pfn on. */
static void expect_there(__u64 inode, __u64 first, __u64 nr, __u64 pfn)
{
	for (__u64 i = 0; i < nr; i++) {
		const struct model_inode *has;
		__u64 pgoff;

		assert_true(page_at(inode, first + i).resident);
		assert_int_equal(page_at(inode, first + i).pfn, pfn + i);
		assert_true(model_owner(stream.model, pfn + i, &has, &pgoff));
		assert_int_equal(has->number, inode);
		assert_int_equal(pgoff, first + i);
	}
}

static void expect_gone(__u64 inode, __u64 first, __u64 nr)
{
	for (__u64 i = 0; i < nr; i++)
		assert_false(page_at(inode, first + i).resident);
}

/* --- runs that join ---------------------------------------------------------------- */

/* One that is there already stays as it is. */
static void test_joined_again(void **state)
{
	(void)state;
	two_inodes();
	join(G, 0, 100, 4);
	zap(100, 4);
	join(G, 0, 100, 4);
	feed();
	expect_there(G, 0, 4, 100);
	assert_int_equal(inode_of(G)->resident, 4);
	assert_int_equal(inode_of(G)->absent, 4);
	assert_int_equal(watch.counts.unexplained, 0);
}

/* At another place, or in another inode at the same place, it has moved. */
static void test_joined_elsewhere(void **state)
{
	(void)state;
	two_inodes();
	join(G, 0, 100, 4);
	join(G, 8, 100, 4);
	feed();
	expect_there(G, 8, 4, 100);
	expect_gone(G, 0, 4);
	assert_int_equal(inode_of(G)->resident, 4);
	two_inodes();
	join(9, 0, 100, 4);
	join(G, 0, 100, 4);
	feed();
	expect_there(G, 0, 4, 100);
	expect_gone(9, 0, 4);
	assert_int_equal(watch.counts.unexplained, 4);
}

/* Frames that were left absent come absent, and their neighbours as they were. */
static void left_as(bool first_absent)
{
	two_inodes();
	join(G, 0, 100, 2);
	zap(first_absent ? 100 : 101, 1);
	leave(100, 2);
	join(9, 4, 100, 2);
	feed();
	expect_there(9, 4, 2, 100);
	assert_int_equal(page_at(9, 4).applied, first_absent ? MODEL_ABSENT : MODEL_PRESENT);
	assert_int_equal(page_at(9, 5).applied, first_absent ? MODEL_PRESENT : MODEL_ABSENT);
	assert_int_equal(inode_of(9)->absent, 1);
}

static void test_left_as_they_were(void **state)
{
	(void)state;
	left_as(true);
	left_as(false);
}

/* Also where nothing of it is sure any more, and they leave as one. */
static void test_left_unsure(void **state)
{
	(void)state;
	for (__u64 absent = 0; absent < 4; absent++) {
		two_inodes();
		join(G, 0, 100, 4);
		zap(100 + absent, 1);
		stream_heartbeat(&stream);
		stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now, 1);
		leave(100, 4);
		feed();
		assert_int_equal(inode_of(G)->absent, 0);
		model_free(stream.model);
		join(9, 0, 100, 4);
		feed();
		for (__u64 i = 0; i < 4; i++)
			assert_int_equal(page_at(9, i).applied == MODEL_ABSENT, i == absent);
	}
}

/* Whose place was taken by another has left present; freed absent, it is given away as any is. */
static void test_given_anew(void **state)
{
	(void)state;
	two_inodes();
	join(G, 0, 100, 1);
	join(G, 0, 200, 1);
	join(G, 5, 100, 1);
	stream_fault(&stream, T, 9, 0, 300);
	stream_page_free(&stream, T, 300, true);
	join(9, 1, 300, 1);
	feed();
	expect_there(G, 0, 1, 200);
	expect_there(G, 5, 1, 100);
	assert_int_equal(page_at(G, 5).applied, MODEL_PRESENT);
	expect_there(9, 1, 1, 300);
	assert_int_equal(page_at(9, 1).applied, MODEL_PRESENT);
}

/* Whose place was taken is its inode's until it is restored. */
static void test_replaced(void **state)
{
	(void)state;
	two_inodes();
	join(G, 0, 100, 1);
	join(G, 0, 200, 1);
	stream_zap(&stream, T, 0, 0, 100, 1, true, 0);
	feed();
	assert_int_equal(watch.zap_nr, 1);
	assert_ptr_equal(watch.zap[0].inode, inode_of(G));
	assert_false(watch.zap[0].pgoff);
}

/* --- runs that leave ---------------------------------------------------------------- */

/* Frames that go on are of two inodes whose offsets go on: each leaves its own. */
static void test_left_of_two(void **state)
{
	(void)state;
	two_inodes();
	join(G, 0, 100, 2);
	join(9, 2, 102, 2);
	leave(100, 4);
	feed();
	expect_gone(G, 0, 2);
	expect_gone(9, 2, 2);
	assert_int_equal(inode_of(G)->resident, 0);
	assert_int_equal(inode_of(9)->resident, 0);
	/* Of one, whose offsets do not go on. */
	two_inodes();
	join(G, 0, 100, 2);
	join(G, 10, 102, 2);
	leave(100, 4);
	feed();
	expect_gone(G, 0, 12);
	assert_int_equal(inode_of(G)->resident, 0);
}

/* --- places ------------------------------------------------------------------------- */

/* Folios smaller than a chunk, and larger, and one where a page had been. */
static void test_within_chunks(void **state)
{
	(void)state;
	two_inodes();
	join(G, 16, 5008, 16);
	join(G, 2 * CHUNK, 6144, 2 * CHUNK);
	join(9, 3 * CHUNK, 9000, 1);
	leave(9000, 1);
	join(9, 3 * CHUNK, 10240, CHUNK);
	join(9, 5 * CHUNK, 20480, 256);
	feed();
	expect_there(G, 16, 16, 5008);
	expect_gone(G, 0, 16);
	expect_gone(G, 32, 2 * CHUNK - 32);
	expect_there(G, 2 * CHUNK, 2 * CHUNK, 6144);
	expect_gone(G, 4 * CHUNK, CHUNK);
	expect_there(9, 3 * CHUNK, CHUNK, 10240);
	expect_there(9, 5 * CHUNK, 256, 20480);
	expect_gone(9, 5 * CHUNK + 256, CHUNK);
	assert_int_equal(inode_of(G)->resident, 16 + 2 * CHUNK);
	assert_int_equal(inode_of(9)->resident, CHUNK + 256);
}

/* --- what is declared, of gigabytes, chunks and pages ---------------------------------- */

#define GB (1ULL << 18) /* pages */

static void declare(__u64 first, __u64 last, __s64 result)
{
	anew();
	stream_inode(&stream, G, RFC3, 4 * GB, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, first, last, true);
	stream_request(&stream, RECORD_REQUEST_END, T, G, RECORD_OPERATION_SET_RANGE, first, last,
		       true, result);
	feed();
}

static void expect_declared(__u64 first, __u64 last, enum model_state inside)
{
	const __u64 places[] = { first,	     first + 1, first | 511,  (first | 511) + 1, GB - 1, GB,
				 2 * GB - 1, 2 * GB,	2 * GB + 511, last - 1,		 last };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (places[i] >= first && places[i] <= last)
			assert_int_equal(page_at(G, places[i]).declared, inside);
	}
	if (first)
		assert_int_equal(page_at(G, first - 1).declared, MODEL_ABSENT);
	assert_int_equal(page_at(G, first & ~511ULL).declared, first & 511 ? MODEL_ABSENT : inside);
	assert_int_equal(page_at(G, last + 1).declared, MODEL_ABSENT);
	assert_int_equal(page_at(G, 4 * GB - 1).declared, MODEL_ABSENT);
}

static void test_declared(void **state)
{
	static const __u64 ranges[][2] = {
		{ 1000, 2 * GB + 700 }, { 0, GB - 1 }, { GB, 3 * GB - 1 }, { 512, 1023 },
		{ 700, 700 },		{ 5, GB },     { GB - 1, GB },	   { 0, 511 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		declare(ranges[i][0], ranges[i][1], 0);
		expect_declared(ranges[i][0], ranges[i][1], MODEL_PRESENT);
		/* One that failed may have left either. */
		declare(ranges[i][0], ranges[i][1], -12);
		expect_declared(ranges[i][0], ranges[i][1], MODEL_EITHER);
	}
}

/* --- what was not compared since it changed --------------------------------------------- */

static __u64 uncompared(__u64 first, __u64 last)
{
	anew();
	stream_inode(&stream, G, RFC3, 700, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, first, last, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, first, last, true);
	feed();
	return model_pages_uncompared(stream.model);
}

static void test_uncompared(void **state)
{
	(void)state;
	assert_int_equal(uncompared(0, 699), 700);
	assert_int_equal(uncompared(0, GB - 1), 700);
	assert_int_equal(uncompared(0, 511), 512);
	assert_int_equal(uncompared(512, 1023), 700 - 512);
	assert_int_equal(uncompared(600, 610), 11);
	assert_int_equal(uncompared(690, 800), 10);
	assert_int_equal(uncompared(1024, 1535), 0);
}

static void nothing_read(__u64 nr)
{
	if (nr)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, nr, NULL, 0);
}

static void expect_uncompared(__u64 changed, __u64 unread)
{
	feed();
	assert_int_equal(model_pages_unread(stream.model), unread);
	assert_int_equal(model_pages_uncompared(stream.model), changed + unread);
}

/* An inode of 64 pages of which @read were compared; @again: they want to be again, and @changed: two were changed. */
static void older(__u64 read, bool again, bool changed, bool dead)
{
	anew();
	stream_inode(&stream, G, RFC3, 64, true);
	nothing_read(read);
	if (again) {
		stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 31, false);
		nothing_read(read);
	}
	if (changed) {
		stream_fault(&stream, T, G, 31, 100);
		stream_fault(&stream, T, G, 32, 200);
	}
	if (dead)
		stream_inode_dead(&stream, G);
}

/* Each page counts once: as one that no read knows, or as one that changed behind it. */
static void test_unread(void **state)
{
	(void)state;
	older(32, false, false, false);
	expect_uncompared(0, 32);
	older(32, true, false, false);
	expect_uncompared(0, 32);
	older(64, true, false, false);
	expect_uncompared(0, 0);
	/* A read that goes beyond its end. */
	older(128, false, false, false);
	expect_uncompared(0, 0);
	/* None was ever compared, as a request was open meanwhile. */
	anew();
	stream_inode(&stream, G, RFC3, 64, true);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 31, false);
	nothing_read(64);
	expect_uncompared(0, 0);
	for (int dead = 0; dead < 2; dead++) {
		older(32, false, true, dead);
		expect_uncompared(1, 32);
		older(0, false, true, dead);
		expect_uncompared(0, 64);
		older(64, false, true, dead);
		expect_uncompared(2, 0);
	}
	/* Known from its start: what changed is all. */
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 31, 100);
	expect_uncompared(1, 0);
}

/* The same of pages that are alike, in one chunk and in all of them. */
static void test_unread_alike(void **state)
{
	(void)state;
	for (__u64 read = 0; read <= GB; read = read ? read * 512 : CHUNK) {
		anew();
		stream_inode(&stream, G, RFC3, 2 * GB, true);
		nothing_read(read);
		stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 2 * GB - 1, true);
		stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 2 * GB - 1, true);
		expect_uncompared(read, 2 * GB - read);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_joined_again),
		RULE_TEST(test_joined_elsewhere),
		RULE_TEST(test_left_as_they_were),
		RULE_TEST(test_left_unsure),
		RULE_TEST(test_given_anew),
		RULE_TEST(test_replaced),
		RULE_TEST(test_left_of_two),
		RULE_TEST(test_within_chunks),
		RULE_TEST(test_declared),
		RULE_TEST(test_uncompared),
		RULE_TEST(test_unread),
		RULE_TEST(test_unread_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
