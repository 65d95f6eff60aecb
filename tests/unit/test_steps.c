// SPDX-License-Identifier: GPL-2.0
/* Rules on the steps inside a request. */
#include <linux/falloc.h>
#include "steps.h"

/* --- unserialised --------------------------------------------------------------- */

struct overlap {
	__u64 first; /* of the other's range */
	__u64 inode;
	enum record_operation operation;
	bool serial, stepless, loss, inner;
};

/* Requests of two tasks; the second's first step comes between those of the first. */
static void overlap(const struct overlap *other)
{
	here_anew();
	faulted(16);
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_heartbeat(&stream);
	stream_begin(&stream, T, G, SET_RANGE, 0, 7, true);
	if (other->stepless)
		stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	else
		step(T, 0, 7, true, 0);
	stream_begin(&stream, T + 1, other->inode, other->operation, other->first, other->first + 7,
		     true);
	if (!other->serial && !other->inner)
		step(T + 1, other->first, other->first + 7, true, 0);
	if (other->loss)
		stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 2000, 1);
	if (!other->stepless)
		stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	if (other->serial)
		step(T + 1, other->first, other->first + 7, true, 0);
	here();
	end_with(T, SET_RANGE, 0, 7, true, 0);
	stream_request(&stream, RECORD_REQUEST_END, T + 1, other->inode, other->operation,
		       other->first, other->first + 7, true, 0);
}

static void test_unserialised(void **state)
{
	(void)state;
	overlap(&(struct overlap){ .first = 5, .inode = G, .operation = SET_RANGE });
	expect_here(RULE_UNSERIALISED);
	expect_pages(RULE_UNSERIALISED, 5, 7);
	overlap(&(struct overlap){
		.first = 0, .inode = G, .operation = RECORD_OPERATION_SET_FOLIO });
	expect_here(RULE_UNSERIALISED);
	expect_pages(RULE_UNSERIALISED, 0, 7);
}

/* The one that ends first may be the one that began last. */
static void test_unserialised_inside(void **state)
{
	(void)state;
	here_anew();
	faulted(8);
	stream_begin(&stream, T, G, SET_RANGE, 0, 7, true);
	step(T, 0, 7, true, 0);
	stream_begin(&stream, T + 1, G, SET_RANGE, 2, 3, true);
	step(T + 1, 2, 3, true, 0);
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	stream_zap(&stream, T + 1, G, 2, 104, 1, true, 0);
	here();
	end_with(T + 1, SET_RANGE, 2, 3, true, 0);
	end_with(T, SET_RANGE, 0, 7, true, 0);
	expect_here(RULE_UNSERIALISED);
	expect_pages(RULE_UNSERIALISED, 2, 3);
}

