// SPDX-License-Identifier: GPL-2.0
/* What a line of the table shows, column by column. */
#include "view/table.h"

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

static void line_add(const struct board *board, struct table_line *line,
		     const struct board_inode *entry)
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

static void line_latencies(struct table_line *line, const struct board_histogram *flushes,
			   const struct board_histogram *exposures)
{
	line->p50 = histogram_quantile(flushes, 0.5);
	line->p99 = histogram_quantile(flushes, 0.99);
	line->exposure_p99 = histogram_quantile(exposures, 0.99);
}

struct table_line table_line_of_inode(const struct board *board, const struct board_inode *entry)
{
	struct table_line line = { .kind = kind_of(entry->inode),
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
struct table_line table_line_of_vm(const struct view *view, const struct table_row *rows, size_t nr)
{
	const char *name = view->vm_name ? view->vm_name(view->context, rows->vm) : NULL;
	struct table_line line = { .kind = "", .walked = true, .vm = true };
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
static void verdict_words(const struct table_line *line, char *text, size_t size)
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

/* Numbers of pages, of changes and flushes a second. false: the column is of something else. */
static bool cell_count(const struct table_line *line, enum column_id id, char word[WORD_MAX])
{
	bool known = true; /* not before all pages were looked at */
	double count;

	switch (id) {
	case COLUMN_RESIDENT:
		count = (double)line->resident;
		break;
	case COLUMN_WANT:
		count = (double)line->want;
		known = line->walked;
		break;
	case COLUMN_ABSENT:
		count = (double)line->absent;
		break;
	case COLUMN_DEVIATE:
		count = (double)line->deviate;
		known = line->walked;
		break;
	case COLUMN_CHANGING:
		count = (double)line->changing;
		known = line->walked;
		break;
	case COLUMN_EXPOSED:
		count = (double)line->exposed;
		break;
	case COLUMN_ZAPS:
		count = line->zaps;
		break;
	case COLUMN_RESTORES:
		count = line->restores;
		break;
	case COLUMN_FLUSHES:
		count = line->flushes;
		break;
	default:
		return false;
	}
	if (known)
		word_count(word, count);
	else
		snprintf(word, WORD_MAX, "?");
	return true;
}

/* How long the page has been exposed that has been so longest; ns. */
static __u64 line_oldest(const struct table_line *line, __u64 now)
{
	if (!line->exposed || !line->exposed_since || now <= line->exposed_since)
		return 0;
	return now - line->exposed_since;
}

static bool cell_time(const struct table_line *line, enum column_id id, __u64 now,
		      char word[WORD_MAX])
{
	switch (id) {
	case COLUMN_P50:
		word_time(word, line->p50);
		return true;
	case COLUMN_P99:
		word_time(word, line->p99);
		return true;
	case COLUMN_OLDEST:
		word_time(word, line_oldest(line, now));
		return true;
	case COLUMN_EXPOSURE:
		word_time(word, line->exposure_p99);
		return true;
	default:
		return false;
	}
}

static void cell_words(const struct view *view, const struct table_line *line, enum column_id id,
		       char *text, size_t size, bool ascii)
{
	char word[WORD_MAX] = "";
	const char *words = word;

	if (cell_count(line, id, word) || cell_time(line, id, view->now, word)) {
		snprintf(text, size, "%s", word);
		return;
	}
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
	case COLUMN_BUSY:
		snprintf(word, sizeof(word), "%.0f", line->busy * 100);
		break;
	case COLUMN_VERDICT:
		verdict_words(line, text, size);
		return;
	case COLUMN_VIOLATIONS:
		if (line->violations)
			words = line->violations < 10 ? " !" : " #";
		break;
	case COLUMN_SPARKS:
		spark_words(text, size, line->sparks, ascii);
		return;
	default:
		break;
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

void table_headings(struct grid *grid, int row)
{
	int at = 2;

	grid_fill(grid, row, 0, GRID_HEADING);
	for (size_t i = 0; i < COLUMNS_NR; i++) {
		if (column_shown(&columns[i], grid))
			at = draw_cell(grid, row, at, &columns[i], GRID_HEADING,
				       columns[i].heading);
	}
}

void table_line_draw(const struct view *view, struct grid *grid, int row,
		     const struct table_line *line, bool selected)
{
	enum grid_style style = selected ? GRID_SELECTED : line->dead ? GRID_DIM : GRID_PLAIN;
	char text[160];
	int at = 2;

	if (selected)
		grid_fill(grid, row, 0, GRID_SELECTED);
	grid_put(grid, row, 0, style, selected ? ">" : line->vm ? "-" : " ");
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
