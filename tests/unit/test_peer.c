// SPDX-License-Identifier: GPL-2.0
/* Clients as the server sees them: what they may have, what they miss, what they ask for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gmemtrace/model.h"
#include "serve/peer.h"

#define MS 1000000ULL
#define SECOND 1000000000ULL

static struct peers peers;
static char taken[1 << 20] __attribute__((aligned(8))); /* what a client has read */
static size_t taken_bytes;

static void start(uint32_t clients, uint64_t backlog, uint64_t own)
{
	const struct peers_limits limits = { .clients = clients, .backlog = backlog, .own = own };

	peers_init(&peers, &limits, 500);
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < PEERS_MAX; i++) {
		if (peers.list[i].id)
			peers_drop(&peers, &peers.list[i]);
	}
	return 0;
}

static struct peer *admit(uid_t uid)
{
	char message[256];

	return peers_admit(&peers, -1, 1, uid, 0, message, sizeof(message));
}

/* The client reads all that waits for it. */
static void take(struct peer *peer)
{
	const void *data;
	size_t size;

	taken_bytes = 0;
	while ((size = backlog_next(&peer->backlog, &data))) {
		assert_true(taken_bytes + size <= sizeof(taken));
		memcpy(taken + taken_bytes, data, size);
		taken_bytes += size;
		peer_sent(peer, size, 0);
	}
}

/* The first record of @kind that it read, or NULL. */
static const void *taken_find(uint16_t kind)
{
	for (size_t at = 0; at < taken_bytes;) {
		const struct record_header *record = (const void *)(taken + at);

		if (record->kind == kind)
			return record;
		at += record->size;
	}
	return NULL;
}

static size_t taken_count(uint16_t kind)
{
	size_t count = 0;

	for (size_t at = 0; at < taken_bytes;) {
		const struct record_header *record = (const void *)(taken + at);

		count += record->kind == kind;
		at += record->size;
	}
	return count;
}

static void send_flush(uint64_t time)
{
	const struct record_flush flush = {
		.header = { .kind = RECORD_FLUSH, .size = sizeof(flush), .time = time },
	};

	peers_record(&peers, &flush.header);
}

static void send_heartbeat(uint64_t watermark)
{
	const struct record_heartbeat heartbeat = {
		.header = { .kind = RECORD_HEARTBEAT,
			    .size = sizeof(heartbeat),
			    .time = watermark + 5 },
		.watermark = watermark,
	};

	peers_record(&peers, &heartbeat.header);
}

static void send_bracket(uint16_t kind, uint64_t inode, uint64_t snapshot, uint64_t pages)
{
	const struct record_snapshot record = {
		.header = { .kind = kind, .size = sizeof(record), .inode = inode },
		.inode_pages = pages,
		.snapshot = snapshot,
	};

	peers_record(&peers, &record.header);
}

static void send_page(uint64_t inode, uint64_t snapshot)
{
	const struct record_snapshot_page record = {
		.header = { .kind = RECORD_SNAPSHOT_PAGE, .size = sizeof(record), .inode = inode },
		.snapshot = snapshot,
	};

	peers_record(&peers, &record.header);
}

/* Until one is dropped for @peer. */
static void fill(struct peer *peer, uint64_t time)
{
	while (!peer->dropped)
		send_flush(time);
}

static void test_gap(void **state)
{
	struct record_zap zap = {
		.header = { .kind = RECORD_ZAP, .size = sizeof(zap), .time = 3000 },
		.zap_end = 900,
	};
	const struct record_loss *loss;
	struct peer *peer;

	(void)state;
	start(4, 1, BACKLOG_BLOCK_BYTES);
	peer = admit(1000);
	send_heartbeat(1000);
	fill(peer, 2000);
	assert_int_equal(peer->gap_since, 1000);
	/* The latest comes in the middle; a zap waited for its flush since before the heartbeat. */
	send_flush(9000);
	peers_record(&peers, &zap.header);
	send_flush(4000);
	assert_int_equal(peer->dropped, 4);
	take(peer);
	assert_null(taken_find(RECORD_LOSS));
	send_flush(5000);
	take(peer);
	loss = taken_find(RECORD_LOSS);
	assert_non_null(loss);
	assert_int_equal(loss->cause, RECORD_LOSS_CLIENT_SLOW);
	assert_int_equal(loss->count, 4);
	assert_int_equal(loss->since, 900);
	assert_int_equal(loss->header.time, 9000);
	assert_ptr_equal(taken, loss);
	assert_int_equal(taken_count(RECORD_FLUSH), 1);
}

