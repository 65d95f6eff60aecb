// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "export/packet.h"

#define CLOCK_ID 3 /* perfetto's BUILTIN_CLOCK_MONOTONIC */
#define SEQUENCE 1 /* one writer, one sequence */
#define FLAG_CLEARED 1
#define FLAG_NEEDS 2
#define PACKET_TAG 0x0a /* Trace.packet: field 1, with a length */
#define HEAD_MAX 11

void event_init(struct event *event, Perfetto__TrackEvent__Type type, const char *category,
		const char *name, uint64_t track)
{
	Perfetto__TrackEvent *one = &event->track_event;

	perfetto__track_event__init(one);
	one->has_type = 1;
	one->type = type;
	one->has_track_uuid = 1;
	one->track_uuid = track;
	one->name = (char *)name;
	event->category = (char *)category;
	if (category) {
		one->n_categories = 1;
		one->categories = &event->category;
	}
	one->debug_annotations = event->notes;
}

static Perfetto__DebugAnnotation *note_add(struct event *event, const char *name)
{
	Perfetto__TrackEvent *one = &event->track_event;
	Perfetto__DebugAnnotation *note = &event->list[one->n_debug_annotations];

	perfetto__debug_annotation__init(note);
	note->name = (char *)name;
	event->notes[one->n_debug_annotations] = note;
	if (one->n_debug_annotations + 1 < NOTES_MAX)
		one->n_debug_annotations++;
	return note;
}

void event_count(struct event *event, const char *name, uint64_t value)
{
	Perfetto__DebugAnnotation *note = note_add(event, name);

	note->has_uint_value = 1;
	note->uint_value = value;
}

void event_int(struct event *event, const char *name, int64_t value)
{
	Perfetto__DebugAnnotation *note = note_add(event, name);

	note->has_int_value = 1;
	note->int_value = value;
}

void event_text(struct event *event, const char *name, const char *value)
{
	note_add(event, name)->string_value = (char *)value;
}

void event_interned(struct event *event, const char *name, uint64_t iid)
{
	Perfetto__DebugAnnotation *note = note_add(event, name);

	note->has_string_value_iid = 1;
	note->string_value_iid = iid;
}

static bool packets_room(struct packets *packets, size_t size)
{
	uint8_t *buffer;

	if (size <= packets->room)
		return true;
	buffer = realloc(packets->buffer, size * 2);
	if (!buffer) {
		packets->failed = true;
		return false;
	}
	packets->buffer = buffer;
	packets->room = size * 2;
	return true;
}

/* As a member of Trace, which is nothing but packets. */
static void packet_write(struct packets *packets, Perfetto__TracePacket *packet)
{
	uint8_t head[HEAD_MAX];
	size_t size, used = 0;

	packet->has_trusted_packet_sequence_id = 1;
	packet->trusted_packet_sequence_id = SEQUENCE;
	packet->has_sequence_flags = 1;
	packet->sequence_flags = packets->begun ? FLAG_NEEDS : FLAG_CLEARED;
	packets->begun = true;
	size = perfetto__trace_packet__get_packed_size(packet);
	if (!packets_room(packets, size))
		return;
	perfetto__trace_packet__pack(packet, packets->buffer);
	head[used++] = PACKET_TAG;
	for (uint64_t left = size; used < HEAD_MAX; left >>= 7) {
		head[used++] = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
		if (left <= 0x7f)
			break;
	}
	fwrite(head, 1, used, packets->out);
	fwrite(packets->buffer, 1, size, packets->out);
}

void packet_clock(struct packets *packets, uint64_t time)
{
	Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;
	Perfetto__ClockSnapshot snapshot = PERFETTO__CLOCK_SNAPSHOT__INIT;
	Perfetto__ClockSnapshot__Clock clock = PERFETTO__CLOCK_SNAPSHOT__CLOCK__INIT;
	Perfetto__ClockSnapshot__Clock *clocks = &clock;

	clock.has_clock_id = 1;
	clock.clock_id = CLOCK_ID;
	clock.has_timestamp = 1;
	clock.timestamp = time;
	snapshot.n_clocks = 1;
	snapshot.clocks = &clocks;
	snapshot.has_primary_trace_clock = 1;
	snapshot.primary_trace_clock = CLOCK_ID;
	packet.clock_snapshot = &snapshot;
	packet_write(packets, &packet);
}

void packet_track(struct packets *packets, uint64_t uuid, uint64_t parent, const char *name)
{
	Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;
	Perfetto__TrackDescriptor track = PERFETTO__TRACK_DESCRIPTOR__INIT;

	track.has_uuid = 1;
	track.uuid = uuid;
	track.name = (char *)name;
	track.has_parent_uuid = parent != 0;
	track.parent_uuid = parent;
	packet.track_descriptor = &track;
	packet_write(packets, &packet);
}

void packet_intern(struct packets *packets, uint64_t iid, const char *text)
{
	Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;
	Perfetto__InternedData data = PERFETTO__INTERNED_DATA__INIT;
	Perfetto__InternedString string = PERFETTO__INTERNED_STRING__INIT;
	Perfetto__InternedString *strings = &string;

	string.has_iid = 1;
	string.iid = iid;
	string.has_str = 1;
	string.str.len = strlen(text);
	string.str.data = (uint8_t *)text;
	data.n_debug_annotation_string_values = 1;
	data.debug_annotation_string_values = &strings;
	packet.interned_data = &data;
	packet_write(packets, &packet);
}

void packet_event(struct packets *packets, uint64_t time, struct event *event)
{
	Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;

	packet.has_timestamp = 1;
	packet.timestamp = time;
	packet.has_timestamp_clock_id = 1;
	packet.timestamp_clock_id = CLOCK_ID;
	packet.track_event = &event->track_event;
	packet_write(packets, &packet);
}
