// SPDX-License-Identifier: GPL-2.0
/* Who wants some pages is told of these, cut to them; who came before is told of all. */
#include <stdlib.h>
#include "scene.h"

#define SET_RANGE RECORD_OPERATION_SET_RANGE

struct told {
	size_t begun, ended, zaps, flushes, exposures, reads, moves, zap_calls;
	__u64 first, last; /* of zapped pages */
};

static void zap_pages(struct told *told, __u64 first, __u64 nr)
{
	if (!told->zaps || first < told->first)
		told->first = first;
	if (!told->zaps || first + nr - 1 > told->last)
		told->last = first + nr - 1;
	told->zaps += nr;
	told->zap_calls++;
}

static void on_begun(void *context, const struct model_request *request)
{
	(void)request;
	((struct told *)context)->begun++;
}

static void on_ended(void *context, const struct model_request *request)
{
	(void)request;
	((struct told *)context)->ended++;
}

static void on_zapped(void *context, const struct model_zap *zap,
		      const struct model_request *request)
{
	(void)request;
	/* Frames go with their pages: G's page n is backed by 100 + n. */
	if (zap->inode && zap->inode->number == G)
		assert_int_equal(zap->pfn, 100 + zap->pgoff);
	zap_pages(context, zap->pgoff, zap->nr);
}

static void on_flushed(void *context, const struct model_flush *flush,
		       const struct model_request *request, const struct model_inode *inode)
{
	(void)flush;
	(void)request;
	(void)inode;
	((struct told *)context)->flushes++;
}

static void on_exposure(void *context, const struct model_exposure *exposure)
{
	((struct told *)context)->exposures += exposure->nr;
}

static void on_read(void *context, const struct model_read *read)
{
	((struct told *)context)->reads += read->nr;
}

static void on_moved(void *context, const struct model_moved *moved)
{
	((struct told *)context)->moves += moved->nr;
}

static void watch(struct model *model, struct told *told)
{
	const struct model_observer observer = {
		.context = told,
		.request_begun = on_begun,
		.request_ended = on_ended,
		.zapped = on_zapped,
		.flushed = on_flushed,
		.exposure_ended = on_exposure,
		.page_read = on_read,
		.moved = on_moved,
	};

	assert_int_equal(model_observe(model, &observer), 0);
}

/* 16 pages come, are converted in two calls and back, in runs; one is changed and flushed outside any call. */
static void history(void)
{
	const struct stream_page seen[] = { { 0, 100, 16, ABSENT_BITS } };

	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 16; i++)
		stream_join(&stream, T, G, i, 100 + i);
	stream_begin(&stream, T, G, SET_RANGE, 0, 7, false);
	stream_zap(&stream, T, G, 0, 100, 8, false, 0);
	stream_flush(&stream, T, 100, 107, false);
	stream_end(&stream, T, G, SET_RANGE, 0, 7, false);
	stream_begin(&stream, T, G, SET_RANGE, 8, 14, false);
	stream_zap(&stream, T, G, 8, 108, 7, false, 0);
	stream_flush(&stream, T, 108, 114, false);
	stream_end(&stream, T, G, SET_RANGE, 8, 14, false);
	stream_zap(&stream, T, G, 15, 115, 1, false, 0);
	stream_flush(&stream, T, 115, 115, false);
	stream_flush(&stream, T, 0, 1, false);
	stream_heartbeat(&stream);
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, RFC3, false, RECORD_SNAPSHOT_LIVE, pass, 0, 64, seen, 1);
	stream_heartbeat(&stream);
}

static void feed(struct model *model)
{
	stream_feed(&stream, model);
	assert_int_equal(model_finish(model), 0);
}

static struct model *fed(struct told *whole, struct told *some, __u64 first, __u64 last)
{
	struct model *model = model_create(NULL);

	assert_non_null(model);
	*whole = *some = (struct told){ .begun = 0 };
	watch(model, whole);
	model_narrow(model, first, last);
	watch(model, some);
	feed(model);
	return model;
}