static void test_unserialised_silent(void **state)
{
	static const struct overlap silent[] = {
		{ .first = 8, .inode = G, .operation = SET_RANGE },
		{ .first = 5, .inode = 9, .operation = SET_RANGE },
		{ .first = 5, .inode = G, .operation = RECORD_OPERATION_CONFIGURE },
		{ .first = 5, .inode = G, .operation = SET_RANGE, .serial = true },
		{ .first = 5, .inode = G, .operation = SET_RANGE, .stepless = true },
		{ .first = 5, .inode = G, .operation = SET_RANGE, .loss = true },
		{ .first = 5, .inode = G, .operation = SET_RANGE, .inner = true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
		overlap(&silent[i]);
		expect_silent(RULE_UNSERIALISED);
	}
}

/* --- swallowed-error ------------------------------------------------------------ */

static void zap_fails(enum record_operation operation, __u32 mode, __s64 result, bool again)
{
	struct record_request *begin, *end;

	here_anew();
	faulted(8);
	stream_begin(&stream, T, G, operation, 0, 3, true);
	begin = (struct record_request *)(stream.data + stream.used - sizeof(*begin));
	begin->mode = mode;
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	stream_zap(&stream, T, G, 2, 104, 1, true, -12);
	if (again)
		stream_zap(&stream, T, G, 2, 104, 1, true, 0);
	here();
	end_with(T, operation, 0, 3, true, result);
	end = (struct record_request *)(stream.data + stream.used - sizeof(*end));
	end->mode = mode;
}

static void test_swallowed(void **state)
{
	(void)state;
	zap_fails(SET_RANGE, 0, 0, false);
	expect_here(RULE_SWALLOWED_ERROR);
	expect_pages(RULE_SWALLOWED_ERROR, 2, 2);
	zap_fails(RECORD_OPERATION_FALLOCATE, 0, 0, false);
	expect_here(RULE_SWALLOWED_ERROR);
	zap_fails(RECORD_OPERATION_CONFIGURE, 0, 0, false);
	expect_here(RULE_SWALLOWED_ERROR);
}

static void test_swallowed_silent(void **state)
{
	(void)state;
	zap_fails(SET_RANGE, 0, -12, false);
	expect_silent(RULE_SWALLOWED_ERROR);
	zap_fails(SET_RANGE, 0, 0, true);
	expect_silent(RULE_SWALLOWED_ERROR);
	/* A hole: who makes it cannot be told. */
	zap_fails(RECORD_OPERATION_FALLOCATE, 3, 0, false);
	expect_silent(RULE_SWALLOWED_ERROR);
	zap_fails(RECORD_OPERATION_RELEASE, 0, 0, false);
	expect_silent(RULE_SWALLOWED_ERROR);
	zap_fails(SET_RANGE, 0, 0, false);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 3000, 1);
	expect_silent(RULE_SWALLOWED_ERROR);
}

/* A run that failed, of which a part was tried again. */
static void test_swallowed_part(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 8; i++)
		stream_fault(&stream, T, G, i, 100 + i);
	stream_begin(&stream, T, G, SET_RANGE, 0, 7, true);
	stream_zap(&stream, T, G, 0, 100, 8, true, -12);
	stream_zap(&stream, T, G, 0, 100, 3, true, 0);
	/* Not that way. */
	stream_zap(&stream, T, G, 5, 105, 1, false, 0);
	here();
	end_with(T, SET_RANGE, 0, 7, true, 0);
	expect_here(RULE_SWALLOWED_ERROR);
	expect_pages(RULE_SWALLOWED_ERROR, 3, 7);
}

/* As many single pages as 256 MiB have, and the last fails: no fewer of them are looked at. */
static void test_swallowed_last_of_many(void **state)
{
	__u64 last = (1 << 16) - 1;

	(void)state;
	stream_inode(&stream, G, RFC3, last + 1, false);
	for (__u64 i = 0; i <= last; i++)
		stream_join(&stream, T, G, i, 1000 + 2 * i);
	stream_begin(&stream, T, G, SET_RANGE, 0, last, true);
	for (__u64 i = 0; i <= last; i++)
		stream_zap(&stream, T, G, i, 1000 + 2 * i, 1, true, i == last ? -12 : 0);
	end_with(T, SET_RANGE, 0, last, true, 0);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	expect_pages(RULE_SWALLOWED_ERROR, last, last);
}

static bool unlooked(void)
{
	const char *reason;

	for (size_t i = 0; (reason = verdict_reason(stream.verdict, i)); i++) {
		if (strstr(reason, "too often to be looked at"))
			return true;
	}
	return false;
}

/* The same page over and over: what is left out is said, and what a kernel may do is not left out. */
static void test_changed_too_often(void **state)
{
	(void)state;
	for (int times = 16; times <= 16384; times *= 1024) {
		here_anew();
		stream_inode(&stream, G, RFC3, 64, false);
		stream_fault(&stream, T, G, 0, 100);
		stream_begin(&stream, T, G, SET_RANGE, 0, 0, true);
		for (int i = 0; i < times; i++)
			stream_zap(&stream, T, G, 0, 100, 1, true, 0);
		end_with(T, SET_RANGE, 0, 0, true, 0);
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		assert_int_equal(unlooked(), times > 16);
	}
}

