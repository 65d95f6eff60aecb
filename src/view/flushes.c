// SPDX-License-Identifier: GPL-2.0
/* Requests and flushes, as they end. */
#include "model/plural.h"
#include "view/draw.h"

#define CPU_WIDTH 27
#define CPU_ROWS 4 /* on a narrow screen, with their title */
#define BARS_FROM 11 /* power of two of ns: shorter flushes are in the first bar */
#define BARS_NR 18

static void inode_word(const struct model_inode *inode, char name[MODEL_INODE_NAME_MAX])
{
	model_inode_name(inode, name, MODEL_INODE_NAME_MAX);
}

/* What does not fit whole says something else: it is left out. */
static void draw_request(const struct board_request *request, struct grid *grid, int row,
			 int column, int room)
{
	char name[MODEL_INODE_NAME_MAX], range[RANGE_MAX], what[64], took[WORD_MAX],
		flush[WORD_MAX], flushed[WORD_MAX], line[160];
	int used;

	inode_word(request->inode, name);
	snprintf(what, sizeof(what), "%s %s", model_operation_name(request->operation),
		 word_range(range, request->first, request->last));
	used = snprintf(line, sizeof(line), "%llu.%03llu %-5u %-4s %-22s %-7s %7s  %-14s",
			(unsigned long long)(request->end / 1000000000),
			(unsigned long long)(request->end / 1000000 % 1000), request->tid, name,
			what, word_asked(request), word_time(took, request->end - request->begin),
			word_flush(flush, request));
	if (request->flushes && used + 7 <= room)
		snprintf(line + used, sizeof(line) - (size_t)used, " %6s",
			 word_time(flushed, request->flush_ns));
	grid_put(grid, row, column, request->result < 0 ? GRID_BAD : GRID_PLAIN, line);
}

void draw_requests(const struct view *view, struct grid *grid, int row, int rows, int column,
		   int room)
{
	const struct board *board = view->board;
	__u64 nr = board->requests_nr < BOARD_REQUESTS ? board->requests_nr : BOARD_REQUESTS;

	nr = nr < (__u64)rows ? nr : (__u64)rows;
	for (__u64 i = 0; i < nr && rows > 0; i++)
		draw_request(&board->requests[(board->requests_nr - nr + i) % BOARD_REQUESTS], grid,
			     row + (int)i, column, room);
}

static void draw_flush(const struct view *view, struct grid *grid, int row, int column,
		       const struct board_flush *flush)
{
	char name[MODEL_INODE_NAME_MAX], range[RANGE_MAX], took[WORD_MAX], size[WORD_MAX], what[64];

	(void)view;
	inode_word(flush->inode, name);
	if (flush->pages)
		snprintf(size, sizeof(size), "%llu page%s", (unsigned long long)flush->pages,
			 plural(flush->pages));
	else
		snprintf(size, sizeof(size), "all");
	snprintf(what, sizeof(what), "%s %s", model_operation_name(flush->operation),
		 word_range(range, flush->first, flush->last));
	grid_format(grid, row, column, GRID_PLAIN,
		    "%llu.%03llu %7s  %-9s %-4s %-26s CPU %u task %u",
		    (unsigned long long)(flush->begin / 1000000000),
		    (unsigned long long)(flush->begin / 1000000 % 1000),
		    word_time(took, flush->end - flush->begin), size, name,
		    flush->operation ? what : "outside any request", flush->cpu, flush->tid);
}

void draw_slowest(const struct view *view, struct grid *grid, int row, int rows, int column)
{
	for (size_t i = 0; i < view->board->slowest_nr && (int)i < rows; i++)
		draw_flush(view, grid, row + (int)i, column, &view->board->slowest[i]);
}

static int caller_compare(const void *one, const void *other)
{
	const struct board_caller *a = one, *b = other;

	return a->ns > b->ns ? -1 : a->ns < b->ns;
}

static void draw_callers(const struct view *view, struct grid *grid, int row, int rows, int column)
{
	struct board_caller callers[BOARD_CALLERS];
	size_t nr = view->board->callers_nr;
	char sum[WORD_MAX], mean[WORD_MAX], most[WORD_MAX];

	memcpy(callers, view->board->callers, nr * sizeof(*callers));
	qsort(callers, nr, sizeof(*callers), caller_compare);
	grid_format(grid, row, column, GRID_HEADING, "%-8s %-12s %-13s %7s %8s %7s %7s", "VM",
		    "COMM", "CALLER", "FLUSHES", "TIME", "MEAN", "MAX");
	for (size_t i = 0; i < nr && (int)i < rows - 1; i++)
		grid_format(grid, row + 1 + (int)i, column, GRID_PLAIN,
			    "%-8u %-12.12s %-13s %7llu %8s %7s %7s", callers[i].tgid,
			    callers[i].comm[0] ? callers[i].comm : "-",
			    callers[i].operation ? model_operation_name(callers[i].operation)
						 : "no request",
			    (unsigned long long)callers[i].flushes, word_time(sum, callers[i].ns),
			    word_time(mean, callers[i].ns / callers[i].flushes),
			    word_time(most, callers[i].most));
}

/* By the time that was waited for them where that is known, else by the time that they waited. */
struct cpus {
	struct board_cpu list[BOARD_CPUS];
	unsigned int order[BOARD_CPUS], nr;
};

static int cpu_compare(const void *one, const void *other, void *context)
{
	const struct board_cpu *list = context;
	unsigned int a = *(const unsigned int *)one, b = *(const unsigned int *)other;

	if (list[a].ns != list[b].ns)
		return list[a].ns > list[b].ns ? -1 : 1;
	return a < b ? -1 : a > b;
}

