// SPDX-License-Identifier: GPL-2.0
/*
 * What the model takes of memory, as it counts it itself:
 *
 *   uniform    bytes for an inode of 1 TiB that was declared and read, nothing resident
 *   runs       bytes for 1 TiB resident in runs of 2 MiB, each at its own place in memory
 *   scattered  bytes a page, resident one by one and at random in the same 4 GiB, a second after
 *              the last came (8 bytes more until then)
 *
 * Of the runs 64 GiB are laid, and taken times 16.
 *
 * usage: model-memory uniform|runs|scattered
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gmemtrace/model.h"

#define INODE 1
#define RUN 512 /* pages: 2 MiB */
#define TERA (1ULL << 28) /* pages: 1 TiB */
#define LAID (TERA / 16)
#define BEAT 1024 /* records between watermarks: what waits for one is no page's */
#define SCATTERED (1ULL << 20) /* pages: 4 GiB */

static uint64_t now = 1000000000;
static uint64_t joined; /* records */

static struct record_header header(uint16_t kind, size_t size)
{
	return (struct record_header){
		.kind = kind,
		.size = (uint16_t)size,
		.tid = 7,
		.tgid = 7,
		.time = now += 1000,
		.inode = INODE,
	};
}

static void heartbeat(struct model *model)
{
	struct record_heartbeat record = {
		.header = header(RECORD_HEARTBEAT, sizeof(record)),
		.watermark = now,
	};

	model_feed(model, &record.header);
}

static struct model *inode_of(uint64_t pages)
{
	struct record_inode record = {
		.header = header(RECORD_INODE, sizeof(record)),
		.pages = pages,
		.provider = RECORD_PROVIDER_RFC3,
		.comm = "bench",
	};
	struct model_options options = { .events_kept = 1024 }; /* chains of proof are no pages */
	struct model *model = model_create(&options);

	if (model)
		model_feed(model, &record.header);
	return model;
}

static void join(struct model *model, uint64_t pgoff, uint64_t pfn, uint32_t nr)
{
	struct record_owner record = {
		.header = header(RECORD_JOIN, sizeof(record)),
		.page = pfn,
		.pgoff = pgoff,
		.nr = nr,
		.prepared = 1,
	};

	model_feed(model, &record.header);
	if (++joined % BEAT == 0)
		heartbeat(model);
}

static void request(struct model *model, uint16_t kind)
{
	struct record_request record = {
		.header = header(kind, sizeof(record)),
		.pgoff_last = TERA - 1,
		.operation = RECORD_OPERATION_SET_RANGE,
		.state = 1,
	};

	model_feed(model, &record.header);
}

static void read_nothing(struct model *model, uint64_t pgoff)
{
	struct record_snapshot record = {
		.header = header(RECORD_SNAPSHOT_BEGIN, sizeof(record)),
		.pgoff_first = pgoff,
		.pgoff_nr = RECORD_SNAPSHOT_EMPTY,
		.inode_pages = TERA,
		.origin = RECORD_SNAPSHOT_LIVE,
		.provider = RECORD_PROVIDER_RFC3,
		.snapshot = 1,
	};

	model_feed(model, &record.header);
	record.header = header(RECORD_SNAPSHOT_END, sizeof(record));
	model_feed(model, &record.header);
	heartbeat(model);
}

static struct model *lay_uniform(void)
{
	struct model *model = inode_of(TERA);

	request(model, RECORD_REQUEST_BEGIN);
	request(model, RECORD_REQUEST_END);
	heartbeat(model);
	return model;
}

static struct model *lay_read(void)
{
	struct model *model = inode_of(TERA);

	for (uint64_t pgoff = 0; pgoff < TERA; pgoff += RECORD_SNAPSHOT_EMPTY)
		read_nothing(model, pgoff);
	return model;
}

/* An odd factor visits every place of a power of two once. */
static struct model *lay_runs(void)
{
	struct model *model = inode_of(TERA);

	for (uint64_t i = 0; i < LAID / RUN; i++)
		join(model, i * RUN, i * 40503 % (LAID / RUN) * RUN, RUN);
	return model;
}

static struct model *lay_scattered(void)
{
	struct model *model = inode_of(SCATTERED);

	for (uint64_t i = 0; i < SCATTERED; i++)
		join(model, i * 40503 % SCATTERED, i * 2654435761 % SCATTERED, 1);
	return model;
}

static uint64_t taken(struct model *model)
{
	struct model_counts counts;

	/* What changed a moment ago takes more: each page's time is kept for a second. */
	now += 2000000000;
	heartbeat(model);
	model_count(model, &counts);
	model_free(model);
	return counts.memory;
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";
	uint64_t empty, declared, read;

	empty = taken(inode_of(TERA));
	if (!strcmp(what, "uniform")) {
		declared = taken(lay_uniform());
		read = taken(lay_read());
		printf("%" PRIu64 "\n", declared > read ? declared : read);
	} else if (!strcmp(what, "runs")) {
		printf("%llu\n", (taken(lay_runs()) - empty) * (TERA / LAID));
	} else if (!strcmp(what, "scattered")) {
		printf("%.1f\n", (double)(taken(lay_scattered()) - empty) / (double)SCATTERED);
	} else {
		fprintf(stderr, "usage: model-memory uniform|runs|scattered\n");
		return 64;
	}
	return 0;
}
