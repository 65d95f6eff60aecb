// SPDX-License-Identifier: GPL-2.0
/* The file may be anybody's: no number in it is believed before it was compared. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "capture/pack.h"

#define RAW_MAX 65528 /* bytes of a record */

/* What is left of the packed bytes. */
struct cursor {
	const __u8 *at, *end;
};

static const __u8 *cursor_take(struct cursor *cursor, size_t size)
{
	const __u8 *at = cursor->at;

	if ((size_t)(cursor->end - at) < size)
		return NULL;
	cursor->at += size;
	return at;
}

/* More than @nr elements, so that there is an array where there are none. */
static int array_room(void *array, size_t *room, size_t nr, size_t element)
{
	void *old, *more;

	if (nr < *room)
		return 0;
	memcpy(&old, array, sizeof(old));
	more = realloc(old, (nr + 1) * 2 * element);
	if (!more)
		return -ENOMEM;
	memcpy(array, &more, sizeof(more));
	*room = (nr + 1) * 2;
	/* cppcheck-suppress memleak ; the caller's pointer has it */
	return 0;
}

/* How much room all kinds take: pointers into it are set when it no longer moves. */
static int kinds_measure(struct unpack *unpack, struct cursor cursor)
{
	size_t lanes = 0, words = 0;

	for (__u32 i = 0; i < unpack->kinds_nr; i++) {
		const __u8 *at = cursor_take(&cursor, sizeof(struct pack_kind));
		struct pack_kind head;

		if (!at)
			return -EBADMSG;
		memcpy(&head, at, sizeof(head));
		if (!head.size)
			continue;
		if (head.size < sizeof(struct record_header) || head.size % 8 ||
		    head.lanes >= head.size / 4U || !cursor_take(&cursor, head.size) ||
		    !cursor_take(&cursor, head.lanes * sizeof(struct pack_lane)))
			return -EBADMSG;
		lanes += head.lanes;
		words += head.size / 8U;
	}
	if (array_room(&unpack->lanes, &unpack->lanes_room, lanes, sizeof(*unpack->lanes)) ||
	    array_room(&unpack->records, &unpack->records_room, words, sizeof(*unpack->records)))
		return -ENOMEM;
	return 0;
}

static bool lane_read(struct unpack *unpack, struct unpack_kind *kind, __u32 i,
		      struct cursor *cursor)
{
	struct unpack_lane *lane = &kind->lanes[i];
	pack_word *record = (pack_word *)kind->record;
	struct pack_lane head;

	memcpy(&head, cursor_take(cursor, sizeof(head)), sizeof(head));
	/* Kind and size stay what they are. */
	if (!head.lane || head.lane >= kind->head.size / 4U)
		return false;
	lane->target = &record[head.lane];
	if (head.source >= PACK_SOURCE_TIME)
		lane->source = &unpack->time[head.source - PACK_SOURCE_TIME];
	else if (head.source <= head.lane)
		lane->source = &record[head.source];
	else
		return false;
	lane->bytes = head.bytes;
	return true;
}

static int kinds_read(struct unpack *unpack, struct cursor *cursor)
{
	struct unpack_lane *lanes = unpack->lanes;
	__u64 *record = unpack->records;

	for (__u32 i = 0; i < unpack->kinds_nr; i++) {
		struct unpack_kind *kind = &unpack->kinds[i];
		const struct record_header *header;

		memcpy(&kind->head, cursor_take(cursor, sizeof(kind->head)), sizeof(kind->head));
		if (!kind->head.size)
			continue;
		kind->record = record;
		kind->lanes = lanes;
		memcpy(record, cursor_take(cursor, kind->head.size), kind->head.size);
		header = (const struct record_header *)record;
		if (header->kind != kind->head.kind || header->size != kind->head.size)
			return -EBADMSG;
		for (__u32 j = 0; j < kind->head.lanes; j++) {
			if (!lane_read(unpack, kind, j, cursor))
				return -EBADMSG;
		}
		record += kind->head.size / 8U;
		lanes += kind->head.lanes;
	}
	return 0;
}

