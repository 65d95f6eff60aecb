// SPDX-License-Identifier: GPL-2.0
/*
 * Judging a read page by page. A page is settled when nothing touched it while
 * it was read; a difference is proven when a second settled read shows it with
 * nothing in between. Settled pages teach the model what it does not know.
 *
 * A read is judged when everything that ended before the read's own end has
 * been taken, and nothing that ended after it.
 */
#include "model/judge.h"

/* What a read saw of a chunk: one run of it, or its pages each by itself. */
struct chunk_seen {
	struct read_run run; /* of all of it that was read; bits 0: nothing there */
	bool spread; /* see pages */
	struct read_page pages[CHUNK_PAGES];
};

#define CHUNKS_SEEN_MAX (RECORD_SNAPSHOT_CHUNK / CHUNK_PAGES + 1)

static void chunk_seen_add(struct chunk_seen *seen, const struct read_run *run)
{
	struct read_page *page = &seen->pages[run->pgoff & (CHUNK_PAGES - 1)];

	for (__u32 i = 0; i < run->nr; i++)
		page[i] = (struct read_page){ .pfn = run->pfn + i, .bits = run->bits };
}

/* [first, last] of the chunk were read. */
static void chunk_seen_spread(struct chunk_seen *seen, __u64 first, __u64 last)
{
	if (seen->spread)
		return;
	seen->spread = true;
	if (seen->run.bits)
		chunk_seen_add(seen, &seen->run);
	else
		memset(&seen->pages[first & (CHUNK_PAGES - 1)], 0,
		       (last - first + 1) * sizeof(seen->pages[0]));
}

struct judging {
	struct model *model;
	struct inode *inode;
	const struct bundle *bundle;
	__u64 begin, end; /* ns */
	bool release; /* no request can run unseen */
	struct chunk *chunk; /* the one at hand */
	__u64 start; /* its first pgoff */
	bool calm; /* no request on the whole chunk ended since the read began */
	bool suspected; /* the chunk has suspects */
	bool left; /* pages that want another read */
	__u64 covered[CHUNK_WORDS]; /* by requests that are open */
	struct model_read run; /* like pages not told of yet; nr 0: none */
};

static void run_tell(struct judging *judging)
{
	if (judging->run.nr)
		MODEL_NOTIFY(judging->model, page_read, &judging->run);
	judging->run.nr = 0;
}

static void run_add(struct judging *judging, const struct model_read *read)
{
	struct model_read *run = &judging->run;
	bool resident = read->bits & RECORD_PAGE_RESIDENT;

	if (run->nr && run->pgoff + run->nr == read->pgoff && run->bits == read->bits &&
	    (!resident || run->pfn + run->nr == read->pfn) && run->settled == read->settled &&
	    run->declared == read->declared && run->applied == read->applied &&
	    run->differs == read->differs && run->proven == read->proven) {
		run->nr += read->nr;
		return;
	}
	run_tell(judging);
	*run = *read;
}

static enum model_state read_xarray(const struct judging *judging, __u32 bits)
{
	bool present = judging->bundle->begin.default_state;

	if (judging->inode->public.provider != RECORD_PROVIDER_RFC3 ||
	    bits & RECORD_PAGE_DECLARED_UNKNOWN)
		return MODEL_EITHER;
	if (bits & RECORD_PAGE_DEVIATES)
		present = !present;
	return present ? MODEL_PRESENT : MODEL_ABSENT;
}

static enum model_state read_table(__u32 bits)
{
	if (!(bits & RECORD_PAGE_RESIDENT) || bits & RECORD_PAGE_APPLIED_UNKNOWN)
		return MODEL_EITHER;
	return bits & RECORD_PAGE_PRESENT ? MODEL_PRESENT : MODEL_ABSENT;
}

