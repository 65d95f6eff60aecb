// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation fails once: nothing crashes, nobody is accused for it, and nothing is green.
 * The C library's are taken over here, for the model, the rules and all that they call.
 */
#include "model/state.h"
#include "scene.h"

/* The sanitizers have taken them over already. */
#ifdef __SANITIZE_ADDRESS__
int main(void)
{
	return 0;
}
#else

#include "allocation.h"

static size_t ids_max; /* of chunks; 0: as many as there are */

/* Feeds all of it with the allocation at @at failing. What there is then may be judged. */
static void feed(unsigned long at, bool on)
{
	allocations = 0;
	fail_at = at;
	fail_on = on;
	failed = false;
	counting = true;
	stream.model = model_create(NULL);
	if (stream.model)
		stream.verdict = verdict_create(stream.model, NULL);
	if (stream.model && ids_max)
		stream.model->chunk_ids_max = ids_max;
	for (size_t offset = 0; stream.model && offset < stream.used;) {
		const struct record_header *record = (const void *)(stream.data + offset);

		model_feed(stream.model, record);
		offset += record->size;
	}
	if (stream.model)
		model_finish(stream.model);
	counting = false;
}

static void forget(void)
{
	verdict_free(stream.verdict);
	model_free(stream.model);
	stream.verdict = NULL;
	stream.model = NULL;
}

static enum verdict_value value(void)
{
	return stream.verdict ? verdict_value(stream.verdict) : VERDICT_INCONCLUSIVE;
}

/* Page 0 and those behind it are bound to frame 0x100. */
static void bound(void)
{
	static const struct stream_promise promises[] = { { 0, 4, 0x100, true },
							  { 4, 4, 0x104, false } };

	stream_promise(&stream, T, G, RECORD_PROMISE_BIND, 0x100, 64, 0, false, 0);
	/* By a task that nobody has met. */
	stream_promise(&stream, T + 50, G, RECORD_PROMISE_BIND_BEGIN, 0x100, 64, 0, false, 0);
	stream_promise(&stream, T + 50, 0, RECORD_PROMISE_BIND_END, 0, 0, 0, false, 0);
	stream_promise(&stream, T, 0, RECORD_PROMISE_CONVERT_BEGIN, 0x100, 1, 0, true, 0);
	stream_promise(&stream, T, 0, RECORD_PROMISE_CONVERTED, 0, 0, 0, false, 0);
	stream_promise(&stream, T, 0, RECORD_PROMISE_CONVERT_END, 0, 0, 0, false, 0);
	stream.promises = promises;
	stream.promises_nr = 2;
}

/* Faults, conversions, a hole, a flush of everything, a memfd_secret, a slot, a release. */
static void history(bool faulty)
{
	struct stream_page pages[8];

	faulted(8);
	bound();
	convert(2, 3, 0, 0);
	stream_begin(&stream, T + 1, G, RECORD_OPERATION_SET_RANGE, 4, 5, true);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 4, 5, false);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 4, 5, false);
	stream_end(&stream, T + 1, G, RECORD_OPERATION_SET_RANGE, 4, 5, true);
	stream_fact(&stream, "command", "true");
	/* Met by what happens in it. */
	if (faulty) {
		stream_join(&stream, T, 12, 0, 777);
		/* Asked for before a page is there. */
		stream_inode(&stream, 5, RFC3, 1024, false);
		stream_begin(&stream, T, 5, RECORD_OPERATION_SET_RANGE, 1, 900, true);
		stream_end(&stream, T, 5, RECORD_OPERATION_SET_RANGE, 1, 900, true);
	}
	stream_inode(&stream, 9, SECRET, 64, false);
	stream_zap(&stream, T + 2, 0, 0, 900, 1, false, 0);
	stream_join(&stream, T + 2, 9, 0, 900);
	if (!faulty)
		stream_flush(&stream, T + 2, 0, 0, true);
	stream.now += faulty ? 61 * SECOND : 0;
	stream_heartbeat(&stream);
	pages_seen(pages, 0, 2, ABSENT_BITS);
	pages_seen(pages, 2, 4, PRESENT_BITS | DEVIATES);
	pages_seen(pages, 4, 8, ABSENT_BITS);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_RELEASE, pass, 0, 64, pages,
			    8);
	stream.promises_nr = 0;
	stream_read(&stream, 9, SECRET, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64,
		    &(struct stream_page){ 0, 900, 1, ABSENT_BITS }, 1);
	stream_finish(&stream);
}

