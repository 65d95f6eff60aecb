// SPDX-License-Identifier: GPL-2.0
/*
 * A run of pages is what its pages are, one by one: histories of runs, drawn at
 * random, leave the same as the same histories told page by page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "stream.h"

#define PAGES 4000 /* of an inode */
#define PFNS 6000
#define PFN 2048 /* the first */
#define FOLIO_MAX 2048
#define INODES 2
#define SEEDS 1000

static unsigned long long dice;

static __u64 draw(__u64 below)
{
	dice = dice * 6364136223846793005ULL + 1442695040888963407ULL;
	return (dice >> 33) % below;
}

/* A length and a place: often whole chunks. */
static __u64 draw_run(__u64 *at, __u64 below)
{
	static const __u64 lengths[] = { 1, 7, 512, 1024, 1500, 2048 };
	__u64 nr = lengths[draw(6)];

	*at = draw(2) ? draw((below - nr) / 512 + 1) * 512 : draw(below - nr);
	return nr;
}

/* A size and a place that a folio may have. */
static __u64 draw_folio(__u64 *pgoff, __u64 *pfn)
{
	static const __u64 sizes[] = { 1, 4, 256, 512, 1024, FOLIO_MAX };
	__u64 nr = sizes[draw(6)];

	*pgoff = draw(PAGES / nr) * nr;
	*pfn = PFN + draw(PFNS / nr) * nr;
	return nr;
}

static struct stream whole, split;

static void add_both(struct record_header *record)
{
	record->time = whole.now;
	stream_add(&whole, record);
	stream_add(&split, record);
}

static void add_owner(__u16 kind, __u64 inode, __u64 pgoff, __u64 pfn, __u64 nr)
{
	struct record_owner record = {
		.header = { .kind = kind,
			    .size = sizeof(record),
			    .tid = 7,
			    .time = whole.now,
			    .inode = inode },
		.page = pfn,
		.pgoff = pgoff,
		.nr = (__u32)nr,
		.prepared = (__u32)draw(2),
	};

	stream_add(&whole, &record.header);
	record.nr = 1;
	for (__u64 i = 0; i < nr; i++, record.page++, record.pgoff++)
		stream_add(&split, &record.header);
}

/* They leave as folios do: each at a multiple of its size. */
static void add_leave(__u64 pfn, __u64 nr)
{
	for (__u64 size; nr; pfn += size, nr -= size) {
		for (size = FOLIO_MAX; size > nr || pfn % size; size /= 2)
			;
		add_owner(RECORD_LEAVE, 0, 0, pfn, size);
	}
}

static void add_zap(__u64 pfn, __u64 nr, bool valid, __s32 result)
{
	struct record_zap record = {
		.header = { .kind = RECORD_ZAP,
			    .size = sizeof(record),
			    .tid = 7,
			    .time = whole.now },
		.page = pfn,
		.nr = (__u32)nr,
		.result = result,
		.zap_end = whole.now,
		.valid = valid,
		.routine = RECORD_ZAP_VALID,
	};

	stream_add(&whole, &record.header);
	record.nr = 1;
	for (__u64 i = 0; i < nr; i++, record.page++)
		stream_add(&split, &record.header);
}

static void add_flush(__u64 first, __u64 nr)
{
	struct record_flush record = {
		.header = { .kind = RECORD_FLUSH, .size = sizeof(record), .tid = 8 },
		.begin = whole.now,
		.first = first,
		.last = first + nr - 1,
		.routine = RECORD_FLUSH_RANGE,
		.full = draw(3) == 0,
	};

	add_both(&record.header);
}

static void add_request(__u64 inode, __u64 first, __u64 nr)
{
	struct record_request record = {
		.header = { .kind = RECORD_REQUEST_BEGIN,
			    .size = sizeof(record),
			    .tid = 9,
			    .inode = inode },
		.pgoff_first = first,
		.pgoff_last = first + nr - 1,
		.operation = draw(2) ? RECORD_OPERATION_CONFIGURE : RECORD_OPERATION_SET_RANGE,
		.state = (__u32)draw(2),
	};

	add_both(&record.header);
	whole.now += 100;
	record.header.kind = RECORD_REQUEST_END;
	add_both(&record.header);
}

/* A request of the zapping task's, of no inode. */
static void begin_request(void)
{
	struct record_request record = {
		.header = { .kind = RECORD_REQUEST_BEGIN, .size = sizeof(record), .tid = 7 },
		.operation = RECORD_OPERATION_FALLOCATE,
	};

	add_both(&record.header);
}

static void add_read(__u64 inode, __u64 first, __u64 nr, __u64 pfn)
{
	struct record_snapshot bracket = {
		.header = { .kind = RECORD_SNAPSHOT_BEGIN,
			    .size = sizeof(bracket),
			    .inode = inode },
		.pgoff_first = first & ~511ULL,
		.pgoff_nr = 2048,
		.inode_pages = PAGES,
		.origin = RECORD_SNAPSHOT_LIVE,
		.provider = RECORD_PROVIDER_RFC3,
		.snapshot = whole.now,
	};
	struct record_snapshot_page page = {
		.header = { .kind = RECORD_SNAPSHOT_PAGE, .size = sizeof(page), .inode = inode },
		.pgoff = first & ~511ULL,
		.pfn = pfn,
		.nr = (__u32)nr,
		.bits = RECORD_PAGE_RESIDENT | RECORD_PAGE_PREPARED,
		.snapshot = whole.now,
	};

	if (draw(2))
		page.bits |= RECORD_PAGE_PRESENT | RECORD_PAGE_DEVIATES;
	add_both(&bracket.header);
	whole.now += 100;
	page.header.time = whole.now;
	stream_add(&whole, &page.header);
	/* Backwards, so that the pages are not put together again. */
	page.nr = 1;
	for (__u64 i = nr; i > 0; i--) {
		page.pgoff = (first & ~511ULL) + i - 1;
		page.pfn = pfn + i - 1;
		stream_add(&split, &page.header);
	}
	bracket.header.kind = RECORD_SNAPSHOT_END;
	add_both(&bracket.header);
}

