// SPDX-License-Identifier: GPL-2.0
/* VMs and their inodes. */
#include "model/plural.h"
#include "view/cells.h"
#include "view/table.h"

/* What sorts inodes of one VM; the greatest first, names apart. */
static double sort_value(const struct board_inode *entry, enum view_sort sort)
{
	switch (sort) {
	case VIEW_SORT_RATE:
		return entry->rates.zaps + entry->rates.restores;
	case VIEW_SORT_FLUSH:
		return entry->rates.busy;
	case VIEW_SORT_EXPOSED:
		return (double)entry->inode->exposed;
	case VIEW_SORT_RESIDENT:
		return (double)entry->inode->resident;
	default:
		return -(double)entry->inode->number;
	}
}

static int row_compare(const void *one, const void *other, void *context)
{
	const struct table_row *a = one, *b = other;
	const struct view *view = context;
	double left, right;

	if (a->vm != b->vm)
		return a->vm < b->vm ? -1 : 1;
	if (!a->entry || !b->entry)
		return a->entry ? 1 : -1;
	left = sort_value(a->entry, view->sort);
	right = sort_value(b->entry, view->sort);
	if (left == right)
		return a->entry->inode->number < b->entry->inode->number ? -1 : 1;
	return (left > right) != view->reverse ? -1 : 1;
}

static bool row_passes(const struct view *view, const struct board_inode *entry)
{
	const struct model_inode *inode = entry->inode;
	char text[64 + RECORD_COMM_LEN], name[MODEL_INODE_NAME_MAX];

	if (inode->dead && !view->dead)
		return false;
	if (!*view->filter)
		return true;
	model_inode_name(inode, name, sizeof(name));
	snprintf(text, sizeof(text), "%s %u %s", name, table_vm(inode), inode->comm);
	return strstr(text, view->filter);
}

/* A row for each VM goes before those of its inodes: the last one of these brings it. */
static size_t rows_group(struct table_row *rows, size_t nr, size_t room)
{
	size_t from = nr, to = room;

	while (from > 0) {
		struct table_row row = rows[--from];

		rows[--to] = row;
		if (!from || rows[from - 1].vm != row.vm)
			rows[--to] = (struct table_row){ .vm = row.vm };
	}
	memmove(rows, rows + to, (room - to) * sizeof(*rows));
	return room - to;
}

/* Those that the filter passes, sorted; freed by the caller. NULL: none, or no memory. */
static struct table_row *table_rows(const struct view *view, size_t *nr)
{
	const struct board *board = view->board;
	size_t room = board->nr * 2, inodes = 0;
	struct table_row *rows = calloc(room + 1, sizeof(*rows));

	*nr = 0;
	if (!rows)
		return NULL;
	for (size_t i = 0; i < board->nr; i++) {
		if (row_passes(view, &board->inodes[i]))
			rows[inodes++] = (struct table_row){ table_vm(board->inodes[i].inode),
							     &board->inodes[i] };
	}
	qsort_r(rows, inodes, sizeof(*rows), row_compare, (void *)view);
	*nr = rows_group(rows, inodes, room);
	return rows;
}

static bool row_selected(const struct view *view, const struct table_row *row)
{
	if (row->entry)
		return view->inode == row->entry->inode->number;
	return !view->inode && view->vm == row->vm;
}

static size_t rows_selected(const struct view *view, const struct table_row *rows, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		if (row_selected(view, &rows[i]))
			return i;
	}
	return 0;
}

static void row_select(struct view *view, const struct table_row *row)
{
	view->vm = row->vm;
	view->inode = row->entry ? row->entry->inode->number : 0;
}

/* So much of the screen as the rows need, and not more than leaves some for what is below. */
static int table_height(int rows, size_t nr)
{
	int most = rows > 12 ? rows - rows / 3 : rows;
	int wanted = (int)(nr < 500 ? nr : 500) + 1;

	return wanted < most ? wanted : most;
}

#define WIDE_FROM 150 /* columns: two halves */
#define MIDDLE_MIN 10 /* rows that maps need, and as many are left for what is below */
#define MIDDLE_MAX 19
#define MAP_ROWS 8 /* of one inode's cells */
#define MAP_RUNS 5000 /* of pages alike: there are several, beside other things */

/* An inode's map under its heading, as high as its pages need. Returns the row behind it. */
static int draw_map(const struct view *view, struct grid *grid, int row, int rows, int end,
		    const struct model_inode *inode)
{
	struct cells cells = { .view = view,
			       .inode = inode,
			       .row = row + 1,
			       .columns = cells_across(end),
			       .rows = rows - 1 < MAP_ROWS ? rows - 1 : MAP_ROWS,
			       .selected = ~0ULL,
			       .runs = MAP_RUNS };
	char name[MODEL_INODE_NAME_MAX], words[160];

	if (cells.rows < 1)
		return row;
	cells.unit = cells_unit(inode->pages, (__u64)cells.rows * (__u64)cells.columns);
	model_inode_name(inode, name, sizeof(name));
	snprintf(words, sizeof(words), "%s  %llu page%s, %s by default, 1 cell = %llu page%s", name,
		 (unsigned long long)inode->pages, plural(inode->pages),
		 inode->default_state ? "present" : "absent", (unsigned long long)cells.unit,
		 plural(cells.unit));
	draw_rule(grid, row, 0, end, words);
	cells_draw(&cells, grid);
	return row + 1 + cells_rows(&cells);
}

