// SPDX-License-Identifier: GPL-2.0
/* Opening a capture and reading on, whatever its format. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "capture/blocks.h"
#include "capture/index.h"
#include "capture/stream.h"

/* Header sizes of later versions are skipped; more than this is no header. */
#define HEADER_SIZE_MAX 65536

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

static const struct record_header *record_extend(struct capture_reader *reader,
						 const struct record_header *record, size_t least)
{
	struct record_header *extended = &reader->extended.header;

	if (record->size >= least)
		return record;
	memset(&reader->extended, 0, sizeof(reader->extended));
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
		int got = info->header.version > 1 ? blocks_next(reader, &record)
						   : stream_next(reader, &record);

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
	block_room_free(&reader->payload);
	free(reader->buffer);
	free(reader->path);
	free(reader);
}
