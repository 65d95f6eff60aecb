/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a task holds: its preemption count, and the lock that changes of an inode's pages take.
 */
#ifndef GMEMTRACE_BPF_HELD_H
#define GMEMTRACE_BPF_HELD_H

#include "common.h"

#define PREEMPT_PREEMPT 0xffU /* PREEMPT_MASK */
#define PREEMPT_SOFTIRQ 0xff00U /* SOFTIRQ_MASK */
#define PREEMPT_SOFTIRQ_SERVED 0x100U /* SOFTIRQ_OFFSET */
#define OWNER_SPIN_NO_MORE 2 /* RWSEM_NONSPINNABLE; RWSEM_READER_OWNED must not be set */

/* libbpf 1.1 has none of its own. */
#define KSYM_EXISTS(symbol) (!!(symbol))

extern const int __preempt_count __ksym __weak;
extern const struct pcpu_hot pcpu_hot __ksym __weak;

/* The task's own: it is saved and restored with the task. false: the kernel has it elsewhere. */
static __always_inline bool preempt_count_read(__u32 *count)
{
	if (KSYM_EXISTS(&pcpu_hot)) {
		*count = ((const struct pcpu_hot *)bpf_this_cpu_ptr(&pcpu_hot))->preempt_count;
		return true;
	}
	if (KSYM_EXISTS(&__preempt_count)) {
		*count = *(const int *)bpf_this_cpu_ptr(&__preempt_count);
		return true;
	}
	return false;
}

/* Whether what runs is an interrupt's, and not the task's own. false also where that is not known. */
static __always_inline bool preempt_interrupts(void)
{
	const struct task_struct___rt *task = (const void *)bpf_get_current_task();
	__u32 count = 0, softirq = 0;

	preempt_count_read(&count);
	if (bpf_core_field_exists(struct task_struct___rt, softirq_disable_cnt))
		bpf_core_read(&softirq, sizeof(softirq), &task->softirq_disable_cnt);
	return count & sensor.interrupt_bits || softirq & PREEMPT_SOFTIRQ_SERVED;
}

static __always_inline bool held_by_us(__s64 owner)
{
	return (owner & ~OWNER_SPIN_NO_MORE) == (__s64)bpf_get_current_task();
}

/* Locks that no request of ours is to have when it ends, and did not have when it began. */
static __always_inline __u32 held_more(const struct inode *inode)
{
	const struct task_struct___locked *task = (const void *)bpf_get_current_task();
	struct mm_struct___locked *mm;
	__u32 held = RECORD_HELD_LOOKED_MORE;
	__s64 owner;

	if (!bpf_core_field_exists(struct inode___locked, i_rwsem.owner) ||
	    !bpf_core_field_exists(struct mm_struct___locked, mmap_lock.owner))
		return 0;
	if (bpf_core_read(&owner, sizeof(owner), &((struct inode___locked *)inode)->i_rwsem.owner))
		return 0;
	if (held_by_us(owner))
		held |= RECORD_HELD_I_RWSEM;
	mm = BPF_CORE_READ(task, mm);
	if (mm && !bpf_core_read(&owner, sizeof(owner), &mm->mmap_lock.owner) && held_by_us(owner))
		held |= RECORD_HELD_MMAP_LOCK;
	return held;
}

/* @inode may be NULL: its locks are not looked at then. @more: at those as well that only a slip would leave. */
static __always_inline void held_read(const struct inode *inode, bool more,
				      struct record_request *record)
{
	__u32 held = 0, count = 0;
	__s64 owner;

	if (sensor.counts_preemption && preempt_count_read(&count))
		held = RECORD_HELD_COUNTED;
	record->preempt_count = count & (PREEMPT_PREEMPT | PREEMPT_SOFTIRQ);
	if (inode && bpf_core_field_exists(struct address_space___locked, invalidate_lock.owner) &&
	    !bpf_core_read(
		    &owner, sizeof(owner),
		    &((struct address_space___locked *)inode->i_mapping)->invalidate_lock.owner)) {
		held |= RECORD_HELD_LOOKED;
		if (held_by_us(owner))
			held |= RECORD_HELD_INVALIDATE_LOCK;
	}
	if (inode && more)
		held |= held_more(inode);
	record->held = held;
}

#endif
