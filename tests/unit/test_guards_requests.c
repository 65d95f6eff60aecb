// SPDX-License-Identifier: GPL-2.0
/* Requests: which end is whose, and what those that run at once leave behind. */
#include "watch.h"

#define RANGE RECORD_OPERATION_SET_RANGE
#define FOLIO RECORD_OPERATION_SET_FOLIO

static void start(void)
{
	anew();
	stream_inode(&stream, G, RFC3, 256, false);
}

static void begin(__u32 tid, __u64 first, __u64 last, bool present)
{
	stream_begin(&stream, tid, G, RANGE, first, last, present);
}

static void end(__u32 tid, __u64 first, __u64 last, bool present, __s64 result)
{
	stream_request(&stream, RECORD_REQUEST_END, tid, G, RANGE, first, last, present, result);
}

static void during(__u32 tid, __u64 first, __u64 last, bool present, __s64 result)
{
	begin(tid, first, last, present);
	end(tid, first, last, present, result);
}

static enum model_state declared(__u64 pgoff)
{
	return page_at(G, pgoff).declared;
}

/* What was declared apart is declared back, though the rest of the gigabyte was like that all the time. */
static void test_declared_back(void **state)
{
	(void)state;
	start();
	during(T, 2, 5, true, 0);
	during(T, 2, 5, false, 0);
	feed();
	assert_int_equal(declared(1), MODEL_ABSENT);
	assert_int_equal(declared(3), MODEL_ABSENT);
	start();
	during(T, 2, 5, true, 0);
	feed();
	assert_int_equal(declared(3), MODEL_PRESENT);
	/* The whole gigabyte at once, of which a part had been taken out. */
	anew();
	stream_inode(&stream, G, RFC3, 1ULL << 19, false);
	during(T, 2, 5, true, 0);
	during(T, 0, (1ULL << 18) - 1, false, 0);
	feed();
	assert_int_equal(declared(3), MODEL_ABSENT);
}

/* --- which end is whose -------------------------------------------------------------- */

/* Whether the end is taken for the begin's. */
static void ended_by(__u64 begin_inode, __u64 inode, enum record_operation operation, __u64 first,
		     __u64 last, bool taken)
{
	start();
	stream_begin(&stream, T, begin_inode, RANGE, 2, 5, true);
	stream_end(&stream, T, inode, operation, first, last, true);
	feed();
	assert_int_equal(watch.ended_nr, taken);
	assert_int_equal(watch.counts.requests_open, !taken);
	assert_int_equal(watch.doubt_nr, !taken);
}

static void test_match(void **state)
{
	(void)state;
	ended_by(G, G, RANGE, 2, 5, true);
	ended_by(G, G, FOLIO, 2, 5, false);
	ended_by(G, G, RANGE, 1, 5, false);
	ended_by(G, G, RANGE, 2, 6, false);
	ended_by(G, 9, RANGE, 2, 5, false);
	/* A folio that was truncated meanwhile has no inode any more, or had none yet. */
	ended_by(G, 0, RANGE, 2, 5, true);
	ended_by(0, G, RANGE, 2, 5, true);
}

/* A release stands alone, no routine calls itself, and no thread is in so many. */
static void test_impossible(void **state)
{
	(void)state;
	start();
	begin(T, 0, 0, true);
	stream_begin(&stream, T, G, RECORD_OPERATION_RELEASE, 0, ~0ULL, false);
	feed();
	assert_int_equal(watch.counts.requests_open, 1);
	start();
	begin(T, 0, 0, true);
	begin(T, 1, 1, true);
	feed();
	assert_int_equal(watch.counts.requests_open, 1);
	start();
	for (unsigned int i = 0; i < 8; i++)
		stream_begin(&stream, T, G, (enum record_operation)(100 + i), 0, 0, true);
	feed();
	assert_int_equal(watch.counts.requests_open, 8);
	start();
	for (unsigned int i = 0; i < 9; i++)
		stream_begin(&stream, T, G, (enum record_operation)(100 + i), 0, 0, true);
	feed();
	assert_int_equal(watch.counts.requests_open, 1);
}

static void test_release_of_nobody(void **state)
{
	(void)state;
	start();
	stream_begin(&stream, T, 0, RECORD_OPERATION_RELEASE, 0, ~0ULL, false);
	feed();
	assert_int_equal(watch.counts.requests_open, 1);
	assert_null(watch.begun[0].inode);
}

