// SPDX-License-Identifier: GPL-2.0
/* Records at the bounds of what can be: taken, or counted as malformed and not believed. */
#include "watch.h"

#define PFN_MAX (1ULL << 40)
#define FOLIO_MAX (1U << 18)
#define NUMBER_MAX 0xffffffffULL

/* --- inodes ------------------------------------------------------------------------------- */

static void met(__u64 number, __u64 pages)
{
	anew();
	stream_inode(&stream, number, RFC3, pages, false);
}

static void test_inode(void **state)
{
	(void)state;
	met(NUMBER_MAX, MODEL_PGOFF_MAX);
	expect_malformed(0);
	assert_int_equal(watch.counts.inodes, 1);
	met(NUMBER_MAX + 1, 64);
	expect_malformed(1);
	met(0, 64);
	expect_malformed(1);
	met(G, MODEL_PGOFF_MAX + 1);
	expect_malformed(1);
	assert_int_equal(watch.counts.inodes, 0);
}

/* Of what has such a number nothing is taken, and nothing is made up. */
static void test_number(void **state)
{
	(void)state;
	stream_join(&stream, T, NUMBER_MAX + 1, 0, 100);
	stream_begin(&stream, T, NUMBER_MAX + 1, RECORD_OPERATION_FALLOCATE, 0, 0, false);
	stream_zap(&stream, T, NUMBER_MAX + 1, 0, 100, 1, false, 0);
	expect_malformed(3);
	assert_int_equal(watch.counts.zaps, 0);
	assert_int_equal(watch.counts.requests, 0);
	assert_int_equal(watch.counts.inodes, 0);
	assert_null(model_inode_find(stream.model, NUMBER_MAX + 1));
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_read(&stream, NUMBER_MAX + 1, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, NULL, 0);
	feed();
	assert_int_equal(watch.counts.chunks, 0);
	/* A loss of nobody that can be is anybody's. */
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_loss(&stream, NUMBER_MAX + 1, RECORD_LOSS_RING_FULL, SECOND, 1);
	feed();
	assert_int_equal(watch.counts.lost, 1);
	assert_true(model_doubtful(stream.model, inode_of(G), SECOND, SECOND));
	assert_false(page_at(G, 0).declared == MODEL_ABSENT);
}

/* --- what is too short, or says nothing ------------------------------------------------------ */

static void test_short(void **state)
{
	struct record_header *record;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	record = last_record(sizeof(struct record_owner));
	stream.used -= record->size - sizeof(*record);
	record->size = sizeof(*record);
	expect_malformed(1);
	assert_int_equal(inode_of(G)->resident, 0);
	anew();
	stream_begin(&stream, T, 0, RECORD_OPERATION_FALLOCATE, 0, 0, false);
	record = last_record(sizeof(struct record_request));
	stream.used -= record->size - sizeof(*record);
	record->size = sizeof(*record);
	expect_malformed(1);
	assert_int_equal(watch.counts.requests, 0);
}

/* Of the kinds that nearly all records are: what is behind a short one is not its own, whatever stands there. */
static void test_short_common(void **state)
{
	struct record_snapshot_page page = {
		.header = { .kind = RECORD_SNAPSHOT_PAGE, .size = sizeof(page.header), .inode = G },
		.pfn = 100,
		.nr = 1,
		.bits = ABSENT_BITS,
	};
	struct record_zap zap = {
		.header = { .kind = RECORD_ZAP, .size = sizeof(zap.header), .tid = T },
		.page = 200,
		.nr = 1,
		.routine = RECORD_ZAP_VALID,
	};

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_read_begin(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, NULL, 0);
	feed();
	assert_true(model_owners_complete(stream.model));
	page.snapshot = stream.snapshot;
	page.header.time = zap.header.time = zap.zap_end = stream.now;
	assert_int_equal(model_feed(stream.model, &page.header), 0);
	assert_int_equal(model_feed(stream.model, &zap.header), 0);
	model_count(stream.model, &watch.counts);
	assert_int_equal(watch.counts.malformed, 2);
	/* Of whom they told nobody knows. */
	assert_false(model_owners_complete(stream.model));
	/* They were nothing but too short. */
	page.header.size = sizeof(page);
	zap.header.size = sizeof(zap);
	assert_int_equal(model_feed(stream.model, &page.header), 0);
	assert_int_equal(model_feed(stream.model, &zap.header), 0);
	model_count(stream.model, &watch.counts);
	assert_int_equal(watch.counts.malformed, 2);
}

