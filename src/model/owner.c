// SPDX-License-Identifier: GPL-2.0
/* Pages that join an inode, leave it, or go back to the allocator, as the records say. */
#include "model/pages.h"
#include "model/events.h"
#include "model/state.h"

static bool owner_valid(struct model *model, const struct record_owner *record)
{
	if (record->nr && record->nr <= FOLIO_MAX && record->pgoff < MODEL_PGOFF_MAX &&
	    record->pgoff + record->nr <= MODEL_PGOFF_MAX && record->page < PFN_MAX &&
	    record->page + record->nr <= PFN_MAX)
		return true;
	model->counts.malformed++;
	return false;
}

static void owner_event(struct model *model, const struct record_owner *record, __u64 inode,
			__u64 first)
{
	struct model_event event = {
		.time = record->header.time,
		.kind = record->header.kind,
		.cpu = record->header.cpu,
		.tid = record->header.tid,
		.tgid = record->header.tgid,
		.inode = (__u32)inode,
		.state = record->header.kind == RECORD_JOIN &&
			 record->prepared & RECORD_OWNER_PREPARED,
		.first = first,
		.last = first + record->nr - 1,
	};

	event_add(model, &event);
}

/* What is read from now on must not be settled by a read that began before. */
static __u64 event_time(const struct model *model, __u64 time)
{
	return time > model->counts.now ? time : model->counts.now;
}

static void pages_touch(struct model *model, struct inode *inode, __u64 pgoff, __u64 nr, __u64 time)
{
	struct page_span run;

	for (__u64 i = 0; i < nr; i += run.nr) {
		extent_run(model, inode, pgoff + i, nr - i, &run);
		if (run.slot)
			extent_touch_run(inode, &run, pgoff + i, time);
	}
}

static struct model_moved move_of(const struct record_header *header, enum model_move move)
{
	return (struct model_moved){
		.move = move,
		.time = header->time,
		.tid = header->tid,
		.tgid = header->tgid,
		.cpu = header->cpu,
	};
}

static void owner_notify(struct model *model, const struct record_owner *record,
			 const struct inode *inode, enum model_move move)
{
	struct model_moved moved = move_of(&record->header, move);

	moved.inode = &inode->base;
	moved.pgoff = record->pgoff;
	moved.pfn = record->page;
	moved.nr = record->nr;
	moved.prepared = record->prepared & RECORD_OWNER_PREPARED;
	moved.marked = record->prepared & RECORD_OWNER_DEVIATES;
	moved.given = record->prepared & RECORD_OWNER_GIVEN;
	notify_moved(model, &moved);
}

/* Whether it has the page there already: then it can only be prepared. */
static bool owner_has(const struct inode *inode, const struct record_owner *record)
{
	struct page page;

	return extent_page_read(inode, record->pgoff, &page) && page.pfn == record->page;
}

/*
 * The flags of pages that join. Where nothing was lost their changes were all seen. Elsewhere what
 * joins before it is prepared is as the allocator gives pages away, and of what is prepared already
 * a change may have been missed: a later read tells.
 */
static __u32 join_flags(struct inode *inode, const struct page_span *run, bool known, bool prepared)
{
	__u32 flags = run->pages->flags;
	/* Where free pages may be absent nobody has told what it is. */
	bool untold = page_given(inode) == MODEL_EITHER && page_applied(run->pages) == MODEL_EITHER;

	if (untold)
		flags &= ~(__u32)PAGE_SURE;
	else if (!inode->learning || (!prepared && page_applied(run->pages) == MODEL_PRESENT))
		flags |= PAGE_SURE;
	else if (!known && page_applied(run->pages) == MODEL_PRESENT)
		flags = run_applied(inode, run, MODEL_EITHER);
	return prepared ? flags | PAGE_PREPARED : flags;
}

void owner_join(struct model *model, const struct record_owner *record)
{
	bool prepared = record->prepared & RECORD_OWNER_PREPARED;
	struct inode *inode;
	struct page_span run;
	bool known;

	if (!owner_valid(model, record))
		return;
	inode = inode_get(model, record->header.inode, record->header.time);
	if (!inode)
		return;
	known = owner_has(inode, record);
	if (record->nr == 1 ? !page_join(model, inode, record->pgoff, record->page)
			    : pages_join(model, inode, record->pgoff, record->page, record->nr))
		return;
	for (__u64 i = 0; i < record->nr; i += run.nr) {
		__u64 pgoff = record->pgoff + i;

		extent_run(model, inode, pgoff, record->nr - i, &run);
		if (!run.pages)
			continue;
		run_write(&run, join_flags(inode, &run, known, prepared));
		pages_mark_changed(model, run.slot, pgoff, run.nr, record->header.time);
		extent_touch_run(inode, &run, pgoff, event_time(model, record->header.time));
		if (prepared && run.pages->flags & PAGE_EXPOSED)
			reach_prepared(model, task_get(model, record->header.tid), inode, record,
				       pgoff, run.nr);
		if (page_applied(run.pages) == MODEL_ABSENT)
			loose_adopt(model, inode, pgoff, record->page + i, run.nr);
	}
	owner_event(model, record, inode->base.number, record->pgoff);
	if (!known || prepared)
		owner_notify(model, record, inode, known ? MODEL_PREPARED : MODEL_JOINED);
}