static void xarray_fails(__u64 again_first, __u64 again_last, bool again_state, __s64 result)
{
	here_anew();
	faulted(8);
	stream_begin(&stream, T, G, SET_RANGE, 0, 7, true);
	step(T, 2, 5, true, -12);
	if (again_last)
		step(T, again_first, again_last, again_state, 0);
	for (__u64 i = 0; i < 8; i++)
		stream_zap(&stream, T, G, i, 100 + 2 * i, 1, true, 0);
	here();
	end_with(T, SET_RANGE, 0, 7, true, result);
}

static void test_swallowed_xarray(void **state)
{
	(void)state;
	xarray_fails(0, 0, false, 0);
	expect_here(RULE_SWALLOWED_ERROR);
	expect_pages(RULE_SWALLOWED_ERROR, 2, 5);
	xarray_fails(2, 4, true, 0);
	expect_here(RULE_SWALLOWED_ERROR);
	xarray_fails(3, 5, true, 0);
	expect_here(RULE_SWALLOWED_ERROR);
	xarray_fails(2, 5, false, 0);
	expect_here(RULE_SWALLOWED_ERROR);
	xarray_fails(2, 5, true, 0);
	expect_silent(RULE_SWALLOWED_ERROR);
	xarray_fails(0, 0, false, -12);
	expect_silent(RULE_SWALLOWED_ERROR);
}

/* --- partial-apply -------------------------------------------------------------- */

enum partial {
	LEFT_BEHIND,
	CHANGED_BACK,
	BACK_FAILED,
	SUCCEEDED,
	NO_CHANGE,
	LOST,
	CAME_MEANWHILE,
	CAME_AND_WENT_BACK,
};

/* To present: page 1 is changed, page 2 cannot be. */
static void partial(enum record_operation operation, enum partial how)
{
	here_anew();
	faulted(how >= CAME_MEANWHILE ? 1 : 4);
	if (how == NO_CHANGE)
		convert(1, 1, 0, 0);
	stream_begin(&stream, T, G, operation, 0, 3, true);
	if (how >= CAME_MEANWHILE)
		stream_fault(&stream, T + 1, G, 1, 102);
	stream_zap(&stream, T, G, 1, 102, 1, true, 0);
	stream_zap(&stream, T, G, 2, 104, 1, true, -12);
	if (how == CHANGED_BACK || how == BACK_FAILED || how == CAME_AND_WENT_BACK)
		stream_zap(&stream, T, G, 1, 102, 1, false, how == BACK_FAILED ? -12 : 0);
	if (how == CHANGED_BACK || how == CAME_AND_WENT_BACK)
		stream_flush(&stream, T, 0, 0, true);
	if (how == LOST)
		stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 2000, 1);
	here();
	end_with(T, operation, 0, 3, true, how == SUCCEEDED ? 0 : -12);
}

static void test_partial(void **state)
{
	(void)state;
	partial(SET_RANGE, LEFT_BEHIND);
	expect_here(RULE_PARTIAL_APPLY);
	expect_pages(RULE_PARTIAL_APPLY, 1, 1);
	partial(SET_RANGE, CAME_MEANWHILE);
	expect_here(RULE_PARTIAL_APPLY);
	expect_pages(RULE_PARTIAL_APPLY, 1, 1);
	partial(RECORD_OPERATION_CONFIGURE, LEFT_BEHIND);
	expect_here(RULE_PARTIAL_APPLY);
}

static void test_partial_silent(void **state)
{
	(void)state;
	for (enum partial how = CHANGED_BACK; how <= LOST; how++) {
		partial(SET_RANGE, how);
		expect_silent(RULE_PARTIAL_APPLY);
	}
	partial(SET_RANGE, CAME_AND_WENT_BACK);
	expect_silent(RULE_PARTIAL_APPLY);
	/* What was prepared before it failed may stay. */
	partial(RECORD_OPERATION_FALLOCATE, LEFT_BEHIND);
	expect_silent(RULE_PARTIAL_APPLY);
	partial(RECORD_OPERATION_RELEASE, LEFT_BEHIND);
	expect_silent(RULE_PARTIAL_APPLY);
}

