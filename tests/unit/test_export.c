// SPDX-License-Identifier: GPL-2.0
/* What a run is for other tools: lines of JSON, and Perfetto's packets, read by a decoder of the test's own. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "scene.h"
#include "export/tracks.h"
#include "gmemtrace/export.h"
#include "timed.h"

static char *text;
static size_t text_size;

static int export_teardown(void **state)
{
	free(text);
	text = NULL;
	return teardown(state);
}

/* All of the stream as @format has it, into text. */
static void export_to(enum export_format format)
{
	struct model *model = model_create(NULL);
	struct verdict *verdict = verdict_create(model, NULL);
	FILE *out = open_memstream(&text, &text_size);
	struct exporter *exporter = export_create(model, format, out);

	assert_non_null(exporter);
	stream_feed(&stream, model);
	model_finish(model);
	assert_int_equal(export_finish(exporter, verdict), 0);
	export_free(exporter);
	fclose(out);
	verdict_free(verdict);
	model_free(model);
}

/* --- a reader of protobuf's wire format, that knows nothing of perfetto.proto ----- */

struct wire {
	const __u8 *at, *end;
};

struct field {
	__u64 number, type, value; /* value: or the length of what `in` has */
	struct wire in;
};

static __u64 varint(struct wire *wire)
{
	__u64 value = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		assert_true(wire->at < wire->end);
		value |= (__u64)(*wire->at & 0x7f) << shift;
		if (!(*wire->at++ & 0x80))
			return value;
	}
	fail_msg("a number does not end");
	return 0;
}

static bool field_next(struct wire *wire, struct field *field)
{
	__u64 key;

	if (wire->at == wire->end)
		return false;
	key = varint(wire);
	*field = (struct field){ .number = key >> 3, .type = key & 7 };
	switch (field->type) {
	case 0:
		field->value = varint(wire);
		return true;
	case 1:
		assert_true(wire->end - wire->at >= 8);
		memcpy(&field->value, wire->at, 8);
		wire->at += 8;
		return true;
	case 2:
		field->value = varint(wire);
		assert_true((__u64)(wire->end - wire->at) >= field->value);
		field->in = (struct wire){ wire->at, wire->at + field->value };
		wire->at += field->value;
		return true;
	default:
		fail_msg("wire type %llu", (unsigned long long)field->type);
		return false;
	}
}

/* The first field of @number in @message; false: none. */
static bool field_of(struct wire message, __u64 number, struct field *field)
{
	while (field_next(&message, field)) {
		if (field->number == number)
			return true;
	}
	return false;
}

static bool says(const struct field *field, const char *words)
{
	return field->value == strlen(words) && !memcmp(field->in.at, words, field->value);
}

/* Upstream's numbers: TracePacket 8 timestamp, 11 track_event, 12 interned_data, 60 track_descriptor. */
struct packet {
	__u64 time;
	struct wire event, track, interned;
	__u64 type, uuid;
	struct field name, category;
};

static bool packet_next(struct wire *trace, struct packet *packet)
{
	struct field field, member;

	memset(packet, 0, sizeof(*packet));
	if (!field_next(trace, &field))
		return false;
	assert_int_equal(field.number, 1);
	if (field_of(field.in, 8, &member))
		packet->time = member.value;
	if (field_of(field.in, 12, &member))
		packet->interned = member.in;
	if (field_of(field.in, 60, &member)) {
		packet->track = member.in;
		assert_true(field_of(packet->track, 1, &member));
		packet->uuid = member.value;
		assert_true(field_of(packet->track, 2, &packet->name));
	}
	if (!field_of(field.in, 11, &member))
		return true;
	packet->event = member.in;
	assert_true(field_of(packet->event, 9, &member));
	packet->type = member.value;
	assert_true(field_of(packet->event, 11, &member));
	packet->uuid = member.value;
	field_of(packet->event, 23, &packet->name);
	field_of(packet->event, 22, &packet->category);
	return true;
}

