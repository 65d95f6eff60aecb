// SPDX-License-Identifier: GPL-2.0
/*
 * gmemtrace-rules(7) says of each rule what its descriptor says, gmemtrace-check(1) has every key
 * of the JSON. Runs in the top directory.
 */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gmemtrace/report.h"
#include "stream.h"

static char *page;

static void page_read(const char *path)
{
	FILE *file = fopen(path, "re");
	size_t room = 0;

	free(page);
	page = NULL;
	assert_non_null(file);
	assert_true(getdelim(&page, &room, '\0', file) > 0);
	fclose(file);
}

static int teardown(void **state)
{
	(void)state;
	free(page);
	return 0;
}

/* The text of an item up to the next macro, on one line and without mdoc's escapes. */
static void item_text(const char *from, char *text, size_t size)
{
	size_t used = 0;

	while (*from && *from != '.' && used + 1 < size) {
		const char *end = strchrnul(from, '\n');

		if (used)
			text[used++] = ' ';
		for (; from < end && used + 1 < size; from++) {
			if (*from != '\\')
				text[used++] = *from;
		}
		from = *end ? end + 1 : end;
	}
	text[used] = '\0';
}

static void check_rule(const struct rule *rule)
{
	char heading[96], text[1024], wanted[1024], needs[RULE_NEEDS_WORDS_MAX];
	const char *item;

	snprintf(heading, sizeof(heading), "Sy %s Pq %u", rule->name, rule->id);
	item = strstr(page, heading);
	if (!item)
		fail_msg("gmemtrace-rules(7) has no '%s'", heading);
	if (!rule->built)
		return;
	item_text(item + strlen(heading) + 1, text, sizeof(text));
	snprintf(wanted, sizeof(wanted), "%s Needs %s.", rule->meaning,
		 rule_needs_words(rule, needs));
	assert_string_equal(text, wanted);
}

static void test_rules(void **state)
{
	const struct rule *rule = NULL;

	(void)state;
	page_read("man/gmemtrace-rules.7");
	while ((rule = rule_next(rule)))
		check_rule(rule);
}

static bool word_part(char c)
{
	return c == '_' || (c >= 'a' && c <= 'z');
}

static bool page_has(const char *word)
{
	size_t length = strlen(word);

	for (const char *at = strstr(page, word); at; at = strstr(at + 1, word)) {
		if (!word_part(at[-1]) && !word_part(at[length]))
			return true;
	}
	return false;
}

/* Keys that are names of something, and not of the schema. */
static bool keys_are_open(const char *key)
{
	return !strcmp(key, "facts") || !strcmp(key, "lost_by_cause");
}

static void check_keys(struct json_object *value)
{
	if (json_object_is_type(value, json_type_array) && json_object_array_length(value))
		check_keys(json_object_array_get_idx(value, 0));
	if (!json_object_is_type(value, json_type_object))
		return;
	json_object_object_foreach(value, key, member)
	{
		if (!page_has(key))
			fail_msg("gmemtrace-check(1) does not say what '%s' is", key);
		if (!keys_are_open(key))
			check_keys(member);
	}
}

/* One violation, one note. */
static void history(struct stream *stream)
{
	stream_inode(stream, 3, RECORD_PROVIDER_RFC3, 64, false);
	stream_fault(stream, 7, 3, 0, 100);
	stream_join(stream, 7, 3, 1, 102);
	stream_begin(stream, 7, 3, RECORD_OPERATION_CONFIGURE, 1, 1, false);
	stream_zap(stream, 7, 3, 1, 102, 1, false, 0);
	stream_end(stream, 7, 3, RECORD_OPERATION_CONFIGURE, 1, 1, false);
	stream->now += SECOND / 2;
	stream_flush(stream, 8, 0, 0, true);
	stream_finish(stream);
	stream_judge(stream, NULL);
}

static void test_json_keys(void **state)
{
	struct json_object *object;
	struct stream stream;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	page_read("man/gmemtrace-check.1");
	stream_init(&stream);
	history(&stream);
	assert_int_equal(verdict_violations(stream.verdict), 1);
	assert_int_equal(verdict_notes(stream.verdict), 1);
	assert_int_equal(report_verdict(out, stream.verdict, report_format_find("json"), false), 0);
	fclose(out);
	object = json_tokener_parse(text);
	assert_non_null(object);
	check_keys(object);
	json_object_put(object);
	free(text);
	stream_free(&stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_json_keys),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
