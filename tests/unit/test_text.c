// SPDX-License-Identifier: GPL-2.0
/* Changes of the kernel's text, as perf tells them: which of them blind a hook, and since when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <linux/perf_event.h>

#include "sensor/text.h"

#define SITE 0xffffffff81000000ULL

static const uint8_t call[5] = { 0xe8, 1, 2, 3, 4 };
static const uint8_t other_call[5] = { 0xe8, 5, 6, 7, 8 };
static const uint8_t jump[5] = { 0xe9, 1, 2, 3, 4 };
static const uint8_t nothing[5] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

static struct text text;

struct poke {
	struct perf_event_header header;
	uint64_t address;
	uint16_t lengths[2];
	uint8_t bytes[12]; /* both instructions, and what aligns the time */
	uint64_t time;
};

static bool poke(uint64_t address, const uint8_t before[5], const uint8_t after[5], uint64_t time,
		 uint64_t *since)
{
	struct poke record = {
		.header = { .type = PERF_RECORD_TEXT_POKE, .size = sizeof(record) },
		.address = address,
		.lengths = { 5, 5 },
		.time = time,
	};

	memcpy(record.bytes, before, 5);
	memcpy(record.bytes + 5, after, 5);
	return text_take(&text, &record, since);
}

static int text_reset(void **state)
{
	(void)state;
	memset(&text, 0, sizeof(text));
	text.sites[text.sites_nr++] = (struct text_site){ "flush_tlb_all", SITE, false, 0 };
	text.sites[text.sites_nr++] = (struct text_site){ "not_there", 0, false, 0 };
	return 0;
}

static void test_gone(void **state)
{
	uint64_t since = 1000;

	(void)state;
	assert_true(poke(SITE + 4, call, nothing, 500, &since));
	assert_int_equal(since, 500);
	/* It stays so until the call is back, and a look later it is well again. */
	assert_true(text_look(&text, &since));
	assert_false(poke(SITE + 4, nothing, call, 700, &since));
	assert_int_equal(since, 500);
	assert_false(text_look(&text, &since));
}

/* Each CPU's ring is read to its end before the next one's: what came later may be read first. */
static void test_order(void **state)
{
	uint64_t since = 1000;

	(void)state;
	assert_false(poke(SITE + 4, nothing, call, 700, &since));
	assert_true(poke(SITE + 4, call, nothing, 500, &since));
	assert_int_equal(since, 500);
	assert_false(text_look(&text, &since));
	assert_true(poke(SITE + 4, call, nothing, 800, &since));
	assert_true(text_look(&text, &since));
}

/* Another tracer comes to the same function, or to another one. */
static void test_other_changes(void **state)
{
	uint64_t since = 1000;

	(void)state;
	assert_false(poke(SITE + 4, call, other_call, 500, &since));
	assert_false(poke(SITE + 4, call, jump, 500, &since));
	assert_false(text_look(&text, &since));
	assert_false(poke(SITE + 16, call, nothing, 500, &since));
	/* A jump label behind the call, or where a function without a landing place has its call. */
	assert_false(poke(SITE + 9, nothing, jump, 500, &since));
	assert_false(poke(SITE + 5, nothing, jump, 500, &since));
	assert_false(poke(SITE - 1, call, nothing, 500, &since));
	assert_false(poke(4, call, nothing, 500, &since));
	assert_int_equal(since, 1000);
}

static void test_too_many(void **state)
{
	const struct perf_event_header lost = { .type = PERF_RECORD_LOST, .size = sizeof(lost) };
	uint64_t since = 1000;

	(void)state;
	assert_true(text_take(&text, &lost, &since));
	assert_int_equal(since, 1000);
}

static void test_hooked(void **state)
{
	static const uint8_t plain[16] = { 0xe8, 1, 2, 3, 4 };
	static const uint8_t jumping[16] = { 0xf3, 0x0f, 0x1e, 0xfa, 0xe9, 1, 2, 3, 4 };
	static const uint8_t landing[16] = { 0xf3, 0x0f, 0x1e, 0xfa, 0xe8, 1, 2, 3, 4 };
	static const uint8_t sealed[16] = { 0x66, 0x0f, 0x1f, 0x00, 0xe8, 1, 2, 3, 4 };
	/* FineIBT's: nobody may jump to it, and what is behind is the hook's all the same. */
	static const uint8_t poisoned[16] = { 0x0f, 0x1f, 0x40, 0xd6, 0xe8, 1, 2, 3, 4 };
	static const uint8_t poisoned_off[16] = { 0x0f, 0x1f, 0x40, 0xd6, 0x0f, 0x1f, 0x44, 0, 0 };
	static const uint8_t off[16] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x0f, 0x1f, 0x44, 0, 0 };

	(void)state;
	assert_true(text_is_hooked(plain));
	assert_true(text_is_hooked(jumping));
	assert_true(text_is_hooked(landing));
	assert_true(text_is_hooked(sealed));
	assert_true(text_is_hooked(poisoned));
	assert_false(text_is_hooked(poisoned_off));
	assert_false(text_is_hooked(off));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_gone, text_reset),
		cmocka_unit_test_setup(test_order, text_reset),
		cmocka_unit_test_setup(test_other_changes, text_reset),
		cmocka_unit_test_setup(test_too_many, text_reset),
		cmocka_unit_test(test_hooked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
