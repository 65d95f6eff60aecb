// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer: the input chooses a history of the simulator's kernel, how its
 * capture ends (whole, unfinished, cut at any byte) and which bits are flipped.
 * A correct kernel is never accused; what is not whole is never consistent;
 * a fault that struck never is.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../unit/simulator.h"
#include "choice.h"
#include "judge.h"

/* As simulator.c judges its own streams. */
static const struct model_options model_options = { .stuck_ns = 20000000, .shadow_ns = 3000000 };
static const struct verdict_options verdict_options = { .settle_ns = 150000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void capture_write(int fd, const char *stream, size_t size, const struct fuzz_choice *choice)
{
	struct capture_writer *writer;
	char path[32];
	__u64 nr = 0;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (capture_create(path, &writer, NULL, 0))
		abort();
	for (size_t at = 0; at < size;) {
		const struct record_header *record = (const void *)(stream + at);

		if (capture_append(writer, record))
			abort();
		if (choice->flush_every && !(++nr % choice->flush_every) && capture_flush(writer))
			abort();
		at += record->size;
	}
	if (!choice->unfinished && capture_finish(writer))
		abort();
	capture_close(writer);
}

/* The capture's bytes, as they are left by @choice. */
static uint8_t *capture_damage(int fd, const struct fuzz_choice *choice, size_t *size,
			       bool *flipped)
{
	struct stat status;
	uint8_t *bytes;

	if (fstat(fd, &status))
		abort();
	*size = (size_t)status.st_size;
	bytes = malloc(*size);
	if (!bytes || pread(fd, bytes, *size, 0) != (ssize_t)*size)
		abort();
	*size -= choice->cut % (*size - CAPTURE_HEADER_SIZE);
	*flipped = false;
	for (size_t i = 0; i < CHOICE_FLIPS_MAX; i++) {
		size_t bit = choice->flips[i] % (*size * 8);

		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8 & (choice->flips[i] ? 0xff : 0));
		*flipped |= !!choice->flips[i];
	}
	return bytes;
}

static void check(const struct fuzz_choice *choice, const struct simulator_result *truth,
		  const struct fuzz_judged *judged, bool flipped)
{
	const char *wrong = NULL;

	if (judged->damaged)
		return;
	if (judged->value == VERDICT_VIOLATED && !truth->hits_nr && !truth->struck)
		wrong = "a correct kernel is accused";
	/* What struck a call from before the sensors were armed may not show. */
	else if (judged->value == VERDICT_CONSISTENT && truth->hits_nr &&
		 !(choice->before_attach & 1))
		wrong = "a fault is hidden";
	else if (!flipped && judged->whole && judged->value != verdict_value(truth->verdict))
		wrong = "a whole capture is judged as something else";
	if (!wrong)
		return;
	fprintf(stderr, "%s: seed %u fault %s steps %u cut %u\n", wrong, choice->seed,
		simulator_fault_name((enum simulator_fault)choice->fault), choice->steps,
		choice->cut);
	abort();
}

static void judge(const struct fuzz_choice *choice, const char *stream, size_t size,
		  const struct simulator_result *truth)
{
	struct capture_reader *reader;
	struct fuzz_judged judged;
	int fd = memfd_create("capture", MFD_CLOEXEC);
	size_t left;
	uint8_t *bytes;
	bool flipped;

	if (fd < 0)
		abort();
	capture_write(fd, stream, size, choice);
	bytes = capture_damage(fd, choice, &left, &flipped);
	close(fd);
	if (!capture_open_memory(bytes, left, &reader, NULL, 0)) {
		fuzz_judge(reader, &model_options, &verdict_options, &judged);
		capture_reader_close(reader);
		check(choice, truth, &judged, flipped);
	} else if (!flipped) {
		abort();
	}
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_choice choice = { 0 };
	struct simulator_options options = { 0 };
	struct simulator_result result;
	size_t stream_size = 0;
	char *stream = NULL;

	memcpy(&choice, data, size < sizeof(choice) ? size : sizeof(choice));
	choice.fault %= FAULT_NR;
	options.seed = choice.seed;
	options.fault = (enum simulator_fault)choice.fault;
	options.steps = 1 + choice.steps % CHOICE_STEPS_MAX;
	options.loss = choice.loss / 2048.0;
	options.before_attach = choice.before_attach & 1;
	options.out = open_memstream(&stream, &stream_size);
	options.out_bytes = ~0UL;
	if (!options.out)
		abort();
	simulator_run(&options, &result);
	if (fclose(options.out))
		abort();
	judge(&choice, stream, stream_size, &result);
	free(stream);
	simulator_result_free(&result);
	return 0;
}
