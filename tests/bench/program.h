/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs that run in guests share: their arguments, and running another. */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

struct program_case {
	const char *name;
	void (*run)(size_t pages, int rounds);
};

/* "CASE PAGES ROUNDS": runs one of `nr` cases. Returns the program's exit status, 64 for wrong usage. */
int program_main(int argc, char **argv, const struct program_case *cases, size_t nr);

/*
 * "[PAGES [ROUNDS]]": one round more than asked for, the first not to be printed. round() returns
 * false where it cannot go on. Returns the exit status.
 */
int program_rounds(int argc, char **argv, bool (*round)(size_t pages, bool print));

/* Runs a command to its end. Returns its exit status, 2 where it did not exit. */
int program_run_command(char **command);

#endif
