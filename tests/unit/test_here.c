// SPDX-License-Identifier: GPL-2.0
/*
 * Each rule fires at that record of a stream, at no other, and no event of its proof is one too
 * many; and there is such a test for each rule.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "here.h"

#define RANGE RECORD_OPERATION_SET_RANGE

static void read_once(const struct stream_page *pages, size_t nr, __u32 pass)
{
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, pages, nr);
}

/* It is the end of the second read that proves it. */
static void read_twice(const struct stream_page *pages, size_t nr)
{
	read_once(pages, nr, 0);
	read_once(pages, nr, 1);
	here_at = stream.used - sizeof(struct record_snapshot);
}

static void test_declared_mismatch(void **state)
{
	struct stream_page pages[4];

	(void)state;
	faulted(4);
	convert(0, 3, 99, 0);
	pages_seen(pages, 0, 3, PRESENT_BITS | DEVIATES);
	pages_seen(pages, 3, 4, PRESENT_BITS);
	read_twice(pages, 4);
	expect_here(RULE_DECLARED_MISMATCH);
	expect_pages(RULE_DECLARED_MISMATCH, 3, 3);
}

static void test_applied_mismatch(void **state)
{
	struct stream_page pages[4];

	(void)state;
	faulted(4);
	pages_seen(pages, 0, 4, ABSENT_BITS);
	pages[2].bits = PRESENT_BITS;
	read_twice(pages, 4);
	expect_here(RULE_APPLIED_MISMATCH);
	expect_pages(RULE_APPLIED_MISMATCH, 2, 2);
}

static void test_missed_page(void **state)
{
	(void)state;
	faulted(4);
	stream_begin(&stream, T, G, RANGE, 0, 3, true);
	for (__u64 i = 0; i < 3; i++)
		stream_zap(&stream, T, G, i, 100 + 2 * i, 1, true, 0);
	here();
	stream_end(&stream, T, G, RANGE, 0, 3, true);
	stream_heartbeat(&stream);
	expect_here(RULE_MISSED_PAGE);
	expect_pages(RULE_MISSED_PAGE, 3, 3);
}

static void test_foreign_page(void **state)
{
	(void)state;
	faulted(4);
	stream_begin(&stream, T, G, RANGE, 0, 1, true);
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	stream_zap(&stream, T, G, 1, 102, 1, true, 0);
	here();
	stream_zap(&stream, T, G, 2, 104, 1, true, 0);
	stream_end(&stream, T, G, RANGE, 0, 1, true);
	stream_heartbeat(&stream);
	expect_here(RULE_FOREIGN_PAGE);
	expect_pages(RULE_FOREIGN_PAGE, 2, 2);
}

/* Page 0 is made absent again, with a flush of [first, last] where there is one. */
static void zapped_again(__u64 first, __u64 last)
{
	faulted(1);
	convert(0, 0, 99, 0);
	stream_begin(&stream, T, G, RANGE, 0, 0, false);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	if (last)
		stream_flush(&stream, T, first, last, false);
	here();
	stream_end(&stream, T, G, RANGE, 0, 0, false);
	stream_heartbeat(&stream);
}

static void test_never_flushed(void **state)
{
	(void)state;
	zapped_again(0, 0);
	expect_here(RULE_NEVER_FLUSHED);
	expect_pages(RULE_NEVER_FLUSHED, 0, 0);
}

static void test_flush_mismatch(void **state)
{
	const struct verdict_violation *found;

	(void)state;
	zapped_again(101, 102);
	expect_here(RULE_FLUSH_MISMATCH);
	expect_pages(RULE_FLUSH_MISMATCH, 0, 0);
	/* The flush that missed it is shown. */
	found = here_found(RULE_FLUSH_MISMATCH);
	assert_int_equal(found->events_nr, 4);
	assert_int_equal(found->events[2].kind, RECORD_FLUSH);
	assert_int_equal(found->events[2].first, 101);
}

static void test_freed_absent(void **state)
{
	(void)state;
	faulted(2);
	here();
	stream_page_free(&stream, T, 102, true);
	stream_heartbeat(&stream);
	expect_here(RULE_FREED_ABSENT);
	expect_pages(RULE_FREED_ABSENT, 1, 1);
}

/* Time alone proves it: as expect_here() ends a stream ten seconds late, it does so at once. */
static void test_stuck(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_heartbeat(&stream);
	here();
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	stream.now += SECOND;
	stream_heartbeat(&stream);
	expect_here(RULE_STUCK);
	expect_pages(RULE_STUCK, 0, 0);
}

