// SPDX-License-Identifier: GPL-2.0
/* Captures: written, read, cut at every byte, with every bit flipped, and on a full disk. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "stream.h"

static char path[] = "/tmp/gmemtrace-test-XXXXXX";
static char message[512];
static struct stream stream;

static int setup(void **state)
{
	int fd;

	(void)state;
	memcpy(path + strlen(path) - 6, "XXXXXX", 6);
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	close(fd);
	message[0] = 0;
	stream_init(&stream);
	stream_inode(&stream, 3, RECORD_PROVIDER_RFC3, 64, false);
	for (__u64 i = 0; i < 4; i++)
		stream_fault(&stream, 7, 3, i, 100 + 2 * i);
	stream_loss(&stream, 0, RECORD_LOSS_MISSED, stream.now - 1000, 5);
	stream_loss(&stream, 3, RECORD_LOSS_RING_FULL, stream.now - 1000, 2);
	stream_finish(&stream);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	stream_free(&stream);
	return 0;
}

static size_t stream_records(void)
{
	size_t at = 0, nr = 0;

	for (; at < stream.used; nr++)
		at += ((const struct record_header *)(stream.data + at))->size;
	return nr;
}

static void append_stream(struct capture_writer *writer)
{
	for (size_t at = 0; at < stream.used;) {
		const struct record_header *record = (const void *)(stream.data + at);

		assert_int_equal(capture_append(writer, record), 0);
		at += record->size;
	}
}

static void write_capture(bool finish)
{
	struct capture_writer *writer;

	assert_int_equal(capture_create(path, &writer, message, sizeof(message)), 0);
	append_stream(writer);
	if (finish)
		assert_int_equal(capture_finish(writer), 0);
	assert_null(capture_take_error(writer));
	capture_close(writer);
}

static size_t file_read(__u8 **data)
{
	struct stat status;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	*data = malloc((size_t)status.st_size + 1);
	assert_non_null(*data);
	assert_int_equal(read(fd, *data, (size_t)status.st_size), status.st_size);
	close(fd);
	return (size_t)status.st_size;
}

static void file_write(const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), (ssize_t)size);
	close(fd);
}

/* Reads everything; how many records, or -errno. */
static int read_all(struct capture_reader *reader)
{
	const struct record_header *record;
	int nr = 0, got;

	while ((got = capture_next(reader, &record)) > 0) {
		assert_true(record->size >= record_stored_size(record->kind));
		nr++;
	}
	return got < 0 ? got : nr;
}

static void test_round_trip(void **state)
{
	struct capture_reader *reader;
	const struct record_header *record;
	const struct capture_info *info;

	(void)state;
	write_capture(true);
	assert_int_equal(capture_open(path, &reader, message, sizeof(message)), 0);
	for (size_t at = 0; at < stream.used;) {
		const struct record_header *written = (const void *)(stream.data + at);

		assert_int_equal(capture_next(reader, &record), 1);
		assert_int_equal(record->size, written->size);
		assert_memory_equal(record, written, written->size);
		at += written->size;
	}
	assert_int_equal(capture_next(reader, &record), 0);
	assert_int_equal(capture_next(reader, &record), 0);
	info = capture_info(reader);
	assert_false(info->incomplete);
	assert_false(info->cut);
	assert_int_equal(info->records, stream_records());
	assert_int_equal(info->header.records, stream_records());
	assert_int_equal(info->header.lost, 2);
	assert_int_equal(info->header.missed, 5);
	assert_int_equal(info->header.command_status, 0);
	assert_string_equal(capture_message(reader), "");
	capture_reader_close(reader);
}

static void test_incomplete(void **state)
{
	struct capture_reader *reader;

	(void)state;
	write_capture(false);
	assert_int_equal(capture_open(path, &reader, message, sizeof(message)), 0);
	assert_int_equal(read_all(reader), stream_records());
	assert_true(capture_info(reader)->incomplete);
	assert_non_null(strstr(capture_message(reader), "INCOMPLETE"));
	capture_reader_close(reader);
}

static void test_empty(void **state)
{
	struct capture_reader *reader;

	(void)state;
	file_write("", 0);
	assert_int_equal(capture_open(path, &reader, message, sizeof(message)), -ENODATA);
	assert_non_null(strstr(message, "empty"));
	assert_null(reader);
}

static void test_foreign(void **state)
{
	struct capture_reader *reader;
	char text[600];

	(void)state;
	memset(text, 'x', sizeof(text));
	file_write(text, sizeof(text));
	assert_int_equal(capture_open(path, &reader, message, sizeof(message)), -EBADMSG);
	assert_non_null(strstr(message, "not a gmemtrace capture"));
	file_write("hello\n", 6);
	assert_int_equal(capture_open(path, &reader, message, sizeof(message)), -EBADMSG);
	assert_int_equal(capture_open("/nonexistent/file", &reader, message, sizeof(message)),
			 -ENOENT);
	assert_int_equal(capture_open("/tmp", &reader, message, sizeof(message)), -EISDIR);
}

