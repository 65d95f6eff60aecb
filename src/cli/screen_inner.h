/* SPDX-License-Identifier: GPL-2.0 */
/* What a live screen and a replay share. */
#ifndef GMEMTRACE_CLI_SCREEN_INNER_H
#define GMEMTRACE_CLI_SCREEN_INNER_H

#include "cli/screen.h"
#include "view/view.h"

#define SCREEN_DRAW_NS 100000000ULL /* from one drawing to the next */

struct handed;
struct keyframes;
struct player;

struct screen {
	struct view view;
	const struct screen_options *options;
	const struct run_options *run_options;
	struct run *run; /* live */
	struct player *player; /* replay */
	struct keyframes *keyframes; /* replay */
	struct handed *handed; /* replay */
	struct verdict *verdict;
	struct board *board;
	enum gmemtrace_status failure; /* of the capture itself, whatever is shown of it */
	bool open; /* the terminal is ours */
	bool lost; /* it was, and is gone */
	bool quit;
	bool ended; /* the capture is */
	double target; /* ns: where the replay is to be; the model goes on in steps */
	uint64_t drawn; /* ns, CLOCK_MONOTONIC */
	uint64_t cost_at, cost_ns; /* of the last look at what we cost */
	char said[512]; /* the last line, for when the terminal is given back */
};

/* ns, CLOCK_MONOTONIC */
uint64_t screen_clock(void);

/* New eyes on a new model. false: memory is short. */
bool screen_attach(struct screen *screen, struct model *model);
void screen_release(struct screen *screen);

/* ns: the model's time. */
uint64_t screen_now(const struct screen *screen);

/* run_options.say: on the screen while there is one, and at the end where it can be read. */
void screen_say(void *context, const char *line);

/* The selected page's story, or the verdict so far, where the view wishes for it. */
void screen_tell(struct screen *screen);

/* What gmemtrace itself takes, once a second. */
void screen_cost(struct screen *screen, uint64_t now);
void screen_draw(struct screen *screen);
void screen_close(struct screen *screen);

#endif
