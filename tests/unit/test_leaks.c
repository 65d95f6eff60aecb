// SPDX-License-Identifier: GPL-2.0
/* Rules on what a task keeps from a request, and on what it does with a lock held. */
#include "steps.h"

/* --- lock-leak ------------------------------------------------------------------ */

#define COUNTED RECORD_HELD_COUNTED
#define LOOKED RECORD_HELD_LOOKED
#define OWNED RECORD_HELD_INVALIDATE_LOCK

/* The record added last is of a request: its task holds so much. */
static void holding(__u32 held, __u32 preempt_count)
{
	struct record_request *record =
		(struct record_request *)(stream.data + stream.used - sizeof(*record));

	record->held = held;
	record->preempt_count = preempt_count;
}

struct holding {
	__u32 held, count;
};

/* A set_range of 2 to 5 inside a fallocate of 0 to 7, each with what is held at begin and end. */
static void hold_more(struct holding outer, struct holding begin, struct holding end,
		      struct holding last)
{
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 7, false);
	holding(outer.held, outer.count);
	stream_begin(&stream, T, G, SET_RANGE, 2, 5, false);
	holding(begin.held, begin.count);
	here();
	end_with(T, SET_RANGE, 2, 5, false, 0);
	holding(end.held, end.count);
	end_with(T, RECORD_OPERATION_FALLOCATE, 0, 7, false, 0);
	holding(last.held, last.count);
}

static void hold(struct holding outer, struct holding begin, struct holding end,
		 struct holding last)
{
	here_anew();
	faulted(8);
	hold_more(outer, begin, end, last);
}

static void test_lock_leak(void **state)
{
	const struct holding none = { COUNTED | LOOKED, 0 }, once = { COUNTED | LOOKED, 1 };
	const struct holding owned = { COUNTED | LOOKED | OWNED, 0 };

	(void)state;
	hold(none, none, once, once);
	expect_here(RULE_LOCK_LEAK);
	expect_pages(RULE_LOCK_LEAK, 2, 5);
	assert_non_null(strstr(here_found(RULE_LOCK_LEAK)->sources[0].says, "0x0"));
	hold(none, none, owned, owned);
	expect_here(RULE_LOCK_LEAK);
	expect_pages(RULE_LOCK_LEAK, 2, 5);
	assert_non_null(strstr(here_found(RULE_LOCK_LEAK)->words, "invalidate_lock"));
	hold(none, none, once, once);
	hold_more(none, none, once, once);
	expect_unlisted(RULE_LOCK_LEAK);
}

/* Locks that are looked at in some requests only. */
static void test_lock_leak_more(void **state)
{
	static const struct {
		__u32 bit;
		const char *name;
	} locks[] = { { RECORD_HELD_I_RWSEM, "i_rwsem" }, { RECORD_HELD_MMAP_LOCK, "mmap_lock" } };
	const struct holding none = { RECORD_HELD_LOOKED_MORE, 0 }, unread = { 0, 0 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct holding owned = { RECORD_HELD_LOOKED_MORE | locks[i].bit, 0 };

		hold(none, none, owned, owned);
		expect_here(RULE_LOCK_LEAK);
		expect_pages(RULE_LOCK_LEAK, 2, 5);
		assert_non_null(strstr(here_found(RULE_LOCK_LEAK)->words, locks[i].name));
		/* Its caller's, and one of which the begin was not read. */
		hold(owned, owned, owned, owned);
		expect_silent(RULE_LOCK_LEAK);
		hold(unread, unread, owned, owned);
		expect_silent(RULE_LOCK_LEAK);
	}
}

/* The outer one's own leak is told of as its own, at its end. */
static void test_lock_leak_outer(void **state)
{
	const struct holding none = { COUNTED, 0 };

	(void)state;
	here_anew();
	faulted(8);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 7, false);
	holding(none.held, none.count);
	step(T, 0, 7, false, 0);
	here();
	end_with(T, RECORD_OPERATION_FALLOCATE, 0, 7, false, 0);
	holding(COUNTED, 0x200);
	expect_here(RULE_LOCK_LEAK);
	expect_pages(RULE_LOCK_LEAK, 0, 7);
}

