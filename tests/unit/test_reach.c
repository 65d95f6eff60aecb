// SPDX-License-Identifier: GPL-2.0
/* exposed, where a guest can reach what it must not: by what KVM enters into its page table, and takes out. */
#include "steps.h"

#define GFN 0x100 /* of page 0 */
#define PUNCH 3 /* FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE */

static void guest(enum record_kind kind, __u32 tid, __u64 inode, __u64 pgoff, __u64 nr)
{
	struct record_guest record = {
		.header = { .kind = kind, .size = sizeof(record), .tid = tid, .inode = inode },
		.gfn = GFN + pgoff,
		.pgoff = pgoff,
		.nr = nr,
	};

	record.header.time = stream.now += 1000;
	stream_add(&stream, &record.header);
}

static void mapped(__u64 pgoff)
{
	guest(RECORD_GUEST_MAPPED, T + 1, G, pgoff, 1);
}

static void unmapped(__u32 tid, __u64 pgoff, __u64 nr)
{
	guest(RECORD_GUEST_UNMAPPED, tid, G, pgoff, nr);
}

static void promise(enum record_promise_event event, __u64 pgoff, __u64 nr, bool private)
{
	stream_promise(&stream, T, 0, event, GFN + pgoff, nr, 0, private, 0);
}

static void convert_pages(__u32 tid, __u64 first, __u64 last, bool present)
{
	stream_begin(&stream, tid, G, SET_RANGE, first, last, present);
	for (__u64 i = first; i <= last; i++)
		stream_zap(&stream, tid, G, i, 100 + 2 * i, 1, present, 0);
	if (!present)
		stream_flush(&stream, tid, 100 + 2 * first, 100 + 2 * last, false);
	stream_end(&stream, tid, G, SET_RANGE, first, last, present);
}

/* Eight pages that are there, bound, and private. */
static void bound(void)
{
	here_anew();
	stream_programs(&stream);
	stream.groups |= SENSOR_GROUP_GUEST;
	faulted(8);
	stream_promise(&stream, T, G, RECORD_PROMISE_BIND, GFN, 64, 0, false, 0);
}

/* Pages 2 to 4, as set_range inside of a conversion does it. */
static void change(bool present)
{
	convert_pages(T, 2, 4, present);
	promise(RECORD_PROMISE_CONVERTED, 0, 0, false);
}

static void convert_pages_begin(bool private)
{
	promise(RECORD_PROMISE_CONVERT_BEGIN, 2, 3, private);
}

static void convert_pages_end(void)
{
	promise(RECORD_PROMISE_CONVERT_END, 0, 0, false);
	stream_heartbeat(&stream);
}

/* The guest has page 3; a conversion to shared makes it present, and takes it from the guest before that or after. */
static void to_shared(bool before, bool after)
{
	bound();
	mapped(3);
	convert_pages_begin(false);
	if (before)
		unmapped(T, 2, 3);
	change(true);
	here();
	if (after)
		unmapped(T, 2, 3);
	convert_pages_end();
}

static void test_still(void **state)
{
	(void)state;
	to_shared(false, true);
	expect_here(RULE_EXPOSED);
	expect_pages(RULE_EXPOSED, 3, 3);
	assert_int_equal(here_found(RULE_EXPOSED)->conversion.gfn_first, GFN + 2);
	assert_non_null(strstr(here_found(RULE_EXPOSED)->words, "the guest had it until"));
	assert_int_equal(here_found(RULE_EXPOSED)->events_nr, 2);
	/* Until then. */
	assert_int_equal(here_found(RULE_EXPOSED)->time_last,
			 ((const struct record_header *)(stream.data + here_at))->time);
}

