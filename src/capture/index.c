// SPDX-License-Identifier: GPL-2.0
/* The blocks of a capture: from its index, or by reading them all. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "capture/blocks.h"
#include "capture/index.h"

static void places_clear(struct capture_reader *reader)
{
	for (size_t i = 0; reader->places && i < reader->places_nr; i++)
		free((__u32 *)reader->places[i].inodes);
	free(reader->places);
	reader->places = NULL;
	reader->places_nr = reader->places_room = 0;
}

void index_free(struct capture_reader *reader)
{
	places_clear(reader);
}

/* A copy of the block's inodes; NULL where there are too many, or memory is short. */
static __u32 *inodes_copy(const struct capture_block *block, const __u8 *numbers)
{
	__u32 *inodes;

	if (block->inodes == CAPTURE_INODES_MANY)
		return NULL;
	inodes = malloc(block->inodes * sizeof(*inodes) + 1);
	if (inodes)
		memcpy(inodes, numbers, block->inodes * sizeof(*inodes));
	return inodes;
}

static int place_add(struct capture_reader *reader, const struct capture_block *block,
		     const __u8 *numbers, __u64 offset)
{
	struct capture_place place = { .offset = offset, .block = *block };

	if (reader->places_nr == reader->places_room) {
		size_t room = reader->places_room ? reader->places_room * 2 : 64;
		void *more = realloc(reader->places, room * sizeof(*reader->places));

		if (!more)
			return -ENOMEM;
		reader->places = more;
		reader->places_room = room;
	}
	place.inodes = inodes_copy(block, numbers);
	if (!place.inodes && block->inodes != CAPTURE_INODES_MANY)
		return -ENOMEM;
	reader->places[reader->places_nr++] = place;
	return 0;
}

/* The index is the blocks' headers and inodes, one behind the other, as the blocks are. */
static int index_take(struct capture_reader *reader, const __u8 *index, size_t size)
{
	__u64 offset = reader->info.header.header_size, records = 0;

	while (size) {
		struct capture_block block;
		size_t inodes;
		int error;

		if (size < sizeof(block))
			return -EBADMSG;
		memcpy(&block, index, sizeof(block));
		inodes = block.inodes == CAPTURE_INODES_MANY ? 0 : block.inodes * sizeof(__u32);
		if (block_header_wrong(&block) || block.kind != CAPTURE_BLOCK_RECORDS ||
		    block.before != records || size - sizeof(block) < inodes)
			return -EBADMSG;
		error = place_add(reader, &block, index + sizeof(block), offset);
		if (error)
			return error;
		index += sizeof(block) + inodes;
		size -= sizeof(block) + inodes;
		offset += block.size;
		records += block.records;
	}
	if (offset != reader->info.header.index || records != reader->info.header.records)
		return -EBADMSG;
	return 0;
}

static int index_read(struct capture_reader *reader)
{
	struct capture_block block = { 0 };
	const __u8 *payload;
	const char *wrong;
	int got;

	if (reader->info.incomplete || !reader->info.header.index)
		return -EBADMSG;
	got = reader_move(reader, reader->info.header.index);
	if (!got)
		got = blocks_fill(reader, &block, &wrong);
	if (got < 0)
		return got;
	if (!got || block.kind != CAPTURE_BLOCK_INDEX)
		return -EBADMSG;
	payload = block_payload(&block, reader->buffer + reader->start, &reader->payload);
	return payload ? index_take(reader, payload, block.packed) : -EBADMSG;
}

/* Without an index: what is whole, one block behind the other, up to where one is not the next. */
static int index_rebuild(struct capture_reader *reader)
{
	int got = reader_move(reader, reader->info.header.header_size);
	__u64 records = 0;

	while (!got) {
		struct capture_block block;
		const char *wrong;

		got = blocks_fill(reader, &block, &wrong);
		if (got < 0)
			return got;
		if (!got || block.kind != CAPTURE_BLOCK_RECORDS || block.before != records)
			return 0;
		records += block.records;
		got = place_add(reader, &block,
				reader->buffer + reader->start + sizeof(struct capture_block),
				reader_at(reader));
		reader->start += block.size;
	}
	return got;
}

/* Reading goes on where it was: the block at hand, if any, was taken out of the buffer. */
static int index_make(struct capture_reader *reader)
{
	int error = index_read(reader);

	if (error != -EBADMSG)
		return error;
	places_clear(reader);
	return index_rebuild(reader);
}

long capture_blocks(struct capture_reader *reader)
{
	int error;

	if (reader->info.header.version < 2)
		return -EOPNOTSUPP;
	/* Of a capture that is cut early there may be none. */
	if (reader->placed)
		return (long)reader->places_nr;
	error = index_make(reader);
	if (error) {
		places_clear(reader);
		return error;
	}
	reader->placed = true;
	/* What was read of the file before is no longer at hand. */
	error = capture_seek(reader, 0);
	return error ? error : (long)reader->places_nr;
}

const struct capture_place *capture_place(const struct capture_reader *reader, size_t block)
{
	return block < reader->places_nr ? &reader->places[block] : NULL;
}

bool capture_place_has(const struct capture_place *place, __u32 inode)
{
	size_t low = 0, high = place->block.inodes;

	if (!place->inodes)
		return true;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (place->inodes[middle] == inode)
			return true;
		if (place->inodes[middle] < inode)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

int capture_seek(struct capture_reader *reader, size_t block)
{
	__u64 offset = reader->info.header.header_size, next = 0;
	const struct capture_place *place;
	int error;

	if (!reader->placed) {
		long blocks = capture_blocks(reader);

		if (blocks < 0)
			return (int)blocks;
	}
	if (reader->places_nr) {
		/* Behind the last one the next would be. */
		bool behind = block >= reader->places_nr;

		place = &reader->places[behind ? reader->places_nr - 1 : block];
		offset = place->offset + (behind ? place->block.size : 0);
		next = place->block.before + (behind ? place->block.records : 0);
	}
	error = reader_move(reader, offset);
	if (error)
		return error;
	reader->sought = true;
	reader->next = next;
	reader->ended = false;
	reader->error = 0;
	reader->unpack.left = 0;
	reader->unpack.kinds_nr = 0;
	reader->block_bytes = 0;
	reader->blocks = block;
	return 0;
}

int capture_seek_time(struct capture_reader *reader, __u64 time)
{
	long blocks = capture_blocks(reader);
	size_t block = 0;

	if (blocks < 0)
		return (int)blocks;
	/* Spans overlap a little, as records stand nearly in order: no bisection. */
	for (; block < (size_t)blocks; block++) {
		if (capture_place(reader, block)->block.time_last >= time)
			break;
	}
	return capture_seek(reader, block);
}