static struct wire trace_begin(void)
{
	return (struct wire){ (const __u8 *)text, (const __u8 *)text + text_size };
}

/* Of 200 flushes, exported. */
static struct wire trace_of_flushes(void)
{
	timed_run(&stream, "vmm", 1, 200);
	stream_finish(&stream);
	export_to(EXPORT_PERFETTO);
	return trace_begin();
}

static size_t events_count(__u64 type, const char *category)
{
	struct wire trace = trace_begin();
	struct packet packet;
	size_t nr = 0;

	while (packet_next(&trace, &packet))
		nr += packet.event.at && packet.type == type && says(&packet.category, category);
	return nr;
}

/* Of a track: every begin has its end, none is before, and none reaches into the next one. */
static void test_perfetto_nests(void **state)
{
	__u64 uuids[64] = { 0 }, ends[64] = { 0 };
	bool opened[64] = { false };
	struct wire trace;
	struct packet packet;
	size_t nr = 0;

	(void)state;
	trace = trace_of_flushes();
	while (packet_next(&trace, &packet)) {
		size_t at = 0;

		if (packet.track.at) {
			for (size_t i = 0; i < nr; i++)
				assert_true(uuids[i] != packet.uuid);
			uuids[nr++] = packet.uuid;
			assert_true(nr < 64);
		}
		if (!packet.event.at)
			continue;
		while (at < nr && uuids[at] != packet.uuid)
			at++;
		/* It was described before. */
		assert_true(at < nr);
		if (packet.type == 3)
			continue;
		assert_true(packet.time >= ends[at]);
		assert_int_equal(packet.type, opened[at] ? 2 : 1);
		opened[at] = !opened[at];
		ends[at] = packet.time;
	}
	for (size_t i = 0; i < nr; i++)
		assert_false(opened[i]);
	/* A flush and its answer are drawn once each on a CPU; the VM's 13 again, with its requests. */
	assert_int_equal(events_count(1, "flush"), 200 + 13 + 13);
	assert_int_equal(events_count(1, "acknowledgement"), 200);
	assert_int_equal(events_count(1, "request"), 13);
	assert_int_equal(events_count(1, "loss"), 1);
}

/* Each flow leaves one flush and ends in one answer, on the CPU that gave it. */
static void test_perfetto_flows(void **state)
{
	static __u8 left[256], ended[256];
	struct wire trace, event;
	struct packet packet;
	struct field field;

	(void)state;
	trace = trace_of_flushes();
	while (packet_next(&trace, &packet)) {
		event = packet.event;
		while (event.at && field_next(&event, &field)) {
			if (field.number != 47 && field.number != 48)
				continue;
			assert_int_equal(field.type, 1);
			assert_in_range(field.value, 1, 200);
			(field.number == 47 ? left : ended)[field.value]++;
			assert_int_equal(says(&packet.category, "flush"), field.number == 47);
		}
	}
	for (size_t i = 1; i <= 200; i++)
		assert_int_equal(left[i] + 2 * ended[i], 3);
}

/* An answer of which only the end was looked at is drawn from when it was asked for. */
static void test_perfetto_ends_alone(void **state)
{
	const struct timed timed = {
		.tid = 7,
		.begin = stream.now,
		.ns = 4000,
		.pages = 1,
		.comm = "vmm",
		.answers = { { .cpu = 1, .asked = 100, .entered = 3000, .left = 3000 } },
		.answers_nr = 1,
	};
	__u64 times[3] = { 0 };
	struct wire trace;
	struct packet packet;

	(void)state;
	timed_flush(&stream, &timed);
	stream_finish(&stream);
	export_to(EXPORT_PERFETTO);
	trace = trace_begin();
	while (packet_next(&trace, &packet)) {
		if (packet.event.at && packet.type == 1 &&
		    says(&packet.category, "acknowledgement"))
			times[1] = packet.time;
		else if (packet.event.at && packet.type == 2 && times[1] && !times[2])
			times[2] = packet.time;
	}
	assert_int_equal(times[1], timed.begin + 100);
	assert_int_equal(times[2], timed.begin + 3000);
	free(text);
	export_to(EXPORT_NDJSON);
	assert_non_null(strstr(text, "\"entered_ns\":null,\"left_ns\":3000"));
	assert_non_null(strstr(text, "\"entered\":null"));
}