/* A later version may tell more behind it: what this one knows of it counts, its flush as well. */
static void test_long_change(void **state)
{
	struct {
		struct record_zap zap;
		__u64 more;
	} record = { .more = 1 };

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	stream_join(&stream, T, G, 0, 100);
	stream_zap_flush(&stream, T, G, 0, 100, 1, 100, 100);
	record.zap = *(struct record_zap *)last_record(sizeof(record.zap));
	record.zap.header.size = sizeof(record);
	stream.used -= sizeof(record.zap);
	stream_add(&stream, &record.zap.header);
	expect_malformed(0);
	assert_int_equal(watch.zap_nr, 1);
	assert_int_equal(watch.zap[0].end, record.zap.zap_end);
	assert_int_equal(watch.flush_nr, 1);
	assert_int_equal(inode_of(G)->exposed, 0);
}

/* Told behind a watermark that has passed it: what came in between was judged without it. */
static void test_late_change(void **state)
{
	(void)state;
	for (__u64 late = 0; late < 2; late++) {
		__u64 now;

		anew();
		stream_inode(&stream, G, RFC3, 64, false);
		stream_join(&stream, T, G, 0, 100);
		stream_heartbeat(&stream);
		now = stream.now;
		stream.now -= late ? 1001 : 1000;
		stream_zap(&stream, T, G, 0, 100, 1, false, 0);
		stream.now = now;
		feed();
		assert_int_equal(watch.counts.lost_by_cause[RECORD_LOSS_DISORDER], late);
		assert_int_equal(watch.zap_nr, 1);
	}
}

static void fact(__u32 key_length, __u32 value_length)
{
	struct {
		struct record_fact fact;
		char text[16];
	} record = {
		.fact = { .header = { .kind = RECORD_FACT, .size = sizeof(record) },
			  .key_length = key_length,
			  .value_length = value_length },
		.text = "key\0value",
	};

	record.fact.header.time = stream.now;
	stream_add(&stream, &record.fact.header);
}

static void test_fact(void **state)
{
	const char *key, *value;

	(void)state;
	fact(4, 6);
	fact(3, 6);
	fact(4, 5);
	fact(0, 6);
	fact(4, 0);
	fact(4, 600);
	expect_malformed(5);
	assert_true(model_fact(stream.model, 0, &key, &value));
	assert_string_equal(key, "key");
	assert_string_equal(value, "value");
	assert_false(model_fact(stream.model, 1, &key, &value));
	assert_null(model_fact_find(stream.model, "key "));
}

static void test_facts_many(void **state)
{
	const char *key, *value;

	(void)state;
	for (int i = 0; i < 1025; i++)
		fact(4, 6);
	expect_malformed(1);
	assert_true(model_fact(stream.model, 1023, &key, &value));
	assert_false(model_fact(stream.model, 1024, &key, &value));
}

/* --- reads -------------------------------------------------------------------------------------- */

static void read_of(__u64 inode, __u64 first, __u64 nr)
{
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_read(&stream, inode, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, first, nr, NULL, 0);
}

static void test_read(void **state)
{
	(void)state;
	read_of(G, 0, 64);
	expect_malformed(0);
	assert_int_equal(watch.counts.chunks, 1);
	read_of(0, 0, 64);
	expect_malformed(1);
	read_of(G, 0, 0);
	expect_malformed(1);
	read_of(G, 0, RECORD_SNAPSHOT_EMPTY);
	expect_malformed(0);
	read_of(G, 0, RECORD_SNAPSHOT_EMPTY + 1);
	expect_malformed(1);
	read_of(G, MODEL_PGOFF_MAX - 1, 1);
	expect_malformed(0);
	read_of(G, MODEL_PGOFF_MAX - 1, 2);
	expect_malformed(1);
	read_of(G, MODEL_PGOFF_MAX, 1);
	expect_malformed(1);
	read_of(G, ~0ULL, 1);
	expect_malformed(1);
	assert_int_equal(watch.counts.chunks, 0);
}

static void read_page(__u64 chunk, __u64 pgoff, __u64 pfn, __u32 nr)
{
	struct stream_page page = { pgoff, pfn, nr, ABSENT_BITS };

	anew();
	stream_inode(&stream, G, RFC3, 8192, false);
	stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, chunk, &page, 1);
}

