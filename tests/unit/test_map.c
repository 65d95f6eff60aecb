// SPDX-License-Identifier: GPL-2.0
/*
 * The walk of the direct map (bpf/map.h, as it is) over page tables that were made, of four and
 * five levels; what its runs add up to (src/map/survey.c); and which pages are orphans (src/map/map.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/cdefs.h>

#include <cmocka.h>

#include "gmemtrace/rules.h"
#include "map/map.h"
#include "map/survey.h"
#include "report/map.h"
#include "minimal.h"

/* What the kernel and libbpf give the walk. */
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#define GMEMTRACE_BPF_PAGE_H
#define PAGE_SHIFT 12
#define __noinline __attribute__((noinline))
#define preserve_access_index unused
#define bpf_core_type_id_kernel(type) 0

static struct sensor_config sensor;

static const void *bpf_rdonly_cast(const void *object, __u32 type)
{
	(void)type;
	return object;
}

static long bpf_probe_read_kernel(void *to, __u32 size, const void *address);

#include "bpf/map.h"

/* --- page tables --- */

#define TABLES 600
#define UNREADABLE 7 /* a table that is said to be here cannot be read */
#define ENTRY_TABLE 0x63ULL
#define NX (1ULL << 63)

static uint64_t tables[TABLES][512]; /* the table of number n is at physical address n << 12 */
static size_t tables_nr;
static size_t reads;

static long bpf_probe_read_kernel(void *to, __u32 size, const void *address)
{
	uint64_t offset = (uint64_t)(uintptr_t)address - sensor.page_offset;

	reads++;
	if (offset >> 12 == UNREADABLE || offset >> 12 >= tables_nr)
		return -14;
	assert_true((offset & 4095) + size <= 4096);
	memcpy(to, (const char *)tables + offset, size);
	return 0;
}

static uint64_t table_new(void)
{
	assert_true(tables_nr < TABLES);
	memset(tables[tables_nr], 0, sizeof(tables[0]));
	return tables_nr++ << 12;
}

static void map_reset(bool five)
{
	tables_nr = UNREADABLE + 1;
	memset(&sensor, 0, sizeof(sensor));
	sensor.five_levels = five;
	sensor.page_offset = five ? 0xff11000000000000ULL : 0xffff888000000000ULL;
	sensor.entry_mask = 0x000ffffffffff000ULL;
	sensor.init_pgd = sensor.page_offset + table_new();
}

/* The entry that maps @address at the level of @shift; tables above it are made. */
static uint64_t *entry_at(uint64_t address, uint32_t shift)
{
	uint64_t *table = tables[(sensor.init_pgd - sensor.page_offset) >> 12];

	for (uint32_t level = sensor.five_levels ? 48 : 39; level > shift; level -= 9) {
		uint64_t *entry = &table[address >> level & 511];

		if (!*entry)
			*entry = table_new() | ENTRY_TABLE;
		table = tables[(*entry & sensor.entry_mask) >> 12];
	}
	return &table[address >> shift & 511];
}

static void leaf_set(uint64_t pfn, uint32_t shift)
{
	uint64_t address = sensor.page_offset + (pfn << 12);

	*entry_at(address, shift) = pfn << 12 | NX | 0x63 | (shift > 12 ? ENTRY_LEAF : 0);
}

/* --- whose pages are --- */

#define PFNS (1U << 21) /* 8 GiB */

static uint8_t owners[PFNS]; /* enum record_map_whose, of those that are absent */
static uint64_t i_inos[PFNS];
static uint8_t shifts[PFNS]; /* where the entry is that says so */

__u64 map_owner(struct map_scratch *scratch, __u64 pfn)
{
	assert_true(pfn < PFNS);
	scratch->i_ino = i_inos[pfn];
	return owners[pfn];
}

static uint64_t wanted_first, wanted_nr, wanted_met;

int map_wanted(struct map_scratch *scratch, __u64 pfn, __u64 nr)
{
	if (pfn >= wanted_first + wanted_nr || pfn + nr <= wanted_first)
		return 0;
	wanted_met++;
	map_extend(scratch, pfn, nr, MAP_WHAT(RECORD_MAP_PRESENT, 12), 0);
	return 0;
}

/* --- a walk, as map.bpf.c and mapper.c do it --- */

static struct map_scratch scratch;
static size_t calls;

