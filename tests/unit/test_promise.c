// SPDX-License-Identifier: GPL-2.0
/* What KVM promises its guests, against what the direct map has. */
#include "promises.h"

static void test_kept(void **state)
{
	(void)state;
	private_vm(false);
	promise(true);
	for (__u32 pass = 0; pass < 2; pass++)
		read_once(RECORD_SNAPSHOT_RELEASE, false, ABSENT_BITS);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect(&stream, VERDICT_CONSISTENT);
	/* And shared again. */
	private_vm(false);
	convert_to(GFN, PAGES, false, 0, PAGES - 1, 0);
	promise(false);
	for (__u32 pass = 0; pass < 2; pass++)
		read_once(RECORD_SNAPSHOT_RELEASE, false, PRESENT_BITS | DEVIATES);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	stream_expect(&stream, VERDICT_CONSISTENT);
}

static void test_broken(void **state)
{
	const struct verdict_violation *found;

	(void)state;
	private_vm(false);
	wrongly_present();
	read_twice(PRESENT_BITS | DEVIATES);
	expect_here(RULE_PROMISE_BROKEN);
	expect_pages(RULE_PROMISE_BROKEN, 0, PAGES - 1);
	assert_int_equal(here_count(RULE_HALF_CONVERTED), 0);
	found = here_found(RULE_PROMISE_BROKEN);
	assert_non_null(strstr(found->words, "Page 0x0 of g3 backs guest frame 0x100 of VM 100"));
	assert_non_null(strstr(found->words, "gfns 0x100-0x13f to private (task 7"));
	assert_string_equal(found->sources[0].says, "private (gfn 0x100)");
	assert_string_equal(found->sources[2].says, "the last conversion, to private, succeeded");
}

/* Nobody ever asked for anything: a page of a private frame was never made absent. */
static void test_broken_from_the_start(void **state)
{
	struct record_owner *record;

	(void)state;
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	bind(GFN, 0, 64);
	for (__u64 i = 0; i < PAGES; i++) {
		stream_join(&stream, T, G, i, 200 + 2 * i);
		record = (struct record_owner *)(stream.data + stream.used - sizeof(*record));
		record->prepared = 1;
	}
	stream_heartbeat(&stream);
	promise(true);
	/* The xarray agrees with the entry. */
	stream_begin(&stream, T, G, RECORD_OPERATION_UPDATE_XARRAY, 0, 63, true);
	stream_request(&stream, RECORD_REQUEST_END, T, G, RECORD_OPERATION_UPDATE_XARRAY, 0, 63,
		       true, -12);
	read_twice(PRESENT_BITS | DEVIATES);
	/* That was somebody's own doing, as far as is known. */
	expect_silent(RULE_PROMISE_BROKEN);
	private_vm(false);
	convert_to(GFN, 64, true, 1, 0, 0);
	wrongly_present();
	read_twice(PRESENT_BITS | DEVIATES);
	expect_here(RULE_PROMISE_BROKEN);
}

enum excuse {
	OWN_WORD, /* the inode's ioctl made them present */
	BEFORE_ATTACH,
	NOT_BOUND,
	NOT_PREPARED,
	POISONED,
	CONVERTED_BETWEEN,
	CONVERTED_WHILE_READ,
	CONVERTING,
	SLOT_BETWEEN,
	LOST,
	CHANGED_BETWEEN,
	READ_ONCE,
	EXCUSES,
};

