// SPDX-License-Identifier: GPL-2.0
/* Reading format 2: blocks of packed records, each checked before anything in it is believed. */
#include <errno.h>
#include <string.h>
#include <zlib.h>
#include "capture/blocks.h"

static int damaged(struct capture_reader *reader, const char *what)
{
	reader->ended = true;
	return reader_fail(reader, -EBADMSG, "the capture is damaged at block %llu: %s",
			   (unsigned long long)reader->blocks, what);
}

int blocks_fill(struct capture_reader *reader, struct capture_block *block, const char **wrong)
{
	int error = reader_fill(reader, sizeof(*block));

	*wrong = NULL;
	if (error)
		return error;
	if (reader->end - reader->start < sizeof(*block))
		return 0;
	memcpy(block, reader->buffer + reader->start, sizeof(*block));
	*wrong = block_header_wrong(block);
	/* An index is of blocks that are there. */
	if (!*wrong && block->kind == CAPTURE_BLOCK_INDEX && block->packed > reader_at(reader))
		*wrong = "an index is longer than what it is of";
	if (*wrong)
		return 0;
	error = reader_fill(reader, block->size);
	if (error)
		return error;
	if (reader->end - reader->start < block->size)
		return 0;
	*wrong = block_wrong(block, reader->buffer + reader->start);
	return !*wrong;
}

/* Everything that the header counts was there, the index is next, and nothing behind it. */
static int blocks_end_whole(struct capture_reader *reader)
{
	const struct capture_header *header = &reader->info.header;
	bool placed = reader_at(reader) == header->index;
	int error;

	reader->start += reader->block.size;
	error = reader_fill(reader, 1);
	if (error)
		return error;
	reader->ended = true;
	if (reader->info.incomplete) {
		/* Its writer was ended between the index and the header. */
		reader->info.cut = reader->end != reader->start;
		return 0;
	}
	if (reader->end != reader->start)
		return damaged(reader, "data behind its end");
	if (!placed || reader->next != header->records ||
	    (!reader->sought &&
	     (reader->info.records != header->records || reader->info.bytes != header->bytes ||
	      reader->checksum != header->checksum)))
		return damaged(reader, "blocks are missing, or not in their order");
	return 0;
}

static int block_open(struct capture_reader *reader)
{
	const struct capture_block *block = &reader->block;
	const __u8 *payload =
		block_payload(block, reader->buffer + reader->start, &reader->payload);
	int error;

	if (!payload)
		return damaged(reader, "it does not decompress");
	if (block->before != reader->next)
		return damaged(reader, "it is not the one that comes next");
	error = unpack_begin(&reader->unpack, payload, block->packed, block->records,
			     block->time_first);
	if (error == -EBADMSG)
		return damaged(reader, "what is packed makes no sense");
	if (error)
		return reader_fail(reader, error, "out of memory");
	/* A plain payload lies in the buffer, where it stays until the next block is wanted. */
	reader->start += block->size;
	reader->block_bytes = block->bytes;
	reader->blocks++;
	reader->next += block->records;
	reader->checksum = (__u32)crc32(reader->checksum, (const Bytef *)&block->checksum,
					sizeof(block->checksum));
	return 1;
}

/* The next block with records. 1, 0 at the end, or -errno. */
static int block_next(struct capture_reader *reader)
{
	const char *wrong;
	int got;

	do {
		got = blocks_fill(reader, &reader->block, &wrong);
		if (got < 0)
			return got;
		if (!got)
			return reader_end(reader, wrong);
		if (reader->block.kind == CAPTURE_BLOCK_INDEX)
			return blocks_end_whole(reader);
		if (reader->block.kind != CAPTURE_BLOCK_RECORDS)
			return damaged(reader, "its kind is not known");
		got = block_open(reader);
	} while (got > 0 && !reader->unpack.left);
	return got;
}

int blocks_turn(struct capture_reader *reader)
{
	if (reader->block_bytes || !unpack_over(&reader->unpack))
		return damaged(reader, "records are missing in it");
	return block_next(reader);
}

bool blocks_refuse(struct capture_reader *reader, const struct record_header *record)
{
	if (!record || record->size > reader->block_bytes)
		return damaged(reader, "what is packed makes no sense") != 0;
	if (record->kind == RECORD_FACT && !record_fact_key((const struct record_fact *)record))
		return damaged(reader, "a fact's lengths make no sense") != 0;
	return false;
}