/* What the page tables must say of a resident page. */
static enum model_state read_expected(const struct judging *judging, const struct model_read *read,
				      const struct page *page)
{
	if (read->bits & RECORD_PAGE_POISONED)
		return MODEL_EITHER;
	switch (judging->inode->public.provider) {
	case RECORD_PROVIDER_GMEM_PLAIN:
		return MODEL_PRESENT;
	case RECORD_PROVIDER_SECRETMEM:
		return read->bits & RECORD_PAGE_PREPARED ? MODEL_ABSENT : MODEL_EITHER;
	case RECORD_PROVIDER_RFC3:
		break;
	default:
		return MODEL_EITHER;
	}
	/* Configured, and about to be marked uptodate: no longer the one, not yet the other. */
	if (!(read->bits & RECORD_PAGE_PREPARED))
		return page && page->flags & PAGE_PREPARED ? MODEL_EITHER : MODEL_PRESENT;
	/* The xarray is the one that is wrong; what follows from it is the same cause. */
	if (read->differs & MODEL_DIFFERS_DECLARED)
		return MODEL_EITHER;
	return read->xarray == MODEL_EITHER ? read->declared : read->xarray;
}

static bool read_known(const struct judging *judging, const struct model_read *read)
{
	if (read->bits & RECORD_PAGE_RESIDENT_UNKNOWN)
		return false;
	if (judging->inode->public.provider == RECORD_PROVIDER_RFC3 && read->xarray == MODEL_EITHER)
		return false;
	return !(read->bits & RECORD_PAGE_RESIDENT) || read->bits & RECORD_PAGE_POISONED ||
	       read->table != MODEL_EITHER;
}

static const struct page *judged_page(const struct judging *judging, __u32 bit)
{
	const struct chunk *chunk = judging->chunk;

	return chunk->pages ? &chunk->pages[bit] : NULL;
}

static void read_compare(const struct judging *judging, struct model_read *read,
			 const struct page *page)
{
	if (read->xarray != MODEL_EITHER && !(read->declared & read->xarray))
		read->differs |= MODEL_DIFFERS_DECLARED;
	if (read->table != MODEL_EITHER && !(read_expected(judging, read, page) & read->table))
		read->differs |= MODEL_DIFFERS_APPLIED;
}

/* Which of the differences were seen before, untouched since; marks the new ones. */
static __u32 suspects_prove(struct judging *judging, __u32 bit, __u32 differs)
{
	static const struct {
		enum model_difference difference;
		enum chunk_bitmap suspect, proven;
	} kinds[] = {
		{ MODEL_DIFFERS_DECLARED, BITS_SUSPECT_DECLARED, BITS_PROVEN_DECLARED },
		{ MODEL_DIFFERS_APPLIED, BITS_SUSPECT_APPLIED, BITS_PROVEN_APPLIED },
	};
	struct chunk *chunk = judging->chunk;
	__u32 proven = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		bool differing = differs & kinds[i].difference;
		bool suspect = bit_test(chunk->bits[kinds[i].suspect], bit);

		if (differing && suspect && judging->begin >= chunk->read_end) {
			proven |= kinds[i].difference;
			chunk_put(judging->inode, chunk, kinds[i].proven, bit, true);
			differing = false;
		}
		if (differing && !judging->suspected) {
			judging->suspected = true;
			chunk->suspect_since = judging->begin;
		}
		chunk_put(judging->inode, chunk, kinds[i].suspect, bit, differing);
	}
	return proven;
}

/* What was proven and reported stays reported until something changes it. */
static __u32 differs_fresh(const struct judging *judging, __u32 bit, __u32 differs)
{
	if (bit_test(judging->chunk->bits[BITS_PROVEN_DECLARED], bit))
		differs &= ~(__u32)MODEL_DIFFERS_DECLARED;
	if (bit_test(judging->chunk->bits[BITS_PROVEN_APPLIED], bit))
		differs &= ~(__u32)MODEL_DIFFERS_APPLIED;
	return differs;
}

static void teach_residency(struct judging *judging, const struct model_read *read, bool sure)
{
	struct model *model = judging->model;
	struct inode *inode = judging->inode;
	/* The others tell of no joins, or of no leaves: what is there is news, not a riddle. */
	bool told = inode->public.provider == RECORD_PROVIDER_RFC3 && sure;
	struct page *pages = judging->chunk->pages;
	struct page *page = pages ? &pages[read->pgoff - judging->start] : NULL;
	bool resident = page && page->flags & PAGE_RESIDENT;

	if (!(read->bits & RECORD_PAGE_RESIDENT)) {
		if (resident) {
			model->counts.unexplained += told;
			page_leave(model, inode, read->pgoff, page->pfn, 1);
		}
		return;
	}
	if (!resident || page->pfn != read->pfn) {
		model->counts.unexplained += told;
		page = page_join(model, inode, read->pgoff, read->pfn);
		if (!page)
			return;
		loose_adopt(model, inode, read->pgoff, read->pfn);
	}
	page_set(page, PAGE_SURE, sure);
	if (read->bits & RECORD_PAGE_PREPARED)
		page_set(page, PAGE_PREPARED, true);
	if (read->bits & RECORD_PAGE_POISONED)
		page_set(page, PAGE_POISONED, true);
	if (read->table != MODEL_EITHER && read->table != page_applied(page))
		page_apply(inode, page, 1, read->table);
}

