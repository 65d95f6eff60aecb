// SPDX-License-Identifier: GPL-2.0
/* The model itself: order, watermarks, late attach, losses, rereads, counts. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "stream.h"

#define G 3
#define T 7
#define RFC3 RECORD_PROVIDER_RFC3
#define ABSENT_BITS (RECORD_PAGE_RESIDENT | RECORD_PAGE_PREPARED)
#define PRESENT_BITS (ABSENT_BITS | RECORD_PAGE_PRESENT)

static struct stream stream;

static int setup(void **state)
{
	(void)state;
	stream_init(&stream);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stream_free(&stream);
	return 0;
}

static void live(__u32 pass, const struct stream_page *pages, size_t nr)
{
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, pages, nr);
}

static void finish(void)
{
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

/* Moves the last record before the @back records that stand before it. */
static void move_back(size_t back)
{
	size_t offsets[64], nr = 0, at = 0, last;
	__u8 record[256];

	for (; at < stream.used; nr++) {
		offsets[nr % 64] = at;
		at += ((const struct record_header *)(stream.data + at))->size;
	}
	assert_true(back < 63 && nr > back);
	last = offsets[(nr - 1) % 64];
	at = offsets[(nr - 1 - back) % 64];
	memcpy(record, stream.data + last, stream.used - last);
	memmove(stream.data + at + (stream.used - last), stream.data + at, last - at);
	memcpy(stream.data + at, record, stream.used - last);
}

/* Behind each other in the stream, the other way round in time. */
static void test_order(void **state)
{
	struct model_counts counts;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	move_back(1);
	stream_zap_flush(&stream, T, G, 0, 100, 1, 100, 100);
	move_back(2);
	stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, 0, 0, false);
	move_back(3);
	finish();
	stream_expect_unread(&stream);
	model_count(stream.model, &counts);
	assert_int_equal(counts.transitions, 1);
	assert_int_equal(counts.flushes, 1);
	assert_int_equal(counts.requests, 1);
	assert_int_equal(counts.lost, 0);
}

static void test_disorder_is_loss(void **state)
{
	struct model_counts counts;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_heartbeat(&stream);
	stream.now -= 3000;
	stream_join(&stream, T, G, 0, 100);
	stream.now += 3000;
	finish();
	model_count(stream.model, &counts);
	assert_int_equal(counts.lost_by_cause[RECORD_LOSS_DISORDER], 1);
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
}

/* A zap that waited for its flush is written late; its own time still counts. */
static void test_late_zap(void **state)
{
	struct model_page page;
	struct model_counts counts;

	(void)state;
	stream_inode(&stream, G, RECORD_PROVIDER_SECRETMEM, 64, false);
	stream_zap_flush(&stream, T, G, 0, 100, 1, 100, 100);
	stream.now += 1000;
	stream_heartbeat(&stream);
	stream.now += 10 * MS;
	stream_zap_flush(&stream, T, G, 1, 102, 1, 102, 102);
	((struct record_zap *)(stream.data + stream.used - sizeof(struct record_zap)))->zap_end -=
		10 * MS;
	finish();
	model_count(stream.model, &counts);
	assert_int_equal(counts.lost, 0);
	model_page(stream.model, model_inode_find(stream.model, G), 1, &page);
	assert_true(page.resident);
	assert_int_equal(page.applied, MODEL_ABSENT);
	assert_false(page.exposed);
	stream_expect_unread(&stream);
}

/* Met with a state of its own, it is believed; what is known is learned in two reads. */
static void test_late_attach(void **state)
{
	struct stream_page pages[2] = {
		{ 0, 100, 8, ABSENT_BITS },
		{ 8, 108, 8, PRESENT_BITS | RECORD_PAGE_DEVIATES },
	};
	struct model_page page;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, true);
	live(0, pages, 2);
	live(1, pages, 2);
	finish();
	stream_expect(&stream, VERDICT_CONSISTENT);
	model_page(stream.model, model_inode_find(stream.model, G), 3, &page);
	assert_true(page.resident && page.prepared && page.sure);
	assert_int_equal(page.declared, MODEL_ABSENT);
	model_page(stream.model, model_inode_find(stream.model, G), 9, &page);
	assert_int_equal(page.declared, MODEL_PRESENT);
	assert_int_equal(page.applied, MODEL_PRESENT);
}

