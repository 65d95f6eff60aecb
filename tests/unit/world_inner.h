/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of a world share: world.c does what its kernel does, world_reads.c what is seen of it. */
#ifndef GMEMTRACE_TESTS_WORLD_INNER_H
#define GMEMTRACE_TESTS_WORLD_INNER_H

#include "world.h"

#define ACTOR 40
#define RFC3 RECORD_PROVIDER_RFC3

/* A range of pages as the routine goes over it: runs whose frames ascend. */
struct range {
	int inode;
	__u64 first, last;
	bool present;
	bool batch; /* one flush at the end */
	bool second; /* of the second slot of a conversion */
};

extern struct stream world_stream; /* of the world at hand */

/* Records name inodes so. */
static inline __u64 number(int inode)
{
	return (__u64)inode + 1;
}

bool world_absent_wanted(int inode, __u64 pgoff);
void world_range_set(const struct range *asked, bool users, __s64 result);
void world_convert(__u64 gfn, __u64 nr, bool private, bool fails);
void world_bind(int index);
void world_fault(int inode, __u64 pgoff);
void world_pages_leave(int inode, __u64 first, __u64 last);
void world_punch(int inode, __u64 first, __u64 last);
void world_poison(int inode, __u64 pgoff);

#endif
