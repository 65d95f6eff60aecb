/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What KVM promises of an inode's pages, read where it keeps it: the slot that
 * each page offset is bound to (the bindings of the inode's file), and the
 * attributes of the guest frames there (kvm.mem_attr_array). No lock is taken;
 * the model knows by the events around it whether to believe what was read.
 */
#ifndef GMEMTRACE_BPF_PROMISE_H
#define GMEMTRACE_BPF_PROMISE_H

#include "inode.h"
#include "xarray.h"

struct kvm_memory_slot;
struct list_head;

/* 6.8: what a slot is bound to (a7800aa80ea4, "KVM: Add KVM_CREATE_GUEST_MEMFD ioctl() for guest-specific backing memory"). */
struct kvm_gmem_slot___promise {
	struct file *file;
	unsigned long pgoff;
} __attribute__((preserve_access_index));

struct kvm_memory_slot___promise {
	__u64 base_gfn;
	unsigned long npages;
	unsigned long userspace_addr;
	struct kvm_gmem_slot___promise gmem;
} __attribute__((preserve_access_index));

struct list_head___promise {
	struct list_head___promise *next;
} __attribute__((preserve_access_index));

/* The same commit's: an open file of an inode, which is one VM's. */
struct kvm_gmem___promise {
	struct kvm *kvm;
	struct xarray bindings;
	struct list_head___promise entry;
} __attribute__((preserve_access_index));

/* 6.19: its name since 497b1dfbcacf, "KVM: guest_memfd: Rename "struct kvm_gmem" to "struct gmem_file"". */
struct gmem_file___promise {
	struct kvm *kvm;
	struct xarray bindings;
	struct list_head___promise entry;
} __attribute__((preserve_access_index));

struct maple_tree___promise {
	unsigned int ma_flags;
} __attribute__((preserve_access_index));

struct gmem_inode___promise {
	struct inode vfs_inode;
	/* 7.1: the inode's files (d15c987d1226, "kvm: Use private inode list instead of i_private_list"). */
	struct list_head___promise gmem_file_list;
	/*
	 * In no release yet (1ae5be958ff7, "KVM: guest_memfd: Introduce per-gmem attributes, use to guard user
	 * mappings"): what is private may stand here, by page offset, and mem_attr_array says nothing then.
	 */
	struct maple_tree___promise attributes;
} __attribute__((preserve_access_index));

/* 6.8: 5a475554db1e, "KVM: Introduce per-page memory attributes". */
struct kvm___promise {
	struct xarray mem_attr_array;
} __attribute__((preserve_access_index));

struct address_space___promise {
	/* Until 7.0 the inode's files. 6.8: renamed from private_list (600f111ef51d, "fs: Rename mapping private members"). */
	struct list_head___promise i_private_list;
} __attribute__((preserve_access_index));

struct promise_cursor {
	__u64 inode, i_ino, snapshot;
	__u64 vm; /* struct kvm * */
	__u64 bindings, attributes; /* addresses of the xarrays */
	__u64 pgoff, last; /* still to be read, inclusive */
	__u64 slot_end, delta; /* the slot at hand: pgoffs below slot_end, gfn = pgoff + delta */
	__u64 mapped; /* and where its page offset 0 would be in the VM's process */
	__u64 entry; /* what promise_extent() found */
	__u64 node; /* address of the last node on the way, 0: it is larger than its slots */
	__u32 offset, alike; /* slots of `block` */
	struct {
		__u64 pgoff, nr, gfn, attributes, mapped; /* nr 0: none */
	} run;
	struct xarray_block block;
};

static long promise_alike_step(__u32 i, struct promise_cursor **address)
{
	struct promise_cursor *cursor = *address;
	__u32 next;

	if (!cursor)
		return 1;
	next = cursor->offset + i + 1;
	if (next >= XARRAY_SLOTS)
		return 1;
	/* The compiler would drop the mask that the verifier wants to see. */
	atomic_opaque(next);
	if (cursor->block.slots[next & 63] != cursor->block.slots[cursor->offset & 63])
		return 1;
	cursor->alike++;
	return 0;
}

/* How many slots of the block from @offset on hold the same as that one. */
static __always_inline __u64 promise_alike(struct promise_cursor *cursor, __u32 offset)
{
	cursor->offset = offset;
	cursor->alike = 1;
	bpf_loop(XARRAY_SLOTS - 1, promise_alike_step, &cursor, 0);
	return cursor->alike;
}

/* What the last node, at cursor->node, has at @index; as promise_extent(). */
__noinline __u64 promise_leaf(struct promise_cursor *cursor, __u64 index)
{
	__u64 entry;

	if (!cursor ||
	    bpf_probe_read_kernel(
		    cursor->block.slots, sizeof(cursor->block.slots),
		    (void *)(cursor->node + bpf_core_field_offset(struct xa_node, slots))))
		return 0;
	entry = cursor->block.slots[index & 63];
	if (xarray_is_sibling(entry))
		entry = cursor->block.slots[entry >> 2 & 63];
	if (entry == XARRAY_RETRY)
		return 0;
	cursor->entry = entry == XARRAY_ZERO ? 0 : entry;
	return promise_alike(cursor, index & 63);
}

/*
 * What @xarray has at @index: sets cursor->entry, and returns how many indices from @index on have
 * the same. 0: it cannot be said, or cursor->node is the last node on the way.
 */
__noinline __u64 promise_descend(struct promise_cursor *cursor, __u64 xarray, __u64 index)
{
	__u64 entry;
	int level;
	__u8 shift;

	if (!cursor ||
	    bpf_probe_read_kernel(&entry, sizeof(entry),
				  (void *)(xarray + bpf_core_field_offset(struct xarray, xa_head))))
		return 0;
	if (!xarray_is_node(entry)) {
		/* A lone entry at index 0 needs no node. */
		cursor->entry = index ? 0 : entry;
		return index ? XARRAY_ALL : 1;
	}
	for (level = 0; level < XARRAY_LEVELS; level++) {
		__u64 node = entry - 2;

		if (bpf_probe_read_kernel(
			    &shift, 1,
			    (void *)(node + bpf_core_field_offset(struct xa_node, shift))) ||
		    shift > 57)
			return 0;
		if (!level && index >> shift >= XARRAY_SLOTS)
			return XARRAY_ALL;
		if (!shift) {
			cursor->node = node;
			return 0;
		}
		if (xarray_slot(node, index >> shift, &entry))
			return 0;
		if (xarray_is_sibling(entry) && xarray_slot(node, entry >> 2, &entry))
			return 0;
		if (entry == XARRAY_RETRY)
			return 0;
		if (!xarray_is_node(entry)) {
			cursor->entry = entry == XARRAY_ZERO ? 0 : entry;
			return (((index >> shift) + 1) << shift) - index;
		}
	}
	return 0;
}

/* The same, of whatever node has it. */
static __always_inline __u64 promise_extent(struct promise_cursor *cursor, __u64 xarray,
					    __u64 index)
{
	__u64 span;

	if (!cursor)
		return 0;
	cursor->entry = 0;
	cursor->node = 0;
	span = promise_descend(cursor, xarray, index);
	return span || !cursor->node ? span : promise_leaf(cursor, index);
}

/* The slot that cursor->pgoff is bound to, or how far it is bound to none. false: go on there. */
static __always_inline bool promise_find_slot(struct promise_cursor *cursor)
{
	const struct kvm_memory_slot___promise *slot;
	__u64 span, base, npages, pgoff, address;

	if (cursor->pgoff < cursor->slot_end)
		return true;
	span = promise_extent(cursor, cursor->bindings, cursor->pgoff);
	slot = (const void *)cursor->entry;
	if (!slot || cursor->entry & 3) {
		/* Where it cannot be said nothing is said. */
		cursor->pgoff += span ? span : 1;
		return false;
	}
	/* A global function is verified on kernels without any, too. */
	if (!bpf_core_field_exists(struct kvm_memory_slot___promise, gmem)) {
		cursor->pgoff++;
		return false;
	}
	if (bpf_core_read(&base, sizeof(base), &slot->base_gfn) ||
	    bpf_core_read(&npages, sizeof(npages), &slot->npages) ||
	    bpf_core_read(&address, sizeof(address), &slot->userspace_addr) ||
	    bpf_core_read(&pgoff, sizeof(pgoff), &slot->gmem.pgoff) || cursor->pgoff < pgoff ||
	    cursor->pgoff - pgoff >= npages) {
		cursor->pgoff++;
		return false;
	}
	cursor->slot_end = pgoff + npages;
	cursor->delta = base - pgoff;
	cursor->mapped = address - (pgoff << PAGE_SHIFT);
	return true;
}

/* false: the ring is full. */
static __always_inline bool promise_flush(struct promise_cursor *cursor)
{
	struct record_promise_read *record;

	if (!cursor->run.nr)
		return true;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record)
		return false;
	header_fill(&record->header, RECORD_PROMISE_READ, sizeof(*record));
	record->header.inode = cursor->inode;
	record->header.time = bpf_ktime_get_ns();
	record->i_ino = cursor->i_ino;
	record->vm = cursor->vm;
	record->pgoff = cursor->run.pgoff;
	record->nr = cursor->run.nr;
	record->gfn = cursor->run.gfn;
	record->attributes = cursor->run.attributes;
	record->snapshot = cursor->snapshot;
	record->address = cursor->run.mapped + (cursor->run.pgoff << PAGE_SHIFT);
	record_submit(record);
	cursor->run.nr = 0;
	return true;
}

