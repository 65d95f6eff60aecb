// SPDX-License-Identifier: GPL-2.0
/*
 * A trace for Perfetto: a track a CPU with flushes and the handlers that answer them, a track a VM
 * with requests and their flushes, a track of what was lost. A flow leads from a flush to each answer.
 */
#include <stdint.h>

#include "export/export.h"
#include "export/packet.h"
#include "export/tracks.h"

#define GROUP(class) ((uint64_t)(class) << 56) /* the track that holds a class's; no lane's uuid */
#define STACKS_MAX (1U << 20) /* ids; src/flush keeps no others */
#define TEXT_MAX 96
#define FLOWS_MAX 8192 /* CPUs that answer a flush */
#define NEVER 0xffffffffU /* record_answer: later than can be said */

struct perfetto {
	struct packets packets;
	struct tracks tracks;
	uint8_t told[STACKS_MAX / 8]; /* bit n: the stack of id n was interned */
	__u64 flows; /* ids given so far */
	uint64_t asked[FLOWS_MAX]; /* flows of the flush that is being written */
	bool classes[TRACK_LOSSES + 1]; /* its group was described */
	bool failed;
};

static void *perfetto_create(FILE *out)
{
	struct perfetto *perfetto = calloc(1, sizeof(*perfetto));

	if (perfetto)
		perfetto->packets.out = out;
	return perfetto;
}

static void perfetto_free(void *writer)
{
	struct perfetto *perfetto = writer;

	tracks_free(&perfetto->tracks);
	free(perfetto->packets.buffer);
	free(perfetto);
}

static bool perfetto_failed(const void *writer)
{
	const struct perfetto *perfetto = writer;

	return perfetto->failed || perfetto->packets.failed;
}

static void perfetto_run(void *writer, const struct export_run *run)
{
	struct perfetto *perfetto = writer;

	packet_clock(&perfetto->packets, run->started);
}

/* --- tracks ------------------------------------------------------------------- */

static void group_describe(struct perfetto *perfetto, enum track_class class)
{
	static const char *const names[] = {
		[TRACK_CPU] = "CPUs: flushes",
		[TRACK_VM] = "VMs: requests and their flushes",
		[TRACK_LOSSES] = "Losses",
	};

	if (perfetto->classes[class])
		return;
	perfetto->classes[class] = true;
	packet_track(&perfetto->packets, GROUP(class), 0, names[class]);
}

/* @comm: of a VM; "" not known. */
static void lane_describe(struct perfetto *perfetto, const struct track *track, int lane,
			  const char *comm)
{
	char name[TEXT_MAX], clean[LATENCY_WORDS_MAX];

	if (track->class == TRACK_LOSSES)
		snprintf(name, sizeof(name), "lost");
	else if (track->id == TRACK_OTHERS)
		snprintf(name, sizeof(name), "others");
	else if (track->class == TRACK_CPU)
		snprintf(name, sizeof(name), "CPU %u", track->id);
	else if (!track->id)
		snprintf(name, sizeof(name), "no VM that is known");
	else
		snprintf(name, sizeof(name), "VM %u (%.64s)", track->id, latency_comm(comm, clean));
	group_describe(perfetto, track->class);
	packet_track(&perfetto->packets, track_uuid(track, lane), GROUP(track->class), name);
}

struct place {
	uint64_t uuid;
	bool moment; /* too much overlaps: no slice fits */
};

static bool place_find(struct perfetto *perfetto, enum track_class class, __u32 id,
		       const char *comm, __u64 begin, __u64 end, struct place *place)
{
	struct track *track = tracks_get(&perfetto->tracks, class, id);
	bool fresh = false;
	int lane = track ? track_lane(track, begin, end, &fresh) : -2;

	perfetto->failed |= lane == -2;
	if (lane == -2)
		return false;
	if (fresh)
		lane_describe(perfetto, track, lane, comm);
	place->moment = lane < 0;
	place->uuid = track_uuid(track, lane < 0 ? 0 : lane);
	return true;
}

