// SPDX-License-Identifier: GPL-2.0
/*
 * MUTANT=N in the environment brings mutant N to life. MUTANT_REACHED=FILE has the numbers of
 * all places that were passed written there at the end, a byte each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include "mutant.h"

int mutant_alive = -1;
unsigned char mutant_reached[MUTANTS_MAX];

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

__attribute__((destructor)) static void mutant_end(void)
{
	const char *path = getenv("MUTANT_REACHED");
	FILE *file = path ? fopen(path, "we") : NULL;

	if (!file)
		return;
	fwrite(mutant_reached, 1, sizeof(mutant_reached), file);
	fclose(file);
}
