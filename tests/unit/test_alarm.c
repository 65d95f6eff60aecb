// SPDX-License-Identifier: GPL-2.0
/* What is run for a violation: how its words are split, that there is one at a time, and how it ends. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "daemon/alarm.h"

static char directory[] = "/tmp/test-alarm-XXXXXX";
static struct alarm alarm_one;
static char log_path[64];
static int log_before;

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
}

/* What was logged goes into a file, until log_end(). */
static void log_begin(void)
{
	int file;

	snprintf(log_path, sizeof(log_path), "%s/log", directory);
	file = open(log_path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	log_before = dup(STDERR_FILENO);
	assert_true(file >= 0 && log_before >= 0);
	dup2(file, STDERR_FILENO);
	close(file);
}

/* Its text, until the next call. */
static const char *log_end(void)
{
	static char text[8192];
	FILE *file = fopen(log_path, "r");
	size_t size;

	dup2(log_before, STDERR_FILENO);
	close(log_before);
	assert_non_null(file);
	size = fread(text, 1, sizeof(text) - 1, file);
	text[size] = '\0';
	fclose(file);
	return text;
}

/* A program of our own. */
static const char *script(const char *name, const char *body)
{
	static char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\ncd %s\n%s\n", directory, body);
	fclose(file);
	assert_int_equal(chmod(path, 0700), 0);
	return path;
}

static void add(const char *rule)
{
	struct alarm_violation violation = { .inode = "g3",
					     .pgoff = "0x10-0x1f",
					     .comm = "qemu",
					     .vm = 7,
					     .pages = 16,
					     .words = "$(touch shell); `touch shell`" };

	snprintf(violation.rule, sizeof(violation.rule), "%s", rule);
	alarm_add(&alarm_one, &violation);
}

static void opened(const char *command)
{
	char message[256];

	if (alarm_open(&alarm_one, command, message, sizeof(message)))
		fail_msg("%s", message);
}

/* Until nothing runs and nothing waits. */
static void work_off(void)
{
	static const struct timespec step = { .tv_nsec = 2000000 };

	do {
		(void)alarm_poll(&alarm_one, now());
		nanosleep(&step, NULL);
	} while (alarm_one.running || alarm_one.nr);
}

static void refused(const char *command, const char *why)
{
	char message[256] = "";

	if (!alarm_open(&alarm_one, command, message, sizeof(message)))
		fail_msg("%s: taken", command);
	if (!strstr(message, why))
		fail_msg("%s: %s", command, message);
}

static void test_words(void **state)
{
	char many[256] = "/bin/true";

	(void)state;
	opened("  /bin/true a  b\\ c\t\\\\d \"e f\" $HOME *");
	assert_string_equal(alarm_one.words[0], "/bin/true");
	assert_string_equal(alarm_one.words[1], "a");
	assert_string_equal(alarm_one.words[2], "b c");
	assert_string_equal(alarm_one.words[3], "\\d");
	assert_string_equal(alarm_one.words[4], "\"e");
	assert_string_equal(alarm_one.words[5], "f\"");
	assert_string_equal(alarm_one.words[6], "$HOME");
	assert_string_equal(alarm_one.words[7], "*");
	assert_null(alarm_one.words[8]);
	alarm_close(&alarm_one);
	refused("", "no command");
	refused(" \t", "no command");
	refused("true", "whole path");
	refused("/nowhere/true", "No such file");
	refused("/tmp", "no program");
	refused("/etc/passwd", "denied");
	for (int i = 0; i < ALARM_WORDS_MAX - 1; i++)
		strcat(many, " x");
	opened(many);
	alarm_close(&alarm_one);
	strcat(many, " x");
	refused(many, "more than 32 words");
}

/* What was seen is in the environment, and nobody takes it for a command. */
static void test_run(void **state)
{
	char text[2048], path[64], shell[64];
	size_t size;
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/got", directory);
	snprintf(shell, sizeof(shell), "%s/shell", directory);
	opened(script("run", "env >got; echo \"$#\" >>got; cat >>got"));
	setenv("SECRET", "of the daemon", 1);
	add("applied-mismatch");
	work_off();
	unsetenv("SECRET");
	alarm_close(&alarm_one);
	file = fopen(path, "r");
	assert_non_null(file);
	size = fread(text, 1, sizeof(text) - 1, file);
	text[size] = '\0';
	fclose(file);
	assert_non_null(strstr(text, "GMEMTRACE_RULE=applied-mismatch\n"));
	assert_non_null(strstr(text, "GMEMTRACE_INODE=g3\n"));
	assert_non_null(strstr(text, "GMEMTRACE_PGOFF=0x10-0x1f\n"));
	assert_non_null(strstr(text, "GMEMTRACE_PAGES=16\n"));
	assert_non_null(strstr(text, "GMEMTRACE_VM=7\n"));
	assert_non_null(strstr(text, "GMEMTRACE_COMM=qemu\n"));
	assert_non_null(strstr(text, "GMEMTRACE_WORDS=$(touch shell); `touch shell`\n"));
	assert_non_null(strstr(text, "GMEMTRACE_DROPPED=0\n"));
	assert_null(strstr(text, "SECRET"));
	assert_string_equal(text + strlen(text) - 3, "\n0\n");
	assert_int_equal(access(shell, F_OK), -1);
	unlink(path);
}

/* Each one looks whether another is at it, and says so. */
static void test_one_at_a_time(void **state)
{
	char command[96], text[4096];
	size_t size;
	FILE *file;

	(void)state;
	opened(script("one", "mkdir busy || echo two >>said; echo \"$GMEMTRACE_RULE "
			     "$GMEMTRACE_DROPPED\" >>said; sleep 0.01; rmdir busy"));
	log_begin();
	for (int i = 0; i < ALARM_QUEUE + 5; i++) {
		char rule[24];

		snprintf(rule, sizeof(rule), "rule-%d", i);
		add(rule);
	}
	assert_int_equal(alarm_one.nr, ALARM_QUEUE);
	assert_int_equal(alarm_one.dropped, 5);
	work_off();
	alarm_close(&alarm_one);
	assert_non_null(strstr(log_end(), "64 violations were waiting, and 5 more were dropped"));
	snprintf(command, sizeof(command), "%s/said", directory);
	file = fopen(command, "r");
	assert_non_null(file);
	size = fread(text, 1, sizeof(text) - 1, file);
	text[size] = '\0';
	fclose(file);
	unlink(command);
	assert_null(strstr(text, "two"));
	assert_int_equal(strncmp(text, "rule-0 5\nrule-1 0\n", 18), 0);
	assert_non_null(strstr(text, "rule-63 0\n"));
	assert_null(strstr(text, "rule-64"));
}

static void ends_with(const char *body, uint64_t timeout, const char *said)
{
	const char *text;

	opened(script("ends", body));
	if (timeout)
		alarm_one.timeout = timeout;
	log_begin();
	add("stuck");
	work_off();
	text = log_end();
	alarm_close(&alarm_one);
	if (said ? !strstr(text, said) : *text)
		fail_msg("%s: %s", body, text);
}

static void test_ends(void **state)
{
	(void)state;
	ends_with("exit 0", 0, NULL);
	ends_with("exit 7", 0, "ended with status 7");
	ends_with("kill -ABRT $$", 0, "ended by signal 6");
	ends_with("sleep 1000", 1000000000, "had not ended after 1 s");
	/* Whatever it has started goes with it, and no signal is ignored. */
	ends_with("trap '' TERM; sleep 1000 & sleep 1000 & wait", 1000000000,
		  "had not ended after 1 s");
}

/* It has gone since it was looked for. */
static void test_gone(void **state)
{
	const char *path = script("gone", "exit 0");

	(void)state;
	opened(path);
	unlink(path);
	log_begin();
	add("stuck");
	work_off();
	assert_non_null(strstr(log_end(), "cannot be run: No such file"));
	alarm_close(&alarm_one);
}

/* At our end what runs is ended, and what waits is said. */
static void test_close(void **state)
{
	pid_t running;

	(void)state;
	opened(script("close", "sleep 1000"));
	add("stuck");
	add("stuck");
	add("stuck");
	assert_true(alarm_poll(&alarm_one, now()) > 0);
	running = alarm_one.running;
	assert_true(running > 0);
	log_begin();
	alarm_close(&alarm_one);
	assert_non_null(strstr(log_end(), "2 violations were not handed to"));
	assert_int_equal(kill(running, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static int group_setup(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int group_teardown(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),	      cmocka_unit_test(test_run),
		cmocka_unit_test(test_one_at_a_time), cmocka_unit_test(test_ends),
		cmocka_unit_test(test_gone),	      cmocka_unit_test(test_close),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
