// SPDX-License-Identifier: GPL-2.0
/*
 * Writes the fuzzers' first corpora: streams of records that the simulator's
 * kernels made, bombs, and histories that are cut and damaged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "capture/pack.h"
#include "../unit/bombs.h"
#include "../unit/simulator.h"
#include "choice.h"

#define SEED_BYTES 15000
#define BOMB_RECORDS 12
#define SEEDS 26

static FILE *seed_create(const char *directory, const char *corpus, const char *kind,
			 const char *name)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/%s-%s", directory, corpus, kind, name);
	file = fopen(path, "w");
	if (file)
		return file;
	perror(path);
	exit(2);
}

static void seed_close(FILE *file)
{
	if (!fclose(file))
		return;
	perror("seeds");
	exit(2);
}

static void write_simulated(const char *directory, unsigned int seed)
{
	struct simulator_options options = {
		.seed = seed,
		.fault = (enum simulator_fault)(seed % FAULT_NR),
		.loss = seed % 3 ? 0 : 0.02,
		.before_attach = seed % 4 == 0,
		.steps = 200,
		.out_bytes = SEED_BYTES,
	};
	struct simulator_result result;
	char name[16];

	snprintf(name, sizeof(name), "%u", seed);
	options.out = seed_create(directory, "capture", "simulated", name);
	simulator_run(&options, &result);
	simulator_result_free(&result);
	seed_close(options.out);
}

/* The same as a block's payload, behind what fuzz_block takes for its header. */
static void write_packed(const char *directory, unsigned int seed)
{
	struct simulator_options options = {
		.seed = seed,
		.steps = 100,
		.out_bytes = SEED_BYTES,
	};
	struct pack_buffer packed = { 0 };
	struct simulator_result result;
	struct fuzz_block head = { 0 };
	size_t size = 0;
	char *stream = NULL, name[16];
	FILE *file;

	options.out = open_memstream(&stream, &size);
	simulator_run(&options, &result);
	simulator_result_free(&result);
	seed_close(options.out);
	for (size_t at = 0; at < size; head.records++)
		at += ((const struct record_header *)(stream + at))->size;
	head.bytes = (uint32_t)size;
	pack_records((const __u8 *)stream, head.records, 0, &packed);
	snprintf(name, sizeof(name), "%u", seed);
	file = seed_create(directory, "block", "packed", name);
	fwrite(&head, 1, sizeof(head), file);
	fwrite(packed.data, 1, packed.used, file);
	seed_close(file);
	free(packed.data);
	free(stream);
}

static void write_bomb(const char *directory, const struct bomb *bomb)
{
	FILE *file = seed_create(directory, "capture", "bomb", bomb->name);
	struct stream stream;

	stream_init(&stream);
	bomb->lay(&stream, BOMB_RECORDS);
	stream_finish(&stream);
	fwrite(stream.data, 1, stream.used, file);
	stream_free(&stream);
	seed_close(file);
}

static void write_choice(const char *directory, unsigned int seed)
{
	struct fuzz_choice choice = {
		.seed = seed,
		.steps = (uint16_t)(CHOICE_STEPS_MAX - 1 - seed * 20),
		.fault = seed % 2 ? 0 : (uint8_t)(seed / 2 % FAULT_NR),
		.loss = seed % 5 == 4 ? 10 : 0,
		.unfinished = seed % 3 == 1,
		.flush_every = (uint16_t)(seed % 7 * 40),
		.cut = seed % 3 ? seed * 997 : 0,
		.flips = { seed % 4 == 3 ? seed * 54321 : 0 },
	};
	char name[16];
	FILE *file;

	snprintf(name, sizeof(name), "%u", seed);
	file = seed_create(directory, "cut", "history", name);
	fwrite(&choice, 1, sizeof(choice), file);
	seed_close(file);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: seeds DIRECTORY\n");
		return 64;
	}
	for (unsigned int seed = 1; seed <= SEEDS; seed++) {
		write_simulated(argv[1], seed);
		write_choice(argv[1], seed);
		write_packed(argv[1], seed);
	}
	for (const struct bomb *bomb = bombs; bomb->name; bomb++)
		write_bomb(argv[1], bomb);
	return 0;
}