/* A stack is written once, and named by its number from then on. */
static void test_perfetto_stacks(void **state)
{
	struct wire trace, event;
	struct packet packet;
	struct field field, string, name;
	size_t interned = 0, named = 0;

	(void)state;
	trace = trace_of_flushes();
	while (packet_next(&trace, &packet)) {
		if (packet.interned.at) {
			assert_true(field_of(packet.interned, 29, &field));
			assert_true(field_of(field.in, 2, &string));
			assert_true(field_of(field.in, 1, &name));
			assert_int_equal(says(&string, "fault;set_direct_map_valid_noflush;"
						       "flush_tlb_all"),
					 name.value == 2);
			interned++;
		}
		event = packet.event;
		while (event.at && field_next(&event, &field)) {
			if (field.number == 4 && field_of(field.in, 17, &string)) {
				assert_true(field_of(field.in, 10, &name) && says(&name, "stack"));
				assert_int_equal(interned, string.value == 2 ? 2 : interned);
				named++;
			}
		}
	}
	assert_int_equal(interned, 2);
	assert_int_equal(named, 200 + 13 + 13);
}

/* A violation is a moment on its VM's track. */
static void test_perfetto_violation(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 8, false);
	stream_fault(&stream, T, G, 0, 100);
	stream_page_free(&stream, T, 100, true);
	stream_finish(&stream);
	export_to(EXPORT_PERFETTO);
	assert_int_equal(events_count(3, "violation"), 1);
	assert_int_equal(events_count(1, "flush"), 2);
}

/* However many overlap: some are moments, none is left out. */
static void test_perfetto_crowd(void **state)
{
	(void)state;
	stream_fact(&stream, "sensor.groups", "17");
	for (__u32 i = 0; i < 100; i++) {
		struct timed timed = { .tid = 10 + i,
				       .begin = SECOND + i,
				       .ns = 1000 * MS,
				       .pages = 1,
				       .comm = "vmm" };

		timed_flush(&stream, &timed);
	}
	stream_finish(&stream);
	export_to(EXPORT_PERFETTO);
	assert_int_equal(events_count(1, "flush"), LANES_MAX);
	assert_int_equal(events_count(3, "flush"), 100 - LANES_MAX);
}

/* --- lines ------------------------------------------------------------------------ */

static size_t lines_count(const char *type)
{
	char *copy = strdup(text), *rest = copy, *line;
	size_t nr = 0;

	while ((line = strsep(&rest, "\n")) && *line) {
		struct json_object *object = json_tokener_parse(line), *member;

		assert_non_null(object);
		assert_true(json_object_object_get_ex(object, "type", &member));
		nr += !strcmp(json_object_get_string(member), type);
		json_object_put(object);
	}
	free(copy);
	return nr;
}

#define HEAD "{\"type\":\"run\",\"schema\":\"" EXPORT_SCHEMA "\""

static void test_ndjson(void **state)
{
	(void)state;
	timed_run(&stream, "vmm", 1, 200);
	stream_finish(&stream);
	export_to(EXPORT_NDJSON);
	assert_int_equal(strncmp(text, HEAD, sizeof(HEAD) - 1), 0);
	assert_int_equal(lines_count("run"), 1);
	assert_int_equal(lines_count("inode"), 1);
	assert_int_equal(lines_count("flush"), 213);
	assert_int_equal(lines_count("request"), 13);
	assert_int_equal(lines_count("change"), 13);
	assert_int_equal(lines_count("exposure"), 13);
	assert_int_equal(lines_count("loss"), 1);
	assert_int_equal(lines_count("end"), 1);
	assert_non_null(strstr(text, "\"last\":{\"cpu\":1,"));
	assert_non_null(strstr(text, "vfree;__purge_vmap_area_lazy;flush_tlb_kernel_range"));
}