/* The selected inode's map, then those of the same VM's others, as far as there is room. */
static void draw_maps(const struct view *view, struct grid *grid, int row, int rows, int end)
{
	const struct board_inode *selected = view_inode(view);
	const struct board *board = view->board;
	int bottom = row + rows - 3; /* the legend's */

	if (selected && selected->inode->pages)
		row = draw_map(view, grid, row, bottom - row, end, selected->inode) + 1;
	for (size_t i = 0; i < board->nr && bottom - row > 1; i++) {
		const struct board_inode *entry = &board->inodes[i];

		if (entry == selected || !entry->inode->pages || entry->inode->dead ||
		    table_vm(entry->inode) != view->vm)
			continue;
		row = draw_map(view, grid, row, bottom - row, end, entry->inode) + 1;
	}
	cells_legend(grid, bottom + 1, 0, end);
}

static void draw_halves(const struct view *view, struct grid *grid, int row, int rows)
{
	int half = grid->columns / 2;
	int middle = rows - MIDDLE_MIN < MIDDLE_MAX ? rows - MIDDLE_MIN : MIDDLE_MAX;

	if (middle >= MIDDLE_MIN) {
		draw_maps(view, grid, row, middle, half - 2);
		draw_rule(grid, row, half, grid->columns, BARS_TITLE);
		draw_bars(view, grid, row + 1, middle - 2, half, grid->columns - half - 30);
		row += middle;
		rows -= middle;
	}
	draw_rule(grid, row, 0, half - 2, "last requests");
	draw_requests(view, grid, row + 1, rows - 1, 0, half - 2);
	draw_rule(grid, row, half, grid->columns, "slowest flushes");
	draw_slowest(view, grid, row + 1, rows - 1, half);
}

static void draw_below(const struct view *view, struct grid *grid, int row, int rows)
{
	if (rows < 2)
		return;
	if (grid->columns >= WIDE_FROM) {
		draw_halves(view, grid, row, rows);
		return;
	}
	draw_rule(grid, row, 0, grid->columns, "last requests");
	draw_requests(view, grid, row + 1, rows - 1, 0, grid->columns);
}

static const char *nothing_words(const struct view *view)
{
	if (*view->filter)
		return "nothing passes the filter";
	return view->board->nr ? "all inodes are gone: d shows them" : "no inode has been seen yet";
}

void draw_table(struct view *view, struct grid *grid, int row, int rows)
{
	struct table_row *list;
	size_t nr, selected;
	int height, shown;

	list = table_rows(view, &nr);
	if (!list)
		nr = 0;
	height = table_height(rows, nr);
	shown = height - 1;
	table_headings(grid, row);
	if (!nr)
		grid_put(grid, row + 1, 2, GRID_DIM, nothing_words(view));
	selected = list ? rows_selected(view, list, nr) : 0;
	if (list && nr && !row_selected(view, &list[selected]))
		row_select(view, &list[selected]);
	if (view->top > (int)selected)
		view->top = (int)selected;
	if (shown > 0 && view->top + shown <= (int)selected)
		view->top = (int)selected - shown + 1;
	if (view->top + shown > (int)nr)
		view->top = (int)nr > shown ? (int)nr - shown : 0;
	view->rows_shown = shown;
	view->first_row = row + 1;
	for (int i = 0; list && i < shown && view->top + i < (int)nr; i++) {
		const struct table_row *at = &list[view->top + i];
		struct table_line line =
			at->entry ? table_line_of_inode(view->board, at->entry)
				  : table_line_of_vm(view, at, nr - (size_t)view->top - (size_t)i);

		table_line_draw(view, grid, row + 1 + i, &line, row_selected(view, at));
	}
	free(list);
	draw_below(view, grid, row + height + 1, rows - height - 1);
}

static void table_move(struct view *view, int by)
{
	size_t nr;
	struct table_row *rows = table_rows(view, &nr);
	long at;

	if (rows && nr) {
		at = (long)rows_selected(view, rows, nr) + by;
		at = at < 0 ? 0 : at >= (long)nr ? (long)nr - 1 : at;
		row_select(view, &rows[at]);
	}
	free(rows);
}

static void table_click(struct view *view, int row)
{
	size_t nr;
	struct table_row *rows = table_rows(view, &nr);
	long at = (long)view->top + row - view->first_row;

	if (rows && row >= view->first_row && at >= 0 && at < (long)nr)
		row_select(view, &rows[at]);
	free(rows);
}

static void table_enter(struct view *view)
{
	if (!view->inode)
		table_move(view, 1);
	if (!view->inode)
		return;
	view->screen = VIEW_PAGES;
	view->map_top = 0;
	view->page = view->board->first;
	view->unit = 0;
}

void table_press(struct view *view, int key)
{
	switch (key) {
	case VIEW_KEY_UP:
	case 'k':
		table_move(view, -1);
		break;
	case VIEW_KEY_DOWN:
	case 'j':
		table_move(view, 1);
		break;
	case VIEW_KEY_PAGE_UP:
		table_move(view, -view->rows_shown);
		break;
	case VIEW_KEY_PAGE_DOWN:
		table_move(view, view->rows_shown);
		break;
	case VIEW_KEY_ENTER:
	case VIEW_KEY_RIGHT:
		table_enter(view);
		break;
	case 's':
		view->sort = (enum view_sort)((view->sort + 1) % VIEW_SORTS);
		break;
	case 'S':
		view->reverse = !view->reverse;
		break;
	case 'd':
		view->dead = !view->dead;
		break;
	default:
		if (key >= VIEW_KEY_CELL)
			table_click(view, (key - VIEW_KEY_CELL) / GRID_COLUMNS_MAX);
	}
}
