// SPDX-License-Identifier: GPL-2.0
/* VMs and their inodes. */
#include "model/plural.h"
#include "view/cells.h"

static __u32 vm_of(const struct model_inode *inode)
{
	return inode->vm ? inode->vm : inode->tgid;
}

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
	snprintf(text, sizeof(text), "%s %u %s", name, vm_of(inode), inode->comm);
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

struct table_row *table_rows(const struct view *view, size_t *nr)
{
	const struct board *board = view->board;
	size_t room = board->nr * 2, inodes = 0;
	struct table_row *rows = calloc(room + 1, sizeof(*rows));

	*nr = 0;
	if (!rows)
		return NULL;
	for (size_t i = 0; i < board->nr; i++) {
		if (row_passes(view, &board->inodes[i]))
			rows[inodes++] = (struct table_row){ vm_of(board->inodes[i].inode),
							     &board->inodes[i] };
	}
	qsort_r(rows, inodes, sizeof(*rows), row_compare, (void *)view);
	*nr = rows_group(rows, inodes, room);
	return rows;
}

/* What a line shows: of an inode, or summed up over those of a VM. */
struct line {
	char name[MODEL_INODE_NAME_MAX + 4], comm[RECORD_COMM_LEN + 1];
	const char *kind;
	__u64 pages, resident, want, absent, deviate, changing, exposed, exposed_since;
	double zaps, restores, flushes, busy;
	__u64 p50, p99, exposure_p99; /* ns */
	__u64 compared; /* ns: of a VM, where an inode was read longest ago; 0: none was */
	__u32 violations;
	bool walked, dead, vm;
	const __u16 *sparks;
};

static const char *kind_of(const struct model_inode *inode)
{
	switch (inode->provider) {
	case RECORD_PROVIDER_SECRETMEM:
		return "secret";
	case RECORD_PROVIDER_GMEM_PLAIN:
		return "plain";
	case RECORD_PROVIDER_RFC3:
		return inode->default_state ? "dynamic" : "absent";
	case RECORD_PROVIDER_FOLIO_BIT:
		return "folio-bit";
	default:
		return "unknown";
	}
}

static void line_add(const struct board *board, struct line *line, const struct board_inode *entry)
{
	const struct model_page_counts counts = board_pages(board, entry);

	line->pages += counts.pages;
	line->resident += counts.resident;
	line->want += entry->pages.want;
	line->absent += counts.absent;
	line->deviate += entry->pages.deviate;
	line->changing += entry->pages.changing;
	line->exposed += counts.exposed;
	if (entry->exposed_since &&
	    (!line->exposed_since || entry->exposed_since < line->exposed_since))
		line->exposed_since = entry->exposed_since;
	line->zaps += entry->rates.zaps;
	line->restores += entry->rates.restores;
	line->flushes += entry->rates.flushes_s;
	line->busy += entry->rates.busy;
	line->violations += entry->violations;
	line->walked &= entry->walked;
	if (entry->compared && (!line->compared || entry->compared < line->compared))
		line->compared = entry->compared;
	memcpy(line->comm, entry->inode->comm, sizeof(line->comm));
}

static void line_latencies(struct line *line, const struct board_histogram *flushes,
			   const struct board_histogram *exposures)
{
	line->p50 = histogram_quantile(flushes, 0.5);
	line->p99 = histogram_quantile(flushes, 0.99);
	line->exposure_p99 = histogram_quantile(exposures, 0.99);
}

static struct line line_of_inode(const struct board *board, const struct board_inode *entry)
{
	struct line line = { .kind = kind_of(entry->inode),
			     .walked = true,
			     .dead = entry->inode->dead,
			     .sparks = entry->sparks };
	char name[MODEL_INODE_NAME_MAX];

	model_inode_name(entry->inode, name, sizeof(name));
	snprintf(line.name, sizeof(line.name), "  %s", name);
	line_add(board, &line, entry);
	line_latencies(&line, &entry->flushes, &entry->exposures);
	snprintf(line.comm, sizeof(line.comm), "%s", line.kind);
	return line;
}

/* The inodes of a VM stand behind its row. */
static struct line line_of_vm(const struct view *view, const struct table_row *rows, size_t nr)
{
	const char *name = view->vm_name ? view->vm_name(view->context, rows->vm) : NULL;
	struct line line = { .kind = "", .walked = true, .vm = true };
	struct board_histogram flushes = { .total = { 0 } }, exposures = { .total = { 0 } };