/* Nothing at all, and a capture without flushes, are whole. */
static void test_empty(void **state)
{
	(void)state;
	stream_finish(&stream);
	export_to(EXPORT_NDJSON);
	assert_int_equal(lines_count("run") + lines_count("end"), 2);
	free(text);
	export_to(EXPORT_PERFETTO);
	assert_int_equal(events_count(1, "flush"), 0);
}

/* A request that is open at the end is told of, as such. */
static void test_open(void **state)
{
	(void)state;
	stream_inode(&stream, G, RFC3, 8, false);
	stream_begin(&stream, T, G, RECORD_OPERATION_SET_RANGE, 0, 1, false);
	stream_finish(&stream);
	export_to(EXPORT_NDJSON);
	assert_int_equal(lines_count("request"), 1);
	assert_non_null(strstr(text, "\"end\":null,\"result\":null"));
	free(text);
	export_to(EXPORT_PERFETTO);
	assert_int_equal(events_count(1, "request"), 1);
}

/* Names of tasks are any bytes; what is written is UTF-8 without control characters. */
static void test_names(void **state)
{
	__u64 seed = 11;

	(void)state;
	for (size_t round = 0; round < 300; round++) {
		char comm[RECORD_COMM_LEN] = "";
		__u64 byte;

		for (size_t i = 0; i < sizeof(comm) - 1; i++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			byte = seed >> 33 & 0xff;
			comm[i] = (char)(byte ? byte : 1);
		}
		stream_free(&stream);
		stream_init(&stream);
		timed_run(&stream, comm, 1, 2);
		stream_finish(&stream);
		for (int format = EXPORT_NDJSON; format <= EXPORT_PERFETTO; format++) {
			export_to((enum export_format)format);
			if (format == EXPORT_NDJSON)
				assert_int_equal(lines_count("flush"), 3);
			else
				assert_int_equal(events_count(1, "flush"), 4);
			free(text);
		}
		text = NULL;
	}
}

static void test_tracks(void **state)
{
	struct tracks tracks = { 0 };
	struct track *track;
	bool fresh;

	(void)state;
	for (__u32 i = 0; i < TRACKS_MAX + 10; i++)
		assert_non_null(tracks_get(&tracks, TRACK_CPU, i));
	assert_int_equal(tracks.nr, TRACKS_MAX + 1);
	track = tracks_get(&tracks, TRACK_CPU, TRACKS_MAX + 5);
	assert_int_equal(track->id, TRACK_OTHERS);
	track = tracks_get(&tracks, TRACK_CPU, 5);
	assert_int_equal(track->id, 5);
	assert_int_equal(track_lane(track, 10, 20, &fresh), 0);
	assert_true(fresh);
	assert_int_equal(track_lane(track, 15, 16, &fresh), 1);
	assert_int_equal(track_lane(track, 20, 30, &fresh), 0);
	assert_false(fresh);
	assert_true(track_uuid(track, 0) != track_uuid(track, 1));
	tracks_free(&tracks);
}

#define EXPORT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, export_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EXPORT_TEST(test_perfetto_nests),
		EXPORT_TEST(test_perfetto_flows),
		EXPORT_TEST(test_perfetto_ends_alone),
		EXPORT_TEST(test_perfetto_stacks),
		EXPORT_TEST(test_perfetto_violation),
		EXPORT_TEST(test_perfetto_crowd),
		EXPORT_TEST(test_ndjson),
		EXPORT_TEST(test_empty),
		EXPORT_TEST(test_open),
		EXPORT_TEST(test_names),
		cmocka_unit_test(test_tracks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
