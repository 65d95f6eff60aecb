// SPDX-License-Identifier: GPL-2.0
/* KVM's promises: which frames are whose, whose word is final, and which reads say anything. */
#include "promises.h"

#define OTHER 9 /* an inode */
#define ELSEWHERE 0x900 /* a frame that backs nothing of ours */

static void promise_add(enum record_promise_event event, __u64 inode, __u64 vm, __u64 gfn, __u64 nr,
			__u64 pgoff)
{
	struct record_promise *record;

	stream_promise(&stream, T, inode, event, gfn, nr, pgoff, false, 0);
	record = (struct record_promise *)(stream.data + stream.used - sizeof(*record));
	record->vm = vm;
}

/* Present, of private frames, because the inode's user has said so. */
static void own_vm(void)
{
	private_vm(false);
	own_word(G, 0, PAGES - 1, true);
	for (__u64 i = 0; i < PAGES; i++)
		stream_zap(&stream, T, G, i, 200 + 2 * i, 1, true, 0);
	promise(true);
}

/* KVM has had the last word on @nr pages from @pgoff on, and on no others. */
static void expect_kvms(__u64 pgoff, __u64 nr)
{
	read_twice(PRESENT_BITS | DEVIATES);
	if (!nr) {
		expect_silent(RULE_PROMISE_BROKEN);
		return;
	}
	expect_here(RULE_PROMISE_BROKEN);
	expect_pages(RULE_PROMISE_BROKEN, pgoff, pgoff + nr - 1);
}

/* The same of a stream that is too long to be cut everywhere. */
static void expect_kvms_at_end(size_t count)
{
	read_twice(PRESENT_BITS | DEVIATES);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_int_equal(here_count(RULE_PROMISE_BROKEN), count);
}

/* --- whose word is final ------------------------------------------------------------ */

/* A conversion of other frames says nothing of ours. */
static void test_converted_elsewhere(void **state)
{
	(void)state;
	own_vm();
	convert_to(0, 8, true, 1, 0, 0);
	convert_to(ELSEWHERE, 8, true, 1, 0, 0);
	expect_kvms(0, 0);
	/* The control. */
	own_vm();
	convert_to(GFN, 4, true, 1, 0, 0);
	expect_kvms(0, 4);
}

/* It was refused before any inode was asked. */
static void test_converted_in_vain(void **state)
{
	(void)state;
	own_vm();
	stream_promise(&stream, T, 0, RECORD_PROMISE_CONVERT_BEGIN, GFN, 8, 0, true, 0);
	stream_promise(&stream, T, 0, RECORD_PROMISE_CONVERT_END, 0, 0, 0, false, 0);
	expect_kvms(0, 0);
}

/* A range to the end of all offsets, and one of nothing: the user's word is of the pages in it. */
static void test_own_word_of_all(void **state)
{
	(void)state;
	private_vm(false);
	wrongly_present();
	own_word(G, 4, ~0ULL, true);
	expect_kvms(0, 4);
	private_vm(false);
	wrongly_present();
	own_word(G, 5, 2, true);
	expect_kvms(0, PAGES);
}

/* An inode that was met after a loss: what was said of it before nobody knows. */
static void test_met_after_loss(void **state)
{
	(void)state;
	here_anew();
	stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, stream.now - 500, 1);
	heartbeats(3);
	stream_inode(&stream, G, RFC3, 64, false);
	bind(GFN, 0, 64);
	for (__u64 i = 0; i < PAGES; i++)
		stream_join(&stream, T, G, i, 200 + 2 * i);
	stream.now += 5 * SECOND;
	stream_heartbeat(&stream);
	promise(true);
	expect_kvms(0, 0);
}

/* However often pages are converted, in part and as a whole: what is known of them is kept. */
static void test_converted_often(void **state)
{
	(void)state;
	private_vm(false);
	wrongly_present();
	for (__u64 i = 0; i < 40000; i++) {
		own_word(G, 64 + i, 64 + i, true);
		own_word(G, 64, 64 + 40000, true);
		own_word(G, 50, 50, true);
	}
	expect_kvms_at_end(1);
}

