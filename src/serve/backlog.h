/* SPDX-License-Identifier: GPL-2.0 */
/* Bytes that wait until a client reads them: a queue of blocks, none of which is ever moved. */
#ifndef GMEMTRACE_SERVE_BACKLOG_H
#define GMEMTRACE_SERVE_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>

#define BACKLOG_BLOCK_BYTES (64U << 10) /* what a block takes of memory, its head included */

struct backlog_block;

struct backlog {
	struct backlog_block *head, *tail;
	size_t blocks;
	size_t bytes; /* waiting */
};

/* Blocks that have to be added for @size more bytes. */
size_t backlog_blocks_for(const struct backlog *backlog, size_t size);

/* Takes a copy of all of @data, or nothing: false where memory is short. */
bool backlog_append(struct backlog *backlog, const void *data, size_t size);

/* The bytes that go next, as many as lie together; 0: none. */
size_t backlog_next(const struct backlog *backlog, const void **data);

/* @bytes of them, at most what backlog_next() returned, have gone. */
void backlog_consume(struct backlog *backlog, size_t bytes);

void backlog_clear(struct backlog *backlog);

#endif
