// SPDX-License-Identifier: GPL-2.0
/* What is told of pages in a guest's reach: of those pages, of no others, and where it is not known of none. */
#include "reach.h"

/* --- given back while the guest has them ----------------------------------------------- */

/* Who never asks for anything cannot be asked what is right. */
static void given_back(enum record_provider provider)
{
	anew();
	stream_inode(&stream, G, provider, 64, false);
	stream_join(&stream, T, G, 3, 203);
	stream_zap_flush(&stream, T, G, 3, 203, 1, 203, 203);
	mapped(3);
	stream_zap(&stream, T + 2, G, 3, 203, 1, true, 0);
	feed();
}

static void test_given_back(void **state)
{
	(void)state;
	given_back(RFC3);
	assert_int_equal(watch.reached_nr, 1);
	expect_reached(0, MODEL_REACHED_STILL, 3, 1, 203);
	given_back(SECRET);
	assert_int_equal(watch.reached_nr, 0);
	given_back(RECORD_PROVIDER_UNKNOWN);
	assert_int_equal(watch.reached_nr, 0);
}

/* Of a run those that the guest has, run by run, also where a chunk has none. */
static void test_given_back_run(void **state)
{
	(void)state;
	bound(2048);
	for (__u64 i = 0; i < 16; i++)
		stream_join(&stream, T, G, 504 + i, 304 + i);
	guest(RECORD_GUEST_MAPPED, T + 1, G, 505, 2);
	mapped(509);
	stream_zap(&stream, T + 2, G, 504, 304, 16, true, 0);
	feed();
	assert_int_equal(watch.reached_nr, 2);
	expect_reached(0, MODEL_REACHED_STILL, 505, 2, 305);
	expect_reached(1, MODEL_REACHED_STILL, 509, 1, 309);
	assert_null(watch.reached[0].request);
}

/* Which of @nr places are in reach still is told by giving each back. */
static void expect_in_reach(const __u64 *places, const bool *in_reach, size_t nr)
{
	size_t told = 0;

	for (size_t i = 0; i < nr; i++)
		stream_zap(&stream, T + 2, G, places[i], 1000 + 2 * i, 1, true, 0);
	feed();
	for (size_t i = 0; i < nr; i++) {
		if (in_reach[i])
			expect_reached(told++, MODEL_REACHED_STILL, places[i], 1, 1000 + 2 * i);
	}
	assert_int_equal(watch.reached_nr, told);
}

#define CHUNK 512ULL

/* Taken out by a range of few chunks, and of more than the guest has pages in. */
static void test_unmapped(void **state)
{
	static const __u64 places[] = {
		10, 20, CHUNK + 3, 100 * CHUNK + 10, 100 * CHUNK + 20, 150 * CHUNK
	};
	static const struct {
		__u64 first, last;
		bool in_reach[6];
	} cases[] = {
		{ 15, 100 * CHUNK + 15, { true, false, false, false, true, true } },
		{ 15, CHUNK + 3, { true, false, false, true, true, true } },
		{ 0, 1, { true, true, true, true, true, true } },
		{ 100 * CHUNK + 11, 190 * CHUNK, { true, true, true, true, false, false } },
		{ CHUNK, MODEL_PGOFF_MAX - 1, { true, true, false, false, false, false } },
		{ 0, 190 * CHUNK, { false, false, false, false, false, false } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bound(200 * CHUNK);
		for (size_t j = 0; j < 6; j++) {
			stream_join(&stream, T, G, places[j], 1000 + 2 * j);
			mapped(places[j]);
		}
		guest(RECORD_GUEST_UNMAPPED, T, G, cases[i].first,
		      cases[i].last - cases[i].first + 1);
		expect_in_reach(places, cases[i].in_reach, 6);
		assert_int_equal(watch.counts.reach_forgotten, 0);
	}
}

/* --- taken back too late ------------------------------------------------------------------ */

/* Pages 0 to 7 are there, present, and the guest has some. */
static void guest_has(__u64 first, __u64 nr)
{
	bound(64);
	for (__u64 i = 0; i < 8; i++)
		stream_join(&stream, T, G, i, 200 + i);
	guest(RECORD_GUEST_MAPPED, T + 1, G, first, nr);
}

/* What a conversion of 2 to 4 changes beyond them is not its to take from the guest, by itself or in a request. */
static void test_converted(void **state)
{
	(void)state;
	for (int inside = 0; inside < 2; inside++) {
		guest_has(0, 8);
		promise(RECORD_PROMISE_CONVERT_BEGIN, 2, 3, false);
		if (inside)
			stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 2, 4, true);
		stream_zap(&stream, T, G, 0, 200, 8, true, 0);
		guest(RECORD_GUEST_UNMAPPED, T, G, 0, 64);
		if (inside)
			stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 2, 4, true);
		promise(RECORD_PROMISE_CONVERT_END, 0, 0, false);
		feed();
		assert_int_equal(watch.reached_nr, 1);
		expect_reached(0, MODEL_REACHED_STILL, 2, 3, 202);
		assert_true(watch.reached[0].unmapped != 0);
		assert_null(watch.reached[0].request);
		assert_non_null(watch.reached[0].conversion);
	}
}

