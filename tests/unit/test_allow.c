// SPDX-License-Identifier: GPL-2.0
/* What check allows: RULE[:REASON], on the command line or in a file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "cli/allow.h"

static struct verdict_options options;
static char message[256];

static int setup(void **state)
{
	(void)state;
	memset(&options, 0, sizeof(options));
	message[0] = '\0';
	return 0;
}

static int entry(const char *words)
{
	static char text[8][64];
	static size_t nr;
	char *mine = text[nr++ % 8];

	snprintf(mine, sizeof(text[0]), "%s", words);
	return allow_entry(&options, mine, message, sizeof(message));
}

static void test_entries(void **state)
{
	(void)state;
	assert_int_equal(entry("never-flushed"), 0);
	assert_int_equal(entry("stuck: a slow disk: see there"), 0);
	assert_string_equal(options.allow[RULE_NEVER_FLUSHED], "");
	assert_string_equal(options.allow[RULE_STUCK], "a slow disk: see there");
	assert_null(options.allow[RULE_MISSED_PAGE]);
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(entry("no-such:x"), -EINVAL);
	assert_string_equal(message, "no-such: no such rule, see gmemtrace-rules(7)");
	assert_int_equal(entry("long-exposure"), -EINVAL);
	assert_string_equal(message, "long-exposure: a note, no verdict depends on it");
	assert_int_equal(entry("stuck"), 0);
	assert_int_equal(entry("stuck:again"), -EINVAL);
	assert_string_equal(message, "stuck: allowed twice");
	assert_int_equal(entry(""), -EINVAL);
}

static int list(const char *text)
{
	char path[] = "/tmp/gmemtrace-allow-XXXXXX";
	int descriptor = mkstemp(path), result;

	assert_true(descriptor >= 0);
	assert_int_equal(write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
	close(descriptor);
	result = allow_file(&options, path, message, sizeof(message));
	unlink(path);
	return result;
}

static void test_list(void **state)
{
	(void)state;
	assert_int_equal(list("# known\n\n  never-flushed: policy  \r\nstuck"), 0);
	assert_string_equal(options.allow[RULE_NEVER_FLUSHED], "policy");
	assert_string_equal(options.allow[RULE_STUCK], "");
	assert_null(options.allow[RULE_MISSED_PAGE]);
}

static void test_list_refused(void **state)
{
	(void)state;
	assert_int_equal(list("# one\nnever-flushed\nbogus: x\nstuck\n"), -EINVAL);
	assert_non_null(strstr(message, ": line 3: bogus: no such rule"));
	assert_null(options.allow[RULE_STUCK]);
	assert_int_equal(allow_file(&options, "/nonexistent/list", message, sizeof(message)),
			 -ENOENT);
	assert_string_equal(message, "/nonexistent/list: No such file or directory");
	assert_int_equal(allow_file(&options, "/", message, sizeof(message)), -EISDIR);
}

#define ALLOW_TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALLOW_TEST(test_entries),
		ALLOW_TEST(test_refused),
		ALLOW_TEST(test_list),
		ALLOW_TEST(test_list_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
