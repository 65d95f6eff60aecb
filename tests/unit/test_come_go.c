// SPDX-License-Identifier: GPL-2.0
/* Rules on what pages are as they come and go. */
#include "here.h"

#define SET_RANGE RECORD_OPERATION_SET_RANGE
#define S 4 /* a memfd_secret */

/* --- unexpected-zap ------------------------------------------------------------- */

static void unexpected(enum record_provider provider, bool requested, bool before_attach,
		       bool valid, __s32 result)
{
	here_anew();
	stream_inode(&stream, G, provider, 64, before_attach);
	stream_join(&stream, T, G, 2, 104);
	stream_heartbeat(&stream);
	if (requested)
		stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 2, 2, false);
	here();
	stream_zap(&stream, T, G, 2, 104, 1, valid, result);
	stream_flush(&stream, T, 0, 0, true);
	if (requested)
		stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, 2, 2, false);
}

static void test_unexpected(void **state)
{
	(void)state;
	unexpected(RFC3, false, false, false, 0);
	expect_here(RULE_UNEXPECTED_ZAP);
	expect_pages(RULE_UNEXPECTED_ZAP, 2, 2);
	unexpected(RECORD_PROVIDER_GMEM_PLAIN, false, false, false, 0);
	expect_here(RULE_UNEXPECTED_ZAP);
	unexpected(RECORD_PROVIDER_GMEM_PLAIN, true, false, false, 0);
	expect_here(RULE_UNEXPECTED_ZAP);
}

static void test_unexpected_silent(void **state)
{
	(void)state;
	unexpected(RFC3, true, false, false, 0);
	expect_silent(RULE_UNEXPECTED_ZAP);
	unexpected(RFC3, false, true, false, 0);
	expect_silent(RULE_UNEXPECTED_ZAP);
	unexpected(RFC3, false, false, true, 0);
	expect_silent(RULE_UNEXPECTED_ZAP);
	unexpected(RFC3, false, false, false, -12);
	expect_silent(RULE_UNEXPECTED_ZAP);
	unexpected(SECRET, false, false, false, 0);
	expect_silent(RULE_UNEXPECTED_ZAP);
	unexpected(RFC3, false, false, false, 0);
	stream_loss(&stream, 9, RECORD_LOSS_RING_FULL, stream.now - 4000, 1);
	expect_silent(RULE_UNEXPECTED_ZAP);
}

/* Of an inode that was there before, once whatever ran then must have ended. */
static void test_unexpected_late(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, true);
	stream_join(&stream, T, G, 2, 104);
	stream_heartbeat(&stream);
	stream.now += 3 * SECOND;
	stream_heartbeat(&stream);
	here();
	stream_zap(&stream, T, G, 2, 104, 1, false, 0);
	expect_here(RULE_UNEXPECTED_ZAP);
}

#define PLAIN RECORD_PROVIDER_GMEM_PLAIN

/* Which part of a call of fallocate() on pages 2 to 9 is seen. */
enum seen {
	SEEN_NONE,
	SEEN_BEGIN = 1 << 0,
	SEEN_END = 1 << 1,
	SEEN_WHOLE = SEEN_BEGIN | SEEN_END,
};

static void fallocated(__u16 kind, __u32 mode)
{
	struct record_request *record;

	stream_request(&stream, kind, T, G, RECORD_OPERATION_FALLOCATE, 2, 9, false, 0);
	record = (struct record_request *)(stream.data + stream.used - sizeof(*record));
	record->mode = mode;
}

/* Nobody tells of pages that leave a guest_memfd without a flag: of 8 of them the model knows by reads. */
static void punched_of(bool old, enum seen seen, __u32 mode)
{
	const struct stream_page pages = { 2, 104, 8, PRESENT_BITS };

	here_anew();
	stream_inode(&stream, G, PLAIN, 64, old);
	stream_inode(&stream, S, SECRET, 64, false);
	stream_heartbeat(&stream);
	stream.now += 3 * SECOND;
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, PLAIN, true, RECORD_SNAPSHOT_LIVE, pass, 0, 64, &pages, 1);
	stream_heartbeat(&stream);
	if (seen & SEEN_BEGIN)
		fallocated(RECORD_REQUEST_BEGIN, mode);
	if (seen & SEEN_END)
		fallocated(RECORD_REQUEST_END, mode);
	stream_heartbeat(&stream);
}

static void punched(enum seen seen, __u32 mode)
{
	punched_of(true, seen, mode);
}

#define HOLE (RECORD_MODE_PUNCH_HOLE | 1 /* FALLOC_FL_KEEP_SIZE */)