/* Two changes are told of as two; so are pages that do not touch, and those of two inodes. */
static void test_converted_apart(void **state)
{
	(void)state;
	guest_has(2, 3);
	promise(RECORD_PROMISE_CONVERT_BEGIN, 2, 3, false);
	stream_zap(&stream, T, G, 2, 202, 1, true, 0);
	stream_zap(&stream, T, G, 3, 203, 1, true, 0);
	guest(RECORD_GUEST_UNMAPPED, T, G, 0, 64);
	feed();
	assert_int_equal(watch.reached_nr, 2);
	expect_reached(0, MODEL_REACHED_STILL, 2, 1, 202);
	expect_reached(1, MODEL_REACHED_STILL, 3, 1, 203);
	guest_has(2, 1);
	mapped(4);
	promise(RECORD_PROMISE_CONVERT_BEGIN, 2, 3, false);
	stream_zap(&stream, T, G, 2, 202, 3, true, 0);
	guest(RECORD_GUEST_UNMAPPED, T, G, 0, 64);
	feed();
	assert_int_equal(watch.reached_nr, 2);
	expect_reached(0, MODEL_REACHED_STILL, 2, 1, 202);
	expect_reached(1, MODEL_REACHED_STILL, 4, 1, 204);
	guest_has(3, 1);
	stream_inode(&stream, OTHER, RFC3, 64, false);
	stream_join(&stream, T, OTHER, 4, 204);
	guest(RECORD_GUEST_MAPPED, T + 1, OTHER, 4, 1);
	promise(RECORD_PROMISE_CONVERT_BEGIN, 2, 3, false);
	stream_zap(&stream, T, 0, 0, 203, 2, true, 0);
	guest(RECORD_GUEST_UNMAPPED, T, OTHER, 0, 64);
	guest(RECORD_GUEST_UNMAPPED, T, G, 0, 64);
	feed();
	assert_int_equal(watch.reached_nr, 2);
	expect_reached(0, MODEL_REACHED_STILL, 4, 1, 204);
	assert_int_equal(watch.reached[0].inode->number, OTHER);
	expect_reached(1, MODEL_REACHED_STILL, 3, 1, 203);
	assert_int_equal(watch.reached[1].inode->number, G);
}

/* A run over two chunks is in reach since either was. */
static void test_converted_since(void **state)
{
	(void)state;
	for (__u64 first = 510; first < 513; first += 2) {
		__u64 since;

		bound(1024);
		for (__u64 i = 510; i < 514; i++)
			stream_join(&stream, T, G, i, 200 + i);
		since = stream.now;
		guest(RECORD_GUEST_MAPPED, T + 1, G, first, 2);
		guest(RECORD_GUEST_MAPPED, T + 1, G, first == 510 ? 512 : 510, 2);
		promise(RECORD_PROMISE_CONVERT_BEGIN, 510, 4, false);
		stream_zap(&stream, T, G, 510, 710, 4, true, 0);
		guest(RECORD_GUEST_UNMAPPED, T, G, 0, 1024);
		feed();
		assert_int_equal(watch.reached_nr, 1);
		expect_reached(0, MODEL_REACHED_STILL, 510, 4, 710);
		assert_int_equal(watch.reached[0].mapped, since);
	}
}

/* A request for pages 2 to 4, within which the guest's page @pgoff comes back; nobody takes it out before it ends. */
static void requested(__u32 operation, __u32 mode, __u64 pgoff)
{
	guest_has(0, 8);
	stream_begin(&stream, T, G, operation, 2, 4, true);
	((struct record_request *)last_record(sizeof(struct record_request)))->mode = mode;
	stream_zap(&stream, T, G, pgoff, 200 + pgoff, 1, true, 0);
	guest(RECORD_GUEST_UNMAPPED, T, G, 0, 64);
	feed();
}