static void excused(enum excuse excuse)
{
	__u32 bits = PRESENT_BITS | DEVIATES;

	private_vm(false);
	if (excuse == BEFORE_ATTACH) {
		here_anew();
		stream_inode(&stream, G, RFC3, 64, true);
		for (__u64 i = 0; i < PAGES; i++)
			stream_join(&stream, T, G, i, 200 + 2 * i);
		stream_heartbeat(&stream);
		stream.now += 3 * SECOND;
		stream_heartbeat(&stream);
		promise(true);
	} else if (excuse == OWN_WORD) {
		stream_begin(&stream, T, G, SET_RANGE, 0, PAGES - 1, true);
		for (__u64 i = 0; i < PAGES; i++)
			stream_zap(&stream, T, G, i, 200 + 2 * i, 1, true, 0);
		stream_end(&stream, T, G, SET_RANGE, 0, PAGES - 1, true);
		promise(true);
	} else {
		wrongly_present();
	}
	if (excuse == NOT_BOUND)
		promises[0].pgoff = 32;
	if (excuse == NOT_PREPARED)
		bits &= ~(__u32)RECORD_PAGE_PREPARED;
	if (excuse == POISONED)
		bits |= RECORD_PAGE_POISONED;
	if (excuse == CONVERTING)
		stream_promise(&stream, T + 1, 0, RECORD_PROMISE_CONVERT_BEGIN, 0x900, 1, 0, true,
			       0);
	read_once(RECORD_SNAPSHOT_LIVE, false, bits);
	if (excuse == CONVERTED_BETWEEN)
		convert_to(GFN, PAGES, true, 1, 0, 0);
	if (excuse == SLOT_BETWEEN) {
		stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
		bind(GFN, 0, 64);
	}
	if (excuse == CHANGED_BETWEEN) {
		stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 7, true);
		for (__u64 i = 0; i < PAGES; i++)
			stream_zap(&stream, T, G, i, 200 + 2 * i, 1, true, 0);
		stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 7, true);
	}
	if (excuse != READ_ONCE)
		read_once(RECORD_SNAPSHOT_LIVE, false, bits);
	if (excuse == CONVERTED_WHILE_READ) {
		/* Its begin lies within both reads, as they are told of. */
		struct record_promise record = {
			.header = { .kind = RECORD_PROMISE, .size = sizeof(record), .tid = T + 1 },
			.vm = 1,
			.gfn_first = 0x900,
			.gfn_nr = 1,
			.event = RECORD_PROMISE_CONVERT_BEGIN,
		};

		record.header.time = stream.now - 2500;
		stream_add(&stream, &record.header);
	}
	if (excuse == LOST)
		stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, stream.now - 40000, 1);
}

static void test_excused(void **state)
{
	(void)state;
	for (enum excuse excuse = OWN_WORD; excuse < EXCUSES; excuse++) {
		excused(excuse);
		expect_silent(RULE_PROMISE_BROKEN);
		assert_int_equal(here_count(RULE_HALF_CONVERTED), 0);
	}
}

/* A third read, of what stood still since the second. */
static void test_proven_later(void **state)
{
	(void)state;
	excused(CONVERTED_BETWEEN);
	read_once(RECORD_SNAPSHOT_LIVE, false, PRESENT_BITS | DEVIATES);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	expect_pages(RULE_PROMISE_BROKEN, 0, PAGES - 1);
	excused(CHANGED_BETWEEN);
	read_once(RECORD_SNAPSHOT_LIVE, false, PRESENT_BITS | DEVIATES);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	expect_pages(RULE_PROMISE_BROKEN, 0, PAGES - 1);
}

/* Whatever the ioctl said is over once a conversion has covered the page; where it has not, it is not. */
static void test_own_word_ends(void **state)
{
	(void)state;
	private_vm(false);
	stream_begin(&stream, T, G, SET_RANGE, 0, PAGES - 1, true);
	for (__u64 i = 0; i < PAGES; i++)
		stream_zap(&stream, T, G, i, 200 + 2 * i, 1, true, 0);
	stream_end(&stream, T, G, SET_RANGE, 0, PAGES - 1, true);
	convert_to(GFN + 2, 3, true, 1, 0, 0);
	promise(true);
	read_twice(PRESENT_BITS | DEVIATES);
	expect_here(RULE_PROMISE_BROKEN);
	expect_pages(RULE_PROMISE_BROKEN, 2, 4);
}

/* Where it cannot be told what was asked for before, a conversion that is seen decides. */
static void test_late(void **state)
{
	(void)state;
	here_anew();
	stream_inode(&stream, G, RFC3, 64, true);
	for (__u64 i = 0; i < PAGES; i++)
		stream_join(&stream, T, G, i, 200 + 2 * i);
	stream_heartbeat(&stream);
	stream.now += 3 * SECOND;
	promise(true);
	/* Where they are bound is learned from a read. */
	read_once(RECORD_SNAPSHOT_LIVE, false, PRESENT_BITS | DEVIATES);
	stream_heartbeat(&stream);
	convert_to(GFN + 1, 2, true, 1, 0, 0);
	read_twice(PRESENT_BITS | DEVIATES);
	expect_here(RULE_PROMISE_BROKEN);
	expect_pages(RULE_PROMISE_BROKEN, 1, 2);
}

