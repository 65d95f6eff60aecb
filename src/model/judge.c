// SPDX-License-Identifier: GPL-2.0
/*
 * Judging a read page by page. A page is settled when nothing touched it while
 * it was read; a difference is proven when a second settled read shows it with
 * nothing in between. From settled pages the model learns what it does not know.
 *
 * A read is judged when everything that ended before the read's own end has
 * been taken, and nothing that ended after it.
 */
#include "model/pages.h"
#include "model/judge.h"

static const struct page *judged_page(const struct judging *judging, __u32 bit)
{
	const struct chunk *chunk = judging->chunk;

	return chunk->pages ? &chunk->pages[bit] : NULL;
}

static bool page_settled(const struct judging *judging, __u32 bit)
{
	return judging->calm && !bit_test(judging->covered, bit) &&
	       !bit_test(judging->chunk->bits[BITS_TOUCHED], bit);
}

/* Of a page that was absent: the first time that it is read present again. */
static void judge_returned(struct judging *judging, struct model_read *read, __u32 bit)
{
	__u64 *was_absent = judging->chunk->bits[BITS_WAS_ABSENT];

	if (!bit_test(was_absent, bit) || read->table != MODEL_PRESENT)
		return;
	read->non_global = read_non_global(read, judged_page(judging, bit));
	bit_put(was_absent, bit, false);
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
	if (judging->release && (read->bits & READ_LEFT || judging->suspected))
		read->left = left_prove(judging, bit, read->bits);
	read->since = read->proven || read->left ? chunk->suspect_since : judging->begin;
	if (!read_known(judging, read)) {
		counts->pages_unknown++;
		chunk_mark(judging->model, inode, chunk, MARK_UNSETTLED, bit, true);
		return;
	}
	counts->pages_read++;
	read->compared = true;
	bit_put(chunk->bits[BITS_CHANGED], bit, false);
	if (!bit_test(chunk->bits[BITS_COMPARED], bit)) {
		bit_put(chunk->bits[BITS_COMPARED], bit, true);
		inode->base.compared++;
	}
	chunk_mark(judging->model, inode, chunk, MARK_UNSETTLED, bit, (fresh & ~read->proven) != 0);
	if (read->differs)
		return;
	learn_page(judging, read, bit);
	judge_returned(judging, read, bit);
}

/* What is learned from such a page it has already. */
static void judged_note(struct judging *judging, const struct model_read *read, __u32 bit,
			bool was_seen)
{
	const struct page *page = judged_page(judging, bit);

	judging->like_word = 0;
	judging->like.valid = read->settled && !read->differs && !(read->bits & READ_LEFT) &&
			      !read->non_global && was_seen && page &&
			      page->flags & PAGE_RESIDENT && read->applied == page_applied(page) &&
			      (read->declared != MODEL_EITHER || read->xarray == MODEL_EITHER) &&
			      read_known(judging, read);
	if (!judging->like.valid)
		return;
	judging->like.bits = read->bits;
	judging->like.flags = page->flags;
	judging->like.declared = read->declared;
}

/* Whether bitmaps say of the page what they said of the one before it; 64 are asked about at once. */
static bool page_may_be_like(struct judging *judging, __u32 bit)
{
	const struct chunk *chunk = judging->chunk;
	__u32 word = bit / 64;
	__u64 present, absent;

	if (judging->like_word != word + 1) {
		present = chunk->bits[BITS_PRESENT][word];
		absent = chunk->bits[BITS_ABSENT][word];
		judging->like_word = word + 1;
		judging->likes = (judging->like.declared & MODEL_PRESENT ? present : ~present) &
				 (judging->like.declared & MODEL_ABSENT ? absent : ~absent) &
				 chunk->bits[BITS_SEEN][word] & ~chunk->bits[BITS_TOUCHED][word] &
				 ~judging->covered[word] &
				 ~chunk_marks(chunk, MARK_UNSETTLED)[word];
		if (judging->like.bits & RECORD_PAGE_PRESENT)
			judging->likes &= ~chunk->bits[BITS_WAS_ABSENT][word];
	}
	return judging->likes >> (bit % 64) & 1;
}

