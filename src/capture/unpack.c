// SPDX-License-Identifier: GPL-2.0
/* The file may be anybody's: no number in it is believed before it was compared. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "capture/pack.h"

#define RAW_MAX 65528 /* bytes of a record */
#define MADE_BYTES 8192 /* of records of a kind that are made in one go, but always one */

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

static __u32 kind_rows(const struct pack_kind *head)
{
	return head->size < MADE_BYTES ? MADE_BYTES / head->size : 1;
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
		words += head.size / 8U * (1 + kind_rows(&head));
	}
	if (array_room(&unpack->lanes, &unpack->lanes_room, lanes, sizeof(*unpack->lanes)) ||
	    array_room(&unpack->records, &unpack->records_room, words, sizeof(*unpack->records)))
		return -ENOMEM;
	return 0;
}

/* Its number can be added only when all that foretells it is known. */
static bool lane_late(const struct unpack_kind *kind, __u32 i)
{
	__u16 source = kind->lanes[i].source;

	if (source >= PACK_SOURCE_TIME)
		return true;
	for (__u32 j = 0; j < i; j++) {
		if (kind->lanes[j].lane == source)
			return kind->lanes[j].late;
	}
	return false;
}

static bool lane_read(struct unpack_kind *kind, __u32 i, struct cursor *cursor)
{
	struct unpack_lane *lane = &kind->lanes[i];
	struct pack_lane head;

	memcpy(&head, cursor_take(cursor, sizeof(head)), sizeof(head));
	/* Kind and size stay what they are; lanes come in order, each once. */
	if (!head.lane || head.lane >= kind->head.size / 4U ||
	    (i && head.lane <= kind->lanes[i - 1].lane))
		return false;
	if (head.source > head.lane && head.source < PACK_SOURCE_TIME)
		return false;
	*lane = (struct unpack_lane){ .lane = head.lane,
				      .source = head.source,
				      .bytes = head.bytes };
	lane->late = lane_late(kind, i);
	lane->value = ((const pack_word *)kind->first)[head.lane];
	kind->late += lane->late;
	if (lane->late && kind->late == 1)
		kind->late_first = i;
	return true;
}

static int kinds_read(struct unpack *unpack, struct cursor *cursor)
{
	struct unpack_lane *lanes = unpack->lanes;
	__u64 *record = unpack->records;

	for (__u32 i = 0; i < unpack->kinds_nr; i++) {
		struct unpack_kind *kind = &unpack->kinds[i];
		const struct record_header *header;

		*kind = (struct unpack_kind){ .lanes = lanes, .first = record };
		memcpy(&kind->head, cursor_take(cursor, sizeof(kind->head)), sizeof(kind->head));
		if (!kind->head.size)
			continue;
		memcpy(record, cursor_take(cursor, kind->head.size), kind->head.size);
		header = (const struct record_header *)record;
		if (header->kind != kind->head.kind || header->size != kind->head.size)
			return -EBADMSG;
		for (__u32 j = 0; j < kind->head.lanes; j++) {
			if (!lane_read(kind, j, cursor))
				return -EBADMSG;
		}
		record += kind->head.size / 8U;
		kind->records = record;
		kind->rows_max = kind_rows(&kind->head);
		record += (size_t)kind->head.size / 8U * kind->rows_max;
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

#define NUMBER_MAX 5 /* bytes */

/* The same where there are NUMBER_MAX bytes. How many it takes nobody can foretell: no branch. */
static inline const __u8 *number_near(const __u8 *at, __u32 *value)
{
	__u32 four, ends, last;

	memcpy(&four, at, sizeof(four));
	ends = ~four & 0x80808080;
	if (!ends)
		return number_read(at, at + NUMBER_MAX, value);
	last = (__u32)__builtin_ctz(ends); /* the top bit of its last byte */
	four &= ~0U >> (31 - last);
	*value = (four & 0x7f) | (four >> 1 & 0x3f80) | (four >> 2 & 0x1fc000) |
		 (four >> 3 & 0xfe00000);
	return at + last / 8 + 1;
}

/* Where a lane's numbers go: to its place in each of several records, one behind the other. */
struct places {
	pack_word *target;
	__u32 words; /* of a record */
	__u32 nr;
};

#define EIGHT 8U /* numbers that are looked at together */
#define EIGHT_LONGER 0x8080808080808080ULL /* in any of eight bytes: its number goes on */

static inline __u32 unzigzag(__u32 number)
{
	return number >> 1 ^ -(number & 1);
}

/*
 * Takes numbers from @lane for @places. Returns how many. @source: what foretells it in the same record, NULL: nothing does yet, or @own,
 * it does itself. Inlined, so that this is not asked for each of them.
 */
static inline __attribute__((always_inline)) __u32
lane_fill(struct unpack_lane *lane, const struct places *places, const pack_word *source, bool own)
{
	const __u8 *at = lane->at, *const end = lane->end;
	pack_word *target = places->target;
	const __u32 words = places->words;
	__u32 left = places->nr, value = lane->value, number;

	while (left) {
		__u32 few = left < EIGHT ? left : EIGHT;
		__u64 eight = EIGHT_LONGER;

		if (few == EIGHT && end - at >= EIGHT)
			memcpy(&eight, at, sizeof(eight));
		/* Most numbers are of what stays as it is. */
		if (own && !eight) {
			for (__u32 i = 0; i < EIGHT; i++, target += words)
				*target = value;
			at += EIGHT;
			left -= EIGHT;
			continue;
		}
		if (!(eight & EIGHT_LONGER)) {
			for (__u32 i = 0; i < EIGHT; i++, eight >>= 8) {
				number = unzigzag(eight & 0xff);
				value = own ? value + number : number;
				/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): they have room */
				*target = source ? *source + number : value;
				target += words;
				if (source)
					source += words;
			}
			at += EIGHT;
			left -= EIGHT;
			continue;
		}
		for (; few; few--, left--) {
			const __u8 *next = end - at >= NUMBER_MAX ? number_near(at, &number)
								  : number_read(at, end, &number);

			if (!next)
				goto over;
			at = next;
			number = unzigzag(number);
			value = own ? value + number : number;
			/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): they have room */
			*target = source ? *source + number : value;
			target += words;
			if (source)
				source += words;
		}
	}
over:
	lane->value = value;
	lane->at = at;
	return places->nr - left;
}