/* Two pages that touch, of conversions apart: each has its own. */
static void test_still_apart(void **state)
{
	(void)state;
	bound();
	for (__u64 i = 3; i < 5; i++)
		mapped(i);
	for (__u64 i = 3; i < 5; i++) {
		promise(RECORD_PROMISE_CONVERT_BEGIN, i, 1, false);
		convert_pages(T, i, i, true);
		promise(RECORD_PROMISE_CONVERTED, 0, 0, false);
		unmapped(T, i, 1);
		convert_pages_end();
	}
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_int_equal(here_count(RULE_EXPOSED), 2);
	for (__u64 i = 0; i < 2; i++) {
		const struct verdict_violation *found = verdict_violation(stream.verdict, i);

		assert_int_equal(found->pgoff_first, 3 + i);
		assert_int_equal(found->pgoff_last, 3 + i);
		assert_int_equal(found->conversion.gfn_first, GFN + 3 + i);
	}
}

/* Taken out before it came back, as it has to be; and where nothing is ever seen to be, it is not known. */
static void test_still_silent(void **state)
{
	(void)state;
	to_shared(true, false);
	expect_silent(RULE_EXPOSED);
	to_shared(true, true);
	expect_silent(RULE_EXPOSED);
	to_shared(false, false);
	expect_silent(RULE_EXPOSED);
}

/* Somebody else's range, or another task's: the conversion has not taken it from the guest. */
static void test_still_others(void **state)
{
	(void)state;
	to_shared(false, false);
	here_anew();
	bound();
	mapped(3);
	convert_pages_begin(false);
	change(true);
	unmapped(T + 2, 2, 3);
	convert_pages_end();
	expect_silent(RULE_EXPOSED);
}

/* Reclaim may give back what no guest has, and nothing else. */
static void given_back(__u64 pgoff, bool inside)
{
	bound();
	mapped(3);
	if (inside)
		stream_begin(&stream, T + 2, G, RECORD_OPERATION_FALLOCATE, 7, 7, true);
	here();
	stream_zap(&stream, T + 2, G, pgoff, 100 + 2 * pgoff, 1, true, 0);
	stream_leave(&stream, T + 2, 100 + 2 * pgoff);
	if (inside)
		stream_end(&stream, T + 2, G, RECORD_OPERATION_FALLOCATE, 7, 7, true);
	stream_heartbeat(&stream);
}

static void test_given_back(void **state)
{
	(void)state;
	given_back(3, false);
	expect_here(RULE_EXPOSED);
	expect_pages(RULE_EXPOSED, 3, 3);
	assert_non_null(strstr(here_found(RULE_EXPOSED)->words,
			       "outside of any request. However, the guest had it still"));
	given_back(4, false);
	expect_silent(RULE_EXPOSED);
	given_back(4, true);
	expect_silent(RULE_EXPOSED);
	given_back(3, true);
	expect_here(RULE_EXPOSED);
}

/*
 * A page that a hole took out comes back into the direct map late, by a worker or who punches the next hole,
 * and the guest has another in its place.
 */
static void test_replaced(void **state)
{
	(void)state;
	for (int asked = 0; asked < 2; asked++) {
		bound();
		unmapped(T, 3, 1);
		stream_leave(&stream, T, 106);
		stream_fault(&stream, T, G, 3, 200);
		mapped(3);
		if (asked)
			stream_begin(&stream, T, G, RECORD_OPERATION_RELEASE, 0, 63, true);
		stream_zap(&stream, T, 0, 3, 106, 1, true, 0);
		if (asked)
			stream_end(&stream, T, G, RECORD_OPERATION_RELEASE, 0, 63, true);
		stream_heartbeat(&stream);
		expect_silent(RULE_EXPOSED);
		assert_int_equal(verdict_violations(stream.verdict), 0);
	}
	/* It is not the one that the guest has. */
	bound();
	mapped(3);
	here();
	stream_zap(&stream, T + 2, G, 3, 106, 1, true, 0);
	stream_heartbeat(&stream);
	expect_here(RULE_EXPOSED);
}

/* Never taken out, and others were: told when the conversion ends. */
static void test_never_unmapped(void **state)
{
	(void)state;
	bound();
	unmapped(T, 6, 1);
	mapped(3);
	convert_pages_begin(false);
	change(true);
	here();
	promise(RECORD_PROMISE_CONVERT_END, 0, 0, false);
	stream_heartbeat(&stream);
	expect_here(RULE_EXPOSED);
	expect_pages(RULE_EXPOSED, 3, 3);
	assert_non_null(strstr(here_found(RULE_EXPOSED)->words, "the guest had it still"));
}

