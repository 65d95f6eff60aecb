// SPDX-License-Identifier: GPL-2.0
/* A cause as JSON: one layout, whoever prints it. */
#include "report/object.h"

static const char *event_type(const struct model_event *event)
{
	switch (event->kind) {
	case RECORD_REQUEST_BEGIN:
		return "request-begin";
	case RECORD_REQUEST_END:
		return "request-end";
	case RECORD_ZAP:
		return "change";
	case RECORD_FLUSH:
		return "flush";
	case RECORD_JOIN:
		return "join";
	case RECORD_LEAVE:
		return "leave";
	case RECORD_PAGE_FREE:
		return "free";
	case RECORD_SLEEP:
		return "sleep";
	case RECORD_STALE:
		return "stale-read";
	case RECORD_MAP_END:
		return "walk";
	case RECORD_SNAPSHOT_END:
		return "read";
	case RECORD_PROMISE:
		return "conversion";
	case RECORD_GUEST_MAPPED:
		return "guest-mapped";
	case RECORD_GUEST_UNMAPPED:
		return "guest-unmapped";
	default:
		return "unknown";
	}
}

/* null where there is none. */
static void add_name(struct json_object *object, const char *key, const char *name)
{
	json_add(object, key, name ? json_string(name) : NULL);
}

static bool event_is_request(const struct model_event *event)
{
	return event->kind == RECORD_REQUEST_BEGIN || event->kind == RECORD_REQUEST_END;
}

static const char *event_direction(const struct model_event *event)
{
	switch (event->kind) {
	case RECORD_REQUEST_BEGIN:
	case RECORD_REQUEST_END:
		return report_direction(event->operation, event->state, event->mode);
	case RECORD_ZAP:
		return event->state ? "present" : "absent";
	case RECORD_PROMISE:
		return event->state ? "shared" : "private";
	default:
		return NULL;
	}
}

static void add_range(struct json_object *object, const struct model_event *event)
{
	bool pfns = event->kind == RECORD_ZAP || event->kind == RECORD_LEAVE ||
		    event->kind == RECORD_PAGE_FREE || event->kind == RECORD_MAP_END ||
		    event->kind == RECORD_STALE;
	bool flush = event->kind == RECORD_FLUSH, gfns = event->kind == RECORD_PROMISE;

	add_known(object, "pgoff_first", event->first, !pfns && !flush && !gfns);
	add_known(object, "pgoff_last", event->last, !pfns && !flush && !gfns);
	add_known(object, "pfn_first", event->first, pfns || (flush && !event->state));
	add_known(object, "pfn_last", event->last, pfns || (flush && !event->state));
	add_known(object, "gfn_first", event->first, gfns);
	add_known(object, "gfn_last", event->last, gfns);
}

static struct json_object *event_json(const struct model_event *event)
{
	struct json_object *object = json_new();
	bool placed = report_event_placed(event), read = event->kind == RECORD_SNAPSHOT_END;
	bool ended = event->kind == RECORD_REQUEST_END || event->kind == RECORD_ZAP ||
		     event->kind == RECORD_PROMISE;
	char text[REPORT_EVENT_MAX];

	add_text(object, "type", event_type(event));
	add_count(object, "time", event->time);
	add_known(object, "cpu", event->cpu, placed);
	add_known(object, "tid", event->tid, !read && event->kind != RECORD_MAP_END);
	add_name(object, "request",
		 event_is_request(event) ? model_operation_name(event->operation) : NULL);
	add_name(object, "direction", event_direction(event));
	add_range(object, event);
	json_add(object, "result", ended ? json_int(event->result) : NULL);
	add_name(object, "declared", read ? report_state(event->operation) : NULL);
	add_name(object, "page_table", read ? report_state(event->state) : NULL);
	add_text(object, "event", report_event(event, text));
	return object;
}

static struct json_object *request_json(const struct verdict_request *request)
{
	struct json_object *object;

	if (!request->operation)
		return NULL;
	object = json_new();
	add_text(object, "name", model_operation_name(request->operation));
	add_flag(object, "accused", request->accused);
	add_name(object, "direction",
		 report_direction(request->operation, request->state, request->mode));
	add_count(object, "pgoff_first", request->pgoff_first);
	add_count(object, "pgoff_last", request->pgoff_last);
	add_known(object, "begin", request->begin, request->begin);
	add_known(object, "end", request->end, request->end);
	json_add(object, "result", request->end ? json_int(request->result) : NULL);
	add_count(object, "tid", request->tid);
	add_count(object, "tgid", request->tgid);
	add_count(object, "cpu", request->cpu);
	return object;
}

static struct json_object *conversion_json(const struct model_conversion *conversion)
{
	struct json_object *object;

	if (!conversion->begin)
		return NULL;
	object = json_new();
	add_count(object, "gfn_first", conversion->gfn_first);
	add_count(object, "gfn_last", conversion->gfn_first + conversion->gfn_nr - 1);
	add_text(object, "direction", conversion->is_private ? "private" : "shared");
	add_count(object, "begin", conversion->begin);
	add_known(object, "end", conversion->end, conversion->end);
	add_int(object, "result", conversion->result);
	add_count(object, "tid", conversion->tid);
	return object;
}

static struct json_object *sources_json(const struct verdict_violation *cause)
{
	struct json_object *sources = json_list();

	for (size_t i = 0; i < cause->sources_nr; i++) {
		struct json_object *source = json_new();

		add_text(source, "source", cause->sources[i].name);
		add_name(source, "state", report_state(cause->sources[i].state));
		json_add(source, "says", words_json(cause->sources[i].says));
		json_append(sources, source);
	}
	return sources;
}

static struct json_object *events_json(const struct verdict_violation *cause)
{
	struct json_object *events = json_list();

	for (size_t i = 0; i < cause->events_nr; i++)
		json_append(events, event_json(&cause->events[i]));
	return events;
}

void add_cause(struct json_object *object, const struct verdict_violation *cause)
{
	add_text(object, "rule", cause->rule->name);
	add_int(object, "id", cause->rule->id);
	add_text(object, "severity",
		 cause->rule->severity == RULE_SEVERITY_VIOLATION ? "violation" : "note");
	add_known(object, "pattern", cause->pattern - 1, cause->pattern);
	add_inode_name(object, cause->inode);
	json_add(object, "vm", vm_json(cause->inode));
	add_known(object, "pgoff_first", cause->pgoff_first, cause->pgoff_known);
	add_known(object, "pgoff_last", cause->pgoff_last, cause->pgoff_known);
	add_known(object, "pfn", cause->pfn, cause->pfn);
	add_known(object, "gfn", cause->gfn, cause->gfn_known);
	add_count(object, "count", cause->count);
	add_count(object, "occurrences", cause->occurrences);
	add_count(object, "pages", cause->pages);
	add_count(object, "time_first", cause->time_first);
	add_count(object, "time_last", cause->time_last);
	json_add(object, "request", request_json(&cause->request));
	json_add(object, "conversion", conversion_json(&cause->conversion));
	json_add(object, "sources", sources_json(cause));
	json_add(object, "events", events_json(cause));
	json_add(object, "words", words_json(cause->words));
}
