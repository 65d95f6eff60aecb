// SPDX-License-Identifier: GPL-2.0
/* The map of an inode's pages, what is known of the selected one, and requests beside it. */
#include "model/plural.h"
#include "view/cells.h"

#define EVENTS_MAX 8
#define MAP_RUNS 200000 /* of pages alike: some ms */

static void map_scroll(struct view *view, __u64 unit, __u64 columns, __u64 rows, __u64 pages)
{
	__u64 row = unit * columns;

	if (!row)
		return;
	view->page = view->page < pages ? view->page : pages ? pages - 1 : 0;
	view->map_top -= view->map_top % row;
	if (view->page < view->map_top)
		view->map_top = view->page - view->page % row;
	if (view->page >= view->map_top + row * rows)
		view->map_top = view->page - view->page % row - row * (rows - 1);
}

static const char *state_word(enum model_state state)
{
	if (state == MODEL_PRESENT)
		return "present";
	return state == MODEL_ABSENT ? "absent" : "?";
}

static void event_words(const struct model_event *event, char *text, size_t size)
{
	const char *state = event->state ? "present" : "absent";
	char range[RANGE_MAX];

	word_range(range, event->first, event->last);
	switch (event->kind) {
	case RECORD_REQUEST_BEGIN:
	case RECORD_REQUEST_END:
		snprintf(text, size, "%s %s %s%s", model_operation_name(event->operation), range,
			 event->kind == RECORD_REQUEST_BEGIN ? "begins" : "ends",
			 event->result < 0 ? ", failed" : "");
		break;
	case RECORD_ZAP:
		snprintf(text, size, "made %s, %llu page%s%s", state,
			 (unsigned long long)(event->last - event->first + 1),
			 plural(event->last - event->first + 1), event->result ? ", failed" : "");
		break;
	case RECORD_FLUSH:
		snprintf(text, size, "flushed: %s", event->state ? "everything" : range);
		break;
	case RECORD_JOIN:
		snprintf(text, size, event->state ? "prepared" : "faulted in");
		break;
	case RECORD_LEAVE:
		snprintf(text, size, "left the inode");
		break;
	default:
		snprintf(text, size, "freed %s", state);
	}
}

/* The newest events of the selected page that the model still has. */
static void draw_page(const struct view *view, struct grid *grid, int row, int rows)
{
	const struct board_inode *entry = view_inode(view);
	struct model_event events[EVENTS_MAX];
	struct model_page page;
	size_t nr, skip;
	char text[96];

	if (!entry || rows < 1)
		return;
	model_page(view->board->model, entry->inode, view->page, &page);
	if (page.resident)
		grid_format(
			grid, row, 0, GRID_PLAIN, "page 0x%llx  pfn 0x%llx  want %s | is %s%s%s",
			(unsigned long long)view->page, (unsigned long long)page.pfn,
			state_word(page_wanted(entry->inode, &page)), state_word(page.applied),
			page.prepared ? "" : ", not prepared", page.exposed ? ", NOT FLUSHED" : "");
	else
		grid_format(grid, row, 0, GRID_PLAIN, "page 0x%llx  nothing there  want %s",
			    (unsigned long long)view->page,
			    state_word(page_wanted(entry->inode, &page)));
	nr = model_page_events(view->board->model, entry->inode, view->page,
			       page.resident ? page.pfn : 0, ~0ULL, events, EVENTS_MAX);
	skip = nr > (size_t)(rows - 1) ? nr - (size_t)(rows - 1) : 0;
	for (size_t i = skip; i < nr; i++) {
		event_words(&events[i], text, sizeof(text));
		grid_format(grid, row + 1 + (int)(i - skip), 0, GRID_DIM,
			    "  %llu.%06llu %s, task %u CPU %u",
			    (unsigned long long)(events[i].time / 1000000000),
			    (unsigned long long)(events[i].time / 1000 % 1000000), text,
			    events[i].tid, events[i].cpu);
	}
}

