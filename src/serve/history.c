// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "serve/history.h"

#define LEVEL 1 /* it is packed beside the drain: speed counts */
#define HEADS_MAX (4U << 20) /* bytes of inodes and facts that are kept of what has gone */

/* Bytes that grow. */
struct bytes {
	uint8_t *data;
	size_t used, room;
};

struct block {
	struct block *next;
	uint64_t number;
	uint64_t first, last; /* ns: of its records' times */
	size_t records;
	size_t raw; /* bytes of its records */
	size_t packed; /* bytes of `data` */
	struct bytes heads; /* its inodes and facts */
	uint8_t *data;
};

struct history {
	uint64_t limit, bytes;
	uint64_t dropped;
	struct block *oldest, *newest; /* sealed ones */
	struct block open; /* its data has room for HISTORY_BLOCK_BYTES */
	struct bytes heads; /* of blocks that have gone */
	uint64_t whole_since; /* ns: the last time of what has gone */
};

static bool bytes_add(struct bytes *bytes, const void *data, size_t size)
{
	if (bytes->used + size > bytes->room) {
		size_t room = bytes->room * 2 + size;
		uint8_t *more = realloc(bytes->data, room);

		if (!more)
			return false;
		bytes->data = more;
		bytes->room = room;
	}
	if (!bytes->data)
		return false;
	memcpy(bytes->data + bytes->used, data, size);
	bytes->used += size;
	return true;
}

struct history *history_create(uint64_t bytes)
{
	struct history *history = calloc(1, sizeof(*history));

	if (!history)
		return NULL;
	history->limit = bytes;
	history->open.number = 1;
	history->open.data = malloc(HISTORY_BLOCK_BYTES);
	if (history->open.data)
		return history;
	free(history);
	return NULL;
}

static void block_free(struct block *block)
{
	free(block->heads.data);
	free(block->data);
	free(block);
}

void history_free(struct history *history)
{
	if (!history)
		return;
	while (history->oldest) {
		struct block *block = history->oldest;

		history->oldest = block->next;
		block_free(block);
	}
	free(history->open.heads.data);
	free(history->open.data);
	free(history->heads.data);
	free(history);
}

uint64_t history_bytes(const struct history *history)
{
	return history->bytes + HISTORY_BLOCK_BYTES + history->heads.room;
}

uint64_t history_dropped(const struct history *history)
{
	return history->dropped;
}

static bool is_head(const struct record_header *record)
{
	return record->kind == RECORD_INODE || record->kind == RECORD_FACT;
}

/* What is known of an inode that has gone is of no use any more. */
static void heads_forget(struct bytes *heads, uint64_t inode)
{
	size_t to = 0;

	for (size_t from = 0, size; from < heads->used; from += size) {
		const struct record_header *record = (const void *)(heads->data + from);

		size = record->size;
		if (record->kind == RECORD_INODE && record->inode == inode)
			continue;
		memmove(heads->data + to, heads->data + from, size);
		to += size;
	}
	heads->used = to;
}

static void heads_merge(struct bytes *heads, const struct bytes *more)
{
	for (size_t at = 0; at < more->used;) {
		const struct record_header *record = (const void *)(more->data + at);

		at += record->size;
		if (record->kind == RECORD_INODE)
			heads_forget(heads, record->inode);
		if (record->kind == RECORD_INODE && ((const struct record_inode *)record)->dead)
			continue;
		if (heads->used + record->size <= HEADS_MAX)
			bytes_add(heads, record, record->size);
	}
}

static void block_drop(struct history *history)
{
	struct block *block = history->oldest;

	history->oldest = block->next;
	if (!history->oldest)
		history->newest = NULL;
	heads_merge(&history->heads, &block->heads);
	history->dropped += block->records;
	history->bytes -= block->packed + block->heads.room;
	if (history->whole_since < block->last)
		history->whole_since = block->last;
	block_free(block);
}

/* The open block's records, packed. NULL: no memory. */
static struct block *block_pack(const struct block *open)
{
	struct block *block = malloc(sizeof(*block));
	size_t room = ZSTD_compressBound(open->raw), size;
	uint8_t *data = block ? malloc(room) : NULL, *less;

	size = data ? ZSTD_compress(data, room, open->data, open->raw, LEVEL) : 0;
	if (!data || ZSTD_isError(size)) {
		free(data);
		free(block);
		return NULL;
	}
	*block = *open;
	less = realloc(data, size);
	if (less)
		data = less;
	block->data = data;
	block->packed = size;
	block->next = NULL;
	return block;
}

