// SPDX-License-Identifier: GPL-2.0
/* Memory follows what was captured, whatever the records say, and is given back. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "bombs.h"

#define BOMB_RECORDS 6000
#define MEMORY_BASE (16UL << 20) /* bytes: empty tables, the newest events */
#define MEMORY_KEPT 65536 /* bytes that malloc() may keep in its caches */
#define MEMORY_FACTOR                                                                              \
	160 /* bytes of memory for a byte of records: a folio of 1 GiB is 512 chunks */

static size_t memory_used(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void explode(const struct bomb *bomb)
{
	size_t before = memory_used(), base, most = 0, at = 0;
	struct model *model = model_create(NULL);
	struct verdict *verdict = verdict_create(model, NULL);
	struct stream stream;

	stream_init(&stream);
	bomb->lay(&stream, BOMB_RECORDS);
	stream_finish(&stream);
	base = memory_used();
	while (at < stream.used) {
		const struct record_header *record = (const void *)(stream.data + at);
		size_t used;

		assert_int_equal(model_feed(model, record), 0);
		at += record->size;
		used = memory_used();
		most = used > base + most ? used - base : most;
		if (most > MEMORY_BASE + MEMORY_FACTOR * stream.used)
			fail_msg("%s: %zu bytes of memory for %zu of %zu bytes of records",
				 bomb->name, most, at, stream.used);
	}
	assert_int_equal(model_finish(model), 0);
	verdict_free(verdict);
	model_free(model);
	base = stream.used;
	stream_free(&stream);
	if (memory_used() > before + MEMORY_KEPT)
		fail_msg("%s: %zu bytes are left", bomb->name, memory_used() - before);
	print_message("# %s: %zu bytes a byte of records\n", bomb->name, most / base);
}

static void test_bombs(void **state)
{
	(void)state;
	for (const struct bomb *bomb = bombs; bomb->name; bomb++)
		explode(bomb);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_bombs) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
