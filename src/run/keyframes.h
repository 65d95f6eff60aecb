/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Moments of a replay to come back to. A model does not go back, but a process keeps what it was
 * when it was forked, and costs only the memory that changed since: each keyframe is a process
 * that sleeps. Whoever plays the capture for the first time, the keeper, takes them and then waits;
 * one worker at a time, forked from a keyframe, goes on from there, until it ends or wishes to be at
 * a moment that another keyframe is nearer to.
 *
 *	keyframes_take() == KEYFRAMES_WORKER: this is a worker now, as the keeper was then
 *	keyframes_leave(): the worker ends, for another one
 *
 * All times are the model's, ns. One thread; a worker inherits descriptors with their offsets, and
 * no other thread: what has either it opens anew.
 */
#ifndef GMEMTRACE_RUN_KEYFRAMES_H
#define GMEMTRACE_RUN_KEYFRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYFRAMES_MAX 64

struct keyframes;

enum keyframes_role {
	KEYFRAMES_NONE = -1, /* no process, no memory: there is none of this moment */
	KEYFRAMES_KEEPER = 0,
	KEYFRAMES_WORKER = 1,
};

/*
 * @handed bytes go from a worker to the next one. A keyframe is due after every @spacing records;
 * when there are too many, or they may take more than @memory bytes, every second one is given up
 * and the spacing doubles. NULL where memory is short.
 */
struct keyframes *keyframes_create(size_t handed, uint64_t spacing, uint64_t memory);

/* The keeper's, which ends all processes. May be NULL. */
void keyframes_free(struct keyframes *keyframes);

/* Records from one keyframe to the next. */
uint64_t keyframes_spacing(const struct keyframes *keyframes);

/* Of now, when the model takes @memory bytes; @time 0: of the begin, which is never given up. */
enum keyframes_role keyframes_take(struct keyframes *keyframes, uint64_t time, uint64_t memory);

/* What is handed on, zero at first, at the same address in all processes. */
void *keyframes_handed(struct keyframes *keyframes);

/*
 * The keeper's: a worker begins before @time, and others follow. Returns the exit status of the
 * last one; negative: it was killed, or there was no memory for it.
 */
int keyframes_work(struct keyframes *keyframes, uint64_t time);

/* The keeper has caught a signal: the worker is to end. */
bool keyframes_end_wished(const struct keyframes *keyframes);

/* Whether who is at @now is sooner at @time by way of another worker. */
bool keyframes_nearer(const struct keyframes *keyframes, uint64_t now, uint64_t time);

/* Where this worker is to be, as somebody wished. */
uint64_t keyframes_wanted(const struct keyframes *keyframes);

/* A worker's end. */
_Noreturn void keyframes_leave(struct keyframes *keyframes, uint64_t time);
_Noreturn void keyframes_exit(int status);

#endif
