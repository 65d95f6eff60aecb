// SPDX-License-Identifier: GPL-2.0
/* What was read, held against what is: where they differ, and whether that is proven. */
#include "model/pages.h"
#include "model/judge.h"

void read_tell(struct judging *judging)
{
	if (judging->run.nr) {
		if (judging->bundle->promises_nr)
			promised_judge(judging, &judging->run);
		notify_page_read(judging->model, &judging->run);
	}
	judging->run.nr = 0;
}

void read_add(struct judging *judging, const struct model_read *read)
{
	struct model_read *run = &judging->run;
	bool resident = read->bits & RECORD_PAGE_RESIDENT;

	if (run->bits == read->bits && (!resident || run->pfn + run->nr == read->pfn) &&
	    run->settled == read->settled && run->compared == read->compared &&
	    run->declared == read->declared && run->applied == read->applied &&
	    run->differs == read->differs && run->proven == read->proven &&
	    run->left == read->left && run->non_global == read->non_global) {
		run->nr += read->nr;
		return;
	}
	read_tell(judging);
	*run = *read;
}

enum model_state read_xarray(const struct judging *judging, __u32 bits)
{
	bool present = judging->bundle->begin.default_state;

	if (!provider_writes_down(judging->inode->base.provider) ||
	    bits & RECORD_PAGE_DECLARED_UNKNOWN)
		return MODEL_EITHER;
	if (bits & RECORD_PAGE_DEVIATES)
		present = !present;
	return present ? MODEL_PRESENT : MODEL_ABSENT;
}

enum model_state read_table(__u32 bits)
{
	if (!(bits & RECORD_PAGE_RESIDENT) || bits & RECORD_PAGE_APPLIED_UNKNOWN)
		return MODEL_EITHER;
	return bits & RECORD_PAGE_PRESENT ? MODEL_PRESENT : MODEL_ABSENT;
}

/* What the page tables must say of a resident page. */
static enum model_state read_expected(const struct judging *judging, const struct model_read *read,
				      const struct page *page)
{
	const struct provider *kind = provider_of(judging->inode->base.provider);

	if (read->bits & RECORD_PAGE_POISONED)
		return MODEL_EITHER;
	/* Configured, and about to be marked uptodate: no longer the one, not yet the other. */
	if (!(read->bits & RECORD_PAGE_PREPARED) && kind->unprepared != MODEL_EITHER)
		return (enum model_state)(page && page->flags & PAGE_PREPARED ? MODEL_EITHER
									      : kind->unprepared);
	if (!provider_writes_down(judging->inode->base.provider))
		return (enum model_state)(read->bits & RECORD_PAGE_PREPARED ? kind->legal
									    : kind->unprepared);
	/* The xarray is the one that is wrong; what follows from it is the same cause. */
	if (read->differs & MODEL_DIFFERS_DECLARED)
		return MODEL_EITHER;
	return read->xarray == MODEL_EITHER ? read->declared : read->xarray;
}

bool read_known(const struct judging *judging, const struct model_read *read)
{
	if (read->bits & RECORD_PAGE_RESIDENT_UNKNOWN)
		return false;
	if (provider_writes_down(judging->inode->base.provider) && read->xarray == MODEL_EITHER)
		return false;
	return !(read->bits & RECORD_PAGE_RESIDENT) || read->bits & RECORD_PAGE_POISONED ||
	       read->table != MODEL_EITHER;
}

/*
 * Absent and not prepared, where a call that began unseen may still run: configured by one that
 * has not marked it yet. The entry says nothing before the shadow is over.
 */
static bool read_halfway(const struct judging *judging, const struct model_read *read,
			 const struct page *page)
{
	if (!inode_has(judging->inode, PROVIDER_TAKES_REQUESTS) || !read->shadow_until ||
	    read->bits & RECORD_PAGE_PREPARED || read->table != MODEL_ABSENT)
		return false;
	/* Whoever makes it absent from here on is seen. */
	return !page || !(page->flags & PAGE_SURE) || page_applied(page) != MODEL_PRESENT;
}