/* Judges the page as the one before it was, where it is like that one. false: it is not. */
static bool judge_like(struct judging *judging, __u64 pgoff, const struct read_page *seen)
{
	__u32 bit = (__u32)(pgoff - judging->start);
	struct chunk *chunk = judging->chunk;
	const struct page *page = judged_page(judging, bit);
	struct model_read *run = &judging->run;

	/* The page before was settled: the read is calm. */
	if (!judging->like.valid || judging->suspected || seen->bits != judging->like.bits ||
	    page->pfn != seen->pfn || page->flags != judging->like.flags ||
	    !page_may_be_like(judging, bit))
		return false;
	judging->model->counts.pages_read++;
	bit_put(chunk->bits[BITS_CHANGED], bit, false);
	if (!bit_test(chunk->bits[BITS_COMPARED], bit)) {
		bit_put(chunk->bits[BITS_COMPARED], bit, true);
		judging->inode->base.compared++;
	}
	if (run->nr && run->pfn + run->nr == seen->pfn) {
		run->nr++;
		return true;
	}
	read_tell(judging);
	run->pgoff = pgoff;
	run->pfn = seen->pfn;
	run->nr = 1;
	return true;
}

/* Whether nobody wants to know of pages that are as they must be, and nothing was promised of them. */
static bool likes_untold(const struct judging *judging)
{
	return judging->like.valid && !judging->suspected && !judging->model->heard.unproven &&
	       !judging->bundle->promises_nr;
}

/* Of [@bit, @end] those in front that are like the page before, of 64 at most. */
static __u32 likes_count(struct judging *judging, __u32 bit, __u32 end,
			 const struct read_page *seen)
{
	const struct page *pages = judging->chunk->pages;
	const struct judged *like = &judging->like;
	__u32 at = bit;

	end = end < (bit | 63) ? end : bit | 63;
	while (at <= end && page_may_be_like(judging, at) && seen[at].bits == like->bits &&
	       seen[at].pfn == pages[at].pfn && pages[at].flags == like->flags)
		at++;
	return at - bit;
}

/* Judges as many from @pgoff on, to @last, as are like the page before, where they need only be counted. */
static __u64 judge_likes(struct judging *judging, __u64 pgoff, __u64 last,
			 const struct read_page *seen)
{
	__u32 bit = (__u32)(pgoff - judging->start), nr;
	__u64 *changed = &judging->chunk->bits[BITS_CHANGED][bit / 64];
	__u64 *compared = &judging->chunk->bits[BITS_COMPARED][bit / 64], mask;

	if (!likes_untold(judging))
		return 0;
	nr = likes_count(judging, bit, (__u32)(last - judging->start), seen);
	if (!nr)
		return 0;
	read_tell(judging);
	judging->run.declared = 0; /* nothing goes on with it */
	mask = ~0ULL >> (64 - nr) << (bit % 64);
	judging->model->counts.pages_read += nr;
	judging->inode->base.compared += (__u64)__builtin_popcountll(mask & ~*compared);
	*compared |= mask;
	*changed &= ~mask;
	return nr;
}

