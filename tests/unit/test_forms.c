// SPDX-License-Identifier: GPL-2.0
/* Designs that may be merged: with an entry in the table nothing of them is falsely accused. */
#include "forms.h"
#include "scene.h"
#include "map/survey.h"
#include "providers/provider.h"

#define FORM(form) ((enum record_provider)(form))

static void judge(void)
{
	heartbeats(3);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

static void again(void)
{
	stream_free(&stream);
	stream_init(&stream);
}

/* Pages of G's that are accused by @rule. */
static __u64 accused(enum rule_id rule)
{
	return verdict_rule_count(stream.verdict, rule);
}

static void nobody_accused(void)
{
	assert_int_equal(verdict_violations(stream.verdict), 0);
	assert_int_equal(verdict_notes(stream.verdict), 0);
}

static void says(enum rule_id rule, const char *words)
{
	const char *reason = not_judged(rule);

	assert_non_null(reason);
	if (!strstr(reason, words))
		fail_msg("%s", reason);
}

/* The rules that were built with them speak of them, and the table's own are what they were. */
static void test_entries(void **state)
{
	const struct provider *provider = NULL;
	__u32 nr = 0;

	(void)state;
	while ((provider = provider_next(provider))) {
		nr++;
		/* Who owes a flush, or nobody but the allocator. */
		assert_false((provider->traits & PROVIDER_PROMISES_FLUSH) &&
			     (provider->traits & PROVIDER_ALLOCATOR_FLUSHES));
	}
	assert_int_equal(nr, PROVIDER_NUMBERS);
	for (const struct rule *rule = NULL; (rule = rule_next(rule));) {
		if (rule->id == RULE_APPLIED_MISMATCH)
			assert_int_equal(rule->providers >> FORM_PAGEBLOCK & 15, 15);
	}
}

/* It joins absent, and no change of it was ever seen. Prepared, it is as it should be; then it goes back so. */
static void pageblock(enum record_provider provider, bool read)
{
	struct stream_page pages[4];

	stream_inode(&stream, G, provider, 64, false);
	for (__u64 i = 0; i < 4; i++) {
		size_t at;

		stream_join(&stream, T, G, i, 100 + 2 * i);
		at = stream.used;
		stream_join(&stream, T, G, i, 100 + 2 * i);
		((struct record_owner *)(stream.data + at))->prepared = RECORD_OWNER_PREPARED;
	}
	stream_heartbeat(&stream);
	pages_seen(pages, 0, 4, ABSENT_BITS);
	for (__u32 pass = 0; read && pass < 2; pass++)
		stream_read(&stream, G, provider, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, pages,
			    4);
	stream_heartbeat(&stream);
	for (__u64 i = 0; i < 4; i++) {
		stream_leave(&stream, T, 100 + 2 * i);
		stream_page_free(&stream, T, 100 + 2 * i, true);
	}
	judge();
}

static void test_pageblock(void **state)
{
	(void)state;
	for (int read = 0; read < 2; read++) {
		again();
		pageblock(FORM(FORM_PAGEBLOCK), read);
		nobody_accused();
	}
	says(RULE_FREED_ABSENT, "not of pageblock, nor of pages of no inode");
	/* The control: of one whose pages are given away present the mark is the defect; a read would take it back. */
	again();
	pageblock(RFC3, false);
	assert_int_equal(accused(RULE_EXPOSED), 4);
}

/* The same where nobody looks at what is freed: it is judged by its changes alone. */
static void leaves_absent(enum record_provider provider)
{
	again();
	stream_inode(&stream, G, provider, 64, false);
	frees_unwatched();
	stream_fault(&stream, T, G, 0, 100);
	stream_leave(&stream, T, 100);
	judge();
}

static void test_leaves_absent(void **state)
{
	(void)state;
	leaves_absent(FORM(FORM_PAGEBLOCK));
	nobody_accused();
	leaves_absent(RFC3);
	assert_int_equal(accused(RULE_LEFT_ABSENT), 1);
}

/* Taken out together, and flushed by another task when they are a file's long since; some never come to one. */
static void allocator(enum record_provider provider)
{
	struct stream_page pages[3];

	stream_inode(&stream, G, provider, 8, false);
	for (__u64 i = 0; i < 3; i++) {
		stream_zap(&stream, T, 0, 0, 100 + 2 * i, 1, false, 0);
		stream_join(&stream, T, G, i, 100 + 2 * i);
	}
	stream.now += 61 * SECOND;
	stream_flush(&stream, T + 1, 0, ~0ULL, true);
	for (__u32 valid = 0; valid < 2; valid++) {
		for (__u64 i = 0; i < 3; i++) {
			struct record_zap *zap;
			size_t at = stream.used;

			stream_zap(&stream, T + 2, 0, 0, 900 + 7 * i, 1, valid, 0);
			zap = (struct record_zap *)(stream.data + at);
			zap->routine = valid ? RECORD_ZAP_DEFAULT : RECORD_ZAP_INVALID;
		}
	}
	stream_heartbeat(&stream);
	pages_seen(pages, 0, 3, ABSENT_BITS);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, provider, false, RECORD_SNAPSHOT_RELEASE, pass, 0, 8, pages,
			    3);
	judge();
}