/* --- shared, and absent ----------------------------------------------------------- */

/* A conversion elsewhere made them absent, whose shared pages are present. */
static void test_shared_absent(void **state)
{
	(void)state;
	dynamic_inode();
	convert_to(GFN + 0x20, PAGES, true, 0, PAGES - 1, 0);
	promise(false);
	read_dynamic(ABSENT_BITS | DEVIATES);
	expect_here(RULE_PROMISE_BROKEN);
	expect_pages(RULE_PROMISE_BROKEN, 0, PAGES - 1);
	/* Private, they are rightly so. */
	dynamic_inode();
	convert_to(GFN, 64, true, 0, 63, 0);
	promise(true);
	read_dynamic(ABSENT_BITS | DEVIATES);
	expect_silent(RULE_PROMISE_BROKEN);
	/* Bound anew as shared, after they were private elsewhere: nobody has said what they are to be. */
	dynamic_inode();
	convert_to(GFN, 64, true, 0, 63, 0);
	stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
	convert_to(GFN, 64, false, 1, 0, 0);
	bind(GFN, 0, 64);
	promise(false);
	read_dynamic(ABSENT_BITS | DEVIATES);
	expect_silent(RULE_PROMISE_BROKEN);
	assert_int_equal(here_count(RULE_HALF_CONVERTED), 0);
	/* Private pages become absent when they are bound, whatever they were. */
	dynamic_inode();
	convert_to(GFN, 64, true, 0, 63, 0);
	convert_to(GFN, 64, false, 0, 63, 0);
	stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
	convert_to(GFN, 64, true, 1, 0, 0);
	bind(GFN, 0, 64);
	promise(true);
	read_dynamic(PRESENT_BITS);
	expect_here(RULE_PROMISE_BROKEN);
	/* Bound twice, and nothing else ever: they are as they were made. */
	dynamic_inode();
	stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
	bind(GFN, 0, 64);
	convert_to(GFN + 0x20, PAGES, true, 0, PAGES - 1, 0);
	promise(false);
	read_dynamic(ABSENT_BITS | DEVIATES);
	expect_here(RULE_PROMISE_BROKEN);
}

/* To shared, and the pages were not reached. */
static void test_half_in_part(void **state)
{
	(void)state;
	private_vm(false);
	convert_to(GFN, PAGES, false, 1, 0, 0);
	promise(false);
	read_twice(ABSENT_BITS);
	expect_here(RULE_HALF_CONVERTED);
	expect_pages(RULE_HALF_CONVERTED, 0, PAGES - 1);
	assert_int_equal(here_count(RULE_PROMISE_BROKEN), 0);
	assert_non_null(strstr(here_found(RULE_HALF_CONVERTED)->words,
			       "It succeeded, and the frame is shared."));
	assert_non_null(strstr(here_found(RULE_HALF_CONVERTED)->words, "did not reach this page"));
	/* Shared from the start: absent by default. */
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	bind(GFN, 0, 64);
	for (__u64 i = 0; i < PAGES; i++)
		stream_fault(&stream, T, G, i, 200 + 2 * i);
	promise(false);
	read_twice(ABSENT_BITS);
	expect_silent(RULE_HALF_CONVERTED);
}