static void cpus_take(const struct board *board, struct cpus *cpus)
{
	const struct board_cpu(*windows)[BOARD_CPUS] = board->late_nr ? board->late : board->cpus;

	cpus->nr = 0;
	for (unsigned int i = 0; i < BOARD_CPUS; i++) {
		struct board_cpu *cpu = &cpus->list[i];
		const struct board_cpu *before = &windows[1][i];

		*cpu = windows[0][i];
		cpu->flushes += before->flushes;
		cpu->ns += before->ns;
		cpu->most = before->most > cpu->most ? before->most : cpu->most;
		if (cpu->flushes)
			cpus->order[cpus->nr++] = i;
	}
	qsort_r(cpus->order, cpus->nr, sizeof(*cpus->order), cpu_compare, cpus->list);
}

static const char *cpus_title(const struct board *board)
{
	return board->late_nr ? "CPUs by lateness: flushes that waited for it last, for how long"
			      : "CPUs that flushed (which are late is timed with --flushes)";
}

/* As many beside each other as there is room for. */
static void draw_cpus(const struct view *view, struct grid *grid, int row, int rows, int column,
		      int end)
{
	int across = (end - column) / CPU_WIDTH > 0 ? (end - column) / CPU_WIDTH : 1;
	char count[WORD_MAX], sum[WORD_MAX], most[WORD_MAX];
	struct cpus cpus;

	cpus_take(view->board, &cpus);
	for (int i = 0; i < across && (unsigned int)i < (cpus.nr ? cpus.nr : 1); i++)
		grid_format(grid, row, column + i * CPU_WIDTH, GRID_HEADING, "%-4s %6s %6s %6s",
			    "CPU", "FLUSH", "TIME", "MAX");
	for (unsigned int i = 0; i < cpus.nr && (int)i / across < rows - 1; i++) {
		const struct board_cpu *cpu = &cpus.list[cpus.order[i]];

		grid_format(grid, row + 1 + (int)i / across, column + (int)i % across * CPU_WIDTH,
			    GRID_PLAIN, "%-4u %6s %6s %6s", cpus.order[i],
			    word_count(count, (double)cpu->flushes), word_time(sum, cpu->ns),
			    word_time(most, cpu->most));
	}
}

/* Flushes and time by powers of two: the bar is the time spent in each. */
struct bars {
	__u64 nr[BARS_NR];
	double ns[BARS_NR], most;
};

static void bars_take(const struct board_histogram *histogram, struct bars *bars)
{
	for (size_t i = 0; i < BOARD_BUCKETS; i++) {
		__u64 nr = (__u64)histogram->counts[0][i] + histogram->counts[1][i];
		__u64 floor = histogram_floor(i);
		int power = floor ? 63 - __builtin_clzll(floor) : 0;
		int bar = power < BARS_FROM ? 0 : power - BARS_FROM;

		bar = bar < BARS_NR ? bar : BARS_NR - 1;
		bars->nr[bar] += nr;
		/* The middle of a quarter of a power of two. */
		bars->ns[bar] += (double)nr * (double)floor * 1.125;
	}
	for (int i = 0; i < BARS_NR; i++)
		bars->most = bars->ns[i] > bars->most ? bars->ns[i] : bars->most;
}

void draw_bars(const struct view *view, struct grid *grid, int row, int rows, int column, int width)
{
	struct bars bars = { .most = 0 };
	char from[WORD_MAX], sum[WORD_MAX];
	int at = row;

	bars_take(&view->board->flushes, &bars);
	for (int i = 0; i < BARS_NR && at < row + rows; i++) {
		int length = bars.most > 0 ? (int)(bars.ns[i] / bars.most * width) : 0;

		if (!bars.nr[i])
			continue;
		grid_format(grid, at, column, GRID_PLAIN, "%7s",
			    word_time(from, 1ULL << (i + BARS_FROM)));
		for (int j = 0; j < length || !j; j++)
			grid_put(grid, at, column + 8 + j, GRID_ABSENT, "#");
		grid_format(grid, at++, column + 9 + width, GRID_PLAIN, "%8s %6llu",
			    word_time(sum, (__u64)bars.ns[i]), (unsigned long long)bars.nr[i]);
	}
	if (at == row)
		grid_put(grid, row, column, GRID_DIM, "no flush in the last seconds");
}

void draw_flushes(struct view *view, struct grid *grid, int row, int rows)
{
	bool wide = grid->columns >= 150;
	int below = wide || rows < CPU_ROWS * 4 ? 0 : CPU_ROWS;
	int third = (rows - below) / 3, last = rows - below - 2 * third;

	draw_rule(grid, row, 0, wide ? 88 : grid->columns, BARS_TITLE);
	draw_bars(view, grid, row + 1, third - 1, 0, wide ? 60 : grid->columns - 30);
	draw_rule(grid, row + third, 0, wide ? 88 : grid->columns, "callers by time waited");
	draw_callers(view, grid, row + third + 1, third - 1, 0);
	draw_rule(grid, row + 2 * third, 0, wide ? 88 : grid->columns, "slowest");
	draw_slowest(view, grid, row + 2 * third + 1, last - 1, 0);
	if (below) {
		draw_rule(grid, row + rows - below, 0, grid->columns, cpus_title(view->board));
		draw_cpus(view, grid, row + rows - below + 1, below - 1, 0, grid->columns);
	}
	if (!wide)
		return;
	draw_rule(grid, row, 92, grid->columns, cpus_title(view->board));
	draw_cpus(view, grid, row + 1, rows / 2 - 1, 92, grid->columns);
	draw_rule(grid, row + rows / 2, 92, grid->columns, "last requests");
	draw_requests(view, grid, row + rows / 2 + 1, rows - rows / 2 - 1, 92, grid->columns - 92);
}
