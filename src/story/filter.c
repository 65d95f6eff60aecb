// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "story/filter.h"

void story_filter_init(struct story_filter *filter, const struct story_subject *subject)
{
	*filter = (struct story_filter){ .subject = *subject, .inode = subject->inode };
	if (subject->about == STORY_FRAME)
		set_add(&filter->frames, subject->pfn);
}

void story_filter_free(struct story_filter *filter)
{
	set_free(&filter->frames);
	set_free(&filter->places);
	set_free(&filter->inodes);
	set_free(&filter->doers);
	set_free(&filter->tasks);
}

static bool is_frame(const struct story_filter *filter)
{
	return filter->subject.about == STORY_FRAME;
}

/* Whether [first, last] of @inode holds a page of the story. */
static bool place_meets(const struct story_filter *filter, __u64 inode, __u64 first, __u64 last)
{
	if (!inode || last < first)
		return false;
	if (!is_frame(filter))
		return inode == filter->inode && first <= filter->subject.last &&
		       last >= filter->subject.first;
	last = last < MODEL_PGOFF_MAX ? last : MODEL_PGOFF_MAX - 1;
	return first <= last && set_meets(&filter->places, inode << 32 | first, inode << 32 | last);
}

static bool run_meets(const struct story_filter *filter, __u64 pfn, __u64 nr)
{
	return nr && set_meets(&filter->frames, pfn, pfn + nr - 1);
}

/* What a run of pages says of the story's: their frames, or the frame's place. */
static int learn_run(struct story_filter *filter, __u64 inode, __u64 pgoff, __u64 pfn, __u64 nr)
{
	__u64 first = filter->subject.first, last = filter->subject.last;

	if (!inode || !nr || inode >> 32 || pgoff >= MODEL_PGOFF_MAX)
		return 0;
	if (is_frame(filter)) {
		__u64 skip = filter->subject.pfn - pfn;

		if (filter->subject.pfn < pfn || skip >= nr || pgoff + skip >= MODEL_PGOFF_MAX)
			return 0;
		if (set_add(&filter->inodes, inode))
			return -1;
		return set_add(&filter->places, inode << 32 | (pgoff + skip));
	}
	if (!place_meets(filter, inode, pgoff, pgoff + nr - 1))
		return 0;
	first = first > pgoff ? first : pgoff;
	last = last < pgoff + nr - 1 ? last : pgoff + nr - 1;
	for (; first <= last; first++) {
		if (set_add(&filter->frames, pfn + (first - pgoff)))
			return -1;
	}
	return 0;
}

static __u32 *open_depth(struct story_filter *filter, __u32 tid)
{
	for (size_t i = 0; i < filter->open_nr; i++) {
		if (filter->open[i].tid == tid)
			return &filter->open[i].depth;
	}
	if (filter->open_nr == FILTER_OPEN_MAX)
		return NULL;
	filter->open[filter->open_nr].tid = tid;
	filter->open[filter->open_nr].depth = 0;
	return &filter->open[filter->open_nr++].depth;
}

static int learn_request(struct story_filter *filter, const struct record_request *record)
{
	__u32 *depth;

	if (!place_meets(filter, record->header.inode, record->pgoff_first, record->pgoff_last))
		return 0;
	depth = open_depth(filter, record->header.tid);
	if (!depth)
		return set_add(&filter->doers, record->header.tid);
	if (record->header.kind == RECORD_REQUEST_BEGIN)
		++*depth;
	else if (*depth)
		--*depth;
	return set_add(&filter->doers, record->header.tid);
}

static int learn_zap(struct story_filter *filter, const struct record_zap *record)
{
	__u32 *depth;

	if (learn_run(filter, record->header.inode, record->pgoff, record->page, record->nr))
		return -1;
	if (!run_meets(filter, record->page, record->nr))
		return 0;
	depth = open_depth(filter, record->header.tid);
	return depth && *depth ? 0 : set_add(&filter->tasks, record->header.tid);
}

int story_filter_learn(struct story_filter *filter, const struct record_header *record)
{
	switch (record->kind) {
	case RECORD_INODE: {
		const struct record_inode *inode = (const struct record_inode *)record;

		if (!filter->inode && filter->subject.i_ino == inode->i_ino)
			filter->inode = record->inode;
		return 0;
	}
	case RECORD_JOIN: {
		const struct record_owner *join = (const struct record_owner *)record;

		return learn_run(filter, record->inode, join->pgoff, join->page, join->nr);
	}
	case RECORD_SNAPSHOT_PAGE: {
		const struct record_snapshot_page *page =
			(const struct record_snapshot_page *)record;

		if (!(page->bits & RECORD_PAGE_RESIDENT))
			return 0;
		return learn_run(filter, record->inode, page->pgoff, page->pfn, page->nr);
	}
	case RECORD_REQUEST_BEGIN:
	case RECORD_REQUEST_END:
		return learn_request(filter, (const struct record_request *)record);
	case RECORD_ZAP:
		return learn_zap(filter, (const struct record_zap *)record);
	default:
		return 0;
	}
}

