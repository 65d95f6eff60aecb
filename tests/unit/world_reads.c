// SPDX-License-Identifier: GPL-2.0
/* What is seen of a world, and what happens in it one after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "world_inner.h"

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
	if (absent != world_absent_wanted(inode, pgoff))
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
	world_stream.promises = promised;
	world_stream.promises_nr = promises;
	stream_read(&world_stream, number(inode), RFC3, world.dynamic[inode], origin, pass, 0,
		    PAGES, seen, nr);
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
		__u32 other = world_draw(2) ? newer->bits : page->bits;

		if (world_draw(2)) {
			page->bits = newer->bits;
			page->pfn = newer->pfn;
		}
		page->bits = (page->bits & ~(__u32)RECORD_PAGE_DEVIATES) |
			     (other & RECORD_PAGE_DEVIATES);
		if (world_draw(2)) {
			page->slot = newer->slot;
			page->gfn = newer->gfn;
		}
		if (world_draw(2))
			page->private = newer->private;
	}
}

static void step_change(void);

/* While it is read, something happens. */
static void read_torn(int inode)
{
	static struct view view, after;
	struct record_snapshot *begin;
	size_t at = world_stream.used, read;

	view_take(inode, &view);
	view_read(inode, &view, RECORD_SNAPSHOT_LIVE, 0);
	/* Its begin stays where it is. */
	world_stream.used = at + sizeof(struct record_snapshot);
	world_stream.snapshot--;
	step_change();
	view_take(inode, &after);
	view_tear(&view, &after);
	read = world_stream.used;
	view_read(inode, &view, RECORD_SNAPSHOT_LIVE, 0);
	begin = (struct record_snapshot *)(world_stream.data + read);
	assert_int_equal(begin->header.kind, RECORD_SNAPSHOT_BEGIN);
	memmove(begin, begin + 1, world_stream.used - read - sizeof(*begin));
	world_stream.used -= sizeof(*begin);
}

static void inode_make(int inode)
{
	struct record_inode record = {
		.header = { .kind = RECORD_INODE,
			    .size = sizeof(record),
			    .inode = number(inode),
			    .tgid = 100,
			    .time = world_stream.now },
		.pages = PAGES,
		.flags = world.dynamic[inode] ? RECORD_RFC3_DYNAMIC : RECORD_RFC3_NO_DIRECT_MAP,
		.provider = RFC3,
		.default_state = world.dynamic[inode],
		.vm = 100,
	};

	stream_add(&world_stream, &record.header);
}

static void inode_release(int inode)
{
	read_twice(inode, RECORD_SNAPSHOT_RELEASE);
	stream_begin(&world_stream, ACTOR, number(inode), RECORD_OPERATION_RELEASE, 0, ~0ULL, true);
	world_pages_leave(inode, 0, PAGES - 1);
	stream_end(&world_stream, ACTOR, number(inode), RECORD_OPERATION_RELEASE, 0, ~0ULL, true);
	stream_inode_dead(&world_stream, number(inode));
}

/* Anything but a read. */
static void step_change(void)
{
	int inode = (int)world_draw(INODES);
	__u64 nr = 1 + world_draw(world_draw(4) ? 24 : 700), first = world_draw(PAGES - nr);
	__u64 gfn;

	switch (world_draw(11)) {
	case 0:
		world_bind((int)world_draw(SLOTS));
		break;
	case 1:
	case 2:
	case 3: {
		const struct world_slot *slot = &world.slots[world_draw(SLOTS)];

		gfn = slot->inode >= 0 ? slot->gfn + world_draw(slot->nr) : world_draw(GFNS - 1);
		nr = nr < GFNS - gfn ? nr : GFNS - gfn;
		world_convert(gfn, nr, world_draw(2), !world_draw(4));
		break;
	}
	case 4:
		world_range_set(&(struct range){ .inode = inode,
						 .first = first,
						 .last = first + nr - 1,
						 .present = world_draw(2),
						 .batch = world_draw(2) },
				true, 0);
		break;
	case 5:
		world_punch(inode, first, first + nr - 1);
		break;
	case 6:
		if (!world_draw(4))
			world_poison(inode, first);
		break;
	default:
		for (__u64 i = 0; i < nr && i < 40; i++)
			world_fault(inode, first + i);
	}
}

static void step(void)
{
	switch (world_draw(12)) {
	case 0:
		read_twice((int)world_draw(INODES), RECORD_SNAPSHOT_LIVE);
		break;
	case 1:
		read_torn((int)world_draw(INODES));
		break;
	default:
		step_change();
	}
	if (!world_draw(4)) {
		world_stream.now += world_tick;
		stream_heartbeat(&world_stream);
	}
}

void world_make(struct stream *stream, unsigned int seed, enum wrong wrong)
{
	stream_init(&world_stream);
	memset(&world, 0, sizeof(world));
	world.wrong = wrong;
	world.random = seed * 2654435761ULL;
	for (int i = 0; i < SLOTS; i++)
		world.slots[i].inode = -1;
	for (int i = 0; i < INODES; i++) {
		world.dynamic[i] = world_draw(2);
		for (int j = 0; j < PAGES; j++)
			world.pages[i][j].promised = MODEL_EITHER;
		inode_make(i);
	}
	for (int i = 0; i < SLOTS; i++)
		world_bind(i);
	for (int i = 0; i < STEPS; i++)
		step();
	for (int i = 0; i < INODES; i++)
		inode_release(i);
	stream_finish(&world_stream);
	*stream = world_stream;
}
