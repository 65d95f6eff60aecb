/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inodes that exist when the sensors are armed: found through the open files
 * of every task, and through the mappings of every task for those whose
 * descriptor is closed.
 */
#ifndef GMEMTRACE_BPF_DISCOVER_BPF_H
#define GMEMTRACE_BPF_DISCOVER_BPF_H

#include "inode.h"

static __always_inline int discover_file(struct file *file, struct task_struct *task)
{
	struct identify_args identity = {};
	__u64 operations;

	if (!file || !task)
		return 0;
	operations = (__u64)file->f_inode->i_op;
	if (!operations || (operations != sensor.gmem_iops && operations != sensor.secretmem_iops))
		return 0;
	identity.inode = (__u64)file->f_inode;
	inode_identify(&identity);
	if (!identity.result)
		inode_write(&identity, task->tgid, true);
	return 0;
}

SEC("iter/task_file")
int discover_task_file(struct bpf_iter__task_file *ctx)
{
	return discover_file(ctx->file, ctx->task);
}

SEC("iter/task_vma")
int discover_task_vma(struct bpf_iter__task_vma *ctx)
{
	struct vm_area_struct *vma = ctx->vma;

	if (!vma)
		return 0;
	return discover_file(vma->vm_file, ctx->task);
}

#endif
