// SPDX-License-Identifier: GPL-2.0
/*
 * What a capture says of the tracer's own cost:
 *
 *   records N             of the whole capture
 *   lost N                likewise
 *   chunk NS PAGES RUNS   for each full chunk of a live snapshot with hardly a
 *                         hole: ns from its begin to its end, resident pages,
 *                         and in how many runs of adjacent pfns they lie
 *
 * usage: capture-figures FILE
 */
#include <inttypes.h>
#include <stdio.h>

#include "gmemtrace/capture.h"

#define RESIDENT_MIN (RECORD_SNAPSHOT_CHUNK * 99 / 100)

struct chunk {
	uint64_t inode;
	uint64_t snapshot;
	uint64_t begin; /* ns; 0: no chunk is open */
	uint64_t resident; /* pages */
	uint64_t runs;
	uint64_t pfn_next; /* that would continue the run */
};

static void chunk_begin(struct chunk *chunk, const struct record_snapshot *record)
{
	*chunk = (struct chunk){ 0 };
	if (record->origin != RECORD_SNAPSHOT_LIVE || record->pgoff_nr != RECORD_SNAPSHOT_CHUNK)
		return;
	chunk->inode = record->header.inode;
	chunk->snapshot = record->snapshot;
	chunk->begin = record->header.time;
}

static void chunk_page(struct chunk *chunk, const struct record_snapshot_page *record)
{
	if (record->header.inode != chunk->inode || record->snapshot != chunk->snapshot)
		return;
	if (!(record->bits & RECORD_PAGE_RESIDENT))
		return;
	if (record->pfn != chunk->pfn_next)
		chunk->runs++;
	chunk->pfn_next = record->pfn + record->nr;
	chunk->resident += record->nr;
}

static void chunk_end(struct chunk *chunk, const struct record_snapshot *record)
{
	bool ours = record->header.inode == chunk->inode && record->snapshot == chunk->snapshot;

	if (chunk->begin && ours && !record->result && chunk->resident >= RESIDENT_MIN)
		printf("chunk %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		       (uint64_t)record->header.time - chunk->begin, chunk->resident, chunk->runs);
	chunk->begin = 0;
}

static void record_look(struct chunk *chunk, const struct record_header *record)
{
	switch (record->kind) {
	case RECORD_SNAPSHOT_BEGIN:
		chunk_begin(chunk, (const struct record_snapshot *)record);
		break;
	case RECORD_SNAPSHOT_PAGE:
		chunk_page(chunk, (const struct record_snapshot_page *)record);
		break;
	case RECORD_SNAPSHOT_END:
		chunk_end(chunk, (const struct record_snapshot *)record);
		break;
	default:
		break;
	}
}

int main(int argc, char **argv)
{
	struct capture_reader *reader;
	const struct record_header *record;
	struct chunk chunk = { 0 };
	char message[512];
	int more;

	if (argc != 2) {
		fprintf(stderr, "usage: capture-figures FILE\n");
		return 64;
	}
	if (capture_open(argv[1], &reader, message, sizeof(message))) {
		fprintf(stderr, "capture-figures: %s\n", message);
		return 2;
	}
	while ((more = capture_next(reader, &record)) > 0)
		record_look(&chunk, record);
	printf("records %" PRIu64 "\nlost %" PRIu64 "\n",
	       (uint64_t)capture_info(reader)->header.records,
	       (uint64_t)capture_info(reader)->header.lost);
	if (more < 0 || capture_info(reader)->incomplete)
		fprintf(stderr, "capture-figures: %s\n", capture_message(reader));
	more = more < 0 || capture_info(reader)->incomplete;
	capture_reader_close(reader);
	return more ? 2 : 0;
}
