// SPDX-License-Identifier: GPL-2.0
/* Which traced routines are replaced by live patches, as sysfs shows them. */
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

#include "sensor/livepatch.h"

static char directory[] = "/tmp/gmemtrace-livepatch-XXXXXX";

static void patch(const char *name, const char *object, const char *function)
{
	const char *parts[] = { name, object, function };
	char path[256];
	size_t used = (size_t)snprintf(path, sizeof(path), "%s", directory);

	for (size_t i = 0; i < 3; i++) {
		used += (size_t)snprintf(path + used, sizeof(path) - used, "/%s", parts[i]);
		mkdir(path, 0700);
	}
}

static int setup(void **state)
{
	(void)state;
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	return !mkdtemp(directory);
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", directory);
	return system(command);
}

static void test_none(void **state)
{
	char names[64] = "";

	(void)state;
	livepatch_look("/nowhere", names, sizeof(names));
	assert_string_equal(names, "");
	/* Of functions that nobody traces, or that are called alike. */
	patch("fix_1", "vmlinux", "tcp_sendmsg,1");
	patch("fix_1", "vmlinux", "secretmem_fault_in,1");
	livepatch_look(directory, names, sizeof(names));
	assert_string_equal(names, "");
}

static void test_traced(void **state)
{
	char names[96] = "", few[34] = "";

	(void)state;
	patch("fix_1", "vmlinux", "set_direct_map_invalid_noflush,1");
	patch("fix_1", "kvm", "kvm_gmem_fallocate,1");
	patch("fix_2", "vmlinux", "set_direct_map_invalid_noflush,1");
	livepatch_look(directory, names, sizeof(names));
	assert_string_equal(names, "kvm_gmem_fallocate set_direct_map_invalid_noflush");
	/* Names that do not fit are left out whole. */
	livepatch_look(directory, few, sizeof(few));
	assert_string_equal(few, "kvm_gmem_fallocate");
}

/* A patch that comes, and one that goes: what was ever replaced stays noted, once. */
static void test_come_go(void **state)
{
	char names[96] = "", empty[96];

	(void)state;
	patch("fix_1", "kvm", "kvm_gmem_fallocate,1");
	livepatch_look(directory, names, sizeof(names));
	livepatch_look(directory, names, sizeof(names));
	assert_string_equal(names, "kvm_gmem_fallocate");
	snprintf(empty, sizeof(empty), "%s/fix_1/kvm/kvm_gmem_fallocate,1", directory);
	assert_int_equal(rmdir(empty), 0);
	patch("fix_2", "vmlinux", "memory_failure,1");
	livepatch_look(directory, names, sizeof(names));
	assert_string_equal(names, "kvm_gmem_fallocate memory_failure");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_traced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_come_go, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
