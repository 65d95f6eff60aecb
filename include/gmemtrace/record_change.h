/* SPDX-License-Identifier: GPL-2.0 */
/* Records of what was done: requests, changes and flushes, pages that come and go, and whose they are. */
#ifndef GMEMTRACE_RECORD_CHANGE_H
#define GMEMTRACE_RECORD_CHANGE_H

#include "gmemtrace/record_header.h"

/* Who stands behind an inode; tells where its declared state lives. */
enum record_provider {
	RECORD_PROVIDER_UNKNOWN = 0,
	RECORD_PROVIDER_RFC3 = 1, /* guest_memfd with the series' xarray */
	RECORD_PROVIDER_SECRETMEM = 2, /* every resident page is absent */
	RECORD_PROVIDER_GMEM_PLAIN = 3, /* guest_memfd without a direct-map flag */
	RECORD_PROVIDER_FOLIO_BIT = 4, /* guest_memfd with a bit in each folio (v7 to v12) */
	RECORD_PROVIDER_ANYBODY = 5, /* no inode's: who else changes entries, in the tables only */
};

/* RFC3: what kvm_gmem_inode_private.flags can say; one of them. */
enum record_rfc3_flags {
	RECORD_RFC3_NO_DIRECT_MAP = 1 << 0, /* absent by default */
	RECORD_RFC3_DYNAMIC = 1 << 1, /* present by default */
};

/*
 * An inode is met for the first time; header.inode is its number from now on.
 * May come again for the same number: the later one knows more (vm, comm). 112 bytes.
 */
struct record_inode {
	struct record_header header; /* tid, tgid: the task that acted, or holds the file */
	__u64 i_ino;
	__u64 pages; /* size, in pages */
	__u64 flags; /* RFC3: kvm_gmem_inode_private.flags; GMEM_PLAIN: KVM's own */
	__u32 provider; /* enum record_provider */
	__u32 default_state; /* 1 present, 0 absent */
	__u32 before_attach; /* 1: existed before the sensors were armed */
	__u32 dead; /* 1: the inode is gone, its number retired */
	__u32 vm; /* tgid that the inode's VM is known by; 0 unknown */
	__u32 bound; /* 1: a VM's memory slot has it, and no descriptor and no mapping: tgid is the VM's process */
	char comm[RECORD_COMM_LEN];
	__u64 reserved2[2];
};

/* The routine that a request is a call of. */
enum record_operation {
	RECORD_OPERATION_NONE = 0,
	RECORD_OPERATION_SET_RANGE = 1, /* kvm_gmem_set_direct_map */
	RECORD_OPERATION_SET_FOLIO = 2, /* kvm_gmem_folio_set_direct_map */
	RECORD_OPERATION_CONFIGURE = 3, /* kvm_gmem_folio_configure_direct_map */
	RECORD_OPERATION_FALLOCATE = 4, /* kvm_gmem_fallocate */
	RECORD_OPERATION_RELEASE = 5, /* kvm_gmem_release, secretmem_release */
	RECORD_OPERATION_UPDATE_XARRAY = 6, /* __kvm_gmem_update_xarray */
	/* memory_failure() hits a page: begins and ends at its entry, before the page is poisoned. */
	RECORD_OPERATION_ERROR_FOLIO = 7,
	RECORD_OPERATION_FOLIO_ZAP = 20, /* kvm_gmem_folio_zap_direct_map */
	/* kvm_gmem_configure_direct_map_batch: from the first of its folios to the last */
	RECORD_OPERATION_CONFIGURE_BATCH = 30,
	/* secretmem_fault: no record has it, it is what a flush with a zap of memfd_secret is told to be of. */
	RECORD_OPERATION_SECRETMEM_FAULT = 40,
};

/* Of a request's `mode`: FALLOC_FL_PUNCH_HOLE. */
#define RECORD_MODE_PUNCH_HOLE 2

/*
 * A call of a routine: BEGIN from fentry, END from fexit. END repeats the
 * arguments, so that it can be used when its BEGIN was lost. Requests of one
 * thread nest like calls. 88 bytes; 80 where a capture is older than `held`.
 */