static void whole_is(const struct told *whole)
{
	assert_int_equal(whole->begun, 2);
	assert_int_equal(whole->ended, 2);
	assert_int_equal(whole->zaps, 16);
	assert_int_equal(whole->flushes, 4);
	assert_int_equal(whole->exposures, 16);
	assert_int_equal(whole->moves, 16);
}

static void test_some(void **state)
{
	struct told whole, some;
	const struct model_inode *inode;
	struct model_page_counts counts;
	struct model *model;
	__u64 first, last;

	(void)state;
	history();
	model = fed(&whole, &some, 6, 9);
	whole_is(&whole);
	/* Both calls reach some of them, and so are their flushes; what is outside any call does not. */
	assert_int_equal(some.begun, 2);
	assert_int_equal(some.ended, 2);
	assert_int_equal(some.zaps, 4);
	assert_int_equal(some.zap_calls, 2);
	assert_int_equal(some.first, 6);
	assert_int_equal(some.last, 9);
	assert_int_equal(some.flushes, 2);
	assert_int_equal(some.exposures, 4);
	assert_int_equal(some.moves, 4);
	assert_int_equal(some.reads, whole.reads * 4 / 64);
	inode = model_inode_find(model, G);
	assert_int_equal(inode->within.zapped, 4);
	assert_int_equal(inode->within.requests, 2);
	assert_int_equal(inode->within.flushes, 2);
	model_count_pages(model, inode, 6, 9, &counts);
	assert_int_equal(counts.pages, 4);
	assert_int_equal(counts.resident, 4);
	assert_int_equal(counts.absent, 4);
	assert_int_equal(counts.exposed, 0);
	assert_true(model_narrowed(model, &first, &last));
	assert_int_equal(first, 6);
	assert_int_equal(last, 9);
	model_free(model);
}

/* Pages that an inode does not have, or that are not there. */
static void test_beyond(void **state)
{
	struct model_page_counts counts;
	struct told whole, some;
	struct model *model;

	(void)state;
	history();
	stream_inode(&stream, 9, RECORD_PROVIDER_UNKNOWN, 0, false);
	model = fed(&whole, &some, 6, 9);
	model_count_pages(model, model_inode_find(model, G), 60, 70, &counts);
	assert_int_equal(counts.pages, 4);
	model_count_pages(model, model_inode_find(model, G), 66, 70, &counts);
	assert_int_equal(counts.pages, 0);
	model_count_pages(model, model_inode_find(model, 9), 3, 70, &counts);
	assert_int_equal(counts.pages, 0);
	/* Two that are there, and some that are not. */
	model_count_pages(model, model_inode_find(model, G), 14, 20, &counts);
	assert_int_equal(counts.pages, 7);
	assert_int_equal(counts.resident, 2);
	model_free(model);
}

/* What has no inode, and what is not narrowed, is none of the pages that are wanted. */
static void test_of_nobody(void **state)
{
	struct told whole, some;
	struct model *model;

	(void)state;
	stream_begin(&stream, T, 0, SET_RANGE, 0, 7, false);
	stream_zap(&stream, T + 1, 0, 0, 500, 1, false, 0);
	stream_page_free(&stream, T + 1, 500, true);
	stream_heartbeat(&stream);
	model_free(fed(&whole, &some, 0, 9));
	assert_int_equal(whole.begun, 1);
	assert_int_equal(whole.moves, 1);
	assert_int_equal(some.begun + some.zaps + some.moves, 0);
	stream.used = 0;
	history();
	model = model_create(NULL);
	assert_non_null(model);
	watch(model, &whole);
	feed(model);
	assert_int_equal(model_inode_find(model, G)->within.requests, 0);
	assert_int_equal(model_inode_find(model, G)->within.zapped, 0);
	model_free(model);
}

