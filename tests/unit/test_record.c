// SPDX-License-Identifier: GPL-2.0
/* The list of record kinds, and that of losses: names, sizes, what a loss means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "stream.h"

static const struct {
	__u16 kind;
	const char *name;
} kinds[] = {
#define KIND(kind, id, type, bytes, name, ...) { RECORD_##kind, name },
	RECORD_KINDS(KIND)
#undef KIND
};

static void test_kinds_are_told_apart(void **state)
{
	size_t nr = sizeof(kinds) / sizeof(kinds[0]);

	(void)state;
	for (size_t i = 0; i < nr; i++) {
		assert_string_equal(record_kind_name(kinds[i].kind), kinds[i].name);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(kinds[i].name, kinds[j].name);
	}
	assert_string_equal(record_kind_name(RECORD_NONE), "unknown");
	assert_string_equal(record_kind_name(65535), "unknown");
}

static void test_what_is_stored(void **state)
{
	(void)state;
	assert_int_equal(record_stored_size(RECORD_ZAP), sizeof(struct record_zap));
	assert_int_equal(record_stored_size(RECORD_FACT), sizeof(struct record_fact));
	assert_int_equal(record_stored_size(RECORD_SNAPSHOT_BLOCK), 0);
	assert_int_equal(record_stored_size(RECORD_NONE), 0);
	assert_int_equal(record_stored_size(65535), 0);
}

/* A correct run around one loss of @cause and of no inode. */
static enum verdict_value judge_loss(__u32 cause)
{
	struct stream_page seen = { 0, 100, 1, RECORD_PAGE_RESIDENT | RECORD_PAGE_PREPARED };
	struct stream stream;
	enum verdict_value value;

	stream_init(&stream);
	stream_inode(&stream, 1, RECORD_PROVIDER_SECRETMEM, 64, false);
	stream_fault(&stream, 7, 1, 0, 100);
	if (cause)
		stream_loss(&stream, 0, (enum record_loss_cause)cause, stream.now - MS, 1);
	stream_read(&stream, 1, RECORD_PROVIDER_SECRETMEM, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64,
		    &seen, 1);
	stream_finish(&stream);
	value = verdict_value(stream_judge(&stream, NULL));
	stream_free(&stream);
	return value;
}

/* A cause that nobody knows yet is the worst; so are hooks that may have been off. */
static void test_losses_are_doubted(void **state)
{
	static const __u32 causes[] = { RECORD_LOSS_RING_FULL, RECORD_LOSS_BLIND,
					RECORD_LOSS_UNHOOKED, 4711 };

	(void)state;
	assert_int_equal(judge_loss(RECORD_LOSS_NONE), VERDICT_CONSISTENT);
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		assert_int_equal(record_loss_damage(causes[i]), RECORD_DAMAGE_HISTORY);
		assert_int_equal(judge_loss(causes[i]), VERDICT_INCONCLUSIVE);
	}
	assert_int_equal(record_loss_damage(RECORD_LOSS_SCRATCH_BUSY), RECORD_DAMAGE_SNAPSHOT);
	assert_int_equal(record_loss_damage(RECORD_LOSS_MISSED_FREE), RECORD_DAMAGE_FREES);
	assert_string_equal(record_loss_name(RECORD_LOSS_BLIND), "blind");
	assert_string_equal(record_loss_name(RECORD_LOSS_UNHOOKED), "unhooked");
	assert_string_equal(record_loss_name(4711), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds_are_told_apart),
		cmocka_unit_test(test_what_is_stored),
		cmocka_unit_test(test_losses_are_doubted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
