// SPDX-License-Identifier: GPL-2.0
/* What a world's kernel does to pages, frames and slots. */
#include <errno.h>
#include <linux/falloc.h>
#include "world_inner.h"

struct world world;
struct stream world_stream;

const char *const wrong_names[WRONGS] = {
	"right",
	"attribute-short",
	"attribute-refused",
	"slot-forgotten",
	"slot-offset",
	"last-page",
	"first-page",
	"every-eighth",
	"chunk-edge",
	"second-slot-first-page",
	"folio-tail",
	"no-flush",
	"last-run-flushed",
	"first-run-flushed",
	"flush-before",
	"no-rollback",
	"xarray-last",
	"xarray-fifth",
	"neighbour",
	"configure-nothing",
	"configure-late",
	"freed-absent",
	"hole-undeclares",
	"bind-forgets",
	"ioctl-inverted",
};
__u64 world_tick = 30 * MS; /* between two heartbeats */

__u64 world_draw(__u64 below)
{
	world.random = world.random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (world.random >> 33) % below;
}

static bool strikes(enum wrong wrong)
{
	world.struck |= world.wrong == wrong;
	return world.wrong == wrong;
}

bool world_absent_wanted(int inode, __u64 pgoff)
{
	return world.pages[inode][pgoff].deviates == world.dynamic[inode];
}

static bool left_out(const struct range *range, __u64 pgoff)
{
	bool many = range->last > range->first;

	switch (world.wrong) {
	case LAST_PAGE:
		return many && pgoff == range->last;
	case FIRST_PAGE:
		return many && pgoff == range->first;
	case EVERY_EIGHTH:
		return pgoff % 8 == 7;
	case CHUNK_EDGE:
		return pgoff == 511 || pgoff == 512;
	case SECOND_SLOT_FIRST_PAGE:
		return range->second && pgoff == range->first;
	case FOLIO_TAIL: {
		__u64 head = pgoff & ~(FOLIO - 1ULL);

		return world.pages[range->inode][head].folio == FOLIO && pgoff != head &&
		       world.pages[range->inode][pgoff].pfn ==
			       world.pages[range->inode][head].pfn + pgoff - head;
	}
	default:
		return false;
	}
}

static bool page_changes(const struct range *range, __u64 pgoff)
{
	const struct world_page *page = &world.pages[range->inode][pgoff];

	return page->pfn && page->prepared && !page->poisoned;
}

/* How many pages from @pgoff on are one run; @skip: they are left out by a fault. */
static __u64 run_length(const struct range *range, __u64 pgoff, bool *skip)
{
	const struct world_page *pages = world.pages[range->inode];
	__u64 nr = 1;

	*skip = left_out(range, pgoff);
	while (pgoff + nr <= range->last && page_changes(range, pgoff + nr) &&
	       pages[pgoff + nr].pfn == pages[pgoff].pfn + nr &&
	       left_out(range, pgoff + nr) == *skip)
		nr++;
	return nr;
}

/* Absent before and flushed: nothing new is to be flushed. */
static bool run_redundant(__u32 pfn, __u64 nr)
{
	for (__u64 i = 0; i < nr; i++) {
		if (!world.absent[pfn + i])
			return false;
	}
	return true;
}

static void run_apply(const struct range *range, __u64 pgoff, __u64 nr)
{
	__u32 pfn = world.pages[range->inode][pgoff].pfn;
	bool redundant = run_redundant(pfn, nr);

	if (world.wrong == NEIGHBOUR && !world_draw(6) && pfn + nr < PFNS &&
	    world.absent[pfn + nr] == range->present && strikes(NEIGHBOUR)) {
		nr++;
		world.harm = true;
	}
	for (__u64 i = 0; i < nr; i++)
		world.absent[pfn + i] = !range->present;
	if (!range->present && !range->batch && world.wrong == FLUSH_BEFORE && !redundant &&
	    strikes(FLUSH_BEFORE)) {
		stream_flush(&world_stream, ACTOR, pfn, pfn + nr - 1, false);
		world.harm = true;
	} else if (!range->present && !range->batch && nr == 1 && world.wrong != NO_FLUSH) {
		stream_zap_flush(&world_stream, ACTOR, number(range->inode), pgoff, pfn, 1, pfn,
				 pfn);
		return;
	}
	stream_zap(&world_stream, ACTOR, number(range->inode), pgoff, pfn, (__u32)nr,
		   range->present, 0);
	if (range->present || range->batch || world.wrong == FLUSH_BEFORE)
		return;
	if (world.wrong == NO_FLUSH && strikes(NO_FLUSH))
		world.harm |= !redundant;
	else
		stream_flush(&world_stream, ACTOR, pfn, pfn + nr - 1, world_draw(8) == 0);
}