/* Whoever comes late has missed what the last heartbeat did not know. */
static void test_gap_of_a_latecomer(void **state)
{
	struct peer *peer;

	(void)state;
	start(4, 1, BACKLOG_BLOCK_BYTES);
	send_heartbeat(7000);
	peer = admit(1000);
	fill(peer, 8000);
	assert_int_equal(peer->gap_since, 7000);
}

/* The client reads a block. */
static void take_block(struct peer *peer)
{
	const void *data;

	peer_sent(peer, backlog_next(&peer->backlog, &data), 0);
}

static void test_gap_is_one(void **state)
{
	struct peer *peer;

	(void)state;
	start(4, 1, 4 * BACKLOG_BLOCK_BYTES);
	peer = admit(1000);
	fill(peer, 2000);
	/* A little room is none: the client is as slow as before. */
	take_block(peer);
	for (int i = 0; i < 100; i++)
		send_flush(3000);
	assert_int_equal(peer->dropped, 101);
	take_block(peer);
	send_flush(4000);
	assert_int_equal(peer->dropped, 0);
}

/* It is told again of what it has not heard of. */
static void test_gap_with_an_inode(void **state)
{
	const struct record_inode inode = {
		.header = { .kind = RECORD_INODE, .size = sizeof(inode), .inode = 3 },
	};
	struct peer *peer;

	(void)state;
	start(4, 1, BACKLOG_BLOCK_BYTES);
	peer = admit(1000);
	fill(peer, 2000);
	assert_false(peer->announce);
	peers_record(&peers, &inode.header);
	assert_true(peer->announce);
}

static void test_gap_before_the_end(void **state)
{
	struct peer *peer;

	(void)state;
	start(4, 1, BACKLOG_BLOCK_BYTES);
	peer = admit(1000);
	fill(peer, 2000);
	peer_end(peer);
	send_flush(5000);
	take(peer);
	assert_int_equal(taken_count(RECORD_LOSS), 1);
	assert_int_equal(taken_count(RECORD_END), 1);
	assert_ptr_equal(taken_find(RECORD_END), taken + taken_bytes - sizeof(struct record_end));
	assert_true((char *)taken_find(RECORD_LOSS) < (char *)taken_find(RECORD_END));
}

/* A chunk with a hole is none; the next one is. */
static void test_gap_in_a_snapshot(void **state)
{
	const struct record_snapshot *end;
	struct peer *peer;

	(void)state;
	start(4, 1, BACKLOG_BLOCK_BYTES);
	peer = admit(1000);
	send_bracket(RECORD_SNAPSHOT_BEGIN, 3, 77, 64);
	fill(peer, 2000);
	send_page(3, 77);
	take(peer);
	send_bracket(RECORD_SNAPSHOT_END, 3, 77, 64);
	take(peer);
	end = taken_find(RECORD_SNAPSHOT_END);
	assert_non_null(end);
	assert_int_equal(end->result, -ENOBUFS);
	send_bracket(RECORD_SNAPSHOT_BEGIN, 3, 78, 64);
	send_page(3, 78);
	send_bracket(RECORD_SNAPSHOT_END, 3, 78, 64);
	take(peer);
	end = taken_find(RECORD_SNAPSHOT_END);
	assert_int_equal(end->result, 0);
}

static void test_owner_misses_nothing(void **state)
{
	struct peer *peer;

	(void)state;
	start(4, 1 << 20, BACKLOG_BLOCK_BYTES);
	peer = admit(0);
	peer->owner = true;
	while (!peer_full(&peers, peer))
		send_flush(1);
	for (int i = 0; i < 20000; i++)
		send_flush(1);
	assert_int_equal(peer->dropped, 0);
}

static void test_clients(void **state)
{
	char message[256] = "";
	struct peer *first;

	(void)state;
	start(8, 0, 0);
	first = admit(1000);
	assert_non_null(first);
	assert_non_null(admit(1000));
	/* A quarter is one user's. */
	assert_null(peers_admit(&peers, -1, 1, 1000, 0, message, sizeof(message)));
	assert_non_null(strstr(message, "2 clients of user 1000"));
	for (uid_t uid = 1001; uid < 1007; uid++)
		assert_non_null(admit(uid));
	assert_null(peers_admit(&peers, -1, 1, 1007, 0, message, sizeof(message)));
	assert_non_null(strstr(message, "8 clients already"));
	/* Nobody shuts root out, nor the daemon's own user. */
	assert_non_null(admit(0));
	assert_non_null(admit(500));
	peers_drop(&peers, first);
	assert_null(admit(1007));
	for (int i = 0; i < PEERS_MAX; i++)
		admit(0);
	assert_int_equal(peers.used, 8 + PEERS_RESERVED);
}