static void step(void)
{
	__u64 inode = 1 + draw(INODES), pgoff, pfn, nr, other = draw_run(&pfn, PFNS);

	nr = draw_run(&pgoff, PAGES);
	whole.now += 1000;
	switch (draw(8)) {
	case 0:
	case 1:
	case 2:
		nr = draw_folio(&pgoff, &pfn);
		/* No page is in two places at once. */
		add_owner(RECORD_LEAVE, 0, 0, pfn, nr);
		whole.now++;
		add_owner(RECORD_JOIN, inode, pgoff, pfn, nr);
		break;
	case 3:
		add_zap(PFN + pfn, other, draw(2), draw(8) ? 0 : -12);
		break;
	case 4:
		add_leave(PFN + pfn, other);
		break;
	case 5:
		add_flush(PFN + pfn, other);
		break;
	case 6:
		add_request(inode, pgoff, nr);
		break;
	default:
		add_leave(PFN + pfn, nr);
		whole.now++;
		add_read(inode, pgoff, nr, PFN + pfn);
		break;
	}
}

/* The streams are of one sensor: what is younger comes later in both. */
static void heartbeat(void)
{
	struct record_heartbeat record = {
		.header = { .kind = RECORD_HEARTBEAT, .size = sizeof(record) },
	};

	record.watermark = whole.now += 10;
	add_both(&record.header);
}

static struct model *judge(const struct stream *stream)
{
	struct model *model = model_create(NULL);

	for (size_t at = 0; at < stream->used;) {
		const struct record_header *record = (const void *)(stream->data + at);

		model_feed(model, record);
		at += record->size;
	}
	return model;
}

static void compare_inode(const struct model *left, const struct model *right, __u64 number)
{
	const struct model_inode *a = model_inode_find(left, number);
	const struct model_inode *b = model_inode_find(right, number);

	assert_int_equal(a->resident, b->resident);
	assert_int_equal(a->absent, b->absent);
	assert_int_equal(a->exposed, b->exposed);
	assert_int_equal(a->compared, b->compared);
	assert_int_equal(a->transitions, b->transitions);
	for (__u64 pgoff = 0; pgoff < PAGES; pgoff++) {
		struct model_page p, q;

		model_page(left, a, pgoff, &p);
		model_page(right, b, pgoff, &q);
		expect_same_page(&p, &q);
	}
}

static void compare_owners(const struct model *left, const struct model *right)
{
	for (__u64 pfn = 0; pfn < PFNS + 4096; pfn++) {
		const struct model_inode *a, *b;
		__u64 p, q;

		assert_int_equal(model_owner(left, pfn, &a, &p), model_owner(right, pfn, &b, &q));
		if (!a)
			continue;
		assert_int_equal(a->number, b->number);
		assert_int_equal(p, q);
	}
}

/* Both streams, of a history of @steps. */
static void draw_history(unsigned int seed, int steps)
{
	dice = seed;
	stream_init(&whole);
	stream_init(&split);
	for (__u64 inode = 1; inode <= INODES; inode++) {
		stream_inode(&whole, inode, RECORD_PROVIDER_RFC3, PAGES, false);
		stream_inode(&split, inode, RECORD_PROVIDER_RFC3, PAGES, false);
	}
	/* Outside of a request a zap of one page may be somebody's who is met later. */
	begin_request();
	for (int i = 0; i < steps; i++) {
		step();
		if (!draw(4))
			heartbeat();
	}
	heartbeat();
}

static void compare_models(const struct model *left, const struct model *right)
{
	struct model_counts a, b;

	model_count(left, &a);
	model_count(right, &b);
	assert_int_equal(a.transitions, b.transitions);
	assert_int_equal(a.pages_read, b.pages_read);
	assert_int_equal(a.pages_unsettled, b.pages_unsettled);
	/* Where a request covers a part of pages that are alike, it may have changed all of them: never fewer. */
	assert_true(model_pages_uncompared(left) >= model_pages_uncompared(right));
	for (__u64 inode = 1; inode <= INODES; inode++)
		compare_inode(left, right, inode);
	compare_owners(left, right);
}

/* Short ones leave most pages alike to the end, long ones nearly none. */
static void test_runs_are_their_pages(void **state)
{
	const char *text = getenv("RUNS_SEEDS");
	unsigned int seeds = text ? (unsigned int)atoi(text) : SEEDS;

	(void)state;
	for (unsigned int seed = 1; seed <= seeds; seed++) {
		struct model *left, *right;

		draw_history(seed, seed % 2 ? 60 : 6);
		left = judge(&whole);
		right = judge(&split);
		compare_models(left, right);
		model_free(left);
		model_free(right);
		stream_free(&whole);
		stream_free(&split);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_runs_are_their_pages) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
