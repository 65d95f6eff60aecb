// SPDX-License-Identifier: GPL-2.0
/* What gmemtraced remembers: all of it in order, the newest where it is too much, and who was there. */
#include <stdlib.h>
#include "scene.h"
#include "serve/history.h"
#include "simulator.h"

#define BIG 1000000U /* records: more than a small history holds */

static struct history *history;

static int open_small(void **state)
{
	(void)state;
	history = history_create(HISTORY_MIN);
	assert_non_null(history);
	return 0;
}

static int close_history(void **state)
{
	(void)state;
	history_free(history);
	return 0;
}

/* Hard to pack, so that there are blocks to drop. */
static void add(__u64 time, __u64 value)
{
	struct record_flush flush = {
		.header = { .kind = RECORD_FLUSH, .size = sizeof(flush), .time = time },
		.begin = value * 0x9e3779b97f4a7c15ULL,
		.first = value * 0xc2b2ae3d27d4eb4fULL,
		.last = value,
	};

	history_add(history, &flush.header);
}

static void add_inode(__u64 time, __u64 number, bool dead)
{
	struct record_inode inode = {
		.header = { .kind = RECORD_INODE,
			    .size = sizeof(inode),
			    .time = time,
			    .inode = number },
		.pages = 100 + number,
		.dead = dead,
	};

	history_add(history, &inode.header);
}

static void test_all(void **state)
{
	struct history_cursor cursor;
	const struct record_header *record;

	(void)state;
	for (__u64 i = 1; i <= 10000; i++)
		add(i, i);
	assert_int_equal(history_seek(history, 0, &cursor), 0);
	for (__u64 i = 1; i <= 10000; i++) {
		assert_int_equal(history_next(history, &cursor, &record), 1);
		assert_int_equal(record->time, i);
		assert_int_equal(((const struct record_flush *)record)->last, i);
	}
	assert_int_equal(history_next(history, &cursor, &record), 0);
	/* What comes later is met in its turn, a sealed block or not. */
	for (__u64 i = 10001; i <= 30000; i++) {
		add(i, i);
		assert_int_equal(history_next(history, &cursor, &record), 1);
		assert_int_equal(record->time, i);
	}
	assert_int_equal(history_next(history, &cursor, &record), 0);
	assert_int_equal(cursor.missed, 0);
	history_leave(&cursor);
}

static void test_bounded(void **state)
{
	struct history_cursor cursor;
	const struct record_header *record;
	__u64 first = 0, nr = 0, last = 0;
	size_t inodes = 0;

	(void)state;
	add_inode(1, 7, false);
	add_inode(1, 8, false);
	for (__u64 i = 1; i <= BIG; i++) {
		add(i, i);
		if (i == 5000)
			add_inode(i, 8, true);
		if (i == BIG / 2)
			add_inode(i, 9, false);
	}
	assert_true(history_bytes(history) <= HISTORY_MIN + 2 * HISTORY_BLOCK_BYTES + 4096);
	assert_true(history_dropped(history) > BIG / 2);
	assert_int_equal(history_seek(history, 0, &cursor), 0);
	while (history_next(history, &cursor, &record) > 0) {
		if (record->kind == RECORD_INODE) {
			const struct record_inode *inode = (const void *)record;

			/* Who still lives, as it was: 8 is dead, and nobody's any more. */
			assert_true(record->inode == 7 || record->inode == 9);
			assert_int_equal(inode->pages, 100 + record->inode);
			assert_true(inode->before_attach);
			assert_int_equal(record->time, cursor.begin);
			inodes++;
			continue;
		}
		first = first ? first : record->time;
		assert_true(!last || record->time == last + 1);
		last = record->time;
		nr++;
	}
	assert_int_equal(inodes, 2);
	assert_int_equal(last, BIG);
	/* With the three of inodes all are accounted for. */
	assert_int_equal(nr + history_dropped(history), BIG + 4);
	assert_true(first > cursor.begin);
	history_leave(&cursor);
}

static void test_since(void **state)
{
	struct history_cursor cursor;
	const struct record_header *record;

	(void)state;
	add_inode(1, 7, false);
	for (__u64 i = 1; i <= 12000; i++)
		add(i, i);
	assert_int_equal(history_seek(history, 9000, &cursor), 0);
	assert_int_equal(history_next(history, &cursor, &record), 1);
	assert_int_equal(record->kind, RECORD_INODE);
	assert_int_equal(history_next(history, &cursor, &record), 1);
	/* The block that has it, from its begin on. */
	assert_in_range(record->time, 2, 9000);
	assert_in_range(cursor.begin, 1, record->time - 1);
	history_leave(&cursor);
	assert_int_equal(history_seek(history, ~0ULL, &cursor), 0);
	assert_true(cursor.begin > 8000);
	history_leave(&cursor);
}

/* Who reads too slowly is told, and goes on with what there is. */
static void test_overtaken(void **state)
{
	struct history_cursor cursor;
	const struct record_header *record;

	(void)state;
	for (__u64 i = 1; i <= 10000; i++)
		add(i, i);
	assert_int_equal(history_seek(history, 0, &cursor), 0);
	assert_int_equal(history_next(history, &cursor, &record), 1);
	for (__u64 i = 10001; i <= BIG; i++)
		add(i, i);
	assert_int_equal(history_next(history, &cursor, &record), 1);
	assert_int_equal(cursor.missed, 1);
	assert_true(record->time > 10000);
	history_leave(&cursor);
}

/* The verdict on what is remembered is the one on what was traced. */
static void test_verdict(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed < 40; seed++) {
		struct simulator_options options = { .seed = seed, .keep = true, .steps = 4000 };
		struct simulator_result whole, told = { .model = NULL };
		struct history_cursor cursor;
		const struct record_header *record;

		options.fault = (enum simulator_fault)(seed % FAULT_NR);
		simulator_run(&options, &whole);
		history_free(history);
		history = history_create(HISTORY_MAX);
		for (size_t at = 0; at < whole.stream_used;) {
			record = (const struct record_header *)(whole.stream + at);
			history_add(history, record);
			at += record->size;
		}
		simulator_judge_begin(&told);
		assert_int_equal(history_seek(history, 0, &cursor), 0);
		while (history_next(history, &cursor, &record) > 0)
			assert_int_equal(model_feed(told.model, record), 0);
		assert_int_equal(model_finish(told.model), 0);
		assert_int_equal(verdict_value(told.verdict), verdict_value(whole.verdict));
		assert_int_equal(verdict_violations(told.verdict),
				 verdict_violations(whole.verdict));
		history_leave(&cursor);
		simulator_result_free(&told);
		simulator_result_free(&whole);
	}
}

#define HISTORY_TEST(name) cmocka_unit_test_setup_teardown(name, open_small, close_history)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HISTORY_TEST(test_all),	      HISTORY_TEST(test_bounded), HISTORY_TEST(test_since),
		HISTORY_TEST(test_overtaken), HISTORY_TEST(test_verdict),
	};

	(void)setup;
	(void)teardown;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