	snprintf(line.name, sizeof(line.name), "%u", rows->vm);
	for (size_t i = 1; i < nr && rows[i].entry; i++) {
		line_add(view->board, &line, rows[i].entry);
		histogram_merge(&flushes, &rows[i].entry->flushes);
		histogram_merge(&exposures, &rows[i].entry->exposures);
	}
	line_latencies(&line, &flushes, &exposures);
	if (name)
		snprintf(line.comm, sizeof(line.comm), "%s", name);
	return line;
}

enum column_id {
	COLUMN_NAME,
	COLUMN_COMM,
	COLUMN_SIZE,
	COLUMN_RESIDENT,
	COLUMN_WANT,
	COLUMN_ABSENT,
	COLUMN_DEVIATE,
	COLUMN_CHANGING,
	COLUMN_EXPOSED,
	COLUMN_ZAPS,
	COLUMN_RESTORES,
	COLUMN_FLUSHES,
	COLUMN_P50,
	COLUMN_P99,
	COLUMN_BUSY,
	COLUMN_OLDEST,
	COLUMN_EXPOSURE,
	COLUMN_VERDICT,
	COLUMN_VIOLATIONS,
	COLUMN_SPARKS,
};

/* In the order in which they are shown; a wide one where the screen has so many columns. */
static const struct column {
	enum column_id id;
	const char *heading;
	int width; /* negative: text, to the left */
	int from; /* columns that the screen has */
} columns[] = {
	{ COLUMN_NAME, "VM/INODE", -9, 0 },
	{ COLUMN_COMM, "COMM/KIND", -11, 0 },
	{ COLUMN_SIZE, "SIZE", 6, 80 },
	{ COLUMN_RESIDENT, "RESID", 6, 49 },
	{ COLUMN_WANT, "WANT", 6, 43 },
	{ COLUMN_ABSENT, "ABSENT", 7, 0 },
	{ COLUMN_DEVIATE, "DEVIATE", 8, 110 },
	{ COLUMN_CHANGING, "CHANGING", 9, 110 },
	{ COLUMN_EXPOSED, "EXP", 4, 0 },
	{ COLUMN_ZAPS, "ZAP/s", 7, 69 },
	{ COLUMN_RESTORES, "RST/s", 7, 76 },
	{ COLUMN_FLUSHES, "FL/s", 6, 55 },
	{ COLUMN_P50, "p50", 7, 110 },
	{ COLUMN_P99, "p99", 7, 62 },
	{ COLUMN_BUSY, "FLUSH%", 7, 120 },
	{ COLUMN_OLDEST, "OLDEST", 8, 120 },
	{ COLUMN_EXPOSURE, "EXPOSURE p99", 14, 140 },
	{ COLUMN_VERDICT, "  LAST VERDICT", -24, 160 },
	{ COLUMN_VIOLATIONS, " !", -4, 0 },
	{ COLUMN_SPARKS, "PAGES CHANGED", -34, 190 },
};

#define COLUMNS_NR (sizeof(columns) / sizeof(columns[0]))

static void spark_words(char *text, size_t size, const __u16 *sparks, bool ascii)
{
	static const char *const blocks[] = { " ",	"\u2581", "\u2582", "\u2583", "\u2584",
					      "\u2585", "\u2586", "\u2587", "\u2588" };
	static const char *const signs[] = { " ", ".", ".", ":", ":", "-", "=", "+", "#" };
	__u16 most = 1;
	size_t used = 0;

	*text = 0;
	for (size_t i = 0; sparks && i < BOARD_SPARKS; i++)
		most = sparks[i] > most ? sparks[i] : most;
	for (size_t i = 0; sparks && i < BOARD_SPARKS && used + 5 < size; i++) {
		unsigned int height = ((unsigned int)sparks[i] * 8 + most - 1) / most;

		used += (size_t)snprintf(text + used, size - used, "%s",
					 (ascii ? signs : blocks)[height]);
	}
}

/*
 * Of a VM: when it was compared last, by the inode for which that is longest ago, and what that came to.
 * What is wrong with its history is found without a comparison.
 */
static void verdict_words(const struct line *line, char *text, size_t size)
{
	unsigned long long ms;

	*text = 0;
	if (!line->vm)
		return;
	if (!line->compared) {
		snprintf(text, size, "  %s", line->violations ? "VIOLATED" : "-");
		return;
	}
	ms = line->compared / 1000000;
	snprintf(text, size, "  %llu.%03llu s %s", ms / 1000, ms % 1000,
		 line->violations ? "VIOLATED" : "consistent");
}

/* Not yet known where not all of its pages were looked at. */
static const char *known(const struct line *line, char word[WORD_MAX], __u64 count)
{
	return line->walked ? word_count(word, (double)count) : "?";
}

