// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>

#include "report/json.h"

_Thread_local bool json_short;

/*
 * Whether there is what json-c would have asked for at most, beyond a text of @length bytes: without it both of
 * json_text()'s may be cut at the same place.
 */
static bool json_room(size_t length)
{
	void *room = malloc(2 * length + 4096);
	bool there = room != NULL;

	free(room);
	return there;
}

/*
 * Where its buffer cannot grow json-c leaves out what did not fit, and says nothing. Made again, in the buffer that
 * it has by then, the text is as long as before if nothing was; and there is still room for more.
 */
const char *json_text(struct json_object *object, int flags)
{
	size_t length, again;
	bool whole = !json_short;
	const char *text;

	json_short = false;
	if (!object || !whole || !json_object_to_json_string_length(object, flags, &length))
		return NULL;
	text = json_object_to_json_string_length(object, flags, &again);
	return text && again == length && json_room(length) ? text : NULL;
}

int json_write(FILE *out, struct json_object *object, int flags)
{
	const char *text = json_text(object, flags);
	int error = text ? 0 : -ENOMEM;

	if (text)
		fprintf(out, "%s\n", text);
	json_object_put(object);
	return error;
}