static void test_lock_leak_silent(void **state)
{
	const struct holding none = { COUNTED | LOOKED, 0 }, once = { COUNTED | LOOKED, 1 };
	const struct holding owned = { COUNTED | LOOKED | OWNED, 0 };
	const struct holding unread = { 0, 1 }, unlooked = { COUNTED | OWNED, 0 };
	const struct holding silent[][4] = {
		{ none, none, none, none },
		{ once, once, once, once }, /* its caller's */
		{ once, once, none, none },
		{ none, owned, owned, none }, /* taken and let go around it */
		{ none, none, unread, unread },
		{ unread, unread, once, once },
		{ none, none, unlooked, unlooked },
		{ unlooked, unlooked, owned, owned },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
		hold(silent[i][0], silent[i][1], silent[i][2], silent[i][3]);
		expect_silent(RULE_LOCK_LEAK);
	}
}

/* Not that of a step: the request around it may let it go. Nor what a loss may have feigned. */
static void test_lock_leak_guards(void **state)
{
	(void)state;
	here_anew();
	faulted(8);
	stream_begin(&stream, T, G, SET_RANGE, 0, 7, true);
	holding(COUNTED, 0);
	stream_begin(&stream, T, 0, XARRAY, 0, 7, true);
	holding(COUNTED, 0);
	stream_request(&stream, RECORD_REQUEST_END, T, 0, XARRAY, 0, 7, true, 0);
	holding(COUNTED, 1);
	end_with(T, SET_RANGE, 0, 7, true, 0);
	holding(COUNTED, 0);
	expect_silent(RULE_LOCK_LEAK);

	here_anew();
	faulted(8);
	stream_begin(&stream, T, G, SET_RANGE, 0, 7, true);
	holding(COUNTED, 0);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 2000, 1);
	end_with(T, SET_RANGE, 0, 7, true, 0);
	holding(COUNTED, 1);
	expect_silent(RULE_LOCK_LEAK);
}

static void test_lock_leak_uncounted(void **state)
{
	(void)state;
	stream_programs(&stream);
	faulted(8);
	stream_fact(&stream, RECORD_FACT_UNCOUNTED, "it keeps no count");
	expect_silent(RULE_LOCK_LEAK);
	assert_string_equal(not_judged(RULE_LOCK_LEAK), "not judged throughout: it keeps no count");
	here_anew();
	stream_programs(&stream);
	faulted(8);
	expect_silent(RULE_LOCK_LEAK);
	assert_null(not_judged(RULE_LOCK_LEAK));

	/* Who names no hook at all wrote before there was a look at locks. */
	here_anew();
	faulted(8);
	expect_silent(RULE_LOCK_LEAK);
	assert_string_equal(not_judged(RULE_LOCK_LEAK),
			    "who recorded this did not look at that yet");
}

/* What two reads at the release saw of pages 2 and 3, which have the same neighbours. */
static void left(__u32 first, __u32 second, enum record_snapshot_origin origin)
{
	struct stream_page pages[8];

	here_anew();
	faulted(8);
	for (__u32 pass = 0; pass < 2; pass++) {
		pages_seen(pages, 0, 8, ABSENT_BITS);
		pages[2].bits |= pass ? second : first;
		pages[3].bits |= pass ? second : first;
		stream_read(&stream, G, RFC3, false, origin, pass, 0, 64, pages, 8);
	}
	stream_heartbeat(&stream);
}

/* Where the second read of a stream ends. */
static void here_read(void)
{
	size_t ends = 0;

	for (size_t at = 0; at < stream.used;) {
		const struct record_header *record = (const void *)(stream.data + at);

		ends += record->kind == RECORD_SNAPSHOT_END;
		if (ends == 2 && record->kind == RECORD_SNAPSHOT_END)
			here_at = at;
		at += record->size;
	}
}

#define REFERENCES(nr) ((nr) << RECORD_PAGE_REFERENCES_SHIFT)

static void test_lock_leak_folio(void **state)
{
	(void)state;
	left(RECORD_PAGE_LOCKED, RECORD_PAGE_LOCKED, RECORD_SNAPSHOT_RELEASE);
	here_read();
	expect_here(RULE_LOCK_LEAK);
	expect_pages(RULE_LOCK_LEAK, 2, 3);
	assert_int_equal(here_found(RULE_LOCK_LEAK)->count, 2);
}

/* The release waits for the lock: one that it got was given back. */
static void released_after(__u64 ns)
{
	here_anew();
	faulted(8);
	for (__u32 pass = 0; pass < 2; pass++) {
		struct stream_page pages[8];

		pages_seen(pages, 0, 8, ABSENT_BITS);
		pages[2].bits |= RECORD_PAGE_LOCKED;
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_RELEASE, pass, 0, 64, pages,
			    8);
	}
	stream_begin(&stream, T, G, RECORD_OPERATION_RELEASE, 0, 63, false);
	stream_heartbeat(&stream);
	stream.now += ns;
	stream_heartbeat(&stream);
	stream_end(&stream, T, G, RECORD_OPERATION_RELEASE, 0, 63, false);
	stream_heartbeat(&stream);
	stream.now += 10 * SECOND;
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

