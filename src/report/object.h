/* SPDX-License-Identifier: GPL-2.0 */
/* Members of JSON objects, as all reports write them. */
#ifndef GMEMTRACE_REPORT_OBJECT_H
#define GMEMTRACE_REPORT_OBJECT_H

#include "internal.h"
#include "report/json.h"

static inline void add_int(struct json_object *object, const char *key, __s64 value)
{
	json_add(object, key, json_int(value));
}

static inline void add_count(struct json_object *object, const char *key, __u64 value)
{
	json_add(object, key, json_count(value));
}

/* null where it is not known. */
static inline void add_known(struct json_object *object, const char *key, __u64 value, bool known)
{
	json_add(object, key, known ? json_count(value) : NULL);
}

static inline void add_text(struct json_object *object, const char *key, const char *value)
{
	json_add(object, key, json_string(value));
}

/* Words may hold what somebody else wrote: JSON is UTF-8. */
static inline struct json_object *words_json(const char *words)
{
	char clean[REPORT_CLEAN_MAX];

	return json_string(report_clean(words, clean));
}

static inline void add_flag(struct json_object *object, const char *key, bool value)
{
	json_add(object, key, json_flag(value));
}

static inline void add_inode_name(struct json_object *object, const struct model_inode *inode)
{
	char name[MODEL_INODE_NAME_MAX];

	if (inode) {
		model_inode_name(inode, name, sizeof(name));
		add_text(object, "inode", name);
	} else {
		json_add(object, "inode", NULL);
	}
}

static inline struct json_object *vm_json(const struct model_inode *inode)
{
	struct json_object *object;
	char comm[REPORT_COMM_MAX];

	if (!inode)
		return NULL;
	object = json_new();
	add_count(object, "pid", inode->vm ? inode->vm : inode->tgid);
	add_text(object, "comm", report_comm(inode, comm));
	return object;
}

/* Adds all that is known of a cause; who adds more knows what kind of object it is. */
void add_cause(struct json_object *object, const struct verdict_violation *cause);

#endif
