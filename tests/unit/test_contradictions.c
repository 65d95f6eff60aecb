// SPDX-License-Identifier: GPL-2.0
/* Records that contradict themselves: malformed, or a violation, and never quietly one half. */
#include "scene.h"

static struct record_inode inode_record(__u32 provider, __u64 flags, __u32 default_state)
{
	return (struct record_inode){
		.header = { .kind = RECORD_INODE,
			    .size = sizeof(struct record_inode),
			    .time = stream.now,
			    .inode = G },
		.pages = 64,
		.provider = provider,
		.flags = flags,
		.default_state = default_state,
	};
}

static void judge(void)
{
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

static __u64 malformed(void)
{
	struct model_counts counts;

	model_count(stream.model, &counts);
	return counts.malformed;
}

static void feed_inode(__u32 provider, __u64 flags, __u32 default_state)
{
	struct record_inode record = inode_record(provider, flags, default_state);

	stream_free(&stream);
	stream_init(&stream);
	stream_add(&stream, &record.header);
	judge();
}

/* The kernel itself may have got it wrong: that is what a rule is for. */
static void test_default_against_flags(void **state)
{
	static const __u64 flags[] = { RECORD_RFC3_NO_DIRECT_MAP, RECORD_RFC3_DYNAMIC };

	(void)state;
	for (__u32 dynamic = 0; dynamic < 2; dynamic++) {
		feed_inode(RFC3, flags[dynamic], !dynamic);
		stream_expect_one(&stream, RULE_DECLARED_MISMATCH, G, 0, 63);
		feed_inode(RFC3, flags[dynamic], dynamic);
		stream_expect_unread(&stream);
		assert_int_equal(malformed(), 0);
	}
}

static void test_inode(void **state)
{
	static const struct {
		__u32 provider;
		__u64 flags;
		__u32 default_state;
		bool contradicts;
	} cases[] = {
		{ SECRET, 0, 0, false },
		{ SECRET, 0, 1, true },
		{ SECRET, 1, 0, true },
		{ RECORD_PROVIDER_GMEM_PLAIN, 0, 1, false },
		{ RECORD_PROVIDER_GMEM_PLAIN, 0, 0, true },
		{ RECORD_PROVIDER_GMEM_PLAIN, 3, 1, false },
		{ RFC3, 3, 0, true },
		{ RECORD_PROVIDER_UNKNOWN, 7, 0, false },
		{ RECORD_PROVIDER_UNKNOWN, 7, 2, true },
		{ RFC3, 0, 2, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		feed_inode(cases[i].provider, cases[i].flags, cases[i].default_state);
		assert_int_equal(malformed(), cases[i].contradicts);
		assert_int_equal(model_inode_find(stream.model, G) == NULL, cases[i].contradicts);
		stream_expect_unread(&stream);
	}
}

/* A read with flags and default at odds: as if it had not been made. */
static void feed_read(__u64 flags, __u32 default_state)
{
	struct record_snapshot record = {
		.header = { .kind = RECORD_SNAPSHOT_BEGIN, .size = sizeof(record), .inode = G },
		.pgoff_nr = 64,
		.inode_flags = flags,
		.origin = RECORD_SNAPSHOT_LIVE,
		.provider = RFC3,
		.default_state = default_state,
		.snapshot = 1,
	};

	stream_free(&stream);
	stream_init(&stream);
	stream_inode(&stream, G, RFC3, 64, false);
	record.header.time = stream.now;
	stream_add(&stream, &record.header);
	record.header.kind = RECORD_SNAPSHOT_END;
	record.header.time = stream.now;
	stream_add(&stream, &record.header);
	judge();
}

static void test_read(void **state)
{
	(void)state;
	feed_read(RECORD_RFC3_NO_DIRECT_MAP, 0);
	stream_expect(&stream, VERDICT_CONSISTENT);
	feed_read(RECORD_RFC3_DYNAMIC, 0);
	stream_expect_unread(&stream);
	assert_int_equal(malformed(), 2);
	feed_read(RECORD_RFC3_NO_DIRECT_MAP, 1);
	stream_expect_unread(&stream);
	assert_int_equal(malformed(), 2);
}

/* The inode was met as it should be, and says otherwise in @reads of it. */
static void turned(unsigned int reads, __u64 flags, __u32 default_state)
{
	struct record_inode inode = {
		.header = { .kind = RECORD_INODE, .size = sizeof(inode), .inode = G },
		.pages = 64,
		.flags = RECORD_RFC3_NO_DIRECT_MAP,
		.provider = RFC3,
	};
	struct record_snapshot record = {
		.header = { .kind = RECORD_SNAPSHOT_BEGIN, .size = sizeof(record), .inode = G },
		.pgoff_nr = 64,
		.inode_flags = flags,
		.origin = RECORD_SNAPSHOT_LIVE,
		.provider = RFC3,
		.default_state = default_state,
	};

	stream_free(&stream);
	stream_init(&stream);
	inode.header.time = stream.now;
	stream_add(&stream, &inode.header);
	for (; record.snapshot < reads; record.snapshot++) {
		record.header.time = stream.now += 1000;
		stream_add(&stream, &record.header);
	}
	judge();
}

static void test_default_turned(void **state)
{
	(void)state;
	turned(1, RECORD_RFC3_NO_DIRECT_MAP, 1);
	stream_expect_unread(&stream);
	turned(2, RECORD_RFC3_DYNAMIC, 0);
	stream_expect_unread(&stream);
	turned(2, RECORD_RFC3_NO_DIRECT_MAP, 1);
	assert_non_null(strstr(stream_expect_one(&stream, RULE_DECLARED_MISMATCH, G, 0, 63)->words,
			       "the inode itself says that they are present"));
}

static size_t turns;

static void on_turned(void *context, const struct model_inode *inode)
{
	(void)context;
	(void)inode;
	turns++;
}

/* Of inode G, met with @flags and @default_state, reads that deny themselves: @read of each, thrice. */
static void feed_turned(const struct record_snapshot *read, __u64 flags, __u32 default_state,
			bool dead)
{
	const struct model_observer observer = { .inode_turned = on_turned };
	struct record_inode inode = inode_record(RFC3, flags, default_state);
	struct record_snapshot record = *read;

	stream_free(&stream);
	stream_init(&stream);
	turns = 0;
	inode.header.time = stream.now;
	stream_add(&stream, &inode.header);
	if (dead)
		stream_inode_dead(&stream, G);
	stream_heartbeat(&stream);
	for (int i = 0; i < 3; i++) {
		record.header.time = stream.now;
		stream_add(&stream, &record.header);
	}
	stream.model = model_create(NULL);
	assert_non_null(stream.model);
	assert_int_equal(model_observe(stream.model, &observer), 0);
	for (size_t at = 0; at < stream.used;) {
		const struct record_header *fed = (const void *)(stream.data + at);

		assert_int_equal(model_feed(stream.model, fed), 0);
		at += fed->size;
	}
	assert_int_equal(malformed(), 3);
}

/* Only one that is there and says of itself what it said before has turned, and only if that was otherwise. */
static void test_not_turned(void **state)
{
	const struct record_snapshot read = {
		.header = { .kind = RECORD_SNAPSHOT_BEGIN, .size = sizeof(read), .inode = G },
		.pgoff_nr = 64,
		.inode_flags = RECORD_RFC3_NO_DIRECT_MAP,
		.provider = RFC3,
		.default_state = 1,
	};
	struct record_snapshot other;

	(void)state;
	feed_turned(&read, RECORD_RFC3_NO_DIRECT_MAP, 0, false);
	assert_int_equal(turns, 1);
	assert_int_equal(model_inode_find(stream.model, G)->default_state, 1);
	feed_turned(&read, RECORD_RFC3_NO_DIRECT_MAP, 1, false);
	assert_int_equal(turns, 0);
	feed_turned(&read, RECORD_RFC3_NO_DIRECT_MAP, 0, true);
	assert_int_equal(turns, 0);
	feed_turned(&read, RECORD_RFC3_DYNAMIC, 0, false);
	assert_int_equal(turns, 0);
	other = read;
	other.header.inode = G + 1;
	feed_turned(&other, RECORD_RFC3_NO_DIRECT_MAP, 0, false);
	assert_int_equal(turns, 0);
	other = read;
	other.provider = SECRET;
	feed_turned(&other, RECORD_RFC3_NO_DIRECT_MAP, 0, false);
	assert_int_equal(turns, 0);
	other = read;
	other.default_state = 2;
	feed_turned(&other, RECORD_RFC3_NO_DIRECT_MAP, 0, false);
	assert_int_equal(turns, 0);
}

static void test_pages(void **state)
{
	static const struct {
		__u64 pfn;
		__u32 bits;
		bool contradicts;
	} cases[] = {
		{ 100, ABSENT_BITS, false },
		{ 0, ABSENT_BITS, true },
		{ 0, DEVIATES, false },
		{ 100, DEVIATES, true },
		{ 0, RECORD_PAGE_PRESENT, true },
		{ 0, RECORD_PAGE_PREPARED, true },
		{ 0, RECORD_PAGE_POISONED, true },
		{ 0, RECORD_PAGE_ASTRAY, true },
		{ 100, PRESENT_BITS | RECORD_PAGE_ASTRAY, false },
		{ 100, ABSENT_BITS | RECORD_PAGE_ASTRAY, true },
		{ 0, RECORD_PAGE_NON_GLOBAL, true },
		{ 100, PRESENT_BITS | RECORD_PAGE_NON_GLOBAL, false },
		{ 100, ABSENT_BITS | RECORD_PAGE_NON_GLOBAL, true },
		{ 0, RECORD_PAGE_RESIDENT_UNKNOWN | RECORD_PAGE_PREPARED, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stream_page page = { 0, cases[i].pfn, 1, cases[i].bits };

		stream_free(&stream);
		stream_init(&stream);
		stream_inode(&stream, G, RFC3, 64, false);
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, 0, 0, 64, &page, 1);
		judge();
		assert_int_equal(malformed(), cases[i].contradicts);
	}
}

static void feed_zap(__u16 routine, bool valid)
{
	struct record_zap record = {
		.header = { .kind = RECORD_ZAP, .size = sizeof(record), .tid = T },
		.page = 100,
		.nr = 1,
		.valid = valid,
		.routine = routine,
	};

	stream_free(&stream);
	stream_init(&stream);
	record.header.time = record.zap_end = stream.now;
	stream_add(&stream, &record.header);
	judge();
}

/* The routine says which way it goes. */
static void test_zaps(void **state)
{
	(void)state;
	feed_zap(RECORD_ZAP_INVALID, false);
	assert_int_equal(malformed(), 0);
	feed_zap(RECORD_ZAP_INVALID, true);
	assert_int_equal(malformed(), 1);
	feed_zap(RECORD_ZAP_DEFAULT, true);
	assert_int_equal(malformed(), 0);
	feed_zap(RECORD_ZAP_DEFAULT, false);
	assert_int_equal(malformed(), 1);
	feed_zap(RECORD_ZAP_VALID, true);
	assert_int_equal(malformed(), 0);
	feed_zap(RECORD_ZAP_VALID, false);
	assert_int_equal(malformed(), 0);
}

static void test_frees(void **state)
{
	struct record_page_free record = {
		.header = { .kind = RECORD_PAGE_FREE, .size = sizeof(record), .time = SECOND },
		.page = 100,
		.absent = 2,
		.unknown = 1,
		.order = 1,
	};

	(void)state;
	stream_add(&stream, &record.header);
	record.unknown = 3;
	stream_add(&stream, &record.header);
	/* A page that was not freed. */
	record.unknown = 4;
	stream_add(&stream, &record.header);
	record.order = 6;
	record.absent = 1ULL << 63;
	stream_add(&stream, &record.header);
	judge();
	assert_int_equal(malformed(), 2);
}

/* Neither yes nor no. */
static void test_flags(void **state)
{
	struct record_zap zap = { .header = { .kind = RECORD_ZAP, .size = sizeof(zap) },
				  .page = 100,
				  .nr = 1,
				  .routine = RECORD_ZAP_VALID,
				  .valid = 2 };
	struct record_flush flush = { .header = { .kind = RECORD_FLUSH, .size = sizeof(flush) },
				      .full = 2 };
	struct record_owner owner = {
		.header = { .kind = RECORD_JOIN, .size = sizeof(owner), .inode = G },
		.nr = 1,
		.page = 100,
		.prepared = 16
	};

	(void)state;
	stream_add(&stream, &zap.header);
	zap.valid = 1;
	zap.flush_full = 2;
	stream_add(&stream, &zap.header);
	stream_add(&stream, &flush.header);
	flush.full = 0;
	flush.worker = 2;
	stream_add(&stream, &flush.header);
	stream_add(&stream, &owner.header);
	owner.header.kind = RECORD_LEAVE;
	stream_add(&stream, &owner.header);
	judge();
	assert_int_equal(malformed(), 6);
}

static void add_folio(__u16 kind, __u64 pgoff, __u64 pfn, __u32 nr)
{
	struct record_owner owner = { .header = { .kind = kind, .size = sizeof(owner), .inode = G },
				      .nr = nr,
				      .page = pfn,
				      .pgoff = pgoff };

	stream_add(&stream, &owner.header);
}

/* A folio lies at a multiple of its size in its file and in memory, and its size is a power of two. */
static void test_folios(void **state)
{
	(void)state;
	add_folio(RECORD_JOIN, 8, 104, 8);
	add_folio(RECORD_LEAVE, 8, 104, 8);
	add_folio(RECORD_JOIN, 9, 105, 1);
	judge();
	assert_int_equal(malformed(), 0);
	add_folio(RECORD_JOIN, 12, 104, 8);
	add_folio(RECORD_JOIN, 8, 108, 8);
	add_folio(RECORD_JOIN, 12, 108, 6);
	add_folio(RECORD_LEAVE, 0, 108, 8);
	add_folio(RECORD_JOIN, 8, 104, 6);
	judge();
	assert_int_equal(malformed(), 5);
}

/* Where content begins is told where there is some, and lies in the folio. */
static void test_content(void **state)
{
	static const struct {
		__u32 place, bits;
		bool contradicts;
	} cases[] = {
		{ 0, 0, false },
		{ 0, RECORD_OWNER_CONTENT, false },
		{ 7, RECORD_OWNER_CONTENT, false },
		{ 7, 0, true },
		{ 8, RECORD_OWNER_CONTENT, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record_owner *owner;

		stream_free(&stream);
		stream_init(&stream);
		add_folio(RECORD_LEAVE, 8, 104, 8);
		owner = (struct record_owner *)(stream.data + stream.used - sizeof(*owner));
		owner->prepared = cases[i].bits | cases[i].place << RECORD_OWNER_CONTENT_SHIFT;
		judge();
		assert_int_equal(malformed(), cases[i].contradicts);
	}
}

static void test_requests(void **state)
{
	struct record_request record = {
		.header = { .kind = RECORD_REQUEST_BEGIN,
			    .size = sizeof(record),
			    .time = SECOND,
			    .tid = T },
		.operation = RECORD_OPERATION_SET_RANGE,
		.state = 2,
	};

	(void)state;
	stream_add(&stream, &record.header);
	judge();
	assert_int_equal(malformed(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(test_default_against_flags),
		RULE_TEST(test_inode),
		RULE_TEST(test_read),
		RULE_TEST(test_default_turned),
		RULE_TEST(test_not_turned),
		RULE_TEST(test_pages),
		RULE_TEST(test_zaps),
		RULE_TEST(test_frees),
		RULE_TEST(test_flags),
		RULE_TEST(test_folios),
		RULE_TEST(test_content),
		RULE_TEST(test_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
