// SPDX-License-Identifier: GPL-2.0
/* foreign-page, of what a hole makes present beyond its range and leaves there: what it is silent about. */
#include "here.h"

#define FALLOCATE RECORD_OPERATION_FALLOCATE
#define OTHER 9 /* an inode */

static void begun(__u64 inode)
{
	here_anew();
	faulted(8);
	stream_begin(&stream, T, inode, FALLOCATE, 2, 3, true);
}

static void ended(__u64 inode)
{
	stream_leave(&stream, T, 104);
	stream_leave(&stream, T, 106);
	here();
	stream_end(&stream, T, inode, FALLOCATE, 2, 3, true);
	stream_heartbeat(&stream);
}

static void made_present(__u64 first, __u64 last)
{
	for (__u64 i = first; i <= last; i++)
		stream_zap(&stream, T, G, i, 100 + 2 * i, 1, true, 0);
}

/* It is looked at when the hole is there, on either side of it. */
static void test_beyond(void **state)
{
	(void)state;
	begun(G);
	made_present(1, 3);
	ended(G);
	expect_here(RULE_FOREIGN_PAGE);
	expect_pages(RULE_FOREIGN_PAGE, 1, 1);
	begun(G);
	made_present(2, 5);
	ended(G);
	expect_here(RULE_FOREIGN_PAGE);
	expect_pages(RULE_FOREIGN_PAGE, 4, 5);
	begun(G);
	made_present(2, 3);
	ended(G);
	expect_silent(RULE_FOREIGN_PAGE);
}

/* Of one change of many pages those beyond the range, and no page of it. */
static void test_beyond_in_a_run(void **state)
{
	(void)state;
	for (int side = 0; side < 2; side++) {
		here_anew();
		stream_inode(&stream, G, RFC3, 64, false);
		for (__u64 i = 0; i < 8; i++)
			stream_fault(&stream, T, G, i, 100 + i);
		stream_heartbeat(&stream);
		stream_begin(&stream, T, G, FALLOCATE, 2, 3, true);
		if (side)
			stream_zap(&stream, T, G, 3, 103, 3, true, 0);
		else
			stream_zap(&stream, T, G, 0, 100, 3, true, 0);
		here();
		stream_end(&stream, T, G, FALLOCATE, 2, 3, true);
		stream_heartbeat(&stream);
		expect_here(RULE_FOREIGN_PAGE);
		expect_pages(RULE_FOREIGN_PAGE, side ? 4 : 0, side ? 5 : 1);
	}
}

/* A release has the whole folios that it takes away, and who releases is told of elsewhere. */
static void test_beyond_of_release(void **state)
{
	(void)state;
	here_anew();
	faulted(8);
	stream_begin(&stream, T, G, RECORD_OPERATION_RELEASE, 2, 3, true);
	made_present(2, 5);
	stream_end(&stream, T, G, RECORD_OPERATION_RELEASE, 2, 3, true);
	expect_silent(RULE_FOREIGN_PAGE);
}

/* Nobody knows what pages of such an inode are to be. */
static void test_beyond_of_unknown(void **state)
{
	(void)state;
	here_anew();
	stream_inode(&stream, G, RECORD_PROVIDER_UNKNOWN, 64, false);
	for (__u64 i = 0; i < 8; i++)
		stream_fault(&stream, T, G, i, 100 + 2 * i);
	stream_begin(&stream, T, G, FALLOCATE, 2, 3, true);
	made_present(2, 5);
	ended(G);
	expect_silent(RULE_FOREIGN_PAGE);
}

static void test_beyond_of_nobody(void **state)
{
	(void)state;
	begun(0);
	made_present(2, 3);
	ended(0);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
}

/* That the page left, or came, may be what was lost. */
static void test_beyond_lost(void **state)
{
	__u64 since;

	(void)state;
	begun(G);
	since = stream.now;
	made_present(2, 5);
	stream_loss(&stream, OTHER, RECORD_LOSS_RING_FULL, since, 1);
	ended(G);
	expect_silent(RULE_FOREIGN_PAGE);
}

/* What has been made absent again, or was made absent alone, is no page that was taken. */
static void test_beyond_put_back(void **state)
{
	(void)state;
	begun(G);
	made_present(2, 5);
	for (__u64 i = 4; i < 6; i++)
		stream_zap_flush(&stream, T, G, i, 100 + 2 * i, 1, 100 + 2 * i, 100 + 2 * i);
	ended(G);
	expect_silent(RULE_FOREIGN_PAGE);
}

/* Another frame has come to the place: the one that was made present is gone. */
static void test_beyond_replaced(void **state)
{
	(void)state;
	begun(G);
	made_present(2, 4);
	stream_leave(&stream, T, 108);
	stream_join(&stream, T, G, 4, 500);
	ended(G);
	expect_silent(RULE_FOREIGN_PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_beyond),
		RULE_TEST(test_beyond_in_a_run),
		RULE_TEST(test_beyond_of_release),
		RULE_TEST(test_beyond_of_unknown),
		RULE_TEST(test_beyond_of_nobody),
		RULE_TEST(test_beyond_lost),
		RULE_TEST(test_beyond_put_back),
		RULE_TEST(test_beyond_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
