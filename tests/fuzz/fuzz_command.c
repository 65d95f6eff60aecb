// SPDX-License-Identifier: GPL-2.0
/*
 * Clients' input, the pure part of the server: whatever comes, in whatever
 * pieces, the sensors are asked for ranges that make sense only, in turn, and
 * memory stays within its limits.
 *
 * A byte says what happens, the next ones are its argument.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gmemtrace/model.h"
#include "serve/peer.h"

#define BACKLOG (1U << 20)
#define OWN BACKLOG_BLOCK_BYTES
#define CLIENTS 8

struct input {
	const uint8_t *data;
	size_t left;
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static uint8_t input_byte(struct input *input)
{
	if (!input->left)
		return 0;
	input->left--;
	return *input->data++;
}

static struct peer *client_at(struct peers *peers, uint8_t at)
{
	struct peer *peer = &peers->list[at % PEERS_MAX];

	return peer->id ? peer : NULL;
}

static void client_sends(struct peers *peers, struct input *input, uint64_t now)
{
	struct peer *peer = client_at(peers, input_byte(input));
	size_t bytes = input_byte(input), room;

	if (!peer || peer->ended)
		return;
	room = reads_room(&peer->reads);
	bytes = bytes < room ? bytes : room;
	bytes = bytes < input->left ? bytes : input->left;
	if (!peer_input(peer, input->data, bytes, now))
		peers_drop(peers, peer);
	input->data += bytes;
	input->left -= bytes;
}

/* What may make sense: noise seldom does. */
static void client_asks(struct peers *peers, struct input *input, uint64_t now)
{
	struct peer *peer = client_at(peers, input_byte(input));
	const struct server_command command = {
		.kind = 1 + input_byte(input) % 64 / 62,
		.inode = input_byte(input) % 4,
		.first = (uint64_t)input_byte(input) << input_byte(input) % 64,
		.nr = (uint64_t)input_byte(input) << input_byte(input) % 64,
		.snapshot = 1,
	};

	if (peer && !peer->ended && reads_room(&peer->reads) >= sizeof(command) &&
	    !peer_input(peer, &command, sizeof(command), now))
		peers_drop(peers, peer);
}

static void client_reads(struct peers *peers, struct input *input, uint64_t now)
{
	struct peer *peer = client_at(peers, input_byte(input));
	size_t most = (size_t)input_byte(input) << 8, bytes;
	const void *data;

	if (!peer)
		return;
	bytes = backlog_next(&peer->backlog, &data);
	peer_sent(peer, bytes < most ? bytes : most, now);
}

static void sensors_answer(struct peers *peers, uint64_t number, uint64_t pages)
{
	struct record_snapshot bracket = {
		.header = { .kind = RECORD_SNAPSHOT_BEGIN, .size = sizeof(bracket), .inode = 1 },
		.inode_pages = pages,
		.snapshot = number,
	};

	peers_record(peers, &bracket.header);
	bracket.header.kind = RECORD_SNAPSHOT_END;
	peers_record(peers, &bracket.header);
}

static void sensors_read(struct peers *peers, struct input *input, uint64_t now)
{
	struct reads_flight *flight = peers_next_read(peers, now);
	uint8_t how = input_byte(input);

	if (!flight)
		return;
	check(flight->range.inode && flight->range.snapshot && flight->range.first % 64 == 0);
	check(flight->range.nr && flight->range.nr <= RECORD_SNAPSHOT_CHUNK);
	check(flight->range.first + flight->range.nr + flight->rest <= MODEL_PGOFF_MAX);
	if (how % 4 == 1)
		peers_read_failed(peers, flight, how & 4 ? -2 : -16, now);
	else if (how % 4 != 2)
		sensors_answer(peers, flight->number, (uint64_t)how << 12);
}

static void sensors_say(struct peers *peers, uint8_t count, uint64_t now)
{
	const struct record_flush flush = {
		.header = { .kind = RECORD_FLUSH, .size = sizeof(flush), .time = now },
	};
	const struct record_heartbeat heartbeat = {
		.header = { .kind = RECORD_HEARTBEAT, .size = sizeof(heartbeat), .time = now },
		.watermark = now,
	};

	for (unsigned int i = 0; i < count * 8U; i++)
		peers_record(peers, &flush.header);
	peers_record(peers, &heartbeat.header);
}

static void peers_check(const struct peers *peers)
{
	check(peers_backlog(peers) <= BACKLOG + (CLIENTS + PEERS_RESERVED) * 2 * OWN);
	for (size_t i = 0; i < PEERS_MAX; i++) {
		const struct reads_queue *queue = &peers->list[i].reads;

		check(!peers->list[i].id || i < peers->used);
		check(queue->nr + queue->flying <= READS_WAITING);
		check(queue->partial_bytes < sizeof(struct server_command));
	}
}

static void step(struct peers *peers, struct input *input, uint64_t now)
{
	char message[256];
	struct peer *peer;

	switch (input_byte(input) % 8) {
	case 0:
		peers_admit(peers, -1, 1, input_byte(input), now, message, sizeof(message));
		break;
	case 1:
		peer = client_at(peers, input_byte(input));
		if (peer)
			peers_drop(peers, peer);
		break;
	case 2:
		client_reads(peers, input, now);
		break;
	case 3:
	case 4:
		sensors_read(peers, input, now);
		break;
	case 6:
		client_asks(peers, input, now);
		break;
	case 5:
		sensors_say(peers, input_byte(input), now);
		break;
	default:
		client_sends(peers, input, now);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct peers_limits limits = { .clients = CLIENTS, .backlog = BACKLOG, .own = OWN };
	struct input input = { data, size };
	static struct peers peers;

	peers_init(&peers, &limits, 1);
	for (uint64_t now = 1; input.left; now += 50000000) {
		step(&peers, &input, now);
		peers_check(&peers);
	}
	for (size_t i = 0; i < PEERS_MAX; i++) {
		if (peers.list[i].id)
			peers_drop(&peers, &peers.list[i]);
	}
	check(!peers_backlog(&peers));
	return 0;
}