/* One call of the program: @blocks at most. */
static void part_walk(struct map_args *args)
{
	scratch.next = args->next;
	scratch.end = args->end;
	scratch.space = args->space;
	scratch.runs = 0;
	scratch.run.nr = 0;
	memset(scratch.leaves, 0, sizeof(scratch.leaves));
	for (uint32_t i = 0; i < args->blocks && map_goes_on(&scratch); i++)
		map_block(&scratch);
	map_flush(&scratch);
	assert_true(scratch.runs <= MAP_RUNS_NR);
	assert_true(scratch.next > args->next && scratch.next <= args->end);
	args->next = scratch.next;
	args->runs = scratch.runs;
	memcpy(args->leaves, scratch.leaves, sizeof(args->leaves));
	calls++;
}

/* All of [first, end), pfns, with @blocks a call; 0: any number. */
static void walk_pfns(struct survey *survey, uint64_t first, uint64_t end, uint32_t blocks)
{
	struct map_args args = { .next = sensor.page_offset + (first << 12),
				 .end = sensor.page_offset + (end << 12) };

	calls = 0;
	while (args.next < args.end) {
		args.blocks = blocks ? blocks : 1 + (uint32_t)rand() % 8;
		part_walk(&args);
		for (uint32_t i = 0; i < args.runs; i++)
			survey_take(survey, &scratch.list[i]);
		for (size_t i = 0; i < MAP_SIZES; i++)
			survey->leaves[i] += args.leaves[i];
	}
	survey_taken(survey);
}

/* --- what of it is told --- */

static struct map map;

static void to_map(void *context, const struct record_header *record)
{
	(void)context;
	assert_true(record->size >= record_stored_size(record->kind));
	assert_int_equal(map_take(&map, record), 0);
}

static uint64_t sum_pages(enum record_map_whose owner, uint64_t i_ino)
{
	for (size_t i = 0; i < map.sums_nr; i++) {
		if (map.sums[i].owner == owner && map.sums[i].i_ino == i_ino)
			return map.sums[i].pages;
	}
	return 0;
}

static uint64_t sum_runs(enum record_map_whose owner, uint64_t i_ino)
{
	for (size_t i = 0; i < map.sums_nr; i++) {
		if (map.sums[i].owner == owner && map.sums[i].i_ino == i_ino)
			return map.sums[i].runs;
	}
	return 0;
}

/* A pass over @pfns pages from @first, told at @time. */
static void pass(uint32_t number, uint64_t first, uint64_t end, uint32_t blocks, uint64_t time)
{
	struct survey survey = { .pfn_nr = end };

	survey_begin(&survey, number, 0, time);
	walk_pfns(&survey, first, end, blocks);
	assert_false(survey.failed);
	survey_tell(&survey, time + 1000, 0, false, to_map, NULL);
	survey_free(&survey);
}

static int teardown(void **state)
{
	(void)state;
	map_free(&map);
	return 0;
}

static void absent(uint64_t pfn, uint64_t nr, enum record_map_whose owner, uint64_t i_ino)
{
	for (uint64_t i = pfn; i < pfn + nr; i++) {
		owners[i] = owner;
		i_inos[i] = i_ino;
	}
}

static void present(uint64_t pfn, uint64_t nr, uint32_t shift)
{
	for (uint64_t i = 0; i < nr; i++)
		leaf_set(pfn + (i << (shift - 12)), shift);
}

/* 1 GiB by one leaf, 1 GiB by 2M, 2M by 4K of which ten are a memfd_secret's, then a hole. */
static void made_map(bool five)
{
	map_reset(five);
	absent(0, PFNS, RECORD_MAP_HOLE, 0);
	present(0, 1, 30);
	present(1U << 18, 512, 21);
	present(2U << 18, 512, 12);
	absent((2U << 18) + 100, 10, RECORD_MAP_SECRETMEM, 77);
	for (uint64_t i = 0; i < 10; i++)
		*entry_at(sensor.page_offset + ((((2ULL << 18) + 100) + i) << 12), 12) ^= 1;
}

static void test_levels(bool five)
{
	made_map(five);
	pass(0, 0, PFNS, 4096, 1);
	assert_int_equal(map.leaves[0], 502);
	assert_int_equal(map.leaves[1], 512);
	assert_int_equal(map.leaves[2], 1);
	assert_int_equal(sum_pages(RECORD_MAP_SECRETMEM, 77), 10);
	assert_int_equal(sum_runs(RECORD_MAP_SECRETMEM, 77), 1);
	assert_int_equal(map.absent, 10);
	assert_int_equal(sum_pages(RECORD_MAP_HOLE, 0), PFNS - (2U << 18) - 512);
	assert_int_equal(map.unread, 0);
	assert_null(map_not_judged(&map));
	assert_int_equal(map.malformed, 0);
}

static void test_four_levels(void **state)
{
	(void)state;
	test_levels(false);
}

