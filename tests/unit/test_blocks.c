// SPDX-License-Identifier: GPL-2.0
/*
 * A capture as a row of blocks: through a pipe, sought by its index or without
 * one, in bytes a page, and as earlier versions wrote it.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>
#include "capture/block.h"
#include "gmemtrace/run.h"
#include "written.h"

/* What the fixtures hold. */
#define FIXTURE_RECORDS 498
#define FIXTURE_CHECKSUM 0x1a96e8c9

/* A capture is read through a pipe, where nothing can be sought. */
static void check_pipe(void)
{
	struct capture_reader *reader;
	int ends[2], status;
	char name[32];
	size_t size;
	__u8 *data;
	pid_t child;

	size = written_read(&data);
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		_exit(write(ends[1], data, size) != (ssize_t)size);
	close(ends[1]);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[0]);
	assert_int_equal(capture_open(name, &reader, written_message, sizeof(written_message)), 0);
	assert_int_equal(written_read_all(reader), written_records());
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
	written_capture(true);
	check_pipe();
	written_format_1(true);
	check_pipe();
}

/* The blocks that the index tells of are those that reading finds. */
static void check_places(struct capture_reader *reader, size_t records)
{
	long blocks = capture_blocks(reader);
	__u64 before = 0;

	assert_int_equal(blocks, (records + WRITTEN_BLOCK - 1) / WRITTEN_BLOCK);
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

	for (; nr < block * WRITTEN_BLOCK; nr++)
		at += ((const struct record_header *)(written.data + at))->size;
	for (; at < written.used; at += record->size) {
		assert_int_equal(capture_next(reader, &record), 1);
		assert_memory_equal(record, written.data + at, record->size);
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
	assert_int_equal(written_read_all(reader), records);
}

static void test_index(void **state)
{
	struct capture_reader *reader;

	(void)state;
	for (int finish = 0; finish < 2; finish++) {
		written_capture(finish);
		assert_int_equal(capture_open(written_path, &reader, written_message,
					      sizeof(written_message)),
				 0);
		check_places(reader, written_records());
		check_seeks(reader, written_records());
		capture_reader_close(reader);
	}
	written_format_1(true);
	assert_int_equal(
		capture_open(written_path, &reader, written_message, sizeof(written_message)), 0);
	assert_int_equal(capture_blocks(reader), -EOPNOTSUPP);
	assert_int_equal(written_read_all(reader), written_records());
	capture_reader_close(reader);
}

/* A capture that is cut in its first block has none: that is known, and not asked for again and again. */
static void test_no_block(void **state)
{
	struct capture_reader *reader;
	__u8 *data;

	(void)state;
	written_capture(true);
	written_read(&data);
	written_write(data, sizeof(struct capture_header) + 40);
	free(data);
	assert_int_equal(
		capture_open(written_path, &reader, written_message, sizeof(written_message)), 0);
	assert_int_equal(capture_blocks(reader), 0);
	assert_int_equal(capture_seek(reader, 0), 0);
	assert_int_equal(capture_seek(reader, 3), 0);
	assert_int_equal(capture_blocks(reader), 0);
	assert_int_equal(written_read_all(reader), 0);
	assert_true(capture_info(reader)->cut);
	capture_reader_close(reader);
}

/* An index that lies is not believed: the blocks are read instead. */
static void test_index_damaged(void **state)
{
	struct capture_reader *reader;
	size_t size, index;
	__u8 *data;

	(void)state;
	written_capture(true);
	size = written_read(&data);
	index = ((const struct capture_header *)data)->index;
	for (size_t at = index; at < size; at++) {
		data[at] ^= 0x10;
		assert_int_equal(capture_open_memory(data, size, &reader, written_message,
						     sizeof(written_message)),
				 0);
		check_places(reader, written_records());
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
	assert_int_equal(
		capture_create(written_path, &writer, written_message, sizeof(written_message)), 0);
	capture_close(writer);
	file.used = written_read(&file.data);
	file.room = file.used + 1;
	written.used = 0;
	for (; block.records < 16000; block.records++)
		stream_add(&written, &flush.header);
	block.bytes = (__u32)written.used;
	pack_records(written.data, block.records, 0, &packed);
	assert_int_equal(block_store(&block, NULL, &packed, &file), 0);
	/* As dense as can be, and still in proportion. */
	assert_true(block.bytes <= 256ULL * block.size + 65536);
	assert_int_equal(capture_open_memory(file.data, file.used, &reader, written_message,
					     sizeof(written_message)),
			 0);
	assert_int_equal(written_read_all(reader), block.records);
	capture_reader_close(reader);
	/* Less than it holds, with a checksum that is right. */
	file.used = CAPTURE_HEADER_SIZE;
	block.bytes = sizeof(flush);
	assert_int_equal(block_store(&block, NULL, &packed, &file), 0);
	assert_int_equal(capture_open_memory(file.data, file.used, &reader, written_message,
					     sizeof(written_message)),
			 0);
	assert_int_equal(written_read_all(reader), -EBADMSG);
	capture_reader_close(reader);
	free(packed.data);
	free(file.data);
}

/* A file as bytes, and its blocks. */
struct bytes {
	__u8 *data;
	size_t size;
};

static struct capture_block *block_at(struct bytes *bytes, size_t nr)
{
	struct capture_block *block = (void *)(bytes->data + CAPTURE_HEADER_SIZE);

	while (nr--)
		block = (void *)((__u8 *)block + block->size);
	return block;
}

/* A checksum that is right for what was put there. */
static void block_seal(struct capture_block *block)
{
	size_t from = offsetof(struct capture_block, size);

	block->checksum = (__u32)crc32(0, (const Bytef *)block + from, (uInt)(block->size - from));
}

/* How many records are given out before the end, which is to be an error or a cut. */
static size_t read_damaged(const struct bytes *bytes)
{
	const struct record_header *record;
	struct capture_reader *reader;
	size_t nr = 0;
	int got;

	assert_int_equal(capture_open_memory(bytes->data, bytes->size, &reader, written_message,
					     sizeof(written_message)),
			 0);
	while ((got = capture_next(reader, &record)) > 0)
		nr++;
	assert_true(got == -EBADMSG || (!got && capture_info(reader)->cut));
	capture_reader_close(reader);
	return nr;
}

/* Numbers that lie under a checksum that is right. */
static void test_block_lies(void **state)
{
	struct bytes bytes;
	struct capture_block kept, *block;

	(void)state;
	written_capture(false);
	bytes.size = written_read(&bytes.data);
	block = block_at(&bytes, 1);
	kept = *block;
	block->before++;
	block_seal(block);
	assert_int_equal(read_damaged(&bytes), WRITTEN_BLOCK);
	*block = kept;
	block->bytes += 64;
	block_seal(block);
	assert_int_equal(read_damaged(&bytes), 2 * WRITTEN_BLOCK);
	/* Enough for one record only. */
	*block = kept;
	block->bytes = sizeof(struct record_zap);
	block_seal(block);
	assert_true(read_damaged(&bytes) < WRITTEN_BLOCK + 3);
	*block = kept;
	block->records--;
	block_seal(block);
	assert_int_equal(read_damaged(&bytes), WRITTEN_BLOCK);
	*block = kept;
	block->packed--;
	block_seal(block);
	assert_int_equal(read_damaged(&bytes), WRITTEN_BLOCK);
	*block = kept;
	block->bytes = 256 * block->size + 65536 + 8;
	block_seal(block);
	assert_int_equal(read_damaged(&bytes), WRITTEN_BLOCK);
	*block = kept;
	block->kind = 9;
	block_seal(block);
	assert_int_equal(read_damaged(&bytes), WRITTEN_BLOCK);
	free(bytes.data);
}

/* Blocks that are there twice, in another order, or behind the end. */
static void test_block_order(void **state)
{
	struct bytes bytes;
	struct capture_block *first, *second;
	size_t size;

	(void)state;
	written_capture(false);
	bytes.size = written_read(&bytes.data);
	first = block_at(&bytes, 0);
	second = block_at(&bytes, 1);
	memmove(first, second, bytes.size - (size_t)((__u8 *)second - bytes.data));
	bytes.size -= (size_t)((__u8 *)second - (__u8 *)first);
	assert_int_equal(read_damaged(&bytes), 0);
	free(bytes.data);

	written_capture(true);
	bytes.size = size = written_read(&bytes.data);
	bytes.data = realloc(bytes.data, 2 * size);
	assert_non_null(bytes.data);
	bytes.data[bytes.size++] = 0;
	assert_int_equal(read_damaged(&bytes), written_records());
	/* A block of another capture's, whole in itself. */
	bytes.size = size;
	block_at(&bytes, 1)->time_last++;
	block_seal(block_at(&bytes, 1));
	assert_int_equal(read_damaged(&bytes), written_records());
	block_at(&bytes, 1)->time_last--;
	block_seal(block_at(&bytes, 1));
	memcpy(bytes.data + size, bytes.data + CAPTURE_HEADER_SIZE, size - CAPTURE_HEADER_SIZE);
	bytes.size = 2 * size - CAPTURE_HEADER_SIZE;
	assert_int_equal(read_damaged(&bytes), written_records());
	free(bytes.data);
}

/* An index of other blocks, with a checksum that is right, is no index. */
static void test_index_lies(void **state)
{
	struct capture_block block = { .kind = CAPTURE_BLOCK_INDEX }, *old;
	struct pack_buffer index = { 0 }, file = { 0 };
	struct capture_reader *reader;
	struct bytes bytes;

	(void)state;
	written_capture(true);
	bytes.size = written_read(&bytes.data);
	old = block_at(&bytes, 0);
	pack_bytes(&index, old, sizeof(*old) + old->inodes * sizeof(__u32));
	file.used = file.room = ((struct capture_header *)bytes.data)->index;
	file.data = bytes.data;
	assert_int_equal(block_store(&block, NULL, &index, &file), 0);
	assert_int_equal(capture_open_memory(file.data, file.used, &reader, written_message,
					     sizeof(written_message)),
			 0);
	check_places(reader, written_records());
	capture_reader_close(reader);
	free(index.data);
	free(file.data);
}

/* Inodes are found in whatever order they were met. */
static void test_places_of_inodes(void **state)
{
	static const __u64 inodes[] = { 9, 4, 7, 1, 8 };
	struct capture_reader *reader;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		stream_join(&written, 7, inodes[i], i, 5000 + i);
	written_in_blocks(1000, true);
	assert_int_equal(
		capture_open(written_path, &reader, written_message, sizeof(written_message)), 0);
	assert_int_equal(capture_blocks(reader), 1);
	for (__u32 inode = 1; inode < 12; inode++) {
		bool there = inode == 3;

		for (size_t i = 0; i < 5; i++)
			there |= inode == inodes[i];
		assert_int_equal(capture_place_has(capture_place(reader, 0), inode), there);
	}
	capture_reader_close(reader);
	/* Too many to name: any may be there. */
	for (__u64 i = 0; i < CAPTURE_BLOCK_INODES_MAX; i++)
		stream_join(&written, 7, 100 + i, i, 6000 + i);
	written_in_blocks(10000, true);
	assert_int_equal(
		capture_open(written_path, &reader, written_message, sizeof(written_message)), 0);
	assert_int_equal(capture_blocks(reader), 1);
	assert_true(capture_place_has(capture_place(reader, 0), 5));
	capture_reader_close(reader);
}

/* One flush of one lane, as the three numbers say; whether it is taken. */
static bool unpacks(__u16 lane, __u16 source, __u8 number)
{
	struct record_flush flush = { .header = { .kind = RECORD_FLUSH, .size = sizeof(flush) } };
	struct pack_head head = { 1 };
	struct pack_kind kind = { RECORD_FLUSH, sizeof(flush), 1 };
	struct pack_lane row = { lane, source, 1 };
	struct pack_buffer packed = { 0 };
	struct unpack unpack = { 0 };
	__u8 order = 0;
	bool taken;

	pack_bytes(&packed, &head, sizeof(head));
	pack_bytes(&packed, &kind, sizeof(kind));
	pack_bytes(&packed, &flush, sizeof(flush));
	pack_bytes(&packed, &row, sizeof(row));
	pack_bytes(&packed, &order, 1);
	pack_bytes(&packed, &number, 1);
	taken = !unpack_begin(&unpack, packed.data, packed.used, 1, 0) && unpack_next(&unpack) &&
		unpack_over(&unpack);
	unpack_free(&unpack);
	free(packed.data);
	return taken;
}

static void test_lanes_lie(void **state)
{
	(void)state;
	assert_true(unpacks(4, 4, 2));
	assert_true(unpacks(15, 1, 2));
	assert_true(unpacks(15, PACK_SOURCE_TIME + 1, 2));
	/* Kind and size; a lane behind, or outside; a number without an end. */
	assert_false(unpacks(0, 0, 2));
	assert_false(unpacks(4, 5, 2));
	assert_false(unpacks(16, 4, 2));
	assert_false(unpacks(4, 40000, 2));
	assert_false(unpacks(4, 4, 0x80));
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

		written.now += (__u64)rand() % 2000;
		stream_fault(&written, 7, 3, i, pfn);
		written.now += (__u64)rand() % 2000;
		stream_zap(&written, 7, 3, i, pfn, 1, true, 0);
		stream_leave(&written, 7, pfn);
	}
	written_in_blocks(4000, true);
	assert_int_equal(stat(written_path, &status), 0);
	print_message("# %zu bytes a page\n", (size_t)status.st_size / pages);
	assert_true((size_t)status.st_size <= 40 * pages);
}

#define RECORD_REQUEST_FIXTURE 80 /* bytes */

/* The record as those who wrote the fixtures knew it: what has grown since is zero behind that. */
static __u32 fixture_checksum(__u32 checksum, const struct record_header *record)
{
	__u8 copy[RECORD_REQUEST_FIXTURE];
	__u16 size = sizeof(copy);

	if (record->kind != RECORD_REQUEST_BEGIN && record->kind != RECORD_REQUEST_END)
		return (__u32)crc32(checksum, (const Bytef *)record, record->size);
	for (size_t i = sizeof(copy); i < record->size; i++)
		assert_int_equal(((const __u8 *)record)[i], 0);
	memcpy(copy, record, sizeof(copy));
	memcpy(copy + offsetof(struct record_header, size), &size, sizeof(size));
	return (__u32)crc32(checksum, copy, sizeof(copy));
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
	if (capture_open(file, &reader, written_message, sizeof(written_message)))
		fail_msg("%s", written_message);
	*checksum = 0;
	for (; capture_next(reader, &record) > 0; nr++) {
		*checksum = fixture_checksum(*checksum, record);
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

/* What `check FILE` says of @path. */
static enum verdict_value replay(const char *path, bool *complete)
{
	struct run_options options = { .file = path };
	struct run_result result;
	struct verdict *verdict;
	enum verdict_value value;
	struct run *run;

	assert_int_equal(run_open(&run, &options), 0);
	verdict = verdict_create(run_model(run), NULL);
	assert_non_null(verdict);
	assert_int_equal(run_source(run, verdict, &result), 0);
	value = verdict_value(verdict);
	*complete = result.whole;
	verdict_free(verdict);
	run_close(run);
	return value;
}

/* A run reads a file twice, for its facts first; a pipe only once. */
static void test_replay_of_pipe(void **state)
{
	static const char *const names[] = { "tests/unit/fixtures/format-1.cap",
					     "tests/unit/fixtures/format-2.cap" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool complete;
		char name[32];
		FILE *pipe;

		assert_int_equal(replay(names[i], &complete), VERDICT_VIOLATED);
		assert_true(complete);
		assert_int_equal(setenv("FIXTURE", names[i], 1), 0);
		pipe = popen("cat \"$FIXTURE\"", "r");
		assert_non_null(pipe);
		snprintf(name, sizeof(name), "/proc/self/fd/%d", fileno(pipe));
		assert_int_equal(replay(name, &complete), VERDICT_VIOLATED);
		assert_true(complete);
		assert_int_equal(pclose(pipe), 0);
	}
}

#define BLOCK_TEST(name) cmocka_unit_test_setup_teardown(name, written_setup, written_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BLOCK_TEST(test_pipe),
		BLOCK_TEST(test_index),
		BLOCK_TEST(test_no_block),
		BLOCK_TEST(test_index_damaged),
		BLOCK_TEST(test_block_bomb),
		BLOCK_TEST(test_block_lies),
		BLOCK_TEST(test_block_order),
		BLOCK_TEST(test_index_lies),
		BLOCK_TEST(test_places_of_inodes),
		BLOCK_TEST(test_lanes_lie),
		BLOCK_TEST(test_page_life),
		BLOCK_TEST(test_fixtures),
		BLOCK_TEST(test_replay_of_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