/* One to private puts back what it had made absent when it fails, and the guest has it as before. */
static void test_undone(void **state)
{
	(void)state;
	bound();
	mapped(3);
	convert_pages_begin(true);
	change(true);
	unmapped(T, 2, 3);
	convert_pages_end();
	expect_silent(RULE_EXPOSED);
}

/* What the inode's own ioctl makes present the guest may keep. */
static void test_own_ioctl(void **state)
{
	(void)state;
	bound();
	unmapped(T, 6, 1);
	mapped(3);
	convert_pages(T, 2, 4, true);
	unmapped(T, 2, 3);
	expect_silent(RULE_EXPOSED);
}

/* A hole that is punched: @op is at the page, and takes it out too late, or in time. */
static void punch(bool before, bool release)
{
	__u32 op = release ? RECORD_OPERATION_RELEASE : RECORD_OPERATION_FALLOCATE;
	struct record_request *record;

	bound();
	mapped(3);
	stream_begin(&stream, T, G, op, 0, 63, false);
	record = (struct record_request *)(stream.data + stream.used - sizeof(*record));
	record->mode = release ? 0 : PUNCH;
	/* The slots of one that is being released do not lead there any more. */
	if (before)
		guest(RECORD_GUEST_UNMAPPED, T, release ? 0 : G, 0, 64);
	stream_zap(&stream, T, G, 3, 106, 1, true, 0);
	here();
	guest(RECORD_GUEST_UNMAPPED, T, release ? 0 : G, 0, 64);
	stream_request(&stream, RECORD_REQUEST_END, T, G, op, 0, 63, false, 0);
	record = (struct record_request *)(stream.data + stream.used - sizeof(*record));
	record->mode = release ? 0 : PUNCH;
	stream_heartbeat(&stream);
}

static void test_punch(void **state)
{
	(void)state;
	punch(false, false);
	expect_here(RULE_EXPOSED);
	expect_pages(RULE_EXPOSED, 3, 3);
	punch(true, false);
	expect_silent(RULE_EXPOSED);
}

static void test_release(void **state)
{
	(void)state;
	punch(false, true);
	expect_here(RULE_EXPOSED);
	expect_pages(RULE_EXPOSED, 3, 3);
	punch(true, true);
	expect_silent(RULE_EXPOSED);
}

/* A slot that is gone has taken its page tables along, and so has a page that leaves. */
static void test_unbound(void **state)
{
	(void)state;
	bound();
	unmapped(T, 6, 1);
	mapped(3);
	stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
	stream_promise(&stream, T, G, RECORD_PROMISE_BIND, GFN, 64, 0, false, 0);
	convert_pages_begin(false);
	change(true);
	unmapped(T, 2, 3);
	convert_pages_end();
	expect_silent(RULE_EXPOSED);
}

/* That it was taken out may be what was lost. */
static void test_lost(void **state)
{
	(void)state;
	bound();
	mapped(3);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 500, 1);
	convert_pages_begin(false);
	change(true);
	unmapped(T, 2, 3);
	convert_pages_end();
	expect_silent(RULE_EXPOSED);
}

/* Right behind a loss it may be what was lost as well; later it is not. */
static void test_behind_loss(void **state)
{
	(void)state;
	for (int later = 0; later < 2; later++) {
		bound();
		stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 500, 1);
		heartbeats(later ? 30 : 3);
		stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
		stream_promise(&stream, T, G, RECORD_PROMISE_BIND, GFN, 64, 0, false, 0);
		stream_fault(&stream, T, G, 9, 118);
		mapped(9);
		stream_zap(&stream, T + 2, G, 9, 118, 1, true, 0);
		stream_leave(&stream, T + 2, 118);
		stream_heartbeat(&stream);
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		assert_int_equal(here_count(RULE_EXPOSED), later);
	}
}

