/* SPDX-License-Identifier: GPL-2.0 */
/* What every record begins with. */
#ifndef GMEMTRACE_RECORD_HEADER_H
#define GMEMTRACE_RECORD_HEADER_H

#ifndef __bpf__
#include <stddef.h>
#include <linux/types.h>
#endif

#define RECORD_COMM_LEN 16

/* Every record begins so. 32 bytes. */
struct record_header {
	__u16 kind; /* enum record_kind */
	__u16 size; /* bytes of the whole record, a multiple of 8 */
	__u32 cpu;
	__u32 tid; /* the acting thread, as the initial pid namespace numbers it */
	__u32 tgid;
	__u64 time; /* ns: when what the record tells had ended */
	__u64 inode; /* ring: struct inode *; sealed: capture-local number; 0: none */
};

#endif
