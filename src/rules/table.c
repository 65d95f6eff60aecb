// SPDX-License-Identifier: GPL-2.0
/* The table of rules: what the linker has collected of their files, in order of ids. */
#include <stdio.h>
#include "internal.h"

extern const struct rule_descriptor *const table_start[] __asm__("__start_gmemtrace_rules");
extern const struct rule_descriptor *const table_stop[] __asm__("__stop_gmemtrace_rules");

/* Both are of one section, which a checker cannot know. */
static const struct rule_descriptor *const *table_end(void)
{
	const struct rule_descriptor *const *end = table_stop;

	return end;
}

const struct rule_descriptor *descriptor_next(const struct rule_descriptor *descriptor)
{
	const struct rule_descriptor *next = NULL;
	__u32 after = descriptor ? descriptor->rule.id : RULE_NONE;

	for (const struct rule_descriptor *const *entry = table_start; entry < table_end();
	     entry++) {
		if ((*entry)->rule.id > after && (!next || (*entry)->rule.id < next->rule.id))
			next = *entry;
	}
	return next;
}

const struct rule_descriptor *descriptor_find(__u32 id)
{
	for (const struct rule_descriptor *const *entry = table_start; entry < table_end();
	     entry++) {
		if ((*entry)->rule.id == id)
			return *entry;
	}
	return NULL;
}

const struct rule *rule_find(__u32 id)
{
	const struct rule_descriptor *descriptor = descriptor_find(id);

	return descriptor ? &descriptor->rule : NULL;
}

const struct rule *rule_next(const struct rule *rule)
{
	const struct rule_descriptor *descriptor =
		descriptor_next((const struct rule_descriptor *)rule);

	return descriptor ? &descriptor->rule : NULL;
}

const struct rule *rule_find_name(const char *name)
{
	const struct rule *rule = NULL;

	while ((rule = rule_next(rule))) {
		if (!strcmp(rule->name, name))
			return rule;
	}
	return NULL;
}

size_t rule_total(void)
{
	size_t nr = 0;

	for (const struct rule_descriptor *const *entry = table_start; entry < table_end(); entry++)
		nr++;
	return nr;
}

const char *rule_needs_words(const struct rule *rule, char words[RULE_NEEDS_WORDS_MAX])
{
	static const struct {
		__u32 needs;
		const char *name;
	} names[] = {
		{ RULE_NEEDS_HISTORY, "history" },
		{ RULE_NEEDS_SNAPSHOT, "snapshots" },
		{ RULE_NEEDS_PAGE_FREE, "page-free" },
		{ RULE_NEEDS_NO_PAGE_FREE, "no page-free" },
		{ RULE_NEEDS_MAP, "a walk of the direct map" },
		{ RULE_NEEDS_PROMISES, "promises" },
		{ RULE_NEEDS_ANSWERS, "answers of CPUs" },
		{ RULE_NEEDS_CHANGES, "begins of changes" },
		{ RULE_NEEDS_GUEST, "what guests reach" },
		{ RULE_NEEDS_GLOBAL, "a global direct map" },
		{ RULE_NEEDS_PAGES, "pages read before" },
	};
	size_t used = 0;

	words[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (rule->needs & names[i].needs)
			used += (size_t)snprintf(words + used, RULE_NEEDS_WORDS_MAX - used, "%s%s",
						 used ? ", " : "", names[i].name);
	}
	return words;
}
