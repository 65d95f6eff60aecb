// SPDX-License-Identifier: GPL-2.0
/* When a read counts: settled, by whom, and what is learned from it; and what a look at nothing costs. */
#include "watch.h"

static void read_live(const struct stream_page *pages, size_t nr)
{
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, pages, nr);
}

/* --- settled ----------------------------------------------------------------------------------- */

/* How many pages of the last read were settled. */
static __u64 settled_at(__u64 begin)
{
	__u64 nr = 0;

	for (size_t i = 0; i < watch.read_nr; i++)
		nr += watch.read[i].begin == begin && watch.read[i].settled ? watch.read[i].nr : 0;
	return nr;
}

/* An open request unsettles what it asks for, be the chunk alike, apart, or the gigabyte empty. */
static void test_open(void **state)
{
	static const struct stream_page pages[] = { { 600, 5000, 1, PRESENT_BITS } };
	__u64 begin;

	(void)state;
	for (int resident = 0; resident < 2; resident++) {
		anew();
		stream_inode(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, 1024, false);
		stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 100, 109, false);
		begin = stream.now;
		stream_read(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, true, RECORD_SNAPSHOT_LIVE, 0,
			    0, 1024, pages, resident);
		feed();
		assert_int_equal(settled_at(begin), 1024 - 10);
	}
}

/* A chunk that is only now told apart knows what touched it when it was not. */
static void test_born_touched(void **state)
{
	struct record_snapshot bracket = {
		.header = { .size = sizeof(bracket), .inode = G },
		.pgoff_nr = 512,
		.origin = RECORD_SNAPSHOT_LIVE,
		.provider = RFC3,
		.snapshot = 1,
	};

	(void)state;
	stream_inode(&stream, G, RFC3, 512, false);
	stream_heartbeat(&stream);
	bracket.header.kind = RECORD_SNAPSHOT_BEGIN;
	bracket.header.time = stream.now;
	stream_add(&stream, &bracket.header);
	/* It splits the gigabyte; then all of the chunk is touched, and then it is born. */
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 511, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 511, true);
	stream_join(&stream, T, G, 7, 107);
	bracket.header.kind = RECORD_SNAPSHOT_END;
	bracket.header.time = stream.now;
	stream_add(&stream, &bracket.header);
	feed();
	assert_true(watch.read_nr > 0);
	assert_int_equal(settled_at(watch.read[0].begin), 0);
}

static void bracket_of(__u16 kind, __u64 snapshot)
{
	struct record_snapshot record = {
		.header = { .kind = kind, .size = sizeof(record), .time = stream.now, .inode = G },
		.pgoff_nr = 64,
		.origin = RECORD_SNAPSHOT_LIVE,
		.provider = RFC3,
		.snapshot = snapshot,
	};

	stream_add(&stream, &record.header);
}

/*
 * Of three reads the first is the longest: what was touched between the second's end and the
 * third's begin is forgotten then, and so the first is not settled.
 */
static void test_three_reads(void **state)
{
	__u64 begin;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_heartbeat(&stream);
	begin = stream.now;
	bracket_of(RECORD_SNAPSHOT_BEGIN, 1);
	bracket_of(RECORD_SNAPSHOT_BEGIN, 2);
	bracket_of(RECORD_SNAPSHOT_END, 2);
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	bracket_of(RECORD_SNAPSHOT_BEGIN, 3);
	bracket_of(RECORD_SNAPSHOT_END, 1);
	bracket_of(RECORD_SNAPSHOT_END, 3);
	feed();
	assert_int_equal(settled_at(begin), 0);
}

/* A read whose begin is told of late does not know what touched its pages since. */
static void test_late_begin(void **state)
{
	__u64 begin;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_heartbeat(&stream);
	begin = stream.now;
	stream.now += MS;
	stream_zap(&stream, T, G, 0, 100, 1, false, 0);
	stream_heartbeat(&stream);
	stream.now = begin;
	bracket_of(RECORD_SNAPSHOT_BEGIN, 1);
	stream.now = begin + 3 * MS;
	bracket_of(RECORD_SNAPSHOT_END, 1);
	feed();
	assert_int_equal(settled_at(begin), 63);
}

