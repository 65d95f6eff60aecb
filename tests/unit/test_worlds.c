// SPDX-License-Identifier: GPL-2.0
/*
 * Hundreds of small worlds: a VM whose slots lead to pages of several inodes, converted, faulted in,
 * punched, hit by memory failure, and read in between. What is right is said page by page, by arrays
 * that know no rule: a correct world is consistent, and where a kernel does wrong what is wrong
 * at a read, or was never flushed, makes it violated.
 *
 * WORLDS_SEEDS sets how many seeds, WORLDS_SEED the first, WORLDS_WRONG one fault, WORLDS_TEST a test.
 */
#include <stdio.h>
#include <stdlib.h>
#include "gmemtrace/report.h"
#include "scene.h"
#include "world.h"

#define SEEDS_MAX 400

static void world_run(unsigned int seed, enum wrong wrong)
{
	world_make(&stream, seed, wrong);
	stream_judge(&stream, NULL);
}

static unsigned int seeds = 12, seed_first = 1;

static void fail_with(unsigned int seed, enum wrong wrong, const char *what)
{
	report_verdict(stderr, stream.verdict, report_format_find("text"), false);
	fail_msg("seed %u %s: %s", seed, wrong_names[wrong], what);
}

/* Some do harm in few worlds: until one is. */
static bool enough(unsigned int nr, enum wrong wrong, unsigned int harmed)
{
	return nr >= seeds && (!wrong || harmed || nr >= SEEDS_MAX);
}

static void check_wrong(enum wrong wrong)
{
	unsigned int harmed = 0, struck = 0, nr = 0;

	for (; !enough(nr, wrong, harmed); nr++) {
		unsigned int seed = seed_first + nr;
		enum verdict_value value;

		world_run(seed, wrong);
		value = verdict_value(stream.verdict);
		if (!world.struck && value != VERDICT_CONSISTENT)
			fail_with(seed, wrong, "a correct world is not consistent");
		if (world.harm && value != VERDICT_VIOLATED)
			fail_with(seed, wrong, "what is wrong is not found");
		harmed += world.harm;
		struck += world.struck;
		stream_free(&stream);
	}
	print_message("# %s: struck in %u, harm in %u of %u\n", wrong_names[wrong], struck, harmed,
		      nr);
	assert_true(!wrong == !harmed);
}

static void test_worlds(void **state)
{
	const char *only = getenv("WORLDS_WRONG");

	(void)state;
	for (enum wrong wrong = RIGHT; wrong < WRONGS; wrong++) {
		if (!only || !strcmp(only, wrong_names[wrong]))
			check_wrong(wrong);
	}
}

/*
 * What user space makes itself is not lost on its way there; and a read that a piece of is lost says so
 * itself at its end.
 */
static bool may_be_lost(__u16 kind)
{
	return kind != RECORD_HEARTBEAT && kind != RECORD_END && kind != RECORD_INODE &&
	       kind != RECORD_SNAPSHOT_PAGE && kind != RECORD_PROMISE_READ;
}

static void feed(const struct record_header *record)
{
	assert_int_equal(model_feed(stream.model, record), 0);
}

/* Judges the world without the record at @lost, of which the heartbeat behind it tells. */
static void judge_without(size_t lost)
{
	struct record_loss loss = { .header = { .kind = RECORD_LOSS, .size = sizeof(loss) },
				    .cause = RECORD_LOSS_RING_FULL };
	__u64 since = 0;

	stream.model = model_create(NULL);
	stream.verdict = verdict_create(stream.model, NULL);
	for (size_t at = 0; at < stream.used;) {
		const struct record_header *record = (const void *)(stream.data + at);

		if (at == lost) {
			loss.count = 1;
			loss.since = since;
			loss.header.inode = record->inode;
		} else {
			if (record->kind == RECORD_HEARTBEAT) {
				loss.header.time = record->time;
				if (loss.count)
					feed(&loss.header);
				loss.count = 0;
				since = record->time;
			}
			feed(record);
		}
		at += record->size;
	}
	assert_int_equal(model_finish(stream.model), 0);
}

static size_t record_at(size_t nr)
{
	size_t at = 0;

	while (nr--)
		at += ((const struct record_header *)(stream.data + at))->size;
	return at;
}

static size_t records_nr(void)
{
	size_t nr = 0;

	for (size_t at = 0; at < stream.used; nr++)
		at += ((const struct record_header *)(stream.data + at))->size;
	return nr;
}

#define LOSSES 40 /* of a world */

/* One record is lost, wherever: nobody is accused for it, and what is wrong does not hide behind it. */
static void test_single_losses(void **state)
{
	(void)state;
	for (unsigned int seed = seed_first; seed < seed_first + seeds; seed++) {
		enum wrong wrong = seed % 3 ? RIGHT : (enum wrong)(1 + seed / 3 % (WRONGS - 1));
		size_t nr;

		world_make(&stream, seed, wrong);
		nr = records_nr();
		for (int i = 0; i < LOSSES; i++) {
			size_t lost = record_at(world_draw(nr));
			const struct record_header *record = (const void *)(stream.data + lost);
			enum verdict_value value;

			if (!may_be_lost(record->kind))
				continue;
			judge_without(lost);
			value = verdict_value(stream.verdict);
			if (value == VERDICT_CONSISTENT ||
			    (value == VERDICT_VIOLATED && !world.struck)) {
				print_message("# without the %s of inode %llu at %zu\n",
					      record_kind_name(record->kind),
					      (unsigned long long)record->inode, lost);
				fail_with(seed, wrong, "a loss makes a verdict");
			}
			verdict_free(stream.verdict);
			model_free(stream.model);
			stream.verdict = NULL;
			stream.model = NULL;
		}
		stream_free(&stream);
	}
}

