/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Clients as the server sees them: who they are, what waits for them, what they
 * have missed, what they ask for, and how much of everything they may have.
 *
 * Pure: descriptors are only kept here, times are handed in. All times are
 * CLOCK_MONOTONIC nanoseconds.
 */
#ifndef GMEMTRACE_SERVE_PEER_H
#define GMEMTRACE_SERVE_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "gmemtrace/record.h"
#include "serve/backlog.h"
#include "serve/history.h"
#include "serve/lane.h"
#include "serve/reads.h"

#define PEERS_MAX 256
#define PEERS_DEFAULT 64
#define PEERS_RESERVED 4 /* root's and the daemon's own user's, beside all others */
#define PEERS_BACKLOG_DEFAULT (128ULL << 20)
#define PEER_BACKLOG_OWN (256ULL << 10)
#define PEER_SILENT_NS (30ULL * 1000000000) /* of reading nothing: the client is given up */
#define PEER_ENDING_NS (5ULL * 1000000000) /* the same, for its last records */
#define PEER_OWNER_SILENT_NS (60ULL * 1000000000) /* the same, for the owner's own client */
#define PEER_SNAPSHOTS 16 /* chunks under way at a time: one of ours, and the release routine's */

struct peers_limits {
	uint32_t clients; /* 1 .. PEERS_MAX - PEERS_RESERVED; 0: PEERS_DEFAULT */
	uint64_t backlog; /* bytes of all clients together; 0: PEERS_BACKLOG_DEFAULT */
	uint64_t own; /* bytes that each may leave unread whatever others do; 0: PEER_BACKLOG_OWN */
};

/* A chunk whose pieces have all been queued so far. */
struct peer_snapshot {
	uint64_t inode, snapshot, first;
	uint32_t pass;
	bool used;
};

struct peer {
	uint64_t id; /* counted from 1; 0: free */
	int descriptor;
	pid_t pid; /* as the kernel tells it, when it connected */
	uid_t uid;
	bool owner; /* the sensors exist for this client alone: nothing is ever dropped for it */
	bool dead; /* to be closed */
	bool ended; /* RECORD_END is queued: nothing follows */
	bool announce; /* inodes or facts were among what was dropped */
	struct backlog backlog;
	struct lane
		lane; /* the owner's client's: its records go by it, and wait in the backlog where it is full */
	size_t unrung; /* bytes in the lane that the client was not woken for */
	uint64_t progress; /* ns: it read something, or had nothing to read */
	uint64_t watermark; /* ns: what comes, and what was dropped, is not older */
	uint64_t time; /* ns: of the latest record queued */
	uint64_t dropped; /* records, since the last gap that was told */
	uint64_t gap_since, gap_until; /* ns: of those */
	size_t resume; /* a gap goes on until so few bytes wait */
	uint64_t
		stop; /* ns: END goes behind the heartbeat that knows all until then; 0: not asked */
	struct peer_snapshot snapshots[PEER_SNAPSHOTS];
	struct reads_queue reads;
	struct history_cursor past; /* it is being told of the past: nothing else, so far */
	bool past_told; /* what it asked for is on its way, or was told */
};

struct peers {
	struct peers_limits limits;
	uid_t uid; /* the daemon's own */
	uint64_t ids; /* given */
	uint64_t watermark; /* ns: of the last heartbeat */
	size_t used; /* one more than the last place that is taken */
	size_t turn; /* whose read is next */
	struct reads reads;
	struct peer list[PEERS_MAX];
};

/* @limits is copied, 0 in it is the default. */
void peers_init(struct peers *peers, const struct peers_limits *limits, uid_t uid);

/*
 * A client more. NULL, and one line in @message, where it would be one too
 * many. It owns @descriptor only if it is not NULL.
 */
struct peer *peers_admit(struct peers *peers, int descriptor, pid_t pid, uid_t uid, uint64_t now,
			 char *message, size_t size);

/* Forgets @peer and what waits for it; its descriptor is the caller's again. */
void peers_drop(struct peers *peers, struct peer *peer);

/* Queues bytes that are no record (the hello), whatever the limits. */
void peer_hello(struct peer *peer, const void *data, size_t size);

/*
 * Queues a record. Where there is no room it is dropped, and so is what follows
 * until some has been read; a RECORD_LOSS then tells of the gap before the next
 * one. The gap begins where the last heartbeat that got through was certain, as
 * records come in the order of draining and not of time.
 */
void peer_record(struct peers *peers, struct peer *peer, const struct record_header *record);

/*
 * Hands a change, or what a release's snapshot saw, to the only client there is, by a lane that has
 * room: nearly all records go this way. false: it is not so, and nothing was done.
 */
bool peers_record_passes(struct peers *peers, const struct record_header *record);

/* The same for all that @record concerns: the answer to a read goes to who asked. */
void peers_record(struct peers *peers, const struct record_header *record);

/* Queues RECORD_END, behind a gap that is still open. */
void peer_end(struct peer *peer);

/* Takes what the client has sent. false: it makes no sense, the client is to be closed. */
bool peer_input(struct peer *peer, const void *data, size_t bytes, uint64_t now);

/* @bytes of what waited were sent. */
void peer_sent(struct peer *peer, size_t bytes, uint64_t now);

/* Whether the client has let too much time pass without reading. */
bool peer_overdue(const struct peers *peers, const struct peer *peer, uint64_t now);

/* Whether more would have to be dropped, were it not the owner's client that is asked for. */
bool peer_full(const struct peers *peers, const struct peer *peer);

/* The next chunk to read, of whose turn it is. NULL: none. Gives up what is overdue. */
struct reads_flight *peers_next_read(struct peers *peers, uint64_t now);

/* The sensors refused the chunk with -errno @error. */
void peers_read_failed(struct peers *peers, struct reads_flight *flight, int error, uint64_t now);

/* Whether peers_next_read() would have one, now or when an answer has come. */
bool peers_reads_wait(const struct peers *peers);

/* Bytes of memory that the backlogs take. */
uint64_t peers_backlog(const struct peers *peers);

#endif
