/* SPDX-License-Identifier: GPL-2.0 */
/* A screen as cells, whatever shows it: a terminal, a test, or text. Pure. */
#ifndef GMEMTRACE_VIEW_GRID_H
#define GMEMTRACE_VIEW_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What a cell means; which colour that is is the terminal's business. */
enum grid_style {
	GRID_PLAIN = 0,
	GRID_DIM,
	GRID_TITLE,
	GRID_HEADING, /* of columns */
	GRID_SELECTED,
	GRID_GOOD,
	GRID_BAD,
	GRID_DOUBT,
	GRID_ABSENT, /* pages, by state */
	GRID_PRESENT,
	GRID_EXCEPTION,
	GRID_EXPOSED,
	GRID_KEY,
	GRID_STYLES,
};

struct grid_cell {
	char text[5]; /* one character, UTF-8, of one column; "" is a space */
	uint8_t style; /* enum grid_style */
};

struct grid {
	int columns, rows;
	bool ascii; /* nothing else is put into cells */
	struct grid_cell *cells;
};

#define GRID_COLUMNS_MAX 1000
#define GRID_ROWS_MAX 500

/* Of spaces. 0 or -ENOMEM. */
int grid_init(struct grid *grid, int columns, int rows, bool ascii);
void grid_free(struct grid *grid);

/*
 * Puts text from @column on, cut at the right edge; what lies outside is left out. Control
 * characters and what is no UTF-8 become '?'; so does what is not ASCII where that is asked for.
 * Returns the column behind it.
 */
int grid_put(struct grid *grid, int row, int column, enum grid_style style, const char *text);
__attribute__((format(printf, 5, 6))) int
grid_format(struct grid *grid, int row, int column, enum grid_style style, const char *format, ...);

/* The rest of the row from @column on is @style's. */
void grid_fill(struct grid *grid, int row, int column, enum grid_style style);

/* As lines of text without spaces at their ends. @styles: below each line the styles, as letters. */
void grid_write(const struct grid *grid, FILE *out, bool styles);

#endif
