// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include "capture/block.h"

#define COMPRESS_LEVEL 1 /* level 9 takes a twentieth off, and ten times as long */
/* The checksum begins behind itself. */
#define CHECKED_FROM offsetof(struct capture_block, size)

static bool out_room(struct pack_buffer *out, size_t size)
{
	__u8 *more;

	if (out->room - out->used >= size)
		return true;
	more = realloc(out->data, out->used + size);
	if (!more)
		return false;
	out->data = more;
	out->room = out->used + size;
	return true;
}

static size_t inodes_size(const struct capture_block *block)
{
	return block->inodes == CAPTURE_INODES_MANY ? 0 : block->inodes * sizeof(__u32);
}

/* How many bytes of records a block of @size bytes may hold. */
static __u64 ratio_limit(__u64 size)
{
	return size * BLOCK_RATIO + BLOCK_RATIO_BASE;
}

/* Bytes of @packed when compressed to @to, or 0 where it is better left as it is. */
static size_t compressed(const struct capture_block *block, const struct pack_buffer *packed,
			 __u8 *to, size_t room)
{
	size_t size = ZSTD_compress(to, room, packed->data, packed->used, COMPRESS_LEVEL);

	if (ZSTD_isError(size) || size >= packed->used || block->bytes > ratio_limit(size))
		return 0;
	return size;
}

int block_store(struct capture_block *block, const __u32 *inodes, const struct pack_buffer *packed,
		struct pack_buffer *out)
{
	size_t inodes_bytes = inodes_size(block), begin = out->used, size;
	size_t room = ZSTD_compressBound(packed->used) + BLOCK_ALIGN;
	__u8 *payload;

	if (!out_room(out, sizeof(*block) + inodes_bytes + room))
		return -ENOMEM;
	payload = out->data + begin + sizeof(*block) + inodes_bytes;
	if (inodes_bytes)
		memcpy(payload - inodes_bytes, inodes, inodes_bytes);
	size = compressed(block, packed, payload, room);
	block->method = size ? CAPTURE_METHOD_ZSTD : CAPTURE_METHOD_PLAIN;
	if (!size) {
		size = packed->used;
		if (size)
			memcpy(payload, packed->data, size);
	}
	block->magic = CAPTURE_BLOCK_MAGIC;
	/* The next block begins where its numbers are aligned. */
	while ((inodes_bytes + size) % BLOCK_ALIGN)
		payload[size++] = 0;
	block->packed = (__u32)packed->used;
	block->size = (__u32)(sizeof(*block) + inodes_bytes + size);
	memcpy(out->data + begin, block, sizeof(*block));
	block->checksum = (__u32)crc32(0, out->data + begin + CHECKED_FROM,
				       (uInt)(block->size - CHECKED_FROM));
	memcpy(out->data + begin, block, sizeof(*block));
	out->used += block->size;
	return 0;
}

const char *block_header_wrong(const struct capture_block *block)
{
	__u64 inodes = block->inodes == CAPTURE_INODES_MANY ? 0 : block->inodes;
	bool index = block->kind == CAPTURE_BLOCK_INDEX;

	if (block->magic != CAPTURE_BLOCK_MAGIC)
		return "no block begins where one should";
	if (inodes > CAPTURE_BLOCK_INODES_MAX ||
	    block->size < sizeof(*block) + inodes * sizeof(__u32) || block->size % BLOCK_ALIGN ||
	    block->size > (index ? BLOCK_INDEX_MAX : BLOCK_SIZE_MAX) ||
	    block->packed > (index ? BLOCK_INDEX_MAX : BLOCK_PACKED_MAX) ||
	    block->bytes > CAPTURE_BLOCK_BYTES_MAX || block->bytes > ratio_limit(block->size))
		return "a block's sizes make no sense";
	return NULL;
}

const char *block_wrong(const struct capture_block *block, const __u8 *bytes)
{
	__u32 checksum = (__u32)crc32(0, bytes + CHECKED_FROM, (uInt)(block->size - CHECKED_FROM));

	return checksum == block->checksum ? NULL : "a block's checksum does not match";
}

void block_room_free(struct block_room *room)
{
	ZSTD_freeDCtx(room->context);
	free(room->buffer.data);
	*room = (struct block_room){ .context = NULL };
}

/* Room for @size bytes, and what decompresses. */
static bool room_made(struct block_room *room, size_t size)
{
	if (!room->context)
		room->context = ZSTD_createDCtx();
	return room->context && out_room(&room->buffer, size);
}

const __u8 *block_payload(const struct capture_block *block, const __u8 *bytes,
			  struct block_room *room)
{
	struct pack_buffer *buffer = &room->buffer;
	const __u8 *payload = bytes + sizeof(*block) + inodes_size(block);
	size_t stored = (size_t)(bytes + block->size - payload);
	size_t size;

	if (block->method == CAPTURE_METHOD_PLAIN)
		return stored - block->packed < BLOCK_ALIGN ? payload : NULL;
	buffer->used = 0;
	if (block->method != CAPTURE_METHOD_ZSTD || !room_made(room, block->packed + 1UL))
		return NULL;
	/* The zeroes behind it belong to no frame. */
	size = ZSTD_findFrameCompressedSize(payload, stored);
	if (ZSTD_isError(size) || size > stored)
		return NULL;
	size = ZSTD_decompressDCtx(room->context, buffer->data, block->packed + 1UL, payload, size);
	return size == block->packed ? buffer->data : NULL;
}