struct record_request {
	struct record_header header;
	__u64 i_ino;
	__u64 pgoff_first; /* pages, inclusive */
	__u64 pgoff_last; /* pages, inclusive, as the caller passed it */
	__s64 result; /* END: the routine's return value */
	__u32 operation; /* enum record_operation */
	__u32 state; /* 1 present, 0 absent: what the request asks for */
	__u32 mode; /* FALLOCATE: FALLOC_FL_*; else 0 */
	__u32 preempt_count; /* of the task, preemption and soft interrupts; see RECORD_HELD_COUNTED */
	__u32 held; /* enum record_held_bits */
	__u32 reserved;
};

/* What the task of a request holds when it begins, and when it ends. */
enum record_held_bits {
	RECORD_HELD_COUNTED = 1 << 0, /* preempt_count was read, and this kernel counts */
	RECORD_HELD_LOOKED = 1 << 1, /* the owner of the inode's invalidate_lock was read */
	RECORD_HELD_INVALIDATE_LOCK = 1 << 2, /* it is the task, for writing */
	/* So were those of the inode's i_rwsem and the task's mmap_lock; not of steps and faults. */
	RECORD_HELD_LOOKED_MORE = 1 << 3,
	RECORD_HELD_I_RWSEM = 1 << 4, /* the same */
	RECORD_HELD_MMAP_LOCK = 1 << 5,
};

enum record_zap_routine {
	RECORD_ZAP_INVALID = 1, /* set_direct_map_invalid_noflush */
	RECORD_ZAP_DEFAULT = 2, /* set_direct_map_default_noflush */
	RECORD_ZAP_VALID = 3, /* set_direct_map_valid_noflush */
};

enum record_flush_routine {
	RECORD_FLUSH_NONE = 0,
	RECORD_FLUSH_RANGE = 1, /* flush_tlb_kernel_range */
	RECORD_FLUSH_ALL = 2, /* flush_tlb_all */
};

/*
 * One call of a set_direct_map_* routine, for a run of physically contiguous
 * pages; with its flush, where the flush was the same task's very next event.
 * header.time is the flush's end where a flush is merged (flush_routine !=
 * NONE), else the moment of writing: at or after zap_end, as a zap waits for a
 * flush to merge with until its task's next event. header.inode, i_ino and pgoff are the owner that the first
 * page itself showed (page->mapping, page->index), all 0 where it showed none.
 * 112 bytes.
 */
struct record_zap {
	struct record_header header;
	__u64 i_ino;
	__u64 pgoff; /* of the first page; meaningful only with an owner */
	__u64 page; /* ring: struct page *; sealed: pfn of the first page */
	__u32 nr; /* pages */
	__s32 result; /* 0 or -errno */
	__u64 zap_begin; /* ns; 0 where no program stands at the entry */
	__u64 zap_end; /* ns */
	__u64 flush_begin; /* ns; 0: no flush merged */
	__u64 flush_first; /* ring: start address; sealed: first pfn */
	__u64 flush_last; /* ring: end address (exclusive); sealed: last pfn, inclusive */
	__u16 valid; /* 1: made present (restore), 0: made absent (zap) */
	__u16 routine; /* enum record_zap_routine */
	__u16 flush_routine; /* enum record_flush_routine */
	__u16 flush_full; /* sealed: 1 where the flush in effect covers everything */
};

/*
 * A flush alone. Flushes in effect full (flush_tlb_all, or more pages than
 * tlb_single_page_flush_ceiling, arch/x86/mm/tlb.c) have full = 1 and cover
 * every pfn. A narrower flush outside the direct map is not recorded. 64 bytes.
 */
struct record_flush {
	struct record_header header; /* time: the flush's end */
	__u64 begin; /* ns */
	__u64 first; /* ring: start address; sealed: first pfn */
	__u64 last; /* ring: end address (exclusive); sealed: last pfn, inclusive */
	__u32 routine; /* enum record_flush_routine */
	__u16 full;
	__u16 worker; /* 1: by a kernel thread */
};

/*
 * JOIN: a folio is in the inode's page cache; said again, with prepared = 1,
 * when it has become uptodate. LEAVE: it has left (inode may be 0). 64 bytes.
 */
struct record_owner {
	struct record_header header; /* time: end of the routine */
	__u64 i_ino;
	__u64 page; /* ring: struct page *; sealed: pfn of the first page */
	__u64 pgoff; /* of the first page */
	__u32 nr; /* pages of the folio */
	__u32 prepared; /* bits of enum record_owner_bits */
};