/* More runs than are kept in mind: none of them is judged by what was there before. */
static void test_runs_too_many(void **state)
{
	(void)state;
	private_vm(false);
	wrongly_present();
	for (__u64 i = 0; i < 70000; i++)
		own_word(G, 64 + 2 * i, 64 + 2 * i, true);
	expect_kvms_at_end(0);
}

/* --- which frames are whose --------------------------------------------------------- */

/* Slots that touch in one way and not in the other are two. */
static void test_slots_beside(void **state)
{
	(void)state;
	/* Frames behind one another, pages not. */
	own_vm();
	stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
	bind(GFN, 0, 4);
	bind(GFN + 4, 32, 4);
	own_word(G, 0, PAGES - 1, true);
	convert_to(GFN + 4, 4, true, 1, 0, 0);
	expect_kvms(0, 0);
	/* Pages behind one another, frames not. */
	own_vm();
	stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
	bind(GFN, 0, 4);
	bind(ELSEWHERE, 4, 4);
	own_word(G, 0, PAGES - 1, true);
	convert_to(ELSEWHERE, 4, true, 1, 0, 0);
	promises[0].nr = 4;
	promises[1] = (struct stream_promise){ 4, 4, ELSEWHERE, true };
	stream.promises_nr = 2;
	expect_kvms(4, 4);
	/* Of two inodes. */
	own_vm();
	stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
	stream_inode(&stream, OTHER, RFC3, 64, false);
	bind(GFN, 0, 4);
	stream_promise(&stream, T, OTHER, RECORD_PROMISE_BIND, GFN + 4, 4, 4, false, 0);
	own_word(G, 0, PAGES - 1, true);
	convert_to(GFN, 8, true, 1, 0, 0);
	promises[0].nr = 4;
	expect_kvms(0, 4);
}

/* One that goes takes nobody else's frames with it. */
static void test_unbound_beside(void **state)
{
	(void)state;
	for (int other = 0; other < 2; other++) {
		own_vm();
		stream_inode(&stream, OTHER, RFC3, 64, false);
		stream_promise(&stream, T, OTHER, RECORD_PROMISE_BIND, ELSEWHERE, 4, 0, false, 0);
		if (other)
			stream_promise(&stream, T, OTHER, RECORD_PROMISE_UNBIND, ELSEWHERE - 0x900,
				       0x1000, 0, false, 0);
		else
			stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
		convert_to(GFN, 8, true, 1, 0, 0);
		/* What was unbound is bound again as it is read, and too late for the conversion. */
		expect_kvms(0, other ? 8 : 0);
	}
}

/* What a read says of frames is the newer: a slot that nobody saw come. */
static void test_read_binds(void **state)
{
	static const struct {
		__u64 inode, gfn, pgoff, nr;
	} before[] = {
		{ OTHER, GFN, 0, 64 }, /* another's */
		{ G, GFN + 8, 8, 56 }, /* those behind */
		{ G, GFN, 32, 32 }, /* other pages */
		{ G, GFN, 0, 4 }, /* a part */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		own_vm();
		stream_inode(&stream, OTHER, RFC3, 64, false);
		stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
		stream_promise(&stream, T, before[i].inode, RECORD_PROMISE_BIND, before[i].gfn,
			       before[i].nr, before[i].pgoff, false, 0);
		stream_promise(&stream, T, before[i].inode, RECORD_PROMISE_BIND_BEGIN,
			       before[i].gfn, before[i].nr, before[i].pgoff, false, 0);
		stream_promise(&stream, T, 0, RECORD_PROMISE_BIND_END, 0, 0, 0, false, 0);
		stream_heartbeat(&stream);
		read_once(RECORD_SNAPSHOT_LIVE, false, PRESENT_BITS | DEVIATES);
		convert_to(GFN, 8, true, 1, 0, 0);
		expect_kvms(0, PAGES);
	}
}

