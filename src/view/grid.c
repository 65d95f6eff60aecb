// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "view/grid.h"

#define FORMAT_MAX 1024

int grid_init(struct grid *grid, int columns, int rows, bool ascii)
{
	columns = columns < 1 ? 1 : columns;
	rows = rows < 1 ? 1 : rows;
	*grid = (struct grid){
		.columns = columns < GRID_COLUMNS_MAX ? columns : GRID_COLUMNS_MAX,
		.rows = rows < GRID_ROWS_MAX ? rows : GRID_ROWS_MAX,
		.ascii = ascii,
	};
	grid->cells = calloc((size_t)grid->columns * (size_t)grid->rows, sizeof(*grid->cells));
	return grid->cells ? 0 : -ENOMEM;
}

void grid_free(struct grid *grid)
{
	free(grid->cells);
	*grid = (struct grid){ .cells = NULL };
}

static struct grid_cell *cell_at(struct grid *grid, int row, int column)
{
	if (row < 0 || column < 0 || row >= grid->rows || column >= grid->columns)
		return NULL;
	return &grid->cells[(size_t)row * (size_t)grid->columns + (size_t)column];
}

/* Bytes of the character at @text; 0: it is none that takes one column of every terminal. */
static size_t character_bytes(const char *text)
{
	unsigned char first = (unsigned char)*text;
	size_t bytes = first < 0x80 ? 1 : first >= 0xe2 && first <= 0xe2 ? 3 : 0;

	/* Of what is not ASCII only what our own screens draw: U+2000 to U+2FFF. */
	if (first < ' ' || first == 0x7f)
		return 0;
	for (size_t i = 1; i < bytes; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
	}
	return bytes;
}

int grid_put(struct grid *grid, int row, int column, enum grid_style style, const char *text)
{
	while (*text && column < grid->columns) {
		struct grid_cell *cell = cell_at(grid, row, column);
		size_t bytes = character_bytes(text);
		bool odd = !bytes || (bytes > 1 && grid->ascii);

		if (cell) {
			memset(cell->text, 0, sizeof(cell->text));
			memcpy(cell->text, odd ? "?" : text, odd ? 1 : bytes);
			cell->style = (uint8_t)style;
		}
		text += bytes ? bytes : 1;
		column++;
	}
	return column;
}

int grid_format(struct grid *grid, int row, int column, enum grid_style style, const char *format,
		...)
{
	char text[FORMAT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return grid_put(grid, row, column, style, text);
}

void grid_fill(struct grid *grid, int row, int column, enum grid_style style)
{
	struct grid_cell *cell;

	while ((cell = cell_at(grid, row, column++)))
		cell->style = (uint8_t)style;
}

static int row_length(const struct grid *grid, const struct grid_cell *row, bool styles)
{
	int length = grid->columns;

	while (length && (styles ? !row[length - 1].style
				 : !row[length - 1].text[0] || row[length - 1].text[0] == ' '))
		length--;
	return length;
}

void grid_write(const struct grid *grid, FILE *out, bool styles)
{
	for (int i = 0; i < grid->rows; i++) {
		const struct grid_cell *row = &grid->cells[(size_t)i * (size_t)grid->columns];
		int length = row_length(grid, row, false);

		for (int j = 0; j < length; j++)
			fputs(row[j].text[0] ? row[j].text : " ", out);
		fputc('\n', out);
		length = styles ? row_length(grid, row, true) : 0;
		if (!length)
			continue;
		fputc('\t', out);
		for (int j = 0; j < length; j++)
			fputc(row[j].style ? 'a' + row[j].style - 1 : ' ', out);
		fputc('\n', out);
	}
}