/* The update of the xarray inside another request is a step of it, and of its inode. */
static void counted(enum record_operation outer, enum record_operation inner, __u64 inode,
		    __u64 requests)
{
	start();
	stream_begin(&stream, T, G, outer, 0, 3, true);
	stream_begin(&stream, T, inode, inner, 0, 3, true);
	stream_end(&stream, T, inode, inner, 0, 3, true);
	stream_end(&stream, T, G, outer, 0, 3, true);
	feed();
	assert_int_equal(watch.counts.requests, requests);
	assert_int_equal(watch.counts.requests_open, 0);
}

static void test_steps(void **state)
{
	const enum record_operation update = RECORD_OPERATION_UPDATE_XARRAY;

	(void)state;
	counted(RANGE, update, G, 1);
	counted(RANGE, update, 0, 1);
	counted(RECORD_OPERATION_FALLOCATE, RECORD_OPERATION_CONFIGURE, G, 2);
	assert_int_equal(inode_of(G)->requests, 2);
	/* Another's inode that is not known is not its caller's. */
	counted(RECORD_OPERATION_FALLOCATE, RECORD_OPERATION_CONFIGURE, 0, 2);
	assert_int_equal(inode_of(G)->requests, 1);
	/* By itself it is a request, of no inode where it names none. */
	start();
	stream_begin(&stream, T, G, update, 0, 3, true);
	stream_end(&stream, T, G, update, 0, 3, true);
	stream_begin(&stream, T, 0, update, 8, 9, true);
	stream_end(&stream, T, 0, update, 8, 9, true);
	feed();
	assert_int_equal(watch.counts.requests, 2);
	assert_int_equal(inode_of(G)->requests, 1);
	assert_int_equal(declared(1), MODEL_PRESENT);
	assert_int_equal(declared(8), MODEL_ABSENT);
}

/* --- at once with others -------------------------------------------------------------- */

/* Page 1 of [0, 3], asked to be present, while another thread asks as well. */
static enum model_state page_1_after(bool other_present, __s64 other, __s64 result)
{
	start();
	begin(T, 0, 3, true);
	during(T + 1, 1, 1, other_present, other);
	end(T, 0, 3, true, result);
	feed();
	assert_int_equal(declared(3), result ? MODEL_EITHER : MODEL_PRESENT);
	assert_int_equal(declared(2), declared(3));
	return declared(1);
}

static void test_at_once(void **state)
{
	(void)state;
	assert_int_equal(page_1_after(true, 0, 0), MODEL_PRESENT);
	assert_int_equal(page_1_after(false, 0, 0), MODEL_EITHER);
	/* One that failed may have taken back what the other did. */
	assert_int_equal(page_1_after(true, -12, 0), MODEL_EITHER);
	assert_int_equal(page_1_after(true, 0, -12), MODEL_EITHER);
}

/* One that failed leaves what was legal before, and what it asked for. */
static void test_failed(void **state)
{
	(void)state;
	start();
	during(T, 0, 3, true, 0);
	during(T, 0, 3, true, -12);
	feed();
	assert_int_equal(declared(1), MODEL_PRESENT);
	start();
	during(T, 0, 3, true, 0);
	during(T, 0, 3, false, -12);
	feed();
	assert_int_equal(declared(1), MODEL_EITHER);
	assert_int_equal(declared(4), MODEL_ABSENT);
}

/* A thread does not run at once with itself. */
static void test_nested(void **state)
{
	(void)state;
	start();
	begin(T, 0, 3, true);
	stream_begin(&stream, T, G, FOLIO, 1, 1, false);
	stream_end(&stream, T, G, FOLIO, 1, 1, false);
	end(T, 0, 3, true, 0);
	feed();
	assert_int_equal(declared(1), MODEL_PRESENT);
	assert_int_equal(watch.conflicts, 0);
}

/* More than are told apart: none is forgotten, and others' pages are none of its own. */
static void many(__u64 nr, bool descending)
{
	start();
	begin(T, 0, 199, true);
	for (__u64 i = 0; i < nr; i++) {
		__u64 pgoff = descending ? nr - 1 - i : i;

		during(T + 1, pgoff, pgoff, false, 0);
		stream_heartbeat(&stream);
	}
	end(T, 0, 199, true, 0);
	feed_with(&(struct model_options){ .events_kept = 1024 });
	for (__u64 i = 0; i < nr; i++)
		assert_int_equal(declared(i), MODEL_EITHER);
	assert_int_equal(declared(nr), MODEL_PRESENT);
}