/* A run that joins, or leaves, is told of late, while its chunk is read. */
static void moved_late(__u16 kind)
{
	struct record_owner *record;
	__u64 begin;

	anew();
	stream_inode(&stream, G, RFC3, 512, false);
	if (kind == RECORD_LEAVE) {
		stream_join(&stream, T, G, 0, 4096);
		((struct record_owner *)last_record(sizeof(*record)))->nr = 512;
	}
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 600, 600, false);
	stream_heartbeat(&stream);
	begin = stream.now + MS;
	stream.now = begin;
	bracket_of(RECORD_SNAPSHOT_BEGIN, 1);
	((struct record_snapshot *)last_record(sizeof(struct record_snapshot)))->pgoff_nr = 512;
	stream_heartbeat(&stream);
	if (kind == RECORD_LEAVE)
		stream_leave(&stream, T, 4096);
	else
		stream_join(&stream, T, G, 0, 4096);
	record = last_record(sizeof(*record));
	record->header.time = begin - MS / 2;
	record->nr = 512;
	bracket_of(RECORD_SNAPSHOT_END, 1);
	((struct record_snapshot *)last_record(sizeof(struct record_snapshot)))->pgoff_nr = 512;
	feed();
	assert_true(watch.read_nr > 0);
	assert_int_equal(settled_at(begin), 0);
}

static void test_moved_late(void **state)
{
	(void)state;
	moved_late(RECORD_JOIN);
	moved_late(RECORD_LEAVE);
}

/* --- which reads count ----------------------------------------------------------------------------- */

static void test_read_of_dead(void **state)
{
	struct stream_page page = { 0, 100, 1, ABSENT_BITS };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_inode_dead(&stream, G);
	read_live(&page, 1);
	feed();
	assert_int_equal(inode_of(G)->resident, 1);
	assert_int_equal(watch.counts.chunks, 0);
	assert_int_equal(watch.read_nr, 0);
}

static void test_read_failed(void **state)
{
	struct stream_page page = { 0, 100, 1, ABSENT_BITS };
	struct record_snapshot *end;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	read_live(&page, 1);
	end = last_record(sizeof(*end));
	end->result = -5;
	feed();
	assert_int_equal(watch.counts.chunks_failed, 1);
	assert_int_equal(watch.read_nr, 0);
	assert_int_equal(inode_of(G)->compared, 0);
	/* Of which nothing was known. */
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	read_live(NULL, 0);
	((struct record_snapshot *)last_record(sizeof(struct record_snapshot)))->result = -5;
	feed();
	assert_int_equal(watch.counts.chunks_failed, 1);
}

/* --- what is learned --------------------------------------------------------------------------------- */

/* Page 0 is read with @pfn behind it, twice; nothing told of its coming or going. */
static void unexplained(enum record_provider provider, bool before, __u64 joined, __u64 pfn,
			__u64 expected)
{
	__u32 bits = provider == RECORD_PROVIDER_GMEM_PLAIN ? PRESENT_BITS : ABSENT_BITS;
	struct stream_page page = { 0, pfn, 1, bits };

	anew();
	stream_inode(&stream, G, provider, 64, before);
	if (joined) {
		stream_join(&stream, T, G, 0, joined);
		stream_zap_flush(&stream, T, G, 0, joined, 1, joined, joined);
	}
	stream_heartbeat(&stream);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, provider, provider == RECORD_PROVIDER_GMEM_PLAIN,
			    RECORD_SNAPSHOT_LIVE, pass, 0, 64, &page, pfn != 0);
	feed();
	assert_int_equal(watch.counts.unexplained, expected);
	assert_int_equal(page_at(G, 0).resident, pfn != 0);
	if (pfn)
		assert_int_equal(page_at(G, 0).pfn, pfn);
	assert_int_equal(inode_of(G)->resident, pfn != 0);
}

static void test_unexplained(void **state)
{
	(void)state;
	unexplained(RFC3, false, 100, 100, 0);
	unexplained(RFC3, false, 0, 100, 1);
	unexplained(RFC3, false, 100, 200, 1);
	unexplained(RFC3, false, 100, 0, 1);
	/* What was there before the sensors were is only met. */
	unexplained(RFC3, true, 0, 100, 0);
	/* These tell of no joins, or of no leaves. */
	unexplained(SECRET, false, 0, 100, 0);
	unexplained(RECORD_PROVIDER_GMEM_PLAIN, false, 0, 100, 0);
}

