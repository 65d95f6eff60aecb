// SPDX-License-Identifier: GPL-2.0
/* Sealing: what leaves src/sensor names pages and inodes, and never an address of the kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sensor/seal.h"

#define PAGE_OFFSET 0xff11000000000000ULL
#define DIRECT_MAP_END (PAGE_OFFSET + (1ULL << 32))
#define VMEMMAP 0xffd4000000000000ULL
#define PAGE_STRUCT 80 /* bytes; 64 in most kernels, so it must not be taken for granted */
#define INODE 0xff11000001234500ULL
#define I_INO 77
/* Nothing that a record holds legitimately is as large, but for the end of a full flush. */
#define KERNEL_BEGIN 0xff00000000000000ULL
#define SEALED_MAX 256

static const struct sensor_config config = {
	.vmemmap = VMEMMAP,
	.page_offset = PAGE_OFFSET,
	.direct_map_end = DIRECT_MAP_END,
	.flush_ceiling = 33 << 12,
	.page_size = PAGE_STRUCT,
};

struct sealing {
	struct seal seal;
	size_t sealed_nr;
	union {
		struct record_header header;
		struct record_inode inode;
		struct record_zap zap;
		struct record_flush flush;
		struct record_flush_timed timed;
		struct record_answers answers;
		struct record_request request;
		struct record_owner owner;
		struct record_page_free page_free;
		struct record_caller caller;
		struct record_snapshot snapshot;
		struct record_snapshot_page page;
		struct record_promise promise;
		struct record_promise_read promise_read;
		uint64_t words[SEALED_MAX / 8];
	} sealed[64];
	int identified; /* how often it was asked what an inode is */
	struct identify_args identity; /* what it is said to be; result -ESRCH: gone */
};

static struct sealing sealing;

static void take(void *context, const struct record_header *record)
{
	struct sealing *into = context;

	assert_true(into->sealed_nr < sizeof(into->sealed) / sizeof(into->sealed[0]));
	assert_true(record->size <= SEALED_MAX);
	memcpy(&into->sealed[into->sealed_nr++], record, record->size);
}

static int identify(void *context, struct identify_args *identity)
{
	struct sealing *from = context;

	from->identified++;
	if (from->identity.result)
		return from->identity.result;
	*identity = from->identity;
	return 0;
}

static int setup(void **state)
{
	(void)state;
	memset(&sealing, 0, sizeof(sealing));
	assert_int_equal(seal_init(&sealing.seal, &config), 0);
	sealing.seal.sink = take;
	sealing.seal.context = &sealing;
	sealing.seal.identify = identify;
	sealing.seal.identify_context = &sealing;
	sealing.identity.result = -3;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	seal_destroy(&sealing.seal);
	return 0;
}

static struct record_header header(enum record_kind kind, size_t size)
{
	return (struct record_header){ .kind = kind, .size = (__u16)size, .time = 1000 };
}

static uint64_t page_of(uint64_t pfn)
{
	return VMEMMAP + pfn * PAGE_STRUCT;
}

static void announce(uint64_t pointer, uint64_t i_ino)
{
	struct record_inode inode = { .header = header(RECORD_INODE, sizeof(inode)),
				      .i_ino = i_ino,
				      .provider = RECORD_PROVIDER_RFC3 };

	inode.header.inode = pointer;
	seal_record(&sealing.seal, &inode.header);
}

static struct record_zap zap_of(uint64_t pointer, uint64_t i_ino, uint64_t pfn,
				enum record_zap_routine routine)
{
	struct record_zap zap = { .header = header(RECORD_ZAP, sizeof(zap)),
				  .i_ino = i_ino,
				  .pgoff = 5,
				  .page = page_of(pfn),
				  .nr = 1,
				  .routine = routine };

	zap.header.inode = pointer;
	return zap;
}

static void flush_of(uint64_t first, uint64_t last)
{
	struct record_flush flush = { .header = header(RECORD_FLUSH, sizeof(flush)),
				      .first = first,
				      .last = last,
				      .routine = RECORD_FLUSH_RANGE };

	seal_record(&sealing.seal, &flush.header);
}

