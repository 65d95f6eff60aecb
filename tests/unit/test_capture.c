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
#include "simulator.h"
#include "written.h"

static void test_round_trip(void **state)
{
	struct capture_reader *reader;
	const struct record_header *record;
	const struct capture_info *info;

	(void)state;
	written_capture(true);
	assert_int_equal(
		capture_open(written_path, &reader, written_message, sizeof(written_message)), 0);
	for (size_t at = 0; at < written.used;) {
		const struct record_header *expected = (const void *)(written.data + at);

		assert_int_equal(capture_next(reader, &record), 1);
		assert_int_equal(record->size, expected->size);
		assert_memory_equal(record, expected, expected->size);
		at += expected->size;
	}
	assert_int_equal(capture_next(reader, &record), 0);
	assert_int_equal(capture_next(reader, &record), 0);
	info = capture_info(reader);
	assert_false(info->incomplete);
	assert_false(info->cut);
	assert_int_equal(info->records, written_records());
	assert_int_equal(info->header.records, written_records());
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
	written_capture(false);
	assert_int_equal(
		capture_open(written_path, &reader, written_message, sizeof(written_message)), 0);
	assert_int_equal(written_read_all(reader), written_records());
	assert_true(capture_info(reader)->incomplete);
	assert_non_null(strstr(capture_message(reader), "INCOMPLETE"));
	capture_reader_close(reader);
}

static void test_empty(void **state)
{
	struct capture_reader *reader;

	(void)state;
	written_write("", 0);
	assert_int_equal(
		capture_open(written_path, &reader, written_message, sizeof(written_message)),
		-ENODATA);
	assert_non_null(strstr(written_message, "empty"));
	assert_null(reader);
}

static void test_foreign(void **state)
{
	struct capture_reader *reader;
	char text[600];

	(void)state;
	memset(text, 'x', sizeof(text));
	written_write(text, sizeof(text));
	assert_int_equal(
		capture_open(written_path, &reader, written_message, sizeof(written_message)),
		-EBADMSG);
	assert_non_null(strstr(written_message, "not a gmemtrace capture"));
	written_write("hello\n", 6);
	assert_int_equal(
		capture_open(written_path, &reader, written_message, sizeof(written_message)),
		-EBADMSG);
	assert_int_equal(capture_open("/nonexistent/file", &reader, written_message,
				      sizeof(written_message)),
			 -ENOENT);
	assert_int_equal(capture_open("/tmp", &reader, written_message, sizeof(written_message)),
			 -EISDIR);
}

static void test_newer(void **state)
{
	struct capture_reader *reader;
	__u8 *data;
	size_t size;

	(void)state;
	written_capture(true);
	size = written_read(&data);
	((struct capture_header *)data)->version = CAPTURE_VERSION + 1;
	written_write(data, size);
	free(data);
	assert_int_equal(
		capture_open(written_path, &reader, written_message, sizeof(written_message)),
		-EPROTONOSUPPORT);
	assert_non_null(strstr(written_message, "newer"));
}