/* A page in a place of its own, converted, and nothing taken before the end. */
static void one_batch(void)
{
	struct record_end end = {
		.header = { .kind = RECORD_END, .size = sizeof(end) },
	};

	stream_inode(&stream, G, RFC3, 4096, false);
	stream_join(&stream, T, G, 3000, 5000);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 3000, 3000, true);
	stream_zap(&stream, T, 0, 0, 5000, 1, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 3000, 3000, true);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 4096,
		    &(struct stream_page){ 3000, 5000, 1,
					   RECORD_PAGE_RESIDENT | RECORD_PAGE_PRESENT | DEVIATES },
		    1);
	end.header.time = stream.now;
	stream_add(&stream, &end.header);
}

/* A run of pages that joins, is configured and flushed. */
static void run_joins(__u64 pgoff, __u64 pfn, __u32 nr)
{
	struct record_owner *join;

	stream_join(&stream, T, G, pgoff, pfn);
	join = (struct record_owner *)(stream.data + stream.used - sizeof(*join));
	join->nr = nr;
	stream_begin(&stream, T, G, RECORD_OPERATION_CONFIGURE, pgoff, pgoff + nr - 1, false);
	stream_zap(&stream, T, G, pgoff, pfn, nr, false, 0);
	stream_flush(&stream, T, 0, 0, true);
	stream_end(&stream, T, G, RECORD_OPERATION_CONFIGURE, pgoff, pgoff + nr - 1, false);
}

/* Whole chunks and parts of them, told apart by a conversion; a batch that is out of order. */
static void runs(void)
{
	const __u32 converted = PRESENT_BITS | DEVIATES;
	const struct stream_page pages[] = {
		{ 0, 4096, 100, ABSENT_BITS }, { 100, 4196, 412, converted },
		{ 512, 0, 88, DEVIATES },      { 600, 8192, 4, converted },
		{ 604, 0, 97, DEVIATES },      { 1024, 16384, 512, ABSENT_BITS },
	};

	stream_inode(&stream, G, RFC3, 2048, false);
	stream_inode(&stream, 10, RFC3, 1024, false);
	stream_inode(&stream, 11, RFC3, 64, false);
	stream_inode(&stream, 12, SECRET, 64, false);
	stream_heartbeat(&stream);
	run_joins(0, 4096, 512);
	run_joins(600, 8192, 4);
	run_joins(1024, 16384, 512);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 100, 700, true);
	stream_zap(&stream, T, 0, 0, 4196, 412, true, 0);
	stream_zap(&stream, T, 0, 0, 8192, 4, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 100, 700, true);
	for (__u64 i = 0, now = stream.now + 30000; i < 30; i++) {
		stream.now = now - i * 1000;
		stream_flush(&stream, T + 1, 0, 0, true);
	}
	stream.now += MS;
	stream_heartbeat(&stream);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 2048, pages,
			    sizeof(pages) / sizeof(pages[0]));
	/* Read in part, as a whole, and with a page in it that nobody told of. */
	stream_read(&stream, 10, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, NULL, 0);
	stream_read(&stream, 11, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, NULL, 0);
	stream_read(&stream, 12, SECRET, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64,
		    &(struct stream_page){ 5, 900, 1, ABSENT_BITS }, 1);
	stream_finish(&stream);
}

/* More runs of pages of which the last word is somebody else's than a list of them takes. */
static void words(void)
{
	stream_inode(&stream, G, RFC3, 4096, false);
	stream_promise(&stream, T, G, RECORD_PROMISE_BIND, 0x100, 4096, 0, false, 0);
	for (__u64 i = 0; i < 200; i += 2) {
		stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, i, i, true);
		stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, i, i, true);
	}
	stream_finish(&stream);
}

static struct record_owner *folio_last(__u32 nr)
{
	struct record_owner *owner =
		(struct record_owner *)(stream.data + stream.used - sizeof(*owner));

	owner->nr = nr;
	return owner;
}

