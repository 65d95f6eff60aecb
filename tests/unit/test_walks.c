// SPDX-License-Identifier: GPL-2.0
/* Walks of the direct map that come again and again while it is traced, as gmemtraced --map makes them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/walk.h"
#include "gmemtrace/model.h"
#include "gmemtrace/rules.h"
#include "map/survey.h"
#include "stream.h"

static struct stream stream;
static size_t fed; /* bytes of it */

static int setup(void **state)
{
	(void)state;
	stream_init(&stream);
	fed = 0;
	stream.model = model_create(NULL);
	stream.verdict = verdict_create(stream.model, NULL);
	return !stream.verdict;
}

static int teardown(void **state)
{
	(void)state;
	stream_free(&stream);
	return 0;
}

/* What is new goes to the model. */
static void feed(void)
{
	while (fed < stream.used) {
		const struct record_header *record = (const void *)(stream.data + fed);

		assert_int_equal(model_feed(stream.model, record), 0);
		fed += record->size;
	}
}

static void to_stream(void *context, const struct record_header *record)
{
	stream_add(context, record);
}

/* Pages of another owner, behind those that are walked. */
static uint64_t others;

static void pass(uint32_t number, uint64_t pfn, uint64_t nr, bool last, __s64 result)
{
	struct survey survey = { .pfn_nr = 1000 };
	const struct map_run run = { .pfn = pfn, .nr = nr, .what = MAP_WHAT(RECORD_MAP_FREE, 12) };

	const struct map_run other = { .pfn = pfn + nr,
				       .nr = others,
				       .what = MAP_WHAT(RECORD_MAP_SLAB, 12) };

	survey_begin(&survey, number, 0, stream.now);
	if (nr)
		survey_take(&survey, &run);
	if (nr && others)
		survey_take(&survey, &other);
	survey_taken(&survey);
	stream.now += SECOND;
	survey_tell(&survey, stream.now, result, last, to_stream, &stream);
	survey_free(&survey);
}

/* A whole walk that finds [pfn, pfn + nr) nobody's twice, and the heartbeats behind it. */
static void walk(uint64_t pfn, uint64_t nr)
{
	pass(0, pfn, nr, !nr, 0);
	if (nr)
		pass(1, pfn, nr, true, 0);
	stream.now += SECOND;
	stream_heartbeat(&stream);
	stream.now += SECOND;
	stream_heartbeat(&stream);
	feed();
}

static void expect(uint64_t walks, uint64_t orphans, uint64_t told)
{
	struct verdict_walked walked = verdict_walked(stream.verdict);

	assert_int_equal(walked.walks, walks);
	assert_int_equal(walked.orphan_pages, orphans);
	assert_int_equal(verdict_rule_told(stream.verdict, RULE_ORPHAN_ABSENT), told);
}

static bool judged(void)
{
	return verdict_judged(stream.verdict) >> RULE_ORPHAN_ABSENT & 1;
}

/* It is accused while it is traced, and a page that stays as it is once. */
static void test_same(void **state)
{
	(void)state;
	expect(0, 0, 0);
	assert_false(judged());
	walk(200, 3);
	expect(1, 3, 3);
	assert_true(judged());
	assert_int_equal(verdict_value(stream.verdict), VERDICT_VIOLATED);
	for (uint64_t walks = 2; walks < 6; walks++) {
		walk(200, 3);
		expect(walks, 3, 3);
	}
	assert_int_equal(verdict_violations(stream.verdict), 1);
	stream_finish(&stream);
	feed();
	assert_int_equal(model_finish(stream.model), 0);
	expect(5, 3, 3);
}

/* Of a run that has grown at both ends what is new is accused, and told of by itself. */
static void test_grown(void **state)
{
	const struct verdict_violation *violation;

	(void)state;
	walk(200, 3);
	walk(198, 7);
	expect(2, 7, 7);
	assert_int_equal(verdict_violations(stream.verdict), 2);
	violation = verdict_violation(stream.verdict, 1);
	assert_int_equal(violation->pages, 4);
	assert_non_null(strstr(violation->words, "pfn 0xc6-0xc7, 0xcb-0xcc"));
	/* And smaller again it is no new one. */
	walk(199, 2);
	expect(3, 2, 7);
}

/* What was put right, and then came again, is another one. */
static void test_again(void **state)
{
	(void)state;
	walk(200, 3);
	walk(0, 0);
	expect(2, 0, 3);
	assert_true(judged());
	walk(200, 3);
	expect(3, 3, 6);
	assert_int_equal(verdict_violations(stream.verdict), 2);
}

/* While one is under way the one before it speaks; where it fails nobody does, until one comes to its end. */
static void test_cut_off(void **state)
{
	(void)state;
	walk(200, 3);
	pass(0, 200, 100, false, 0);
	stream_heartbeat(&stream);
	feed();
	assert_true(judged());
	expect(1, 3, 3);
	pass(0, 0, 0, false, -EINTR);
	feed();
	assert_false(judged());
	expect(1, 3, 3);
	walk(200, 4);
	assert_true(judged());
	expect(2, 4, 4);
}