/* A hole takes its own pages out, and what else comes back in a fallocate() nobody does. */
static void test_requested(void **state)
{
	(void)state;
	for (__u64 pgoff = 1; pgoff < 6; pgoff++) {
		requested(RECORD_OPERATION_FALLOCATE, RECORD_MODE_PUNCH_HOLE, pgoff);
		assert_int_equal(watch.reached_nr, 1);
		expect_reached(0, MODEL_REACHED_STILL, pgoff, 1, 200 + pgoff);
		assert_int_equal(watch.reached[0].unmapped != 0, pgoff > 1 && pgoff < 5);
		assert_non_null(watch.reached[0].request);
	}
	requested(RECORD_OPERATION_FALLOCATE, 0, 3);
	assert_int_equal(watch.reached_nr, 1);
	assert_int_equal(watch.reached[0].unmapped, 0);
	requested(RECORD_OPERATION_SET_RANGE, RECORD_MODE_PUNCH_HOLE, 3);
	assert_int_equal(watch.reached_nr, 0);
}

/* The slots of an inode lead nowhere once it is being released; without one only that says whose pages they are. */
static void test_of_no_inode(void **state)
{
	(void)state;
	for (int release = 0; release < 2; release++) {
		guest_has(0, 8);
		stream_begin(&stream, T, G,
			     release ? RECORD_OPERATION_RELEASE : RECORD_OPERATION_FALLOCATE, 2, 4,
			     false);
		((struct record_request *)last_record(sizeof(struct record_request)))->mode =
			RECORD_MODE_PUNCH_HOLE;
		stream_zap(&stream, T, G, 3, 203, 1, true, 0);
		guest(RECORD_GUEST_UNMAPPED, T, 0, 0, 64);
		feed();
		assert_int_equal(watch.reached_nr, release);
	}
}

/* Who is dead has no guest. */
static void test_dead(void **state)
{
	(void)state;
	for (int dead = 0; dead < 2; dead++) {
		bound(64);
		stream_join(&stream, T, G, 3, 203);
		if (dead)
			stream_inode_dead(&stream, G);
		mapped(3);
		stream_zap(&stream, T + 2, G, 3, 203, 1, true, 0);
		feed();
		assert_int_equal(watch.reached_nr, !dead);
	}
}

/* --- records that say nothing -------------------------------------------------------------- */

static __u64 malformed(enum record_kind kind, __u64 pgoff, __u64 nr)
{
	bound(64);
	guest(kind, T, G, pgoff, nr);
	feed();
	return watch.counts.malformed;
}

static void test_nonsense(void **state)
{
	(void)state;
	assert_int_equal(malformed(RECORD_GUEST_MAPPED, 0, 512), 0);
	assert_int_equal(malformed(RECORD_GUEST_MAPPED, 0, 513), 1);
	assert_int_equal(malformed(RECORD_GUEST_MAPPED, 0, 0), 1);
	assert_int_equal(malformed(RECORD_GUEST_MAPPED, MODEL_PGOFF_MAX - 1, 1), 0);
	assert_int_equal(malformed(RECORD_GUEST_MAPPED, MODEL_PGOFF_MAX - 1, 2), 1);
	assert_int_equal(malformed(RECORD_GUEST_MAPPED, MODEL_PGOFF_MAX, 1), 1);
	assert_int_equal(malformed(RECORD_GUEST_UNMAPPED, 0, MODEL_PGOFF_MAX), 0);
	assert_int_equal(malformed(RECORD_GUEST_UNMAPPED, 1, MODEL_PGOFF_MAX), 1);
	assert_int_equal(malformed(RECORD_GUEST_UNMAPPED, 0, 0), 1);
}

/* --- what is looked at when a guest gets a page ----------------------------------------- */

/* Where nothing is in reach, or of others alone, nothing is looked at. */
static void test_looks_unmapped(void **state)
{
	(void)state;
	bound(4096 * CHUNK);
	for (__u64 i = 0; i < 2900; i++)
		mapped(i * CHUNK);
	for (__u64 i = 0; i < 1500; i++)
		guest(RECORD_GUEST_UNMAPPED, T, G, 0, 4096 * CHUNK);
	feed();
	assert_int_equal(watch.counts.reach_forgotten, 0);
	for (int others = 0; others < 2; others++) {
		bound(8192);
		stream_inode(&stream, OTHER, RFC3, 8192, false);
		for (__u64 i = 0; i < 4000; i++)
			stream_join(&stream, T, G, 2 * i, 10000 + 2 * i);
		for (__u64 i = 0; i < 16; i++)
			guest(RECORD_GUEST_MAPPED, T + 1, G, i * CHUNK, CHUNK);
		promise(RECORD_PROMISE_CONVERT_BEGIN, 0, 8000, false);
		for (__u64 i = 0; i < 4000; i++)
			stream_zap(&stream, T, G, 2 * i, 10000 + 2 * i, 1, true, 0);
		for (int i = 0; i < 2000; i++)
			guest(RECORD_GUEST_UNMAPPED, T, others ? OTHER : G, 8191, 1);
		feed();
		assert_int_equal(watch.counts.reach_forgotten != 0, !others);
	}
}