/* A read that does not know teaches nothing. */
static void test_not_learned(void **state)
{
	struct stream_page page = {
		0, 100, 1, ABSENT_BITS | RECORD_PAGE_APPLIED_UNKNOWN | RECORD_PAGE_POISONED
	};

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_heartbeat(&stream);
	read_live(&page, 1);
	feed();
	assert_int_equal(page_at(G, 0).applied, MODEL_ABSENT);
	assert_true(page_at(G, 0).poisoned);
	/* Nor one of a kind that has no xarray, of what was asked for. */
	anew();
	stream_inode(&stream, G, RECORD_PROVIDER_UNKNOWN, 64, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 0, true);
	stream_join(&stream, T, G, 0, 100);
	stream_heartbeat(&stream);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RECORD_PROVIDER_UNKNOWN, true, RECORD_SNAPSHOT_LIVE, pass,
			    0, 64, &(struct stream_page){ 0, 100, 1, PRESENT_BITS }, 1);
	feed();
	assert_int_equal(page_at(G, 0).declared, MODEL_PRESENT);
}

/* A run that is taken over as a whole is; one that cannot be, page by page. */
static void taken_over(__u64 pages, __u64 other, bool zapped)
{
	struct stream_page run = { 0, 4096, (__u32)pages, ABSENT_BITS };

	anew();
	stream_inode(&stream, 8, SECRET, 64, false);
	stream_inode(&stream, G, SECRET, pages, false);
	if (other)
		stream_join(&stream, T, 8, 0, other);
	if (zapped)
		stream_zap(&stream, T, 0, 0, 4100, 1, false, 0);
	stream_heartbeat(&stream);
	stream_read(&stream, G, SECRET, false, RECORD_SNAPSHOT_LIVE, 0, 0, pages, &run, 1);
	feed();
	assert_int_equal(inode_of(G)->resident, pages);
	assert_int_equal(inode_of(G)->absent, pages);
	assert_int_equal(inode_of(G)->zapped, zapped);
	assert_int_equal(inode_of(8)->resident, 0);
	for (__u64 i = 0; i < pages; i += 7) {
		assert_int_equal(page_at(G, i).pfn, 4096 + i);
		assert_true(page_at(G, i).prepared);
		assert_true(page_at(G, i).sure);
	}
}

static void test_taken_over(void **state)
{
	(void)state;
	taken_over(512, 0, false);
	taken_over(100, 0, false);
	taken_over(512, 4100, false);
	taken_over(512, 0, true);
}

/* What is declared of an inode that began unknown is learned from the second read, not the first. */
static void declared_after(int reads, __u64 pages, const struct stream_page *page, size_t nr,
			   enum model_state declared)
{
	anew();
	stream_inode(&stream, G, RFC3, pages, true);
	for (int i = 0; i < reads; i++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0,
			    pages < 4096 ? pages : RECORD_SNAPSHOT_EMPTY, page, nr);
	feed();
	assert_int_equal(page_at(G, 0).declared, declared);
	/* And of its neighbours. */
	assert_int_equal(page_at(G, 101).declared, declared);
	assert_int_equal(page_at(G, 108).declared, declared);
}

/* Where a bit in the folio says it, it changes without a request, and none is learned. */
static void test_not_declared(void **state)
{
	static const __u64 sizes[] = { 512, RECORD_SNAPSHOT_EMPTY };
	static const struct stream_page page = { 0, 100, 1,
						 RECORD_PAGE_RESIDENT | RECORD_PAGE_PRESENT };

	(void)state;
	for (int i = 0; i < 3; i++) {
		__u64 pages = sizes[i == 2];

		anew();
		stream_inode(&stream, G, RECORD_PROVIDER_FOLIO_BIT, pages, true);
		((struct record_inode *)last_record(sizeof(struct record_inode)))->default_state =
			1;
		for (__u32 pass = 0; pass < 2; pass++)
			stream_read(&stream, G, RECORD_PROVIDER_FOLIO_BIT, true,
				    RECORD_SNAPSHOT_LIVE, pass, 0, pages, &page, i == 1);
		feed();
		assert_int_equal(watch.counts.malformed, 0);
		assert_int_equal(inode_of(G)->compared, pages);
		assert_int_equal(page_at(G, 0).declared, MODEL_EITHER);
	}
}

