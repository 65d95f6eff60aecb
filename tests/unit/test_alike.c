// SPDX-License-Identifier: GPL-2.0
/*
 * Pages alike are judged by the chunk, and where there is nothing by the gigabyte. It must come to
 * the same as page by page. Here histories are drawn at random and written down twice: once as a
 * reader tells of them, and once with each run of a read in two halves, the second one first, so
 * that nothing can be taken together.
 */
#include <stdlib.h>
#include "scene.h"

#define CHUNK 512
#define PAGES (2 * CHUNK + 100)
#define CHUNKS 3
#define STEPS 60
#define READS_MAX 200000

/* What the kernel's memory looks like. */
struct truth {
	__u64 pfn; /* 0: not resident */
	bool prepared, present, deviates, local;
};

struct history {
	struct stream whole, halves;
	struct truth page[PAGES];
	enum record_provider provider;
	unsigned int dice;
	unsigned int calm; /* so much rarer is what parts pages alike */
	__u64 now, pfn_next;
};

static __u64 settled, proven, non_global; /* pages, of all histories */

/* What was told of a page by a read. */
struct told {
	__u64 pgoff, pfn, begin, since, shadow_until;
	__u32 bits, settled, declared, applied, xarray, table, differs, proven, non_global;
};

struct telling {
	struct told *list;
	size_t nr;
};

static unsigned int draw(struct history *history, unsigned int below)
{
	history->dice = history->dice * 1103515245U + 12345;
	return (history->dice >> 8) % below;
}

/* Both streams' next record is of now. */
static void tick(struct history *history)
{
	history->now += 10000;
	history->whole.now = history->halves.now = history->now;
}

#define BOTH(call, ...)                                                                            \
	do {                                                                                       \
		tick(history);                                                                     \
		call(&history->whole, __VA_ARGS__);                                                \
		call(&history->halves, __VA_ARGS__);                                               \
	} while (0)

static __u64 chunk_end(__u64 first)
{
	return first + CHUNK < PAGES ? first + CHUNK : PAGES;
}

static void add_owner(struct stream *stream, __u16 kind, __u64 pgoff, __u64 pfn, __u32 nr,
		      bool prepared)
{
	struct record_owner record = {
		.header = { .kind = kind,
			    .size = sizeof(record),
			    .tid = T,
			    .time = stream->now,
			    .inode = G },
		.page = pfn,
		.pgoff = pgoff,
		.nr = nr,
		.prepared = prepared,
	};

	stream_add(stream, &record.header);
}

/* [first, first + nr) join, as one run. */
static void join(struct history *history, __u64 first, __u64 nr)
{
	bool prepared = draw(history, 2);

	for (__u64 i = first; i < first + nr; i++) {
		if (history->page[i].pfn)
			return;
	}
	for (__u64 i = first; i < first + nr; i++) {
		history->page[i].pfn = history->pfn_next + (i - first);
		history->page[i].prepared = prepared;
		history->page[i].present = true;
	}
	BOTH(add_owner, RECORD_JOIN, first, history->pfn_next, (__u32)nr, prepared);
	history->pfn_next += 4 * CHUNK;
}

/* One leaves, or the run that begins with it. */
static void leave(struct history *history, __u64 first, __u64 nr)
{
	__u64 pfn = history->page[first].pfn;

	for (__u64 i = first; i < first + nr; i++) {
		if (!pfn || history->page[i].pfn != pfn + (i - first))
			return;
	}
	for (__u64 i = first; i < first + nr; i++)
		history->page[i].pfn = 0;
	BOTH(add_owner, RECORD_LEAVE, 0, pfn, (__u32)nr, false);
}

static void change(struct history *history, __u64 first, __u64 nr, bool present)
{
	__u64 pfn = history->page[first].pfn;
	bool local = draw(history, 2);

	for (__u64 i = first; i < first + nr; i++) {
		if (!pfn || history->page[i].pfn != pfn + (i - first))
			return;
	}
	for (__u64 i = first; i < first + nr; i++) {
		history->page[i].present = present;
		history->page[i].local = local;
	}
	BOTH(stream_zap, T, G, first, pfn, (__u32)nr, present, 0);
}