static void test_lock_given_back(void **state)
{
	(void)state;
	released_after(900 * MS);
	assert_int_equal(here_count(RULE_LOCK_LEAK), 0);
	assert_false(reason_has("it could not be proven"));
	released_after(1200 * MS);
	assert_int_equal(here_count(RULE_LOCK_LEAK), 1);
}

static void test_reference_leak(void **state)
{
	(void)state;
	left(REFERENCES(2), REFERENCES(2), RECORD_SNAPSHOT_RELEASE);
	here_read();
	expect_here(RULE_REFERENCE_LEAK);
	expect_pages(RULE_REFERENCE_LEAK, 2, 3);
	assert_string_equal(here_found(RULE_REFERENCE_LEAK)->sources[0].says,
			    "2 references too many, in two reads at the release");
}

/* Once, or while others may be at work on it, is no leak; and the one is not the other. */
static void test_left_silent(void **state)
{
	(void)state;
	left(RECORD_PAGE_LOCKED, 0, RECORD_SNAPSHOT_RELEASE);
	expect_silent(RULE_LOCK_LEAK);
	left(0, RECORD_PAGE_LOCKED, RECORD_SNAPSHOT_RELEASE);
	expect_silent(RULE_LOCK_LEAK);
	left(RECORD_PAGE_LOCKED, RECORD_PAGE_LOCKED, RECORD_SNAPSHOT_LIVE);
	expect_silent(RULE_LOCK_LEAK);
	left(RECORD_PAGE_LOCKED | RECORD_PAGE_POISONED, RECORD_PAGE_LOCKED | RECORD_PAGE_POISONED,
	     RECORD_SNAPSHOT_RELEASE);
	expect_silent(RULE_LOCK_LEAK);
	left(REFERENCES(3) | RECORD_PAGE_POISONED, REFERENCES(3) | RECORD_PAGE_POISONED,
	     RECORD_SNAPSHOT_RELEASE);
	expect_silent(RULE_REFERENCE_LEAK);
	left(REFERENCES(3), 0, RECORD_SNAPSHOT_RELEASE);
	expect_silent(RULE_REFERENCE_LEAK);
	left(REFERENCES(3), REFERENCES(3), RECORD_SNAPSHOT_LIVE);
	expect_silent(RULE_REFERENCE_LEAK);
	left(RECORD_PAGE_LOCKED, REFERENCES(3), RECORD_SNAPSHOT_RELEASE);
	expect_silent(RULE_REFERENCE_LEAK);
	stream_judge(&stream, NULL);
	assert_int_equal(here_count(RULE_LOCK_LEAK), 0);
	left(0, 0, RECORD_SNAPSHOT_RELEASE);
	expect_silent(RULE_REFERENCE_LEAK);
	stream_expect(&stream, VERDICT_CONSISTENT);
}

/* Found, then not, then found: what was given back in between was not left. */
static void test_left_between(void **state)
{
	static const struct {
		__u32 bits, rule;
	} cases[] = { { RECORD_PAGE_LOCKED, RULE_LOCK_LEAK },
		      { REFERENCES(2), RULE_REFERENCE_LEAK } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		here_anew();
		faulted(8);
		for (__u32 pass = 0; pass < 3; pass++) {
			struct stream_page pages[8];

			pages_seen(pages, 0, 8, ABSENT_BITS);
			pages[2].bits |= pass == 1 ? 0 : cases[i].bits;
			stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_RELEASE, pass, 0, 64,
				    pages, 8);
		}
		stream_heartbeat(&stream);
		expect_silent(cases[i].rule);
	}
}

/* Of two neighbours that are read alike at last the one that was so before. */
static void test_left_in_part(void **state)
{
	(void)state;
	for (__u64 before = 2; before < 4; before++) {
		here_anew();
		stream_inode(&stream, G, RFC3, 64, false);
		for (__u64 i = 0; i < 8; i++)
			stream_fault(&stream, T, G, i, 100 + i);
		for (__u32 pass = 0; pass < 2; pass++) {
			struct stream_page pages[8];

			for (__u64 i = 0; i < 8; i++)
				pages[i] = (struct stream_page){ i, 100 + i, 1, ABSENT_BITS };
			for (__u64 i = 2; i < 4; i++) {
				if (pass || i == before)
					pages[i].bits |= RECORD_PAGE_LOCKED;
			}
			stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_RELEASE, pass, 0, 64,
				    pages, 8);
		}
		stream_heartbeat(&stream);
		here_read();
		expect_here(RULE_LOCK_LEAK);
		expect_pages(RULE_LOCK_LEAK, before, before);
	}
}