/* While something of the VM's is under way, what a read says of its slots may be no longer. */
static void test_read_binds_settled(void **state)
{
	(void)state;
	for (int ended = 0; ended < 2; ended++) {
		__u64 begin;

		own_vm();
		stream_heartbeat(&stream);
		promises[0].gfn = ELSEWHERE;
		begin = stream.now;
		if (!ended)
			stream_promise(&stream, T + 1, 0, RECORD_PROMISE_CONVERT_BEGIN, 0x5000, 1,
				       0, true, 0);
		read_once(RECORD_SNAPSHOT_LIVE, false, PRESENT_BITS | DEVIATES);
		if (ended) {
			/* It began and ended within the read. */
			stream.now = begin + 1500;
			stream_promise(&stream, T + 1, 0, RECORD_PROMISE_CONVERT_BEGIN, 0x5000, 1,
				       0, true, 0);
			stream_promise(&stream, T + 1, 0, RECORD_PROMISE_CONVERT_END, 0, 0, 0,
				       false, 0);
			stream.now = begin + 20000;
		} else {
			stream_promise(&stream, T + 1, 0, RECORD_PROMISE_CONVERT_END, 0, 0, 0,
				       false, 0);
		}
		convert_to(ELSEWHERE, 8, true, 1, 0, 0);
		promise(true);
		expect_kvms(0, 0);
	}
}

/* What has no number is no VM; and an inode is of one. */
static void test_vms(void **state)
{
	static const __u64 none[] = { 0, 0xffffffffULL, 1ULL << 40 };

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		here_anew();
		stream_inode(&stream, G, RFC3, 64, false);
		promise_add(RECORD_PROMISE_BIND, G, none[i], GFN, 64, 0);
		promise_add(RECORD_PROMISE_CONVERT_BEGIN, 0, none[i], GFN, 64, 0);
		stream_promise(&stream, T, 0, RECORD_PROMISE_CONVERTED, 0, 0, 0, false, 0);
		stream_promise(&stream, T, 0, RECORD_PROMISE_CONVERT_END, 0, 0, 0, false, 0);
		for (__u64 page = 0; page < PAGES; page++)
			stream_fault(&stream, T, G, page, 200 + 2 * page);
		bind(GFN, 0, 64);
		convert_to(GFN, 64, true, 0, 63, 0);
		wrongly_present();
		expect_kvms(0, PAGES);
		assert_string_equal(here_found(RULE_PROMISE_BROKEN)->sources[2].says,
				    "the last conversion, to private, succeeded");
	}
	own_vm();
	promise_add(RECORD_PROMISE_BIND, G, 2, ELSEWHERE, 64, 0);
	convert_to(ELSEWHERE, 8, true, 1, 0, 0);
	expect_kvms(0, 0);
}

/* A slot of what is no VM does not stand in the way of one that is. */
static void test_bound_of_no_vm(void **state)
{
	static const __u64 none[] = { 0, 0xffffffffULL, 1ULL << 40 };

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		private_vm(false);
		wrongly_present();
		promise_add(RECORD_PROMISE_BIND, G, none[i], ELSEWHERE, 8, 0);
		expect_kvms(0, PAGES);
	}
}

/* A read that says that the frames are another VM's, or nobody's. */
static void test_read_of_another_vm(void **state)
{
	(void)state;
	for (__u64 vm = 0; vm <= 2; vm += 2) {
		size_t at;

		own_vm();
		stream_heartbeat(&stream);
		promises[0].gfn = ELSEWHERE;
		at = stream.used;
		read_once(RECORD_SNAPSHOT_LIVE, false, PRESENT_BITS | DEVIATES);
		while (at < stream.used) {
			struct record_promise_read *record =
				(struct record_promise_read *)(stream.data + at);

			if (record->header.kind == RECORD_PROMISE_READ)
				record->vm = vm;
			at += record->header.size;
		}
		convert_to(ELSEWHERE, 8, true, 1, 0, 0);
		promise(true);
		expect_kvms(0, 0);
	}
}