static void test_many(void **state)
{
	(void)state;
	many(80, false);
	many(80, true);
	/* The last ones are taken together, and what lies between them with them. */
	start();
	begin(T, 0, 199, true);
	for (__u64 i = 0; i < 63; i++)
		during(T + 1, i, i, false, 0);
	during(T + 1, 100, 100, false, 0);
	during(T + 1, 150, 150, false, 0);
	end(T, 0, 199, true, 0);
	feed();
	assert_int_equal(declared(99), MODEL_PRESENT);
	assert_int_equal(declared(120), MODEL_EITHER);
	assert_int_equal(declared(151), MODEL_PRESENT);
}

/*
 * More than are kept apart, while one is open for long: those from before it are no conflict, of
 * those since none is forgotten, and the last are told apart.
 */
static void test_many_pairs(void **state)
{
	enum {
		NR = 2000,
		PAGES = 40,
		LAST = 150,
		OTHER = 180
	};

	(void)state;
	start();
	begin(T + 2, OTHER, OTHER, true);
	for (__u64 i = 0; i < NR; i++)
		during(T + 1, i % PAGES, i % PAGES, false, 0);
	begin(T, 0, LAST, true);
	for (__u64 i = 0; i < NR; i++)
		during(T + 1, PAGES + i % PAGES, PAGES + i % PAGES, false, 0);
	end(T, 0, LAST, true, 0);
	begin(T + 3, 1, LAST, true);
	during(T + 1, 97, 97, false, 0);
	during(T + 1, 99, 99, false, 0);
	end(T + 3, 1, LAST, true, 0);
	end(T + 2, OTHER, OTHER, true, 0);
	feed_with(&(struct model_options){ .events_kept = 1024 });
	assert_int_equal(declared(1), MODEL_PRESENT);
	assert_int_equal(declared(PAGES - 1), MODEL_PRESENT);
	assert_int_equal(declared(97), MODEL_EITHER);
	assert_int_equal(declared(98), MODEL_PRESENT);
	assert_int_equal(declared(99), MODEL_EITHER);
	assert_int_equal(declared(OTHER), MODEL_PRESENT);
}

/* The same of a request that they all may have overtaken. */
static void test_many_since(void **state)
{
	enum {
		NR = 2000,
		PAGES = 40,
		LAST = 150
	};

	(void)state;
	start();
	begin(T, 0, LAST, true);
	for (__u64 i = 0; i < NR; i++)
		during(T + 1, i % PAGES, i % PAGES, false, 0);
	end(T, 0, LAST, true, 0);
	feed_with(&(struct model_options){ .events_kept = 1024 });
	for (__u64 i = 0; i < PAGES; i++)
		assert_int_equal(declared(i), MODEL_EITHER);
	assert_int_equal(declared(PAGES), MODEL_PRESENT);
}

static void test_many_elsewhere(void **state)
{
	(void)state;
	start();
	begin(T, 50, 60, true);
	for (int i = 0; i < 80; i++)
		during(T + 1, i % 2 ? 100 : 0, i % 2 ? 110 : 10, false, 0);
	end(T, 50, 60, true, 0);
	feed();
	assert_int_equal(declared(55), MODEL_PRESENT);
}

/* What a rule may ask while a request ends: against those that ended, and those still open. */
static __u64 conflicts(enum record_operation operation, enum record_operation other, __u32 tid,
		       __u64 pgoff, bool present, bool open)
{
	start();
	stream_begin(&stream, T, G, operation, 0, 3, true);
	stream_begin(&stream, tid, G, other, pgoff, pgoff, present);
	if (!open)
		stream_end(&stream, tid, G, other, pgoff, pgoff, present);
	stream_end(&stream, T, G, operation, 0, 3, true);
	feed();
	return watch.conflicts;
}