/* Writes @event as a slice, or where none fits as a moment that says how long it was. */
static void slice_write(struct perfetto *perfetto, struct event *event, const struct place *place,
			__u64 begin, __u64 end)
{
	struct event last;

	if (place->moment) {
		event->track_event.type = PERFETTO__TRACK_EVENT__TYPE__TYPE_INSTANT;
		event_count(event, "duration_ns", end - begin);
		packet_event(&perfetto->packets, begin, event);
		return;
	}
	packet_event(&perfetto->packets, begin, event);
	event_init(&last, PERFETTO__TRACK_EVENT__TYPE__TYPE_SLICE_END, NULL, NULL, place->uuid);
	packet_event(&perfetto->packets, end, &last);
}

/* --- flushes ------------------------------------------------------------------ */

/* By what stack_intern() has written. */
static void stack_note(struct event *event, const char *name, __u32 id, const char *text)
{
	if (text && id < STACKS_MAX)
		event_interned(event, name, id);
}

static void stack_intern(struct perfetto *perfetto, __u32 id, const char *text)
{
	static char clean[LATENCY_STACK_MAX];

	if (!text || id >= STACKS_MAX || perfetto->told[id / 8] & 1 << id % 8)
		return;
	perfetto->told[id / 8] |= (uint8_t)(1 << id % 8);
	escape_text(clean, sizeof(clean), text);
	packet_intern(&perfetto->packets, id, clean);
}

/* Whether @answer has an interval, and which. Times are those since the flush began. */
static bool answer_interval(const struct flush_seen *flush, const struct record_answer *answer,
			    __u64 *begin, __u64 *end)
{
	if (!flush->timed || !answer->entered || answer->entered == NEVER ||
	    answer->left < answer->entered)
		return false;
	/* Where only its end was looked at, how long it was waited for is all that there is to draw. */
	*begin = flush->begin + (answer->entered == answer->left ? answer->asked : answer->entered);
	*end = answer->left == NEVER ? flush->end : flush->begin + answer->left;
	return *end >= *begin;
}

static void answer_write(struct perfetto *perfetto, const struct flush_seen *flush,
			 const struct record_answer *answer, uint64_t flow)
{
	struct place place;
	struct event event;
	__u64 begin, end;

	if (!answer_interval(flush, answer, &begin, &end) || !flush->timed ||
	    !place_find(perfetto, TRACK_CPU, answer->cpu, "", begin, end, &place))
		return;
	event_init(&event, PERFETTO__TRACK_EVENT__TYPE__TYPE_SLICE_BEGIN, "acknowledgement",
		   "flush handler", place.uuid);
	event_count(&event, "asked_by_cpu", flush->timed->initiator);
	event_count(&event, "delay_ns",
		    answer->entered > answer->asked ? answer->entered - answer->asked : 0);
	event_text(&event, "interrupted", latency_context(answer->bits));
	event_count(&event, "interrupted_tid", answer->tid);
	event.track_event.n_terminating_flow_ids = 1;
	event.track_event.terminating_flow_ids = &flow;
	slice_write(perfetto, &event, &place, begin, end);
}

/* The flows that leave @flush, an answer each. */
static size_t flows_take(struct perfetto *perfetto, const struct flush_seen *flush)
{
	size_t nr = 0;
	__u64 begin, end;

	for (size_t i = 0; i < flush->answers_nr && nr < FLOWS_MAX; i++) {
		if (answer_interval(flush, &flush->answers[i], &begin, &end))
			perfetto->asked[nr++] = ++perfetto->flows;
	}
	return nr;
}

