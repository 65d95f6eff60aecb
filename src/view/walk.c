// SPDX-License-Identifier: GPL-2.0
/* Counts of pages that the model does not keep: walked, a part at a time, where they may have changed. */
#include "view/board.h"

static __u64 walk_key(const struct model_inode *inode)
{
	return 1 + inode->zapped + inode->restored + inode->requests + inode->resident;
}

static void walk_page(struct board_inode *entry, const struct model_page *page)
{
	enum model_state wanted = page_wanted(entry->inode, page);
	bool absent = wanted == MODEL_ABSENT;

	entry->walking.want += absent ? page->nr : 0;
	if (wanted != MODEL_EITHER && absent == entry->inode->default_state)
		entry->walking.deviate += page->nr;
	if (wanted == MODEL_EITHER || page->applied == MODEL_EITHER || !page->prepared)
		entry->walking.changing += wanted != page->applied ? page->nr : 0;
	else if (wanted != page->applied && !page->poisoned)
		entry->walking.differ += page->nr;
}

static void walk_end(struct board_inode *entry, __u64 ticks)
{
	entry->pages = entry->walking;
	entry->walked = true;
	entry->walked_key = walk_key(entry->inode);
	entry->walked_ticks = ticks;
	entry->walk_at = 0;
}

/* It has changed; and an interval has passed, or nothing will change any more. */
static bool walk_due(const struct board *board, const struct board_inode *entry, bool still)
{
	if (entry->inode->dead || entry->walked_key == walk_key(entry->inode))
		return false;
	return still || !entry->walked || entry->walk_at ||
	       board->ticks >= entry->walked_ticks + BOARD_SLICES;
}

/* At most @steps runs of pages. Returns how many are left. */
static __u64 walk_inode(const struct board *board, struct board_inode *entry, __u64 steps,
			bool still)
{
	__u64 last = board->last < ~0ULL ? board->last : ~0ULL - 1;
	struct model_page page;

	if (entry->inode->dead && !entry->inode->resident) {
		entry->pages = (struct board_walked){ .want = 0 };
		entry->walked = true;
	}
	if (!walk_due(board, entry, still))
		return steps;
	if (!entry->walk_at) {
		entry->walking = (struct board_walked){ .want = 0 };
		entry->walk_at = board->first;
	}
	while (steps && entry->walk_at <= last &&
	       model_resident_next(board->model, entry->inode, entry->walk_at, last, &page)) {
		if (page.nr > last - page.pgoff + 1)
			page.nr = last - page.pgoff + 1;
		walk_page(entry, &page);
		entry->walk_at = page.pgoff + page.nr;
		steps--;
	}
	if (steps)
		walk_end(entry, board->ticks);
	return steps;
}

void board_walk(struct board *board, __u64 pages, bool still)
{
	for (size_t i = 0; i < board->nr && pages; i++)
		pages = walk_inode(board, &board->inodes[i], pages, still);
}
