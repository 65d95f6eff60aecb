// SPDX-License-Identifier: GPL-2.0
/* The map of an inode's pages, what is known of the selected one, and requests beside it. */
#include "view/draw.h"

#define MAP_COLUMN 8 /* of the first cell */
#define GROUP 8 /* cells with no space between */
#define ROW_CELLS 64 /* at most, in a row */
#define RUNS_MAX 200000 /* of pages alike that one drawing looks at */
#define EVENTS_MAX 8

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

static enum page_is page_is(const struct model_inode *inode, const struct model_page *page)
{
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

/* Cells of one drawing: bits of enum page_is, and how many pages of each are resident. */
struct map {
	const struct view *view;
	const struct model_inode *inode;
	__u64 first, unit, pages; /* first pgoff, pages a cell, the inode's pages */
	size_t cells;
	__u8 *is;
	__u64 *resident;
};

/* Pages [first, last] of the inode are @is. */
static void map_mark(struct map *map, __u64 first, __u64 last, unsigned int is, bool resident)
{
	__u64 end = map->first + map->cells * map->unit - 1;

	if (last < map->first || first > end)
		return;
	first = first < map->first ? map->first : first;
	last = last > end ? end : last;
	while (first <= last) {
		size_t cell = (size_t)((first - map->first) / map->unit);
		__u64 next = map->first + (cell + 1) * map->unit;
		__u64 nr = (last + 1 < next ? last + 1 : next) - first;

		map->is[cell] |= (__u8)is;
		map->resident[cell] += resident ? nr : 0;
		first += nr;
	}
}

static void map_violations(struct map *map)
{
	const struct verdict *verdict = map->view->board->verdict;
	const struct verdict_violation *violation;

	for (size_t i = 0; verdict && (violation = verdict_violation(verdict, i)); i++) {
		if (violation->inode == map->inode && violation->pgoff_known)
			map_mark(map, violation->pgoff_first, violation->pgoff_last, IS_VIOLATED,
				 false);
	}
}

static void map_fill(struct map *map)
{
	__u64 last = map->first + map->cells * map->unit - 1, at = map->first;
	struct model_page page;
	size_t runs = 0;

	last = last < map->pages ? last : map->pages - 1;
	while (runs++ < RUNS_MAX && at <= last &&
	       model_resident_next(map->view->board->model, map->inode, at, last, &page)) {
		map_mark(map, page.pgoff, page.pgoff + page.nr - 1,
			 (unsigned int)page_is(map->inode, &page), true);
		at = page.pgoff + page.nr;
	}
	for (size_t i = 0; i < map->cells; i++) {
		__u64 begin = map->first + i * map->unit;
		__u64 nr = begin < map->pages ? map->pages - begin : 0;

		if (map->resident[i] < (nr < map->unit ? nr : map->unit))
			map->is[i] |= IS_NOTHING;
	}
	map_violations(map);
}

static int row_cells(const struct grid *grid, int beside)
{
	int room = grid->columns - 8 - beside;
	int cells = ROW_CELLS;

	while (cells > GROUP && cells + cells / GROUP > room)
		cells -= GROUP;
	return cells;
}

/* Powers of two; 0 becomes what lets all pages be seen at once. */
static __u64 unit_fit(const struct view *view, __u64 pages, __u64 cells)
{
	__u64 unit = 1;

	if (view->unit)
		return view->unit;
	while (unit * cells < pages)
		unit *= 2;
	return unit;
}

static void map_scroll(struct view *view, __u64 unit, __u64 columns, __u64 rows, __u64 pages)
{
	__u64 row = unit * columns;

	view->page = view->page < pages ? view->page : pages ? pages - 1 : 0;
	view->map_top -= view->map_top % row;
	if (view->page < view->map_top)
		view->map_top = view->page - view->page % row;
	if (view->page >= view->map_top + row * rows)
		view->map_top = view->page - view->page % row - row * (rows - 1);
}

static void draw_cells(const struct map *map, struct grid *grid, int row, int columns)
{
	__u64 selected = map->view->page;

	for (size_t i = 0; i < map->cells; i++) {
		__u64 begin = map->first + i * map->unit;
		int at = (int)(i % (size_t)columns), line = row + (int)(i / (size_t)columns);
		const struct sign *sign = sign_of(map->is[i]);
		bool here = selected >= begin && selected - begin < map->unit;

		if (begin >= map->pages)
			break;
		if (!at)
			grid_format(grid, line, 0, GRID_DIM, "%6llx", (unsigned long long)begin);
		grid_put(grid, line, MAP_COLUMN + at + at / GROUP,
			 here ? GRID_SELECTED : sign->style, sign->sign);
	}
}

static int draw_legend(struct grid *grid, int row, int columns)
{
	int at = 0;

	for (size_t i = 0; i <= SIGNS_NR; i++) {
		const struct sign *sign = i < SIGNS_NR ? &signs[i] : &mixed;
		int width = (int)strlen(sign->words) + 4;

		if (at && at + width > columns) {
			at = 0;
			row++;
		}
		grid_put(grid, row, at, sign->style, sign->sign);
		at = grid_put(grid, row, at + 2, GRID_DIM, sign->words) + 2;
	}
	return row + 1;
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
			 event->last == event->first ? "" : "s", event->result ? ", failed" : "");
		break;
	case RECORD_FLUSH:
		snprintf(text, size, "flushed: %s", event->state ? "everything" : range);
		break;
	case RECORD_JOIN:
		snprintf(text, size, "faulted in");
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
	char name[MODEL_INODE_NAME_MAX], comm[RECORD_COMM_LEN + 1], word[WORD_MAX];

