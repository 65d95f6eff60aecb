/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of the rules' guards share. */
#ifndef GMEMTRACE_TESTS_GUARDS_H
#define GMEMTRACE_TESTS_GUARDS_H

#include <stdio.h>
#include <string.h>
#include "scene.h"

static struct verdict_options options;

static inline int guard_setup(void **state)
{
	memset(&options, 0, sizeof(options));
	return setup(state);
}

static inline void anew(void)
{
	stream_free(&stream);
	stream_init(&stream);
}

static inline void judge(void)
{
	stream_finish(&stream);
	stream_judge_with(&stream, NULL, &options);
}

static inline void expect_words(const char *words)
{
	const struct verdict_violation *violation = verdict_violation(stream.verdict, 0);

	assert_non_null(violation);
	if (!strstr(violation->words, words))
		fail_msg("'%s' is not in: %s", words, violation->words);
}

static inline void expect_source(const char *name, const char *says)
{
	const struct verdict_violation *violation = verdict_violation(stream.verdict, 0);

	assert_non_null(violation);
	for (size_t i = 0; i < violation->sources_nr; i++) {
		if (!strcmp(violation->sources[i].name, name)) {
			assert_string_equal(violation->sources[i].says, says);
			return;
		}
	}
	fail_msg("no source %s", name);
}

/* Page 5 faulted in, and nobody flushes. */
static inline void unflushed(__u64 inode, __u64 pgoff, __u64 pfn)
{
	stream_join(&stream, T, inode, pgoff, pfn);
	stream_begin(&stream, T, inode, RECORD_OPERATION_CONFIGURE, pgoff, pgoff, false);
	stream_zap(&stream, T, inode, pgoff, pfn, 1, false, 0);
	stream_end(&stream, T, inode, RECORD_OPERATION_CONFIGURE, pgoff, pgoff, false);
}

#define GUARD_TEST(name) cmocka_unit_test_setup_teardown(name, guard_setup, teardown)

#endif
