/* SPDX-License-Identifier: GPL-2.0 */
/* Which page of which file a process has at an address, as /proc tells. */
#ifndef GMEMTRACE_RUN_ADDRESS_H
#define GMEMTRACE_RUN_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ADDRESS_NAME_MAX 64

struct address_page {
	uint64_t i_ino; /* 0: no file's */
	uint64_t pgoff;
	char name[ADDRESS_NAME_MAX]; /* as /proc has it; "" none */
	bool ours; /* it may be guest_memfd or memfd_secret memory */
};

/* In the text of a /proc/PID/maps. false: nothing is mapped there. */
bool address_find(FILE *maps, uint64_t address, struct address_page *page);

/* Of the process @pid. 0, -ENOENT: nothing is mapped there, -ESRCH, or -errno of reading its maps. */
int address_resolve(uint32_t pid, uint64_t address, struct address_page *page);

/* From here on addresses are the kernel's. */
#define ADDRESS_KERNEL (1ULL << 63)

/* How many guest_memfds the process has open; 0 also where that is not for us to know. */
size_t address_guest_files(uint32_t pid);

#endif
