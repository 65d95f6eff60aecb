/* SPDX-License-Identifier: GPL-2.0 */
/* A block of a capture, as bytes. */
#ifndef GMEMTRACE_CAPTURE_BLOCK_H
#define GMEMTRACE_CAPTURE_BLOCK_H

#include "capture/pack.h"
#include "gmemtrace/capture.h"

/* Bytes of a payload before it is compressed: room for a block that nothing foretells. */
#define BLOCK_PACKED_MAX (2 * CAPTURE_BLOCK_BYTES_MAX)
#define BLOCK_SIZE_MAX                                                                             \
	(sizeof(struct capture_block) + 4 * CAPTURE_BLOCK_INODES_MAX + BLOCK_PACKED_MAX)
/* Bytes of an index, whose blocks may be many. */
#define BLOCK_INDEX_MAX (1U << 30)
#define BLOCK_ALIGN 8 /* bytes that a block's size is a multiple of */
/* A block holds at most so many bytes of records for each of its own, and this many more. */
#define BLOCK_RATIO 256
#define BLOCK_RATIO_BASE 65536

/*
 * Makes @block whole: payload @packed, stored by what takes least. @inodes:
 * block->inodes of them. Everything is appended to @out. 0 or -ENOMEM.
 */
int block_store(struct capture_block *block, const __u32 *inodes, const struct pack_buffer *packed,
		struct pack_buffer *out);

/* NULL, or what is wrong with a header that no checksum has confirmed yet. */
const char *block_header_wrong(const struct capture_block *block);

/* The same for @bytes, block->size of them; only then anything in them is believed. */
const char *block_wrong(const struct capture_block *block, const __u8 *bytes);

/* Where payloads are decompressed to, and with what: kept from block to block. Begins as zeroes. */
struct block_room {
	struct pack_buffer buffer;
	struct ZSTD_DCtx_s *context;
};

void block_room_free(struct block_room *room);

/*
 * The payload: @bytes' own, or decompressed into @room, which grows.
 * NULL where that does not come to what the header says, or memory is short.
 */
const __u8 *block_payload(const struct capture_block *block, const __u8 *bytes,
			  struct block_room *room);

#endif
