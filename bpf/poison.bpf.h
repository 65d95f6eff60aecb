/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: memory failure. From here on a page's entry in the direct map is not
 * KVM's business any more, and conversions leave it alone.
 */
#ifndef GMEMTRACE_BPF_POISON_BPF_H
#define GMEMTRACE_BPF_POISON_BPF_H

#include "owner.h"
#include "request.h"

static __always_inline void owner_read_any(__u64 address, struct owner *owner)
{
	__u64 head = page_head(address);

	owner_read_address(head, owner);
	owner->pgoff += page_offset_pfn(address - head);
}

/*
 * A request that ends as it begins, and before the page's flag is set: what ended earlier met a page
 * in order. What memory_failure() does in the end is not waited for, the page is not judged any more.
 */
SEC("fentry/memory_failure")
int BPF_PROG(memory_failure_enter, unsigned long pfn, int flags)
{
	__u64 address = page_address(pfn);
	struct request_call request = { .operation = RECORD_OPERATION_ERROR_FOLIO };
	struct owner owner;

	if (!armed(PROGRAM_MEMORY_FAILURE_ENTER))
		return 0;
	owner_read_any(address, &owner);
	if (!owner.inode || !inode_is_ours(owner.inode, owner.i_ino))
		return 0;
	request.pgoff_first = owner.pgoff;
	request.pgoff_last = owner.pgoff;
	request_write_as(owner.inode, owner.i_ino, &request, RECORD_REQUEST_BEGIN);
	return request_write_as(owner.inode, owner.i_ino, &request, RECORD_REQUEST_END);
}

#endif
