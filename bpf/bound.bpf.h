/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest_memfds that exist when the sensors are armed and that no descriptor and no mapping has, as a message between two
 * sockets or a table of io_uring's may hold the only reference: those that a VM's memory slot is bound to.
 *
 * No lock is taken. Each VM's entry has to lead back to the one before it, a set of slots to be the same when it has been
 * read, and a slot's file to belong to its VM. Where one does not, all is read anew, a few times (src/sensor/bound.c).
 */
#ifndef GMEMTRACE_BPF_BOUND_BPF_H
#define GMEMTRACE_BPF_BOUND_BPF_H

#include "discover.bpf.h"
#include "promise.h"

struct list_head___bound {
	struct list_head___bound *next, *prev;
} __attribute__((preserve_access_index));

struct hlist_node___bound {
	struct hlist_node___bound *next;
} __attribute__((preserve_access_index));

struct hlist_head___bound {
	struct hlist_node___bound *first;
} __attribute__((preserve_access_index));

/* 5.17: two of them an address space, the one in use and the one that is prepared to take its place. */
struct kvm_memslots___bound {
	__u64 generation;
	struct hlist_head___bound id_hash[128];
	int node_idx;
} __attribute__((preserve_access_index));

struct kvm_memory_slot___bound {
	struct hlist_node___bound id_node[2];
	struct kvm_gmem_slot___promise gmem;
} __attribute__((preserve_access_index));

struct kvm___bound {
	struct list_head___bound vm_list;
	struct kvm_memslots___bound *memslots[2];
	struct mm_struct___owned *mm;
	int userspace_pid;
} __attribute__((preserve_access_index));

#define BOUND_SLOTS_MAX                                                                            \
	(1U << 20) /* of all VMs: 0.2 s, which nobody may interrupt on some kernels */
#define HLIST_NODE_BYTES 16 /* two pointers */

struct bound_walk {
	__u64 head, entry; /* addresses: of the list, and of the place in it */
	__u64 vm; /* struct kvm * */
	__u64 set, node; /* struct kvm_memslots *, and the place in it */
	__u64 slot; /* struct kvm_memory_slot * */
	__u32 index; /* which of the two places that a slot has */
	__u32 slots;
	__u32 result; /* enum bound_result */
};

static __always_inline bool bound_described(void)
{
	return bpf_core_field_exists(struct kvm___bound, vm_list) &&
	       bpf_core_field_exists(struct kvm___bound, memslots) &&
	       bpf_core_field_exists(struct kvm_memslots___bound, generation) &&
	       bpf_core_field_exists(struct kvm_memslots___bound, id_hash) &&
	       bpf_core_field_exists(struct kvm_memslots___bound, node_idx) &&
	       bpf_core_field_exists(struct kvm_memory_slot___bound, id_node) &&
	       bpf_core_field_exists(struct kvm_memory_slot___bound, gmem);
}

/* Of the process that made the VM; NULL: it has ended, or nobody knows (CONFIG_MEMCG). */
static __always_inline struct task_struct *bound_task(const struct kvm___bound *vm)
{
	if (!bpf_core_field_exists(struct mm_struct___owned, owner))
		return NULL;
	return BPF_CORE_READ(vm, mm, owner);
}

/*
 * A slot holds no reference: the file is taken to be there where the slot has it still. A global function: the verifier
 * walks through it once.
 */
__noinline int bound_file(const struct bound_walk *walk)
{
	struct inode_holder holder = { .bound = true };
	const struct kvm_memory_slot___bound *slot;
	const struct kvm___bound *vm;
	struct file *file, *again;
	struct inode *inode;

	/* Verified on kernels without any, too. */
	if (!walk || !bound_described())
		return 0;
	slot = (const void *)walk->slot;
	vm = (const void *)walk->vm;
	if (bpf_core_read(&file, sizeof(file), &slot->gmem.file) || !file)
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	if (!sensor.gmem_iops || (__u64)BPF_CORE_READ(inode, i_op) != sensor.gmem_iops ||
	    (__u64)discover_kvm(file) != walk->vm)
		return 0;
	holder.task = bound_task(vm);
	holder.vm = BPF_CORE_READ(vm, userspace_pid);
	if (bpf_core_read(&again, sizeof(again), &slot->gmem.file) || again != file)
		return 0;
	inode_announce_of((__u64)inode, BPF_CORE_READ(inode, i_ino), &holder);
	return 0;
}