/* The entries of what is there. */
static void range_apply(const struct range *range)
{
	__u32 low = PFNS, high = 0, runs = 0, first_high = 0, last_low = 0;
	bool fresh_first = false, fresh_last = false, fresh_any = false;

	for (__u64 pgoff = range->first, nr; pgoff <= range->last; pgoff += nr) {
		const struct world_page *page = &world.pages[range->inode][pgoff];
		bool skip;

		nr = 1;
		if (!page_changes(range, pgoff))
			continue;
		nr = run_length(range, pgoff, &skip);
		if (skip) {
			world.struck = true;
			continue;
		}
		fresh_last = !run_redundant(page->pfn, nr);
		fresh_first = runs ? fresh_first : fresh_last;
		fresh_any |= fresh_last;
		low = page->pfn < low ? page->pfn : low;
		high = page->pfn + nr - 1 > high ? (__u32)(page->pfn + nr - 1) : high;
		first_high = runs ? first_high : (__u32)(page->pfn + nr - 1);
		last_low = page->pfn;
		runs++;
		run_apply(range, pgoff, nr);
	}
	if (!runs || range->present || !range->batch)
		return;
	if (world.wrong == NO_FLUSH && strikes(NO_FLUSH)) {
		world.harm |= fresh_any;
	} else if (world.wrong == LAST_RUN_FLUSHED && runs > 1 && last_low > first_high) {
		strikes(LAST_RUN_FLUSHED);
		world.harm |= fresh_first;
		stream_flush(&world_stream, ACTOR, last_low, high > last_low ? high : last_low,
			     false);
	} else if (world.wrong == FIRST_RUN_FLUSHED && runs > 1 && last_low > first_high) {
		strikes(FIRST_RUN_FLUSHED);
		world.harm |= fresh_last;
		stream_flush(&world_stream, ACTOR, low < first_high ? low : first_high, first_high,
			     false);
	} else {
		stream_flush(&world_stream, ACTOR, low, high, false);
	}
}

/* KVM_GMEM_SET_DIRECT_MAP, or a part of a conversion. */
void world_range_set(const struct range *asked, bool users, __s64 result)
{
	struct range range = *asked;
	struct world_page *pages = world.pages[range.inode];
	bool stores = false;

	stream_begin(&world_stream, ACTOR, number(range.inode), RECORD_OPERATION_SET_RANGE,
		     range.first, range.last, range.present);
	for (__u64 i = range.first; !result && i <= range.last; i++) {
		bool deviates = range.present != world.dynamic[range.inode];
		bool dropped = (world.wrong == XARRAY_LAST && i == range.last &&
				range.last > range.first) ||
			       (world.wrong == XARRAY_FIFTH && i % 5 == 4);

		stores |= pages[i].deviates != deviates;
		pages[i].wanted = deviates;
		if (users) {
			pages[i].promised = MODEL_EITHER;
			pages[i].users = true;
		}
		if (dropped && pages[i].deviates != deviates)
			world.struck = true;
		else
			pages[i].deviates = deviates;
	}
	if (stores) {
		stream_request(&world_stream, RECORD_REQUEST_BEGIN, ACTOR, 0,
			       RECORD_OPERATION_UPDATE_XARRAY, range.first, range.last,
			       range.present, 0);
		stream_request(&world_stream, RECORD_REQUEST_END, ACTOR, 0,
			       RECORD_OPERATION_UPDATE_XARRAY, range.first, range.last,
			       range.present, 0);
	}
	if (world.wrong == IOCTL_INVERTED && users && strikes(IOCTL_INVERTED))
		range.present = !range.present;
	if (!result)
		range_apply(&range);
	stream_request(&world_stream, RECORD_REQUEST_END, ACTOR, number(range.inode),
		       RECORD_OPERATION_SET_RANGE, range.first, range.last, asked->present, result);
}

/* The part of @slot in [gfn, gfn + nr). */
static bool slot_part(const struct world_slot *slot, __u64 gfn, __u64 nr, struct range *range)
{
	__u64 first = gfn > slot->gfn ? gfn : slot->gfn;
	__u64 end = gfn + nr < slot->gfn + slot->nr ? gfn + nr : slot->gfn + slot->nr;

	if (slot->inode < 0 || first >= end)
		return false;
	range->inode = slot->inode;
	range->first = slot->pgoff + first - slot->gfn;
	range->last = range->first + end - first - 1;
	if (world.wrong == SLOT_OFFSET && slot->pgoff) {
		world.struck = true;
		range->first -= slot->pgoff;
		range->last -= slot->pgoff;
	}
	return true;
}