static void test_late_attach_unread(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, true);
	finish();
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
}

/* After that, its history is judged like any other's. */
static void test_late_attach_then_judged(void **state)
{
	struct stream_page page = { 0, 100, 16, ABSENT_BITS };
	struct stream_page after[2] = {
		{ 0, 100, 15, PRESENT_BITS | RECORD_PAGE_DEVIATES },
		{ 15, 115, 1, PRESENT_BITS },
	};

	(void)state;
	stream_inode(&stream, G, RFC3, 64, true);
	live(0, &page, 1);
	live(1, &page, 1);
	stream.now += 5 * SECOND;
	stream_heartbeat(&stream);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 15, true);
	stream_zap(&stream, T, G, 0, 100, 16, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 15, true);
	live(0, after, 2);
	live(1, after, 2);
	finish();
	stream_expect_one(&stream, RULE_DECLARED_MISMATCH, G, 15, 15);
}

/* A call from before the sensors may be half way through: nothing is proven by that. */
static void test_late_attach_shadow(void **state)
{
	struct stream_page wrong = { 0, 100, 16, PRESENT_BITS };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, true);
	live(0, &wrong, 1);
	live(1, &wrong, 1);
	/* Its end, whose begin nobody saw. */
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 15, false);
	wrong.bits = ABSENT_BITS;
	live(2, &wrong, 1);
	live(3, &wrong, 1);
	finish();
	assert_int_equal(verdict_violations(stream.verdict), 0);
}

/* A call from before might still be half way through when the records end. */
static void test_late_attach_unproven(void **state)
{
	struct stream_page wrong = { 0, 100, 16, PRESENT_BITS };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, true);
	live(0, &wrong, 1);
	live(1, &wrong, 1);
	finish();
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict_violations(stream.verdict), 0);
}

/* So might one whose begin was lost: on this inode, or on any. */
static void test_loss_hides_a_request(void **state)
{
	struct stream_page wrong = { 0, 100, 1, PRESENT_BITS };

	for (__u64 inode = 0; inode <= G; inode += G) {
		setup(state);
		stream_inode(&stream, G, RFC3, 64, false);
		stream_fault(&stream, T, G, 0, 100);
		stream_loss(&stream, inode, RECORD_LOSS_RING_FULL, stream.now - 1000, 1);
		live(0, &wrong, 1);
		live(1, &wrong, 1);
		finish();
		stream_expect(&stream, VERDICT_INCONCLUSIVE);
		assert_int_equal(verdict_violations(stream.verdict), 0);
		stream_free(&stream);
	}
}

/* No routine calls itself: the first one's end was lost. */
static void test_lost_end(void **state)
{
	struct model_counts counts;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, true);
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now - 500, 1);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 8, 9, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 8, 9, true);
	finish();
	model_count(stream.model, &counts);
	assert_int_equal(counts.requests_open, 0);
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict_violations(stream.verdict), 0);
}

static void test_late_attach_proven(void **state)
{
	struct stream_page wrong = { 0, 100, 16, PRESENT_BITS };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, true);
	live(0, &wrong, 1);
	live(1, &wrong, 1);
	stream.now += 5 * SECOND;
	stream_heartbeat(&stream);
	finish();
	stream_expect_one(&stream, RULE_APPLIED_MISMATCH, G, 0, 15);
}

/* A loss takes history away, not what two sources say of one page at the release. */
static void test_loss_leaves_state_rules(void **state)
{
	struct stream_page wrong = { 0, 100, 1, PRESENT_BITS };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_loss(&stream, 0, RECORD_LOSS_MISSED, SECOND, 3);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_RELEASE, pass, 0, 64, &wrong,
			    1);
	finish();
	stream_expect_one(&stream, RULE_APPLIED_MISMATCH, G, 0, 0);
}