static void test_five_levels(void **state)
{
	(void)state;
	test_levels(true);
}

/* A walk of one level too few finds nothing where it looks: the control of the two above. */
static void test_wrong_levels(void **state)
{
	(void)state;
	made_map(false);
	sensor.five_levels = true;
	pass(0, 0, PFNS, 4096, 1);
	assert_int_not_equal(map.leaves[2], 1);
}

/* A huge leaf is one read, and 64 of them are read at once. */
static void test_cost(void **state)
{
	(void)state;
	made_map(false);
	reads = 0;
	pass(0, 1U << 18, 2U << 18, 4096, 1);
	assert_int_equal(map.leaves[1], 512);
	assert_true(reads <= 8 * 5);
}

/* A table that cannot be read says nothing of what is below, and of nothing else. */
static void test_unread(void **state)
{
	(void)state;
	made_map(true);
	*entry_at(sensor.page_offset + (((1ULL << 18) + 512) << 12), 21) =
		UNREADABLE << 12 | ENTRY_TABLE;
	pass(0, 0, PFNS, 4096, 1);
	assert_int_equal(map.unread, 512);
	assert_int_equal(map.leaves[1], 511);
	assert_int_equal(map.absent, 10);
	assert_non_null(map_not_judged(&map));
}

/* What every page is, set by chance; each region in a way of its own. */
static void random_map(uint64_t pfns)
{
	static const uint8_t kinds[] = { RECORD_MAP_SECRETMEM, RECORD_MAP_GMEM, RECORD_MAP_RESERVED,
					 RECORD_MAP_FREE, RECORD_MAP_NOBODY };

	map_reset(rand() % 2);
	memset(shifts, 0, sizeof(shifts));
	absent(0, PFNS, RECORD_MAP_HOLE, 0);
	for (uint64_t pfn = 0; pfn < pfns; pfn += 512) {
		int way = rand() % 6;

		if (way == 0)
			absent(pfn, 512, kinds[rand() % 5], (uint64_t)rand() % 3);
		if (way == 1 || way == 2) {
			leaf_set(pfn, 21);
			memset(&shifts[pfn], 21, 512);
		}
		for (uint64_t i = 0; way >= 3 && i < 512; i++) {
			bool there = way == 3 || (way == 4 ? rand() % 2 : rand() % 50);

			if (there)
				leaf_set(pfn + i, 12);
			else /* a table of its own all the same */
				(void)entry_at(sensor.page_offset + ((pfn + i) << 12), 12);
			shifts[pfn + i] = there ? 12 : 0;
			if (!there)
				absent(pfn + i, 1, kinds[rand() % 5], (uint64_t)rand() % 3);
		}
	}
}

/* The sums, page by page. */
static void compare_map(uint64_t pfns)
{
	uint64_t leaves[MAP_SIZES] = {}, all = 0;

	for (uint64_t pfn = 0; pfn < pfns; pfn++) {
		leaves[0] += shifts[pfn] == 12;
		leaves[1] += shifts[pfn] == 21 && !(pfn & 511);
		all += !shifts[pfn] && owners[pfn] != RECORD_MAP_HOLE;
	}
	assert_int_equal(map.leaves[0], leaves[0]);
	assert_int_equal(map.leaves[1], leaves[1]);
	assert_int_equal(map.leaves[2], 0);
	assert_int_equal(map.absent, all);
	for (uint32_t owner = RECORD_MAP_HOLE; owner <= RECORD_MAP_ANON; owner++) {
		for (uint64_t i_ino = 0; i_ino < 3; i_ino++) {
			uint64_t nr = 0;

			for (uint64_t pfn = 0; pfn < pfns; pfn++)
				nr += !shifts[pfn] && owners[pfn] == owner && i_inos[pfn] == i_ino;
			assert_int_equal(sum_pages(owner, i_ino), nr);
		}
	}
}

/* However the walk is cut into calls, and wherever it begins and ends, it is the same. */
static void test_resumed(void **state)
{
	uint64_t pfns = 512 * 40;

	(void)state;
	for (unsigned int seed = 1; seed <= 12; seed++) {
		uint64_t runs;

		srand(seed);
		random_map(pfns);
		pass(0, 0, pfns, 1U << 20, 1);
		compare_map(pfns);
		runs = sum_runs(RECORD_MAP_FREE, 1);
		pass(0, 0, pfns, 0, 1);
		assert_true(calls > 5);
		compare_map(pfns);
		assert_int_equal(sum_runs(RECORD_MAP_FREE, 1), runs);
	}
}