void read_compare(const struct judging *judging, struct model_read *read, const struct page *page)
{
	if (read_halfway(judging, read, page))
		read->table = MODEL_EITHER;
	if (!(read->declared & read->xarray))
		read->differs |= MODEL_DIFFERS_DECLARED;
	/* Whatever is declared, an entry leads to its own page or nowhere. */
	if (!(read_expected(judging, read, page) & read->table) || read->bits & RECORD_PAGE_ASTRAY)
		read->differs |= MODEL_DIFFERS_APPLIED;
}

/* What is found in this read is the chunk's first suspicion, or one more. */
static void chunk_suspect(struct judging *judging)
{
	if (judging->suspected)
		return;
	judging->suspected = true;
	judging->chunk->suspect_since = judging->begin;
}

/* Which of the differences were seen before, untouched since; marks the new ones. */
__u32 suspects_prove(struct judging *judging, __u32 bit, __u32 differs)
{
	static const struct {
		enum model_difference difference;
		enum chunk_mark suspect, proven;
	} kinds[] = {
		{ MODEL_DIFFERS_DECLARED, MARK_SUSPECT_DECLARED, MARK_PROVEN_DECLARED },
		{ MODEL_DIFFERS_APPLIED, MARK_SUSPECT_APPLIED, MARK_PROVEN_APPLIED },
	};
	struct chunk *chunk = judging->chunk;
	__u32 proven = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		bool differing = differs & kinds[i].difference;
		bool suspect = bit_test(chunk_marks(chunk, kinds[i].suspect), bit);

		if (differing && suspect) {
			proven |= kinds[i].difference;
			chunk_mark(judging->model, judging->inode, chunk, kinds[i].proven, bit,
				   true);
			differing = false;
		}
		chunk_suspect(judging);
		chunk_mark(judging->model, judging->inode, chunk, kinds[i].suspect, bit, differing);
	}
	return proven;
}

/* Which of what must not be left at a release was there in the read before, too; marks it. */
__u32 left_prove(struct judging *judging, __u32 bit, __u32 bits)
{
	const struct {
		__u32 seen;
		enum model_left left;
		enum chunk_mark mark;
	} kinds[] = {
		{ bits & RECORD_PAGE_LOCKED, MODEL_LEFT_LOCKED, MARK_LEFT_LOCKED },
		{ bits & RECORD_PAGE_REFERENCES, MODEL_LEFT_REFERENCED, MARK_LEFT_REFERENCED },
	};
	struct chunk *chunk = judging->chunk;
	/* memory_failure() holds a page's folio, and its lock, from when it is marked until it is dealt with. */
	bool held = bits & RECORD_PAGE_POISONED;
	__u32 proven = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].seen && !held && bit_test(chunk_marks(chunk, kinds[i].mark), bit))
			proven |= kinds[i].left;
		chunk_suspect(judging);
		chunk_mark(judging->model, judging->inode, chunk, kinds[i].mark, bit,
			   kinds[i].seen != 0);
	}
	return proven;
}

/*
 * Whether the page, or pages alike, came back by an entry that is not global. One that failed in memory has been
 * through other hands, and of one that the changes which were seen left absent nobody knows who brought it back.
 */
bool read_non_global(const struct model_read *read, const struct page *page)
{
	return read->bits & RECORD_PAGE_NON_GLOBAL && page->flags & PAGE_RESIDENT &&
	       !(page->flags & PAGE_POISONED) && page->pfn == read->pfn &&
	       read->applied == MODEL_PRESENT;
}

/* What was proven and reported stays reported until something changes it. */
__u32 differs_fresh(const struct judging *judging, __u32 bit, __u32 differs)
{
	if (bit_test(chunk_marks(judging->chunk, MARK_PROVEN_DECLARED), bit))
		differs &= ~(__u32)MODEL_DIFFERS_DECLARED;
	if (bit_test(chunk_marks(judging->chunk, MARK_PROVEN_APPLIED), bit))
		differs &= ~(__u32)MODEL_DIFFERS_APPLIED;
	return differs;
}