/* A run of pages, of which some were so before and some are changed back. */
static void test_partial_run(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 8; i++)
		stream_fault(&stream, T, G, i, 100 + i);
	stream_begin(&stream, T, G, SET_RANGE, 0, 7, true);
	stream_zap(&stream, T, G, 0, 100, 8, true, 0);
	stream_zap(&stream, T, G, 2, 102, 3, false, 0);
	stream_flush(&stream, T, 0, 0, true);
	stream_zap(&stream, T, G, 7, 107, 1, false, 0);
	stream_flush(&stream, T, 0, 0, true);
	here();
	end_with(T, SET_RANGE, 0, 7, true, -12);
	expect_here(RULE_PARTIAL_APPLY);
	assert_int_equal(here_count(RULE_PARTIAL_APPLY), 2);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_PARTIAL_APPLY), 4);
}

/* The last page of a run came when the request had begun: it is to be as it was declared before. */
static void run_meanwhile(__u32 changed_back)
{
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 7; i++)
		stream_fault(&stream, T, G, i, 100 + i);
	stream_begin(&stream, T, G, SET_RANGE, 0, 7, true);
	stream_fault(&stream, T + 1, G, 7, 107);
	stream_zap(&stream, T, G, 0, 100, 8, true, 0);
	stream_zap(&stream, T, G, 0, 100, changed_back, false, 0);
	stream_flush(&stream, T, 0, 0, true);
	here();
	end_with(T, SET_RANGE, 0, 7, true, -12);
}

static void test_partial_run_meanwhile(void **state)
{
	(void)state;
	run_meanwhile(7);
	expect_here(RULE_PARTIAL_APPLY);
	expect_pages(RULE_PARTIAL_APPLY, 7, 7);
	run_meanwhile(8);
	expect_silent(RULE_PARTIAL_APPLY);
}

/* Page 5 comes when a conversion to present has declared it so: it is prepared as it is. */
static void come_declared(void)
{
	struct record_owner *record;

	here_anew();
	faulted(4);
	stream_begin(&stream, T, G, SET_RANGE, 0, 7, true);
	stream_join(&stream, T + 1, G, 5, 110);
	record = (struct record_owner *)(stream.data + stream.used - sizeof(*record));
	record->prepared = true;
}

/* The conversion fails, never having changed that page, and leaves it. */
static void test_partial_untouched(void **state)
{
	(void)state;
	come_declared();
	here();
	end_with(T, SET_RANGE, 0, 7, true, -12);
	expect_here(RULE_PARTIAL_APPLY);
	expect_pages(RULE_PARTIAL_APPLY, 5, 5);
	assert_non_null(strstr(here_found(RULE_PARTIAL_APPLY)->words,
			       "declared absent before R, became present inside R"));
}

struct untouched {
	__u64 first, inode;
	enum record_operation operation;
	__u32 tid, mode;
};

/* While it ends, another has begun; whether it may have made the page present on its way. */
static void untouched_beside(const struct untouched *other, bool silent)
{
	struct record_request *record;

	come_declared();
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_begin(&stream, other->tid, other->inode, other->operation, other->first, 63, true);
	record = (struct record_request *)(stream.data + stream.used - sizeof(*record));
	record->mode = other->mode;
	here();
	end_with(T, SET_RANGE, 0, 7, true, -12);
	if (silent)
		expect_silent(RULE_PARTIAL_APPLY);
	else
		expect_here(RULE_PARTIAL_APPLY);
}