/* Shared once, then converted to private: the guest gets page 3 before its changes are made, or after. */
static void to_private(bool shared, bool after)
{
	bound();
	if (shared) {
		convert_pages_begin(false);
		change(true);
		convert_pages_end();
	} else {
		convert_pages(T, 2, 4, true);
	}
	convert_pages_begin(true);
	if (after)
		change(false);
	here();
	mapped(3);
	if (!after)
		change(false);
	convert_pages_end();
}

static void test_early(void **state)
{
	(void)state;
	to_private(true, false);
	expect_here(RULE_EXPOSED);
	expect_pages(RULE_EXPOSED, 3, 3);
	assert_non_null(strstr(here_found(RULE_EXPOSED)->words, "had not made it absent yet"));
	to_private(true, true);
	expect_silent(RULE_EXPOSED);
	/* Private all the time: its user made it present, and the guest may have it. */
	to_private(false, false);
	expect_silent(RULE_EXPOSED);
	/* Shared once, and then its user's last word. */
	bound();
	convert_pages_begin(false);
	change(true);
	convert_pages_end();
	convert_pages(T, 2, 4, true);
	convert_pages_begin(true);
	mapped(3);
	change(false);
	convert_pages_end();
	expect_silent(RULE_EXPOSED);
	/* Its changes are made: that page 3 was none of them is for others to tell. */
	bound();
	convert_pages_begin(false);
	change(true);
	convert_pages_end();
	convert_pages_begin(true);
	promise(RECORD_PROMISE_CONVERTED, 0, 0, false);
	mapped(3);
	convert_pages_end();
	expect_silent(RULE_EXPOSED);
}

/* A fault in whose configure page 9 is made absent, prepared and flushed, in an order. */
static void configure(bool flush_first, bool inside)
{
	bound();
	stream_join(&stream, T, G, 9, 118);
	stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 9, 9, false);
	stream_zap(&stream, T, G, 9, 118, 1, false, 0);
	if (flush_first)
		stream_flush(&stream, T, 118, 118, false);
	if (!inside)
		end_with(T, RECORD_OPERATION_CONFIGURE, 9, 9, false, 0);
	stream_join(&stream, T, G, 9, 118);
	((struct record_owner *)(stream.data + stream.used - sizeof(struct record_owner)))
		->prepared = RECORD_OWNER_PREPARED;
	here();
	if (!flush_first)
		stream_flush(&stream, T, 118, 118, false);
	if (inside)
		end_with(T, RECORD_OPERATION_CONFIGURE, 9, 9, false, 0);
	stream_heartbeat(&stream);
}

static void test_unflushed(void **state)
{
	(void)state;
	configure(false, true);
	expect_here(RULE_EXPOSED);
	expect_pages(RULE_EXPOSED, 9, 9);
	assert_int_equal(here_count(RULE_NEVER_FLUSHED), 0);
	/* The flush is a part of it. */
	assert_int_equal(
		here_found(RULE_EXPOSED)->events[here_found(RULE_EXPOSED)->events_nr - 1].kind,
		RECORD_FLUSH);
	configure(true, true);
	expect_silent(RULE_EXPOSED);
	/* Outside of it that is never-flushed's. */
	configure(false, false);
	expect_silent(RULE_EXPOSED);
	assert_int_equal(here_count(RULE_NEVER_FLUSHED), 1);
}

/* By others' flush, not by its own: whether its own comes is never-flushed's to tell. */
static void test_unflushed_others(void **state)
{
	(void)state;
	bound();
	stream_join(&stream, T, G, 9, 118);
	stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 9, 9, false);
	stream_zap(&stream, T, G, 9, 118, 1, false, 0);
	stream_join(&stream, T, G, 9, 118);
	((struct record_owner *)(stream.data + stream.used - sizeof(struct record_owner)))
		->prepared = RECORD_OWNER_PREPARED;
	stream_flush(&stream, T + 2, 0, 0, true);
	stream_flush(&stream, T, 118, 118, false);
	end_with(T, RECORD_OPERATION_CONFIGURE, 9, 9, false, 0);
	expect_silent(RULE_EXPOSED);
}

