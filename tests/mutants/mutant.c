// SPDX-License-Identifier: GPL-2.0
/*
 * MUTANT=N in the environment brings mutant N to life. MUTANT_TESTS="3,0" has those tests of the
 * program run, by their places in its list, in that order. MUTANT_REACHED=FILE has what each of
 * them takes, and which places it passes, written there: struct reached, one a test.
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
#include <sys/resource.h>
#include <time.h>
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

__attribute__((constructor)) static void mutant_begin(void)
{
	const char *number = getenv("MUTANT");

	struct rlimit core = { 0, 0 }, memory = { 2UL << 30, 2UL << 30 }, cpu;

	if (!number)
		return;
	mutant_alive = atoi(number);
	setrlimit(RLIMIT_CORE, &core);
	setrlimit(RLIMIT_AS, &memory);
	/* Seconds of the CPU: a machine that is busy makes nobody hang. */
	cpu.rlim_cur = cpu.rlim_max = (rlim_t)atoi(getenv("MUTANT_SECONDS"));
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

int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t nr,
				   CMFixtureFunction setup, CMFixtureFunction teardown)
{
	const char *path = getenv("MUTANT_REACHED"), *asked = getenv("MUTANT_TESTS");
	struct CMUnitTest some[TESTS_MAX];
	size_t some_nr = 0;

	if (path)
		return run_each(path, name, tests, nr, setup, teardown);
	for (; asked && *asked && some_nr < TESTS_MAX; asked += *asked == ',') {
		size_t at = strtoul(asked, (char **)&asked, 10);

		if (at >= nr)
			return 1;
		some[some_nr++] = tests[at];
	}
	return __real__cmocka_run_group_tests(name, some, some_nr, setup, teardown);
}
