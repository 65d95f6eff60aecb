/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sensor: what KVM promises its VMs of their memory. Conversions with their
 * range, slots that are bound to a guest_memfd and unbound again. All of them
 * are calls of ioctls: no change of an entry pays for this.
 */
#ifndef GMEMTRACE_BPF_PROMISE_BPF_H
#define GMEMTRACE_BPF_PROMISE_BPF_H

#include "promise.h"
#include "slot.h"

struct promise_event {
	__u64 vm; /* struct kvm *, 0: the one that the task is at */
	struct inode *inode;
	__u64 gfn_first, gfn_nr, pgoff;
	__s64 result;
	__u32 event; /* enum record_promise_event */
	__u32 private;
};

static __always_inline int promise_write(const struct promise_event *event)
{
	struct inode *inode = event->inode;
	__u64 i_ino = inode ? BPF_CORE_READ(inode, i_ino) : 0;
	struct record_promise *record;

	if (inode)
		inode_announce((__u64)inode, i_ino);
	slot_settle();
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		loss_count((__u64)inode, i_ino, RECORD_LOSS_RING_FULL);
		return 0;
	}
	__builtin_memset(record, 0, sizeof(*record));
	header_fill(&record->header, RECORD_PROMISE, sizeof(*record));
	record->header.inode = (__u64)inode;
	record->i_ino = i_ino;
	record->vm = event->vm;
	record->gfn_first = event->gfn_first;
	record->gfn_nr = event->gfn_nr;
	record->pgoff = event->pgoff;
	record->result = event->result;
	record->event = event->event;
	record->is_private = event->private;
	record->header.time = bpf_ktime_get_ns();
	record_submit(record);
	return 0;
}

/* @end: exclusive. slots_lock is held from here to kvm_gmem_end_conversion(). */
SEC("fentry/kvm_gmem_begin_conversion")
int BPF_PROG(conversion_begin_enter, struct kvm *kvm, unsigned long start, unsigned long end,
	     bool present, struct list_head *parts)
{
	struct promise_event event = {
		.vm = (__u64)kvm,
		.gfn_first = start,
		.gfn_nr = end - start,
		.event = RECORD_PROMISE_CONVERT_BEGIN,
		.private = !present,
	};

	return armed(PROGRAM_CONVERSION_BEGIN_ENTER) ? promise_write(&event) : 0;
}

SEC("fexit/kvm_gmem_convert")
int BPF_PROG(conversion_exit, struct list_head *parts, int result)
{
	struct promise_event event = {
		.result = result,
		.event = RECORD_PROMISE_CONVERTED,
	};

	return armed(PROGRAM_CONVERSION_EXIT) ? promise_write(&event) : 0;
}

SEC("fexit/kvm_gmem_end_conversion")
int BPF_PROG(conversion_end_exit, struct list_head *parts)
{
	struct promise_event event = { .event = RECORD_PROMISE_CONVERT_END };

	return armed(PROGRAM_CONVERSION_END_EXIT) ? promise_write(&event) : 0;
}

static __always_inline int promise_slot(struct kvm_memory_slot *address, __u32 kind, __u64 vm)
{
	const struct kvm_memory_slot___promise *slot = (const void *)address;
	struct file *file = BPF_CORE_READ(slot, gmem.file);
	struct promise_event event = { .event = kind, .vm = vm };

	if (!file)
		return 0;
	event.inode = BPF_CORE_READ(file, f_inode);
	event.gfn_first = BPF_CORE_READ(slot, base_gfn);
	event.gfn_nr = BPF_CORE_READ(slot, npages);
	event.pgoff = BPF_CORE_READ(slot, gmem.pgoff);
	return promise_write(&event);
}

SEC("fexit/kvm_gmem_bind")
int BPF_PROG(bind_exit, struct kvm *kvm, struct kvm_memory_slot *slot, unsigned int fd,
	     __u64 offset, int result)
{
	if (!armed(PROGRAM_BIND_EXIT) || result)
		return 0;
	return promise_slot(slot, RECORD_PROMISE_BIND, (__u64)kvm);
}

/* What is private already when it is bound becomes absent: a conversion of KVM's own. */
SEC("fentry/kvm_gmem_bind_direct_map")
int BPF_PROG(bind_convert_enter, struct kvm *kvm, struct kvm_memory_slot *slot)
{
	if (!armed(PROGRAM_BIND_CONVERT_ENTER))
		return 0;
	return promise_slot(slot, RECORD_PROMISE_BIND_BEGIN, (__u64)kvm);
}

SEC("fexit/kvm_gmem_bind_direct_map")
int BPF_PROG(bind_convert_exit, struct kvm *kvm, struct kvm_memory_slot *slot, int result)
{
	struct promise_event event = {
		.vm = (__u64)kvm,
		.result = result,
		.event = RECORD_PROMISE_BIND_END,
	};

	return armed(PROGRAM_BIND_CONVERT_EXIT) ? promise_write(&event) : 0;
}

SEC("fentry/kvm_gmem_unbind")
int BPF_PROG(unbind_enter, struct kvm_memory_slot *slot)
{
	if (!armed(PROGRAM_UNBIND_ENTER))
		return 0;
	return promise_slot(slot, RECORD_PROMISE_UNBIND, 0);
}

#endif
