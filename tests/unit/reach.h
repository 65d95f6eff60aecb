/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of pages in a guest's reach share. */
#ifndef GMEMTRACE_TESTS_REACH_H
#define GMEMTRACE_TESTS_REACH_H

#include "watch.h"

#define GFN 0x100 /* of page 0 */
#define OTHER 9 /* another inode */

static inline void guest(enum record_kind kind, __u32 tid, __u64 inode, __u64 pgoff, __u64 nr)
{
	struct record_guest record = {
		.header = { .kind = kind, .size = sizeof(record), .tid = tid, .inode = inode },
		.gfn = GFN + pgoff,
		.pgoff = pgoff,
		.nr = nr,
	};

	record.header.time = stream.now;
	stream_add(&stream, &record.header);
}

static inline void mapped(__u64 pgoff)
{
	guest(RECORD_GUEST_MAPPED, T + 1, G, pgoff, 1);
}

static inline void promise(enum record_promise_event event, __u64 pgoff, __u64 nr, bool private)
{
	stream_promise(&stream, T, 0, event, GFN + pgoff, nr, 0, private, 0);
}

static inline void bound(__u64 pages)
{
	anew();
	stream_inode(&stream, G, RFC3, pages, false);
	stream_promise(&stream, T, G, RECORD_PROMISE_BIND, GFN, pages, 0, false, 0);
}

static inline void expect_reached(size_t at, enum model_reach how, __u64 pgoff, __u64 nr, __u64 pfn)
{
	assert_true(at < watch.reached_nr);
	assert_int_equal(watch.reached[at].how, how);
	assert_int_equal(watch.reached[at].pgoff, pgoff);
	assert_int_equal(watch.reached[at].nr, nr);
	assert_int_equal(watch.reached[at].pfn, pfn);
}

#endif
