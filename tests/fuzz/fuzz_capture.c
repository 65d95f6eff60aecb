// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer: any bytes as a capture, through the reader, the model, the rules
 * and every report. Where the bytes are no capture they are taken as records
 * behind a good header, so that the fuzzer need not find a checksum.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "gmemtrace/capture.h"
#include "gmemtrace/report.h"

#define FUZZ_MEMORY (256UL << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void reports(const struct verdict *verdict, struct report_live *live,
		    const struct report_folded *folded)
{
	static FILE *null;

	if (!null)
		null = fopen("/dev/null", "w");
	if (!null)
		abort();
	report_verdict_json(null, verdict);
	report_verdict_text(null, verdict, true);
	report_verdict_tap(null, verdict);
	report_verdict_junit(null, verdict);
	report_verdict_github(null, verdict);
	report_live_lines(null, live);
	report_folded_write(null, folded, REPORT_WEIGHT_NS, REPORT_BY_STACK);
	report_folded_write(null, folded, REPORT_WEIGHT_EXPOSURE, REPORT_BY_VM);
}

static void judge(struct capture_reader *reader)
{
	struct model_options options = { .memory_max = FUZZ_MEMORY, .events_kept = 4096 };
	struct model *model = model_create(&options);
	struct verdict *verdict = verdict_create(model, NULL);
	struct report_folded *folded = report_folded_create(model);
	struct report_live *live = report_live_create(model);
	const struct record_header *record;
	struct model_reread reread;

	if (!model || !verdict || !folded || !live)
		abort();
	while (capture_next(reader, &record) > 0) {
		if (model_feed(model, record))
			break;
		while (record->kind == RECORD_HEARTBEAT && model_next_reread(model, &reread))
			;
	}
	model_finish(model);
	/* What was lost never hides. */
	if (capture_info(reader)->incomplete)
		verdict_mark_incomplete(verdict, capture_message(reader));
	if (capture_info(reader)->incomplete && verdict_value(verdict) == VERDICT_CONSISTENT)
		abort();
	reports(verdict, live, folded);
	report_live_free(live);
	report_folded_free(folded);
	verdict_free(verdict);
	model_free(model);
}

static void *with_header(const uint8_t *data, size_t size)
{
	struct capture_header header = {
		.version = CAPTURE_VERSION,
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
	void *file = NULL;

	if (capture_open_memory(data, size, &reader, NULL, 0)) {
		file = with_header(data, size);
		if (capture_open_memory(file, CAPTURE_HEADER_SIZE + size, &reader, NULL, 0))
			abort();
	}
	judge(reader);
	capture_reader_close(reader);
	free(file);
	return 0;
}
