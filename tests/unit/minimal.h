/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whether a proof is one: without any one of its events the accusation does not follow. Each is
 * taken out of the stream, as if it had never been, and the rest is judged again.
 */
#ifndef GMEMTRACE_TESTS_MINIMAL_H
#define GMEMTRACE_TESTS_MINIMAL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stream.h"

static inline bool minimal_is_read(const struct record_header *record)
{
	return record->kind == RECORD_SNAPSHOT_BEGIN || record->kind == RECORD_SNAPSHOT_PAGE ||
	       record->kind == RECORD_SNAPSHOT_END || record->kind == RECORD_PROMISE_READ;
}

/*
 * What came before the request made its pages so, and what made them so once more is then no reason
 * either.
 */
static inline bool minimal_repeats(const struct record_header *record,
				   const struct model_event *event,
				   const struct verdict_violation *cause)
{
	const struct record_zap *zap = (const struct record_zap *)record;

	return event->kind == RECORD_ZAP && record->kind == RECORD_ZAP &&
	       event->time < cause->request.begin && zap->zap_end >= event->time &&
	       zap->zap_end < cause->request.begin && zap->valid == event->state &&
	       zap->page <= cause->pfn && cause->pfn < zap->page + zap->nr;
}

/* Part of the pass over the direct map that @event tells of the end of. */
static inline bool minimal_walks(const struct record_header *record,
				 const struct model_event *event)
{
	switch (record->kind) {
	case RECORD_MAP_BEGIN:
		return ((const struct record_map_begin *)record)->pass == event->mode;
	case RECORD_MAP_OWNER:
		return ((const struct record_map_owner *)record)->pass == event->mode;
	case RECORD_MAP_RUN:
		return ((const struct record_map_run *)record)->pass == event->mode;
	case RECORD_MAP_END:
		return ((const struct record_map_end *)record)->pass == event->mode;
	default:
		return false;
	}
}

/* The record is what @event tells of. */
static inline bool minimal_tells(const struct record_header *record,
				 const struct model_event *event,
				 const struct verdict_violation *cause)
{
	if (minimal_repeats(record, event, cause))
		return true;
	switch (event->kind) {
	case RECORD_ZAP:
		return record->kind == RECORD_ZAP && record->tid == event->tid &&
		       ((const struct record_zap *)record)->zap_end == event->time;
	case RECORD_MAP_END:
		return minimal_walks(record, event);
	case RECORD_PROMISE:
		return record->kind == RECORD_PROMISE && record->tid == event->tid &&
		       record->time >= cause->conversion.begin &&
		       record->time <= cause->conversion.end;
	case RECORD_STALE:
		return record->kind == RECORD_STALE && record->time == event->time &&
		       ((const struct record_stale *)record)->flusher == event->tid;
	default:
		return record->kind == event->kind && record->tid == event->tid &&
		       record->time == event->time;
	}
}

/* A change with its flush in one record: the flush alone is taken out. */
static inline bool minimal_unmerge(struct record_header *record, const struct model_event *event)
{
	struct record_zap *zap = (struct record_zap *)record;

	if (event->kind != RECORD_FLUSH || record->kind != RECORD_ZAP ||
	    record->tid != event->tid || record->time != event->time || !zap->flush_routine)
		return false;
	zap->flush_routine = RECORD_FLUSH_NONE;
	zap->flush_begin = zap->flush_first = zap->flush_last = 0;
	zap->flush_full = 0;
	return true;
}

/* Where the read of [from, until) that @event tells of stands; the later one ends so. */
static inline bool minimal_find_read(const struct stream *stream, const struct model_event *event,
				     bool later, size_t *from, size_t *until)
{
	for (size_t at = 0; at < stream->used;) {
		const struct record_header *record = (const void *)(stream->data + at);

		if (record->kind == RECORD_SNAPSHOT_BEGIN && record->inode == event->inode &&
		    (later || record->time == event->time))
			*from = at;
		at += record->size;
		if (record->kind == RECORD_SNAPSHOT_END && record->inode == event->inode &&
		    (later ? record->time == event->time : *from != SIZE_MAX)) {
			*until = at;
			return *from != SIZE_MAX;
		}
	}
	return false;
}

/* The stream without @event; without a read it is without what was read afterwards, too. */
static inline size_t minimal_copy(const struct stream *stream, struct stream *less,
				  const struct verdict_violation *cause, size_t event_index)
{
	const struct model_event *event = &cause->events[event_index];
	bool read = event->kind == RECORD_SNAPSHOT_END;
	size_t from = SIZE_MAX, until = 0, taken = 0;

	if (read &&
	    !minimal_find_read(stream, event, event_index + 1 == cause->events_nr, &from, &until))
		return 0;
	stream_init(less);
	for (size_t at = 0; at < stream->used;) {
		struct record_header *record = (void *)(stream->data + at);
		size_t here = at;

		at += record->size;
		if (read ? minimal_is_read(record) && here >= from &&
				    (here < until || record->time > cause->time_last)
			 : minimal_tells(record, event, cause)) {
			taken++;
			continue;
		}
		stream_add(less, record);
		record = (void *)(less->data + less->used - record->size);
		taken += minimal_unmerge(record, event);
	}
	return taken;
}

/* Violations, then notes. */
static inline const struct verdict_violation *minimal_at(const struct verdict *verdict,
							 size_t index)
{
	size_t violations = verdict_violations(verdict);

	return index < violations ? verdict_violation(verdict, index)
				  : verdict_note(verdict, index - violations);
}

/* The same pages are accused by the same rule because of the same request, or conversion. */
static inline bool minimal_follows(const struct stream *stream,
				   const struct verdict_violation *cause)
{
	const struct verdict_violation *found;

	for (size_t i = 0; (found = minimal_at(stream->verdict, i)); i++) {
		if (found->rule == cause->rule && found->pgoff_first == cause->pgoff_first &&
		    found->pgoff_last == cause->pgoff_last &&
		    (!found->inode || !cause->inode ||
		     found->inode->number == cause->inode->number) &&
		    found->request.begin == cause->request.begin &&
		    found->conversion.begin == cause->conversion.begin)
			return true;
	}
	return false;
}

/* Returns how many events the proof has; fails the test where one of them is not needed. */
static inline size_t expect_minimal(const struct stream *stream,
				    const struct verdict_violation *cause)
{
	for (size_t i = 0; i < cause->events_nr; i++) {
		const struct model_event *event = &cause->events[i];
		struct stream less;

		if (!minimal_copy(stream, &less, cause, i))
			fail_msg("%s at 0x%llx: event %zu, kind %u at %llu, is none of the stream",
				 cause->rule->name, (unsigned long long)cause->pgoff_first, i,
				 event->kind, (unsigned long long)event->time);
		stream_judge(&less, NULL);
		if (minimal_follows(&less, cause))
			fail_msg("%s at 0x%llx: follows without event %zu of %zu, kind %u, "
				 "operation %u at %llu",
				 cause->rule->name, (unsigned long long)cause->pgoff_first, i,
				 cause->events_nr, event->kind, event->operation,
				 (unsigned long long)event->time);
		stream_free(&less);
	}
	return cause->events_nr;
}

/* The same for all that is said by @rule. */
static inline void expect_minimal_of(const struct stream *stream, __u32 rule)
{
	const struct verdict_violation *found;

	for (size_t i = 0; (found = minimal_at(stream->verdict, i)); i++) {
		if (found->rule->id == rule)
			expect_minimal(stream, found);
	}
}

#endif