/* A loss may explain what the requests do not. */
static void test_loss_explains(void **state)
{
	struct stream_page seen = { 0, 0, 16, RECORD_PAGE_DEVIATES };
	__u64 since;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	since = stream.now;
	/* The request's records are the ones that were lost. */
	stream.now += MS;
	live(0, &seen, 1);
	live(1, &seen, 1);
	stream_heartbeat(&stream);
	/* Told of behind the heartbeat that let the reads be judged. */
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, since, 2);
	finish();
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict_violations(stream.verdict), 0);
}

/* Only the inode that lost loses its history. */
static void test_loss_of_one_inode(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_inode(&stream, G + 1, RFC3, 64, false);
	stream_loss(&stream, G + 1, RECORD_LOSS_RING_FULL, stream.now - 1000, 1);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 3, true);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_RELEASE, pass, 0, 64, NULL, 0);
	finish();
	stream_expect_one(&stream, RULE_DECLARED_MISMATCH, G, 0, 3);
}

static void test_reread(void **state)
{
	struct stream_page wrong = { 5, 105, 2, PRESENT_BITS };
	struct model_reread reread;
	struct model_counts counts;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 8; i++)
		stream_fault(&stream, T, G, i, 100 + i);
	live(0, &wrong, 1);
	stream_heartbeat(&stream);
	stream.model = model_create(NULL);
	for (size_t at = 0; at < stream.used;) {
		const struct record_header *record = (const void *)(stream.data + at);

		model_feed(stream.model, record);
		at += record->size;
	}
	assert_true(model_unsettled(stream.model));
	assert_true(model_next_reread(stream.model, &reread));
	assert_int_equal(reread.inode->number, G);
	assert_int_equal(reread.pgoff_first, 0);
	assert_true(reread.pgoff_nr >= 7);
	assert_int_equal(reread.pass, 1);
	/* Handed out once, until it comes back. */
	assert_false(model_next_reread(stream.model, &reread));
	assert_true(model_unsettled(stream.model));
	model_count(stream.model, &counts);
	assert_int_equal(counts.pages_unsettled, 2);
	assert_int_equal(counts.pages_compared, 64);
}

/* A busy page is not inconclusive when it is settled in a later read. */
static void test_busy_then_settled(void **state)
{
	struct stream_page seen = { 0, 100, 1, ABSENT_BITS };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	for (__u32 pass = 0; pass < 12; pass++) {
		stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, true);
		live(pass, &seen, 1);
		stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	}
	live(12, &seen, 1);
	finish();
	stream_expect(&stream, VERDICT_CONSISTENT);
}

static void test_busy_for_ever(void **state)
{
	struct stream_page seen = { 0, 100, 1, ABSENT_BITS };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	live(0, &seen, 1);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	finish();
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
}

static void test_no_end(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_heartbeat(&stream);
	stream_judge(&stream, NULL);
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
}

static void test_nothing(void **state)
{
	(void)state;
	finish();
	stream_expect_unread(&stream);
}

/* A page whose place is taken before it is restored is still its inode's. */
static void test_place_taken(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	stream_join(&stream, T + 1, G, 0, 200);
	stream_zap(&stream, T, 0, 0, 100, 1, true, 0);
	stream_leave(&stream, T, 100);
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, true);
	finish();
	stream_expect_unread(&stream);
}

struct exposures {
	__u64 nr, ns;
	bool own;
};

static void exposure(void *context, const struct model_exposure *ended)
{
	struct exposures *exposures = context;

	exposures->nr += ended->nr;
	exposures->ns += ended->end - ended->begin;
	exposures->own = ended->own;
}

/* What no watermark has passed is not complete where the records have no end. */
static void test_nothing_behind_the_last_heartbeat(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_heartbeat(&stream);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, true);
	/* Its zap stands in the other ring, whose turn did not come. */
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, true);
	stream_judge(&stream, NULL);
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
}

/* What a gap in the stream hides may be younger than what stands behind it. */
static void test_gap_reaches_to_the_watermarks(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_heartbeat(&stream);
	stream_loss(&stream, 0, RECORD_LOSS_CLIENT_SLOW, stream.now, 1);
	stream.now += 3 * SECOND;
	stream_fault(&stream, T, G, 0, 100);
	stream.now += 3 * SECOND;
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, true);
	/* Its zap is what was dropped. */
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, true);
	stream_heartbeat(&stream);
	finish();
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
}

