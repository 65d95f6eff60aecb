/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A capture that is played: fed up to a moment, further, or from its begin again, as a model does
 * not go back. Who watches the model is asked to watch the new one then.
 */
#ifndef GMEMTRACE_RUN_PLAYER_H
#define GMEMTRACE_RUN_PLAYER_H

#include "gmemtrace/run.h"

struct player;

/* What is done with every new model, before anything is fed to it; false: memory is short. */
typedef bool (*player_attach)(void *context, struct model *model);

/* 0 and @player, or an exit status: it was said. A pipe cannot be played. */
enum gmemtrace_status player_open(struct player **player, const struct run_options *options,
				  player_attach attach, void *context);
void player_close(struct player *player);

/* ns: of the capture's records; of one that was never finished, of what its blocks say. */
__u64 player_first(const struct player *player);
__u64 player_last(const struct player *player);

/*
 * Feeds until the model's time is @time or later, or the end, which finishes the model: true.
 * At most @records are fed (0: no limit), so that keys are heard in between.
 */
bool player_play(struct player *player, __u64 time, __u64 records);

/* From the begin on, with a new model. 0, or an exit status: it was said. */
enum gmemtrace_status player_rewind(struct player *player);

struct model *player_model(struct player *player);

#endif
