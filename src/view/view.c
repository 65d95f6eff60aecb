// SPDX-License-Identifier: GPL-2.0
/* Which screen is shown, and its frame. */
#include "model/plural.h"
#include "view/draw.h"

#define SECOND 1000000000ULL
#define FRAME_TOP 4 /* rows: header, and an empty one */
#define FRAME_BOTTOM 2 /* time line or message, and keys */

/* Nothing compared yet is no verdict yet; "so far" it is none that would be given at the end. */
static enum grid_style verdict_words(const struct view *view, const struct model_counts *counts,
				     char *words, size_t size)
{
	const struct verdict *verdict = view->board->verdict;
	size_t violations = verdict ? verdict_violations(verdict) : 0;

	if (violations) {
		snprintf(words, size, "VIOLATED (%zu)", violations);
		return GRID_BAD;
	}
	if (verdict && verdict_doubted(verdict)) {
		snprintf(words, size, "INCONCLUSIVE");
		return GRID_DOUBT;
	}
	if (!counts->pages_compared) {
		snprintf(words, size, "nothing compared");
		return GRID_DOUBT;
	}
	snprintf(words, size, "CONSISTENT%s", verdict && verdict_final(verdict) ? "" : " so far");
	return GRID_GOOD;
}

/* The time that is shown, and whether it goes on. */
static void moment_words(const struct view *view, char moment[64], char state[32])
{
	int used = snprintf(moment, 64, "%llu.%03llu s", (unsigned long long)(view->now / SECOND),
			    (unsigned long long)(view->now / 1000000 % 1000));

	*state = 0;
	if (view->replay)
		snprintf(moment + used, 64 - (size_t)used, " of %llu.%03llu",
			 (unsigned long long)(view->last / SECOND),
			 (unsigned long long)(view->last / 1000000 % 1000));
	if (view->paused)
		snprintf(state, 32, "[paused]");
	else if (view->replay)
		snprintf(state, 32, "[x%g]", view->speed);
}

/* Of all that the line has it is what may be cut. */
static int draw_title(const struct view *view, struct grid *grid, int at, int end)
{
	char title[VIEW_TITLE_MAX + RANGE_MAX + 8], range[RANGE_MAX];
	const struct board *board = view->board;
	int room = end - at;

	if (room < 4)
		return at - 2;
	snprintf(title, sizeof(title), "%s%s%s", view->title, board->narrowed ? ", pages " : "",
		 board->narrowed ? word_range(range, board->first, board->last) : "");
	if ((int)strlen(title) <= room)
		return grid_put(grid, 0, at, GRID_PLAIN, title);
	return grid_format(grid, 0, at, GRID_PLAIN, "%.*s..", room - 2, title);
}

/* Which kernel that is of, where there is room for all of it. */
static void draw_kernel(const struct view *view, struct grid *grid, int at, int end)
{
	const struct model *model = view->board->model;
	const char *release = model_fact_find(model, "kernel.release");
	const char *cpus = model_fact_find(model, "kernel.cpus");
	const char *ceiling = model_fact_find(model, "kernel.flush_ceiling_pages");
	const char *fact = model_fact_find(model, "sensor.groups");
	unsigned long groups = fact ? strtoul(fact, NULL, 10) : 0;
	char words[160];
	int used;

	if (!release || !cpus || !ceiling)
		return;
	used = snprintf(words, sizeof(words),
			"kernel %.32s, %.8s CPUs, flush ceiling %.8s pages, sensors: verdict%s%s",
			release, cpus, ceiling, groups & SENSOR_GROUP_PAGE_FREE ? " page-free" : "",
			groups & SENSOR_GROUP_FLUSHES ? " flushes" : "");
	if (at + used + 3 <= end)
		grid_put(grid, 0, at, GRID_DIM, words);
}

/* What is shown: its name, the moment, and whether time goes on; before column @end. */
static void draw_shown(const struct view *view, struct grid *grid, int end)
{
	char moment[64], state[32];
	int at = 0, needed;

	moment_words(view, moment, state);
	needed = (int)strlen(moment) + (*state ? (int)strlen(state) + 1 : 0);
	if (needed + 11 <= end) {
		at = grid_put(grid, 0, 0, GRID_TITLE, "gmemtrace");
		at = draw_title(view, grid, at + 2, end - needed - 2) + 2;
	}
	if (at + (int)strlen(moment) <= end)
		at = grid_put(grid, 0, at, GRID_PLAIN, moment) + 1;
	if (*state && at + (int)strlen(state) <= end)
		at = grid_put(grid, 0, at, view->paused ? GRID_DOUBT : GRID_PLAIN, state) + 1;
	if (grid->columns >= 150)
		draw_kernel(view, grid, at + 2, end + 1);
}