static void answers_write(struct perfetto *perfetto, const struct flush_seen *flush, size_t flows)
{
	size_t nr = 0;
	__u64 begin, end;

	for (size_t i = 0; i < flush->answers_nr && nr < flows; i++) {
		if (answer_interval(flush, &flush->answers[i], &begin, &end))
			answer_write(perfetto, flush, &flush->answers[i], perfetto->asked[nr++]);
	}
}

static const char *flush_name(const struct flush_seen *flush, char name[TEXT_MAX])
{
	if (flush->size == FLUSH_SIZE_EVERYTHING)
		snprintf(name, TEXT_MAX, "flush everything (%s)", flush_kind_name(flush->kind));
	else
		snprintf(name, TEXT_MAX, "flush %llu %s (%s)", (unsigned long long)flush->pages,
			 flush->pages == 1 ? "page" : "pages", flush_kind_name(flush->kind));
	return name;
}

/* What is only known where the flushes' own sensors were on. */
static void timed_notes(struct event *event, const struct flush_seen *flush,
			char late[LATENCY_WORDS_MAX])
{
	const struct record_flush_timed *timed = flush->timed;

	if (!timed)
		return;
	stack_note(event, "stack", timed->stack, flush->stack);
	event_count(event, "cpus_asked", timed->asked_nr);
	event_count(event, "cpus_answered", timed->answered_nr);
	if (!timed->late_entered)
		return;
	event_count(event, "last_cpu", timed->late_cpu);
	event_count(event, "last_answer_ns",
		    timed->late_left > flush->begin ? timed->late_left - flush->begin : 0);
	event_text(event, "last_cpu_ran", latency_comm(timed->late_comm, late));
	event_text(event, "last_cpu_context", latency_context(timed->late_bits));
	stack_note(event, "last_cpu_stack", timed->late_stack, flush->late_stack);
}

static void flush_slice(struct perfetto *perfetto, const struct flush_seen *flush,
			const struct place *place, __u64 end, size_t flows)
{
	char name[TEXT_MAX], task[TEXT_MAX], comm[LATENCY_WORDS_MAX], late[LATENCY_WORDS_MAX];
	char inode[MODEL_INODE_NAME_MAX];
	struct event event;

	event_init(&event, PERFETTO__TRACK_EVENT__TYPE__TYPE_SLICE_BEGIN, "flush",
		   flush_name(flush, name), place->uuid);
	snprintf(task, sizeof(task), "%.64s-%u", latency_comm(flush->comm, comm), flush->tgid);
	event_text(&event, "task", task);
	event_count(&event, "tid", flush->tid);
	if (flush->inode) {
		model_inode_name(flush->inode, inode, sizeof(inode));
		event_text(&event, "inode", inode);
	}
	if (flush->operation != RECORD_OPERATION_NONE)
		event_text(&event, "request", model_operation_name(flush->operation));
	event_count(&event, "pages_covered", flush->covered);
	timed_notes(&event, flush, late);
	event.track_event.n_flow_ids = flows;
	event.track_event.flow_ids = perfetto->asked;
	slice_write(perfetto, &event, place, flush->begin, end);
}

static void perfetto_flush(void *writer, const struct flush_seen *flush)
{
	__u64 end = flush->end > flush->begin ? flush->end : flush->begin;
	__u32 cpu = flush->timed ? flush->timed->initiator : flush->cpu;
	struct perfetto *perfetto = writer;
	struct place place;
	size_t flows;

	if (flush->timed) {
		stack_intern(perfetto, flush->timed->stack, flush->stack);
		stack_intern(perfetto, flush->timed->late_stack, flush->late_stack);
	}
	flows = flows_take(perfetto, flush);
	if (place_find(perfetto, TRACK_CPU, cpu, "", flush->begin, end, &place))
		flush_slice(perfetto, flush, &place, end, flows);
	answers_write(perfetto, flush, flows);
	if (flush->inode && place_find(perfetto, TRACK_VM, export_vm(flush->inode),
				       flush->inode->comm, flush->begin, end, &place))
		flush_slice(perfetto, flush, &place, end, 0);
}