static int streams_find(struct unpack *unpack, struct cursor *cursor)
{
	for (__u32 i = 0; i < unpack->kinds_nr; i++) {
		struct unpack_kind *kind = &unpack->kinds[i];

		if (!kind->head.size) {
			kind->at = cursor_take(cursor, kind->head.lanes);
			if (!kind->at)
				return -EBADMSG;
			kind->end = cursor->at;
			continue;
		}
		for (__u32 j = 0; j < kind->head.lanes; j++) {
			struct unpack_lane *lane = &kind->lanes[j];

			lane->at = cursor_take(cursor, lane->bytes);
			if (!lane->at)
				return -EBADMSG;
			lane->end = cursor->at;
		}
	}
	return cursor->at == cursor->end ? 0 : -EBADMSG;
}

int unpack_begin(struct unpack *unpack, const __u8 *packed, size_t size, __u32 nr, __u64 time)
{
	struct cursor cursor = { packed, packed + size };
	const __u8 *head = cursor_take(&cursor, sizeof(struct pack_head));
	int error;

	unpack->left = 0;
	if (!head)
		return -EBADMSG;
	memcpy(&unpack->kinds_nr, head, sizeof(unpack->kinds_nr));
	if (unpack->kinds_nr > PACK_KINDS_MAX)
		return -EBADMSG;
	error = kinds_measure(unpack, cursor);
	if (!error)
		error = kinds_read(unpack, &cursor);
	if (error)
		return error;
	unpack->order = cursor_take(&cursor, nr);
	if (!unpack->order)
		return -EBADMSG;
	error = streams_find(unpack, &cursor);
	if (error)
		return error;
	memcpy(unpack->time, &time, sizeof(time));
	unpack->left = nr;
	return 0;
}

static const struct record_header *raw_next(struct unpack *unpack, struct unpack_kind *kind)
{
	size_t left = (size_t)(kind->end - kind->at);
	struct record_header header;

	if (!unpack->raw)
		unpack->raw = malloc(RAW_MAX);
	if (!unpack->raw || left < sizeof(header))
		return NULL;
	memcpy(&header, kind->at, sizeof(header));
	if (header.size < sizeof(header) || header.size % 8 || header.size > left ||
	    header.size > RAW_MAX || header.kind != kind->head.kind)
		return NULL;
	memcpy(unpack->raw, kind->at, header.size);
	kind->at += header.size;
	return (const struct record_header *)unpack->raw;
}

/* A number of more than seven bits; NULL where it does not end. */
static const __u8 *number_read(const __u8 *at, const __u8 *end, __u32 *value)
{
	__u32 result = 0;

	for (unsigned int shift = 0; at < end && shift < 35; shift += 7) {
		__u8 byte = *at++;

		result |= (__u32)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*value = result;
			return at;
		}
	}
	return NULL;
}

static bool lanes_next(struct unpack_lane *lane, const struct unpack_lane *end)
{
	for (; lane < end; lane++) {
		const __u8 *at = lane->at;
		__u32 value;

		if (at == lane->end)
			return false;
		value = *at++;
		if (value >= 0x80 && at < lane->end && *at < 0x80) {
			value = (value & 0x7f) | (__u32)*at++ << 7;
		} else if (value >= 0x80) {
			at = number_read(lane->at, lane->end, &value);
			if (!at)
				return false;
		}
		lane->at = at;
		*lane->target = *lane->source + (value >> 1 ^ -(value & 1));
	}
	return true;
}

const struct record_header *unpack_next(struct unpack *unpack)
{
	const struct record_header *record;
	struct unpack_kind *kind;

	if (!unpack->left || *unpack->order >= unpack->kinds_nr)
		return NULL;
	kind = &unpack->kinds[*unpack->order];
	if (!kind->head.size) {
		record = raw_next(unpack, kind);
		if (!record)
			return NULL;
	} else {
		if (!lanes_next(kind->lanes, kind->lanes + kind->head.lanes))
			return NULL;
		record = (const struct record_header *)kind->record;
	}
	unpack->order++;
	unpack->left--;
	memcpy(unpack->time, &record->time, sizeof(unpack->time));
	return record;
}

bool unpack_over(const struct unpack *unpack)
{
	if (unpack->left)
		return false;
	for (__u32 i = 0; i < unpack->kinds_nr; i++) {
		const struct unpack_kind *kind = &unpack->kinds[i];

		if (!kind->head.size && kind->at != kind->end)
			return false;
		for (__u32 j = 0; kind->head.size && j < kind->head.lanes; j++) {
			if (kind->lanes[j].at != kind->lanes[j].end)
				return false;
		}
	}
	return true;
}

void unpack_free(struct unpack *unpack)
{
	free(unpack->lanes);
	free(unpack->records);
	free(unpack->raw);
}