static void test_newer(void **state)
{
	struct capture_reader *reader;
	__u8 *data;
	size_t size;

	(void)state;
	write_capture(true);
	size = file_read(&data);
	((struct capture_header *)data)->version = CAPTURE_VERSION + 1;
	file_write(data, size);
	free(data);
	assert_int_equal(capture_open(path, &reader, message, sizeof(message)), -EPROTONOSUPPORT);
	assert_non_null(strstr(message, "newer"));
}

/* Whatever is cut off, what is left is read to its last whole record, and marked. */
static void test_cut_everywhere(void **state)
{
	struct capture_reader *reader;
	size_t size, whole = 0, next = CAPTURE_HEADER_SIZE;
	__u8 *data;

	(void)state;
	write_capture(true);
	size = file_read(&data);
	for (size_t cut = 1; cut < size; cut++) {
		int error = capture_open_memory(data, cut, &reader, message, sizeof(message));

		if (cut < CAPTURE_HEADER_SIZE) {
			assert_int_equal(error, -EPROTO);
			assert_non_null(strstr(message, "cut within its header"));
			continue;
		}
		assert_int_equal(error, 0);
		while (next + ((struct record_header *)(data + next))->size <= cut) {
			next += ((struct record_header *)(data + next))->size;
			whole++;
		}
		assert_int_equal(read_all(reader), whole);
		assert_true(capture_info(reader)->cut);
		assert_non_null(strstr(capture_message(reader), "is cut"));
		capture_reader_close(reader);
	}
	free(data);
}

static void test_cut_incomplete_everywhere(void **state)
{
	struct capture_reader *reader;
	size_t size;
	__u8 *data;

	(void)state;
	write_capture(false);
	size = file_read(&data);
	for (size_t cut = CAPTURE_HEADER_SIZE; cut < size; cut++) {
		assert_int_equal(capture_open_memory(data, cut, &reader, message, sizeof(message)),
				 0);
		assert_true(read_all(reader) >= 0);
		assert_true(capture_info(reader)->incomplete);
		capture_reader_close(reader);
	}
	free(data);
}

/* No flipped bit of a finished capture goes unnoticed. */
static void test_bit_flips(void **state)
{
	struct capture_reader *reader;
	size_t size;
	__u8 *data;

	(void)state;
	write_capture(true);
	size = file_read(&data);
	for (size_t bit = 0; bit < size * 8; bit++) {
		bool noticed;

		data[bit / 8] ^= (__u8)(1 << bit % 8);
		noticed = capture_open_memory(data, size, &reader, message, sizeof(message)) != 0;
		assert_true(!noticed || message[0]);
		if (!noticed) {
			noticed = read_all(reader) < 0 || capture_info(reader)->cut;
			assert_true(!noticed || capture_message(reader)[0]);
			capture_reader_close(reader);
		}
		assert_true(noticed);
		data[bit / 8] ^= (__u8)(1 << bit % 8);
	}
	free(data);
}

/* An unfinished one has no checksum: it must be survived, and fed to the model. */
static void test_bit_flips_incomplete(void **state)
{
	struct capture_reader *reader;
	size_t size;
	__u8 *data;

	(void)state;
	write_capture(false);
	size = file_read(&data);
	for (size_t bit = CAPTURE_HEADER_SIZE * 8; bit < size * 8; bit += 3) {
		const struct record_header *record;
		struct model_options options = { .memory_max = 64 << 20 };
		struct model *model = model_create(&options);
		struct verdict *verdict = verdict_create(model, NULL);

		data[bit / 8] ^= (__u8)(1 << bit % 8);
		assert_int_equal(capture_open_memory(data, size, &reader, message, sizeof(message)),
				 0);
		while (capture_next(reader, &record) > 0)
			model_feed(model, record);
		model_finish(model);
		verdict_free(verdict);
		model_free(model);
		capture_reader_close(reader);
		data[bit / 8] ^= (__u8)(1 << bit % 8);
	}
	free(data);
}