/* At the end, too, what is known is what the last whole walk found. */
static void test_cut_off_last(void **state)
{
	(void)state;
	walk(200, 3);
	pass(0, 0, 0, false, -EIO);
	stream_finish(&stream);
	feed();
	assert_int_equal(model_finish(stream.model), 0);
	assert_false(judged());
	expect(1, 3, 3);
}

/* A walk of which there is a begin alone has taken no time. */
static void test_begun(void **state)
{
	struct record_map_begin begin = {
		.header = { .kind = RECORD_MAP_BEGIN, .size = sizeof(begin), .time = stream.now },
		.pfn_nr = 9,
	};

	(void)state;
	stream_add(&stream, &begin.header);
	stream_finish(&stream);
	feed();
	assert_int_equal(model_finish(stream.model), 0);
	expect(0, 0, 0);
	assert_int_equal(verdict_walked(stream.verdict).ns, 0);
}

/* Pages of two kinds are two causes, which can be told from each other. */
static void test_kinds(void **state)
{
	const struct verdict_violation *one, *two;

	(void)state;
	others = 5;
	walk(200, 3);
	others = 0;
	expect(1, 8, 8);
	assert_int_equal(verdict_violations(stream.verdict), 2);
	one = verdict_violation(stream.verdict, 0);
	two = verdict_violation(stream.verdict, 1);
	assert_int_equal(one->pages + two->pages, 8);
	assert_false(one->pgoff_known);
	assert_true(one->variant != two->variant);
}

/* Where only one was, and was cut off, nothing is known, and it is said so at the end. */
static void test_never_whole(void **state)
{
	(void)state;
	pass(0, 200, 3, false, -EINTR);
	stream_heartbeat(&stream);
	feed();
	assert_false(judged());
	stream_finish(&stream);
	feed();
	assert_int_equal(model_finish(stream.model), 0);
	assert_false(judged());
	expect(0, 0, 0);
}

/* What happened during the walk, and is read behind it, is waited for: the page changed meanwhile. */
static void test_waits(void **state)
{
	struct record_heartbeat late = {
		.header = { .kind = RECORD_HEARTBEAT, .size = sizeof(late) },
		.groups = SENSOR_GROUP_VERDICT,
	};
	uint64_t within;

	(void)state;
	stream_heartbeat(&stream);
	pass(0, 200, 3, false, 0);
	within = stream.now;
	pass(1, 200, 3, true, 0);
	/* What is older than the walk's end may still come. */
	late.header.time = stream.now;
	late.watermark = within;
	stream_add(&stream, &late.header);
	feed();
	expect(0, 0, 0);
	stream.now = within + MS;
	stream_zap(&stream, 9, 0, 0, 200, 3, true, 0);
	stream_zap(&stream, 9, 0, 0, 200, 3, false, 0);
	stream_flush(&stream, 9, 200, 202, false);
	stream.now += 3 * SECOND;
	stream_heartbeat(&stream);
	stream_heartbeat(&stream);
	feed();
	expect(1, 0, 0);
	assert_true(judged());
	/* And so it is still when all is quiet: then it is an orphan. */
	walk(200, 3);
	expect(2, 3, 3);
}

/* Neighbours that a walk joins are judged one by one: wherever the one that is an inode's is among them. */
static void test_neighbours(void **state)
{
	(void)state;
	stream_inode(&stream, 1, RECORD_PROVIDER_SECRETMEM, 64, false);
	stream_fault(&stream, 7, 1, 0, 201);
	walk(200, 3);
	expect(1, 2, 2);
	assert_non_null(
		strstr(verdict_violation(stream.verdict, 0)->words, "pfn 0xc8-0xc8, 0xca-0xca"));
	walk(201, 2);
	expect(2, 1, 2);
	walk(200, 2);
	expect(3, 1, 3);
}

/*
 * A fault that is kept from its CPU between taking a page out and adding it to its file leaves it nobody's for as long:
 * left to the next walk, and said. Not where its task has gone on, nor a minute later.
 */
