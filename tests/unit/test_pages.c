// SPDX-License-Identifier: GPL-2.0
/* What a page takes: whose a pfn is, in four bytes or in eight; and when pages last changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "model/pages.h"
#include "model/state.h"
#include "stream.h"

#define RFC3 RECORD_PROVIDER_RFC3
#define G 3
#define T 7
#define CHUNKS 3
#define PAGES 96
#define FOLIO 16
#define PFN 1008 /* where a folio may lie */

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

static void feed(struct model *model)
{
	for (size_t at = 0; at < stream.used;) {
		const struct record_header *record = (const void *)(stream.data + at);

		assert_false(model_feed(model, record));
		at += record->size;
	}
	stream.used = 0;
}

static __u64 pgoff_of(__u64 i)
{
	return i % CHUNKS * CHUNK_PAGES + i * 7 % CHUNK_PAGES;
}

static void expect_owner(const struct model *model, __u64 pfn, enum pfn_owner owner, __u64 pgoff)
{
	struct inode *inode;
	__u64 found;

	assert_int_equal(pfn_find(model, pfn, &inode, &found), owner);
	if (owner == PFN_NONE)
		return;
	assert_int_equal(inode->base.number, G);
	assert_int_equal(found, pgoff);
}

static void owner_run(__u16 kind, __u64 pgoff, __u64 pfn, __u32 nr)
{
	struct record_owner record = {
		.header = { .kind = kind,
			    .size = sizeof(record),
			    .time = stream.now,
			    .tid = T,
			    .inode = kind == RECORD_JOIN ? G : 0 },
		.page = pfn,
		.pgoff = pgoff,
		.nr = nr,
	};

	stream_add(&stream, &record.header);
}

/* Neighbours in memory that are of several chunks, more of them than @ids. */
static void check_owners(size_t ids)
{
	struct model *model = model_create(NULL);

	assert_non_null(model);
	model->chunk_ids_max = ids;
	stream_inode(&stream, G, RFC3, CHUNKS * CHUNK_PAGES, false);
	for (__u64 i = 0; i < PAGES; i++)
		stream_join(&stream, T, G, pgoff_of(i), PFN + i);
	stream_heartbeat(&stream);
	feed(model);
	assert_int_equal(model->chunk_keys_nr, 1 + (ids < CHUNKS ? ids : CHUNKS));
	for (__u64 i = 0; i < PAGES; i++)
		expect_owner(model, PFN + i, PFN_OWNED, pgoff_of(i));
	stream_zap(&stream, T, G, pgoff_of(4), PFN + 4, 1, false, 0);
	for (__u64 i = 0; i < PAGES; i += 2)
		stream_leave(&stream, T, PFN + i);
	stream_heartbeat(&stream);
	feed(model);
	for (__u64 i = 0; i < PAGES; i++)
		expect_owner(model, PFN + i,
			     i % 2    ? PFN_OWNED
			     : i == 4 ? PFN_LEFT
				      : PFN_NONE,
			     pgoff_of(i));
	assert_true(pfn_is_absent(model, PFN + 4));
	for (__u64 i = 0; i < PAGES; i += FOLIO)
		owner_run(RECORD_LEAVE, 0, PFN + i, FOLIO);
	stream_heartbeat(&stream);
	feed(model);
	for (__u64 i = 0; i < PAGES; i++)
		expect_owner(model, PFN + i, i == 4 ? PFN_LEFT : PFN_NONE, pgoff_of(i));
	model_free(model);
}

static void test_owners_narrow(void **state)
{
	(void)state;
	check_owners(CHUNK_IDS_MAX);
}

static void test_owners_wide(void **state)
{
	(void)state;
	check_owners(1);
	check_owners(2);
}

static __u64 memory(const struct model *model)
{
	struct model_counts counts;

	model_count(model, &counts);
	return counts.memory;
}

/* A block that is parted takes eight bytes an entry only where there are no ids left. */
static __u64 memory_parted(size_t ids)
{
	struct model *model = model_create(NULL);
	__u64 taken;

	assert_non_null(model);
	model->chunk_ids_max = ids;
	stream_inode(&stream, G, RFC3, CHUNKS * CHUNK_PAGES, false);
	for (__u64 i = 0; i < 2; i++)
		owner_run(RECORD_JOIN, i * CHUNK_PAGES, (8 + i) * CHUNK_PAGES, CHUNK_PAGES);
	for (__u64 i = 0; i < 2; i++)
		stream_leave(&stream, T, (8 + i) * CHUNK_PAGES + 5);
	stream_heartbeat(&stream);
	feed(model);
	for (__u64 i = 0; i < 2 * CHUNK_PAGES; i++)
		expect_owner(model, 8 * CHUNK_PAGES + i,
			     i % CHUNK_PAGES == 5 ? PFN_NONE : PFN_OWNED, i);
	taken = memory(model);
	model_free(model);
	stream_free(&stream);
	stream_init(&stream);
	return taken;
}

static void test_parted(void **state)
{
	(void)state;
	assert_int_equal(memory_parted(1) - memory_parted(CHUNK_IDS_MAX), 4 * CHUNK_PAGES);
}

