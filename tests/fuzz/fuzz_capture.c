// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer: any bytes as a capture, through the reader, the model, the rules
 * and every report. Where the bytes are no capture they are taken as records
 * behind a good header, so that the fuzzer need not find a checksum; half of
 * the mutations know where a record begins and what its fields are (mutate.c).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of the format without blocks, where records are what the bytes say. */
static void *with_header(const uint8_t *data, size_t size)
{
	struct capture_header header = {
		.version = 1,
		.header_size = CAPTURE_HEADER_SIZE,
	};
	uint8_t *file = malloc(sizeof(header) + size);

	if (!file)
		abort();
	memcpy(header.magic, CAPTURE_MAGIC, sizeof(header.magic));
	header.header_checksum = (__u32)crc32(0, (const Bytef *)&header, sizeof(header));
	memcpy(file, &header, sizeof(header));
	if (size)
		memcpy(file + sizeof(header), data, size);
	return file;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct capture_reader *reader;
	struct fuzz_judged judged;
	void *file = NULL;

	if (capture_open_memory(data, size, &reader, NULL, 0)) {
		file = with_header(data, size);
		if (capture_open_memory(file, CAPTURE_HEADER_SIZE + size, &reader, NULL, 0))
			abort();
	}
	fuzz_judge(reader, NULL, NULL, &judged);
	capture_reader_close(reader);
	free(file);
	return 0;
}