static bool wants_request(const struct story_filter *filter, const struct record_request *record)
{
	return place_meets(filter, record->header.inode, record->pgoff_first, record->pgoff_last) ||
	       set_has(&filter->tasks, record->header.tid);
}

/* A flush ends exposures whoever it was meant for; those that do not tell what a request left out. */
static bool wants_flush(const struct story_filter *filter, const struct record_flush *record)
{
	if (record->full || record->routine == RECORD_FLUSH_ALL ||
	    set_has(&filter->doers, record->header.tid))
		return true;
	return record->last >= record->first &&
	       run_meets(filter, record->first, record->last - record->first + 1);
}

static const struct record_header *zap_flush(struct story_filter *filter,
					     const struct record_zap *record)
{
	if (!record->flush_routine)
		return NULL;
	filter->flush = (struct record_flush){
		.header = record->header,
		.begin = record->flush_begin,
		.first = record->flush_first,
		.last = record->flush_last,
		.routine = record->flush_routine,
		.full = record->flush_full,
	};
	filter->flush.header.kind = RECORD_FLUSH;
	filter->flush.header.size = sizeof(filter->flush);
	filter->flush.header.inode = 0;
	return wants_flush(filter, &filter->flush) ? &filter->flush.header : NULL;
}

static const struct record_header *wants_zap(struct story_filter *filter,
					     const struct record_zap *record)
{
	if (run_meets(filter, record->page, record->nr) ||
	    (record->nr && place_meets(filter, record->header.inode, record->pgoff,
				       record->pgoff + record->nr - 1)))
		return &record->header;
	return zap_flush(filter, record);
}

static bool wants_owner(const struct story_filter *filter, const struct record_owner *record)
{
	return run_meets(filter, record->page, record->nr) ||
	       (record->header.kind == RECORD_JOIN && record->nr &&
		place_meets(filter, record->header.inode, record->pgoff,
			    record->pgoff + record->nr - 1));
}

static bool wants_free(const struct story_filter *filter, const struct record_page_free *record)
{
	return run_meets(filter, record->page, record->order < 6 ? 1ULL << record->order : 64);
}

static bool wants_chunk(const struct story_filter *filter, const struct record_snapshot *record)
{
	return record->pgoff_nr && place_meets(filter, record->header.inode, record->pgoff_first,
					       record->pgoff_first + record->pgoff_nr - 1);
}

/* Cut to the story's pages: of those beside them nobody has said that they came. */
static const struct record_header *wants_page(struct story_filter *filter,
					      const struct record_snapshot_page *record)
{
	struct record_snapshot_page *page = &filter->page;
	__u64 first = record->pgoff, last = record->pgoff + record->nr - 1;

	if (!record->nr || !place_meets(filter, record->header.inode, first, last))
		return NULL;
	if (is_frame(filter))
		return &record->header;
	first = first > filter->subject.first ? first : filter->subject.first;
	last = last < filter->subject.last ? last : filter->subject.last;
	*page = *record;
	page->header.size = sizeof(*page);
	page->pgoff = first;
	page->pfn += page->pfn ? first - record->pgoff : 0;
	page->nr = (__u32)(last - first + 1);
	return &page->header;
}

static bool wants_loss(const struct story_filter *filter, const struct record_header *record)
{
	if (!record->inode || record->inode == filter->inode)
		return true;
	return is_frame(filter) && set_has(&filter->inodes, record->inode);
}

const struct record_header *story_filter_apply(struct story_filter *filter,
					       const struct record_header *record)
{
	const void *whole = record;
	bool wants = true;

	switch (record->kind) {
	case RECORD_REQUEST_BEGIN:
	case RECORD_REQUEST_END:
		wants = wants_request(filter, whole);
		break;
	case RECORD_ZAP:
		return wants_zap(filter, whole);
	case RECORD_FLUSH:
		wants = wants_flush(filter, whole);
		break;
	case RECORD_JOIN:
	case RECORD_LEAVE:
		wants = wants_owner(filter, whole);
		break;
	case RECORD_PAGE_FREE:
		wants = wants_free(filter, whole);
		break;
	case RECORD_SNAPSHOT_BEGIN:
	case RECORD_SNAPSHOT_END:
		wants = wants_chunk(filter, whole);
		break;
	case RECORD_SNAPSHOT_PAGE:
		return wants_page(filter, whole);
	case RECORD_LOSS:
		wants = wants_loss(filter, record);
		break;
	default:
		break;
	}
	return wants ? record : NULL;
}
