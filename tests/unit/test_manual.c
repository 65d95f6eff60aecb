// SPDX-License-Identifier: GPL-2.0
/* gmemtrace-rules(7) says of each rule what its descriptor says. Runs in the top directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gmemtrace/rules.h"

static char *page;

static int setup(void **state)
{
	FILE *file = fopen("man/gmemtrace-rules.7", "re");
	size_t room = 0;

	(void)state;
	if (!file)
		return -1;
	if (getdelim(&page, &room, '\0', file) < 0)
		return -1;
	return fclose(file);
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
	while ((rule = rule_next(rule)))
		check_rule(rule);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
