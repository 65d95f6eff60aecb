/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: what guests can reach as private. KVM enters a page into a guest's page table when the guest,
 * or KVM_PRE_FAULT_MEMORY, faults on it, and takes ranges out before anybody else may have them. Both are functions
 * of a file of their own, called from others: no compiler without LTO inlines them. No change of an entry of the direct
 * map pays for this.
 */
#ifndef GMEMTRACE_BPF_GUEST_BPF_H
#define GMEMTRACE_BPF_GUEST_BPF_H

#include "promise.h"
#include "slot.h"

#define PF_RETRY 1 /* RET_PF_RETRY: nothing was entered, the guest comes again */
#define LEVEL_BITS 9

struct kvm_vcpu;
struct kvm_page_fault;
struct kvm_gfn_range;

struct kvm_page_fault___guest {
	bool is_private;
	__u8 goal_level;
	__u64 gfn;
	const struct kvm_memory_slot___promise *slot;
} __attribute__((preserve_access_index));

struct kvm_gfn_range___guest {
	const struct kvm_memory_slot___promise *slot;
	__u64 start, end;
} __attribute__((preserve_access_index));

struct kvm_memory_slot___flags {
	__u32 flags;
} __attribute__((preserve_access_index));

#define SLOT_GUEST_MEMFD (1U << 2) /* KVM_MEM_GUEST_MEMFD */

static __always_inline int guest_write(__u16 kind, const struct kvm_memory_slot___promise *slot,
				       __u64 gfn, __u64 nr)
{
	struct file *file = BPF_CORE_READ(slot, gmem.file);
	struct inode *inode = file ? BPF_CORE_READ(file, f_inode) : NULL;
	__u64 i_ino = inode ? BPF_CORE_READ(inode, i_ino) : 0;
	struct record_guest *record;

	slot_settle();
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		loss_count((__u64)inode, i_ino, RECORD_LOSS_RING_FULL);
		return 0;
	}
	header_fill(&record->header, kind, sizeof(*record));
	record->header.inode = (__u64)inode;
	record->i_ino = i_ino;
	record->gfn = gfn;
	record->pgoff = BPF_CORE_READ(slot, gmem.pgoff) + (gfn - BPF_CORE_READ(slot, base_gfn));
	record->nr = nr;
	record->reserved = 0;
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
	return 0;
}

SEC("fexit/kvm_tdp_mmu_map")
int BPF_PROG(guest_map_exit, struct kvm_vcpu *vcpu, struct kvm_page_fault *address, int result)
{
	const struct kvm_page_fault___guest *fault = (const void *)address;
	const struct kvm_memory_slot___promise *slot;
	__u32 shift;

	if (!armed(PROGRAM_GUEST_MAP_EXIT) || result < 0 || result == PF_RETRY ||
	    !BPF_CORE_READ(fault, is_private))
		return 0;
	slot = BPF_CORE_READ(fault, slot);
	if (!slot)
		return 0;
	shift = (BPF_CORE_READ(fault, goal_level) - 1) * LEVEL_BITS;
	/* A level that there is none of is not believed: one page of it was entered for sure. */
	shift = shift <= 2 * LEVEL_BITS ? shift : 0;
	return guest_write(RECORD_GUEST_MAPPED, slot,
			   BPF_CORE_READ(fault, gfn) & ~((1ULL << shift) - 1), 1ULL << shift);
}

SEC("fexit/kvm_tdp_mmu_unmap_gfn_range")
int BPF_PROG(guest_unmap_exit, struct kvm *kvm, struct kvm_gfn_range *address, bool flush,
	     bool result)
{
	const struct kvm_gfn_range___guest *range = (const void *)address;
	const struct kvm_memory_slot___promise *slot;
	__u64 start;

	if (!armed(PROGRAM_GUEST_UNMAP_EXIT))
		return 0;
	slot = BPF_CORE_READ(range, slot);
	/* What user space unmaps of a slot without one is no memory of ours. */
	if (!slot || !(BPF_CORE_READ((const struct kvm_memory_slot___flags *)slot, flags) &
		       SLOT_GUEST_MEMFD))
		return 0;
	start = BPF_CORE_READ(range, start);
	return guest_write(RECORD_GUEST_UNMAPPED, slot, start, BPF_CORE_READ(range, end) - start);
}

#endif
