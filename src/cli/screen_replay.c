// SPDX-License-Identifier: GPL-2.0
/* A capture on a terminal: played, sought, gone back in. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/screen_inner.h"
#include "cli/terminal.h"
#include "run/command.h"
#include "run/keyframes.h"
#include "run/player.h"

#define STEP_NS 100000000ULL /* heartbeats */
#define PLAY_RECORDS 400000 /* fed at once, while keys wait */
#define STORY_MAX (256U << 10) /* of a text that is handed on */
#define SPACING_LEAST 4096 /* records from keyframe to keyframe */
#define SPACING_UNKNOWN 65536 /* where nobody knows how many there are */
#define KEYFRAMES_WANTED 24

/* What goes from one process of a replay to the next. */
struct handed {
	struct view view;
	struct board_mark marks[BOARD_MARKS]; /* of the whole capture */
	char story[STORY_MAX];
	bool damaged; /* as a whole: who begins in the middle may not find it */
	const char *keys; /* that are still to be pressed; a text of everybody's */
};

/* At most @records are fed; 0: no limit. */
static void replay_feed(struct screen *screen, uint64_t until, uint64_t records)
{
	size_t violations = verdict_violations(screen->verdict);

	screen->ended = player_play(screen->player, until, records);
	if (verdict_violations(screen->verdict) > violations && !screen->view.paused) {
		screen->view.paused = true;
		view_say(&screen->view, "stopped at a violation: %s; Space goes on",
			 verdict_violation(screen->verdict, 0)->rule->name);
	}
	screen->view.now = screen_now(screen);
}

/* Another process goes on from a keyframe, with the same view of it. */
static _Noreturn void replay_leave(struct screen *screen, uint64_t time)
{
	struct handed *handed = screen->handed;
	struct view *view = &screen->view;

	handed->view = *view;
	*handed->story = '\0';
	if (view->story && strlen(view->story) < sizeof(handed->story))
		strcpy(handed->story, view->story);
	else if (view->screen == VIEW_STORY)
		handed->view.screen = view->back;
	keyframes_leave(screen->keyframes, time);
}

/* As the view wishes: to the last moment before @time, or the first behind it. */
static void replay_reach(struct screen *screen, uint64_t time)
{
	if (screen->view.seek_before)
		screen->ended = player_play_before(screen->player, time);
	else
		screen->ended = player_play(screen->player, time, 0);
	screen->view.now = screen_now(screen);
	screen->target = (double)screen->view.now;
}

