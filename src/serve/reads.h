/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What clients ask for. Bytes become commands, commands become chunks to read,
 * one at a time and in turn, so that nobody's wish holds up anybody else.
 *
 * Pure: no descriptor, no clock, no sensor is touched here.
 */
#ifndef GMEMTRACE_SERVE_READS_H
#define GMEMTRACE_SERVE_READS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define READS_WAITING 64 /* of one client: asked for and not answered; more is not taken in */
#define READS_FLYING 64 /* chunks of all clients that the sensors have not answered */
#define READS_ANSWER_NS 2000000000ULL /* an answer that has not come by then never will */
/*
 * Numbers that we give to reads; those of the release routine are times, and
 * below. A client's own number is put back on its way out (peer.h).
 */
#define READS_NUMBER (1ULL << 63)

enum server_command_kind {
	SERVER_COMMAND_SNAPSHOT = 1,
	SERVER_COMMAND_STOP = 2,
	SERVER_COMMAND_HISTORY = 3, /* what is remembered since `first` (ns), and then what comes */
	SERVER_COMMAND_LEAVE_OUT =
		4, /* `inode`, from now on; `first` 0: no longer. A daemon's client may not */
	SERVER_COMMAND_SUMS =
		5, /* it wants RECORD_SUMMARY and what tells of the stream, no events */
};

/* From a client, as it travels. 40 bytes. */
struct server_command {
	uint32_t kind; /* enum server_command_kind */
	uint32_t pass;
	uint64_t inode;
	uint64_t first; /* pgoff, a multiple of 64 */
	uint64_t nr; /* pages, at least 1; first + nr is at most MODEL_PGOFF_MAX */
	uint64_t snapshot; /* the client's own number, not 0: the answer carries it */
};

/* Whether a client wants nothing of an inode. */
struct reads_choice {
	uint64_t inode;
	bool out;
};

#define READS_CHOICES READS_WAITING

/* A range that a client wants to have read. */
struct reads_range {
	uint64_t inode;
	uint64_t first, nr; /* pages */
	uint64_t snapshot; /* the client's */
	uint32_t pass;
};

/* One client's. Zeroed: none. */
struct reads_queue {
	char partial[sizeof(struct server_command)]; /* a command that has not come whole */
	size_t partial_bytes;
	struct reads_range ranges[READS_WAITING]; /* a ring */
	size_t head, nr;
	size_t flying;
	struct reads_choice choices[READS_CHOICES]; /* to be taken before more is taken in */
	size_t choices_nr;
	bool sums; /* SUMS has come */
	bool past; /* HISTORY has come, once */
	uint64_t since; /* ns: what it asks for */
	bool stop; /* STOP has come: nothing is taken in any more, what waits is left out */
};

/* A chunk that was handed to the sensors. */
struct reads_flight {
	uint64_t number; /* READS_NUMBER and above; 0: free */
	uint64_t client; /* struct peer's id */
	uint64_t sent; /* ns */
	struct reads_range range; /* of the chunk */
	uint64_t rest; /* pages behind it that are wanted as well */
};

struct reads {
	uint64_t last; /* chunks handed to the sensors so far */
	struct reads_flight flights[READS_FLYING];
};

/* How many bytes may be taken in now; 0: enough is waiting. */
size_t reads_room(const struct reads_queue *queue);

/*
 * Takes in @bytes of @data, at most reads_room(). 0, or -EPROTO: what came is no command that
 * makes sense, the client is not worth listening to.
 */
int reads_input(struct reads_queue *queue, const void *data, size_t bytes);

/* Takes the next chunk off @queue. NULL: nothing waits, or enough is flying. */
struct reads_flight *reads_start(struct reads *reads, struct reads_queue *queue, uint64_t client,
				 uint64_t now);

/* The chunk numbered @number, or NULL: over, or given up. */
struct reads_flight *reads_find(struct reads *reads, uint64_t number);

/*
 * The chunk has been answered: the inode has @pages pages, and what is wanted beyond the chunk
 * goes back to @queue (NULL: its client has gone).
 */
void reads_done(struct reads_flight *flight, struct reads_queue *queue, uint64_t pages);

/* Whether @flight's answer is overdue. */
bool reads_overdue(const struct reads_flight *flight, uint64_t now);

#endif
