// SPDX-License-Identifier: GPL-2.0
/* Who owns the sensors, and where that is agreed on. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "sensor/lock.h"

#define USER 12345

static char path[64];

static int setup(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/gmemtrace-lock.%d", (int)getpid());
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static void test_released(void **state)
{
	struct sensor_failure failure;
	struct lock lock;

	(void)state;
	assert_int_equal(lock_take(&lock, path, &failure), 0);
	assert_int_equal(access(path, F_OK), 0);
	lock_release(&lock);
	assert_int_equal(access(path, F_OK), -1);
	lock_release(&lock);
	assert_int_equal(lock_take(&lock, path, &failure), 0);
	lock_release(&lock);
}

static void test_held(void **state)
{
	struct sensor_failure failure;
	struct lock lock, other;
	char holder[32];

	(void)state;
	assert_int_equal(lock_take(&lock, path, &failure), 0);
	assert_int_equal(lock_take(&other, path, &failure), -EBUSY);
	assert_int_equal(failure.status, GMEMTRACE_CANNOT_RUN);
	snprintf(holder, sizeof(holder), "(pid %d)", (int)getpid());
	assert_non_null(strstr(failure.message, holder));
	lock_release(&lock);
}

/* Its holder was killed: the file is in nobody's way. */
static void test_left(void **state)
{
	struct sensor_failure failure;
	struct lock lock, other;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		if (!lock_take(&lock, path, &failure))
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(lock_take(&lock, path, &failure), 0);
	/* Held, it stays. */
	lock_sweep(path);
	assert_int_equal(lock_take(&other, path, &failure), -EBUSY);
	lock_release(&lock);
}

static void test_swept(void **state)
{
	FILE *file = fopen(path, "w");

	(void)state;
	assert_non_null(file);
	fclose(file);
	lock_sweep(path);
	assert_int_equal(access(path, F_OK), -1);
	lock_sweep(path);
}

/* Whoever waited holds the file that others open, not one that has been removed. */
static void test_handed_over(void **state)
{
	struct sensor_failure failure;
	struct lock lock, third;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(lock_take(&lock, path, &failure), 0);
	pid = fork();
	if (!pid) {
		struct lock waiting;

		if (lock_take(&waiting, path, &failure))
			_exit(1);
		_exit(lock_take(&third, path, &failure) != -EBUSY);
	}
	usleep(100000);
	lock_release(&lock);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void test_nowhere(void **state)
{
	struct sensor_failure failure;
	struct lock lock;

	(void)state;
	assert_int_equal(lock_take(&lock, "/no/such/place", &failure), -ENOENT);
	assert_non_null(strstr(failure.message, "/no/such/place: cannot lock it: No such file"));
	assert_int_equal(lock.descriptor, -1);
}

static _Noreturn void paths_of_a_user(void)
{
	char found[RUNTIME_PATH_MAX], expected[64];

	if (!geteuid() && setuid(USER))
		_exit(1);
	setenv("XDG_RUNTIME_DIR", "/somewhere", 1);
	if (runtime_path(found, "x") || strcmp(found, "/somewhere/x"))
		_exit(2);
	setenv("XDG_RUNTIME_DIR", "relative", 1);
	snprintf(expected, sizeof(expected), "/run/user/%u/x", (unsigned int)geteuid());
	if (runtime_path(found, "x") || strcmp(found, expected))
		_exit(3);
	unsetenv("XDG_RUNTIME_DIR");
	if (runtime_path(found, "x") || strcmp(found, expected))
		_exit(4);
	_exit(0);
}

static void test_paths(void **state)
{
	char found[RUNTIME_PATH_MAX];
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid)
		paths_of_a_user();
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	if (geteuid())
		return;
	/* root's stays the same under sudo. */
	setenv("XDG_RUNTIME_DIR", "/somewhere", 1);
	assert_int_equal(runtime_path(found, "x"), 0);
	assert_string_equal(found, "/run/x");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_released),	TEST(test_held),    TEST(test_left),  TEST(test_swept),
		TEST(test_handed_over), TEST(test_nowhere), TEST(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