/* What is meant, whatever a fault makes of it. */
static void slot_promise(__u64 gfn, __u64 nr, bool private)
{
	for (int i = 0; i < SLOTS; i++) {
		const struct world_slot *slot = &world.slots[i];

		for (__u64 j = 0; slot->inode >= 0 && j < slot->nr; j++) {
			struct world_page *page = &world.pages[slot->inode][slot->pgoff + j];

			if (slot->gfn + j < gfn || slot->gfn + j >= gfn + nr)
				continue;
			page->promised = private ? MODEL_ABSENT : MODEL_PRESENT;
			page->users = false;
		}
	}
}

void world_convert(__u64 gfn, __u64 nr, bool private, bool fails)
{
	struct range range = { .present = !private, .batch = world_draw(2) };
	struct range done[SLOTS];
	bool before[SLOTS][PAGES];
	size_t parts = 0, all = 0;

	for (int i = 0; i < SLOTS; i++)
		all += slot_part(&world.slots[i], gfn, nr, &range);
	fails &= all > 0;
	stream_promise(&world_stream, ACTOR, 0, RECORD_PROMISE_CONVERT_BEGIN, gfn, nr, 0, private,
		       0);
	for (int i = 0; i < SLOTS; i++) {
		bool last;

		if (!slot_part(&world.slots[i], gfn, nr, &range))
			continue;
		range.second = parts > 0;
		last = parts + 1 == all;
		if (parts && world.wrong == SLOT_FORGOTTEN) {
			strikes(SLOT_FORGOTTEN);
			parts++;
			continue;
		}
		for (__u64 j = range.first; j <= range.last; j++)
			before[parts][j] = world.pages[range.inode][j].deviates;
		world_range_set(&range, false, fails && last ? -ENOMEM : 0);
		done[parts++] = range;
	}
	/* Undone run by run, as the xarray was. */
	for (size_t i = 0; fails && i + 1 < parts; i++) {
		if (world.wrong == NO_ROLLBACK && strikes(NO_ROLLBACK))
			continue;
		for (__u64 j = done[i].first, end; j <= done[i].last; j = end) {
			for (end = j + 1; end <= done[i].last && before[i][end] == before[i][j];)
				end++;
			range = (struct range){ .inode = done[i].inode,
						.first = j,
						.last = end - 1,
						.present = before[i][j] !=
							   world.dynamic[done[i].inode] };
			world_range_set(&range, false, 0);
		}
	}
	stream_promise(&world_stream, ACTOR, 0, RECORD_PROMISE_CONVERTED, 0, 0, 0, false,
		       fails ? -ENOMEM : 0);
	if (!fails)
		slot_promise(gfn, nr, private);
	if (!fails || (world.wrong == ATTRIBUTE_REFUSED && strikes(ATTRIBUTE_REFUSED))) {
		for (__u64 i = gfn; i < gfn + nr; i++) {
			if (world.wrong == ATTRIBUTE_SHORT && nr > 1 && i == gfn + nr - 1)
				strikes(ATTRIBUTE_SHORT);
			else
				world.private[i] = private;
		}
	}
	stream_promise(&world_stream, ACTOR, 0, RECORD_PROMISE_CONVERT_END, 0, 0, 0, false, 0);
}

static bool slot_free(__u64 gfn, __u64 nr, int inode, __u64 pgoff)
{
	for (int i = 0; i < SLOTS; i++) {
		const struct world_slot *slot = &world.slots[i];

		if (slot->inode < 0)
			continue;
		if (slot->gfn < gfn + nr && gfn < slot->gfn + slot->nr)
			return false;
		if (slot->inode == inode && slot->pgoff < pgoff + nr &&
		    pgoff < slot->pgoff + slot->nr)
			return false;
	}
	return true;
}

/*
 * What is private becomes absent, what is shared keeps what it has. Who forgets that of a page whose
 * user had the last word is not found: of such a page the model knows no promise.
 */
static void page_bound(struct world_page *page, bool private)
{
	page->promised = private ? MODEL_ABSENT : MODEL_EITHER;
	if (!private || world.wrong != BIND_FORGETS)
		page->users &= !private;
	else if (page->users)
		page->promised = MODEL_EITHER;
}