/* What an unseen request did while a seen one ran is not what the seen one asked for. */
static void test_loss_within_a_request(void **state)
{
	struct stream_page page = { 0, 100, 1, ABSENT_BITS };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_heartbeat(&stream);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, true);
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	/* Another request made it absent again. */
	stream_loss(&stream, G, RECORD_LOSS_RING_FULL, stream.now, 4);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, true);
	stream.now += 5 * SECOND;
	stream_heartbeat(&stream);
	for (__u32 pass = 0; pass < 3; pass++)
		live(pass, &page, 1);
	finish();
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
}

/* Who is older than the sensors may have been changed before they came. */
static void test_uncompared_before_attach(void **state)
{
	struct stream_page pages[2] = { { 0, 100, 1, ABSENT_BITS }, { 1, 300, 1, ABSENT_BITS } };

	(void)state;
	stream_inode(&stream, G, RFC3, 10000, true);
	stream.now += 3 * SECOND;
	stream_fault(&stream, T, G, 1, 300);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 4096, pages, 2);
	finish();
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
	assert_int_equal(model_pages_uncompared(stream.model), 10000 - 4096);
	assert_int_equal(model_inode_find(stream.model, G)->uncompared, 10000 - 4096);
}

/* Found by a VM's slot alone, which is told of; the other is met in a descriptor later. */
static void test_bound(void **state)
{
	struct record_inode record = { .header = { .kind = RECORD_INODE, .size = sizeof(record) },
				       .provider = RFC3,
				       .vm = 12,
				       .bound = 1 };

	(void)state;
	for (__u64 inode = G; inode <= G + 1; inode++) {
		record.header.inode = inode;
		record.header.time = stream.now;
		record.i_ino = 1000 + inode;
		stream_add(&stream, &record.header);
	}
	stream_inode(&stream, G + 1, RFC3, 64, true);
	finish();
	assert_true(model_inode_find(stream.model, G)->bound);
	assert_int_equal(model_inode_find(stream.model, G)->vm, 12);
	assert_false(model_inode_find(stream.model, G + 1)->bound);
}

/* Two reads of page 0, the second @later ns behind the first, which @bits_later saw. */
static void read_halfway(__u64 later, __u32 bits_later)
{
	struct stream_page page = { 0, 100, 1, RECORD_PAGE_RESIDENT };

	stream_inode(&stream, G, RFC3, 64, true);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, &page, 1);
	stream.now += later;
	page.bits = bits_later;
	for (__u32 pass = 2; pass < 4; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, &page, 1);
	finish();
}

/* A task that has configured a page is held up before it marks it, when the sensors are armed. */
static void test_halfway_before_attach(void **state)
{
	(void)state;
	read_halfway(MS, ABSENT_BITS);
	stream_expect(&stream, VERDICT_CONSISTENT);
}

/* No call takes so long. */
static void test_halfway_for_ever(void **state)
{
	(void)state;
	read_halfway(3 * SECOND, RECORD_PAGE_RESIDENT);
	stream_expect_one(&stream, RULE_APPLIED_MISMATCH, G, 0, 0);
}

/* Too early to say. */
static void test_halfway_unknown(void **state)
{
	(void)state;
	read_halfway(MS, RECORD_PAGE_RESIDENT);
	stream_expect(&stream, VERDICT_INCONCLUSIVE);
}

static void test_exposure(void **state)
{
	struct exposures exposures = { 0 };
	struct model_observer observer = { .context = &exposures, .exposure_ended = exposure };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream.now += MS;
	stream_flush(&stream, T + 1, 0, 0, true);
	stream_finish(&stream);
	stream.model = model_create(NULL);
	model_observe(stream.model, &observer);
	for (size_t at = 0; at < stream.used;) {
		const struct record_header *record = (const void *)(stream.data + at);

		model_feed(stream.model, record);
		at += record->size;
	}
	model_finish(stream.model);
	assert_int_equal(exposures.nr, 1);
	assert_int_equal(exposures.ns, MS + 1000);
	assert_false(exposures.own);
}

