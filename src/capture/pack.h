/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Records, packed: of each record only what could not be foretold.
 *
 * A record is a row of 32-bit lanes. Records of one kind and size begin as a
 * copy of the one before them; each lane that ever changes has a stream of its
 * own, a number a record: the lane less its foretelling, modulo 2^32, as a
 * zigzag LEB128. What foretells a lane is chosen for each block by what costs
 * least: its own last value, an earlier lane of the same record (a flush's
 * bounds are its zap's page), or the time of the record before, of any kind.
 * No kind is known here, so that none can be forgotten.
 *
 * Packed, in this order:
 *   struct pack_head
 *   for each kind: struct pack_kind, the first record of it (not where it is
 *                  raw), for each lane that changes a struct pack_lane
 *   for each record: a byte, which kind
 *   for each kind: its lanes' streams; where it is raw, its records as they are
 */
#ifndef GMEMTRACE_CAPTURE_PACK_H
#define GMEMTRACE_CAPTURE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include "gmemtrace/record.h"

#define PACK_KINDS_MAX 64
#define PACK_SOURCE_TIME 0xfffe /* low half of the time of the record before; + 1: high half */

struct pack_head {
	__u32 kinds;
};

struct pack_kind {
	__u16 kind;
	__u16 size; /* bytes of every record; 0: raw, records of their own sizes */
	__u32 lanes; /* that change; raw: bytes of all records */
};

struct pack_lane {
	__u16 lane;
	__u16 source; /* a lane not behind this one, or PACK_SOURCE_TIME */
	__u32 bytes; /* of its stream */
};

/* Bytes that grow as they are added. */
struct pack_buffer {
	__u8 *data;
	size_t used, room;
	bool failed; /* out of memory */
};

/* Appends @size bytes to @buffer. */
void pack_bytes(struct pack_buffer *buffer, const void *data, size_t size);

/*
 * Appends @nr records, which stand one behind the other, to @packed, whose
 * failed flag says where that went wrong. @time: ns, what foretells the first.
 */
void pack_records(const __u8 *records, __u32 nr, __u64 time, struct pack_buffer *packed);

typedef __u32 __attribute__((may_alias)) pack_word;

struct unpack_lane {
	__u16 lane, source; /* as in struct pack_lane */
	bool late; /* the records before must have been taken: its number stands in its place */
	__u32 value; /* the last, where it foretells itself */
	const __u8 *at, *end; /* what is left of its stream */
	__u32 bytes; /* of it */
};

/* Several records of a kind are made in one go, lane by lane. */
struct unpack_kind {
	struct pack_kind head;
	struct unpack_lane *lanes;
	const __u64 *first; /* what those lanes that never change are like */
	__u64 *records; /* made, and not taken yet */
	__u32 row, rows, rows_max; /* of them */
	size_t at_row; /* where the next one is, 8 bytes each */
	__u32 late; /* lanes, of which the first is [late_first] */
	__u32 late_first;
	bool uneven; /* streams end at different records */
	const __u8 *at, *end; /* raw */
};

struct unpack {
	struct unpack_kind kinds[PACK_KINDS_MAX];
	__u32 kinds_nr;
	__u32 left; /* records */
	const __u8 *order;
	pack_word time[2] __attribute__((aligned(8)));
	struct unpack_lane *lanes;
	size_t lanes_room;
	__u64 *records; /* of all kinds: the first, and those made */
	size_t records_room; /* words */
	__u64 *raw; /* a raw record, aligned */
};

/*
 * Begins to read @nr records out of @size bytes, which stay the caller's and
 * must outlive it. 0, -ENOMEM, or -EBADMSG where they make no sense.
 */
int unpack_begin(struct unpack *unpack, const __u8 *packed, size_t size, __u32 nr, __u64 time);

/* The same where it is raw, has late lanes, or is the first of several that are made. */
const struct record_header *unpack_make(struct unpack *unpack, struct unpack_kind *kind);

/* The next record, valid until the next call; NULL where the rest makes no sense. */
static inline const struct record_header *unpack_next(struct unpack *unpack)
{
	const struct record_header *record;
	struct unpack_kind *kind;

	if (!unpack->left || *unpack->order >= unpack->kinds_nr)
		return NULL;
	kind = &unpack->kinds[*unpack->order];
	if (kind->row == kind->rows || kind->late) {
		record = unpack_make(unpack, kind);
		if (!record)
			return NULL;
	} else {
		record = (const struct record_header *)(kind->records + kind->at_row);
		kind->at_row += kind->head.size / 8U;
		kind->row++;
	}
	unpack->order++;
	unpack->left--;
	memcpy(unpack->time, &record->time, sizeof(unpack->time));
	return record;
}

/* Whether all was taken, and nothing is left over. */
bool unpack_over(const struct unpack *unpack);

void unpack_free(struct unpack *unpack);

#endif
