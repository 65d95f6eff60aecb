/* SPDX-License-Identifier: GPL-2.0 */
/* Which mutant is alive. */
#ifndef GMEMTRACE_TESTS_MUTANT_H
#define GMEMTRACE_TESTS_MUTANT_H

#define MUTANTS_MAX 16384

extern int mutant_alive;
extern unsigned char mutant_reached[MUTANTS_MAX];

static inline int mutant(int number)
{
	mutant_reached[number] = 1;
	return mutant_alive == number;
}

#endif