/* 1 TiB declared in one call, none of it resident, costs next to nothing. */
static void test_uniform_memory(void **state)
{
	struct model_counts counts;
	__u64 pages = 1ULL << 28;

	(void)state;
	stream_inode(&stream, G, RFC3, pages, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, pages - 1, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, pages - 1, true);
	finish();
	model_count(stream.model, &counts);
	assert_true(counts.memory < 16 << 20);
}

/* A memfd_secret that is made, read, touched and closed, as fast as that goes. */
static void fault_and_close(__u64 number, __u64 pfn)
{
	struct stream_page page = { 0, pfn, 1, ABSENT_BITS };

	stream_inode(&stream, number, RECORD_PROVIDER_SECRETMEM, 64, false);
	stream_zap_flush(&stream, T, number, 0, pfn, 1, pfn, pfn);
	stream_read(&stream, number, RECORD_PROVIDER_SECRETMEM, false, RECORD_SNAPSHOT_RELEASE, 0,
		    0, 64, &page, 1);
	stream_begin(&stream, T, number, RECORD_OPERATION_RELEASE, 0, ~0ULL, false);
	stream_end(&stream, T, number, RECORD_OPERATION_RELEASE, 0, ~0ULL, false);
	stream_inode_dead(&stream, number);
	stream_zap(&stream, T, 0, 0, pfn, 1, true, 0);
}

/* The dead leave a name and their counts; a loss has nothing to do with them. */
static void many_dead(__u64 nr, bool losses)
{
	struct model_counts counts;
	const struct model_inode *inode;

	for (__u64 i = 1; i <= nr; i++) {
		fault_and_close(i, 1000 + i % 64);
		if (i % 100)
			continue;
		if (losses)
			stream_loss(&stream, 0, RECORD_LOSS_RING_FULL, stream.now - 10, 1);
		stream_heartbeat(&stream);
	}
	finish();
	stream_expect(&stream, losses ? VERDICT_INCONCLUSIVE : VERDICT_CONSISTENT);
	model_count(stream.model, &counts);
	assert_int_equal(counts.inodes, nr);
	assert_int_equal(counts.inodes_live, 0);
	assert_int_equal(counts.pages, nr * 64);
	assert_int_equal(counts.pages_compared, nr * 64);
	assert_in_range(counts.memory, 0, nr * 512 + (16 << 20));
	inode = model_inode_find(stream.model, nr / 2);
	assert_non_null(inode);
	assert_int_equal(inode->zapped, 1);
	assert_int_equal(inode->compared, 64);
}

static void test_many_dead_inodes(void **state)
{
	(void)state;
	many_dead(16000, false);
}

static void test_many_dead_inodes_and_losses(void **state)
{
	(void)state;
	many_dead(60000, true);
}

/* What 4 GiB of resident pages cost, scattered: at most 32 bytes a page. */
static void test_page_memory(void **state)
{
	struct model *model = model_create(NULL);
	struct model_counts before, after;
	__u64 pages = 1 << 20;
	struct record_inode inode = {
		.header = { .kind = RECORD_INODE, .size = sizeof(inode), .time = 1, .inode = G },
		.pages = pages,
		.provider = RFC3,
	};
	struct record_heartbeat heartbeat = {
		.header = { .kind = RECORD_HEARTBEAT, .size = sizeof(heartbeat), .time = 1 },
	};

	(void)state;
	model_feed(model, &inode.header);
	for (__u64 round = 0; round < 2; round++) {
		for (__u64 i = 0; i < (round ? pages : 512); i++) {
			struct record_owner join = {
				.header = { .kind = RECORD_JOIN,
					    .size = sizeof(join),
					    .time = 2,
					    .inode = G },
				.page = i ^ 0x155,
				.pgoff = i,
				.nr = 1,
			};

			join.header.time = heartbeat.watermark;
			model_feed(model, &join.header);
			heartbeat.watermark += 10;
			if (i % 64 == 63)
				model_feed(model, &heartbeat.header);
		}
		model_count(model, round ? &after : &before);
	}
	/* Without what does not grow with the pages: events, buffers. */
	assert_true((after.memory - before.memory) - (131072 * sizeof(struct model_event)) <
		    pages * 32);
	assert_int_equal(model_inode_find(model, G)->resident, pages);
	model_free(model);
}

