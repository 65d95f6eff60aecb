// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/screen.h"
#include "cli/terminal.h"
#include "gmemtrace/report.h"
#include "run/command.h"
#include "run/names.h"
#include "run/player.h"
#include "view/view.h"

#define SECOND 1000000000ULL
#define DRAW_NS (SECOND / 10)
#define STEP_NS 100000000ULL /* heartbeats */
#define WALK_PAGES 20000 /* looked at for one drawing */
#define PLAY_RECORDS 400000 /* fed at once, while keys wait */
#define EVENTS_MAX 64

struct screen {
	struct view view;
	const struct screen_options *options;
	const struct run_options *run_options;
	struct run *run; /* live */
	struct player *player; /* replay */
	struct verdict *verdict;
	struct board *board;
	bool open; /* the terminal is ours */
	bool lost; /* it was, and is gone */
	bool quit;
	bool ended; /* the capture is */
	double target; /* ns: where the replay is to be; the model goes on in steps */
	uint64_t drawn; /* ns, CLOCK_MONOTONIC */
	uint64_t cost_at, cost_ns; /* of the last look at what we cost */
	struct board_mark marks[BOARD_MARKS]; /* of the whole capture */
	char said[512]; /* the last line, for when the terminal is given back */
};

static uint64_t clock_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static uint64_t time_ns(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * SECOND + (uint64_t)time->tv_usec * 1000;
}

/* What gmemtrace itself takes, once a second. */
static void screen_cost(struct screen *screen, uint64_t now)
{
	struct rusage usage;
	uint64_t spent;

	if (now - screen->cost_at < SECOND || getrusage(RUSAGE_SELF, &usage))
		return;
	spent = time_ns(&usage.ru_utime) + time_ns(&usage.ru_stime);
	if (screen->cost_at)
		screen->view.cost_cpu =
			(double)(spent - screen->cost_ns) / (double)(now - screen->cost_at);
	screen->view.cost_memory = (uint64_t)usage.ru_maxrss * 1024;
	screen->cost_at = now;
	screen->cost_ns = spent;
}

static void screen_draw(struct screen *screen)
{
	struct grid grid;

	board_walk(screen->board, WALK_PAGES);
	if (terminal_grid(&grid))
		return;
	view_draw(&screen->view, &grid);
	terminal_show(&grid);
	grid_free(&grid);
}

/* run_options.say: on the screen while there is one, and at the end where it can be read. */
static void screen_say(void *context, const char *line)
{
	struct screen *screen = context;

	if (!screen->open) {
		output_line("%s", line);
		return;
	}
	snprintf(screen->said, sizeof(screen->said), "%s", line);
	view_say(&screen->view, "%s", line);
}

static void screen_close(struct screen *screen)
{
	if (screen->open)
		terminal_close();
	screen->open = false;
	if (*screen->said)
		output_line("%s", screen->said);
}

/* What the model still knows of the page, where there is no capture to ask. */
static void story_of_events(const struct screen *screen, FILE *out, const struct model_inode *inode)
{
	const struct model *model = screen->board->model;
	struct model_event events[EVENTS_MAX];
	struct model_page page;
	size_t nr;

	model_page(model, inode, screen->view.page, &page);
	nr = model_page_events(model, inode, screen->view.page, page.resident ? page.pfn : 0, ~0ULL,
			       events, EVENTS_MAX);
	fprintf(out, "The last %zu events of page 0x%llx that are still known:\n\n", nr,
		(unsigned long long)screen->view.page);
	report_events_text(out, events, nr);
	fprintf(out, "\nA capture of gmemtrace record has all of them: gmemtrace why.\n");
}

static void story_ignore(void *context, const char *line)
{
	(void)context;
	(void)line;
}

/* Out of the capture, whatever moment is shown. */
static bool story_of_capture(const struct screen *screen, FILE *out,
			     const struct model_inode *inode)
{
	struct story_subject subject = { .about = STORY_PAGES,
					 .inode = inode->number,
					 .first = screen->view.page,
					 .last = screen->view.page };
	struct run_options options = *screen->run_options;
	struct verdict *verdict = NULL;
	struct story *story = NULL;
	struct run_result result;
	struct run *run;
	bool told;

	options.subject = &subject;
	options.say = story_ignore;
	if (run_open(&run, &options))
		return false;
	verdict = verdict_create(run_model(run), NULL);
	story = story_create(run_model(run), &subject);
	told = verdict && story && !run_source(run, verdict, &result) &&
	       !report_story_text(out, story, verdict, true);
	story_free(story);
	verdict_free(verdict);
	run_close(run);
	return told;
}

static void screen_story(struct screen *screen)
{
	const struct board_inode *entry = view_inode(&screen->view);
	char *text = NULL;
	size_t size;
	FILE *out;

	if (!entry)
		return;
	out = open_memstream(&text, &size);
	if (!out)
		return;
	if (!screen->player)
		story_of_events(screen, out, entry->inode);
	else if (!story_of_capture(screen, out, entry->inode))
		fprintf(out, "the story cannot be read out of the capture\n");
	fclose(out);
	view_tell(&screen->view, text);
}