/* A part of it, not from a block's begin nor to a block's end: passes behind the first do that. */
static void test_part(void **state)
{
	(void)state;
	made_map(true);
	pass(0, (2U << 18) + 99, (2U << 18) + 103, 4096, 1);
	assert_int_equal(map.leaves[0], 1);
	assert_int_equal(sum_pages(RECORD_MAP_SECRETMEM, 77), 3);
	map_free(&map);
	pass(0, (1U << 18) + 3, (1U << 18) + 4, 4096, 1); /* within a 2M leaf */
	assert_int_equal(map.leaves[1], 1);
	assert_int_equal(map.absent, 0);
}

/* More runs than a call can tell of end it. */
static void test_many_runs(void **state)
{
	uint64_t pfns = 4 * MAP_RUNS_NR;

	(void)state;
	map_reset(false);
	absent(0, pfns, RECORD_MAP_SECRETMEM, 5);
	for (uint64_t pfn = 0; pfn < pfns; pfn += 2)
		leaf_set(pfn, 12);
	pass(0, 0, pfns, 1U << 20, 1);
	assert_true(calls >= 4);
	assert_int_equal(map.leaves[0], pfns / 2);
	assert_int_equal(sum_pages(RECORD_MAP_SECRETMEM, 5), pfns / 2);
	assert_int_equal(sum_runs(RECORD_MAP_SECRETMEM, 5), pfns / 2);
}

/* Other mappings of the kernel: which pages are mapped there, by 4K or 2M; what is empty is skipped. */
static void test_other_space(void **state)
{
	struct map_args args = { .space = MAP_SPACE_OTHER, .blocks = 4096 };
	uint64_t base = 0xffffc90000000000ULL;

	(void)state;
	map_reset(false);
	*entry_at(base + 4096 * 1000, 12) = 4242ULL << 12 | 0x63;
	*entry_at(base + (300ULL << 30), 21) = 1024ULL << 12 | 0x1000 | 0x63 | ENTRY_LEAF;
	wanted_first = 1030;
	wanted_nr = 4000;
	wanted_met = 0;
	args.next = base;
	args.end = base + (32ULL << 40);
	reads = 0;
	while (args.next < args.end)
		part_walk(&args);
	assert_int_equal(wanted_met, 2);
	assert_true(reads < 30000);
}

/* --- what runs add up to --- */

static void take(struct survey *survey, uint64_t pfn, uint64_t nr, uint32_t owner)
{
	const struct map_run run = { .pfn = pfn, .nr = nr, .what = MAP_WHAT(owner, 12) };

	survey_take(survey, &run);
}

static void claims(uint64_t pfn, uint64_t nr, uint64_t claimed, uint64_t runs_left)
{
	struct survey survey = {};
	uint64_t left = 0;

	survey_begin(&survey, 0, 0, 1);
	take(&survey, 10, 10, RECORD_MAP_NOBODY);
	take(&survey, 30, 10, RECORD_MAP_FREE);
	take(&survey, 40, 5, RECORD_MAP_SECRETMEM);
	take(&survey, 50, 10, RECORD_MAP_NOBODY);
	survey_taken(&survey);
	survey_claim(&survey, pfn, nr, RECORD_MAP_VMALLOC);
	assert_int_equal(survey.suspects.nr, runs_left);
	for (size_t i = 0; i < survey.suspects.nr; i++) {
		const struct map_run_of *run = &survey.suspects.list[i];

		left += run->nr;
		assert_true(run->nr && (run->pfn >= pfn + nr || run->pfn + run->nr <= pfn));
		assert_true(!i || run->pfn >= run[-1].pfn + run[-1].nr);
	}
	assert_int_equal(left, 30 - claimed);
	survey_tell(&survey, 2, 0, false, to_map, NULL);
	assert_int_equal(sum_pages(RECORD_MAP_VMALLOC, 0), claimed);
	assert_int_equal(map_orphan_pages(&map), 30 - claimed);
	survey_free(&survey);
}

/* What somebody is found to have mapped is his: all of it, a part, the middle, parts of several. */
static void test_claims(void **state)
{
	(void)state;
	claims(0, 10, 0, 3);
	claims(20, 10, 0, 3);
	claims(10, 10, 10, 2);
	claims(10, 3, 3, 3);
	claims(17, 3, 3, 3);
	claims(13, 4, 4, 4);
	claims(5, 10, 5, 3);
	claims(15, 40, 5 + 10 + 5, 2);
	claims(0, 100, 30, 0);
}