/* The page shows nobody's: whoever has it next makes it absent before it is his. */
static void test_unexpected_left(void **state)
{
	(void)state;
	for (__u32 nr = 1; nr <= 8; nr += 7) {
		for (int part = SEEN_BEGIN; part <= SEEN_WHOLE; part++) {
			punched(part, HOLE);
			stream_zap_flush(&stream, T + 1, 0, 0, 104, nr, 104, 104 + nr - 1);
			expect_silent(RULE_UNEXPECTED_ZAP);
			assert_int_equal(verdict_violations(stream.verdict), 0);
		}
		/* They have come while the hole was made. */
		punched(SEEN_BEGIN, HOLE);
		for (__u32 i = 0; i < nr; i++)
			stream_join(&stream, T + 1, G, 2 + i, 204 + i);
		fallocated(RECORD_REQUEST_END, HOLE);
		stream_zap_flush(&stream, T + 1, 0, 0, 204, nr, 204, 204 + nr - 1);
		expect_silent(RULE_UNEXPECTED_ZAP);
		/* Room was made, and the pages are where they were. */
		punched(SEEN_WHOLE, 0);
		here();
		stream_zap_flush(&stream, T + 1, 0, 0, 104, nr, 104, 104 + nr - 1);
		expect_here(RULE_UNEXPECTED_ZAP);
		expect_pages(RULE_UNEXPECTED_ZAP, 2, 2 + nr - 1);
		/* What shows that it is there has come anew, or the hole has not reached it. */
		for (int part = SEEN_NONE; part <= SEEN_WHOLE; part++) {
			/* Behind an end alone nobody is accused at once. */
			if (part == SEEN_END)
				continue;
			punched(part, HOLE);
			here();
			stream_zap_flush(&stream, T + 1, G, 2, 104, nr, 104, 104 + nr - 1);
			expect_here(RULE_UNEXPECTED_ZAP);
		}
	}
}

/* It had been made absent, which it must not be, when it left: that is one cause. */
static void test_unexpected_left_absent(void **state)
{
	(void)state;
	for (int way = 0; way < 3; way++) {
		punched_of(false, SEEN_NONE, 0);
		stream_zap_flush(&stream, T + 1, G, 2, 104, 1, 104, 104);
		stream_heartbeat(&stream);
		if (way) {
			fallocated(RECORD_REQUEST_BEGIN, HOLE);
			/* Some kernels do tell. */
			if (way == 2)
				stream_leave(&stream, T, 104);
			fallocated(RECORD_REQUEST_END, HOLE);
		}
		stream_zap_flush(&stream, T + 1, 0, 0, 104, 1, 104, 104);
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		assert_int_equal(verdict_rule_count(stream.verdict, RULE_UNEXPECTED_ZAP),
				 way ? 1 : 2);
	}
}

/* The hole is in the middle of pages that are alike. */
static void test_unexpected_left_alike(void **state)
{
	const struct stream_page pages = { 0, 1024, 512, PRESENT_BITS };

	(void)state;
	for (int beyond = 0; beyond < 2; beyond++) {
		here_anew();
		stream_inode(&stream, G, PLAIN, 512, false);
		stream_heartbeat(&stream);
		for (__u32 pass = 0; pass < 2; pass++)
			stream_read(&stream, G, PLAIN, true, RECORD_SNAPSHOT_LIVE, pass, 0, 512,
				    &pages, 1);
		fallocated(RECORD_REQUEST_BEGIN, HOLE);
		fallocated(RECORD_REQUEST_END, HOLE);
		stream_heartbeat(&stream);
		here();
		stream_zap_flush(&stream, T + 1, 0, 0, 1024 + 2, 8 + beyond, 1024 + 2, 1024 + 10);
		if (!beyond) {
			expect_silent(RULE_UNEXPECTED_ZAP);
			continue;
		}
		expect_here(RULE_UNEXPECTED_ZAP);
		expect_pages(RULE_UNEXPECTED_ZAP, 10, 10);
	}
}

/* It is memfd_secret's from its change on, who has to flush it. */
static void test_left_unflushed(void **state)
{
	(void)state;
	for (int part = SEEN_BEGIN; part <= SEEN_WHOLE; part++) {
		for (int flushed = 0; flushed < 2; flushed++) {
			punched(part, HOLE);
			stream_zap(&stream, T + 1, 0, 0, 104, 1, false, 0);
			if (flushed)
				stream_flush(&stream, T + 1, 104, 104, false);
			stream_join(&stream, T + 1, S, 0, 104);
			stream.now += 61 * SECOND;
			heartbeats(20);
			stream_finish(&stream);
			stream_judge(&stream, NULL);
			assert_int_equal(here_count(RULE_UNEXPECTED_ZAP), 0);
			assert_int_equal(here_count(RULE_NEVER_FLUSHED), !flushed);
		}
	}
}