/* One run of page offsets alike. 0: there is more, 1: done, 2: the ring is full. */
__noinline int promise_step(struct promise_cursor *cursor)
{
	__u64 gfn, nr, attributes;

	if (!cursor || cursor->pgoff > cursor->last)
		return 1;
	if (!promise_find_slot(cursor))
		return 0;
	gfn = cursor->pgoff + cursor->delta;
	nr = promise_extent(cursor, cursor->attributes, gfn);
	attributes = cursor->entry & 1 ? cursor->entry >> 1 : 0;
	if (!nr || (cursor->entry && !(cursor->entry & 1))) {
		/* Unknown: not said, and so not judged. */
		cursor->pgoff++;
		return 0;
	}
	if (nr > cursor->slot_end - cursor->pgoff)
		nr = cursor->slot_end - cursor->pgoff;
	if (nr > cursor->last - cursor->pgoff + 1)
		nr = cursor->last - cursor->pgoff + 1;
	if (cursor->run.nr && cursor->run.attributes == attributes &&
	    cursor->run.mapped == cursor->mapped &&
	    cursor->run.pgoff + cursor->run.nr == cursor->pgoff &&
	    cursor->run.gfn + cursor->run.nr == gfn) {
		cursor->run.nr += nr;
		cursor->pgoff += nr;
		return 0;
	}
	if (!promise_flush(cursor))
		return 2;
	cursor->run.pgoff = cursor->pgoff;
	cursor->run.nr = nr;
	cursor->run.gfn = gfn;
	cursor->run.attributes = attributes;
	cursor->run.mapped = cursor->mapped;
	cursor->pgoff += nr;
	return 0;
}