static void test_clients_all_there_can_be(void **state)
{
	unsigned int served = 0;

	(void)state;
	start(PEERS_MAX - PEERS_RESERVED, 0, 0);
	for (uid_t uid = 0; uid < 2 * PEERS_MAX; uid++)
		served += !!admit(uid % 2 ? uid + 1000 : 0);
	assert_int_equal(served, PEERS_MAX);
}

static void flood(void)
{
	for (int i = 0; i < 200000; i++)
		send_flush(1);
}

/* However many there are, and whoever they are. */
static void test_backlog(void **state)
{
	const uint64_t backlog = 4 << 20, own = 128 << 10;

	(void)state;
	start(200, backlog, own);
	for (int i = 0; i < 4; i++)
		assert_non_null(admit(1000));
	flood();
	/* The last half is nobody's alone. */
	assert_in_range(peers_backlog(&peers), backlog / 2 - own, backlog / 2);
	assert_non_null(admit(1001));
	flood();
	assert_in_range(peers_backlog(&peers), backlog - own, backlog);
	for (uid_t uid = 2000; uid < 2100; uid++)
		assert_non_null(admit(uid));
	flood();
	assert_true(peers_backlog(&peers) <= backlog + 105 * own);
	for (size_t i = 0; i < peers.used; i++)
		assert_true(peers.list[i].backlog.blocks * BACKLOG_BLOCK_BYTES >= own);
}

static struct server_command snapshot(uint64_t inode, uint64_t first, uint64_t nr)
{
	return (struct server_command){
		.kind = SERVER_COMMAND_SNAPSHOT,
		.inode = inode,
		.first = first,
		.nr = nr,
		.snapshot = 5,
	};
}

static bool understood(uint64_t first, uint64_t nr)
{
	const struct server_command command = snapshot(3, first, nr);
	struct reads_queue queue = {};

	return !reads_input(&queue, &command, sizeof(command)) && queue.nr == 1;
}

static void test_commands(void **state)
{
	struct server_command command = snapshot(3, 0, 64);
	struct reads_queue queue = {};

	(void)state;
	assert_true(understood(0, 1));
	assert_true(understood(64, MODEL_PGOFF_MAX - 64));
	assert_false(understood(64, MODEL_PGOFF_MAX - 63));
	assert_false(understood(0, 1ULL << 63));
	assert_false(understood(0, ~0ULL));
	assert_false(understood(~63ULL, 128));
	assert_false(understood(MODEL_PGOFF_MAX, 1));
	assert_false(understood(1, 1));
	assert_false(understood(0, 0));
	command.kind = 99;
	assert_int_equal(reads_input(&queue, &command, sizeof(command)), -EPROTO);
	command = snapshot(0, 0, 64);
	assert_int_equal(reads_input(&queue, &command, sizeof(command)), -EPROTO);
}

static struct server_command leave_out(uint64_t inode, uint64_t out)
{
	return (struct server_command){ .kind = SERVER_COMMAND_LEAVE_OUT,
					.inode = inode,
					.first = out };
}

static void test_choices(void **state)
{
	const struct server_command nobody = leave_out(0, 1), neither = leave_out(3, 2);
	struct server_command command = leave_out(3, 1);
	struct reads_queue queue = {};

	(void)state;
	assert_int_equal(reads_input(&queue, &nobody, sizeof(nobody)), -EPROTO);
	assert_int_equal(reads_input(&queue, &neither, sizeof(neither)), -EPROTO);
	while (reads_room(&queue)) {
		assert_int_equal(reads_input(&queue, &command, sizeof(command)), 0);
		command = leave_out(4, 0);
	}
	assert_int_equal(queue.choices_nr, READS_CHOICES);
	assert_int_equal(queue.choices[0].inode, 3);
	assert_true(queue.choices[0].out);
	assert_int_equal(queue.choices[READS_CHOICES - 1].inode, 4);
	assert_false(queue.choices[READS_CHOICES - 1].out);
	/* More than there is room for is not taken, whoever hands it on. */
	assert_int_equal(reads_input(&queue, &command, sizeof(command)), -EPROTO);
	assert_int_equal(queue.nr, 0);
}