static void test_conflicts(void **state)
{
	(void)state;
	for (int open = 0; open < 2; open++) {
		assert_int_equal(conflicts(RANGE, FOLIO, T + 1, 2, false, open), 1 << 2);
		assert_int_equal(conflicts(RANGE, FOLIO, T + 1, 2, true, open), 0);
		assert_int_equal(
			conflicts(RANGE, RECORD_OPERATION_FALLOCATE, T + 1, 2, false, open), 0);
	}
	/* It asks for nothing itself. */
	assert_int_equal(conflicts(RECORD_OPERATION_FALLOCATE, FOLIO, T + 1, 2, false, false), 0);
	/* One that is not over may stand anywhere; it speaks of its own pages. */
	assert_int_equal(conflicts(RANGE, FOLIO, T + 1, 9, false, true), 1 << 9);
	assert_int_equal(conflicts(RANGE, FOLIO, T + 1, 9, false, false), 0);
	/* Called within. */
	start();
	stream_begin(&stream, T, G, FOLIO, 2, 2, false);
	stream_begin(&stream, T, G, RANGE, 0, 3, true);
	stream_end(&stream, T, G, RANGE, 0, 3, true);
	feed();
	assert_int_equal(watch.conflicts, 0);
}

/* --- what is declared --------------------------------------------------------------------- */

static void declares(enum record_provider provider, enum model_state before, enum model_state after)
{
	anew();
	stream_inode(&stream, G, provider, 256, false);
	during(T, 0, 3, true, 0);
	feed();
	assert_int_equal(declared(1), after);
	assert_int_equal(declared(4), before);
}

static void test_declares(void **state)
{
	(void)state;
	declares(RFC3, MODEL_ABSENT, MODEL_PRESENT);
	/* What it is may be learned later; what was asked of it is kept. */
	declares(RECORD_PROVIDER_UNKNOWN, MODEL_EITHER, MODEL_PRESENT);
	declares(SECRET, MODEL_EITHER, MODEL_EITHER);
	declares(RECORD_PROVIDER_GMEM_PLAIN, MODEL_EITHER, MODEL_EITHER);
}

static __u64 memory_of(__u64 first, __u64 last)
{
	start();
	during(T, first, last, true, 0);
	feed();
	return watch.counts.memory;
}

/* Ranges of nothing, and those behind the end, cost nothing; those that reach over it end there. */
static void test_ranges(void **state)
{
	__u64 nothing;

	(void)state;
	nothing = memory_of(5, 4);
	assert_int_equal(memory_of(300, 400), nothing);
	assert_int_equal(memory_of(~0ULL - 1, ~0ULL), nothing);
	assert_true(memory_of(5, 5) > nothing);
	memory_of(250, ~0ULL);
	assert_int_equal(declared(255), MODEL_PRESENT);
	/* Of an inode whose size is not known, as far as it was asked for. */
	anew();
	stream_inode(&stream, G, RFC3, 0, false);
	during(T, 0, 3, true, 0);
	feed();
	assert_int_equal(declared(3), MODEL_PRESENT);
	assert_int_equal(declared(4), MODEL_ABSENT);
}

/* --- what configuring prepares ----------------------------------------------------------------- */

static void configure(__u64 pgoff)
{
	stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, pgoff, pgoff, false);
	stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, pgoff, pgoff, false);
}

static void test_configure(void **state)
{
	struct stream_page seen = { 0, 100, 1, RECORD_PAGE_RESIDENT };
	__u64 ended;

	(void)state;
	start();
	stream_join(&stream, T, G, 1, 101);
	configure(1);
	ended = stream.now - 1000;
	feed();
	assert_true(page_at(G, 1).prepared);
	assert_int_equal(page_at(G, 1).changed, ended);
	/* What was not there was not prepared: read as it comes, it must be present. */
	start();
	stream_join(&stream, T, G, 1, 101);
	stream_leave(&stream, T, 101);
	configure(0);
	stream_heartbeat(&stream);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 256, &seen, 1);
	feed();
	assert_int_equal(watch.read[0].differs, MODEL_DIFFERS_APPLIED);
}

/* --- told of late --------------------------------------------------------------------------------- */

/* An end that should have come before the read disturbs it, as nobody knows what came between. */
static void test_late_end(void **state)
{
	struct record_request *late;
	__u64 ended;

	(void)state;
	start();
	begin(T, 0, 255, true);
	stream_heartbeat(&stream);
	ended = stream.now;
	stream.now += MS;
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 256, NULL, 0);
	stream_heartbeat(&stream);
	feed();
	/* Open, it covers all of it. */
	assert_false(watch.read[0].settled);
	start();
	begin(T, 0, 255, true);
	stream_heartbeat(&stream);
	stream.now += MS;
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 256, NULL, 0);
	/* The read's end waits; its begin has passed. */
	((struct record_snapshot *)last_record(sizeof(struct record_snapshot)))->header.time += MS;
	stream_heartbeat(&stream);
	end(T, 0, 255, true, 0);
	late = last_record(sizeof(*late));
	late->header.time = ended;
	stream.now += 2 * MS;
	feed();
	assert_int_equal(watch.read_nr, 1);
	assert_false(watch.read[0].settled);
}

