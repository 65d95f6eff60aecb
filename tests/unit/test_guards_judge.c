// SPDX-License-Identifier: GPL-2.0
/* What is told of a read, and what is learned from it: page by page, and no page more. */
#include "watch.h"

static void read_live(__u32 pass, const struct stream_page *pages, size_t nr)
{
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, pages, nr);
}

/* --- runs: pages that were read alike are told of together -------------------------- */

struct pair {
	struct stream_page pages[2];
	bool conflict, failed, configured, touched, twice, within;
};

/* Pages 0 and 1, absent, as @pair tells them apart; what is told of the last read. */
static void read_pair(const struct pair *pair)
{
	struct stream_page pages[2];

	anew();
	memcpy(pages, pair->pages, sizeof(pages));
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 2; i++) {
		stream_join(&stream, T, G, i, pages[i].pfn);
		stream_zap_flush(&stream, T, G, i, pages[i].pfn, 1, 0, 200);
	}
	if (pair->conflict) {
		stream_begin(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 1, 1, true);
		stream_begin(&stream, T + 1, G, RECORD_OPERATION_SET_FOLIO, 1, 1, false);
		stream_end(&stream, T + 1, G, RECORD_OPERATION_SET_FOLIO, 1, 1, false);
		stream_end(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 1, 1, true);
	}
	if (pair->failed)
		stream_zap(&stream, T, G, 1, pages[1].pfn, 1, true, -12);
	if (pair->configured) {
		stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 1, 1, false);
		stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, 1, 1, false);
	}
	stream_heartbeat(&stream);
	stream.now += MS;
	if (pair->twice)
		read_live(0, pages, 2);
	if (pair->touched)
		stream_zap(&stream, T, G, 1, pages[1].pfn, 1, false, 0);
	read_live(1, pages, 2);
	/* The read ends behind what it was disturbed by. */
	if (pair->within) {
		stream_zap(&stream, T, G, 1, pages[1].pfn, 1, false, 0);
		((struct record_zap *)last_record(sizeof(struct record_zap)))->zap_end -= 2000;
	}
	feed();
}

/* The first run told of the last read: page 0, and so many more. */
static __u64 first_run(void)
{
	for (size_t i = watch.read_nr; i > 0; i--) {
		if (!watch.read[i - 1].pgoff)
			return watch.read[i - 1].nr;
	}
	fail_msg("page 0 was not told of");
	return 0;
}

static void test_runs(void **state)
{
	static const struct pair apart[] = {
		{ .pages = { { 0, 100, 1, ABSENT_BITS }, { 1, 101, 1, PRESENT_BITS } } },
		{ .pages = { { 0, 100, 1, ABSENT_BITS }, { 1, 102, 1, ABSENT_BITS } } },
		{ .pages = { { 0, 100, 1, ABSENT_BITS }, { 1, 101, 1, ABSENT_BITS } },
		  .conflict = true },
		{ .pages = { { 0, 100, 1, ABSENT_BITS }, { 1, 101, 1, ABSENT_BITS } },
		  .failed = true },
		{ .pages = { { 0, 100, 1, ABSENT_BITS }, { 1, 101, 1, ABSENT_BITS } },
		  .within = true },
		{ .pages = { { 0, 100, 1, RECORD_PAGE_RESIDENT },
			     { 1, 101, 1, RECORD_PAGE_RESIDENT } },
		  .configured = true },
		{ .pages = { { 0, 100, 1, PRESENT_BITS }, { 1, 101, 1, PRESENT_BITS } },
		  .twice = true,
		  .touched = true },
	};
	const struct pair alike = { .pages = { { 0, 100, 1, ABSENT_BITS },
					       { 1, 101, 1, ABSENT_BITS } } };

	(void)state;
	for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++) {
		read_pair(&apart[i]);
		if (first_run() != 1)
			fail_msg("pair %zu is one run", i);
	}
	read_pair(&alike);
	assert_int_equal(first_run(), 2);
	/* Where nothing is resident there are no frames to ascend. */
	assert_int_equal(watch.read_nr, 2);
	assert_int_equal(watch.read[1].pgoff, 2);
	assert_int_equal(watch.read[1].nr, 62);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