static void test_commands_in_pieces(void **state)
{
	const struct server_command commands[] = { snapshot(3, 0, 1), snapshot(4, 64, 2),
						   snapshot(5, 128, 3) };
	struct reads_queue queue = {};

	(void)state;
	for (size_t i = 0; i < sizeof(commands); i++)
		assert_int_equal(reads_input(&queue, (const char *)commands + i, 1), 0);
	assert_int_equal(queue.nr, 3);
	assert_int_equal(queue.ranges[2].inode, 5);
	assert_int_equal(queue.ranges[2].first, 128);
}

static void test_commands_are_bounded(void **state)
{
	const struct server_command command = snapshot(3, 0, 1);
	struct reads_queue queue = {};

	(void)state;
	while (reads_room(&queue))
		assert_int_equal(reads_input(&queue, &command, sizeof(command)), 0);
	assert_int_equal(queue.nr, READS_WAITING);
}

static struct peer *asking(uid_t uid, uint64_t inode, uint64_t nr)
{
	const struct server_command command = snapshot(inode, 0, nr);
	struct peer *peer = admit(uid);

	assert_non_null(peer);
	assert_true(peer_input(peer, &command, sizeof(command), 0));
	return peer;
}

static void test_reads_take_turns(void **state)
{
	const struct server_command more = snapshot(5, 0, 64);
	struct reads_flight *flight;
	struct peer *peer;

	(void)state;
	start(8, 0, 0);
	peer = asking(1000, 3, 1ULL << 32);
	assert_true(peer_input(peer, &more, sizeof(more), 0));
	asking(1001, 4, 64);
	flight = peers_next_read(&peers, 0);
	assert_int_equal(flight->range.inode, 3);
	assert_int_equal(flight->range.nr, RECORD_SNAPSHOT_CHUNK);
	flight = peers_next_read(&peers, 0);
	assert_int_equal(flight->range.inode, 4);
	flight = peers_next_read(&peers, 0);
	assert_int_equal(flight->range.inode, 5);
	assert_null(peers_next_read(&peers, 0));
}

/* Whoever asks for the end of the world gets the end of the inode. */
static void test_reads_end_with_the_inode(void **state)
{
	struct reads_flight *flight;
	unsigned int chunks = 0;

	(void)state;
	start(8, 0, 0);
	asking(1000, 3, 1ULL << 32);
	while ((flight = peers_next_read(&peers, 0))) {
		assert_int_equal(flight->range.first, chunks * RECORD_SNAPSHOT_CHUNK);
		send_bracket(RECORD_SNAPSHOT_BEGIN, 3, flight->number, 10000);
		send_bracket(RECORD_SNAPSHOT_END, 3, flight->number, 10000);
		assert_true(++chunks < 10);
	}
	assert_int_equal(chunks, 3);
}

static void test_answers_are_private(void **state)
{
	struct peer *one, *other;
	const struct record_snapshot *end;
	uint64_t number;

	(void)state;
	start(8, 0, 0);
	one = asking(1000, 3, 64);
	other = asking(1001, 3, 64);
	peers_next_read(&peers, 0);
	number = peers_next_read(&peers, 0)->number;
	send_bracket(RECORD_SNAPSHOT_BEGIN, 3, number, 64);
	send_page(3, number);
	send_bracket(RECORD_SNAPSHOT_END, 3, number, 64);
	/* Nobody's numbers, one of them in the place of another that flies, and the release routine's. */
	send_page(3, number - 1 + READS_FLYING);
	send_page(3, READS_NUMBER | 12345);
	send_bracket(RECORD_SNAPSHOT_BEGIN, 3, 99, 64);
	take(one);
	assert_int_equal(taken_bytes, sizeof(struct record_snapshot));
	assert_int_equal(taken_count(RECORD_SNAPSHOT_BEGIN), 1);
	take(other);
	assert_int_equal(taken_count(RECORD_SNAPSHOT_BEGIN), 2);
	assert_int_equal(taken_count(RECORD_SNAPSHOT_PAGE), 1);
	end = taken_find(RECORD_SNAPSHOT_END);
	assert_int_equal(end->snapshot, 5);
	assert_int_equal(end->result, 0);
}

static void test_answers_that_never_come(void **state)
{
	struct peer *peer;

	(void)state;
	start(8, 0, 0);
	peer = asking(1000, 3, 1ULL << 32);
	assert_non_null(peers_next_read(&peers, SECOND));
	assert_null(peers_next_read(&peers, 2 * SECOND));
	assert_int_equal(peer->reads.flying, 1);
	assert_null(peers_next_read(&peers, 4 * SECOND));
	assert_int_equal(peer->reads.flying, 0);
}

