// SPDX-License-Identifier: GPL-2.0
/* Causes in great numbers. */
#include "scene.h"

#define MANY 100000

/* A hundred thousand single pages are no more dear each than a few. */
static void test_many(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 2 * MANY, false);
	for (__u64 pgoff = 0; pgoff < 2 * MANY; pgoff += 2) {
		stream_join(&stream, T, G, pgoff, 1000 + 2 * pgoff);
		stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, pgoff, pgoff, false);
		stream_zap(&stream, T, G, pgoff, 1000 + 2 * pgoff, 1, false, 0);
		stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, pgoff, pgoff, false);
	}
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect(&stream, VERDICT_VIOLATED);
	assert_int_equal(verdict_violations(stream.verdict), 1000);
	assert_int_equal(verdict_unlisted(stream.verdict), MANY - 1000);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_NEVER_FLUSHED), MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
