// SPDX-License-Identifier: GPL-2.0
/*
 * Writes DIR/consistent.cap and DIR/violated.cap: the same pages faulted in, one freed absent. And
 * captures of flushes that are timed, with answers, stacks and a loss: DIR/flushes.cap, slower.cap
 * (each three times as long) and hostile.cap (by a task whose name would be markup).
 * DIR/slots.cap is consistent.cap, and four of its pages are bound to guest frames from 0x100 on.
 * DIR/unmappable.cap and mappable.cap are of an inode without a direct-map flag, bound so and shared.
 * DIR/long.cap is of 30 seconds: records are lost after ten, the same page is freed absent after twenty.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "../unit/timed.h"

#define INODE 3
#define TASK 7

static const struct stream_promise slots[] = {
	{ .pgoff = 2, .nr = 4, .gfn = 0x100, .private = true }
};

static void fill(struct stream *stream, bool violate, bool bound)
{
	stream_init(stream);
	stream->promises = bound ? slots : NULL;
	stream->promises_nr = bound ? 1 : 0;
	stream_inode(stream, INODE, RECORD_PROVIDER_RFC3, 8, false);
	for (__u64 page = 0; page < 8; page++)
		stream_fault(stream, TASK, INODE, page, 100 + 2 * page);
	if (violate)
		stream_page_free(stream, TASK, 104, true);
	for (__u32 pass = 0; pass < 2; pass++) {
		struct stream_page pages[8];
		size_t nr = 0;

		for (__u64 page = 0; page < 8; page++) {
			/* That one is gone. */
			if (violate && page == 2)
				continue;
			pages[nr++] =
				(struct stream_page){ page, 100 + 2 * page, 1,
						      RECORD_PAGE_RESIDENT | RECORD_PAGE_PREPARED };
		}
		stream_read(stream, INODE, RECORD_PROVIDER_RFC3, false, RECORD_SNAPSHOT_RELEASE,
			    pass, 0, 8, pages, nr);
	}
	stream_finish(stream);
}

static void fill_shared(struct stream *stream, __u64 flags)
{
	static const struct stream_promise shared = { .pgoff = 2, .nr = 4, .gfn = 0x100 };
	const struct stream_page page = { 2, 100, 1, RECORD_PAGE_RESIDENT | RECORD_PAGE_PRESENT };

	stream_init(stream);
	stream->promises = &shared;
	stream->promises_nr = 1;
	stream_inode(stream, INODE, RECORD_PROVIDER_GMEM_PLAIN, 8, false);
	((struct record_inode *)(stream->data + stream->used - sizeof(struct record_inode)))
		->flags = flags;
	stream_join(stream, TASK, INODE, 2, 100);
	stream_read(stream, INODE, RECORD_PROVIDER_GMEM_PLAIN, true, RECORD_SNAPSHOT_LIVE, 0, 0, 8,
		    &page, 1);
	stream_finish(stream);
}

static void fill_long(struct stream *stream)
{
	stream_init(stream);
	stream_inode(stream, INODE, RECORD_PROVIDER_RFC3, 512, false);
	for (__u64 beat = 0; beat < 300; beat++) {
		stream_fault(stream, TASK, INODE, beat, 100 + 2 * beat);
		if (beat == 100)
			stream_loss(stream, INODE, RECORD_LOSS_RING_FULL, stream->now - 1000, 3);
		if (beat == 200)
			stream_page_free(stream, TASK, 100 + 2 * beat, true);
		stream->now += 100000000;
		stream_heartbeat(stream);
	}
	stream_finish(stream);
}

static int store(struct stream *stream, const char *directory, const char *name)
{
	struct capture_writer *writer;
	char path[512], message[512];
	int error;

	snprintf(path, sizeof(path), "%s/%s.cap", directory, name);
	if (capture_create(path, &writer, message, sizeof(message))) {
		fprintf(stderr, "%s\n", message);
		return 1;
	}
	for (size_t at = 0; at < stream->used;) {
		const struct record_header *record = (const void *)(stream->data + at);

		capture_append(writer, record);
		at += record->size;
	}
	error = capture_finish(writer);
	capture_close(writer);
	stream_free(stream);
	return error;
}

static int store_flushes(const char *directory, const char *name, const char *comm, __u64 factor)
{
	struct stream stream;

	stream_init(&stream);
	timed_run(&stream, comm, factor, 400);
	stream_finish(&stream);
	return store(&stream, directory, name);
}

int main(int argc, char **argv)
{
	struct stream stream;
	int failed;

	if (argc != 2)
		return 64;
	fill(&stream, false, false);
	failed = store(&stream, argv[1], "consistent");
	fill(&stream, true, false);
	failed |= store(&stream, argv[1], "violated");
	fill(&stream, false, true);
	failed |= store(&stream, argv[1], "slots");
	fill_shared(&stream, 0);
	failed |= store(&stream, argv[1], "unmappable");
	fill_shared(&stream, 1); /* GUEST_MEMFD_FLAG_MMAP */
	failed |= store(&stream, argv[1], "mappable");
	failed |= store_flushes(argv[1], "flushes", "vmm", 1);
	failed |= store_flushes(argv[1], "slower", "vmm", 3);
	failed |= store_flushes(argv[1], "hostile", "<img src=//a/b>", 1);
	fill_long(&stream);
	failed |= store(&stream, argv[1], "long");
	return !!failed;
}
