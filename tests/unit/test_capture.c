// SPDX-License-Identifier: GPL-2.0
/*
 * Captures of both formats: written, read, cut at every byte, with every bit
 * flipped, and on a full disk.
 */
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
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>
#include "capture/block.h"
#include "stream.h"

/* What the fixtures hold. */
#define FIXTURE_RECORDS 498
#define FIXTURE_CHECKSUM 0x1a96e8c9

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

#define BLOCK_RECORDS 7 /* in a block of these tests */

/* A block for every @block records. */
static void append_stream(struct capture_writer *writer, size_t block)
{
	size_t nr = 0;

	for (size_t at = 0; at < stream.used;) {
		const struct record_header *record = (const void *)(stream.data + at);

		assert_int_equal(capture_append(writer, record), 0);
		at += record->size;
		if (!(++nr % block))
			assert_int_equal(capture_flush(writer), 0);
	}
}

static void write_capture_in(size_t block, bool finish)
{
	struct capture_writer *writer;

	assert_int_equal(capture_create(path, &writer, message, sizeof(message)), 0);
	append_stream(writer, block);
	if (finish)
		assert_int_equal(capture_finish(writer), 0);
	assert_null(capture_take_error(writer));
	capture_close(writer);
}

static void write_capture(bool finish)
{
	write_capture_in(BLOCK_RECORDS, finish);
}

static void file_write(const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), (ssize_t)size);
	close(fd);
}