static void teach(struct judging *judging, const struct model_read *read, __u32 bit)
{
	struct chunk *chunk = judging->chunk;
	bool seen = bit_test(chunk->bits[BITS_SEEN], bit);

	/* Where calls may have begun unseen, the first read may show one of them halfway. */
	if (!seen)
		bit_put(chunk->bits[BITS_SEEN], bit, true);
	else if (read->declared == MODEL_EITHER && read->xarray != MODEL_EITHER) {
		bit_put(chunk->bits[BITS_PRESENT], bit, read->xarray & MODEL_PRESENT);
		bit_put(chunk->bits[BITS_ABSENT], bit, read->xarray & MODEL_ABSENT);
	}
	teach_residency(judging, read, seen);
}

static bool page_settled(const struct judging *judging, __u32 bit)
{
	return judging->calm && !bit_test(judging->covered, bit) &&
	       !bit_test(judging->chunk->bits[BITS_TOUCHED], bit);
}

static void judge_settled(struct judging *judging, struct model_read *read, __u32 bit)
{
	struct model_counts *counts = &judging->model->counts;
	struct chunk *chunk = judging->chunk;
	struct inode *inode = judging->inode;
	__u32 fresh;

	read_compare(judging, read, judged_page(judging, bit));
	fresh = read->differs ? differs_fresh(judging, bit, read->differs) : 0;
	/* Most chunks have no suspects, and get none. */
	if (fresh || judging->suspected)
		read->proven = suspects_prove(judging, bit, fresh);
	read->since = read->proven ? chunk->suspect_since : judging->begin;
	if (!read_known(judging, read)) {
		counts->pages_unknown++;
		chunk_put(inode, chunk, BITS_UNSETTLED, bit, true);
		return;
	}
	counts->pages_read++;
	bit_put(chunk->bits[BITS_CHANGED], bit, false);
	if (!bit_test(chunk->bits[BITS_COMPARED], bit)) {
		bit_put(chunk->bits[BITS_COMPARED], bit, true);
		inode->public.compared++;
	}
	chunk_put(inode, chunk, BITS_UNSETTLED, bit, (fresh & ~read->proven) != 0);
	if (!read->differs)
		teach(judging, read, bit);
}

static void judge_page(struct judging *judging, __u64 pgoff, const struct read_page *seen)
{
	__u32 bit = (__u32)(pgoff - judging->start);
	const struct page *page = judged_page(judging, bit);
	struct model_read read = {
		.inode = &judging->inode->public,
		.pgoff = pgoff,
		.nr = 1,
		.pfn = seen->bits & RECORD_PAGE_RESIDENT ? seen->pfn : 0,
		.bits = seen->bits,
		.begin = judging->begin,
		.end = judging->end,
		.since = judging->begin,
		.origin = (enum record_snapshot_origin)judging->bundle->begin.origin,
		.settled = page_settled(judging, bit),
		.declared = extent_legal(judging->inode, pgoff),
		.applied = page && page->flags & PAGE_RESIDENT ? page_applied(page) : MODEL_EITHER,
		.xarray = read_xarray(judging, seen->bits),
		.table = read_table(seen->bits),
	};

	if (!judging->release && judging->inode->shadow_until > judging->begin)
		read.shadow_until = judging->inode->shadow_until;
	if (read.settled)
		judge_settled(judging, &read, bit);
	else
		chunk_put(judging->inode, judging->chunk, BITS_UNSETTLED, bit, true);
	judging->left |= bit_test(judging->chunk->bits[BITS_UNSETTLED], bit);
	run_add(judging, &read);
}