/* Shared, then private in vain: the attributes are as before, and some pages are absent. */
static void test_half_failed(void **state)
{
	(void)state;
	private_vm(false);
	convert_to(GFN, 64, false, 0, 63, 0);
	convert_to(GFN, 64, true, 0, 63, -12);
	promise(false);
	read_twice(ABSENT_BITS);
	expect_here(RULE_HALF_CONVERTED);
	assert_non_null(strstr(here_found(RULE_HALF_CONVERTED)->words,
			       "It failed, and the frame is shared."));
	assert_non_null(strstr(here_found(RULE_HALF_CONVERTED)->words,
			       "what it had changed before it failed is left behind"));
	/* All was undone. */
	private_vm(false);
	convert_to(GFN, 64, false, 0, 63, 0);
	convert_to(GFN, 64, true, 1, 0, -12);
	promise(false);
	read_twice(PRESENT_BITS | DEVIATES);
	expect_silent(RULE_HALF_CONVERTED);
	/* It failed, and the attributes were changed all the same. */
	private_vm(false);
	convert_to(GFN, 64, false, 0, 63, 0);
	convert_to(GFN, 64, true, 1, 0, -12);
	promise(true);
	read_twice(PRESENT_BITS | DEVIATES);
	expect_here(RULE_PROMISE_BROKEN);
	assert_non_null(strstr(here_found(RULE_PROMISE_BROKEN)->words, ", and failed."));
}

static void test_half_attributed(void **state)
{
	(void)state;
	private_vm(false);
	promise(false);
	read_twice(ABSENT_BITS);
	expect_here(RULE_HALF_CONVERTED);
	assert_non_null(strstr(here_found(RULE_HALF_CONVERTED)->words,
			       "Its changes of the inodes succeeded. However"));
	assert_non_null(strstr(here_found(RULE_HALF_CONVERTED)->words, "of two minds"));
}

/* --- binding ---------------------------------------------------------------------- */

/* What is private already is made absent when it is bound: KVM's doing, and not a user's. */
static void test_bind_converts(void **state)
{
	(void)state;
	for (int bracket = 0; bracket < 2; bracket++) {
		here_anew();
		stream_inode(&stream, G, RFC3, 64, false);
		for (__u64 i = 0; i < PAGES; i++)
			stream_fault(&stream, T, G, i, 200 + 2 * i);
		if (!bracket)
			bind(GFN, 0, 64);
		else
			stream_promise(&stream, T, G, RECORD_PROMISE_BIND, GFN, 64, 0, false, 0);
		if (bracket)
			stream_promise(&stream, T, G, RECORD_PROMISE_BIND_BEGIN, GFN, 64, 0, false,
				       0);
		stream_begin(&stream, T, G, SET_RANGE, 0, 7, true);
		for (__u64 i = 0; i < PAGES; i++)
			stream_zap(&stream, T, G, i, 200 + 2 * i, 1, true, 0);
		stream_end(&stream, T, G, SET_RANGE, 0, 7, true);
		if (bracket) {
			/* Binding has a conversion of its own in it. */
			stream_promise(&stream, T, 0, RECORD_PROMISE_CONVERTED, 0, 0, 0, false, 0);
			stream_promise(&stream, T, 0, RECORD_PROMISE_CONVERT_END, 0, 0, 0, false,
				       0);
			stream_promise(&stream, T, 0, RECORD_PROMISE_BIND_END, 0, 0, 0, false, 0);
		}
		promise(true);
		read_twice(PRESENT_BITS | DEVIATES);
		if (bracket)
			expect_here(RULE_PROMISE_BROKEN);
		else
			expect_silent(RULE_PROMISE_BROKEN);
	}
}

/* Between the two steps of binding a private page is present, and may be. */
static void test_binding(void **state)
{
	(void)state;
	here_anew();
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < PAGES; i++)
		stream_fault(&stream, T, G, i, 200 + 2 * i);
	stream_promise(&stream, T, G, RECORD_PROMISE_BIND, GFN, 64, 0, false, 0);
	convert_to(GFN + 0x20, PAGES, false, 0, PAGES - 1, 0);
	promise(true);
	read_twice(PRESENT_BITS | DEVIATES);
	expect_silent(RULE_PROMISE_BROKEN);
}

/* The inode's ioctl made them present; bound again, what is private is KVM's to make absent. */
static void made_present(void)
{
	private_vm(false);
	own_word(G, 0, PAGES - 1, true);
}

static void bind_again(void)
{
	stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
	bind(GFN, 0, 64);
}

