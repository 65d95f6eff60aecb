// SPDX-License-Identifier: GPL-2.0
#include "model/plural.h"
#include "view/draw.h"

const char *word_time(char word[WORD_MAX], __u64 ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	double value = (double)ns;
	size_t unit = 0;

	while (value >= 999.5 && unit < 3) {
		value /= 1000;
		unit++;
	}
	if (!ns)
		snprintf(word, WORD_MAX, "-");
	else
		snprintf(word, WORD_MAX, value < 99.95 && unit > 1 ? "%.1f%s" : "%.0f%s", value,
			 units[unit]);
	return word;
}

static const char *word_scaled(char word[WORD_MAX], double value, double step, const char *units)
{
	while (value >= step * 0.9995 && units[1]) {
		value /= step;
		units++;
	}
	if (*units == ' ')
		snprintf(word, WORD_MAX, "%.0f", value);
	else
		snprintf(word, WORD_MAX, value < 99.95 ? "%.1f%c" : "%.0f%c", value, *units);
	return word;
}

const char *word_count(char word[WORD_MAX], double count)
{
	if (count < 99999.5)
		snprintf(word, WORD_MAX, "%.0f", count);
	else
		word_scaled(word, count, 1000, " kMGT");
	return word;
}

const char *word_size(char word[WORD_MAX], __u64 bytes)
{
	return word_scaled(word, (double)bytes, 1024, " kMGTP");
}

const char *word_range(char word[RANGE_MAX], __u64 first, __u64 last)
{
	if (first == last)
		snprintf(word, RANGE_MAX, "0x%llx", (unsigned long long)first);
	else if (last == ~0ULL)
		snprintf(word, RANGE_MAX, "0x%llx-", (unsigned long long)first);
	else
		snprintf(word, RANGE_MAX, "0x%llx-0x%llx", (unsigned long long)first,
			 (unsigned long long)last);
	return word;
}

static bool punches(const struct board_request *request)
{
	return request->operation == RECORD_OPERATION_FALLOCATE &&
	       request->mode & RECORD_MODE_PUNCH_HOLE;
}

const char *word_asked(const struct board_request *request)
{
	if (request->result < 0)
		return "FAILED";
	if (request->operation == RECORD_OPERATION_FALLOCATE)
		return punches(request) ? "hole" : "alloc";
	return request->state ? "present" : "absent";
}

const char *word_flush(char word[WORD_MAX], const struct board_request *request)
{
	if (!request->flushes)
		snprintf(word, WORD_MAX,
			 request->state || punches(request) || !request->zaps ? "none needed"
									      : "no flush");
	else if (!request->flush_pages)
		snprintf(word, WORD_MAX, "flush all");
	else
		snprintf(word, WORD_MAX, "flush %llu page%s",
			 (unsigned long long)request->flush_pages, plural(request->flush_pages));
	return word;
}

void draw_rule(struct grid *grid, int row, int column, int end, const char *words)
{
	int at = grid_format(grid, row, column, GRID_DIM, "--- %s ", words);

	while (at < end && at < grid->columns)
		at = grid_put(grid, row, at, GRID_DIM, "-");
}
