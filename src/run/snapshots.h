/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which reads of living inodes to ask for, and when: at the start of inodes
 * that were there before, every interval, at the end, and what the model wants
 * to be read again. A command waits for its answer, so that a slow kernel is
 * not flooded; at most SNAPSHOTS_FLYING are on their way.
 */
#ifndef GMEMTRACE_RUN_SNAPSHOTS_H
#define GMEMTRACE_RUN_SNAPSHOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gmemtrace/model.h"
#include "serve/client.h"

#define SNAPSHOTS_FLYING 32

struct snapshots_inode {
	uint64_t number;
	uint64_t pages;
	uint64_t started; /* ns: the last snapshot's begin, or when the inode was met */
	uint64_t snapshot; /* the one under way, 0 none */
	uint64_t next; /* pgoff: first of its next chunk */
	bool flying; /* a chunk is on its way */
	bool wanted; /* at once, not at the interval's end */
};

/* A read that was asked for and has not come back. */
struct snapshots_read {
	uint64_t snapshot; /* 0: free */
	uint64_t inode;
	uint64_t first, nr; /* pages */
	uint64_t sent; /* ns */
	uint32_t pass;
	uint32_t tries;
	bool reread; /* the model asked for it */
};

struct snapshots {
	uint64_t interval; /* ns, 0: never */
	uint64_t last; /* the last snapshot's number */
	struct snapshots_inode *inodes;
	size_t inodes_nr, inodes_room;
	uint32_t *places; /* open addressing by number: index above + 1, 0: free */
	size_t places_nr; /* a power of two; 0: none yet */
	size_t places_used; /* those of inodes that have gone among them */
	size_t turn; /* whose is next: of many each is read once before any is read again */
	struct snapshots_read reads[SNAPSHOTS_FLYING];
};

void snapshots_init(struct snapshots *snapshots, uint64_t interval);
void snapshots_destroy(struct snapshots *snapshots);

/* Takes notice of a record that is handed on. 0 or -ENOMEM. @now: ns, CLOCK_MONOTONIC. */
int snapshots_note(struct snapshots *snapshots, const struct record_header *record, uint64_t now);

/* Asks for what is due. 0, or -EPIPE where the sensors' owner has gone. */
int snapshots_ask(struct snapshots *snapshots, struct sensor_client *client, struct model *model,
		  uint64_t now);

/* Every living inode is to be read once more, from its start. */
void snapshots_want_all(struct snapshots *snapshots);

/* Whether reads are wanted or on their way. */
bool snapshots_pending(const struct snapshots *snapshots);

/* Of how many inodes something is still to be read, and in @pages how much. */
size_t snapshots_left(const struct snapshots *snapshots, uint64_t *pages);

#endif