enum record_owner_bits {
	RECORD_OWNER_PREPARED = 1 << 0, /* the folio was uptodate */
	RECORD_OWNER_DEVIATES = 1 << 1, /* FOLIO_BIT: its bit was set */
	/* LEAVE: of one of its first 512 pages the first 8 bytes are not zero: of the first such, below. */
	RECORD_OWNER_CONTENT = 1 << 2,
	RECORD_OWNER_GIVEN = 1 << 3, /* JOIN: a fault of user space has ended, which maps it now */
};

#define RECORD_OWNER_CONTENT_SHIFT 16 /* the page's place in the folio; 0 where no CONTENT */

/* Pages that had been zapped went back to the allocator: 64 of them at most, a larger free is told in parts. 64 bytes. */
struct record_page_free {
	struct record_header header;
	__u64 page; /* ring: struct page *; sealed: pfn of the first page */
	__u64 absent; /* bit n: page n is absent from the direct map */
	__u64 unknown; /* bit n: page n's entry could not be read */
	__u32 order; /* of 2^order pages, 64 at most, this is said */
	__u32 reserved;
};

/*
 * A task called the scheduler where it is not preemptible, and the kernel said so: "scheduling while
 * atomic". From then on the task's preempt_count means nothing: the kernel sets it anew. Or it called what may
 * sleep there, and did not: "sleeping function called from invalid context" (CONFIG_DEBUG_ATOMIC_SLEEP). 48 bytes.
 */
struct record_sleep {
	struct record_header header; /* inode: 0 */
	__u32 preempt_count; /* of the task, without what the scheduler, or telling of it, adds */
	__u32 might; /* 1: it did not sleep, and the count is what it was */
	__u64 reserved2;
};

#define RECORD_CPU_WORDS 16 /* a bit for each of 1024 CPUs */

/*
 * A flush of kernel mappings that has returned, and that not every CPU took part in which was online all
 * the while: it has no bit in `answered`. What the initiator did on its own CPU counts as well. Stands
 * behind the flush's begin; nothing is recorded of those that all took part in. 432 bytes.
 */
struct record_unanswered {
	struct record_header header; /* the task that flushed; inode: 0 */
	__u64 begin, end; /* ns: around the flush */
	__u64 online[RECORD_CPU_WORDS]; /* from before its begin until behind its end */
	__u64 asked[RECORD_CPU_WORDS]; /* to run the kernel's handler of such a flush */
	__u64 answered[RECORD_CPU_WORDS]; /* whose handler has run */
};

/*
 * While a change of its own waited for a flush, a task asked all other CPUs that were online to run a
 * function that is none of the kernel's handlers of a flush. What it does is not known. 48 bytes.
 */
struct record_call {
	struct record_header header; /* inode: 0 */
	__u64 begin; /* ns: the first CPU was asked */
	__u64 reserved;
};

/*
 * A CPU's handler of a flush had run, and a read of a page that the flush covers still worked there, through a
 * translation that is not in the page table any more: the table said absent before the read and after it.
 * header.cpu: that CPU; header.tid: what the handler had interrupted. 56 bytes.
 */
struct record_stale {
	struct record_header header; /* inode: 0 */
	__u64 begin; /* ns: of the flush */
	__u64 page; /* ring: struct page *; sealed: pfn */
	__u32 flusher; /* tid: whose flush it is */
	__u32 reserved;
};

#define RECORD_CALLER_FRAMES_NR 16
#define RECORD_CALLER_TEXT_MAX 256 /* bytes with the terminating zero; farther out is cut off */

/* In the ring alone, 48 bytes and the frames. */
struct record_caller_frames {
	struct record_header header; /* inode: 0 */
	__u64 page; /* struct page * */
	__u64 reserved;
	__u64 frames[RECORD_CALLER_FRAMES_NR]; /* return addresses, the innermost first; then 0 */
};

/*
 * Who puts a page of no inode back that its task had taken out and has not flushed, or frees one
 * that is absent: before that change, or that free, by the same task. Names as in record_stack.
 * Zero-padded to a multiple of 8.
 */
struct record_caller {
	struct record_header header; /* inode: 0 */
	__u64 page; /* pfn */
	__u32 length; /* bytes with the terminating zero */
	__u32 reserved;
	char text[];
};

#endif