/* player_attach: new eyes on a new model; what the old ones saw goes with them. */
static bool screen_attach(void *context, struct model *model)
{
	struct screen *screen = context;

	board_free(screen->board);
	verdict_free(screen->verdict);
	screen->verdict = verdict_create(model, NULL);
	screen->board = screen->verdict
				? board_create(model, screen->verdict, screen->options->interval)
				: NULL;
	screen->view.board = screen->board;
	return screen->board;
}

static void screen_release(struct screen *screen)
{
	board_free(screen->board);
	verdict_free(screen->verdict);
	view_free(&screen->view);
}

static uint64_t model_now(const struct screen *screen)
{
	struct model_counts counts;

	model_count(screen->board->model, &counts);
	return counts.now;
}

/* Live: run_options.tick. */
static void live_tick(void *context)
{
	struct screen *screen = context;
	uint64_t now = clock_ns();
	bool pressed = false;
	int key;

	if (screen->lost || screen->quit)
		return;
	if (!screen->open && !terminal_open()) {
		output_line("TERM=%s: no such terminal is known: --batch prints lines",
			    getenv("TERM"));
		screen->lost = true;
		run_enough(screen->run);
		return;
	}
	screen->open = true;
	while ((key = terminal_key(0)) > 0) {
		view_press(&screen->view, key);
		pressed = true;
		if (screen->view.wish == VIEW_WISH_STORY)
			screen_story(screen);
		screen->quit |= screen->view.wish == VIEW_WISH_QUIT;
	}
	screen->lost |= key < 0;
	screen->quit |= screen->options->count &&
			screen->board->ticks / BOARD_SLICES >= screen->options->count;
	if (screen->quit || screen->lost)
		run_enough(screen->run);
	else if (pressed || (!screen->view.paused && now - screen->drawn >= DRAW_NS)) {
		screen->drawn = now;
		screen->view.now = model_now(screen);
		screen_cost(screen, now);
		screen_draw(screen);
	}
}

/* What CMD prints would tear the screen: it goes nowhere. Returns standard error as it was. */
static int output_hide(void)
{
	int kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (nowhere >= 0) {
		dup2(nowhere, STDERR_FILENO);
		close(nowhere);
	}
	return kept;
}

static void output_restore(int kept)
{
	if (kept < 0)
		return;
	dup2(kept, STDERR_FILENO);
	close(kept);
}

static const char *live_name(void *context, __u32 vm)
{
	return names_find(context, vm);
}

enum gmemtrace_status screen_live(const struct run_options *given,
				  const struct screen_options *wanted)
{
	struct run_options options = *given;
	struct screen screen = { .options = wanted, .run_options = &options };
	enum gmemtrace_status status;
	struct run_result result;
	struct names names = { .nr = 0 };
	int kept = -1;

	view_init(&screen.view);
	snprintf(screen.view.title, sizeof(screen.view.title), "live");
	screen.view.vm_name = live_name;
	screen.view.context = &names;
	options.say = screen_say;
	options.tick = live_tick;
	options.context = &screen;
	/* Who presses q does not wait for pages to be read undisturbed. */
	options.settle = 0;
	options.command_aside = options.command;
	status = run_open(&screen.run, &options);
	if (status)
		return status;
	if (!screen_attach(&screen, run_model(screen.run))) {
		output_line("out of memory");
		status = GMEMTRACE_ERROR;
		goto cleanup;
	}
	if (options.command)
		kept = output_hide();
	status = run_source(screen.run, screen.verdict, &result);
	output_restore(kept);
	screen_close(&screen);
	if (!status)
		status = run_status(&result, NULL);
	if (screen.lost)
		status = run_status_worse(status, GMEMTRACE_ERROR);
cleanup:
	screen_release(&screen);
	run_close(screen.run);
	return status;
}

static void replay_feed(struct screen *screen, uint64_t until, uint64_t records)
{
	size_t violations = verdict_violations(screen->verdict);

	screen->ended = player_play(screen->player, until, records);

	if (verdict_violations(screen->verdict) > violations && !screen->view.paused) {
		screen->view.paused = true;
		view_say(&screen->view, "stopped at a violation: %s; Space goes on",
			 verdict_violation(screen->verdict, 0)->rule->name);
	}
	screen->view.now = model_now(screen);
}

static void replay_seek(struct screen *screen, uint64_t time)
{
	bool paused = screen->view.paused;

	if (time < model_now(screen) && player_rewind(screen->player)) {
		screen->quit = true;
		return;
	}
	screen->view.paused = true;
	replay_feed(screen, time, 0);
	screen->target = (double)time;
	screen->view.paused = paused;
}

/* Heartbeat by heartbeat, until something has changed. */
static void replay_step(struct screen *screen)
{
	struct model_counts before, counts;
	bool ended = false;

	model_count(screen->board->model, &before);
	counts = before;
	while (!ended && counts.requests == before.requests &&
	       counts.transitions == before.transitions && counts.flushes == before.flushes) {
		ended = player_play(screen->player, counts.now + 1, 0);
		model_count(screen->board->model, &counts);
	}
	screen->ended = ended;
	screen->view.now = counts.now;
	screen->target = (double)counts.now;
}