static void test_declared_learned(void **state)
{
	static const struct stream_page some = { 100, 5000, 10, ABSENT_BITS };
	static const struct stream_page all = { 0, 4096, 512, ABSENT_BITS };

	(void)state;
	for (int reads = 1; reads < 3; reads++) {
		enum model_state declared = reads == 1 ? MODEL_EITHER : MODEL_ABSENT;

		declared_after(reads, 512, &some, 1, declared);
		declared_after(reads, 512, &all, 1, declared);
		declared_after(reads, 512, NULL, 0, declared);
		declared_after(reads, RECORD_SNAPSHOT_EMPTY, NULL, 0, declared);
	}
}

/* Read a second time beside one that is read for the first: sure, as the other is not yet. */
static void test_seen_beside_unseen(void **state)
{
	static const struct stream_page pages[] = { { 1, 101, 7, PRESENT_BITS },
						    { 0, 100, 8, PRESENT_BITS } };

	(void)state;
	stream_inode(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, 64, true);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, true, RECORD_SNAPSHOT_LIVE,
			    pass, 1 - pass, 63 + pass, pages + pass, 1);
	feed();
	assert_false(page_at(G, 0).sure);
	for (__u64 i = 1; i < 8; i++)
		assert_true(page_at(G, i).sure);
}

/* --- gigabytes of nothing ------------------------------------------------------------------------------ */

#define REGION (1ULL << 18)

static void read_region(__u64 first, __u64 nr)
{
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, first, nr, NULL, 0);
}

/* What is empty costs nothing, and is compared; so do whole chunks of pages alike. */
static void test_empty_is_cheap(void **state)
{
	__u64 before;

	(void)state;
	stream_inode(&stream, G, RFC3, 64 * REGION + 100, false);
	read_region(0, 512);
	feed();
	before = watch.counts.memory;
	anew();
	stream_inode(&stream, G, RFC3, 64 * REGION + 100, false);
	read_region(0, 512);
	for (__u64 i = 1; i < 64; i++) {
		read_region(i * REGION, REGION);
		stream_heartbeat(&stream);
	}
	read_region(64 * REGION, 100);
	feed();
	assert_int_equal(inode_of(G)->compared, 512 + 63 * REGION + 100);
	assert_true(watch.counts.memory < before + 16384);
}

/* As a reader tells of a chunk: in blocks. */
static void read_chunk(__u64 chunk, bool blocks)
{
	struct stream_page pages[8];

	for (__u64 i = 0; i < 8; i++)
		pages[i] = (struct stream_page){ chunk * 512 + i * 64, ((chunk + 1) << 12) + i * 64,
						 64, ABSENT_BITS };
	pages[0].nr = blocks ? 64 : 512;
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, chunk * 512, 512, pages,
		    blocks ? 8 : 1);
}

static __u64 memory_of_chunks(__u64 nr, bool blocks)
{
	anew();
	stream_inode(&stream, G, RFC3, REGION, false);
	for (__u64 i = 0; i < nr; i++) {
		stream_join(&stream, T, G, i * 512, (i + 1) << 12);
		((struct record_owner *)last_record(sizeof(struct record_owner)))->nr = 512;
		stream_zap(&stream, T, G, i * 512, (i + 1) << 12, 512, false, 0);
		stream_heartbeat(&stream);
	}
	for (__u64 i = 0; i < nr; i++) {
		read_chunk(i, blocks);
		stream_heartbeat(&stream);
	}
	feed_with(&(struct model_options){ .events_kept = 1024 });
	assert_int_equal(inode_of(G)->compared, nr * 512);
	assert_int_equal(inode_of(G)->absent, nr * 512);
	return watch.counts.memory;
}

static void test_alike_is_cheap(void **state)
{
	(void)state;
	for (int blocks = 0; blocks < 2; blocks++)
		assert_true(memory_of_chunks(66, blocks) < memory_of_chunks(2, blocks) + 64 * 1024);
}