/* A record of an older version is shorter, one of a newer version longer; some are unknown. */
static void test_versions(void **state)
{
	struct capture_reader *reader;
	const struct record_header *record;
	struct capture_writer *writer;
	struct {
		struct record_flush flush;
		__u64 more;
	} longer = { .flush.header = { .kind = RECORD_FLUSH, .size = sizeof(longer), .time = 1 },
		     .flush.full = 1 };
	struct record_header unknown = { .kind = 999, .size = sizeof(unknown), .time = 2 };
	__u8 *data;
	size_t size;

	(void)state;
	assert_int_equal(capture_create(path, &writer, message, sizeof(message)), 0);
	assert_int_equal(capture_append(writer, &longer.flush.header), 0);
	assert_int_equal(capture_append(writer, &unknown), -EINVAL);
	capture_close(writer);
	size = file_read(&data);
	data = realloc(data, size + sizeof(unknown) + 40);
	assert_non_null(data);
	memcpy(data + size, &unknown, sizeof(unknown));
	size += sizeof(unknown);
	/* A flush without its last three fields. */
	memset(data + size, 0xff, 40);
	memcpy(data + size, &(struct record_header){ .kind = RECORD_FLUSH, .size = 40, .time = 3 },
	       sizeof(struct record_header));
	size += 40;
	assert_int_equal(capture_open_memory(data, size, &reader, message, sizeof(message)), 0);
	assert_int_equal(capture_next(reader, &record), 1);
	assert_int_equal(record->time, 1);
	assert_int_equal(((const struct record_flush *)record)->full, 1);
	assert_int_equal(capture_next(reader, &record), 1);
	assert_int_equal(record->time, 3);
	assert_int_equal(((const struct record_flush *)record)->begin, ~0ULL);
	assert_int_equal(((const struct record_flush *)record)->last, 0);
	assert_int_equal(((const struct record_flush *)record)->full, 0);
	assert_int_equal(capture_next(reader, &record), 0);
	assert_int_equal(capture_info(reader)->unknown, 1);
	capture_reader_close(reader);
	free(data);
}

static void test_facts(void **state)
{
	struct capture_reader *reader;
	const struct record_header *record;
	struct capture_writer *writer;
	const struct record_fact *fact;

	(void)state;
	assert_int_equal(capture_create(path, &writer, message, sizeof(message)), 0);
	assert_int_equal(capture_append_fact(writer, 5, "kernel.release", "6.12.0"), 0);
	assert_int_equal(capture_append_fact(writer, 6, "empty", ""), 0);
	assert_int_equal(capture_finish(writer), 0);
	capture_close(writer);
	assert_int_equal(capture_open(path, &reader, message, sizeof(message)), 0);
	assert_int_equal(capture_next(reader, &record), 1);
	fact = (const struct record_fact *)record;
	assert_string_equal(record_fact_key(fact), "kernel.release");
	assert_string_equal(record_fact_value(fact), "6.12.0");
	assert_int_equal(capture_next(reader, &record), 1);
	assert_string_equal(record_fact_value((const struct record_fact *)record), "");
	assert_int_equal(capture_next(reader, &record), 0);
	capture_reader_close(reader);
}

static void test_no_space_at_once(void **state)
{
	struct capture_writer *writer;

	(void)state;
	assert_int_equal(capture_create("/dev/full", &writer, message, sizeof(message)), -ENOSPC);
	assert_null(writer);
	assert_non_null(strstr(message, "No space left"));
}

/* The file may not grow over @limit: what is kept is whole, and the reason is told once. */
static void write_limited(rlim_t limit)
{
	struct rlimit old, new;
	struct capture_writer *writer;
	struct capture_reader *reader;
	const char *error;
	int failed = 0;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	new = (struct rlimit){ limit, old.rlim_max };
	assert_int_equal(capture_create(path, &writer, message, sizeof(message)), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &new), 0);
	for (size_t at = 0; at < stream.used && !failed;) {
		const struct record_header *record = (const void *)(stream.data + at);

		failed = capture_append(writer, record);
		if (!failed)
			failed = capture_flush(writer);
		at += record->size;
	}
	assert_int_equal(failed, -EFBIG);
	assert_int_equal(capture_append(writer, (const void *)stream.data), -EFBIG);
	assert_int_equal(capture_finish(writer), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	error = capture_take_error(writer);
	assert_non_null(error);
	assert_non_null(strstr(error, "are kept"));
	assert_null(capture_take_error(writer));
	capture_close(writer);
	assert_int_equal(capture_open(path, &reader, message, sizeof(message)), 0);
	assert_true(read_all(reader) > 0);
	assert_true(capture_info(reader)->incomplete);
	assert_false(capture_info(reader)->cut);
	capture_reader_close(reader);
}

static void test_disk_full(void **state)
{
	(void)state;
	for (rlim_t limit = 700; limit < 900; limit += 7)
		write_limited(limit);
}

#define CAPTURE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CAPTURE_TEST(test_round_trip),
		CAPTURE_TEST(test_incomplete),
		CAPTURE_TEST(test_empty),
		CAPTURE_TEST(test_foreign),
		CAPTURE_TEST(test_newer),
		CAPTURE_TEST(test_cut_everywhere),
		CAPTURE_TEST(test_cut_incomplete_everywhere),
		CAPTURE_TEST(test_bit_flips),
		CAPTURE_TEST(test_bit_flips_incomplete),
		CAPTURE_TEST(test_versions),
		CAPTURE_TEST(test_facts),
		CAPTURE_TEST(test_no_space_at_once),
		CAPTURE_TEST(test_disk_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
