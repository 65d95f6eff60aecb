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
#include "serve/peer.h"

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

/* --- a client's records: those that go by the lane at once, and those that waited for room in it --- */

#define CHANGES (LANE_BYTES / sizeof(struct record_snapshot_page) + 1000)

static struct peers peers;

static void change(uint64_t i)
{
	struct record_zap zap = {
		.header = { .kind = RECORD_ZAP, .size = sizeof(zap), .time = 1 + i },
		.pgoff = i,
	};
	struct record_snapshot_page page = {
		.header = { .kind = RECORD_SNAPSHOT_PAGE, .size = sizeof(page), .time = 1 + i },
		.pgoff = i,
	};

	peers_record(&peers, i % 3 ? &zap.header : &page.header);
}

/* What the server does when it attends to the client: the backlog, as far as there is room. */
static void backlog_to_lane(struct peer *peer)
{
	const void *data;
	size_t size;

	while ((size = backlog_next(&peer->backlog, &data))) {
		ssize_t bytes = lane_write(&peer->lane, data, size);

		if (bytes <= 0)
			return;
		peer_sent(peer, (size_t)bytes, 1);
	}
}

/* As the client does; how many records came, each the one behind that before it. */
static uint64_t changes_read(struct lane *reader, uint64_t next)
{
	ssize_t there = lane_look(reader);
	size_t offset = 0;

	while ((size_t)there - offset >= sizeof(struct record_header)) {
		struct record_zap record;

		lane_copy(reader, offset, &record, sizeof(record.header));
		if (record.header.size > (size_t)there - offset)
			break;
		assert_true(record.header.size <= sizeof(record));
		lane_copy(reader, offset, &record, record.header.size);
		assert_int_equal(record.header.time, 1 + next);
		next++;
		offset += record.header.size;
	}
	lane_done(reader, offset);
	return next;
}

static void test_client(void **state)
{
	struct ends *ends = *state;
	const struct peers_limits limits = { 0 };
	struct peer *peer;
	uint64_t read = 0;
	char message[8];

	peers_init(&peers, &limits, 0);
	peer = peers_admit(&peers, 1, 0, 0, 0, message, sizeof(message));
	assert_non_null(peer);
	peer->owner = true;
	peer->lane = ends->writer;
	for (uint64_t i = 0; i < CHANGES; i++)
		change(i);
	/* It is full, and the rest waits. Room in it is not for what comes later. */
	assert_true(peer->backlog.bytes > 0);
	read = changes_read(&ends->reader, read);
	for (uint64_t i = CHANGES; i < CHANGES + 100; i++)
		change(i);
	backlog_to_lane(peer);
	assert_int_equal(peer->backlog.bytes, 0);
	for (uint64_t i = CHANGES + 100; i < CHANGES + 200; i++)
		change(i);
	read = changes_read(&ends->reader, read);
	assert_int_equal(read, CHANGES + 200);
	assert_int_equal(peer->time, CHANGES + 200);
	/* Who wants sums alone is spared them. */
	peer->reads.sums = true;
	change(0);
	assert_int_equal(lane_look(&ends->reader), 0);
	peers_drop(&peers, peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_and_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writer_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reader_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writer_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_client, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
