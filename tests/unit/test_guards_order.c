// SPDX-License-Identifier: GPL-2.0
/* Records in order of time, whatever order they come in; reads put together; what is to be read again. */
#include "watch.h"

/* --- order ---------------------------------------------------------------------------------- */

/* Of the same moment, as they came. */
static void at_once(__u32 nr)
{
	__u64 now;

	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	now = stream.now;
	for (__u32 i = 0; i < nr; i++) {
		stream.now = now;
		stream_begin(&stream, T + i, G, RECORD_OPERATION_FALLOCATE, 0, 0, false);
	}
	feed();
	assert_int_equal(watch.begun_nr, nr);
	for (__u32 i = 0; i < nr; i++)
		assert_int_equal(watch.begun[i].tid, T + i);
}

/* The other way round. */
static void backwards(__u32 nr)
{
	__u64 now;

	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	now = stream.now;
	for (__u32 i = 0; i < nr; i++) {
		stream.now = now + (nr - i) * 1000;
		stream_begin(&stream, T + i, G, RECORD_OPERATION_FALLOCATE, 0, 0, false);
	}
	stream.now = now + SECOND;
	feed();
	assert_int_equal(watch.begun_nr, nr);
	for (__u32 i = 0; i < nr; i++)
		assert_int_equal(watch.begun[i].tid, T + nr - 1 - i);
}

static void test_order(void **state)
{
	static const __u32 sizes[] = { 0, 1, 2, 16, 17, 40, 1000 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		at_once(sizes[i]);
		backwards(sizes[i]);
	}
}

/* However much waits, all of it comes as it was. */
static void test_much(void **state)
{
	const __u64 nr = 20000;

	(void)state;
	stream_inode(&stream, G, RFC3, nr, false);
	for (__u64 i = 0; i < nr; i++)
		stream_join(&stream, T, G, i, 100 + 2 * i);
	feed();
	assert_int_equal(inode_of(G)->resident, nr);
	assert_int_equal(watch.counts.malformed, 0);
	for (__u64 i = 0; i < nr; i += 999)
		assert_int_equal(page_at(G, i).pfn, 100 + 2 * i);
}

/* A change with its flush in one record, of task @i: they end at these times, ns behind @begin. */
static void merged(__u64 begin, __u32 i, __u64 zap_end, __u64 flush_end)
{
	struct record_zap *record;

	stream_zap_flush(&stream, T + i, G, i, 100 + 2 * i, 1, 100 + 2 * i, 100 + 2 * i);
	record = last_record(sizeof(*record));
	record->zap_begin = begin + zap_end - 1;
	record->zap_end = begin + zap_end;
	record->flush_begin = begin + zap_end;
	record->header.time = begin + flush_end;
}

/* CPUs that flush at once: each flush in its turn, though watermarks come between it and its change. */
static void test_flushes_wait(void **state)
{
	enum {
		NR = 61
	};
	__u64 begin;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	begin = stream.now;
	for (__u32 i = 0; i < NR; i++)
		merged(begin, i, 10 + i, 1000 + i * 37 % NR);
	/* A clock that steps back: its flush has an earlier time than what it flushes. */
	merged(begin, NR, 500, 5);
	for (int i = 0; i < 4; i++) {
		stream.now = begin + 300 + (__u64)i * 300;
		stream_heartbeat(&stream);
	}
	stream.now = begin + SECOND;
	feed();
	assert_int_equal(watch.zap_nr, NR + 1);
	assert_int_equal(watch.flush_nr, NR + 1);
	for (__u32 i = 0; i < NR; i++) {
		assert_int_equal(watch.zap[i].tid, T + i);
		assert_int_equal(watch.flush[i + 1].end, begin + 1000 + i);
		assert_int_equal(watch.flush[i + 1].tid, T + i * 33 % NR);
	}
	assert_int_equal(watch.flush[0].end, begin + 5);
	assert_int_equal(watch.counts.lost, 0);
}

/* A backlog that moves takes no more room than one that stays. */
static __u64 backlog_memory(int rounds)
{
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	for (int i = 0; i < rounds; i++) {
		__u64 now = stream.now;

		/* The watermark is always some records behind. */
		for (int j = 0; j < 6; j++)
			stream_flush(&stream, T, 0, 0, true);
		stream.now = now + 2000;
		stream_heartbeat(&stream);
		stream.now = now + 7000;
	}
	feed_with(&(struct model_options){ .events_kept = 1024 });
	return watch.counts.memory;
}

