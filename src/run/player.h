/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A capture that is played: fed up to a moment, or further. A model does not go back: see
 * run/keyframes.h.
 */
#ifndef GMEMTRACE_RUN_PLAYER_H
#define GMEMTRACE_RUN_PLAYER_H

#include "gmemtrace/run.h"

struct player;

/* 0 and @player, or an exit status: it was said. */
enum gmemtrace_status player_open(struct player **player, const struct run_options *options);
/* May be NULL. */
void player_close(struct player *player);

/* ns: of the capture's last record; of one that was never finished, of what its blocks say. */
__u64 player_last(const struct player *player);

/* How many records it has, as its header says; 0: it was never finished. */
__u64 player_records(const struct player *player);

/* What is found not to be whole marks @verdict, which may be NULL. */
void player_judge(struct player *player, struct verdict *verdict);

/* What is the matter with a capture that was played to its end. */
enum player_wrong {
	PLAYER_WHOLE = 0,
	PLAYER_CUT, /* its end is missing: its writer was killed, or the file is cut */
	PLAYER_DAMAGED, /* what stands behind that was not read */
	PLAYER_IN_PART, /* memory was short for the rest */
};

/* @message: one line to print; empty where there is nothing more to say. */
enum player_wrong player_wrong(const struct player *player, const char **message);

/* It is known to be, as a whole: its verdict is marked, also where who begins in the middle does not find it. */
void player_mark_damaged(struct player *player);

/*
 * Feeds until the model's time is @time or later, or the end, which finishes the model: true.
 * ~0 is the end, whatever time a damaged capture says it is.
 * At most @records are fed (0: no limit), so that keys are heard in between. Up to a moment the
 * same records are fed, in however many parts.
 */
bool player_play(struct player *player, __u64 time, __u64 records);

/* The same up to the last moment before @time, or at it, that the model has. */
bool player_play_before(struct player *player, __u64 time);

/*
 * In a process that was forked: the file is opened anew, where it was. A descriptor's offset is the
 * parent's, too, and a pipe cannot be read twice: -errno.
 */
int player_reopen(struct player *player);

struct model *player_model(struct player *player);

#endif
