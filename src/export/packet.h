/* SPDX-License-Identifier: GPL-2.0 */
/* Perfetto's packets, one by one, as src/export/perfetto.proto has them. */
#ifndef GMEMTRACE_EXPORT_PACKET_H
#define GMEMTRACE_EXPORT_PACKET_H

#include <stdbool.h>
#include <stdio.h>
#include "perfetto.pb-c.h"

#define NOTES_MAX 24

struct packets {
	FILE *out;
	uint8_t *buffer;
	size_t room;
	bool failed; /* memory was short */
	bool begun; /* something was interned, or may have been */
};

/* An event on its way: notes are figures and texts that a viewer shows beside it. */
struct event {
	Perfetto__TrackEvent track_event;
	Perfetto__DebugAnnotation list[NOTES_MAX];
	Perfetto__DebugAnnotation *notes[NOTES_MAX];
	char *category;
};

/* Strings stay the caller's until it is written. */
void event_init(struct event *event, Perfetto__TrackEvent__Type type, const char *category,
		const char *name, uint64_t track);
void event_count(struct event *event, const char *name, uint64_t value);
void event_int(struct event *event, const char *name, int64_t value);
void event_text(struct event *event, const char *name, const char *value);
/* A text that packet_intern() has written. */
void event_interned(struct event *event, const char *name, uint64_t iid);

void packet_clock(struct packets *packets, uint64_t time);
void packet_track(struct packets *packets, uint64_t uuid, uint64_t parent, const char *name);
void packet_intern(struct packets *packets, uint64_t iid, const char *text);
void packet_event(struct packets *packets, uint64_t time, struct event *event);

#endif
