// SPDX-License-Identifier: GPL-2.0
/*
 * gmemtrace(1) states what the sensors' tables take, for hosts with few CPUs and with as many as are
 * supported: here they are added up as the kernel makes them. Runs in the top directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <linux/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "bpf/interface.h"
#include "bpf/begin_slot.h"
#include "gmemtrace/record.h"
#include "sensor/text.h"

#define OBJECT "build/bpf/sensors.bpf.o"
#define MB 1e6
/* An element of a hash beside its key and value (kernel/bpf/hashtab.c), and its bucket. */
#define HASH_ELEMENT 48
#define HASH_BUCKET 16
#define TIDS_MAX (4U << 20) /* PID_MAX_LIMIT */
#define TIB_WORDS (1024.0 * 1024 * 1024 * 1024 / 4096 / 64) /* of a bit a page */

static struct bpf_object *object;

static int setup(void **state)
{
	(void)state;
	object = bpf_object__open_file(OBJECT, NULL);
	return object ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	bpf_object__close(object);
	return 0;
}

static double rounded(__u32 size)
{
	__u32 words = (size + 7) / 8;

	return 8.0 * words;
}

/* Bytes of a map with so many entries. */
static double map_bytes(const char *name, double entries, double cpus)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(object, name);
	double value = rounded(bpf_map__value_size(map)), key = rounded(bpf_map__key_size(map));

	assert_non_null(map);
	switch (bpf_map__type(map)) {
	case BPF_MAP_TYPE_RINGBUF:
		return entries;
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return value * entries * cpus;
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
		if (bpf_map__map_flags(map) & BPF_F_NO_PREALLOC)
			return HASH_BUCKET * entries;
		return (HASH_ELEMENT + HASH_BUCKET + key + value) * entries;
	default:
		return value * entries;
	}
}

/* As it is in the object, where nobody sets its size when it is loaded. */
static double fixed_bytes(const char *name, double cpus)
{
	return map_bytes(name, bpf_map__max_entries(bpf_object__find_map_by_name(object, name)),
			 cpus);
}

static double verdict_bytes(double cpus)
{
	static const char *const names[] = { "ring",	    "losses",	      "losses_users",
					     "zaps",	    "announced",      "scratches",
					     "zapped_pfns", "sensors.rodata", "sensors.bss" };
	double sum = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		sum += fixed_bytes(names[i], cpus);
	return sum;
}

static double answers_bytes(double cpus)
{
	return map_bytes("answers", 2 * cpus * cpus, cpus) +
	       map_bytes("answer_initiators", cpus, cpus);
}

static double csd_bytes(double cpus)
{
	double owners = 4 * cpus * cpus;

	return map_bytes("csds_displaced", cpus * cpus, cpus) +
	       map_bytes("csd_owners", owners < CSD_OWNERS_MAX ? owners : CSD_OWNERS_MAX, cpus);
}

static double witness_bytes(double cpus)
{
	return map_bytes("witness_slots", WITNESS_SLOTS_NR, cpus) + csd_bytes(cpus);
}

/* Stated to a few percent: a field more in a table is no other figure. */
static bool stated_well(double stated, double bytes)
{
	double off = stated - bytes / MB;

	return off * off <= 0.1 * 0.1 || off * off <= bytes / MB / 20 * bytes / MB / 20;
}

static void page_says(const char *row, double few, double many)
{
	FILE *file = fopen("man/gmemtrace.1", "re");
	char wanted[128], line[512];
	double stated[2] = { -1, -1 };

	assert_non_null(file);
	snprintf(wanted, sizeof(wanted), ".It %s Ta ", row);
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, wanted, strlen(wanted)))
			assert_int_equal(
				sscanf(line + strlen(wanted), "%lf Ta %lf", &stated[0], &stated[1]),
				2);
	}
	fclose(file);
	if (!stated_well(stated[0], few) || !stated_well(stated[1], many))
		fail_msg("gmemtrace(1) should say: %s%.1f Ta %.1f", wanted, few / MB, many / MB);
}

static void test_stated(void **state)
{
	(void)state;
	page_says("verdict, the ring of 16mb included", verdict_bytes(2), verdict_bytes(1024));
	page_says("the same before Linux 6.2, besides", fixed_bytes("late_pages", 2),
		  fixed_bytes("late_pages", 1024));
	page_says("page frees, for each TiB of memory", map_bytes("zapped_pfns", TIB_WORDS, 2),
		  map_bytes("zapped_pfns", TIB_WORDS, 1024));
	page_says("stacks of flushes", fixed_bytes("stacks", 2), fixed_bytes("stacks", 1024));
	page_says("answers of CPUs", answers_bytes(2), answers_bytes(1024));
	page_says("Fl \\-witness", witness_bytes(2), witness_bytes(1024));
	page_says("text at the hooks, by perf events", TEXT_RING_BYTES * 2.0,
		  TEXT_RING_BYTES * 1024.0);
	page_says("Fl \\-summary", fixed_bytes("summaries", 2), fixed_bytes("summaries", 1024));
}

/* No map is in none of them. */
static void test_all(void **state)
{
	double sum = verdict_bytes(1) + fixed_bytes("stacks", 1) + answers_bytes(1) +
		     fixed_bytes("summaries", 1) + fixed_bytes("witness_slots", 1) +
		     fixed_bytes("late_pages", 1) + map_bytes("csds_displaced", 1, 1) +
		     map_bytes("csd_owners", 4, 1);
	struct bpf_map *map;

	(void)state;
	bpf_object__for_each_map(map, object)
	{
		const char *name = bpf_map__name(map);

		if (!strcmp(name, "csd_owners"))
			sum -= map_bytes(name, 4, 1);
		else
			sum -= map_bytes(
				name, strcmp(name, "answers") ? bpf_map__max_entries(map) : 2, 1);
	}
	assert_true(sum > -1 && sum < 1);
}

/* Elements of an array of the programs', a global one. */
static __u32 array_nr(const char *name)
{
	const struct btf *btf = bpf_object__btf(object);
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_VAR);
	const struct btf_type *type;

	assert_true(id > 0);
	type = btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type);
	assert_true(btf_is_array(type));
	return btf_array(type)->nelems;
}

/* Threads share places: there are no more of them for 4 million ids, and each id has some that are there. */
static void test_slots(void **state)
{
	__u32 nr = array_nr("slots");

	(void)state;
	assert_int_equal(nr, SLOTS_NR);
	assert_int_equal(array_nr("timed_slots"), TIMED_SLOTS_NR);
	assert_int_equal(bpf_map__max_entries(bpf_object__find_map_by_name(object, "late_pages")),
			 SLOTS_NR);
	for (__u32 tid = 1; tid <= TIDS_MAX; tid++)
		assert_true(slot_index(tid, 0) < nr && slot_index(tid, 1) < nr);
}

/* Nor has any map an entry for each id that may be, or for each task that is. */
static void test_threads(void **state)
{
	const struct bpf_map *map;

	(void)state;
	bpf_object__for_each_map(map, object)
	{
		assert_int_not_equal(bpf_map__type(map), BPF_MAP_TYPE_TASK_STORAGE);
		/* Its entries are bytes. */
		if (bpf_map__type(map) == BPF_MAP_TYPE_RINGBUF)
			continue;
		if (bpf_map__max_entries(map) > SLOTS_NR && strcmp(bpf_map__name(map), "zaps") != 0)
			fail_msg("%s has %u entries", bpf_map__name(map),
				 bpf_map__max_entries(map));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stated),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
