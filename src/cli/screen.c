// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "model/plural.h"
#include "cli/output.h"
#include "cli/screen_inner.h"
#include "cli/terminal.h"
#include "gmemtrace/report.h"
#include "run/command.h"
#include "run/names.h"

#define SECOND 1000000000ULL
#define WALK_PAGES 4000 /* looked at for one drawing */
#define EVENTS_MAX 64
#define SAID_MAX 512

uint64_t screen_clock(void)
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
void screen_cost(struct screen *screen, uint64_t now)
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

void screen_draw(struct screen *screen)
{
	struct grid grid;

	board_walk(screen->board, WALK_PAGES, screen->view.paused || screen->ended);
	if (terminal_grid(&grid))
		return;
	view_draw(&screen->view, &grid);
	terminal_show(&grid);
	grid_free(&grid);
}

/* run_options.say: on the screen while there is one, and at the end where it can be read. */
void screen_say(void *context, const char *line)
{
	struct screen *screen = context;

	if (!screen->open) {
		output_line("%s", line);
		return;
	}
	snprintf(screen->said, sizeof(screen->said), "%s", line);
	view_say(&screen->view, "%s", line);
}

void screen_close(struct screen *screen)
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
	if (nr)
		fprintf(out, "The last %zu event%s of page 0x%llx that %s still known:\n\n", nr,
			plural(nr), (unsigned long long)screen->view.page,
			plural_of(nr, "is", "are"));
	else
		fprintf(out, "No event of page 0x%llx is known.\n",
			(unsigned long long)screen->view.page);
	report_events_text(out, events, nr);
	fprintf(out, "\nA capture of gmemtrace record has all of them: gmemtrace why.\n");
}

/* What there is to say of the capture, behind its story. */
static void story_say(void *context, const char *line)
{
	snprintf(context, SAID_MAX, "%s", line);
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
	char said[SAID_MAX] = "";
	struct run *run;
	bool told;

	options.subject = &subject;
	options.say = story_say;
	options.context = said;
	if (run_open(&run, &options))
		return false;
	verdict = verdict_create(run_model(run), NULL);
	story = story_create(run_model(run), &subject);
	told = verdict && story && !run_source(run, verdict, &result) &&
	       !report_story_text(out, story, verdict, true);
	if (told && *said)
		fprintf(out, "\n%s\n", said);
	story_free(story);
	verdict_free(verdict);
	run_close(run);
	return told;
}

static void story_write(struct screen *screen, FILE *out)
{
	const struct board_inode *entry = view_inode(&screen->view);

	if (!entry)
		fprintf(out, "no inode is selected\n");
	else if (!screen->player)
		story_of_events(screen, out, entry->inode);
	else if (!story_of_capture(screen, out, entry->inode))
		fprintf(out, "the story cannot be read out of the capture\n");
}

void screen_tell(struct screen *screen)
{
	enum view_wish wish = screen->view.wish;
	char *text = NULL;
	size_t size;
	FILE *out;

	if (wish != VIEW_WISH_STORY && wish != VIEW_WISH_VERDICT)
		return;
	out = open_memstream(&text, &size);
	if (!out)
		return;
	if (wish == VIEW_WISH_STORY)
		story_write(screen, out);
	else
		report_verdict(out, screen->verdict, report_format_find("text"), false);
	fclose(out);
	view_tell(&screen->view, text);
}

bool screen_attach(struct screen *screen, struct model *model)
{
	const struct options_pages *pages = screen->options->pages;
	const struct verdict_options options = options_verdict(pages);

	screen->verdict = verdict_create(model, &options);
	if (pages->given)
		model_narrow(model, pages->first, pages->last);
	screen->board = screen->verdict
				? board_create(model, screen->verdict, screen->options->interval)
				: NULL;
	screen->view.board = screen->board;
	return screen->board;
}

void screen_release(struct screen *screen)
{
	board_free(screen->board);
	verdict_free(screen->verdict);
	view_free(&screen->view);
}

uint64_t screen_now(const struct screen *screen)
{
	struct model_counts counts;

	model_count(screen->board->model, &counts);
	return counts.now;
}

static bool live_ends(void *context)
{
	(void)context;
	return signals_pending();
}

/* Live: run_options.tick. */
static void live_tick(void *context)
{
	struct screen *screen = context;
	uint64_t now = screen_clock();
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
	if (!screen->open)
		terminal_ends(live_ends, NULL);
	screen->open = true;
	while ((key = terminal_key(0)) > 0) {
		view_press(&screen->view, key);
		pressed = true;
		screen_tell(screen);
		screen->quit |= screen->view.wish == VIEW_WISH_QUIT;
	}
	screen->lost |= key < 0;
	screen->quit |= screen->options->count &&
			screen->board->ticks / BOARD_SLICES >= screen->options->count;
	if (screen->quit || screen->lost)
		run_enough(screen->run);
	else if (pressed || (!screen->view.paused && now - screen->drawn >= SCREEN_DRAW_NS)) {
		screen->drawn = now;
		screen->view.now = screen_now(screen);
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