static void release_of(uint64_t pointer, uint64_t i_ino, uint64_t time)
{
	struct record_request end = { .header = header(RECORD_REQUEST_END, sizeof(end)),
				      .i_ino = i_ino,
				      .operation = RECORD_OPERATION_RELEASE };

	end.header.inode = pointer;
	end.header.time = time;
	seal_record(&sealing.seal, &end.header);
}

static uint64_t last_inode(void)
{
	assert_true(sealing.sealed_nr > 0);
	return sealing.sealed[sealing.sealed_nr - 1].header.inode;
}

static void assert_no_address(void)
{
	for (size_t i = 0; i < sealing.sealed_nr; i++) {
		for (size_t word = 0; word < sealing.sealed[i].header.size / 8; word++) {
			uint64_t value = sealing.sealed[i].words[word];

			assert_true(value < KERNEL_BEGIN || value == ~0ULL);
		}
	}
}

static void test_no_address(void **state)
{
	struct record_zap zap = zap_of(INODE, I_INO, 100, RECORD_ZAP_VALID);
	struct record_owner join = { .header = header(RECORD_JOIN, sizeof(join)),
				     .i_ino = I_INO,
				     .page = page_of(7),
				     .nr = 1 };
	struct record_page_free freed = { .header = header(RECORD_PAGE_FREE, sizeof(freed)),
					  .page = page_of(9) };
	struct record_snapshot begin = { .header = header(RECORD_SNAPSHOT_BEGIN, sizeof(begin)),
					 .i_ino = I_INO };

	(void)state;
	zap.flush_routine = RECORD_FLUSH_RANGE;
	zap.flush_first = PAGE_OFFSET + (100 << 12);
	zap.flush_last = PAGE_OFFSET + (101 << 12);
	join.header.inode = begin.header.inode = INODE;
	announce(INODE, I_INO);
	seal_record(&sealing.seal, &zap.header);
	seal_record(&sealing.seal, &join.header);
	seal_record(&sealing.seal, &freed.header);
	seal_record(&sealing.seal, &begin.header);
	flush_of(PAGE_OFFSET, PAGE_OFFSET + 4096);
	flush_of(0, ~0ULL);
	release_of(INODE, I_INO, 2000);
	assert_no_address();
	assert_int_equal(sealing.sealed_nr, 9);
	assert_int_equal(sealing.sealed[1].zap.page, 100);
	assert_int_equal(sealing.sealed[1].zap.flush_first, 100);
	assert_int_equal(sealing.sealed[1].zap.flush_last, 100);
	assert_int_equal(sealing.sealed[2].owner.page, 7);
	assert_int_equal(sealing.sealed[3].page_free.page, 9);
}