static void test_on_its_way(void **state)
{
	static const struct {
		uint64_t before; /* the walk, ns */
		enum {
			STAYS,
			FAULTS,
			TAKES_ANOTHER
		} then;
		uint64_t orphans;
	} tries[] = { { SECOND / 10, STAYS, 0 },
		      { SECOND / 10, FAULTS, 1 },
		      { SECOND / 10, TAKES_ANOTHER, 1 },
		      { 61 * SECOND, STAYS, 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		stream_free(&stream);
		assert_int_equal(setup(NULL), 0);
		stream_heartbeat(&stream);
		stream_inode(&stream, 1, RECORD_PROVIDER_SECRETMEM, 64, false);
		stream_zap(&stream, 7, 0, 0, 200, 1, false, 0);
		if (tries[i].then == TAKES_ANOTHER)
			stream_zap(&stream, 7, 0, 0, 300, 1, false, 0);
		if (tries[i].then == FAULTS)
			stream_fault(&stream, 7, 1, 0, 300);
		stream.now += tries[i].before;
		walk(200, 1);
		expect(1, tries[i].orphans, tries[i].orphans);
		assert_true(judged());
		if (tries[i].orphans)
			continue;
		stream_join(&stream, 7, 1, 0, 200);
		stream_flush(&stream, 7, 200, 200, false);
		walk(0, 0);
		expect(2, 0, 0);
		assert_int_equal(verdict_violations(stream.verdict), 0);
	}
}

/* --- from who walks to who judges --- */

static void test_channel(void **state)
{
	struct record_map_begin begin = {
		.header = { .kind = RECORD_MAP_BEGIN, .size = sizeof(begin), .time = 7 },
		.pfn_nr = 9,
	};
	struct record_heartbeat other = { .header = { .kind = RECORD_HEARTBEAT,
						      .size = sizeof(other) } };
	union walk_packet packet;
	char large[4096] = "";
	int ends[2];

	(void)state;
	assert_int_equal(walk_channel(ends), 0);
	assert_false(walk_receive(ends[0], &packet));
	/* Nonsense is passed over: another kind, a part, a size that is another, too much. */
	assert_true(send(ends[1], &other, sizeof(other), 0) > 0);
	assert_true(send(ends[1], &begin, 3, 0) > 0);
	assert_true(send(ends[1], &begin, sizeof(begin) - 8, 0) > 0);
	begin.header.size += 8;
	assert_true(send(ends[1], &begin, sizeof(begin), 0) > 0);
	begin.header.size -= 8;
	memcpy(large, &begin, sizeof(begin));
	assert_true(send(ends[1], large, sizeof(large), 0) > 0);
	assert_true(send(ends[1], &begin, sizeof(begin), 0) > 0);
	assert_true(walk_receive(ends[0], &packet));
	assert_int_equal(packet.header.kind, RECORD_MAP_BEGIN);
	assert_int_equal(packet.begin.pfn_nr, 9);
	assert_false(walk_receive(ends[0], &packet));
	assert_true(walk_tell_failed(ends[1]));
	assert_true(walk_receive(ends[0], &packet));
	assert_int_equal(packet.header.kind, RECORD_MAP_BEGIN);
	assert_true(walk_receive(ends[0], &packet));
	assert_int_equal(packet.header.kind, RECORD_MAP_END);
	assert_true(packet.end.result < 0 && packet.end.header.time);
	assert_false(walk_receive(ends[0], &packet));
	close(ends[1]);
	assert_false(walk_receive(ends[0], &packet));
	close(ends[0]);
}

static void fill(int channel)
{
	struct record_map_owner owner = { .header = { .kind = RECORD_MAP_OWNER,
						      .size = sizeof(owner) } };

	while (send(channel, &owner, sizeof(owner), MSG_DONTWAIT) > 0)
		;
}

/* Takes what waits; how many of @kind there are. */
static unsigned int take(struct map *map, int channel, uint32_t kind)
{
	union walk_packet packet;
	unsigned int nr = 0;

	while (walk_receive(channel, &packet)) {
		assert_int_equal(map_take(map, &packet.header), 0);
		nr += packet.header.kind == kind;
	}
	return nr;
}

/* Where half of it has room, and all of it later, the walk has failed and no record is odd. */
static void test_half_told(void **state)
{
	union walk_packet packet;
	struct map map = {};
	int ends[2];

	(void)state;
	assert_int_equal(walk_channel(ends), 0);
	fill(ends[1]);
	assert_false(walk_tell_failed(ends[1]));
	assert_true(walk_receive(ends[0], &packet));
	assert_false(walk_tell_failed(ends[1]));
	while (walk_receive(ends[0], &packet) && packet.header.kind == RECORD_MAP_OWNER)
		;
	assert_int_equal(packet.header.kind, RECORD_MAP_BEGIN);
	assert_int_equal(map_take(&map, &packet.header), 0);
	assert_true(map.open);
	assert_false(walk_receive(ends[0], &packet));
	assert_true(walk_tell_failed(ends[1]));
	assert_int_equal(take(&map, ends[0], RECORD_MAP_END), 1);
	assert_true(map.result < 0 && map.passes == 1 && !map.open && !map.malformed);
	map_free(&map);
	close(ends[0]);
	close(ends[1]);
}

#define WALK_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK_TEST(test_same),
		WALK_TEST(test_grown),
		WALK_TEST(test_again),
		WALK_TEST(test_cut_off),
		WALK_TEST(test_never_whole),
		WALK_TEST(test_waits),
		WALK_TEST(test_cut_off_last),
		WALK_TEST(test_begun),
		WALK_TEST(test_kinds),
		WALK_TEST(test_neighbours),
		WALK_TEST(test_on_its_way),
		cmocka_unit_test(test_channel),
		cmocka_unit_test(test_half_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