/* --- everything else ------------------------------------------------------------ */

static void perfetto_request(void *writer, const struct model_request *request, __u64 now)
{
	__u64 end = now ? now : request->end;
	char name[TEXT_MAX], inode[MODEL_INODE_NAME_MAX], range[REPORT_RANGE_MAX];
	struct perfetto *perfetto = writer;
	struct place place;
	struct event event;

	if (!request->inode)
		return;
	end = end > request->begin ? end : request->begin;
	if (!place_find(perfetto, TRACK_VM, export_vm(request->inode), request->inode->comm,
			request->begin, end, &place))
		return;
	snprintf(name, sizeof(name), "%s%s", model_operation_name(request->operation),
		 now ? " (has not ended)" : "");
	event_init(&event, PERFETTO__TRACK_EVENT__TYPE__TYPE_SLICE_BEGIN, "request", name,
		   place.uuid);
	model_inode_name(request->inode, inode, sizeof(inode));
	event_text(&event, "inode", inode);
	event_text(&event, "pages", report_range(request->pgoff_first, request->pgoff_last, range));
	event_text(&event, "asks_for", export_asked(request));
	event_count(&event, "tid", request->tid);
	event_count(&event, "cpu", request->cpu);
	if (!now)
		event_int(&event, "result", request->result);
	slice_write(perfetto, &event, &place, request->begin, end);
}

static void perfetto_lost(void *writer, const struct model_doubt *doubt)
{
	__u64 end = doubt->until > doubt->since ? doubt->until : doubt->since;
	char name[TEXT_MAX], inode[MODEL_INODE_NAME_MAX];
	struct perfetto *perfetto = writer;
	struct place place;
	struct event event;

	if (!place_find(perfetto, TRACK_LOSSES, 0, "", doubt->since, end, &place))
		return;
	if (doubt->reason == MODEL_DOUBT_LOSS)
		snprintf(name, sizeof(name), "lost: %s", record_loss_name(doubt->cause));
	else
		snprintf(name, sizeof(name), "not seen");
	event_init(&event, PERFETTO__TRACK_EVENT__TYPE__TYPE_SLICE_BEGIN, "loss", name, place.uuid);
	event_count(&event, "count", doubt->count);
	if (doubt->inode) {
		model_inode_name(doubt->inode, inode, sizeof(inode));
		event_text(&event, "inode", inode);
	}
	slice_write(perfetto, &event, &place, doubt->since, end);
}

static void perfetto_cause(void *writer, const struct verdict_violation *cause)
{
	bool note = cause->rule->severity != RULE_SEVERITY_VIOLATION;
	char pages[REPORT_PLACE_MAX], words[REPORT_CLEAN_MAX];
	struct perfetto *perfetto = writer;
	const char *comm = cause->inode ? cause->inode->comm : "";
	struct place place;
	struct event event;

	if (!place_find(perfetto, TRACK_VM, export_vm(cause->inode), comm, UINT64_MAX, UINT64_MAX,
			&place))
		return;
	event_init(&event, PERFETTO__TRACK_EVENT__TYPE__TYPE_INSTANT, note ? "note" : "violation",
		   cause->rule->name, place.uuid);
	event_text(&event, "pages", report_place(cause, pages));
	event_count(&event, "count", cause->count);
	event_text(&event, "words", report_clean(cause->words, words));
	packet_event(&perfetto->packets, cause->time_first, &event);
}

static void perfetto_end(void *writer, const struct export_end *end)
{
	(void)writer;
	(void)end;
}

const struct export_writer export_perfetto = {
	.create = perfetto_create,
	.free = perfetto_free,
	.failed = perfetto_failed,
	.run = perfetto_run,
	.request = perfetto_request,
	.flush = perfetto_flush,
	.lost = perfetto_lost,
	.cause = perfetto_cause,
	.end = perfetto_end,
};