static void test_long_exposure(void **state)
{
	(void)state;
	faulted(1);
	convert(0, 0, 99, 0);
	stream_begin(&stream, T, G, RANGE, 0, 0, false);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream.now += SECOND;
	here();
	stream_flush(&stream, T, 100, 100, false);
	stream_end(&stream, T, G, RANGE, 0, 0, false);
	stream_heartbeat(&stream);
	expect_here(RULE_LONG_EXPOSURE);
	expect_pages(RULE_LONG_EXPOSURE, 0, 0);
}

/* Page 0 is made absent by a call that began @before its split; a flush of everything may come later. */
static void split_more(__u64 before, bool later)
{
	struct record_zap *zap;

	convert(0, 0, 99, 0);
	stream_begin(&stream, T, G, RANGE, 0, 0, false);
	if (!later)
		stream_flush_all(&stream, T);
	stream.now += 10000;
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	zap = (struct record_zap *)(stream.data + stream.used - sizeof(*zap));
	zap->zap_begin = before ? zap->zap_end - before : 0;
	if (later)
		stream_flush_all(&stream, T);
	stream_flush(&stream, T, 100, 100, false);
	here();
	stream_end(&stream, T, G, RANGE, 0, 0, false);
	stream_heartbeat(&stream);
}

static void split(__u64 before, bool later)
{
	here_anew();
	faulted(1);
	split_more(before, later);
}

/* Behind a loss the flush may be of something else. */
static void test_split_behind_loss(void **state)
{
	(void)state;
	for (int long_ago = 0; long_ago < 2; long_ago++) {
		here_anew();
		stream_inode(&stream, G, RFC3, 64, false);
		stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 500, 1);
		heartbeats(long_ago ? 30 : 3);
		stream_fault(&stream, T, G, 0, 100);
		split_more(15000, false);
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		assert_int_equal(here_count(RULE_SPLIT), long_ago);
	}
}

static void test_split(void **state)
{
	(void)state;
	split(15000, false);
	split_more(15000, false);
	expect_unlisted(RULE_SPLIT);
	split(15000, false);
	expect_here(RULE_SPLIT);
	expect_pages(RULE_SPLIT, 0, 0);
	/* When the call began is not known; it began later; the flush is its task's own, behind it. */
	split(0, false);
	expect_silent(RULE_SPLIT);
	split(5000, false);
	expect_silent(RULE_SPLIT);
	split(15000, true);
	expect_silent(RULE_SPLIT);
}

#define SOURCES_MAX (16UL << 20) /* bytes, of all tests */

/* What the tests of this directory say. */
static char *tests_read(void)
{
	char *text = calloc(1, SOURCES_MAX), path[300];
	DIR *directory = opendir("tests/unit");
	const struct dirent *entry;
	size_t used = 0;

	assert_non_null(text);
	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		FILE *file;

		if (!strstr(entry->d_name, ".c"))
			continue;
		snprintf(path, sizeof(path), "tests/unit/%s", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		used += fread(text + used, 1, SOURCES_MAX - 1 - used, file);
		fclose(file);
	}
	closedir(directory);
	return text;
}

/* "expect_here(RULE_MISSED_PAGE)" */
static void here_of(const struct rule *rule, char *call, size_t size)
{
	snprintf(call, size, "expect_here(RULE_%s)", rule->name);
	for (char *at = call + strlen("expect_here("); *at; at++)
		*at = (char)(*at == '-' ? '_' : toupper((unsigned char)*at));
}

static void test_each_has_one(void **state)
{
	const struct rule *rule = NULL;
	char *text = tests_read(), call[96];

	(void)state;
	while ((rule = rule_next(rule))) {
		/* A walk of the whole direct map is no event of a page: tests/unit/test_map.c. */
		if (!rule->built || !strcmp(rule->name, "orphan-absent"))
			continue;
		here_of(rule, call, sizeof(call));
		if (!strstr(text, call))
			fail_msg("no test has %s: where in a stream does %s fire?", call,
				 rule->name);
	}
	free(text);
}

#define HERE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HERE_TEST(test_declared_mismatch), HERE_TEST(test_applied_mismatch),
		HERE_TEST(test_missed_page),	   HERE_TEST(test_foreign_page),
		HERE_TEST(test_never_flushed),	   HERE_TEST(test_flush_mismatch),
		HERE_TEST(test_freed_absent),	   HERE_TEST(test_stuck),
		HERE_TEST(test_long_exposure),	   HERE_TEST(test_split),
		HERE_TEST(test_split_behind_loss), cmocka_unit_test(test_each_has_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
