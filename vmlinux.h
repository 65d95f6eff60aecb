/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* Made by bpf/reduce-vmlinux (make vmlinux.h). Do not edit. */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#endif

typedef signed char __s8;
typedef unsigned char __u8;
typedef short int __s16;
typedef short unsigned int __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long int __s64;
typedef long long unsigned int __u64;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

enum {
	false = 0,
	true = 1,
};

enum bpf_map_type {
	BPF_MAP_TYPE_UNSPEC = 0,
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_STACK_TRACE = 7,
	BPF_MAP_TYPE_CGROUP_ARRAY = 8,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_LRU_PERCPU_HASH = 10,
	BPF_MAP_TYPE_LPM_TRIE = 11,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_HASH_OF_MAPS = 13,
	BPF_MAP_TYPE_DEVMAP = 14,
	BPF_MAP_TYPE_SOCKMAP = 15,
	BPF_MAP_TYPE_CPUMAP = 16,
	BPF_MAP_TYPE_XSKMAP = 17,
	BPF_MAP_TYPE_SOCKHASH = 18,
	BPF_MAP_TYPE_CGROUP_STORAGE_DEPRECATED = 19,
	BPF_MAP_TYPE_CGROUP_STORAGE = 19,
	BPF_MAP_TYPE_REUSEPORT_SOCKARRAY = 20,
	BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE_DEPRECATED = 21,
	BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE = 21,
	BPF_MAP_TYPE_QUEUE = 22,
	BPF_MAP_TYPE_STACK = 23,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_DEVMAP_HASH = 25,
	BPF_MAP_TYPE_STRUCT_OPS = 26,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_INODE_STORAGE = 28,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
	BPF_MAP_TYPE_BLOOM_FILTER = 30,
	BPF_MAP_TYPE_USER_RINGBUF = 31,
	BPF_MAP_TYPE_CGRP_STORAGE = 32,
	BPF_MAP_TYPE_ARENA = 33,
	__MAX_BPF_MAP_TYPE = 34,
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_EXIST = 2,
	BPF_F_LOCK = 4,
};

enum {
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
};

enum {
	BPF_RB_AVAIL_DATA = 0,
	BPF_RB_RING_SIZE = 1,
	BPF_RB_CONS_POS = 2,
	BPF_RB_PROD_POS = 3,
};

typedef int __kernel_pid_t;

typedef long long int __kernel_loff_t;

typedef __kernel_pid_t pid_t;

typedef __kernel_loff_t loff_t;

struct files_struct;

struct task_struct {
	pid_t pid;
	pid_t tgid;
	char comm[16];
	struct files_struct *files;
};

typedef long unsigned int pgprotval_t;

struct pgprot {
	pgprotval_t pgprot;
};

struct page {
	union {
		struct {
			long unsigned int compound_head;
		};
	};
};

struct mm_struct {
	struct {
		void *pgd;
	};
};

struct xarray {
	void *xa_head;
};

struct inode;

struct address_space {
	struct inode *host;
	struct xarray i_pages;
	long unsigned int nrpages;
	long unsigned int flags;
};

struct folio {
	union {
		struct {
			long unsigned int flags;
			struct address_space *mapping;
			long unsigned int index;
		};
	};
	union {
		struct {
			long unsigned int _flags_1;
		};
	};
};

struct file {
	void *private_data;
	struct inode *f_inode;
};

struct vm_area_struct {
	struct file *vm_file;
};

struct vm_fault {
	struct page *page;
};

struct inode {
	void *i_op;
	struct address_space *i_mapping;
	long unsigned int i_ino;
	loff_t i_size;
	void *i_private;
};

struct kvm {
	pid_t userspace_pid;
};

enum pageflags {
	PG_locked = 0,
	PG_writeback = 1,
	PG_referenced = 2,
	PG_uptodate = 3,
	PG_dirty = 4,
	PG_lru = 5,
	PG_head = 6,
	PG_waiters = 7,
	PG_active = 8,
	PG_workingset = 9,
	PG_owner_priv_1 = 10,
	PG_owner_2 = 11,
	PG_arch_1 = 12,
	PG_reserved = 13,
	PG_private = 14,
	PG_private_2 = 15,
	PG_reclaim = 16,
	PG_swapbacked = 17,
	PG_unevictable = 18,
	PG_mlocked = 19,
	__NR_PAGEFLAGS = 20,
	PG_readahead = 16,
	PG_swapcache = 10,
	PG_checked = 10,
	PG_anon_exclusive = 11,
	PG_mappedtodisk = 11,
	PG_fscache = 15,
	PG_pinned = 10,
	PG_savepinned = 4,
	PG_foreign = 10,
	PG_xen_remapped = 10,
	PG_isolated = 16,
	PG_reported = 3,
	PG_has_hwpoisoned = 8,
	PG_large_rmappable = 9,
	PG_partially_mapped = 16,
};

