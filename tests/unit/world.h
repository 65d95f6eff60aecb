/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM in play whose slots lead to pages of several inodes: what its kernel does, right or wrong in one
 * of two dozen ways, as a stream of records; and what is right, page by page, in arrays that know no rule.
 */
#ifndef GMEMTRACE_TESTS_WORLD_H
#define GMEMTRACE_TESTS_WORLD_H

#include <errno.h>
#include <linux/falloc.h>
#include "scene.h"

#define INODES 3
#define PAGES 1060 /* of an inode: more than two chunks, and no multiple */
#define SLOTS 6
#define GFNS 4096
#define PFNS 65536
#define FOLIO 512
#define STEPS 160
#define ACTOR 40

enum wrong {
	RIGHT,
	ATTRIBUTE_SHORT, /* the last frame of a conversion keeps its attribute */
	ATTRIBUTE_REFUSED, /* a conversion fails, and the attributes are changed */
	SLOT_FORGOTTEN, /* all but the first slot of a conversion are left alone */
	SLOT_OFFSET, /* a slot's offset into its inode is ignored */
	LAST_PAGE, /* of a range keeps its entry */
	FIRST_PAGE,
	EVERY_EIGHTH,
	CHUNK_EDGE, /* only pages 511 and 512 keep theirs */
	SECOND_SLOT_FIRST_PAGE, /* only where a conversion reaches two */
	FOLIO_TAIL, /* of a large folio only the first page is changed */
	NO_FLUSH,
	LAST_RUN_FLUSHED,
	FIRST_RUN_FLUSHED,
	FLUSH_BEFORE, /* what it is of */
	NO_ROLLBACK, /* of what a failed conversion did to the slots before */
	XARRAY_LAST, /* entry of a range is not stored */
	XARRAY_FIFTH, /* each */
	NEIGHBOUR, /* the frame behind a run changes, too */
	CONFIGURE_NOTHING, /* a page is prepared as it came */
	CONFIGURE_LATE, /* after it was marked as prepared */
	FREED_ABSENT,
	HOLE_UNDECLARES, /* what is punched is as it was by default */
	BIND_FORGETS, /* what was private already */
	IOCTL_INVERTED,
	WRONGS,
};

static const char *const wrong_names[WRONGS] = {
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

struct world_page {
	__u32 pfn; /* 0: none */
	__u32 folio; /* pages of the folio that it is the head of; 0: it is none */
	bool prepared, poisoned;
	bool deviates; /* the xarray */
	bool wanted; /* what the requests add up to: deviates */
	enum model_state promised; /* by KVM; EITHER: nothing, or its user had the last word */
	bool users; /* who had it */
};

struct world_slot {
	int inode; /* -1: none */
	__u64 gfn, pgoff, nr;
};

static struct world {
	enum wrong wrong;
	struct world_page pages[INODES][PAGES];
	bool dynamic[INODES]; /* present by default */
	struct world_slot slots[SLOTS];
	bool private[GFNS];
	bool absent[PFNS], used[PFNS];
	__u64 random;
	bool struck, harm; /* it did wrong; and what must be found */
} world;

static __u64 tick = 30 * MS; /* between two heartbeats */

static __u64 draw(__u64 below)
{
	world.random = world.random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (world.random >> 33) % below;
}

static bool strikes(enum wrong wrong)
{
	world.struck |= world.wrong == wrong;
	return world.wrong == wrong;
}

static __u64 number(int inode)
{
	return (__u64)inode + 1;
}

static bool page_absent_wanted(int inode, __u64 pgoff)
{
	return world.pages[inode][pgoff].deviates == world.dynamic[inode];
}

/* A range of pages as the routine goes over it: runs whose frames ascend. */
struct range {
	int inode;
	__u64 first, last;
	bool present;
	bool batch; /* one flush at the end */
	bool second; /* of the second slot of a conversion */
};

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

	if (world.wrong == NEIGHBOUR && !draw(6) && pfn + nr < PFNS &&
	    world.absent[pfn + nr] == range->present && strikes(NEIGHBOUR)) {
		nr++;
		world.harm = true;
	}
	for (__u64 i = 0; i < nr; i++)
		world.absent[pfn + i] = !range->present;
	if (!range->present && !range->batch && world.wrong == FLUSH_BEFORE && !redundant &&
	    strikes(FLUSH_BEFORE)) {
		stream_flush(&stream, ACTOR, pfn, pfn + nr - 1, false);
		world.harm = true;
	} else if (!range->present && !range->batch && nr == 1 && world.wrong != NO_FLUSH) {
		stream_zap_flush(&stream, ACTOR, number(range->inode), pgoff, pfn, 1, pfn, pfn);
		return;
	}
	stream_zap(&stream, ACTOR, number(range->inode), pgoff, pfn, (__u32)nr, range->present, 0);
	if (range->present || range->batch || world.wrong == FLUSH_BEFORE)
		return;
	if (world.wrong == NO_FLUSH && strikes(NO_FLUSH))
		world.harm |= !redundant;
	else
		stream_flush(&stream, ACTOR, pfn, pfn + nr - 1, draw(8) == 0);
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
		stream_flush(&stream, ACTOR, last_low, high > last_low ? high : last_low, false);
	} else if (world.wrong == FIRST_RUN_FLUSHED && runs > 1 && last_low > first_high) {
		strikes(FIRST_RUN_FLUSHED);
		world.harm |= fresh_last;
		stream_flush(&stream, ACTOR, low < first_high ? low : first_high, first_high,
			     false);
	} else {
		stream_flush(&stream, ACTOR, low, high, false);
	}
}