static void cell_words(const struct view *view, const struct line *line, enum column_id id,
		       char *text, size_t size, bool ascii)
{
	char word[WORD_MAX];
	const char *words = word;

	switch (id) {
	case COLUMN_NAME:
		words = line->name;
		break;
	case COLUMN_COMM:
		words = line->comm;
		break;
	case COLUMN_SIZE:
		word_size(word, line->pages * 4096);
		break;
	case COLUMN_RESIDENT:
		word_count(word, (double)line->resident);
		break;
	case COLUMN_WANT:
		words = known(line, word, line->want);
		break;
	case COLUMN_ABSENT:
		word_count(word, (double)line->absent);
		break;
	case COLUMN_DEVIATE:
		words = known(line, word, line->deviate);
		break;
	case COLUMN_CHANGING:
		words = known(line, word, line->changing);
		break;
	case COLUMN_EXPOSED:
		word_count(word, (double)line->exposed);
		break;
	case COLUMN_ZAPS:
		word_count(word, line->zaps);
		break;
	case COLUMN_RESTORES:
		word_count(word, line->restores);
		break;
	case COLUMN_FLUSHES:
		word_count(word, line->flushes);
		break;
	case COLUMN_P50:
		word_time(word, line->p50);
		break;
	case COLUMN_P99:
		word_time(word, line->p99);
		break;
	case COLUMN_BUSY:
		snprintf(word, sizeof(word), "%.0f", line->busy * 100);
		break;
	case COLUMN_OLDEST:
		word_time(word,
			  line->exposed && line->exposed_since && view->now > line->exposed_since
				  ? view->now - line->exposed_since
				  : 0);
		break;
	case COLUMN_EXPOSURE:
		word_time(word, line->exposure_p99);
		break;
	case COLUMN_VERDICT:
		verdict_words(line, text, size);
		return;
	case COLUMN_VIOLATIONS:
		if (line->violations)
			snprintf(word, sizeof(word), "%s", line->violations < 10 ? " !" : " #");
		else
			*word = 0;
		break;
	case COLUMN_SPARKS:
		spark_words(text, size, line->sparks, ascii);
		return;
	}
	snprintf(text, size, "%s", words);
}

static bool column_shown(const struct column *column, const struct grid *grid)
{
	return grid->columns >= column->from;
}

static int draw_cell(struct grid *grid, int row, int at, const struct column *column,
		     enum grid_style style, const char *text)
{
	int width = column->width < 0 ? -column->width : column->width;

	if (column->width < 0)
		grid_format(grid, row, at, style, "%-*.*s", width - 1,
			    column->id == COLUMN_SPARKS ? 3 * width : width - 1, text);
	else
		grid_format(grid, row, at, style, "%*s", width, text);
	return at + width;
}

static void draw_headings(struct grid *grid, int row)
{
	int at = 2;

	grid_fill(grid, row, 0, GRID_HEADING);
	for (size_t i = 0; i < COLUMNS_NR; i++) {
		if (column_shown(&columns[i], grid))
			at = draw_cell(grid, row, at, &columns[i], GRID_HEADING,
				       columns[i].heading);
	}
}

static void draw_line(const struct view *view, struct grid *grid, int row, const struct line *line,
		      bool selected, bool vm)
{
	enum grid_style style = selected ? GRID_SELECTED : line->dead ? GRID_DIM : GRID_PLAIN;
	char text[160];
	int at = 2;

	if (selected)
		grid_fill(grid, row, 0, GRID_SELECTED);
	grid_put(grid, row, 0, style, selected ? ">" : vm ? "-" : " ");
	for (size_t i = 0; i < COLUMNS_NR; i++) {
		enum grid_style cell = style;

		if (!column_shown(&columns[i], grid))
			continue;
		cell_words(view, line, columns[i].id, text, sizeof(text), grid->ascii);
		if (!selected && columns[i].id == COLUMN_VIOLATIONS)
			cell = GRID_BAD;
		else if (!selected && columns[i].id == COLUMN_VERDICT && line->violations)
			cell = GRID_BAD;
		else if (!selected && columns[i].id == COLUMN_EXPOSED && line->exposed)
			cell = GRID_EXPOSED;
		at = draw_cell(grid, row, at, &columns[i], cell, text);
	}
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
		    vm_of(entry->inode) != view->vm)
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
	draw_headings(grid, row);
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
		struct line line =
			at->entry ? line_of_inode(view->board, at->entry)
				  : line_of_vm(view, at, nr - (size_t)view->top - (size_t)i);

		draw_line(view, grid, row + 1 + i, &line, row_selected(view, at), !at->entry);
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