static void judge_covered(struct judging *judging)
{
	memset(judging->covered, 0, sizeof(judging->covered));
	for (const struct request *request = judging->inode->open; request;
	     request = request->next_open) {
		__u64 first = request->public.pgoff_first, last = request->public.pgoff_last;

		if (!request_overlaps(request, judging->start, judging->start + CHUNK_PAGES - 1))
			continue;
		for (size_t word = 0; word < CHUNK_WORDS; word++)
			judging->covered[word] |= bits_range(judging->start, word, first, last);
	}
}

static bool covered_any(const struct judging *judging)
{
	for (size_t word = 0; word < CHUNK_WORDS; word++) {
		if (judging->covered[word])
			return true;
	}
	return false;
}

static bool suspected_any(const struct chunk *chunk)
{
	return bits_count(chunk->bits[BITS_SUSPECT_DECLARED]) ||
	       bits_count(chunk->bits[BITS_SUSPECT_APPLIED]);
}

/* What the read says of a chunk that is one run, or nothing; against pages that are alike. */
static void alike_read(const struct judging *judging, const struct chunk_slot *slot,
		       const struct read_run *run, struct model_read *read)
{
	bool resident = slot->like.flags & PAGE_RESIDENT;

	*read = (struct model_read){
		.inode = &judging->inode->public,
		.pgoff = run->pgoff,
		.nr = run->nr,
		.pfn = run->bits & RECORD_PAGE_RESIDENT ? run->pfn : 0,
		.bits = run->bits,
		.begin = judging->begin,
		.end = judging->end,
		.since = judging->begin,
		.origin = (enum record_snapshot_origin)judging->bundle->begin.origin,
		.settled = true,
		.declared = (enum model_state)slot->legal,
		.applied = resident ? page_applied(&slot->like) : MODEL_EITHER,
		.xarray = read_xarray(judging, run->bits),
		.table = read_table(run->bits),
	};
	if (!judging->release && judging->inode->shadow_until > judging->begin)
		read->shadow_until = judging->inode->shadow_until;
	read_compare(judging, read, resident ? &slot->like : NULL);
}

/* Whether what was read is what is known, or can be taken over for the whole chunk. */
static bool alike_agrees(const struct model *model, const struct chunk_slot *slot,
			 const struct model_read *read)
{
	bool resident = slot->like.flags & PAGE_RESIDENT;

	if (!(read->bits & RECORD_PAGE_RESIDENT))
		return !resident;
	if (read->nr != CHUNK_PAGES)
		return false;
	if (resident)
		return slot->like.pfn == read->pfn;
	/* A zap that waits for its owner is looked for page by page. */
	return model->loose_head == model->loose_nr && pages_alike(model, read->pfn, read->nr);
}

static void alike_teach(struct judging *judging, struct chunk_slot *slot,
			const struct model_read *read)
{
	struct inode *inode = judging->inode;
	bool sure = slot->seen;

	if (!(read->bits & RECORD_PAGE_RESIDENT))
		return;
	if (!(slot->like.flags & PAGE_RESIDENT)) {
		if (inode->public.provider == RECORD_PROVIDER_RFC3 && sure)
			judging->model->counts.unexplained += read->nr;
		if (pages_join(judging->model, inode, read->pgoff, read->pfn, read->nr))
			return;
	}
	page_set(&slot->like, PAGE_SURE, sure);
	if (read->bits & RECORD_PAGE_PREPARED)
		page_set(&slot->like, PAGE_PREPARED, true);
	if (read->bits & RECORD_PAGE_POISONED)
		page_set(&slot->like, PAGE_POISONED, true);
	if (read->table != MODEL_EITHER && read->table != page_applied(&slot->like))
		page_apply(inode, &slot->like, read->nr, read->table);
}

/* A whole chunk of pages alike, that was read alike, settled and as it must be. */
static bool judge_alike(struct judging *judging, struct chunk_slot *slot,
			const struct read_run *run)
{
	struct inode *inode = judging->inode;
	struct model_read read;
	__u64 end = judging->start + CHUNK_PAGES - 1;

	if (end >= inode->public.pages)
		end = inode->public.pages - 1;
	if (slot->chunk || run->pgoff != judging->start || run->pgoff + run->nr - 1 != end ||
	    slot->touched >= judging->begin || covered_any(judging))
		return false;
	alike_read(judging, slot, run, &read);
	if (read.differs || !read_known(judging, &read) ||
	    !alike_agrees(judging->model, slot, &read))
		return false;
	judging->model->counts.pages_read += read.nr;
	if (!slot->compared)
		inode->public.compared += read.nr;
	slot->compared = true;
	slot->changed = false;
	alike_teach(judging, slot, &read);
	if (slot->seen && read.xarray != MODEL_EITHER && read.declared == MODEL_EITHER)
		slot->legal = (__u8)read.xarray;
	slot->seen = true;
	run_add(judging, &read);
	return true;
}