/* The verdict and what was lost stand on every screen, whatever else has to go. */
static void draw_first(const struct view *view, struct grid *grid,
		       const struct model_counts *counts)
{
	__u64 nr = counts->lost + counts->missed;
	char words[64], lost[64], count[WORD_MAX];
	enum grid_style style = verdict_words(view, counts, words, sizeof(words));
	int at;

	snprintf(lost, sizeof(lost), "lost %llu", (unsigned long long)nr);
	if ((int)(strlen(words) + strlen(lost)) + 3 > grid->columns)
		snprintf(lost, sizeof(lost), "lost %s", word_count(count, (double)nr));
	at = grid->columns - (int)strlen(words) - (int)strlen(lost) - 3;
	draw_shown(view, grid, at - 1);
	at = grid_put(grid, 0, at < 0 ? 0 : at, style, words);
	grid_put(grid, 0, at + 3, nr ? GRID_BAD : GRID_PLAIN, lost);
}

static void draw_second(const struct view *view, struct grid *grid)
{
	const struct board *board = view->board;
	__u64 want = 0, differ = 0, changing = 0, exposed = 0;
	char rate[WORD_MAX];
	bool walked = true;
	int at;

	for (size_t i = 0; i < board->nr; i++) {
		const struct board_inode *entry = &board->inodes[i];

		if (entry->inode->dead)
			continue;
		want += entry->pages.want;
		differ += entry->pages.differ;
		changing += entry->pages.changing;
		exposed += board_pages(board, entry).exposed;
		walked &= entry->walked;
	}
	at = grid_format(grid, 1, 0, GRID_PLAIN, "%llu of %llu page%s absent as declared%s",
			 (unsigned long long)(want - (differ < want ? differ : want)),
			 (unsigned long long)want, plural(want), walked ? "" : " (counting)");
	at = grid_format(grid, 1, at, GRID_PLAIN, ", %llu changing, ",
			 (unsigned long long)changing);
	at = grid_format(grid, 1, at, exposed ? GRID_EXPOSED : GRID_PLAIN, "%llu exposed",
			 (unsigned long long)exposed);
	grid_format(grid, 1, at + 3, GRID_PLAIN, "%s trans/s",
		    word_count(rate, board->rates.zaps + board->rates.restores));
}

static void draw_cost(const struct view *view, struct grid *grid, int at)
{
	const struct board_ring *ring = &view->board->ring;
	__u64 most = ring->waiting[0] > ring->waiting[1] ? ring->waiting[0] : ring->waiting[1];
	char memory[WORD_MAX], rate[WORD_MAX], waiting[WORD_MAX];

	at = grid_format(grid, 2, at, GRID_DIM, "   gmemtrace itself: %.1f%% of a CPU, %s",
			 view->cost_cpu * 100, word_size(memory, view->cost_memory));
	if (grid->columns >= 160)
		grid_format(grid, 2, at, GRID_DIM, ", ring %s/s, %s waited in it",
			    word_size(rate, (__u64)ring->rate), word_size(waiting, most));
}

static void draw_third(const struct view *view, struct grid *grid)
{
	const struct board_histogram *flushes = &view->board->flushes;
	char p50[WORD_MAX], p90[WORD_MAX], p99[WORD_MAX], most[WORD_MAX], rate[WORD_MAX];
	char exposure[WORD_MAX];
	int at;

	at = grid_format(grid, 2, 0, GRID_PLAIN,
			 "flush/s %s  p50 %s  p90 %s  p99 %s  max %s   %.0f%% of a CPU",
			 word_count(rate, view->board->rates.flushes_s),
			 word_time(p50, histogram_quantile(flushes, 0.5)),
			 word_time(p90, histogram_quantile(flushes, 0.9)),
			 word_time(p99, histogram_quantile(flushes, 0.99)),
			 word_time(most, histogram_most(flushes)), view->board->rates.busy * 100);
	if (grid->columns >= 110)
		at = grid_format(
			grid, 2, at, GRID_PLAIN, "   exposure p99 %s",
			word_time(exposure, histogram_quantile(&view->board->exposures, 0.99)));
	if (grid->columns >= 130 && view->cost_cpu >= 0)
		draw_cost(view, grid, at);
}