/* Address of the list of @inode's files, 0: it is not known where this kernel has it. */
static __always_inline __u64 promise_files(const struct inode *inode)
{
	struct address_space *mapping;

	if (bpf_core_field_exists(struct gmem_inode___promise, gmem_file_list))
		return (__u64)inode +
		       bpf_core_field_offset(struct gmem_inode___promise, gmem_file_list) -
		       bpf_core_field_offset(struct gmem_inode___promise, vfs_inode);
	if (!bpf_core_field_exists(struct address_space___promise, i_private_list) ||
	    bpf_core_read(&mapping, sizeof(mapping), &inode->i_mapping))
		return 0;
	return (__u64)mapping +
	       bpf_core_field_offset(struct address_space___promise, i_private_list);
}

/* Sets the cursor's VM and bindings by a file, whose list entry is at @entry. */
static __always_inline bool promise_take_kvm_gmem(struct promise_cursor *cursor, __u64 entry)
{
	const struct kvm_gmem___promise *gmem;

	if (!bpf_core_field_exists(struct kvm_gmem___promise, bindings) ||
	    !bpf_core_field_exists(struct kvm_gmem___promise, entry))
		return false;
	gmem = (const void *)(entry - bpf_core_field_offset(struct kvm_gmem___promise, entry));
	cursor->bindings = (__u64)gmem + bpf_core_field_offset(struct kvm_gmem___promise, bindings);
	return !bpf_core_read(&cursor->vm, sizeof(cursor->vm), &gmem->kvm) && cursor->vm;
}

/* The same since 6.19. */
static __always_inline bool promise_take_gmem_file(struct promise_cursor *cursor, __u64 entry)
{
	const struct gmem_file___promise *gmem;

	if (!bpf_core_field_exists(struct gmem_file___promise, bindings) ||
	    !bpf_core_field_exists(struct gmem_file___promise, entry))
		return false;
	gmem = (const void *)(entry - bpf_core_field_offset(struct gmem_file___promise, entry));
	cursor->bindings =
		(__u64)gmem + bpf_core_field_offset(struct gmem_file___promise, bindings);
	return !bpf_core_read(&cursor->vm, sizeof(cursor->vm), &gmem->kvm) && cursor->vm;
}

/* Finds the VM and its xarrays by the inode's files. false: there is none, or this is no such kernel. */
static __always_inline bool promise_find_vm(struct promise_cursor *cursor)
{
	__u64 list, first;
	bool found;

	if (!bpf_core_field_exists(struct kvm___promise, mem_attr_array) ||
	    bpf_core_field_exists(struct gmem_inode___promise, attributes))
		return false;
	list = promise_files((const void *)cursor->inode);
	if (!list || bpf_probe_read_kernel(&first, sizeof(first), (void *)list) || !first ||
	    first == list)
		return false;
	if (bpf_core_type_exists(struct gmem_file___promise))
		found = promise_take_gmem_file(cursor, first);
	else
		found = promise_take_kvm_gmem(cursor, first);
	if (found)
		cursor->attributes =
			cursor->vm + bpf_core_field_offset(struct kvm___promise, mem_attr_array);
	return found;
}

/* Begins at cursor->pgoff. false: there is nothing to read. */
static __always_inline bool promise_begin(struct promise_cursor *cursor)
{
	cursor->run.nr = 0;
	cursor->slot_end = 0;
	cursor->delta = 0;
	cursor->mapped = 0;
	return promise_find_vm(cursor);
}

#endif
