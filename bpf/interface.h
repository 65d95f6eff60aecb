/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bpf/ and src/sensor agree on besides the records: the constants set
 * before a load, the arguments of the programs that user space runs itself,
 * and the counters that it reads.
 */
#ifndef GMEMTRACE_BPF_INTERFACE_H
#define GMEMTRACE_BPF_INTERFACE_H

#include "gmemtrace/record.h"

/* Read once from the running kernel (bpf/facts.bpf.c), constant afterwards. */
struct sensor_config {
	__u64 page_offset; /* address of pfn 0 in the direct map */
	__u64 direct_map_end; /* first address behind the direct map */
	__u64 vmemmap; /* address of pfn 0's struct page */
	__u64 init_pgd; /* address of the kernel's top-level page table */
	__u64 entry_mask; /* the physical address bits of a page-table entry */
	__u64 flush_ceiling; /* bytes: a longer range is flushed as a whole */
	__u64 gmem_iops; /* address of kvm_gmem_iops, 0: kvm not loaded */
	__u64 secretmem_iops; /* address of secretmem_iops, 0: none */
	__u32 five_levels; /* 1: the CPU walks five levels */
	__u32 page_size; /* bytes of a struct page */
	__u32 have_rdonly_cast; /* 1: bpf_rdonly_cast exists (a035154da45d, 6.2) */
	__u32 page_free; /* 1: keep the bitmap that the page-free sensors read */
	__u32 release_chunks; /* chunks that hold anything: a release snapshot reads so many at most */
	__u32 own_tgid; /* the process that owns the sensors: its flushes are not recorded */
	__u32 gmem_described; /* 1: BTF has guest_memfd's routines, so also its types */
	__u32 zap_by_address; /* 1: set_direct_map_* take an address, not a struct page * */
};

/*
 * A zap that waits for its flush, or a flush that has begun. In an array by
 * tid: a lookup costs a third of task storage's (measured in the lab), and a
 * global array half of a map's.
 */
struct begin_slot {
	__u64 task; /* struct task_struct * of the owner */
	__u64 ids; /* its bpf_get_current_pid_tgid() */
	__u64 page; /* struct page * */
	__u64 inode;
	__u64 i_ino;
	__u64 pgoff;
	__u64 zap_end;
	__u64 flush_begin; /* 0: no flush open */
	__u64 flush_task; /* struct task_struct * of whoever began it */
	__u32 nr;
	__s32 result;
	__u64 pending; /* enum record_zap_routine of the zap that waits here, 0: none */
};

#define SLOTS_NR 32768U /* begin-state slots; a power of two */

/* Addresses from kallsyms, read by the facts program. 0: not there. */
struct facts_args {
	__u64 page_offset_base;
	__u64 vmemmap_base;
	__u64 pgdir_shift;
	__u64 sme_me_mask;
	__u64 flush_ceiling;
	__u64 init_mm;
	__u64 max_pfn;
	/* Results: the values behind them. */
	__u64 page_offset;
	__u64 vmemmap;
	__u64 pgdir_shift_value;
	__u64 sme_mask;
	__u64 flush_ceiling_pages;
	__u64 init_pgd;
	__u64 max_pfn_value;
	__s64 result;
};

/* Reads chunks of one inode into the ring. */
struct snapshot_args {
	__u64 inode; /* struct inode * */
	__u64 i_ino; /* of the inode meant: another one at the address is -ESTALE */
	__u64 pgoff_first;
	__u64 pgoff_nr; /* pages, at most RECORD_SNAPSHOT_CHUNK */
	__u64 snapshot;
	__u32 pass;
	__u32 provider; /* of the inode meant: one being torn down reads as another */
	__s64 result; /* 0 or -errno */
};

/* What an inode shows of itself. */
struct identify_args {
	__u64 inode; /* struct inode * */
	__u64 i_ino;
	__u64 pages;
	__u64 flags;
	__u64 xarray; /* address of direct_map_state, 0: none */
	__u64 i_pages; /* address of the page cache's xarray */
	__u32 provider;
	__u32 default_state;
	__u32 pristine; /* 1: no page has joined yet, and nothing deviates */
	__s32 result; /* 0 or -errno */
};

struct position_args {
	__u64 produced; /* ring position of the producers, bytes */
	__u64 zaps; /* the same of the zap ring, entries */
	__u64 time;
};

/*
 * The zap ring. Zaps with their flush are by far the most records, and reserve
 * and submit of a BPF ring buffer cost 115 instructions of the 950 that one may
 * (make bench); an atomic add on a counter and a store cost 25. Producers
 * take an entry by adding to `head`; an entry is whole when its sequence is its
 * index + 1. User space maps both maps, reads in order and moves `tail`.
 */
#define ZAP_RING_ENTRIES (1U << 17)
/* Producers look at `tail` first and take an entry then: this many may be between the two. */
#define ZAP_RING_MARGIN 4096U

struct zap_ring_entry {
	__u64 sequence;
	struct record_zap record;
};

struct zap_ring_ends {
	__u64 head;
	__u64 unused[7]; /* producers and reader on lines of their own */
	__u64 tail;
	__u64 armed; /* 0: sensors are silent, as not all of them are hooked yet */
	__u64 unused2[6];
};

struct walk_args {
	__u64 pfn;
	__s64 state; /* enum walk_state */
};

enum walk_state {
	WALK_ABSENT = 0,
	WALK_PRESENT = 1,
	WALK_UNKNOWN = 2,
};

/* Writes the zaps that wait longer than this for a flush. */
struct sweep_args {
	__u64 age; /* ns */
};

/* Who lost how many records. Key of the map `losses`; inode 0: unknown. */
struct loss_key {
	__u64 inode; /* struct inode * */
	__u64 i_ino;
	__u32 cause; /* enum record_loss_cause */
	__u32 reserved;
};

#endif