/* Of a page that is about to leave. */
static void leave_describe(const struct inode *inode, __u64 pgoff, struct model_moved *moved)
{
	struct page page = { 0 };

	/* Where memory failed it stays absent for good. */
	moved->absent = extent_page_read(inode, pgoff, &page) && page.flags & PAGE_SURE &&
			!(page.flags & PAGE_POISONED) && page_applied(&page) == MODEL_ABSENT;
	moved->prepared = page.flags & PAGE_PREPARED && !(page.flags & PAGE_POISONED);
}

/* How many of @nr pages from @pgoff on, whose pfns ascend, are alike. */
static __u64 leave_alike(const struct inode *inode, __u64 pgoff, __u64 nr,
			 struct model_moved *moved)
{
	struct model_moved next = { 0 };
	__u64 done = 0, step;

	leave_describe(inode, pgoff, moved);
	for (; done < nr; done += step) {
		leave_describe(inode, pgoff + done, &next);
		if (next.absent != moved->absent || next.prepared != moved->prepared)
			break;
		step = extent_alike(inode, pgoff + done, nr - done);
	}
	return done;
}

void owner_leave(struct model *model, const struct record_owner *record)
{
	struct model_moved moved = move_of(&record->header, MODEL_LEFT);
	struct inode *inode = NULL, *last = NULL;
	__u64 pgoff, content = record->nr;

	if (!owner_valid(model, record))
		return;
	if (record->prepared & RECORD_OWNER_CONTENT)
		content = record->prepared >> RECORD_OWNER_CONTENT_SHIFT;
	for (__u64 i = 0, run; i < record->nr; i += run) {
		enum pfn_owner owner;

		run = page_run(model, record->page + i, record->nr - i, &owner, &inode, &pgoff);
		if (owner != PFN_OWNED)
			continue;
		if (content > i && content - i < run)
			run = content - i;
		run = leave_alike(inode, pgoff, run, &moved);
		page_leave(model, inode, pgoff, record->page + i, run);
		reach_forget(model, inode, pgoff, run);
		pages_touch(model, inode, pgoff, run, event_time(model, record->header.time));
		moved.inode = &inode->base;
		moved.pgoff = pgoff;
		moved.pfn = record->page + i;
		moved.nr = run;
		moved.marked = record->prepared & RECORD_OWNER_DEVIATES;
		moved.content = i == content;
		notify_moved(model, &moved);
		last = inode;
	}
	/* Restored or not is known by now; who left present is nobody's any more. */
	pfn_leave(model, record->page, record->nr);
	owner_event(model, record, last ? last->base.number : record->header.inode, record->page);
	if (last)
		inode_settle(model, last);
}

static void page_notify_freed(struct model *model, const struct model_freed *freed, bool absent)
{
	struct model_moved moved = {
		.inode = freed->inode,
		.move = MODEL_FREED,
		.pgoff = freed->pgoff,
		.pfn = freed->pfn,
		.nr = 1,
		.time = freed->time,
		.tid = freed->tid,
		.tgid = freed->tgid,
		.cpu = freed->cpu,
		.absent = absent,
	};

	notify_moved(model, &moved);
}

void page_free_absent(struct model *model, const struct record_page_free *record)
{
	struct model_event event = {
		.time = record->header.time,
		.kind = RECORD_PAGE_FREE,
		.cpu = record->header.cpu,
		.tid = record->header.tid,
		.tgid = record->header.tgid,
		.state = !record->absent,
		.first = record->page,
		.last = record->page,
	};
	__u32 nr = record->order < 6 ? 1U << record->order : 64;
	const char *caller = caller_of(model, record->header.tid, 0, record->page);

	if (record->page >= PFN_MAX - 64) {
		model->counts.malformed++;
		return;
	}
	event.last += nr - 1;
	event_add(model, &event);
	for (__u32 i = 0; i < nr; i++) {
		struct model_freed freed = {
			.pfn = record->page + i,
			.nr = 1,
			.time = record->header.time,
			.tid = record->header.tid,
			.tgid = record->header.tgid,
			.cpu = record->header.cpu,
			.caller = caller,
		};
		struct inode *inode;
		enum pfn_owner owner = pfn_find(model, freed.pfn, &inode, &freed.pgoff);

		if (owner == PFN_NONE)
			continue;
		/* It was told of when it was freed first. */
		if (owner == PFN_FREED) {
			pfn_clear(model, freed.pfn, 1);
			continue;
		}
		freed.inode = inode ? &inode->base : NULL;
		freed.owned = owner == PFN_OWNED;
		page_notify_freed(model, &freed, record->absent >> i & 1);
		if (record->absent >> i & 1)
			MODEL_NOTIFY(model, freed_absent, &freed);
		/* Freed is freed, whatever kept it from being seen to leave. */
		if (owner == PFN_OWNED && inode) {
			page_leave(model, inode, freed.pgoff, freed.pfn, 1);
			pages_touch(model, inode, freed.pgoff, 1, freed.time);
			inode_settle(model, inode);
		}
		/* Who restores it now is too late, but changes no stranger's page. */
		if (record->absent && inode)
			pfn_mark_freed(model, freed.pfn, inode, freed.pgoff);
		else
			pfn_clear(model, freed.pfn, 1);
	}
}