static void test_flush_bounds(void **state)
{
	static const struct {
		uint64_t start, end, first, last;
		bool full;
	} cases[] = {
		{ PAGE_OFFSET + 0x5000, PAGE_OFFSET + 0x8000, 5, 7, false },
		/* As many pages as the ceiling are flushed singly, one more is everything. */
		{ PAGE_OFFSET, PAGE_OFFSET + (33ULL << 12), 0, 32, false },
		{ PAGE_OFFSET, PAGE_OFFSET + (34ULL << 12), 0, ~0ULL, true },
		{ 0, ~0ULL, 0, ~0ULL, true },
		/* Reaches into the direct map, or ends beyond it. */
		{ PAGE_OFFSET - 0x1000, PAGE_OFFSET + 0x1000, 0, 0, false },
		{ DIRECT_MAP_END - 0x1000, DIRECT_MAP_END + 0x1000, (1 << 20) - 1, (1 << 20) - 1,
		  false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct record_flush *flush = &sealing.sealed[i].flush;

		flush_of(cases[i].start, cases[i].end);
		assert_int_equal(flush->first, cases[i].first);
		assert_int_equal(flush->last, cases[i].last);
		assert_int_equal(flush->full, cases[i].full);
	}
}

/* A flush of module space covers no page, not even page 0. */
static void test_flush_outside(void **state)
{
	const struct record_flush *flush = &sealing.sealed[0].flush;

	(void)state;
	flush_of(0xffffffffa0000000, 0xffffffffa0002000);
	assert_int_equal(flush->full, 0);
	assert_true(flush->first > flush->last);
}

static void test_inode_numbers(void **state)
{
	(void)state;
	announce(INODE, I_INO);
	assert_int_equal(last_inode(), 1);
	/* Said again, with its VM. */
	announce(INODE, I_INO);
	assert_int_equal(last_inode(), 1);
	/* The same memory holds another inode. */
	announce(INODE, I_INO + 1);
	assert_int_equal(last_inode(), 2);
	assert_int_equal(seal_number(&sealing.seal, INODE, I_INO), 1);
	assert_int_equal(seal_number(&sealing.seal, INODE, I_INO + 2), 0);
	assert_non_null(seal_find(&sealing.seal, 2));
	assert_null(seal_find(&sealing.seal, 3));
}

/* Until the watermark has passed a zap of a dead inode may still come from the other ring. */
static void test_inode_death(void **state)
{
	struct record_zap zap = zap_of(INODE, I_INO, 100, RECORD_ZAP_VALID);

	(void)state;
	announce(INODE, I_INO);
	release_of(INODE, I_INO, 2000);
	assert_int_equal(sealing.sealed[sealing.sealed_nr - 1].inode.dead, 1);
	assert_null(seal_find(&sealing.seal, 1));
	seal_forget(&sealing.seal, 1500);
	seal_record(&sealing.seal, &zap.header);
	assert_int_equal(last_inode(), 1);
	seal_forget(&sealing.seal, 2500);
	seal_record(&sealing.seal, &zap.header);
	assert_int_equal(last_inode(), 0);
	announce(INODE, I_INO);
	assert_int_equal(last_inode(), 2);
}

/* Nobody announced the owner of a zapped page: ask, or know that only memfd_secret does so. */
static void test_inode_unannounced(void **state)
{
	struct record_zap known = zap_of(INODE, I_INO, 100, RECORD_ZAP_VALID);
	struct record_zap stranger = zap_of(INODE + 0x1000, 5, 101, RECORD_ZAP_VALID);
	struct record_zap secret = zap_of(INODE + 0x2000, 6, 102, RECORD_ZAP_INVALID);
	struct record_zap anonymous = zap_of(INODE + 1, 7, 103, RECORD_ZAP_INVALID);

	(void)state;
	sealing.identity =
		(struct identify_args){ .i_ino = I_INO, .provider = RECORD_PROVIDER_RFC3 };
	seal_record(&sealing.seal, &known.header);
	assert_int_equal(sealing.sealed_nr, 2);
	assert_int_equal(sealing.sealed[0].inode.provider, RECORD_PROVIDER_RFC3);
	assert_int_equal(sealing.sealed[1].zap.header.inode, 1);

	sealing.identity.result = -3;
	seal_record(&sealing.seal, &stranger.header);
	assert_int_equal(last_inode(), 0);
	assert_int_equal(sealing.sealed[2].zap.i_ino, 0);
	assert_int_equal(sealing.sealed[2].zap.pgoff, 0);

	seal_record(&sealing.seal, &secret.header);
	assert_int_equal(sealing.sealed[3].inode.provider, RECORD_PROVIDER_SECRETMEM);
	assert_int_equal(last_inode(), 2);

	/* page->mapping of an anonymous page is no inode's: not even asked. */
	assert_int_equal(sealing.identified, 3);
	seal_record(&sealing.seal, &anonymous.header);
	assert_int_equal(last_inode(), 0);
	assert_int_equal(sealing.identified, 3);
	assert_no_address();
}

/* Pages of a design that is not known are nobody's, however they are zapped: of memfd_secret's they would be accused. */
static void test_inode_unknown(void **state)
{
	struct record_zap unknown = zap_of(INODE, I_INO, 100, RECORD_ZAP_INVALID);

	(void)state;
	sealing.identity =
		(struct identify_args){ .i_ino = I_INO, .provider = RECORD_PROVIDER_UNKNOWN };
	seal_record(&sealing.seal, &unknown.header);
	assert_int_equal(sealing.sealed_nr, 1);
	assert_int_equal(last_inode(), 0);

	/* A control: what is there now is another one. */
	sealing.identity.i_ino = I_INO + 1;
	seal_record(&sealing.seal, &unknown.header);
	assert_int_equal(sealing.sealed_nr, 3);
	assert_int_equal(sealing.sealed[1].inode.provider, RECORD_PROVIDER_SECRETMEM);
}

/* Its announcement found no room: a page that joins asks as well, and what has gone is nobody's. */
static void test_join_unannounced(void **state)
{
	struct record_owner join = { .header = header(RECORD_JOIN, sizeof(join)),
				     .i_ino = I_INO,
				     .page = page_of(100),
				     .nr = 1 };

	(void)state;
	join.header.inode = INODE + 0x1000;
	seal_record(&sealing.seal, &join.header);
	assert_int_equal(sealing.sealed_nr, 1);
	assert_int_equal(last_inode(), 0);

	sealing.identity =
		(struct identify_args){ .i_ino = I_INO, .provider = RECORD_PROVIDER_RFC3 };
	join.header.inode = INODE;
	seal_record(&sealing.seal, &join.header);
	assert_int_equal(sealing.sealed_nr, 3);
	assert_int_equal(sealing.sealed[1].inode.provider, RECORD_PROVIDER_RFC3);
	assert_int_equal(sealing.sealed[1].inode.before_attach, 1);
	assert_int_equal(last_inode(), 1);
	assert_int_equal(sealing.identified, 2);
	assert_no_address();
}

static uint64_t word(uint64_t pfn, unsigned int bits)
{
	return pfn << RECORD_SNAPSHOT_PFN_SHIFT | bits;
}

/* Bits above the first eight are no part of the pfn, and two pages that differ in them are two runs. */
static void test_block_left(void **state)
{
	const unsigned int here = RECORD_PAGE_RESIDENT | RECORD_PAGE_PREPARED;
	const unsigned int left = here | RECORD_PAGE_LOCKED | 3U << RECORD_PAGE_REFERENCES_SHIFT;
	struct record_snapshot_block block = {
		.header = header(RECORD_SNAPSHOT_BLOCK, sizeof(block)), .i_ino = I_INO, .nr = 2
	};

	(void)state;
	block.pages[0] = word(500, here);
	block.pages[1] = word(501, left);
	block.header.inode = INODE;
	announce(INODE, I_INO);
	seal_record(&sealing.seal, &block.header);
	assert_int_equal(sealing.sealed_nr, 3);
	assert_int_equal(sealing.sealed[1].page.bits, here);
	assert_int_equal(sealing.sealed[2].page.bits, left);
	assert_int_equal(sealing.sealed[2].page.pfn, 501);
}

/* Runs of like pages; pages that neither exist nor deviate are not listed. */
static void test_block_runs(void **state)
{
	struct record_snapshot_block block = { .header =
						       header(RECORD_SNAPSHOT_BLOCK, sizeof(block)),
					       .i_ino = I_INO,
					       .pgoff = 64,
					       .nr = 9,
					       .snapshot = 3 };
	const unsigned int here = RECORD_PAGE_RESIDENT | RECORD_PAGE_PREPARED;
	static const struct {
		uint64_t pgoff, pfn;
		uint32_t nr, bits;
	} runs[] = {
		{ 64, 500, 2, RECORD_PAGE_RESIDENT | RECORD_PAGE_PREPARED },
		{ 66, 502, 1, RECORD_PAGE_RESIDENT | RECORD_PAGE_PREPARED | RECORD_PAGE_PRESENT },
		{ 69, 0, 2, RECORD_PAGE_DEVIATES },
		{ 71, 600, 1, RECORD_PAGE_RESIDENT | RECORD_PAGE_PREPARED },
		{ 72, 602, 1, RECORD_PAGE_RESIDENT | RECORD_PAGE_PREPARED },
	};
	const uint64_t words[] = { word(500, here),
				   word(501, here),
				   word(502, here | RECORD_PAGE_PRESENT),
				   0,
				   0,
				   word(0, RECORD_PAGE_DEVIATES),
				   word(0, RECORD_PAGE_DEVIATES),
				   word(600, here),
				   word(602, here) };

	(void)state;
	memcpy(block.pages, words, sizeof(words));
	block.header.inode = INODE;
	/* Of an inode that is none of ours. */
	seal_record(&sealing.seal, &block.header);
	assert_int_equal(sealing.sealed_nr, 0);
	announce(INODE, I_INO);
	seal_record(&sealing.seal, &block.header);
	assert_int_equal(sealing.sealed_nr, 6);
	for (size_t i = 0; i < 5; i++) {
		const struct record_snapshot_page *page = &sealing.sealed[i + 1].page;

		assert_int_equal(page->pgoff, runs[i].pgoff);
		assert_int_equal(page->pfn, runs[i].pfn);
		assert_int_equal(page->nr, runs[i].nr);
		assert_int_equal(page->bits, runs[i].bits);
		assert_int_equal(page->snapshot, 3);
	}
}

/* What BPF put together already is handed on as it is. */
static void test_snapshot_run(void **state)
{
	const unsigned int here = RECORD_PAGE_RESIDENT | RECORD_PAGE_PREPARED;
	struct record_snapshot_run run = { .header = header(RECORD_SNAPSHOT_RUN, sizeof(run)),
					   .i_ino = I_INO,
					   .pgoff = 128,
					   .word = word(500, here),
					   .nr = 192,
					   .snapshot = 3 };
	const struct record_snapshot_page *page = &sealing.sealed[1].page;

	(void)state;
	run.header.inode = INODE;
	seal_record(&sealing.seal, &run.header);
	assert_int_equal(sealing.sealed_nr, 0);
	announce(INODE, I_INO);
	seal_record(&sealing.seal, &run.header);
	assert_int_equal(sealing.sealed_nr, 2);
	assert_int_equal(page->header.kind, RECORD_SNAPSHOT_PAGE);
	assert_int_equal(page->header.size, sizeof(*page));
	assert_int_equal(page->header.inode, 1);
	assert_int_equal(page->pgoff, 128);
	assert_int_equal(page->pfn, 500);
	assert_int_equal(page->nr, 192);
	assert_int_equal(page->bits, here);
	assert_int_equal(page->snapshot, 3);
}

/* More inodes than the first table holds keep their numbers. */
static void test_many_inodes(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		announce(INODE + i * 0x400, i);
		sealing.sealed_nr = 0;
	}
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(seal_number(&sealing.seal, INODE + i * 0x400, i), i + 1);
}

