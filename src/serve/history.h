/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What was traced, remembered in bounded memory: sealed records in compressed blocks, the oldest
 * of which go when there is no room. What a reader needs to understand those that are left, the
 * inodes that live and the facts of the run, outlives its block.
 *
 * Pure: no descriptor, no clock.
 */
#ifndef GMEMTRACE_SERVE_HISTORY_H
#define GMEMTRACE_SERVE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gmemtrace/record.h"

#define HISTORY_BLOCK_BYTES (256U << 10) /* of records in a block */
#define HISTORY_MIN (1ULL << 20)
#define HISTORY_MAX (64ULL << 30)

/* Facts that frame what a client is told of the past. */
#define HISTORY_BEGIN_FACT "history.begin" /* ns: from when on it is whole */
#define HISTORY_DROPPED_FACT "history.dropped" /* records, before that */
#define HISTORY_END_FACT "history.end" /* what follows is the present */

struct history;

/* At most @bytes, besides one block. NULL where memory is short. */
struct history *history_create(uint64_t bytes);
void history_free(struct history *history); /* may be NULL */

/* Remembers a copy. Where memory is short the oldest go, and if need be this one. */
void history_add(struct history *history, const struct record_header *record);

uint64_t history_bytes(const struct history *history); /* that it takes */
uint64_t history_dropped(const struct history *history); /* records, so far */

/* Where a reader is. Zeroed: nowhere. */
struct history_cursor {
	uint64_t block; /* counted from 1, over all that ever were; 0: nowhere */
	size_t offset; /* bytes */
	uint64_t unpacked; /* the block whose records `buffer` has; 0: none */
	uint8_t *buffer;
	size_t head; /* bytes of `heads` that were handed out */
	uint8_t *heads; /* what earlier blocks say that is still needed */
	size_t heads_bytes;
	uint64_t begin; /* ns: what comes is whole from here on */
	uint64_t missed; /* records that went before they were read */
};

/* At the block that has @since (ns), or at the oldest. 0 or -ENOMEM. */
int history_seek(const struct history *history, uint64_t since, struct history_cursor *cursor);

/*
 * The next record, valid until the next call: first inodes and facts from before, as if they were
 * met at cursor->begin, then all there is. 1; 0 at the end, where more may come; or -ENOMEM.
 */
int history_next(const struct history *history, struct history_cursor *cursor,
		 const struct record_header **record);

void history_leave(struct history_cursor *cursor);

#endif