static void judged(void)
{
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

/* What a task did that has ended, never flushing it, is not what another does that was given its number. */
static void test_unflushed_reused(void **state)
{
	(void)state;
	for (int ended = 0; ended < 2; ended++) {
		bound();
		stream_join(&stream, T, G, 9, 118);
		stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 9, 9, false);
		stream_zap(&stream, T, G, 9, 118, 1, false, 0);
		if (ended) {
			end_with(T, RECORD_OPERATION_CONFIGURE, 9, 9, false, 0);
			stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 9, 9, false);
		}
		stream_join(&stream, T, G, 9, 118);
		((struct record_owner *)(stream.data + stream.used - sizeof(struct record_owner)))
			->prepared = RECORD_OWNER_PREPARED;
		stream_flush(&stream, T, 118, 118, false);
		end_with(T, RECORD_OPERATION_CONFIGURE, 9, 9, false, 0);
		judged();
		assert_int_equal(here_count(RULE_EXPOSED), !ended);
	}
}

/* Of @nr pages that do not touch, all in the guest's reach still when they came back. */
static void scattered(__u64 nr)
{
	bound();
	for (__u64 i = 0; i < nr; i++) {
		stream_join(&stream, T, G, 16 + 2 * i, 1000 + 2 * i);
		mapped(16 + 2 * i);
	}
	promise(RECORD_PROMISE_CONVERT_BEGIN, 0, 16 + 2 * nr, false);
	for (__u64 i = 0; i < nr; i++)
		stream_zap(&stream, T, G, 16 + 2 * i, 1000 + 2 * i, 1, true, 0);
	promise(RECORD_PROMISE_CONVERTED, 0, 0, false);
	unmapped(T, 0, 1);
	promise(RECORD_PROMISE_CONVERT_END, 0, 0, false);
	stream_heartbeat(&stream);
	judged();
	assert_true(here_count(RULE_EXPOSED));
}

#define SCATTERED_MAX 4096 /* EARLY_MAX of the model */

/* More than is kept in mind is not known, and nothing is green by it. */
static void test_scattered(void **state)
{
	(void)state;
	scattered(SCATTERED_MAX);
	assert_null(not_judged(RULE_EXPOSED));
	assert_false(reason_has("what guests could reach is not known throughout"));
	scattered(SCATTERED_MAX + 3);
	assert_non_null(strstr(not_judged(RULE_EXPOSED), "at once than is kept in mind, 3 times"));
	assert_true(reason_has("what guests could reach is not known throughout: more was to be "
			       "known at once than is kept in mind, 3 times"));
}

/* Who has to look at more than there is reason for gives it up, and says so. */
static void test_looks(void **state)
{
	(void)state;
	for (int long_list = 0; long_list < 2; long_list++) {
		bound();
		for (__u64 i = 0; i < 2000; i++) {
			stream_join(&stream, T, G, 16 + 2 * i, 1000 + 2 * i);
			mapped(16 + 2 * i);
		}
		promise(RECORD_PROMISE_CONVERT_BEGIN, 0, 8000, false);
		for (__u64 i = 0; i < (long_list ? 2000 : 1); i++)
			stream_zap(&stream, T, G, 16 + 2 * i, 1000 + 2 * i, 1, true, 0);
		for (int i = 0; i < 4000; i++)
			unmapped(T, 17, 1);
		promise(RECORD_PROMISE_CONVERT_END, 0, 0, false);
		stream_heartbeat(&stream);
		judged();
		assert_int_equal(reason_has("at once than is kept in mind"), long_list);
		assert_int_equal(here_count(RULE_EXPOSED) != 0, !long_list);
	}
}