/* [first, last] asked for; the pages are changed with it or, wrongly, are not. */
static void ask(struct history *history, __u64 first, __u64 last, bool present)
{
	bool records = draw(history, 8 * history->calm), changes = draw(history, 8 * history->calm);

	BOTH(stream_begin, T, G, RECORD_OPERATION_SET_RANGE, first, last, present);
	for (__u64 i = first; i <= last; i++) {
		if (records)
			history->page[i].deviates = present;
		if (changes && history->page[i].pfn && (i == first || !(i % CHUNK)))
			change(history, i,
			       (chunk_end(i & ~(CHUNK - 1ULL)) - 1 < last
					? chunk_end(i & ~(CHUNK - 1ULL)) - 1
					: last) -
				       i + 1,
			       present);
	}
	BOTH(stream_end, T, G, RECORD_OPERATION_SET_RANGE, first, last, present);
}

static __u32 bits_of(const struct history *history, __u64 pgoff, __u32 unknown)
{
	const struct truth *page = &history->page[pgoff];
	__u32 bits = page->deviates && history->provider == RFC3 ? RECORD_PAGE_DEVIATES : 0;

	if (page->pfn) {
		bits |= RECORD_PAGE_RESIDENT;
		bits |= page->prepared ? RECORD_PAGE_PREPARED : 0;
		bits |= page->present ? RECORD_PAGE_PRESENT : 0;
		bits |= page->present && page->local ? RECORD_PAGE_NON_GLOBAL : 0;
	}
	return bits | unknown;
}

static void add_page(struct stream *stream, const struct record_snapshot_page *run, __u64 from,
		     __u64 nr)
{
	struct record_snapshot_page record = *run;

	record.pgoff += from;
	record.pfn += record.bits & RECORD_PAGE_RESIDENT ? from : 0;
	record.nr = (__u32)nr;
	stream_add(stream, &record.header);
}

static void add_run(struct history *history, const struct record_snapshot_page *run)
{
	__u64 half = run->nr / 2;

	if (run->bits)
		add_page(&history->whole, run, 0, run->nr);
	add_page(&history->halves, run, half, run->nr - half);
	if (half)
		add_page(&history->halves, run, 0, half);
	else
		add_page(&history->halves, run, 0, 1);
}

static void add_runs(struct history *history, __u64 first, __u64 nr, __u64 snapshot, __u32 unknown)
{
	struct record_snapshot_page run = { .nr = 0 };

	for (__u64 i = first; i < first + nr; i++) {
		__u32 bits = bits_of(history, i, unknown);
		__u64 pfn = bits & RECORD_PAGE_RESIDENT ? history->page[i].pfn : 0;

		/* A chunk is never told of in one run with the next. */
		if (run.nr && i % CHUNK && run.bits == bits &&
		    pfn == (bits & RECORD_PAGE_RESIDENT ? run.pfn + run.nr : 0)) {
			run.nr++;
			continue;
		}
		if (run.nr)
			add_run(history, &run);
		run = (struct record_snapshot_page){
			.header = { .kind = RECORD_SNAPSHOT_PAGE,
				    .size = sizeof(run),
				    .time = history->now,
				    .inode = G },
			.pgoff = i,
			.pfn = pfn,
			.nr = 1,
			.bits = bits,
			.snapshot = snapshot,
		};
	}
	add_run(history, &run);
}

static void add_bracket(struct history *history, __u16 kind, const struct record_snapshot *shape)
{
	struct record_snapshot record = *shape;

	tick(history);
	record.header = (struct record_header){
		.kind = kind, .size = sizeof(record), .time = history->now, .inode = G
	};
	stream_add(&history->whole, &record.header);
	stream_add(&history->halves, &record.header);
}