/* Runs that lie side by side are one, also where the second came by another call. */
static void test_joined(void **state)
{
	struct survey survey = {};

	(void)state;
	survey_begin(&survey, 0, 0, 1);
	take(&survey, 10, 10, RECORD_MAP_GMEM);
	take(&survey, 20, 1, RECORD_MAP_GMEM);
	take(&survey, 22, 1, RECORD_MAP_GMEM);
	take(&survey, 23, 1, RECORD_MAP_SECRETMEM);
	survey_taken(&survey);
	survey_tell(&survey, 2, 0, false, to_map, NULL);
	survey_free(&survey);
	assert_int_equal(sum_runs(RECORD_MAP_GMEM, 0), 2);
	assert_int_equal(sum_pages(RECORD_MAP_GMEM, 0), 12);
	assert_int_equal(map.absent, 13);
}

/* --- which are orphans --- */

/* A pass that finds [pfn, pfn + nr) nobody's; none where nr is 0. */
static void found(uint32_t number, uint64_t time, uint64_t pfn, uint64_t nr, uint32_t bits,
		  int64_t result)
{
	struct survey survey = { .pfn_nr = 1000 };

	survey_begin(&survey, number, bits, time);
	if (nr)
		take(&survey, pfn, nr, RECORD_MAP_FREE);
	survey_taken(&survey);
	survey_tell(&survey, time + 1000, result, false, to_map, NULL);
	survey_free(&survey);
}

static void test_two_passes(void **state)
{
	(void)state;
	assert_non_null(map_not_judged(&map));
	found(0, SECOND, 100, 10, 0, 0);
	assert_non_null(map_not_judged(&map));
	assert_false(map_proven(&map));
	found(1, SECOND + SECOND / 4, 100, 10, 0, 0);
	assert_false(map_proven(&map)); /* too soon */
	found(2, 2 * SECOND, 105, 10, 0, 0);
	assert_true(map_proven(&map));
	assert_null(map_not_judged(&map));
	assert_int_equal(map.orphans.nr, 1);
	assert_int_equal(map.orphans.list[0].pfn, 105);
	assert_int_equal(map_orphan_pages(&map), 5);
}

/* What has an owner, or is present, in any pass behind the first was on its way. */
static void test_on_its_way(void **state)
{
	(void)state;
	found(0, SECOND, 100, 10, 0, 0);
	found(1, 2 * SECOND, 0, 0, 0, 0);
	assert_int_equal(map.orphans.nr, 0);
	assert_null(map_not_judged(&map));
	found(2, 3 * SECOND, 100, 10, 0, 0);
	assert_int_equal(map.orphans.nr, 0);
}

static void test_not_judged(void **state)
{
	(void)state;
	found(0, SECOND, 100, 10, RECORD_MAP_ALLOCATOR_UNMAPS, 0);
	found(1, 2 * SECOND, 100, 10, RECORD_MAP_ALLOCATOR_UNMAPS, 0);
	assert_false(map_proven(&map));
	assert_non_null(map_not_judged(&map));
	found(0, SECOND, 0, 0, 0, -4); /* stopped */
	assert_non_null(map_not_judged(&map));
	found(0, SECOND, 0, 0, 0, 0); /* and the control */
	assert_null(map_not_judged(&map));
	/* A pass that was stopped does not prove that the rest is gone. */
	found(0, SECOND, 100, 10, 0, 0);
	found(1, 2 * SECOND, 0, 0, 0, -4);
	assert_int_equal(map.orphans.nr, 1);
	assert_false(map_proven(&map));
}

/* More runs than are kept: those that are are judged, and that there are more is said. */
static void test_cut(void **state)
{
	struct survey survey = {};

	(void)state;
	for (uint32_t number = 0; number < 2; number++) {
		survey_begin(&survey, number, 0, (1 + number) * SECOND);
		for (uint64_t i = 0; i < RECORD_MAP_RUNS_MAX + 5; i++)
			take(&survey, 2 * i, 1, RECORD_MAP_FREE);
		survey_taken(&survey);
		survey_tell(&survey, (1 + number) * SECOND + 1, 0, false, to_map, NULL);
	}
	survey_free(&survey);
	assert_int_equal(map.orphans.nr, RECORD_MAP_RUNS_MAX);
	assert_true(map_proven(&map));
	assert_non_null(map_not_judged(&map));
}