/* [first, last] lie in one chunk. */
static void judge_chunk(struct judging *judging, struct chunk_seen *seen, __u64 first, __u64 last)
{
	struct inode *inode = judging->inode;
	struct chunk_slot *slot = extent_slot(judging->model, inode, first, true);
	struct chunk *chunk;

	if (!slot)
		return;
	judging->start = first & ~(CHUNK_PAGES - 1ULL);
	judge_covered(judging);
	if (!seen->spread && judge_alike(judging, slot, &seen->run))
		return;
	chunk_seen_spread(seen, first, last);
	chunk = extent_chunk(judging->model, inode, first, true);
	if (!chunk)
		return;
	judging->chunk = chunk;
	judging->calm = chunk->touched < judging->begin && chunk->read_begin &&
			chunk->read_begin <= judging->begin;
	judging->suspected = suspected_any(chunk);
	judging->left = false;
	for (__u64 pgoff = first; pgoff <= last; pgoff++)
		judge_page(judging, pgoff, &seen->pages[pgoff - judging->start]);
	if (judging->left)
		chunk->tries += chunk->tries < 255;
	else if (!bits_count(chunk->bits[BITS_UNSETTLED]))
		chunk->tries = 0;
	chunk->requested = false;
	chunk->read_begin = 0;
	chunk->read_end = judging->end;
	chunk->pass = judging->bundle->begin.pass + 1;
}

/* The chunk could not be read: whoever asked for it may ask again. */
static void judge_failed(struct judging *judging, __u64 first, __u64 last)
{
	judging->model->counts.chunks_failed++;
	for (__u64 start = first & ~(CHUNK_PAGES - 1ULL); start <= last; start += CHUNK_PAGES) {
		struct chunk *chunk = extent_chunk(judging->model, judging->inode, start, false);

		if (!chunk)
			continue;
		chunk->tries += chunk->tries < 255;
		chunk->requested = false;
		chunk->read_begin = 0;
	}
}

/* Puts a run where it belongs: as a whole where it is all of a chunk that was read. */
static void runs_sort_in(struct chunk_seen *chunks, const struct read_run *run, __u64 first,
			 __u64 last)
{
	__u64 from = run->pgoff > first ? run->pgoff : first;
	__u64 to = run->pgoff + run->nr - 1 < last ? run->pgoff + run->nr - 1 : last;

	for (__u64 pgoff = from; pgoff <= to;) {
		__u64 start = pgoff & ~(CHUNK_PAGES - 1ULL), end = start + CHUNK_PAGES - 1;
		struct chunk_seen *seen = &chunks[(pgoff >> CHUNK_SHIFT) - (first >> CHUNK_SHIFT)];
		struct read_run part = { .pgoff = pgoff, .bits = run->bits };

		part.pfn = run->pfn + (pgoff - run->pgoff);
		end = end < last ? end : last;
		start = start > first ? start : first;
		part.nr = (__u32)((to < end ? to : end) - pgoff + 1);
		if (!seen->spread && pgoff == start && to >= end) {
			seen->run = part;
		} else {
			chunk_seen_spread(seen, start, end);
			chunk_seen_add(seen, &part);
		}
		pgoff = end + 1;
	}
}

