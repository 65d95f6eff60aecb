/* SPDX-License-Identifier: GPL-2.0 */
/* Records of what KVM promises its VMs, and of what their guests can reach. */
#ifndef GMEMTRACE_RECORD_PROMISE_H
#define GMEMTRACE_RECORD_PROMISE_H

#include "gmemtrace/record_header.h"

enum record_promise_event {
	/* slots_lock is held; what happens up to the END by the same task is KVM's doing. */
	RECORD_PROMISE_CONVERT_BEGIN = 1, /* memory of gfns is to become private, or shared */
	RECORD_PROMISE_CONVERTED =
		2, /* `result`: of the changes of all inodes bound there; no VM is said */
	RECORD_PROMISE_CONVERT_END = 3, /* no VM is said */
	RECORD_PROMISE_BIND = 4, /* gfns are backed by the inode from now on */
	RECORD_PROMISE_BIND_BEGIN =
		5, /* what is private of them already is about to become absent */
	RECORD_PROMISE_BIND_END = 6, /* and has */
	RECORD_PROMISE_UNBIND = 7, /* they are about to be no longer */
};

/* A conversion, or a slot that is bound to an inode. 88 bytes. */
struct record_promise {
	struct record_header header; /* inode: BIND, BIND_BEGIN, UNBIND; else 0 */
	__u64 i_ino;
	__u64 vm; /* ring: struct kvm *; sealed: a number, of VMs only; 0: not said */
	__u64 gfn_first;
	__u64 gfn_nr; /* guest page frames */
	__u64 pgoff; /* BIND, BIND_BEGIN, UNBIND: of the first */
	__s64 result;
	__u32 event; /* enum record_promise_event */
	__u32 is_private; /* CONVERT_BEGIN: 1 private, 0 shared */
};

#define RECORD_ATTRIBUTE_PRIVATE 8 /* KVM_MEMORY_ATTRIBUTE_PRIVATE */

/*
 * A run of pages within a snapshot's chunk that are bound, their gfns ascending by one, with the
 * same attributes. What is not bound, or could not be read, is not listed. 96 bytes.
 */
struct record_promise_read {
	struct record_header header;
	__u64 i_ino;
	__u64 vm; /* ring: struct kvm *; sealed: as in record_promise */
	__u64 pgoff;
	__u64 nr; /* pages */
	__u64 gfn; /* of the first page */
	__u64 attributes; /* KVM's bits: RECORD_ATTRIBUTE_PRIVATE */
	__u64 snapshot; /* as in the enclosing record_snapshot */
	/* Where the VM's process has what the guest shares of the first page; 0: not told. */
	__u64 address;
};

/*
 * What backs guest frames by an inode was entered into a guest's page table as private (MAPPED), or all of
 * the range was taken out of it (UNMAPPED). Both are written under the VM's mmu_lock, which orders them. Where the
 * inode is being released its slots do not lead there any more: UNMAPPED has inode 0 then, and is of the release that
 * its task is at. 72 bytes.
 */
struct record_guest {
	struct record_header header;
	__u64 i_ino;
	__u64 gfn;
	__u64 pgoff; /* of the first page */
	__u64 nr; /* pages */
	__u64 reserved;
};

#endif
