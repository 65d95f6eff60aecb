// SPDX-License-Identifier: GPL-2.0
/* Writing a capture. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include "gmemtrace/capture.h"

#define WRITER_BUFFER_SIZE (512 * 1024)
#define FACT_TEXT_MAX 4096

#ifndef GMEMTRACE_VERSION
#define GMEMTRACE_VERSION "0"
#endif

struct capture_writer {
	int fd;
	int error; /* the first write error, -errno; 0 none */
	bool error_taken;
	__u64 kept_bytes; /* of whole records in the file */
	__u64 kept_records;
	size_t used; /* bytes of the buffer */
	__u64 buffered; /* records in the buffer */
	struct capture_header header;
	char *path;
	char message[512];
	__u8 buffer[WRITER_BUFFER_SIZE] __attribute__((aligned(8)));
};

static int write_all(int fd, const void *data, size_t size, __u64 offset, size_t *written)
{
	*written = 0;
	while (*written < size) {
		ssize_t bytes = pwrite(fd, (const char *)data + *written, size - *written,
				       (off_t)(offset + *written));

		if (bytes < 0 && errno == EINTR)
			continue;
		if (bytes < 0)
			return -errno;
		if (!bytes)
			return -EIO;
		*written += (size_t)bytes;
	}
	return 0;
}

static int header_write(struct capture_writer *writer)
{
	struct capture_header *header = &writer->header;
	size_t written;

	header->header_checksum = 0;
	header->header_checksum = (__u32)crc32(0, (const Bytef *)header, (uInt)sizeof(*header));
	return write_all(writer->fd, header, sizeof(*header), 0, &written);
}

static void header_init(struct capture_header *header)
{
	memcpy(header->magic, CAPTURE_MAGIC, sizeof(header->magic));
	header->version = CAPTURE_VERSION;
	header->header_size = CAPTURE_HEADER_SIZE;
	header->created = (__u64)time(NULL);
	header->command_status = -1;
	header->time_first = ~0ULL;
	snprintf(header->tool, sizeof(header->tool), "%s", GMEMTRACE_VERSION);
}

int capture_create(const char *path, struct capture_writer **result, char *message,
		   size_t message_size)
{
	struct capture_writer *writer = calloc(1, sizeof(*writer));
	int error = -ENOMEM;

	*result = NULL;
	if (!writer)
		goto fail;
	writer->fd = -1;
	writer->path = strdup(path);
	if (!writer->path)
		goto fail;
	writer->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (writer->fd < 0) {
		error = -errno;
		goto fail;
	}
	header_init(&writer->header);
	error = header_write(writer);
	if (error)
		goto fail;
	*result = writer;
	return 0;
fail:
	if (message && message_size)
		snprintf(message, message_size, "%s: cannot write a capture: %s", path,
			 strerror(-error));
	capture_close(writer);
	return error;
}

/* How much of the buffer is whole records when only @written bytes of it arrived. */
static size_t whole_records(const struct capture_writer *writer, size_t written, __u64 *records)
{
	size_t whole = 0;

	*records = 0;
	while (whole < writer->used) {
		const struct record_header *record =
			(const struct record_header *)(writer->buffer + whole);

		if (whole + record->size > written)
			break;
		whole += record->size;
		++*records;
	}
	return whole;
}

static void writer_fail(struct capture_writer *writer, int error, size_t written)
{
	__u64 records;
	size_t whole = whole_records(writer, written, &records);

	writer->error = error;
	writer->kept_bytes += whole;
	writer->kept_records += records;
	/* Failing to cut leaves a torn record, which the reader ignores. */
	if (ftruncate(writer->fd, (off_t)(CAPTURE_HEADER_SIZE + writer->kept_bytes)))
		errno = 0;
	snprintf(writer->message, sizeof(writer->message),
		 "%s: %s: recording ends here, %llu records (%llu bytes) are kept", writer->path,
		 strerror(-error), (unsigned long long)writer->kept_records,
		 (unsigned long long)writer->kept_bytes);
}

