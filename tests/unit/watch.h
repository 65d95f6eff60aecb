/* SPDX-License-Identifier: GPL-2.0 */
/* What the model tells its observers while a stream is fed, kept in order. */
#ifndef GMEMTRACE_TESTS_WATCH_H
#define GMEMTRACE_TESTS_WATCH_H

#include "scene.h"

#define WATCH_MAX (1 << 15)

#define WATCHED(X)                                                                                 \
	X(read, struct model_read)                                                                 \
	X(zap, struct model_zap)                                                                   \
	X(ended, struct model_request)                                                             \
	X(begun, struct model_request)                                                             \
	X(stuck, struct model_request)                                                             \
	X(flush, struct model_flush)                                                               \
	X(judged, struct model_flush_judgement)                                                    \
	X(exposure, struct model_exposure)                                                         \
	X(freed, struct model_freed)                                                               \
	X(moved, struct model_moved)                                                               \
	X(doubt, struct model_doubt)                                                               \
	X(reached, struct model_reached)                                                           \
	X(met, struct model_inode)                                                                 \
	X(dead, struct model_inode)

static struct watch {
#define X(name, type)                                                                              \
	type name[WATCH_MAX];                                                                      \
	size_t name##_nr;
	WATCHED(X)
#undef X
	struct model_counts counts;
	enum record_operation zapped_by; /* of the change that came last: its request */
	/* Of the request that ended last; conflicts: a bit a page of the first 64. */
	__u64 conflicts;
	struct model_zap inner[16];
	size_t inner_nr;
} watch;

#define X(name, type)                                                                              \
	static inline void watch_##name(const type *told)                                          \
	{                                                                                          \
		assert_true(watch.name##_nr < WATCH_MAX);                                          \
		watch.name[watch.name##_nr++] = *told;                                             \
	}
WATCHED(X)
#undef X

static inline void watch_page_read(void *context, const struct model_read *read)
{
	(void)context;
	watch_read(read);
}

static inline void watch_zapped(void *context, const struct model_zap *zap,
				const struct model_request *request)
{
	(void)context;
	watch_zap(zap);
	watch.zapped_by = request ? request->operation : RECORD_OPERATION_NONE;
}

static inline void watch_request_ended(void *context, const struct model_request *request)
{
	(void)context;
	watch_ended(request);
	watch.conflicts = 0;
	for (__u64 i = 0; i < 64; i++)
		watch.conflicts |= (__u64)model_request_conflicts(request, i) << i;
	assert_true(request->zaps_nr <= 16);
	watch.inner_nr = request->zaps_nr;
	if (request->zaps_nr)
		memcpy(watch.inner, request->zaps, request->zaps_nr * sizeof(*request->zaps));
}

static inline void watch_request_begun(void *context, const struct model_request *request)
{
	(void)context;
	watch_begun(request);
}

static inline void watch_request_stuck(void *context, const struct model_request *request,
				       __u64 now)
{
	(void)context;
	(void)now;
	watch_stuck(request);
}

static inline void watch_flushed(void *context, const struct model_flush *flush,
				 const struct model_request *request,
				 const struct model_inode *inode)
{
	(void)context;
	(void)request;
	(void)inode;
	watch_flush(flush);
}

static inline void watch_flush_judged(void *context, const struct model_flush_judgement *judgement)
{
	(void)context;
	watch_judged(judgement);
}

static inline void watch_exposure_ended(void *context, const struct model_exposure *exposure)
{
	(void)context;
	watch_exposure(exposure);
}

static inline void watch_freed_absent(void *context, const struct model_freed *freed)
{
	(void)context;
	watch_freed(freed);
}

static inline void watch_has_moved(void *context, const struct model_moved *moved)
{
	(void)context;
	watch_moved(moved);
}

static inline void watch_doubted(void *context, const struct model_doubt *doubt)
{
	(void)context;
	watch_doubt(doubt);
}

static inline void watch_has_reached(void *context, const struct model_reached *reached)
{
	(void)context;
	watch_reached(reached);
}

static inline void watch_inode_met(void *context, const struct model_inode *inode)
{
	(void)context;
	watch_met(inode);
}

static inline void watch_inode_dead(void *context, const struct model_inode *inode, __u64 time)
{
	(void)context;
	(void)time;
	watch_dead(inode);
}

/* Throws away the stream and what was watched. */
static inline void anew(void)
{
	stream_free(&stream);
	stream_init(&stream);
}

static inline void feed_model(const struct model_options *options,
			      const struct model_observer *observer)
{
	stream_heartbeat(&stream);
	stream.model = model_create(options);
	assert_non_null(stream.model);
	if (observer)
		assert_int_equal(model_observe(stream.model, observer), 0);
	for (size_t at = 0; at < stream.used;) {
		const struct record_header *record = (const void *)(stream.data + at);

		assert_int_equal(model_feed(stream.model, record), 0);
		at += record->size;
	}
	model_count(stream.model, &watch.counts);
}

/* Feeds what was built, and a heartbeat that has all of it taken. The model stays. */
static inline void feed_with(const struct model_options *options)
{
	struct model_observer observer = {
		.page_read = watch_page_read,
		.zapped = watch_zapped,
		.request_ended = watch_request_ended,
		.request_begun = watch_request_begun,
		.request_stuck = watch_request_stuck,
		.flushed = watch_flushed,
		.flush_judged = watch_flush_judged,
		.exposure_ended = watch_exposure_ended,
		.freed_absent = watch_freed_absent,
		.moved = watch_has_moved,
		.doubt = watch_doubted,
		.reached = watch_has_reached,
		.inode_met = watch_inode_met,
		.inode_dead = watch_inode_dead,
	};

#define X(name, type) watch.name##_nr = 0;
	WATCHED(X)
#undef X
	feed_model(options, &observer);
}

static inline void feed(void)
{
	feed_with(NULL);
}

/* The same, and nobody is told of it. */
static inline void feed_unheard(void)
{
	feed_model(NULL, NULL);
}

static inline void expect_malformed(__u64 nr)
{
	feed();
	assert_int_equal(watch.counts.malformed, nr);
}

static inline const struct model_inode *inode_of(__u64 number)
{
	const struct model_inode *inode = model_inode_find(stream.model, number);

	assert_non_null(inode);
	return inode;
}

static inline struct model_page page_at(__u64 number, __u64 pgoff)
{
	struct model_page page;

	model_page(stream.model, inode_of(number), pgoff, &page);
	return page;
}

/* The record that was added last, to be changed. */
static inline void *last_record(size_t size)
{
	return stream.data + stream.used - size;
}

#endif