static void read_range(struct history *history, __u64 first, __u64 nr)
{
	static const __u32 unknowns[] = { RECORD_PAGE_DECLARED_UNKNOWN, RECORD_PAGE_APPLIED_UNKNOWN,
					  RECORD_PAGE_RESIDENT_UNKNOWN };
	__u32 unknown = draw(history, 10 * history->calm) ? 0 : unknowns[draw(history, 3)];
	unsigned int disturbed = draw(history, 6 * history->calm);
	struct record_snapshot shape = {
		.pgoff_first = first,
		.pgoff_nr = nr,
		.inode_pages = PAGES,
		.origin = RECORD_SNAPSHOT_LIVE,
		.provider = history->provider,
		.default_state = history->provider == RECORD_PROVIDER_GMEM_PLAIN,
		.snapshot = ++history->whole.snapshot,
	};

	/* All of it is touched, so that both ways are in the same doubt. */
	if (disturbed == 0)
		BOTH(stream_begin, T + 1, G, RECORD_OPERATION_FALLOCATE, 0, PAGES - 1, false);
	add_bracket(history, RECORD_SNAPSHOT_BEGIN, &shape);
	add_runs(history, first, nr, shape.snapshot, unknown);
	if (disturbed == 1) {
		BOTH(stream_begin, T + 1, G, RECORD_OPERATION_FALLOCATE, 0, PAGES - 1, false);
		BOTH(stream_end, T + 1, G, RECORD_OPERATION_FALLOCATE, 0, PAGES - 1, false);
	}
	add_bracket(history, RECORD_SNAPSHOT_END, &shape);
	if (disturbed == 0)
		BOTH(stream_end, T + 1, G, RECORD_OPERATION_FALLOCATE, 0, PAGES - 1, false);
}

/* Something that no event tells of. */
static void corrupt(struct history *history, __u64 first, __u64 nr)
{
	unsigned int what = draw(history, 3);

	for (__u64 i = first; i < first + nr; i++) {
		struct truth *page = &history->page[i];

		if (what == 0)
			page->present = !page->present;
		else if (what == 1)
			page->deviates = !page->deviates;
		else
			page->pfn = page->pfn ? 0 : history->pfn_next + (i - first);
	}
	history->pfn_next += 4 * CHUNK;
}

static void step(struct history *history)
{
	__u64 first = draw(history, CHUNKS) * CHUNK, nr = chunk_end(first) - first;

	if (!draw(history, 3 * history->calm)) {
		first += draw(history, (unsigned int)nr);
		nr = 1;
	}
	switch (draw(history, 12)) {
	case 0:
	case 1:
		join(history, first, nr);
		break;
	case 2:
		leave(history, first, nr);
		break;
	case 3:
		change(history, first, nr, draw(history, 2));
		break;
	case 4:
	case 5:
		ask(history, first, first + nr - 1, draw(history, 2));
		break;
	case 6:
		ask(history, 0, PAGES - 1, draw(history, 2));
		break;
	case 7:
		if (!draw(history, 4 * history->calm))
			corrupt(history, first, nr);
		break;
	case 8:
		if (!draw(history, 4))
			BOTH(stream_loss, G, RECORD_LOSS_RING_FULL, history->now, 1);
		break;
	case 9:
		read_range(history, first, nr > 1 ? nr : chunk_end(first) - first);
		break;
	default:
		read_range(history, 0, PAGES);
		break;
	}
	tick(history);
	stream_heartbeat(&history->whole);
	stream_heartbeat(&history->halves);
}

static void tell(void *context, const struct model_read *read)
{
	struct telling *telling = context;

	for (__u64 i = 0; i < read->nr; i++) {
		assert_true(telling->nr < READS_MAX);
		telling->list[telling->nr++] = (struct told){
			.pgoff = read->pgoff + i,
			.pfn = read->bits & RECORD_PAGE_RESIDENT ? read->pfn + i : read->pfn,
			.begin = read->begin,
			.since = read->since,
			.shadow_until = read->shadow_until,
			.bits = read->bits,
			.settled = read->settled,
			.declared = read->declared,
			.applied = read->applied,
			.xarray = read->xarray,
			.table = read->table,
			.differs = read->differs,
			.proven = read->proven,
			.non_global = read->non_global,
		};
	}
}

static struct model *judge(const struct stream *stream, struct telling *telling)
{
	struct model_options options = { .shadow_ns = 400000 };
	struct model_observer observer = { .context = telling, .page_read = tell };
	struct model *model = model_create(&options);

	telling->list = calloc(READS_MAX, sizeof(*telling->list));
	telling->nr = 0;
	assert_non_null(model);
	assert_non_null(telling->list);
	assert_int_equal(model_observe(model, &observer), 0);
	for (size_t at = 0; at < stream->used;) {
		const struct record_header *record = (const void *)(stream->data + at);

		assert_int_equal(model_feed(model, record), 0);
		at += record->size;
	}
	return model;
}

