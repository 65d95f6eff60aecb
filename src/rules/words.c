// SPDX-License-Identifier: GPL-2.0
/* Putting a violation into words. */
#include <stdio.h>
#include "internal.h"

void text_add(char *text, size_t size, const char *between, const char *format, va_list list)
{
	size_t used = strlen(text);

	if (used)
		snprintf(text + used, size - used, "%s", between);
	used = strlen(text);
	vsnprintf(text + used, size - used, format, list);
}

__attribute__((format(printf, 4, 0))) static void source_add(struct verdict_violation *violation,
							     const char *name,
							     enum model_state state,
							     const char *format, va_list list)
{
	struct verdict_source *source;

	if (violation->sources_nr == VERDICT_SOURCES_MAX)
		return;
	source = &violation->sources[violation->sources_nr++];
	source->name = name;
	source->state = state;
	vsnprintf(source->says, sizeof(source->says), format, list);
}

void violation_source(struct verdict_violation *violation, const char *name, const char *format,
		      ...)
{
	va_list list;

	va_start(list, format);
	source_add(violation, name, 0, format, list);
	va_end(list);
}

void violation_source_state(struct verdict_violation *violation, const char *name,
			    enum model_state state, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	source_add(violation, name, state, format, list);
	va_end(list);
}

void violation_words(struct verdict_violation *violation, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(violation->words, sizeof(violation->words), format, list);
	va_end(list);
}

void violation_add_words(struct verdict_violation *violation, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	text_add(violation->words, sizeof(violation->words), "", format, list);
	va_end(list);
}

void violation_caller(struct verdict_violation *violation, const char *caller)
{
	const char *inner = caller, *next;

	if (!caller)
		return;
	violation_add_words(violation, " The calls that led there: ");
	for (const char *frame = caller; *frame; frame = *next ? next + 1 : next) {
		next = frame + strcspn(frame, ";");
		violation_add_words(violation, "%.*s%s", (int)(next - frame), frame,
				    *next ? " > " : ".");
		/* What is farther out has no room there. */
		if (strlen(inner) >= VERDICT_SAYS_MAX)
			inner = *next ? next + 1 : next;
	}
	violation_source(violation, "caller", "%s", inner);
}

const char *state_name(enum model_state state)
{
	switch (state) {
	case MODEL_PRESENT:
		return "present";
	case MODEL_ABSENT:
		return "absent";
	default:
		return "unknown";
	}
}

const char *request_words(const struct model_request *request, char text[REQUEST_WORDS_MAX])
{
	char name[MODEL_INODE_NAME_MAX];

	model_inode_name(request->inode, name, sizeof(name));
	snprintf(text, REQUEST_WORDS_MAX, "%s %s:0x%llx-0x%llx%s (task %u, began at %llu.%06llu s)",
		 model_operation_name(request->operation), name,
		 (unsigned long long)request->pgoff_first, (unsigned long long)request->pgoff_last,
		 request->operation != RECORD_OPERATION_SET_RANGE &&
				 request->operation != RECORD_OPERATION_SET_FOLIO
			 ? ""
		 : request->state ? " to present"
				  : " to absent",
		 request->tid, time_seconds(request->begin), time_micros(request->begin));
	return text;
}

void accuse_request(struct accusation *accusation, const struct model_request *request)
{
	__u64 last = request->pgoff_last;

	/* A release has all pages, to the end of the numbers. */
	if (request->inode && request->inode->pages && last >= request->inode->pages)
		last = request->inode->pages - 1;
	accusation->inode = request->inode;
	accusation->pgoff_unknown = accusation->anyone = !request->inode;
	accusation->pgoff = request->pgoff_first;
	accusation->nr = last > request->pgoff_first ? last - request->pgoff_first + 1 : 1;
	accusation->count = 1;
	accusation->request = request;
}

__u64 request_variant(const struct model_request *request)
{
	return request ? OPERATION_VARIANT(request->operation, request->state) : 0;
}