static void judge_page(struct judging *judging, __u64 pgoff, const struct read_page *seen)
{
	__u32 bit = (__u32)(pgoff - judging->start);
	const struct page *page = judged_page(judging, bit);
	bool was_seen = bit_test(judging->chunk->bits[BITS_SEEN], bit);
	struct model_read read = {
		.inode = &judging->inode->base,
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
		chunk_mark(judging->model, judging->inode, judging->chunk, MARK_UNSETTLED, bit,
			   true);
	judging->left |= bit_test(chunk_marks(judging->chunk, MARK_UNSETTLED), bit);
	read_add(judging, &read);
	judged_note(judging, &read, bit, was_seen);
}

static void judge_covered(struct judging *judging)
{
	memset(judging->covered, 0, sizeof(judging->covered));
	for (const struct request *request = judging->inode->open; request;
	     request = request->next_open) {
		__u64 first = request->base.pgoff_first, last = request->base.pgoff_last;

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
	/* Nearly all have none at all. */
	if (!chunk->marks)
		return false;
	return bits_count(chunk_marks(chunk, MARK_SUSPECT_DECLARED)) ||
	       bits_count(chunk_marks(chunk, MARK_SUSPECT_APPLIED)) ||
	       bits_count(chunk_marks(chunk, MARK_LEFT_LOCKED)) ||
	       bits_count(chunk_marks(chunk, MARK_LEFT_REFERENCED));
}

/* What the read says of a chunk that is one run, or nothing; against pages that are alike. */
static void alike_read(const struct judging *judging, const struct chunk_slot *slot,
		       const struct read_run *run, struct model_read *read)
{
	bool resident = slot->like.flags & PAGE_RESIDENT;

	*read = (struct model_read){
		.inode = &judging->inode->base,
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

/* All of @nr pages: counted once. */
static void note_known(struct inode *inode, bool *known, __u64 nr)
{
	inode->known += *known ? 0 : nr;
	*known = true;
}

/* Whether what was read is what is known, or can be taken over for the whole chunk. */
static bool alike_agrees(const struct model *model, const struct chunk_slot *slot,
			 const struct model_read *read)
{
	bool resident = slot->like.flags & PAGE_RESIDENT;
	struct inode *owner;
	__u64 pgoff;

	if (!(read->bits & RECORD_PAGE_RESIDENT))
		return !resident;
	if (read->nr != CHUNK_PAGES)
		return false;
	if (resident)
		return slot->like.pfn == read->pfn;
	/* A zap that waits for its owner, and whoever has come by the pages, are looked for page by page. */
	return model->loose_head == model->loose_nr &&
	       pfn_find(model, read->pfn, &owner, &pgoff) != PFN_OWNED &&
	       pages_alike(model, read->pfn, read->nr);
}

/* As judge_returned(). */
static void alike_returned(struct chunk_slot *slot, struct model_read *read)
{
	if (!slot->was_absent || read->table != MODEL_PRESENT)
		return;
	read->non_global = read_non_global(read, &slot->like);
	slot->was_absent = false;
}

/* A whole chunk of pages alike, that was read alike, settled and as it must be. */
static bool judge_alike(struct judging *judging, struct chunk_slot *slot,
			const struct read_run *run)
{
	struct inode *inode = judging->inode;
	struct model_read read;
	__u64 end = judging->start + CHUNK_PAGES - 1;

	if (end >= inode->base.pages)
		end = inode->base.pages - 1;
	if (slot->chunk || run->pgoff != judging->start || run->pgoff + run->nr - 1 != end ||
	    slot->touched >= judging->begin || covered_any(judging))
		return false;
	alike_read(judging, slot, run, &read);
	if (read.differs || read.bits & READ_LEFT || !read_known(judging, &read) ||
	    !alike_agrees(judging->model, slot, &read))
		return false;
	judging->model->counts.pages_read += read.nr;
	read.compared = true;
	if (!slot->compared)
		inode->base.compared += read.nr;
	slot->compared = true;
	slot->changed = false;
	if (slot->seen)
		note_known(inode, &slot->known, read.nr);
	learn_alike(judging, slot, &read);
	if (slot->seen && learn_declares(judging))
		slot->legal = (__u8)read.xarray;
	slot->seen = true;
	alike_returned(slot, &read);
	read_add(judging, &read);
	return true;
}

/* One read may have shown a call from before the sensors halfway: by the second it is known. */
static bool page_known(const struct judging *judging, __u32 bit)
{
	const struct page *page = judged_page(judging, bit);

	if (!bit_test(judging->chunk->bits[BITS_SEEN], bit) ||
	    (learn_declares(judging) && chunk_legal(judging->chunk, bit) == MODEL_EITHER))
		return false;
	return !page || !(page->flags & PAGE_RESIDENT) || page->flags & PAGE_SURE;
}

static void chunk_note_known(const struct judging *judging)
{
	__u64 nr = judging->inode->base.pages - judging->start, bit = 0;
	struct chunk *chunk = judging->chunk;

	nr = nr < CHUNK_PAGES ? nr : CHUNK_PAGES;
	while (!chunk->known && bit < nr && page_known(judging, (__u32)bit))
		bit++;
	if (bit == nr)
		note_known(judging->inode, &chunk->known, nr);
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
	chunk = extent_chunk(judging->model, inode, first);
	if (!chunk)
		return;
	judging->chunk = chunk;
	judging->calm = chunk->touched < judging->begin && chunk->read_begin &&
			chunk->read_begin <= judging->begin;
	judging->suspected = suspected_any(chunk);
	judging->left = false;
	judging->like.valid = false;
	judging->like_word = 0;
	for (__u64 pgoff = first, nr; pgoff <= last; pgoff += nr) {
		const struct read_page *page = &seen->pages[pgoff - judging->start];

		nr = judge_likes(judging, pgoff, last, seen->pages);
		if (nr)
			continue;
		nr = 1;
		if (!judge_like(judging, pgoff, page))
			judge_page(judging, pgoff, page);
	}
	chunk_note_known(judging);
	if (judging->left)
		chunk->tries += chunk->tries < 255;
	else if (!bits_count(chunk_marks(chunk, MARK_UNSETTLED)))
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
		const struct chunk_slot *slot =
			extent_slot(judging->model, judging->inode, start, false);
		struct chunk *chunk = slot ? slot->chunk : NULL;

		if (!chunk)
			continue;
		chunk->tries += chunk->tries < 255;
		chunk->requested = false;
		chunk->read_begin = 0;
	}
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
	struct read_run run = { .pgoff = first, .nr = last - first + 1 };
	struct region *region;
	struct chunk_slot slot;
	struct model_read read;

	if (judging->bundle->runs_nr || first & (pages - 1) ||
	    (last - first + 1 != pages && last + 1 != inode->base.pages))
		return false;
	region = extent_region(judging->model, inode, first, true);
	if (!region || region->slots || region->touched >= judging->begin ||
	    open_within(inode, first, last))
		return false;
	slot = (struct chunk_slot){ .legal = region->legal };
	alike_read(judging, &slot, &run, &read);
	if (read.differs)
		return false;
	judging->model->counts.pages_read += read.nr;
	read.compared = true;
	if (!region->compared)
		inode->base.compared += read.nr;
	region->compared = true;
	region->changed = false;
	if (region->seen)
		note_known(inode, &region->known, read.nr);
	if (region->seen && learn_declares(judging))
		region->legal = (__u8)read.xarray;
	region->seen = true;
	read_add(judging, &read);
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

/*
 * Whether a call that began unseen may have come between this read and the one before it: between
 * whole snapshots, as reads of what nothing is known of leave no time behind.
 */
static bool judge_shadowed(struct inode *inode, const struct record_snapshot *begin)
{
	if (!inode->shadow_until)
		return false;
	if (inode->lit_since < inode->shadow_until && begin->header.time >= inode->shadow_until) {
		inode->lit_since = begin->header.time;
		inode->lit_snapshot = begin->snapshot;
	}
	return inode->lit_since < inode->shadow_until || inode->lit_snapshot == begin->snapshot;
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
	if (!inode || inode->base.dead || (inode->released && !judging.release))
		return;
	inode_snapshot_update(inode, begin);
	model->counts.chunks++;
	inode->rereads = true;
	if (bundle->result) {
		judge_failed(&judging, first, last);
		return;
	}
	if (inode->snapshot != begin->snapshot)
		model->counts.snapshots++;
	inode->snapshot = begin->snapshot;
	promised_learn(&judging);
	if (judging.release) {
		inode->released = inode->closing = true;
		request_drop_lost(model, inode, judging.end);
	}
	if (first >= inode->base.pages)
		return;
	if (last >= inode->base.pages)
		last = inode->base.pages - 1;
	if (judge_region(&judging, first, last))
		first = last + 1;
	for (__u64 pgoff = first; pgoff <= last; pgoff += RECORD_SNAPSHOT_CHUNK) {
		__u64 end = pgoff + RECORD_SNAPSHOT_CHUNK - 1;

		judge_part(&judging, pgoff, end < last ? end : last);
	}
	read_tell(&judging);
	if (!judge_shadowed(inode, begin))
		doubt_contradicted(model, inode, judging.end, judging.contradicted);
}