/* Who goes leaves the others what they had. */
static void test_dropped(void **state)
{
	struct told whole = { .begun = 0 }, some = whole, third = whole;
	struct model *model = model_create(NULL);

	(void)state;
	assert_non_null(model);
	history();
	watch(model, &whole);
	model_narrow(model, 6, 9);
	watch(model, &some);
	watch(model, &third);
	model_observers_drop(model, 2);
	feed(model);
	whole_is(&whole);
	assert_int_equal(some.zaps, 4);
	assert_int_equal(third.zaps, 0);
	assert_int_equal(model_inode_find(model, G)->within.flush_ns, 200);
	model_free(model);
}

/* Outside of a request the flush that is told of is that of a page that was made absent there, and no other. */
static void test_awaited(void **state)
{
	struct told whole, some;

	(void)state;
	for (int i = 0; i < 4; i++) {
		stream.used = 0;
		stream_inode(&stream, G, RFC3, 64, false);
		stream_join(&stream, T, G, 7, 107);
		if (i == 1)
			stream_begin(&stream, T, G, SET_RANGE, 7, 7, false);
		stream_zap(&stream, T, G, 7, 107, 1, i == 2, i == 3 ? -12 : 0);
		if (i == 1)
			stream_end(&stream, T, G, SET_RANGE, 7, 7, false);
		stream_flush(&stream, T, 107, 107, false);
		stream_heartbeat(&stream);
		model_free(fed(&whole, &some, 6, 9));
		assert_int_equal(whole.flushes, 1);
		assert_int_equal(some.flushes, !i);
	}
}

/* Where nobody wants to hear of flushes they are counted all the same. */
static void test_unheard(void **state)
{
	const struct model_observer deaf = { .context = NULL };
	struct model *model = model_create(NULL);

	(void)state;
	assert_non_null(model);
	history();
	model_narrow(model, 6, 9);
	assert_int_equal(model_observe(model, &deaf), 0);
	feed(model);
	assert_int_equal(model_inode_find(model, G)->within.flushes, 2);
	model_free(model);
}

/* A page that is changed outside any call has its own flush, and no other. */
static void test_loose(void **state)
{
	struct told whole, some;

	(void)state;
	history();
	model_free(fed(&whole, &some, 15, 63));
	whole_is(&whole);
	assert_int_equal(some.begun, 0);
	assert_int_equal(some.zaps, 1);
	assert_int_equal(some.flushes, 1);
	assert_int_equal(some.exposures, 1);
}

/* What was flushed before its page joined is told of when it does, as far as it is of these pages. */
static void test_joined_late(void **state)
{
	struct told whole, some;
	struct model *model;

	(void)state;
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < 2; i++) {
		stream_zap_flush(&stream, T, 0, 0, 104 + i, 1, 104 + i, 104 + i);
		stream_join(&stream, T, G, 4 + i, 104 + i);
	}
	stream_heartbeat(&stream);
	model = fed(&whole, &some, 5, 9);
	assert_int_equal(whole.exposures, 2);
	assert_int_equal(some.exposures, 1);
	assert_int_equal(model_inode_find(model, G)->zapped, 2);
	assert_int_equal(model_inode_find(model, G)->within.zapped, 1);
	model_free(model);
}

/* Pages that nothing touches; and all pages, which are the whole but for what is of none. */
static void test_none_and_all(void **state)
{
	struct told whole, some;

	(void)state;
	history();
	model_free(fed(&whole, &some, 16, 40));
	assert_int_equal(some.begun + some.zaps + some.flushes + some.exposures + some.moves, 0);
	model_free(fed(&whole, &some, 0, ~0ULL));
	assert_int_equal(some.zaps, whole.zaps);
	assert_int_equal(some.exposures, whole.exposures);
	assert_int_equal(some.reads, whole.reads);
	assert_int_equal(some.moves, whole.moves);
	assert_int_equal(some.flushes, whole.flushes - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_some, setup, teardown),
		cmocka_unit_test_setup_teardown(test_beyond, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unheard, setup, teardown),
		cmocka_unit_test_setup_teardown(test_of_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_awaited, setup, teardown),
		cmocka_unit_test_setup_teardown(test_loose, setup, teardown),
		cmocka_unit_test_setup_teardown(test_joined_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_none_and_all, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