/* Who lives keeps its number, however many have died since and been forgotten. */
static void test_inodes_outlived(void **state)
{
	(void)state;
	announce(INODE, I_INO);
	for (uint64_t i = 1; i < 1000; i++) {
		announce(INODE + i * 0x400, i);
		release_of(INODE + i * 0x400, i, 1000);
		seal_forget(&sealing.seal, 5000);
		sealing.sealed_nr = 0;
	}
	assert_int_equal(seal_number(&sealing.seal, INODE, I_INO), 1);
	assert_non_null(seal_find(&sealing.seal, 1));
	assert_null(seal_find(&sealing.seal, 500));
}

/* By its number each is found that lives, wherever it stands by now; an address may be another's soon. */
static void test_inodes_found(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		announce(INODE + i % 700 * 0x400, i % 700);
		if (i % 3 == 0)
			release_of(INODE + i % 700 * 0x400, i % 700, 1000 + i);
		if (i % 100 == 99)
			seal_forget(&sealing.seal, 1000 + i / 2);
		sealing.sealed_nr = 0;
	}
	for (uint64_t i = 0; i < 700; i++) {
		uint64_t number = seal_number(&sealing.seal, INODE + i * 0x400, i);
		const struct seal_inode *found = seal_find(&sealing.seal, number);

		if (found)
			assert_int_equal(found->pointer, INODE + i * 0x400);
		/* From 700 on the first 300 are met again. */
		assert_int_equal(!found, (i < 300 ? i + 700 : i) % 3 == 0);
	}
	assert_null(seal_find(&sealing.seal, 0));
	assert_null(seal_find(&sealing.seal, 5000));
}