static void guest_mapped(__u64 pgoff)
{
	struct record_guest record = {
		.header = { .kind = RECORD_GUEST_MAPPED,
			    .size = sizeof(record),
			    .tid = T,
			    .inode = G,
			    .time = stream.now },
		.gfn = pgoff,
		.pgoff = pgoff,
		.nr = 1,
	};

	stream_add(&stream, &record.header);
}

#define PLAIN RECORD_PROVIDER_GMEM_PLAIN

/*
 * A change comes first of all. Of whole chunks that were alike parts are prepared, or leave; a guest gets a page;
 * a read is disturbed; and neighbours in memory are of more chunks than there are ids for.
 */
static void parts(void)
{
	const struct stream_page pages[] = { { 0, 4096, 512, ABSENT_BITS } };
	const struct stream_page left[] = { { 0, 8192, 8, PRESENT_BITS },
					    { 12, 8204, 500, PRESENT_BITS } };
	const struct stream_page spread[] = {
		{ 0, 700, 1, PRESENT_BITS },	{ 3, 703, 1, PRESENT_BITS },
		{ 513, 701, 1, PRESENT_BITS },	{ 516, 704, 1, PRESENT_BITS },
		{ 1026, 702, 1, PRESENT_BITS }, { 1029, 705, 1, PRESENT_BITS },
	};

	stream_zap(&stream, T + 1, 0, 0, 90, 1, false, 0);
	stream_flush(&stream, T + 1, 90, 90, false);
	stream_inode(&stream, G, RFC3, 512, false);
	stream_inode(&stream, 10, PLAIN, 512, false);
	stream_inode(&stream, 11, PLAIN, 2048, false);
	run_joins(0, 4096, 512);
	stream_heartbeat(&stream);
	stream_join(&stream, T, G, 8, 4104);
	folio_last(4)->prepared = RECORD_OWNER_PREPARED;
	guest_mapped(9);
	stream_join(&stream, T, 10, 0, 8192);
	folio_last(512)->prepared = RECORD_OWNER_PREPARED;
	stream_heartbeat(&stream);
	stream_leave(&stream, T, 8200);
	folio_last(4);
	for (__u64 i = 0; i < 6; i++)
		stream_join(&stream, T, 11, i % 3 * 512 + i, 700 + i);
	stream_heartbeat(&stream);
	stream_read_begin(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 512, pages, 1);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 3, 3, false);
	stream_read_end(&stream);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, 3, 3, false);
	stream_heartbeat(&stream);
	for (__u32 pass = 1; pass < 3; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 512, pages, 1);
	stream_read(&stream, 10, PLAIN, true, RECORD_SNAPSHOT_LIVE, 0, 0, 512, left, 2);
	stream_read(&stream, 11, PLAIN, true, RECORD_SNAPSHOT_LIVE, 0, 0, 2048, spread, 6);
	stream_finish(&stream);
}

/* Of a chunk whose pages are alike: one that was read but once shows whose it is. */
static void one_shown(void)
{
	const struct stream_page pages[] = { { 0, 4096, 512, ABSENT_BITS } };

	stream_inode(&stream, G, RFC3, 512, true);
	stream_heartbeat(&stream);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 512, pages, 1);
	stream.now += 3 * SECOND;
	stream_heartbeat(&stream);
	stream_zap(&stream, T, G, 5, 4101, 1, true, 0);
	stream_heartbeat(&stream);
	stream_finish(&stream);
}

/* One that joins absent with all others waits for a flush, as it was nobody's when it was made so. */
static void one_loose(void)
{
	stream_inode(&stream, 9, SECRET, 512, false);
	stream_zap(&stream, T, 0, 0, 4096, 5, false, 0);
	stream_zap(&stream, T, 0, 0, 4101, 1, false, 0);
	stream_zap(&stream, T, 0, 0, 4102, 506, false, 0);
	stream_join(&stream, T, 9, 0, 4096);
	folio_last(512);
	stream_flush(&stream, T, 0, 0, true);
	stream_heartbeat(&stream);
	stream_finish(&stream);
}