/* Nor does what was asked for of what is not there. */
static __u64 memory_of_asked(__u64 nr)
{
	anew();
	stream_inode(&stream, G, RFC3, REGION, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, nr * 512 - 1, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, nr * 512 - 1, true);
	stream_heartbeat(&stream);
	for (__u64 i = 0; i < nr; i++) {
		struct stream_page pages[8];

		for (__u64 j = 0; j < 8; j++)
			pages[j] = (struct stream_page){ i * 512 + j * 64, 0, 64, DEVIATES };
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, i * 512, 512, pages,
			    8);
		stream_heartbeat(&stream);
	}
	feed_with(&(struct model_options){ .events_kept = 1024 });
	assert_int_equal(inode_of(G)->compared, nr * 512);
	return watch.counts.memory;
}

static void test_asked_is_cheap(void **state)
{
	(void)state;
	assert_true(memory_of_asked(66) < memory_of_asked(2) + 16 * 1024);
}

/* One in which something was asked for, is asked for, or was not recorded, is looked at closely. */
static void test_empty_and_asked(void **state)
{
	__u64 begin;

	(void)state;
	stream_inode(&stream, G, RFC3, REGION, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, ~0ULL, true);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, ~0ULL, true);
	read_region(0, REGION);
	feed();
	/* The xarray does not say so. */
	assert_int_equal(watch.read[0].differs, MODEL_DIFFERS_DECLARED);
	assert_int_equal(inode_of(G)->uncompared + model_pages_uncompared(stream.model), 0);
	assert_true(model_unsettled(stream.model));
	anew();
	stream_inode(&stream, G, RFC3, REGION, false);
	read_region(0, REGION);
	stream_begin(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, ~0ULL, true);
	begin = stream.now;
	bracket_of(RECORD_SNAPSHOT_BEGIN, 7);
	((struct record_snapshot *)last_record(sizeof(struct record_snapshot)))->pgoff_nr = REGION;
	stream_end(&stream, T, G, RECORD_OPERATION_FALLOCATE, 0, ~0ULL, true);
	bracket_of(RECORD_SNAPSHOT_END, 7);
	((struct record_snapshot *)last_record(sizeof(struct record_snapshot)))->pgoff_nr = REGION;
	feed();
	assert_int_equal(settled_at(begin), 0);
}

/* Of two reads at the same time the first is compared: what was touched is known from its begin on. */
static void test_first_of_two_at_once(void **state)
{
	const struct stream_page page = { 0, 100, 1, ABSENT_BITS };
	struct record_snapshot *begin;
	size_t second;

	(void)state;
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_heartbeat(&stream);
	stream.now += MS;
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, &page, 1);
	second = stream.used;
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 1, 0, 64, &page, 1);
	begin = (struct record_snapshot *)(stream.data + second);
	begin->header.time -= 2000; /* ns: before the end of the first */
	feed();
	assert_int_equal(inode_of(G)->compared, 64);
}

/* Pages far from what is said to be read: a read of single pages of another part of the inode has none of them. */
static void test_read_elsewhere(void **state)
{
	const __u64 first = 1ULL << 22;
	const struct stream_page pages[] = {
		{ first + 3, 100, 1, ABSENT_BITS },
		{ first + 1, 300, 1, ABSENT_BITS },
		{ 0, 500, 1, ABSENT_BITS },
		{ MODEL_PGOFF_MAX - 1, 700, 1, ABSENT_BITS },
	};

	(void)state;
	anew();
	stream_inode(&stream, G, RFC3, 1ULL << 23, false);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, first, 64, pages, 4);
	feed();
	assert_int_equal(inode_of(G)->compared, 64);
	assert_true(page_at(G, first + 3).resident);
	assert_true(page_at(G, first + 1).resident);
	assert_false(page_at(G, 0).resident);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_open),
		RULE_TEST(test_born_touched),
		RULE_TEST(test_three_reads),
		RULE_TEST(test_late_begin),
		RULE_TEST(test_moved_late),
		RULE_TEST(test_read_of_dead),
		RULE_TEST(test_read_failed),
		RULE_TEST(test_unexplained),
		RULE_TEST(test_not_learned),
		RULE_TEST(test_taken_over),
		RULE_TEST(test_not_declared),
		RULE_TEST(test_declared_learned),
		RULE_TEST(test_seen_beside_unseen),
		RULE_TEST(test_empty_is_cheap),
		RULE_TEST(test_alike_is_cheap),
		RULE_TEST(test_asked_is_cheap),
		RULE_TEST(test_empty_and_asked),
		RULE_TEST(test_first_of_two_at_once),
		RULE_TEST(test_read_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