/* What it is asked about may have become another inode, or one of no known kind. */
static void test_inode_became_another(void **state)
{
	struct record_zap zap = zap_of(INODE, I_INO, 100, RECORD_ZAP_VALID);

	(void)state;
	sealing.identity =
		(struct identify_args){ .i_ino = I_INO + 1, .provider = RECORD_PROVIDER_RFC3 };
	seal_record(&sealing.seal, &zap.header);
	assert_int_equal(last_inode(), 0);
	sealing.identity =
		(struct identify_args){ .i_ino = I_INO, .provider = RECORD_PROVIDER_UNKNOWN };
	seal_record(&sealing.seal, &zap.header);
	assert_int_equal(last_inode(), 0);
	assert_int_equal(sealing.identified, 2);
	/* A page that shows no owner at all. */
	zap = zap_of(0, 0, 100, RECORD_ZAP_VALID);
	seal_record(&sealing.seal, &zap.header);
	assert_int_equal(last_inode(), 0);
	assert_int_equal(sealing.identified, 2);
}

static void request_of(enum record_kind kind, enum record_operation operation, uint64_t pointer)
{
	struct record_request request = { .header = header(kind, sizeof(request)),
					  .i_ino = I_INO,
					  .operation = operation };

	request.header.inode = pointer;
	seal_record(&sealing.seal, &request.header);
}