static void test_bind_takes_back(void **state)
{
	(void)state;
	for (int bound = 0; bound < 2; bound++) {
		made_present();
		if (bound)
			bind_again();
		promise(true);
		read_twice(PRESENT_BITS | DEVIATES);
		if (bound)
			expect_here(RULE_PROMISE_BROKEN);
		else
			expect_silent(RULE_PROMISE_BROKEN);
	}
	/* What is shared keeps what its user said. */
	made_present();
	bind_again();
	promise(false);
	read_twice(PRESENT_BITS | DEVIATES);
	expect_silent(RULE_PROMISE_BROKEN);
	/* And after binding he has the last word again. */
	private_vm(false);
	bind_again();
	own_word(G, 0, PAGES - 1, true);
	promise(true);
	read_twice(PRESENT_BITS | DEVIATES);
	expect_silent(RULE_PROMISE_BROKEN);
}

/* --- two VMs ---------------------------------------------------------------------- */

/* A second VM has bound the same pages at the same frames. */
static void second_vm(void)
{
	private_vm(false);
	stream.vm = 2;
	bind(GFN, 0, 64);
}

static void test_two_vms(void **state)
{
	(void)state;
	/* The second's pages are judged as the first's are. */
	second_vm();
	wrongly_present();
	read_twice(PRESENT_BITS | DEVIATES);
	expect_here(RULE_PROMISE_BROKEN);
	/* Private for the first; the second shares them later, and who was told last is right. */
	second_vm();
	convert_to(GFN, PAGES, false, 0, PAGES - 1, 0);
	stream.vm = 1;
	promise(true);
	read_twice(PRESENT_BITS | DEVIATES);
	expect_silent(RULE_PROMISE_BROKEN);
	assert_int_equal(here_count(RULE_HALF_CONVERTED), 0);
	/* While one converts only the other is judged. */
	for (int converts = 1; converts <= 2; converts++) {
		private_vm(false);
		stream.vm = 2;
		bind(GFN + 0x800, 0, 64);
		stream.vm = (__u64)converts;
		stream_promise(&stream, T + 1, 0, RECORD_PROMISE_CONVERT_BEGIN, 0x900, 1, 0, true,
			       0);
		stream.vm = 1;
		wrongly_present();
		read_twice(PRESENT_BITS | DEVIATES);
		if (converts == 2)
			expect_here(RULE_PROMISE_BROKEN);
		else
			expect_silent(RULE_PROMISE_BROKEN);
	}
	/* One unbinds where the other has bound nothing, or other pages: it is known which. */
	for (int elsewhere = 0; elsewhere < 3; elsewhere++) {
		private_vm(false);
		stream.vm = 2;
		bind(elsewhere == 1 ? GFN + 0x800 : GFN + 32, elsewhere == 2 ? 48 : 32, 8);
		stream.vm = 1;
		stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 32, 0, false, 0);
		bind(GFN, 0, 32);
		wrongly_present();
		read_twice(PRESENT_BITS | DEVIATES);
		expect_here(RULE_PROMISE_BROKEN);
	}
	/* One of them unbinds, and nothing says which: neither is judged. */
	second_vm();
	stream_promise(&stream, T, G, RECORD_PROMISE_UNBIND, GFN, 64, 0, false, 0);
	wrongly_present();
	read_twice(PRESENT_BITS | DEVIATES);
	expect_silent(RULE_PROMISE_BROKEN);
}

/* --- a call whose end was lost ---------------------------------------------------- */

static void test_lost_end(void **state)
{
	(void)state;
	for (int lost = 0; lost < 3; lost++) {
		private_vm(false);
		stream_promise(&stream, T + 1, 0, RECORD_PROMISE_CONVERT_BEGIN, 0x900, 1, 0, true,
			       0);
		if (lost)
			stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, stream.now - 100, 1);
		stream_heartbeat(&stream);
		/* It may run on for two seconds. */
		stream.now += lost == 2 ? SECOND : 3 * SECOND;
		stream_heartbeat(&stream);
		/* What is learned anew, and converted, is judged; a call that only lasts keeps its VM from it. */
		promise(true);
		read_once(RECORD_SNAPSHOT_LIVE, false, ABSENT_BITS);
		convert_to(GFN, PAGES, true, 1, 0, 0);
		read_twice(PRESENT_BITS | DEVIATES);
		if (lost == 1)
			expect_here(RULE_PROMISE_BROKEN);
		else
			expect_silent(RULE_PROMISE_BROKEN);
	}
}

