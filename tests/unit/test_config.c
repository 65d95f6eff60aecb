// SPDX-License-Identifier: GPL-2.0
/* What is told of the kernel's configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

#include "sensor/config.h"

static char path[] = "/tmp/gmemtrace-config-XXXXXX";

static int path_make(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int path_remove(void **state)
{
	(void)state;
	return unlink(path);
}

static void path_write(const char *text, bool packed)
{
	/* T: as it is. */
	gzFile file = gzopen(path, packed ? "wb" : "wbT");

	assert_non_null(file);
	assert_int_equal(gzputs(file, text), strlen(text));
	assert_int_equal(gzclose(file), Z_OK);
}

static void test_options(void **state)
{
	static const char config[] = "# Automatically generated\n"
				     "CONFIG_KVM=m\n"
				     "CONFIG_KVMX=y\n"
				     "XCONFIG_SECRETMEM=y\n"
				     "# CONFIG_KFENCE is not set\n"
				     "CONFIG_KASAN=\"y\"\n"
				     "CONFIG_HZ=250\n"
				     "CONFIG_PREEMPT_DYNAMIC=y\n"
				     "CONFIG_DEBUG_VM=y"; /* cut */
	char text[CONFIG_TEXT_MAX];

	(void)state;
	for (int packed = 0; packed < 2; packed++) {
		path_write(config, packed);
		assert_true(config_read(path, text));
		assert_string_equal(text, "KVM=m PREEMPT_DYNAMIC=y");
	}
}

/* A line too long is none of ours, and neither is what stands behind its first part. */
static void test_options_none(void **state)
{
	static const char behind[] = "CONFIG_KVM=y\n";
	char text[CONFIG_TEXT_MAX], hostile[1024];

	(void)state;
	assert_false(config_read("/nowhere/config", text));
	path_write("", false);
	assert_false(config_read(path, text));
	memset(hostile, 'x', sizeof(hostile));
	hostile[sizeof(hostile) - 1] = 0;
	path_write(hostile, true);
	assert_false(config_read(path, text));
	/* Wherever its parts end. */
	for (size_t length = 1; length < sizeof(hostile) - sizeof(behind); length++) {
		memset(hostile, 'x', length);
		memcpy(hostile + length, behind, sizeof(behind));
		path_write(hostile, false);
		assert_false(config_read(path, text));
	}
}

/* All of them, each many times: what there is room for is told, and ends. */
static void test_options_many(void **state)
{
	char config[65536] = "", text[CONFIG_TEXT_MAX];
	size_t used = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		used += (size_t)snprintf(config + used, sizeof(config) - used,
					 "CONFIG_TRANSPARENT_HUGEPAGE=y\n");
	path_write(config, false);
	assert_true(config_read(path, text));
	assert_int_equal(strlen(text), CONFIG_TEXT_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_options_none),
		cmocka_unit_test(test_options_many),
	};

	return cmocka_run_group_tests(tests, path_make, path_remove);
}