static void test_partial_beside(void **state)
{
	const enum record_operation allocate = RECORD_OPERATION_FALLOCATE;
	const __u32 punch = FALLOC_FL_PUNCH_HOLE;

	(void)state;
	untouched_beside(&(struct untouched){ 7, G, allocate, T + 2, punch }, true);
	untouched_beside(&(struct untouched){ 7, G, RECORD_OPERATION_RELEASE, T + 2, 0 }, true);
	untouched_beside(&(struct untouched){ 8, G, allocate, T + 2, punch }, false);
	untouched_beside(&(struct untouched){ 7, 9, allocate, T + 2, punch }, false);
	untouched_beside(&(struct untouched){ 7, G, allocate, T + 2, 0 }, false);
}

/* What came in the middle, and is not known, or not to be judged, or not of this request's making. */
static void test_partial_untouched_silent(void **state)
{
	(void)state;
	for (int how = 0; how < 4; how++) {
		come_declared();
		if (how == 0) {
			stream_begin(&stream, T + 2, G, RECORD_OPERATION_ERROR_FOLIO, 5, 5, false);
			stream_end(&stream, T + 2, G, RECORD_OPERATION_ERROR_FOLIO, 5, 5, false);
		} else if (how == 1) {
			stream_zap(&stream, T + 2, G, 5, 110, 1, false, -12);
		} else if (how == 2) {
			stream_begin(&stream, T + 2, G, SET_RANGE, 5, 5, false);
			stream_end(&stream, T + 2, G, SET_RANGE, 5, 5, false);
		} else {
			((struct record_owner *)(stream.data + stream.used -
						 sizeof(struct record_owner)))
				->prepared = false;
		}
		end_with(T, SET_RANGE, 0, 7, true, -12);
		expect_silent(RULE_PARTIAL_APPLY);
	}
}

/* A later one fails as well, and puts right what the first had left: the first is accused, and it alone. */
static void test_partial_put_right(void **state)
{
	(void)state;
	for (int came = 0; came < 2; came++) {
		if (came) {
			come_declared();
		} else {
			here_anew();
			faulted(6);
			stream_begin(&stream, T, G, SET_RANGE, 0, 7, true);
			stream_zap(&stream, T, G, 5, 110, 1, true, 0);
		}
		end_with(T, SET_RANGE, 0, 7, true, -12);
		stream_heartbeat(&stream);
		stream_begin(&stream, T + 2, G, SET_RANGE, 4, 9, true);
		stream_zap(&stream, T + 2, G, 5, 110, 1, false, 0);
		stream_flush(&stream, T + 2, 0, 0, true);
		end_with(T + 2, SET_RANGE, 4, 9, true, -12);
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		stream_expect_one(&stream, RULE_PARTIAL_APPLY, G, 5, 5);
		assert_non_null(strstr(here_found(RULE_PARTIAL_APPLY)->words, "(task 7,"));
		assert_non_null(strstr(here_found(RULE_PARTIAL_APPLY)->words,
				       "What follows from it was seen, too: partial-apply."));
	}
}

/* Each of two could follow from the other: the one that began first is the cause, and neither waits for ever. */
static void test_partial_each_other(void **state)
{
	(void)state;
	here_anew();
	faulted(6);
	for (unsigned int i = 0; i < 2; i++) {
		stream_begin(&stream, T + i, G, SET_RANGE, 0, 7, !i);
		stream_zap(&stream, T + i, G, 5, 110, 1, !i, 0);
		stream_flush(&stream, T + i, 0, 0, true);
		end_with(T + i, SET_RANGE, 0, 7, !i, -12);
	}
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect_one(&stream, RULE_PARTIAL_APPLY, G, 5, 5);
	assert_non_null(strstr(here_found(RULE_PARTIAL_APPLY)->words, "(task 7,"));
}

/* --- redundant-flush ------------------------------------------------------------ */

enum flushed {
	NOTHING,
	RESTORED,
	TWICE,
	ABSENT_BEFORE,
	AFTER_ZAP,
	AFTER_FAILURE,
	OF_ALL,
	NESTED,
	ON_RELEASE,
};

