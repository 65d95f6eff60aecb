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
#include "gmemtrace/capture.h"

#define READER_BUFFER_SIZE (1024 * 1024)

/* Header sizes of later versions are skipped; more than this is no header. */
#define HEADER_SIZE_MAX 65536

struct capture_reader {
	int fd; /* -1: memory */
	const __u8 *memory;
	size_t memory_size;
	__u64 offset; /* of the next byte to read into the buffer */
	size_t start, end; /* what the buffer holds */
	size_t summed; /* up to here it is in the checksum */
	bool eof;
	bool ended; /* nothing more will be given out */
	int error;
	__u32 checksum;
	char *path;
	struct capture_info info;
	char message[512];
	__u64 extended[16]; /* a record of an older version, with zeroes behind it */
	__u8 buffer[READER_BUFFER_SIZE] __attribute__((aligned(8)));
};

__attribute__((format(printf, 3, 4))) static int reader_fail(struct capture_reader *reader,
							     int error, const char *format, ...)
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

/* In great pieces: record by record the checksum would take most of a replay's time. */
static void reader_sum(struct capture_reader *reader)
{
	reader->checksum = (__u32)crc32(reader->checksum, reader->buffer + reader->summed,
					(uInt)(reader->start - reader->summed));
	reader->summed = reader->start;
}

/* Tries to have @need bytes in the buffer; fewer are there only at the end of the file. */
static int buffer_fill(struct capture_reader *reader, size_t need)
{
	if (reader->end - reader->start >= need || reader->eof)
		return 0;
	reader_sum(reader);
	memmove(reader->buffer, reader->buffer + reader->start, reader->end - reader->start);
	reader->end -= reader->start;
	reader->start = reader->summed = 0;
	while (reader->end < need) {
		ssize_t bytes = source_read(reader, reader->buffer + reader->end,
					    sizeof(reader->buffer) - reader->end);

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

static int header_skip(struct capture_reader *reader, __u32 header_size)
{
	__u64 left = header_size - CAPTURE_HEADER_SIZE;
	int error = buffer_fill(reader, left);

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

	error = buffer_fill(reader, sizeof(*header));
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
			    "to its last whole record");
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
	struct capture_reader *reader = malloc(sizeof(*reader));

	if (!reader)
		return NULL;
	/* Not the buffer: only what is read is touched. */
	memset(reader, 0, offsetof(struct capture_reader, buffer));
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

/* No whole record is left where the next one should begin. */
static int reader_end(struct capture_reader *reader, const char *what)
{
	const struct capture_info *info = &reader->info;

	reader->ended = true;
	if (reader->end != reader->start || what)
		reader->info.cut = true;
	if (info->incomplete)
		return 0;
	if (info->bytes < info->header.bytes && reader->eof && !what) {
		reader->info.cut = true;
		reader_fail(reader, 0,
			    "the capture is cut: %llu of %llu bytes of records are there; it is "
			    "judged up to its last whole record",
			    (unsigned long long)info->bytes,
			    (unsigned long long)info->header.bytes);
		return 0;
	}
	return reader_fail(reader, -EBADMSG, "the capture is damaged at record %llu: %s",
			   (unsigned long long)info->records, what ? what : "data behind its end");
}

/* All records of a finished capture were read. */
static int reader_end_whole(struct capture_reader *reader)
{
	const struct capture_info *info = &reader->info;

	reader->ended = true;
	reader_sum(reader);
	if (info->records != info->header.records || reader->checksum != info->header.checksum)
		return reader_fail(reader, -EBADMSG,
				   "the capture is damaged: its checksum does not match");
	return 0;
}

static const char *record_check(const struct record_header *record)
{
	if (record->size < sizeof(*record) || record->size % 8)
		return "a record's size makes no sense";
	if (record->kind == RECORD_FACT && !record_fact_key((const void *)record))
		return "a fact's lengths make no sense";
	return NULL;
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
		const char *wrong;
		size_t least;
		int error;

		if (!info->incomplete && info->bytes == info->header.bytes)
			return reader_end_whole(reader);
		error = buffer_fill(reader, sizeof(*record));
		if (error)
			return error;
		if (reader->end - reader->start < sizeof(*record))
			return reader_end(reader, NULL);
		record = (const struct record_header *)(reader->buffer + reader->start);
		if (record->size < sizeof(*record) || record->size % 8)
			return reader_end(reader, record_check(record));
		error = buffer_fill(reader, record->size);
		if (error)
			return error;
		record = (const struct record_header *)(reader->buffer + reader->start);
		if (reader->end - reader->start < record->size)
			return reader_end(reader, NULL);
		wrong = record_check(record);
		if (!wrong && !info->incomplete && info->header.bytes - info->bytes < record->size)
			wrong = "it ends behind the capture's end";
		if (wrong)
			return reader_end(reader, wrong);
		reader->start += record->size;
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
	free(reader->path);
	free(reader);
}
