/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GMEMTRACE_CAPTURE_BLOCKS_H
#define GMEMTRACE_CAPTURE_BLOCKS_H

#include <errno.h>

#include "capture/input.h"

/* Goes on to the next block that has records: 1, 0 at the end, or -errno. */
int blocks_turn(struct capture_reader *reader);
/* True, and said, where the record cannot be one; NULL stands for none at all. */
bool blocks_refuse(struct capture_reader *reader, const struct record_header *record);

/*
 * Has a whole block in the buffer, checked. 1; 0 where none is left, with @wrong
 * what is the matter with the bytes that are, or NULL; or -errno.
 */
int blocks_fill(struct capture_reader *reader, struct capture_block *block, const char **wrong);

/* The next record of a format of blocks, of any kind: 1, 0 at the end, or -errno. */
static inline int blocks_next(struct capture_reader *reader, const struct record_header **result)
{
	const struct record_header *record;

	if (!reader->unpack.left) {
		int got = blocks_turn(reader);

		if (got <= 0)
			return got;
	}
	record = unpack_next(&reader->unpack);
	if (!record) {
		blocks_refuse(reader, NULL);
		return -EBADMSG;
	}
	if ((record->size > reader->block_bytes || record->kind == RECORD_FACT) &&
	    blocks_refuse(reader, record))
		return -EBADMSG;
	reader->block_bytes -= record->size;
	*result = record;
	return 1;
}

#endif