static void draw_facts(const struct view *view, struct grid *grid, int row,
		       const struct board_inode *entry, __u64 unit)
{
	const struct model_inode *inode = entry->inode;
	char name[MODEL_INODE_NAME_MAX], comm[RECORD_COMM_LEN + 1];

	model_inode_name(inode, name, sizeof(name));
	memcpy(comm, inode->comm, sizeof(comm));
	grid_format(grid, row, 0, GRID_TITLE, "%s  VM %u %s   %llu page%s, %s by default%s", name,
		    inode->vm ? inode->vm : inode->tgid, comm, (unsigned long long)inode->pages,
		    plural(inode->pages), inode->default_state ? "present" : "absent",
		    inode->dead		? "   GONE"
		    : entry->violations ? "   VIOLATED"
					: "");
	grid_format(grid, row + 1, 0, GRID_PLAIN,
		    "resident %llu  absent %llu  present %llu  exposed %llu   1 cell = %llu page%s",
		    (unsigned long long)inode->resident, (unsigned long long)inode->absent,
		    (unsigned long long)(inode->resident - inode->absent),
		    (unsigned long long)inode->exposed, (unsigned long long)unit, plural(unit));
	(void)view;
}

/* As the user has zoomed, else so that all pages are seen at once. */
static __u64 unit_shown(const struct view *view, __u64 pages)
{
	__u64 room = (__u64)view->map_columns * (__u64)view->map_rows;

	return view->unit ? view->unit : cells_unit(pages, room ? room : 1);
}

/* The map in @rows rows; @columns cells a row. Returns the row behind it. */
static int draw_map(struct view *view, struct grid *grid, int row, int rows, int columns,
		    const struct board_inode *entry)
{
	struct cells cells = {
		.view = view,
		.inode = entry->inode,
		.row = row,
		.columns = columns,
		.rows = rows,
		.runs = MAP_RUNS,
	};

	view->map_columns = columns;
	view->map_rows = rows;
	view->first_row = row;
	cells.unit = unit_shown(view, entry->inode->pages);
	map_scroll(view, cells.unit, (__u64)columns, (__u64)rows, entry->inode->pages);
	cells.first = view->map_top;
	cells.selected = view->page;
	cells_draw(&cells, grid);
	draw_facts(view, grid, row - 3, entry, cells.unit);
	return row + cells_rows(&cells);
}

void draw_pages(struct view *view, struct grid *grid, int row, int rows)
{
	struct board_inode *entry = view_inode(view);
	bool wide = grid->columns >= 165;
	int map_rows = rows > 20 ? rows - 14 : rows / 2 - 3, at;

	if (!entry || !entry->inode->pages) {
		grid_put(grid, row, 0, GRID_DIM, "this inode has no pages");
		return;
	}
	map_rows = map_rows < 1 ? 1 : map_rows > 16 && !wide ? 16 : map_rows;
	at = draw_map(view, grid, row + 3, map_rows, cells_across(grid->columns - (wide ? 70 : 0)),
		      entry);
	at = cells_legend(grid, at + 1, 0, wide ? 82 : grid->columns);
	draw_page(view, grid, at + 1, row + rows - at - 1);
	if (!wide)
		return;
	draw_rule(grid, row + 2, 84, grid->columns, "last requests");
	draw_requests(view, grid, row + 3, map_rows, 84, grid->columns - 84);
}

/* From the selected page on, forwards or backwards, to one that is in another state. */
static void page_change(struct view *view, const struct board_inode *entry, int by)
{
	const struct model *model = view->board->model;
	struct model_page page;
	__u64 left = 65536, at = view->page;
	enum page_is here;

	model_page(model, entry->inode, at, &page);
	here = page_is(entry->inode, &page);
	while (left-- && (by < 0 ? at > 0 : at + 1 < entry->inode->pages)) {
		at += by < 0 ? ~0ULL : 1;
		model_page(model, entry->inode, at, &page);
		if (page_is(entry->inode, &page) != here) {
			view->page = at;
			return;
		}
	}
	view_say(view, "no other state in that direction");
}