/* An inode's release is its end, and nothing else is; it ends once. */
static void test_release_retires(void **state)
{
	(void)state;
	/* A stranger's release is nobody's, a stranger's fallocate somebody's. */
	request_of(RECORD_REQUEST_END, RECORD_OPERATION_RELEASE, INODE);
	assert_int_equal(sealing.sealed_nr, 0);
	request_of(RECORD_REQUEST_END, RECORD_OPERATION_FALLOCATE, INODE);
	assert_int_equal(sealing.sealed_nr, 1);
	assert_int_equal(last_inode(), 0);
	announce(INODE, I_INO);
	request_of(RECORD_REQUEST_END, RECORD_OPERATION_FALLOCATE, INODE);
	request_of(RECORD_REQUEST_BEGIN, RECORD_OPERATION_RELEASE, INODE);
	assert_non_null(seal_find(&sealing.seal, 1));
	assert_int_equal(sealing.sealed_nr, 4);
	request_of(RECORD_REQUEST_END, RECORD_OPERATION_RELEASE, INODE);
	assert_null(seal_find(&sealing.seal, 1));
	/* The request, and the inode's last record. */
	assert_int_equal(sealing.sealed_nr, 6);
	assert_int_equal(sealing.sealed[5].inode.dead, 1);
	request_of(RECORD_REQUEST_END, RECORD_OPERATION_RELEASE, INODE);
	assert_int_equal(sealing.sealed_nr, 7);
}

static uint32_t stack_of(void *context, uint32_t number)
{
	assert_ptr_equal(context, &sealing);
	return number == 5 ? 9 : 0;
}

static void names_of(void *context, const __u64 addresses[RECORD_CALLER_FRAMES_NR],
		     char text[RECORD_CALLER_TEXT_MAX])
{
	assert_ptr_equal(context, &sealing);
	snprintf(text, RECORD_CALLER_TEXT_MAX, "%s", addresses[0] ? "vfree" : "");
}

/* Names and a pfn, and no address; nothing where nobody is known. */
static void test_caller(void **state)
{
	struct record_caller_frames frames = {
		.header = header(RECORD_CALLER_FRAMES, sizeof(frames)),
		.page = page_of(7),
		.frames = { 0xffffffff81001234 },
	};
	const struct record_caller *caller;

	(void)state;
	seal_record(&sealing.seal, &frames.header);
	assert_int_equal(sealing.sealed_nr, 0);
	sealing.seal.caller = names_of;
	sealing.seal.stack_context = &sealing;
	seal_record(&sealing.seal, &frames.header);
	assert_int_equal(sealing.sealed_nr, 1);
	caller = &sealing.sealed[0].caller;
	assert_int_equal(caller->header.kind, RECORD_CALLER);
	assert_int_equal(caller->header.size, sizeof(*caller) + 8);
	assert_int_equal(caller->page, 7);
	assert_string_equal(record_caller_text(caller), "vfree");
	frames.frames[0] = 0;
	seal_record(&sealing.seal, &frames.header);
	assert_int_equal(sealing.sealed_nr, 1);
}

