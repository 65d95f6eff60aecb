// SPDX-License-Identifier: GPL-2.0
#include "view/cells.h"

#define ROW_CELLS 64 /* at most, in a row */

enum page_is page_is(const struct model_inode *inode, const struct model_page *page)
{
	if (!page->resident)
		return IS_NOTHING;
	if (page->exposed)
		return IS_EXPOSED;
	if (page->applied == MODEL_EITHER)
		return IS_UNKNOWN;
	if (page->applied == MODEL_ABSENT)
		return inode->default_state ? IS_ABSENT_EXCEPTION : IS_ABSENT;
	return inode->default_state ? IS_PRESENT : IS_PRESENT_EXCEPTION;
}

static const struct sign {
	enum page_is is;
	const char *sign;
	enum grid_style style;
	const char *words;
} signs[] = {
	{ IS_NOTHING, ".", GRID_DIM, "never faulted" },
	{ IS_PRESENT, "p", GRID_PRESENT, "present, default" },
	{ IS_PRESENT_EXCEPTION, "P", GRID_EXCEPTION, "present, exception" },
	{ IS_ABSENT, "#", GRID_ABSENT, "absent, default" },
	{ IS_ABSENT_EXCEPTION, "A", GRID_EXCEPTION, "absent, exception" },
	{ IS_EXPOSED, "~", GRID_EXPOSED, "exposed" },
	{ IS_VIOLATED, "!", GRID_BAD, "violated" },
	{ IS_UNKNOWN, "?", GRID_DOUBT, "unknown" },
};

static const struct sign mixed = { 0, ":", GRID_PLAIN, "mixed (zoom in)" };

#define SIGNS_NR (sizeof(signs) / sizeof(signs[0]))

static const struct sign *sign_of(unsigned int is)
{
	if (is & IS_VIOLATED)
		is = IS_VIOLATED;
	else if (is & IS_EXPOSED)
		is = IS_EXPOSED;
	for (size_t i = 0; i < SIGNS_NR; i++) {
		if (signs[i].is == (enum page_is)is)
			return &signs[i];
	}
	return &mixed;
}

int cells_across(int room)
{
	int cells = ROW_CELLS;

	room -= CELLS_COLUMN;
	while (cells > CELLS_GROUP && cells + cells / CELLS_GROUP > room)
		cells -= CELLS_GROUP;
	return cells;
}

__u64 cells_unit(__u64 pages, __u64 cells)
{
	__u64 unit = 1;

	while (unit * cells < pages)
		unit *= 2;
	return unit;
}

int cells_rows(const struct cells *cells)
{
	__u64 row = cells->unit * (__u64)cells->columns;
	__u64 rows = cells->inode->pages / row + (cells->inode->pages % row > 0);

	return rows < (__u64)cells->rows ? (int)rows : cells->rows;
}

/* While it is drawn: bits of enum page_is of each cell, and how many of its pages are resident. */
struct fill {
	const struct cells *cells;
	size_t nr;
	__u8 *is;
	__u64 *resident;
};

/* Pages [first, last] of the inode are @is. */
static void fill_mark(struct fill *fill, __u64 first, __u64 last, unsigned int is, bool resident)
{
	const struct cells *cells = fill->cells;
	__u64 end = cells->first + fill->nr * cells->unit - 1;

	if (last < cells->first || first > end)
		return;
	first = first < cells->first ? cells->first : first;
	last = last > end ? end : last;
	while (first <= last) {
		size_t cell = (size_t)((first - cells->first) / cells->unit);
		__u64 next = cells->first + (cell + 1) * cells->unit;
		__u64 nr = (last + 1 < next ? last + 1 : next) - first;

		fill->is[cell] |= (__u8)is;
		fill->resident[cell] += resident ? nr : 0;
		first += nr;
	}
}

static void fill_violations(struct fill *fill)
{
	const struct verdict *verdict = fill->cells->view->board->verdict;
	const struct verdict_violation *violation;

	for (size_t i = 0; verdict && (violation = verdict_violation(verdict, i)); i++) {
		if (violation->inode == fill->cells->inode && violation->pgoff_known)
			fill_mark(fill, violation->pgoff_first, violation->pgoff_last, IS_VIOLATED,
				  false);
	}
}

static void fill_pages(struct fill *fill)
{
	const struct cells *cells = fill->cells;
	__u64 pages = cells->inode->pages, at = cells->first;
	__u64 last = at + fill->nr * cells->unit - 1;
	struct model_page page;
	size_t runs = 0;

	last = last < pages ? last : pages - 1;
	while (at <= last &&
	       model_resident_next(cells->view->board->model, cells->inode, at, last, &page)) {
		at = page.pgoff + page.nr;
		/* What was not looked at is not known, and not empty. */
		if (runs++ == cells->runs)
			page.nr = last - page.pgoff + 1;
		fill_mark(fill, page.pgoff, page.pgoff + page.nr - 1,
			  runs > cells->runs ? IS_UNKNOWN
					     : (unsigned int)page_is(cells->inode, &page),
			  true);
		if (runs > cells->runs)
			break;
	}
	for (size_t i = 0; i < fill->nr; i++) {
		__u64 begin = cells->first + i * cells->unit;
		__u64 nr = begin < pages ? pages - begin : 0;

		if (fill->resident[i] < (nr < cells->unit ? nr : cells->unit))
			fill->is[i] |= IS_NOTHING;
	}
	fill_violations(fill);
}

static void draw_signs(const struct fill *fill, struct grid *grid)
{
	const struct cells *cells = fill->cells;

	for (size_t i = 0; i < fill->nr; i++) {
		__u64 begin = cells->first + i * cells->unit;
		int at = (int)(i % (size_t)cells->columns);
		int row = cells->row + (int)(i / (size_t)cells->columns);
		const struct sign *sign = sign_of(fill->is[i]);
		bool here = cells->selected >= begin && cells->selected - begin < cells->unit;

		if (begin >= cells->inode->pages)
			break;
		if (!at)
			grid_format(grid, row, cells->column, GRID_DIM, "%6llx",
				    (unsigned long long)begin);
		grid_put(grid, row, cells->column + CELLS_COLUMN + at + at / CELLS_GROUP,
			 here ? GRID_SELECTED : sign->style, sign->sign);
	}
}

void cells_draw(const struct cells *cells, struct grid *grid)
{
	struct fill fill = { .cells = cells, .nr = (size_t)cells->rows * (size_t)cells->columns };

	if (!cells->unit || !fill.nr)
		return;
	fill.is = calloc(fill.nr, sizeof(*fill.is));
	fill.resident = calloc(fill.nr, sizeof(*fill.resident));
	if (fill.is && fill.resident) {
		fill_pages(&fill);
		draw_signs(&fill, grid);
	}
	free(fill.is);
	free(fill.resident);
}

int cells_legend(struct grid *grid, int row, int column, int columns)
{
	int at = 0;

	for (size_t i = 0; i <= SIGNS_NR; i++) {
		const struct sign *sign = i < SIGNS_NR ? &signs[i] : &mixed;
		int width = (int)strlen(sign->words) + 4;

		if (at && at + width > columns) {
			at = 0;
			row++;
		}
		grid_put(grid, row, column + at, sign->style, sign->sign);
		at = grid_put(grid, row, column + at + 2, GRID_DIM, sign->words) + 2 - column;
	}
	return row + 1;
}