/* --- sleep-in-atomic ------------------------------------------------------------ */

static void sleeps(__u32 tid, __u32 preempt_count)
{
	struct record_sleep record = {
		.header = { .kind = RECORD_SLEEP, .size = sizeof(record), .tid = tid },
		.preempt_count = preempt_count,
	};

	record.header.time = stream.now += 1000;
	stream_add(&stream, &record.header);
}

/* Inside an update of the xarray, where it is known that the request began with @begin. */
static void sleep_more(__u32 held, __u32 begin, __u32 tid, __u32 then, bool loss)
{
	stream_begin(&stream, T, G, SET_RANGE, 1, 6, true);
	holding(held, begin);
	stream_begin(&stream, T, 0, XARRAY, 1, 6, true);
	holding(held, begin);
	if (loss)
		stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 2000, 1);
	here();
	sleeps(tid, then);
	stream_request(&stream, RECORD_REQUEST_END, T, 0, XARRAY, 1, 6, true, 0);
	holding(held, 0xff);
	end_with(T, SET_RANGE, 1, 6, true, 0);
	holding(held, 0xff);
}

static void sleep_inside(__u32 held, __u32 begin, __u32 tid, __u32 then, bool loss)
{
	here_anew();
	faulted(8);
	sleep_more(held, begin, tid, then, loss);
}

static void test_sleep_in_atomic(void **state)
{
	(void)state;
	sleep_inside(COUNTED, 0, T, 1, false);
	expect_here(RULE_SLEEP_IN_ATOMIC);
	expect_pages(RULE_SLEEP_IN_ATOMIC, 1, 6);
	/* The scheduler has set the count anew: what it says at the end is not the request's. */
	assert_int_equal(here_count(RULE_LOCK_LEAK), 0);
	sleep_inside(COUNTED, 0, T, 1, false);
	sleep_more(COUNTED, 0, T, 1, false);
	expect_unlisted(RULE_SLEEP_IN_ATOMIC);
}

/* It did not sleep, so that what it holds at its end is its own still. */
static void test_sleep_might(void **state)
{
	struct record_sleep *record;

	(void)state;
	here_anew();
	faulted(8);
	stream_begin(&stream, T, G, SET_RANGE, 1, 6, true);
	holding(COUNTED, 0);
	here();
	sleeps(T, 1);
	record = (struct record_sleep *)(stream.data + stream.used - sizeof(*record));
	record->might = 1;
	end_with(T, SET_RANGE, 1, 6, true, 0);
	holding(COUNTED, 1);
	expect_here(RULE_SLEEP_IN_ATOMIC);
	expect_pages(RULE_SLEEP_IN_ATOMIC, 1, 6);
	assert_non_null(strstr(here_found(RULE_SLEEP_IN_ATOMIC)->words, "what may sleep"));
	assert_int_equal(here_count(RULE_LOCK_LEAK), 1);
}

static void test_sleep_silent(void **state)
{
	(void)state;
	sleep_inside(COUNTED, 1, T, 1, false);
	expect_silent(RULE_SLEEP_IN_ATOMIC);
	sleep_inside(0, 0, T, 1, false);
	expect_silent(RULE_SLEEP_IN_ATOMIC);
	sleep_inside(COUNTED, 0, T + 1, 1, false);
	expect_silent(RULE_SLEEP_IN_ATOMIC);
	sleep_inside(COUNTED, 0, T, 1, true);
	expect_silent(RULE_SLEEP_IN_ATOMIC);
	/* After the request it is nobody's. */
	here_anew();
	faulted(8);
	sleeps(T, 1);
	expect_silent(RULE_SLEEP_IN_ATOMIC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_lock_leak),	  RULE_TEST(test_lock_leak_outer),
		RULE_TEST(test_lock_leak_more),	  RULE_TEST(test_lock_leak_silent),
		RULE_TEST(test_lock_leak_guards), RULE_TEST(test_lock_leak_uncounted),
		RULE_TEST(test_lock_leak_folio),  RULE_TEST(test_lock_given_back),
		RULE_TEST(test_reference_leak),	  RULE_TEST(test_left_silent),
		RULE_TEST(test_left_between),	  RULE_TEST(test_left_in_part),
		RULE_TEST(test_sleep_in_atomic),  RULE_TEST(test_sleep_silent),
		RULE_TEST(test_sleep_might),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