static const struct record_flush_timed *timed_of(uint64_t first, uint64_t last)
{
	struct record_flush_timed flush = {
		.header = header(RECORD_FLUSH_TIMED, sizeof(flush)),
		.first = first,
		.last = last,
		.stack = 5,
		.stack_state = RECORD_STACK_TAKEN,
		.late_stack = 6,
		.late_stack_state = RECORD_STACK_TAKEN,
	};

	seal_record(&sealing.seal, &flush.header);
	return &sealing.sealed[sealing.sealed_nr - 1].timed;
}

/* Bounds become pfns of the direct map, and the kernel's numbers of stacks those of the capture. */
static void test_flush_timed(void **state)
{
	const struct record_flush_timed *flush;

	(void)state;
	sealing.seal.stack = stack_of;
	sealing.seal.stack_context = &sealing;
	flush = timed_of(PAGE_OFFSET + 4096, PAGE_OFFSET + 2 * 4096);
	assert_int_equal(flush->bits, RECORD_FLUSH_DIRECT);
	assert_int_equal(flush->first, 1);
	assert_int_equal(flush->last, 1);
	assert_int_equal(flush->stack, 9);
	assert_int_equal(flush->stack_state, RECORD_STACK_TAKEN);
	/* One that cannot be told is none. */
	assert_int_equal(flush->late_stack, 0);
	assert_int_equal(flush->late_stack_state, RECORD_STACK_LOST);
	flush = timed_of(0xffffffffa0000000, 0xffffffffa0002000);
	assert_int_equal(flush->bits, 0);
	assert_true(flush->first > flush->last);
	flush = timed_of(0, ~0ULL);
	assert_int_equal(flush->bits, RECORD_FLUSH_DIRECT | RECORD_FLUSH_FULL);
	assert_int_equal(flush->first, 0);
	assert_int_equal(flush->last, ~0ULL);
}

/* Where none was taken there is none, and none was lost. */
static void test_flush_without_stack(void **state)
{
	const struct record_flush_timed raw = {
		.header = header(RECORD_FLUSH_TIMED, sizeof(raw)),
		.stack = 5,
		.stack_state = RECORD_STACK_NONE,
		.late_stack = 5,
		.late_stack_state = RECORD_STACK_LOST,
	};
	const struct record_flush_timed *flush = &sealing.sealed[0].timed;

	(void)state;
	sealing.seal.stack = stack_of;
	sealing.seal.stack_context = &sealing;
	seal_record(&sealing.seal, &raw.header);
	assert_int_equal(flush->stack, 0);
	assert_int_equal(flush->stack_state, RECORD_STACK_NONE);
	assert_int_equal(flush->late_stack, 0);
	assert_int_equal(flush->late_stack_state, RECORD_STACK_LOST);
}

/* What a handler interrupted is kept as it was seen, and named here; of one that was not seen to run, nothing. */
static void test_answers(void **state)
{
	const struct record_answers raw = {
		.header = header(RECORD_ANSWERS, sizeof(raw)),
		.nr = 5,
		.answers = { { .cpu = 1, .entered = 7, .left = 7 },
			     { .cpu = 2, .entered = 7, .left = 7, .tid = 9, .bits = 1 },
			     { .cpu = 3, .entered = 7, .left = 7, .tid = 9, .bits = 0x0100 },
			     { .cpu = 4, .entered = 7, .left = 7, .tid = 9 },
			     { .cpu = 5 } },
	};
	static const uint16_t bits[] = { RECORD_ANSWER_IDLE, RECORD_ANSWER_GUEST,
					 RECORD_ANSWER_SOFTIRQ, 0, 0 };
	const struct record_answers *sealed = &sealing.sealed[0].answers;

	(void)state;
	seal_record(&sealing.seal, &raw.header);
	assert_int_equal(sealing.sealed_nr, 1);
	assert_int_equal(sealed->nr, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(sealed->answers[i].bits, bits[i]);
		assert_int_equal(sealed->answers[i].cpu, i + 1);
	}
}

/* flush_tlb_kernel_range() of everything, from wherever. */
static void test_flush_to_the_end(void **state)
{
	(void)state;
	flush_of(~0ULL - 0x1000, ~0ULL);
	assert_int_equal(sealing.sealed_nr, 1);
	assert_int_equal(sealing.sealed[0].flush.first, 0);
	assert_int_equal(sealing.sealed[0].flush.last, ~0ULL);
}