static void test_nonsense(void **state)
{
	struct record_map_begin begin = {
		.header = { .kind = RECORD_MAP_BEGIN, .size = sizeof(begin), .time = 1 },
		.pfn_nr = 100,
	};
	struct record_map_run run = {
		.header = { .kind = RECORD_MAP_RUN, .size = sizeof(run) },
		.pfn = 10,
		.nr = 5,
		.owner = RECORD_MAP_FREE,
	};
	struct record_map_owner owner = {
		.header = { .kind = RECORD_MAP_OWNER, .size = sizeof(owner) },
		.pages = 1,
		.runs = 2,
		.owner = RECORD_MAP_GMEM,
	};
	struct record_map_end end = { .header = { .kind = RECORD_MAP_END, .size = sizeof(end) } };

	(void)state;
	to_map(NULL, &run.header);
	to_map(NULL, &owner.header);
	to_map(NULL, &end.header);
	assert_int_equal(map.malformed, 3); /* nothing has begun */
	begin.pass = 3;
	to_map(NULL, &begin.header);
	assert_int_equal(map.malformed, 4);
	begin.pass = 0;
	to_map(NULL, &begin.header);
	assert_int_equal(map.malformed, 4); /* a new walk forgets none of them */
	to_map(NULL, &owner.header); /* more runs than pages */
	to_map(NULL, &run.header);
	to_map(NULL, &run.header); /* not behind the one before */
	run.pfn = 20;
	run.owner = RECORD_MAP_SECRETMEM;
	to_map(NULL, &run.header);
	run.owner = RECORD_MAP_FREE;
	run.nr = ~0ULL;
	to_map(NULL, &run.header);
	assert_int_equal(map.malformed, 8);
	end.pass = 1;
	to_map(NULL, &end.header);
	assert_int_equal(map.malformed, 9);
	assert_int_equal(map.passes, 0);
	end.pass = 0;
	to_map(NULL, &end.header);
	assert_int_equal(map.passes, 1);
	assert_int_equal(map_orphan_pages(&map), 5);
}

/* Each has a name of its own, and those that are nobody's a meaning. */
static void test_names(void **state)
{
	(void)state;
	for (uint32_t owner = 0; owner <= RECORD_MAP_ANON; owner++) {
		const char *name = map_owner_name(owner);

		if (owner > RECORD_MAP_OFFLINE && owner < RECORD_MAP_NOBODY)
			continue;
		assert_string_not_equal(name, "unknown");
		assert_true(!owner || owner == RECORD_MAP_PRESENT ||
			    strstr(report_map_schema(), name));
		for (uint32_t other = 0; other < owner; other++)
			assert_string_not_equal(name, map_owner_name(other));
	}
	assert_string_equal(map_owner_name(200), "unknown");
}

static char *report(int (*write)(FILE *out, const struct map *map))
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(write(out, &map), 0);
	fclose(out);
	return text;
}

static void report_has(int (*write)(FILE *out, const struct map *map), const char *what, bool has)
{
	char *text = report(write);

	if (!strstr(text, what) == has)
		fail_msg("%s: %s\n%s", has ? "missing" : "there", what, text);
	free(text);
}

static void test_reports(void **state)
{
	(void)state;
	made_map(false);
	absent((2U << 18) + 105, 2, RECORD_MAP_FREE, 0);
	pass(0, 0, PFNS, 4096, SECOND);
	report_has(report_map_text, "orphans: not judged: ", true);
	report_has(report_map_text, "pfn 0x80069-0x8006a", false);
	report_has(report_map_json, "\"orphan_pages\":0,", true);
	pass(1, (2U << 18) + 105, (2U << 18) + 107, 4096, 2 * SECOND);
	report_has(report_map_text, "mapped by 1G     1.0 GiB in 1 entry", true);
	report_has(report_map_text, "memfd_secret inode 77            32 KiB, 8 pages in 2 runs",
		   true);
	report_has(report_map_text, "orphans: 2 pages are absent", true);
	report_has(report_map_text, "  pfn 0x80069-0x8006a, 2 pages, free: ", true);
	report_has(report_map_text, "not judged", false);
	report_has(report_map_json, "\"orphan_pages\":2,", true);
	report_has(report_map_json, "\"pfn_last\":524394,", true);
}

/* --- the rule --- */

static void to_stream(void *context, const struct record_header *record)
{
	stream_add(context, record);
}

/* Two passes a second apart, in which [pfn, pfn + nr) is @owner's; the stream's time goes on. */
static void walks(struct stream *stream, uint64_t pfn, uint64_t nr, uint32_t owner, uint32_t bits)
{
	struct survey survey = { .pfn_nr = 1000 };

	for (uint32_t number = 0; number < 2; number++) {
		survey_begin(&survey, number, bits, stream->now);
		take(&survey, pfn, nr, owner);
		survey_taken(&survey);
		stream->now += SECOND;
		survey_tell(&survey, stream->now, 0, number == 1, to_stream, stream);
	}
	survey_free(&survey);
}