static void flushed(enum flushed how)
{
	enum record_operation operation = how == ON_RELEASE ? RECORD_OPERATION_RELEASE : SET_RANGE;
	bool absent = how == TWICE || how == AFTER_ZAP;
	bool valid = how == RESTORED || how == AFTER_FAILURE;

	here_anew();
	faulted(4);
	if (absent)
		convert(2, 2, 0, 0);
	if (how == NESTED)
		stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 3, false);
	stream_begin(&stream, T, G, operation, 0, 3, valid);
	if (absent || how == RESTORED || how == ABSENT_BEFORE)
		stream_zap(&stream, T, G, 2, 104, 1, valid, 0);
	if (how == AFTER_FAILURE)
		stream_zap(&stream, T, G, 2, 104, 1, false, -12);
	if (how == TWICE)
		stream_flush(&stream, T, 0, 0, true);
	if (how == OF_ALL)
		stream_flush_all(&stream, T);
	else
		stream_flush(&stream, T, 0, 0, true);
	if (how != NESTED)
		here();
	end_with(T, operation, 0, 3, valid, 0);
	if (how == NESTED) {
		here();
		end_with(T, RECORD_OPERATION_FALLOCATE, 0, 3, false, 0);
	}
}

static void test_redundant(void **state)
{
	static const enum flushed notes[] = { NOTHING, RESTORED, TWICE, ABSENT_BEFORE, NESTED };
	static const enum flushed silent[] = { AFTER_ZAP, AFTER_FAILURE, OF_ALL, ON_RELEASE };

	(void)state;
	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		flushed(notes[i]);
		expect_here(RULE_REDUNDANT_FLUSH);
		assert_int_equal(here_found(RULE_REDUNDANT_FLUSH)->count, 1);
		assert_int_equal(here_found(RULE_REDUNDANT_FLUSH)->pages, 0);
	}
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
		flushed(silent[i]);
		expect_silent(RULE_REDUNDANT_FLUSH);
	}
	flushed(NOTHING);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 2000, 1);
	expect_silent(RULE_REDUNDANT_FLUSH);
}

/* --- steps ---------------------------------------------------------------------- */

/* A step is no request of its own: neither counted as one nor in a page's story, unless it failed. */
static void test_step_is_no_request(void **state)
{
	struct model_event events[16];
	struct model_counts counts;
	size_t nr;

	(void)state;
	faulted(4);
	stream_begin(&stream, T, G, SET_RANGE, 0, 3, true);
	step(T, 0, 3, true, 0);
	step(T, 0, 3, true, -12);
	end_with(T, SET_RANGE, 0, 3, true, -12);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	model_count(stream.model, &counts);
	assert_int_equal(counts.requests, 5);
	assert_int_equal(model_inode_find(stream.model, G)->requests, 5);
	nr = model_page_events(stream.model, model_inode_find(stream.model, G), 3, 0, ~0ULL, events,
			       16);
	assert_int_equal(events[nr - 2].operation, XARRAY);
	assert_int_equal(events[nr - 2].result, -12);
	assert_int_equal(events[nr - 3].operation, SET_RANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_unserialised),
		RULE_TEST(test_unserialised_inside),
		RULE_TEST(test_unserialised_silent),
		RULE_TEST(test_swallowed),
		RULE_TEST(test_swallowed_silent),
		RULE_TEST(test_swallowed_part),
		RULE_TEST(test_swallowed_last_of_many),
		RULE_TEST(test_changed_too_often),
		RULE_TEST(test_swallowed_xarray),
		RULE_TEST(test_partial),
		RULE_TEST(test_partial_silent),
		RULE_TEST(test_partial_run),
		RULE_TEST(test_partial_run_meanwhile),
		RULE_TEST(test_partial_untouched),
		RULE_TEST(test_partial_beside),
		RULE_TEST(test_partial_untouched_silent),
		RULE_TEST(test_partial_put_right),
		RULE_TEST(test_partial_each_other),
		RULE_TEST(test_redundant),
		RULE_TEST(test_step_is_no_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