struct fdtable;

struct files_struct {
	struct fdtable *fdt;
};

struct fdtable {
	struct file **fd;
};

struct xa_node {
	unsigned char shift;
	void *slots[64];
};

struct bpf_iter__task_file {
	union {
		struct task_struct *task;
	};
	union {
		struct file *file;
	};
};

struct bpf_iter__task_vma {
	union {
		struct task_struct *task;
	};
	union {
		struct vm_area_struct *vma;
	};
};

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

/* Flavours, written by hand: what other kernels have instead. */

/* 6.18: page and folio flags are a memdesc_flags_t (53fbef56e07d, "mm: introduce memdesc_flags_t"). */
struct folio___memdesc {
	struct {
		unsigned long f;
	} flags;
} __attribute__((preserve_access_index));

/* Until 7.0, in every page but a folio's first (1d798ca3f164, "mm: make compound_head() robust", 4.4). */
struct page___tail {
	unsigned long compound_head;
} __attribute__((preserve_access_index));

/*
 * 7.1: compound_head renamed ("mm: rename the 'compound_head' field in the 'struct page' to 'compound_info'"), as
 * it may hold a mask ("mm: rework compound_head() for power-of-2 sizeof(struct page)"). By Debian's BTF: 7.1.13 has
 * it, 7.0.13 has not. No hashes: those on the lists are of trees that were rebased since.
 */
struct page___info {
	unsigned long compound_info;
} __attribute__((preserve_access_index));

/*
 * 6.16: what mmap_prepare gets in place of a vm_area_struct (c84bf6dd2b83, "mm: introduce new .mmap_prepare() file
 * callback"); memfd_secret has one (439b3fb0b010, "mm: secretmem: convert to .mmap_prepare() hook").
 */
struct vm_area_desc___mmap {
	struct file *file;
} __attribute__((preserve_access_index));

/* Read where guest_memfd has a bit there (v7 to v12 of the direct-map series). */
struct folio___marked {
	void *private;
} __attribute__((preserve_access_index));

/* CONFIG_MEMORY_FAILURE=y. */
enum pageflags___poison {
	PG_hwpoison___poison,
};

/* v7 to v12 of the direct-map series, on kernels of their own: in address_space.flags of a file that asked for it. */
enum mapping_flags___gmem {
	AS_NO_DIRECT_MAP___gmem,
};

/*
 * 6.2 to 6.14: what a CPU needs most often (e57ef2ed97c1, "x86: Put hot per CPU variables into a struct"), the
 * preemption count among it (64701838bf05, "x86/percpu: Move preempt_count next to current_task"; out of it again by
 * 46e8fff6d45f, "x86/preempt: Move preempt count to percpu hot section").
 */
struct pcpu_hot {
	int preempt_count;
} __attribute__((preserve_access_index));

/*
 * Until 6.5, whose csds have tracepoints (bf5a8c26ad7c, "trace,smp: Add tracepoints for scheduling remotelly called
 * functions"), who asked for a ranged flush is only here, in what its handler is given.
 */
struct flush_tlb_info___initiator {
	unsigned int initiating_cpu;
} __attribute__((preserve_access_index));

/* Right behind it _refcount stands, in all kernels. */
struct folio___counted {
	struct {
		int counter;
	} _mapcount;
} __attribute__((preserve_access_index));

/* Not with CONFIG_PREEMPT_RT: what a lock for writing belongs to. */
struct address_space___locked {
	struct {
		struct {
			s64 counter;
		} owner;
	} invalidate_lock;
} __attribute__((preserve_access_index));

struct inode___locked {
	struct {
		struct {
			s64 counter;
		} owner;
	} i_rwsem;
} __attribute__((preserve_access_index));

struct mm_struct___locked {
	struct {
		struct {
			s64 counter;
		} owner;
	} mmap_lock;
} __attribute__((preserve_access_index));

/* CONFIG_MEMCG=y. */
struct mm_struct___owned {
	struct task_struct *owner;
} __attribute__((preserve_access_index));

struct task_struct___locked {
	struct mm_struct___locked *mm;
} __attribute__((preserve_access_index));

/* CONFIG_PREEMPT_RT=y: softirqs are counted here. */
struct task_struct___rt {
	int softirq_disable_cnt;
} __attribute__((preserve_access_index));

/* End of flavours. */

#endif /* __VMLINUX_H__ */
