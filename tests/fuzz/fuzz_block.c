// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer: a block of records whose payload, and how many records it is said
 * to hold, are the input's, in a capture whose checksums are all right.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "capture/block.h"
#include "choice.h"
#include "judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void header_make(struct pack_buffer *file)
{
	struct capture_header header = {
		.version = CAPTURE_VERSION,
		.header_size = CAPTURE_HEADER_SIZE,
	};

	memcpy(header.magic, CAPTURE_MAGIC, sizeof(header.magic));
	header.header_checksum = (__u32)crc32(0, (const Bytef *)&header, sizeof(header));
	pack_bytes(file, &header, sizeof(header));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct capture_block block = { .kind = CAPTURE_BLOCK_RECORDS,
				       .inodes = CAPTURE_INODES_MANY };
	struct pack_buffer packed = { 0 }, file = { 0 };
	struct capture_reader *reader;
	struct fuzz_judged judged;
	struct fuzz_block head;

	if (size < sizeof(head))
		return 0;
	memcpy(&head, data, sizeof(head));
	block.records = head.records;
	block.bytes = head.bytes;
	block.time_first = head.time;
	header_make(&file);
	pack_bytes(&packed, data + sizeof(head), size - sizeof(head));
	if (packed.failed || block_store(&block, NULL, &packed, &file))
		abort();
	if (capture_open_memory(file.data, file.used, &reader, NULL, 0))
		abort();
	fuzz_judge(reader, NULL, NULL, &judged);
	capture_reader_close(reader);
	free(packed.data);
	free(file.data);
	return 0;
}
