// SPDX-License-Identifier: GPL-2.0
/* How much memory there is for us, by files that are made here. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "run/memory.h"

static char root[] = "/tmp/gmemtrace-memory.XXXXXX";

/* Writes @text to @name below the root, whose directories are made. */
static void file_make(const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", root, name);
	for (char *at = path + strlen(root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(path, 0700);
		*at = '/';
	}
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[PATH_MAX];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", root);
	return system(command); /* NOLINT(cert-env33-c): a path of our own */
}

static void test_nothing_known(void **state)
{
	(void)state;
	assert_int_equal(memory_group_limit(root), 0);
	file_make("/proc/self/cgroup", "0::/a/b\nnonsense\n");
	assert_int_equal(memory_group_limit(root), 0);
}

/* A group's own limit, and that of those around it: the least holds. */
static void test_groups(void **state)
{
	(void)state;
	file_make("/proc/self/cgroup", "0::/a/b\n");
	file_make("/sys/fs/cgroup/a/b/memory.max", "max\n");
	assert_int_equal(memory_group_limit(root), 0);
	file_make("/sys/fs/cgroup/a/memory.max", "536870912\n");
	assert_int_equal(memory_group_limit(root), 512 << 20);
	file_make("/sys/fs/cgroup/a/b/memory.max", "268435456\n");
	assert_int_equal(memory_group_limit(root), 256 << 20);
	file_make("/sys/fs/cgroup/a/memory.max", "134217728\n");
	assert_int_equal(memory_group_limit(root), 128 << 20);
	/* A container sees its own group as the whole. */
	file_make("/proc/self/cgroup", "0::/\n");
	assert_int_equal(memory_group_limit(root), 0);
	file_make("/sys/fs/cgroup/memory.max", "1048576\n");
	assert_int_equal(memory_group_limit(root), 1 << 20);
}

static void test_first_version(void **state)
{
	(void)state;
	file_make("/proc/self/cgroup", "7:cpu,cpuacct:/c\n4:memory:/c/d\n");
	file_make("/sys/fs/cgroup/memory/c/memory.limit_in_bytes", "4194304\n");
	file_make("/sys/fs/cgroup/memory/c/d/memory.limit_in_bytes", "9223372036854771712\n");
	assert_int_equal(memory_group_limit(root), 4 << 20);
}

static void test_half(void **state)
{
	uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES), size = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t limit = memory_group_limit("");

	(void)state;
	assert_true(memory_half() <= pages * size / 2);
	assert_true(!limit || memory_half() <= limit / 2);
	assert_true(memory_half() > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_first_version),
		cmocka_unit_test(test_half),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