/* Pages that are not there at a block's end make no run. */
static void test_block_empty_end(void **state)
{
	struct record_snapshot_block block = {
		.header = header(RECORD_SNAPSHOT_BLOCK, sizeof(block)),
		.i_ino = I_INO,
		.nr = 3,
	};

	(void)state;
	block.header.inode = INODE;
	block.pages[0] = word(0, RECORD_PAGE_DEVIATES);
	announce(INODE, I_INO);
	seal_record(&sealing.seal, &block.header);
	assert_int_equal(sealing.sealed_nr, 2);
}

#define SEAL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#define VM 0xff11000002468000ULL

static void promise_of(uint64_t vm, uint64_t pointer, uint64_t i_ino,
		       enum record_promise_event event)
{
	struct record_promise promise = { .header = header(RECORD_PROMISE, sizeof(promise)),
					  .i_ino = i_ino,
					  .vm = vm,
					  .gfn_first = 0x100,
					  .gfn_nr = 2,
					  .event = event };

	promise.header.inode = pointer;
	seal_record(&sealing.seal, &promise.header);
}

/* VMs get numbers, each its own; what is of an inode that nobody knows is not handed on. */
static void test_promise(void **state)
{
	struct record_promise_read read = { .header = header(RECORD_PROMISE_READ, sizeof(read)),
					    .i_ino = I_INO,
					    .vm = VM,
					    .pgoff = 3,
					    .nr = 1 };
	size_t known;

	(void)state;
	announce(INODE, I_INO);
	known = sealing.sealed_nr;
	promise_of(VM, 0, 0, RECORD_PROMISE_CONVERT_BEGIN);
	promise_of(VM + 64, 0, 0, RECORD_PROMISE_CONVERT_BEGIN);
	promise_of(VM, INODE, I_INO, RECORD_PROMISE_BIND);
	promise_of(0, INODE, I_INO, RECORD_PROMISE_UNBIND);
	promise_of(VM, INODE + 64, I_INO, RECORD_PROMISE_BIND);
	read.header.inode = INODE;
	seal_record(&sealing.seal, &read.header);
	read.header.inode = INODE + 64;
	seal_record(&sealing.seal, &read.header);
	assert_int_equal(sealing.sealed_nr, known + 5);
	assert_int_equal(sealing.sealed[known].promise.vm, 1);
	assert_int_equal(sealing.sealed[known + 1].promise.vm, 2);
	assert_int_equal(sealing.sealed[known + 2].promise.vm, 1);
	assert_int_equal(sealing.sealed[known + 2].header.inode, 1);
	assert_int_equal(sealing.sealed[known + 3].promise.vm, 0);
	assert_int_equal(sealing.sealed[known + 4].promise_read.vm, 1);
	assert_no_address();
	for (uint64_t vm = 2; vm < 200; vm++)
		promise_of(VM + 64 * vm, INODE + 64, I_INO, RECORD_PROMISE_BIND);
	promise_of(VM + 64ULL * 199, 0, 0, RECORD_PROMISE_CONVERT_BEGIN);
	assert_int_equal(sealing.sealed[sealing.sealed_nr - 1].promise.vm, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SEAL_TEST(test_no_address),
		SEAL_TEST(test_promise),
		SEAL_TEST(test_flush_bounds),
		SEAL_TEST(test_flush_outside),
		SEAL_TEST(test_inode_numbers),
		SEAL_TEST(test_inode_death),
		SEAL_TEST(test_inode_unannounced),
		SEAL_TEST(test_join_unannounced),
		SEAL_TEST(test_inode_unknown),
		SEAL_TEST(test_block_runs),
		SEAL_TEST(test_many_inodes),
		SEAL_TEST(test_snapshot_run),
		SEAL_TEST(test_block_left),
		SEAL_TEST(test_inodes_outlived),
		SEAL_TEST(test_inodes_found),
		SEAL_TEST(test_flush_to_the_end),
		SEAL_TEST(test_answers),
		SEAL_TEST(test_flush_timed),
		SEAL_TEST(test_flush_without_stack),
		SEAL_TEST(test_caller),
		SEAL_TEST(test_inode_became_another),
		SEAL_TEST(test_release_retires),
		SEAL_TEST(test_block_empty_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