static void expect_same_pages(const struct model *whole, const struct model *halves)
{
	for (__u64 i = 0; i < PAGES; i++) {
		struct model_page a, b;

		model_page(whole, model_inode_find(whole, G), i, &a);
		model_page(halves, model_inode_find(halves, G), i, &b);
		expect_same_page(&a, &b);
	}
}

static void expect_same_counts(const struct model *whole, const struct model *halves)
{
	const struct model_inode *a = model_inode_find(whole, G), *b = model_inode_find(halves, G);
	struct model_counts of_whole, of_halves;

	model_count(whole, &of_whole);
	model_count(halves, &of_halves);
	assert_int_equal(of_whole.pages_read, of_halves.pages_read);
	assert_int_equal(of_whole.pages_unknown, of_halves.pages_unknown);
	assert_int_equal(of_whole.pages_unsettled, of_halves.pages_unsettled);
	assert_int_equal(of_whole.pages_compared, of_halves.pages_compared);
	assert_int_equal(of_whole.unexplained, of_halves.unexplained);
	assert_int_equal(a->resident, b->resident);
	assert_int_equal(a->absent, b->absent);
	assert_int_equal(a->exposed, b->exposed);
	assert_int_equal(a->compared, b->compared);
	/* Where a part stands for the whole more is read again, never less. */
	assert_true(model_pages_uncompared(whole) >= model_pages_uncompared(halves));
	assert_int_equal(model_owners_complete(whole), model_owners_complete(halves));
	assert_int_equal(model_unsettled(whole), model_unsettled(halves));
}

static void history_begin(struct history *history, unsigned int seed)
{
	static const enum record_provider providers[] = { RFC3, RFC3, SECRET,
							  RECORD_PROVIDER_GMEM_PLAIN };

	memset(history, 0, sizeof(*history));
	stream_init(&history->whole);
	stream_init(&history->halves);
	history->dice = seed * 2654435761U;
	history->now = SECOND;
	history->pfn_next = 1 << 20;
	history->calm = 1U << seed / 8 % 8;
	history->provider = providers[seed % 4];
	BOTH(stream_inode, G, history->provider, PAGES, seed / 4 % 2);
	/* Older than the sensors, it has pages that nobody told of. */
	for (__u64 first = 0; seed / 4 % 2 && first < PAGES; first += CHUNK) {
		bool there = draw(history, 3);

		for (__u64 i = first; there && i < chunk_end(first); i++)
			history->page[i] = (struct truth){
				.pfn = history->pfn_next + (i - first),
				.prepared = true,
				.present = history->provider == RECORD_PROVIDER_GMEM_PLAIN,
			};
		history->pfn_next += 4 * CHUNK;
	}
}

static void test_history(unsigned int seed)
{
	static struct history here;
	struct history *history = &here;
	struct telling of_whole, of_halves;
	struct model *whole, *halves;

	history_begin(history, seed);
	for (int i = 0; i < STEPS; i++)
		step(history);
	whole = judge(&history->whole, &of_whole);
	halves = judge(&history->halves, &of_halves);
	assert_int_equal(of_whole.nr, of_halves.nr);
	for (size_t i = 0; i < of_whole.nr; i++) {
		if (memcmp(&of_whole.list[i], &of_halves.list[i], sizeof(of_whole.list[i])))
			fail_msg("seed %u: page 0x%llx is told of differently", seed,
				 (unsigned long long)of_whole.list[i].pgoff);
	}
	for (size_t i = 0; i < of_whole.nr; i++) {
		settled += of_whole.list[i].settled;
		proven += of_whole.list[i].proven != 0;
		non_global += of_whole.list[i].non_global;
	}
	expect_same_pages(whole, halves);
	expect_same_counts(whole, halves);
	model_free(whole);
	model_free(halves);
	free(of_whole.list);
	free(of_halves.list);
	stream_free(&history->whole);
	stream_free(&history->halves);
}

static void test_same(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 128; seed++)
		test_history(seed);
	/* Histories in which nothing is found prove nothing. */
	assert_true(settled > 100000 && proven > 10000 && non_global > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