static long bound_slot(__u32 i, struct bound_walk *walk)
{
	const struct hlist_node___bound *node = (const void *)walk->node;
	__u64 next;

	if (!node)
		return 1;
	if (walk->slots++ >= BOUND_SLOTS_MAX) {
		walk->result = BOUND_MANY;
		return 1;
	}
	if (bpf_core_read(&next, sizeof(next), &node->next)) {
		walk->result = BOUND_CHANGED;
		return 1;
	}
	walk->slot = walk->node - bpf_core_field_offset(struct kvm_memory_slot___bound, id_node) -
		     (walk->index & 1) * HLIST_NODE_BYTES;
	bound_file(walk);
	walk->node = next;
	return 0;
}

static long bound_bucket(__u32 i, struct bound_walk *walk)
{
	__u64 bucket = walk->set + bpf_core_field_offset(struct kvm_memslots___bound, id_hash) +
		       i * sizeof(void *);

	if (walk->result == BOUND_MANY)
		return 1;
	if (bpf_probe_read_kernel(&walk->node, sizeof(walk->node), (void *)bucket)) {
		walk->result = BOUND_CHANGED;
		return 1;
	}
	bpf_loop(BOUND_SLOTS_MAX, bound_slot, walk, 0);
	return 0;
}

/* The set of slots that an address space has in use. */
static long bound_space(__u32 space, struct bound_walk *walk)
{
	__u64 place = walk->vm + bpf_core_field_offset(struct kvm___bound, memslots) +
		      space * sizeof(void *);
	const struct kvm_memslots___bound *set;
	__u64 generation, later = 0, again = 0;
	int index;

	if (bpf_probe_read_kernel(&walk->set, sizeof(walk->set), (void *)place)) {
		walk->result = BOUND_CHANGED;
		return 1;
	}
	set = (const void *)walk->set;
	if (bpf_core_read(&generation, sizeof(generation), &set->generation) ||
	    bpf_core_read(&index, sizeof(index), &set->node_idx)) {
		walk->result = BOUND_CHANGED;
		return 1;
	}
	walk->index = index;
	bpf_loop(bpf_core_field_size(struct kvm_memslots___bound, id_hash) / sizeof(void *),
		 bound_bucket, walk, 0);
	bpf_probe_read_kernel(&again, sizeof(again), (void *)place);
	bpf_core_read(&later, sizeof(later), &set->generation);
	if (again != walk->set || later != generation)
		walk->result = walk->result ? walk->result : BOUND_CHANGED;
	return 0;
}

static long bound_vm(__u32 i, struct bound_walk *walk)
{
	const struct list_head___bound *entry = (const void *)walk->entry;
	__u64 next, back;

	if (walk->result == BOUND_MANY)
		return 1;
	if (bpf_core_read(&next, sizeof(next), &entry->next))
		goto changed;
	if (next == walk->head)
		return 1;
	entry = (const void *)next;
	if (bpf_core_read(&back, sizeof(back), &entry->prev) || back != walk->entry)
		goto changed;
	if (i >= BOUND_VMS_MAX) {
		walk->result = BOUND_MANY;
		return 1;
	}
	walk->entry = next;
	walk->vm = next - bpf_core_field_offset(struct kvm___bound, vm_list);
	bpf_loop(bpf_core_field_size(struct kvm___bound, memslots) / sizeof(void *), bound_space,
		 walk, 0);
	return 0;
changed:
	walk->result = BOUND_CHANGED;
	return 1;
}

/* After all others: who has a descriptor or a mapping is said there, and an inode is said once. */
SEC("syscall")
int discover_bound(struct bound_args *args)
{
	struct bound_walk walk = { .head = args->vms, .entry = args->vms };

	if (!bound_described()) {
		args->result = BOUND_UNDESCRIBED;
		return 0;
	}
	bpf_loop(BOUND_VMS_MAX + 1, bound_vm, &walk, 0);
	args->result = walk.result;
	return 0;
}

#endif
