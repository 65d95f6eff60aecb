/* SPDX-License-Identifier: GPL-2.0 */
/* Which private page of a VM is behind an address of its process, by the VM's memory slots. */
#ifndef GMEMTRACE_RUN_GUEST_H
#define GMEMTRACE_RUN_GUEST_H

#include "gmemtrace/run.h"

#define GUEST_SEARCH_NS 3000000000ULL /* live: slots are met as inodes are read */

struct guest_page {
	/* Asked for: where process @pid has, or would have, what the guest shares of the page. */
	uint32_t pid;
	uint64_t address;
	/* Found. */
	bool found;
	bool is_private; /* as the guest has it now; else the process's own memory stands there */
	bool mappable; /* user space can map it: then the guest may have this page, shared or not */
	uint64_t inode, i_ino; /* number in this run, and in its file system */
	uint64_t pgoff, gfn;
};

/*
 * Looks in the source of @options: a capture, where the last that was read of it counts, or what is
 * there now. 0, or an exit status: it was said. Whether there is one stands in page->found.
 */
enum gmemtrace_status guest_find(const struct run_options *options, struct guest_page *page);

#endif
