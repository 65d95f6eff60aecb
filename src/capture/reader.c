// SPDX-License-Identifier: GPL-2.0
/*
 * Reading a capture. The file may be anybody's: no length in it is believed
 * before it was compared with what is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "capture/reader.h"

#define READER_BUFFER_SIZE (1024 * 1024) /* to begin with */

/* Header sizes of later versions are skipped; more than this is no header. */
#define HEADER_SIZE_MAX 65536

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

static int header_skip(struct capture_reader *reader, __u32 header_size)
{
	__u64 left = header_size - CAPTURE_HEADER_SIZE;
	int error = reader_fill(reader, left);

	if (error)
		return error;
	if (reader->end - reader->start < left)
		return reader_fail(reader, -EPROTO, "the capture is cut within its header");
	reader->start += left;
	return 0;
}

static int header_check(struct capture_reader *reader, size_t have)
{
	struct capture_header *header = &reader->info.header;
	struct capture_header copy;

	if (memcmp(header->magic, CAPTURE_MAGIC,
		   have < sizeof(header->magic) ? have : sizeof(header->magic)))
		return reader_fail(reader, -EBADMSG, "not a gmemtrace capture");
	if (have < sizeof(*header))
		return reader_fail(reader, -EPROTO,
				   "the capture is cut within its header: %zu of %zu bytes", have,
				   sizeof(*header));
	if (header->version > CAPTURE_VERSION)
		return reader_fail(reader, -EPROTONOSUPPORT,
				   "written in capture format %u, this gmemtrace reads up to %u: "
				   "use a newer gmemtrace",
				   header->version, CAPTURE_VERSION);
	copy = *header;
	copy.header_checksum = 0;
	if (header->header_checksum != (__u32)crc32(0, (const Bytef *)&copy, (uInt)sizeof(copy)) ||
	    !header->version || header->header_size < CAPTURE_HEADER_SIZE ||
	    header->header_size > HEADER_SIZE_MAX || header->header_size % 8)
		return reader_fail(reader, -EBADMSG, "the capture's header is damaged");
	return header_skip(reader, header->header_size);
}

static int header_read(struct capture_reader *reader)
{
	struct capture_header *header = &reader->info.header;
	size_t have;
	int error;

	error = reader_fill(reader, sizeof(*header));
	if (error)
		return error;
	have = reader->end;
	if (!have)
		return reader_fail(reader, -ENODATA, "the file is empty: nothing was captured");
	if (have > sizeof(*header))
		have = sizeof(*header);
	memcpy(header, reader->buffer, have);
	reader->start = have;
	error = header_check(reader, have);
	if (error)
		return error;
	header->tool[sizeof(header->tool) - 1] = 0;
	reader->summed = reader->start;
	reader->checksum = 0;
	reader->info.incomplete = !(header->flags & CAPTURE_FINISHED);
	if (reader->info.incomplete)
		reader_fail(reader, 0,
			    "the capture is INCOMPLETE: its writer did not finish; it is judged up "
			    "to its last whole %s",
			    header->version > 1 ? "block" : "record");
	return 0;
}

static int reader_open(struct capture_reader *reader, struct capture_reader **result, char *message,
		       size_t message_size)
{
	int error = header_read(reader);

	if (!error) {
		*result = reader;
		return 0;
	}
	if (message && message_size)
		snprintf(message, message_size, "%s", reader->message);
	capture_reader_close(reader);
	return error;
}

static struct capture_reader *reader_create(const char *path)
{
	struct capture_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->fd = -1;
	reader->path = strdup(path);
	if (reader->path)
		return reader;
	free(reader);
	return NULL;
}

int capture_open(const char *path, struct capture_reader **result, char *message,
		 size_t message_size)
{
	struct capture_reader *reader = reader_create(path);
	struct stat status;
	int error = -ENOMEM;

	*result = NULL;
	if (!reader)
		goto fail;
	reader->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (reader->fd < 0) {
		error = -errno;
		goto fail;
	}
	error = -EISDIR;
	if (!fstat(reader->fd, &status) && S_ISDIR(status.st_mode))
		goto fail;
	return reader_open(reader, result, message, message_size);
fail:
	if (message && message_size)
		snprintf(message, message_size, "%s: cannot open the capture: %s", path,
			 strerror(-error));
	capture_reader_close(reader);
	return error;
}

int capture_open_memory(const void *data, size_t size, struct capture_reader **result,
			char *message, size_t message_size)
{
	struct capture_reader *reader = reader_create("memory");

	*result = NULL;
	if (!reader)
		return -ENOMEM;
	reader->memory = data;
	reader->memory_size = size;
	return reader_open(reader, result, message, message_size);
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

static const struct record_header *record_extend(struct capture_reader *reader,
						 const struct record_header *record, size_t least)
{
	struct record_header *extended = (struct record_header *)reader->extended;

	if (record->size >= least)
		return record;
	memset(reader->extended, 0, sizeof(reader->extended));
	memcpy(extended, record, record->size);
	extended->size = (__u16)least;
	return extended;
}

int capture_next(struct capture_reader *reader, const struct record_header **result)
{
	struct capture_info *info = &reader->info;

	while (!reader->error && !reader->ended) {
		const struct record_header *record;
		size_t least;
		int got = info->header.version == 1 ? stream_next(reader, &record)
						    : blocks_next(reader, &record);

		if (got <= 0)
			return got;
		info->records++;
		info->bytes += record->size;
		least = record_stored_size(record->kind);
		if (!least) {
			info->unknown++;
			continue;
		}
		*result = record_extend(reader, record, least);
		return 1;
	}
	return reader->error;
}

const struct capture_info *capture_info(const struct capture_reader *reader)
{
	return &reader->info;
}

const char *capture_message(const struct capture_reader *reader)
{
	return reader->message;
}

void capture_reader_close(struct capture_reader *reader)
{
	if (!reader)
		return;
	if (reader->fd >= 0)
		close(reader->fd);
	index_free(reader);
	unpack_free(&reader->unpack);
	free(reader->payload.data);
	free(reader->buffer);
	free(reader->path);
	free(reader);
}