/* How often it was forgotten which frames are whose. */
static __u64 forgotten(void)
{
	struct model_counts counts;

	stream_finish(&stream);
	stream_judge(&stream, NULL);
	model_count(stream.model, &counts);
	return counts.promises_forgotten;
}

/* KVM has 32768 slots: one more is no slot. Pieces of one slot are one. */
static void test_slots_many(void **state)
{
	(void)state;
	for (__u64 step = 1; step <= 2; step++) {
		here_anew();
		stream_inode(&stream, G, RFC3, 1 << 17, false);
		for (__u64 i = 0; i <= 32768; i++)
			promise_add(RECORD_PROMISE_BIND, G, 1, GFN + step * i, 1, i);
		assert_int_equal(forgotten(), step == 2);
	}
}

/* A slot goes, and the record does not say whose: it is known where one alone can be meant. */
static void test_unbound_of_several(void **state)
{
	(void)state;
	for (int way = 0; way < 5; way++) {
		here_anew();
		stream_inode(&stream, G, RFC3, 64, false);
		stream_inode(&stream, OTHER, RFC3, 64, false);
		if (way == 4) { /* it was the second one's, before */
			promise_add(RECORD_PROMISE_BIND, G, 2, GFN, 64, 0);
			promise_add(RECORD_PROMISE_UNBIND, G, 2, GFN, 64, 0);
		}
		promise_add(RECORD_PROMISE_BIND, G, 1, GFN, 64, 0);
		if (way == 1) /* other pages */
			promise_add(RECORD_PROMISE_BIND, G, 2, GFN, 32, 32);
		if (way == 2) { /* another inode's */
			promise_add(RECORD_PROMISE_BIND, G, 2, ELSEWHERE, 64, 0);
			promise_add(RECORD_PROMISE_BIND, OTHER, 2, GFN, 64, 0);
		}
		if (way == 3) /* the control */
			promise_add(RECORD_PROMISE_BIND, G, 2, GFN, 64, 0);
		promise_add(RECORD_PROMISE_UNBIND, G, 1, GFN, 64, 0);
		assert_int_equal(forgotten(), way == 3);
	}
}

/* Slots of inodes that nobody has met, and of one that was never bound, are nothing. */
static void test_slots_of_nobody(void **state)
{
	static const enum record_promise_event events[] = { RECORD_PROMISE_BIND,
							    RECORD_PROMISE_BIND_BEGIN,
							    RECORD_PROMISE_UNBIND };

	(void)state;
	private_vm(false);
	stream_inode(&stream, OTHER, RFC3, 64, false);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		stream_promise(&stream, T, 77, events[i], ELSEWHERE, 8, 0, false, 0);
		if (events[i] != RECORD_PROMISE_BIND)
			stream_promise(&stream, T, OTHER, events[i], ELSEWHERE, 8, 0, false, 0);
		stream_promise(&stream, T, 0, RECORD_PROMISE_BIND_END, 0, 0, 0, false, 0);
	}
	wrongly_present();
	expect_kvms(0, PAGES);
}

/* --- binding ------------------------------------------------------------------------ */

/* [0, PAGES) become absent as they are bound, or fail to. */
static void bind_absent(__s64 result)
{
	stream_promise(&stream, T, G, RECORD_PROMISE_BIND, GFN, 64, 0, false, 0);
	stream_promise(&stream, T, G, RECORD_PROMISE_BIND_BEGIN, GFN, 64, 0, false, 0);
	stream_begin(&stream, T, G, SET_RANGE, 0, 63, false);
	for (__u64 i = 0; i < PAGES && result >= 0; i++)
		stream_zap_flush(&stream, T, G, i, 200 + 2 * i, 1, 200 + 2 * i, 200 + 2 * i);
	stream_request(&stream, RECORD_REQUEST_END, T, G, SET_RANGE, 0, 63, false, result);
	stream_promise(&stream, T, 0, RECORD_PROMISE_CONVERTED, 0, 0, 0, false, result);
	stream_promise(&stream, T, 0, RECORD_PROMISE_CONVERT_END, 0, 0, 0, false, 0);
	stream_promise(&stream, T, 0, RECORD_PROMISE_BIND_END, 0, 0, 0, false, 0);
}