/* What nobody can have recorded is counted, and taken for nothing. */
static void test_nonsense(void **state)
{
	(void)state;
	bound();
	guest(RECORD_GUEST_MAPPED, T, G, 1, 0);
	guest(RECORD_GUEST_MAPPED, T, G, 1, ~0ULL);
	guest(RECORD_GUEST_MAPPED, T, G, ~0ULL, 1);
	guest(RECORD_GUEST_UNMAPPED, T, G, ~0ULL - 1, ~0ULL);
	guest(RECORD_GUEST_MAPPED, T, G + 1, 1, 1);
	expect_silent(RULE_EXPOSED);
	assert_true(reason_has("make no sense"));
}

/* Which half is not judged is said. */
static void test_not_looked(void **state)
{
	(void)state;
	bound();
	expect_silent(RULE_EXPOSED);
	assert_null(not_judged(RULE_EXPOSED));
	bound();
	stream.groups &= ~(__u64)SENSOR_GROUP_GUEST;
	expect_silent(RULE_EXPOSED);
	assert_non_null(strstr(not_judged(RULE_EXPOSED), "what guests can reach: nobody looked"));
	bound();
	stream_fact(&stream, "sensor.program.777", "guest_unmap_exit off");
	expect_silent(RULE_EXPOSED);
	assert_non_null(strstr(not_judged(RULE_EXPOSED), "what guests can reach: nothing to hook"));
}

/* A hook that is there, and was never seen to fire, judges nothing; each of the three is asked of. */
static void test_unproven(void **state)
{
	static const struct {
		const char *program, *half;
	} cases[] = {
		{ "guest_map_exit", "not what guests can reach: the hook guest_map_exit is "
				    "unproven: KVM entered a page" },
		{ "guest_unmap_exit", "not what guests can reach: the hook guest_unmap_exit is "
				      "unproven: KVM entered a page" },
		{ "mark_prepared_exit", "not what is marked as prepared: the hook "
					"mark_prepared_exit is unproven: KVM entered a page" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *reason;

		bound();
		stream_fact(&stream, "sensor.program.777", cases[i].program);
		stream_fact(&stream, "sensor.sight.777",
			    "unproven: KVM entered a page, and by another routine");
		expect_silent(RULE_EXPOSED);
		reason = not_judged(RULE_EXPOSED);
		assert_non_null(reason);
		assert_non_null(strstr(reason, cases[i].half));
		assert_int_equal(strncmp(reason, "not what ", 9), 0);
	}
	bound();
	stream_fact(&stream, "sensor.program.777", "guest_map_exit");
	stream_fact(&stream, "sensor.sight.777", "proved");
	expect_silent(RULE_EXPOSED);
	assert_null(not_judged(RULE_EXPOSED));
}

/* Why guests' page tables are not seen is said, not only that they are not. */
static void test_shadowed(void **state)
{
	(void)state;
	bound();
	stream_fact(&stream, RECORD_FACT_SHADOWED, "kvm.tdp_mmu=N: by others");
	stream_fact(&stream, "sensor.program.777", "guest_map_exit off");
	expect_silent(RULE_EXPOSED);
	assert_string_equal(not_judged(RULE_EXPOSED),
			    "not what guests can reach: kvm.tdp_mmu=N: by others");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_still),
		RULE_TEST(test_still_apart),
		RULE_TEST(test_still_silent),
		RULE_TEST(test_still_others),
		RULE_TEST(test_given_back),
		RULE_TEST(test_replaced),
		RULE_TEST(test_never_unmapped),
		RULE_TEST(test_own_ioctl),
		RULE_TEST(test_punch),
		RULE_TEST(test_release),
		RULE_TEST(test_unbound),
		RULE_TEST(test_lost),
		RULE_TEST(test_behind_loss),
		RULE_TEST(test_early),
		RULE_TEST(test_unflushed),
		RULE_TEST(test_nonsense),
		RULE_TEST(test_not_looked),
		RULE_TEST(test_unproven),
		RULE_TEST(test_shadowed),
		RULE_TEST(test_undone),
		RULE_TEST(test_unflushed_others),
		RULE_TEST(test_unflushed_reused),
		RULE_TEST(test_scattered),
		RULE_TEST(test_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