static void test_read_page(void **state)
{
	(void)state;
	read_page(4096, 0, 100, 1);
	expect_malformed(0);
	read_page(4096, 0, 100, 0);
	expect_malformed(1);
	read_page(4096, 0, 100, RECORD_SNAPSHOT_CHUNK);
	expect_malformed(0);
	read_page(4096, 0, 100, RECORD_SNAPSHOT_CHUNK + 1);
	expect_malformed(1);
	/* One that is said to hold nothing. */
	read_page(RECORD_SNAPSHOT_CHUNK + 1, 0, 100, 1);
	expect_malformed(1);
	read_page(4096, 0, PFN_MAX, 1);
	expect_malformed(1);
	read_page(4096, MODEL_PGOFF_MAX, 100, 1);
	expect_malformed(1);
}

/* A page of a read whose begin was lost, or that contradicts what its inode is. */
static void test_read_in_part(void **state)
{
	struct record_snapshot_page page = {
		.header = { .kind = RECORD_SNAPSHOT_PAGE, .size = sizeof(page), .inode = G },
		.pfn = 100,
		.nr = 1,
		.bits = ABSENT_BITS,
		.snapshot = 1,
	};

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	page.header.time = stream.now;
	stream_add(&stream, &page.header);
	expect_malformed(0);
	assert_int_equal(inode_of(G)->resident, 0);
	anew();
	stream_inode(&stream, G, SECRET, 64, false);
	stream_read(&stream, G, SECRET, true, RECORD_SNAPSHOT_LIVE, 0, 0, 64, NULL, 0);
	expect_malformed(2);
}

/* One that is gone says nothing of what it was. */
static void test_dead_says_nothing(void **state)
{
	(void)state;
	stream_inode(&stream, G, RECORD_PROVIDER_GMEM_PLAIN, 64, false);
	stream_inode_dead(&stream, G);
	((struct record_inode *)last_record(sizeof(struct record_inode)))->provider =
		RECORD_PROVIDER_GMEM_PLAIN;
	expect_malformed(0);
	assert_true(inode_of(G)->dead);
}

/* --- changes -------------------------------------------------------------------------------------- */

static void changed(__u64 pgoff, __u64 pfn, __u32 nr)
{
	anew();
	stream_inode(&stream, G, RFC3, 64, false);
	stream_zap(&stream, T, G, pgoff, pfn, nr, false, 0);
}

static void test_change(void **state)
{
	const __u32 most = 1U << 22;

	(void)state;
	changed(0, 100, 1);
	expect_malformed(0);
	assert_int_equal(watch.zap_nr, 1);
	changed(0, 100, 0);
	expect_malformed(1);
	changed(0, 0, most + 1);
	expect_malformed(1);
	changed(0, PFN_MAX - 1, 1);
	expect_malformed(0);
	changed(0, PFN_MAX - 1, 2);
	expect_malformed(1);
	changed(0, ~0ULL, 1);
	expect_malformed(1);
	changed(MODEL_PGOFF_MAX - most - 1, 100, 1);
	expect_malformed(0);
	changed(MODEL_PGOFF_MAX - most, 100, 1);
	expect_malformed(1);
	assert_int_equal(watch.zap_nr, 0);
}

/* --- names ------------------------------------------------------------------------------------------ */

static void test_names(void **state)
{
	struct model_inode inode = { .provider = RFC3 };
	char name[MODEL_INODE_NAME_MAX];

	(void)state;
	assert_string_equal(model_operation_name(RECORD_OPERATION_RELEASE), "release");
	assert_string_equal(model_operation_name(100000), "unknown");
	for (__u32 beyond = RECORD_OPERATION_ERROR_FOLIO + 1; beyond < 100; beyond++) {
		if (beyond != RECORD_OPERATION_FOLIO_ZAP &&
		    beyond != RECORD_OPERATION_CONFIGURE_BATCH &&
		    beyond != RECORD_OPERATION_SECRETMEM_FAULT)
			assert_string_equal(model_operation_name(beyond), "unknown");
	}
	assert_string_equal(model_provider_name(RFC3), "rfc3");
	/* One that has a number, and no name. */
	assert_string_equal(model_provider_name(RECORD_PROVIDER_UNKNOWN), "unknown");
	model_inode_name(&inode, name, sizeof(name));
	assert_null(strpbrk(name, "0123456789"));
	inode.number = 5;
	model_inode_name(&inode, name, sizeof(name));
	assert_string_equal(name, "g5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_inode),	      RULE_TEST(test_number),
		RULE_TEST(test_short),	      RULE_TEST(test_short_common),
		RULE_TEST(test_long_change),  RULE_TEST(test_late_change),
		RULE_TEST(test_fact),	      RULE_TEST(test_facts_many),
		RULE_TEST(test_read),	      RULE_TEST(test_read_page),
		RULE_TEST(test_read_in_part), RULE_TEST(test_dead_says_nothing),
		RULE_TEST(test_change),	      RULE_TEST(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