static void open_begin(struct history *history)
{
	struct block next = { .number = history->open.number + 1, .data = history->open.data };

	history->open = next;
}

static void open_seal(struct history *history)
{
	struct block *block = block_pack(&history->open);

	if (block) {
		if (history->newest)
			history->newest->next = block;
		else
			history->oldest = block;
		history->newest = block;
		history->bytes += block->packed + block->heads.room;
	} else {
		/* Nowhere to keep it: it is gone, and what is older is no longer whole either. */
		while (history->oldest)
			block_drop(history);
		heads_merge(&history->heads, &history->open.heads);
		free(history->open.heads.data);
		history->dropped += history->open.records;
		history->whole_since = history->open.last;
	}
	open_begin(history);
	while (history->oldest && history->bytes > history->limit)
		block_drop(history);
}

void history_add(struct history *history, const struct record_header *record)
{
	struct block *open = &history->open;

	if (open->raw + record->size > HISTORY_BLOCK_BYTES)
		open_seal(history);
	memcpy(open->data + open->raw, record, record->size);
	open->raw += record->size;
	open->records++;
	if (open->records == 1 || record->time < open->first)
		open->first = record->time;
	if (record->time > open->last)
		open->last = record->time;
	if (is_head(record))
		bytes_add(&open->heads, record, record->size);
}

static const struct block *block_find(const struct history *history, uint64_t number)
{
	const struct block *block = history->oldest;

	if (number == history->open.number)
		return &history->open;
	while (block && block->number < number)
		block = block->next;
	return block && block->number == number ? block : NULL;
}

int history_seek(const struct history *history, uint64_t since, struct history_cursor *cursor)
{
	const struct block *block = history->oldest ? history->oldest : &history->open;
	struct bytes heads = { .data = NULL };

	*cursor = (struct history_cursor){ .begin = history->whole_since };
	heads_merge(&heads, &history->heads);
	while (block != &history->open && block->last < since) {
		heads_merge(&heads, &block->heads);
		cursor->begin = block->last;
		block = block->next ? block->next : &history->open;
	}
	if (!cursor->begin)
		cursor->begin = block->first;
	cursor->block = block->number;
	cursor->heads = heads.data;
	cursor->heads_bytes = heads.used;
	cursor->buffer = malloc(HISTORY_BLOCK_BYTES);
	if (cursor->buffer)
		return 0;
	history_leave(cursor);
	return -ENOMEM;
}

void history_leave(struct history_cursor *cursor)
{
	free(cursor->heads);
	free(cursor->buffer);
	*cursor = (struct history_cursor){ .block = 0 };
}

/* What was met before is met where the history begins, and was there already. */
static const struct record_header *head_next(struct history_cursor *cursor)
{
	struct record_header *record = (struct record_header *)(cursor->heads + cursor->head);

	cursor->head += record->size;
	record->time = cursor->begin;
	if (record->kind == RECORD_INODE)
		((struct record_inode *)record)->before_attach = 1;
	return record;
}

/* The cursor's block; where it has gone, the oldest that is left. */
static const struct block *cursor_block(const struct history *history,
					struct history_cursor *cursor)
{
	const struct block *block = block_find(history, cursor->block);

	if (block)
		return block;
	block = history->oldest ? history->oldest : &history->open;
	cursor->missed++;
	cursor->block = block->number;
	cursor->offset = 0;
	return block;
}

/* Its records, as they were. NULL: they cannot be had. */
static const uint8_t *block_records(const struct history *history, const struct block *block,
				    struct history_cursor *cursor)
{
	size_t size;

	if (block == &history->open)
		return block->data;
	if (cursor->unpacked == block->number)
		return cursor->buffer;
	size = ZSTD_decompress(cursor->buffer, HISTORY_BLOCK_BYTES, block->data, block->packed);
	if (ZSTD_isError(size) || size != block->raw)
		return NULL;
	cursor->unpacked = block->number;
	return cursor->buffer;
}

int history_next(const struct history *history, struct history_cursor *cursor,
		 const struct record_header **record)
{
	const struct block *block;
	const uint8_t *records;

	if (cursor->head < cursor->heads_bytes) {
		*record = head_next(cursor);
		return 1;
	}
	block = cursor_block(history, cursor);
	while (block != &history->open && cursor->offset == block->raw) {
		block = block->next ? block->next : &history->open;
		cursor->block = block->number;
		cursor->offset = 0;
	}
	if (cursor->offset == block->raw)
		return 0;
	records = block_records(history, block, cursor);
	if (!records)
		return -ENOMEM;
	*record = (const struct record_header *)(records + cursor->offset);
	cursor->offset += (*record)->size;
	return 1;
}