/* What was seen of the chunks of [first, last]. NULL: no memory. */
static struct chunk_seen *chunks_seen(struct model *model, const struct bundle *bundle, __u64 first,
				      __u64 last)
{
	size_t nr = (last >> CHUNK_SHIFT) - (first >> CHUNK_SHIFT) + 1;
	struct chunk_seen *chunks = model->chunks_seen;

	if (!chunks)
		chunks = model->chunks_seen =
			model_alloc(model, CHUNKS_SEEN_MAX * sizeof(*model->chunks_seen));
	if (!chunks)
		return NULL;
	for (size_t i = 0; i < nr; i++) {
		__u64 start = (first & ~(CHUNK_PAGES - 1ULL)) + i * CHUNK_PAGES;
		__u64 from = start > first ? start : first, end = start + CHUNK_PAGES - 1;

		end = end < last ? end : last;
		chunks[i].spread = false;
		chunks[i].run = (struct read_run){ .pgoff = from, .nr = (__u32)(end - from + 1) };
	}
	for (size_t i = 0; i < bundle->runs_nr; i++)
		runs_sort_in(chunks, &bundle->runs[i], first, last);
	return chunks;
}

static bool open_within(const struct inode *inode, __u64 first, __u64 last)
{
	for (const struct request *request = inode->open; request; request = request->next_open) {
		if (request_overlaps(request, first, last))
			return true;
	}
	return false;
}

/* A whole region in which nothing was read, and nothing is known to be. */
static bool judge_region(struct judging *judging, __u64 first, __u64 last)
{
	__u64 pages = 1ULL << REGION_SHIFT;
	struct inode *inode = judging->inode;
	struct read_run run = { .pgoff = first, .nr = (__u32)(last - first + 1) };
	struct region *region;
	struct chunk_slot slot;
	struct model_read read;

	if (judging->bundle->runs_nr || first & (pages - 1) || last - first >= pages ||
	    (last - first + 1 != pages && last + 1 != inode->public.pages))
		return false;
	region = extent_region(judging->model, inode, first, true);
	if (!region || region->slots || region->touched >= judging->begin ||
	    open_within(inode, first, last))
		return false;
	slot = (struct chunk_slot){ .legal = region->legal };
	alike_read(judging, &slot, &run, &read);
	if (read.differs || !read_known(judging, &read))
		return false;
	judging->model->counts.pages_read += read.nr;
	if (!region->compared)
		inode->public.compared += read.nr;
	region->compared = true;
	region->changed = false;
	if (region->seen && read.xarray != MODEL_EITHER && read.declared == MODEL_EITHER)
		region->legal = (__u8)read.xarray;
	region->seen = true;
	run_add(judging, &read);
	return true;
}

/* At most a chunk of what was read. */
static void judge_part(struct judging *judging, __u64 first, __u64 last)
{
	struct chunk_seen *seen = chunks_seen(judging->model, judging->bundle, first, last);

	if (!seen)
		return;
	for (__u64 pgoff = first; pgoff <= last;) {
		__u64 end = pgoff | (CHUNK_PAGES - 1);

		if (end > last)
			end = last;
		judge_chunk(judging, seen++, pgoff, end);
		pgoff = end + 1;
	}
}

void judge_bundle(struct model *model, const struct bundle *bundle)
{
	const struct record_snapshot *begin = &bundle->begin;
	struct judging judging = {
		.model = model,
		.inode = inode_get(model, begin->header.inode, begin->header.time),
		.bundle = bundle,
		.begin = begin->header.time,
		.end = bundle->end,
		.release = begin->origin == RECORD_SNAPSHOT_RELEASE,
	};
	__u64 first = begin->pgoff_first, last = first + begin->pgoff_nr - 1;
	struct inode *inode = judging.inode;

	/* A live read that the release overtook may have seen pages leave. */
	if (!inode || inode->public.dead || (inode->released && !judging.release))
		return;
	inode_snapshot_update(inode, begin);
	model->counts.chunks++;
	inode->rereads = true;
	if (bundle->result) {
		judge_failed(&judging, first, last);
		return;
	}
	if (inode->snapshot != begin->snapshot || model->counts.snapshots == 0)
		model->counts.snapshots++;
	inode->snapshot = begin->snapshot;
	if (judging.release) {
		inode->released = inode->closing = true;
		request_drop_lost(model, inode, judging.end);
	}
	if (first >= inode->public.pages)
		return;
	if (last >= inode->public.pages)
		last = inode->public.pages - 1;
	if (judge_region(&judging, first, last))
		first = last + 1;
	for (__u64 pgoff = first; pgoff <= last; pgoff += RECORD_SNAPSHOT_CHUNK) {
		__u64 end = pgoff + RECORD_SNAPSHOT_CHUNK - 1;

		judge_part(&judging, pgoff, end < last ? end : last);
	}
	run_tell(&judging);
}