void world_bind(int index)
{
	struct world_slot *slot = &world.slots[index];
	__u64 nr = 1 + world_draw(world_draw(3) ? 40 : 700), gfn = world_draw(GFNS - nr),
	      pgoff = world_draw(PAGES - nr);
	int inode = (int)world_draw(INODES);
	const struct world_slot *beside = &world.slots[world_draw(SLOTS)];

	if (world_draw(3) && beside->inode >= 0 && beside->gfn + beside->nr + nr <= GFNS)
		gfn = beside->gfn + beside->nr;
	if (slot->inode >= 0) {
		stream_promise(&world_stream, ACTOR, number(slot->inode), RECORD_PROMISE_UNBIND,
			       slot->gfn, slot->nr, slot->pgoff, false, 0);
		slot->inode = -1;
		return;
	}
	if (!slot_free(gfn, nr, inode, pgoff))
		return;
	*slot = (struct world_slot){ inode, gfn, pgoff, nr };
	stream_promise(&world_stream, ACTOR, number(inode), RECORD_PROMISE_BIND, gfn, nr, pgoff,
		       false, 0);
	stream_promise(&world_stream, ACTOR, number(inode), RECORD_PROMISE_BIND_BEGIN, gfn, nr,
		       pgoff, false, 0);
	for (__u64 i = 0, end; i < nr; i = end) {
		for (end = i + 1; end < nr && world.private[gfn + end] == world.private[gfn + i];)
			end++;
		for (__u64 j = i; j < end; j++)
			page_bound(&world.pages[inode][pgoff + j], world.private[gfn + i]);
		if (!world.private[gfn + i] ||
		    (world.wrong == BIND_FORGETS && strikes(BIND_FORGETS)))
			continue;
		world_range_set(&(struct range){ .inode = inode,
						 .first = pgoff + i,
						 .last = pgoff + end - 1,
						 .batch = world_draw(2) },
				false, 0);
	}
	stream_promise(&world_stream, ACTOR, 0, RECORD_PROMISE_CONVERTED, 0, 0, 0, false, 0);
	stream_promise(&world_stream, ACTOR, 0, RECORD_PROMISE_CONVERT_END, 0, 0, 0, false, 0);
	stream_promise(&world_stream, ACTOR, 0, RECORD_PROMISE_BIND_END, 0, 0, 0, false, 0);
}

static void owner_add(__u16 kind, __u64 inode, __u64 pgoff, __u64 pfn, __u32 nr, bool prepared)
{
	struct record_owner record = {
		.header = { .kind = kind,
			    .size = sizeof(record),
			    .tid = ACTOR,
			    .tgid = 100,
			    .time = world_stream.now,
			    .inode = inode },
		.page = pfn,
		.pgoff = pgoff,
		.nr = nr,
		.prepared = prepared ? RECORD_OWNER_PREPARED : 0,
	};

	stream_add(&world_stream, &record.header);
}

static __u32 frames_take(__u32 nr)
{
	for (int tries = 0; tries < 1000; tries++) {
		__u32 pfn = 1 + (__u32)world_draw(PFNS - 2 * FOLIO), i = 0;

		if (nr > 1)
			pfn = (pfn + FOLIO - 1) & ~(FOLIO - 1U);
		while (i < nr && !world.used[pfn + i])
			i++;
		if (i < nr)
			continue;
		for (i = 0; i < nr; i++)
			world.used[pfn + i] = true;
		return pfn;
	}
	return 0;
}

