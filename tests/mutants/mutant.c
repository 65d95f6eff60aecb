// SPDX-License-Identifier: GPL-2.0
/*
 * MUTANT_REACHED=FILE has what each test takes, and which places it passes, written there: struct
 * reached, one a test. Otherwise the program is asked by lines "MUTANT SECONDS TEST,TEST..." of its
 * standard input: it runs those tests, by their places in its list, in that order, with that mutant
 * alive, in a child; and answers with a line, 0 where they pass. To begin it anew each time takes
 * longer than most tests.
 *
 * Linked with --wrap=_cmocka_run_group_tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "mutant.h"

#define TESTS_MAX 256

int mutant_alive = -1;
unsigned char mutant_reached[MUTANTS_MAX];

struct reached {
	double seconds; /* of the CPU */
	unsigned char places[MUTANTS_MAX];
};

int __real__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t nr,
				   CMFixtureFunction setup, CMFixtureFunction teardown);
int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t nr,
				   CMFixtureFunction setup, CMFixtureFunction teardown);

static void mutant_begin(int number, rlim_t seconds)
{
	struct rlimit core = { 0, 0 }, memory = { 2UL << 30, 2UL << 30 }, cpu;

	mutant_alive = number;
	setrlimit(RLIMIT_CORE, &core);
	setrlimit(RLIMIT_AS, &memory);
	/* Seconds of the CPU: a machine that is busy makes nobody hang. */
	cpu.rlim_cur = cpu.rlim_max = seconds;
	setrlimit(RLIMIT_CPU, &cpu);
}

static int run_each(const char *path, const char *name, const struct CMUnitTest *tests, size_t nr,
		    CMFixtureFunction setup, CMFixtureFunction teardown)
{
	static struct reached reached;
	FILE *file = fopen(path, "we");
	int failed = !file;

	for (size_t i = 0; i < nr && !failed; i++) {
		clock_t begin = clock();

		memset(mutant_reached, 0, sizeof(mutant_reached));
		failed = __real__cmocka_run_group_tests(name, &tests[i], 1, i ? NULL : setup,
							i + 1 < nr ? NULL : teardown);
		reached.seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
		memcpy(reached.places, mutant_reached, sizeof(reached.places));
		failed |= fwrite(&reached, sizeof(reached), 1, file) != 1;
	}
	if (file)
		fclose(file);
	return failed;
}

static int run_some(const char *asked, const char *name, const struct CMUnitTest *tests, size_t nr,
		    CMFixtureFunction setup, CMFixtureFunction teardown)
{
	struct CMUnitTest some[TESTS_MAX];
	size_t some_nr = 0;

	for (; *asked && *asked != '\n' && some_nr < TESTS_MAX; asked += *asked == ',') {
		char *end;
		size_t at = strtoul(asked, &end, 10);

		if (at >= nr || end == asked)
			return 1;
		some[some_nr++] = tests[at];
		asked = end;
	}
	return __real__cmocka_run_group_tests(name, some, some_nr, setup, teardown);
}

int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t nr,
				   CMFixtureFunction setup, CMFixtureFunction teardown)
{
	const char *path = getenv("MUTANT_REACHED");
	/* Tests have neither: what they read and write is nobody's. */
	FILE *questions = fdopen(dup(0), "re"), *answers = fdopen(dup(1), "we");
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC), number, seconds, at, status;
	char line[TESTS_MAX * 5];

	if (path)
		return run_each(path, name, tests, nr, setup, teardown);
	if (!questions || !answers || dup2(nothing, 0) || dup2(nothing, 1) != 1)
		return 1;
	while (fgets(line, sizeof(line), questions)) {
		pid_t child = fork();

		if (!child) {
			if (sscanf(line, "%d %d %n", &number, &seconds, &at) != 2)
				_exit(1);
			mutant_begin(number, (rlim_t)seconds);
			_exit(run_some(line + at, name, tests, nr, setup, teardown) != 0);
		}
		if (child < 0 || waitpid(child, &status, 0) != child)
			return 1;
		fprintf(answers, "%d\n", status);
		fflush(answers);
	}
	return 0;
}
