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

/* A condition that the mutant has as false, or true: passed where it is something else. */
#define mutant_false(number, condition)                                                            \
	(mutant_alive != (number) && mutant_seen(number, !!(condition)))
#define mutant_true(number, condition)                                                             \
	(mutant_alive == (number) || !mutant_seen(number, !(condition)))

static inline int mutant_seen(int number, int differs)
{
	if (differs)
		mutant_reached[number] = 1;
	return differs;
}

#endif