/* One page, or a large folio where a whole one fits. */
void world_fault(int inode, __u64 pgoff)
{
	struct world_page *pages = world.pages[inode];
	__u64 head = pgoff & ~(FOLIO - 1ULL);
	struct range range = { .inode = inode };
	__u32 nr = world_draw(8) || head + FOLIO > PAGES ? 1 : FOLIO, pfn;
	bool late, forgets = false;

	for (__u64 i = head; nr > 1 && i < head + FOLIO; i++) {
		if (pages[i].pfn ||
		    world_absent_wanted(inode, i) != world_absent_wanted(inode, head))
			nr = 1;
	}
	if (nr > 1)
		pgoff = head;
	if (pages[pgoff].pfn)
		return;
	pfn = frames_take(nr);
	if (!pfn)
		return;
	for (__u32 i = 0; i < nr; i++)
		pages[pgoff + i] = (struct world_page){ .pfn = pfn + i,
							.folio = i ? 0 : nr,
							.deviates = pages[pgoff + i].deviates,
							.wanted = pages[pgoff + i].wanted,
							.promised = pages[pgoff + i].promised,
							.users = pages[pgoff + i].users };
	owner_add(RECORD_JOIN, number(inode), pgoff, pfn, nr, false);
	late = world_absent_wanted(inode, pgoff) && world.wrong == CONFIGURE_LATE &&
	       strikes(CONFIGURE_LATE);
	if (late) {
		owner_add(RECORD_JOIN, number(inode), pgoff, pfn, nr, true);
		world.harm = true;
	}
	stream_begin(&world_stream, ACTOR, number(inode), RECORD_OPERATION_CONFIGURE, pgoff,
		     pgoff + nr - 1, false);
	range.first = pgoff;
	range.last = pgoff + nr - 1;
	for (__u32 i = 0; i < nr; i++)
		pages[pgoff + i].prepared = true;
	if (world_absent_wanted(inode, pgoff))
		forgets = world.wrong == CONFIGURE_NOTHING && strikes(CONFIGURE_NOTHING);
	if (world_absent_wanted(inode, pgoff) && !forgets)
		range_apply(&range);
	stream_end(&world_stream, ACTOR, number(inode), RECORD_OPERATION_CONFIGURE, pgoff,
		   pgoff + nr - 1, false);
	if (!late)
		owner_add(RECORD_JOIN, number(inode), pgoff, pfn, nr, true);
}

static void request_hole(__u16 kind, int inode, __u64 first, __u64 last)
{
	struct record_request record = {
		.header = { .kind = kind,
			    .size = sizeof(record),
			    .tid = ACTOR,
			    .tgid = 100,
			    .time = world_stream.now,
			    .inode = number(inode) },
		.pgoff_first = first,
		.pgoff_last = last,
		.operation = RECORD_OPERATION_FALLOCATE,
		.mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	};

	stream_add(&world_stream, &record.header);
}

/* A folio that lies in [first, last] as a whole leaves, and is restored. */
void world_pages_leave(int inode, __u64 first, __u64 last)
{
	struct world_page *pages = world.pages[inode];

	for (__u64 pgoff = first, nr; pgoff <= last; pgoff += nr) {
		__u32 pfn = pages[pgoff].pfn;
		bool keeps;

		nr = 1;
		if (!pfn || !pages[pgoff].folio || pgoff + pages[pgoff].folio - 1 > last)
			continue;
		nr = pages[pgoff].folio;
		keeps = nr == 1 && world.absent[pfn] && world.wrong == FREED_ABSENT &&
			!world_draw(10) && strikes(FREED_ABSENT);
		world.harm |= keeps;
		for (__u64 i = 0; i < nr && !keeps; i++) {
			__u64 run = 1;

			if (!world.absent[pfn + i])
				continue;
			while (i + run < nr && world.absent[pfn + i + run])
				run++;
			stream_zap(&world_stream, ACTOR, number(inode), pgoff + i, pfn + i,
				   (__u32)run, true, 0);
			i += run;
		}
		owner_add(RECORD_LEAVE, 0, pgoff, pfn, (__u32)nr, false);
		if (keeps)
			stream_page_free(&world_stream, ACTOR, pfn, true);
		for (__u64 i = 0; i < nr; i++) {
			struct world_page *page = &pages[pgoff + i];

			world.absent[pfn + i] = false;
			world.used[pfn + i] = page->poisoned;
			page->pfn = page->folio = 0;
			page->prepared = page->poisoned = false;
		}
	}
}

void world_punch(int inode, __u64 first, __u64 last)
{
	request_hole(RECORD_REQUEST_BEGIN, inode, first, last);
	world_pages_leave(inode, first, last);
	for (__u64 i = first; world.wrong == HOLE_UNDECLARES && i <= last; i++) {
		if (world.pages[inode][i].deviates)
			strikes(HOLE_UNDECLARES);
		world.pages[inode][i].deviates = false;
	}
	request_hole(RECORD_REQUEST_END, inode, first, last);
}

void world_poison(int inode, __u64 pgoff)
{
	struct world_page *page = &world.pages[inode][pgoff];

	if (!page->pfn || page->folio != 1)
		return;
	stream_begin(&world_stream, ACTOR, number(inode), RECORD_OPERATION_ERROR_FOLIO, pgoff,
		     pgoff, true);
	stream_end(&world_stream, ACTOR, number(inode), RECORD_OPERATION_ERROR_FOLIO, pgoff, pgoff,
		   true);
	page->poisoned = true;
}
