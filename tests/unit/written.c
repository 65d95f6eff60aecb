// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>
#include "written.h"

char written_path[] = "/tmp/gmemtrace-test-XXXXXX";
char written_message[512];
struct stream written;

int written_setup(void **state)
{
	int fd;

	(void)state;
	memcpy(written_path + strlen(written_path) - 6, "XXXXXX", 6);
	fd = mkstemp(written_path);
	if (fd < 0)
		return -1;
	close(fd);
	written_message[0] = 0;
	stream_init(&written);
	stream_inode(&written, 3, RECORD_PROVIDER_RFC3, 64, false);
	for (__u64 i = 0; i < 4; i++)
		stream_fault(&written, 7, 3, i, 100 + 2 * i);
	stream_loss(&written, 0, RECORD_LOSS_MISSED, written.now - 1000, 5);
	stream_loss(&written, 3, RECORD_LOSS_RING_FULL, written.now - 1000, 2);
	stream_finish(&written);
	return 0;
}

int written_teardown(void **state)
{
	(void)state;
	unlink(written_path);
	stream_free(&written);
	return 0;
}

size_t written_records(void)
{
	size_t at = 0, nr = 0;

	for (; at < written.used; nr++)
		at += ((const struct record_header *)(written.data + at))->size;
	return nr;
}

/* A block for every @block records. */
static void append_stream(struct capture_writer *writer, size_t block)
{
	size_t nr = 0;

	for (size_t at = 0; at < written.used;) {
		const struct record_header *record = (const void *)(written.data + at);

		assert_int_equal(capture_append(writer, record), 0);
		at += record->size;
		if (!(++nr % block))
			assert_int_equal(capture_flush(writer), 0);
	}
}

void written_in_blocks(size_t block, bool finish)
{
	struct capture_writer *writer;

	assert_int_equal(
		capture_create(written_path, &writer, written_message, sizeof(written_message)), 0);
	append_stream(writer, block);
	if (finish)
		assert_int_equal(capture_finish(writer), 0);
	assert_null(capture_take_error(writer));
	capture_close(writer);
}

void written_capture(bool finish)
{
	written_in_blocks(WRITTEN_BLOCK, finish);
}

void written_write(const void *data, size_t size)
{
	int fd = open(written_path, O_WRONLY | O_TRUNC | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), (ssize_t)size);
	close(fd);
}

void written_format_1(bool finish)
{
	struct capture_header header = {
		.version = 1,
		.header_size = CAPTURE_HEADER_SIZE,
		.command_status = -1,
	};
	__u8 *file = malloc(sizeof(header) + written.used);

	assert_non_null(file);
	memcpy(header.magic, CAPTURE_MAGIC, sizeof(header.magic));
	if (finish) {
		header.flags = CAPTURE_FINISHED;
		header.records = written_records();
		header.bytes = written.used;
		header.checksum = (__u32)crc32(0, written.data, (uInt)written.used);
	}
	header.header_checksum = (__u32)crc32(0, (const Bytef *)&header, sizeof(header));
	memcpy(file, &header, sizeof(header));
	memcpy(file + sizeof(header), written.data, written.used);
	written_write(file, sizeof(header) + written.used);
	free(file);
}

size_t written_read(__u8 **data)
{
	struct stat status;
	int fd = open(written_path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	*data = malloc((size_t)status.st_size + 1);
	assert_non_null(*data);
	assert_int_equal(read(fd, *data, (size_t)status.st_size), status.st_size);
	close(fd);
	return (size_t)status.st_size;
}

int written_read_all(struct capture_reader *reader)
{
	const struct record_header *record;
	int nr = 0, got;

	while ((got = capture_next(reader, &record)) > 0) {
		assert_true(record->size >= record_stored_size(record->kind));
		nr++;
	}
	return got < 0 ? got : nr;
}