static void test_allocator(void **state)
{
	(void)state;
	allocator(FORM(FORM_ALLOCATOR));
	nobody_accused();
	says(RULE_NEVER_FLUSHED, "allocator");
	/* The control: memfd_secret as it is, and who frees executable memory. */
	again();
	allocator(SECRET);
	assert_int_equal(accused(RULE_NEVER_FLUSHED), 6);
}

/* A page of its own goes back absent; and one of which nobody knows whose it was. */
static void goes_back(enum record_provider provider)
{
	stream_inode(&stream, G, provider, 8, false);
	stream_zap_flush(&stream, T, 0, 0, 100, 1, 100, 100);
	stream_join(&stream, T, G, 0, 100);
	stream_leave(&stream, T, 100);
	stream_page_free(&stream, T, 100, true);
	stream_zap_flush(&stream, T, 0, 0, 200, 1, 200, 200);
	stream_page_free(&stream, T, 200, true);
	judge();
}

static void test_freed(void **state)
{
	(void)state;
	goes_back(FORM(FORM_FREE));
	nobody_accused();
	says(RULE_FREED_ABSENT, "not of free, nor of pages of no inode");
	again();
	goes_back(SECRET);
	assert_int_equal(accused(RULE_FREED_ABSENT), 2);
}

static void to_stream(void *context, const struct record_header *record)
{
	stream_add(context, record);
}

/* Free pages that two walks find absent, and one page of the kernel's own. */
static void walked(enum record_provider provider)
{
	const struct map_run runs[] = {
		{ .pfn = 400, .nr = 4, .what = MAP_WHAT(RECORD_MAP_FREE, 12) },
		{ .pfn = 500, .nr = 1, .what = MAP_WHAT(RECORD_MAP_SLAB, 12) },
	};

	stream_inode(&stream, G, provider, 8, false);
	for (__u32 pass = 0; pass < 2; pass++) {
		struct survey survey = { .pfn_nr = 1000 };

		survey_begin(&survey, pass, 0, stream.now);
		for (size_t i = 0; i < 2; i++)
			survey_take(&survey, &runs[i]);
		survey_taken(&survey);
		stream.now += SECOND;
		survey_tell(&survey, stream.now, 0, pass, to_stream, &stream);
		survey_free(&survey);
	}
	judge();
}

static void test_walked(void **state)
{
	(void)state;
	walked(FORM(FORM_FREE));
	assert_int_equal(accused(RULE_ORPHAN_ABSENT), 1);
	says(RULE_ORPHAN_ABSENT, "not of free pages: those of free may be absent");
	again();
	walked(SECRET);
	assert_int_equal(accused(RULE_ORPHAN_ABSENT), 5);
	assert_null(not_judged(RULE_ORPHAN_ABSENT));
}

/* Present and absent, each rightly for all that is known; asked for is nothing that is read. */
static void maple(enum record_provider provider)
{
	struct stream_page pages[4];

	stream_inode(&stream, G, provider, 64, false);
	for (__u64 i = 0; i < 4; i++)
		stream_join(&stream, T, G, i, 100 + 2 * i);
	stream_zap_flush(&stream, T, G, 0, 100, 1, 100, 100);
	stream_zap_flush(&stream, T, G, 1, 102, 1, 102, 102);
	stream_heartbeat(&stream);
	pages_seen(pages, 0, 1, ABSENT_BITS | DEVIATES);
	pages_seen(pages, 1, 2, ABSENT_BITS);
	pages_seen(pages, 2, 3, PRESENT_BITS | DEVIATES);
	pages_seen(pages, 3, 4, PRESENT_BITS);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, provider, false, RECORD_SNAPSHOT_RELEASE, pass, 0, 64,
			    pages, 4);
	judge();
}

static void test_maple(void **state)
{
	(void)state;
	maple(FORM(FORM_MAPLE));
	nobody_accused();
	says(RULE_APPLIED_MISMATCH, "not of maple");
	says(RULE_APPLIED_MISMATCH, "maple tree, which is not read");
	again();
	maple(RFC3);
	assert_true(accused(RULE_APPLIED_MISMATCH) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries), RULE_TEST(test_pageblock),
		RULE_TEST(test_allocator),	RULE_TEST(test_walked),
		RULE_TEST(test_freed),		RULE_TEST(test_maple),
		RULE_TEST(test_leaves_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