static void page_violated(struct view *view, const struct board_inode *entry)
{
	const struct verdict *verdict = view->board->verdict;
	const struct verdict_violation *violation, *first = NULL;

	for (size_t i = 0; verdict && (violation = verdict_violation(verdict, i)); i++) {
		if (violation->inode != entry->inode || !violation->pgoff_known)
			continue;
		first = first ? first : violation;
		if (violation->pgoff_first <= view->page)
			continue;
		first = violation;
		break;
	}
	if (first)
		view->page = first->pgoff_first;
	else
		view_say(view, "no page of this inode is in a violation");
}

static void page_move(struct view *view, const struct board_inode *entry, __s64 cells)
{
	__u64 pages = entry->inode->pages;
	__u64 unit = unit_shown(view, pages);
	__u64 by = (__u64)(cells < 0 ? -cells : cells) * unit;

	if (cells < 0)
		view->page = view->page > by ? view->page - by : 0;
	else
		view->page = view->page + by < pages ? view->page + by : pages ? pages - 1 : 0;
}

/* Columns as draw_cells() has them. */
static void page_click(struct view *view, const struct board_inode *entry, int cell)
{
	__u64 pages = entry->inode->pages;
	int row = cell / GRID_COLUMNS_MAX - view->first_row;
	int group = (cell % GRID_COLUMNS_MAX - CELLS_COLUMN) / (CELLS_GROUP + 1);
	int in_group = (cell % GRID_COLUMNS_MAX - CELLS_COLUMN) % (CELLS_GROUP + 1);
	int column = group * CELLS_GROUP + in_group;
	__u64 page;

	if (row < 0 || row >= view->map_rows || cell % GRID_COLUMNS_MAX < CELLS_COLUMN ||
	    in_group == CELLS_GROUP || column >= view->map_columns)
		return;
	page = view->map_top +
	       ((__u64)row * (__u64)view->map_columns + (__u64)column) * unit_shown(view, pages);
	if (page < pages)
		view->page = page;
}

static void page_zoom(struct view *view, const struct board_inode *entry, bool in)
{
	__u64 room = (__u64)view->map_columns * (__u64)view->map_rows;
	__u64 unit = unit_shown(view, entry->inode->pages);

	if (in)
		view->unit = unit > 1 ? unit / 2 : 1;
	else
		view->unit = unit < 1ULL << 30 ? unit * 2 : unit;
	if (!in && view->unit * room >= entry->inode->pages)
		view->unit = 0;
}

void pages_press(struct view *view, int key)
{
	struct board_inode *entry = view_inode(view);

	if (!entry)
		return;
	switch (key) {
	case VIEW_KEY_UP:
	case 'k':
		page_move(view, entry, -view->map_columns);
		break;
	case VIEW_KEY_DOWN:
	case 'j':
		page_move(view, entry, view->map_columns);
		break;
	case VIEW_KEY_LEFT:
	case 'h':
		page_move(view, entry, -1);
		break;
	case VIEW_KEY_RIGHT:
	case 'l':
		page_move(view, entry, 1);
		break;
	case VIEW_KEY_PAGE_UP:
		page_move(view, entry, -(__s64)view->map_columns * view->map_rows);
		break;
	case VIEW_KEY_PAGE_DOWN:
		page_move(view, entry, (__s64)view->map_columns * view->map_rows);
		break;
	case '+':
	case '=':
	case '-':
		page_zoom(view, entry, key != '-');
		break;
	case '[':
	case ']':
		page_change(view, entry, key == '[' ? -1 : 1);
		break;
	case '!':
		page_violated(view, entry);
		break;
	default:
		if (key >= VIEW_KEY_CELL)
			page_click(view, entry, key - VIEW_KEY_CELL);
	}
}