/* Who changes what is nobody's any more takes no memory for it. */
static void test_nobodys_block(void **state)
{
	struct model *model = model_create(NULL);
	__u64 taken;

	(void)state;
	assert_non_null(model);
	stream_inode(&stream, G, RFC3, CHUNKS * CHUNK_PAGES, false);
	owner_run(RECORD_JOIN, 0, 8 * CHUNK_PAGES, CHUNK_PAGES);
	owner_run(RECORD_LEAVE, 0, 8 * CHUNK_PAGES, CHUNK_PAGES);
	stream_zap(&stream, T, 0, 0, 9 * CHUNK_PAGES, 1, true, 0);
	stream_heartbeat(&stream);
	feed(model);
	taken = memory(model);
	stream_zap(&stream, T, 0, 0, 8 * CHUNK_PAGES + 3, 1, true, 0);
	stream_heartbeat(&stream);
	feed(model);
	assert_int_equal(memory(model), taken);
	model_free(model);
}

/* Pages 0 and 1 join, and page 1 changes once more @later ns behind; a heartbeat at the end. */
static struct model *changed_apart(__u64 later)
{
	struct model *model = model_create(NULL);

	assert_non_null(model);
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_fault(&stream, T, G, 1, 300);
	stream.now += later;
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 1, 1, true);
	stream_zap(&stream, T, G, 1, 300, 1, true, 0);
	stream_end(&stream, T, G, RECORD_OPERATION_SET_FOLIO, 1, 1, true);
	stream_heartbeat(&stream);
	return model;
}

static __u64 changed(const struct model *model, __u64 pgoff)
{
	struct model_page page;

	model_page(model, model_inode_find(model, G), pgoff, &page);
	return page.changed;
}

/* After a second without a request the chunk's last change stands for all of its pages. */
static void test_times_settle(void **state)
{
	struct model *model = changed_apart(MS);

	(void)state;
	feed(model);
	assert_true(changed(model, 0) + MS <= changed(model, 1));
	stream.now += 2 * SECOND;
	stream_heartbeat(&stream);
	feed(model);
	assert_true(changed(model, 0) == changed(model, 1));
	assert_int_equal(model->timed_nr, 0);
	model_free(model);
}

/* A request that has begun may still ask which pages came since. */
static void test_times_of_open_requests(void **state)
{
	struct model *model = model_create(NULL);
	__u64 begun;

	(void)state;
	assert_non_null(model);
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_begin(&stream, T + 1, G, RECORD_OPERATION_SET_FOLIO, 0, 1, true);
	begun = stream.now;
	stream.now += MS;
	stream_fault(&stream, T, G, 1, 300);
	stream.now += 3 * SECOND;
	stream_heartbeat(&stream);
	feed(model);
	assert_true(changed(model, 0) < begun && changed(model, 1) > begun);
	model_free(model);
}

/* Once something is accused, when its pages changed tells what follows from it. */
static void test_times_kept(void **state)
{
	struct model *model = changed_apart(MS);

	(void)state;
	model_keep_changes(model);
	stream.now += 3 * SECOND;
	stream_heartbeat(&stream);
	feed(model);
	assert_true(changed(model, 0) + MS <= changed(model, 1));
	model_free(model);
}

struct changes {
	__u64 since, nr;
};

static void on_zapped(void *context, const struct model_zap *zap,
		      const struct model_request *request)
{
	struct changes *changes = context;

	(void)request;
	changes->since = zap->since;
	changes->nr = zap->nr;
}

/* A run of pages that are alike, but came one after the other: the last of them tells since when. */
static void test_times_of_a_run(void **state)
{
	struct model *model = model_create(NULL);
	struct changes changes = { 0, 0 };
	struct model_observer observer = { .context = &changes, .zapped = on_zapped };
	__u64 last;

	(void)state;
	assert_non_null(model);
	assert_false(model_observe(model, &observer));
	stream_inode(&stream, G, RFC3, 64, false);
	stream_fault(&stream, T, G, 0, 100);
	stream.now += MS;
	last = stream.now;
	stream_fault(&stream, T, G, 1, 101);
	stream_fault(&stream, T, G, 2, 102);
	stream.now += MS;
	stream_zap(&stream, T, G, 0, 100, 3, true, 0);
	stream_heartbeat(&stream);
	feed(model);
	assert_int_equal(changes.nr, 3);
	assert_true(changes.since > last && changes.since < stream.now - MS);
	model_free(model);
}

static enum model_state applied(const struct model *model, __u64 pgoff)
{
	struct model_page page;

	model_page(model, model_inode_find(model, G), pgoff, &page);
	return page.applied;
}

/* A restore of page 0 from between the two changes comes behind the heartbeat, @later ns behind. */
static enum model_state told_late(__u64 later)
{
	struct model *model = changed_apart(MS);
	enum model_state state;
	__u64 end;

	feed(model);
	end = stream.now;
	stream.now += later;
	stream_heartbeat(&stream);
	feed(model);
	/* Behind page 0's last change, before page 1's. */
	stream.now = end - MS / 2;
	stream_zap(&stream, T, G, 0, 100, 1, true, 0);
	stream.now = end + later + MS;
	stream_heartbeat(&stream);
	feed(model);
	state = applied(model, 0);
	model_free(model);
	return state;
}

static void test_told_late(void **state)
{
	(void)state;
	assert_int_equal(told_late(MS), MODEL_PRESENT);
	stream_free(&stream);
	stream_init(&stream);
	/* So late that nobody remembers which page it was that changed later. */
	assert_int_equal(told_late(3 * SECOND), MODEL_EITHER);
}

#define PAGES_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAGES_TEST(test_owners_narrow), PAGES_TEST(test_owners_wide),
		PAGES_TEST(test_times_settle),	PAGES_TEST(test_times_of_open_requests),
		PAGES_TEST(test_times_kept),	PAGES_TEST(test_times_of_a_run),
		PAGES_TEST(test_told_late),	PAGES_TEST(test_parted),
		PAGES_TEST(test_nobodys_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
