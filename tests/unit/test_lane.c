// SPDX-License-Identifier: GPL-2.0
/* Bytes through memory that two processes share: all of them, in order; and an end that lies or dies. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "serve/lane.h"

#define TURNS 4000
#define PIECE 4099 /* does not divide what the lane holds */

/* Both ends; the positions are the first bytes of two cache lines. */
struct ends {
	struct lane writer, reader;
	uint64_t *written, *read;
};

static int setup(void **state)
{
	static struct ends ends;

	assert_int_equal(lane_create(&ends.writer), 0);
	ends.reader = ends.writer;
	ends.written = (uint64_t *)ends.writer.memory;
	ends.read = ends.written + 8;
	*state = &ends;
	return 0;
}

static int teardown(void **state)
{
	struct ends *ends = *state;

	lane_close(&ends->writer);
	lane_close(&ends->writer);
	return 0;
}

/* As who reads the records does. */
static ssize_t lane_read(struct lane *lane, void *data, size_t size)
{
	ssize_t there = lane_look(lane);

	if (there <= 0)
		return there;
	size = size < (size_t)there ? size : (size_t)there;
	lane_copy(lane, 0, data, size);
	lane_done(lane, size);
	return (ssize_t)size;
}

static unsigned char expected(uint64_t position)
{
	return (unsigned char)(position * 7 + (position >> 12));
}

static void fill(unsigned char *piece, uint64_t position)
{
	for (size_t i = 0; i < PIECE; i++)
		piece[i] = expected(position + i);
}

static void all_right(const unsigned char *piece, ssize_t bytes, uint64_t position)
{
	assert_true(bytes >= 0);
	for (ssize_t i = 0; i < bytes; i++)
		assert_int_equal(piece[i], expected(position + (uint64_t)i));
}

static void test_turns(void **state)
{
	struct ends *ends = *state;
	unsigned char piece[PIECE];

	for (uint64_t i = 0; i < TURNS; i++) {
		uint64_t position = ends->reader.position;
		ssize_t bytes;

		fill(piece, ends->writer.position);
		assert_true(lane_write_whole(&ends->writer, piece, PIECE));
		bytes = lane_read(&ends->reader, piece, i % 2 ? PIECE : 64);
		all_right(piece, bytes, position);
		if (ends->writer.position - ends->reader.position > LANE_BYTES / 2)
			assert_int_equal(lane_read(&ends->reader, piece, PIECE), PIECE);
	}
	assert_true(ends->writer.position > 8ULL * LANE_BYTES);
}

static void test_full_and_empty(void **state)
{
	struct ends *ends = *state;
	static unsigned char all[LANE_BYTES];

	assert_int_equal(lane_read(&ends->reader, all, 8), 0);
	assert_int_equal(lane_write(&ends->writer, all, LANE_BYTES - 8), LANE_BYTES - 8);
	assert_false(lane_write_whole(&ends->writer, all, 16));
	assert_int_equal(lane_write(&ends->writer, all, 16), 8);
	assert_int_equal(lane_write(&ends->writer, all, 16), 0);
	assert_int_equal(lane_read(&ends->reader, all, 24), 24);
	assert_true(lane_write_whole(&ends->writer, all, 16));
	assert_int_equal(lane_read(&ends->reader, all, LANE_BYTES), LANE_BYTES - 8);
	assert_int_equal(lane_read(&ends->reader, all, LANE_BYTES), 0);
}

/* A position is believed where it can be, and only there. */
static void test_writer_lies(void **state)
{
	struct ends *ends = *state;
	static unsigned char all[2 * LANE_BYTES];

	assert_int_equal(lane_write(&ends->writer, all, 4096), 4096);
	assert_int_equal(lane_read(&ends->reader, all, 1024), 1024);
	*ends->written = 4088; /* backwards */
	assert_int_equal(lane_read(&ends->reader, all, sizeof(all)), -EPROTO);
	*ends->written = 512; /* before what was read */
	assert_int_equal(lane_read(&ends->reader, all, sizeof(all)), -EPROTO);
	*ends->written = 1024 + LANE_BYTES + 1; /* more than there is */
	assert_int_equal(lane_read(&ends->reader, all, sizeof(all)), -EPROTO);
	*ends->written = ~0ULL;
	assert_int_equal(lane_read(&ends->reader, all, sizeof(all)), -EPROTO);
	*ends->written = 1024 + LANE_BYTES;
	assert_int_equal(lane_read(&ends->reader, all, sizeof(all)), LANE_BYTES);
}

static void test_reader_lies(void **state)
{
	struct ends *ends = *state;
	static unsigned char all[LANE_BYTES];

	assert_int_equal(lane_write(&ends->writer, all, LANE_BYTES), LANE_BYTES);
	assert_int_equal(lane_read(&ends->reader, all, 1024), 1024);
	assert_int_equal(lane_write(&ends->writer, all, 512), 512);
	*ends->read = 1023; /* backwards */
	assert_int_equal(lane_write(&ends->writer, all, 1024), -EPROTO);
	assert_false(lane_write_whole(&ends->writer, all, 1024));
	*ends->read = LANE_BYTES + 513; /* what was not written */
	assert_int_equal(lane_write(&ends->writer, all, 1024), -EPROTO);
	assert_false(lane_write_whole(&ends->writer, all, 1024));
	*ends->read = 1024;
	assert_int_equal(lane_write(&ends->writer, all, 1024), 512);
}

/* What a writer in another process had written before it died is there. */
static void test_writer_dies(void **state)
{
	struct ends *ends = *state;
	unsigned char piece[PIECE];
	int status;
	pid_t child = fork();

	if (!child) {
		fill(piece, 0);
		_exit(lane_write(&ends->writer, piece, PIECE) != PIECE);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	all_right(piece, lane_read(&ends->reader, piece, PIECE), 0);
	assert_int_equal(ends->reader.position, PIECE);
	assert_int_equal(lane_read(&ends->reader, piece, PIECE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_and_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writer_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reader_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writer_dies, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
