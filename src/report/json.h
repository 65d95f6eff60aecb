/* SPDX-License-Identifier: GPL-2.0 */
/*
 * json-c's objects, of which any may be NULL where memory is short: json-c itself ends the process then. That
 * it was is remembered until the text is asked for, and that is NULL.
 */
#ifndef GMEMTRACE_REPORT_JSON_H
#define GMEMTRACE_REPORT_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Of this thread, since the last json_text(). */
extern _Thread_local bool json_short;

static inline struct json_object *json_made(struct json_object *value)
{
	json_short |= !value;
	return value;
}

static inline struct json_object *json_new(void)
{
	return json_made(json_object_new_object());
}

static inline struct json_object *json_list(void)
{
	return json_made(json_object_new_array());
}

static inline struct json_object *json_string(const char *text)
{
	return json_made(json_object_new_string(text));
}

static inline struct json_object *json_int(long long value)
{
	return json_made(json_object_new_int64(value));
}

static inline struct json_object *json_count(unsigned long long value)
{
	return json_made(json_object_new_uint64(value));
}

static inline struct json_object *json_double(double value)
{
	return json_made(json_object_new_double(value));
}

static inline struct json_object *json_flag(bool value)
{
	return json_made(json_object_new_boolean(value));
}

/* @value, or null where it is NULL, becomes @object's. */
static inline void json_add(struct json_object *object, const char *key, struct json_object *value)
{
	if (object && !json_object_object_add(object, key, value))
		return;
	json_short = true;
	json_object_put(value);
}

static inline void json_append(struct json_object *array, struct json_object *value)
{
	if (array && !json_object_array_add(array, value))
		return;
	json_short = true;
	json_object_put(value);
}

static inline size_t json_length(const struct json_object *array)
{
	return array ? json_object_array_length(array) : 0;
}

/* As json_object_to_json_string_ext(); the object's. NULL: memory was short, or is. */
const char *json_text(struct json_object *object, int flags);

/* The same as a line, and the object is put. 0, or -ENOMEM: nothing was written. */
int json_write(FILE *out, struct json_object *object, int flags);

#endif
