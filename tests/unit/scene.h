/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of rules share: one inode of 64 pages, one task, and what they usually do. */
#ifndef GMEMTRACE_TESTS_SCENE_H
#define GMEMTRACE_TESTS_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "stream.h"

#define G 3 /* the inode */
#define T 7 /* the task */
#define RFC3 RECORD_PROVIDER_RFC3
#define SECRET RECORD_PROVIDER_SECRETMEM
#define ABSENT_BITS (RECORD_PAGE_RESIDENT | RECORD_PAGE_PREPARED)
#define PRESENT_BITS (ABSENT_BITS | RECORD_PAGE_PRESENT)
#define DEVIATES RECORD_PAGE_DEVIATES

static struct stream stream;

static inline int setup(void **state)
{
	(void)state;
	stream_init(&stream);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	stream_free(&stream);
	return 0;
}

/* What the release snapshot of inode G (64 pages, default absent) saw, in two passes. */
static inline void release(enum record_provider provider, const struct stream_page *pages,
			   size_t nr)
{
	for (__u32 pass = 0; pass < 2; pass++)
		stream_read(&stream, G, provider, provider == RECORD_PROVIDER_GMEM_PLAIN,
			    RECORD_SNAPSHOT_RELEASE, pass, 0, 64, pages, nr);
	stream_finish(&stream);
	stream_judge(&stream, NULL);
}

static inline void faulted(__u64 pages)
{
	stream_inode(&stream, G, RFC3, 64, false);
	for (__u64 i = 0; i < pages; i++)
		stream_fault(&stream, T, G, i, 100 + 2 * i);
	stream_heartbeat(&stream);
}

/* [first, last] made present; the pages from @skip on for @skip_nr are left out. */
static inline void convert(__u64 first, __u64 last, __u64 skip, __u64 skip_nr)
{
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, first, last, true);
	for (__u64 i = first; i <= last; i++) {
		if (i < skip || i >= skip + skip_nr)
			stream_zap(&stream, T, G, i, 100 + 2 * i, 1, true, 0);
	}
	stream_end(&stream, T, G, RECORD_OPERATION_SET_RANGE, first, last, true);
	stream_heartbeat(&stream);
}

/* Each page a run of its own, because its pfns are not contiguous. */
static inline size_t pages_seen(struct stream_page *pages, __u64 from, __u64 to, __u32 bits)
{
	for (__u64 i = from; i < to; i++)
		pages[i] = (struct stream_page){ i, 100 + 2 * i, 1, bits };
	return to;
}

static inline bool reason_has(const char *words)
{
	const char *reason;

	for (size_t i = 0; (reason = verdict_reason(stream.verdict, i)); i++) {
		if (strstr(reason, words))
			return true;
	}
	return false;
}

/* Why @rule was not judged, or NULL. */
static inline const char *not_judged(__u32 rule)
{
	const struct verdict_not_judged *entry;

	for (size_t i = 0; (entry = verdict_not_judged(stream.verdict, i)); i++) {
		if (entry->rule->id == rule)
			return entry->reason;
	}
	return NULL;
}

/* The sensors of freed pages are off. */
static inline void frees_unwatched(void)
{
	struct record_heartbeat *record;

	stream_heartbeat(&stream);
	record = (struct record_heartbeat *)(stream.data + stream.used - sizeof(*record));
	record->groups = SENSOR_GROUP_VERDICT;
}

static inline void heartbeats(int nr)
{
	for (int i = 0; i < nr; i++) {
		stream.now += 100 * MS;
		stream_heartbeat(&stream);
	}
}

#define RULE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
