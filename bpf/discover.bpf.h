/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inodes that exist when the sensors are armed: found through the open files
 * of every task, and through the mappings of every task for those whose
 * descriptor is closed.
 */
#ifndef GMEMTRACE_BPF_DISCOVER_BPF_H
#define GMEMTRACE_BPF_DISCOVER_BPF_H

#include "inode.h"

/* A guest_memfd's open file, by its name until 6.18 and since (virt/kvm/guest_memfd.c). */
struct kvm_gmem {
	struct kvm *kvm;
} __attribute__((preserve_access_index));

struct gmem_file {
	struct kvm *kvm;
} __attribute__((preserve_access_index));

/* The VM of a guest_memfd's open file; NULL: this is no such kernel. */
static __always_inline const struct kvm *discover_kvm(const struct file *file)
{
	const void *private = BPF_CORE_READ(file, private_data);

	if (bpf_core_type_exists(struct kvm_gmem))
		return BPF_CORE_READ((const struct kvm_gmem *)private, kvm);
	if (bpf_core_type_exists(struct gmem_file))
		return BPF_CORE_READ((const struct gmem_file *)private, kvm);
	return NULL;
}

/* The process that made the VM: who holds the file may be another, that was given it. */
static __always_inline __u32 discover_vm(const struct file *file)
{
	const struct kvm *kvm = discover_kvm(file);

	return kvm ? BPF_CORE_READ((const struct kvm___gmem *)kvm, userspace_pid) : 0;
}

static __always_inline int discover_file(struct file *file, struct task_struct *task)
{
	struct inode_holder holder = { .task = task };
	__u64 operations;
	struct inode *inode;

	if (!file || !task)
		return 0;
	inode = file->f_inode;
	operations = (__u64)inode->i_op;
	if (!operations || (operations != sensor.gmem_iops && operations != sensor.secretmem_iops))
		return 0;
	if (operations == sensor.gmem_iops)
		holder.vm = discover_vm(file);
	if (!holder.vm)
		holder.vm = task->tgid;
	inode_announce_of((__u64)inode, inode->i_ino, &holder);
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

/*
 * Not an inode that exists, but where a new one is seen before its first page:
 * faults on memfd_secret are not requests, so nothing else would say it.
 */
static __always_inline int secretmem_mapped(enum sensor_program program, struct file *file)
{
	struct inode *inode = file->f_inode;

	if (armed(program))
		inode_announce((__u64)inode, inode->i_ino);
	return 0;
}

SEC("fentry/secretmem_mmap")
int BPF_PROG(secretmem_mmap_enter, struct file *file)
{
	return secretmem_mapped(PROGRAM_SECRETMEM_MMAP_ENTER, file);
}

SEC("fentry/secretmem_mmap_prepare")
int BPF_PROG(secretmem_mmap_prepare_enter, struct vm_area_desc___mmap *area)
{
	return secretmem_mapped(PROGRAM_SECRETMEM_MMAP_PREPARE_ENTER, area->file);
}

#endif
