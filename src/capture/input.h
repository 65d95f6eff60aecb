/* SPDX-License-Identifier: GPL-2.0 */
/* A capture that is being read: its bytes, and what all of its readers share. */
#ifndef GMEMTRACE_CAPTURE_INPUT_H
#define GMEMTRACE_CAPTURE_INPUT_H

#include "capture/block.h"

/* Has room for a record of any kind. */
union record_any {
	struct record_header header;
#define RECORD_MEMBER(kind, id, type, bytes, ...) __u8 kind##_bytes[bytes];
	RECORD_KINDS(RECORD_MEMBER)
#undef RECORD_MEMBER
};

struct capture_reader {
	int fd; /* -1: memory */
	const __u8 *memory;
	size_t memory_size;
	__u64 offset; /* of the next byte to read into the buffer */
	size_t start, end; /* what the buffer holds */
	size_t summed; /* format 1: up to here it is in the checksum */
	bool eof;
	bool ended; /* nothing more will be given out */
	bool sought; /* only a part is read: its totals are nobody's */
	__u64 next; /* records that the blocks before the next one have, where there are blocks */
	int error;
	__u32 checksum;
	__u8 *buffer;
	size_t room;
	struct capture_block block; /* the one at hand */
	__u32 block_bytes; /* of its records, not read yet */
	__u64 blocks; /* read so far */
	struct block_room payload;
	struct unpack unpack;
	struct capture_place *places; /* of all blocks, once they were asked for */
	size_t places_nr, places_room;
	bool placed; /* they were */
	char *path;
	struct capture_info info;
	char message[512];
	union record_any extended; /* one of an older version, with zeroes behind it */
};

__attribute__((format(printf, 3, 4))) int reader_fail(struct capture_reader *reader, int error,
						      const char *format, ...);

/* Tries to have @need bytes in the buffer; fewer are there only at the end of the file. */
int reader_fill(struct capture_reader *reader, size_t need);

/* Reads on from @offset. 0 or -errno, -ESPIPE where that cannot be. */
int reader_move(struct capture_reader *reader, __u64 offset);

/* Where the next byte of the buffer stands in the file. */
__u64 reader_at(const struct capture_reader *reader);

/* No whole record or block is left where the next one should begin; @what is wrong with it. */
int reader_end(struct capture_reader *reader, const char *what);

/* Takes what was read of a format-1 capture into its checksum: in great pieces, as it is dear. */
void stream_sum(struct capture_reader *reader);

#endif
