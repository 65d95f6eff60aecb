/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of KVM's promises share: one VM, whose frames from GFN on inode G backs. */
#ifndef GMEMTRACE_TESTS_PROMISES_H
#define GMEMTRACE_TESTS_PROMISES_H

#include "here.h"

#define SET_RANGE RECORD_OPERATION_SET_RANGE
#define GFN 0x100 /* of page 0 */
#define PAGES 8 /* faulted in */

static struct stream_promise promises[4];

/* The reads to come say that [0, PAGES) are bound, and private or shared. */
static inline void promise(bool private)
{
	promises[0] = (struct stream_promise){ 0, PAGES, GFN, private };
	stream.promises = promises;
	stream.promises_nr = 1;
}

static inline void read_once(enum record_snapshot_origin origin, bool present_by_default,
			     __u32 bits)
{
	struct stream_page pages[PAGES];

	for (__u64 i = 0; i < PAGES; i++)
		pages[i] = (struct stream_page){ i, 200 + 2 * i, 1, bits };
	stream_read(&stream, G, RFC3, present_by_default, origin, 0, 0, 64, pages, PAGES);
}

static inline void bind(__u64 gfn, __u64 pgoff, __u64 nr)
{
	stream_promise(&stream, T, G, RECORD_PROMISE_BIND, gfn, nr, pgoff, false, 0);
	stream_promise(&stream, T, G, RECORD_PROMISE_BIND_BEGIN, gfn, nr, pgoff, false, 0);
	stream_promise(&stream, T, 0, RECORD_PROMISE_BIND_END, 0, 0, 0, false, 0);
}

/* With what the kernel does inside, but for @skip: [first, last] of the inode are changed. */
static inline void convert_to(__u64 gfn, __u64 nr, bool private, __u64 first, __u64 last,
			      __s64 result)
{
	stream_promise(&stream, T, 0, RECORD_PROMISE_CONVERT_BEGIN, gfn, nr, 0, private, 0);
	if (first <= last) {
		stream_begin(&stream, T, G, SET_RANGE, first, last, !private);
		for (__u64 i = first; i <= last && i < PAGES; i++) {
			stream_zap(&stream, T, G, i, 200 + 2 * i, 1, !private, 0);
			if (private)
				stream_flush(&stream, T, 0, 0, true);
		}
		stream_request(&stream, RECORD_REQUEST_END, T, G, SET_RANGE, first, last, !private,
			       result);
	}
	stream_promise(&stream, T, 0, RECORD_PROMISE_CONVERTED, 0, 0, 0, false, result);
	stream_promise(&stream, T, 0, RECORD_PROMISE_CONVERT_END, 0, 0, 0, false, 0);
}

/* A VM whose pages are bound, private and faulted in. */
static inline void private_vm(bool before_attach)
{
	here_anew();
	stream_inode(&stream, G, RFC3, 64, before_attach);
	bind(GFN, 0, 64);
	convert_to(GFN, 64, true, 0, 63, 0);
	for (__u64 i = 0; i < PAGES; i++)
		stream_fault(&stream, T, G, i, 200 + 2 * i);
	stream_heartbeat(&stream);
}

/* A conversion of other frames made them present: the slot's offset was ignored. */
static inline void wrongly_present(void)
{
	convert_to(GFN + 0x20, PAGES, false, 0, PAGES - 1, 0);
	promise(true);
}

static inline void read_twice(__u32 bits)
{
	read_once(RECORD_SNAPSHOT_LIVE, false, bits);
	here();
	read_once(RECORD_SNAPSHOT_LIVE, false, bits);
	/* It is the end of the read that proves it. */
	here_at = stream.used - sizeof(struct record_snapshot);
}

/* Bound, its shared pages present by default. */
static inline void present_inode(enum record_provider provider)
{
	struct record_inode record = {
		.header = { .kind = RECORD_INODE, .size = sizeof(record), .inode = G, .tgid = 100 },
		.pages = 64,
		.flags = provider == RFC3 ? RECORD_RFC3_DYNAMIC : 0,
		.provider = provider,
		.default_state = 1,
		.vm = 100,
	};

	here_anew();
	record.header.time = stream.now;
	stream_add(&stream, &record.header);
	bind(GFN, 0, 64);
	for (__u64 i = 0; i < PAGES; i++)
		stream_join(&stream, T, G, i, 200 + 2 * i);
	stream_heartbeat(&stream);
}

static inline void dynamic_inode(void)
{
	present_inode(RFC3);
}

static inline void read_dynamic(__u32 bits)
{
	read_once(RECORD_SNAPSHOT_LIVE, true, bits);
	read_once(RECORD_SNAPSHOT_LIVE, true, bits);
	here_at = stream.used - sizeof(struct record_snapshot);
}

/* The inode's own ioctl: from now on its user decides, until KVM converts the pages. */
static inline void own_word(__u64 inode, __u64 first, __u64 last, bool present)
{
	stream_begin(&stream, T, inode, SET_RANGE, first, last, present);
	stream_end(&stream, T, inode, SET_RANGE, first, last, present);
}

#endif