static void test_backlog(void **state)
{
	(void)state;
	assert_int_equal(backlog_memory(100), backlog_memory(600));
}

/* --- now ---------------------------------------------------------------------------------------- */

/* Now is the last watermark; at the end, the last record. */
static void test_now(void **state)
{
	struct record_end end = { .header = { .kind = RECORD_END, .size = sizeof(end) } };
	__u64 last;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream.now += MS;
	stream_heartbeat(&stream);
	last = stream.now;
	stream_join(&stream, T, G, 1, 101);
	end.header.time = stream.now + SECOND;
	stream_add(&stream, &end.header);
	stream.model = model_create(NULL);
	for (size_t at = 0; at < stream.used;) {
		const struct record_header *record = (const void *)(stream.data + at);
		struct model_counts counts;

		model_feed(stream.model, record);
		model_count(stream.model, &counts);
		if (record->kind == RECORD_HEARTBEAT)
			assert_int_equal(counts.now,
					 ((const struct record_heartbeat *)record)->watermark);
		at += record->size;
	}
	model_finish(stream.model);
	model_count(stream.model, &watch.counts);
	assert_int_equal(watch.counts.now, last);
	assert_int_equal(inode_of(G)->resident, 2);
}

static unsigned int finished;

static void note_finished(void *context, __u64 now)
{
	(void)context;
	(void)now;
	finished++;
}

static void test_finished_once(void **state)
{
	struct model_observer observer = { .finished = note_finished };

	(void)state;
	finished = 0;
	stream.model = model_create(NULL);
	model_observe(stream.model, &observer);
	assert_int_equal(model_finish(stream.model), 0);
	assert_int_equal(model_finish(stream.model), 0);
	assert_int_equal(finished, 1);
}

/* A watermark that goes back takes nothing back: what is older than the newest is out of order. */
static void test_watermark_back(void **state)
{
	struct record_heartbeat *back;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream.now += 10 * MS;
	stream_heartbeat(&stream);
	stream_heartbeat(&stream);
	back = last_record(sizeof(*back));
	back->watermark -= 5 * MS;
	stream.now -= 2 * MS;
	stream_join(&stream, T, G, 0, 100);
	stream.now += 10 * MS;
	feed();
	assert_int_equal(watch.counts.lost_by_cause[RECORD_LOSS_DISORDER], 1);
}

/* --- reads put together --------------------------------------------------------------------------- */

static void bracket(__u16 kind, __u64 inode, __u64 first, __u32 pass, __u64 snapshot)
{
	struct record_snapshot record = {
		.header = { .kind = kind,
			    .size = sizeof(record),
			    .time = stream.now,
			    .inode = inode },
		.pgoff_first = first,
		.pgoff_nr = 64,
		.inode_pages = 128,
		.origin = RECORD_SNAPSHOT_LIVE,
		.pass = pass,
		.provider = RFC3,
		.snapshot = snapshot,
	};

	stream_add(&stream, &record.header);
}

struct part {
	__u64 inode, first;
	__u32 pass;
	__u64 snapshot;
};

/* Two that overlap: each is what stands between its own begin and end. */
static void overlap(const struct part *a, const struct part *b)
{
	__u64 begins[2], ends[2];

	anew();
	stream_inode(&stream, G, RFC3, 128, false);
	stream_inode(&stream, 9, RFC3, 128, false);
	begins[0] = stream.now;
	bracket(RECORD_SNAPSHOT_BEGIN, a->inode, a->first, a->pass, a->snapshot);
	begins[1] = stream.now;
	bracket(RECORD_SNAPSHOT_BEGIN, b->inode, b->first, b->pass, b->snapshot);
	ends[0] = stream.now;
	bracket(RECORD_SNAPSHOT_END, a->inode, a->first, a->pass, a->snapshot);
	ends[1] = stream.now;
	bracket(RECORD_SNAPSHOT_END, b->inode, b->first, b->pass, b->snapshot);
	feed();
	assert_int_equal(watch.read_nr, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct part *part = i ? b : a;

		assert_ptr_equal(watch.read[i].inode, inode_of(part->inode));
		assert_int_equal(watch.read[i].pgoff, part->first);
		assert_int_equal(watch.read[i].nr, 64);
		assert_int_equal(watch.read[i].begin, begins[i]);
		assert_int_equal(watch.read[i].end, ends[i]);
	}
}