static void expect_half(bool half)
{
	if (half)
		expect_here(RULE_HALF_CONVERTED);
	else
		expect_silent(RULE_HALF_CONVERTED);
	assert_int_equal(here_count(RULE_PROMISE_BROKEN), 0);
}

/* What a slot makes absent is what the attributes say: private, and no conversion of its own. */
static void test_bound_absent(void **state)
{
	(void)state;
	for (int private = 0; private < 2; private ++) {
		dynamic_inode();
		stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
		bind_absent(0);
		promise(private);
		read_dynamic(ABSENT_BITS | DEVIATES);
		expect_half(!private);
	}
	/* It failed, and left everything as it was. */
	dynamic_inode();
	stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
	bind_absent(-12);
	promise(false);
	read_dynamic(PRESENT_BITS);
	expect_half(false);
}

/* Bound anew: what they were asked to be in the slot before says no more of them. */
static void test_bound_anew(void **state)
{
	(void)state;
	/* By the slot before. */
	dynamic_inode();
	stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
	bind_absent(0);
	stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
	bind(GFN, 0, 64);
	promise(false);
	read_dynamic(ABSENT_BITS | DEVIATES);
	expect_half(false);
	/* By a conversion that failed. */
	dynamic_inode();
	convert_to(GFN, 64, true, 0, 63, -12);
	stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
	bind(GFN, 0, 64);
	promise(false);
	read_dynamic(ABSENT_BITS | DEVIATES);
	expect_half(false);
	/* By one that succeeded, and private again. */
	private_vm(false);
	convert_to(GFN, 64, false, 0, 63, 0);
	convert_to(GFN, 64, true, 0, 63, 0);
	stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
	bind(GFN, 0, 64);
	promise(true);
	read_twice(ABSENT_BITS);
	expect_half(false);
}

/* --- what is broken ----------------------------------------------------------------- */

/* Absent and private, whoever made it so. */
static void test_private_absent(void **state)
{
	(void)state;
	/* Never converted, absent by default. */
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	bind(GFN, 0, 64);
	for (__u64 i = 0; i < PAGES; i++)
		stream_fault(&stream, T, G, i, 200 + 2 * i);
	promise(true);
	read_twice(ABSENT_BITS);
	expect_half(false);
	/* Present by default, and made absent by a conversion of other frames. */
	dynamic_inode();
	convert_to(GFN + 0x20, PAGES, true, 0, PAGES - 1, 0);
	promise(true);
	read_dynamic(ABSENT_BITS | DEVIATES);
	expect_half(false);
}

/* Present by default: what is absent was left so by the conversion that failed. */
static void test_failed_dynamic(void **state)
{
	(void)state;
	dynamic_inode();
	convert_to(GFN, 64, true, 0, 63, -12);
	promise(false);
	read_dynamic(ABSENT_BITS | DEVIATES);
	expect_half(true);
}

/* --- which reads say anything ------------------------------------------------------- */

/* The entry could not be read. */
static void test_unread(void **state)
{
	(void)state;
	private_vm(false);
	promise(false);
	read_twice(RECORD_PAGE_RESIDENT | RECORD_PAGE_PREPARED | RECORD_PAGE_APPLIED_UNKNOWN);
	expect_half(false);
	/* The control. */
	private_vm(false);
	promise(false);
	read_twice(ABSENT_BITS);
	expect_half(true);
}

/* What differs from what is declared is another rule's to tell of. */
static void test_differs(void **state)
{
	(void)state;
	private_vm(false);
	promise(true);
	read_twice(PRESENT_BITS);
	expect_silent(RULE_PROMISE_BROKEN);
	assert_int_not_equal(here_count(RULE_APPLIED_MISMATCH), 0);
}