static void sweep(bool faulty)
{
	unsigned long total;

	feed(0, false);
	total = allocations;
	assert_int_equal(value(), faulty ? VERDICT_VIOLATED : VERDICT_CONSISTENT);
	forget();
	assert_true(total > 10);
	for (unsigned long at = 1; at <= total * 2; at++) {
		feed((at + 1) / 2, at % 2);
		assert_true(failed);
		assert_int_not_equal(value(), VERDICT_CONSISTENT);
		if (!faulty)
			assert_int_equal(value(), VERDICT_INCONCLUSIVE);
		forget();
	}
}

static void test_correct(void **state)
{
	(void)state;
	history(false);
	sweep(false);
}

static void test_one_batch(void **state)
{
	(void)state;
	one_batch();
	sweep(false);
}

static void test_runs(void **state)
{
	(void)state;
	runs();
	sweep(false);
}

static void test_parts(void **state)
{
	(void)state;
	parts();
	ids_max = 1;
	sweep(false);
	ids_max = 0;
}

/* There is no verdict either way. */
static void sweep_unjudged(void)
{
	unsigned long total;

	feed(0, false);
	total = allocations;
	forget();
	for (unsigned long at = 1; at <= total * 2; at++) {
		feed((at + 1) / 2, at % 2);
		assert_true(failed);
		assert_int_equal(value(), VERDICT_INCONCLUSIVE);
		forget();
	}
}

/* Nothing was read here. */
static void test_words(void **state)
{
	(void)state;
	words();
	sweep_unjudged();
}

static void test_one_of_many(void **state)
{
	(void)state;
	one_shown();
	sweep_unjudged();
	stream_free(&stream);
	stream_init(&stream);
	one_loose();
	sweep_unjudged();
}

static void test_faulty(void **state)
{
	(void)state;
	history(true);
	sweep(true);
}

/* More than a list has room for at first: page by page, of requests apart. */
static void missed(__u64 pages)
{
	faulted(pages);
	for (__u64 i = 0; i < pages; i++)
		convert(i, i, i, 1);
	stream_finish(&stream);
}

/* What cannot be listed is counted, and what is listed is summed up or not. */
static void test_lists(void **state)
{
	const __u64 pages = 40;

	(void)state;
	missed(pages);
	failed = true;
	for (unsigned long at = 1; failed; at++) {
		const struct verdict_pattern *pattern;
		__u64 listed;

		feed(0, false);
		allocations = 0;
		fail_at = at;
		counting = true;
		listed = verdict_violations(stream.verdict);
		pattern = verdict_pattern(stream.verdict, 0);
		counting = false;
		assert_int_equal(listed + verdict_unlisted(stream.verdict), pages);
		assert_true(failed || listed == pages);
		assert_true(failed || pattern);
		if (pattern)
			assert_int_equal(pattern->causes, listed);
		assert_int_equal(value(), VERDICT_VIOLATED);
		forget();
		assert_true(at < 100);
	}
}

/* So many events that there is to be room for all that are kept, and there is none. */
static void events(const struct model_options *little)
{
	struct record_zap zap = {
		.header = { .kind = RECORD_ZAP, .size = sizeof(zap), .tid = T },
		.page = 100,
		.nr = 1,
		.valid = 1,
	};
	struct record_heartbeat beat = {
		.header = { .kind = RECORD_HEARTBEAT, .size = sizeof(beat) },
	};
	struct model *model = model_create(little);
	__u64 now = 1;

	do {
		zap.zap_begin = now;
		zap.zap_end = zap.header.time = beat.header.time = beat.watermark = ++now;
	} while (now < 1 << 16 && !model_feed(model, &zap.header) &&
		 !model_feed(model, &beat.header));
	assert_in_range(now, 1 << 15, (1 << 16) - 1);
	model_free(model);
}

/* Of two limits the lower one counts. */
static void test_events(void **state)
{
	(void)state;
	events(&(struct model_options){ .memory_max = 4 << 20 });
	events(&(struct model_options){ .memory_max = 4 << 20, .memory_most = 1 << 30 });
	events(&(struct model_options){ .memory_max = 1 << 30, .memory_most = 4 << 20 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_correct), RULE_TEST(test_one_batch), RULE_TEST(test_runs),
		RULE_TEST(test_parts),	 RULE_TEST(test_words),	    RULE_TEST(test_one_of_many),
		RULE_TEST(test_faulty),	 RULE_TEST(test_lists),	    RULE_TEST(test_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
