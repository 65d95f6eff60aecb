/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The program that the vCPUs run: 32-bit protected mode without paging, so that it needs no tables
 * and reaches any guest physical address below 4 GiB. It takes one command after another from a
 * mailbox in shared memory, whose address is in EBX, and says "done" by a write to GUEST_PORT_DONE.
 */
#ifndef LOAD_GUEST_H
#define LOAD_GUEST_H

#include <stdint.h>

#define GUEST_PORT_DONE 0x10

enum guest_operation {
	GUEST_WRITE = 1,
	GUEST_VERIFY = 2,
};

/* What a word may hold besides its value. */
enum guest_flags {
	GUEST_ZERO_ALLOWED = 1,
	GUEST_ZERO_ONLY = 2,
};

/* guest.c has the offsets of these fields in its instructions. */
struct guest_mailbox {
	uint32_t operation;
	uint32_t begin; /* guest physical address of the first word */
	uint32_t end; /* exclusive */
	uint32_t stride; /* bytes from word to word */
	uint32_t key;
	uint32_t flags; /* of GUEST_VERIFY */
	uint32_t errors; /* out: words that were not as expected */
	uint32_t bad_address; /* out: of the first of them */
	uint32_t bad_value; /* out: what it held */
};

#define GUEST_MULTIPLIER 0x9e3779b1u

/* The value that belongs at an address: wrong pages and wrong stores show. */
static inline uint32_t guest_value(uint32_t address, uint32_t key)
{
	return address * GUEST_MULTIPLIER ^ key;
}

extern const char guest_program[];
extern const uint32_t guest_program_size; /* bytes */

#endif
