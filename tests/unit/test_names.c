// SPDX-License-Identifier: GPL-2.0
/* What a VM is called, by the arguments of its process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "run/names.h"

static char name[NAMES_NAME_MAX];

#define PARSE(arguments) names_parse(arguments, sizeof(arguments), name)

static void test_parse(void **state)
{
	(void)state;
	assert_true(PARSE("qemu\0-name\0guest=web-1,debug-threads=on\0-m\0"
			  "4096"));
	assert_string_equal(name, "web-1");
	assert_true(PARSE("qemu\0-m\0"
			  "1\0-name\0a,,b,process=x"));
	assert_string_equal(name, "a,b");
	assert_true(PARSE("firecracker\0--id\0f-7\0--api-sock\0x"));
	assert_string_equal(name, "f-7");
	assert_true(PARSE("firecracker\0--id=f-8"));
	assert_string_equal(name, "f-8");
}

static void test_none(void **state)
{
	static char endless[5000];

	(void)state;
	assert_false(PARSE("gmem-load\0convert"));
	assert_false(PARSE("qemu\0-name"));
	assert_false(names_parse("", 0, name));
	/* Cut, or without a zero at its end. */
	assert_false(names_parse("qemu\0-name\0web", 13, name));
	assert_false(names_parse("--id=x", 6, name));
	memset(endless, 'a', sizeof(endless) - 1);
	memcpy(endless, "q\0-name", 8);
	assert_true(names_parse(endless, sizeof(endless), name));
	assert_int_equal(strlen(name), NAMES_NAME_MAX - 1);
}

static void test_find(void **state)
{
	static struct names names;

	(void)state;
	assert_null(names_find(&names, (uint32_t)getpid()));
	assert_null(names_find(&names, 1U << 30));
	assert_int_equal(names.nr, 2);
	assert_null(names_find(&names, (uint32_t)getpid()));
	assert_int_equal(names.nr, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