/* --- what is prepared, and what hangs ------------------------------------------------------ */

/* Page 0 is absent, page 1 present; then a request of both and of what there is not. */
static void prepared_by(enum record_operation operation, __s64 result, bool absent, bool present)
{
	start();
	stream_join(&stream, T, G, 0, 100);
	stream_join(&stream, T, G, 1, 101);
	stream_zap_flush(&stream, T, G, 0, 100, 1, 100, 100);
	stream_request(&stream, RECORD_REQUEST_BEGIN, T, G, operation, 0, 2000, false, 0);
	stream_request(&stream, RECORD_REQUEST_END, T, G, operation, 0, 2000, false, result);
	feed();
	assert_int_equal(page_at(G, 0).prepared, absent);
	assert_int_equal(page_at(G, 1).prepared, present);
}

static void test_prepared(void **state)
{
	(void)state;
	prepared_by(RECORD_OPERATION_CONFIGURE, 0, true, true);
	prepared_by(RECORD_OPERATION_CONFIGURE, -12, false, false);
	/* A batch's range has others' pages, too. */
	prepared_by(RECORD_OPERATION_CONFIGURE_BATCH, 0, true, false);
	prepared_by(RECORD_OPERATION_CONFIGURE_BATCH, -12, false, false);
	prepared_by(RECORD_OPERATION_FALLOCATE, 0, false, false);
}

/* Three that never end: each is told of once, when it is overdue. */
static void stuck_after(__u64 seconds, size_t expected)
{
	__u64 first;

	start();
	first = stream.now;
	for (__u32 i = 0; i < 3; i++) {
		stream.now = first + 3 * i * SECOND;
		begin(T + i, 10 * i, 10 * i + 5, true);
	}
	for (__u64 i = 7; i < seconds; i++) {
		stream.now = first + i * SECOND;
		stream_heartbeat(&stream);
	}
	stream.now = first + seconds * SECOND;
	feed();
	assert_int_equal(watch.stuck_nr, expected);
}

static void test_stuck_in_turn(void **state)
{
	(void)state;
	stuck_after(9, 0);
	stuck_after(11, 1);
	stuck_after(14, 2);
	stuck_after(17, 3);
	stuck_after(30, 3);
}

/* A page that was read is changed in a request: whether it has to be read again. */
static void changed_in(enum record_operation operation, __u64 uncompared)
{
	const struct stream_page seen = { 0, 100, 1, ABSENT_BITS };

	start();
	stream_fault(&stream, T, G, 0, 100);
	stream_heartbeat(&stream);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 256, &seen, 1);
	stream_heartbeat(&stream);
	stream_request(&stream, RECORD_REQUEST_BEGIN, T, G, operation, 0, 0, true, 0);
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	stream_request(&stream, RECORD_REQUEST_END, T, G, operation, 0, 0, true, 0);
	feed();
	assert_int_equal(model_pages_uncompared(stream.model), uncompared);
}

/* Only behind a release's begin a change is the way out. */
static void test_closing(void **state)
{
	(void)state;
	changed_in(RANGE, 1);
	changed_in(RECORD_OPERATION_RELEASE, 0);
}

/* A step is part of the request that is counted already. */
static void test_steps_unread(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, true);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, false);
	stream_begin(&stream, T, 0, RECORD_OPERATION_UPDATE_XARRAY, 0, 3, false);
	feed();
	assert_int_equal(watch.counts.requests_unread, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_steps_unread),	RULE_TEST(test_declared_back),
		RULE_TEST(test_match),		RULE_TEST(test_impossible),
		RULE_TEST(test_steps),		RULE_TEST(test_release_of_nobody),
		RULE_TEST(test_at_once),	RULE_TEST(test_failed),
		RULE_TEST(test_nested),		RULE_TEST(test_many),
		RULE_TEST(test_many_elsewhere), RULE_TEST(test_many_pairs),
		RULE_TEST(test_many_since),	RULE_TEST(test_conflicts),
		RULE_TEST(test_declares),	RULE_TEST(test_ranges),
		RULE_TEST(test_configure),	RULE_TEST(test_late_end),
		RULE_TEST(test_prepared),	RULE_TEST(test_stuck_in_turn),
		RULE_TEST(test_closing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