/* Whatever is cut off, what is left is read to its last whole record, and marked. */
static void test_format_1_cut_everywhere(void **state)
{
	struct capture_reader *reader;
	size_t size, whole = 0, next = CAPTURE_HEADER_SIZE;
	__u8 *data;

	(void)state;
	written_format_1(true);
	size = written_read(&data);
	for (size_t cut = 1; cut < size; cut++) {
		int error = capture_open_memory(data, cut, &reader, written_message,
						sizeof(written_message));

		if (cut < CAPTURE_HEADER_SIZE) {
			assert_int_equal(error, -EPROTO);
			assert_non_null(strstr(written_message, "cut within its header"));
			continue;
		}
		assert_int_equal(error, 0);
		while (next + ((struct record_header *)(data + next))->size <= cut) {
			next += ((struct record_header *)(data + next))->size;
			whole++;
		}
		assert_int_equal(written_read_all(reader), whole);
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
	written_capture(true);
	size = written_read(&data);
	for (size_t cut = CAPTURE_HEADER_SIZE; cut < size; cut++) {
		assert_int_equal(capture_open_memory(data, cut, &reader, written_message,
						     sizeof(written_message)),
				 0);
		assert_int_equal(written_read_all(reader), whole_records(data, cut));
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
	written_capture(false);
	size = written_read(&data);
	for (size_t cut = CAPTURE_HEADER_SIZE; cut <= size; cut++) {
		assert_int_equal(capture_open_memory(data, cut, &reader, written_message,
						     sizeof(written_message)),
				 0);
		assert_int_equal(written_read_all(reader), whole_records(data, cut));
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

	size = written_read(&data);
	for (size_t bit = first * 8; bit < size * 8; bit++) {
		bool noticed;

		data[bit / 8] ^= (__u8)(1 << bit % 8);
		noticed = capture_open_memory(data, size, &reader, written_message,
					      sizeof(written_message)) != 0;
		assert_true(!noticed || written_message[0]);
		if (!noticed) {
			int read = written_read_all(reader);

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
	written_capture(true);
	check_flips(0, written_records());
	written_capture(false);
	check_flips(0, written_records());
	written_format_1(true);
	check_flips(0, written_records());
}

/* What a flip leaves of a capture is what was there, and never something else. */
static void test_bit_flips_change_nothing(void **state)
{
	struct capture_reader *reader;
	const struct record_header *record;
	size_t size;
	__u8 *data;

	(void)state;
	written_capture(false);
	size = written_read(&data);
	for (size_t bit = CAPTURE_HEADER_SIZE * 8; bit < size * 8; bit++) {
		size_t at = 0;

		data[bit / 8] ^= (__u8)(1 << bit % 8);
		assert_int_equal(capture_open_memory(data, size, &reader, written_message,
						     sizeof(written_message)),
				 0);
		while (capture_next(reader, &record) > 0) {
			assert_memory_equal(record, written.data + at, record->size);
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
	written_format_1(false);
	size = written_read(&data);
	for (size_t bit = CAPTURE_HEADER_SIZE * 8; bit < size * 8; bit += 3) {
		const struct record_header *record;
		struct model_options options = { .memory_max = 64 << 20 };
		struct model *model = model_create(&options);
		struct verdict *verdict = verdict_create(model, NULL);

		data[bit / 8] ^= (__u8)(1 << bit % 8);
		assert_int_equal(capture_open_memory(data, size, &reader, written_message,
						     sizeof(written_message)),
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
	assert_int_equal(
		capture_create(written_path, &writer, written_message, sizeof(written_message)), 0);
	assert_int_equal(capture_append(writer, &unknown), -EINVAL);
	assert_int_equal(capture_append(writer, &shorter.header), -EINVAL);
	capture_close(writer);
	written.used = 0;
	stream_add(&written, &longer.flush.header);
	stream_add(&written, &unknown);
	stream_add(&written, &shorter.header);
	file.used = written_read(&file.data);
	file.room = file.used + 1;
	block.bytes = (__u32)written.used;
	pack_records(written.data, 3, 0, &packed);
	assert_int_equal(block_store(&block, NULL, &packed, &file), 0);
	assert_int_equal(capture_open_memory(file.data, file.used, &reader, written_message,
					     sizeof(written_message)),
			 0);
	check_versions(reader);
	free(packed.data);
	free(file.data);
	written_format_1(false);
	assert_int_equal(
		capture_open(written_path, &reader, written_message, sizeof(written_message)), 0);
	check_versions(reader);
}

/* One of each kind that is stored, eight bytes short of what it is today. */
static void test_all_shorter(void **state)
{
	static const struct {
		__u16 kind, bytes;
	} kinds[] = {
#define SHORTER(kind, id, type, bytes, ...) { id, bytes },
		RECORD_KINDS(SHORTER)
#undef SHORTER
	};
	struct capture_block block = { .kind = CAPTURE_BLOCK_RECORDS };
	struct pack_buffer packed = { 0 }, file = { 0 };
	const struct record_header *record;
	struct capture_reader *reader;
	struct capture_writer *writer;

	(void)state;
	assert_int_equal(
		capture_create(written_path, &writer, written_message, sizeof(written_message)), 0);
	capture_close(writer);
	written.used = 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		__u64 words[CAPTURE_RECORD_MAX / 8];
		struct record_header *shorter = (struct record_header *)words;

		/* Nothing follows an end; texts are as long as they are. */
		if (!record_stored_size(kinds[i].kind) || kinds[i].kind == RECORD_END ||
		    kinds[i].kind == RECORD_FACT || kinds[i].kind == RECORD_STACK ||
		    kinds[i].bytes < sizeof(*shorter) + 8)
			continue;
		memset(words, 0x5a, kinds[i].bytes);
		shorter->kind = kinds[i].kind;
		shorter->size = (__u16)(kinds[i].bytes - 8);
		stream_add(&written, shorter);
		block.records++;
	}
	assert_true(block.records > 10);
	file.used = written_read(&file.data);
	file.room = file.used + 1;
	block.bytes = (__u32)written.used;
	pack_records(written.data, block.records, 0, &packed);
	assert_int_equal(block_store(&block, NULL, &packed, &file), 0);
	assert_int_equal(capture_open_memory(file.data, file.used, &reader, written_message,
					     sizeof(written_message)),
			 0);
	while (capture_next(reader, &record) > 0) {
		const __u8 *bytes = (const __u8 *)record;
		__u16 size = record_stored_size(record->kind);

		assert_int_equal(record->size, size);
		if (size - 8U > sizeof(*record))
			assert_int_equal(bytes[size - 9], 0x5a);
		for (__u16 i = 1; i <= 8; i++)
			assert_int_equal(bytes[size - i], 0);
		block.records--;
	}
	assert_int_equal(block.records, 0);
	capture_reader_close(reader);
	free(packed.data);
	free(file.data);
}

static void test_facts(void **state)
{
	struct capture_reader *reader;
	const struct record_header *record;
	struct capture_writer *writer;
	const struct record_fact *fact;

	(void)state;
	assert_int_equal(
		capture_create(written_path, &writer, written_message, sizeof(written_message)), 0);
	assert_int_equal(capture_append_fact(writer, 5, "kernel.release", "6.12.0"), 0);
	assert_int_equal(capture_append_fact(writer, 6, "empty", ""), 0);
	assert_int_equal(capture_finish(writer), 0);
	capture_close(writer);
	assert_int_equal(
		capture_open(written_path, &reader, written_message, sizeof(written_message)), 0);
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
	assert_int_equal(
		capture_create("/dev/full", &writer, written_message, sizeof(written_message)),
		-ENOSPC);
	assert_null(writer);
	assert_non_null(strstr(written_message, "No space left"));
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
	assert_int_equal(
		capture_create(written_path, &writer, written_message, sizeof(written_message)), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &new), 0);
	for (size_t at = 0; at < written.used && !failed;) {
		const struct record_header *record = (const void *)(written.data + at);

		failed = capture_append(writer, record);
		if (!failed)
			failed = capture_flush(writer);
		at += record->size;
	}
	assert_int_equal(capture_finish(writer), -EFBIG);
	assert_int_equal(capture_append(writer, (const void *)written.data), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	error = capture_take_error(writer);
	assert_non_null(error);
	assert_non_null(strstr(error, "are kept"));
	assert_null(capture_take_error(writer));
	capture_close(writer);
	assert_int_equal(
		capture_open(written_path, &reader, written_message, sizeof(written_message)), 0);
	assert_true(written_read_all(reader) > 0);
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

/* There is room for the end, and not for what stands before it: it is not finished. */
static void test_disk_full_before_the_end(void **state)
{
	struct capture_writer *writer;
	struct capture_reader *reader;
	struct rlimit old, new;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	new = (struct rlimit){ CAPTURE_HEADER_SIZE + 200, old.rlim_max };
	assert_int_equal(
		capture_create(written_path, &writer, written_message, sizeof(written_message)), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &new), 0);
	for (size_t at = 0; at < written.used;) {
		const struct record_header *record = (const void *)(written.data + at);

		assert_int_equal(capture_append(writer, record), 0);
		at += record->size;
	}
	assert_int_equal(capture_finish(writer), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	capture_close(writer);
	assert_int_equal(
		capture_open(written_path, &reader, written_message, sizeof(written_message)), 0);
	assert_int_equal(written_read_all(reader), 0);
	assert_true(capture_info(reader)->incomplete);
	capture_reader_close(reader);
}

/* Records of a correct kernel, until there is no room for more of them than @limit bytes. */
static void write_simulated(const struct simulator_result *whole, rlim_t limit)
{
	struct capture_writer *writer;
	struct rlimit old, new;
	size_t nr = 0;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	new = (struct rlimit){ limit, old.rlim_max };
	assert_int_equal(
		capture_create(written_path, &writer, written_message, sizeof(written_message)), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &new), 0);
	for (size_t at = 0; at < whole->stream_used;) {
		const struct record_header *record = (const void *)(whole->stream + at);

		if (capture_append(writer, record) || (!(++nr % 50) && capture_flush(writer)))
			break;
		at += record->size;
	}
	assert_int_equal(capture_finish(writer), -EFBIG);
	capture_close(writer);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
}

static enum verdict_value judge_written(void)
{
	struct simulator_result cut = { 0 };
	const struct record_header *record;
	struct capture_reader *reader;
	enum verdict_value value;

	simulator_judge_begin(&cut);
	assert_int_equal(
		capture_open(written_path, &reader, written_message, sizeof(written_message)), 0);
	while (capture_next(reader, &record) > 0)
		model_feed(cut.model, record);
	assert_true(capture_info(reader)->incomplete);
	verdict_mark_incomplete(cut.verdict, capture_message(reader));
	model_finish(cut.model);
	value = verdict_value(cut.verdict);
	capture_reader_close(reader);
	simulator_result_free(&cut);
	return value;
}

/* Where the disk ended, nobody is accused and nothing is proved. */
static void test_disk_full_is_judged(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	for (unsigned int seed = 1; seed <= 10; seed++) {
		struct simulator_options options = { .seed = seed, .steps = 3000, .keep = true };
		struct simulator_result whole;

		simulator_run(&options, &whole);
		assert_int_equal(verdict_value(whole.verdict), VERDICT_CONSISTENT);
		for (rlim_t limit = 1000; limit < 20000; limit += 1999) {
			write_simulated(&whole, limit);
			assert_int_equal(judge_written(), VERDICT_INCONCLUSIVE);
		}
		simulator_result_free(&whole);
	}
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

		if (capture_create(written_path, &writer, NULL, 0))
			_exit(1);
		for (size_t at = 0; at < written.used;) {
			const struct record_header *record = (const void *)(written.data + at);

			capture_append(writer, record);
			at += record->size;
		}
		capture_flush(writer);
		capture_append(writer, (const void *)written.data);
		usleep(300000);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(
		capture_open(written_path, &reader, written_message, sizeof(written_message)), 0);
	assert_int_equal(written_read_all(reader), written_records());
	assert_true(capture_info(reader)->incomplete);
	assert_false(capture_info(reader)->cut);
	capture_reader_close(reader);
}

#define CAPTURE_TEST(name) cmocka_unit_test_setup_teardown(name, written_setup, written_teardown)

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
		CAPTURE_TEST(test_all_shorter),
		CAPTURE_TEST(test_facts),
		CAPTURE_TEST(test_no_space_at_once),
		CAPTURE_TEST(test_disk_full),
		CAPTURE_TEST(test_disk_full_before_the_end),
		CAPTURE_TEST(test_disk_full_is_judged),
		CAPTURE_TEST(test_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
