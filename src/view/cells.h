/* SPDX-License-Identifier: GPL-2.0 */
/* A map of pages in cells: what the map's screen and the wide table share. */
#ifndef GMEMTRACE_VIEW_CELLS_H
#define GMEMTRACE_VIEW_CELLS_H

#include "view/draw.h"

#define CELLS_COLUMN 8 /* of the first cell, behind the page's offset */
#define CELLS_GROUP 8 /* cells with no space between */

/* What the pages of a cell are. Bits: a cell with more than one is mixed. */
enum page_is {
	IS_NOTHING = 1 << 0, /* never faulted in, or left again */
	IS_ABSENT = 1 << 1, /* as by default */
	IS_PRESENT = 1 << 2,
	IS_ABSENT_EXCEPTION = 1 << 3,
	IS_PRESENT_EXCEPTION = 1 << 4,
	IS_UNKNOWN = 1 << 5,
	IS_EXPOSED = 1 << 6, /* these two are shown whatever else there is */
	IS_VIOLATED = 1 << 7,
};

/* Of a page, resident or not. */
enum page_is page_is(const struct model_inode *inode, const struct model_page *page);

/* Where a map stands in the grid, and what it is of. */
struct cells {
	const struct view *view;
	const struct model_inode *inode;
	int row, column; /* of its left edge */
	int columns, rows; /* cells */
	__u64 first, unit; /* pgoff of the first cell, pages a cell */
	__u64 selected; /* pgoff; ~0: none */
	size_t runs; /* of pages alike that a drawing looks at, at most */
};

/* Cells in a row of @room columns: whole groups, 64 at most. */
int cells_across(int room);
/* Pages a cell, a power of two, with which so many cells show all. */
__u64 cells_unit(__u64 pages, __u64 cells);
/* Rows that the inode's pages need. */
int cells_rows(const struct cells *cells);
void cells_draw(const struct cells *cells, struct grid *grid);
/* What the signs mean, in @columns columns from @column on. Returns the row behind it. */
int cells_legend(struct grid *grid, int row, int column, int columns);

#endif