/* A call that begins behind the loss has lost nothing, however long it takes. */
static void test_lost_before(void **state)
{
	(void)state;
	private_vm(false);
	stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, stream.now - 100, 1);
	stream_heartbeat(&stream);
	stream_promise(&stream, T + 1, 0, RECORD_PROMISE_CONVERT_BEGIN, 0x900, 1, 0, true, 0);
	stream.now += 3 * SECOND;
	stream_heartbeat(&stream);
	promise(true);
	read_once(RECORD_SNAPSHOT_LIVE, false, ABSENT_BITS);
	convert_to(GFN, PAGES, true, 1, 0, 0);
	read_twice(PRESENT_BITS | DEVIATES);
	expect_silent(RULE_PROMISE_BROKEN);
}

/* Frames that another slot has taken over are this inode's no longer. */
static void test_rebound(void **state)
{
	(void)state;
	private_vm(false);
	stream_inode(&stream, 9, RFC3, 64, false);
	stream_promise(&stream, T, 9, RECORD_PROMISE_BIND, GFN + 2, 2, 0, false, 0);
	stream_begin(&stream, T, G, SET_RANGE, 0, 7, true);
	for (__u64 i = 0; i < PAGES; i++)
		stream_zap(&stream, T, G, i, 200 + 2 * i, 1, true, 0);
	stream_end(&stream, T, G, SET_RANGE, 0, 7, true);
	/* This covers pages 0, 1 and 4 to 7 of ours, and not 2 and 3. */
	convert_to(GFN, PAGES, true, 1, 0, 0);
	promise(true);
	read_twice(PRESENT_BITS | DEVIATES);
	expect_here(RULE_PROMISE_BROKEN);
	assert_int_equal(here_count(RULE_PROMISE_BROKEN), 2);
	assert_int_equal(verdict_rule_count(stream.verdict, RULE_PROMISE_BROKEN), 6);
}

/* What no kernel says is not taken, and said to make no sense. */
static void test_malformed(void **state)
{
	static const struct record_promise wrong[] = {
		{ .event = RECORD_PROMISE_CONVERT_BEGIN, .gfn_nr = 0 },
		{ .event = RECORD_PROMISE_CONVERT_BEGIN, .gfn_nr = 1, .gfn_first = 1ULL << 52 },
		{ .event = RECORD_PROMISE_CONVERT_BEGIN, .gfn_nr = (1ULL << 52) + 1 },
		{ .event = RECORD_PROMISE_CONVERT_BEGIN, .gfn_nr = 1, .is_private = 2 },
		{ .event = RECORD_PROMISE_BIND, .gfn_nr = 1, .pgoff = 1ULL << 32 },
	};
	struct model_counts counts;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct record_promise record = wrong[i];

		private_vm(false);
		record.header = (struct record_header){ .kind = RECORD_PROMISE,
							.size = sizeof(record),
							.tid = T + 1 };
		record.header.time = stream.now;
		record.header.inode = record.event == RECORD_PROMISE_BIND ? G : 0;
		record.vm = 1;
		stream_add(&stream, &record.header);
		wrongly_present();
		read_twice(PRESENT_BITS | DEVIATES);
		stream_finish(&stream);
		stream_judge(&stream, NULL);
		model_count(stream.model, &counts);
		assert_int_equal(counts.malformed, 1);
		/* It has begun nothing that would keep the VM from being judged. */
		expect_pages(RULE_PROMISE_BROKEN, 0, PAGES - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_kept),
		RULE_TEST(test_broken),
		RULE_TEST(test_broken_from_the_start),
		RULE_TEST(test_excused),
		RULE_TEST(test_proven_later),
		RULE_TEST(test_own_word_ends),
		RULE_TEST(test_late),
		RULE_TEST(test_shared_absent),
		RULE_TEST(test_half_in_part),
		RULE_TEST(test_half_failed),
		RULE_TEST(test_half_attributed),
		RULE_TEST(test_bind_converts),
		RULE_TEST(test_binding),
		RULE_TEST(test_bind_takes_back),
		RULE_TEST(test_two_vms),
		RULE_TEST(test_lost_end),
		RULE_TEST(test_lost_before),
		RULE_TEST(test_rebound),
		RULE_TEST(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