/* Broken in two ways is not the same way twice. */
static void test_two_ways(void **state)
{
	(void)state;
	private_vm(false);
	wrongly_present();
	read_once(RECORD_SNAPSHOT_LIVE, false, PRESENT_BITS | DEVIATES);
	promise(false);
	read_once(RECORD_SNAPSHOT_LIVE, false, PRESENT_BITS | DEVIATES);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_int_equal(here_count(RULE_PROMISE_BROKEN), 0);
	assert_int_equal(here_count(RULE_HALF_CONVERTED), 0);
}

static void read_run(__u64 first, __u64 nr)
{
	const struct stream_page run = { 0, 200, PAGES, PRESENT_BITS | DEVIATES };

	promises[0] = (struct stream_promise){ first, nr, GFN + first, true };
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, &run, 1);
}

/* A run of which a part was read before is not proven as a whole. */
static void test_read_in_part(void **state)
{
	(void)state;
	for (int part = 0; part < 3; part++) {
		here_anew();
		stream_inode(&stream, G, RFC3, 64, false);
		bind(GFN, 0, 64);
		convert_to(GFN, 64, true, 1, 0, 0);
		for (__u64 i = 0; i < PAGES; i++)
			stream_fault(&stream, T, G, i, 200 + i);
		stream_begin(&stream, T, G, SET_RANGE, 0, 7, true);
		stream_zap(&stream, T, G, 0, 200, PAGES, true, 0);
		stream_end(&stream, T, G, SET_RANGE, 0, 7, true);
		convert_to(GFN, 64, true, 1, 0, 0);
		stream_heartbeat(&stream);
		promise(true);
		read_run(part == 0 ? 2 : 0, part == 1 ? 6 : part == 0 ? 6 : PAGES);
		read_run(0, PAGES);
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		assert_int_equal(here_count(RULE_PROMISE_BROKEN), part == 2);
	}
}

/* The second read began before the first had ended: they are one. */
static void test_reads_overlap(void **state)
{
	(void)state;
	for (int overlap = 0; overlap < 2; overlap++) {
		struct record_snapshot *begin;
		size_t at;

		private_vm(false);
		wrongly_present();
		stream_heartbeat(&stream);
		read_once(RECORD_SNAPSHOT_LIVE, false, PRESENT_BITS | DEVIATES);
		at = stream.used;
		read_once(RECORD_SNAPSHOT_LIVE, false, PRESENT_BITS | DEVIATES);
		begin = (struct record_snapshot *)(stream.data + at);
		assert_int_equal(begin->header.kind, RECORD_SNAPSHOT_BEGIN);
		if (overlap)
			begin->header.time -= 1500;
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		assert_int_equal(here_count(RULE_PROMISE_BROKEN), !overlap);
	}
}

/* A conversion that began and ended while pages were read: of which promise was it? */
static void test_converted_meanwhile(void **state)
{
	(void)state;
	private_vm(false);
	wrongly_present();
	stream_heartbeat(&stream);
	for (int read = 0; read < 2; read++) {
		__u64 begin = stream.now;

		read_once(RECORD_SNAPSHOT_LIVE, false, PRESENT_BITS | DEVIATES);
		stream.now = begin + 1500;
		stream_promise(&stream, T + 1, 0, RECORD_PROMISE_CONVERT_BEGIN, ELSEWHERE, 1, 0,
			       true, 0);
		stream_promise(&stream, T + 1, 0, RECORD_PROMISE_CONVERT_END, 0, 0, 0, false, 0);
		stream.now = begin + 20000;
	}
	expect_silent(RULE_PROMISE_BROKEN);
}

/* Pages were changed while they were read. */
static void test_changed_meanwhile(void **state)
{
	(void)state;
	private_vm(false);
	promise(false);
	stream_heartbeat(&stream);
	for (int read = 0; read < 2; read++) {
		__u64 begin = stream.now;

		read_once(RECORD_SNAPSHOT_LIVE, false, ABSENT_BITS);
		stream.now = begin + 1500;
		for (__u64 i = 0; i < PAGES; i++) {
			stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, i, i, true);
			stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, i, i, true);
			stream.now -= 2000;
		}
		stream.now = begin + 20000;
	}
	expect_half(false);
}