static void test_overlap(void **state)
{
	const struct part one = { G, 0, 0, 1 };

	(void)state;
	overlap(&one, &(const struct part){ 9, 0, 0, 1 });
	overlap(&one, &(const struct part){ G, 64, 0, 1 });
	overlap(&one, &(const struct part){ G, 0, 1, 1 });
	overlap(&one, &(const struct part){ G, 0, 0, 2 });
}

/* Only what was read is told of. */
static void expect_read_of(__u64 first, __u64 nr)
{
	anew();
	stream_inode(&stream, G, RFC3, 1024, false);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, first, nr, NULL, 0);
	feed();
	assert_int_equal(watch.read_nr, 1);
	assert_int_equal(watch.read[0].pgoff, first);
	assert_int_equal(watch.read[0].nr, nr);
	assert_int_equal(inode_of(G)->compared, nr);
}

static void test_read_of_part(void **state)
{
	(void)state;
	expect_read_of(0, 1024);
	expect_read_of(0, 512);
	expect_read_of(512, 512);
	expect_read_of(64, 64);
	expect_read_of(0, 64);
	expect_read_of(448, 128);
	expect_read_of(960, 64);
}

/* Behind the end of an inode, or of one without pages, there is nothing. */
static void test_read_behind(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_inode(&stream, 9, RFC3, 0, false);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 64, 64, NULL, 0);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 128, NULL, 0);
	stream_read(&stream, 9, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, NULL, 0);
	feed();
	assert_int_equal(watch.read_nr, 1);
	assert_int_equal(watch.read[0].nr, 64);
}

/* What a reader says twice it has seen as it said last; what it does not say is not there. */
static void test_said_twice(void **state)
{
	static const struct stream_page pages[] = { { 0, 100, 10, ABSENT_BITS },
						    { 0, 200, 64, PRESENT_BITS } };
	static const struct stream_page tail = { 32, 300, 32, PRESENT_BITS };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, pages, 2);
	feed();
	assert_int_equal(watch.read_nr, 1);
	assert_int_equal(watch.read[0].pfn, 200);
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, pages + 1, 1);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, &tail, 1);
	feed();
	assert_int_equal(watch.read_nr, 3);
	assert_int_equal(watch.read[1].nr, 32);
	assert_int_equal(watch.read[1].bits, 0);
	assert_int_equal(watch.read[2].pgoff, 32);
	assert_int_equal(watch.read[2].pfn, 300);
}

/* --- what is resident --------------------------------------------------------------------------------- */

static void test_resident_next(void **state)
{
	struct model_page page;

	(void)state;
	stream_inode(&stream, G, RFC3, 2048, false);
	stream_join(&stream, T, G, 512, 4096);
	((struct record_owner *)last_record(sizeof(struct record_owner)))->nr = 512;
	stream_join(&stream, T, G, 1100, 100);
	feed();
	assert_true(model_resident_next(stream.model, inode_of(G), 0, 600, &page));
	assert_int_equal(page.pgoff, 512);
	assert_int_equal(page.nr, 89);
	assert_true(model_resident_next(stream.model, inode_of(G), 1000, 2000, &page));
	assert_int_equal(page.nr, 24);
	assert_true(model_resident_next(stream.model, inode_of(G), 1024, 2000, &page));
	assert_int_equal(page.pgoff, 1100);
	assert_int_equal(page.nr, 1);
	assert_false(model_resident_next(stream.model, inode_of(G), 1101, 1ULL << 30, &page));
	assert_false(model_resident_next(stream.model, inode_of(G), 0, 511, &page));
}

/* --- what is to be read again ----------------------------------------------------------------------------- */

/* A difference in one page of each chunk named: it must be seen twice. */
static void suspect(const __u64 *chunks, size_t nr)
{
	struct stream_page pages[16];

	anew();
	stream_inode(&stream, G, RFC3, 10240, false);
	for (size_t i = 0; i < nr; i++)
		pages[i] = (struct stream_page){ chunks[i] * 512 + 70, 0, 1, DEVIATES };
	for (__u64 first = 0; first < 10240; first += 4096)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, first,
			    first + 4096 < 10240 ? 4096 : 10240 - first, NULL, 0);
	/* All in one: a reader tells of pages in order, chunk by chunk. */
	for (__u64 first = 0; first < 10240; first += 4096) {
		struct stream_page part[16];
		size_t part_nr = 0;

		for (size_t i = 0; i < nr; i++) {
			if (pages[i].pgoff >= first && pages[i].pgoff < first + 4096)
				part[part_nr++] = pages[i];
		}
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, first,
			    first + 4096 < 10240 ? 4096 : 10240 - first, part, part_nr);
	}
	stream_heartbeat(&stream);
}