/* KVM_GMEM_SET_DIRECT_MAP, or a part of a conversion. */
static void range_set(const struct range *asked, bool users, __s64 result)
{
	struct range range = *asked;
	struct world_page *pages = world.pages[range.inode];
	bool stores = false;

	stream_begin(&stream, ACTOR, number(range.inode), RECORD_OPERATION_SET_RANGE, range.first,
		     range.last, range.present);
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
		stream_request(&stream, RECORD_REQUEST_BEGIN, ACTOR, 0,
			       RECORD_OPERATION_UPDATE_XARRAY, range.first, range.last,
			       range.present, 0);
		stream_request(&stream, RECORD_REQUEST_END, ACTOR, 0,
			       RECORD_OPERATION_UPDATE_XARRAY, range.first, range.last,
			       range.present, 0);
	}
	if (world.wrong == IOCTL_INVERTED && users && strikes(IOCTL_INVERTED))
		range.present = !range.present;
	if (!result)
		range_apply(&range);
	stream_request(&stream, RECORD_REQUEST_END, ACTOR, number(range.inode),
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

static void frames_convert(__u64 gfn, __u64 nr, bool private, bool fails)
{
	struct range range = { .present = !private, .batch = draw(2) };
	struct range done[SLOTS];
	bool before[SLOTS][PAGES];
	size_t parts = 0, all = 0;

	for (int i = 0; i < SLOTS; i++)
		all += slot_part(&world.slots[i], gfn, nr, &range);
	fails &= all > 0;
	stream_promise(&stream, ACTOR, 0, RECORD_PROMISE_CONVERT_BEGIN, gfn, nr, 0, private, 0);
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
		range_set(&range, false, fails && last ? -ENOMEM : 0);
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
			range_set(&range, false, 0);
		}
	}
	stream_promise(&stream, ACTOR, 0, RECORD_PROMISE_CONVERTED, 0, 0, 0, false,
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
	stream_promise(&stream, ACTOR, 0, RECORD_PROMISE_CONVERT_END, 0, 0, 0, false, 0);
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

static void bind(int index)
{
	struct world_slot *slot = &world.slots[index];
	__u64 nr = 1 + draw(draw(3) ? 40 : 700), gfn = draw(GFNS - nr), pgoff = draw(PAGES - nr);
	int inode = (int)draw(INODES);
	const struct world_slot *beside = &world.slots[draw(SLOTS)];

	if (draw(3) && beside->inode >= 0 && beside->gfn + beside->nr + nr <= GFNS)
		gfn = beside->gfn + beside->nr;
	if (slot->inode >= 0) {
		stream_promise(&stream, ACTOR, number(slot->inode), RECORD_PROMISE_UNBIND,
			       slot->gfn, slot->nr, slot->pgoff, false, 0);
		slot->inode = -1;
		return;
	}
	if (!slot_free(gfn, nr, inode, pgoff))
		return;
	*slot = (struct world_slot){ inode, gfn, pgoff, nr };
	stream_promise(&stream, ACTOR, number(inode), RECORD_PROMISE_BIND, gfn, nr, pgoff, false,
		       0);
	stream_promise(&stream, ACTOR, number(inode), RECORD_PROMISE_BIND_BEGIN, gfn, nr, pgoff,
		       false, 0);
	for (__u64 i = 0, end; i < nr; i = end) {
		for (end = i + 1; end < nr && world.private[gfn + end] == world.private[gfn + i];)
			end++;
		for (__u64 j = i; j < end; j++)
			page_bound(&world.pages[inode][pgoff + j], world.private[gfn + i]);
		if (!world.private[gfn + i] ||
		    (world.wrong == BIND_FORGETS && strikes(BIND_FORGETS)))
			continue;
		range_set(&(struct range){ .inode = inode,
					   .first = pgoff + i,
					   .last = pgoff + end - 1,
					   .batch = draw(2) },
			  false, 0);
	}
	stream_promise(&stream, ACTOR, 0, RECORD_PROMISE_CONVERTED, 0, 0, 0, false, 0);
	stream_promise(&stream, ACTOR, 0, RECORD_PROMISE_CONVERT_END, 0, 0, 0, false, 0);
	stream_promise(&stream, ACTOR, 0, RECORD_PROMISE_BIND_END, 0, 0, 0, false, 0);
}

static void owner_add(__u16 kind, __u64 inode, __u64 pgoff, __u64 pfn, __u32 nr, bool prepared)
{
	struct record_owner record = {
		.header = { .kind = kind,
			    .size = sizeof(record),
			    .tid = ACTOR,
			    .tgid = 100,
			    .time = stream.now,
			    .inode = inode },
		.page = pfn,
		.pgoff = pgoff,
		.nr = nr,
		.prepared = prepared ? RECORD_OWNER_PREPARED : 0,
	};

	stream_add(&stream, &record.header);
}

static __u32 frames_take(__u32 nr)
{
	for (int tries = 0; tries < 1000; tries++) {
		__u32 pfn = 1 + (__u32)draw(PFNS - 2 * FOLIO), i = 0;

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
static void fault(int inode, __u64 pgoff)
{
	struct world_page *pages = world.pages[inode];
	__u64 head = pgoff & ~(FOLIO - 1ULL);
	struct range range = { .inode = inode };
	__u32 nr = draw(8) || head + FOLIO > PAGES ? 1 : FOLIO, pfn;
	bool late, forgets = false;

	for (__u64 i = head; nr > 1 && i < head + FOLIO; i++) {
		if (pages[i].pfn || page_absent_wanted(inode, i) != page_absent_wanted(inode, head))
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
	late = page_absent_wanted(inode, pgoff) && world.wrong == CONFIGURE_LATE &&
	       strikes(CONFIGURE_LATE);
	if (late) {
		owner_add(RECORD_JOIN, number(inode), pgoff, pfn, nr, true);
		world.harm = true;
	}
	stream_begin(&stream, ACTOR, number(inode), RECORD_OPERATION_CONFIGURE, pgoff,
		     pgoff + nr - 1, false);
	range.first = pgoff;
	range.last = pgoff + nr - 1;
	for (__u32 i = 0; i < nr; i++)
		pages[pgoff + i].prepared = true;
	if (page_absent_wanted(inode, pgoff))
		forgets = world.wrong == CONFIGURE_NOTHING && strikes(CONFIGURE_NOTHING);
	if (page_absent_wanted(inode, pgoff) && !forgets)
		range_apply(&range);
	stream_end(&stream, ACTOR, number(inode), RECORD_OPERATION_CONFIGURE, pgoff, pgoff + nr - 1,
		   false);
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
			    .time = stream.now,
			    .inode = number(inode) },
		.pgoff_first = first,
		.pgoff_last = last,
		.operation = RECORD_OPERATION_FALLOCATE,
		.mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	};

	stream_add(&stream, &record.header);
}

/* A folio that lies in [first, last] as a whole leaves, and is restored. */
static void pages_leave(int inode, __u64 first, __u64 last)
{
	struct world_page *pages = world.pages[inode];

	for (__u64 pgoff = first, nr; pgoff <= last; pgoff += nr) {
		__u32 pfn = pages[pgoff].pfn;
		bool keeps;

		nr = 1;
		if (!pfn || !pages[pgoff].folio || pgoff + pages[pgoff].folio - 1 > last)
			continue;
		nr = pages[pgoff].folio;
		keeps = nr == 1 && world.absent[pfn] && world.wrong == FREED_ABSENT && !draw(10) &&
			strikes(FREED_ABSENT);
		world.harm |= keeps;
		for (__u64 i = 0; i < nr && !keeps; i++) {
			__u64 run = 1;

			if (!world.absent[pfn + i])
				continue;
			while (i + run < nr && world.absent[pfn + i + run])
				run++;
			stream_zap(&stream, ACTOR, number(inode), pgoff + i, pfn + i, (__u32)run,
				   true, 0);
			i += run;
		}
		owner_add(RECORD_LEAVE, 0, pgoff, pfn, (__u32)nr, false);
		if (keeps)
			stream_page_free(&stream, ACTOR, pfn, true);
		for (__u64 i = 0; i < nr; i++) {
			struct world_page *page = &pages[pgoff + i];

			world.absent[pfn + i] = false;
			world.used[pfn + i] = page->poisoned;
			page->pfn = page->folio = 0;
			page->prepared = page->poisoned = false;
		}
	}
}

static void punch(int inode, __u64 first, __u64 last)
{
	request_hole(RECORD_REQUEST_BEGIN, inode, first, last);
	pages_leave(inode, first, last);
	for (__u64 i = first; world.wrong == HOLE_UNDECLARES && i <= last; i++) {
		if (world.pages[inode][i].deviates)
			strikes(HOLE_UNDECLARES);
		world.pages[inode][i].deviates = false;
	}
	request_hole(RECORD_REQUEST_END, inode, first, last);
}

static void poison(int inode, __u64 pgoff)
{
	struct world_page *page = &world.pages[inode][pgoff];

	if (!page->pfn || page->folio != 1)
		return;
	stream_begin(&stream, ACTOR, number(inode), RECORD_OPERATION_ERROR_FOLIO, pgoff, pgoff,
		     true);
	stream_end(&stream, ACTOR, number(inode), RECORD_OPERATION_ERROR_FOLIO, pgoff, pgoff, true);
	page->poisoned = true;
}

static __u32 page_bits(int inode, __u64 pgoff)
{
	const struct world_page *page = &world.pages[inode][pgoff];
	__u32 bits = page->deviates ? RECORD_PAGE_DEVIATES : 0;

	if (!page->pfn)
		return bits;
	return bits | RECORD_PAGE_RESIDENT | (page->prepared ? RECORD_PAGE_PREPARED : 0) |
	       (page->poisoned ? RECORD_PAGE_POISONED : 0) |
	       (world.absent[page->pfn] ? 0 : RECORD_PAGE_PRESENT);
}

/* What is wrong with the page as it is, and can be seen by who reads it. */
static bool page_harmed(int inode, __u64 pgoff, bool bound, bool private)
{
	const struct world_page *page = &world.pages[inode][pgoff];
	bool absent = page->pfn && world.absent[page->pfn];

	if (page->deviates != page->wanted)
		return true;
	if (!page->pfn || !page->prepared || page->poisoned)
		return false;
	if (absent != page_absent_wanted(inode, pgoff))
		return true;
	return bound && (!(page->promised & (absent ? MODEL_ABSENT : MODEL_PRESENT)) ||
			 !(page->promised & (private ? MODEL_ABSENT : MODEL_PRESENT)));
}

/* What a reader sees of an inode's pages at a moment. */
struct view {
	struct view_page {
		__u32 bits, pfn;
		const struct world_slot *slot; /* NULL: bound to none */
		__u64 gfn;
		bool private;
	} pages[PAGES];
};

static void view_take(int inode, struct view *view)
{
	for (__u64 pgoff = 0; pgoff < PAGES; pgoff++) {
		struct view_page *page = &view->pages[pgoff];

		*page = (struct view_page){ .bits = page_bits(inode, pgoff),
					    .pfn = world.pages[inode][pgoff].pfn };
		for (int i = 0; i < SLOTS; i++) {
			const struct world_slot *slot = &world.slots[i];

			if (slot->inode != inode || pgoff < slot->pgoff ||
			    pgoff >= slot->pgoff + slot->nr)
				continue;
			page->slot = slot;
			page->gfn = slot->gfn + pgoff - slot->pgoff;
			page->private = world.private[page->gfn];
		}
	}
}

/* One read of it, whose promises go with it. */
static void view_read(int inode, const struct view *view, enum record_snapshot_origin origin,
		      __u32 pass)
{
	static struct stream_page seen[PAGES];
	static struct stream_promise promised[PAGES];
	size_t nr = 0, promises = 0;

	for (__u64 pgoff = 0; pgoff < PAGES; pgoff++) {
		const struct view_page *page = &view->pages[pgoff];
		struct stream_page *last = nr ? &seen[nr - 1] : NULL;
		struct stream_promise *before = promises ? &promised[promises - 1] : NULL;

		if (page->slot && before && before->private == page->private &&
		    before->pgoff + before->nr == pgoff && before->gfn + before->nr == page->gfn)
			before->nr++;
		else if (page->slot)
			promised[promises++] =
				(struct stream_promise){ pgoff, 1, page->gfn, page->private };
		if (!page->bits)
			continue;
		if (last && last->bits == page->bits && last->pgoff + last->nr == pgoff &&
		    (page->pfn ? last->pfn + last->nr == page->pfn : !last->pfn))
			last->nr++;
		else
			seen[nr++] = (struct stream_page){ pgoff, page->pfn, 1, page->bits };
	}
	stream.promises = promised;
	stream.promises_nr = promises;
	stream_read(&stream, number(inode), RFC3, world.dynamic[inode], origin, pass, 0, PAGES,
		    seen, nr);
}

static void read_twice(int inode, enum record_snapshot_origin origin)
{
	static struct view view;

	view_take(inode, &view);
	for (__u64 pgoff = 0; pgoff < PAGES; pgoff++)
		world.harm |= page_harmed(inode, pgoff, view.pages[pgoff].slot,
					  view.pages[pgoff].private);
	for (__u32 pass = 0; pass < 2; pass++)
		view_read(inode, &view, origin, pass);
}

/* Of some pages what was there before, of others what came, of some the xarray's and the table's apart. */
static void view_tear(struct view *view, const struct view *after)
{
	for (__u64 pgoff = 0; pgoff < PAGES; pgoff++) {
		struct view_page *page = &view->pages[pgoff];
		const struct view_page *newer = &after->pages[pgoff];
		__u32 other = draw(2) ? newer->bits : page->bits;

		if (draw(2)) {
			page->bits = newer->bits;
			page->pfn = newer->pfn;
		}
		page->bits = (page->bits & ~(__u32)RECORD_PAGE_DEVIATES) |
			     (other & RECORD_PAGE_DEVIATES);
		if (draw(2)) {
			page->slot = newer->slot;
			page->gfn = newer->gfn;
		}
		if (draw(2))
			page->private = newer->private;
	}
}

static void step_change(void);

/* While it is read, something happens. */
static void read_torn(int inode)
{
	static struct view view, after;
	struct record_snapshot *begin;
	size_t at = stream.used, read;

	view_take(inode, &view);
	view_read(inode, &view, RECORD_SNAPSHOT_LIVE, 0);
	/* Its begin stays where it is. */
	stream.used = at + sizeof(struct record_snapshot);
	stream.snapshot--;
	step_change();
	view_take(inode, &after);
	view_tear(&view, &after);
	read = stream.used;
	view_read(inode, &view, RECORD_SNAPSHOT_LIVE, 0);
	begin = (struct record_snapshot *)(stream.data + read);
	assert_int_equal(begin->header.kind, RECORD_SNAPSHOT_BEGIN);
	memmove(begin, begin + 1, stream.used - read - sizeof(*begin));
	stream.used -= sizeof(*begin);
}

static void inode_make(int inode)
{
	struct record_inode record = {
		.header = { .kind = RECORD_INODE,
			    .size = sizeof(record),
			    .inode = number(inode),
			    .tgid = 100,
			    .time = stream.now },
		.pages = PAGES,
		.flags = world.dynamic[inode] ? RECORD_RFC3_DYNAMIC : RECORD_RFC3_NO_DIRECT_MAP,
		.provider = RFC3,
		.default_state = world.dynamic[inode],
		.vm = 100,
	};

	stream_add(&stream, &record.header);
}

static void inode_release(int inode)
{
	read_twice(inode, RECORD_SNAPSHOT_RELEASE);
	stream_begin(&stream, ACTOR, number(inode), RECORD_OPERATION_RELEASE, 0, ~0ULL, true);
	pages_leave(inode, 0, PAGES - 1);
	stream_end(&stream, ACTOR, number(inode), RECORD_OPERATION_RELEASE, 0, ~0ULL, true);
	stream_inode_dead(&stream, number(inode));
}

/* Anything but a read. */
static void step_change(void)
{
	int inode = (int)draw(INODES);
	__u64 nr = 1 + draw(draw(4) ? 24 : 700), first = draw(PAGES - nr);
	__u64 gfn;

	switch (draw(11)) {
	case 0:
		bind((int)draw(SLOTS));
		break;
	case 1:
	case 2:
	case 3: {
		const struct world_slot *slot = &world.slots[draw(SLOTS)];

		gfn = slot->inode >= 0 ? slot->gfn + draw(slot->nr) : draw(GFNS - 1);
		nr = nr < GFNS - gfn ? nr : GFNS - gfn;
		frames_convert(gfn, nr, draw(2), !draw(4));
		break;
	}
	case 4:
		range_set(&(struct range){ .inode = inode,
					   .first = first,
					   .last = first + nr - 1,
					   .present = draw(2),
					   .batch = draw(2) },
			  true, 0);
		break;
	case 5:
		punch(inode, first, first + nr - 1);
		break;
	case 6:
		if (!draw(4))
			poison(inode, first);
		break;
	default:
		for (__u64 i = 0; i < nr && i < 40; i++)
			fault(inode, first + i);
	}
}

static void step(void)
{
	switch (draw(12)) {
	case 0:
		read_twice((int)draw(INODES), RECORD_SNAPSHOT_LIVE);
		break;
	case 1:
		read_torn((int)draw(INODES));
		break;
	default:
		step_change();
	}
	if (!draw(4)) {
		stream.now += tick;
		stream_heartbeat(&stream);
	}
}

static void world_make(unsigned int seed, enum wrong wrong)
{
	stream_init(&stream);
	memset(&world, 0, sizeof(world));
	world.wrong = wrong;
	world.random = seed * 2654435761ULL;
	for (int i = 0; i < SLOTS; i++)
		world.slots[i].inode = -1;
	for (int i = 0; i < INODES; i++) {
		world.dynamic[i] = draw(2);
		for (int j = 0; j < PAGES; j++)
			world.pages[i][j].promised = MODEL_EITHER;
		inode_make(i);
	}
	for (int i = 0; i < SLOTS; i++)
		bind(i);
	for (int i = 0; i < STEPS; i++)
		step();
	for (int i = 0; i < INODES; i++)
		inode_release(i);
	stream_finish(&stream);
}

#endif