int capture_flush(struct capture_writer *writer)
{
	size_t written;
	int error;

	if (writer->error)
		return writer->error;
	if (!writer->used)
		return 0;
	error = write_all(writer->fd, writer->buffer, writer->used,
			  CAPTURE_HEADER_SIZE + writer->kept_bytes, &written);
	if (error) {
		writer_fail(writer, error, written);
		return error;
	}
	writer->header.checksum =
		(__u32)crc32(writer->header.checksum, writer->buffer, (uInt)writer->used);
	writer->kept_bytes += writer->used;
	writer->kept_records += writer->buffered;
	writer->used = 0;
	writer->buffered = 0;
	return 0;
}

static void header_count(struct capture_header *header, const struct record_header *record)
{
	const struct record_loss *loss = (const struct record_loss *)record;

	header->records++;
	header->bytes += record->size;
	if (record->time < header->time_first)
		header->time_first = record->time;
	if (record->time > header->time_last)
		header->time_last = record->time;
	if (record->kind == RECORD_END)
		header->command_status = ((const struct record_end *)record)->command_status;
	if (record->kind == RECORD_LOSS && loss->cause == RECORD_LOSS_MISSED)
		header->missed += loss->count;
	else if (record->kind == RECORD_LOSS &&
		 record_loss_damage(loss->cause) != RECORD_DAMAGE_FREES)
		header->lost += loss->count;
}

int capture_append(struct capture_writer *writer, const struct record_header *record)
{
	size_t least = record_stored_size(record->kind);

	if (writer->error)
		return writer->error;
	if (!least || record->size < least || record->size % 8)
		return -EINVAL;
	if (writer->used + record->size > sizeof(writer->buffer)) {
		int error = capture_flush(writer);

		if (error)
			return error;
	}
	memcpy(writer->buffer + writer->used, record, record->size);
	writer->used += record->size;
	writer->buffered++;
	header_count(&writer->header, record);
	return 0;
}

int capture_append_fact(struct capture_writer *writer, __u64 time, const char *key,
			const char *value)
{
	__u64 space[(sizeof(struct record_fact) + 2 * FACT_TEXT_MAX + 7) / 8] = { 0 };
	struct record_fact *fact = (struct record_fact *)space;
	size_t key_length = strnlen(key, FACT_TEXT_MAX - 1);
	size_t value_length = strnlen(value, FACT_TEXT_MAX - 1);
	size_t size = sizeof(*fact) + key_length + value_length + 2;

	fact->header.kind = RECORD_FACT;
	fact->header.size = (__u16)((size + 7) & ~7UL);
	fact->header.time = time;
	fact->key_length = (__u32)key_length + 1;
	fact->value_length = (__u32)value_length + 1;
	memcpy(fact->text, key, key_length);
	memcpy(fact->text + key_length + 1, value, value_length);
	return capture_append(writer, &fact->header);
}

const char *capture_take_error(struct capture_writer *writer)
{
	if (!writer->error || writer->error_taken)
		return NULL;
	writer->error_taken = true;
	return writer->message;
}

void capture_written(const struct capture_writer *writer, struct capture_summary *summary)
{
	const struct capture_header *header = &writer->header;

	*summary = (struct capture_summary){
		.records = header->records,
		.bytes = header->bytes,
		.lost = header->lost,
		.missed = header->missed,
		.time_first = header->records ? header->time_first : 0,
		.time_last = header->time_last,
		.command_status = header->command_status,
		.checksum = (__u32)crc32(header->checksum, writer->buffer, (uInt)writer->used),
	};
}

int capture_finish(struct capture_writer *writer)
{
	int error = capture_flush(writer);

	if (error)
		return error;
	/* Devices and pipes have nothing to sync. */
	if (fdatasync(writer->fd) && errno != EINVAL) {
		error = -errno;
		goto fail;
	}
	if (!writer->header.records)
		writer->header.time_first = 0;
	writer->header.flags |= CAPTURE_FINISHED;
	error = header_write(writer);
	if (!error)
		return 0;
	writer->header.flags &= ~(__u64)CAPTURE_FINISHED;
fail:
	writer_fail(writer, error, 0);
	return error;
}

void capture_close(struct capture_writer *writer)
{
	if (!writer)
		return;
	capture_flush(writer);
	if (writer->fd >= 0)
		close(writer->fd);
	free(writer->path);
	free(writer);
}