/* As the versions wrote that knew no blocks. */
static void write_format_1(bool finish)
{
	struct capture_header header = {
		.version = 1,
		.header_size = CAPTURE_HEADER_SIZE,
		.command_status = -1,
	};
	__u8 *file = malloc(sizeof(header) + stream.used);

	assert_non_null(file);
	memcpy(header.magic, CAPTURE_MAGIC, sizeof(header.magic));
	if (finish) {
		header.flags = CAPTURE_FINISHED;
		header.records = stream_records();
		header.bytes = stream.used;
		header.checksum = (__u32)crc32(0, stream.data, (uInt)stream.used);
	}
	header.header_checksum = (__u32)crc32(0, (const Bytef *)&header, sizeof(header));
	memcpy(file, &header, sizeof(header));
	memcpy(file + sizeof(header), stream.data, stream.used);
	file_write(file, sizeof(header) + stream.used);
	free(file);
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
static void test_format_1_cut_everywhere(void **state)
{
	struct capture_reader *reader;
	size_t size, whole = 0, next = CAPTURE_HEADER_SIZE;
	__u8 *data;

	(void)state;
	write_format_1(true);
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

/* Records in whole blocks among the first @size bytes. */
static size_t whole_records(const __u8 *data, size_t size)
{
	size_t at = CAPTURE_HEADER_SIZE, records = 0;

	while (at + sizeof(struct capture_block) <= size) {
		const struct capture_block *block = (const void *)(data + at);

		if (at + block->size > size)
			break;
		records += block->records;
		at += block->size;
	}
	return records;
}

static void test_cut_everywhere(void **state)
{
	struct capture_reader *reader;
	size_t size;
	__u8 *data;

	(void)state;
	write_capture(true);
	size = file_read(&data);
	for (size_t cut = CAPTURE_HEADER_SIZE; cut < size; cut++) {
		assert_int_equal(capture_open_memory(data, cut, &reader, message, sizeof(message)),
				 0);
		assert_int_equal(read_all(reader), whole_records(data, cut));
		assert_true(capture_info(reader)->cut);
		assert_non_null(strstr(capture_message(reader), "is cut"));
		capture_reader_close(reader);
	}
	free(data);
}

/* A torn tail is marked; a writer that was killed between two blocks leaves none. */
static void test_cut_incomplete_everywhere(void **state)
{
	struct capture_reader *reader;
	size_t size, next = CAPTURE_HEADER_SIZE;
	__u8 *data;

	(void)state;
	write_capture(false);
	size = file_read(&data);
	for (size_t cut = CAPTURE_HEADER_SIZE; cut <= size; cut++) {
		assert_int_equal(capture_open_memory(data, cut, &reader, message, sizeof(message)),
				 0);
		assert_int_equal(read_all(reader), whole_records(data, cut));
		assert_true(capture_info(reader)->incomplete);
		assert_int_equal(capture_info(reader)->cut, cut != next);
		capture_reader_close(reader);
		if (cut == next && cut < size)
			next += ((const struct capture_block *)(data + next))->size;
	}
	free(data);
}

static void check_flips(size_t first, size_t records)
{
	struct capture_reader *reader;
	size_t size;
	__u8 *data;

	size = file_read(&data);
	for (size_t bit = first * 8; bit < size * 8; bit++) {
		bool noticed;

		data[bit / 8] ^= (__u8)(1 << bit % 8);
		noticed = capture_open_memory(data, size, &reader, message, sizeof(message)) != 0;
		assert_true(!noticed || message[0]);
		if (!noticed) {
			int read = read_all(reader);

			noticed = read < 0 || capture_info(reader)->cut;
			assert_true(read <= (int)records);
			assert_true(!noticed || capture_message(reader)[0]);
			capture_reader_close(reader);
		}
		assert_true(noticed);
		data[bit / 8] ^= (__u8)(1 << bit % 8);
	}
	free(data);
}

/* No flipped bit goes unnoticed, whether the capture was finished or not. */
static void test_bit_flips(void **state)
{
	(void)state;
	write_capture(true);
	check_flips(0, stream_records());
	write_capture(false);
	check_flips(0, stream_records());
	write_format_1(true);
	check_flips(0, stream_records());
}

/* What a flip leaves of a capture is what was there, and never something else. */
static void test_bit_flips_change_nothing(void **state)
{
	struct capture_reader *reader;
	const struct record_header *record;
	size_t size;
	__u8 *data;

	(void)state;
	write_capture(false);
	size = file_read(&data);
	for (size_t bit = CAPTURE_HEADER_SIZE * 8; bit < size * 8; bit++) {
		size_t at = 0;

		data[bit / 8] ^= (__u8)(1 << bit % 8);
		assert_int_equal(capture_open_memory(data, size, &reader, message, sizeof(message)),
				 0);
		while (capture_next(reader, &record) > 0) {
			assert_memory_equal(record, stream.data + at, record->size);
			at += record->size;
		}
		capture_reader_close(reader);
		data[bit / 8] ^= (__u8)(1 << bit % 8);
	}
	free(data);
}

/* An unfinished one of format 1 has no checksum: it must be survived, and fed to the model. */
static void test_format_1_bit_flips_incomplete(void **state)
{
	struct capture_reader *reader;
	size_t size;
	__u8 *data;

	(void)state;
	write_format_1(false);
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
static void check_versions(struct capture_reader *reader)
{
	const struct record_header *record;

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
}

static void test_versions(void **state)
{
	struct capture_reader *reader;
	struct capture_writer *writer;
	struct pack_buffer packed = { 0 }, file = { 0 };
	struct {
		struct record_flush flush;
		__u64 more;
	} longer = { .flush.header = { .kind = RECORD_FLUSH, .size = sizeof(longer), .time = 1 },
		     .flush.full = 1 };
	struct record_header unknown = { .kind = 999, .size = sizeof(unknown), .time = 2 };
	/* A flush without its last three fields. */
	struct record_flush shorter = { .header = { .kind = RECORD_FLUSH, .size = 40, .time = 3 },
					.begin = ~0ULL };
	struct capture_block block = { .kind = CAPTURE_BLOCK_RECORDS, .records = 3 };

	(void)state;
	assert_int_equal(capture_create(path, &writer, message, sizeof(message)), 0);
	assert_int_equal(capture_append(writer, &unknown), -EINVAL);
	assert_int_equal(capture_append(writer, &shorter.header), -EINVAL);
	capture_close(writer);
	stream.used = 0;
	stream_add(&stream, &longer.flush.header);
	stream_add(&stream, &unknown);
	stream_add(&stream, &shorter.header);
	file.used = file_read(&file.data);
	file.room = file.used + 1;
	block.bytes = (__u32)stream.used;
	pack_records(stream.data, 3, 0, &packed);
	assert_int_equal(block_store(&block, NULL, &packed, &file), 0);
	assert_int_equal(
		capture_open_memory(file.data, file.used, &reader, message, sizeof(message)), 0);
	check_versions(reader);
	free(packed.data);
	free(file.data);
	write_format_1(false);
	assert_int_equal(capture_open(path, &reader, message, sizeof(message)), 0);
	check_versions(reader);
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
	assert_int_equal(capture_finish(writer), -EFBIG);
	assert_int_equal(capture_append(writer, (const void *)stream.data), -EFBIG);
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

/* A killed writer has lost nothing of what was flushed a moment ago. */
static void test_killed(void **state)
{
	struct capture_reader *reader;
	pid_t child = fork();
	int status;

	(void)state;
	assert_true(child >= 0);
	if (!child) {
		struct capture_writer *writer;

		if (capture_create(path, &writer, NULL, 0))
			_exit(1);
		for (size_t at = 0; at < stream.used;) {
			const struct record_header *record = (const void *)(stream.data + at);

			capture_append(writer, record);
			at += record->size;
		}
		capture_flush(writer);
		capture_append(writer, (const void *)stream.data);
		usleep(300000);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(capture_open(path, &reader, message, sizeof(message)), 0);
	assert_int_equal(read_all(reader), stream_records());
	assert_true(capture_info(reader)->incomplete);
	assert_false(capture_info(reader)->cut);
	capture_reader_close(reader);
}

/* A capture is read through a pipe, where nothing can be sought. */
static void check_pipe(void)
{
	struct capture_reader *reader;
	int ends[2], status;
	char name[32];
	size_t size;
	__u8 *data;
	pid_t child;

	size = file_read(&data);
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		_exit(write(ends[1], data, size) != (ssize_t)size);
	close(ends[1]);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[0]);
	assert_int_equal(capture_open(name, &reader, message, sizeof(message)), 0);
	assert_int_equal(read_all(reader), stream_records());
	assert_false(capture_info(reader)->cut);
	assert_true(capture_blocks(reader) < 0);
	capture_reader_close(reader);
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	free(data);
}

static void test_pipe(void **state)
{
	(void)state;
	write_capture(true);
	check_pipe();
	write_format_1(true);
	check_pipe();
}

/* The blocks that the index tells of are those that reading finds. */
static void check_places(struct capture_reader *reader, size_t records)
{
	long blocks = capture_blocks(reader);
	__u64 before = 0;

	assert_int_equal(blocks, (records + BLOCK_RECORDS - 1) / BLOCK_RECORDS);
	for (long i = 0; i < blocks; i++) {
		const struct capture_place *place = capture_place(reader, (size_t)i);

		assert_int_equal(place->block.before, before);
		before += place->block.records;
		assert_true(capture_place_has(place, 3) == (place->block.inodes > 0));
		assert_false(capture_place_has(place, 2));
	}
	assert_null(capture_place(reader, (size_t)blocks));
	assert_int_equal(before, records);
}

/* From the @block-th on it is the stream's own records. */
static void check_sought(struct capture_reader *reader, size_t block)
{
	const struct record_header *record;
	size_t at = 0, nr = 0;

	for (; nr < block * BLOCK_RECORDS; nr++)
		at += ((const struct record_header *)(stream.data + at))->size;
	for (; at < stream.used; at += record->size) {
		assert_int_equal(capture_next(reader, &record), 1);
		assert_memory_equal(record, stream.data + at, record->size);
	}
	assert_int_equal(capture_next(reader, &record), 0);
}

static void check_seeks(struct capture_reader *reader, size_t records)
{
	long blocks = capture_blocks(reader);

	for (long i = blocks - 1; i >= 0; i--) {
		__u64 last = capture_place(reader, (size_t)i)->block.time_last;

		assert_int_equal(capture_seek(reader, (size_t)i), 0);
		check_sought(reader, (size_t)i);
		/* Spans may touch: not behind the one that was asked for. */
		assert_int_equal(capture_seek_time(reader, last), 0);
		check_sought(reader, (size_t)i);
		assert_int_equal(capture_seek_time(reader, last + 1), 0);
		check_sought(reader, (size_t)i + 1);
	}
	assert_int_equal(capture_seek(reader, 0), 0);
	assert_int_equal(read_all(reader), records);
}

static void test_index(void **state)
{
	struct capture_reader *reader;

	(void)state;
	for (int finish = 0; finish < 2; finish++) {
		write_capture(finish);
		assert_int_equal(capture_open(path, &reader, message, sizeof(message)), 0);
		check_places(reader, stream_records());
		check_seeks(reader, stream_records());
		capture_reader_close(reader);
	}
	write_format_1(true);
	assert_int_equal(capture_open(path, &reader, message, sizeof(message)), 0);
	assert_int_equal(capture_blocks(reader), -EOPNOTSUPP);
	assert_int_equal(read_all(reader), stream_records());
	capture_reader_close(reader);
}

/* An index that lies is not believed: the blocks are read instead. */
static void test_index_damaged(void **state)
{
	struct capture_reader *reader;
	size_t size, index;
	__u8 *data;

	(void)state;
	write_capture(true);
	size = file_read(&data);
	index = ((const struct capture_header *)data)->index;
	for (size_t at = index; at < size; at++) {
		data[at] ^= 0x10;
		assert_int_equal(capture_open_memory(data, size, &reader, message, sizeof(message)),
				 0);
		check_places(reader, stream_records());
		capture_reader_close(reader);
		data[at] ^= 0x10;
	}
	free(data);
}

/* Few bytes that claim to be many records are refused before they cost anything. */
static void test_block_bomb(void **state)
{
	struct capture_reader *reader;
	struct capture_writer *writer;
	struct pack_buffer packed = { 0 }, file = { 0 };
	struct capture_block block = { .kind = CAPTURE_BLOCK_RECORDS };
	struct record_flush flush = { .header = { .kind = RECORD_FLUSH, .size = sizeof(flush) } };

	(void)state;
	assert_int_equal(capture_create(path, &writer, message, sizeof(message)), 0);
	capture_close(writer);
	file.used = file_read(&file.data);
	file.room = file.used + 1;
	stream.used = 0;
	for (; block.records < 16000; block.records++)
		stream_add(&stream, &flush.header);
	block.bytes = (__u32)stream.used;
	pack_records(stream.data, block.records, 0, &packed);
	assert_int_equal(block_store(&block, NULL, &packed, &file), 0);
	/* As dense as can be, and still in proportion. */
	assert_true(block.bytes <= 256ULL * block.size + 65536);
	assert_int_equal(
		capture_open_memory(file.data, file.used, &reader, message, sizeof(message)), 0);
	assert_int_equal(read_all(reader), block.records);
	capture_reader_close(reader);
	/* Less than it holds, with a checksum that is right. */
	file.used = CAPTURE_HEADER_SIZE;
	block.bytes = sizeof(flush);
	assert_int_equal(block_store(&block, NULL, &packed, &file), 0);
	assert_int_equal(
		capture_open_memory(file.data, file.used, &reader, message, sizeof(message)), 0);
	assert_int_equal(read_all(reader), -EBADMSG);
	capture_reader_close(reader);
	free(packed.data);
	free(file.data);
}

/* What a page's life costs: joined, zapped and flushed, restored, gone, freed. */
static void test_page_life(void **state)
{
	struct stat status;
	const size_t pages = 20000;

	(void)state;
	srand(1);
	for (size_t i = 0; i < pages; i++) {
		__u64 pfn = 1000000 + i * 7 % 4096 + (__u64)(rand() % 64) * 4096;

		stream.now += (__u64)rand() % 2000;
		stream_fault(&stream, 7, 3, i, pfn);
		stream.now += (__u64)rand() % 2000;
		stream_zap(&stream, 7, 3, i, pfn, 1, true, 0);
		stream_leave(&stream, 7, pfn);
	}
	write_capture_in(4000, true);
	assert_int_equal(stat(path, &status), 0);
	print_message("# %zu bytes a page\n", (size_t)status.st_size / pages);
	assert_true((size_t)status.st_size <= 40 * pages);
}

static size_t fixture_read(const char *name, enum verdict_value *value, __u32 *checksum)
{
	const struct record_header *record;
	struct capture_reader *reader;
	struct model *model = model_create(NULL);
	struct verdict *verdict = verdict_create(model, NULL);
	size_t nr = 0;
	char file[256];

	snprintf(file, sizeof(file), "tests/unit/fixtures/%s", name);
	if (capture_open(file, &reader, message, sizeof(message)))
		fail_msg("%s", message);
	*checksum = 0;
	for (; capture_next(reader, &record) > 0; nr++) {
		*checksum = (__u32)crc32(*checksum, (const Bytef *)record, record->size);
		assert_int_equal(model_feed(model, record), 0);
	}
	assert_string_equal(capture_message(reader), "");
	model_finish(model);
	*value = verdict_value(verdict);
	verdict_free(verdict);
	model_free(model);
	capture_reader_close(reader);
	return nr;
}

/* Files that earlier versions wrote, of the same records. They are never written anew. */
static void test_fixtures(void **state)
{
	static const char *const names[] = { "format-1.cap", "format-2.cap" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		enum verdict_value value;
		__u32 checksum = 0;

		assert_int_equal(fixture_read(names[i], &value, &checksum), FIXTURE_RECORDS);
		assert_int_equal(checksum, FIXTURE_CHECKSUM);
		assert_int_equal(value, VERDICT_VIOLATED);
	}
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
		CAPTURE_TEST(test_format_1_cut_everywhere),
		CAPTURE_TEST(test_bit_flips),
		CAPTURE_TEST(test_bit_flips_change_nothing),
		CAPTURE_TEST(test_format_1_bit_flips_incomplete),
		CAPTURE_TEST(test_versions),
		CAPTURE_TEST(test_facts),
		CAPTURE_TEST(test_no_space_at_once),
		CAPTURE_TEST(test_disk_full),
		CAPTURE_TEST(test_killed),
		CAPTURE_TEST(test_pipe),
		CAPTURE_TEST(test_index),
		CAPTURE_TEST(test_index_damaged),
		CAPTURE_TEST(test_block_bomb),
		CAPTURE_TEST(test_page_life),
		CAPTURE_TEST(test_fixtures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