/* Judges what comes from @from on: the sensors are late, and find three inodes. */
static void judge_late(size_t from)
{
	const struct record_header *first = (const void *)(stream.data + from);
	struct record_heartbeat heartbeat = {
		.header = { .kind = RECORD_HEARTBEAT,
			    .size = sizeof(heartbeat),
			    .time = first->time },
		.watermark = first->time,
		.groups = SENSOR_GROUP_VERDICT | SENSOR_GROUP_PAGE_FREE,
	};

	stream.model = model_create(NULL);
	stream.verdict = verdict_create(stream.model, NULL);
	feed(&heartbeat.header);
	for (size_t at = 0; at < stream.used;) {
		const struct record_header *record = (const void *)(stream.data + at);
		struct record_inode inode;

		if (at >= from) {
			feed(record);
		} else if (record->kind == RECORD_INODE) {
			inode = *(const struct record_inode *)record;
			inode.header.time = first->time;
			inode.before_attach = 1;
			feed(&inode.header);
		}
		at += record->size;
	}
	assert_int_equal(model_finish(stream.model), 0);
}

/* Changes travel in a ring of their own: up to each heartbeat the two come in any order. */
static void judge_merged(void)
{
	static size_t zaps[1 << 16], others[1 << 16];
	size_t zaps_nr = 0, others_nr = 0;

	stream.model = model_create(NULL);
	stream.verdict = verdict_create(stream.model, NULL);
	for (size_t at = 0; at < stream.used;) {
		const struct record_header *record = (const void *)(stream.data + at);
		size_t zap = 0, other = 0;

		if (record->kind == RECORD_ZAP)
			zaps[zaps_nr++] = at;
		else if (record->kind != RECORD_HEARTBEAT && record->kind != RECORD_END)
			others[others_nr++] = at;
		at += record->size;
		if (record->kind != RECORD_HEARTBEAT && record->kind != RECORD_END)
			continue;
		while (zap < zaps_nr || other < others_nr) {
			bool takes = other == others_nr || (zap < zaps_nr && world_draw(2));

			feed((const void *)(stream.data + (takes ? zaps[zap++] : others[other++])));
		}
		zaps_nr = others_nr = 0;
		feed(record);
	}
	assert_int_equal(model_finish(stream.model), 0);
}

static void test_merged(void **state)
{
	(void)state;
	for (unsigned int seed = seed_first; seed < seed_first + seeds * 4; seed++) {
		enum wrong wrong = seed % 3 ? RIGHT : (enum wrong)(1 + seed / 3 % (WRONGS - 1));
		enum verdict_value value;

		world_make(&stream, seed, wrong);
		judge_merged();
		value = verdict_value(stream.verdict);
		if (!world.struck && value != VERDICT_CONSISTENT)
			fail_with(seed, wrong, "in another order it is not consistent");
		if (world.harm && value != VERDICT_VIOLATED)
			fail_with(seed, wrong, "in another order it is not found");
		stream_free(&stream);
	}
}

static void test_late(void **state)
{
	unsigned int consistent = 0;

	(void)state;
	/* What began before they came may run for two seconds. */
	world_tick = 300 * MS;
	for (unsigned int seed = seed_first; seed < seed_first + seeds; seed++) {
		size_t nr;

		world_make(&stream, seed, RIGHT);
		nr = records_nr();
		for (int i = 0; i < LOSSES / 2; i++) {
			size_t from = record_at(INODES + world_draw(nr - INODES));

			judge_late(from);
			if (verdict_value(stream.verdict) == VERDICT_VIOLATED) {
				print_message("# from %zu on\n", from);
				fail_with(seed, RIGHT, "who came late accuses");
			}
			consistent += verdict_value(stream.verdict) == VERDICT_CONSISTENT;
			verdict_free(stream.verdict);
			model_free(stream.model);
			stream.verdict = NULL;
			stream.model = NULL;
		}
		stream_free(&stream);
	}
	print_message("# consistent: %u of %u\n", consistent, seeds * LOSSES / 2);
	assert_true(consistent > seeds);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_worlds),
					    cmocka_unit_test(test_single_losses),
					    cmocka_unit_test(test_merged),
					    cmocka_unit_test(test_late) };
	const char *value;

	value = getenv("WORLDS_SEEDS");
	if (value)
		seeds = (unsigned int)strtoul(value, NULL, 0);
	value = getenv("WORLDS_SEED");
	if (value)
		seed_first = (unsigned int)strtoul(value, NULL, 0);
	cmocka_set_test_filter(getenv("WORLDS_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