/* Where the replay is, and where violations and losses are. */
static void draw_line_of_time(const struct view *view, struct grid *grid, int row)
{
	__u64 span = view->last > view->first ? view->last - view->first : 1;
	int width = grid->columns - 2;

	for (int i = 0; i < width; i++)
		grid_put(grid, row, 1 + i, GRID_DIM, "-");
	for (size_t i = 0; i < view_marks_nr(view); i++) {
		const struct board_mark *mark = &view_marks(view)[i];
		__u64 time = mark->time > view->first ? mark->time - view->first : 0;
		int at = (int)((double)time / (double)span * (width - 1));

		grid_put(grid, row, 1 + (at < width ? at : width - 1), GRID_BAD,
			 mark->kind == BOARD_LOSS ? "x" : "!");
	}
	if (view->now >= view->first)
		grid_put(grid, row,
			 1 + (int)((double)(view->now - view->first) / (double)span * (width - 1)),
			 GRID_SELECTED, "|");
	grid_put(grid, row, 0, GRID_DIM, "[");
	grid_put(grid, row, grid->columns - 1, GRID_DIM, "]");
}

static const char *keys_of(const struct view *view)
{
	switch (view->screen) {
	case VIEW_PAGES:
		return "arrows move  w why  + - zoom  [ ] prev/next change  ! next violation  Esc "
		       "back";
	case VIEW_STORY:
	case VIEW_HELP:
		return "arrows scroll  Esc back  q quit";
	case VIEW_FLUSHES:
		return view->replay ? "? help  Tab table  Space pause  < > 1 s  , . step  ( ) "
				      "speed  q quit"
				    : "? help  Tab table  Space pause  q quit";
	default:
		return view->replay ? "? help  Enter inode  Tab flushes  s sort  f filter  Space "
				      "pause  < > time  q"
				    : "? help  Enter inode  Tab flushes  s sort  f filter  Space "
				      "pause  q quit";
	}
}

/* How the table is sorted and what it leaves out, where it is not as it began. */
static void draw_choice(const struct view *view, struct grid *grid, int row)
{
	static const char *const sorts[] = { "name", "rate", "flush time", "exposed", "resident" };

	if (view->screen != VIEW_TABLE || (!*view->filter && !view->sort))
		return;
	grid_format(grid, row, 0, GRID_DIM, "sorted by %s%s%s%s", sorts[view->sort],
		    view->reverse ? ", least first" : "", *view->filter ? "; only " : "",
		    view->filter);
}

static void draw_bottom(const struct view *view, struct grid *grid)
{
	int row = grid->rows - 1;

	if (view->typing)
		grid_format(grid, row, 0, GRID_KEY, "filter (VM, comm or inode): %s_",
			    view->filter);
	else
		grid_put(grid, row, 0, GRID_KEY, keys_of(view));
	if (*view->message)
		grid_put(grid, row - 1, 0, GRID_DOUBT, view->message);
	else if (view->replay)
		draw_line_of_time(view, grid, row - 1);
	else
		draw_choice(view, grid, row - 1);
	/* In a replay the time line has its place: between the header and the table there is one. */
	if (view->replay)
		draw_choice(view, grid, FRAME_TOP - 1);
}

static void draw_screen(struct view *view, struct grid *grid, int row, int rows)
{
	switch (view->screen) {
	case VIEW_TABLE:
		draw_table(view, grid, row, rows);
		break;
	case VIEW_PAGES:
		draw_pages(view, grid, row, rows);
		break;
	case VIEW_FLUSHES:
		draw_flushes(view, grid, row, rows);
		break;
	case VIEW_STORY:
		draw_story(view, grid, row, rows);
		break;
	case VIEW_HELP:
		draw_help(view, grid, row, rows);
		break;
	}
}

void view_draw(struct view *view, struct grid *grid)
{
	int rows = grid->rows - FRAME_TOP - FRAME_BOTTOM;
	struct model_counts counts;

	if (grid->rows < 12 || grid->columns < 40) {
		grid_put(grid, 0, 0, GRID_PLAIN, "too small: 80x24 is the least");
		return;
	}
	model_count(view->board->model, &counts);
	draw_first(view, grid, &counts);
	draw_second(view, grid);
	draw_third(view, grid);
	draw_screen(view, grid, FRAME_TOP, rows);
	draw_bottom(view, grid);
}