static void test_memory_limit(void **state)
{
	struct model_options options = { .memory_max = 1 << 20 };
	struct model *model = model_create(&options);
	struct verdict *verdict = verdict_create(model, NULL);
	struct record_inode inode = {
		.header = { .kind = RECORD_INODE, .size = sizeof(inode), .time = 1, .inode = G },
		.pages = 1,
		.provider = RFC3,
	};
	int error = 0;

	(void)state;
	for (__u64 i = 0; i < 100000 && !error; i++) {
		inode.header.inode = i + 1;
		error = model_feed(model, &inode.header);
	}
	assert_int_equal(error, -ENOMEM);
	assert_true(model_failed(model));
	model_finish(model);
	assert_int_equal(verdict_value(verdict), VERDICT_INCONCLUSIVE);
	verdict_free(verdict);
	model_free(model);
}

#define MODEL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void add_read(__u16 kind, __u64 snapshot)
{
	struct record_snapshot record = {
		.header = { .kind = kind,
			    .size = sizeof(record),
			    .inode = G,
			    .time = stream.now++ },
		.pgoff_nr = 64,
		.inode_pages = 64,
		.origin = RECORD_SNAPSHOT_LIVE,
		.provider = RFC3,
		.default_state = 1,
		.snapshot = snapshot,
	};

	stream_add(&stream, &record.header);
}

/* Reads whose ends were lost are forgotten, the oldest first, once nobody can be at so many. */
static void test_reads_without_end(void **state)
{
	struct model_counts counts;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 snapshot = 1; snapshot <= 1030; snapshot++)
		add_read(RECORD_SNAPSHOT_BEGIN, snapshot);
	add_read(RECORD_SNAPSHOT_END, 6);
	add_read(RECORD_SNAPSHOT_END, 7);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
	model_count(stream.model, &counts);
	assert_int_equal(counts.chunks, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MODEL_TEST(test_order),
		MODEL_TEST(test_reads_without_end),
		MODEL_TEST(test_disorder_is_loss),
		MODEL_TEST(test_late_zap),
		MODEL_TEST(test_late_attach),
		MODEL_TEST(test_late_attach_unread),
		MODEL_TEST(test_late_attach_then_judged),
		MODEL_TEST(test_late_attach_shadow),
		MODEL_TEST(test_late_attach_unproven),
		MODEL_TEST(test_loss_hides_a_request),
		MODEL_TEST(test_lost_end),
		MODEL_TEST(test_late_attach_proven),
		MODEL_TEST(test_loss_leaves_state_rules),
		MODEL_TEST(test_loss_explains),
		MODEL_TEST(test_loss_of_one_inode),
		MODEL_TEST(test_reread),
		MODEL_TEST(test_busy_then_settled),
		MODEL_TEST(test_busy_for_ever),
		MODEL_TEST(test_no_end),
		MODEL_TEST(test_nothing),
		MODEL_TEST(test_place_taken),
		MODEL_TEST(test_nothing_behind_the_last_heartbeat),
		MODEL_TEST(test_gap_reaches_to_the_watermarks),
		MODEL_TEST(test_loss_within_a_request),
		MODEL_TEST(test_uncompared_before_attach),
		MODEL_TEST(test_halfway_before_attach),
		MODEL_TEST(test_bound),
		MODEL_TEST(test_halfway_for_ever),
		MODEL_TEST(test_halfway_unknown),
		MODEL_TEST(test_exposure),
		MODEL_TEST(test_uniform_memory),
		MODEL_TEST(test_many_dead_inodes),
		MODEL_TEST(test_many_dead_inodes_and_losses),
		MODEL_TEST(test_page_memory),
		MODEL_TEST(test_memory_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
