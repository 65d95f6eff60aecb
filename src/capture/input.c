// SPDX-License-Identifier: GPL-2.0
/*
 * The bytes of a capture, and how reading them fails. The file may be anybody's:
 * no length in it is believed before it was compared with what is there.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include "capture/input.h"

#define READER_BUFFER_SIZE (1024 * 1024) /* to begin with */

int reader_fail(struct capture_reader *reader, int error, const char *format, ...)
{
	int used = snprintf(reader->message, sizeof(reader->message), "%s: ", reader->path);
	va_list list;

	if (used < 0 || (size_t)used >= sizeof(reader->message))
		used = 0;
	va_start(list, format);
	vsnprintf(reader->message + used, sizeof(reader->message) - (size_t)used, format, list);
	va_end(list);
	reader->error = error;
	return error;
}

static ssize_t source_read(struct capture_reader *reader, void *data, size_t size)
{
	ssize_t bytes;

	if (reader->fd < 0) {
		size_t left = reader->memory_size - (size_t)reader->offset;

		if (size > left)
			size = left;
		if (size)
			memcpy(data, reader->memory + reader->offset, size);
		return (ssize_t)size;
	}
	do {
		bytes = read(reader->fd, data, size);
	} while (bytes < 0 && errno == EINTR);
	return bytes < 0 ? -errno : bytes;
}

__u64 reader_at(const struct capture_reader *reader)
{
	return reader->offset - (reader->end - reader->start);
}

static int buffer_enlarge(struct capture_reader *reader, size_t need)
{
	__u8 *buffer = realloc(reader->buffer, need);

	if (!buffer)
		return reader_fail(reader, -ENOMEM, "out of memory");
	reader->buffer = buffer;
	reader->room = need;
	return 0;
}

void stream_sum(struct capture_reader *reader)
{
	reader->checksum = (__u32)crc32(reader->checksum, reader->buffer + reader->summed,
					(uInt)(reader->start - reader->summed));
	reader->summed = reader->start;
}

/* What was read already goes to the front, where a format-1 checksum has taken it. */
static void buffer_compact(struct capture_reader *reader)
{
	if (reader->info.header.version == 1)
		stream_sum(reader);
	if (reader->start)
		memmove(reader->buffer, reader->buffer + reader->start,
			reader->end - reader->start);
	reader->end -= reader->start;
	reader->start = reader->summed = 0;
}

/* A length that is only claimed costs no more memory than twice what is really there. */
static int buffer_room(struct capture_reader *reader, size_t need)
{
	size_t more = reader->room ? reader->room * 2 : READER_BUFFER_SIZE;

	if (reader->end < reader->room)
		return 0;
	return buffer_enlarge(reader, more < need || !reader->room ? more : need);
}

int reader_fill(struct capture_reader *reader, size_t need)
{
	if (reader->end - reader->start >= need || reader->eof)
		return 0;
	buffer_compact(reader);
	while (reader->end < need) {
		ssize_t bytes;
		int error = buffer_room(reader, need);

		if (error)
			return error;
		bytes = source_read(reader, reader->buffer + reader->end,
				    reader->room - reader->end);
		if (bytes < 0)
			return reader_fail(reader, (int)bytes, "cannot read: %s",
					   strerror((int)-bytes));
		if (!bytes) {
			reader->eof = true;
			break;
		}
		reader->end += (size_t)bytes;
		reader->offset += (__u64)bytes;
	}
	return 0;
}

int reader_move(struct capture_reader *reader, __u64 offset)
{
	if (reader->fd >= 0 && lseek(reader->fd, (off_t)offset, SEEK_SET) < 0)
		return -errno;
	/* Behind the end there is nothing. */
	if (reader->fd < 0 && offset > reader->memory_size)
		offset = reader->memory_size;
	reader->offset = offset;
	reader->start = reader->end = reader->summed = 0;
	reader->eof = false;
	return 0;
}

int reader_end(struct capture_reader *reader, const char *what)
{
	const struct capture_info *info = &reader->info;
	bool blocks = info->header.version > 1;

	reader->ended = true;
	if (reader->end != reader->start || what)
		reader->info.cut = true;
	if (info->incomplete)
		return 0;
	/* Blocks end with an index: without one the end is missing. */
	if (reader->eof && !what && (blocks || info->bytes < info->header.bytes)) {
		reader->info.cut = true;
		reader_fail(reader, 0,
			    "the capture is cut: %llu of %llu records are there; it is judged up "
			    "to its last whole %s",
			    (unsigned long long)info->records,
			    (unsigned long long)info->header.records, blocks ? "block" : "record");
		return 0;
	}
	return reader_fail(reader, -EBADMSG, "the capture is damaged at %s %llu: %s",
			   blocks ? "block" : "record",
			   (unsigned long long)(blocks ? reader->blocks : info->records),
			   what ? what : "data behind its end");
}