/* A request of the page was open while it was read first: that says nothing, and is no first of two. */
static void test_requested_meanwhile(void **state)
{
	(void)state;
	for (int open = 0; open < 2; open++) {
		private_vm(false);
		wrongly_present();
		stream_heartbeat(&stream);
		if (open)
			stream_begin(&stream, T + 1, G, RECORD_OPERATION_FALLOCATE, 0, 63, true);
		read_once(RECORD_SNAPSHOT_LIVE, false, PRESENT_BITS | DEVIATES);
		if (open)
			stream_end(&stream, T + 1, G, RECORD_OPERATION_FALLOCATE, 0, 63, true);
		stream_heartbeat(&stream);
		read_once(RECORD_SNAPSHOT_LIVE, false, PRESENT_BITS | DEVIATES);
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		assert_int_equal(here_count(RULE_PROMISE_BROKEN), !open);
	}
}

#define MANY 4100 /* pages: more than are suspected at a time */

/* All of them, each by itself, as two snapshots have them. */
static void read_many(const struct stream_page pages[MANY])
{
	promises[0] = (struct stream_promise){ 0, 4096, GFN, true };
	stream.promises = promises;
	stream.promises_nr = 1;
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 4096, pages, 4096);
	promises[0] = (struct stream_promise){ 4096, 4096, GFN + 4096, true };
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 4096, 4096, pages + 4096,
		    MANY - 4096);
}

/* Of very many that are wrong some wait for the next read. */
static void test_suspects_many(void **state)
{
	static struct stream_page pages[MANY];

	(void)state;
	here_anew();
	stream_inode(&stream, G, RFC3, 8192, false);
	bind(GFN, 0, 8192);
	convert_to(GFN, 8192, true, 1, 0, 0);
	for (__u64 i = 0; i < MANY; i++) {
		pages[i] = (struct stream_page){ i, 20000 + 2 * i, 1, PRESENT_BITS | DEVIATES };
		stream_fault(&stream, T, G, i, pages[i].pfn);
	}
	stream_begin(&stream, T, G, SET_RANGE, 0, MANY - 1, true);
	for (__u64 i = 0; i < MANY; i++)
		stream_zap(&stream, T, G, i, pages[i].pfn, 1, true, 0);
	stream_end(&stream, T, G, SET_RANGE, 0, MANY - 1, true);
	convert_to(GFN, 8192, true, 1, 0, 0);
	stream_heartbeat(&stream);
	read_many(pages);
	read_many(pages);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	assert_int_equal(here_count(RULE_PROMISE_BROKEN), 1);
	expect_pages(RULE_PROMISE_BROKEN, 0, 4095);
}

/*
 * After a loss, too: a slot moves within the read, whose old place is not known any more; and where
 * that it moved is lost itself.
 */
static void test_read_binds_forgotten(void **state)
{
	(void)state;
	for (int lost = 0; lost < 2; lost++) {
		__u64 begin;

		own_vm();
		stream_loss(&stream, lost ? 0 : G, RECORD_LOSS_RING_FULL, stream.now - 500, 1);
		heartbeats(30);
		begin = stream.now;
		read_once(RECORD_SNAPSHOT_LIVE, false, PRESENT_BITS | DEVIATES);
		stream.now = begin + 1500;
		if (lost)
			stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, begin + 1000, 1);
		else
			stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
		stream.now = begin + 20000;
		if (lost)
			heartbeats(30);
		convert_to(GFN, 8, true, 1, 0, 0);
		promise(true);
		promises[0].gfn = ELSEWHERE;
		expect_kvms(0, 0);
	}
}

