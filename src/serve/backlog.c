// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "serve/backlog.h"

struct backlog_block {
	struct backlog_block *next;
	size_t begin, end; /* of what waits in it */
	char data[BACKLOG_BLOCK_BYTES - sizeof(void *) - 2 * sizeof(size_t)];
};

_Static_assert(sizeof(struct backlog_block) == BACKLOG_BLOCK_BYTES, "a block is what it says");

#define BLOCK_DATA sizeof(((struct backlog_block *)NULL)->data)

static size_t tail_room(const struct backlog *backlog)
{
	return backlog->tail ? BLOCK_DATA - backlog->tail->end : 0;
}

size_t backlog_blocks_for(const struct backlog *backlog, size_t size)
{
	size_t room = tail_room(backlog);

	return size <= room ? 0 : (size - room + BLOCK_DATA - 1) / BLOCK_DATA;
}

static bool block_add(struct backlog *backlog, struct backlog_block **chain)
{
	struct backlog_block *block = malloc(sizeof(*block));

	if (!block)
		return false;
	block->next = *chain;
	block->begin = 0;
	block->end = 0;
	*chain = block;
	backlog->blocks++;
	return true;
}

static void chain_free(struct backlog *backlog, struct backlog_block *chain)
{
	while (chain) {
		struct backlog_block *next = chain->next;

		free(chain);
		backlog->blocks--;
		chain = next;
	}
}

/* Blocks first, so that a record is never cut where memory ends. */
static bool blocks_add(struct backlog *backlog, size_t nr)
{
	struct backlog_block *chain = NULL;

	for (size_t i = 0; i < nr; i++) {
		if (block_add(backlog, &chain))
			continue;
		chain_free(backlog, chain);
		return false;
	}
	if (backlog->tail)
		backlog->tail->next = chain;
	else
		backlog->head = backlog->tail = chain;
	return true;
}

bool backlog_append(struct backlog *backlog, const void *data, size_t size)
{
	const char *from = data;

	if (!size)
		return true;
	if (size <= tail_room(backlog)) {
		memcpy(backlog->tail->data + backlog->tail->end, data, size);
		backlog->tail->end += size;
		backlog->bytes += size;
		return true;
	}
	if (!blocks_add(backlog, backlog_blocks_for(backlog, size)))
		return false;
	backlog->bytes += size;
	while (size && backlog->tail) {
		struct backlog_block *tail = backlog->tail;
		size_t part = BLOCK_DATA - tail->end < size ? BLOCK_DATA - tail->end : size;

		memcpy(tail->data + tail->end, from, part);
		tail->end += part;
		from += part;
		size -= part;
		if (size)
			backlog->tail = tail->next;
	}
	return true;
}

size_t backlog_next(const struct backlog *backlog, const void **data)
{
	const struct backlog_block *head = backlog->head;

	if (!head)
		return 0;
	*data = head->data + head->begin;
	return head->end - head->begin;
}

void backlog_consume(struct backlog *backlog, size_t bytes)
{
	struct backlog_block *head = backlog->head;

	if (!head)
		return;
	head->begin += bytes;
	backlog->bytes -= bytes;
	if (head->begin < head->end)
		return;
	/* The last block is kept: who reads as fast as we write needs no other. */
	if (head == backlog->tail) {
		head->begin = 0;
		head->end = 0;
		return;
	}
	backlog->head = head->next;
	free(head);
	backlog->blocks--;
}

void backlog_clear(struct backlog *backlog)
{
	chain_free(backlog, backlog->head);
	memset(backlog, 0, sizeof(*backlog));
}