static void replay_press(struct screen *screen, int key)
{
	struct view *view = &screen->view;

	view_press(view, key);
	switch (view->wish) {
	case VIEW_WISH_QUIT:
		screen->quit = true;
		break;
	case VIEW_WISH_STORY:
		screen_story(screen);
		break;
	case VIEW_WISH_SEEK:
		replay_seek(screen, view->seek);
		break;
	case VIEW_WISH_STEP:
		replay_step(screen);
		break;
	default:
		break;
	}
}

/* Time goes on, as fast as it is to; what cannot be fed as fast is waited for. */
static void replay_go_on(struct screen *screen, uint64_t passed)
{
	if (screen->view.paused || screen->ended)
		return;
	screen->target += (double)passed * screen->view.speed;
	replay_feed(screen, (uint64_t)screen->target, PLAY_RECORDS);
	if (screen->view.now < (uint64_t)screen->target)
		screen->target = (double)screen->view.now + (double)STEP_NS;
}

static void replay_loop(struct screen *screen)
{
	uint64_t last = clock_ns();

	while (!screen->quit && !screen->lost && !signals_pending()) {
		int key = terminal_key(screen->view.paused || screen->ended ? 100 : 20);
		uint64_t now = clock_ns();

		screen->lost = key < 0;
		if (key > 0)
			replay_press(screen, key);
		replay_go_on(screen, now - last);
		last = now;
		if (key > 0 || now - screen->drawn >= DRAW_NS) {
			screen->drawn = now;
			screen_cost(screen, now);
			screen_draw(screen);
		}
	}
}

/* A screen as text. */
static enum gmemtrace_status replay_print(struct screen *screen)
{
	const char *keys = screen->options->keys ? screen->options->keys : "";
	struct output *output;
	struct grid grid;
	int key;

	screen->view.paused = true;
	/* Keys move in what was drawn. */
	for (;;) {
		board_walk(screen->board, ~0ULL);
		if (grid_init(&grid, screen->options->columns, screen->options->rows, true))
			return GMEMTRACE_ERROR;
		view_draw(&screen->view, &grid);
		key = view_key_take(&keys);
		if (!key || screen->quit)
			break;
		grid_free(&grid);
		replay_press(screen, key);
	}
	output = output_open("-");
	if (output)
		grid_write(&grid, output_stream(output), false);
	grid_free(&grid);
	return output ? output_close(output, 0) : GMEMTRACE_ERROR;
}

static enum gmemtrace_status replay_show(struct screen *screen)
{
	if (screen->options->columns)
		return replay_print(screen);
	if (!terminal_open()) {
		output_line("TERM=%s: no such terminal is known: --batch prints lines",
			    getenv("TERM"));
		return GMEMTRACE_ERROR;
	}
	screen->open = true;
	signals_catch();
	replay_loop(screen);
	signals_restore();
	screen_close(screen);
	return screen->lost ? GMEMTRACE_ERROR : 0;
}

/* Plays it to its end once: then the time line has all losses and violations from the start. */
static enum gmemtrace_status replay_survey(struct screen *screen)
{
	const struct verdict_violation *violation;
	size_t nr = 0;

	replay_feed(screen, ~0ULL, 0);
	for (size_t i = 0; i < screen->board->marks_nr; i++) {
		if (screen->board->marks[i].kind == BOARD_LOSS)
			screen->marks[nr++] = screen->board->marks[i];
	}
	for (size_t i = 0; (violation = verdict_violation(screen->verdict, i)) && nr < BOARD_MARKS;
	     i++)
		screen->marks[nr++] = (struct board_mark){ BOARD_VIOLATION, violation->time_last };
	screen->view.marks = screen->marks;
	screen->view.marks_nr = nr;
	screen->view.paused = false;
	*screen->view.message = '\0';
	return player_rewind(screen->player);
}

static void title_set(struct view *view, const char *path)
{
	const char *name = strrchr(path, '/');

	snprintf(view->title, sizeof(view->title), "%s", name ? name + 1 : path);
}

enum gmemtrace_status screen_replay(const struct run_options *given,
				    const struct screen_options *wanted)
{
	struct run_options options = *given;
	struct screen screen = { .options = wanted, .run_options = &options };
	enum gmemtrace_status status;

	view_init(&screen.view);
	title_set(&screen.view, options.file);
	screen.view.replay = true;
	options.say = screen_say;
	options.context = &screen;
	status = player_open(&screen.player, &options, screen_attach, &screen);
	if (status)
		goto cleanup;
	status = replay_survey(&screen);
	if (status)
		goto cleanup;
	/* What stands before the first heartbeat was not traced yet. */
	replay_feed(&screen, 1, 0);
	screen.view.first = screen.view.now;
	screen.view.last = player_last(screen.player);
	replay_seek(&screen, screen.view.first + wanted->at);
	status = replay_show(&screen);
cleanup:
	screen_release(&screen);
	player_close(screen.player);
	return status;
}