/* The same of pages that are alike, of which none is looked at by itself. */
static void test_reads_of_alike_overlap(void **state)
{
	const struct stream_page alike = { 0, 512, 512, PRESENT_BITS | DEVIATES };
	struct record_owner join = {
		.header = { .kind = RECORD_JOIN, .size = sizeof(join), .tid = T, .inode = G },
		.page = 512,
		.nr = 512,
		.prepared = RECORD_OWNER_PREPARED,
	};

	(void)state;
	for (int overlap = 0; overlap < 2; overlap++) {
		struct record_snapshot *begin;
		size_t at;

		here_anew();
		stream_inode(&stream, G, RFC3, 512, false);
		bind(GFN, 0, 512);
		convert_to(GFN, 512, true, 1, 0, 0);
		join.header.time = stream.now += 1000;
		stream_add(&stream, &join.header);
		stream_begin(&stream, T, G, SET_RANGE, 0, 511, true);
		stream_end(&stream, T, G, SET_RANGE, 0, 511, true);
		convert_to(GFN, 512, true, 1, 0, 0);
		stream_heartbeat(&stream);
		promises[0] = (struct stream_promise){ 0, 512, GFN, true };
		stream.promises = promises;
		stream.promises_nr = 1;
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 512, &alike, 1);
		at = stream.used;
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 512, &alike, 1);
		begin = (struct record_snapshot *)(stream.data + at);
		if (overlap)
			begin->header.time -= 1500;
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		assert_int_equal(here_count(RULE_PROMISE_BROKEN), !overlap);
	}
}

/* What no kernel says of what it has promised is not taken, and counted. */
static void test_reads_malformed(void **state)
{
	static const struct stream_promise good = { 0, PAGES, GFN, true };
	static const struct stream_promise bad[] = {
		{ 0, 0, GFN, true },
		{ 0, RECORD_SNAPSHOT_CHUNK + 1, GFN, true },
		{ MODEL_PGOFF_MAX, 1, GFN, true },
		{ 0, PAGES, 1ULL << 52, true },
		{ PAGES - 1, 1, GFN + PAGES - 1, true },
	};
	struct model_counts counts;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bool behind = bad[i].pgoff == PAGES - 1;

		private_vm(false);
		promises[0] = behind ? good : bad[i];
		promises[1] = bad[i];
		stream.promises = promises;
		stream.promises_nr = behind ? 2 : 1;
		read_once(RECORD_SNAPSHOT_LIVE, false, ABSENT_BITS);
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		model_count(stream.model, &counts);
		assert_int_equal(counts.malformed, 1);
	}
	private_vm(false);
	promise(true);
	read_once(RECORD_SNAPSHOT_LIVE, false, ABSENT_BITS);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	model_count(stream.model, &counts);
	assert_int_equal(counts.malformed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_reads_of_alike_overlap),
		RULE_TEST(test_reads_malformed),
		RULE_TEST(test_converted_elsewhere),
		RULE_TEST(test_converted_in_vain),
		RULE_TEST(test_own_word_of_all),
		RULE_TEST(test_met_after_loss),
		RULE_TEST(test_converted_often),
		RULE_TEST(test_runs_too_many),
		RULE_TEST(test_slots_beside),
		RULE_TEST(test_unbound_beside),
		RULE_TEST(test_read_binds),
		RULE_TEST(test_read_binds_settled),
		RULE_TEST(test_read_binds_forgotten),
		RULE_TEST(test_vms),
		RULE_TEST(test_bound_of_no_vm),
		RULE_TEST(test_slots_many),
		RULE_TEST(test_unbound_of_several),
		RULE_TEST(test_requested_meanwhile),
		RULE_TEST(test_suspects_many),
		RULE_TEST(test_slots_of_nobody),
		RULE_TEST(test_read_of_another_vm),
		RULE_TEST(test_bound_absent),
		RULE_TEST(test_bound_anew),
		RULE_TEST(test_private_absent),
		RULE_TEST(test_failed_dynamic),
		RULE_TEST(test_unread),
		RULE_TEST(test_differs),
		RULE_TEST(test_two_ways),
		RULE_TEST(test_read_in_part),
		RULE_TEST(test_reads_overlap),
		RULE_TEST(test_converted_meanwhile),
		RULE_TEST(test_changed_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