/* --- exposed -------------------------------------------------------------------- */

static void prepared(__u64 pgoff, __u64 pfn, bool prepared)
{
	struct record_owner *record;

	stream_join(&stream, T, G, pgoff, pfn);
	record = (struct record_owner *)(stream.data + stream.used - sizeof(*record));
	record->prepared = prepared;
}

static void configured(bool zapped)
{
	stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 2, 2, false);
	if (zapped)
		stream_zap_flush(&stream, T, G, 2, 104, 1, 104, 104);
	stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, 2, 2, false);
}

static void test_exposed(void **state)
{
	(void)state;
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	prepared(2, 104, false);
	here();
	prepared(2, 104, true);
	configured(true);
	expect_here(RULE_EXPOSED);
	expect_pages(RULE_EXPOSED, 2, 2);
	/* Configured, and not made absent. */
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	prepared(2, 104, false);
	configured(false);
	here();
	prepared(2, 104, true);
	expect_here(RULE_EXPOSED);
	/* It came so. */
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	here();
	prepared(2, 104, true);
	expect_here(RULE_EXPOSED);
}

static void test_exposed_silent(void **state)
{
	(void)state;
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	prepared(2, 104, false);
	configured(true);
	prepared(2, 104, true);
	expect_silent(RULE_EXPOSED);
	/* Declared present. */
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	convert(0, 3, 0, 4);
	prepared(2, 104, false);
	configured(false);
	prepared(2, 104, true);
	expect_silent(RULE_EXPOSED);
	/* It is being declared. */
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	prepared(2, 104, false);
	stream_begin(&stream, T + 1, G, SET_RANGE, 2, 3, true);
	prepared(2, 104, true);
	stream_end(&stream, T + 1, G, SET_RANGE, 2, 3, true);
	expect_silent(RULE_EXPOSED);
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	prepared(2, 104, false);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 1000, 1);
	prepared(2, 104, true);
	expect_silent(RULE_EXPOSED);
}

/* A request elsewhere does not excuse it, nor does one of another kind. */
static void test_exposed_beside(void **state)
{
	(void)state;
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_begin(&stream, T + 1, G, SET_RANGE, 3, 4, true);
	stream_begin(&stream, T + 2, G, SET_RANGE, 0, 1, true);
	stream_begin(&stream, T + 3, 9, SET_RANGE, 2, 2, true);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 2, false);
	prepared(2, 104, false);
	here();
	prepared(2, 104, true);
	expect_here(RULE_EXPOSED);
}

/* --- left-absent ---------------------------------------------------------------- */

static void leave(bool frees, bool restored)
{
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	if (frees)
		stream_heartbeat(&stream);
	else
		frees_unwatched();
	for (__u64 i = 0; i < 4; i++)
		stream_fault(&stream, T, G, i, 100 + 2 * i);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 2, true);
	if (restored)
		stream_zap(&stream, T, 0, 0, 104, 1, true, 0);
	here();
	stream_leave(&stream, T, 104);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 2, true);
}

static void test_left_absent(void **state)
{
	(void)state;
	leave(false, false);
	expect_here(RULE_LEFT_ABSENT);
	expect_pages(RULE_LEFT_ABSENT, 2, 2);
	leave(false, true);
	expect_silent(RULE_LEFT_ABSENT);
	/* What is freed is read then. */
	leave(true, false);
	expect_silent(RULE_LEFT_ABSENT);
	assert_null(not_judged(RULE_LEFT_ABSENT));
	leave(false, false);
	stream_loss(&stream, 9, RECORD_LOSS_RING_FULL, stream.now - 3000, 1);
	expect_silent(RULE_LEFT_ABSENT);
}

/* A folio of four pages, of which one was restored. */
static void test_left_absent_run(void **state)
{
	struct record_owner *record;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	frees_unwatched();
	for (__u64 i = 0; i < 4; i++)
		stream_fault(&stream, T, G, i, 100 + i);
	stream_zap(&stream, T, 0, 0, 101, 1, true, 0);
	here();
	stream_leave(&stream, T, 100);
	record = (struct record_owner *)(stream.data + stream.used - sizeof(*record));
	record->nr = 4;
	expect_here(RULE_LEFT_ABSENT);
	assert_int_equal(here_count(RULE_LEFT_ABSENT), 2);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_LEFT_ABSENT), 3);
}