/* A memfd_secret of one page, pfn 100, read and right. */
static void secret(struct stream *stream)
{
	struct stream_page seen = { 0, 100, 1, RECORD_PAGE_RESIDENT | RECORD_PAGE_PREPARED };

	stream_init(stream);
	stream_inode(stream, 1, RECORD_PROVIDER_SECRETMEM, 64, false);
	stream_fault(stream, 7, 1, 0, 100);
	stream_read(stream, 1, RECORD_PROVIDER_SECRETMEM, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64,
		    &seen, 1);
}

static const struct verdict_not_judged *orphans_not_judged(const struct verdict *verdict)
{
	const struct verdict_not_judged *entry;

	for (size_t i = 0; (entry = verdict_not_judged(verdict, i)); i++) {
		if (entry->rule->id == RULE_ORPHAN_ABSENT)
			return entry;
	}
	return NULL;
}

static void test_accused(void **state)
{
	const struct verdict_violation *violation;
	const struct verdict *verdict;
	struct stream stream;

	(void)state;
	secret(&stream);
	walks(&stream, 200, 3, RECORD_MAP_SLAB, 0);
	stream_finish(&stream);
	verdict = stream_judge(&stream, NULL);
	assert_int_equal(verdict_value(verdict), VERDICT_VIOLATED);
	assert_int_equal(verdict_violations(verdict), 1);
	violation = verdict_violation(verdict, 0);
	assert_int_equal(violation->rule->id, RULE_ORPHAN_ABSENT);
	assert_int_equal(violation->pages, 3);
	assert_false(violation->pgoff_known);
	assert_non_null(strstr(violation->words, "pfn 0xc8-0xca"));
	assert_non_null(strstr(violation->words, "slab"));
	assert_null(orphans_not_judged(verdict));
	assert_int_equal(expect_minimal(&stream, violation), 2);
	stream_free(&stream);
}