	model_inode_name(inode, name, sizeof(name));
	memcpy(comm, inode->comm, sizeof(comm));
	grid_format(grid, row, 0, GRID_TITLE, "%s  VM %u %s   %llu pages, %s by default%s", name,
		    inode->vm ? inode->vm : inode->tgid, comm, (unsigned long long)inode->pages,
		    inode->default_state ? "present" : "absent",
		    inode->dead		? "   GONE"
		    : entry->violations ? "   VIOLATED"
					: "");
	snprintf(word, sizeof(word), unit == 1 ? "page" : "pages");
	grid_format(grid, row + 1, 0, GRID_PLAIN,
		    "resident %llu  absent %llu  present %llu  exposed %llu   1 cell = %llu %s",
		    (unsigned long long)inode->resident, (unsigned long long)inode->absent,
		    (unsigned long long)(inode->resident - inode->absent),
		    (unsigned long long)inode->exposed, (unsigned long long)unit, word);
	(void)view;
}

/* The map in @rows rows; @columns cells a row. Returns the row behind it. */
static int draw_map(struct view *view, struct grid *grid, int row, int rows, int columns,
		    const struct board_inode *entry)
{
	struct map map = { .view = view, .inode = entry->inode, .pages = entry->inode->pages };
	__u64 room = (__u64)rows * (__u64)columns;

	map.unit = unit_fit(view, map.pages, room);
	map_scroll(view, map.unit, (__u64)columns, (__u64)rows, map.pages);
	map.first = view->map_top;
	map.cells = (size_t)room;
	map.is = calloc(map.cells, sizeof(*map.is));
	map.resident = calloc(map.cells, sizeof(*map.resident));
	view->map_columns = columns;
	view->map_rows = rows;
	view->first_row = row;
	if (map.is && map.resident) {
		map_fill(&map);
		draw_cells(&map, grid, row, columns);
	}
	free(map.is);
	free(map.resident);
	draw_facts(view, grid, row - 3, entry, map.unit);
	return row + (int)((map.pages / map.unit + (__u64)columns) / (__u64)columns < (__u64)rows
				   ? (map.pages / map.unit + (__u64)columns) / (__u64)columns
				   : (__u64)rows);
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
	at = draw_map(view, grid, row + 3, map_rows, row_cells(grid, wide ? 70 : 0), entry);
	at = draw_legend(grid, at + 1, wide ? 82 : grid->columns);
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
	unsigned int here;

	model_page(model, entry->inode, at, &page);
	here = page.resident ? (unsigned int)page_is(entry->inode, &page) : IS_NOTHING;
	while (left-- && (by < 0 ? at > 0 : at + 1 < entry->inode->pages)) {
		at += by < 0 ? ~0ULL : 1;
		model_page(model, entry->inode, at, &page);
		if ((page.resident ? (unsigned int)page_is(entry->inode, &page) : IS_NOTHING) !=
		    here) {
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
	__u64 room = (__u64)view->map_columns * (__u64)view->map_rows;
	__u64 unit = unit_fit(view, pages, room ? room : 1);
	__u64 by = (__u64)(cells < 0 ? -cells : cells) * unit;

	if (cells < 0)
		view->page = view->page > by ? view->page - by : 0;
	else
		view->page = view->page + by < pages ? view->page + by : pages ? pages - 1 : 0;
}

/* Columns as draw_cells() has them. */
static void page_click(struct view *view, const struct board_inode *entry, int cell)
{
	__u64 room = (__u64)view->map_columns * (__u64)view->map_rows, pages = entry->inode->pages;
	int row = cell / GRID_COLUMNS_MAX - view->first_row;
	int group = (cell % GRID_COLUMNS_MAX - MAP_COLUMN) / (GROUP + 1);
	int in_group = (cell % GRID_COLUMNS_MAX - MAP_COLUMN) % (GROUP + 1);
	int column = group * GROUP + in_group;
	__u64 page;

	if (row < 0 || row >= view->map_rows || cell % GRID_COLUMNS_MAX < MAP_COLUMN ||
	    in_group == GROUP || column >= view->map_columns)
		return;
	page = view->map_top + ((__u64)row * (__u64)view->map_columns + (__u64)column) *
				       unit_fit(view, pages, room);
	if (page < pages)
		view->page = page;
}

static void page_zoom(struct view *view, const struct board_inode *entry, bool in)
{
	__u64 room = (__u64)view->map_columns * (__u64)view->map_rows;
	__u64 unit = unit_fit(view, entry->inode->pages, room ? room : 1);

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
