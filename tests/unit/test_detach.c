// SPDX-License-Identifier: GPL-2.0
/* Who holds a module, from a tree that looks like /sys/module/kvm: dependents of its own are none of those. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "serve/detach.h"

static char root[] = "/tmp/test-detach-XXXXXX";

static const char *in_root(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static void references(const char *text)
{
	FILE *file = fopen(in_root("refcnt"), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void test_uses(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(root));
	/* Built in: it is there, and nobody counts. */
	assert_int_equal(detach_uses_of(root), 0);
	references("3\n");
	assert_int_equal(detach_uses_of(root), 3);
	assert_int_equal(mkdir(in_root("holders"), 0700), 0);
	assert_int_equal(detach_uses_of(root), 3);
	/* kvm_amd came with it, and has one of them. */
	assert_int_equal(symlink("../../kvm_amd", in_root("holders/kvm_amd")), 0);
	assert_int_equal(detach_uses_of(root), 2);
	/* It is being unloaded: nobody has it. */
	references("0\n");
	assert_int_equal(detach_uses_of(root), 0);
	unlink(in_root("holders/kvm_amd"));
	rmdir(in_root("holders"));
	unlink(in_root("refcnt"));
	rmdir(root);
	/* Not loaded. */
	assert_int_equal(detach_uses_of(root), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