/* Where enough has been said nothing more is, and it is counted. */
static void test_accused_unlisted(void **state)
{
	const struct verdict_options limited = { .violations_max = 1 };
	const struct verdict *verdict;
	struct stream stream;

	(void)state;
	secret(&stream);
	/* A page that is never flushed. */
	stream_inode(&stream, 2, RECORD_PROVIDER_RFC3, 64, false);
	stream_join(&stream, 7, 2, 0, 300);
	stream_begin(&stream, 7, 2, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	stream_zap(&stream, 7, 2, 0, 300, 1, false, 0);
	stream_end(&stream, 7, 2, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	walks(&stream, 200, 3, RECORD_MAP_SLAB, 0);
	stream_finish(&stream);
	verdict = stream_judge_with(&stream, NULL, &limited);
	assert_int_equal(verdict_violations(verdict), 1);
	assert_int_equal(verdict_unlisted(verdict), 1);
	assert_int_equal(verdict_violation(verdict, 0)->rule->id, RULE_NEVER_FLUSHED);
	assert_int_equal(verdict_rule_count(verdict, RULE_ORPHAN_ABSENT), 3);
	stream_free(&stream);
}

/* Where the change was seen, whose it was is told; not of one that was put back since. */
static void test_accused_seen(void **state)
{
	const struct verdict_violation *violation;
	const struct verdict *verdict;
	struct stream stream;

	(void)state;
	for (int back = 0; back < 2; back++) {
		secret(&stream);
		stream_zap(&stream, 9, 0, 0, 200, 1, false, 0);
		stream_flush(&stream, 9, 200, 200, false);
		if (back)
			stream_zap(&stream, 9, 0, 0, 200, 1, true, 0);
		stream.now += SECOND;
		walks(&stream, 200, 3, RECORD_MAP_NOBODY, 0);
		stream_finish(&stream);
		verdict = stream_judge(&stream, NULL);
		assert_int_equal(verdict_violations(verdict), 1);
		violation = verdict_violation(verdict, 0);
		assert_int_equal(violation->rule->id, RULE_ORPHAN_ABSENT);
		assert_int_equal(!strstr(violation->words, "Task 9 of process"), back);
		assert_int_equal(!strstr(violation->words, "was not seen"), !back);
		stream_free(&stream);
	}
}

/* No inode was ever seen: the state alone accuses. */
static void test_accused_alone(void **state)
{
	struct stream stream;

	(void)state;
	stream_init(&stream);
	walks(&stream, 200, 3, RECORD_MAP_FREE, 0);
	stream_finish(&stream);
	assert_int_equal(verdict_value(stream_judge(&stream, NULL)), VERDICT_VIOLATED);
	stream_free(&stream);
}

static void expect_consistent(struct stream *stream, bool judged)
{
	const struct verdict *verdict;

	stream_finish(stream);
	verdict = stream_judge(stream, NULL);
	assert_int_equal(verdict_value(verdict), VERDICT_CONSISTENT);
	assert_int_equal(!orphans_not_judged(verdict), judged);
	stream_free(stream);
}

static void test_not_accused(void **state)
{
	struct stream stream;

	(void)state;
	secret(&stream); /* not walked */
	expect_consistent(&stream, false);
	secret(&stream);
	walks(&stream, 200, 3, RECORD_MAP_VMALLOC, 0);
	expect_consistent(&stream, true);
	secret(&stream);
	walks(&stream, 200, 3, RECORD_MAP_FREE, RECORD_MAP_ALLOCATOR_UNMAPS);
	expect_consistent(&stream, false);
	/* The page itself did not say so, but it is known whose it is. */
	secret(&stream);
	walks(&stream, 100, 1, RECORD_MAP_NOBODY, 0);
	expect_consistent(&stream, true);
}

/* Changed between the two passes, by somebody else: what the second saw is not what the first saw. */
static void test_changed_between(void **state)
{
	struct survey survey = { .pfn_nr = 1000 };
	struct stream stream;

	(void)state;
	secret(&stream);
	for (uint32_t number = 0; number < 2; number++) {
		survey_begin(&survey, number, 0, stream.now);
		take(&survey, 200, 1, RECORD_MAP_NOBODY);
		survey_taken(&survey);
		stream.now += SECOND;
		survey_tell(&survey, stream.now, 0, number == 1, to_stream, &stream);
		if (!number) {
			stream_zap(&stream, 9, 0, 0, 200, 1, true, 0);
			stream_zap(&stream, 9, 0, 0, 200, 1, false, 0);
			stream_flush(&stream, 9, 200, 200, false);
		}
	}
	survey_free(&survey);
	expect_consistent(&stream, true);
}

/* A capture of a kernel that keeps the pages of a punched hole, absent and nobody's, begun behind that. */
static void test_capture(void **state)
{
	const struct verdict_violation *violation;
	const struct record_header *record;
	struct capture_reader *reader;
	const struct verdict *verdict;
	struct stream stream;
	char message[256];

	(void)state;
	stream_init(&stream);
	if (capture_open("tests/unit/fixtures/orphans.cap", &reader, message, sizeof(message)))
		fail_msg("%s", message);
	while (capture_next(reader, &record) > 0)
		stream_add(&stream, record);
	assert_string_equal(capture_message(reader), "");
	capture_reader_close(reader);
	verdict = stream_judge(&stream, NULL);
	assert_int_equal(verdict_value(verdict), VERDICT_VIOLATED);
	assert_int_equal(verdict_violations(verdict), 1);
	violation = verdict_violation(verdict, 0);
	assert_int_equal(violation->rule->id, RULE_ORPHAN_ABSENT);
	assert_int_equal(violation->pages, 116);
	assert_int_equal(expect_minimal(&stream, violation), 2);
	stream_free(&stream);
}

/* Records that make no sense leave no green verdict. */
static void test_malformed_verdict(void **state)
{
	struct record_map_end end = { .header = { .kind = RECORD_MAP_END, .size = sizeof(end) } };
	struct stream stream;

	(void)state;
	secret(&stream);
	end.header.time = stream.now;
	stream_add(&stream, &end.header);
	stream_finish(&stream);
	assert_int_equal(verdict_value(stream_judge(&stream, NULL)), VERDICT_INCONCLUSIVE);
	stream_free(&stream);
}

#define MAP_TEST(test) cmocka_unit_test_teardown(test, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAP_TEST(test_four_levels),
		MAP_TEST(test_five_levels),
		MAP_TEST(test_wrong_levels),
		MAP_TEST(test_cost),
		MAP_TEST(test_unread),
		MAP_TEST(test_resumed),
		MAP_TEST(test_part),
		MAP_TEST(test_many_runs),
		MAP_TEST(test_other_space),
		MAP_TEST(test_claims),
		MAP_TEST(test_joined),
		MAP_TEST(test_two_passes),
		MAP_TEST(test_on_its_way),
		MAP_TEST(test_not_judged),
		MAP_TEST(test_cut),
		MAP_TEST(test_nonsense),
		MAP_TEST(test_names),
		MAP_TEST(test_reports),
		MAP_TEST(test_accused),
		MAP_TEST(test_accused_unlisted),
		MAP_TEST(test_accused_seen),
		MAP_TEST(test_accused_alone),
		MAP_TEST(test_not_accused),
		MAP_TEST(test_changed_between),
		MAP_TEST(test_malformed_verdict),
		MAP_TEST(test_capture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
