// SPDX-License-Identifier: GPL-2.0
/*
 * Who set which page last, and which guest frame backs which page, however they are cut up: against
 * arrays with an element a page, that know nothing of runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "model/promises.h"
#include "model/state.h"
#include "stream.h"

#define RFC3 RECORD_PROVIDER_RFC3
#define T 7
#define DOMAIN 3000 /* pages: many lists of spans, and none is full for long */
#define ROUNDS 6000
#define NARROW 4000 /* rounds: pages one by one; then wide ranges clear them away */
#define VM 1

static __u64 dice;

static __u64 draw(__u64 below)
{
	dice = dice * 6364136223846793005ULL + 1442695040888963407ULL;
	return (dice >> 33) % below;
}

static struct model *model_with(const struct stream *stream)
{
	struct model *model = model_create(NULL);

	assert_non_null(model);
	for (size_t at = 0; at < stream->used;) {
		const struct record_header *record = (const void *)(stream->data + at);

		assert_false(model_feed(model, record));
		at += record->size;
	}
	assert_false(model_finish(model));
	return model;
}

struct naive_page {
	__u64 since, begin;
	__u32 who, asked;
};

static void naive_set(struct naive_page *page, const struct promise_news *news)
{
	page->since = news->since;
	if (news->decides)
		page->who = news->who;
	if (news->binds && (page->asked || page->begin))
		page->asked = MODEL_EITHER;
	if (news->asks)
		page->asked = news->asked;
	if (news->conversion)
		page->begin = news->conversion->begin;
}

static void spans_expect(const struct inode *inode, const struct naive_page *pages)
{
	const struct promises *promises = inode->promises;
	struct promise_span span;
	size_t runs = 1, nr = 0;

	for (__u64 i = 0; i < DOMAIN; i++) {
		promise_span_at(inode, i, &span);
		assert_true(span.first <= i && i <= span.last);
		assert_int_equal(span.who, pages[i].who);
		assert_int_equal(span.asked, pages[i].asked);
		assert_int_equal(span.since, pages[i].since);
		assert_int_equal(span.conversion.begin, pages[i].begin);
		runs += i && memcmp(&pages[i], &pages[i - 1], sizeof(*pages)) != 0;
	}
	/* What is alike is one, so that memory follows what is to be told apart. */
	promise_span_at(inode, DOMAIN - 1, &span);
	assert_int_equal(promises->spans_nr, runs + (span.last != ~0ULL));
	for (size_t i = 0; i < promises->lists_nr; i++) {
		assert_true(promises->lists[i].nr && promises->lists[i].nr <= SPAN_LIST_MAX);
		nr += promises->lists[i].nr;
	}
	assert_int_equal(nr, promises->spans_nr);
}

static void test_spans(void **state)
{
	static struct naive_page pages[DOMAIN];
	struct stream stream;
	struct promise_span span;
	struct model *model;
	struct inode *inode;
	size_t most = 0;

	(void)state;
	stream_init(&stream);
	stream_inode(&stream, 3, RFC3, DOMAIN, false);
	stream_promise(&stream, T, 3, RECORD_PROMISE_BIND, 0, 1, 0, false, 0);
	stream_finish(&stream);
	model = model_with(&stream);
	inode = inode_find(model, 3);
	assert_non_null(inode->promises);
	for (__u64 i = 0; i < DOMAIN; i++) {
		promise_span_at(inode, i, &span);
		pages[i] = (struct naive_page){ .since = span.since, .who = span.who };
	}
	dice = 1;
	for (__u64 round = 1; round <= ROUNDS; round++) {
		struct model_conversion conversion = { .begin = round / 3 };
		struct promise_news news = {
			.since = round / 3,
			.decides = draw(2),
			.who = (enum promise_who)draw(3),
			.asks = draw(2),
			.asked = (__u32)draw(4),
			.conversion = draw(2) ? &conversion : NULL,
		};
		__u64 first = draw(DOMAIN), last = first;

		if (round > NARROW || !draw(50))
			last += draw(DOMAIN - first);
		news.binds = !news.asks && draw(2);
		spans_set(model, inode->promises, first, last, &news);
		for (__u64 i = first; i <= last; i++)
			naive_set(&pages[i], &news);
		most = inode->promises->lists_nr > most ? inode->promises->lists_nr : most;
		if (!(round % 50))
			spans_expect(inode, pages);
	}
	assert_true(most > 8);
	assert_true(inode->promises->lists_nr < most);
	model_free(model);
	stream_free(&stream);
}

struct naive_frame {
	__u64 inode, pgoff;
};

#define FRAMES 512
#define INODES 3

static void bindings_expect(const struct model *model, const struct naive_frame *frames)
{
	const struct promise_vm *vm = map_find(&model->vm_map, VM)->pointer;
	size_t bound = 0, counted = 0;

	for (size_t i = 0; i < vm->bindings_nr; i++) {
		const struct promise_binding *binding = &vm->bindings[i];

		assert_true(!i || vm->bindings[i - 1].gfn + vm->bindings[i - 1].nr <= binding->gfn);
		for (__u64 j = 0; j < binding->nr; j++) {
			assert_int_equal(frames[binding->gfn + j].inode,
					 binding->inode->base.number);
			assert_int_equal(frames[binding->gfn + j].pgoff, binding->pgoff + j);
		}
		counted += binding->nr;
		for (size_t j = i; j < vm->bindings_nr; j++)
			assert_int_equal(promise_slots(vm, binding->gfn, vm->bindings[j].gfn),
					 j - i);
	}
	for (size_t i = 0; i < FRAMES; i++)
		bound += frames[i].inode != 0;
	assert_int_equal(counted, bound);
}

/* Slots that come over others, and go in part. */
static void test_bindings(void **state)
{
	(void)state;
	for (dice = 1; dice < 40; dice++) {
		struct naive_frame frames[FRAMES] = { { 0 } };
		__u64 seed = dice;
		struct stream stream;
		struct model *model;

		stream_init(&stream);
		for (__u64 inode = 1; inode <= INODES; inode++)
			stream_inode(&stream, inode, RFC3, 2 * FRAMES, false);
		for (int round = 0; round < 60; round++) {
			__u64 gfn = draw(FRAMES),
			      nr = 1 + draw(FRAMES - gfn < 40 ? FRAMES - gfn : 40);
			__u64 inode = 1 + draw(INODES), pgoff = draw(2) ? gfn : draw(FRAMES);
			bool binds = draw(4);

			stream_promise(&stream, T, inode,
				       binds ? RECORD_PROMISE_BIND : RECORD_PROMISE_UNBIND, gfn, nr,
				       pgoff, false, 0);
			for (__u64 i = gfn; i < gfn + nr; i++) {
				if (binds)
					frames[i] = (struct naive_frame){ inode, pgoff + i - gfn };
				else if (frames[i].inode == inode)
					frames[i] = (struct naive_frame){ 0 };
			}
		}
		/* No VM is known of one that was never bound. */
		for (__u64 inode = 1; inode <= INODES; inode++) {
			stream_promise(&stream, T, inode, RECORD_PROMISE_BIND, 0, 1, 0, false, 0);
			frames[0] = (struct naive_frame){ inode, 0 };
		}
		stream_finish(&stream);
		model = model_with(&stream);
		bindings_expect(model, frames);
		model_free(model);
		stream_free(&stream);
		dice = seed;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_bindings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
