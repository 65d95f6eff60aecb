/* SPDX-License-Identifier: GPL-2.0 */
/* Inputs of fuzz_cut (a history, and what becomes of its capture) and of fuzz_block. */
#ifndef GMEMTRACE_TESTS_FUZZ_CHOICE_H
#define GMEMTRACE_TESTS_FUZZ_CHOICE_H

#include <stdint.h>

#define CHOICE_STEPS_MAX 1500
#define CHOICE_FLIPS_MAX 4

struct fuzz_choice {
	uint32_t seed;
	uint16_t steps; /* modulo CHOICE_STEPS_MAX */
	uint8_t fault; /* enum simulator_fault, modulo FAULT_NR */
	uint8_t loss; /* of 2048 records */
	uint8_t before_attach; /* bit 0 */
	uint8_t unfinished; /* nonzero: the writer is killed */
	uint16_t flush_every; /* records; 0 never */
	uint32_t cut; /* bytes from the end, modulo the size */
	uint32_t flips[CHOICE_FLIPS_MAX]; /* bits, modulo the size; 0 none */
};

/* Then the payload of a block. */
struct fuzz_block {
	uint32_t records;
	uint32_t bytes; /* of them */
	uint64_t time; /* ns */
};

#endif