static void replay_seek(struct screen *screen, uint64_t time)
{
	if (keyframes_nearer(screen->keyframes, screen->view.now, time))
		replay_leave(screen, time);
	replay_reach(screen, time);
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
		ended = player_play(screen->player, counts.now + (counts.now != ~0ULL), 0);
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
	case VIEW_WISH_VERDICT:
		screen_tell(screen);
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

static bool replay_ends(void *context)
{
	const struct screen *screen = context;

	return signals_pending() || keyframes_end_wished(screen->keyframes);
}

static void replay_loop(struct screen *screen)
{
	uint64_t last = screen_clock();

	while (!screen->quit && !screen->lost && !replay_ends(screen)) {
		int key = terminal_key(screen->view.paused || screen->ended ? 100 : 20);
		uint64_t now = screen_clock();

		screen->lost = key < 0;
		if (key > 0)
			replay_press(screen, key);
		replay_go_on(screen, now - last);
		last = now;
		if (key > 0 || now - screen->drawn >= SCREEN_DRAW_NS) {
			screen->drawn = now;
			screen_cost(screen, now);
			screen_draw(screen);
		}
	}
}

/* A screen as text. */
static enum gmemtrace_status replay_print(struct screen *screen)
{
	struct output *output;
	struct grid grid;
	int key;

	/* Keys move in what was drawn. */
	for (;;) {
		board_walk(screen->board, ~0ULL, true);
		if (grid_init(&grid, screen->options->columns, screen->options->rows, true))
			return GMEMTRACE_ERROR;
		view_draw(&screen->view, &grid);
		key = view_key_take(&screen->handed->keys);
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
	terminal_ends(replay_ends, screen);
	signals_catch();
	replay_loop(screen);
	signals_restore();
	screen_close(screen);
	return screen->lost ? GMEMTRACE_ERROR : 0;
}

/* The name may be long; that the end is missing is said all the same. */
static void title_set(struct view *view, const char *path, const char *wrong)
{
	const char *name = strrchr(path, '/');

	snprintf(view->title, sizeof(view->title), "%s%s", wrong, name ? name + 1 : path);
}

/* "(cut) ", or nothing where it is whole. What is the matter with it is told of. */
static const char *survey_wrong(struct screen *screen)
{
	static const char *const words[] = {
		[PLAYER_WHOLE] = "",
		[PLAYER_CUT] = "(cut) ",
		[PLAYER_DAMAGED] = "(damaged) ",
		[PLAYER_IN_PART] = "(in part) ",
	};
	const char *message;
	enum player_wrong wrong = player_wrong(screen->player, &message);

	if (wrong == PLAYER_IN_PART)
		output_line("%s: %s", screen->run_options->file, message);
	else if (wrong && *message)
		output_line("%s", message);
	screen->handed->damaged = wrong == PLAYER_DAMAGED;
	if (wrong > PLAYER_CUT)
		screen->failure = GMEMTRACE_ERROR;
	return words[wrong];
}

/* The time line has all losses and violations from the start. */
static void survey_end(struct screen *screen)
{
	struct view *view = &screen->handed->view;
	const struct verdict_violation *violation;
	size_t nr = 0;

	for (size_t i = 0; i < screen->board->marks_nr; i++) {
		if (screen->board->marks[i].kind == BOARD_LOSS)
			screen->handed->marks[nr++] = screen->board->marks[i];
	}
	for (size_t i = 0; (violation = verdict_violation(screen->verdict, i)) && nr < BOARD_MARKS;
	     i++)
		screen->handed->marks[nr++] =
			(struct board_mark){ BOARD_VIOLATION, violation->time_last };
	*view = screen->view;
	title_set(view, screen->run_options->file, survey_wrong(screen));
	view->marks = screen->handed->marks;
	view->marks_nr = nr;
	view->first = screen->view.first;
	view->last = player_last(screen->player);
	screen->handed->keys = screen->options->keys ? screen->options->keys : "";
}

/* Plays it to its end once, and keeps what it was like on the way there. */
static enum keyframes_role replay_survey(struct screen *screen)
{
	enum keyframes_role role = keyframes_take(screen->keyframes, 0, 0);
	struct model_counts counts;
	bool ended;

	if (role != KEYFRAMES_KEEPER)
		return role;
	/* What stands before the first heartbeat was not traced yet. */
	ended = player_play(screen->player, 1, 0);
	screen->view.first = screen_now(screen);
	while (!ended) {
		ended = player_play(screen->player, ~0ULL, keyframes_spacing(screen->keyframes));
		model_count(screen->board->model, &counts);
		if (!ended && keyframes_take(screen->keyframes, counts.now, counts.memory) ==
				      KEYFRAMES_WORKER)
			return KEYFRAMES_WORKER;
	}
	survey_end(screen);
	return KEYFRAMES_KEEPER;
}

/* In a process of its own: from a keyframe to where somebody wants to be, and on. */
static enum gmemtrace_status replay_work(struct screen *screen)
{
	struct handed *handed = screen->handed;
	uint64_t wanted = keyframes_wanted(screen->keyframes);
	int error = player_reopen(screen->player);

	if (error) {
		output_line("%s: cannot be read again: %s", screen->run_options->file,
			    strerror(-error));
		return GMEMTRACE_ERROR;
	}
	if (handed->damaged)
		player_mark_damaged(screen->player);
	screen->view = handed->view;
	screen->view.board = screen->board;
	screen->view.story = *handed->story ? strdup(handed->story) : NULL;
	screen->view.wish = VIEW_WISH_NOTHING;
	screen->view.paused |= screen->options->columns != 0;
	replay_reach(screen, wanted);
	return replay_show(screen);
}

/* A quarter of what may be had: the workers and whatever else runs want theirs. bytes */
static uint64_t keyframes_memory(void)
{
	long pages = sysconf(_SC_AVPHYS_PAGES), size = sysconf(_SC_PAGESIZE);

	return pages > 0 && size > 0 ? (uint64_t)pages / 4 * (uint64_t)size : 0;
}

static uint64_t keyframes_distance(uint64_t records)
{
	uint64_t distance = records ? records / KEYFRAMES_WANTED + 1 : SPACING_UNKNOWN;

	return distance < SPACING_LEAST ? SPACING_LEAST : distance;
}

/* While others work: it keeps the terminal as it was, whatever becomes of them. */
static enum gmemtrace_status replay_keep(struct screen *screen)
{
	bool shown = !screen->options->columns;
	int status;

	if (shown) {
		terminal_keep();
		signals_catch();
	}
	status =
		keyframes_work(screen->keyframes, screen->handed->view.first + screen->options->at);
	if (shown) {
		signals_restore();
		terminal_restore(status < 0);
	}
	if (status >= 0)
		return run_status_worse((enum gmemtrace_status)status, screen->failure);
	output_line("the replay was killed, or memory is too short for it");
	return GMEMTRACE_ERROR;
}

static enum gmemtrace_status replay_run(struct screen *screen)
{
	screen->keyframes = keyframes_create(sizeof(struct handed),
					     keyframes_distance(player_records(screen->player)),
					     keyframes_memory());
	if (!screen->keyframes || !screen_attach(screen, player_model(screen->player))) {
		output_line("out of memory");
		return GMEMTRACE_ERROR;
	}
	player_judge(screen->player, screen->verdict);
	screen->handed = keyframes_handed(screen->keyframes);
	switch (replay_survey(screen)) {
	case KEYFRAMES_WORKER:
		keyframes_exit((int)replay_work(screen));
	case KEYFRAMES_KEEPER:
		return replay_keep(screen);
	default:
		output_line("no process can be made: %s", strerror(errno));
		return GMEMTRACE_ERROR;
	}
}

enum gmemtrace_status screen_replay(const struct run_options *given,
				    const struct screen_options *wanted)
{
	struct run_options options = *given;
	struct screen screen = { .options = wanted, .run_options = &options };
	enum gmemtrace_status status;

	view_init(&screen.view);
	screen.view.replay = true;
	options.say = screen_say;
	options.context = &screen;
	status = player_open(&screen.player, &options);
	if (!status)
		status = replay_run(&screen);
	keyframes_free(screen.keyframes);
	screen_release(&screen);
	player_close(screen.player);
	return status;
}
