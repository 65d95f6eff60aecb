// SPDX-License-Identifier: GPL-2.0
/* Reading format 1: records one behind the other, and one checksum for all of them. */
#include <errno.h>
#include "capture/stream.h"

/* All records of a finished capture were read. */
static int stream_end_whole(struct capture_reader *reader)
{
	const struct capture_info *info = &reader->info;

	reader->ended = true;
	stream_sum(reader);
	if (info->records != info->header.records || reader->checksum != info->header.checksum)
		return reader_fail(reader, -EBADMSG,
				   "the capture is damaged: its checksum does not match");
	return 0;
}

int stream_next(struct capture_reader *reader, const struct record_header **result)
{
	const struct capture_info *info = &reader->info;
	const struct record_header *record;
	int error;

	if (!info->incomplete && info->bytes == info->header.bytes)
		return stream_end_whole(reader);
	error = reader_fill(reader, sizeof(*record));
	if (error)
		return error;
	if (reader->end - reader->start < sizeof(*record))
		return reader_end(reader, NULL);
	record = (const struct record_header *)(reader->buffer + reader->start);
	if (record->size < sizeof(*record) || record->size % 8)
		return reader_end(reader, "a record's size makes no sense");
	error = reader_fill(reader, record->size);
	if (error)
		return error;
	record = (const struct record_header *)(reader->buffer + reader->start);
	if (reader->end - reader->start < record->size)
		return reader_end(reader, NULL);
	if (!info->incomplete && info->header.bytes - info->bytes < record->size)
		return reader_end(reader, "it ends behind the capture's end");
	if (record->kind == RECORD_FACT && !record_fact_key((const struct record_fact *)record))
		return reader_end(reader, "a fact's lengths make no sense");
	reader->start += record->size;
	*result = record;
	return 1;
}