/* A lane of @rows records of @words each. Returns of how many. */
static __u32 lane_make(struct unpack_lane *lane, pack_word *records, __u32 words, __u32 rows)
{
	struct places places = { .target = records + lane->lane, .words = words, .nr = rows };

	if (lane->source == lane->lane)
		return lane_fill(lane, &places, NULL, true);
	if (lane->late)
		return lane_fill(lane, &places, NULL, false);
	return lane_fill(lane, &places, records + lane->source, false);
}

/* Makes the next few. Streams are as long as there are records: that of one ends with all others. */
static void kind_make(struct unpack_kind *kind)
{
	__u32 words = kind->head.size / 4U, rows = kind->rows_max;

	/* What never changes stands there from then on. */
	for (__u32 i = 0; !kind->rows && i < rows; i++)
		memcpy(kind->records + (size_t)i * (words / 2), kind->first, kind->head.size);
	for (__u32 i = 0; i < kind->head.lanes; i++) {
		__u32 made = lane_make(&kind->lanes[i], (pack_word *)kind->records, words, rows);

		kind->uneven |= i && made != rows;
		rows = made < rows ? made : rows;
	}
	kind->row = 0;
	kind->at_row = 0;
	kind->rows = rows;
}

/* Adds what foretells those lanes for which the records before it had to be known. */
static void late_add(const struct unpack *unpack, const struct unpack_kind *kind, pack_word *record)
{
	for (__u32 i = kind->late_first, left = kind->late; left; i++) {
		const struct unpack_lane *lane = &kind->lanes[i];

		if (!lane->late)
			continue;
		record[lane->lane] += lane->source >= PACK_SOURCE_TIME
					      ? unpack->time[lane->source - PACK_SOURCE_TIME]
					      : record[lane->source];
		left--;
	}
}

static const struct record_header *kind_next(const struct unpack *unpack, struct unpack_kind *kind)
{
	__u64 *record;

	if (kind->row == kind->rows)
		kind_make(kind);
	if (kind->row == kind->rows)
		return NULL;
	record = kind->records + kind->at_row;
	kind->at_row += kind->head.size / 8U;
	kind->row++;
	if (kind->late)
		late_add(unpack, kind, (pack_word *)record);
	return (const struct record_header *)record;
}

const struct record_header *unpack_make(struct unpack *unpack, struct unpack_kind *kind)
{
	return kind->head.size ? kind_next(unpack, kind) : raw_next(unpack, kind);
}

static bool kind_over(const struct unpack_kind *kind)
{
	if (!kind->head.size)
		return kind->at == kind->end;
	if (!kind->head.lanes)
		return true;
	if (kind->row != kind->rows || kind->uneven)
		return false;
	for (__u32 i = 0; i < kind->head.lanes; i++) {
		if (kind->lanes[i].at != kind->lanes[i].end)
			return false;
	}
	return true;
}

bool unpack_over(const struct unpack *unpack)
{
	if (unpack->left)
		return false;
	for (__u32 i = 0; i < unpack->kinds_nr; i++) {
		if (!kind_over(&unpack->kinds[i]))
			return false;
	}
	return true;
}

void unpack_free(struct unpack *unpack)
{
	free(unpack->lanes);
	free(unpack->records);
	free(unpack->raw);
}