/* --- freed-uncleared ------------------------------------------------------------- */

enum cleared {
	UNCLEARED,
	CLEARED,
	NOT_PREPARED,
	POISONED,
	SHARED,
	SHARED_SINCE,
	OUT_OF_SIGHT,
};

static void leave_with(__u32 bits)
{
	struct record_owner *record;

	stream_leave(&stream, T, 104);
	record = (struct record_owner *)(stream.data + stream.used - sizeof(*record));
	record->prepared = bits;
}

static void uncleared_here(enum cleared how)
{
	faulted(2);
	if (how == SHARED)
		convert(2, 2, 2, 1);
	if (how == NOT_PREPARED)
		stream_join(&stream, T, G, 2, 104);
	else
		stream_fault(&stream, T, G, 2, 104);
	if (how == POISONED) {
		stream_begin(&stream, T, G, RECORD_OPERATION_ERROR_FOLIO, 2, 2, false);
		stream_end(&stream, T, G, RECORD_OPERATION_ERROR_FOLIO, 2, 2, false);
	}
	if (how == SHARED_SINCE)
		convert(2, 2, 0, 0);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 2, true);
	stream_zap(&stream, T, 0, 0, 104, 1, true, 0);
	if (how == OUT_OF_SIGHT)
		stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 1000, 1);
	here();
	leave_with(how == CLEARED ? 0 : RECORD_OWNER_CONTENT);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 2, 2, true);
}

static void uncleared(enum cleared how)
{
	here_anew();
	uncleared_here(how);
}

static void test_uncleared(void **state)
{
	(void)state;
	uncleared(UNCLEARED);
	expect_here(RULE_FREED_UNCLEARED);
	expect_pages(RULE_FREED_UNCLEARED, 2, 2);
	for (enum cleared how = CLEARED; how <= OUT_OF_SIGHT; how++) {
		uncleared(how);
		expect_silent(RULE_FREED_UNCLEARED);
	}
}

/* What SEV-SNP and TDX leave is noise, and which VM is one is not known. */
static void test_uncleared_by_gfn(void **state)
{
	(void)state;
	here_anew();
	stream_fact(&stream, RECORD_FACT_BY_GFN, "VMs of TDX can be here");
	uncleared_here(UNCLEARED);
	expect_silent(RULE_FREED_UNCLEARED);
	assert_string_equal(not_judged(RULE_FREED_UNCLEARED),
			    "not judged throughout: VMs of TDX can be here");
}

/* A folio of pages 2 to 5 leaves, of which the pages at @pfn are present again; @content: what its first read says. */
static void folio_left(__u64 pfn, __u32 nr, __u32 content)
{
	struct record_owner *record;

	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 2; i < 6; i++)
		stream_fault(&stream, T, G, i, 102 + i);
	stream_zap(&stream, T, 0, 0, pfn, nr, true, 0);
	here();
	leave_with(content);
	record = (struct record_owner *)(stream.data + stream.used - sizeof(*record));
	record->nr = 4;
	expect_here(RULE_FREED_UNCLEARED);
}

/* Of a folio its first page is read, and no other. */
static void test_uncleared_folio(void **state)
{
	(void)state;
	folio_left(105, 1, RECORD_OWNER_CONTENT);
	expect_pages(RULE_FREED_UNCLEARED, 2, 2);
}

/* Its first page was cleared, the third was not. */
static void test_uncleared_folio_third(void **state)
{
	(void)state;
	folio_left(104, 4, RECORD_OWNER_CONTENT | 2 << RECORD_OWNER_CONTENT_SHIFT);
	expect_pages(RULE_FREED_UNCLEARED, 4, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_unexpected),
		RULE_TEST(test_unexpected_silent),
		RULE_TEST(test_unexpected_late),
		RULE_TEST(test_unexpected_left),
		RULE_TEST(test_unexpected_left_alike),
		RULE_TEST(test_unexpected_left_absent),
		RULE_TEST(test_left_unflushed),
		RULE_TEST(test_exposed),
		RULE_TEST(test_exposed_silent),
		RULE_TEST(test_exposed_beside),
		RULE_TEST(test_left_absent),
		RULE_TEST(test_left_absent_run),
		RULE_TEST(test_uncleared),
		RULE_TEST(test_uncleared_by_gfn),
		RULE_TEST(test_uncleared_folio),
		RULE_TEST(test_uncleared_folio_third),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