/*
 * A guest gets a page again and again, that was asked to be shared or never was, while a conversion of
 * others is under way or none is; and there are many tasks.
 */
static void mapped_often(bool shared, bool open)
{
	bound(64);
	for (__u32 i = 0; i < 2900; i++)
		stream_flush(&stream, T + 10 + i, 1, 1, false);
	if (shared) {
		promise(RECORD_PROMISE_CONVERT_BEGIN, 2, 3, false);
		promise(RECORD_PROMISE_CONVERTED, 0, 0, false);
		promise(RECORD_PROMISE_CONVERT_END, 0, 0, false);
	}
	if (open)
		promise(RECORD_PROMISE_CONVERT_BEGIN, 20, 1, true);
	for (int i = 0; i < 1500; i++)
		mapped(3);
	feed();
}

/* Page 3, which was shared, is given to the guest while @event is under way, of @first on, to be private or shared. */
static void mapped_during(enum record_promise_event event, __u64 first, bool private, bool absent)
{
	bound(64);
	stream_join(&stream, T, G, 3, 203);
	promise(RECORD_PROMISE_CONVERT_BEGIN, 2, 3, false);
	promise(RECORD_PROMISE_CONVERTED, 0, 0, false);
	promise(RECORD_PROMISE_CONVERT_END, 0, 0, false);
	promise(event, first, 3, private);
	if (absent)
		stream_zap(&stream, T, G, 3, 203, 1, false, 0);
	mapped(3);
	feed();
}

static void test_early(void **state)
{
	(void)state;
	mapped_during(RECORD_PROMISE_CONVERT_BEGIN, 2, true, false);
	assert_int_equal(watch.reached_nr, 1);
	expect_reached(0, MODEL_REACHED_EARLY, 3, 1, 203);
	mapped_during(RECORD_PROMISE_CONVERT_BEGIN, 2, true, true);
	assert_int_equal(watch.reached_nr, 0);
	mapped_during(RECORD_PROMISE_CONVERT_BEGIN, 2, false, false);
	assert_int_equal(watch.reached_nr, 0);
	for (__u64 first = 0; first < 6; first += 4) {
		mapped_during(RECORD_PROMISE_CONVERT_BEGIN, first, true, false);
		assert_int_equal(watch.reached_nr, 0);
	}
	mapped_during(RECORD_PROMISE_BIND_BEGIN, 2, true, false);
	assert_int_equal(watch.reached_nr, 0);
}

/* One that has ended without its changes is not awaited any more, also where another is. */
static void test_early_ended(void **state)
{
	(void)state;
	bound(64);
	stream_join(&stream, T, G, 3, 203);
	promise(RECORD_PROMISE_CONVERT_BEGIN, 2, 3, false);
	promise(RECORD_PROMISE_CONVERTED, 0, 0, false);
	promise(RECORD_PROMISE_CONVERT_END, 0, 0, false);
	stream_promise(&stream, T + 5, 0, RECORD_PROMISE_CONVERT_BEGIN, GFN + 2, 3, 0, true, 0);
	stream_promise(&stream, T + 5, 0, RECORD_PROMISE_CONVERT_END, 0, 0, 0, false, -12);
	promise(RECORD_PROMISE_CONVERT_BEGIN, 20, 1, true);
	mapped(3);
	feed();
	assert_int_equal(watch.reached_nr, 0);
}

static void test_looks_mapped(void **state)
{
	(void)state;
	mapped_often(true, true);
	assert_true(watch.counts.reach_forgotten > 0);
	mapped_often(true, false);
	assert_int_equal(watch.counts.reach_forgotten, 0);
	mapped_often(false, true);
	assert_int_equal(watch.counts.reach_forgotten, 0);
	assert_int_equal(watch.reached_nr, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_given_back),
		RULE_TEST(test_given_back_run),
		RULE_TEST(test_unmapped),
		RULE_TEST(test_converted),
		RULE_TEST(test_converted_apart),
		RULE_TEST(test_converted_since),
		RULE_TEST(test_requested),
		RULE_TEST(test_of_no_inode),
		RULE_TEST(test_dead),
		RULE_TEST(test_nonsense),
		RULE_TEST(test_early),
		RULE_TEST(test_early_ended),
		RULE_TEST(test_looks_mapped),
		RULE_TEST(test_looks_unmapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