static void expect_reread(__u64 first, __u64 nr)
{
	struct model_reread reread;

	assert_true(model_next_reread(stream.model, &reread));
	assert_ptr_equal(reread.inode, inode_of(G));
	assert_int_equal(reread.pgoff_first, first);
	assert_int_equal(reread.pgoff_nr, nr);
	assert_int_equal(reread.pass, 1);
}

static void expect_no_reread(void)
{
	struct model_reread reread;

	assert_false(model_next_reread(stream.model, &reread));
}

static void test_reread(void **state)
{
	static const __u64 one[] = { 17 }, apart[] = { 0, 2 },
			   row[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };

	(void)state;
	suspect(one, 1);
	feed();
	expect_reread(17 * 512 + 64, 64);
	expect_no_reread();
	assert_true(model_unsettled(stream.model));
	suspect(apart, 2);
	feed();
	expect_reread(64, 64);
	expect_reread(2 * 512 + 64, 64);
	expect_no_reread();
	/* No more at once than a reader reads. */
	suspect(row, 9);
	feed();
	expect_reread(64, 7 * 512 + 64);
	expect_reread(8 * 512 + 64, 64);
	expect_no_reread();
}

/* Up to the inode's end; chunks between that want nothing are left out, be they known page by page. */
static void test_reread_bounds(void **state)
{
	struct stream_page page = { 70, 0, 1, DEVIATES };

	(void)state;
	stream_inode(&stream, G, RFC3, 100, false);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 100, &page, 1);
	feed();
	expect_reread(64, 36);
	expect_no_reread();
	anew();
	stream_inode(&stream, G, RFC3, 1ULL << 19, false);
	stream_join(&stream, T, G, 600, 5000);
	stream_heartbeat(&stream);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 2048,
		    (const struct stream_page[]){
			    { 70, 0, 1, DEVIATES },
			    { 600, 5000, 1, RECORD_PAGE_RESIDENT | RECORD_PAGE_PRESENT },
			    { 1030, 0, 1, DEVIATES } },
		    3);
	feed();
	expect_reread(64, 64);
	expect_reread(1024, 64);
	expect_no_reread();
	assert_true(model_unsettled(stream.model));
}

/* Of one that is dead nothing can be read. */
static void test_reread_dead(void **state)
{
	static const __u64 one[] = { 17 };

	(void)state;
	suspect(one, 1);
	stream_join(&stream, T, G, 9000, 9000);
	stream_inode_dead(&stream, G);
	feed();
	assert_false(inode_of(G)->resident == 0);
	expect_no_reread();
	assert_false(model_unsettled(stream.model));
}

/* Page 0 cannot settle, or its chunk cannot be read: @reads reads of it, where @max are made. */
static void unsettled(bool fails, __u32 reads, __u32 max)
{
	const struct model_options options = { .rereads_max = max, .stuck_ns = 1 };

	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, 0, false);
	for (__u32 pass = 0; pass < reads; pass++) {
		struct record_snapshot *end;

		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64,
			    &(struct stream_page){ 0, 100, 1, PRESENT_BITS }, 1);
		end = last_record(sizeof(*end));
		end->result = fails && pass ? -5 : 0;
	}
	stream.now += MS;
	feed_with(&options);
	assert_int_equal(watch.stuck_nr, 1);
	assert_int_equal(watch.counts.chunks_failed, fails ? reads - 1 : 0);
}

/* Again and again, up to the limit and no further. */
static void test_reread_limit(void **state)
{
	struct model_reread reread;

	(void)state;
	for (int fails = 0; fails < 2; fails++) {
		unsettled(fails, 3, 4);
		assert_true(model_unsettled(stream.model));
		assert_true(model_next_reread(stream.model, &reread));
		unsettled(fails, 4, 4);
		assert_false(model_unsettled(stream.model));
		expect_no_reread();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_order),
		RULE_TEST(test_much),
		RULE_TEST(test_flushes_wait),
		RULE_TEST(test_backlog),
		RULE_TEST(test_now),
		RULE_TEST(test_finished_once),
		RULE_TEST(test_watermark_back),
		RULE_TEST(test_overlap),
		RULE_TEST(test_read_of_part),
		RULE_TEST(test_read_behind),
		RULE_TEST(test_said_twice),
		RULE_TEST(test_resident_next),
		RULE_TEST(test_reread),
		RULE_TEST(test_reread_bounds),
		RULE_TEST(test_reread_dead),
		RULE_TEST(test_reread_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
