// SPDX-License-Identifier: GPL-2.0
/*
 * A capture of N records of pages that come, are converted to and fro, each time flushed: 64 VMs with an inode
 * each, g2 to g65, one after the other for a while, and g1 beside all of them.
 *
 * usage: page-capture FILE N
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gmemtrace/capture.h"

#define VMS 64
#define PAGES 65536ULL /* of an inode */
#define RUN 8 /* pages that a conversion is of */
#define BESIDE 16 /* of so many conversions one is g1's */
#define STEP_NS 1000 /* from record to record */
#define BEAT 4096 /* records between two heartbeats */

static struct {
	struct capture_writer *writer;
	uint64_t records, wanted, now;
	bool present[VMS + 1][PAGES / RUN], there[VMS + 1][PAGES / RUN];
} making = { .now = 1000000000 };

static uint64_t seed = 7;

static uint64_t draw(uint64_t below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % below;
}

static uint64_t frame_of(uint32_t inode, uint64_t page)
{
	return 0x100000 + inode * PAGES + page;
}

static struct record_header header_of(uint16_t kind, size_t size, uint32_t inode)
{
	return (struct record_header){ .kind = kind,
				       .size = (uint16_t)size,
				       .cpu = (uint16_t)(inode % 8),
				       .tid = 1000 + inode,
				       .tgid = 1000 + inode,
				       .time = making.now += STEP_NS,
				       .inode = inode };
}

static int heartbeat(void)
{
	const struct record_heartbeat beat = {
		.header = { .kind = RECORD_HEARTBEAT, .size = sizeof(beat), .time = ++making.now },
		.watermark = making.now,
		.groups = SENSOR_GROUP_VERDICT,
	};

	return capture_append(making.writer, &beat.header);
}

static int append(const struct record_header *header)
{
	int error = capture_append(making.writer, header);

	if (!error && making.records++ % BEAT == 0)
		error = heartbeat();
	return error;
}

static int inode_met(uint32_t inode)
{
	struct record_inode record = { .header = header_of(RECORD_INODE, sizeof(record), inode),
				       .i_ino = 5000 + inode,
				       .pages = PAGES,
				       .provider = RECORD_PROVIDER_RFC3,
				       .vm = 1000 + inode };

	memcpy(record.comm, "qemu-system-x86", 15);
	return append(&record.header);
}

static int request(uint16_t kind, uint32_t inode, uint64_t first, bool present)
{
	const struct record_request record = { .header = header_of(kind, sizeof(record), inode),
					       .operation = RECORD_OPERATION_SET_RANGE,
					       .state = present,
					       .pgoff_first = first,
					       .pgoff_last = first + RUN - 1 };

	return append(&record.header);
}

/* Twice: filled only once it is out of the direct map. */
static int joined(uint32_t inode, uint64_t first, uint32_t prepared)
{
	const struct record_owner record = { .header =
						     header_of(RECORD_JOIN, sizeof(record), inode),
					     .page = frame_of(inode, first),
					     .pgoff = first,
					     .nr = RUN,
					     .prepared = prepared };

	return append(&record.header);
}

static int changed(uint32_t inode, uint64_t first, bool present)
{
	struct record_zap record = { .header = header_of(RECORD_ZAP, sizeof(record), inode),
				     .page = frame_of(inode, first),
				     .pgoff = first,
				     .nr = RUN,
				     .valid = present,
				     .routine = RECORD_ZAP_VALID };

	record.zap_begin = record.header.time - STEP_NS / 2;
	record.zap_end = record.header.time;
	return append(&record.header);
}

static int flushed(uint32_t inode, uint64_t first)
{
	struct record_flush record = { .header = header_of(RECORD_FLUSH, sizeof(record), 0),
				       .first = frame_of(inode, first),
				       .last = frame_of(inode, first) + RUN - 1,
				       .routine = RECORD_FLUSH_RANGE };

	record.header.tid = record.header.tgid = 1000 + inode;
	record.begin = record.header.time - STEP_NS / 2;
	return append(&record.header);
}

/* A run of pages of it is what it was not before. */
static int convert(uint32_t inode)
{
	uint64_t run = draw(PAGES / RUN), first = run * RUN;
	bool there = making.there[inode - 1][run];
	bool present = there && !making.present[inode - 1][run];
	int error = 0;

	if (!there)
		error = joined(inode, first, 0);
	making.there[inode - 1][run] = true;
	making.present[inode - 1][run] = present;
	if (!error)
		error = request(RECORD_REQUEST_BEGIN, inode, first, present);
	if (!error)
		error = changed(inode, first, present);
	if (!error && !present)
		error = flushed(inode, first);
	if (!error && !there)
		error = joined(inode, first, RECORD_OWNER_PREPARED);
	return error ? error : request(RECORD_REQUEST_END, inode, first, present);
}

static int capture_fill(void)
{
	struct record_end end = { .header = { .kind = RECORD_END, .size = sizeof(end) },
				  .command_status = -1 };
	int error = capture_append_fact(making.writer, 1, "sensor.groups", "1");

	for (uint32_t inode = 1; !error && inode <= VMS + 1; inode++)
		error = inode_met(inode);
	while (!error && making.records < making.wanted) {
		uint64_t turn = making.records * VMS / making.wanted;

		error = convert(draw(BESIDE) ? 2 + (uint32_t)turn : 1);
	}
	if (!error)
		error = heartbeat();
	end.header.time = making.now + 1;
	return error ? error : capture_append(making.writer, &end.header);
}

int main(int argc, char **argv)
{
	char message[512];
	int error;

	if (argc != 3) {
		fprintf(stderr, "usage: page-capture FILE N\n");
		return 64;
	}
	if (capture_create(argv[1], &making.writer, message, sizeof(message))) {
		fprintf(stderr, "page-capture: %s\n", message);
		return 2;
	}
	making.wanted = strtoull(argv[2], NULL, 10);
	error = capture_fill();
	if (!error)
		error = capture_finish(making.writer);
	capture_close(making.writer);
	if (error)
		fprintf(stderr, "page-capture: %s: %s\n", argv[1], strerror(-error));
	return error ? 2 : 0;
}
