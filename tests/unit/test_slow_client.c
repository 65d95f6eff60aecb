// SPDX-License-Identifier: GPL-2.0
/*
 * Clients of the daemon that read too slowly, stop for a while, or come late:
 * a correct kernel is never accused, and what they missed never hides.
 * SIMULATOR_SEEDS sets how many seeds, SIMULATOR_SEED the first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gmemtrace/report.h"
#include "serve/peer.h"
#include "simulator.h"

#define INODES_MAX 4096

static unsigned int seeds = 60, seed_first = 1;

/* A client of an emulated daemon, which judges what gets through to it. */
struct emulation {
	struct peers peers;
	struct peer *peer; /* NULL: not come yet */
	struct simulator_result judged;
	unsigned long long random;
	bool slow; /* it does not always read */
	uint32_t pause; /* records until it reads again */
	uint64_t join; /* records before it comes */
	uint64_t time; /* ns: the latest so far */
	uint64_t gaps; /* that it was told of */
	uint64_t lost; /* records in them */
	struct record_inode inodes[INODES_MAX]; /* the daemon's, by number; 0: not there */
	char partial[UINT16_MAX + 1] __attribute__((aligned(8)));
	size_t partial_bytes;
};

static uint32_t chance(struct emulation *emulation, uint32_t below)
{
	emulation->random = emulation->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(emulation->random >> 33) % below;
}

static void client_take(struct emulation *emulation, const struct record_header *record)
{
	if (record->kind == RECORD_LOSS &&
	    ((const struct record_loss *)record)->cause == RECORD_LOSS_CLIENT_SLOW) {
		emulation->gaps++;
		emulation->lost += ((const struct record_loss *)record)->count;
	}
	assert_int_equal(model_feed(emulation->judged.model, record), 0);
}

/* Bytes as they come from a socket: a record may be cut anywhere. */
static void client_bytes(struct emulation *emulation, const char *data, size_t size)
{
	const struct record_header *record = (const void *)emulation->partial;

	while (size) {
		size_t want =
			emulation->partial_bytes < sizeof(*record) ? sizeof(*record) : record->size;
		size_t part = want - emulation->partial_bytes;

		part = part < size ? part : size;
		memcpy(emulation->partial + emulation->partial_bytes, data, part);
		emulation->partial_bytes += part;
		data += part;
		size -= part;
		if (emulation->partial_bytes < sizeof(*record) ||
		    emulation->partial_bytes < record->size)
			continue;
		client_take(emulation, record);
		emulation->partial_bytes = 0;
	}
}

static void client_read(struct emulation *emulation, size_t most)
{
	const void *data;
	size_t size;

	while (most && (size = backlog_next(&emulation->peer->backlog, &data))) {
		size = size < most ? size : most;
		client_bytes(emulation, data, size);
		peer_sent(emulation->peer, size, emulation->time);
		most -= size;
	}
}

/* As the daemon's loop does it: what is known, as of now. */
static void client_announce(struct emulation *emulation)
{
	emulation->peer->announce = false;
	for (size_t i = 0; i < INODES_MAX; i++) {
		struct record_inode record = emulation->inodes[i];

		if (!record.header.inode)
			continue;
		record.header.time = emulation->time;
		record.before_attach = 1;
		peer_record(&emulation->peers, emulation->peer, &record.header);
	}
}

static void client_join(struct emulation *emulation)
{
	char message[256];

	emulation->peer = peers_admit(&emulation->peers, -1, 1, 1000, 0, message, sizeof(message));
	assert_non_null(emulation->peer);
	client_announce(emulation);
}

static void daemon_record(struct emulation *emulation, const struct record_header *record)
{
	if (emulation->time < record->time)
		emulation->time = record->time;
	if (record->kind == RECORD_INODE) {
		const struct record_inode *inode = (const struct record_inode *)record;

		assert_true(record->inode < INODES_MAX);
		emulation->inodes[record->inode] = *inode;
		if (inode->dead)
			emulation->inodes[record->inode].header.inode = 0;
	}
	if (record->kind == RECORD_END)
		peer_end(emulation->peer);
	else
		peers_record(&emulation->peers, record);
}

/* Mostly it keeps up; then it does something else for a while. */
static void client_turn(struct emulation *emulation)
{
	if (emulation->peer->announce && !emulation->peer->dropped && !emulation->peer->ended)
		client_announce(emulation);
	if (!emulation->slow) {
		client_read(emulation, SIZE_MAX);
		return;
	}
	if (!emulation->pause && !chance(emulation, 1500))
		emulation->pause = 1 + chance(emulation, 3000);
	if (emulation->pause)
		emulation->pause--;
	else
		client_read(emulation, chance(emulation, 2048));
}

