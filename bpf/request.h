/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A call of a routine, as a record.
 */
#ifndef GMEMTRACE_BPF_REQUEST_H
#define GMEMTRACE_BPF_REQUEST_H

#include "held.h"
#include "inode.h"
#include "slot.h"

struct request_call {
	struct inode *inode;
	__u64 pgoff_first;
	__u64 pgoff_last;
	__s64 result;
	__u32 operation;
	__u32 state;
	__u32 mode;
};

/* Of an inode known by its address alone. @request->inode: to look at its locks, or NULL. */
static __always_inline int request_write_as(__u64 inode, __u64 i_ino,
					    const struct request_call *request, __u16 kind)
{
	struct record_request *record;

	slot_settle();
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		loss_count(inode, i_ino, RECORD_LOSS_RING_FULL);
		return 0;
	}
	header_fill(&record->header, kind, sizeof(*record));
	record->header.inode = inode;
	record->i_ino = i_ino;
	record->pgoff_first = request->pgoff_first;
	record->pgoff_last = request->pgoff_last;
	record->result = request->result;
	record->operation = request->operation;
	record->state = request->state;
	record->mode = request->mode;
	record->reserved = 0;
	/* Faults pay for what they do with every page. */
	held_read(request->inode,
		  request->operation == RECORD_OPERATION_SET_RANGE ||
			  request->operation == RECORD_OPERATION_FALLOCATE ||
			  request->operation == RECORD_OPERATION_RELEASE,
		  record);
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
	return 0;
}

static __noinline bool request_is_left_out(__u64 inode, bool unwanted, bool begin)
{
	const struct task_struct___ids *task = task_current();

	return left_out_request(left_out_slot(task->pid), (__u64)task, inode, unwanted, begin,
				bpf_ktime_get_ns());
}

static __always_inline int request_write(const struct request_call *request, __u16 kind)
{
	struct inode *inode = request->inode;
	__u64 i_ino = inode ? inode->i_ino : 0;
	bool unwanted = false;

	if (inode)
		unwanted = inode_announce((__u64)inode, i_ino);
	if (sensor.filtered && request->operation != RECORD_OPERATION_RELEASE) {
		/* Before the depth changes: a zap that waits is who it was by. */
		slot_settle();
		if (request_is_left_out((__u64)inode, unwanted, kind == RECORD_REQUEST_BEGIN))
			return 0;
	}
	return request_write_as((__u64)inode, i_ino, request, kind);
}

/* fexit programs sign-extend an int themselves: the register's upper half is undefined. */
static __always_inline int range_write(struct inode *inode, __u64 start, __u64 end, bool state,
				       __u32 operation, __u16 kind, __s32 result)
{
	struct request_call request = {
		.inode = inode,
		.pgoff_first = start,
		.pgoff_last = end,
		.result = result,
		.operation = operation,
		.state = state,
	};

	return request_write(&request, kind);
}

static __always_inline int release_end(struct inode *inode, __s32 result)
{
	range_write(inode, 0, ~0ULL, true, RECORD_OPERATION_RELEASE, RECORD_REQUEST_END, result);
	inode_forget((__u64)inode, inode->i_ino);
	return 0;
}

#endif