static void test_reads_of_the_dead(void **state)
{
	const struct record_inode *inode;
	struct peer *peer;

	(void)state;
	start(8, 0, 0);
	peer = asking(1000, 3, 1ULL << 32);
	peers_read_failed(&peers, peers_next_read(&peers, 0), -ENOENT, 100);
	take(peer);
	inode = taken_find(RECORD_INODE);
	assert_non_null(inode);
	assert_int_equal(inode->header.inode, 3);
	assert_int_equal(inode->dead, 1);
	assert_null(peers_next_read(&peers, 0));
}

/* A client goes while its chunk is read: the answer is nobody's, its place is another's. */
static void test_reads_of_the_gone(void **state)
{
	struct peer *peer, *next;
	uint64_t number;

	(void)state;
	start(8, 0, 0);
	peer = asking(1000, 3, 1ULL << 32);
	number = peers_next_read(&peers, 0)->number;
	peers_drop(&peers, peer);
	next = admit(1001);
	assert_ptr_equal(next, peer);
	send_bracket(RECORD_SNAPSHOT_END, 3, number, 1ULL << 32);
	assert_int_equal(next->backlog.bytes, 0);
	assert_null(peers_next_read(&peers, 0));
	peers_drop(&peers, next);
	for (int i = 0; i < 2 * READS_FLYING; i++) {
		peer = asking(1000, 3, 64);
		assert_non_null(peers_next_read(&peers, 0));
		peers_drop(&peers, peer);
	}
}

static void test_stop(void **state)
{
	const struct server_command command = { .kind = SERVER_COMMAND_STOP };
	struct peer *peer;

	(void)state;
	start(8, 0, 0);
	peer = asking(1000, 3, 1ULL << 32);
	assert_true(peer_input(peer, &command, sizeof(command), 5 * MS));
	assert_int_equal(reads_room(&peer->reads), 0);
	assert_null(peers_next_read(&peers, 5 * MS));
	/* Begun before it was asked for: something may come behind it. */
	send_heartbeat(4 * MS);
	assert_false(peer->ended);
	send_flush(5 * MS);
	send_heartbeat(6 * MS);
	assert_true(peer->ended);
	take(peer);
	assert_int_equal(taken_count(RECORD_FLUSH), 1);
	assert_ptr_equal(taken_find(RECORD_END), taken + taken_bytes - sizeof(struct record_end));
}

static void test_deadlines(void **state)
{
	struct peer *peer, *owner;

	(void)state;
	start(8, 1 << 20, 0);
	peer = admit(1000);
	owner = admit(0);
	owner->owner = true;
	assert_false(peer_overdue(&peers, peer, PEER_SILENT_NS * 2));
	send_flush(1);
	assert_false(peer_overdue(&peers, peer, PEER_SILENT_NS));
	assert_true(peer_overdue(&peers, peer, PEER_SILENT_NS + 1));
	/* Stopped while nothing happens: it may go on later. */
	assert_false(peer_overdue(&peers, owner, PEER_OWNER_SILENT_NS * 10));
	while (!peer_full(&peers, owner))
		send_flush(1);
	assert_true(peer_overdue(&peers, owner, PEER_OWNER_SILENT_NS + 1));
	peer_end(peer);
	assert_true(peer_overdue(&peers, peer, PEER_ENDING_NS + 1));
	peer_sent(peer, 1, PEER_ENDING_NS);
	assert_false(peer_overdue(&peers, peer, PEER_ENDING_NS + 1));
	/* The clock was read before. */
	assert_false(peer_overdue(&peers, peer, PEER_ENDING_NS - 1));
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_gap),
		TEST(test_gap_of_a_latecomer),
		TEST(test_gap_is_one),
		TEST(test_gap_with_an_inode),
		TEST(test_gap_before_the_end),
		TEST(test_gap_in_a_snapshot),
		TEST(test_owner_misses_nothing),
		TEST(test_clients),
		TEST(test_clients_all_there_can_be),
		TEST(test_backlog),
		TEST(test_commands),
		TEST(test_choices),
		TEST(test_commands_in_pieces),
		TEST(test_commands_are_bounded),
		TEST(test_reads_take_turns),
		TEST(test_reads_end_with_the_inode),
		TEST(test_answers_are_private),
		TEST(test_answers_that_never_come),
		TEST(test_reads_of_the_dead),
		TEST(test_reads_of_the_gone),
		TEST(test_stop),
		TEST(test_deadlines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