static void emulation_run(struct emulation *emulation, const char *data, size_t size)
{
	const struct peers_limits limits = { .backlog = 1, .own = BACKLOG_BLOCK_BYTES };
	uint64_t records = 0;

	peers_init(&emulation->peers, &limits, 0);
	simulator_judge_begin(&emulation->judged);
	for (size_t at = 0; at < size; records++) {
		const struct record_header *record = (const void *)(data + at);

		if (records == emulation->join)
			client_join(emulation);
		daemon_record(emulation, record);
		if (emulation->peer)
			client_turn(emulation);
		at += record->size;
	}
	client_read(emulation, SIZE_MAX);
	assert_int_equal(emulation->partial_bytes, 0);
	model_finish(emulation->judged.model);
}

static void emulation_end(struct emulation *emulation)
{
	if (emulation->peer)
		peers_drop(&emulation->peers, emulation->peer);
	simulator_result_free(&emulation->judged);
	free(emulation);
}

static uint64_t stream_records(const struct simulator_result *result)
{
	uint64_t records = 0;

	for (size_t at = 0; at < result->stream_used; records++)
		at += ((const struct record_header *)(result->stream + at))->size;
	return records;
}

static struct emulation *client_emulate(struct simulator_options *options, bool slow, bool late,
					size_t *hits)
{
	struct emulation *emulation = calloc(1, sizeof(*emulation));
	struct simulator_result result;

	assert_non_null(emulation);
	options->keep = true;
	simulator_run(options, &result);
	*hits = result.hits_nr;
	emulation->random = options->seed;
	emulation->slow = slow;
	if (late)
		emulation->join = chance(emulation, (uint32_t)stream_records(&result) - 1);
	emulation_run(emulation, (const char *)result.stream, result.stream_used);
	simulator_result_free(&result);
	return emulation;
}

static void fail_with(const struct simulator_options *options, const struct emulation *emulation,
		      const char *what)
{
	report_verdict(stderr, emulation->judged.verdict, report_format_find("text"), false);
	fail_msg("seed %u fault %s, %llu gaps, joined at record %llu: %s", options->seed,
		 simulator_fault_name(options->fault), (unsigned long long)emulation->gaps,
		 (unsigned long long)emulation->join, what);
}

static void correct(bool slow, bool late)
{
	unsigned int consistent = 0;
	uint64_t gaps = 0;

	for (unsigned int seed = seed_first; seed < seed_first + seeds; seed++) {
		struct simulator_options options = { .seed = seed, .late_losses = seed % 2 };
		size_t hits;
		struct emulation *emulation = client_emulate(&options, slow, late, &hits);
		enum verdict_value value = verdict_value(emulation->judged.verdict);

		if (value == VERDICT_VIOLATED)
			fail_with(&options, emulation, "a correct kernel is accused");
		if (emulation->gaps && value == VERDICT_CONSISTENT)
			fail_with(&options, emulation, "a gap hides behind consistent");
		consistent += value == VERDICT_CONSISTENT;
		gaps += emulation->gaps;
		emulation_end(emulation);
	}
	print_message("# %llu gaps, %u of %u consistent\n", (unsigned long long)gaps, consistent,
		      seeds);
	if (slow)
		assert_true(gaps >= seeds);
	else
		assert_true(consistent * 4 > seeds * 3);
}

static void test_slow(void **state)
{
	(void)state;
	correct(true, false);
}

static void test_late(void **state)
{
	(void)state;
	correct(false, true);
}

static void test_slow_and_late(void **state)
{
	(void)state;
	correct(true, true);
}

static void test_faults(void **state)
{
	uint64_t gaps = 0;

	(void)state;
	for (int fault = FAULT_NONE + 1; fault < FAULT_NR; fault++) {
		for (unsigned int seed = seed_first; seed < seed_first + seeds / 10 + 1; seed++) {
			struct simulator_options options = { .seed = seed,
							     .fault = (enum simulator_fault)fault };
			size_t hits;
			struct emulation *emulation = client_emulate(&options, true, false, &hits);

			if ((hits || emulation->gaps) &&
			    verdict_value(emulation->judged.verdict) == VERDICT_CONSISTENT)
				fail_with(&options, emulation, "a fault hides behind a gap");
			gaps += emulation->gaps;
			emulation_end(emulation);
		}
	}
	assert_true(gaps > FAULT_NR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_slow_and_late),
		cmocka_unit_test(test_faults),
	};
	const char *value;

	value = getenv("SIMULATOR_SEEDS");
	if (value)
		seeds = (unsigned int)strtoul(value, NULL, 0);
	value = getenv("SIMULATOR_SEED");
	if (value)
		seed_first = (unsigned int)strtoul(value, NULL, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
